//! Where NIfTI voxels lie in the world.
//!
//! NIfTI's world is RAS, ours is LPS: the first two coordinates change sign. Of the three ways in
//! which a file may place its voxels the first that is there counts:
//!
//! 1. **sform** (`sform_code > 0`): an affine, taken as it stands;
//! 2. **qform** (`qform_code > 0`): a unit quaternion (b, c, d; a follows), an offset, the spacing
//!    `pixdim`, and `qfac` = -1 in `pixdim[0]` where the third axis is reversed;
//! 3. neither: `pixdim` alone. The standard attaches no direction to the axes then; they are taken
//!    along L, P and S with the first voxel at the origin, as ITK and so SimpleITK and Slicer do.

use isocenter::volume::{Affine, AffineError};
use nalgebra::{Matrix3, Quaternion, Rotation3, UnitQuaternion, Vector3};
use nifti::NiftiHeader;

use super::NiftiError;
use crate::error::FileProblem;

/// How far from a rotation the directions may be for a qform to stand in for them.
const ROTATION_TOLERANCE: f64 = 1e-5;

/// The affine of a header, in LPS millimetres.
pub(super) fn world_from_index(raw: &NiftiHeader) -> Result<Affine, FileProblem> {
    let (linear, translation) = if raw.sform_code > 0 {
        sform(raw)
    } else if raw.qform_code > 0 {
        qform(raw)
    } else {
        let spacing = spacing(raw);
        let along_lps = Vector3::new(-spacing.x, -spacing.y, spacing.z);
        (Matrix3::from_diagonal(&along_lps), Vector3::zeros())
    };
    let mm = millimetres(raw.xyzt_units)?;
    let lps_from_ras = Matrix3::from_diagonal(&Vector3::new(-mm, -mm, mm));
    Affine::new(lps_from_ras * linear, lps_from_ras * translation).map_err(no_place(raw))
}

/// What is wrong with the fields that place the voxels.
fn no_place(raw: &NiftiHeader) -> impl FnOnce(AffineError) -> FileProblem + use<> {
    let spacing = &raw.pixdim[1..4];
    let (fields, numbers) = if raw.sform_code > 0 {
        ("srow_x, srow_y, srow_z (sform)", [raw.srow_x, raw.srow_y, raw.srow_z].concat())
    } else if raw.qform_code > 0 {
        let quaternion = [raw.quatern_b, raw.quatern_c, raw.quatern_d];
        let offset = [raw.quatern_x, raw.quatern_y, raw.quatern_z];
        let fields = "pixdim, quatern_b to quatern_d, qoffset_x to qoffset_z (qform)";
        (fields, [spacing, &quaternion, &offset].concat())
    } else {
        ("pixdim", spacing.to_vec())
    };
    let numbers: Vec<f64> = numbers.into_iter().map(f64::from).collect();
    FileProblem::affine(fields, &numbers)
}

/// How many millimetres the header's unit of length is.
fn millimetres(xyzt_units: u8) -> Result<f64, NiftiError> {
    match xyzt_units & 7 {
        0 | 2 => Ok(1.0),
        1 => Ok(1000.0),
        3 => Ok(0.001),
        code => Err(NiftiError::Unit { code }),
    }
}

fn spacing(raw: &NiftiHeader) -> Vector3<f64> {
    Vector3::new(raw.pixdim[1], raw.pixdim[2], raw.pixdim[3]).map(|d| f64::from(d.abs()))
}

fn sform(raw: &NiftiHeader) -> (Matrix3<f64>, Vector3<f64>) {
    let rows = [raw.srow_x, raw.srow_y, raw.srow_z];
    (
        Matrix3::from_fn(|row, column| f64::from(rows[row][column])),
        Vector3::from_fn(|row, _| f64::from(rows[row][3])),
    )
}

fn qform(raw: &NiftiHeader) -> (Matrix3<f64>, Vector3<f64>) {
    let bcd = Vector3::new(raw.quatern_b, raw.quatern_c, raw.quatern_d).map(f64::from);
    // The square of the part that is not stored. Below the rounding of the stored f32 numbers it
    // is taken as 0 and the rest made a unit vector, as the reference implementation does.
    let a_squared = 1.0 - bcd.norm_squared();
    let quaternion = if a_squared < 1e-7 {
        Quaternion::from_parts(0.0, bcd)
    } else {
        Quaternion::from_parts(a_squared.sqrt(), bcd)
    };
    let rotation = UnitQuaternion::new_normalize(quaternion).to_rotation_matrix().into_inner();
    let mut spacing = spacing(raw);
    if raw.pixdim[0] < 0.0 {
        spacing.z = -spacing.z;
    }
    let offset = Vector3::new(raw.quatern_x, raw.quatern_y, raw.quatern_z).map(f64::from);
    (rotation * Matrix3::from_diagonal(&spacing), offset)
}

