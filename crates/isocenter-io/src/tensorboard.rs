//! Curves for TensorBoard: event files.
//!
//! A record is a length, its checksum, a message and its checksum (masked CRC-32C, little endian). Of
//! the messages three are needed, in the wire format of protocol buffers:
//!
//! | message | fields (number: type) |
//! |---|---|
//! | `Event` | 1: double, wall time (s); 2: int64, step; 3: string, version; 5: `Summary`; 7: `SessionLog` |
//! | `Summary` | 1: `Value`, repeated |
//! | `Summary.Value` | 1: string, tag; 2: float, value |
//! | `SessionLog` | 1: enum, 1 is a start: what lies at later steps is void |
//!
//! # References
//! `tensorflow/core/util/event.proto`, `tensorflow/core/framework/summary.proto`, and the record format
//! of TensorFlow 2

use std::io::{self, Write};

use crc::{CRC_32_ISCSI, Crc};

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Added to a checksum that was turned by 15 bits.
const MASK: u32 = 0xa282_ead8;

/// Writes an event file: its name has to contain `tfevents`.
///
/// # Examples
/// ```
/// use isocenter_io::tensorboard::EventWriter;
/// let mut file = Vec::new();
/// let mut writer = EventWriter::begin(&mut file, 1.7e9, 0).unwrap();
/// writer.scalars(1.7e9, 1, &[("loss", 0.5), ("cosine", 0.1)]).unwrap();
/// assert!(file.windows(4).any(|part| part == b"loss"));
/// ```
#[derive(Debug)]
pub struct EventWriter<W: Write> {
    out: W,
}

impl<W: Write> EventWriter<W> {
    /// Begins a file, in which steps from the given one on replace those of earlier files beside it.
    ///
    /// # Units
    /// `wall_time_s` since 1970.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(out: W, wall_time_s: f64, first_step: u64) -> io::Result<Self> {
        let mut writer = Self { out };
        let version = Message::default().double(1, wall_time_s).bytes(3, b"brain.Event:2");
        writer.record(&version.0)?;
        let start = Message::default().integer(1, 1);
        let event = Message::default().double(1, wall_time_s).integer(2, first_step);
        writer.record(&event.bytes(7, &start.0).0)?;
        Ok(writer)
    }

    /// Adds values of a step, each under its tag.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn scalars(
        &mut self,
        wall_time_s: f64,
        step: u64,
        values: &[(&str, f64)],
    ) -> io::Result<()> {
        let summary = values.iter().fold(Message::default(), |summary, (tag, value)| {
            let value = Message::default().bytes(1, tag.as_bytes()).float(2, *value as f32);
            summary.bytes(1, &value.0)
        });
        let event = Message::default().double(1, wall_time_s).integer(2, step);
        self.record(&event.bytes(5, &summary.0).0)?;
        self.out.flush()
    }

    fn record(&mut self, message: &[u8]) -> io::Result<()> {
        let length = (message.len() as u64).to_le_bytes();
        self.out.write_all(&length)?;
        self.out.write_all(&masked_checksum(&length).to_le_bytes())?;
        self.out.write_all(message)?;
        self.out.write_all(&masked_checksum(message).to_le_bytes())
    }
}

fn masked_checksum(bytes: &[u8]) -> u32 {
    CHECKSUM.checksum(bytes).rotate_right(15).wrapping_add(MASK)
}

/// A message in the making.
#[derive(Default)]
struct Message(Vec<u8>);

/// How a field is written.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Bits64 = 1,
    Bytes = 2,
    Bits32 = 5,
}

impl Message {
    fn key(mut self, field: u64, wire: Wire) -> Self {
        self.varint(field << 3 | wire as u64);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn integer(self, field: u64, value: u64) -> Self {
        let mut message = self.key(field, Wire::Varint);
        message.varint(value);
        message
    }

    fn double(self, field: u64, value: f64) -> Self {
        let mut message = self.key(field, Wire::Bits64);
        message.0.extend(value.to_le_bytes());
        message
    }

    fn float(self, field: u64, value: f32) -> Self {
        let mut message = self.key(field, Wire::Bits32);
        message.0.extend(value.to_le_bytes());
        message
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.key(field, Wire::Bytes);
        message.varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a file is, byte for byte, what the reference writer of the format makes of the same
    //! values (`tools/golden/io/tensorboard_events.py`).
    use super::*;

    #[test]
    fn bytes_are_those_of_the_reference_writer() {
        let mut file = Vec::new();
        let mut writer = EventWriter::begin(&mut file, 1.7e9, 300).unwrap();
        writer.scalars(1.7e9 + 0.5, 300, &[("loss", 0.25), ("cosine/rotation", -1.5)]).unwrap();
        let expected = include_bytes!("../tests/fixtures/tensorboard/events.out.tfevents.golden");
        assert_eq!(file, expected);
    }
}
