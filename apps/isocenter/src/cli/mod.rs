//! The command line: what the user may type.
//!
//! - [`values`]: lengths, points, sizes, as they are written
//! - [`ct`], [`xray`], [`start`]: what several commands ask for
//! - [`scene`], [`convert`], [`network`], [`run`]: the commands, by what they do

mod convert;
mod ct;
mod network;
mod run;
mod scene;
mod start;
mod values;
mod xray;

use clap::{Parser, Subcommand};

#[cfg(feature = "network")]
pub(crate) use convert::WeightsConvertArgs;
pub(crate) use convert::{
    CameraCommand, CameraConvertArgs, ConvertArgs, PoseCommand, VolumeConvertArgs,
};
pub(crate) use ct::{CtArgs, MaskArg};
pub(crate) use network::NetworkArgs;
#[cfg(feature = "network")]
pub(crate) use network::TrainArgs;
pub(crate) use run::{BenchArgs, DemoArgs, EvaluateArgs, InfoArgs, PhantomArgs, RegisterArgs};
pub(crate) use scene::{DrrArgs, Preset, SimulateArgs};
pub(crate) use start::{LandmarkArgs, PriorArg, StartArgs, ViewArgs};
pub(crate) use xray::{GeometryArgs, ReadingArgs, XrayArgs};

/// Brings a pre-operative CT into register with an intra-operative X-ray.
#[derive(Debug, Parser)]
#[command(name = "isocenter", version, about, after_help = EXIT_CODES)]
#[command(subcommand_required = true, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 registration judged failed, 2 bad input or usage,\n\
    130 a training that was interrupted.\n\
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
    /// Convert a network's weights from PyTorch
    #[cfg(feature = "network")]
    ConvertWeights(WeightsConvertArgs),
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

#[cfg(test)]
mod tests {
    //! Proves: the definition is consistent.
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
