//! Which changes happen how often, and their ranges.

use serde::{Deserialize, Serialize};

use super::{Randomization, Rectangle, Sine, Smoothing};
use crate::radiograph::simulation::draw::{Draw, Effect};
use crate::radiograph::simulation::error::SimulationError;
use crate::radiograph::simulation::setting::{
    PROBABILITY, Range, check_range, check_value, refused,
};

/// Draws that may not fit before an erased rectangle is cut to the image.
const TRIES: usize = 10;

/// All changes, in the order in which they are applied.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomizationConfig {
    /// Gaussian smoothing.
    pub smoothing: SmoothingConfig,
    /// White noise.
    pub noise: WhiteNoiseConfig,
    /// The values that become 0 and 1.
    pub bounds: BoundsConfig,
    /// A factor.
    pub scale: ScaleConfig,
    /// An exponent.
    pub gamma: GammaConfig,
    /// A sine of the values.
    pub sine: SineConfig,
    /// A rectangle filled with the mean.
    pub erasing: ErasingConfig,
}

/// Gaussian smoothing with a small square kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothingConfig {
    /// How often.
    pub probability: f64,
    /// Widths of the kernel to choose from (px), odd.
    pub widths_px: Vec<usize>,
    /// Standard deviation (px).
    pub sigma_px: Range,
}

impl Default for SmoothingConfig {
    fn default() -> Self {
        Self { probability: 0.5, widths_px: vec![3, 5], sigma_px: [1.0, 1.0] }
    }
}

/// Normal noise, independent for each pixel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WhiteNoiseConfig {
    /// How often.
    pub probability: f64,
    /// Standard deviation as part of the largest value. Its sign does not matter: an interval about
    /// zero makes weak noise likely.
    pub amplitude: Range,
}

impl Default for WhiteNoiseConfig {
    /// 0.4 times -0.15 to 0.1.
    fn default() -> Self {
        Self { probability: 0.5, amplitude: [-0.06, 0.04] }
    }
}

/// Normalization with other bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoundsConfig {
    /// How often.
    pub probability: f64,
    /// What becomes 0, as part of the largest value.
    pub lower: Range,
    /// What becomes 1, as part of the largest value.
    pub upper: Range,
}

impl Default for BoundsConfig {
    fn default() -> Self {
        Self { probability: 0.5, lower: [-0.04, 0.02], upper: [0.9, 1.05] }
    }
}

/// A factor on all values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleConfig {
    /// How often.
    pub probability: f64,
    /// The factor.
    pub factor: Range,
}

impl Default for ScaleConfig {
    fn default() -> Self {
        Self { probability: 0.5, factor: [0.9, 1.05] }
    }
}

/// A power of all values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GammaConfig {
    /// How often.
    pub probability: f64,
    /// The exponent.
    pub exponent: Range,
}

impl Default for GammaConfig {
    fn default() -> Self {
        Self { probability: 0.5, exponent: [0.7, 1.3] }
    }
}

/// `amplitude * sin(frequency * value + phase)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SineConfig {
    /// How often.
    pub probability: f64,
    /// The amplitude.
    pub amplitude: Range,
    /// The frequency (rad).
    pub frequency: Range,
    /// The phase (rad).
    pub phase: Range,
}

impl Default for SineConfig {
    fn default() -> Self {
        Self { probability: 0.5, amplitude: [0.8, 1.1], frequency: [0.8, 1.1], phase: [-0.5, 0.4] }
    }
}

/// A rectangle filled with the mean of the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErasingConfig {
    /// How often.
    pub probability: f64,
    /// Its part of the image's area.
    pub area: Range,
    /// Its height over its width, drawn evenly on a logarithmic scale.
    pub aspect: Range,
}

impl Default for ErasingConfig {
    fn default() -> Self {
        Self { probability: 0.5, area: [0.02, 0.4], aspect: [0.3, 3.3] }
    }
}

