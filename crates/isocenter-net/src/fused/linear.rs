//! Vectors times a matrix as an operation of the framework on the CPU: for few samples the time is that
//! of reading the weights, which more cores do faster. The framework's own product uses one.

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::bilinear::Bilinear;
use super::is_on_cpu;

/// Samples times weights.
///
/// # Shapes
/// [batch, inputs] by [inputs, outputs].
pub(crate) fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let [batch, _] = x.dims();
    if !is_on_cpu(&x) || batch > FEW {
        return x.matmul(weight);
    }
    Bilinear::Linear.of(x, weight)
}

/// Of more samples, the framework's product makes more of weights that are read once.
const FEW: usize = 4;

/// Weights that one thread does at a time, about.
const WEIGHTS_AT_ONCE: usize = 65_536;

/// Rows of weights for which a sum is kept apart: not too few, as all these are added in the end.
const FEWEST_ROWS: usize = 64;

fn rows_at_once(outputs: usize) -> usize {
    (WEIGHTS_AT_ONCE / outputs.max(1)).max(FEWEST_ROWS)
}

type Array = FloatTensor<Flex>;

pub(super) fn value(x: &Array, weight: &Array) -> Array {
    let [batch, inputs] = x.shape().dims();
    let [_, outputs] = weight.shape().dims();
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    // All tensors of this crate are of single precision.
    let (x, weight) = (x.as_slice::<f32>(), weight.as_slice::<f32>());
    let (x, weight) = (x.unwrap_or_default(), weight.unwrap_or_default());
    let rows_at_once = rows_at_once(outputs);
    let part = |(number, weights): (usize, &[f32])| {
        let mut sums = vec![0.0; batch * outputs];
        let first = number * rows_at_once;
        for (row, weights) in weights.chunks_exact(outputs).enumerate() {
            for (sample, sums) in sums.chunks_exact_mut(outputs).enumerate() {
                let value = x[sample * inputs + first + row];
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
            }
        }
        sums
    };
    let size = (rows_at_once * outputs).max(1);
    let parts: Vec<Vec<f32>> = weight.par_chunks(size).enumerate().map(part).collect();
    // Part after part: the same sum whatever the number of threads.
    let mut y = vec![0.0; batch * outputs];
    for part in parts {
        y.iter_mut().zip(&part).for_each(|(sum, part)| *sum += part);
    }
    Array::from_data(TensorData::new(y, [batch, outputs]))
}

pub(super) fn input_gradient(gradient: &Array, weight: &Array) -> Array {
    let [batch, outputs] = gradient.shape().dims();
    let [inputs, _] = weight.shape().dims();
    let (gradient, weight) = (gradient.to_contiguous(), weight.to_contiguous());
    let (gradient, weight) = (gradient.as_slice::<f32>(), weight.as_slice::<f32>());
    let (gradient, weight) = (gradient.unwrap_or_default(), weight.unwrap_or_default());
    let mut by_input = vec![0.0; inputs * batch];
    let rows_at_once = rows_at_once(outputs);
    let size = (rows_at_once * outputs).max(1);
    let pieces = by_input.par_chunks_mut((rows_at_once * batch).max(1));
    pieces.zip(weight.par_chunks(size)).for_each(|(piece, weights)| {
        let rows = piece.chunks_exact_mut(batch).zip(weights.chunks_exact(outputs));
        for (values, weights) in rows {
            for (value, gradient) in values.iter_mut().zip(gradient.chunks_exact(outputs)) {
                *value = dot(gradient, weights);
            }
        }
    });
    let by_input = TensorData::new(by_input, [inputs, batch]);
    Flex::float_swap_dims(Array::from_data(by_input), 0, 1)
}

pub(super) fn weight_gradient(gradient: &Array, x: &Array) -> Array {
    Flex::float_matmul(Flex::float_swap_dims(x.clone(), 0, 1), gradient.clone())
}

/// Sums that are kept apart, so that they can be added together.
const LANES: usize = 16;

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.chunks(LANES), b.chunks(LANES));
    let mut sums = [0.0; LANES];
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum()
}
