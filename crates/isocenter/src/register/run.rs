//! A registration in progress: what stages work with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::candidate::{Candidate, best_distinct};
use super::case::{Case, Compares};
use super::config::RegisterConfig;
use super::error::RegisterError;
use super::event::{Event, StageTime, TraceRow};
use super::level::Level;
use super::level_xray::LevelRequest;
use super::prior::Prior;
use super::within_prior::WithinPrior;
use crate::geometry::RigidTransform;
use crate::optimize::levenberg_marquardt::maximize;
use crate::optimize::{LevenbergMarquardtConfig, Objective};

/// What an X-ray shows of a patient whom a CT cuts off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Shows {
    /// More than the CT: complete rays are compared.
    #[default]
    MoreThanTheCt,
    /// The same as the CT, which is cut out of its surroundings: a phantom, a specimen, a simulation.
    OnlyTheCt,
}

/// What a level is for: a search looks at poses that may be far off, a refinement at some that are near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Poses of all the prior are compared.
    Search,
    /// Poses are made precise, or judged.
    Refinement,
}

/// The distinct optima of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Rivals {
    /// The longest side of its images.
    pub longest_side_px: usize,
    /// The best of them.
    pub best: Candidate,
    /// The others, better ones first; one at least.
    pub others: Vec<Candidate>,
}

impl Rivals {
    /// How much less similar the next best optimum is.
    #[must_use]
    pub fn lead(&self) -> f64 {
        let next = self.others.first().map_or(f64::NEG_INFINITY, |other| other.similarity);
        self.best.similarity - next
    }
}

/// A registration in progress: the case, the prior, the settings, and what has been done.
pub struct Run<'a, 'o> {
    case: &'a Case,
    prior: &'a Prior,
    config: &'a RegisterConfig,
    depth_mm: f64,
    round: usize,
    shows: Shows,
    rounds_before: u32,
    levels: BTreeMap<(usize, Purpose, Shows), Arc<Level>>,
    rivals: Option<Rivals>,
    first_search_similarity: Option<f64>,
    trace: Vec<TraceRow>,
    timings: Vec<StageTime>,
    observe: &'o mut dyn FnMut(&Event<'_>),
}

