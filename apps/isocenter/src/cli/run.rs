//! What is asked of the commands that register, measure and tell.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use isocenter_io::volume::dicom::SeriesChoice;

use super::ct::CtArgs;
use super::network::NetworkArgs;
use super::start::StartArgs;
use super::xray::{ReadingArgs, XrayArgs};
use crate::evaluation::Shard;

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
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Keep the couch of a CT, as `register` would
    #[arg(long)]
    pub(crate) keep_table: bool,
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
    #[command(flatten)]
    pub(crate) networks: NetworkArgs,
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
    #[command(flatten)]
    pub(crate) networks: NetworkArgs,
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
