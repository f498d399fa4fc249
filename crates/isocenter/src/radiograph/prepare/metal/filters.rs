//! Filters over squares of an image, within its field.

use crate::radiograph::Mask;

/// The gray opening by a square: the largest of the smallest values around, which removes what is
/// narrower and denser than its surroundings. What is outside the field takes no part.
pub(super) fn opened(values: &[f32], field: &Mask, size_px: [usize; 2], radius: usize) -> Vec<f32> {
    let within = |values: &[f32], outside: f32| -> Vec<f32> {
        values.iter().zip(field.used()).map(|(&v, &used)| if used { v } else { outside }).collect()
    };
    let eroded = over_squares(&within(values, f32::INFINITY), size_px, |line| {
        extreme(line, radius, f32::min)
    });
    over_squares(&within(&eroded, f32::NEG_INFINITY), size_px, |line| {
        extreme(line, radius, f32::max)
    })
}

/// The means over squares about each pixel, of pixels in the field.
pub(super) fn means(values: &[f32], field: &Mask, size_px: [usize; 2], radius: usize) -> Vec<f32> {
    let weights: Vec<f32> = field.used().iter().map(|&used| f32::from(u8::from(used))).collect();
    let weighted: Vec<f32> = values.iter().zip(&weights).map(|(v, w)| v * w).collect();
    let sums = over_squares(&weighted, size_px, |line| sums(line, radius));
    let counts = over_squares(&weights, size_px, |line| self::sums(line, radius));
    sums.iter()
        .zip(counts)
        .map(|(sum, count)| if count > 0.0 { sum / count } else { 0.0 })
        .collect()
}

/// A filter of lines, applied to the rows and then to the columns.
fn over_squares(
    values: &[f32],
    [columns, rows]: [usize; 2],
    filter: impl Fn(&[f32]) -> Vec<f32>,
) -> Vec<f32> {
    let wide: Vec<f32> = values.chunks_exact(columns).flat_map(&filter).collect();
    let mut both = vec![0.0; values.len()];
    let mut line = vec![0.0; rows];
    for column in 0..columns {
        line.iter_mut().enumerate().for_each(|(row, l)| *l = wide[row * columns + column]);
        for (row, value) in filter(&line).into_iter().enumerate() {
            both[row * columns + column] = value;
        }
    }
    both
}

/// The steepest rise over twice a distance (px), within that distance of each pixel; zero where the
/// field ends.
pub(super) fn steepest(
    values: &[f32],
    field: &Mask,
    [columns, rows]: [usize; 2],
    distance: usize,
) -> Vec<f32> {
    let inner = field.inverted().dilated(distance).inverted();
    let mut rise = vec![0.0_f32; values.len()];
    for row in distance..rows.saturating_sub(distance) {
        for column in distance..columns.saturating_sub(distance) {
            let at = row * columns + column;
            if inner.used()[at] {
                let along = values[at + distance] - values[at - distance];
                let down = values[at + distance * columns] - values[at - distance * columns];
                rise[at] = along.hypot(down);
            }
        }
    }
    largest(&rise, [columns, rows], distance)
}

/// The largest value within a distance (px) of each pixel, along rows and columns.
pub(super) fn largest(values: &[f32], size_px: [usize; 2], distance: usize) -> Vec<f32> {
    over_squares(values, size_px, |line| extreme(line, distance, f32::max))
}

/// The extreme value in a window about each place of a line.
fn extreme(line: &[f32], radius: usize, better: fn(f32, f32) -> f32) -> Vec<f32> {
    let window = |n: usize| &line[n.saturating_sub(radius)..(n + radius + 1).min(line.len())];
    (0..line.len()).map(|n| window(n).iter().copied().fold(line[n], better)).collect()
}

/// The sum over a window about each place of a line.
fn sums(line: &[f32], radius: usize) -> Vec<f32> {
    let window = |n: usize| &line[n.saturating_sub(radius)..(n + radius + 1).min(line.len())];
    (0..line.len()).map(|n| window(n).iter().sum()).collect()
}
