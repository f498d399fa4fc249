//! Proves, on the real program: a training that is interrupted and goes on ends with the same bytes as
//! one that was not, whatever the number of threads that make samples and of those that compute; fine-tuning
//! begins with the other's weights; checkpoints keep in which metric gradients were trained; steps may be
//! added and fewer checkpoints kept; a folder that holds a training, other settings and files that are no checkpoints are refused with
//! what to do; a training that leads nowhere stops and keeps its batch; the baselines are trained likewise;
//! Ctrl-C ends it with a checkpoint.
#![cfg(feature = "network")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use isocenter_net::Checkpoint;
use isocenter_net::metric::PoseMetric;

/// A network and images as small as they can be.
const SETTINGS: &str = include_str!("support/tiny_training.toml");

fn command(settings: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = Command::cargo_bin("isocenter").unwrap();
    command.arg("train").arg("--config").arg(settings).arg("--out").arg(out).args(more);
    command
}

fn outcome(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

fn train(settings: &Path, out: &Path, more: &[&str]) -> (bool, String) {
    outcome(&mut command(settings, out, more))
}

fn checkpoint(out: &Path, step: u64) -> std::path::PathBuf {
    out.join(format!("checkpoints/step-{step:09}.safetensors"))
}

/// The lines of `metrics.jsonl` without how long they took.
fn metrics(out: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line.as_object_mut().unwrap().remove("seconds_per_step").is_some());
        line
    };
    text.lines().map(line).collect()
}

