//! Proves: whatever is wrong with what the user gives, the program says so in one line on standard
//! error that names what, where and what to do, returns 2, prints nothing else, and leaves every
//! file and folder as it was.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::fs;

use isocenter::radiograph::Image;
use isocenter::volume::{Affine, Volume};
use isocenter_io::image::write_line_integral;
use isocenter_io::volume::{read_ct, write_labels, write_volume_f32};
use support::Scratch;

impl Scratch {
    /// Runs what must be refused, with a message that holds all of `expected`.
    fn refuses(&self, arguments: &str, expected: &[&str]) {
        let before = self.contents();
        let output = self.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {message}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments}");
        assert!(message.starts_with("isocenter: ") && message.ends_with('\n'), "{message}");
        assert_eq!(message.lines().count(), 1, "{arguments}: {message}");
        let parts: Vec<&str> = message.trim_end().split(": ").collect();
        let twice = (1..parts.len()).any(|n| parts[n].len() > 20 && parts[..n].contains(&parts[n]));
        assert!(!twice, "told twice: {message}");
        for part in expected {
            assert!(message.contains(part), "{arguments}: '{part}' is not in: {message}");
        }
        let after = self.contents();
        let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
            files.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&after), names(&before), "{arguments}: litter");
        assert!(after == before, "{arguments}: a file has changed");
    }

    /// A registration that must be refused; `changes` are flags that replace those of a good one.
    fn register_refuses(&self, changes: &str, expected: &[&str]) {
        let words: Vec<&str> = changes.split_whitespace().collect();
        let mut good = vec![
            ("--ct", "ct.nii"),
            ("--xray", "xray.tif"),
            ("--camera", "camera.json"),
            ("--init", "start.json"),
            ("--out", "out"),
        ];
        if words.contains(&"--view") && !words.contains(&"--init") {
            good.retain(|(flag, _)| *flag != "--init");
        }
        good.retain(|(flag, _)| !words.contains(flag));
        let kept: String = good.iter().map(|(flag, value)| format!("{flag} {value} ")).collect();
        self.refuses(&format!("register {kept}{changes}"), expected);
    }

    /// A file with some of its bytes replaced.
    fn patch(&self, from: &str, to: &str, at: usize, bytes: &[u8]) {
        let mut patched = self.read(from);
        patched[at..at + bytes.len()].copy_from_slice(bytes);
        self.write(to, patched);
    }

    /// A text file with a part replaced.
    fn replace(&self, from: &str, to: &str, part: &str, by: &str) {
        let text = String::from_utf8(self.read(from)).unwrap();
        assert!(text.contains(part), "{part} is not in {text}");
        self.write(to, text.replace(part, by));
    }

    /// The CT with other voxels.
    fn write_ct(&self, name: &str, voxel: impl Fn(usize, f32) -> f32) {
        let mut ct = read_ct(self.path("ct.nii")).unwrap();
        ct.voxels_mut().iter_mut().enumerate().for_each(|(at, v)| *v = voxel(at, *v));
        write_volume_f32(self.path(name), &ct).unwrap();
    }

    /// An X-ray of the camera's size.
    fn write_xray(&self, name: &str, pixel: impl Fn(usize) -> f32) {
        let image = Image::new([96, 80], (0..96 * 80).map(pixel).collect()).unwrap();
        write_line_integral(self.path(name), &image).unwrap();
    }
}

// Fields of the NIfTI-1 header, in bytes from its beginning.
const DIM: usize = 40;
const PIXDIM: usize = 76;
const SROW: usize = 280;

