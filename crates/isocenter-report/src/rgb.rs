//! A picture: 8 bits each of red, green and blue.

use isocenter::radiograph::Image;

/// A picture of 8-bit red, green and blue, row by row from the top, as PNG stores it.
///
/// # Examples
/// ```
/// use isocenter_report::RgbImage;
/// let picture = RgbImage::filled([2, 1], [255, 0, 0]);
/// assert_eq!(picture.pixels(), &[255, 0, 0, 255, 0, 0]);
/// assert_eq!(picture.get(1, 0), Some([255, 0, 0]));
/// assert_eq!(picture.get(2, usize::MAX), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    size_px: [usize; 2],
    pixels: Vec<u8>,
}

impl RgbImage {
    /// A picture of one color. A side of zero is taken as one.
    #[must_use]
    pub fn filled(size_px: [usize; 2], color: [u8; 3]) -> Self {
        let size_px = size_px.map(|n| n.max(1));
        Self { size_px, pixels: color.repeat(size_px[0] * size_px[1]) }
    }

    /// A picture whose channels are three images with values from 0 (dark) to 1 (bright), all of
    /// the size of the first.
    pub(crate) fn from_channels([red, green, blue]: [&Image; 3]) -> Self {
        let channels = red.pixels().iter().zip(green.pixels()).zip(blue.pixels());
        let pixels = channels.flat_map(|((&r, &g), &b)| [r, g, b].map(to_byte)).collect();
        Self { size_px: red.size_px(), pixels }
    }

    /// [columns, rows].
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        self.size_px
    }

    /// Red, green, blue of each pixel, row by row: 3 * columns * rows bytes.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// [`RgbImage::pixels`] by value.
    #[must_use]
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// The color of a pixel; `None` outside the picture.
    #[must_use]
    pub fn get(&self, column: usize, row: usize) -> Option<[u8; 3]> {
        if column >= self.size_px[0] || row >= self.size_px[1] {
            return None;
        }
        self.pixels.as_chunks::<3>().0.get(row * self.size_px[0] + column).copied()
    }

    /// Moves each pixel towards `color` by `opacity` times the coverage at the same place: 0
    /// leaves it, 1 sets it. `coverage` holds one value per pixel.
    pub(crate) fn blend(&mut self, coverage: &[f32], color: [u8; 3], opacity: f32) {
        for (pixel, &covered) in self.pixels.as_chunks_mut::<3>().0.iter_mut().zip(coverage) {
            let alpha = opacity * covered;
            for (channel, paint) in pixel.iter_mut().zip(color) {
                let (under, over) = (f32::from(*channel), f32::from(paint));
                *channel = (under + alpha * (over - under)).round() as u8;
            }
        }
    }

    /// Copies a picture into this one with its first pixel at (column, row); what does not fit is
    /// left out.
    pub(crate) fn paste(&mut self, picture: &Self, column: usize, row: usize) {
        let width = 3 * picture.size_px[0].min(self.size_px[0].saturating_sub(column));
        if width == 0 {
            return;
        }
        let stride = 3 * self.size_px[0];
        let targets = self.pixels.chunks_exact_mut(stride).skip(row);
        for (target, source) in targets.zip(picture.pixels.chunks_exact(3 * picture.size_px[0])) {
            // In range: 3 * column + width is at most the stride.
            target[3 * column..3 * column + width].copy_from_slice(&source[..width]);
        }
    }
}

/// From 0..1 to 0..255; NaN is 0.
fn to_byte(value: f32) -> u8 {
    (255.0 * value).round() as u8
}

#[cfg(test)]
mod tests {
    //! Proves: a pasted picture lands where it should and never outside; blending is linear.
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut canvas = RgbImage::filled([3, 2], [0; 3]);
        canvas.paste(&RgbImage::filled([2, 2], [9; 3]), 2, 1);
        canvas.paste(&RgbImage::filled([2, 2], [7; 3]), 3, 0);
        let lit: Vec<_> = (0..6).filter(|i| canvas.get(i % 3, i / 3) != Some([0; 3])).collect();
        assert_eq!(lit, [5]);
    }

    #[test]
    fn blending_is_linear() {
        let mut canvas = RgbImage::filled([3, 1], [100; 3]);
        canvas.blend(&[0.0, 0.5, 1.0], [200, 100, 0], 0.5);
        assert_eq!(canvas.pixels(), &[100, 100, 100, 125, 100, 75, 150, 100, 50]);
    }
}
