//! `isocenter camera convert`: cameras from other programs.

use anyhow::{Context, Result, bail, ensure};
use isocenter::geometry::conversion::{Depth, PixelScale};
use isocenter::radiograph::ImageFlip;
use isocenter_io::geometry::camera_from::read_foreign_camera;
use isocenter_io::geometry::{write_camera, write_pose};

use crate::cli::CameraConvertArgs;
use crate::input::keep_input;
use crate::output::say;

pub(crate) fn run(args: &CameraConvertArgs) -> Result<()> {
    let in_file = || args.input.display().to_string();
    let outputs = [Some(&args.out_camera), args.out_pose.as_ref()];
    for output in outputs.into_iter().flatten() {
        keep_input(output, &[&args.input])?;
    }
    ensure!(
        args.out_pose.as_ref() != Some(&args.out_camera),
        "{}: --out-camera and --out-pose name one file: name two",
        args.out_camera.display()
    );
    let foreign = read_foreign_camera(&args.input, args.from, args.index)?;
    let Some(size_px) = args.size.or(foreign.size_px) else {
        bail!(
            "{}: the file does not tell the size of the image: give --size COLUMNS,ROWS",
            in_file()
        );
    };
    let scale = match (args.pixel_spacing.or(foreign.pixel_spacing_mm), args.sdd) {
        (_, Some(distance)) => PixelScale::SourceToDetector(distance),
        (Some(spacing), None) => PixelScale::Spacing(spacing),
        (None, None) => bail!(
            "{}: the file does not tell the size of a pixel, without which a focal length in pixels is no \
             distance: give --pixel-spacing or --sdd",
            in_file()
        ),
    };
    let depth = match (foreign.depth, args.sees) {
        (Depth::Unknown, Some(point)) => Depth::SeesPoint(point.0),
        (known, _) => known,
    };
    let found = foreign.projection.to_camera(size_px, scale, depth).with_context(in_file)?;
    ensure!(
        foreign.has_pose || args.out_pose.is_none(),
        "{}: the file holds no pose: leave out --out-pose",
        in_file()
    );
    write_camera(&args.out_camera, &found.camera)?;
    if let Some(path) = &args.out_pose {
        write_pose(path, &found.camera_from_world)?;
    }
    let distance = found.camera.source_to_detector_mm();
    let [dx, dy] = found.camera.pixel_spacing_mm();
    say(&format!(
        "{}: {distance:.2} mm from source to detector, pixels of {dx:.5} x {dy:.5} mm, from {}",
        args.out_camera.display(),
        args.from
    ))?;
    if depth == Depth::Unknown {
        let [x, y, z]: [f64; 3] = (*found.camera_from_world.inverse().translation_mm()).into();
        say(&format!(
            "a matrix does not tell what is in front: the source is taken to be at ({x:.1}, {y:.1}, {z:.1}) \
             mm; --sees X,Y,Z names a point that is seen"
        ))?;
    }
    if found.image_flip != ImageFlip::None {
        say(
            "the image is mirrored against the one seen from the source: flip its columns (the principal \
             point is that of the flipped image; `isocenter register` takes --flip columns)",
        )?;
    }
    Ok(())
}
