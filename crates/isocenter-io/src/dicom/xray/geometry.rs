//! The camera, from the tags and from what the user knows better.

use std::path::{Path, PathBuf};

use isocenter::geometry::{Camera, ImageFlip, RigidTransform, View};
use nalgebra::Vector3;

use super::super::error::DicomError;
use super::super::tag;
use super::super::value::wrong;
use super::error::XrayError;
use super::side::ImageSide;
use super::spacing::{PixelSize, pixel_size};
use super::tags::FrameTags;
use crate::error::{At, FileError, FileProblem};

/// What rooms have (mm).
const LONGEST_MM: f64 = 10_000.0;
const DETECTOR: &str = "a length above 0 and up to 10000 mm is expected (or give --sdd)";
const ISOCENTER: &str =
    "a length above 0 and up to 10000 mm is expected (or give --source-to-isocenter-mm)";
/// Angles of positioners (degrees).
const ANGLES_DEG: [f64; 2] = [-360.0, 360.0];
const AN_ANGLE: &str = "an angle of -360 to 360 degrees is expected";
/// How far the detector's normal may be from the beam (degrees).
const MOST_TILT_DEG: f64 = 0.5;

/// What the tags of a frame tell of its geometry. What is wrong in them is an error only where it is
/// needed and nothing else tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct XrayGeometry {
    /// The file, for messages.
    path: PathBuf,
    pub(super) size_px: [usize; 2],
    /// Distance from the source to the detector (mm).
    pub source_to_detector_mm: Result<Option<f64>, DicomError>,
    /// Distance from the source to the isocenter (mm).
    pub source_to_isocenter_mm: Result<Option<f64>, DicomError>,
    /// The size of a pixel at the detector; a text where what the tags say is not enough.
    pub pixel_size: Result<Result<PixelSize, String>, DicomError>,
    /// Where the perpendicular from the source meets the image as it is stored (px), if the tags tell.
    pub principal_point_px: Result<Option<[f64; 2]>, DicomError>,
    /// DetectorPrimaryAngle and DetectorSecondaryAngle (degrees): the beam against the detector's
    /// normal.
    pub tilt_deg: Result<Option<[f64; 2]>, DicomError>,
    /// How the C-arm stood.
    pub view: Result<Option<View>, DicomError>,
    /// How the image is stored.
    pub side: Result<ImageSide, DicomError>,
    /// What tells how it is stored; `None` if it is only usual.
    pub side_source: Option<&'static str>,
    /// The diameter of a round image intensifier (mm).
    pub intensifier_mm: Option<f64>,
    /// The kind of image, as far as it says what is usual.
    pub(super) modality: String,
}

/// What the user knows and the tags do not tell, or tell wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GivenGeometry {
    /// Distance from the source to the detector (mm).
    pub source_to_detector_mm: Option<f64>,
    /// The size of a pixel at the detector (mm): [column, row].
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Where the perpendicular from the source meets the image as it is stored (px): [column, row].
    pub principal_point_px: Option<[f64; 2]>,
    /// The flip of the image as it is stored.
    pub flip: Option<ImageFlip>,
}

/// The camera of an image, and what was done to see it from the source.
#[derive(Debug, Clone, PartialEq)]
pub struct XrayCamera {
    /// The camera of the flipped image.
    pub camera: Camera,
    /// The flip of the image as it is stored.
    pub flip: ImageFlip,
    /// The turn from the camera of a view to this camera, where the image is turned by quarters.
    pub camera_from_view: RigidTransform,
    /// How the C-arm stood.
    pub view: Option<View>,
    /// What had to be assumed, in words.
    pub remarks: Vec<String>,
}

impl XrayCamera {
    /// The pose that the positioner's angles tell, up to where the patient lies; `None` if they are
    /// not known.
    ///
    /// # Units
    /// Millimetres; the isocenter in the world frame (LPS).
    #[must_use]
    pub fn camera_from_world(
        &self,
        isocenter_world_mm: Vector3<f64>,
        source_to_isocenter_mm: f64,
    ) -> Option<RigidTransform> {
        let view = self.view?.camera_from_world(isocenter_world_mm, source_to_isocenter_mm);
        Some(self.camera_from_view * view)
    }
}

