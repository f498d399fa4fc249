//! Loading the four voxels around each sample of a pack from the cells of a storage.
//!
//! Plain loads: gathers of 64 bits with AVX-512 were slower on the machine at hand.

use super::pack::Lanes;

/// The voxels at (x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1) of each lane.
pub(crate) struct Corners {
    pub(crate) v00: Lanes<f32>,
    pub(crate) v01: Lanes<f32>,
    pub(crate) v10: Lanes<f32>,
    pub(crate) v11: Lanes<f32>,
}

/// A way to load corners from cells.
pub(crate) trait Load {
    /// What lies in memory: see [`super::slices::Cells`].
    type Cell: Copy;

    /// The corners of each lane.
    ///
    /// # Safety
    /// For every lane, `at + row_stride + 1` must be within the slice.
    unsafe fn corners(slice: &[Self::Cell], at: &Lanes<i32>, row_stride: usize) -> Corners;
}

/// Corners from f32 cells.
pub(crate) struct LoadF32;

impl Load for LoadF32 {
    type Cell = f32;

    #[inline(always)]
    unsafe fn corners(slice: &[f32], at: &Lanes<i32>, row_stride: usize) -> Corners {
        // SAFETY: the caller's.
        let voxel =
            |offset: usize| at.map(|at| unsafe { *slice.get_unchecked(at as usize + offset) });
        Corners { v00: voxel(0), v01: voxel(1), v10: voxel(row_stride), v11: voxel(row_stride + 1) }
    }
}

/// Corners from 16-bit cells.
pub(crate) struct LoadU16;

impl Load for LoadU16 {
    type Cell = u32;

    #[inline(always)]
    unsafe fn corners(slice: &[u32], at: &Lanes<i32>, _row_stride: usize) -> Corners {
        // SAFETY: the caller's.
        let cell =
            |offset: usize| at.map(|at| unsafe { *slice.get_unchecked(at as usize + offset) });
        split(&cell(0), &cell(1))
    }
}

/// The corners of 16-bit cells at x and x + 1.
#[inline(always)]
fn split(left: &Lanes<u32>, right: &Lanes<u32>) -> Corners {
    let low = |cell: &Lanes<u32>| cell.map(|c| (c & 0xffff) as i32 as f32);
    let high = |cell: &Lanes<u32>| cell.map(|c| (c >> 16) as i32 as f32);
    Corners { v00: low(left), v01: low(right), v10: high(left), v11: high(right) }
}
