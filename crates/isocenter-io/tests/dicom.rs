//! Proves: DICOM series are read with the voxels and the affine that SimpleITK sees, in all axis
//! orders and encodings; tilts and gaps are resampled and told; what makes no volume is refused
//! with the reason and the file; the right series is chosen; nothing names the patient; real
//! series open.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

use std::fs;
use std::path::{Path, PathBuf};

use isocenter::volume::Volume;
use isocenter_io::volume::dicom::{SeriesChoice, VolumeWarning, read_dicom_image};
use isocenter_io::volume::{LoadedVolume, is_volume, load_ct, read_ct};
use isocenter_io::xray::is_dicom;
use nalgebra::{Matrix4, Vector3};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom").join(name)
}

fn expected() -> serde_json::Map<String, Value> {
    let text = fs::read_to_string(fixture("expected.json")).unwrap();
    let mut expected: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    expected.remove("versions");
    expected
}

fn load(name: &str) -> LoadedVolume {
    load_ct(fixture(name), None).unwrap()
}

fn choice(text: &str) -> SeriesChoice {
    text.parse().unwrap()
}

/// The message of a refusal, less the name of the folder.
fn refusal(name: &str) -> String {
    let message = load_ct(fixture(name), None).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    assert!(!message.contains("DOE") && !message.contains("SECRET"), "{message}");
    let folder = format!("{}", fixture("").display());
    message.strip_prefix(&folder).unwrap_or(&message).to_owned()
}

fn check(name: &str, found: &Volume<f32>, entry: &Value, tolerance: f32) {
    let dims: [usize; 3] = serde_json::from_value(entry["dims"].clone()).unwrap();
    assert_eq!(found.dims(), dims, "{name}");
    let rows: [[f64; 4]; 4] = serde_json::from_value(entry["world_from_index"].clone()).unwrap();
    let theirs = Matrix4::from_fn(|row, column| rows[row][column]);
    let difference = (found.world_from_index().to_matrix() - theirs).amax();
    assert!(difference < 1e-6, "{name}: off by {difference}");
    let voxels: Vec<f32> = serde_json::from_value(entry["voxels"].clone()).unwrap();
    let largest =
        found.voxels().iter().zip(&voxels).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest <= tolerance, "{name}: voxels are off by {largest}");
}

#[test]
fn all_axis_orders_are_those_of_simpleitk() {
    let expected = expected();
    let axes: Vec<_> = expected.iter().filter(|(name, _)| name.starts_with("axes/")).collect();
    assert_eq!(axes.len(), 48);
    for (name, entry) in axes {
        let number = name.strip_prefix("axes/").unwrap();
        let found = load_ct(fixture("axes"), Some(&choice(number))).unwrap();
        check(name, &found.volume, entry, 0.0);
        assert_eq!(found.warnings, [], "{name}");
        assert_eq!(found.other_series.len(), 47);
    }
}

#[test]
fn all_encodings_are_those_of_simpleitk() {
    let expected = expected();
    let all: Vec<_> = expected.iter().filter(|(name, _)| name.starts_with("encodings/")).collect();
    assert_eq!(all.len(), 36);
    for (name, entry) in all {
        // Decoders may round differently where there is loss: the transforms of JPEG, and the 9/7
        // wavelet of JPEG 2000, are sums of products that each forms in its own order and precision.
        let tolerance = match &**name {
            name if name.contains("baseline") => 2.0,
            name if name.contains("lossy2000") => 1.0,
            _ => 0.0,
        };
        let found = load(name);
        check(name, &found.volume, entry, tolerance);
        assert_eq!(found.warnings, [], "{name}");
    }
    assert_eq!(load("encodings/rle_i16").encoding, "RLE lossless, 16 bits");
    assert_eq!(load("encodings/jpeg2000_u16").encoding, "JPEG 2000 lossless, 16 bits");
    assert_eq!(load("encodings/lossy2000_u12").encoding, "JPEG 2000, 12 bits");
    assert_eq!(load("encodings/big_u12").encoding, "explicit big endian, 12 bits");
}