#[test]
fn cts() {
    let case = Scratch::new();
    case.register_refuses("--ct no.nii.gz", &["no.nii.gz: there is no such file", "check"]);
    case.write("empty.nii", "");
    case.register_refuses("--ct empty.nii", &["empty.nii: the file is empty", "export it again"]);
    case.write("header.nii", &case.read("ct.nii")[..200]);
    case.register_refuses("--ct header.nii", &["header.nii", "200 bytes", "copy or export"]);
    let whole = case.read("ct.nii");
    case.write("cut.nii", &whole[..whole.len() / 2]);
    case.register_refuses("--ct cut.nii", &["cut.nii: the data end after", "copy or export"]);
    case.write("text.nii", "Dear radiology,\nhere is the CT.\n".repeat(40));
    case.register_refuses("--ct text.nii", &["text.nii", "NIfTI"]);
    case.write("ct.nii.gz", [&[0x1f, 0x8b, 8, 0][..], &whole[..1000]].concat());
    case.register_refuses("--ct ct.nii.gz", &["ct.nii.gz", "damaged"]);

    case.write_ct("nan.nii", |_, _| f32::NAN);
    case.register_refuses("--ct nan.nii", &["nan.nii: voxel (0, 0, 0) is NaN", "replace"]);
    case.write_ct("hole.nii", |at, hu| if at == 57 { f32::INFINITY } else { hu });
    case.register_refuses("--ct hole.nii", &["hole.nii: voxel (0, 1, 0) is inf", "replace"]);
    case.write_ct("air.nii", |_, _| -1000.0);
    case.register_refuses("--ct air.nii", &["air.nii", "only air", "check"]);

    case.patch("ct.nii", "slice.nii", DIM + 2 * 3, &1_u16.to_le_bytes());
    case.register_refuses("--ct slice.nii", &["slice.nii", "[57, 40, 1]", "at least 2"]);
    case.patch("ct.nii", "huge.nii", DIM + 2, &[0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f]);
    case.register_refuses("--ct huge.nii", &["huge.nii", "cut off", "copy or export"]);
    case.patch("ct.nii", "spacing.nii", SROW, &[0; 48]);
    case.patch("spacing.nii", "spacing.nii", PIXDIM + 4, &[0; 12]);
    case.register_refuses("--ct spacing.nii", &["spacing.nii", "0"]);

    case.write("ct.jpg", "x");
    case.register_refuses("--ct ct.jpg", &["ct.jpg", "'.jpg'", ".nii, .nii.gz"]);
    fs::create_dir(case.path("dicom")).unwrap();
    case.write("dicom/IM0001", "x");
    case.register_refuses("--ct dicom", &["dicom: no file in it is a DICOM image"]);
    case.register_refuses("--ct dicom/IM0001", &["dicom/IM0001", "no extension", ".nii.gz"]);
    fs::create_dir(case.path("folder.nii")).unwrap();
    case.register_refuses("--ct folder.nii", &["folder.nii: no file in it is a DICOM image"]);
}

#[test]
fn attenuation_and_masks() {
    let case = Scratch::new();
    case.register_refuses("--attenuation bone", &["--attenuation", "'bone'", "thresholded:HU"]);
    case.register_refuses("--attenuation thresholded:9000", &["ct.nii", "attenuation map"]);
    case.register_refuses("--attenuation bone-weighted:200:-2", &["bone-weighted:HU:WEIGHT"]);
    case.register_refuses("--mask no.nii", &["no.nii: there is no such file"]);
    case.register_refuses("--mask labels.nii:99", &["labels.nii", "label 99", "present: 19, 20"]);
    case.register_refuses("--mask labels.nii:22,99", &["labels.nii", "label 99", "present: 19"]);
    case.register_refuses("--mask labels.nii:0", &["'0' is not a label", "1 to 65535"]);
    case.register_refuses("--mask labels.nii:L3", &["'L3' is not a label", "numbers"]);
    case.register_refuses("--mask labels.nii:", &["'' is not a label", "numbers"]);
    case.register_refuses("--mask ct.nii", &["ct.nii", "-1000", "label"]);
    let far = Affine::from_spacing([6.0; 3], [5000.0; 3]).unwrap();
    let labels = Volume::new([4; 3], vec![1; 64], far).unwrap();
    write_labels(case.path("far.nii"), &labels).unwrap();
    case.register_refuses("--mask far.nii", &["far.nii", "do not overlap", "check"]);
    let none = Volume::new([4; 3], vec![0; 64], far).unwrap();
    write_labels(case.path("none.nii"), &none).unwrap();
    case.register_refuses("--mask none.nii", &["none.nii", "label"]);
}

