//! A MetaImage file, as a CT and as labels.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("a.mha", bytes, |path| {
        let _ = isocenter_io::volume::read_ct(path);
        let _ = isocenter_io::volume::read_labels(path);
    });
});
