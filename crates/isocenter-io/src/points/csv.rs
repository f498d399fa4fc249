//! `.csv`: a table of points, in LPS and millimeters.
//!
//! ```csv
//! # pedicles
//! x,y,z,name
//! 12.5,-3,250,L4 left
//! -14,-3.25,249.5,"L4, right"
//! ```
//!
//! The first row names the columns, in any order: `x`, `y`, `z` and, if wanted, `name` (or
//! `label`). No other column is allowed, so that a table in other axes or units cannot be mistaken
//! for this one. A table of three columns of numbers, x, y, z, needs no such row. A comma separates
//! fields and a point is the decimal mark; lines that begin with `#` are comments.

use super::table::{Columns, Row, finite, rows, text};
use super::{Frame, NamedPoint, PointsError};
use crate::error::{FileProblem, one_line};

const KNOWN: [&str; 5] = ["x", "y", "z", "name", "label"];

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<NamedPoint>, FileProblem> {
    let mut columns = None;
    let mut points = Vec::new();
    for row in rows(text(bytes)?) {
        let row = row?;
        match &columns {
            None if row.fields().all(|field| finite(field).is_none()) => {
                columns = Some(named_columns(&row)?);
            }
            _ => points.push(columns.get_or_insert(Columns::BARE).point(&row, Frame::Lps)?),
        }
    }
    Ok(points)
}

fn named_columns(names: &Row) -> Result<Columns, PointsError> {
    let known = |field: &str| KNOWN.iter().any(|name| field.eq_ignore_ascii_case(name));
    let columns = Columns::from_names(names)?;
    match names.fields().find(|field| !known(field)) {
        Some(field) => {
            Err(PointsError::UnknownColumn { line: names.line(), found: one_line(field) })
        }
        None => Ok(columns),
    }
}
