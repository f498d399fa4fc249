//! Regions of an image: what is cropped from it, before anything is compared.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Why an image has no such region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegionError {
    /// The region does not lie in the image.
    #[error(
        "the region {region} ends at column {last_column}, row {last_row}, but the image has \
         {columns} x {rows} pixels: choose a region within the image, such as {columns}x{rows}+0+0",
        columns = .size_px[0], rows = .size_px[1],
        last_column = .region.last_px()[0], last_row = .region.last_px()[1]
    )]
    Outside {
        /// The region.
        region: PixelRegion,
        /// Columns and rows of the image.
        size_px: [usize; 2],
    },
    /// The region is too small to compare.
    #[error(
        "the region {region} has {columns} x {rows} pixels: at least {least} x {least} are needed",
        columns = .region.size_px[0], rows = .region.size_px[1],
        least = PixelRegion::SHORTEST_SIDE_PX
    )]
    TooSmall {
        /// The region.
        region: PixelRegion,
    },
}

/// A rectangle of pixels in an image, written as X11 geometry: `COLUMNSxROWS+X+Y`.
///
/// # Examples
/// ```
/// use isocenter::geometry::PixelRegion;
/// // 640 columns and 480 rows; the first is column 100 in row 50.
/// let region: PixelRegion = "640x480+100+50".parse().unwrap();
/// assert_eq!((region.size_px(), region.first_px()), ([640, 480], [100, 50]));
/// assert_eq!(region.to_string(), "640x480+100+50");
/// assert!(region.check_within([740, 530]).is_ok());
/// assert!(region.check_within([739, 530]).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelRegion {
    size_px: [usize; 2],
    first_px: [usize; 2],
}

impl PixelRegion {
    /// The shortest side that is accepted (px): the coarsest images of a registration need that many.
    pub const SHORTEST_SIDE_PX: usize = 16;

    /// The region of a size whose first pixel is the given one.
    ///
    /// # Units
    /// Pixels: [columns, rows] and [column, row], counted from 0.
    ///
    /// # Errors
    /// If a side is shorter than [`SHORTEST_SIDE_PX`](Self::SHORTEST_SIDE_PX).
    pub fn new(size_px: [usize; 2], first_px: [usize; 2]) -> Result<Self, RegionError> {
        let region = Self { size_px, first_px };
        if size_px.iter().any(|&side| side < Self::SHORTEST_SIDE_PX) {
            return Err(RegionError::TooSmall { region });
        }
        Ok(region)
    }

    /// Number of pixels: [columns, rows].
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        self.size_px
    }

    /// The first pixel: [column, row].
    #[must_use]
    pub fn first_px(&self) -> [usize; 2] {
        self.first_px
    }

    /// The last pixel: [column, row].
    #[must_use]
    pub fn last_px(&self) -> [usize; 2] {
        let last =
            |axis: usize| self.first_px[axis].saturating_add(self.size_px[axis]).saturating_sub(1);
        [last(0), last(1)]
    }

    /// Whether the region holds a pixel.
    #[must_use]
    pub fn contains(&self, pixel_px: [usize; 2]) -> bool {
        let last = self.last_px();
        (0..2).all(|axis| (self.first_px[axis]..=last[axis]).contains(&pixel_px[axis]))
    }

    /// Checks that the region lies in an image.
    ///
    /// # Units
    /// `size_px`: [columns, rows].
    ///
    /// # Errors
    /// If a part of the region lies outside.
    pub fn check_within(&self, size_px: [usize; 2]) -> Result<(), RegionError> {
        let last = self.last_px();
        if (0..2).any(|axis| last[axis] >= size_px[axis]) {
            return Err(RegionError::Outside { region: *self, size_px });
        }
        Ok(())
    }

    /// Where a position (px) of the image is in the region.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::PixelRegion;
    /// let region: PixelRegion = "640x480+100+50".parse().unwrap();
    /// assert_eq!(region.position_px([110.5, 40.0]), [10.5, -10.0]);
    /// ```
    #[must_use]
    pub fn position_px(&self, [u, v]: [f64; 2]) -> [f64; 2] {
        [u - self.first_px[0] as f64, v - self.first_px[1] as f64]
    }

    /// The region's pixels, row by row, of an image's values.
    pub(crate) fn cropped<T: Copy>(
        &self,
        values: &[T],
        size_px: [usize; 2],
    ) -> Result<Vec<T>, RegionError> {
        self.check_within(size_px)?;
        let [first, last] = [self.first_px, self.last_px()];
        let rows = values.chunks_exact(size_px[0]).skip(first[1]).take(self.size_px[1]);
        Ok(rows.flat_map(|row| &row[first[0]..=last[0]]).copied().collect())
    }
}