#[test]
fn xrays() {
    let case = Scratch::new();
    case.register_refuses("--xray no.png", &["no.png: there is no such file"]);
    case.write("empty.png", "");
    case.register_refuses("--xray empty.png", &["empty.png: the file is empty"]);
    let whole = case.read("xray.tif");
    case.write("cut.tif", &whole[..whole.len() / 2]);
    case.register_refuses("--xray cut.tif", &["cut.tif", "again"]);
    case.write("xray.dcm", "x");
    case.register_refuses("--xray xray.dcm", &["xray.dcm", "'.dcm'", ".png, .tif"]);
    case.register_refuses("--xray ct.nii", &["ct.nii", "[57, 40, 47]", "extract one"]);
    case.write_xray("flat.npy", |_| 0.7);
    case.register_refuses("--xray flat.npy", &["flat.npy: every pixel is 0.7"]);
    case.write_xray("good.npy", |at| at as f32);
    let header = case.read("good.npy").len() - 4 * 96 * 80;
    case.patch("good.npy", "nan.npy", header + 4 * 97, &f32::NAN.to_le_bytes());
    case.register_refuses("--xray nan.npy", &["nan.npy", "column 1, row 1 is NaN", "finite"]);
    case.write_xray("dark.npy", |at| -(at as f32));
    case.register_refuses(
        "--xray dark.npy --xray-values intensity",
        &["dark.npy: the brightest pixel is", "--xray-values attenuation"],
    );
    let small = Image::new([80, 96], (0..96 * 80).map(|at| at as f32).collect()).unwrap();
    write_line_integral(case.path("turned.tif"), &small).unwrap();
    case.register_refuses(
        "--xray turned.tif",
        &["turned.tif: the image has 80 x 96 pixels", "camera.json says 96 x 80", "size_px"],
    );
    let tiny = Image::new([2, 2], vec![0.0, 1.0, 2.0, 4.0]).unwrap();
    write_line_integral(case.path("tiny.tif"), &tiny).unwrap();
    case.replace("camera.json", "tiny.json", "[96, 80]", "[2, 2]");
    case.register_refuses("--xray tiny.tif --camera tiny.json", &["tiny.tif", "pixels", "larger"]);
    case.register_refuses("--flip sideways", &["--flip", "'sideways'", "columns"]);
    case.register_refuses("--xray-values hu", &["--xray-values", "'hu'", "intensity"]);
}

#[test]
fn cameras() {
    let case = Scratch::new();
    let wrong = |part: &str, by: &str, expected: &[&str]| {
        case.replace("camera.json", "bad.json", part, by);
        case.register_refuses("--camera bad.json", &[&["bad.json: "][..], expected].concat());
    };
    wrong("[3.6, 3.6]", "[3.6, 0]", &["pixel_spacing_mm[1]", "is 0", "positive"]);
    wrong("[3.6, 3.6]", "[3.6]", &["pixel_spacing_mm", "[3.6]", "two numbers"]);
    wrong("[3.6, 3.6]", "[3.6, NaN]", &["pixel_spacing_mm", "NaN", "number"]);
    wrong("[96, 80]", "[96.5, 80]", &["size_px", "96.5", "whole numbers"]);
    wrong("[96, 80]", "[0, 80]", &["size_px", "[0, 80]", "1 to 16384"]);
    wrong("[96, 80]", "[4000000000, 80]", &["size_px", "4000000000", "1 to 16384"]);
    wrong("1020.0", "-1020.0", &["source_to_detector_mm is -1020", "positive"]);
    wrong("1020.0", "\"1020 mm\"", &["source_to_detector_mm", "1020 mm", "number"]);
    wrong("700.0", "0", &["source_to_isocenter_mm is 0", "positive"]);
    wrong("source_to_detector_mm", "sdd", &["sdd", "source_to_detector_mm"]);
    wrong("1020.0,", "1020.0", &["line 3", "JSON"]);
    case.register_refuses("--camera no.json", &["no.json: there is no such file"]);
    case.register_refuses("--camera start.json", &["start.json", "camera.json has the keys"]);
    case.register_refuses("--camera xray.tif", &["xray.tif: this is not a text file"]);
    case.write("empty.json", "");
    case.register_refuses("--camera empty.json", &["empty.json: the file is empty"]);
}

