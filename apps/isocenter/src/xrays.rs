//! The X-rays of the command line: images, cameras, and how each is to be read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use isocenter::geometry::{Camera, ImageFlip, PixelRegion, RigidTransform, View};
use isocenter::radiograph::{Mask, PixelValues, PrepareConfig, PreparedXray};
use isocenter::register::Xray;
use isocenter_io::check_file;
use isocenter_io::geometry::read_camera;
use isocenter_io::image::read_image;
use isocenter_io::xray::{GivenGeometry, XrayCamera, is_dicom, read_xray};
use nalgebra::Vector3;

use crate::cli::{GeometryArgs, ReadingArgs, XrayArgs};
use crate::input;

/// An X-ray, and what was done to read it.
pub(crate) struct ReadXray {
    pub(crate) xray: Xray,
    pub(crate) values: PixelValues,
    pub(crate) flip: ImageFlip,
    /// The region that was kept of the flipped image; its camera is that of the region.
    pub(crate) region: Option<PixelRegion>,
    /// The camera of the whole image.
    pub(crate) camera_of_image: Camera,
    /// What it is called in messages.
    pub(crate) name: String,
    /// What was found in it, and assumed.
    pub(crate) remarks: Vec<String>,
    /// How the C-arm stood, where the file tells.
    pub(crate) view: Option<View>,
    /// The turn of the image against that of a view, where the file tells.
    pub(crate) camera_from_view: RigidTransform,
}

/// Reads the X-rays, each with its camera.
pub(crate) fn read_xrays(args: &XrayArgs, config: &PrepareConfig) -> Result<Vec<ReadXray>> {
    let (xrays, cameras) = (args.xray.len(), args.camera.len());
    ensure!(
        cameras == 0 || xrays == cameras,
        "--xray is given {xrays} times, --camera {cameras} times: each X-ray needs its camera, in the same order"
    );
    ensure!(
        cameras > 0 || xrays == 1,
        "--xray is given {xrays} times: no tag tells where the second camera stands to the first; give \
         each X-ray its --camera, from the second on with camera_from_reference_camera"
    );
    let readings = readings(&args.reading, xrays)?;
    let read = |(n, (path, reading)): (usize, (&PathBuf, Reading))| {
        let camera = args.camera.get(n).map(|path| &**path);
        // Before it is asked for a camera that it does not have.
        check_file(path)?;
        let mut read = if is_dicom(path) {
            dicom(path, camera, &reading, config)?
        } else {
            image(path, camera, &reading, config)?
        };
        let prefix = if xrays == 1 { "X-ray".to_owned() } else { format!("X-ray {}", n + 1) };
        read.remarks.iter_mut().for_each(|remark| *remark = format!("{prefix}: {remark}"));
        Ok(read)
    };
    args.xray.iter().zip(readings).enumerate().map(read).collect()
}

/// What the command line says about how one X-ray is read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Reading {
    /// What its geometry is, with the flip.
    pub(crate) given: GivenGeometry,
    pub(crate) values: Option<PixelValues>,
    pub(crate) frame: Option<usize>,
    /// What is kept of the flipped image.
    pub(crate) region: Option<PixelRegion>,
}

impl Reading {
    /// The settings for this X-ray, whose region must lie in the image.
    pub(crate) fn prepare(
        &self,
        path: &Path,
        size_px: [usize; 2],
        config: &PrepareConfig,
    ) -> Result<PrepareConfig> {
        if let Some(region) = &self.region {
            region.check_within(size_px).with_context(|| format!("{}: --roi", path.display()))?;
        }
        Ok(PrepareConfig { region: self.region, ..*config })
    }

    /// The camera of the region, and what is left out, in words.
    fn cropped(&self, camera: &Camera) -> Result<(Camera, Option<String>)> {
        let Some(region) = &self.region else { return Ok((camera.clone(), None)) };
        let [columns, rows] = camera.size_px();
        let remark = format!("region {region} of {columns} x {rows} pixels");
        Ok((camera.cropped(region)?, Some(remark)))
    }
}

