//! Where the rays of a pack cross a slice.

use super::pack::{LANES, Lanes, Pack};
use super::slice_grid::SliceGrid;

/// The voxel below each sample, as its place in the framed slice, and how far the sample is beyond
/// it. Of rays that do not meet the slice: the frame's first corner.
pub(crate) struct Crossing {
    pub(crate) at: Lanes<i32>,
    pub(crate) fx: Lanes<f32>,
    pub(crate) fy: Lanes<f32>,
}

impl Crossing {
    /// Of the slice `k`. The four voxels around every sample, at `at`, `at + 1`, and one row
    /// further, are inside the framed slice.
    ///
    /// # Safety
    /// The pack must have been made for the grid.
    #[inline(always)]
    pub(crate) unsafe fn new(pack: &Pack, grid: &SliceGrid, k: i32) -> Self {
        // SAFETY: the caller's; `all` are the slices that all rays meet.
        unsafe {
            if pack.all.0 <= k && k < pack.all.1 {
                Self::of::<false>(pack, grid, k)
            } else {
                Self::of::<true>(pack, grid, k)
            }
        }
    }

    /// `PARTIAL` where not all rays meet the slice.
    ///
    /// # Safety
    /// As [`Self::new`]; without `PARTIAL`, all rays must meet the slice.
    #[inline(always)]
    unsafe fn of<const PARTIAL: bool>(pack: &Pack, grid: &SliceGrid, k: i32) -> Self {
        let from_middle = (k - grid.middle()) as f32;
        let row_stride = grid.row_stride() as i32;
        let mut crossing = Self { at: [0; LANES], fx: [0.0; LANES], fy: [0.0; LANES] };
        for lane in 0..LANES {
            let mut x = pack.x0[lane] + from_middle * pack.dx[lane];
            let mut y = pack.y0[lane] + from_middle * pack.dy[lane];
            if PARTIAL {
                let here = pack.begin[lane] <= k && k < pack.end[lane];
                (x, y) = if here { (x, y) } else { (0.0, 0.0) };
            }
            // SAFETY: `Pack::new` has proven 0 <= x, y < side of the framed slice for rays that
            // meet it.
            let (ix, iy) = unsafe { (x.to_int_unchecked::<i32>(), y.to_int_unchecked::<i32>()) };
            crossing.fx[lane] = x - ix as f32;
            crossing.fy[lane] = y - iy as f32;
            crossing.at[lane] = iy * row_stride + ix;
        }
        crossing
    }
}
