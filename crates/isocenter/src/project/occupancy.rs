//! Where a volume is more than air, for skipping.
//!
//! Slices are grouped in blocks, and each block is cut into tiles of voxels. A table of sums over
//! the tiles that hold something answers with four look-ups whether a rectangle of a block is empty.
//!
//! # References
//! F. C. Crow, SIGGRAPH 1984, doi:10.1145/800031.808600 (summed-area tables).

use super::slice_grid::SliceGrid;
use super::slices::filled;

/// Slices per block. Rays march block by block, so that the voxels between neighbouring rays are
/// still in the cache when the next ray asks for them.
pub(crate) const SLICES_PER_BLOCK: usize = 8;

/// Voxels along a tile's side.
const TILE: usize = 8;

/// Summed tables of the tiles that hold something, one per block.
#[derive(Debug)]
pub(crate) struct Occupancy {
    /// Tiles along x and y.
    tiles: [usize; 2],
    /// Per block a table of (tiles x + 1) x (tiles y + 1) sums.
    sums: Vec<u32>,
}

impl Occupancy {
    /// Of framed slices, a cell being air where all channels are.
    pub(crate) fn new<C: Copy + Sync>(
        cells: &[C],
        grid: &SliceGrid,
        channels: usize,
        is_air: impl Fn(C) -> bool + Sync,
    ) -> Self {
        let (row_stride, rows) = (grid.row_stride(), grid.rows());
        let tiles = [row_stride, rows].map(|n| n.div_ceil(TILE));
        let [nx, ny] = tiles;
        let cells_per_block = grid.slice_stride() * channels * SLICES_PER_BLOCK;
        let blocks = cells.len().div_ceil(cells_per_block);
        let sums = filled((nx + 1) * (ny + 1), blocks, |table: &mut [u32], block| {
            let mut is_filled = vec![false; nx * ny];
            let last = ((block + 1) * cells_per_block).min(cells.len());
            let of_block = &cells[block * cells_per_block..last];
            for (row, cells) in of_block.chunks_exact(row_stride).enumerate() {
                let tiles_of_row = &mut is_filled[row % rows / TILE * nx..][..nx];
                for (tile, cells) in tiles_of_row.iter_mut().zip(cells.chunks(TILE)) {
                    *tile |= !cells.iter().all(|&cell| is_air(cell));
                }
            }
            for y in 0..ny {
                for x in 0..nx {
                    table[(y + 1) * (nx + 1) + x + 1] = u32::from(is_filled[y * nx + x])
                        + table[y * (nx + 1) + x + 1]
                        + table[(y + 1) * (nx + 1) + x]
                        - table[y * (nx + 1) + x];
                }
            }
        });
        Self { tiles, sums }
    }

    /// The memory it takes (bytes).
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.sums[..])
    }

    /// Whether a block is air all over the samples between two corners, in framed voxels; a sample
    /// reaches to the next voxel in both directions.
    #[inline]
    pub(crate) fn is_air(&self, block: usize, low: [f32; 2], high: [f32; 2]) -> bool {
        let [nx, ny] = self.tiles;
        // Casts saturate: what lies outside is cut to the slice.
        let from = |v: f32| v as usize / TILE;
        let to = |v: f32, n: usize| ((v as usize).saturating_add(1) / TILE + 1).min(n);
        let (x0, x1) = (from(low[0]).min(nx), to(high[0], nx));
        let (y0, y1) = (from(low[1]).min(ny), to(high[1], ny));
        let stride = nx + 1;
        let first = block * stride * (ny + 1);
        let at = |x: usize, y: usize| self.sums.get(first + y * stride + x).copied().unwrap_or(1);
        // Additions first: differences of sums, never negative.
        x0 >= x1 || y0 >= y1 || at(x1, y1) + at(x0, y0) == at(x0, y1) + at(x1, y0)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: nothing that is not air in any channel is ever called air, and most air is.
    use super::super::axis::MarchAxis;
    use super::super::slice_grid::FRAME;
    use super::*;
    use crate::volume::{Affine, Region, Volume};

    #[test]
    fn what_is_not_air_is_found() {
        let dims = [40, 33, 20];
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        let air = Volume::new(dims, vec![0.0_f32; 40 * 33 * 20], affine).unwrap();
        let grid = SliceGrid::new(&air, &Region::whole(&air), MarchAxis::K);
        let (vx, vy, vz) = (17, 25, 11);
        let (x, y) = ((vx + FRAME) as f32, (vy + FRAME) as f32);
        for (channels, channel) in [(1, 0), (3, 0), (3, 2)] {
            let mut cells = vec![0.0_f32; grid.slice_stride() * channels * dims[2]];
            let slice = &mut cells[(vz * channels + channel) * grid.slice_stride()..];
            slice[grid.row_in_slice(vy) + vx] = 1.0;
            let occupancy = Occupancy::new(&cells, &grid, channels, |cell| cell == 0.0);
            // In framed voxels; samples up to one voxel below reach it.
            for (dx, dy) in [(0.0, 0.0), (-0.99, -0.99), (0.99, 0.5)] {
                let at = [x + dx, y + dy];
                assert!(!occupancy.is_air(1, at, at));
                assert!(!occupancy.is_air(1, [0.0, 0.0], [1e9, 1e9]));
                assert!(occupancy.is_air(0, at, at) && occupancy.is_air(2, at, at));
            }
            assert!(occupancy.is_air(1, [x + 17.0, 0.0], [1e9, 1e9]));
            assert!(occupancy.is_air(1, [0.0, 0.0], [1e9, y - 17.0]));
            assert!(occupancy.is_air(1, [-5.0, -5.0], [-4.0, -3.0]));
        }
    }
}
