//! Proves: poses and cameras read back to the bit; every departure from the format is refused with
//! file, key and value; SimpleITK maps points through `pose.tfm` as documented.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::Path;

use isocenter::geometry::{Camera, RigidTransform};
use isocenter_io::geometry::{
    read_camera, read_pose, write_camera, write_pose, write_transform_tfm,
};
use nalgebra::{Matrix3, Matrix4, Vector3};
use proptest::prelude::*;
use serde_json::Value;

const POSE: &str = r#"{"camera_from_world": [[1, 0, 0, 0], [0, 0, -1, 0.0], [0, 1, 0, 700],
[0, 0, 0, 1]], "world": "LPS", "unit": "mm"}"#;

const CAMERA: &str = r#"{"source_to_detector_mm": 1020.0, "pixel_spacing_mm": [1.4, 1.5],
"size_px": [256, 200], "principal_point_px": [100.5, 99], "source_to_isocenter_mm": 700}"#;

fn with_text<T>(name: &str, text: impl AsRef<[u8]>, read: impl Fn(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    read(&path)
}

fn pose_error(text: impl AsRef<[u8]>) -> String {
    let message = with_text("pose.json", text, |p| read_pose(p).unwrap_err().to_string());
    assert!(message.contains("pose.json: ") && !message.contains('\n'), "{message}");
    message
}

fn camera_error(text: &str) -> String {
    let message = with_text("camera.json", text, |p| read_camera(p).unwrap_err().to_string());
    assert!(message.contains("camera.json: ") && !message.contains('\n'), "{message}");
    message
}

#[track_caller]
fn assert_names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' is missing in: {message}");
    }
}

#[test]
fn files_as_the_design_has_them_are_read() {
    let pose = with_text("pose.json", POSE, |p| read_pose(p).unwrap());
    assert_eq!(pose.translation_mm().as_slice(), &[0.0, 0.0, 700.0]);
    let rotation = Matrix3::new(1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0);
    assert!((pose.rotation() - rotation).amax() == 0.0);
    let marked = with_text("pose.json", format!("\u{feff}{POSE}"), |p| read_pose(p).unwrap());
    assert_eq!(marked, pose);

    let camera = with_text("camera.json", CAMERA, |p| read_camera(p).unwrap());
    assert_eq!(camera.pixel_spacing_mm(), [1.4, 1.5]);
    assert_eq!(camera.size_px(), [256, 200]);
    assert_eq!(camera.principal_point_px(), [100.5, 99.0]);
    assert_eq!(camera.source_to_isocenter_mm(), Some(700.0));
    let short = r#"{"source_to_detector_mm": 1020, "pixel_spacing_mm": [1, 1], "size_px": [5, 4]}"#;
    let camera = with_text("camera.json", short, |p| read_camera(p).unwrap());
    assert_eq!(camera.principal_point_px(), [2.0, 1.5]);
    assert_eq!(camera.source_to_isocenter_mm(), None);
}

#[test]
fn every_departure_of_a_pose_is_named() {
    let swap = |from: &str, to: &str| {
        assert!(POSE.contains(from));
        pose_error(POSE.replace(from, to))
    };
    assert_names(&swap("\"LPS\"", "\"RAS\""), &["'world' is \"RAS\"", "\"LPS\""]);
    assert_names(&swap("\"mm\"", "\"m\""), &["'unit' is \"m\"", "\"mm\" is expected"]);
    assert_names(
        &swap("\"unit\"", "\"units\""),
        &["unknown field `units`", "keys camera_from_world"],
    );
    assert_names(&swap(", \"unit\": \"mm\"", ""), &["missing field `unit`"]);
    assert_names(&swap("\"unit\"", "\"world\": \"LPS\", \"unit\""), &["duplicate field `world`"]);
    assert_names(
        &swap("700", "NaN"),
        &["line 1", "'camera_from_world'", "'NaN'", "not valid JSON"],
    );
    assert_names(&swap("0.0]", "-Infinity]"), &["near key 'camera_from_world'", "'-Infinity'"]);
    assert_names(&swap("700", "1e999"), &["'camera_from_world'", "'1e999'", "out of range"]);
    assert_names(&swap("700", "null"), &["'camera_from_world' is [[1,0,0,0]", "four rows"]);
    assert_names(&swap(",\n[0, 0, 0, 1]", ""), &["'camera_from_world' is", "four rows"]);
    assert_names(&swap("[0, 0, 0, 1]", "[0, 0, 0, 2]"), &["'camera_from_world': the last row"]);
    assert_names(&swap("[1, 0", "[1.1, 0"), &["'camera_from_world'", "not orthonormal"]);
    assert_names(&swap("[1, 0", "[-1, 0"), &["'camera_from_world'", "mirrors"]);
    assert_names(&swap("\"mm\"}", "\"mm\"} x"), &["'unit'", "trailing"]);
    assert_names(&pose_error("[]"), &["keys camera_from_world, world, unit"]);
    assert_names(&pose_error(&POSE[..40]), &["'camera_from_world'", "EOF"]);
    assert_names(&pose_error([0xff, 0xfe, 0]), &["not a text file"]);
    assert_names(&pose_error(""), &["empty"]);
    assert_names(&pose_error(vec![b' '; 3 << 20]), &["3145728 bytes", "1048576"]);
    let missing = read_pose("no/pose.json").unwrap_err().to_string();
    assert_eq!(missing, "no/pose.json: there is no such file: check the path");
    let folder = tempfile::tempdir().unwrap();
    assert_names(&read_pose(folder.path()).unwrap_err().to_string(), &["this is a folder"]);
}

