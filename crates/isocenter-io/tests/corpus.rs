//! Proves: the seeds of the fuzz targets are read, or refused, as the targets read them; most of
//! each target's open.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::Path;

use isocenter_io::geometry::camera_from::{CameraFormat, read_foreign_camera};
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::read_image;
use isocenter_io::points::{read_image_points, read_points};
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

fn image(path: &Path) -> bool {
    read_image(path).is_ok()
}

#[test]
fn png() {
    replay("png", "a.png", image);
}

#[test]
fn tiff() {
    replay("tiff", "a.tif", image);
}

#[test]
fn npy() {
    replay("npy", "a.npy", image);
}

#[test]
fn points() {
    replay("points", "points", |path| {
        let opens = |name| {
            let named = path.with_file_name(name);
            fs::copy(path, &named).unwrap();
            let in_image = read_image_points(&named).is_ok();
            read_points(named).is_ok() || in_image
        };
        // All of them are tried.
        ["a.csv", "a.fcsv", "a.mrk.json"].map(opens).contains(&true)
    });
}

#[test]
fn geometry() {
    replay("geometry", "a.json", |path| {
        let camera = read_camera(path).is_ok();
        read_pose(path).is_ok() || camera
    });
}
