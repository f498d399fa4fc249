//! From arguments to the library's types.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::radiograph::prepare::text;
use isocenter::radiograph::{Image, ImageFlip, PixelValues, PrepareConfig, PreparedXray, prepare};
use isocenter::register::{RegisterConfig, StageRegistry};
use isocenter::volume::{AttenuationMap, AttenuationVolume, Couch, LabelMask, Region, Volume};
use isocenter_io::image::LoadedImage;
use isocenter_io::points::read_points;
use isocenter_io::text::read_text;
use isocenter_io::volume::dicom::SeriesChoice;
use isocenter_io::volume::{LoadedVolume, is_volume_name, load_ct, read_labels};
use nalgebra::Vector3;
use serde::de::DeserializeOwned;

use crate::cli::{CtArgs, MaskArg, ViewArgs};
use crate::output::remark;

/// Seed of the targets that are drawn from bone.
const TARGET_SEED: u64 = 0;

/// A CT, ready to be projected.
pub(crate) struct Ct {
    pub(crate) volume: AttenuationVolume,
    /// The mask's center, else the volume's (mm, world frame).
    pub(crate) pivot_world_mm: Vector3<f64>,
    /// What was done to it, in words.
    pub(crate) remarks: Vec<String>,
}

/// A CT of which only what counts is left.
pub(crate) struct HounsfieldCt {
    /// Hounsfield units.
    pub(crate) volume: Volume<f32>,
    /// The mask's center, else the volume's (mm, world frame).
    pub(crate) pivot_world_mm: Vector3<f64>,
    /// What was done to it, in words.
    pub(crate) remarks: Vec<String>,
}

/// Where errors are measured.
pub(crate) enum TargetSource<'a> {
    /// Nowhere.
    None,
    /// At points of a file or, without one, at the centroids of the mask's label volume or in bone.
    Wanted(Option<&'a Path>),
}

/// Reads a CT, and says which series it is where there are some, and what it warns of.
pub(crate) fn volume(path: &Path, series: Option<&SeriesChoice>) -> Result<Volume<f32>> {
    let loaded = load_ct(path, series)?;
    remarks(path, &loaded);
    Ok(loaded.volume)
}

/// Says on standard error what the user should know of a volume that was read.
pub(crate) fn remarks(path: &Path, loaded: &LoadedVolume) {
    let LoadedVolume { series, other_series, warnings, .. } = loaded;
    if let Some(series) = series {
        let others = match other_series.len() {
            0 => String::new(),
            n => format!("; there are {n} more, `isocenter info` lists them and --series chooses"),
        };
        remark(&format!("{}: {series}{others}", path.display()));
    }
    for warning in warnings {
        remark(&format!("{}: warning: {warning}", path.display()));
    }
}

/// Reads a CT, keeps what the mask says, and turns it into attenuation; draws the targets on the
/// way, while the voxels still hold HU.
pub(crate) fn ct(
    args: &CtArgs,
    attenuation: &AttenuationMap,
    targets: &TargetSource<'_>,
) -> Result<(Ct, Option<Targets>)> {
    let (HounsfieldCt { volume, pivot_world_mm, remarks }, targets) = hounsfield(args, targets)?;
    let volume = AttenuationVolume::from_hounsfield(volume, attenuation)
        .with_context(|| args.ct.display().to_string())?;
    Ok((Ct { volume, pivot_world_mm, remarks }, targets))
}

/// Reads a CT and keeps what the mask says; draws the targets before.
pub(crate) fn hounsfield(
    args: &CtArgs,
    targets: &TargetSource<'_>,
) -> Result<(HounsfieldCt, Option<Targets>)> {
    let labels = args.mask.as_ref().map(|mask| read_labels(&mask.path)).transpose()?;
    let mut volume = volume(&args.ct, args.series.as_ref())?;
    volume.check_finite().with_context(|| args.ct.display().to_string())?;
    let couch = if args.keep_table { None } else { remove_couch(&mut volume) };
    let remarks = couch.into_iter().collect();
    let targets = match targets {
        TargetSource::None => None,
        TargetSource::Wanted(Some(path)) => Some(targets_of_file(path)?),
        TargetSource::Wanted(None) => Some(match (&args.mask, &labels) {
            (Some(mask), Some(labels)) => Targets::from_label_centroids(labels)
                .with_context(|| mask.path.display().to_string())?,
            _ => Targets::from_bone(&volume, &Region::whole(&volume), TARGET_SEED)
                .with_context(|| format!("{} (--targets)", args.ct.display()))?,
        }),
    };
    let mut pivot_world_mm = volume.center_world_mm();
    if let (Some(MaskArg { path, ids }), Some(labels)) = (&args.mask, labels) {
        let in_mask = || path.display().to_string();
        let mask = LabelMask::new(labels, ids).with_context(in_mask)?;
        pivot_world_mm = mask.centroid_world_mm();
        mask.apply(&mut volume, AIR_HU).with_context(in_mask)?;
    }
    Ok((HounsfieldCt { volume, pivot_world_mm, remarks }, targets))
}