/// A text that is not a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRegionError {
    /// It is written otherwise.
    #[error("'{found}' is not a region: write COLUMNSxROWS+X+Y in pixels, such as 640x480+100+50")]
    Form {
        /// The text.
        found: String,
    },
    /// There cannot be such a region.
    #[error(transparent)]
    Region(#[from] RegionError),
}

impl FromStr for PixelRegion {
    type Err = ParseRegionError;

    fn from_str(text: &str) -> Result<Self, ParseRegionError> {
        // Digits alone: `parse` also takes a sign.
        let number = |digits: &str| {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let numbers = || {
            let (columns, rest) = text.split_once(['x', 'X'])?;
            let (rows, place) = rest.split_once('+')?;
            let (x, y) = place.split_once('+')?;
            Some([number(columns)?, number(rows)?, number(x)?, number(y)?])
        };
        let [columns, rows, x, y] =
            numbers().ok_or_else(|| ParseRegionError::Form { found: text.to_owned() })?;
        Ok(Self::new([columns, rows], [x, y])?)
    }
}

impl fmt::Display for PixelRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([columns, rows], [x, y]) = (self.size_px, self.first_px);
        write!(f, "{columns}x{rows}+{x}+{y}")
    }
}

/// As it is written.
impl Serialize for PixelRegion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: regions are read as they are written, whatever else is refused, also where numbers
    //! overflow; what is outside an image is; and crops hold the right pixels.
    use super::*;

    #[test]
    fn regions_are_read_as_they_are_written() {
        for text in ["640x480+0+0", "16x1000+7+12345"] {
            assert_eq!(text.parse::<PixelRegion>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "640x480",
            "640x480+1",
            "640x480+1+",
            "-640x480+1+1",
            "640x480+-1+1",
            "640x480-1-1",
        ] {
            let error = text.parse::<PixelRegion>().unwrap_err();
            assert_eq!(error, ParseRegionError::Form { found: text.to_owned() });
        }
        let small = "640x15+1+2".parse::<PixelRegion>().unwrap_err().to_string();
        assert!(small.contains("640 x 15") && small.contains("16 x 16"), "{small}");
    }

    #[test]
    fn what_is_outside_is_told() {
        let region = PixelRegion::new([20, 30], [5, 6]).unwrap();
        assert_eq!(region.check_within([25, 36]), Ok(()));
        for size in [[24, 36], [25, 35]] {
            let error = region.check_within(size).unwrap_err();
            assert_eq!(error, RegionError::Outside { region, size_px: size });
            assert!(error.to_string().contains("column 24, row 35"), "{error}");
        }
        let endless = PixelRegion::new([usize::MAX, 30], [usize::MAX, 6]).unwrap();
        assert!(endless.check_within([100, 100]).is_err());
        assert!(
            region.contains([24, 35]) && !region.contains([25, 35]) && !region.contains([4, 6])
        );
    }

    #[test]
    fn crops_hold_the_right_pixels() {
        let values: Vec<usize> = (0..40 * 50).collect();
        let region = PixelRegion::new([20, 30], [5, 6]).unwrap();
        let cropped = region.cropped(&values, [40, 50]).unwrap();
        assert_eq!(cropped.len(), 600);
        assert_eq!((cropped[0], cropped[21], cropped[599]), (245, 286, 1424));
        assert!(region.cropped(&values, [50, 35]).is_err());
    }
}
