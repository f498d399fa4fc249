//! Measures of how alike a fixed image (the X-ray) and a moving image (the DRR) are, with the
//! derivatives that registration climbs.
//!
//! - [`ncc`] - [`Ncc`], normalized cross-correlation of the whole image
//! - [`gradient_ncc`] - [`GradientNcc`], that of the two derivative images
//! - [`patch_ncc`] - [`PatchNcc`], that of overlapping patches at several scales
//! - [`weighted`] - [`WeightedSum`], several measures as one
//!
//! # One correlation
//!
//! All of them are means of correlations over windows of n pixels. With f', m' the fixed and moving
//! pixels less their means, v their variances and J the Jacobian of the moving pixels,
//!
//! ```text
//! rho = ( cov(f, m) + sqrt(e_f e_m) ) / (s_f s_m),     s_f^2 = v_f + e_f,   s_m^2 = v_m + e_m
//! ```
//!
//! where e = 0 except in patches. It is the cosine between the vectors `(f' / sqrt n, sqrt e_f)` and
//! `(m' / sqrt n, sqrt e_m)`; with r the difference of the two, scaled to unit length, the misfit is
//! 1 - rho = |r|^2 / 2: a least-squares problem. Its Gauss-Newton curvature dr^T dr stands in for
//! the negative Hessian of rho. With J' = J less its mean, a = sum m' J / n, c the derivative of
//! sqrt e_m and b = a + sqrt(e_m) c,
//!
//! ```text
//! d rho / d m_p = ( f'_p / (s_f s_m) - rho m'_p / s_m^2 ) / n            (e_m held)
//! gradient      = sum_p (d rho / d m_p) J_p
//! curvature     = ( J'^T J' / n + c c^T ) / s_m^2 - b b^T / s_m^4
//! ```
//!
//! The gradient is exact. The curvature is positive semidefinite to rounding, and equals the
//! negative Hessian where the images agree. Both come from sums of J, J J^T, m J and f J, so one
//! pass over the jet is enough.
//!
//! # What all measures share
//!
//! They are unchanged by a gain above zero and an offset of either image. Masked pixels are never
//! read. A moving image that is constant (a pose that has left the view) is no error: value,
//! gradient and curvature are zero. Sums run in f64 over fixed groups of pixels in a fixed order,
//! so that a result has the same bits whatever the number of threads; images below about
//! 128 x 128 stay on the calling thread.
//!
//! # References
//! - G. P. Penney et al., IEEE TMI 17(4), 1998, doi:10.1109/42.730403 (measures for 2D/3D)
//! - S. Baker, I. Matthews, IJCV 56(3), 2004, doi:10.1023/B:VISI.0000011205.11775.fd (Gauss-Newton
//!   on images)

mod correlation;
mod fixed;
pub mod gradient_ncc;
pub mod ncc;
pub mod patch_ncc;
mod scharr;
mod sums;
pub mod weighted;
mod widest;

use std::sync::Arc;

use nalgebra::{Matrix6, Vector6};

use crate::project::JetImage;
use crate::radiograph::Image;

pub use gradient_ncc::GradientNcc;
pub use ncc::Ncc;
pub use patch_ncc::{PatchNcc, PatchNccConfig};
pub use weighted::WeightedSum;

/// A measure prepared for one fixed image. Higher is better; the value is at most 1, to
/// rounding.
///
/// # Errors
/// Each method fails if the image does not have the fixed image's size or if a pixel that counts
/// is not a finite number.
pub trait Similarity: Send + Sync {
    /// How alike the images are.
    ///
    /// # Errors
    /// See the trait.
    fn value(&self, moving: &Image) -> Result<f64, SimilarityError>;

    /// The value, and its derivative with respect to each pixel of the moving image (zero where
    /// masked).
    ///
    /// # Errors
    /// See the trait.
    fn gradient(&self, moving: &Image) -> Result<(f64, Image), SimilarityError>;

    /// The value as a function of the pose, to second order.
    ///
    /// # Errors
    /// See the trait; also if the Jacobian has another number of pixels than the image.
    fn gauss_newton(&self, jet: &JetImage) -> Result<GaussNewtonModel, SimilarityError>;
}

impl<S: Similarity + ?Sized> Similarity for Arc<S> {
    fn value(&self, moving: &Image) -> Result<f64, SimilarityError> {
        (**self).value(moving)
    }

    fn gradient(&self, moving: &Image) -> Result<(f64, Image), SimilarityError> {
        (**self).gradient(moving)
    }

