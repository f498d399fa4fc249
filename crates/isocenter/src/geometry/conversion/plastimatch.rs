//! plastimatch (1.9.4): `plastimatch drr --nrm "x y z" --vup "x y z" --isocenter "x y z" --sad d`.
//!
//! The world is ours. `nrm` points from the isocenter to the source, and the panel's axes are built
//! from it and `vup`:
//!
//! ```text
//! source = isocenter + sad nrm     columns = vup x nrm     rows = z x columns     z = -nrm
//! ```
//!
//! ```json
//! {
//!   "nrm": [0.0, -1.0, 0.0],
//!   "vup": [0.0, 0.0, 1.0],
//!   "isocenter": [0.0, -20.0, 150.0],
//!   "sad": 700.0
//! }
//! ```
//!
//! All four are asked for, since plastimatch's defaults (`--sad 1000`, `--isocenter "0 0 0"`) are
//! seldom meant. Lengths of `nrm` and `vup` do not matter, nor does the part of `vup` along `nrm`.
//! `--sid` and `--image-center` belong to the camera.
//!
//! # References
//! <https://plastimatch.org/drr.html>

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

use super::{
    Convention, ConversionError, ConvertedPose, ForeignPose, TargetGeometry, check_pose,
    components, finite, needed, positive,
};
use crate::geometry::ImageFlip;
use crate::geometry::rigid::RigidTransform;

/// The sine of the angle between `vup` and `nrm` below which there is no upward direction.
const PARALLEL_SINE: f64 = 1e-6;

/// The pose of a plastimatch DRR.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlastimatchPose {
    /// From the isocenter to the source (LPS), of any length.
    pub nrm: [f64; 3],
    /// Towards the top row of the image (LPS), of any length.
    pub vup: [f64; 3],
    /// The isocenter (mm, LPS).
    pub isocenter: [f64; 3],
    /// Distance from the source to the isocenter (mm).
    pub sad: f64,
}

/// The direction of a vector.
fn direction(key: &'static str, vector: [f64; 3]) -> Result<Vector3<f64>, ConversionError> {
    let vector = Vector3::from(finite(key, vector)?);
    let largest = vector.amax();
    if largest == 0.0 {
        return Err(ConversionError::NoDirection { key });
    }
    // Scaled first, so that the squares neither overflow nor vanish.
    Ok((vector / largest).normalize())
}

impl ForeignPose for PlastimatchPose {
    const CONVENTION: Convention = Convention::Plastimatch;

    fn to_camera_from_world(&self) -> Result<ConvertedPose, ConversionError> {
        let nrm = direction("nrm", self.nrm)?;
        let across = direction("vup", self.vup)?.cross(&nrm);
        if across.norm() < PARALLEL_SINE {
            return Err(ConversionError::Parallel { nrm: self.nrm, vup: self.vup });
        }
        let (x, z) = (across.normalize(), -nrm);
        let y = z.cross(&x);
        let rotation = Matrix3::from_rows(&[x.transpose(), y.transpose(), z.transpose()]);
        let source_to_isocenter_mm = positive("sad", self.sad)?;
        let isocenter_world_mm = Vector3::from(finite("isocenter", self.isocenter)?);
        let translation =
            Vector3::new(0.0, 0.0, source_to_isocenter_mm) - rotation * isocenter_world_mm;
        let camera_from_world = RigidTransform::new(rotation, translation)?;
        Ok(ConvertedPose { camera_from_world, image_flip: ImageFlip::None })
    }

    fn from_camera_from_world(
        camera_from_world: &RigidTransform,
        target: &TargetGeometry,
    ) -> Result<Self, ConversionError> {
        check_pose(camera_from_world)?;
        let key = "source_to_isocenter_mm";
        let sad = positive(key, needed(Self::CONVENTION, key, target.source_to_isocenter_mm)?)?;
        let world_from_camera = camera_from_world.inverse();
        Ok(Self {
            nrm: components(world_from_camera.direction(-Vector3::z())),
            vup: components(world_from_camera.direction(-Vector3::y())),
            isocenter: components(world_from_camera.point(Vector3::new(0.0, 0.0, sad))),
            sad,
        })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: lengths do not matter, the named view is the expected one, degenerate directions and
    //! lengths are refused by reason.
    use super::*;
    use crate::geometry::View;

    fn ap() -> PlastimatchPose {
        PlastimatchPose {
            nrm: [0.0, -1.0, 0.0],
            vup: [0.0, 0.0, 1.0],
            isocenter: [3.0, -20.0, 150.0],
            sad: 700.0,
        }
    }

    #[test]
    fn ap_is_ap_whatever_the_lengths() {
        let expected = View::AP.camera_from_world(Vector3::new(3.0, -20.0, 150.0), 700.0);
        // A tilted vup, and squares beyond what f64 holds.
        let scaled = PlastimatchPose { nrm: [0.0, -1e-200, 0.0], vup: [0.0, 7e199, 1e200], ..ap() };
        for pose in [ap(), scaled] {
            let found = pose.to_camera_from_world().unwrap().camera_from_world;
            assert!((found.to_matrix() - expected.to_matrix()).amax() < 1e-12);
        }
    }

    #[test]
    fn degenerate_poses_are_refused_by_reason() {
        let error = |pose: PlastimatchPose| pose.to_camera_from_world().unwrap_err();
        let no_nrm = error(PlastimatchPose { nrm: [0.0; 3], ..ap() });
        assert_eq!(no_nrm, ConversionError::NoDirection { key: "nrm" });
        let no_vup = error(PlastimatchPose { vup: [0.0; 3], ..ap() });
        assert_eq!(no_vup, ConversionError::NoDirection { key: "vup" });
        let parallel = error(PlastimatchPose { vup: [0.0, 3.0, 0.0], ..ap() });
        assert!(matches!(parallel, ConversionError::Parallel { .. }));
        let nan = error(PlastimatchPose { nrm: [f64::NAN, 0.0, 0.0], ..ap() });
        assert!(matches!(nan, ConversionError::NotFinite { key: "nrm", .. }));
        for sad in [0.0, -700.0, f64::NAN, f64::INFINITY] {
            let error = error(PlastimatchPose { sad, ..ap() });
            assert!(matches!(error, ConversionError::NotPositive { key: "sad", .. }));
        }
    }
}
