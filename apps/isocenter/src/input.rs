//! From arguments to the library's types.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::radiograph::{Image, ImageFlip, PixelValues, attenuation_of_intensity};
use isocenter::register::RegisterConfig;
use isocenter::volume::{AttenuationVolume, LabelMask, Region, Volume};
use isocenter_io::image::read_image;
use isocenter_io::points::read_points;
use isocenter_io::volume::{read_ct, read_labels};
use nalgebra::Vector3;

use crate::cli::{CtArgs, MaskArg, ViewArgs};

/// Seed of the targets that are drawn from bone.
const TARGET_SEED: u64 = 0;

/// A CT, ready to be projected.
pub(crate) struct Ct {
    pub(crate) volume: AttenuationVolume,
    /// The mask's center, else the volume's (mm, world frame).
    pub(crate) pivot_world_mm: Vector3<f64>,
}

/// Where errors are measured.
pub(crate) enum TargetSource<'a> {
    /// Nowhere.
    None,
    /// At points of a file or, without one, at the mask's centroids or in bone.
    Wanted(Option<&'a Path>),
}

/// Reads a CT, keeps what the mask says, and turns it into attenuation; draws the targets on the
/// way, while the voxels still hold HU.
pub(crate) fn ct(args: &CtArgs, targets: &TargetSource<'_>) -> Result<(Ct, Option<Targets>)> {
    let labels = args.mask.as_ref().map(|mask| read_labels(&mask.path)).transpose()?;
    let mut ct = read_ct(&args.ct)?;
    let in_ct = || args.ct.display().to_string();
    ct.check_finite().with_context(in_ct)?;
    let targets = match targets {
        TargetSource::None => None,
        TargetSource::Wanted(file) => Some(find_targets(*file, labels.as_ref(), &ct)?),
    };
    let mut pivot_world_mm = ct.center_world_mm();
    if let (Some(MaskArg { path, ids }), Some(labels)) = (&args.mask, labels) {
        let in_mask = || path.display().to_string();
        let mask = LabelMask::new(labels, ids).with_context(in_mask)?;
        pivot_world_mm = mask.centroid_world_mm();
        mask.apply(&mut ct, AIR_HU).with_context(in_mask)?;
    }
    let volume = AttenuationVolume::from_hounsfield(ct, &args.attenuation).with_context(in_ct)?;
    Ok((Ct { volume, pivot_world_mm }, targets))
}

/// What is outside of a mask.
const AIR_HU: f32 = -1000.0;

fn find_targets(
    file: Option<&Path>,
    labels: Option<&Volume<u16>>,
    ct: &Volume<f32>,
) -> Result<Targets> {
    match (file, labels) {
        (Some(path), _) => {
            let name = path.to_string_lossy().to_lowercase();
            let targets = if name.ends_with(".nii") || name.ends_with(".nii.gz") {
                Targets::from_label_centroids(&read_labels(path)?)
            } else {
                Targets::from_points(read_points(path)?.into_iter().map(|p| p.world_mm).collect())
            };
            targets.with_context(|| path.display().to_string())
        }
        (None, Some(labels)) => Ok(Targets::from_label_centroids(labels)?),
        (None, None) => Ok(Targets::from_bone(ct, &Region::whole(ct), TARGET_SEED)?),
    }
}

/// The pose of a view, and a remark where something had to be assumed.
pub(crate) fn view_pose(
    args: &ViewArgs,
    camera: &Camera,
    pivot_world_mm: Vector3<f64>,
) -> Result<(RigidTransform, Option<String>)> {
    let Some(view) = args.view else {
        bail!("a start is needed: give a pose or --view");
    };
    if let Some(distance) = args.source_to_isocenter_mm {
        ensure!(
            distance.is_finite() && distance > 0.0,
            "--source-to-isocenter-mm is {distance}: it must be a positive number of millimetres"
        );
    }
    let known = args.source_to_isocenter_mm.or(camera.source_to_isocenter_mm());
    let distance_mm = known.unwrap_or_else(|| camera.source_to_isocenter_or_assumed_mm());
    let remark = known.is_none().then(|| {
        format!(
            "source to isocenter assumed to be {distance_mm:.0} mm ({} of source to detector): \
             set source_to_isocenter_mm in the camera or give --source-to-isocenter-mm",
            Camera::ASSUMED_ISOCENTER_FRACTION
        )
    });
    let isocenter = args.isocenter_mm.map_or(pivot_world_mm, |point| point.0);
    Ok((view.camera_from_world(isocenter, distance_mm), remark))
}

/// An X-ray as line integrals, seen from the source, and what its pixels were taken for.
pub(crate) fn xray(
    path: &Path,
    values: Option<PixelValues>,
    flip: ImageFlip,
) -> Result<(Image, PixelValues)> {
    let loaded = read_image(path)?;
    let values = values.unwrap_or(loaded.values);
    let in_file = || path.display().to_string();
    let attenuation = match values {
        PixelValues::Intensity => {
            attenuation_of_intensity(&loaded.image, loaded.full_scale).with_context(in_file)?
        }
        PixelValues::Attenuation => {
            loaded.image.check_has_content().with_context(in_file)?;
            loaded.image
        }
    };
    Ok((attenuation.flipped(flip), values))
}

/// The settings of a file, or the defaults.
pub(crate) fn config(path: Option<&Path>) -> Result<RegisterConfig> {
    let Some(path) = path else { return Ok(RegisterConfig::default()) };
    let in_file = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(in_file)?;
    toml::from_str(&text).with_context(in_file)
}
