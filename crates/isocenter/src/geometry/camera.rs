//! The X-ray camera: a point source and a flat detector.
//!
//! **Camera frame**: millimetres, origin at the source; +x along increasing detector column, +y
//! along increasing row (down), +z from the source to the detector. **Pixel frame**: `(u, v)` =
//! (column, row), the centre of the first pixel at (0, 0). A point `(x, y, z)` is seen at
//!
//! ```text
//! u = fx x/z + cx,  v = fy y/z + cy,   fx = source_to_detector / column spacing (fy with rows)
//! ```
//!
//! The camera describes the image **as seen from the source**. An image stored as seen from the
//! detector is flipped when read ([`crate::radiograph::ImageFlip`]); the camera never mirrors.

use nalgebra::Vector3;

use super::pixel_region::{PixelRegion, RegionError};
use super::rigid::RigidTransform;

/// Why a camera cannot exist.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CameraError {
    /// A length is zero, negative, no number, or longer than any room.
    #[error("{name} is {value}: it must be a positive number of millimetres, at most {longest}", longest = Camera::LONGEST_MM)]
    Length {
        /// Which quantity.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// The detector has no pixels, or more than [`Camera::MAX_SIDE_PX`] along a side.
    #[error("size_px is {size_px:?}: both sides must be 1 to {max}", max = Camera::MAX_SIDE_PX)]
    Size {
        /// Columns and rows.
        size_px: [usize; 2],
    },
    /// The principal point is NaN or infinite.
    #[error("principal_point_px is {value:?}: both numbers must be finite")]
    PrincipalPoint {
        /// What was given.
        value: [f64; 2],
    },
}

/// A point source and a flat detector, all lengths in millimetres.
///
/// # Examples
/// ```
/// use isocenter::geometry::Camera;
/// use nalgebra::Vector3;
/// // 256 x 256 pixels of 1.4 mm, 1020 mm from the source, principal point in the middle.
/// let camera = Camera::new(1020.0, [1.4, 1.4], [256, 256]).unwrap();
/// assert_eq!(camera.principal_point_px(), [127.5, 127.5]);
/// // What lies on the axis is seen there, whatever its depth; what is behind the source is not.
/// assert_eq!(camera.project(Vector3::new(0.0, 0.0, 700.0)), Some([127.5, 127.5]));
/// assert_eq!(camera.project(Vector3::new(0.0, 0.0, -1.0)), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    source_to_detector_mm: f64,
    pixel_spacing_mm: [f64; 2],
    size_px: [usize; 2],
    principal_point_px: [f64; 2],
    source_to_isocenter_mm: Option<f64>,
    camera_from_reference_camera: Option<RigidTransform>,
}

fn length(name: &'static str, value: f64) -> Result<f64, CameraError> {
    if value > 0.0 && value <= Camera::LONGEST_MM {
        Ok(value)
    } else {
        Err(CameraError::Length { name, value })
    }
}

impl Camera {
    /// The longest side of a detector that is accepted: four times what flat panels have.
    pub const MAX_SIDE_PX: usize = 16_384;

    /// The longest length that is accepted (mm): a hundred metres.
    pub const LONGEST_MM: f64 = 1e5;

    /// Where the isocenter is taken to be, as a fraction of source to detector, when nobody says.
    pub const ASSUMED_ISOCENTER_FRACTION: f64 = 0.7;

    /// A camera whose principal point is the detector's centre.
    ///
    /// # Units
    /// Millimetres; spacing and size as [column, row].
    ///
    /// # Errors
    /// If a length is not positive or the size is zero.
    pub fn new(
        source_to_detector_mm: f64,
        pixel_spacing_mm: [f64; 2],
        size_px: [usize; 2],
    ) -> Result<Self, CameraError> {
        length("source_to_detector_mm", source_to_detector_mm)?;
        length("pixel_spacing_mm[0] (column)", pixel_spacing_mm[0])?;
        length("pixel_spacing_mm[1] (row)", pixel_spacing_mm[1])?;
        if size_px.iter().any(|&n| n == 0 || n > Self::MAX_SIDE_PX) {
            return Err(CameraError::Size { size_px });
        }
        Ok(Self {
            source_to_detector_mm,
            pixel_spacing_mm,
            size_px,
            principal_point_px: size_px.map(|n| (n as f64 - 1.0) / 2.0),
            source_to_isocenter_mm: None,
            camera_from_reference_camera: None,
        })
    }

    /// The same camera with another principal point, the foot of the perpendicular from the
    /// source on the detector (px).
    ///
    /// # Errors
    /// If it is not finite.
    pub fn with_principal_point_px(mut self, value: [f64; 2]) -> Result<Self, CameraError> {
        if !value.iter().all(|c| c.is_finite()) {
            return Err(CameraError::PrincipalPoint { value });
        }
        self.principal_point_px = value;
        Ok(self)
    }

