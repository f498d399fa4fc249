//! A picture as text: PNG in a `data:` URL.

use crate::rgb::RgbImage;

/// Why a picture could not be written as PNG.
#[derive(Debug, thiserror::Error)]
#[error("a picture of {} x {} pixels cannot be written as PNG: {source}", size_px[0], size_px[1])]
pub struct PngError {
    size_px: [usize; 2],
    source: png::EncodingError,
}

/// The picture as `data:image/png;base64,...`, for the `src` of an image in a page. A picture without
/// color is stored in grey, a third as large.
///
/// # Errors
/// If a side is longer than PNG allows (2^31 - 1).
///
/// # Examples
/// ```
/// use isocenter_report::{RgbImage, png_data_url};
/// let url = png_data_url(&RgbImage::filled([8, 8], [255, 0, 0])).unwrap();
/// assert!(url.starts_with("data:image/png;base64,iVBORw0KGgo"));
/// ```
pub fn png_data_url(picture: &RgbImage) -> Result<String, PngError> {
    let bytes =
        png_bytes(picture).map_err(|source| PngError { size_px: picture.size_px(), source })?;
    let mut url = String::from("data:image/png;base64,");
    push_base64(&mut url, &bytes);
    Ok(url)
}

fn png_bytes(picture: &RgbImage) -> Result<Vec<u8>, png::EncodingError> {
    // A side beyond u32 becomes one that PNG refuses.
    let [columns, rows] = picture.size_px().map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let pixels = picture.pixels().as_chunks::<3>().0;
    let grey = pixels.iter().all(|[red, green, blue]| red == green && green == blue);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns, rows);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_color(if grey { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    if grey {
        writer.write_image_data(&pixels.iter().map(|pixel| pixel[0]).collect::<Vec<u8>>())?;
    } else {
        writer.write_image_data(picture.pixels())?;
    }
    writer.finish()?;
    Ok(bytes)
}

/// Base64 as in RFC 4648, section 4.
fn push_base64(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        for digit in 0..4 {
            if digit <= group.len() {
                // In range: six bits.
                text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: base64 as the RFC's examples have it; a PNG reads back, grey where it is grey.
    use super::*;

    #[test]
    fn base64_as_in_the_rfc() {
        // RFC 4648, section 10, and bytes whose digits are the last of the alphabet.
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"fooba", "Zm9vYmE="),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff, 0xfe], "+//+"),
        ] {
            let mut text = String::new();
            push_base64(&mut text, bytes);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_picture_reads_back() {
        let mut picture = RgbImage::filled([3, 2], [7; 3]);
        for (color, channels) in [([9; 3], 1), ([9, 8, 7], 3)] {
            picture.paste(&RgbImage::filled([1, 1], color), 2, 1);
            let bytes = png_bytes(&picture).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
            let mut read = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut read).unwrap();
            assert_eq!((info.width, info.height, read.len()), (3, 2, 6 * channels));
            let expected: Vec<u8> =
                picture.pixels().iter().step_by(3 / channels).copied().collect();
            assert_eq!(read, expected);
        }
    }
}
