//! One X-ray of a case at one resolution: how it is compared at a pose.

use std::sync::Arc;

use nalgebra::Vector3;

use super::case::{Case, Compares, Xray};
use super::complete_rays::CompleteRays;
use super::config::{BeyondConfig, SimilarityConfig};
use super::display_curve::straightened;
use super::error::RegisterError;
use super::interior::shadow;
use super::objective::for_reference_camera;
use super::structure_region::region_about_shadow;
use crate::geometry::{Camera, RigidTransform};
use crate::optimize::{Evaluation, ObjectiveError};
use crate::project::Projector;
use crate::radiograph::{Image, Mask};
use crate::similarity::{GradientNcc, Similarity, SimilarityError, WeightedSum};

/// What rays count for that are compared though they are cut, beside complete ones.
const LEAST_TRUST: f64 = 0.2;

/// With this part of the rays complete, the edges of cut rays are not needed: what is missing biases them.
const ENOUGH_COMPLETE: f64 = 0.5;

/// The shortest side that a level's images may have.
const SHORTEST_SIDE_PX: usize = 8;

/// What a level is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelRequest<'a> {
    /// The longest side of the images (px), about.
    pub(super) longest_side_px: usize,
    /// The pivot's depth (mm).
    pub(super) depth_mm: f64,
    /// Poses at which the shadow of a structure is looked for ..
    pub(super) poses: &'a [RigidTransform],
    /// .. and how far about it the images are compared (mm).
    pub(super) margin_mm: f64,
    /// How the images are compared.
    pub(super) similarity: &'a SimilarityConfig,
    /// What is done where the CT ends within the patient; none means that the X-ray shows no more than it.
    pub(super) beyond: Option<&'a BeyondConfig>,
}

/// One X-ray of a level.
pub(super) struct LevelXray {
    pub(super) camera: Camera,
    pub(super) projector: Projector,
    fixed: Image,
    mask: Option<Mask>,
    partial: Option<Partial>,
    /// Whether the grey values went through an unknown curve.
    displayed: bool,
    config: SimilarityConfig,
    similarity: Arc<dyn Similarity>,
}

/// What a level knows of a CT that ends within the patient.
struct Partial {
    /// Of what the CT leaves out.
    missing: Projector,
    /// How it is compared.
    beyond: BeyondConfig,
    /// The edges of all pixels, cut rays too: what is missing has few of its own. Not of the finest copy of
    /// the CT, which ends with a sharp edge.
    all_edges: Option<Arc<dyn Similarity>>,
}

/// What a measure says in one part of an X-ray.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// How many pixels were compared.
    pub pixels: usize,
    /// How alike they are, and for motions of the reference camera how that changes.
    pub evaluation: Evaluation,
}

impl LevelXray {
    pub(super) fn new(
        case: &Case,
        xray: &Xray,
        request: &LevelRequest<'_>,
    ) -> Result<Self, RegisterError> {
        let about_shadow = case.compares() == Compares::NearShadow;
        let cropped = match about_shadow {
            true => {
                let LevelRequest { poses, margin_mm, depth_mm, .. } = *request;
                region_about_shadow(case, xray, poses, margin_mm, depth_mm)?
            }
            false => None,
        };
        let xray = match cropped {
            Some(region) => &xray.cropped(&region)?,
            None => xray,
        };
        let factor = binning(xray.camera().size_px(), request.longest_side_px);
        let camera = xray.camera().binned(factor);
        let magnification = camera.source_to_detector_mm() / request.depth_mm;
        let spacing_mm = smaller_pixel_side_mm(&camera) / magnification;
        let missing = request.beyond.zip(case.missing());
        let fade_mm = missing.map(|(beyond, _)| beyond.fade_mm);
        let projector = case.coarse_projectors().get(case.projector(), spacing_mm, fade_mm)?;
        let fixed = match xray.mask() {
            Some(mask) => xray.line_integral().binned_within(mask, factor),
            None => xray.line_integral().binned(factor),
        };
        let mut mask = xray.mask().map(|mask| mask.binned(factor));
        if about_shadow {
            let margin_px = (request.margin_mm / spacing_mm).ceil() as usize;
            let poses: Vec<_> =
                request.poses.iter().map(|pose| camera.camera_from_world(pose)).collect();
            let near = shadow(&projector, &camera, &poses)?.dilated(margin_px.max(2));
            mask = Some(mask.map_or(near.clone(), |mask| mask.and(&near)));
        }
        let config = match missing {
            Some((beyond, _)) => request.similarity.with_less_ncc(beyond.ncc),
            None => request.similarity.clone(),
        };
        let similarity = config.prepare(&fixed, mask.as_ref())?.into();
        let partial = missing.map(|(&beyond, missing)| {
            let ends_sharply =
                projector.volume().volume().dims() == case.projector().volume().volume().dims();
            let all_edges: Option<Arc<dyn Similarity>> = match ends_sharply {
                true => None,
                false => Some(Arc::new(GradientNcc::new(&fixed, mask.as_ref())?)),
            };
            Ok::<_, SimilarityError>(Partial { missing: missing.clone(), beyond, all_edges })
        });
        // A structure alone does not tell the curve of an image that shows the whole patient.
        let displayed = xray.is_displayed() && case.compares() == Compares::Everywhere;
        Ok(Self {
            camera,
            projector,
            fixed,
            mask,
            partial: partial.transpose()?,
            displayed,
            config,
            similarity,
        })
    }

