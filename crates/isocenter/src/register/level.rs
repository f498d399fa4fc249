//! A case at one resolution.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::case::{Case, Compares, Xray};
use super::config::SimilarityConfig;
use super::error::RegisterError;
use super::objective::{LevelObjective, RadiographObjective};
use crate::geometry::{Camera, RigidTransform};
use crate::project::Projector;
use crate::radiograph::Mask;
use crate::similarity::Similarity;
use crate::volume::VolumeError;

/// The shortest side that a level's images may have.
const SHORTEST_SIDE_PX: usize = 8;

/// Projectors of coarser copies of the CT, made when first needed.
#[derive(Debug, Default)]
pub(super) struct CoarseProjectors {
    by_factors: Mutex<BTreeMap<[usize; 3], Projector>>,
}

impl CoarseProjectors {
    /// One with voxels of about a spacing.
    fn get(&self, finest: &Projector, spacing_mm: f64) -> Result<Projector, VolumeError> {
        let factors = finest.volume().binning_factors(spacing_mm);
        if factors == [1; 3] {
            return Ok(finest.clone());
        }
        // A map is whole whatever happened to the thread that held it.
        let mut by_factors = self.by_factors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(projector) = by_factors.get(&factors) {
            return Ok(projector.clone());
        }
        let projector = Projector::new(finest.volume().binned(factors)?);
        by_factors.insert(factors, projector.clone());
        Ok(projector)
    }
}

/// A case at one resolution.
pub struct Level {
    longest_side_px: usize,
    distinct_mm: f64,
    xrays: Vec<LevelXray>,
    pivot_world_mm: nalgebra::Vector3<f64>,
}

/// One X-ray of it.
struct LevelXray {
    camera: Camera,
    projector: Projector,
    similarity: Box<dyn Similarity>,
}

/// Two candidates closer than this, in pixels of the level, are one.
const DISTINCT_PX: f64 = 2.0;

impl Level {
    /// The case with images of about the given side, and voxels no finer than such an image's pixels
    /// at the depth of the patient. `poses` and the margin say where the shadow of the volume is.
    pub(super) fn new(
        case: &Case,
        longest_side_px: usize,
        depth_mm: f64,
        poses: &[RigidTransform],
        margin_mm: f64,
        config: &SimilarityConfig,
    ) -> Result<Self, RegisterError> {
        let xrays: Vec<LevelXray> = case
            .xrays()
            .iter()
            .map(|xray| level_xray(case, xray, longest_side_px, depth_mm, poses, margin_mm, config))
            .collect::<Result<_, _>>()?;
        let camera = xrays.first().map_or(case.first_xray().camera(), |xray| &xray.camera);
        let to_patient = depth_mm / camera.source_to_detector_mm();
        Ok(Self {
            longest_side_px: camera.size_px().into_iter().max().unwrap_or(1),
            distinct_mm: DISTINCT_PX * smaller_pixel_side_mm(camera) * to_patient,
            xrays,
            pivot_world_mm: case.pivot_world_mm(),
        })
    }

    /// The longest side of the first X-ray's images, which may be below the one asked for: pixels
    /// are binned by whole factors.
    #[must_use]
    pub fn longest_side_px(&self) -> usize {
        self.longest_side_px
    }

    /// The distance below which two candidates are one (mm of what is seen).
    #[must_use]
    pub fn distinct_mm(&self) -> f64 {
        self.distinct_mm
    }

    /// The objective with the marching axes that suit a pose, held: continuous near the pose.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub fn objective_at(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<LevelObjective<'_>, RegisterError> {
        let axis = |xray: &LevelXray| {
            let pose = xray.camera.camera_from_world(camera_from_world);
            Ok(Some(xray.projector.march_axis(&xray.camera, &pose)?))
        };
        let axes: Vec<_> = self.xrays.iter().map(axis).collect::<Result<_, RegisterError>>()?;
        Ok(self.objective_along(axes))
    }

    /// The objective with the marching axes that suit each pose: for scoring poses that differ
    /// widely.
    #[must_use]
    pub fn objective_anywhere(&self) -> LevelObjective<'_> {
        self.objective_along(vec![None; self.xrays.len()])
    }

    fn objective_along(&self, axes: Vec<Option<crate::project::MarchAxis>>) -> LevelObjective<'_> {
        let parts = self.xrays.iter().zip(axes).map(|(xray, axis)| {
            RadiographObjective::new(
                &xray.projector,
                &xray.camera,
                &*xray.similarity,
                axis,
                self.pivot_world_mm,
            )
        });
        LevelObjective::new(parts.collect(), self.pivot_world_mm)
    }
}

fn smaller_pixel_side_mm(camera: &Camera) -> f64 {
    let [column_mm, row_mm] = camera.pixel_spacing_mm();
    column_mm.min(row_mm)
}

fn level_xray(
    case: &Case,
    xray: &Xray,
    longest_side_px: usize,
    depth_mm: f64,
    poses: &[RigidTransform],
    margin_mm: f64,
    config: &SimilarityConfig,
) -> Result<LevelXray, RegisterError> {
    let factor = binning(xray.camera().size_px(), longest_side_px);
    let camera = xray.camera().binned(factor);
    let magnification = camera.source_to_detector_mm() / depth_mm;
    let spacing_mm = smaller_pixel_side_mm(&camera) / magnification;
    let projector = case.coarse_projectors().get(case.projector(), spacing_mm)?;
    let fixed = match xray.mask() {
        Some(mask) => xray.line_integral().binned_within(mask, factor),
        None => xray.line_integral().binned(factor),
    };
    let mut mask = xray.mask().map(|mask| mask.binned(factor));
    if case.compares() == Compares::NearShadow {
        let margin_px = (margin_mm / spacing_mm).ceil() as usize;
        let near = shadow(&projector, &camera, poses)?.dilated(margin_px.max(2));
        mask = Some(mask.map_or(near.clone(), |mask| mask.and(&near)));
    }
    let similarity = config.prepare(&fixed, mask.as_ref())?;
    Ok(LevelXray { camera, projector, similarity })
}

/// Where the volume is seen from any of the poses.
fn shadow(
    projector: &Projector,
    camera: &Camera,
    poses: &[RigidTransform],
) -> Result<Mask, RegisterError> {
    let [columns, rows] = camera.size_px();
    let mut seen = vec![false; columns * rows];
    for pose in poses {
        let image = projector.forward(camera, &camera.camera_from_world(pose))?;
        seen.iter_mut().zip(image.pixels()).for_each(|(seen, &l)| *seen |= l > 0.0);
    }
    Ok(Mask::new(camera.size_px(), seen)?)
}

/// The binning that comes closest to the wanted longest side and leaves a strip of pixels that can
/// be compared along the shortest.
fn binning([columns, rows]: [usize; 2], longest_side_px: usize) -> usize {
    let wanted = longest_side_px.max(1);
    let closest = (columns.max(rows) + wanted / 2) / wanted;
    closest.min(columns.min(rows) / SHORTEST_SIDE_PX).max(1)
}
