//! The inner loop: packs of rays march through a block of slices.
//!
//! The voxels of a pack lie in short pieces of many rows, which no machine foresees: while a pack is
//! in one block, those it will need in the next are asked for.

use super::crossing::Crossing;
use super::dispatch::Task;
use super::footprint::{Corner, WINDOW};
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
    let (middle, slice_stride) = (grid.middle(), grid.slice_stride());
    let length = slice_stride * slices.channels;
    for (pack, sums) in packs.iter().zip(sums.chunks_exact_mut(slices.channels)) {
        let (first, last) = pack.passes(block, SLICES_PER_BLOCK);
        if first >= last {
            continue;
        }
        let from_middle = |k: i32| (k - middle) as f32;
        let (low, high) = pack.footprint.bounds(from_middle(first), from_middle(last - 1));
        if slices.occupancy.is_air(block, low, high) {
            continue;
        }
        for k in first..last {
            let channels = &cells[k as usize * length..][..length];
            let later = k + SLICES_PER_BLOCK as i32;
            if later < pack.any.1 {
                let corner = pack.footprint.corner(from_middle(later));
                for slice in cells[later as usize * length..][..length].chunks_exact(slice_stride) {
                    prefetch(slice, grid.row_stride(), corner);
                }
            }
            // SAFETY: passed on to the caller.
            let crossing = unsafe { Crossing::new(pack, grid, k) };
            for (slice, sums) in channels.chunks_exact(slice_stride).zip(&mut *sums) {
                // SAFETY: the voxels around all samples are inside the framed slice.
                let corners = unsafe { L::corners(slice, &crossing.at, grid.row_stride()) };
                accumulate::<JET>(sums, &corners, &crossing, from_middle(k));
            }
        }
    }
}

/// Asks for the cells of a slice around a pack's samples.
#[inline(always)]
fn prefetch<C>(slice: &[C], row_stride: usize, corner: Corner) {
    let first = slice.as_ptr().wrapping_offset(corner.offset(row_stride));
    for row in 0..WINDOW {
        // A row may lie in two cache lines.
        let row = first.wrapping_add(row * row_stride);
        hint(row);
        hint(row.wrapping_add(WINDOW - 1));
    }
}

/// Says that a place in memory will soon be read. Any address will do.
#[inline(always)]
fn hint<C>(place: *const C) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and never faults; all machines of this kind have it.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
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