impl XrayGeometry {
    /// From the tags of a frame.
    pub(super) fn new(
        path: &Path,
        tags: &FrameTags<'_>,
        size_px: [usize; 2],
        modality: &str,
    ) -> Self {
        let source_to_detector_mm =
            tags.length(tag::DISTANCE_SOURCE_TO_DETECTOR, LONGEST_MM, DETECTOR);
        let source_to_patient_mm =
            tags.length(tag::DISTANCE_SOURCE_TO_PATIENT, LONGEST_MM, ISOCENTER);
        let factor =
            tags.length(tag::MAGNIFICATION_FACTOR, 100.0, "a factor from 1 on is expected");
        let magnification = match (&factor, &source_to_detector_mm, &source_to_patient_mm) {
            (Ok(Some(factor)), ..) => Some(*factor),
            (_, Ok(Some(detector)), Ok(Some(patient))) => Some(detector / patient),
            _ => None,
        }
        .filter(|factor| *factor >= 1.0);
        // At a bucky this tag means the side of the table, not the isocenter.
        let source_to_isocenter_mm =
            match tags.length(tag::DISTANCE_SOURCE_TO_ISOCENTER, LONGEST_MM, ISOCENTER) {
                Ok(None) if has_positioner(modality) => source_to_patient_mm,
                Err(_)
                    if has_positioner(modality) && matches!(source_to_patient_mm, Ok(Some(_))) =>
                {
                    source_to_patient_mm
                }
                other => other,
            };
        let view = view(tags, modality);
        let known_view = view.as_ref().ok().copied().flatten();
        let (side, side_source) = side(tags, modality, known_view.as_ref());
        Self {
            path: path.to_owned(),
            size_px,
            source_to_detector_mm,
            source_to_isocenter_mm,
            pixel_size: pixel_size(tags, modality, magnification),
            principal_point_px: principal_point(tags, size_px),
            tilt_deg: tilt(tags),
            view,
            side,
            side_source,
            intensifier_mm: tags.length(tag::INTENSIFIER_SIZE, 1000.0, "").ok().flatten(),
            modality: modality.to_owned(),
        }
    }

    /// The camera, from the tags and what is given.
    ///
    /// # Errors
    /// If something that the camera needs is neither given nor told by a tag that makes sense, or the
    /// detector is tilted and no principal point is given.
    pub fn camera(&self, given: &GivenGeometry) -> Result<XrayCamera, FileError> {
        self.camera_of_tags(given).at(&self.path)
    }

    fn camera_of_tags(&self, given: &GivenGeometry) -> Result<XrayCamera, FileProblem> {
        let mut remarks = Vec::new();
        let told_distance = match given.source_to_detector_mm {
            Some(distance) => distance,
            None => self.source_to_detector_mm.clone()?.ok_or_else(|| XrayError::Unknown {
                what: "distance from the source to the detector",
                tags: "DistanceSourceToDetector (0018,1110)",
                state: "is missing".to_owned(),
                flag: "--sdd MM",
                hint: String::new(),
            })?,
        };
        let distance = match self.checked_tilt_deg(given)? {
            // The tag measures along the beam, a camera along the detector's normal.
            Some(angle_deg) if given.source_to_detector_mm.is_none() => {
                let upright = told_distance * angle_deg.to_radians().cos();
                remarks.push(format!(
                    "the detector is tilted by {angle_deg:.2} degrees against the beam: \
                     DistanceSourceToDetector {told_distance} mm is {upright:.2} mm along its normal"
                ));
                upright
            }
            _ => told_distance,
        };
        let spacing = match given.pixel_spacing_mm {
            Some(spacing) => spacing,
            None => match self.pixel_size.clone()? {
                Ok(size) => {
                    remarks.extend(size.warning);
                    size.spacing_mm
                }
                Err(state) => return Err(self.no_spacing(state).into()),
            },
        };
        let (side, view) = (self.side.clone(), self.view.clone().unwrap_or_default());
        let side = match given.flip {
            // The side then only tells how the image is turned.
            Some(_) => side.unwrap_or(ImageSide::SOURCE),
            None => side?,
        };
        let flip = given.flip.unwrap_or_else(|| side.flip());
        if given.flip.is_none() && self.side_source.is_none() {
            remarks.push(format!(
                "image taken as seen from the {}, as is usual for {} (no tag says so): give --flip {} if \
                 it is not",
                if side.is_mirrored() { "detector" } else { "source" },
                self.modality,
                if side.is_mirrored() { "none" } else { "columns" },
            ));
        }
        let stored = match given.principal_point_px {
            Some(point) => point,
            None => match self.principal_point_px.clone()? {
                Some(point) => point,
                None => self.size_px.map(|n| (n as f64 - 1.0) / 2.0),
            },
        };
        let mut camera = Camera::new(distance, spacing, self.size_px)
            .and_then(|camera| {
                camera.with_principal_point_px(flip.position_px(stored, self.size_px))
            })
            .map_err(XrayError::from)?;
        if let Ok(Some(length)) = self.source_to_isocenter_mm {
            if length < distance {
                camera = camera.with_source_to_isocenter_mm(length).map_err(XrayError::from)?;
            } else {
                remarks.push(format!(
                    "the isocenter is said to lie {length} mm from the source, behind the detector \
                     ({distance} mm): that is not used"
                ));
            }
        }
        let camera_from_view = side.camera_from_view(flip);
        Ok(XrayCamera { camera, flip, camera_from_view, view, remarks })
    }

