//! Proves, on the real program: a trained network is a stage of a registration and of an evaluation; its
//! branches are in the trace and its feature maps on the page; the result does not depend on the
//! number of threads; what it cannot be used with is refused with what to do.
#![cfg(feature = "network")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::sync::LazyLock;

use support::{REGISTER, Scratch};

const TRAINING: &str = include_str!("support/tiny_training.toml");

/// A checkpoint of a tiny network, and one after other numbers of steps.
static CHECKPOINTS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let case = Scratch::new();
    case.write("train.toml", TRAINING);
    case.succeed("train --config train.toml --out training");
    [3, 4].map(|step| case.read(&format!("training/checkpoints/step-{step:09}.safetensors")))
});

fn scratch() -> Scratch {
    let case = Scratch::new();
    case.write("net.safetensors", &CHECKPOINTS[1]);
    case.write("other.safetensors", &CHECKPOINTS[0]);
    case
}

#[test]
fn a_network_is_a_stage_of_a_registration() {
    let case = scratch();
    let register = format!("{REGISTER} --xray xray.tif --network net.safetensors");
    case.succeed(&format!("{register} --out out"));
    let stages = &case.json("out/result.json")["config"]["stages"];
    assert_eq!(stages, &serde_json::json!(["search", "network", "refine"]));
    let network = &case.json("out/result.json")["config"]["network"];
    assert_eq!(
        (&network["steps"], network["fingerprint"].as_str().unwrap().len()),
        (&4.into(), 16)
    );
    // It was hardly trained: what the search had found is not lost by it.
    assert!(case.mtre_mm("out/pose.json") < 3.0);

    let trace = String::from_utf8(case.read("out/trace.csv")).unwrap();
    let header: Vec<&str> = trace.lines().next().unwrap().split(',').collect();
    let gate = header.iter().position(|&name| name == "global_gate").unwrap();
    let rows = trace.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let (network, others): (Vec<_>, Vec<_>) = rows.partition(|row| row[0] == "network");
    assert!(network.len() > 1);
    assert!(network.iter().all(|row| (0.0..=1.0).contains(&row[gate].parse::<f64>().unwrap())));
    assert!(others.iter().all(|row| row[gate].is_empty()));
    let page = String::from_utf8(case.read("out/report.html")).unwrap();
    assert!(page.contains("What the network saw") && page.contains("gate 0."));

    let mut command = case.command(&format!("{register} --out one"));
    assert!(command.env("RAYON_NUM_THREADS", "1").output().unwrap().status.success());
    assert_eq!(case.read("out/pose.json"), case.read("one/pose.json"));
    assert_eq!(case.read("out/trace.csv"), case.read("one/trace.csv"));

    // Alone: a network that was hardly trained ends anywhere, and is told so.
    case.write("alone.toml", "stages = [\"network\"]\n");
    case.run(&format!("{register} --config alone.toml --out alone"));
    let alone = case.json("alone/result.json");
    assert_eq!(&alone["config"]["stages"], &serde_json::json!(["network"]));
    assert_ne!(alone["verdict"], "good");
}

const PROTOCOL: &str = r#"
title = "Tiny"
seed = 1
cases = 2
prior = { rotation_deg = 5, in_plane_mm = 5, depth_mm = 10 }

[[cts]]
name = "phantom"
phantom = { seed = 1, spacing_mm = 8 }
moved_label = 22
pivot = "targets"

[[cameras]]
name = "c-arm"
source_to_detector_mm = 1020
pixel_spacing_mm = [4.8, 4.8]
size_px = [64, 64]
source_to_isocenter_mm = 700

[[conditions]]
name = "near"
simulation = "plain"
truth = { rotation_deg = 6, in_plane_mm = 10, depth_mm = 20 }
start = { rotation_deg = 6, in_plane_mm = 10, depth_mm = 20, about = "truth" }

[[methods]]
name = "network"
stages = ["network"]

[[methods]]
name = "network, refined"
stages = ["network", "refine"]
"#;

#[test]
fn a_network_is_a_stage_of_an_evaluation() {
    let case = scratch();
    case.write("protocol.toml", PROTOCOL);
    let evaluate = "evaluate --config protocol.toml --out table";
    let without = case.run(evaluate);
    let error = String::from_utf8(without.stderr).unwrap();
    assert!(error.contains("'network'") && error.contains("refine"), "{error}");
    case.succeed(&format!("{evaluate} --network net.safetensors"));
    let table = String::from_utf8(case.read("table/table.md")).unwrap();
    assert!(table.contains("network, refined"));
    let cases = String::from_utf8(case.read("table/cases.csv")).unwrap();
    // The starts are a method too.
    assert_eq!(cases.lines().count(), 1 + 2 * 3);

    // Its cases are not mixed with another network's.
    let other = case.run(&format!("{evaluate} --network other.safetensors"));
    let error = String::from_utf8(other.stderr).unwrap();
    assert!(other.status.code() == Some(2) && error.contains("another network"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = scratch();
    let refused = |arguments: &str| {
        let output = case.run(&format!("{REGISTER} --xray xray.tif --out out {arguments}"));
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(!case.path("out").exists());
        error
    };
    assert!(refused("--network none.safetensors").contains("none.safetensors"));
    assert!(refused("--network ct.nii").contains("ct.nii"));
    let cut = &CHECKPOINTS[0][..CHECKPOINTS[0].len() / 2];
    case.write("cut.safetensors", cut);
    assert!(refused("--network cut.safetensors").contains("cut.safetensors"));
    assert!(refused("--network net.safetensors --device tpu").contains("cpu, wgpu or cuda"));
    if !cfg!(feature = "cuda") {
        assert!(refused("--network net.safetensors --device cuda").contains("--features cuda"));
    }
    case.write("stages.toml", "stages = [\"network\"]\n");
    let error = refused("--config stages.toml");
    assert!(error.contains("'network'") && error.contains("search"), "{error}");
}
