//! What the program's tests share: a scratch folder with a small case in it, and ways to run the
//! program there.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(unreachable_pub, reason = "each test file includes this module")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;
use std::time::Duration;

use assert_cmd::Command;
use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::ReferenceProjector;
use isocenter::radiograph::with_quantum_noise;
use isocenter::volume::phantom::label;
use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
use isocenter_io::geometry::{read_pose, write_camera, write_pose};
use isocenter_io::image::{read_image, write_line_integral};
use isocenter_io::volume::{read_labels, write_labels, write_volume_i16};
use nalgebra::Vector6;
use tempfile::TempDir;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_isocenter");

/// What a registration leaves.
pub const FILES: [&str; 6] =
    ["overlay.png", "pose.json", "pose.tfm", "report.html", "result.json", "trace.csv"];

/// A registration of the case that every scratch folder begins with.
pub const REGISTER: &str = "register --ct ct.nii --camera camera.json --init start.json";

/// A run that takes longer hangs.
const LONGEST_RUN: Duration = Duration::from_secs(300);

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// The case that every scratch folder begins with, made once.
static CASE: LazyLock<Files> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    make_case(folder.path());
    contents(folder.path())
});

/// A lower back of 6 mm voxels and an X-ray of it with the noise of a fluoroscopy frame:
/// `ct.nii`, `labels.nii`, `camera.json`, `xray.tif`, `truth.json`, `start.json`.
fn make_case(folder: &Path) {
    let config = PhantomConfig { spacing_mm: 6.0, ..PhantomConfig::default() };
    let phantom = Phantom::generate(&config).unwrap();
    write_volume_i16(folder.join("ct.nii"), &phantom.ct).unwrap();
    write_labels(folder.join("labels.nii"), &phantom.labels).unwrap();
    let camera = Camera::new(1020.0, [3.6, 3.6], [96, 80])
        .unwrap()
        .with_source_to_isocenter_mm(700.0)
        .unwrap();
    write_camera(folder.join("camera.json"), &camera).unwrap();

    let pivot = phantom.ct.center_world_mm();
    let ap = View::AP.camera_from_world(pivot, 700.0);
    let truth = motion([3.0, -4.0, 2.0, 6.0, -5.0, 12.0]).apply(&ap, pivot);
    let start = motion([-4.0, 5.0, -3.0, 9.0, -7.0, 20.0]).apply(&truth, pivot);
    write_pose(folder.join("truth.json"), &truth).unwrap();
    write_pose(folder.join("start.json"), &start).unwrap();

    let volume = AttenuationVolume::from_hounsfield(phantom.ct, &AttenuationMap::default());
    let image = ReferenceProjector::new(&volume.unwrap()).forward(&camera, &truth).unwrap();
    let xray = with_quantum_noise(&image, 30_000.0, 1);
    write_line_integral(folder.join("xray.tif"), &xray).unwrap();
}

/// A motion from degrees and millimeters.
pub fn motion(degrees_and_mm: [f64; 6]) -> PivotMotion {
    PivotMotion::from_vector(&Vector6::from_fn(|c, _| {
        if c < 3 { degrees_and_mm[c].to_radians() } else { degrees_and_mm[c] }
    }))
}

/// All files below a folder, by their path in it; a folder is an entry without contents.
pub fn contents(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let below = contents(&path).into_iter();
            files.extend(below.map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
            files.insert(name + "/", Vec::new());
        } else {
            // What the test has made unreadable stays so.
            files.insert(name, fs::read(&path).unwrap_or_default());
        }
    }
    files
}

/// A folder of its own for each test, with the case in it.
pub struct Scratch(TempDir);

impl Scratch {
    /// The files of a registration are there and can be read.
    pub fn assert_whole(&self, folder: &str) {
        for name in FILES {
            assert!(self.path(folder).join(name).is_file(), "{folder}/{name} is missing");
        }
        read_pose(self.path(folder).join("pose.json")).unwrap();
        read_image(self.path(folder).join("overlay.png")).unwrap();
        let text = |name: &str| String::from_utf8(self.read(&format!("{folder}/{name}"))).unwrap();
        let trace = text("trace.csv");
        let columns = trace.lines().next().unwrap().split(',').count();
        assert!(columns == 19 && trace.lines().count() > 10 && trace.ends_with('\n'));
        assert!(trace.lines().all(|line| line.split(',').count() == columns));
        assert!(text("pose.tfm").contains("AffineTransform_double_3_3"));
        let verdict = self.json(&format!("{folder}/result.json"))["verdict"].clone();
        assert!(["good", "doubtful"].contains(&verdict.as_str().unwrap()), "{verdict}");
        assert!(text("report.html").trim_end().ends_with("</html>"));
    }

    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in CASE.iter() {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    pub fn contents(&self) -> Files {
        contents(self.0.path())
    }

    /// The program, about to run in the folder; arguments are parted by spaces.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.0.path()).args(arguments.split_whitespace()).timeout(LONGEST_RUN);
        command.env_remove("ISOCENTER_DATA");
        command
    }

    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs what must succeed, silent on standard error; returns standard output.
    pub fn succeed(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), &*error), (Some(0), ""), "{arguments}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// How far a pose file is from the truth: the mean over the lumbar vertebrae (mm).
    pub fn mtre_mm(&self, pose: &str) -> f64 {
        let read = |name: &str| -> RigidTransform { read_pose(self.path(name)).unwrap() };
        let labels = read_labels(self.path("labels.nii")).unwrap();
        let lumbar = labels.map(|l| if (label::L1..=label::L5).contains(&l) { l } else { 0 });
        let targets = Targets::from_label_centroids(&lumbar).unwrap();
        targets.mtre_mm(&read("truth.json"), &read(pose))
    }
}
