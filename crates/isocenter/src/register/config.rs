//! The settings of a registration: at once defaults, configuration file and record in the result.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::RegisterError;
use super::judge::JudgeConfig;
use super::landmarks::LandmarkConfig;
use super::refine::RefineStage;
use super::search::SearchStage;
use crate::optimize::{
    CmaEsConfig, DirectionDescentConfig, GradientDescentConfig, LevenbergMarquardtConfig,
    MotionScales, SettingError,
};
use crate::radiograph::{Image, Mask, PrepareConfig};
use crate::similarity::{
    GradientNcc, Ncc, PatchNcc, PatchNccConfig, Similarity, SimilarityError, WeightedSum,
};

/// Settings of a registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisterConfig {
    /// The stages, in order, by the names under which they are registered.
    pub stages: Vec<String>,
    /// How a start is found from landmarks, where one is.
    pub landmarks: LandmarkConfig,
    /// What is looked for in an X-ray before it is compared.
    pub prepare: PrepareConfig,
    /// How X-ray and radiograph are compared.
    pub similarity: SimilarityConfig,
    /// What is done where the CT ends within the patient.
    pub partial: PartialConfig,
    /// The stage `search`.
    pub search: SearchConfig,
    /// The stage `refine`.
    pub refine: RefineConfig,
    /// How the result is judged.
    pub judge: JudgeConfig,
    /// The stage `cma-es`.
    pub cma_es: OptimizerStageConfig<CmaEsConfig>,
    /// The stage `gradient-descent`.
    pub gradient_descent: OptimizerStageConfig<GradientDescentConfig>,
    /// How the stage `network` descends, where there is one.
    pub direction_descent: DirectionDescentConfig,
}

impl Default for RegisterConfig {
    fn default() -> Self {
        Self {
            stages: vec![SearchStage::NAME.to_owned(), RefineStage::NAME.to_owned()],
            landmarks: LandmarkConfig::default(),
            prepare: PrepareConfig::default(),
            similarity: SimilarityConfig::default(),
            partial: PartialConfig::default(),
            search: SearchConfig::default(),
            refine: RefineConfig::default(),
            judge: JudgeConfig::default(),
            cma_es: OptimizerStageConfig::default(),
            gradient_descent: OptimizerStageConfig::default(),
            direction_descent: DirectionDescentConfig::default(),
        }
    }
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
    /// config.search.polished = 0;
    /// assert!(config.check().unwrap_err().to_string().contains("search.polished is 0"));
    /// ```
    pub fn check(&self) -> Result<(), RegisterError> {
        let refused = |name, found: &dyn fmt::Display, expected| {
            Err(RegisterError::Setting { name, found: found.to_string(), expected })
        };
        let Self {
            prepare: _,
            stages,
            landmarks,
            similarity,
            partial,
            search,
            refine,
            cma_es,
            gradient_descent,
            direction_descent,
            judge: _,
        } = self;
        landmarks.check()?;
        partial.check()?;
        direction_descent.check().map_err(|error| SettingError {
            name: format!("direction_descent.{}", error.name),
            ..error
        })?;
        let optimizer = &refine.optimizer;
        let sides = &refine.longest_sides_px;
        let shortest = sides.iter().copied().min().unwrap_or(0);
        let sides_px = [
            ("search.longest_side_px", search.longest_side_px),
            ("cma_es.longest_side_px", cma_es.longest_side_px),
            ("gradient_descent.longest_side_px", gradient_descent.longest_side_px),
            ("refine.longest_sides_px", shortest),
        ];
        let counts = [
            ("search.polished", search.polished),
            ("search.promoted", search.promoted),
            ("search.max_evaluations", search.max_evaluations),
            ("search.rounds", search.rounds),
            ("refine.optimizer.max_evaluations", optimizer.max_evaluations),
        ];
        let not_negative = [
            ("similarity.ncc", similarity.ncc),
            ("similarity.gradient_ncc", similarity.gradient_ncc),
            ("similarity.patch_ncc", similarity.patch_ncc),
            ("refine.optimizer.tolerance_deg", optimizer.tolerance_deg),
            ("refine.optimizer.tolerance_mm", optimizer.tolerance_mm),
            ("refine.optimizer.tolerance_value", optimizer.tolerance_value),
            ("refine.margin", refine.margin),
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
        if stages.is_empty() {
            return refused("stages", &"empty", "a list of at least one stage");
        }
        if search.samples > 1_000_000 {
            return refused("search.samples", &search.samples, "at most 1000000");
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

/// What is done where a CT ends within the patient, whom the X-ray shows beyond.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartialConfig {
    /// While poses are searched.
    pub search: BeyondConfig,
    /// While they are refined and judged.
    pub refine: BeyondConfig,
}

impl Default for PartialConfig {
    fn default() -> Self {
        Self {
            search: BeyondConfig { fade_mm: 100.0, least_share: 0.10, ncc: 1.0, cut_rays: 0.5 },
            refine: BeyondConfig { fade_mm: 30.0, least_share: 0.05, ncc: 0.2, cut_rays: 0.5 },
        }
    }
}

impl PartialConfig {
    fn check(&self) -> Result<(), RegisterError> {
        for (name, found, most) in [
            ("partial.search.fade_mm", self.search.fade_mm, 1000.0),
            ("partial.search.least_share", self.search.least_share, 1.0),
            ("partial.search.ncc", self.search.ncc, 1.0),
            ("partial.search.cut_rays", self.search.cut_rays, 1000.0),
            ("partial.refine.fade_mm", self.refine.fade_mm, 1000.0),
            ("partial.refine.least_share", self.refine.least_share, 1.0),
            ("partial.refine.ncc", self.refine.ncc, 1.0),
            ("partial.refine.cut_rays", self.refine.cut_rays, 1000.0),
        ] {
            if !(0.0..=most).contains(&found) {
                let expected = if most > 1.0 { "0 to 1000" } else { "0 to 1" };
                return Err(RegisterError::Setting { name, found: found.to_string(), expected });
            }
        }
        Ok(())
    }
}

/// How a cut CT is compared with an X-ray that shows more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeyondConfig {
    /// The distance over which the patient goes on beyond the scan (mm), fading.
    pub fade_mm: f64,
    /// The part of the pixels that is compared at least, also where more rays are cut.
    pub least_share: f64,
    /// Factor on the weight of normalized cross-correlation, in which cut rays weigh most.
    pub ncc: f64,
    /// Weight of the edges of all rays, cut ones too, beside the similarity of complete rays.
    pub cut_rays: f64,
}

/// The search: poses of the prior, scored on small images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Poses to score in the first round beside the center of the prior, at most a million; twenty
    /// times as many where every rotation will do.
    pub samples: usize,
    /// The longest side of the images compared, at most.
    pub longest_side_px: usize,
    /// How many of the best distinct poses are refined at this level.
    pub polished: usize,
    /// How many of these go on to the first level of the refinement; each further level halves
    /// their number.
    pub promoted: usize,
    /// Most evaluations for each pose that is refined at this level.
    pub max_evaluations: usize,
    /// How often the stages are run at most: where the verdict is poor, once more with as many new
    /// poses as all rounds before it together.
    pub rounds: usize,
    /// Seed of the draw.
    pub seed: u64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            samples: 4000,
            longest_side_px: 32,
            polished: 24,
            promoted: 6,
            max_evaluations: 12,
            rounds: 3,
            seed: 0,
        }
    }
}

