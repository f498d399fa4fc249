//! A start from landmarks: points that are known in the CT and seen in the X-ray.
//!
//! The pose wanted is the one whose projections of the points lie closest to where they are seen:
//! it minimizes the sum of squared reprojection errors, which is the most likely pose for errors
//! of equal size in all directions. That sum has several minima, above all a second one close to
//! the right one's mirror image in depth, and one wrong landmark spoils it. Therefore:
//!
//! 1. **Propose.** Three points leave at most four poses (`three_points`), whatever the points'
//!    arrangement: that they lie in one plane, as markers on a plate do, is no special case, and four
//!    points are enough where a direct linear transform needs six. All triples are taken or,
//!    where that would be too many, draws of them.
//! 2. **Compare.** Up to [`LARGEST_WITHOUT_CONSENSUS`] landmarks count all alike. With more (RANSAC),
//!    none costs more than one that is off by `inlier_px`.
//! 3. **Refine.** The best distinct proposals go through Levenberg-Marquardt over the landmarks they
//!    agree with, again until these no longer change.
//!
//! The best is the result, the next distinct one is kept beside it: where the two fit about equally
//! well, as happens with four points or with flat targets seen from the front, the landmarks do not
//! decide between them ([`LandmarkPose::is_ambiguous`]).
//!
//! # References
//! - M. A. Fischler, R. C. Bolles, *Random sample consensus*, CACM 24(6), 381 (1981),
//!   doi:10.1145/358669.358692
//! - P. H. S. Torr, A. Zisserman, *MLESAC*, CVIU 78(1), 138 (2000), doi:10.1006/cviu.1999.0832
//!   (the truncated cost)
//! - D. Oberkampf, D. F. DeMenthon, L. S. Davis, CVIU 63(3), 495 (1996), doi:10.1006/cviu.1996.0037
//!   (the two poses of a flat target)

mod check;
mod config;
mod error;
mod proposal;
mod reprojection;
#[cfg(test)]
mod tests;
mod three_points;

pub use config::LandmarkConfig;
pub use error::LandmarkError;

use nalgebra::{Matrix3, Matrix6, Vector3};

use crate::geometry::rotation::log;
use crate::geometry::{Camera, RigidTransform};
use proposal::{Candidate, Search};
use reprojection::{Reprojection, centroid_mm};

/// The fewest landmarks that determine a pose: three leave up to four of them.
pub const FEWEST_LANDMARKS: usize = 4;

/// Up to this number all landmarks count. Fewer than seven leave too little to tell a wrong one
/// from the right ones.
pub const LARGEST_WITHOUT_CONSENSUS: usize = 6;

/// A point in the patient and where the X-ray shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Landmark {
    /// Where it is (mm, world frame).
    pub world_mm: Vector3<f64>,
    /// Where it is seen, column and row (px), in the image as seen from the source.
    pub image_px: [f64; 2],
}

/// How well one landmark fits the pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LandmarkResidual {
    /// Distance between where it should be seen and where it is seen (px); infinite if it should be
    /// behind the source.
    pub px: f64,
    /// The same at the landmark's depth (mm).
    pub mm: f64,
    /// Whether it counted for the pose.
    pub inlier: bool,
}

/// Another pose that the landmarks allow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlternativePose {
    /// The pose.
    pub camera_from_world: RigidTransform,
    /// How it is turned against the better one (degrees).
    pub turned_deg: f64,
    /// Root mean square residual over the better one's inliers (px).
    pub rms_px: f64,
}

/// A pose from landmarks.
#[derive(Debug, Clone, PartialEq)]
pub struct LandmarkPose {
    /// The pose.
    pub camera_from_world: RigidTransform,
    /// The inliers' centroid (mm, world frame): the pivot of the covariance.
    pub pivot_world_mm: Vector3<f64>,
    /// How well each landmark fits, in the order given.
    pub residuals: Vec<LandmarkResidual>,
    /// Root mean square residual of the inliers (px).
    pub rms_px: f64,
    /// Root mean square residual of the inliers, each at its depth (mm).
    pub rms_mm: f64,
    /// The largest residual of an inlier that was allowed (px).
    pub inlier_px: f64,
    /// The next best distinct pose, if there is one.
    pub alternative: Option<AlternativePose>,
    covariance_per_px2: Matrix6<f64>,
}

impl LandmarkPose {
    /// How many landmarks counted.
    #[must_use]
    pub fn inliers(&self) -> usize {
        self.residuals.iter().filter(|r| r.inlier).count()
    }

