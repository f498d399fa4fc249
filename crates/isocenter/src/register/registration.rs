//! The registration: stage after stage, from what is known before to a pose.
//!
//! Candidates are refined side by side and told about in order: result and trace are the same
//! whatever the number of threads.

use nalgebra::Vector3;

use super::candidate::Candidate;
use super::case::{Case, Compares};
use super::config::RegisterConfig;
use super::error::RegisterError;
use super::event::{Event, StageTime, TraceRow};
use super::judge::mistakes::look_for_mistake;
use super::judge::{Judgement, Verdict, judge};
use super::prior::Prior;
use super::run::{Run, Shows};
use super::search::SearchStage;
use super::stage::{Stage, StageRegistry};
use crate::geometry::{Camera, RigidTransform};
use crate::optimize::Termination;

/// The result of a registration.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// The pose of the first X-ray's camera.
    pub camera_from_world: RigidTransform,
    /// The point about which motions turned (mm), world frame.
    pub pivot_world_mm: Vector3<f64>,
    /// The similarity at the pose, at the finest level.
    pub similarity: f64,
    /// Why the last optimiser stopped.
    pub termination: Termination,
    /// How sure it is, unless the settings ask for no judgement.
    pub judgement: Option<Judgement>,
    /// Every evaluation with derivatives, in order.
    pub trace: Vec<TraceRow>,
    /// How long each stage took.
    pub timings: Vec<StageTime>,
}

