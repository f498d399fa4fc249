//! Proves: `isocenter evaluate` writes what it says; killed, it goes on where it was and ends at the
//! same table; shards, merged, give the table of one run; what does not fit together is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{PROGRAM, Scratch};

/// Ten cases of coarse phantoms in small images.
const PROTOCOL: &str = r#"
title = "a test"
seed = 3
cases = 6
prior = { rotation_deg = 6, in_plane_mm = 12, depth_mm = 25 }

[[cts]]
name = "one"
phantom = { spacing_mm = 8 }
moved_label = 22

[[cts]]
name = "two, of a file"
path = "ct.nii"
labels = "labels.nii"
target_labels = [20, 21, 22, 23, 24]

[[cameras]]
name = "c-arm"
source_to_detector_mm = 1020
pixel_spacing_mm = [7.2, 7.2]
size_px = [48, 40]
source_to_isocenter_mm = 700

[[conditions]]
name = "near"
simulation = "plain"
truth = { rotation_deg = 4, in_plane_mm = 5, depth_mm = 10 }

[[conditions]]
name = "altered"
cases = 2
simulation = "hard"
truth = { rotation_deg = 4, in_plane_mm = 5, depth_mm = 10 }
alteration = { hu_scale = 1.03, couch = true, moved_mm = [1, 0, 0], grid_factor = 1.25 }

[[conditions]]
name = "hopeless"
cases = 2
simulation = "plain"
hopeless = "wrong-ct"

[[methods]]
name = "ours"
search = { samples = 200 }

[[methods]]
name = "refine"
stages = ["refine"]
"#;

fn scratch() -> Scratch {
    let case = Scratch::new();
    case.write("protocol.toml", PROTOCOL);
    case
}

/// The lines of a table without the seconds.
fn cases(case: &Scratch, folder: &str) -> Vec<Vec<String>> {
    let text = case.read(&format!("{folder}/cases.csv"));
    let mut table = csv::ReaderBuilder::new().has_headers(false).from_reader(&*text);
    let lines: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let seconds = lines[0].iter().position(|name| name == "seconds").unwrap();
    let without = |line: &csv::StringRecord| {
        line.iter().enumerate().filter(|(n, _)| *n != seconds).map(|(_, f)| f.to_owned()).collect()
    };
    lines.iter().map(without).collect()
}

