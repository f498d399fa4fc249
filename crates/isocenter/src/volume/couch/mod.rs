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

mod cells;
mod matter;
#[cfg(test)]
mod tests;

use super::grid::Volume;
use cells::{Cells, each};
use matter::Matter;

/// What is denser than this (HU) is matter: skin, and the walls of couches, which are thin.
const MATTER_HU: f32 = -500.0;
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
    /// Of the volume it was found in.
    dims: [usize; 3],
    cells: Cells,
    removed: Vec<bool>,
    volume_ml: f64,
    gap_mm: f64,
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
                true => (cells.turned(), matter.turned(&cells)),
            };
            let (removed, gap_mm) = matter.couch(&cells, size_mm)?;
            let dims = volume.dims();
            let mut found = Self { dims, cells, removed, volume_ml: 0.0, gap_mm };
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
        let is_inside = index.iter().zip(self.dims).all(|(&index, side)| index < side);
        is_inside && self.removed.get(self.cells.of_voxel(index)) == Some(&true)
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

    /// Sets what is removed to a value, that of air; denser voxels only. A volume of another size than the
    /// one in which the couch was found stays as it is.
    pub fn remove(&self, volume: &mut Volume<f32>, air_hu: f32) {
        let dims = volume.dims();
        if dims != self.dims {
            return;
        }
        let voxels = volume.voxels_mut();
        each(&self.cells, dims, |at, voxel| {
            if self.removed[at] && voxels[voxel] > air_hu {
                voxels[voxel] = air_hu;
            }
        });
    }
}