    fn gauss_newton(&self, jet: &JetImage) -> Result<GaussNewtonModel, SimilarityError> {
        (**self).gauss_newton(jet)
    }
}

/// A measure near a pose: `value + gradient . xi - 1/2 xi . curvature xi`, where xi is a
/// [`PivotMotion`](crate::geometry::PivotMotion) as six numbers.
///
/// # Units
/// `gradient`: per radian (first three) and per millimetre (last three); `curvature` accordingly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussNewtonModel {
    /// The value.
    pub value: f64,
    /// The exact derivative of the value.
    pub gradient: Vector6<f64>,
    /// The Gauss-Newton approximation of the negative Hessian of the value: symmetric, positive
    /// semidefinite to rounding.
    pub curvature: Matrix6<f64>,
}

impl GaussNewtonModel {
    /// The model of a measure that does not respond: a constant moving image.
    pub(crate) fn zero() -> Self {
        Self { value: 0.0, gradient: Vector6::zeros(), curvature: Matrix6::zeros() }
    }

    /// Adds a multiple of another model.
    pub(crate) fn add_scaled(&mut self, weight: f64, other: &Self) {
        self.value += weight * other.value;
        self.gradient += weight * other.gradient;
        self.curvature += weight * other.curvature;
    }
}

/// Why a measure cannot be prepared or evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimilarityError {
    /// The moving image has another size than the fixed image.
    #[error(
        "the moving image has {found:?} pixels, the fixed image {expected:?}: project with the camera of the fixed image"
    )]
    MovingSize {
        /// [columns, rows] of the moving image.
        found: [usize; 2],
        /// [columns, rows] of the fixed image.
        expected: [usize; 2],
    },
    /// The mask has another size than the fixed image.
    #[error("the mask has {found:?} pixels, the image {expected:?}: make them the same size")]
    MaskSize {
        /// [columns, rows] of the mask.
        found: [usize; 2],
        /// [columns, rows] of the fixed image.
        expected: [usize; 2],
    },
    /// A jet's Jacobian does not have one entry for each pixel.
    #[error("the Jacobian has {found} entries for {expected} pixels: it needs one for each pixel")]
    JacobianLength {
        /// Entries found.
        found: usize,
        /// Pixels of the image.
        expected: usize,
    },
    /// The mask leaves too few pixels.
    #[error(
        "{found} pixels are left to compare, at least {expected} are needed: widen the mask or use a larger image"
    )]
    TooFewPixels {
        /// Pixels that count.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
    /// The fixed image shows nothing to compare with.
    #[error("the fixed image is constant where the mask lets it count: there is nothing to match")]
    ConstantFixed,
    /// A pixel of the fixed image that counts is NaN or infinite.
    #[error(
        "the fixed image's pixel at column {column}, row {row} is {value}: mask it or make it a finite number"
    )]
    FixedNotFinite {
        /// Column of the first such pixel.
        column: usize,
        /// Its row.
        row: usize,
        /// Its value.
        value: f32,
    },
    /// A pixel of the moving image that counts is NaN or infinite.
    #[error(
        "the moving image's pixel at column {column}, row {row} is {value}: the volume or the pose is not finite"
    )]
    MovingNotFinite {
        /// Column of the first such pixel.
        column: usize,
        /// Its row.
        row: usize,
        /// Its value.
        value: f32,
    },
    /// The Jacobian of a pixel that counts is NaN or infinite.
    #[error(
        "the Jacobian at column {column}, row {row} is {value:?}: the volume or the pose is not finite"
    )]
    JacobianNotFinite {
        /// Column of the first such pixel.
        column: usize,
        /// Its row.
        row: usize,
        /// Its six derivatives.
        value: [f32; 6],
    },
    /// Patch sides that do not nest.
    #[error(
        "patch sides {found:?}: each must be even, at least 4, and a multiple of the smallest; give one at least, or the whole image"
    )]
    PatchSides {
        /// The sides.
        found: Vec<usize>,
    },
    /// A regularization that is too small or no number.
    #[error("epsilon is {found}: it must be a finite number, at least 1e-9")]
    Epsilon {
        /// Its value.
        found: f64,
    },
    /// A weight that is not a number of zero or more.
    #[error("weight {index} is {found}: it must be a finite number, zero or more")]
    Weight {
        /// Its place in the list.
        index: usize,
        /// Its value.
        found: f64,
    },
    /// No measure has a weight above zero.
    #[error("the {found} weights add up to nothing: give one measure at least a weight above zero")]
    NoWeight {
        /// The number of measures given.
        found: usize,
    },
}
