//! The inner loop: packs of neighbouring rays march through a block of slices.
//!
//! A pack holds [`LANES`] neighbours of one detector row in arrays that map to vector registers.
//! The loops are written once in plain arithmetic (no fused operations) and compiled for several
//! instruction sets, chosen at run time, so **every machine computes the same bits**.

use super::ray::{Moments, SlopedRay, middle_slice};
use super::slices::{FRAME, Slices};

/// Rays in a pack: one AVX-512 register of f32, two of AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// Neighbouring rays and their sums. Lanes without a ray have an empty range of slices.
#[derive(Clone)]
#[repr(align(64))]
pub(crate) struct Pack {
    x0: [f32; LANES],
    y0: [f32; LANES],
    dx: [f32; LANES],
    dy: [f32; LANES],
    begin: [i32; LANES],
    end: [i32; LANES],
    value: [f32; LANES],
    mx: [f32; LANES],
    mkx: [f32; LANES],
    my: [f32; LANES],
    mky: [f32; LANES],
}

impl Pack {
    /// A pack without rays.
    pub(crate) const EMPTY: Self = Self {
        x0: [0.0; LANES],
        y0: [0.0; LANES],
        dx: [0.0; LANES],
        dy: [0.0; LANES],
        begin: [0; LANES],
        end: [0; LANES],
        value: [0.0; LANES],
        mx: [0.0; LANES],
        mkx: [0.0; LANES],
        my: [0.0; LANES],
        mky: [0.0; LANES],
    };

    /// Puts a ray into a lane, its range cut to where f32 positions are within the framed slices.
    ///
    /// Rounding is monotone, so a position `x0 + k * dx` computed in f32 lies between those of the
    /// range's two ends: checking the ends proves every sample in between to be inside.
    pub(crate) fn set(&mut self, lane: usize, ray: &SlopedRay, slices: &Slices) {
        let (x0, y0) = ((ray.x0 + FRAME as f64) as f32, (ray.y0 + FRAME as f64) as f32);
        let (dx, dy) = (ray.dx as f32, ray.dy as f32);
        let middle = middle_slice(slices);
        let inside = |k: i32| {
            let k = (k - middle) as f32;
            let (x, y) = (x0 + k * dx, y0 + k * dy);
            // The sample's four voxels are floor and floor + 1, so floor + 1 < size + 2 FRAME.
            x >= 0.0
                && y >= 0.0
                && x < (slices.dims[0] + 2 * FRAME - 1) as f32
                && y < (slices.dims[1] + 2 * FRAME - 1) as f32
        };
        let mut begin = ray.begin.max(0);
        let mut end = ray.end.min(slices.dims[2] as i32);
        while begin < end && !inside(begin) {
            begin += 1;
        }
        while begin < end && !inside(end - 1) {
            end -= 1;
        }
        (self.x0[lane], self.y0[lane], self.dx[lane], self.dy[lane]) = (x0, y0, dx, dy);
        (self.begin[lane], self.end[lane]) = (begin, end);
    }

    /// The first slice and one past the last that any of the rays meets.
    pub(crate) fn range(&self) -> (i32, i32) {
        let met = || (0..LANES).filter(|&lane| self.begin[lane] < self.end[lane]);
        (
            met().map(|lane| self.begin[lane]).min().unwrap_or(0),
            met().map(|lane| self.end[lane]).max().unwrap_or(0),
        )
    }

    /// The sum of the samples of a lane.
    pub(crate) fn value(&self, lane: usize) -> f64 {
        f64::from(self.value[lane])
    }

    /// All sums of a lane.
    pub(crate) fn moments(&self, lane: usize) -> Moments {
        Moments {
            value: f64::from(self.value[lane]),
            mx: f64::from(self.mx[lane]),
            mkx: f64::from(self.mkx[lane]),
            my: f64::from(self.my[lane]),
            mky: f64::from(self.mky[lane]),
        }
    }
}

/// Marches packs through the slices from `first` up to `last` (not included), adding up samples
/// and, for a jet, the derivatives' moments.
pub(crate) type March = fn(&Slices, &mut [(Pack, (i32, i32))], i32, i32);

/// The loop for the machine at hand, for a forward projection or a jet.
pub(crate) fn march(jet: bool) -> March {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq")
        {
            return if jet { x86::jet_avx512 } else { x86::forward_avx512 };
        }
        if std::is_x86_feature_detected!("avx2") {
            return if jet { x86::jet_avx2 } else { x86::forward_avx2 };
        }
    }
    march_portable(jet)
}

