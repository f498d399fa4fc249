//! A case at one resolution.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::case::{Case, Compares, Xray};
use super::config::SimilarityConfig;
use super::display_curve::straightened;
use super::error::RegisterError;
use super::interior::{interior, shadow};
use super::objective::{LevelObjective, RadiographObjective, for_reference_camera};
use crate::geometry::{Camera, RigidTransform};
use crate::optimize::{Evaluation, Objective};
use crate::project::{MarchAxis, Projector, Storage};
use crate::radiograph::{Image, Mask};
use crate::similarity::{Similarity, SimilarityError};
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
        // Where thousands of radiographs are rendered, an eighth of the time counts.
        let projector = Projector::with_storage(finest.volume().binned(factors)?, Storage::U16);
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
    fixed: Image,
    mask: Option<Mask>,
    /// Whether the grey values went through an unknown curve.
    displayed: bool,
    config: SimilarityConfig,
    similarity: Arc<dyn Similarity>,
}

impl LevelXray {
    /// A measure of the pixels of a mask, near a pose that is nearly right: with what it tells about an
    /// unknown display.
    fn measure_near(
        &self,
        camera_from_world: &RigidTransform,
        config: &SimilarityConfig,
        mask: Option<&Mask>,
    ) -> Result<Arc<dyn Similarity>, RegisterError> {
        let fixed = &self.fixed;
        if self.displayed {
            let radiograph = self.projector.forward(&self.camera, camera_from_world)?;
            match config.prepare(&straightened(fixed, mask, &radiograph), mask) {
                Ok(similarity) => return Ok(similarity.into()),
                // The radiograph at that pose shows nothing where the X-ray counts.
                Err(SimilarityError::ConstantFixed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(config.prepare(fixed, mask)?.into())
    }

    /// The measure of a mask's pixels in each field of a grid near such a pose.
    fn fields_near(
        &self,
        reference_from_world: &RigidTransform,
        pivot_world_mm: nalgebra::Vector3<f64>,
        config: &SimilarityConfig,
        per_side: usize,
        mask: Option<&Mask>,
    ) -> Result<Vec<Field>, RegisterError> {
        let pose = self.camera.camera_from_world(reference_from_world);
        let jet = self.projector.expose(&self.camera, &pose)?.jet(pivot_world_mm);
        let fixed = match self.displayed {
            true => straightened(&self.fixed, mask, &jet.image),
            false => self.fixed.clone(),
        };
        let all = Mask::all(self.camera.size_px());
        let mask = mask.unwrap_or(&all);
        let mut fields = Vec::with_capacity(per_side * per_side);
        for field in 0..per_side * per_side {
            let within = mask.field(per_side, [field % per_side, field / per_side]);
            let pixels = within.count();
            let measure = match config.prepare(&fixed, Some(&within)) {
                Ok(measure) => measure,
                Err(SimilarityError::ConstantFixed | SimilarityError::TooFewPixels { .. }) => {
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let model = measure.gauss_newton(&jet)?;
            fields.push(Field {
                pixels,
                evaluation: for_reference_camera(&self.camera, model.into()),
            });
        }
        Ok(fields)
    }

    /// The level's own measure near such a pose.
    fn similarity_near(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<Arc<dyn Similarity>, RegisterError> {
        match self.displayed {
            true => self.measure_near(camera_from_world, &self.config, self.mask.as_ref()),
            false => Ok(Arc::clone(&self.similarity)),
        }
    }
}

/// Some of the pixels of a level: what is measured there at a pose that is nearly right.
pub(super) struct Part<'a> {
    level: &'a Level,
    /// Of each X-ray; none means all.
    masks: Vec<Option<Mask>>,
}

impl Part<'_> {
    /// Any measure, with its derivatives.
    ///
    /// # Errors
    /// If the pose cannot be rendered, or the measure cannot be prepared.
    pub(super) fn measured_near(
        &self,
        camera_from_world: &RigidTransform,
        config: &SimilarityConfig,
    ) -> Result<Evaluation, RegisterError> {
        let mut masks = self.masks.iter();
        let objective = self.level.objective_held(camera_from_world, |xray, pose| {
            xray.measure_near(pose, config, masks.next().and_then(Option::as_ref))
        })?;
        Ok(objective.evaluate(camera_from_world)?)
    }

    /// Any measure in each field of its own: each X-ray is divided into `per_side` x `per_side`. Fields
    /// that show next to nothing are left out.
    ///
    /// # Errors
    /// If the pose cannot be rendered, or the measure cannot be prepared.
    pub(super) fn measured_by_field_near(
        &self,
        camera_from_world: &RigidTransform,
        config: &SimilarityConfig,
        per_side: usize,
    ) -> Result<Vec<Field>, RegisterError> {
        let mut fields = Vec::with_capacity(self.masks.len() * per_side * per_side);
        for (xray, mask) in self.level.xrays.iter().zip(&self.masks) {
            let pivot = self.level.pivot_world_mm;
            let mask = mask.as_ref();
            fields.extend(xray.fields_near(camera_from_world, pivot, config, per_side, mask)?);
        }
        Ok(fields)
    }

    /// How many they are.
    pub(super) fn pixels(&self) -> usize {
        let of = |(mask, xray): (&Option<Mask>, &LevelXray)| match mask {
            Some(mask) => mask.count(),
            None => xray.fixed.pixels().len(),
        };
        self.masks.iter().zip(&self.level.xrays).map(of).sum()
    }
}

/// What a measure says in one part of an X-ray.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// How many pixels were compared.
    pub pixels: usize,
    /// How alike they are, and for motions of the reference camera how that changes.
    pub evaluation: Evaluation,
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

    /// The objective near a pose: the marching axes that suit it are held, so that it is continuous.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub fn objective_at(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<LevelObjective<'_>, RegisterError> {
        self.objective_held(camera_from_world, |xray, _| Ok(Arc::clone(&xray.similarity)))
    }

    /// [`objective_at`](Self::objective_at) a pose that is nearly right: where an X-ray came through
    /// an unknown display, the radiograph there tells its curve.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub fn objective_near(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<LevelObjective<'_>, RegisterError> {
        self.objective_held(camera_from_world, LevelXray::similarity_near)
    }

    /// All pixels that are compared, for measures at a pose.
    pub(super) fn whole(&self) -> Part<'_> {
        Part { level: self, masks: self.xrays.iter().map(|xray| xray.mask.clone()).collect() }
    }

