//! The page about the run of a protocol.

use std::collections::BTreeMap;

use askama::Template;

use super::capture::capture_chart;
use super::cumulative::cumulative_chart;
use super::error::ReportError;
use super::evaluation::{CaseRow, EvaluationReport, MethodCases};
use super::page::PagePicture;
use super::quantile_bars::{axis_error_charts, time_chart};
use super::reliability::{Reliability, reliability};
use super::verdict_table::{CLASS_NAMES, VerdictRow, verdict_rows};
use crate::chart::Svg;
use crate::chart::number::{count, percent, sensible};

/// The worst cases of a method that are listed.
const WORST: usize = 10;
/// The reasons for no result that are listed, the most frequent ones.
const FAILURES: usize = 12;

/// A page about the run of a protocol: summary beside published rows, distributions of the errors,
/// success against the error of the start, errors by axis, times, verdicts against errors, the
/// reliability of the probabilities, the worst cases, the protocol.
///
/// The page is one HTML file that loads nothing; it stays small whatever the number of cases. Texts
/// are escaped; equal input gives an equal page.
///
/// # Errors
/// If a row of a table does not have one cell for each column.
///
/// # Examples
/// ```
/// use isocenter_report::{CaseRow, EvaluationReport, MethodCases, evaluation_report};
/// let case = |number, mtre_mm| CaseRow {
///     number,
///     start_mtre_mm: Some(40.0),
///     mtre_mm: Some(mtre_mm),
///     seconds: 0.8,
///     ..CaseRow::default()
/// };
/// let page = evaluation_report(&EvaluationReport {
///     title: "Lumbar spine".to_owned(),
///     description: vec!["X-rays are simulated from the same CT.".to_owned()],
///     methods: vec![MethodCases {
///         name: "refine".to_owned(),
///         cases: vec![case(0, 0.2), case(1, 31.0)],
///     }],
///     ..EvaluationReport::default()
/// })
/// .unwrap();
/// assert!(page.contains("simulated from the same CT") && !page.contains("://"));
/// ```
pub fn evaluation_report(report: &EvaluationReport) -> Result<String, ReportError> {
    let columns = report.summary.columns.len();
    for row in report.summary.rows.iter().chain(&report.published) {
        if row.len() != columns {
            let name = format!("the row '{}'", row.first().map_or("", String::as_str));
            return Err(ReportError::Length { name, found: row.len(), expected: columns });
        }
    }
    let methods = &report.methods;
    let cases = || methods.iter().flat_map(|method| &method.cases);
    let judged = cases().any(|case| case.verdict != super::Verdict::Unjudged);
    let worst = report.worst.iter();
    let worst_rows: Vec<WorstRow> = methods.iter().flat_map(worst_rows).collect();
    let page = Page {
        report,
        counts: methods.iter().map(MethodCounts::new).collect(),
        cumulative: cases().any(CaseRow::has_truth).then(|| cumulative_chart(methods)),
        capture: [10.0, 2.0].into_iter().filter_map(|mm| capture_chart(methods, mm)).collect(),
        axis_errors: cases()
            .any(|c| c.rotation_error_deg.is_some() || c.translation_error_mm.is_some())
            .then(|| axis_error_charts(methods)),
        times: cases().next().map(|_| time_chart(methods)),
        classes: &CLASS_NAMES,
        verdicts: verdict_rows(methods),
        judged,
        reliability: reliability(methods),
        worst: worst
            .map(|case| PagePicture::new(&case.caption, &case.picture))
            .collect::<Result<_, _>>()?,
        has_expected: worst_rows.iter().any(|row| !row.expected.is_empty()),
        has_failures: worst_rows.iter().any(|row| !row.failure.is_empty()),
        worst_rows,
        failures: failures(cases()),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "evaluation.html")]
struct Page<'a> {
    report: &'a EvaluationReport,
    counts: Vec<MethodCounts>,
    cumulative: Option<Svg>,
    capture: Vec<Svg>,
    axis_errors: Option<[Svg; 2]>,
    times: Option<Svg>,
    classes: &'a [&'static str],
    verdicts: Vec<VerdictRow>,
    judged: bool,
    reliability: Vec<Reliability>,
    worst: Vec<PagePicture>,
    worst_rows: Vec<WorstRow>,
    has_expected: bool,
    has_failures: bool,
    failures: Vec<(String, String)>,
}

/// How many cases a method had.
struct MethodCounts {
    name: String,
    cases: String,
    without_result: usize,
    without_truth: usize,
}

impl MethodCounts {
    fn new(method: &MethodCases) -> Self {
        let number = |of: &dyn Fn(&CaseRow) -> bool| method.cases.iter().filter(|c| of(c)).count();
        Self {
            name: method.name.clone(),
            cases: count(method.cases.len()),
            without_result: number(&|case| case.failure.is_some()),
            without_truth: number(&|case| !case.has_truth()),
        }
    }
}

/// A case that went wrong, as texts.
struct WorstRow {
    method: String,
    number: usize,
    ct: String,
    start: String,
    mtre: String,
    across_ray: String,
    projection: String,
    similarity: String,
    verdict: &'static str,
    probability: String,
    expected: String,
    failure: String,
}

