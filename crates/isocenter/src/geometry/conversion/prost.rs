//! ProST: the pose `rtvec` of its projection module, and the geometry of `input_param`.
//!
//! ProST scales the CT so that its first array axis spans [-1, 1]; one unit is `norm_factor`
//! millimetres, half the length of that axis. The array's first axis is ProST's z, its second y, its
//! third x; before that, `zRot90` turns the array (`numpy.rot90(ct, 3)`) and `ISFlip` reverses its
//! third axis. The source stands at z = `(src_det - iso_center) / norm_factor` and looks along -z;
//! **image rows run along x, image columns along y**. Samples of the rays, `x_ray`, are then moved
//! into the CT by the pose, so the CT moves by its inverse:
//!
//! ```text
//! x_volume = exp(rtvec[0..3]) x_ray + rtvec[3..6]
//! ```
//!
//! ```json
//! {
//!   "rtvec": [0.1, -0.2, 0.05, 0.02, 0.1, -0.03],
//!   "src_det": 1020.0,
//!   "iso_center": 400.0,
//!   "volume": {
//!     "affine": [[-2, 0, 0, 128], [0, 2, 0, -110], [0, 0, 2, 40], [0, 0, 0, 1]],
//!     "shape": [128, 128, 128],
//!     "zRot90": true,
//!     "ISFlip": false
//!   }
//! }
//! ```
//!
//! Three things surprise. The origin of ProST's frame is the voxel index shape/2, half a voxel
//! beyond the centre of the CT. The axes mirror unless an odd number of reversals (a
//! left-handed affine, `ISFlip`) undoes it: with a right-handed affine and no `ISFlip` the image is
//! mirrored, and converts with a column flip. And the ray through the middle of the detector is pixel
//! (W/2, H/2), so that is the principal point of ProST's image.
//!
//! The conversion is written from the published code and tested against its formulas, evaluated in
//! Python with the library that ProST itself uses for rotations.
//!
//! # References
//! C. Gao et al., *Generalizing spatial transformers to projective geometry with applications to
//! 2D/3D registration*, arXiv 2003.10987.

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

use super::{
    Convention, ConversionError, ConvertedPose, ForeignPose, TargetGeometry, check_pose, finite,
    needed, positive, ras_from_lps, unmirrored,
};
use crate::geometry::Affine;
use crate::geometry::ImageFlip;
use crate::geometry::rigid::RigidTransform;
use crate::geometry::rotation::{exp, log, nearest};

/// How far the voxels may be from cubes: the largest entry of `|A^T A - 1|` of the scaled axes.
const CUBIC_TOLERANCE: f64 = 1e-4;

/// The pose of a ProST image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProStPose {
    /// Rotation vector (rad) and translation (`norm_factor`), as ProST's projection module takes
    /// them. (The Euler angles and millimetres of its scripts are what it makes these from.)
    pub rtvec: [f64; 6],
    /// Distance from the source to the detector (mm).
    pub src_det: f64,
    /// Distance from the isocenter to the detector (mm).
    pub iso_center: f64,
    /// The CT.
    pub volume: ProStVolume,
}

/// The CT as ProST reads it from a NIfTI file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProStVolume {
    /// The file's affine (mm, RAS).
    pub affine: [[f64; 4]; 4],
    /// The file's number of voxels along i, j, k.
    pub shape: [usize; 3],
    /// The argument of the same name of `input_param`.
    #[serde(rename = "zRot90")]
    pub z_rot_90: bool,
    /// The argument of the same name of `input_param`.
    #[serde(rename = "ISFlip")]
    pub is_flip: bool,
}

/// Where ProST's frame lies in the world.
struct Placement {
    /// ProST's axes in the world (LPS) as columns; orthonormal, may mirror.
    world_from_volume: Matrix3<f64>,
    /// Where its origin is (mm).
    origin_world_mm: Vector3<f64>,
    /// The length of its unit in the world (mm).
    unit_mm: f64,
    /// The length that ProST takes for its unit (mm).
    norm_factor_mm: f64,
}

impl ProStVolume {
    /// The CT with this placement (LPS) and shape, read by ProST from a NIfTI file.
    #[must_use]
    pub fn new(
        world_from_index: &Affine,
        shape: [usize; 3],
        z_rot_90: bool,
        is_flip: bool,
    ) -> Self {
        let lps = world_from_index.to_matrix();
        // Subtracted from zero, so that no zero becomes a negative one.
        let row = |row: usize| [0, 1, 2, 3].map(|column| lps[(row, column)]);
        let [right, anterior] = [row(0), row(1)].map(|row| row.map(|value| 0.0 - value));
        Self { affine: [right, anterior, row(2), row(3)], shape, z_rot_90, is_flip }
    }

