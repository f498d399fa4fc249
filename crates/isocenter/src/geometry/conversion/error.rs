//! Why a pose cannot be converted.

use super::Convention;
use crate::geometry::AffineError;
use crate::geometry::rigid::RigidError;

/// Why a pose cannot be converted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// The target needs something that the pose does not hold.
    #[error("a pose for {target} needs {key}: give it beside the pose")]
    Missing {
        /// The convention converted to.
        target: Convention,
        /// What to give.
        key: &'static str,
    },
    /// A number is NaN or infinite.
    #[error("{key} holds {value}: every number must be finite")]
    NotFinite {
        /// The key.
        key: &'static str,
        /// What was found there.
        value: f64,
    },
    /// A length is zero, negative, NaN or infinite.
    #[error("{key} is {value}: it must be a positive number of millimetres")]
    NotPositive {
        /// The key.
        key: &'static str,
        /// What was found there.
        value: f64,
    },
    /// A direction has no length.
    #[error("{key} is [0, 0, 0]: it must point somewhere")]
    NoDirection {
        /// The key.
        key: &'static str,
    },
    /// The upward direction lies along the viewing direction.
    #[error("vup {vup:?} is parallel to nrm {nrm:?}: choose a vup across the viewing direction")]
    Parallel {
        /// The detector's normal.
        nrm: [f64; 3],
        /// The upward direction.
        vup: [f64; 3],
    },
    /// The last row of a volume's affine is not (0, 0, 0, 1).
    #[error("the last row of volume.affine is {found:?}: it must be [0, 0, 0, 1]")]
    LastRow {
        /// What was found there.
        found: [f64; 4],
    },
    /// The affine cannot place a volume.
    #[error("volume.affine: {0}")]
    Affine(#[from] AffineError),
    /// The volume has a side without voxels.
    #[error("volume.shape is {shape:?}: every side must have voxels")]
    Shape {
        /// The shape.
        shape: [usize; 3],
    },
    /// ProST takes every volume for one of cubic voxels; another one is drawn distorted.
    #[error(
        "the voxels of volume.affine measure {spacing_mm:?} mm or are sheared: ProST draws the CT undistorted only with cubic voxels; resample it"
    )]
    NotCubic {
        /// The lengths of a voxel's edges (mm).
        spacing_mm: [f64; 3],
    },
    /// ProST reads the voxel size from the first number of the affine.
    #[error(
        "volume.affine[0][0] is 0, which ProST takes for the voxel size: store the CT with its first axis along left-right"
    )]
    NoVoxelSize,
    /// The pose is not a rigid transform.
    #[error("the pose is not rigid: {0}")]
    NotRigid(#[from] RigidError),
}

/// A text that is not a convention.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "'{found}' is not a convention: write {}",
    Convention::ALL.map(Convention::name).join(", ")
)]
pub struct ParseConventionError {
    /// The text.
    pub found: String,
}
