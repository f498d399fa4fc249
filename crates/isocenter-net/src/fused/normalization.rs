//! Normalisation: values less their mean, over their standard deviation.
//!
//! With m the mean and v the variance of n values, `r = (v + e)^-1/2` and `y = (x - m) r`,
//!
//! ```text
//! J(x) u = r (u - mean u - y mean(y u))
//! grad_x (g . J(x) u) = -r^2 ((A - 3 B D) y + D (g - mean g) + B (u - mean u))
//! A = mean(g u) - mean g mean u,   B = mean(y g),   D = mean(y u)
//! ```
//!
//! Arrays are [outer, over, inner]; the mean is over the middle.

use super::columns::for_each_group;

/// Values that neighbor each other and are summed apart, where all are summed in the end.
const LANES: usize = 64;

/// Lanes that one thread does at a time.
const GROUP: usize = 512;

/// What an element costs, in multiplications.
const WORK: usize = 6;

/// y
pub(super) fn value(x: &[f32], shape: [usize; 3], epsilon: f64) -> Vec<f32> {
    by_slab([x], shape, |slab, x, out| {
        let Scaling { mean, inverse } = slab.scaling(x, epsilon);
        slab.fill(out, x, [&mean, &inverse], |[x], [mean, inverse]| (x - mean) * inverse);
    })
}

/// J(x) u
pub(super) fn along(x_and_u: [&[f32]; 2], shape: [usize; 3], epsilon: f64) -> Vec<f32> {
    by_slab(x_and_u, shape, |slab, [x, u], out| {
        let Scaling { mean, inverse } = slab.scaling([x], epsilon);
        let mean_u = slab.means([u], [], |[u], []| u);
        let scaling = [&*mean, &*inverse];
        let along = slab.means([x, u], scaling, |[x, u], [mean, r]| (x - mean) * r * u);
        let lanes = [&*mean, &*inverse, &*mean_u, &*along];
        slab.fill(out, [x, u], lanes, |[x, u], [mean, r, mean_u, along]| {
            r * (u - mean_u - (x - mean) * r * along)
        });
    })
}

/// grad_x (g . J(x) u)
pub(super) fn curved(x_u_and_g: [&[f32]; 3], shape: [usize; 3], epsilon: f64) -> Vec<f32> {
    by_slab(x_u_and_g, shape, |slab, [x, u, g], out| {
        let Scaling { mean, inverse } = slab.scaling([x], epsilon);
        let scaling = [&*mean, &*inverse];
        let mean_u = slab.means([u], [], |[u], []| u);
        let mean_g = slab.means([g], [], |[g], []| g);
        let means = [&*mean_u, &*mean_g];
        let a = slab.means([u, g], means, |[u, g], [mean_u, mean_g]| (u - mean_u) * (g - mean_g));
        let b = slab.means([x, g], scaling, |[x, g], [mean, r]| (x - mean) * r * g);
        let d = slab.means([x, u], scaling, |[x, u], [mean, r]| (x - mean) * r * u);
        let lanes = [&*mean, &*inverse, &*mean_u, &*mean_g, &*a, &*b, &*d];
        slab.fill(out, [x, u, g], lanes, |[x, u, g], [mean, r, mean_u, mean_g, a, b, d]| {
            let y = (x - mean) * r;
            -r * r * ((a - 3.0 * b * d) * y + d * (g - mean_g) + b * (u - mean_u))
        });
    })
}

/// Applies a function to the parts of arrays that are normalised together, or to many such side by
/// side.
fn by_slab<const N: usize>(
    inputs: [&[f32]; N],
    [outer, over, inner]: [usize; 3],
    function: impl Fn(Slab, [&[f32]; N], Vec<&mut [f32]>) + Sync,
) -> Vec<f32> {
    let mut outputs = vec![0.0; inputs[0].len()];
    if inner > 1 {
        for_each_group(&mut outputs, [outer, over, inner], GROUP, WORK, |slab, first, rows| {
            let inputs = inputs.map(|input| &input[slab * over * inner + first..]);
            let lanes = rows.first().map_or(0, |row| row.len());
            function(Slab { lanes, stride: inner, folded: false, over }, inputs, rows);
        });
    } else {
        for_each_group(&mut outputs, [outer, 1, over], over, WORK, |slab, _, rows| {
            let inputs = inputs.map(|input| &input[slab * over..][..over]);
            let rows = rows.into_iter().flat_map(|row| row.chunks_mut(LANES)).collect();
            function(Slab { lanes: LANES, stride: LANES, folded: true, over }, inputs, rows);
        });
    }
    outputs
}

/// An array worked on in rows of lanes: those of `inner`, each normalised by itself, or where there is
/// only one, several neighbors whose sums are added in the end.
#[derive(Clone, Copy)]
struct Slab {
    lanes: usize,
    /// From a row to the next.
    stride: usize,
    folded: bool,
    over: usize,
}

/// What values are normalised by, for each lane.
struct Scaling {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

impl Slab {
    fn scaling(self, x: [&[f32]; 1], epsilon: f64) -> Scaling {
        let mean = self.means(x, [], |[x], []| x);
        let mut inverse = self.means(x, [&*mean], |[x], [mean]| (x - mean) * (x - mean));
        let epsilon = epsilon as f32;
        inverse.iter_mut().for_each(|v| *v = 1.0 / (*v + epsilon).sqrt());
        Scaling { mean, inverse }
    }

    /// A row; the last may be shorter.
    fn row(self, values: &[f32], number: usize) -> &[f32] {
        let row = &values[number * self.stride..];
        &row[..self.lanes.min(row.len())]
    }

    /// The means of a function for each lane, of the elements and of numbers of the lane.
    fn means<const N: usize, const M: usize>(
        self,
        inputs: [&[f32]; N],
        of_lanes: [&[f32]; M],
        function: impl Fn([f32; N], [f32; M]) -> f32,
    ) -> Vec<f32> {
        let mut sums = vec![0.0; self.lanes];
        let rows = if self.folded { self.over.div_ceil(self.stride) } else { self.over };
        for number in 0..rows {
            let rows = inputs.map(|input| self.row(input, number));
            // Slices of one length, so that the loop becomes vector instructions.
            let width = rows[0].len();
            let (rows, of_lanes) = (rows.map(|row| &row[..width]), of_lanes.map(|x| &x[..width]));
            for (lane, sum) in sums[..width].iter_mut().enumerate() {
                *sum += function(rows.map(|row| row[lane]), of_lanes.map(|x| x[lane]));
            }
        }
        if self.folded {
            let sum = sums.iter().sum();
            sums.fill(sum);
        }
        let share = 1.0 / self.over.max(1) as f32;
        sums.iter_mut().for_each(|sum| *sum *= share);
        sums
    }

    /// Writes a function of the elements at each place and of numbers of the lane.
    fn fill<const N: usize, const M: usize>(
        self,
        outputs: Vec<&mut [f32]>,
        inputs: [&[f32]; N],
        of_lanes: [&[f32]; M],
        function: impl Fn([f32; N], [f32; M]) -> f32,
    ) {
        for (number, outputs) in outputs.into_iter().enumerate() {
            let width = outputs.len();
            let rows = inputs.map(|input| &self.row(input, number)[..width]);
            let of_lanes = of_lanes.map(|x| &x[..width]);
            for (lane, output) in outputs.iter_mut().enumerate() {
                *output = function(rows.map(|row| row[lane]), of_lanes.map(|x| x[lane]));
            }
        }
    }
}
