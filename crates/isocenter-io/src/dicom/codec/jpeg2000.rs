//! JPEG 2000, lossless or not.

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

use super::{Samples, check_size};
use crate::dicom::pixels::PixelLayout;
use crate::error::one_line;

/// The marks that start a codestream, and its sizes.
const START: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];

pub(super) fn decode(bytes: &[u8], layout: &PixelLayout) -> Result<Samples, String> {
    // Behind boxes of JP2, which do not belong here but occur.
    let start = bytes.windows(START.len()).position(|window| window == START);
    let codestream = start.and_then(|at| bytes.get(at..)).ok_or("there is no codestream")?;
    let sizes = Sizes::read(codestream).ok_or("its sizes are cut off")?;
    check_size(sizes.columns, sizes.rows, layout)?;
    if sizes.components != 1 {
        return Err(format!("it has {} components, one is expected", sizes.components));
    }
    if sizes.tiles > sizes.most_tiles() {
        return Err(format!("it has {} tiles", sizes.tiles));
    }
    if sizes.bits > 16 {
        return Err(format!("it has {} bits a pixel, 16 at most are expected", sizes.bits));
    }
    let said = |error: hayro_jpeg2000::DecodeError| one_line(&error.to_string());
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    let image = Image::new(codestream, &settings).map_err(said)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(said)?;
    let samples = decoded.components().first().ok_or("there is no image")?.samples();
    if samples.len() != layout.frame_pixels() {
        return Err(format!("it has {} values", samples.len()));
    }
    // The decoder adds half the range, as is right for unsigned numbers. Loss may lead beyond it.
    let (offset, low, high) = if sizes.signed {
        let half = (1_i32 << (sizes.bits - 1)) as f32;
        (half, -half, half - 1.0)
    } else {
        (0.0, 0.0, ((1_u32 << sizes.bits) - 1) as f32)
    };
    let number = |&v: &f32| (v.round() - offset).clamp(low, high) as i32 as u16;
    Ok(Samples::U16(samples.iter().map(number).collect()))
}

/// What the codestream says of its size.
struct Sizes {
    columns: usize,
    rows: usize,
    tiles: u64,
    components: u16,
    bits: u32,
    signed: bool,
}

impl Sizes {
    fn read(codestream: &[u8]) -> Option<Self> {
        let u32_at = |at: usize| Some(u32::from_be_bytes(*codestream.get(at..)?.first_chunk()?));
        // Behind the marks: length, capabilities, then four pairs.
        let [right, bottom] = [u32_at(8)?, u32_at(12)?];
        let [left, top] = [u32_at(16)?, u32_at(20)?];
        let [tile_columns, tile_rows] = [u32_at(24)?, u32_at(28)?];
        let [tile_left, tile_top] = [u32_at(32)?, u32_at(36)?];
        let components = u16::from_be_bytes(*codestream.get(40..)?.first_chunk()?);
        let depth = *codestream.get(42)?;
        let along = |end: u32, start: u32, side: u32| {
            Some(u64::from(end.checked_sub(start)?).div_ceil(u64::from(side.max(1))))
        };
        Some(Self {
            columns: right.checked_sub(left)? as usize,
            rows: bottom.checked_sub(top)? as usize,
            tiles: along(right, tile_left, tile_columns)?
                .saturating_mul(along(bottom, tile_top, tile_rows)?),
            components,
            bits: u32::from(depth & 0x7f) + 1,
            signed: depth & 0x80 != 0,
        })
    }

    /// A tile of an image that is not small has some hundreds of pixels.
    fn most_tiles(&self) -> u64 {
        16 + (self.columns as u64 * self.rows as u64) / 256
    }
}
