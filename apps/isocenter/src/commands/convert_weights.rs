//! `isocenter convert-weights`: a network's weights from PyTorch.

use anyhow::{Context, Result};
use isocenter_io::atomic::write_file;
use isocenter_net::ModelConfig;
use isocenter_net::convert::{ConversionOptions, StateDict, checkpoint};
use isocenter_net::network::NetworkConfig;

use crate::cli::WeightsConvertArgs;
use crate::input::keep_input;
use crate::output::say;
use crate::progress::Progress;

pub(crate) fn run(args: &WeightsConvertArgs) -> Result<()> {
    let (input, output) = (&args.input, &args.output);
    keep_input(output, &[input])?;
    let progress = Progress::new("reading");
    let options = ConversionOptions {
        size_px: args.size,
        descent: args.descent,
        voxel_spacing_mm: args.voxel_spacing_mm,
    };
    let converted = StateDict::read(input).and_then(|read| checkpoint(read, &options));
    let checkpoint = converted.with_context(|| input.display().to_string())?;
    progress.doing("writing");
    let bytes = checkpoint.to_bytes()?;
    write_file(output, |out| out.write_all(&bytes))?;
    drop(progress);
    let tensors = checkpoint.network.len();
    let numbers: usize = checkpoint.network.values().map(|array| array.values.len()).sum();
    let [columns, rows] = checkpoint.header.network.size_px();
    let kind = match &checkpoint.header.network {
        ModelConfig::Network(NetworkConfig::DualBranch(config)) => {
            format!("a dual-branch network (trunk {:?}, head {:?})", config.trunk, config.head)
        }
        ModelConfig::Network(NetworkConfig::Prost(_)) => "the baseline ProST".to_owned(),
        ModelConfig::Network(NetworkConfig::Sopi(_)) => "the baseline SOPI".to_owned(),
        ModelConfig::Rtpi(_) => "the regressor RTPI".to_owned(),
    };
    say(&format!(
        "{}: {kind} for images of {columns} x {rows} pixels; {numbers} numbers in {tensors} tensors",
        output.display()
    ))
}
