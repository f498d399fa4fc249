//! `isocenter bench`: CPU and wall-clock seconds of everything the projector does.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result};
use cpu_time::ProcessTime;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::project::{ProjectError, Projector, Storage};
use isocenter::volume::{AttenuationMap, AttenuationVolume};
use isocenter_io::geometry::{read_camera, read_pose};
use nalgebra::{Vector3, Vector6};
use rayon::ThreadPoolBuilder;
use serde::Serialize;

use crate::cli::BenchArgs;
use crate::input::volume;
use crate::output::{say, say_json};

/// Runs on all threads, then on one, before it is the others' turn again.
const RUNS_IN_TURN: u32 = 5;

/// The batch: what a search renders by the thousand, from 16 bits as it does.
const BATCH_IMAGES: usize = 1000;
const BATCH_PIXELS: usize = 32;
const BATCH_VOXELS: usize = 64;

/// Medians over the runs.
#[derive(Debug, Clone, Copy, Serialize)]
struct Timing {
    /// CPU seconds of all threads.
    cpu_s: f64,
    /// Wall-clock seconds.
    wall_s: f64,
    /// Samples of the volume per wall-clock second, those in air counted.
    samples_per_s: f64,
    /// Memory of the copies of the volume that the rays march through.
    bytes: usize,
}

#[derive(Debug, Serialize)]
struct Timings {
    forward: Timing,
    /// Forward on one thread, in turns with forward on all.
    forward_one_thread: Timing,
    jet: Timing,
    tangent: Timing,
    contracted_jet: Timing,
    adjoint: Timing,
    tangent_adjoint: Timing,
    /// Forward of a volume without air, so that nothing can be skipped.
    forward_unskipped: Timing,
    /// Forward with 16-bit storage.
    forward_u16: Timing,
    batch: Batch,
    /// Samples of the volume for one image, those in air counted.
    samples: usize,
}

#[derive(Debug, Serialize)]
struct Batch {
    #[serde(flatten)]
    timing: Timing,
    images: usize,
    images_per_s: f64,
    size_px: [usize; 2],
    dims: [usize; 3],
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let camera = read_camera(&args.camera)?;
    let pose = read_pose(&args.pose)?;
    let ct = volume(&args.ct, None)?;
    let pivot_world_mm = ct.center_world_mm();
    let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default())
        .with_context(|| args.ct.display().to_string())?;
    let bench = Bench { volume, camera, pose, pivot_world_mm, runs: args.runs };
    let timings = bench.timings().with_context(|| args.pose.display().to_string())?;
    if args.json { say_json(&timings) } else { say_table(&bench, &timings) }
}

fn say_table(bench: &Bench, timings: &Timings) -> Result<()> {
    let [columns, rows] = bench.camera.size_px();
    let [i, j, k] = bench.volume.volume().dims();
    say(&format!(
        "{columns} x {rows} pixels, {i} x {j} x {k} voxels, {:.1} million samples, medians of {} runs",
        timings.samples as f64 / 1e6,
        bench.runs
    ))?;
    let batch = &timings.batch;
    let name = format!("batch of {}", batch.images);
    for (name, timing) in [
        ("forward", &timings.forward),
        ("  on one thread", &timings.forward_one_thread),
        ("jet", &timings.jet),
        ("tangent", &timings.tangent),
        ("contracted jet", &timings.contracted_jet),
        ("adjoint", &timings.adjoint),
        ("tangent adjoint", &timings.tangent_adjoint),
        ("forward, no air", &timings.forward_unskipped),
        ("forward, 16 bits", &timings.forward_u16),
        (&name, &batch.timing),
    ] {
        say(&format!(
            "{name:16} {:.4} CPU s  {:.4} wall s  {:6.0} million samples/s  {:4.0} MB",
            timing.cpu_s,
            timing.wall_s,
            timing.samples_per_s / 1e6,
            timing.bytes as f64 / 1e6
        ))?;
    }
    say(&format!(
        "The batch's images have {} x {} pixels, of {} x {} x {} voxels: {:.0} images/s.",
        batch.size_px[0],
        batch.size_px[1],
        batch.dims[0],
        batch.dims[1],
        batch.dims[2],
        batch.images_per_s
    ))
}

