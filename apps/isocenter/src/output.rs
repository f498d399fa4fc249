//! What the program prints, and the files of a registration.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};
use isocenter::geometry::PivotMotion;
use isocenter::radiograph::{ImageFlip, PixelValues};
use isocenter::register::{PoseSpread, RegisterConfig, Registration, StageTime};
use isocenter::volume::AttenuationMap;
use isocenter_io::atomic::write_file;
use isocenter_io::geometry::{write_pose, write_transform_tfm};
use isocenter_io::image::write_png_rgb8;
use isocenter_report::RgbImage;
use serde::Serialize;

use crate::landmarks::LandmarkReport;

/// Prints a line on standard output.
pub(crate) fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output")
}

/// Prints a value as JSON on standard output.
pub(crate) fn say_json(value: &impl Serialize) -> Result<()> {
    say(&serde_json::to_string_pretty(value)?)
}

/// Whether an error says no more than that the reader of our output has left.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |e: &std::io::Error| e.kind() == ErrorKind::BrokenPipe;
    error.downcast_ref::<std::io::Error>().is_some_and(closed)
}

/// `result.json`. Names of files are left out: they may name a patient.
#[derive(Debug, Serialize)]
pub(crate) struct ResultFile {
    /// `unjudged` until the judge is built.
    pub(crate) verdict: &'static str,
    pub(crate) similarity: f64,
    pub(crate) termination: isocenter::optimize::Termination,
    /// Wall-clock time from the first file read to the last stage finished.
    pub(crate) seconds: f64,
    /// Seconds of each part.
    pub(crate) timings: BTreeMap<String, f64>,
    pub(crate) pivot_world_mm: [f64; 3],
    /// One for each X-ray.
    pub(crate) image_flip: Vec<ImageFlip>,
    /// One for each X-ray.
    pub(crate) xray_values: Vec<PixelValues>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_mtre_mm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mtre_mm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mtre_across_ray_mm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean_projection_distance_px: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean_projection_distance_mm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landmarks: Option<LandmarkReport>,
    /// What the user should know.
    pub(crate) remarks: Vec<String>,
    pub(crate) versions: Versions,
    pub(crate) config: ResultConfig,
}

/// Which program it was.
#[derive(Debug, Serialize)]
pub(crate) struct Versions {
    pub(crate) isocenter: &'static str,
}

/// The settings that led to a result.
#[derive(Debug, Serialize)]
pub(crate) struct ResultConfig {
    pub(crate) attenuation: AttenuationMap,
    pub(crate) mask_labels: Option<Vec<u16>>,
    pub(crate) prior: PoseSpread,
    #[serde(flatten)]
    pub(crate) registration: RegisterConfig,
}

/// Seconds of each stage, by name and level.
pub(crate) fn stage_timings(found: &Registration) -> BTreeMap<String, f64> {
    let name = |t: &StageTime| format!("{}_{}px", t.stage, t.longest_side_px);
    let mut timings = BTreeMap::new();
    for stage in &found.timings {
        // Two levels may have images of one size.
        *timings.entry(name(stage)).or_default() += stage.seconds;
    }
    timings
}

/// Writes `pose.json`, `pose.tfm`, `result.json`, `trace.csv`, and `overlay.png` of the first X-ray,
/// `overlay-2.png` of the second.
pub(crate) fn write_registration(
    folder: &Path,
    found: &Registration,
    result: &ResultFile,
    overlays: &[RgbImage],
) -> Result<()> {
    write_pose(folder.join("pose.json"), &found.camera_from_world)?;
    write_transform_tfm(folder.join("pose.tfm"), &found.camera_from_world)?;
    let json = serde_json::to_string_pretty(result)?;
    write_file(folder.join("result.json"), |out| writeln!(out, "{json}"))?;
    write_file(folder.join("trace.csv"), |out| write_trace(out, found))?;
    for (n, overlay) in overlays.iter().enumerate() {
        let name = if n == 0 { "overlay.png".to_owned() } else { format!("overlay-{}.png", n + 1) };
        write_picture(&folder.join(name), overlay)?;
    }
    Ok(())
}

/// Writes a picture as PNG.
pub(crate) fn write_picture(path: &Path, picture: &RgbImage) -> Result<()> {
    Ok(write_png_rgb8(path, picture.size_px(), picture.pixels())?)
}

/// One line per evaluation; poses as motions from the result, about the pivot, in camera axes.
fn write_trace(out: &mut dyn Write, found: &Registration) -> std::io::Result<()> {
    writeln!(
        out,
        "stage,longest_side_px,candidate,iteration,similarity,accepted,damping,step_deg,step_mm,\
         omega_x_deg,omega_y_deg,omega_z_deg,tau_x_mm,tau_y_mm,tau_z_mm"
    )?;
    for row in &found.trace {
        let i = &row.iteration;
        let offset = PivotMotion::between(
            &found.camera_from_world,
            &i.camera_from_world,
            found.pivot_world_mm,
        );
        let omega = offset.omega_rad.map(f64::to_degrees);
        let tau = offset.tau_mm;
        writeln!(
            out,
            "{},{},{},{},{:.8},{},{:.3e},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6}",
            row.stage,
            row.longest_side_px,
            row.candidate,
            i.number,
            i.similarity,
            i.accepted,
            i.damping,
            i.step_deg,
            i.step_mm,
            omega.x,
            omega.y,
            omega.z,
            tau.x,
            tau.y,
            tau.z
        )?;
    }
    Ok(())
}