/// Finds the pose that brings the CT into register with the X-rays, by the stages that the settings
/// name.
///
/// # Errors
/// If the settings make no sense, or the CT is not in view from anywhere in the prior.
///
/// # Examples
/// ```
/// use isocenter::geometry::{Camera, PivotMotion, View};
/// use isocenter::project::ReferenceProjector;
/// use isocenter::register::{Case, Prior, RegisterConfig, register};
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
/// let start = Prior::about_a_start(off.apply(&truth, Vector3::zeros()));
/// let found = register(&case, &start, &RegisterConfig::default(), &mut |_| ()).unwrap();
/// let error = PivotMotion::between(&truth, &found.camera_from_world, Vector3::zeros());
/// assert!(error.tau_mm.norm() < 1.0 && error.omega_rad.norm() < 0.01);
/// ```
pub fn register(
    case: &Case,
    prior: &Prior,
    config: &RegisterConfig,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Registration, RegisterError> {
    register_by(&StageRegistry::default(), case, prior, config, observe)
}

/// [`register()`] with the stages of a registry.
///
/// # Errors
/// As [`register()`]; also if the settings name a stage that the registry does not hold.
pub fn register_by(
    registry: &StageRegistry,
    case: &Case,
    prior: &Prior,
    config: &RegisterConfig,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Registration, RegisterError> {
    config.check()?;
    prior.spread.check()?;
    let stages: Vec<Box<dyn Stage>> =
        config.stages.iter().map(|name| registry.make(name, config)).collect::<Result<_, _>>()?;
    let start = Candidate::new(prior.center_camera_from_world);
    let depth_mm = start_depth(case, &start.camera_from_world)?;
    let mut run = Run::new(case, prior, config, depth_mm, observe);
    let (best, mut judgement) = best_of_rounds(&mut run, &stages, start)?;
    let as_assumed = run.first_search_similarity();
    let (trace, timings) = run.into_record();
    if let Some(judgement) = &mut judgement
        && judgement.verdict != Verdict::Good
        && config.judge.mistakes
        && case.compares() == Compares::Everywhere
    {
        judgement.mistake = look_for_mistake(case, prior, config, depth_mm, as_assumed)?;
    }
    Ok(Registration {
        camera_from_world: best.camera_from_world,
        pivot_world_mm: case.pivot_world_mm(),
        similarity: best.similarity,
        termination: best.termination,
        judgement,
        trace,
        timings,
    })
}

/// Runs the stages until the verdict is good or the rounds are used up. The best candidate is the
/// one that the judge finds most probable.
fn best_of_rounds(
    run: &mut Run<'_, '_>,
    stages: &[Box<dyn Stage>],
    start: Candidate,
) -> Result<(Candidate, Option<Judgement>), RegisterError> {
    let config = run.config();
    let searches = stages.iter().any(|stage| stage.name() == SearchStage::NAME);
    let can_be_good = run.case().compares() == Compares::Everywhere;
    // Without a search another round would only repeat the first, but for what the X-ray shows.
    let rounds = match run.case().missing() {
        _ if !config.judge.enabled || !can_be_good => 1,
        _ if searches => config.search.rounds,
        Some(_) => 2,
        None => 1,
    };
    let mut best: Option<(Candidate, Judgement)> = None;
    for (round, (shows, rounds_before)) in assumptions(run.case(), rounds).into_iter().enumerate() {
        run.begin_round(round, shows, rounds_before);
        let mut candidates = vec![start];
        for stage in stages {
            candidates = stage.run(run, candidates)?;
        }
        // A stage fails or returns at least one candidate.
        let candidate = candidates.first().copied().unwrap_or(start);
        if !config.judge.enabled {
            return Ok((candidate, None));
        }
        let rivals = run.take_rivals();
        let judgement = judge(run, &candidate, rivals)?;
        let better = |(_, other): &(Candidate, Judgement)| {
            judgement.probability_within_2mm > other.probability_within_2mm
        };
        if best.as_ref().is_none_or(better) {
            best = Some((candidate, judgement));
        }
        if best.as_ref().is_some_and(|(_, judgement)| judgement.verdict == Verdict::Good) {
            break;
        }
    }
    Ok(match best {
        Some((candidate, judgement)) => (candidate, Some(judgement)),
        None => (start, None),
    })
}

/// What each round takes the X-rays to show, and how many rounds did so before it. An X-ray shows more
/// than a CT that cuts the patient, but for a phantom or a specimen that ends where its scan does: that
/// is tried second.
fn assumptions(case: &Case, rounds: usize) -> Vec<(Shows, u32)> {
    let cut = case.missing().is_some();
    let of_round = |round: usize| match (cut, round) {
        (true, 1) => (Shows::OnlyTheCt, 0),
        (true, later @ 2..) => (Shows::MoreThanTheCt, later as u32 - 1),
        (_, round) => (Shows::MoreThanTheCt, round as u32),
    };
    (0..rounds).map(of_round).collect()
}

/// The depth of the pivot at the start in the first camera (mm); an error if a camera sees nothing of
/// the CT from there.
fn start_depth(case: &Case, start: &RigidTransform) -> Result<f64, RegisterError> {
    for (number, xray) in case.xrays().iter().enumerate() {
        let camera = xray.camera();
        let camera_from_world = camera.camera_from_world(start);
        if !is_in_view(case, camera, &camera_from_world)? {
            let pivot = pivot_in_words(camera, camera_from_world.point(case.pivot_world_mm()));
            return Err(match number {
                0 => RegisterError::StartOutOfView { pivot },
                _ => RegisterError::Cameras {
                    number: number + 1,
                    found: format!("does not see the CT where the first one does ({pivot})"),
                    expected: "both see the patient: check camera_from_reference_camera, and whether the start is near enough",
                },
            });
        }
    }
    Ok(start.point(case.pivot_world_mm()).z)
}

fn is_in_view(
    case: &Case,
    camera: &Camera,
    camera_from_world: &RigidTransform,
) -> Result<bool, RegisterError> {
    let depth_mm = camera_from_world.point(case.pivot_world_mm()).z;
    if depth_mm.is_nan() || depth_mm <= 0.0 {
        return Ok(false);
    }
    // A few rays are enough to see whether anything is there.
    let longest = camera.size_px().into_iter().max().unwrap_or(1);
    let camera = camera.binned(longest.div_ceil(64));
    let (low, high) = case.projector().forward(&camera, camera_from_world)?.range();
    Ok(low < high)
}

fn pivot_in_words(camera: &Camera, pivot_camera: Vector3<f64>) -> String {
    match camera.project(pivot_camera) {
        Some([u, v]) => {
            let [columns, rows] = camera.size_px();
            format!("the pivot is seen at column {u:.0}, row {v:.0} of {columns} x {rows}")
        }
        None => format!("the pivot is {:.0} mm behind the source", -pivot_camera.z),
    }
}
