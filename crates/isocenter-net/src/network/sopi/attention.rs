//! A bottleneck with split attention: two readings of the channels, and for each channel how much of
//! either.
//!
//! ```text
//! r1, r2 = relu(convolution(each half of x));   g = mean over the map of r1 + r2
//! a1, a2 = softmax of the two halves of  fc2(relu(fc1(g)));   y = a1 r1 + a2 r2
//! ```
//!
//! A softmax of two is the logistic function of their difference, so that `y = r2 + a1 (r1 - r2)`.
//!
//! # References
//! H. Zhang et al., *ResNeSt: Split-Attention Networks*, arXiv:2004.08955

use burn::module::Module;

use crate::dual::Dual;
use crate::layer::{Context, Convolution2d, Init};
use crate::network::config::Normalization;
use crate::network::norm::Norm;

/// Half the channels, but not fewer, are where the attention is decided.
const LEAST_HIDDEN: usize = 32;

/// Channels mixed, split attention, channels mixed again, each normalised, with ReLU, and added to the
/// input before the last.
#[derive(Module, Debug)]
pub struct AttentionBottleneck {
    /// In front of the attention and after it: of one pixel, without bias.
    pub mixings: [Convolution2d; 2],
    /// In between.
    pub attention: SplitAttention,
    /// After each of the three.
    pub norms: [Norm; 3],
}

/// See the [module](self).
#[derive(Module, Debug)]
pub struct SplitAttention {
    /// Of each half of the channels to all of them.
    pub readings: [Convolution2d; 2],
    /// Of the means.
    pub narrow: Convolution2d,
    /// To a number for each channel of each reading.
    pub widen: Convolution2d,
}

impl AttentionBottleneck {
    /// With first weights; the channels are even.
    #[must_use]
    pub fn new(kind: Normalization, channels: usize, init: &mut Init) -> Self {
        let mut mixing = || Convolution2d::pointwise([channels; 2], init).without_bias();
        Self {
            mixings: [mixing(), mixing()],
            attention: SplitAttention::new(channels, init),
            norms: std::array::from_fn(|_| Norm::new(kind, channels, init)),
        }
    }

    /// [batch, channels, rows, columns] to the same.
    #[must_use]
    pub fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let [before, after] = &self.mixings;
        let [of_first, of_attention, of_last] = &self.norms;
        let y = of_first.forward(before.forward(x.clone()), context).relu();
        let y = of_attention.forward(self.attention.forward(y), context).relu();
        (x + of_last.forward(after.forward(y), context)).relu()
    }
}

impl SplitAttention {
    /// With first weights; the channels are even.
    #[must_use]
    pub fn new(channels: usize, init: &mut Init) -> Self {
        let hidden = (channels / 2).max(LEAST_HIDDEN);
        let reading = |_| Convolution2d::pointwise([channels / 2, channels], init);
        Self {
            readings: std::array::from_fn(reading),
            narrow: Convolution2d::pointwise([channels, hidden], init),
            widen: Convolution2d::pointwise([hidden, 2 * channels], init),
        }
    }

    /// [batch, channels, rows, columns] to the same.
    #[must_use]
    pub fn forward(&self, x: Dual<4>) -> Dual<4> {
        let [_, channels, ..] = x.value().dims();
        let half = |x: &Dual<4>, number: usize, width: usize| {
            x.clone().linear(|x| x.narrow(1, number * width, width))
        };
        let [first, second] = &self.readings;
        let first = first.forward(half(&x, 0, channels / 2)).relu();
        let second = second.forward(half(&x, 1, channels / 2)).relu();
        let means = (first.clone() + second.clone()).linear(|x| x.mean_dims(&[2, 3]));
        let decided = self.widen.forward(self.narrow.forward(means).relu());
        let of_first = (half(&decided, 0, channels) - half(&decided, 1, channels)).sigmoid();
        second.clone() + of_first * (first - second)
    }
}
