//! The result of a jet: a radiograph and its derivative with respect to the pose.

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
