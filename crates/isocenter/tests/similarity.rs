//! Proves, for every measure: the value is that of a naive f64 computation; gain and offset do not
//! matter; the pixel gradient is that of finite differences; the pose gradient is the pixel
//! gradient times the Jacobian; the curvature is that of an explicit residual Jacobian, positive
//! semidefinite; masked pixels and the number of threads change no bit; a constant moving image is
//! zero, a NaN is an error that names the pixel, and so is every bad input.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use isocenter::project::JetImage;
use isocenter::radiograph::{Image, Mask};
use isocenter::similarity::{
    GradientNcc, Ncc, PatchNcc, PatchNccConfig, Similarity, SimilarityError, WeightedSum,
};
use nalgebra::{DMatrix, DVector, Vector6};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The measures under test, and one that mixes them.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Ncc,
    Gradient,
    Patch,
    Mixed,
}

const ALL: [Kind; 4] = [Kind::Ncc, Kind::Gradient, Kind::Patch, Kind::Mixed];

/// A large epsilon, so that its derivative matters.
const EPSILON: f64 = 0.05;

fn patch_config() -> PatchNccConfig {
    PatchNccConfig { whole_image: true, sides_px: vec![8, 16], epsilon: EPSILON }
}

impl Kind {
    fn measure(
        self,
        fixed: &Image,
        mask: Option<&Mask>,
    ) -> Result<Box<dyn Similarity>, SimilarityError> {
        Ok(match self {
            Self::Ncc => Box::new(Ncc::new(fixed, mask)?),
            Self::Gradient => Box::new(GradientNcc::new(fixed, mask)?),
            Self::Patch => Box::new(PatchNcc::new(fixed, mask, &patch_config())?),
            Self::Mixed => Box::new(WeightedSum::new(vec![
                (0.5, Self::Ncc.measure(fixed, mask)?),
                (2.0, Self::Gradient.measure(fixed, mask)?),
                (1.5, Self::Patch.measure(fixed, mask)?),
            ])?),
        })
    }
}

/// A scene: a fixed image, a moving one that resembles it, its Jacobian, a mask.
struct Scene {
    fixed: Image,
    jet: JetImage,
    mask: Mask,
}

fn scene(size_px: [usize; 2], seed: u64) -> Scene {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let [columns, rows] = size_px;
    let at = |p: usize| ((p % columns) as f32, (p / columns) as f32);
    let n = columns * rows;
    let fixed: Vec<f32> = (0..n)
        .map(|p| {
            let (u, v) = at(p);
            3.0 + (0.3 * u).sin() + (0.2 * v + 0.1 * u).cos() + 0.3 * rng.random::<f32>()
        })
        .collect();
    let moving: Vec<f32> = (0..n)
        .map(|p| {
            let (u, v) = at(p);
            1.0 + 0.4 * fixed[p] + 0.2 * (0.15 * u - 0.3 * v).sin() + 0.2 * rng.random::<f32>()
        })
        .collect();
    // Of the sizes of a real one: radians move an image far more than millimeters do.
    let scale = [8.0, 5.0, 3.0, 0.05, 0.04, 0.01];
    let jacobian =
        (0..n).map(|_| std::array::from_fn(|k| scale[k] * (rng.random::<f32>() - 0.3))).collect();
    // A round field of view with holes in it.
    let used = (0..n)
        .map(|p| {
            let (u, v) = at(p);
            let (x, y) = (2.0 * u / columns as f32 - 1.0, 2.0 * v / rows as f32 - 1.0);
            x * x + y * y < 1.1 && rng.random::<f32>() > 0.02
        })
        .collect();
    Scene {
        fixed: Image::new(size_px, fixed).unwrap(),
        jet: JetImage { image: Image::new(size_px, moving).unwrap(), jacobian },
        mask: Mask::new(size_px, used).unwrap(),
    }
}

