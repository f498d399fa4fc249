//! Proves: X-rays in DICOM are read as their tags say, with cameras and poses that a model of the
//! machine in three dimensions gives (`tools/golden/xray/make_fixtures.py`); what the tags do not say
//! is asked for by its flag; and nothing names the patient.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

use isocenter::geometry::{ImageFlip, View};
use isocenter::radiograph::prepare::prepare;
use isocenter::radiograph::{Image, PixelValues, PrepareConfig, RankValues};
use isocenter_io::image::read_image;
use isocenter_io::xray::{
    GivenGeometry, Relationship, XrayCamera, XrayFile, is_dicom, read_xray, read_xray_header,
};
use nalgebra::{Matrix4, Vector3};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/xray").join(name)
}

fn file(name: &str) -> XrayFile {
    read_xray(fixture(name), None, None).unwrap()
}

fn camera(name: &str, frame: Option<usize>, given: &GivenGeometry) -> Result<XrayCamera, String> {
    let header = read_xray_header(fixture(name), frame).unwrap();
    header.geometry.camera(given).map_err(|error| error.to_string())
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

fn near(found: &[f64], expected: &Value, most: f64, what: &str) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(&expected) {
        assert!((f - e).abs() < most, "{what}: {found:?}, expected {expected:?}");
    }
}

/// Where the isocenter of the fixtures lies (mm, LPS).
const ISOCENTER: Vector3<f64> = Vector3::new(10.0, -20.0, 30.0);