/// A stage that is one optimiser at work from the best candidate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerStageConfig<T: Default> {
    /// The longest side of the images compared, at most.
    pub longest_side_px: usize,
    /// How far the first candidates or steps reach.
    pub scales: MotionScales,
    /// The optimiser.
    pub optimizer: T,
}

impl Default for OptimizerStageConfig<CmaEsConfig> {
    /// First standard deviations about those of a start that is off by as much as the published
    /// protocol's.
    fn default() -> Self {
        let scales = MotionScales { rotation_deg: 20.0, in_plane_mm: 30.0, depth_mm: 60.0 };
        Self { longest_side_px: 128, scales, optimizer: CmaEsConfig::default() }
    }
}

impl Default for OptimizerStageConfig<GradientDescentConfig> {
    fn default() -> Self {
        let scales = MotionScales { rotation_deg: 2.0, in_plane_mm: 3.0, depth_mm: 10.0 };
        Self { longest_side_px: 128, scales, optimizer: GradientDescentConfig::default() }
    }
}

impl SimilarityConfig {
    /// The same with the weight of normalized cross-correlation multiplied, unless it is all there is.
    #[must_use]
    pub(super) fn with_less_ncc(&self, factor: f64) -> Self {
        let alone = self.gradient_ncc == 0.0 && self.patch_ncc == 0.0;
        let ncc = if alone { self.ncc } else { self.ncc * factor };
        Self { ncc, ..self.clone() }
    }

    /// The measures with a weight, as one, prepared for a fixed image.
    ///
    /// # Errors
    /// Those of the measures, and of weights that make no sense.
    pub fn prepare(
        &self,
        fixed: &Image,
        mask: Option<&Mask>,
    ) -> Result<Box<dyn Similarity>, SimilarityError> {
        let mut parts: Vec<(f64, Box<dyn Similarity>)> = Vec::new();
        if self.ncc != 0.0 {
            parts.push((self.ncc, Box::new(Ncc::new(fixed, mask)?)));
        }
        if self.gradient_ncc != 0.0 {
            parts.push((self.gradient_ncc, Box::new(GradientNcc::new(fixed, mask)?)));
        }
        if self.patch_ncc != 0.0 {
            let patches = PatchNcc::new(fixed, mask, &PatchNccConfig::default())?;
            parts.push((self.patch_ncc, Box::new(patches)));
        }
        Ok(Box::new(WeightedSum::new(parts)?))
    }
}

/// The way from coarse to fine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefineConfig {
    /// The longest side of the images of each level, at most: pixels are binned by whole factors.
    /// The X-ray's own size ends the list where it is smaller.
    pub longest_sides_px: Vec<usize>,
    /// A candidate whose similarity is behind the best one's by more than this does not go on to the
    /// next level.
    pub margin: f64,
    /// The optimiser on each level.
    pub optimizer: LevenbergMarquardtConfig,
}

impl Default for RefineConfig {
    fn default() -> Self {
        Self {
            longest_sides_px: vec![64, 128, 256],
            margin: 0.05,
            // What noise leaves open is far more than such gains.
            optimizer: LevenbergMarquardtConfig {
                tolerance_value: 1e-6,
                ..LevenbergMarquardtConfig::default()
            },
        }
    }
}
