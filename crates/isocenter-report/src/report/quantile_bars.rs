//! Distributions side by side: a bar for the middle half, a line for the middle nine tenths, a gap
//! at the median.

use super::evaluation::{CaseRow, MethodCases};
use super::statistics::{quantile, sorted};
use crate::chart::number::sensible;
use crate::chart::{Axis, Figure, Legend, Scale, Svg, look};

/// The height of a row (px).
const ROW_PX: f64 = 16.0;
/// Between groups of rows, and for the axis (px).
const GROUP_PX: f64 = 14.0;
const AXIS_PX: f64 = 60.0;

/// Values of one method.
struct Row {
    series: usize,
    name: String,
    values: Vec<f64>,
}

/// The errors about and along the three axes: rotations, then shifts.
pub(crate) fn axis_error_charts(methods: &[MethodCases]) -> [Svg; 2] {
    let group = |of: fn(&CaseRow) -> Option<[f64; 3]>, axis: usize| -> Vec<Row> {
        let row = |(series, method): (usize, &MethodCases)| Row {
            series,
            name: method.name.clone(),
            values: method.cases.iter().filter_map(of).map(|e| e[axis].abs()).collect(),
        };
        let rows = methods.iter().enumerate().map(row);
        // Of cases without a truth there is nothing to show.
        rows.filter(|row: &Row| !row.values.is_empty()).collect()
    };
    let groups = |names: [&str; 3], of: fn(&CaseRow) -> Option<[f64; 3]>| {
        names
            .into_iter()
            .enumerate()
            .map(|(axis, name)| (name.to_owned(), group(of, axis)))
            .collect()
    };
    let rotation = groups(["about x", "about y", "about z"], |c| c.rotation_error_deg);
    let shift = groups(["along x", "along y", "depth"], |c| c.translation_error_mm);
    [
        chart("Rotation error", "rotation error (deg)", 500.0, rotation),
        chart("Translation error", "translation error (mm)", 500.0, shift),
    ]
}

/// The times of each method.
pub(crate) fn time_chart(methods: &[MethodCases]) -> Svg {
    let groups = methods.iter().enumerate().map(|(series, method)| {
        let values = method.cases.iter().map(|case| case.seconds).collect();
        (method.name.clone(), vec![Row { series, name: method.name.clone(), values }])
    });
    chart("Time for a case", "time (s)", 1000.0, groups.collect())
}

fn chart(title: &str, axis: &str, width_px: f64, groups: Vec<(String, Vec<Row>)>) -> Svg {
    let rows = groups.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    let height_px = groups.len() as f64 * (rows as f64 * ROW_PX + GROUP_PX) + AXIS_PX;
    // Only what is drawn decides the range: a single odd value must not.
    let ends = groups.iter().flat_map(|(_, rows)| rows).flat_map(|row| {
        let ascending = sorted(row.values.iter().copied());
        [0.05, 0.25, 0.95].map(|fraction| quantile(&ascending, fraction))
    });
    let x = Axis::new(axis, Scale::log(ends), 6);
    let names = groups.iter().map(|(name, _)| name.clone());
    let y = Axis::of_names("", names).reversed();
    let mut figure = Figure::new(title, [width_px, height_px], x, y);
    let least = figure.ends_x()[0];
    for (at, (group, rows)) in groups.iter().enumerate() {
        for (n, row) in rows.iter().enumerate() {
            let ascending = sorted(row.values.iter().copied());
            let at_quantile = |fraction| {
                let value = quantile(&ascending, fraction);
                if value < least { least } else { value }
            };
            let step = 0.8 / rows.len() as f64;
            let y = at as f64 - 0.4 + step * (n as f64 + 0.5);
            let [low, first, median, third, high] = [0.05, 0.25, 0.5, 0.75, 0.95].map(at_quantile);
            let class = look(row.series);
            let name = if row.name == *group { String::new() } else { format!("{}, ", row.name) };
            let hint = format!(
                "{name}{group}: median {}, middle half {} to {}, 5 % to 95 % {} to {} ({} values)",
                sensible(median),
                sensible(first),
                sensible(third),
                sensible(low),
                sensible(high),
                ascending.len()
            );
            figure.line(&[[low, y], [high, y]], &format!("{class} thin"));
            let half = 0.36 * step;
            figure.rectangle([first, y - half], [third, y + half], &class, &hint);
            figure.line(&[[median, y - half], [median, y + half]], "median");
        }
    }
    if rows > 1 {
        for row in groups.first().iter().flat_map(|(_, rows)| rows) {
            figure.legend(Legend::Box, &look(row.series), &row.name);
        }
    }
    figure.finish()
}
