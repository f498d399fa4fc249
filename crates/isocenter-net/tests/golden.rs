//! Proves: L_net, its pose gradients, the losses and the derivatives of the total loss for every
//! weight are those that PyTorch finds by double backward in f64, for both normalisations, both
//! numbers that are descended, both ways to compare gradients and both forms of L_decomp
//! (`tools/golden/network/golden.py` wrote the fixture from the network's description).
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::volume::{Affine, Volume};
use isocenter_net::loss::{Approximation, Balance, DecompositionForm, Weighing};
use isocenter_net::network::{Network, NetworkConfig, Normalization};
use isocenter_net::scene::{Descent, Scene};
use isocenter_net::step::{Batch, Objective, Step};
use nalgebra::{Matrix3, Vector3, Vector6};
use serde_json::Value;

const SIZE_PX: [usize; 2] = [64, 32];
const DIMS: [usize; 3] = [14, 12, 10];
const HALF_EXTENT_MM: f64 = 60.0;

const TRUTHS: [[f64; 6]; 2] =
    [[0.10, -0.05, 0.15, 5.0, -4.0, 10.0], [-0.12, 0.08, -0.05, -6.0, 3.0, -8.0]];
const STARTS: [[f64; 6]; 2] =
    [[0.02, 0.10, 0.05, -3.0, 2.0, -15.0], [0.05, -0.06, 0.12, 4.0, 6.0, 12.0]];

fn volume() -> Volume<f32> {
    let detail = support::hashed("volume", DIMS.iter().product());
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

fn pivot() -> Vector3<f64> {
    Vector3::new(4.0, -3.0, 2.0)
}

fn poses(motions: &[[f64; 6]]) -> Vec<RigidTransform> {
    let to_pivot = Vector3::new(0.0, 0.0, 700.0) - pivot();
    let frontal = RigidTransform::new(Matrix3::identity(), to_pivot).unwrap();
    let pose = |motion: &[f64; 6]| {
        PivotMotion::from_vector(&Vector6::from_column_slice(motion)).apply(&frontal, pivot())
    };
    motions.iter().map(pose).collect()
}

fn network(normalization: Normalization, device: &Device) -> Network {
    let config = NetworkConfig {
        size_px: SIZE_PX,
        trunk: vec![24, 16],
        head: vec![12, 8],
        normalization,
        dropout: 0.0,
    };
    support::with_hashed_weights(Network::new(&config, 0, device).unwrap())
}

fn step(network: &Network, objective: &Objective, device: &Device) -> Step {
    let camera = Camera::new(1000.0, [4.0, 4.0], SIZE_PX).unwrap();
    let scene = Scene { camera: &camera, pivot_world_mm: pivot(), half_extent_mm: HALF_EXTENT_MM };
    let [columns, rows] = SIZE_PX;
    let xrays: Vec<f32> = support::hashed("xrays", 2 * rows * columns)
        .into_iter()
        .map(|u| (0.5 + 0.5 * f64::from(u)) as f32)
        .collect();
    let batch = Batch {
        scene,
        relative_attenuation: &volume(),
        xrays: Tensor::from_data(TensorData::new(xrays, [2, 1, rows, columns]), device),
        cameras_from_world: poses(&STARTS),
        true_cameras_from_world: poses(&TRUTHS),
    };
    batch.step(network, &Balance::new(Weighing::Learned, device), objective, 0).unwrap()
}

fn setting<T: serde::de::DeserializeOwned>(case: &Value, name: &str) -> T {
    serde_json::from_value(case[name].clone()).unwrap()
}

fn number(case: &Value, name: &str) -> f64 {
    case[name].as_f64().unwrap()
}

fn close(what: &str, found: f64, expected: f64, scale: f64, tolerance: f64) {
    let off = (found - expected).abs() / scale;
    assert!(
        off < tolerance,
        "{what}: {found:e}, expected {expected:e}, off by {off:e} of {scale:e}"
    );
}

#[test]
fn everything_is_what_pytorch_finds() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/network.json")).unwrap();
    let device = Device::flex().autodiff();
    for case in fixture["cases"].as_array().unwrap() {
        let network = network(setting(case, "normalization"), &device);
        let objective = Objective {
            descent: setting::<Descent>(case, "descent"),
            approximation: setting::<Approximation>(case, "approximation"),
            decomposition: setting::<DecompositionForm>(case, "form"),
        };
        let step = step(&network, &objective, &device);
        // Single precision through some forty layers keeps five digits or so of a value.
        close(
            "L_appro",
            step.approximation,
            number(case, "l_appro"),
            number(case, "l_appro"),
            1e-3,
        );
        close("NCC global", step.ncc_global, number(case, "ncc_global"), 1.0, 1e-4);
        close("NCC local", step.ncc_local, number(case, "ncc_local"), 1.0, 1e-4);
        close("L_decomp", step.decomposition, number(case, "l_decomp"), 1.0, 1e-4);
        close("total", step.loss, number(case, "total"), number(case, "total"), 1e-3);

        let wanted: Vec<Vec<f64>> = setting(case, "targets");
        let found: Vec<Vec<f64>> = setting(case, "pose_gradients");
        for (n, (wanted, found)) in wanted.iter().zip(&found).enumerate() {
            let largest = |v: &[f64]| v.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            for c in 0..6 {
                close("geodesic", step.wanted[n][c], wanted[c], largest(wanted), 1e-9);
                close("pose gradient", step.found[n][c], found[c], largest(found), 1e-3);
            }
        }
        // The tangent of the output is the contraction of the reverse gradient.
        let scale = step.contraction.abs().max(1e-3);
        close("v . g", step.tangent, step.contraction, scale, 1e-3);
        compare_weights(case, &network, &step);
    }
}

/// Weight for weight, relative to the largest gradient of the part of the network it is in: a bias in
/// front of a normalisation has none.
fn compare_weights(case: &Value, network: &Network, step: &Step) {
    let expected: std::collections::BTreeMap<String, [f64; 2]> = setting(case, "weight_gradients");
    let mut found = support::summed_up(network, &step.gradients);
    found.extend(support::summed_up(network, &step.residual_gradients));
    let part = |name: &str| name.split('.').take(2).collect::<Vec<_>>().join(".");
    let mut compared = 0;
    for (name, found) in &found {
        let [length, product] = expected[name.as_str()];
        let largest = expected
            .iter()
            .filter(|(other, _)| part(other) == part(name))
            .fold(0.0_f64, |largest, (_, [length, _])| largest.max(*length));
        close(name, found[0], length, largest, 1e-3);
        close(name, found[1], product, largest, 1e-3);
        compared += 1;
    }
    assert_eq!(compared, expected.len(), "every weight has a gradient");
    assert!(network.num_params() > 300_000);
}
