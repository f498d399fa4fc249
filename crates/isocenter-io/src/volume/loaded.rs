//! A CT with what was found on the way to it.

use std::path::{Path, PathBuf};

use isocenter::volume::Volume;

use super::dicom::{Identity, SeriesChoice, SeriesSummary, VolumeWarning};
use super::source::Source;
use super::{format, open};
use crate::dicom::load;
use crate::dicom::object::is_dicom;
use crate::error::{At, FileError, FileProblem};

/// A CT, and what its files say of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LoadedVolume {
    /// Voxels in Hounsfield units; world LPS, millimetres.
    pub volume: Volume<f32>,
    /// The name of the format.
    pub format: &'static str,
    /// How the voxels are written: type and byte order, or the transfer syntax of DICOM.
    pub encoding: String,
    /// The file with the voxels, where it is not the one that was named but one that this names.
    pub data_file: Option<PathBuf>,
    /// The series it was made of, if the files are DICOM.
    pub series: Option<SeriesSummary>,
    /// The other series in the folder.
    pub other_series: Vec<SeriesSummary>,
    /// What the user should know.
    pub warnings: Vec<VolumeWarning>,
    /// Who is on it: not to be shown or written unless the user asks for it.
    pub identity: Identity,
}

/// Reads a CT, and tells what there is to know about it. `series` chooses among those of a folder
/// of DICOM files; without it the CT of most slices is read.
///
/// # Units
/// Voxels in Hounsfield units, as the file has them. The world is LPS, millimetres.
///
/// # Errors
/// If the format is not supported, a file is damaged, the files make no volume, or no series or
/// several are what `series` asks for.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// let error = isocenter_io::volume::load_ct(folder.path(), None).unwrap_err();
/// assert!(error.to_string().contains("no file in it is a DICOM image"));
/// ```
pub fn load_ct(
    path: impl AsRef<Path>,
    series: Option<&SeriesChoice>,
) -> Result<LoadedVolume, FileError> {
    let path = path.as_ref();
    if path.is_dir() || (format(path).is_none() && is_dicom(path)) {
        let loaded = load::load(path, series)?;
        return Ok(LoadedVolume {
            volume: loaded.volume,
            format: "DICOM",
            encoding: format!("{}, {} bits", loaded.transfer_syntax, loaded.bits_stored),
            data_file: None,
            series: Some(loaded.series),
            other_series: loaded.others,
            warnings: loaded.warnings,
            identity: loaded.identity,
        });
    }
    if series.is_some() {
        return Err(FileProblem::NoSeries).at(path);
    }
    let source = open(path).at(path)?;
    let encoding = source.encoding();
    let data_file = source.data_file.as_ref().map(|name| path.with_file_name(name));
    Ok(LoadedVolume {
        volume: Source::ct(source).at(path)?,
        format: format(path).map_or("", |format| format.name()),
        encoding,
        data_file,
        series: None,
        other_series: Vec::new(),
        warnings: Vec::new(),
        identity: Identity::default(),
    })
}

/// Whether [`load_ct`] is the one to try: for a folder, a name that ends in one of
/// [`VOLUME_EXTENSIONS`](super::VOLUME_EXTENSIONS), and what starts like DICOM. Such a file may
/// turn out to be an image.
pub fn is_volume(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    path.is_dir() || format(path).is_some() || is_dicom(path)
}
