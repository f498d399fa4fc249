//! A DICOM file, as an X-ray: its pixels, its camera, what is said about it.
#![no_main]

use isocenter_io::xray::{GivenGeometry, read_xray};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("a.dcm", bytes, |path| {
        if let Ok(file) = read_xray(path, None, None) {
            let _ = file.header.geometry.camera(&GivenGeometry::default());
            let _ = file.header.geometry.warnings();
        }
    });
});
