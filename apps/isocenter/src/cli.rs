//! The command line: what the user may type.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{ArgGroup, Args, Parser, Subcommand};
use isocenter::geometry::View;
use isocenter::geometry::conversion::{Convention, Orientation};
use isocenter::radiograph::{ImageFlip, PixelValues};
use isocenter::volume::AttenuationMap;
use isocenter_io::geometry::camera_from::CameraFormat;
use isocenter_io::volume::dicom::SeriesChoice;
use isocenter_io::volume::is_volume_name;
use nalgebra::Vector3;

use crate::evaluation::Shard;

/// Brings a pre-operative CT into register with an intra-operative X-ray.
#[derive(Debug, Parser)]
#[command(name = "isocenter", version, about, after_help = EXIT_CODES)]
#[command(subcommand_required = true, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 registration judged failed, 2 bad input or usage.\n\
    Start with `isocenter demo`: it needs no file.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a phantom CT and an X-ray of it, register them, and show the result
    Demo(DemoArgs),
    /// Write a phantom CT of a lower back
    Phantom(PhantomArgs),
    /// Say what is in a file or a DICOM folder: size, spacing, orientation, range
    Info(InfoArgs),
    /// Convert a volume to another format
    Convert(VolumeConvertArgs),
    /// Render a radiograph (DRR) of a CT
    Drr(DrrArgs),
    /// Simulate an X-ray of a CT: noise, scatter, metal, collimator, display
    Simulate(SimulateArgs),
    /// Register a CT to an X-ray
    Register(Box<RegisterArgs>),
    /// Run a protocol of many simulated cases and write its statistics
    Evaluate(EvaluateArgs),
    /// Train a network through its pose gradient
    #[cfg(feature = "network")]
    Train(TrainArgs),
    /// Convert poses between programs
    #[command(subcommand_required = true, arg_required_else_help = false)]
    Pose {
        #[command(subcommand)]
        command: PoseCommand,
    },
    /// Convert cameras of other programs
    #[command(subcommand_required = true, arg_required_else_help = false)]
    Camera {
        #[command(subcommand)]
        command: CameraCommand,
    },
    /// Time the projector
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder to write
    #[arg(long, value_name = "DIR", default_value = "isocenter-demo")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PhantomArgs {
    /// CT to write (HU): .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd
    #[arg(short, long = "output", value_name = "CT")]
    pub(crate) output: PathBuf,
    /// Label volume to write
    #[arg(long, value_name = "LABELS")]
    pub(crate) labels: Option<PathBuf>,
    /// Another seed is another patient
    #[arg(long, default_value_t = isocenter::volume::PhantomConfig::default().seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// Voxel size (mm)
    #[arg(long, value_name = "MM", default_value_t = isocenter::volume::PhantomConfig::default().spacing_mm, allow_negative_numbers = true)]
    pub(crate) spacing_mm: f64,
}

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// Volumes, DICOM folders, images, pose.json or camera.json files
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub(crate) files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Which series of a DICOM folder: its number, description or UID
    #[arg(long, value_name = "SERIES")]
    pub(crate) series: Option<SeriesChoice>,
    /// Also show names, numbers and dates of the patient and the study
    #[arg(long)]
    pub(crate) show_identity: bool,
    /// Write a picture of what the program sees (one FILE only)
    #[arg(long, value_name = "PNG")]
    pub(crate) preview: Option<PathBuf>,
    /// Frame of a DICOM X-ray, from 1
    #[arg(long, value_name = "N", value_parser = frame, allow_negative_numbers = true)]
    pub(crate) frame: Option<usize>,
    /// Keep the couch in the preview of a CT
    #[arg(long)]
    pub(crate) keep_table: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeConvertArgs {
    /// Volume or DICOM folder to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Volume to write: .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Which series of a DICOM folder: its number, description or UID
    #[arg(long, value_name = "SERIES")]
    pub(crate) series: Option<SeriesChoice>,
}

