//! A DICOM file, as a volume and as an image.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("a.dcm", bytes, |path| {
        let _ = isocenter_io::volume::load_ct(path, None);
        let _ = isocenter_io::volume::dicom::read_dicom_image(path);
    });
});
