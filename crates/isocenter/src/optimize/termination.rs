//! Why an optimiser stopped, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an optimiser stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Termination {
    /// The last step was smaller than the tolerance.
    StepBelowTolerance,
    /// No step, however short, improves the similarity.
    NoImprovement,
    /// The allowed number of iterations was reached.
    IterationLimit,
    /// The similarity does not respond to the pose: nothing of the CT is in view.
    Flat,
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StepBelowTolerance => "the step is below the tolerance",
            Self::NoImprovement => "no step improves the similarity",
            Self::IterationLimit => "the number of iterations is used up",
            Self::Flat => "the similarity does not respond to the pose",
        })
    }
}
