//! Projection matrices: the camera and the pose in twelve numbers, as calibrations give them.
//!
//! ```text
//! (u w, v w, w) = P (x, y, z, 1)        P = K [R | t]        K = (fx s cx; 0 fy cy; 0 0 1)
//! ```
//!
//! in pixels whose centres are integers, and millimetres of the world (LPS). Any multiple of P draws the
//! same image, also a negative one. What such a matrix does not tell:
//!
//! - **what is in front**: for P the depth is w, for -P it is -w. Where a file says which, or a point that
//!   is seen is known, the sign is chosen by it. Else it is the one for which the image is not mirrored,
//!   unless that would put the world's origin behind the source;
//! - **the size of a pixel**, without which fx is no distance.
//!
//! With the sign known, a negative determinant means that the image is mirrored: it becomes a flip of the
//! image's columns and the camera of the flipped image. Pixels that are no rectangles (a skew s) are
//! refused.
//!
//! # References
//! R. Hartley, A. Zisserman, Multiple View Geometry, 2nd edition, chapter 6.2.

use nalgebra::{Matrix3, Vector3};

use crate::geometry::rigid::{RigidError, RigidTransform};
use crate::geometry::{Camera, CameraError, ImageFlip};

/// The largest angle by which the sides of a pixel may miss a right angle (degrees).
const MOST_SKEW_DEG: f64 = 0.05;
/// By how much the two focal lengths may differ from what the size of a pixel says.
const MOST_ASPECT: f64 = 0.01;
/// Below this, relative to its rows, a matrix has no inverse.
const SINGULAR: f64 = 1e-12;

/// What is known of the side on which things are seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Depth {
    /// The third coordinate is the depth.
    Positive,
    /// The third coordinate is the depth, negative.
    Negative,
    /// Either; this point (mm, world) is seen.
    SeesPoint(Vector3<f64>),
    /// Nothing.
    Unknown,
}

/// What makes lengths of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PixelScale {
    /// The size of a pixel at the detector (mm): [column, row].
    Spacing([f64; 2]),
    /// The distance from the source to the detector (mm).
    SourceToDetector(f64),
}

/// A camera from elsewhere, in our convention.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvertedCamera {
    /// The camera of the flipped image.
    pub camera: Camera,
    /// The pose (mm), world = LPS.
    pub camera_from_world: RigidTransform,
    /// The flip between the image that the matrix draws and the one that the camera sees.
    pub image_flip: ImageFlip,
}

