//! Networks for 2D/3D registration, above all the correlation-driven dual-branch network: their layers,
//! losses, and the training of their pose gradient.
//!
//! - [`network`] - the architecture
//! - [`regressor`] - a network that says poses, without a start
//! - [`model`] - either of them
//! - [`layer`] - layers, each with its tangent
//! - [`dual`] - values with their derivative along one direction
//! - `fused` - maps of the network that the CPU does in one pass
//! - [`volume`] - convolutions of whole volumes, on the CPU
//! - [`loss`] - what is minimised
//! - [`metric`] - in which pose gradients are taken
//! - [`moving_projector`] - the CT in front of the camera
//! - [`scene`] - the network at poses, its pose gradient
//! - [`step`] - the derivative of a loss of that gradient
//! - [`moving`], [`xray`] - CT and X-ray as the network wants them
//! - [`train`] - training
//! - [`weights`], [`checkpoint`] - weights as arrays, and their file
//! - [`convert`] - weights of other programs
//! - [`objective`], [`stage`] - the network in a registration
//! - [`error`] - [`NetError`]
//!
//! # References
//! M. Chen et al., ISBI 2024, arXiv:2402.02498

pub mod checkpoint;
pub mod convert;
pub mod dual;
pub mod error;
mod fused;
pub mod layer;
pub mod loss;
pub mod metric;
pub mod model;
pub mod moving;
pub mod moving_projector;
pub mod network;
pub mod objective;
pub mod regressor;
pub mod scene;
pub mod stage;
pub mod step;
pub mod train;
pub mod volume;
pub mod weights;
pub mod xray;

pub use checkpoint::Checkpoint;
pub use dual::Dual;
pub use error::NetError;
pub use model::{Model, ModelConfig};
pub use network::{Network, NetworkConfig};
pub use regressor::{RegressorStage, TrainedRegressor};
pub use stage::{NetworkStage, TrainedNetwork};
