//! The maps made of the framework's own operations: for devices that have none of ours, and the
//! reference of the tests.

use std::f64::consts::{SQRT_2, TAU};

use burn::tensor::Tensor;

use super::SymmetricMap;

/// The dimension that is normalised over.
const OVER: usize = 1;

impl SymmetricMap {
    /// f(x)
    pub(super) fn composed_value<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => x.clamp_min(0.0),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::Gelu => x.clone() * cumulative(x),
            Self::Normalization { epsilon } => {
                let Normalized { value, .. } = normalized(x, epsilon);
                value
            }
        }
    }

    /// J(x) u
    pub(super) fn composed_along<const D: usize>(
        self,
        x: Tensor<D>,
        direction: Tensor<D>,
    ) -> Tensor<D> {
        match self {
            Self::Relu => direction * x.greater_elem(0.0).float(),
            Self::Relu6 => {
                direction * x.clone().greater_elem(0.0).float() * x.lower_elem(6.0).float()
            }
            Self::Gelu => {
                let density = (-x.clone().square() * 0.5).exp() / TAU.sqrt();
                direction * (cumulative(x.clone()) + x * density)
            }
            Self::Normalization { epsilon } => {
                let Normalized { value, inverse } = normalized(x, epsilon);
                let along = (value.clone() * direction.clone()).mean_dim(OVER);
                let centered = direction.clone() - direction.mean_dim(OVER);
                (centered - value * along) * inverse
            }
        }
    }
}

/// The normal distribution's function. Composed, since the framework's own GELU has another function's
/// derivative.
fn cumulative<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    ((x / SQRT_2).erf() + 1.0) * 0.5
}

struct Normalized<const D: usize> {
    value: Tensor<D>,
    inverse: Tensor<D>,
}

fn normalized<const D: usize>(x: Tensor<D>, epsilon: f64) -> Normalized<D> {
    let centered = x.clone() - x.mean_dim(OVER);
    let variance = centered.clone().square().mean_dim(OVER);
    let inverse = (variance + epsilon).sqrt().recip();
    Normalized { value: centered * inverse.clone(), inverse }
}
