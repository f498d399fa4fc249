//! Why an optimiser stopped, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an optimiser stopped.
///
/// # Examples
/// ```
/// use isocenter::optimize::Termination;
/// assert_eq!(Termination::Flat.to_string(), "the similarity does not respond to the pose");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Termination {
    /// The last step was smaller than the tolerance.
    StepBelowTolerance,
    /// The similarities of many candidates in a row differ by less than the tolerance.
    ValueBelowTolerance,
    /// No step, however short, improves the similarity.
    NoImprovement,
    /// The similarity has not improved for a long time, though the steps are not short.
    Stagnation,
    /// The candidates lie so much along one direction that their covariance is singular in
    /// floating point.
    IllConditioned,
    /// The steps have grown far beyond the first ones.
    Diverged,
    /// The allowed number of iterations was reached.
    IterationLimit,
    /// Another iteration would exceed the allowed number of evaluations.
    EvaluationLimit,
    /// The similarity does not respond to the pose: nothing of the CT is in view.
    Flat,
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StepBelowTolerance => "the step is below the tolerance",
            Self::ValueBelowTolerance => "the similarities differ by less than the tolerance",
            Self::NoImprovement => "no step improves the similarity",
            Self::Stagnation => "the similarity has not improved for a long time",
            Self::IllConditioned => "the covariance of the candidates is singular",
            Self::Diverged => "the steps have grown far beyond the first ones",
            Self::IterationLimit => "the number of iterations is used up",
            Self::EvaluationLimit => "the number of evaluations is used up",
            Self::Flat => "the similarity does not respond to the pose",
        })
    }
}
