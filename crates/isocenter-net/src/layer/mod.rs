//! The layers, each with its tangent.
//!
//! - [`convolution`] - [`Convolution2d`]
//! - [`linear`] - [`Linear`]
//! - [`normalization`] - [`ChannelNorm`], [`BatchNorm`], [`GroupNorm`], instance normalisation
//! - [`activation`] - ReLU, leaky ReLU, ReLU6, GELU, the logistic function
//! - [`dropout`] - elements left out at random
//! - [`pooling`] - the largest of neighbouring pixels
//! - [`upsampling`] - larger maps
//! - [`context`] - [`Context`], training or use
//! - [`init`] - [`Init`], first weights
//!
//! Images are [batch, channels, rows, columns].

pub mod activation;
pub mod context;
pub mod convolution;
pub mod dropout;
pub mod init;
pub mod linear;
pub mod normalization;
pub mod pooling;
pub mod upsampling;

pub use context::{Context, Statistics};
pub use convolution::{Border, Convolution2d};
pub use init::Init;
pub use linear::Linear;
pub use normalization::{BatchNorm, ChannelNorm, GroupNorm};
