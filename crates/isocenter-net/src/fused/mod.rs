//! Maps that the network applies everywhere, each in one pass over the data on the CPU, where the
//! framework would take ten.
//!
//! All of them have a *symmetric Jacobian* J(x): the functions of each element by itself, whose J is
//! diagonal, and the normalisation of values by their mean and deviation. So the derivative along a
//! direction u, `J u`, is also what reverse mode needs, and everything that training asks for is three
//! functions of a map:
//!
//! ```text
//! value    f(x)
//! along    J(x) u              the tangent; the gradient of g . f(x) for u = g; that of g . J(x) u for u
//! curved   grad_x (g . J(x) u) the gradient of a tangent for x
//! ```
//!
//! - [`operations`] - how the framework differentiates them
//! - [`pointwise`] - functions of each element by itself
//! - [`normalization`] - normalisation
//! - [`composed`] - the maps made of the framework's own operations, for other devices than the CPU
//! - [`convolution`] - the one operation that is no such map: convolutions of images

mod composed;
mod convolution;
mod normalization;
mod operations;
mod pointwise;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::Tensor;

use crate::dual::Dual;
pub(crate) use convolution::convolve_3x3;
use operations::MapOperations;

/// A map with a symmetric Jacobian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SymmetricMap {
    /// `max(0, x)`; at 0 its slope is taken as 0.
    Relu,
    /// `min(max(0, x), 6)`; at 0 and 6 its slope is taken as 0.
    Relu6,
    /// `x Phi(x)`, Phi being the normal distribution's.
    Gelu,
    /// `(x - mean) / sqrt(variance + epsilon)`, both over the second of three dimensions.
    Normalization {
        /// Added to the variance.
        epsilon: f64,
    },
}

impl SymmetricMap {
    /// The map's value and tangent.
    ///
    /// # Shapes
    /// Normalisation: `[outer, over, inner]`.
    pub(crate) fn of<const D: usize>(self, x: Dual<D>) -> Dual<D> {
        let (x, direction) = x.into_parts();
        let value = self.value(x.clone());
        match direction {
            None => Dual::constant(value),
            Some(direction) => Dual::new(value, self.along(x, direction)),
        }
    }

    fn value<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match is_on_cpu(&x) {
            true => Tensor::from_dispatch(Dispatch::map_value(x.into_dispatch(), self)),
            false => self.composed_value(x),
        }
    }

    fn along<const D: usize>(self, x: Tensor<D>, direction: Tensor<D>) -> Tensor<D> {
        if !is_on_cpu(&x) {
            return self.composed_along(x, direction);
        }
        let (x, direction) = (x.into_dispatch(), direction.into_dispatch());
        Tensor::from_dispatch(Dispatch::map_along(x, direction, self))
    }
}

fn is_on_cpu<const D: usize>(x: &Tensor<D>) -> bool {
    matches!(x.device().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

#[cfg(test)]
mod tests {
    //! Proves: the maps in one pass are those that the framework's own operations make, value and
    //! tangent, and so are the derivatives of both in reverse.
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// Far enough from where ReLU and ReLU6 bend.
    fn numbers(offset: f32, shape: [usize; 3]) -> Tensor<3> {
        let value = |n: usize| 3.0 + 4.0 * (1.7 * n as f32 + offset).sin() + 0.01;
        let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
    }

    fn largest_difference(a: &Tensor<3>, b: &Tensor<3>) -> f32 {
        let difference = a.clone().without_autodiff() - b.clone().without_autodiff();
        difference.abs().max().into_scalar::<f32>()
    }

    #[test]
    fn one_pass_is_as_good_as_ten() {
        let maps = [
            SymmetricMap::Relu,
            SymmetricMap::Relu6,
            SymmetricMap::Gelu,
            SymmetricMap::Normalization { epsilon: 1e-5 },
        ];
        for shape in [[2, 70, 1], [2, 9, 33]] {
            for map in maps {
                let weights = numbers(0.9, shape);
                // Value, tangent, and their derivatives for x and u.
                let results = |fused: bool| {
                    let x = numbers(0.0, shape).require_grad();
                    let u = numbers(2.5, shape).require_grad();
                    let (value, along) = match fused {
                        true => (map.value(x.clone()), map.along(x.clone(), u.clone())),
                        false => {
                            let value = map.composed_value(x.clone());
                            (value, map.composed_along(x.clone(), u.clone()))
                        }
                    };
                    let sum =
                        (value.clone() * weights.clone() + along.clone() * weights.clone()).sum();
                    let gradients = sum.backward();
                    [value, along, x.grad(&gradients).unwrap(), u.grad(&gradients).unwrap()]
                };
                for (number, (found, expected)) in
                    results(true).iter().zip(&results(false)).enumerate()
                {
                    // Values up to 50, of seven digits, some lost in sums.
                    let off = largest_difference(found, expected);
                    assert!(off < 1e-4, "{map:?} {shape:?}, result {number}: {off}");
                }
            }
        }
    }
}
