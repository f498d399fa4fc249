//! Proves: `info` goes on after a file that cannot be read, shows the geometry that `register` would
//! use with the same flags, tells the tags of an X-ray whose pixels this build cannot decode, and says
//! where there may be burnt-in text.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use isocenter::radiograph::Image;
use isocenter_io::image::write_intensity8;
use serde_json::{Value, json};
use support::Scratch;

fn xray(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../crates/isocenter-io/tests/fixtures/xray")
        .join(name)
}

/// Exit code, standard output and standard error.
fn run(case: &Scratch, arguments: &str) -> (Option<i32>, String, String) {
    let output = case.run(arguments);
    let [out, error] = [output.stdout, output.stderr].map(|s| String::from_utf8(s).unwrap());
    (output.status.code(), out, error)
}

#[test]
fn a_bad_file_does_not_hide_the_others() {
    let case = Scratch::new();
    case.write("cut.nii", &case.read("ct.nii")[..4000]);
    let files = "no.nii camera.json cut.nii xray.tif no.dcm";
    let (code, said, errors) = run(&case, &format!("info {files}"));
    assert_eq!(code, Some(2));
    assert!(said.contains("camera.json: camera") && said.contains("xray.tif: image"), "{said}");
    let lines: Vec<&str> = errors.lines().collect();
    let [no, cut, dicom] = lines[..] else { panic!("{errors}") };
    assert_eq!(no, "isocenter: no.nii: there is no such file: check the path");
    assert!(cut.starts_with("isocenter: cut.nii: the data end after"), "{cut}");
    assert_eq!(dicom, "isocenter: no.dcm: there is no such file: check the path");

    let (code, said, errors) = run(&case, &format!("info --json {files}"));
    assert_eq!((code, errors.lines().count()), (Some(2), 3), "{errors}");
    let described: Value = serde_json::from_str(&said).unwrap();
    let kinds: Vec<&Value> = (0..5).map(|n| &described[n]["kind"]).collect();
    assert_eq!(kinds, ["error", "camera", "error", "image", "error"]);
    assert_eq!(described[0]["file"], "no.nii");
    assert_eq!(described[0]["error"], "no.nii: there is no such file: check the path");
    let (code, said, _) = run(&case, "info --json no.nii");
    let described: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &described[0]["kind"]), (Some(2), &json!("error")));
}

#[test]
fn the_flags_that_messages_name_are_taken() {
    let case = Scratch::new();
    let bare = xray("bad_no_sdd.dcm").display().to_string();
    let said = case.succeed(&format!("info {bare}"));
    assert!(said.contains("  needed       the tags do not tell") && said.contains("--sdd MM"));
    let flags = "--sdd 1000 --pixel-spacing 0.3,0.4 --principal-point 3,4.5 --flip rows \
                 --xray-values attenuation";
    let said = case.succeed(&format!("info {bare} {flags}"));
    for part in [
        "taken as attenuation",
        "0.30000 x 0.40000 mm at the detector (given)",
        "detector     1000 mm from the source",
        "principal    column 3.00, row 4.50",
        "rows are flipped (given)",
    ] {
        assert!(said.contains(part), "'{part}' is not in: {said}");
    }
    assert!(!said.contains("needed"), "{said}");
    let said = case.succeed(&format!("info --json {bare} {flags}"));
    let described: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(described[0]["source_to_detector_mm"], 1000.0);
    assert_eq!(described[0]["pixel_spacing_mm"], json!([0.3, 0.4]));
    assert_eq!(described[0]["principal_point_px"], json!([3.0, 4.5]));
    assert_eq!((&described[0]["flip"], &described[0]["needed"]), (&json!("rows"), &Value::Null));

    // Another format has no tags at all.
    let said = case.succeed("info xray.tif --sdd 1020 --pixel-spacing 3.6 --principal-point 40,41");
    for part in ["detector     1020 mm", "3.60000 x 3.60000 mm", "column 40.00, row 41.00"] {
        assert!(said.contains(part), "'{part}' is not in: {said}");
    }

    let run_of_three = xray("xa_run_step.dcm").display().to_string();
    let said = case.succeed(&format!("info {run_of_three} {run_of_three} --frame 2 --frame 3"));
    assert!(said.contains("frame 2 of 3") && said.contains("frame 3 of 3"), "{said}");
    let (code, _, error) = run(&case, &format!("info {run_of_three} --frame 2 --frame 3"));
    assert_eq!(code, Some(2));
    assert!(error.contains("--frame is given 2 times for 1 X-rays"), "{error}");
}

