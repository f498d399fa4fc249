//! Optimisers of poses. They speak to an [`Objective`] and to nothing else.
//!
//! - [`objective`] - [`Objective`] and its [`Evaluation`] at a pose
//! - [`levenberg_marquardt`] - damped Gauss-Newton steps
//! - [`termination`] - [`Termination`], why an optimiser stopped

pub mod levenberg_marquardt;
pub mod objective;
pub mod termination;

pub use levenberg_marquardt::{Iteration, LevenbergMarquardtConfig, Optimum};
pub use objective::{Evaluation, Objective, ObjectiveError};
pub use termination::Termination;
