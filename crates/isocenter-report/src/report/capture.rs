//! How far off a start may be: success against the error of the start.

use super::evaluation::MethodCases;
use super::statistics::{quantile, sorted, wilson};
use crate::chart::number::{count, fixed};
use crate::chart::{Axis, Figure, Legend, Scale, Svg, look};

/// The size of a chart (px).
const SIZE_PX: [f64; 2] = [500.0, 290.0];
/// About how many bins there are.
const BINS: usize = 8;
/// Starts beyond this quantile share the last bin with those before, for a few odd ones not to
/// stretch the axis.
const MOST_QUANTILE: f64 = 0.98;

/// Cases of a method whose starts lie in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bin {
    cases: usize,
    hits: usize,
}

/// The edges of the bins (mm), ascending, the first 0; of no start, none.
fn edges(methods: &[MethodCases]) -> Vec<f64> {
    let all = methods.iter().flat_map(|m| &m.cases).filter_map(|case| case.start_mtre_mm);
    let starts = sorted(all.filter(|start| *start >= 0.0));
    if starts.is_empty() {
        return Vec::new();
    }
    let most = quantile(&starts, MOST_QUANTILE).max(1e-3);
    let step = Scale::Linear { low: 0.0, high: most }.step(BINS);
    let last = (most / step - 1e-9).ceil().max(1.0) as usize;
    (0..=last).map(|n| n as f64 * step).collect()
}

/// The bin of a start; none if it is no number.
fn bin_of(edges: &[f64], start: f64) -> Option<usize> {
    let last = edges.len().checked_sub(2)?;
    (start >= 0.0).then(|| edges.partition_point(|&edge| edge <= start).saturating_sub(1).min(last))
}

fn bins(method: &MethodCases, edges: &[f64], below_mm: f64) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); edges.len().saturating_sub(1)];
    for case in &method.cases {
        let bin = case.start_mtre_mm.and_then(|start| bin_of(edges, start));
        if let Some(bin) = bin.and_then(|at| bins.get_mut(at)) {
            bin.cases += 1;
            bin.hits += usize::from(case.is_within(below_mm));
        }
    }
    bins
}

/// The share of cases that end below an error, by the error of their start. `None` if no start is
/// known.
pub(crate) fn capture_chart(methods: &[MethodCases], below_mm: f64) -> Option<Svg> {
    let edges = edges(methods);
    let end = *edges.last()?;
    let x = Axis::new("mTRE of the start (mm)", Scale::Linear { low: 0.0, high: end }, BINS);
    let y = Axis::new(
        &format!("cases that end below {below_mm} mm (%)"),
        Scale::Linear { low: -4.0, high: 104.0 },
        6,
    );
    let title = format!("Cases below {below_mm} mm by the error of their start");
    let mut figure = Figure::new(&title, SIZE_PX, x, y).with_headings();
    let mut most = vec![0; edges.len() - 1];
    for (at, method) in methods.iter().enumerate() {
        let class = look(at);
        let (mut line, mut dots) = (Vec::new(), Vec::new());
        for (n, bin) in bins(method, &edges, below_mm).into_iter().enumerate() {
            if bin.cases == 0 {
                line.push([f64::NAN; 2]);
                continue;
            }
            most[n] = bin.cases.max(most[n]);
            // Side by side, for intervals not to hide one another.
            let width = edges[n + 1] - edges[n];
            let aside = (at as f64 + 1.0) / (methods.len() as f64 + 1.0) - 0.5;
            let middle = edges[n] + width * (0.5 + 0.3 * aside);
            let share = 100.0 * bin.hits as f64 / bin.cases as f64;
            let [low, high] = wilson(bin.hits, bin.cases).map(|share| 100.0 * share);
            figure.line(&[[middle, low], [middle, high]], &format!("{class} thin"));
            line.push([middle, share]);
            let hint = format!(
                "{}: {} of {} ({} to {} %)",
                method.name,
                bin.hits,
                bin.cases,
                fixed(low, 0),
                fixed(high, 0)
            );
            dots.push(([middle, share], hint));
        }
        if dots.is_empty() {
            continue;
        }
        figure.line(&line, &class);
        figure.dots(&dots, 3.5, &class);
        figure.legend(Legend::Line, &class, &method.name);
    }
    for (n, &cases) in most.iter().enumerate() {
        figure.heading((edges[n] + edges[n + 1]) / 2.0, &count(cases));
    }
    Some(figure.finish())
}

#[cfg(test)]
mod tests {
    //! Proves: every start with a number falls into one bin, hits are counted, failures are no hits.
    use super::*;
    use crate::report::CaseRow;

    fn case(start: f64, mtre_mm: Option<f64>) -> CaseRow {
        CaseRow { start_mtre_mm: Some(start), mtre_mm, ..CaseRow::default() }
    }

    #[test]
    fn starts_fall_into_bins() {
        let cases = vec![
            case(0.0, Some(0.5)),
            case(4.9, Some(30.0)),
            case(5.0, None),
            case(39.0, Some(f64::NAN)),
            case(40.0, Some(1.0)),
            case(f64::INFINITY, Some(1.0)),
            case(f64::NAN, Some(1.0)),
            case(-1.0, Some(1.0)),
            CaseRow { mtre_mm: Some(1.0), ..CaseRow::default() },
        ];
        let methods = [MethodCases { name: "m".to_owned(), cases }];
        let edges = edges(&methods);
        assert_eq!(edges, [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0]);
        let bins = bins(&methods[0], &edges, 10.0);
        assert_eq!(bins[0], Bin { cases: 2, hits: 1 });
        assert_eq!(bins[1], Bin { cases: 1, hits: 0 });
        assert_eq!(bins[7], Bin { cases: 3, hits: 2 });
        assert!(capture_chart(&methods, 10.0).is_some());
        assert!(capture_chart(&[], 10.0).is_none());
    }
}
