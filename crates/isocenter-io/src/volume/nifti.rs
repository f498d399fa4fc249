//! Volumes as NIfTI-1, single files, compressed or not.
//!
//! Read: both byte orders, integers and floats of 8 to 64 bits, `scl_slope` and `scl_inter`, sform
//! before qform, lengths in millimetres, metres or micrometres. Written: little-endian, 32-bit
//! floats or 16-bit integers, sform, and a qform where one can say the same. The header holds
//! 32-bit floats, so `world_from_index` comes back to seven digits.

use std::path::Path;

use isocenter::volume::Volume;

use crate::error::{At, FileError, FileProblem};
use crate::nifti::header::{Header, encode};
use crate::nifti::{EXTENSIONS, NiftiError, index_of, voxels};
use crate::open::{Stream, has_extension, unknown_extension};
use crate::samples::SampleType;

pub(super) fn read_ct(path: &Path) -> Result<Volume<f32>, FileProblem> {
    let mut stream = Stream::open(path)?;
    let header = Header::read(&mut stream)?;
    let (dims, count) = volume_dims(&header)?;
    let world_from_index = header.world_from_index()?;
    let voxels = voxels::read(&mut stream, &header, count, |value| value as f32)?;
    Ok(Volume::new(dims, voxels, world_from_index)?)
}

pub(super) fn read_labels(path: &Path) -> Result<Volume<u16>, FileProblem> {
    let mut stream = Stream::open(path)?;
    let header = Header::read(&mut stream)?;
    let (dims, count) = volume_dims(&header)?;
    let world_from_index = header.world_from_index()?;
    let (mut at, mut wrong) = (0_usize, None);
    let labels = voxels::read(&mut stream, &header, count, |value| {
        let label = value as u16;
        if f64::from(label) != value && wrong.is_none() {
            wrong = Some(NiftiError::Label { index: index_of(at, dims), value });
        }
        at += 1;
        label
    })?;
    match wrong {
        Some(error) => Err(error.into()),
        None => Ok(Volume::new(dims, labels, world_from_index)?),
    }
}

/// The three dimensions of a volume (further ones must be 1), and the number of voxels.
fn volume_dims(header: &Header) -> Result<([usize; 3], usize), FileProblem> {
    let side = |axis: usize| header.dims.get(axis).copied().unwrap_or(1);
    if header.dims.iter().skip(3).any(|&n| n != 1) {
        return Err(NiftiError::NotAVolume { dims: header.dims.clone() }.into());
    }
    let dims = [side(0), side(1), side(2)];
    let count = dims[0].checked_mul(dims[1]).and_then(|n| n.checked_mul(dims[2]));
    Ok((dims, count.ok_or(FileProblem::Memory { bytes: u64::MAX })?))
}

pub(super) fn check_name(path: &Path) -> Result<(), FileProblem> {
    if EXTENSIONS.iter().any(|e| has_extension(path, e)) {
        Ok(())
    } else {
        Err(unknown_extension(path, super::VOLUME_EXTENSIONS))
    }
}

/// Writes a volume as 32-bit floats, exactly; the extension, `.nii` or `.nii.gz`, decides whether
/// it is compressed.
///
/// # Errors
/// If the extension is another, a side is longer than 32767, or the file cannot be written.
pub fn write_volume_f32(path: impl AsRef<Path>, volume: &Volume<f32>) -> Result<(), FileError> {
    let path = path.as_ref();
    check_name(path).at(path)?;
    let header = encode(volume.dims(), SampleType::F32, volume.world_from_index()).at(path)?;
    voxels::write(path, &header, volume.voxels(), f32::to_le_bytes)
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
        let index = index_of(at, volume.dims());
        let value = volume.get(index).unwrap_or(f32::NAN);
        return Err(NiftiError::Range { index, value }).at(path);
    }
    let header = encode(volume.dims(), SampleType::I16, volume.world_from_index()).at(path)?;
    voxels::write(path, &header, volume.voxels(), |v| (v.round() as i16).to_le_bytes())
}

/// Writes labels as unsigned 16-bit integers.
///
/// # Errors
/// As [`write_volume_f32`].
pub fn write_labels(path: impl AsRef<Path>, labels: &Volume<u16>) -> Result<(), FileError> {
    let path = path.as_ref();
    check_name(path).at(path)?;
    let header = encode(labels.dims(), SampleType::U16, labels.world_from_index()).at(path)?;
    voxels::write(path, &header, labels.voxels(), u16::to_le_bytes)
}
