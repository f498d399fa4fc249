//! Proves: the fast projector computes what plane marching in plain f64 computes (to f32 rounding),
//! agrees with trilinear sampling at fine steps, and gets the chords of ellipsoids right.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use isocenter::geometry::{Camera, View};
use isocenter::project::{MarchAxis, Projector, ReferenceProjector};
use isocenter::radiograph::Image;
use isocenter::volume::{Affine, AttenuationMap, AttenuationVolume, Volume};
use nalgebra::{Matrix3, Vector3};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::{body, camera, march_f64, peers_phantom, pivot_world_mm, poses, relative_rms};

#[test]
fn every_pixel_is_plane_marching_in_f64() {
    let volume = body(0.01, 1);
    let projector = Projector::new(volume.clone());
    let camera = camera();
    let mut lit = 0;
    for pose in poses(60, 2) {
        let axis = projector.march_axis(&camera, &pose).unwrap();
        let image = projector.forward(&camera, &pose).unwrap();
        for (row, pixels) in image.rows().enumerate() {
            for (column, &pixel) in pixels.iter().enumerate() {
                let exact = march_f64(&volume, axis, &camera, &pose, [column as f64, row as f64]);
                lit += usize::from(exact > 0.01);
                // Positions in f32 are off by up to 3e-6 voxel here; slopes are below 0.05 per voxel
                // and there are up to 46 samples of up to 7 mm: 5e-5 at worst.
                assert!((f64::from(pixel) - exact).abs() < 5e-5, "{column} {row}: {pixel} {exact}");
            }
        }
    }
    assert!(lit > 10_000, "the body was in view: {lit}");
}

#[test]
fn detectors_and_volumes_of_every_size() {
    // Up to 2048 pixels, and volumes that are long along one axis and thin along another.
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (dims, size_px) in [
        ([46, 40, 30], [8, 8]),
        ([46, 40, 30], [1, 300]),
        ([46, 40, 30], [2048, 2048]),
        ([2, 3, 700], [33, 65]),
        ([700, 2, 2], [65, 33]),
        ([3, 900, 5], [64, 64]),
    ] {
        let number: usize = dims.iter().product();
        let voxels = (0..number).map(|_| rng.random_range(0.0..0.02_f32)).collect();
        // 200 mm along the longest side, 40 mm along the others.
        let longest = dims.into_iter().max().unwrap();
        let spacing = dims.map(|n| if n == longest { 200.0 } else { 40.0 } / n as f64);
        let affine = Affine::from_spacing(spacing, [-40.0, -20.0, -30.0]).unwrap();
        let volume = Volume::new(dims, voxels, affine).unwrap();
        let center = volume.center_world_mm();
        let volume = AttenuationVolume::from_per_mm(volume).unwrap();
        let projector = Projector::new(volume.clone());
        let spacing_mm = size_px.map(|n| 350.0 / n as f64);
        let camera = Camera::new(1000.0, spacing_mm, size_px).unwrap();
        for view in ["ap", "lateral-left", "0/85", "33/21", "90/-50", "-120/40"] {
            let pose = view.parse::<View>().unwrap().camera_from_world(center, 700.0);
            let axis = projector.march_axis(&camera, &pose).unwrap();
            let image = projector.forward(&camera, &pose).unwrap();
            for _ in 0..100 {
                let [column, row] = size_px.map(|n| rng.random_range(0..n));
                let at = [column as f64, row as f64];
                let exact = march_f64(&volume, axis, &camera, &pose, at);
                let pixel = f64::from(image.get(column, row).unwrap());
                // Positions in f32 are off by up to 6e-5 of a voxel in a row of 900, where noise
                // changes by up to 0.02 a voxel: over 200 mm 2.4e-4, if all errors had one sign.
                assert!((pixel - exact).abs() < 2e-4, "{dims:?} {view} {at:?}: {pixel} {exact}");
            }
        }
    }
}

#[test]
fn fine_trilinear_sampling_agrees() {
    let camera = camera();
    let mut worst = [0.0_f64; 2];
    for (n, noise) in [0.0, 0.001].into_iter().enumerate() {
        let volume = body(noise, 3);
        let projector = Projector::new(volume.clone());
        let reference = ReferenceProjector::with_step_mm(&volume, 0.1).unwrap();
        for pose in poses(25, 4) {
            let fast = projector.forward(&camera, &pose).unwrap();
            let slow = reference.forward(&camera, &pose).unwrap();
            worst[n] = worst[n].max(relative_rms(fast.pixels(), slow.pixels()));
        }
    }
    println!("smooth body: {:.2e}, with noise: {:.2e}", worst[0], worst[1]);
    // Between two slices the trilinear interpolant along a slanted ray is a cubic; one sample per
    // slice is the trapezoid rule on it. Blobs of 2.5 voxels, 6 to 9 mm, make that 0.5 %; white
    // noise of 30 HU a little more.
    assert!(worst[0] < 5e-3 && worst[1] < 1e-2);
}

