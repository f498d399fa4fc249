//! Domain randomization: changes of appearance that a network shall not mind.
//!
//! They act on an image whose values span 0 to 1, one after the other in the order of
//! [`RandomizationConfig`]'s fields, each with its probability, and the result of each is clamped to
//! 0..1. The defaults are the published ones.
//!
//! # References
//! M. Chen et al., *Fully Differentiable Correlation-driven 2D/3D Registration for X-ray to CT Image
//! Fusion*, ISBI 2024, arXiv:2402.02498.

mod config;

use serde::Serialize;

pub use config::{
    BoundsConfig, ErasingConfig, GammaConfig, RandomizationConfig, ScaleConfig, SineConfig,
    SmoothingConfig, WhiteNoiseConfig,
};

use super::blur::{convolved, weights};
use super::draw::{Draw, Effect};
use super::plane::Plane;
use crate::radiograph::Image;

/// What was drawn; `None` is what does not happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Randomization {
    /// Seed of the noise.
    pub seed: u64,
    /// The kernel.
    pub smoothing: Option<Smoothing>,
    /// The noise's amplitude, as part of the largest value.
    pub noise: Option<f64>,
    /// What becomes 0 and 1, as parts of the largest value.
    pub bounds: Option<[f64; 2]>,
    /// The factor.
    pub scale: Option<f64>,
    /// The exponent.
    pub gamma: Option<f64>,
    /// The sine.
    pub sine: Option<Sine>,
    /// The rectangle that is erased.
    pub erasing: Option<Rectangle>,
}

/// A kernel for smoothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Smoothing {
    /// Its width and height (px).
    pub width_px: usize,
    /// The Gaussian's standard deviation (px).
    pub sigma_px: f64,
}

/// `amplitude * sin(frequency * value + phase)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sine {
    /// The amplitude.
    pub amplitude: f64,
    /// The frequency (rad).
    pub frequency: f64,
    /// The phase (rad).
    pub phase: f64,
}

/// Some columns of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rectangle {
    /// First column and first row.
    pub corner_px: [usize; 2],
    /// Columns and rows.
    pub size_px: [usize; 2],
}

impl Randomization {
    /// The image with all that was drawn.
    ///
    /// # Units
    /// Values from 0 to 1, before and after.
    ///
    /// # Examples
    /// ```
    /// use isocenter::radiograph::Image;
    /// use isocenter::radiograph::simulation::RandomizationConfig;
    /// let image = Image::new([8, 8], (0..64).map(|n| n as f32 / 63.0).collect()).unwrap();
    /// let randomization = RandomizationConfig::default().draw([8, 8], 3);
    /// let changed = randomization.apply(&image);
    /// assert!(changed != image && changed.range().0 >= 0.0 && changed.range().1 <= 1.0);
    /// ```
    #[must_use]
    pub fn apply(&self, image: &Image) -> Image {
        let mut plane = Plane::of(image);
        if let Some(Smoothing { width_px, sigma_px }) = self.smoothing {
            plane = convolved(&plane, &weights(sigma_px, width_px / 2));
        }
        if let Some(amplitude) = self.noise {
            let deviation = amplitude * largest(&plane);
            let mut draw = Draw::new(self.seed, Effect::NoisePixels);
            change(&mut plane, |value| value + deviation * draw.normal());
        }
        if let Some([lower, upper]) = self.bounds {
            let largest = largest(&plane);
            // An image of zeros has no bounds.
            if largest > 0.0 {
                change(&mut plane, |value| (value / largest - lower) / (upper - lower));
            }
        }
        if let Some(factor) = self.scale {
            change(&mut plane, |value| value * factor);
        }
        if let Some(exponent) = self.gamma {
            change(&mut plane, |value| value.powf(exponent));
        }
        if let Some(Sine { amplitude, frequency, phase }) = self.sine {
            change(&mut plane, |value| amplitude * (frequency * value + phase).sin());
        }
        if let Some(rectangle) = self.erasing {
            erase(&mut plane, rectangle);
        }
        let mut changed = image.clone();
        plane.write_to(&mut changed);
        changed
    }
}

