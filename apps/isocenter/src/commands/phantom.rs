//! `isocenter phantom`: a CT of a lower back, from a seed.

use anyhow::{Result, ensure};
use isocenter::volume::{Phantom, PhantomConfig};
use isocenter_io::volume::{check_output, write_labels, write_volume_i16};

use crate::cli::PhantomArgs;
use crate::output::say;
use crate::progress::Progress;

pub(crate) fn run(args: &PhantomArgs) -> Result<()> {
    check_output(&args.output)?;
    if let Some(labels) = &args.labels {
        check_output(labels)?;
        ensure!(*labels != args.output, "{}: named twice, for CT and labels", labels.display());
    }
    let progress = Progress::new("making the phantom");
    let config =
        PhantomConfig { seed: args.seed, spacing_mm: args.spacing_mm, ..PhantomConfig::default() };
    let phantom = Phantom::generate(&config)?;
    progress.doing("writing");
    write_volume_i16(&args.output, &phantom.ct)?;
    if let Some(labels) = &args.labels {
        write_labels(labels, &phantom.labels)?;
    }
    drop(progress);
    let [i, j, k] = phantom.ct.dims();
    say(&format!(
        "phantom {}: {i} x {j} x {k} voxels of {} mm, seed {}",
        args.output.display(),
        args.spacing_mm,
        args.seed
    ))
}
