//! What is to be registered: a CT, and the X-rays of one patient.

use std::sync::Arc;

use nalgebra::Vector3;

use super::coarse::CoarseProjectors;
use super::complete_rays::MissingTissue;
use super::error::RegisterError;
use crate::geometry::{Camera, PixelRegion, RigidTransform};
use crate::project::Projector;
use crate::radiograph::{Image, ImageError, ImageFlip, Mask, PreparedXray};
use crate::volume::AttenuationVolume;

/// Two X-rays whose central rays pass each other farther apart than this do not show the same part
/// of a patient.
const FARTHEST_CENTRAL_RAYS_MM: f64 = 400.0;

/// One X-ray of the patient.
#[derive(Debug, Clone)]
pub struct Xray {
    camera: Camera,
    line_integral: Image,
    mask: Option<Mask>,
    displayed: bool,
}

impl Xray {
    /// From line integrals (up to gain and offset), seen from the source.
    ///
    /// # Errors
    /// If the image does not have the camera's size, or has nothing to see.
    pub fn new(camera: Camera, line_integral: Image) -> Result<Self, RegisterError> {
        let (found, expected) = (line_integral.size_px(), camera.size_px());
        if found != expected {
            return Err(RegisterError::XraySize { found, expected });
        }
        line_integral.check_has_content()?;
        Ok(Self { camera, line_integral, mask: None, displayed: false })
    }

    /// From an image that was prepared: with its mask, and grey values that may have gone through an
    /// unknown curve.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn prepared(camera: Camera, prepared: PreparedXray) -> Result<Self, RegisterError> {
        let mut xray = Self::new(camera, prepared.line_integral)?;
        xray.displayed = prepared.by_rank;
        match prepared.mask {
            Some(mask) => xray.with_mask(mask),
            None => Ok(xray),
        }
    }

    /// The same X-ray, of which only the pixels of a mask are compared.
    ///
    /// # Errors
    /// If the mask does not have the image's size.
    pub fn with_mask(mut self, mask: Mask) -> Result<Self, RegisterError> {
        let (found, expected) = (mask.size_px(), self.camera.size_px());
        if found != expected {
            return Err(RegisterError::XraySize { found, expected });
        }
        self.mask = Some(mask);
        Ok(self)
    }

    /// A region of it.
    ///
    /// # Errors
    /// If the region does not lie in the image.
    pub(super) fn cropped(&self, region: &PixelRegion) -> Result<Self, ImageError> {
        let mask = self.mask.as_ref().map(|mask| mask.cropped(region)).transpose()?;
        Ok(Self {
            camera: self.camera.cropped(region)?,
            line_integral: self.line_integral.cropped(region)?,
            mask,
            displayed: self.displayed,
        })
    }

    /// The camera.
    #[must_use]
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// Line integrals, as seen from the source.
    #[must_use]
    pub fn line_integral(&self) -> &Image {
        &self.line_integral
    }

    /// Whether the line integrals went through an unknown rising curve, that of a display.
    #[must_use]
    pub fn is_displayed(&self) -> bool {
        self.displayed
    }

    /// The pixels that are compared; all without a mask.
    #[must_use]
    pub fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref()
    }
}

/// A CT and the X-rays that show the same patient in one position. Poses are those of the first
/// X-ray's camera.
#[derive(Debug, Clone)]
pub struct Case {
    projector: Projector,
    coarse: Arc<CoarseProjectors>,
    missing: Arc<MissingTissue>,
    xrays: Vec<Xray>,
    pivot_world_mm: Vector3<f64>,
    compares: Compares,
}

/// Which pixels of the X-ray are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compares {
    /// All that the X-ray's mask leaves.
    #[default]
    Everywhere,
    /// Of these, the ones near the shadow of the volume: for a CT of which only one structure is
    /// kept, while the X-ray shows the whole patient.
    NearShadow,
}

