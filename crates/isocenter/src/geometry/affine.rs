//! The affine that places voxels in the world.

use nalgebra::{Matrix3, Matrix4, Vector3};

/// Why an affine cannot place a volume.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AffineError {
    /// An entry is NaN or infinite.
    #[error(
        "entry [{row}][{column}] of the affine is {value}: every entry must be a finite number"
    )]
    NotFinite {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// What was found there.
        value: f64,
    },
    /// A voxel edge has no length.
    #[error("the voxel spacing along index axis {axis} is 0 mm: every spacing must be positive")]
    ZeroSpacing {
        /// The index axis, 0 to 2.
        axis: usize,
    },
    /// The three voxel edges lie in a plane.
    #[error(
        "the three index axes lie in one plane (the affine is singular): correct the directions in the file"
    )]
    Singular,
}

/// An invertible affine map, target frame first in its variable's name: `world_from_index`.
///
/// Any one is allowed: permuted, flipped, left-handed, oblique, sheared.
///
/// # Units
/// `world_from_index` takes voxel indices (centres at integers) to millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    linear: Matrix3<f64>,
    translation: Vector3<f64>,
}

impl Affine {
    /// From the linear part (columns are the edges of a voxel) and the position of voxel (0, 0, 0).
    ///
    /// # Errors
    /// If a number is not finite, an edge has no length, or the edges lie in a plane.
    pub fn new(linear: Matrix3<f64>, translation: Vector3<f64>) -> Result<Self, AffineError> {
        for row in 0..3 {
            for column in 0..4 {
                let value = if column < 3 { linear[(row, column)] } else { translation[row] };
                if !value.is_finite() {
                    return Err(AffineError::NotFinite { row, column, value });
                }
            }
        }
        let mut directions = linear;
        for axis in 0..3 {
            let spacing = linear.column(axis).norm();
            if spacing < 1e-9 {
                return Err(AffineError::ZeroSpacing { axis });
            }
            directions.column_mut(axis).unscale_mut(spacing);
        }
        if directions.determinant().abs() < 1e-6 {
            return Err(AffineError::Singular);
        }
        Ok(Self { linear, translation })
    }

    /// Axes along the world's, with the given spacing, and voxel (0, 0, 0) at `origin_mm`.
    ///
    /// # Errors
    /// As [`Affine::new`].
    pub fn from_spacing(spacing_mm: [f64; 3], origin_mm: [f64; 3]) -> Result<Self, AffineError> {
        Self::new(Matrix3::from_diagonal(&Vector3::from(spacing_mm)), Vector3::from(origin_mm))
    }

    /// The linear part; its columns are the edges of a voxel.
    #[must_use]
    pub fn linear(&self) -> &Matrix3<f64> {
        &self.linear
    }

    /// Where the origin goes.
    #[must_use]
    pub fn translation(&self) -> &Vector3<f64> {
        &self.translation
    }

    /// The lengths of a voxel's edges (mm).
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.linear.column(axis).norm())
    }

    /// Takes a point from the source frame to the target frame.
    #[must_use]
    pub fn point(&self, point: Vector3<f64>) -> Vector3<f64> {
        self.linear * point + self.translation
    }

    /// The map the other way.
    #[must_use]
    pub fn inverse(&self) -> Self {
        // `new` has checked that the determinant is far from zero, so the inverse exists.
        let linear = self.linear.try_inverse().unwrap_or_else(Matrix3::zeros);
        Self { linear, translation: -(linear * self.translation) }
    }

    /// The homogeneous 4x4 matrix.
    #[must_use]
    pub fn to_matrix(&self) -> Matrix4<f64> {
        let mut matrix = Matrix4::identity();
        matrix.fixed_view_mut::<3, 3>(0, 0).copy_from(&self.linear);
        matrix.fixed_view_mut::<3, 1>(0, 3).copy_from(&self.translation);
        matrix
    }

    /// The affine of the grid whose index is `offset + scale * index` in this one's.
    #[must_use]
    pub(crate) fn reindexed(&self, scale: [f64; 3], offset: [f64; 3]) -> Self {
        Self {
            linear: self.linear * Matrix3::from_diagonal(&Vector3::from(scale)),
            translation: self.point(Vector3::from(offset)),
        }
    }
}

impl std::ops::Mul for Affine {
    type Output = Self;

    /// `a_from_b * b_from_c = a_from_c`.
    fn mul(self, other: Self) -> Self {
        Self { linear: self.linear * other.linear, translation: self.point(other.translation) }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: inverse and product obey their names; degenerate affines are refused by reason.
    use super::*;

    #[test]
    fn inverse_undoes_a_left_handed_oblique_affine() {
        let affine = Affine::new(
            Matrix3::new(0.1, -0.7, 0.2, 0.9, 0.1, 0.3, -0.2, 0.1, 2.5),
            Vector3::new(10.0, -20.0, 30.0),
        )
        .unwrap();
        let point = Vector3::new(1.0, 2.0, 3.0);
        assert!((affine.inverse().point(affine.point(point)) - point).norm() < 1e-12);
        assert!(((affine * affine.inverse()).to_matrix() - Matrix4::identity()).amax() < 1e-12);
    }

    #[test]
    fn degenerate_affines_are_refused() {
        let zero = Affine::from_spacing([1.0, 0.0, 1.0], [0.0; 3]);
        assert_eq!(zero, Err(AffineError::ZeroSpacing { axis: 1 }));
        let nan = Affine::from_spacing([1.0; 3], [0.0, f64::NAN, 0.0]);
        assert!(matches!(nan, Err(AffineError::NotFinite { row: 1, column: 3, .. })));
        let flat = Matrix3::new(1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0);
        assert_eq!(Affine::new(flat, Vector3::zeros()), Err(AffineError::Singular));
    }
}
