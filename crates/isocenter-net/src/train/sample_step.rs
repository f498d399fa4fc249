//! The step of one sample, by the kind of model.

use burn::tensor::Gradients;
use nalgebra::Vector6;

use crate::regressor::step::RegressionStep;
use crate::step::Step;

/// See the [module](self).
pub(super) enum SampleStep {
    Network(Box<Step>),
    Regressor(RegressionStep),
}

impl SampleStep {
    pub(super) fn loss(&self) -> f64 {
        match self {
            Self::Network(step) => step.loss,
            Self::Regressor(step) => step.loss,
        }
    }

    /// Those of a network; a regressor has none.
    pub(super) fn pose_gradients(&self) -> &[Vector6<f64>] {
        match self {
            Self::Network(step) => &step.found,
            Self::Regressor(_) => &[],
        }
    }

    pub(super) fn network(&self) -> Option<&Step> {
        match self {
            Self::Network(step) => Some(step),
            Self::Regressor(_) => None,
        }
    }

    pub(super) fn regressor(&self) -> Option<&RegressionStep> {
        match self {
            Self::Network(_) => None,
            Self::Regressor(step) => Some(step),
        }
    }

    /// The derivatives of each pass in reverse that there was; no weight is in two of them.
    pub(super) fn gradients(&self) -> impl Iterator<Item = &Gradients> {
        let (first, second) = match self {
            Self::Network(step) => (&step.gradients, step.residual_gradients.as_ref()),
            Self::Regressor(step) => (&step.gradients, None),
        };
        std::iter::once(first).chain(second)
    }
}