#[test]
fn starts() {
    let case = Scratch::new();
    let wrong = |part: &str, by: &str, expected: &[&str]| {
        case.replace("start.json", "bad.json", part, by);
        case.register_refuses("--init bad.json", &[&["bad.json: "][..], expected].concat());
    };
    wrong("0.0, 0.0, 0.0, 1.0", "0.0, 0.0, 0.0, 2.0", &["camera_from_world", "[0, 0, 0, 1]"]);
    wrong("LPS", "RAS", &["'world' is \"RAS\"", "LPS"]);
    wrong("\"mm\"", "\"cm\"", &["'unit' is \"cm\"", "mm"]);
    wrong("\"unit\"", "\"units\"", &["units", "camera_from_world, world, unit"]);
    let rows = "[[2,0,0,0],[0,2,0,0],[0,0,2,700],[0,0,0,1]]";
    let pose = |rows: &str| {
        format!("{{\"camera_from_world\": {rows}, \"world\": \"LPS\", \"unit\": \"mm\"}}")
    };
    case.write("scaled.json", pose(rows));
    case.register_refuses(
        "--init scaled.json",
        &["scaled.json: 'camera_from_world'", "remove scale"],
    );
    case.write("mirror.json", pose("[[-1,0,0,0],[0,1,0,0],[0,0,1,700],[0,0,0,1]]"));
    case.register_refuses("--init mirror.json", &["mirror.json: 'camera_from_world'", "flip"]);
    case.register_refuses("--init camera.json", &["camera.json", "pose.json has the keys"]);
    case.register_refuses("--truth no.json", &["no.json: there is no such file"]);

    // Places from which nothing can be seen.
    case.write("away.json", pose("[[1,0,0,900],[0,0,-1,0],[0,1,0,700],[0,0,0,1]]"));
    case.register_refuses("--init away.json", &["away.json", "not in view", "column", "--init"]);
    case.write("behind.json", pose("[[1,0,0,0],[0,0,-1,0],[0,1,0,-700],[0,0,0,1]]"));
    case.register_refuses("--init behind.json", &["behind.json", "700 mm behind the source"]);
    case.write("inside.json", pose("[[1,0,0,0],[0,0,-1,0],[0,1,0,5],[0,0,0,1]]"));
    case.register_refuses("--init inside.json", &["inside.json", "inside the CT", "move"]);
    case.register_refuses(
        "--view ap --isocenter-mm 5000,0,0",
        &["--view ap", "not in view", "column -1976"],
    );
    case.register_refuses("--view ap --source-to-isocenter-mm 10", &["--view ap", "inside the CT"]);

    case.register_refuses("--view front", &["--view", "'front'", "lateral-left"]);
    case.register_refuses("--view 30", &["--view", "'30'", "PRIMARY/SECONDARY"]);
    case.register_refuses("--view ap --isocenter-mm 1,2", &["--isocenter-mm", "'1,2'", "X,Y,Z"]);
    case.register_refuses(
        "--view ap --source-to-isocenter-mm -5",
        &["--source-to-isocenter-mm", "-5", "positive"],
    );
    case.register_refuses("--view ap --source-to-isocenter-mm far", &["'far' is not a length"]);
    case.register_refuses("--init start.json --view ap", &["--init", "--view"]);
    for flag in ["--isocenter-mm 1,2,3", "--source-to-isocenter-mm 700"] {
        case.register_refuses(flag, &[flag.split(' ').next().unwrap(), "--view", "leave"]);
    }
}

#[test]
fn settings() {
    let case = Scratch::new();
    let wrong = |text: &str, expected: &[&str]| {
        case.write("bad.toml", text);
        case.register_refuses("--config bad.toml", &[&["bad.toml: "][..], expected].concat());
    };
    wrong("[refine]\nlevels = 3", &["line 2", "levels", "longest_sides_px"]);
    wrong("speed = 3", &["line 1", "speed", "search"]);
    wrong("[refine\n", &["line 1"]);
    wrong("[search]\nsamples = -1", &["line 2", "-1"]);
    wrong("[search]\nsamples = \"many\"", &["line 2", "many"]);
    wrong("[search]\npolished = 0", &["search.polished is 0", "1 to 1000"]);
    wrong("[search]\nsamples = 9000000000", &["search.samples is 9000000000", "most"]);
    wrong("[search]\nlongest_side_px = 2", &["search.longest_side_px is 2", "at least 8"]);
    wrong("stages = []", &["stages is empty"]);
    wrong("stages = [\"serach\"]", &["no stage 'serach'", "refine, search"]);
    wrong("[refine]\nlongest_sides_px = []", &["refine.longest_sides_px", "at least"]);
    wrong("[similarity]\nncc = 0\ngradient_ncc = 0", &["similarity is zero throughout"]);
    wrong("[similarity]\nncc = -1.0", &["similarity.ncc is -1"]);
    wrong("[similarity]\nncc = nan", &["similarity.ncc is NaN"]);
    wrong("[refine.optimizer]\ntolerance_deg = nan", &["refine.optimizer.tolerance_deg is NaN"]);
    wrong("[refine.optimizer]\nlongest_step_mm = 0", &["refine.optimizer.longest_step_mm is 0"]);
    case.register_refuses("--config no.toml", &["no.toml: there is no such file"]);
    case.register_refuses("--config xray.tif", &["xray.tif", "text"]);
    fs::create_dir(case.path("folder")).unwrap();
    case.register_refuses("--config folder", &["folder: this is a folder"]);
}

