//! The copy of a volume that rays march through: the marching axis slowest, air cropped away, and
//! a frame of zeros around every slice.
//!
//! The frame makes the volume fade to zero over its last voxel with no test in the inner loop: a
//! sample between the outermost voxel and the frame interpolates between the two. Of a volume of
//! several channels, each slice of one channel is followed by the same slice of the next.
//!
//! A sample needs four voxels. How they lie in memory decides the speed:
//! - **f32**: a row of voxels after the other, so that two loads of two neighbours make a sample;
//! - **16 bits**: each cell holds a voxel and the one below it as two u16 in units of a common step,
//!   so that **one** load of two neighbouring cells makes a sample, from as many bytes as f32 takes.

use super::axis::MarchAxis;
use super::occupancy::Occupancy;
use super::slice_grid::SliceGrid;
use crate::volume::Channels;

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
    pub(crate) grid: SliceGrid,
    pub(crate) channels: usize,
    /// The framed slices: channel after channel, then slice after slice.
    pub(crate) cells: Cells,
    /// What a cell's unit stands for (1/mm).
    pub(crate) step_per_mm: f64,
    /// Where there is more than air.
    pub(crate) occupancy: Occupancy,
}

impl Slices {
    /// Copies the content of a volume, its marching axis slowest.
    pub(crate) fn new(volume: &impl Channels, axis: MarchAxis, storage: Storage) -> Self {
        let grid = SliceGrid::new(volume.grid(), &volume.content(), axis);
        let channels = volume.channels().len();
        let number = grid.dims[2] * channels;
        let row_of = |y: usize, n: usize| {
            let (first, stride) = grid.row_in_volume(y, n / channels);
            let voxels = &volume.channels()[n % channels].voxels()[first..];
            voxels.iter().step_by(stride).take(grid.dims[0]).copied()
        };
        let fill_f32 = |slice: &mut [f32], n: usize| {
            for y in 0..grid.dims[1] {
                let row = &mut slice[grid.row_in_slice(y)..][..grid.dims[0]];
                row.iter_mut().zip(row_of(y, n)).for_each(|(cell, voxel)| *cell = voxel);
            }
        };
        let fill_u16 = |slice: &mut [u32], n: usize, step: f32| {
            for y in 0..grid.dims[1] {
                // A row's voxels are the low half of its own cells and the high half of those above.
                let start = grid.row_in_slice(y);
                let (above, from_row) = slice.split_at_mut(start);
                let above = &mut above[start - grid.row_stride()..][..grid.dims[0]];
                let row = &mut from_row[..grid.dims[0]];
                for ((cell, upper), voxel) in row.iter_mut().zip(above).zip(row_of(y, n)) {
                    let steps = (voxel / step).round().min(f32::from(u16::MAX)) as u32;
                    *cell |= steps;
                    *upper |= steps << 16;
                }
            }
        };
        let sixteen_bit_step = match storage {
            Storage::F32 => None,
            Storage::U16 => sixteen_bit_step(volume),
        };
        let (cells, step_per_mm, occupancy) = if let Some(step) = sixteen_bit_step {
            let cells = filled(grid.slice_stride(), number, |slice, n| fill_u16(slice, n, step));
            let occupancy = Occupancy::new(&cells, &grid, channels, |cell| cell & 0xffff == 0);
            (Cells::U16(cells), f64::from(step), occupancy)
        } else {
            let cells = filled(grid.slice_stride(), number, fill_f32);
            let occupancy = Occupancy::new(&cells, &grid, channels, |cell| cell == 0.0);
            (Cells::F32(cells), 1.0, occupancy)
        };
        Self { grid, channels, cells, step_per_mm, occupancy }
    }

    /// The memory it takes (bytes).
    pub(crate) fn bytes(&self) -> usize {
        let cells = match &self.cells {
            Cells::F32(cells) => size_of_val(&cells[..]),
            Cells::U16(cells) => size_of_val(&cells[..]),
        };
        cells + self.occupancy.bytes()
    }
}

