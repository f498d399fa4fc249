//! Registration: from a CT, an X-ray, its camera and a start to a pose.
//!
//! - [`case`] - [`Case`], what is to be registered
//! - [`config`] - [`RegisterConfig`], all settings
//! - [`landmarks`] - a start from points that are known in the CT and seen in the X-ray
//! - [`registration`] - [`register()`] and its result
//! - [`event`] - what it tells while it runs, and the trace
//! - [`error`] - [`RegisterError`]

pub mod case;
pub mod config;
pub mod error;
pub mod event;
pub mod landmarks;
mod multi_start;
mod objective;
pub mod registration;

pub use case::{Case, Compares};
pub use config::{MultiStartConfig, RefineConfig, RegisterConfig, SimilarityConfig};
pub use error::RegisterError;
pub use event::{Event, Stage, TraceRow};
pub use landmarks::{LandmarkConfig, LandmarkError};
pub use registration::{Registration, StageTime, register};
