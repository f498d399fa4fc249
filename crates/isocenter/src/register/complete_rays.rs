//! Complete rays: the pixels at which CT and X-ray show the same tissue.
//!
//! A CT ends somewhere within the patient, an X-ray does not: a ray that leaves the scan through tissue
//! goes on through more of it, and its line integral in the CT says nothing about the X-ray. How much of
//! a ray is missing is the line integral `L` of the missing tissue: the patient continued beyond the
//! scan's cut faces ([`crate::volume::beyond`]), on a coarse grid of its own. A ray is complete where
//!
//! ```text
//! L <= max(L_0, q-quantile of L over the pixels that count)
//! ```
//!
//! with `L_0` about a centimeter of water. The quantile is a floor: where next to every ray is cut, those
//! that miss least are compared nevertheless, so that every pose has a value. It is taken over the
//! stencils of 3 x 3 pixels that derivatives need, each of which misses as much as its worst pixel.

use std::sync::OnceLock;

use crate::geometry::{Camera, RigidTransform};
use crate::project::{ProjectError, Projector, Storage};
use crate::radiograph::{Image, Mask};
use crate::volume::{AttenuationVolume, Continuation};

/// A ray that misses no more than this is complete: 10 mm of water.
const LARGEST_LOSS: f32 = 0.2;

/// With so many times the wanted part complete, enough whole stencils are as well.
const SHARE_BEYOND_DOUBT: f64 = 3.0;

/// The voxels (mm) of the missing tissue.
const VOXEL_MM: f64 = 8.0;

/// How far the patient is taken to go on (mm): along the body's axis, and across it.
const REACH_MM: [f64; 2] = [200.0, 120.0];

/// Renders what of a patient a CT leaves out; made when first needed.
#[derive(Debug, Default)]
pub(super) struct MissingTissue {
    projector: OnceLock<Option<Projector>>,
}

impl MissingTissue {
    /// The projector of what a volume leaves out; `None` where it shows all of the patient.
    pub(super) fn of(&self, volume: &AttenuationVolume) -> Option<&Projector> {
        self.projector.get_or_init(|| missing(volume)).as_ref()
    }
}

fn missing(volume: &AttenuationVolume) -> Option<Projector> {
    if volume.shows_all_of_the_patient() {
        return None;
    }
    let coarse = volume.binned(volume.binning_factors(VOXEL_MM)).ok()?;
    let linear = *coarse.volume().world_from_index().linear();
    let along = |axis: usize| linear.column(axis).normalize().z.abs() > 0.7;
    let reach_mm = [0, 1, 2].map(|axis| if along(axis) { REACH_MM[0] } else { REACH_MM[1] });
    let continuation = Continuation { reach_mm, fade_mm: f64::INFINITY, with_scanned: false };
    // Nothing but air continues a scan that cuts off a few voxels of noise.
    let continued = coarse.continued(&continuation).ok()?;
    Some(Projector::with_storage(continued, Storage::U16))
}

/// Which pixels have complete rays at a pose.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CompleteRays {
    /// These, of the pixels that count.
    pub(super) mask: Mask,
    /// The part of the pixels that count whose rays miss next to nothing.
    pub(super) share: f64,
}

impl CompleteRays {
    /// From the missing tissue's projector, of the pixels that a mask counts; at least the part `floor`
    /// of them.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub(super) fn at(
        missing: &Projector,
        camera: &Camera,
        camera_from_world: &RigidTransform,
        counted: Option<&Mask>,
        floor: f64,
    ) -> Result<Self, ProjectError> {
        Ok(Self::of_losses(&missing.forward(camera, camera_from_world)?, counted, floor))
    }

    fn of_losses(losses: &Image, counted: Option<&Mask>, floor: f64) -> Self {
        let counts = |at: usize| counted.is_none_or(|mask| mask.used()[at]);
        let pixels = losses.pixels();
        let counting = (0..pixels.len()).filter(|&at| counts(at)).count().max(1);
        let complete = (0..pixels.len()).filter(|&at| counts(at) && pixels[at] <= LARGEST_LOSS);
        let share = complete.count() as f64 / counting as f64;
        let mut largest = LARGEST_LOSS;
        if share < SHARE_BEYOND_DOUBT * floor {
            let mut of_stencils = largest_of_stencils(losses, counted);
            let wanted = (floor * of_stencils.len() as f64) as usize;
            if wanted < of_stencils.len() {
                let least = *of_stencils.select_nth_unstable_by(wanted, f32::total_cmp).1;
                largest = largest.max(least);
            }
        }
        let used = (0..pixels.len()).map(|at| counts(at) && pixels[at] <= largest).collect();
        let all = Mask::all(losses.size_px());
        Self { mask: Mask::new(losses.size_px(), used).unwrap_or(all), share }
    }
}