    /// `world_from_index` in LPS.
    fn world_from_index(&self) -> Result<Affine, ConversionError> {
        let [a, b, c, last] = self.affine;
        if last != [0.0, 0.0, 0.0, 1.0] {
            return Err(ConversionError::LastRow { found: last });
        }
        let ras = Matrix3::new(a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]);
        let ras_from_index = Affine::new(ras, Vector3::new(a[3], b[3], c[3]))?;
        let lps_from_ras = ras_from_lps();
        Ok(Affine::new(lps_from_ras * ras, lps_from_ras * ras_from_index.translation())?)
    }

    /// Where ProST's frame lies in the world.
    fn placement(&self) -> Result<Placement, ConversionError> {
        if self.shape.contains(&0) {
            return Err(ConversionError::Shape { shape: self.shape });
        }
        let world_from_index = self.world_from_index()?;
        let [ni, nj, nk] = self.shape.map(|n| n as f64);
        let depth = if self.z_rot_90 { nj } else { ni };
        // (i, j, k) = depth/2 turn (x, y, z) + origin. The turned array's axes are (z, y, x), and
        // (0, 0, 0) is its index shape/2.
        let (mut turn, mut origin) = if self.z_rot_90 {
            // numpy.rot90(ct, 3)[a, b] = ct[ni - 1 - b, a]
            let turn = Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0);
            (turn, Vector3::new(ni / 2.0 - 1.0, nj / 2.0, nk / 2.0))
        } else {
            let turn = Matrix3::new(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0);
            (turn, Vector3::new(ni / 2.0, nj / 2.0, nk / 2.0))
        };
        if self.is_flip {
            turn.row_mut(2).neg_mut();
            origin.z = nk - 1.0 - origin.z;
        }
        let axes = world_from_index.linear() * turn * (depth / 2.0);
        let determinant = axes.determinant();
        let unit_mm = determinant.abs().cbrt();
        let proper = axes * (determinant.signum() / unit_mm);
        let deviation = (proper.transpose() * proper - Matrix3::identity()).amax();
        let not_cubic = || ConversionError::NotCubic { spacing_mm: world_from_index.spacing_mm() };
        if deviation.is_nan() || deviation > CUBIC_TOLERANCE {
            return Err(not_cubic());
        }
        let norm_factor_mm = self.affine[0][0].abs() * depth / 2.0;
        if norm_factor_mm == 0.0 {
            return Err(ConversionError::NoVoxelSize);
        }
        Ok(Placement {
            world_from_volume: nearest(&proper).ok_or_else(not_cubic)? * determinant.signum(),
            origin_world_mm: world_from_index.point(origin),
            unit_mm,
            norm_factor_mm,
        })
    }
}

impl Placement {
    /// Our camera's axes from the axes of ProST's rays: columns along y, rows along x, z to the
    /// detector; reversed in x where the placement mirrors, so that the whole does not.
    fn camera_from_ray(&self) -> (Matrix3<f64>, ImageFlip) {
        let camera_from_ray = Matrix3::new(0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0);
        let (camera_from_volume, image_flip) =
            unmirrored(camera_from_ray * self.world_from_volume.transpose());
        (camera_from_volume * self.world_from_volume, image_flip)
    }

    /// From the source to the isocenter in the world (mm).
    fn source_to_isocenter(&self, src_det: f64, iso_center: f64) -> Vector3<f64> {
        Vector3::new(0.0, 0.0, (src_det - iso_center) / self.norm_factor_mm * self.unit_mm)
    }
}

impl ForeignPose for ProStPose {
    const CONVENTION: Convention = Convention::ProSt;

    fn to_camera_from_world(&self) -> Result<ConvertedPose, ConversionError> {
        let [a, b, c, x, y, z] = finite("rtvec", self.rtvec)?;
        positive("src_det", self.src_det)?;
        finite("iso_center", [self.iso_center])?;
        positive("src_det - iso_center", self.src_det - self.iso_center)?;
        let placement = self.volume.placement()?;
        let (camera_from_ray, image_flip) = placement.camera_from_ray();
        // x_ray = R^T (x_volume - t)
        let camera_from_volume = camera_from_ray * exp(Vector3::new(a, b, c)).transpose();
        let rotation = camera_from_volume * placement.world_from_volume.transpose();
        let translation = placement.source_to_isocenter(self.src_det, self.iso_center)
            - camera_from_volume * Vector3::new(x, y, z) * placement.unit_mm
            - rotation * placement.origin_world_mm;
        Ok(ConvertedPose {
            camera_from_world: RigidTransform::new(rotation, translation)?,
            image_flip,
        })
    }