/// What is timed.
struct Bench {
    volume: AttenuationVolume,
    camera: Camera,
    pose: RigidTransform,
    pivot_world_mm: Vector3<f64>,
    runs: u32,
}

impl Bench {
    fn timings(&self) -> Result<Timings> {
        let projector = Projector::new(self.volume.clone());
        let exposure = projector.expose(&self.camera, &self.pose)?;
        let pivot = self.pivot_world_mm;
        let number = exposure.image_len();
        let (mut image, mut other) = (vec![0.0; number], vec![0.0; number]);
        let mut jacobian = vec![[0.0; 6]; number];
        let mut voxels = vec![0.0; exposure.volume_len()];
        let motion = PivotMotion::from_vector(&Vector6::new(0.1, 0.1, 0.1, 10.0, 10.0, 10.0));
        let ones = vec![1.0; number];
        let samples = exposure.samples();
        let time = |work: &mut dyn FnMut() -> Result<(), ProjectError>| {
            time(self.runs, samples, &projector, work)
        };
        let one_thread = ThreadPoolBuilder::new().num_threads(1).build()?;
        let mut on_all = Stopwatch::default();
        let mut on_one = Stopwatch::default();
        // In turns of a few runs, so that both see the same machine. The first of a turn wakes the
        // threads up: they fall asleep while the others work.
        for _ in 0..self.runs.div_ceil(RUNS_IN_TURN) {
            for run in 0..=RUNS_IN_TURN {
                on_all.time(run > 0, &mut || exposure.forward_into(&mut image))?;
            }
            for run in 0..=RUNS_IN_TURN {
                let mut forward = || one_thread.install(|| exposure.forward_into(&mut image));
                on_one.time(run > 0, &mut forward)?;
            }
        }
        Ok(Timings {
            forward: on_all.medians(samples, &projector),
            forward_one_thread: on_one.medians(samples, &projector),
            jet: time(&mut || exposure.jet_into(pivot, &mut image, &mut jacobian))?,
            tangent: time(&mut || exposure.tangent_into(pivot, &motion, &mut image, &mut other))?,
            contracted_jet: time(&mut || exposure.contracted_jet(pivot, &ones).map(drop))?,
            adjoint: time(&mut || exposure.adjoint_into(&ones, &mut voxels))?,
            tangent_adjoint: time(&mut || {
                exposure.tangent_adjoint_into(pivot, &motion, &ones, &ones, &mut voxels)
            })?,
            forward_unskipped: self.forward(without_air(&self.volume)?, Storage::F32)?,
            forward_u16: self.forward(self.volume.clone(), Storage::U16)?,
            batch: self.batch()?,
            samples,
        })
    }

    fn forward(&self, volume: AttenuationVolume, storage: Storage) -> Result<Timing> {
        let projector = Projector::with_storage(volume, storage);
        let exposure = projector.expose(&self.camera, &self.pose)?;
        let mut image = vec![0.0; exposure.image_len()];
        let mut work = || exposure.forward_into(&mut image);
        Ok(time(self.runs, exposure.samples(), &projector, &mut work)?)
    }