/// What the command line says about each of several X-rays.
pub(crate) fn readings(args: &ReadingArgs, xrays: usize) -> Result<Vec<Reading>> {
    check_count("--flip", args.flip.len(), xrays)?;
    check_count("--xray-values", args.xray_values.len(), xrays)?;
    check_count("--frame", args.frame.len(), xrays)?;
    check_count("--roi", args.roi.len(), xrays)?;
    let reading = |n| Reading {
        given: given(&args.geometry, of_each(&args.flip, n)),
        values: of_each(&args.xray_values, n),
        frame: of_each(&args.frame, n),
        region: of_each(&args.roi, n),
    };
    Ok((0..xrays).map(reading).collect())
}

/// What the command line says about its geometry.
fn given(args: &GeometryArgs, flip: Option<ImageFlip>) -> GivenGeometry {
    GivenGeometry {
        source_to_detector_mm: args.sdd,
        pixel_spacing_mm: args.pixel_spacing,
        principal_point_px: args.principal_point,
        flip,
    }
}

/// An X-ray of DICOM.
fn dicom(
    path: &Path,
    camera_path: Option<&Path>,
    reading: &Reading,
    config: &PrepareConfig,
) -> Result<ReadXray> {
    let in_file = || path.display().to_string();
    let file = read_xray(path, reading.frame, reading.values)?;
    let mut remarks = file.header.warnings.clone();
    let camera = camera_path.map(read_camera).transpose()?;
    let seen = match camera {
        None => file.header.geometry.camera(&reading.given)?,
        Some(camera) => {
            let side = file.header.geometry.side.clone();
            let flip = match (reading.given.flip, &side) {
                (Some(flip), _) => flip,
                (None, Ok(side)) => side.flip(),
                (None, Err(error)) => bail!("{}: {error}", in_file()),
            };
            if reading.given.flip.is_none() && flip != ImageFlip::None {
                remarks.push(format!(
                    "image flipped in {flip} to be seen from the source; the camera's principal point \
                     is that of the flipped image (--flip says otherwise)"
                ));
            }
            XrayCamera {
                camera,
                flip,
                camera_from_view: side.map_or_else(
                    |_| RigidTransform::identity(),
                    |side| side.camera_from_view(flip),
                ),
                view: file.header.geometry.view.clone().unwrap_or_default(),
                remarks: Vec::new(),
            }
        }
    };
    let XrayCamera { camera, flip, camera_from_view, view, remarks: assumed } = seen;
    if let Some(camera_path) = camera_path {
        check_size(path, camera_path, file.image.size_px(), &camera)?;
    }
    let prepared = file.prepared(flip, &reading.prepare(path, camera.size_px(), config)?)?;
    remarks.extend(assumed);
    let (camera_of_region, kept) = reading.cropped(&camera)?;
    remarks.extend(kept);
    remarks.extend(found(&prepared));
    let xray = Xray::prepared(camera_of_region, prepared).with_context(in_file)?;
    Ok(ReadXray {
        xray,
        values: file.values,
        flip,
        region: reading.region,
        camera_of_image: camera,
        name: in_file(),
        remarks,
        view,
        camera_from_view,
    })
}

/// An X-ray of another format.
fn image(
    path: &Path,
    camera_path: Option<&Path>,
    reading: &Reading,
    config: &PrepareConfig,
) -> Result<ReadXray> {
    let Reading { given, values, frame, region } = *reading;
    ensure!(
        frame.is_none(),
        "{}: --frame chooses from the frames of a DICOM file, and this is none: leave it out",
        path.display()
    );
    let flip = given.flip.unwrap_or_default();
    let from_file = camera_path.map(read_camera).transpose()?;
    let lengths = (given.source_to_detector_mm, given.pixel_spacing_mm);
    if from_file.is_none() && (lengths.0.is_none() || lengths.1.is_none()) {
        bail!(
            "{}: the image has no tags that tell its camera: give --camera CAMERA.json, or --sdd and \
             --pixel-spacing",
            path.display()
        );
    }
    let loaded = read_image(path)?;
    let size = loaded.image.size_px();
    let camera = match (from_file, camera_path, lengths.0, lengths.1) {
        (Some(camera), Some(camera_path), ..) => {
            check_size(path, camera_path, size, &camera)?;
            camera
        }
        (_, _, Some(distance), Some(spacing)) => {
            let camera = Camera::new(distance, spacing, size)?;
            match given.principal_point_px {
                Some(point) => camera.with_principal_point_px(flip.position_px(point, size))?,
                None => camera,
            }
        }
        _ => bail!("{}: give --camera CAMERA.json", path.display()),
    };
    let config = reading.prepare(path, size, config)?;
    let (prepared, values, unread) = input::xray(path, &loaded, values, flip, &config)?;
    let name = path.display().to_string();
    let (camera_of_region, kept) = reading.cropped(&camera)?;
    let remarks = kept.into_iter().chain(found(&prepared)).chain(unread).collect();
    let xray = Xray::prepared(camera_of_region, prepared).with_context(|| name.clone())?;
    Ok(ReadXray {
        xray,
        values,
        flip,
        region,
        camera_of_image: camera,
        name,
        remarks,
        view: None,
        camera_from_view: RigidTransform::identity(),
    })
}

