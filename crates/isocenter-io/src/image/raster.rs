//! What PNG and TIFF files may not hold.

use isocenter::geometry::Camera;

use crate::error::FileProblem;

/// What a PNG or TIFF file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RasterError {
    /// A side is zero or longer than any detector's.
    #[error("the image has {size_px:?} pixels: both sides must be 1 to {most}")]
    Size {
        /// Columns and rows.
        size_px: [usize; 2],
        /// The longest side.
        most: usize,
    },
    /// The file is too short for its image.
    #[error(
        "the file has {found} bytes, far too few for the {size_px:?} pixels it announces: copy or export it again"
    )]
    TooShort {
        /// Bytes in the file.
        found: usize,
        /// Columns and rows.
        size_px: [usize; 2],
    },
    /// The pixels are not gray.
    #[error(
        "the pixels are {found}: gray integers of 8, 16 or 32 bits or gray floats of 32 or 64 bits are expected; convert the image"
    )]
    Pixels {
        /// What they are.
        found: String,
    },
    /// More than one image.
    #[error("the file holds several images, one is expected: extract one")]
    Several,
    /// The number of values does not fit the size.
    #[error("{size_px:?} pixels need {expected} values, found {found}")]
    Values {
        /// Columns and rows.
        size_px: [usize; 2],
        /// Values needed.
        expected: usize,
        /// Values given.
        found: usize,
    },
}

/// The most that the compressions in use expand a byte to: deflate 1032, LZW 1366, PackBits 64.
const MOST_EXPANSION: usize = 2048;

/// Checks the size of an image before memory for it is asked for.
pub(super) fn check_size(
    size_px: [u32; 2],
    bytes_per_pixel: usize,
    file_bytes: usize,
) -> Result<[usize; 2], FileProblem> {
    let size_px = size_px.map(|n| n as usize);
    let most = Camera::MAX_SIDE_PX;
    if size_px.iter().any(|&n| n == 0 || n > most) {
        return Err(RasterError::Size { size_px, most }.into());
    }
    if size_px[0] * size_px[1] * bytes_per_pixel / MOST_EXPANSION > file_bytes {
        return Err(RasterError::TooShort { found: file_bytes, size_px }.into());
    }
    Ok(size_px)
}

/// Checks values to write against the size; returns the size as PNG and TIFF want it.
pub(super) fn check_values(
    size_px: [usize; 2],
    channels: usize,
    found: usize,
) -> Result<[u32; 2], FileProblem> {
    let most = Camera::MAX_SIDE_PX;
    if size_px.iter().any(|&n| n == 0 || n > most) {
        return Err(RasterError::Size { size_px, most }.into());
    }
    let expected = size_px[0] * size_px[1] * channels;
    if found != expected {
        return Err(RasterError::Values { size_px, expected, found }.into());
    }
    Ok(size_px.map(|n| n as u32))
}
