//! Proves: the worked example of `docs/conventions.md` is right in every convention and in every
//! number of its table, and so is the table of views.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fs;

use isocenter::geometry::conversion::{
    DiffDrrPose, ForeignPose, NanoDrrPose, Orientation, PlastimatchPose, ProStPose, TargetGeometry,
};
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::radiograph::ImageFlip;
use nalgebra::{Matrix3, Matrix4, Vector3};
use serde::de::DeserializeOwned;
use serde_json::Value;

const CENTER_WORLD_MM: [f64; 3] = [19.5, -20.0, -360.5];
const ISOCENTER_WORLD_MM: [f64; 3] = [30.0, -25.0, -340.0];

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conventions.md")).unwrap()
}

/// The JSON of the example with this name.
fn example<T: DeserializeOwned>(name: &str) -> T {
    let page = page();
    let (_, rest) = page.split_once(&format!("<!-- example: {name} -->\n```json\n")).unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

fn example_pose() -> RigidTransform {
    let file: Value = example("pose");
    let rows: [[f64; 4]; 4] = serde_json::from_value(file["camera_from_world"].clone()).unwrap();
    RigidTransform::from_matrix(&Matrix4::from_fn(|r, c| rows[r][c])).unwrap()
}

fn example_camera() -> Camera {
    let file: Value = example("camera");
    let pair = |key: &str| [0, 1].map(|i| file[key][i].as_f64().unwrap());
    let size_px = pair("size_px").map(|n| n as usize);
    let source_to_detector_mm = file["source_to_detector_mm"].as_f64().unwrap();
    Camera::new(source_to_detector_mm, pair("pixel_spacing_mm"), size_px).unwrap()
}

/// The numbers in the last cell of the table row that starts so.
fn table_value(row: &str) -> Vec<f64> {
    let page = page();
    let line = page.lines().find(|line| line.starts_with(row)).unwrap();
    let (_, cell) = line.trim_end_matches(" |").rsplit_once('|').unwrap();
    vector(cell).as_slice().to_vec()
}

/// The numbers of the first parenthesis, padded with zeros to three.
fn vector(cell: &str) -> Vector3<f64> {
    let inside = cell.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let mut vector = Vector3::zeros();
    for (i, number) in inside.split(',').enumerate() {
        vector[i] = number.trim().parse().unwrap();
    }
    vector
}

fn assert_shown(row: &str, found: &[f64]) {
    let expected = table_value(row);
    for (found, expected) in found.iter().zip(expected) {
        // The page shows three decimals.
        assert!((found - expected).abs() < 6e-4, "{row}: {found}, the page says {expected}");
    }
}

#[test]
fn the_pose_is_the_view_s() {
    let view: View = "150/10".parse().unwrap();
    let expected = view.camera_from_world(ISOCENTER_WORLD_MM.into(), 700.0);
    let difference = example_pose().to_matrix() - expected.to_matrix();
    // The page shows nine decimals of the rotation, times 600 mm.
    assert!(difference.amax() < 1e-6);
}

#[test]
fn the_numbers_of_the_table() {
    let (pose, camera) = (example_pose(), example_camera());
    let isocenter = Vector3::from(ISOCENTER_WORLD_MM);
    let landmark = Vector3::new(60.0, -40.0, -300.0);
    let source = pose.inverse().point(Vector3::zeros());
    assert_shown("| source in the world", source.as_slice());
    assert_shown("| isocenter in the camera", pose.point(isocenter).as_slice());
    assert_shown("| isocenter in the image", &camera.project(pose.point(isocenter)).unwrap());
    assert_shown("| landmark (60, -40, -300) mm", pose.point(landmark).as_slice());
    assert_shown("| landmark in the image", &camera.project(pose.point(landmark)).unwrap());
    let motion = PivotMotion { omega_rad: Vector3::zeros(), tau_mm: Vector3::new(5.0, 0.0, 0.0) };
    let moved = motion.apply(&pose, isocenter).point(isocenter);
    // The text after the pixel holds no further parenthesis.
    assert_shown("| isocenter after the motion", &camera.project(moved).unwrap());
}

fn check_example<P: ForeignPose>(name: &str) -> P {
    let pose: P = example(name);
    let converted = pose.to_camera_from_world().unwrap();
    assert_eq!(converted.image_flip, ImageFlip::None, "{name}");
    let difference = converted.camera_from_world.to_matrix() - example_pose().to_matrix();
    // Six decimals of an angle, times 900 mm; six decimals of ProST's unit of 130 mm.
    assert!(difference.amax() < 1e-3, "{name}: {difference}");
    pose
}

#[test]
fn every_convention_s_example_is_the_same_pose() {
    let diffdrr: DiffDrrPose = check_example("diffdrr");
    assert_eq!(diffdrr.volume_center_world_mm, CENTER_WORLD_MM);
    check_example::<NanoDrrPose>("nanodrr");
    check_example::<PlastimatchPose>("plastimatch");
    let prost: ProStPose = check_example("prost");
    assert_eq!(prost.volume.shape, [300, 260, 400]);
}

#[test]
fn views_in_the_angles_of_diffdrr_and_nanodrr() {
    for (p, q) in [(150.0, 10.0), (33.0, -21.0), (180.0, 0.0), (0.0, 0.0), (-90.0, 5.0)] {
        let view = View { primary_deg: p, secondary_deg: q };
        let expected = view.camera_from_world(CENTER_WORLD_MM.into(), 700.0);
        for (orientation, rotation, depth, flip) in [
            (Orientation::Ap, [p - 180.0, -q, 0.0], 700.0, ImageFlip::None),
            (Orientation::Pa, [p, q, 0.0], -700.0, ImageFlip::Columns),
        ] {
            let [l, posterior, s] = CENTER_WORLD_MM;
            let nanodrr = NanoDrrPose {
                rotation,
                translation: [0.0, depth, 0.0],
                orientation,
                isocenter: Some([-l, -posterior, s]),
            };
            let target = TargetGeometry {
                orientation,
                volume_center_world_mm: Some(CENTER_WORLD_MM),
                ..TargetGeometry::default()
            };
            let diffdrr = DiffDrrPose {
                rotation: rotation.map(f64::to_radians),
                translation: [0.0, depth, 0.0],
                ..DiffDrrPose::from_camera_from_world(&expected, &target).unwrap()
            };
            for converted in [nanodrr.to_camera_from_world(), diffdrr.to_camera_from_world()] {
                let converted = converted.unwrap();
                let found = converted.camera_from_world.to_matrix();
                assert!((found - expected.to_matrix()).amax() < 1e-10);
                assert_eq!(converted.image_flip, flip);
            }
        }
    }
}

#[test]
fn the_table_of_views() {
    let page = page();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .skip_while(|line| !line.starts_with("| view | p/q"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let view: View = row[1].parse().unwrap();
        if let Some(name) = row[0].strip_prefix('`') {
            assert_eq!(name.trim_end_matches('`').parse::<View>().unwrap(), view);
        }
        let axes: Vec<_> = row[3..].iter().map(|cell| vector(cell).transpose()).collect();
        let shown = Matrix3::from_rows(&axes);
        let pose = view.camera_from_world(Vector3::zeros(), 700.0);
        // The page shows three decimals.
        assert!((pose.rotation() - shown).amax() < 6e-4, "{}: {shown}", row[0]);
    }
}