/// The masks to try: none, and the scene's.
fn masks(scene: &Scene) -> [Option<&Mask>; 2] {
    [None, Some(&scene.mask)]
}

// The naive reference: a measure is a weighted list of windows, each a list of linear functionals
// of the image and a regularization relative to the variance of another list of functionals.

/// A linear functional of an image: pixels and factors.
type Functional = Vec<(usize, f64)>;

struct Window {
    weight: f64,
    pixels: Vec<Functional>,
}

struct Reference {
    windows: Vec<Window>,
    epsilon: f64,
    everything: Vec<Functional>,
}

fn used_pixels(size_px: [usize; 2], mask: Option<&Mask>) -> Vec<bool> {
    mask.map_or(vec![true; size_px[0] * size_px[1]], |mask| mask.used().to_vec())
}

fn apply(functionals: &[Functional], image: &[f64]) -> DVector<f64> {
    let values = functionals.iter().map(|f| f.iter().map(|(at, factor)| factor * image[*at]).sum());
    DVector::from_iterator(functionals.len(), values)
}

fn centered(values: &DVector<f64>) -> DVector<f64> {
    values.add_scalar(-values.mean())
}

fn variance(values: &DVector<f64>) -> f64 {
    centered(values).norm_squared() / values.len() as f64
}

fn to_f64(image: &Image) -> Vec<f64> {
    image.pixels().iter().map(|&p| f64::from(p)).collect()
}

impl Reference {
    fn new(kind: Kind, fixed: &Image, mask: Option<&Mask>) -> Self {
        let [columns, rows] = fixed.size_px();
        let used = used_pixels([columns, rows], mask);
        let everything: Vec<Functional> =
            (0..used.len()).filter(|&p| used[p]).map(|p| vec![(p, 1.0)]).collect();
        match kind {
            Kind::Ncc => Self {
                windows: vec![Window { weight: 1.0, pixels: everything.clone() }],
                epsilon: 0.0,
                everything,
            },
            Kind::Gradient => {
                let windows = [false, true].map(|along_rows| {
                    let pixels = scharr(columns, rows, &used, along_rows);
                    Window { weight: 0.5, pixels }
                });
                Self { windows: windows.into(), epsilon: 0.0, everything }
            }
            Kind::Patch => {
                let f = to_f64(fixed);
                let epsilon = EPSILON * variance(&apply(&everything, &f));
                let scales = [None, Some(8), Some(16)].map(|side| {
                    let mut patches = patches([columns, rows], &used, side);
                    let fullest = patches.iter().map(Vec::len).max().unwrap();
                    patches.retain(|patch| 2 * patch.len() >= fullest);
                    let weights: Vec<f64> = patches
                        .iter()
                        .map(|patch| variance(&apply(patch, &f)))
                        .map(|v| v / (v + epsilon))
                        .collect();
                    let total: f64 = weights.iter().sum();
                    let windows = patches.into_iter().zip(weights);
                    windows.map(move |(pixels, w)| Window { weight: w / total / 3.0, pixels })
                });
                let windows = scales.into_iter().flatten().collect();
                Self { windows, epsilon: EPSILON, everything }
            }
            Kind::Mixed => unreachable!("the mixture is compared with its parts"),
        }
    }

    fn value(&self, fixed: &Image, moving: &Image) -> f64 {
        let (f, m) = (to_f64(fixed), to_f64(moving));
        let fixed_epsilon = self.epsilon * variance(&apply(&self.everything, &f));
        let moving_epsilon = self.epsilon * variance(&apply(&self.everything, &m));
        let windows = self.windows.iter().map(|window| {
            let (f, m) = (apply(&window.pixels, &f), apply(&window.pixels, &m));
            let covariance = centered(&f).dot(&centered(&m)) / f.len() as f64;
            let covariance = covariance + (fixed_epsilon * moving_epsilon).sqrt();
            let squares = (variance(&f) + fixed_epsilon) * (variance(&m) + moving_epsilon);
            window.weight * covariance / squares.sqrt()
        });
        windows.sum()
    }

