//! `isocenter info`: what is in a file.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::radiograph::{ImageFlip, PixelValues, PrepareConfig, prepare};
use isocenter::volume::Couch;
use isocenter_io::error::DicomError;
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::{LoadedImage, check_output, read_image};
use isocenter_io::text::read_text;
use isocenter_io::volume::dicom::{DicomImage, SeriesChoice, read_dicom_image};
use isocenter_io::volume::{LoadedVolume, is_volume, load_ct};
use isocenter_io::xray::{XrayError, XrayFile, XrayHeader, is_dicom, read_xray, read_xray_header};
use isocenter_io::{FileError, FileProblem};
use isocenter_report::RgbImage;
use serde::Serialize;

use super::volume_info::{DicomImageDescription, VolumeDescription};
use super::xray_info::XrayDescription;
use super::{preview, xray_info};
use crate::cli::InfoArgs;
use crate::input::{keep_input, text_left_in};
use crate::output::{is_closed_pipe, say, say_json, write_picture};
use crate::xrays::{Reading, readings};
use crate::{complain, told};

/// What a file holds.
enum Content {
    Volume(Box<LoadedVolume>),
    DicomImage(Box<DicomImage>),
    Image(LoadedImage),
    Xray(Box<XrayFile>),
    /// And why its pixels cannot be read.
    XrayHeader(Box<XrayHeader>, String),
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
        /// What the command line says of its camera, there being no tags.
        #[serde(skip_serializing_if = "Option::is_none")]
        source_to_detector_mm: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pixel_spacing_mm: Option<[f64; 2]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        principal_point_px: Option<[f64; 2]>,
        warnings: Vec<String>,
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
    /// A file that cannot be described.
    Error {
        file: String,
        error: String,
    },
}

/// What could be described.
pub(crate) enum Described {
    All,
    /// Some files could not be; what is wrong with each was said.
    InPart,
}

pub(crate) fn run(args: &InfoArgs) -> Result<Described> {
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
    let readings = readings(&args.reading, args.files.len())?;
    let (mut descriptions, mut all) = (Vec::new(), true);
    for (file, reading) in args.files.iter().zip(&readings) {
        match described(file, reading, args) {
            // Programs get all in one piece.
            Ok(description) if args.json => descriptions.push(description),
            Ok(description) => print(&description)?,
            Err(error) if is_closed_pipe(&error) => return Err(error),
            // The others are described all the same.
            Err(error) => {
                let (file, error) = (file.display().to_string(), told(&error));
                complain(&error);
                descriptions.push(Description::Error { file, error });
                all = false;
            }
        }
    }
    if args.json {
        say_json(&descriptions)?;
    }
    Ok(if all { Described::All } else { Described::InPart })
}

/// What is in a file, in words; draws it where that is asked for.
fn described(file: &Path, reading: &Reading, args: &InfoArgs) -> Result<Description> {
    let content = read(file, args.series.as_ref(), reading)?;
    let couch = match &content {
        Content::Volume(ct) => Couch::find(&ct.volume),
        _ => None,
    };
    let description = describe(file, &content, couch.as_ref(), reading, args)?;
    if let Some(picture) = &args.preview {
        let couch = couch.filter(|_| !args.keep_table);
        write_picture(picture, &preview(file, content, couch.as_ref(), reading)?)?;
    }
    Ok(description)
}