/// The CT and what of it counts.
#[derive(Debug, Args)]
pub(crate) struct CtArgs {
    /// CT (HU): a DICOM folder, .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd
    #[arg(long, value_name = "CT")]
    pub(crate) ct: PathBuf,
    /// Which series of a DICOM folder, its number, description or UID; the longest CT if not given
    #[arg(long, value_name = "SERIES")]
    pub(crate) series: Option<SeriesChoice>,
    /// Keep only labelled voxels, all else is air: LABELS.nii.gz, or LABELS.nii.gz:20,21 for some labels
    #[arg(long, value_name = "LABELS[:ID,..]")]
    pub(crate) mask: Option<MaskArg>,
    /// Keep the couch, which is found and removed otherwise
    #[arg(long)]
    pub(crate) keep_table: bool,
    /// How HU become attenuation: linear, thresholded:HU, excess:HU, bone-weighted:HU:WEIGHT
    /// [default: linear; excess:150 in `register` with a mask]
    #[arg(long, value_name = "MAP")]
    pub(crate) attenuation: Option<AttenuationMap>,
}

/// A label volume and the labels that count; none means all but 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MaskArg {
    pub(crate) path: PathBuf,
    pub(crate) ids: Vec<u16>,
}

impl std::str::FromStr for MaskArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a label volume is expected: LABELS.nii.gz".to_owned());
        }
        // A colon may belong to the path: labels follow the one after the file's extension.
        let after_extension = |(path, _): &(&str, &str)| is_volume_name(path);
        let Some((path, list)) = text.rsplit_once(':').filter(after_extension) else {
            return Ok(Self { path: text.into(), ids: Vec::new() });
        };
        let id = |id: &str| match id.parse() {
            Ok(0) | Err(_) => {
                Err(format!("'{id}' is not a label: write numbers from 1 to 65535, such as 20,21"))
            }
            Ok(id) => Ok(id),
        };
        Ok(Self { path: path.into(), ids: list.split(',').map(id).collect::<Result<_, _>>()? })
    }
}

/// A view instead of a pose.
#[derive(Debug, Clone, Args)]
pub(crate) struct ViewArgs {
    /// C-arm view: ap, pa, lateral-left, lateral-right, or PRIMARY/SECONDARY degrees such as 30/-10
    #[arg(long, value_name = "VIEW", allow_hyphen_values = true)]
    pub(crate) view: Option<View>,
    /// Isocenter of the view (mm, LPS), instead of the center of the CT or mask
    #[arg(long, value_name = "X,Y,Z", requires = "view", allow_hyphen_values = true)]
    pub(crate) isocenter_mm: Option<PointArg>,
    /// Distance from source to isocenter (mm), instead of the camera's
    #[arg(long, value_name = "MM", requires = "view", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) source_to_isocenter_mm: Option<f64>,
}

impl ViewArgs {
    /// What the parser lets pass: a pose beside what only a view can use.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let unused = [
            ("--isocenter-mm", self.isocenter_mm.is_some()),
            ("--source-to-isocenter-mm", self.source_to_isocenter_mm.is_some()),
        ];
        match unused.into_iter().find(|(_, given)| *given && self.view.is_none()) {
            Some((flag, _)) => {
                bail!("{flag} places a --view and has no use with a pose: leave one of them out")
            }
            None => Ok(()),
        }
    }
}

fn length_mm(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(length) if length.is_finite() && length > 0.0 => Ok(length),
        _ => Err(format!("'{text}' is not a length: write a positive number of mm, such as 700")),
    }
}

/// Three comma-separated numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PointArg(pub(crate) Vector3<f64>);

impl std::str::FromStr for PointArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<f64>> = text
            .split(',')
            .map(|n| n.trim().parse().ok().filter(|n: &f64| n.is_finite()))
            .collect();
        match numbers.as_deref() {
            Some(&[x, y, z]) => Ok(Self(Vector3::new(x, y, z))),
            _ => Err(format!("'{text}' is not a point: write X,Y,Z in mm, such as 10,-25.5,130")),
        }
    }
}

/// Landmarks instead of a pose.
#[derive(Debug, Args)]
pub(crate) struct LandmarkArgs {
    /// Start from landmarks, their places in the patient: .csv, .fcsv, .mrk.json
    #[arg(long = "landmarks-3d", value_name = "FILE", requires = "landmarks_2d")]
    pub(crate) landmarks_3d: Option<PathBuf>,
    /// Their places in the image as stored: .csv with the columns label,u,v (column and row, px)
    #[arg(long = "landmarks-2d", value_name = "FILE", requires = "landmarks_3d")]
    pub(crate) landmarks_2d: Option<PathBuf>,
}

