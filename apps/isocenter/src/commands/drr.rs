//! `isocenter drr`: a radiograph of a CT.

use anyhow::Result;
use isocenter::project::Projector;
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::write_line_integral;

use crate::cli::DrrArgs;
use crate::input::{TargetSource, ct, view_pose};
use crate::output::say;
use crate::progress::Progress;

pub(crate) fn run(args: &DrrArgs) -> Result<()> {
    let progress = Progress::new("reading");
    let camera = read_camera(&args.camera)?;
    let pose = args.pose.as_ref().map(read_pose).transpose()?;
    let (ct, _) = ct(&args.ct, &TargetSource::None)?;
    let (pose, remark) = match pose {
        Some(pose) => (pose, None),
        None => view_pose(&args.view, &camera, ct.pivot_world_mm)?,
    };
    progress.doing("rendering");
    let image = Projector::new(ct.volume).forward(&camera, &pose)?;
    write_line_integral(&args.output, &image)?;
    drop(progress);
    let (low, high) = image.range();
    if let Some(remark) = remark {
        say(&remark)?;
    }
    if high <= low {
        say("the CT is not in view: the image is empty; check the pose or the view")?;
    }
    let [columns, rows] = image.size_px();
    say(&format!(
        "{}: {columns} x {rows} pixels, line integrals {low:.3} to {high:.3}",
        args.output.display()
    ))
}
