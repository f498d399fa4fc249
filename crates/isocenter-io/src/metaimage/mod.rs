//! MetaImage: a header of lines `Key = value`, and the voxels behind it or in another file.
//!
//! - [`fields`]: the lines of a header, and what is found under a key
//! - [`header`]: what they mean, read and written
//! - [`data`]: where the voxels are
//!
//! # References
//! The format is defined by MetaIO, the library that ITK reads and writes it with
//! (<https://itk.org/Wiki/ITK/MetaIO/Documentation>).

pub(crate) mod data;
mod fields;
pub(crate) mod header;

/// The extensions of a MetaImage file that can be named to read it.
pub(crate) const EXTENSIONS: [&str; 2] = [".mha", ".mhd"];

/// What a MetaImage file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetaImageError {
    /// The header is of another format.
    #[error(
        "this is not a MetaImage file: line {line} of the header is not 'Key = value'; copy or export it again"
    )]
    NotMetaImage {
        /// The line, from 1.
        line: usize,
    },
    /// The header does not end.
    #[error(
        "this is not a MetaImage file: no ElementDataFile, which ends the header, within {limit} bytes; copy or export it again"
    )]
    LongHeader {
        /// The bytes that a header may have.
        limit: u64,
    },
    /// Lines after the last.
    #[error(
        "the header goes on after ElementDataFile, which must be its last line: move the line to the end"
    )]
    AfterLastLine,
    /// A key that is needed.
    #[error("the header has no {key}: {expected}; add it before ElementDataFile")]
    Missing {
        /// The key.
        key: &'static str,
        /// What its value should be.
        expected: &'static str,
    },
    /// A value that means nothing here.
    #[error("{key} is '{value}': {expected}; correct it, or convert the file")]
    Value {
        /// The key.
        key: &'static str,
        /// What was found there.
        value: String,
        /// What its value should be.
        expected: &'static str,
    },
    /// Two lines that say different things of one matter.
    #[error(
        "{first} is '{first_value}', but {second} is '{second_value}': they mean the same; remove the wrong one"
    )]
    Contradiction {
        /// The key that comes first.
        first: &'static str,
        /// Its value.
        first_value: String,
        /// The key that comes later; it may be the same.
        second: &'static str,
        /// Its value.
        second_value: String,
    },
    /// Voxels as text.
    #[error(
        "BinaryData is False: voxels written as text are not read; save the file with BinaryData = True"
    )]
    Text,
    /// Voxels in many files.
    #[error(
        "ElementDataFile is '{value}': slices in several files are not read; convert the volume to a single .mha or .nii.gz file"
    )]
    ManyFiles {
        /// The value of the key.
        value: String,
    },
    /// Voxels in another folder.
    #[error(
        "ElementDataFile is '{name}': the data file must lie in the header's folder or below; move it there, and leave only its name in the header"
    )]
    OutsideFolder {
        /// The value of the key.
        name: String,
    },
    /// A direction with a length.
    #[error(
        "row {row} of {key} has length {length}: the direction of an axis has length 1; correct it, the size of a voxel belongs into ElementSpacing"
    )]
    Direction {
        /// The key of the matrix.
        key: &'static str,
        /// The row, from 1: the axis.
        row: usize,
        /// Its length.
        length: f64,
    },
    /// Header and data disagree.
    #[error(
        "DimSize and ElementType make {expected} bytes, but there are {found}: correct the header, or copy the file again if it was cut off"
    )]
    DataLength {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// Header and compressed data disagree.
    #[error(
        "CompressedDataSize is {expected}, but there are {found} bytes: copy the file again if it was cut off, or correct the header"
    )]
    CompressedLength {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// More than compression can do.
    #[error(
        "DimSize and ElementType make {expected} bytes, which {compressed} compressed bytes cannot hold: correct the header, or copy the file again if it was cut off"
    )]
    CompressedTooShort {
        /// Compressed bytes there are.
        compressed: u64,
        /// Bytes there should be after decompression.
        expected: u64,
    },
    /// More voxels than the header says.
    #[error("DimSize and ElementType make {expected} bytes, but more follow: correct the header")]
    MoreFollows {
        /// Bytes there should be.
        expected: u64,
    },
    /// A data file that a header cannot name.
    #[error(
        "the data file beside it would be '{name}', which a MetaImage header cannot name: choose another name, or one that ends in .mha"
    )]
    DataFileName {
        /// The name.
        name: String,
    },
}
