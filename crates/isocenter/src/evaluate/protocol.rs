//! The protocol of an evaluation: which CTs, cameras, poses, X-rays and methods.
//!
//! A protocol has conditions, each with a number of cases. A case is one X-ray (or two) of one CT,
//! registered by every method. The cases of a condition are dealt to the CTs, cameras and views in
//! turn. Case `k` of one condition has the same draws as case `k` of every other: conditions that
//! differ in one thing show what this one thing does.
//!
//! Poses are drawn as motions ([`PivotMotion`](crate::geometry::PivotMotion)) from the nominal one,
//! that of the view: rotation vector and shift, both in camera axes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

use super::alteration::Alteration;
use super::cut::Cut;
use crate::geometry::View;
use crate::project::BorderRule;
use crate::radiograph::simulation::SimulationConfig;
use crate::register::{PoseSpread, RegisterConfig, RotationSpread};
use crate::volume::{AttenuationMap, PhantomConfig};

/// What is evaluated, and how. The [module](self) says how its parts go together,
/// [`check`](Self::check) what they may be.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// What it is called in tables.
    pub title: String,
    /// Decides every draw.
    pub seed: u64,
    /// Cases of each condition that does not say otherwise.
    pub cases: usize,
    /// Whether tables show the published numbers beside ([`super::published`]).
    #[serde(default)]
    pub beside_published: bool,
    /// Where the C-arm stands, nominally; default `ap`.
    #[serde(default = "ap")]
    pub views: Vec<View>,
    /// How far the search looks about the start.
    #[serde(default)]
    pub prior: PoseSpread,
    /// The patients.
    pub cts: Vec<CtEntry>,
    /// The C-arms.
    pub cameras: Vec<CameraEntry>,
    /// Simulations by name, beside `plain` and `hard`.
    #[serde(default)]
    pub simulations: BTreeMap<String, SimulationConfig>,
    /// What is varied.
    pub conditions: Vec<Condition>,
    /// What is compared.
    pub methods: Vec<Method>,
}

fn ap() -> Vec<View> {
    vec![View::AP]
}

/// A CT: a file, or a phantom.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CtEntry {
    /// What it is called in tables.
    pub name: String,
    /// Its file, relative to the protocol's; `${NAME}` stands for a variable of the environment.
    pub path: Option<String>,
    /// Keep the couch, which is taken out of a file's CT otherwise, as `register` does.
    #[serde(default)]
    pub keep_table: bool,
    /// The file of its labels.
    pub labels: Option<String>,
    /// A phantom instead of files.
    pub phantom: Option<PhantomConfig>,
    /// Labels whose centroids are the targets; none means all. Without labels the targets are
    /// points in bone; those of a phantom are its lumbar vertebrae.
    #[serde(default)]
    pub target_labels: Vec<u16>,
    /// The label of what an alteration moves; without it nothing of this CT is moved.
    pub moved_label: Option<u16>,
    /// The point about which motions turn.
    #[serde(default)]
    pub pivot: Pivot,
    /// How Hounsfield units become attenuation; default `linear`.
    #[serde(default, deserialize_with = "parsed")]
    pub attenuation: AttenuationMap,
}

/// The point about which motions turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pivot {
    /// The middle of the CT.
    #[default]
    Center,
    /// The mean of the targets.
    Targets,
}

/// A camera, with the keys of `camera.json`.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraEntry {
    /// What it is called in tables.
    pub name: String,
    /// Distance from the source to the detector (mm).
    pub source_to_detector_mm: f64,
    /// Distance between pixels (mm): [column, row].
    pub pixel_spacing_mm: [f64; 2],
    /// Number of pixels: [columns, rows].
    pub size_px: [usize; 2],
    /// The principal point (px); default the detector's center.
    pub principal_point_px: Option<[f64; 2]>,
    /// Distance from the source to the pivot in the nominal pose (mm).
    pub source_to_isocenter_mm: f64,
}

/// What is done to all cases of a group.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What it is called in tables.
    pub name: String,
    /// Number of cases, if not the protocol's.
    pub cases: Option<usize>,
    /// How the true pose is drawn; without it the truth is the nominal pose.
    pub truth: Option<PoseDistribution>,
    /// How the start is drawn; without it the start is the nominal pose.
    pub start: Option<PoseDistribution>,
    /// How far the search looks, if not as far as the protocol says.
    pub prior: Option<PoseSpread>,
    /// The simulation by its name: `plain`, `hard`, or one of the protocol's own.
    pub simulation: String,
    /// What the search looks about.
    #[serde(default)]
    pub prior_about: PriorAbout,
    /// How the CT is changed before it is X-rayed.
    pub alteration: Option<Alteration>,
    /// How the CT is cut before it is registered; the X-ray shows all of it. Poses are drawn about
    /// the middle of what is left, and errors measured in it.
    pub cut: Option<Cut>,
    /// The rule for the border of the CT that is X-rayed; default `faded`, that of the registration.
    #[serde(default)]
    pub renderer: BorderRule,
    /// A second X-ray, from a C-arm turned by this angle about the patient's long axis (degrees).
    pub second_view_deg: Option<f64>,
    /// X-rays that cannot be registered.
    pub hopeless: Option<Hopeless>,
    /// The patient lies so far beside the beam that only this part of him is left in the image.
    pub visible_part: Option<f64>,
}

/// Why an X-ray cannot be registered.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Hopeless {
    /// It is one of another patient: the next CT of the list.
    WrongCt,
    /// Nothing was in the beam.
    Blank,
    /// The patient lies beside the beam.
    OutOfView,
}

/// How a pose is drawn: a motion with normally distributed components.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseDistribution {
    /// Standard deviation of each component of the rotation vector (degrees), or `"any"`.
    pub rotation_deg: RotationSpread,
    /// Standard deviation of the shift along columns and rows (mm).
    pub in_plane_mm: f64,
    /// Standard deviation of the shift in depth (mm).
    pub depth_mm: f64,
    /// Distance from the pivot to the point about which the rotation turns, towards the source
    /// (mm). With `ap` that is in front of the patient.
    #[serde(default)]
    pub rotation_centre_mm: f64,
    /// What it is a motion from.
    #[serde(default)]
    pub about: About,
}

impl PoseDistribution {
    /// The distribution about a given point.
    #[must_use]
    pub fn spread(&self) -> PoseSpread {
        let Self { rotation_deg, in_plane_mm, depth_mm, .. } = *self;
        PoseSpread { rotation_deg, in_plane_mm, depth_mm }
    }
}

/// What a drawn pose is a motion from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The nominal pose, that of the view.
    #[default]
    View,
    /// The true pose: for starts.
    Truth,
}

/// What a search looks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorAbout {
    /// The start that was drawn.
    #[default]
    Start,
    /// The nominal pose, that of the view: a method that searches takes no start, one that does not
    /// is given the start nevertheless.
    View,
}

/// A way to register: stages, and any settings of a registration.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// What it is called in tables.
    pub name: String,
    /// How far it looks about the start, if not as far as the condition says.
    pub prior: Option<PoseSpread>,
    /// Its settings, by the names that they have in a file for `register --config`.
    #[serde(flatten)]
    pub config: RegisterConfig,
}

/// From a text.
fn parsed<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