fn largest(plane: &Plane) -> f64 {
    plane.values.iter().copied().fold(0.0, f64::max)
}

/// Changes every value, and clamps.
fn change(plane: &mut Plane, mut f: impl FnMut(f64) -> f64) {
    plane.values.iter_mut().for_each(|value| *value = f(*value).clamp(0.0, 1.0));
}

fn erase(plane: &mut Plane, Rectangle { corner_px, size_px }: Rectangle) {
    let mean = plane.mean();
    let rows = plane.values.chunks_mut(plane.columns).skip(corner_px[1]).take(size_px[1]);
    for value in rows.flat_map(|row| row.iter_mut().skip(corner_px[0]).take(size_px[0])) {
        *value = mean;
    }
}

#[cfg(test)]
mod tests {
    //! Proves: each change happens as often and within the range that is published, whatever the
    //! others do; each does to an image what its formula says; all stays within 0..1.
    use super::*;
    use crate::radiograph::simulation::Range;

    const SEEDS: u64 = 2000;

    fn draws(config: &RandomizationConfig) -> Vec<Randomization> {
        (0..SEEDS).map(|seed| config.draw([64, 48], seed)).collect()
    }

    fn image() -> Image {
        Image::new([64, 48], (0..64 * 48).map(|n| (n % 101) as f32 / 100.0).collect()).unwrap()
    }

    const NONE: Randomization = Randomization {
        seed: 5,
        smoothing: None,
        noise: None,
        bounds: None,
        scale: None,
        gamma: None,
        sine: None,
        erasing: None,
    };

    /// Drawn in half of the cases, from one end of the range to the other and no further.
    fn assert_spans(values: Vec<f64>, [low, high]: Range) {
        // Five standard deviations of 2000 draws with p = 1/2.
        assert!((values.len() as f64 - 1000.0).abs() < 112.0, "{}", values.len());
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let margin = 0.02 * (high - low);
        assert!(least >= low && least < low + margin, "{least} {low}");
        assert!(most <= high && most > high - margin, "{most} {high}");
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // Five standard deviations of the mean of 1000 even draws.
        assert!((mean - (low + high) / 2.0).abs() < 5.0 * (high - low) / 12_000.0_f64.sqrt());
    }

    #[test]
    fn probabilities_and_ranges_are_the_published_ones() {
        let drawn = draws(&RandomizationConfig::default());
        let all = |f: &dyn Fn(&Randomization) -> Option<f64>| drawn.iter().filter_map(f).collect();
        // 3 and 5 pixels as widths, alike often.
        assert_spans(all(&|r| r.smoothing.map(|s| s.width_px as f64)), [3.0, 5.0]);
        assert!(drawn.iter().all(|r| r.smoothing.is_none_or(|s| s.sigma_px == 1.0)));
        assert_spans(all(&|r| r.noise), [0.4 * -0.15, 0.4 * 0.1]);
        assert_spans(all(&|r| r.bounds.map(|b| b[0])), [-0.04, 0.02]);
        assert_spans(all(&|r| r.bounds.map(|b| b[1])), [0.9, 1.05]);
        assert_spans(all(&|r| r.scale), [0.9, 1.05]);
        assert_spans(all(&|r| r.gamma), [0.7, 1.3]);
        assert_spans(all(&|r| r.sine.map(|s| s.amplitude)), [0.8, 1.1]);
        assert_spans(all(&|r| r.sine.map(|s| s.frequency)), [0.8, 1.1]);
        assert_spans(all(&|r| r.sine.map(|s| s.phase)), [-0.5, 0.4]);
        let erased: Vec<Rectangle> = drawn.iter().filter_map(|r| r.erasing).collect();
        assert!((erased.len() as f64 - 1000.0).abs() < 112.0);
        for Rectangle { corner_px: [u, v], size_px: [width, height] } in erased {
            assert!(u + width <= 64 && v + height <= 48);
            let area = (width * height) as f64 / (64.0 * 48.0);
            let aspect = height as f64 / width as f64;
            // Sides are rounded to whole pixels, of at least 5.
            assert!((0.015..=0.41).contains(&area) && (0.26..=3.7).contains(&aspect));
        }
    }

