//! TIFF: one gray image, integers of 8, 16 or 32 bits or floats of 32 or 64, in strips or tiles,
//! plain or compressed (deflate, LZW, PackBits). "White is zero" integers are inverted.

use std::io::Cursor;
use std::path::Path;

use ::tiff::ColorType;
use ::tiff::TiffError;
use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::encoder::colortype::{ColorType as ColorTypeTrait, Gray8, Gray32Float};
use ::tiff::encoder::{TiffEncoder, TiffValue};
use ::tiff::tags::Tag;
use isocenter::radiograph::Image;

use super::raster::{self, RasterError};
use super::{LoadedImage, full_scale};
use crate::atomic;
use crate::error::{At, FileError, FileProblem, one_line};
use crate::samples::SampleType;

fn problem(error: TiffError) -> FileProblem {
    let what = one_line(&error.to_string());
    match error {
        TiffError::UnsupportedError(_) => RasterError::Pixels { found: what }.into(),
        _ => FileProblem::Damaged { what },
    }
}

fn pixels_are(found: String) -> FileProblem {
    RasterError::Pixels { found }.into()
}

/// Refuses a first directory in which an entry announces more values than the file has bytes: the
/// decoder would make room for them before it reads them. All other faults are left to it.
fn check_directory(bytes: &[u8]) -> Result<(), FileProblem> {
    let number = |at: usize, length: usize| -> Option<u64> {
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let append = |number: u64, &digit: &u8| number << 8 | u64::from(digit);
        Some(match bytes {
            [b'M', ..] => digits.iter().fold(0, append),
            _ => digits.iter().rev().fold(0, append),
        })
    };
    // TIFF has offsets of 4 bytes and counts entries of 12 with 2; BigTIFF has 8, 20 and 8.
    let (word, count_bytes, entry_bytes) =
        if number(2, 2) == Some(43) { (8, 8, 20) } else { (4, 2, 12) };
    let Some(start) = number(word, word).and_then(|at| usize::try_from(at).ok()) else {
        return Ok(());
    };
    let entries = number(start, count_bytes).unwrap_or(0);
    // The number of values follows two bytes of tag and two of type.
    let first = start.saturating_add(count_bytes + 4);
    let counts = (first..bytes.len()).step_by(entry_bytes).map_while(|at| number(at, word));
    let limit = bytes.len() as u64;
    match counts.zip(0..entries).find(|(values, _)| *values > limit) {
        Some((found, _)) => Err(FileProblem::Damaged {
            what: format!("the directory announces {found} values in a file of {limit} bytes"),
        }),
        None => Ok(()),
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<LoadedImage, FileProblem> {
    check_directory(bytes)?;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(problem)?;
    let color = decoder.colortype().map_err(problem)?;
    let ColorType::Gray(bits @ (8 | 16 | 32 | 64)) = color else {
        return Err(pixels_are(format!("{color:?}")));
    };
    let bytes_per_pixel = usize::from(bits / 8);
    let (columns, rows) = decoder.dimensions().map_err(problem)?;
    let size_px = raster::check_size([columns, rows], bytes_per_pixel, bytes.len())?;
    if decoder.more_images() {
        return Err(RasterError::Several.into());
    }
    let mut limits = Limits::default();
    limits.decoding_buffer_size = size_px[0] * size_px[1] * bytes_per_pixel;
    // A tile at the edge is decoded whole, though most of it may lie outside the image.
    limits.intermediate_buffer_size = 4 * limits.decoding_buffer_size.max(1 << 18);
    let mut decoder = decoder.with_limits(limits);
    let white_is_zero = decoder.find_tag(Tag::PhotometricInterpretation).map_err(problem)?
        == Some(::tiff::decoder::ifd::Value::Short(0));
    let (pixels, kind) = match decoder.read_image().map_err(problem)? {
        DecodingResult::U8(v) => (convert(v), SampleType::U8),
        DecodingResult::I8(v) => (convert(v), SampleType::I8),
        DecodingResult::U16(v) => (convert(v), SampleType::U16),
        DecodingResult::I16(v) => (convert(v), SampleType::I16),
        DecodingResult::U32(v) => (narrow(&v, |v| v as f32), SampleType::U32),
        DecodingResult::I32(v) => (narrow(&v, |v| v as f32), SampleType::I32),
        DecodingResult::F32(v) => (v, SampleType::F32),
        DecodingResult::F64(v) => (narrow(&v, |v| v as f32), SampleType::F64),
        _ => return Err(pixels_are(format!("of another type than their {color:?} says"))),
    };
    let full_scale = full_scale(kind);
    if white_is_zero && full_scale.is_none() {
        return Err(pixels_are("floats with 'white is zero', which has no meaning".to_owned()));
    }
    LoadedImage::new(size_px, pixels, full_scale)
}

fn convert<T: Into<f32>>(values: Vec<T>) -> Vec<f32> {
    values.into_iter().map(Into::into).collect()
}

fn narrow<T: Copy>(values: &[T], f: impl Fn(T) -> f32) -> Vec<f32> {
    values.iter().map(|&v| f(v)).collect()
}

/// Writes 32-bit floats.
pub(super) fn write(path: &Path, image: &Image) -> Result<(), FileError> {
    write_pixels::<Gray32Float>(path, image.size_px(), image.pixels())
}

/// Writes integers of 8 bits.
pub(super) fn write_gray8(
    path: &Path,
    size_px: [usize; 2],
    pixels: &[u8],
) -> Result<(), FileError> {
    write_pixels::<Gray8>(path, size_px, pixels)
}

/// Writes without compression: every program reads that.
fn write_pixels<C: ColorTypeTrait>(
    path: &Path,
    size_px: [usize; 2],
    pixels: &[C::Inner],
) -> Result<(), FileError>
where
    [C::Inner]: TiffValue,
{
    let [columns, rows] = raster::check_values(size_px, 1, pixels.len()).at(path)?;
    let mut bytes = Cursor::new(Vec::new());
    TiffEncoder::new(&mut bytes)
        .and_then(|mut tiff| tiff.write_image::<C>(columns, rows, pixels))
        .map_err(problem)
        .at(path)?;
    atomic::write_file(path, |out| out.write_all(bytes.get_ref()))
}
