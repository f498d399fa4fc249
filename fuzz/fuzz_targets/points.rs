//! Points in a patient or in an image, in any of their formats.
#![no_main]

use isocenter_io::points::{read_image_points, read_points};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for name in ["a.csv", "a.fcsv", "a.mrk.json"] {
        isocenter_fuzz::as_file(name, bytes, |path| {
            let _ = read_points(path);
            let _ = read_image_points(path);
        });
    }
});
