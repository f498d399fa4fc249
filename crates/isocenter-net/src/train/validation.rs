//! What a network can do on poses and CTs that it is not trained on, as it is used: with running
//! statistics, nothing left out.

use std::collections::BTreeMap;

use isocenter::evaluate::statistics::median;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::optimize::{DirectionDescentConfig, Objective, maximize};
use nalgebra::Vector6;
use serde::{Deserialize, Serialize};

use super::patient::TrainingPatient;
use super::sample::{Sample, Source};
use super::trainer::cosines;
use crate::error::NetError;
use crate::layer::Context;
use crate::loss::geodesic_gradient;
use crate::metric::PoseMetric;
use crate::model::Model;
use crate::moving_projector::MovingProjector;
use crate::network::{Features, Network};
use crate::objective::NetworkObjective;
use crate::regressor::Regressor;
use crate::scene::{Descent, Scene};
use crate::xray::NetworkXray;

/// What was measured on a group of CTs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Gradients {
    /// Poses that it is the mean of.
    pub poses: usize,
    /// Mean cosine between the network's pose gradient and the geodesic one, rotations.
    pub cosine_rotation: f64,
    /// The same of translations.
    pub cosine_translation: f64,
    /// The part of poses at which the gradient has the right sign in depth.
    pub depth_sign: f64,
}

/// Registrations by the network alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Registrations {
    /// How many.
    pub count: usize,
    /// Median of the mean target registration errors at the start (mm).
    pub start_mtre_mm: f64,
    /// And at the end.
    pub end_mtre_mm: f64,
    /// The part that ends below 10 mm.
    pub success: f64,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Validation {
    /// A network's gradients at new poses of CTs that are trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained: Option<Gradients>,
    /// The same of CTs that are held out, if there are any.
    pub held_out: Option<Gradients>,
    /// Registrations of the former; those of a regressor go out from the poses of the views.
    pub trained_registrations: Option<Registrations>,
    /// Registrations of the latter.
    pub held_out_registrations: Option<Registrations>,
}

/// A registration that ends below this is a success (mm).
const SUCCESS_MM: f64 = 10.0;

/// Measures what is trained; `registers` also lets a network register, which a regressor always does.
///
/// # Errors
/// If nothing can be rendered.
pub fn validate(model: &Model, source: &Source, registers: bool) -> Result<Validation, NetError> {
    let mut gradients: BTreeMap<bool, Vec<[f64; 3]>> = BTreeMap::new();
    let mut errors: BTreeMap<bool, Vec<[f64; 2]>> = BTreeMap::new();
    let config = &source.config;
    for (number, patient) in source.patients.iter().enumerate() {
        let samples = (0..config.validation.poses).map(|pose| source.validation(number, pose));
        match model {
            Model::Network(network) => {
                let pass = network.residual().forward(&patient.moving.relative_attenuation)?;
                let projector = MovingProjector::new(&pass, config.objective.metric)?;
                for (pose, sample) in samples.enumerate() {
                    let case = Case::new(network, source, &projector, sample?)?;
                    gradients.entry(patient.held_out).or_default().push(case.gradients()?);
                    if registers && pose < config.validation.registrations {
                        errors.entry(patient.held_out).or_default().push(case.registers()?);
                    }
                }
            }
            Model::Regressor(regressor) => {
                for sample in samples {
                    let found = regressed(regressor, patient, &sample?)?;
                    errors.entry(patient.held_out).or_default().push(found);
                }
            }
        }
    }
    let gradients = |held_out| gradients.get(&held_out).map(|of| Gradients::of(of));
    let registrations = |held_out| errors.get(&held_out).map(|of| Registrations::of(of));
    Ok(Validation {
        trained: gradients(false),
        held_out: gradients(true),
        trained_registrations: registrations(false),
        held_out_registrations: registrations(true),
    })
}

/// Errors of the view's pose and of the one that a regressor says (mm).
fn regressed(
    regressor: &Regressor,
    patient: &TrainingPatient,
    sample: &Sample,
) -> Result<[f64; 2], NetError> {
    let said = sample.observation(patient).poses(regressor)?;
    let truth = &sample.true_cameras_from_world[0];
    let poses = [&sample.cameras_from_world[0], &said[0]];
    Ok(poses.map(|pose| patient.targets.mtre_mm(pose, truth)))
}

/// The learned similarity along one axis of motion through a true pose.
#[derive(Debug, Clone, PartialEq)]
pub struct Landscape {
    /// How far from the true pose: degrees for the first three axes, else millimetres.
    pub offsets: Vec<f64>,
    /// Minus L_net there.
    pub learned: Vec<f64>,
    /// Minus L_geo there, stretched to the range of the former.
    pub geodesic: Vec<f64>,
}

/// Places to either side of the true pose, and how far they reach: rotations (degrees), in plane, in
/// depth (mm).
const STEPS: i32 = 10;
const REACH: [f64; 6] = [20.0, 20.0, 20.0, 30.0, 30.0, 100.0];

