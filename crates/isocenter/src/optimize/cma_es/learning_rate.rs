//! Learning rate adaptation (LRA-CMA-ES): slower where the objective is noisy or multimodal.
//!
//! The update of mean and covariance is taken as a noisy step. Its signal-to-noise ratio is
//! estimated from moving averages of the step and of its squared length, each in the coordinates of
//! the distribution, and the learning rates `eta` are led to where the ratio is `ALPHA * eta`.
//!
//! # References
//! - M. Nomura, Y. Akimoto, I. Ono, *CMA-ES with Learning Rate Adaptation* (2023),
//!   arXiv:2304.03473

use nalgebra::DVector;

use super::distribution::Distribution;

/// The signal-to-noise ratio that is wanted at a learning rate of 1.
const ALPHA: f64 = 1.4;
/// Learning rate of the averages, mean.
const BETA_MEAN: f64 = 0.1;
/// Learning rate of the averages, covariance.
const BETA_COVARIANCE: f64 = 0.03;
/// How fast a learning rate changes at most.
const GAMMA: f64 = 0.1;

/// The learning rate of one part of the distribution.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    /// From above 0 to 1.
    pub(super) eta: f64,
    beta: f64,
    /// Average of the steps.
    average: DVector<f64>,
    /// Average of their squared lengths.
    square: f64,
}

impl Rate {
    fn new(beta: f64, components: usize) -> Self {
        Self { eta: 1.0, beta, average: DVector::zeros(components), square: 0.0 }
    }

    /// Adapts to a step.
    fn adapt(&mut self, step: &DVector<f64>) {
        self.average = &self.average * (1.0 - self.beta) + step * self.beta;
        self.square = (1.0 - self.beta) * self.square + self.beta * step.norm_squared();
        let signal = self.average.norm_squared();
        let noise = self.square - signal;
        let bias = self.beta / (2.0 - self.beta) * self.square;
        // Without any noise (or any step) there is nothing to hold back.
        let ratio = if noise > 0.0 { (signal - bias) / noise } else { f64::INFINITY };
        let change = (ratio / ALPHA / self.eta - 1.0).clamp(-1.0, 1.0);
        self.eta *= ((GAMMA * self.eta).min(self.beta) * change).exp();
        self.eta = self.eta.min(1.0);
    }
}

/// The learning rates of mean and covariance.
#[derive(Debug, Clone)]
pub(super) struct LearningRates {
    pub(super) mean: Rate,
    pub(super) covariance: Rate,
}

impl LearningRates {
    pub(super) fn new(dimension: usize) -> Self {
        Self {
            mean: Rate::new(BETA_MEAN, dimension),
            covariance: Rate::new(BETA_COVARIANCE, dimension * dimension),
        }
    }

    /// Holds back the update that led from one distribution to another. Returns false if the
    /// covariance has become singular.
    pub(super) fn hold_back(&mut self, before: &Distribution, after: &mut Distribution) -> bool {
        let n = before.mean.len();
        let shift = &after.mean - &before.mean;
        let old = &before.covariance * before.sigma.powi(2);
        let growth = &after.covariance * after.sigma.powi(2) - &old;
        // B D^-1 B^T / sigma
        let mut columns = before.axes.transpose();
        for (mut row, length) in columns.row_iter_mut().zip(before.lengths.iter()) {
            row /= length * before.sigma;
        }
        let whitening = &before.axes * columns;
        let local = &whitening * &growth * &whitening / std::f64::consts::SQRT_2;

        let eta_before = self.mean.eta;
        self.mean.adapt(&(&whitening * &shift));
        self.covariance.adapt(&DVector::from_column_slice(local.as_slice()));

        after.mean = &before.mean + shift * self.mean.eta;
        let combined = old + growth * self.covariance.eta;
        // sigma takes the volume, C the shape.
        if !after.set_covariance(combined.clone()) {
            return false;
        }
        let volume = after.lengths.iter().map(|d| d.ln()).sum::<f64>() / n as f64;
        let sigma = volume.exp();
        // Slower learning of the mean calls for longer steps (the paper's step-size correction).
        after.sigma = sigma * eta_before / self.mean.eta;
        after.set_covariance(combined / sigma.powi(2))
    }
}
