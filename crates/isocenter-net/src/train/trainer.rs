//! A training, step by step.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use isocenter::project::ProjectError;
use isocenter::volume::VolumeError;
use nalgebra::{Vector3, Vector6};

use super::config::{ObjectiveConfig, TrainConfig, check_samples};
use super::derivatives::{self, Derived, Trained};
use super::difference::{check_same_architecture, check_same_training};
use super::metrics::{Metrics, MetricsOf, NetworkMetrics, RegressorMetrics};
use super::optimizer::{Optimizer, clip};
use super::sample::{Sample, Source};
use super::sample_step::SampleStep;
use crate::checkpoint::{Checkpoint, Header};
use crate::error::NetError;
use crate::loss::Balance;
use crate::model::Model;
use crate::network::Network;
use crate::regressor::Regressor;
use crate::regressor::loss::RegressionLoss;
use crate::regressor::step::{RegressionBatch, RegressionStep};
use crate::scene::Scene;
use crate::step::{Batch, BranchCorrelation, Step};
use crate::weights;

/// A loss beyond this leads nowhere.
const LARGEST_LOSS: f64 = 1e4;

/// The cosine between the rotation parts and that between the translation parts; 0 where a part
/// vanishes.
#[must_use]
pub fn cosines(found: &Vector6<f64>, wanted: &Vector6<f64>) -> [f64; 2] {
    let cosine = |from: usize| {
        let [a, b] = [found, wanted].map(|v| Vector3::new(v[from], v[from + 1], v[from + 2]));
        let product = a.norm() * b.norm();
        if product > 0.0 { a.dot(&b) / product } else { 0.0 }
    };
    [cosine(0), cosine(3)]
}

/// A network or a regressor in training.
#[derive(Debug)]
pub struct Trainer {
    config: TrainConfig,
    /// The settings as their file has them, for checkpoints.
    text: String,
    device: Device,
    trained: Trained,
    optimizer: Optimizer,
    step: u64,
}

impl Trainer {
    /// With first weights.
    ///
    /// # Errors
    /// If the settings make no sense.
    pub fn new(config: TrainConfig, text: String, device: &Device) -> Result<Self, NetError> {
        config.check()?;
        let device = device.clone().autodiff();
        let model = Model::new(&config.network.config()?, config.seed, &device)?;
        let balance = Balance::new(config.objective.weighing, &device);
        let optimizer = Optimizer::new(config.optimizer);
        Ok(Self { config, text, device, trained: Trained { model, balance }, optimizer, step: 0 })
    }

    /// With the weights of another training, from the first step on.
    ///
    /// # Errors
    /// If the settings make no sense, or the weights are of another architecture.
    pub fn from_weights(
        config: TrainConfig,
        text: String,
        device: &Device,
        from: &Checkpoint,
    ) -> Result<Self, NetError> {
        let mut trainer = Self::new(config, text, device)?;
        check_same_architecture(&from.header.network, &trainer.trained.model.config())?;
        trainer.trained.model = weights::put(trainer.trained.model, &from.network)?;
        Ok(trainer)
    }

    /// That goes on after a checkpoint.
    ///
    /// # Errors
    /// If the training had other settings that decide weights or draws, or the checkpoint is damaged.
    pub fn resumed(
        config: TrainConfig,
        text: String,
        device: &Device,
        from: &Checkpoint,
    ) -> Result<Self, NetError> {
        check_same_training(&from.header.training, &text)?;
        let mut trainer = Self::from_weights(config, text, device, from)?;
        trainer.trained.balance = weights::put(trainer.trained.balance, &from.balance)?;
        trainer.step = from.header.step;
        trainer.optimizer =
            Optimizer::resumed(trainer.config.optimizer, trainer.step, from.moments.clone());
        Ok(trainer)
    }

    /// Steps made.
    #[must_use]
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// What is trained as it is used: without what only training needs.
    #[must_use]
    pub fn model(&self) -> Model {
        self.trained.model.valid()
    }

