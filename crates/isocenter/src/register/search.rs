//! The search: many poses of the prior, scored on small images, the best distinct ones refined
//! there and the best of these promoted.
//!
//! Another round of the search goes on with the sequence where the last one left off.

use super::candidate::Candidate;
use super::case::Compares;
use super::config::{RegisterConfig, SearchConfig};
use super::error::RegisterError;
use super::level::Level;
use super::objective::Score;
use super::prior::RotationSpread;
use super::run::{Purpose, Run};
use super::stage::Stage;
use crate::geometry::RigidTransform;
use crate::optimize::LevenbergMarquardtConfig;

/// How many more poses are scored where every rotation will do: they fill some twenty times as much.
const TIMES_FOR_ANY_ROTATION: u32 = 20;

/// How much finer than whole patients the search looks at a structure, whose region is small.
const TIMES_FINER: usize = 2;

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
        let until = |rounds: u32| match rounds {
            0 => 0,
            n => samples.saturating_mul(1 << (n - 1).min(20)),
        };
        let before = run.rounds_before();
        let numbers = until(before)..until(before + 1);
        let mut poses: Vec<_> = candidates.iter().map(|c| c.camera_from_world).collect();
        // A structure may lie two standard deviations aside; its edges are fine.
        let (side_px, margin_mm) = match run.case().compares() {
            Compares::Everywhere => (config.longest_side_px, 0.0),
            Compares::NearShadow => {
                (TIMES_FINER * config.longest_side_px, 2.0 * prior.spread.in_plane_mm)
            }
        };
        let level = run.level(Purpose::Search, side_px, &poses, margin_mm)?;
        poses.extend(prior.samples(pivot, config.seed, numbers));
        run.timed(Self::NAME, level.longest_side_px(), poses.len(), |run| {
            let scores = level.objective_anywhere()?.scores(&poses);
            let best = promising(run, &level, &poses, &scores, config.polished);
            let polished = run.polish(Self::NAME, &level, &best, optimizer)?;
            let best = run.best_distinct(polished, config.promoted, &level);
            run.note_search(best.first().map_or(f64::NEG_INFINITY, |best| best.similarity));
            Ok(best)
        })
    }
}

/// The best distinct poses: by how well they fit, and as many by how well they fit for how much of the
/// X-ray says so, where that is not the same for all.
fn promising(
    run: &Run<'_, '_>,
    level: &Level,
    poses: &[RigidTransform],
    scores: &[Score],
    number: usize,
) -> Vec<Candidate> {
    let ranked = |value: &dyn Fn(&Score) -> f64| {
        let scored = poses
            .iter()
            .zip(scores)
            .map(|(pose, score)| Candidate { similarity: value(score), ..Candidate::new(*pose) });
        run.best_distinct(scored.collect(), number, level)
    };
    let mut best = ranked(&|score| score.similarity);
    if scores.iter().any(|score| score.complete_share < 1.0) {
        best.extend(ranked(&by_evidence));
        best = run.best_distinct(best, 2 * number, level);
    }
    best
}

/// A correlation shrunk as if what is not compared did not fit at all: with `p` the complete part of the
/// pixels, `1 - s^2 = (1 - r^2)^p`.
fn by_evidence(score: &Score) -> f64 {
    let r = score.similarity.clamp(0.0, 1.0);
    if !score.similarity.is_finite() {
        return f64::NEG_INFINITY;
    }
    (1.0 - (1.0 - r * r).powf(score.complete_share)).max(0.0).sqrt()
}
