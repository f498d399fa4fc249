//! A start from landmarks: files in, a pose and what is to be said about it out.

use anyhow::{Context, Result, anyhow, ensure};
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::radiograph::ImageFlip;
use isocenter::register::LandmarkConfig;
use isocenter::register::landmarks::{
    Landmark, LandmarkError, LandmarkPose, LandmarkResidual, pose_from_landmarks,
};
use isocenter_io::points::{pair_points, read_image_points, read_points};
use serde::Serialize;

use crate::cli::LandmarkArgs;

/// A start from landmarks.
pub(crate) struct LandmarkStart {
    pub(crate) camera_from_world: RigidTransform,
    pub(crate) report: LandmarkReport,
    /// What the user should know.
    pub(crate) remarks: Vec<String>,
}

/// How well the landmarks fit their pose, the start; a part of `result.json`.
#[derive(Debug, Serialize)]
pub(crate) struct LandmarkReport {
    /// Root mean square over those that count.
    residual_px: f64,
    /// The same, at the landmarks' depth.
    residual_mm: f64,
    /// The largest residual of one that counts.
    inlier_px: f64,
    points: Vec<PointReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternative: Option<AlternativeReport>,
}

#[derive(Debug, Serialize)]
struct PointReport {
    label: String,
    /// `null` if the landmark would be behind the source; the same for mm.
    residual_px: f64,
    residual_mm: f64,
    counts: bool,
}

/// A second pose that the landmarks allow.
#[derive(Debug, Serialize)]
struct AlternativeReport {
    turned_deg: f64,
    residual_px: f64,
    is_ambiguous: bool,
}

impl LandmarkReport {
    fn new(found: &LandmarkPose, names: Vec<String>) -> Self {
        let point = |(label, r): (String, &LandmarkResidual)| PointReport {
            label,
            residual_px: r.px,
            residual_mm: r.mm,
            counts: r.inlier,
        };
        Self {
            residual_px: found.rms_px,
            residual_mm: found.rms_mm,
            inlier_px: found.inlier_px,
            points: names.into_iter().zip(&found.residuals).map(point).collect(),
            alternative: found.alternative.map(|other| AlternativeReport {
                turned_deg: other.turned_deg,
                residual_px: other.rms_px,
                is_ambiguous: found.is_ambiguous(),
            }),
        }
    }

    /// One line for the user.
    pub(crate) fn line(&self) -> String {
        let wrong: Vec<String> = self
            .points
            .iter()
            .filter(|point| !point.counts)
            .map(|p| format!("'{}' ({:.1} px, {:.1} mm)", p.label, p.residual_px, p.residual_mm))
            .collect();
        let count = self.points.len();
        let left_out = match &wrong[..] {
            [] => String::new(),
            wrong => format!("; left out: {}", wrong.join(", ")),
        };
        format!(
            "start from {} of {count} landmarks: residual {:.2} px, {:.2} mm at their depth (RMS){left_out}",
            count - wrong.len(),
            self.residual_px,
            self.residual_mm
        )
    }
}

