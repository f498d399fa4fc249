//! The CT: voxels in the world, attenuation, masks, pyramids, and a phantom.
//!
//! - [`affine`]: [`Affine`], `world_from_index`
//! - [`grid`]: [`Volume`], voxels on a grid
//! - [`phantom`]: [`Phantom`], a lower back made from a seed

pub mod affine;
pub mod grid;
pub mod phantom;

pub use affine::{Affine, AffineError};
pub use grid::{Volume, VolumeError};
pub use phantom::{Phantom, PhantomConfig, PhantomError};
