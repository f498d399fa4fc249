//! The layers, each with its tangent but for those of volumes.
//!
//! - [`convolution`] - [`Convolution2d`]
//! - [`convolution3d`] - [`Convolution3d`], which has no tangent
//! - [`linear`] - [`Linear`]
//! - [`normalization`] - [`ChannelNorm`], [`BatchNorm`], [`GroupNorm`], instance normalisation
//! - [`activation`] - ReLU, leaky ReLU, ReLU6, GELU, the logistic function
//! - [`dropout`] - elements or channels left out at random
//! - [`pooling`] - the largest or the mean of neighbouring pixels
//! - [`upsampling`] - larger maps
//! - [`context`] - [`Context`], training or use
//! - [`init`] - [`Init`], first weights
//!
//! Images are [batch, channels, rows, columns].

pub mod activation;
pub mod context;
pub mod convolution;
pub mod convolution3d;
pub mod dropout;
pub mod init;
pub mod linear;
pub mod normalization;
pub mod pooling;
pub mod upsampling;

pub use context::{Context, Statistics};
pub use convolution::{Border, Convolution2d};
pub use convolution3d::Convolution3d;
pub use init::Init;
pub use linear::Linear;
pub use normalization::{BatchNorm, ChannelNorm, GroupNorm};
