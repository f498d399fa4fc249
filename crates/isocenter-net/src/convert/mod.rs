//! Weights of other programs' networks: from a PyTorch state dict to a [`Checkpoint`].
//!
//! - [`state_dict`] - [`StateDict`], the tensors of a `.pt` file
//! - [`cdreg`] - the published dual-branch network, by the names of its authors
//! - [`prost`] - the baseline, likewise
//! - [`error`] - [`ConversionError`]
//!
//! A network of other names is another table beside that of [`cdreg`], and how its settings follow
//! from the shapes of its tensors.
//!
//! # Examples
//! ```no_run
//! use isocenter_net::convert::{ConversionOptions, StateDict, checkpoint};
//! let checkpoint = checkpoint(StateDict::read("weights.pt")?, &ConversionOptions::default())?;
//! # Ok::<(), isocenter_net::convert::ConversionError>(())
//! ```

pub mod cdreg;
pub mod error;
mod names;
pub mod prost;
pub mod state_dict;

pub use error::ConversionError;
pub use state_dict::StateDict;

use crate::checkpoint::Checkpoint;
use crate::scene::Descent;

/// The checkpoint of whichever network's names the tensors have.
///
/// # Errors
/// As [`cdreg::checkpoint`] and [`prost::checkpoint`].
pub fn checkpoint(
    tensors: StateDict,
    options: &ConversionOptions,
) -> Result<Checkpoint, ConversionError> {
    match prost::is_prost(&tensors) {
        true => prost::checkpoint(tensors, options),
        false => cdreg::checkpoint(tensors, options),
    }
}

/// What a state dict does not tell.
///
/// The gradient of such weights was trained in the metric of poses, and is followed in it.
///
/// # Examples
/// ```
/// use isocenter_net::convert::ConversionOptions;
/// assert_eq!(ConversionOptions::default().voxel_spacing_mm, 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConversionOptions {
    /// [columns, rows] of the images; if not given, square ones (cdreg, where only their product is
    /// told) or those of the publication (ProST).
    pub size_px: Option<[usize; 2]>,
    /// Which number is descended; if not given, the product of logistic functions, as published, or the
    /// only one that there is (ProST).
    pub descent: Option<Descent>,
    /// The voxels of the moving volume, about (mm).
    pub voxel_spacing_mm: f64,
}

impl Default for ConversionOptions {
    /// As published, with voxels of 1 mm.
    fn default() -> Self {
        Self { size_px: None, descent: None, voxel_spacing_mm: 1.0 }
    }
}
