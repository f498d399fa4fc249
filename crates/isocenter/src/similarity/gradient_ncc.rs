//! Normalized cross-correlation of the derivative images.
//!
//! The mean of two correlations: that of the derivatives along columns and that of the derivatives
//! along rows. Edges count more than slow changes, so scatter, soft tissue and a shading of the
//! detector disturb it less than they disturb [`Ncc`](super::Ncc); it has a narrower basin.
//!
//! A derivative image is defined where the whole 3x3 stencil lies in the image and counts. If the
//! fixed image changes along one axis only, the other one is left out.
//!
//! # References
//! G. P. Penney et al., IEEE TMI 17(4), 1998, doi:10.1109/42.730403 (as gradient correlation)

use std::slice::from_ref;

use super::correlation::{Correlation, FixedWindow, Moments, PixelSlope, window_model};
use super::fixed::{Fixed, MIN_PIXELS, Run, in_tasks, items_per_task, runs};
use super::scharr::{JetRow, Scratch, add_transposed, filter_jet, filter_pixels};
use super::sums::{BLOCK, Centers, JetSums, PixelSums};
use super::{GaussNewtonModel, Similarity, SimilarityError};
use crate::project::JetImage;
use crate::radiograph::{Image, Mask};

/// Gradient correlation, from -1 to 1.
///
/// # Examples
/// ```
/// use isocenter::radiograph::Image;
/// use isocenter::similarity::{GradientNcc, Similarity};
/// let fixed = Image::new([8, 8], (0..64).map(|i| ((i * i) % 31) as f32).collect()).unwrap();
/// let measure = GradientNcc::new(&fixed, None).unwrap();
/// let brighter = fixed.clone().map(|p| 2.0 * p + 10.0);
/// assert!((measure.value(&brighter).unwrap() - 1.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct GradientNcc {
    fixed: Fixed,
    /// Of the whole image; zero where there is no whole stencil.
    derivatives: [Vec<f64>; 2],
    /// `None` where the fixed derivative is constant.
    windows: [Option<FixedWindow>; 2],
    runs: Vec<Run>,
    runs_per_task: usize,
}

impl GradientNcc {
    /// Prepares the fixed image; pixels that a mask excludes are never looked at.
    ///
    /// # Errors
    /// If the mask has another size or leaves fewer than 16 whole stencils, or if a pixel that
    /// counts is not finite, or if both derivatives are constant.
    pub fn new(fixed: &Image, mask: Option<&Mask>) -> Result<Self, SimilarityError> {
        let fixed = Fixed::new(fixed, mask)?;
        let [columns, rows] = fixed.size_px();
        let stencils = fixed.mask.eroded();
        let found = stencils.count();
        if found < MIN_PIXELS {
            return Err(SimilarityError::TooFewPixels { found, expected: MIN_PIXELS });
        }
        let runs = runs(&stencils, 0..columns, 0..rows);
        let derivatives = derivatives(&fixed.image, &runs);
        let windows = derivatives.each_ref().map(|d| window(found as f64, d, &runs));
        if windows.iter().all(Option::is_none) {
            return Err(SimilarityError::ConstantFixed);
        }
        let runs_per_task = items_per_task(runs.len(), found);
        Ok(Self { fixed, derivatives, windows, runs, runs_per_task })
    }

    /// The fixed derivatives that change, with a weight for their correlation.
    fn weighted_windows(&self) -> impl Iterator<Item = (usize, f64, &FixedWindow)> {
        let weight = 1.0 / self.windows.iter().flatten().count() as f64;
        let windows = self.windows.iter().enumerate();
        windows.filter_map(move |(axis, window)| Some((axis, weight, window.as_ref()?)))
    }

    /// For each axis the correlation and its weight; `None` where either derivative is constant.
    fn correlations(
        &self,
        moving: &Image,
    ) -> Result<[Option<(f64, Correlation)>; 2], SimilarityError> {
        self.fixed.check_moving(moving)?;
        let parts = in_tasks(&self.runs, self.runs_per_task, |runs| {
            let mut sums = [PixelSums::default(); 2];
            filter_blocks(moving, runs, |block, derivatives| {
                let here = 0..block.len();
                for (axis, moving) in derivatives.into_iter().enumerate() {
                    let fixed = &self.derivatives[axis][block.clone()];
                    sums[axis].add(&PixelSums::over(from_ref(&here), fixed, moving, Centers::ZERO));
                }
            });
            sums
        });
        let mut sums = [PixelSums::default(); 2];
        for part in &parts {
            sums.iter_mut().zip(part).for_each(|(sum, part)| sum.add(part));
        }
        if !sums.iter().all(PixelSums::is_finite) {
            self.fixed.explain_moving(moving)?;
        }
        let mut correlations = [None; 2];
        for (axis, weight, window) in self.weighted_windows() {
            if !Moments::new(window.count, &sums[axis]).is_constant(0.0) {
                correlations[axis] = Some((weight, Correlation::new(window, &sums[axis], 0.0)));
            }
        }
        Ok(correlations)
    }
}

/// The weighted mean of the correlations there are.
fn mean(correlations: &[Option<(f64, Correlation)>; 2]) -> f64 {
    correlations.iter().flatten().map(|(weight, c)| weight * c.value).sum()
}

impl Similarity for GradientNcc {
    fn value(&self, moving: &Image) -> Result<f64, SimilarityError> {
        Ok(mean(&self.correlations(moving)?))
    }

