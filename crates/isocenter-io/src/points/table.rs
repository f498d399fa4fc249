//! What all tables of points share: rows of fields with commas between.
//!
//! A line is a row. Lines that begin with `#` are comments, and lines without content are passed
//! over. A field in double quotes may hold commas, and quotes that are doubled, but no line end: a
//! quote that is never closed would otherwise swallow the points after it.

use ::csv::{ReaderBuilder, StringRecord, Terminator};

use super::{PointsError, name};
use crate::error::{FileProblem, one_line};

/// A file's text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, PointsError> {
    let text = str::from_utf8(bytes).map_err(|_| PointsError::NotText)?;
    // Some editors put a byte order mark in front.
    Ok(text.trim_start_matches('\u{feff}'))
}

/// The lines with their numbers, from 1, and without what surrounds them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().map(str::trim))
}

/// One line's fields.
pub(super) struct Row {
    line: usize,
    fields: StringRecord,
}

impl Row {
    /// Splits a line.
    pub(super) fn new(line: usize, content: &str) -> Result<Self, FileProblem> {
        // Only an open quote takes the line end, which the content has not, for a part of a field.
        let content = format!("{content}\n");
        let mut fields = StringRecord::new();
        ReaderBuilder::new()
            .has_headers(false)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(content.len())
            .from_reader(content.as_bytes())
            .read_record(&mut fields)
            .map_err(|e| FileProblem::Damaged { what: one_line(&e.to_string()) })?;
        if fields.iter().any(|field| field.ends_with('\n')) {
            return Err(PointsError::OpenQuote { line }.into());
        }
        fields.trim();
        Ok(Self { line, fields })
    }

    /// The fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter()
    }
}

/// The rows that have content.
pub(super) fn rows(text: &str) -> impl Iterator<Item = Result<Row, FileProblem>> {
    lines(text)
        // Spreadsheets write commas where a row has no content.
        .filter(|(_, content)| !content.starts_with('#') && content.contains(|c| c != ','))
        .map(|(line, content)| Row::new(line, content))
}

/// Which fields of a row hold what.
pub(super) struct Columns<const N: usize> {
    pub(super) count: usize,
    pub(super) coordinates: [usize; N],
    pub(super) name: Option<usize>,
}

impl<const N: usize> Columns<N> {
    /// The coordinates and nothing else.
    pub(super) fn bare() -> Self {
        Self { count: N, coordinates: std::array::from_fn(|at| at), name: None }
    }
}

/// A kind of table: points of `N` coordinates.
pub(super) struct Table<const N: usize> {
    /// What the coordinates are called.
    pub(super) coordinates: [&'static str; N],
    /// Their unit.
    pub(super) unit: &'static str,
    /// All columns, for messages.
    pub(super) columns: &'static str,
}

/// What the column of names is called.
const NAMES: [&str; 2] = ["name", "label"];

/// Points in the patient.
pub(super) const WORLD: Table<3> =
    Table { coordinates: ["x", "y", "z"], unit: "mm", columns: "x, y, z (mm, LPS) and name" };

impl<const N: usize> Table<N> {
    /// The columns that a row names, upper case or lower; others than those known here may be
    /// among them.
    pub(super) fn columns(&self, names: &Row) -> Result<Columns<N>, PointsError> {
        let mut coordinates = [0; N];
        for (missing, at) in self.coordinates.into_iter().zip(&mut coordinates) {
            *at = find(names, missing, &[missing])?.ok_or_else(|| PointsError::MissingColumn {
                line: names.line,
                found: one_line(&names.fields().collect::<Vec<_>>().join(",")),
                missing,
                expected: self.columns,
            })?;
        }
        let name = find(names, NAMES[0], &NAMES)?;
        Ok(Columns { count: names.fields.len(), coordinates, name })
    }

    /// The columns that a row names, none of them unknown.
    pub(super) fn known_columns(&self, names: &Row) -> Result<Columns<N>, PointsError> {
        let is_known = |field: &str| {
            self.coordinates.iter().chain(&NAMES).any(|name| field.eq_ignore_ascii_case(name))
        };
        let columns = self.columns(names)?;
        match names.fields().find(|field| !is_known(field)) {
            Some(field) => Err(PointsError::UnknownColumn {
                line: names.line,
                found: one_line(field),
                expected: self.columns,
            }),
            None => Ok(columns),
        }
    }

    /// The name and the coordinates of a row.
    pub(super) fn point(
        &self,
        columns: &Columns<N>,
        row: &Row,
    ) -> Result<(Option<String>, [f64; N]), PointsError> {
        let found = row.fields.len();
        if found != columns.count {
            return Err(PointsError::Fields { line: row.line, found, expected: columns.count });
        }
        let field = |at| row.fields.get(at).unwrap_or_default();
        let mut position = [0.0; N];
        let places = self.coordinates.into_iter().zip(columns.coordinates);
        for ((column, at), coordinate) in places.zip(&mut position) {
            *coordinate = finite(field(at)).ok_or_else(|| PointsError::Number {
                line: row.line,
                column,
                unit: self.unit,
                found: one_line(field(at)),
            })?;
        }
        Ok((columns.name.and_then(|at| name(field(at))), position))
    }
}

/// Where the one column is that has one of the names.
fn find(names: &Row, key: &'static str, any: &[&str]) -> Result<Option<usize>, PointsError> {
    let is = |field: &str| any.iter().any(|name| field.eq_ignore_ascii_case(name));
    let mut at = names.fields().enumerate().filter(|(_, field)| is(field)).map(|(at, _)| at);
    match (at.next(), at.next()) {
        (_, Some(_)) => Err(PointsError::Doubled { line: names.line, key }),
        (at, None) => Ok(at),
    }
}

/// A number that is neither infinite nor NaN.
pub(super) fn finite(field: &str) -> Option<f64> {
    field.parse().ok().filter(|number: &f64| number.is_finite())
}
