//! Proves: the pose gradient of L_net is that of finite differences; and steps of training make the pose
//! gradient of one pair of poses the geodesic one.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use isocenter::geometry::{PivotMotion, RigidTransform};
use isocenter::project::Projector;
use isocenter::volume::ChannelVolume;
use isocenter_net::layer::Context;
use isocenter_net::loss::{Approximation, Balance, DecompositionForm, Weighing};
use isocenter_net::network::{Network, NetworkConfig, Normalization};
use isocenter_net::scene::{Descent, PoseGradients};
use isocenter_net::step::{Batch, Objective};
use isocenter_net::train::{Optimizer, OptimizerConfig};
use isocenter_net::weights;
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
            arrays.extend(weights::gradients_of(&network, &step.residual_gradients).unwrap());
            optimizer.begin_step();
            network = optimizer.update("network.", network.clone(), &arrays, 1e-3).unwrap();
        }
        assert!(approximation < 0.05, "{approximation}");
    });
}