#[test]
fn a_training_that_goes_on_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("train.toml");
    fs::write(&settings, SETTINGS).unwrap();
    let [whole, parts, tuned] = ["whole", "parts", "tuned"].map(|name| folder.path().join(name));
    let (done, errors) = train(&settings, &whole, &[]);
    assert!(done && errors.is_empty(), "{errors}");
    let kept = fs::read_dir(whole.join("checkpoints")).unwrap().count();
    assert_eq!(kept, 2, "as many as `keep` says");
    let lines = metrics(&whole);
    assert_eq!(lines.len(), 4);
    assert!(lines[0].get("validation").is_none() && lines[1].get("validation").is_some());
    let registered = &lines[3]["validation"]["held_out_registrations"];
    assert!(registered["start_mtre_mm"].as_f64().unwrap() > 1.0);
    let page = fs::read_to_string(whole.join("report.html")).unwrap();
    assert!(page.contains("another (held out)") && page.contains("<svg"));

    // Killed after the third step, in the middle of a line.
    let (done, _) = train(&settings, &parts, &[]);
    assert!(done);
    fs::remove_file(checkpoint(&parts, 4)).unwrap();
    let text = fs::read_to_string(parts.join("metrics.jsonl")).unwrap();
    fs::write(parts.join("metrics.jsonl"), &text[..text.len() - 20]).unwrap();
    let mut alone = command(&settings, &parts, &["--resume", "--threads", "3"]);
    let (done, errors) = outcome(alone.env("RAYON_NUM_THREADS", "1"));
    assert!(done, "{errors}");
    let last = |out| fs::read(checkpoint(out, 4)).unwrap();
    assert!(last(&whole) == last(&parts), "the checkpoints differ");
    assert_eq!(metrics(&whole), metrics(&parts));

    let events = fs::read_dir(&parts).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("events.out.tfevents.")
    });
    assert_eq!(events.count(), 2, "one file of TensorBoard for each time it was begun");

    // With more steps and fewer checkpoints it goes on, with another seed not.
    let longer = SETTINGS.replacen("steps = 4", "steps = 5", 1);
    fs::write(&settings, &longer).unwrap();
    let (done, errors) = train(&settings, &parts, &["--resume", "--keep", "1"]);
    assert!(done, "{errors}");
    assert_eq!(metrics(&parts).len(), 5);
    assert_eq!(fs::read_dir(parts.join("checkpoints")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(parts.join("train.toml")).unwrap(), longer);

    // A training that changes nothing ends with the weights that it begins with.
    let still =
        SETTINGS.replace("lowest = 1e-6", "lowest = 0").replace("highest = 1e-4", "highest = 0");
    let still = still.replace("head = [8]", "head = [8]\ndropout = 0.4");
    fs::write(&settings, format!("{still}\n[objective]\nmetric = \"pose\"\n")).unwrap();
    let from = checkpoint(&whole, 4);
    let (done, errors) = train(&settings, &tuned, &["--from", from.to_str().unwrap()]);
    assert!(done, "{errors}");
    let [before, after] = [&from, &checkpoint(&tuned, 4)]
        .map(|path| Checkpoint::from_bytes(&fs::read(path).unwrap()).unwrap());
    assert_eq!(after.network, before.network);
    let metrics_of_poses = [before.header.metric, after.header.metric];
    assert_eq!(metrics_of_poses, [PoseMetric::Radiograph, PoseMetric::Pose]);
    assert_ne!(metrics(&tuned)[0]["loss"], metrics(&whole)[0]["loss"]);
    let other = SETTINGS.replace("head = [8]", "head = [9]");
    fs::write(&settings, other).unwrap();
    let (done, errors) = train(&settings, &tuned, &["--from", from.to_str().unwrap()]);
    assert!(!done && errors.contains("network.head[0] was 8 and is 9"), "{errors}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("train.toml");
    fs::write(&settings, SETTINGS.replace("steps = 4\n", "steps = 1\n")).unwrap();
    let out = folder.path().join("out");
    let refused = |settings: &Path, out: &Path, more: &[&str]| {
        let (done, errors) = train(settings, out, more);
        assert!(
            !done && errors.starts_with("isocenter: ") && errors.lines().count() == 1,
            "{errors}"
        );
        errors
    };
    assert!(refused(&settings, &out, &["--resume"]).contains("no checkpoint to go on with"));
    assert!(train(&settings, &out, &[]).0);
    assert!(refused(&settings, &out, &[]).contains("--resume goes on with it"));

    let other = folder.path().join("other.toml");
    fs::write(&other, SETTINGS.replace("trunk = [16]", "trunk = [24]")).unwrap();
    let errors = refused(&other, &out, &["--resume"]);
    assert!(errors.contains("16") && errors.contains("24"), "{errors}");
    fs::write(&other, SETTINGS.replace("seed = 3", "seed = 4")).unwrap();
    assert!(refused(&other, &out, &["--resume"]).contains("seed"));

    let settings_text = |from: &str, to: &str| {
        assert!(SETTINGS.contains(from));
        fs::write(&other, SETTINGS.replacen(from, to, 1)).unwrap();
        refused(&other, &folder.path().join("new"), &[])
    };
    assert!(settings_text("[32, 32]", "[33, 32]").contains("size_px"));
    assert!(settings_text("momentum = 0.9", "momentum = 1.5").contains("momentum is 1.5"));
    assert!(settings_text("phantom = {", "path = \"no.nii\" # {").contains("variations"));
    assert!(settings_text("held_out", "hold_out").contains("hold_out"));

    let fake = folder.path().join("fake.safetensors");
    fs::write(&fake, b"no tensors").unwrap();
    let errors =
        refused(&settings, &folder.path().join("new"), &["--from", fake.to_str().unwrap()]);
    assert!(errors.contains("fake.safetensors"), "{errors}");
}

#[test]
fn a_training_that_leads_nowhere_keeps_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("train.toml");
    let far = SETTINGS
        .replace("lowest = 1e-6", "lowest = 1.0")
        .replace("highest = 1e-4", "highest = 1.0")
        .replace("steps = 4", "steps = 200")
        .replace("[checkpoints]\nevery_steps = 1\n", "[checkpoints]\nevery_steps = 500\n")
        .replace("[validation]\nevery_steps = 2\n", "[validation]\nevery_steps = 500\n")
        .replacen("steps = 200\n", "steps = 200\nclip_gradient_norm = 1e9\n", 1);
    fs::write(&settings, far).unwrap();
    let out = folder.path().join("out");
    let (done, errors) = train(&settings, &out, &[]);
    assert!(!done && errors.contains("learning rate"), "{errors}");
    let kept = fs::read_dir(&out).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("failed-step-")
    });
    assert_eq!(kept.count(), 2, "one for each CT of the step: {errors}");
}

