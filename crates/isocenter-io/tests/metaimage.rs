//! Proves: MetaImage volumes are read with the voxels and the affine that SimpleITK sees; what is
//! written is read back; what is missing, wrong or contradicts itself is refused by key and value;
//! free text of a header goes nowhere; a real CT opens.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use isocenter::volume::{Affine, Volume};
use isocenter_io::error::{FileProblem, MetaImageError};
use isocenter_io::volume::{
    check_output, read_ct, read_labels, write_labels, write_volume_f32, write_volume_i16,
};
use nalgebra::{Matrix3, Matrix4, Rotation3, Vector3};
use serde_json::{Map, Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metaimage").join(name)
}

/// The rule of `make_metaimage_fixtures.py`.
fn ramp(first: f32) -> Vec<f32> {
    (0..60_u8).map(|at| first + 2.0 * f32::from(at)).collect()
}

/// A header that is right, for four by three by two voxels of 16 bits.
const HEADER: [(&str, &str); 11] = [
    ("ObjectType", "Image"),
    ("NDims", "3"),
    ("BinaryData", "True"),
    ("BinaryDataByteOrderMSB", "False"),
    ("CompressedData", "False"),
    ("TransformMatrix", "1 0 0 0 1 0 0 0 1"),
    ("Offset", "1 2 3"),
    ("ElementSpacing", "1 1 2"),
    ("DimSize", "4 3 2"),
    ("ElementType", "MET_SHORT"),
    ("ElementDataFile", "LOCAL"),
];

/// The bytes of the data that belong to it.
const DATA: [u8; 48] = [0; 48];

/// Files with a header that differs in some keys; those that are new come first.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file; `""` as value leaves a key out.
    fn write(&self, changes: &[(&str, &str)], data: &[u8]) -> PathBuf {
        let new = changes.iter().filter(|(key, _)| HEADER.iter().all(|(known, _)| known != key));
        let changed = HEADER.iter().map(|&(key, value)| {
            (key, changes.iter().find(|(k, _)| *k == key).map_or(value, |(_, value)| *value))
        });
        let lines = new.copied().chain(changed).filter(|(_, value)| !value.is_empty());
        let text: String = lines.map(|(key, value)| format!("{key} = {value}\n")).collect();
        let path = self.path("a.mha");
        fs::write(&path, [text.as_bytes(), data].concat()).unwrap();
        path
    }

    /// The message for a header that differs so, less the file's name.
    fn refusal(&self, changes: &[(&str, &str)], data: &[u8]) -> String {
        let path = self.write(changes, data);
        let message = read_ct(&path).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
    }

    /// Writes a file of some other name, as it is.
    fn message(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        read_ct(&path).unwrap_err().to_string()
    }
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

#[test]
fn voxels_and_affines_are_those_of_simpleitk() {
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(fixture("expected.json")).unwrap()).unwrap();
    let files = expected["files"].as_object().unwrap();
    assert_eq!(files.keys().filter(|name| name.starts_with("axes_")).count(), 48);
    assert_eq!(files.keys().filter(|name| name.starts_with("met_")).count(), 24);
    for (name, entry) in files {
        let rows: [[f64; 4]; 4] =
            serde_json::from_value(entry["world_from_index_lps"].clone()).unwrap();
        let theirs = Matrix4::from_fn(|row, column| rows[row][column]);
        let first = entry["first"].as_f64().unwrap() as f32;
        let ct = read_ct(fixture(name)).unwrap();
        assert_eq!(ct.dims(), [5, 4, 3], "{name}");
        assert_eq!(ct.voxels(), ramp(first), "{name}");
        let difference = (ct.world_from_index().to_matrix() - theirs).amax();
        assert!(difference < 1e-6, "{name}: off by {difference}");
        match read_labels(fixture(name)) {
            Ok(labels) => assert_eq!(labels.map(f32::from).voxels(), ct.voxels(), "{name}"),
            Err(error) => {
                assert!(first < 0.0, "{name}");
                assert!(error.to_string().contains("voxel (0, 0, 0) of the labels is -60"));
            }
        }
    }
}

