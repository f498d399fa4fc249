//! What can be wrong with a file: [`FileError`] says which file, [`FileProblem`] what is wrong.
//!
//! Every message is one line and ends with what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use isocenter::radiograph::ImageError;
use isocenter::volume::{AffineError, VolumeError};

pub use crate::dicom::DicomError;
pub use crate::dicom::xray::XrayError;
pub use crate::geometry::camera_from::CameraFileError;
pub use crate::geometry::json::JsonError;
pub use crate::image::npy::NpyError;
pub use crate::image::raster::RasterError;
pub use crate::metaimage::MetaImageError;
pub use crate::nifti::NiftiError;
pub use crate::nrrd::NrrdError;
pub use crate::points::PointsError;
pub use crate::volume::VoxelError;

/// A file that could not be read or written.
///
/// # Examples
/// ```
/// let error = isocenter_io::volume::read_ct("no/such/ct.nii.gz").unwrap_err();
/// assert_eq!(error.to_string(), "no/such/ct.nii.gz: there is no such file: check the path");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", shown(path))]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: FileProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// Nothing has this name.
    #[error("there is no such file: check the path")]
    NotFound,
    /// A folder where a file is expected.
    #[error("this is a folder, not a file: name a file")]
    IsFolder,
    /// A folder where labels are expected.
    #[error("this is a folder: labels are read from one file ({supported})")]
    VolumeFolder {
        /// The extensions that would do.
        supported: &'static str,
    },
    /// A choice of series where there is none.
    #[error(
        "this file holds one volume, --series chooses among those of a DICOM folder: leave it out"
    )]
    NoSeries,
    /// A file where a folder is expected.
    #[error("this is a file, not a folder: name another folder, or move the file away")]
    IsFile,
    /// The folder to write into does not exist.
    #[error("the folder '{}' does not exist: create it first", shown(folder))]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The file has no bytes.
    #[error("the file is empty: copy or export it again")]
    Empty,
    /// Bytes where a text is expected.
    #[error("this is not a text file in UTF-8: name another file, or save it as UTF-8")]
    NotText,
    /// The operating system refused.
    #[error("the system says: {0}")]
    System(io::Error),
    /// The name does not tell the format.
    #[error("the name {found}: supported here are {supported}; convert the file or name another")]
    Extension {
        /// How the name ends, in words.
        found: String,
        /// The extensions that would do.
        supported: &'static str,
    },
    /// The data end too early.
    #[error(
        "the data end after {found} bytes where {expected} are expected: the file is cut off; copy or export it again"
    )]
    Truncated {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// The data cannot be decoded.
    #[error("the data are damaged ({what}): copy or export the file again")]
    Damaged {
        /// What the decoder says.
        what: String,
    },
    /// The machine has too little memory.
    #[error(
        "{bytes} bytes of memory are needed and not available: close other programs, or use a smaller file"
    )]
    Memory {
        /// Bytes asked for.
        bytes: u64,
    },
    /// The file that a header names cannot be read.
    #[error("its data file '{name}': {problem}")]
    DataFile {
        /// The name in the header.
        name: String,
        /// What is wrong with that file.
        problem: Box<FileProblem>,
    },
    /// A voxel that does not fit its type.
    #[error(transparent)]
    Voxel(#[from] VoxelError),
    /// What a DICOM file may not hold.
    #[error(transparent)]
    Dicom(#[from] DicomError),
    /// Why an X-ray in DICOM cannot be used.
    #[error(transparent)]
    Xray(#[from] XrayError),
    /// What a MetaImage file may not hold.
    #[error(transparent)]
    MetaImage(#[from] MetaImageError),
    /// What a NIfTI file may not hold.
    #[error(transparent)]
    Nifti(#[from] NiftiError),
    /// What a NRRD file may not hold.
    #[error(transparent)]
    Nrrd(#[from] NrrdError),
    /// What a PNG or TIFF file may not hold.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// What a npy file may not hold.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// What a camera of another program may not hold.
    #[error(transparent)]
    CameraFile(#[from] CameraFileError),
    /// What a JSON file may not hold.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// What a file of points may not hold.
    #[error(transparent)]
    Points(#[from] PointsError),
    /// The voxels make no volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The voxels have no place in the world.
    #[error("{fields} '{value}' give the voxels no place in the world: {problem}")]
    Affine {
        /// The fields of the header that should tell it.
        fields: &'static str,
        /// What stands there.
        value: String,
        /// Why that makes no affine.
        problem: AffineError,
    },
    /// The pixels make no image.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl FileProblem {
    /// What is wrong with numbers of a header that make no affine.
    pub(crate) fn affine(
        fields: &'static str,
        numbers: &[f64],
    ) -> impl FnOnce(AffineError) -> Self + use<> {
        let value = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        move |problem| Self::Affine { fields, value: one_line(&value), problem }
    }
}

impl From<io::Error> for FileProblem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::IsADirectory => Self::IsFolder,
            _ => Self::System(error),
        }
    }
}

/// Adds the file's name to a problem.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T, FileError>;
}

impl<T, E: Into<FileProblem>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, FileError> {
        self.map_err(|problem| FileError { path: path.to_owned(), problem: problem.into() })
    }
}

/// A path as one line: a name may hold line breaks, and what a terminal would obey.
fn shown(path: &Path) -> String {
    path.display().to_string().replace(char::is_control, " ")
}

/// Some numbers as a short list.
pub(crate) fn short_list<T: fmt::Debug>(numbers: &[T]) -> String {
    const MOST: usize = 8;
    let list = |some: &[T]| some.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ");
    match numbers.get(..MOST) {
        Some(first) if numbers.len() > MOST => {
            format!("[{}, and {} more]", list(first), numbers.len() - MOST)
        }
        _ => format!("[{}]", list(numbers)),
    }
}

/// A foreign message or value as one short line.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut line: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push_str("...");
    }
    line
}
