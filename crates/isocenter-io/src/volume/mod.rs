//! CT and label volumes.
//!
//! - [`nifti`]: NIfTI-1, `.nii` and `.nii.gz`
//!
//! The name's extension chooses the format; [`read_ct`] and [`read_labels`] know them all.

pub mod nifti;

use std::path::Path;

use isocenter::volume::Volume;

use crate::atomic;
use crate::error::{At, FileError, FileProblem};
use crate::open::{has_extension, unknown_extension};

pub use nifti::{write_labels, write_volume_f32, write_volume_i16};

/// The extensions that volumes may have.
pub const VOLUME_EXTENSIONS: &str = ".nii, .nii.gz";

/// The formats of volumes.
enum Format {
    Nifti,
}

fn format(path: &Path) -> Result<Format, FileProblem> {
    if crate::nifti::EXTENSIONS.iter().any(|e| has_extension(path, e)) {
        Ok(Format::Nifti)
    } else if path.is_dir() {
        Err(FileProblem::VolumeFolder { supported: VOLUME_EXTENSIONS })
    } else if [".hdr", ".img", ".hdr.gz", ".img.gz"].iter().any(|e| has_extension(path, e)) {
        Err(crate::nifti::NiftiError::Pair.into())
    } else {
        Err(unknown_extension(path, VOLUME_EXTENSIONS))
    }
}

/// Checks that a volume can be written under a name: before it is computed, so that a mistyped
/// name costs no time.
///
/// # Errors
/// If the extension is not supported, the folder does not exist, or the name is a folder's.
pub fn check_output(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    nifti::check_name(path).and_then(|()| atomic::check_place(path)).at(path)
}

/// Reads a CT.
///
/// # Units
/// Voxels in Hounsfield units, as the file has them; NaN passes
/// ([`check_finite`](Volume::check_finite) finds it). The world is LPS, millimetres.
///
/// # Errors
/// If the format is not supported, the file is damaged, or it holds no volume.
///
/// # Examples
/// ```
/// use isocenter::volume::{Affine, Volume};
/// use isocenter_io::volume::{read_ct, write_volume_i16};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("ct.nii.gz");
/// let world_from_index = Affine::from_spacing([0.7, 0.7, 2.5], [-120.0, -80.0, 40.0]).unwrap();
/// let ct = Volume::new([4, 4, 2], vec![-1000.0_f32; 32], world_from_index).unwrap();
/// write_volume_i16(&path, &ct).unwrap();
/// assert_eq!(read_ct(&path).unwrap().voxels(), ct.voxels());
/// ```
pub fn read_ct(path: impl AsRef<Path>) -> Result<Volume<f32>, FileError> {
    let path = path.as_ref();
    match format(path).at(path)? {
        Format::Nifti => nifti::read_ct(path).at(path),
    }
}

/// Reads a label volume: 0 is background, each other number an object.
///
/// # Errors
/// As [`read_ct`], and if a voxel is not a whole number from 0 to 65535.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Volume<u16>, FileError> {
    let path = path.as_ref();
    match format(path).at(path)? {
        Format::Nifti => nifti::read_labels(path).at(path),
    }
}
