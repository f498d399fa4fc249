//! Proves: the pose gradient of L_net and the total loss's derivative for weights are those of finite
//! differences; what dropout leaves out and the statistics of the batch are the same in both passes; and
//! steps of training make the pose gradient of one pair of poses the geodesic one.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use isocenter::geometry::{PivotMotion, RigidTransform};
use isocenter::project::Projector;
use isocenter::volume::ChannelVolume;
use isocenter_net::layer::Context;
use isocenter_net::loss::{Approximation, Balance, DecompositionForm, Weighing};
use isocenter_net::metric::PoseMetric;
use isocenter_net::moving_projector::MovingProjector;
use isocenter_net::network::{DualBranchConfig, Network, Normalization};
use isocenter_net::scene::{Descent, PoseGradients};
use isocenter_net::step::{Batch, Objective};
use isocenter_net::train::{Optimizer, OptimizerConfig};
use isocenter_net::weights::{self, Array};
use nalgebra::Vector6;
use support::case::{SIZE_PX, contraction_terms, network, sopi, with_batch};
use support::hashed;

const DIRECTION: Objective = Objective {
    descent: Descent::Sum,
    approximation: Approximation::Direction,
    decomposition: DecompositionForm::Bounded,
    metric: PoseMetric::Radiograph,
};

fn device() -> Device {
    Device::flex().autodiff()
}

#[test]
fn poses_by_finite_differences() {
    check_poses(&network(Normalization::Group, &device()).valid());
    // Of one channel.
    check_poses(&sopi(Normalization::Group, &device()).valid());
}

fn check_poses(network: &Network) {
    with_batch(1, &Device::flex(), |batch| {
        let pass = network.residual().forward(batch.relative_attenuation).unwrap();
        let projector = MovingProjector::new(&pass, PoseMetric::Pose).unwrap();
        let mut context = Context::inference();
        let xray = network.xray_features(batch.xrays.clone(), &mut context).unwrap();
        let mut at = |pose: &RigidTransform| -> PoseGradients {
            let (scene, poses) = (batch.scene, [*pose]);
            scene
                .pose_gradients(network, Descent::Sum, &projector, &xray, &poses, &mut context)
                .unwrap()
        };
        let pose = batch.cameras_from_world[0];
        let found = at(&pose).gradients[0];
        let h = batch.scene.half_extent_mm;
        for component in 0..6 {
            let half_step = 2e-4;
            let mut value = |sign: f64| {
                let mut motion = Vector6::zeros();
                motion[component] = sign * half_step * if component < 3 { 1.0 } else { h };
                let motion = PivotMotion::from_vector(&motion);
                at(&motion.apply(&pose, batch.scene.pivot_world_mm)).values[0]
            };
            let difference = (value(1.0) - value(-1.0)) / (2.0 * half_step);
            // Seven digits of a value; within a longer step ReLU bends, and rays meet other voxels.
            assert!(
                (difference - found[component]).abs() < 0.02 * found.amax(),
                "component {component}: {difference} by differences, {} found",
                found[component]
            );
        }
    });
}

/// A direction in the weights of a part of the network: hashed numbers, as large as first weights.
fn direction(network: &Network, part: &str, number: usize) -> BTreeMap<String, Vec<f32>> {
    let weights = weights::of(network).unwrap();
    let of_part = weights.into_iter().filter(|(path, _)| path.starts_with(part));
    let one = |(path, Array { shape, values }): (String, Array)| {
        let bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        let numbers = hashed(&format!("{path} {number}"), values.len());
        (path, numbers.into_iter().map(|n| bound * n).collect())
    };
    of_part.map(one).collect()
}

/// The network with its weights moved along a direction.
fn moved(network: &Network, direction: &BTreeMap<String, Vec<f32>>, by: f64) -> Network {
    let change = |path: &str, values: &mut [f32], _: &[usize]| {
        if let Some(direction) = direction.get(path) {
            values.iter_mut().zip(direction).for_each(|(value, d)| *value += by as f32 * d);
        }
        Ok(())
    };
    weights::changed(network.clone(), change).unwrap()
}

