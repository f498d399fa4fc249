//! The registration from a start: look around, then refine from coarse to fine.
//!
//! 1. **Multi-start.** Poses over a box about the start are scored on small images; the best distinct
//!    ones are refined there and the best of these promoted.
//! 2. **Refine.** Level by level, with finer images and voxels, every candidate is refined and the
//!    better half kept; one is left at the finest level.
//!
//! Candidates are refined side by side and told about in order: result and trace are the same
//! whatever the number of threads.

use std::time::Instant;

use nalgebra::Vector3;
use rayon::prelude::*;

use super::case::{Case, Level};
use super::config::RegisterConfig;
use super::error::RegisterError;
use super::event::{Event, Stage, TraceRow};
use super::multi_start::starts;
use crate::geometry::{PivotMotion, RigidTransform};
use crate::optimize::levenberg_marquardt::maximize;
use crate::optimize::{LevenbergMarquardtConfig, Objective, ObjectiveError, Termination};

/// Two candidates closer than this, as [`distance_mm`] has it, are one, in pixels of the level.
const DISTINCT_PX: f64 = 2.0;

/// How far around the shadow of a structure the images are compared in the refinement, at the
/// depth of the patient (mm): its edges, and a little of what is around them.
const REFINE_MARGIN_MM: f64 = 10.0;

/// How far a rotation moves what is seen, for the distance of two poses: the radius (mm) of the
/// anatomy about the pivot.
const RADIUS_MM: f64 = 100.0;

/// How much less a shift in depth changes the image than one within its plane: about the ratio of
/// the anatomy's radius to its distance from the source.
const DEPTH_WEIGHT: f64 = 0.15;

/// The result of a registration.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// The pose.
    pub camera_from_world: RigidTransform,
    /// The point about which motions turned (mm), world frame.
    pub pivot_world_mm: Vector3<f64>,
    /// The similarity at the pose, at the finest level.
    pub similarity: f64,
    /// Why the last optimiser stopped.
    pub termination: Termination,
    /// Every evaluation with derivatives, in order.
    pub trace: Vec<TraceRow>,
    /// How long each stage took.
    pub timings: Vec<StageTime>,
}

/// How long a stage took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// The longest side of its images.
    pub longest_side_px: usize,
    /// Wall-clock time.
    pub seconds: f64,
}

/// A pose in the running.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    pose: RigidTransform,
    similarity: f64,
    termination: Termination,
}

