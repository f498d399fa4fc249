//! Rigid transforms of space, SE(3), in millimetres.
//!
//! A variable that holds one names both frames, target first: `camera_from_world` takes
//! world coordinates to camera coordinates, and `a_from_b * b_from_c` is `a_from_c`.
//!
//! # References
//! J. Sola, J. Deray, D. Atchuthan, arXiv 1812.01537, example 7 (SE(3); their rho is the
//! translation part, their theta the rotation part of a twist).

use nalgebra::{Matrix3, Matrix4, Matrix6, Vector3, Vector6};

use super::rotation::{exp, hat, left_jacobian, left_jacobian_inverse, log, nearest};

/// How far a matrix that should be a rotation may be from one, entry by entry. Files written with
/// six digits pass; a scale, a shear or a mirror does not.
const RIGIDITY_TOLERANCE: f64 = 1e-4;

/// How far products of rotations in f64 are from one.
const ROUNDING: f64 = 1e-14;

/// Why a matrix is not a rigid transform.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RigidError {
    /// A number is NaN or infinite.
    #[error("entry [{row}][{column}] is {value}: every entry must be a finite number")]
    NotFinite {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// What was found there.
        value: f64,
    },
    /// The last row is not (0, 0, 0, 1).
    #[error("the last row is {found:?}: it must be [0, 0, 0, 1]")]
    LastRow {
        /// What was found there.
        found: [f64; 4],
    },
    /// The upper left 3x3 block mirrors.
    #[error(
        "the rotation part mirrors (determinant {determinant:.6}): it must be a rotation; a mirrored image is a flip of the X-ray, not a pose"
    )]
    Mirror {
        /// The determinant of the 3x3 block.
        determinant: f64,
    },
    /// The upper left 3x3 block scales or shears.
    #[error(
        "the rotation part is not orthonormal (off by {deviation:.2e}, at most {RIGIDITY_TOLERANCE:.0e} is allowed): remove scale and shear"
    )]
    NotOrthonormal {
        /// The largest entry of `|R^T R - 1|`.
        deviation: f64,
    },
}

/// A rigid transform: `x_target = rotation * x_source + translation_mm`.
///
/// # Examples
/// ```
/// use isocenter::geometry::RigidTransform;
/// use nalgebra::Vector3;
/// // A camera 700 mm in front of the origin, looking along +z.
/// let camera_from_world = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 700.0));
/// let source_world = camera_from_world.inverse().point(Vector3::zeros());
/// assert_eq!(source_world, Vector3::new(0.0, 0.0, -700.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RigidTransform {
    rotation: Matrix3<f64>,
    translation_mm: Vector3<f64>,
}

impl RigidTransform {
    /// The transform that changes nothing.
    #[must_use]
    pub fn identity() -> Self {
        Self { rotation: Matrix3::identity(), translation_mm: Vector3::zeros() }
    }

    /// A shift.
    #[must_use]
    pub fn from_translation(translation_mm: Vector3<f64>) -> Self {
        Self { rotation: Matrix3::identity(), translation_mm }
    }

    /// From a rotation vector (rad) and a translation (mm).
    #[must_use]
    pub fn from_rotation_vector(omega: Vector3<f64>, translation_mm: Vector3<f64>) -> Self {
        Self { rotation: exp(omega), translation_mm }
    }

    /// From parts that are known to be a rotation and a translation.
    pub(crate) fn from_parts(rotation: Matrix3<f64>, translation_mm: Vector3<f64>) -> Self {
        Self { rotation, translation_mm }
    }

    /// From a rotation matrix and a translation (mm). Rounding in the matrix is repaired: the
    /// nearest rotation is kept.
    ///
    /// # Errors
    /// If a number is not finite or the matrix is not a rotation to four digits.
    pub fn new(rotation: Matrix3<f64>, translation_mm: Vector3<f64>) -> Result<Self, RigidError> {
        let mut matrix = Matrix4::identity();
        matrix.fixed_view_mut::<3, 3>(0, 0).copy_from(&rotation);
        matrix.fixed_view_mut::<3, 1>(0, 3).copy_from(&translation_mm);
        Self::from_matrix(&matrix)
    }

    /// From a homogeneous 4x4 matrix, translation in the last column.
    ///
    /// # Errors
    /// As [`RigidTransform::new`], and if the last row is not (0, 0, 0, 1).
    pub fn from_matrix(matrix: &Matrix4<f64>) -> Result<Self, RigidError> {
        for row in 0..4 {
            for column in 0..4 {
                let value = matrix[(row, column)];
                if !value.is_finite() {
                    return Err(RigidError::NotFinite { row, column, value });
                }
            }
        }
        let last = matrix.row(3);
        if last[0] != 0.0 || last[1] != 0.0 || last[2] != 0.0 || last[3] != 1.0 {
            return Err(RigidError::LastRow { found: [last[0], last[1], last[2], last[3]] });
        }
        let block: Matrix3<f64> = matrix.fixed_view::<3, 3>(0, 0).into_owned();
        let deviation = (block.transpose() * block - Matrix3::identity()).amax();
        if deviation > RIGIDITY_TOLERANCE {
            return Err(RigidError::NotOrthonormal { deviation });
        }
        let nearest =
            nearest(&block).ok_or(RigidError::Mirror { determinant: block.determinant() })?;
        // What is a rotation to the last digit stays as it is: a pose survives its file bit by bit.
        let rotation = if deviation < ROUNDING { block } else { nearest };
        Ok(Self { rotation, translation_mm: matrix.fixed_view::<3, 1>(0, 3).into_owned() })
    }

    /// The rotation matrix.
    #[must_use]
    pub fn rotation(&self) -> &Matrix3<f64> {
        &self.rotation
    }

