//! The CT: voxels in the world, attenuation, masks, pyramids, and a phantom.
//!
//! - [`affine`]: [`Affine`], `world_from_index`
//! - [`grid`]: [`Volume`], voxels on a grid

pub mod affine;
pub mod grid;

pub use affine::{Affine, AffineError};
pub use grid::{Volume, VolumeError};
