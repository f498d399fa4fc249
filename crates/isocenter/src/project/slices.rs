//! The copy of a volume that rays march through: the marching axis slowest, air cropped away, and
//! a frame of zeros around every slice.
//!
//! The frame makes the volume fade to zero over its last voxel with no test in the inner loop: a
//! sample between the outermost voxel and the frame interpolates between the two.
//!
//! A sample needs four voxels. How they lie in memory decides the speed:
//! - **f32**: a row of voxels after the other, so that two loads of two neighbours make a sample;
//! - **16 bits**: each cell holds a voxel and the one below it as two u16 in units of a common step,
//!   so that **one** load of two neighbouring cells makes a sample, from as many bytes as f32 takes.

use super::axis::MarchAxis;
use super::occupancy::Occupancy;
use crate::volume::{Region, Volume};

/// Width of the frame of zeros. One voxel is what the fading needs; the second keeps a sample that
/// rounding has moved across the border inside the memory.
pub(crate) const FRAME: usize = 2;

/// How a projector keeps its voxels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// As they are.
    #[default]
    F32,
    /// Rounded to 65535 steps between zero and the largest; faster, and the image differs by less
    /// than 1e-4 (relative RMS). Volumes with negative voxels are kept as f32 all the same.
    U16,
}

/// The voxels of [`Slices`], framed, x fastest.
#[derive(Debug)]
pub(crate) enum Cells {
    F32(Vec<f32>),
    /// The voxel in the low half, the one at y + 1 in the high half.
    U16(Vec<u32>),
}

/// Slices perpendicular to one axis, with their frames.
#[derive(Debug)]
pub(crate) struct Slices {
    /// The slices' axis.
    pub(crate) axis: MarchAxis,
    /// Index of the first voxel that was kept, along (x, y, marching axis).
    pub(crate) lower: [usize; 3],
    /// Number of voxels kept along (x, y, marching axis), frames not counted.
    pub(crate) dims: [usize; 3],
    /// Distance in memory between rows of a slice.
    pub(crate) row_stride: usize,
    /// Distance in memory between slices.
    pub(crate) slice_stride: usize,
    /// The framed slices.
    pub(crate) cells: Cells,
    /// What a cell's unit stands for (1/mm).
    pub(crate) step_per_mm: f64,
    /// Where there is more than air.
    pub(crate) occupancy: Occupancy,
}

/// Where the voxels of a region lie in the memory of their volume, the marching axis slowest.
struct Layout {
    lower: [usize; 3],
    dims: [usize; 3],
    strides: [usize; 3],
    origin: usize,
}

impl Layout {
    fn new(volume: &Volume<f32>, region: &Region, axis: MarchAxis) -> Self {
        let [x_axis, y_axis] = axis.in_slice();
        let order = [x_axis, y_axis, axis.number()];
        let [ni, nj, _] = volume.dims();
        let memory_stride = [1, ni, ni * nj];
        let lower = order.map(|a| region.lower[a]);
        let strides = order.map(|a| memory_stride[a]);
        Self {
            lower,
            dims: order.map(|a| region.upper[a] - region.lower[a]),
            strides,
            origin: (0..3).map(|n| lower[n] * strides[n]).sum(),
        }
    }

    /// The voxels of one row of a slice.
    fn row<'a>(&self, voxels: &'a [f32], y: usize, z: usize) -> impl Iterator<Item = f32> + 'a {
        let start = self.origin + y * self.strides[1] + z * self.strides[2];
        voxels[start..].iter().step_by(self.strides[0]).take(self.dims[0]).copied()
    }
}

impl Slices {
    /// The slice that slopes are counted from: the middle one, so that f32 positions stay precise.
    pub(crate) fn middle(&self) -> i32 {
        (self.dims[2] / 2) as i32
    }

    /// Copies the region of a volume, its marching axis slowest.
    pub(crate) fn new(
        volume: &Volume<f32>,
        region: &Region,
        axis: MarchAxis,
        storage: Storage,
    ) -> Self {
        let layout = Layout::new(volume, region, axis);
        let dims = layout.dims;
        let row_stride = dims[0] + 2 * FRAME;
        let rows = dims[1] + 2 * FRAME;
        let slice_stride = row_stride * rows;
        let voxels = volume.voxels();
        let fill_f32 = |slice: &mut [f32], z: usize| {
            for y in 0..dims[1] {
                let row = &mut slice[(y + FRAME) * row_stride + FRAME..][..dims[0]];
                row.iter_mut()
                    .zip(layout.row(voxels, y, z))
                    .for_each(|(cell, voxel)| *cell = voxel);
            }
        };
        let fill_u16 = |slice: &mut [u32], z: usize, step: f32| {
            for y in 0..dims[1] {
                // A row's voxels are the low half of its own cells and the high half of those above.
                let (above, from_row) = slice.split_at_mut((y + FRAME) * row_stride);
                let above = &mut above[(y + FRAME - 1) * row_stride + FRAME..][..dims[0]];
                let row = &mut from_row[FRAME..][..dims[0]];
                for ((cell, upper), voxel) in
                    row.iter_mut().zip(above).zip(layout.row(voxels, y, z))
                {
                    let steps = (voxel / step).round().min(f32::from(u16::MAX)) as u32;
                    *cell |= steps;
                    *upper |= steps << 16;
                }
            }
        };
        let sixteen_bit_step = match storage {
            Storage::F32 => None,
            Storage::U16 => sixteen_bit_step(voxels),
        };
        let (cells, step_per_mm, occupancy) = if let Some(step) = sixteen_bit_step {
            let cells = filled(slice_stride, dims[2], |slice, z| fill_u16(slice, z, step));
            let occupancy = Occupancy::new(&cells, row_stride, rows, |cell| cell & 0xffff == 0);
            (Cells::U16(cells), f64::from(step), occupancy)
        } else {
            let cells = filled(slice_stride, dims[2], fill_f32);
            let occupancy = Occupancy::new(&cells, row_stride, rows, |cell| cell == 0.0);
            (Cells::F32(cells), 1.0, occupancy)
        };
        let lower = layout.lower;
        Self { axis, lower, dims, row_stride, slice_stride, cells, step_per_mm, occupancy }
    }
}

