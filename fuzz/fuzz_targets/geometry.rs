//! A `camera.json` or a `pose.json`.
#![no_main]

use isocenter_io::geometry::{read_camera, read_pose};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("a.json", bytes, |path| {
        let _ = read_camera(path);
        let _ = read_pose(path);
    });
});
