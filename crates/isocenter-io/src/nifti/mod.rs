//! NIfTI-1, shared by volumes and images: the header, the orientation, the stream of voxels.
//!
//! - [`header`]: what the 348 bytes say, read and written
//! - [`orientation`]: sform and qform to `world_from_index` in LPS, and back
//! - [`writer`]: files, compressed or not
//!
//! # References
//! R. W. Cox et al., "A (sort of) new image data format standard: NIfTI-1", NeuroImage 22 (2004);
//! the fields are defined in `nifti1.h` of the NIfTI Data Format Working Group.

pub(crate) mod header;
pub(crate) mod orientation;
pub(crate) mod writer;

/// The extensions of a NIfTI-1 file.
pub(crate) const EXTENSIONS: [&str; 2] = [".nii", ".nii.gz"];

/// What a NIfTI file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NiftiError {
    /// The header is of another format.
    #[error("this is not a NIfTI-1 file: the magic code 'n+1' is missing; convert it to .nii.gz")]
    NotNifti,
    /// A header without its voxels.
    #[error(
        "this is the header of a .hdr/.img pair, which is not read: convert the pair to a single .nii.gz file"
    )]
    Pair,
    /// The later version of the format.
    #[error("this is a NIfTI-2 file, NIfTI-1 is expected: convert it")]
    Version2,
    /// A number of voxels is impossible.
    #[error("dim[{index}] in the header is {value}: it must be {least} to {most}")]
    Dimension {
        /// Index in the header's `dim`.
        index: usize,
        /// What was found there.
        value: i32,
        /// The least that makes sense.
        least: i32,
        /// The most that makes sense.
        most: i32,
    },
    /// More than three dimensions.
    #[error(
        "the file holds {dims:?} voxels, a volume of three dimensions is expected: extract one"
    )]
    NotAVolume {
        /// The number of voxels along each dimension.
        dims: Vec<usize>,
    },
    /// More than two dimensions.
    #[error("the file holds {dims:?} pixels, one image of two dimensions is expected: extract one")]
    NotAnImage {
        /// The number of voxels along each dimension.
        dims: Vec<usize>,
    },
    /// A type that is not a plain number.
    #[error(
        "the data type has code {code}: integers and floats of 8 to 64 bits (codes 2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280) are supported; convert it"
    )]
    DataType {
        /// The header's `datatype`.
        code: i16,
    },
    /// The voxels start nowhere.
    #[error(
        "vox_offset in the header is {value}: a whole number of bytes, at least 348, is expected"
    )]
    VoxelOffset {
        /// The header's `vox_offset`.
        value: f32,
    },
    /// The stored numbers cannot be scaled.
    #[error("scl_inter in the header is {value}: a finite number is expected")]
    Intercept {
        /// The header's `scl_inter`.
        value: f32,
    },
    /// A length unit that does not exist.
    #[error(
        "the length unit in the header has code {code}: 0 (unknown, taken as mm), 1 (m), 2 (mm) or 3 (micrometer) is expected"
    )]
    Unit {
        /// The lowest three bits of the header's `xyzt_units`.
        code: u8,
    },
}