    fn batch(&self) -> Result<Batch> {
        let largest = self.volume.volume().dims().into_iter().max().unwrap_or(1);
        let coarse = self.volume.volume().binned([largest.div_ceil(BATCH_VOXELS); 3])?;
        let dims = coarse.dims();
        let projector =
            Projector::with_storage(AttenuationVolume::from_per_mm(coarse)?, Storage::U16);
        let camera = shrunk(&self.camera)?;
        let poses: Vec<RigidTransform> =
            (0..BATCH_IMAGES).map(|n| spread(n).apply(&self.pose, self.pivot_world_mm)).collect();
        let exposures = poses.iter().filter_map(|pose| projector.expose(&camera, pose).ok());
        let samples = exposures.map(|exposure| exposure.samples()).sum();
        let mut work = || {
            let sums = projector
                .forward_each(&camera, &poses, |_, image| image.map(|i| i.iter().sum::<f32>()));
            black_box(sums);
            Ok(())
        };
        let timing = time(self.runs, samples, &projector, &mut work)?;
        let images_per_s = BATCH_IMAGES as f64 / timing.wall_s;
        Ok(Batch { timing, images: BATCH_IMAGES, images_per_s, size_px: camera.size_px(), dims })
    }
}

/// The volume with its air lifted a little, nowhere zero.
fn without_air(volume: &AttenuationVolume) -> Result<AttenuationVolume> {
    let lifted = volume.volume().map(|voxel| if voxel == 0.0 { 1e-9 } else { voxel });
    Ok(AttenuationVolume::from_per_mm(lifted)?)
}

/// The camera with the same detector, cut in few pixels.
fn shrunk(camera: &Camera) -> Result<Camera> {
    let per_pixel = camera.size_px().map(|n| n as f64 / BATCH_PIXELS as f64);
    let ([dx, dy], [cx, cy]) = (camera.pixel_spacing_mm(), camera.principal_point_px());
    let spacing = [dx * per_pixel[0], dy * per_pixel[1]];
    let center = [(cx + 0.5) / per_pixel[0] - 0.5, (cy + 0.5) / per_pixel[1] - 0.5];
    let size = [BATCH_PIXELS; 2];
    Ok(Camera::new(camera.source_to_detector_mm(), spacing, size)?
        .with_principal_point_px(center)?)
}

/// Motions spread evenly over what a search covers: 20 degrees, 30 mm across and 60 mm in depth.
fn spread(n: usize) -> PivotMotion {
    const REACH: [f64; 6] = [0.35, 0.35, 0.35, 30.0, 30.0, 60.0];
    // Multiples of the powers of a generalised golden ratio, the root of x^7 = x + 1.
    let ratio = 1.112_775_684_278_705_5_f64;
    PivotMotion::from_vector(&Vector6::from_fn(|c, _| {
        let part = (n as f64 * ratio.powi(-(c as i32) - 1)).fract();
        REACH[c] * (2.0 * part - 1.0)
    }))
}

/// Runs once to warm up, then times each of the runs.
fn time(
    runs: u32,
    samples: usize,
    projector: &Projector,
    work: &mut dyn FnMut() -> Result<(), ProjectError>,
) -> Result<Timing, ProjectError> {
    let mut stopwatch = Stopwatch::default();
    for run in 0..=runs {
        stopwatch.time(run > 0, work)?;
    }
    Ok(stopwatch.medians(samples, projector))
}

/// Seconds of runs.
#[derive(Default)]
struct Stopwatch {
    cpu: Vec<f64>,
    wall: Vec<f64>,
}

impl Stopwatch {
    /// Does the work, and notes how long it took if it counts.
    fn time(
        &mut self,
        counts: bool,
        work: &mut dyn FnMut() -> Result<(), ProjectError>,
    ) -> Result<(), ProjectError> {
        let (cpu, wall) = (ProcessTime::now(), Instant::now());
        black_box(work())?;
        if counts {
            self.cpu.push(cpu.elapsed().as_secs_f64());
            self.wall.push(wall.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn medians(self, samples: usize, projector: &Projector) -> Timing {
        let (cpu_s, wall_s) = (median(self.cpu), median(self.wall));
        let samples_per_s = samples as f64 / wall_s;
        Timing { cpu_s, wall_s, samples_per_s, bytes: projector.copies_bytes() }
    }
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
