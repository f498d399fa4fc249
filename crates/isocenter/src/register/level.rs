//! A case at one resolution.

use std::sync::Arc;

use super::case::{Case, Compares};
use super::config::SimilarityConfig;
use super::error::RegisterError;
use super::interior::interior;
use super::level_xray::{LevelRequest, LevelXray, smaller_pixel_side_mm};
use super::objective::{LevelObjective, Measure, RadiographObjective};
use crate::geometry::RigidTransform;
use crate::optimize::{Evaluation, Objective};
use crate::project::MarchAxis;
use crate::radiograph::Mask;
use crate::similarity::Similarity;

pub use super::level_xray::Field;

/// A case at one resolution.
pub struct Level {
    longest_side_px: usize,
    distinct_mm: f64,
    xrays: Vec<LevelXray>,
    pivot_world_mm: nalgebra::Vector3<f64>,
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
            None => xray.pixels(),
        };
        self.masks.iter().zip(&self.level.xrays).map(of).sum()
    }
}

/// Two candidates closer than this, in pixels of the level, are one.
const DISTINCT_PX: f64 = 2.0;

impl Level {
    /// The case with images of about the given side, and voxels no finer than such an image's pixels
    /// at the depth of the patient.
    pub(super) fn new(case: &Case, request: &LevelRequest<'_>) -> Result<Self, RegisterError> {
        let xrays: Vec<LevelXray> = case
            .xrays()
            .iter()
            .map(|xray| LevelXray::new(case, xray, request))
            .collect::<Result<_, _>>()?;
        let camera = xrays.first().map_or(case.first_xray().camera(), |xray| &xray.camera);
        let to_patient = request.depth_mm / camera.source_to_detector_mm();
        Ok(Self {
            longest_side_px: match case.compares() {
                Compares::Everywhere => camera.size_px().into_iter().max().unwrap_or(1),
                // The region about a structure differs from pose to pose: the level is called by what it asks for.
                Compares::NearShadow => request.longest_side_px,
            },
            distinct_mm: DISTINCT_PX * smaller_pixel_side_mm(camera) * to_patient,
            xrays,
            pivot_world_mm: case.pivot_world_mm(),
        })
    }

    /// The longest side of the first X-ray's images, which may be below the one asked for: pixels
    /// are binned by whole factors. About a structure, the one asked for.
    #[must_use]
    pub fn longest_side_px(&self) -> usize {
        self.longest_side_px
    }

    /// The distance below which two candidates are one (mm of what is seen).
    #[must_use]
    pub fn distinct_mm(&self) -> f64 {
        self.distinct_mm
    }

    /// The objective near a pose: the marching axes that suit it and the rays that are complete there are
    /// held, so that it is continuous.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub fn objective_at(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<LevelObjective<'_>, RegisterError> {
        self.objective_held(camera_from_world, |xray, pose| Ok(xray.similarity_at(pose)?.0))
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

    /// Whether which pixels are compared depends on the pose.
    #[must_use]
    pub fn depends_on_pose(&self, camera_from_world: &RigidTransform) -> bool {
        self.complete_share(camera_from_world).is_ok_and(|share| share < 1.0)
    }

    /// The part of the pixels whose rays are complete at a pose: 1 where the CT leaves nothing out.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub fn complete_share(&self, camera_from_world: &RigidTransform) -> Result<f64, RegisterError> {
        let (mut complete, mut counted) = (0.0, 0.0);
        for xray in &self.xrays {
            let pose = xray.camera.camera_from_world(camera_from_world);
            let share = xray.complete_rays(&pose)?.map_or(1.0, |complete| complete.share);
            complete += share * xray.pixels() as f64;
            counted += xray.pixels() as f64;
        }
        Ok(complete / counted.max(1.0))
    }

    /// All pixels that count whatever the pose, those of cut rays too.
    pub(super) fn all_rays(&self) -> Part<'_> {
        Part { level: self, masks: self.xrays.iter().map(|xray| xray.mask().cloned()).collect() }
    }

    /// All pixels that are compared at a pose, for measures there.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub(super) fn whole(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<Part<'_>, RegisterError> {
        let compared = |xray: &LevelXray| {
            let pose = xray.camera.camera_from_world(camera_from_world);
            let complete = xray.complete_rays(&pose)?.map(|complete| complete.mask);
            Ok(complete.or_else(|| xray.mask().cloned()))
        };
        let masks = self.xrays.iter().map(compared).collect::<Result<_, RegisterError>>()?;
        Ok(Part { level: self, masks })
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
        let Part { masks, .. } = self.whole(camera_from_world)?;
        let within = |(xray, mask): (&LevelXray, Option<Mask>)| {
            let pose = xray.camera.camera_from_world(camera_from_world);
            let interior = interior(&xray.projector, &xray.camera, &pose)?;
            Ok(Some(mask.as_ref().map_or(interior.clone(), |mask| mask.and(&interior))))
        };
        let masks =
            self.xrays.iter().zip(masks).map(within).collect::<Result<_, RegisterError>>()?;
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
            let mask = xray.mask().unwrap_or(&all);
            for (&l, _) in radiograph.pixels().iter().zip(mask.used()).filter(|(_, used)| **used) {
                counted += 1;
                showing += usize::from(l > 0.0);
            }
        }
        Ok(showing as f64 / counted.max(1) as f64)
    }

    /// The objective with the marching axes and the complete rays of each pose: for scoring poses that
    /// differ widely.
    ///
    /// # Errors
    /// None, as long as there is an X-ray.
    pub fn objective_anywhere(&self) -> Result<LevelObjective<'_>, RegisterError> {
        let parts = self.xrays.iter().map(|xray| {
            RadiographObjective::new(xray, Measure::OfEachPose, None, self.pivot_world_mm)
        });
        Ok(LevelObjective::new(parts.collect(), self.pivot_world_mm))
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
        let mut parts = Vec::with_capacity(self.xrays.len());
        for xray in &self.xrays {
            let pose = xray.camera.camera_from_world(camera_from_world);
            let axis: MarchAxis = xray.projector.march_axis(&xray.camera, &pose)?;
            let measure = Measure::Held(measure(xray, &pose)?);
            parts.push(RadiographObjective::new(xray, measure, Some(axis), self.pivot_world_mm));
        }
        Ok(LevelObjective::new(parts, self.pivot_world_mm))
    }
}
