//! Samples picked out of registers, for AVX-512.
//!
//! The rays of a pack are a square of neighbours, and where they are not much more than a voxel
//! apart, all their samples lie in a window of 8 x 8 voxels, however the detector is turned. Its
//! eight rows fill four registers, from which permutations pick the corners of all lanes at once.
//! Where a pack is wider than that, its voxels are loaded one by one.

use std::arch::x86_64::*;

use super::footprint::WINDOW;
use super::kernel::{Plain, Sampler, Step};
use super::load::LoadF32;
use super::pack::{Lanes, Pack, Sums};

/// The window, two rows of eight voxels in a register.
type Rows = [__m512; WINDOW / 2];

/// All lanes.
const ALL: __mmask16 = 0xffff;

/// The lanes whose rays meet a slice.
#[target_feature(enable = "avx512f")]
#[inline]
fn lanes_here(pack: &Pack, k: i32) -> __mmask16 {
    let k = _mm512_set1_epi32(k);
    // SAFETY: as in `load`.
    let [begin, end] =
        unsafe { [&pack.begin, &pack.end].map(|lanes| _mm512_loadu_epi32(lanes.as_ptr())) };
    _mm512_cmple_epi32_mask(begin, k) & _mm512_cmplt_epi32_mask(k, end)
}

/// The voxels of a window at the places 0 to 63 of each lane, and zero in lanes that are not here.
#[target_feature(enable = "avx512f")]
#[inline]
fn pick(rows: &Rows, at: __m512i, here: __mmask16) -> __m512 {
    // Each permutation picks from 32 voxels by the lowest five bits; the sixth says which of the two.
    let upper = _mm512_permutex2var_ps(rows[0], at, rows[1]);
    let lower = _mm512_permutex2var_ps(rows[2], at, rows[3]);
    let is_lower = _mm512_test_epi32_mask(at, _mm512_set1_epi32(32));
    _mm512_maskz_mov_ps(here, _mm512_mask_blend_ps(is_lower, upper, lower))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn plus(lanes: __m512i, number: i32) -> __m512i {
    _mm512_add_epi32(lanes, _mm512_set1_epi32(number))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(lanes: &Lanes<f32>) -> __m512 {
    // SAFETY: an array of 16 numbers of 32 bits is as long as a register.
    unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn add(sums: &mut Lanes<f32>, terms: __m512) {
    let sum = _mm512_add_ps(load(sums), terms);
    // SAFETY: as in `load`.
    unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), sum) }
}

/// The eight rows of the window that starts at the step's corner in a channel's slice, if they are
/// within the memory.
#[target_feature(enable = "avx512f")]
#[inline]
fn rows(step: &Step<'_, f32>, channel: usize) -> Option<Rows> {
    let row_stride = step.grid.row_stride();
    let slice = step.cells.get(channel * step.grid.slice_stride()..)?;
    let start = usize::try_from(step.corner.offset(row_stride)).ok()?;
    let window = slice.get(start..)?.get(..(WINDOW - 1) * row_stride + WINDOW)?;
    let two_rows = |row: usize| {
        // SAFETY: for row <= 6 the eight voxels from `row * row_stride` on, and from
        // `(row + 1) * row_stride` on, are within the window's length.
        unsafe {
            let first = window.as_ptr().add(row * row_stride);
            let a = _mm256_loadu_ps(first);
            let b = _mm256_castps_pd(_mm256_loadu_ps(first.add(row_stride)));
            let both = _mm512_castps_pd(_mm512_castps256_ps512(a));
            _mm512_castpd_ps(_mm512_insertf64x4::<1>(both, b))
        }
    };
    Some([two_rows(0), two_rows(2), two_rows(4), two_rows(6)])
}

/// Picks samples from windows, and loads them one by one where there is none.
pub(crate) struct Windowed;

impl Sampler for Windowed {
    type Cell = f32;

    // The same operations in the same order as in `Plain`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn sample<const JET: bool>(pack: &Pack, sums: &mut [Sums], step: &Step<'_, f32>) {
        let all_here = pack.all.0 <= step.k && step.k < pack.all.1;
        let here = if all_here { ALL } else { lanes_here(pack, step.k) };
        let k = _mm512_set1_ps(step.from_middle);
        let x = _mm512_add_ps(load(&pack.x0), _mm512_mul_ps(k, load(&pack.dx)));
        let y = _mm512_add_ps(load(&pack.y0), _mm512_mul_ps(k, load(&pack.dy)));
        let (x, y) = (_mm512_maskz_mov_ps(here, x), _mm512_maskz_mov_ps(here, y));
        let (ix, iy) = (_mm512_cvttps_epi32(x), _mm512_cvttps_epi32(y));
        let fx = _mm512_sub_ps(x, _mm512_cvtepi32_ps(ix));
        let fy = _mm512_sub_ps(y, _mm512_cvtepi32_ps(iy));

        // Place in the window; unsigned, so that what is before it counts as far behind it.
        let wx = _mm512_sub_epi32(ix, _mm512_set1_epi32(step.corner.x));
        let wy = _mm512_sub_epi32(iy, _mm512_set1_epi32(step.corner.y));
        let last = _mm512_set1_epi32(WINDOW as i32 - 1);
        let fits = _mm512_cmplt_epu32_mask(wx, last) & _mm512_cmplt_epu32_mask(wy, last);
        if fits | !here != ALL {
            // SAFETY: the caller's; AVX2 belongs to AVX-512F.
            return unsafe { one_by_one::<JET>(pack, sums, step) };
        }
        let at = _mm512_add_epi32(_mm512_slli_epi32::<3>(wy), wx);
        for channel in 0..sums.len() {
            let Some(rows) = rows(step, channel) else {
                let step =
                    Step { cells: &step.cells[channel * step.grid.slice_stride()..], ..*step };
                // SAFETY: as above.
                return unsafe { one_by_one::<JET>(pack, &mut sums[channel..], &step) };
            };
            let voxel = |offset: usize| pick(&rows, plus(at, offset as i32), here);
            let [v00, v01] = [voxel(0), voxel(1)];
            let [v10, v11] = [voxel(WINDOW), voxel(WINDOW + 1)];
            let (bottom, top) = (_mm512_sub_ps(v01, v00), _mm512_sub_ps(v11, v10));
            let low = _mm512_add_ps(v00, _mm512_mul_ps(fx, bottom));
            let vy = _mm512_sub_ps(_mm512_add_ps(v10, _mm512_mul_ps(fx, top)), low);
            let sums = &mut sums[channel];
            add(&mut sums.value, _mm512_add_ps(low, _mm512_mul_ps(fy, vy)));
            if JET {
                let vx = _mm512_add_ps(bottom, _mm512_mul_ps(fy, _mm512_sub_ps(top, bottom)));
                add(&mut sums.mx, vx);
                add(&mut sums.mkx, _mm512_mul_ps(k, vx));
                add(&mut sums.my, vy);
                add(&mut sums.mky, _mm512_mul_ps(k, vy));
            }
        }
    }
}

/// The plain loop, not compiled for AVX-512: the compiler would make gathers of its loads, which
/// take twice the time.
///
/// # Safety
/// As [`Sampler::sample`].
#[target_feature(enable = "avx2")]
#[inline(never)]
unsafe fn one_by_one<const JET: bool>(pack: &Pack, sums: &mut [Sums], step: &Step<'_, f32>) {
    // SAFETY: the caller's.
    unsafe { Plain::<LoadF32>::sample::<JET>(pack, sums, step) }
}
