//! The field of the beam: what a collimator or a round image intensifier leaves of the detector.
//!
//! Outside of it an image is as dark as it can be: one plateau of values at the dark end that reaches
//! the border. Inside, dark places (metal, a window that cuts the dense parts off) may touch that
//! plateau; since collimators and intensifiers are convex, the convex hull of all that is brighter
//! closes them. Burnt-in letters outside the field are small, and left out.

use crate::parts::parts;
use crate::radiograph::{Image, Mask};

/// A plateau of outside pixels that covers less than this is no collimator.
const SMALLEST_OUTSIDE: f64 = 0.01;
/// Bright parts smaller than this (of all pixels) are letters or specks, not field.
const SMALLEST_PART: f64 = 0.004;
/// How dark the plateau is, from the darkest value, as a part of the range of values.
const PLATEAU: f32 = 0.004;
/// What is left out along the border of the field, as a part of the image's longer side: the blades'
/// half-shadow, and the seam that an edge filter leaves.
const SEAM: f64 = 0.012;

/// The field of the beam in an image of line integrals; `None` where it is the whole image.
#[must_use]
pub fn field(line_integral: &Image) -> Option<Mask> {
    let (low, high) = line_integral.range();
    let dark = high - PLATEAU * (high - low);
    let size_px = line_integral.size_px();
    let all = (size_px[0] * size_px[1]) as f64;
    let bright: Vec<bool> = line_integral.pixels().iter().map(|&l| l < dark).collect();
    let outside = reaching_border(&bright, size_px);
    if (outside as f64) < SMALLEST_OUTSIDE * all {
        return None;
    }
    let parts = large_parts(&bright, size_px, (SMALLEST_PART * all).ceil() as usize);
    let hull = convex_hull(&parts, size_px);
    let field = Mask { size_px, used: inside_hull(&hull, size_px) };
    // From the field's edge inwards, but not from the image's.
    let seam = (SEAM * size_px[0].max(size_px[1]) as f64).ceil() as usize;
    let field = field.inverted().dilated(seam).inverted();
    let left = field.count() as f64;
    (left > 0.02 * all && left < (1.0 - SMALLEST_OUTSIDE) * all).then_some(field)
}

/// The number of dark pixels in parts that reach the image's border.
fn reaching_border(bright: &[bool], [columns, rows]: [usize; 2]) -> usize {
    let dark: Vec<bool> = bright.iter().map(|bright| !bright).collect();
    let on_border = |&at: &usize| {
        let (column, row) = (at % columns, at / columns);
        column == 0 || row == 0 || column + 1 == columns || row + 1 == rows
    };
    let outside = parts(&dark, [columns, rows]).into_iter().filter(|p| p.iter().any(on_border));
    outside.map(|part| part.len()).sum()
}

/// Bright pixels in connected parts of at least a size.
fn large_parts(bright: &[bool], size_px: [usize; 2], smallest: usize) -> Vec<bool> {
    let mut kept = vec![false; bright.len()];
    for part in parts(bright, size_px).into_iter().filter(|part| part.len() >= smallest) {
        part.into_iter().for_each(|at| kept[at] = true);
    }
    kept
}

/// The corners of the convex hull of some pixels, in order around it (Andrew's monotone chain).
fn convex_hull(pixels: &[bool], [columns, rows]: [usize; 2]) -> Vec<[i64; 2]> {
    // The first and last pixel of each row are enough; they come in order of the rows.
    let mut points: Vec<[i64; 2]> = Vec::new();
    for row in 0..rows {
        let line = &pixels[row * columns..(row + 1) * columns];
        let ends = [line.iter().position(|&p| p), line.iter().rposition(|&p| p)];
        points.extend(ends.into_iter().flatten().map(|column| [column as i64, row as i64]));
    }
    let turn = |a: [i64; 2], b: [i64; 2], c: [i64; 2]| {
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    };
    let half = |points: &mut dyn Iterator<Item = [i64; 2]>| {
        let mut chain: Vec<[i64; 2]> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                if turn(a, b, point) > 0 {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    points.sort_unstable();
    points.dedup();
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

/// The pixels within a convex polygon, its edge included.
fn inside_hull(hull: &[[i64; 2]], [columns, rows]: [usize; 2]) -> Vec<bool> {
    let mut inside = vec![false; columns * rows];
    for row in 0..rows {
        let y = row as f64;
        let (mut first, mut last) = (f64::INFINITY, f64::NEG_INFINITY);
        for (n, a) in hull.iter().enumerate() {
            let b = hull[(n + 1) % hull.len()];
            let [ax, ay, bx, by] = [a[0], a[1], b[0], b[1]].map(|c| c as f64);
            if y < ay.min(by) || y > ay.max(by) {
                continue;
            }
            let x = if ay == by { [ax, bx] } else { [ax + (bx - ax) * (y - ay) / (by - ay); 2] };
            first = first.min(x[0]).min(x[1]);
            last = last.max(x[0]).max(x[1]);
        }
        if first <= last {
            let (first, last) = (first.ceil() as usize, last.floor() as usize);
            let line = &mut inside[row * columns..(row + 1) * columns];
            line.iter_mut().take(last + 1).skip(first).for_each(|pixel| *pixel = true);
        }
    }
    inside
}
