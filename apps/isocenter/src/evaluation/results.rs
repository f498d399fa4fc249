//! What an evaluation leaves: `cases.csv`, `summary.json`, `table.md` and `report.html`.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use isocenter::evaluate::{
    CaseResult, DrawnCut, Evaluation, MethodResult, Offset, PoseErrors, START, Summary, markdown,
};
use isocenter::register::judge::Evidence;
use isocenter_io::atomic::write_file;
use isocenter_report::evaluation_report;
use serde::Serialize;

use super::protocol_file::ProtocolFile;
use super::report::report;
use crate::output::Versions;

/// `summary.json`.
#[derive(Serialize)]
struct SummaryFile<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    xrays: &'static str,
    versions: Versions,
}

/// Writes all files from the cases, in order. Where the CTs are there, the report has pictures.
pub(crate) fn write(
    folder: &Path,
    protocol: &ProtocolFile,
    cases: &[CaseResult],
    evaluation: Option<&Evaluation>,
) -> Result<Summary> {
    let summary = Summary::new(&protocol.protocol, cases);
    let file = SummaryFile {
        summary: &summary,
        xrays: "all simulated; xray_source says from what",
        versions: Versions { isocenter: env!("CARGO_PKG_VERSION") },
    };
    let json = serde_json::to_string_pretty(&file)?;
    let page = evaluation_report(&report(protocol, &summary, cases, evaluation)?)?;
    write_file(folder.join("cases.csv"), |out| write_cases(out, cases))?;
    write_file(folder.join("summary.json"), |out| writeln!(out, "{json}"))?;
    write_file(folder.join("table.md"), |out| out.write_all(markdown(&summary).as_bytes()))?;
    write_file(folder.join("report.html"), |out| out.write_all(page.as_bytes()))?;
    Ok(summary)
}

/// One line for the start of each case and one for each method.
fn write_cases(out: &mut dyn Write, cases: &[CaseResult]) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(columns())?;
    for case in cases {
        table.write_record(line(case, None))?;
        for method in &case.methods {
            table.write_record(line(case, Some(method)))?;
        }
    }
    table.flush()
}

/// The components of a motion.
const MOTION: [&str; 6] = ["rx_deg", "ry_deg", "rz_deg", "tx_mm", "ty_mm", "tz_mm"];

fn columns() -> Vec<String> {
    let motion = |of: &'static str| MOTION.map(|component| format!("{of}_{component}"));
    let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let mut columns = texts(&[
        "case",
        "condition",
        "ct",
        "camera",
        "view",
        "simulation",
        "xrays",
        "xray_source",
        "renderer",
        "cut_z_mm",
        "cut_width_mm",
        "cut_field_mm",
        "cut_labels",
        "hopeless",
        "seed",
        "simulation_seeds",
        "method",
    ]);
    columns.extend(["truth", "start", "found"].into_iter().flat_map(motion));
    columns.extend(texts(&["start_mtre_mm", "mtre_mm", "mtre_across_ray_mm", "mpd_px", "mpd_mm"]));
    columns.extend(motion("error"));
    columns.extend(texts(&[
        "similarity",
        "termination",
        "verdict",
        "probability_within_2mm",
        "error_bound_95_mm",
        "error_bound_95_across_ray_mm",
        "expected_tre_mm",
        "ncc",
        "gradient_ncc",
        "fine_gradient_ncc",
        "patch_ncc",
        "lead",
        "disagreement_mm",
        "all_gradient_ncc",
        "complete_share",
        "coverage",
        "prior_deviation",
        "seconds",
        "failure",
    ]));
    columns
}

/// One line: a method's, or the start's.
fn line(case: &CaseResult, method: Option<&MethodResult>) -> Vec<String> {
    let errors = match method {
        Some(method) => method.errors,
        None => case.start_errors,
    };
    let found = match method {
        Some(method) => method.found,
        None => Some(case.start),
    };
    let seeds: Vec<String> = case.simulation_seeds.iter().map(u64::to_string).collect();
    let mut line = vec![
        case.number.to_string(),
        case.condition.clone(),
        case.ct.clone(),
        case.camera.clone(),
        case.view.clone(),
        case.simulation.clone(),
        case.xrays.to_string(),
        case.xray_source.to_string(),
        case.renderer.to_string(),
    ];
    line.extend(cut(case.cut.as_ref()));
    line.extend([
        word(&case.hopeless),
        case.seed.to_string(),
        seeds.join(";"),
        method.map_or(START, |method| &method.method).to_owned(),
    ]);
    line.extend([case.truth, Some(case.start), found].into_iter().flat_map(motion));
    line.push(number(case.start_errors.map(|errors| errors.mtre_mm)));
    let error = |value: fn(&PoseErrors) -> Option<f64>| number(errors.as_ref().and_then(value));
    line.push(error(|errors| Some(errors.mtre_mm)));
    line.push(error(|errors| Some(errors.mtre_across_ray_mm)));
    line.push(error(|errors| errors.projection_px));
    line.push(error(|errors| errors.projection_mm));
    line.extend(motion(errors.map(|errors| errors.offset)));
    let judged = method.and_then(|method| method.judged.as_ref());
    line.push(number(method.and_then(|method| method.similarity)));
    line.push(word(&method.and_then(|method| method.termination)));
    line.push(judged.map(|judged| judged.verdict.clone()).unwrap_or_default());
    line.push(number(judged.map(|judged| judged.probability_within_2mm)));
    line.push(number(judged.map(|judged| judged.error_bound_95_mm)));
    line.push(number(judged.map(|judged| judged.error_bound_95_across_ray_mm)));
    let evidence = |of: fn(&Evidence) -> f64| number(judged.map(|judged| of(&judged.evidence)));
    line.extend([
        evidence(|e| e.expected_tre_mm),
        evidence(|e| e.ncc),
        evidence(|e| e.gradient_ncc),
        evidence(|e| e.fine_gradient_ncc),
        evidence(|e| e.patch_ncc),
        evidence(|e| e.lead),
        evidence(|e| e.disagreement_mm),
        evidence(|e| e.all_gradient_ncc),
        evidence(|e| e.complete_share),
        evidence(|e| e.coverage),
        evidence(|e| e.prior_deviation),
    ]);
    line.push(method.map(|method| format!("{:.3}", method.seconds)).unwrap_or_default());
    line.push(method.and_then(|method| method.failure.clone()).unwrap_or_default());
    line
}

/// Length, width, field and labels; empty where nothing is cut.
fn cut(cut: Option<&DrawnCut>) -> [String; 4] {
    let mm = |length: fn(&DrawnCut) -> Option<f64>| number(cut.and_then(length));
    let labels: Vec<String> = cut.iter().flat_map(|cut| &cut.labels).map(u16::to_string).collect();
    [mm(|cut| cut.z_mm), mm(|cut| cut.width_mm), mm(|cut| cut.field_mm), labels.join(";")]
}

fn motion(offset: Option<Offset>) -> [String; 6] {
    let Some(Offset { rotation_deg: [a, b, c], translation_mm: [x, y, z] }) = offset else {
        return Default::default();
    };
    [a, b, c, x, y, z].map(|component| number(Some(component)))
}

fn number(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.6}")).unwrap_or_default()
}

/// A value of a few, as JSON calls it.
fn word(value: &Option<impl Serialize>) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
