//! Proves: the program's commands work together from a CT and an X-ray to a pose that is right,
//! whatever format the X-ray has and from whichever side it is seen; results are the same for
//! every run and number of threads; they name no patient; and what is meant for programs to read has
//! the keys that are promised.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::fs;

use isocenter::geometry::View;
use isocenter::geometry::conversion::Convention;
use isocenter::project::Projector;
use isocenter::radiograph::{Image, ImageFlip};
use isocenter::volume::{AttenuationMap, AttenuationVolume, LabelMask};
use isocenter_io::geometry::{read_camera, read_pose, write_camera};
use isocenter_io::image::{read_image, write_line_integral, write_png_rgb8};
use isocenter_io::volume::{read_ct, read_labels, write_volume_i16};
use serde_json::Value;
use support::{FILES, REGISTER, Scratch, contents};

/// At 6 mm voxels and 2.5 mm pixels at the patient a good registration ends below a third of a
/// voxel; a wrong one is centimeters off.
const GOOD_MM: f64 = 2.0;

impl Scratch {
    fn xray(&self) -> Image {
        read_image(self.path("xray.tif")).unwrap().image
    }

    /// `result.json` without what differs from run to run.
    fn timeless_result(&self, folder: &str) -> Value {
        let mut result = self.json(&format!("{folder}/result.json"));
        let keys = result.as_object_mut().unwrap();
        assert!(keys.remove("seconds").unwrap().as_f64().unwrap() > 0.0);
        assert!(keys.remove("timings").unwrap().is_object());
        result
    }

    fn assert_same_results(&self, a: &str, b: &str) {
        for name in ["pose.json", "pose.tfm", "trace.csv", "overlay.png"] {
            let read = |folder: &str| self.read(&format!("{folder}/{name}"));
            assert!(read(a) == read(b), "{name} differs between {a} and {b}");
        }
        assert_eq!(self.timeless_result(a), self.timeless_result(b));
    }
}

#[test]
fn from_phantom_over_drr_to_pose() {
    let case = Scratch::new();
    let said = case.succeed("phantom -o p.nii.gz --labels l.nii.gz --spacing-mm 6");
    assert!(said.contains("57 x 40 x 47"), "{said}");
    let (ct, labels) = (case.path("p.nii.gz"), case.path("l.nii.gz"));
    assert_eq!(read_ct(ct).unwrap(), read_ct(case.path("ct.nii")).unwrap());
    assert_eq!(read_labels(labels).unwrap(), read_labels(case.path("labels.nii")).unwrap());
    case.succeed("phantom -o p.mha --labels l.mhd --spacing-mm 6");
    let voxels = |name: &str| read_ct(case.path(name)).unwrap().voxels().to_vec();
    assert!(voxels("p.mha") == voxels("ct.nii") && voxels("l.mhd") == voxels("labels.nii"));
    case.succeed("phantom -o other.nii.gz --spacing-mm 6 --seed 2");
    assert_ne!(read_ct(case.path("other.nii.gz")).unwrap(), read_ct(case.path("ct.nii")).unwrap());

    // One radiograph in four formats; PNG keeps intensity in steps of 1/65535.
    let drr = "drr --ct p.nii.gz --camera camera.json";
    let image = |name: &str| read_image(case.path(name)).unwrap().image;
    for name in ["ap.npy", "ap.tif", "ap.nii.gz", "ap.png"] {
        let said = case.succeed(&format!("{drr} --view ap -o {name}"));
        assert!(said.starts_with(&format!("{name}: 96 x 80 pixels")), "{said}");
    }
    let ap = image("ap.npy");
    assert!(image("ap.tif") == ap && image("ap.nii.gz") == ap);
    for (&intensity, &line_integral) in image("ap.png").pixels().iter().zip(ap.pixels()) {
        assert!((intensity - 65535.0 * (-line_integral).exp()).abs() <= 0.51);
    }
    case.succeed(&format!("{drr} --view ap --values intensity -o intensity.tif"));
    for (&intensity, &line_integral) in image("intensity.tif").pixels().iter().zip(ap.pixels()) {
        assert_eq!(intensity, (-line_integral).exp());
    }
    // What is kept by a mask attenuates no more than all, and the rest is not nothing.
    case.succeed(&format!("{drr} --view ap --mask l.mhd:20,21,22 -o spine.tif"));
    let spine = image("spine.tif");
    assert!(spine.pixels().iter().zip(ap.pixels()).all(|(part, all)| part <= &(all + 1e-4)));
    assert!(spine.range().1 > 0.5 && spine.pixels().iter().filter(|&&p| p == 0.0).count() > 3000);
    // From the two sides a patient is seen mirrored, save for the magnification.
    for view in ["lateral-left", "lateral-right"] {
        case.succeed(&format!("{drr} --view {view} -o {view}.tif"));
    }
    case.succeed(&format!("{drr} --view -30/10 -o oblique.tif --isocenter-mm -5,2.5,0"));
    let (left, right) = (image("lateral-left.tif"), image("lateral-right.tif"));
    let mirrored = relative_rms(&left, &right.flipped(ImageFlip::Columns));
    assert!(mirrored < 0.5 * relative_rms(&left, &ap), "{mirrored}");
    // The X-ray of the case comes from the reference projector, with noise of some percent.
    case.succeed(&format!("{drr} --pose truth.json -o truth.tif"));
    let difference = relative_rms(&image("truth.tif"), &case.xray());
    assert!((0.001..0.05).contains(&difference), "{difference}");

    // A DRR that was written is an X-ray that can be registered.
    let register = "register --ct p.nii.gz --camera camera.json --init start.json";
    case.succeed(&format!("{register} --xray truth.tif --out out"));
    assert!(case.mtre_mm("out/pose.json") < 0.1, "{}", case.mtre_mm("out/pose.json"));
}

