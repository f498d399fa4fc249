//! `isocenter pose convert`: poses from and to other programs.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use isocenter::geometry::conversion::{
    Convention, ConversionError, ConvertedPose, DiffDrrPose, ForeignPose, NanoDrrPose,
    PlastimatchPose, ProStPose, ProStVolume, TargetGeometry,
};
use isocenter::radiograph::ImageFlip;
use isocenter_io::atomic::write_file;
use isocenter_io::geometry::{read_pose, write_pose};
use isocenter_io::text::read_text;

use crate::cli::ConvertArgs;
use crate::input::volume;
use crate::output::say;

pub(crate) fn run(args: &ConvertArgs) -> Result<()> {
    let pose = match args.from {
        Convention::Isocenter => ConvertedPose {
            camera_from_world: read_pose(&args.input)?,
            image_flip: ImageFlip::None,
        },
        Convention::DiffDrr => read::<DiffDrrPose>(&args.input)?,
        Convention::NanoDrr => read::<NanoDrrPose>(&args.input)?,
        Convention::Plastimatch => read::<PlastimatchPose>(&args.input)?,
        Convention::ProSt => read::<ProStPose>(&args.input)?,
    };
    let target = target_geometry(args)?;
    let flip = match args.to {
        Convention::Isocenter => {
            write_pose(&args.output, &pose.camera_from_world)?;
            ImageFlip::None
        }
        Convention::DiffDrr => write::<DiffDrrPose>(&args.output, &pose, &target)?,
        Convention::NanoDrr => write::<NanoDrrPose>(&args.output, &pose, &target)?,
        Convention::Plastimatch => write::<PlastimatchPose>(&args.output, &pose, &target)?,
        Convention::ProSt => write::<ProStPose>(&args.output, &pose, &target)?,
    };
    say(&format!("{}: {} pose, from {}", args.output.display(), args.to, args.from))?;
    if flip != pose.image_flip {
        say(&format!(
            "{} shows the image mirrored against {}: flip its columns (then the principal point's \
             column is columns - 1 - cx; `isocenter register` takes --flip columns)",
            args.to, args.from
        ))?;
    }
    Ok(())
}

fn read<P: ForeignPose>(path: &Path) -> Result<ConvertedPose> {
    let in_file = || path.display().to_string();
    let text = read_text(path)?;
    let pose: P = serde_json::from_str(&text)
        .with_context(|| format!("{}: not a {} pose", path.display(), P::CONVENTION))?;
    pose.to_camera_from_world().with_context(in_file)
}

fn write<P: ForeignPose>(
    path: &Path,
    pose: &ConvertedPose,
    target: &TargetGeometry,
) -> Result<ImageFlip> {
    let foreign = P::from_camera_from_world(&pose.camera_from_world, target).map_err(ask_for)?;
    let json = serde_json::to_string_pretty(&foreign)?;
    write_file(path, |out| writeln!(out, "{json}"))?;
    Ok(foreign.to_camera_from_world()?.image_flip)
}

/// Names the argument that gives what is missing.
fn ask_for(error: ConversionError) -> anyhow::Error {
    match error {
        ConversionError::Missing { target, key } => {
            let argument = match key {
                "volume_center_world_mm" => "--ct or --volume-center-mm",
                "source_to_isocenter_mm" => "--source-to-isocenter-mm",
                "source_to_detector_mm" => "--source-to-detector-mm",
                _ => "--ct",
            };
            anyhow!("a pose for {target} needs {key}: give {argument}")
        }
        other => other.into(),
    }
}

/// What the target needs beside the pose, from the CT or the arguments.
fn target_geometry(args: &ConvertArgs) -> Result<TargetGeometry> {
    let ct = args.ct.as_ref().map(|ct| volume(ct, None)).transpose()?;
    let mut target = TargetGeometry {
        orientation: args.orientation,
        volume_center_world_mm: args.volume_center_mm.map(|point| point.0.into()),
        source_to_isocenter_mm: args.source_to_isocenter_mm,
        source_to_detector_mm: args.source_to_detector_mm,
        ..TargetGeometry::default()
    };
    if let Some(ct) = ct {
        target.volume_center_world_mm = Some(ct.center_world_mm().into());
        target.prost_volume =
            Some(ProStVolume::new(ct.world_from_index(), ct.dims(), args.zrot90, args.isflip));
    }
    Ok(target)
}
