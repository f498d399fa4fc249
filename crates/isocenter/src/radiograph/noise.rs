//! Quantum noise: a detector counts photons.
//!
//! Where `n0` photons would arrive unattenuated, a line integral `L` leaves `n0 exp(-L)` on average;
//! the number counted follows Poisson's law.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use super::image::Image;

/// The line integrals a detector would measure, counting photons.
///
/// # Units
/// `photons` is the number per pixel without attenuation; a fluoroscopy frame has some hundreds to
/// some ten thousands. Zero, or what is no finite number, adds no noise. A pixel that counts no photon is
/// taken to have half of one.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, with_quantum_noise};
/// let image = Image::new([2, 2], vec![0.0, 1.0, 2.0, 3.0]).unwrap();
/// let noisy = with_quantum_noise(&image, 10_000.0, 1);
/// assert_eq!(noisy, with_quantum_noise(&image, 10_000.0, 1)); // same seed, same noise
/// assert!((noisy.pixels()[1] - 1.0).abs() < 0.1);
/// ```
#[must_use]
pub fn with_quantum_noise(line_integral: &Image, photons: f64, seed: u64) -> Image {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut noisy = line_integral.clone();
    if !(photons.is_finite() && photons > 0.0) {
        return noisy;
    }
    for pixel in noisy.pixels_mut() {
        let counted = photons_counted(photons * f64::from(-*pixel).exp(), &mut rng);
        *pixel = -(counted.max(0.5) / photons).ln() as f32;
    }
    noisy
}

/// How many photons are counted where so many are expected.
pub(super) fn photons_counted(expected: f64, rng: &mut ChaCha8Rng) -> f64 {
    // No distribution: nothing is expected to arrive, or the number is out of range.
    Poisson::new(expected).map_or(expected, |poisson| poisson.sample(rng))
}

#[cfg(test)]
mod tests {
    //! Proves: the noise has Poisson's mean and variance, and opaque pixels stay finite.
    use super::*;

    #[test]
    fn mean_and_variance_are_poissons() {
        let (line_integral, photons, number) = (1.5_f32, 2000.0, 40_000);
        let image = Image::new([200, 200], vec![line_integral; number]).unwrap();
        let noisy = with_quantum_noise(&image, photons, 3);
        let counts: Vec<f64> =
            noisy.pixels().iter().map(|&l| photons * f64::from(-l).exp()).collect();
        let mean = counts.iter().sum::<f64>() / number as f64;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / number as f64;
        let expected = photons * f64::from(-line_integral).exp();
        // Four standard errors: of the mean sqrt(expected / n), of the variance expected sqrt(2 / n).
        assert!((mean - expected).abs() < 4.0 * (expected / number as f64).sqrt());
        assert!((variance - expected).abs() < 4.0 * expected * (2.0 / number as f64).sqrt());
    }

    #[test]
    fn opaque_pixels_stay_finite() {
        let image = Image::new([2, 1], vec![500.0, f32::MAX]).unwrap();
        let noisy = with_quantum_noise(&image, 1000.0, 1);
        assert!(noisy.pixels().iter().all(|&l| (l - 2000.0_f32.ln()).abs() < 1e-4));
        for none in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(with_quantum_noise(&image, none, 1), image);
        }
    }
}
