//! An X-ray in DICOM, and the camera that its tags make.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("a.dcm", bytes, |path| {
        if let Ok(file) = isocenter_io::xray::read_xray(path, None, None) {
            let _ = file.header.geometry.camera(&isocenter_io::xray::GivenGeometry::default());
        }
    });
});
