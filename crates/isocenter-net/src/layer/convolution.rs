//! Convolutions of images.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::{ConvOptions, PadMode};

use super::init::Init;
use crate::dual::Dual;

/// What lies beyond the border of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// Nothing: the image shrinks.
    None,
    /// Zeros, half a kernel of them.
    Zeros,
    /// The image's own reflection, half a kernel of it.
    Reflected,
}

/// A convolution of an image.
///
/// # Shapes
/// [batch, channels in, rows, columns] to [batch, channels out, ...]; weights [out, in / groups,
/// kernel, kernel].
#[derive(Module, Debug)]
pub struct Convolution2d {
    /// The kernels.
    pub weight: Param<Tensor<4>>,
    /// What is added to each output channel.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    border: Border,
    #[module(skip)]
    stride: usize,
    #[module(skip)]
    groups: usize,
}

impl Convolution2d {
    /// With square kernels, a bias, and first weights.
    #[must_use]
    pub fn new(
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        border: Border,
        init: &mut Init,
    ) -> Self {
        let fan_in = inputs * kernel * kernel;
        Self {
            weight: init.uniform([outputs, inputs, kernel, kernel], fan_in),
            bias: Some(init.uniform([outputs], fan_in)),
            border,
            stride: 1,
            groups: 1,
        }
    }

    /// One pixel with a bias: a linear layer of the channels.
    #[must_use]
    pub fn pointwise(channels: [usize; 2], init: &mut Init) -> Self {
        Self::new(channels, 1, Border::None, init)
    }

    /// Disjoint patches.
    #[must_use]
    pub fn patches(channels: [usize; 2], side: usize, init: &mut Init) -> Self {
        Self { stride: side, ..Self::new(channels, side, Border::None, init) }
    }

    /// Each channel by itself.
    #[must_use]
    pub fn depthwise(channels: usize, kernel: usize, border: Border, init: &mut Init) -> Self {
        let fan_in = kernel * kernel;
        Self {
            weight: init.uniform([channels, 1, kernel, kernel], fan_in),
            bias: Some(init.uniform([channels], fan_in)),
            border,
            stride: 1,
            groups: channels,
        }
    }

    /// The same without a bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// The convolution and its tangent.
    #[must_use]
    pub fn forward(&self, x: Dual<4>) -> Dual<4> {
        let weight = self.weight.val();
        let [_, _, kernel, _] = weight.dims();
        let half = kernel / 2;
        let zeros = if self.border == Border::Zeros { half } else { 0 };
        let (stride, groups) = ([self.stride; 2], self.groups);
        let convolved = x.linear(|x| {
            let x = match self.border {
                Border::Reflected => x.pad((half, half, half, half), PadMode::Reflect),
                Border::None | Border::Zeros => x,
            };
            let options = ConvOptions::new(stride, [zeros; 2], [1; 2], groups);
            conv2d(x, weight.clone(), None, options)
        });
        match &self.bias {
            Some(bias) => {
                let bias = bias.val();
                let [channels] = bias.dims();
                convolved.add_constant(bias.reshape([1, channels, 1, 1]))
            }
            None => convolved,
        }
    }
}