/// Finds the pose near a start that brings the CT into register with the X-ray.
///
/// # Errors
/// If the settings make no sense, or the CT is not in view from the start.
///
/// # Examples
/// ```
/// use isocenter::geometry::{Camera, PivotMotion, View};
/// use isocenter::project::ReferenceProjector;
/// use isocenter::register::{Case, RegisterConfig, register};
/// use isocenter::volume::{Affine, AttenuationVolume, Volume};
/// use nalgebra::{Vector3, Vector6};
/// // A lopsided lump, and its radiograph from a pose that the registration has to find again.
/// let lump = |at: usize| {
///     let [i, j, k] = [at % 32, at / 32 % 32, at / 1024].map(|n| n as f32 / 16.0 - 1.0);
///     if i * i + 2.0 * j * j + 3.0 * k * k + i * j * k < 0.6 { 0.02 + 0.01 * i } else { 0.0 }
/// };
/// let affine = Affine::from_spacing([4.0; 3], [-62.0; 3]).unwrap();
/// let volume = Volume::new([32; 3], (0..32768).map(lump).collect(), affine).unwrap();
/// let volume = AttenuationVolume::from_per_mm(volume).unwrap();
/// let camera = Camera::new(1000.0, [4.0, 4.0], [64, 64]).unwrap();
/// let truth = View::AP.camera_from_world(Vector3::zeros(), 700.0);
/// let xray = ReferenceProjector::new(&volume).forward(&camera, &truth).unwrap();
///
/// let case = Case::new(volume, camera, xray, Vector3::zeros()).unwrap();
/// let off = PivotMotion::from_vector(&Vector6::new(0.1, -0.1, 0.1, 10.0, -10.0, 20.0));
/// let start = off.apply(&truth, Vector3::zeros());
/// let found = register(&case, &start, &RegisterConfig::default(), &mut |_| ()).unwrap();
/// let error = PivotMotion::between(&truth, &found.camera_from_world, Vector3::zeros());
/// assert!(error.tau_mm.norm() < 1.0 && error.omega_rad.norm() < 0.01);
/// ```
pub fn register(
    case: &Case,
    start_camera_from_world: &RigidTransform,
    config: &RegisterConfig,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Registration, RegisterError> {
    config.check()?;
    let depth_mm = start_depth(case, start_camera_from_world)?;
    let sides = sides_px(case, config);
    let mut run = Run { case, config, depth_mm, trace: Vec::new(), timings: Vec::new(), observe };
    let mut candidates = run.multi_start(start_camera_from_world)?;
    for (n, &side) in sides.iter().enumerate() {
        let last = n + 1 == sides.len();
        let keep = if last { 1 } else { candidates.len().div_ceil(2) };
        candidates = run.refine(side, &candidates, keep)?;
    }
    // A stage fails or returns at least one candidate, and the settings hold a level.
    let best = candidates.first().ok_or(RegisterError::Setting {
        name: "refine.longest_sides_px",
        found: "empty".to_owned(),
        expected: "at least one level",
    })?;
    Ok(Registration {
        camera_from_world: best.pose,
        pivot_world_mm: case.pivot_world_mm(),
        similarity: best.similarity,
        termination: best.termination,
        trace: run.trace,
        timings: run.timings,
    })
}

/// The levels' sides, cut where the X-ray is no larger.
fn sides_px(case: &Case, config: &RegisterConfig) -> Vec<usize> {
    let longest = case.camera().size_px().into_iter().max().unwrap_or(1);
    let wanted = &config.refine.longest_sides_px;
    let mut sides: Vec<usize> = wanted.iter().copied().filter(|&side| side < longest).collect();
    if sides.len() < wanted.len() {
        sides.push(longest);
    }
    sides
}

/// The depth of the pivot at the start (mm); an error if nothing of the CT is in view.
fn start_depth(case: &Case, start: &RigidTransform) -> Result<f64, RegisterError> {
    let pivot_camera = start.point(case.pivot_world_mm());
    let out_of_view = || RegisterError::StartOutOfView {
        pivot: match case.camera().project(pivot_camera) {
            Some([u, v]) => {
                let [columns, rows] = case.camera().size_px();
                format!("the pivot is seen at column {u:.0}, row {v:.0} of {columns} x {rows}")
            }
            None => format!("the pivot is {:.0} mm behind the source", -pivot_camera.z),
        },
    };
    if pivot_camera.z.is_nan() || pivot_camera.z <= 0.0 {
        return Err(out_of_view());
    }
    // A few rays are enough to see whether anything is there.
    let longest = case.camera().size_px().into_iter().max().unwrap_or(1);
    let camera = case.camera().binned(longest.div_ceil(64));
    let seen = case.projector().forward(&camera, start)?;
    let (low, high) = seen.range();
    if low < high { Ok(pivot_camera.z) } else { Err(out_of_view()) }
}

/// A registration in progress.
struct Run<'a> {
    case: &'a Case,
    config: &'a RegisterConfig,
    depth_mm: f64,
    trace: Vec<TraceRow>,
    timings: Vec<StageTime>,
    observe: &'a mut dyn FnMut(&Event<'_>),
}

