//! A CT of a lower back that never was: made from formulas and a seed, with its labels.
//!
//! For the demo, for tests and for anyone who has no CT at hand. It shows the trunk from T12 to
//! the hips: vertebrae with their arches and processes, discs, sacrum, hip bones, ribs, muscles,
//! organs and bowel gas. The patient lies on the back; the world is DICOM's LPS with its origin in
//! the middle of the field, some millimetres in front of L3 or L4. Anatomy does not move with the
//! size of the field: a larger field shows more of the same trunk, without arms or legs.
//!
//! # How it is made
//! Every structure is an implicit solid with a signed distance and a box around it. The solids are
//! painted one over the other, from the trunk to the bones; a voxel near a surface gets a share of
//! both sides, as the partial-volume effect has it. Bone is dense near its surface and spongy
//! inside, which the same distance tells. Neighbors keep clear of each other where there is a
//! joint. Texture is value noise fixed in the world.
//!
//! Left and right, head and foot, and one vertebra and the next all differ, so that a pose is
//! never ambiguous.
//!
//! # Reproducibility
//! The voxels are the same bits on every machine and for every number of threads: only IEEE
//! additions, multiplications, divisions and square roots, `libm` for sines, ChaCha for the seed.

mod bowel;
mod frame;
pub mod label;
mod organs;
mod paint;
mod pelvis;
mod ribs;
mod shape;
mod spine;
mod texture;
mod trunk;
mod variation;
mod vertebra;

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::paint::{Lattice, Solid, paint_slice};
use self::pelvis::Pelvis;
use self::shape::SharedShape;
use self::spine::Spine;
use self::texture::Noise;
use self::trunk::{Layers, Trunk};
use self::variation::Variation;
use super::grid::{Volume, VolumeError};
use crate::geometry::{Affine, AffineError};

/// The finest and the coarsest voxels that are made (mm).
const SPACING_RANGE_MM: [f64; 2] = [0.2, 10.0];
/// The shortest and the longest side of the field (mm).
const SIZE_RANGE_MM: [f64; 2] = [20.0, 600.0];
/// The most voxels that are made: 4 GiB of HU.
const MOST_VOXELS: u64 = 1 << 30;

/// Why a phantom cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PhantomError {
    /// The voxels are too small, too large or no number.
    #[error("spacing_mm is {found}: choose {low} to {high} mm", low = SPACING_RANGE_MM[0], high = SPACING_RANGE_MM[1])]
    Spacing {
        /// The spacing given, in mm.
        found: f64,
    },
    /// A side of the field is too short, too long or no number.
    #[error("size_mm[{axis}] is {found}: choose {low} to {high} mm", low = SIZE_RANGE_MM[0], high = SIZE_RANGE_MM[1])]
    Size {
        /// The axis, 0 to 2.
        axis: usize,
        /// The length given, in mm.
        found: f64,
    },
    /// The field has too many voxels.
    #[error(
        "{dims:?} voxels are more than {MOST_VOXELS}: choose a larger spacing_mm or a smaller size_mm"
    )]
    TooManyVoxels {
        /// Voxels along i, j, k.
        dims: [usize; 3],
    },
    /// The grid cannot be a volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The grid cannot be placed.
    #[error(transparent)]
    Affine(#[from] AffineError),
}

/// Which phantom to make.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhantomConfig {
    /// Decides sizes, tilts, the scoliosis, the organs, the gas and the texture.
    pub seed: u64,
    /// Edge of a voxel in mm, 0.2 to 10.
    pub spacing_mm: f64,
    /// Size of the field along x, y, z in mm, 20 to 600 each.
    pub size_mm: [f64; 3],
}

impl Default for PhantomConfig {
    /// 272 x 192 x 224 voxels of 1.25 mm.
    fn default() -> Self {
        Self { seed: 1, spacing_mm: 1.25, size_mm: [340.0, 240.0, 280.0] }
    }
}