#[test]
fn cameras_are_those_of_the_machine() {
    let expected = std::fs::read_to_string(fixture("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let files = expected["files"].as_object().unwrap();
    assert!(files.len() >= 22);
    for (name, expected) in files {
        let (file, frame) = match name.split_once(':') {
            Some((file, frame)) => (file, frame.parse().ok()),
            None => (name.as_str(), None),
        };
        let found = camera(file, frame, &GivenGeometry::default()).unwrap();
        assert_eq!(found.flip.to_string(), expected["flip"].as_str().unwrap(), "{name}");
        let camera = &found.camera;
        near(&camera.pixel_spacing_mm(), &expected["pixel_spacing_mm"], 1e-9, name);
        near(&camera.principal_point_px(), &expected["principal_point_px"], 1e-6, name);
        near(&camera.size_px().map(|n| n as f64), &expected["size_px"], 0.5, name);
        let distance = &expected["source_to_detector_mm"];
        near(&[camera.source_to_detector_mm()], distance, 1e-9, name);
        let known = expected.get("no_isocenter").is_none();
        assert_eq!(camera.source_to_isocenter_mm(), known.then_some(700.0), "{name}");
        let pose: Matrix4<f64> = found.camera_from_world(ISOCENTER, 700.0).unwrap().to_matrix();
        near(pose.transpose().as_slice(), &expected["camera_from_world"], 1e-9, name);
        let said = found.remarks.iter().any(|remark| remark.contains("--flip"));
        assert_eq!(said, expected.get("assumed_side").is_some(), "{name}: {:?}", found.remarks);
    }
}

#[test]
fn what_is_given_goes_before_the_tags() {
    let given = GivenGeometry {
        source_to_detector_mm: Some(1100.0),
        pixel_spacing_mm: Some([0.3, 0.4]),
        principal_point_px: Some([3.0, 4.0]),
        flip: Some(ImageFlip::Rows),
    };
    for name in
        ["xa_plain.dcm", "bad_no_sdd.dcm", "bad_spacing.dcm", "bad_tilt.dcm", "bad_turn.dcm"]
    {
        let found = camera(name, None, &given).unwrap();
        assert_eq!(found.camera.source_to_detector_mm(), 1100.0);
        assert_eq!(found.camera.pixel_spacing_mm(), [0.3, 0.4]);
        // Row 4 of 12 is row 7 after the flip.
        assert_eq!(found.camera.principal_point_px(), [3.0, 7.0], "{name}");
        assert_eq!(found.flip, ImageFlip::Rows);
        assert!(found.remarks.is_empty(), "{:?}", found.remarks);
    }
}

#[test]
fn what_is_missing_or_wrong_names_its_tag_and_flag() {
    for (name, parts) in [
        ("bad_no_sdd.dcm", vec!["DistanceSourceToDetector (0018,1110)", "missing", "--sdd"]),
        ("bad_zero_sdd.dcm", vec!["DistanceSourceToDetector (0018,1110) is '0'", "give --sdd"]),
        ("bad_zero_lengths.dcm", vec!["DistanceSourceToDetector (0018,1110) is '0'", "give --sdd"]),
        (
            "bad_fiducial.dcm",
            vec![
                "PixelSpacing (0.175\\0.35 mm) is calibrated in the patient (FIDUCIAL)",
                "--pixel-spacing",
            ],
        ),
        ("bad_negative_sdd.dcm", vec!["DistanceSourceToDetector (0018,1110)", "'-1000'"]),
        ("bad_no_spacing.dcm", vec!["ImagerPixelSpacing (0018,1164)", "--pixel-spacing", "229 mm"]),
        ("bad_spacing.dcm", vec!["ImagerPixelSpacing (0018,1164)", "'0\\0.25'", "--pixel-spacing"]),
        ("bad_tilt.dcm", vec!["0.64 degrees", "(0018,1530) 0.4", "--principal-point"]),
        ("bad_turn.dcm", vec!["FieldOfViewRotation (0018,7032)", "'45'"]),
    ] {
        let message = camera(name, None, &GivenGeometry::default()).unwrap_err();
        for part in parts {
            assert!(message.contains(part), "{name}: '{part}' is not in: {message}");
        }
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.starts_with(&*fixture(name).to_string_lossy()), "{message}");
    }
    let upright = camera("good_tilt.dcm", None, &GivenGeometry::default()).unwrap();
    assert_eq!(upright.camera.source_to_detector_mm(), 1000.0);
    // With the foot of the perpendicular known, the distance along it is told by the angle, 0.64 degrees.
    let foot = GivenGeometry { principal_point_px: Some([9.5, 5.5]), ..GivenGeometry::default() };
    let tilted = camera("bad_tilt.dcm", None, &foot).unwrap();
    let upright_mm = 1000.0
        / (1.0 + 0.4_f64.to_radians().tan().powi(2) + 0.5_f64.to_radians().tan().powi(2)).sqrt();
    assert!((tilted.camera.source_to_detector_mm() - upright_mm).abs() < 1e-9);
    assert!(tilted.remarks.iter().any(|remark| remark.contains("0.64 degrees")));
    let far = camera("far_isocenter.dcm", None, &GivenGeometry::default()).unwrap();
    assert_eq!(far.camera.source_to_isocenter_mm(), None);
    assert!(far.remarks.iter().any(|remark| remark.contains("1200 mm")), "{:?}", far.remarks);
    // An angle that makes no sense is told, and costs the view only.
    let header = read_xray_header(fixture("bad_angle.dcm"), None).unwrap();
    assert!(header.warnings.iter().any(|w| w.contains("PositionerPrimaryAngle")));
    assert_eq!(header.geometry.camera(&GivenGeometry::default()).unwrap().view, None);

    let error = |name, frame| read_xray(fixture(name), frame, None).unwrap_err().to_string();
    assert!(error("bad_modality.dcm", None).contains("'MR'"));
    assert!(error("xa_run_step.dcm", Some(4)).contains("--frame 1 to 3"));
    assert!(error("xa_run_step.dcm", Some(0)).contains("--frame 1 to 3"));
    assert!(error("expected.json", None).contains("not a DICOM file"));
    assert!(error("bad_only_padding.dcm", None).contains("every pixel is padding or saturated"));

    // What is needed for the camera is asked for in turn; the isocenter is not.
    let header = read_xray_header(fixture("bad_zero_lengths.dcm"), None).unwrap();
    let given = GivenGeometry { source_to_detector_mm: Some(1e3), ..GivenGeometry::default() };
    let message = header.geometry.camera(&given).unwrap_err().to_string();
    let part = "ImagerPixelSpacing (0018,1164) is '0\\0'";
    assert!(message.contains(part) && message.contains("--pixel-spacing"), "{message}");
    for tag in ["DistanceSourceToDetector", "DistanceSourceToPatient", "ImagerPixelSpacing"] {
        assert!(header.warnings.iter().any(|w| w.starts_with(tag) && w.contains("is '0")), "{tag}");
    }
    let header = read_xray_header(fixture("bad_zero_isocenter.dcm"), None).unwrap();
    let camera = header.geometry.camera(&GivenGeometry::default()).unwrap().camera;
    assert_eq!(camera.source_to_isocenter_mm(), None);
    let named = |warning: &String| warning.contains("(or give --source-to-isocenter-mm)");
    assert!(header.warnings.iter().any(named), "{:?}", header.warnings);
}

#[test]
fn frames_are_told_apart() {
    let first =
        |frame| read_xray(fixture("xa_run_step.dcm"), frame, None).unwrap().image.pixels()[0];
    assert_eq!([None, Some(1), Some(2), Some(3)].map(first), [200.0, 200.0, 210.0, 220.0]);
    let said = |frame| {
        let header = read_xray_header(fixture("xa_run_step.dcm"), frame).unwrap();
        header.warnings.iter().any(|warning| warning.contains("3 frames"))
    };
    assert!(said(None) && !said(Some(1)));
}

#[test]
fn grey_values_mean_what_the_tags_say() {
    use PixelValues::{Attenuation, Intensity};
    use Relationship::{Displayed, Linear, Logarithmic};
    // Stored numbers rise with the column; does more light, or more matter?
    for (name, values, relationship, rises) in [
        ("grey_lin.dcm", Intensity, Linear, true),
        ("grey_lin_minus.dcm", Intensity, Linear, false),
        ("grey_log.dcm", Attenuation, Logarithmic, false),
        ("grey_log_minus.dcm", Attenuation, Logarithmic, true),
        ("grey_disp_rf.dcm", Intensity, Displayed, true),
        ("grey_disp_rf_mono1.dcm", Intensity, Displayed, false),
        ("grey_cr.dcm", Intensity, Displayed, false),
        ("grey_cr_mono1.dcm", Intensity, Displayed, true),
        ("grey_contradiction.dcm", Intensity, Linear, true),
    ] {
        let file = file(name);
        assert_eq!((file.values, file.header.relationship), (values, relationship), "{name}");
        let pixels = file.image.pixels();
        assert_eq!(pixels[0] < pixels[1], rises, "{name}");
    }
    // In proportion to the light, the numbers are kept.
    assert_eq!(file("grey_lin.dcm").image.pixels()[..3], [0.0, 16.0, 32.0]);
    assert_eq!(file("grey_lin_minus.dcm").image.pixels()[..2], [4095.0, 4079.0]);
    assert_eq!(file("grey_signed.dcm").image.pixels()[1..3], [16.0, 32.0]);
    let (low, high) = file("grey_log.dcm").image.range();
    assert!((3.9..4.2).contains(&(high - low)), "{low} {high}");
    // Who knows better is believed.
    let given = read_xray(fixture("grey_disp_rf.dcm"), None, Some(Attenuation)).unwrap();
    assert_eq!((given.values, given.image.pixels()[1]), (Attenuation, 16.0));
    for name in ["grey_contradiction.dcm", "grey_identity_mono1.dcm"] {
        let contradiction = file(name).header.warnings;
        assert!(contradiction.iter().any(|w| w.contains("contradict")), "{contradiction:?}");
    }
    // The photometric interpretation only says how to show the pixels.
    assert_eq!(file("grey_identity_mono1.dcm").image, file("grey_lin.dcm").image);
    let annotated = file("grey_annotated.dcm").header.warnings;
    assert!(annotated.iter().any(|w| w.contains("BurnedInAnnotation")), "{annotated:?}");
    // Grey values are not changed without a word.
    for (name, values, said) in [
        ("grey_log.dcm", None, true),
        ("grey_log.dcm", Some(Attenuation), false),
        ("grey_lin.dcm", None, false),
    ] {
        let warnings = read_xray(fixture(name), None, values).unwrap().header.warnings;
        let stretched =
            warnings.iter().any(|w| w.contains("stretched to line integrals of 0 to 4"));
        assert_eq!(stretched, said, "{name}: {warnings:?}");
    }
    let presented = file("dx_from_source.dcm").header.warnings;
    assert!(presented.iter().any(|w| w.contains("for presentation")), "{presented:?}");
}

#[test]
fn padding_and_saturation_do_not_count() {
    let padded = file("grey_padding.dcm");
    let counts = padded.counts.unwrap();
    // Columns 0 to 3 are padding; the first pixel after them is the darkest that counts.
    for row in 0..12 {
        for column in 0..20 {
            assert_eq!(counts.get(column, row), Some(column > 3), "{column} {row}");
        }
    }
    assert_eq!((padded.image.get(0, 5), padded.image.range().0), (Some(64.0), 64.0));
    let saturated = file("grey_saturated.dcm").counts.unwrap();
    // 3 x 5 black, 2 x 5 white, and the black pixel that begins the ramp.
    assert_eq!(saturated.inverted().count(), 15 + 10 + 1);
    assert_eq!((saturated.get(5, 3), saturated.get(12, 9)), (Some(false), Some(false)));
    assert_eq!(file("xa_plain.dcm").counts, None);
}

#[test]
fn nothing_names_the_patient() {
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        if !is_dicom(&path) {
            continue;
        }
        let Ok(header) = read_xray_header(&path, None) else { continue };
        let mut shown = format!("{:?} {:?}", header.warnings, header.geometry);
        match header.geometry.camera(&GivenGeometry::default()) {
            Ok(camera) => shown += &format!("{camera:?}"),
            Err(error) => shown += &error.to_string(),
        }
        for name in ["Secret", "SECRET", "1901", "2001"] {
            assert!(!shown.contains(name), "{}: {shown}", path.display());
        }
        // Who asks for it gets it.
        assert_eq!(header.identity().patient_id.as_deref(), Some("SECRET-ID"));
    }
}

