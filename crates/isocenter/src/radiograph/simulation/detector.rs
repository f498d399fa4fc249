//! The detector: it counts photons, its light spreads, and its electronics add noise.
//!
//! In this order the noise of the quanta is blurred with the image, as it is in a scintillator,
//! while that of the electronics is not.

use serde::{Deserialize, Serialize};

use super::blur::gaussian;
use super::draw::{Draw, Effect};
use super::error::SimulationError;
use super::plane::Plane;
use super::setting::{Range, check_range};
use crate::radiograph::noise::photons_counted;

/// Noise of the quanta and of the electronics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoiseConfig {
    /// Photons per pixel without attenuation, drawn evenly on a logarithmic scale.
    pub photons: Range,
    /// Standard deviation of the electronic noise, in photons.
    pub electronic_photons: Range,
}

impl Default for NoiseConfig {
    /// A fluoroscopy frame at low dose.
    fn default() -> Self {
        Self { photons: [3000.0, 20_000.0], electronic_photons: [1.0, 5.0] }
    }
}

impl NoiseConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        check_range("noise.photons", self.photons, [1.0, 1e12])?;
        check_range("noise.electronic_photons", self.electronic_photons, [0.0, 1e6])
    }

    pub(super) fn draw(&self, seed: u64) -> Noise {
        let mut draw = Draw::new(seed, Effect::Dose);
        Noise {
            photons: draw.log_between(self.photons),
            electronic_photons: draw.between(self.electronic_photons),
        }
    }
}

/// The noise that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    /// Photons per pixel without attenuation.
    pub photons: f64,
    /// Standard deviation of the electronic noise, in photons.
    pub electronic_photons: f64,
}

impl Noise {
    /// Intensities as counts of photons have them.
    fn count(&self, mut plane: Plane, seed: u64) -> Plane {
        let mut draw = Draw::new(seed, Effect::Quanta);
        for value in &mut plane.values {
            *value = photons_counted(self.photons * *value, draw.generator()) / self.photons;
        }
        plane
    }

    fn amplify(&self, mut plane: Plane, seed: u64) -> Plane {
        let mut draw = Draw::new(seed, Effect::Electronics);
        for value in &mut plane.values {
            *value += self.electronic_photons / self.photons * draw.normal();
        }
        plane
    }
}

/// How far light spreads in the detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorBlurConfig {
    /// Standard deviation at the detector (mm).
    pub sigma_mm: Range,
}

impl Default for DetectorBlurConfig {
    fn default() -> Self {
        Self { sigma_mm: [0.2, 0.6] }
    }
}

impl DetectorBlurConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        check_range("detector_blur.sigma_mm", self.sigma_mm, [0.0, 1000.0])
    }

    pub(super) fn draw(&self, seed: u64) -> f64 {
        Draw::new(seed, Effect::Blur).between(self.sigma_mm)
    }
}

/// What the detector measures of intensities that arrive, as fractions of the unattenuated beam:
/// above zero.
pub(super) fn detect(
    arriving: Plane,
    noise: Option<&Noise>,
    blur_sigma_mm: Option<f64>,
    pixel_spacing_mm: [f64; 2],
    seed: u64,
) -> Plane {
    let mut plane = arriving;
    if let Some(noise) = noise {
        plane = noise.count(plane, seed);
    }
    if let Some(sigma_mm) = blur_sigma_mm {
        plane = gaussian(&plane, pixel_spacing_mm.map(|spacing| sigma_mm / spacing));
    }
    if let Some(noise) = noise {
        plane = noise.amplify(plane, seed);
    }
    // A pixel that counts no photon is taken to have half of one.
    let least = noise.map_or(f64::MIN_POSITIVE, |noise| 0.5 / noise.photons);
    plane.values.iter_mut().for_each(|value| *value = value.max(least));
    plane
}

#[cfg(test)]
mod tests {
    //! Proves: counts have Poisson's variance, electronics add theirs, blur after counting takes
    //! variance away as a Gaussian does, and nothing falls to zero.
    use super::*;

    const NUMBER: usize = 40_000;

    /// Mean and variance, in photons.
    fn moments(plane: &Plane, photons: f64) -> [f64; 2] {
        let counts = plane.values.iter().map(|v| v * photons);
        let mean = counts.clone().sum::<f64>() / NUMBER as f64;
        [mean, counts.map(|c| (c - mean).powi(2)).sum::<f64>() / NUMBER as f64]
    }

    fn flat(value: f64) -> Plane {
        Plane { columns: 200, values: vec![value; NUMBER] }
    }

    #[test]
    fn variances_are_those_of_physics() {
        let quanta = Noise { photons: 5000.0, electronic_photons: 0.0 };
        let detected = detect(flat(0.2), Some(&quanta), None, [1.0; 2], 3);
        let [mean, variance] = moments(&detected, 5000.0);
        // Four standard errors: of the mean sqrt(mean / n), of the variance mean sqrt(2 / n).
        let relative = 4.0 * (2.0 / NUMBER as f64).sqrt();
        assert!((mean - 1000.0).abs() < 4.0 * (1000.0 / NUMBER as f64).sqrt());
        assert!((variance / 1000.0 - 1.0).abs() < relative, "{variance}");

        let both = Noise { electronic_photons: 40.0, ..quanta };
        let [_, variance] = moments(&detect(flat(0.2), Some(&both), None, [1.0; 2], 3), 5000.0);
        assert!((variance / 2600.0 - 1.0).abs() < relative, "{variance}");

        // White noise blurred by a sampled Gaussian of 1 px: the sum of its squared weights,
        // 1 / (4 pi) within 1e-4.
        let blurred = detect(flat(0.2), Some(&quanta), Some(0.5), [0.5; 2], 3);
        let [_, variance] = moments(&blurred, 5000.0);
        let expected = 1000.0 / (4.0 * std::f64::consts::PI);
        // Neighbors are alike now: a twelfth as many independent pixels.
        assert!((variance / expected - 1.0).abs() < 12.0_f64.sqrt() * relative, "{variance}");
    }

    #[test]
    fn nothing_falls_to_zero() {
        let noise = Noise { photons: 100.0, electronic_photons: 3.0 };
        let dark = detect(flat(0.0), Some(&noise), Some(1.0), [1.0; 2], 1);
        assert!(dark.values.iter().all(|&v| v >= 0.005));
        assert!(detect(flat(0.0), None, None, [1.0; 2], 1).values.iter().all(|&v| v > 0.0));
    }
}