impl<'a, 'o> Run<'a, 'o> {
    /// A registration that is about to begin; `depth_mm` is that of the pivot.
    pub(super) fn new(
        case: &'a Case,
        prior: &'a Prior,
        config: &'a RegisterConfig,
        depth_mm: f64,
        observe: &'o mut dyn FnMut(&Event<'_>),
    ) -> Self {
        let (levels, trace, timings) = Default::default();
        Self {
            case,
            prior,
            config,
            depth_mm,
            round: 0,
            shows: Shows::default(),
            rounds_before: 0,
            levels,
            rivals: None,
            first_search_similarity: None,
            trace,
            timings,
            observe,
        }
    }

    /// What is registered.
    #[must_use]
    pub fn case(&self) -> &'a Case {
        self.case
    }

    /// Where the patient may be.
    #[must_use]
    pub fn prior(&self) -> &'a Prior {
        self.prior
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &'a RegisterConfig {
        self.config
    }

    /// How often the stages have been run before, because the result was poor.
    #[must_use]
    pub fn round(&self) -> usize {
        self.round
    }

    /// How many rounds have searched before under the same assumption.
    #[must_use]
    pub fn rounds_before(&self) -> u32 {
        self.rounds_before
    }

    /// What the X-rays are taken to show in this round.
    #[must_use]
    pub fn shows(&self) -> Shows {
        self.shows
    }

    /// Whether only complete rays are compared, since the CT cuts the patient whom the X-ray shows beyond.
    #[must_use]
    pub fn compares_complete_rays(&self) -> bool {
        self.shows == Shows::MoreThanTheCt && self.case.missing().is_some()
    }

    pub(super) fn begin_round(&mut self, round: usize, shows: Shows, rounds_before: u32) {
        (self.round, self.shows, self.rounds_before) = (round, shows, rounds_before);
    }

    /// Tells whoever watches.
    pub fn tell(&mut self, event: &Event<'_>) {
        (self.observe)(event);
    }

    /// Notes the distinct optima of a level, best first, for the judge: those of the finest level at
    /// which there were several are kept.
    pub fn note_rivals(&mut self, level: &Level, distinct: &[Candidate]) {
        if let [best, rivals @ ..] = distinct
            && !rivals.is_empty()
        {
            let longest_side_px = level.longest_side_px();
            self.rivals = Some(Rivals { longest_side_px, best: *best, others: rivals.to_vec() });
        }
    }

    /// The distinct optima that were noted last.
    pub(super) fn rivals(&self) -> Option<&Rivals> {
        self.rivals.as_ref()
    }

    /// The distinct optima that were noted last, which are forgotten then.
    pub(super) fn take_rivals(&mut self) -> Option<Rivals> {
        self.rivals.take()
    }

    /// Notes how alike the images are at the best pose of a search; the first one's is kept.
    pub(super) fn note_search(&mut self, similarity: f64) {
        self.first_search_similarity.get_or_insert(similarity);
    }

    /// How alike the images are at the best pose of the first search, if there was one.
    pub(super) fn first_search_similarity(&self) -> Option<f64> {
        self.first_search_similarity
    }

    /// Trace and times so far.
    pub(super) fn into_record(self) -> (Vec<TraceRow>, Vec<StageTime>) {
        (self.trace, self.timings)
    }

    /// The case with images of about a side. Where pixels near the shadow are compared, the shadow
    /// is that from any of the poses, widened by the margin.
    ///
    /// # Errors
    /// If a coarser copy of the CT cannot be made, or the images cannot be compared.
    pub fn level(
        &mut self,
        purpose: Purpose,
        longest_side_px: usize,
        poses: &[RigidTransform],
        margin_mm: f64,
    ) -> Result<Arc<Level>, RegisterError> {
        let depends_on_poses = self.case.compares() == Compares::NearShadow;
        let key = (longest_side_px, purpose, self.shows);
        if let Some(level) = self.levels.get(&key).filter(|_| !depends_on_poses) {
            return Ok(Arc::clone(level));
        }
        let beyond = match purpose {
            Purpose::Search => &self.config.partial.search,
            Purpose::Refinement => &self.config.partial.refine,
        };
        let beyond = (self.shows == Shows::MoreThanTheCt).then_some(beyond);
        let (depth_mm, similarity) = (self.depth_mm, &self.config.similarity);
        let request =
            LevelRequest { longest_side_px, depth_mm, poses, margin_mm, similarity, beyond };
        let level = Arc::new(Level::new(self.case, &request)?);
        self.levels.insert(key, Arc::clone(&level));
        Ok(level)
    }

    /// Runs a part of a stage at a level: tells of its beginning and its end, and takes its time.
    pub fn timed<T>(
        &mut self,
        stage: &'static str,
        longest_side_px: usize,
        candidates: usize,
        work: impl FnOnce(&mut Self) -> Result<T, RegisterError>,
    ) -> Result<T, RegisterError> {
        let begun = Instant::now();
        self.tell(&Event::StageStarted { stage, longest_side_px, candidates });
        let done = work(self)?;
        let seconds = begun.elapsed().as_secs_f64();
        self.timings.push(StageTime { stage, longest_side_px, seconds });
        self.tell(&Event::StageFinished { stage, seconds });
        Ok(done)
    }

    /// Records an evaluation.
    pub fn record(&mut self, row: TraceRow) {
        self.tell(&Event::Iteration(&row));
        self.trace.push(row);
    }

    /// The best distinct candidates of a level.
    #[must_use]
    pub fn best_distinct(
        &self,
        candidates: Vec<Candidate>,
        number: usize,
        level: &Level,
    ) -> Vec<Candidate> {
        best_distinct(candidates, number, level.distinct_mm(), self.case.pivot_world_mm())
    }

    /// Levenberg-Marquardt from each candidate, side by side; told about in order, so that trace and
    /// result are the same whatever the number of threads. A candidate that cannot be rendered is
    /// dropped.
    ///
    /// # Errors
    /// If no candidate can be rendered, or the images cannot be compared.
    pub fn polish(
        &mut self,
        stage: &'static str,
        level: &Level,
        candidates: &[Candidate],
        optimizer: &LevenbergMarquardtConfig,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let prior = self.prior;
        let polish_one = |candidate: &Candidate| -> Result<_, RegisterError> {
            let mut iterations = Vec::new();
            let mut polished = *candidate;
            // Which rays are complete is held while a pose is refined, then looked at again.
            let passes = if level.depends_on_pose(&candidate.camera_from_world) { 2 } else { 1 };
            for _ in 0..passes {
                let start = polished.camera_from_world;
                let objective = WithinPrior::new(level.objective_near(&start)?, prior);
                let optimum =
                    maximize(&objective, &start, optimizer, &mut |i| iterations.push(*i))?;
                polished = Candidate {
                    camera_from_world: optimum.camera_from_world,
                    similarity: optimum.evaluation.similarity,
                    termination: optimum.termination,
                };
            }
            if passes > 1 {
                let at = &polished.camera_from_world;
                let objective = WithinPrior::new(level.objective_near(at)?, prior);
                polished.similarity =
                    objective.similarities(&[*at]).first().copied().unwrap_or(f64::NEG_INFINITY);
            }
            Ok((polished, iterations))
        };
        let results: Vec<Result<_, RegisterError>> =
            candidates.par_iter().map(polish_one).collect();
        let mut polished = Vec::with_capacity(results.len());
        let mut dropped = None;
        for (number, result) in results.into_iter().enumerate() {
            let (candidate, iterations) = match result {
                Ok(found) => found,
                // One candidate that has run into the source is no reason to give up the others.
                Err(error) if error.is_of_the_pose() => {
                    dropped.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let longest_side_px = level.longest_side_px();
            for iteration in iterations {
                let (candidate, branches) = (number, None);
                self.record(TraceRow { stage, longest_side_px, candidate, iteration, branches });
            }
            let termination = candidate.termination;
            self.tell(&Event::CandidateFinished { candidate: number, termination });
            polished.push(candidate);
        }
        match dropped {
            Some(error) if polished.is_empty() => Err(error),
            _ => Ok(polished),
        }
    }
}
