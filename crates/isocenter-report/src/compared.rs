//! Which pixels were compared.

use isocenter::radiograph::{Image, ImageFlip, Mask};

use crate::display::windowed;
use crate::error::{PictureError, check_size};
use crate::legible::legible;
use crate::rgb::RgbImage;

/// What covers pixels that are not compared; of a hue that neither bone nor edges have.
const COVER_COLOR: [u8; 3] = [213, 94, 0];
/// How much of the X-ray the cover hides.
const COVER_OPACITY: f32 = 0.45;

/// The X-ray in grey with the pixels that a mask leaves out covered in orange, in the orientation of
/// the X-ray's file.
///
/// # Shapes
/// The mask has the size of the X-ray.
///
/// # Units
/// The X-ray is attenuation (bone high) on any scale.
///
/// # Errors
/// If the sizes differ.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, ImageFlip, Mask};
/// use isocenter_report::compared;
/// let xray = Image::zeros([400, 300]);
/// let picture = compared(&xray, &Mask::all([400, 300]), ImageFlip::None).unwrap();
/// assert_eq!(picture.get(0, 0), Some([0, 0, 0]));
/// ```
pub fn compared(xray: &Image, mask: &Mask, flip: ImageFlip) -> Result<RgbImage, PictureError> {
    check_size("the mask", mask.size_px(), xray.size_px())?;
    let grey = legible(&windowed(xray)).flipped(flip);
    let mut left_out = Image::zeros(xray.size_px());
    for (pixel, used) in left_out.pixels_mut().iter_mut().zip(mask.used()) {
        *pixel = f32::from(!used);
    }
    let mut picture = RgbImage::from_channels([&grey; 3]);
    picture.blend(legible(&left_out).flipped(flip).pixels(), COVER_COLOR, COVER_OPACITY);
    Ok(picture)
}

#[cfg(test)]
mod tests {
    //! Proves: what the mask leaves out is covered, where the file has it.
    use super::*;

    #[test]
    fn what_is_left_out_is_covered() {
        let mask = Mask::new([400, 2], (0..800).map(|i| i % 400 < 100).collect()).unwrap();
        let picture = compared(&Image::zeros([400, 2]), &mask, ImageFlip::Columns).unwrap();
        assert_eq!(picture.get(399, 0), Some([0; 3]));
        assert_eq!(picture.get(300, 1), Some([0; 3]));
        assert_eq!(picture.get(299, 1), Some([96, 42, 0]));
        let error = compared(&Image::zeros([2, 400]), &mask, ImageFlip::None);
        assert!(matches!(error, Err(PictureError::Size { found_px: [400, 2], .. })));
    }
}
