//! Slices that are tilted, shifted or at irregular distances, onto a straight and regular grid.
//!
//! A voxel between two slices is interpolated linearly along their normal, and within each slice
//! bilinearly. What lies outside of a slice is air; a voxel that only one of its two slices covers
//! gets the value of that one.

use rayon::prelude::*;

use super::slices::Stack;

/// What lies outside of the slices (HU).
pub(super) const AIR_HU: f32 = -1000.0;

/// The grid: that of the slices, wide enough for all of them.
pub(super) struct Grid {
    /// Voxels along i, j, k.
    pub(super) dims: [usize; 3],
    /// Where voxel (0, 0, 0) lies beside the lowest slice's first pixel (px).
    pub(super) shift_px: [f64; 2],
}

impl Grid {
    pub(super) fn of(stack: &Stack, [columns, rows]: [usize; 2]) -> Self {
        let along = |axis: usize, count: usize| {
            let shifts = stack.slices.iter().map(|slice| slice.shift_px[axis]);
            let low = shifts.clone().fold(0.0, f64::min).floor();
            let high = shifts.fold(0.0, f64::max).ceil();
            // Shifts are at most the slice's own size.
            (low, count + (high - low) as usize)
        };
        let [(left, ni), (top, nj)] = [along(0, columns), along(1, rows)];
        let ends = stack.slices.first().zip(stack.slices.last());
        let length = ends.map_or(0.0, |(a, b)| b.along_mm - a.along_mm);
        // Gaps are at most twenty millimetres or a few slice distances.
        let nk = 1 + (length / stack.step_mm + 1e-6) as usize;
        Self { dims: [ni, nj, nk], shift_px: [left, top] }
    }
}

/// Resamples slices, one behind the other in `slices`, onto a grid.
///
/// # Shapes
/// `out` has the voxels of the grid, i fastest.
pub(super) fn regrid(
    stack: &Stack,
    slices: &[f32],
    [columns, rows]: [usize; 2],
    grid: &Grid,
    out: &mut [f32],
) {
    let [ni, nj, _] = grid.dims;
    let first_mm = stack.slices.first().map_or(0.0, |slice| slice.along_mm);
    out.par_chunks_mut(ni).enumerate().for_each(|(line, out)| {
        let (j, k) = (line % nj, line / nj);
        let along_mm = first_mm + k as f64 * stack.step_mm;
        let above = stack.slices.partition_point(|slice| slice.along_mm <= along_mm);
        let at = above.saturating_sub(1).min(stack.slices.len().saturating_sub(2));
        let (Some(lower), Some(upper)) = (stack.slices.get(at), stack.slices.get(at + 1)) else {
            return out.fill(AIR_HU);
        };
        let weight = (along_mm - lower.along_mm) / (upper.along_mm - lower.along_mm);
        let weight = weight.clamp(0.0, 1.0) as f32;
        let pixels = columns * rows;
        let within = |n: usize, shift_px: [f64; 2]| {
            let slice = slices.get(n * pixels..(n + 1) * pixels).unwrap_or_default();
            let y = j as f64 + grid.shift_px[1] - shift_px[1];
            let start = grid.shift_px[0] - shift_px[0];
            Line::new(slice, [columns, rows], y, start)
        };
        let lower = within(at, lower.shift_px);
        let upper = within(at + 1, upper.shift_px);
        for (i, out) in out.iter_mut().enumerate() {
            *out = match (lower.at(i), upper.at(i)) {
                (Some(a), Some(b)) => a + (b - a) * weight,
                (Some(a), None) if weight < 1.0 => a,
                (None, Some(b)) if weight > 0.0 => b,
                _ => AIR_HU,
            };
        }
    });
}

/// A line through a slice, along its rows.
struct Line<'a> {
    /// The rows beside the line, and how far it lies towards the second.
    rows: Option<(&'a [f32], &'a [f32], f32)>,
    start: f64,
}

impl<'a> Line<'a> {
    fn new(slice: &'a [f32], [columns, rows]: [usize; 2], y: f64, start: f64) -> Self {
        let rows = between(y, rows).and_then(|(at, next, weight)| {
            let row = |n: usize| slice.get(n * columns..(n + 1) * columns);
            Some((row(at)?, row(next)?, weight))
        });
        Self { rows, start }
    }

    /// The value at a voxel; `None` outside of the slice.
    fn at(&self, i: usize) -> Option<f32> {
        let (upper, lower, down) = self.rows?;
        let (at, next, right) = between(self.start + i as f64, upper.len())?;
        let along = |row: &[f32]| {
            let (a, b) = (row.get(at)?, row.get(next)?);
            Some(a + (b - a) * right)
        };
        let (a, b) = (along(upper)?, along(lower)?);
        Some(a + (b - a) * down)
    }
}

/// The pixels on both sides of a place, and how far it lies towards the second.
fn between(place: f64, count: usize) -> Option<(usize, usize, f32)> {
    /// A place may miss the outermost pixel by so much, by rounding.
    const ROUNDING: f64 = 1e-6;
    let last = count.checked_sub(1)?;
    if !(-ROUNDING..=last as f64 + ROUNDING).contains(&place) {
        return None;
    }
    let place = place.clamp(0.0, last as f64);
    let at = place as usize;
    Some((at, (at + 1).min(last), (place - at as f64) as f32))
}
