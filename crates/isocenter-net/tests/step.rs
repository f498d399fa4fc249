//! Proves: the derivative of the whole step for the weights is that of finite differences of its loss, part
//! by part of the network; so is the pose gradient of L_net; and steps along it make the pose gradient
//! of one pair of poses the geodesic one.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::module::Module;
use burn::tensor::Device;
use isocenter::geometry::{PivotMotion, RigidTransform};
use isocenter::project::Projector;
use isocenter_net::layer::Context;
use isocenter_net::loss::{Approximation, Balance, DecompositionForm, Weighing};
use isocenter_net::network::{Network, NetworkConfig, Normalization};
use isocenter_net::scene::{Descent, PoseGradients};
use isocenter_net::step::{Batch, Objective};
use isocenter_net::train::{Optimizer, OptimizerConfig};
use isocenter_net::weights::{self, Arrays};
use nalgebra::Vector6;
use support::case::{SIZE_PX, network, with_batch};

const DIRECTION: Objective = Objective {
    descent: Descent::Sum,
    approximation: Approximation::Direction,
    decomposition: DecompositionForm::Bounded,
};

fn device() -> Device {
    Device::flex().autodiff()
}

/// All derivatives of a step.
fn gradients(network: &Network, batch: &Batch<'_>, objective: &Objective) -> (f64, Arrays) {
    let balance = Balance::new(Weighing::Fixed([1.0, 1.0]), &device());
    let step = batch.step(network, &balance, objective, 0).unwrap();
    let mut arrays = weights::gradients_of(network, &step.gradients).unwrap();
    arrays.extend(weights::gradients_of(network, &step.residual_gradients).unwrap());
    (step.loss, arrays)
}

/// The network, the weights of a part moved along hashed directions.
fn moved(network: &Network, part: &str, by: f64) -> Network {
    let change = |path: &str, values: &mut [f32], _: &[usize]| {
        if path.starts_with(part) {
            let direction = support::hashed(&format!("direction {path}"), values.len());
            values.iter_mut().zip(direction).for_each(|(v, d)| *v += by as f32 * d);
        }
        Ok(())
    };
    weights::changed(network.clone(), change).unwrap()
}

fn along(gradients: &Arrays, part: &str) -> f64 {
    let of_path = |(path, array): (&String, &weights::Array)| -> f64 {
        let direction = support::hashed(&format!("direction {path}"), array.values.len());
        array.values.iter().zip(direction).map(|(&g, d)| f64::from(g) * f64::from(d)).sum()
    };
    gradients.iter().filter(|(path, _)| path.starts_with(part)).map(of_path).sum()
}

#[test]
fn weights_by_finite_differences() {
    let network = network(Normalization::Group, &device());
    let geodesic = Objective {
        descent: Descent::SigmoidProduct,
        approximation: Approximation::Geodesic,
        ..DIRECTION
    };
    for objective in [DIRECTION, geodesic] {
        with_batch(2, &device(), |batch| {
            let (_, gradients) = gradients(&network, batch, &objective);
            let parts = ["encoder.stages.", "xray.", "moving.", "global.", "local."];
            let largest = parts.map(|part| along(&gradients, part).abs()).into_iter();
            let largest = largest.fold(0.0, f64::max);
            for part in parts {
                let half_step = 2e-4;
                let loss = |by| self::gradients(&moved(&network, part, by), batch, &objective).0;
                let difference = (loss(half_step) - loss(-half_step)) / (2.0 * half_step);
                let found = along(&gradients, part);
                println!("{part} {difference} {found}");
                // Losses have six digits; where ReLU bends, the difference is of first order only.
                let tolerance = 0.02 * found.abs() + 0.005 * largest;
                assert!(
                    (difference - found).abs() < tolerance,
                    "{part}: {difference} by differences, {found} by the step"
                );
            }
        });
    }
}

#[test]
fn poses_by_finite_differences() {
    let network = network(Normalization::Group, &device()).valid();
    with_batch(1, &Device::flex(), |batch| {
        let pass = network.residual.forward(batch.relative_attenuation).unwrap();
        let projector = Projector::new(pass.channels().unwrap());
        let mut context = Context::inference();
        let xray = network.xray_features(batch.xrays.clone(), &mut context).unwrap();
        let mut at = |pose: &RigidTransform| -> PoseGradients {
            let (scene, poses) = (batch.scene, [*pose]);
            scene
                .pose_gradients(&network, Descent::Sum, &projector, &xray, &poses, &mut context)
                .unwrap()
        };
        let pose = batch.cameras_from_world[0];
        let found = at(&pose).gradients[0];
        let h = batch.scene.half_extent_mm;
        for component in 0..6 {
            for half_step in [2e-4, 1e-3, 2e-3, 5e-3, 1e-2] {
            let mut value = |sign: f64| {
                let mut motion = Vector6::zeros();
                motion[component] = sign * half_step * if component < 3 { 1.0 } else { h };
                let motion = PivotMotion::from_vector(&motion);
                at(&motion.apply(&pose, batch.scene.pivot_world_mm)).values[0]
            };
            let difference = (value(1.0) - value(-1.0)) / (2.0 * half_step);
            println!("{component} {half_step} {difference} {}", found[component]);
            if half_step != 2e-3 { continue; }
            // Six digits of a value, over a step in which ReLU bends and rays meet other voxels.
            assert!(
                (difference - found[component]).abs() < 0.02 * found.amax(),
                "component {component}: {difference} by differences, {} found",
                found[component]
            );
            }
        }
    });
}

#[test]
fn one_pair_of_poses_is_learned() {
    let config = NetworkConfig {
        size_px: SIZE_PX,
        trunk: vec![64, 32],
        head: vec![16],
        dropout: 0.0,
        ..NetworkConfig::compact()
    };
    let mut network = Network::new(&config, 1, &device()).unwrap();
    let mut optimizer =
        Optimizer::new(OptimizerConfig::AdamW { betas: [0.9, 0.999], weight_decay: 0.0 });
    with_batch(1, &device(), |batch| {
        let balance = Balance::new(Weighing::Fixed([1.0, 0.1]), &device());
        let mut approximation = f64::NAN;
        for number in 0..600 {
            let step = batch.step(&network, &balance, &DIRECTION, number).unwrap();
            approximation = step.approximation;
            if number % 50 == 0 { println!("{number} {approximation} {:?} {:?}", step.found[0], step.wanted[0]); }
            if approximation < 0.05 {
                break;
            }
            let mut arrays = weights::gradients_of(&network, &step.gradients).unwrap();
            arrays.extend(weights::gradients_of(&network, &step.residual_gradients).unwrap());
            optimizer.begin_step();
            network = optimizer.update("network.", network.clone(), &arrays, 3e-4).unwrap();
        }
        println!("{approximation}");
        assert!(approximation < 0.05, "{approximation}");
    });
}
