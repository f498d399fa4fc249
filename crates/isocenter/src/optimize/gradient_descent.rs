//! Gradient descent with momentum, on minus the objective.
//!
//! **Steps.** In coordinates divided by their scales `s` (radians and millimetres need a common
//! measure), with `g` the gradient where the search stands:
//! 1. `v = momentum * v + rate * s g`, and the step is `s v`, shortened to the longest allowed;
//! 2. if the objective has risen, the search goes on from there, and `rate` and `v` grow a little;
//! 3. else the step is taken back, `rate` shrinks, and the momentum is lost (`v = 0`).
//!
//! The first `rate` makes the first step one scale long, so that the unit of the objective (a
//! correlation, a network's score) does not matter.
//!
//! **Requirements.** An objective with a gradient. One that is noisy wears the step out.
//!
//! # References
//! - B. T. Polyak, USSR Comput. Math. Math. Phys. 4(5), 1 (1964), doi:10.1016/0041-5553(64)90137-5
//!   (momentum)
//! - T. P. Vogl et al., Biol. Cybern. 59, 257 (1988), doi:10.1007/BF00332914 (the rate: longer
//!   after a gain, shorter and without momentum after a loss)

use nalgebra::DVector;
use serde::{Deserialize, Serialize};

use super::objective::ObjectiveError;
use super::optimizer::{Optimizer, Sample, check_samples};
use super::setting::{SettingError, require, require_adaptation, require_scales};
use super::termination::Termination;

/// How gradient descent steps, and when it stops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientDescentConfig {
    /// Most evaluations of the objective with its gradient.
    pub max_evaluations: usize,
    /// How much of the step before is kept, from 0 to below 1.
    pub momentum: f64,
    /// What the rate is multiplied by after a gain, 1 or more.
    pub growth: f64,
    /// What the rate is multiplied by after a loss, above 0 and below 1.
    pub reduction: f64,
    /// The longest step, in scales.
    pub longest_step: f64,
    /// A step below this ends the search, in scales.
    pub tolerance: f64,
}

impl Default for GradientDescentConfig {
    fn default() -> Self {
        Self {
            max_evaluations: 500,
            momentum: 0.8,
            growth: 1.05,
            reduction: 0.5,
            longest_step: 2.0,
            tolerance: 1e-4,
        }
    }
}

impl GradientDescentConfig {
    fn check(&self) -> Result<(), SettingError> {
        let finite_above_zero = |v: f64| v.is_finite() && v > 0.0;
        require(self.max_evaluations > 0, "max_evaluations", &self.max_evaluations, "at least 1")?;
        require_adaptation(self.momentum, self.growth, self.reduction)?;
        let steps = [("longest_step", self.longest_step), ("tolerance", self.tolerance)];
        for (name, step) in steps {
            require(finite_above_zero(step), name, &step, "a finite number above zero")?;
        }
        Ok(())
    }
}

/// Where the search stands: the value there, and the gradient in scaled coordinates.
#[derive(Debug, Clone)]
struct Current {
    value: f64,
    gradient: DVector<f64>,
}

/// Gradient descent with momentum, as an [`Optimizer`] that uses gradients.
///
/// # Examples
/// ```
/// use isocenter::optimize::{GradientDescent, GradientDescentConfig, Optimizer, Sample};
/// use nalgebra::DVector;
/// let config = GradientDescentConfig::default();
/// let mut optimizer = GradientDescent::new(&[0.1, 1.0], config).unwrap();
/// let mut at = DVector::zeros(2);
/// while optimizer.termination().is_none() {
///     let step = &optimizer.ask()[0];
///     let left = DVector::from_vec(vec![0.5, 7.0]) - (&at + step);
///     let weight = DVector::from_vec(vec![100.0, 1.0]);
///     let gradient = left.component_mul(&weight);
///     let value = -0.5 * left.dot(&gradient);
///     let sample = Sample { value, gradient: Some(gradient), curvature: None };
///     if optimizer.tell(&[sample]).unwrap().is_some() {
///         at += step;
///     }
/// }
/// assert!((at[0] - 0.5).abs() < 1e-4 && (at[1] - 7.0).abs() < 1e-3);
/// ```
#[derive(Debug, Clone)]
pub struct GradientDescent {
    config: GradientDescentConfig,
    scales: DVector<f64>,
    current: Option<Current>,
    /// Objective to step, in scaled coordinates; known from the first gradient on.
    rate: f64,
    velocity: DVector<f64>,
    /// Losses since the last gain.
    losses: usize,
    evaluations: usize,
    termination: Option<Termination>,
}