/// A CT before a camera, and where it is.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("position").required(true).args(["pose", "view"])))]
pub(crate) struct SceneArgs {
    #[command(flatten)]
    pub(crate) ct: CtArgs,
    /// Camera
    #[arg(long, value_name = "CAMERA.json")]
    pub(crate) camera: PathBuf,
    /// Pose
    #[arg(long, value_name = "POSE.json")]
    pub(crate) pose: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

impl SceneArgs {
    /// The files it is read from.
    pub(crate) fn files(&self) -> Vec<&Path> {
        let mask = self.ct.mask.as_ref().map(|mask| &*mask.path);
        let files = [Some(&*self.ct.ct), Some(&*self.camera), self.pose.as_deref(), mask];
        files.into_iter().flatten().collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct DrrArgs {
    #[command(flatten)]
    pub(crate) scene: SceneArgs,
    /// Image to write: .npy, .tif, .nii.gz hold line integrals, .png 16-bit intensity
    #[arg(short, long = "output", value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// What the pixels shall mean, if not what the format suggests: intensity, attenuation
    #[arg(long, value_name = "MEANING")]
    pub(crate) values: Option<PixelValues>,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    pub(crate) scene: SceneArgs,
    /// What the machine adds: plain (quantum noise), hard (what a C-arm's screen gives), or a TOML
    /// file
    #[arg(long, value_name = "plain|hard|TOML", default_value = "plain")]
    pub(crate) preset: Preset,
    /// Another seed is another noise, metal, collimator, display
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// X-ray to write: .png, .tif, .npy, .nii.gz; with a display 8-bit intensity, else as `drr` does
    #[arg(short, long = "output", value_name = "XRAY")]
    pub(crate) output: PathBuf,
    /// Write what was drawn, and the settings
    #[arg(long, value_name = "JSON")]
    pub(crate) drawn: Option<PathBuf>,
}

/// The settings of a simulation, by name or as a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Preset {
    Plain,
    Hard,
    File(PathBuf),
}

impl std::str::FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("a preset is expected: plain, hard, or a TOML file".to_owned()),
            "plain" => Ok(Self::Plain),
            "hard" => Ok(Self::Hard),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// The X-rays of one patient.
#[derive(Debug, Args)]
pub(crate) struct XrayArgs {
    /// X-ray image: DICOM, .png, .tif, .npy, .nii. Once for each X-ray of the patient
    #[arg(long, value_name = "XRAY", required = true)]
    pub(crate) xray: Vec<PathBuf>,
    /// Its camera, if not that of the DICOM tags; from the second X-ray on with
    /// camera_from_reference_camera
    #[arg(long, value_name = "CAMERA.json")]
    pub(crate) camera: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) geometry: GeometryArgs,
    /// Flip the image as stored: none, columns (stored as seen from the detector), rows, both.
    /// Once for all X-rays, or once for each [default: what the DICOM tags say, else none]
    #[arg(long, value_name = "FLIP")]
    pub(crate) flip: Vec<ImageFlip>,
    /// What the X-ray's pixels mean, if not what the format suggests: intensity, attenuation.
    /// Once for all X-rays, or once for each
    #[arg(long, value_name = "MEANING")]
    pub(crate) xray_values: Vec<PixelValues>,
    /// Frame of a DICOM file, from 1. Once for all X-rays, or once for each
    #[arg(long, value_name = "N", value_parser = frame, allow_negative_numbers = true)]
    pub(crate) frame: Vec<usize>,
}

/// What a DICOM file's tags do not tell, or tell wrongly; without a camera.
#[derive(Debug, Clone, Args)]
pub(crate) struct GeometryArgs {
    /// Distance from source to detector (mm), instead of a --camera
    #[arg(long, value_name = "MM", conflicts_with = "camera", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) sdd: Option<f64>,
    /// Size of a pixel at the detector (mm), instead of a --camera
    #[arg(long, value_name = "MM|COLUMN,ROW", conflicts_with = "camera", allow_hyphen_values = true, value_parser = spacing_mm)]
    pub(crate) pixel_spacing: Option<[f64; 2]>,
    /// Where the perpendicular from the source meets the image as stored (column and row, px),
    /// instead of a --camera
    #[arg(long, value_name = "COLUMN,ROW", conflicts_with = "camera", allow_hyphen_values = true, value_parser = position_px)]
    pub(crate) principal_point: Option<[f64; 2]>,
}

fn frame(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("'{text}' is not a frame: write a whole number from 1 on")),
        Ok(frame) => Ok(frame),
    }
}