#[test]
fn pixels_of_a_calibrated_image_are_those_of_the_detector() {
    // In the patient, 0.7 of what they are at the detector, told by an object of known size there.
    let file = file("xa_fiducial.dcm");
    let size = file.header.geometry.pixel_size.unwrap().unwrap();
    assert!((size.spacing_mm[0] - 0.25).abs() < 1e-9, "{size:?}");
    assert!(size.source.contains("1.4286") && size.warning.unwrap().contains("FIDUCIAL"));
}

#[test]
fn errors_after_reading_name_the_file() {
    let file = file("xa_plain.dcm");
    let blank = Image::new([20, 12], vec![7.0; 240]).unwrap();
    let blank = XrayFile { image: blank, ..file };
    let error = blank.prepared(ImageFlip::None, &PrepareConfig::default()).unwrap_err();
    assert_eq!(error.path, fixture("xa_plain.dcm"));
}

#[test]
fn an_x_ray_without_the_preamble_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("xray");
    for name in ["xa_plain.dcm", "xa_implicit.dcm"] {
        std::fs::write(&path, &std::fs::read(fixture(name)).unwrap()[132..]).unwrap();
        assert!(is_dicom(&path));
        assert_eq!(read_xray(&path, None, None).unwrap().image, file(name).image);
    }
}

