//! Normalized cross-correlation of patches, at several scales.
//!
//! Each scale is a set of square patches that overlap by half; a patch at the right and lower
//! border is cut off there. The value is the mean over the scales of the weighted mean over their
//! patches of
//!
//! ```text
//! rho = ( cov(f, m) + sqrt(e_f e_m) ) / sqrt( (v_f + e_f) (v_m + e_m) )
//! e_f = epsilon V_f,   e_m = epsilon V_m
//! ```
//!
//! with V the variance of all pixels that count. The whole image gives the wide basin, small
//! patches the sharp optimum; a bright instrument or a change of exposure across the image
//! disturbs only the patches it touches.
//!
//! **Epsilon** keeps patches where an image is flat from comparing noise. As it goes with the
//! variance of the whole image, gain and offset still do not matter. It stands in the numerator too,
//! so that an image is most like itself: without it a patch would always gain by more contrast, and
//! the optimum would not be where the images agree. The default, 1e-3, is the variance of noise with
//! 3 % of the whole image's standard deviation, about the quantum noise of fluoroscopy.
//!
//! **Weights** are `v_f / (v_f + e_f)`: near 1 for every patch in which the X-ray shows something,
//! however faint beside metal (a weight by variance would let the metal decide), near 0 for flat
//! ones, which are empty, saturated or covered, and would only make the value depend on how much
//! background there is. They depend on the fixed image alone. A patch with less than half the
//! pixels of the fullest one of its scale is left out.
//!
//! # Derivatives
//!
//! As in the [module above](super), and e_m has a derivative: V_m depends on all pixels.
//! A pixel's derivative is the sum over the patches that hold it, all of the form
//! `A f_p + B m_p + C`; patches are made of square cells, half the smallest side wide, so that A, B
//! and C are constant on a cell. The sums over pixels are therefore done once for each cell, not
//! once for each patch and scale.
//!
//! # References
//! Z. Wang et al., IEEE TIP 13(4), 2004, doi:10.1109/TIP.2003.819861 (constants that keep the
//! comparison of flat windows stable, in numerator and denominator)

use std::ops::Range;

use nalgebra::{Matrix6, Vector6};
use serde::{Deserialize, Serialize};

use super::correlation::{Correlation, FixedWindow, Moments, PixelSlope};
use super::fixed::{Fixed, Run, in_tasks, items_per_task, runs};
use super::ncc::first_pixel;
use super::sums::{Centers, JetSums, PixelSums};
use super::{GaussNewtonModel, Similarity, SimilarityError};
use crate::project::JetImage;
use crate::radiograph::{Image, Mask};

/// Far above the rounding of a variance (1e-14 or so of the whole image's), far below any noise.
const MIN_EPSILON: f64 = 1e-9;

/// Which patches [`PatchNcc`] compares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatchNccConfig {
    /// Whether the whole image is one of the scales.
    pub whole_image: bool,
    /// Sides of the square patches, each even, at least 4, and a multiple of the smallest. One that
    /// is at least as long as the image's longer side stands for the whole image.
    pub sides_px: Vec<usize>,
    /// The variance added to a patch's, as a fraction of the whole image's, at least 1e-9.
    pub epsilon: f64,
}

impl Default for PatchNccConfig {
    fn default() -> Self {
        Self { whole_image: true, sides_px: vec![32, 16], epsilon: 1e-3 }
    }
}

impl PatchNccConfig {
    fn check(&self) -> Result<(), SimilarityError> {
        let smallest = self.sides_px.iter().copied().min().unwrap_or(4);
        let fits = |&side: &usize| side >= 4 && side % 2 == 0 && side % smallest == 0;
        if !self.sides_px.iter().all(fits) || (self.sides_px.is_empty() && !self.whole_image) {
            return Err(SimilarityError::PatchSides { found: self.sides_px.clone() });
        }
        if !(self.epsilon.is_finite() && self.epsilon >= MIN_EPSILON) {
            return Err(SimilarityError::Epsilon { found: self.epsilon });
        }
        Ok(())
    }
}

