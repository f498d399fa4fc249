//! A pack of neighbouring rays, in arrays that map to vector registers.

use super::ray::{Moments, SlopedRay};
use super::slices::{FRAME, Slices};

/// Rays in a pack: one AVX-512 register of f32, two of AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// One number for each ray of a pack.
pub(crate) type Lanes<T> = [T; LANES];

/// Neighbouring rays of one detector row and their sums. Lanes without a ray have an empty range of
/// slices.
#[derive(Clone)]
#[repr(align(64))]
pub(crate) struct Pack {
    pub(crate) x0: Lanes<f32>,
    pub(crate) y0: Lanes<f32>,
    pub(crate) dx: Lanes<f32>,
    pub(crate) dy: Lanes<f32>,
    pub(crate) begin: Lanes<i32>,
    pub(crate) end: Lanes<i32>,
    pub(crate) sums: Sums,
    /// The slices that any ray meets, and those that all meet.
    pub(crate) any: (i32, i32),
    pub(crate) all: (i32, i32),
    /// The first and the last lane with a ray.
    pub(crate) outer: (usize, usize),
    /// Whether rays run towards lower and towards higher slices.
    runs: [bool; 2],
}

/// What the inner loop sums up.
#[derive(Clone)]
#[repr(align(64))]
pub(crate) struct Sums {
    pub(crate) value: Lanes<f32>,
    pub(crate) mx: Lanes<f32>,
    pub(crate) mkx: Lanes<f32>,
    pub(crate) my: Lanes<f32>,
    pub(crate) mky: Lanes<f32>,
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
        sums: Sums {
            value: [0.0; LANES],
            mx: [0.0; LANES],
            mkx: [0.0; LANES],
            my: [0.0; LANES],
            mky: [0.0; LANES],
        },
        any: (0, 0),
        all: (0, 0),
        outer: (0, 0),
        runs: [false; 2],
    };

    /// Puts a ray into a lane, its range cut to where f32 positions are within the framed slices.
    ///
    /// Rounding is monotone, so a position `x0 + k * dx` computed in f32 lies between those of the
    /// range's two ends: checking the ends proves every sample in between to be inside.
    pub(crate) fn set(&mut self, lane: usize, ray: &SlopedRay, slices: &Slices) {
        let (x0, y0) = ((ray.x0 + FRAME as f64) as f32, (ray.y0 + FRAME as f64) as f32);
        let (dx, dy) = (ray.dx as f32, ray.dy as f32);
        let middle = slices.middle();
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
        self.runs[usize::from(ray.ascends)] = true;
    }

    /// Works out the ranges of the pack, once all rays are set.
    pub(crate) fn finish(&mut self) {
        let met = |lane: &usize| self.begin[*lane] < self.end[*lane];
        let (Some(first), Some(last)) = ((0..LANES).find(met), (0..LANES).rfind(met)) else {
            return;
        };
        let lanes = || (0..LANES).filter(met);
        let begin =
            |start: i32, f: fn(i32, i32) -> i32| lanes().map(|l| self.begin[l]).fold(start, f);
        let end = |start: i32, f: fn(i32, i32) -> i32| lanes().map(|l| self.end[l]).fold(start, f);
        self.any = (begin(i32::MAX, i32::min), end(0, i32::max));
        if lanes().count() == LANES {
            self.all = (begin(0, i32::max), end(i32::MAX, i32::min));
        }
        self.outer = (first, last);
    }

    /// The corners of the rectangle that the samples of the slices `first` to `last` lie in.
    ///
    /// Where neighbouring rays of a detector row cross a slice is a straight line, walked in one
    /// direction: its ends are those of the outer lanes. Only where a fan is so wide that rays run
    /// both ways through the slices is it not.
    #[inline(always)]
    pub(crate) fn bounds(
        &self,
        first_from_middle: f32,
        last_from_middle: f32,
    ) -> ([f32; 2], [f32; 2]) {
        if self.runs == [true, true] {
            return ([0.0; 2], [f32::MAX; 2]);
        }
        let at = |lane: usize, k: f32| {
            [self.x0[lane] + k * self.dx[lane], self.y0[lane] + k * self.dy[lane]]
        };
        let (a, b) = self.outer;
        let corners = [
            at(a, first_from_middle),
            at(a, last_from_middle),
            at(b, first_from_middle),
            at(b, last_from_middle),
        ];
        let extreme = |f: fn(f32, f32) -> f32| {
            [0, 1].map(|n| f(f(corners[0][n], corners[1][n]), f(corners[2][n], corners[3][n])))
        };
        // Rounding may put a lane in between a little outside of the line's ends.
        let slack = 1.0 / 64.0;
        (extreme(f32::min).map(|v| v - slack), extreme(f32::max).map(|v| v + slack))
    }

    /// The sum of the samples of a lane (1/mm).
    pub(crate) fn value(&self, lane: usize, step_per_mm: f64) -> f64 {
        f64::from(self.sums.value[lane]) * step_per_mm
    }

    /// All sums of a lane (1/mm).
    pub(crate) fn moments(&self, lane: usize, step_per_mm: f64) -> Moments {
        let sums = &self.sums;
        let [value, mx, mkx, my, mky] = [&sums.value, &sums.mx, &sums.mkx, &sums.my, &sums.mky]
            .map(|sum| f64::from(sum[lane]) * step_per_mm);
        Moments { value, mx, mkx, my, mky }
    }
}
