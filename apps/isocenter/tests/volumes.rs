//! Proves: `info` describes volumes and DICOM folders, warns of a tilt with its angle, and names
//! the patient only when asked; `convert` goes between all volume formats without a change of value
//! or place, and never over its input; a DICOM folder stands wherever a CT is wanted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::path::{Path, PathBuf};

use isocenter_io::image::read_image;
use isocenter_io::volume::{read_ct, read_labels, write_volume_f32};
use serde_json::Value;
use support::Scratch;

const SECRETS: [&str; 5] = ["DOE", "JOHN", "SECRET77", "19700102", "20240131"];

fn dicom(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../crates/isocenter-io/tests/fixtures/dicom")
        .join(name)
}

/// Runs what must succeed; standard output and error.
fn run(case: &Scratch, arguments: &str) -> (String, String) {
    let output = case.run(arguments);
    let [out, error] = [output.stdout, output.stderr].map(|s| String::from_utf8(s).unwrap());
    assert_eq!(output.status.code(), Some(0), "{arguments}: {error}");
    (out, error)
}

#[test]
fn dicom_folders_are_described() {
    let case = Scratch::new();
    let tilt = dicom("tilt").display().to_string();
    let said = case.succeed(&format!("info {tilt}"));
    for part in [
        "DICOM, explicit little endian, 16 bits",
        "series 1 (CT, 8 images)",
        "10 x 17 x 8 voxels of 0.7031 x 1.2500 x 2.0000 mm",
        "i to left, j to posterior, k to superior (right-handed)",
        "the gantry was tilted by 20.00 degrees",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let described: Value =
        serde_json::from_str(&case.succeed(&format!("info --json {tilt}"))).unwrap();
    let ct = &described[0];
    assert_eq!((&ct["kind"], &ct["modality"]), (&"volume".into(), &"CT".into()));
    assert_eq!((&ct["format"], &ct["size"][1]), (&"DICOM".into(), &17.into()));
    assert!(ct["warnings"][0].as_str().unwrap().contains("20.00 degrees"));

    let study = dicom("study").display().to_string();
    let said = case.succeed(&format!("info {study}"));
    assert!(said.contains("also there   series 22 'Thorax 5.0 bone'"), "{said}");
    let said = case.succeed(&format!("info {study} --series bone"));
    assert!(said.contains("chosen       series 22"), "{said}");
    let slice = dicom("encodings/rle_i16/0.dcm").display().to_string();
    let said = case.succeed(&format!("info {slice}"));
    assert!(said.contains("DICOM image") && said.contains("CT, RLE lossless"), "{said}");
    let json: Value = serde_json::from_str(&case.succeed(&format!("info --json {slice}"))).unwrap();
    assert_eq!(json[0]["kind"], "dicom image");
}

#[test]
fn the_patient_is_named_only_when_asked() {
    let case = Scratch::new();
    let slice = dicom("encodings/rle_i16/0.dcm");
    for path in [dicom("study"), dicom("enhanced.dcm"), slice] {
        for json in ["", "--json"] {
            let path = path.display();
            let said = case.succeed(&format!("info {json} {path}"));
            let asked = case.succeed(&format!("info {json} --show-identity {path}"));
            for secret in SECRETS {
                assert!(!said.contains(secret), "{secret} in {said}");
                assert!(asked.contains(secret), "{secret} not in {asked}");
            }
        }
    }
    for name in ["ct.nii", "ct.nrrd", "ct.nhdr", "ct.mha", "ct.mhd"] {
        run(&case, &format!("convert {} {name}", dicom("study").display()));
    }
    for (name, bytes) in case.contents() {
        for secret in SECRETS {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {name}");
        }
    }
}

#[test]
fn volumes_are_converted() {
    let case = Scratch::new();
    let ct = read_ct(case.path("ct.nii")).unwrap();
    let mut from = "ct.nii".to_owned();
    for to in ["a.nrrd", "b.mha", "c.nhdr", "d.mhd", "e.nii.gz"] {
        let said = case.succeed(&format!("convert {from} {to}"));
        assert!(said.contains("57 x 40 x 47 voxels") && said.contains("16-bit"), "{said}");
        let back = read_ct(case.path(to)).unwrap();
        assert_eq!(back.voxels(), ct.voxels(), "{to}");
        let difference = back.world_from_index().to_matrix() - ct.world_from_index().to_matrix();
        assert!(difference.amax() < 1e-6, "{to}");
        from = to.to_owned();
    }
    case.succeed("convert labels.nii labels.nrrd");
    let labels = read_labels(case.path("labels.nii")).unwrap();
    assert_eq!(read_labels(case.path("labels.nrrd")).unwrap().voxels(), labels.voxels());

    // The same warnings as `info`, where they disturb no output.
    let (said, remarks) = run(&case, &format!("convert {} t.nrrd", dicom("tilt").display()));
    assert!(said.starts_with("t.nrrd: 10 x 17 x 8 voxels") && said.contains("floats"), "{said}");
    assert!(remarks.contains("tilt: series 1 (CT, 8 images)"), "{remarks}");
    assert!(remarks.contains("warning: the gantry was tilted by 20.00 degrees"), "{remarks}");

    for (arguments, reasons) in [
        ("convert ct.nii ct.vtk", &["ct.vtk", "'.vtk'", ".nrrd"][..]),
        ("convert ct.nii ct.nii", &["this is an input"]),
        ("convert c.nhdr c.mhd", &["c.raw: this is an input"]),
        ("convert d.mhd d.nhdr", &["d.raw: this is an input"]),
        ("convert no.nii a.nii", &["no.nii: there is no such file"]),
        ("convert ct.nii a.nii --series 1", &["ct.nii", "--series chooses"]),
    ] {
        let output = case.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(reasons.iter().all(|reason| error.contains(reason)), "{arguments}: {error}");
    }
    assert_eq!(read_ct(case.path("c.nhdr")).unwrap().voxels(), ct.voxels());

    let mut holed = ct.clone();
    holed.voxels_mut()[7] = f32::NAN;
    write_volume_f32(case.path("holed.nrrd"), &holed).unwrap();
    let (_, remarks) = run(&case, "convert holed.nrrd holed.mha");
    assert!(remarks.contains("holed.nrrd: warning: 1 voxels are NaN or infinite"), "{remarks}");
}

#[test]
fn a_dicom_folder_stands_for_a_ct() {
    let case = Scratch::new();
    let study = dicom("study").display().to_string();
    run(&case, &format!("convert {study} study.nrrd --series 22"));
    let drr = "--camera camera.json --view ap --isocenter-mm 3,6,3 --attenuation linear -o";
    case.succeed(&format!("drr --ct study.nrrd {drr} a.npy"));
    let (_, remarks) = run(&case, &format!("drr --ct {study} --series 22 {drr} b.npy"));
    assert!(remarks.contains("series 22 'Thorax 5.0 bone' (CT, 4 images); there are 3 more"));
    let pixels = |name: &str| read_image(case.path(name)).unwrap().image;
    assert_eq!(pixels("a.npy").pixels(), pixels("b.npy").pixels());
    run(&case, &format!("simulate --ct {study} --camera camera.json --view ap -o x.tif"));
}