#[test]
fn targets() {
    let case = Scratch::new();
    case.write("points.csv", "x,y,z\n1,2,3\n");
    let wrong = |name: &str, text: &str, expected: &[&str]| {
        case.write(name, text);
        case.register_refuses(
            &format!("--truth truth.json --targets {name}"),
            &[&[name][..], expected].concat(),
        );
    };
    wrong("empty.csv", "", &["the file is empty"]);
    wrong("head.csv", "x,y,z\n", &["no point"]);
    wrong("word.csv", "x,y,z\n1,two,3\n", &["line 2", "two"]);
    wrong("points.txt", "1 2 3\n", &["'.txt'", ".csv"]);
    case.register_refuses("--truth truth.json --targets no.csv", &["no.csv: there is no such"]);
    let air = Affine::from_spacing([6.0; 3], [0.0; 3]).unwrap();
    write_labels(case.path("none.nii"), &Volume::new([4; 3], vec![0; 64], air).unwrap()).unwrap();
    case.register_refuses("--truth truth.json --targets none.nii", &["none.nii", "no target"]);
    case.write_ct("soft.nii", |_, hu| hu.min(60.0));
    case.register_refuses("--truth truth.json --ct soft.nii", &["soft.nii", "250 HU", "--targets"]);
}

#[test]
fn places_to_write() {
    let case = Scratch::new();
    case.write("file", "precious");
    case.register_refuses("--out file", &["file: this is a file, not a folder"]);
    case.register_refuses("--out no/such/out", &["'no/such' does not exist: create it first"]);
    case.register_refuses("--out file/out", &["file/out"]);
    case.refuses("demo --out file", &["file: this is a file, not a folder"]);
    case.refuses("demo --out no/demo", &["'no' does not exist"]);

    let drr = "drr --ct ct.nii --camera camera.json --pose truth.json -o";
    case.refuses(&format!("{drr} drr.jpg"), &["drr.jpg", "'.jpg'", ".png, .tif"]);
    case.refuses(&format!("{drr} drr.png --values attenuation"), &["drr.png", "write .tif"]);
    case.refuses(&format!("{drr} drr"), &["drr", "no extension", ".png, .tif"]);
    case.refuses(&format!("{drr} no/drr.png"), &["'no' does not exist: create it first"]);
    fs::create_dir(case.path("folder.png")).unwrap();
    case.refuses(&format!("{drr} folder.png"), &["folder.png: this is a folder"]);
    case.refuses(&format!("{drr} ct.nii"), &["ct.nii", "input"]);

    case.refuses("phantom -o ct.vtk", &["ct.vtk", "'.vtk'", ".nii.gz", ".nrrd", ".mha"]);
    case.refuses("phantom -o LIST.mhd", &["LIST.raw", "another name"]);
    case.refuses("phantom -o no/ct.nii", &["'no' does not exist"]);
    case.refuses("phantom --spacing-mm 6 -o new.nii --labels labels.txt", &["'.txt'", ".nii.gz"]);
    case.refuses("phantom --spacing-mm 6 -o new.nii --labels no/l.nii", &["'no' does not exist"]);
    case.refuses("phantom --spacing-mm 6 -o new.nii --labels new.nii", &["new.nii", "twice"]);
    case.refuses("phantom --spacing-mm 0 -o new.nii", &["spacing", "is 0", "0.2 to 10"]);
    case.refuses("phantom --spacing-mm NaN -o new.nii", &["spacing", "NaN", "0.2 to 10"]);
    case.refuses("phantom --spacing-mm 0.2 -o new.nii", &["voxels", "spacing"]);
    case.refuses("phantom --seed -1 -o new.nii", &["--seed", "-1"]);

    case.write_xray("xray.png", |at| at as f32);
    case.refuses("info xray.png --preview xray.png", &["xray.png: this is an input"]);
    case.refuses("info ct.nii --preview no/x.png", &["'no' does not exist"]);
    case.refuses("info ct.nii --preview x.jpg", &["x.jpg", "ends in .png"]);
}

