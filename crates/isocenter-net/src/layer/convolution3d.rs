//! Convolutions of volumes.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::init::Init;
use crate::fused::convolve_3x3x3;
use crate::volume::TAPS;

/// A convolution of a volume, 3 x 3 x 3 with zeros beyond the border, and a bias.
#[derive(Module, Debug)]
pub struct Convolution3d {
    /// [out, in, 3, 3, 3], the last along i.
    pub weight: Param<Tensor<5>>,
    /// One for each output channel.
    pub bias: Param<Tensor<1>>,
}

impl Convolution3d {
    /// With first weights.
    #[must_use]
    pub fn new([inputs, outputs]: [usize; 2], init: &mut Init) -> Self {
        let fan_in = inputs * TAPS;
        Self {
            weight: init.uniform([outputs, inputs, 3, 3, 3], fan_in),
            bias: init.uniform([outputs], fan_in),
        }
    }

    /// The convolution within the framework, which differentiates it.
    ///
    /// # Shapes
    /// [batch, channels in, k, j, i] to [batch, channels out, k, j, i]
    #[must_use]
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let bias = self.bias.val();
        let [channels] = bias.dims();
        convolve_3x3x3(x, self.weight.val()) + bias.reshape([1, channels, 1, 1, 1])
    }
}
