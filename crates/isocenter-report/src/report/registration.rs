//! What a report about one registration is made from: plain data.

use isocenter::radiograph::{Image, ImageFlip, Mask};
use isocenter::register::{BranchScores, FeatureMaps};

use super::verdict::Verdict;

/// Everything that a report about one registration shows. What is empty or `None` is left out.
#[derive(Debug, Clone, Default)]
pub struct RegistrationReport<'a> {
    /// The X-rays, each with the CT's radiographs.
    pub views: Vec<ViewImages<'a>>,
    /// What the judge says.
    pub verdict: Verdict,
    /// The probability (0 to 1) that the error at the targets is below 2 mm.
    pub probability_within_2mm: Option<f64>,
    /// The mean error at the targets (mm) that 95 of 100 registrations stay below.
    pub error_bound_95_mm: Option<f64>,
    /// Why the verdict is what it is, one sentence each.
    pub reasons: Vec<String>,
    /// What else the reader should know, one sentence each.
    pub remarks: Vec<String>,
    /// The similarity at the result, at the finest level.
    pub similarity: f64,
    /// Wall-clock time of everything (s).
    pub seconds: f64,
    /// What took how long, in order.
    pub timings: Vec<StageSeconds>,
    /// The settings as text, in order.
    pub settings: Vec<Setting>,
    /// The true errors, where the truth is known.
    pub true_errors: Option<TrueErrors>,
    /// Every evaluation, in order.
    pub trace: Vec<TracePoint<'a>>,
    /// The similarity around the result, one entry for each of the six components of a motion.
    pub landscape: Vec<LandscapeAxis>,
    /// The best distinct optima, the best first.
    pub optima: Vec<OptimumRow>,
    /// What a trained network saw where its stage ended.
    pub features: Option<NetworkFeatures<'a>>,
}

/// What a trained network saw in the first X-ray and the DRR.
#[derive(Debug, Clone, Copy)]
pub struct NetworkFeatures<'a> {
    /// The maps of each branch.
    pub maps: &'a [FeatureMaps],
    /// What the branches said there.
    pub scores: Option<BranchScores>,
    /// The flip that was applied when the X-ray was read; pictures stand as its file did.
    pub flip: ImageFlip,
}

/// One X-ray and the CT's radiographs (DRRs) that belong to it.
///
/// # Shapes
/// All have the size of the X-ray.
///
/// # Units
/// Images are attenuation (bone high), seen from the source, each on any scale.
#[derive(Debug, Clone, Copy)]
pub struct ViewImages<'a> {
    /// The X-ray.
    pub xray: &'a Image,
    /// The DRR at the start.
    pub drr_start: &'a Image,
    /// The DRR at the result.
    pub drr_result: &'a Image,
    /// The flip that was applied when the X-ray was read; pictures stand as its file did.
    pub flip: ImageFlip,
    /// Which pixels were compared, where not all were.
    pub compared: Option<&'a Mask>,
}

/// How long a part took.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSeconds {
    /// Its name.
    pub name: String,
    /// Wall-clock time (s).
    pub seconds: f64,
}

/// A setting and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value, with the unit if the name does not say it.
    pub value: String,
}

/// How far start and result are from the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueErrors {
    /// Mean target registration error at the start (mm).
    pub start_mtre_mm: f64,
    /// Mean target registration error at the result (mm).
    pub mtre_mm: f64,
}

/// One evaluation of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TracePoint<'a> {
    /// Name of the stage.
    pub stage: &'a str,
    /// The longest side of the images compared (px).
    pub longest_side_px: usize,
    /// Number of the candidate within the stage.
    pub candidate: usize,
    /// Number of the iteration for this candidate, from 0.
    pub iteration: usize,
    /// The similarity there.
    pub similarity: f64,
    /// Whether the search went on from there.
    pub accepted: bool,
    /// From the result to there: rotation vector (deg), camera axes.
    pub rotation_deg: [f64; 3],
    /// From the result to there: shift of the pivot (mm), camera axes; the last is depth.
    pub translation_mm: [f64; 3],
}

/// The similarity along one component of the motion about the pivot, the others held at the result.
#[derive(Debug, Clone, PartialEq)]
pub struct LandscapeAxis {
    /// Its name, such as `depth`.
    pub name: String,
    /// Its unit, such as `mm`.
    pub unit: String,
    /// Offsets from the result, in that unit, ascending.
    pub offsets: Vec<f64>,
    /// The similarity at each offset, at the finest level.
    pub fine: Vec<f64>,
    /// The similarity at each offset at a coarse level; may be empty.
    pub coarse: Vec<f64>,
}

/// An optimum that the search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimumRow {
    /// The similarity there.
    pub similarity: f64,
    /// From the result to there: rotation vector (deg), camera axes.
    pub rotation_deg: [f64; 3],
    /// From the result to there: shift of the pivot (mm), camera axes; the last is depth.
    pub translation_mm: [f64; 3],
}
