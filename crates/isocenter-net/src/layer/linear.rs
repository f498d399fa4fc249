//! Linear layers.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::init::Init;
use crate::dual::Dual;
use crate::fused::product;

/// `y = x W + b`.
///
/// # Shapes
/// x [batch, inputs], W [inputs, outputs] (PyTorch stores its transpose), b `[outputs]`.
#[derive(Module, Debug)]
pub struct Linear {
    /// W.
    pub weight: Param<Tensor<2>>,
    /// b.
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// With first weights.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, init: &mut Init) -> Self {
        let weight = init.uniform([inputs, outputs], inputs);
        Self { weight, bias: init.uniform([outputs], inputs) }
    }

    /// y and its tangent.
    #[must_use]
    pub fn forward(&self, x: Dual<2>) -> Dual<2> {
        let weight = self.weight.val();
        x.linear(|x| product(x, weight.clone())).add_constant(self.bias.val().unsqueeze())
    }
}
