//! The projector: line integrals through a CT, and their derivatives.
//!
//! Plane marching after Joseph: a ray crosses the slices of the volume's dominant axis one by one,
//! takes a bilinear sample in each, and multiplies the sum with the length per slice. Outside the
//! volume all is zero; a sample fades over the last voxel. The sum runs over the half-line in
//! front of the source.
//!
//! - [`projector`] - [`Projector`], of a volume
//! - [`exposure`] - [`Exposure`], a projector bound to a camera at a pose: forward, jet, contracted
//!   jet, tangent, and the adjoints
//! - [`jet`] - [`JetImage`], a radiograph with its pose Jacobian, and [`TangentImage`]
//! - [`ReferenceProjector`], the slow one it is tested against
//! - [`border`] - [`BorderRule`], where a volume ends, and the slow projector by other rules
//! - [`axis`] - [`MarchAxis`]
//! - [`error`] - [`ProjectError`]
//!
//! Inside: `index_camera` and `slice_camera` have the geometry, `derivative` the derivative's
//! mathematics, `slices` the copy of the volume that rays march through, `kernel` the inner loop and
//! `scatter` its transpose.
//!
//! # References
//! P. M. Joseph, *An improved algorithm for reprojecting rays through pixel images*, IEEE TMI 1(3),
//! 192 (1982), doi:10.1109/TMI.1982.4307572.

mod adjoint;
pub mod axis;
pub mod border;
mod bundle;
mod crossing;
mod derivative;
mod dispatch;
pub mod error;
pub mod exposure;
mod finish;
mod footprint;
mod index_camera;
pub mod jet;
mod kernel;
mod load;
mod occupancy;
mod pack;
mod pool;
pub mod projector;
pub mod reference;
mod scatter;
mod slice_camera;
mod slice_grid;
mod slices;
mod tiling;
#[cfg(target_arch = "x86_64")]
mod window;

pub use axis::MarchAxis;
pub use border::{BorderRule, BorderedProjector};
pub use error::ProjectError;
pub use exposure::Exposure;
pub use jet::{JetImage, TangentImage};
pub use projector::Projector;
pub use reference::{ReferenceJet, ReferenceProjector};
pub use slices::Storage;
