//! An evaluation as tables in Markdown.

use std::fmt::Write;

use super::published::{Published, PublishedRow};
use super::summary::{Group, GroupErrors, Summary};
use crate::project::BorderRule;

const DEFINITIONS: &str = "\
## What the numbers mean

- **X-rays**: none is real; each row says what its X-rays were simulated from. Errors on real X-rays will be larger.
  **Border** says where the CT ends for the program that renders: at the outermost voxel centers, or with voxels as boxes; without
  it, the CT fades over one voxel, as in the registration itself.
- **mTRE**: mean target registration error, the 3D distance (mm) at the targets: centroids of the CT's labels, else 500 points in
  bone. **Across**: the same without the component along the ray. **mPD**: mean projection distance at the detector of the first
  X-ray.
- **Best q %**: mean +- sample standard deviation of the q % of the cases with the smallest mTRE. **Percentiles** are over all cases,
  interpolated linearly between ranks.
- **Below**: the share of all cases with an mTRE below 10, 2 and 1 mm (%).
- A registration without a pose counts as one with an infinite error; `-` stands where that, or a missing truth, leaves no number.
- **By axis**: medians of the magnitudes of the motion from the truth to the result, about and along the camera's axes: x along
  columns, y along rows, z in depth; the rotation as a rotation vector, the translation that of the pivot.
- **Time**: wall-clock seconds of one registration, with files read and X-rays simulated before; what is prepared of the CT for one
  registration (coarser copies) is part of it.
";

/// The tables of an evaluation, with what their numbers mean.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    let mut text = format!(
        "# {}\n\n{} cases, seed {}. **All X-rays are simulated**, from what each row says.\n\n",
        summary.title, summary.cases, summary.seed
    );
    if summary.cases_at_a_time > 1 {
        let n = summary.cases_at_a_time;
        text += &format!(
            "Up to {n} cases were run at a time: times are not those of one registration.\n\n"
        );
    }
    text += "## Errors\n\n";
    errors(&mut text, &summary.groups, &[]);
    text += "\n## By axis (medians)\n\n";
    axes(&mut text, &summary.groups);
    hopeless(&mut text, &summary.groups);
    if !summary.groups_by_ct.is_empty() {
        text += "\n## By CT\n\n";
        errors(&mut text, &summary.groups_by_ct, &["CT"]);
    }
    if !summary.groups_by_camera.is_empty() {
        text += "\n## By camera\n\n";
        errors(&mut text, &summary.groups_by_camera, &["camera"]);
    }
    if let Some(table) = &summary.published {
        published(&mut text, table);
    }
    text.push('\n');
    text += DEFINITIONS;
    text
}

/// The head of a table.
fn head(text: &mut String, columns: &[&str]) {
    row(text, &columns.iter().map(|&c| c.to_owned()).collect::<Vec<_>>());
    row(text, &columns.iter().map(|_| "---".to_owned()).collect::<Vec<_>>());
}

