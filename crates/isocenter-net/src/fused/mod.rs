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