/// Correlation of patches at several scales, between -1 and 1; one for the same image up to gain
/// (above zero) and offset.
///
/// # Examples
/// ```
/// use isocenter::radiograph::Image;
/// use isocenter::similarity::{PatchNcc, PatchNccConfig, Similarity};
/// let fixed = Image::new([64, 64], (0..4096).map(|i| ((i * i) % 31) as f32).collect()).unwrap();
/// let measure = PatchNcc::new(&fixed, None, &PatchNccConfig::default()).unwrap();
/// let brighter = fixed.map(|p| 2.0 * p + 10.0);
/// assert!((measure.value(&brighter).unwrap() - 1.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct PatchNcc {
    fixed: Fixed,
    epsilon: f64,
    center: f64,
    whole_count: f64,
    /// Row by row.
    cells: Vec<Vec<Run>>,
    cells_per_task: usize,
    patches: Vec<Patch>,
}

/// A window made of cells.
#[derive(Debug, Clone)]
struct Patch {
    cells: Vec<Range<usize>>,
    weight: f64,
    window: FixedWindow,
}

/// What a moving image does in all patches.
struct Correlations {
    value: f64,
    /// Of the whole image.
    whole: Moments,
    /// One for each patch.
    patches: Vec<Correlation>,
    /// The derivative with respect to the pixels of each cell.
    slopes: Vec<PixelSlope>,
    centers: Centers,
}

/// What a jet does.
struct JetParts {
    gradient: Vector6<f64>,
    /// The curvature's part in J J^T.
    squares: Matrix6<f64>,
    /// Sums of J and m J in each cell, for the rest of the curvature.
    cells: Vec<[Vector6<f64>; 2]>,
}

impl PatchNcc {
    /// Prepares the fixed image; pixels that a mask excludes are never looked at.
    ///
    /// # Errors
    /// If the sides do not nest or epsilon is below 1e-9, if the mask has another size or leaves
    /// fewer than 16 pixels, or if a pixel that counts is not finite, or if all of them are the
    /// same.
    pub fn new(
        fixed: &Image,
        mask: Option<&Mask>,
        config: &PatchNccConfig,
    ) -> Result<Self, SimilarityError> {
        config.check()?;
        let fixed = Fixed::new(fixed, mask)?;
        let layout = Layout::new(fixed.size_px(), config);
        let cells = layout.cells(&fixed.mask);
        let center = center(&cells, &fixed.image);
        let (f, centers) = (fixed.image.pixels(), Centers { fixed: center, moving: center });
        let cell_sums: Vec<PixelSums> =
            cells.iter().map(|cell| PixelSums::over(cell, f, f, centers)).collect();
        let whole_count = fixed.mask.count() as f64;
        let whole = Moments::new(whole_count, &total(&cell_sums));
        if whole.is_constant(center) {
            return Err(SimilarityError::ConstantFixed);
        }
        let counts: Vec<usize> = cells.iter().map(|cell| cell.iter().map(Run::len).sum()).collect();
        let mut patches = Vec::new();
        for windows in layout.scales() {
            patches.extend(weigh(windows, &counts, &cell_sums, config.epsilon * whole.variance));
        }
        // A scale of which nothing is left does not count.
        let weights: f64 = patches.iter().map(|patch: &Patch| patch.weight).sum();
        if weights <= 0.0 {
            return Err(SimilarityError::ConstantFixed);
        }
        patches.iter_mut().for_each(|patch| patch.weight /= weights);
        let cells_per_task = items_per_task(cells.len(), fixed.mask.count());
        let epsilon = config.epsilon;
        Ok(Self { fixed, epsilon, center, whole_count, cells, cells_per_task, patches })
    }