#[test]
fn every_departure_of_a_camera_is_named() {
    let swap = |from: &str, to: &str| {
        assert!(CAMERA.contains(from));
        camera_error(&CAMERA.replace(from, to))
    };
    assert_names(&swap("[1.4, 1.5]", "[1.4]"), &["'pixel_spacing_mm' is [1.4]", "two numbers"]);
    assert_names(&swap("[1.4, 1.5]", "[0, 1.5]"), &["pixel_spacing_mm[0]", "is 0", "positive"]);
    assert_names(&swap("[1.4, 1.5]", "1.4"), &["'pixel_spacing_mm' is 1.4", "two numbers"]);
    assert_names(&swap("1020.0", "\"1020\""), &["'source_to_detector_mm' is \"1020\"", "number"]);
    assert_names(&swap("1020.0", "-1020"), &["source_to_detector_mm is -1020", "positive"]);
    assert_names(&swap("[256, 200]", "[256.5, 200]"), &["'size_px' is [256.5,200]", "whole"]);
    assert_names(&swap("[256, 200]", "[-256, 200]"), &["'size_px' is [-256,200]", "whole"]);
    assert_names(&swap("[256, 200]", "[0, 200]"), &["size_px is [0, 200]"]);
    assert_names(&swap("[100.5, 99]", "null"), &["'principal_point_px' is null", "two numbers"]);
    assert_names(&swap("700", "0"), &["source_to_isocenter_mm is 0"]);
    assert_names(
        &swap("\"source_to_iso", "\"source_to_is"),
        &["unknown field `source_to_iscenter_mm`"],
    );
    assert_names(&swap("\"size_px\": [256, 200], ", ""), &["missing field `size_px`"]);
    let mirrored = "700, \"camera_from_reference_camera\":
        [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]";
    assert_names(&swap("700", mirrored), &["'camera_from_reference_camera'", "mirrors"]);
}

#[test]
fn the_references_of_other_programs_open() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/drr");
    if !folder.is_dir() {
        println!("skipped: there is no ../shared/reference beside the checkout");
        return;
    }
    assert_eq!(read_camera(folder.join("camera.json")).unwrap().size_px(), [256, 256]);
    read_pose(folder.join("pose_ap.json")).unwrap();
    read_pose(folder.join("pose_obl.json")).unwrap();
}

#[test]
fn a_matrix_is_written_one_row_per_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pose.json");
    write_pose(&path, &RigidTransform::from_translation(Vector3::new(0.1, -2.0, 1e-7))).unwrap();
    let expected = r#"{
  "camera_from_world": [
    [1.0, 0.0, 0.0, 0.1],
    [0.0, 1.0, 0.0, -2.0],
    [0.0, 0.0, 1.0, 1e-7],
    [0.0, 0.0, 0.0, 1.0]
  ],
  "world": "LPS",
  "unit": "mm"
}
"#;
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn what_is_not_a_pose_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let nan = RigidTransform::from_translation(Vector3::new(0.0, f64::NAN, 0.0));
    for name in ["pose.json", "pose.tfm"] {
        let path = folder.path().join(name);
        let error = match name {
            "pose.json" => write_pose(&path, &nan),
            _ => write_transform_tfm(&path, &nan),
        };
        assert_names(&error.unwrap_err().to_string(), &[name, "camera_from_world", "NaN"]);
        assert!(!path.exists());
    }
}

fn rigid() -> impl Strategy<Value = RigidTransform> {
    (prop::array::uniform3(-3.0..3.0f64), prop::array::uniform3(-2000.0..2000.0f64))
        .prop_map(|(omega, t)| RigidTransform::from_rotation_vector(omega.into(), t.into()))
}

