//! Proves: the image is continuous where the volume ends, independent of the number of threads,
//! linear in the volume, and moves with the patient; sources inside the patient, and poses and voxels
//! that are not numbers, are typed errors; strange geometry (behind the source, out of view, one
//! pixel) is no trouble.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::{ProjectError, Projector, ReferenceProjector};
use isocenter::volume::{
    Affine, AttenuationMap, AttenuationVolume, ChannelVolume, Volume, VolumeError,
};
use nalgebra::{Vector3, Vector6};
use support::{body, camera, pivot_world_mm, poses, relative_rms};

#[test]
fn the_number_of_threads_changes_nothing() {
    let volume = body(0.01, 21);
    let camera = Camera::new(1000.0, [1.5, 1.5], [130, 111]).unwrap();
    let pose = poses(1, 22)[0];
    let render = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let projector = Projector::new(volume.clone());
        pool.install(|| projector.jet(&camera, &pose, pivot_world_mm()).unwrap())
    };
    let one = render(1);
    for threads in [2, 3, 7] {
        assert_eq!(one, render(threads));
    }
}

#[test]
fn the_image_is_continuous_where_the_volume_ends() {
    // A block that ends abruptly at its grid's border, crossing the rays sideways in small steps.
    let affine = Affine::from_spacing([4.0; 3], [-30.0; 3]).unwrap();
    let block = Volume::new([16; 3], vec![0.02_f32; 4096], affine).unwrap();
    let projector = Projector::new(AttenuationVolume::from_per_mm(block).unwrap());
    let camera = Camera::new(1000.0, [3.0, 3.0], [48, 48]).unwrap();
    let start =
        View { primary_deg: 20.0, secondary_deg: 10.0 }.camera_from_world(Vector3::zeros(), 700.0);
    let axis = projector.march_axis(&camera, &start).unwrap();
    let mut before = projector.forward_along(axis, &camera, &start).unwrap();
    for step in 1..200 {
        let xi = Vector6::new(1e-4, -2e-4, 1e-4, 0.02, 0.03, 0.05) * f64::from(step);
        let pose = PivotMotion::from_vector(&xi).apply(&start, Vector3::zeros());
        let after = projector.forward_along(axis, &camera, &pose).unwrap();
        for (a, b) in before.pixels().iter().zip(after.pixels()) {
            // A step moves the block's rim by at most 0.05 mm. A ray along a rim loses at most its
            // whole chord (60 mm, 1.2) over one voxel (4 mm): 0.015 and some slack for obliqueness.
            assert!((a - b).abs() < 0.04, "{a} {b} at step {step}");
        }
        before = after;
    }
}

#[test]
fn the_image_is_linear_in_the_volume() {
    let (a, b) = (body(0.01, 23), body(0.01, 24));
    let sum: Vec<f32> =
        a.volume().voxels().iter().zip(b.volume().voxels()).map(|(x, y)| x + 2.0 * y).collect();
    let sum = Volume::new(a.volume().dims(), sum, *a.volume().world_from_index()).unwrap();
    let sum = AttenuationVolume::from_per_mm(sum).unwrap();
    let camera = camera();
    for pose in poses(5, 25) {
        let [a, b, sum] =
            [&a, &b, &sum].map(|v| Projector::new(v.clone()).forward(&camera, &pose).unwrap());
        let expected: Vec<f32> =
            a.pixels().iter().zip(b.pixels()).map(|(x, y)| x + 2.0 * y).collect();
        // f32 positions and sums.
        assert!(relative_rms(sum.pixels(), &expected) < 1e-5);
    }
}

#[test]
fn moving_patient_and_camera_together_changes_nothing() {
    let volume = body(0.0, 26);
    let together = RigidTransform::exp(&Vector6::new(0.4, -0.9, 0.2, 100.0, -50.0, 30.0));
    let old = volume.volume().world_from_index();
    let linear = together.rotation() * old.linear();
    let moved = Affine::new(linear, together.point(*old.translation())).unwrap();
    let moved =
        Volume::new(volume.volume().dims(), volume.volume().voxels().to_vec(), moved).unwrap();
    let moved = Projector::new(AttenuationVolume::from_per_mm(moved).unwrap());
    let still = Projector::new(volume);
    for pose in poses(5, 27) {
        let a = still.forward(&camera(), &pose).unwrap();
        let b = moved.forward(&camera(), &(pose * together.inverse())).unwrap();
        assert!(relative_rms(b.pixels(), a.pixels()) < 1e-5);
    }
}

#[test]
fn a_source_inside_the_patient_is_an_error() {
    let volume = body(0.0, 28);
    let inside = RigidTransform::from_translation(-volume.volume().center_world_mm());
    let error = Projector::new(volume.clone()).forward(&camera(), &inside).unwrap_err();
    assert!(matches!(error, ProjectError::SourceInsideVolume { .. }), "{error}");
    assert!(ReferenceProjector::new(&volume).forward(&camera(), &inside).is_err());
}