/// The loop without special instructions.
pub(crate) fn march_portable(jet: bool) -> March {
    if jet { march_packs::<true> } else { march_packs::<false> }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The same loop, compiled for wider registers.
    use super::{Pack, Slices, march_packs};

    macro_rules! compiled_for {
        ($features:literal, $inner:ident, $name:ident, $jet:literal) => {
            #[target_feature(enable = $features)]
            fn $inner(slices: &Slices, packs: &mut [(Pack, (i32, i32))], first: i32, last: i32) {
                march_packs::<$jet>(slices, packs, first, last);
            }

            pub(super) fn $name(
                slices: &Slices,
                packs: &mut [(Pack, (i32, i32))],
                first: i32,
                last: i32,
            ) {
                // SAFETY: `march` hands this function out only where the features were detected.
                unsafe { $inner(slices, packs, first, last) }
            }
        };
    }
    compiled_for!("avx512f,avx512vl,avx512dq", forward_512, forward_avx512, false);
    compiled_for!("avx512f,avx512vl,avx512dq", jet_512, jet_avx512, true);
    compiled_for!("avx2", forward_2, forward_avx2, false);
    compiled_for!("avx2", jet_2, jet_avx2, true);
}

#[inline(always)]
fn march_packs<const JET: bool>(
    slices: &Slices,
    packs: &mut [(Pack, (i32, i32))],
    first: i32,
    last: i32,
) {
    let middle = middle_slice(slices);
    for (pack, (begin, end)) in packs {
        for k in first.max(*begin)..last.min(*end) {
            let start = k as usize * slices.slice_stride;
            let slice = &slices.voxels[start..start + slices.slice_stride];
            sample::<JET>(pack, slice, slices.row_stride, k, (k - middle) as f32);
        }
    }
}

/// Adds one slice's samples to a pack.
#[inline(always)]
fn sample<const JET: bool>(
    pack: &mut Pack,
    slice: &[f32],
    row_stride: usize,
    k: i32,
    k_from_middle: f32,
) {
    let mut at = [0_i32; LANES];
    let mut fx = [0.0_f32; LANES];
    let mut fy = [0.0_f32; LANES];
    for lane in 0..LANES {
        let active = pack.begin[lane] <= k && k < pack.end[lane];
        // Lanes that are not here sample the frame's corner, which is zero.
        let x = if active { pack.x0[lane] + k_from_middle * pack.dx[lane] } else { 0.0 };
        let y = if active { pack.y0[lane] + k_from_middle * pack.dy[lane] } else { 0.0 };
        // SAFETY: `Pack::set` has proven 0 <= x, y < side of the framed slice for active lanes.
        let (ix, iy) = unsafe { (x.to_int_unchecked::<i32>(), y.to_int_unchecked::<i32>()) };
        fx[lane] = x - ix as f32;
        fy[lane] = y - iy as f32;
        at[lane] = iy * row_stride as i32 + ix;
    }
    let mut v00 = [0.0_f32; LANES];
    let mut v01 = [0.0_f32; LANES];
    let mut v10 = [0.0_f32; LANES];
    let mut v11 = [0.0_f32; LANES];
    for lane in 0..LANES {
        let at = at[lane] as usize;
        // SAFETY: as above, floor(x) + 1 and floor(y) + 1 are inside the framed slice too, so
        // at + row_stride + 1 < slice_stride = slice.len(); lanes that are not active have at = 0.
        unsafe {
            v00[lane] = *slice.get_unchecked(at);
            v01[lane] = *slice.get_unchecked(at + 1);
            v10[lane] = *slice.get_unchecked(at + row_stride);
            v11[lane] = *slice.get_unchecked(at + row_stride + 1);
        }
    }
    for lane in 0..LANES {
        let low = v00[lane] + fx[lane] * (v01[lane] - v00[lane]);
        let high = v10[lane] + fx[lane] * (v11[lane] - v10[lane]);
        pack.value[lane] += low + fy[lane] * (high - low);
        if JET {
            let (bottom, top) = (v01[lane] - v00[lane], v11[lane] - v10[lane]);
            let vx = bottom + fy[lane] * (top - bottom);
            let vy = high - low;
            pack.mx[lane] += vx;
            pack.mkx[lane] += k_from_middle * vx;
            pack.my[lane] += vy;
            pack.mky[lane] += k_from_middle * vy;
        }
    }
}
