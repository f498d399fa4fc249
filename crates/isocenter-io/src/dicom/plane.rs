//! Where the images of a file lie, and what their numbers mean.

use std::path::{Path, PathBuf};

use nalgebra::Vector3;
use serde::Serialize;

use super::error::DicomError;
use super::object::Object;
use super::pixels::PixelLayout;
use super::syntax::TransferSyntax;
use super::tag::{self, Tag};
use super::value::{DataSet, missing, wrong};
use crate::error::FileProblem;

/// How far from 1 the length of a direction may be, and from 0 the cosine between two.
const DIRECTION_TOLERANCE: f64 = 1e-3;

/// The plane of an image, and what its numbers mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plane {
    /// Where the first pixel lies (LPS, mm).
    pub(crate) position: Vector3<f64>,
    /// Where the columns go on: the direction of a row, of length 1.
    pub(crate) along_row: Vector3<f64>,
    /// Where the rows go on: the direction of a column, of length 1.
    pub(crate) along_column: Vector3<f64>,
    /// The distance of columns, and of rows (mm).
    pub(crate) spacing_mm: [f64; 2],
    /// HU = slope * stored + intercept.
    pub(crate) slope: f64,
    /// See [`slope`](Self::slope).
    pub(crate) intercept: f64,
    /// The stored numbers, from and to, that mean no pixel.
    pub(crate) padding: Option<[i32; 2]>,
}

/// Who is on an image, and when it was made. It is for the eyes of those alone who ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Identity {
    /// Patient's name.
    pub patient_name: Option<String>,
    /// Patient's number.
    pub patient_id: Option<String>,
    /// Patient's date of birth.
    pub patient_birth_date: Option<String>,
    /// Date of the study.
    pub study_date: Option<String>,
    /// What the study is called.
    pub study_description: Option<String>,
    /// What the series is called.
    pub series_description: Option<String>,
    /// The number of the series that no other has.
    pub series_uid: Option<String>,
}

impl Identity {
    /// That of a data set.
    pub(crate) fn of(tags: &DataSet<'_>) -> Self {
        Self {
            patient_name: tags.text(tag::PATIENT_NAME),
            patient_id: tags.text(tag::PATIENT_ID),
            patient_birth_date: tags.text(tag::PATIENT_BIRTH_DATE),
            study_date: tags.text(tag::STUDY_DATE),
            study_description: tags.text(tag::STUDY_DESCRIPTION),
            series_description: tags.text(tag::SERIES_DESCRIPTION),
            series_uid: tags.text(tag::SERIES_INSTANCE_UID),
        }
    }
}

/// A file with images, without their pixels.
#[derive(Debug, Clone)]
pub(crate) struct ImageFile {
    pub(crate) path: PathBuf,
    pub(crate) series_uid: String,
    pub(crate) series_number: Option<i32>,
    pub(crate) modality: String,
    pub(crate) is_localizer: bool,
    pub(crate) gantry_tilt_deg: Option<f64>,
    pub(crate) has_rescale: bool,
    pub(crate) rescale_type: Option<String>,
    pub(crate) syntax: TransferSyntax,
    pub(crate) identity: Identity,
    /// How the pixels lie, or why that cannot be told.
    pub(crate) layout: Result<PixelLayout, DicomError>,
    /// The planes of its images, or why they have none.
    pub(crate) planes: Result<Vec<Plane>, DicomError>,
    /// Whether its pixels can be read, as far as shows.
    pub(crate) pixels: Result<(), String>,
}

impl ImageFile {
    /// Opens a file; `None` if it is DICOM and holds no images.
    ///
    /// # Errors
    /// As [`Object::open_header`].
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, FileProblem> {
        Ok(Self::of(path, &Object::open_header(path)?))
    }

    fn of(path: &Path, object: &Object) -> Option<Self> {
        let tags = object.data_set();
        // Anything else, such as structures or a DICOMDIR.
        if !tags.has(tag::PIXEL_DATA)
            && !tags.has(tag::FLOAT_PIXEL_DATA)
            && !tags.has(tag::DOUBLE_FLOAT_PIXEL_DATA)
        {
            return None;
        }
        let layout = object.pixel_layout();
        let planes = layout.clone().and_then(|layout| planes(&tags, &layout));
        let pixels = layout.as_ref().map_or(Ok(()), |layout| object.check_pixels(layout));
        let shared = tags.item(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let rescale = group(&tags, shared, None, tag::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        let in_range = [i32::MIN, i32::MAX];
        Some(Self {
            path: path.to_owned(),
            series_uid: tags.text(tag::SERIES_INSTANCE_UID).unwrap_or_default(),
            series_number: tags.integer(tag::SERIES_NUMBER, in_range, "").ok().flatten(),
            modality: tags.text(tag::MODALITY).unwrap_or_default(),
            is_localizer: tags.texts(tag::IMAGE_TYPE).iter().any(|part| part == "LOCALIZER"),
            gantry_tilt_deg: tags.number(tag::GANTRY_DETECTOR_TILT, "").ok().flatten(),
            has_rescale: rescale.has(tag::RESCALE_SLOPE)
                || tags.has(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE),
            rescale_type: rescale.text(tag::RESCALE_TYPE),
            syntax: object.transfer_syntax(),
            identity: Identity::of(&tags),
            layout,
            planes,
            pixels: pixels.map_err(|problem| problem.to_string()),
        })
    }
}

/// Where a matter of a frame is told: in its own group, in the group of all frames, or, in files
/// of a single image, at the top.
fn group<'a>(
    tags: &DataSet<'a>,
    shared: Option<DataSet<'a>>,
    of_frame: Option<DataSet<'a>>,
    sequence: Tag,
) -> DataSet<'a> {
    let in_group = |group: Option<DataSet<'a>>| group.and_then(|group| group.item(sequence));
    in_group(of_frame).or_else(|| in_group(shared)).unwrap_or(*tags)
}

