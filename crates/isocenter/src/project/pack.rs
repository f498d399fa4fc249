//! A pack of neighbouring rays, in arrays that map to vector registers.
//!
//! A square of rays, so that its samples in a slice lie close together however the detector is
//! turned.

use super::footprint::Footprint;
use super::slice_camera::{Rays, SliceCamera};
use super::slice_grid::{FRAME, SliceGrid};
use super::tiling::PackPlace;

/// Columns and rows of a pack.
pub(crate) const SIDE: usize = 4;

/// Rays in a pack: one AVX-512 register of f32, two of AVX2, four of NEON.
pub(crate) const LANES: usize = SIDE * SIDE;

/// One number for each ray of a pack.
pub(crate) type Lanes<T> = [T; LANES];

/// A square of neighbouring rays, row by row. Lanes without a ray have an empty range of slices.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Pack {
    /// Position at the middle slice, in framed voxels, and advance per slice.
    pub(crate) x0: Lanes<f32>,
    pub(crate) y0: Lanes<f32>,
    pub(crate) dx: Lanes<f32>,
    pub(crate) dy: Lanes<f32>,
    /// First slice and one past the last where the ray meets the volume.
    pub(crate) begin: Lanes<i32>,
    pub(crate) end: Lanes<i32>,
    /// The slices that any ray meets, and those that all meet.
    pub(crate) any: (i32, i32),
    pub(crate) all: (i32, i32),
    /// Where its rays cross the slices.
    pub(crate) footprint: Footprint,
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
        any: (0, 0),
        all: (0, 0),
        footprint: Footprint::EMPTY,
    };

    /// The rays of a place that march along the camera's slices and meet them.
    ///
    /// **Every sample of a ray's range is inside the framed slices.** Rounding is monotone, so a
    /// position `x0 + k * dx` computed in f32 lies between those of the range's two ends; these are
    /// checked ([`Self::is_inside`]), and the range is cut until they are inside.
    #[inline(always)]
    pub(crate) fn new(camera: &SliceCamera, place: &PackPlace) -> Self {
        let rays = camera.rays(place);
        let mut pack = Self::EMPTY;
        pack.set_lines(camera, &rays);
        pack.set_ranges(camera, &rays);
        for lane in 0..LANES {
            if !place.holds(lane) || !camera.marches_here(&rays, lane) {
                pack.end[lane] = pack.begin[lane];
            }
        }
        pack.cut_ranges(&camera.grid);
        pack.summarize(camera.grid.middle());
        pack
    }

    #[inline(always)]
    fn set_lines(&mut self, camera: &SliceCamera, rays: &Rays) {
        let frame = FRAME as f64;
        for lane in 0..LANES {
            let (dx, dy) = (rays.dx[lane], rays.dy[lane]);
            self.x0[lane] = (camera.source.x + camera.to_middle * dx + frame) as f32;
            self.y0[lane] = (camera.source.y + camera.to_middle * dy + frame) as f32;
            self.dx[lane] = dx as f32;
            self.dy[lane] = dy as f32;
        }
    }

    /// The slices of the volume, in front of the source, where a ray is within one voxel of the
    /// slice's content. Of a ray within a slice no position is known: it meets none.
    #[inline(always)]
    fn set_ranges(&mut self, camera: &SliceCamera, rays: &Rays) {
        let grid = &camera.grid;
        let middle = f64::from(grid.middle());
        let [width, height, count] = grid.dims.map(|n| n as f64);
        // Relative to the middle slice.
        let (first, last) = (-middle, count - 1.0 - middle);
        let from_source = -camera.to_middle;
        for lane in 0..LANES {
            let (dx, dy) = (rays.dx[lane], rays.dy[lane]);
            let x0 = camera.source.x + camera.to_middle * dx;
            let y0 = camera.source.y + camera.to_middle * dy;
            let ascends = rays.along[lane] > 0.0;
            // An infinite reciprocal of a slope of zero makes all slices or none.
            let (per_x, per_y) = (1.0 / dx, 1.0 / dy);
            let (x_a, x_b) = ((-1.0 - x0) * per_x, (width - x0) * per_x);
            let (y_a, y_b) = ((-1.0 - y0) * per_y, (height - y0) * per_y);
            let low = if ascends { first.max(from_source) } else { first };
            let high = if ascends { last } else { last.min(from_source) };
            let low = low.max(x_a.min(x_b)).max(y_a.min(y_b)).min(last + 1.0);
            let high = high.min(x_a.max(x_b)).min(y_a.max(y_b)).max(first - 1.0);
            let is_finite = (x0 + y0 + dx + dy).is_finite();
            // Counted from the first slice both are above -1 or 0: casts round towards zero.
            let (low, high) = (low + middle, high + middle + 1.0);
            let (low_floor, high_floor) = (low as i32, high as i32);
            self.begin[lane] = low_floor + i32::from(f64::from(low_floor) < low);
            self.end[lane] = if is_finite { high_floor } else { self.begin[lane] };
        }
    }

    /// Whether the four voxels around a sample are inside the framed slice: floor and floor + 1.
    #[inline(always)]
    fn is_inside(&self, grid: &SliceGrid, lane: usize, k: i32) -> bool {
        let from_middle = (k - grid.middle()) as f32;
        let x = self.x0[lane] + from_middle * self.dx[lane];
        let y = self.y0[lane] + from_middle * self.dy[lane];
        let (width, height) = ((grid.row_stride() - 1) as f32, (grid.rows() - 1) as f32);
        (x >= 0.0) & (y >= 0.0) & (x < width) & (y < height)
    }

    #[inline(always)]
    fn cut_ranges(&mut self, grid: &SliceGrid) {
        let count = grid.dims[2] as i32;
        let mut sound = true;
        for lane in 0..LANES {
            let (begin, end) = (self.begin[lane], self.end[lane]);
            let is_within = (begin >= 0) & (end <= count);
            let is_inside = self.is_inside(grid, lane, begin) & self.is_inside(grid, lane, end - 1);
            sound &= (begin >= end) | (is_within & is_inside);
        }
        if !sound {
            (0..LANES).for_each(|lane| self.cut_range(grid, lane));
        }
    }

    #[cold]
    fn cut_range(&mut self, grid: &SliceGrid, lane: usize) {
        let mut begin = self.begin[lane].max(0);
        let mut end = self.end[lane].min(grid.dims[2] as i32);
        while begin < end && !self.is_inside(grid, lane, begin) {
            begin += 1;
        }
        while begin < end && !self.is_inside(grid, lane, end - 1) {
            end -= 1;
        }
        (self.begin[lane], self.end[lane]) = (begin, end);
    }

    /// Works out what the lanes have in common.
    #[inline(always)]
    fn summarize(&mut self, middle: i32) {
        let (mut first_met, mut met) = (0, 0);
        let (mut any, mut all) = ((i32::MAX, 0), (0, i32::MAX));
        for lane in (0..LANES).rev() {
            let (begin, end) = (self.begin[lane], self.end[lane]);
            if begin < end {
                first_met = lane;
                met += 1;
                any = (any.0.min(begin), any.1.max(end));
                all = (all.0.max(begin), all.1.min(end));
            }
        }
        if met == 0 {
            return;
        }
        self.any = any;
        if met == LANES {
            self.all = all;
        } else {
            self.gather_lanes(first_met);
        }
        let from_middle = |k: i32| (k - middle) as f32;
        let positions = [(&self.x0, &self.dx), (&self.y0, &self.dy)];
        self.footprint = Footprint::new(positions, from_middle(any.0), from_middle(any.1 - 1));
    }

    /// Lets lanes without a ray go with another: where the pack's samples lie is then said by all.
    #[cold]
    fn gather_lanes(&mut self, with: usize) {
        for lane in 0..LANES {
            if self.meets(lane) {
                continue;
            }
            (self.x0[lane], self.y0[lane]) = (self.x0[with], self.y0[with]);
            (self.dx[lane], self.dy[lane]) = (self.dx[with], self.dy[with]);
        }
    }

    /// The lanes that have a ray which meets the volume.
    #[inline(always)]
    pub(crate) fn lanes(&self) -> impl Iterator<Item = usize> {
        (0..LANES).filter(|&lane| self.meets(lane))
    }

    /// Whether a lane has a ray that meets the volume.
    pub(crate) fn meets(&self, lane: usize) -> bool {
        self.begin[lane] < self.end[lane]
    }

    /// The slices of a block that any of its rays passes: first, and one past the last.
    #[inline(always)]
    pub(crate) fn passes(&self, block: usize, slices_per_block: usize) -> (i32, i32) {
        let first = (block * slices_per_block) as i32;
        (first.max(self.any.0), (first + slices_per_block as i32).min(self.any.1))
    }

    /// The number of samples of all its rays.
    pub(crate) fn samples(&self) -> usize {
        let ranges = self.begin.iter().zip(&self.end);
        ranges.map(|(begin, end)| usize::try_from(end - begin).unwrap_or(0)).sum()
    }
}

