//! What a registration tells while it runs: one stream for progress bars, viewers and files.

use crate::optimize::{Iteration, Termination};
use crate::radiograph::Image;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A stage begins.
    StageStarted {
        /// Its name.
        stage: &'static str,
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
    /// What a network sees where it ends.
    Features(&'a [FeatureMaps]),
    /// A stage ends.
    StageFinished {
        /// Its name.
        stage: &'static str,
        /// How long it took.
        seconds: f64,
    },
}

/// One line of the trace: an evaluation, and where it belongs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceRow {
    /// Name of the stage.
    pub stage: &'static str,
    /// The longest side of the images compared.
    pub longest_side_px: usize,
    /// Number of the candidate within the stage.
    pub candidate: usize,
    /// What was evaluated.
    pub iteration: Iteration,
    /// What the branches of a network said there.
    pub branches: Option<BranchScores>,
}

/// What the two branches of a network say of a pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BranchScores {
    /// How unlike CT and X-ray are in low frequencies.
    pub global_score: f64,
    /// How much that counts, 0 to 1.
    pub global_gate: f64,
    /// How unlike they are in high frequencies.
    pub local_score: f64,
    /// How much that counts, 0 to 1.
    pub local_gate: f64,
}

/// What a branch of a network sees in the two images, averaged over its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMaps {
    /// The branch.
    pub branch: &'static str,
    /// Of the X-ray.
    pub xray: Image,
    /// Of the radiograph at the last pose.
    pub moving: Image,
}

/// How long a stage took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageTime {
    /// Name of the stage.
    pub stage: &'static str,
    /// The longest side of its images.
    pub longest_side_px: usize,
    /// Wall-clock time.
    pub seconds: f64,
}
