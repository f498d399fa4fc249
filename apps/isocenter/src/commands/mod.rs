//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod camera;
pub(crate) mod convert;
#[cfg(feature = "network")]
pub(crate) mod convert_weights;
pub(crate) mod demo;
pub(crate) mod drr;
pub(crate) mod evaluate;
pub(crate) mod info;
pub(crate) mod phantom;
pub(crate) mod pose;
mod preview;
pub(crate) mod register;
pub(crate) mod simulate;
#[cfg(feature = "network")]
pub(crate) mod train;
mod volume_info;
mod xray_info;