    /// The sum over windows of `dr^T dr`, where r is the moving image's unit vector, row by row.
    fn curvature(&self, jet: &JetImage) -> DMatrix<f64> {
        let m = to_f64(&jet.image);
        let columns: Vec<Vec<f64>> =
            (0..6).map(|k| jet.jacobian.iter().map(|j| f64::from(j[k])).collect()).collect();
        // The variance of a list of functionals and its derivatives.
        let variance_slope = |functionals: &[Functional]| {
            let m = centered(&apply(functionals, &m));
            let slope: Vec<f64> = columns
                .iter()
                .map(|column| 2.0 * m.dot(&centered(&apply(functionals, column))) / m.len() as f64)
                .collect();
            (m.norm_squared() / m.len() as f64, slope)
        };
        let (whole_variance, whole_slope) = variance_slope(&self.everything);
        let mut curvature = DMatrix::zeros(6, 6);
        for window in &self.windows {
            let n = window.pixels.len() as f64;
            let m = centered(&apply(&window.pixels, &m));
            let (variance, slope) = variance_slope(&window.pixels);
            let epsilon = self.epsilon * whole_variance;
            let s2 = variance + epsilon;
            let vector = (&m / n.sqrt()).push(epsilon.sqrt());
            let residual_columns: Vec<DVector<f64>> = (0..6)
                .map(|k| {
                    let epsilon_slope = self.epsilon * whole_slope[k];
                    let root_slope =
                        if epsilon > 0.0 { 0.5 * epsilon_slope / epsilon.sqrt() } else { 0.0 };
                    let j = centered(&apply(&window.pixels, &columns[k])) / n.sqrt();
                    let s2_slope = slope[k] + epsilon_slope;
                    j.push(root_slope) / s2.sqrt() - &vector * (0.5 * s2_slope / s2.powf(1.5))
                })
                .collect();
            let residual_jacobian = DMatrix::from_columns(&residual_columns);
            curvature += residual_jacobian.transpose() * &residual_jacobian * window.weight;
        }
        curvature
    }
}

fn scharr(columns: usize, rows: usize, used: &[bool], along_rows: bool) -> Vec<Functional> {
    const KERNEL: [[f64; 3]; 3] = [[-3.0, 0.0, 3.0], [-10.0, 0.0, 10.0], [-3.0, 0.0, 3.0]];
    let mut functionals = Vec::new();
    for row in 1..rows - 1 {
        for column in 1..columns - 1 {
            let stencil: Functional = (0..9)
                .map(|k| (k % 3, k / 3))
                .map(|(i, j)| {
                    let factor = if along_rows { KERNEL[i][j] } else { KERNEL[j][i] };
                    ((row + j - 1) * columns + column + i - 1, factor / 32.0)
                })
                .collect();
            if stencil.iter().all(|(at, _)| used[*at]) {
                functionals.push(stencil);
            }
        }
    }
    functionals
}

/// Squares that overlap by half, of the pixels that count; `None` is the whole image.
fn patches(size_px: [usize; 2], used: &[bool], side: Option<usize>) -> Vec<Vec<Functional>> {
    let starts = |n: usize| -> Vec<usize> {
        let Some(side) = side else { return vec![0] };
        (0..n).step_by(side / 2).filter(|&s| s == 0 || s + side / 2 < n).collect()
    };
    let side = side.unwrap_or(usize::MAX);
    let mut patches = Vec::new();
    for top in starts(size_px[1]) {
        for left in starts(size_px[0]) {
            let inside = |p: &usize| {
                let (u, v) = (p % size_px[0], p / size_px[0]);
                u >= left && u - left < side && v >= top && v - top < side
            };
            let pixels = (0..used.len()).filter(|p| used[*p]).filter(inside);
            patches.push(pixels.map(|p| vec![(p, 1.0)]).collect());
        }
    }
    patches
}

