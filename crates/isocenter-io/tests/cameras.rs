//! Proves: cameras of other programs see points where those programs see them
//! (`tools/golden/cameras/make_fixtures.py`), and files that hold no camera are refused by reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::path::{Path, PathBuf};

use isocenter::geometry::ImageFlip;
use isocenter::geometry::conversion::{ConvertedCamera, Depth, PixelScale};
use isocenter_io::geometry::camera_from::{CameraFormat, read_foreign_camera};
use nalgebra::Vector3;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    size_px: [usize; 2],
    points_world_mm: Vec<[f64; 3]>,
    seen_px: Vec<[f64; 2]>,
    seen_px_neg_z: Vec<[f64; 2]>,
    source_world_mm: [f64; 3],
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cameras").join(name)
}

fn expected() -> Expected {
    serde_json::from_str(&std::fs::read_to_string(fixture("expected.json")).unwrap()).unwrap()
}

fn converted(name: &str, format: CameraFormat, index: Option<usize>) -> ConvertedCamera {
    let foreign = read_foreign_camera(fixture(name), format, index).unwrap();
    let size = foreign.size_px.unwrap_or(expected().size_px);
    let scale = PixelScale::Spacing(foreign.pixel_spacing_mm.unwrap_or([0.4; 2]));
    foreign.projection.to_camera(size, scale, foreign.depth).unwrap()
}

/// The largest distance (px) between where our camera and the program see the points.
fn farthest(found: &ConvertedCamera, seen_px: &[[f64; 2]]) -> f64 {
    let expected = expected();
    let points = expected.points_world_mm.iter().zip(seen_px);
    let distances = points.map(|(&point, seen)| {
        let at = found.camera.project(found.camera_from_world.point(point.into())).unwrap();
        let at = found.image_flip.position_px(at, expected.size_px);
        (at[0] - seen[0]).hypot(at[1] - seen[1])
    });
    distances.fold(0.0, f64::max)
}

#[test]
fn points_are_seen_where_the_other_program_sees_them() {
    use CameraFormat::{Matrix, MayaCam, OpenCv, XReg};
    let expected = expected();
    for (name, format, index, most_px) in [
        ("matrix.npy", Matrix, None, 1e-9),
        ("matrix_fortran.npy", Matrix, None, 1e-9),
        ("matrices_f4.npy", Matrix, Some(0), 1e-3),
        ("matrices_f4.npy", Matrix, Some(1), 1e-3),
        ("matrix.txt", Matrix, None, 1e-9),
        ("matrix.json", Matrix, None, 1e-9),
        ("opencv.yml", OpenCv, None, 1e-9),
        ("opencv_matrix.yaml", OpenCv, None, 1e-9),
        ("opencv.json", OpenCv, Some(0), 1e-9),
        ("xreg_pos_z.h5", XReg, None, 1e-9),
        ("mayacam.txt", MayaCam, None, 1e-9),
    ] {
        let found = converted(name, format, index);
        assert_eq!(found.image_flip, ImageFlip::None, "{name}");
        let error = farthest(&found, &expected.seen_px);
        assert!(error < most_px, "{name}: {error} px");
        let source = found.camera_from_world.inverse().point(Vector3::zeros());
        assert!(
            (source - Vector3::from(expected.source_world_mm)).norm() < 0.01,
            "{name}: {source}"
        );
        let distance = found.camera.source_to_detector_mm();
        assert!((distance - 1020.0).abs() < 1e-3, "{name}: {distance}");
    }
}

#[test]
fn mirrored_images_become_flips() {
    let expected = expected();
    let last = expected.size_px[0] as f64 - 1.0;
    let mirrored: Vec<[f64; 2]> = expected.seen_px.iter().map(|[u, v]| [last - u, *v]).collect();
    for (name, format, index, seen) in [
        ("matrix_mirrored.json", CameraFormat::Matrix, None, &mirrored),
        ("xreg_neg_z.h5", CameraFormat::XReg, Some(0), &expected.seen_px_neg_z),
    ] {
        let found = converted(name, format, index);
        assert_eq!(found.image_flip, ImageFlip::Columns, "{name}");
        let error = farthest(&found, seen);
        assert!(error < 1e-6, "{name}: {error} px");
    }
    // The second camera stands elsewhere.
    let first = converted("xreg_neg_z.h5", CameraFormat::XReg, Some(0)).camera_from_world;
    let second = converted("xreg_neg_z.h5", CameraFormat::XReg, Some(1)).camera_from_world;
    let apart = (first.translation_mm() - second.translation_mm()).norm();
    assert!((apart - 10.0).abs() < 1e-6, "{apart}");
}