    /// The standard deviation of a landmark's column and row (px) that the residuals suggest: a
    /// rough number where there are few landmarks.
    #[must_use]
    pub fn noise_px(&self) -> f64 {
        // Two numbers from each landmark, six of which the pose takes up; four landmarks or more.
        let count = self.inliers() as f64;
        self.rms_px * (count / (2.0 * count - 6.0)).sqrt()
    }

    /// The covariance of the pose if columns and rows of the landmarks have independent errors
    /// with a standard deviation of `noise_px`, as a motion about
    /// [`pivot_world_mm`](Self::pivot_world_mm). It is the Cramer-Rao bound.
    ///
    /// # Shapes
    /// Rows and columns as in [`PivotMotion::to_vector`](crate::geometry::PivotMotion::to_vector).
    ///
    /// # Units
    /// (rad, mm), camera axes.
    #[must_use]
    pub fn covariance(&self, noise_px: f64) -> Matrix6<f64> {
        self.covariance_per_px2 * noise_px.powi(2)
    }

    /// Whether the landmarks leave open which of two poses is right: whether the alternative is
    /// less than e^4.5 = 90 times less likely, with errors of the landmarks of at least 1 px.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        let count = self.inliers() as f64;
        self.alternative.is_some_and(|other| {
            let excess_px2 = count * (other.rms_px.powi(2) - self.rms_px.powi(2));
            excess_px2 < 9.0 * self.noise_px().max(1.0).powi(2)
        })
    }
}

/// Rotations closer than this are one pose (degrees).
const DISTINCT_DEG: f64 = 5.0;

/// Finds the pose from which landmarks are seen where they are seen.
///
/// Four landmarks that are not on a line are enough; with four or five, look at
/// [`is_ambiguous`](LandmarkPose::is_ambiguous). Above [`LARGEST_WITHOUT_CONSENSUS`] wrong landmarks
/// are found and left out, as long as more than half are right. The result is the same for a seed,
/// and does not depend on the number of threads.
///
/// # Units
/// Pixels of the camera's image, as seen from the source; mm, world frame.
///
/// # Errors
/// If the landmarks are too few, lie on a line or otherwise leave the pose open, contradict each
/// other, or hold a number that is not finite; if a setting makes no sense.
///
/// # Examples
/// ```
/// use isocenter::geometry::{Camera, View};
/// use isocenter::register::landmarks::{Landmark, LandmarkConfig, pose_from_landmarks};
/// use nalgebra::Vector3;
/// let camera = Camera::new(1020.0, [1.2, 1.2], [256, 256]).unwrap();
/// let truth = View::AP.camera_from_world(Vector3::zeros(), 700.0);
/// let landmarks = [[-40.0, 0.0, 60.0], [35.0, 10.0, 50.0], [-30.0, -35.0, -45.0], [45.0, 20.0, -60.0]]
///     .map(|mm| {
///         let world_mm = Vector3::from(mm);
///         Landmark { world_mm, image_px: camera.project(truth.point(world_mm)).unwrap() }
///     });
/// let found = pose_from_landmarks(&camera, &landmarks, &LandmarkConfig::default()).unwrap();
/// assert!((found.camera_from_world.to_matrix() - truth.to_matrix()).amax() < 1e-5);
/// assert!(found.rms_px < 1e-6 && !found.is_ambiguous());
/// ```
pub fn pose_from_landmarks(
    camera: &Camera,
    landmarks: &[Landmark],
    config: &LandmarkConfig,
) -> Result<LandmarkPose, LandmarkError> {
    config.check()?;
    check::check(landmarks)?;
    let inlier_px = config.inlier_px_for(camera);
    let search = Search::new(camera, landmarks, inlier_px);
    let candidates = search.candidates(config);
    let mut candidates = candidates.iter();
    let best = candidates.next().ok_or(LandmarkError::NoPose { count: landmarks.len() })?;
    let pose = best.camera_from_world;
    let residuals = residuals(camera, landmarks, best);
    let (rms_px, rms_mm) = (rms(&residuals, |r| r.px), rms(&residuals, |r| r.mm));
    agree(&residuals, rms_px, inlier_px)?;

    let inliers: Vec<Landmark> = best.inliers.iter().map(|&at| landmarks[at]).collect();
    let reprojection = Reprojection::new(camera, &inliers);
    let alternative = candidates
        .map(|other| other.camera_from_world)
        .find(|other| turned_deg(&pose, other) > DISTINCT_DEG)
        .map(|other| AlternativePose {
            camera_from_world: other,
            turned_deg: turned_deg(&pose, &other),
            rms_px: reprojection.rms_px(&other),
        });
    Ok(LandmarkPose {
        camera_from_world: pose,
        pivot_world_mm: centroid_mm(&inliers),
        covariance_per_px2: determined(&reprojection, &pose)?,
        residuals,
        rms_px,
        rms_mm,
        inlier_px,
        alternative,
    })
}

