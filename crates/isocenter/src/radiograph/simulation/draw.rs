//! Random draws: one stream of numbers for each effect.
//!
//! ChaCha numbers its streams, so the effects of one seed are independent, and each draws the same
//! values whichever of the others are on.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::setting::Range;

/// What draws; the number is that of its stream, never to be changed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    /// Stream 0 is that of a generator made from the seed alone, as
    /// [`with_quantum_noise`](crate::radiograph::with_quantum_noise) uses it.
    Quanta = 0,
    Electronics = 1,
    Dose = 2,
    Beam = 3,
    Metal = 4,
    Collimator = 5,
    Scatter = 6,
    Blur = 7,
    Display = 8,
    Smoothing = 9,
    Noise = 10,
    NoisePixels = 11,
    Bounds = 12,
    Scale = 13,
    Gamma = 14,
    Sine = 15,
    Erasing = 16,
}

/// The stream of one effect.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64, effect: Effect) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(effect as u64);
        Self(rng)
    }

    pub(super) fn generator(&mut self) -> &mut ChaCha8Rng {
        &mut self.0
    }

    /// Evenly from the interval.
    pub(super) fn between(&mut self, [low, high]: Range) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// From an interval above zero, evenly on a logarithmic scale.
    pub(super) fn log_between(&mut self, [low, high]: Range) -> f64 {
        low * (high / low).powf(self.0.random::<f64>())
    }

    /// From whole numbers, both ends included.
    pub(super) fn whole(&mut self, [low, high]: [usize; 2]) -> usize {
        self.0.random_range(low..=high.max(low))
    }

    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// From the standard normal distribution.
    pub(super) fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }
}