/// Why a projection matrix makes no camera.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// A number is NaN or infinite.
    #[error(
        "entry [{row}][{column}] of the projection matrix is {value}: every number must be finite"
    )]
    NotFinite {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// What was found there.
        value: f64,
    },
    /// The matrix sees no plane.
    #[error(
        "the left 3x3 part of the projection matrix is singular (determinant {determinant:e}): it is no perspective camera"
    )]
    Singular {
        /// The determinant.
        determinant: f64,
    },
    /// Pixels are no rectangles.
    #[error(
        "the projection matrix has a skew of {skew_px:.3} px ({angle_deg:.3} degrees, at most {MOST_SKEW_DEG} are allowed): pixels must be rectangles; calibrate without skew"
    )]
    Skew {
        /// The skew, s.
        skew_px: f64,
        /// By how much a pixel's sides miss a right angle.
        angle_deg: f64,
    },
    /// The size of a pixel does not fit both focal lengths.
    #[error(
        "the focal lengths are {fx:.2} and {fy:.2} px: with pixels of {spacing_mm:?} mm the detector would be at two distances; correct the size of a pixel"
    )]
    Aspect {
        /// Along the columns (px).
        fx: f64,
        /// Along the rows (px).
        fy: f64,
        /// The size of a pixel.
        spacing_mm: [f64; 2],
    },
    /// The numbers make no camera.
    #[error(transparent)]
    Camera(#[from] CameraError),
    /// The pose is not rigid.
    #[error("the pose is not rigid: {0}")]
    Rigid(#[from] RigidError),
}

/// A projection matrix, row by row.
///
/// # Examples
/// ```
/// use isocenter::geometry::conversion::{Depth, PixelScale, ProjectionMatrix};
/// // Focal length 2000 px, principal point (320, 240), 700 mm in front of the world's origin.
/// let matrix = ProjectionMatrix([
///     [2000.0, 0.0, 320.0, 320.0 * 700.0],
///     [0.0, 2000.0, 240.0, 240.0 * 700.0],
///     [0.0, 0.0, 1.0, 700.0],
/// ]);
/// let scale = PixelScale::Spacing([0.5, 0.5]);
/// let found = matrix.to_camera([640, 480], scale, Depth::Positive).unwrap();
/// assert!((found.camera.source_to_detector_mm() - 1000.0).abs() < 1e-9);
/// assert!((found.camera.principal_point_px()[0] - 320.0).abs() < 1e-9);
/// assert!((found.camera_from_world.translation_mm().z - 700.0).abs() < 1e-9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectionMatrix(pub [[f64; 4]; 3]);

/// K [R | t], with a positive depth.
struct Decomposed {
    focal_px: [f64; 2],
    skew_px: f64,
    principal_px: [f64; 2],
    rotation: Matrix3<f64>,
    translation: Vector3<f64>,
}

impl ProjectionMatrix {
    /// K [R | t] from its factors.
    ///
    /// # Shapes
    /// `intrinsic` is K, row by row.
    #[must_use]
    pub fn from_factors(
        intrinsic: [[f64; 3]; 3],
        rotation: &Matrix3<f64>,
        translation: Vector3<f64>,
    ) -> Self {
        let k = Matrix3::from_fn(|row, column| intrinsic[row][column]);
        let (left, right) = (k * rotation, k * translation);
        Self(std::array::from_fn(|row| {
            [left[(row, 0)], left[(row, 1)], left[(row, 2)], right[row]]
        }))
    }

    /// The camera and the pose.
    ///
    /// # Shapes
    /// `size_px` = [columns, rows] of the image.
    ///
    /// # Errors
    /// If the numbers make no camera, or pixels are no rectangles.
    pub fn to_camera(
        &self,
        size_px: [usize; 2],
        scale: PixelScale,
        depth: Depth,
    ) -> Result<ConvertedCamera, ProjectionError> {
        let rows = self.checked()?;
        let left = |rows: &[[f64; 4]; 3]| Matrix3::from_fn(|row, column| rows[row][column]);
        let lengths: f64 = left(&rows).row_iter().map(|row| row.norm()).product();
        let determinant = left(&rows).determinant();
        if lengths == 0.0 || !lengths.is_finite() || (determinant / lengths).abs() < SINGULAR {
            return Err(ProjectionError::Singular { determinant });
        }
        let depth_at = |point: Vector3<f64>| {
            let [a, b, c, d] = rows[2];
            a * point.x + b * point.y + c * point.z + d
        };
        let sign = match depth {
            Depth::Positive => 1.0,
            Depth::Negative => -1.0,
            Depth::SeesPoint(point) => depth_at(point).signum(),
            // A mirrored image is the less likely, a world behind the source even less.
            Depth::Unknown => {
                let unmirrored = determinant.signum();
                let is_behind = unmirrored * depth_at(Vector3::zeros()) < 0.0;
                if is_behind { -unmirrored } else { unmirrored }
            }
        };
        let mut rows = rows.map(|row| row.map(|value| sign * value));
        let mut image_flip = ImageFlip::None;
        if left(&rows).determinant() < 0.0 {
            // Columns counted from the other side.
            let last = size_px[0] as f64 - 1.0;
            rows[0] = std::array::from_fn(|column| last * rows[2][column] - rows[0][column]);
            image_flip = ImageFlip::Columns;
        }
        let Decomposed { focal_px: [fx, fy], skew_px, principal_px, rotation, translation } =
            decomposed(&rows);
        let angle_deg = (skew_px / fy).atan().to_degrees().abs();
        if angle_deg > MOST_SKEW_DEG {
            return Err(ProjectionError::Skew { skew_px, angle_deg });
        }
        let (distance, spacing) = match scale {
            PixelScale::SourceToDetector(distance) => (distance, [distance / fx, distance / fy]),
            PixelScale::Spacing([across, down]) => {
                let distance = fx * across;
                let error = (fy * down - distance).abs();
                if error.is_nan() || error > MOST_ASPECT * distance {
                    return Err(ProjectionError::Aspect { fx, fy, spacing_mm: [across, down] });
                }
                // What the matrix says of the two goes before what the size of a pixel does.
                (distance, [across, distance / fy])
            }
        };
        let camera =
            Camera::new(distance, spacing, size_px)?.with_principal_point_px(principal_px)?;
        let camera_from_world = RigidTransform::new(rotation, translation)?;
        Ok(ConvertedCamera { camera, camera_from_world, image_flip })
    }

    /// The numbers, scaled to about 1, if all are finite.
    fn checked(&self) -> Result<[[f64; 4]; 3], ProjectionError> {
        let mut largest = 0.0_f64;
        for (row, values) in self.0.iter().enumerate() {
            for (column, &value) in values.iter().enumerate() {
                if !value.is_finite() {
                    return Err(ProjectionError::NotFinite { row, column, value });
                }
                largest = largest.max(value.abs());
            }
        }
        if largest == 0.0 {
            return Err(ProjectionError::Singular { determinant: 0.0 });
        }
        Ok(self.0.map(|row| row.map(|value| value / largest)))
    }
}

/// Gram and Schmidt from the last row up: the axes z, y, x of the camera, and K on the way.
fn decomposed(rows: &[[f64; 4]; 3]) -> Decomposed {
    let [first, second, third] = rows.map(|[a, b, c, _]| Vector3::new(a, b, c));
    let scale = third.norm();
    let [first, second, z] = [first / scale, second / scale, third / scale];
    let cy = second.dot(&z);
    let y = second - z * cy;
    let fy = y.norm();
    let y = y / fy;
    let (cx, skew_px) = (first.dot(&z), first.dot(&y));
    let x = first - y * skew_px - z * cx;
    let fx = x.norm();
    let x = x / fx;
    let [p, q, r] = rows.map(|row| row[3] / scale);
    let tz = r;
    let ty = (q - cy * tz) / fy;
    let tx = (p - skew_px * ty - cx * tz) / fx;
    Decomposed {
        focal_px: [fx, fy],
        skew_px,
        principal_px: [cx, cy],
        rotation: Matrix3::from_rows(&[x.transpose(), y.transpose(), z.transpose()]),
        translation: Vector3::new(tx, ty, tz),
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a camera and a pose come back from their matrix, whatever its scale, sign or mirror;
    //! points are seen where the matrix says; what is no camera is refused with its value.
    use super::*;
    use proptest::prelude::*;

    fn matrix(camera: &Camera, pose: &RigidTransform) -> ProjectionMatrix {
        let ([fx, fy], [cx, cy]) = (camera.focal_length_px(), camera.principal_point_px());
        let k = [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]];
        ProjectionMatrix::from_factors(k, pose.rotation(), *pose.translation_mm())
    }

    fn scaled(matrix: &ProjectionMatrix, factor: f64) -> ProjectionMatrix {
        ProjectionMatrix(matrix.0.map(|row| row.map(|value| factor * value)))
    }

    fn camera() -> Camera {
        Camera::new(1020.0, [0.3, 0.4], [640, 480])
            .unwrap()
            .with_principal_point_px([300.0, 260.5])
            .unwrap()
    }

    proptest! {
        #[test]
        fn a_camera_comes_back(
            omega in prop::array::uniform3(-3.0..3.0f64),
            point in prop::array::uniform3(-60.0..60.0f64),
            factor in prop_oneof![Just(1.0), Just(-1.0), Just(-3e-7), Just(4e8)],
        ) {
            let pose = RigidTransform::from_rotation_vector(
                omega.into(),
                Vector3::new(10.0, -20.0, 700.0),
            );
            let matrix = scaled(&matrix(&camera(), &pose), factor);
            let known = if factor > 0.0 { Depth::Positive } else { Depth::Negative };
            for depth in [known, Depth::SeesPoint(Vector3::zeros()), Depth::Unknown] {
                for scale in [PixelScale::Spacing([0.3, 0.4]), PixelScale::SourceToDetector(1020.0)] {
                    let found = matrix.to_camera([640, 480], scale, depth).unwrap();
                    prop_assert_eq!(found.image_flip, ImageFlip::None);
                    let back = found.camera_from_world.to_matrix() - pose.to_matrix();
                    prop_assert!(back.amax() < 1e-7, "{}", back.amax());
                    let seen = found.camera.project(found.camera_from_world.point(point.into()));
                    let expected = camera().project(pose.point(point.into()));
                    let (seen, expected) = (seen.unwrap(), expected.unwrap());
                    prop_assert!((seen[0] - expected[0]).hypot(seen[1] - expected[1]) < 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_mirrored_image_becomes_a_flip() {
        let pose = RigidTransform::from_rotation_vector(
            Vector3::new(0.4, -0.2, 0.3),
            Vector3::new(10.0, -20.0, 700.0),
        );
        let straight = matrix(&camera(), &pose).0;
        let last = 639.0;
        let mut mirrored = straight;
        mirrored[0] =
            std::array::from_fn(|column| last * straight[2][column] - straight[0][column]);
        let scale = PixelScale::SourceToDetector(1020.0);
        for (matrix, depth) in [
            (ProjectionMatrix(mirrored), Depth::Positive),
            (ProjectionMatrix(mirrored), Depth::Unknown),
            (scaled(&ProjectionMatrix(mirrored), -2.0), Depth::Negative),
            (scaled(&ProjectionMatrix(mirrored), -2.0), Depth::SeesPoint(Vector3::zeros())),
        ] {
            let found = matrix.to_camera([640, 480], scale, depth).unwrap();
            assert_eq!(found.image_flip, ImageFlip::Columns, "{depth:?}");
            assert!((found.camera_from_world.to_matrix() - pose.to_matrix()).amax() < 1e-9);
            assert!((found.camera.principal_point_px()[0] - 300.0).abs() < 1e-9);
        }
    }

    #[test]
    fn any_multiple_is_the_same_camera() {
        let scale = PixelScale::SourceToDetector(1020.0);
        // The world's origin before the source, and behind it.
        for (z, flip) in [(700.0, ImageFlip::None), (-300.0, ImageFlip::Columns)] {
            let pose = RigidTransform::from_rotation_vector(
                Vector3::new(0.4, -0.2, 0.3),
                Vector3::new(10.0, -20.0, z),
            );
            let matrix = matrix(&camera(), &pose);
            let one = matrix.to_camera([640, 480], scale, Depth::Unknown).unwrap();
            assert_eq!(one.image_flip, flip, "{z}");
            for factor in [-1.0, 1e-5, -3e4] {
                let other = scaled(&matrix, factor);
                let other = other.to_camera([640, 480], scale, Depth::Unknown).unwrap();
                assert_eq!(other.image_flip, flip, "{z} {factor}");
                let moved = other.camera_from_world.to_matrix() - one.camera_from_world.to_matrix();
                assert!(moved.amax() < 1e-9, "{z} {factor}");
            }
        }
    }

    #[test]
    fn what_is_no_camera_is_refused_with_its_value() {
        let pose = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 700.0));
        let good = matrix(&camera(), &pose);
        let error = |change: &dyn Fn(&mut [[f64; 4]; 3]), scale| {
            let mut changed = good;
            change(&mut changed.0);
            changed.to_camera([640, 480], scale, Depth::Positive).unwrap_err()
        };
        let scale = PixelScale::SourceToDetector(1020.0);
        let skewed = error(&|m| m[0][1] = 5.0, scale);
        assert!(skewed.to_string().contains("skew of 5.000 px (0.112 degrees"), "{skewed}");
        let nan = error(&|m| m[2][1] = f64::NAN, scale);
        assert!(matches!(nan, ProjectionError::NotFinite { row: 2, column: 1, .. }));
        for flat in [0.0, 1e-13] {
            let singular = error(&|m| m[1][1] = flat, scale);
            assert!(matches!(singular, ProjectionError::Singular { .. }), "{singular}");
        }
        let nothing = ProjectionMatrix([[0.0; 4]; 3]).to_camera([4, 4], scale, Depth::Unknown);
        assert!(matches!(nothing, Err(ProjectionError::Singular { .. })));
        let square = error(&|_| {}, PixelScale::Spacing([0.3, 0.3]));
        assert!(square.to_string().contains("two distances"), "{square}");
        let length = error(&|_| {}, PixelScale::SourceToDetector(-1.0));
        assert!(matches!(length, ProjectionError::Camera(_)));
        assert!(good.to_camera([0, 480], scale, Depth::Positive).is_err());
    }
}
