//! Images as NIfTI-1 with one slice: voxel `(i, j, 0)` is column i of row j from the top.
//!
//! When read, dimensions of 1 are dropped until two are left, the last ones first. Where the file
//! places its voxels in the world is ignored: that is what a camera and a pose are for. Written
//! files have pixels of 1 mm with columns along L and rows along P, so that a viewer shows them
//! as they are.

use std::path::Path;

use isocenter::geometry::Camera;
use isocenter::radiograph::Image;
use isocenter::volume::Affine;

use super::{LoadedImage, full_scale};
use crate::error::{At, FileError, FileProblem};
use crate::image::raster::RasterError;
use crate::nifti::header::{Header, encode};
use crate::nifti::{NiftiError, writer};
use crate::open::Stream;
use crate::samples::SampleType;
use crate::voxels;

pub(super) fn read(path: &Path) -> Result<LoadedImage, FileProblem> {
    let mut stream = Stream::open_gzip(path)?;
    let header = Header::read(&mut stream)?;
    let size_px = squeezed(&header.dims)
        .ok_or_else(|| NiftiError::NotAnImage { dims: header.dims.clone() })?;
    let most = Camera::MAX_SIDE_PX;
    if size_px.iter().any(|&n| n > most) {
        return Err(RasterError::Size { size_px, most }.into());
    }
    let count = size_px[0] * size_px[1];
    header.skip_to_voxels(&mut stream, count)?;
    let pixels = voxels::read(&mut stream, &header.layout, count, |value| value as f32)?;
    stream.finish()?;
    let (slope, intercept) = header.layout.scaling.unwrap_or((1.0, 0.0));
    let full_scale = full_scale(header.layout.sample_type)
        .map(|full| (f64::from(full) * slope + intercept) as f32);
    LoadedImage::new(size_px, pixels, full_scale)
}

/// [columns, rows].
fn squeezed(dims: &[usize]) -> Option<[usize; 2]> {
    let mut sides = dims.to_vec();
    while sides.len() > 2 {
        let single = sides.iter().rposition(|&n| n == 1)?;
        sides.remove(single);
    }
    match *sides.as_slice() {
        [columns] => Some([columns, 1]),
        [columns, rows] => Some([columns, rows]),
        _ => None,
    }
}

/// Writes 32-bit floats.
pub(super) fn write(path: &Path, image: &Image) -> Result<(), FileError> {
    write_as(path, image, SampleType::F32, f32::to_le_bytes)
}

/// Writes unsigned integers of 8 bits, rounded and cut.
pub(super) fn write_gray8(path: &Path, image: &Image) -> Result<(), FileError> {
    write_as(path, image, SampleType::U8, |pixel: f32| [pixel.round() as u8])
}

fn write_as<const BYTES: usize>(
    path: &Path,
    image: &Image,
    sample_type: SampleType,
    encoded: impl Fn(f32) -> [u8; BYTES],
) -> Result<(), FileError> {
    let [columns, rows] = image.size_px();
    let spacing = [1.0; 3];
    let pixels_of_1_mm = Affine::from_spacing(spacing, [0.0; 3])
        .map_err(FileProblem::affine("pixdim", &spacing))
        .at(path)?;
    let header = encode([columns, rows, 1], sample_type, &pixels_of_1_mm).at(path)?;
    writer::write(path, &header, image.pixels(), encoded)
}

#[cfg(test)]
mod tests {
    //! Proves: which dimension becomes columns and which rows.
    use super::*;

    #[test]
    fn single_slices_are_dropped() {
        assert_eq!(squeezed(&[5, 7, 1]), Some([5, 7]));
        assert_eq!(squeezed(&[5, 1, 7]), Some([5, 7]));
        assert_eq!(squeezed(&[1, 5, 7, 1]), Some([5, 7]));
        assert_eq!(squeezed(&[5, 1, 1]), Some([5, 1]));
        assert_eq!(squeezed(&[5]), Some([5, 1]));
        assert_eq!(squeezed(&[5, 7, 2]), None);
    }
}
