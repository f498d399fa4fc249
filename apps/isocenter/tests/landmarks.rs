//! Proves: a registration starts from landmarks whatever the order and the side of the files, says
//! how well they fit and which do not, and refuses in one line what cannot give a start.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::fmt::Write;

use isocenter::radiograph::ImageFlip;
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::{read_image, write_line_integral};
use nalgebra::Vector3;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::Scratch;

const REGISTER: &str = "register --ct ct.nii --camera camera.json --xray xray.tif";

/// As in `main_job.rs`: a third of a voxel.
const GOOD_MM: f64 = 2.0;

/// Where some landmarks are, about the center of the phantom's CT.
const PLACES: [(&str, [f64; 3]); 11] = [
    ("L1", [0.0, 10.0, 80.0]),
    ("L2 left", [35.0, 25.0, 45.0]),
    ("L2 right", [-35.0, 24.0, 44.0]),
    ("L3", [2.0, -30.0, 10.0]),
    ("L4 left", [30.0, 40.0, -25.0]),
    ("L4 right", [-30.0, -10.0, -28.0]),
    ("L5", [0.0, -5.0, -70.0]),
    ("S1", [10.0, 45.0, -85.0]),
    ("rib left", [60.0, 0.0, 70.0]),
    ("rib right", [-62.0, 5.0, 72.0]),
    ("crest", [55.0, 15.0, -60.0]),
];

impl Scratch {
    /// Landmarks with errors of a pixel at most: `points.csv` and `seen.csv`.
    fn write_landmarks(&self, count: usize, flip: ImageFlip) {
        let camera = read_camera(self.path("camera.json")).unwrap();
        let truth = read_pose(self.path("truth.json")).unwrap();
        // The camera's axis goes through the center, 700 mm away, give or take the true motion.
        let center = isocenter_io::volume::read_ct(self.path("ct.nii")).unwrap().center_world_mm();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut points, mut seen) = ("x,y,z,label\n".to_owned(), "label,u,v\n".to_owned());
        for (label, mm) in &PLACES[..count] {
            let point = center + Vector3::from(*mm);
            writeln!(points, "{},{},{},{label}", point.x, point.y, point.z).unwrap();
            let image_px = camera.project(truth.point(point)).unwrap();
            let [u, v] = flip.position_px(image_px, camera.size_px());
            let mut error = || rng.random_range(-0.7..0.7);
            writeln!(seen, "{label},{:.3},{:.3}", u + error(), v + error()).unwrap();
        }
        self.write("points.csv", points);
        self.write("seen.csv", seen);
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// One line, exit code 2, nothing written.
    fn refuses(&self, arguments: &str, expected: &[&str]) {
        let before = self.contents();
        let output = self.run(&format!("{REGISTER} --out out {arguments}"));
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {message}");
        assert!(output.stdout.is_empty() && message.starts_with("isocenter: "), "{message}");
        assert_eq!(message.lines().count(), 1, "{arguments}: {message}");
        for part in expected {
            assert!(message.contains(part), "{arguments}: '{part}' is not in: {message}");
        }
        assert!(self.contents() == before, "{arguments}: litter");
    }
}

const LANDMARKS: &str = "--landmarks-3d points.csv --landmarks-2d seen.csv";

#[test]
fn landmarks_are_a_start() {
    let case = Scratch::new();
    case.write_landmarks(6, ImageFlip::None);
    let said = case.succeed(&format!("{REGISTER} {LANDMARKS} --truth truth.json --out out"));
    assert!(said.contains("start from 6 of 6 landmarks: residual 0."), "{said}");
    assert!(said.contains("mm at their depth (RMS)\n"), "{said}");
    assert!(case.mtre_mm("out/pose.json") < GOOD_MM, "{}", case.mtre_mm("out/pose.json"));
    let result = case.json("out/result.json");
    // Errors of a pixel, which is 2.5 mm at the patient, turn it by a few degrees.
    assert!(result["start_mtre_mm"].as_f64().unwrap() < 20.0, "{result}");
    let landmarks = &result["landmarks"];
    let (px, mm) = (&landmarks["residual_px"], &landmarks["residual_mm"]);
    let ratio = mm.as_f64().unwrap() / px.as_f64().unwrap();
    assert!((2.2..2.8).contains(&ratio), "{landmarks}");
    assert!(px.as_f64().unwrap() < 0.8, "{landmarks}");
    assert_eq!(landmarks["inlier_px"], 8.0);
    assert_eq!(landmarks["points"].as_array().unwrap().len(), 6);
    assert_eq!(landmarks["points"][1]["label"], "L2 left");
    assert_eq!(landmarks["points"][1]["counts"], true);
    assert_eq!(result["config"]["landmarks"]["seed"], 0);

    // The other order, and without labels.
    let mut lines: Vec<String> = case.text("seen.csv").lines().map(str::to_owned).collect();
    lines[1..].reverse();
    case.write("turned.csv", lines.join("\n"));
    let turned = LANDMARKS.replace("seen", "turned");
    case.succeed(&format!("{REGISTER} {turned} --out turned"));
    let bare: String = case
        .text("seen.csv")
        .lines()
        .map(|line| line.split_once(',').unwrap().1.to_owned() + "\n")
        .collect();
    case.write("bare.csv", bare);
    case.succeed(&format!(
        "{REGISTER} --landmarks-3d points.csv --landmarks-2d bare.csv --out bare"
    ));
    assert_eq!(case.read("bare/pose.json"), case.read("out/pose.json"));
    assert!(case.mtre_mm("turned/pose.json") < GOOD_MM);
    let label = case.json("turned/result.json")["landmarks"]["points"][0]["label"].clone();
    assert_eq!(label, "L4 right");
}

