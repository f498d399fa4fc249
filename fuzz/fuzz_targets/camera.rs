//! A camera of another program, as each of the formats.
#![no_main]

use isocenter_io::geometry::camera_from::{CameraFormat, read_foreign_camera};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("camera", bytes, |path| {
        for format in CameraFormat::ALL {
            let _ = read_foreign_camera(path, format, Some(0));
        }
    });
});