#[test]
fn values_are_those_of_the_naive_reference() {
    // 29 x 37 leaves cut patches on both borders.
    for (size_px, seed) in [([29, 37], 1), ([48, 32], 2)] {
        let s = scene(size_px, seed);
        for mask in masks(&s) {
            for kind in [Kind::Ncc, Kind::Gradient, Kind::Patch] {
                let measure = kind.measure(&s.fixed, mask).unwrap();
                let reference = Reference::new(kind, &s.fixed, mask);
                let value = measure.value(&s.jet.image).unwrap();
                let naive = reference.value(&s.fixed, &s.jet.image);
                // Both are sums of some 1000 terms in f64.
                assert!((value - naive).abs() < 1e-12, "{kind:?}: {value} {naive}");
                assert!(value > 0.1 && value < 0.99, "{kind:?}: {value} is a dull test");
            }
        }
    }
}

#[test]
fn gain_and_offset_do_not_matter() {
    let s = scene([40, 33], 3);
    for mask in masks(&s) {
        for kind in ALL {
            let measure = kind.measure(&s.fixed, mask).unwrap();
            let value = measure.value(&s.jet.image).unwrap();
            // Powers of two are exact in f32; the offset rounds by 2^-24 of 16.
            let scaled = s.jet.image.clone().map(|p| 0.25 * p);
            assert!((measure.value(&scaled).unwrap() - value).abs() < 1e-13);
            let shifted = s.jet.image.clone().map(|p| 4.0 * p + 8.0);
            assert!((measure.value(&shifted).unwrap() - value).abs() < 1e-6, "{kind:?}");
            let brighter = kind.measure(&s.fixed.clone().map(|p| 8.0 * p), mask).unwrap();
            assert!((brighter.value(&s.jet.image).unwrap() - value).abs() < 1e-13);
        }
    }
}

#[test]
fn the_same_image_is_the_best() {
    let s = scene([40, 33], 4);
    for mask in masks(&s) {
        for kind in ALL {
            let measure = kind.measure(&s.fixed, mask).unwrap();
            let (value, gradient) = measure.gradient(&s.fixed).unwrap();
            assert!((value - 1.0).abs() < 1e-12);
            let elsewhere = measure.gradient(&s.jet.image).unwrap().1;
            assert!(largest(&gradient) < 1e-9 * largest(&elsewhere), "{kind:?}");
            let negative = measure.value(&s.fixed.clone().map(|p| 2.0 - p)).unwrap();
            match kind {
                Kind::Ncc | Kind::Gradient => assert!((negative + 1.0).abs() < 1e-6),
                Kind::Patch | Kind::Mixed => assert!(negative < -0.5),
            }
            for seed in 0..10 {
                let other = measure.value(&scene([40, 33], 100 + seed).jet.image).unwrap();
                assert!((-1.0..1.0).contains(&other));
            }
        }
    }
}

fn largest(image: &Image) -> f32 {
    image.pixels().iter().fold(0.0, |largest, p| largest.max(p.abs()))
}

#[test]
fn pixel_gradients_are_those_of_finite_differences() {
    let s = scene([21, 26], 5);
    for mask in masks(&s) {
        for kind in ALL {
            let measure = kind.measure(&s.fixed, mask).unwrap();
            let (value, gradient) = measure.gradient(&s.jet.image).unwrap();
            assert_eq!(value.to_bits(), measure.value(&s.jet.image).unwrap().to_bits());
            let largest = largest(&gradient);
            assert!(largest > 0.0);
            for p in 0..gradient.pixels().len() {
                let mut moved = s.jet.image.clone();
                let at = moved.pixels()[p];
                let mut at_step = |step: f32| {
                    moved.pixels_mut()[p] = at + step;
                    (f64::from(moved.pixels()[p]), measure.value(&moved).unwrap())
                };
                let ((p1, v1), (p2, v2)) = (at_step(1.0 / 128.0), at_step(-1.0 / 128.0));
                let finite = (v1 - v2) / (p1 - p2);
                let found = f64::from(gradient.pixels()[p]);
                // The step's square is 6e-5; f32 rounds the gradient by 6e-8.
                assert!(
                    (finite - found).abs() < 2e-4 * f64::from(largest),
                    "{kind:?} at {p}: {finite} {found}"
                );
            }
        }
    }
}