/// The real images, where they are there.
fn real(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    if !path.is_dir() {
        println!("skipped: there is no ../shared/data/{folder} beside the checkout");
        return None;
    }
    Some(path)
}

#[test]
fn real_fluoroscopy_images_open() {
    let Some(folder) = real("fluoro") else { return };
    for name in ["IM-0001-0020.dcm", "IM-0001-0030.dcm"] {
        let file = read_xray(folder.join(name), None, None).unwrap();
        assert_eq!((&*file.header.modality, file.header.size_px), ("RF", [1024, 1024]));
        assert_eq!(file.header.geometry.source_to_detector_mm, Ok(Some(1000.0)));
        assert_eq!(file.values, PixelValues::Intensity);
        assert_eq!(file.header.geometry.view, Ok(None));
        let error = file.header.geometry.camera(&GivenGeometry::default()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("--pixel-spacing") && message.contains("229 mm"), "{message}");
        let given =
            GivenGeometry { pixel_spacing_mm: Some([0.224; 2]), ..GivenGeometry::default() };
        let camera = file.header.geometry.camera(&given).unwrap();
        assert_eq!(camera.flip, ImageFlip::Columns);
        assert_eq!(camera.camera.source_to_detector_mm(), 1000.0);
    }
}

/// The round field is about (513, 511), 479 px wide; in the second image blades cut it above and below.
#[test]
fn the_round_field_of_real_images_is_masked() {
    let Some(folder) = real("fluoro") else { return };
    let config = PrepareConfig { ranks: RankValues::Always, ..PrepareConfig::default() };
    for (name, blades) in [("IM-0001-0020.dcm", [0, 1024]), ("IM-0001-0030.dcm", [125, 890])] {
        let file = read_xray(folder.join(name), None, None).unwrap();
        let prepared = file.prepared(ImageFlip::None, &config).unwrap();
        let (field, mask) = (prepared.field.unwrap(), prepared.mask.unwrap());
        let (mut inside, mut found) = (0, 0);
        for row in 0..1024_usize {
            for column in 0..1024_usize {
                let radius = (column as f64 - 513.0).hypot(row as f64 - 511.0);
                let lit = radius < 479.0 && (blades[0]..blades[1]).contains(&row);
                let is_field = field.get(column, row) == Some(true);
                assert!(lit || !is_field, "{name}: {column} {row}");
                // Well within it; the side of the second image that is dense is as dark as lead.
                if radius < 380.0 && (blades[0] + 40..blades[1] - 40).contains(&row) {
                    inside += 1;
                    found += usize::from(is_field);
                }
            }
        }
        assert!(f64::from(found as u32) > 0.97 * f64::from(inside), "{name}: {found} of {inside}");
        // What is not the field does not count, nor does what is burnt out.
        assert!(mask.count() < field.count() && mask.and(&field) == mask, "{name}");
        // Bone is not metal.
        assert_eq!(prepared.metal, None, "{name}");
        assert_eq!(prepared.text, None, "{name}");
    }
}

