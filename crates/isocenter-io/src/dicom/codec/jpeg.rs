//! JPEG: baseline, and lossless of up to 16 bits.

use jpeg_decoder::{Decoder, PixelFormat};

use super::{Samples, check_size};
use crate::dicom::pixels::PixelLayout;
use crate::error::one_line;

pub(super) fn decode(bytes: &[u8], layout: &PixelLayout) -> Result<Samples, String> {
    let said = |error: jpeg_decoder::Error| one_line(&error.to_string());
    let mut decoder = Decoder::new(bytes);
    decoder.read_info().map_err(said)?;
    let info = decoder.info().ok_or("there is no image")?;
    check_size(usize::from(info.width), usize::from(info.height), layout)?;
    let wide = match info.pixel_format {
        PixelFormat::L8 => false,
        PixelFormat::L16 => true,
        _ => return Err("it is in colour".to_owned()),
    };
    let decoded = decoder.decode().map_err(said)?;
    let samples = if wide {
        // In the machine's byte order.
        let (pairs, _) = decoded.as_chunks::<2>();
        Samples::U16(pairs.iter().map(|&b| u16::from_ne_bytes(b)).collect())
    } else {
        Samples::U8(decoded)
    };
    let found = match &samples {
        Samples::U8(samples) => samples.len(),
        Samples::U16(samples) => samples.len(),
    };
    if found != layout.frame_pixels() {
        return Err(format!("it has {found} values where {} are expected", layout.frame_pixels()));
    }
    Ok(samples)
}