/// What the pixels of `make_dicom_fixtures.py` say at a place.
fn linear(world: Vector3<f64>) -> f64 {
    3.0 * world.x - 2.0 * world.y + 4.0 * world.z
}

/// Checks that every voxel holds its place's value or, where there may be, air; how many are air.
fn check_linear(volume: &Volume<f32>, tolerance: f64) -> usize {
    let mut air = 0;
    for (at, &voxel) in volume.voxels().iter().enumerate() {
        let index = Vector3::from(volume.index_of(at).map(|n| n as f64));
        let value = linear(volume.world_from_index().point(index));
        if voxel == -1000.0 {
            air += 1;
        } else {
            assert!((f64::from(voxel) - value).abs() < tolerance, "{index}: {voxel} for {value}");
        }
    }
    air
}

/// Of the stored numbers.
const ROUNDING: f64 = 0.04;

#[test]
fn a_tilted_gantry_is_straightened_and_told() {
    let LoadedVolume { volume, warnings, .. } = load("tilt");
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(matches!(
        warning, VolumeWarning::GantryTilt { angle_deg, told_deg: Some(-20.0) }
            if (angle_deg - 20.0).abs() < 1e-4
    ));
    assert!(warning.to_string().contains("tilted by 20.00 degrees"), "{warning}");
    // Fourteen mm times tan(20) are 5.1 mm, or 4.08 rows.
    assert_eq!(volume.dims(), [10, 17, 8]);
    let affine = volume.world_from_index();
    assert!((affine.spacing_mm()[2] - 2.0).abs() < 1e-9);
    assert_eq!(affine.linear().column(2).as_slice(), [0.0, 0.0, 2.0]);
    let air = check_linear(&volume, 2.0 * ROUNDING);
    // Each slice covers eleven or twelve of the seventeen lines.
    assert!((400..=480).contains(&air), "{air}");

    let LoadedVolume { volume, warnings, .. } = load("shifted");
    assert!(matches!(
        warnings[..], [VolumeWarning::Shifted { largest_mm }] if (largest_mm - 3.0).abs() < 1e-9
    ));
    check_linear(&volume, 2.0 * ROUNDING);
}