/// The step that 65535 of reach the largest voxel; `None` where 16 bits cannot hold the voxels.
fn sixteen_bit_step(voxels: &[f32]) -> Option<f32> {
    let (low, high) =
        voxels.iter().fold((0.0_f32, 0.0_f32), |(low, high), &v| (low.min(v), high.max(v)));
    let step = high / f32::from(u16::MAX);
    (low >= 0.0 && step > f32::MIN_POSITIVE).then_some(step)
}

/// Slices, or what belongs to a few, filled one by one on all cores.
pub(crate) fn filled<T: Default + Clone + Send>(
    slice_stride: usize,
    number: usize,
    fill: impl Fn(&mut [T], usize) + Sync,
) -> Vec<T> {
    let mut cells = vec![T::default(); slice_stride * number];
    // Plain threads, not the pool: the copy is made while a lock is held, and a pool thread that
    // waits would pick up another task that waits for the same lock.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = number.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (n, chunk) in cells.chunks_mut(slice_stride * share).enumerate() {
            let fill = &fill;
            scope.spawn(move || {
                for (at, slice) in chunk.chunks_exact_mut(slice_stride).enumerate() {
                    fill(slice, n * share + at);
                }
            });
        }
    });
    cells
}

#[cfg(test)]
mod tests {
    //! Proves: along every axis and in both storages each voxel of the region lands where it
    //! belongs, in a frame of zeros.
    use super::*;
    use crate::volume::Affine;

    fn cell(slices: &Slices, at: usize) -> (f64, f64) {
        let step = slices.step_per_mm;
        match &slices.cells {
            Cells::F32(cells) => (
                f64::from(cells[at]),
                f64::from(cells.get(at + slices.row_stride).copied().unwrap_or(0.0)),
            ),
            Cells::U16(cells) => {
                (f64::from(cells[at] & 0xffff) * step, f64::from(cells[at] >> 16) * step)
            }
        }
    }

    #[test]
    fn every_voxel_is_where_it_belongs() {
        let dims = [5, 6, 7];
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        let voxels: Vec<f32> = (0..210).map(|v| v as f32 + 1.0).collect();
        let volume = Volume::new(dims, voxels, affine).unwrap();
        let region = Region { lower: [1, 0, 2], upper: [4, 6, 6] };
        for (axis, storage) in
            MarchAxis::ALL.into_iter().flat_map(|a| [(a, Storage::F32), (a, Storage::U16)])
        {
            let slices = Slices::new(&volume, &region, axis, storage);
            let [x_axis, y_axis] = axis.in_slice();
            let voxel = |x: i64, y: i64, z: usize| {
                let inside = |n: i64, a: usize| {
                    usize::try_from(n - FRAME as i64).ok().filter(|&n| n < slices.dims[a])
                };
                let (Some(x), Some(y)) = (inside(x, 0), inside(y, 1)) else { return 0.0 };
                let mut index = [0; 3];
                index[x_axis] = x + slices.lower[0];
                index[y_axis] = y + slices.lower[1];
                index[axis.number()] = z + slices.lower[2];
                f64::from(volume.get(index).unwrap())
            };
            // Half a step of 210 / 65535, and f32 rounding.
            let tolerance = if storage == Storage::U16 { 2e-3 } else { 0.0 };
            let rows = slices.slice_stride / slices.row_stride;
            for z in 0..slices.dims[2] {
                for y in 0..rows - 1 {
                    for x in 0..slices.row_stride {
                        let at = z * slices.slice_stride + y * slices.row_stride + x;
                        let (here, below) = cell(&slices, at);
                        let (x, y) = (x as i64, y as i64);
                        assert!((here - voxel(x, y, z)).abs() <= tolerance, "{axis:?} {x} {y} {z}");
                        assert!(
                            (below - voxel(x, y + 1, z)).abs() <= tolerance,
                            "{axis:?} {x} {y} {z}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn negative_voxels_stay_f32() {
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        let volume =
            Volume::new([2; 3], vec![-1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], affine).unwrap();
        let slices = Slices::new(&volume, &Region::whole(&volume), MarchAxis::I, Storage::U16);
        assert!(matches!(slices.cells, Cells::F32(_)));
    }
}