    /// The same camera with the distance from the source to the isocenter, which views use.
    ///
    /// # Errors
    /// If it is not positive.
    pub fn with_source_to_isocenter_mm(mut self, value: f64) -> Result<Self, CameraError> {
        self.source_to_isocenter_mm = Some(length("source_to_isocenter_mm", value)?);
        Ok(self)
    }

    /// The same camera with its place relative to the first X-ray's camera.
    #[must_use]
    pub fn with_camera_from_reference_camera(mut self, value: RigidTransform) -> Self {
        self.camera_from_reference_camera = Some(value);
        self
    }

    /// Distance from the source to the detector's plane (mm).
    #[must_use]
    pub fn source_to_detector_mm(&self) -> f64 {
        self.source_to_detector_mm
    }

    /// Distance between neighbouring pixel centres (mm): [column, row].
    #[must_use]
    pub fn pixel_spacing_mm(&self) -> [f64; 2] {
        self.pixel_spacing_mm
    }

    /// Number of pixels: [columns, rows].
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        self.size_px
    }

    /// The principal point (px): [u, v].
    #[must_use]
    pub fn principal_point_px(&self) -> [f64; 2] {
        self.principal_point_px
    }

    /// Distance from the source to the isocenter (mm), where it is known.
    #[must_use]
    pub fn source_to_isocenter_mm(&self) -> Option<f64> {
        self.source_to_isocenter_mm
    }

    /// Distance from the source to the isocenter (mm), assumed where it is not known.
    #[must_use]
    pub fn source_to_isocenter_or_assumed_mm(&self) -> f64 {
        self.source_to_isocenter_mm
            .unwrap_or(Self::ASSUMED_ISOCENTER_FRACTION * self.source_to_detector_mm)
    }

    /// Where this camera is relative to the first X-ray's camera of the same patient.
    #[must_use]
    pub fn camera_from_reference_camera(&self) -> Option<&RigidTransform> {
        self.camera_from_reference_camera.as_ref()
    }

    /// The camera of the image with left and right exchanged.
    #[must_use]
    pub(crate) fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        mirrored.principal_point_px[0] = self.size_px[0] as f64 - 1.0 - self.principal_point_px[0];
        mirrored
    }

    /// Where this camera is for a pose of the first X-ray's camera: the same pose for the first.
    #[must_use]
    pub fn camera_from_world(
        &self,
        reference_camera_from_world: &RigidTransform,
    ) -> RigidTransform {
        match &self.camera_from_reference_camera {
            Some(camera_from_reference) => *camera_from_reference * *reference_camera_from_world,
            None => *reference_camera_from_world,
        }
    }

    /// The focal length (px): [fx, fy].
    #[must_use]
    pub fn focal_length_px(&self) -> [f64; 2] {
        self.pixel_spacing_mm.map(|spacing| self.source_to_detector_mm / spacing)
    }

    /// The pixel at which a point in the camera frame (mm) is seen; `None` if it is not in front
    /// of the source. The pixel may lie outside the detector.
    #[must_use]
    pub fn project(&self, point_camera_mm: Vector3<f64>) -> Option<[f64; 2]> {
        if point_camera_mm.z.is_nan() || point_camera_mm.z <= 0.0 {
            return None;
        }
        let [fx, fy] = self.focal_length_px();
        let [cx, cy] = self.principal_point_px;
        Some([
            fx * point_camera_mm.x / point_camera_mm.z + cx,
            fy * point_camera_mm.y / point_camera_mm.z + cy,
        ])
    }

    /// The direction of the ray through a pixel, in the camera frame, scaled to z = 1.
    #[must_use]
    pub fn ray_direction(&self, u: f64, v: f64) -> Vector3<f64> {
        let [fx, fy] = self.focal_length_px();
        let [cx, cy] = self.principal_point_px;
        Vector3::new((u - cx) / fx, (v - cy) / fy, 1.0)
    }

    /// The direction of the ray through the detector's centre, scaled to z = 1.
    #[must_use]
    pub fn central_ray_direction(&self) -> Vector3<f64> {
        let [columns, rows] = self.size_px;
        self.ray_direction((columns as f64 - 1.0) / 2.0, (rows as f64 - 1.0) / 2.0)
    }

    /// The camera of the image whose pixels are averages of `factor` x `factor` pixels of this
    /// camera's. Columns and rows that do not fill a whole pixel are left out;
    /// a side shorter than the factor becomes one pixel.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::Camera;
    /// let half = Camera::new(1000.0, [1.0, 1.0], [256, 200]).unwrap().binned(2);
    /// assert_eq!((half.size_px(), half.pixel_spacing_mm()), ([128, 100], [2.0, 2.0]));
    /// assert_eq!(half.principal_point_px(), [63.5, 49.5]);
    /// ```
    #[must_use]
    pub fn binned(&self, factor: usize) -> Self {
        // Along a side shorter than the factor, all of it becomes one pixel.
        let factors = self.size_px.map(|n| factor.clamp(1, n));
        let mut binned = self.clone();
        for (axis, factor) in factors.into_iter().enumerate() {
            let scale = factor as f64;
            binned.pixel_spacing_mm[axis] = self.pixel_spacing_mm[axis] * scale;
            binned.size_px[axis] = self.size_px[axis] / factor;
            binned.principal_point_px[axis] = (self.principal_point_px[axis] + 0.5) / scale - 0.5;
        }
        binned
    }

    /// The camera of a region of this camera's image.
    ///
    /// # Errors
    /// If the region does not lie in the image.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::{Camera, PixelRegion};
    /// let region = PixelRegion::new([64, 48], [100, 120]).unwrap();
    /// let part = Camera::new(1000.0, [1.0, 1.0], [256, 200]).unwrap().cropped(&region).unwrap();
    /// assert_eq!((part.size_px(), part.principal_point_px()), ([64, 48], [27.5, -20.5]));
    /// ```
    pub fn cropped(&self, region: &PixelRegion) -> Result<Self, RegionError> {
        region.check_within(self.size_px)?;
        Ok(Self {
            size_px: region.size_px(),
            principal_point_px: region.position_px(self.principal_point_px),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: projection and rays agree, binning and cropping keep every ray, nonsense is refused.
    use super::*;

    fn camera() -> Camera {
        Camera::new(1020.0, [1.4, 0.7], [300, 200])
            .unwrap()
            .with_principal_point_px([140.0, 111.0])
            .unwrap()
    }

    #[test]
    fn a_ray_is_seen_at_its_pixel() {
        for (u, v) in [(0.0, 0.0), (17.25, 199.0), (-30.0, 500.0)] {
            let [u2, v2] = camera().project(camera().ray_direction(u, v) * 345.0).unwrap();
            assert!((u - u2).abs() < 1e-9 && (v - v2).abs() < 1e-9);
        }
    }

    #[test]
    fn binned_pixel_centres_are_the_means_of_theirs() {
        let (fine, coarse) = (camera(), camera().binned(4));
        // Pixel (2, 3) of the binned image covers columns 8..12 and rows 12..16.
        let mean = fine.ray_direction(9.5, 13.5);
        assert!((coarse.ray_direction(2.0, 3.0) - mean).norm() < 1e-12);
        // 300 x 200 pixels by 250: one row of all 200, one column of the first 250.
        let (one, middle) = (fine.binned(250), fine.ray_direction(124.5, 99.5));
        assert_eq!(one.size_px(), [1, 1]);
        assert!((one.ray_direction(0.0, 0.0) - middle).norm() < 1e-12);
    }

    #[test]
    fn projections_shift_by_the_crop() {
        let region = PixelRegion::new([60, 40], [31, 17]).unwrap();
        let part = camera().cropped(&region).unwrap();
        assert_eq!(part.size_px(), [60, 40]);
        for point in [Vector3::new(3.0, -5.0, 700.0), Vector3::new(-90.0, 40.0, 300.0)] {
            let ([u, v], [u2, v2]) =
                (camera().project(point).unwrap(), part.project(point).unwrap());
            assert!((u - 31.0 - u2).abs() < 1e-9 && (v - 17.0 - v2).abs() < 1e-9);
        }
        // A crop of a crop is a crop, and what lies outside is refused.
        let inner = PixelRegion::new([20, 20], [5, 7]).unwrap();
        let both = PixelRegion::new([20, 20], [36, 24]).unwrap();
        assert_eq!(part.cropped(&inner).unwrap(), camera().cropped(&both).unwrap());
        assert!(part.cropped(&region).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Camera::new(0.0, [1.0, 1.0], [8, 8]).is_err());
        assert!(Camera::new(f64::NAN, [1.0, 1.0], [8, 8]).is_err());
        let error = Camera::new(1000.0, [0.0, 1.0], [8, 8]).unwrap_err();
        assert!(error.to_string().contains("pixel_spacing_mm[0]"));
        assert!(Camera::new(1000.0, [1.0, 1.0], [0, 8]).is_err());
        assert!(camera().with_principal_point_px([f64::INFINITY, 0.0]).is_err());
        assert!(camera().with_source_to_isocenter_mm(-1.0).is_err());
    }
}
