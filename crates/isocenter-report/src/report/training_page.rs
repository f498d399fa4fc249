//! The page about a training.

use askama::Template;

use super::error::ReportError;
use super::landscape::landscape_charts;
use super::training::{Curve, TrainingReport};
use crate::chart::{Axis, Figure, Legend, Scale, Svg, look};

/// The size of a chart (px).
const SIZE_PX: [f64; 2] = [1000.0, 280.0];

/// Means over so many parts of the training stand for the single steps, which scatter.
const PARTS: usize = 60;

/// A page about a training: losses, cosines or errors over the steps, what was measured on held-out poses,
/// the learned similarity beside the geodesic one.
///
/// # Errors
/// If a row of the table does not have one cell for each column, or a landscape one value for each
/// offset.
///
/// # Examples
/// ```
/// use isocenter_report::{Curve, TrainingReport, training_report};
/// let losses = (0..500).map(|n| [f64::from(n), 1.0 / (1.0 + f64::from(n))]).collect();
/// let page = training_report(&TrainingReport {
///     title: "Two phantoms".to_owned(),
///     losses: vec![Curve { name: "L_appro".to_owned(), points: losses }],
///     ..TrainingReport::default()
/// })
/// .unwrap();
/// assert!(page.contains("L_appro") && !page.contains("://"));
/// ```
pub fn training_report(report: &TrainingReport) -> Result<String, ReportError> {
    let expected = report.validation.columns.len();
    if let Some(row) = report.validation.rows.iter().find(|row| row.len() != expected) {
        let name = format!("the row '{}'", row.first().map_or("", String::as_str));
        return Err(ReportError::Length { name, found: row.len(), expected });
    }
    let landscapes = report.landscapes.iter().map(|landscape| {
        Ok(Landscape { caption: &landscape.caption, charts: landscape_charts(&landscape.axes)? })
    });
    let page = Page {
        losses: chart("Losses over steps", "loss", &report.losses),
        cosines: chart(
            "Cosines and correlations over steps",
            "cosine, correlation",
            &report.cosines,
        ),
        errors: chart("Errors over steps", "degrees, mm", &report.errors),
        landscapes: landscapes.collect::<Result<_, ReportError>>()?,
        report,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "training.html")]
struct Page<'a> {
    report: &'a TrainingReport,
    losses: Option<Svg>,
    cosines: Option<Svg>,
    errors: Option<Svg>,
    landscapes: Vec<Landscape<'a>>,
}

struct Landscape<'a> {
    caption: &'a str,
    charts: Vec<Svg>,
}

/// The curves, smoothed, in one chart.
fn chart(title: &str, name: &str, curves: &[Curve]) -> Option<Svg> {
    let smooth: Vec<Vec<[f64; 2]>> = curves.iter().map(|curve| smoothed(&curve.points)).collect();
    let points = || smooth.iter().flatten();
    points().next()?;
    let x = Axis::new("step", Scale::linear(points().map(|p| p[0])), 10);
    let y = Axis::new(name, Scale::linear(points().map(|p| p[1])), 5);
    let mut figure = Figure::new(title, SIZE_PX, x, y);
    for (number, line) in smooth.iter().enumerate() {
        figure.line(line, &look(number));
    }
    figure.legend_of(Legend::Line, curves.iter().map(|curve| curve.name.as_str()));
    Some(figure.finish())
}

/// Means of parts of the curve; values that are no numbers are left out.
fn smoothed(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let points: Vec<[f64; 2]> =
        points.iter().copied().filter(|p| p.iter().all(|x| x.is_finite())).collect();
    let mean =
        |part: &[[f64; 2]], of: usize| part.iter().map(|p| p[of]).sum::<f64>() / part.len() as f64;
    let length = points.len().div_ceil(PARTS).max(1);
    points.chunks(length).map(|part| [mean(part, 0), mean(part, 1)]).collect()
}

#[cfg(test)]
mod tests {
    //! Proves: means stand for parts of a curve, odd values break nothing, tables are checked.
    use super::*;
    use crate::report::evaluation::Table;

    #[test]
    fn curves_are_means_of_parts() {
        let points: Vec<_> = (0..600).map(|n| [f64::from(n), f64::from(n % 2)]).collect();
        let smooth = smoothed(&points);
        assert_eq!(smooth.len(), PARTS);
        assert!(smooth.iter().all(|p| p[1] == 0.5) && smooth[0][0] == 4.5);
        assert_eq!(smoothed(&[[1.0, f64::NAN], [2.0, 3.0]]), [[2.0, 3.0]]);
    }

    #[test]
    fn odd_reports_break_nothing() {
        let odd = Curve { name: "<b>".to_owned(), points: vec![[0.0, f64::INFINITY], [1.0, 2.0]] };
        let report = TrainingReport {
            title: "<script>".to_owned(),
            losses: vec![odd],
            ..TrainingReport::default()
        };
        let page = training_report(&report).unwrap();
        assert!(!page.contains("<b>") && !page.contains("<script>") && !page.contains("inf"));
        let table = Table {
            columns: vec!["step".to_owned()],
            rows: vec![vec!["1".to_owned(), "2".to_owned()]],
        };
        let report = TrainingReport { validation: table, ..report };
        assert!(matches!(training_report(&report), Err(ReportError::Length { .. })));
    }
}
