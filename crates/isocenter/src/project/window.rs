//! Samples picked out of registers, for AVX-512.
//!
//! The rays of a pack are a square of neighbours, and where they are not much more than a voxel
//! apart, all their samples lie in a window of 8 x 8 voxels, however the detector is turned. Its
//! eight rows fill four registers, from which permutations pick the corners of all lanes at once.
//! Where the rays are too far apart, voxels are loaded one by one.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::footprint::WINDOW;
use super::kernel::{Plain, Sampler, Step};
use super::load::{Load, LoadF32, LoadU16};
use super::pack::{Lanes, Pack, Sums};

/// The window, two rows of eight cells in a register.
type Rows = [__m512i; WINDOW / 2];

/// All lanes.
const ALL: __mmask16 = 0xffff;

/// A storage whose corners can be picked from a window.
pub(crate) trait Pick: Load {
    /// The voxels at (x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1) of each lane, for
    /// `at = 8 y + x` with x, y < 7.
    ///
    /// # Safety
    /// The machine must have AVX-512F.
    unsafe fn pick(rows: &Rows, at: __m512i) -> [__m512; 4];
}

impl Pick for LoadF32 {
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn pick(rows: &Rows, at: __m512i) -> [__m512; 4] {
        let voxel = |offset| _mm512_castsi512_ps(cells(rows, plus(at, offset)));
        [voxel(0), voxel(1), voxel(WINDOW as i32), voxel(WINDOW as i32 + 1)]
    }
}

impl Pick for LoadU16 {
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn pick(rows: &Rows, at: __m512i) -> [__m512; 4] {
        let (left, right) = (cells(rows, at), cells(rows, plus(at, 1)));
        let low = |cell| _mm512_cvtepi32_ps(_mm512_and_si512(cell, _mm512_set1_epi32(0xffff)));
        let high = |cell| _mm512_cvtepi32_ps(_mm512_srli_epi32::<16>(cell));
        [low(left), low(right), high(left), high(right)]
    }
}

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

/// The cells of a window at the places 0 to 63 of each lane.
#[target_feature(enable = "avx512f")]
#[inline]
fn cells(rows: &Rows, at: __m512i) -> __m512i {
    // Each permutation picks from 32 cells by the lowest five bits; the sixth says which of the two.
    let upper = _mm512_permutex2var_epi32(rows[0], at, rows[1]);
    let lower = _mm512_permutex2var_epi32(rows[2], at, rows[3]);
    _mm512_mask_blend_epi32(_mm512_test_epi32_mask(at, _mm512_set1_epi32(32)), upper, lower)
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
fn rows<C: Copy>(step: &Step<'_, C>, channel: usize) -> Option<Rows> {
    const { assert!(size_of::<C>() == 4) }
    let row_stride = step.grid.row_stride();
    let slice = step.cells.get(channel * step.grid.slice_stride()..)?;
    let start = usize::try_from(step.corner.offset(row_stride)).ok()?;
    let window = slice.get(start..)?.get(..(WINDOW - 1) * row_stride + WINDOW)?;
    let two_rows = |row: usize| {
        // SAFETY: for row <= 6 the eight cells of 32 bits from `row * row_stride` on, and from
        // `(row + 1) * row_stride` on, are within the window's length.
        unsafe {
            let first = window.as_ptr().add(row * row_stride);
            let a = _mm256_loadu_si256(first.cast());
            let b = _mm256_loadu_si256(first.add(row_stride).cast());
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(a), b)
        }
    };
    Some([two_rows(0), two_rows(2), two_rows(4), two_rows(6)])
}

/// Picks samples from windows, and loads them one by one where there is none.
pub(crate) struct Windowed<L>(PhantomData<L>);

impl<L: Pick> Sampler for Windowed<L> {
    type Cell = L::Cell;

    // The same operations in the same order as in `Plain`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn sample<const JET: bool>(pack: &Pack, sums: &mut [Sums], step: &Step<'_, Self::Cell>) {
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
            return unsafe { one_by_one::<L, JET>(pack, sums, step) };
        }
        let at = _mm512_add_epi32(_mm512_slli_epi32::<3>(wy), wx);
        for channel in 0..sums.len() {
            let Some(rows) = rows(step, channel) else {
                let step =
                    Step { cells: &step.cells[channel * step.grid.slice_stride()..], ..*step };
                // SAFETY: as above.
                return unsafe { one_by_one::<L, JET>(pack, &mut sums[channel..], &step) };
            };
            // SAFETY: this very function is compiled for AVX-512F.
            let corners = unsafe { L::pick(&rows, at) };
            let [v00, v01, v10, v11] = corners.map(|v| _mm512_maskz_mov_ps(here, v));
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
unsafe fn one_by_one<L: Load, const JET: bool>(
    pack: &Pack,
    sums: &mut [Sums],
    step: &Step<'_, L::Cell>,
) {
    // SAFETY: the caller's.
    unsafe { Plain::<L>::sample::<JET>(pack, sums, step) }
}