#[test]
fn voxels_that_are_not_numbers_never_reach_an_image() {
    let good = body(0.0, 32).volume().clone();
    let last = good.voxels().len() - 1;
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -1e21] {
        for at in [0, 1, 4095, 4096, last / 2, last] {
            let mut bad = good.clone();
            bad.voxels_mut()[at] = value;
            let refused = VolumeError::NotFinite { index: bad.index_of(at), value, count: 1 };
            let text = refused.to_string();
            let same = |error: VolumeError| assert_eq!(error.to_string(), text);
            same(AttenuationVolume::from_per_mm(bad.clone()).unwrap_err());
            same(ChannelVolume::new(vec![good.clone(), bad.clone()]).unwrap_err());
            let map = AttenuationMap::default();
            same(AttenuationVolume::from_hounsfield(bad, &map).unwrap_err());
        }
    }
    // The largest that is accepted makes finite images and derivatives.
    let large = good.map(|voxel| if voxel > 0.0 { 1e20 } else { 0.0 });
    let projector = Projector::new(AttenuationVolume::from_per_mm(large).unwrap());
    for pose in poses(5, 33) {
        let jet = projector.jet(&camera(), &pose, pivot_world_mm()).unwrap();
        assert!(jet.image.pixels().iter().all(|pixel| pixel.is_finite()));
        assert!(jet.jacobian.iter().flatten().all(|derivative| derivative.is_finite()));
    }
}

#[test]
fn poses_that_are_not_numbers_are_errors() {
    let projector = Projector::new(body(0.0, 29));
    let pose =
        PivotMotion { omega_rad: Vector3::zeros(), tau_mm: Vector3::new(f64::NAN, 0.0, 0.0) };
    let pose = pose.apply(&poses(1, 30)[0], pivot_world_mm());
    assert_eq!(projector.forward(&camera(), &pose), Err(ProjectError::PoseNotFinite));
}

#[test]
fn a_volume_reaching_behind_the_source_counts_only_in_front() {
    // A tall block beside the source, within the slices but not on any ray, and one in front.
    let affine = Affine::from_spacing([4.0; 3], [-100.0, -100.0, -100.0]).unwrap();
    let mut voxels = vec![0.0_f32; 50 * 50 * 50];
    let mut front = voxels.clone();
    for (at, voxel) in voxels.iter_mut().enumerate() {
        let (i, j) = (at % 50, at / 50 % 50);
        let is_front = (20..30).contains(&i) && (38..48).contains(&j);
        *voxel = if is_front || i >= 46 || j < 4 { 0.02 } else { 0.0 };
        front[at] = if is_front { 0.02 } else { 0.0 };
    }
    // The source in the volume's hollow middle, looking towards +y; content is the whole box, so
    // it is moved just outside of it along z.
    let camera = Camera::new(1000.0, [4.0, 4.0], [33, 33]).unwrap();
    let source = Vector3::new(0.0, 0.0, -130.0);
    let pose = View::AP.camera_from_world(source, 0.0);
    let tilt = RigidTransform::from_rotation_vector(Vector3::new(-0.7, 0.0, 0.0), Vector3::zeros());
    let pose = tilt * pose;
    let volume =
        |v| AttenuationVolume::from_per_mm(Volume::new([50; 3], v, affine).unwrap()).unwrap();
    let whole = volume(voxels);
    let fast = Projector::new(whole.clone()).forward(&camera, &pose).unwrap();
    let slow =
        ReferenceProjector::with_step_mm(&whole, 0.5).unwrap().forward(&camera, &pose).unwrap();
    assert!(slow.range().1 > 0.1, "something is in view");
    // Sharp edges of 4 mm voxels seen at a slant.
    assert!(relative_rms(fast.pixels(), slow.pixels()) < 0.02);
}

#[test]
fn out_of_view_is_black_and_one_pixel_is_enough() {
    let volume = body(0.0, 31);
    let center = volume.volume().center_world_mm();
    let projector = Projector::new(volume);
    let pose = View::AP.camera_from_world(center, 600.0);
    let behind = View::AP.camera_from_world(center, -600.0);
    assert_eq!(projector.forward(&camera(), &behind).unwrap().range(), (0.0, 0.0));
    let aside = View::AP.camera_from_world(center + Vector3::new(4000.0, 0.0, 0.0), 600.0);
    assert_eq!(projector.forward(&camera(), &aside).unwrap().range(), (0.0, 0.0));
    let pixel = Camera::new(1000.0, [1.0, 1.0], [1, 1]).unwrap();
    assert!(projector.forward(&pixel, &pose).unwrap().pixels()[0] > 0.1);
    // Rays exactly within a slice of every axis.
    for view in ["ap", "lateral-right", "0/90", "90/90"] {
        let pose = view.parse::<View>().unwrap().camera_from_world(center, 600.0);
        let image = projector.forward(&camera(), &pose).unwrap();
        assert!(image.pixels().iter().all(|p| p.is_finite()));
        assert!(image.range().1 > 0.1);
    }
}
