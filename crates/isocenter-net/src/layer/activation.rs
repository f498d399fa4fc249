//! Functions of each element by itself.

use std::f64::consts::{PI, SQRT_2};

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use crate::dual::Dual;

impl<const D: usize> Dual<D> {
    /// `max(0, x)`; at 0 its slope is taken as 0.
    #[must_use]
    pub fn relu(self) -> Self {
        let x = self.value().clone();
        let rising = || x.clone().greater_elem(0.0).float();
        self.pointwise(x.clone().clamp_min(0.0), rising)
    }

    /// `min(max(0, x), 6)`; at 0 and 6 its slope is taken as 0.
    #[must_use]
    pub fn relu6(self) -> Self {
        let x = self.value().clone();
        let rising = || {
            let above = x.clone().greater_elem(0.0).float();
            above * x.clone().lower_elem(6.0).float()
        };
        self.pointwise(x.clone().clamp(0.0, 6.0), rising)
    }

    /// `x Phi(x)`, Phi being the normal distribution's; composed of the error function, so that its
    /// derivative is exact too.
    #[must_use]
    pub fn gelu(self) -> Self {
        let x = self.value().clone();
        let phi = ((x.clone() / SQRT_2).erf() + 1.0) * 0.5;
        let density = || (-x.clone().square() * 0.5).exp() * (1.0 / (2.0 * PI).sqrt());
        self.pointwise(x.clone() * phi.clone(), || phi + x.clone() * density())
    }

    /// The logistic function `1 / (1 + e^-x)`.
    #[must_use]
    pub fn sigmoid(self) -> Self {
        let value: Tensor<D> = sigmoid(self.value().clone());
        self.pointwise(value.clone(), || value.clone() * (-value + 1.0))
    }
}