/// Removes the couch from a CT (HU), and says so.
pub(crate) fn remove_couch(volume: &mut Volume<f32>) -> Option<String> {
    let couch = Couch::find(volume)?;
    couch.remove(volume, AIR_HU);
    let place = couch_words(couch.volume_ml(), couch.gap_mm());
    Some(format!("CT: couch found and removed ({place}): --keep-table keeps it"))
}

/// How much of a couch there is, and where.
pub(crate) fn couch_words(volume_ml: f64, gap_mm: f64) -> String {
    format!("{volume_ml:.0} ml, {gap_mm:.0} mm behind the patient's back")
}

/// What is outside of a mask, and where a couch was.
pub(crate) const AIR_HU: f32 = -1000.0;

fn targets_of_file(path: &Path) -> Result<Targets> {
    let targets = if is_volume_name(path) {
        Targets::from_label_centroids(&read_labels(path)?)
    } else {
        Targets::from_points(read_points(path)?.into_iter().map(|p| p.world_mm).collect())
    };
    targets.with_context(|| path.display().to_string())
}

/// What a pose comes from, for messages: its file, or the view.
pub(crate) fn pose_name(file: Option<&Path>, args: &ViewArgs) -> String {
    match (file, args.view) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(view)) => format!("--view {view}"),
        (None, None) => "the pose".to_owned(),
    }
}

/// Refuses to write over a file that is read.
pub(crate) fn keep_input(output: &Path, inputs: &[&Path]) -> Result<()> {
    let Ok(output_file) = output.canonicalize() else { return Ok(()) };
    let same = |input: &&&Path| input.canonicalize().is_ok_and(|input| input == output_file);
    match inputs.iter().find(same) {
        Some(_) => bail!("{}: this is an input: write to another name", output.display()),
        None => Ok(()),
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

/// Prepares an X-ray that is no DICOM file, seen from the source and prepared; what its pixels were taken for;
/// and what was left in it, in words.
pub(crate) fn xray(
    path: &Path,
    loaded: &LoadedImage,
    values: Option<PixelValues>,
    flip: ImageFlip,
    config: &PrepareConfig,
) -> Result<(PreparedXray, PixelValues, Option<String>)> {
    let values = values.unwrap_or(loaded.values);
    let prepared = prepare(&loaded.image.flipped(flip), values, loaded.full_scale, config)
        .with_context(|| path.display().to_string())?;
    let read_in = |image: &Image| match &config.region {
        Some(region) => text_left_in(&image.flipped(flip).cropped(region).ok()?),
        None => text_left_in(image),
    };
    let text = if config.text.is_none() { read_in(&loaded.image) } else { None };
    Ok((prepared, values, text))
}

/// Text that is compared with the rest, in words. Outside of DICOM nothing tells that an image is a
/// machine's, and in up to one of twenty simulated screens what looks like letters is none: it is left
/// in, as the judge was calibrated, but not without a word.
pub(crate) fn text_left_in(image: &Image) -> Option<String> {
    let text = text::text(image)?;
    let share = 100.0 * text.count() as f64 / text.used().len() as f64;
    Some(format!(
        "there may be burnt-in text ({share:.1} % of the pixels), which may name the patient: it is \
         compared and shown unless the settings say text = true under [prepare]"
    ))
}

/// The settings of a file, or the defaults; those for a structure where a mask keeps one.
pub(crate) fn config(
    path: Option<&Path>,
    masked: bool,
    registry: &StageRegistry,
) -> Result<RegisterConfig> {
    let defaults = if masked { RegisterConfig::for_structure() } else { RegisterConfig::default() };
    let Some(path) = path else { return Ok(defaults) };
    let (mut config, text): (RegisterConfig, _) = toml_file(path)?;
    if !text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("similarity")) {
        config.similarity = defaults.similarity;
    }
    let named = || path.display().to_string();
    config.check().with_context(named)?;
    for stage in &config.stages {
        registry.make(stage, &config).with_context(named)?;
    }
    Ok(config)
}

/// The settings of a TOML file, and its text.
pub(crate) fn toml_file<T: DeserializeOwned>(path: &Path) -> Result<(T, String)> {
    let text = read_text(path)?;
    let settings = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        anyhow!("{}: line {line}: {}", path.display(), error.message())
    })?;
    Ok((settings, text))
}