    /// The angle between the beam and the detector's normal, where it matters and the principal point is
    /// given, without which it is refused.
    fn checked_tilt_deg(&self, given: &GivenGeometry) -> Result<Option<f64>, FileProblem> {
        let tilt = match (self.tilt_deg.clone(), given.principal_point_px) {
            // What makes no sense matters only where the beam's foot is not given.
            (Err(_), Some(_)) => None,
            (tilt, _) => tilt?,
        };
        let Some([primary_deg, secondary_deg]) = tilt else { return Ok(None) };
        let (angle_deg, most_deg) = (angle_deg(primary_deg, secondary_deg), MOST_TILT_DEG);
        if angle_deg <= most_deg {
            Ok(None)
        } else if given.principal_point_px.is_some() {
            Ok(Some(angle_deg))
        } else {
            Err(XrayError::Tilted { angle_deg, primary_deg, secondary_deg, most_deg }.into())
        }
    }

    fn no_spacing(&self, state: String) -> XrayError {
        let hint = self.intensifier_mm.map_or_else(String::new, |mm| {
            format!(
                " (IntensifierSize is {mm} mm: divided by the diameter of the round field in pixels it is \
                 a fair guess)"
            )
        });
        XrayError::Unknown {
            what: "size of a pixel at the detector",
            tags: "ImagerPixelSpacing (0018,1164)",
            state: match state.as_str() {
                "are missing" => "and PixelSpacing (0028,0030) are missing".to_owned(),
                _ => state,
            },
            flag: "--pixel-spacing MM",
            hint,
        }
    }

