//! The projector: line integrals through a CT, and their derivatives.
//!
//! Plane marching after Joseph: a ray crosses the slices of the volume's dominant axis one by one,
//! takes a bilinear sample in each, and multiplies the sum with the length per slice. Outside the
//! volume all is zero; a sample fades over the last voxel. The sum runs over the half-line in
//! front of the source.
//!
//! - [`projector`] - [`Projector`], forward and jet, fast
//! - [`jet`] - [`JetImage`], a radiograph with its pose Jacobian
//! - [`ReferenceProjector`], the slow one it is tested against
//! - [`axis`] - [`MarchAxis`]
//! - [`error`] - [`ProjectError`]
//!
//! Inside: `ray` has the geometry and the derivative's mathematics, `slices` the copy of the volume
//! that rays march through, `kernel` the inner loop.
//!
//! # References
//! P. M. Joseph, *An improved algorithm for reprojecting rays through pixel images*, IEEE TMI 1(3),
//! 192 (1982), doi:10.1109/TMI.1982.4307572.

pub mod axis;
mod dispatch;
pub mod error;
pub mod jet;
mod kernel;
mod load;
mod occupancy;
mod pack;
pub mod projector;
mod ray;
pub mod reference;
mod rendering;
mod slices;

pub use axis::MarchAxis;
pub use error::ProjectError;
pub use jet::JetImage;
pub use projector::Projector;
pub use reference::{ReferenceJet, ReferenceProjector};
pub use slices::Storage;
