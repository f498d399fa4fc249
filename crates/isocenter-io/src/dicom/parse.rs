//! The elements of a data set, as PS3.5 lays them out.
//!
//! Only places are kept: what a value holds stays in the file's bytes. So an element costs some
//! tens of bytes of memory and takes at least eight in the file, and no length is believed before
//! the bytes are there.

use std::ops::Range;

use super::error::DicomError;
use super::syntax::{IMPLICIT_LITTLE, TransferSyntax};
use super::tag::{PIXEL_DATA, Tag, is_sequence};
use crate::samples::ByteOrder;

/// How deep data sets may lie in each other. Those of images go to four.
const DEEPEST: usize = 16;

const ITEM: u32 = 0xfffe_e000;
const ITEM_END: u32 = 0xfffe_e00d;
const SEQUENCE_END: u32 = 0xfffe_e0dd;
const UNDEFINED: u32 = u32::MAX;

/// An element: a tag, and where its value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Element {
    /// Group and element.
    pub(super) number: u32,
    /// The value representation, where the file says it.
    pub(super) vr: Option<[u8; 2]>,
    /// Its value.
    pub(super) value: Place,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// So many bytes. Those of the pixels may reach beyond the end of the file.
    Bytes(Range<usize>),
    /// Data sets.
    Items(Vec<Elements>),
    /// Pixels in pieces; the first piece is a table of offsets.
    Fragments(Vec<Range<usize>>),
}

/// The elements of a data set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Elements(pub(super) Vec<Element>);

impl Elements {
    /// The element of a tag.
    pub(super) fn get(&self, tag: Tag) -> Option<&Element> {
        self.0.iter().find(|element| element.number == tag.number)
    }

    /// Whether a tag is there, be its value empty.
    pub(super) fn has(&self, tag: Tag) -> bool {
        self.get(tag).is_some()
    }
}

/// Why a data set cannot be parsed.
pub(super) enum Stop {
    /// The bytes end in an element; more of them may help.
    End {
        /// Where the element starts.
        at: usize,
    },
    /// They make no sense.
    Wrong(DicomError),
}

impl From<DicomError> for Stop {
    fn from(error: DicomError) -> Self {
        Self::Wrong(error)
    }
}

fn damaged(at: usize, what: &'static str) -> Stop {
    Stop::Wrong(DicomError::Damaged { at, what })
}

/// Bytes, and how far they have been read.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    syntax: TransferSyntax,
}