#[test]
fn pose_gradients_are_contractions_of_pixel_gradients() {
    let s = scene([29, 37], 6);
    for mask in masks(&s) {
        for kind in ALL {
            let measure = kind.measure(&s.fixed, mask).unwrap();
            let model = measure.gauss_newton(&s.jet).unwrap();
            let (value, gradient) = measure.gradient(&s.jet.image).unwrap();
            assert!((model.value - value).abs() < 1e-14);
            let mut contraction = Vector6::zeros();
            let mut magnitude = Vector6::zeros();
            for (&g, j) in gradient.pixels().iter().zip(&s.jet.jacobian) {
                let part = f64::from(g) * Vector6::from(j.map(f64::from));
                contraction += part;
                magnitude += part.abs();
            }
            let error = (model.gradient - contraction).component_div(&magnitude).amax();
            // The pixel gradient is rounded to f32, 6e-8; nothing else is.
            assert!(error < 6e-8, "{kind:?}: {error}");
        }
    }
}

#[test]
fn curvatures_are_those_of_the_residuals() {
    for (size_px, seed) in [([29, 37], 7), ([48, 32], 8)] {
        let s = scene(size_px, seed);
        for mask in masks(&s) {
            for kind in [Kind::Ncc, Kind::Gradient, Kind::Patch] {
                let model = kind.measure(&s.fixed, mask).unwrap().gauss_newton(&s.jet).unwrap();
                let naive = Reference::new(kind, &s.fixed, mask).curvature(&s.jet);
                for row in 0..6 {
                    for column in 0..6 {
                        let (found, expected) =
                            (model.curvature[(row, column)], naive[(row, column)]);
                        let scale = (naive[(row, row)] * naive[(column, column)]).sqrt();
                        assert!((found - expected).abs() < 1e-11 * scale, "{kind:?}");
                    }
                }
                assert_eq!(model.curvature, model.curvature.transpose());
                assert!(model.curvature.symmetric_eigenvalues().min() > 0.0);
            }
        }
    }
}

#[test]
fn a_direction_that_changes_only_the_gain_has_no_curvature() {
    // J = (m, 1, ...): the measures do not see gain and offset, so neither must the curvature.
    let mut s = scene([32, 32], 9);
    for (j, &m) in s.jet.jacobian.iter_mut().zip(s.jet.image.pixels()) {
        (j[0], j[1]) = (m, 1.0);
    }
    for kind in ALL {
        let model = kind.measure(&s.fixed, None).unwrap().gauss_newton(&s.jet).unwrap();
        assert!(model.gradient.fixed_rows::<2>(0).amax() < 1e-12, "{kind:?}");
        assert!(model.curvature.fixed_view::<2, 6>(0, 0).amax() < 1e-9, "{kind:?}");
        assert!(model.curvature.symmetric_eigenvalues().min() > -1e-9);
    }
}

