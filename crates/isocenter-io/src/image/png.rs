//! PNG: gray of 8 and 16 bits.
//!
//! Fewer bits are spread over 8, palettes become colors, colors become gray: the common value
//! where the channels agree (a gray image saved as color), else the luminance of ITU-R BT.601.
//! Transparency is ignored.

use std::io::{Cursor, Write};
use std::path::Path;

use ::png::{BitDepth, ColorType, Decoder, Encoder, Limits, Transformations};

use super::{LoadedImage, raster};
use crate::atomic;
use crate::error::{At, FileError, FileProblem, one_line};

fn damaged(error: ::png::DecodingError) -> FileProblem {
    FileProblem::Damaged { what: one_line(&error.to_string()) }
}

pub(super) fn decode(bytes: &[u8]) -> Result<LoadedImage, FileProblem> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND);
    // Texts and color profiles are of no use here, and compressed ones may be large.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_limits(Limits { bytes: 1 << 26 });
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (color, depth) = reader.output_color_type();
    let (channels, wide) = (color.samples(), depth == BitDepth::Sixteen);
    let (columns, rows) = reader.info().size();
    let bytes_per_pixel = channels * if wide { 2 } else { 1 };
    let size_px = raster::check_size([columns, rows], bytes_per_pixel, bytes.len())?;
    let mut samples = vec![0; size_px[0] * size_px[1] * bytes_per_pixel];
    reader.next_frame(&mut samples).map_err(damaged)?;
    let pixels = if wide {
        let samples = samples.as_chunks::<2>().0.iter().map(|&b| u16::from_be_bytes(b));
        gray(&samples.map(f32::from).collect::<Vec<_>>(), channels)
    } else {
        gray(&samples.into_iter().map(f32::from).collect::<Vec<_>>(), channels)
    };
    LoadedImage::new(size_px, pixels, Some(if wide { 65535.0 } else { 255.0 }))
}

/// One value per pixel from 1 (gray), 2 (gray, alpha), 3 (color) or 4 (color, alpha) channels.
fn gray(samples: &[f32], channels: usize) -> Vec<f32> {
    samples
        .chunks_exact(channels)
        .map(|pixel| match *pixel {
            [r, g, b] | [r, g, b, _] if r != g || g != b => 0.299 * r + 0.587 * g + 0.114 * b,
            _ => pixel[0],
        })
        .collect()
}

/// Writes a gray image of 16 bits.
///
/// # Shapes
/// `size_px` = [columns, rows]; `pixels` row by row from the top.
///
/// # Errors
/// If the number of values does not fit the size, or the file cannot be written.
pub fn write_png_gray16(
    path: impl AsRef<Path>,
    size_px: [usize; 2],
    pixels: &[u16],
) -> Result<(), FileError> {
    let path = path.as_ref();
    let size = raster::check_values(size_px, 1, pixels.len()).at(path)?;
    let bytes: Vec<u8> = pixels.iter().flat_map(|p| p.to_be_bytes()).collect();
    write(path, size, ColorType::Grayscale, BitDepth::Sixteen, &bytes)
}

/// Writes a gray image of 8 bits.
pub(super) fn write_gray8(
    path: &Path,
    size_px: [usize; 2],
    pixels: &[u8],
) -> Result<(), FileError> {
    let size = raster::check_values(size_px, 1, pixels.len()).at(path)?;
    write(path, size, ColorType::Grayscale, BitDepth::Eight, pixels)
}

/// Writes a color image of 8 bits.
///
/// # Shapes
/// `size_px` = [columns, rows]; `rgb` has red, green and blue of each pixel, row by row.
///
/// # Errors
/// As [`write_png_gray16`].
pub fn write_png_rgb8(
    path: impl AsRef<Path>,
    size_px: [usize; 2],
    rgb: &[u8],
) -> Result<(), FileError> {
    let path = path.as_ref();
    let size = raster::check_values(size_px, 3, rgb.len()).at(path)?;
    write(path, size, ColorType::Rgb, BitDepth::Eight, rgb)
}

fn write(
    path: &Path,
    [columns, rows]: [u32; 2],
    color: ColorType,
    depth: BitDepth,
    bytes: &[u8],
) -> Result<(), FileError> {
    atomic::write_file(path, |out: &mut dyn Write| {
        let mut encoder = Encoder::new(out, columns, rows);
        encoder.set_color(color);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(bytes)?;
        Ok(writer.finish()?)
    })
}
