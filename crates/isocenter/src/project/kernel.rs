//! The inner loop: packs of rays march through a block of slices.

use super::crossing::Crossing;
use super::dispatch::Task;
use super::load::{Corners, Load, LoadF32, LoadU16};
use super::occupancy::SLICES_PER_BLOCK;
use super::pack::{LANES, Pack, Sums};
use super::slices::{Cells, Slices};

/// Takes packs through a block of slices, adding up samples and, for a jet, the derivatives' sums.
pub(crate) struct March<'a> {
    slices: &'a Slices,
    packs: &'a [Pack],
    /// Of each pack, channel after channel.
    sums: &'a mut [Sums],
    block: usize,
    jet: bool,
}

impl<'a> March<'a> {
    /// # Safety
    /// The packs must have been made ([`Pack::new`]) for the grid of these slices.
    pub(crate) unsafe fn new(
        slices: &'a Slices,
        packs: &'a [Pack],
        sums: &'a mut [Sums],
        block: usize,
        jet: bool,
    ) -> Self {
        Self { slices, packs, sums, block, jet }
    }
}

impl Task for March<'_> {
    #[inline(always)]
    fn run(self) {
        // SAFETY: `new` asks for it; the cells are those of the slices.
        unsafe {
            match (&self.slices.cells, self.jet) {
                (Cells::F32(cells), false) => march_block::<LoadF32, false>(self, cells),
                (Cells::F32(cells), true) => march_block::<LoadF32, true>(self, cells),
                (Cells::U16(cells), false) => march_block::<LoadU16, false>(self, cells),
                (Cells::U16(cells), true) => march_block::<LoadU16, true>(self, cells),
            }
        }
    }
}

/// # Safety
/// As [`March::new`]; `cells` must be the slices'.
#[inline(always)]
unsafe fn march_block<L: Load, const JET: bool>(march: March<'_>, cells: &[L::Cell]) {
    let March { slices, packs, sums, block, .. } = march;
    let grid = &slices.grid;
    let middle = grid.middle();
    for (pack, sums) in packs.iter().zip(sums.chunks_exact_mut(slices.channels)) {
        let (first, last) = pack.passes(block, SLICES_PER_BLOCK);
        if first >= last {
            continue;
        }
        let (low, high) = pack.bounds((first - middle) as f32, (last - 1 - middle) as f32);
        if slices.occupancy.is_air(block, low, high) {
            continue;
        }
        for k in first..last {
            let length = grid.slice_stride() * slices.channels;
            let channels = &cells[k as usize * length..][..length];
            // SAFETY: passed on to the caller.
            let crossing = unsafe { Crossing::new(pack, grid, k) };
            let from_middle = (k - middle) as f32;
            for (slice, sums) in channels.chunks_exact(grid.slice_stride()).zip(&mut *sums) {
                // SAFETY: the voxels around all samples are inside the framed slice.
                let corners = unsafe { L::corners(slice, &crossing.at, grid.row_stride()) };
                accumulate::<JET>(sums, &corners, &crossing, from_middle);
            }
        }
    }
}

#[inline(always)]
fn accumulate<const JET: bool>(
    sums: &mut Sums,
    corners: &Corners,
    crossing: &Crossing,
    k_from_middle: f32,
) {
    let Corners { v00, v01, v10, v11 } = corners;
    let Crossing { fx, fy, .. } = crossing;
    for lane in 0..LANES {
        let (bottom, top) = (v01[lane] - v00[lane], v11[lane] - v10[lane]);
        let low = v00[lane] + fx[lane] * bottom;
        let vy = v10[lane] + fx[lane] * top - low;
        sums.value[lane] += low + fy[lane] * vy;
        if JET {
            let vx = bottom + fy[lane] * (top - bottom);
            sums.mx[lane] += vx;
            sums.mkx[lane] += k_from_middle * vx;
            sums.my[lane] += vy;
            sums.mky[lane] += k_from_middle * vy;
        }
    }
}
