//! Poses and cameras.
//!
//! - [`pose_json`]: `pose.json`, where the patient is
//! - [`camera_json`]: `camera.json`, the X-ray camera
//! - [`transform_tfm`]: `pose.tfm`, the pose for ITK and Slicer
//! - [`camera_from`]: cameras of other programs
//! - [`json`]: how strictly the first two are read

pub mod camera_from;
pub mod camera_json;
pub mod json;
pub mod pose_json;
pub mod transform_tfm;

pub use camera_json::{read_camera, write_camera};
pub use pose_json::{read_pose, write_pose};
pub use transform_tfm::write_transform_tfm;
