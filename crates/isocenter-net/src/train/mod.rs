//! Training: samples from CTs and simulated X-rays, steps, validation.
//!
//! Everything that is drawn is a function of the training's seed and the number of the step:
//! a training that goes on after a checkpoint is the same, bit by bit, as one that was never
//! interrupted, and it does not depend on the number of threads that make samples.
//!
//! - [`config`] - [`TrainConfig`], the settings
//! - [`patient`] - [`TrainingPatient`], a CT that is X-rayed and moved
//! - [`sample`] - [`Source`], what a step is trained on
//! - `sample_step` - the step of one of its samples
//! - `derivatives` - those of a step's samples, averaged
//! - `difference` - whether a training that goes on is still the same
//! - [`supply`] - [`Supply`], samples made in background threads
//! - [`optimizer`] - [`Optimizer`], how weights follow gradients
//! - [`schedule`] - [`LearningRate`], how far
//! - [`metrics`] - [`Metrics`], what a step gave
//! - [`trainer`] - [`Trainer`], step by step
//! - [`validation`] - cosines and registrations on what is not trained on

pub mod config;
mod derivatives;
mod difference;
pub mod metrics;
pub mod optimizer;
pub mod patient;
pub mod sample;
mod sample_step;
pub mod schedule;
pub mod supply;
pub mod trainer;
pub mod validation;

pub use config::TrainConfig;
pub use metrics::Metrics;
pub use optimizer::{Optimizer, OptimizerConfig};
pub use patient::TrainingPatient;
pub use sample::{Sample, Source};
pub use schedule::LearningRate;
pub use supply::Supply;
pub use trainer::Trainer;
pub use validation::{Validation, validate};
