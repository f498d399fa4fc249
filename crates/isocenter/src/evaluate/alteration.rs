//! An altered CT: what an X-ray shows is never quite the CT that is registered to it.
//!
//! X-rays that are simulated from the very CT that is registered flatter every method. An
//! alteration changes the CT before it is X-rayed, while the one that is registered stays: another
//! grid, another scale of Hounsfield units, a couch beneath the patient, a bone that has moved.

use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::check::ProtocolError;
use crate::geometry::{Affine, AffineError};
use crate::volume::{Volume, VolumeError};

const AIR_HU: f32 = -1000.0;

/// Where the first voxel of another grid lies, in voxels of the old one: between its voxels.
const GRID_OFFSET: f64 = 0.37;

/// What is not air, for the couch to lie beneath (HU).
const BODY_HU: f32 = -300.0;

/// The couch: a shell filled with foam.
const COUCH_GAP_MM: f64 = 2.0;
const COUCH_HALF_WIDTH_MM: f64 = 220.0;
const COUCH_THICKNESS_MM: f64 = 40.0;
const COUCH_SHELL_MM: f64 = 3.0;
const COUCH_SHELL_HU: f32 = 100.0;
const COUCH_FOAM_HU: f32 = -950.0;

/// How a CT is changed before it is X-rayed. What is absent is not changed.
///
/// # Examples
/// ```
/// use isocenter::evaluate::Alteration;
/// use isocenter::volume::{Affine, Volume};
/// let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
/// let water = Volume::new([8, 8, 8], vec![100.0_f32; 512], affine).unwrap();
/// let alteration = Alteration { grid_factor: 2.0, hu_scale: 1.03, ..Alteration::default() };
/// let altered = alteration.apply(&water, None).unwrap();
/// assert_eq!((altered.dims(), altered.get([1, 1, 1])), ([4, 4, 4], Some(103.0)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alteration {
    /// The CT is resampled to voxels that are larger (or smaller) by this factor, between the old
    /// ones.
    pub grid_factor: f64,
    /// Hounsfield units are multiplied by this.
    pub hu_scale: f64,
    /// A couch is put beneath the patient, who lies on the back.
    pub couch: bool,
    /// A labelled structure is moved by this (mm, world frame).
    pub moved_mm: [f64; 3],
}

impl Default for Alteration {
    /// Nothing is changed.
    fn default() -> Self {
        Self { grid_factor: 1.0, hu_scale: 1.0, couch: false, moved_mm: [0.0; 3] }
    }
}

/// Why a CT cannot be altered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AlterationError {
    /// A structure is to be moved, and nobody says which.
    #[error("there are no labels to move a structure by: give the CT labels and moved_label")]
    NoLabels,
    /// The new grid makes no volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The new grid has no place in the world.
    #[error(transparent)]
    Affine(#[from] AffineError),
}

/// A grid, before it has voxels.
struct Grid {
    dims: [usize; 3],
    world_from_index: Affine,
}

/// A couch, in the world frame (mm).
struct Couch {
    middle_mm: f64,
    top_mm: f64,
}

impl Alteration {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// The first that does not, by its name.
    pub fn check(&self, condition: &str) -> Result<(), ProtocolError> {
        let [x, y, z] = self.moved_mm;
        let numbers = [
            ("grid_factor", self.grid_factor, 0.5, 4.0),
            ("hu_scale", self.hu_scale, 0.5, 2.0),
            ("moved_mm", x, -50.0, 50.0),
            ("moved_mm", y, -50.0, 50.0),
            ("moved_mm", z, -50.0, 50.0),
        ];
        match numbers.into_iter().find(|(_, found, low, high)| !(*low..=*high).contains(found)) {
            None => Ok(()),
            Some((name, found, low, high)) => Err(ProtocolError::Setting {
                key: format!("alteration.{name} of condition '{condition}'"),
                found: found.to_string(),
                expected: format!("{low} to {high}"),
            }),
        }
    }

