//! An optimiser at work on the objective of a registration.

use nalgebra::{DMatrix, DVector, Vector6};
use serde::Serialize;

use super::objective::{Evaluation, Objective, ObjectiveError};
use super::optimizer::{Optimizer, Sample};
use super::termination::Termination;
use crate::geometry::{PivotMotion, RigidTransform};

/// One exchange between optimiser and objective: the candidate that was evaluated, or the best of
/// those that were evaluated together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Iteration {
    /// Its number, from 0 (the start).
    pub number: usize,
    /// The pose that was evaluated.
    #[serde(skip)]
    pub camera_from_world: RigidTransform,
    /// The similarity there.
    pub similarity: f64,
    /// Length of the step that led there from where the search stood: rotation.
    pub step_deg: f64,
    /// Length of the step that led there from where the search stood: translation.
    pub step_mm: f64,
    /// What governed the step: [`Optimizer::damping`].
    pub damping: f64,
    /// Whether the similarity has risen, so that this is where the search stands now.
    pub accepted: bool,
    /// How many poses were evaluated.
    pub evaluations: usize,
}

/// Where an optimiser ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimum {
    /// The best pose.
    pub camera_from_world: RigidTransform,
    /// The objective there.
    pub evaluation: Evaluation,
    /// Why it stopped.
    pub termination: Termination,
    /// Poses that were evaluated.
    pub evaluations: usize,
}

/// Maximizes an objective from a start, telling `observe` about every exchange.
///
/// A pose that cannot be evaluated is worth negative infinity, and the search goes on without it.
///
/// # Errors
/// If the objective cannot be evaluated at the start, lacks a derivative that the optimiser needs,
/// or is NaN; if the optimiser was not made for six coordinates.
///
/// # Examples
/// ```
/// use isocenter::geometry::{PivotMotion, RigidTransform};
/// use isocenter::optimize::*;
/// use nalgebra::{Matrix6, Vector3, Vector6};
///
/// /// How close a pose is to another one.
/// struct Closeness(RigidTransform);
///
/// impl Objective for Closeness {
///     fn pivot_world_mm(&self) -> Vector3<f64> {
///         Vector3::new(0.0, 0.0, 10.0)
///     }
///     fn evaluate(&self, pose: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
///         let left = PivotMotion::between(pose, &self.0, self.pivot_world_mm()).to_vector();
///         // 100 mm weigh as much as one radian.
///         let weight = Vector6::new(1e4, 1e4, 1e4, 1.0, 1.0, 1.0);
///         let gradient = left.component_mul(&weight);
///         let similarity = -0.5 * left.dot(&gradient);
///         let curvature = Some(Matrix6::from_diagonal(&weight));
///         Ok(Evaluation { similarity, gradient, curvature })
///     }
///     fn similarities(&self, poses: &[RigidTransform]) -> Vec<f64> {
///         poses.iter().map(|p| self.evaluate(p).unwrap().similarity).collect()
///     }
/// }
///
/// let truth = RigidTransform::exp(&Vector6::new(0.3, 0.2, -0.1, 5.0, -8.0, 700.0));
/// let objective = Closeness(truth);
/// let start = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 690.0));
/// let scales = MotionScales { rotation_deg: 5.0, in_plane_mm: 10.0, depth_mm: 10.0 }.components();
/// let optimizers: [Box<dyn Optimizer>; 3] = [
///     Box::new(LevenbergMarquardt::new(LevenbergMarquardtConfig::default())),
///     Box::new(GradientDescent::new(&scales, GradientDescentConfig::default()).unwrap()),
///     Box::new(CmaEs::new(&scales, None, CmaEsConfig::default()).unwrap()),
/// ];
/// for mut optimizer in optimizers {
///     let mut trace = Vec::new();
///     let optimum =
///         maximize(&objective, &start, optimizer.as_mut(), &mut |i| trace.push(*i)).unwrap();
///     let left = PivotMotion::between(&truth, &optimum.camera_from_world, Vector3::zeros());
///     assert!(left.omega_rad.norm() < 1e-3 && left.tau_mm.norm() < 0.1);
///     assert_eq!(trace[0].camera_from_world, start);
///     assert_eq!(trace.iter().map(|i| i.evaluations).sum::<usize>(), optimum.evaluations);
/// }
/// ```
pub fn maximize(
    objective: &dyn Objective,
    start_camera_from_world: &RigidTransform,
    optimizer: &mut dyn Optimizer,
    observe: &mut dyn FnMut(&Iteration),
) -> Result<Optimum, ObjectiveError> {
    if optimizer.dimension() != 6 {
        return Err(ObjectiveError::Dimension { found: optimizer.dimension(), expected: 6 });
    }
    let pivot = objective.pivot_world_mm();
    let mut current = *start_camera_from_world;
    let mut at_current = None;
    let (mut number, mut evaluations) = (0, 0);
    let termination = loop {
        if let Some(termination) = optimizer.termination() {
            break termination;
        }
        let from = if optimizer.uses_derivatives() { &current } else { start_camera_from_world };
        let motions: Vec<PivotMotion> = optimizer.ask().iter().map(motion).collect();
        let poses: Vec<RigidTransform> = motions.iter().map(|m| moved(m, from, pivot)).collect();
        let (samples, evaluation) = if optimizer.uses_derivatives() {
            derivatives(objective, &poses, number == 0)?
        } else {
            let values = objective.similarities(&poses);
            (values.into_iter().map(Sample::from_value).collect(), None)
        };
        let damping = optimizer.damping();
        let accepted = optimizer.tell(&samples)?;
        evaluations += samples.len();
        // The optimiser has checked that there is a sample for each of its candidates.
        let shown = accepted.unwrap_or_else(|| best(&samples));
        if let (Some(pose), Some(motion), Some(sample)) =
            (poses.get(shown), motions.get(shown), samples.get(shown))
        {
            let step = match optimizer.uses_derivatives() {
                true => *motion,
                false => PivotMotion::between(&current, pose, pivot),
            };
            observe(&Iteration {
                number,
                camera_from_world: *pose,
                similarity: sample.value,
                step_deg: step.omega_rad.norm().to_degrees(),
                step_mm: step.tau_mm.norm(),
                damping,
                accepted: accepted.is_some(),
                evaluations: samples.len(),
            });
            if accepted.is_some() {
                (current, at_current) = (*pose, evaluation);
            }
        }
        number += 1;
    };
    let evaluation = match at_current {
        Some(evaluation) => evaluation,
        None => objective.evaluate(&current)?,
    };
    Ok(Optimum { camera_from_world: current, evaluation, termination, evaluations })
}

