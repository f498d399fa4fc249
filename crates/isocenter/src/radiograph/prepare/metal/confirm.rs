//! The second decision about metal, once the pose is known: what the CT shows too is bone.

use super::filters::{largest, means, opened};
use super::{RADIUS, SEAM};
use crate::radiograph::{Image, Mask};

/// Bone explains a suspect where it accounts for this part of the suspect's excess.
const EXPLAINED: f32 = 0.5;
/// Points of the curve from DRR to X-ray.
const CURVE_POINTS: usize = 32;
/// The fewest pixels outside of suspects from which the curve is taken.
const FEWEST_PIXELS: usize = 16 * CURVE_POINTS;

/// Why suspects cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmError {
    /// Images and masks differ in size.
    #[error(
        "{name} has {} x {} pixels, the X-ray {} x {}: use images of one camera",
        .found[0], .found[1], .expected[0], .expected[1]
    )]
    Size {
        /// What differs from the X-ray.
        name: &'static str,
        /// Its columns and rows.
        found: [usize; 2],
        /// The X-ray's.
        expected: [usize; 2],
    },
    /// Too little of the image is free of suspects.
    #[error(
        "{found} pixels outside of the suspected metal can be compared, at least {FEWEST_PIXELS} are needed"
    )]
    TooFewPixels {
        /// Their number.
        found: usize,
    },
}

/// The suspected metal that is alien to the CT: what remains of [`metal`](super::metal()) where the
/// DRR at the X-ray's pose does not explain it.
///
/// A monotone curve takes the DRR to the X-ray's gray values. It is fitted outside of the suspects, so
/// the X-ray may hold line integrals or ranks. A suspect stays where the curved DRR exceeds its
/// surroundings by less than half as much as the X-ray, noise aside. Means over the width of a screw
/// decide, so a pose that is wrong by a fraction of that suffices.
///
/// # Units
/// `xray`: gray values that rise with attenuation, as
/// [`PreparedXray::line_integral`](super::super::PreparedXray::line_integral). `drr`: line integrals of
/// the CT for the same camera. `counts`: the pixels that can be compared, suspects included
/// ([`PreparedXray::measured`](super::super::PreparedXray::measured)); where the CT is masked, those near
/// the structure's shadow.
///
/// # Errors
/// If sizes differ, or too few pixels outside of the suspects can be compared.
pub fn confirmed(
    suspects: &Mask,
    xray: &Image,
    drr: &Image,
    counts: &Mask,
) -> Result<Mask, ConfirmError> {
    let size_px = xray.size_px();
    let sizes = [
        ("the mask of suspects", suspects.size_px()),
        ("the DRR", drr.size_px()),
        ("the mask of pixels that count", counts.size_px()),
    ];
    if let Some((name, found)) = sizes.into_iter().find(|(_, size)| *size != size_px) {
        return Err(ConfirmError::Size { name, found, expected: size_px });
    }
    let curve = Curve::fit(drr, xray, &counts.and(&suspects.inverted()))?;
    let expected = drr.clone().map(|value| curve.at(value));
    let longer = size_px[0].max(size_px[1]) as f64;
    let radius = (RADIUS * longer).ceil().max(2.0) as usize;
    let within = suspects.and(counts);
    let excess = |image: &Image| -> Vec<f32> {
        let smooth = means(image.pixels(), counts, size_px, 1);
        let opened = opened(&smooth, counts, size_px, radius);
        smooth.iter().zip(&opened).map(|(v, o)| (v - o).max(0.0)).collect()
    };
    let (seen, explained) = (excess(xray), excess(&expected));
    // The opening removes noise too, of which the DRR has none.
    let free = counts.and(&suspects.inverted());
    let noise = median((0..seen.len()).filter(|&at| free.used()[at]).map(|at| seen[at]));
    let about = |excess: &[f32]| means(excess, &within, size_px, radius);
    // A pose that is nearly right shows the bone beside the suspect.
    let beside = (SEAM * longer).ceil() as usize;
    let (seen, explained) = (about(&seen), about(&largest(&explained, size_px, beside)));
    let is_alien =
        |at: usize| suspects.used()[at] && explained[at] < EXPLAINED * (seen[at] - noise);
    Ok(Mask { size_px, used: (0..seen.len()).map(is_alien).collect() })
}

/// The median; zero of nothing.
fn median(values: impl Iterator<Item = f32>) -> f32 {
    let values: Vec<f32> = values.collect();
    Image::new([values.len(), 1], values).map_or(0.0, |image| image.quantile(0.5))
}

/// A monotone curve through points.
struct Curve {
    points: Vec<[f32; 2]>,
}

impl Curve {
    /// The curve that takes one image to another: means over parts of equal size, never falling.
    fn fit(from: &Image, to: &Image, counts: &Mask) -> Result<Self, ConfirmError> {
        let mut pairs: Vec<[f32; 2]> = from
            .pixels()
            .iter()
            .zip(to.pixels())
            .zip(counts.used())
            .filter_map(|((&from, &to), &used)| used.then_some([from, to]))
            .collect();
        if pairs.len() < FEWEST_PIXELS {
            return Err(ConfirmError::TooFewPixels { found: pairs.len() });
        }
        pairs.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
        let mut points: Vec<[f32; 2]> = Vec::new();
        for part in pairs.chunks(pairs.len().div_ceil(CURVE_POINTS)) {
            let mean = |axis: usize| {
                let sum: f64 = part.iter().map(|pair| f64::from(pair[axis])).sum();
                (sum / part.len() as f64) as f32
            };
            let last = points.last().map_or(f32::NEG_INFINITY, |last| last[1]);
            points.push([mean(0), mean(1).max(last)]);
        }
        Ok(Self { points })
    }

