//! Where matter is, which of it is the patient, and which a couch.

use std::cmp::Reverse;

use super::MATTER_HU;
use super::cells::{Cells, each};
use crate::parts::parts;
use crate::volume::Volume;

/// Half the width of the opening (cells): what is thinner than twice that is no patient.
const OPENING: usize = 3;
/// The border around the patient that stays with him (cells).
const BORDER: usize = 2;
/// The part of the slices in which a couch is at its place.
const STEADY: f64 = 0.7;
/// The narrowest couch (mm).
const NARROWEST_MM: f64 = 150.0;
/// How much of the patient lies above it at least (mm).
const LEAST_BELOW_MM: f64 = 100.0;
/// The part of the columns in which it must be behind the patient.
const BEHIND: f64 = 0.98;

/// Where matter is, cell by cell.
#[derive(Debug, Clone)]
pub(super) struct Matter {
    /// Cells whose mean is dense.
    filled: Vec<bool>,
    /// Cells that hold a dense voxel.
    touched: Vec<bool>,
}

impl Matter {
    /// Of a CT (HU).
    pub(super) fn new(volume: &Volume<f32>, cells: &Cells) -> Self {
        let number = cells.number();
        let (mut sum, mut count) = (vec![0.0_f32; number], vec![0_u32; number]);
        let mut touched = vec![false; number];
        each(cells, volume.dims(), |at, voxel| {
            let Some(&voxel) = volume.voxels().get(voxel) else { return };
            // Padding far below air must not outweigh, nor metal.
            sum[at] += voxel.clamp(-1000.0, 200.0);
            count[at] += 1;
            touched[at] |= voxel > MATTER_HU;
        });
        let filled = sum.iter().zip(&count).map(|(s, &n)| *s > MATTER_HU * n as f32).collect();
        Self { filled, touched }
    }

    /// Seen from the other side of the patient.
    pub(super) fn turned(&self, cells: &Cells) -> Self {
        let reverse = |cells_of: &[bool]| {
            let slices = cells_of.chunks_exact(cells.slice());
            let rows = slices.flat_map(|slice| slice.chunks_exact(cells.counts[0]).rev());
            rows.flatten().copied().collect()
        };
        Self { filled: reverse(&self.filled), touched: reverse(&self.touched) }
    }

    /// What to remove, and the distance to the patient (mm).
    pub(super) fn couch(
        &self,
        cells: &Cells,
        [dx_mm, dy_mm]: [f64; 2],
    ) -> Option<(Vec<bool>, f64)> {
        let thick = self.thick(cells);
        let patient = backs(&thick, cells);
        let top = surface(&self.profile(cells, &thick), &patient, cells, dx_mm)?;
        let mut gaps: Vec<usize> = above(&top, &patient)
            .into_iter()
            .map(|(top, back)| top.saturating_sub(back + 1))
            .collect();
        gaps.sort_unstable();
        let gap_mm = gaps.get(gaps.len() / 2).copied().unwrap_or(0) as f64 * dy_mm;
        Some((below(cells, &thick, &interpolated(&top), &patient), gap_mm))
    }

    /// The patient, and all else that is thick.
    fn thick(&self, cells: &Cells) -> Vec<bool> {
        let columns = cells.counts[0];
        let opened = |slice| boxes(&boxes(slice, columns, OPENING, true), columns, OPENING, false);
        self.filled.chunks_exact(cells.slice()).flat_map(opened).collect()
    }

    /// What is thin, and at its place in most slices.
    fn profile(&self, cells: &Cells, thick: &[bool]) -> Vec<bool> {
        let slices = cells.counts[2];
        let mut seen = vec![0_usize; cells.slice()];
        for (touched, thick) in
            self.touched.chunks_exact(cells.slice()).zip(thick.chunks_exact(cells.slice()))
        {
            let around = boxes(thick, cells.counts[0], BORDER, false);
            for ((seen, touched), around) in seen.iter_mut().zip(touched).zip(around) {
                *seen += usize::from(*touched && !around);
            }
        }
        seen.into_iter().map(|seen| seen as f64 >= STEADY * slices as f64).collect()
    }
}

