//! The interface of all optimisers: ask and tell.
//!
//! An [`Optimizer`] never sees an objective. It is asked for candidates, someone evaluates them
//! (side by side, on another machine, in a network), and it is told what they are worth:
//!
//! ```text
//! while no termination:
//!     candidates = ask()
//!     tell(the objective at each of them)
//! ```
//!
//! **Candidates are steps**: vectors to be added to a point or, for poses, components of a
//! [`PivotMotion`](crate::geometry::PivotMotion). Of an optimiser that uses derivatives they start
//! at the point where the search stands, since the derivative of a pose is that of a motion from
//! there. Of one that does not they start where the search began. The very first candidate is
//! the zero step: the start itself.

use nalgebra::{DMatrix, DVector};

use super::objective::ObjectiveError;
use super::termination::Termination;

/// The objective at a candidate.
///
/// # Examples
/// ```
/// use isocenter::optimize::Sample;
/// let sample = Sample::from_value(0.5);
/// assert!(sample.value == 0.5 && sample.gradient.is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its value; higher is better. Negative infinity where it has none, never NaN.
    pub value: f64,
    /// Its derivative for a step from the candidate.
    pub gradient: Option<DVector<f64>>,
    /// An approximation of its negative Hessian, positive semidefinite.
    pub curvature: Option<DMatrix<f64>>,
}

impl Sample {
    /// A value without derivatives.
    #[must_use]
    pub fn from_value(value: f64) -> Self {
        Self { value, gradient: None, curvature: None }
    }

    /// A candidate at which the objective has no value.
    #[must_use]
    pub fn impossible() -> Self {
        Self::from_value(f64::NEG_INFINITY)
    }
}

/// An optimiser: asks for the objective at candidates and is told.
///
/// # Examples
/// Any function can be maximized, not only similarities of poses.
/// ```
/// use isocenter::optimize::{CmaEs, CmaEsConfig, Optimizer, Sample};
/// let config = CmaEsConfig { tolerance_value: 1e-12, ..CmaEsConfig::default() };
/// let mut optimizer = CmaEs::new(&[1.0, 1.0], None, config).unwrap();
/// let mut best = (f64::NEG_INFINITY, [0.0; 2]);
/// while optimizer.termination().is_none() {
///     let candidates = optimizer.ask();
///     let value = |x: f64, y: f64| -(x - 3.0).powi(2) - 10.0 * (y - x).powi(2);
///     let samples: Vec<Sample> =
///         candidates.iter().map(|c| Sample::from_value(value(c[0], c[1]))).collect();
///     if let Some(n) = optimizer.tell(&samples).unwrap() {
///         best = (samples[n].value, [candidates[n][0], candidates[n][1]]);
///     }
/// }
/// assert!((best.1[0] - 3.0).abs() < 1e-3 && (best.1[1] - 3.0).abs() < 1e-3);
/// ```
pub trait Optimizer {
    /// The number of components of a step.
    fn dimension(&self) -> usize;

    /// Whether it is to be told gradients (and curvatures, where the optimiser says so). If so,
    /// steps start where the search stands: at the candidate that `tell` accepted last; else at the
    /// start.
    fn uses_derivatives(&self) -> bool;

    /// The candidates to evaluate next: the same until they are told, none after the end.
    fn ask(&self) -> Vec<DVector<f64>>;

    /// Takes the objective at the candidates, in the order in which they were asked for. Returns
    /// the number of the candidate where the search stands now, if it has moved: the best so far, but
    /// for optimisers that follow directions alone.
    ///
    /// # Errors
    /// If there are more or fewer values than candidates, a value is NaN, or a derivative is
    /// missing that the optimiser needs. The optimiser is then as it was before.
    fn tell(&mut self, samples: &[Sample]) -> Result<Option<usize>, ObjectiveError>;

    /// Why it stopped; `None` while it wants to go on.
    fn termination(&self) -> Option<Termination>;

    /// The number by which the candidates that are asked for were made: the damping of
    /// Levenberg-Marquardt, the length of gradient descent's step, of direction descent's translation
    /// (mm), the step size (sigma) of CMA-ES.
    /// Zero for the start.
    fn damping(&self) -> f64;
}

/// Checks what an optimiser is told.
pub(super) fn check_samples(expected: usize, samples: &[Sample]) -> Result<(), ObjectiveError> {
    if samples.len() != expected {
        return Err(ObjectiveError::Count { found: samples.len(), expected });
    }
    match samples.iter().position(|s| s.value.is_nan() || s.value == f64::INFINITY) {
        Some(candidate) => {
            let found = samples.get(candidate).map_or(f64::NAN, |s| s.value);
            Err(ObjectiveError::NotANumber { candidate, found })
        }
        None => Ok(()),
    }
}
