//! Metal: wires, screws and instruments, which the CT does not have.
//!
//! They are thin and darker than all around them. A closing of the brightness by a disc that is wider
//! than they are removes them; what it removes is much for metal and little for bone. How much is
//! much is told by the image itself: by the spread of the difference over all of the field.

use crate::radiograph::{Image, Mask};

/// The disc's radius as a part of the image's longer side: wider than a screw's half width.
const RADIUS: f64 = 0.028;
/// A pixel is metal if it is darker than its surroundings by more than this many times the typical
/// difference in the field ...
const TIMES_TYPICAL: f32 = 6.0;
/// ... and by at least this part of the range of grey values.
const LEAST_OF_RANGE: f32 = 0.12;
/// Around metal, where an edge filter has changed the image too (part of the longer side).
const SEAM: f64 = 0.01;
/// More metal than this is none, but a part of the patient.
const MOST_OF_FIELD: f64 = 0.3;

/// The pixels of metal in an image of line integrals, within the field; `None` where there is none.
#[must_use]
pub fn metal(line_integral: &Image, field: &Mask) -> Option<Mask> {
    let [columns, rows] = line_integral.size_px();
    let longer = columns.max(rows) as f64;
    let radius = (RADIUS * longer).ceil().max(2.0) as usize;
    // Outside the field nothing is bright or dark: it takes no part.
    let opened = opened(line_integral, field, radius);
    let excess: Vec<f32> =
        line_integral.pixels().iter().zip(&opened).map(|(l, o)| (l - o).max(0.0)).collect();
    let mut in_field: Vec<f32> =
        excess.iter().zip(field.used()).filter_map(|(e, used)| used.then_some(*e)).collect();
    if in_field.len() < 64 {
        return None;
    }
    let middle = in_field.len() / 2;
    let typical = *in_field.select_nth_unstable_by(middle, f32::total_cmp).1;
    let values: Vec<f32> = line_integral
        .pixels()
        .iter()
        .zip(field.used())
        .filter_map(|(l, used)| used.then_some(*l))
        .collect();
    let range = Image::new([values.len(), 1], values)
        .map(|image| image.quantile(0.99) - image.quantile(0.01))
        .unwrap_or(0.0);
    let least = (TIMES_TYPICAL * typical).max(LEAST_OF_RANGE * range);
    let used: Vec<bool> =
        excess.iter().zip(field.used()).map(|(&e, &used)| used && e > least).collect();
    let found = used.iter().filter(|&&metal| metal).count();
    if found == 0 || found as f64 > MOST_OF_FIELD * field.count() as f64 {
        return None;
    }
    let seam = (SEAM * longer).ceil() as usize;
    Some(Mask { size_px: [columns, rows], used }.dilated(seam))
}

/// The grey opening of line integrals by a square: the largest of the smallest values around, which
/// removes what is narrower and denser than its surroundings.
fn opened(image: &Image, field: &Mask, radius: usize) -> Vec<f32> {
    let size_px = image.size_px();
    let inside: Vec<f32> = image
        .pixels()
        .iter()
        .zip(field.used())
        .map(|(&l, &used)| if used { l } else { f32::INFINITY })
        .collect();
    let eroded = extreme(&inside, size_px, radius, f32::min);
    let eroded: Vec<f32> = eroded
        .into_iter()
        .zip(field.used())
        .map(|(l, &used)| if used { l } else { f32::NEG_INFINITY })
        .collect();
    extreme(&eroded, size_px, radius, f32::max)
}

/// The extreme value over a square about each pixel, along rows and then along columns.
fn extreme(
    values: &[f32],
    [columns, rows]: [usize; 2],
    radius: usize,
    better: fn(f32, f32) -> f32,
) -> Vec<f32> {
    let along = |line: &[f32], out: &mut dyn FnMut(usize, f32)| {
        for n in 0..line.len() {
            let window = &line[n.saturating_sub(radius)..(n + radius + 1).min(line.len())];
            out(n, window.iter().copied().fold(line[n], better));
        }
    };
    let mut wide = vec![0.0; values.len()];
    for row in 0..rows {
        let line = &values[row * columns..(row + 1) * columns];
        along(line, &mut |n, value| wide[row * columns + n] = value);
    }
    let mut both = vec![0.0; values.len()];
    let mut line = vec![0.0; rows];
    for column in 0..columns {
        line.iter_mut().enumerate().for_each(|(row, l)| *l = wide[row * columns + column]);
        along(&line, &mut |row, value| both[row * columns + column] = value);
    }
    both
}
