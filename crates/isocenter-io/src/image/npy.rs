//! NumPy arrays (`.npy`): two dimensions, `[row, column]`, or three of which one is 1.
//!
//! A file is the magic `\x93NUMPY`, two version bytes, the length of the header (2 bytes in
//! version 1, 4 later, little-endian), the header, which is a Python dictionary with the keys
//! `descr`, `fortran_order` and `shape`, and the numbers.
//!
//! # References
//! NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".

use std::path::Path;

use isocenter::geometry::Camera;
use isocenter::radiograph::Image;

use super::{LoadedImage, full_scale};
use crate::atomic;
use crate::error::{FileError, FileProblem, one_line, short_list};
use crate::samples::{ByteOrder, SampleType};

const MAGIC: &[u8] = b"\x93NUMPY";

/// What a npy file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The file is of another format.
    #[error(
        "this is not a .npy file: its first bytes are not those of one; write it with numpy.save"
    )]
    NotNpy,
    /// A version that does not exist yet.
    #[error("the file is of .npy version {found}: 1, 2 or 3 is expected; write it with numpy.save")]
    Version {
        /// The version.
        found: u8,
    },
    /// The header cannot be understood.
    #[error("'{key}' in the header is missing or damaged: write the file again with numpy.save")]
    Header {
        /// The key of the dictionary.
        key: &'static str,
    },
    /// A type that is not a plain number.
    #[error(
        "the array has the type '{found}': integers and floats of 8 to 64 bits are expected; use array.astype('float32')"
    )]
    Type {
        /// NumPy's name of the type.
        found: String,
    },
    /// The array is not one image.
    #[error("the array has the shape {}: [rows, columns] of 1 to {most} each are expected", short_list(found), most = Camera::MAX_SIDE_PX)]
    Shape {
        /// The shape.
        found: Vec<usize>,
    },
}

pub(super) fn decode(bytes: &[u8]) -> Result<LoadedImage, FileProblem> {
    let (header, data) = split(bytes)?;
    let (kind, order) = number_type(header)?;
    let [rows, columns] = shape(header)?;
    let expected = rows * columns * kind.bytes();
    let Some(data) = data.get(..expected) else {
        let (found, expected) = (data.len() as u64, expected as u64);
        return Err(FileProblem::Truncated { found, expected });
    };
    let mut pixels = Vec::with_capacity(rows * columns);
    kind.decode(order, data, &mut pixels, |v| v as f32);
    if columns_first(header)? {
        pixels =
            (0..rows * columns).map(|at| pixels[at / columns + rows * (at % columns)]).collect();
    }
    LoadedImage::new([columns, rows], pixels, full_scale(kind))
}

/// Whether a file begins as one of this format does.
pub(crate) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The numbers of a small array of any shape, rows first, and the shape.
pub(crate) fn decode_numbers(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f64>), FileProblem> {
    let (header, data) = split(bytes)?;
    let (kind, order) = number_type(header)?;
    let shape = sides(header)?;
    let count = shape.iter().try_fold(1_usize, |count, &side| count.checked_mul(side));
    let expected = count.and_then(|count| count.checked_mul(kind.bytes())).unwrap_or(usize::MAX);
    let Some(data) = data.get(..expected) else {
        let (found, expected) = (data.len() as u64, expected as u64);
        return Err(FileProblem::Truncated { found, expected });
    };
    let mut numbers = Vec::new();
    kind.decode(order, data, &mut numbers, |number| number);
    if columns_first(header)? {
        let at = |mut place: usize| {
            // From the last side on; the first one runs fastest in the file.
            let mut index = Vec::with_capacity(shape.len());
            for &side in shape.iter().rev() {
                index.push(place % side);
                place /= side;
            }
            index.iter().zip(shape.iter().rev()).fold(0, |at, (n, side)| at * side + n)
        };
        numbers = (0..numbers.len()).map(|place| numbers[at(place)]).collect();
    }
    Ok((shape, numbers))
}

/// The header's text and the bytes after it.
fn split(bytes: &[u8]) -> Result<(&str, &[u8]), FileProblem> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(NpyError::NotNpy)?;
    let truncated = |expected: usize| FileProblem::Truncated {
        found: bytes.len() as u64,
        expected: expected as u64,
    };
    let (length, rest) = match *rest {
        [1, _, a, b, ref rest @ ..] => (u32::from(u16::from_le_bytes([a, b])), rest),
        [2 | 3, _, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]), rest),
        [1..=3, ..] | [] => return Err(truncated(12)),
        [found, ..] => return Err(NpyError::Version { found }.into()),
    };
    let length = length as usize;
    let (header, data) = rest
        .split_at_checked(length)
        .ok_or_else(|| truncated((bytes.len() - rest.len()).saturating_add(length)))?;
    let header = str::from_utf8(header).map_err(|_| NpyError::Header { key: "descr" })?;
    Ok((header, data))
}

/// What stands after `'key':` in the header.
fn value<'a>(header: &'a str, key: &'static str) -> Result<&'a str, NpyError> {
    ['\'', '"']
        .iter()
        .find_map(|quote| header.split_once(&format!("{quote}{key}{quote}")))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .map(str::trim_start)
        .ok_or(NpyError::Header { key })
}

