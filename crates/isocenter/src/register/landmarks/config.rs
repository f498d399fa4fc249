//! The settings of a start from landmarks.

use serde::{Deserialize, Serialize};

use super::LandmarkError;
use crate::geometry::Camera;

/// Settings of a start from landmarks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LandmarkConfig {
    /// The largest residual of a landmark that counts (px); by default 1.5 % of the detector's
    /// longer side, but at least [`LandmarkConfig::SMALLEST_DEFAULT_PX`].
    pub inlier_px: Option<f64>,
    /// The wanted probability of finding the consensus when half of the landmarks are wrong; it
    /// decides how many draws are made.
    pub confidence: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for LandmarkConfig {
    fn default() -> Self {
        Self { inlier_px: None, confidence: 0.9999, seed: 0 }
    }
}

/// The part of the triples of right landmarks that is well enough spread to give a pose from which
/// Levenberg-Marquardt finds the best one, in spite of the noise. With 2 px of noise about a
/// vertebra it was 0.57 and more; this leaves room for landmarks that are worse placed.
const USEFUL_TRIPLES: f64 = 0.1;

impl LandmarkConfig {
    /// The smallest default of `inlier_px`: four standard deviations of what a careful hand misses.
    pub const SMALLEST_DEFAULT_PX: f64 = 8.0;

    /// The default of `inlier_px` as a part of the detector's longer side.
    pub const DEFAULT_PART_OF_SIDE: f64 = 0.015;

    /// The largest residual of an inlier (px) for a camera.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::Camera;
    /// use isocenter::register::landmarks::LandmarkConfig;
    /// let camera = |side| Camera::new(1000.0, [0.3, 0.3], [side, 100]).unwrap();
    /// let config = LandmarkConfig::default();
    /// assert_eq!(config.inlier_px_for(&camera(256)), 8.0);
    /// assert_eq!(config.inlier_px_for(&camera(2000)), 30.0);
    /// let strict = LandmarkConfig { inlier_px: Some(3.0), ..config };
    /// assert_eq!(strict.inlier_px_for(&camera(2000)), 3.0);
    /// ```
    #[must_use]
    pub fn inlier_px_for(&self, camera: &Camera) -> f64 {
        let [columns, rows] = camera.size_px();
        self.inlier_px.unwrap_or_else(|| {
            (Self::DEFAULT_PART_OF_SIDE * columns.max(rows) as f64).max(Self::SMALLEST_DEFAULT_PX)
        })
    }

    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), LandmarkError> {
        let inlier_px = self.inlier_px.unwrap_or(1.0);
        if !(inlier_px.is_finite() && inlier_px > 0.0) {
            let expected = "a finite number of pixels above zero";
            return Err(LandmarkError::Setting { name: "inlier_px", found: inlier_px, expected });
        }
        if !(0.0..1.0).contains(&self.confidence) {
            let (found, expected) = (self.confidence, "at least 0 and below 1");
            return Err(LandmarkError::Setting { name: "confidence", found, expected });
        }
        Ok(())
    }

    /// How many triples to draw.
    pub(super) fn draws(&self) -> usize {
        // A triple serves if its three landmarks are right, each with probability 1/2, and useful.
        let serves = 0.5_f64.powi(3) * USEFUL_TRIPLES;
        // The closest number to 1 asks for 3000 draws.
        ((1.0 - self.confidence).ln() / (1.0 - serves).ln()).ceil().max(1.0) as usize
    }
}