fn row(text: &mut String, cells: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The columns of errors, after those that name the group.
pub const ERROR_COLUMNS: [&str; 14] = [
    "X-rays",
    "cases",
    "no pose",
    "best 95 % (mm)",
    "best 75 % (mm)",
    "best 50 % (mm)",
    "median (mm)",
    "95th percentile (mm)",
    "below 10 mm (%)",
    "2 mm",
    "1 mm",
    "mPD (px)",
    "mPD (mm)",
    "time (s): median / 95th percentile",
];

/// A group's cells of [`ERROR_COLUMNS`]; none where there is no truth.
#[must_use]
pub fn error_cells(group: &Group) -> Option<Vec<String>> {
    let found = group.errors.as_ref()?;
    let mut cells = vec![xrays(group), group.cases.to_string(), group.without_pose.to_string()];
    cells.extend(found.mtre_mm.best.map(|best| match (best.mean, best.sd) {
        (Some(mean), Some(sd)) => format!("{mean:.2} +- {sd:.2}"),
        _ => "-".to_owned(),
    }));
    let percentiles = &found.mtre_mm.percentiles;
    cells.extend([number(percentiles.p50, 2), number(percentiles.p95, 2)]);
    cells.extend(found.success_percent.map(|percent| format!("{percent:.1}")));
    cells.push(number(found.median_projection_px, 2));
    cells.push(number(found.median_projection_mm, 2));
    cells.push(group.seconds.map_or_else(
        || "-".to_owned(),
        |seconds| format!("{:.2} / {:.2}", seconds.median, seconds.percentile_95),
    ));
    Some(cells)
}

/// A published row's cells of [`ERROR_COLUMNS`].
#[must_use]
pub fn published_cells(published: &PublishedRow) -> Vec<String> {
    let mut cells = vec!["-".to_owned(); ERROR_COLUMNS.len()];
    for (cell, [mean, sd]) in cells.iter_mut().skip(3).zip(published.best_mm) {
        *cell = format!("{mean:.1} +- {sd:.1}");
    }
    cells[8] = number(published.success_percent, 1);
    cells
}

/// The groups with a truth: their errors.
fn errors(text: &mut String, groups: &[Group], first: &[&str]) {
    head(text, &[first, &["condition", "method"], &ERROR_COLUMNS].concat());
    for (group, errors) in groups.iter().filter_map(|g| Some((g, error_cells(g)?))) {
        let of = [&group.ct, &group.camera].into_iter().flatten();
        let mut cells: Vec<String> = of.cloned().collect();
        cells.extend([group.condition.clone(), group.method.clone()]);
        cells.extend(errors);
        row(text, &cells);
    }
}

fn xrays(group: &Group) -> String {
    let number = if group.xrays == 1 { "" } else { "two, " };
    let border = match group.renderer {
        BorderRule::Faded => String::new(),
        other => format!(", border: {other}"),
    };
    format!("{number}{} ({}{border})", group.xray_source, group.simulation)
}

fn axes(text: &mut String, groups: &[Group]) {
    let columns = [
        "condition",
        "method",
        "rotation x (deg)",
        "y",
        "z",
        "translation x (mm)",
        "y",
        "z (depth)",
        "across (mm)",
    ];
    head(text, &columns);
    for (group, found) in groups.iter().filter_map(|g| Some((g, g.errors.as_ref()?))) {
        let GroupErrors { median_rotation_deg, median_translation_mm, .. } = found;
        let mut cells = vec![group.condition.clone(), group.method.clone()];
        cells.extend(median_rotation_deg.map(|deg| number(deg, 3)));
        cells.extend(median_translation_mm.map(|mm| number(mm, 3)));
        cells.push(number(found.median_mtre_across_ray_mm, 3));
        row(text, &cells);
    }
}

/// What was said of what cannot be registered, and of all else where there is a judge.
fn hopeless(text: &mut String, groups: &[Group]) {
    let tells = |group: &&Group| {
        group.seconds.is_some() && (group.hopeless.is_some() || !group.verdicts.is_empty())
    };
    let groups: Vec<&Group> = groups.iter().filter(tells).collect();
    if groups.is_empty() {
        return;
    }
    *text += "\n## Verdicts\n\nWrong, but called good: 2 mm off or more, or nothing there to be registered.\n\n";
    let columns = [
        "condition",
        "method",
        "X-rays",
        "cases",
        "no pose",
        "good",
        "doubtful",
        "failed",
        "unjudged",
        "wrong, but called good",
    ];
    head(text, &columns);
    for group in groups {
        let mut cells = vec![group.condition.clone(), group.method.clone(), xrays(group)];
        cells.extend([group.cases.to_string(), group.without_pose.to_string()]);
        let count = |verdict: &str| group.verdicts.get(verdict).copied().unwrap_or(0);
        cells.extend(["good", "doubtful", "failed"].map(|verdict| count(verdict).to_string()));
        let judged: usize = group.verdicts.values().sum();
        cells.push((group.cases - judged.min(group.cases)).to_string());
        cells.push(group.wrong_called_good.to_string());
        row(text, &cells);
    }
}

fn published(text: &mut String, table: &Published) {
    let Published { reference, setting, rows } = table;
    *text += &format!("\n## Published\n\n{reference}. {setting}. Not measured here.\n\n");
    head(text, &[&["method"], &ERROR_COLUMNS[3..9]].concat());
    for published in *rows {
        let mut cells = vec![published.method.to_owned()];
        cells.extend(published_cells(published).drain(3..9));
        row(text, &cells);
    }
}
