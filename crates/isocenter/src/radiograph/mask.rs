//! Which pixels of an image count: inside the collimator, off the markers.

use super::image::ImageError;

/// A choice of pixels, row by row from the top, columns from the left.
///
/// # Examples
/// ```
/// use isocenter::radiograph::Mask;
/// let mask = Mask::new([3, 1], vec![true, false, true]).unwrap();
/// assert_eq!(mask.count(), 2);
/// assert_eq!(mask.get(1, 0), Some(false));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    size_px: [usize; 2],
    used: Vec<bool>,
}

impl Mask {
    /// From one value for each pixel in row order: true where the pixel counts, false where it is
    /// ignored.
    ///
    /// # Shapes
    /// `size_px` = [columns, rows]; `used` has columns * rows values.
    ///
    /// # Errors
    /// If a side is zero or the number of values differs.
    pub fn new(size_px: [usize; 2], used: Vec<bool>) -> Result<Self, ImageError> {
        let [columns, rows] = size_px;
        if used.is_empty() || columns.checked_mul(rows) != Some(used.len()) {
            return Err(ImageError::Size { columns, rows, found: used.len() });
        }
        Ok(Self { size_px, used })
    }

    /// The mask in which every pixel counts. A side of zero is taken as one.
    #[must_use]
    pub fn all(size_px: [usize; 2]) -> Self {
        let size_px = size_px.map(|n| n.max(1));
        Self { size_px, used: vec![true; size_px[0] * size_px[1]] }
    }

    /// [columns, rows].
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        self.size_px
    }

    /// Whether each pixel counts, row by row.
    #[must_use]
    pub fn used(&self) -> &[bool] {
        &self.used
    }

    /// The number of pixels that count.
    #[must_use]
    pub fn count(&self) -> usize {
        self.used.iter().filter(|&&used| used).count()
    }

    /// Whether a pixel counts; `None` outside the image.
    #[must_use]
    pub fn get(&self, column: usize, row: usize) -> Option<bool> {
        (column < self.size_px[0])
            .then(|| self.used.get(row * self.size_px[0] + column).copied())
            .flatten()
    }

    /// The pixels whose eight neighbors lie in the image and count too.
    #[must_use]
    pub fn eroded(&self) -> Self {
        let [columns, rows] = self.size_px;
        let mut used = vec![false; self.used.len()];
        for row in 1..rows.saturating_sub(1) {
            for column in 1..columns.saturating_sub(1) {
                // The neighbors of an inner pixel are in range.
                used[row * columns + column] = (row - 1..=row + 1)
                    .map(|r| r * columns + column)
                    .all(|at| self.used[at - 1] && self.used[at] && self.used[at + 1]);
            }
        }
        Self { size_px: self.size_px, used }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a mask must fit its size, outside of it there is nothing, and erosion keeps what has
    //! all its neighbors.
    use super::*;

    #[test]
    fn sizes_must_fit() {
        assert_eq!(
            Mask::new([2, 2], vec![true; 3]),
            Err(ImageError::Size { columns: 2, rows: 2, found: 3 })
        );
        assert!(Mask::new([0, 2], vec![]).is_err());
        assert!(Mask::new([usize::MAX, 2], vec![true; 4]).is_err());
    }

    #[test]
    fn outside_there_is_nothing() {
        let mask = Mask::all([3, 2]);
        assert_eq!(mask.count(), 6);
        assert_eq!((mask.get(2, 1), mask.get(3, 0), mask.get(0, 2)), (Some(true), None, None));
    }

    #[test]
    fn erosion_keeps_what_has_all_its_neighbors() {
        let mut used = vec![true; 20];
        used[3] = false;
        let eroded = Mask::new([5, 4], used).unwrap().eroded();
        let kept: Vec<usize> = (0..20).filter(|&at| eroded.used()[at]).collect();
        assert_eq!(kept, [6, 11, 12, 13]);
        assert_eq!(Mask::all([2, 7]).eroded().count(), 0);
    }
}
