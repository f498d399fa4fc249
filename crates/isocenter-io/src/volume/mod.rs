//! CT and label volumes.
//!
//! - [`dicom`]: a folder of DICOM files, or one of many images
//! - [`nifti`]: NIfTI-1, `.nii` and `.nii.gz`
//! - [`nrrd`]: NRRD, `.nrrd` and `.nhdr`
//! - [`metaimage`]: MetaImage, `.mha` and `.mhd`
//!
//! The name's extension chooses the format; a file of another name is DICOM if it starts like that.
//! [`read_ct`] knows them all, [`load_ct`] tells more, and all but DICOM can be labels
//! ([`read_labels`]) and be written ([`write_volume_f32`], [`write_volume_i16`],
//! [`write_labels`]).

pub mod dicom;
mod loaded;
pub mod metaimage;
pub mod nifti;
pub mod nrrd;
mod source;

use std::path::{Path, PathBuf};

use isocenter::volume::Volume;

use crate::atomic;
use crate::error::{At, FileError, FileProblem};
use crate::open::{has_extension, unknown_extension, unknown_file};
use crate::samples::SampleType;
pub use loaded::{LoadedVolume, is_volume, load_ct};
use source::Source;

/// The extensions that volumes may have.
pub const VOLUME_EXTENSIONS: &str = ".nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd";

/// A voxel that does not fit its type.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VoxelError {
    /// A label that is not one.
    #[error(
        "voxel ({i}, {j}, {k}) of the labels is {value}: whole numbers from 0 to 65535 are expected; is this a CT?",
        i = index[0], j = index[1], k = index[2]
    )]
    Label {
        /// The voxel.
        index: [usize; 3],
        /// Its value.
        value: f64,
    },
    /// A value that 16 bits cannot hold.
    #[error(
        "voxel ({i}, {j}, {k}) is {value} HU, which 16 bits cannot hold: write 32-bit floats, or clamp",
        i = index[0], j = index[1], k = index[2]
    )]
    Range {
        /// The voxel.
        index: [usize; 3],
        /// Its value.
        value: f32,
    },
}

/// The index of the voxel at a position in the file.
fn index_of(at: usize, dims: [usize; 3]) -> [usize; 3] {
    let [ni, nj, _] = dims.map(|n| n.max(1));
    [at % ni, at / ni % nj, at / (ni * nj)]
}

/// The formats of volumes.
enum Format {
    Nifti,
    Nrrd,
    MetaImage,
}

impl Format {
    fn name(&self) -> &'static str {
        match self {
            Self::Nifti => "NIfTI-1",
            Self::Nrrd => "NRRD",
            Self::MetaImage => "MetaImage",
        }
    }
}

/// The format that a name tells.
fn format(path: &Path) -> Option<Format> {
    let named = |extensions: &[&str]| extensions.iter().any(|e| has_extension(path, e));
    if named(&crate::nifti::EXTENSIONS) {
        Some(Format::Nifti)
    } else if named(&crate::nrrd::EXTENSIONS) {
        Some(Format::Nrrd)
    } else if named(&crate::metaimage::EXTENSIONS) {
        Some(Format::MetaImage)
    } else {
        None
    }
}

/// Whether a file's name ends in one of [`VOLUME_EXTENSIONS`], upper case or lower.
///
/// # Examples
/// ```
/// use isocenter_io::volume::is_volume_name;
/// assert!(is_volume_name("case-1/labels.MHA"));
/// assert!(!is_volume_name("targets.csv"));
/// ```
pub fn is_volume_name(path: impl AsRef<Path>) -> bool {
    format(path.as_ref()).is_some()
}

/// Whether a name is that of a header or of the voxels of a NIfTI-1 pair.
fn is_pair(path: &Path) -> bool {
    [".hdr", ".img", ".hdr.gz", ".img.gz"].iter().any(|e| has_extension(path, e))
}

fn open(path: &Path) -> Result<Source, FileProblem> {
    match format(path) {
        Some(Format::Nifti) => nifti::open(path),
        Some(Format::Nrrd) => nrrd::open(path),
        Some(Format::MetaImage) => metaimage::open(path),
        None if path.is_dir() => Err(FileProblem::VolumeFolder { supported: VOLUME_EXTENSIONS }),
        None if is_pair(path) && path.exists() => Err(crate::nifti::NiftiError::Pair.into()),
        None => Err(unknown_file(path, VOLUME_EXTENSIONS)),
    }
}

/// Checks that a volume can be written under a name: before it is computed, so that a mistyped
/// name costs no time.
///
/// # Errors
/// If the extension is not supported, the folder does not exist, or the name is a folder's.
pub fn check_output(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    check_name(path).and_then(|()| atomic::check_place(path)).at(path)
}

