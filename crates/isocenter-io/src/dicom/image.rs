//! A single image of a DICOM file, as far as a description needs it.

use std::path::Path;

use serde::Serialize;

use super::error::DicomError;
use super::object::Object;
use super::plane::{Identity, ImageFile};
use crate::error::{At, FileError, FileProblem, one_line};
use crate::voxels::zeros;

/// What a DICOM file of one or more images holds, where they make no volume.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DicomImage {
    /// `CT`, `XA`, ...
    pub modality: String,
    /// The name of the transfer syntax.
    pub transfer_syntax: &'static str,
    /// The bits of a pixel that count.
    pub bits_stored: u32,
    /// Columns and rows.
    pub size_px: [usize; 2],
    /// Images in the file.
    pub frames: usize,
    /// The distance of columns and of rows (mm), where the file has it for a plane in space.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Where the first pixel lies (LPS, mm).
    pub position_world_mm: Option<[f64; 3]>,
    /// The directions of rows and columns (LPS).
    pub directions: Option<[[f64; 3]; 2]>,
    /// The least and the largest value of the first image: HU in a CT.
    pub range: [f32; 2],
    /// Who is on it: not to be shown or written unless the user asks for it.
    #[serde(skip)]
    pub identity: Identity,
}

/// Reads the first image of a DICOM file, and describes it.
///
/// # Units
/// Lengths in millimetres, the world LPS; values as the rescale of the file makes them.
///
/// # Errors
/// If it is no DICOM image, damaged, or compressed in a way that this build does not read.
pub fn read_dicom_image(path: impl AsRef<Path>) -> Result<DicomImage, FileError> {
    let path = path.as_ref();
    describe(path).at(path)
}

fn describe(path: &Path) -> Result<DicomImage, FileProblem> {
    let file = ImageFile::open(path)?.ok_or(DicomError::NoPixels)?;
    let layout = file.layout?;
    let object = Object::open(path)?;
    object.check_pixels(&layout)?;
    let plane = file.planes.ok().and_then(|planes| planes.first().copied());
    let (slope, intercept) = plane.map_or((1.0, 0.0), |plane| (plane.slope, plane.intercept));
    let mut values = zeros(layout.frame_pixels())?;
    let scaled = |stored: i32| (f64::from(stored) * slope + intercept) as f32;
    object.decode_frame(&layout, 0, &mut values, scaled)?;
    let range =
        values.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], &v| [a.min(v), b.max(v)]);
    Ok(DicomImage {
        modality: one_line(&file.modality),
        transfer_syntax: file.syntax.name,
        bits_stored: layout.bits_stored,
        size_px: [layout.columns, layout.rows],
        frames: layout.frames,
        pixel_spacing_mm: plane.map(|plane| plane.spacing_mm),
        position_world_mm: plane.map(|plane| plane.position.into()),
        directions: plane.map(|plane| [plane.along_row.into(), plane.along_column.into()]),
        range,
        identity: file.identity,
    })
}
