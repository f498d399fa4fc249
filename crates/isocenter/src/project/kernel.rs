//! The inner loop: packs of rays march through a block of slices.
//!
//! The loop is written once in plain arithmetic (no fused operations) and compiled for several
//! instruction sets, chosen at run time ([`super::dispatch`]). So **every machine computes the same
//! bits**.

use super::load::{Corners, Load};
use super::occupancy::SLICES_PER_BLOCK;
use super::pack::{LANES, Pack, Sums};
use super::slices::Slices;

/// Marches packs through a block of slices, adding up samples and, for a jet, the derivatives'
/// moments.
///
/// # Safety
/// The rays of the packs must have been set ([`Pack::set`]) with these slices, and `cells` be theirs.
#[inline(always)]
pub(crate) unsafe fn march_block<L: Load, const JET: bool>(
    slices: &Slices,
    cells: &[L::Cell],
    packs: &mut [Pack],
    block: usize,
) {
    let middle = slices.middle();
    let first = (block * SLICES_PER_BLOCK) as i32;
    let last = (first + SLICES_PER_BLOCK as i32).min(slices.dims[2] as i32);
    for pack in packs {
        let (first, last) = (first.max(pack.any.0), last.min(pack.any.1));
        if first >= last {
            continue;
        }
        let (low, high) = pack.bounds((first - middle) as f32, (last - 1 - middle) as f32);
        if slices.occupancy.is_air(block, low, high) {
            continue;
        }
        for k in first..last {
            let start = k as usize * slices.slice_stride;
            let slice = &cells[start..start + slices.slice_stride];
            let step =
                Step { slice, row_stride: slices.row_stride, k, from_middle: (k - middle) as f32 };
            // SAFETY: passed on to the caller; `all` and the lanes' ranges are those of the rays.
            unsafe {
                if pack.all.0 <= k && k < pack.all.1 {
                    sample::<L, JET, false>(pack, &step);
                } else {
                    sample::<L, JET, true>(pack, &step);
                }
            }
        }
    }
}

/// A slice on the way.
struct Step<'a, C> {
    slice: &'a [C],
    row_stride: usize,
    /// Its number, from the first and from the middle slice.
    k: i32,
    from_middle: f32,
}

/// Adds one slice's samples to a pack; `PARTIAL` where not all rays meet the slice.
///
/// # Safety
/// As [`march_block`]; without `PARTIAL`, all rays must meet the slice.
#[inline(always)]
unsafe fn sample<L: Load, const JET: bool, const PARTIAL: bool>(
    pack: &mut Pack,
    step: &Step<'_, L::Cell>,
) {
    let mut at = [0_i32; LANES];
    let mut fx = [0.0_f32; LANES];
    let mut fy = [0.0_f32; LANES];
    for lane in 0..LANES {
        let mut x = pack.x0[lane] + step.from_middle * pack.dx[lane];
        let mut y = pack.y0[lane] + step.from_middle * pack.dy[lane];
        if PARTIAL {
            // Rays that are not here sample the frame's corner, which is zero.
            let here = pack.begin[lane] <= step.k && step.k < pack.end[lane];
            (x, y) = if here { (x, y) } else { (0.0, 0.0) };
        }
        // SAFETY: `Pack::set` has proven 0 <= x, y < side of the framed slice for rays that meet it.
        let (ix, iy) = unsafe { (x.to_int_unchecked::<i32>(), y.to_int_unchecked::<i32>()) };
        fx[lane] = x - ix as f32;
        fy[lane] = y - iy as f32;
        at[lane] = iy * step.row_stride as i32 + ix;
    }
    // SAFETY: as above, the voxels at floor(x) + 1 and floor(y) + 1 are inside the framed slice too;
    // rays that are not here have at = 0.
    let corners = unsafe { L::corners(step.slice, &at, step.row_stride) };
    accumulate::<JET>(&mut pack.sums, &corners, &fx, &fy, step.from_middle);
}

#[inline(always)]
fn accumulate<const JET: bool>(
    sums: &mut Sums,
    corners: &Corners,
    fx: &[f32; LANES],
    fy: &[f32; LANES],
    k_from_middle: f32,
) {
    let Corners { v00, v01, v10, v11 } = corners;
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