fn number_type(header: &str) -> Result<(SampleType, ByteOrder), NpyError> {
    let text = value(header, "descr")?;
    let name = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => text[1..].split(quote).next().unwrap_or_default(),
        // A list: a structured type.
        _ => text,
    };
    let wrong = || NpyError::Type { found: one_line(name) };
    let mut letters = name.chars();
    let order = match letters.next() {
        Some('<' | '|') => ByteOrder::Little,
        Some('>') => ByteOrder::Big,
        _ => return Err(wrong()),
    };
    let kind = match letters.as_str() {
        "u1" => SampleType::U8,
        "i1" => SampleType::I8,
        "u2" => SampleType::U16,
        "i2" => SampleType::I16,
        "u4" => SampleType::U32,
        "i4" => SampleType::I32,
        "u8" => SampleType::U64,
        "i8" => SampleType::I64,
        "f4" => SampleType::F32,
        "f8" => SampleType::F64,
        _ => return Err(wrong()),
    };
    Ok((kind, order))
}

/// Whether columns, not rows, lie one after the other.
fn columns_first(header: &str) -> Result<bool, NpyError> {
    match value(header, "fortran_order")? {
        v if v.starts_with("True") => Ok(true),
        v if v.starts_with("False") => Ok(false),
        _ => Err(NpyError::Header { key: "fortran_order" }),
    }
}

/// The lengths of all sides.
fn sides(header: &str) -> Result<Vec<usize>, NpyError> {
    const WRONG: NpyError = NpyError::Header { key: "shape" };
    let (sides, _) = value(header, "shape")?
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .ok_or(WRONG)?;
    sides
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty())
        .map(|side| side.parse().map_err(|_| WRONG))
        .collect()
}

/// [rows, columns].
fn shape(header: &str) -> Result<[usize; 2], NpyError> {
    let shape = sides(header)?;
    let squeezed = match *shape.as_slice() {
        [rows, columns] | [1, rows, columns] | [rows, columns, 1] | [rows, 1, columns] => {
            [rows, columns]
        }
        _ => return Err(NpyError::Shape { found: shape }),
    };
    if squeezed.iter().any(|&n| n == 0 || n > Camera::MAX_SIDE_PX) {
        return Err(NpyError::Shape { found: shape });
    }
    Ok(squeezed)
}

/// Writes 32-bit floats.
pub(super) fn write(path: &Path, image: &Image) -> Result<(), FileError> {
    let bytes: Vec<u8> = image.pixels().iter().flat_map(|p| p.to_le_bytes()).collect();
    write_array(path, image.size_px(), "<f4", &bytes)
}

/// Writes unsigned integers of 8 bits.
pub(super) fn write_gray8(
    path: &Path,
    size_px: [usize; 2],
    pixels: &[u8],
) -> Result<(), FileError> {
    write_array(path, size_px, "|u1", pixels)
}

/// Writes version 1, rows first.
fn write_array(
    path: &Path,
    [columns, rows]: [usize; 2],
    descr: &str,
    bytes: &[u8],
) -> Result<(), FileError> {
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // The numbers start at a multiple of 64 bytes; the header ends with a line break.
    const BEFORE: usize = MAGIC.len() + 4;
    let total = (BEFORE + header.len() + 1).next_multiple_of(64) - BEFORE;
    header.push_str(&" ".repeat(total - 1 - header.len()));
    header.push('\n');
    atomic::write_file(path, |out| {
        out.write_all(MAGIC)?;
        out.write_all(&[1, 0])?;
        // At most 128: two numbers of 20 digits fit.
        out.write_all(&(total as u16).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        out.write_all(bytes)
    })
}

#[cfg(test)]
mod tests {
    //! Proves: headers as Python may write them are understood, others refused by reason.
    use super::*;

    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &[version, 0]].concat();
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        [&bytes, header.as_bytes(), data].concat()
    }

    #[test]
    fn versions_quotes_order_of_keys_and_shapes() {
        for version in 1..=3 {
            for header in [
                "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n",
                "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"|u1\"}",
                "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3)}",
                "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3)}",
                "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 1)}",
            ] {
                let loaded = decode(&file(version, header, &[0, 1, 2, 3, 4, 5])).unwrap();
                assert_eq!(loaded.image.size_px(), [3, 2]);
                assert_eq!(loaded.image.get(2, 0), Some(2.0));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |version: u8, header: &str| {
            decode(&file(version, header, &[0; 8])).unwrap_err().to_string()
        };
        let typed = |descr: &str| {
            message(1, &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2, 3)}}"))
        };
        assert!(typed("'<c8'").contains("'<c8'"));
        assert!(typed("[('x', '<f4')]").contains("[('x'"));
        assert!(typed("'<f4'").contains("after 8 bytes where 24"));
        let shaped = |shape: &str| {
            message(1, &format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}"))
        };
        assert!(shaped("(5,)").contains("[5]"));
        assert!(shaped("(0, 3)").contains("[0, 3]"));
        assert!(shaped("(2, 3, 4)").contains("[2, 3, 4]"));
        assert!(shaped("(99999999999, 99999999999)").contains("16384"));
        assert!(shaped("(2, x)").contains("'shape'"));
        assert!(message(9, "{}").contains("version 9"));
        assert!(message(1, "{}").contains("'descr'"));
    }
}