    /// Of these, the ones that show the CT at a pose and not where it ends
    /// ([`interior`](super::interior)).
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub(super) fn interior(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<Part<'_>, RegisterError> {
        let within = |xray: &LevelXray| {
            let pose = xray.camera.camera_from_world(camera_from_world);
            let interior = interior(&xray.projector, &xray.camera, &pose)?;
            Ok(Some(xray.mask.as_ref().map_or(interior.clone(), |mask| mask.and(&interior))))
        };
        let masks = self.xrays.iter().map(within).collect::<Result<_, RegisterError>>()?;
        Ok(Part { level: self, masks })
    }

    /// The part of the compared pixels that show the CT at a pose.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub fn coverage(&self, camera_from_world: &RigidTransform) -> Result<f64, RegisterError> {
        let (mut showing, mut counted) = (0_usize, 0_usize);
        for xray in &self.xrays {
            let pose = xray.camera.camera_from_world(camera_from_world);
            let radiograph = xray.projector.forward(&xray.camera, &pose)?;
            let all = Mask::all(xray.camera.size_px());
            let mask = xray.mask.as_ref().unwrap_or(&all);
            for (&l, _) in radiograph.pixels().iter().zip(mask.used()).filter(|(_, used)| **used) {
                counted += 1;
                showing += usize::from(l > 0.0);
            }
        }
        Ok(showing as f64 / counted.max(1) as f64)
    }

    /// The objective with the marching axes that suit each pose: for scoring poses that differ
    /// widely.
    ///
    /// # Errors
    /// None, as long as there is an X-ray.
    pub fn objective_anywhere(&self) -> Result<LevelObjective<'_>, RegisterError> {
        self.objective(|xray| Ok((None, Arc::clone(&xray.similarity))))
    }

    /// The objective with the marching axes of a pose held; `measure` is given each X-ray and the pose
    /// of its camera.
    fn objective_held(
        &self,
        camera_from_world: &RigidTransform,
        mut measure: impl FnMut(
            &LevelXray,
            &RigidTransform,
        ) -> Result<Arc<dyn Similarity>, RegisterError>,
    ) -> Result<LevelObjective<'_>, RegisterError> {
        self.objective(|xray| {
            let pose = xray.camera.camera_from_world(camera_from_world);
            let axis = xray.projector.march_axis(&xray.camera, &pose)?;
            Ok((Some(axis), measure(xray, &pose)?))
        })
    }

    fn objective(
        &self,
        mut choose: impl FnMut(
            &LevelXray,
        )
            -> Result<(Option<MarchAxis>, Arc<dyn Similarity>), RegisterError>,
    ) -> Result<LevelObjective<'_>, RegisterError> {
        let mut parts = Vec::with_capacity(self.xrays.len());
        for xray in &self.xrays {
            let LevelXray { projector, camera, .. } = xray;
            let (axis, similarity) = choose(xray)?;
            let pivot = self.pivot_world_mm;
            parts.push(RadiographObjective::new(projector, camera, similarity, axis, pivot));
        }
        Ok(LevelObjective::new(parts, self.pivot_world_mm))
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
        let poses: Vec<_> = poses.iter().map(|pose| camera.camera_from_world(pose)).collect();
        let near = shadow(&projector, &camera, &poses)?.dilated(margin_px.max(2));
        mask = Some(mask.map_or(near.clone(), |mask| mask.and(&near)));
    }
    let similarity = config.prepare(&fixed, mask.as_ref())?.into();
    // A structure alone does not tell the curve of an image that shows the whole patient.
    let displayed = xray.is_displayed() && case.compares() == Compares::Everywhere;
    let config = config.clone();
    Ok(LevelXray { camera, projector, fixed, mask, displayed, config, similarity })
}

/// The binning that comes closest to the wanted longest side and leaves a strip of pixels that can
/// be compared along the shortest.
fn binning([columns, rows]: [usize; 2], longest_side_px: usize) -> usize {
    let wanted = longest_side_px.max(1);
    let closest = (columns.max(rows) + wanted / 2) / wanted;
    closest.min(columns.min(rows) / SHORTEST_SIDE_PX).max(1)
}
