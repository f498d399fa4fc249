//! Where the patient may be: a view, a pose, landmarks, a prior.

use std::path::PathBuf;

use anyhow::bail;
use clap::{ArgGroup, Args};
use isocenter::geometry::View;

use super::values::{PointArg, length_mm};

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