    /// Makes a step: against the mean gradient of the samples.
    ///
    /// # Errors
    /// If nothing can be rendered, or the training leads nowhere: a loss or a gradient that is not
    /// finite or far too large, or pose gradients that have all vanished.
    pub fn step(&mut self, source: &Source, samples: &[Sample]) -> Result<Metrics, NetError> {
        if samples.is_empty() {
            return Err(NetError::NoSample);
        }
        check_samples(samples.len(), &self.trained.model.config())?;
        let number = self.step + 1;
        let step = |trained: &Trained, sample: &Sample| self.sample_step(trained, source, sample);
        let derived = self.trained.of_each(samples, step).map_err(|error| match error {
            // Weights that ran away show first in the features of the CT, or in their derivative.
            NetError::Project(ProjectError::NotFinite { .. })
            | NetError::Volume(VolumeError::NotFinite { .. }) => {
                diverged(number, error.to_string())
            }
            other => other,
        })?;
        derived.iter().try_for_each(|Derived { step, .. }| {
            check_leads_somewhere(number, step.loss(), step.pose_gradients())
        })?;
        if derived.iter().all(|of| of.step.regressor().is_some_and(|step| step.is_saturated)) {
            return Err(saturated(number));
        }
        let mut mean = derivatives::mean(&derived);
        let gradient_norm =
            clip([&mut mean.model, &mut mean.balance], self.config.clip_gradient_norm);
        if !gradient_norm.is_finite() {
            return Err(diverged(number, format!("the gradient's norm is {gradient_norm}")));
        }
        let learning_rate = self.config.learning_rate.at(self.step, self.config.steps);
        self.optimizer.begin_step();
        let Trained { model, balance } = self.trained.clone();
        self.trained = Trained {
            model: self.optimizer.update("network.", model, &mean.model, learning_rate)?,
            balance: self
                .optimizer
                .update("balance.", balance, &mean.balance, learning_rate)?
                .held()?,
        };
        self.step = number;
        self.metrics(&derived, gradient_norm, learning_rate)
    }

    fn sample_step(
        &self,
        trained: &Trained,
        source: &Source,
        sample: &Sample,
    ) -> Result<SampleStep, NetError> {
        Ok(match &trained.model {
            Model::Network(network) => {
                let step = self.network_step(network, &trained.balance, source, sample)?;
                SampleStep::Network(Box::new(step))
            }
            Model::Regressor(regressor) => {
                SampleStep::Regressor(regression_step(regressor, source, sample)?)
            }
        })
    }

    fn network_step(
        &self,
        network: &Network,
        balance: &Balance,
        source: &Source,
        sample: &Sample,
    ) -> Result<Step, NetError> {
        let (patient, camera) = source.scene_of(sample)?;
        let [columns, rows] = camera.size_px();
        let shape = [sample.true_cameras_from_world.len(), 1, rows, columns];
        let batch = Batch {
            scene: Scene {
                camera,
                pivot_world_mm: patient.pivot_world_mm,
                half_extent_mm: patient.moving.half_extent_mm,
            },
            relative_attenuation: &patient.moving.relative_attenuation,
            xrays: Tensor::from_data(TensorData::new(sample.xrays.clone(), shape), &self.device),
            cameras_from_world: sample.cameras_from_world.clone(),
            true_cameras_from_world: sample.true_cameras_from_world.clone(),
        };
        let objective = self.config.objective.objective();
        batch.step(network, balance, &objective, sample.dropout_seed)
    }

    fn metrics(
        &self,
        derived: &[Derived],
        gradient_norm: f64,
        learning_rate: f64,
    ) -> Result<Metrics, NetError> {
        let loss = mean_of(derived.iter().map(|of| of.step.loss()));
        let of = match &self.trained.model {
            Model::Network(_) => MetricsOf::Network(self.network_metrics(derived)?),
            Model::Regressor(_) => MetricsOf::Regressor(regressor_metrics(derived)),
        };
        Ok(Metrics { step: self.step, loss, of, gradient_norm, learning_rate })
    }

    fn network_metrics(&self, derived: &[Derived]) -> Result<NetworkMetrics, NetError> {
        let steps: Vec<&Step> = derived.iter().filter_map(|of| of.step.network()).collect();
        let [s1, s2] = self.trained.balance.deviations()?;
        let cosine = |part: usize| {
            mean_of(steps.iter().map(|step| {
                let pairs = step.found.iter().zip(&step.wanted);
                mean_of(pairs.map(|(found, wanted)| cosines(found, wanted)[part]))
            }))
        };
        let of_branches = |value: fn(&BranchCorrelation) -> f64| {
            let each = steps.iter().map(|step| step.branches.as_ref().map(value));
            let sum: Option<f64> = each.sum();
            sum.map(|sum| sum / steps.len() as f64)
        };
        Ok(NetworkMetrics {
            approximation: mean_of(steps.iter().map(|step| step.approximation)),
            decomposition: of_branches(|branches| branches.decomposition),
            cosine_rotation: cosine(0),
            cosine_translation: cosine(1),
            ncc_global: of_branches(|branches| branches.ncc_global),
            ncc_local: of_branches(|branches| branches.ncc_local),
            s1,
            s2: steps.iter().any(|step| step.branches.is_some()).then_some(s2),
        })
    }

