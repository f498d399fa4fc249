//! `isocenter register`: from a CT, an X-ray, its camera and a start to a pose.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use isocenter::evaluate::Targets;
use isocenter::geometry::RigidTransform;
use isocenter::project::Projector;
use isocenter::radiograph::{ImageFlip, PixelValues};
use isocenter::register::{
    Case, Compares, Prior, RegisterConfig, RegisterError, Registration, Xray, register,
};
use isocenter::volume::AttenuationMap;
use isocenter_io::atomic::OutputFolder;
use isocenter_io::geometry::read_pose;
use isocenter_report::{RgbImage, overlay_before_after};

use crate::cli::RegisterArgs;
use crate::input::{self, Ct, TargetSource};
use crate::output::{
    ResultConfig, ResultFile, Versions, say, say_json, stage_timings, write_registration,
};
use crate::prior::{Known, PriorReader};
use crate::progress::Progress;
use crate::xrays::read_xrays;

/// An X-ray, and what was done to read it.
pub(crate) struct ReadXray {
    pub(crate) xray: Xray,
    pub(crate) values: PixelValues,
    pub(crate) flip: ImageFlip,
    /// What it is called in messages.
    pub(crate) name: String,
}

/// Everything a registration starts from.
pub(crate) struct Task {
    pub(crate) ct: Ct,
    pub(crate) xrays: Vec<ReadXray>,
    pub(crate) known: Known,
    /// The true pose and where to measure, where they are known.
    pub(crate) truth: Option<(RigidTransform, Targets)>,
    pub(crate) config: RegisterConfig,
    pub(crate) attenuation: AttenuationMap,
    pub(crate) mask_labels: Option<Vec<u16>>,
}

/// What comes out of it.
pub(crate) struct Outcome {
    pub(crate) found: Registration,
    pub(crate) result: ResultFile,
    /// One for each X-ray.
    pub(crate) overlays: Vec<RgbImage>,
}

pub(crate) fn run(args: &RegisterArgs) -> Result<()> {
    let begun = Instant::now();
    let progress = Progress::new("reading");
    args.start.view.check()?;
    // The small files first: what is wrong with them need not wait for the CT.
    let masked = args.ct.mask.is_some();
    let config = input::config(args.config.as_deref(), masked)?;
    let usual = if masked { AttenuationMap::OF_STRUCTURE } else { AttenuationMap::default() };
    let attenuation = args.ct.attenuation.unwrap_or(usual);
    let xrays = read_xrays(&args.xrays)?;
    let truth = args.truth.as_ref().map(read_pose).transpose()?;
    let prior = PriorReader::new(&args.start, &xrays, &config.landmarks)?;
    let folder = OutputFolder::create(&args.out)?;
    let wanted = match truth {
        Some(_) => TargetSource::Wanted(args.targets.as_deref()),
        None => TargetSource::None,
    };
    let (ct, targets) = input::ct(&args.ct, &attenuation, &wanted)?;
    let known = prior.about(ct.pivot_world_mm)?;
    let task = Task {
        ct,
        xrays,
        known,
        truth: truth.zip(targets),
        config,
        attenuation,
        mask_labels: args.ct.mask.as_ref().map(|mask| mask.ids.clone()),
    };
    let outcome = perform(task, begun, &progress)?;
    write_registration(folder.path(), &outcome.found, &outcome.result, &outcome.overlays)?;
    folder.commit()?;
    drop(progress);
    if args.json {
        return say_json(&outcome.result);
    }
    summarize(&outcome.result, &args.out)
}

