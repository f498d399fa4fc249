//! Proves: NRRD volumes, and NIfTI volumes of all axis orders, are read with the voxels and the
//! affine that SimpleITK sees; what is written is read back; what is missing, wrong or means
//! something else is refused by field and value; free text of a header goes nowhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

use isocenter::volume::{Affine, Volume};
use isocenter_io::volume::{
    check_output, load_ct, read_ct, read_labels, write_labels, write_volume_f32, write_volume_i16,
};
use nalgebra::{Matrix3, Matrix4, Rotation3, Vector3};
use serde_json::{Map, Value, json};

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

/// The rule of `make_metaimage_fixtures.py`.
fn ramp(first: f32) -> Vec<f32> {
    (0..60_u8).map(|at| first + 2.0 * f32::from(at)).collect()
}

/// Reads all files of a folder, and holds them against what SimpleITK sees; how many there are.
fn check_folder(folder: &str) -> usize {
    let folder = fixtures(folder);
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let files = expected["files"].as_object().unwrap();
    assert_eq!(files.keys().filter(|name| name.starts_with("axes_")).count(), 48);
    for (name, entry) in files {
        let rows: [[f64; 4]; 4] =
            serde_json::from_value(entry["world_from_index_lps"].clone()).unwrap();
        let theirs = Matrix4::from_fn(|row, column| rows[row][column]);
        let first = entry["first"].as_f64().unwrap() as f32;
        let ct = read_ct(folder.join(name)).unwrap();
        assert_eq!(ct.dims(), [5, 4, 3], "{name}");
        assert_eq!(ct.voxels(), ramp(first), "{name}");
        let difference = (ct.world_from_index().to_matrix() - theirs).amax();
        assert!(difference < 1e-6, "{name}: off by {difference}");
        match read_labels(folder.join(name)) {
            Ok(labels) => assert_eq!(labels.map(f32::from).voxels(), ct.voxels(), "{name}"),
            Err(error) => {
                assert!(first < 0.0, "{name}");
                assert!(error.to_string().contains("voxel (0, 0, 0) of the labels is -60"));
            }
        }
    }
    files.len()
}

#[test]
fn nrrds_are_those_of_simpleitk() {
    assert_eq!(check_folder("nrrd"), 84);
    let encoding = |name: &str| load_ct(fixtures("nrrd").join(name), None).unwrap().encoding;
    assert_eq!(encoding("type_u2_be.nrrd"), "uint16, big endian");
    assert_eq!(encoding("type_i1_le.nrrd"), "int8");
}

#[test]
fn niftis_of_all_axis_orders_are_those_of_simpleitk() {
    assert_eq!(check_folder("nifti_axes"), 48);
}

/// With `ISOCENTER_KEEP=FOLDER` the files stay there for `make_nrrd_fixtures.py --check`.
#[test]
fn what_is_written_is_read_back() {
    let scratch = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("ISOCENTER_KEEP").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(scratch.path());
    let rotation = Rotation3::new(Vector3::new(0.3, -0.5, 0.2)).into_inner();
    let linear = rotation * Matrix3::from_diagonal(&Vector3::new(0.7, -0.8, 2.5));
    let affine = Affine::new(linear, Vector3::new(-120.5, 100.0 / 3.0, 1e-7)).unwrap();
    // More than two pieces of the stream, and a last one that is not full.
    let dims = [70, 61, 23];
    let values: Vec<f32> = (0..98210_u32).map(|i| i as f32 * 0.37 - 1e4).collect();
    let ct = Volume::new(dims, values, affine).unwrap();
    let labels: Vec<u16> = (0..98210_u32).map(|i| (i % 65536) as u16).collect();
    let labels = Volume::new(dims, labels, affine).unwrap();

    let mut expected = Map::new();
    for extension in ["nrrd", "NRRD", "nhdr"] {
        for (kind, sitk_type) in [
            ("f32", "32-bit float"),
            ("i16", "16-bit signed integer"),
            ("labels", "16-bit unsigned integer"),
        ] {
            let name = format!("{kind}.{extension}");
            let path = folder.join(&name);
            check_output(&path).unwrap();
            match kind {
                "f32" => write_volume_f32(&path, &ct).unwrap(),
                "i16" => write_volume_i16(&path, &ct).unwrap(),
                _ => write_labels(&path, &labels).unwrap(),
            }
            let back = read_ct(&path).unwrap();
            match kind {
                "f32" => assert_eq!(back.voxels(), ct.voxels()),
                "i16" => assert_eq!(back.voxels(), ct.map(f32::round).voxels()),
                _ => assert_eq!(read_labels(&path).unwrap().voxels(), labels.voxels()),
            }
            assert_eq!(back.world_from_index(), &affine, "{name}");
            assert_eq!(path.with_extension("raw").exists(), extension == "nhdr");
            // SimpleITK knows lower case only.
            if extension != "NRRD" {
                let rows: [[f64; 4]; 4] = affine.to_matrix().transpose().into();
                let entry = json!({"dims": dims, "type": sitk_type, "voxels": back.voxels(),
                    "world_from_index": rows});
                expected.insert(name, entry);
            }
        }
    }
    if kept.is_some() {
        fs::write(folder.join("expected.json"), Value::from(expected).to_string()).unwrap();
    }
}

