//! Voxels written as text, turned into binary numbers as they are read.

use std::io::{self, BufRead, Read};

use crate::open::{Stream, converted};
use crate::samples::{ByteOrder, SampleType};
use crate::voxels::Layout;

/// How the numbers come out.
pub(super) const LAYOUT: Layout =
    Layout { sample_type: SampleType::F64, byte_order: ByteOrder::Little, scaling: None };

/// The most bytes of a number.
const LONGEST: usize = 64;

/// The numbers of a text between spaces, as [`LAYOUT`] says.
pub(super) fn numbers(text: Stream) -> Stream {
    converted(text, |reader| Numbers { reader, ready: [0; 8], left: 0 })
}

struct Numbers {
    reader: Box<dyn BufRead>,
    /// The number that is being handed out.
    ready: [u8; 8],
    /// How much of it is left.
    left: usize,
}

impl Numbers {
    /// The next word; empty at the end.
    fn word(&mut self) -> io::Result<Vec<u8>> {
        let mut word = Vec::new();
        loop {
            let some = self.reader.fill_buf()?;
            let Some(&byte) = some.first() else { return Ok(word) };
            self.reader.consume(1);
            match (byte.is_ascii_whitespace() || byte == b',', word.is_empty()) {
                (true, true) => {}
                (true, false) => return Ok(word),
                (false, _) if word.len() == LONGEST => return Err(not_a_number(&word)),
                (false, _) => word.push(byte),
            }
        }
    }
}

fn not_a_number(word: &[u8]) -> io::Error {
    let word = String::from_utf8_lossy(word).into_owned();
    io::Error::new(io::ErrorKind::InvalidData, format!("'{word}' is not a number"))
}

impl Read for Numbers {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let word = self.word()?;
            if word.is_empty() {
                return Ok(0);
            }
            let number: Option<f64> = std::str::from_utf8(&word).ok().and_then(|w| w.parse().ok());
            self.ready = number.ok_or_else(|| not_a_number(&word))?.to_le_bytes();
            self.left = self.ready.len();
        }
        let from = self.ready.len() - self.left;
        let some = self.ready.get(from..).unwrap_or_default();
        let count = some.len().min(out.len());
        for (out, &byte) in out.iter_mut().zip(some) {
            *out = byte;
        }
        self.left -= count;
        Ok(count)
    }
}
