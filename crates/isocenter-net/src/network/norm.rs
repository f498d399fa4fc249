//! What normalises the maps of a network: batch or group normalisation, as its settings say.

use burn::module::Module;

use super::config::Normalization;
use crate::dual::Dual;
use crate::layer::{BatchNorm, Context, GroupNorm, Init};

/// Channels that share mean and variance under group normalisation.
const CHANNELS_PER_GROUP: usize = 8;

/// Batch or group normalisation.
#[derive(Module, Debug)]
pub enum Norm {
    /// Over the batch.
    Batch(BatchNorm),
    /// Over groups of channels.
    Group(GroupNorm),
}

impl Norm {
    /// With gains of one.
    #[must_use]
    pub fn new(kind: Normalization, channels: usize, init: &Init) -> Self {
        match kind {
            Normalization::Batch => Self::Batch(BatchNorm::new(channels, init)),
            Normalization::Group => {
                Self::Group(GroupNorm::new(channels, channels.div_ceil(CHANNELS_PER_GROUP), init))
            }
        }
    }

    /// Normalised, and its tangent.
    #[must_use]
    pub fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        match self {
            Self::Batch(norm) => norm.forward(x, context),
            Self::Group(norm) => norm.forward(x),
        }
    }
}