/// Registers, measures and draws.
pub(crate) fn perform(task: Task, begun: Instant, progress: &Progress) -> Result<Outcome> {
    let reading_s = begun.elapsed().as_secs_f64();
    let Task { ct, xrays, known, config, .. } = task;
    let Prior { center_camera_from_world: start, spread } = known.prior;
    // With a mask the CT shows less than the X-ray.
    let compares = match &task.mask_labels {
        Some(_) => Compares::NearShadow,
        None => Compares::Everywhere,
    };
    let names: Vec<&str> = xrays.iter().map(|xray| &*xray.name).collect();
    let case_xrays = xrays.iter().map(|read| read.xray.clone()).collect();
    let case = Case::of_xrays(Projector::new(ct.volume), case_xrays, ct.pivot_world_mm)
        .with_context(|| names.join(", "))?
        .comparing(compares);
    let found = register(&case, &known.prior, &config, &mut |event| progress.follow(event))
        .map_err(|error| match &error {
            RegisterError::Similarity(_) => anyhow!(error).context(names.join(", ")),
            _ => anyhow!(error).context(known.name.clone()),
        })?;
    let seconds = begun.elapsed().as_secs_f64();

    progress.doing("drawing");
    let mut timings = stage_timings(&found);
    timings.insert("reading".to_owned(), reading_s);
    let mut result = ResultFile {
        verdict: "unjudged",
        similarity: found.similarity,
        termination: found.termination,
        seconds,
        timings,
        pivot_world_mm: found.pivot_world_mm.into(),
        image_flip: xrays.iter().map(|xray| xray.flip).collect(),
        xray_values: xrays.iter().map(|xray| xray.values).collect(),
        start_mtre_mm: None,
        mtre_mm: None,
        mtre_across_ray_mm: None,
        mean_projection_distance_px: None,
        mean_projection_distance_mm: None,
        landmarks: known.landmarks,
        remarks: known.remarks,
        versions: Versions { isocenter: env!("CARGO_PKG_VERSION") },
        config: ResultConfig {
            attenuation: task.attenuation,
            mask_labels: task.mask_labels,
            prior: spread,
            registration: config,
        },
    };
    if let Some((truth, targets)) = &task.truth {
        let camera = case.first_xray().camera();
        let errors = targets.errors(camera, truth, &found.camera_from_world);
        result.start_mtre_mm = Some(targets.mtre_mm(truth, &start));
        result.mtre_mm = Some(errors.mtre_mm);
        result.mtre_across_ray_mm = Some(errors.mtre_across_ray_mm);
        result.mean_projection_distance_px = Some(errors.projection_px);
        result.mean_projection_distance_mm = Some(errors.projection_mm);
    }
    let caption = caption(&result);
    let overlay = |read: &ReadXray| -> Result<RgbImage> {
        let camera = read.xray.camera();
        let render = |pose| case.projector().forward(camera, &camera.camera_from_world(pose));
        let before = render(&start).context("drawing the start")?;
        let after = render(&found.camera_from_world).context("drawing the result")?;
        let xray = read.xray.line_integral();
        Ok(overlay_before_after(xray, &before, &after, read.flip, Some(&caption))?)
    };
    let overlays = xrays.iter().map(overlay).collect::<Result<_>>()?;
    Ok(Outcome { found, result, overlays })
}

/// The line below the picture.
fn caption(result: &ResultFile) -> String {
    match (result.start_mtre_mm, result.mtre_mm) {
        (Some(before), Some(after)) => format!("mTRE {before:.1} mm -> {after:.2} mm"),
        _ => format!("similarity {:.4}, verdict {}", result.similarity, result.verdict),
    }
}

/// What a user wants to know at once.
pub(crate) fn summarize(result: &ResultFile, folder: &Path) -> Result<()> {
    for remark in &result.remarks {
        say(remark)?;
    }
    if let Some(landmarks) = &result.landmarks {
        say(&landmarks.line())?;
    }
    say(&format!(
        "registered in {:.2} s: similarity {:.4}, {}",
        result.seconds, result.similarity, result.termination
    ))?;
    if let (Some(before), Some(after)) = (result.start_mtre_mm, result.mtre_mm) {
        say(&format!("mTRE at the targets: {before:.2} mm at the start, {after:.3} mm now"))?;
    }
    say(&format!(
        "verdict: {} (no judge is built yet: look at overlay.png before you trust the pose)",
        result.verdict
    ))?;
    say(&format!(
        "written to {}: pose.json, pose.tfm, result.json, trace.csv, overlay.png",
        folder.display()
    ))
}