    /// The altered CT (HU). Where something is moved, its labels, on any grid, and its label.
    ///
    /// # Errors
    /// If something is to be moved without labels, or the new grid makes no volume.
    pub fn apply(
        &self,
        ct: &Volume<f32>,
        moved: Option<(&Volume<u16>, u16)>,
    ) -> Result<Volume<f32>, AlterationError> {
        let shift = Vector3::from(self.moved_mm);
        let moved = match moved {
            _ if shift == Vector3::zeros() => None,
            None => return Err(AlterationError::NoLabels),
            Some(moved) => Some(moved),
        };
        let Grid { dims, world_from_index } = self.grid(ct)?;
        let couch = self.couch.then(|| Couch::beneath(ct));
        let index_from_world = ct.world_from_index().inverse();
        let moves = |world: Vector3<f64>| {
            moved.is_some_and(|(labels, label)| {
                let is = |point| label_at(labels, point) == label;
                is(world - shift) || is(world)
            })
        };
        let voxel = |at: usize| {
            let (k, in_slice) = (at / (dims[0] * dims[1]), at % (dims[0] * dims[1]));
            let index = [in_slice % dims[0], in_slice / dims[0], k].map(|n| n as f64);
            let world = world_from_index.point(Vector3::from(index));
            if let Some(hu) = couch.as_ref().and_then(|couch| couch.hu(world)) {
                return hu;
            }
            // What it leaves behind is filled from where it came, too: no seam opens.
            let from = if moves(world) { world - shift } else { world };
            let hu = ct.trilinear(index_from_world.point(from), not_below_air);
            hu as f32 * self.hu_scale as f32
        };
        let voxels = (0..dims.iter().product()).into_par_iter().map(voxel).collect();
        Ok(Volume::new(dims, voxels, world_from_index)?)
    }

    /// The new grid: over the same place, and down to the couch.
    fn grid(&self, ct: &Volume<f32>) -> Result<Grid, AffineError> {
        let old = ct.world_from_index();
        let factor = self.grid_factor;
        let offset = if factor == 1.0 { 0.0 } else { GRID_OFFSET };
        let mut first = Vector3::repeat(offset);
        let mut dims = ct.dims().map(|n| ((n as f64 / factor).ceil() as usize).max(2));
        if self.couch {
            // The index axis that runs most nearly from front to back.
            let back = Vector3::from([0, 1, 2].map(|a| old.linear()[(1, a)] / old.spacing_mm()[a]));
            let axis = back.iamax();
            let room = (Couch::beneath(ct).bottom_mm() - lowest_mm(ct)).max(0.0);
            let added = (room / (old.spacing_mm()[axis] * factor)).ceil() + 1.0;
            dims[axis] += added as usize;
            if back[axis] < 0.0 {
                first[axis] -= added * factor;
            }
        }
        let linear = old.linear() * Matrix3::from_diagonal_element(factor);
        Ok(Grid { dims, world_from_index: Affine::new(linear, old.point(first))? })
    }
}

impl Couch {
    /// Beneath what is not air.
    fn beneath(ct: &Volume<f32>) -> Self {
        let affine = ct.world_from_index();
        let body = ct.voxels().par_iter().enumerate().filter(|(_, hu)| **hu > BODY_HU);
        let back_mm = body
            .map(|(at, _)| affine.point(Vector3::from(ct.index_of(at).map(|n| n as f64))).y)
            .reduce(|| f64::NEG_INFINITY, f64::max);
        let back_mm = if back_mm.is_finite() { back_mm } else { lowest_mm(ct) };
        Self { middle_mm: ct.center_world_mm().x, top_mm: back_mm + COUCH_GAP_MM }
    }

    fn bottom_mm(&self) -> f64 {
        self.top_mm + COUCH_THICKNESS_MM
    }

    /// What it has at a point; `None` beside it.
    fn hu(&self, world: Vector3<f64>) -> Option<f32> {
        let from_side = COUCH_HALF_WIDTH_MM - (world.x - self.middle_mm).abs();
        let from_face = (world.y - self.top_mm).min(self.bottom_mm() - world.y);
        match from_side.min(from_face) {
            inside if inside >= COUCH_SHELL_MM => Some(COUCH_FOAM_HU),
            inside if inside >= 0.0 => Some(COUCH_SHELL_HU),
            _ => None,
        }
    }
}

/// How far back the volume reaches (mm).
fn lowest_mm(ct: &Volume<f32>) -> f64 {
    ct.corners_world_mm().iter().map(|corner| corner.y).fold(f64::NEG_INFINITY, f64::max)
}

/// What a voxel has: padding, and what lies outside, is air.
fn not_below_air(hu: Option<f32>) -> f64 {
    f64::from(hu.unwrap_or(AIR_HU).max(AIR_HU))
}

