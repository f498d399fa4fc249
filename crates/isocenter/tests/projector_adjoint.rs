//! Proves: the adjoints are the transposes of forward and tangent, for random volumes, images,
//! poses and numbers of channels, steep rays among them, and do not depend on the number of
//! threads; the tangent is the jet along its direction; the contracted jet is the jet, contracted;
//! channels are what they are alone; batches are single radiographs; buffers that do not fit and
//! values that are no numbers are typed errors.
//!
//! **Tolerance of the transposes**: `<A v, y>` and `<v, A^T y>` differ by f32 rounding of positions,
//! weights and sums, by less than 1e-5 of `|A v| |y|`.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::project::{Exposure, ProjectError, Projector};
use isocenter::volume::{Affine, ChannelVolume, Channels, Volume};
use nalgebra::{Vector3, Vector6};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::{body, camera, pivot_world_mm, poses};

fn random(number: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..number).map(|_| rng.random_range(-1.0..1.0_f32)).collect()
}

/// A volume of random values, negative ones too, on the grid of the support's body.
fn random_volume(channels: usize, rng: &mut ChaCha8Rng) -> ChannelVolume {
    let like = body(0.0, 1).volume().clone();
    let channel = |_| {
        let voxels = random(like.voxels().len(), rng);
        Volume::new(like.dims(), voxels, *like.world_from_index()).unwrap()
    };
    ChannelVolume::new((0..channels).map(channel).collect()).unwrap()
}

