//! The transpose of the inner loop: what packs of rays carry is spread over a block of slices.
//!
//! Where the loop adds samples `V`, `V_x` and `V_y` up, this one hands `g`, `gx` and `gy` back to
//! the four voxels that each was made of, with the same weights.

use super::crossing::Crossing;
use super::dispatch::Task;
use super::kernel::slices_passed;
use super::occupancy::SLICES_PER_BLOCK;
use super::pack::{LANES, Lanes, Pack, Sums};
use super::slice_grid::SliceGrid;

/// Spreads what each of the packs' sums counts over a block of framed slices.
pub(crate) struct Scatter<'a> {
    grid: &'a SliceGrid,
    packs: &'a [Pack],
    /// Of each pack, channel after channel.
    carried: &'a [Sums],
    channels: usize,
    block: usize,
    /// The block's slices: channel after channel, then slice after slice.
    cells: &'a mut [f32],
    /// Whether more than values is carried.
    jet: bool,
}

impl<'a> Scatter<'a> {
    /// # Safety
    /// The packs must have been made ([`Pack::new`]) for the grid.
    pub(crate) unsafe fn new(
        grid: &'a SliceGrid,
        packs: &'a [Pack],
        (carried, channels): (&'a [Sums], usize),
        (cells, block): (&'a mut [f32], usize),
        jet: bool,
    ) -> Self {
        Self { grid, packs, carried, channels, block, cells, jet }
    }
}

impl Task for Scatter<'_> {
    #[inline(always)]
    fn run(self) {
        // SAFETY: `new` asks for it.
        unsafe { if self.jet { scatter_block::<true>(self) } else { scatter_block::<false>(self) } }
    }
}

/// # Safety
/// As [`Scatter::new`].
#[inline(always)]
unsafe fn scatter_block<const JET: bool>(scatter: Scatter<'_>) {
    let Scatter { grid, packs, carried, channels, block, cells, .. } = scatter;
    let length = grid.slice_stride() * channels;
    for (pack, carried) in packs.iter().zip(carried.chunks_exact(channels)) {
        let (first, last) = slices_passed(pack, block);
        for k in first..last {
            let within = k as usize - block * SLICES_PER_BLOCK;
            let of_slice = &mut cells[within * length..][..length];
            // SAFETY: passed on to the caller.
            let crossing = unsafe { Crossing::new(pack, grid, k) };
            let from_middle = (k - grid.middle()) as f32;
            for (slice, carried) in of_slice.chunks_exact_mut(grid.slice_stride()).zip(carried) {
                let corners = spread::<JET>(carried, &crossing, from_middle);
                // SAFETY: the voxels around all samples are inside the framed slice.
                unsafe { add(slice, &crossing.at, grid.row_stride(), &corners) };
            }
        }
    }
}

/// What the voxels at (x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1) of each lane receive.
#[inline(always)]
fn spread<const JET: bool>(
    carried: &Sums,
    crossing: &Crossing,
    k_from_middle: f32,
) -> [Lanes<f32>; 4] {
    let mut corners = [[0.0; LANES]; 4];
    for lane in 0..LANES {
        let (fx, fy) = (crossing.fx[lane], crossing.fy[lane]);
        let g = carried.value[lane];
        let (left, right) = ((1.0 - fx) * g, fx * g);
        let mut to = [(1.0 - fy) * left, (1.0 - fy) * right, fy * left, fy * right];
        if JET {
            let gx = carried.mx[lane] + k_from_middle * carried.mkx[lane];
            let gy = carried.my[lane] + k_from_middle * carried.mky[lane];
            let (low, high) = ((1.0 - fy) * gx, fy * gx);
            let (left, right) = ((1.0 - fx) * gy, fx * gy);
            to[0] -= low + left;
            to[1] += low - right;
            to[2] -= high - left;
            to[3] += high + right;
        }
        for (corner, value) in corners.iter_mut().zip(to) {
            corner[lane] = value;
        }
    }
    corners
}

/// # Safety
/// For every lane, `at + row_stride + 1` must be within the slice.
#[inline(always)]
unsafe fn add(slice: &mut [f32], at: &Lanes<i32>, row_stride: usize, corners: &[Lanes<f32>; 4]) {
    for lane in 0..LANES {
        let at = at[lane] as usize;
        for (offset, corner) in [0, 1, row_stride, row_stride + 1].into_iter().zip(corners) {
            // SAFETY: the caller's.
            unsafe { *slice.get_unchecked_mut(at + offset) += corner[lane] };
        }
    }
}
