//! What the report about an evaluation is made from.

use anyhow::Result;
use isocenter::evaluate::table::{ERROR_COLUMNS, error_cells, published_cells};
use isocenter::evaluate::{CaseResult, Evaluation, MethodResult, PoseErrors, Summary};
use isocenter::radiograph::ImageFlip;
use isocenter_report::{
    CaseRow, EvaluationReport, MethodCases, Table, Verdict, WorstCase, overlay,
};

use super::protocol_file::ProtocolFile;

/// How many of a method's cases are drawn.
const DRAWN: usize = 3;

/// The report; pictures of the worst cases where the CTs are there.
pub(crate) fn report(
    file: &ProtocolFile,
    summary: &Summary,
    cases: &[CaseResult],
    evaluation: Option<&Evaluation>,
) -> Result<EvaluationReport> {
    let named = |group: &isocenter::evaluate::Group| {
        let mut cells = vec![format!("{}: {}", group.condition, group.method)];
        cells.extend(error_cells(group)?);
        Some(cells)
    };
    let columns = std::iter::once("condition: method").chain(ERROR_COLUMNS);
    let published = summary.published.iter().flat_map(|table| table.rows).map(|row| {
        let mut cells = vec![row.method.to_owned()];
        cells.extend(published_cells(row));
        cells
    });
    let source = summary.published.map(|table| format!("{}. {}.", table.reference, table.setting));
    Ok(EvaluationReport {
        title: summary.title.clone(),
        description: description(summary),
        methods: methods(summary, cases),
        summary: Table {
            columns: columns.map(str::to_owned).collect(),
            rows: summary.groups.iter().filter_map(named).collect(),
        },
        published: published.collect(),
        published_source: source.unwrap_or_default(),
        worst: match evaluation {
            Some(evaluation) => worst(evaluation, cases)?,
            None => Vec::new(),
        },
        protocol: file.text.clone(),
    })
}

fn description(summary: &Summary) -> Vec<String> {
    let mut lines = vec![
        "All X-rays are simulated: the column X-rays says from what. Errors on real X-rays will be \
         larger."
            .to_owned(),
        "Errors are measured at targets: centroids of the CT's labels, else 500 points in bone."
            .to_owned(),
        format!("{} cases, seed {}.", summary.cases, summary.seed),
    ];
    if summary.cases_at_a_time > 1 {
        lines.push(format!(
            "Up to {} cases were run at a time: times are not those of one registration.",
            summary.cases_at_a_time
        ));
    }
    lines
}

/// The cases of each condition and method.
fn methods(summary: &Summary, cases: &[CaseResult]) -> Vec<MethodCases> {
    let of_group = |group: &isocenter::evaluate::Group| {
        let of_condition = cases.iter().filter(|case| case.condition == group.condition);
        let rows = of_condition.filter_map(|case| {
            let method = case.methods.iter().find(|method| method.method == group.method)?;
            Some(case_row(case, method))
        });
        let name = format!("{}: {}", group.condition, group.method);
        MethodCases { name, cases: rows.collect() }
    };
    let groups = summary.groups.iter().map(of_group);
    groups.filter(|method| !method.cases.is_empty()).collect()
}

fn case_row(case: &CaseResult, method: &MethodResult) -> CaseRow {
    let errors = method.errors.as_ref();
    let judged = method.judged.as_ref();
    let verdict = Verdict::ALL.into_iter().find(|v| judged.is_some_and(|j| j.verdict == v.name()));
    let number = |value: fn(&PoseErrors) -> Option<f64>| errors.and_then(value);
    CaseRow {
        number: case.number,
        ct_name: case.ct.clone(),
        start_mtre_mm: case.start_errors.map(|errors| errors.mtre_mm),
        mtre_mm: number(|errors| Some(errors.mtre_mm)),
        mtre_across_ray_mm: number(|errors| Some(errors.mtre_across_ray_mm)),
        projection_px: number(|errors| errors.projection_px),
        projection_mm: number(|errors| errors.projection_mm),
        rotation_error_deg: errors.map(|errors| errors.offset.rotation_deg),
        translation_error_mm: errors.map(|errors| errors.offset.translation_mm),
        similarity: method.similarity,
        verdict: verdict.unwrap_or_default(),
        probability_within_2mm: judged.map(|judged| judged.probability_within_2mm),
        expected_tre_mm: judged.map(|judged| judged.evidence.expected_tre_mm),
        seconds: method.seconds,
        failure: method.failure.clone(),
    }
}

/// Pictures of the cases of each method that are farthest off.
fn worst(evaluation: &Evaluation, cases: &[CaseResult]) -> Result<Vec<WorstCase>> {
    let mut pictures = Vec::new();
    for method in &evaluation.protocol().methods {
        let of_method = cases.iter().filter_map(|case| {
            let result = case.methods.iter().find(|result| result.method == method.name)?;
            Some((case, result, result.errors?.mtre_mm))
        });
        let mut off: Vec<_> = of_method.collect();
        off.sort_by(|(a, _, a_mm), (b, _, b_mm)| {
            b_mm.total_cmp(a_mm).then(a.number.cmp(&b.number))
        });
        for (case, result, mtre_mm) in off.into_iter().take(DRAWN) {
            let caption = format!(
                "case {}, {}: {}, {}: mTRE {mtre_mm:.2} mm",
                case.number, case.condition, result.method, case.ct
            );
            pictures.extend(picture(evaluation, case, result, caption)?);
        }
    }
    Ok(pictures)
}

/// The first X-ray of a case with the edges of the CT at the pose found.
fn picture(
    evaluation: &Evaluation,
    case: &CaseResult,
    result: &MethodResult,
    caption: String,
) -> Result<Option<WorstCase>> {
    let scene = evaluation.scene(case.number)?;
    let registered = &scene.registered;
    let (Some(found), Some(xray)) = (result.found, scene.xrays.first()) else { return Ok(None) };
    let pose = found.apply(&scene.poses.nominal_camera_from_world, registered.pivot_world_mm());
    let drr = registered.projector().forward(&xray.camera, &pose)?;
    let picture = overlay(&xray.simulated.attenuation()?, &drr, ImageFlip::None)?;
    Ok(Some(WorstCase { caption, picture }))
}
