//! What the projector's tests share: small volumes, poses from all around, and a plain f64 version
//! of plane marching.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(unreachable_pub, reason = "each test file includes this module")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where it fails and says what it skips"
)]

pub mod peers_phantom;

use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View, rotation};
use isocenter::project::MarchAxis;
use isocenter::volume::{Affine, AttenuationVolume, Volume};
use nalgebra::{Matrix3, Vector3, Vector6};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A detector small enough for the slow reference.
pub fn camera() -> Camera {
    Camera::new(1000.0, [7.0, 6.0], [37, 29])
        .unwrap()
        .with_principal_point_px([16.0, 15.5])
        .unwrap()
}

/// A body of smooth blobs on an oblique, left-handed, anisotropic grid, cut off by one face of the
/// volume; with noise on demand.
pub fn body(noise: f32, seed: u64) -> AttenuationVolume {
    let dims = [46, 40, 30];
    let turn = rotation::exp(Vector3::new(0.3, -0.2, 0.4));
    let linear = turn * Matrix3::from_diagonal(&Vector3::new(2.0, -2.3, 3.5));
    let center = Vector3::new(22.5, 19.5, 14.5);
    let affine = Affine::new(linear, Vector3::new(20.0, -30.0, 40.0) - linear * center).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let blobs: Vec<(Vector3<f64>, f64, f64)> = (0..12)
        .map(|n| {
            let at = Vector3::new(
                rng.random_range(8.0..38.0),
                rng.random_range(8.0..32.0),
                rng.random_range(4.0..29.0),
            );
            (
                at,
                if n == 0 { 9.0 } else { rng.random_range(2.5..5.0) },
                rng.random_range(0.005..0.04),
            )
        })
        .collect();
    let mut voxels = Vec::with_capacity(dims.iter().product());
    for k in 0..dims[2] {
        for j in 0..dims[1] {
            for i in 0..dims[0] {
                let at = Vector3::new(i as f64, j as f64, k as f64);
                let smooth: f64 = blobs
                    .iter()
                    .map(|(c, radius, mu)| {
                        mu * (-(at - c).norm_squared() / (radius * radius)).exp()
                    })
                    .sum();
                let rough = noise * rng.random_range(-1.0..1.0_f32);
                voxels.push((smooth as f32 + rough).max(0.0));
            }
        }
    }
    AttenuationVolume::from_per_mm(Volume::new(dims, voxels, affine).unwrap()).unwrap()
}

/// The pivot of the tests: not the volume's center, so that nothing cancels by symmetry.
pub fn pivot_world_mm() -> Vector3<f64> {
    Vector3::new(25.0, -20.0, 35.0)
}

/// Poses from all directions, with the patient off center and turned; some see it cut by the
/// detector's border.
pub fn poses(number: usize, seed: u64) -> Vec<RigidTransform> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..number)
        .map(|_| {
            let view = View {
                primary_deg: rng.random_range(-180.0..180.0),
                secondary_deg: rng.random_range(-90.0..90.0),
            };
            let distance_mm = rng.random_range(350.0..800.0);
            let pose = view.camera_from_world(pivot_world_mm(), distance_mm);
            let xi = Vector6::new(
                rng.random_range(-0.3..0.3),
                rng.random_range(-0.3..0.3),
                rng.random_range(-0.3..0.3),
                rng.random_range(-40.0..40.0),
                rng.random_range(-40.0..40.0),
                rng.random_range(-40.0..40.0),
            );
            PivotMotion::from_vector(&xi).apply(&pose, pivot_world_mm())
        })
        .collect()
}

/// Plane marching written down once more, plainly and in f64: for the slope and the axis see the
/// design; `axis` is the image's.
pub fn march_f64(
    volume: &AttenuationVolume,
    axis: MarchAxis,
    camera: &Camera,
    camera_from_world: &RigidTransform,
    [u, v]: [f64; 2],
) -> f64 {
    let index_from_world = volume.volume().world_from_index().inverse();
    let world_from_camera = camera_from_world.inverse();
    let source = index_from_world.point(*world_from_camera.translation_mm());
    let ray = world_from_camera.direction(camera.ray_direction(u, v));
    let direction = index_from_world.linear() * ray;
    let others = |a: usize| [(a + 1) % 3, (a + 2) % 3];
    let mut a = axis.number();
    if others(a).iter().any(|&b| direction[b].abs() > 2.0 * direction[a].abs()) {
        a = direction.iamax();
    }
    let [b, c] = others(a);
    let mut sum = 0.0;
    for slice in 0..volume.volume().dims()[a] {
        let t = (slice as f64 - source[a]) / direction[a];
        if t < 0.0 {
            continue;
        }
        let at = source + direction * t;
        for (db, dc) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (nb, nc) = (at[b].floor() as i64 + db, at[c].floor() as i64 + dc);
            if nb < 0 || nc < 0 {
                continue;
            }
            let mut index = [0; 3];
            index[a] = slice;
            index[b] = nb as usize;
            index[c] = nc as usize;
            let weight = (1.0 - (at[b] - nb as f64).abs()) * (1.0 - (at[c] - nc as f64).abs());
            sum += weight * f64::from(volume.volume().get(index).unwrap_or(0.0));
        }
    }
    sum * ray.norm() / direction[a].abs()
}

/// Root of the mean square difference over the root of the mean square of the second.
pub fn relative_rms(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let square = |x: f64| x * x;
    let difference: f64 =
        ours.iter().zip(theirs).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let size: f64 = theirs.iter().map(|&b| square(f64::from(b))).sum();
    (difference / size).sqrt()
}

/// The folder of shared reference data beside the checkout, if it is there.
pub fn shared(path: &str) -> Option<std::path::PathBuf> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}