/// The motion that a step describes.
fn motion(step: &DVector<f64>) -> PivotMotion {
    PivotMotion::from_vector(&Vector6::from_iterator(step.iter().copied()))
}

/// The pose after a motion: after none, the pose itself to the bit.
fn moved(
    motion: &PivotMotion,
    from: &RigidTransform,
    pivot: nalgebra::Vector3<f64>,
) -> RigidTransform {
    if *motion == PivotMotion::zero() { *from } else { motion.apply(from, pivot) }
}

/// The number of the best sample.
fn best(samples: &[Sample]) -> usize {
    let pairs = samples.iter().enumerate();
    pairs.max_by(|a, b| a.1.value.total_cmp(&b.1.value)).map_or(0, |(n, _)| n)
}

/// The objective with its derivatives, and the last of the evaluations: gradient methods ask for one pose
/// at a time.
fn derivatives(
    objective: &dyn Objective,
    poses: &[RigidTransform],
    required: bool,
) -> Result<(Vec<Sample>, Option<Evaluation>), ObjectiveError> {
    let mut last = None;
    let mut samples = Vec::with_capacity(poses.len());
    for pose in poses {
        match objective.evaluate(pose) {
            Ok(evaluation) if required || usable(&evaluation) => {
                samples.push(sample(&evaluation));
                last = Some(evaluation);
            }
            Err(error) if required => return Err(error),
            _ => samples.push(Sample::impossible()),
        }
    }
    Ok((samples, last))
}

/// Whether a search could go on from there.
fn usable(evaluation: &Evaluation) -> bool {
    evaluation.similarity.is_finite() && evaluation.gradient.iter().all(|g| g.is_finite())
}

fn sample(evaluation: &Evaluation) -> Sample {
    Sample {
        value: evaluation.similarity,
        gradient: Some(DVector::from_column_slice(evaluation.gradient.as_slice())),
        curvature: evaluation.curvature.map(|c| DMatrix::from_column_slice(6, 6, c.as_slice())),
    }
}
