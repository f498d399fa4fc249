//! A plain grid of f32 pixels, and the operations that keep it one: flips and binning.

use super::mask::Mask;
use crate::geometry::{ImageFlip, PixelRegion, RegionError};

/// Why an image cannot exist.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A side is zero, or the number of pixels does not fit the size.
    #[error("{columns} x {rows} pixels need {expected} values, found {found}", expected = *columns as f64 * *rows as f64)]
    Size {
        /// Columns.
        columns: usize,
        /// Rows.
        rows: usize,
        /// Number of values given.
        found: usize,
    },
    /// A pixel is NaN or infinite.
    #[error(
        "the pixel at column {column}, row {row} is {value}: every pixel must be a finite number"
    )]
    NotFinite {
        /// Column of the first such pixel.
        column: usize,
        /// Its row.
        row: usize,
        /// Its value.
        value: f32,
    },
    /// All pixels have one value.
    #[error(
        "every pixel is {value}: there is nothing to see in the image; use another one, or export it again"
    )]
    Constant {
        /// The value.
        value: f32,
    },
    /// An intensity image without light.
    #[error(
        "the brightest pixel is {brightest}: an intensity image needs pixels above zero; if it holds line integrals, say so with --xray-values attenuation"
    )]
    NoLight {
        /// The brightest pixel.
        brightest: f32,
    },
    /// The image has no such region.
    #[error(transparent)]
    Region(#[from] RegionError),
}

/// An image of f32 pixels, row by row from the top, columns from the left. What a pixel means is
/// said by the function that takes or returns the image.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, ImageFlip};
/// let image = Image::new([3, 1], vec![1.0, 2.0, 3.0]).unwrap();
/// assert_eq!(image.flipped(ImageFlip::Columns).pixels(), &[3.0, 2.0, 1.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    size_px: [usize; 2],
    pixels: Vec<f32>,
}

impl Image {
    /// From pixels in row order.
    ///
    /// # Shapes
    /// `size_px` = [columns, rows]; `pixels` has columns * rows values.
    ///
    /// # Errors
    /// If a side is zero or the number of values differs.
    pub fn new(size_px: [usize; 2], pixels: Vec<f32>) -> Result<Self, ImageError> {
        let [columns, rows] = size_px;
        if pixels.is_empty() || columns.checked_mul(rows) != Some(pixels.len()) {
            return Err(ImageError::Size { columns, rows, found: pixels.len() });
        }
        Ok(Self { size_px, pixels })
    }

    /// An image of zeros. A side of zero is taken as one.
    #[must_use]
    pub fn zeros(size_px: [usize; 2]) -> Self {
        let size_px = size_px.map(|n| n.max(1));
        Self { size_px, pixels: vec![0.0; size_px[0] * size_px[1]] }
    }