/// The fields of a qform.
#[derive(Debug, Clone, Copy)]
pub(super) struct Qform {
    pub(super) qfac: f32,
    pub(super) quaternion_bcd: [f32; 3],
    pub(super) offset: [f32; 3],
}

/// The rows of the sform, the spacing, and the qform, which exists where the affine is a rotation
/// (perhaps with the third axis reversed) times the spacing.
pub(super) fn encode(world_from_index: &Affine) -> ([[f32; 4]; 3], [f32; 3], Option<Qform>) {
    let ras_from_lps = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
    let linear = ras_from_lps * world_from_index.linear();
    let translation = ras_from_lps * world_from_index.translation();
    let sform = [0, 1, 2].map(|row| {
        [linear[(row, 0)], linear[(row, 1)], linear[(row, 2)], translation[row]].map(|v| v as f32)
    });
    let spacing = world_from_index.spacing_mm();
    let mut rotation = linear;
    for (axis, length) in spacing.into_iter().enumerate() {
        rotation.column_mut(axis).unscale_mut(length);
    }
    let reversed = rotation.determinant() < 0.0;
    if reversed {
        rotation.column_mut(2).neg_mut();
    }
    let deviation = (rotation.transpose() * rotation - Matrix3::identity()).amax();
    let qform = (deviation < ROTATION_TOLERANCE).then(|| {
        let rotation = Rotation3::from_matrix_unchecked(rotation);
        let quaternion = UnitQuaternion::from_rotation_matrix(&rotation);
        // The part that is not stored must be positive: a quaternion and its negative turn alike.
        let sign = if quaternion.w < 0.0 { -1.0 } else { 1.0 };
        let [b, c, d] = [quaternion.i, quaternion.j, quaternion.k].map(|v| (sign * v) as f32);
        Qform {
            qfac: if reversed { -1.0 } else { 1.0 },
            quaternion_bcd: [b, c, d],
            offset: [translation.x, translation.y, translation.z].map(|v| v as f32),
        }
    });
    (sform, spacing.map(|v| v as f32), qform)
}

#[cfg(test)]
mod tests {
    //! Proves: a qform alone brings back any orthogonal affine, left-handed ones too, to the
    //! precision that f32 quaternions have; a sheared affine gets no qform.
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn qform_round_trips(
            axis in prop::array::uniform3(-3.0..3.0f64),
            spacing in prop::array::uniform3(0.2..4.0f64),
            origin in prop::array::uniform3(-500.0..500.0f64),
            flipped in any::<bool>(),
        ) {
            let spacing = Vector3::from(spacing);
            let mut linear = Rotation3::new(Vector3::from(axis)).into_inner()
                * Matrix3::from_diagonal(&spacing);
            if flipped {
                linear.column_mut(1).neg_mut();
            }
            let affine = Affine::new(linear, Vector3::from(origin)).unwrap();
            let (_, pixdim, qform) = encode(&affine);
            let qform = qform.unwrap();
            let mut raw = NiftiHeader { qform_code: 1, sform_code: 0, ..NiftiHeader::default() };
            raw.pixdim[..4].copy_from_slice(&[qform.qfac, pixdim[0], pixdim[1], pixdim[2]]);
            [raw.quatern_b, raw.quatern_c, raw.quatern_d] = qform.quaternion_bcd;
            [raw.quatern_x, raw.quatern_y, raw.quatern_z] = qform.offset;
            let back = world_from_index(&raw).unwrap();
            // Half turns are the worst: a = sqrt(1 - b^2 - c^2 - d^2) has an error of
            // sqrt(1e-7) = 3e-4 there, and an angle twice that.
            prop_assert!((back.linear() - affine.linear()).amax() < 7e-4 * spacing.amax());
            prop_assert!((back.translation() - affine.translation()).amax() < 1e-4);
        }
    }

    #[test]
    fn a_sheared_affine_has_no_qform() {
        let sheared = Matrix3::new(1.0, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0);
        let (sform, _, qform) = encode(&Affine::new(sheared, Vector3::zeros()).unwrap());
        assert!(qform.is_none());
        assert_eq!(sform[0], [-1.0, -0.1, 0.0, 0.0]);
    }
}
