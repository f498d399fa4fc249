//! The parameters that DiffDRR and nanodrr share: three Euler angles and a translation that turns
//! with them.
//!
//! With `R = Rz(a) Rx(b) Ry(c)` from the angles (a, b, c) in this order, translation `t`, a centre
//! `k`, and the program's orientation `O`, a camera point lies at
//!
//! ```text
//! x_world = R (O x_camera + t) + k
//! ```
//!
//! so the source stands at `R t + k`: `t` is measured in axes that have been turned.
//!
//! **Gimbal lock.** At b = +-90 degrees only a + c (or a - c) is determined: c = 0 is returned.

use nalgebra::{Matrix3, Vector3};

use super::{ConversionError, components, ras_from_lps};
use crate::geometry::rigid::RigidTransform;

/// Below this cosine of the middle angle the first and third turn about the same axis. What is
/// neglected then is of this size, in radians.
const GIMBAL_LOCK_COSINE: f64 = 1e-12;

/// `R`: about z, then the turned x, then the turned y (rad).
pub(super) fn zxy_matrix([a, b, c]: [f64; 3]) -> Matrix3<f64> {
    let (sin_a, cos_a) = a.sin_cos();
    let (sin_b, cos_b) = b.sin_cos();
    let (sin_c, cos_c) = c.sin_cos();
    let z = Matrix3::new(cos_a, -sin_a, 0.0, sin_a, cos_a, 0.0, 0.0, 0.0, 1.0);
    let x = Matrix3::new(1.0, 0.0, 0.0, 0.0, cos_b, -sin_b, 0.0, sin_b, cos_b);
    let y = Matrix3::new(cos_c, 0.0, sin_c, 0.0, 1.0, 0.0, -sin_c, 0.0, cos_c);
    z * x * y
}

/// The angles of a rotation (rad): a and c in (-pi, pi], b in [-pi/2, pi/2].
pub(super) fn zxy_angles(r: &Matrix3<f64>) -> [f64; 3] {
    // The second column is (-sin a cos b, cos a cos b, sin b).
    let cos_b = r.m12.hypot(r.m22);
    let a = if cos_b < GIMBAL_LOCK_COSINE { r.m21.atan2(r.m11) } else { (-r.m12).atan2(r.m22) };
    // Turned back by a, what is left is Rx(b) Ry(c): first row (cos c, 0, sin c). Close to gimbal
    // lock a is uncertain; taking c from this remainder keeps the product right.
    let (sin_a, cos_a) = a.sin_cos();
    let c = (cos_a * r.m13 + sin_a * r.m23).atan2(cos_a * r.m11 + sin_a * r.m21);
    [a, r.m32.atan2(cos_b), c]
}

/// `camera_from_world` of the parameters.
///
/// `camera_from_arm` takes `O x_camera` to our camera axes; `center_world_mm` is `k` in LPS.
pub(super) fn to_pose(
    camera_from_arm: &Matrix3<f64>,
    angles_rad: [f64; 3],
    translation_mm: [f64; 3],
    center_world_mm: Vector3<f64>,
) -> Result<RigidTransform, ConversionError> {
    let rotation = camera_from_arm * zxy_matrix(angles_rad).transpose() * ras_from_lps();
    let translation =
        -(camera_from_arm * Vector3::from(translation_mm)) - rotation * center_world_mm;
    Ok(RigidTransform::new(rotation, translation)?)
}

/// The angles (rad) and the translation (mm) of `camera_from_world`; the inverse of [`to_pose`].
pub(super) fn from_pose(
    camera_from_arm: &Matrix3<f64>,
    camera_from_world: &RigidTransform,
    center_world_mm: Vector3<f64>,
) -> ([f64; 3], [f64; 3]) {
    let world_from_arm = camera_from_world.rotation().transpose() * camera_from_arm;
    let translation = -(camera_from_arm.transpose() * camera_from_world.point(center_world_mm));
    (zxy_angles(&(ras_from_lps() * world_from_arm)), components(translation))
}

#[cfg(test)]
mod tests {
    //! Proves: the angles of a rotation give it back, also at and close to gimbal lock, where the
    //! third angle is 0.
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::FRAC_PI_2;

    fn residual(angles: [f64; 3]) -> f64 {
        let rotation = zxy_matrix(angles);
        (zxy_matrix(zxy_angles(&rotation)) - rotation).amax()
    }

    proptest! {
        #[test]
        fn angles_give_the_rotation_back(angles in prop::array::uniform3(-7.0..7.0f64)) {
            prop_assert!(residual(angles) < 1e-13);
        }

        #[test]
        fn angles_are_unique_away_from_gimbal_lock(
            a in -3.1..3.1f64, b in -1.5..1.5f64, c in -3.1..3.1f64,
        ) {
            let back = zxy_angles(&zxy_matrix([a, b, c]));
            // cos b > 0.07: rounding is amplified by 14 at most.
            prop_assert!((Vector3::from(back) - Vector3::new(a, b, c)).amax() < 1e-13);
        }

        #[test]
        fn close_to_gimbal_lock_the_product_stays_right(
            a in -3.0..3.0f64, exponent in -16.0..-2.0f64, c in -3.0..3.0f64, up: bool,
        ) {
            let size = FRAC_PI_2 - 10f64.powf(exponent);
            let b = if up { size } else { -size };
            // What gimbal lock neglects is at most 1e-12.
            prop_assert!(residual([a, b, c]) < 3e-12);
        }
    }

    #[test]
    fn at_gimbal_lock_the_third_angle_is_zero() {
        for b in [FRAC_PI_2, -FRAC_PI_2] {
            let [_, middle, third] = zxy_angles(&zxy_matrix([0.7, b, -1.9]));
            assert!((middle - b).abs() < 1e-12 && third.abs() < 1e-12);
        }
    }
}