impl RandomizationConfig {
    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// The first setting that does not, by its name in the configuration file.
    pub fn check(&self) -> Result<(), SimulationError> {
        let Self { smoothing, noise, bounds, scale, gamma, sine, erasing } = self;
        for (name, probability) in [
            ("randomization.smoothing.probability", smoothing.probability),
            ("randomization.noise.probability", noise.probability),
            ("randomization.bounds.probability", bounds.probability),
            ("randomization.scale.probability", scale.probability),
            ("randomization.gamma.probability", gamma.probability),
            ("randomization.sine.probability", sine.probability),
            ("randomization.erasing.probability", erasing.probability),
        ] {
            check_value(name, probability, PROBABILITY)?;
        }
        let fits = |width: &usize| width % 2 == 1 && *width <= 99;
        if smoothing.widths_px.is_empty() || !smoothing.widths_px.iter().all(fits) {
            let found = format!("{:?}", smoothing.widths_px);
            return refused(
                "randomization.smoothing.widths_px",
                found,
                "a list of odd numbers up to 99",
            );
        }
        for (name, range, limits) in [
            ("randomization.smoothing.sigma_px", smoothing.sigma_px, [0.01, 100.0]),
            ("randomization.noise.amplitude", noise.amplitude, [-10.0, 10.0]),
            ("randomization.bounds.lower", bounds.lower, [-10.0, 0.49]),
            ("randomization.bounds.upper", bounds.upper, [0.5, 10.0]),
            ("randomization.scale.factor", scale.factor, [0.0, 100.0]),
            ("randomization.gamma.exponent", gamma.exponent, [0.01, 100.0]),
            ("randomization.sine.amplitude", sine.amplitude, [-10.0, 10.0]),
            ("randomization.sine.frequency", sine.frequency, [-100.0, 100.0]),
            ("randomization.sine.phase", sine.phase, [-100.0, 100.0]),
            ("randomization.erasing.area", erasing.area, [0.0, 1.0]),
            ("randomization.erasing.aspect", erasing.aspect, [0.01, 100.0]),
        ] {
            check_range(name, range, limits)?;
        }
        Ok(())
    }

    /// Draws what happens to an image of the given size.
    #[must_use]
    pub fn draw(&self, size_px: [usize; 2], seed: u64) -> Randomization {
        // A stream each: what is drawn for one does not depend on the others.
        let draw = |effect, probability: f64| {
            let mut draw = Draw::new(seed, effect);
            draw.happens(probability).then_some(draw)
        };
        let Self { smoothing, noise, bounds, scale, gamma, sine, erasing } = self;
        Randomization {
            seed,
            smoothing: draw(Effect::Smoothing, smoothing.probability).map(|mut draw| {
                let choice = draw.whole([0, smoothing.widths_px.len().saturating_sub(1)]);
                let width_px = smoothing.widths_px.get(choice).copied().unwrap_or(1);
                Smoothing { width_px, sigma_px: draw.between(smoothing.sigma_px) }
            }),
            noise: draw(Effect::Noise, noise.probability).map(|mut d| d.between(noise.amplitude)),
            bounds: draw(Effect::Bounds, bounds.probability)
                .map(|mut draw| [draw.between(bounds.lower), draw.between(bounds.upper)]),
            scale: draw(Effect::Scale, scale.probability).map(|mut d| d.between(scale.factor)),
            gamma: draw(Effect::Gamma, gamma.probability).map(|mut d| d.between(gamma.exponent)),
            sine: draw(Effect::Sine, sine.probability).map(|mut draw| Sine {
                amplitude: draw.between(sine.amplitude),
                frequency: draw.between(sine.frequency),
                phase: draw.between(sine.phase),
            }),
            erasing: draw(Effect::Erasing, erasing.probability)
                .map(|mut draw| erasing.rectangle(&mut draw, size_px)),
        }
    }
}

impl ErasingConfig {
    fn rectangle(&self, draw: &mut Draw, size_px: [usize; 2]) -> Rectangle {
        let [columns, rows] = size_px.map(|n| n as f64);
        let mut sides = [columns, rows];
        for _ in 0..TRIES {
            let area = columns * rows * draw.between(self.area);
            let aspect = draw.log_between(self.aspect);
            sides = [(area / aspect).sqrt(), (area * aspect).sqrt()];
            if sides[0] <= columns && sides[1] <= rows {
                break;
            }
        }
        let side = |n: usize| (sides[n].round() as usize).min(size_px[n]);
        let size_px_drawn = [side(0), side(1)];
        let corner = |n: usize, draw: &mut Draw| draw.whole([0, size_px[n] - size_px_drawn[n]]);
        Rectangle { corner_px: [corner(0, draw), corner(1, draw)], size_px: size_px_drawn }
    }
}