impl Case {
    /// From attenuation and one X-ray as line integrals (up to gain and offset), seen from the
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
        let xrays = vec![Xray::new(camera, xray)?];
        Self::of_xrays(Projector::new(volume), xrays, pivot_world_mm)
    }

    /// From a projector of the CT and one or several X-rays. The cameras of the second and further
    /// ones say where they are relative to the first one's.
    ///
    /// # Units
    /// As [`new`](Self::new).
    ///
    /// # Errors
    /// If there is no X-ray, or the cameras contradict each other.
    pub fn of_xrays(
        projector: Projector,
        xrays: Vec<Xray>,
        pivot_world_mm: Vector3<f64>,
    ) -> Result<Self, RegisterError> {
        check_cameras(&xrays)?;
        Ok(Self {
            projector,
            coarse: Arc::default(),
            missing: Arc::default(),
            xrays,
            pivot_world_mm,
            compares: Compares::default(),
        })
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

    /// Which pixels are compared.
    #[must_use]
    pub fn compares(&self) -> Compares {
        self.compares
    }

    /// The X-rays, one at least; poses are those of the first one's camera.
    #[must_use]
    pub fn xrays(&self) -> &[Xray] {
        &self.xrays
    }

    /// The first X-ray, whose camera poses are of.
    #[must_use]
    pub fn first_xray(&self) -> &Xray {
        // There is one: `of_xrays` has checked it.
        &self.xrays[0]
    }

    /// The point about which motions turn (mm), world frame.
    #[must_use]
    pub fn pivot_world_mm(&self) -> Vector3<f64> {
        self.pivot_world_mm
    }

    /// The case with left and right of every X-ray exchanged.
    pub(super) fn mirrored(&self) -> Self {
        let mirrored = |xray: &Xray| Xray {
            camera: xray.camera.mirrored(),
            line_integral: xray.line_integral.flipped(ImageFlip::Columns),
            mask: xray.mask.as_ref().map(Mask::mirrored),
            displayed: xray.displayed,
        };
        Self { xrays: self.xrays.iter().map(mirrored).collect(), ..self.clone() }
    }

    pub(super) fn coarse_projectors(&self) -> &CoarseProjectors {
        &self.coarse
    }

    /// The projector of what the CT leaves out of the patient; `None` where it shows all.
    pub(super) fn missing(&self) -> Option<&Projector> {
        self.missing.of(self.projector.volume())
    }
}

/// Refuses X-rays that cannot be of one patient.
fn check_cameras(xrays: &[Xray]) -> Result<(), RegisterError> {
    let contradiction = |number: usize, found: String, expected: &'static str| {
        Err(RegisterError::Cameras { number: number + 1, found, expected })
    };
    let Some(first) = xrays.first() else { return Err(RegisterError::NoXray) };
    let own = first.camera.camera_from_reference_camera();
    if own.is_some_and(|transform| *transform != RigidTransform::identity()) {
        return contradiction(
            0,
            "has a camera_from_reference_camera".to_owned(),
            "it is the reference itself: leave it out, or write the identity",
        );
    }
    for (number, xray) in xrays.iter().enumerate().skip(1) {
        let Some(camera_from_reference) = xray.camera.camera_from_reference_camera() else {
            return contradiction(
                number,
                "has no camera_from_reference_camera".to_owned(),
                "every X-ray after the first needs one: where its camera is relative to the first",
            );
        };
        let apart_mm = central_rays_apart_mm(&first.camera, &xray.camera, camera_from_reference);
        if apart_mm > FARTHEST_CENTRAL_RAYS_MM {
            return contradiction(
                number,
                format!("looks past the first one's field by {apart_mm:.0} mm"),
                "the central rays meet near the patient: check camera_from_reference_camera",
            );
        }
    }
    Ok(())
}

/// The shortest distance (mm) between the central rays of two cameras, from source to detector.
fn central_rays_apart_mm(
    first: &Camera,
    second: &Camera,
    second_from_first: &RigidTransform,
) -> f64 {
    let first_from_second = second_from_first.inverse();
    let ray = |camera: &Camera| camera.central_ray_direction() * camera.source_to_detector_mm();
    let second_source = first_from_second.point(Vector3::zeros());
    let second_detector = first_from_second.point(ray(second));
    let along = |t: f64| second_source + (second_detector - second_source) * t;
    let first_ray = ray(first);
    let distance = |point: Vector3<f64>| {
        let t = (point.dot(&first_ray) / first_ray.norm_squared()).clamp(0.0, 1.0);
        (point - first_ray * t).norm()
    };
    // The distance to a segment is convex along a line.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if distance(along(a)) < distance(along(b)) { high = b } else { low = a }
    }
    distance(along((low + high) / 2.0))
}