    /// The pixels that count, whatever the pose; none means all.
    pub(super) fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref()
    }

    /// How many pixels count, whatever the pose.
    pub(super) fn pixels(&self) -> usize {
        self.mask.as_ref().map_or(self.fixed.pixels().len(), Mask::count)
    }

    /// The pixels with complete rays at a pose of its camera; `None` where the CT leaves nothing out.
    pub(super) fn complete_rays(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<Option<CompleteRays>, ObjectiveError> {
        let Some(Partial { missing, beyond, .. }) = &self.partial else { return Ok(None) };
        let (camera, counted) = (&self.camera, self.mask.as_ref());
        let least_share = beyond.least_share;
        Ok(Some(CompleteRays::at(missing, camera, camera_from_world, counted, least_share)?))
    }

    /// The level's measure of the pixels that count at a pose of its camera, and the part of pixels whose
    /// rays are complete.
    pub(super) fn similarity_at(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<(Arc<dyn Similarity>, f64), ObjectiveError> {
        let Some(CompleteRays { mask, share }) = self.complete_rays(camera_from_world)? else {
            return Ok((Arc::clone(&self.similarity), 1.0));
        };
        let complete = self.config.prepare(&self.fixed, Some(&mask))?;
        Ok((self.with_cut_rays(complete, share)?, share))
    }

    /// A measure of complete rays together with the edges of all.
    fn with_cut_rays(
        &self,
        complete: Box<dyn Similarity>,
        share: f64,
    ) -> Result<Arc<dyn Similarity>, SimilarityError> {
        let Some(Partial { beyond, all_edges: Some(all_edges), .. }) = &self.partial else {
            return Ok(complete.into());
        };
        let all_edges: Box<dyn Similarity> = Box::new(Arc::clone(all_edges));
        // Where next to every ray is cut, the floor keeps some that miss much: they count for less.
        let trust = (share / beyond.least_share.max(f64::MIN_POSITIVE)).clamp(LEAST_TRUST, 1.0);
        let cut_rays = beyond.cut_rays * (1.0 - share / ENOUGH_COMPLETE).max(0.0);
        let parts = vec![(trust, complete), (cut_rays, all_edges)];
        Ok(Arc::new(WeightedSum::new(parts)?))
    }

    /// The same near a pose that is nearly right: with what it tells about an unknown display.
    pub(super) fn similarity_near(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<Arc<dyn Similarity>, RegisterError> {
        if !self.displayed {
            return Ok(self.similarity_at(camera_from_world)?.0);
        }
        let complete = self.complete_rays(camera_from_world)?;
        let mask = complete.as_ref().map(|complete| &complete.mask).or(self.mask.as_ref());
        // The edges of cut rays are those of the image as it was read: it tells no curve there.
        let measure = self.measure_near(camera_from_world, &self.config, mask)?;
        Ok(self.with_cut_rays(Box::new(measure), complete.map_or(1.0, |complete| complete.share))?)
    }

    /// A measure of the pixels of a mask, near a pose that is nearly right.
    pub(super) fn measure_near(
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
    pub(super) fn fields_near(
        &self,
        reference_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
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
}

pub(super) fn smaller_pixel_side_mm(camera: &Camera) -> f64 {
    let [column_mm, row_mm] = camera.pixel_spacing_mm();
    column_mm.min(row_mm)
}

/// The binning that comes closest to the wanted longest side and leaves a strip of pixels that can
/// be compared along the shortest.
fn binning([columns, rows]: [usize; 2], longest_side_px: usize) -> usize {
    let wanted = longest_side_px.max(1);
    let closest = (columns.max(rows) + wanted / 2) / wanted;
    closest.min(columns.min(rows) / SHORTEST_SIDE_PX).max(1)
}