/// With `ISOCENTER_KEEP=FOLDER` the files stay there for `make_metaimage_fixtures.py --check`.
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
    for extension in ["mha", "MHA", "mhd"] {
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
            let difference = back.world_from_index().to_matrix() - affine.to_matrix();
            assert!(difference.amax() < 1e-12, "{name}: {difference}");
            let raw = path.with_extension("raw");
            assert_eq!(raw.exists(), extension == "mhd");
            if extension == "mhd" {
                let bytes = if kind == "f32" { 4 } else { 2 };
                assert_eq!(fs::metadata(&raw).unwrap().len(), 98210 * bytes);
            }
            // SimpleITK knows lower case only.
            if extension != "MHA" {
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

#[test]
fn what_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
    let mut ct = Volume::new([2, 2, 2], vec![0.0; 8], affine).unwrap();
    for name in ["LIST.mhd", "ct%03d.mhd", "ct .mhd"] {
        let path = folder.path().join(name);
        let refused = check_output(&path).is_err();
        assert_eq!(write_volume_f32(&path, &ct).is_err(), refused, "{name}");
        // A blank is lost at the ends of a line only.
        assert_eq!(refused, name != "ct .mhd");
    }
    let error = check_output(folder.path().join(" ct.mhd")).unwrap_err().to_string();
    assert!(error.contains("would be ' ct.raw'") && error.contains(".mha"), "{error}");
    ct.voxels_mut()[6] = 40000.0;
    let path = folder.path().join("ct.mha");
    let error = write_volume_i16(&path, &ct).unwrap_err().to_string();
    assert!(error.contains("voxel (0, 1, 1) is 40000 HU") && !path.exists(), "{error}");
    let error = write_volume_f32(folder.path().join("no/ct.mhd"), &ct).unwrap_err();
    assert!(matches!(error.problem, FileProblem::NoFolder { .. }));
}

#[test]
fn wrong_values_are_named() {
    let scratch = Scratch::new();
    read_ct(scratch.write(&[], &DATA)).unwrap();
    for (key, value, parts) in [
        ("ObjectType", "Tube", &["Image is expected"][..]),
        ("NDims", "4", &["3 is expected"]),
        ("NDims", "2", &["3 is expected"]),
        ("BinaryData", "yes", &["True or False"]),
        ("BinaryDataByteOrderMSB", "little", &["True or False"]),
        ("CompressedData", "zlib", &["True or False"]),
        ("CompressedDataSize", "-5", &["number of compressed bytes"]),
        ("TransformMatrix", "1 0 0 0 1 0 0 0", &["nine finite numbers", "LPS"]),
        ("TransformMatrix", "1 0 0 0 1 0 0 0 nan", &["nine finite numbers"]),
        ("Orientation", "1 0 0 0 1 0 0 0 inf", &["nine finite numbers"]),
        ("Offset", "1 2", &["three finite numbers"]),
        ("Position", "1 2 1e999", &["three finite numbers"]),
        ("ElementSpacing", "1 1 nan", &["three numbers other than 0", "mm"]),
        ("ElementSpacing", "1 0 1", &["three numbers other than 0"]),
        ("ElementSpacing", "1, 1, 1", &["three numbers other than 0"]),
        ("DimSize", "4 3 -2", &["three whole numbers above 0"]),
        ("DimSize", "4 3 0", &["three whole numbers above 0"]),
        ("DimSize", "4 3 2 1", &["three whole numbers above 0"]),
        ("DimSize", "4 3 99999999999999999999", &["three whole numbers above 0"]),
        ("ElementType", "MET_STRING", &["MET_USHORT", "MET_DOUBLE"]),
        ("ElementType", "short", &["MET_SHORT"]),
        ("ElementNumberOfChannels", "3", &["1 is expected"]),
        ("ElementToIntensityFunctionSlope", "0.5", &["1 is expected", "values themselves"]),
        ("ElementToIntensityFunctionOffset", "-1024", &["0 is expected"]),
        ("DistanceUnits", "um", &["mm is expected"]),
        ("HeaderSize", "348", &["LOCAL"]),
        ("HeaderSize", "-2", &["-1"]),
    ] {
        let message = scratch.refusal(&[(key, value)], &DATA);
        assert!(message.starts_with(&format!("{key} is '{value}': ")), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(message.ends_with("correct it, or convert the file"), "{message}");
    }
    for key in ["NDims", "ElementSpacing", "DimSize", "ElementType", "ElementDataFile"] {
        let message = scratch.refusal(&[(key, "")], &DATA[..0]);
        assert!(message.starts_with(&format!("the header has no {key}: ")), "{message}");
        assert!(message.ends_with("add it before ElementDataFile"), "{message}");
    }
    let message = scratch.refusal(&[("BinaryData", "False")], b"0 1 2");
    assert!(message.contains("BinaryData is False") && message.contains("save"), "{message}");
    let message = scratch.refusal(&[("TransformMatrix", "1 0 0 0 2 0 0 0 1")], &DATA);
    assert!(message.contains("row 2 of TransformMatrix has length 2"), "{message}");
    let message = scratch.refusal(&[("TransformMatrix", "1 0 0 0 0 0 0 0 1")], &DATA);
    assert!(message.contains("row 2 of TransformMatrix has length 0"), "{message}");
    let message = scratch.refusal(&[("ElementSpacing", "1 1e-20 2")], &DATA);
    assert!(message.contains("ElementSpacing '1 0.00000000000000000001 2' give"), "{message}");
    let changes = [("TransformMatrix", ""), ("Rotation", "1 0 0 0.6 0.8 0 0 1 0")];
    let message = scratch.refusal(&changes, &DATA);
    assert!(
        message.contains("Rotation '1 0 0 0.6 0.8 0 0 1 0' give the voxels no place"),
        "{message}"
    );
}

#[test]
fn contradictions_are_named() {
    let scratch = Scratch::new();
    // The same said twice is no contradiction, in whatever words.
    let twice = [("Origin", "1.0 2e0 3"), ("ElementByteOrderMSB", "false")];
    read_ct(scratch.write(&twice, &DATA)).unwrap();
    for (key, value, other, found) in [
        ("Origin", "1 2 4", "Offset", "1 2 3"),
        ("ElementByteOrderMSB", "True", "BinaryDataByteOrderMSB", "False"),
        ("Orientation", "0 1 0 1 0 0 0 0 1", "TransformMatrix", "1 0 0 0 1 0 0 0 1"),
    ] {
        let message = scratch.refusal(&[(key, value)], &DATA);
        let expected = format!("{key} is '{value}', but {other} is '{found}'");
        assert!(message.starts_with(&expected) && message.contains("remove"), "{message}");
    }
    let text = "NDims = 3\nDimSize = 4 3 2\nDimSize = 3 4 2\nElementSpacing = 1 1 1\n\
        ElementType = MET_SHORT\nElementDataFile = LOCAL\n";
    let message = scratch.message("twice.mha", &[text.as_bytes(), &DATA].concat());
    assert!(message.contains("DimSize is '4 3 2', but DimSize is '3 4 2'"), "{message}");
}

#[test]
fn data_of_another_length_are_refused() {
    let scratch = Scratch::new();
    for length in [0, 1, 47, 49, 96] {
        let message = scratch.refusal(&[], &vec![0; length]);
        let expected = format!("make 48 bytes, but there are {length}");
        assert!(message.contains(&expected), "{message}");
    }
    let sides = usize::MAX.to_string();
    for (dims, part) in [
        ("32767 32767 32767", "make 70362301923326 bytes, but there are 48"),
        (&format!("{sides} 1 1") as &str, "make 18446744073709551615 bytes"),
        (&format!("{sides} {sides} {sides}"), "of memory are needed"),
    ] {
        let message = scratch.refusal(&[("DimSize", dims)], &DATA);
        assert!(message.contains(part), "{message}");
    }

    let good = zlib(&DATA);
    let size = good.len().to_string();
    let squeezed = |changes: &[(&str, &str)], data: &[u8]| {
        scratch.refusal(&[&[("CompressedData", "True")], changes].concat(), data)
    };
    let with_size = [("CompressedData", "True"), ("CompressedDataSize", &size)];
    read_ct(scratch.write(&with_size, &good)).unwrap();
    read_ct(scratch.write(&with_size[..1], &good)).unwrap();
    let message = squeezed(&[("CompressedDataSize", "999")], &good);
    assert!(message.contains(&format!("is 999, but there are {size} bytes")), "{message}");
    let message = squeezed(&[("CompressedDataSize", &size)], &good[..5]);
    assert!(message.contains(&format!("is {size}, but there are 5 bytes")), "{message}");
    let message = squeezed(&[], &good[..good.len() - 8]);
    assert!(message.contains("where 48 are expected"), "{message}");
    // Fewer and more voxels than the header says, a damaged checksum, other bytes, no compression.
    assert!(squeezed(&[], &zlib(&DATA[..47])).contains("after 47 bytes where 48"));
    assert!(squeezed(&[], &zlib(&[0; 49])).contains("make 48 bytes, but more follow"));
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(squeezed(&[], &damaged).contains("the data are damaged"));
    assert!(squeezed(&[], b"no compressed data at all").contains("damaged"));
    // More than compression can hold is refused before it is decompressed.
    let message = squeezed(&[("DimSize", "32767 32767 2")], &good);
    assert!(message.contains("make 4294705156 bytes"), "{message}");
    assert!(message.contains(&format!("which {size} compressed bytes cannot hold")), "{message}");
    let message = squeezed(&[("HeaderSize", "-1")], &good);
    assert!(message.contains("HeaderSize is '-1'"), "{message}");
}

#[test]
fn data_files_stay_in_the_folder() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("sub")).unwrap();
    for name in ["ct.raw", "sub/ct.raw", "a b.raw", "local.raw"] {
        fs::write(scratch.path(name), DATA).unwrap();
        read_ct(scratch.write(&[("ElementDataFile", name)], b"")).unwrap();
    }
    let absolute = scratch.path("ct.raw").display().to_string();
    for name in ["../ct.raw", "sub/../ct.raw", &absolute] {
        let message = scratch.refusal(&[("ElementDataFile", name)], b"");
        assert!(message.starts_with(&format!("ElementDataFile is '{name}': ")), "{message}");
        assert!(message.contains("must lie in the header's folder or below; move it"), "{message}");
    }
    for value in ["LIST", "LIST 2D", "ct%03d.raw 1 90 1"] {
        let message = scratch.refusal(&[("ElementDataFile", value)], b"ct001.raw\n");
        assert!(message.starts_with(&format!("ElementDataFile is '{value}': slices")), "{message}");
        assert!(message.contains("convert the volume to a single"), "{message}");
    }
    let problem = |changes: &[(&str, &str)]| {
        let message = scratch.refusal(changes, b"");
        message.strip_prefix("its data file 'ct.raw': ").unwrap().to_owned()
    };
    let external = ("ElementDataFile", "ct.raw");
    assert!(problem(&[external, ("DimSize", "4 3 3")]).contains("make 72 bytes, but there are 48"));
    assert!(problem(&[external, ("HeaderSize", "8")]).contains("make 48 bytes, but there are 40"));
    assert!(problem(&[external, ("HeaderSize", "99")]).contains("but there are 0"));
    assert!(problem(&[external, ("CompressedData", "True")]).contains("damaged"));
    // Without compression nobody looks for it.
    fs::write(scratch.path("ct.raw"), [&[0x1f, 0x8b], &DATA[2..]].concat()).unwrap();
    assert_eq!(read_ct(scratch.write(&[external], b"")).unwrap().voxels()[0], -29921.0);
    fs::remove_file(scratch.path("ct.raw")).unwrap();
    assert_eq!(problem(&[external]), "there is no such file: check the path");
    fs::create_dir(scratch.path("ct.raw")).unwrap();
    assert!(problem(&[external]).contains("folder"));
    fs::write(scratch.path("ct2.raw"), DATA).unwrap();
    let message = scratch.refusal(&[("ElementDataFile", "ct2.raw")], b"\nOffset = 0 0 0\n");
    assert!(message.contains("goes on after ElementDataFile"), "{message}");
}

