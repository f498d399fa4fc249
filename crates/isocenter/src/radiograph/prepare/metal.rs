//! Metal: wires, screws and instruments, which the CT does not have.
//!
//! They are thin and darker than all around them. An opening of the line integrals by a square that
//! is wider than they are removes them; what it removes is much for metal and little for bone. How
//! much is much, the image itself tells: by its noise at that place, and by what the opening removes
//! everywhere. Specks are noise: metal is long.

use crate::parts::parts;
use crate::radiograph::{Image, Mask};

/// Half the square's side as a part of the image's longer side: wider than a screw's half width.
const RADIUS: f64 = 0.028;
/// Metal is darker than its surroundings by more than this many times the noise there ...
const TIMES_NOISE: f32 = 4.0;
/// ... by more than this many times what the opening typically removes ...
const TIMES_TYPICAL: f32 = 5.0;
/// ... and by at least this part of the range of grey values.
const LEAST_OF_RANGE: f32 = 0.1;
/// The shortest piece of metal, as a part of the image's longer side.
const SHORTEST: f64 = 0.08;
/// Around metal, where an edge filter has changed the image too (part of the longer side).
const SEAM: f64 = 0.008;
/// More metal than this is none, but a part of the patient.
const MOST_OF_FIELD: f64 = 0.25;

/// What the scale of the grey values, which rise with attenuation, tells of metal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetalScale {
    /// Metal is darker than its surroundings by at least this much.
    pub least_excess: f32,
    /// Metal is at least this dark.
    pub least_value: f32,
}

impl MetalScale {
    /// Of line integrals: what a millimetre of steel adds, and hardly any bone that is as thin.
    pub const LINE_INTEGRAL: Self = Self { least_excess: 0.6, least_value: f32::NEG_INFINITY };
    /// Of ranks, which say nothing.
    pub const RANK: Self = Self { least_excess: 0.0, least_value: f32::NEG_INFINITY };
    /// Of ranks in a large image of all that a C-arm sees: metal is among its darkest tenth (1.28 standard
    /// deviations), where a thin layer of dense bone is not.
    pub const DARK_RANK: Self = Self { least_excess: 0.0, least_value: 1.28 };
}

/// The pixels of metal in an image whose grey values rise with attenuation, within the field; `None`
/// where there is none.
#[must_use]
pub fn metal(image: &Image, field: &Mask, scale: MetalScale) -> Option<Mask> {
    let size_px = image.size_px();
    let longer = size_px[0].max(size_px[1]) as f64;
    let radius = (RADIUS * longer).ceil().max(2.0) as usize;
    let in_field = |values: &[f32]| -> Vec<f32> {
        values.iter().zip(field.used()).filter_map(|(v, used)| used.then_some(*v)).collect()
    };
    let values = in_field(image.pixels());
    if values.len() < 64 {
        return None;
    }
    let smooth = means(image.pixels(), field, size_px, 1);
    let rough: Vec<f32> =
        image.pixels().iter().zip(&smooth).map(|(pixel, mean)| (pixel - mean).abs()).collect();
    let noise = means(&rough, field, size_px, radius);
    let opened = opened(&smooth, field, size_px, radius);
    let excess: Vec<f32> = smooth.iter().zip(&opened).map(|(l, o)| (l - o).max(0.0)).collect();
    let quantile = |values: Vec<f32>, fraction: f64| {
        Image::new([values.len(), 1], values).map_or(0.0, |image| image.quantile(fraction))
    };
    let range = quantile(values.clone(), 0.98) - quantile(values, 0.02);
    let typical = quantile(in_field(&excess), 0.5);
    let least = (TIMES_TYPICAL * typical).max(LEAST_OF_RANGE * range).max(scale.least_excess);
    let dark: Vec<bool> = excess
        .iter()
        .zip(&noise)
        .zip(&smooth)
        .zip(field.used())
        .map(|(((&excess, &noise), &value), &used)| {
            used && excess > least.max(TIMES_NOISE * noise) && value >= scale.least_value
        })
        .collect();
    let used = long_parts(&dark, size_px, SHORTEST * longer);
    let found = used.iter().filter(|&&metal| metal).count();
    if found == 0 || found as f64 > MOST_OF_FIELD * field.count() as f64 {
        return None;
    }
    let seam = (SEAM * longer).ceil() as usize;
    Some(Mask { size_px, used }.dilated(seam))
}

/// What is connected and at least so long (px), along a row, a column or a diagonal.
fn long_parts(dark: &[bool], size_px: [usize; 2], shortest: f64) -> Vec<bool> {
    let mut kept = vec![false; dark.len()];
    for part in parts(dark, size_px) {
        let columns = part.iter().map(|at| at % size_px[0]);
        let rows = part.iter().map(|at| at / size_px[0]);
        let extent = |least: Option<usize>, most: Option<usize>| {
            (most.unwrap_or(0) - least.unwrap_or(0) + 1) as f64
        };
        let width = extent(columns.clone().min(), columns.max());
        let height = extent(rows.clone().min(), rows.max());
        if width.hypot(height) >= shortest {
            part.into_iter().for_each(|at| kept[at] = true);
        }
    }
    kept
}

/// The grey opening by a square: the largest of the smallest values around, which removes what is
/// narrower and denser than its surroundings. What is outside the field takes no part.
fn opened(values: &[f32], field: &Mask, size_px: [usize; 2], radius: usize) -> Vec<f32> {
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
fn means(values: &[f32], field: &Mask, size_px: [usize; 2], radius: usize) -> Vec<f32> {
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
