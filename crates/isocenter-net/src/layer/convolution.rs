//! Convolutions of images.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::{ConvOptions, PadMode};

use super::init::Init;
use crate::dual::Dual;
use crate::fused::{convolve_3x3, mix_channels, patches};

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
    dilation: usize,
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
            dilation: 1,
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

    /// Of 3 x 3 pixels about every second one, with zeros beyond the border: half the sides.
    #[must_use]
    pub fn halving(channels: [usize; 2], init: &mut Init) -> Self {
        Self { stride: 2, ..Self::new(channels, 3, Border::Zeros, init) }
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
            dilation: 1,
            groups: channels,
        }
    }

    /// The same without a bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// The same with so many pixels from one of a kernel's to the next, 1 being neighbors.
    #[must_use]
    pub fn with_dilation(self, dilation: usize) -> Self {
        Self { dilation, ..self }
    }

    /// The convolution and its tangent.
    #[must_use]
    pub fn forward(&self, x: Dual<4>) -> Dual<4> {
        let weight = self.weight.val();
        let [_, _, kernel, _] = weight.dims();
        let bias = self.bias.as_ref().map(Param::val);
        if kernel == self.stride && self.groups == 1 {
            let (x, tangent) = x.into_parts();
            let tangent = tangent.map(|x| of_patches(x, weight.clone(), None));
            return Dual::from_parts(of_patches(x, weight, bias), tangent);
        }
        let convolved = x.linear(|x| self.of_neighborhoods(x, weight.clone()));
        match bias {
            Some(bias) => {
                let [channels] = bias.dims();
                convolved.add_constant(bias.reshape([1, channels, 1, 1]))
            }
            None => convolved,
        }
    }

    fn of_neighborhoods(&self, x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
        let [_, _, kernel, _] = weight.dims();
        let half = self.dilation * (kernel / 2);
        let (x, zeros) = match self.border {
            Border::Reflected => (x.pad((half, half, half, half), PadMode::Reflect), 0),
            Border::Zeros => (x, half),
            Border::None => (x, 0),
        };
        let Self { stride, dilation, groups, .. } = *self;
        if [kernel, zeros, stride, dilation, groups] == [3, 1, 1, 1, 1] {
            return convolve_3x3(x, weight);
        }
        let options = ConvOptions::new([stride; 2], [zeros; 2], [dilation; 2], groups);
        conv2d(x, weight, None, options)
    }
}

/// A convolution whose kernels touch but do not overlap: the channels of patches are mixed.
fn of_patches(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let [batch, channels, rows, columns] = x.dims();
    let [outputs, _, side, _] = weight.dims();
    let weight = weight.reshape([outputs, channels * side * side]);
    let mixed = mix_channels(patches(x, side), weight, bias);
    mixed.reshape([batch, outputs, rows / side, columns / side])
}