#[test]
fn landmarks_are_flipped_like_the_image() {
    let case = Scratch::new();
    let xray = read_image(case.path("xray.tif")).unwrap().image;
    for (flip, name) in
        [(ImageFlip::Columns, "columns"), (ImageFlip::Rows, "rows"), (ImageFlip::Both, "both")]
    {
        case.write_landmarks(11, flip);
        write_line_integral(case.path("xray.tif"), &xray.flipped(flip)).unwrap();
        let said = case.succeed(&format!("{REGISTER} {LANDMARKS} --flip {name} --out {name}"));
        assert!(said.contains("11 of 11") && !said.contains("try --flip"), "{said}");
        let error = case.mtre_mm(&format!("{name}/pose.json"));
        assert!(error < GOOD_MM, "{name}: {error}");
    }
    // Forgotten: whether the landmarks contradict each other or not, the user is told.
    case.write_landmarks(11, ImageFlip::Columns);
    let output = case.run(&format!("{REGISTER} {LANDMARKS} --out forgotten"));
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("try --flip columns"), "{told}");
}

#[test]
fn wrong_landmarks_are_named_and_left_out() {
    let case = Scratch::new();
    case.write_landmarks(11, ImageFlip::None);
    // Two of the eleven are exchanged, and one is not where it should be.
    let seen = case.text("seen.csv");
    let seen = seen.replace("rib left", "@").replace("rib right", "rib left");
    let mut lines: Vec<String> =
        seen.replace('@', "rib right").lines().map(str::to_owned).collect();
    lines[4] = "L3,5,5".to_owned();
    case.write("seen.csv", lines.join("\n"));
    // Landmarks that are out of view.
    let points = case.text("points.csv") + "0,0,900,C1\n0,0,880,C2\n";
    case.write("points.csv", points);
    let said = case.succeed(&format!("{REGISTER} {LANDMARKS} --out out"));
    for part in
        ["start from 8 of 11 landmarks", "left out: 'L3' (", "'rib left' (", "'rib right' ("]
    {
        assert!(said.contains(part), "'{part}' is not in: {said}");
    }
    assert!(said.contains("without a position in the X-ray, left out: 'C1', 'C2'"), "{said}");
    assert!(case.mtre_mm("out/pose.json") < GOOD_MM);
    let result = case.json("out/result.json");
    let wrong: Vec<&str> = result["landmarks"]["points"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["counts"] == false)
        .map(|p| p["label"].as_str().unwrap())
        .collect();
    assert_eq!(wrong, ["L3", "rib right", "rib left"]);
    assert!(result["remarks"][0].as_str().unwrap().contains("C1"));
}

