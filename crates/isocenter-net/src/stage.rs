//! The network as a stage of a registration: descent with momentum and steps that adapt, along the
//! directions that L_net's gradient tells or, for a product of logistic functions, by their length
//! too ([`Descent::optimizer`]), from the best candidate; where it ends goes before the candidates that
//! were there. The features of the X-rays and of the CT are computed once.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::optimize::{
    DirectionDescentConfig, Evaluation, GradientDescentConfig, Objective, ObjectiveError, maximize,
};
use isocenter::radiograph::Image;
use isocenter::register::config::OptimizerStageConfig;
use isocenter::register::{
    BranchScores, Candidate, Case, Event, FeatureMaps, RegisterConfig, RegisterError, Run, Stage,
    StageRegistry, TraceRow, for_reference_camera,
};
use nalgebra::{Vector3, Vector6};

use crate::checkpoint::Checkpoint;
use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::Context;
use crate::metric::PoseMetric;
use crate::moving::MovingVolume;
use crate::moving_projector::MovingProjector;
use crate::network::{Features, Network};
use crate::objective::NetworkObjective;
use crate::scene::{Descent, Scene};
use crate::xray::NetworkXray;

/// A network that has been trained, ready for use.
#[derive(Debug)]
pub struct TrainedNetwork {
    network: Network,
    descent: Descent,
    metric: PoseMetric,
    voxel_spacing_mm: f64,
    device: Device,
}

impl TrainedNetwork {
    /// From a checkpoint, on a device.
    ///
    /// # Errors
    /// If the checkpoint's weights do not fit its architecture.
    pub fn new(checkpoint: &Checkpoint, device: &Device) -> Result<Self, NetError> {
        Ok(Self {
            network: checkpoint.network_on(device)?.valid(),
            descent: checkpoint.header.descent,
            metric: checkpoint.header.metric,
            voxel_spacing_mm: checkpoint.header.voxel_spacing_mm,
            device: device.clone(),
        })
    }
}

/// The network at work from the best candidate.
#[derive(Debug, Clone)]
pub struct NetworkStage {
    trained: Arc<TrainedNetwork>,
    gradient_descent: OptimizerStageConfig<GradientDescentConfig>,
    direction_descent: DirectionDescentConfig,
}

impl NetworkStage {
    /// Its name.
    pub const NAME: &'static str = "network";

    /// Adds the stage to those that there are; how it descends is told by `direction_descent` or
    /// `gradient_descent` in a registration's settings.
    pub fn register(trained: TrainedNetwork, registry: &mut StageRegistry) {
        let trained = Arc::new(trained);
        registry.add(Self::NAME, move |config: &RegisterConfig| {
            let trained = Arc::clone(&trained);
            let RegisterConfig { gradient_descent, direction_descent, .. } = *config;
            // Settings that make no sense are told before anything is computed.
            trained.descent.optimizer(&gradient_descent, direction_descent)?;
            Ok(Box::new(Self { trained, gradient_descent, direction_descent }))
        });
    }
}

impl Stage for NetworkStage {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        run: &mut Run<'_, '_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let Some(best) = candidates.first() else { return Ok(candidates) };
        let longest_side_px = self.trained.network.size_px().into_iter().max().unwrap_or(1);
        let (case, start) = (run.case(), best.camera_from_world);
        run.timed(Self::NAME, longest_side_px, 1, |run| {
            let prepared = Prepared::new(&self.trained, case).map_err(as_register_error)?;
            let objective = prepared.objective(&self.trained);
            let descent = self.trained.descent;
            let mut optimizer =
                descent.optimizer(&self.gradient_descent, self.direction_descent)?;
            let optimum = maximize(&objective, &start, &mut *optimizer, &mut |iteration| {
                run.record(TraceRow {
                    stage: Self::NAME,
                    longest_side_px,
                    candidate: 0,
                    iteration: *iteration,
                    branches: objective.last_scores(),
                });
            })?;
            let end = optimum.camera_from_world;
            run.tell(&Event::Features(&objective.feature_maps(&end).map_err(as_register_error)?));
            let end = Candidate {
                camera_from_world: end,
                similarity: optimum.evaluation.similarity,
                termination: optimum.termination,
            };
            // Where the network is wrong, what was there before may still be right.
            Ok(std::iter::once(end).chain(candidates.iter().copied()).collect())
        })
    }
}

fn as_register_error(error: NetError) -> RegisterError {
    ObjectiveError::from(error).into()
}

