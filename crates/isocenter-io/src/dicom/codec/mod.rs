//! The decoders of compressed pixels.
//!
//! Each takes any bytes, and holds what they announce against what the file's tags say before it
//! makes room for it.

mod jpeg;
mod jpeg2000;
#[cfg(feature = "jpeg-ls")]
mod jpeg_ls;
mod rle;

use super::error::DicomError;
use super::pixels::PixelLayout;
use super::syntax::{Compression, TransferSyntax};

/// The numbers of a frame, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
}

/// Whether this build can decode pixels written so.
///
/// # Errors
/// The feature that it would need.
pub(super) fn check(syntax: &TransferSyntax) -> Result<(), DicomError> {
    if syntax.compression == Compression::JpegLs && cfg!(not(feature = "jpeg-ls")) {
        return Err(DicomError::Feature { syntax: syntax.name, feature: "jpeg-ls" });
    }
    Ok(())
}

/// Decodes a frame.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub(super) fn decode(
    syntax: &TransferSyntax,
    bytes: &[u8],
    layout: &PixelLayout,
) -> Result<Samples, String> {
    match syntax.compression {
        Compression::Rle => rle::decode(bytes, layout),
        Compression::Jpeg => jpeg::decode(bytes, layout),
        Compression::Jpeg2000 => jpeg2000::decode(bytes, layout),
        #[cfg(feature = "jpeg-ls")]
        Compression::JpegLs => jpeg_ls::decode(bytes, layout),
        #[cfg(not(feature = "jpeg-ls"))]
        Compression::JpegLs => Err("the feature 'jpeg-ls' is needed".to_owned()),
        Compression::None => Err("the pixels are not compressed".to_owned()),
    }
}

/// Holds the size that the compressed data announce against the tags.
fn check_size(columns: usize, rows: usize, layout: &PixelLayout) -> Result<(), String> {
    if (columns, rows) == (layout.columns, layout.rows) {
        return Ok(());
    }
    Err(format!(
        "it has {columns} x {rows} pixels where the tags say {} x {}",
        layout.columns, layout.rows
    ))
}
