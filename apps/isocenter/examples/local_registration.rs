//! Registers many simulated X-rays of one CT from drawn starts and prints a table: the numbers of
//! `docs/results.md`.
//!
//! ```text
//! cargo run --release -p isocenter-cli --example local_registration -- CT LABELS [CASES]
//! ```
//!
//! Each X-ray is rendered by the reference projector from the CT at full resolution, from a pose
//! drawn about the view, with quantum noise; the start is drawn uniformly within 10 degrees about
//! each axis, 20 mm in plane and 40 mm in depth of the truth. Errors are at the labels' centroids.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::time::Instant;

use anyhow::{Context, Result};
use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::ReferenceProjector;
use isocenter::radiograph::with_quantum_noise;
use isocenter::register::{Case, Prior, RegisterConfig, register};
use isocenter::volume::{AttenuationMap, AttenuationVolume, Volume};
use nalgebra::{Vector3, Vector6};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Photons per pixel without attenuation.
const PHOTONS: f64 = 20_000.0;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ct, labels, rest @ ..] = &arguments[..] else {
        anyhow::bail!("usage: local_registration CT LABELS [CASES]");
    };
    let cases: u64 = rest.first().map_or(Ok(50), |n| n.parse()).context("CASES is a number")?;
    let ct = isocenter_io::volume::read_ct(ct)?;
    let targets = Targets::from_label_centroids(&isocenter_io::volume::read_labels(labels)?)?;
    let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default())?;
    let camera = Camera::new(1020.0, [1.4, 1.4], [256, 256])?;

    println!("case  start mTRE mm  mTRE mm  across ray mm  projection mm  similarity  seconds");
    let mut results = Vec::new();
    for seed in 0..cases {
        let row = one(&volume, &targets, &camera, seed)?;
        println!(
            "{seed:4}  {:13.2}  {:7.3}  {:13.3}  {:13.3}  {:10.5}  {:7.2}",
            row.start_mm,
            row.mtre_mm,
            row.across_mm,
            row.projection_mm,
            row.similarity,
            row.seconds
        );
        results.push(row);
    }
    let quantile = |of: fn(&Row) -> f64, q: f64| {
        let mut values: Vec<f64> = results.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * q).round() as usize]
    };
    let below = |mm: f64| results.iter().filter(|r| r.mtre_mm < mm).count() * 100 / results.len();
    println!(
        "start mTRE: median {:.1} mm, largest {:.1} mm",
        quantile(|r| r.start_mm, 0.5),
        quantile(|r| r.start_mm, 1.0)
    );
    println!("below 1 mm: {} %, below 10 mm: {} %", below(1.0), below(10.0));
    println!(
        "mTRE: median {:.3} mm, 95 % {:.3} mm, largest {:.3} mm",
        quantile(|r| r.mtre_mm, 0.5),
        quantile(|r| r.mtre_mm, 0.95),
        quantile(|r| r.mtre_mm, 1.0)
    );
    println!(
        "seconds: median {:.2}, 95 % {:.2}, largest {:.2}",
        quantile(|r| r.seconds, 0.5),
        quantile(|r| r.seconds, 0.95),
        quantile(|r| r.seconds, 1.0)
    );
    Ok(())
}

struct Row {
    start_mm: f64,
    mtre_mm: f64,
    across_mm: f64,
    projection_mm: f64,
    similarity: f64,
    seconds: f64,
}

fn one(volume: &AttenuationVolume, targets: &Targets, camera: &Camera, seed: u64) -> Result<Row> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = |half: [f64; 6]| {
        Vector6::from_fn(
            |c, _| if half[c] > 0.0 { rng.random_range(-half[c]..half[c]) } else { 0.0 },
        )
    };
    let deg = f64::to_radians;
    let pivot = volume.volume().center_world_mm();
    let view = View::AP.camera_from_world(pivot, 700.0);
    let moved =
        |pose: &RigidTransform, xi: Vector6<f64>| PivotMotion::from_vector(&xi).apply(pose, pivot);
    let truth = moved(&view, uniform([deg(15.0), deg(15.0), deg(15.0), 20.0, 20.0, 40.0]));
    let start = moved(&truth, uniform([deg(10.0), deg(10.0), deg(10.0), 20.0, 20.0, 40.0]));
    let xray = ReferenceProjector::new(volume).forward(camera, &truth)?;
    let xray = with_quantum_noise(&xray, PHOTONS, seed);

    let copy: Volume<f32> = volume.volume().clone();
    let begun = Instant::now();
    let case = Case::new(AttenuationVolume::from_per_mm(copy)?, camera.clone(), xray, pivot)?;
    let found =
        register(&case, &Prior::about_a_start(start), &RegisterConfig::default(), &mut |_| ())?;
    let seconds = begun.elapsed().as_secs_f64();
    let errors = targets.errors(camera, &truth, &found.camera_from_world);
    let _: Vector3<f64> = pivot;
    Ok(Row {
        start_mm: targets.mtre_mm(&truth, &start),
        mtre_mm: errors.mtre_mm,
        across_mm: errors.mtre_across_ray_mm,
        projection_mm: errors.projection_mm,
        similarity: found.similarity,
        seconds,
    })
}
