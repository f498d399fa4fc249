//! Proves: every optimiser brings a radiograph into register from a start some degrees and
//! millimetres off, with the same trace whatever the number of threads.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::optimize::*;
use isocenter::project::{MarchAxis, Projector};
use isocenter::similarity::{Ncc, Similarity};
use isocenter::volume::{Affine, AttenuationVolume, Volume};
use nalgebra::{Vector3, Vector6};
use rayon::prelude::*;

/// NCC over radiographs along one marching axis, so that it is continuous in the pose.
struct Radiographs {
    projector: Projector,
    camera: Camera,
    axis: MarchAxis,
    similarity: Ncc,
}

impl Objective for Radiographs {
    fn pivot_world_mm(&self) -> Vector3<f64> {
        Vector3::zeros()
    }

    fn evaluate(&self, pose: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
        let pivot = self.pivot_world_mm();
        let jet = self.projector.jet_along(self.axis, &self.camera, pose, pivot)?;
        let model = self.similarity.gauss_newton(&jet)?;
        let (similarity, gradient) = (model.value, model.gradient);
        Ok(Evaluation { similarity, gradient, curvature: Some(model.curvature) })
    }

    fn similarities(&self, poses: &[RigidTransform]) -> Vec<f64> {
        let value = |pose| {
            let moving = self.projector.forward_along(self.axis, &self.camera, pose).ok()?;
            self.similarity.value(&moving).ok()
        };
        poses.par_iter().map(|pose| value(pose).unwrap_or(f64::NEG_INFINITY)).collect()
    }
}

/// A lopsided lump with a dense core off its middle, and its radiograph from the true pose.
fn radiographs(truth: &RigidTransform) -> Radiographs {
    let lump = |at: usize| {
        let [i, j, k] = [at % 32, at / 32 % 32, at / 1024].map(|n| n as f32 / 16.0 - 1.0);
        let core = (i - 0.3).powi(2) + (j + 0.1).powi(2) + 4.0 * (k - 0.4).powi(2);
        let dense = if core < 0.05 { 0.04 } else { 0.0 };
        let body = i * i + 2.0 * j * j + 3.0 * k * k + i * j * k;
        if body < 0.6 { 0.02 + 0.01 * i + dense } else { 0.0 }
    };
    let affine = Affine::from_spacing([4.0; 3], [-62.0; 3]).unwrap();
    let volume = Volume::new([32; 3], (0..32768).map(lump).collect(), affine).unwrap();
    let projector = Projector::new(AttenuationVolume::from_per_mm(volume).unwrap());
    let camera = Camera::new(1000.0, [6.0, 6.0], [40, 40]).unwrap();
    let axis = projector.march_axis(&camera, truth).unwrap();
    let xray = projector.forward_along(axis, &camera, truth).unwrap();
    Radiographs { projector, camera, axis, similarity: Ncc::new(&xray, None).unwrap() }
}

#[test]
fn every_optimizer_registers_a_radiograph() {
    let truth = View::AP.camera_from_world(Vector3::zeros(), 700.0);
    let objective = radiographs(&truth);
    let off = PivotMotion::from_vector(&Vector6::new(0.1, -0.08, 0.12, 6.0, -8.0, 15.0));
    let start = off.apply(&truth, Vector3::zeros());
    let descent = GradientDescentConfig { max_evaluations: 3000, ..Default::default() };
    let evolution = CmaEsConfig { seed: 1, ..Default::default() };
    let steps = MotionScales { rotation_deg: 1.0, in_plane_mm: 1.0, depth_mm: 10.0 }.components();
    let spread = MotionScales { rotation_deg: 5.0, in_plane_mm: 5.0, depth_mm: 15.0 }.components();
    let optimizers = || -> [(&str, Box<dyn Optimizer>); 3] {
        let marquardt = LevenbergMarquardt::new(LevenbergMarquardtConfig::default());
        [
            ("Levenberg-Marquardt", Box::new(marquardt)),
            ("gradient descent", Box::new(GradientDescent::new(&steps, descent).unwrap())),
            ("CMA-ES", Box::new(CmaEs::new(&spread, None, evolution).unwrap())),
        ]
    };
    let search = |threads: usize| -> Vec<(Optimum, Vec<Iteration>)> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let one = |(_, mut optimizer): (_, Box<dyn Optimizer>)| {
            let mut trace = Vec::new();
            let observe = &mut |i: &Iteration| trace.push(*i);
            let optimum = maximize(&objective, &start, optimizer.as_mut(), observe).unwrap();
            (optimum, trace)
        };
        // Optimisers need not be sent between threads; each is made where it runs.
        pool.install(|| optimizers().into_iter().map(one).collect())
    };
    let alone = search(1);
    for ((name, _), (optimum, trace)) in optimizers().iter().zip(&alone) {
        let left = PivotMotion::between(&truth, &optimum.camera_from_world, Vector3::zeros());
        let (turn_deg, shift_mm) = (left.omega_rad.norm().to_degrees(), left.tau_mm.norm());
        println!(
            "{name}: {turn_deg:.4} deg, {shift_mm:.4} mm, {} evaluations, {}",
            optimum.evaluations, optimum.termination
        );
        assert_eq!(trace[0].camera_from_world, start, "{name}");
        // A twentieth of a pixel at the patient's depth (4.2 mm) in the plane, and depth five times that.
        assert!(turn_deg < 0.2 && left.tau_mm.xy().norm() < 0.2 && shift_mm < 1.0, "{name}");
    }
    assert_eq!(search(2), alone);
}
