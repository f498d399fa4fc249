//! Rotations: the exponential map of SO(3), its inverse and its Jacobian.
//!
//! A rotation vector `omega` points along the axis and is as long as the angle in radians. With
//! `W = hat(omega)` and `a = |omega|`,
//!
//! ```text
//! exp(omega) = 1 + sin(a)/a W + (1 - cos(a))/a^2 W^2
//! J_l(omega) = 1 + (1 - cos(a))/a^2 W + (a - sin(a))/a^3 W^2
//! exp(omega + d) = exp(J_l(omega) d) exp(omega) + O(d^2)
//! ```
//!
//! Close to `a = 0` the coefficients are taken from their series, so nothing divides by zero.
//!
//! # References
//! J. Sola, J. Deray, D. Atchuthan, *A micro Lie theory for state estimation in robotics*,
//! arXiv 1812.01537, sections II and example 4 (their theta is `omega`, their J_l is [`left_jacobian`]).

use nalgebra::{Matrix3, Quaternion, Rotation3, UnitQuaternion, Vector3};

/// Below this angle (rad) the coefficients come from their Taylor series; at the threshold the
/// first neglected term is below 1e-17.
const SMALL_ANGLE_RAD: f64 = 1e-2;

/// The skew-symmetric matrix with `hat(a) b = a x b`.
///
/// # Examples
/// ```
/// use isocenter::geometry::rotation::hat;
/// use nalgebra::Vector3;
/// let (a, b) = (Vector3::new(1.0, 2.0, 3.0), Vector3::new(-1.0, 0.5, 2.0));
/// assert_eq!(hat(a) * b, a.cross(&b));
/// ```
#[must_use]
pub fn hat(v: Vector3<f64>) -> Matrix3<f64> {
    Matrix3::new(0.0, -v.z, v.y, v.z, 0.0, -v.x, -v.y, v.x, 0.0)
}

/// `sin(a)/a`, `(1 - cos(a))/a^2` and `(a - sin(a))/a^3` for the angle `a`.
fn coefficients(angle_rad: f64) -> (f64, f64, f64) {
    let squared = angle_rad * angle_rad;
    if angle_rad < SMALL_ANGLE_RAD {
        (
            1.0 - squared / 6.0 * (1.0 - squared / 20.0 * (1.0 - squared / 42.0)),
            0.5 - squared / 24.0 * (1.0 - squared / 30.0 * (1.0 - squared / 56.0)),
            (1.0 - squared / 20.0 * (1.0 - squared / 42.0 * (1.0 - squared / 72.0))) / 6.0,
        )
    } else {
        let (sin, cos) = angle_rad.sin_cos();
        (sin / angle_rad, (1.0 - cos) / squared, (angle_rad - sin) / (squared * angle_rad))
    }
}

/// The rotation matrix of a rotation vector.
///
/// # Units
/// `omega` in radians.
///
/// # Examples
/// ```
/// use isocenter::geometry::rotation::exp;
/// use nalgebra::Vector3;
/// // A quarter turn about z takes x to y.
/// let turned = exp(Vector3::z() * std::f64::consts::FRAC_PI_2) * Vector3::x();
/// assert!((turned - Vector3::y()).norm() < 1e-15);
/// ```
#[must_use]
pub fn exp(omega: Vector3<f64>) -> Matrix3<f64> {
    let (a, b, _) = coefficients(omega.norm());
    let w = hat(omega);
    Matrix3::identity() + w * a + w * w * b
}

/// The rotation vector of a rotation matrix, of length 0 to pi.
///
/// It goes through the unit quaternion, which keeps its precision near a half turn. At exactly
/// half a turn both signs of the axis are right; one of them is returned.
///
/// # Units
/// Radians.
///
/// # Examples
/// ```
/// use isocenter::geometry::rotation::{exp, log};
/// use nalgebra::Vector3;
/// let omega = Vector3::new(0.3, -1.2, 2.0);
/// assert!((log(&exp(omega)) - omega).norm() < 1e-14);
/// ```
#[must_use]
pub fn log(rotation: &Matrix3<f64>) -> Vector3<f64> {
    let quaternion =
        UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(*rotation));
    let q: &Quaternion<f64> = quaternion.quaternion();
    // q and -q are the same rotation; the one with w >= 0 has the angle in [0, pi].
    let sign = if q.w < 0.0 { -1.0 } else { 1.0 };
    let (w, v) = (q.w * sign, q.imag() * sign);
    let sin_half = v.norm();
    if sin_half < 1e-8 {
        // angle / sin(angle/2) = 2 + O(angle^2)
        v * 2.0
    } else {
        v * (2.0 * sin_half.atan2(w) / sin_half)
    }
}

/// The left Jacobian of the exponential map: `exp(omega + d) = exp(J_l d) exp(omega)` to first order.
///
/// # Units
/// `omega` in radians.
#[must_use]
pub fn left_jacobian(omega: Vector3<f64>) -> Matrix3<f64> {
    let (_, b, c) = coefficients(omega.norm());
    let w = hat(omega);
    Matrix3::identity() + w * b + w * w * c
}

