//! How the two losses are weighed: by uncertainties that are learned with the network, or fixed.
//!
//! ```text
//! L = L_appro / (2 s1^2) + L_decomp / (2 s2^2) + log s1 + log s2
//! ```
//!
//! The logarithms of the variances s^2 are what is learned, from 0. They are moved back into [-4, 4] after
//! each step ([`Balance::held`]): within the loss a clamp would have no gradient beyond, and what once came
//! there would stay.
//!
//! # References
//! A. Kendall, Y. Gal, R. Cipolla, arXiv:1705.07115; arXiv:2402.02498, section 2.4

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorReadError};
use serde::{Deserialize, Serialize};

use super::decomposition::DecompositionForm;
use crate::error::NetError;
use crate::weights;

const LARGEST_LOG_VARIANCE: f32 = 4.0;

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
        let log_variances = self.log_variances.val().narrow(0, 0, losses.len());
        let losses = Tensor::cat(losses, 0);
        (losses * (-log_variances.clone()).exp() + log_variances).sum() * 0.5
    }

    /// s1 and s2.
    ///
    /// # Errors
    /// If they cannot be read from the device.
    pub fn deviations(&self) -> Result<[f64; 2], TensorReadError> {
        let deviations = (self.log_variances.val() * 0.5).exp();
        let values = deviations.without_autodiff().try_into_vec_as::<f32>()?;
        let of = |n: usize| values.get(n).map_or(f64::NAN, |&value| f64::from(value));
        Ok([of(0), of(1)])
    }

    /// With log variances no larger than they may be.
    ///
    /// # Errors
    /// If they cannot be read from the device.
    pub fn held(self) -> Result<Self, NetError> {
        weights::changed(self, |_, values, _| {
            let bounds = [-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE];
            values.iter_mut().for_each(|value| *value = value.clamp(bounds[0], bounds[1]));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the total and its derivative are the formula's (worked out in f64) at log variances other
    //! than 0 and at their bounds; fixed factors are those of the losses; what is beyond is moved back.
    use super::*;

    const LOSSES: [f64; 2] = [1.5, 0.25];

    fn balance(log_variances: [f32; 2]) -> Balance {
        let mut balance = Balance::new(Weighing::Learned, &Device::flex().autodiff());
        balance = weights::changed(balance, |_, values, _| {
            values.copy_from_slice(&log_variances);
            Ok(())
        })
        .unwrap();
        balance
    }

    fn total(balance: &Balance) -> Tensor<1> {
        let device = Device::flex().autodiff();
        let [first, second] = LOSSES.map(|loss| Tensor::from_data([loss as f32], &device));
        balance.total(first, Some(second))
    }

    #[test]
    fn the_total_is_the_formula() {
        for log_variances in [[0.0, 0.0], [1.5, -2.5], [4.0, -4.0]] {
            let balance = balance(log_variances);
            let found = total(&balance);
            let parts = || log_variances.map(f64::from).into_iter().zip(LOSSES);
            let expected: f64 = parts().map(|(s, loss)| 0.5 * (loss * (-s).exp() + s)).sum();
            let value = f64::from(found.clone().into_scalar::<f32>());
            // Single precision.
            assert!(
                (value - expected).abs() < 1e-5 * expected.abs().max(1.0),
                "{value} {expected}"
            );
            let gradients = weights::gradients_of(&balance, &found.backward()).unwrap();
            let slopes = &gradients["log_variances"].values;
            for (found, (s, loss)) in slopes.iter().zip(parts()) {
                let expected = 0.5 * (1.0 - loss * (-s).exp());
                let off = (f64::from(*found) - expected).abs();
                assert!(off < 1e-5 * expected.abs().max(1.0), "{found} {expected}");
            }
            let [s1, s2] = balance.deviations().unwrap();
            assert!((s1.powi(2).ln() - f64::from(log_variances[0])).abs() < 1e-5);
            assert!((s2.powi(2).ln() - f64::from(log_variances[1])).abs() < 1e-5);
        }
    }

    #[test]
    fn fixed_factors_are_those_of_the_losses() {
        let device = Device::flex();
        for factors in [[1.0, 0.02], [25.0, 0.5]] {
            let balance = Balance::new(Weighing::Fixed(factors), &device);
            let at = |losses: [f64; 2]| {
                let [first, second] = losses.map(|loss| Tensor::from_data([loss as f32], &device));
                f64::from(balance.total(first, Some(second)).into_scalar::<f32>())
            };
            for (n, factor) in factors.into_iter().enumerate() {
                let mut more = LOSSES;
                more[n] += 1.0;
                let slope = at(more) - at(LOSSES);
                assert!((slope - factor).abs() < 1e-5 * factor.max(1.0), "{slope} {factor}");
            }
        }
    }

    #[test]
    fn what_is_beyond_is_moved_back() {
        let held = balance([7.0, -4.5]).held().unwrap();
        assert_eq!(weights::of(&held).unwrap()["log_variances"].values, [4.0, -4.0]);
        let slopes = weights::gradients_of(&held, &total(&held).backward()).unwrap();
        assert!(slopes["log_variances"].values.iter().all(|slope| slope.abs() > 0.1));
    }
}