#[test]
fn masked_pixels_change_no_bit() {
    let s = scene([37, 31], 10);
    for kind in ALL {
        let measure = kind.measure(&s.fixed, Some(&s.mask)).unwrap();
        let (mut fixed, mut jet) = (s.fixed.clone(), s.jet.clone());
        for p in (0..fixed.pixels().len()).filter(|&p| !s.mask.used()[p]) {
            fixed.pixels_mut()[p] = f32::NAN;
            jet.image.pixels_mut()[p] = f32::INFINITY;
            jet.jacobian[p] = [f32::NAN; 6];
        }
        let changed = kind.measure(&fixed, Some(&s.mask)).unwrap();
        assert_eq!(measure.value(&s.jet.image), changed.value(&jet.image));
        let gradient = measure.gradient(&s.jet.image).unwrap();
        assert_eq!(gradient, changed.gradient(&jet.image).unwrap());
        let outside = gradient.1.pixels().iter().zip(s.mask.used()).filter(|(_, used)| !**used);
        assert!(outside.map(|(slope, _)| *slope).all(|slope| slope == 0.0));
        assert_eq!(measure.gauss_newton(&s.jet), changed.gauss_newton(&jet));
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    // Large enough to be cut into tasks.
    let s = scene([192, 160], 11);
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut found = Vec::new();
            for mask in masks(&s) {
                for kind in ALL {
                    let measure = kind.measure(&s.fixed, mask).unwrap();
                    found.push((
                        measure.value(&s.jet.image).unwrap(),
                        measure.gradient(&s.jet.image).unwrap(),
                        measure.gauss_newton(&s.jet).unwrap(),
                    ));
                }
            }
            found
        })
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(5));
}

