//! Proves: volumes that nibabel and SimpleITK wrote are read with the voxels and the affine that
//! these programs see; what is written is read back; what is no volume is refused by reason; free
//! text of a header goes nowhere; real CTs open.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

use isocenter::volume::{Affine, Volume};
use isocenter_io::error::{FileProblem, NiftiError};
use isocenter_io::volume::{
    read_ct, read_labels, write_labels, write_volume_f32, write_volume_i16,
};
use nalgebra::{Matrix3, Matrix4, Vector3};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn expected() -> Value {
    serde_json::from_str(&fs::read_to_string(fixture("expected.json")).unwrap()).unwrap()
}

/// The rule of `make_fixtures.py`.
fn ramp(count: usize, start: f32, step: f32) -> Vec<f32> {
    (0..count).map(|at| start + step * at as f32).collect()
}

fn oblique() -> Affine {
    let rotation = nalgebra::Rotation3::new(Vector3::new(0.3, -0.5, 0.2)).into_inner();
    let linear = rotation * Matrix3::from_diagonal(&Vector3::new(0.7, -0.8, 2.5));
    Affine::new(linear, Vector3::new(-120.5, 33.25, 1000.0)).unwrap()
}

#[test]
fn affines_are_those_of_simpleitk_and_nibabel() {
    let expected = expected();
    let affines = expected["affines"].as_object().unwrap();
    assert!(affines.len() >= 10);
    for (name, entry) in affines {
        let rows: [[f64; 4]; 4] =
            serde_json::from_value(entry["world_from_index_lps"].clone()).unwrap();
        let theirs = Matrix4::from_fn(|row, column| rows[row][column]);
        let ct = read_ct(fixture(name)).unwrap();
        assert_eq!(ct.dims(), [5, 4, 3], "{name}");
        assert_eq!(ct.voxels(), ramp(60, -30.0, 7.0), "{name}");
        // Headers hold f32; near half turns a quaternion in f32 is good to 3e-4 (see the unit
        // tests of the orientation), but these are not near one.
        let difference = (ct.world_from_index().to_matrix() - theirs).amax();
        assert!(difference < 1e-5, "{name}: off by {difference}");
    }
}

#[test]
fn all_types_and_byte_orders() {
    for (kind, start) in [
        ("uint8", 0.0),
        ("uint16", 0.0),
        ("uint32", 0.0),
        ("uint64", 0.0),
        ("int8", -60.0),
        ("int16", -60.0),
        ("int32", -60.0),
        ("int64", -60.0),
        ("float32", -60.0),
        ("float64", -60.0),
    ] {
        for order in ["le", "be"] {
            let path = fixture(&format!("type_{kind}_{order}.nii.gz"));
            assert_eq!(read_ct(&path).unwrap().voxels(), ramp(60, start, 2.0), "{path:?}");
            match read_labels(&path) {
                Ok(labels) => assert_eq!(labels.voxels()[59], 118, "{path:?}"),
                Err(error) => {
                    assert!(start < 0.0);
                    assert!(error.to_string().contains("voxel (0, 0, 0) of the labels is -60"));
                }
            }
        }
    }
}

#[test]
fn slope_and_intercept_apply() {
    let ct = read_ct(fixture("scaled.nii.gz")).unwrap();
    let expected = &expected()["scaled"];
    let close = |v: f32, key: &str| assert_eq!(f64::from(v), expected[key].as_f64().unwrap());
    close(ct.voxels()[0], "first");
    close(ct.voxels()[1], "second");
    close(ct.voxels()[59], "last");
    let error = read_labels(fixture("scaled.nii.gz")).unwrap_err().to_string();
    assert!(error.contains("is -1024"), "{error}");
}

#[test]
fn a_fourth_dimension_of_one_is_no_dimension() {
    assert_eq!(read_ct(fixture("four_dimensions_one_volume.nii")).unwrap().dims(), [5, 4, 3]);
}