    /// All that is needed to go on.
    ///
    /// # Errors
    /// If weights cannot be read from the device.
    pub fn checkpoint(&self) -> Result<Checkpoint, NetError> {
        let ObjectiveConfig { descent, metric, .. } = self.config.objective;
        let architecture = self.trained.model.config();
        let header = Header::new(architecture, descent, metric, self.config.voxel_spacing_mm);
        Ok(Checkpoint {
            header: Header { step: self.step, training: self.text.clone(), ..header },
            network: weights::of(&self.trained.model)?,
            balance: weights::of(&self.trained.balance)?,
            moments: self.optimizer.moments().clone(),
        })
    }
}

fn regression_step(
    regressor: &Regressor,
    source: &Source,
    sample: &Sample,
) -> Result<RegressionStep, NetError> {
    let (patient, camera) = source.scene_of(sample)?;
    let batch = RegressionBatch {
        observation: sample.observation(patient),
        camera,
        true_cameras_from_world: &sample.true_cameras_from_world,
    };
    batch.step(regressor, sample.dropout_seed)
}

fn regressor_metrics(derived: &[Derived]) -> RegressorMetrics {
    let steps = || derived.iter().filter_map(|of| of.step.regressor());
    let mean = |value: fn(&RegressionLoss) -> f64| {
        mean_of(steps().map(|step| mean_of(step.losses.iter().map(value))))
    };
    RegressorMetrics {
        rotation_error_deg: mean(|loss| loss.rotation_rad.to_degrees()),
        shift_error_mm: mean(|loss| loss.shift_mm),
        ncc: mean(|loss| loss.ncc),
    }
}

/// The mean; 0 of nothing.
fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1) as f64
}

fn diverged(step: u64, what: String) -> NetError {
    let advice = "lower the learning rate, or shorten gradients (clip_gradient_norm)";
    NetError::Diverged { step, what, advice }
}

/// Where every output of a regressor is at an end, nothing has a slope any more.
fn saturated(step: u64) -> NetError {
    let what = "all that the regressor says is at an end of its range".to_owned();
    let advice = "lower the learning rate, or widen network.range";
    NetError::Diverged { step, what, advice }
}

fn check_leads_somewhere(
    number: u64,
    loss: f64,
    pose_gradients: &[Vector6<f64>],
) -> Result<(), NetError> {
    if !loss.is_finite() || loss.abs() > LARGEST_LOSS {
        return Err(diverged(number, format!("the loss is {loss}")));
    }
    if let Some(found) = pose_gradients.iter().find(|g| !g.iter().all(|x| x.is_finite())) {
        let found: Vec<f64> = found.iter().copied().collect();
        return Err(diverged(number, format!("the pose gradient is {found:?}")));
    }
    let vanished = |g: &Vector6<f64>| g.iter().all(|&x| x == 0.0);
    if !pose_gradients.is_empty() && pose_gradients.iter().all(vanished) {
        let what = "all pose gradients are exactly zero: the logistic functions are saturated";
        let advice = "descend the sum (objective.descent = \"sum\"), or lower the learning rate";
        return Err(NetError::Diverged { step: number, what: what.to_owned(), advice });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Proves: what leads nowhere is told by what happened, and a single pose that says nothing is not
    //! taken for it.
    use super::*;

    #[test]
    fn what_leads_nowhere_is_told() {
        let some = Vector6::new(0.0, 0.0, 1e-30, 0.0, 0.0, 0.0);
        let none = Vector6::zeros();
        let refused = |loss, found: &[Vector6<f64>]| {
            check_leads_somewhere(7, loss, found).unwrap_err().to_string()
        };
        assert!(check_leads_somewhere(7, 1.0, &[none, some]).is_ok());
        assert!(
            refused(1.0, &[none, none]).contains("step 7: all pose gradients are exactly zero")
        );
        assert!(refused(f64::NAN, &[some]).contains("the loss is NaN"));
        assert!(refused(2.0 * LARGEST_LOSS, &[some]).contains("the loss is 20000"));
        assert!(refused(1.0, &[some * f64::INFINITY]).contains("the pose gradient is"));
    }
}