#[test]
fn what_is_no_metaimage_is_refused() {
    let scratch = Scratch::new();
    let not_metaimage = |bytes: &[u8], line: usize| {
        let path = scratch.path("b.mhd");
        fs::write(&path, bytes).unwrap();
        match read_ct(&path).unwrap_err().problem {
            FileProblem::MetaImage(MetaImageError::NotMetaImage { line: found }) => {
                assert_eq!(found, line);
            }
            other => panic!("{other}"),
        }
    };
    not_metaimage(b"NRRD0004\ntype: short\n", 1);
    not_metaimage(&[0; 400], 1);
    not_metaimage(b"NDims = 3\nJOHN DOE\n", 2);
    not_metaimage(b"NDims = 3\n = 3\n", 2);
    not_metaimage(b"NDims = 3\n\x01\x02 = 3\n", 2);
    assert!(scratch.message("empty.mha", b"").contains("empty"));
    let endless = scratch.message("endless.mha", &b"Key = value\n".repeat(100_000));
    assert!(endless.contains("within 1048576 bytes"), "{endless}");
    let endless = scratch.message("endless.mha", &b"a=".repeat(1_000_000));
    assert!(endless.contains("within 1048576 bytes"), "{endless}");
    let slice = scratch.refusal(&[("DimSize", "4 6 1")], &DATA);
    assert!(slice.contains("one slice is not a CT volume"), "{slice}");
}