/// A header that is right, for four by three by two voxels of 16 bits.
const HEADER: [(&str, &str); 8] = [
    ("type", "short"),
    ("dimension", "3"),
    ("space", "left-posterior-superior"),
    ("sizes", "4 3 2"),
    ("space directions", "(1,0,0) (0,1,0) (0,0,2)"),
    ("endian", "little"),
    ("encoding", "raw"),
    ("space origin", "(1,2,3)"),
];

fn header(changes: &[(&str, &str)]) -> String {
    let new = changes.iter().filter(|(key, _)| HEADER.iter().all(|(known, _)| known != key));
    let changed = HEADER.iter().map(|&(key, value)| {
        (key, changes.iter().find(|(k, _)| *k == key).map_or(value, |(_, value)| *value))
    });
    let lines = new.copied().chain(changed).filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(key, value)| format!("{key}: {value}\n")).collect();
    format!("NRRD0004\n{lines}\n")
}

#[test]
fn what_is_wrong_is_refused_by_field_and_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nrrd");
    let message = |changes: &[(&str, &str)], data: &[u8]| {
        fs::write(&path, [header(changes).as_bytes(), data].concat()).unwrap();
        let message = read_ct(&path).unwrap_err().to_string();
        assert!(!message.contains('\n') && !message.contains("DOE"), "{message}");
        message
    };
    fs::write(&path, [header(&[]).as_bytes(), &[0; 48]].concat()).unwrap();
    read_ct(&path).unwrap();
    for (field, value, reason) in [
        ("type", "", "the header has no 'type': one of int8"),
        ("type", "block", "'type' is 'block': one of int8"),
        ("dimension", "4", "'dimension' is '4': 3 is expected"),
        ("sizes", "4 3", "'sizes' is '4 3': three whole numbers"),
        ("sizes", "4 3 0", "'sizes' is '4 3 0'"),
        ("encoding", "bzip2", "'encoding' is 'bzip2': raw, gzip or ascii"),
        ("encoding", "hex", "'encoding' is 'hex'"),
        ("endian", "", "has no 'endian': little or big"),
        ("endian", "middle", "'endian' is 'middle'"),
        ("space", "scanner-xyz", "'space' is 'scanner-xyz': left-posterior-superior, right"),
        ("space", "", "'space directions' is '(1,0,0) (0,1,0) (0,0,2)': a 'space' is expected"),
        ("space directions", "none (1,0,0) (0,1,0)", "'space directions' is 'none"),
        (
            "space directions",
            "(1,0,0) (0,1,0) (1,1,0)",
            "'space directions' '1 0 0 0 1 0 1 1 0' give the voxels no place in the world: the three",
        ),
        ("space directions", "(1,0,0) (0,0,0) (1,1,0)", "spacing along index axis 1 is 0 mm"),
        ("space origin", "(1,2)", "'space origin' is '(1,2)'"),
        ("space units", "\"m\" \"m\" \"m\"", "'space units' is"),
        ("data file", "../b.raw", "'data file' is '../b.raw': it must lie in the header's folder"),
        ("data file", "/etc/b.raw", "must lie in the header's folder"),
        ("data file", "slice%03d.raw 1 2 1", "slices in several files are not read"),
        ("data file", "LIST", "slices in several files are not read"),
        ("data file", "none.raw", "its data file 'none.raw': there is no such file"),
        ("byte skip", "-2", "'byte skip' is '-2'"),
        ("line skip", "x", "'line skip' is 'x'"),
    ] {
        let message = message(&[(field, value)], &[0; 48]);
        assert!(message.contains(reason), "{field} {value}: {message}");
    }
    let length = message(&[], &[0; 47]);
    assert!(length.contains("make 48 bytes, but there are 47"), "{length}");
    let length = message(&[("encoding", "ascii")], b"1 2 3 ");
    assert!(length.contains("the data end after 24 bytes where 192"), "{length}");
    let word = message(&[("encoding", "ascii")], b"1 2 x 4");
    assert!(word.contains("'x' is not a number"), "{word}");
    let more = message(&[("encoding", "ascii")], "1 ".repeat(25).as_bytes());
    assert!(more.contains("but more follow"), "{more}");
    let twice = format!("{}type: int\n\n", header(&[]).trim_end_matches('\n').to_owned() + "\n");
    fs::write(&path, twice).unwrap();
    assert!(read_ct(&path).unwrap_err().to_string().contains("'type' is there twice"));
    fs::write(&path, "NRRD0009\n").unwrap();
    assert!(read_ct(&path).unwrap_err().to_string().contains("not a NRRD file"));
    fs::write(&path, "NRRD0004\nDOE\n").unwrap();
    let line = read_ct(&path).unwrap_err().to_string();
    assert!(line.contains("line 2 of the header") && !line.contains("DOE"), "{line}");
}

#[test]
fn free_text_is_not_passed_on() {
    let volume = read_ct(fixtures("nrrd").join("comments.nrrd")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.nhdr");
    write_volume_f32(&path, &volume).unwrap();
    assert!(!fs::read_to_string(&path).unwrap().contains("DOE"));
}