    /// What is wrong with the tags, in words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let text = |error: &DicomError| error.to_string();
        [
            self.source_to_detector_mm.as_ref().err().map(text),
            self.source_to_isocenter_mm.as_ref().err().map(text),
            self.pixel_size.as_ref().err().map(text),
            self.principal_point_px.as_ref().err().map(text),
            self.tilt_deg.as_ref().err().map(text),
            self.view.as_ref().err().map(text),
            self.side.as_ref().err().map(text),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The angle between the beam and the detector's normal, from those along rows and columns.
fn angle_deg(primary_deg: f64, secondary_deg: f64) -> f64 {
    let [a, b] = [primary_deg, secondary_deg].map(|angle| angle.to_radians().tan());
    a.hypot(b).atan().to_degrees()
}

fn tilt(tags: &FrameTags<'_>) -> Result<Option<[f64; 2]>, DicomError> {
    const EXPECTED: &str = "an angle below 90 degrees is expected";
    let angle = |tag| -> Result<Option<f64>, DicomError> {
        Ok(tags.within::<1>(tag, [-89.9, 89.9], EXPECTED)?.map(|[angle]| angle))
    };
    let [primary, secondary] =
        [angle(tag::DETECTOR_PRIMARY_ANGLE)?, angle(tag::DETECTOR_SECONDARY_ANGLE)?];
    Ok((primary.is_some() || secondary.is_some())
        .then(|| [primary.unwrap_or(0.0), secondary.unwrap_or(0.0)]))
}

/// How the C-arm stood: the positioner's angles of the frame, or the named view of a bucky, whose
/// angles, where it writes any, are not those of a C-arm.
fn view(tags: &FrameTags<'_>, modality: &str) -> Result<Option<View>, DicomError> {
    let named = match tags.text(tag::VIEW_POSITION).as_deref() {
        Some("AP") => Some(View::AP),
        Some("PA") => Some(View::PA),
        // Named by the side at the detector.
        Some("LL") => Some(View::LATERAL_LEFT),
        Some("RL") => Some(View::LATERAL_RIGHT),
        _ => None,
    };
    if named.is_some() && !has_positioner(modality) {
        return Ok(named);
    }
    let angle = |angle, increment| -> Result<Option<f64>, DicomError> {
        let first = tags.within::<1>(angle, ANGLES_DEG, AN_ANGLE)?.map(|[first]| first);
        Ok(match (first, increment_deg(tags, increment)?) {
            (None, None) => None,
            (first, increment) => Some(first.unwrap_or(0.0) + increment.unwrap_or(0.0)),
        })
    };
    let primary = angle(tag::POSITIONER_PRIMARY_ANGLE, tag::POSITIONER_PRIMARY_ANGLE_INCREMENT)?;
    let secondary =
        angle(tag::POSITIONER_SECONDARY_ANGLE, tag::POSITIONER_SECONDARY_ANGLE_INCREMENT)?;
    let angles = |primary_deg| View { primary_deg, secondary_deg: secondary.unwrap_or(0.0) };
    Ok(primary.map(angles).or(named))
}

/// What a frame adds to the first angle: the same for each frame, or one offset for each.
fn increment_deg(tags: &FrameTags<'_>, tag: tag::Tag) -> Result<Option<f64>, DicomError> {
    const EXPECTED: &str = "one angle, or one for each frame, of -360 to 360 degrees is expected";
    let Some(list) = tags.list(tag, EXPECTED)? else { return Ok(None) };
    let angle = match list.as_slice() {
        [each] => Some(each * tags.frame as f64),
        offsets => offsets.get(tags.frame).copied(),
    };
    let limits = ANGLES_DEG[0]..=ANGLES_DEG[1];
    match angle.filter(|angle| limits.contains(angle)) {
        Some(angle) => Ok(Some(angle)),
        None => Err(wrong(tag, &format!("{} numbers", list.len()), EXPECTED)),
    }
}

/// Whether images of this modality are those of a C-arm, whose angles and distances have one meaning.
fn has_positioner(modality: &str) -> bool {
    matches!(modality, "XA" | "RF")
}

/// How the image is stored, and what tells it.
fn side(
    tags: &FrameTags<'_>,
    modality: &str,
    view: Option<&View>,
) -> (Result<ImageSide, DicomError>, Option<&'static str>) {
    let orientation = tags.text(tag::PATIENT_ORIENTATION).unwrap_or_default();
    if let (Some((columns, rows)), Some(view)) = (orientation.split_once('\\'), view)
        && let Some(side) = ImageSide::of_patient(columns.trim(), rows.trim(), view)
    {
        return (Ok(side), Some("PatientOrientation"));
    }
    match is_flipped(tags) {
        Err(error) => (Err(error), None),
        // How far it was turned is told against the detector, however that is mounted: images are stored
        // with the head up.
        Ok(Some(true)) => (Ok(ImageSide::SOURCE), Some("FieldOfViewHorizontalFlip")),
        Ok(Some(false)) => (Ok(ImageSide::DETECTOR), Some("FieldOfViewHorizontalFlip")),
        Ok(None) => {
            // Others are shown as one faces the patient, from the front.
            let from_detector = has_positioner(modality) || view == Some(&View::PA);
            (Ok(if from_detector { ImageSide::DETECTOR } else { ImageSide::SOURCE }), None)
        }
    }
}

/// Whether left and right of the detector's own image were exchanged, if a tag says so.
fn is_flipped(tags: &FrameTags<'_>) -> Result<Option<bool>, DicomError> {
    const YES_NO: &str = "YES or NO is expected (or give --flip)";
    match tags.text(tag::FIELD_OF_VIEW_HORIZONTAL_FLIP).as_deref() {
        None => Ok(None),
        Some("YES") => Ok(Some(true)),
        Some("NO") => Ok(Some(false)),
        Some(other) => Err(wrong(tag::FIELD_OF_VIEW_HORIZONTAL_FLIP, other, YES_NO)),
    }
}

/// By how many quarters the detector's own image was turned, clockwise, before it was flipped.
fn quarters(tags: &FrameTags<'_>) -> Result<u32, DicomError> {
    const QUARTERS: &str = "0, 90, 180 or 270 degrees is expected (or give --principal-point)";
    let turn = tags.within::<1>(tag::FIELD_OF_VIEW_ROTATION, [0.0, 270.0], QUARTERS)?;
    let turn = turn.map_or(0.0, |[turn]| turn);
    if turn % 90.0 != 0.0 {
        return Err(wrong(tag::FIELD_OF_VIEW_ROTATION, &turn.to_string(), QUARTERS));
    }
    Ok((turn / 90.0) as u32)
}

/// Where the middle of the detector lies in the image as it is stored (px). The beam meets it there.
fn principal_point(
    tags: &FrameTags<'_>,
    size_px: [usize; 2],
) -> Result<Option<[f64; 2]>, DicomError> {
    const ORIGIN: &str = "two offsets, row\\column, in pixels of the detector are expected (or give --principal-point)";
    const SIZE: &str =
        "one or two lengths of 1 to 2000 mm are expected (or give --principal-point)";
    const ELEMENT: &str = "two numbers, row spacing\\column spacing, of 0.001 to 20 mm are expected (or give --principal-point)";
    const LIMITS_MM: [f64; 2] = [0.001, 20.0];
    let origin: Option<[f64; 2]> = tags.within(tag::FIELD_OF_VIEW_ORIGIN, [-1e5, 1e5], ORIGIN)?;
    let Some([origin_row, origin_column]) = origin else { return Ok(None) };
    let element: Option<[f64; 2]> =
        tags.within(tag::DETECTOR_ELEMENT_SPACING, LIMITS_MM, ELEMENT)?;
    let active_mm = match tags.list(tag::DETECTOR_ACTIVE_DIMENSIONS, SIZE)?.as_deref() {
        None => None,
        Some(&[diameter]) => Some([diameter; 2]),
        Some(&[height, width]) => Some([height, width]),
        Some(more) => {
            let shown = format!("{} numbers", more.len());
            return Err(wrong(tag::DETECTOR_ACTIVE_DIMENSIONS, &shown, SIZE));
        }
    };
    if let Some(bad) = active_mm.iter().flatten().find(|mm| !(1.0..=2000.0).contains(*mm)) {
        return Err(wrong(tag::DETECTOR_ACTIVE_DIMENSIONS, &bad.to_string(), SIZE));
    }
    let (Some(element), Some(active_mm)) = (element, active_mm) else { return Ok(None) };
    let active_origin: [f64; 2] =
        tags.within(tag::DETECTOR_ACTIVE_ORIGIN, [0.0, 1e5], ORIGIN)?.unwrap_or([0.0; 2]);
    let pixel: [f64; 2] =
        tags.within(tag::IMAGER_PIXEL_SPACING, LIMITS_MM, ELEMENT)?.unwrap_or(element);
    let (quarters, flipped) = (quarters(tags)?, is_flipped(tags)?.unwrap_or(false));
    // Before the turn, rows and columns were exchanged.
    let [columns, rows] = size_px;
    let [width, height] = if quarters % 2 == 0 { [columns, rows] } else { [rows, columns] };
    let pixel = if quarters % 2 == 0 { pixel } else { [pixel[1], pixel[0]] };
    // From the edge of the field to the middle of what is active, both from the edge of the detector.
    let along = |axis: usize, field_origin: f64| {
        let middle = active_origin[axis] + active_mm[axis] / element[axis] / 2.0;
        (middle - field_origin) * (element[axis] / pixel[axis]) - 0.5
    };
    let (v, u) = (along(0, origin_row), along(1, origin_column));
    let (mut at, mut size) = ([u, v], [width as f64, height as f64]);
    for _ in 0..quarters {
        // Clockwise: the top row becomes the last column.
        at = [size[1] - 1.0 - at[1], at[0]];
        size = [size[1], size[0]];
    }
    if flipped {
        at[0] = size[0] - 1.0 - at[0];
    }
    Ok(Some(at))
}
