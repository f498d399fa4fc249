//! The settings of a registration: at once defaults, configuration file and record in the result.

use serde::{Deserialize, Serialize};

use crate::optimize::LevenbergMarquardtConfig;

/// Settings of a registration from a start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisterConfig {
    /// How X-ray and radiograph are compared.
    pub similarity: SimilarityConfig,
    /// The first look around the start.
    pub multi_start: MultiStartConfig,
    /// The way from coarse to fine.
    pub refine: RefineConfig,
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
    /// Poses to score beside the start; 0 leaves the stage out.
    pub samples: usize,
    /// Half the box's width for each component of the rotation vector.
    pub rotation_deg: f64,
    /// Half the box's width along the image's columns and rows.
    pub in_plane_mm: f64,
    /// Half the box's width in depth.
    pub depth_mm: f64,
    /// The longest side of the images compared.
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
    /// The longest side of the images of each level; the X-ray's own size ends the list where it
    /// is smaller.
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
