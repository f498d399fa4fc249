//! `.mrk.json`: the markups of 3D Slicer.
//!
//! ```json
//! {
//!   "markups": [{
//!     "type": "Fiducial",
//!     "coordinateSystem": "LPS",
//!     "coordinateUnits": "mm",
//!     "controlPoints": [
//!       {"label": "L4", "position": [12.5, -3.0, 250.0], "positionStatus": "defined"}
//!     ]
//!   }]
//! }
//! ```
//!
//! The control points of all markups are read, of whatever type. The format is Slicer's: keys
//! other than these are passed over, and where a key is absent, its schema's rule holds, which is
//! LPS, millimeters and a defined position. Control points with any other status have no position
//! and are left out.

use serde::Deserialize;
use serde_json::Value;

use super::{Frame, NamedPoint, PointsError, name};
use crate::error::{FileProblem, one_line};
use crate::geometry::json::{self, Kind};

const KIND: Kind =
    Kind { name: "a Slicer markups file", keys: "markups, with controlPoints in it" };

#[derive(Deserialize)]
struct MarkupsFile {
    markups: Vec<Markup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Markup {
    #[serde(default = "lps")]
    coordinate_system: Value,
    #[serde(default = "mm")]
    coordinate_units: Value,
    #[serde(default)]
    control_points: Vec<ControlPoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ControlPoint {
    #[serde(default = "empty")]
    label: Value,
    #[serde(default)]
    position: Value,
    #[serde(default = "defined")]
    position_status: Value,
}

fn lps() -> Value {
    "LPS".into()
}

fn mm() -> Value {
    "mm".into()
}

fn empty() -> Value {
    "".into()
}

fn defined() -> Value {
    "defined".into()
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<NamedPoint>, FileProblem> {
    let file: MarkupsFile = json::parse(bytes, &KIND)?;
    let mut points = Vec::new();
    for (number, markup) in (1..).zip(&file.markups) {
        let place = format!("markup {number}");
        let frame = frame(markup).map_err(|wrong| wrong.at(&place))?;
        for (number, control_point) in (1..).zip(&markup.control_points) {
            let point = point(control_point, frame)
                .map_err(|wrong| wrong.at(&format!("{place}, control point {number}")))?;
            points.extend(point);
        }
    }
    Ok(points)
}

/// A key whose value will not do.
struct Wrong<'a> {
    key: &'static str,
    found: &'a Value,
    expected: &'static str,
}

impl Wrong<'_> {
    fn at(self, place: &str) -> PointsError {
        PointsError::Markup {
            place: place.to_owned(),
            key: self.key,
            found: one_line(&self.found.to_string()),
            expected: self.expected,
        }
    }
}

/// The axes of a markup, whose lengths must be millimeters.
fn frame(markup: &Markup) -> Result<Frame, Wrong<'_>> {
    let found = &markup.coordinate_units;
    // A plain word, or a term of a DICOM code: value, scheme, meaning.
    let unit = found.as_str().or_else(|| found.get(0)?.as_str());
    if unit != Some("mm") {
        return Err(Wrong { key: "coordinateUnits", found, expected: "\"mm\"" });
    }
    let found = &markup.coordinate_system;
    match found.as_str() {
        Some("LPS") => Ok(Frame::Lps),
        Some("RAS") => Ok(Frame::Ras),
        _ => Err(Wrong { key: "coordinateSystem", found, expected: "\"LPS\" or \"RAS\"" }),
    }
}

/// The point, if its position is defined.
fn point(control_point: &ControlPoint, frame: Frame) -> Result<Option<NamedPoint>, Wrong<'_>> {
    let found = &control_point.position_status;
    match found.as_str() {
        Some("defined") => {}
        Some("undefined" | "preview" | "missing") => return Ok(None),
        _ => return Err(Wrong { key: "positionStatus", found, expected: "\"defined\"" }),
    }
    let found = &control_point.position;
    let position = <[f64; 3]>::deserialize(found).map_err(|_| Wrong {
        key: "position",
        found,
        expected: "a list of three numbers (mm)",
    })?;
    let found = &control_point.label;
    let label = found.as_str().ok_or(Wrong { key: "label", found, expected: "a text" })?;
    Ok(Some(NamedPoint { name: name(label), world_mm: frame.to_world(position) }))
}
