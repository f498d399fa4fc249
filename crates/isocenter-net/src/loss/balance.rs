//! How the two losses are weighed: by uncertainties that are learned with the network, or fixed.
//!
//! ```text
//! L = L_appro / (2 s1^2) + L_decomp / (2 s2^2) + log s1 + log s2
//! ```
//!
//! The logarithms of the variances s^2 are what is learned, from 0, and held within [-4, 4].
//!
//! # References
//! A. Kendall, Y. Gal, R. Cipolla, arXiv:1705.07115; arXiv:2402.02498, section 2.4

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorReadError};
use serde::{Deserialize, Serialize};

use super::decomposition::DecompositionForm;
use crate::error::NetError;

const LARGEST_LOG_VARIANCE: f64 = 4.0;

/// How the losses are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weighing {
    /// By uncertainties that are learned.
    Learned,
    /// By the given factors of L_appro and L_decomp.
    Fixed([f64; 2]),
}

impl Weighing {
    /// Checks that the total has a least value.
    ///
    /// # Errors
    /// If a factor is out of range, or weights are learned with a form that has no lower bound.
    pub fn check(self, form: DecompositionForm) -> Result<(), NetError> {
        let refused = |found: String, expected| {
            Err(NetError::Setting { name: "objective.weighing", found, expected })
        };
        // What the clamped variances can express: 1/2 exp(4) at most.
        let fits = |factor: &f64| (0.01..=25.0).contains(factor);
        match (self, form) {
            (Self::Learned, DecompositionForm::Published) => refused(
                "learned".to_owned(),
                "fixed = [..] with the published decomposition, which has no lower bound otherwise",
            ),
            (Self::Fixed(factors), _) if !factors.iter().all(fits) => {
                refused(format!("fixed = {factors:?}"), "factors from 0.01 to 25")
            }
            _ => Ok(()),
        }
    }
}

/// The weights of the losses.
#[derive(Module, Debug)]
pub struct Balance {
    /// `log s^2`, of L_appro and L_decomp.
    pub log_variances: Param<Tensor<1>>,
    #[module(skip)]
    learned: bool,
}

impl Balance {
    /// Equal at first, where they are learned.
    #[must_use]
    pub fn new(weighing: Weighing, device: &Device) -> Self {
        let (log_variances, learned) = match weighing {
            Weighing::Learned => ([0.0, 0.0], true),
            Weighing::Fixed(factors) => (factors.map(|factor| -(2.0 * factor).ln()), false),
        };
        let log_variances = Tensor::<1>::from_data(log_variances.map(|x| x as f32), device);
        Self { log_variances: Param::from_tensor(log_variances), learned }
    }

    /// Whether they change in training.
    #[must_use]
    pub fn is_learned(&self) -> bool {
        self.learned
    }

    /// The total of the losses that there are, one number each.
    #[must_use]
    pub fn total(&self, approximation: Tensor<1>, decomposition: Option<Tensor<1>>) -> Tensor<1> {
        let losses: Vec<_> = std::iter::once(approximation).chain(decomposition).collect();
        let log_variances = self.clamped().narrow(0, 0, losses.len());
        let losses = Tensor::cat(losses, 0);
        (losses * (-log_variances.clone()).exp() + log_variances).sum() * 0.5
    }

    /// s1 and s2.
    ///
    /// # Errors
    /// If they cannot be read from the device.
    pub fn deviations(&self) -> Result<[f64; 2], TensorReadError> {
        let values = (self.clamped() * 0.5).exp().without_autodiff().try_into_vec_as::<f32>()?;
        let of = |n: usize| values.get(n).map_or(f64::NAN, |&value| f64::from(value));
        Ok([of(0), of(1)])
    }

    fn clamped(&self) -> Tensor<1> {
        self.log_variances.val().clamp(-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE)
    }
}
