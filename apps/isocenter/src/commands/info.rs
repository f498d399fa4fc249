//! `isocenter info`: what is in a file.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::radiograph::{ImageFlip, PixelValues};
use isocenter::volume::{Affine, Couch, Volume};
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::{LoadedImage, check_output, read_image};
use isocenter_io::text::read_text;
use isocenter_io::volume::{is_volume_name, read_ct};
use isocenter_io::xray::{XrayError, XrayFile, is_dicom, read_xray};
use isocenter_io::{FileError, FileProblem};
use isocenter_report::{RgbImage, display};
use serde::Serialize;

use super::xray_info::XrayDescription;
use super::{preview, xray_info};
use crate::cli::InfoArgs;
use crate::input::{keep_input, line_integrals};
use crate::output::{say, say_json, write_picture};

/// What a file holds.
enum Content {
    Volume(Volume<f32>),
    Image(LoadedImage),
    Xray(Box<XrayFile>),
    Camera(Camera),
    Pose(RigidTransform),
}

/// The same in words and numbers, for people and for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Description {
    Volume {
        file: String,
        size: [usize; 3],
        spacing_mm: [f64; 3],
        /// Towards which side of the patient the indices run.
        orientation: [&'static str; 3],
        handedness: &'static str,
        center_world_mm: [f64; 3],
        world_from_index: [[f64; 4]; 4],
        range: [f32; 2],
        not_finite: usize,
    },
    Image {
        file: String,
        size_px: [usize; 2],
        values: PixelValues,
        range: [f32; 2],
    },
    Xray(Box<XrayDescription>),
    Camera {
        file: String,
        size_px: [usize; 2],
        pixel_spacing_mm: [f64; 2],
        source_to_detector_mm: f64,
        principal_point_px: [f64; 2],
        source_to_isocenter_mm: Option<f64>,
    },
    Pose {
        file: String,
        camera_from_world: [[f64; 4]; 4],
        source_world_mm: [f64; 3],
        /// The viewing direction as positioner angles: primary, secondary.
        positioner_deg: [f64; 2],
    },
}

pub(crate) fn run(args: &InfoArgs) -> Result<()> {
    ensure!(
        args.preview.is_none() || args.files.len() == 1,
        "--preview draws one file, {} were given: name one",
        args.files.len()
    );
    if let Some(picture) = &args.preview {
        ensure!(
            picture.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")),
            "{}: --preview writes a picture: choose a name that ends in .png",
            picture.display()
        );
        check_output(picture)?;
        keep_input(picture, &args.files.iter().map(|file| &**file).collect::<Vec<_>>())?;
    }
    let mut descriptions = Vec::new();
    for file in &args.files {
        let content = read(file, args.frame)?;
        descriptions.push(describe(file, &content, args.show_identity)?);
        if let Some(picture) = &args.preview {
            write_picture(picture, &preview(file, content, args.keep_table)?)?;
        }
    }
    if args.json {
        return say_json(&descriptions);
    }
    descriptions.iter().try_for_each(print)
}

