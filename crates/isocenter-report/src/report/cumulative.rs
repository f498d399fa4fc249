//! How many cases end below which error.

use super::evaluation::{CaseRow, MethodCases};
use super::statistics::sorted;
use crate::chart::{Axis, Figure, Legend, Scale, Svg, look};

/// The size of the chart (px).
const SIZE_PX: [f64; 2] = [1000.0, 340.0];
/// Errors at which results are counted as right (mm).
const SUCCESS_MM: [f64; 3] = [1.0, 2.0, 10.0];
/// Below this an error is as good as none (mm).
const NONE_MM: f64 = 1e-3;

/// The cumulative distribution of the errors of each method, and of the start; over all cases whose
/// truth is known.
pub(crate) fn cumulative_chart(methods: &[MethodCases]) -> Svg {
    let known = |m: &MethodCases| m.cases.iter().filter(|case| case.has_truth()).count();
    let errors = |m: &MethodCases, of: fn(&CaseRow) -> Option<f64>| {
        let all = m.cases.iter().filter(|case| case.has_truth()).filter_map(of);
        sorted(all.map(|e| if e < NONE_MM { NONE_MM } else { e }))
    };
    let results: Vec<_> = methods.iter().map(|m| (errors(m, |c| c.mtre_mm), known(m))).collect();
    // The methods have one list of starts; the longest is the most complete.
    let longest = methods.iter().max_by_key(|m| known(m));
    let start = longest.map(|m| (errors(m, |c| c.start_mtre_mm), known(m)));
    let curves = || results.iter().chain(&start);
    let values = curves().flat_map(|(errors, _)| errors.iter().copied()).chain(SUCCESS_MM);
    let x = Axis::new("mean target registration error, mTRE (mm)", Scale::log(values), 8);
    let y = Axis::new("cases below (%)", Scale::Linear { low: 0.0, high: 102.0 }, 6);
    let mut figure =
        Figure::new("Cumulative distribution of the error", SIZE_PX, x, y).with_headings();
    for mm in SUCCESS_MM {
        figure.rule_x(mm, "mark");
        figure.heading(mm, &format!("{mm} mm"));
    }
    if let Some((errors, number)) = &start {
        let line = steps(errors, *number, figure.ends_x());
        figure.line(&line, "before");
        figure.legend(Legend::Line, "before", "start");
    }
    for (at, ((errors, number), method)) in results.iter().zip(methods).enumerate() {
        if *number == 0 {
            continue;
        }
        let line = steps(errors, *number, figure.ends_x());
        figure.line(&line, &look(at));
        figure.legend(Legend::Line, &look(at), &method.name);
    }
    figure.finish()
}

/// The share of cases (%) at or below each error: a stair from end to end of the axis.
fn steps(ascending: &[f64], number: usize, [low, high]: [f64; 2]) -> Vec<[f64; 2]> {
    let share = |count: usize| 100.0 * count as f64 / number.max(1) as f64;
    let mut points = vec![[low, 0.0]];
    for (at, &error) in ascending.iter().enumerate() {
        points.push([error, share(at)]);
        points.push([error, share(at + 1)]);
    }
    points.push([high, share(ascending.len())]);
    points
}

#[cfg(test)]
mod tests {
    //! Proves: the stair counts cases without a result, and stops below them.
    use super::*;

    #[test]
    fn cases_without_a_result_count() {
        let points = steps(&[1.0, 2.0], 4, [0.1, 10.0]);
        let expected =
            [[0.1, 0.0], [1.0, 0.0], [1.0, 25.0], [2.0, 25.0], [2.0, 50.0], [10.0, 50.0]];
        assert_eq!(points, expected);
        assert_eq!(steps(&[], 0, [0.1, 10.0]), [[0.1, 0.0], [10.0, 0.0]]);
    }
}
