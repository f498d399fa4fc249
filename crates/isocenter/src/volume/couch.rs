//! The couch: what a patient lies on is in the CT, but not in the X-ray.
//!
//! A couch is the same in every slice, wide, thin-walled, and behind the patient. On cells of about
//! 3 mm,
//!
//! 1. the **patient** is what survives an opening by 18 mm within the slices, which thin walls do not;
//! 2. what is left, and at its place in at least 7 of 10 slices, is a **profile**;
//! 3. the profile is a couch if one part of it is at least 150 mm wide, lies behind the patient in every
//!    column, and below at least 100 mm of him;
//! 4. from its upper surface on, all that is not the patient, with a border around him, becomes air.
//!
//! What touches the patient stays with him: a few millimetres of couch left in a CT do no harm, a few of
//! skin taken away might. A CT that is cropped to the patient, or holds bones on zeros, has no such
//! profile.

use super::grid::Volume;

/// The edge of a cell (mm).
const CELL_MM: f64 = 3.0;
/// What is denser than this (HU) is matter: skin, and the walls of couches, which are thin.
const MATTER_HU: f32 = -500.0;
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
/// Fewer slices tell nothing about what is steady.
const FEWEST_SLICES: usize = 4;

/// A couch that was found in a CT.
///
/// # Examples
/// ```
/// use isocenter::volume::{Couch, Phantom, PhantomConfig};
/// let config = PhantomConfig { spacing_mm: 4.0, ..PhantomConfig::default() };
/// // This patient floats in air.
/// assert!(Couch::find(&Phantom::generate(&config).unwrap().ct).is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Couch {
    cells: Cells,
    removed: Vec<bool>,
    volume_ml: f64,
    gap_mm: f64,
}

/// How cells lie in a volume: along x (left), y (posterior, or anterior where reversed) and z.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cells {
    /// The axis of the volume along x, y, z.
    axes: [usize; 3],
    /// Voxels in a cell along x, y, z.
    factors: [usize; 3],
    /// Cells along x, y, z.
    counts: [usize; 3],
    /// Whether the index runs to the front along y.
    reversed: bool,
}

impl Cells {
    fn new<T: Copy>(volume: &Volume<T>) -> Option<Self> {
        let (linear, spacing) =
            (volume.world_from_index().linear(), volume.world_from_index().spacing_mm());
        let mut axes = [0; 3];
        for (world, axis) in axes.iter_mut().enumerate() {
            *axis = (0..3).find(|&a| linear.column(a).iamax() == world)?;
        }
        let factors = axes.map(|axis| ((CELL_MM / spacing[axis]).round() as usize).clamp(1, 64));
        let counts = std::array::from_fn(|n| volume.dims()[axes[n]].div_ceil(factors[n]));
        let reversed = linear[(1, axes[1])] < 0.0;
        Some(Self { axes, factors, counts, reversed })
    }

    fn number(&self) -> usize {
        self.counts.iter().product()
    }

    /// The cell of a voxel.
    fn of_voxel(&self, index: [usize; 3]) -> usize {
        let [x, y, z] = std::array::from_fn(|n| index[self.axes[n]] / self.factors[n]);
        let y = if self.reversed { self.counts[1] - 1 - y } else { y };
        x + self.counts[0] * (y + self.counts[1] * z)
    }

    /// What each index of the volume's axes adds to a cell: sums of three are cells.
    fn parts(&self, dims: [usize; 3]) -> [Vec<usize>; 3] {
        std::array::from_fn(|axis| {
            let at = |n: usize| std::array::from_fn(|a| if a == axis { n } else { 0 });
            let origin = self.of_voxel([0; 3]);
            // Along a reversed axis the cells run down: the difference wraps, and so does the sum.
            let step = |n: usize| self.of_voxel(at(n)).wrapping_sub(origin);
            let first = if axis == 0 { origin } else { 0 };
            (0..dims[axis]).map(|n| first.wrapping_add(step(n))).collect()
        })
    }

    /// Cells of one slice.
    fn slice(&self) -> usize {
        self.counts[0] * self.counts[1]
    }
}