/// Two fluoroscopes' images of a wrist, and portal images of a head, without metal of a tool's size.
#[test]
fn real_bones_are_not_metal() {
    let mut images = 0;
    for folder in ["wrist/xrays", "rando/epid"] {
        let Some(folder) = real(folder) else { continue };
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let loaded = read_image(&path).unwrap();
            let config = PrepareConfig::default();
            let prepared = prepare(&loaded.image, loaded.values, loaded.full_scale, &config);
            assert_eq!(prepared.unwrap().metal, None, "{}", path.display());
            images += 1;
        }
    }
    println!("{images} images");
}

#[test]
fn real_radiographs_open_where_their_codec_is_built_in() {
    let Some(folder) = real("encodings") else { return };
    for (name, modality, size) in
        [("RG2_JLSL", "CR", [1760, 2140]), ("XA1_JLSL", "XA", [1024, 1024])]
    {
        let header = read_xray_header(folder.join(name), None).unwrap();
        assert_eq!((&*header.modality, header.size_px), (modality, size));
        match read_xray(folder.join(name), None, None) {
            Ok(file) => assert_eq!(file.image.size_px(), size),
            // Without that codec, the error names its feature.
            Err(error) => assert!(error.to_string().contains("feature 'jpeg-ls'"), "{error}"),
        }
    }
}

#[test]
fn named_views_are_those_of_the_bucky() {
    let view = |name| read_xray_header(fixture(name), None).unwrap().geometry.view;
    assert_eq!(view("dx_orientation.dcm"), Ok(Some(View::PA)));
    assert_eq!(view("cr_spacing.dcm"), Ok(Some(View::AP)));
}
