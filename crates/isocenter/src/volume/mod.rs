//! The CT: voxels in the world, attenuation, masks, pyramids, and a phantom.
//!
//! - [`grid`] - [`Volume`], voxels on a grid
//! - [`attenuation`] - [`AttenuationMap`], Hounsfield units to 1/mm, and [`AttenuationVolume`]
//! - [`scanned`] - [`Scanned`], where a scan ends; [`beyond`] - the patient beyond its end
//! - [`channels`] - [`Channels`], what can be projected, and [`ChannelVolume`], several values per voxel
//! - [`couch`] - [`Couch`], what a patient lies on, found and removed
//! - [`region`] - [`Region`], a box of voxels, and cropping to it
//! - [`mask`] - [`LabelMask`], keep some structures
//! - [`pyramid`] - coarser copies
//! - [`sampling`] - values between voxels
//! - [`phantom`] - [`Phantom`], a lower back made from a seed

pub mod attenuation;
pub mod beyond;
pub mod channels;
pub mod couch;
pub mod grid;
pub mod mask;
pub mod phantom;
pub mod pyramid;
pub mod region;
pub mod sampling;
pub mod scanned;

pub use crate::geometry::{Affine, AffineError};
pub use attenuation::{AttenuationMap, AttenuationVolume, ParseAttenuationMapError};
pub use beyond::Continuation;
pub use channels::{ChannelVolume, Channels};
pub use couch::Couch;
pub use grid::{Volume, VolumeError};
pub use mask::{LabelMask, MaskError};
pub use phantom::{Phantom, PhantomConfig, PhantomError};
pub use region::Region;
pub use scanned::Scanned;