    /// `None` if the moving image is constant.
    fn correlations(&self, moving: &Image) -> Result<Option<Correlations>, SimilarityError> {
        self.fixed.check_moving(moving)?;
        let centers = Centers { fixed: self.center, moving: center(&self.cells, moving) };
        let (f, m) = (self.fixed.image.pixels(), moving.pixels());
        let cell_sums = in_tasks(&self.cells, self.cells_per_task, |cells| {
            cells.iter().map(|cell| PixelSums::over(cell, f, m, centers)).collect::<Vec<_>>()
        })
        .concat();
        let total = total(&cell_sums);
        if !total.is_finite() {
            self.fixed.explain_moving(moving)?;
        }
        let whole = Moments::new(self.whole_count, &total);
        if whole.is_constant(centers.moving) {
            return Ok(None);
        }
        let mut found = Correlations {
            value: 0.0,
            whole,
            patches: Vec::with_capacity(self.patches.len()),
            slopes: vec![PixelSlope::default(); self.cells.len()],
            centers,
        };
        // The derivative with respect to the logarithm of e_m, of all patches together.
        let mut epsilon_slope = 0.0;
        let moving_epsilon = self.epsilon * whole.variance;
        for patch in &self.patches {
            let mut sums = PixelSums::default();
            patch.cells.iter().for_each(|row| {
                cell_sums[row.clone()].iter().for_each(|cell| sums.add(cell));
            });
            let correlation = Correlation::new(&patch.window, &sums, moving_epsilon);
            found.value += patch.weight * correlation.value;
            let common = (patch.window.epsilon * moving_epsilon).sqrt();
            let s2 = correlation.deviation_squared;
            epsilon_slope += 0.5
                * patch.weight
                * (common / (patch.window.deviation * s2.sqrt())
                    - correlation.value * moving_epsilon / s2);
            for row in &patch.cells {
                for slope in &mut found.slopes[row.clone()] {
                    slope.add_scaled(patch.weight, &correlation.slope);
                }
            }
            found.patches.push(correlation);
        }
        // d V_m / d m_p = 2 (m_p - mean) / n, and d ln e_m = d ln V_m.
        let per_moving = epsilon_slope * 2.0 / (self.whole_count * whole.variance);
        for slope in &mut found.slopes {
            slope.moving += per_moving;
            slope.constant -= per_moving * whole.mean;
        }
        Ok(Some(found))
    }

    /// For each cell, the factor of its J J^T in the curvature.
    fn square_factors(&self, found: &Correlations) -> Vec<f64> {
        let mut factors = vec![0.0; self.cells.len()];
        for (patch, correlation) in self.patches.iter().zip(&found.patches) {
            let factor = patch.weight / (patch.window.count * correlation.deviation_squared);
            for row in &patch.cells {
                factors[row.clone()].iter_mut().for_each(|sum| *sum += factor);
            }
        }
        factors
    }

    fn sum_jet(&self, jet: &JetImage, found: &Correlations) -> Result<JetParts, SimilarityError> {
        let factors = self.square_factors(found);
        let f = self.fixed.image.pixels();
        let places: Vec<usize> = (0..self.cells.len()).collect();
        let tasks = in_tasks(&places, self.cells_per_task, |places| {
            let mut parts = JetParts::new(places.len());
            for &at in places {
                let sums = JetSums::over(&self.cells[at], f, jet, found.centers);
                parts.gradient += found.slopes[at].contract(&sums);
                parts.squares += factors[at] * sums.jacobian_jacobian();
                parts.cells.push([sums.jacobian(), sums.moving_jacobian()]);
            }
            parts
        });
        let mut parts = JetParts::new(self.cells.len());
        for task in tasks {
            parts.gradient += task.gradient;
            parts.squares += task.squares;
            parts.cells.extend(task.cells);
        }
        if !(parts.gradient.sum() + parts.squares.sum()).is_finite() {
            self.fixed.explain_jet(jet)?;
        }
        Ok(parts)
    }
}

impl JetParts {
    fn new(cells: usize) -> Self {
        Self {
            gradient: Vector6::zeros(),
            squares: Matrix6::zeros(),
            cells: Vec::with_capacity(cells),
        }
    }
}

impl Similarity for PatchNcc {
    fn value(&self, moving: &Image) -> Result<f64, SimilarityError> {
        Ok(self.correlations(moving)?.map_or(0.0, |found| found.value))
    }

    fn gradient(&self, moving: &Image) -> Result<(f64, Image), SimilarityError> {
        let mut gradient = Image::zeros(self.fixed.size_px());
        let Some(found) = self.correlations(moving)? else { return Ok((0.0, gradient)) };
        for (cell, slope) in self.cells.iter().zip(&found.slopes) {
            for run in cell {
                let images = self.fixed.image.pixels()[run.clone()]
                    .iter()
                    .zip(&moving.pixels()[run.clone()]);
                for (pixel, (&f, &m)) in gradient.pixels_mut()[run.clone()].iter_mut().zip(images) {
                    let f = f64::from(f) - found.centers.fixed;
                    *pixel = slope.at(f, f64::from(m) - found.centers.moving) as f32;
                }
            }
        }
        Ok((found.value, gradient))
    }