/// The planes of all frames.
fn planes(tags: &DataSet<'_>, layout: &PixelLayout) -> Result<Vec<Plane>, DicomError> {
    let shared = tags.item(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let of_frames = tags.items(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    if of_frames.len() == 0 {
        if layout.frames > 1 {
            return Err(missing(
                tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
                "the place of each frame is expected in a file with several",
            ));
        }
        return Ok(vec![plane(tags, shared, None, layout)?]);
    }
    if of_frames.len() != layout.frames {
        return Err(wrong(
            tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
            &format!("{} items", of_frames.len()),
            "an item for each of NumberOfFrames is expected",
        ));
    }
    of_frames.map(|frame| plane(tags, shared, Some(frame), layout)).collect()
}

fn plane(
    tags: &DataSet<'_>,
    shared: Option<DataSet<'_>>,
    of_frame: Option<DataSet<'_>>,
    layout: &PixelLayout,
) -> Result<Plane, DicomError> {
    let group = |sequence| group(tags, shared, of_frame, sequence);

    let expected = "three numbers are expected, where the first pixel lies (mm)";
    let position = group(tag::PLANE_POSITION_SEQUENCE)
        .require_numbers::<3>(tag::IMAGE_POSITION_PATIENT, expected)?;

    let expected = "six numbers are expected, the directions of row and column, of length 1 and at right angles";
    let orientation = group(tag::PLANE_ORIENTATION_SEQUENCE)
        .require_numbers::<6>(tag::IMAGE_ORIENTATION_PATIENT, expected)?;
    let [along_row, along_column] = [0, 3].map(|at| Vector3::from_fn(|n, _| orientation[at + n]));
    let is_one = |length: f64| (length - 1.0).abs() < DIRECTION_TOLERANCE;
    if !is_one(along_row.norm())
        || !is_one(along_column.norm())
        || along_row.dot(&along_column).abs() > DIRECTION_TOLERANCE
    {
        let shown = orientation.map(|n| n.to_string()).join("\\");
        return Err(wrong(tag::IMAGE_ORIENTATION_PATIENT, &shown, expected));
    }

    let expected = "two numbers above 0 are expected, the distance of rows and of columns (mm)";
    let [row_mm, column_mm] =
        group(tag::PIXEL_MEASURES_SEQUENCE).require_numbers::<2>(tag::PIXEL_SPACING, expected)?;
    if row_mm <= 0.0 || column_mm <= 0.0 {
        return Err(wrong(tag::PIXEL_SPACING, &format!("{row_mm}\\{column_mm}"), expected));
    }

    let rescale = group(tag::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
    let expected = "a number other than 0 is expected";
    let slope = rescale.number(tag::RESCALE_SLOPE, expected)?.unwrap_or(1.0);
    if slope == 0.0 {
        return Err(wrong(tag::RESCALE_SLOPE, "0", expected));
    }
    let intercept = rescale.number(tag::RESCALE_INTERCEPT, "a number is expected")?.unwrap_or(0.0);

    let expected = "a whole number of 16 bits is expected";
    let pixel = |tag| -> Result<Option<i32>, DicomError> {
        let number = tags.integer(tag, [-32768, 65535], expected)?;
        Ok(number.and_then(|number| layout.pixel_of_tag(number)))
    };
    let padding = match (pixel(tag::PIXEL_PADDING_VALUE)?, pixel(tag::PIXEL_PADDING_RANGE_LIMIT)?) {
        (Some(value), limit) => {
            let limit = limit.unwrap_or(value);
            Some([value.min(limit), value.max(limit)])
        }
        (None, _) => None,
    };
    Ok(Plane {
        position: position.into(),
        // Written with few digits they are not quite of length 1, and would stretch the spacing.
        along_row: along_row.normalize(),
        along_column: along_column.normalize(),
        spacing_mm: [column_mm, row_mm],
        slope,
        intercept,
        padding,
    })
}