impl GradientDescent {
    /// A search that is about to begin.
    ///
    /// # Units
    /// `scales` those of the steps' components; for poses
    /// [`MotionScales::components`](super::MotionScales::components). The first step is one scale
    /// long.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn new(scales: &[f64], config: GradientDescentConfig) -> Result<Self, SettingError> {
        require_scales(scales)?;
        config.check()?;
        Ok(Self {
            config,
            scales: DVector::from_column_slice(scales),
            current: None,
            rate: 0.0,
            velocity: DVector::zeros(scales.len()),
            losses: 0,
            evaluations: 0,
            termination: None,
        })
    }

    /// The value and the scaled gradient of a sample.
    fn current(&self, sample: &Sample) -> Result<Current, ObjectiveError> {
        let expected = self.scales.len();
        let gradient = sample.gradient.as_ref().filter(|g| g.len() == expected);
        let gradient = gradient.ok_or(ObjectiveError::NoGradient { expected })?;
        Ok(Current { value: sample.value, gradient: gradient.component_mul(&self.scales) })
    }

    /// Chooses the next step from the point where the search stands, or ends it.
    fn prepare(&mut self, gradient: &DVector<f64>) {
        self.velocity = &self.velocity * self.config.momentum + gradient * self.rate;
        let length = self.velocity.norm();
        if length > self.config.longest_step {
            self.velocity *= self.config.longest_step / length;
        }
        self.termination = if self.evaluations >= self.config.max_evaluations {
            Some(Termination::IterationLimit)
        } else if !length.is_finite() || gradient.norm() == 0.0 {
            Some(Termination::Flat)
        } else if length >= self.config.tolerance {
            None
        } else if self.losses > 2 {
            // Halved again and again: short because of the losses, not because of the gradient.
            Some(Termination::NoImprovement)
        } else {
            Some(Termination::StepBelowTolerance)
        };
    }
}

impl Optimizer for GradientDescent {
    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn uses_derivatives(&self) -> bool {
        true
    }

    fn ask(&self) -> Vec<DVector<f64>> {
        match self.termination {
            Some(_) => Vec::new(),
            None => vec![self.velocity.component_mul(&self.scales)],
        }
    }

    fn tell(&mut self, samples: &[Sample]) -> Result<Option<usize>, ObjectiveError> {
        check_samples(usize::from(self.termination.is_none()), samples)?;
        let Some(sample) = samples.first() else { return Ok(None) };
        let gained = match &self.current {
            None => {
                let first = self.current(sample)?;
                self.rate = 1.0 / first.gradient.norm().max(f64::MIN_POSITIVE);
                Some(first)
            }
            Some(before) if sample.value > before.value => {
                let gained = self.current(sample)?;
                self.rate *= self.config.growth;
                Some(gained)
            }
            Some(_) => None,
        };
        self.evaluations += 1;
        let accepted = gained.is_some();
        if accepted {
            self.losses = 0;
            self.current = gained;
        } else {
            self.losses += 1;
            self.rate *= self.config.reduction;
            self.velocity.fill(0.0);
        }
        if let Some(gradient) = self.current.as_ref().map(|c| c.gradient.clone()) {
            self.prepare(&gradient);
        }
        Ok(accepted.then_some(0))
    }

    fn termination(&self) -> Option<Termination> {
        self.termination
    }

    fn damping(&self) -> f64 {
        self.velocity.norm()
    }
}

#[cfg(test)]
mod tests {
    //! Proves: gradient descent finds the optimum of an ill-conditioned bowl in six dimensions and
    //! of Rosenbrock's valley, faster with momentum than without; units of the objective do not
    //! matter; it says why it stopped, and refuses what makes no sense.
    use super::*;

    /// Minus `sum w (x - 1)^2` over a range of weights of 100.
    fn bowl(x: &DVector<f64>) -> Sample {
        let left = x.map(|x| x - 1.0);
        let weighted = DVector::from_fn(6, |n, _| 100f64.powf(n as f64 / 5.0) * left[n]);
        let value = -left.dot(&weighted);
        Sample { value, gradient: Some(weighted * -2.0), curvature: None }
    }

    /// Minus Rosenbrock's function of two variables.
    fn rosenbrock(x: &DVector<f64>) -> Sample {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        let gradient = DVector::from_vec(vec![2.0 * a + 400.0 * x[0] * b, -200.0 * b]);
        Sample { value: -a * a - 100.0 * b * b, gradient: Some(gradient), curvature: None }
    }