impl Couch {
    /// Finds the couch in a CT (HU), behind a patient on his back or before one on his front.
    #[must_use]
    pub fn find(volume: &Volume<f32>) -> Option<Self> {
        let cells = Cells::new(volume)?;
        if cells.counts[2] < FEWEST_SLICES {
            return None;
        }
        let matter = Matter::new(volume, &cells);
        let spacing = volume.world_from_index().spacing_mm();
        let size_mm = [0, 1].map(|n| spacing[cells.axes[n]] * cells.factors[n] as f64);
        [false, true].into_iter().find_map(|front| {
            let (cells, matter) = match front {
                false => (cells, matter.clone()),
                true => {
                    let turned = Cells { reversed: !cells.reversed, ..cells };
                    (turned, matter.reversed(&cells))
                }
            };
            let (removed, gap_mm) = matter.couch(&cells, size_mm)?;
            let mut found = Self { cells, removed, volume_ml: 0.0, gap_mm };
            let voxel_ml = volume.world_from_index().linear().determinant().abs() / 1000.0;
            let dense = volume.voxels().iter().enumerate();
            let dense =
                dense.filter(|&(at, &v)| v > MATTER_HU && found.contains(volume.index_of(at)));
            found.volume_ml = dense.count() as f64 * voxel_ml;
            (found.volume_ml > 0.0).then_some(found)
        })
    }

    /// Whether a voxel belongs to what is removed: the couch, and what is below its surface.
    #[must_use]
    pub fn contains(&self, index: [usize; 3]) -> bool {
        self.removed.get(self.cells.of_voxel(index)).copied().unwrap_or(false)
    }

    /// The matter that is removed (ml): the couch's walls.
    #[must_use]
    pub fn volume_ml(&self) -> f64 {
        self.volume_ml
    }

    /// The distance between the patient and the couch's surface (mm), its median over the columns.
    #[must_use]
    pub fn gap_mm(&self) -> f64 {
        self.gap_mm
    }

    /// Sets what is removed to a value, that of air; denser voxels only.
    pub fn remove(&self, volume: &mut Volume<f32>, air_hu: f32) {
        let dims = volume.dims();
        let voxels = volume.voxels_mut();
        each(&self.cells, dims, |at, voxel| {
            if self.removed[at] && voxels[voxel] > air_hu {
                voxels[voxel] = air_hu;
            }
        });
    }
}

/// The cell and the place of every voxel.
fn each(cells: &Cells, dims: [usize; 3], mut f: impl FnMut(usize, usize)) {
    let [along_i, along_j, along_k] = cells.parts(dims);
    let mut voxel = 0;
    for k in along_k {
        for &j in &along_j {
            let start = j.wrapping_add(k);
            for &i in &along_i {
                f(start.wrapping_add(i), voxel);
                voxel += 1;
            }
        }
    }
}

/// Where matter is, cell by cell.
#[derive(Debug, Clone)]
struct Matter {
    /// Cells whose mean is dense.
    filled: Vec<bool>,
    /// Cells that hold a dense voxel.
    touched: Vec<bool>,
}

