//! `isocenter demo`: a registration that needs no file.
//!
//! A phantom CT and a simulated X-ray of it are written as a user would have them, then registered
//! from a start that is off by some 14 degrees and 35 mm. The X-ray comes from the
//! reference projector and has noise; the registration uses the fast one.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::ReferenceProjector;
use isocenter::radiograph::simulation::{MaterialImages, SimulationConfig, simulate};
use isocenter::radiograph::{ImageFlip, PixelValues};
use isocenter::register::{Prior, RegisterConfig, StageRegistry, Xray};
use isocenter::volume::phantom::label;
use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
use isocenter_io::atomic::{OutputFolder, write_file};
use isocenter_io::geometry::{write_camera, write_pose};
use isocenter_io::image::{read_image, write_line_integral};
use isocenter_io::volume::{write_labels, write_volume_i16};
use nalgebra::Vector6;

use super::register::{Task, perform, summarize};
use crate::cli::DemoArgs;
use crate::input::{self, Ct};
use crate::output::{say, write_registration};
use crate::prior::Known;
use crate::progress::Progress;
use crate::stages::Networks;
use crate::xrays::ReadXray;

/// Seed of the noise.
const SEED: u64 = 1;

/// The true pose, as a motion from the ap view (degrees, mm): nobody lies quite straight.
const TRUTH: [f64; 6] = [4.0, -6.0, 3.0, 8.0, -5.0, 15.0];

/// The start, as a motion from the true pose.
const START: [f64; 6] = [-8.0, 7.0, -9.0, 15.0, -12.0, 30.0];

fn motion(degrees_and_mm: [f64; 6]) -> PivotMotion {
    PivotMotion::from_vector(&Vector6::from_fn(|c, _| {
        if c < 3 { degrees_and_mm[c].to_radians() } else { degrees_and_mm[c] }
    }))
}

pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let progress = Progress::new("making the phantom CT");
    let folder = OutputFolder::create(&args.out)?;
    let input_folder = folder.path().join("input");
    std::fs::create_dir(&input_folder).context("the demo's folder")?;
    let file = |name: &str| input_folder.join(name);

    let phantom = Phantom::generate(&PhantomConfig::default())?;
    write_volume_i16(file("ct.nii.gz"), &phantom.ct)?;
    write_labels(file("labels.nii.gz"), &phantom.labels)?;
    let targets =
        Targets::from_label_centroids(&phantom.labels.map(|l| if is_target(l) { l } else { 0 }))?;
    let pivot_world_mm = phantom.ct.center_world_mm();
    let volume = AttenuationVolume::from_hounsfield(phantom.ct, &AttenuationMap::default())?;

    progress.doing("taking the X-ray");
    let camera = Camera::new(1020.0, [1.2, 1.2], [256, 256])?.with_source_to_isocenter_mm(700.0)?;
    let ap = View::AP.camera_from_world(pivot_world_mm, 700.0);
    let truth = motion(TRUTH).apply(&ap, pivot_world_mm);
    let start = motion(START).apply(&truth, pivot_world_mm);
    let water = ReferenceProjector::new(&volume).forward(&camera, &truth)?;
    let images = MaterialImages { water, bone: None };
    let depth_mm = truth.point(pivot_world_mm).z;
    let xray = simulate(&images, &camera, depth_mm, &SimulationConfig::plain(), SEED)?;
    write_line_integral(file("xray.png"), &xray.image)?;
    write_camera(file("camera.json"), &camera)?;
    write_pose(file("truth.json"), &truth)?;
    write_pose(file("start.json"), &start)?;

    // From here on as with a user's files: the X-ray is read back with what PNG has kept of it.
    let begun = Instant::now();
    let config = RegisterConfig::default();
    let path = file("xray.png");
    let loaded = read_image(&path)?;
    let (xray, xray_values, _) =
        input::xray(&path, &loaded, None, ImageFlip::None, &config.prepare)?;
    debug_assert_eq!(xray_values, PixelValues::Intensity);
    let task = Task {
        ct: Ct { volume, pivot_world_mm, remarks: Vec::new() },
        xrays: vec![ReadXray {
            xray: Xray::prepared(camera.clone(), xray)?,
            values: xray_values,
            flip: ImageFlip::None,
            region: None,
            camera_of_image: camera,
            name: "the X-ray".to_owned(),
            remarks: Vec::new(),
            view: None,
            camera_from_view: RigidTransform::identity(),
        }],
        known: Known {
            prior: Prior::about_a_start(start),
            name: "the start".to_owned(),
            remarks: Vec::new(),
            landmarks: None,
        },
        truth: Some(truth),
        targets: Some(targets),
        config,
        attenuation: AttenuationMap::default(),
        mask_labels: None,
        registry: StageRegistry::default(),
        networks: Networks::default(),
    };
    let outcome = perform(task, begun, &progress)?;
    write_registration(folder.path(), &outcome)?;
    write_readme(&folder.path().join("README.txt"))?;
    folder.commit()?;
    drop(progress);
    summarize(&outcome.result, &args.out)?;
    say(&format!("start with {}", args.out.join("README.txt").display()))
}

/// Errors are measured at the lumbar vertebrae.
fn is_target(id: u16) -> bool {
    (label::L1..=label::L5).contains(&id)
}

fn write_readme(path: &Path) -> Result<()> {
    Ok(write_file(path, |out| out.write_all(README.as_bytes()))?)
}

const README: &str = "\
What `isocenter demo` has done
==============================

It made a CT of a lower back from formulas, took an X-ray of it, moved the pose away by about 14
degrees and 35 mm, and found it again from CT and X-ray alone. No real patient is in here.

Look first at
  report.html      how sure it is, before and after, fused, and how it was found
  overlay.png      the X-ray with the CT's edges in green: at the start, and registered

The result
  pose.json        camera_from_world: where the patient is, seen from the X-ray source (LPS, mm)
  pose.tfm         the same for ITK and 3D Slicer
  result.json      verdict, expected error, time, settings; mtre_mm is the error at the vertebrae, known here
                   because the X-ray was simulated
  trace.csv        every step of the search

What went in (input/)
  ct.nii.gz        the CT in Hounsfield units;  labels.nii.gz names its bones (L1 = 20 ... L5 = 24)
  xray.png         the X-ray: 16-bit intensity, bright where nothing absorbs
  camera.json      source to detector, pixel size
  start.json       where the search starts;  truth.json is the true pose

Do it again, in this folder
  isocenter register --ct input/ct.nii.gz --xray input/xray.png --camera input/camera.json \\
      --init input/start.json --truth input/truth.json --targets input/labels.nii.gz --out again
or start from nothing but the view, and look at single bones
  isocenter register --ct input/ct.nii.gz --xray input/xray.png --camera input/camera.json \\
      --view ap --out from-view
  isocenter drr --ct input/ct.nii.gz --mask input/labels.nii.gz:22 --camera input/camera.json \\
      --pose pose.json -o L3.png
";
