//! Which pixels of an image count: inside the collimator, off the markers.

use super::image::ImageError;
use crate::geometry::{ImageFlip, PixelRegion, RegionError};

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
    pub(super) size_px: [usize; 2],
    pub(super) used: Vec<bool>,
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

    /// The mask of an image in which the pixels of a region count.
    ///
    /// # Errors
    /// If the region does not lie in the image.
    pub fn of_region(region: &PixelRegion, size_px: [usize; 2]) -> Result<Self, RegionError> {
        region.check_within(size_px)?;
        let pixel = |at: usize| region.contains([at % size_px[0], at / size_px[0]]);
        Ok(Self { size_px, used: (0..size_px[0] * size_px[1]).map(pixel).collect() })
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

    /// The pixels that do not count.
    #[must_use]
    pub fn inverted(&self) -> Self {
        Self { size_px: self.size_px, used: self.used.iter().map(|used| !used).collect() }
    }

    /// What counts in one field of a grid that divides the image into `per_side` x `per_side`;
    /// `field` is its column and row.
    ///
    /// # Examples
    /// ```
    /// use isocenter::radiograph::Mask;
    /// let lower_left = Mask::all([5, 4]).field(2, [0, 1]);
    /// assert_eq!(lower_left.count(), 4);
    /// assert_eq!(lower_left.get(1, 2), Some(true));
    /// ```
    #[must_use]
    pub fn field(&self, per_side: usize, field: [usize; 2]) -> Self {
        let [columns, rows] = [0, 1].map(|axis| {
            let edge = |n: usize| self.size_px[axis] * n / per_side.max(1);
            edge(field[axis])..edge(field[axis] + 1)
        });
        let within = |at: usize| {
            columns.contains(&(at % self.size_px[0])) && rows.contains(&(at / self.size_px[0]))
        };
        let used = self.used.iter().enumerate().map(|(at, &used)| used && within(at)).collect();
        Self { size_px: self.size_px, used }
    }

    /// The mask with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        mirrored.used.chunks_exact_mut(self.size_px[0]).for_each(<[bool]>::reverse);
        mirrored
    }

    /// The mask of the flipped image.
    #[must_use]
    pub fn flipped(&self, flip: ImageFlip) -> Self {
        let mut flipped = self.clone();
        if matches!(flip, ImageFlip::Columns | ImageFlip::Both) {
            flipped = flipped.mirrored();
        }
        if matches!(flip, ImageFlip::Rows | ImageFlip::Both) {
            let rows = flipped.used.chunks_exact(self.size_px[0]).rev();
            flipped.used = rows.flatten().copied().collect();
        }
        flipped
    }

    /// The mask of a region of the image.
    ///
    /// # Errors
    /// If the region does not lie in the image.
    pub fn cropped(&self, region: &PixelRegion) -> Result<Self, RegionError> {
        let used = region.cropped(&self.used, self.size_px)?;
        Ok(Self { size_px: region.size_px(), used })
    }

    /// The pixels that count in both masks; of another size, those of the first.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        if other.size_px == self.size_px {
            both.used.iter_mut().zip(&other.used).for_each(|(used, other)| *used &= other);
        }
        both
    }

    /// The mask of the image whose pixels are means of `factor` x `factor` pixels
    /// ([`Image::binned_within`](super::Image::binned_within)): one counts if at least half of its
    /// pixels do.
    #[must_use]
    pub fn binned(&self, factor: usize) -> Self {
        let share = super::Image::of_mask(self).binned(factor);
        let used = share.pixels().iter().map(|&share| share >= 0.5).collect();
        Self { size_px: share.size_px(), used }
    }

    /// The pixels that have one that counts within the given number of columns and rows.
    #[must_use]
    pub fn dilated(&self, radius_px: usize) -> Self {
        let [columns, rows] = self.size_px;
        // Along the rows, then along the columns; a running count keeps both independent of the radius.
        let along = |length: usize, at: &dyn Fn(usize) -> bool, set: &mut dyn FnMut(usize)| {
            let mut last_seen = None;
            let mut upcoming = (0..length).filter(|&n| at(n)).peekable();
            for n in 0..length {
                while let Some(&next) = upcoming.peek() {
                    if next > n.saturating_add(radius_px) {
                        break;
                    }
                    last_seen = upcoming.next();
                }
                if last_seen.is_some_and(|seen: usize| seen.saturating_add(radius_px) >= n) {
                    set(n);
                }
            }
        };
        let mut wide = vec![false; self.used.len()];
        for row in 0..rows {
            let start = row * columns;
            along(columns, &|c| self.used[start + c], &mut |c| wide[start + c] = true);
        }
        let mut used = vec![false; self.used.len()];
        for column in 0..columns {
            along(rows, &|r| wide[r * columns + column], &mut |r| {
                used[r * columns + column] = true
            });
        }
        Self { size_px: self.size_px, used }
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
    //! Proves: a mask must fit its size, outside of it there is nothing, dilation reaches as far as
    //! its radius, and erosion keeps what has all its neighbors.
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
    fn dilation_reaches_as_far_as_the_radius() {
        let at = |set: &[(usize, usize)]| {
            let used = (0..63).map(|n| set.contains(&(n % 9, n / 9))).collect();
            Mask::new([9, 7], used).unwrap()
        };
        let mask = at(&[(1, 5), (7, 1)]);
        assert_eq!(mask.dilated(0), mask);
        for radius in 1..12 {
            let dilated = mask.dilated(radius);
            for row in 0..7_usize {
                for column in 0..9_usize {
                    let near = |c: usize, r: usize| {
                        column.abs_diff(c) <= radius && row.abs_diff(r) <= radius
                    };
                    assert_eq!(dilated.get(column, row), Some(near(1, 5) || near(7, 1)));
                }
            }
        }
        assert_eq!(at(&[]).dilated(3).count(), 0);
    }

    #[test]
    fn flips_are_those_of_images() {
        let used: Vec<bool> = (0..12).map(|n| n % 5 == 0 || n == 7).collect();
        let mask = Mask::new([4, 3], used).unwrap();
        for flip in [ImageFlip::None, ImageFlip::Columns, ImageFlip::Rows, ImageFlip::Both] {
            let image = super::super::Image::of_mask(&mask).flipped(flip);
            assert_eq!(super::super::Image::of_mask(&mask.flipped(flip)), image, "{flip}");
        }
    }

    #[test]
    fn crops_are_those_of_images() {
        let used: Vec<bool> = (0..1200).map(|n| n % 7 == 0).collect();
        let mask = Mask::new([40, 30], used).unwrap();
        let region = PixelRegion::new([20, 17], [11, 13]).unwrap();
        let image = super::super::Image::of_mask(&mask).cropped(&region).unwrap();
        let cropped = mask.cropped(&region).unwrap();
        assert_eq!(super::super::Image::of_mask(&cropped), image);
        assert!(Mask::all([30, 30]).cropped(&region).is_err());
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
