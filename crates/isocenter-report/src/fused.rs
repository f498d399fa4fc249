//! Both images in one, by color.

use isocenter::radiograph::{Image, ImageFlip};

use crate::display::windowed;
use crate::error::{PictureError, check_size};
use crate::legible::legible;
use crate::rgb::RgbImage;

/// The X-ray in magenta and the DRR in green, in the orientation of the X-ray's file: neutral grey
/// where they agree, magenta where the X-ray is brighter, green where the DRR is.
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
pub fn fused(xray: &Image, drr: &Image, flip: ImageFlip) -> Result<RgbImage, PictureError> {
    check_size("the DRR", drr.size_px(), xray.size_px())?;
    let [magenta, green] = [xray, drr].map(|image| legible(&windowed(image)).flipped(flip));
    Ok(RgbImage::from_channels([&magenta, &green, &magenta]))
}

#[cfg(test)]
mod tests {
    //! Proves: what agrees is grey whatever the scale, what does not is colored, and the picture
    //! stands as the file did.
    use super::*;

    /// A slope with a step at a column.
    fn image(step: usize) -> Image {
        let pixels = (0..400 * 4).map(|i| i as f32 / 1600.0 + f32::from(i % 400 >= step));
        Image::new([400, 4], pixels.collect()).unwrap()
    }

    #[test]
    fn what_agrees_is_grey() {
        let drr = image(200).map(|pixel| 3.0 + 40.0 * pixel);
        let picture = fused(&image(200), &drr, ImageFlip::None).unwrap();
        for [red, green, blue] in picture.pixels().as_chunks::<3>().0 {
            // The windows are equal but for rounding.
            assert!(red == blue && red.abs_diff(*green) <= 1, "{red} {green} {blue}");
        }
    }

    #[test]
    fn what_does_not_agree_is_colored() {
        // From column 100 to 299 the X-ray alone is bright; the file is seen from behind.
        let picture = fused(&image(100), &image(300), ImageFlip::Columns).unwrap();
        let [red, green, blue] = picture.get(399 - 200, 2).unwrap();
        assert!(red == blue && red > green + 100, "{red} {green} {blue}");
        let [red, green, _] = picture.get(399 - 350, 2).unwrap();
        assert!(red.abs_diff(green) < 20 && red > 150, "{red} {green}");
    }

    #[test]
    fn sizes_that_differ_are_refused() {
        let error = fused(&Image::zeros([2, 2]), &Image::zeros([2, 3]), ImageFlip::None);
        assert!(matches!(error, Err(PictureError::Size { found_px: [2, 3], .. })));
    }
}