#[test]
fn other_commands() {
    let case = Scratch::new();
    case.refuses("info no.nii", &["no.nii: there is no such file"]);
    case.refuses("info no.jpg", &["no.jpg: there is no such file"]);
    for name in ["no.png", "no.dcm", "no"] {
        let expected = format!("{name}: there is no such file");
        case.refuses(&format!("register --ct ct.nii --xray {name} --out out"), &[&expected]);
    }
    case.refuses("register --ct ct.nii --xray . --out out", &[".: this is a folder"]);
    case.refuses("info camera.json --preview x.png", &["camera.json", "nothing to draw", "CT"]);
    case.refuses("info ct.nii xray.tif --preview x.png", &["--preview", "name one"]);
    case.write("cut.nii", &case.read("ct.nii")[..5000]);
    case.refuses("info cut.nii", &["cut.nii: the data end after"]);
    case.write("cut.mhd", "NDims = 3\nElementSpacing = 1 1 nan\n");
    case.refuses("info cut.mhd", &["cut.mhd: the header has no ElementDataFile"]);
    case.write("notes.txt", "x");
    case.refuses("info notes.txt", &["notes.txt", "'.txt'", ".json", ".nii", ".png"]);
    case.write("other.json", "{\"a\": 1}");
    case.refuses("info other.json", &["other.json"]);
    fs::create_dir(case.path("dicom")).unwrap();
    case.refuses("info dicom", &["dicom: no file in it is a DICOM image"]);

    case.write_ct("nan.nii", |_, _| f32::NAN);
    case.write_ct("air.nii", |_, _| -1000.0);
    for ct in ["nan.nii", "air.nii"] {
        let bench = format!("bench --ct {ct} --camera camera.json --pose truth.json --runs 1");
        case.refuses(&bench, &[ct]);
        case.refuses(&format!("info {ct} --preview x.png"), &[ct]);
        case.refuses(&format!("drr --ct {ct} --camera camera.json --view ap -o x.png"), &[ct]);
    }
    case.refuses("bench --ct ct.nii --camera camera.json --pose truth.json --runs 0", &["--runs"]);
    case.refuses("drr --ct ct.nii --camera camera.json -o x.png", &["--pose"]);
    case.refuses(
        "drr --ct ct.nii --camera camera.json --view ap --source-to-isocenter-mm 1 -o x.png",
        &["--view ap", "inside the CT"],
    );
    let inside = "[[1,0,0,0],[0,0,-1,0],[0,1,0,5],[0,0,0,1]]";
    case.write(
        "inside.json",
        format!("{{\"camera_from_world\": {inside}, \"world\": \"LPS\", \"unit\": \"mm\"}}"),
    );
    for command in ["drr -o x.png", "bench --runs 1"] {
        case.refuses(
            &format!("{command} --ct ct.nii --camera camera.json --pose inside.json"),
            &["inside.json", "inside the CT"],
        );
    }
}

#[test]
fn simulations() {
    let case = Scratch::new();
    let simulate = "simulate --ct ct.nii --camera camera.json";
    let refuses = |flags: &str, expected: &[&str]| {
        case.refuses(&format!("{simulate} {flags}"), expected);
    };
    let wrong = |text: &str, expected: &[&str]| {
        case.write("bad.toml", text);
        let flags = "--view ap --preset bad.toml -o x.png --drawn x.json";
        refuses(flags, &[&["bad.toml: "][..], expected].concat());
    };
    wrong("[blur]\nsigma_mm = [1.0, 1.0]", &["line 1", "blur", "detector_blur"]);
    wrong("[scatter]\nsigma = [1.0, 1.0]", &["line 2", "sigma", "sigma_mm"]);
    wrong("[scatter\n", &["line 1"]);
    wrong("[scatter]\nfraction = 0.1", &["line 2"]);
    wrong("[scatter]\nfraction = [0.1]", &["line 2"]);
    wrong("[scatter]\nfraction = [0.5, 0.1]", &["scatter.fraction is [0.5, 0.1]", "low <= high"]);
    wrong("[scatter]\nsigma_mm = [1.0, inf]", &["scatter.sigma_mm is [1, inf]"]);
    wrong("[noise]\nphotons = [nan, 1.0]", &["noise.photons is [NaN, 1]"]);
    wrong("[noise]\nphotons = [0.0, 1.0]", &["noise.photons is [0, 1]", "1 <= low"]);
    wrong("[detector_blur]\nsigma_mm = [-1.0, 1.0]", &["detector_blur.sigma_mm is [-1, 1]"]);
    wrong("[metal]\ncount = [1, 5000000000]", &["metal.count is [1, 5000000000]", "20"]);
    wrong("[metal]\ncount = [-1, 2]", &["line 2", "-1"]);
    wrong("[metal]\nscrew_probability = 2.0", &["metal.screw_probability is 2", "0 to 1"]);
    wrong("[collimator]\nshapes = []", &["collimator.shapes is empty", "octagon"]);
    wrong("[collimator]\nshapes = [\"star\"]", &["line 2", "star", "octagon"]);
    wrong("[beam_hardening]\ntube_kv = [10.0, 80.0]", &["beam_hardening.tube_kv is [10, 80]"]);
    wrong("[beam_hardening]\nbone_hu = 50.0", &["beam_hardening.bone_hu is 50", "soft_tissue_hu"]);
    wrong("[display]\ngamma = [0.0, 1.0]", &["display.gamma is [0, 1]"]);
    wrong("[display]\nblack_percent = [0.0, 99.0]", &["display.black_percent is [0, 99]"]);
    wrong("[randomization.gamma]\nprobability = nan", &["randomization.gamma.probability is NaN"]);
    wrong(
        "[randomization.smoothing]\nwidths_px = [4]",
        &["randomization.smoothing.widths_px is [4]", "odd"],
    );

    refuses("--view ap --preset hrad -o x.png", &["'hrad' is not a preset", "plain, hard"]);
    refuses("--view ap --preset no.toml -o x.png", &["no.toml: there is no such file"]);
    refuses("--view ap --preset ct.nii -o x.png", &["ct.nii", "text"]);
    refuses("--view ap --seed -1 -o x.png", &["--seed"]);
    refuses("-o x.png", &["--pose"]);
    refuses("--view ap -o x.jpg", &["x.jpg", ".png"]);
    refuses("--view ap -o no/x.png", &["no/x.png"]);
    refuses("--view ap -o x.png --drawn no/x.json", &["no/x.json"]);
    refuses("--view ap -o x.png --drawn x.png", &["x.png: named twice"]);
    refuses("--pose truth.json -o x.png --drawn truth.json", &["truth.json: this is an input"]);
    refuses("--view ap --source-to-isocenter-mm 1 -o x.png", &["--view ap", "inside the CT"]);
    case.write_ct("air.nii", |_, _| -1000.0);
    for preset in ["plain", "hard"] {
        let air = format!("simulate --ct air.nii --camera camera.json --view ap --preset {preset}");
        case.refuses(&format!("{air} -o x.png"), &["air.nii", "only air"]);
    }
}