/// An ellipsoid with a soft rim, rendered; and its chords, computed.
fn ellipsoid(spacing_mm: f64, half_axes_mm: Vector3<f64>) -> AttenuationVolume {
    let side = (2.4 * half_axes_mm.max() / spacing_mm) as usize;
    let middle = (side as f64 - 1.0) / 2.0 * spacing_mm;
    let affine = Affine::from_spacing([spacing_mm; 3], [-middle; 3]).unwrap();
    let radius = |at: Vector3<f64>| at.component_div(&half_axes_mm).norm();
    // A voxel this far from the surface, in the ellipsoid's own measure, is all in or all out.
    let rim = spacing_mm / half_axes_mm.min();
    let voxels = (0..side * side * side).map(|at| {
        let index = Vector3::new(at % side, at / side % side, at / (side * side)).map(|i| i as f64);
        let from_surface = radius(affine.point(index)) - 1.0;
        if from_surface.abs() > rim {
            return if from_surface < 0.0 { 0.02 } else { 0.0 };
        }
        // The voxel's mean over 4^3 points: partial volume.
        let inside = (0..64).filter(|sub| {
            let offset =
                Vector3::new(sub % 4, sub / 4 % 4, sub / 16).map(|o| (f64::from(o) - 1.5) / 4.0);
            radius(affine.point(index + offset)) < 1.0
        });
        inside.count() as f32 / 64.0 * 0.02
    });
    let voxels = voxels.collect();
    AttenuationVolume::from_per_mm(Volume::new([side; 3], voxels, affine).unwrap()).unwrap()
}

/// The exact radiograph of the ellipsoid.
fn chords(
    camera: &Camera,
    pose: &isocenter::geometry::RigidTransform,
    half: Vector3<f64>,
) -> Image {
    let world_from_camera = pose.inverse();
    let scale = Matrix3::from_diagonal(&half.map(|h| 1.0 / h));
    let source = scale * world_from_camera.translation_mm();
    let [columns, rows] = camera.size_px();
    let pixels = (0..columns * rows).map(|at| {
        let ray = world_from_camera
            .direction(camera.ray_direction((at % columns) as f64, (at / columns) as f64));
        let unit = ray.normalize();
        let direction = scale * unit;
        // |source + t direction|^2 = 1
        let (a, b, c) =
            (direction.norm_squared(), source.dot(&direction), source.norm_squared() - 1.0);
        let discriminant = b * b - a * c;
        (if discriminant > 0.0 { 2.0 * discriminant.sqrt() / a * 0.02 } else { 0.0 }) as f32
    });
    Image::new(camera.size_px(), pixels.collect()).unwrap()
}

/// Relative RMS over the image, and the largest relative error where the chord is long.
fn chord_errors(projector: &Projector, half: Vector3<f64>, view: &str) -> (f64, f64) {
    let camera = Camera::new(1000.0, [1.3, 1.3], [100, 100]).unwrap();
    let view: View = view.parse().unwrap();
    let pose = view.camera_from_world(Vector3::new(3.0, -2.0, 4.0), 700.0);
    let image = projector.forward(&camera, &pose).unwrap();
    let exact = chords(&camera, &pose, half);
    let long = exact.range().1 / 2.0;
    let pairs = image.pixels().iter().zip(exact.pixels()).filter(|&(_, &e)| e > long);
    let largest = pairs.map(|(&i, &e)| f64::from((i / e - 1.0).abs())).fold(0.0, f64::max);
    (relative_rms(image.pixels(), exact.pixels()), largest)
}

#[test]
fn chords_of_an_ellipsoid() {
    let half = Vector3::new(30.0, 22.0, 40.0);
    let [coarse, fine] = [1.0, 0.5].map(|spacing_mm| Projector::new(ellipsoid(spacing_mm, half)));
    for view in ["ap", "lateral-left", "0/90", "45/0", "30/40", "120/-35"] {
        let (coarse, _) = chord_errors(&coarse, half, view);
        let (fine, inside) = chord_errors(&fine, half, view);
        println!("{view}: 1 mm {coarse:.2e}, 0.5 mm {fine:.2e}, inside {inside:.2e}");
        // Inside, only the partial volume at both ends is left: a quarter of a voxel each, 0.25 mm
        // together, of a chord of at least 22 mm.
        assert!(inside < 1e-2, "{view}: {inside}");
        // At the rim a chord's square root is steeper than voxels follow; finer voxels follow better.
        assert!(fine < 1e-2 && fine < 0.6 * coarse, "{view}: {coarse} {fine}");
    }
}

#[test]
fn marching_along_another_axis_changes_little() {
    // Half way between two axes of the phantom of `support`: 256^3 voxels of 1 mm with 10 HU noise.
    let map = AttenuationMap::default();
    let volume = AttenuationVolume::from_hounsfield(peers_phantom::phantom(), &map).unwrap();
    let projector = Projector::new(volume);
    let camera = Camera::new(1020.0, [2.8, 2.8], [128, 128]).unwrap();
    for (view, axes) in [
        ("45/0", [MarchAxis::I, MarchAxis::J]),
        ("0/45", [MarchAxis::J, MarchAxis::K]),
        ("90/45", [MarchAxis::I, MarchAxis::K]),
    ] {
        let pose = view.parse::<View>().unwrap().camera_from_world(Vector3::zeros(), 700.0);
        let [a, b] = axes.map(|axis| projector.forward_along(axis, &camera, &pose).unwrap());
        let jump = relative_rms(a.pixels(), b.pixels());
        println!("{view}: jump at a change of axis, relative RMS {jump:.2e}");
        // Both differ from the trilinear integral by up to 7e-4 (see the other programs' images).
        assert!(jump > 0.0 && jump < 1.5e-3, "{view}: {jump:.2e}");
    }
}

#[test]
fn the_pivot_is_where_it_should_be() {
    // Guards the tests themselves: the body must be in view of their poses.
    let camera = camera();
    for pose in poses(60, 2) {
        let [u, v] = camera.project(pose.point(pivot_world_mm())).unwrap();
        assert!((-20.0..60.0).contains(&u) && (-20.0..60.0).contains(&v), "{u} {v}");
    }
}
