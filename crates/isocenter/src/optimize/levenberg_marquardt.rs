//! Levenberg-Marquardt on the pose.
//!
//! **Steps.** At a pose with gradient `g` and Gauss-Newton curvature `H`
//! 1. solve `(H + lambda D) xi = g` with `D` the diagonal of `H` (Marquardt's scaling: radians and
//!    millimetres need no common measure);
//! 2. shorten `xi` to the longest step allowed, evaluate at the moved pose;
//! 3. accept if the similarity has risen, and set `lambda` by the ratio of the true to the predicted
//!    gain (Nielsen's rule); else raise `lambda` and try again.
//!
//! **Requirements.** An [`Objective`] with curvature.
//!
//! # References
//! - D. W. Marquardt, J. SIAM 11(2), 431 (1963), doi:10.1137/0111030
//! - K. Madsen, H. B. Nielsen, O. Tingleff, *Methods for non-linear least squares problems*, DTU
//!   (2004), section 3.2 (their mu is lambda, their rho the gain ratio)

use nalgebra::{Matrix6, Vector6};
use serde::{Deserialize, Serialize};

use super::objective::{Evaluation, Objective, ObjectiveError};
use super::termination::Termination;
use crate::geometry::{PivotMotion, RigidTransform};

/// When Levenberg-Marquardt stops, and how far it steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LevenbergMarquardtConfig {
    /// Most evaluations of the objective with derivatives.
    pub max_evaluations: usize,
    /// A step below both tolerances ends the search: rotation.
    pub tolerance_deg: f64,
    /// A step below both tolerances ends the search: translation.
    pub tolerance_mm: f64,
    /// Longest rotation of one step.
    pub longest_step_deg: f64,
    /// Longest translation of one step.
    pub longest_step_mm: f64,
    /// First damping, relative to the curvature's diagonal.
    pub initial_damping: f64,
}

impl Default for LevenbergMarquardtConfig {
    fn default() -> Self {
        Self {
            max_evaluations: 30,
            tolerance_deg: 2e-3,
            tolerance_mm: 5e-3,
            longest_step_deg: 10.0,
            longest_step_mm: 40.0,
            initial_damping: 1e-3,
        }
    }
}

/// One evaluation of an optimiser's objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Iteration {
    /// Its number, from 0 (the start).
    pub number: usize,
    /// The pose that was evaluated.
    #[serde(skip)]
    pub camera_from_world: RigidTransform,
    /// The similarity there.
    pub similarity: f64,
    /// Length of the step that led there: rotation.
    pub step_deg: f64,
    /// Length of the step that led there: translation.
    pub step_mm: f64,
    /// The damping it was taken with.
    pub damping: f64,
    /// Whether the similarity has risen, so that the search went on from there.
    pub accepted: bool,
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
    /// Evaluations with derivatives.
    pub evaluations: usize,
}

/// Above this damping the steps are far below any tolerance.
const LARGEST_DAMPING: f64 = 1e8;

