//! A CT before a camera, and the commands that take its picture.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use isocenter::radiograph::PixelValues;

use super::ct::CtArgs;
use super::start::ViewArgs;

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
