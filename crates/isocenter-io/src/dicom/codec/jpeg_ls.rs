//! JPEG-LS, by a C++ library.

use charls::CharLS;

use super::{Samples, check_size};
use crate::dicom::pixels::PixelLayout;
use crate::error::one_line;

pub(super) fn decode(bytes: &[u8], layout: &PixelLayout) -> Result<Samples, String> {
    let said = |error: charls::Error| one_line(&error.to_string());
    let info = CharLS::default().get_frame_info(bytes).map_err(said)?;
    check_size(info.width as usize, info.height as usize, layout)?;
    if info.component_count != 1 {
        return Err("it is in colour".to_owned());
    }
    let decoded = CharLS::default().decode(bytes).map_err(said)?;
    let pixels = layout.frame_pixels();
    let samples = if info.bits_per_sample > 8 {
        let (pairs, _) = decoded.as_chunks::<2>();
        // In the machine's byte order.
        Samples::U16(pairs.iter().take(pixels).map(|&b| u16::from_ne_bytes(b)).collect())
    } else {
        Samples::U8(decoded.into_iter().take(pixels).collect())
    };
    let found = match &samples {
        Samples::U8(samples) => samples.len(),
        Samples::U16(samples) => samples.len(),
    };
    if found != pixels {
        return Err(format!("it has {found} values where {pixels} are expected"));
    }
    Ok(samples)
}