/// What does not depend on the pose.
struct Prepared {
    projector: MovingProjector,
    half_extent_mm: f64,
    pivot_world_mm: Vector3<f64>,
    xrays: Vec<(Camera, Features)>,
}

impl Prepared {
    fn new(trained: &TrainedNetwork, case: &Case) -> Result<Self, NetError> {
        let moving = MovingVolume::new(case.projector().volume(), trained.voxel_spacing_mm)?;
        let pass = trained.network.residual().forward(&moving.relative_attenuation)?;
        let mut xrays = Vec::with_capacity(case.xrays().len());
        for xray in case.xrays() {
            let size_px = trained.network.size_px();
            let seen = NetworkXray::new(xray.camera(), xray.line_integral(), xray.mask(), size_px)?;
            let image = seen.tensor(&trained.device);
            let features = trained.network.xray_features(image, &mut Context::inference())?;
            xrays.push((seen.camera, features));
        }
        Ok(Self {
            projector: MovingProjector::new(&pass, trained.metric)?,
            half_extent_mm: moving.half_extent_mm,
            pivot_world_mm: case.pivot_world_mm(),
            xrays,
        })
    }

    fn objective<'a>(&'a self, trained: &'a TrainedNetwork) -> CaseObjective<'a> {
        let of = |(camera, features): &'a (Camera, Features)| {
            let scene = Scene {
                camera,
                pivot_world_mm: self.pivot_world_mm,
                half_extent_mm: self.half_extent_mm,
            };
            let (network, projector) = (&trained.network, &self.projector);
            let one = NetworkObjective::new(network, trained.descent, scene, projector, features);
            (camera, features, one)
        };
        CaseObjective {
            parts: self.xrays.iter().map(of).collect(),
            pivot: self.pivot_world_mm,
            descent: trained.descent,
        }
    }
}

/// The mean over the X-rays of a case.
struct CaseObjective<'a> {
    parts: Vec<(&'a Camera, &'a Features, NetworkObjective<'a>)>,
    pivot: Vector3<f64>,
    descent: Descent,
}

impl CaseObjective<'_> {
    /// What the branches said of the first X-ray.
    fn last_scores(&self) -> Option<BranchScores> {
        self.parts.first().and_then(|(_, _, objective)| objective.last_scores())
    }

    /// What the branches see of the first X-ray and the radiograph at a pose.
    fn feature_maps(
        &self,
        reference_from_world: &RigidTransform,
    ) -> Result<Vec<FeatureMaps>, NetError> {
        let Some((camera, xray, objective)) = self.parts.first() else { return Ok(Vec::new()) };
        let moving = objective.at(&camera.camera_from_world(reference_from_world))?.moving;
        let pairs = xray.maps().into_iter().zip(moving.maps());
        let map = |((branch, xray), (_, moving)): ((&'static str, &Dual<4>), (_, &Dual<4>))| {
            let (xray, moving) = (mean_map(xray.value())?, mean_map(moving.value())?);
            Ok(FeatureMaps { branch, xray, moving })
        };
        pairs.map(map).collect()
    }

    fn share(&self) -> f64 {
        1.0 / self.parts.len() as f64
    }
}

impl Objective for CaseObjective<'_> {
    fn pivot_world_mm(&self) -> Vector3<f64> {
        self.pivot
    }

    fn evaluate(
        &self,
        reference_from_world: &RigidTransform,
    ) -> Result<Evaluation, ObjectiveError> {
        let (mut similarity, mut gradient) = (0.0, Vector6::zeros());
        for (camera, _, objective) in &self.parts {
            let one = objective.evaluate(&camera.camera_from_world(reference_from_world))?;
            let one = for_reference_camera(camera, one);
            similarity += self.share() * one.similarity;
            gradient += self.share() * vote(self.descent, &one.gradient);
        }
        Ok(Evaluation { similarity, gradient, curvature: None })
    }

    fn similarities(&self, poses: &[RigidTransform]) -> Vec<f64> {
        let one = |pose| match self.evaluate(pose) {
            Ok(evaluation) if !evaluation.similarity.is_nan() => evaluation.similarity,
            _ => f64::NEG_INFINITY,
        };
        poses.iter().map(one).collect()
    }
}

