//! Registration: from a CT, an X-ray, its camera and a start to a pose.
//!
//! - [`case`] - [`Case`], what is to be registered
//! - [`config`] - [`RegisterConfig`], all settings
//! - [`registration`] - [`register()`] and its result
//! - [`event`] - what it tells while it runs, and the trace
//! - [`error`] - [`RegisterError`]

pub mod case;
pub mod config;
pub mod error;
pub mod event;
mod multi_start;
mod objective;
pub mod registration;

pub use case::{Case, Compares};
pub use config::{MultiStartConfig, RefineConfig, RegisterConfig, SimilarityConfig};
pub use error::RegisterError;
pub use event::{Event, Stage, TraceRow};
pub use registration::{Registration, StageTime, register};