fn relative_rms(a: &Image, b: &Image) -> f64 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let pairs = a.pixels().iter().zip(b.pixels());
    let difference: f64 = pairs.map(|(a, b)| square(a - b)).sum();
    (difference / b.pixels().iter().map(|&b| square(b)).sum::<f64>()).sqrt()
}

#[test]
fn from_a_pose_and_from_a_view() {
    let case = Scratch::new();
    assert!(case.mtre_mm("start.json") > 15.0);
    let register = format!("{REGISTER} --xray xray.tif --truth truth.json --out out");
    let said = case.succeed(&register);
    for part in ["registered in", "mTRE", "verdict: ", "overlay.png"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    case.assert_whole("out");
    let mut names: Vec<_> = contents(&case.path("out")).into_keys().collect();
    names.sort();
    assert_eq!(names, FILES);
    assert!(case.mtre_mm("out/pose.json") < GOOD_MM, "{}", case.mtre_mm("out/pose.json"));
    let result = case.json("out/result.json");
    let keys: Vec<&String> = result.as_object().unwrap().keys().collect();
    for key in [
        "verdict",
        "probability_within_2mm",
        "expected_tre_mm",
        "covariance",
        "evidence",
        "reasons",
        "similarity",
        "termination",
        "seconds",
        "timings",
        "pivot_world_mm",
        "image_flip",
        "xray_values",
        "start_mtre_mm",
        "mtre_mm",
        "mtre_across_ray_mm",
        "mean_projection_distance_px",
        "mean_projection_distance_mm",
        "remarks",
        "versions",
        "config",
    ] {
        assert!(keys.iter().any(|k| *k == key), "{key} is not in result.json");
    }
    assert!(result["similarity"].as_f64().unwrap() > 0.9);
    assert!(result["mtre_mm"].as_f64().unwrap() < GOOD_MM);
    assert!(result["start_mtre_mm"].as_f64().unwrap() > 15.0);
    assert_eq!(result["image_flip"][0], "none");
    assert_eq!(result["xray_values"][0], "attenuation");
    assert_eq!(result["versions"]["isocenter"], env!("CARGO_PKG_VERSION"));
    assert!(result["config"]["search"]["samples"].is_u64());

    // The result as JSON, and nothing else; without a truth there is no error to tell.
    let said = case.succeed(&format!("{REGISTER} --xray xray.tif --out json --json"));
    let printed: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(printed, case.json("json/result.json"));
    assert!(printed.get("mtre_mm").is_none());
    assert_eq!(case.read("json/pose.json"), case.read("out/pose.json"));

    // A folder that is there is brought up to date; what else is in it stays.
    case.write("out/notes.txt", "precious");
    case.write("out/pose.json", "old");
    case.succeed(&register);
    case.assert_same_results("out", "out");
    assert_eq!(case.read("out/pose.json"), case.read("json/pose.json"));
    assert_eq!(case.read("out/notes.txt"), b"precious");
    assert_eq!(contents(&case.path("out")).len(), FILES.len() + 1);

    let said = case
        .succeed("register --ct ct.nii --xray xray.tif --camera camera.json --view ap --out view");
    assert!(case.mtre_mm("view/pose.json") < GOOD_MM);
    assert!(!said.contains("assumed"), "the camera says where the isocenter is: {said}");
    // A camera that does not say where the isocenter is: the assumption is told and kept.
    let camera = String::from_utf8(case.read("camera.json")).unwrap();
    case.write("short.json", camera.replace(",\n  \"source_to_isocenter_mm\": 700.0", ""));
    let said = case.succeed(
        "register --ct ct.nii --xray xray.tif --camera short.json --view 180/0 --out short",
    );
    let remark = "source to isocenter assumed to be 714 mm";
    assert!(said.contains(remark), "{said}");
    let remarks = case.json("short/result.json")["remarks"].clone();
    assert!(remarks[0].as_str().unwrap().contains(remark), "{remarks}");
}

#[test]
fn the_same_for_every_run_and_number_of_threads() {
    let case = Scratch::new();
    for threads in ["1", "2", "5"] {
        let arguments = format!("{REGISTER} --xray xray.tif --out threads-{threads}");
        case.command(&arguments).env("RAYON_NUM_THREADS", threads).assert().success();
    }
    case.succeed(&format!("{REGISTER} --xray xray.tif --out again"));
    for other in ["threads-2", "threads-5", "again"] {
        case.assert_same_results("threads-1", other);
    }
}

#[test]
fn whatever_format_and_side_the_xray_has() {
    let case = Scratch::new();
    let xray = case.xray();
    let (_, most) = xray.range();
    write_line_integral(case.path("xray.npy"), &xray).unwrap();
    write_line_integral(case.path("xray.nii.gz"), &xray).unwrap();
    write_line_integral(case.path("xray.png"), &xray).unwrap();
    // 8 bits: a picture saved in color, bright where bone is.
    let gray = |pixel: &f32| (255.0 * pixel / most).round() as u8;
    let rgb: Vec<u8> = xray.pixels().iter().flat_map(|p| [gray(p); 3]).collect();
    write_png_rgb8(case.path("eight.png"), [96, 80], &rgb).unwrap();
    // Floats that hold intensity.
    let intensity = xray.clone().map(|line_integral| 4000.0 * (-line_integral).exp());
    write_line_integral(case.path("intensity.npy"), &intensity).unwrap();
    for (name, arguments, values) in [
        ("tif", "--xray xray.tif", "attenuation"),
        ("npy", "--xray xray.npy", "attenuation"),
        ("nii", "--xray xray.nii.gz", "attenuation"),
        ("png", "--xray xray.png", "intensity"),
        ("eight", "--xray eight.png --xray-values attenuation", "attenuation"),
        ("intensity", "--xray intensity.npy --xray-values intensity", "intensity"),
    ] {
        case.succeed(&format!("{REGISTER} {arguments} --out {name}"));
        let error = case.mtre_mm(&format!("{name}/pose.json"));
        assert!(error < GOOD_MM, "{name}: {error} mm");
        assert_eq!(case.json(&format!("{name}/result.json"))["xray_values"][0], values);
    }
    for name in ["npy", "nii"] {
        case.assert_same_results("tif", name);
    }

    // Stored as seen from the detector, or upside down: the pose is that of the patient.
    for (flip, name) in
        [(ImageFlip::Columns, "columns"), (ImageFlip::Rows, "rows"), (ImageFlip::Both, "both")]
    {
        write_line_integral(case.path("flipped.tif"), &xray.flipped(flip)).unwrap();
        case.succeed(&format!("{REGISTER} --xray flipped.tif --flip {name} --out {name}"));
        for file in ["pose.json", "trace.csv"] {
            let read = |folder: &str| case.read(&format!("{folder}/{file}"));
            assert_eq!(read(name), read("tif"), "--flip {name}: {file}");
        }
        assert_eq!(case.json(&format!("{name}/result.json"))["image_flip"][0], name);
        // The picture shows the X-ray as it came.
        assert_ne!(case.read(&format!("{name}/overlay.png")), case.read("tif/overlay.png"));
    }
}

#[test]
fn masks_settings_and_targets_count() {
    let case = Scratch::new();
    let lumbar = [20, 21, 22, 23, 24];
    case.write("quick.toml", "[search]\nsamples = 300\n[refine]\nlongest_sides_px = [48, 96]\n");
    case.write("targets.csv", "x,y,z,name\n0,0,0,origin\n10,20,30,other\n");
    case.succeed(&format!(
        "{REGISTER} --xray xray.tif --mask labels.nii:20,21,22,23,24 --config quick.toml \
         --attenuation bone-weighted:200:2 --truth truth.json --targets targets.csv --out out"
    ));
    let result = case.json("out/result.json");
    let mask = LabelMask::new(read_labels(case.path("labels.nii")).unwrap(), &lumbar).unwrap();
    for (axis, &expected) in mask.centroid_world_mm().iter().enumerate() {
        assert_eq!(result["pivot_world_mm"][axis].as_f64().unwrap(), expected);
    }
    let config = &result["config"];
    assert_eq!(config["mask_labels"], serde_json::json!(lumbar));
    assert_eq!(config["attenuation"]["map"], "bone-weighted");
    assert_eq!(config["search"]["samples"], 300);
    assert_eq!(config["refine"]["longest_sides_px"], serde_json::json!([48, 96]));
    assert!(result["timings"]["refine_96px"].as_f64().unwrap() > 0.0);
    assert!(result["timings"].get("refine_64px").is_none());
    let targets = isocenter::evaluate::Targets::from_points(vec![
        nalgebra::Vector3::zeros(),
        nalgebra::Vector3::new(10.0, 20.0, 30.0),
    ]);
    let pose = |name: &str| read_pose(case.path(name)).unwrap();
    let expected = targets.unwrap().mtre_mm(&pose("truth.json"), &pose("out/pose.json"));
    assert!((result["mtre_mm"].as_f64().unwrap() - expected).abs() < 1e-9);

    // With all labels the mask takes away nothing but air: the pose is right, about another pivot.
    case.succeed(&format!(
        "{REGISTER} --xray xray.tif --mask labels.nii --truth truth.json --out body"
    ));
    assert!(case.mtre_mm("body/pose.json") < GOOD_MM, "{}", case.mtre_mm("body/pose.json"));
    let body = case.json("body/result.json");
    assert_ne!(body["pivot_world_mm"], result["pivot_world_mm"]);
    assert_eq!(body["config"]["mask_labels"], serde_json::json!([]));
    assert!(body["mtre_mm"].as_f64().unwrap() < GOOD_MM);
}

#[test]
fn without_a_start_and_with_two_xrays() {
    let case = Scratch::new();
    let register = "register --ct ct.nii --camera camera.json --xray xray.tif";
    // Nothing but the images: the view is assumed, and said to be.
    case.write("targets.csv", "x,y,z,name\n0,0,0,origin\n10,20,30,other\n");
    let said = case.succeed(&format!("{register} --targets targets.csv --out out"));
    assert!(said.contains("view assumed to be ap"), "{said}");
    let expected = &case.json("out/result.json")["expected_tre_mm_at_targets"];
    assert!(expected[1].as_f64().unwrap() > 0.0 && expected.get(2).is_none(), "{expected}");
    assert!(case.mtre_mm("out/pose.json") < GOOD_MM, "{}", case.mtre_mm("out/pose.json"));
    case.write("prior.toml", "view = \"160/5\"\nrotation_deg = 15\nin_plane_mm = 40\n");
    case.succeed(&format!("{register} --prior prior.toml --out prior"));
    assert!(case.mtre_mm("prior/pose.json") < GOOD_MM, "{}", case.mtre_mm("prior/pose.json"));
    let prior = &case.json("prior/result.json")["config"]["prior"];
    assert_eq!(prior.to_string(), r#"{"depth_mm":60.0,"in_plane_mm":40.0,"rotation_deg":15.0}"#);

    // A second X-ray, taken from the side by the same C-arm.
    let pose = |name: &str| read_pose(case.path(name)).unwrap();
    let truth = pose("truth.json");
    let ct = read_ct(case.path("ct.nii")).unwrap();
    let side = |view: View| view.camera_from_world(ct.center_world_mm(), 700.0);
    let lateral_from_ap = side("90/0".parse().unwrap()) * side(View::AP).inverse();
    let camera = read_camera(case.path("camera.json")).unwrap();
    let lateral = camera.clone().with_camera_from_reference_camera(lateral_from_ap);
    write_camera(case.path("lateral.json"), &lateral).unwrap();
    let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
    let image = Projector::new(volume).forward(&lateral, &(lateral_from_ap * truth)).unwrap();
    write_line_integral(case.path("lateral.tif"), &image).unwrap();
    case.succeed(&format!("{register} --camera lateral.json --xray lateral.tif --out two"));
    assert!(case.mtre_mm("two/pose.json") < case.mtre_mm("out/pose.json"));
    assert!(case.path("two/overlay-2.png").is_file());
    let refuses = |arguments: &str, expected: &str| {
        let output = case.run(&format!("{register} {arguments} --out no"));
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    refuses("--xray lateral.tif", "each X-ray needs its camera");
    refuses("--xray lateral.tif --camera camera.json", "X-ray 2 has no camera_from_reference");
    refuses("--xray xray.tif --camera lateral.json --flip none --flip none --flip none", "--flip");
    case.write("odd.toml", "rotation_deg = -3\n");
    refuses("--prior odd.toml", "prior.rotation_deg is -3");
    case.write("odd.toml", "spread = 3\n");
    refuses("--prior odd.toml", "odd.toml: ");
    refuses("--prior nowhere.toml", "nowhere.toml: there is no such file");
}

#[test]
fn a_wrong_xray_is_judged_so() {
    let case = Scratch::new();
    // Another patient, seen from the side.
    case.succeed("phantom -o other.nii.gz --spacing-mm 6 --seed 9");
    case.succeed("drr --ct other.nii.gz --camera camera.json --view 75/20 -o other.tif");
    let output =
        case.run("register --ct ct.nii --camera camera.json --xray other.tif --view ap --out out");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("verdict: failed") && said.contains("do not use this pose"), "{said}");
    assert_eq!(case.json("out/result.json")["verdict"], "failed");

    // The right patient, but the image mirrored: what to try is said.
    let mirrored = case.xray().flipped(ImageFlip::Columns);
    write_line_integral(case.path("mirrored.tif"), &mirrored).unwrap();
    let output =
        case.run("register --ct ct.nii --camera camera.json --xray mirrored.tif --out mirrored");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("appears mirrored: try --flip columns"), "{said}");
}

/// Names of files often are names of patients.
#[test]
fn results_name_no_file() {
    let case = Scratch::new();
    for (from, to) in [
        ("ct.nii", "Mustermann_ct.nii"),
        ("labels.nii", "Mustermann_labels.nii"),
        ("xray.tif", "Mustermann_xray.tif"),
        ("camera.json", "Mustermann_camera.json"),
        ("start.json", "Mustermann_start.json"),
        ("truth.json", "Mustermann_truth.json"),
    ] {
        fs::rename(case.path(from), case.path(to)).unwrap();
    }
    case.write("Mustermann.toml", "[search]\nsamples = 50\n");
    fs::create_dir(case.path("Mustermann")).unwrap();
    case.succeed(
        "register --ct Mustermann_ct.nii --mask Mustermann_labels.nii --xray Mustermann_xray.tif \
         --camera Mustermann_camera.json --init Mustermann_start.json \
         --truth Mustermann_truth.json --config Mustermann.toml --out Mustermann/out",
    );
    let scratch = case.path("").to_string_lossy().into_owned();
    let files = contents(&case.path("Mustermann/out"));
    assert_eq!(files.len(), FILES.len());
    for (name, bytes) in files {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("Mustermann"), "{name} holds the name of a file");
        assert!(!text.contains(scratch.trim_end_matches('/')), "{name} holds a path");
    }
}

