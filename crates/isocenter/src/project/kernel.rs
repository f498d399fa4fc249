//! The inner loop: packs of rays march through a block of slices.
//!
//! The voxels of a pack lie in short pieces of many rows, which no machine foresees: while a pack is
//! in one block, those it will need in the next are asked for.

use std::marker::PhantomData;

use super::crossing::Crossing;
use super::dispatch::Task;
#[cfg(target_arch = "x86_64")]
use super::dispatch::avx2;
use super::footprint::{Corner, WINDOW};
use super::load::{Corners, Load, LoadF32, LoadU16};
use super::occupancy::SLICES_PER_BLOCK;
use super::pack::{LANES, Pack, Sums};
use super::slice_grid::SliceGrid;
use super::slices::{Cells, Slices};
#[cfg(target_arch = "x86_64")]
use super::window::Windowed;

/// Copies of no more cells than this are in the nearer caches all the time.
const NEAR_CELLS: usize = 1 << 18;

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
        // SAFETY: `new` asks for it.
        unsafe { self.march::<Plain<LoadF32>, Plain<LoadU16>>() }
    }

    #[cfg(target_arch = "x86_64")]
    unsafe fn run_avx512(self) {
        // Of 16-bit cells two loads make a sample: picking is not faster.
        let is_narrow = |pack: &Pack| pack.footprint.is_narrow();
        let picks = matches!(self.slices.cells, Cells::F32(_)) && self.packs.iter().all(is_narrow);
        // SAFETY: `new` asks for it, and the machine has the instructions.
        unsafe { if picks { march_avx512(self) } else { avx2(self) } }
    }
}

/// # Safety
/// As [`March::new`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn march_avx512(march: March<'_>) {
    // SAFETY: the caller's.
    unsafe { march.march::<Windowed, Plain<LoadU16>>() }
}

/// A way to take the samples of a pack in a slice.
pub(crate) trait Sampler {
    /// What lies in memory: see [`super::slices::Cells`].
    type Cell: Copy;

    /// Adds the samples of each channel to its sums.
    ///
    /// # Safety
    /// As [`March::new`]; and the machine must have the instructions of the sampler.
    unsafe fn sample<const JET: bool>(pack: &Pack, sums: &mut [Sums], step: &Step<'_, Self::Cell>);
}

/// A slice on the way.
pub(crate) struct Step<'a, C> {
    pub(crate) grid: &'a SliceGrid,
    /// The slice's cells, channel after channel, and those of the slices behind it.
    pub(crate) cells: &'a [C],
    /// Where the pack's samples begin, but for rounding.
    pub(crate) corner: Corner,
    /// Its number, from the first and from the middle slice.
    pub(crate) k: i32,
    pub(crate) from_middle: f32,
}

impl March<'_> {
    /// With one sampler for each storage.
    ///
    /// # Safety
    /// As [`Sampler::sample`].
    #[inline(always)]
    unsafe fn march<F: Sampler<Cell = f32>, U: Sampler<Cell = u32>>(self) {
        // SAFETY: the caller's; the cells are those of the slices.
        unsafe {
            match (&self.slices.cells, self.jet) {
                (Cells::F32(cells), false) => self.march_block::<F, false>(cells),
                (Cells::F32(cells), true) => self.march_block::<F, true>(cells),
                (Cells::U16(cells), false) => self.march_block::<U, false>(cells),
                (Cells::U16(cells), true) => self.march_block::<U, true>(cells),
            }
        }
    }

    /// # Safety
    /// As [`Sampler::sample`]; `cells` must be the slices'.
    #[inline(always)]
    unsafe fn march_block<S: Sampler, const JET: bool>(self, cells: &[S::Cell]) {
        let Self { slices, packs, sums, block, .. } = self;
        let grid = &slices.grid;
        let length = grid.slice_stride() * slices.channels;
        let is_large = cells.len() > NEAR_CELLS;
        let from_middle = |k: i32| (k - grid.middle()) as f32;
        for (pack, sums) in packs.iter().zip(sums.chunks_exact_mut(slices.channels)) {
            let (first, last) = pack.passes(block, SLICES_PER_BLOCK);
            if first >= last {
                continue;
            }
            let (low, high) = pack.footprint.bounds(from_middle(first), from_middle(last - 1));
            if slices.occupancy.is_air(block, low, high) {
                continue;
            }
            let step_at = |k: i32| Step {
                grid,
                cells: &cells[k as usize * length..],
                corner: pack.footprint.corner(from_middle(k)),
                k,
                from_middle: from_middle(k),
            };
            for k in first..last {
                let later = k + SLICES_PER_BLOCK as i32;
                if later < pack.any.1 && is_large {
                    step_at(later).prefetch(slices.channels);
                }
                // SAFETY: passed on to the caller.
                unsafe { S::sample::<JET>(pack, sums, &step_at(k)) };
            }
        }
    }
}

impl<C> Step<'_, C> {
    /// Asks for the cells around the pack's samples.
    #[inline(always)]
    fn prefetch(&self, channels: usize) {
        let row_stride = self.grid.row_stride();
        for channel in 0..channels {
            let slice = self.cells.as_ptr().wrapping_add(channel * self.grid.slice_stride());
            let first = slice.wrapping_offset(self.corner.offset(row_stride));
            for row in 0..WINDOW {
                // A row may lie in two cache lines.
                let row = first.wrapping_add(row * row_stride);
                hint(row);
                hint(row.wrapping_add(WINDOW - 1));
            }
        }
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

/// Loads the voxels one by one.
pub(crate) struct Plain<L>(PhantomData<L>);

impl<L: Load> Sampler for Plain<L> {
    type Cell = L::Cell;

    #[inline(always)]
    unsafe fn sample<const JET: bool>(pack: &Pack, sums: &mut [Sums], step: &Step<'_, Self::Cell>) {
        let grid = step.grid;
        // SAFETY: the caller's.
        let crossing = unsafe { Crossing::new(pack, grid, step.k) };
        for (slice, sums) in step.cells.chunks_exact(grid.slice_stride()).zip(sums) {
            // SAFETY: the voxels around all samples are inside the framed slice.
            let corners = unsafe { L::corners(slice, &crossing.at, grid.row_stride()) };
            accumulate::<JET>(sums, &corners, &crossing, step.from_middle);
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
