//! Descent along directions, for objectives whose gradient tells which way, but not how far.
//!
//! A network whose pose gradient was trained for its direction says nothing by its length, and as little
//! by the ratio of its rotation to its translation. So both parts step by themselves:
//! 1. `d` is the part of the gradient over its length, and `v = momentum v + (1 - momentum) d`;
//! 2. the step of the part is `length v`;
//! 3. where `d` agrees with the one before, `length` grows, up to a longest; where it turns back, `length`
//!    shrinks.
//!
//! The value takes no part: a step is taken back, and the next is shorter, only where the objective has no
//! value, or no gradient, since nothing is in view there. The search ends when both lengths are below the
//! tolerance, in units of the first ones; a part without a gradient does not keep it from ending.
//!
//! **Requirements.** An objective of a pose, with a gradient.
//!
//! # References
//! - M. Riedmiller, H. Braun, IEEE Int. Conf. Neural Networks (1993), doi:10.1109/ICNN.1993.298623
//!   (lengths by agreement with the step before; there of each coordinate)

use nalgebra::{DVector, Vector3};
use serde::{Deserialize, Serialize};

use super::objective::ObjectiveError;
use super::optimizer::{Optimizer, Sample, check_samples};
use super::setting::{SettingError, require, require_adaptation};
use super::termination::Termination;

/// How the descent steps, and when it stops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectionDescentConfig {
    /// Length of the first rotation (degrees).
    pub rotation_deg: f64,
    /// Length of the first translation (mm).
    pub translation_mm: f64,
    /// Most evaluations of the objective with its gradient.
    pub max_evaluations: usize,
    /// How much of the direction before is kept, from 0 to below 1.
    pub momentum: f64,
    /// What a length is multiplied by where directions agree, 1 or more.
    pub growth: f64,
    /// The longest that lengths become, in units of the first ones, 1 or more.
    pub longest: f64,
    /// What a length is multiplied by where they do not, above 0 and below 1.
    pub reduction: f64,
    /// The search ends below this, in units of the first lengths.
    pub tolerance: f64,
}

impl Default for DirectionDescentConfig {
    fn default() -> Self {
        Self {
            rotation_deg: 4.0,
            translation_mm: 8.0,
            max_evaluations: 100,
            momentum: 0.5,
            growth: 1.1,
            longest: 4.0,
            reduction: 0.6,
            tolerance: 0.02,
        }
    }
}

impl DirectionDescentConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first that makes no sense.
    pub fn check(&self) -> Result<(), SettingError> {
        let above_zero = |v: f64| v.is_finite() && v > 0.0;
        let lengths =
            [("rotation_deg", self.rotation_deg), ("translation_mm", self.translation_mm)];
        for (name, length) in lengths {
            require(above_zero(length), name, &length, "a finite number above zero")?;
        }
        require(self.max_evaluations > 0, "max_evaluations", &self.max_evaluations, "at least 1")?;
        let fits = self.longest.is_finite() && self.longest >= 1.0;
        require(fits, "longest", &self.longest, "a finite number, 1 or more")?;
        let fits = self.tolerance > 0.0 && self.tolerance < 1.0;
        require(fits, "tolerance", &self.tolerance, "above 0 and below 1")?;
        require_adaptation(self.momentum, self.growth, self.reduction)
    }
}

/// Rotation or translation.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    first_length: f64,
    length: f64,
    direction: Vector3<f64>,
    velocity: Vector3<f64>,
}

impl Part {
    fn new(length: f64) -> Self {
        Self { first_length: length, length, ..Self::default() }
    }

    fn follow(&mut self, gradient: Vector3<f64>, config: &DirectionDescentConfig) {
        let direction = gradient.try_normalize(0.0).unwrap_or_default();
        let agreement = direction.dot(&self.direction);
        if agreement > 0.0 {
            self.length = (self.length * config.growth).min(self.first_length * config.longest);
        } else if agreement < 0.0 {
            self.length *= config.reduction;
        }
        self.velocity = self.velocity * config.momentum + direction * (1.0 - config.momentum);
        self.direction = direction;
    }

    fn step(&self) -> Vector3<f64> {
        self.velocity * self.length
    }

    /// Whether it has nothing more to do.
    fn is_done(&self, tolerance: f64) -> bool {
        self.direction == Vector3::zeros() || self.length < tolerance * self.first_length
    }
}

