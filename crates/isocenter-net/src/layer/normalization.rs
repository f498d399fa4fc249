//! Normalisations: values less their mean, over their standard deviation.
//!
//! The four kinds differ in what the mean is taken over: the channels of a pixel, the map of a
//! channel, the maps of a group of channels, or the maps of a channel in all samples.

use burn::module::{Module, Param, RunningState};
use burn::tensor::Tensor;

use super::context::{Context, Statistics};
use super::init::Init;
use crate::dual::Dual;
use crate::fused::SymmetricMap;

/// Normalises over the second of three dimensions.
fn normalize<const D: usize>(x: Dual<D>, shape: [usize; 3], epsilon: f64) -> Dual<D> {
    let dims = x.value().dims();
    let normalized = SymmetricMap::Normalization { epsilon }.of(x.linear(|x| x.reshape(shape)));
    normalized.linear(|x| x.reshape(dims))
}

/// Each channel's map by itself, without weights.
#[must_use]
pub fn instance_norm(x: Dual<4>, epsilon: f64) -> Dual<4> {
    let [batch, channels, rows, columns] = x.value().dims();
    normalize(x, [batch * channels, rows * columns, 1], epsilon)
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
        let [batch, channels, rows, columns] = x.value().dims();
        self.gain.forward(normalize(x, [batch, channels, rows * columns], self.epsilon))
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
        let [batch, channels, rows, columns] = x.value().dims();
        let of_group = channels / self.groups * rows * columns;
        self.gain.forward(normalize(x, [batch * self.groups, of_group, 1], EPSILON))
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
            Statistics::Batch => over_batch(x),
            Statistics::BatchUpdating => {
                self.update(x.value());
                over_batch(x)
            }
        };
        self.gain.forward(normalized)
    }

    /// The running statistics take a share of the batch's.
    fn update(&self, x: &Tensor<4>) {
        let x = x.clone().detach().without_autodiff();
        let [batch, channels, rows, columns] = x.dims();
        let count = batch * rows * columns;
        let (variance, mean) = x.swap_dims(0, 1).reshape([channels, count]).var_mean_bias(1);
        update(&self.running_mean, mean);
        // Running variances are over n - 1, as in PyTorch; that of a single value is 0.
        let share = count as f64 / (count as f64 - 1.0).max(1.0);
        update(&self.running_variance, variance * share);
    }
}

fn update(running: &RunningState<Tensor<1>>, of_batch: Tensor<2>) {
    let [channels, _] = of_batch.dims();
    let before = running.value_sync();
    running.update(before * (1.0 - MOMENTUM) + of_batch.reshape([channels]) * MOMENTUM);
    // An update counts when it is read: a checkpoint, which reads in another way, would miss the last.
    let _ = running.value_sync();
}

/// Each channel by its mean over all samples.
fn over_batch(x: Dual<4>) -> Dual<4> {
    let [batch, channels, rows, columns] = x.value().dims();
    let by_channel = x.linear(|x| x.swap_dims(0, 1));
    normalize(by_channel, [channels, batch * rows * columns, 1], EPSILON)
        .linear(|x| x.swap_dims(0, 1))
}

#[cfg(test)]
mod tests {
    //! Proves: what a batch leaves in the running statistics, a batch of one value too.
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn a_share_of_the_batch_is_kept() {
        let device = Device::flex();
        let after = |values: Vec<f32>| {
            let norm = BatchNorm::new(1, &Init::new(0, &device));
            let shape = [1, 1, 1, values.len()];
            let x = Tensor::from_data(TensorData::new(values, shape), &device);
            let context = Context::training(Statistics::BatchUpdating, 0);
            let _ = norm.forward(Dual::constant(x), &context);
            [&norm.running_mean, &norm.running_variance]
                .map(|running| running.value_sync().into_scalar::<f32>())
        };
        // A tenth of mean 3 and variance 8 / 3; nine tenths of 0 and 1.
        let [mean, variance] = after(vec![1.0, 3.0, 3.0, 5.0]);
        assert!((mean - 0.3).abs() < 1e-6 && (variance - (0.9 + 0.8 / 3.0)).abs() < 1e-6);
        let [mean, variance] = after(vec![2.0]);
        assert!((mean - 0.2).abs() < 1e-6 && (variance - 0.9).abs() < 1e-6);
    }
}