/// A CT and what is where in it, on one grid.
///
/// # Examples
/// ```
/// use isocenter::volume::phantom::{Phantom, PhantomConfig, label};
/// let config = PhantomConfig { spacing_mm: 5.0, ..PhantomConfig::default() };
/// let phantom = Phantom::generate(&config).unwrap();
/// assert_eq!(phantom.ct.dims(), [68, 48, 56]);
/// let dense = phantom.ct.voxels().iter().zip(phantom.labels.voxels());
/// assert!(dense.filter(|(_, l)| **l == label::L1).any(|(&hu, _)| hu > 200.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Phantom {
    /// Hounsfield units, whole numbers from -1024 to 3071.
    pub ct: Volume<f32>,
    /// The structure that fills most of the voxel, numbered as in [`label`].
    pub labels: Volume<u16>,
}

impl Phantom {
    /// Makes the phantom, on as many threads as rayon has.
    ///
    /// # Errors
    /// If the spacing or the size is out of range or the field has too many voxels.
    pub fn generate(config: &PhantomConfig) -> Result<Self, PhantomError> {
        let lattice = lattice(config)?;
        let solids = solids(config.seed);
        let grain = grain(config.seed);
        let [ni, nj, nk] = lattice.dims;
        let mut hu = vec![0.0_f32; ni * nj * nk];
        let mut labels = vec![0_u16; ni * nj * nk];
        hu.par_chunks_mut(ni * nj)
            .zip(labels.par_chunks_mut(ni * nj))
            .enumerate()
            .for_each(|(k, (hu, labels))| paint_slice(&lattice, &solids, &grain, k, hu, labels));
        let affine = Affine::from_spacing([lattice.spacing_mm; 3], lattice.origin_mm)?;
        Ok(Self {
            ct: Volume::new(lattice.dims, hu, affine)?,
            labels: Volume::new(lattice.dims, labels, affine)?,
        })
    }
}

/// Checks the configuration and lays the voxel centers symmetrically about the origin.
fn lattice(config: &PhantomConfig) -> Result<Lattice, PhantomError> {
    let spacing_mm = config.spacing_mm;
    if !(SPACING_RANGE_MM[0]..=SPACING_RANGE_MM[1]).contains(&spacing_mm) {
        return Err(PhantomError::Spacing { found: spacing_mm });
    }
    for (axis, &found) in config.size_mm.iter().enumerate() {
        if !(SIZE_RANGE_MM[0]..=SIZE_RANGE_MM[1]).contains(&found) {
            return Err(PhantomError::Size { axis, found });
        }
    }
    let dims = config.size_mm.map(|size| (size / spacing_mm).round().max(2.0) as usize);
    if dims.iter().map(|&n| n as u64).product::<u64>() > MOST_VOXELS {
        return Err(PhantomError::TooManyVoxels { dims });
    }
    let origin_mm = dims.map(|n| -spacing_mm * (n as f64 - 1.0) / 2.0);
    Ok(Lattice { dims, spacing_mm, origin_mm })
}

/// All solids, in the order in which they are painted.
fn solids(seed: u64) -> Vec<Solid> {
    let variation = |stream| Variation::new(seed, stream);
    let spine = Spine::new(&mut variation(0));
    let pelvis = Pelvis::new(&spine.sacrum_top(), &mut variation(1));
    let trunk: SharedShape = Arc::new(Trunk::new(&mut variation(2)));
    let layers = Layers::new(&mut variation(3));
    let mut solids = vec![Solid::new(Arc::clone(&trunk), layers)];
    solids.extend(bowel::solids(&trunk, layers.front_mm(), &mut variation(4)));
    solids.extend(organs::solids(&trunk, &spine, &mut variation(5)));
    solids.extend(ribs::solids(&spine, &mut variation(6)));
    solids.extend(pelvis.solids(&mut variation(7)));
    solids.extend(spine.solids(pelvis.sacrum(), &mut variation(8)));
    solids
}

/// The texture: trabeculae run along the body's axis.
fn grain(seed: u64) -> Noise {
    Noise::new(Variation::new(seed, 9).bits(), [2.6, 2.6, 4.2])
}

#[cfg(test)]
mod tests;