#[test]
fn a_constant_moving_image_is_zero() {
    let s = scene([32, 40], 12);
    for constant in [0.0, 0.1, -1234.5] {
        let image = s.jet.image.clone().map(|_| constant);
        let jet = JetImage { image: image.clone(), jacobian: s.jet.jacobian.clone() };
        for kind in ALL {
            let measure = kind.measure(&s.fixed, Some(&s.mask)).unwrap();
            let model = measure.gauss_newton(&jet).unwrap();
            assert_eq!((model.value, model.gradient.amax()), (0.0, 0.0));
            assert_eq!(model.curvature.amax(), 0.0);
            let (value, gradient) = measure.gradient(&image).unwrap();
            assert_eq!((value, gradient), (0.0, Image::zeros([32, 40])));
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let s = scene([32, 40], 13);
    for kind in ALL {
        let measure = kind.measure(&s.fixed, None).unwrap();
        // Beside the border too, where a stencil only reaches.
        for (column, row) in [(0, 0), (31, 39), (17, 20)] {
            let at = row * 32 + column;
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut jet = s.jet.clone();
                jet.image.pixels_mut()[at] = bad;
                let named = |e: SimilarityError| matches!(e, SimilarityError::MovingNotFinite { column: c, row: r, .. } if (c, r) == (column, row));
                assert!(named(measure.value(&jet.image).unwrap_err()), "{kind:?}");
                assert!(named(measure.gradient(&jet.image).unwrap_err()));
                assert!(named(measure.gauss_newton(&jet).unwrap_err()));
                let mut jet = s.jet.clone();
                jet.jacobian[at][4] = bad;
                assert!(
                    matches!(measure.gauss_newton(&jet).unwrap_err(), SimilarityError::JacobianNotFinite { column: c, row: r, .. } if (c, r) == (column, row))
                );
                let mut fixed = s.fixed.clone();
                fixed.pixels_mut()[at] = bad;
                assert!(
                    matches!(kind.measure(&fixed, None).err().unwrap(), SimilarityError::FixedNotFinite { column: c, row: r, .. } if (c, r) == (column, row))
                );
            }
        }
    }
}

#[test]
fn bad_inputs_are_refused() {
    let s = scene([32, 40], 14);
    for kind in ALL {
        let measure = kind.measure(&s.fixed, None).unwrap();
        let turned = Image::zeros([40, 32]);
        let size = SimilarityError::MovingSize { found: [40, 32], expected: [32, 40] };
        assert_eq!(measure.value(&turned).unwrap_err(), size);
        assert_eq!(measure.gradient(&turned).unwrap_err(), size);
        let mut jet = s.jet.clone();
        jet.jacobian.pop();
        assert_eq!(
            measure.gauss_newton(&jet).unwrap_err(),
            SimilarityError::JacobianLength { found: 1279, expected: 1280 }
        );
        let error = |fixed: &Image, mask: Option<&Mask>| kind.measure(fixed, mask).err().unwrap();
        assert_eq!(
            error(&s.fixed, Some(&Mask::all([40, 32]))),
            SimilarityError::MaskSize { found: [40, 32], expected: [32, 40] }
        );
        let nothing = Mask::new([32, 40], vec![false; 1280]).unwrap();
        assert_eq!(
            error(&s.fixed, Some(&nothing)),
            SimilarityError::TooFewPixels { found: 0, expected: 16 }
        );
        let constant = s.fixed.clone().map(|_| 0.3);
        assert_eq!(error(&constant, None), SimilarityError::ConstantFixed);
    }
    // Enough pixels, but no stencil that is whole.
    let stripes = Mask::new([32, 40], (0..1280).map(|p| p % 3 != 0).collect()).unwrap();
    assert!(matches!(
        GradientNcc::new(&s.fixed, Some(&stripes)),
        Err(SimilarityError::TooFewPixels { found: 0, .. })
    ));
}

#[test]
fn stripes_are_compared_along_the_one_axis_they_have() {
    let stripes = |shift: f32| {
        let pixel = |p: usize| ((p % 32) as f32 * 0.5 + shift).sin();
        Image::new([32, 24], (0..768).map(pixel).collect()).unwrap()
    };
    let measure = GradientNcc::new(&stripes(0.0), None).unwrap();
    assert!((measure.value(&stripes(0.0)).unwrap() - 1.0).abs() < 1e-12);
    // A sine shifted by half a radian: the correlation is close to cos(1/2) = 0.88.
    assert!((measure.value(&stripes(0.5)).unwrap() - 0.88).abs() < 0.05);
}

#[test]
fn a_mixture_is_its_parts() {
    let s = scene([32, 40], 15);
    let of = |kind: Kind| kind.measure(&s.fixed, None).unwrap().gauss_newton(&s.jet).unwrap();
    let parts = [(0.125, of(Kind::Ncc)), (0.5, of(Kind::Gradient)), (0.375, of(Kind::Patch))];
    let mixed = of(Kind::Mixed);
    let value: f64 = parts.iter().map(|(w, m)| w * m.value).sum();
    assert!((mixed.value - value).abs() < 1e-15);
    let curvature = parts.iter().map(|(w, m)| *w * m.curvature).sum::<nalgebra::Matrix6<f64>>();
    assert!((mixed.curvature - curvature).amax() < 1e-12 * curvature.amax());
}

#[test]
fn newton_steps_find_the_way_back() {
    // m(xi) = f + J xi with a smooth J: from xi, the step curvature^-1 gradient leads to zero up to
    // the square of xi.
    let s = scene([48, 48], 16);
    let jacobian: Vec<[f32; 6]> = (0..48 * 48)
        .map(|p| {
            let (u, v) = ((p % 48) as f32 / 8.0, (p / 48) as f32 / 8.0);
            [u.sin(), v.cos(), (u + v).sin(), (2.0 * u).cos(), (2.0 * v).sin(), (u - v).cos()]
        })
        .collect();
    let xi = Vector6::new(0.01, -0.02, 0.015, 0.01, 0.005, -0.01);
    let mut moving = s.fixed.clone();
    for (m, j) in moving.pixels_mut().iter_mut().zip(&jacobian) {
        *m += Vector6::from(j.map(f64::from)).dot(&xi) as f32;
    }
    let jet = JetImage { image: moving, jacobian };
    for kind in ALL {
        let model = kind.measure(&s.fixed, None).unwrap().gauss_newton(&jet).unwrap();
        let step = model.curvature.cholesky().unwrap().solve(&model.gradient);
        assert!((xi + step).norm() < 0.02 * xi.norm(), "{kind:?}: {}", (xi + step).norm());
    }
}
