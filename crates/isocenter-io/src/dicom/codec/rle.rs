//! Run lengths: PS3.5 annex G.

use super::Samples;
use crate::dicom::pixels::PixelLayout;

/// The number of segments and the offsets of fifteen, each of four bytes.
const HEADER: usize = 64;

pub(super) fn decode(bytes: &[u8], layout: &PixelLayout) -> Result<Samples, String> {
    let (fields, _) = bytes.as_chunks::<4>();
    let field = |n: usize| fields.get(n).map(|&b| u32::from_le_bytes(b) as usize);
    let count = layout.bits_allocated as usize / 8;
    if bytes.len() < HEADER || field(0) != Some(count) {
        return Err(format!(
            "{count} segments are expected, the header says {}",
            field(0).unwrap_or(0)
        ));
    }
    let segment = |n: usize| {
        let start = field(1 + n)?;
        let end = if n + 1 < count { field(2 + n)? } else { bytes.len() };
        bytes.get(start..end).filter(|_| start >= HEADER)
    };
    let pixels = layout.frame_pixels();
    let unpacked = |n: usize| {
        let packed = segment(n).ok_or_else(|| format!("segment {} lies outside", n + 1))?;
        unpack(packed, pixels)
            .ok_or_else(|| format!("segment {} has fewer than {pixels} values", n + 1))
    };
    // The first segment holds the high bytes.
    let high = unpacked(0)?;
    if count == 1 {
        return Ok(Samples::U8(high));
    }
    let low = unpacked(1)?;
    let pairs = high.into_iter().zip(low);
    Ok(Samples::U16(pairs.map(|(high, low)| u16::from_be_bytes([high, low])).collect()))
}

/// So many bytes out of packed ones; further ones do not count.
fn unpack(mut packed: &[u8], count: usize) -> Option<Vec<u8>> {
    /// The most bytes that two packed ones stand for.
    const LONGEST_RUN: usize = 128;
    if packed.len().div_ceil(2) * LONGEST_RUN < count {
        return None;
    }
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        let (&control, rest) = packed.split_first()?;
        let room = count - out.len();
        packed = match control.cast_signed() {
            length @ 0.. => {
                let (literal, rest) = rest.split_at_checked(length as usize + 1)?;
                out.extend(literal.iter().take(room));
                rest
            }
            -128 => rest,
            length => {
                let (&value, rest) = rest.split_first()?;
                let run = 1 + usize::from(length.unsigned_abs());
                out.resize(out.len() + run.min(room), value);
                rest
            }
        };
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    //! Proves: literals, runs and the value without meaning are unpacked, what ends early is not.
    use super::*;

    #[test]
    fn runs_are_unpacked() {
        let packed = [2, 7, 8, 9, 0x80, 0xfe, 5, 0, 1];
        assert_eq!(unpack(&packed, 7), Some(vec![7, 8, 9, 5, 5, 5, 1]));
        assert_eq!(unpack(&packed, 5), Some(vec![7, 8, 9, 5, 5]));
        assert_eq!(unpack(&packed, 8), None);
        assert_eq!(unpack(&packed[..3], 3), None);
    }
}
