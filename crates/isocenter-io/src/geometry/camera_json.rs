//! `camera.json`: the X-ray camera.
//!
//! ```json
//! {
//!   "source_to_detector_mm": 1020.0,
//!   "pixel_spacing_mm": [1.4, 1.4],
//!   "size_px": [256, 256],
//!   "principal_point_px": [127.5, 127.5],
//!   "source_to_isocenter_mm": 700.0
//! }
//! ```
//!
//! Pairs are [column, row]. The first three keys are required. `principal_point_px` is the
//! detector's centre unless given, `source_to_isocenter_mm` is used by views only, and
//! `camera_from_reference_camera`, a 4x4 matrix, places the second and further X-rays of one
//! patient. No other key is allowed.

use std::path::Path;

use isocenter::geometry::Camera;
use serde::Deserialize;
use serde_json::Value;

use super::json::{self, JsonError, Kind};
use crate::atomic;
use crate::error::{At, FileError, FileProblem};

const KIND: Kind = Kind {
    name: "camera.json",
    keys: "source_to_detector_mm, pixel_spacing_mm, size_px and, if need be, principal_point_px, source_to_isocenter_mm, camera_from_reference_camera",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CameraFile {
    source_to_detector_mm: Value,
    pixel_spacing_mm: Value,
    size_px: Value,
    #[serde(default, deserialize_with = "json::optional")]
    principal_point_px: Option<Value>,
    #[serde(default, deserialize_with = "json::optional")]
    source_to_isocenter_mm: Option<Value>,
    #[serde(default, deserialize_with = "json::optional")]
    camera_from_reference_camera: Option<Value>,
}

/// Reads a camera.
///
/// # Errors
/// If the file is not exactly what the [module](self) describes, or the numbers make no camera.
pub fn read_camera(path: impl AsRef<Path>) -> Result<Camera, FileError> {
    let path = path.as_ref();
    read(path).at(path)
}

fn read(path: &Path) -> Result<Camera, FileProblem> {
    Ok(camera(&json::read(path, &KIND)?)?)
}

fn camera(file: &CameraFile) -> Result<Camera, JsonError> {
    const LENGTH: &str = "a number of millimetres";
    const PIXELS: &str = "two numbers, [column, row], in pixels,";
    let mut camera = Camera::new(
        json::decode("source_to_detector_mm", &file.source_to_detector_mm, LENGTH)?,
        json::decode(
            "pixel_spacing_mm",
            &file.pixel_spacing_mm,
            "two numbers, [column, row], in millimetres,",
        )?,
        json::decode("size_px", &file.size_px, "two whole numbers, [columns, rows],")?,
    )?;
    if let Some(value) = &file.principal_point_px {
        let point = json::decode("principal_point_px", value, PIXELS)?;
        camera = camera.with_principal_point_px(point)?;
    }
    if let Some(value) = &file.source_to_isocenter_mm {
        let length = json::decode("source_to_isocenter_mm", value, LENGTH)?;
        camera = camera.with_source_to_isocenter_mm(length)?;
    }
    if let Some(value) = &file.camera_from_reference_camera {
        let transform = json::decode_rigid("camera_from_reference_camera", value)?;
        camera = camera.with_camera_from_reference_camera(transform);
    }
    Ok(camera)
}

/// Writes a camera, in digits that read back to the same bits.
///
/// # Errors
/// If the transform to the reference camera is not rigid or the file cannot be written.
///
/// # Examples
/// ```
/// use isocenter::geometry::Camera;
/// use isocenter_io::geometry::{read_camera, write_camera};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("camera.json");
/// let camera = Camera::new(1011.9, [0.798, 0.798], [256, 256]).unwrap();
/// write_camera(&path, &camera).unwrap();
/// assert_eq!(read_camera(&path).unwrap(), camera);
/// ```
pub fn write_camera(path: impl AsRef<Path>, camera: &Camera) -> Result<(), FileError> {
    let path = path.as_ref();
    let mut entries = vec![
        format!("  \"source_to_detector_mm\": {:?}", camera.source_to_detector_mm()),
        format!("  \"pixel_spacing_mm\": {:?}", camera.pixel_spacing_mm()),
        format!("  \"size_px\": {:?}", camera.size_px()),
        format!("  \"principal_point_px\": {:?}", camera.principal_point_px()),
    ];
    if let Some(length) = camera.source_to_isocenter_mm() {
        entries.push(format!("  \"source_to_isocenter_mm\": {length:?}"));
    }
    if let Some(transform) = camera.camera_from_reference_camera() {
        entries.push(json::encode_rigid("camera_from_reference_camera", transform).at(path)?);
    }
    let text = json::encode_object(&entries);
    atomic::write_file(path, |out| out.write_all(text.as_bytes()))
}
