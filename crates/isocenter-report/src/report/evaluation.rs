//! What a report about an evaluation is made from: plain data.

use super::verdict::Verdict;
use crate::rgb::RgbImage;

/// Everything that a report about the run of a protocol shows. What is empty is left out.
#[derive(Debug, Clone, Default)]
pub struct EvaluationReport {
    /// What was evaluated.
    pub title: String,
    /// What the reader has to know to trust the numbers, one sentence each: where CTs and X-rays come
    /// from, what was simulated, where errors are measured.
    pub description: Vec<String>,
    /// The methods, in the order in which they are shown. A method that was run under several
    /// conditions may be given once for each.
    pub methods: Vec<MethodCases>,
    /// The summary: a row for the start and one for each method.
    pub summary: Table,
    /// Published rows to compare with, in the columns of the summary.
    pub published: Vec<Vec<String>>,
    /// Where the published rows come from, and in what they differ.
    pub published_source: String,
    /// Pictures of the worst cases.
    pub worst: Vec<WorstCase>,
    /// The protocol as text.
    pub protocol: String,
}

/// A table of texts. The first cell of a row names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The columns' names, with units.
    pub columns: Vec<String>,
    /// The rows, one cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// What a method made of the cases.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MethodCases {
    /// Its name.
    pub name: String,
    /// Its cases.
    pub cases: Vec<CaseRow>,
}

/// What a method made of a case.
///
/// A case whose start and result both lack an error has no known truth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaseRow {
    /// Number of the case within the protocol.
    pub number: usize,
    /// What the CT is called; no file name.
    pub ct_name: String,
    /// Mean target registration error (mTRE) at the start (mm).
    pub start_mtre_mm: Option<f64>,
    /// Mean target registration error at the result (mm); none without a result or a truth.
    pub mtre_mm: Option<f64>,
    /// The same without the component along the ray (mm).
    pub mtre_across_ray_mm: Option<f64>,
    /// Mean projection distance (mPD) (px).
    pub projection_px: Option<f64>,
    /// Mean projection distance at the detector (mm).
    pub projection_mm: Option<f64>,
    /// From the truth to the result: rotation vector (deg), camera axes.
    pub rotation_error_deg: Option<[f64; 3]>,
    /// From the truth to the result: shift of the pivot (mm), camera axes; the last is depth.
    pub translation_error_mm: Option<[f64; 3]>,
    /// The similarity at the result.
    pub similarity: Option<f64>,
    /// What the judge says.
    pub verdict: Verdict,
    /// The judge's probability (0 to 1) that the error at the targets is below 2 mm.
    pub probability_within_2mm: Option<f64>,
    /// The judge's expected target registration error (mm).
    pub expected_tre_mm: Option<f64>,
    /// Wall-clock time (s).
    pub seconds: f64,
    /// Why there is no result.
    pub failure: Option<String>,
}

impl CaseRow {
    /// Whether it is known how far off the result is.
    pub(crate) fn has_truth(&self) -> bool {
        self.start_mtre_mm.is_some() || self.mtre_mm.is_some()
    }

    /// Whether the result is known to be closer than this; no result is not.
    pub(crate) fn is_within(&self, mm: f64) -> bool {
        self.mtre_mm.is_some_and(|mtre| mtre < mm)
    }
}

/// A picture of a case that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorstCase {
    /// Which case, and how wrong.
    pub caption: String,
    /// The DRR at the result over the X-ray, such as by [`overlay`](crate::overlay()).
    pub picture: RgbImage,
}