impl Matter {
    fn new(volume: &Volume<f32>, cells: &Cells) -> Self {
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

    /// Seen from the other side.
    fn reversed(&self, cells: &Cells) -> Self {
        let reverse = |cells_of: &[bool]| {
            let slices = cells_of.chunks_exact(cells.slice());
            let rows = slices.flat_map(|slice| slice.chunks_exact(cells.counts[0]).rev());
            rows.flatten().copied().collect()
        };
        Self { filled: reverse(&self.filled), touched: reverse(&self.touched) }
    }

    /// What to remove, and the distance to the patient (mm).
    fn couch(&self, cells: &Cells, [dx_mm, dy_mm]: [f64; 2]) -> Option<(Vec<bool>, f64)> {
        let [nx, ny, nz] = cells.counts;
        // The patient, and all else that is thick.
        let thick: Vec<bool> = self
            .filled
            .chunks_exact(cells.slice())
            .flat_map(|slice| boxes(&boxes(slice, nx, OPENING, true), nx, OPENING, false))
            .collect();
        let around: Vec<bool> = thick
            .chunks_exact(cells.slice())
            .flat_map(|slice| boxes(slice, nx, BORDER, false))
            .collect();
        // What is at its place in most slices.
        let steady = |x: usize, y: usize| {
            let at = |z: usize| x + nx * (y + ny * z);
            let free = (0..nz).filter(|&z| self.touched[at(z)] && !around[at(z)]).count();
            free as f64 >= STEADY * nz as f64
        };
        let profile: Vec<bool> = (0..nx * ny).map(|at| steady(at % nx, at / nx)).collect();
        let joined = boxes(&profile, nx, 1, false);
        let patient = backs(&thick, cells);
        let wide = |columns: usize| columns as f64 * dx_mm;
        let mut top: Vec<Option<usize>> = vec![None; nx];
        for part in parts(&joined, nx) {
            let mut surface: Vec<Option<usize>> = vec![None; nx];
            for &at in part.iter().filter(|&&at| profile[at]) {
                raise(&mut surface[at % nx], at / nx);
            }
            let known = surface.iter().flatten().count();
            let under = above(&surface, &patient);
            let behind = under.iter().filter(|(top, back)| top > back).count();
            if wide(known) >= NARROWEST_MM
                && wide(under.len()) >= LEAST_BELOW_MM
                && behind as f64 >= BEHIND * under.len() as f64
            {
                // The upper of two walls counts.
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
        let under = above(&top, &patient);
        let mut gaps: Vec<usize> =
            under.iter().map(|(top, back)| top.saturating_sub(*back + 1)).collect();
        gaps.sort_unstable();
        let gap_mm = gaps.get(gaps.len() / 2).copied().unwrap_or(0) as f64 * dy_mm;
        Some((self.below(cells, &thick, &interpolated(&top), &patient), gap_mm))
    }

    /// The cells from the couch's surface on that are not the patient.
    fn below(
        &self,
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
        for at in parts(slice, nx).into_iter().next().unwrap_or_default() {
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

/// The connected parts of a slice, the largest first.
fn parts(set: &[bool], columns: usize) -> Vec<Vec<usize>> {
    let mut seen: Vec<bool> = set.iter().map(|set| !set).collect();
    let mut found = Vec::new();
    for start in 0..set.len() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let (mut part, mut next) = (Vec::new(), vec![start]);
        while let Some(at) = next.pop() {
            part.push(at);
            let column = at % columns;
            let neighbors = [
                (column > 0).then(|| at - 1),
                (column + 1 < columns).then(|| at + 1),
                at.checked_sub(columns),
                (at + columns < set.len()).then_some(at + columns),
            ];
            for neighbor in neighbors.into_iter().flatten() {
                if !std::mem::replace(&mut seen[neighbor], true) {
                    next.push(neighbor);
                }
            }
        }
        found.push(part);
    }
    found.sort_by_key(|part| std::cmp::Reverse(part.len()));
    found
}

#[cfg(test)]
mod tests {
    //! Proves: couches of several shapes are found and removed, on either side and in any order of
    //! axes, no voxel of a patient is ever changed, and a CT without a couch stays as it is.
    use super::*;
    use crate::volume::{Affine, Phantom, PhantomConfig};
    use nalgebra::{Matrix3, Vector3};

    const AIR: f32 = -1000.0;

    /// A lower back in a wide field of air: 4 mm voxels, LPS, feet first.
    fn patient(seed: u64) -> Volume<f32> {
        let config = PhantomConfig { spacing_mm: 4.0, seed, ..PhantomConfig::default() };
        let ct = Phantom::generate(&config).unwrap().ct;
        let [ni, nj, nk] = ct.dims();
        let (pad, wide) = (20, [ni + 40, nj + 50, nk]);
        let mut voxels = vec![AIR; wide.iter().product()];
        for (at, &voxel) in ct.voxels().iter().enumerate() {
            let [i, j, k] = ct.index_of(at);
            voxels[(i + pad) + wide[0] * ((j + 15) + wide[1] * k)] = voxel;
        }
        let affine = ct.world_from_index().reindexed([1.0; 3], [-(pad as f64), -15.0, 0.0]);
        Volume::new(wide, voxels, affine).unwrap()
    }

    /// The last row with matter in it.
    fn back(volume: &Volume<f32>) -> usize {
        let dense = volume.voxels().iter().enumerate().filter(|(_, v)| **v > -400.0);
        dense.map(|(at, _)| volume.index_of(at)[1]).max().unwrap()
    }

    /// The volume on a couch: a curved shell of one voxel, foam in it, rails at its sides.
    fn on_couch(volume: &Volume<f32>, gap: usize, curved: bool) -> Volume<f32> {
        let (mut with, [ni, nj, nk]) = (volume.clone(), volume.dims());
        let (middle, top) = (ni as f64 / 2.0, back(volume) + 1 + gap);
        for k in 0..nk {
            for i in ni / 8..ni - ni / 8 {
                let x = (i as f64 - middle) / middle;
                let rise = if curved { (6.0 * x * x) as usize } else { 0 };
                let upper = top.saturating_sub(rise);
                for j in upper..(top + 8).min(nj) {
                    let shell = j == upper || j == top + 7;
                    let rail =
                        j > top + 2 && j < top + 8 && (i < ni / 8 + 7 || i > ni - ni / 8 - 8);
                    let at = i + ni * (j + nj * k);
                    if with.voxels()[at] < -900.0 {
                        with.voxels_mut()[at] = if shell || rail { -100.0 } else { -930.0 };
                    }
                }
            }
        }
        with
    }

    #[test]
    fn couches_are_removed_and_patients_are_not() {
        for seed in 0..3 {
            let alone = patient(seed);
            assert_eq!(Couch::find(&alone), None, "{seed}");
            for (gap, curved) in [(0, false), (1, true), (4, true), (6, false)] {
                let with = on_couch(&alone, gap, curved);
                let couch = Couch::find(&with).unwrap_or_else(|| panic!("{seed} {gap} {curved}"));
                let mut cleared = with.clone();
                couch.remove(&mut cleared, AIR);
                let (mut left, mut lost, mut all) = (0, 0, 0);
                let voxels = cleared.voxels().iter().zip(with.voxels()).zip(alone.voxels());
                for ((&found, &with), &alone) in voxels {
                    let was_couch = with > -500.0 && alone < -900.0;
                    all += usize::from(was_couch);
                    left += usize::from(was_couch && found > -500.0);
                    lost += usize::from(alone > -900.0 && found != alone);
                }
                assert_eq!(lost, 0, "{seed} {gap} {curved}");
                // Where it touches the patient, its wall stays.
                let most = if gap < 2 { 0.5 } else { 0.02 };
                assert!(
                    (left as f64) < most * all as f64,
                    "{seed} {gap} {curved}: {left} of {all}"
                );
            }
        }
    }

    /// The same volume with its axes in another order and sense.
    fn reordered(volume: &Volume<f32>) -> Volume<f32> {
        let [ni, nj, nk] = volume.dims();
        let mut voxels = Vec::with_capacity(volume.voxels().len());
        for i in (0..ni).rev() {
            for j in (0..nj).rev() {
                voxels.extend((0..nk).map(|k| volume.voxels()[i + ni * (j + nj * k)]));
            }
        }
        // New axes: k, -j, -i.
        let turn = Matrix3::new(0.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0);
        let last = Vector3::new(ni as f64 - 1.0, nj as f64 - 1.0, 0.0);
        let old = volume.world_from_index();
        let affine = Affine::new(old.linear() * turn, old.point(last)).unwrap();
        Volume::new([nk, nj, ni], voxels, affine).unwrap()
    }

    #[test]
    fn the_order_of_axes_and_the_side_do_not_matter() {
        let with = on_couch(&patient(1), 4, true);
        let volume_ml = Couch::find(&with).unwrap().volume_ml();
        let other = Couch::find(&reordered(&with)).unwrap();
        assert!((other.volume_ml() - volume_ml).abs() < 0.02 * volume_ml);
        // On his front: the same picture, the world turned about.
        let old = with.world_from_index();
        let flip = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
        let affine = Affine::new(flip * old.linear(), flip * old.translation()).unwrap();
        let prone = Volume::new(with.dims(), with.voxels().to_vec(), affine).unwrap();
        let prone = Couch::find(&prone).unwrap();
        assert!((prone.volume_ml() - volume_ml).abs() < 0.02 * volume_ml);
        assert!((8.0..=24.0).contains(&prone.gap_mm()), "{}", prone.gap_mm());
    }

    #[test]
    fn what_is_no_couch_stays() {
        let alone = patient(2);
        // Bones on zeros; a block; nothing at all.
        let bones = alone.map(|hu| if hu > 300.0 { hu } else { 0.0 });
        assert_eq!(Couch::find(&bones), None);
        for value in [0.0, -1000.0] {
            assert_eq!(Couch::find(&alone.map(|_| value)), None);
        }
        // A tube along the patient, and a plate in a few slices only.
        let (mut other, [ni, nj, nk]) = (alone.clone(), alone.dims());
        let row = back(&alone) + 4;
        for k in 0..nk {
            let ends = if k < nk / 3 { 10..ni - 10 } else { ni / 2..ni / 2 + 3 };
            for i in ends {
                other.voxels_mut()[i + ni * (row + nj * k)] = 100.0;
            }
        }
        assert_eq!(Couch::find(&other), None);
    }

    #[test]
    fn tiny_volumes_break_nothing() {
        for dims in [[2, 2, 2], [2, 3, 40], [60, 2, 5], [3, 60, 5]] {
            let voxels = (0..dims.iter().product()).map(|n: usize| (n % 7) as f32 * 300.0 - 1000.0);
            let affine = Affine::from_spacing([3.0; 3], [0.0; 3]).unwrap();
            let volume = Volume::new(dims, voxels.collect(), affine).unwrap();
            assert_eq!(Couch::find(&volume), None);
        }
    }
}