/// The worst cases of a method: those without a result, then by error.
fn worst_rows(method: &MethodCases) -> Vec<WorstRow> {
    let badness = |case: &CaseRow| match case.mtre_mm {
        Some(mtre) if !mtre.is_nan() => mtre,
        _ => f64::INFINITY,
    };
    let mut cases: Vec<&CaseRow> =
        method.cases.iter().filter(|c| c.has_truth() || c.failure.is_some()).collect();
    cases.sort_by(|a, b| badness(b).total_cmp(&badness(a)).then(a.number.cmp(&b.number)));
    let text = |value: Option<f64>| value.map_or_else(String::new, sensible);
    let row = |(at, case): (usize, &CaseRow)| WorstRow {
        method: if at == 0 { method.name.clone() } else { String::new() },
        number: case.number,
        ct: case.ct_name.clone(),
        start: text(case.start_mtre_mm),
        mtre: text(case.mtre_mm),
        across_ray: text(case.mtre_across_ray_mm),
        projection: match (case.projection_px, case.projection_mm) {
            (None, None) => String::new(),
            (px, mm) => format!("{} / {}", text(px), text(mm)),
        },
        similarity: text(case.similarity),
        verdict: case.verdict.name(),
        probability: case.probability_within_2mm.map_or_else(String::new, percent),
        expected: text(case.expected_tre_mm),
        failure: case.failure.clone().unwrap_or_default(),
    };
    cases.into_iter().take(WORST).enumerate().map(row).collect()
}

/// The reasons for no result and how often they were given, the most frequent first.
fn failures<'a>(cases: impl Iterator<Item = &'a CaseRow>) -> Vec<(String, String)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in cases.filter_map(|case| case.failure.as_deref()) {
        *counts.entry(reason).or_default() += 1;
    }
    let mut ordered: Vec<(&str, usize)> = counts.into_iter().collect();
    // Stable: reasons given equally often stay in the order of their texts.
    ordered.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let left_out = ordered.len().saturating_sub(FAILURES);
    let mut rows: Vec<(String, String)> = ordered
        .into_iter()
        .take(FAILURES)
        .map(|(reason, number)| (reason.to_owned(), count(number)))
        .collect();
    if left_out > 0 {
        rows.push((format!("and {left_out} other reasons"), String::new()));
    }
    rows
}

#[cfg(test)]
mod tests {
    //! Proves: a page holds what it should and loads nothing, texts are escaped, odd numbers and
    //! empty lists break nothing, rows that do not fit are refused, equal input gives an equal page,
    //! and ten thousand cases stay small.
    use super::*;
    use crate::report::page::tests::{HOSTILE, check};
    use crate::report::{Table, Verdict, WorstCase};
    use crate::rgb::RgbImage;

    /// A case in which every text is hostile and every number is the given one.
    fn case(number: f64) -> CaseRow {
        CaseRow {
            number: 7,
            ct_name: HOSTILE.to_owned(),
            start_mtre_mm: Some(number),
            mtre_mm: Some(number),
            mtre_across_ray_mm: Some(number),
            projection_px: Some(number),
            projection_mm: Some(number),
            rotation_error_deg: Some([number; 3]),
            translation_error_mm: Some([number; 3]),
            similarity: Some(number),
            verdict: Verdict::Good,
            probability_within_2mm: Some(number),
            expected_tre_mm: Some(number),
            seconds: number,
            failure: Some(HOSTILE.to_owned()),
        }
    }

    fn full(cases: Vec<CaseRow>) -> EvaluationReport {
        let text = || HOSTILE.to_owned();
        EvaluationReport {
            title: text(),
            description: vec![text()],
            methods: vec![MethodCases { name: text(), cases }; 2],
            summary: Table { columns: vec![text(); 3], rows: vec![vec![text(); 3]] },
            published: vec![vec![text(); 3]],
            published_source: text(),
            worst: vec![WorstCase { caption: text(), picture: RgbImage::filled([4, 4], [9; 3]) }],
            protocol: text(),
        }
    }

    #[test]
    fn a_page_is_whole_and_loads_nothing() {
        for number in [0.5, 0.0, -1.0, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-320] {
            for cases in [vec![], vec![case(number)], vec![case(number), case(0.5)]] {
                let report = full(cases);
                let page = evaluation_report(&report).unwrap();
                check(&page);
                assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
                assert_eq!(page, evaluation_report(&report).unwrap());
            }
        }
        let bare = CaseRow::default();
        check(&evaluation_report(&full(vec![bare])).unwrap());
    }

    #[test]
    fn nothing_given_is_nothing_shown() {
        let page = evaluation_report(&EvaluationReport::default()).unwrap();
        check(&page);
        for absent in ["<img", "<table", "<h2", "<svg"] {
            assert!(!page.contains(absent), "{absent}");
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let mut report = full(vec![case(0.5)]);
        report.published[0].pop();
        let error = evaluation_report(&report).unwrap_err().to_string();
        assert!(error.ends_with("2 values for 3 places: give one for each"), "{error}");
    }

    #[test]
    fn the_worst_come_first() {
        let row = |number, mtre_mm| CaseRow {
            number,
            start_mtre_mm: Some(1.0),
            mtre_mm,
            ..CaseRow::default()
        };
        let cases = vec![row(0, Some(1.0)), row(1, Some(9.0)), row(2, None), row(3, Some(9.0))];
        let rows = worst_rows(&MethodCases { name: "m".to_owned(), cases });
        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 1, 3, 0]);
    }

    #[test]
    fn ten_thousand_cases_stay_small() {
        let cases = (0..10_000_u32)
            .map(|n| {
                let wave = f64::from(n).sin().abs();
                let failure = (n % 3 == 0).then(|| format!("reason {n}"));
                CaseRow { failure, ..case(0.01 + 100.0 * wave * wave) }
            })
            .collect();
        let page = evaluation_report(&full(cases)).unwrap();
        assert!(page.len() < 300_000, "{}", page.len());
        assert!(page.contains("10\u{202f}000 cases"));
    }
}
