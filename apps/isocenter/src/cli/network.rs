//! What is asked of the commands that train a network or use one.

#[cfg(feature = "network")]
use std::{path::PathBuf, str::FromStr};

use clap::Args;

/// Trained networks; without the feature `network` there is nothing to ask for.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Trained network: the stage `network`
    #[cfg(feature = "network")]
    #[arg(long, value_name = "CHECKPOINT")]
    pub(crate) network: Option<PathBuf>,
    /// Trained regressor, which says a pose without a start: the stage `regressor`; `register` puts it in the place of
    /// the search
    #[cfg(feature = "network")]
    #[arg(long, value_name = "CHECKPOINT")]
    pub(crate) regressor: Option<PathBuf>,
    /// Where these compute: cpu, wgpu or cuda
    #[cfg(feature = "network")]
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: DeviceArg,
}

/// A device of the framework.
#[cfg(feature = "network")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceArg {
    Cpu,
    #[cfg(feature = "wgpu")]
    Wgpu,
    #[cfg(feature = "cuda")]
    Cuda,
}

#[cfg(feature = "network")]
impl FromStr for DeviceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(Self::Cpu),
            #[cfg(feature = "wgpu")]
            "wgpu" => Ok(Self::Wgpu),
            #[cfg(feature = "cuda")]
            "cuda" => Ok(Self::Cuda),
            _ if ["wgpu", "cuda"].contains(&text) => Err(format!(
                "this program was built without it: build it with --features {text}, or use cpu"
            )),
            _ => Err("expected cpu, wgpu or cuda".to_owned()),
        }
    }
}

#[cfg(feature = "network")]
impl DeviceArg {
    pub(crate) fn device(self) -> burn::tensor::Device {
        match self {
            Self::Cpu => burn::tensor::Device::flex(),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => burn::tensor::Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
            #[cfg(feature = "cuda")]
            Self::Cuda => burn::tensor::Device::cuda(0),
        }
    }
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
    /// Checkpoints to keep, the last ones, instead of as many as the file says
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<usize>,
    /// Background threads that simulate X-rays; the training does not depend on their number
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: usize,
    /// Where the network is trained: cpu, wgpu or cuda
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: DeviceArg,
}
