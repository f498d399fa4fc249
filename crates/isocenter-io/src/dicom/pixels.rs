//! The pixels of a file, decoded.

use std::borrow::Cow;
use std::ops::Range;

use super::codec::{self, Samples};
use super::error::DicomError;
use super::object::Object;
use super::parse::Place;
use super::syntax::Compression;
use super::tag;
use super::value::wrong;
use crate::error::FileProblem;
use crate::samples::ByteOrder;

/// Pixels of an image that is decoded no matter how few bytes it is compressed to.
const SMALL_IMAGE: u64 = 1 << 20;

/// The most pixels that a byte of a larger compressed image may stand for.
const MOST_PER_BYTE: u64 = 2048;

/// How the pixels of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelLayout {
    /// Pixels in a row.
    pub(crate) columns: usize,
    /// Rows of a frame.
    pub(crate) rows: usize,
    /// Images in the file.
    pub(crate) frames: usize,
    /// 8 or 16.
    pub(crate) bits_allocated: u32,
    /// The bits that count.
    pub(crate) bits_stored: u32,
    /// The highest of these.
    pub(crate) high_bit: u32,
    /// Whether they are in two's complement.
    pub(crate) signed: bool,
    /// Whether small numbers are bright (`MONOCHROME1`).
    pub(crate) low_is_bright: bool,
}

impl PixelLayout {
    /// The pixels of a frame.
    pub(crate) fn frame_pixels(&self) -> usize {
        self.columns * self.rows
    }

    /// The bytes of a frame that is not compressed.
    fn frame_bytes(&self) -> usize {
        self.frame_pixels() * (self.bits_allocated as usize / 8)
    }

    /// A number as the pixels hold it: of the stored bits, the sign extended.
    pub(crate) fn stored(&self, bits: u16) -> i32 {
        let top = i32::from(bits) << (31 - self.high_bit);
        let down = 32 - self.bits_stored;
        if self.signed { top >> down } else { ((top as u32) >> down) as i32 }
    }

    /// The pixel that a tag such as PixelPaddingValue speaks of; `None` if no pixel holds it, as
    /// 63536 where 12 bits are stored.
    ///
    /// The tag may be written signed or not, whatever the pixels are, and with the sign extended or
    /// not: the bits count.
    pub(crate) fn pixel_of_tag(&self, number: i32) -> Option<i32> {
        let bits = number as u16;
        let value = self.stored(bits);
        let lowest_bit = self.high_bit + 1 - self.bits_stored;
        let extended = (value << lowest_bit) as u16;
        let mask = (((1_u32 << self.bits_stored) - 1) << lowest_bit) as u16;
        (bits == extended || bits == extended & mask).then_some(value)
    }
}

impl Object {
    /// How the pixels lie.
    ///
    /// # Errors
    /// If there are none, a tag is missing or wrong, or they are not grey of 8 or 16 bits.
    pub(crate) fn pixel_layout(&self) -> Result<PixelLayout, DicomError> {
        let tags = self.data_set();
        if tags.has(tag::FLOAT_PIXEL_DATA) || tags.has(tag::DOUBLE_FLOAT_PIXEL_DATA) {
            return Err(wrong(
                tag::FLOAT_PIXEL_DATA,
                "floating point numbers",
                "pixels of 8 or 16 bits in PixelData (7fe0,0010) are expected",
            ));
        }
        if !tags.has(tag::PIXEL_DATA) {
            return Err(DicomError::NoPixels);
        }
        let side = "a whole number from 1 to 65535 is expected";
        let columns = tags.require_integer(tag::COLUMNS, [1, 65535], side)?;
        let rows = tags.require_integer(tag::ROWS, [1, 65535], side)?;
        let expected = "1 is expected, grey pixels";
        tags.integer(tag::SAMPLES_PER_PIXEL, [1, 1], expected)?;
        let expected = "MONOCHROME2 or MONOCHROME1 is expected, grey pixels";
        let photometric = tags.require_text(tag::PHOTOMETRIC_INTERPRETATION, expected)?;
        let low_is_bright = match photometric.as_str() {
            "MONOCHROME2" => false,
            "MONOCHROME1" => true,
            other => return Err(wrong(tag::PHOTOMETRIC_INTERPRETATION, other, expected)),
        };
        let expected = "8 or 16 is expected";
        let bits_allocated = tags.require_integer(tag::BITS_ALLOCATED, [8, 16], expected)?;
        if bits_allocated % 8 != 0 {
            return Err(wrong(tag::BITS_ALLOCATED, &bits_allocated.to_string(), expected));
        }
        let in_words = || tags.element(tag::PIXEL_DATA).is_some_and(|e| e.vr == Some(*b"OW"));
        if bits_allocated == 8 && self.transfer_syntax().byte_order == ByteOrder::Big && in_words()
        {
            let expected = "16 is expected where pixels lie in words (OW) of big endian";
            return Err(wrong(tag::BITS_ALLOCATED, "8", expected));
        }
        let expected = "a whole number from 1 to BitsAllocated is expected";
        let bits_stored = tags
            .integer(tag::BITS_STORED, [1, bits_allocated], expected)?
            .unwrap_or(bits_allocated);
        let expected = "a whole number from BitsStored - 1 to BitsAllocated - 1 is expected";
        let high_bit = tags
            .integer(tag::HIGH_BIT, [bits_stored - 1, bits_allocated - 1], expected)?
            .unwrap_or(bits_stored - 1);
        let expected = "0 (unsigned) or 1 (signed) is expected";
        let signed = tags.integer(tag::PIXEL_REPRESENTATION, [0, 1], expected)? == Some(1);
        let expected = "a whole number above 0 is expected";
        let frames = tags.integer(tag::NUMBER_OF_FRAMES, [1, i32::MAX], expected)?.unwrap_or(1);
        Ok(PixelLayout {
            columns: columns as usize,
            rows: rows as usize,
            frames: frames as usize,
            bits_allocated: bits_allocated as u32,
            bits_stored: bits_stored as u32,
            high_bit: high_bit as u32,
            signed,
            low_is_bright,
        })
    }