proptest! {
    #[test]
    fn poses_read_back(pose in rigid()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pose.json");
        write_pose(&path, &pose).unwrap();
        // The numbers in the file are the pose's to the bit ...
        let text = fs::read_to_string(&path).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let rows: [[f64; 4]; 4] =
            serde_json::from_value(json["camera_from_world"].clone()).unwrap();
        prop_assert_eq!(Matrix4::from_fn(|r, c| rows[r][c]), pose.to_matrix());
        // ... and so is the translation that is read; the rotation is made orthonormal on the
        // way, which may move a last digit.
        let back = read_pose(&path).unwrap();
        prop_assert_eq!(back.translation_mm(), pose.translation_mm());
        prop_assert!((back.rotation() - pose.rotation()).amax() == 0.0);
    }

    #[test]
    fn cameras_read_back(
        lengths in prop::array::uniform4(1e-3..2e3f64),
        point in prop::array::uniform2(-1e4..1e4f64),
        size in prop::array::uniform2(1..5000usize),
        reference in prop::option::of(rigid()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("camera.json");
        let mut camera = Camera::new(lengths[0], [lengths[1], lengths[2]], size)
            .and_then(|c| c.with_principal_point_px(point))
            .unwrap();
        if let Some(reference) = reference {
            camera = camera.with_source_to_isocenter_mm(lengths[3]).unwrap();
            camera = camera.with_camera_from_reference_camera(reference);
        }
        write_camera(&path, &camera).unwrap();
        let back = read_camera(&path).unwrap();
        let difference = match (reference, back.camera_from_reference_camera()) {
            (Some(a), Some(b)) => (a.to_matrix() - b.to_matrix()).amax(),
            (None, None) => 0.0,
            _ => f64::INFINITY,
        };
        prop_assert!(difference == 0.0);
        // All other numbers come back to the bit.
        let plain = |c: &Camera| c.clone().with_camera_from_reference_camera(RigidTransform::identity());
        prop_assert_eq!(plain(&back), plain(&camera));
    }
}

/// A pose whose numbers are short.
fn tfm_pose() -> RigidTransform {
    let rotation = Matrix3::new(0.36, 0.48, -0.8, -0.8, 0.6, 0.0, 0.48, 0.64, 0.6);
    RigidTransform::new(rotation, Vector3::new(10.5, -20.25, 700.0)).unwrap()
}

/// The numbers of the line that starts so.
fn numbers(text: &str, start: &str) -> Vec<f64> {
    let line = text.lines().find_map(|l| l.strip_prefix(start)).unwrap();
    line.split_whitespace().map(|n| n.parse().unwrap()).collect()
}

/// `pose.tfm` was written by this library; `expected.json` has the points to which SimpleITK 2.5.7
/// (`sitk.ReadTransform`, `TransformPoint`) takes three points through it
/// (`tools/golden/io/make_fixtures.py`).
#[test]
fn simpleitk_maps_points_as_documented() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    if std::env::var_os("ISOCENTER_BLESS").is_some() {
        write_transform_tfm(fixtures.join("pose.tfm"), &tfm_pose()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pose.tfm");
    write_transform_tfm(&path, &tfm_pose()).unwrap();
    let ours = fs::read_to_string(&path).unwrap();
    let read_by_itk = fs::read_to_string(fixtures.join("pose.tfm")).unwrap();
    let others = |text: &str| {
        text.lines().filter(|l| !l.starts_with("Parameters")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(others(&ours), others(&read_by_itk));
    let (a, b) = (numbers(&ours, "Parameters:"), numbers(&read_by_itk, "Parameters:"));
    assert_eq!(a.len(), 12);
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12));

    let expected = fs::read_to_string(fixtures.join("expected.json")).unwrap();
    let tfm = &serde_json::from_str::<Value>(&expected).unwrap()["tfm"];
    let points = |key: &str| -> Vec<Vector3<f64>> {
        let points: Vec<[f64; 3]> = serde_json::from_value(tfm[key].clone()).unwrap();
        points.into_iter().map(Vector3::from).collect()
    };
    let (camera, world) = (points("camera_points_mm"), points("world_points_mm"));
    assert_eq!((camera.len(), world.len()), (3, 3));
    for ((camera, world), back) in camera.iter().zip(&world).zip(points("camera_points_back_mm")) {
        // f64 in both programs: rounding of numbers up to 1000.
        assert!((tfm_pose().inverse().point(*camera) - world).norm() < 1e-9);
        assert!((tfm_pose().point(*world) - back).norm() < 1e-9);
    }
}
