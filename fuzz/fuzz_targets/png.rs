//! A PNG image.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("a.png", bytes, |path| {
        let _ = isocenter_io::image::read_image(path);
    });
});