#[test]
fn an_evaluation_ends_the_same_whatever_comes_between() {
    let case = scratch();
    let evaluate = "evaluate --config protocol.toml";
    let said = case.succeed(&format!("{evaluate} --out whole"));
    assert!(
        said.contains("all X-rays are simulated") && said.contains("near, ours, 6 cases"),
        "{said}"
    );
    let whole = cases(&case, "whole");
    // Ten cases, each with its start and two methods.
    assert_eq!(whole.len(), 1 + 10 * 3);
    let column = |name: &str| whole[0].iter().position(|n| n == name).unwrap();
    let mtre = |line: usize| whole[line][column("mtre_mm")].parse::<f64>().unwrap();
    assert_eq!(whole[1][column("method")], "start");
    assert!(mtre(2) < mtre(1) && mtre(2) < 3.0, "{:?}", whole[2]);
    assert_eq!(whole[1][column("xray_source")], "simulated from the same CT");
    assert_eq!(whole[19][column("xray_source")], "simulated from the same CT, altered");
    assert_eq!((&*whole[25][column("hopeless")], &*whole[25][column("mtre_mm")]), ("wrong-ct", ""));
    let summary = case.json("whole/summary.json");
    assert_eq!(summary["groups"][1]["method"], "ours");
    assert_eq!(summary["groups"][1]["cases"], 6);
    assert!(summary["groups"][1]["errors"]["mtre_mm"]["best"][0]["mean"].as_f64().unwrap() < 3.0);
    let table = String::from_utf8(case.read("whole/table.md")).unwrap();
    assert!(
        table.contains("| near | ours | simulated from the same CT (plain) | 6 | 0 |"),
        "{table}"
    );

    let report = String::from_utf8(case.read("whole/report.html")).unwrap();
    assert!(report.contains("near: ours") && report.contains("data:image/png"), "no picture");
    for word in ["ct.nii", "labels.nii"] {
        // The protocol is in it as it was given; nothing else names a file.
        assert!(!table.contains(word) && report.matches(word).count() == 1, "{word}");
    }

    // Killed after a few cases, and torn in the middle of a line.
    let mut child = Command::new(PROGRAM)
        .current_dir(case.path(""))
        .args(format!("{evaluate} --out killed").split_whitespace())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let record = case.path("killed/record.jsonl");
    let lines = || std::fs::read_to_string(&record).unwrap_or_default().lines().count();
    let begun = Instant::now();
    while lines() < 4 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = std::fs::read_to_string(&record).unwrap();
    let kept: Vec<&str> = text.lines().take(4).collect();
    case.write("killed/record.jsonl", kept.join("\n") + "\n" + &kept[1][..kept[1].len() / 2]);
    assert!(!case.path("killed/cases.csv").exists());
    let said = case.succeed(&format!("{evaluate} --out killed"));
    assert!(said.contains("7 cases in") && said.contains("3 were there before"), "{said}");
    assert_eq!(cases(&case, "killed"), whole);

    // In parts, two cases at a time.
    for shard in ["0/3", "2/3"] {
        let said = case.succeed(&format!("{evaluate} --out parts --jobs 2 --shard {shard}"));
        assert!(said.contains(&format!("shard {shard} is complete")), "{said}");
    }
    let refused = |arguments: &str, expected: &str| {
        let output = case.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), message.lines().count()), (Some(2), 1), "{message}");
        assert!(message.contains(expected), "{arguments}: '{expected}' is not in: {message}");
    };
    refused(&format!("{evaluate} --out parts --merge"), "shard 1/3 is not there");
    case.succeed(&format!("{evaluate} --out parts --shard 1/3"));
    let record = String::from_utf8(case.read("parts/record.shard-1-of-3.jsonl")).unwrap();
    let first: Vec<&str> = record.lines().take(2).collect();
    case.write("parts/record.shard-1-of-3.jsonl", first.join("\n") + "\n");
    refused(&format!("{evaluate} --out parts --merge"), "shard 1/3 has 1 of its 3 cases");
    case.write("parts/record.shard-1-of-3.jsonl", &record);
    case.succeed(&format!("{evaluate} --out parts --merge"));
    assert_eq!(cases(&case, "parts"), whole);

    // A CT that has changed since, in one bit.
    let ct = case.read("ct.nii");
    let mut changed = ct.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    case.write("ct.nii", changed);
    refused(&format!("{evaluate} --out killed"), "begun with another set of CTs");
    std::fs::remove_file(case.path("parts/record.shard-2-of-3.jsonl")).unwrap();
    case.succeed(&format!("{evaluate} --out parts --shard 2/3"));
    refused(&format!("{evaluate} --out parts --merge"), "begun with another set of CTs");
    case.write("ct.nii", ct);

    // Another protocol, and another number of parts.
    case.write("other.toml", PROTOCOL.replace("samples = 200", "samples = 201"));
    refused("evaluate --config other.toml --out whole", "begun with another protocol");
    case.write("seed.toml", PROTOCOL.replace("seed = 3", "seed = 4"));
    refused("evaluate --config seed.toml --out whole", "begun with another seed (3, now 4)");
    refused("evaluate --config seed.toml --out parts --merge", "begun with another seed");
    case.succeed(&format!("{evaluate} --out parts --shard 0/5"));
    refused(&format!("{evaluate} --out parts --merge"), "shards of 3 and 5 parts");
    case.write("whole/record.jsonl", "{}\n");
    refused(&format!("{evaluate} --out whole"), "line 1 is not one of a record");
}