/// The pose gradient jumps where a ReLU switches, which differences of it count and the derivative does
/// not. Behind the encoder's convolutions there are few, so that within a very short step most directions
/// meet none; for the weights in front of many pixels the comparison with another program stands
/// (`golden.rs`).
#[test]
fn weights_by_finite_differences() {
    const DIRECTIONS: usize = 7;
    const HALF_STEP: f64 = 1e-5;
    // Of a loss of 2 in single precision.
    const ROUNDING: f64 = 2.0 * 2.0 * 1.2e-7 / (2.0 * HALF_STEP);
    let config = DualBranchConfig {
        size_px: SIZE_PX,
        trunk: vec![24, 16],
        head: vec![12, 8],
        dropout: 0.0,
        ..DualBranchConfig::compact()
    };
    let network = Network::new(&config.into(), 1, &device()).unwrap();
    let balance = Balance::new(Weighing::Learned, &device());
    with_batch(2, &device(), |batch| {
        let step = |network: &Network| batch.step(network, &balance, &DIRECTION, 0).unwrap();
        let gradients = weights::gradients_of(&network, &step(&network).gradients).unwrap();
        let along = |direction: &BTreeMap<String, Vec<f32>>| -> f64 {
            let products = |(path, d): (&String, &Vec<f32>)| -> f64 {
                let g = &gradients[path].values;
                g.iter().zip(d).map(|(&g, &d)| f64::from(g) * f64::from(d)).sum()
            };
            direction.iter().map(products).sum()
        };
        for part in ["global.", "local.", "xray.", "moving.", "encoder.stages.3"] {
            let (mut off, mut largest) = (Vec::new(), 0.0_f64);
            for number in 0..DIRECTIONS {
                let direction = direction(&network, part, number);
                let loss = |by| step(&moved(&network, &direction, by)).loss;
                let difference = (loss(HALF_STEP) - loss(-HALF_STEP)) / (2.0 * HALF_STEP);
                let found = along(&direction);
                off.push((difference - found).abs());
                largest = largest.max(found.abs());
            }
            off.sort_by(f64::total_cmp);
            let middle = off[DIRECTIONS / 2];
            assert!(largest > 5.0 * ROUNDING, "{part}: {largest}");
            assert!(middle < 0.02 * largest + ROUNDING, "{part}: {off:?}, largest {largest}");
        }
    });
}

/// What the volume looks like from the true pose, in [0, 1].
fn radiograph(batch: &Batch<'_>) -> Tensor<4> {
    let volume = ChannelVolume::new(vec![batch.relative_attenuation.clone()]).unwrap();
    let projector = Projector::new(volume);
    let truth = &batch.true_cameras_from_world[0];
    let exposure = projector.expose(batch.scene.camera, truth).unwrap();
    let mut image = vec![0.0; exposure.image_len()];
    exposure.forward_into(&mut image).unwrap();
    let largest = image.iter().fold(0.0_f32, |a, &b| a.max(b));
    image.iter_mut().for_each(|pixel| *pixel /= largest);
    let [columns, rows] = SIZE_PX;
    Tensor::from_data(TensorData::new(image, [1, 1, rows, columns]), &device())
}

/// Were other elements left out in the second pass, or other statistics taken, its tangent would be that
/// of another network.
#[test]
fn both_passes_leave_out_the_same() {
    let config = DualBranchConfig {
        size_px: SIZE_PX,
        trunk: vec![24, 16],
        head: vec![12],
        normalization: Normalization::Batch,
        dropout: 0.4,
    };
    let network = Network::new(&config.into(), 5, &device()).unwrap();
    let network = support::with_hashed_weights(network);
    let balance = Balance::new(Weighing::Learned, &device());
    with_batch(2, &device(), |batch| {
        let step = |seed| batch.step(&network, &balance, &DIRECTION, seed).unwrap();
        let one = step(1);
        let scale = contraction_terms(&one, DIRECTION.approximation);
        // Single precision; the terms may cancel each other.
        let off = (one.tangent - one.contraction).abs() / scale;
        assert!(off < 1e-5, "{} {} of {scale}", one.tangent, one.contraction);
        // What is left out follows the seed, and changes a lot.
        assert_eq!(step(1).found, one.found);
        let other = step(2);
        let off = (other.found[0] - one.found[0]).norm() / one.found[0].norm();
        assert!(off > 1e-2, "{off}");
    });
}

#[test]
fn one_pair_of_poses_is_learned() {
    let config = DualBranchConfig {
        size_px: SIZE_PX,
        trunk: vec![64, 32],
        head: vec![16],
        dropout: 0.0,
        ..DualBranchConfig::compact()
    };
    let mut network = Network::new(&config.into(), 1, &device()).unwrap();
    let mut optimizer =
        Optimizer::new(OptimizerConfig::AdamW { betas: [0.9, 0.999], weight_decay: 0.0 });
    with_batch(1, &device(), |batch| {
        let batch = Batch { xrays: radiograph(batch), ..batch.clone() };
        let balance = Balance::new(Weighing::Fixed([1.0, 0.1]), &device());
        let mut approximation = f64::NAN;
        for number in 0..1000 {
            let step = batch.step(&network, &balance, &DIRECTION, number).unwrap();
            approximation = step.approximation;
            if approximation < 0.05 {
                break;
            }
            let mut arrays = weights::gradients_of(&network, &step.gradients).unwrap();
            let of_residual = step.residual_gradients.unwrap();
            arrays.extend(weights::gradients_of(&network, &of_residual).unwrap());
            optimizer.begin_step();
            network = optimizer.update("network.", network.clone(), &arrays, 1e-3).unwrap();
        }
        assert!(approximation < 0.05, "{approximation}");
    });
}
