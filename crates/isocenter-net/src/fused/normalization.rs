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

use rayon::prelude::*;

/// Values that neighbor each other and are summed apart, where all are summed in the end.
const LANES: usize = 64;

/// Smaller arrays are not worth a second thread.
const PARALLEL: usize = 32_768;

/// y
pub(super) fn value(x: &[f32], shape: [usize; 3], epsilon: f64) -> Vec<f32> {
    by_slab([x], shape, |slab, [x], out| {
        let Scaling { mean, inverse } = slab.scaling(x, epsilon);
        slab.fill(out, [x], |lane, [x]| (x - mean[lane]) * inverse[lane]);
    })
}

/// J(x) u
pub(super) fn along(x_and_u: [&[f32]; 2], shape: [usize; 3], epsilon: f64) -> Vec<f32> {
    by_slab(x_and_u, shape, |slab, [x, u], out| {
        let Scaling { mean, inverse } = slab.scaling(x, epsilon);
        let y = |lane: usize, x: f32| (x - mean[lane]) * inverse[lane];
        let mean_u = slab.means([u], |_, [u]| u);
        let along = slab.means([x, u], |lane, [x, u]| y(lane, x) * u);
        slab.fill(out, [x, u], |lane, [x, u]| {
            inverse[lane] * (u - mean_u[lane] - y(lane, x) * along[lane])
        });
    })
}

/// grad_x (g . J(x) u)
pub(super) fn curved(x_u_and_g: [&[f32]; 3], shape: [usize; 3], epsilon: f64) -> Vec<f32> {
    by_slab(x_u_and_g, shape, |slab, [x, u, g], out| {
        let Scaling { mean, inverse } = slab.scaling(x, epsilon);
        let y = |lane: usize, x: f32| (x - mean[lane]) * inverse[lane];
        let mean_u = slab.means([u], |_, [u]| u);
        let mean_g = slab.means([g], |_, [g]| g);
        let a = slab.means([u, g], |lane, [u, g]| (u - mean_u[lane]) * (g - mean_g[lane]));
        let b = slab.means([x, g], |lane, [x, g]| y(lane, x) * g);
        let d = slab.means([x, u], |lane, [x, u]| y(lane, x) * u);
        slab.fill(out, [x, u, g], |lane, [x, u, g]| {
            let (a, b, d) = (a[lane], b[lane], d[lane]);
            let sum =
                (a - 3.0 * b * d) * y(lane, x) + d * (g - mean_g[lane]) + b * (u - mean_u[lane]);
            -inverse[lane] * inverse[lane] * sum
        });
    })
}

/// Applies a function to the parts of arrays that belong to one `outer`.
fn by_slab<const N: usize>(
    inputs: [&[f32]; N],
    [_, over, inner]: [usize; 3],
    function: impl Fn(Slab, [&[f32]; N], &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut outputs = vec![0.0; inputs[0].len()];
    let slab = Slab::new(over, inner);
    let size = (over * inner).max(1);
    let one = |(number, output): (usize, &mut [f32])| {
        let inputs = inputs.map(|input| &input[number * size..][..output.len()]);
        function(slab, inputs, output);
    };
    if outputs.len() < PARALLEL {
        outputs.chunks_mut(size).enumerate().for_each(one);
    } else {
        outputs.par_chunks_mut(size).enumerate().for_each(one);
    }
    outputs
}

/// An array [over, inner], worked on in rows of lanes: those of `inner`, or where there is only one,
/// several neighbors whose sums are added in the end.
#[derive(Clone, Copy)]
struct Slab {
    lanes: usize,
    folded: bool,
    over: usize,
}

/// What values are normalised by, for each lane.
struct Scaling {
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

impl Slab {
    fn new(over: usize, inner: usize) -> Self {
        let folded = inner <= 1;
        Self { lanes: if folded { LANES } else { inner }, folded, over }
    }

    fn scaling(self, x: &[f32], epsilon: f64) -> Scaling {
        let mean = self.means([x], |_, [x]| x);
        let mut inverse = self.means([x], |lane, [x]| (x - mean[lane]) * (x - mean[lane]));
        let epsilon = epsilon as f32;
        inverse.iter_mut().for_each(|v| *v = 1.0 / (*v + epsilon).sqrt());
        Scaling { mean, inverse }
    }

    /// The means of a function for each lane.
    fn means<const N: usize>(
        self,
        inputs: [&[f32]; N],
        function: impl Fn(usize, [f32; N]) -> f32,
    ) -> Vec<f32> {
        let mut sums = vec![0.0; self.lanes];
        let mut begin = 0;
        let total = inputs[0].len();
        while begin < total {
            let width = self.lanes.min(total - begin);
            let rows = inputs.map(|input| &input[begin..][..width]);
            for (lane, sum) in sums[..width].iter_mut().enumerate() {
                *sum += function(lane, rows.map(|row| row[lane]));
            }
            begin += width;
        }
        if self.folded {
            let sum = sums.iter().sum();
            sums.fill(sum);
        }
        let share = 1.0 / self.over.max(1) as f32;
        sums.iter_mut().for_each(|sum| *sum *= share);
        sums
    }

    /// Writes a function of the elements at each place.
    fn fill<const N: usize>(
        self,
        outputs: &mut [f32],
        inputs: [&[f32]; N],
        function: impl Fn(usize, [f32; N]) -> f32,
    ) {
        for (number, outputs) in outputs.chunks_mut(self.lanes).enumerate() {
            let rows = inputs.map(|input| &input[number * self.lanes..][..outputs.len()]);
            for (lane, output) in outputs.iter_mut().enumerate() {
                *output = function(lane, rows.map(|row| row[lane]));
            }
        }
    }
}
