//! A small scene with two poses, the one of `tools/golden/network/golden.py`.

use burn::tensor::{Device, Tensor, TensorData};
use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::volume::{Affine, Volume};
use isocenter_net::loss::{Approximation, Balance, Weighing};
use isocenter_net::network::{DualBranchConfig, Network, Normalization, ProstConfig, SopiConfig};
use isocenter_net::scene::Scene;
use isocenter_net::step::{Batch, Objective, Step};
use nalgebra::{Matrix3, Vector3, Vector6};

use super::{hashed, with_hashed_weights};

pub const SIZE_PX: [usize; 2] = [64, 32];
const DIMS: [usize; 3] = [14, 12, 10];
pub const HALF_EXTENT_MM: f64 = 60.0;

pub const TRUTHS: [[f64; 6]; 2] =
    [[0.10, -0.05, 0.15, 5.0, -4.0, 10.0], [-0.12, 0.08, -0.05, -6.0, 3.0, -8.0]];
pub const STARTS: [[f64; 6]; 2] =
    [[0.02, 0.10, 0.05, -3.0, 2.0, -15.0], [0.05, -0.06, 0.12, 4.0, 6.0, 12.0]];

pub fn volume() -> Volume<f32> {
    let detail = hashed("volume", DIMS.iter().product());
    let mut values = Vec::new();
    for (at, detail) in detail.into_iter().enumerate() {
        let index = [at % DIMS[0], at / DIMS[0] % DIMS[1], at / DIMS[0] / DIMS[1]];
        let at_01 = |axis: usize| index[axis] as f64 / (DIMS[axis] - 1) as f64;
        let [i, j, k] = [0, 1, 2].map(|axis| 2.0 * at_01(axis) - 1.0);
        let lump = (1.3 - (i * i + 1.2 * j * j + 1.1 * k * k + 0.3 * i * j)).max(0.0);
        values.push((lump * (1.0 + 0.3 * f64::from(detail))) as f32);
    }
    let affine = Affine::from_spacing([8.0, 9.0, 10.0], [-52.0, -49.5, -45.0]).unwrap();
    Volume::new(DIMS, values, affine).unwrap()
}

pub fn pivot() -> Vector3<f64> {
    Vector3::new(4.0, -3.0, 2.0)
}

pub fn poses(motions: &[[f64; 6]]) -> Vec<RigidTransform> {
    let to_pivot = Vector3::new(0.0, 0.0, 700.0) - pivot();
    let frontal = RigidTransform::new(Matrix3::identity(), to_pivot).unwrap();
    let pose = |motion: &[f64; 6]| {
        PivotMotion::from_vector(&Vector6::from_column_slice(motion)).apply(&frontal, pivot())
    };
    motions.iter().map(pose).collect()
}

pub fn network(normalization: Normalization, device: &Device) -> Network {
    let config = DualBranchConfig {
        size_px: SIZE_PX,
        trunk: vec![24, 16],
        head: vec![12, 8],
        normalization,
        dropout: 0.0,
    };
    with_hashed_weights(Network::new(&config.into(), 0, device).unwrap())
}

/// The baseline of plain encoders.
pub fn prost(normalization: Normalization, device: &Device) -> Network {
    let config = ProstConfig { size_px: SIZE_PX, normalization };
    with_hashed_weights(Network::new(&config.into(), 0, device).unwrap())
}

/// The baseline of composite encoders.
pub fn sopi(normalization: Normalization, device: &Device) -> Network {
    let config = SopiConfig { size_px: SIZE_PX, normalization, levels: 3 };
    with_hashed_weights(Network::new(&config.into(), 0, device).unwrap())
}

/// The X-rays, which have nothing to do with the volume.
fn xrays(name: &str, device: &Device) -> Tensor<4> {
    let [columns, rows] = SIZE_PX;
    let values: Vec<f32> = hashed(name, 2 * rows * columns)
        .into_iter()
        .map(|u| (0.5 + 0.5 * f64::from(u)) as f32)
        .collect();
    Tensor::from_data(TensorData::new(values, [2, 1, rows, columns]), device)
}

/// Calls with a batch of the first poses, as many as are wanted.
pub fn with_batch<T>(poses_wanted: usize, device: &Device, f: impl FnOnce(&Batch<'_>) -> T) -> T {
    let camera = Camera::new(1000.0, [4.0, 4.0], SIZE_PX).unwrap();
    let scene = Scene { camera: &camera, pivot_world_mm: pivot(), half_extent_mm: HALF_EXTENT_MM };
    f(&Batch {
        scene,
        relative_attenuation: &volume(),
        xrays: xrays("xrays", device).narrow(0, 0, poses_wanted),
        cameras_from_world: poses(&STARTS[..poses_wanted]),
        true_cameras_from_world: poses(&TRUTHS[..poses_wanted]),
    })
}

/// A step of both poses, with X-rays of a name.
pub fn step(network: &Network, objective: &Objective, name: &str, device: &Device) -> Step {
    let balance = Balance::new(Weighing::Learned, device);
    with_batch(2, device, |batch| {
        let batch = Batch { xrays: xrays(name, device), ..batch.clone() };
        batch.step(network, &balance, objective, 0).unwrap()
    })
}

/// The sum of the terms of `v . g` without their signs, over the batch: what its rounding is measured by.
pub fn contraction_terms(step: &Step, approximation: Approximation) -> f64 {
    let terms = step.found.iter().zip(&step.wanted).map(|(found, wanted)| {
        let slope = approximation.compare(found, wanted).slope;
        slope.component_mul(found).abs().sum() / step.found.len() as f64
    });
    terms.sum()
}