/// The label of the voxel nearest to a point; 0 outside.
fn label_at(labels: &Volume<u16>, world: Vector3<f64>) -> u16 {
    let nearest = labels.world_from_index().inverse().point(world).map(f64::round);
    if nearest.iter().any(|&n| n < 0.0) {
        return 0;
    }
    labels.get([nearest.x as usize, nearest.y as usize, nearest.z as usize]).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    //! Proves: each alteration does what it says and nothing else: values stay at their place in the
    //! world on another grid, Hounsfield units scale, the couch lies beneath the patient whichever
    //! way the voxels run, and one structure moves by what was asked for.
    use super::*;
    use crate::volume::{Phantom, PhantomConfig};

    /// A ramp, with y running backwards in memory if asked for.
    fn ramp(flipped: bool) -> Volume<f32> {
        let (step, origin) = if flipped { (-1.5, 28.5) } else { (1.5, 0.0) };
        let linear = Matrix3::from_diagonal(&Vector3::new(2.0, step, 1.0));
        let affine = Affine::new(linear, Vector3::new(-20.0, origin, 5.0)).unwrap();
        let empty = Volume::new([20, 20, 20], vec![0_u16; 8000], affine).unwrap();
        let value = |at: usize| {
            let p = affine.point(Vector3::from(empty.index_of(at).map(|n| n as f64)));
            (p.x + 2.0 * p.y - p.z) as f32
        };
        Volume::new([20, 20, 20], (0..8000).map(value).collect(), affine).unwrap()
    }

    #[test]
    fn nothing_changes_nothing() {
        let ct = ramp(false);
        assert_eq!(Alteration::default().apply(&ct, None).unwrap(), ct);
    }

    #[test]
    fn values_stay_at_their_place_on_another_grid() {
        let alteration = Alteration { grid_factor: 1.25, hu_scale: 1.03, ..Alteration::default() };
        let altered = alteration.apply(&ramp(false), None).unwrap();
        assert_eq!(altered.dims(), [16, 16, 16]);
        assert_eq!(altered.world_from_index().spacing_mm(), [2.5, 1.875, 1.25]);
        for at in
            (0..altered.voxels().len()).filter(|&at| altered.index_of(at).iter().all(|&n| n < 14))
        {
            let index = Vector3::from(altered.index_of(at).map(|n| n as f64));
            let p = altered.world_from_index().point(index);
            let expected = 1.03 * (p.x + 2.0 * p.y - p.z);
            assert!((f64::from(altered.voxels()[at]) - expected).abs() < 1e-3);
        }
    }

    #[test]
    fn the_couch_lies_beneath_the_patient() {
        for flipped in [false, true] {
            let ct = ramp(flipped);
            let couch = Alteration { couch: true, ..Alteration::default() };
            let altered = couch.apply(&ct, None).unwrap();
            let index_from_world = altered.world_from_index().inverse();
            let at = |y: f64| {
                let index = index_from_world.point(Vector3::new(0.0, y, 10.0)).map(f64::round);
                altered.get([index.x as usize, index.y as usize, index.z as usize])
            };
            // The patient reaches to 28.5 mm, the couch from 30.5 to 70.5 mm.
            assert_eq!(at(27.0), Some(54.0 - 10.0));
            assert_eq!((at(31.5), at(50.0)), (Some(COUCH_SHELL_HU), Some(COUCH_FOAM_HU)));
            assert_eq!(at(69.0), Some(COUCH_SHELL_HU));
        }
    }

    #[test]
    fn one_structure_moves() {
        let config = PhantomConfig { spacing_mm: 4.0, ..PhantomConfig::default() };
        let Phantom { ct, labels } = Phantom::generate(&config).unwrap();
        let alteration = Alteration { moved_mm: [4.0, 0.0, 0.0], ..Alteration::default() };
        let altered = alteration.apply(&ct, Some((&labels, 22))).unwrap();
        let [ni, _, _] = ct.dims();
        for at in (0..ct.voxels().len()).filter(|at| at % ni > 0) {
            let near = labels.voxels()[at] == 22 || labels.voxels()[at - 1] == 22;
            let expected = if near { ct.voxels()[at - 1] } else { ct.voxels()[at] };
            assert!((altered.voxels()[at] - expected.max(AIR_HU)).abs() < 0.5);
        }
        assert_eq!(alteration.apply(&ct, None), Err(AlterationError::NoLabels));
    }
}
