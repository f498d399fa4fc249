//! The pictures and the page of a registration.

use anyhow::{Context, Result};
use isocenter::geometry::{PivotMotion, RigidTransform};
use isocenter::radiograph::Image;
use isocenter::register::{AxisLandscape, Case, FeatureMaps, Registration, Verdict};
use isocenter_report::{
    LandscapeAxis, NetworkFeatures, OptimumRow, RegistrationReport, RgbImage, Setting,
    StageSeconds, TrueErrors, ViewImages, overlay_before_after, registration_report, trace_points,
};

use crate::output::ResultFile;
use crate::xrays::ReadXray;

/// Components of a motion, as a page calls them.
const AXES: [(&str, &str); 6] = [
    ("rotation about x (columns)", "deg"),
    ("rotation about y (rows)", "deg"),
    ("rotation about z (in plane)", "deg"),
    ("shift along x (columns)", "mm"),
    ("shift along y (rows)", "mm"),
    ("depth z", "mm"),
];

/// The radiographs of a registration, beside its X-rays.
pub(crate) struct Drawing<'a> {
    xrays: &'a [ReadXray],
    /// At the start and at the result, one pair for each X-ray.
    radiographs: Vec<[Image; 2]>,
}

impl<'a> Drawing<'a> {
    /// Renders them.
    pub(crate) fn new(
        case: &Case,
        xrays: &'a [ReadXray],
        start: &RigidTransform,
        found: &Registration,
    ) -> Result<Self> {
        let both = |read: &ReadXray| {
            let camera = read.xray.camera();
            let render = |pose| case.projector().forward(camera, &camera.camera_from_world(pose));
            let before = render(start).context("drawing the start")?;
            let after = render(&found.camera_from_world).context("drawing the result")?;
            Ok([before, after])
        };
        Ok(Self { xrays, radiographs: xrays.iter().map(both).collect::<Result<_>>()? })
    }

    /// The edges before and after, for each X-ray.
    pub(crate) fn overlays(&self, caption: &str) -> Result<Vec<RgbImage>> {
        let one = |(read, [before, after]): (&ReadXray, &[Image; 2])| {
            let xray = read.xray.line_integral();
            Ok(overlay_before_after(xray, before, after, read.flip, Some(caption))?)
        };
        self.xrays.iter().zip(&self.radiographs).map(one).collect()
    }

    /// The page.
    pub(crate) fn report(
        &self,
        result: &ResultFile,
        found: &Registration,
        landscape: &[AxisLandscape],
        maps: &[FeatureMaps],
    ) -> Result<String> {
        let judgement = found.judgement.as_ref();
        let views = self.xrays.iter().zip(&self.radiographs);
        let report = RegistrationReport {
            views: views.map(|(read, pair)| view_of(read, pair)).collect(),
            verdict: judgement.map_or(isocenter_report::Verdict::Unjudged, |j| match j.verdict {
                Verdict::Good => isocenter_report::Verdict::Good,
                Verdict::Doubtful => isocenter_report::Verdict::Doubtful,
                Verdict::Failed => isocenter_report::Verdict::Failed,
            }),
            probability_within_2mm: judgement.map(|j| j.probability_within_2mm),
            error_bound_95_mm: judgement.map(|j| j.error_bound_95_mm),
            reasons: result.judgement.as_ref().map_or_else(Vec::new, |j| j.reasons.clone()),
            remarks: result.remarks.clone(),
            similarity: result.similarity,
            seconds: result.seconds,
            timings: seconds_of(result),
            settings: settings_of(result)?,
            true_errors: result
                .errors
                .as_ref()
                .map(|e| TrueErrors { start_mtre_mm: e.start_mtre_mm, mtre_mm: e.mtre_mm }),
            trace: trace_points(found),
            landscape: landscape.iter().map(landscape_axis).collect(),
            optima: optima_of(found),
            features: self.features(found, maps),
        };
        Ok(registration_report(&report)?)
    }

    /// What a network saw at the end, if there was one.
    fn features<'m>(
        &self,
        found: &Registration,
        maps: &'m [FeatureMaps],
    ) -> Option<NetworkFeatures<'m>> {
        let flip = self.xrays.first()?.flip;
        let scores = found.trace.iter().rev().find_map(|row| row.branches);
        (!maps.is_empty()).then_some(NetworkFeatures { maps, scores, flip })
    }
}

fn view_of<'a>(read: &'a ReadXray, [before, after]: &'a [Image; 2]) -> ViewImages<'a> {
    ViewImages {
        xray: read.xray.line_integral(),
        drr_start: before,
        drr_result: after,
        flip: read.flip,
        compared: read.xray.mask(),
    }
}

fn seconds_of(result: &ResultFile) -> Vec<StageSeconds> {
    let stage = |(name, &seconds): (&String, &f64)| StageSeconds { name: name.clone(), seconds };
    result.timings.iter().map(stage).collect()
}

/// The settings that led to the result, by their names in a configuration file.
fn settings_of(result: &ResultFile) -> Result<Vec<Setting>> {
    let mut settings = Vec::new();
    flatten("", &serde_json::to_value(&result.config)?, &mut settings);
    Ok(settings)
}

/// A value below a name: the values in its tables, each by its whole name.
fn flatten(name: &str, value: &serde_json::Value, settings: &mut Vec<Setting>) {
    match value {
        serde_json::Value::Object(table) => {
            for (key, value) in table {
                let dot = if name.is_empty() { "" } else { "." };
                flatten(&format!("{name}{dot}{key}"), value, settings);
            }
        }
        value => settings.push(Setting { name: name.to_owned(), value: value.to_string() }),
    }
}

fn landscape_axis(axis: &AxisLandscape) -> LandscapeAxis {
    // In range: a motion has six components.
    let (name, unit) = AXES[axis.component.min(5)];
    LandscapeAxis {
        name: name.to_owned(),
        unit: unit.to_owned(),
        offsets: axis.offsets.clone(),
        fine: axis.fine.clone(),
        coarse: axis.coarse.clone(),
    }
}

/// The distinct optima that were found, as motions from the result.
fn optima_of(found: &Registration) -> Vec<OptimumRow> {
    let Some(rivals) = found.judgement.as_ref().and_then(|judgement| judgement.rivals.as_ref())
    else {
        return Vec::new();
    };
    let row = |candidate: &isocenter::register::Candidate| {
        let motion = PivotMotion::between(
            &found.camera_from_world,
            &candidate.camera_from_world,
            found.pivot_world_mm,
        );
        OptimumRow {
            similarity: candidate.similarity,
            rotation_deg: motion.omega_rad.map(f64::to_degrees).into(),
            translation_mm: motion.tau_mm.into(),
        }
    };
    std::iter::once(&rivals.best).chain(&rivals.others).map(row).collect()
}