    fn run(
        config: GradientDescentConfig,
        dimension: usize,
        f: impl Fn(&DVector<f64>) -> Sample,
    ) -> (DVector<f64>, GradientDescent) {
        let mut optimizer = GradientDescent::new(&vec![0.5; dimension], config).unwrap();
        let mut at = DVector::zeros(dimension);
        let mut value = f64::NEG_INFINITY;
        while optimizer.termination().is_none() {
            let x = &at + &optimizer.ask()[0];
            let sample = f(&x);
            let told = sample.value;
            if optimizer.tell(&[sample]).unwrap().is_some() {
                assert!(told > value, "an accepted step is a gain");
                (at, value) = (x, told);
            }
        }
        (at, optimizer)
    }

    const LONG: GradientDescentConfig = GradientDescentConfig {
        max_evaluations: 100_000,
        momentum: 0.8,
        growth: 1.05,
        reduction: 0.5,
        longest_step: 2.0,
        tolerance: 1e-8,
    };

    #[test]
    fn finds_the_bottom_of_an_ill_conditioned_bowl_whatever_its_unit() {
        let (at, optimizer) = run(LONG, 6, bowl);
        assert!((at.map(|x| x - 1.0)).norm() < 1e-6, "{at}");
        // A power of two, so that not one bit of the path may differ.
        let scaled = |x: &DVector<f64>| {
            let sample = bowl(x);
            let gradient = sample.gradient.map(|g| g * 1024.0);
            Sample { value: sample.value * 1024.0, gradient, curvature: None }
        };
        let (same, other) = run(LONG, 6, scaled);
        assert_eq!((same, other.evaluations), (at, optimizer.evaluations));
    }

    #[test]
    fn momentum_saves_evaluations_in_a_valley() {
        let (at, with) = run(LONG, 2, rosenbrock);
        // The valley's curvature is 0.4 at the bottom against 1000 across.
        assert!((at.map(|x| x - 1.0)).norm() < 1e-3, "{at}");
        let (_, without) = run(GradientDescentConfig { momentum: 0.0, ..LONG }, 2, rosenbrock);
        assert!(with.evaluations < without.evaluations);
    }

    #[test]
    fn says_why_it_stopped() {
        let flat = |_: &DVector<f64>| Sample {
            value: 0.0,
            gradient: Some(DVector::zeros(2)),
            curvature: None,
        };
        assert_eq!(run(LONG, 2, flat).1.termination(), Some(Termination::Flat));
        let few = GradientDescentConfig { max_evaluations: 3, ..LONG };
        let (_, stopped) = run(few, 2, rosenbrock);
        assert_eq!(
            (stopped.termination(), stopped.evaluations),
            (Some(Termination::IterationLimit), 3)
        );
        // A gradient that promises a gain where there is none.
        let lies = |_: &DVector<f64>| Sample {
            value: 0.0,
            gradient: Some(DVector::from_element(2, 1.0)),
            curvature: None,
        };
        assert_eq!(run(LONG, 2, lies).1.termination(), Some(Termination::NoImprovement));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let error = |scales: &[f64], config| GradientDescent::new(scales, config).unwrap_err();
        assert_eq!(error(&[], LONG).name, "scales");
        assert_eq!(error(&[1.0, f64::NAN], LONG).name, "scales[1]");
        assert_eq!(error(&[1.0], GradientDescentConfig { momentum: 1.0, ..LONG }).name, "momentum");
        assert_eq!(error(&[1.0], GradientDescentConfig { growth: 0.5, ..LONG }).name, "growth");
        let never = GradientDescentConfig { reduction: f64::NAN, ..LONG };
        assert_eq!(error(&[1.0], never).name, "reduction");
        assert_eq!(
            error(&[1.0], GradientDescentConfig { tolerance: 0.0, ..LONG }).name,
            "tolerance"
        );

        let mut optimizer = GradientDescent::new(&[1.0, 1.0], LONG).unwrap();
        let told = |o: &mut GradientDescent, samples: &[Sample]| o.tell(samples).unwrap_err();
        assert_eq!(told(&mut optimizer, &[]), ObjectiveError::Count { found: 0, expected: 1 });
        let value = Sample::from_value(1.0);
        assert_eq!(told(&mut optimizer, &[value]), ObjectiveError::NoGradient { expected: 2 });
        let nan = Sample::from_value(f64::NAN);
        assert!(matches!(told(&mut optimizer, &[nan]), ObjectiveError::NotANumber { .. }));
        // Refused answers leave no trace, and a place without a value is only a loss.
        assert_eq!(optimizer.tell(&[rosenbrock(&DVector::zeros(2))]), Ok(Some(0)));
        assert_eq!(optimizer.tell(&[Sample::impossible()]), Ok(None));
    }
}
