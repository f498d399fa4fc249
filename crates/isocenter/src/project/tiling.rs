//! The detector, cut in tiles of neighbouring packs.

use super::pack::SIDE;

/// Rows of a tile: enough rays to share a block of slices, enough tiles to share the work.
pub(crate) const ROWS_PER_TILE: usize = 8;

/// Packs across a tile, at most: a tile's part of a block of slices fits the cache however the
/// detector is turned.
const PACKS_ACROSS_TILE: usize = 16;

/// Tiles of packs, row of tiles after row of tiles. Packs are counted over all tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiling {
    size_px: [usize; 2],
    packs_across: usize,
    tiles_across: usize,
}

/// The pixels of a pack: a square of neighbours, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackPlace {
    pub(crate) first_row: usize,
    pub(crate) first_column: usize,
    /// How many of the square's rows and columns are on the detector.
    rows: usize,
    columns: usize,
}

impl PackPlace {
    /// Row and column of a lane within the square.
    #[inline(always)]
    pub(crate) fn within(lane: usize) -> [usize; 2] {
        [lane / SIDE, lane % SIDE]
    }

    /// Whether a lane is a pixel of the detector.
    #[inline(always)]
    pub(crate) fn holds(&self, lane: usize) -> bool {
        let [row, column] = Self::within(lane);
        row < self.rows && column < self.columns
    }
}

impl Tiling {
    pub(crate) fn new(size_px: [usize; 2]) -> Self {
        let packs_across = size_px[0].div_ceil(SIDE).clamp(1, PACKS_ACROSS_TILE);
        let tiles_across = size_px[0].div_ceil(packs_across * SIDE);
        Self { size_px, packs_across, tiles_across }
    }

    /// Rows of tiles.
    pub(crate) fn bands(&self) -> usize {
        self.size_px[1].div_ceil(ROWS_PER_TILE)
    }

    /// Tiles in a band.
    pub(crate) fn tiles_across(&self) -> usize {
        self.tiles_across
    }

    pub(crate) fn packs_per_tile(&self) -> usize {
        self.packs_across * (ROWS_PER_TILE / SIDE)
    }

    /// The pixels of a pack.
    #[inline]
    pub(crate) fn place(&self, pack: usize) -> PackPlace {
        let [columns, rows] = self.size_px;
        let (tile, within) = (pack / self.packs_per_tile(), pack % self.packs_per_tile());
        let (band, tile_across) = (tile / self.tiles_across, tile % self.tiles_across);
        let first_row = band * ROWS_PER_TILE + within / self.packs_across * SIDE;
        let first_column = (tile_across * self.packs_across + within % self.packs_across) * SIDE;
        PackPlace {
            first_row,
            first_column,
            rows: rows.saturating_sub(first_row).min(SIDE),
            columns: columns.saturating_sub(first_column).min(SIDE),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the packs cover every pixel once, whatever the detector's size.
    use super::super::pack::LANES;
    use super::*;

    #[test]
    fn every_pixel_is_in_one_pack() {
        for size_px in [[1, 1], [8, 8], [17, 3], [64, 16], [65, 33], [200, 31], [256, 256]] {
            let tiling = Tiling::new(size_px);
            let mut seen = vec![0; size_px[0] * size_px[1]];
            let tiles = tiling.bands() * tiling.tiles_across();
            for pack in 0..tiles * tiling.packs_per_tile() {
                let place = tiling.place(pack);
                for lane in (0..LANES).filter(|&lane| place.holds(lane)) {
                    let [row, column] = PackPlace::within(lane);
                    let [row, column] = [place.first_row + row, place.first_column + column];
                    seen[row * size_px[0] + column] += 1;
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{size_px:?}");
        }
    }
}
