//! `isocenter bench`: CPU and wall-clock seconds of the projector.

use std::time::Instant;

use anyhow::{Context, Result};
use cpu_time::ProcessTime;
use isocenter::project::Projector;
use isocenter::volume::{AttenuationMap, AttenuationVolume};
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::volume::read_ct;
use serde::Serialize;

use crate::cli::BenchArgs;
use crate::output::{say, say_json};

/// Medians over the runs.
#[derive(Debug, Clone, Copy, Serialize)]
struct Timing {
    /// CPU seconds of all threads.
    cpu_s: f64,
    /// Wall-clock seconds.
    wall_s: f64,
}

#[derive(Debug, Serialize)]
struct Timings {
    forward: Timing,
    jet: Timing,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let camera = read_camera(&args.camera)?;
    let pose = read_pose(&args.pose)?;
    let ct = read_ct(&args.ct)?;
    let pivot_world_mm = ct.center_world_mm();
    let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default())
        .with_context(|| args.ct.display().to_string())?;
    let projector = Projector::new(volume);
    let in_pose = || args.pose.display().to_string();
    let timings = Timings {
        forward: time(args.runs, || projector.forward(&camera, &pose)).with_context(in_pose)?,
        jet: time(args.runs, || projector.jet(&camera, &pose, pivot_world_mm))
            .with_context(in_pose)?,
    };
    if args.json {
        return say_json(&timings);
    }
    let [columns, rows] = camera.size_px();
    let [i, j, k] = projector.volume().volume().dims();
    say(&format!(
        "{columns} x {rows} pixels, {i} x {j} x {k} voxels, medians of {} runs",
        args.runs
    ))?;
    for (name, timing) in [("forward", timings.forward), ("jet", timings.jet)] {
        say(&format!("{name:8} {:.4} CPU s  {:.4} wall s", timing.cpu_s, timing.wall_s))?;
    }
    Ok(())
}

/// Runs once to warm up, then times each of the runs.
fn time<T, E>(runs: u32, mut work: impl FnMut() -> Result<T, E>) -> Result<Timing, E> {
    work()?;
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let (cpu_start, wall_start) = (ProcessTime::now(), Instant::now());
        std::hint::black_box(work()?);
        cpu.push(cpu_start.elapsed().as_secs_f64());
        wall.push(wall_start.elapsed().as_secs_f64());
    }
    Ok(Timing { cpu_s: median(cpu), wall_s: median(wall) })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}
