//! Proves: a pose of DiffDRR, nanodrr, plastimatch or ProST, converted by us, sees known points of
//! the patient at the pixels where that program itself sees them (`tools/golden/poses` asked it);
//! converting back gives that program's parameters; and the reference DRRs' geometry, where it is at
//! hand, agrees with its pose files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::fs;
use std::path::{Path, PathBuf};

use isocenter::geometry::conversion::{
    DiffDrrPose, EulerConvention, ForeignPose, NanoDrrPose, Orientation, Parameterization,
    PlastimatchPose, ProStPose, TargetGeometry,
};
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::radiograph::ImageFlip;
use nalgebra::{Matrix3, Matrix4, Vector3};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The programs compute in f32: a world coordinate of 1000 mm is known to 6e-5 mm, an intermediate
/// product to a few times that, and a pixel is 2 mm. plastimatch writes nine digits.
const COMPUTED_TOLERANCE_PX: f64 = 1e-3;

/// The centroid of a smooth marker's image is not exactly the image of its centre: magnification
/// varies across it, its tails are cut off, rays are sampled in steps. A wrong half pixel or a flip
/// is at least ten times as much.
const RENDERED_TOLERANCE_PX: f64 = 0.05;

#[derive(Deserialize)]
struct Fixture<P> {
    cases: Vec<Case<P>>,
}

#[derive(Deserialize)]
struct Case<P> {
    pose: P,
    camera: ProgramCamera,
    projected: Vec<Seen>,
    rays: Vec<Seen>,
    rendered: Vec<Seen>,
}

/// A point, and where the program's image shows it.
#[derive(Deserialize)]
struct Seen {
    world_mm: [f64; 3],
    pixel: [f64; 2],
}

/// The program's camera, in pixels of the program's image.
#[derive(Deserialize)]
struct ProgramCamera {
    source_to_detector_mm: f64,
    pixel_spacing_mm: [f64; 2],
    size_px: [usize; 2],
    principal_point_px: [f64; 2],
}

/// A pixel of the program's image in the image that our camera sees. A flip is its own inverse.
fn flipped([u, v]: [f64; 2], flip: ImageFlip, size_px: [usize; 2]) -> [f64; 2] {
    match flip {
        ImageFlip::None => [u, v],
        ImageFlip::Columns => [size_px[0] as f64 - 1.0 - u, v],
        _ => panic!("no program reverses rows"),
    }
}

