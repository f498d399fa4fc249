//! `pose.tfm`: the pose as an ITK transform, for ITK, SimpleITK and 3D Slicer.
//!
//! In ITK a transform takes points of the fixed image's space to the moving image's. Here the X-ray
//! is fixed and the CT moves, so the file holds **`world_from_camera`**, the inverse of the pose,
//! acting on LPS millimetres as ITK does:
//!
//! - SimpleITK: `t = sitk.ReadTransform("pose.tfm")`; `t.TransformPoint(p)` takes a point of the
//!   camera frame to the CT's world, `t.GetInverse()` is `camera_from_world`, and
//!   `sitk.Resample(ct, grid, t)` resamples the CT on a grid that is laid out in the camera frame.
//! - 3D Slicer: add the file as a transform and put the CT under it. Slicer inverts ITK transforms
//!   on reading, so the CT moves by `camera_from_world` and stands in the camera frame: the source
//!   at the origin, the detector at S = source to detector, columns along L, rows along P. To leave
//!   the CT in place and move the camera's models to it instead, put *them* under the transform and
//!   invert it (Transforms module, Invert).
//!
//! It is an `AffineTransform_double_3_3` with its centre at the origin: nine matrix entries row by
//! row, then the translation, in digits that read back to the same bits.

use std::path::Path;

use isocenter::geometry::{RigidError, RigidTransform};

use super::json::JsonError;
use crate::atomic;
use crate::error::{At, FileError};

/// Writes `world_from_camera` as an ITK transform.
///
/// # Errors
/// If a number is not finite or the file cannot be written.
pub fn write_transform_tfm(
    path: impl AsRef<Path>,
    camera_from_world: &RigidTransform,
) -> Result<(), FileError> {
    let path = path.as_ref();
    let text = encode(camera_from_world)
        .map_err(|error| JsonError::Rigid { key: "camera_from_world", error })
        .at(path)?;
    atomic::write_file(path, |out| out.write_all(text.as_bytes()))
}

fn encode(camera_from_world: &RigidTransform) -> Result<String, RigidError> {
    let world_from_camera = camera_from_world.inverse();
    RigidTransform::from_matrix(&world_from_camera.to_matrix())?;
    // nalgebra stores columns: the transpose gives rows.
    let rows = world_from_camera.rotation().transpose();
    let numbers = rows.iter().chain(world_from_camera.translation_mm());
    let parameters: Vec<String> = numbers.map(|v| format!("{v:?}")).collect();
    Ok(format!(
        "#Insight Transform File V1.0\n\
         #Transform 0\n\
         Transform: AffineTransform_double_3_3\n\
         Parameters: {}\n\
         FixedParameters: 0 0 0\n",
        parameters.join(" ")
    ))
}