/// Descent along directions, as an [`Optimizer`] of poses that uses gradients.
///
/// # Examples
/// ```
/// use isocenter::optimize::{DirectionDescent, DirectionDescentConfig, Optimizer, Sample};
/// use nalgebra::DVector;
/// let config = DirectionDescentConfig::default();
/// let mut optimizer = DirectionDescent::new(config).unwrap();
/// let truth = DVector::from_vec(vec![0.3, -0.2, 0.1, 20.0, -10.0, 40.0]);
/// let mut at = DVector::zeros(6);
/// while optimizer.termination().is_none() {
///     at += &optimizer.ask()[0];
///     let mut gradient = &truth - &at;
///     // Whatever rotations count against translations.
///     gradient.rows_mut(0, 3).scale_mut(1e6);
///     optimizer.tell(&[Sample { value: 0.0, gradient: Some(gradient), curvature: None }]).unwrap();
/// }
/// assert!((&truth - &at).rows(0, 3).norm() < 0.01 && (&truth - &at).rows(3, 3).norm() < 1.0);
/// ```
#[derive(Debug, Clone)]
pub struct DirectionDescent {
    config: DirectionDescentConfig,
    rotation: Part,
    translation: Part,
    evaluations: usize,
    termination: Option<Termination>,
}

/// Components of a pose's motion.
const DIMENSION: usize = 6;

impl DirectionDescent {
    /// A search that is about to begin.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn new(config: DirectionDescentConfig) -> Result<Self, SettingError> {
        config.check()?;
        Ok(Self {
            config,
            rotation: Part::new(config.rotation_deg.to_radians()),
            translation: Part::new(config.translation_mm),
            evaluations: 0,
            termination: None,
        })
    }

    /// Rotation and translation of a sample's gradient; none where the objective has no value or does
    /// not respond to the pose.
    fn gradient(sample: &Sample) -> Result<Option<[Vector3<f64>; 2]>, ObjectiveError> {
        if sample.value == f64::NEG_INFINITY {
            return Ok(None);
        }
        let gradient = sample.gradient.as_ref().map(DVector::as_slice);
        let Some(&[a, b, c, x, y, z]) = gradient else {
            return Err(ObjectiveError::NoGradient { expected: DIMENSION });
        };
        match [a, b, c, x, y, z].into_iter().find(|component| !component.is_finite()) {
            Some(found) => Err(ObjectiveError::NotANumber { candidate: 0, found }),
            None => {
                let parts = [Vector3::new(a, b, c), Vector3::new(x, y, z)];
                Ok(parts.iter().any(|part| *part != Vector3::zeros()).then_some(parts))
            }
        }
    }

    fn ended(&self) -> Option<Termination> {
        let mut parts = [&self.rotation, &self.translation].into_iter();
        if parts.all(|part| part.is_done(self.config.tolerance)) {
            Some(Termination::StepBelowTolerance)
        } else if self.evaluations >= self.config.max_evaluations {
            Some(Termination::EvaluationLimit)
        } else {
            None
        }
    }
}

impl Optimizer for DirectionDescent {
    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn uses_derivatives(&self) -> bool {
        true
    }

    fn ask(&self) -> Vec<DVector<f64>> {
        let [r, t] = [self.rotation.step(), self.translation.step()];
        match self.termination {
            Some(_) => Vec::new(),
            None => vec![DVector::from_column_slice(&[r.x, r.y, r.z, t.x, t.y, t.z])],
        }
    }

    fn tell(&mut self, samples: &[Sample]) -> Result<Option<usize>, ObjectiveError> {
        check_samples(usize::from(self.termination.is_none()), samples)?;
        let Some(sample) = samples.first() else { return Ok(None) };
        let gradient = Self::gradient(sample)?;
        let begins = self.evaluations == 0;
        self.evaluations += 1;
        match gradient {
            Some([rotation, translation]) => {
                self.rotation.follow(rotation, &self.config);
                self.translation.follow(translation, &self.config);
            }
            None if begins => {
                self.termination = Some(Termination::Flat);
                return Ok(Some(0));
            }
            None => {
                self.rotation.length *= self.config.reduction;
                self.translation.length *= self.config.reduction;
            }
        }
        self.termination = self.ended();
        Ok(gradient.map(|_| 0))
    }

    fn termination(&self) -> Option<Termination> {
        self.termination
    }

