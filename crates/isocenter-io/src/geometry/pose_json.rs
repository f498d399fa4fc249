//! `pose.json`: where the patient is.
//!
//! ```json
//! {
//!   "camera_from_world": [
//!     [1.0, 0.0, 0.0, 0.0],
//!     [0.0, 0.0, -1.0, 0.0],
//!     [0.0, 1.0, 0.0, 700.0],
//!     [0.0, 0.0, 0.0, 1.0]
//!   ],
//!   "world": "LPS",
//!   "unit": "mm"
//! }
//! ```
//!
//! All three keys are required and no other is allowed; `world` and `unit` have one value each, so
//! that a file in another convention cannot be mistaken for this one.

use std::path::Path;

use isocenter::geometry::RigidTransform;
use serde::Deserialize;
use serde_json::Value;

use super::json::{self, Kind};
use crate::atomic;
use crate::error::{At, FileError, FileProblem};

const KIND: Kind = Kind { name: "pose.json", keys: "camera_from_world, world, unit" };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PoseFile {
    camera_from_world: Value,
    world: Value,
    unit: Value,
}

/// Reads a pose, `camera_from_world`.
///
/// # Units
/// World in LPS; millimetres.
///
/// # Errors
/// If the file is not exactly what the [module](self) describes, or the matrix is not rigid. A
/// matrix written with few digits (an error up to 1e-4) is made the nearest rotation.
pub fn read_pose(path: impl AsRef<Path>) -> Result<RigidTransform, FileError> {
    let path = path.as_ref();
    read(path).at(path)
}

fn read(path: &Path) -> Result<RigidTransform, FileProblem> {
    let file: PoseFile = json::read(path, &KIND)?;
    json::decode_word("world", &file.world, "LPS", "\"LPS\" (DICOM's patient frame)")?;
    json::decode_word("unit", &file.unit, "mm", "\"mm\"")?;
    Ok(json::decode_rigid("camera_from_world", &file.camera_from_world)?)
}

/// Writes a pose, in digits that read back to the same bits.
///
/// # Errors
/// If a number is not finite or the file cannot be written.
///
/// # Examples
/// ```
/// use isocenter::geometry::View;
/// use isocenter_io::geometry::{read_pose, write_pose};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("pose.json");
/// let camera_from_world = View::AP.camera_from_world(nalgebra::Vector3::zeros(), 700.0);
/// write_pose(&path, &camera_from_world).unwrap();
/// let back = read_pose(&path).unwrap();
/// assert!((back.to_matrix() - camera_from_world.to_matrix()).amax() < 1e-12);
/// ```
pub fn write_pose(
    path: impl AsRef<Path>,
    camera_from_world: &RigidTransform,
) -> Result<(), FileError> {
    let path = path.as_ref();
    let matrix = json::encode_rigid("camera_from_world", camera_from_world).at(path)?;
    let entries = [matrix, "  \"world\": \"LPS\"".to_owned(), "  \"unit\": \"mm\"".to_owned()];
    let text = json::encode_object(&entries);
    atomic::write_file(path, |out| out.write_all(text.as_bytes()))
}
