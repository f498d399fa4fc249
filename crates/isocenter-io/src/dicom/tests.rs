//! Proves: the tags and pixels of real files, one image in several encodings, are read alike; frames
//! in several fragments are found; bytes in words of big endian are refused.

use std::path::{Path, PathBuf};

use super::{object::Object, tag};
use crate::error::FileProblem;

fn encodings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/encodings");
    if !folder.is_dir() {
        println!("skipped: there is no ../shared/data/encodings beside the checkout");
        return None;
    }
    Some(folder)
}

fn pixels(path: &Path) -> Result<Vec<i32>, FileProblem> {
    let header = Object::open_header(path)?;
    header.check_pixels(&header.pixel_layout()?)?;
    let object = Object::open(path)?;
    let layout = object.pixel_layout()?;
    let mut out = vec![0; layout.frame_pixels()];
    object.decode_frame(&layout, 0, &mut out, |number| number)?;
    Ok(out)
}

#[test]
fn lossless_encodings_agree() {
    let Some(folder) = encodings() else { return };
    let of = |name: &str| pixels(&folder.join(name)).unwrap();
    let ct1 = of("CT1_J2KR");
    assert_eq!(ct1.len(), 512 * 512);
    assert!(ct1 == of("CT1_JPLL"));
    let ct2 = of("CT2_J2KR");
    assert!(ct2 == of("CT2_JPLL"));
    assert!(ct2 == of("CT2_RLE"));
    let plain = of("CTImage.dcm_LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2.dcm");
    for other in [
        "CTImage.dcm_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm",
        "CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
    ] {
        assert!(plain == of(other), "{other}");
    }
    // With loss.
    let mean = |a: &[i32], b: &[i32]| {
        a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / a.len() as f64
    };
    assert!(mean(&ct1, &of("CT1_J2KI")) < 30.0);
    assert!(mean(&ct2, &of("CT2_J2KI")) < 30.0);
    #[cfg(feature = "jpeg-ls")]
    {
        assert!(ct1 == of("CT1_JLSL"));
        assert!(ct2 == of("CT2_JLSL"));
        assert!(mean(&ct1, &of("CT1_JLSN")) < 10.0);
    }
    #[cfg(not(feature = "jpeg-ls"))]
    for name in ["CT1_JLSL", "CT1_JLSN", "CT2_JLSL", "CT2_JLSN", "RG2_JLSL", "XA1_JLSL"] {
        let error = pixels(&folder.join(name)).unwrap_err().to_string();
        assert!(error.contains("feature 'jpeg-ls'"), "{error}");
    }
}

#[test]
fn tags_of_real_files_are_read() {
    let Some(folder) = encodings() else { return };
    let object = Object::open_header(&folder.join("CT2_RLE")).unwrap();
    let tags = object.data_set();
    assert_eq!(tags.text(tag::MODALITY).as_deref(), Some("CT"));
    assert_eq!(tags.require_integer(tag::ROWS, [1, 9999], "").unwrap(), 512);
    assert_eq!(tags.require_numbers::<6>(tag::IMAGE_ORIENTATION_PATIENT, "").unwrap().len(), 6);
    assert_eq!(object.transfer_syntax().name, "RLE lossless");
}

/// The elements of an image of two by two pixels of 8 bits, in explicit little or big endian.
struct Written {
    bytes: Vec<u8>,
    big: bool,
}

impl Written {
    fn new(syntax: &str, big: bool, frames: &str) -> Self {
        let mut written = Self { bytes: vec![0; 128], big: false };
        written.bytes.extend(b"DICM");
        let syntax = format!("{syntax}{}", if syntax.len().is_multiple_of(2) { "" } else { "\0" });
        written.short(0x0002, 0x0010, *b"UI", syntax.as_bytes());
        written.big = big;
        written.short(0x0028, 0x0004, *b"CS", b"MONOCHROME2 ");
        written.short(0x0028, 0x0008, *b"IS", frames.as_bytes());
        for (element, number) in [(0x0010, 2), (0x0011, 2), (0x0100, 8)] {
            let number = written.u16(number);
            written.short(0x0028, element, *b"US", &number);
        }
        written
    }

    fn u16(&self, number: u16) -> [u8; 2] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(&self, number: u32) -> [u8; 4] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn short(&mut self, group: u16, element: u16, vr: [u8; 2], value: &[u8]) {
        let [group, element, length] =
            [group, element, value.len() as u16].map(|number| self.u16(number));
        for part in [&group[..], &element, &vr, &length, value] {
            self.bytes.extend(part);
        }
    }

    fn pixels(mut self, vr: [u8; 2], length: u32) -> Self {
        let [group, element] = [0x7fe0, 0x0010].map(|number| self.u16(number));
        let length = self.u32(length);
        for part in [&group[..], &element, &vr, &[0, 0], &length] {
            self.bytes.extend(part);
        }
        self
    }

    fn item(mut self, value: &[u8]) -> Self {
        self.bytes.extend([0xfe, 0xff, 0x00, 0xe0]);
        self.bytes.extend((value.len() as u32).to_le_bytes());
        self.bytes.extend(value);
        self
    }
}

#[test]
fn frames_in_several_fragments_are_found_by_their_table() {
    let table = [0_u32, 20].map(u32::to_le_bytes).concat();
    let written = Written::new("1.2.840.10008.1.2.1.98", false, "2 ")
        .pixels(*b"OB", u32::MAX)
        .item(&table)
        .item(&[1, 2])
        .item(&[3, 4])
        .item(&[5, 6, 7, 8]);
    let object = Object::parse(written.bytes).unwrap();
    let layout = object.pixel_layout().unwrap();
    for (frame, pixels) in [[1, 2, 3, 4], [5, 6, 7, 8]].into_iter().enumerate() {
        let mut out = [0; 4];
        object.decode_frame(&layout, frame, &mut out, |number| number).unwrap();
        assert_eq!(out, pixels);
    }
}

#[test]
fn bytes_in_words_of_big_endian_are_refused() {
    let read = |vr| {
        let mut written = Written::new("1.2.840.10008.1.2.2", true, "1 ").pixels(vr, 4);
        written.bytes.extend([1, 2, 3, 4]);
        Object::parse(written.bytes).unwrap().pixel_layout()
    };
    assert_eq!(read(*b"OB").unwrap().bits_allocated, 8);
    let message = read(*b"OW").unwrap_err().to_string();
    assert!(message.contains("BitsAllocated (0028,0100) is '8': 16 is expected"), "{message}");
}
