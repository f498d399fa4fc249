//! How good a registration is, where the truth is known.
//!
//! - [`targets`] - [`Targets`] and the errors at them

pub mod targets;

pub use targets::{TargetError, TargetErrors, Targets};
