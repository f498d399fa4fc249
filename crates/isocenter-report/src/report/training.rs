//! What a page about a training shows.

use super::evaluation::Table;
use super::registration::{LandscapeAxis, Setting};

/// A training, as a page shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingReport {
    /// What it is called.
    pub title: String,
    /// What it was, in words.
    pub description: Vec<String>,
    /// The losses over the steps.
    pub losses: Vec<Curve>,
    /// Cosines and correlations over the steps: between -1 and 1.
    pub cosines: Vec<Curve>,
    /// Errors of the poses that a regressor says, over the steps (degrees, mm).
    pub errors: Vec<Curve>,
    /// What was measured on poses and CTs that are not trained on; the first column names the step.
    pub validation: Table,
    /// The learned similarity around a true pose (`fine`) and the geodesic one (`coarse`).
    pub landscapes: Vec<TrainingLandscape>,
    /// The settings.
    pub settings: Vec<Setting>,
}

/// Values over steps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// What it is.
    pub name: String,
    /// (step, value)
    pub points: Vec<[f64; 2]>,
}

/// The landscape of one X-ray.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingLandscape {
    /// Of which CT, in words.
    pub caption: String,
    /// Along each axis.
    pub axes: Vec<LandscapeAxis>,
}
