//! Both images in one, in tiles.

use isocenter::radiograph::{Image, ImageFlip};

use crate::display::windowed;
use crate::error::{PictureError, check_size};
use crate::legible::legible;
use crate::rgb::RgbImage;

/// Tiles along the longest side.
const TILES_PER_SIDE: usize = 8;

/// The X-ray and the DRR in alternate square tiles of grey, in the orientation of the X-ray's file:
/// where they agree, edges run on from tile to tile. The first tile shows the X-ray; there are eight
/// along the longest side.
///
/// Each image has its own window, from its 0.5 to its 99.5 percentile.
///
/// # Shapes
/// Both images have one size: the DRR is rendered with the camera of the X-ray.
///
/// # Units
/// Both are attenuation (bone high), each on any scale.
///
/// # Errors
/// If the sizes differ.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, ImageFlip};
/// use isocenter_report::checkerboard;
/// let image = Image::zeros([400, 300]);
/// let picture = checkerboard(&image, &image, ImageFlip::None).unwrap();
/// assert_eq!(picture.size_px(), [400, 300]);
/// ```
pub fn checkerboard(xray: &Image, drr: &Image, flip: ImageFlip) -> Result<RgbImage, PictureError> {
    check_size("the DRR", drr.size_px(), xray.size_px())?;
    let [mut tiled, drr] = [xray, drr].map(|image| legible(&windowed(image)).flipped(flip));
    let [columns, rows] = tiled.size_px();
    let tile = columns.max(rows).div_ceil(TILES_PER_SIDE);
    for (at, (pixel, &other)) in tiled.pixels_mut().iter_mut().zip(drr.pixels()).enumerate() {
        let (column, row) = (at % columns / tile, at / columns / tile);
        if (column + row) % 2 == 1 {
            *pixel = other;
        }
    }
    Ok(RgbImage::from_channels([&tiled; 3]))
}

#[cfg(test)]
mod tests {
    //! Proves: tiles alternate, begin with the X-ray in the orientation of the file and are square.
    use super::*;

    #[test]
    fn tiles_alternate() {
        // White but for one black pixel at the bottom right, and the opposite.
        let marked = |most: f32| {
            let mut image = Image::zeros([400, 200]).map(|_| most);
            *image.pixels_mut().last_mut().unwrap() = 1.0 - most;
            image
        };
        for flip in [ImageFlip::None, ImageFlip::Columns] {
            let picture = checkerboard(&marked(1.0), &marked(0.0), flip).unwrap();
            for (column, row, grey) in
                [(0, 1, 255), (49, 49, 255), (50, 0, 0), (99, 49, 0), (100, 0, 255), (2, 50, 0)]
            {
                assert_eq!(picture.get(column, row), Some([grey; 3]), "{column} {row} {flip}");
            }
        }
    }

    #[test]
    fn sizes_that_differ_are_refused() {
        let error = checkerboard(&Image::zeros([2, 2]), &Image::zeros([2, 3]), ImageFlip::None);
        assert!(matches!(error, Err(PictureError::Size { found_px: [2, 3], .. })));
    }
}
