//! What is in front of where CT and X-ray meet: blocks of two convolutions that halve the sides.
//!
//! ```text
//! x ── convolution ── norm, ReLU, dropout ── convolution ── norm, ReLU, dropout ── mean of neighbours
//! ```
//!
//! As published, one normalisation serves both convolutions, and dropout leaves out whole channels.

use burn::module::Module;
use burn::tensor::Tensor;

use super::config::RegressorConfig;
use crate::dual::Dual;
use crate::layer::dropout::channel_dropout;
use crate::layer::pooling::mean_of_pairs;
use crate::layer::{Border, Context, Convolution2d, Convolution3d, Init};
use crate::network::Norm;

/// Of a volume.
#[derive(Module, Debug)]
pub struct VolumeBlock {
    /// One after the other, with biases.
    pub convolutions: [Convolution3d; 2],
    /// After each.
    pub norm: Norm,
    #[module(skip)]
    dropout: f64,
}

/// Of an image.
#[derive(Module, Debug)]
pub struct ImageBlock {
    /// One after the other, without biases.
    pub convolutions: [Convolution2d; 2],
    /// After each.
    pub norm: Norm,
    #[module(skip)]
    dropout: f64,
}

impl VolumeBlock {
    /// With first weights.
    #[must_use]
    pub fn new(config: &RegressorConfig, channels: [usize; 2], init: &mut Init) -> Self {
        let [_, outputs] = channels;
        let convolutions =
            [channels, [outputs; 2]].map(|channels| Convolution3d::new(channels, init));
        let norm = Norm::new(config.normalization, outputs, init);
        Self { convolutions, norm, dropout: config.dropout }
    }

    /// [batch, channels in, k, j, i] to [batch, channels out, k / 2, j / 2, i / 2].
    #[must_use]
    pub fn forward(&self, x: Tensor<5>, context: &mut Context) -> Tensor<5> {
        let x = self.convolutions.iter().fold(x, |x, convolution| {
            let y = convolution.forward(x);
            let [batch, channels, slices, rows, columns] = y.dims();
            // To what follows, slices are more rows.
            let map = Dual::constant(y.reshape([batch, channels, slices * rows, columns]));
            let map = self.norm.forward(map, context).relu();
            let (map, _) = channel_dropout(map, self.dropout, context).into_parts();
            map.reshape([batch, channels, slices, rows, columns])
        });
        mean_of_pairs(x, &[2, 3, 4])
    }
}

impl ImageBlock {
    /// With first weights.
    #[must_use]
    pub fn new(config: &RegressorConfig, channels: [usize; 2], init: &mut Init) -> Self {
        let [_, outputs] = channels;
        let convolutions = [channels, [outputs; 2]]
            .map(|channels| Convolution2d::new(channels, 3, Border::Zeros, init).without_bias());
        let norm = Norm::new(config.normalization, outputs, init);
        Self { convolutions, norm, dropout: config.dropout }
    }

    /// [batch, channels in, rows, columns] to [batch, channels out, rows / 2, columns / 2].
    #[must_use]
    pub fn forward(&self, x: Dual<4>, context: &mut Context) -> Dual<4> {
        let x = self.convolutions.iter().fold(x, |x, convolution| {
            let y = self.norm.forward(convolution.forward(x), context).relu();
            channel_dropout(y, self.dropout, context)
        });
        x.linear(|x| mean_of_pairs(x, &[2, 3]))
    }
}
