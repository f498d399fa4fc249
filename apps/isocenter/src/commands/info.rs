//! `isocenter info`: what is in a file.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use isocenter::geometry::{Camera, RigidTransform, View};
use isocenter::project::Projector;
use isocenter::radiograph::{Image, ImageFlip, PixelValues};
use isocenter::volume::{AttenuationMap, AttenuationVolume};
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::{LoadedImage, check_output, read_image};
use isocenter_io::text::read_text;
use isocenter_io::volume::dicom::{DicomImage, SeriesChoice, read_dicom_image};
use isocenter_io::volume::{LoadedVolume, is_volume, load_ct};
use isocenter_io::{FileError, FileProblem};
use isocenter_report::{RgbImage, display, side_by_side};
use serde::Serialize;

use super::volume_info::{DicomImageDescription, VolumeDescription};
use crate::cli::InfoArgs;
use crate::input::{keep_input, line_integrals};
use crate::output::{say, say_json, write_picture};

/// What a file holds.
enum Content {
    Volume(Box<LoadedVolume>),
    DicomImage(Box<DicomImage>),
    Image(LoadedImage),
    Camera(Camera),
    Pose(RigidTransform),
}

/// The same in words and numbers, for people and for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Description {
    Volume(Box<VolumeDescription>),
    #[serde(rename = "dicom image")]
    DicomImage(Box<DicomImageDescription>),
    Image {
        file: String,
        size_px: [usize; 2],
        values: PixelValues,
        range: [f32; 2],
    },
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
        let content = read(file, args.series.as_ref())?;
        descriptions.push(describe(file, &content, args.show_identity));
        if let Some(picture) = &args.preview {
            write_picture(picture, &preview(file, content)?)?;
        }
    }
    if args.json {
        return say_json(&descriptions);
    }
    descriptions.iter().try_for_each(print)
}

fn read(path: &Path, series: Option<&SeriesChoice>) -> Result<Content> {
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
    if is_volume(path) {
        return match load_ct(path, series) {
            Ok(volume) => Ok(Content::Volume(Box::new(volume))),
            Err(as_volume) if path.is_dir() => Err(as_volume.into()),
            Err(as_volume) => match read_image(path) {
                Ok(image) => Ok(Content::Image(image)),
                Err(_) if matches!(as_volume.problem, FileProblem::Dicom(_)) => {
                    Ok(Content::DicomImage(Box::new(read_dicom_image(path)?)))
                }
                Err(_) => Err(as_volume.into()),
            },
        };
    }
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
const FILES: &str = ".json (camera, pose), .nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd, .png, .tif, .tiff, .npy, \
    and DICOM folders";

fn describe(path: &Path, content: &Content, show_identity: bool) -> Description {
    let file = path.display().to_string();
    match content {
        Content::Volume(loaded) => {
            let described = VolumeDescription::new(file, loaded, show_identity);
            Description::Volume(Box::new(described))
        }
        Content::DicomImage(image) => {
            let described = DicomImageDescription::new(file, image, show_identity);
            Description::DicomImage(Box::new(described))
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
    }
}

fn print(description: &Description) -> Result<()> {
    match description {
        Description::Volume(volume) => volume.print(),
        Description::DicomImage(image) => image.print(),
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

/// What the program sees: an X-ray as attenuation, a CT as two radiographs.
fn preview(path: &Path, content: Content) -> Result<RgbImage> {
    let in_file = || path.display().to_string();
    match content {
        Content::Image(loaded) => {
            let values = loaded.values;
            let image = line_integrals(path, loaded, values)?;
            Ok(display(&image, ImageFlip::None))
        }
        Content::Volume(ct) => {
            let volume = AttenuationVolume::from_hounsfield(ct.volume, &AttenuationMap::default());
            let projector = Projector::new(volume.with_context(in_file)?);
            let ap = display(&radiograph(&projector, View::AP)?, ImageFlip::None);
            let lateral = display(&radiograph(&projector, View::LATERAL_RIGHT)?, ImageFlip::None);
            Ok(side_by_side(&[("ap", &ap), ("lateral-right", &lateral)], None)?)
        }
        Content::Camera(_) | Content::Pose(_) | Content::DicomImage(_) => {
            bail!("{}: there is nothing to draw: --preview takes a CT or an image", path.display())
        }
    }
}

/// A radiograph that shows all of a volume, from far away.
fn radiograph(projector: &Projector, view: View) -> Result<Image> {
    const SIDE_PX: usize = 512;
    let volume = projector.volume().volume();
    let center = volume.center_world_mm();
    let corners = volume.corners_world_mm();
    let radius_mm = corners.iter().map(|c| (c - center).norm()).fold(1.0, f64::max);
    let distance_mm = 4.0 * radius_mm;
    let spacing_mm = 2.2 * radius_mm / SIDE_PX as f64;
    let camera = Camera::new(distance_mm, [spacing_mm; 2], [SIDE_PX; 2])?;
    Ok(projector.forward(&camera, &view.camera_from_world(center, distance_mm))?)
}
