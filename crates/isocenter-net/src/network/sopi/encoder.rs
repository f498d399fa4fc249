//! The composite encoder: two backbones of the same blocks, the second helped on by the first.
//!
//! ```text
//! image ── stem ── convolution, bottleneck ── half the sides ──┐
//!          ┌────────────────────────────────────────────────── x
//!          └─ block ── a ── block ── b ── block ── c                assisting
//!                      │             │             │
//!                      └── + ─ join ─┘             │
//!                          └── block ── + ── join ─┘                lead
//!                                       └── block ── three levels
//! ```
//!
//! # References
//! Y. Liu et al., *CBNet: A Novel Composite Backbone Network Architecture for Object Detection*,
//! arXiv:1909.03625 (backbones side by side); arXiv:2305.06252

use burn::module::Module;

use super::attention::AttentionBottleneck;
use super::cascade::{CascadeBlock, FINE_CHANNELS};
use crate::dual::Dual;
use crate::layer::{Border, ChannelNorm, Context, Convolution2d, Init};
use crate::network::config::Normalization;
use crate::network::norm::Norm;

/// Channels of the image, at half its sides, and at a quarter.
const STEM_CHANNELS: [usize; 3] = [1, 4, 16];

const STEM_NORM_EPSILON: f64 = 1e-5;

/// See the [module](self).
#[derive(Module, Debug)]
pub struct CompositeEncoder {
    /// To a quarter of the sides.
    pub stem: Vec<StemLayer>,
    /// To the channels of the blocks.
    pub widen: Convolution2d,
    /// Among them.
    pub bottleneck: AttentionBottleneck,
    /// To an eighth of the sides.
    pub halve: Convolution2d,
    /// One after the other.
    pub assisting: [CascadeBlock; 3],
    /// What the second and the third of these give, on its way to the lead.
    pub connections: [CompositeConnection; 2],
    /// One after the other.
    pub lead: [CascadeBlock; 2],
}

/// A convolution to half the sides, normalised, with GELU.
#[derive(Module, Debug)]
pub struct StemLayer {
    /// To half the sides.
    pub halve: Convolution2d,
    /// After it.
    pub norm: ChannelNorm,
}

/// Channels mixed, and normalised.
#[derive(Module, Debug)]
pub struct CompositeConnection {
    /// Of one pixel, without bias.
    pub mixing: Convolution2d,
    /// After it.
    pub norm: Norm,
}

impl CompositeEncoder {
    /// With first weights.
    #[must_use]
    pub fn new(kind: Normalization, init: &mut Init) -> Self {
        let layer = |pair: &[usize]| StemLayer::new([pair[0], pair[1]], init);
        let stem = STEM_CHANNELS.windows(2).map(layer).collect();
        let [.., channels] = STEM_CHANNELS;
        let fine = [FINE_CHANNELS; 2];
        Self {
            stem,
            widen: Convolution2d::new([channels, FINE_CHANNELS], 3, Border::Zeros, init),
            bottleneck: AttentionBottleneck::new(kind, FINE_CHANNELS, init),
            halve: Convolution2d::halving(fine, init),
            assisting: std::array::from_fn(|_| CascadeBlock::new(kind, init)),
            connections: std::array::from_fn(|_| CompositeConnection::new(kind, init)),
            lead: std::array::from_fn(|_| CascadeBlock::new(kind, init)),
        }
    }

    /// Maps from fine to coarse: of 64 channels and an eighth of the sides, twice, and of 128 channels and
    /// a sixteenth.
    ///
    /// # Shapes
    /// [batch, 1, rows, columns], both divisible by 32.
    #[must_use]
    pub fn forward(&self, image: Dual<4>, context: &Context) -> [Dual<4>; 3] {
        let quarter = self.stem.iter().fold(image, |x, layer| layer.forward(x));
        let quarter = self.widen.forward(quarter).leaky_relu();
        let x = self.halve.forward(self.bottleneck.forward(quarter, context));
        let finest = |block: &CascadeBlock, x: Dual<4>| {
            let [finest, ..] = block.forward(x, context);
            finest
        };
        let [first, second, third] = &self.assisting;
        let a = finest(first, x);
        let b = finest(second, a.clone());
        let c = finest(third, b.clone());
        let [join_b, join_c] = &self.connections;
        let [before, last] = &self.lead;
        let x = finest(before, a + join_b.forward(b, context));
        last.forward(x + join_c.forward(c, context), context)
    }
}

impl StemLayer {
    fn new(channels: [usize; 2], init: &mut Init) -> Self {
        Self {
            halve: Convolution2d::halving(channels, init),
            norm: ChannelNorm::new(channels[1], STEM_NORM_EPSILON, init),
        }
    }

    fn forward(&self, x: Dual<4>) -> Dual<4> {
        self.norm.forward(self.halve.forward(x)).gelu()
    }
}

impl CompositeConnection {
    fn new(kind: Normalization, init: &mut Init) -> Self {
        Self {
            mixing: Convolution2d::pointwise([FINE_CHANNELS; 2], init).without_bias(),
            norm: Norm::new(kind, FINE_CHANNELS, init),
        }
    }

    fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        self.norm.forward(self.mixing.forward(x), context)
    }
}
