//! `.fcsv`: the point lists of 3D Slicer before markups files.
//!
//! ```csv
//! # Markups fiducial file version = 4.11
//! # CoordinateSystem = LPS
//! # columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
//! vtkMRMLMarkupsFiducialNode_0,12.5,-3,250,0,0,0,1,1,1,0,L4,,
//! ```
//!
//! Lengths are in millimeters. Slicer wrote the coordinate system as a number at first: 0 is RAS,
//! 1 is LPS, and 2 is IJK, voxel indices, which say nothing without their volume and are refused.
//! Both header lines, `CoordinateSystem` and `columns`, are required; of the columns, `x`, `y`, `z`
//! and `label` are read.

use super::table::{Row, WORLD, lines, rows, text};
use super::{Frame, NamedPoint, PointsError};
use crate::error::{FileProblem, one_line};

const FRAME: &str = "CoordinateSystem";
const COLUMNS: &str = "columns";

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<NamedPoint>, FileProblem> {
    let text = text(bytes)?;
    let (line, value) = header_line(text, FRAME, "LPS or RAS, whichever the points are in")?;
    let frame = frame(line, value)?;
    let (line, value) =
        header_line(text, COLUMNS, "the names of the columns, such as id,x,y,z,label")?;
    let columns = WORLD.columns(&Row::new(line, value)?)?;
    let point = |row| {
        let (name, mm) = WORLD.point(&columns, &row?)?;
        Ok(NamedPoint { name, world_mm: frame.to_world(mm) })
    };
    rows(text).map(point).collect()
}

/// The line `# key = value`: its number, and the value.
fn header_line<'a>(
    text: &'a str,
    key: &'static str,
    expected: &'static str,
) -> Result<(usize, &'a str), PointsError> {
    let mut values = lines(text).filter_map(|(line, content)| {
        let (found, value) = content.strip_prefix('#')?.split_once('=')?;
        found.trim().eq_ignore_ascii_case(key).then(|| (line, value.trim()))
    });
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (_, Some((line, _))) => Err(PointsError::Doubled { line, key }),
        (None, None) => Err(PointsError::NoHeaderLine { key, expected }),
    }
}

fn frame(line: usize, value: &str) -> Result<Frame, PointsError> {
    // Spreadsheets add commas to make all rows equally long.
    match value.trim_end_matches(',').trim_end() {
        "LPS" | "1" => Ok(Frame::Lps),
        "RAS" | "0" => Ok(Frame::Ras),
        found => Err(PointsError::Frame { line, found: one_line(found) }),
    }
}