    fn gauss_newton(&self, jet: &JetImage) -> Result<GaussNewtonModel, SimilarityError> {
        self.fixed.check_jet(jet)?;
        let Some(found) = self.correlations(&jet.image)? else {
            return Ok(GaussNewtonModel::zero());
        };
        let parts = self.sum_jet(jet, &found)?;
        let [jacobian, moving_jacobian] = add_up(&parts.cells);
        let whole_half_slope = (moving_jacobian - found.whole.mean * jacobian) / self.whole_count;
        let mut curvature = parts.squares;
        let mut squared_c = 0.0;
        for (patch, correlation) in self.patches.iter().zip(&found.patches) {
            let [mut jacobian, mut moving_jacobian] = [Vector6::zeros(); 2];
            for row in &patch.cells {
                let [j, mj] = add_up(&parts.cells[row.clone()]);
                jacobian += j;
                moving_jacobian += mj;
            }
            let n = patch.window.count;
            let mean_jacobian = jacobian / n;
            let a = correlation.half_variance_slope(&mean_jacobian, &(moving_jacobian / n));
            let b = a + self.epsilon * whole_half_slope;
            curvature += patch.weight * correlation.curvature_less_squares(&mean_jacobian, &b);
            squared_c += patch.weight / correlation.deviation_squared;
        }
        // c = sqrt(epsilon / V_m) times half the derivative of V_m, in every patch.
        let squared_c = squared_c * self.epsilon / found.whole.variance;
        curvature += squared_c * (whole_half_slope * whole_half_slope.transpose());
        Ok(GaussNewtonModel { value: found.value, gradient: parts.gradient, curvature })
    }
}

/// The first pixel that counts.
fn center(cells: &[Vec<Run>], image: &Image) -> f64 {
    cells.iter().find(|cell| !cell.is_empty()).map_or(0.0, |cell| first_pixel(cell, image))
}

fn total(cell_sums: &[PixelSums]) -> PixelSums {
    let mut total = PixelSums::default();
    cell_sums.iter().for_each(|cell| total.add(cell));
    total
}

fn add_up(cells: &[[Vector6<f64>; 2]]) -> [Vector6<f64>; 2] {
    let zero = [Vector6::zeros(); 2];
    cells.iter().fold(zero, |[j, mj], [cell_j, cell_mj]| [j + cell_j, mj + cell_mj])
}

/// The patches of one scale that count, from the rows of cells each consists of. Their weights add
/// up to one.
fn weigh(
    windows: Vec<Vec<Range<usize>>>,
    counts: &[usize],
    cell_sums: &[PixelSums],
    fixed_epsilon: f64,
) -> Vec<Patch> {
    let count = |cells: &Vec<Range<usize>>| -> usize {
        cells.iter().flat_map(|row| &counts[row.clone()]).sum()
    };
    let fullest = windows.iter().map(count).max().unwrap_or(0);
    let mut patches = Vec::new();
    for cells in windows {
        let found = count(&cells);
        if found < 2 || 2 * found < fullest {
            continue;
        }
        let mut sums = PixelSums::default();
        cells.iter().flat_map(|row| &cell_sums[row.clone()]).for_each(|cell| sums.add(cell));
        let moments = Moments::new(found as f64, &sums);
        let squared = moments.variance + fixed_epsilon;
        if moments.variance > 0.0 {
            let window = FixedWindow {
                count: found as f64,
                mean: moments.mean,
                epsilon: fixed_epsilon,
                deviation: squared.sqrt(),
            };
            patches.push(Patch { cells, weight: moments.variance / squared, window });
        }
    }
    let weights: f64 = patches.iter().map(|patch| patch.weight).sum();
    patches.iter_mut().for_each(|patch| patch.weight /= weights);
    patches
}

/// How the image is cut into cells and the cells are put together to patches.
struct Layout {
    size_px: [usize; 2],
    cell_px: usize,
    /// Sides of patches in cells, largest first.
    sides: Vec<usize>,
}

impl Layout {
    fn new(size_px: [usize; 2], config: &PatchNccConfig) -> Self {
        let longer = size_px[0].max(size_px[1]);
        let mut sides_px: Vec<usize> =
            config.sides_px.iter().map(|&side| side.min(longer)).collect();
        if config.whole_image {
            sides_px.push(longer);
        }
        sides_px.sort_unstable_by(|a, b| b.cmp(a));
        sides_px.dedup();
        // The whole image is put together from whatever cells there are.
        let smallest = sides_px.last().copied().filter(|&side| side < longer);
        let cell_px = smallest.map_or(longer, |side| side / 2);
        let sides = sides_px.iter().map(|side| side.div_ceil(cell_px)).collect();
        Self { size_px, cell_px, sides }
    }