#[test]
fn the_baseline_is_trained_likewise() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("train.toml");
    let of_branches = ["trunk = [16]\n", "head = [8]\n"];
    let baseline = SETTINGS.replace("preset = \"compact\"", "preset = \"prost\"");
    fs::write(&settings, &baseline).unwrap();
    let out = folder.path().join("out");
    let (done, errors) = train(&settings, &out, &[]);
    assert!(!done && errors.contains("network.trunk is [16]"), "{errors}");
    let baseline = of_branches.iter().fold(baseline, |text, line| {
        assert!(text.contains(line), "{line}");
        text.replace(line, "")
    });
    fs::write(&settings, &baseline).unwrap();
    let (done, errors) = train(&settings, &out, &[]);
    assert!(!done && errors.contains("cts_per_step is 2"), "{errors}");
    let baseline = baseline.replace("cts_per_step = 2\n", "");
    fs::write(&settings, &baseline).unwrap();
    let (done, errors) = train(&settings, &out, &[]);
    assert!(done, "{errors}");
    let lines = metrics(&out);
    assert!(lines.len() == 4 && lines[0].get("decomposition").is_none());
    assert!(lines[3]["cosine_rotation"].as_f64().unwrap().is_finite());
    // Running statistics are kept too.
    let last = fs::read(checkpoint(&out, 4)).unwrap();
    fs::remove_file(checkpoint(&out, 4)).unwrap();
    assert!(train(&settings, &out, &["--resume"]).0);
    assert!(last == fs::read(checkpoint(&out, 4)).unwrap(), "the checkpoints differ");
    let group = baseline.replace("\"prost\"\n", "\"prost\"\nnormalization = \"group\"\n");
    fs::write(&settings, group).unwrap();
    assert!(train(&settings, &folder.path().join("group"), &[]).0);
    assert_ne!(metrics(&folder.path().join("group"))[0]["loss"], lines[0]["loss"]);
}

#[test]
fn the_composite_baseline_is_trained_likewise() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, out) = (folder.path().join("train.toml"), folder.path().join("out"));
    let of_branches = SETTINGS.replace("preset = \"compact\"", "preset = \"compact\"\nlevels = 1");
    fs::write(&settings, of_branches).unwrap();
    let (done, errors) = train(&settings, &out, &[]);
    assert!(!done && errors.contains("network.levels is 1"), "{errors}");
    let preset = "preset = \"sopi\"\nnormalization = \"group\"\n";
    let composite = SETTINGS
        .replace("preset = \"compact\"\n", preset)
        .replace("trunk = [16]\nhead = [8]\n", "")
        .replace("steps = 4\n", "steps = 1\n");
    let product = format!("{composite}\n[objective]\ndescent = \"sigmoid-product\"\n");
    fs::write(&settings, product).unwrap();
    let (done, errors) = train(&settings, &out, &[]);
    assert!(!done && errors.contains("objective.descent is sigmoid-product"), "{errors}");
    fs::write(&settings, &composite).unwrap();
    let (done, errors) = train(&settings, &out, &[]);
    assert!(done, "{errors}");
    let lines = metrics(&out);
    assert!(lines.len() == 1 && lines[0].get("decomposition").is_none());
    assert!(lines[0]["validation"]["held_out_registrations"]["end_mtre_mm"].is_f64());
    assert!(checkpoint(&out, 1).exists());
    // How many levels are compared changes no weight.
    let coarsest = composite.replace("\"sopi\"\n", "\"sopi\"\nlevels = 1\n");
    fs::write(&settings, coarsest).unwrap();
    let from = checkpoint(&out, 1);
    let (done, errors) =
        train(&settings, &folder.path().join("coarsest"), &["--from", from.to_str().unwrap()]);
    assert!(done, "{errors}");
    assert_ne!(metrics(&folder.path().join("coarsest"))[0]["loss"], lines[0]["loss"]);
}

#[cfg(unix)]
#[test]
fn an_interruption_leaves_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, out) = (folder.path().join("train.toml"), folder.path().join("out"));
    let long = SETTINGS.replacen("steps = 4", "steps = 100000", 1);
    let long =
        long.replace("[checkpoints]\nevery_steps = 1\n", "[checkpoints]\nevery_steps = 100000\n");
    fs::write(&settings, long).unwrap();
    let program = env!("CARGO_BIN_EXE_isocenter");
    let mut training = std::process::Command::new(program)
        .args(["train", "--config"])
        .arg(&settings)
        .arg("--out")
        .arg(&out)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = || fs::read_to_string(out.join("metrics.jsonl")).is_ok_and(|text| !text.is_empty());
    while !begun() {
        assert!(training.try_wait().unwrap().is_none(), "ended before it was asked to");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = training.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(training.wait().unwrap().code(), Some(130));
    let steps = metrics(&out).last().unwrap()["step"].as_u64().unwrap();
    assert!(checkpoint(&out, steps).exists());
}
