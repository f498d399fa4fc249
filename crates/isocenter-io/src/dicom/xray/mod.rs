//! X-rays in DICOM: CR, DX, XA and RF, single images and frames of runs.
//!
//! - [`XrayHeader`]: what the tags say, without the pixels
//! - [`XrayFile`]: the pixels too, as intensity or attenuation, and which of them are measurements
//! - [`XrayGeometry`]: distances, pixel size, view; [`XrayGeometry::camera`] makes the camera
//! - [`ImageSide`]: how the image is stored: mirrored or not, turned or not
//!
//! | what | tags |
//! |---|---|
//! | source to detector | DistanceSourceToDetector |
//! | source to isocenter | DistanceSourceToIsocenter; in XA and RF DistanceSourceToPatient |
//! | size of a pixel | ImagerPixelSpacing; PixelSpacing, times the magnification where it is calibrated in the patient |
//! | principal point | the middle of the image; FieldOfViewOrigin, FieldOfViewRotation and FieldOfViewHorizontalFlip with DetectorElementSpacing, DetectorActiveDimensions and DetectorActiveOrigin |
//! | view | in XA and RF PositionerPrimaryAngle and PositionerSecondaryAngle with their increments, else ViewPosition; in others the other way round |
//! | side | PatientOrientation with the view; FieldOfViewHorizontalFlip; else what is usual |
//!
//! Enhanced files have them in functional groups, for each frame or for all.
//!
//! # References
//! DICOM PS3.3: C.8.7 (XA and RF), C.8.11 (DX), C.8.19 (enhanced XA), C.7.6.16 (functional groups).

mod error;
mod geometry;
mod grey;
mod side;
mod spacing;
mod tags;

use std::path::{Path, PathBuf};

use isocenter::geometry::ImageFlip;
use isocenter::radiograph::{
    Image, Mask, PixelValues, PrepareConfig, PreparedXray, RankValues, prepare_within,
};

use super::object::{self, Object};
use super::pixels::PixelLayout;
use super::plane::Identity;
use super::tag;
use crate::error::{At, FileError, FileProblem, one_line};
use grey::Grey;
use tags::FrameTags;

pub use error::XrayError;
pub use geometry::{GivenGeometry, XrayCamera, XrayGeometry};
pub use grey::Relationship;
pub use side::ImageSide;
pub use spacing::PixelSize;

/// The modalities that are X-ray images.
const MODALITIES: [&str; 6] = ["CR", "DX", "XA", "RF", "RG", "DR"];

/// What an X-ray's tags say.
#[derive(Debug, Clone, PartialEq)]
pub struct XrayHeader {
    /// CR, DX, XA, RF.
    pub modality: String,
    /// How the file is written.
    pub transfer_syntax: &'static str,
    /// Columns and rows of the image as it is stored.
    pub size_px: [usize; 2],
    /// Images in the file.
    pub frames: usize,
    /// The one that was asked for, from 1.
    pub frame: usize,
    /// How grey values follow from the light.
    pub relationship: Relationship,
    /// Distances, pixel size, view, side.
    pub geometry: XrayGeometry,
    /// What should be known, in words.
    pub warnings: Vec<String>,
    identity: Identity,
    /// The file, for messages.
    path: PathBuf,
}

impl XrayHeader {
    /// Whose image it is. Nothing of this is shown unless it is asked for.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// An X-ray as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct XrayFile {
    /// What its tags say.
    pub header: XrayHeader,
    /// The pixels, as stored: not flipped.
    pub image: Image,
    /// What they are.
    pub values: PixelValues,
    /// Those that hold a measurement; `None` if all do.
    pub counts: Option<Mask>,
}

impl XrayFile {
    /// The image seen from the source and ready to be compared. Burnt-in text is looked for unless
    /// the settings say otherwise, and grey values of a display are taken by their ranks, however
    /// many there are.
    ///
    /// # Errors
    /// If the image shows nothing, or no pixel counts.
    pub fn prepared(
        &self,
        flip: ImageFlip,
        config: &PrepareConfig,
    ) -> Result<PreparedXray, FileError> {
        let displayed = self.header.relationship == Relationship::Displayed;
        let ranks = match config.ranks {
            RankValues::Displayed if displayed => RankValues::Always,
            ranks => ranks,
        };
        let config = PrepareConfig { text: config.text.or(Some(true)), ranks, ..*config };
        let counts = self.counts.as_ref().map(|mask| mask.flipped(flip));
        prepare_within(&self.image.flipped(flip), self.values, counts.as_ref(), &config)
            .at(&self.header.path)
    }
}

