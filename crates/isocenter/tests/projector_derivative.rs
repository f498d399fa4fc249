//! Proves: the jet's six derivatives are those of the image, in all directions, at many poses,
//! steep rays and cut-off volumes among them, with the marching axis held fixed.
//!
//! **Definition.** Finite differences are taken of the f64 plane marching of `support`, whose
//! images the fast projector's equal (see `projector_reference.rs`): central, with steps of 1e-9 rad
//! and 1e-7 mm, small enough that hardly any sample crosses a voxel border between the two
//! evaluations. At such a border the bilinear interpolant has a kink, where no derivative exists: a
//! sample that f32 rounding puts on the other side of it takes the other side's slope. Hence the
//! bound of 1e-3 holds for each component over the image (root mean square of the difference over
//! that of the component) and for 99.9 % of the single pixels (relative to the larger of the pixel's
//! and the component's root mean square).

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::project::{Projector, ReferenceProjector};
use nalgebra::Vector6;
use support::{body, camera, march_f64, pivot_world_mm, poses};

/// Steps of the finite differences: radians, then millimetres.
const STEPS: [f64; 6] = [1e-9, 1e-9, 1e-9, 1e-7, 1e-7, 1e-7];

fn moved(pose: &RigidTransform, component: usize, by: f64) -> RigidTransform {
    let mut xi = Vector6::zeros();
    xi[component] = by;
    PivotMotion::from_vector(&xi).apply(pose, pivot_world_mm())
}

/// Compares jets with finite differences; returns the number of pixels off by more than 1e-3, and
/// of all.
fn compare(camera: &Camera, noise: f32, poses: &[RigidTransform]) -> (usize, usize) {
    let volume = body(noise, 11);
    let projector = Projector::new(volume.clone());
    let (mut off, mut all) = (0, 0);
    for (n, pose) in poses.iter().enumerate() {
        let axis = projector.march_axis(camera, pose).unwrap();
        let jet = projector.jet_along(axis, camera, pose, pivot_world_mm()).unwrap();
        let forward = projector.forward_along(axis, camera, pose).unwrap();
        assert_eq!(jet.image, forward, "the jet's image is the forward image");
        let columns = camera.size_px()[0];
        for (component, h) in STEPS.into_iter().enumerate() {
            let (plus, minus) = (moved(pose, component, h), moved(pose, component, -h));
            let pairs: Vec<(f64, f64)> = (0..jet.jacobian.len())
                .map(|at| {
                    let pixel = [(at % columns) as f64, (at / columns) as f64];
                    let difference = march_f64(&volume, axis, camera, &plus, pixel)
                        - march_f64(&volume, axis, camera, &minus, pixel);
                    (f64::from(jet.jacobian[at][component]), difference / (2.0 * h))
                })
                .collect();
            let size: f64 = pairs.iter().map(|(_, fd)| fd * fd).sum();
            let error: f64 = pairs.iter().map(|(j, fd)| (j - fd).powi(2)).sum();
            let relative = (error / size).sqrt();
            assert!(relative < 1e-3, "pose {n}, component {component}: {relative:.2e}");
            let rms = (size / pairs.len() as f64).sqrt();
            all += pairs.len();
            off += pairs.iter().filter(|(j, fd)| (j - fd).abs() > 1e-3 * fd.abs().max(rms)).count();
        }
    }
    (off, all)
}

#[test]
fn jets_are_finite_differences() {
    let (off, all) = compare(&camera(), 0.0, &poses(40, 12));
    println!("smooth body: {off} of {all} pixels off by more than 1e-3");
    assert!(off * 1000 <= all);
}

#[test]
fn jets_are_finite_differences_on_noise() {
    let (off, all) = compare(&camera(), 0.01, &poses(20, 13));
    println!("noisy body: {off} of {all} pixels off by more than 1e-3");
    assert!(off * 1000 <= all);
}

#[test]
fn steep_rays_take_their_own_axis_and_stay_exact() {
    // A wide fan from close by: rays up to 50 degrees off the central one.
    let wide = Camera::new(300.0, [20.0, 20.0], [33, 33]).unwrap();
    let close: Vec<RigidTransform> = poses(20, 14)
        .iter()
        .map(|pose| {
            let nearer = PivotMotion::from_vector(&Vector6::new(0.0, 0.0, 0.0, 0.0, 0.0, -150.0));
            nearer.apply(pose, pivot_world_mm())
        })
        .filter(|pose| pose.point(pivot_world_mm()).z > 200.0)
        .collect();
    assert!(close.len() > 10);
    let (off, all) = compare(&wide, 0.0, &close);
    println!("steep rays: {off} of {all} pixels off by more than 1e-3");
    assert!(off * 1000 <= all);
}

#[test]
fn the_reference_jet_is_exact_to_six_digits() {
    let camera = camera();
    let volume = body(0.01, 15);
    let reference = ReferenceProjector::with_step_mm(&volume, 0.7).unwrap();
    for pose in poses(12, 16) {
        for pixel in [[16.0, 15.5], [10.0, 8.0], [25.3, 20.1]] {
            let at = |pose: &RigidTransform| {
                reference.jet_at(&camera, pose, pivot_world_mm(), pixel).unwrap()
            };
            let jet = at(&pose);
            let size = jet.gradient.iter().map(|g| g.abs()).fold(0.0, f64::max);
            for (component, step) in STEPS.into_iter().enumerate() {
                // A hundred times the others' steps: a thousand samples sum to 1e-14, and few meet
                // a voxel border on 1e-5 mm.
                let h = step * 1e2;
                let difference = at(&moved(&pose, component, h)).line_integral
                    - at(&moved(&pose, component, -h)).line_integral;
                let numeric = difference / (2.0 * h);
                let scale = jet.gradient[component].abs().max(1e-2 * size);
                assert!(
                    (jet.gradient[component] - numeric).abs() <= 1e-6 * scale.max(1e-3),
                    "{component}: {} {numeric}",
                    jet.gradient[component]
                );
            }
        }
    }
}
