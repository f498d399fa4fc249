//! What the program prints, and the files of a registration.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};
use isocenter::geometry::{PivotMotion, PixelRegion};
use isocenter::radiograph::{ImageFlip, PixelValues};
use isocenter::register::judge::{Evidence, Mistake};
use isocenter::register::{
    Judgement, PoseSpread, RegisterConfig, Registration, StageTime, Verdict,
};
use isocenter::volume::AttenuationMap;
use isocenter_io::atomic::write_file;
use isocenter_io::geometry::{write_pose, write_transform_tfm};
use isocenter_io::image::write_png_rgb8;
use isocenter_report::RgbImage;
use serde::Serialize;

use crate::commands::register::Outcome;
use crate::landmarks::LandmarkReport;
use crate::stages::Networks;

/// Prints a line on standard output.
pub(crate) fn say(line: &str) -> Result<()> {
    write_line(&visible(line))
}

/// A line as it is: names of files may hold line breaks, and what a terminal would obey.
fn visible(line: &str) -> String {
    line.replace(char::is_control, " ")
}

fn write_line(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output")
}

/// Prints a remark on standard error, where it disturbs no output that a program reads. Nobody is
/// left to tell if that is closed.
pub(crate) fn remark(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", visible(line));
}

/// Prints a value as JSON on standard output.
pub(crate) fn say_json(value: &impl Serialize) -> Result<()> {
    write_line(&serde_json::to_string_pretty(value)?)
}

/// Whether an error says no more than that the reader of our output has left.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |e: &std::io::Error| e.kind() == ErrorKind::BrokenPipe;
    error.downcast_ref::<std::io::Error>().is_some_and(closed)
}

/// `result.json`. Names of files are left out: they may name a patient.
#[derive(Debug, Serialize)]
pub(crate) struct ResultFile {
    /// Absent if the settings ask for no judgement.
    #[serde(flatten)]
    pub(crate) judgement: Option<JudgementFile>,
    pub(crate) similarity: f64,
    pub(crate) termination: isocenter::optimize::Termination,
    /// Wall-clock time from the first file read to the last stage finished.
    pub(crate) seconds: f64,
    /// Seconds of each part.
    pub(crate) timings: BTreeMap<String, f64>,
    pub(crate) pivot_world_mm: [f64; 3],
    /// One for each X-ray.
    pub(crate) image_flip: Vec<ImageFlip>,
    /// One for each X-ray: the region of the flipped image, `null` where all of it is compared.
    #[serde(skip_serializing_if = "all_none")]
    pub(crate) image_region: Vec<Option<PixelRegion>>,
    /// One for each X-ray.
    pub(crate) xray_values: Vec<PixelValues>,
    /// Where the truth is known.
    #[serde(flatten)]
    pub(crate) errors: Option<ErrorsFile>,
    /// One for each named target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_tre_mm_at_targets: Option<Vec<f64>>,
    /// One for each named target: 95 of 100 registrations stay below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_bound_95_mm_at_targets: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landmarks: Option<LandmarkReport>,
    /// What the user should know.
    pub(crate) remarks: Vec<String>,
    pub(crate) versions: Versions,
    pub(crate) config: ResultConfig,
}

fn all_none<T>(values: &[Option<T>]) -> bool {
    values.iter().all(Option::is_none)
}

impl ResultFile {
    /// The verdict in a word.
    pub(crate) fn verdict(&self) -> String {
        self.judgement.as_ref().map_or("unjudged".to_owned(), |j| j.verdict.to_string())
    }
}

/// How sure a registration is; a part of `result.json`.
#[derive(Debug, Serialize)]
pub(crate) struct JudgementFile {
    pub(crate) verdict: Verdict,
    pub(crate) probability_within_2mm: f64,
    pub(crate) expected_tre_mm: f64,
    /// The mean over the targets that 95 of 100 registrations stay below.
    pub(crate) error_bound_95_mm: f64,
    /// The same across the rays, depth left out.
    pub(crate) error_bound_95_across_ray_mm: f64,
    /// Of a motion (omega xyz (rad), tau xyz (mm)) about the pivot, camera axes.
    pub(crate) covariance: [[f64; 6]; 6],
    pub(crate) evidence: Evidence,
    /// What speaks against the pose.
    pub(crate) reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mistake: Option<Mistake>,
}

impl JudgementFile {
    pub(crate) fn new(judgement: &Judgement) -> Self {
        let row = |r: usize| std::array::from_fn(|c| judgement.covariance[(r, c)]);
        Self {
            verdict: judgement.verdict,
            probability_within_2mm: judgement.probability_within_2mm,
            expected_tre_mm: judgement.expected_tre_mm,
            error_bound_95_mm: judgement.error_bound_95_mm,
            error_bound_95_across_ray_mm: judgement.error_bound_95_across_ray_mm,
            covariance: std::array::from_fn(row),
            evidence: judgement.evidence,
            reasons: judgement.reasons(),
            mistake: judgement.mistake,
        }
    }

    /// For the user.
    pub(crate) fn lines(&self) -> Vec<String> {
        let what_to_do = match self.verdict {
            Verdict::Good => "",
            Verdict::Doubtful => ": look at report.html before you rely on it",
            Verdict::Failed => ": do not use this pose; give --view or --init, or another --prior",
        };
        let mut lines = vec![format!(
            "verdict: {}, {:.0} % within 2 mm, error below {:.1} mm with 95 % ({:.1} mm across the ray){what_to_do}",
            self.verdict,
            100.0 * self.probability_within_2mm,
            self.error_bound_95_mm,
            self.error_bound_95_across_ray_mm
        )];
        lines.extend(self.reasons.iter().map(|reason| format!("  {reason}")));
        lines
    }
}

/// Errors where the truth is known; a part of `result.json`.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorsFile {
    pub(crate) start_mtre_mm: f64,
    pub(crate) mtre_mm: f64,
    pub(crate) mtre_across_ray_mm: f64,
    pub(crate) mean_projection_distance_px: f64,
    pub(crate) mean_projection_distance_mm: f64,
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
    pub(crate) networks: Networks,
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

/// Writes `pose.json`, `pose.tfm`, `result.json`, `trace.csv`, `report.html`, and `overlay.png` of the
/// first X-ray, `overlay-2.png` of the second.
pub(crate) fn write_registration(folder: &Path, outcome: &Outcome) -> Result<()> {
    let Outcome { found, result, overlays, report } = outcome;
    write_pose(folder.join("pose.json"), &found.camera_from_world)?;
    write_transform_tfm(folder.join("pose.tfm"), &found.camera_from_world)?;
    let json = serde_json::to_string_pretty(result)?;
    write_file(folder.join("result.json"), |out| writeln!(out, "{json}"))?;
    write_file(folder.join("trace.csv"), |out| write_trace(out, found))?;
    write_file(folder.join("report.html"), |out| out.write_all(report.as_bytes()))?;
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
         omega_x_deg,omega_y_deg,omega_z_deg,tau_x_mm,tau_y_mm,tau_z_mm,\
         global_score,global_gate,local_score,local_gate"
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
        // Only a network has branches.
        let branches = row.branches.map_or_else(
            || ",,,".to_owned(),
            |b| {
                let (global, local) = (b.global_score, b.local_score);
                format!("{global:.6},{:.6},{local:.6},{:.6}", b.global_gate, b.local_gate)
            },
        );
        writeln!(
            out,
            "{},{},{},{},{:.8},{},{:.3e},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6},{:.6},{branches}",
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
