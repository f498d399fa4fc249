//! The index axis along which rays march.

use nalgebra::Vector3;

/// One of the three index axes of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarchAxis {
    /// The first index, fastest in memory.
    I,
    /// The second index.
    J,
    /// The third index, slowest in memory.
    K,
}

impl MarchAxis {
    /// All three.
    pub const ALL: [Self; 3] = [Self::I, Self::J, Self::K];

    /// The axis along which a direction in index space advances fastest.
    #[must_use]
    pub fn dominant(direction_index: &Vector3<f64>) -> Self {
        Self::ALL[direction_index.iamax()]
    }

    /// Its number, 0 to 2.
    #[must_use]
    pub fn number(self) -> usize {
        self as usize
    }

    /// The numbers of the two axes within a slice, in memory order: (x, y).
    #[must_use]
    pub(crate) fn in_slice(self) -> [usize; 2] {
        match self {
            Self::I => [1, 2],
            Self::J => [0, 2],
            Self::K => [0, 1],
        }
    }
}