#[test]
fn poses_of_other_programs() {
    let case = Scratch::new();
    let convert = "pose convert --from isocenter --to";
    case.refuses(&format!("{convert} elastix start.json x.json"), &["elastix", "plastimatch"]);
    case.refuses(&format!("{convert} diffdrr start.json x.json"), &["volume_center", "--ct"]);
    case.refuses(
        &format!("{convert} plastimatch start.json x.json"),
        &["plastimatch", "--source-to-isocenter-mm"],
    );
    case.refuses(
        &format!("{convert} prost start.json x.json --source-to-isocenter-mm 700"),
        &["prost", "--source-to-detector-mm"],
    );
    case.refuses(
        &format!(
            "{convert} prost start.json x.json --source-to-isocenter-mm 700 \
             --source-to-detector-mm 1020"
        ),
        &["prost", "--ct"],
    );
    case.refuses(
        &format!("{convert} plastimatch start.json x.json --source-to-isocenter-mm 0"),
        &["--source-to-isocenter-mm", "'0'", "positive"],
    );
    case.refuses(&format!("{convert} isocenter no.json x.json"), &["no.json: there is no such"]);
    case.refuses(&format!("{convert} isocenter start.json no/x.json"), &["'no' does not exist"]);
    let back = "pose convert --to isocenter --from";
    case.refuses(
        &format!("{back} diffdrr start.json x.json"),
        &["start.json: not a diffdrr pose", "expected one of"],
    );
    case.refuses(&format!("{back} diffdrr no.json x.json"), &["no.json: there is no such file"]);
    case.write("empty.json", "");
    case.refuses(&format!("{back} nanodrr empty.json x.json"), &["empty.json: the file is empty"]);
    case.refuses(&format!("{back} nanodrr xray.tif x.json"), &["xray.tif", "text"]);
    let needs = "--ct ct.nii --source-to-isocenter-mm 700 --source-to-detector-mm 1020";
    case.succeed(&format!("{convert} prost start.json flat.json {needs}"));
    let mut flat = case.json("flat.json");
    flat["volume"]["affine"][0] = serde_json::json!([0, 0, 0, 0]);
    case.write("flat.json", flat.to_string());
    case.refuses(&format!("{back} prost flat.json x.json"), &["flat.json: volume.affine", "0"]);
    case.refuses(&format!("{back} isocenter start.json x.json --orientation up"), &["ap or pa"]);
    case.refuses(
        &format!("{back} isocenter start.json x.json --ct ct.nii --volume-center-mm 1,2,3"),
        &["--ct", "--volume-center-mm"],
    );
}

