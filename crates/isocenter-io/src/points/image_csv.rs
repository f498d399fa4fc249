//! `.csv` of points in an image: columns, rows and labels, in pixels.
//!
//! ```csv
//! label,u,v
//! L4 left,612.5,388
//! "L4, right",541,390.25
//! ```
//!
//! `u` is the column and `v` the row; the center of the first pixel is (0, 0), and the first row of
//! the image is at its top. The first row of the file names the columns, in any order: `u`, `v` and,
//! if wanted, `label` (or `name`). Without such a row two fields are u, v, and three are label, u, v.
//! No other column is allowed. Comments, quotes and decimal marks are as in [`csv`](super::csv).

use super::NamedImagePoint;
use super::table::{Columns, Row, Table, finite, rows, text};
use crate::error::FileProblem;

const IMAGE: Table<2> =
    Table { coordinates: ["u", "v"], unit: "px", columns: "u, v (px, column and row) and label" };

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<NamedImagePoint>, FileProblem> {
    let mut columns = None;
    let mut points = Vec::new();
    for row in rows(text(bytes)?) {
        let row = row?;
        if columns.is_none() && row.fields().all(|field| finite(field).is_none()) {
            columns = Some(IMAGE.known_columns(&row)?);
            continue;
        }
        let (name, image_px) = IMAGE.point(columns.get_or_insert_with(|| unnamed(&row)), &row)?;
        points.push(NamedImagePoint { name, image_px });
    }
    Ok(points)
}

/// The columns of a file that does not name them.
fn unnamed(first: &Row) -> Columns<2> {
    match first.fields().count() {
        3 => Columns { count: 3, coordinates: [1, 2], name: Some(0) },
        _ => Columns::bare(),
    }
}
