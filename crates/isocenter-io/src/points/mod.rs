//! Points: targets at which a registration's error is measured, landmarks from which it starts.
//!
//! Points in the patient:
//!
//! - [`csv`]: `.csv`, a table of x, y, z and names
//! - [`fcsv`]: `.fcsv`, the point lists of 3D Slicer up to version 4
//! - [`markups_json`]: `.mrk.json` (or `.json`), the markups of 3D Slicer since version 4.11
//!
//! Points in an image:
//!
//! - [`image_csv`]: `.csv`, a table of u, v and labels
//!
//! [`pair_points`] finds which belong together.
//!
//! The name's extension chooses the format. A file whose axes are RAS is turned into LPS here, so
//! that x and y change sign; a file that does not say which it is, is refused where its format has
//! no rule for that: a guess would mirror the targets.

pub mod csv;
pub mod fcsv;
pub mod image_csv;
pub mod markups_json;
mod pairs;
mod table;

pub use pairs::{PairError, PairedPoints, pair_points};

use std::path::Path;

use nalgebra::Vector3;

use crate::error::{At, FileError, FileProblem};
use crate::open::{has_extension, read_bytes, unknown_file};

/// The extensions that files of points may have.
pub const POINT_EXTENSIONS: &str = ".csv, .fcsv, .mrk.json, .json";

/// Longer files are something else: this holds some thousand points even in the wordiest format.
const LONGEST: u64 = 1 << 22;

/// A point in the patient.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPoint {
    /// What the file calls it, if anything.
    pub name: Option<String>,
    /// Where it is (mm, world frame, LPS).
    pub world_mm: Vector3<f64>,
}

/// A point in an image.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedImagePoint {
    /// What the file calls it, if anything.
    pub name: Option<String>,
    /// Its column and row (px); the center of the first pixel is (0, 0).
    pub image_px: [f64; 2],
}

/// The extensions that files of points in an image may have.
pub const IMAGE_POINT_EXTENSIONS: &str = ".csv";

/// What a file of points may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PointsError {
    /// Bytes that are no text.
    #[error("this is not a text file in UTF-8: export the points again, or save them as UTF-8")]
    NotText,
    /// There is no point.
    #[error("the file holds no point that has a position: at least one is expected; add it")]
    NoPoints,
    /// A header line is missing.
    #[error("there is no line that begins with '# {key} =': add it on top, followed by {expected}")]
    NoHeaderLine {
        /// Its key.
        key: &'static str,
        /// What should follow it.
        expected: &'static str,
    },
    /// Something is named twice.
    #[error("line {line}: '{key}' is given a second time: keep the right one only")]
    Doubled {
        /// Line of the text, from 1.
        line: usize,
        /// The column or the key of a header line.
        key: &'static str,
    },
    /// Axes that are not the patient's.
    #[error(
        "line {line}: the coordinate system is '{found}': LPS or RAS (1 or 0 in old files) is expected; save the points in LPS"
    )]
    Frame {
        /// Line of the text, from 1.
        line: usize,
        /// What the file says.
        found: String,
    },
    /// A coordinate has no column.
    #[error("line {line}: the columns are '{found}': '{missing}' is missing; name {expected}")]
    MissingColumn {
        /// Line of the text, from 1.
        line: usize,
        /// The columns there are.
        found: String,
        /// The one that is missing.
        missing: &'static str,
        /// The columns that should be there.
        expected: &'static str,
    },
    /// A column whose meaning is not known.
    #[error(
        "line {line}: the column '{found}' is not known: {expected} are expected; rename or remove it"
    )]
    UnknownColumn {
        /// Line of the text, from 1.
        line: usize,
        /// Its name.
        found: String,
        /// The columns that are known.
        expected: &'static str,
    },
    /// A row is longer or shorter than the columns.
    #[error(
        "line {line} has {found} fields where {expected} are expected: begin with a line that names all columns, and put a name with a comma in quotes, right after its comma"
    )]
    Fields {
        /// Line of the text, from 1.
        line: usize,
        /// Fields there are.
        found: usize,
        /// Fields there should be.
        expected: usize,
    },
    /// A quote without its end.
    #[error("line {line}: a quote is opened and not closed: close it on the same line")]
    OpenQuote {
        /// Line of the text, from 1.
        line: usize,
    },
    /// A coordinate that is no number.
    #[error(
        "line {line}: {column} is '{found}': a finite number of {unit}, such as 12.5, is expected"
    )]
    Number {
        /// Line of the text, from 1.
        line: usize,
        /// The coordinate.
        column: &'static str,
        /// Its unit.
        unit: &'static str,
        /// What stands there.
        found: String,
    },
    /// A value of a markups file.
    #[error("{place}: '{key}' is {found}: {expected} is expected; save the points again in Slicer")]
    Markup {
        /// Which markup or control point.
        place: String,
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
}

/// The axes that a file's coordinates are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Lps,
    Ras,
}

impl Frame {
    fn to_world(self, [x, y, z]: [f64; 3]) -> Vector3<f64> {
        match self {
            Self::Lps => Vector3::new(x, y, z),
            Self::Ras => Vector3::new(-x, -y, z),
        }
    }
}

/// Reads points, at least one, in the file's order.
///
/// # Units
/// World in LPS; millimeters.
///
/// # Errors
/// If the format is not supported, the file departs from it, a coordinate is not a finite number,
/// or there is no point.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("targets.csv");
/// std::fs::write(&path, "x,y,z,name\n12.5,-3,250,L4\n").unwrap();
/// let points = isocenter_io::points::read_points(&path).unwrap();
/// assert_eq!(points[0].world_mm.as_slice(), &[12.5, -3.0, 250.0]);
/// assert_eq!(points[0].name.as_deref(), Some("L4"));
/// ```
pub fn read_points(path: impl AsRef<Path>) -> Result<Vec<NamedPoint>, FileError> {
    let path = path.as_ref();
    read(path).at(path)
}

fn read(path: &Path) -> Result<Vec<NamedPoint>, FileProblem> {
    let decode = if has_extension(path, ".csv") {
        csv::decode
    } else if has_extension(path, ".fcsv") {
        fcsv::decode
    } else if has_extension(path, ".json") {
        markups_json::decode
    } else {
        return Err(unknown_file(path, POINT_EXTENSIONS));
    };
    let points = decode(&read_bytes(path, LONGEST)?)?;
    if points.is_empty() { Err(PointsError::NoPoints.into()) } else { Ok(points) }
}

/// Reads points in an image, at least one, in the file's order.
///
/// # Units
/// Pixels.
///
/// # Errors
/// If the file is no `.csv` or departs from the format, a coordinate is not a finite number, or there
/// is no point.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("landmarks.csv");
/// std::fs::write(&path, "label,u,v\nL4,612.5,388\n").unwrap();
/// let points = isocenter_io::points::read_image_points(&path).unwrap();
/// assert_eq!(points[0].image_px, [612.5, 388.0]);
/// assert_eq!(points[0].name.as_deref(), Some("L4"));
/// ```
pub fn read_image_points(path: impl AsRef<Path>) -> Result<Vec<NamedImagePoint>, FileError> {
    let path = path.as_ref();
    read_image(path).at(path)
}

fn read_image(path: &Path) -> Result<Vec<NamedImagePoint>, FileProblem> {
    if !has_extension(path, ".csv") {
        return Err(unknown_file(path, IMAGE_POINT_EXTENSIONS));
    }
    let points = image_csv::decode(&read_bytes(path, LONGEST)?)?;
    if points.is_empty() { Err(PointsError::NoPoints.into()) } else { Ok(points) }
}

/// A name, if there is one.
fn name(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
