//! A camera of another program, in any of their formats.
#![no_main]

use isocenter::geometry::conversion::PixelScale;
use isocenter_io::geometry::camera_from::{CameraFormat, read_foreign_camera};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    isocenter_fuzz::as_file("camera", bytes, |path| {
        for format in CameraFormat::ALL {
            if let Ok(found) = read_foreign_camera(path, format, Some(0)) {
                let scale = PixelScale::Spacing([0.4; 2]);
                let _ = found.projection.to_camera([640, 480], scale, found.depth);
            }
        }
    });
});