#[test]
fn the_demo_shows_the_way() {
    let case = Scratch::new();
    let said = case.succeed("demo --out demo");
    assert!(said.contains("mTRE") && said.contains("README.txt"), "{said}");
    case.assert_whole("demo");
    let result = case.json("demo/result.json");
    assert!(result["mtre_mm"].as_f64().unwrap() < 0.3, "{result}");
    assert!(result["start_mtre_mm"].as_f64().unwrap() > 20.0, "{result}");
    for name in
        ["ct.nii.gz", "labels.nii.gz", "xray.png", "camera.json", "start.json", "truth.json"]
    {
        assert!(case.path("demo/input").join(name).is_file(), "{name}");
    }
    // The commands that the README offers do what it says.
    let readme = String::from_utf8(case.read("demo/README.txt")).unwrap().replace("\\\n", " ");
    let commands: Vec<&str> =
        readme.lines().filter_map(|l| l.trim().strip_prefix("isocenter ")).collect();
    assert_eq!(commands.len(), 3, "{readme}");
    for command in commands {
        case.command(command).current_dir(case.path("demo")).assert().success().stderr("");
    }
    let again = case.json("demo/again/result.json");
    assert!(again["mtre_mm"].as_f64().unwrap() < 0.3, "{again}");
    assert!(case.path("demo/from-view/pose.json").is_file());
    assert!(case.path("demo/L3.png").is_file());
}