#[test]
fn what_is_no_volume_is_refused_by_reason() {
    let problem = |name: &str| match read_ct(fixture(name)).unwrap_err().problem {
        FileProblem::Nifti(error) => error,
        other => panic!("{name}: {other}"),
    };
    assert_eq!(problem("two_volumes.nii"), NiftiError::NotAVolume { dims: vec![5, 4, 3, 2] });
    assert_eq!(problem("version_2.nii"), NiftiError::Version2);
    assert_eq!(problem("pair.hdr"), NiftiError::Pair);
    assert_eq!(problem("rgb.nii"), NiftiError::DataType { code: 128 });

    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        read_ct(&path).unwrap_err().to_string()
    };
    let pair = fs::read(fixture("pair.hdr")).unwrap();
    assert!(message("renamed.nii", &pair).contains("pair"));
    assert!(message("empty.nii", b"").contains("empty"));
    assert!(message("zeros.nii", &[0; 400]).contains("not a NIfTI-1 file"));
    assert!(message("short.nii", &[0; 40]).contains("after 40 bytes where 348"));
    assert!(message("ct.vtk", b"vtk").contains("'.vtk': supported here are .nii, .nii.gz, .nrrd"));
    assert!(message("ct", b"x").contains("no extension"));
    let whole = fs::read(fixture("qform_only.nii")).unwrap();
    assert!(message("cut.nii", &whole[..400]).contains("after 48 bytes where 120"));
    let error = read_labels(folder.path()).unwrap_err().to_string();
    assert!(error.contains("this is a folder"), "{error}");
    let error = read_ct(folder.path().join("none.nii.gz")).unwrap_err().to_string();
    assert!(error.ends_with("none.nii.gz: there is no such file: check the path"), "{error}");
    for name in ["none.hdr", "none.vtk", "none"] {
        let error = read_ct(folder.path().join(name)).unwrap_err().to_string();
        assert!(error.ends_with(&format!("{name}: there is no such file: check the path")));
    }
    assert!(message("pair.hdr", b"x").contains(".hdr/.img pair"));
    // A name may hold what breaks lines and what terminals obey.
    let error = read_ct(folder.path().join("a\nb\u{1b}[2J.nii")).unwrap_err().to_string();
    assert!(!error.contains(char::is_control) && error.contains("a b [2J.nii: "), "{error}");
}

#[test]
fn what_gives_voxels_no_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.nii");
    for (name, offset, bytes, parts) in [
        // The second column of the sform.
        (
            "sform_and_qform.nii",
            284,
            0_f32,
            ["srow_x, srow_y, srow_z (sform) '", "give the voxels"],
        ),
        ("qform_only.nii", 80, 0.0, ["pixdim, quatern_b", "index axis 0 is 0 mm"]),
        ("no_form.nii", 84, 0.0, ["pixdim '", "index axis 1 is 0 mm"]),
    ] {
        let mut file = fs::read(fixture(name)).unwrap();
        for row in 0..if offset == 284 { 3 } else { 1 } {
            file[offset + 16 * row..][..4].copy_from_slice(&bytes.to_le_bytes());
        }
        fs::write(&path, &file).unwrap();
        let message = read_ct(&path).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{name}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn damage_within_compressed_data_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.nii.gz");
    let mut bytes = fs::read(fixture("oblique.nii.gz")).unwrap();
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(read_ct(&path).unwrap_err().problem, FileProblem::Damaged { .. }));
    fs::write(&path, &bytes[..checksum - 40]).unwrap();
    let problem = read_ct(&path).unwrap_err().problem;
    assert!(matches!(problem, FileProblem::Truncated { expected: 120 | 348, .. }), "{problem}");
}

#[test]
fn the_contents_tell_whether_a_file_is_compressed() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [("oblique.nii.gz", "a.nii"), ("qform_only.nii", "b.nii.gz")] {
        let path = folder.path().join(to);
        fs::copy(fixture(from), &path).unwrap();
        assert_eq!(read_ct(path).unwrap().voxels(), ramp(60, -30.0, 7.0));
    }
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.nii", "a.nii.gz", "A.NII.GZ"] {
        let path = folder.path().join(name);
        let close = |back: &Affine| {
            // 32-bit floats: seven digits of at most 1000 mm.
            assert!((back.to_matrix() - oblique().to_matrix()).amax() < 1e-4);
        };
        // More than two pieces of the stream, and a last one that is not full.
        let dims = [70, 61, 23];
        let values: Vec<f32> =
            (0..dims.iter().product()).map(|i: usize| i as f32 * 0.37 - 1e4).collect();
        let ct = Volume::new(dims, values, oblique()).unwrap();

        write_volume_f32(&path, &ct).unwrap();
        let back = read_ct(&path).unwrap();
        assert_eq!(back.voxels(), ct.voxels());
        close(back.world_from_index());

        write_volume_i16(&path, &ct).unwrap();
        let back = read_ct(&path).unwrap();
        assert!(back.voxels().iter().zip(ct.voxels()).all(|(b, v)| *b == v.round()));
        close(back.world_from_index());

        let labels =
            Volume::new(dims, (0..98210_u32).map(|i| (i % 65536) as u16).collect(), oblique());
        let labels = labels.unwrap();
        write_labels(&path, &labels).unwrap();
        let back = read_labels(&path).unwrap();
        assert_eq!(back.voxels(), labels.voxels());
        close(back.world_from_index());
    }
    let gz = |name: &str| fs::read(folder.path().join(name)).unwrap().starts_with(&[0x1f, 0x8b]);
    assert_eq!((gz("a.nii"), gz("a.nii.gz"), gz("A.NII.GZ")), (false, true, true));
}