#[test]
fn what_a_file_does_not_tell_is_not_made_up() {
    let read = |name, format| read_foreign_camera(fixture(name), format, None).unwrap();
    let matrix = read("matrix.json", CameraFormat::Matrix);
    assert_eq!(
        (matrix.size_px, matrix.pixel_spacing_mm, matrix.depth),
        (None, None, Depth::Unknown)
    );
    let no_pose = read("opencv_no_pose.yml", CameraFormat::OpenCv);
    assert!(!no_pose.has_pose && no_pose.size_px == Some([640, 480]));
    assert_eq!(read("xreg_pos_z.h5", CameraFormat::XReg).pixel_spacing_mm, Some([0.4, 0.4]));
}

#[test]
fn what_is_no_camera_is_refused_by_reason() {
    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str, contents: &[u8], format, index| {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        let message = read_foreign_camera(&path, format, index).unwrap_err().to_string();
        assert_eq!(message.lines().count(), 1, "{message}");
        message
    };
    let at = |name| std::fs::read(fixture(name)).unwrap();
    use CameraFormat::{Matrix, MayaCam, OpenCv, XReg};
    let distorted = format!("K: [1, 0, 0, 0, 1, 0, 0, 0, 1]\nD: [{}]", "1, ".repeat(1000));
    for (contents, format, index, part) in [
        (&b"1 2 3"[..], Matrix, None, "of 3 numbers"),
        (b"1 2 3 4 5 6 7 8 9 10 11 12 0 0 0 2", Matrix, None, "[0.0, 0.0, 0.0, 2.0]"),
        (b"[[1, 2, x]]", Matrix, None, "'x' in it"),
        (b"{\"Q\": [1]}", Matrix, None, "projection_matrix"),
        (b"{\"P\": [1, \"a\"]}", Matrix, None, "'P' is"),
        (&at("matrices_f4.npy"), Matrix, None, "--index"),
        (&at("matrices_f4.npy"), Matrix, Some(2), "from 0 to 1"),
        (&at("opencv_distorted.yml"), OpenCv, None, "[0.1, -0.02, 0.0, 0.0, 0.0]"),
        (distorted.as_bytes(), OpenCv, None, "1.0, and 992 more]: only cameras without"),
        (&at("opencv.yml"), OpenCv, Some(1), "--index"),
        (b"%YAML:1.0\nx: 3\n", OpenCv, None, "'camera_matrix' is missing"),
        (b"K: [1, 0, 0, 0, 1, 0, 0, 0, 2]", OpenCv, None, "0 0 1 are expected"),
        (
            b"K: [1, 0, 0, 0, 1, 0, 0, 0, 1]\nR: [1, 0, 0, 0, 1, 0, 0, 0, -1]\nT: [1, 2, 3]",
            OpenCv,
            None,
            "mirrors",
        ),
        (b"K: [1, 0, 0, 0, 1, 0, 0, 0, 1]\nT: [1, 2, 3]", OpenCv, None, "'rvec' is missing"),
        (b"no yaml at all", OpenCv, None, "key: value"),
        (b"image size\n4,5\n", MayaCam, None, "'camera matrix' is missing"),
        (b"image size\n4,x\n", MayaCam, None, "'image size' is x"),
        (&at("xreg_on_detector.h5"), XReg, None, "'origin-on-det'".trim_matches('\'')),
        (&at("xreg_neg_z.h5"), XReg, None, "--index"),
        (b"no hdf5", XReg, None, "no HDF5 file"),
    ] {
        let message = message("camera", contents, format, index);
        assert!(message.contains(part), "'{part}' is not in: {message}");
    }
}