    fn gradient(&self, moving: &Image) -> Result<(f64, Image), SimilarityError> {
        let correlations = self.correlations(moving)?;
        let columns = self.fixed.size_px()[0];
        let mut gradient = vec![0.0; moving.pixels().len()];
        // Where there is no correlation the slope is zero.
        let slopes = correlations.map(|found| {
            let mut slope = PixelSlope::default();
            if let Some((weight, correlation)) = found {
                slope.add_scaled(weight, &correlation.slope);
            }
            slope
        });
        filter_blocks(moving, &self.runs, |block, [dc, dr]| {
            let [fixed_dc, fixed_dr] = self.derivatives.each_ref().map(|d| &d[block.clone()]);
            let pixels = fixed_dc.iter().zip(dc).zip(fixed_dr.iter().zip(dr));
            for (at, ((&fixed_dc, &dc), (&fixed_dr, &dr))) in block.zip(pixels) {
                let slopes = [slopes[0].at(fixed_dc, dc), slopes[1].at(fixed_dr, dr)];
                add_transposed(&mut gradient, columns, at, slopes);
            }
        });
        let mut image = Image::zeros(moving.size_px());
        for (pixel, slope) in image.pixels_mut().iter_mut().zip(gradient) {
            *pixel = slope as f32;
        }
        Ok((mean(&correlations), image))
    }

    fn gauss_newton(&self, jet: &JetImage) -> Result<GaussNewtonModel, SimilarityError> {
        self.fixed.check_jet(jet)?;
        let parts = in_tasks(&self.runs, self.runs_per_task, |runs| {
            let mut sums = [JetSums::zero(); 2];
            let mut scratch = Scratch::new();
            let mut buffers = [[[0.0; 8]; BLOCK]; 2];
            for block in blocks(runs) {
                let [dc, dr] = buffers.each_mut().map(|buffer| &mut buffer[..block.len()]);
                let fixed = self.derivatives.each_ref().map(|fixed| &fixed[block.clone()]);
                filter_jet(
                    stencil_jet_rows(jet, &block),
                    fixed,
                    [&mut *dc, &mut *dr],
                    &mut scratch,
                );
                sums[0].add_samples(dc);
                sums[1].add_samples(dr);
            }
            sums
        });
        let mut sums = [JetSums::zero(); 2];
        for part in &parts {
            sums.iter_mut().zip(part).for_each(|(sum, part)| sum.add(part));
        }
        if !sums.iter().all(JetSums::is_finite) {
            self.fixed.explain_jet(jet)?;
        }
        let mut model = GaussNewtonModel::zero();
        for (axis, weight, window) in self.weighted_windows() {
            let sums = &sums[axis];
            if !Moments::new(window.count, &sums.pixels()).is_constant(0.0) {
                model.add_scaled(weight, &window_model(window, sums));
            }
        }
        Ok(model)
    }
}

/// Runs cut to the length of a block.
fn blocks(runs: &[Run]) -> impl Iterator<Item = Run> {
    runs.iter()
        .flat_map(|run| run.clone().step_by(BLOCK).map(|start| start..(start + BLOCK).min(run.end)))
}

/// The three rows of an image around a run, one pixel longer at either end: a run of whole
/// stencils has them inside the image.
fn stencil_rows<'a>(image: &'a Image, run: &Run) -> [&'a [f32]; 3] {
    let columns = image.size_px()[0];
    [run.start - columns, run.start, run.start + columns]
        .map(|start| &image.pixels()[start - 1..start + run.len() + 1])
}

/// As [`stencil_rows`], of a jet.
fn stencil_jet_rows<'a>(jet: &'a JetImage, run: &Run) -> [JetRow<'a>; 3] {
    let columns = jet.image.size_px()[0];
    [run.start - columns, run.start, run.start + columns].map(|start| JetRow {
        moving: &jet.image.pixels()[start - 1..start + run.len() + 1],
        jacobian: &jet.jacobian[start - 1..start + run.len() + 1],
    })
}

/// Hands both derivatives of each block to a function.
fn filter_blocks(image: &Image, runs: &[Run], mut each: impl FnMut(Run, [&[f64]; 2])) {
    let mut scratch = Scratch::new();
    let mut buffers = [[0.0; BLOCK]; 2];
    for block in blocks(runs) {
        let [dc, dr] = buffers.each_mut().map(|buffer| &mut buffer[..block.len()]);
        filter_pixels(stencil_rows(image, &block), [&mut *dc, &mut *dr], &mut scratch);
        each(block, [dc, dr]);
    }
}

/// Both derivative images where runs of whole stencils are, zero elsewhere.
fn derivatives(image: &Image, runs: &[Run]) -> [Vec<f64>; 2] {
    let mut derivatives = [(); 2].map(|()| vec![0.0; image.pixels().len()]);
    filter_blocks(image, runs, |block, values| {
        for (derivative, values) in derivatives.iter_mut().zip(values) {
            derivative[block.clone()].copy_from_slice(values);
        }
    });
    derivatives
}

/// The fixed side of one derivative image; `None` if it is constant.
fn window(count: f64, derivative: &[f64], runs: &[Run]) -> Option<FixedWindow> {
    let sums = PixelSums::over(runs, derivative, derivative, Centers::ZERO);
    let moments = Moments::new(count, &sums);
    (!moments.is_constant(0.0)).then(|| FixedWindow {
        count,
        mean: moments.mean,
        epsilon: 0.0,
        deviation: moments.variance.sqrt(),
    })
}
