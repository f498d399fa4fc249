//! Proves: a reader that leaves early does not matter, a full disk is an error, and a program that is
//! killed at any moment leaves results that are whole or absent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{FILES, PROGRAM, REGISTER, Scratch, contents};

/// A reader that leaves early is no error, and the files are written all the same.
#[test]
fn nobody_listens() {
    let case = Scratch::new();
    let register = format!("{REGISTER} --xray xray.tif --out out --json");
    for arguments in ["--help", "info ct.nii xray.tif camera.json", "phantom -o p.nii", &register] {
        let mut child = Command::new(PROGRAM)
            .current_dir(case.path(""))
            .args(arguments.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), &*error), (Some(0), ""), "{arguments}");
    }
    case.assert_whole("out");
}

/// A disk that is full is an error.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_is_full() {
    let case = Scratch::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(PROGRAM)
        .current_dir(case.path(""))
        .args(["info", "camera.json"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("standard output"), "{error}");
}

/// Killed at any moment, the program leaves every file under its name whole: the new one, or the
/// old one, or none.
#[cfg(unix)]
#[test]
fn killed_it_leaves_whole_files() {
    let case = Scratch::new();
    case.write("old.toml", "[search]\nsamples = 40\nseed = 5\n");
    case.succeed(&format!("{REGISTER} --xray xray.tif --config old.toml --out old"));
    let begun = Instant::now();
    case.succeed(&format!("{REGISTER} --xray xray.tif --out new"));
    let whole_run = begun.elapsed();
    let (old, new) = (contents(&case.path("old")), contents(&case.path("new")));
    assert_ne!(old["trace.csv"], new["trace.csv"]);
    let mut killed = 0;
    // Moments all over a run, most of them near its end, where files are written.
    for percent in [0, 40, 80, 90, 94, 97, 100, 105] {
        for (signal, existing) in [("KILL", false), ("INT", false), ("KILL", true), ("TERM", true)]
        {
            let out = format!("out-{percent}-{signal}-{existing}");
            if existing {
                fs::create_dir(case.path(&out)).unwrap();
                for (name, bytes) in &old {
                    case.write(&format!("{out}/{name}"), bytes);
                }
            }
            killed += usize::from(!kill_after(&case, &out, signal, whole_run * percent / 100));
            let folder = case.path(&out);
            if !existing && !folder.exists() {
                continue;
            }
            if !existing {
                case.assert_whole(&out);
            }
            for name in FILES {
                let found = case.read(&format!("{out}/{name}"));
                if name == "result.json" {
                    // Its times differ.
                    serde_json::from_slice::<Value>(&found).unwrap();
                } else if name == "report.html" {
                    // So do those on the page.
                    assert!(found.trim_ascii_end().ends_with(b"</html>"), "{out}/{name}");
                } else {
                    let whole = found == new[name] || (existing && found == old[name]);
                    assert!(whole, "{out}/{name} is not whole");
                }
            }
            assert!(only_partial_beside(&folder), "{out}: litter");
        }
    }
    assert!(killed > 0, "the program was always done before it could be killed");
}

/// Runs a registration and sends it a signal; returns whether it was done before.
#[cfg(unix)]
fn kill_after(case: &Scratch, out: &str, signal: &str, moment: Duration) -> bool {
    let mut child = Command::new(PROGRAM)
        .current_dir(case.path(""))
        .args(REGISTER.split_whitespace())
        .args(["--xray", "xray.tif", "--out", out])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(moment);
    let kill = format!("kill -{signal} {} 2>&-", child.id());
    Command::new("sh").args(["-c", &kill]).status().unwrap();
    child.wait().unwrap().success()
}

/// Beside the results there is at most what says by its name that it is not finished.
#[cfg(unix)]
fn only_partial_beside(folder: &Path) -> bool {
    let names = contents(folder).into_keys();
    names.filter(|name| !FILES.contains(&&**name)).all(|name| name.starts_with(".partial-"))
}
