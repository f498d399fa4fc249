//! Radiographs with their derivative: for the whole pose, and along one direction.

use crate::radiograph::Image;

/// A line-integral image with its exact six-component pose Jacobian.
///
/// # Shapes
/// `jacobian` has one entry for each pixel of `image`, in the same order.
///
/// # Units
/// `image` is dimensionless. `jacobian[p]` is the change of pixel p for each component of a
/// [`PivotMotion`](crate::geometry::PivotMotion): three per radian, three per millimetre.
#[derive(Debug, Clone, PartialEq)]
pub struct JetImage {
    /// The line integrals.
    pub image: Image,
    /// Their derivatives: (omega x, y, z, tau x, y, z).
    pub jacobian: Vec<[f32; 6]>,
}

/// A line-integral image with its derivative along one direction in pose space.
///
/// # Units
/// Both dimensionless: the direction says what a unit of the derivative's variable moves.
#[derive(Debug, Clone, PartialEq)]
pub struct TangentImage {
    /// The line integrals.
    pub image: Image,
    /// Their derivatives.
    pub tangent: Image,
}
