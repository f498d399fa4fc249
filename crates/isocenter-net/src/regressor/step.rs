//! One step of training: the loss of the poses that are said, and its derivative for the weights.
//!
//! The loss is a function of six numbers a sample. Its derivative for these is worked out outside the
//! framework, the projector's included; reverse mode through `slope . outputs` carries it to the weights.

use burn::tensor::{Gradients, Tensor, TensorData};
use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::project::Projector;
use isocenter::radiograph::Image;
use isocenter::volume::ChannelVolume;

use super::loss::{RegressionLoss, Truth};
use super::observation::{Observation, motions};
use super::{COMPONENTS, Regressor};
use crate::error::NetError;
use crate::layer::{Context, Statistics};

/// What one step trains on: one CT, several X-rays of it.
#[derive(Debug, Clone, Copy)]
pub struct RegressionBatch<'a> {
    /// CT and X-rays.
    pub observation: Observation<'a>,
    /// Of the X-rays, with as many pixels as the regressor's images.
    pub camera: &'a Camera,
    /// Where the X-rays were taken from.
    pub true_cameras_from_world: &'a [RigidTransform],
}

/// The losses of a step and their derivative.
pub struct RegressionStep {
    /// Mean of the batch.
    pub loss: f64,
    /// Of each pose.
    pub losses: Vec<RegressionLoss>,
    /// Whether every output is 0 or 1, where ReLU6 has no slope: nothing is left to descend.
    pub is_saturated: bool,
    /// For the weights.
    pub gradients: Gradients,
}

impl RegressionBatch<'_> {
    /// Losses and their derivative for all weights. `seed` decides what dropout leaves out.
    ///
    /// # Errors
    /// If shapes do not fit, or a number is not finite.
    pub fn step(&self, regressor: &Regressor, seed: u64) -> Result<RegressionStep, NetError> {
        self.check(regressor)?;
        let mut context = Context::training(Statistics::BatchUpdating, seed);
        let outputs = self.observation.outputs(regressor, &mut context)?;
        let values = outputs.clone().without_autodiff().try_into_vec_as::<f32>()?;
        let is_saturated = values.iter().all(|value| [0.0, 1.0].contains(value));
        let losses = self.losses(regressor, &motions(regressor, &values))?;
        let range = &regressor.config().range;
        let share = 1.0 / losses.len() as f64;
        let slopes: Vec<f32> = losses
            .iter()
            .flat_map(|of| <[f64; COMPONENTS]>::from(range.for_outputs(&of.slope) * share))
            .map(|slope| slope as f32)
            .collect();
        let slopes = TensorData::new(slopes, [losses.len(), COMPONENTS]);
        let contracted = (outputs.clone() * Tensor::from_data(slopes, &outputs.device())).sum();
        let loss = share * losses.iter().map(|of| of.value).sum::<f64>();
        Ok(RegressionStep { loss, losses, is_saturated, gradients: contracted.backward() })
    }

    fn check(&self, regressor: &Regressor) -> Result<(), NetError> {
        let poses = self.observation.nominal_cameras_from_world.len();
        let truths = self.true_cameras_from_world.len();
        let (size_px, wanted_px) = (self.camera.size_px(), regressor.config().size_px);
        let (what, found, expected) = match (poses, truths) {
            (0, _) => ("a step's list of poses", vec![0], vec![1]),
            _ if truths != poses => ("the list of true poses", vec![truths], vec![poses]),
            _ if size_px != wanted_px => ("the camera's image", size_px.into(), wanted_px.into()),
            _ => return Ok(()),
        };
        Err(NetError::Shape { what, found, expected })
    }

    /// How wrong each pose is to which a motion leads.
    fn losses(
        &self,
        regressor: &Regressor,
        motions: &[PivotMotion],
    ) -> Result<Vec<RegressionLoss>, NetError> {
        let Observation { relative_attenuation, pivot_world_mm, xrays, .. } = self.observation;
        let volume = ChannelVolume::new(vec![relative_attenuation.clone()])?;
        let projector = Projector::new(volume);
        let size_px = self.camera.size_px();
        let xrays = xrays.chunks_exact(size_px.iter().product::<usize>().max(1));
        let nominal = self.observation.nominal_cameras_from_world.iter();
        let poses = nominal.zip(self.true_cameras_from_world);
        let mut losses = Vec::with_capacity(motions.len());
        for ((motion, xray), (nominal, truth)) in motions.iter().zip(xrays).zip(poses) {
            let truth = Truth {
                camera: self.camera,
                projector: &projector,
                xray: &Image::new(size_px, xray.to_vec())?,
                pivot_world_mm,
                nominal_camera_from_world: *nominal,
                true_camera_from_world: *truth,
                half_extent_mm: regressor.config().half_extent_mm(),
            };
            losses.push(truth.compare(motion)?);
        }
        Ok(losses)
    }
}
