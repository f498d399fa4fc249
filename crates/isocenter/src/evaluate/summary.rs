//! The statistics of an evaluation: one group for each condition and method.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case_result::{CaseResult, MethodResult, PoseErrors, XraySource};
use super::check::START;
use super::protocol::{Hopeless, Protocol};
use super::published::{PUBLISHED, Published};
use super::statistics::{Statistics, median, percentile};
use crate::project::BorderRule;

/// Larger errors are failures (mm).
pub const SUCCESS_MM: [f64; 3] = [10.0, 2.0, 1.0];

/// What is called good must be closer than this (mm).
const RIGHT_MM: f64 = 2.0;

/// The statistics of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The protocol's title.
    pub title: String,
    /// The protocol's seed.
    pub seed: u64,
    /// The number of cases.
    pub cases: usize,
    /// How many were run at a time, at most: with more than one, seconds say little.
    pub cases_at_a_time: usize,
    /// By condition and method, the start first.
    pub groups: Vec<Group>,
    /// The same for each CT, where there are several.
    pub groups_by_ct: Vec<Group>,
    /// The same for each camera, where there are several.
    pub groups_by_camera: Vec<Group>,
    /// Numbers of others, if the protocol asks for them.
    pub published: Option<Published>,
}

/// Cases of one condition, registered by one method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The condition.
    pub condition: String,
    /// The CT, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ct: Option<String>,
    /// The camera, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// The method; `start` is the pose that all start from.
    pub method: String,
    /// What the X-rays were made from.
    pub xray_source: XraySource,
    /// The rule for the border of the CT that is X-rayed.
    pub renderer: BorderRule,
    /// The simulation.
    pub simulation: String,
    /// How many X-rays each case has.
    pub xrays: usize,
    /// Why its cases cannot be registered, if they cannot.
    pub hopeless: Option<Hopeless>,
    /// How many cases.
    pub cases: usize,
    /// How many of them have no pose.
    pub without_pose: usize,
    /// The errors; none where there is no truth.
    pub errors: Option<GroupErrors>,
    /// Wall-clock seconds of a registration; none for the start.
    pub seconds: Option<Seconds>,
    /// How often the judge said what; empty without one.
    pub verdicts: BTreeMap<String, usize>,
    /// How many were called good with an error of 2 mm or more, or nothing there to be registered.
    pub wrong_called_good: usize,
}

/// The errors of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupErrors {
    /// Mean target registration error (mm).
    pub mtre_mm: Statistics,
    /// The share of all cases below 10, 2 and 1 mm (percent).
    pub success_percent: [f64; 3],
    /// Medians over the cases with a pose.
    pub median_mtre_across_ray_mm: Option<f64>,
    /// Mean projection distance (px).
    pub median_projection_px: Option<f64>,
    /// Mean projection distance at the detector (mm).
    pub median_projection_mm: Option<f64>,
    /// Of the magnitudes about each camera axis (degrees).
    pub median_rotation_deg: [Option<f64>; 3],
    /// Of the magnitudes along each camera axis (mm).
    pub median_translation_mm: [Option<f64>; 3],
}

/// Times of a group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Seconds {
    /// The median.
    pub median: f64,
    /// Exceeded by one case in twenty.
    pub percentile_95: f64,
    /// The longest.
    pub longest: f64,
}

impl Seconds {
    /// Of times in any order; none if there are none.
    fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        Some(Self {
            median: percentile(&times, 50.0)?,
            percentile_95: percentile(&times, 95.0)?,
            longest: *times.last()?,
        })
    }
}

/// What one method made of a case, or its start.
#[derive(Clone, Copy)]
struct Row<'a> {
    case: &'a CaseResult,
    errors: Option<&'a PoseErrors>,
    /// None for the start.
    method: Option<&'a MethodResult>,
}

impl Summary {
    /// Of all cases of a protocol.
    #[must_use]
    pub fn new(protocol: &Protocol, cases: &[CaseResult]) -> Self {
        let names = |several: bool, names: Vec<&str>| -> Vec<String> {
            if several { names.into_iter().map(str::to_owned).collect() } else { Vec::new() }
        };
        let cts = names(protocol.cts.len() > 1, protocol.cts.iter().map(|c| &*c.name).collect());
        let cameras =
            names(protocol.cameras.len() > 1, protocol.cameras.iter().map(|c| &*c.name).collect());
        let by_ct = cts.iter().flat_map(|ct| {
            let groups = groups(protocol, cases, &|case| case.ct == *ct);
            groups.into_iter().map(move |group| Group { ct: Some(ct.clone()), ..group })
        });
        let by_camera = cameras.iter().flat_map(|camera| {
            let groups = groups(protocol, cases, &|case| case.camera == *camera);
            groups.into_iter().map(move |group| Group { camera: Some(camera.clone()), ..group })
        });
        Self {
            title: protocol.title.clone(),
            seed: protocol.seed,
            cases: cases.len(),
            cases_at_a_time: cases.iter().map(|case| case.cases_at_a_time).max().unwrap_or(1),
            groups: groups(protocol, cases, &|_| true),
            groups_by_ct: by_ct.collect(),
            groups_by_camera: by_camera.collect(),
            published: protocol.beside_published.then_some(PUBLISHED),
        }
    }
}

