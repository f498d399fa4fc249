//! How a search came to its result: similarity and distance, stage by stage.
//!
//! Stages follow one another along the axis; the candidates of a stage, which are worked on side by
//! side, lie over one another.

use std::collections::BTreeMap;

use super::registration::TracePoint;
use crate::chart::{Axis, Figure, Legend, Scale, Svg};

/// The size of a chart (px).
const SIZE_PX: [f64; 2] = [1000.0, 280.0];
/// The most candidates of a stage that are drawn, the best ones.
const MOST_CANDIDATES: usize = 24;
/// Closer to the result than this (deg, mm) is there.
const THERE: f64 = 1e-3;

/// A stage of the trace.
struct Run<'a> {
    name: String,
    /// Where it begins along the axis.
    start: f64,
    /// Iterations of its longest candidate.
    length: f64,
    /// The candidates, that which ended best first.
    candidates: Vec<Vec<&'a TracePoint<'a>>>,
}

impl Run<'_> {
    fn place(&self, point: &TracePoint<'_>) -> f64 {
        self.start + point.iteration as f64
    }
}

/// The stages in the order of the trace.
fn runs<'a>(trace: &'a [TracePoint<'a>]) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    let mut start = 0.0;
    let level = |point: &TracePoint<'a>| (point.stage, point.longest_side_px);
    for rows in trace.chunk_by(|a, b| level(a) == level(b)) {
        let mut candidates: BTreeMap<usize, Vec<&TracePoint<'_>>> = BTreeMap::new();
        for row in rows {
            candidates.entry(row.candidate).or_default().push(row);
        }
        let mut candidates: Vec<_> = candidates.into_values().collect();
        candidates.sort_by(|a, b| best(b).total_cmp(&best(a)));
        candidates.truncate(MOST_CANDIDATES);
        let length = rows.iter().map(|row| row.iteration as f64 + 1.0).fold(1.0, f64::max);
        let name = rows
            .first()
            .map_or_else(String::new, |row| format!("{} {} px", row.stage, row.longest_side_px));
        runs.push(Run { name, start, length, candidates });
        start += length;
    }
    runs
}

