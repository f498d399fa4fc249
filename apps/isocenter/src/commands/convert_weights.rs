//! `isocenter convert-weights`: a network's weights from PyTorch.

use anyhow::{Context, Result};
use isocenter_io::atomic::write_file;
use isocenter_net::convert::{ConversionOptions, StateDict, cdreg};
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
    let converted = StateDict::read(input).and_then(|read| cdreg::checkpoint(read, &options));
    let checkpoint = converted.with_context(|| input.display().to_string())?;
    progress.doing("writing");
    let bytes = checkpoint.to_bytes()?;
    write_file(output, |out| out.write_all(&bytes))?;
    drop(progress);
    let tensors = checkpoint.network.len();
    let numbers: usize = checkpoint.network.values().map(|array| array.values.len()).sum();
    let NetworkConfig { size_px: [columns, rows], trunk, head, .. } = &checkpoint.header.network;
    say(&format!(
        "{}: a network for images of {columns} x {rows} pixels, trunk {trunk:?}, head {head:?}; \
         {numbers} numbers in {tensors} tensors",
        output.display()
    ))
}
