//! Dropout: in training, elements are left out at random and the others raised to make up for them.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;

use super::context::Context;
use crate::dual::Dual;

/// Leaves out elements with a probability; in use it does nothing.
#[must_use]
pub fn dropout<const D: usize>(x: Dual<D>, probability: f64, context: &mut Context) -> Dual<D> {
    let Some(rng) = context.dropout() else { return x };
    let shape = x.value().dims();
    let raised = (1.0 / (1.0 - probability)) as f32;
    // Of all numbers of 32 bits, those below this one.
    let left_out = (probability * 2.0_f64.powi(32)) as u32;
    let factor = |_| if rng.next_u32() < left_out { 0.0 } else { raised };
    let factors: Vec<f32> = (0..shape.iter().product()).map(factor).collect();
    let factors = Tensor::from_data(TensorData::new(factors, shape), &x.value().device());
    x.mul_constant(factors)
}