#[test]
fn names_in_a_header_are_not_passed_on() {
    let read = fixture("unknown_keys.mha");
    let volume = read_ct(&read).unwrap();
    assert!(!format!("{:?}", read_labels(&read).unwrap_err()).contains("DOE"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.mhd");
    write_volume_f32(&path, &volume).unwrap();
    assert!(!fs::read_to_string(&path).unwrap().contains("DOE"));
}

#[test]
fn a_real_ct_opens() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pelvis/pelvisVol.mha");
    if !path.is_file() {
        println!("skipped: there is no ../shared/data/pelvis beside the checkout");
        return;
    }
    let ct = read_ct(path).unwrap();
    // What SimpleITK sees.
    assert_eq!(ct.dims(), [333, 181, 245]);
    let directions = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
    assert_eq!(ct.world_from_index().linear(), &directions);
    assert_eq!(ct.world_from_index().translation().as_slice(), &[166.0, 90.0, -122.0]);
    let range = ct.voxels().iter().fold((0.0_f32, 0.0_f32), |(a, b), &v| (a.min(v), b.max(v)));
    assert_eq!(range, (-564.0, 1443.0));
    // Their sum, each times its position modulo a prime.
    let sum: i64 = (0..).zip(ct.voxels()).map(|(at, &v)| at % 1009 * v as i64).sum();
    assert_eq!(sum, 120_098_721_674);
}
