//! What can go wrong.

use burn::tensor::TensorReadError;
use isocenter::project::ProjectError;
use isocenter::volume::VolumeError;

/// An error of the network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A setting of the architecture makes no sense.
    #[error("network.{name} is {found}; expected {expected}")]
    Setting {
        /// Its name in the configuration.
        name: &'static str,
        /// What was given.
        found: String,
        /// What makes sense.
        expected: &'static str,
    },
    /// A tensor or buffer of another shape than the network was made for.
    #[error("{what} has the shape {found:?}; this network expects {expected:?}")]
    Shape {
        /// Of what.
        what: &'static str,
        /// What was given.
        found: Vec<usize>,
        /// What fits.
        expected: Vec<usize>,
    },
    /// The invertible network cannot be inverted.
    #[error(
        "the mixing matrix of coupling {coupling} is singular (smallest pivot {pivot:e}): \
         these weights have no inverse; train on, or load others"
    )]
    SingularMixing {
        /// Which of the couplings, counted from 0.
        coupling: usize,
        /// The smallest pivot of its elimination.
        pivot: f64,
    },
    /// The projector refused.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A volume of features could not be made.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// Values could not be read from the device.
    #[error("values could not be read from the device: {0}")]
    Read(#[from] TensorReadError),
}
