//! Both images in one, in shares.

use isocenter::radiograph::{Image, ImageFlip};

use crate::display::windowed;
use crate::error::{PictureError, check_size};
use crate::legible::legible;
use crate::rgb::RgbImage;

/// The X-ray and the DRR mixed in grey, in the orientation of the X-ray's file: structures that
/// agree look sharp, those that do not look double.
///
/// Each image has its own window, from its 0.5 to its 99.5 percentile.
///
/// # Shapes
/// Both images have one size: the DRR is rendered with the camera of the X-ray.
///
/// # Units
/// Both are attenuation (bone high), each on any scale. `xray_share` is the part of the X-ray: 0
/// shows the DRR alone, 1 the X-ray alone; what lies outside is taken as the nearest, NaN as a half.
///
/// # Errors
/// If the sizes differ.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, ImageFlip};
/// use isocenter_report::blend;
/// let xray = Image::new([3, 1], vec![0.0, 1.0, 4.0]).unwrap();
/// let drr = Image::new([3, 1], vec![0.0, 0.0, 9.0]).unwrap();
/// let picture = blend(&xray, &drr, ImageFlip::None, 0.5).unwrap();
/// assert_eq!(picture.size_px()[0], 384);
/// ```
pub fn blend(
    xray: &Image,
    drr: &Image,
    flip: ImageFlip,
    xray_share: f32,
) -> Result<RgbImage, PictureError> {
    check_size("the DRR", drr.size_px(), xray.size_px())?;
    let share = if xray_share.is_nan() { 0.5 } else { xray_share.clamp(0.0, 1.0) };
    let [mut mixed, drr] = [xray, drr].map(|image| legible(&windowed(image)).flipped(flip));
    for (pixel, other) in mixed.pixels_mut().iter_mut().zip(drr.pixels()) {
        *pixel = share * *pixel + (1.0 - share) * other;
    }
    Ok(RgbImage::from_channels([&mixed; 3]))
}

#[cfg(test)]
mod tests {
    //! Proves: shares are linear, the ends are the images alone, the picture stands as the file did.
    use super::*;
    use crate::display::display;

    /// A slope along the columns, up or down.
    fn slope(up: bool) -> Image {
        let pixels = (0..400 * 4).map(|i| (if up { i % 400 } else { 399 - i % 400 }) as f32);
        Image::new([400, 4], pixels.collect()).unwrap()
    }

    #[test]
    fn shares_are_linear() {
        let (xray, drr) = (slope(true), slope(false));
        let mix = |share| blend(&xray, &drr, ImageFlip::Columns, share).unwrap();
        assert_eq!(mix(1.0), display(&xray, ImageFlip::Columns));
        assert_eq!(mix(7.0), mix(1.0));
        assert_eq!(mix(0.0), display(&drr, ImageFlip::Columns));
        // Opposite slopes cancel.
        assert!(mix(f32::NAN).pixels().iter().all(|byte| byte.abs_diff(128) <= 1));
    }

    #[test]
    fn sizes_that_differ_are_refused() {
        let error = blend(&Image::zeros([2, 2]), &Image::zeros([2, 3]), ImageFlip::None, 0.5);
        assert!(matches!(error, Err(PictureError::Size { found_px: [2, 3], .. })));
    }
}
