//! The transpose of the inner loop: what packs of rays carry is spread over a block of slices.
//!
//! Where the loop adds samples `V`, `V_x` and `V_y` up, this one hands `g`, `gx` and `gy` back to
//! the four voxels that each was made of, with the same weights.
//!
//! What a voxel receives as the left one of two neighbours and what its right neighbour receives
//! are kept side by side, as a [`Pair`], until all rays are through. So each sample makes two
//! additions in memory instead of four, and two that follow each other meet in the same place or
//! not at all: half-overlapping ones would have to wait for each other.

use super::crossing::Crossing;
use super::dispatch::Task;
use super::pack::{LANES, Lanes, Pack, Sums};
use super::slice_grid::SliceGrid;

/// Block of slices that a task owns. Fewer than the forward loop's: pairs take more memory.
pub(crate) const SLICES_PER_BLOCK: usize = 4;

/// What the voxel at x receives from samples beyond it, and what the one at x + 1 receives from the
/// same samples.
pub(crate) type Pair = [f32; 2];

/// Spreads what each of the packs' sums counts over a block of framed slices.
pub(crate) struct Scatter<'a> {
    grid: &'a SliceGrid,
    packs: &'a [Pack],
    /// Of each pack, channel after channel.
    carried: &'a [Sums],
    channels: usize,
    block: usize,
    /// The block's slices: channel after channel, then slice after slice.
    cells: &'a mut [Pair],
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
        (cells, block): (&'a mut [Pair], usize),
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
        let (first, last) = pack.passes(block, SLICES_PER_BLOCK);
        for k in first..last {
            let within = k as usize - block * SLICES_PER_BLOCK;
            let of_slice = &mut cells[within * length..][..length];
            // SAFETY: passed on to the caller.
            let crossing = unsafe { Crossing::new(pack, grid, k) };
            let from_middle = (k - grid.middle()) as f32;
            for (slice, carried) in of_slice.chunks_exact_mut(grid.slice_stride()).zip(carried) {
                let spread = std::hint::black_box(spread::<JET>(carried, &crossing, from_middle));
                // SAFETY: the voxels around all samples are inside the framed slice.
                unsafe { add(slice, &crossing.at, grid.row_stride(), &spread) };
            }
        }
    }
}

/// What the voxels of the four corners of each lane receive: two pairs.
struct Spread {
    low: [Pair; LANES],
    high: [Pair; LANES],
}

#[inline(always)]
fn spread<const JET: bool>(carried: &Sums, crossing: &Crossing, k_from_middle: f32) -> Spread {
    let mut spread = Spread { low: [[0.0; 2]; LANES], high: [[0.0; 2]; LANES] };
    for lane in 0..LANES {
        let (fx, fy) = (crossing.fx[lane], crossing.fy[lane]);
        let g = carried.value[lane];
        let (left, right) = ((1.0 - fx) * g, fx * g);
        let mut low = [(1.0 - fy) * left, (1.0 - fy) * right];
        let mut high = [fy * left, fy * right];
        if JET {
            let gx = carried.mx[lane] + k_from_middle * carried.mkx[lane];
            let gy = carried.my[lane] + k_from_middle * carried.mky[lane];
            let (low_gx, high_gx) = ((1.0 - fy) * gx, fy * gx);
            let (left_gy, right_gy) = ((1.0 - fx) * gy, fx * gy);
            low = [low[0] - low_gx - left_gy, low[1] + low_gx - right_gy];
            high = [high[0] - high_gx + left_gy, high[1] + high_gx + right_gy];
        }
        (spread.low[lane], spread.high[lane]) = (low, high);
    }
    spread
}

/// # Safety
/// For every lane, `at + row_stride` must be within the slice.
#[inline(always)]
unsafe fn add(slice: &mut [Pair], at: &Lanes<i32>, row_stride: usize, spread: &Spread) {
    for lane in 0..LANES {
        let at = at[lane] as usize;
        for (at, pair) in [(at, spread.low[lane]), (at + row_stride, spread.high[lane])] {
            // SAFETY: the caller's.
            let cell = unsafe { slice.get_unchecked_mut(at) };
            *cell = [cell[0] + pair[0], cell[1] + pair[1]];
        }
    }
}