/// Reads the landmarks and finds the pose that they give. Their positions are those in the image
/// as it is stored: they are flipped like it.
pub(crate) fn start(
    args: &LandmarkArgs,
    camera: &Camera,
    flip: ImageFlip,
    config: &LandmarkConfig,
) -> Result<Option<LandmarkStart>> {
    let (Some(patient), Some(image)) = (&args.landmarks_3d, &args.landmarks_2d) else {
        return Ok(None);
    };
    let both = || format!("{} and {}", patient.display(), image.display());
    let mut paired =
        pair_points(&read_points(patient)?, &read_image_points(image)?).with_context(both)?;
    let size_px = camera.size_px();
    for (landmark, name) in paired.landmarks.iter_mut().zip(&paired.names) {
        check_in_image(landmark, name, size_px).with_context(|| image.display().to_string())?;
        landmark.image_px = flip.position_px(landmark.image_px, size_px);
    }
    let (found, remark) = fit(camera, &paired.landmarks, flip, config).with_context(both)?;
    let depth_mm = found.camera_from_world.point(found.pivot_world_mm).z;
    ensure!(
        depth_mm < camera.source_to_detector_mm(),
        "{}: the landmarks come out behind the detector ({depth_mm:.0} mm from the source, the \
         detector at {:.0} mm): check the units of the points and the camera",
        both(),
        camera.source_to_detector_mm()
    );
    let mut remarks: Vec<String> = remark.into_iter().collect();
    if !paired.not_seen.is_empty() {
        let list = paired.not_seen.join("', '");
        remarks.push(format!("landmarks without a position in the X-ray, left out: '{list}'"));
    }
    if let Some(other) = found.alternative.filter(|_| found.is_ambiguous()) {
        remarks.push(format!(
            "the landmarks allow another pose, turned by {:.0} degrees ({:.1} px, against {:.1} px): \
             look at overlay.png; more landmarks at other depths decide",
            other.turned_deg, other.rms_px, found.rms_px
        ));
    }
    Ok(Some(LandmarkStart {
        camera_from_world: found.camera_from_world,
        report: LandmarkReport::new(&found, paired.names),
        remarks,
    }))
}

fn check_in_image(landmark: &Landmark, name: &str, size_px: [usize; 2]) -> Result<()> {
    let [u, v] = landmark.image_px;
    let [columns, rows] = size_px;
    let within = |c: f64, count: usize| c >= -0.5 && c <= count as f64 - 0.5;
    ensure!(
        within(u, columns) && within(v, rows),
        "landmark '{name}' at column {u}, row {v} is not in the image of {columns} x {rows} pixels: \
         give positions in pixels of this image, the first at (0, 0)"
    );
    Ok(())
}

/// The pose, and a remark if the mirrored image would fit better.
fn fit(
    camera: &Camera,
    landmarks: &[Landmark],
    flip: ImageFlip,
    config: &LandmarkConfig,
) -> Result<(LandmarkPose, Option<String>)> {
    let mirrored: Vec<Landmark> = landmarks
        .iter()
        .map(|l| Landmark {
            image_px: ImageFlip::Columns.position_px(l.image_px, camera.size_px()),
            ..*l
        })
        .collect();
    let mirrored = pose_from_landmarks(camera, &mirrored, config);
    let hint = |fit: &LandmarkPose| {
        format!(
            "in the mirrored image {} of them fit to {:.1} px: try --flip {}",
            fit.inliers(),
            fit.rms_px,
            mirror(flip)
        )
    };
    match (pose_from_landmarks(camera, landmarks, config), mirrored) {
        (Ok(found), Ok(other)) if fits_better(&other, &found) => {
            let remark = format!(
                "{} landmarks fit to {:.1} px; {}",
                found.inliers(),
                found.rms_px,
                hint(&other)
            );
            Ok((found, Some(remark)))
        }
        (Ok(found), _) => Ok((found, None)),
        (
            Err(error @ (LandmarkError::Disagree { .. } | LandmarkError::NoConsensus { .. })),
            Ok(other),
        ) => Err(anyhow!("{error}; {}", hint(&other))),
        (Err(error), _) => Err(error.into()),
    }
}

/// Whether one fit is so much better than another that chance can hardly be the reason.
fn fits_better(a: &LandmarkPose, b: &LandmarkPose) -> bool {
    let squares = |fit: &LandmarkPose| {
        let left_out = (fit.residuals.len() - fit.inliers()) as f64;
        fit.inliers() as f64 * fit.rms_px.powi(2) + left_out * fit.inlier_px.powi(2)
    };
    squares(b) - squares(a) > 9.0 * a.noise_px().max(1.0).powi(2)
}

/// The flip that also exchanges left and right.
fn mirror(flip: ImageFlip) -> ImageFlip {
    match flip {
        ImageFlip::None => ImageFlip::Columns,
        ImageFlip::Columns => ImageFlip::None,
        ImageFlip::Rows => ImageFlip::Both,
        ImageFlip::Both => ImageFlip::Rows,
    }
}
