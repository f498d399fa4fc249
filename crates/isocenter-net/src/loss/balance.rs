//! How the two losses are weighed: by uncertainties that are learned with the network.
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
use burn::tensor::{Device, Tensor};

const LARGEST_LOG_VARIANCE: f64 = 4.0;

/// The weights of the losses.
#[derive(Module, Debug)]
pub struct Balance {
    /// `log s^2`, of L_appro and L_decomp.
    pub log_variances: Param<Tensor<1>>,
}

impl Balance {
    /// Equal.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self { log_variances: Param::from_tensor(Tensor::zeros([2], device)) }
    }

    /// The total of the two losses, one number each.
    #[must_use]
    pub fn total(&self, approximation: Tensor<1>, decomposition: Tensor<1>) -> Tensor<1> {
        let log_variances = self.clamped();
        let losses = Tensor::cat(vec![approximation, decomposition], 0);
        (losses * (-log_variances.clone()).exp() + log_variances).sum() * 0.5
    }

    /// What L_appro is multiplied with: `1 / (2 s1^2)`.
    #[must_use]
    pub fn approximation_weight(&self) -> Tensor<1> {
        (-self.clamped().narrow(0, 0, 1)).exp() * 0.5
    }

    fn clamped(&self) -> Tensor<1> {
        self.log_variances.val().clamp(-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE)
    }
}
