//! A NumPy array, as an image.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("a.npy", bytes, |path| {
        let _ = isocenter_io::image::read_image(path);
    });
});
