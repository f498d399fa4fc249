//! The correlation-driven dual-branch network for 2D/3D registration: its layers, losses, and the
//! training of its pose gradient.
//!
//! - [`network`] - the architecture
//! - [`layer`] - layers, each with its tangent
//! - [`dual`] - values with their derivative along one direction
//! - [`volume`] - convolutions of whole volumes, on the CPU
//! - [`error`] - [`NetError`]
//!
//! # References
//! M. Chen et al., ISBI 2024, arXiv:2402.02498

pub mod dual;
pub mod error;
pub mod layer;
pub mod loss;
pub mod network;
pub mod step;
pub mod volume;

pub use dual::Dual;
pub use error::NetError;
pub use network::{Network, NetworkConfig};
