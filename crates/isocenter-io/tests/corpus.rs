//! Proves: the seeds of the fuzz targets are read, or refused, as the targets read them; most of
//! each target's open.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::Path;

use isocenter_io::geometry::camera_from::{CameraFormat, read_foreign_camera};
use isocenter_io::volume::dicom::read_dicom_image;
use isocenter_io::volume::{load_ct, read_ct, read_labels};
use isocenter_io::xray::{GivenGeometry, read_xray};

/// Reads all seeds of a target under a name that tells the format.
fn replay(target: &str, name: &str, opens: impl Fn(&Path) -> bool) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let (mut opened, mut total) = (0, 0);
    for entry in fs::read_dir(corpus).unwrap() {
        fs::copy(entry.unwrap().path(), &path).unwrap();
        opened += usize::from(opens(&path));
        total += 1;
    }
    assert!(total >= 5 && 2 * opened > total && opened < total, "{target}: {opened} of {total}");
}

fn volume_or_labels(path: &Path) -> bool {
    let _ = read_labels(path);
    read_ct(path).is_ok()
}

#[test]
fn dicom() {
    replay("dicom", "a.dcm", |path| {
        let _ = load_ct(path, None);
        read_dicom_image(path).is_ok()
    });
}

#[test]
fn nrrd() {
    replay("nrrd", "a.nrrd", volume_or_labels);
}

#[test]
fn metaimage() {
    replay("metaimage", "a.mha", volume_or_labels);
}

#[test]
fn nifti() {
    replay("nifti", "a.nii", volume_or_labels);
}

#[test]
fn xray() {
    replay("xray", "a.dcm", |path| {
        let Ok(file) = read_xray(path, None, None) else { return false };
        let _ = file.header.geometry.camera(&GivenGeometry::default());
        true
    });
}

#[test]
fn camera() {
    replay("camera", "camera", |path| {
        CameraFormat::ALL.iter().any(|&f| read_foreign_camera(path, f, Some(0)).is_ok())
    });
}