    fn damping(&self) -> f64 {
        self.translation.step().norm()
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the way does not depend on how long gradients are, nor on how rotations count against
    //! translations; steps to where nothing is in view are taken back; without a gradient it ends, and
    //! after as many evaluations as allowed; settings that make no sense are refused.
    use super::*;

    /// Where it ends, whatever parts count.
    fn end(weights: [f64; 2]) -> (DVector<f64>, Option<Termination>) {
        let mut optimizer = DirectionDescent::new(DirectionDescentConfig::default()).unwrap();
        let truth = DVector::from_vec(vec![0.5, -0.2, 0.1, 50.0, 5.0, -60.0]);
        let mut at = DVector::zeros(6);
        while optimizer.termination().is_none() {
            at += &optimizer.ask()[0];
            let mut gradient = &truth - &at;
            gradient.rows_mut(0, 3).scale_mut(weights[0]);
            gradient.rows_mut(3, 3).scale_mut(weights[1]);
            let sample = Sample { value: 1.0, gradient: Some(gradient), curvature: None };
            assert_eq!(optimizer.tell(&[sample]).unwrap(), Some(0));
        }
        (at, optimizer.termination())
    }

    #[test]
    fn only_directions_count() {
        let (at, termination) = end([1.0, 1.0]);
        assert_eq!(termination, Some(Termination::StepBelowTolerance));
        for weights in [[1e-6, 1e6], [1e8, 1e-3]] {
            assert!((end(weights).0 - &at).norm() < 1e-9);
        }
    }

    #[test]
    fn nothing_to_follow_ends_it() {
        let (_, termination) = end([0.0, 0.0]);
        assert_eq!(termination, Some(Termination::Flat));
        // A part that nothing depends on does not keep the other from ending.
        let (at, termination) = end([1.0, 0.0]);
        assert_eq!(termination, Some(Termination::StepBelowTolerance));
        assert!((at[0] - 0.5).abs() < 0.02 && at.rows(3, 3).norm() == 0.0);
        let mut optimizer = DirectionDescent::new(DirectionDescentConfig::default()).unwrap();
        let error = optimizer.tell(&[Sample::from_value(1.0)]).unwrap_err();
        assert!(matches!(error, ObjectiveError::NoGradient { expected: 6 }));
        let gradient = Some(DVector::from_element(6, f64::NAN));
        let error =
            optimizer.tell(&[Sample { value: 1.0, gradient, curvature: None }]).unwrap_err();
        assert!(matches!(error, ObjectiveError::NotANumber { .. }));
    }

    /// Beyond a wall nothing is in view, or the objective has no value: the search stays on this side.
    #[test]
    fn it_turns_back_where_nothing_is_in_view() {
        for impossible in [true, false] {
            let mut optimizer = DirectionDescent::new(DirectionDescentConfig::default()).unwrap();
            let mut at = DVector::zeros(6);
            let mut taken_back = 0;
            while optimizer.termination().is_none() {
                let tried = &at + &optimizer.ask()[0];
                let behind = tried[3] > 30.0;
                let way = if behind { DVector::zeros(6) } else { DVector::from_element(6, 1.0) };
                let sample = match behind && impossible {
                    true => Sample::impossible(),
                    false => Sample { value: 0.0, gradient: Some(way), curvature: None },
                };
                match optimizer.tell(&[sample]).unwrap() {
                    Some(_) => at = tried,
                    None => taken_back += 1,
                }
            }
            assert!(taken_back > 3 && at[3] > 25.0 && at[3] <= 30.0, "{at}");
            assert!(optimizer.evaluations <= 100);
        }
    }

    #[test]
    fn evaluations_are_counted() {
        let config = DirectionDescentConfig { max_evaluations: 3, ..Default::default() };
        let mut optimizer = DirectionDescent::new(config).unwrap();
        assert_eq!(optimizer.damping(), 0.0);
        let sample = || Sample {
            value: 0.0,
            gradient: Some(DVector::from_element(6, 1.0)),
            curvature: None,
        };
        for _ in 0..3 {
            assert_eq!(optimizer.termination(), None);
            optimizer.tell(&[sample()]).unwrap();
        }
        assert_eq!(optimizer.termination(), Some(Termination::EvaluationLimit));
    }

    #[test]
    fn settings_are_checked() {
        let config = DirectionDescentConfig { reduction: 1.0, ..DirectionDescentConfig::default() };
        assert!(DirectionDescent::new(config).unwrap_err().to_string().contains("reduction is 1"));
        let config = DirectionDescentConfig { reduction: 0.5, tolerance: 1.0, ..config };
        assert!(config.check().unwrap_err().to_string().contains("tolerance is 1"));
        let config = DirectionDescentConfig { rotation_deg: 0.0, ..config };
        assert!(config.check().unwrap_err().to_string().contains("rotation_deg is 0"));
    }
}
