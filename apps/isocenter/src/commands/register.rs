//! `isocenter register`: from a CT, an X-ray, its camera and a start to a pose.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use isocenter::evaluate::Targets;
use isocenter::evaluate::targets::SEEDED_TARGETS;
use isocenter::geometry::RigidTransform;
use isocenter::project::Projector;
use isocenter::register::{
    Case, Compares, Event, FeatureMaps, Prior, RegisterConfig, RegisterError, Registration,
    StageRegistry, Verdict, landscape, register_by,
};
use isocenter::volume::AttenuationMap;
use isocenter_io::atomic::OutputFolder;
use isocenter_io::geometry::read_pose;
use isocenter_report::RgbImage;

use crate::cli::RegisterArgs;
use crate::drawing::Drawing;
use crate::input::{self, Ct, TargetSource};
use crate::output::{
    ErrorsFile, JudgementFile, ResultConfig, ResultFile, Versions, say, say_json, stage_timings,
    write_registration,
};
use crate::prior::{Known, PriorReader};
use crate::progress::Progress;
use crate::stages::{Networks, Stages, stages, with_networks};
use crate::xrays::{ReadXray, read_xrays};

/// How a registration ended.
pub(crate) enum Done {
    /// With a result that may be right.
    Well,
    /// With a result that was judged to be wrong.
    JudgedFailed,
}

/// Everything a registration starts from.
pub(crate) struct Task {
    pub(crate) ct: Ct,
    pub(crate) xrays: Vec<ReadXray>,
    pub(crate) known: Known,
    /// The true pose, where it is known.
    pub(crate) truth: Option<RigidTransform>,
    /// Where to measure errors and to expect them.
    pub(crate) targets: Option<Targets>,
    pub(crate) config: RegisterConfig,
    pub(crate) attenuation: AttenuationMap,
    pub(crate) mask_labels: Option<Vec<u16>>,
    /// What the settings' stages are made by.
    pub(crate) registry: StageRegistry,
    /// The networks among them.
    pub(crate) networks: Networks,
}

/// What comes out of it.
pub(crate) struct Outcome {
    pub(crate) found: Registration,
    pub(crate) result: ResultFile,
    /// One for each X-ray.
    pub(crate) overlays: Vec<RgbImage>,
    /// The page that shows it.
    pub(crate) report: String,
}