fn residuals(camera: &Camera, landmarks: &[Landmark], best: &Candidate) -> Vec<LandmarkResidual> {
    let mm_per_px = camera.pixel_spacing_mm().map(|s| s / camera.source_to_detector_mm());
    let residual = |(at, landmark): (usize, &Landmark)| {
        let point_camera = best.camera_from_world.point(landmark.world_mm);
        let inlier = best.inliers.contains(&at);
        match camera.project(point_camera) {
            Some([u, v]) => {
                let (du, dv) = (u - landmark.image_px[0], v - landmark.image_px[1]);
                let mm = (du * mm_per_px[0]).hypot(dv * mm_per_px[1]) * point_camera.z;
                LandmarkResidual { px: du.hypot(dv), mm, inlier }
            }
            None => LandmarkResidual { px: f64::INFINITY, mm: f64::INFINITY, inlier },
        }
    };
    landmarks.iter().enumerate().map(residual).collect()
}

/// The root mean square over the inliers.
fn rms(residuals: &[LandmarkResidual], of: impl Fn(&LandmarkResidual) -> f64) -> f64 {
    let squares: Vec<f64> = residuals.iter().filter(|r| r.inlier).map(|r| of(r).powi(2)).collect();
    (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
}

/// An error unless enough landmarks agree on the pose.
fn agree(residuals: &[LandmarkResidual], rms_px: f64, inlier_px: f64) -> Result<(), LandmarkError> {
    let count = residuals.len();
    if count <= LARGEST_WITHOUT_CONSENSUS {
        return if rms_px <= inlier_px {
            Ok(())
        } else {
            Err(LandmarkError::Disagree { count, rms_px, inlier_px })
        };
    }
    let agreeing = residuals.iter().filter(|r| r.inlier).count();
    // Three points are met by every proposal and a fourth by chance.
    let needed = (count / 2 + 1).max(5);
    if agreeing >= needed {
        Ok(())
    } else {
        Err(LandmarkError::NoConsensus { agreeing, count, needed, inlier_px })
    }
}

/// Above this uncertainty the landmarks leave the rotation open (degrees for one pixel of noise).
const OPEN_DEG_PER_PX: f64 = 30.0;

/// Above this uncertainty they leave the depth open (part of it for one pixel of noise).
const OPEN_DEPTH_PER_PX: f64 = 0.3;

/// The covariance for one pixel of noise; an error if that is as good as no pose.
fn determined(
    reprojection: &Reprojection<'_>,
    pose: &RigidTransform,
) -> Result<Matrix6<f64>, LandmarkError> {
    let open = |rotation_deg_per_px, depth_mm_per_px| {
        Err(LandmarkError::Undetermined { rotation_deg_per_px, depth_mm_per_px })
    };
    let curvature = reprojection.curvature(pose);
    // In units of the diagonal, radians and millimetres weigh alike.
    let scale = curvature.diagonal().map(|d| 1.0 / d.sqrt());
    let scaled = Matrix6::from_fn(|r, c| curvature[(r, c)] * scale[r] * scale[c]);
    let Some(inverse) = scaled.cholesky().map(|factors| factors.inverse()) else {
        return open(f64::INFINITY, f64::INFINITY);
    };
    let covariance = Matrix6::from_fn(|r, c| inverse[(r, c)] * scale[r] * scale[c]);
    let rotation: Matrix3<f64> = covariance.fixed_view::<3, 3>(0, 0).into_owned();
    // The largest eigenvalue lies between a third of the trace and the trace.
    let rotation_deg = rotation.trace().sqrt().to_degrees();
    let depth_mm = covariance[(5, 5)].sqrt();
    let depth = pose.point(reprojection.centroid_world_mm()).z;
    if rotation_deg < OPEN_DEG_PER_PX && depth_mm < OPEN_DEPTH_PER_PX * depth {
        Ok(covariance)
    } else {
        open(rotation_deg, depth_mm)
    }
}

/// How one pose is turned against another (degrees).
fn turned_deg(a: &RigidTransform, b: &RigidTransform) -> f64 {
    log(&(a.rotation() * b.rotation().transpose())).norm().to_degrees()
}
