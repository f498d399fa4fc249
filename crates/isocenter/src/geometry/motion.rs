//! The step that optimisers take: a motion of the patient about a pivot, in camera axes.
//!
//! With `R` the rotation of `camera_from_world` and `p` the pivot's position in the camera, the
//! motion `xi = (omega, tau)` leads to
//!
//! ```text
//! R2 = exp(omega) R        p2 = p + tau
//! ```
//!
//! and is recovered by `omega = log(R2 R^T)`, `tau = p2 - p`. It is a retraction of SO(3) x R^3,
//! not the exponential map of SE(3): turning does not shift the pivot, so rotation and translation
//! hardly couple. `tau_x` and `tau_y` move within the image plane, `tau_z` is depth.

use nalgebra::{Vector3, Vector6};

use super::rigid::{RigidTransform, split, stack};
use super::rotation::{exp, log, nearest};

/// A motion about a pivot: rotation vector and shift, both in camera axes.
///
/// # Examples
/// ```
/// use isocenter::geometry::{PivotMotion, RigidTransform};
/// use nalgebra::Vector3;
/// let camera_from_world = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 700.0));
/// let pivot_world_mm = Vector3::new(10.0, 20.0, 30.0);
/// let motion = PivotMotion { omega_rad: Vector3::new(0.1, 0.0, 0.0), tau_mm: Vector3::zeros() };
/// let moved = motion.apply(&camera_from_world, pivot_world_mm);
/// // A pure rotation leaves the pivot where it is ...
/// assert!((moved.point(pivot_world_mm) - camera_from_world.point(pivot_world_mm)).norm() < 1e-12);
/// // ... and the motion can be read back from the two poses.
/// let back = PivotMotion::between(&camera_from_world, &moved, pivot_world_mm);
/// assert!((back.omega_rad - motion.omega_rad).norm() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PivotMotion {
    /// Rotation vector (rad), camera axes.
    pub omega_rad: Vector3<f64>,
    /// Shift of the pivot (mm), camera axes.
    pub tau_mm: Vector3<f64>,
}

impl PivotMotion {
    /// The motion that changes nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self { omega_rad: Vector3::zeros(), tau_mm: Vector3::zeros() }
    }

    /// From six components, (omega (rad), tau (mm)).
    #[must_use]
    pub fn from_vector(xi: &Vector6<f64>) -> Self {
        let (omega_rad, tau_mm) = split(xi);
        Self { omega_rad, tau_mm }
    }

    /// The six components (omega (rad), tau (mm)).
    #[must_use]
    pub fn to_vector(&self) -> Vector6<f64> {
        stack(self.omega_rad, self.tau_mm)
    }

    /// The pose after the motion.
    ///
    /// # Units
    /// `pivot_world_mm` in the world frame, millimetres.
    #[must_use]
    pub fn apply(
        &self,
        camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> RigidTransform {
        let product = exp(self.omega_rad) * camera_from_world.rotation();
        // Thousands of steps in a row must not drift away from a rotation. A product of two
        // rotations is never singular, so the projection exists; a NaN step is passed on.
        let rotation = nearest(&product).unwrap_or(product);
        let pivot_camera = camera_from_world.point(pivot_world_mm) + self.tau_mm;
        RigidTransform::from_parts(rotation, pivot_camera - rotation * pivot_world_mm)
    }

    /// The motion that leads from one pose to another.
    ///
    /// # Units
    /// `pivot_world_mm` in the world frame, millimetres.
    #[must_use]
    pub fn between(
        from_camera_from_world: &RigidTransform,
        to_camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> Self {
        let turn = to_camera_from_world.rotation() * from_camera_from_world.rotation().transpose();
        Self {
            omega_rad: log(&turn),
            tau_mm: to_camera_from_world.point(pivot_world_mm)
                - from_camera_from_world.point(pivot_world_mm),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: `between` inverts `apply`, the pivot moves by tau alone, and the pose stays rigid
    //! over many steps.
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn between_inverts_apply(
            pose in prop::array::uniform6(-2.0..2.0f64),
            step in prop::array::uniform6(-1.0..1.0f64),
            pivot in prop::array::uniform3(-300.0..300.0f64),
        ) {
            let pose = RigidTransform::exp(&Vector6::new(
                pose[0], pose[1], pose[2], pose[3] * 300.0, pose[4] * 300.0, pose[5] * 300.0,
            ));
            let pivot = Vector3::from(pivot);
            let xi = Vector6::new(step[0], step[1], step[2], step[3] * 50.0, step[4] * 50.0, step[5] * 50.0);
            let motion = PivotMotion::from_vector(&xi);
            let moved = motion.apply(&pose, pivot);
            prop_assert!((moved.point(pivot) - pose.point(pivot) - motion.tau_mm).norm() < 1e-10);
            let back = PivotMotion::between(&pose, &moved, pivot).to_vector();
            prop_assert!((back - xi).amax() < 1e-9);
        }
    }

    #[test]
    fn many_steps_stay_rigid() {
        let mut pose = RigidTransform::identity();
        let motion = PivotMotion::from_vector(&Vector6::new(0.3, -0.2, 0.7, 1.0, 2.0, 3.0));
        for _ in 0..10_000 {
            pose = motion.apply(&pose, Vector3::new(5.0, 6.0, 7.0));
        }
        let r = pose.rotation();
        assert!((r.transpose() * r - nalgebra::Matrix3::identity()).amax() < 1e-14);
    }
}
