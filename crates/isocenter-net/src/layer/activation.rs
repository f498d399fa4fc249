//! Functions of each element by itself.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use crate::dual::Dual;
use crate::fused::SymmetricMap;

/// The slope of the leaky ReLU below 0.
const LEAK: f64 = 0.01;

impl<const D: usize> Dual<D> {
    /// `max(0, x)`; at 0 its slope is taken as 0.
    #[must_use]
    pub fn relu(self) -> Self {
        SymmetricMap::Relu.of(self)
    }

    /// x above 0, a hundredth of it below; at 0 its slope is taken as a hundredth.
    #[must_use]
    pub fn leaky_relu(self) -> Self {
        self.clone().relu().scale(1.0 - LEAK) + self.scale(LEAK)
    }

    /// `min(max(0, x), 6)`; at 0 and 6 its slope is taken as 0.
    #[must_use]
    pub fn relu6(self) -> Self {
        SymmetricMap::Relu6.of(self)
    }

    /// `x Phi(x)`, Phi being the normal distribution's; its derivative is exact too.
    #[must_use]
    pub fn gelu(self) -> Self {
        SymmetricMap::Gelu.of(self)
    }

    /// The logistic function `1 / (1 + e^-x)`.
    #[must_use]
    pub fn sigmoid(self) -> Self {
        let value: Tensor<D> = sigmoid(self.value().clone());
        self.pointwise(value.clone(), || value.clone() * (-value + 1.0))
    }
}