/// What the network has learned about the first held-out X-ray of a CT, along all six axes.
///
/// # Errors
/// If there is no such CT, or the true pose cannot be rendered.
pub fn landscape(
    network: &Network,
    source: &Source,
    patient: usize,
) -> Result<Vec<Landscape>, NetError> {
    let sample = source.validation(patient, 0)?;
    let (of, _) = source.scene_of(&sample)?;
    let pass = network.residual().forward(&of.moving.relative_attenuation)?;
    // Only values are shown.
    let projector = MovingProjector::new(&pass, PoseMetric::Pose)?;
    let case = Case::new(network, source, &projector, sample)?;
    let truth = case.sample.true_cameras_from_world[0];
    let (pivot, h) = (of.pivot_world_mm, of.moving.half_extent_mm);
    let objective = case.objective();
    let along = |axis: usize| {
        let place = |n: i32| f64::from(n) / f64::from(STEPS) * REACH[axis];
        let offsets: Vec<f64> = (-STEPS..=STEPS).map(place).collect();
        let unit = if axis < 3 { 1.0_f64.to_radians() } else { 1.0 };
        let pose = |&offset: &f64| {
            let mut motion = Vector6::zeros();
            motion[axis] = unit * offset;
            PivotMotion::from_vector(&motion).apply(&truth, pivot)
        };
        let poses: Vec<RigidTransform> = offsets.iter().map(pose).collect();
        let learned = objective.similarities(&poses);
        let squared = |&offset: &f64| (unit * offset / if axis < 3 { 1.0 } else { h }).powi(2);
        let geodesic: Vec<f64> = offsets.iter().map(|offset| -squared(offset)).collect();
        Landscape { geodesic: stretched(&geodesic, &learned), offsets, learned }
    };
    Ok((0..6).map(along).collect())
}

/// Values between the least and the greatest finite one of others.
fn stretched(values: &[f64], like: &[f64]) -> Vec<f64> {
    let range = |values: &[f64]| {
        let finite = values.iter().copied().filter(|v| v.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
    };
    let ((low, high), (from, to)) = (range(like), range(values));
    values.iter().map(|v| low + (v - from) / (to - from) * (high - low)).collect()
}

/// One X-ray and a start.
struct Case<'a> {
    network: &'a Network,
    descent: Descent,
    patient: &'a TrainingPatient,
    camera: &'a Camera,
    projector: &'a MovingProjector,
    sample: Sample,
    xray: Features,
}

impl<'a> Case<'a> {
    fn new(
        network: &'a Network,
        source: &'a Source,
        projector: &'a MovingProjector,
        sample: Sample,
    ) -> Result<Self, NetError> {
        let (patient, camera) = source.scene_of(&sample)?;
        let seen = NetworkXray { camera: camera.clone(), pixels: sample.xrays.clone() };
        let image = seen.tensor(&network.device());
        let xray = network.xray_features(image, &mut Context::inference())?;
        let descent = source.config.objective.descent;
        Ok(Self { network, descent, patient, camera, projector, sample, xray })
    }

    fn objective(&self) -> NetworkObjective<'_> {
        let scene = Scene {
            camera: self.camera,
            pivot_world_mm: self.patient.pivot_world_mm,
            half_extent_mm: self.patient.moving.half_extent_mm,
        };
        NetworkObjective::new(self.network, self.descent, scene, self.projector, &self.xray)
    }

    /// Cosines of rotation and translation, and whether the sign in depth is right.
    fn gradients(&self) -> Result<[f64; 3], NetError> {
        let (start, truth) =
            (&self.sample.cameras_from_world[0], &self.sample.true_cameras_from_world[0]);
        let found = self.objective().at(start)?.gradients;
        let (pivot, h) = (self.patient.pivot_world_mm, self.patient.moving.half_extent_mm);
        let wanted = geodesic_gradient(start, truth, pivot, h);
        let [rotation, translation] = cosines(&found[0], &wanted);
        Ok([rotation, translation, f64::from(found[0][5] * wanted[5] > 0.0)])
    }

    /// Errors at start and end (mm).
    fn registers(&self) -> Result<[f64; 2], NetError> {
        let targets = &self.patient.targets;
        let (start, truth) =
            (&self.sample.cameras_from_world[0], &self.sample.true_cameras_from_world[0]);
        let mut optimizer =
            self.descent.optimizer(&Default::default(), DirectionDescentConfig::default())?;
        let optimum = maximize(&self.objective(), start, &mut *optimizer, &mut |_| {})?;
        let end = &optimum.camera_from_world;
        Ok([start, end].map(|pose| targets.mtre_mm(pose, truth)))
    }
}

impl Gradients {
    fn of(measured: &[[f64; 3]]) -> Self {
        let mean =
            |n: usize| measured.iter().map(|m| m[n]).sum::<f64>() / measured.len().max(1) as f64;
        Self {
            poses: measured.len(),
            cosine_rotation: mean(0),
            cosine_translation: mean(1),
            depth_sign: mean(2),
        }
    }
}

impl Registrations {
    fn of(errors: &[[f64; 2]]) -> Self {
        let middle = |n: usize| median(errors.iter().map(|e| e[n]).collect()).unwrap_or(f64::NAN);
        let successes = errors.iter().filter(|e| e[1] < SUCCESS_MM).count();
        Self {
            count: errors.len(),
            start_mtre_mm: middle(0),
            end_mtre_mm: middle(1),
            success: successes as f64 / errors.len().max(1) as f64,
        }
    }
}
