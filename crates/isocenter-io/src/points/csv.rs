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

use super::table::{Columns, WORLD, finite, rows, text};
use super::{Frame, NamedPoint};
use crate::error::FileProblem;

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<NamedPoint>, FileProblem> {
    let mut columns = None;
    let mut points = Vec::new();
    for row in rows(text(bytes)?) {
        let row = row?;
        if columns.is_none() && row.fields().all(|field| finite(field).is_none()) {
            columns = Some(WORLD.known_columns(&row)?);
            continue;
        }
        let (name, mm) = WORLD.point(columns.get_or_insert_with(Columns::bare), &row)?;
        points.push(NamedPoint { name, world_mm: Frame::Lps.to_world(mm) });
    }
    Ok(points)
}
