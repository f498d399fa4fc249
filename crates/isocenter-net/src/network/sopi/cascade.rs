//! A block of the composite encoder: its map at three scales, each a half of the last, and what the coarse
//! ones see brought back to the fine one.
//!
//! ```text
//! x ── bottleneck ── c3 ───────────────────────────────────────── + ── p3     64 channels
//!                    └─ half ── bottleneck ── c4 ─────── + ── mix, twice ── p4
//!                                             └─ half ── focal block ── c5, mix, twice ── p5
//! ```
//!
//! p3 and p4 have the sides of the input, p5 half of them.
//!
//! # References
//! G. Zhang et al., *CFNet: Cascade Fusion Network for Dense Prediction*, arXiv:2302.06052 (its stages and
//! focal blocks, and the transition whose parts are added one after the other)

use burn::module::Module;

use super::attention::AttentionBottleneck;
use crate::dual::Dual;
use crate::layer::upsampling::upsample_2x;
use crate::layer::{Border, ChannelNorm, Context, Convolution2d, Init};
use crate::network::config::Normalization;

/// Channels at the three scales.
const CHANNELS: [usize; 3] = [FINE_CHANNELS, 128, 256];

/// Channels of the input and of the fine maps.
pub(super) const FINE_CHANNELS: usize = 64;

/// Pixels of a side of the focal block's kernels.
const FOCAL_KERNEL: usize = 7;

/// Steps between what the second of them takes, in pixels.
const FOCAL_DILATION: usize = 2;

/// The focal block's hidden channels for each of its own.
const FOCAL_EXPANSION: usize = 4;

const FOCAL_NORM_EPSILON: f64 = 1e-5;

/// See the [module](self).
#[derive(Module, Debug)]
pub struct CascadeBlock {
    /// Of the map and of its half.
    pub bottlenecks: [AttentionBottleneck; 2],
    /// To half the sides and twice the channels, each after one of these.
    pub halvings: [Convolution2d; 2],
    /// Of the quarter.
    pub focal: FocalBlock,
    /// Back up: to the half's channels, and to the map's.
    pub mixings: [Convolution2d; 2],
}

/// Large kernels, of neighbors and of pixels further off, then two layers of each pixel by itself.
#[derive(Module, Debug)]
pub struct FocalBlock {
    /// Of neighbors, and of pixels further off.
    pub depthwise: [DepthwiseLayer; 2],
    /// To four times the channels, without bias.
    pub widen: Convolution2d,
    /// And back, likewise.
    pub narrow: Convolution2d,
}

/// A convolution of each channel by itself, normalised, with GELU, added to its input.
#[derive(Module, Debug)]
pub struct DepthwiseLayer {
    /// Of each channel.
    pub convolution: Convolution2d,
    /// After it.
    pub norm: ChannelNorm,
}

impl CascadeBlock {
    /// With first weights.
    #[must_use]
    pub fn new(kind: Normalization, init: &mut Init) -> Self {
        let [fine, middle, coarse] = CHANNELS;
        let mixing =
            |channels, init: &mut Init| Convolution2d::pointwise(channels, init).without_bias();
        Self {
            bottlenecks: [fine, middle].map(|width| AttentionBottleneck::new(kind, width, init)),
            halvings: [[fine, middle], [middle, coarse]]
                .map(|channels| Convolution2d::halving(channels, init)),
            focal: FocalBlock::new(coarse, init),
            mixings: [[coarse, middle], [middle, fine]].map(|channels| mixing(channels, init)),
        }
    }

    /// From fine to coarse: [batch, 64, rows, columns] twice, [batch, 128, rows / 2, columns / 2].
    ///
    /// # Shapes
    /// [batch, 64, rows, columns], both divisible by 4.
    #[must_use]
    pub fn forward(&self, x: Dual<4>, context: &Context) -> [Dual<4>; 3] {
        let [of_fine, of_middle] = &self.bottlenecks;
        let [to_middle, to_coarse] = &self.halvings;
        let [from_coarse, from_middle] = &self.mixings;
        let fine = of_fine.forward(x, context);
        let middle = of_middle.forward(to_middle.forward(fine.clone()), context);
        let coarse = self.focal.forward(to_coarse.forward(middle.clone()));
        let coarse = upsample_2x(from_coarse.forward(coarse));
        let middle = upsample_2x(from_middle.forward(coarse.clone() + middle));
        [middle.clone() + fine, middle, coarse]
    }
}

impl FocalBlock {
    /// With first weights.
    #[must_use]
    pub fn new(channels: usize, init: &mut Init) -> Self {
        let hidden = FOCAL_EXPANSION * channels;
        Self {
            depthwise: [1, FOCAL_DILATION]
                .map(|dilation| DepthwiseLayer::new(channels, dilation, init)),
            widen: Convolution2d::pointwise([channels, hidden], init).without_bias(),
            narrow: Convolution2d::pointwise([hidden, channels], init).without_bias(),
        }
    }

    /// [batch, channels, rows, columns] to the same.
    #[must_use]
    pub fn forward(&self, x: Dual<4>) -> Dual<4> {
        let y = self.depthwise.iter().fold(x.clone(), |y, layer| layer.forward(y));
        x + self.narrow.forward(self.widen.forward(y).gelu())
    }
}

impl DepthwiseLayer {
    fn new(channels: usize, dilation: usize, init: &mut Init) -> Self {
        let convolution = Convolution2d::depthwise(channels, FOCAL_KERNEL, Border::Zeros, init);
        Self {
            convolution: convolution.with_dilation(dilation),
            norm: ChannelNorm::new(channels, FOCAL_NORM_EPSILON, init),
        }
    }

    fn forward(&self, x: Dual<4>) -> Dual<4> {
        x.clone() + self.norm.forward(self.convolution.forward(x)).gelu()
    }
}
