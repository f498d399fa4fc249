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
//! - [`columns`] - arrays in groups of columns, on all cores
//!
//! Five operations are no such maps, three of them with their derivatives in [`bilinear`]:
//!
//! - [`convolution`] - convolutions of images and of volumes
//! - [`mixing`] - channels mixed at each place by itself
//! - [`patches`] - images cut into patches
//! - [`linear`] - vectors times a matrix

mod bilinear;
mod columns;
mod composed;
mod convolution;
mod linear;
mod mixing;
mod normalization;
mod operations;
mod patches;
mod pointwise;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::Tensor;

use crate::dual::Dual;
pub(crate) use convolution::{convolve_3x3, convolve_3x3x3};
pub(crate) use linear::product;
pub(crate) use mixing::mix_channels;
use operations::MapOperations;
pub(crate) use patches::patches;

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
    //! tangent, and so are the derivatives of both in reverse; the operations that are no maps are
    //! those of the framework too.
    use super::*;
    use burn::tensor::ops::ConvOptions;
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
        for shape in [[2, 70, 1], [2, 9, 33], [2, 9, 2500]] {
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

    /// A result and its derivatives for the leaves, when each of its elements has a weight.
    fn derived<const N: usize>(result: Tensor<3>, leaves: [&Tensor<3>; N]) -> Vec<Tensor<3>> {
        let gradients = (result.clone() * numbers(1.3, result.dims())).sum().backward();
        let of_leaves = leaves.map(|leaf| leaf.grad(&gradients).unwrap());
        std::iter::once(result).chain(of_leaves).collect()
    }

    fn assert_alike(what: &str, found: &[Tensor<3>], expected: &[Tensor<3>]) {
        assert_eq!(found.len(), expected.len());
        for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found.dims(), expected.dims(), "{what}, result {number}");
            let largest = expected.clone().without_autodiff().abs().max().into_scalar::<f32>();
            // Sums of thousands of products of either sign, in another order.
            let off = largest_difference(found, expected);
            assert!(off < 2e-5 * largest, "{what}, result {number}: {off} of {largest}");
        }
    }

    #[test]
    fn mixing_is_a_product() {
        // With blocks, tiles and groups that are not full; and one on several threads.
        for [batch, inputs, outputs, places] in [[2, 5, 7, 37], [2, 16, 33, 600], [1, 1, 1, 1]] {
            let x = numbers(0.0, [batch, inputs, places]).require_grad();
            let weight = numbers(0.4, [1, outputs, inputs]).require_grad();
            let bias = numbers(0.7, [1, outputs, 1]).require_grad();
            let mixed = mix_channels(
                x.clone(),
                weight.clone().squeeze_dim::<2>(0),
                Some(bias.clone().reshape([outputs])),
            );
            let expected = weight.clone().matmul(x.clone()) + bias.clone();
            let leaves = [&x, &weight, &bias];
            assert_alike("mixing", &derived(mixed, leaves), &derived(expected, leaves));
        }
        let x = numbers(0.0, [1, 2, 3]);
        let weight = numbers(0.4, [1, 2, 2]);
        let expected = weight.clone().matmul(x.clone());
        let mixed = mix_channels(x, weight.squeeze_dim::<2>(0), None);
        assert_alike("mixing without bias", &[mixed], &[expected]);
    }

    #[test]
    fn convolutions_are_the_frameworks() {
        // With bands and tiles that are not full.
        let [batch, inputs, outputs, rows, columns] = [2, 3, 5, 21, 19];
        let x = numbers(0.0, [batch, inputs, rows * columns]).require_grad();
        let weight = numbers(0.4, [outputs, inputs, 9]).require_grad();
        let convolved = |convolve: &dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<4>| {
            let images = x.clone().reshape([batch, inputs, rows, columns]);
            let kernels = weight.clone().reshape([outputs, inputs, 3, 3]);
            convolve(images, kernels).reshape([batch, outputs, rows * columns])
        };
        let of_framework = |x, weight| {
            let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
            burn::tensor::module::conv2d(x, weight, None, options)
        };
        let found = derived(convolved(&convolve_3x3), [&x, &weight]);
        let expected = derived(convolved(&of_framework), [&x, &weight]);
        assert_alike("convolution", &found, &expected);
    }

    #[test]
    fn convolutions_of_volumes_are_the_frameworks() {
        let [batch, inputs, outputs] = [2, 3, 5];
        let [slices, rows, columns] = [4, 6, 19];
        let x = numbers(0.0, [batch, inputs, slices * rows * columns]).require_grad();
        let weight = numbers(0.4, [outputs, inputs, 27]).require_grad();
        let convolved = |convolve: &dyn Fn(Tensor<5>, Tensor<5>) -> Tensor<5>| {
            let volumes = x.clone().reshape([batch, inputs, slices, rows, columns]);
            let kernels = weight.clone().reshape([outputs, inputs, 3, 3, 3]);
            convolve(volumes, kernels).reshape([batch, outputs, slices * rows * columns])
        };
        let of_framework = |x, weight| {
            let options = ConvOptions::new([1; 3], [1; 3], [1; 3], 1);
            burn::tensor::module::conv3d(x, weight, None, options)
        };
        let found = derived(convolved(&convolve_3x3x3), [&x, &weight]);
        let expected = derived(convolved(&of_framework), [&x, &weight]);
        assert_alike("convolution of volumes", &found, &expected);
    }

    #[test]
    fn linear_is_a_product() {
        // On several threads; of as many samples as are few.
        for [batch, inputs, outputs] in [[3, 700, 300], [4, 9, 5]] {
            let x = numbers(0.0, [1, batch, inputs]).require_grad();
            let weight = numbers(0.4, [1, inputs, outputs]).require_grad();
            let squeezed = |x: &Tensor<3>| x.clone().squeeze_dim::<2>(0);
            let found = product(squeezed(&x), squeezed(&weight)).unsqueeze::<3>();
            let expected = x.clone().matmul(weight.clone());
            let leaves = [&x, &weight];
            assert_alike("linear", &derived(found, leaves), &derived(expected, leaves));
        }
    }

    #[test]
    fn patches_are_a_permutation() {
        let [batch, channels, rows, columns] = [2, 3, 4, 6];
        let x = numbers(0.0, [batch * channels, rows, columns]).require_grad();
        let images = x.clone().reshape([batch, channels, rows, columns]);
        let found = derived(patches(images, 2), [&x]);
        let cut = x.clone().reshape([batch, channels, 2, 2, 3, 2]);
        let expected = cut.permute([0, 1, 3, 5, 2, 4]).reshape([batch, 4 * channels, 6]);
        for (found, expected) in found.iter().zip(derived(expected, [&x])) {
            assert_eq!(largest_difference(found, &expected), 0.0);
        }
    }
}
