//! Proves: the regressor's outputs and their derivatives for every weight are those that PyTorch finds in
//! f64, for both normalisations (`tools/golden/network/regressor.py` wrote the fixture from the description
//! of the layers); it begins at the pose of the view; steps of training bring the pose that it says
//! to the true one; CTs and X-rays of another size are refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use isocenter::geometry::{Camera, PivotMotion};
use isocenter_net::layer::{Context, Statistics};
use isocenter_net::network::Normalization;
use isocenter_net::regressor::step::RegressionBatch;
use isocenter_net::regressor::{Observation, Regressor, RegressorConfig};
use isocenter_net::train::{Optimizer, OptimizerConfig};
use isocenter_net::weights;
use serde_json::Value;
use support::{case, hashed, with_hashed_weights};

const SIDE: usize = 64;
const BATCH: usize = 2;

fn config(normalization: Normalization) -> RegressorConfig {
    RegressorConfig {
        size_px: [SIDE, SIDE],
        normalization,
        dropout: 0.0,
        ..RegressorConfig::published()
    }
}

fn device() -> Device {
    Device::flex().autodiff()
}

/// Hashed numbers between 0 and 1.
fn inputs<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    let u = hashed(name, shape.iter().product()).into_iter().map(f64::from);
    let values: Vec<f32> = u.map(|u| (0.5 + 0.5 * u) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

/// With hashed weights; what the last layer adds lies about the middle of the range.
fn hashed_regressor(normalization: Normalization) -> Regressor {
    let regressor = Regressor::new(&config(normalization), 0, &device()).unwrap();
    let middle = |path: &str, values: &mut [f32], _: &[usize]| {
        if path == "last.bias" {
            values.iter_mut().for_each(|value| *value += 3.0);
        }
        Ok(())
    };
    weights::changed(with_hashed_weights(regressor), middle).unwrap()
}

#[test]
fn everything_is_what_pytorch_finds() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/regressor.json")).unwrap();
    for case in fixture["cases"].as_array().unwrap() {
        let normalization = serde_json::from_value(case["normalization"].clone()).unwrap();
        let regressor = hashed_regressor(normalization);
        let side = SIDE / 2;
        let (cubes, xrays) = (
            inputs("cubes", [BATCH, 1, side, side, side]),
            inputs("xrays, again", [BATCH, 1, SIDE, SIDE]),
        );
        let mut context = Context::training(Statistics::Batch, 0);
        let outputs = regressor.forward(cubes, xrays, &mut context).unwrap();
        let found = outputs.clone().without_autodiff().try_into_vec_as::<f32>().unwrap();
        let expected: Vec<Vec<f64>> = serde_json::from_value(case["outputs"].clone()).unwrap();
        // Most are between the ends of ReLU6.
        let inner = expected.iter().flatten().filter(|&&x| x > 0.01 && x < 0.99).count();
        assert!(inner > 6, "{expected:?}");
        for (found, expected) in found.iter().zip(expected.iter().flatten()) {
            // Single precision through some thirty layers.
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} {expected}");
        }
        let slopes = TensorData::new(hashed("slopes", BATCH * 6), [BATCH, 6]);
        let gradients = (outputs * Tensor::from_data(slopes, &device())).sum().backward();
        let expected = serde_json::from_value(case["weight_gradients"].clone()).unwrap();
        support::compare_gradients(&expected, &support::summed_up(&regressor, &gradients));
    }
}

/// Calls with an observation of the small scene of other tests, true poses and a camera.
fn with_batch<T>(f: impl FnOnce(&RegressionBatch<'_>) -> T) -> T {
    let volume = case::volume();
    let camera = Camera::new(1000.0, [3.0, 3.0], [32, 32]).unwrap();
    let nominal = case::poses(&[[0.0; 6]; BATCH]);
    let truths = case::poses(&case::TRUTHS);
    let projector = isocenter::project::Projector::new(
        isocenter::volume::ChannelVolume::new(vec![volume.clone()]).unwrap(),
    );
    let mut xrays = Vec::new();
    for truth in &truths {
        let exposure = projector.expose(&camera, truth).unwrap();
        let mut image = vec![0.0; exposure.image_len()];
        exposure.forward_into(&mut image).unwrap();
        let largest = image.iter().copied().fold(0.0, f32::max);
        xrays.extend(image.iter().map(|value| value / largest));
    }
    f(&RegressionBatch {
        observation: Observation {
            relative_attenuation: &volume,
            pivot_world_mm: case::pivot(),
            xrays: &xrays,
            nominal_cameras_from_world: &nominal,
        },
        camera: &camera,
        true_cameras_from_world: &truths,
    })
}

fn small() -> Regressor {
    let config =
        RegressorConfig { size_px: [32, 32], cube_mm: 140.0, ..config(Normalization::Group) };
    Regressor::new(&config, 1, &device()).unwrap()
}

#[test]
fn it_begins_at_the_pose_of_the_view() {
    with_batch(|batch| {
        let observation = &batch.observation;
        let said = observation.poses(&small().valid()).unwrap();
        for (said, nominal) in said.iter().zip(observation.nominal_cameras_from_world) {
            let off = PivotMotion::between(nominal, said, case::pivot());
            // First weights say little: within a third of the ranges, 20 degrees, 30 and 75 mm.
            assert!(off.omega_rad.amax() < 0.12, "{off:?}");
            assert!(off.tau_mm.xy().amax() < 10.0 && off.tau_mm.z.abs() < 25.0, "{off:?}");
        }
    });
}

#[test]
fn steps_bring_the_pose_to_the_true_one() {
    let mut regressor = small();
    let kind = OptimizerConfig::AdamW { betas: [0.9, 0.999], weight_decay: 0.0 };
    let mut optimizer = Optimizer::new(kind);
    let losses: Vec<f64> = with_batch(|batch| {
        let one = |number: u64| {
            let step = batch.step(&regressor, number).unwrap();
            let gradients = weights::gradients_of(&regressor, &step.gradients).unwrap();
            optimizer.begin_step();
            regressor = optimizer.update("", regressor.clone(), &gradients, 1e-3).unwrap();
            step.loss
        };
        (0..60).map(one).collect()
    });
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(last < 0.4 * first, "{first} to {last}: {losses:?}");
}

#[test]
fn other_sizes_are_refused() {
    let regressor = small();
    let refused = |cubes: [usize; 5], xrays: [usize; 4]| {
        let (cubes, xrays) = (inputs("cubes", cubes), inputs("xrays", xrays));
        let found = regressor.forward(cubes, xrays, &mut Context::inference());
        found.unwrap_err().to_string()
    };
    let text = refused([1, 1, 16, 16, 8], [1, 1, 32, 32]);
    assert!(text.contains("the CT has the shape [1, 1, 16, 16, 8]"), "{text}");
    let text = refused([1, 1, 16, 16, 16], [1, 1, 64, 64]);
    assert!(text.contains("the X-ray has the shape") && text.contains("32, 32]"), "{text}");
    let text = refused([2, 1, 16, 16, 16], [1, 1, 32, 32]);
    assert!(text.contains("the CT has the shape [2"), "{text}");
}