    /// The curve at a value; straight on beyond its ends, as steep as its last quarter.
    fn at(&self, value: f32) -> f32 {
        let number = self.points.len();
        let next = self.points.partition_point(|point| point[0] <= value);
        let (a, b) = match next {
            0 => (0, number / 4),
            next if next == number => (number - 1 - number / 4, number - 1),
            next => (next - 1, next),
        };
        let ([x0, y0], [x1, y1]) = (self.points[a], self.points[b]);
        let slope = if x1 > x0 { (y1 - y0) / (x1 - x0) } else { 0.0 };
        let [x, y] = self.points[if next == number { b } else { a }];
        y + slope * (value - x)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: simulated tools stay metal and bones that were suspected do not, in line integrals and in
    //! ranks, also at a pose that is wrong by two millimeters; sizes must fit.
    use super::*;
    use crate::geometry::{Camera, View};
    use crate::project::Projector;
    use crate::radiograph::prepare::{PrepareConfig, prepare};
    use crate::radiograph::simulation::{
        BeamHardeningConfig, MaterialVolumes, SimulationConfig, simulate,
    };
    use crate::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
    use nalgebra::Vector3;

    #[test]
    fn tools_stay_and_bones_do_not() {
        let ct = Phantom::generate(&PhantomConfig { spacing_mm: 3.0, ..PhantomConfig::default() });
        let ct = ct.unwrap().ct;
        let camera = Camera::new(1020.0, [0.8, 0.8], [384, 384]).unwrap();
        let pose = View::AP.camera_from_world(Vector3::zeros(), 700.0);
        let shifted = View::AP.camera_from_world(Vector3::new(1.5, 0.0, 1.5), 700.0);
        let hardening = BeamHardeningConfig::default();
        let map = AttenuationMap::default();
        let drr = Projector::new(AttenuationVolume::from_hounsfield(ct.clone(), &map).unwrap());
        let volumes = MaterialVolumes::from_hounsfield(ct, &map, Some(&hardening)).unwrap();
        let render = |v: &_| Projector::new(Clone::clone(v)).forward(&camera, &pose);
        let images = volumes.render(render).unwrap();
        let bones = images.bone.clone().unwrap();
        let size = camera.size_px();
        for (display, off) in [(true, &pose), (false, &pose), (true, &shifted)] {
            let (mut steel, mut bone) = ([0, 0], [0, 0]);
            for seed in 0..6 {
                let hard = SimulationConfig::hard();
                let shown = hard.display.clone().filter(|_| display);
                let hard = SimulationConfig { display: shown, ..hard };
                let xray = simulate(&images, &camera, 700.0, &hard, seed).unwrap();
                let config = PrepareConfig { metal: false, ..PrepareConfig::default() };
                let prepared = prepare(&xray.image, xray.values, xray.full_scale, &config).unwrap();
                let is_steel = |at: usize| {
                    let ray =
                        camera.ray_direction((at % size[0]) as f64, (at / size[0]) as f64).into();
                    let mut parts = xray.drawn.tools.iter().flat_map(|tool| &tool.cylinders);
                    parts.any(|cylinder| cylinder.chord_mm(ray) > 0.0)
                };
                let used = (0..size[0] * size[1]).map(is_steel).collect();
                let tools = Mask::new(size, used).unwrap();
                // Suspects: the tools, and the densest bone away from them.
                let dense = bones.quantile(0.97);
                let used = bones.pixels().iter().map(|&bone| bone > dense).collect();
                let near = tools.dilated(2 * 11);
                let dense = Mask::new(size, used).unwrap().and(&near.inverted());
                let either = tools.used().iter().zip(dense.used()).map(|(a, b)| *a || *b);
                let suspects = Mask::new(size, either.collect()).unwrap();
                let counts = prepared.measured();
                let expected = drr.forward(&camera, off).unwrap();
                let stay = confirmed(&suspects, &prepared.line_integral, &expected, &counts);
                let stay = stay.unwrap();
                for (rate, mask) in [(&mut steel, &tools), (&mut bone, &dense)] {
                    rate[0] += stay.and(mask).and(&counts).count();
                    rate[1] += mask.and(&counts).count();
                }
            }
            let share = |[part, all]: [usize; 2]| part as f64 / all as f64;
            assert!(share(steel) > 0.8, "steel {:.3}, display {display}", share(steel));
            assert!(share(bone) < 0.15, "bone {:.3}, display {display}", share(bone));
        }
    }

    #[test]
    fn sizes_must_fit() {
        let (image, mask) = (Image::zeros([40, 40]), Mask::all([40, 40]));
        let other = Image::zeros([40, 41]);
        let error = confirmed(&mask, &image, &other, &mask).unwrap_err().to_string();
        assert!(error.contains("the DRR has 40 x 41") && error.contains("40 x 40"), "{error}");
        let all = confirmed(&mask, &image, &image, &mask);
        assert_eq!(all, Err(ConfirmError::TooFewPixels { found: 0 }));
    }

    #[test]
    fn curves_are_followed_and_continued() {
        let from = Image::new([100, 100], (0..10_000).map(|n| n as f32 / 1000.0).collect());
        let from = from.unwrap();
        let to = from.clone().map(|x| 3.0 * x + 1.0);
        let curve = Curve::fit(&from, &to, &Mask::all([100, 100])).unwrap();
        for x in [-2.0, 0.1, 5.0, 9.9, 14.0] {
            assert!((curve.at(x) - (3.0 * x + 1.0)).abs() < 1e-3, "{x}: {}", curve.at(x));
        }
    }
}