/// What an X-ray's gradient counts among several: of a sum it is what it is descended by, rotation and
/// translation each over its length; of a product its length counts too.
fn vote(descent: Descent, gradient: &Vector6<f64>) -> Vector6<f64> {
    if descent == Descent::SigmoidProduct {
        return *gradient;
    }
    let unit = |from: usize| -> Vector3<f64> {
        gradient.fixed_rows::<3>(from).into_owned().try_normalize(0.0).unwrap_or_default()
    };
    let (rotation, translation) = (unit(0), unit(3));
    let mut both = Vector6::zeros();
    both.fixed_rows_mut::<3>(0).copy_from(&rotation);
    both.fixed_rows_mut::<3>(3).copy_from(&translation);
    both
}

/// The root of the mean square over the channels of the first sample.
fn mean_map(features: &Tensor<4>) -> Result<Image, NetError> {
    let [_, channels, rows, columns] = features.dims();
    let squares = features.clone().without_autodiff().narrow(0, 0, 1).square();
    let mean = (squares.sum_dim(1) / channels as f64).sqrt();
    Ok(Image::new([columns, rows], mean.try_into_vec_as::<f32>()?)?)
}

#[cfg(test)]
mod tests {
    //! Proves: what is descended by its length keeps it, what by its direction does not; of two X-rays
    //! what is told is the mean, its gradient for motions of the first camera; settings that make no sense
    //! are refused when the stage is made; gradients are in the metric of the training.
    use isocenter::geometry::{PivotMotion, View};
    use isocenter::project::Projector;
    use isocenter::register::Xray;
    use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
    use nalgebra::{Matrix3, Matrix6};

    use super::*;
    use crate::checkpoint::Header;
    use crate::network::DualBranchConfig;
    use crate::weights;

    const SIZE_PX: [usize; 2] = [64, 64];
    const DISTANCE_MM: f64 = 700.0;

    fn trained(descent: Descent, metric: PoseMetric) -> TrainedNetwork {
        let config = DualBranchConfig {
            size_px: SIZE_PX,
            trunk: vec![16],
            head: vec![8],
            ..DualBranchConfig::compact()
        };
        let network = Network::new(&config.clone().into(), 2, &Device::flex()).unwrap();
        let checkpoint = Checkpoint {
            header: Header::new(config.into(), descent, metric, 12.0),
            network: weights::of(&network).unwrap(),
            balance: Default::default(),
            moments: Default::default(),
        };
        TrainedNetwork::new(&checkpoint, &Device::flex()).unwrap()
    }

    /// A frontal and a lateral X-ray of a phantom, and the first one's pose.
    fn two_xrays() -> (Case, RigidTransform) {
        let config = PhantomConfig { spacing_mm: 6.0, ..PhantomConfig::default() };
        let ct = Phantom::generate(&config).unwrap().ct;
        let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
        let pivot = volume.volume().center_world_mm();
        let projector = Projector::new(volume);
        let poses = [View::AP, View::LATERAL_LEFT].map(|v| v.camera_from_world(pivot, DISTANCE_MM));
        let [first, second] = poses;
        let camera = Camera::new(1020.0, [4.8, 4.8], SIZE_PX).unwrap();
        let other = camera.clone().with_camera_from_reference_camera(second * first.inverse());
        let xray = |camera: &Camera, pose| {
            let image = projector.forward(camera, &pose).unwrap();
            Xray::new(camera.clone(), image).unwrap()
        };
        let xrays = vec![xray(&camera, first), xray(&other, second)];
        (Case::of_xrays(projector, xrays, pivot).unwrap(), first)
    }

