//! Weights of other programs' networks: from a PyTorch state dict to a [`Checkpoint`](crate::Checkpoint).
//!
//! - [`state_dict`] - [`StateDict`], the tensors of a `.pt` file
//! - [`cdreg`] - the published dual-branch network, by the names of its authors
//! - [`error`] - [`ConversionError`]
//!
//! A network of other names is another table beside that of [`cdreg`], and how its settings follow
//! from the shapes of its tensors.
//!
//! # Examples
//! ```no_run
//! use isocenter_net::convert::{ConversionOptions, StateDict, cdreg};
//! let tensors = StateDict::read("cdreg.pt")?;
//! let checkpoint = cdreg::checkpoint(tensors, &ConversionOptions::default())?;
//! # Ok::<(), isocenter_net::convert::ConversionError>(())
//! ```

pub mod cdreg;
pub mod error;
mod names;
pub mod state_dict;

pub use error::ConversionError;
pub use state_dict::StateDict;

use crate::scene::Descent;

/// What a state dict does not tell.
///
/// # Examples
/// ```
/// use isocenter_net::convert::ConversionOptions;
/// assert_eq!(ConversionOptions::default().voxel_spacing_mm, 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConversionOptions {
    /// [columns, rows] of the images; square if not given, since only their product is told.
    pub size_px: Option<[usize; 2]>,
    /// Which number is descended.
    pub descent: Descent,
    /// The voxels of the moving volume, about (mm).
    pub voxel_spacing_mm: f64,
}

impl Default for ConversionOptions {
    /// As published: square images, the product of logistic functions, voxels of 1 mm.
    fn default() -> Self {
        Self { size_px: None, descent: Descent::SigmoidProduct, voxel_spacing_mm: 1.0 }
    }
}
