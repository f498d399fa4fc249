//! The search: many poses of the prior, scored on small images, the best distinct ones refined
//! there and the best of these promoted.
//!
//! Another round of the search goes on with the sequence where the last one left off.

use super::candidate::Candidate;
use super::config::{RegisterConfig, SearchConfig};
use super::error::RegisterError;
use super::prior::RotationSpread;
use super::run::Run;
use super::stage::Stage;
use crate::optimize::{LevenbergMarquardtConfig, Objective};

/// How many more poses are scored where every rotation will do: they fill some twenty times as much.
const TIMES_FOR_ANY_ROTATION: u32 = 20;

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct SearchStage {
    config: SearchConfig,
    optimizer: LevenbergMarquardtConfig,
}

impl SearchStage {
    /// Its name.
    pub const NAME: &'static str = "search";

    /// With the settings of a registration.
    #[must_use]
    pub fn new(config: &RegisterConfig) -> Self {
        let optimizer = LevenbergMarquardtConfig {
            max_evaluations: config.search.max_evaluations,
            ..config.refine.optimizer
        };
        Self { config: config.search.clone(), optimizer }
    }
}

impl Stage for SearchStage {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        run: &mut Run<'_, '_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let Self { config, optimizer } = self;
        let (prior, pivot) = (run.prior(), run.case().pivot_world_mm());
        // Each further round is as long as all before it together.
        let samples = u32::try_from(config.samples).unwrap_or(u32::MAX);
        let samples = match prior.spread.rotation_deg {
            RotationSpread::StandardDeviationDeg(_) => samples,
            RotationSpread::Any(_) => samples.saturating_mul(TIMES_FOR_ANY_ROTATION),
        };
        let until = |rounds: usize| match rounds {
            0 => 0,
            n => samples.saturating_mul(1 << (n - 1).min(20)),
        };
        let numbers = until(run.round())..until(run.round() + 1);
        let mut poses: Vec<_> = candidates.iter().map(|c| c.camera_from_world).collect();
        let margin_mm = prior.spread.in_plane_mm;
        let level = run.level(config.longest_side_px, &poses, margin_mm)?;
        poses.extend(prior.samples(pivot, config.seed, numbers));
        run.timed(Self::NAME, level.longest_side_px(), poses.len(), |run| {
            let similarities = level.objective_anywhere()?.similarities(&poses);
            let scored = poses
                .iter()
                .zip(similarities)
                .map(|(pose, similarity)| Candidate { similarity, ..Candidate::new(*pose) })
                .collect();
            let best = run.best_distinct(scored, config.polished, &level);
            let polished = run.polish(Self::NAME, &level, &best, optimizer)?;
            let best = run.best_distinct(polished, config.promoted, &level);
            run.note_search(best.first().map_or(f64::NEG_INFINITY, |best| best.similarity));
            Ok(best)
        })
    }
}
