//! Volumes as NRRD: `.nrrd`, header and voxels in one file, or `.nhdr`, a header that names the
//! file with the voxels.
//!
//! Read: raw, gzip and text; both byte orders, integers and floats of 8 to 64 bits; the spaces
//! left-posterior-superior, right-anterior-superior and left-anterior-superior, in millimetres.
//! Without a space, spacings alone place the voxels along L, P and S, the first at the origin, as
//! in ITK. Other spaces, dimensions and encodings, and volumes in a file for each slice, are
//! refused. Free text and `key:=value` pairs are passed over.
//!
//! The data file of a header lies in the header's folder or below it, as in MetaImage.
//!
//! Written: little-endian, 32-bit floats or 16-bit integers, in LPS; `world_from_index` comes back
//! to the bit. A `.nrrd` is compressed. A `.nhdr` gets a `.raw` of the same name beside it, not
//! compressed, which replaces one that is there; each of the two appears whole, the header last.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use isocenter::volume::Volume;

use super::source::Source;
use crate::error::{At, FileError, FileProblem};
use crate::nrrd::NrrdError;
use crate::nrrd::data::DataFile;
use crate::nrrd::header::{Header, encode};
use crate::open::{Stream, has_extension};
use crate::samples::SampleType;
use crate::voxels::count_of;
use crate::{atomic, voxels};

pub(super) fn open(path: &Path) -> Result<Source, FileProblem> {
    let mut stream = Stream::open(path)?;
    let header = Header::read(&mut stream)?;
    let expected = header.layout.bytes(count_of(header.dims)?);
    Ok(Source {
        dims: header.dims,
        world_from_index: header.world_from_index,
        layout: header.layout,
        stream: header.open_data(path, stream)?,
        more_follows: Some(NrrdError::MoreFollows { expected }.into()),
        data_file: header.data_file.as_ref().map(|file| file.name().to_owned()),
    })
}

/// Whether header and data lie in two files.
fn is_pair(path: &Path) -> bool {
    has_extension(path, ".nhdr")
}

/// The name of the data file that is written beside a header, if there is one.
pub(super) fn data_file(path: &Path) -> Option<String> {
    is_pair(path).then(|| DataFile::beside(path).ok()).flatten()
}

pub(super) fn check_name(path: &Path) -> Result<(), FileProblem> {
    if is_pair(path) {
        DataFile::beside(path)?;
    }
    Ok(())
}

/// Writes a volume.
pub(super) fn write<T: Copy, const BYTES: usize>(
    path: &Path,
    volume: &Volume<T>,
    sample_type: SampleType,
    encoded: impl Fn(T) -> [u8; BYTES],
) -> Result<(), FileError> {
    let header = |data_file: Option<&str>| {
        encode(volume.dims(), sample_type, volume.world_from_index(), data_file)
    };
    if is_pair(path) {
        let name = DataFile::beside(path).at(path)?;
        atomic::write_file(path.with_file_name(&name), |out| {
            voxels::write(out, volume.voxels(), &encoded)
        })?;
        return atomic::write_file(path, |out| out.write_all(header(Some(&name)).as_bytes()));
    }
    atomic::write_file(path, |out| -> io::Result<()> {
        out.write_all(header(None).as_bytes())?;
        let mut gz = GzEncoder::new(out, Compression::fast());
        voxels::write(&mut gz as &mut dyn Write, volume.voxels(), &encoded)?;
        gz.finish()?;
        Ok(())
    })
}
