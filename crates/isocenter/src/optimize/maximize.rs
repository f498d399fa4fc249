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
    /// Whether this is where the search stands now: the similarity has risen or, of an optimiser that
    /// follows directions alone, the pose could be evaluated.
    pub accepted: bool,
    /// How many poses were evaluated.
    pub evaluations: usize,
}

/// Where an optimiser ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimum {
    /// Where the search stands: the best pose, but for optimisers that follow directions alone.
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

/// The objective with its derivatives, and the last of the evaluations: gradient methods ask for
/// one pose at a time.
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

#[cfg(test)]
mod tests {
    //! Proves: the exchange survives poses that cannot be evaluated, refuses objectives and
    //! optimisers that do not fit, and returns the start if that is the best there is.
    use nalgebra::Vector3;

    use super::*;
    use crate::optimize::{
        CmaEs, CmaEsConfig, GradientDescent, GradientDescentConfig, LevenbergMarquardt,
        LevenbergMarquardtConfig,
    };
    use crate::project::ProjectError;

    /// How close the pivot comes to a place 30 mm from the start, where there is a value: within
    /// `reach_mm` of the start.
    struct Reach {
        reach_mm: f64,
        similarity_is_nan: bool,
        missing: usize,
    }

    const REACHABLE: Reach = Reach { reach_mm: 40.0, similarity_is_nan: false, missing: 0 };

    impl Objective for Reach {
        fn pivot_world_mm(&self) -> Vector3<f64> {
            Vector3::zeros()
        }

        fn evaluate(&self, pose: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
            if pose.translation_mm().norm() > self.reach_mm {
                return Err(ProjectError::PoseNotFinite.into());
            }
            let left = Vector3::new(30.0, 0.0, 0.0) - pose.translation_mm();
            let turn = PivotMotion::between(pose, &RigidTransform::identity(), Vector3::zeros());
            let left = PivotMotion { omega_rad: turn.omega_rad, tau_mm: left }.to_vector();
            let similarity =
                if self.similarity_is_nan { f64::NAN } else { -0.5 * left.norm_squared() };
            Ok(Evaluation { similarity, gradient: left, curvature: None })
        }

        fn similarities(&self, poses: &[RigidTransform]) -> Vec<f64> {
            let value = |p| self.evaluate(p).map_or(f64::NEG_INFINITY, |e| e.similarity);
            poses.iter().skip(self.missing).map(value).collect()
        }
    }

    fn cma_es(scales: &[f64]) -> CmaEs {
        CmaEs::new(scales, None, CmaEsConfig { max_evaluations: 3000, ..Default::default() })
            .unwrap()
    }

    fn gradient_descent() -> GradientDescent {
        // The first steps lead out of reach.
        let config = GradientDescentConfig { longest_step: 1.0, ..Default::default() };
        GradientDescent::new(&[1.0, 1.0, 1.0, 60.0, 60.0, 60.0], config).unwrap()
    }

    #[test]
    fn goes_around_poses_that_cannot_be_evaluated() {
        let start = RigidTransform::identity();
        let optimizers: [Box<dyn Optimizer>; 2] =
            [Box::new(cma_es(&[1.0, 1.0, 1.0, 30.0, 30.0, 30.0])), Box::new(gradient_descent())];
        for mut optimizer in optimizers {
            let mut trace = Vec::new();
            let observe = &mut |i: &Iteration| trace.push(*i);
            let found = maximize(&REACHABLE, &start, optimizer.as_mut(), observe).unwrap();
            let left = found.camera_from_world.translation_mm() - Vector3::new(30.0, 0.0, 0.0);
            assert!(left.norm() < 0.02, "{left}");
            assert_eq!(REACHABLE.evaluate(&found.camera_from_world), Ok(found.evaluation));
            assert!(trace.iter().map(|i| i.number).eq(0..trace.len()));
            assert_eq!(trace.iter().map(|i| i.evaluations).sum::<usize>(), found.evaluations);
            let accepted: Vec<_> = trace.iter().filter(|i| i.accepted).collect();
            assert!(accepted.windows(2).all(|w| w[0].similarity < w[1].similarity));
            assert_eq!(accepted.last().unwrap().camera_from_world, found.camera_from_world);
            // A step leads from the pose accepted before to the one that is reported.
            for pair in accepted.windows(2) {
                let between = PivotMotion::between(
                    &pair[0].camera_from_world,
                    &pair[1].camera_from_world,
                    Vector3::zeros(),
                );
                assert!((between.tau_mm.norm() - pair[1].step_mm).abs() < 1e-9);
                let turn_deg = between.omega_rad.norm().to_degrees();
                assert!((turn_deg - pair[1].step_deg).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_start_that_is_best_is_returned_to_the_bit() {
        let start = RigidTransform::from_translation(Vector3::new(30.0, 0.0, 0.0));
        let found = maximize(&REACHABLE, &start, &mut cma_es(&[1.0; 6]), &mut |_| ()).unwrap();
        assert_eq!(found.camera_from_world, start);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let start = RigidTransform::identity();
        let far = RigidTransform::from_translation(Vector3::new(1e3, 0.0, 0.0));
        let error = |objective: &Reach, start: &RigidTransform, optimizer: &mut dyn Optimizer| {
            maximize(objective, start, optimizer, &mut |_| ()).unwrap_err()
        };
        let seven = error(&REACHABLE, &start, &mut cma_es(&[1.0; 7]));
        assert_eq!(seven, ObjectiveError::Dimension { found: 7, expected: 6 });
        let unreachable = ObjectiveError::Project(ProjectError::PoseNotFinite);
        assert_eq!(error(&REACHABLE, &far, &mut gradient_descent()), unreachable);
        assert_eq!(error(&REACHABLE, &far, &mut cma_es(&[1.0; 6])), unreachable);
        let mut marquardt = LevenbergMarquardt::new(LevenbergMarquardtConfig::default());
        assert_eq!(error(&REACHABLE, &start, &mut marquardt), ObjectiveError::NoCurvature);

        let nan = Reach { similarity_is_nan: true, ..REACHABLE };
        for optimizer in [&mut cma_es(&[1.0; 6]) as &mut dyn Optimizer, &mut gradient_descent()] {
            let error = error(&nan, &start, optimizer);
            assert!(matches!(error, ObjectiveError::NotANumber { candidate: 0, .. }), "{error}");
        }
        let short = Reach { missing: 1, ..REACHABLE };
        let count = ObjectiveError::Count { found: 0, expected: 1 };
        assert_eq!(error(&short, &start, &mut cma_es(&[1.0; 6])), count);
    }
}
