//! `report.html` of a training.

use anyhow::Result;
use isocenter_io::atomic::write_file;
use isocenter_net::Network;
use isocenter_net::train::validation::{Gradients, Registrations, landscape};
use isocenter_net::train::{Metrics, Source};
use isocenter_report::{
    Curve, LandscapeAxis, Setting, Table, TrainingLandscape, TrainingReport, training_report,
};

use super::folder::TrainingFolder;
use super::log::Line;
use super::settings::TrainFile;

const AXES: [(&str, &str); 6] = [
    ("rotation about x", "deg"),
    ("rotation about y", "deg"),
    ("rotation about z", "deg"),
    ("shift along columns", "mm"),
    ("shift along rows", "mm"),
    ("depth", "mm"),
];

/// Writes the page about all steps so far.
pub(crate) fn write_report(
    folder: &TrainingFolder,
    file: &TrainFile,
    lines: &[Line],
    network: &Network,
    source: &Source,
) -> Result<()> {
    let page = training_report(&TrainingReport {
        title: file.config.title.clone(),
        description: description(file, lines, source),
        losses: [curve("total", lines, |m| m.loss), curve("L_appro", lines, |m| m.approximation)]
            .into_iter()
            .chain(curve_if_any("L_decomp", lines, |m| m.decomposition))
            .collect(),
        cosines: [
            curve("cosine, rotation", lines, |m| m.cosine_rotation),
            curve("cosine, translation", lines, |m| m.cosine_translation),
        ]
        .into_iter()
        .chain(curve_if_any("NCC, global features", lines, |m| m.ncc_global))
        .chain(curve_if_any("NCC, local features", lines, |m| m.ncc_local))
        .collect(),
        validation: validation(lines),
        landscapes: landscapes(network, source)?,
        settings: settings(&file.text),
    })?;
    Ok(write_file(folder.path().join("report.html"), |out| out.write_all(page.as_bytes()))?)
}

fn description(file: &TrainFile, lines: &[Line], source: &Source) -> Vec<String> {
    let steps = lines.last().map_or(0, |line| line.metrics.step);
    let seconds: f64 = lines.iter().map(|line| line.seconds_per_step).sum();
    let held_out = source.patients.iter().filter(|patient| patient.held_out).count();
    vec![
        format!("{steps} of {} steps, {:.1} min.", file.config.steps, seconds / 60.0),
        format!("Trained on {} CTs; {held_out} held out.", source.patients.len() - held_out),
        "All X-rays are simulated.".to_owned(),
    ]
}

fn curve(name: &str, lines: &[Line], value: impl Fn(&Metrics) -> f64) -> Curve {
    let point = |line: &Line| [line.metrics.step as f64, value(&line.metrics)];
    Curve { name: name.to_owned(), points: lines.iter().map(point).collect() }
}

/// The curve of what not every network has.
fn curve_if_any(
    name: &str,
    lines: &[Line],
    value: impl Fn(&Metrics) -> Option<f64>,
) -> Option<Curve> {
    let point = |line: &Line| Some([line.metrics.step as f64, value(&line.metrics)?]);
    let points: Vec<_> = lines.iter().filter_map(point).collect();
    (!points.is_empty()).then(|| Curve { name: name.to_owned(), points })
}

fn validation(lines: &[Line]) -> Table {
    let columns = [
        "step",
        "CTs",
        "poses",
        "cosine, rotation",
        "cosine, translation",
        "depth",
        "mTRE start (mm)",
        "mTRE end (mm)",
        "below 10 mm",
    ];
    let mut rows = Vec::new();
    for line in lines {
        let Some(found) = &line.validation else { continue };
        let step = line.metrics.step;
        rows.push(row(step, "trained on", &found.trained, found.trained_registrations));
        if let Some(held_out) = &found.held_out {
            rows.push(row(step, "held out", held_out, found.held_out_registrations));
        }
    }
    Table { columns: columns.map(str::to_owned).into(), rows }
}

fn row(step: u64, group: &str, of: &Gradients, registered: Option<Registrations>) -> Vec<String> {
    let percent = |part: f64| format!("{:.0} %", 100.0 * part);
    let mut cells = vec![
        step.to_string(),
        group.to_owned(),
        of.poses.to_string(),
        format!("{:.2}", of.cosine_rotation),
        format!("{:.2}", of.cosine_translation),
        percent(of.depth_sign),
    ];
    cells.extend(match registered {
        Some(of) => [
            format!("{:.1}", of.start_mtre_mm),
            format!("{:.1}", of.end_mtre_mm),
            percent(of.success),
        ],
        None => [""; 3].map(str::to_owned),
    });
    cells
}

/// Of the first CT of each kind.
fn landscapes(network: &Network, source: &Source) -> Result<Vec<TrainingLandscape>> {
    let mut found = Vec::new();
    for (held_out, kind) in [(false, "trained on"), (true, "held out")] {
        let number = source.patients.iter().position(|patient| patient.held_out == held_out);
        let Some(number) = number else { continue };
        let axes =
            landscape(network, source, number)?.into_iter().zip(AXES).map(|(axis, names)| {
                LandscapeAxis {
                    name: names.0.to_owned(),
                    unit: names.1.to_owned(),
                    offsets: axis.offsets,
                    fine: axis.learned,
                    coarse: axis.geodesic,
                }
            });
        let caption = format!("CT {} ({kind})", source.patients[number].name);
        found.push(TrainingLandscape { caption, axes: axes.collect() });
    }
    Ok(found)
}

/// The lines of the settings, each as one.
fn settings(text: &str) -> Vec<Setting> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let setting = |line: &str| match line.split_once('=') {
        Some((name, value)) if !line.starts_with('#') => {
            Setting { name: name.trim().to_owned(), value: value.trim().to_owned() }
        }
        _ => Setting { name: line.to_owned(), value: String::new() },
    };
    lines.map(setting).collect()
}
