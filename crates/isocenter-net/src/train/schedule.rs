//! The learning rate over the steps.

use serde::{Deserialize, Serialize};

use crate::error::NetError;

/// How the learning rate changes.
///
/// # Examples
/// ```
/// use isocenter_net::train::LearningRate;
/// let cyclic = LearningRate::Cyclic { lowest: 1e-6, highest: 1e-4, half_cycle_steps: 100 };
/// assert!((cyclic.at(0, 1000) - 1e-6).abs() < 1e-12);
/// assert!((cyclic.at(100, 1000) - 1e-4).abs() < 1e-12);
/// assert!((cyclic.at(200, 1000) - 1e-6).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LearningRate {
    /// Always the same.
    Constant {
        /// The rate.
        rate: f64,
    },
    /// Up and down along straight lines, as published.
    Cyclic {
        /// At the beginning and after each cycle.
        lowest: f64,
        /// In the middle of a cycle.
        highest: f64,
        /// Steps from the lowest to the highest.
        half_cycle_steps: u64,
    },
    /// Up along a straight line, then down along half a cosine to the last step.
    Cosine {
        /// The highest rate.
        highest: f64,
        /// What it ends at.
        lowest: f64,
        /// Steps to the highest.
        warm_up_steps: u64,
    },
}

impl LearningRate {
    /// The rate of a step, counted from 0, of a training of so many.
    #[must_use]
    pub fn at(&self, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::Cyclic { lowest, highest, half_cycle_steps } => {
                let half = half_cycle_steps.max(1);
                let within = step % (2 * half);
                let up = within.min(2 * half - within) as f64 / half as f64;
                lowest + (highest - lowest) * up
            }
            Self::Cosine { highest, warm_up_steps, .. } if step < warm_up_steps => {
                highest * (step + 1) as f64 / (warm_up_steps + 1) as f64
            }
            Self::Cosine { highest, lowest, warm_up_steps } => {
                let left = steps.saturating_sub(warm_up_steps).max(1) as f64;
                let part = ((step - warm_up_steps) as f64 / left).min(1.0);
                lowest + (highest - lowest) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first that makes no sense.
    pub fn check(&self) -> Result<(), NetError> {
        let rates = match *self {
            Self::Constant { rate } => [rate, rate],
            Self::Cyclic { lowest, highest, .. } | Self::Cosine { lowest, highest, .. } => {
                [lowest, highest]
            }
        };
        let fits = rates.iter().all(|rate| (0.0..=1.0).contains(rate)) && rates[0] <= rates[1];
        match fits {
            true => Ok(()),
            false => Err(NetError::Setting {
                name: "learning_rate",
                found: format!("{rates:?}"),
                expected: "rates from 0 to 1, the lowest first",
            }),
        }
    }
}