/// The step that 65535 of reach the largest voxel; `None` where 16 bits cannot hold the voxels.
fn sixteen_bit_step(volume: &impl Channels) -> Option<f32> {
    let voxels = volume.channels().iter().flat_map(|channel| channel.voxels());
    let (low, high) = voxels.fold((0.0_f32, 0.0_f32), |(low, high), &v| (low.min(v), high.max(v)));
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
    //! Proves: along every axis, in both storages and in each channel every voxel of the content
    //! lands where it belongs, in a frame of zeros.
    use super::super::slice_grid::FRAME;
    use super::*;
    use crate::volume::{Affine, Region, Volume};

    /// Two channels with air around a box.
    #[derive(Debug)]
    struct TwoChannels([Volume<f32>; 2]);

    const CONTENT: Region = Region { lower: [1, 0, 2], upper: [4, 6, 6] };

    impl Channels for TwoChannels {
        fn channels(&self) -> &[Volume<f32>] {
            &self.0
        }

        fn content(&self) -> Region {
            CONTENT
        }
    }

    fn volume(value: impl Fn(f32) -> f32) -> Volume<f32> {
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        Volume::new([5, 6, 7], (0..210).map(|v| value(v as f32)).collect(), affine).unwrap()
    }

    fn cell(slices: &Slices, at: usize) -> (f64, f64) {
        let step = slices.step_per_mm;
        let below = at + slices.grid.row_stride();
        match &slices.cells {
            Cells::F32(cells) => (f64::from(cells[at]), f64::from(cells[below])),
            Cells::U16(cells) => {
                (f64::from(cells[at] & 0xffff) * step, f64::from(cells[at] >> 16) * step)
            }
        }
    }

    #[test]
    fn every_voxel_is_where_it_belongs() {
        let two = TwoChannels([volume(|v| v + 1.0), volume(|v| 3.0 * v + 2.0)]);
        for (axis, storage) in
            MarchAxis::ALL.into_iter().flat_map(|a| [(a, Storage::F32), (a, Storage::U16)])
        {
            let slices = Slices::new(&two, axis, storage);
            let grid = slices.grid;
            let [x_axis, y_axis] = axis.in_slice();
            let voxel = |channel: usize, x: usize, y: usize, z: usize| {
                let inside =
                    |n: usize, a: usize| n.checked_sub(FRAME).filter(|&n| n < grid.dims[a]);
                let (Some(x), Some(y)) = (inside(x, 0), inside(y, 1)) else { return 0.0 };
                let mut index = [0; 3];
                index[x_axis] = x + CONTENT.lower[x_axis];
                index[y_axis] = y + CONTENT.lower[y_axis];
                index[axis.number()] = z + CONTENT.lower[axis.number()];
                f64::from(two.0[channel].get(index).unwrap())
            };
            // Half a step of 629 / 65535, and f32 rounding.
            let tolerance = if storage == Storage::U16 { 6e-3 } else { 0.0 };
            for n in 0..grid.dims[2] * 2 {
                let (z, channel) = (n / 2, n % 2);
                for (y, x) in
                    (0..grid.rows() - 1).flat_map(|y| (0..grid.row_stride()).map(move |x| (y, x)))
                {
                    let at = n * grid.slice_stride() + y * grid.row_stride() + x;
                    let (here, below) = cell(&slices, at);
                    let place = format!("{axis:?} {storage:?} {channel}: {x} {y} {z}");
                    assert!((here - voxel(channel, x, y, z)).abs() <= tolerance, "{place}");
                    assert!((below - voxel(channel, x, y + 1, z)).abs() <= tolerance, "{place}");
                }
            }
        }
    }

    #[test]
    fn negative_voxels_stay_f32() {
        let two = TwoChannels([volume(|v| v), volume(|v| v - 1.0)]);
        let slices = Slices::new(&two, MarchAxis::I, Storage::U16);
        assert!(matches!(slices.cells, Cells::F32(_)));
    }
}
