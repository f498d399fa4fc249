//! What a registration tells while it runs: one stream for progress bars, viewers and files.

use crate::optimize::{Iteration, Termination};

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A stage begins.
    StageStarted {
        /// Its name.
        stage: Stage,
        /// The longest side of its images.
        longest_side_px: usize,
        /// How many candidates it works on.
        candidates: usize,
    },
    /// A pose was evaluated.
    Iteration(&'a TraceRow),
    /// A candidate is finished.
    CandidateFinished {
        /// Its number within the stage, the best of the stage before first.
        candidate: usize,
        /// Why its optimiser stopped.
        termination: Termination,
    },
    /// A stage ends.
    StageFinished {
        /// Its name.
        stage: Stage,
        /// How long it took.
        seconds: f64,
    },
}

/// The parts of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Many poses about the start, scored and the best refined on small images.
    MultiStart,
    /// Levenberg-Marquardt at one level.
    Refine,
}

impl Stage {
    /// Its name in files and on screens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MultiStart => "multi-start",
            Self::Refine => "refine",
        }
    }
}

/// One line of the trace: an evaluation, and where it belongs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceRow {
    /// The stage.
    pub stage: Stage,
    /// The longest side of the images compared.
    pub longest_side_px: usize,
    /// Number of the candidate within the stage.
    pub candidate: usize,
    /// What was evaluated.
    pub iteration: Iteration,
}