fn flat(volume: &ChannelVolume) -> Vec<f32> {
    volume.channels().iter().flat_map(|channel| channel.voxels().to_vec()).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

fn norm(a: &[f32]) -> f64 {
    dot(a, a).sqrt()
}

fn motion(rng: &mut ChaCha8Rng) -> PivotMotion {
    let mut component = || rng.random_range(-1.0..1.0);
    let omega_rad = Vector3::from_fn(|_, _| component());
    PivotMotion { omega_rad, tau_mm: Vector3::from_fn(|_, _| 100.0 * component()) }
}

/// The support's camera, and a wide fan whose rays take several axes.
fn cameras() -> [Camera; 2] {
    [camera(), Camera::new(300.0, [20.0, 20.0], [33, 33]).unwrap()]
}

/// Checks both transposes at one exposure.
fn check_transposes(exposure: &Exposure<'_, ChannelVolume>, v: &[f32], rng: &mut ChaCha8Rng) {
    let (pivot, motion) = (pivot_world_mm(), motion(rng));
    let pixels = exposure.image_len();
    let (y, y_tangent) = (random(pixels, rng), random(pixels, rng));
    let (mut image, mut tangent) = (vec![0.0; pixels], vec![0.0; pixels]);
    exposure.tangent_into(pivot, &motion, &mut image, &mut tangent).unwrap();

    let mut forward = vec![7.0; pixels];
    exposure.forward_into(&mut forward).unwrap();
    assert_eq!(forward, image, "the tangent's image is the forward image");
    let mut back = vec![0.0; exposure.volume_len()];
    exposure.adjoint_into(&y, &mut back).unwrap();
    let (left, right) = (dot(&image, &y), dot(v, &back));
    assert!((left - right).abs() <= 1e-5 * norm(&image) * norm(&y), "{left} {right}");

    // The adjoint adds to what is there: take one off again.
    back.iter_mut().for_each(|voxel| *voxel = 0.0);
    exposure.tangent_adjoint_into(pivot, &motion, &y, &y_tangent, &mut back).unwrap();
    let (left, right) = (dot(&image, &y) + dot(&tangent, &y_tangent), dot(v, &back));
    let scale = norm(&image) * norm(&y) + norm(&tangent) * norm(&y_tangent);
    assert!((left - right).abs() <= 1e-5 * scale, "{left} {right}");
}

#[test]
fn adjoints_are_transposes() {
    let mut rng = ChaCha8Rng::seed_from_u64(41);
    let mut checked = 0;
    for channels in [1, 2, 3] {
        let volume = random_volume(channels, &mut rng);
        let v = flat(&volume);
        let projector = Projector::new(volume);
        for camera in cameras() {
            for pose in poses(12, 42 + channels as u64) {
                // From close by, a source may come to lie inside the volume.
                let Ok(exposure) = projector.expose(&camera, &pose) else { continue };
                check_transposes(&exposure, &v, &mut rng);
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn the_adjoint_of_one_pixel_is_its_ray() {
    // With y = 1 in one pixel, the voxels hold the weights that the pixel has for them.
    let volume = body(0.01, 43);
    let projector = Projector::new(volume.clone());
    for pose in poses(6, 44) {
        let exposure = projector.expose(&camera(), &pose).unwrap();
        let image = exposure.forward();
        let mut y = image.clone();
        y.pixels_mut().fill(0.0);
        let at = image.pixels().len() / 2;
        y.pixels_mut()[at] = 1.0;
        let weights = exposure.adjoint(&y).unwrap();
        assert!(weights.voxels().iter().all(|&w| w >= 0.0));
        let integral = dot(weights.voxels(), volume.volume().voxels());
        assert!((integral - f64::from(image.pixels()[at])).abs() < 1e-5 * integral.max(0.1));
    }
}

#[test]
fn the_tangent_is_the_jet_along_its_direction() {
    let mut rng = ChaCha8Rng::seed_from_u64(45);
    let projector = Projector::new(body(0.01, 46));
    for camera in cameras() {
        for pose in poses(10, 47) {
            let Ok(exposure) = projector.expose(&camera, &pose) else { continue };
            let motion = motion(&mut rng);
            let jet = exposure.jet(pivot_world_mm());
            let tangent = exposure.tangent(pivot_world_mm(), &motion);
            assert_eq!(jet.image, tangent.image);
            let along: Vec<f32> = jet
                .jacobian
                .iter()
                .map(|j| Vector6::from(j.map(f64::from)).dot(&motion.to_vector()) as f32)
                .collect();
            // Sums of f32 products, some of which cancel.
            assert!(support::relative_rms(tangent.tangent.pixels(), &along) < 1e-5);
        }
    }
}

#[test]
fn the_contracted_jet_is_the_jet_contracted() {
    let mut rng = ChaCha8Rng::seed_from_u64(48);
    let volume = random_volume(3, &mut rng);
    let projector = Projector::new(volume);
    for camera in cameras() {
        for pose in poses(6, 49) {
            let Ok(exposure) = projector.expose(&camera, &pose) else { continue };
            let number = exposure.image_len();
            let by_pixel = random(number, &mut rng);
            let (mut image, mut jacobian) = (vec![0.0; number], vec![[0.0; 6]; number]);
            exposure.jet_into(pivot_world_mm(), &mut image, &mut jacobian).unwrap();
            let contracted = exposure.contracted_jet(pivot_world_mm(), &by_pixel).unwrap();
            for (n, found) in contracted.iter().enumerate() {
                let terms = || {
                    let pairs = jacobian.iter().zip(&by_pixel);
                    pairs.map(|(j, &y)| f64::from(j[n]) * f64::from(y))
                };
                let size: f64 = terms().map(|t| t * t).sum::<f64>().sqrt();
                // The stored Jacobian is rounded to f32.
                assert!((found - terms().sum::<f64>()).abs() <= 1e-6 * size);
            }
        }
    }
}

#[test]
fn channels_are_what_they_are_alone() {
    let mut rng = ChaCha8Rng::seed_from_u64(50);
    let volume = random_volume(3, &mut rng);
    let together = Projector::new(volume.clone());
    for pose in poses(4, 51) {
        let exposure = together.expose(&camera(), &pose).unwrap();
        let mut image = vec![0.0; exposure.image_len()];
        exposure.forward_into(&mut image).unwrap();
        let y = random(exposure.image_len(), &mut rng);
        let mut back = vec![0.0; exposure.volume_len()];
        exposure.adjoint_into(&y, &mut back).unwrap();
        for (n, channel) in volume.channels().iter().enumerate() {
            let alone = Projector::new(ChannelVolume::new(vec![channel.clone()]).unwrap());
            let alone = alone.expose(&camera(), &pose).unwrap();
            let mut expected = vec![0.0; alone.image_len()];
            alone.forward_into(&mut expected).unwrap();
            let of_channel = |values: &[f32]| -> Vec<f32> {
                values.iter().skip(n).step_by(3).copied().collect()
            };
            assert_eq!(of_channel(&image), expected);
            let mut expected = vec![0.0; alone.volume_len()];
            alone.adjoint_into(&of_channel(&y), &mut expected).unwrap();
            assert_eq!(back[n * expected.len()..][..expected.len()], expected);
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(52);
    let volume = random_volume(2, &mut rng);
    let camera = Camera::new(1000.0, [1.5, 1.5], [130, 111]).unwrap();
    let wide = Camera::new(300.0, [8.0, 8.0], [80, 80]).unwrap();
    let motion = motion(&mut rng);
    for (camera, pose) in [(&camera, poses(1, 53)[0]), (&wide, poses(4, 54)[3])] {
        let y = random(camera.size_px()[0] * camera.size_px()[1] * 2, &mut rng);
        let results = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let projector = Projector::new(volume.clone());
            pool.install(|| {
                let exposure = projector.expose(camera, &pose).unwrap();
                let mut back = vec![0.0; exposure.volume_len()];
                let pivot = pivot_world_mm();
                exposure.tangent_adjoint_into(pivot, &motion, &y, &y, &mut back).unwrap();
                (back, exposure.contracted_jet(pivot, &y).unwrap())
            })
        };
        let one = results(1);
        assert!(norm(&one.0) > 0.0);
        for threads in [2, 3, 7] {
            assert_eq!(one, results(threads));
        }
    }
}

#[test]
fn a_batch_is_many_radiographs() {
    let projector = Projector::new(body(0.01, 55));
    let camera = Camera::new(1000.0, [9.0, 9.0], [32, 32]).unwrap();
    let mut all = poses(40, 56);
    // One that cannot be rendered does not stop the others.
    all[7] = RigidTransform::from_translation(-projector.volume().volume().center_world_mm());
    let batch = projector.forward_each(&camera, &all, |n, image| (n, image.map(<[f32]>::to_vec)));
    assert_eq!(batch.len(), all.len());
    for (n, (pose, (number, image))) in all.iter().zip(batch).enumerate() {
        assert_eq!(number, n);
        match projector.forward(&camera, pose) {
            Ok(alone) => assert_eq!(image.as_deref(), Ok(alone.pixels())),
            Err(error) => assert_eq!(image, Err(error)),
        }
        assert_eq!(image.is_err(), n == 7);
    }
}

#[test]
fn buffers_and_values_are_checked() {
    let projector = Projector::new(body(0.0, 57));
    let exposure = projector.expose(&camera(), &poses(1, 58)[0]).unwrap();
    let pivot = pivot_world_mm();
    let number = exposure.image_len();
    let too_short = |what| Err(ProjectError::Length { what, found: 3, expected: number });
    assert_eq!(exposure.forward_into(&mut [0.0; 3]), too_short("image"));
    let (mut image, mut back) = (vec![0.0; number], vec![0.0; exposure.volume_len()]);
    assert_eq!(exposure.jet_into(pivot, &mut image, &mut [[0.0; 6]; 3]), too_short("jacobian"));
    let motion = PivotMotion::zero();
    assert_eq!(
        exposure.tangent_into(pivot, &motion, &mut image, &mut [0.0; 3]),
        too_short("tangent")
    );
    assert_eq!(
        exposure.adjoint_into(&image, &mut [0.0; 5]),
        Err(ProjectError::Length { what: "volume", found: 5, expected: back.len() })
    );
    for bad in [f32::NAN, f32::INFINITY] {
        image[11] = bad;
        for error in [
            exposure.adjoint_into(&image, &mut back).unwrap_err(),
            exposure.contracted_jet(pivot, &image).unwrap_err(),
            exposure
                .tangent_adjoint_into(pivot, &motion, &vec![0.0; number], &image, &mut back)
                .unwrap_err(),
        ] {
            assert!(matches!(error, ProjectError::NotFinite { at: 11, .. }), "{error}");
        }
    }
    assert!(back.iter().all(|&voxel| voxel == 0.0), "a refused image leaves no trace");
}

#[test]
fn an_image_that_misses_the_volume_hands_nothing_back() {
    let affine = Affine::from_spacing([4.0; 3], [-30.0; 3]).unwrap();
    let block = Volume::new([16; 3], vec![0.02_f32; 4096], affine).unwrap();
    let projector = Projector::new(ChannelVolume::new(vec![block]).unwrap());
    let aside = RigidTransform::from_translation(Vector3::new(3000.0, 0.0, 600.0));
    let exposure = projector.expose(&camera(), &aside).unwrap();
    let mut back = vec![0.0; exposure.volume_len()];
    exposure.adjoint_into(&vec![1.0; exposure.image_len()], &mut back).unwrap();
    assert!(back.iter().all(|&voxel| voxel == 0.0));
}