    #[test]
    fn two_xrays_pull_together() {
        let trained = trained(Descent::SigmoidProduct, PoseMetric::Pose);
        let (case, truth) = two_xrays();
        let prepared = Prepared::new(&trained, &case).unwrap();
        let objective = prepared.objective(&trained);
        assert_eq!(objective.parts.len(), 2);
        let start = PivotMotion::from_vector(&Vector6::new(0.05, -0.08, 0.1, 8.0, -6.0, 15.0))
            .apply(&truth, case.pivot_world_mm());
        let found = objective.evaluate(&start).unwrap();
        let of_each: Vec<_> = objective
            .parts
            .iter()
            .map(|(camera, _, one)| {
                let pose = camera.camera_from_world(&start);
                (*camera, pose, one.evaluate(&pose).unwrap())
            })
            .collect();
        let mean = of_each.iter().map(|(.., one)| one.similarity).sum::<f64>() / 2.0;
        assert!((found.similarity - mean).abs() < 1e-12);
        for component in 0..6 {
            // A motion of the first camera as each camera sees it; poses have twice the digits of images.
            const SMALL: f64 = 1e-6;
            let mut motion = Vector6::zeros();
            motion[component] = SMALL;
            let moved = PivotMotion::from_vector(&motion).apply(&start, case.pivot_world_mm());
            let along = |(camera, pose, one): &(&Camera, RigidTransform, Evaluation)| {
                let moved = camera.camera_from_world(&moved);
                let seen = PivotMotion::between(pose, &moved, case.pivot_world_mm()).to_vector();
                one.gradient.dot(&seen) / SMALL
            };
            let expected = of_each.iter().map(along).sum::<f64>() / 2.0;
            let scale = if component < 3 { 1.0 } else { 1e-2 };
            assert!(
                (found.gradient[component] - expected).abs() < 1e-5 * scale,
                "component {component}: {} found, {expected} expected",
                found.gradient[component]
            );
        }
        // The second says something else than the first.
        let [first, second] = [0, 1].map(|number| of_each[number].2.gradient);
        assert!((first - second).norm() > 0.1 * first.norm());
    }

    /// A direction in the metric that the network was trained in, of each X-ray with its own view of depth.
    #[test]
    fn the_metric_is_that_of_the_training() {
        let (case, truth) = two_xrays();
        let start = PivotMotion::from_vector(&Vector6::new(0.05, -0.08, 0.1, 8.0, -6.0, 15.0))
            .apply(&truth, case.pivot_world_mm());
        let votes = |metric| {
            let trained = trained(Descent::Sum, metric);
            let prepared = Prepared::new(&trained, &case).unwrap();
            let objective = prepared.objective(&trained);
            let of = |(camera, _, one): &(&Camera, &Features, NetworkObjective<'_>)| {
                let found = one.at(&camera.camera_from_world(&start)).unwrap();
                (found.gradients[0], found.preconditioners[0])
            };
            let each: Vec<_> = objective.parts.iter().map(of).collect();
            let mut mean = Vector6::zeros();
            for ((camera, ..), (g, _)) in objective.parts.iter().zip(&each) {
                // Along the first camera's axes.
                let of_first = camera.camera_from_reference_camera();
                let turn = of_first.map_or_else(Matrix3::identity, |of| of.rotation().transpose());
                let vote = vote(Descent::Sum, &-g) / 2.0;
                for from in [0, 3] {
                    let turned = turn * vote.fixed_rows::<3>(from);
                    let sum = mean.fixed_rows::<3>(from) + turned;
                    mean.fixed_rows_mut::<3>(from).copy_from(&sum);
                }
            }
            let told = objective.evaluate(&start).unwrap().gradient;
            assert!((told - mean).norm() < 1e-9, "{told} {mean}");
            each
        };
        let (pose, radiograph) = (votes(PoseMetric::Pose), votes(PoseMetric::Radiograph));
        for ((plain, identity), (found, p)) in pose.iter().zip(&radiograph) {
            assert_eq!(*identity, Matrix6::identity());
            // The same network: what differs is P. Reverse mode in single precision.
            assert!((p * plain - found).norm() < 1e-5 * found.norm());
            let [a, b] = [plain, found].map(|g| vote(Descent::Sum, g));
            assert!((a - b).norm() > 0.1, "{a} {b}");
        }
    }

    #[test]
    fn settings_are_checked_when_the_stage_is_made() {
        let mut registry = StageRegistry::default();
        NetworkStage::register(trained(Descent::SigmoidProduct, PoseMetric::Pose), &mut registry);
        let mut config = RegisterConfig::default();
        assert!(registry.make(NetworkStage::NAME, &config).is_ok());
        config.gradient_descent.optimizer.momentum = 2.0;
        let error = registry.make(NetworkStage::NAME, &config).err().unwrap().to_string();
        assert!(error.contains("momentum"), "{error}");
    }

    #[test]
    fn only_directions_vote() {
        let gradient = Vector6::new(0.0, 3e-3, 4e-3, 5e-6, 0.0, 0.0);
        assert_eq!(vote(Descent::SigmoidProduct, &gradient), gradient);
        let direction = Vector6::new(0.0, 0.6, 0.8, 1.0, 0.0, 0.0);
        assert!((vote(Descent::Sum, &gradient) - direction).norm() < 1e-12);
        assert_eq!(vote(Descent::Sum, &Vector6::zeros()), Vector6::zeros());
    }
}