    fn from_camera_from_world(
        camera_from_world: &RigidTransform,
        target: &TargetGeometry,
    ) -> Result<Self, ConversionError> {
        check_pose(camera_from_world)?;
        let length = |key, value| positive(key, needed(Self::CONVENTION, key, value)?);
        let src_det = length("source_to_detector_mm", target.source_to_detector_mm)?;
        let iso_center = src_det - length("source_to_isocenter_mm", target.source_to_isocenter_mm)?;
        let volume = needed(Self::CONVENTION, "prost_volume", target.prost_volume.clone())?;
        let placement = volume.placement()?;
        let (camera_from_ray, _) = placement.camera_from_ray();
        let camera_from_volume = camera_from_world.rotation() * placement.world_from_volume;
        let volume_from_ray = camera_from_volume.transpose() * camera_from_ray;
        let isocenter_camera = placement.source_to_isocenter(src_det, iso_center);
        let origin_camera = camera_from_world.point(placement.origin_world_mm);
        let omega = log(&volume_from_ray);
        let translation =
            camera_from_volume.transpose() * (isocenter_camera - origin_camera) / placement.unit_mm;
        let rtvec = [omega.x, omega.y, omega.z, translation.x, translation.y, translation.z];
        Ok(Self { rtvec, src_det, iso_center, volume })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the affine round-trips, which volumes mirror, and that volumes which ProST cannot
    //! place are refused by reason.
    use super::*;

    fn volume(affine: [[f64; 3]; 3]) -> ProStVolume {
        let row = |r: [f64; 3], t| [r[0], r[1], r[2], t];
        let [a, b, c] = affine;
        ProStVolume {
            affine: [row(a, 10.0), row(b, -20.0), row(c, 30.0), [0.0, 0.0, 0.0, 1.0]],
            shape: [64, 48, 32],
            z_rot_90: false,
            is_flip: false,
        }
    }

    fn pose(volume: ProStVolume) -> ProStPose {
        ProStPose {
            rtvec: [0.1, -0.2, 0.05, 0.02, 0.1, -0.03],
            src_det: 1020.0,
            iso_center: 400.0,
            volume,
        }
    }

    const RAS: [[f64; 3]; 3] = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]];
    const LAS: [[f64; 3]; 3] = [[-2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]];

    #[test]
    fn right_handed_volumes_mirror_unless_flipped() {
        let flip = |affine, z_rot_90, is_flip| {
            let volume = ProStVolume { z_rot_90, is_flip, ..volume(affine) };
            pose(volume).to_camera_from_world().unwrap().image_flip
        };
        for z_rot_90 in [false, true] {
            assert_eq!(flip(RAS, z_rot_90, false), ImageFlip::Columns);
            assert_eq!(flip(RAS, z_rot_90, true), ImageFlip::None);
            assert_eq!(flip(LAS, z_rot_90, false), ImageFlip::None);
            assert_eq!(flip(LAS, z_rot_90, true), ImageFlip::Columns);
        }
    }

    #[test]
    fn our_affine_becomes_the_file_s_and_back() {
        let given = volume(LAS);
        let lps = given.world_from_index().unwrap();
        assert_eq!(lps.linear().m11, 2.0);
        assert_eq!(ProStVolume::new(&lps, given.shape, false, false), given);
    }

    #[test]
    fn volumes_that_prost_cannot_place_are_refused_by_reason() {
        let error = |volume| pose(volume).to_camera_from_world().unwrap_err();
        let mut slabs = RAS;
        slabs[2][2] = 3.0;
        assert!(matches!(error(volume(slabs)), ConversionError::NotCubic { .. }));
        let permuted = [[0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0]];
        assert_eq!(error(volume(permuted)), ConversionError::NoVoxelSize);
        let empty = ProStVolume { shape: [64, 0, 32], ..volume(RAS) };
        assert_eq!(error(empty), ConversionError::Shape { shape: [64, 0, 32] });
        let mut row = volume(RAS);
        row.affine[3][3] = 2.0;
        assert!(matches!(error(row), ConversionError::LastRow { .. }));
        let mut nan = volume(RAS);
        nan.affine[1][3] = f64::NAN;
        assert!(matches!(error(nan), ConversionError::Affine(_)));
        let singular = [[2.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]];
        assert!(matches!(error(volume(singular)), ConversionError::Affine(_)));
        let rtvec = [0.0, 0.0, f64::INFINITY, 0.0, 0.0, 0.0];
        let infinite = ProStPose { rtvec, ..pose(volume(RAS)) }.to_camera_from_world();
        assert!(matches!(infinite, Err(ConversionError::NotFinite { key: "rtvec", .. })));
        let behind = ProStPose { iso_center: 1020.0, ..pose(volume(RAS)) }.to_camera_from_world();
        assert!(matches!(behind, Err(ConversionError::NotPositive { value: 0.0, .. })));
    }
}
