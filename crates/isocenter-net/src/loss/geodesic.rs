//! The geodesic distance of a pose from the true one: convex, with one minimum.
//!
//! ```text
//! L_geo = |log(R_t R^T)|^2 + |p_t - p|^2 / h^2
//! ```
//!
//! with R the rotation and p the pivot's position in the camera, R_t and p_t those of the true pose.

use isocenter::geometry::{PivotMotion, RigidTransform};
use nalgebra::{Vector3, Vector6};

/// The derivative of L_geo for theta = (omega, tau / h) at a pose.
///
/// # Units
/// `half_extent_mm` is h. The result has none.
///
/// # Examples
/// ```
/// use isocenter::geometry::{PivotMotion, RigidTransform};
/// use isocenter_net::loss::geodesic_gradient;
/// use nalgebra::{Vector3, Vector6};
/// let truth = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 700.0));
/// let off = PivotMotion::from_vector(&Vector6::new(0.1, 0.0, 0.0, 50.0, 0.0, 0.0));
/// let pose = off.apply(&truth, Vector3::zeros());
/// let gradient = geodesic_gradient(&pose, &truth, Vector3::zeros(), 100.0);
/// // Downhill is back.
/// assert!((gradient - Vector6::new(0.2, 0.0, 0.0, 1.0, 0.0, 0.0)).norm() < 1e-12);
/// ```
#[must_use]
pub fn geodesic_gradient(
    camera_from_world: &RigidTransform,
    true_camera_from_world: &RigidTransform,
    pivot_world_mm: Vector3<f64>,
    half_extent_mm: f64,
) -> Vector6<f64> {
    let back = PivotMotion::between(camera_from_world, true_camera_from_world, pivot_world_mm);
    let (omega, tau) = (-2.0 * back.omega_rad, -2.0 * back.tau_mm / half_extent_mm);
    Vector6::new(omega.x, omega.y, omega.z, tau.x, tau.y, tau.z)
}
