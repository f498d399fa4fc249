//! A training, step by step.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use isocenter::project::ProjectError;
use isocenter::volume::VolumeError;
use nalgebra::{Vector3, Vector6};
use serde::{Deserialize, Serialize};

use super::config::{TrainConfig, check_samples};
use super::derivatives::{self, Derived, Trained};
use super::difference::{check_same_architecture, check_same_training};
use super::optimizer::{Optimizer, clip};
use super::sample::{Sample, Source};
use crate::checkpoint::{Checkpoint, Header};
use crate::error::NetError;
use crate::loss::Balance;
use crate::network::Network;
use crate::scene::Scene;
use crate::step::{Batch, BranchCorrelation, Step};
use crate::weights;

/// A loss beyond this leads nowhere.
const LARGEST_LOSS: f64 = 1e4;

/// What a step gave: a line of `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The number of the step, the first is 1.
    pub step: u64,
    /// All together.
    pub loss: f64,
    /// L_appro.
    pub approximation: f64,
    /// L_decomp, for a network that has branches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decomposition: Option<f64>,
    /// Cosine between the network's pose gradient and the geodesic one, rotations, mean of the
    /// batch, in training mode.
    pub cosine_rotation: f64,
    /// The same of translations.
    pub cosine_translation: f64,
    /// NCC(G(x), G(m)), likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ncc_global: Option<f64>,
    /// NCC(L(x), L(m)), likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ncc_local: Option<f64>,
    /// The deviation that divides L_appro.
    pub s1: f64,
    /// The deviation that divides L_decomp, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s2: Option<f64>,
    /// The length of all gradients together, before they are shortened.
    pub gradient_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
}

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

/// A network in training.
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
        let network = Network::new(&config.network.config()?, config.seed, &device)?;
        let balance = Balance::new(config.objective.weighing, &device);
        let optimizer = Optimizer::new(config.optimizer);
        Ok(Self { config, text, device, trained: Trained { network, balance }, optimizer, step: 0 })
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
        check_same_architecture(&from.header.network, &trainer.trained.network.config())?;
        trainer.trained.network = weights::put(trainer.trained.network, &from.network)?;
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

    /// The network as it is used: without what only training needs.
    #[must_use]
    pub fn network(&self) -> Network {
        self.trained.network.valid()
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
        check_samples(samples.len(), &self.trained.network.config())?;
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
            check_leads_somewhere(number, step.loss, &step.found)
        })?;
        let mut mean = derivatives::mean(&derived);
        let gradient_norm =
            clip([&mut mean.network, &mut mean.balance], self.config.clip_gradient_norm);
        if !gradient_norm.is_finite() {
            return Err(diverged(number, format!("the gradient's norm is {gradient_norm}")));
        }
        let learning_rate = self.config.learning_rate.at(self.step, self.config.steps);
        self.optimizer.begin_step();
        let Trained { network, balance } = self.trained.clone();
        self.trained = Trained {
            network: self.optimizer.update("network.", network, &mean.network, learning_rate)?,
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
        batch.step(&trained.network, &trained.balance, &objective, sample.dropout_seed)
    }

    fn metrics(
        &self,
        derived: &[Derived],
        gradient_norm: f64,
        learning_rate: f64,
    ) -> Result<Metrics, NetError> {
        let [s1, s2] = self.trained.balance.deviations()?;
        let mean = |value: &dyn Fn(&Step) -> f64| {
            derived.iter().map(|of| value(&of.step)).sum::<f64>() / derived.len() as f64
        };
        let cosine = |part: usize| {
            mean(&|step| {
                let pairs = step.found.iter().zip(&step.wanted);
                let all = pairs.map(|(found, wanted)| cosines(found, wanted)[part]);
                all.sum::<f64>() / step.found.len() as f64
            })
        };
        let of_branches = |value: fn(&BranchCorrelation) -> f64| {
            let each = derived.iter().map(|of| of.step.branches.as_ref().map(value));
            let sum: Option<f64> = each.sum();
            sum.map(|sum| sum / derived.len() as f64)
        };
        Ok(Metrics {
            step: self.step,
            loss: mean(&|step| step.loss),
            approximation: mean(&|step| step.approximation),
            decomposition: of_branches(|branches| branches.decomposition),
            cosine_rotation: cosine(0),
            cosine_translation: cosine(1),
            ncc_global: of_branches(|branches| branches.ncc_global),
            ncc_local: of_branches(|branches| branches.ncc_local),
            s1,
            s2: derived.iter().any(|of| of.step.branches.is_some()).then_some(s2),
            gradient_norm,
            learning_rate,
        })
    }

    /// All that is needed to go on.
    ///
    /// # Errors
    /// If weights cannot be read from the device.
    pub fn checkpoint(&self) -> Result<Checkpoint, NetError> {
        let (architecture, descent) =
            (self.trained.network.config(), self.config.objective.descent);
        let header = Header::new(architecture, descent, self.config.voxel_spacing_mm);
        Ok(Checkpoint {
            header: Header { step: self.step, training: self.text.clone(), ..header },
            network: weights::of(&self.trained.network)?,
            balance: weights::of(&self.trained.balance)?,
            moments: self.optimizer.moments().clone(),
        })
    }
}

fn diverged(step: u64, what: String) -> NetError {
    let advice = "lower the learning rate, or shorten gradients (clip_gradient_norm)";
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
    if pose_gradients.iter().all(|g| g.iter().all(|&x| x == 0.0)) {
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
