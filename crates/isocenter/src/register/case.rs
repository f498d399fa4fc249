//! What is to be registered, and its coarser copies.

use nalgebra::Vector3;

use super::config::SimilarityConfig;
use super::error::RegisterError;
use super::objective::RadiographObjective;
use crate::geometry::{Camera, RigidTransform};
use crate::project::Projector;
use crate::radiograph::{Image, Mask};
use crate::similarity::{
    GradientNcc, Ncc, PatchNcc, PatchNccConfig, Similarity, SimilarityError, WeightedSum,
};
use crate::volume::AttenuationVolume;

/// The shortest side that a level's images may have.
const SHORTEST_SIDE_PX: usize = 8;

/// A CT and an X-ray that show the same patient.
#[derive(Debug, Clone)]
pub struct Case {
    projector: Projector,
    camera: Camera,
    xray: Image,
    pivot_world_mm: Vector3<f64>,
    compares: Compares,
}

/// Which pixels of the X-ray are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compares {
    /// All.
    #[default]
    Everywhere,
    /// Those near the shadow of the volume: for a CT of which only one structure is kept, while the
    /// X-ray shows the whole patient.
    NearShadow,
}

/// A case at one resolution.
pub(crate) struct Level {
    /// The longest side of its images, which may be below the one asked for: pixels are binned
    /// by whole factors.
    pub(crate) longest_side_px: usize,
    camera: Camera,
    projector: Projector,
    similarity: Box<dyn Similarity>,
    pivot_world_mm: Vector3<f64>,
}

impl Case {
    /// From attenuation and the X-ray as line integrals (up to gain and offset), seen from the
    /// source.
    ///
    /// # Units
    /// The pivot in the world frame (mm): the point of the patient about which motions turn,
    /// usually the center of the volume or of the structure of interest.
    ///
    /// # Errors
    /// If the X-ray does not have the camera's size, or has nothing to see.
    pub fn new(
        volume: AttenuationVolume,
        camera: Camera,
        xray: Image,
        pivot_world_mm: Vector3<f64>,
    ) -> Result<Self, RegisterError> {
        if xray.size_px() != camera.size_px() {
            return Err(RegisterError::XraySize {
                found: xray.size_px(),
                expected: camera.size_px(),
            });
        }
        xray.check_has_content()?;
        let compares = Compares::default();
        Ok(Self { projector: Projector::new(volume), camera, xray, pivot_world_mm, compares })
    }

    /// The same case with other pixels compared.
    #[must_use]
    pub fn comparing(mut self, compares: Compares) -> Self {
        self.compares = compares;
        self
    }

    /// The projector of the CT at full resolution.
    #[must_use]
    pub fn projector(&self) -> &Projector {
        &self.projector
    }

    /// The X-ray's camera.
    #[must_use]
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// The X-ray: line integrals, as seen from the source.
    #[must_use]
    pub fn xray(&self) -> &Image {
        &self.xray
    }

    /// The point about which motions turn (mm), world frame.
    #[must_use]
    pub fn pivot_world_mm(&self) -> Vector3<f64> {
        self.pivot_world_mm
    }

    /// The case with images of about the given side, and voxels no finer than such an image's pixels
    /// at the depth of the patient. `poses` and the margin say where the shadow of the volume is.
    pub(crate) fn level(
        &self,
        longest_side_px: usize,
        depth_mm: f64,
        poses: &[RigidTransform],
        margin_mm: f64,
        config: &SimilarityConfig,
    ) -> Result<Level, RegisterError> {
        let factor = binning(self.camera.size_px(), longest_side_px);
        let camera = self.camera.binned(factor);
        let xray = self.xray.binned(factor);
        let [column_mm, row_mm] = camera.pixel_spacing_mm();
        let magnification = self.camera.source_to_detector_mm() / depth_mm;
        let spacing_mm = column_mm.min(row_mm) / magnification;
        let projector = match self.projector.volume().coarser(spacing_mm)? {
            Some(coarse) => Projector::new(coarse),
            None => self.projector.clone(),
        };
        let mask = match self.compares {
            Compares::Everywhere => None,
            Compares::NearShadow => {
                let margin_px = (margin_mm / spacing_mm).ceil() as usize;
                Some(shadow(&projector, &camera, poses)?.dilated(margin_px.max(2)))
            }
        };
        Ok(Level {
            longest_side_px: camera.size_px().into_iter().max().unwrap_or(1),
            camera,
            projector,
            similarity: similarity(&xray, mask.as_ref(), config)?,
            pivot_world_mm: self.pivot_world_mm,
        })
    }
}

impl Level {
    /// The objective with the marching axis that suits a pose.
    pub(crate) fn objective(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<RadiographObjective<'_>, RegisterError> {
        let axis = self.projector.march_axis(&self.camera, camera_from_world)?;
        Ok(RadiographObjective::new(
            &self.projector,
            &self.camera,
            &*self.similarity,
            axis,
            self.pivot_world_mm,
        ))
    }

    /// The smaller side of a pixel (mm) on the detector.
    pub(crate) fn pixel_mm(&self) -> f64 {
        let [column_mm, row_mm] = self.camera.pixel_spacing_mm();
        column_mm.min(row_mm)
    }
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
        let image = projector.forward(camera, pose)?;
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

/// The measures with a weight, as one.
fn similarity(
    fixed: &Image,
    mask: Option<&Mask>,
    config: &SimilarityConfig,
) -> Result<Box<dyn Similarity>, SimilarityError> {
    let mut parts: Vec<(f64, Box<dyn Similarity>)> = Vec::new();
    if config.ncc != 0.0 {
        parts.push((config.ncc, Box::new(Ncc::new(fixed, mask)?)));
    }
    if config.gradient_ncc != 0.0 {
        parts.push((config.gradient_ncc, Box::new(GradientNcc::new(fixed, mask)?)));
    }
    if config.patch_ncc != 0.0 {
        let patches = PatchNcc::new(fixed, mask, &PatchNccConfig::default())?;
        parts.push((config.patch_ncc, Box::new(patches)));
    }
    Ok(Box::new(WeightedSum::new(parts)?))
}
