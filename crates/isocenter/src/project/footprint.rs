//! Where the rays of a pack cross the slices.

use super::pack::{LANES, Lanes};

/// Side of the square of voxels that holds a pack's samples, where neighbouring rays are not much
/// more than a voxel apart.
pub(crate) const WINDOW: usize = 8;

/// Covers the errors of f32 (voxels).
const SLACK: f32 = 1.0 / 64.0;

/// The rectangles around a pack's samples, slice by slice.
///
/// Each side moves along the straight line between where it is in the first and in the last slice.
/// The lowest of several straight lines runs above the one between its ends, the highest below: the
/// samples in between are inside. And as slices are parallel, a pack crosses all of them in the same
/// shape, only larger the farther from the source: the rectangles are tight.
#[derive(Debug, Clone)]
pub(crate) struct Footprint {
    low: [Line; 2],
    high: [Line; 2],
    is_narrow: bool,
}

/// A position along x or y, at the middle slice, and its advance per slice.
#[derive(Debug, Clone, Copy)]
struct Line {
    start: f32,
    advance: f32,
}

impl Line {
    #[inline(always)]
    fn at(self, from_middle: f32) -> f32 {
        self.start + from_middle * self.advance
    }

    #[inline(always)]
    fn through(first: f32, at_first: f32, last: f32, at_last: f32) -> Self {
        let advance = (at_last - at_first) / (last - first).max(1.0);
        Self { start: at_first - first * advance, advance }
    }
}

impl Footprint {
    /// Of no rays.
    pub(crate) const EMPTY: Self = {
        let zero = [Line { start: 0.0, advance: 0.0 }; 2];
        Self { low: zero, high: zero, is_narrow: true }
    };

    /// Of rays with positions (start, slope) along x and y, from the slice `first` to `last`, counted
    /// from the middle one.
    #[inline(always)]
    pub(crate) fn new(rays: [(&Lanes<f32>, &Lanes<f32>); 2], first: f32, last: f32) -> Self {
        let [x, y] = rays.map(|(start, slope)| {
            let (low, high) = extremes(start, slope, first);
            let (low_last, high_last) = extremes(start, slope, last);
            let line = |a, b| Line::through(first, a, last, b);
            (line(low, low_last), line(high, high_last))
        });
        let (low, high) = ([x.0, y.0], [x.1, y.1]);
        // The voxels of a sample are the one below it and the next.
        let fits = |k: f32| (0..2).all(|n| high[n].at(k) - low[n].at(k) < WINDOW as f32 - 2.0);
        Self { low, high, is_narrow: fits(first) && fits(last) }
    }

    /// Whether its samples lie in a window everywhere, but for rounding.
    pub(crate) fn is_narrow(&self) -> bool {
        self.is_narrow
    }

    /// The least and the largest (x, y) from one slice to another.
    #[inline(always)]
    pub(crate) fn bounds(&self, first: f32, last: f32) -> ([f32; 2], [f32; 2]) {
        let ([x_low, y_low], [x_high, y_high]) = (self.low, self.high);
        let low = |line: Line| line.at(first).min(line.at(last)) - SLACK;
        let high = |line: Line| line.at(first).max(line.at(last)) + SLACK;
        ([low(x_low), low(y_low)], [high(x_high), high(y_high)])
    }

    /// The first voxel of the samples in a slice, but for rounding.
    #[inline(always)]
    pub(crate) fn corner(&self, from_middle: f32) -> Corner {
        let [x, y] = self.low;
        // Casts saturate: a corner may be anywhere, and is taken for a guess.
        Corner { x: x.at(from_middle) as i32, y: y.at(from_middle) as i32 }
    }
}

/// A voxel of a framed slice, or one outside.
#[derive(Clone, Copy)]
pub(crate) struct Corner {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

impl Corner {
    /// Its place in memory, from the first cell of the slice.
    #[inline(always)]
    pub(crate) fn offset(self, row_stride: usize) -> isize {
        self.y as isize * row_stride as isize + self.x as isize
    }
}

/// The least and the largest position in a slice.
#[inline(always)]
fn extremes(start: &Lanes<f32>, slope: &Lanes<f32>, from_middle: f32) -> (f32, f32) {
    let mut at = [0.0_f32; LANES];
    for lane in 0..LANES {
        at[lane] = start[lane] + from_middle * slope[lane];
    }
    at.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
        (if v < low { v } else { low }, if v > high { v } else { high })
    })
}