/// One length, or two.
fn spacing_mm(text: &str) -> Result<[f64; 2], String> {
    let both = text.split_once(',').unwrap_or((text, text));
    let wrong =
        || format!("'{text}' is not the size of a pixel: write MM or COLUMN,ROW, such as 0.3");
    let length = |text: &str| length_mm(text.trim()).map_err(|_| wrong());
    Ok([length(both.0)?, length(both.1)?])
}

fn position_px(text: &str) -> Result<[f64; 2], String> {
    let number = |text: &str| text.trim().parse().ok().filter(|n: &f64| n.is_finite());
    text.split_once(',')
        .and_then(|(column, row)| Some([number(column)?, number(row)?]))
        .ok_or_else(|| format!("'{text}' is not a position: write COLUMN,ROW, such as 511.5,511.5"))
}

/// Where the patient may be.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("start").args(["init", "view", "landmarks_3d"])))]
pub(crate) struct StartArgs {
    /// Start from this pose: the search looks near it only
    #[arg(long, value_name = "POSE.json")]
    pub(crate) init: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) landmarks: LandmarkArgs,
    /// Search all of the prior, also about a pose or landmarks; what is done without them
    #[arg(long)]
    pub(crate) search: bool,
    /// How far the patient may be from the view (default ap) or pose: `any` for every rotation,
    /// or a file with view, rotation_deg, in_plane_mm, depth_mm
    #[arg(long, value_name = "any|TOML")]
    pub(crate) prior: Option<PriorArg>,
}

/// A prior by name or as a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PriorArg {
    Any,
    File(PathBuf),
}

impl std::str::FromStr for PriorArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("a prior is expected: any, or a TOML file".to_owned()),
            "any" => Ok(Self::Any),
            path => Ok(Self::File(path.into())),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    pub(crate) ct: CtArgs,
    #[command(flatten)]
    pub(crate) xrays: XrayArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// The true pose, where it is known: the result reports the error
    #[arg(long, value_name = "POSE.json")]
    pub(crate) truth: Option<PathBuf>,
    /// Points where errors are expected, and measured if the truth is known: .csv, .fcsv, .mrk.json, or
    /// a label volume (its centroids)
    #[arg(long, value_name = "FILE")]
    pub(crate) targets: Option<PathBuf>,
    /// Settings
    #[arg(long, value_name = "TOML")]
    pub(crate) config: Option<PathBuf>,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Protocol: CTs, cameras, conditions, methods
    #[arg(long, value_name = "PROTOCOL.toml")]
    pub(crate) config: PathBuf,
    /// Folder of the results; an evaluation that was begun there goes on
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Run only part I of N, from 0: every N-th case
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// Make the tables from the shards in DIR
    #[arg(long, conflicts_with = "shard")]
    pub(crate) merge: bool,
    /// What ${ISOCENTER_DATA} stands for in the protocol's paths
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Cases to run at a time; with more than one, the times are not those of one registration
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) jobs: NonZero<usize>,
}