/// Whether a file is one of DICOM: whether the letters DICM stand at byte 128 or, where it was written
/// without the preamble, it begins with an element of DICOM.
///
/// # Examples
/// ```
/// assert!(!isocenter_io::xray::is_dicom("no/such/file.dcm"));
/// ```
#[must_use]
pub fn is_dicom(path: impl AsRef<Path>) -> bool {
    object::is_dicom(path.as_ref())
}

/// Reads the tags of an X-ray; the frame is counted from 1.
///
/// # Errors
/// If the file cannot be read, is no X-ray, has no such frame, or a tag makes no sense without which
/// its pixels cannot be understood. What is wrong about its geometry is kept for
/// [`XrayGeometry::camera`].
pub fn read_xray_header(
    path: impl AsRef<Path>,
    frame: Option<usize>,
) -> Result<XrayHeader, FileError> {
    let path = path.as_ref();
    let read = || {
        let object = Object::open_header(path)?;
        Ok::<_, FileProblem>(header(path, &object, frame)?.header)
    };
    read().at(path)
}

/// Reads an X-ray; the frame is counted from 1. `values` says what its pixels mean where the tags do
/// not, or are wrong.
///
/// # Errors
/// As [`read_xray_header`], and if the pixels cannot be decoded.
pub fn read_xray(
    path: impl AsRef<Path>,
    frame: Option<usize>,
    values: Option<PixelValues>,
) -> Result<XrayFile, FileError> {
    let path = path.as_ref();
    let read = || {
        let object = Object::open(path)?;
        let Parsed { mut header, grey, layout } = header(path, &object, frame)?;
        object.check_pixels(&layout)?;
        let mut stored = vec![0; layout.frame_pixels()];
        object.decode_frame(&layout, header.frame - 1, &mut stored, |number| number)?;
        let grey = grey.image(header.size_px, &stored, values)?;
        header.warnings.extend(grey.warning);
        Ok::<_, FileProblem>(XrayFile {
            header,
            image: grey.image,
            values: grey.values,
            counts: grey.counts,
        })
    };
    read().at(path)
}

struct Parsed {
    header: XrayHeader,
    grey: Grey,
    layout: PixelLayout,
}

fn header(path: &Path, object: &Object, frame: Option<usize>) -> Result<Parsed, FileProblem> {
    let all = object.data_set();
    let modality = all.text(tag::MODALITY).map(|text| one_line(&text)).unwrap_or_default();
    if !modality.is_empty() && !MODALITIES.contains(&modality.as_str()) {
        let what_to_do = match modality.as_str() {
            "CT" => "name the CT with --ct, and an X-ray here",
            _ => "name another file, or convert the image to .png or .tif and give --camera",
        };
        return Err(XrayError::Modality { found: modality, what_to_do }.into());
    }
    let layout = object.pixel_layout()?;
    let most = isocenter::geometry::Camera::MAX_SIDE_PX;
    let size_px = [layout.columns, layout.rows];
    if size_px.iter().any(|&n| n > most) {
        return Err(crate::image::RasterError::Size { size_px, most }.into());
    }
    let wanted = frame.unwrap_or(1);
    let frames = layout.frames;
    if wanted == 0 || wanted > frames {
        return Err(XrayError::Frame { wanted, frames }.into());
    }
    let tags = FrameTags::new(all, wanted - 1);
    let grey = Grey::new(&tags, &layout, &modality)?;
    let geometry = XrayGeometry::new(path, &tags, size_px, &modality);
    let mut warnings = grey.warnings.clone();
    warnings.extend(geometry.warnings());
    if modality.is_empty() {
        warnings.push("Modality (0008,0060) is missing: taken to be an X-ray".to_owned());
    }
    if frame.is_none() && frames > 1 {
        warnings.push(format!(
            "the file holds {frames} frames, the first is taken: choose with --frame"
        ));
    }
    let header = XrayHeader {
        modality,
        transfer_syntax: object.transfer_syntax().name,
        size_px,
        frames,
        frame: wanted,
        relationship: grey.relationship,
        geometry,
        warnings,
        identity: Identity::of(&all),
        path: path.to_owned(),
    };
    Ok(Parsed { header, grey, layout })
}
