//! Normalized cross-correlation of the whole image.

use super::correlation::{Correlation, FixedWindow, Moments, window_model};
use super::fixed::{Fixed, Run, in_tasks, items_per_task, runs};
use super::sums::{Centers, JetSums, PixelSums};
use super::{GaussNewtonModel, Similarity, SimilarityError};
use crate::project::JetImage;
use crate::radiograph::{Image, Mask};

/// Normalized cross-correlation, from -1 to 1. One for the same image up to gain (above zero) and
/// offset; minus one for its negative.
///
/// # Examples
/// ```
/// use isocenter::radiograph::Image;
/// use isocenter::similarity::{Ncc, Similarity};
/// let fixed = Image::new([4, 4], (0..16).map(|i| (i * i) as f32).collect()).unwrap();
/// let ncc = Ncc::new(&fixed, None).unwrap();
/// let brighter = fixed.clone().map(|p| 2.0 * p + 10.0);
/// assert!((ncc.value(&brighter).unwrap() - 1.0).abs() < 1e-12);
/// let negative = fixed.map(|p| -p);
/// assert!((ncc.value(&negative).unwrap() + 1.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct Ncc {
    fixed: Fixed,
    center: f64,
    window: FixedWindow,
    runs: Vec<Run>,
    runs_per_task: usize,
}

impl Ncc {
    /// Prepares the fixed image; pixels that a mask excludes are never looked at.
    ///
    /// # Errors
    /// If the mask has another size or leaves fewer than 16 pixels, or if a pixel that counts is
    /// not finite, or if all of them are the same.
    pub fn new(fixed: &Image, mask: Option<&Mask>) -> Result<Self, SimilarityError> {
        let fixed = Fixed::new(fixed, mask)?;
        let [columns, rows] = fixed.size_px();
        let runs = runs(&fixed.mask, 0..columns, 0..rows);
        let center = first_pixel(&runs, &fixed.image);
        let centers = Centers { fixed: center, moving: center };
        let pixels = fixed.image.pixels();
        let sums = PixelSums::over(&runs, pixels, pixels, centers);
        let count = fixed.mask.count();
        let moments = Moments::new(count as f64, &sums);
        if moments.is_constant(center) {
            return Err(SimilarityError::ConstantFixed);
        }
        let window = FixedWindow {
            count: count as f64,
            mean: moments.mean,
            epsilon: 0.0,
            deviation: moments.variance.sqrt(),
        };
        let runs_per_task = items_per_task(runs.len(), count);
        Ok(Self { fixed, center, window, runs, runs_per_task })
    }

    fn centers(&self, moving: &Image) -> Centers {
        Centers { fixed: self.center, moving: first_pixel(&self.runs, moving) }
    }

    /// `None` if the moving image is constant.
    fn correlation(&self, moving: &Image) -> Result<Option<Correlation>, SimilarityError> {
        self.fixed.check_moving(moving)?;
        let centers = self.centers(moving);
        let (f, m) = (self.fixed.image.pixels(), moving.pixels());
        let parts =
            in_tasks(&self.runs, self.runs_per_task, |runs| PixelSums::over(runs, f, m, centers));
        let mut sums = PixelSums::default();
        parts.iter().for_each(|part| sums.add(part));
        if !sums.is_finite() {
            self.fixed.explain_moving(moving)?;
        }
        if Moments::new(self.window.count, &sums).is_constant(centers.moving) {
            return Ok(None);
        }
        Ok(Some(Correlation::new(&self.window, &sums, 0.0)))
    }
}

impl Similarity for Ncc {
    fn value(&self, moving: &Image) -> Result<f64, SimilarityError> {
        Ok(self.correlation(moving)?.map_or(0.0, |correlation| correlation.value))
    }

    fn gradient(&self, moving: &Image) -> Result<(f64, Image), SimilarityError> {
        let mut gradient = Image::zeros(self.fixed.size_px());
        let Some(correlation) = self.correlation(moving)? else { return Ok((0.0, gradient)) };
        let centers = self.centers(moving);
        for run in &self.runs {
            let images =
                self.fixed.image.pixels()[run.clone()].iter().zip(&moving.pixels()[run.clone()]);
            for (slope, (&f, &m)) in gradient.pixels_mut()[run.clone()].iter_mut().zip(images) {
                let (f, m) = (f64::from(f) - centers.fixed, f64::from(m) - centers.moving);
                *slope = correlation.slope.at(f, m) as f32;
            }
        }
        Ok((correlation.value, gradient))
    }

    fn gauss_newton(&self, jet: &JetImage) -> Result<GaussNewtonModel, SimilarityError> {
        self.fixed.check_jet(jet)?;
        let centers = self.centers(&jet.image);
        let f = self.fixed.image.pixels();
        let parts =
            in_tasks(&self.runs, self.runs_per_task, |runs| JetSums::over(runs, f, jet, centers));
        let mut sums = JetSums::zero();
        parts.iter().for_each(|part| sums.add(part));
        if !sums.is_finite() {
            self.fixed.explain_jet(jet)?;
        }
        if Moments::new(self.window.count, &sums.pixels()).is_constant(centers.moving) {
            return Ok(GaussNewtonModel::zero());
        }
        Ok(window_model(&self.window, &sums))
    }
}

/// The first pixel that counts: a center for sums of an image of the fixed image's size.
pub(super) fn first_pixel(runs: &[Run], image: &Image) -> f64 {
    runs.first().and_then(|run| image.pixels().get(run.start)).map_or(0.0, |&p| f64::from(p))
}
