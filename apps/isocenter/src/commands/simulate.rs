//! `isocenter simulate`: an X-ray of a CT, as an X-ray machine would show it.

use anyhow::{Context, Result, bail, ensure};
use isocenter::project::ReferenceProjector;
use isocenter::radiograph::PixelValues;
use isocenter::radiograph::simulation::{
    Aperture, Drawn, MaterialVolumes, SimulationConfig, ToolKind, simulate,
};
use isocenter_io::atomic::write_file;
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::{check_output, write_intensity8, write_line_integral};
use serde::Serialize;

use crate::cli::{Preset, SimulateArgs};
use crate::input::{
    HounsfieldCt, TargetSource, hounsfield, keep_input, pose_name, toml_file, view_pose,
};
use crate::output::{Versions, say};
use crate::progress::Progress;

/// What `--drawn` holds.
#[derive(Serialize)]
struct DrawnFile<'a> {
    drawn: &'a Drawn,
    config: &'a SimulationConfig,
    versions: Versions,
}

pub(crate) fn run(args: &SimulateArgs) -> Result<()> {
    let scene = &args.scene;
    scene.view.check()?;
    check_outputs(args)?;
    let progress = Progress::new("reading");
    let config = config(&args.preset)?;
    let camera = read_camera(&scene.camera)?;
    let pose = scene.pose.as_ref().map(read_pose).transpose()?;
    let (HounsfieldCt { volume, pivot_world_mm, remarks }, _) =
        hounsfield(&scene.ct, &TargetSource::None)?;
    let map = scene.ct.attenuation.unwrap_or_default();
    let volumes = MaterialVolumes::from_hounsfield(volume, &map, config.beam_hardening.as_ref())
        .with_context(|| scene.ct.ct.display().to_string())?;
    let (pose, remark) = match pose {
        Some(pose) => (pose, None),
        None => view_pose(&scene.view, &camera, pivot_world_mm)?,
    };
    progress.doing("rendering");
    let named = || pose_name(scene.pose.as_deref(), &scene.view);
    let images = volumes
        .render(|volume| ReferenceProjector::new(volume).forward(&camera, &pose))
        .with_context(named)?;
    progress.doing("taking the X-ray");
    let depth_mm = pose.point(pivot_world_mm).z;
    let xray = simulate(&images, &camera, depth_mm, &config, args.seed).with_context(named)?;

    if let Some(path) = &args.drawn {
        let versions = Versions { isocenter: env!("CARGO_PKG_VERSION") };
        let file = DrawnFile { drawn: &xray.drawn, config: &config, versions };
        let json = serde_json::to_string_pretty(&file)?;
        write_file(path, |out| writeln!(out, "{json}"))?;
    }
    let meaning = match xray.values {
        PixelValues::Intensity => {
            write_intensity8(&args.output, &xray.image)?;
            "intensity of 8 bits"
        }
        PixelValues::Attenuation => {
            write_line_integral(&args.output, &xray.image)?;
            "line integrals"
        }
    };
    drop(progress);
    for remark in remarks.into_iter().chain(remark) {
        say(&remark)?;
    }
    let in_view = |image: &isocenter::radiograph::Image| image.range().1 > 0.0;
    if !in_view(&images.water) && !images.bone.as_ref().is_some_and(in_view) {
        say("the CT is not in view: the X-ray shows nothing of it; check the pose or the view")?;
    }
    let [columns, rows] = camera.size_px();
    let is_png = args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    let meaning =
        if is_png && meaning == "line integrals" { "intensity of 16 bits" } else { meaning };
    say(&format!(
        "{}: {columns} x {rows} pixels, {meaning}, seed {}",
        args.output.display(),
        args.seed
    ))?;
    tell(&xray.drawn)
}

fn check_outputs(args: &SimulateArgs) -> Result<()> {
    check_output(&args.output)?;
    let mut inputs = args.scene.files();
    if let Preset::File(path) = &args.preset {
        inputs.push(path);
    }
    keep_input(&args.output, &inputs)?;
    if let Some(drawn) = &args.drawn {
        ensure!(*drawn != args.output, "{}: named twice, for X-ray and --drawn", drawn.display());
        keep_input(drawn, &inputs)?;
    }
    Ok(())
}

fn config(preset: &Preset) -> Result<SimulationConfig> {
    let path = match preset {
        Preset::Plain => return Ok(SimulationConfig::plain()),
        Preset::Hard => return Ok(SimulationConfig::hard()),
        Preset::File(path) => path,
    };
    if !path.exists() && path.extension().is_none() {
        bail!(
            "'{}' is not a preset: write plain, hard, or the name of a TOML file",
            path.display()
        );
    }
    let (config, _): (SimulationConfig, _) = toml_file(path)?;
    config.check().with_context(|| path.display().to_string())?;
    Ok(config)
}

/// Prints what was drawn, a line for each effect.
fn tell(drawn: &Drawn) -> Result<()> {
    let mut lines = Vec::new();
    if let Some(beam) = &drawn.beam {
        lines.push(format!("beam: {:.0} kV, {:.1} mm aluminum", beam.tube_kv, beam.aluminum_mm));
    }
    for tool in &drawn.tools {
        let kind = match tool.kind {
            ToolKind::Wire => "wire",
            ToolKind::Screw => "screw",
        };
        let size = tool.cylinders.first().map(|c| (c.diameter_mm, c.length_mm)).unwrap_or_default();
        lines.push(format!("metal: {kind}, {:.1} mm x {:.0} mm", size.0, size.1));
    }
    match &drawn.aperture {
        Some(Aperture::Round { radius_px, .. }) => {
            lines.push(format!("collimator: round, radius {radius_px:.0} px"));
        }
        Some(Aperture::Polygon { corners_px }) => {
            lines.push(format!("collimator: polygon of {} corners", corners_px.len()));
        }
        None => {}
    }
    if let Some(scatter) = &drawn.scatter {
        lines.push(format!("scatter: {:.1} % of the primary", 100.0 * scatter.fraction));
    }
    if let Some(noise) = &drawn.noise {
        let electronic = match noise.electronic_photons {
            0.0 => String::new(),
            photons => format!(", electronic noise of {photons:.1} photons"),
        };
        lines.push(format!("noise: {:.0} photons per pixel in air{electronic}", noise.photons));
    }
    if let Some(sigma_mm) = drawn.detector_blur_sigma_mm {
        lines.push(format!("detector blur: {sigma_mm:.2} mm"));
    }
    if let Some(r) = &drawn.randomization {
        let happened = [
            ("smoothing", r.smoothing.is_some()),
            ("noise", r.noise.is_some()),
            ("bounds", r.bounds.is_some()),
            ("scale", r.scale.is_some()),
            ("gamma", r.gamma.is_some()),
            ("sine", r.sine.is_some()),
            ("erasing", r.erasing.is_some()),
        ];
        let names: Vec<&str> =
            happened.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        lines.push(format!("randomization: {names}"));
    }
    if let Some(curve) = &drawn.display {
        lines.push(format!(
            "display: {}, window {:.1} to {:.1} %, gamma {:.2}, edge boost {:.2} over {:.1} mm",
            if curve.logarithmic { "logarithmic" } else { "linear" },
            curve.window_percent[0],
            curve.window_percent[1],
            curve.gamma,
            curve.edge_boost,
            curve.edge_sigma_mm
        ));
    }
    lines.iter().try_for_each(|line| say(&format!("  {line}")))
}
