//! `isocenter drr`: a radiograph of a CT.

use anyhow::{Context, Result, ensure};
use isocenter::project::Projector;
use isocenter::radiograph::PixelValues;
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::{check_output, write_line_integral};

use crate::cli::DrrArgs;
use crate::input::{TargetSource, ct, keep_input, pose_name, view_pose};
use crate::output::say;
use crate::progress::Progress;

pub(crate) fn run(args: &DrrArgs) -> Result<()> {
    let scene = &args.scene;
    scene.view.check()?;
    check_output(&args.output)?;
    let is_png = args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    ensure!(
        !(is_png && args.values == Some(PixelValues::Attenuation)),
        "{}: PNG cannot carry the scale of line integrals: write .tif, .npy or .nii.gz, or leave out \
         --values attenuation",
        args.output.display()
    );
    keep_input(&args.output, &scene.files())?;
    let progress = Progress::new("reading");
    let camera = read_camera(&scene.camera)?;
    let pose = scene.pose.as_ref().map(read_pose).transpose()?;
    let (ct, _) = ct(&scene.ct, &scene.ct.attenuation.unwrap_or_default(), &TargetSource::None)?;
    let ct_remarks = ct.remarks;
    let (pose, remark) = match pose {
        Some(pose) => (pose, None),
        None => view_pose(&scene.view, &camera, ct.pivot_world_mm)?,
    };
    progress.doing("rendering");
    let image = Projector::new(ct.volume)
        .forward(&camera, &pose)
        .with_context(|| pose_name(scene.pose.as_deref(), &scene.view))?;
    let (low, high) = image.range();
    if args.values == Some(PixelValues::Intensity) && !is_png {
        // A float file holds any numbers: here those that reach the detector, of 1.
        write_line_integral(&args.output, &image.map(|line_integral| (-line_integral).exp()))?;
    } else {
        write_line_integral(&args.output, &image)?;
    }
    drop(progress);
    for remark in ct_remarks.into_iter().chain(remark) {
        say(&remark)?;
    }
    if high <= low {
        say("the CT is not in view: the image is empty; check the pose or the view")?;
    }
    let [columns, rows] = camera.size_px();
    say(&format!(
        "{}: {columns} x {rows} pixels, line integrals {low:.3} to {high:.3}",
        args.output.display()
    ))
}