    #[test]
    fn draws_do_not_depend_on_each_other() {
        let mut fewer = RandomizationConfig::default();
        fewer.smoothing.probability = 0.0;
        fewer.noise.probability = 1.0;
        for (a, b) in draws(&RandomizationConfig::default()).iter().zip(draws(&fewer)) {
            assert_eq!((a.gamma, a.sine, a.erasing), (b.gamma, b.sine, b.erasing));
            assert!(b.smoothing.is_none() && (a.noise.is_none() || a.noise == b.noise));
        }
    }

    #[test]
    fn each_does_what_its_formula_says() {
        let image = image();
        assert_eq!(NONE.apply(&image), image);
        let at = |r: Randomization, n: usize| f64::from(r.apply(&image).pixels()[n]);
        let (value, close) = (0.4_f64, |a: f64, b: f64| (a - b).abs() < 1e-6);
        assert!(close(at(Randomization { bounds: Some([-0.04, 0.9]), ..NONE }, 40), 0.44 / 0.94));
        assert!(close(at(Randomization { scale: Some(0.95), ..NONE }, 40), 0.38));
        assert!(close(at(Randomization { gamma: Some(1.3), ..NONE }, 40), value.powf(1.3)));
        let sine = Sine { amplitude: 0.8, frequency: 1.1, phase: 0.3 };
        let expected = 0.8 * (1.1 * value + 0.3).sin();
        assert!(close(at(Randomization { sine: Some(sine), ..NONE }, 40), expected));
        // Inside a ramp a symmetric kernel changes nothing; at its end it does.
        let smoothing = Some(Smoothing { width_px: 5, sigma_px: 1.0 });
        assert!(
            at(Randomization { smoothing, ..NONE }, 64 * 20) != f64::from(image.pixels()[64 * 20])
        );
        let rectangle = Rectangle { corner_px: [10, 20], size_px: [30, 5] };
        let erased = Randomization { erasing: Some(rectangle), ..NONE }.apply(&image);
        let mean = image.pixels().iter().sum::<f32>() / image.pixels().len() as f32;
        let changed = erased.pixels().iter().zip(image.pixels()).filter(|(a, b)| a != b).count();
        assert!(
            (erased.get(10, 20).unwrap() - mean).abs() < 1e-5
                && erased.get(9, 20) == image.get(9, 20)
        );
        assert!((140..=150).contains(&changed), "{changed}");
    }

    #[test]
    fn noise_has_its_deviation_and_all_stays_in_range() {
        let gray = Image::zeros([64, 48]).map(|_| 0.5);
        let noisy = Randomization { noise: Some(-0.06), ..NONE }.apply(&gray);
        let variance =
            noisy.pixels().iter().map(|&p| (f64::from(p) - 0.5).powi(2)).sum::<f64>() / 3072.0;
        // Four standard errors of the variance of 3072 draws.
        assert!((variance / 0.03_f64.powi(2) - 1.0).abs() < 4.0 * (2.0 / 3072.0_f64).sqrt());
        for randomization in draws(&RandomizationConfig::default()).iter().take(200) {
            let changed = randomization.apply(&image());
            assert!(changed.pixels().iter().all(|p| (0.0..=1.0).contains(p)));
            assert!(
                randomization.apply(&Image::zeros([64, 48])).pixels().iter().all(|p| p.is_finite())
            );
        }
    }
}
