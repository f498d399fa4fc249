//! Times one training step of `compact` at 128 x 128 with a cube of voxels, and one iteration of the
//! network stage.
//!
//!     cargo run --release -p isocenter-net --example step_speed -- 64
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for the table of results")]

use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use isocenter::geometry::{Camera, PivotMotion, View};
use isocenter::volume::{Affine, Volume};
use isocenter_net::Network;
use isocenter_net::layer::Context;
use isocenter_net::loss::{Approximation, Balance, DecompositionForm, Weighing};
use isocenter_net::metric::PoseMetric;
use isocenter_net::moving_projector::MovingProjector;
use isocenter_net::network::DualBranchConfig;
use isocenter_net::objective::NetworkObjective;
use isocenter_net::scene::{Descent, Scene};
use isocenter_net::step::{Batch, Objective};
use nalgebra::{Vector3, Vector6};

fn main() {
    let side: usize = std::env::args().nth(1).map_or(64, |side| side.parse().unwrap());
    let device = Device::flex().autodiff();
    let network = Network::new(&DualBranchConfig::compact().into(), 1, &device).unwrap();
    let balance = Balance::new(Weighing::Learned, &device);
    let spacing = 300.0 / side as f64;
    let affine = Affine::from_spacing([spacing; 3], [-150.0 + spacing / 2.0; 3]).unwrap();
    let voxel = |at: usize| {
        let of = |n: usize| 2.0 * (n % side) as f32 / side as f32 - 1.0;
        let [i, j, k] = [of(at), of(at / side), of(at / side / side)];
        if i * i + 1.5 * j * j + k * k * 0.7 < 0.8 {
            1.0 + 0.3 * (20.0 * i * j + k).sin()
        } else {
            0.0
        }
    };
    let voxels = (0..side.pow(3)).map(voxel).collect();
    let volume = Volume::new([side; 3], voxels, affine).unwrap();
    let camera = Camera::new(1000.0, [2.8, 2.8], [128, 128]).unwrap();
    let pivot = Vector3::zeros();
    let scene = Scene { camera: &camera, pivot_world_mm: pivot, half_extent_mm: 150.0 };
    let truth = View::AP.camera_from_world(pivot, 700.0);
    let off = PivotMotion::from_vector(&Vector6::new(0.1, -0.2, 0.1, 10.0, -20.0, 30.0));
    let start = off.apply(&truth, pivot);
    let xrays: Vec<f32> = (0..128 * 128).map(|n| 0.5 + 0.5 * (n as f32 * 0.01).sin()).collect();
    let xrays = Tensor::from_data(TensorData::new(xrays, [1, 1, 128, 128]), &device);
    let batch = Batch {
        scene,
        relative_attenuation: &volume,
        xrays: xrays.clone(),
        cameras_from_world: vec![start],
        true_cameras_from_world: vec![truth],
    };
    let objective = Objective {
        descent: Descent::Sum,
        approximation: Approximation::Direction,
        decomposition: DecompositionForm::Bounded,
        metric: PoseMetric::Radiograph,
    };
    let mut seconds = Vec::new();
    for seed in 0..8 {
        let begun = Instant::now();
        let step = batch.step(&network, &balance, &objective, seed).unwrap();
        seconds.push(begun.elapsed().as_secs_f64());
        println!("step {seed}: {:.3} s, loss {:.4}", seconds[seconds.len() - 1], step.loss);
    }
    seconds.sort_by(f64::total_cmp);
    println!("training step, {side}^3 voxels: median {:.3} s", seconds[seconds.len() / 2]);

    let network = burn::module::Module::valid(&network);
    let pass = network.residual().forward(&volume).unwrap();
    let projector = MovingProjector::new(&pass, objective.metric).unwrap();
    let mut context = Context::inference();
    let xray = network.xray_features(xrays.without_autodiff(), &mut context).unwrap();
    let objective = NetworkObjective::new(&network, Descent::Sum, scene, &projector, &xray);
    let mut seconds: Vec<f64> = (0..100)
        .map(|_| {
            let begun = Instant::now();
            objective.at(&start).unwrap();
            begun.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!("network stage, one iteration: median {:.1} ms", 1e3 * seconds[seconds.len() / 2]);
}
