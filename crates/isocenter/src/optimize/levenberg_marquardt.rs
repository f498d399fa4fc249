//! Levenberg-Marquardt on the pose.
//!
//! **Steps.** At a pose with gradient `g` and Gauss-Newton curvature `H`
//! 1. solve `(H + lambda D) xi = g` with `D` the diagonal of `H` (Marquardt's scaling: radians and
//!    millimetres need no common measure);
//! 2. shorten `xi` to the longest step allowed, evaluate at the moved pose;
//! 3. accept if the similarity has risen, and set `lambda` by the ratio of the true to the
//!    predicted gain (Nielsen's rule); else raise `lambda` and try again.
//!
//! **Requirements.** An [`Objective`] with curvature.
//!
//! # References
//! - D. W. Marquardt, J. SIAM 11(2), 431 (1963), doi:10.1137/0111030
//! - K. Madsen, H. B. Nielsen, O. Tingleff, *Methods for non-linear least squares problems*, DTU
//!   (2004), section 3.2 (their mu is lambda, their rho the gain ratio)

use nalgebra::{DVector, Matrix6, Vector6};
use serde::{Deserialize, Serialize};

use super::maximize::{Iteration, Optimum};
use super::objective::{Objective, ObjectiveError};
use super::optimizer::{Optimizer, Sample, check_samples};
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
    /// A gain below this, of a step that the model has foreseen, ends the search.
    pub tolerance_value: f64,
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
            tolerance_value: 0.0,
            longest_step_deg: 10.0,
            longest_step_mm: 40.0,
            initial_damping: 1e-3,
        }
    }
}

/// Above this damping the steps are far below any tolerance.
const LARGEST_DAMPING: f64 = 1e8;

/// Maximizes an objective from a start, telling `observe` about every evaluation.
///
/// # Errors
/// If the objective cannot be evaluated at the start, or has no curvature. Steps into poses that
/// cannot be evaluated are treated as steps that do not improve.
pub fn maximize(
    objective: &dyn Objective,
    start_camera_from_world: &RigidTransform,
    config: &LevenbergMarquardtConfig,
    observe: &mut dyn FnMut(&Iteration),
) -> Result<Optimum, ObjectiveError> {
    let mut optimizer = LevenbergMarquardt::new(*config);
    super::maximize::maximize(objective, start_camera_from_world, &mut optimizer, observe)
}

/// The objective near the point where the search stands.
#[derive(Debug, Clone, Copy)]
struct Model {
    similarity: f64,
    gradient: Vector6<f64>,
    curvature: Matrix6<f64>,
}

impl Model {
    fn new(sample: &Sample) -> Result<Self, ObjectiveError> {
        let gradient = sample.gradient.as_ref().filter(|g| g.len() == 6);
        let gradient = gradient.ok_or(ObjectiveError::NoGradient { expected: 6 })?;
        let curvature = sample.curvature.as_ref().filter(|c| c.shape() == (6, 6));
        let curvature = curvature.ok_or(ObjectiveError::NoCurvature)?;
        Ok(Self {
            similarity: sample.value,
            gradient: Vector6::from_iterator(gradient.iter().copied()),
            curvature: Matrix6::from_iterator(curvature.iter().copied()),
        })
    }

    /// How much the similarity rises with a step, if the model is right.
    fn predicted_gain(&self, step: &PivotMotion) -> f64 {
        let xi = step.to_vector();
        self.gradient.dot(&xi) - 0.5 * xi.dot(&(self.curvature * xi))
    }
}

/// Levenberg-Marquardt, as an [`Optimizer`] of poses that uses gradient and curvature.
///
/// # Examples
/// See [`maximize`](super::maximize()).
#[derive(Debug, Clone)]
pub struct LevenbergMarquardt {
    config: LevenbergMarquardtConfig,
    best: Option<Model>,
    /// The step that is to be evaluated.
    step: PivotMotion,
    damping: f64,
    raise: f64,
    evaluations: usize,
    termination: Option<Termination>,
}

impl LevenbergMarquardt {
    /// A search that is about to begin.
    #[must_use]
    pub fn new(config: LevenbergMarquardtConfig) -> Self {
        Self {
            config,
            best: None,
            step: PivotMotion::zero(),
            damping: config.initial_damping,
            raise: 2.0,
            evaluations: 0,
            termination: None,
        }
    }

    /// The next step from a model, or why there is none.
    fn next_step(&self, best: &Model) -> Result<PivotMotion, Termination> {
        if self.evaluations >= self.config.max_evaluations {
            return Err(Termination::IterationLimit);
        }
        let step = damped_step(&best.gradient, &best.curvature, self.damping);
        let motion = shortened(&step.ok_or(Termination::Flat)?, &self.config);
        let (turn_rad, shift_mm) = (motion.omega_rad.norm(), motion.tau_mm.norm());
        if turn_rad.to_degrees() < self.config.tolerance_deg && shift_mm < self.config.tolerance_mm
        {
            // A step that is short because of the damping says nothing about the optimum.
            let damped = self.damping > 1.0;
            return Err(if damped {
                Termination::NoImprovement
            } else {
                Termination::StepBelowTolerance
            });
        }
        if self.damping > LARGEST_DAMPING {
            return Err(Termination::NoImprovement);
        }
        if best.predicted_gain(&motion) < self.config.tolerance_value {
            return Err(Termination::ValueBelowTolerance);
        }
        Ok(motion)
    }

    /// Adapts the damping to a step that has improved on `before`.
    fn lower_damping(&mut self, before: &Model, similarity: f64) {
        let predicted = before.predicted_gain(&self.step).max(f64::MIN_POSITIVE);
        let ratio = (similarity - before.similarity) / predicted;
        self.damping *= (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(0.1, 2.0);
        self.damping = self.damping.max(1e-9);
        self.raise = 2.0;
    }
}

impl Optimizer for LevenbergMarquardt {
    fn dimension(&self) -> usize {
        6
    }

    fn uses_derivatives(&self) -> bool {
        true
    }

    fn ask(&self) -> Vec<DVector<f64>> {
        match self.termination {
            Some(_) => Vec::new(),
            None => vec![DVector::from_column_slice(self.step.to_vector().as_slice())],
        }
    }

    fn tell(&mut self, samples: &[Sample]) -> Result<Option<usize>, ObjectiveError> {
        check_samples(usize::from(self.termination.is_none()), samples)?;
        let Some(sample) = samples.first() else { return Ok(None) };
        let improved = self.best.is_none_or(|best| sample.value > best.similarity);
        let best = match (self.best, improved) {
            (Some(best), false) => {
                self.damping *= self.raise;
                self.raise *= 2.0;
                best
            }
            (before, _) => {
                let model = Model::new(sample)?;
                if let Some(before) = before {
                    self.lower_damping(&before, model.similarity);
                }
                model
            }
        };
        self.evaluations += 1;
        match self.next_step(&best) {
            Ok(step) => self.step = step,
            Err(termination) => self.termination = Some(termination),
        }
        self.best = Some(best);
        Ok(improved.then_some(0))
    }

    fn termination(&self) -> Option<Termination> {
        self.termination
    }

    fn damping(&self) -> f64 {
        if self.best.is_some() { self.damping } else { 0.0 }
    }
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
    use crate::optimize::Evaluation;
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