fn read(path: &Path, frame: Option<usize>) -> Result<Content> {
    if is_dicom(path) {
        match read_xray(path, frame, None) {
            Ok(file) => return Ok(Content::Xray(Box::new(file))),
            // It may be a CT.
            Err(FileError { problem: FileProblem::Xray(XrayError::Modality { .. }), .. })
                if is_volume_name(path) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let name = path.to_string_lossy().to_lowercase();
    if name.ends_with(".json") {
        // Both have keys that the other has not.
        return match (read_camera(path), read_pose(path)) {
            (Ok(camera), _) => Ok(Content::Camera(camera)),
            (_, Ok(pose)) => Ok(Content::Pose(pose)),
            (Err(as_camera), Err(as_pose)) => {
                let text = read_text(path)?;
                if text.contains("\"camera_from_world\"") {
                    return Err(as_pose.into());
                }
                ensure!(
                    text.contains("\"source_to_detector_mm\""),
                    "{}: neither a camera.json (it has the key source_to_detector_mm) nor a \
                     pose.json (camera_from_world): name one of these",
                    path.display()
                );
                Err(as_camera.into())
            }
        };
    }
    if is_volume_name(path) {
        return match read_ct(path) {
            Ok(volume) => Ok(Content::Volume(volume)),
            Err(as_volume) => match read_image(path) {
                Ok(image) => Ok(Content::Image(image)),
                Err(_) => Err(as_volume.into()),
            },
        };
    }
    ensure!(!path.is_dir(), "{}: this is a folder: name the files in it", path.display());
    match read_image(path) {
        Ok(image) => Ok(Content::Image(image)),
        Err(FileError { path, problem: FileProblem::Extension { found, .. } }) => {
            Err(FileError { path, problem: FileProblem::Extension { found, supported: FILES } }
                .into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The extensions of the files that can be described.
const FILES: &str = ".json (camera, pose), .nii, .nii.gz, .mha, .mhd, .png, .tif, .tiff, .npy";

fn describe(path: &Path, content: &Content, show_identity: bool) -> Result<Description> {
    let file = path.display().to_string();
    Ok(match content {
        Content::Xray(xray) => {
            Description::Xray(Box::new(XrayDescription::new(path, xray, show_identity)?))
        }
        Content::Volume(volume) => {
            let finite = volume.voxels().iter().filter(|v| v.is_finite());
            let (mut low, mut high, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0);
            for &voxel in finite {
                (low, high, count) = (low.min(voxel), high.max(voxel), count + 1);
            }
            let affine = volume.world_from_index();
            Description::Volume {
                file,
                size: volume.dims(),
                spacing_mm: affine.spacing_mm(),
                orientation: orientation(affine),
                handedness: if affine.linear().determinant() > 0.0 { "right" } else { "left" },
                center_world_mm: volume.center_world_mm().into(),
                world_from_index: affine.to_matrix().transpose().into(),
                range: [low, high],
                not_finite: volume.voxels().len() - count,
            }
        }
        Content::Image(loaded) => {
            let (low, high) = loaded.image.range();
            let size_px = loaded.image.size_px();
            Description::Image { file, size_px, values: loaded.values, range: [low, high] }
        }
        Content::Camera(camera) => Description::Camera {
            file,
            size_px: camera.size_px(),
            pixel_spacing_mm: camera.pixel_spacing_mm(),
            source_to_detector_mm: camera.source_to_detector_mm(),
            principal_point_px: camera.principal_point_px(),
            source_to_isocenter_mm: camera.source_to_isocenter_mm(),
        },
        Content::Pose(pose) => {
            // The inverse of the view's direction (sin p cos q, -cos p cos q, sin q).
            let d = pose.rotation().row(2);
            let secondary = d[2].clamp(-1.0, 1.0).asin();
            let primary = d[0].atan2(-d[1]);
            Description::Pose {
                file,
                camera_from_world: pose.to_matrix().transpose().into(),
                source_world_mm: (*pose.inverse().translation_mm()).into(),
                positioner_deg: [primary.to_degrees(), secondary.to_degrees()],
            }
        }
    })
}

/// The side of the patient towards which each index runs.
fn orientation(world_from_index: &Affine) -> [&'static str; 3] {
    [0, 1, 2].map(|axis| {
        let edge = world_from_index.linear().column(axis);
        let sides = [["left", "right"], ["posterior", "anterior"], ["superior", "inferior"]];
        let along = edge.iamax();
        sides[along][usize::from(edge[along] < 0.0)]
    })
}

fn print(description: &Description) -> Result<()> {
    match description {
        Description::Volume {
            file,
            size,
            spacing_mm,
            orientation,
            handedness,
            center_world_mm,
            range,
            not_finite,
            ..
        } => {
            let [i, j, k] = size;
            let [di, dj, dk] = spacing_mm;
            let [to_i, to_j, to_k] = orientation;
            let [x, y, z] = center_world_mm;
            say(&format!("{file}: volume"))?;
            say(&format!(
                "  size         {i} x {j} x {k} voxels of {di:.4} x {dj:.4} x {dk:.4} mm"
            ))?;
            say(&format!(
                "  orientation  i to {to_i}, j to {to_j}, k to {to_k} ({handedness}-handed)"
            ))?;
            say(&format!("  center       ({x:.1}, {y:.1}, {z:.1}) mm LPS"))?;
            if range[0] <= range[1] {
                say(&format!("  values       {} to {} (HU in a CT)", range[0], range[1]))?;
            }
            if *not_finite > 0 {
                say(&format!("  warning      {not_finite} voxels are NaN or infinite"))?;
            }
            Ok(())
        }
        Description::Xray(xray) => xray.print(),
        Description::Image { file, size_px: [columns, rows], values, range } => {
            say(&format!("{file}: image"))?;
            say(&format!("  size         {columns} x {rows} pixels"))?;
            say(&format!("  values       {} to {}, taken as {values}", range[0], range[1]))
        }
        Description::Camera {
            file,
            size_px: [columns, rows],
            pixel_spacing_mm: [dx, dy],
            source_to_detector_mm,
            principal_point_px: [cx, cy],
            source_to_isocenter_mm,
        } => {
            say(&format!("{file}: camera"))?;
            say(&format!("  detector     {columns} x {rows} pixels of {dx} x {dy} mm"))?;
            say(&format!("  distance     {source_to_detector_mm} mm from source to detector"))?;
            match source_to_isocenter_mm {
                Some(distance) => say(&format!("  isocenter    {distance} mm from the source"))?,
                None => say("  isocenter    distance not given")?,
            }
            say(&format!("  principal    column {cx}, row {cy}"))
        }
        Description::Pose { file, source_world_mm: [x, y, z], positioner_deg: [p, q], .. } => {
            say(&format!("{file}: pose"))?;
            say(&format!("  source       ({x:.1}, {y:.1}, {z:.1}) mm LPS"))?;
            say(&format!("  detector at  {p:.1} degrees LAO, {q:.1} degrees cranial"))
        }
    }
}

/// What the program sees: an X-ray as attenuation, a CT as slices and radiographs.
fn preview(path: &Path, content: Content, keep_table: bool) -> Result<RgbImage> {
    match content {
        Content::Image(loaded) => {
            let values = loaded.values;
            let image = line_integrals(path, loaded, values)?;
            Ok(display(&image, ImageFlip::None))
        }
        Content::Xray(file) => {
            let (prepared, flip) = xray_info::prepared(path, &file)?;
            preview::xray(&prepared, flip)
        }
        Content::Volume(ct) => {
            let couch = if keep_table { None } else { Couch::find(&ct) };
            preview::ct(path, ct, couch.as_ref())
        }
        Content::Camera(_) | Content::Pose(_) => {
            bail!("{}: there is nothing to draw: --preview takes a CT or an image", path.display())
        }
    }
}
