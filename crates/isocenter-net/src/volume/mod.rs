//! Convolutions of whole volumes on the CPU, forward and backward.
//!
//! They stand in front of the projector, where most of a training step's arithmetic is. Values and
//! gradients are plain arrays: the only derivative that is needed is that of a scalar for the
//! weights, once a step.
//!
//! - [`padded`] - [`PaddedVolume`], channels with a frame of zeros
//! - [`convolution`] - [`VolumeConvolution`], 3 x 3 x 3 with ReLU, and its transposes
//! - `kernels` - kernels between channels, also those of images
//! - `kernel` - the inner loops of all of these

pub mod convolution;
mod kernel;
mod kernels;
pub mod padded;

pub(crate) use convolution::TAPS;
pub use convolution::{ConvolutionGradient, VolumeConvolution};
pub(crate) use kernel::{BLOCK, Tile, mix};
pub(crate) use kernels::Kernels;
pub(crate) use padded::LANES;
pub use padded::PaddedVolume;