    /// Columns and rows of cells.
    fn cell_grid(&self) -> [usize; 2] {
        self.size_px.map(|n| n.div_ceil(self.cell_px))
    }

    fn cells(&self, mask: &Mask) -> Vec<Vec<Run>> {
        let span = |cell: usize, n: usize| cell * self.cell_px..((cell + 1) * self.cell_px).min(n);
        let [columns, rows] = self.cell_grid();
        let mut cells = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let (across, down) = (span(column, self.size_px[0]), span(row, self.size_px[1]));
                cells.push(runs(mask, across, down));
            }
        }
        cells
    }

    /// For each scale its patches, each as the rows of cells it consists of.
    fn scales(&self) -> impl Iterator<Item = Vec<Vec<Range<usize>>>> {
        let [columns, rows] = self.cell_grid();
        self.sides.iter().map(move |&side| {
            let (across, down) = (spans(columns, side), spans(rows, side));
            let patches = down.iter().flat_map(|rows| {
                across.iter().map(move |across| {
                    rows.clone()
                        .map(|row| row * columns + across.start..row * columns + across.end)
                        .collect()
                })
            });
            patches.collect()
        })
    }
}

/// Intervals of a length that overlap by half and cover 0..n; the last one is cut off at n.
fn spans(n: usize, length: usize) -> Vec<Range<usize>> {
    let step = if length < n { length / 2 } else { n };
    let starts = (0..n).step_by(step).filter(|&start| start == 0 || start + step < n);
    starts.map(|start| start..(start + length).min(n)).collect()
}

#[cfg(test)]
mod tests {
    //! Proves: patches overlap by half and cover the image at each scale, scales that say the same
    //! count once, and sides that do not nest are refused.
    use super::*;

    #[test]
    fn spans_overlap_by_half() {
        assert_eq!(spans(8, 4), vec![0..4, 2..6, 4..8]);
        assert_eq!(spans(7, 4), vec![0..4, 2..6, 4..7]);
        assert_eq!(spans(4, 2), vec![0..2, 1..3, 2..4]);
        for (n, length) in [(3, 8), (9, 9)] {
            assert_eq!((spans(n, length).len(), spans(n, length)[0].clone()), (1, 0..n));
        }
    }

    #[test]
    fn equal_scales_count_once() {
        let scales = |size_px, sides_px: &[usize]| {
            let config = PatchNccConfig { sides_px: sides_px.to_vec(), ..Default::default() };
            Layout::new(size_px, &config).sides
        };
        assert_eq!(scales([64, 48], &[16, 32]), [8, 4, 2]);
        assert_eq!(scales([32, 32], &[16, 32]), [4, 2]);
        assert_eq!(scales([10, 12], &[16, 32]), [1]);
        assert_eq!(scales([10, 12], &[]), [1]);
    }

    #[test]
    fn every_cell_is_in_every_scale() {
        let layout = Layout::new([70, 50], &PatchNccConfig::default());
        let [columns, rows] = layout.cell_grid();
        assert_eq!(layout.cells(&Mask::all([70, 50])).len(), columns * rows);
        for patches in layout.scales() {
            let mut seen = vec![0; columns * rows];
            patches.into_iter().flatten().flatten().for_each(|cell| seen[cell] += 1);
            assert!(seen.iter().all(|&times| (1..=4).contains(&times)));
        }
    }

    #[test]
    fn sides_must_nest() {
        let check = |sides: &[usize], whole_image| {
            PatchNccConfig { sides_px: sides.to_vec(), whole_image, epsilon: 0.1 }.check()
        };
        assert!(check(&[8, 24], false).is_ok() && check(&[], true).is_ok());
        for sides in [&[7][..], &[2], &[8, 12], &[0], &[]] {
            assert!(check(sides, false).is_err(), "{sides:?}");
        }
        let config = PatchNccConfig { epsilon: f64::NAN, ..Default::default() };
        assert!(matches!(config.check(), Err(SimilarityError::Epsilon { .. })));
    }
}
