//! Grey as a radiograph is looked at.
//!
//! The window runs between two quantiles of the pixels, so that neither a hot pixel nor a marker
//! of metal decides how bone looks. Pixels at the image's very lowest or highest value do not
//! count: they are air, saturation, or the ground outside a collimated or round field.

use isocenter::radiograph::{Image, ImageFlip};

use crate::rgb::RgbImage;

/// The fractions of the pixels that count at or below black, and at or below white.
const WINDOW_QUANTILES: [f64; 2] = [0.005, 0.995];

/// One image in grey, in the orientation and the size of its file: air dark, bone bright.
///
/// The window runs from the 0.5 to the 99.5 percentile of the pixels that are neither the lowest
/// nor the highest value of the image. An image of one value is black.
///
/// # Units
/// `attenuation` is a line integral or an X-ray's `-ln(I/I0)`; any scale does.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, ImageFlip};
/// let image = Image::new([3, 1], vec![0.0, 1.0, 4.0]).unwrap();
/// let picture = isocenter_report::display(&image, ImageFlip::Columns);
/// assert_eq!(picture.size_px(), [3, 1]);
/// // As stored in the file: the brightest pixel on the left.
/// assert_eq!(picture.get(0, 0), Some([255, 255, 255]));
/// assert_eq!(picture.get(2, 0), Some([0, 0, 0]));
/// ```
#[must_use]
pub fn display(attenuation: &Image, flip: ImageFlip) -> RgbImage {
    let grey = windowed(attenuation).flipped(flip);
    RgbImage::from_channels([&grey; 3])
}

/// The image with its window stretched to 0..1 and clamped there; every pixel is then finite.
pub(crate) fn windowed(attenuation: &Image) -> Image {
    let image = finite(attenuation);
    let (lowest, highest) = image.range();
    if lowest >= highest {
        return image.map(|_| 0.0);
    }
    let between = image.pixels().iter().copied().filter(|&p| lowest < p && p < highest).collect();
    let [mut black, mut white] = quantiles(between, WINDOW_QUANTILES).unwrap_or_default();
    if black >= white {
        // All but a few pixels are alike: those few are what there is to see.
        (black, white) = (lowest, highest);
    }
    // In f64, where the difference of two f32 numbers cannot overflow.
    let (black, width) = (f64::from(black), f64::from(white) - f64::from(black));
    image.map(|pixel| ((f64::from(pixel) - black) / width).clamp(0.0, 1.0) as f32)
}

/// The values at two fractions of the order; `None` of nothing.
fn quantiles(mut values: Vec<f32>, fractions: [f64; 2]) -> Option<[f32; 2]> {
    let last = values.len().checked_sub(1)?;
    Some(fractions.map(|fraction| {
        let rank = (fraction * last as f64).round() as usize;
        *values.select_nth_unstable_by(rank, f32::total_cmp).1
    }))
}

/// NaN becomes the lowest finite pixel, an infinity the nearest; without a finite pixel, all are 0.
fn finite(image: &Image) -> Image {
    let pixels = image.pixels().iter().copied().filter(|pixel| pixel.is_finite());
    let (low, high) =
        pixels.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)));
    image.clone().map(|pixel| match pixel {
        _ if low > high => 0.0,
        pixel if pixel.is_nan() => low,
        pixel => pixel.clamp(low, high),
    })
}

#[cfg(test)]
mod tests {
    //! Proves: the window is robust, its ends are black and white, flips are undone, and no pixel
    //! value breaks it.
    use super::*;

    #[test]
    fn neither_a_hot_pixel_nor_air_nor_the_collimator_counts() {
        let slope = |i: usize| 100.0 + i as f32;
        // Half the image is air, a quarter lies outside the field, one pixel is hot.
        let mut pixels = vec![0.0; 2000];
        pixels.extend(vec![1e6; 1000]);
        pixels.extend((0..1000).map(slope));
        pixels[3500] = 9e5;
        let picture = display(&Image::new([4000, 1], pixels).unwrap(), ImageFlip::None);
        let grey = |column: usize| picture.get(column, 0).unwrap()[0];
        assert_eq!((grey(0), grey(2000), grey(3500)), (0, 255, 255));
        // Ranks 5 and 994 of the slope are the ends of the window.
        assert_eq!((grey(3005), grey(3995)), (0, 255));
        assert!(grey(3499).abs_diff(127) <= 1, "{}", grey(3499));
    }

    #[test]
    fn a_few_pixels_among_equal_ones_are_seen() {
        let mut pixels = vec![1.0; 10_000];
        pixels[7] = 3.0;
        let picture = display(&Image::new([100, 100], pixels).unwrap(), ImageFlip::Both);
        assert_eq!(picture.get(99 - 7, 99), Some([255; 3]));
        assert_eq!(picture.get(7, 0), Some([0; 3]));
    }

    #[test]
    fn no_pixel_value_breaks_it() {
        let hostile = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 0.0];
        let picture = display(&Image::new([6, 1], hostile).unwrap(), ImageFlip::None);
        let reds: Vec<u8> = picture.pixels().iter().step_by(3).copied().collect();
        assert_eq!(reds, [0, 255, 0, 255, 0, 128]);
        for value in [f32::NAN, f32::INFINITY, 4.0, f32::MAX] {
            let constant = Image::zeros([3, 2]).map(|_| value);
            assert!(display(&constant, ImageFlip::None).pixels().iter().all(|&byte| byte == 0));
        }
    }
}