fn check_name(path: &Path) -> Result<(), FileProblem> {
    match format(path) {
        Some(Format::Nifti) => Ok(()),
        Some(Format::Nrrd) => nrrd::check_name(path),
        Some(Format::MetaImage) => metaimage::check_name(path),
        None => Err(unknown_extension(path, VOLUME_EXTENSIONS)),
    }
}

/// The file with the voxels that a writer puts beside a header of this name; `None` for formats of
/// one file.
///
/// # Examples
/// ```
/// use isocenter_io::volume::written_data_file;
/// assert_eq!(written_data_file("out/ct.mhd"), Some("out/ct.raw".into()));
/// assert_eq!(written_data_file("out/ct.mha"), None);
/// ```
pub fn written_data_file(path: impl AsRef<Path>) -> Option<PathBuf> {
    let path = path.as_ref();
    let name = match format(path)? {
        Format::Nifti => None,
        Format::Nrrd => nrrd::data_file(path),
        Format::MetaImage => metaimage::data_file(path),
    };
    name.map(|name| path.with_file_name(name))
}

/// Reads a CT: a volume file, or the CT of a folder of DICOM files. [`load_ct`] also tells what
/// there was to know on the way, such as a tilted gantry.
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
/// let world_from_index = Affine::from_spacing([0.7, 0.7, 2.5], [-120.0, -80.0, 40.0]).unwrap();
/// let ct = Volume::new([4, 4, 2], vec![-1000.0_f32; 32], world_from_index).unwrap();
/// for name in ["ct.nii.gz", "ct.nrrd", "ct.mha"] {
///     let path = folder.path().join(name);
///     write_volume_i16(&path, &ct).unwrap();
///     assert_eq!(read_ct(&path).unwrap().voxels(), ct.voxels());
/// }
/// ```
pub fn read_ct(path: impl AsRef<Path>) -> Result<Volume<f32>, FileError> {
    Ok(load_ct(path, None)?.volume)
}

/// Reads a label volume: 0 is background, each other number an object.
///
/// # Errors
/// As [`read_ct`], and if a voxel is not a whole number from 0 to 65535.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Volume<u16>, FileError> {
    let path = path.as_ref();
    open(path).and_then(Source::labels).at(path)
}

/// Writes a volume as 32-bit floats, exactly. The extension chooses the format: `.nii`, `.nhdr`
/// and `.mhd` (these with a `.raw` beside them) are not compressed, `.nii.gz`, `.nrrd` and `.mha`
/// are.
///
/// # Errors
/// If the extension is another, a side is longer than 32767, or the file cannot be written.
pub fn write_volume_f32(path: impl AsRef<Path>, volume: &Volume<f32>) -> Result<(), FileError> {
    write(path.as_ref(), volume, SampleType::F32, f32::to_le_bytes)
}

/// Writes a CT as 16-bit integers, each voxel rounded to the nearest HU (halves away from zero).
///
/// # Errors
/// As [`write_volume_f32`], and if a voxel is not a number or does not fit 16 bits.
pub fn write_volume_i16(path: impl AsRef<Path>, volume: &Volume<f32>) -> Result<(), FileError> {
    let path = path.as_ref();
    check_name(path).at(path)?;
    let fits = |&v: &f32| (-32768.0..=32767.0).contains(&v.round());
    if let Some(at) = volume.voxels().iter().position(|v| !fits(v)) {
        let index = volume.index_of(at);
        let value = volume.get(index).unwrap_or(f32::NAN);
        return Err(VoxelError::Range { index, value }).at(path);
    }
    write(path, volume, SampleType::I16, |v| (v.round() as i16).to_le_bytes())
}

/// Writes labels as unsigned 16-bit integers.
///
/// # Errors
/// As [`write_volume_f32`].
pub fn write_labels(path: impl AsRef<Path>, labels: &Volume<u16>) -> Result<(), FileError> {
    write(path.as_ref(), labels, SampleType::U16, u16::to_le_bytes)
}

fn write<T: Copy, const BYTES: usize>(
    path: &Path,
    volume: &Volume<T>,
    sample_type: SampleType,
    encoded: impl Fn(T) -> [u8; BYTES],
) -> Result<(), FileError> {
    match format(path) {
        Some(Format::Nifti) => nifti::write(path, volume, sample_type, encoded),
        Some(Format::Nrrd) => nrrd::write(path, volume, sample_type, encoded),
        Some(Format::MetaImage) => metaimage::write(path, volume, sample_type, encoded),
        None => Err(unknown_extension(path, VOLUME_EXTENSIONS)).at(path),
    }
}
