//! Cells of about 3 mm, in the directions of the patient.

use crate::volume::Volume;

/// The edge of a cell (mm).
const CELL_MM: f64 = 3.0;

/// How cells lie in a volume: along x (left), y (posterior, or anterior where reversed) and z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cells {
    /// The axis of the volume along x, y, z.
    pub(super) axes: [usize; 3],
    /// Voxels in a cell along x, y, z.
    pub(super) factors: [usize; 3],
    /// Cells along x, y, z.
    pub(super) counts: [usize; 3],
    /// Whether the index runs to the front along y.
    reversed: bool,
}

impl Cells {
    pub(super) fn new<T: Copy>(volume: &Volume<T>) -> Option<Self> {
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

    /// The same cells, seen from the other side of the patient.
    pub(super) fn turned(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    pub(super) fn number(&self) -> usize {
        self.counts.iter().product()
    }

    /// The cell of a voxel.
    pub(super) fn of_voxel(&self, index: [usize; 3]) -> usize {
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

    /// Columns and rows of a slice.
    pub(super) fn slice_size(&self) -> [usize; 2] {
        [self.counts[0], self.counts[1]]
    }

    /// Cells of one slice.
    pub(super) fn slice(&self) -> usize {
        self.counts[0] * self.counts[1]
    }
}

/// The cell and the place of every voxel.
pub(super) fn each(cells: &Cells, dims: [usize; 3], mut f: impl FnMut(usize, usize)) {
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