#[test]
fn poses_go_to_other_programs_and_back() {
    let case = Scratch::new();
    let ours = read_pose(case.path("truth.json")).unwrap().to_matrix();
    let needs = "--ct ct.nii --source-to-isocenter-mm 700 --source-to-detector-mm 1020";
    for convention in Convention::ALL {
        for orientation in ["ap", "pa"] {
            let said = case.succeed(&format!(
                "pose convert --from isocenter --to {convention} truth.json there.json \
                 --orientation {orientation} {needs}"
            ));
            let mirrors = case.succeed(&format!(
                "pose convert --from {convention} --to isocenter there.json back.json"
            ));
            let back = read_pose(case.path("back.json")).unwrap().to_matrix();
            // Positions of some 700 mm with 16 digits, through a few dozen operations.
            assert!((back - ours).amax() < 1e-9, "{convention} {orientation}: {back}");
            let flips = |text: &str| text.contains("--flip columns");
            assert_eq!(
                flips(&said),
                flips(&mirrors),
                "{convention} {orientation}: {said}{mirrors}"
            );
            let known = match (convention, orientation) {
                (Convention::DiffDrr | Convention::NanoDrr, "pa") => true,
                (Convention::ProSt, _) => flips(&said),
                _ => false,
            };
            assert_eq!(flips(&said), known, "{convention} {orientation}: {said}");
        }
    }
    // The volume's center may stand for the CT.
    case.succeed(
        "pose convert --from isocenter --to diffdrr truth.json d.json --volume-center-mm 0,0,0",
    );
    assert_eq!(case.json("d.json")["volume_center_world_mm"], serde_json::json!([0.0, 0.0, 0.0]));
}

