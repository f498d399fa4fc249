//! Volumes as NIfTI-1, single files, compressed or not.
//!
//! Read: both byte orders, integers and floats of 8 to 64 bits, `scl_slope` and `scl_inter`, sform
//! before qform, lengths in millimetres, metres or micrometres. Written: little-endian, 32-bit
//! floats or 16-bit integers, sform, and a qform where one can say the same. The header holds
//! 32-bit floats, so `world_from_index` comes back to seven digits.

use std::path::Path;

use isocenter::volume::Volume;

use super::source::Source;
use crate::error::{At, FileError, FileProblem};
use crate::nifti::header::{Header, encode};
use crate::nifti::{NiftiError, writer};
use crate::open::Stream;
use crate::samples::SampleType;
use crate::voxels::count_of;

pub(super) fn open(path: &Path) -> Result<Source, FileProblem> {
    let mut stream = Stream::open_gzip(path)?;
    let header = Header::read(&mut stream)?;
    let dims = volume_dims(&header)?;
    let world_from_index = header.world_from_index()?;
    header.skip_to_voxels(&mut stream, count_of(dims)?)?;
    Ok(Source {
        dims,
        world_from_index,
        layout: header.layout,
        stream,
        more_follows: None,
        data_file: None,
    })
}

/// The three dimensions of a volume; further ones must be 1.
fn volume_dims(header: &Header) -> Result<[usize; 3], NiftiError> {
    if header.dims.iter().skip(3).any(|&n| n != 1) {
        return Err(NiftiError::NotAVolume { dims: header.dims.clone() });
    }
    Ok([0, 1, 2].map(|axis| header.dims.get(axis).copied().unwrap_or(1)))
}

/// Writes a volume, compressed if the name ends in `.gz`.
pub(super) fn write<T: Copy, const BYTES: usize>(
    path: &Path,
    volume: &Volume<T>,
    sample_type: SampleType,
    encoded: impl Fn(T) -> [u8; BYTES],
) -> Result<(), FileError> {
    let header = encode(volume.dims(), sample_type, volume.world_from_index()).at(path)?;
    writer::write(path, &header, volume.voxels(), encoded)
}
