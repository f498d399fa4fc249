//! Normalisations: values less their mean, over their standard deviation.
//!
//! With m the mean and v the variance of x over some dimensions, `c = x - m`, `r = (v + e)^-1/2`,
//!
//! ```text
//! y  = c r
//! c' = x' - m',   v' = 2 mean(c c'),   r' = -1/2 r^3 v'
//! y' = c' r + c r'
//! ```
//!
//! The four kinds differ in what the mean is taken over: the channels of a pixel, the map of a
//! channel, the maps of a group of channels, or the maps of a channel in all samples.

use burn::module::{Module, Param, RunningState};
use burn::tensor::Tensor;

use super::context::{Context, Statistics};
use super::init::Init;
use crate::dual::Dual;

/// What is normalised, and by what.
struct Normalized<const D: usize> {
    mean: Tensor<D>,
    /// Over n, not n - 1.
    variance: Tensor<D>,
    result: Dual<D>,
}

fn normalize<const D: usize>(x: Dual<D>, dims: &[usize], epsilon: f64) -> Normalized<D> {
    let mean = x.value().clone().mean_dims(dims);
    let centered = x.linear(|x| x.clone() - x.mean_dims(dims));
    let variance = centered.value().clone().square().mean_dims(dims);
    let inverse = (variance.clone() + epsilon).sqrt().recip();
    let (c, tangent) = centered.into_parts();
    let value = c.clone() * inverse.clone();
    let result = match tangent {
        None => Dual::constant(value),
        Some(tangent) => {
            // y' = (c' - y mean(y c')) r, the same as above without r^3.
            let along = (value.clone() * tangent.clone()).mean_dims(dims);
            let change = (tangent - value.clone() * along) * inverse;
            Dual::new(value, change)
        }
    };
    Normalized { mean, variance, result }
}

/// Each channel's map by itself, without weights.
#[must_use]
pub fn instance_norm(x: Dual<4>, epsilon: f64) -> Dual<4> {
    normalize(x, &[2, 3], epsilon).result
}

/// A gain and an offset for each channel.
#[derive(Module, Debug)]
pub struct ChannelGain {
    /// The gain, at first 1.
    pub gain: Param<Tensor<1>>,
    /// The offset, at first 0.
    pub offset: Param<Tensor<1>>,
}

impl ChannelGain {
    fn new(channels: usize, init: &Init) -> Self {
        Self { gain: init.constant([channels], 1.0), offset: init.constant([channels], 0.0) }
    }

    fn forward(&self, x: Dual<4>) -> Dual<4> {
        x.mul_constant(of_channels(self.gain.val())).add_constant(of_channels(self.offset.val()))
    }
}

/// One value for each channel of an image.
fn of_channels(values: Tensor<1>) -> Tensor<4> {
    let [channels] = values.dims();
    values.reshape([1, channels, 1, 1])
}

/// The channels of each pixel (layer normalisation).
#[derive(Module, Debug)]
pub struct ChannelNorm {
    /// After it.
    pub gain: ChannelGain,
    #[module(skip)]
    epsilon: f64,
}

impl ChannelNorm {
    /// With gains of one.
    #[must_use]
    pub fn new(channels: usize, epsilon: f64, init: &Init) -> Self {
        Self { gain: ChannelGain::new(channels, init), epsilon }
    }

    /// Normalised, and its tangent.
    #[must_use]
    pub fn forward(&self, x: Dual<4>) -> Dual<4> {
        self.gain.forward(normalize(x, &[1], self.epsilon).result)
    }
}

/// Groups of channels (group normalisation): samples do not affect each other.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// After it.
    pub gain: ChannelGain,
    #[module(skip)]
    groups: usize,
}

/// The epsilon of group and batch normalisation.
const EPSILON: f64 = 1e-5;

impl GroupNorm {
    /// With gains of one; the groups divide the channels.
    #[must_use]
    pub fn new(channels: usize, groups: usize, init: &Init) -> Self {
        Self { gain: ChannelGain::new(channels, init), groups }
    }

    /// Normalised, and its tangent.
    #[must_use]
    pub fn forward(&self, x: Dual<4>) -> Dual<4> {
        let shape = x.value().dims();
        let [batch, channels, rows, columns] = shape;
        let of_group = channels / self.groups * rows * columns;
        let grouped = x.linear(|x| x.reshape([batch, self.groups, of_group]));
        let normalized = normalize(grouped, &[2], EPSILON).result;
        self.gain.forward(normalized.linear(|x| x.reshape(shape)))
    }
}

/// Each channel over all samples (batch normalisation).
///
/// # References
/// S. Ioffe, C. Szegedy, arXiv:1502.03167
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// After it.
    pub gain: ChannelGain,
    /// The mean that is used when nothing is trained.
    pub running_mean: RunningState<Tensor<1>>,
    /// The variance, likewise.
    pub running_variance: RunningState<Tensor<1>>,
}

/// The share of a batch in the running statistics.
const MOMENTUM: f64 = 0.1;

impl BatchNorm {
    /// With gains of one.
    #[must_use]
    pub fn new(channels: usize, init: &Init) -> Self {
        let device = init.device().clone().without_autodiff();
        Self {
            gain: ChannelGain::new(channels, init),
            running_mean: RunningState::new(Tensor::zeros([channels], &device)),
            running_variance: RunningState::new(Tensor::ones([channels], &device)),
        }
    }

    /// Normalised, and its tangent.
    #[must_use]
    pub fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let normalized = match context.statistics() {
            Statistics::Running => {
                let mean = of_channels(self.running_mean.value_sync());
                let variance = of_channels(self.running_variance.value_sync());
                x.add_constant(-mean).mul_constant((variance + EPSILON).sqrt().recip())
            }
            Statistics::Batch => normalize(x, &[0, 2, 3], EPSILON).result,
            Statistics::BatchUpdating => {
                let [batch, _, rows, columns] = x.value().dims();
                let Normalized { mean, variance, result } = normalize(x, &[0, 2, 3], EPSILON);
                let count = (batch * rows * columns) as f64;
                // Running variances are over n - 1, as in PyTorch.
                update(&self.running_mean, mean);
                update(&self.running_variance, variance * (count / (count - 1.0).max(1.0)));
                result
            }
        };
        self.gain.forward(normalized)
    }
}

fn update(running: &RunningState<Tensor<1>>, of_batch: Tensor<4>) {
    let [_, channels, _, _] = of_batch.dims();
    let of_batch = of_batch.detach().without_autodiff().reshape([channels]);
    let before = running.value_sync();
    running.update(before * (1.0 - MOMENTUM) + of_batch * MOMENTUM);
}