/// Maximizes an objective from a start, telling `observe` about every evaluation.
///
/// # Errors
/// If the objective cannot be evaluated at the start, or has no curvature. Steps into poses that cannot be evaluated are
/// treated as steps that do not improve.
pub fn maximize(
    objective: &dyn Objective,
    start_camera_from_world: &RigidTransform,
    config: &LevenbergMarquardtConfig,
    observe: &mut dyn FnMut(&Iteration),
) -> Result<Optimum, ObjectiveError> {
    let mut pose = *start_camera_from_world;
    let mut best = objective.evaluate(&pose)?;
    observe(&Iteration {
        number: 0,
        camera_from_world: pose,
        similarity: best.similarity,
        step_deg: 0.0,
        step_mm: 0.0,
        damping: 0.0,
        accepted: true,
    });
    let mut damping = config.initial_damping;
    let mut raise = 2.0;
    let mut evaluations = 1;
    let termination = loop {
        if evaluations >= config.max_evaluations {
            break Termination::IterationLimit;
        }
        let curvature = best.curvature.ok_or(ObjectiveError::NoCurvature)?;
        let Some(step) = damped_step(&best.gradient, &curvature, damping) else {
            break Termination::Flat;
        };
        let motion = shortened(&step, config);
        let (step_deg, step_mm) = (motion.omega_rad.norm().to_degrees(), motion.tau_mm.norm());
        if step_deg < config.tolerance_deg && step_mm < config.tolerance_mm {
            // A step that is short because of the damping says nothing about the optimum.
            let damped = damping > 1.0;
            break if damped {
                Termination::NoImprovement
            } else {
                Termination::StepBelowTolerance
            };
        }
        if damping > LARGEST_DAMPING {
            break Termination::NoImprovement;
        }
        let candidate = motion.apply(&pose, objective.pivot_world_mm());
        let evaluation = objective.evaluate(&candidate);
        let similarity = evaluation.as_ref().map_or(f64::NEG_INFINITY, |e| e.similarity);
        let accepted = similarity > best.similarity;
        observe(&Iteration {
            number: evaluations,
            camera_from_world: candidate,
            similarity,
            step_deg,
            step_mm,
            damping,
            accepted,
        });
        evaluations += 1;
        match evaluation {
            Ok(evaluation) if accepted => {
                let xi = motion.to_vector();
                let predicted = best.gradient.dot(&xi) - 0.5 * xi.dot(&(curvature * xi));
                let ratio = (similarity - best.similarity) / predicted.max(f64::MIN_POSITIVE);
                damping *= (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(0.1, 2.0);
                damping = damping.max(1e-9);
                raise = 2.0;
                pose = candidate;
                best = evaluation;
            }
            _ => {
                damping *= raise;
                raise *= 2.0;
            }
        }
    };
    Ok(Optimum { camera_from_world: pose, evaluation: best, termination, evaluations })
}

/// Solves `(H + lambda diag H) xi = g`; `None` if the curvature is zero in some direction.
fn damped_step(
    gradient: &Vector6<f64>,
    curvature: &Matrix6<f64>,
    damping: f64,
) -> Option<Vector6<f64>> {
    let diagonal = curvature.diagonal();
    if diagonal.iter().any(|&d| d.is_nan() || d <= 0.0) {
        return None;
    }
    // In units of the diagonal the system is well scaled, whatever the units of the motion.
    let scale = diagonal.map(|d| 1.0 / d.sqrt());
    let mut system = Matrix6::from_fn(|r, c| curvature[(r, c)] * scale[r] * scale[c]);
    for d in 0..6 {
        system[(d, d)] += damping;
    }
    let solution = system.cholesky()?.solve(&gradient.component_mul(&scale));
    Some(solution.component_mul(&scale))
}

/// The motion of a step, no longer than allowed; its direction is kept.
fn shortened(step: &Vector6<f64>, config: &LevenbergMarquardtConfig) -> PivotMotion {
    let motion = PivotMotion::from_vector(step);
    let factor = (config.longest_step_deg.to_radians() / motion.omega_rad.norm())
        .min(config.longest_step_mm / motion.tau_mm.norm())
        .min(1.0);
    PivotMotion { omega_rad: motion.omega_rad * factor, tau_mm: motion.tau_mm * factor }
}

#[cfg(test)]
mod tests {
    //! Proves: Levenberg-Marquardt finds the optimum of a least-squares objective on poses, with
    //! every accepted step an improvement, and says why it stopped.
    use super::*;
    use crate::project::ProjectError;
    use nalgebra::Vector3;

    /// Minus half the squared distance of eight points to where the true pose puts them, in mm,
    /// bent by a square so that one step is not enough.
    struct Points {
        truth: RigidTransform,
        responds: bool,
    }

    const PIVOT: Vector3<f64> = Vector3::new(10.0, -20.0, 30.0);

    impl Points {
        fn offsets() -> impl Iterator<Item = Vector3<f64>> {
            (0..8).map(|n| {
                Vector3::new(n & 1, n >> 1 & 1, n >> 2).map(|c| f64::from(c) * 80.0 - 40.0)
            })
        }

        fn residuals(&self, pose: &RigidTransform) -> Vec<f64> {
            let bend = |d: f64| d + 1e-3 * d * d.abs();
            Self::offsets()
                .flat_map(|offset| {
                    let d = pose.point(PIVOT + offset) - self.truth.point(PIVOT + offset);
                    [bend(d.x), bend(d.y), bend(d.z)]
                })
                .collect()
        }
    }

    impl Objective for Points {
        fn pivot_world_mm(&self) -> Vector3<f64> {
            PIVOT
        }

        fn evaluate(&self, pose: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
            if pose.translation_mm().norm() > 1e4 {
                return Err(ProjectError::PoseNotFinite.into());
            }
            let residuals = self.residuals(pose);
            let similarity = -0.5 * residuals.iter().map(|r| r * r).sum::<f64>();
            let mut gradient = Vector6::zeros();
            let mut curvature = Matrix6::zeros();
            if self.responds {
                let h = 1e-6;
                let columns: Vec<Vec<f64>> = (0..6)
                    .map(|c| {
                        let mut xi = Vector6::zeros();
                        xi[c] = h;
                        self.residuals(&PivotMotion::from_vector(&xi).apply(pose, PIVOT))
                    })
                    .collect();
                let slope = |c: usize, n: usize| (columns[c][n] - residuals[n]) / h;
                for (n, residual) in residuals.iter().enumerate() {
                    let row = Vector6::from_fn(|c, _| slope(c, n));
                    gradient -= row * *residual;
                    curvature += row * row.transpose();
                }
            }
            Ok(Evaluation { similarity, gradient, curvature: Some(curvature) })
        }

        fn similarities(&self, poses: &[RigidTransform]) -> Vec<f64> {
            poses
                .iter()
                .map(|p| self.evaluate(p).map_or(f64::NEG_INFINITY, |e| e.similarity))
                .collect()
        }
    }

    #[test]
    fn finds_the_truth_from_far_away() {
        let truth = RigidTransform::exp(&Vector6::new(0.3, 0.2, -0.4, 10.0, 20.0, 700.0));
        let objective = Points { truth, responds: true };
        let start = PivotMotion::from_vector(&Vector6::new(0.9, -0.7, 0.8, 60.0, -80.0, 150.0));
        let start = start.apply(&truth, PIVOT);
        let mut trace = Vec::new();
        let config = LevenbergMarquardtConfig { max_evaluations: 60, ..Default::default() };
        let optimum = maximize(&objective, &start, &config, &mut |i| trace.push(*i)).unwrap();
        assert_eq!(optimum.termination, Termination::StepBelowTolerance);
        assert_eq!(trace.len(), optimum.evaluations);
        let accepted: Vec<f64> =
            trace.iter().filter(|i| i.accepted).map(|i| i.similarity).collect();
        assert!(accepted.windows(2).all(|pair| pair[0] < pair[1]));
        let left = PivotMotion::between(&truth, &optimum.camera_from_world, PIVOT);
        assert!(left.omega_rad.norm() < 1e-4 && left.tau_mm.norm() < 1e-2, "{left:?}");
        assert!(trace.iter().all(|i| i.step_deg < 10.0 + 1e-9 && i.step_mm < 40.0 + 1e-9));
    }

    #[test]
    fn says_that_nothing_responds() {
        let truth = RigidTransform::identity();
        let objective = Points { truth, responds: false };
        let optimum =
            maximize(&objective, &truth, &LevenbergMarquardtConfig::default(), &mut |_| ())
                .unwrap();
        assert_eq!((optimum.termination, optimum.evaluations), (Termination::Flat, 1));
    }

    #[test]
    fn stops_at_the_limit() {
        let truth = RigidTransform::identity();
        let objective = Points { truth, responds: true };
        let start = PivotMotion::from_vector(&Vector6::new(1.0, 0.0, 0.5, 60.0, -80.0, 150.0));
        let config = LevenbergMarquardtConfig { max_evaluations: 3, ..Default::default() };
        let optimum =
            maximize(&objective, &start.apply(&truth, PIVOT), &config, &mut |_| ()).unwrap();
        assert_eq!((optimum.termination, optimum.evaluations), (Termination::IterationLimit, 3));
    }

    #[test]
    fn an_impossible_start_is_an_error() {
        let objective = Points { truth: RigidTransform::identity(), responds: true };
        let far = RigidTransform::from_translation(Vector3::new(1e5, 0.0, 0.0));
        assert!(
            maximize(&objective, &far, &LevenbergMarquardtConfig::default(), &mut |_| ()).is_err()
        );
    }
}