fn groups<'a>(
    protocol: &Protocol,
    cases: &'a [CaseResult],
    counts: &dyn Fn(&CaseResult) -> bool,
) -> Vec<Group> {
    let mut groups = Vec::new();
    for condition in &protocol.conditions {
        let of_condition = |case: &&'a CaseResult| case.condition == condition.name && counts(case);
        let cases: Vec<&'a CaseResult> = cases.iter().filter(of_condition).collect();
        let start =
            |case: &&'a CaseResult| Row { case, errors: case.start_errors.as_ref(), method: None };
        groups.extend(group(START, cases.iter().map(start).collect()));
        for (n, method) in protocol.methods.iter().enumerate() {
            let rows = cases.iter().filter_map(|&case| {
                let method = case.methods.get(n)?;
                Some(Row { case, errors: method.errors.as_ref(), method: Some(method) })
            });
            groups.extend(group(&method.name, rows.collect()));
        }
    }
    groups
}

/// The statistics of some rows; none if there are none.
fn group(method: &str, rows: Vec<Row<'_>>) -> Option<Group> {
    let case = rows.first()?.case;
    let results: Vec<&MethodResult> = rows.iter().filter_map(|row| row.method).collect();
    let mut verdicts = BTreeMap::new();
    let mut wrong_called_good = 0;
    for result in &results {
        let Some(judged) = &result.judged else { continue };
        *verdicts.entry(judged.verdict.clone()).or_insert(0) += 1;
        let right = result.errors.is_some_and(|errors| errors.mtre_mm < RIGHT_MM);
        wrong_called_good += usize::from(judged.verdict == "good" && !right);
    }
    Some(Group {
        condition: case.condition.clone(),
        ct: None,
        camera: None,
        method: method.to_owned(),
        xray_source: case.xray_source,
        renderer: case.renderer,
        simulation: case.simulation.clone(),
        xrays: case.xrays,
        hopeless: case.hopeless,
        cases: rows.len(),
        without_pose: results.iter().filter(|result| result.found.is_none()).count(),
        errors: case.hopeless.is_none().then(|| errors_of(&rows)),
        seconds: Seconds::of(results.iter().map(|result| result.seconds).collect()),
        verdicts,
        wrong_called_good,
    })
}

