//! Proves, on the real program: weights under the published names become a checkpoint, with the options
//! in its header; what does not fit is refused by name, and then nothing is written.
#![cfg(feature = "network")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use isocenter_net::Checkpoint;
use isocenter_net::metric::PoseMetric;
use isocenter_net::scene::Descent;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../crates/isocenter-net/tests/fixtures")
        .join(name)
}

/// Whether it worked, standard output, standard error.
fn convert(from: &Path, to: &Path, more: &[&str]) -> (bool, String, String) {
    let mut command = Command::cargo_bin("isocenter").unwrap();
    command.arg("convert-weights").arg(from).arg(to).args(more);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn published_names_become_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("network.safetensors");
    let (done, said, errors) = convert(&fixture("published.pt"), &out, &[]);
    assert!(done && errors.is_empty(), "{errors}");
    assert!(said.contains("(trunk [16, 8], head [4, 3]) for images of 32 x 32 pixels"), "{said}");
    assert!(said.contains("360143 numbers in 318 tensors"), "{said}");
    let first = Checkpoint::from_bytes(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(first.header.descent, Descent::SigmoidProduct);
    assert_eq!(first.header.voxel_spacing_mm, 1.0);
    assert_eq!(first.header.metric, PoseMetric::Pose);

    let options = ["--descent", "sum", "--voxel-spacing-mm", "5", "--size", "32,32"];
    assert!(convert(&fixture("published.pt"), &out, &options).0);
    let second = Checkpoint::from_bytes(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(second.header.descent, Descent::Sum);
    assert_eq!(second.header.voxel_spacing_mm, 5.0);
    assert_eq!(second.network, first.network);

    let (done, said, errors) = convert(&fixture("prost.pt"), &out, &[]);
    assert!(done && errors.is_empty(), "{errors}");
    assert!(said.contains("the baseline ProST for images of 128 x 128 pixels"), "{said}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("network.safetensors");
    let refused = |name: &str, more: &[&str]| {
        let (done, _, errors) = convert(&fixture(name), &out, more);
        assert!(!done && errors.starts_with("isocenter: ") && errors.lines().count() == 1);
        assert!(!out.exists());
        errors
    };
    let errors = refused("tensors.pt", &[]);
    assert!(errors.contains("tensors.pt: the file has no tensor 'shallow"), "{errors}");
    assert!(refused("network.json", &[]).contains("network.json: it cannot be read as a PyTorch"));
    assert!(refused("absent.pt", &[]).contains("absent.pt"));
    assert!(refused("published.pt", &["--size", "64,32"]).contains("expected [16, 512]"));
    assert!(refused("published.pt", &["--size", "64"]).contains("COLUMNS,ROWS"));
    assert!(refused("published.pt", &["--descent", "up"]).contains("sigmoid-product or sum"));
    assert!(refused("published.pt", &["--voxel-spacing-mm", "99"]).contains("0.5 to 50"));
    let own = folder.path().join("own.pt");
    fs::copy(fixture("published.pt"), &own).unwrap();
    assert!(!convert(&own, &own, &[]).0);
    assert_eq!(fs::read(&own).unwrap(), fs::read(fixture("published.pt")).unwrap());
}
