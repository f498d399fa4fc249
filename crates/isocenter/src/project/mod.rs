//! The projector: line integrals through a CT, and their derivatives.
//!
//! - [`jet`]: [`JetImage`], a radiograph with its pose Jacobian

pub mod jet;

pub use jet::JetImage;