impl ProgramCamera {
    fn ours(&self, flip: ImageFlip) -> Camera {
        Camera::new(self.source_to_detector_mm, self.pixel_spacing_mm, self.size_px)
            .unwrap()
            .with_principal_point_px(flipped(self.principal_point_px, flip, self.size_px))
            .unwrap()
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/poses")
}

fn cases<P: DeserializeOwned>(name: &str) -> Vec<Case<P>> {
    let text = fs::read_to_string(fixtures().join(name)).unwrap();
    let fixture: Fixture<P> = serde_json::from_str(&text).unwrap();
    assert!(fixture.cases.len() > 3, "{name} has lost its cases");
    fixture.cases
}

fn check_seen(name: &str, case: &Case<impl ForeignPose>) {
    let converted = case.pose.to_camera_from_world().unwrap();
    let camera = case.camera.ours(converted.image_flip);
    let check = |kind: &str, seen: &[Seen], tolerance_px: f64| {
        for Seen { world_mm, pixel } in seen {
            let point = converted.camera_from_world.point(Vector3::from(*world_mm));
            let found =
                flipped(camera.project(point).unwrap(), converted.image_flip, case.camera.size_px);
            let error = (found[0] - pixel[0]).hypot(found[1] - pixel[1]);
            assert!(error < tolerance_px, "{name}, {kind}: {found:?}, expected {pixel:?}");
        }
    };
    check("projected", &case.projected, COMPUTED_TOLERANCE_PX);
    check("rays", &case.rays, COMPUTED_TOLERANCE_PX);
    check("rendered", &case.rendered, RENDERED_TOLERANCE_PX);
}

fn check_back<P: ForeignPose>(pose: &P, target: &TargetGeometry) -> P {
    let converted = pose.to_camera_from_world().unwrap();
    let back = P::from_camera_from_world(&converted.camera_from_world, target).unwrap();
    let again = back.to_camera_from_world().unwrap();
    let difference = again.camera_from_world.to_matrix() - converted.camera_from_world.to_matrix();
    // A dozen products of coordinates of 1e3 mm in f64.
    assert!(difference.amax() < 1e-10, "{} does not convert back", P::CONVENTION);
    back
}

fn close(found: &[f64], expected: &[f64]) -> bool {
    // As above, and angles are recovered from such matrices.
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn diffdrr() {
    for case in cases::<DiffDrrPose>("diffdrr.json") {
        check_seen("DiffDRR", &case);
        let pose = &case.pose;
        let target = TargetGeometry {
            orientation: pose.orientation,
            volume_center_world_mm: Some(pose.volume_center_world_mm),
            ..TargetGeometry::default()
        };
        let back = check_back(pose, &target);
        if pose.reverse_x_axis {
            assert!(close(&back.rotation, &pose.rotation), "{back:?}, expected {pose:?}");
            assert!(close(&back.translation, &pose.translation), "{back:?}, expected {pose:?}");
        }
    }
}

#[test]
fn nanodrr() {
    for case in cases::<NanoDrrPose>("nanodrr.json") {
        check_seen("nanodrr", &case);
        let pose = &case.pose;
        let target = TargetGeometry {
            orientation: pose.orientation,
            volume_center_world_mm: pose.isocenter.map(|[r, a, s]| [-r, -a, s]),
            ..TargetGeometry::default()
        };
        let back = check_back(pose, &target);
        assert!(close(&back.rotation, &pose.rotation), "{back:?}, expected {pose:?}");
        assert!(close(&back.translation, &pose.translation), "{back:?}, expected {pose:?}");
        assert_eq!(back.isocenter, pose.isocenter);
    }
}

#[test]
fn plastimatch() {
    for case in cases::<PlastimatchPose>("plastimatch.json") {
        check_seen("plastimatch", &case);
        let target = TargetGeometry {
            source_to_isocenter_mm: Some(case.pose.sad),
            ..TargetGeometry::default()
        };
        let back = check_back(&case.pose, &target);
        assert!(close(&back.isocenter, &case.pose.isocenter));
        let nrm = Vector3::from(case.pose.nrm).normalize();
        assert!(close(&back.nrm, nrm.as_slice()));
    }
}

#[test]
fn prost() {
    for case in cases::<ProStPose>("prost.json") {
        check_seen("ProST", &case);
        let pose = &case.pose;
        let target = TargetGeometry {
            source_to_detector_mm: Some(pose.src_det),
            source_to_isocenter_mm: Some(pose.src_det - pose.iso_center),
            prost_volume: Some(pose.volume.clone()),
            ..TargetGeometry::default()
        };
        let back = check_back(pose, &target);
        assert!(close(&back.rtvec, &pose.rtvec), "{back:?}, expected {pose:?}");
    }
}

/// Both kinds of mirrored setup must be among the cases, or the flip is not proved.
#[test]
fn the_cases_contain_mirrors() {
    fn mirrored<P: ForeignPose>(name: &str) -> usize {
        let flip = |case: &Case<P>| case.pose.to_camera_from_world().unwrap().image_flip;
        cases::<P>(name).iter().filter(|case| flip(case) == ImageFlip::Columns).count()
    }
    assert_eq!(mirrored::<DiffDrrPose>("diffdrr.json"), 3);
    assert_eq!(mirrored::<NanoDrrPose>("nanodrr.json"), 2);
    assert_eq!(mirrored::<PlastimatchPose>("plastimatch.json"), 0);
    assert_eq!(mirrored::<ProStPose>("prost.json"), 2);
}

/// What a program that does not know the key would do with it is unknown: it is refused.
#[test]
fn unknown_keys_and_values_are_refused() {
    let ap = r#"{"nrm": [0, -1, 0], "vup": [0, 0, 1], "isocenter": [0, 0, 0], "sad": 700}"#;
    assert!(serde_json::from_str::<PlastimatchPose>(ap).is_ok());
    let more = ap.replace("\"sad\"", "\"gantry\": 3, \"sad\"");
    let error = serde_json::from_str::<PlastimatchPose>(&more).unwrap_err().to_string();
    assert!(error.contains("gantry"), "{error}");
    let xyz = r#"{"rotation": [0, 0, 0], "translation": [0, 700, 0], "parameterization": "euler_angles",
        "convention": "XYZ", "orientation": "AP", "volume_center_world_mm": [0, 0, 0]}"#;
    let error = serde_json::from_str::<DiffDrrPose>(xyz).unwrap_err().to_string();
    assert!(error.contains("XYZ") && error.contains("ZXY"), "{error}");
    assert!(serde_json::from_str::<DiffDrrPose>(&xyz.replace("XYZ", "ZXY")).is_ok());
}

/// The geometry of the reference DRRs, which DiffDRR wrote.
#[derive(Deserialize)]
struct ReferenceGeometry {
    source: [f64; 3],
    p00: [f64; 3],
    du: [f64; 3],
    dv: [f64; 3],
    pose_matrix: [[f64; 4]; 4],
}

#[test]
fn the_geometry_of_the_reference_drrs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/reference/drr");
    if !Path::new(folder).exists() {
        println!("skipped: no reference DRRs beside the checkout");
        return;
    }
    let read = |name: &str| fs::read_to_string(Path::new(folder).join(name)).unwrap();
    let camera = Camera::new(1020.0, [1.4, 1.4], [256, 256]).unwrap();
    for view in ["ap", "obl"] {
        let geometry: ReferenceGeometry =
            serde_json::from_str(&read(&format!("geometry_{view}.json"))).unwrap();
        let file: serde_json::Value =
            serde_json::from_str(&read(&format!("pose_{view}.json"))).unwrap();
        let rows: [[f64; 4]; 4] =
            serde_json::from_value(file["camera_from_world"].clone()).unwrap();
        let expected = RigidTransform::from_matrix(&Matrix4::from_fn(|r, c| rows[r][c])).unwrap();

        // The file's world is the phantom's, whose centre is the origin.
        let matrix = Matrix4::from_fn(|r, c| geometry.pose_matrix[r][c]);
        let (rotation, translation) = diffdrr_parameters(&matrix);
        let pose = DiffDrrPose {
            rotation,
            translation,
            parameterization: Parameterization::EulerAngles,
            convention: EulerConvention::Zxy,
            orientation: Orientation::Ap,
            reverse_x_axis: true,
            volume_center_world_mm: [0.0; 3],
        };
        let found = pose.to_camera_from_world().unwrap().camera_from_world;
        // The files hold f32: 700 mm is known to 6e-5 mm.
        assert!((found.to_matrix() - expected.to_matrix()).amax() < 3e-4, "{view}");

        let lps = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
        let source = found.point(lps * Vector3::from(geometry.source));
        assert!(source.norm() < 3e-4, "{view}: the source is not the camera's origin");
        for (u, v) in [(0.0, 0.0), (255.0, 0.0), (0.0, 255.0), (31.0, 200.0)] {
            let pixel = Vector3::from(geometry.p00)
                + Vector3::from(geometry.du) * u
                + Vector3::from(geometry.dv) * v;
            let [u2, v2] = camera.project(found.point(lps * pixel)).unwrap();
            // p00, du and dv are f32 differences of coordinates of 1000 mm; du is multiplied by 255.
            assert!((u - u2).hypot(v - v2) < 2e-2, "{view}: {u2}, {v2}, expected {u}, {v}");
        }
    }
}

/// Angles and translation of DiffDRR's 4x4 `pose.matrix` = [R | R t], by its documented formulas.
fn diffdrr_parameters(matrix: &Matrix4<f64>) -> ([f64; 3], [f64; 3]) {
    let rotation: Matrix3<f64> = matrix.fixed_view::<3, 3>(0, 0).into_owned();
    let source: Vector3<f64> = matrix.fixed_view::<3, 1>(0, 3).into_owned();
    let angles = [
        (-rotation.m12).atan2(rotation.m22),
        rotation.m32.asin(),
        (-rotation.m31).atan2(rotation.m33),
    ];
    (angles, (rotation.transpose() * source).into())
}