#[test]
fn usage() {
    let case = Scratch::new();
    case.refuses("", &["requires a subcommand", "demo", "--help"]);
    case.refuses("pose", &["convert", "--help"]);
    case.refuses("registre", &["'registre'", "similar", "'register'"]);
    case.refuses("--fast", &["--fast", "--help"]);
    case.refuses("register", &["--ct", "--xray", "--out", "--help"]);
    case.refuses("register --ct ct.nii --xray", &["--xray", "--help"]);
    case.refuses("drr", &["--ct", "--camera", "--pose", "--help"]);
    case.refuses("bench --json", &["--ct", "--camera", "--pose", "--help"]);
    case.refuses("info", &["FILE", "--help"]);
    case.refuses("demo somewhere", &["somewhere", "--help"]);
    case.register_refuses("--treshold 3", &["--treshold", "--help"]);
    case.register_refuses("--out out --out again", &["--out"]);
}

/// Who may read everything cannot be refused: then there is nothing to test.
#[cfg(unix)]
#[test]
fn files_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let case = Scratch::new();
    for (flag, name) in [("--ct", "ct.nii"), ("--xray", "xray.tif"), ("--camera", "camera.json")] {
        fs::set_permissions(case.path(name), fs::Permissions::from_mode(0o000)).unwrap();
        if fs::read(case.path(name)).is_err() {
            case.register_refuses(&format!("{flag} {name}"), &[name, "Permission denied"]);
        }
        fs::set_permissions(case.path(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::create_dir(case.path("locked")).unwrap();
    fs::set_permissions(case.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(case.path("locked/probe"), "").is_err() {
        case.register_refuses("--out locked/out", &["locked/out", "Permission denied"]);
        case.register_refuses("--out locked", &["locked", "Permission denied"]);
    } else {
        fs::remove_file(case.path("locked/probe")).unwrap();
    }
    fs::set_permissions(case.path("locked"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn protocols() {
    let case = Scratch::new();
    let good = "title = 'a'\nseed = 1\ncases = 1\n\
        [[cts]]\nname = 'one'\npath = 'ct.nii'\n\
        [[cameras]]\nname = 'c'\nsource_to_detector_mm = 1020\npixel_spacing_mm = [3.6, 3.6]\n\
        size_px = [96, 80]\nsource_to_isocenter_mm = 700\n\
        [[conditions]]\nname = 'all'\nsimulation = 'plain'\n\
        [[methods]]\nname = 'ours'\n";
    let refuses = |part: &str, by: &str, expected: &[&str]| {
        assert!(good.contains(part), "{part}");
        case.write("p.toml", good.replacen(part, by, 1));
        case.refuses("evaluate --config p.toml --out out", expected);
    };
    refuses("seed = 1", "seeed = 1", &["p.toml: line 2", "seeed", "seed"]);
    refuses(
        "name = 'ours'",
        "name = 'ours'\nstage = ['search']",
        &["p.toml", "unknown field", "stage"],
    );
    refuses(
        "name = 'ours'",
        "name = 'ours'\nstages = ['serach']",
        &["p.toml", "'serach'", "refine"],
    );
    refuses("'plain'", "'soft'", &["p.toml", "simulation of condition 'all' is 'soft'", "hard"]);
    refuses("cases = 1", "cases = 0", &["cases of condition 'all' is 0"]);
    refuses("cases = 1", "cases = -1", &["p.toml: line 3"]);
    refuses("ct.nii", "no.nii", &["p.toml", "CT 'one'", "no.nii: there is no such file"]);
    refuses("ct.nii", "${ISOCENTER_DATA}/ct.nii", &["ISOCENTER_DATA is not set", "--data"]);
    refuses("ct.nii", "xray.tif", &["xray.tif"]);
    refuses("path = 'ct.nii'", "", &["path of CT 'one' is absent"]);
    refuses("size_px = [96, 80]", "size_px = [96, 0]", &["camera 'c'", "size_px"]);
    refuses(
        "simulation = 'plain'",
        "simulation = 'plain'\ntruth = { rotation_deg = 200, in_plane_mm = 1, depth_mm = 1 }",
        &["truth of condition 'all'", "rotation_deg is 200"],
    );
    case.write("p.toml", good);
    case.refuses("evaluate --config no.toml --out out", &["no.toml: there is no such file"]);
    case.refuses("evaluate --config p.toml --out no/out", &["no/out", "parent must exist"]);
    case.refuses("evaluate --config p.toml --out out --shard 2/2", &["'2/2' is not a shard"]);
    case.refuses("evaluate --config p.toml --out out --shard 0/2 --merge", &["--shard", "--merge"]);
    case.refuses("evaluate --config p.toml --out out --merge", &["out"]);
}
