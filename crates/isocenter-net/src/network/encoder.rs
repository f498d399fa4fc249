//! The shared feature encoder: from an image to a map of 64 channels, a sixteenth of its sides.
//!
//! Two convolutions at full resolution, then four stages. A stage cuts the map into 2 x 2 patches
//! and has two blocks of a transformer in which attention is replaced by pooling: what a channel is
//! on average is spread over the map by a learned pattern that all channels share.
//!
//! ```text
//! y = LN(h);   h = h + y + P(y);   h = h + MLP(LN(h))
//! ```
//!
//! # References
//! arXiv:2402.02498, section 2.2

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::config::{CHANNELS, DualBranchConfig};
use crate::dual::Dual;
use crate::layer::dropout::dropout;
use crate::layer::normalization::instance_norm;
use crate::layer::{Border, ChannelNorm, Context, Convolution2d, Init};

/// Channels of the images.
pub(super) const IMAGE_CHANNELS: usize = 3;

/// Channels at full resolution.
const FULL_RESOLUTION_CHANNELS: usize = 8;

/// Channels of the stages.
const STAGE_CHANNELS: [usize; 4] = [16, 32, 64, CHANNELS];

const BLOCKS_PER_STAGE: usize = 2;

const INSTANCE_NORM_EPSILON: f64 = 1e-5;
const PATCH_NORM_EPSILON: f64 = 1e-5;
const BLOCK_NORM_EPSILON: f64 = 1e-6;

/// See the [module](self).
#[derive(Module, Debug)]
pub struct Encoder {
    /// At full resolution.
    pub convolutions: Vec<Convolution2d>,
    /// Ever smaller maps.
    pub stages: Vec<Stage>,
}

/// A stage: half the sides.
#[derive(Module, Debug)]
pub struct Stage {
    /// Patches of 2 x 2.
    pub patches: Convolution2d,
    /// Of the patches.
    pub norm: ChannelNorm,
    /// The blocks.
    pub blocks: Vec<PoolingBlock>,
}

/// A block of the pooling transformer.
#[derive(Module, Debug)]
pub struct PoolingBlock {
    /// In front of the pooling.
    pub pooling_norm: ChannelNorm,
    /// By which pattern a mean is spread over the map: row by row.
    pub pattern: Param<Tensor<1>>,
    /// What is added to the pattern.
    pub pattern_bias: Param<Tensor<1>>,
    /// In front of the two layers.
    pub mlp_norm: ChannelNorm,
    /// To twice the channels.
    pub widen: Convolution2d,
    /// And back.
    pub narrow: Convolution2d,
    #[module(skip)]
    dropout: f64,
}

impl Encoder {
    /// With first weights.
    #[must_use]
    pub fn new(config: &DualBranchConfig, init: &mut Init) -> Self {
        let channels = [IMAGE_CHANNELS, FULL_RESOLUTION_CHANNELS, FULL_RESOLUTION_CHANNELS];
        let convolutions = channels
            .windows(2)
            .map(|pair| Convolution2d::new([pair[0], pair[1]], 3, Border::Zeros, init))
            .collect();
        let mut inputs = FULL_RESOLUTION_CHANNELS;
        let mut size_px = config.size_px;
        let mut stages = Vec::with_capacity(STAGE_CHANNELS.len());
        for outputs in STAGE_CHANNELS {
            size_px = size_px.map(|side| side / 2);
            stages.push(Stage::new([inputs, outputs], size_px, config.dropout, init));
            inputs = outputs;
        }
        Self { convolutions, stages }
    }

    /// [batch, 3, rows, columns] to [batch, 64, rows / 16, columns / 16].
    #[must_use]
    pub fn forward(&self, image: Dual<4>, context: &mut Context) -> Dual<4> {
        let mut x = image;
        for convolution in &self.convolutions {
            x = instance_norm(convolution.forward(x), INSTANCE_NORM_EPSILON).relu();
        }
        for stage in &self.stages {
            x = stage.forward(x, context);
        }
        x
    }
}

impl Stage {
    fn new(
        [inputs, outputs]: [usize; 2],
        size_px: [usize; 2],
        dropout: f64,
        init: &mut Init,
    ) -> Self {
        let block = |_| PoolingBlock::new(outputs, size_px, dropout, init);
        Self {
            blocks: (0..BLOCKS_PER_STAGE).map(block).collect(),
            patches: Convolution2d::patches([inputs, outputs], 2, init),
            norm: ChannelNorm::new(outputs, PATCH_NORM_EPSILON, init),
        }
    }

    fn forward(&self, x: Dual<4>, context: &mut Context) -> Dual<4> {
        let patches = self.norm.forward(self.patches.forward(x));
        self.blocks.iter().fold(patches, |x, block| block.forward(x, context))
    }
}

impl PoolingBlock {
    fn new(channels: usize, [columns, rows]: [usize; 2], dropout: f64, init: &mut Init) -> Self {
        let hidden = 2 * channels;
        Self {
            pooling_norm: ChannelNorm::new(channels, BLOCK_NORM_EPSILON, init),
            // A linear layer from one number.
            pattern: init.uniform([columns * rows], 1),
            pattern_bias: init.uniform([columns * rows], 1),
            mlp_norm: ChannelNorm::new(channels, BLOCK_NORM_EPSILON, init),
            widen: Convolution2d::pointwise([channels, hidden], init),
            narrow: Convolution2d::pointwise([hidden, channels], init),
            dropout,
        }
    }

    fn forward(&self, h: Dual<4>, context: &mut Context) -> Dual<4> {
        let y = self.pooling_norm.forward(h.clone());
        let pooled = self.pool(y.clone());
        let h = h + y + pooled;
        let hidden = self.widen.forward(self.mlp_norm.forward(h.clone())).gelu();
        let hidden = dropout(hidden, self.dropout, context);
        h + dropout(self.narrow.forward(hidden), self.dropout, context)
    }

    /// Each channel's mean, spread over the map.
    fn pool(&self, y: Dual<4>) -> Dual<4> {
        let [_, _, rows, columns] = y.value().dims();
        let over_map = |pattern: Tensor<1>| pattern.reshape([1, 1, rows, columns]);
        let pattern = over_map(self.pattern.val());
        y.linear(|y| y.mean_dims(&[2, 3]))
            .mul_constant(pattern)
            .add_constant(over_map(self.pattern_bias.val()))
    }
}