#[test]
fn what_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.nii");
    let with = |value: f32| {
        let mut voxels = vec![0.0; 8];
        voxels[6] = value;
        Volume::new([2, 2, 2], voxels, oblique()).unwrap()
    };
    for value in [40000.0, -32769.0, f32::NAN] {
        let error = write_volume_i16(&path, &with(value)).unwrap_err().to_string();
        assert!(error.contains("voxel (0, 1, 1)"), "{error}");
        assert!(!path.exists());
    }
    write_volume_i16(&path, &with(-32768.4)).unwrap();
    let error = write_volume_f32(folder.path().join("ct.png"), &with(0.0)).unwrap_err();
    assert!(matches!(error.problem, FileProblem::Extension { .. }));
    let error = write_volume_f32(folder.path().join("no/ct.nii"), &with(0.0)).unwrap_err();
    assert!(matches!(error.problem, FileProblem::NoFolder { .. }));
    // What is too long for the header is too long for a volume.
    assert!(Volume::new([40000, 2, 2], vec![0_u16; 160_000], oblique()).is_err());
}

#[test]
fn names_in_a_header_are_not_passed_on() {
    let read = fixture("scaled.nii.gz");
    let volume = read_ct(&read).unwrap();
    assert!(!format!("{:?}", read_labels(&read).unwrap_err()).contains("DOE"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ct.nii");
    write_volume_f32(&path, &volume).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(3).any(|w| w == b"DOE"));
    // descrip, aux_file, intent_name, db_name, data_type: all empty.
    for field in [148..252, 328..344, 4..32] {
        assert!(bytes[field].iter().all(|&b| b == 0));
    }
}

#[test]
fn real_cts_open() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.is_dir() {
        println!("skipped: there is no ../shared/data beside the checkout");
        return;
    }
    for (ct, labels, dims, spacing, vertebrae) in [
        ("chest/ct.nii.gz", "chest/labels.nii.gz", [512, 512, 133], [0.703, 0.703, 2.5], 29..=46),
        (
            "spine/sub-verse012_ct.nii.gz",
            "spine/sub-verse012_seg-vert_msk.nii.gz",
            [35, 194, 252],
            [3.0, 1.0, 1.0],
            17..=22,
        ),
    ] {
        let ct = read_ct(data.join(ct)).unwrap();
        let labels = read_labels(data.join(labels)).unwrap();
        assert_eq!((ct.dims(), labels.dims()), (dims, dims));
        let (a, b) = (ct.world_from_index(), labels.world_from_index());
        assert!((a.to_matrix() - b.to_matrix()).amax() < 1e-3);
        for (found, expected) in a.spacing_mm().into_iter().zip(spacing) {
            assert!((found - expected).abs() < 1e-3);
        }
        assert!(vertebrae.clone().all(|v| labels.voxels().contains(&v)));
        ct.check_finite().unwrap();
        // Vertebrae are bone: the labels lie where the CT has it.
        let bone = ct.voxels().iter().zip(labels.voxels()).filter(|(_, l)| vertebrae.contains(l));
        let (sum, count) =
            bone.fold((0.0, 0.0), |(sum, count), (v, _)| (sum + f64::from(*v), count + 1.0));
        assert!(sum / count > 100.0, "mean HU of the vertebrae: {}", sum / count);
    }
}