#[cfg(feature = "network")]
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Training: network, CTs, cameras, poses, optimiser
    #[arg(long, value_name = "TRAIN.toml")]
    pub(crate) config: PathBuf,
    /// Folder of checkpoints, metrics and report
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Go on with the training in DIR, after its last checkpoint
    #[arg(long, conflicts_with = "from")]
    pub(crate) resume: bool,
    /// Begin with the weights of another training: for one patient, for instance
    #[arg(long, value_name = "CHECKPOINT")]
    pub(crate) from: Option<PathBuf>,
    /// What ${ISOCENTER_DATA} stands for in the paths of the CTs
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Background threads that simulate X-rays; the training does not depend on their number
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PoseCommand {
    /// Convert a pose from one program's convention to another's
    Convert(ConvertArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Convention of IN: isocenter, diffdrr, nanodrr, plastimatch, prost
    #[arg(long)]
    pub(crate) from: Convention,
    /// Convention of OUT
    #[arg(long)]
    pub(crate) to: Convention,
    /// Pose to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Pose to write
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// CT of the pose: gives the volume's center (diffdrr) and grid (prost)
    #[arg(long, value_name = "CT")]
    pub(crate) ct: Option<PathBuf>,
    /// Volume's center (mm, LPS), instead of --ct
    #[arg(long, value_name = "X,Y,Z", conflicts_with = "ct", allow_hyphen_values = true)]
    pub(crate) volume_center_mm: Option<PointArg>,
    /// Orientation of a diffdrr or nanodrr OUT: ap or pa
    #[arg(long, default_value = "ap", value_parser = orientation)]
    pub(crate) orientation: Orientation,
    /// Distance from source to isocenter (mm): plastimatch, prost
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) source_to_isocenter_mm: Option<f64>,
    /// Distance from source to detector (mm): prost
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) source_to_detector_mm: Option<f64>,
    /// prost: its argument zRot90
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) zrot90: bool,
    /// prost: its argument ISFlip
    #[arg(long, value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set)]
    pub(crate) isflip: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CameraCommand {
    /// Convert a camera from another program's file to camera.json and pose.json
    Convert(CameraConvertArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CameraConvertArgs {
    /// Format of IN: matrix (3x4 projection matrix: text, JSON, .npy), opencv (YAML, JSON), xreg (HDF5),
    /// mayacam
    #[arg(long, value_name = "FORMAT")]
    pub(crate) from: CameraFormat,
    /// Camera to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Camera to write
    #[arg(long, value_name = "CAMERA.json")]
    pub(crate) out_camera: PathBuf,
    /// Pose to write
    #[arg(long, value_name = "POSE.json")]
    pub(crate) out_pose: Option<PathBuf>,
    /// Size of the image, where the file does not tell it
    #[arg(long, value_name = "COLUMNS,ROWS", value_parser = size_px)]
    pub(crate) size: Option<[usize; 2]>,
    /// Size of a pixel at the detector (mm), where the file does not tell it
    #[arg(long, value_name = "MM|COLUMN,ROW", conflicts_with = "sdd", allow_hyphen_values = true, value_parser = spacing_mm)]
    pub(crate) pixel_spacing: Option<[f64; 2]>,
    /// Distance from source to detector (mm), instead of the size of a pixel
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) sdd: Option<f64>,
    /// Which of several cameras, from 0
    #[arg(long, value_name = "N")]
    pub(crate) index: Option<usize>,
    /// A point (mm, LPS) that the camera sees: it tells the sign of a projection matrix
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true)]
    pub(crate) sees: Option<PointArg>,
}

fn size_px(text: &str) -> Result<[usize; 2], String> {
    let side = |text: &str| text.trim().parse().ok().filter(|&n: &usize| n > 0);
    text.split_once(',')
        .and_then(|(columns, rows)| Some([side(columns)?, side(rows)?]))
        .ok_or_else(|| format!("'{text}' is not a size: write COLUMNS,ROWS, such as 1024,1024"))
}

fn orientation(text: &str) -> Result<Orientation, String> {
    match text {
        "ap" => Ok(Orientation::Ap),
        "pa" => Ok(Orientation::Pa),
        _ => Err(format!("'{text}' is not an orientation: write ap or pa")),
    }
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// CT (HU): a volume or a DICOM folder
    #[arg(long, value_name = "CT")]
    pub(crate) ct: PathBuf,
    /// Camera
    #[arg(long, value_name = "CAMERA.json")]
    pub(crate) camera: PathBuf,
    /// Pose
    #[arg(long, value_name = "POSE.json")]
    pub(crate) pose: PathBuf,
    /// Timed runs after a warm-up; medians are reported
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    //! Proves: the definition is consistent, and a mask's labels are told from colons in its path.
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn masks_are_parsed() {
        let mask: MaskArg = "a/labels.nii.gz:20,22".parse().unwrap();
        assert_eq!((mask.path.to_str(), &mask.ids[..]), (Some("a/labels.nii.gz"), &[20, 22][..]));
        let mask: MaskArg = "labels.MHA:7".parse().unwrap();
        assert_eq!((mask.path.to_str(), &mask.ids[..]), (Some("labels.MHA"), &[7][..]));
        let mask: MaskArg = "C:\\labels.nii".parse().unwrap();
        assert_eq!((mask.path.to_str(), mask.ids.len()), (Some("C:\\labels.nii"), 0));
        assert!("labels.nii:0".parse::<MaskArg>().is_err());
        assert!("labels.nii:".parse::<MaskArg>().is_err());
        assert!("labels.nii:70000".parse::<MaskArg>().is_err());
        assert!("labels.nii:20,,21".parse::<MaskArg>().is_err());
    }

    #[test]
    fn points_are_parsed() {
        assert_eq!("1,-2.5, 3".parse::<PointArg>(), Ok(PointArg(Vector3::new(1.0, -2.5, 3.0))));
        assert!("1,2".parse::<PointArg>().is_err());
        assert!("1,2,nan".parse::<PointArg>().is_err());
    }
}