/// Tag, value representation and length.
struct Head {
    at: usize,
    number: u32,
    vr: Option<[u8; 2]>,
    length: u32,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, syntax: TransferSyntax) -> Self {
        Self { bytes, at, syntax }
    }

    /// The elements of the group that comes next, if it is this.
    pub(super) fn group(&mut self, group: u16) -> Result<Elements, Stop> {
        let mut elements = Vec::new();
        while self.peek_group() == Some(group) {
            let head = self.head()?;
            elements.push(self.element(head, self.bytes.len(), 0)?);
        }
        Ok(Elements(elements))
    }

    fn peek_group(&self) -> Option<u16> {
        let bytes = self.bytes.get(self.at..)?.first_chunk()?;
        Some(match self.syntax.byte_order {
            ByteOrder::Little => u16::from_le_bytes(*bytes),
            ByteOrder::Big => u16::from_be_bytes(*bytes),
        })
    }

    /// The elements up to the pixels and with them; what follows them does not matter here. With
    /// `header_only` the pixels need not be there.
    pub(super) fn data_set(&mut self, header_only: bool) -> Result<Elements, Stop> {
        let mut elements = Vec::new();
        while self.at < self.bytes.len() {
            let head = self.head()?;
            if head.number != PIXEL_DATA.number {
                elements.push(self.element(head, self.bytes.len(), 0)?);
                continue;
            }
            let value = match head.length {
                _ if header_only => Place::Bytes(self.at..self.at),
                UNDEFINED => Place::Fragments(self.fragments()?),
                length => Place::Bytes(self.at..self.at.saturating_add(length as usize)),
            };
            elements.push(Element { number: head.number, vr: head.vr, value });
            break;
        }
        Ok(Elements(elements))
    }

    fn take<const COUNT: usize>(&mut self, start: usize) -> Result<[u8; COUNT], Stop> {
        let bytes = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        self.at += COUNT;
        bytes.copied().ok_or(Stop::End { at: start })
    }

    fn u16(&mut self, start: usize) -> Result<u16, Stop> {
        let bytes = self.take(start)?;
        Ok(match self.syntax.byte_order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&mut self, start: usize) -> Result<u32, Stop> {
        let bytes = self.take(start)?;
        Ok(match self.syntax.byte_order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        })
    }

    fn head(&mut self) -> Result<Head, Stop> {
        let at = self.at;
        let number = u32::from(self.u16(at)?) << 16 | u32::from(self.u16(at)?);
        // The marks of sequences have no value representation.
        if !self.syntax.explicit || number >> 16 == 0xfffe {
            return Ok(Head { at, number, vr: None, length: self.u32(at)? });
        }
        let vr: [u8; 2] = self.take(at)?;
        let length = match &vr {
            b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN"
            | b"UR" | b"UT" | b"UV" => {
                self.u16(at)?;
                self.u32(at)?
            }
            _ if vr.iter().all(u8::is_ascii_uppercase) => u32::from(self.u16(at)?),
            _ => return Err(damaged(at, "an element without a value representation")),
        };
        Ok(Head { at, number, vr: Some(vr), length })
    }

    /// The value behind a head; it must end by `end`.
    fn element(&mut self, head: Head, end: usize, depth: usize) -> Result<Element, Stop> {
        let Head { at, number, vr, length } = head;
        if number == PIXEL_DATA.number && length == UNDEFINED {
            // The compressed pixels of an icon.
            return Ok(Element { number, vr, value: Place::Fragments(self.fragments()?) });
        }
        let is_items = match vr.as_ref() {
            Some(b"SQ") => true,
            // What some program did not know is written implicitly if it is a sequence.
            Some(b"UN") => length == UNDEFINED || is_sequence(number),
            Some(_) => false,
            None => length == UNDEFINED || is_sequence(number),
        };
        let value = if is_items {
            if depth == DEEPEST {
                return Err(damaged(at, "too many sequences in each other"));
            }
            let explicit = self.syntax.explicit;
            if vr.is_some_and(|vr| vr == *b"UN") {
                self.syntax.explicit = IMPLICIT_LITTLE.explicit;
            }
            let items = self.items(at, length, end, depth + 1);
            self.syntax.explicit = explicit;
            Place::Items(items?)
        } else {
            Place::Bytes(self.range(at, length, end)?)
        };
        Ok(Element { number, vr, value })
    }

    /// Passes over a value of known length.
    fn range(&mut self, start: usize, length: u32, end: usize) -> Result<Range<usize>, Stop> {
        if length == UNDEFINED {
            return Err(damaged(start, "a value without a length"));
        }
        let to = self.at.saturating_add(length as usize);
        if to > end {
            return Err(if end == self.bytes.len() {
                Stop::End { at: start }
            } else {
                damaged(start, "a value that is longer than what it lies in")
            });
        }
        let range = self.at..to;
        self.at = to;
        Ok(range)
    }

    fn items(
        &mut self,
        start: usize,
        length: u32,
        end: usize,
        depth: usize,
    ) -> Result<Vec<Elements>, Stop> {
        let end = match length {
            UNDEFINED => end,
            length => self.range(start, length, end).map(|range| {
                self.at = range.start;
                range.end
            })?,
        };
        let mut items = Vec::new();
        while length == UNDEFINED || self.at < end {
            let head = self.head()?;
            match head.number {
                SEQUENCE_END if length == UNDEFINED => break,
                ITEM => items.push(self.item(&head, end, depth)?),
                _ => return Err(damaged(head.at, "no item where a sequence should have one")),
            }
        }
        Ok(items)
    }

    fn item(&mut self, item: &Head, end: usize, depth: usize) -> Result<Elements, Stop> {
        let end = match item.length {
            UNDEFINED => end,
            length => self.range(item.at, length, end).map(|range| {
                self.at = range.start;
                range.end
            })?,
        };
        let mut elements = Vec::new();
        while item.length == UNDEFINED || self.at < end {
            let head = self.head()?;
            if head.number == ITEM_END && item.length == UNDEFINED {
                break;
            }
            if head.number >> 16 == 0xfffe {
                return Err(damaged(head.at, "a mark of a sequence in an item"));
            }
            elements.push(self.element(head, end, depth)?);
        }
        Ok(Elements(elements))
    }

    fn fragments(&mut self) -> Result<Vec<Range<usize>>, Stop> {
        let mut fragments = Vec::new();
        loop {
            let head = match self.head() {
                Ok(head) => head,
                // Some programs leave out the last mark.
                Err(Stop::End { at }) if at == self.bytes.len() => break,
                Err(stop) => return Err(stop),
            };
            match head.number {
                SEQUENCE_END => break,
                ITEM => fragments.push(self.range(head.at, head.length, self.bytes.len())?),
                _ => return Err(damaged(head.at, "no fragment where the pixels should have one")),
            }
        }
        Ok(fragments)
    }
}