fn read(path: &Path, series: Option<&SeriesChoice>, reading: &Reading) -> Result<Content> {
    if is_dicom(path) {
        match read_xray(path, reading.frame, reading.values) {
            Ok(file) => return Ok(Content::Xray(Box::new(file))),
            // It may be a CT.
            Err(FileError { problem: FileProblem::Xray(XrayError::Modality { .. }), .. }) => {}
            // The tags are there in every build.
            Err(FileError {
                problem: FileProblem::Dicom(problem @ DicomError::Feature { .. }),
                ..
            }) => {
                if let Ok(header) = read_xray_header(path, reading.frame) {
                    return Ok(Content::XrayHeader(Box::new(header), problem.to_string()));
                }
            }
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

fn describe(
    path: &Path,
    content: &Content,
    couch: Option<&Couch>,
    reading: &Reading,
    args: &InfoArgs,
) -> Result<Description> {
    let show_identity = args.show_identity;
    let file = path.display().to_string();
    Ok(match content {
        Content::Xray(xray) => {
            let described = XrayDescription::new(path, xray, reading, show_identity)?;
            Description::Xray(Box::new(described))
        }
        Content::XrayHeader(header, problem) => {
            let mut described =
                XrayDescription::of_tags(path, header, &reading.given, show_identity);
            described.warn(problem.clone());
            Description::Xray(Box::new(described))
        }
        Content::Volume(loaded) => {
            let described = VolumeDescription::new(file, loaded, couch, args);
            Description::Volume(Box::new(described))
        }
        Content::DicomImage(image) => {
            let described = DicomImageDescription::new(file, image, show_identity);
            Description::DicomImage(Box::new(described))
        }
        Content::Image(loaded) => {
            let (low, high) = loaded.image.range();
            let size_px = loaded.image.size_px();
            let values = reading.values.unwrap_or(loaded.values);
            let warnings = text_left_in(&loaded.image).into_iter().collect();
            Description::Image {
                file,
                size_px,
                values,
                range: [low, high],
                source_to_detector_mm: reading.given.source_to_detector_mm,
                pixel_spacing_mm: reading.given.pixel_spacing_mm,
                principal_point_px: reading.given.principal_point_px,
                warnings,
            }
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

fn print(description: &Description) -> Result<()> {
    match description {
        Description::Volume(volume) => volume.print(),
        Description::DicomImage(image) => image.print(),
        Description::Xray(xray) => xray.print(),
        Description::Error { .. } => Ok(()),
        Description::Image {
            file,
            size_px: [columns, rows],
            values,
            range,
            source_to_detector_mm,
            pixel_spacing_mm,
            principal_point_px,
            warnings,
        } => {
            say(&format!("{file}: image"))?;
            say(&format!("  size         {columns} x {rows} pixels"))?;
            say(&format!("  values       {} to {}, taken as {values}", range[0], range[1]))?;
            if let Some([dx, dy]) = pixel_spacing_mm {
                say(&format!("  pixel        {dx:.5} x {dy:.5} mm at the detector (given)"))?;
            }
            if let Some(distance) = source_to_detector_mm {
                say(&format!("  detector     {distance} mm from the source (given)"))?;
            }
            if let Some([u, v]) = principal_point_px {
                say(&format!("  principal    column {u:.2}, row {v:.2} (given)"))?;
            }
            warnings.iter().try_for_each(|warning| say(&format!("  warning      {warning}")))
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

/// What the program sees: an X-ray as it is compared, a CT as slices and radiographs.
fn preview(
    path: &Path,
    content: Content,
    couch: Option<&Couch>,
    reading: &Reading,
) -> Result<RgbImage> {
    match content {
        Content::Image(loaded) => {
            let LoadedImage { image, values, full_scale } = &loaded;
            let (flip, values) =
                (reading.given.flip.unwrap_or_default(), reading.values.unwrap_or(*values));
            let image = image.flipped(flip);
            let config = reading.prepare(path, image.size_px(), &PrepareConfig::default())?;
            let prepared = prepare(&image, values, *full_scale, &config)
                .with_context(|| path.display().to_string())?;
            match flip {
                ImageFlip::None => preview::xray(&prepared, "as stored"),
                flip => preview::xray(&prepared, &format!("{flip} flipped")),
            }
        }
        Content::Xray(file) => {
            let (prepared, flip) = xray_info::prepared(path, &file, reading)?;
            let taken = match flip {
                ImageFlip::None => "seen from the source, as stored".to_owned(),
                flip => format!("seen from the source, {flip} flipped"),
            };
            preview::xray(&prepared, &taken)
        }
        Content::Volume(ct) => preview::ct(path, ct.volume, couch),
        Content::XrayHeader(_, problem) => bail!("{}: {problem}", path.display()),
        Content::Camera(_) | Content::Pose(_) | Content::DicomImage(_) => {
            bail!("{}: there is nothing to draw: --preview takes a CT or an image", path.display())
        }
    }
}
