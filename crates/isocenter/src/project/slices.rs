//! The copy of a volume that rays march through: the marching axis slowest, air cropped away, and
//! a frame of zeros around every slice.
//!
//! The frame makes the volume fade to zero over its last voxel with no test in the inner loop: a
//! sample between the outermost voxel and the frame interpolates between the two.

use super::axis::MarchAxis;
use crate::volume::{Region, Volume};

/// Width of the frame of zeros. One voxel is what the fading needs; the second keeps a sample that
/// rounding has moved across the border inside the memory.
pub(crate) const FRAME: usize = 2;

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
    /// The framed slices, x fastest.
    pub(crate) voxels: Vec<f32>,
}

impl Slices {
    /// Copies the region of a volume, its marching axis slowest.
    pub(crate) fn new(volume: &Volume<f32>, region: &Region, axis: MarchAxis) -> Self {
        let [x_axis, y_axis] = axis.in_slice();
        let order = [x_axis, y_axis, axis.number()];
        let lower = order.map(|a| region.lower[a]);
        let dims = order.map(|a| region.upper[a] - region.lower[a]);
        let row_stride = dims[0] + 2 * FRAME;
        let slice_stride = row_stride * (dims[1] + 2 * FRAME);
        let mut voxels = vec![0.0_f32; slice_stride * dims[2]];

        let [ni, nj, _] = volume.dims();
        let memory_stride = [1, ni, ni * nj];
        let strides = order.map(|a| memory_stride[a]);
        let origin: usize = (0..3).map(|n| lower[n] * strides[n]).sum();
        let source = volume.voxels();
        let copy_slice = |slice: &mut [f32], z: usize| {
            for y in 0..dims[1] {
                let start = origin + y * strides[1] + z * strides[2];
                let row = &mut slice[(y + FRAME) * row_stride + FRAME..][..dims[0]];
                if strides[0] == 1 {
                    row.copy_from_slice(&source[start..start + dims[0]]);
                } else {
                    for (x, voxel) in row.iter_mut().enumerate() {
                        *voxel = source[start + x * strides[0]];
                    }
                }
            }
        };
        // Plain threads, not the pool: the copy is made while a lock is held, and a pool thread
        // that waits would pick up another task that waits for the same lock.
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = dims[2].div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for (n, chunk) in voxels.chunks_mut(slice_stride * share).enumerate() {
                let copy_slice = &copy_slice;
                scope.spawn(move || {
                    for (at, slice) in chunk.chunks_exact_mut(slice_stride).enumerate() {
                        copy_slice(slice, n * share + at);
                    }
                });
            }
        });
        Self { axis, lower, dims, row_stride, slice_stride, voxels }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: along every axis each voxel of the region lands where it belongs, in a frame of zeros.
    use super::*;
    use crate::volume::Affine;

    #[test]
    fn every_voxel_is_where_it_belongs() {
        let dims = [5, 6, 7];
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        let voxels: Vec<f32> = (0..210).map(|v| v as f32 + 1.0).collect();
        let volume = Volume::new(dims, voxels, affine).unwrap();
        let region = Region { lower: [1, 0, 2], upper: [4, 6, 6] };
        for axis in MarchAxis::ALL {
            let slices = Slices::new(&volume, &region, axis);
            let [x_axis, y_axis] = axis.in_slice();
            let mut kept = 0.0;
            for z in 0..slices.dims[2] {
                for y in 0..slices.dims[1] {
                    for x in 0..slices.dims[0] {
                        let mut index = [0; 3];
                        index[x_axis] = x + slices.lower[0];
                        index[y_axis] = y + slices.lower[1];
                        index[axis.number()] = z + slices.lower[2];
                        let at =
                            z * slices.slice_stride + (y + FRAME) * slices.row_stride + x + FRAME;
                        assert_eq!(Some(slices.voxels[at]), volume.get(index));
                        kept += slices.voxels[at];
                    }
                }
            }
            assert_eq!(kept, slices.voxels.iter().sum::<f32>(), "the frame holds zeros");
        }
    }
}
