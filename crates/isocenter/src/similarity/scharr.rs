//! The derivative images of the gradient correlation: 3x3 kernels after Scharr.
//!
//! ```text
//! d/dcolumn:  -3  0   3        d/drow:  -3 -10  -3
//!            -10  0  10                  0   0   0
//!             -3  0   3                  3  10   3
//! ```
//!
//! The weights 3, 10, 3 make the direction of an edge come out nearly right however it is turned, so
//! that the two derivatives answer alike to edges of all directions. The usual factor 1/32 is left
//! out: a correlation does not see it.
//!
//! # References
//! H. Scharr, Optimale Operatoren in der Digitalen Bildverarbeitung, thesis, Heidelberg 2000,
//! doi:10.11588/heidok.00000962

use super::sums::{BLOCK, Sample};
use super::widest::{Kernel, widest};

const CORNER: f64 = 3.0;
const SIDE: f64 = 10.0;

/// Room for the steps of a filter.
pub(super) struct Scratch {
    smooth: [f64; 6 * (BLOCK + 2)],
    difference: [f64; 6 * (BLOCK + 2)],
    moving: [[f64; BLOCK]; 2],
    jacobian: [[[f64; 6]; BLOCK]; 2],
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            smooth: [0.0; 6 * (BLOCK + 2)],
            difference: [0.0; 6 * (BLOCK + 2)],
            moving: [[0.0; BLOCK]; 2],
            jacobian: [[[0.0; 6]; BLOCK]; 2],
        }
    }
}

/// Filters up to [`BLOCK`] pixels of a row.
///
/// # Shapes
/// For n pixels, `rows`: n + 2 pixels of the rows above, at and below, one more at either end;
/// `derivatives`: n values of d/dcolumn and d/drow.
pub(super) fn filter_pixels(
    rows: [&[f32]; 3],
    derivatives: [&mut [f64]; 2],
    scratch: &mut Scratch,
) {
    widest(FilterPixels { rows, derivatives, scratch });
}

struct FilterPixels<'a> {
    rows: [&'a [f32]; 3],
    derivatives: [&'a mut [f64]; 2],
    scratch: &'a mut Scratch,
}

impl Kernel for FilterPixels<'_> {
    #[inline(always)]
    fn run(self) {
        let Scratch { smooth, difference, .. } = self.scratch;
        filter::<1>(self.rows, self.derivatives, smooth, difference);
    }
}

/// Part of a row of a jet.
#[derive(Clone, Copy)]
pub(super) struct JetRow<'a> {
    pub(super) moving: &'a [f32],
    pub(super) jacobian: &'a [[f32; 6]],
}

/// As [`filter_pixels`], for the seven images of a jet. The fixed image's derivatives are put
/// beside them.
pub(super) fn filter_jet(
    rows: [JetRow<'_>; 3],
    fixed: [&[f64]; 2],
    derivatives: [&mut [Sample]; 2],
    scratch: &mut Scratch,
) {
    widest(FilterJet { rows, fixed, derivatives, scratch });
}

struct FilterJet<'a> {
    rows: [JetRow<'a>; 3],
    fixed: [&'a [f64]; 2],
    derivatives: [&'a mut [Sample]; 2],
    scratch: &'a mut Scratch,
}

impl Kernel for FilterJet<'_> {
    #[inline(always)]
    fn run(self) {
        let n = self.fixed[0].len().min(BLOCK);
        let Scratch { smooth, difference, moving, jacobian } = self.scratch;
        let outputs = moving.each_mut().map(|values| &mut values[..n]);
        filter::<1>(self.rows.map(|row| row.moving), outputs, smooth, difference);
        let rows = self.rows.map(|row| row.jacobian.as_flattened());
        let outputs = jacobian.each_mut().map(|values| values[..n].as_flattened_mut());
        filter::<6>(rows, outputs, smooth, difference);
        let inputs = self.fixed.into_iter().zip(moving).zip(jacobian);
        for (samples, ((fixed, moving), jacobian)) in self.derivatives.into_iter().zip(inputs) {
            let pixels = jacobian.iter().zip(&*moving).zip(fixed);
            for (sample, ((&[a, b, c, d, e, g], &m), &f)) in samples.iter_mut().zip(pixels) {
                *sample = [a, b, c, d, e, g, m, f];
            }
        }
    }
}

/// Filters pixels of `CHANNELS` values each.
#[inline(always)]
fn filter<const CHANNELS: usize>(
    [above, at, below]: [&[f32]; 3],
    [along_column, along_row]: [&mut [f64]; 2],
    smooth: &mut [f64],
    difference: &mut [f64],
) {
    // Each column of three, smoothed and differenced, serves three stencils.
    let columns = above.iter().zip(at).zip(below);
    for ((s, d), ((&a, &b), &c)) in smooth.iter_mut().zip(&mut *difference).zip(columns) {
        let (a, b, c) = (f64::from(a), f64::from(b), f64::from(c));
        *s = CORNER * (a + c) + SIDE * b;
        *d = c - a;
    }
    let outer = smooth.iter().zip(&smooth[2 * CHANNELS..]);
    for (derivative, (left, right)) in along_column.iter_mut().zip(outer) {
        *derivative = right - left;
    }
    let outer = difference.iter().zip(&difference[2 * CHANNELS..]);
    let columns = outer.zip(&difference[CHANNELS..]);
    for (derivative, ((left, right), middle)) in along_row.iter_mut().zip(columns) {
        *derivative = CORNER * (left + right) + SIDE * middle;
    }
}

/// The transpose of the filter at one pixel: adds `slopes` (of d/dcolumn and d/drow) to the eight
/// neighbors of the pixel at `at`, whose whole stencil lies inside the image.
pub(super) fn add_transposed(image: &mut [f64], columns: usize, at: usize, slopes: [f64; 2]) {
    let [dc, dr] = slopes;
    let (above, below) = (at - columns, at + columns);
    image[above - 1] += CORNER * (-dc - dr);
    image[above] -= SIDE * dr;
    image[above + 1] += CORNER * (dc - dr);
    image[at - 1] -= SIDE * dc;
    image[at + 1] += SIDE * dc;
    image[below - 1] += CORNER * (dr - dc);
    image[below] += SIDE * dr;
    image[below + 1] += CORNER * (dc + dr);
}
