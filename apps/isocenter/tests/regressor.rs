//! Proves, on the real program: a regressor is trained, goes on as if it had not been interrupted, measures the poses
//! that it says, and is a stage of a registration instead of the search; what is a network's only is refused,
//! and so is either checkpoint in the other's place.
#![cfg(feature = "network")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use support::{REGISTER, Scratch};

const SETTINGS: &str = include_str!("support/tiny_training.toml");

/// The settings of the other trainings with a regressor.
fn settings() -> String {
    let network = "preset = \"rtpi\"\nnormalization = \"group\"\ncube_mm = 300\n\
        range = { rotation_deg = 30, in_plane_mm = 45, depth_mm = 90 }\n";
    let (before, start) = SETTINGS.split_once("[start]\n").unwrap();
    let (_, after) = start.split_once("\n\n").unwrap();
    let settings = format!("{before}{after}");
    for line in ["preset = \"compact\"\n", "trunk = [16]\nhead = [8]\n"] {
        assert!(settings.contains(line), "{line}");
    }
    settings.replace("preset = \"compact\"\n", network).replace("trunk = [16]\nhead = [8]\n", "")
}

#[test]
fn a_regressor_is_trained_and_used() {
    let case = Scratch::new();
    case.write("train.toml", settings());
    case.succeed("train --config train.toml --out trained");
    let checkpoint = "trained/checkpoints/step-000000004.safetensors";
    let last = case.read(checkpoint);
    let text = String::from_utf8(case.read("trained/metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    for line in &lines {
        let angle = line["rotation_error_deg"].as_f64().unwrap();
        assert!(angle > 0.0 && angle < 180.0 && line.get("cosine_rotation").is_none(), "{line}");
    }
    let measured = &lines[3]["validation"];
    assert!(measured["trained_registrations"]["end_mtre_mm"].is_f64(), "{measured}");
    assert!(measured["held_out_registrations"]["end_mtre_mm"].is_f64(), "{measured}");
    let page = String::from_utf8(case.read("trained/report.html")).unwrap();
    assert!(page.contains("Errors of the poses that are said") && !page.contains("L_appro"));

    std::fs::remove_file(case.path(checkpoint)).unwrap();
    case.succeed("train --config train.toml --out trained --resume");
    assert!(last == case.read(checkpoint), "the checkpoints differ");

    // It was hardly trained, and says a pose near the one of the view; the refinement does the rest.
    let register = format!("{REGISTER} --xray xray.tif --regressor {checkpoint}");
    case.run(&format!("{register} --out out"));
    let result = case.json("out/result.json");
    assert_eq!(result["config"]["stages"], serde_json::json!(["regressor", "refine"]));
    assert_eq!(result["config"]["regressor"]["steps"], 4);
    let stages = result["timings"].to_string();
    assert!(stages.contains("regressor") && !stages.contains("search"), "{stages}");
    case.write("alone.toml", "stages = [\"regressor\"]\n");
    for out in ["alone", "again"] {
        case.run(&format!("{register} --config alone.toml --out {out}"));
    }
    assert_eq!(case.read("alone/pose.json"), case.read("again/pose.json"));

    let refused = case.run(&format!("{REGISTER} --xray xray.tif --network {checkpoint} --out no"));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && error.contains("--regressor"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn what_only_a_network_has_is_refused() {
    let case = Scratch::new();
    let refused = |settings: &str| {
        case.write("train.toml", settings);
        let output = case.run("train --config train.toml --out trained");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        error
    };
    let start = "[start]\nrotation_deg = 5\nin_plane_mm = 5\ndepth_mm = 5\n";
    assert!(refused(&format!("{}\n{start}", settings())).contains("start is given"));
    let objective = "[objective]\napproximation = \"geodesic\"\n";
    assert!(refused(&format!("{}\n{objective}", settings())).contains("objective is given"));
    let range = "rotation_deg = 30, in_plane_mm = 45";
    let flat = settings().replace(range, "rotation_deg = 0, in_plane_mm = 45");
    assert!(refused(&flat).contains("network.range.rotation_deg is 0"));
}