/// The inverse of [`left_jacobian`], for `|omega|` below 2 pi.
///
/// # Units
/// `omega` in radians.
#[must_use]
pub fn left_jacobian_inverse(omega: Vector3<f64>) -> Matrix3<f64> {
    let (a, b, _) = coefficients(omega.norm());
    let squared = omega.norm_squared();
    let w = hat(omega);
    // 1/a^2 - (1 + cos a)/(2 a sin a), written with the two coefficients; its limit at 0 is 1/12.
    let c = if squared < SMALL_ANGLE_RAD * SMALL_ANGLE_RAD {
        1.0 / 12.0 + squared / 720.0 + squared * squared / 30240.0
    } else {
        (1.0 - 0.5 * a / b) / squared
    };
    Matrix3::identity() - w * 0.5 + w * w * c
}

/// The rotation closest to a matrix (in the Frobenius norm), or `None` if the matrix is singular
/// or mirrors.
///
/// # References
/// W. Kabsch, Acta Cryst. A32, 922 (1976), doi:10.1107/S0567739476001873.
#[must_use]
pub fn nearest(matrix: &Matrix3<f64>) -> Option<Matrix3<f64>> {
    let determinant = matrix.determinant();
    if determinant.is_nan() || determinant <= 0.0 || !determinant.is_finite() {
        return None;
    }
    let svd = matrix.svd(true, true);
    Some(svd.u? * svd.v_t?)
}

#[cfg(test)]
mod tests {
    //! Proves: the maps invert each other up to half a turn, and the Jacobians are the derivative
    //! of exp (central differences).
    use super::*;
    use proptest::prelude::*;

    fn rotation_vector(max_angle: f64) -> impl Strategy<Value = Vector3<f64>> {
        (-1.0..1.0f64, -1.0..1.0f64, -1.0..1.0f64, 0.0..max_angle).prop_filter_map(
            "a direction",
            |(x, y, z, angle)| {
                let v = Vector3::new(x, y, z);
                (v.norm() > 1e-3).then(|| v.normalize() * angle)
            },
        )
    }

    proptest! {
        #[test]
        fn exp_is_a_rotation(omega in rotation_vector(20.0)) {
            let r = exp(omega);
            prop_assert!((r.transpose() * r - Matrix3::identity()).norm() < 1e-13);
            prop_assert!((r.determinant() - 1.0).abs() < 1e-13);
        }

        #[test]
        fn log_inverts_exp(omega in rotation_vector(std::f64::consts::PI - 1e-5)) {
            prop_assert!((log(&exp(omega)) - omega).norm() < 1e-9);
        }

        #[test]
        fn log_inverts_exp_near_zero(omega in rotation_vector(1e-6)) {
            prop_assert!((log(&exp(omega)) - omega).norm() < 1e-16);
        }

        #[test]
        fn left_jacobian_is_the_derivative_of_exp(omega in rotation_vector(3.0), d in rotation_vector(1.0)) {
            let h = 1e-5;
            let numeric = (log(&(exp(omega + d * h) * exp(omega).transpose()))
                - log(&(exp(omega - d * h) * exp(omega).transpose()))) / (2.0 * h);
            // Central differences: truncation h^2, rounding 1e-16/h.
            prop_assert!((numeric - left_jacobian(omega) * d).norm() < 1e-8);
        }

        #[test]
        fn left_jacobian_inverse_inverts(omega in rotation_vector(6.0)) {
            let product = left_jacobian(omega) * left_jacobian_inverse(omega);
            prop_assert!((product - Matrix3::identity()).norm() < 1e-9);
        }
    }

    #[test]
    fn series_and_closed_form_meet_at_the_threshold() {
        for angle in [0.999 * SMALL_ANGLE_RAD, 1.001 * SMALL_ANGLE_RAD] {
            let (a, b, c) = coefficients(angle);
            let (sin, cos) = angle.sin_cos();
            // The closed forms lose digits to cancellation here: 1e-16 / angle^2 and / angle^3.
            assert!((a - sin / angle).abs() < 1e-15);
            assert!((b - (1.0 - cos) / angle.powi(2)).abs() < 1e-11);
            assert!((c - (angle - sin) / angle.powi(3)).abs() < 1e-9);
        }
    }

    #[test]
    fn log_of_half_turns() {
        for axis in
            [Vector3::x(), Vector3::y(), Vector3::z(), Vector3::new(1.0, -2.0, 0.5).normalize()]
        {
            let omega = log(&exp(axis * std::f64::consts::PI));
            assert!((omega.norm() - std::f64::consts::PI).abs() < 1e-12);
            assert!(omega.cross(&axis).norm() < 1e-12);
        }
    }

    #[test]
    fn nearest_refuses_mirrors() {
        assert!(nearest(&Matrix3::from_diagonal(&Vector3::new(-1.0, 1.0, 1.0))).is_none());
        assert!(nearest(&Matrix3::from_element(f64::NAN)).is_none());
        let r = exp(Vector3::new(0.1, 0.2, 0.3));
        assert!((nearest(&(r * 1.01)).unwrap() - r).norm() < 1e-12);
    }
}