/// A file of which no more than the header says that it is JPEG-LS.
#[test]
fn tags_are_told_where_the_pixels_cannot_be_decoded() {
    let case = Scratch::new();
    let mut bytes = fs::read(xray("xa_plain.dcm")).unwrap();
    let element = b"UI\x14\x001.2.840.10008.1.2.1\0";
    let at = bytes.windows(element.len()).position(|window| window == element).unwrap();
    let jpeg_ls = b"UI\x16\x001.2.840.10008.1.2.4.80";
    drop(bytes.splice(at..at + element.len(), jpeg_ls.iter().copied()));
    case.write("ls.dcm", bytes);
    let (code, said, error) = run(&case, "info ls.dcm");
    if cfg!(feature = "jpeg-ls") {
        assert_eq!(code, Some(2), "{error}");
        return;
    }
    assert_eq!((code, &*error), (Some(0), ""));
    for part in [
        "ls.dcm: X-ray, XA, JPEG-LS lossless",
        "20 x 12 pixels",
        "values       not read",
        "1000 mm from the source",
        "0.25000 x 0.50000 mm",
        "warning      the pixels are compressed as JPEG-LS lossless, which this build does not read: build with the feature 'jpeg-ls'",
    ] {
        assert!(said.contains(part), "'{part}' is not in: {said}");
    }
    let described: Value = serde_json::from_str(&case.succeed("info ls.dcm --json")).unwrap();
    assert_eq!(
        (&described[0]["range"], &described[0]["left_out_percent"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(described[0]["pixel_spacing_mm"], json!([0.25, 0.5]));
    let (code, _, error) = run(&case, "info ls.dcm --preview p.png");
    assert!(code == Some(2) && error.contains("ls.dcm: the pixels are compressed"), "{error}");
}

#[test]
fn text_in_images_of_other_formats_is_told() {
    /// The strokes of an A, five pixels by seven.
    const LETTER: [u8; 7] = [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001];
    let case = Scratch::new();
    let letter = |column: usize, row: usize| {
        let (c, r) = (column.wrapping_sub(20), row.wrapping_sub(30));
        c < 36 && r < 7 && c % 6 < 5 && LETTER[r] >> (4 - c % 6) & 1 == 1
    };
    let grey = |column: usize, row: usize| 40.0 + ((column + row) as f32 / 4.0).round();
    let screen = |written: bool| {
        let pixel = |n: usize| match (n % 128, n / 128) {
            (column, row) if written && letter(column, row) => 255.0,
            (column, row) => grey(column, row),
        };
        Image::new([128, 128], (0..128 * 128).map(pixel).collect()).unwrap()
    };
    for (written, name) in [(true, "written.png"), (false, "blank.png")] {
        write_intensity8(case.path(name), &screen(written)).unwrap();
        let said = case.succeed(&format!("info {name}"));
        assert_eq!(said.contains("there may be burnt-in text"), written, "{said}");
        assert_eq!(said.contains("text = true under [prepare]"), written, "{said}");
    }
    assert!(!case.succeed("info xray.tif").contains("text"));
}

#[test]
fn a_name_cannot_break_the_line() {
    let case = Scratch::new();
    let name = "a\nb.json";
    fs::copy(case.path("camera.json"), case.path(name)).unwrap();
    let output = case.command("info").args([name, "c\nd.nii"]).output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|s| String::from_utf8(s).unwrap());
    assert!(out.starts_with("a b.json: camera\n"), "{out}");
    assert_eq!(error, "isocenter: c d.nii: there is no such file: check the path\n");
}