#[test]
fn what_gives_no_start_is_refused() {
    let case = Scratch::new();
    case.write_landmarks(6, ImageFlip::None);
    let (points, seen) = (case.text("points.csv"), case.text("seen.csv"));
    let wrong_seen = |text: &str, expected: &[&str]| {
        case.write("wrong.csv", text);
        case.refuses("--landmarks-3d points.csv --landmarks-2d wrong.csv", expected);
    };
    let wrong_points = |text: &str, expected: &[&str]| {
        case.write("wrong.csv", text);
        case.refuses("--landmarks-3d wrong.csv --landmarks-2d seen.csv", expected);
    };
    let first = |text: &str, count: usize| -> String {
        text.lines().take(count).map(|line| format!("{line}\n")).collect()
    };

    // Usage.
    case.refuses("--landmarks-3d points.csv", &["--landmarks-2d"]);
    case.refuses("--landmarks-2d seen.csv", &["--landmarks-3d"]);
    case.refuses(&format!("{LANDMARKS} --view ap"), &["--view", "--landmarks-3d"]);
    case.refuses(&format!("{LANDMARKS} --init start.json"), &["--init", "--landmarks-3d"]);
    case.refuses(&format!("{LANDMARKS} --isocenter-mm 1,2,3"), &["--isocenter-mm", "--view"]);

    // Files.
    case.refuses("--landmarks-3d no.csv --landmarks-2d seen.csv", &["no.csv: there is no such"]);
    case.refuses("--landmarks-3d points.csv --landmarks-2d no.csv", &["no.csv: there is no such"]);
    case.refuses("--landmarks-3d points.csv --landmarks-2d ct.nii", &["ct.nii", "'.nii'", ".csv"]);
    case.refuses(
        "--landmarks-3d seen.csv --landmarks-2d seen.csv",
        &["seen.csv", "'x' is missing"],
    );
    case.refuses("--landmarks-3d points.csv --landmarks-2d points.csv", &["'u' is missing"]);
    wrong_seen("", &["wrong.csv: the file is empty"]);
    wrong_seen("label,u,v\n", &["wrong.csv", "no point"]);
    wrong_seen(&seen.replace("L3,", "L3,NaN,"), &["wrong.csv: line 5 has 4 fields"]);
    let bare = "1,2\n3,4\n5,x\n";
    wrong_seen(bare, &["wrong.csv: line 3: v is 'x'", "finite number of px"]);

    // Labels.
    wrong_seen(&seen.replace("L3,", "l3,"), &["points.csv and wrong.csv", "'l3'", "'L3'"]);
    wrong_seen(&seen.replace("L3,", "L1,"), &["in the image", "'L1'", "keep one"]);
    wrong_seen(&seen.replace("L3,", ","), &["point 4", "in the image", "no label"]);
    wrong_seen("1,2\n3,4\n", &["6 points in the patient and 2 in the image", "order"]);

    // Places.
    wrong_seen(&first(&seen, 4), &["3 landmarks", "at least 4"]);
    wrong_points(&first(&points, 4), &["'L4 left', 'L4 right'", "'L1', 'L2 left', 'L2 right'"]);
    wrong_seen(
        &(first(&seen, 6) + "L4 right,96.5,10\n"),
        &["'L4 right'", "96 x 80", "column 96.5"],
    );
    let line: String =
        (0..6).map(|n| format!("0,{},{},{}\n", n * 2, n * 20, PLACES[n].0)).collect();
    wrong_points(&format!("x,y,z,label\n{line}"), &["on a line", "0.00 mm across", "beside"]);
    let double: String =
        (0..6).map(|n| format!("{},0,{},{}\n", n / 2 * 9, n / 2, PLACES[n].0)).collect();
    wrong_points(&format!("x,y,z,label\n{double}"), &["landmarks 1 and 2", "same place"]);
    let one: String = (0..6).map(|n| format!("{},40,30\n", PLACES[n].0)).collect();
    wrong_seen(&one, &["all landmarks are seen within 0.00 px"]);
    wrong_points(&points.replace(",L1", "e9,L1"), &["landmark 1 holds", "finite"]);
    // Centimeters.
    let shrunk: String = points
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [x, y, z] = [0, 1, 2].map(|n| 10.0 * fields[n].parse::<f64>().unwrap());
            format!("{x},{y},{z},{}\n", fields[3])
        })
        .collect();
    wrong_points(&format!("x,y,z,label\n{shrunk}"), &["behind the detector", "units"]);
    // Labels that have slipped.
    let labels = PLACES.map(|(label, _)| label);
    let rows: Vec<&str> = seen.lines().skip(1).collect();
    let slipped: String = (0..6)
        .map(|n| format!("{},{}\n", labels[(n + 2) % 6], rows[n].split_once(',').unwrap().1))
        .collect();
    wrong_seen(&slipped, &["the 6 landmarks contradict each other", "px (RMS)", "inlier_px"]);
    case.write_landmarks(11, ImageFlip::None);
    let seen = case.text("seen.csv");
    let rows: Vec<&str> = seen.lines().skip(1).collect();
    let slipped: String = (0..11)
        .map(|n| format!("{},{}\n", labels[(n + 3) % 11], rows[n].split_once(',').unwrap().1))
        .collect();
    wrong_seen(&slipped, &["of 11 landmarks agree", "at least 6 must"]);

    // Settings.
    for (setting, expected) in [
        ("inlier_px = 0", "landmarks.inlier_px is 0"),
        ("confidence = 1", "landmarks.confidence is 1"),
        ("threshold = 3", "threshold"),
    ] {
        case.write("bad.toml", format!("[landmarks]\n{setting}\n"));
        case.refuses(&format!("{LANDMARKS} --config bad.toml"), &["bad.toml: ", expected]);
    }
}
