//! NRRD: a header of lines `field: value`, an empty line, and the voxels behind it or in another
//! file.
//!
//! - [`fields`]: the lines of a header, and what is found under a field
//! - [`header`]: what they mean, read and written
//! - [`data`]: where the voxels are
//! - [`text`]: voxels written as text
//!
//! # References
//! The format is defined by Teem (<https://teem.sourceforge.net/nrrd/format.html>).

pub(crate) mod data;
mod fields;
pub(crate) mod header;
mod text;

/// The extensions of a NRRD file that can be named to read it.
pub(crate) const EXTENSIONS: [&str; 2] = [".nrrd", ".nhdr"];

/// What a NRRD file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NrrdError {
    /// The header is of another format.
    #[error(
        "this is not a NRRD file: it does not start with NRRD0001 to NRRD0005; copy or export it again"
    )]
    NotNrrd,
    /// A line that is none of the format's.
    #[error(
        "line {line} of the header is not 'field: value', 'key:=value' or a comment; copy or export the file again"
    )]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// The header does not end.
    #[error("the header does not end within {limit} bytes: copy or export the file again")]
    LongHeader {
        /// The bytes that a header may have.
        limit: u64,
    },
    /// A field that is needed.
    #[error("the header has no '{field}': {expected}; add it")]
    Missing {
        /// The field.
        field: &'static str,
        /// What its value should be.
        expected: &'static str,
    },
    /// A value that means nothing here.
    #[error("'{field}' is '{value}': {expected}; correct it, or convert the file")]
    Value {
        /// The field.
        field: &'static str,
        /// What was found there.
        value: String,
        /// What its value should be.
        expected: &'static str,
    },
    /// A field that is there twice.
    #[error("'{field}' is there twice: remove the wrong one")]
    Twice {
        /// The field.
        field: &'static str,
    },
    /// Voxels in many files.
    #[error(
        "'data file' is '{value}': slices in several files are not read; convert the volume to a single .nrrd file"
    )]
    ManyFiles {
        /// The value of the field.
        value: String,
    },
    /// Voxels in another folder.
    #[error(
        "'data file' is '{name}': it must lie in the header's folder or below; move it there, and leave only its name in the header"
    )]
    OutsideFolder {
        /// The value of the field.
        name: String,
    },
    /// Header and data disagree.
    #[error(
        "'sizes' and 'type' make {expected} bytes, but there are {found}: correct the header, or copy the file again if it was cut off"
    )]
    DataLength {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// More voxels than the header says.
    #[error("'sizes' and 'type' make {expected} bytes, but more follow: correct the header")]
    MoreFollows {
        /// Bytes there should be.
        expected: u64,
    },
    /// A data file that a header cannot name.
    #[error(
        "the data file beside it would be '{name}', which a NRRD header cannot name: choose another name, or one that ends in .nrrd"
    )]
    DataFileName {
        /// The name.
        name: String,
    },
}