fn errors_of(rows: &[Row<'_>]) -> GroupErrors {
    let mtre_mm = rows.iter().map(|row| row.errors.map_or(f64::INFINITY, |e| e.mtre_mm)).collect();
    let mtre_mm = Statistics::of(mtre_mm);
    let found: Vec<&PoseErrors> = rows.iter().filter_map(|row| row.errors).collect();
    let median_of = |value: &dyn Fn(&PoseErrors) -> Option<f64>| {
        // A target behind the source is projected nowhere.
        median(found.iter().map(|errors| value(errors).unwrap_or(f64::INFINITY)).collect())
    };
    let axis = |value: &dyn Fn(&PoseErrors) -> [f64; 3]| {
        [0, 1, 2].map(|a| median_of(&|errors| Some(value(errors)[a].abs())))
    };
    GroupErrors {
        success_percent: SUCCESS_MM.map(|mm| mtre_mm.percent_below(mm)),
        mtre_mm,
        median_mtre_across_ray_mm: median_of(&|errors| Some(errors.mtre_across_ray_mm)),
        median_projection_px: median_of(&|errors| errors.projection_px),
        median_projection_mm: median_of(&|errors| errors.projection_mm),
        median_rotation_deg: axis(&|errors| errors.offset.rotation_deg),
        median_translation_mm: axis(&|errors| errors.offset.translation_mm),
    }
}

#[cfg(test)]
mod tests {
    //! Proves: cases are counted where they belong, the start has its row, what has no pose counts
    //! as a failure, and a wrong pose that is called good is told.
    use super::*;
    use crate::evaluate::{Judged, Offset, markdown, protocol_of_tests};
    use crate::register::judge::Evidence;

    fn errors(mm: f64) -> PoseErrors {
        let offset = Offset { rotation_deg: [-1.0, 2.0, 3.0], translation_mm: [mm, 0.0, -mm] };
        PoseErrors {
            mtre_mm: mm,
            mtre_across_ray_mm: mm / 2.0,
            projection_px: Some(mm / 4.0),
            projection_mm: Some(mm),
            offset,
        }
    }

    fn case(number: usize, mm: Option<f64>, verdict: &str) -> CaseResult {
        let protocol = protocol_of_tests();
        let plan = protocol.case(number).unwrap();
        let judged = Judged {
            verdict: verdict.to_owned(),
            probability_within_2mm: 0.5,
            error_bound_95_mm: 2.0,
            error_bound_95_across_ray_mm: 1.0,
            evidence: Evidence {
                ncc: 0.9,
                gradient_ncc: 0.8,
                fine_gradient_ncc: 0.7,
                patch_ncc: 0.8,
                lead: 0.1,
                expected_tre_mm: 0.5,
                disagreement_mm: 0.5,
                all_gradient_ncc: 0.8,
                complete_share: 1.0,
                coverage: 1.0,
                prior_deviation: 1.0,
            },
        };
        let offset = errors(1.0).offset;
        CaseResult {
            number,
            condition: plan.condition.name.clone(),
            ct: protocol.cts[plan.ct].name.clone(),
            camera: "c-arm".to_owned(),
            view: "ap".to_owned(),
            simulation: "plain".to_owned(),
            xray_source: XraySource::SameCt,
            renderer: BorderRule::Faded,
            cut: None,
            xrays: 1,
            hopeless: None,
            seed: 1,
            simulation_seeds: vec![1],
            truth: Some(offset),
            start: offset,
            start_errors: Some(errors(50.0)),
            cases_at_a_time: 1,
            methods: vec![MethodResult {
                method: "ours".to_owned(),
                found: mm.map(|_| offset),
                errors: mm.map(errors),
                similarity: None,
                termination: None,
                judged: Some(judged),
                seconds: number as f64,
                failure: mm.is_none().then(|| "it failed".to_owned()),
            }],
        }
    }

    #[test]
    fn cases_are_counted_where_they_belong() {
        let cases = [
            case(0, Some(0.5), "good"),
            case(1, Some(1.5), "good"),
            case(2, Some(20.0), "good"),
            case(3, None, "failed"),
            case(4, Some(3.0), "doubtful"),
        ];
        let summary = Summary::new(&protocol_of_tests(), &cases);
        let rows: Vec<_> =
            summary.groups.iter().map(|g| (&*g.condition, &*g.method, g.cases)).collect();
        assert_eq!(
            rows,
            [
                ("near", "start", 4),
                ("near", "ours", 4),
                ("altered", "start", 1),
                ("altered", "ours", 1)
            ]
        );
        let [start, ours] = &summary.groups[..2] else { panic!() };
        assert_eq!(start.errors.as_ref().unwrap().mtre_mm.best[0].mean, Some(50.0));
        assert_eq!((start.seconds, start.without_pose), (None, 0));
        let found = ours.errors.as_ref().unwrap();
        assert_eq!((ours.without_pose, found.success_percent), (1, [50.0, 50.0, 25.0]));
        assert_eq!(found.mtre_mm.best[2].mean, Some(1.0));
        assert_eq!(found.median_rotation_deg, [Some(1.0), Some(2.0), Some(3.0)]);
        assert_eq!(found.median_translation_mm, [Some(1.5), Some(0.0), Some(1.5)]);
        let seconds = ours.seconds.unwrap();
        assert_eq!((seconds.median, seconds.longest), (1.5, 3.0));
        assert!((seconds.percentile_95 - 2.85).abs() < 1e-12);
        assert_eq!((ours.verdicts["good"], ours.wrong_called_good), (3, 1));
        assert_eq!(summary.groups_by_ct.len(), 6, "the second CT has no altered case");
        assert!(summary.groups_by_camera.is_empty() && summary.published.is_none());

        let text = markdown(&summary);
        assert!(text.contains("simulated from the same CT"), "{text}");
        let row = text.lines().find(|line| line.starts_with("| near | ours |")).unwrap();
        assert!(row.contains("| 1.00 +- 0.71 |") && row.contains("| 50.0 |"), "{row}");
        assert!(!text.contains("NaN") && !text.contains("| inf"), "{text}");
    }
}