#[test]
fn gaps_are_filled_and_told() {
    let LoadedVolume { volume, warnings, .. } = load("gap");
    let [warning @ VolumeWarning::Gaps { gaps_mm, usual_mm }] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    assert_eq!((&gaps_mm[..], *usual_mm), (&[[4.0, 6.0]][..], 2.0));
    assert!(warning.to_string().contains("6.000 mm lie behind the slice at 4.0 mm"), "{warning}");
    assert_eq!(volume.dims(), [10, 12, 8]);
    assert_eq!(check_linear(&volume, ROUNDING), 0);

    let drift = VolumeWarning::Gaps { gaps_mm: vec![], usual_mm: 2.0 }.to_string();
    let start = "the distances of the slices differ from the usual 2.000 mm; the slices were";
    assert!(drift.starts_with(start), "{drift}");

    let LoadedVolume { volume, warnings, .. } = load("irregular");
    assert!(matches!(&warnings[..], [VolumeWarning::Gaps { gaps_mm, .. }] if gaps_mm.len() == 4));
    assert_eq!(check_linear(&volume, ROUNDING), 0);

    // Rounded positions are no gaps; the distance is that of the ends.
    let LoadedVolume { volume, warnings, .. } = load("rounded");
    assert_eq!(warnings, []);
    assert!((volume.world_from_index().spacing_mm()[2] - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn what_makes_no_volume_is_refused_with_reason_and_file() {
    for (name, file, reason) in [
        ("wide_gap", "wide_gap/IM003", "34.0 mm lie between this image and the next, where 2.00"),
        ("beside", "beside/IM002", "lies 400.0 mm beside the first"),
        ("phases", "IM000", "lie at the same place, 0.00 mm along the slices, and differ"),
        ("sizes", "sizes/odd", "8 x 10 pixels, the others of its series have 10 x 12 pixels"),
        ("directions", "directions/odd", "has the orientation 1\\0\\0\\0\\0\\-1"),
        ("spacings", "spacings/odd", "pixels of 0.8 x 1.25 mm, the others"),
        ("no_position", "no_position/odd", "ImagePositionPatient (0020,0032) is missing"),
        (
            "cut_pixels",
            "cut_pixels/IM002",
            "PixelData (7fe0,0010) has 140 bytes, where Rows, Columns, BitsAllocated and NumberOfFrames make 240: the file is cut off",
        ),
        (
            "only_scouts",
            "only_scouts",
            "the only images of its CT are localizers (scouts, 2 of them)",
        ),
        ("one_slice", "one_slice", "has 1 image with a place in space, at least 2 make a volume"),
        ("mr", "mr", "there is no CT among its DICOM images, only series 31 (MR, 4 images)"),
        ("copies/IM000", "copies/IM000", "a single DICOM image: name the folder"),
    ] {
        let message = refusal(name);
        assert!(message.contains(file) && message.contains(reason), "{name}: {message}");
    }
}

#[test]
fn what_does_not_matter_is_left_out_and_told() {
    let copies = load("copies");
    assert_eq!(copies.warnings, [VolumeWarning::Duplicates { count: 2 }]);
    assert_eq!(copies.volume.dims(), [10, 12, 4]);
    let localizer = load("localizer");
    assert_eq!(localizer.warnings, [VolumeWarning::Localizers { count: 1 }]);
    assert_eq!(check_linear(&localizer.volume, ROUNDING), 0);
    assert_eq!(load("no_rescale").warnings, [VolumeWarning::NoRescale]);
    let unit = "ED".to_owned();
    assert_eq!(load("electrons").warnings, [VolumeWarning::NotHounsfield { unit }]);
}

#[test]
fn the_series_is_chosen() {
    let found = load("study");
    let series = found.series.unwrap();
    assert_eq!(series.to_string(), "series 21 'Thorax 5.0 soft' (CT, 5 images)");
    assert_eq!(found.volume.dims(), [10, 12, 5]);
    let others: Vec<String> = found.other_series.iter().map(ToString::to_string).collect();
    // The description of the scout names the patient.
    for other in ["series 22 'Thorax 5.0 bone' (CT, 4 images)", "series 24 (CT, 1 image)"] {
        assert!(others.contains(&other.to_owned()), "{others:?}");
    }
    assert!(
        matches!(&found.warnings[..], [VolumeWarning::Unreadable { count: 1, file, .. }]
            if file.ends_with("cut")),
        "{:?}",
        found.warnings
    );

    let chosen = |text: &str| load_ct(fixture("study"), Some(&choice(text)));
    for text in ["22", "thorax 5.0 BONE", "bone", "1.2.826.0.1.3680043.10.54321.22"] {
        assert_eq!(chosen(text).unwrap().volume.dims()[2], 4, "{text}");
    }
    let mr = chosen("T1").unwrap();
    assert_eq!(mr.volume.dims()[2], 6);
    assert!(mr.warnings.contains(&VolumeWarning::NotCt { modality: "MR".to_owned() }));
    let message = chosen("thorax").unwrap_err().to_string();
    assert!(message.contains("several series fit 'thorax': series 21"), "{message}");
    let message = chosen("99").unwrap_err().to_string();
    assert!(message.contains("no series fits '99', there are series"), "{message}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/scaled.nii.gz");
    let message = load_ct(file, Some(&choice("1"))).unwrap_err().to_string();
    assert!(message.contains("--series chooses among those of a DICOM folder"), "{message}");
}

#[test]
fn padding_is_air() {
    for name in ["signed", "signed_as_unsigned", "unsigned", "range"] {
        for suffix in ["", "_implicit"] {
            let name = format!("padding/{name}{suffix}");
            let voxels = load(&name).volume.voxels().to_vec();
            assert_eq!(voxels[0], -1000.0, "{name}");
            let second = match &*name {
                "padding/range" | "padding/range_implicit" => -1000.0,
                "padding/unsigned" | "padding/unsigned_implicit" => 63541.0 - 1024.0,
                _ => -1995.0 - 1024.0,
            };
            assert_eq!(voxels[1..4], [second, 104.0 - 1024.0, 106.0 - 1024.0], "{name}");
        }
    }
}

/// A copy of a fixture's folder, each file changed.
fn changed(name: &str, change: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(folder.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    folder
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

/// Headers are read piece by piece, the first piece has 16 KiB.
#[test]
fn the_pixels_may_start_where_a_piece_of_the_header_ends() {
    let original = load("rounded");
    for pixels_at in [16_372, 16_384, 16_396] {
        let folder = changed("rounded", |bytes| {
            let at = find(bytes, b"\xe0\x7f\x10\0OW");
            let length = pixels_at - at - 12;
            let mut private = b"\x29\0\x10\x10OB\0\0".to_vec();
            private.extend((length as u32).to_le_bytes());
            private.resize(12 + length, 0);
            drop(bytes.splice(at..at, private));
        });
        assert_eq!(load_ct(folder.path(), None).unwrap().volume, original.volume, "{pixels_at}");
    }
}

/// Of a file, what follows the preamble and DICM.
fn without_preamble(bytes: &mut Vec<u8>) {
    drop(bytes.drain(..132));
}

/// Nor with the group that tells the transfer syntax.
fn without_first_group(bytes: &mut Vec<u8>) {
    without_preamble(bytes);
    // Its first element tells how long the rest of it is.
    let length = u32::from_le_bytes([8, 9, 10, 11].map(|at| bytes[at])) as usize;
    drop(bytes.drain(..12 + length));
}

#[test]
fn files_without_the_preamble_open() {
    type Change = fn(&mut Vec<u8>);
    let without: [Change; 2] = [without_preamble, without_first_group];
    for (name, changes) in [
        ("encodings/implicit_i16", &without[..]),
        ("encodings/explicit_i16", &without),
        // Without that group little endian is what is taken.
        ("encodings/big_i16", &without[..1]),
        ("encodings/rle_i16", &without[..1]),
    ] {
        for change in changes {
            let folder = changed(name, change);
            assert_eq!(load_ct(folder.path(), None).unwrap().volume, load(name).volume, "{name}");
            // A slice by itself is known for what it is.
            let slice = folder.path().join("0.dcm");
            assert!(is_volume(&slice) && is_dicom(&slice), "{name}");
            assert_eq!(read_dicom_image(&slice).unwrap().size_px, [16, 12], "{name}");
            let message = load_ct(&slice, None).unwrap_err().to_string();
            assert!(message.contains("a single DICOM image"), "{message}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    for (n, bytes) in [&b"\x02\0"[..], b"\x08\0\x05\0", &[8; 200], b"{\"a\": 1}"].iter().enumerate()
    {
        let path = folder.path().join(n.to_string());
        fs::write(&path, bytes).unwrap();
        assert!(!is_dicom(&path));
    }
}

#[test]
fn implicit_little_endian_with_big_endian_pixels_is_refused() {
    let folder = changed("encodings/implicit_i16", |bytes| {
        let private = b"1.2.840.113619.5.2";
        let at = find(bytes, b"1.2.840.10008.1.2\0");
        bytes[at..at + private.len()].copy_from_slice(private);
    });
    let message = read_ct(folder.path()).unwrap_err().to_string();
    assert!(message.contains("TransferSyntaxUID (0002,0010) is '1.2.840.113619.5.2'"), "{message}");
}

/// Directions tell where, the spacing how far.
#[test]
fn directions_do_not_stretch_the_spacing() {
    let folder = changed("rounded", |bytes| {
        let at = find(bytes, b"\x20\0\x37\0DS") + 6;
        let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let orientation = b"0.9995\\0\\0\\0\\1.0005\\0";
        let element = [&(orientation.len() as u16).to_le_bytes()[..], orientation].concat();
        drop(bytes.splice(at..at + 2 + length, element));
    });
    let affine = *load_ct(folder.path(), None).unwrap().volume.world_from_index();
    let expected = *load("rounded").volume.world_from_index();
    assert!((affine.to_matrix() - expected.to_matrix()).amax() < 1e-12);
}

#[test]
fn enhanced_cts_open() {
    for name in ["enhanced.dcm", "enhanced_implicit.dcm", "enhanced_rle.dcm"] {
        let found = load(name);
        assert_eq!(found.volume.dims(), [10, 12, 4], "{name}");
        let affine = found.volume.world_from_index();
        assert_eq!(affine.translation().as_slice(), [1.0, 2.0, 0.0]);
        assert_eq!(affine.linear().diagonal().as_slice(), [0.703125, 1.25, 3.0]);
        assert_eq!(check_linear(&found.volume, ROUNDING), 0);
        assert_eq!(found.warnings, []);
    }
}

#[test]
fn nothing_names_the_patient_unless_asked() {
    let found = load("study");
    let words = [
        format!("{:?} {:?}", found.series, found.other_series),
        format!("{:?}", found.warnings),
        found.encoding.clone(),
    ]
    .concat();
    for secret in ["DOE", "JOHN", "SECRET", "1970", "2024"] {
        assert!(!words.contains(secret), "{secret} in {words}");
    }
    assert_eq!(found.identity.patient_name.as_deref(), Some("DOE^JOHN"));
    assert_eq!(found.identity.study_date.as_deref(), Some("20240131"));
}

#[test]
fn folders_without_dicom_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "text").unwrap();
    let message = read_ct(folder.path()).unwrap_err().to_string();
    assert!(message.contains("no file in it is a DICOM image"), "{message}");
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: there is no ../shared/data/{name} beside the checkout");
    None
}

#[test]
fn a_real_series_opens() {
    let Some(folder) = shared("ct_j2k") else { return };
    let found = load_ct(folder, None).unwrap();
    let volume = &found.volume;
    assert_eq!(volume.dims(), [512, 512, 20]);
    let spacing = volume.world_from_index().spacing_mm();
    // SliceThickness says 3.
    assert!((spacing[2] - 2.0).abs() < 1e-6, "{spacing:?}");
    assert!((spacing[0] - 0.977).abs() < 1e-3, "{spacing:?}");
    assert_eq!(found.encoding, "JPEG 2000 lossless, 12 bits");
    // What SimpleITK sees: the sum of all voxels, each times its position modulo a prime.
    let sum: i64 = (0..).zip(volume.voxels()).map(|(at, &v)| at % 1009 * v as i64).sum();
    assert_eq!(sum, REAL_SERIES_SUM);
}

/// By SimpleITK 2.5.7.
const REAL_SERIES_SUM: i64 = -1_649_328_017_484;

#[test]
fn real_encodings_are_read_or_refused_by_name() {
    let Some(folder) = shared("encodings") else { return };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Each is one image, and no volume. Lossless encodings of one image are held against each
        // other beside the decoders.
        let message = load_ct(&path, None).unwrap_err().to_string();
        let is_xray = name.starts_with("RG2") || name.starts_with("XA1");
        let reason = if is_xray { "no CT" } else { "a single DICOM image" };
        assert!(message.contains(reason), "{message}");
        let image = match read_dicom_image(&path) {
            Ok(image) => image,
            Err(error) => {
                assert!(cfg!(not(feature = "jpeg-ls")) && name.contains("JLS"), "{error}");
                assert!(error.to_string().contains("with the feature 'jpeg-ls'"), "{error}");
                continue;
            }
        };
        if is_xray {
            continue;
        }
        assert_eq!((image.size_px, &*image.modality), ([512, 512], "CT"), "{name}");
        // By SimpleITK 2.5.7.
        let range = match &name[..4] {
            "CT1_" if name.ends_with("R") || name.ends_with("LL") => [-3024.0, 1254.0],
            "CT2_" if !name.ends_with("I") && !name.contains("JLSN") => [-2048.0, 1433.0],
            _ => continue,
        };
        assert_eq!(image.range, range, "{name}");
    }
}