/// The largest loss in each stencil of 3 x 3 pixels that all count: derivatives need whole ones.
fn largest_of_stencils(losses: &Image, counted: Option<&Mask>) -> Vec<f32> {
    let [columns, rows] = losses.size_px();
    let pixels = losses.pixels();
    let of_stencil = |column: usize, row: usize| {
        let mut largest = 0.0_f32;
        for at in
            (row - 1..=row + 1).flat_map(|r| r * columns + column - 1..=r * columns + column + 1)
        {
            if counted.is_some_and(|mask| !mask.used()[at]) {
                return None;
            }
            largest = largest.max(pixels[at]);
        }
        Some(largest)
    };
    let inner = |n: usize| 1..n.saturating_sub(1);
    inner(rows)
        .flat_map(|row| inner(columns).map(move |column| (column, row)))
        .filter_map(|(column, row)| of_stencil(column, row))
        .collect()
}

#[cfg(test)]
mod tests {
    //! Proves: rays through cut faces are incomplete and others are not, a floor keeps the most complete
    //! ones, and a CT with air all around has nothing missing.
    use super::*;
    use crate::geometry::View;
    use crate::volume::{Affine, Volume};

    /// A column of water, 60 mm wide, along the body's axis, and air beside it.
    fn column(slices: usize) -> AttenuationVolume {
        let affine = Affine::from_spacing([2.0; 3], [-60.0, -60.0, -(slices as f64)]).unwrap();
        let dims = [60, 60, slices];
        let water = |at: usize| {
            let [i, j] = [at % 60, at / 60 % 60];
            if (15..45).contains(&i) && (15..45).contains(&j) { 0.02 } else { 0.0 }
        };
        let voxels = (0..dims.iter().product()).map(water).collect();
        AttenuationVolume::from_per_mm(Volume::new(dims, voxels, affine).unwrap()).unwrap()
    }

    #[test]
    fn rays_through_cut_faces_are_incomplete() {
        let missing = MissingTissue::default();
        let projector = missing.of(&column(40)).unwrap();
        let camera = Camera::new(1000.0, [4.0, 4.0], [64, 64]).unwrap();
        let pose = View::AP.camera_from_world(nalgebra::Vector3::zeros(), 700.0);
        let complete = CompleteRays::at(projector, &camera, &pose, None, 0.0).unwrap();
        // 80 mm of the column are seen in the middle; above and below it goes on, beside it is air.
        assert_eq!(complete.mask.get(32, 32), Some(true));
        assert_eq!(complete.mask.get(32, 5), Some(false));
        assert_eq!(complete.mask.get(2, 5), Some(true));
        let few = |at: usize| at / 64 < 8 && (28..36).contains(&(at % 64));
        let few = Mask::new([64, 64], (0..4096).map(few).collect());
        let floor = CompleteRays::at(projector, &camera, &pose, few.as_ref().ok(), 0.25).unwrap();
        assert!(
            floor.share == 0.0 && (16..32).contains(&floor.mask.count()),
            "{}",
            floor.mask.count()
        );
    }

    #[test]
    fn nothing_is_missing_of_what_ends_in_air() {
        let mut volume = column(40).volume().clone();
        volume.voxels_mut()[..3600].fill(0.0);
        let end = volume.voxels().len() - 3600;
        volume.voxels_mut()[end..].fill(0.0);
        let whole = AttenuationVolume::from_per_mm(volume).unwrap();
        assert!(MissingTissue::default().of(&whole).is_none());
    }
}
