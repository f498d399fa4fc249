//! Volumes as MetaImage: `.mha`, header and voxels in one file, or `.mhd`, a header that names the
//! file with the voxels.
//!
//! Its world is LPS millimetres, as ours: `Offset` is where the first voxel lies, each row of
//! `TransformMatrix` the direction of an axis, `ElementSpacing` the distance of voxels along it.
//!
//! Read: both byte orders, integers and floats of 8 to 64 bits, compressed (zlib, gzip) or not.
//! Without a matrix the axes lie along L, P and S, without an offset the first voxel is at the
//! origin, without a byte order it is little-endian, as in ITK; without a spacing the file is
//! refused. Keys that are not known are passed over, and so is `AnatomicalOrientation`, which
//! programs write in different ways. Keys that contradict each other, data that are longer or
//! shorter than the header says, rows of the matrix that are no directions, values stored as text
//! or to be scaled, and volumes in a file for each slice are refused.
//!
//! The data file of a header lies in the header's folder or below it. An absolute name, or one
//! with `..`, is refused: such a header would break when it is moved or, worse, find another
//! patient's voxels.
//!
//! Written: little-endian, 32-bit floats or 16-bit integers; `world_from_index` comes back to
//! fifteen digits. An `.mha` is compressed. An `.mhd` gets a `.raw` of the same name beside it, not
//! compressed, which replaces one that is there; each of the two appears whole, the header last.

use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use isocenter::volume::Volume;

use super::source::Source;
use crate::error::{At, FileError, FileProblem};
use crate::metaimage::MetaImageError;
use crate::metaimage::data::DataFile;
use crate::metaimage::header::{Header, encode};
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
        more_follows: Some(MetaImageError::MoreFollows { expected }.into()),
        data_file: header.data_file.name().map(str::to_owned),
    })
}

/// Whether header and data lie in two files.
fn is_pair(path: &Path) -> bool {
    has_extension(path, ".mhd")
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
    let header = |compressed_bytes: Option<usize>, data_file: &str| {
        let (dims, affine) = (volume.dims(), volume.world_from_index());
        encode(dims, sample_type, affine, compressed_bytes, data_file)
    };
    if is_pair(path) {
        let name = DataFile::beside(path).at(path)?;
        atomic::write_file(path.with_file_name(&name), |out| {
            voxels::write(out, volume.voxels(), &encoded)
        })?;
        return atomic::write_file(path, |out| out.write_all(header(None, &name).as_bytes()));
    }
    // The header says how long the compressed data are, so they are made before it.
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    voxels::write(&mut zlib, volume.voxels(), &encoded).at(path)?;
    let compressed = zlib.finish().at(path)?;
    atomic::write_file(path, |out| {
        out.write_all(header(Some(compressed.len()), "LOCAL").as_bytes())?;
        out.write_all(&compressed)
    })
}
