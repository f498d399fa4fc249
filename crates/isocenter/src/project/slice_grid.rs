//! Where the slices of a volume lie: the marching axis slowest, a frame around every slice.

use super::axis::MarchAxis;
use crate::volume::{Region, Volume};

/// Width of the frame of zeros. One voxel is what the fading needs; the second keeps a sample that
/// rounding has moved across the border inside the memory.
pub(crate) const FRAME: usize = 2;

/// A region of a volume, cut in framed slices perpendicular to one axis.
///
/// Within a slice, x runs along the faster of the two other axes and y along the slower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SliceGrid {
    /// The slices' axis.
    pub(crate) axis: MarchAxis,
    /// Index of the first voxel along (x, y, marching axis).
    pub(crate) lower: [usize; 3],
    /// Number of voxels along (x, y, marching axis), frames not counted.
    pub(crate) dims: [usize; 3],
    /// Distance in the volume's memory between neighbours along (x, y, marching axis).
    strides: [usize; 3],
}

impl SliceGrid {
    pub(crate) fn new(volume: &Volume<f32>, region: &Region, axis: MarchAxis) -> Self {
        let [x_axis, y_axis] = axis.in_slice();
        let order = [x_axis, y_axis, axis.number()];
        let [ni, nj, _] = volume.dims();
        let strides = [1, ni, ni * nj];
        Self {
            axis,
            lower: order.map(|a| region.lower[a]),
            dims: order.map(|a| region.upper[a] - region.lower[a]),
            strides: order.map(|a| strides[a]),
        }
    }

    /// The slice that slopes are counted from: the middle one, so that f32 positions stay precise.
    pub(crate) fn middle(&self) -> i32 {
        (self.dims[2] / 2) as i32
    }

    /// Cells in a row of a framed slice.
    pub(crate) fn row_stride(&self) -> usize {
        self.dims[0] + 2 * FRAME
    }

    /// Rows of a framed slice.
    pub(crate) fn rows(&self) -> usize {
        self.dims[1] + 2 * FRAME
    }

    /// Cells in a framed slice.
    pub(crate) fn slice_stride(&self) -> usize {
        self.row_stride() * self.rows()
    }

    /// Where a row of voxels begins in a framed slice.
    pub(crate) fn row_in_slice(&self, y: usize) -> usize {
        (y + FRAME) * self.row_stride() + FRAME
    }

    /// The places of a row's voxels in the volume's memory: the first, and the distance between
    /// neighbours.
    pub(crate) fn row_in_volume(&self, y: usize, slice: usize) -> (usize, usize) {
        let index = [self.lower[0], self.lower[1] + y, self.lower[2] + slice];
        let first = index.iter().zip(self.strides).map(|(n, stride)| n * stride).sum();
        (first, self.strides[0])
    }
}