/// The couch's surface in each column: of the parts of the profile that can be one, the upper wall.
fn surface(
    profile: &[bool],
    patient: &[Option<usize>],
    cells: &Cells,
    dx_mm: f64,
) -> Option<Vec<Option<usize>>> {
    let [nx, ny, _] = cells.counts;
    let wide = |columns: usize| columns as f64 * dx_mm;
    let mut top: Vec<Option<usize>> = vec![None; nx];
    for part in parts(&boxes(profile, nx, 1, false), cells.slice_size()) {
        let mut surface: Vec<Option<usize>> = vec![None; nx];
        for &at in part.iter().filter(|&&at| profile[at]) {
            raise(&mut surface[at % nx], at / nx);
        }
        let known = surface.iter().flatten().count();
        let under = above(&surface, patient);
        let behind = under.iter().filter(|(top, back)| top > back).count();
        if wide(known) >= NARROWEST_MM
            && wide(under.len()) >= LEAST_BELOW_MM
            && behind as f64 >= BEHIND * under.len() as f64
        {
            for (top, surface) in top.iter_mut().zip(&surface) {
                if let Some(y) = surface {
                    raise(top, *y);
                }
            }
        }
    }
    if top.iter().all(Option::is_none) {
        return None;
    }
    // Parts of it that hang together with nothing: a mattress, a sheet.
    for (x, top) in top.iter_mut().enumerate() {
        if let (Some(_), Some(back)) = (*top, patient[x])
            && let Some(y) = (back + 1..ny).find(|y| profile[x + nx * y])
        {
            raise(top, y);
        }
    }
    Some(top)
}

/// The cells from the couch's surface on that are not the patient.
fn below(
    cells: &Cells,
    thick: &[bool],
    top: &[Option<usize>],
    patient: &[Option<usize>],
) -> Vec<bool> {
    let [nx, ny, _] = cells.counts;
    // Thick parts of the couch lie behind the patient and its surface.
    let is_patient = |x: usize, y: usize| match (top[x], patient[x]) {
        (Some(top), Some(back)) => y < top.max(back + 1),
        (Some(top), None) => y < top,
        _ => true,
    };
    let mut removed = Vec::with_capacity(thick.len());
    for slice in thick.chunks_exact(cells.slice()) {
        let kept: Vec<bool> = slice
            .iter()
            .enumerate()
            .map(|(at, &thick)| thick && is_patient(at % nx, at / nx))
            .collect();
        let around = boxes(&kept, nx, BORDER, false);
        for (at, around) in around.into_iter().enumerate() {
            let (x, y) = (at % nx, at / nx);
            // The wall may begin within the cell before.
            let below = top[x].is_some_and(|top| y + 1 >= top);
            removed.push(below && !around && y < ny);
        }
    }
    removed
}

/// The smaller of two rows.
fn raise(top: &mut Option<usize>, y: usize) {
    *top = Some(top.map_or(y, |first| first.min(y)));
}

/// The couch's surface and the patient's back in the columns that have both.
fn above(top: &[Option<usize>], patient: &[Option<usize>]) -> Vec<(usize, usize)> {
    top.iter().zip(patient).filter_map(|(top, back)| Some(((*top)?, (*back)?))).collect()
}

/// The last row of the patient in each column: of the largest thick part of any slice.
fn backs(thick: &[bool], cells: &Cells) -> Vec<Option<usize>> {
    let nx = cells.counts[0];
    let mut last = vec![None; nx];
    for slice in thick.chunks_exact(cells.slice()) {
        // The first of the largest.
        let largest =
            parts(slice, cells.slice_size()).into_iter().min_by_key(|part| Reverse(part.len()));
        for at in largest.unwrap_or_default() {
            let last = &mut last[at % nx];
            *last = (*last).max(Some(at / nx));
        }
    }
    last
}

/// Between columns whose surface is known, a straight line.
fn interpolated(top: &[Option<usize>]) -> Vec<Option<usize>> {
    let mut filled = top.to_vec();
    let known: Vec<(usize, usize)> =
        top.iter().enumerate().filter_map(|(x, top)| Some((x, (*top)?))).collect();
    for pair in known.windows(2) {
        let [(a, ya), (b, yb)] = [pair[0], pair[1]];
        for (x, filled) in filled.iter_mut().enumerate().take(b).skip(a + 1) {
            let part = (x - a) as f64 / (b - a) as f64;
            *filled = Some((ya as f64 + part * (yb as f64 - ya as f64)).round() as usize);
        }
    }
    filled
}

/// Erosion (`all`) or dilation of a slice by a square; beyond the slice is nothing.
fn boxes(slice: &[bool], columns: usize, radius: usize, all: bool) -> Vec<bool> {
    let rows = slice.len() / columns;
    // Counts in a sliding window, along the rows and then along the columns.
    let along = |length: usize, at: &dyn Fn(usize) -> bool, set: &mut dyn FnMut(usize, bool)| {
        let mut inside = (0..radius.min(length)).filter(|&n| at(n)).count();
        for n in 0..length {
            inside += usize::from(n + radius < length && at(n + radius));
            inside -= usize::from(n > radius && at(n - radius - 1));
            set(n, if all { inside == 2 * radius + 1 } else { inside > 0 });
        }
    };
    let mut wide = vec![false; slice.len()];
    for row in 0..rows {
        let start = row * columns;
        along(columns, &|c| slice[start + c], &mut |c, value| wide[start + c] = value);
    }
    let mut both = vec![false; slice.len()];
    for column in 0..columns {
        along(rows, &|r| wide[r * columns + column], &mut |r, value| {
            both[r * columns + column] = value;
        });
    }
    both
}