/// The best similarity that a candidate reached.
fn best(candidate: &[&TracePoint<'_>]) -> f64 {
    let accepted = candidate.iter().filter(|p| p.accepted && !p.similarity.is_nan());
    accepted.map(|p| p.similarity).fold(f64::NEG_INFINITY, f64::max)
}

/// Similarity over iterations.
pub(crate) fn similarity_chart(trace: &[TracePoint<'_>]) -> Svg {
    let runs = runs(trace);
    let accepted = trace.iter().filter(|point| point.accepted);
    let y = Axis::new("similarity", Scale::linear(accepted.map(|point| point.similarity)), 5);
    let title = "Similarity over iterations";
    let mut figure = Figure::new(title, SIZE_PX, axis(&runs), y).with_headings();
    stages(&mut figure, &runs);
    for run in &runs {
        // The best last, upon the others.
        for (rank, candidate) in run.candidates.iter().enumerate().rev() {
            let place = |point: &&TracePoint<'_>| [run.place(point), point.similarity];
            let line: Vec<_> = candidate.iter().filter(|p| p.accepted).map(place).collect();
            figure.line(&line, if rank == 0 { "s0" } else { "faint" });
            if rank == 0 {
                let rejected = candidate.iter().filter(|p| !p.accepted);
                let dots: Vec<_> = rejected.map(|p| (place(p), "rejected".to_owned())).collect();
                figure.dots(&dots, 2.5, "hollow");
            }
        }
    }
    figure.legend(Legend::Line, "s0", "the candidate that ended best in its stage");
    figure.legend(Legend::Line, "faint", "other candidates");
    let mut leading = runs.iter().filter_map(|run| run.candidates.first()).flatten();
    if leading.any(|point| !point.accepted) {
        figure.legend(Legend::Dot, "hollow", "a step of the best that was tried and rejected");
    }
    figure.finish()
}

/// Distance to the result over iterations, of the best candidate of each stage.
pub(crate) fn distance_chart(trace: &[TracePoint<'_>]) -> Svg {
    let runs = runs(trace);
    let distances = |point: &TracePoint<'_>| {
        let [x, y, depth] = point.translation_mm;
        let [a, b, c] = point.rotation_deg;
        // f64::max would hide NaN.
        [a.hypot(b).hypot(c), x.hypot(y), depth.abs()].map(|d| if d < THERE { THERE } else { d })
    };
    let leading = || runs.iter().filter_map(|run| run.candidates.first().map(|c| (run, c)));
    let values =
        leading().flat_map(|(_, c)| c.iter().filter(|p| p.accepted)).flat_map(|p| distances(p));
    let y = Axis::new("distance (deg or mm)", Scale::log(values), 5);
    let title = "Distance to the result over iterations";
    let mut figure = Figure::new(title, SIZE_PX, axis(&runs), y).with_headings();
    stages(&mut figure, &runs);
    let names = ["rotation (deg)", "within the image plane (mm)", "depth (mm)"];
    for part in 0..names.len() {
        for (run, candidate) in leading() {
            let accepted = candidate.iter().filter(|p| p.accepted);
            let line: Vec<_> = accepted.map(|p| [run.place(p), distances(p)[part]]).collect();
            figure.line(&line, &crate::chart::look(part));
        }
    }
    figure.legend_of(Legend::Line, names);
    figure.finish()
}

fn axis(runs: &[Run<'_>]) -> Axis {
    let end = runs.last().map_or(1.0, |run| run.start + run.length);
    let scale = Scale::Linear { low: -0.5, high: end - 0.5 };
    Axis::new("iterations, one stage after another", scale, 12).without_grid()
}

/// Where stages begin, and what they are called.
fn stages(figure: &mut Figure, runs: &[Run<'_>]) {
    let end = runs.last().map_or(1.0, |run| run.start + run.length);
    let [low, high] = figure.ends_y();
    for (at, run) in runs.iter().enumerate() {
        let [from, to] = [run.start - 0.5, run.start + run.length - 0.5];
        if at % 2 == 1 {
            figure.rectangle([from, low], [to, high], "band", &run.name);
        }
        // A name that would run into the next is left to the band's hint.
        if run.length / end * SIZE_PX[0] > 6.5 * run.name.chars().count() as f64 {
            figure.heading(from + run.length / 2.0, &run.name);
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: stages are told apart, candidates lie over one another with the best first, and odd
    //! traces break nothing.
    use super::*;

    fn point(stage: &str, candidate: usize, iteration: usize, similarity: f64) -> TracePoint<'_> {
        TracePoint {
            stage,
            longest_side_px: 32,
            candidate,
            iteration,
            similarity,
            accepted: true,
            rotation_deg: [0.0; 3],
            translation_mm: [1.0, 0.0, -2.0],
        }
    }

    #[test]
    fn stages_follow_and_candidates_overlie() {
        let trace = [
            point("a", 0, 0, 0.1),
            point("a", 0, 1, 0.2),
            point("a", 1, 0, 0.3),
            point("b", 0, 0, f64::NAN),
        ];
        let runs = runs(&trace);
        let found: Vec<_> = runs.iter().map(|r| (r.name.as_str(), r.start, r.length)).collect();
        assert_eq!(found, [("a 32 px", 0.0, 2.0), ("b 32 px", 2.0, 1.0)]);
        assert_eq!(runs[0].candidates[0], [&trace[2]]);
        assert_eq!(runs[0].candidates[1].len(), 2);
    }

    #[test]
    fn odd_traces_break_nothing() {
        let far = TracePoint {
            rotation_deg: [f64::NAN; 3],
            translation_mm: [f64::INFINITY; 3],
            ..point("<b>", usize::MAX, usize::MAX, f64::NEG_INFINITY)
        };
        for trace in
            [vec![], vec![far], vec![point("", 0, 0, 0.0)], vec![far, point("b", 1, 2, 3.0)]]
        {
            for svg in [similarity_chart(&trace), distance_chart(&trace)] {
                let svg = svg.to_string();
                assert!(svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"));
                assert!(!svg.contains("<b>"));
            }
        }
    }
}