#[test]
fn files_are_described() {
    let case = Scratch::new();
    write_line_integral(case.path("xray.png"), &case.xray()).unwrap();
    let said = case.succeed("info --json ct.nii xray.tif xray.png camera.json truth.json");
    let described: Value = serde_json::from_str(&said).unwrap();
    let kinds: Vec<&str> =
        described.as_array().unwrap().iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["volume", "image", "image", "camera", "pose"]);
    let [ct, tif, png, camera, pose] = [0, 1, 2, 3, 4].map(|n| &described[n]);
    assert_eq!(ct["size"], serde_json::json!([57, 40, 47]));
    assert_eq!(ct["not_finite"], 0);
    assert_eq!((&tif["values"], &png["values"]), (&"attenuation".into(), &"intensity".into()));
    assert_eq!(tif["size_px"], serde_json::json!([96, 80]));
    assert_eq!(camera["source_to_detector_mm"], 1020.0);
    // A few degrees off ap, where the detector is behind the patient.
    assert!(pose["positioner_deg"][0].as_f64().unwrap().abs() > 170.0);
    write_volume_i16(case.path("ct.mha"), &read_ct(case.path("ct.nii")).unwrap()).unwrap();
    let nifti = case.succeed("info ct.nii").replace("ct.nii", "ct.mha");
    assert_eq!(case.succeed("info ct.mha"), nifti.replace("NIfTI-1", "MetaImage"));
    let said = case.succeed("info ct.nii xray.tif camera.json truth.json");
    for part in ["57 x 40 x 47 voxels of 6.0000", "96 x 80 pixels", "1020 mm", "LAO"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    for file in ["ct.nii", "xray.tif", "xray.png"] {
        case.succeed(&format!("info {file} --preview preview.png"));
        let preview = read_image(case.path("preview.png")).unwrap().image;
        let (dark, bright) = preview.range();
        assert!(bright - dark > 100.0, "{file}: {dark} to {bright}");
        fs::remove_file(case.path("preview.png")).unwrap();
    }
}