    /// Checks that the file is long enough for the pixels that it announces, and that this build
    /// can decode them. It serves a header, before the pixels are read.
    ///
    /// # Errors
    /// If not.
    pub(crate) fn check_pixels(&self, layout: &PixelLayout) -> Result<(), FileProblem> {
        let syntax = self.transfer_syntax();
        codec::check(&syntax)?;
        let frames = layout.frames as u64;
        let bytes = (layout.frame_bytes() as u64).saturating_mul(frames);
        if syntax.deflated {
            // Where the pixels start is known of the inflated bytes alone.
            return enough(
                self.file_bytes(),
                (layout.frame_pixels() as u64).saturating_mul(frames),
            );
        }
        let start = match self.data_set().element(tag::PIXEL_DATA).map(|element| &element.value) {
            // Of a header no more is known than where they start.
            Some(Place::Bytes(range)) if range.is_empty() => range.start,
            Some(Place::Bytes(range)) if syntax.compression != Compression::None => {
                return Err(not_in_fragments(range.start));
            }
            Some(Place::Bytes(range)) => range.start,
            Some(Place::Fragments(fragments)) => fragments.first().map_or(0, |range| range.start),
            _ => 0,
        };
        let found = self.file_bytes().saturating_sub(start as u64);
        if syntax.compression != Compression::None {
            return enough(found, (layout.frame_pixels() as u64).saturating_mul(frames));
        }
        if found < bytes {
            return Err(DicomError::PixelBytes { found, expected: bytes }.into());
        }
        Ok(())
    }

    /// Decodes a frame (from 0), row by row: each pixel is what `convert` makes of its stored
    /// number.
    ///
    /// # Errors
    /// If the file ends before, or the frame cannot be decoded.
    ///
    /// # Shapes
    /// `out` has [`frame_pixels`](PixelLayout::frame_pixels) values.
    pub(crate) fn decode_frame<T>(
        &self,
        layout: &PixelLayout,
        frame: usize,
        out: &mut [T],
        convert: impl Fn(i32) -> T,
    ) -> Result<(), FileProblem> {
        let syntax = self.transfer_syntax();
        let bytes = self.frame_data(layout, frame)?;
        if syntax.compression == Compression::None {
            let expected = layout.frame_bytes();
            if bytes.len() < expected {
                let found = bytes.len() as u64;
                return Err(DicomError::PixelBytes { found, expected: expected as u64 }.into());
            }
            if layout.bits_allocated == 8 {
                each(out, bytes.iter().map(|&b| u16::from(b)), layout, convert);
            } else {
                let (pairs, _) = bytes.as_chunks::<2>();
                match syntax.byte_order {
                    ByteOrder::Little => {
                        let pixels = pairs.iter().map(|&b| u16::from_le_bytes(b));
                        each(out, pixels, layout, convert);
                    }
                    ByteOrder::Big => {
                        let pixels = pairs.iter().map(|&b| u16::from_be_bytes(b));
                        each(out, pixels, layout, convert);
                    }
                }
            }
            return Ok(());
        }
        enough(bytes.len() as u64, layout.frame_pixels() as u64)?;
        let samples = codec::decode(&syntax, &bytes, layout).map_err(|what| DicomError::Codec {
            frame: frame + 1,
            syntax: syntax.name,
            what,
        })?;
        match samples {
            Samples::U8(samples) => {
                each(out, samples.into_iter().map(u16::from), layout, convert);
            }
            Samples::U16(samples) => each(out, samples.into_iter(), layout, convert),
        }
        Ok(())
    }

