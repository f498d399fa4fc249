//! The settings of a registration: at once defaults, configuration file and record in the result.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::RegisterError;
use super::landmarks::LandmarkConfig;
use crate::optimize::LevenbergMarquardtConfig;

/// Settings of a registration from a start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisterConfig {
    /// How a start is found from landmarks, where one is.
    pub landmarks: LandmarkConfig,
    /// How X-ray and radiograph are compared.
    pub similarity: SimilarityConfig,
    /// The first look around the start.
    pub multi_start: MultiStartConfig,
    /// The way from coarse to fine.
    pub refine: RefineConfig,
}

impl RegisterConfig {
    /// Settings for a CT of which only some structure is kept, while the X-ray shows the whole
    /// patient: edges alone are compared, since what lies behind and in front of the structure
    /// decides about the grey values.
    #[must_use]
    pub fn for_structure() -> Self {
        let similarity = SimilarityConfig { ncc: 0.0, gradient_ncc: 1.0, patch_ncc: 0.0 };
        Self { similarity, ..Self::default() }
    }

    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// The first setting that does not, by its name in the configuration file.
    ///
    /// # Examples
    /// ```
    /// use isocenter::register::RegisterConfig;
    /// let mut config = RegisterConfig::default();
    /// assert!(config.check().is_ok());
    /// config.multi_start.depth_mm = -1.0;
    /// assert!(config.check().unwrap_err().to_string().contains("multi_start.depth_mm is -1"));
    /// ```
    pub fn check(&self) -> Result<(), RegisterError> {
        let refused = |name, found: &dyn fmt::Display, expected| {
            Err(RegisterError::Setting { name, found: found.to_string(), expected })
        };
        let Self { landmarks, similarity, multi_start, refine } = self;
        landmarks.check()?;
        let optimizer = &refine.optimizer;
        let sides = &refine.longest_sides_px;
        let shortest = sides.iter().copied().min().unwrap_or(0);
        let sides_px = [
            ("multi_start.longest_side_px", multi_start.longest_side_px),
            ("refine.longest_sides_px", shortest),
        ];
        let counts = [
            ("multi_start.polished", multi_start.polished),
            ("multi_start.promoted", multi_start.promoted),
            ("multi_start.max_evaluations", multi_start.max_evaluations),
            ("refine.optimizer.max_evaluations", optimizer.max_evaluations),
        ];
        let not_negative = [
            ("similarity.ncc", similarity.ncc),
            ("similarity.gradient_ncc", similarity.gradient_ncc),
            ("similarity.patch_ncc", similarity.patch_ncc),
            ("multi_start.rotation_deg", multi_start.rotation_deg),
            ("multi_start.in_plane_mm", multi_start.in_plane_mm),
            ("multi_start.depth_mm", multi_start.depth_mm),
            ("refine.optimizer.tolerance_deg", optimizer.tolerance_deg),
            ("refine.optimizer.tolerance_mm", optimizer.tolerance_mm),
        ];
        let positive = [
            ("refine.optimizer.longest_step_deg", optimizer.longest_step_deg),
            ("refine.optimizer.longest_step_mm", optimizer.longest_step_mm),
            ("refine.optimizer.initial_damping", optimizer.initial_damping),
        ];
        if sides.is_empty() {
            return refused("refine.longest_sides_px", &"empty", "a list of at least one side");
        }
        if let Some((name, found)) = sides_px.iter().find(|(_, side)| *side < 8) {
            return refused(name, found, "at least 8");
        }
        if multi_start.samples > 1_000_000 {
            return refused("multi_start.samples", &multi_start.samples, "at most 1000000");
        }
        if let Some((name, found)) = counts.iter().find(|(_, n)| !(1..=1000).contains(n)) {
            return refused(name, found, "1 to 1000");
        }
        let finite = |value: f64, fits: bool| value.is_finite() && fits;
        if let Some((name, found)) = not_negative.iter().find(|(_, v)| !finite(*v, *v >= 0.0)) {
            return refused(name, found, "a finite number, zero or more");
        }
        if let Some((name, found)) = positive.iter().find(|(_, v)| !finite(*v, *v > 0.0)) {
            return refused(name, found, "a finite number above zero");
        }
        if similarity.ncc + similarity.gradient_ncc + similarity.patch_ncc == 0.0 {
            return refused(
                "similarity",
                &"zero throughout",
                "above zero for one measure at least",
            );
        }
        Ok(())
    }
}

/// Weights of the similarity measures; their sum does not matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimilarityConfig {
    /// Normalized cross-correlation of the whole image.
    pub ncc: f64,
    /// That of the two derivative images.
    pub gradient_ncc: f64,
    /// That of overlapping patches.
    pub patch_ncc: f64,
}

impl Default for SimilarityConfig {
    fn default() -> Self {
        Self { ncc: 1.0, gradient_ncc: 1.0, patch_ncc: 0.0 }
    }
}

/// The first look around the start: poses drawn over a box about it, scored on small images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiStartConfig {
    /// Poses to score beside the start, at most a million; 0 leaves the stage out.
    pub samples: usize,
    /// Half the box's width for each component of the rotation vector.
    pub rotation_deg: f64,
    /// Half the box's width along the image's columns and rows.
    pub in_plane_mm: f64,
    /// Half the box's width in depth.
    pub depth_mm: f64,
    /// The longest side of the images compared, at most.
    pub longest_side_px: usize,
    /// How many of the best distinct poses are refined at this level.
    pub polished: usize,
    /// How many of these go on to the first level of the refinement; each further level halves
    /// their number.
    pub promoted: usize,
    /// Most evaluations for each pose that is refined at this level.
    pub max_evaluations: usize,
    /// Seed of the draw.
    pub seed: u64,
}

impl Default for MultiStartConfig {
    fn default() -> Self {
        Self {
            samples: 400,
            rotation_deg: 12.0,
            in_plane_mm: 25.0,
            depth_mm: 50.0,
            longest_side_px: 32,
            polished: 12,
            promoted: 4,
            max_evaluations: 12,
            seed: 0,
        }
    }
}

/// The way from coarse to fine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefineConfig {
    /// The longest side of the images of each level, at most: pixels are binned by whole factors.
    /// The X-ray's own size ends the list where it is smaller.
    pub longest_sides_px: Vec<usize>,
    /// The optimiser on each level.
    pub optimizer: LevenbergMarquardtConfig,
}

impl Default for RefineConfig {
    fn default() -> Self {
        Self {
            longest_sides_px: vec![64, 128, 256],
            optimizer: LevenbergMarquardtConfig::default(),
        }
    }
}
