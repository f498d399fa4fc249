//! The refinement: level by level, with finer images and voxels, every candidate is refined by
//! Levenberg-Marquardt and the better half kept.
//!
//! The finest level takes most of the time. What the judge has given up before is not refined there.

use super::candidate::Candidate;
use super::case::Case;
use super::config::{RefineConfig, RegisterConfig};
use super::error::RegisterError;
use super::judge::is_hopeless;
use super::level::Level;
use super::run::{Purpose, Run};
use super::stage::Stage;

/// How far around the shadow of a structure the images are compared, at the depth of the patient
/// (mm): its edges, and a little of what is around them.
const MARGIN_MM: f64 = 10.0;

/// The part of the rays that must be complete for the finest level.
const LEAST_COMPLETE: f64 = 0.15;

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct RefineStage {
    config: RefineConfig,
}

impl RefineStage {
    /// Its name.
    pub const NAME: &'static str = "refine";

    /// With the settings of a registration.
    #[must_use]
    pub fn new(config: &RegisterConfig) -> Self {
        Self { config: config.refine.clone() }
    }
}

impl Stage for RefineStage {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        run: &mut Run<'_, '_>,
        mut candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let sides = sides_px(run.case(), &self.config.longest_sides_px);
        for (n, &side) in sides.iter().enumerate() {
            let finest = n + 1 == sides.len();
            if finest && n > 0 && hopeless(run, &candidates)? {
                candidates.truncate(1);
                break;
            }
            let poses: Vec<_> = candidates.iter().map(|c| c.camera_from_world).collect();
            let level = run.level(Purpose::Refinement, side, &poses, MARGIN_MM)?;
            if finest && n > 0 && few_complete(&level, &candidates)? {
                candidates.truncate(1);
                break;
            }
            let keep = if finest { 1 } else { candidates.len().div_ceil(2) };
            candidates = run.timed(Self::NAME, level.longest_side_px(), poses.len(), |run| {
                let optimizer = &self.config.optimizer;
                let refined = run.polish(Self::NAME, &level, &candidates, optimizer)?;
                let distinct = run.best_distinct(refined, candidates.len(), &level);
                run.note_rivals(&level, &distinct);
                let highest = distinct.first().map_or(f64::NEG_INFINITY, |best| best.similarity);
                let in_reach = |c: &Candidate| c.similarity >= highest - self.config.margin;
                Ok(distinct.into_iter().take(keep).filter(in_reach).collect())
            })?;
        }
        Ok(candidates)
    }
}

/// Whether even the best candidate is beyond what the finest level could mend.
fn hopeless(run: &mut Run<'_, '_>, candidates: &[Candidate]) -> Result<bool, RegisterError> {
    candidates.first().map_or(Ok(false), |best| is_hopeless(run, best))
}

/// Whether few rays at the best candidate are complete: with sharp edges where the CT ends, the finest level
/// would take it away from where it is.
fn few_complete(level: &Level, candidates: &[Candidate]) -> Result<bool, RegisterError> {
    let Some(best) = candidates.first() else { return Ok(false) };
    Ok(level.complete_share(&best.camera_from_world)? < LEAST_COMPLETE)
}

/// The levels' sides, cut where the X-ray is no larger.
fn sides_px(case: &Case, wanted: &[usize]) -> Vec<usize> {
    let longest = case.first_xray().camera().size_px().into_iter().max().unwrap_or(1);
    let mut sides: Vec<usize> = wanted.iter().copied().filter(|&side| side < longest).collect();
    if sides.len() < wanted.len() {
        sides.push(longest);
    }
    sides
}