    /// [columns, rows].
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        self.size_px
    }

    /// All pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// All pixels, row by row.
    pub fn pixels_mut(&mut self) -> &mut [f32] {
        &mut self.pixels
    }

    /// The rows from the top.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.pixels.chunks_exact(self.size_px[0])
    }

    /// A pixel; `None` outside the image.
    #[must_use]
    pub fn get(&self, column: usize, row: usize) -> Option<f32> {
        (column < self.size_px[0])
            .then(|| self.pixels.get(row * self.size_px[0] + column).copied())
            .flatten()
    }

    /// The image with each pixel replaced.
    #[must_use]
    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        for pixel in &mut self.pixels {
            *pixel = f(*pixel);
        }
        self
    }

    /// The smallest and the largest pixel (NaN is ignored).
    #[must_use]
    pub fn range(&self) -> (f32, f32) {
        self.pixels
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &p| (low.min(p), high.max(p)))
    }

    /// The value below which the given fraction (0 to 1) of the pixels lies.
    #[must_use]
    pub fn quantile(&self, fraction: f64) -> f32 {
        let mut sorted = self.pixels.clone();
        let last = sorted.len() - 1;
        let rank = (fraction.clamp(0.0, 1.0) * last as f64).round() as usize;
        *sorted.select_nth_unstable_by(rank.min(last), f32::total_cmp).1
    }

    /// Checks that every pixel is a number and that they are not all the same.
    ///
    /// # Errors
    /// The first pixel that is not finite, or the one value of a constant image.
    pub fn check_has_content(&self) -> Result<(), ImageError> {
        if let Some(at) = self.pixels.iter().position(|p| !p.is_finite()) {
            let (column, row) = (at % self.size_px[0], at / self.size_px[0]);
            return Err(ImageError::NotFinite { column, row, value: self.pixels[at] });
        }
        let (low, high) = self.range();
        if low >= high {
            return Err(ImageError::Constant { value: low });
        }
        Ok(())
    }

    /// The image with the order of columns, rows or both reversed.
    #[must_use]
    pub fn flipped(&self, flip: ImageFlip) -> Self {
        let mut flipped = self.clone();
        if matches!(flip, ImageFlip::Columns | ImageFlip::Both) {
            flipped.pixels.chunks_exact_mut(self.size_px[0]).for_each(<[f32]>::reverse);
        }
        if matches!(flip, ImageFlip::Rows | ImageFlip::Both) {
            flipped.pixels =
                flipped.pixels.chunks_exact(self.size_px[0]).rev().flatten().copied().collect();
        }
        flipped
    }

    /// A region of the image.
    ///
    /// # Errors
    /// If the region does not lie in the image.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::PixelRegion;
    /// use isocenter::radiograph::Image;
    /// let image = Image::new([40, 30], (0..1200).map(|n| n as f32).collect()).unwrap();
    /// let part = image.cropped(&PixelRegion::new([20, 16], [3, 2]).unwrap()).unwrap();
    /// assert_eq!((part.size_px(), part.get(0, 0)), ([20, 16], Some(83.0)));
    /// ```
    pub fn cropped(&self, region: &PixelRegion) -> Result<Self, RegionError> {
        let pixels = region.cropped(&self.pixels, self.size_px)?;
        Ok(Self { size_px: region.size_px(), pixels })
    }

    /// The image whose pixels are the means of `factor` x `factor` pixels, as
    /// [`Camera::binned`](crate::geometry::Camera::binned) has them.
    #[must_use]
    pub fn binned(&self, factor: usize) -> Self {
        if factor <= 1 {
            return self.clone();
        }
        // Along a side shorter than the factor, all of it becomes one pixel.
        let [width, height] = self.size_px.map(|n| factor.min(n));
        let [columns, rows] = [self.size_px[0] / width, self.size_px[1] / height];
        let scale = 1.0 / (width * height) as f64;
        let mut pixels = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = 0.0;
                for r in 0..height {
                    let start = (row * height + r) * self.size_px[0] + column * width;
                    sum += self.pixels[start..start + width]
                        .iter()
                        .map(|&p| f64::from(p))
                        .sum::<f64>();
                }
                pixels.push((sum * scale) as f32);
            }
        }
        Self { size_px: [columns, rows], pixels }
    }

    /// [`binned`](Self::binned), each mean taken over the pixels that count; zero where none does.
    /// A mask of another size is not looked at.
    #[must_use]
    pub fn binned_within(&self, mask: &Mask, factor: usize) -> Self {
        if mask.size_px() != self.size_px {
            return self.binned(factor);
        }
        let weights = Self::of_mask(mask);
        let mut kept = self.clone();
        for (pixel, _) in kept.pixels.iter_mut().zip(mask.used()).filter(|(_, used)| !**used) {
            *pixel = 0.0;
        }
        let (mut sum, share) = (kept.binned(factor), weights.binned(factor));
        for (pixel, share) in sum.pixels.iter_mut().zip(share.pixels) {
            *pixel = if share > 0.0 { *pixel / share } else { 0.0 };
        }
        sum
    }

    /// 1 where a mask's pixels count, 0 elsewhere.
    pub(super) fn of_mask(mask: &Mask) -> Self {
        let pixels = mask.used().iter().map(|&used| f32::from(u8::from(used))).collect();
        Self { size_px: mask.size_px(), pixels }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: flips are their own inverses, binning takes means, bad sizes and pixels are refused.
    use super::*;

    fn image() -> Image {
        Image::new([4, 3], (0..12).map(|i| i as f32).collect()).unwrap()
    }

    #[test]
    fn flips_are_their_own_inverses() {
        for flip in [ImageFlip::None, ImageFlip::Columns, ImageFlip::Rows, ImageFlip::Both] {
            assert_eq!(image().flipped(flip).flipped(flip), image());
            assert_eq!(flip.to_string().parse::<ImageFlip>().unwrap(), flip);
        }
        assert_eq!(image().flipped(ImageFlip::Rows).get(0, 0), Some(8.0));
        assert_eq!(image().flipped(ImageFlip::Both).get(0, 0), Some(11.0));
    }

    #[test]
    fn binning_takes_means() {
        let binned = image().binned(2);
        assert_eq!(binned.size_px(), [2, 1]);
        assert_eq!(binned.pixels(), &[2.5, 4.5]);
        assert_eq!(image().binned(10).pixels(), &[5.5]);
    }

    #[test]
    fn bad_images_are_refused() {
        assert!(Image::new([0, 3], vec![]).is_err());
        assert!(Image::new([2, 3], vec![0.0; 5]).is_err());
        let endless = Image::new([usize::MAX, 3], vec![0.0; 5]).unwrap_err();
        assert!(endless.to_string().ends_with("found 5"), "the message does not overflow");
        let nan = Image::new([2, 1], vec![0.0, f32::NAN]).unwrap();
        assert!(matches!(
            nan.check_has_content(),
            Err(ImageError::NotFinite { column: 1, row: 0, .. })
        ));
        assert!(matches!(
            Image::zeros([2, 2]).check_has_content(),
            Err(ImageError::Constant { .. })
        ));
    }

    #[test]
    fn outside_there_is_nothing() {
        assert_eq!(image().get(4, 0), None);
        assert_eq!(image().get(0, 3), None);
        assert_eq!(image().quantile(0.5), 6.0);
    }
}