impl Run<'_> {
    /// Scores poses about the start and returns the best distinct ones, refined.
    fn multi_start(&mut self, start: &RigidTransform) -> Result<Vec<Candidate>, RegisterError> {
        let unrefined = |pose| Candidate {
            pose,
            similarity: f64::NEG_INFINITY,
            termination: Termination::IterationLimit,
        };
        let config = &self.config.multi_start;
        if config.samples == 0 {
            return Ok(vec![unrefined(*start)]);
        }
        let begun = Instant::now();
        // The patient may be anywhere in the box: in its plane this far from the start.
        let level = self.level(config.longest_side_px, &[*start], config.in_plane_mm)?;
        (self.observe)(&Event::StageStarted {
            stage: Stage::MultiStart,
            longest_side_px: level.longest_side_px,
            candidates: config.polished,
        });
        let poses = starts(start, self.case.pivot_world_mm(), config);
        let similarities = level.objective(start)?.similarities(&poses);
        let scored = poses
            .into_iter()
            .zip(similarities)
            .map(|(pose, similarity)| Candidate { similarity, ..unrefined(pose) })
            .collect();
        let distinct_mm = self.distinct_mm(&level);
        let best = self.best_distinct(scored, config.polished, distinct_mm);
        let optimizer = LevenbergMarquardtConfig {
            max_evaluations: config.max_evaluations,
            ..self.config.refine.optimizer
        };
        let polished = self.polish(Stage::MultiStart, &level, &best, &optimizer)?;
        self.finish(Stage::MultiStart, &level, begun);
        Ok(self.best_distinct(polished, config.promoted, distinct_mm))
    }

    /// Refines candidates at a level and keeps the best.
    fn refine(
        &mut self,
        side_px: usize,
        candidates: &[Candidate],
        keep: usize,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let begun = Instant::now();
        let poses: Vec<RigidTransform> = candidates.iter().map(|c| c.pose).collect();
        let level = self.level(side_px, &poses, REFINE_MARGIN_MM)?;
        (self.observe)(&Event::StageStarted {
            stage: Stage::Refine,
            longest_side_px: level.longest_side_px,
            candidates: candidates.len(),
        });
        let optimizer = self.config.refine.optimizer;
        let refined = self.polish(Stage::Refine, &level, candidates, &optimizer)?;
        self.finish(Stage::Refine, &level, begun);
        let distinct_mm = self.distinct_mm(&level);
        Ok(self.best_distinct(refined, keep, distinct_mm))
    }

    fn level(
        &self,
        side_px: usize,
        poses: &[RigidTransform],
        margin_mm: f64,
    ) -> Result<Level, RegisterError> {
        self.case.level(side_px, self.depth_mm, poses, margin_mm, &self.config.similarity)
    }

    /// The distance below which two candidates of a level are one.
    fn distinct_mm(&self, level: &Level) -> f64 {
        DISTINCT_PX * level.pixel_mm() * self.depth_mm / self.case.camera().source_to_detector_mm()
    }

    /// Levenberg-Marquardt from each candidate, side by side. A candidate that cannot be rendered
    /// is dropped; an error if none can.
    fn polish(
        &mut self,
        stage: Stage,
        level: &Level,
        candidates: &[Candidate],
        optimizer: &LevenbergMarquardtConfig,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let polish_one = |candidate: &Candidate| -> Result<_, RegisterError> {
            let objective = level.objective(&candidate.pose)?;
            let mut iterations = Vec::new();
            let optimum =
                maximize(&objective, &candidate.pose, optimizer, &mut |i| iterations.push(*i))?;
            let polished = Candidate {
                pose: optimum.camera_from_world,
                similarity: optimum.evaluation.similarity,
                termination: optimum.termination,
            };
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
                Err(
                    error @ (RegisterError::Objective(ObjectiveError::Project(_))
                    | RegisterError::Project(_)),
                ) => {
                    dropped.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            for iteration in iterations {
                let longest_side_px = level.longest_side_px;
                let row = TraceRow { stage, longest_side_px, candidate: number, iteration };
                (self.observe)(&Event::Iteration(&row));
                self.trace.push(row);
            }
            let termination = candidate.termination;
            (self.observe)(&Event::CandidateFinished { candidate: number, termination });
            polished.push(candidate);
        }
        match dropped {
            Some(error) if polished.is_empty() => Err(error),
            _ => Ok(polished),
        }
    }

    fn finish(&mut self, stage: Stage, level: &Level, begun: Instant) {
        let seconds = begun.elapsed().as_secs_f64();
        self.timings.push(StageTime { stage, longest_side_px: level.longest_side_px, seconds });
        (self.observe)(&Event::StageFinished { stage, seconds });
    }

    /// The best candidates, at most `number`, none closer than `distinct_mm` to a better one.
    fn best_distinct(
        &self,
        mut candidates: Vec<Candidate>,
        number: usize,
        distinct_mm: f64,
    ) -> Vec<Candidate> {
        candidates.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let pivot = self.case.pivot_world_mm();
        let mut kept: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            let new = |k: &Candidate| distance_mm(&k.pose, &candidate.pose, pivot) > distinct_mm;
            if kept.len() < number && kept.iter().all(new) {
                kept.push(candidate);
            }
        }
        kept
    }
}

/// How far apart two poses are, in millimetres of what is seen.
fn distance_mm(a: &RigidTransform, b: &RigidTransform, pivot_world_mm: Vector3<f64>) -> f64 {
    let motion = PivotMotion::between(a, b, pivot_world_mm);
    let shift = motion.tau_mm.component_mul(&Vector3::new(1.0, 1.0, DEPTH_WEIGHT));
    shift.norm().hypot(motion.omega_rad.norm() * RADIUS_MM)
}