    /// The bytes of a frame.
    fn frame_data(&self, layout: &PixelLayout, frame: usize) -> Result<Cow<'_, [u8]>, FileProblem> {
        let too_few = |found: usize| DicomError::Frames { found, expected: layout.frames };
        let all = self.data_set();
        match all.element(tag::PIXEL_DATA).map(|element| &element.value) {
            Some(Place::Bytes(range)) => {
                if self.transfer_syntax().compression != Compression::None {
                    return Err(not_in_fragments(range.start));
                }
                let bytes = layout.frame_bytes();
                let start = frame.saturating_mul(bytes).saturating_add(range.start);
                let end = start.saturating_add(bytes);
                let there = self.bytes.len().min(range.end).max(range.start);
                if end > there {
                    let found = (there - range.start) as u64;
                    let expected = (layout.frames as u64).saturating_mul(bytes as u64);
                    return Err(DicomError::PixelBytes { found, expected }.into());
                }
                Ok(Cow::Borrowed(&self.bytes[start..end]))
            }
            Some(Place::Fragments(fragments)) => {
                let Some((table, fragments)) = fragments.split_first() else {
                    return Err(too_few(0).into());
                };
                let one_each = fragments.len() == layout.frames;
                let of_frame = if layout.frames == 1 {
                    fragments
                } else if one_each {
                    fragments.get(frame..=frame).unwrap_or_default()
                } else {
                    self.by_table(table, fragments, frame).unwrap_or_default()
                };
                match of_frame {
                    [] => Err(too_few(fragments.len()).into()),
                    [one] => Ok(Cow::Borrowed(self.piece(one))),
                    many => Ok(Cow::Owned(
                        many.iter().flat_map(|one| self.piece(one)).copied().collect(),
                    )),
                }
            }
            _ => Err(DicomError::NoPixels.into()),
        }
    }

    fn piece(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The fragments of a frame, by the table of offsets from the first one's head.
    fn by_table<'a>(
        &self,
        table: &Range<usize>,
        fragments: &'a [Range<usize>],
        frame: usize,
    ) -> Option<&'a [Range<usize>]> {
        let (offsets, _) = self.piece(table).as_chunks::<4>();
        let first = fragments.first()?.start;
        let at = |frame: usize| {
            let offset = u32::from_le_bytes(*offsets.get(frame)?) as usize;
            fragments.binary_search_by_key(&offset, |fragment| fragment.start - first).ok()
        };
        let start = at(frame)?;
        let end = at(frame + 1).unwrap_or(fragments.len());
        fragments.get(start..end)
    }
}

fn not_in_fragments(at: usize) -> FileProblem {
    let what = "pixels that should be compressed are not in fragments";
    DicomError::Damaged { at, what }.into()
}

/// Refuses more pixels than so many compressed bytes can hold.
fn enough(found: u64, pixels: u64) -> Result<(), FileProblem> {
    if pixels > found.saturating_mul(MOST_PER_BYTE).max(SMALL_IMAGE) {
        return Err(DicomError::CompressedPixels { found, pixels }.into());
    }
    Ok(())
}

fn each<T>(
    out: &mut [T],
    pixels: impl Iterator<Item = u16>,
    layout: &PixelLayout,
    convert: impl Fn(i32) -> T,
) {
    for (out, pixel) in out.iter_mut().zip(pixels) {
        *out = convert(layout.stored(pixel));
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a tag's number means a pixel only where the stored bits can hold it.
    use super::*;

    fn pixel(bits_stored: u32, high_bit: u32, signed: bool, number: i32) -> Option<i32> {
        let layout = PixelLayout {
            columns: 2,
            rows: 2,
            frames: 1,
            bits_allocated: 16,
            bits_stored,
            high_bit,
            signed,
            low_is_bright: false,
        };
        layout.pixel_of_tag(number)
    }

    #[test]
    fn only_what_a_pixel_can_hold_is_padding() {
        for (number, value) in [(-2000, Some(-2000)), (63536, Some(-2000)), (7, Some(7))] {
            assert_eq!(pixel(16, 15, true, number), value);
            assert_eq!(pixel(12, 11, true, number), value);
        }
        // The sign is not extended.
        assert_eq!(pixel(12, 11, true, 2096), Some(-2000));
        assert_eq!(pixel(12, 11, true, 5000), None);
        assert_eq!(pixel(16, 15, false, -2000), Some(63536));
        assert_eq!(pixel(12, 11, false, 4095), Some(4095));
        // Not 2096, which is bone.
        assert_eq!(pixel(12, 11, false, 63536), None);
        assert_eq!(pixel(12, 11, false, -2000), None);
        assert_eq!(pixel(12, 15, false, 0x8310), Some(0x831));
        assert_eq!(pixel(12, 15, false, 0x8311), None);
    }
}