/// What was found in an X-ray and is left out of the comparison, in words.
pub(crate) fn found(prepared: &PreparedXray) -> Option<String> {
    let share = |mask: &Mask| 100.0 * mask.count() as f64 / mask.used().len() as f64;
    let field = prepared.field.as_ref().map(|f| format!("the field covers {:.0} %", share(f)));
    let metal = prepared.metal.as_ref().map(|m| format!("metal {:.1} %", share(m)));
    let text = prepared.text.as_ref().map(|t| format!("burnt-in text {:.1} %", share(t)));
    let unmeasured = prepared.unmeasured.as_ref();
    let unmeasured = unmeasured.map(|u| format!("padding or saturated {:.1} %", share(u)));
    let curve =
        prepared.by_rank.then(|| "grey values of a display, their curve is found".to_owned());
    let parts: Vec<String> =
        [field, metal, text, unmeasured, curve].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A view in words.
pub(crate) fn view_words(view: &View) -> String {
    let side = |angle: f64, [plus, minus]: [&str; 2]| match angle {
        a if a.abs() < 0.05 => None,
        a if a > 0.0 => Some(format!("{a:.1} degrees {plus}")),
        a => Some(format!("{:.1} degrees {minus}", -a)),
    };
    // Where the detector stands is easier to see than an angle beyond 90 degrees.
    let d = view.camera_from_world(Vector3::zeros(), 1.0).rotation().row(2).transpose();
    let sides = [
        (d.y, ["behind", "in front of"]),
        (d.x, ["at the left of", "at the right of"]),
        (d.z, ["above the head of", "below the feet of"]),
    ];
    let farther = |most: (f64, [&'static str; 2]), side: (f64, [&'static str; 2])| {
        if side.0.abs() > most.0.abs() { side } else { most }
    };
    let (along, [plus, minus]) = sides.into_iter().fold((0.0, ["", ""]), farther);
    let place = if along > 0.0 { plus } else { minus };
    let angles: Vec<String> =
        [side(view.primary_deg, ["LAO", "RAO"]), side(view.secondary_deg, ["cranial", "caudal"])]
            .into_iter()
            .flatten()
            .collect();
    let angles = if angles.is_empty() { "no angulation".to_owned() } else { angles.join(", ") };
    format!("{angles}: detector {place} the patient ({view})")
}

/// What is given once is for all.
fn of_each<T: Copy>(given: &[T], number: usize) -> Option<T> {
    given.get(number).or(given.first().filter(|_| given.len() == 1)).copied()
}

fn check_count(flag: &str, found: usize, xrays: usize) -> Result<()> {
    ensure!(
        found <= 1 || found == xrays,
        "{flag} is given {found} times for {xrays} X-rays: give it once for all, or once for each"
    );
    Ok(())
}

/// An X-ray that is not the camera's is found out before the CT is read.
fn check_size(
    xray_path: &Path,
    camera_path: &Path,
    [columns, rows]: [usize; 2],
    camera: &Camera,
) -> Result<()> {
    let [camera_columns, camera_rows] = camera.size_px();
    ensure!(
        [columns, rows] == camera.size_px(),
        "{}: the image has {columns} x {rows} pixels, {} says {camera_columns} x {camera_rows}: \
         use the camera of this image, or correct size_px",
        xray_path.display(),
        camera_path.display()
    );
    Ok(())
}
