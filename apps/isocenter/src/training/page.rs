//! `report.html` of a training.

use anyhow::Result;
use isocenter_io::atomic::write_file;
use isocenter_net::train::validation::{Gradients, Registrations, landscape};
use isocenter_net::train::{Metrics, Source};
use isocenter_net::{Model, Network};
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
    model: &Model,
    source: &Source,
) -> Result<()> {
    let page = training_report(&TrainingReport {
        title: file.config.title.clone(),
        description: description(file, lines, source),
        losses: curves([
            curve("total", lines, |m| Some(m.loss)),
            curve("L_appro", lines, |m| Some(m.network()?.approximation)),
            curve("L_decomp", lines, |m| m.network()?.decomposition),
        ]),
        cosines: curves([
            curve("cosine, rotation", lines, |m| Some(m.network()?.cosine_rotation)),
            curve("cosine, translation", lines, |m| Some(m.network()?.cosine_translation)),
            curve("NCC, global features", lines, |m| m.network()?.ncc_global),
            curve("NCC, local features", lines, |m| m.network()?.ncc_local),
        ]),
        errors: curves([
            curve("rotation (degrees)", lines, |m| Some(m.regressor()?.rotation_error_deg)),
            curve("shift (mm)", lines, |m| Some(m.regressor()?.shift_error_mm)),
        ]),
        validation: validation(lines),
        landscapes: match model {
            Model::Network(network) => landscapes(network, source)?,
            Model::Regressor(_) => Vec::new(),
        },
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

/// The curve of what not every step has.
fn curve(name: &str, lines: &[Line], value: impl Fn(&Metrics) -> Option<f64>) -> Option<Curve> {
    let point = |line: &Line| Some([line.metrics.step as f64, value(&line.metrics)?]);
    let points: Vec<_> = lines.iter().filter_map(point).collect();
    (!points.is_empty()).then(|| Curve { name: name.to_owned(), points })
}

/// Those that there are.
fn curves<const N: usize>(curves: [Option<Curve>; N]) -> Vec<Curve> {
    curves.into_iter().flatten().collect()
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
        let groups = [
            ("trained on", found.trained, found.trained_registrations),
            ("held out", found.held_out, found.held_out_registrations),
        ];
        let measured = groups.into_iter().filter(|(_, of, found)| of.is_some() || found.is_some());
        rows.extend(measured.map(|(group, of, found)| row(step, group, of, found)));
    }
    without_empty_columns(Table { columns: columns.map(str::to_owned).into(), rows })
}

/// The table without columns of which no row says anything.
fn without_empty_columns(table: Table) -> Table {
    let says = |n: usize| table.rows.iter().any(|row| row.get(n).is_some_and(|c| !c.is_empty()));
    let kept: Vec<usize> = (0..table.columns.len()).filter(|&n| says(n)).collect();
    let of = |row: &Vec<String>| kept.iter().filter_map(|&n| row.get(n).cloned()).collect();
    Table { columns: of(&table.columns), rows: table.rows.iter().map(of).collect() }
}

fn row(
    step: u64,
    group: &str,
    of: Option<Gradients>,
    registered: Option<Registrations>,
) -> Vec<String> {
    let percent = |part: f64| format!("{:.0} %", 100.0 * part);
    let nothing = || [const { String::new() }; 3];
    let poses = of.map(|of| of.poses).or(registered.map(|of| of.count));
    let gradients = of.map_or_else(nothing, |of| {
        let cosines = [of.cosine_rotation, of.cosine_translation];
        let [rotation, translation] = cosines.map(|cosine| format!("{cosine:.2}"));
        [rotation, translation, percent(of.depth_sign)]
    });
    let registered = registered.map_or_else(nothing, |of| {
        let [start, end] = [of.start_mtre_mm, of.end_mtre_mm].map(|mm| format!("{mm:.1}"));
        [start, end, percent(of.success)]
    });
    let poses = poses.map_or_else(String::new, |poses| poses.to_string());
    let first = [step.to_string(), group.to_owned(), poses];
    first.into_iter().chain(gradients).chain(registered).collect()
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
