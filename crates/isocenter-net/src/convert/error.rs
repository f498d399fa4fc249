//! Why weights of another program cannot be used.

use pytorch_reader::{DType, PytorchError};

use crate::error::NetError;

/// An error of a conversion.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// The file cannot be read.
    #[error("it cannot be read as a PyTorch state dict, which `torch.save` writes: {0}")]
    File(#[from] PytorchError),
    /// A tensor's numbers cannot be read.
    #[error("its numbers cannot be read: {0}")]
    Numbers(#[from] std::io::Error),
    /// A file without a single tensor.
    #[error("the file holds no tensor: a state dict is expected, such as `model.state_dict()`")]
    Empty,
    /// A tensor that says it is larger than its file.
    #[error(
        "tensor '{name}' of shape {shape:?} would have {bytes} bytes, more than its file of {file_bytes}: \
         save it contiguous"
    )]
    LargerThanFile {
        /// Its name.
        name: String,
        /// Its dimensions.
        shape: Vec<usize>,
        /// So many.
        bytes: usize,
        /// Of the whole file.
        file_bytes: u64,
    },
    /// A tensor of the network that the file does not have.
    #[error(
        "the file has no tensor '{name}', which the network '{network}' has: save its `state_dict()`, \
         alone or under the key `state_dict`"
    )]
    Missing {
        /// Its name in that network.
        name: String,
        /// The network whose names are expected.
        network: &'static str,
    },
    /// A tensor of the file that the network does not have.
    #[error(
        "the network '{network}' has no tensor '{name}' of shape {shape:?}: these are weights of \
         another architecture"
    )]
    Unknown {
        /// Its name.
        name: String,
        /// Its dimensions.
        shape: Vec<usize>,
        /// The network whose names are expected.
        network: &'static str,
    },
    /// A tensor of another shape.
    #[error(
        "tensor '{name}' has the shape {found:?}; expected {expected:?}: these are weights of another architecture"
    )]
    Shape {
        /// Its name.
        name: String,
        /// What was given.
        found: Vec<usize>,
        /// What fits.
        expected: Vec<usize>,
    },
    /// A tensor of another type of number.
    #[error("tensor '{name}' holds numbers of type {found:?}; expected F16, BF16, F32 or F64")]
    Type {
        /// Its name.
        name: String,
        /// What was given.
        found: DType,
    },
    /// The images are not square.
    #[error(
        "tensor '{name}' is of a map of {pixels} pixels, which is no square: give the size of the images"
    )]
    NotSquare {
        /// Its name.
        name: String,
        /// Of the map.
        pixels: usize,
    },
    /// The architecture or a weight makes no sense.
    #[error(transparent)]
    Network(#[from] NetError),
}