#[test]
fn the_bench_has_the_keys_that_are_promised() {
    let case = Scratch::new();
    let bench = "bench --ct ct.nii --camera camera.json --pose truth.json --runs 2";
    let timings: Value = serde_json::from_str(&case.succeed(&format!("{bench} --json"))).unwrap();
    let parts = [
        "forward",
        "forward_one_thread",
        "jet",
        "tangent",
        "contracted_jet",
        "adjoint",
        "tangent_adjoint",
        "forward_unskipped",
        "forward_u16",
        "batch",
    ];
    for part in parts {
        for number in ["cpu_s", "wall_s", "samples_per_s", "bytes"] {
            assert!(timings[part][number].as_f64().unwrap() > 0.0, "{part} {number}");
        }
    }
    assert_eq!(timings.as_object().unwrap().len(), parts.len() + 1);
    assert!(timings["samples"].as_u64().unwrap() > 0);
    assert_eq!(timings["batch"]["size_px"], serde_json::json!([32, 32]));
    assert!(case.succeed(bench).contains("medians of 2 runs"));
}

#[test]
fn help_is_there() {
    let case = Scratch::new();
    assert!(case.succeed("--version").starts_with("isocenter "));
    let help = case.succeed("--help");
    for command in ["demo", "phantom", "info", "drr", "simulate", "register", "pose", "bench"] {
        assert!(help.contains(command), "{command} is not in {help}");
        assert!(case.succeed(&format!("{command} --help")).contains("Usage:"));
    }
    assert!(case.succeed("pose convert --help").contains("plastimatch"));
}
