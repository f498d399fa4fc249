//! Proves: the tags and pixels of real files, one image in several encodings, are read alike.

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
