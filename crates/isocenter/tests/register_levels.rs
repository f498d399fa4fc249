//! Proves: levels say how large their images really are, and a source that all candidates have run
//! into is the error that is told.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::{ProjectError, Projector};
use isocenter::register::{
    Case, Event, PoseSpread, Prior, RegisterConfig, RegisterError, RotationSpread, register,
};
use isocenter::volume::{Affine, AttenuationVolume, Volume};
use nalgebra::{Vector3, Vector6};

/// A lopsided lump of 60 mm, its camera (60 x 40 pixels) and the true pose.
fn lump() -> (AttenuationVolume, Camera, RigidTransform) {
    let value = |at: usize| {
        let [i, j, k] = [at % 16, at / 16 % 16, at / 256].map(|n| n as f32 / 8.0 - 1.0);
        if i * i + 2.0 * j * j + 3.0 * k * k + i * j * k < 0.6 { 0.02 + 0.01 * i } else { 0.0 }
    };
    let affine = Affine::from_spacing([4.0; 3], [-30.0; 3]).unwrap();
    let volume = Volume::new([16; 3], (0..4096).map(value).collect(), affine).unwrap();
    let camera = Camera::new(1000.0, [2.5, 2.5], [60, 40]).unwrap();
    let pose = View::AP.camera_from_world(Vector3::zeros(), 700.0);
    (AttenuationVolume::from_per_mm(volume).unwrap(), camera, pose)
}

fn case() -> (Case, RigidTransform) {
    let (volume, camera, truth) = lump();
    let xray = Projector::new(volume.clone()).forward(&camera, &truth).unwrap();
    let start = PivotMotion::from_vector(&Vector6::new(0.05, 0.05, -0.05, 3.0, -2.0, 8.0));
    let start = start.apply(&truth, Vector3::zeros());
    (Case::new(volume, camera, xray, Vector3::zeros()).unwrap(), start)
}

#[test]
fn levels_say_how_large_their_images_are() {
    let (case, start) = case();
    let mut config = RegisterConfig::default();
    // 60 pixels binned by 2 for 32 wanted, and by 1 for 50 and more.
    config.search.samples = 10;
    config.refine.longest_sides_px = vec![32, 50, 64];
    let mut told = Vec::new();
    let found = register(&case, &Prior::about_a_start(start), &config, &mut |event| {
        if let Event::StageStarted { longest_side_px, .. } = event {
            told.push(*longest_side_px);
        }
    })
    .unwrap();
    assert_eq!(told, [30, 30, 60, 60]);
    let timed: Vec<usize> = found.timings.iter().map(|t| t.longest_side_px).collect();
    assert_eq!(timed, told);
}

#[test]
fn a_source_that_all_candidates_have_run_into_is_told() {
    let (volume, _, _) = lump();
    let content = *volume.content();
    let affine = *volume.volume().world_from_index();
    // The source half a millimetre outside the content: outside at full resolution, well inside
    // the content of coarse voxels, and turns about a pivot close by do not bring it out.
    let middle = content.center_world_mm(&affine);
    let face_mm = affine.point(Vector3::from(content.lower.map(|n| n as f64))).y - 4.0;
    let source = Vector3::new(middle.x, face_mm - 0.5, middle.z);
    let start = View::AP.camera_from_world(source, 0.0);
    let camera = Camera::new(40.0, [8.0, 8.0], [60, 60]).unwrap();
    let xray = Projector::new(volume.clone()).forward(&camera, &start).unwrap();
    let case = Case::new(volume, camera, xray, source + Vector3::new(0.0, 5.0, 0.0)).unwrap();
    let mut config = RegisterConfig::default();
    (config.search.samples, config.search.longest_side_px) = (50, 8);
    let spread = PoseSpread {
        rotation_deg: RotationSpread::StandardDeviationDeg(10.0),
        in_plane_mm: 0.0,
        depth_mm: 0.0,
    };
    let prior = Prior { center_camera_from_world: start, spread };
    let error = register(&case, &prior, &config, &mut |_| ()).unwrap_err();
    let inside = |e: &RegisterError| {
        matches!(
            e,
            RegisterError::Project(ProjectError::SourceInsideVolume { .. })
                | RegisterError::Objective(isocenter::optimize::ObjectiveError::Project(
                    ProjectError::SourceInsideVolume { .. }
                ))
        )
    };
    assert!(inside(&error), "{error}");
}
