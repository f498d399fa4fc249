//! `isocenter register`: from a CT, an X-ray, its camera and a start to a pose.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::radiograph::{Image, ImageFlip, PixelValues};
use isocenter::register::{Case, Compares, RegisterConfig, RegisterError, Registration, register};
use isocenter::volume::AttenuationMap;
use isocenter_io::atomic::OutputFolder;
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_report::{RgbImage, overlay_before_after};

use crate::cli::RegisterArgs;
use crate::input::{self, Ct, TargetSource};
use crate::landmarks::{self, LandmarkReport};
use crate::output::{
    ResultConfig, ResultFile, Versions, say, say_json, stage_timings, write_registration,
};
use crate::progress::Progress;

/// Everything a registration starts from.
pub(crate) struct Task {
    pub(crate) ct: Ct,
    pub(crate) camera: Camera,
    /// Line integrals, as seen from the source.
    pub(crate) xray: Image,
    pub(crate) xray_values: PixelValues,
    pub(crate) image_flip: ImageFlip,
    pub(crate) start: RigidTransform,
    /// What start and X-ray are called in messages.
    pub(crate) start_name: String,
    pub(crate) xray_name: String,
    /// The true pose and where to measure, where they are known.
    pub(crate) truth: Option<(RigidTransform, Targets)>,
    pub(crate) config: RegisterConfig,
    pub(crate) attenuation: AttenuationMap,
    pub(crate) mask_labels: Option<Vec<u16>>,
    pub(crate) remarks: Vec<String>,
    /// How well the landmarks fit the start, where it comes from some.
    pub(crate) landmarks: Option<LandmarkReport>,
}

/// What comes out of it.
pub(crate) struct Outcome {
    pub(crate) found: Registration,
    pub(crate) result: ResultFile,
    pub(crate) overlay: RgbImage,
}

pub(crate) fn run(args: &RegisterArgs) -> Result<()> {
    let begun = Instant::now();
    let progress = Progress::new("reading");
    args.view.check()?;
    // The small files first: what is wrong with them need not wait for the CT.
    let masked = args.ct.mask.is_some();
    let config = input::config(args.config.as_deref(), masked)?;
    let usual = if masked { AttenuationMap::OF_STRUCTURE } else { AttenuationMap::default() };
    let attenuation = args.ct.attenuation.unwrap_or(usual);
    let camera = read_camera(&args.camera)?;
    let init = args.init.as_ref().map(read_pose).transpose()?;
    let truth = args.truth.as_ref().map(read_pose).transpose()?;
    let (xray, xray_values) = input::xray(&args.xray, args.xray_values, args.flip)?;
    check_size(&args.xray, &args.camera, &xray, &camera)?;
    let landmarks = landmarks::start(&args.landmarks, &camera, args.flip, &config.landmarks)?;
    let folder = OutputFolder::create(&args.out)?;
    let wanted = match truth {
        Some(_) => TargetSource::Wanted(args.targets.as_deref()),
        None => TargetSource::None,
    };
    let (ct, targets) = input::ct(&args.ct, &attenuation, &wanted)?;
    let (start, remarks, landmarks) = match (init, landmarks) {
        (Some(pose), _) => (pose, Vec::new(), None),
        (None, Some(start)) => (start.camera_from_world, start.remarks, Some(start.report)),
        (None, None) => {
            let (pose, remark) = input::view_pose(&args.view, &camera, ct.pivot_world_mm)?;
            (pose, remark.into_iter().collect(), None)
        }
    };
    let task = Task {
        ct,
        camera,
        xray,
        xray_values,
        image_flip: args.flip,
        start,
        start_name: input::pose_name(
            args.init.as_deref().or(args.landmarks.landmarks_3d.as_deref()),
            &args.view,
        ),
        xray_name: args.xray.display().to_string(),
        truth: truth.zip(targets),
        config,
        attenuation,
        mask_labels: args.ct.mask.as_ref().map(|mask| mask.ids.clone()),
        remarks,
        landmarks,
    };
    let outcome = perform(task, begun, &progress)?;
    write_registration(folder.path(), &outcome.found, &outcome.result, &outcome.overlay)?;
    folder.commit()?;
    drop(progress);
    if args.json {
        return say_json(&outcome.result);
    }
    summarize(&outcome.result, &args.out)
}

/// An X-ray that is not the camera's is found out before the CT is read.
fn check_size(xray_path: &Path, camera_path: &Path, xray: &Image, camera: &Camera) -> Result<()> {
    let ([columns, rows], [camera_columns, camera_rows]) = (xray.size_px(), camera.size_px());
    anyhow::ensure!(
        xray.size_px() == camera.size_px(),
        "{}: the image has {columns} x {rows} pixels, {} says {camera_columns} x {camera_rows}: \
         use the camera of this image, or correct size_px",
        xray_path.display(),
        camera_path.display()
    );
    Ok(())
}

/// Registers, measures and draws.
pub(crate) fn perform(task: Task, begun: Instant, progress: &Progress) -> Result<Outcome> {
    let reading_s = begun.elapsed().as_secs_f64();
    let Task { ct, camera, xray, start, config, .. } = task;
    // With a mask the CT shows less than the X-ray.
    let compares = match &task.mask_labels {
        Some(_) => Compares::NearShadow,
        None => Compares::Everywhere,
    };
    let case = Case::new(ct.volume, camera, xray, ct.pivot_world_mm)?.comparing(compares);
    let found =
        register(&case, &start, &config, &mut |event| progress.follow(event)).map_err(|error| {
            match &error {
                RegisterError::Similarity(_) => anyhow!(error).context(task.xray_name.clone()),
                _ => anyhow!(error).context(task.start_name.clone()),
            }
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
        image_flip: task.image_flip,
        xray_values: task.xray_values,
        start_mtre_mm: None,
        mtre_mm: None,
        mtre_across_ray_mm: None,
        mean_projection_distance_px: None,
        mean_projection_distance_mm: None,
        landmarks: task.landmarks,
        remarks: task.remarks,
        versions: Versions { isocenter: env!("CARGO_PKG_VERSION") },
        config: ResultConfig {
            attenuation: task.attenuation,
            mask_labels: task.mask_labels,
            registration: config,
        },
    };
    if let Some((truth, targets)) = &task.truth {
        let errors = targets.errors(case.camera(), truth, &found.camera_from_world);
        result.start_mtre_mm = Some(targets.mtre_mm(truth, &start));
        result.mtre_mm = Some(errors.mtre_mm);
        result.mtre_across_ray_mm = Some(errors.mtre_across_ray_mm);
        result.mean_projection_distance_px = Some(errors.projection_px);
        result.mean_projection_distance_mm = Some(errors.projection_mm);
    }
    let render = |pose| case.projector().forward(case.camera(), pose);
    let before = render(&start).context("drawing the start")?;
    let after = render(&found.camera_from_world).context("drawing the result")?;
    let overlay = overlay_before_after(
        case.xray(),
        &before,
        &after,
        task.image_flip,
        Some(&caption(&result)),
    )?;
    Ok(Outcome { found, result, overlay })
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
