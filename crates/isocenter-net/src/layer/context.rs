//! What a pass through the network is for.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Where batch normalisation takes mean and variance from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// The running ones, as in use.
    Running,
    /// The batch's own.
    Batch,
    /// The batch's own, which also go into the running ones.
    BatchUpdating,
}

/// What a pass through the network is for: training or use. Two passes with the same seed leave out
/// the same elements.
#[derive(Debug, Clone)]
pub struct Context {
    statistics: Statistics,
    dropout: Option<ChaCha8Rng>,
}

impl Context {
    /// For use: nothing is left out, and samples do not affect each other.
    #[must_use]
    pub fn inference() -> Self {
        Self { statistics: Statistics::Running, dropout: None }
    }

    /// For training; the seed decides what dropout leaves out.
    #[must_use]
    pub fn training(statistics: Statistics, seed: u64) -> Self {
        Self { statistics, dropout: Some(ChaCha8Rng::seed_from_u64(seed)) }
    }

    /// The same with other statistics.
    #[must_use]
    pub fn with_statistics(self, statistics: Statistics) -> Self {
        Self { statistics, ..self }
    }

    /// Where batch normalisation takes its statistics from.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    pub(super) fn dropout(&mut self) -> Option<&mut ChaCha8Rng> {
        self.dropout.as_mut()
    }
}