/// What the inner loop sums up along each ray of a pack, for one channel: samples, and the samples'
/// derivatives within the slice. The adjoint reads here what each of the sums counts.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Sums {
    /// `sum V`
    pub(crate) value: Lanes<f32>,
    /// `sum V_x`, `sum (k - k0) V_x`
    pub(crate) mx: Lanes<f32>,
    pub(crate) mkx: Lanes<f32>,
    /// `sum V_y`, `sum (k - k0) V_y`
    pub(crate) my: Lanes<f32>,
    pub(crate) mky: Lanes<f32>,
}

impl Sums {
    pub(crate) const ZERO: Self = Self {
        value: [0.0; LANES],
        mx: [0.0; LANES],
        mkx: [0.0; LANES],
        my: [0.0; LANES],
        mky: [0.0; LANES],
    };

    /// The sum of the products, lane by lane.
    #[inline(always)]
    pub(crate) fn dot(&self, other: &Self) -> Lanes<f32> {
        let pairs = [
            (&self.value, &other.value),
            (&self.mx, &other.mx),
            (&self.mkx, &other.mkx),
            (&self.my, &other.my),
            (&self.mky, &other.mky),
        ];
        let mut dot = [0.0; LANES];
        for (a, b) in pairs {
            for lane in 0..LANES {
                dot[lane] += a[lane] * b[lane];
            }
        }
        dot
    }
}