/// Registers; says whether the result was judged to be wrong.
pub(crate) fn run(args: &RegisterArgs) -> Result<Done> {
    let begun = Instant::now();
    let progress = Progress::new("reading");
    args.start.view.check()?;
    // The small files first: what is wrong with them need not wait for the CT.
    let masked = args.ct.mask.is_some();
    let Stages { registry, networks } = stages(&args.networks)?;
    let mut config = input::config(args.config.as_deref(), masked, &registry)?;
    with_networks(&mut config, &networks);
    let usual = if masked { AttenuationMap::OF_STRUCTURE } else { AttenuationMap::default() };
    let attenuation = args.ct.attenuation.unwrap_or(usual);
    let xrays = read_xrays(&args.xrays, &config.prepare)?;
    let truth = args.truth.as_ref().map(read_pose).transpose()?;
    let prior = PriorReader::new(&args.start, &xrays, &config.landmarks)?;
    let folder = OutputFolder::create(&args.out)?;
    let wanted = match (truth, &args.targets) {
        (None, None) => TargetSource::None,
        (_, targets) => TargetSource::Wanted(targets.as_deref()),
    };
    let (ct, targets) = input::ct(&args.ct, &attenuation, &wanted)?;
    let known = prior.about(ct.pivot_world_mm)?;
    let task = Task {
        ct,
        xrays,
        known,
        truth,
        targets,
        config,
        attenuation,
        mask_labels: args.ct.mask.as_ref().map(|mask| mask.ids.clone()),
        registry,
        networks,
    };
    let outcome = perform(task, begun, &progress)?;
    write_registration(folder.path(), &outcome)?;
    folder.commit()?;
    drop(progress);
    if args.json {
        say_json(&outcome.result)?;
    } else {
        summarize(&outcome.result, &args.out)?;
    }
    Ok(match outcome.found.judgement.map(|judgement| judgement.verdict) {
        Some(Verdict::Failed) => Done::JudgedFailed,
        _ => Done::Well,
    })
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
    let mut maps: Vec<FeatureMaps> = Vec::new();
    let mut observe = |event: &Event<'_>| {
        progress.follow(event);
        if let Event::Features(seen) = event {
            maps = seen.to_vec();
        }
    };
    let found = register_by(&task.registry, &case, &known.prior, &config, &mut observe).map_err(
        |error| match &error {
            RegisterError::Similarity(_) => anyhow!(error).context(names.join(", ")),
            _ => anyhow!(error).context(known.name.clone()),
        },
    )?;
    let seconds = begun.elapsed().as_secs_f64();

    progress.doing("drawing");
    let mut timings = stage_timings(&found);
    timings.insert("reading".to_owned(), reading_s);
    let mut remarks: Vec<String> = ct.remarks;
    remarks.extend(xrays.iter().flat_map(|xray| xray.remarks.clone()));
    remarks.extend(known.remarks);
    let mut result = ResultFile {
        judgement: found.judgement.as_ref().map(JudgementFile::new),
        similarity: found.similarity,
        termination: found.termination,
        seconds,
        timings,
        pivot_world_mm: found.pivot_world_mm.into(),
        image_flip: xrays.iter().map(|xray| xray.flip).collect(),
        image_region: xrays.iter().map(|xray| xray.region).collect(),
        xray_values: xrays.iter().map(|xray| xray.values).collect(),
        errors: None,
        expected_tre_mm_at_targets: None,
        error_bound_95_mm_at_targets: None,
        landmarks: known.landmarks,
        remarks,
        versions: Versions { isocenter: env!("CARGO_PKG_VERSION") },
        config: ResultConfig {
            attenuation: task.attenuation,
            mask_labels: task.mask_labels,
            prior: spread,
            networks: task.networks,
            registration: config,
        },
    };
    if let (Some(judgement), Some(targets)) = (&found.judgement, &task.targets) {
        let at = |&point: &nalgebra::Vector3<f64>| {
            judgement.expected_tre_mm_at(point, &found.camera_from_world, found.pivot_world_mm)
        };
        // Targets that are drawn in bone would be a long list of no meaning.
        let named = targets.points_world_mm().len() < SEEDED_TARGETS;
        result.expected_tre_mm_at_targets =
            named.then(|| targets.points_world_mm().iter().map(at).collect());
        result.error_bound_95_mm_at_targets = named.then(|| {
            let pose = &found.camera_from_world;
            judgement.error_bounds_95_mm_at(targets.points_world_mm(), pose, found.pivot_world_mm)
        });
    }
    if let (Some(truth), Some(targets)) = (&task.truth, &task.targets) {
        let errors = targets.errors(case.first_xray().camera(), truth, &found.camera_from_world);
        result.errors = Some(ErrorsFile {
            start_mtre_mm: targets.mtre_mm(truth, &start),
            mtre_mm: errors.mtre_mm,
            mtre_across_ray_mm: errors.mtre_across_ray_mm,
            mean_projection_distance_px: errors.projection_px,
            mean_projection_distance_mm: errors.projection_mm,
        });
    }
    let drawn = Drawing::new(&case, &xrays, &start, &found)?;
    let overlays = drawn.overlays(&caption(&result))?;
    let report = drawn.report(
        &result,
        &found,
        &landscape(&case, &found.camera_from_world, &result.config.registration)?,
        &maps,
    )?;
    Ok(Outcome { found, result, overlays, report })
}

/// The line below the picture.
fn caption(result: &ResultFile) -> String {
    let verdict = result.verdict();
    match &result.errors {
        Some(e) => format!("{verdict}, mTRE {:.1} mm -> {:.2} mm", e.start_mtre_mm, e.mtre_mm),
        None => format!("{verdict}, similarity {:.4}", result.similarity),
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
    if let Some(errors) = &result.errors {
        say(&format!(
            "mTRE at the targets: {:.2} mm at the start, {:.3} mm now",
            errors.start_mtre_mm, errors.mtre_mm
        ))?;
    }
    match &result.judgement {
        None => say("verdict: unjudged (the settings ask for none): look at overlay.png")?,
        Some(judgement) => judgement.lines().iter().try_for_each(|line| say(line))?,
    }
    say(&format!(
        "written to {}: report.html, overlay.png, pose.json, pose.tfm, result.json, trace.csv",
        folder.display()
    ))
}
