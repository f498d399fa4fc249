//! Scattered radiation: a broad haze over the image.
//!
//! A photon that has been scattered arrives almost anywhere. What arrives is modeled as a fraction
//! `f` of the primary intensity `P`, of which a share `u` is spread evenly over the detector and the
//! rest by a broad Gaussian:
//!
//! ```text
//! T = P + f ((1 - u) G * P + u mean(P)),    mean(T) = (1 + f) mean(P)
//! ```
//!
//! An antiscatter grid leaves a few percent of the whole. Behind dense parts, where little primary
//! arrives, the haze from around takes away contrast.
//!
//! # References
//! L. A. Love, R. A. Kruger, *Scatter estimation for a digital radiographic system using
//! convolution filtering*, Med. Phys. 14(2), 178 (1987), doi:10.1118/1.596126.

use serde::{Deserialize, Serialize};

use super::blur::gaussian;
use super::draw::{Draw, Effect};
use super::error::SimulationError;
use super::plane::Plane;
use super::setting::{PROBABILITY, Range, check_range};

/// How much is scattered, and how far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScatterConfig {
    /// Scattered intensity as part of the primary, averaged over the image.
    pub fraction: Range,
    /// Share of it that is spread evenly.
    pub even_share: Range,
    /// Standard deviation of the Gaussian at the detector (mm).
    pub sigma_mm: Range,
}

impl Default for ScatterConfig {
    fn default() -> Self {
        Self { fraction: [0.02, 0.08], even_share: [0.2, 0.6], sigma_mm: [30.0, 80.0] }
    }
}

impl ScatterConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        check_range("scatter.fraction", self.fraction, [0.0, 100.0])?;
        check_range("scatter.even_share", self.even_share, PROBABILITY)?;
        check_range("scatter.sigma_mm", self.sigma_mm, [0.0, 10_000.0])
    }

    pub(super) fn draw(&self, seed: u64) -> Scatter {
        let mut draw = Draw::new(seed, Effect::Scatter);
        Scatter {
            fraction: draw.between(self.fraction),
            even_share: draw.between(self.even_share),
            sigma_mm: draw.between(self.sigma_mm),
        }
    }
}

/// The scatter that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scatter {
    /// Scattered intensity as part of the primary.
    pub fraction: f64,
    /// Share of it that is spread evenly.
    pub even_share: f64,
    /// Standard deviation of the Gaussian at the detector (mm).
    pub sigma_mm: f64,
}

impl Scatter {
    /// The total intensity where there is the primary.
    pub(super) fn add(&self, primary: &Plane, pixel_spacing_mm: [f64; 2]) -> Plane {
        let haze = gaussian(primary, pixel_spacing_mm.map(|spacing| self.sigma_mm / spacing));
        let even = self.even_share * primary.mean();
        let total = |(p, h): (&f64, &f64)| p + self.fraction * ((1.0 - self.even_share) * h + even);
        let values = primary.values.iter().zip(&haze.values).map(total).collect();
        Plane { columns: primary.columns, values }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: scatter adds its fraction to the mean, raises the minimum, and most beside light.
    use super::*;

    #[test]
    fn scatter_adds_its_fraction_and_lifts_the_dark() {
        // The left half is bright, the right one dark.
        let values = (0..64 * 64).map(|n| if n % 64 < 32 { 1.0 } else { 0.01 }).collect();
        let primary = Plane { columns: 64, values };
        for even_share in [0.0, 0.4, 1.0] {
            let scatter = Scatter { fraction: 0.08, even_share, sigma_mm: 20.0 };
            let total = scatter.add(&primary, [2.0, 1.5]);
            assert!((total.mean() / primary.mean() - 1.08).abs() < 1e-12);
            let least = total.values.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(least >= 0.01 + 0.08 * even_share * primary.mean() && least > 0.01);
            let (near, far) = (total.values[33], total.values[63]);
            assert!(if even_share < 1.0 { near > far + 1e-3 } else { (near - far).abs() < 1e-12 });
        }
    }
}
