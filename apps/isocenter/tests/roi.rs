//! Proves: a region of an X-ray registers as the whole does, its overlay shows the region alone, regions
//! are those of the flipped image, landmarks stay those of the stored one, and regions that are not in
//! the image are refused by name.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use isocenter::radiograph::ImageFlip;
use isocenter_io::image::{read_image, write_line_integral};
use serde_json::{Value, json};
use support::{REGISTER, Scratch};

fn result(case: &Scratch, folder: &str) -> Value {
    serde_json::from_slice(&case.read(&format!("{folder}/result.json"))).unwrap()
}

/// A registration that must be refused, with these words.
fn refuses(case: &Scratch, flags: &str, expected: &[&str]) {
    let output = case.run(&format!("{REGISTER} --xray xray.tif --out refused {flags}"));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{flags}: {error}");
    assert!(expected.iter().all(|words| error.contains(words)), "{flags}: {error}");
}

#[test]
fn a_region_registers_as_the_whole_does() {
    let case = Scratch::new();
    let register = format!("{REGISTER} --truth truth.json");
    case.succeed(&format!("{register} --xray xray.tif --out whole"));
    case.succeed(&format!("{register} --xray xray.tif --roi 72x60+14+9 --out part"));
    for folder in ["whole", "part"] {
        let error = result(&case, folder)["mtre_mm"].as_f64().unwrap();
        assert!(error < 1.5, "{folder}: {error} mm");
    }
    assert_eq!(result(&case, "whole").get("image_region"), None);
    assert_eq!(result(&case, "part")["image_region"], json!(["72x60+14+9"]));

    // Stored with left and right exchanged: the region is that of the image after the flip.
    let xray = read_image(case.path("xray.tif")).unwrap().image;
    write_line_integral(case.path("stored.tif"), &xray.flipped(ImageFlip::Columns)).unwrap();
    let flipped = "--xray stored.tif --flip columns --roi 72x60+14+9 --out flipped";
    case.succeed(&format!("{register} {flipped}"));
    let errors = ["part", "flipped"].map(|folder| result(&case, folder)["mtre_mm"].clone());
    assert_eq!(errors[0], errors[1]);
}

#[test]
fn what_is_shown_is_the_region() {
    let case = Scratch::new();
    let sizes = ["", "--roi 80x20+10+20"].map(|roi| {
        case.succeed(&format!("info xray.tif --preview seen.png {roi}"));
        read_image(case.path("seen.png")).unwrap().image.size_px()
    });
    // Small images are enlarged to one width: the region is as flat as it is given.
    let [whole, part] = sizes.map(|[columns, rows]| rows as f64 / columns as f64);
    assert!(part < 0.6 * whole, "{sizes:?}");
}

#[test]
fn regions_outside_the_image_are_refused() {
    let case = Scratch::new();
    refuses(&case, "--roi 90x80+7+0", &["xray.tif", "--roi", "column 96", "96 x 80"]);
    refuses(&case, "--roi 90x8+0+0", &["--roi", "90 x 8", "16 x 16"]);
    refuses(&case, "--roi 90x80", &["--roi", "'90x80'", "COLUMNSxROWS+X+Y"]);
    let twice = "--roi 90x80+0+0 --roi 80x80+0+0";
    refuses(&case, twice, &["--roi is given 2 times for 1 X-rays"]);
}