    /// The translation (mm).
    #[must_use]
    pub fn translation_mm(&self) -> &Vector3<f64> {
        &self.translation_mm
    }

    /// The homogeneous 4x4 matrix.
    #[must_use]
    pub fn to_matrix(&self) -> Matrix4<f64> {
        let mut matrix = Matrix4::identity();
        matrix.fixed_view_mut::<3, 3>(0, 0).copy_from(&self.rotation);
        matrix.fixed_view_mut::<3, 1>(0, 3).copy_from(&self.translation_mm);
        matrix
    }

    /// The transform the other way.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.transpose();
        Self { rotation, translation_mm: -(rotation * self.translation_mm) }
    }

    /// Takes a point (mm) from the source frame to the target frame.
    #[must_use]
    pub fn point(&self, point_mm: Vector3<f64>) -> Vector3<f64> {
        self.rotation * point_mm + self.translation_mm
    }

    /// Takes a direction from the source frame to the target frame.
    #[must_use]
    pub fn direction(&self, direction: Vector3<f64>) -> Vector3<f64> {
        self.rotation * direction
    }

    /// The exponential map of SE(3).
    ///
    /// # Units
    /// A twist is (omega (rad), rho (mm)), stacked in this order.
    #[must_use]
    pub fn exp(twist: &Vector6<f64>) -> Self {
        let (omega, rho) = split(twist);
        Self { rotation: exp(omega), translation_mm: left_jacobian(omega) * rho }
    }

    /// The twist (omega (rad), rho (mm)) whose [`exp`](Self::exp) this is.
    #[must_use]
    pub fn log(&self) -> Vector6<f64> {
        let omega = log(&self.rotation);
        stack(omega, left_jacobian_inverse(omega) * self.translation_mm)
    }

    /// The adjoint matrix: `T exp(twist) T^-1 = exp(adjoint(T) twist)`.
    #[must_use]
    pub fn adjoint(&self) -> Matrix6<f64> {
        let mut adjoint = Matrix6::zeros();
        adjoint.fixed_view_mut::<3, 3>(0, 0).copy_from(&self.rotation);
        adjoint.fixed_view_mut::<3, 3>(3, 3).copy_from(&self.rotation);
        adjoint.fixed_view_mut::<3, 3>(3, 0).copy_from(&(hat(self.translation_mm) * self.rotation));
        adjoint
    }
}

impl std::ops::Mul for RigidTransform {
    type Output = Self;

    /// `a_from_b * b_from_c = a_from_c`.
    fn mul(self, other: Self) -> Self {
        Self {
            rotation: self.rotation * other.rotation,
            translation_mm: self.rotation * other.translation_mm + self.translation_mm,
        }
    }
}

/// The first three and the last three components.
pub(super) fn split(six: &Vector6<f64>) -> (Vector3<f64>, Vector3<f64>) {
    (six.fixed_rows::<3>(0).into_owned(), six.fixed_rows::<3>(3).into_owned())
}

/// Three and three components as six.
pub(super) fn stack(first: Vector3<f64>, last: Vector3<f64>) -> Vector6<f64> {
    Vector6::new(first.x, first.y, first.z, last.x, last.y, last.z)
}

#[cfg(test)]
mod tests {
    //! Proves: the group laws, exp and log as inverses, the adjoint identity, and that what is not
    //! rigid is refused with the reason.
    use super::*;
    use proptest::prelude::*;

    fn twist() -> impl Strategy<Value = Vector6<f64>> {
        prop::array::uniform6(-1.5..1.5f64)
            .prop_map(|t| Vector6::new(t[0], t[1], t[2], t[3] * 100.0, t[4] * 100.0, t[5] * 100.0))
    }

    fn distance(a: &RigidTransform, b: &RigidTransform) -> f64 {
        (a.to_matrix() - b.to_matrix()).amax()
    }

    proptest! {
        #[test]
        fn inverse_undoes(t in twist()) {
            let transform = RigidTransform::exp(&t);
            prop_assert!(distance(&(transform * transform.inverse()), &RigidTransform::identity()) < 1e-12);
        }

        #[test]
        fn log_inverts_exp(t in twist()) {
            prop_assert!((RigidTransform::exp(&t).log() - t).amax() < 1e-9);
        }

        #[test]
        fn adjoint_moves_twists_between_frames(t in twist(), s in twist()) {
            let transform = RigidTransform::exp(&t);
            let left = transform * RigidTransform::exp(&s) * transform.inverse();
            let right = RigidTransform::exp(&(transform.adjoint() * s));
            prop_assert!(distance(&left, &right) < 1e-9);
        }

        #[test]
        fn matrices_round_trip(t in twist()) {
            let transform = RigidTransform::exp(&t);
            let back = RigidTransform::from_matrix(&transform.to_matrix()).unwrap();
            prop_assert!(distance(&transform, &back) < 1e-14);
        }
    }

    #[test]
    fn refuses_what_is_not_rigid() {
        let mut matrix = Matrix4::identity();
        matrix[(0, 0)] = 1.1;
        assert!(matches!(
            RigidTransform::from_matrix(&matrix),
            Err(RigidError::NotOrthonormal { .. })
        ));
        matrix[(0, 0)] = -1.0;
        assert!(matches!(RigidTransform::from_matrix(&matrix), Err(RigidError::Mirror { .. })));
        matrix[(0, 0)] = f64::NAN;
        assert!(matches!(
            RigidTransform::from_matrix(&matrix),
            Err(RigidError::NotFinite { row: 0, column: 0, .. })
        ));
        matrix[(0, 0)] = 1.0;
        matrix[(3, 0)] = 1.0;
        assert!(matches!(RigidTransform::from_matrix(&matrix), Err(RigidError::LastRow { .. })));
    }
}
