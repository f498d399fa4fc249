//! `isocenter convert`: a volume in another format.

use anyhow::Result;
use isocenter_io::volume::{
    check_output, load_ct, write_volume_f32, write_volume_i16, written_data_file,
};

use crate::cli::VolumeConvertArgs;
use crate::input::{keep_input, remarks};
use crate::output::{remark, say};
use crate::progress::Progress;

pub(crate) fn run(args: &VolumeConvertArgs) -> Result<()> {
    let (input, output) = (&args.input, &args.output);
    check_output(output)?;
    keep_input(output, &[input])?;
    let progress = Progress::new("reading");
    let loaded = load_ct(input, args.series.as_ref())?;
    if let (Some(written), Some(read)) = (written_data_file(output), &loaded.data_file) {
        keep_input(&written, &[read])?;
    }
    progress.doing("writing");
    let volume = &loaded.volume;
    // No value changes: 16-bit integers where they hold all of them, else floats.
    let is_i16 = |&v: &f32| f32::from(v as i16) == v;
    let kind = if volume.voxels().iter().all(is_i16) {
        write_volume_i16(output, volume)?;
        "16-bit integers"
    } else {
        write_volume_f32(output, volume)?;
        "32-bit floats"
    };
    drop(progress);
    remarks(input, &loaded);
    let not_finite = volume.voxels().iter().filter(|voxel| !voxel.is_finite()).count();
    if not_finite > 0 {
        remark(&format!("{}: warning: {not_finite} voxels are NaN or infinite", input.display()));
    }
    let [i, j, k] = volume.dims();
    let [di, dj, dk] = volume.world_from_index().spacing_mm();
    say(&format!(
        "{}: {i} x {j} x {k} voxels of {di:.4} x {dj:.4} x {dk:.4} mm, {kind}",
        output.display()
    ))
}
