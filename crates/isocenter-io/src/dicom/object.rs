//! A DICOM file, opened.

use std::io::Read;
use std::path::Path;

use flate2::bufread::DeflateDecoder;

use super::error::DicomError;
use super::parse::{Cursor, Elements, Stop};
use super::syntax::{self, EXPLICIT_LITTLE, IMPLICIT_LITTLE, TransferSyntax};
use super::tag::{PIXEL_DATA, TRANSFER_SYNTAX_UID};
use super::value::DataSet;
use crate::error::{FileProblem, one_line};
use crate::open::Prefix;

/// Bytes that are read at first when only the header is wanted: it has less, as a rule.
const HEADER_BYTES: u64 = 1 << 14;

/// Where the data start, behind the preamble and the letters DICM.
const START: usize = 132;

/// The longest first value that a file without a preamble is believed to have: those of the groups
/// that files start with have some ten bytes.
const LONGEST_FIRST_VALUE: u32 = 1 << 10;

/// A DICOM file: its elements, and how it is written.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The file's bytes; where the data set is deflated, its inflated bytes.
    pub(super) bytes: Vec<u8>,
    elements: Elements,
    syntax: TransferSyntax,
    /// The bytes of the file.
    length: u64,
}

impl Object {
    /// Opens a file with its pixels.
    ///
    /// # Errors
    /// If it cannot be read, is no DICOM file, is cut off before its pixels or damaged, or is
    /// written in a way that is not known.
    pub(crate) fn open(path: &Path) -> Result<Self, FileProblem> {
        Self::parse(Prefix::open(path)?.all()?)
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, FileProblem> {
        let length = bytes.len() as u64;
        match Self::read(bytes, length, false) {
            Ok(object) => Ok(object),
            Err((Stop::Wrong(error), _)) => Err(error.into()),
            Err((Stop::End { at }, _)) => Err(cut_off(at)),
        }
    }

    /// Opens a file without its pixels, of which no more is read than that they are there.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_header(path: &Path) -> Result<Self, FileProblem> {
        let mut prefix = Prefix::open(path)?;
        let mut wanted = HEADER_BYTES;
        loop {
            let whole = prefix.read_to(wanted)?;
            let length = prefix.length.unwrap_or(prefix.bytes.len() as u64);
            match Self::read(std::mem::take(&mut prefix.bytes), length, true) {
                Ok(object) => return Ok(object),
                Err((Stop::Wrong(error), _)) => return Err(error.into()),
                Err((Stop::End { at }, _)) if whole => return Err(cut_off(at)),
                Err((Stop::End { .. }, bytes)) => prefix.bytes = bytes,
            }
            wanted = wanted.saturating_mul(8);
        }
    }

    /// The bytes come back where more of them may help.
    fn read(bytes: Vec<u8>, length: u64, header_only: bool) -> Result<Self, (Stop, Vec<u8>)> {
        match elements(&bytes, length, header_only) {
            Ok((elements, syntax, inflated)) => {
                Ok(Self { bytes: inflated.unwrap_or(bytes), elements, syntax, length })
            }
            Err(stop) => Err((stop, bytes)),
        }
    }

    /// Its elements.
    pub(crate) fn data_set(&self) -> DataSet<'_> {
        DataSet { bytes: &self.bytes, elements: &self.elements, syntax: self.syntax }
    }

    /// How it is written.
    pub(crate) fn transfer_syntax(&self) -> TransferSyntax {
        self.syntax
    }

    /// The bytes of the file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.length
    }
}

/// Where the elements start in the bytes that a file begins with: behind the letters DICM or, where
/// the preamble was left out, at the very beginning. `None` if this is no DICOM file.
fn start(bytes: &[u8]) -> Option<usize> {
    if bytes.get(START - 4..START) == Some(b"DICM") {
        return Some(START);
    }
    // Then it starts with the first element of group 2, or of group 8.
    let &[group @ (2 | 8), 0, _, 0, a, b, c, d, ..] = bytes else { return None };
    let has_vr = a.is_ascii_uppercase() && b.is_ascii_uppercase();
    let length = u32::from_le_bytes([a, b, c, d]);
    let implicit = group == 8 && length.is_multiple_of(2) && length <= LONGEST_FIRST_VALUE;
    (has_vr || implicit).then_some(0)
}

/// Whether a file is DICOM by what it starts with.
pub(crate) fn is_dicom(path: &Path) -> bool {
    let Ok(mut prefix) = Prefix::open(path) else { return false };
    prefix.read_to(START as u64).is_ok() && start(&prefix.bytes).is_some()
}

fn cut_off(at: usize) -> FileProblem {
    DicomError::Damaged { at, what: "the file ends in the element that starts there" }.into()
}

/// The elements, how they are written, and their bytes if these are not the file's.
fn elements(
    bytes: &[u8],
    length: u64,
    header_only: bool,
) -> Result<(Elements, TransferSyntax, Option<Vec<u8>>), Stop> {
    let Some(at) = start(bytes) else { return Err(Stop::Wrong(DicomError::NotDicom)) };
    let mut meta_cursor = Cursor::new(bytes, at, EXPLICIT_LITTLE);
    let meta = meta_cursor.group(2)?;
    let at = meta_cursor.at;
    let meta = DataSet { bytes, elements: &meta, syntax: EXPLICIT_LITTLE };
    let syntax = match meta.text(TRANSFER_SYNTAX_UID) {
        Some(uid) => syntax::of_uid(&uid)
            .ok_or_else(|| DicomError::TransferSyntax { uid: one_line(&uid) })?,
        None if bytes
            .get(at + 4..at + 6)
            .is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase)) =>
        {
            EXPLICIT_LITTLE
        }
        None => IMPLICIT_LITTLE,
    };
    let is_whole = bytes.len() as u64 >= length;
    if !syntax.deflated {
        let elements = Cursor::new(bytes, at, syntax).data_set(header_only)?;
        if !is_whole && !elements.has(PIXEL_DATA) {
            // So far the bytes end between two elements, and the pixels follow later.
            return Err(Stop::End { at: bytes.len() });
        }
        return Ok((elements, syntax, None));
    }
    if !is_whole {
        return Err(Stop::End { at });
    }
    let mut inflated = Vec::new();
    let deflated = bytes.get(at..).unwrap_or_default();
    if DeflateDecoder::new(deflated).read_to_end(&mut inflated).is_err() {
        return Err(DicomError::Damaged { at, what: "the deflated data cannot be inflated" }.into());
    }
    let elements = Cursor::new(&inflated, 0, syntax).data_set(header_only)?;
    Ok((elements, syntax, Some(inflated)))
}
