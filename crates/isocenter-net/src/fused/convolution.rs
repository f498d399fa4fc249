//! Convolutions of images by kernels of 3 x 3 places, with zeros beyond the border, as an operation of
//! the framework on the CPU: ten times as fast as its own, most of all in reverse.
//!
//! A batch of images is a volume whose slices do not affect each other.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, binary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

use super::is_on_cpu;
use crate::volume::{Kernels, PaddedVolume};

/// The convolution of images.
///
/// # Shapes
/// [batch, channels in, rows, columns] by [channels out, channels in, 3, 3].
pub(crate) fn convolve_3x3(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    if !is_on_cpu(&x) {
        return conv2d(x, weight, None, ConvOptions::new([1; 2], [1; 2], [1; 2], 1));
    }
    Tensor::from_dispatch(Dispatch::convolve(x.into_dispatch(), weight.into_dispatch()))
}

#[backend_extension(Flex, Autodiff)]
trait ConvolutionOperations: Backend {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// What reverse mode asks for, given the derivative for the result.
trait ConvolutionGradients: ConvolutionOperations {
    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    fn weight_gradient(gradient: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl ConvolutionOperations for Flex {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        applied(&kernels(&weight), &x)
    }
}

impl ConvolutionGradients for Flex {
    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        applied(&kernels(&weight).transposed(), &gradient)
    }

    fn weight_gradient(gradient: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [_, inputs, ..] = x.shape().dims::<4>();
        let [_, outputs, ..] = gradient.shape().dims::<4>();
        let kernels = Kernels::of_images([inputs, outputs], vec![0.0; outputs * inputs * 9]);
        let values = kernels.gradient(&as_volume(&gradient), &as_volume(&x));
        FloatTensor::<Self>::from_data(TensorData::new(values, [outputs, inputs, 3, 3]))
    }
}

fn kernels(weight: &FloatTensor<Flex>) -> Kernels {
    let [outputs, inputs, ..] = weight.shape().dims::<4>();
    let weight = weight.to_contiguous();
    Kernels::of_images([inputs, outputs], weight.as_slice().unwrap_or_default().to_vec())
}

fn applied(kernels: &Kernels, x: &FloatTensor<Flex>) -> FloatTensor<Flex> {
    let x = as_volume(x);
    let [columns, rows, batch] = x.dims();
    let shape = [batch, kernels.outputs(), rows, columns];
    FloatTensor::<Flex>::from_data(TensorData::new(kernels.apply_to_images(&x), shape))
}

/// A slice for each sample. All tensors of this crate are of single precision.
fn as_volume(images: &FloatTensor<Flex>) -> PaddedVolume {
    let [batch, channels, rows, columns] = images.shape().dims();
    let images = images.to_contiguous();
    let values = images.as_slice::<f32>().unwrap_or_default();
    PaddedVolume::from_rows(channels, [columns, rows, batch], |channel, j, k| {
        &values[((k * channels + channel) * rows + j) * columns..]
    })
}

impl<B: ConvolutionGradients, C: CheckpointStrategy> ConvolutionOperations for Autodiff<B, C> {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        match ConvolutionStep.prepare::<C>([node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                step.finish((x.clone(), weight.clone()), B::convolve(x, weight))
            }
            OpsKind::UnTracked(step) => step.finish(B::convolve(x, weight)),
        }
    }
}

#[derive(Debug)]
struct ConvolutionStep;

impl<B: ConvolutionGradients> Backward<B, 2> for ConvolutionStep {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight) = ops.state;
        binary::<B, _, _>(
            ops.parents,
            ops.node,
            gradients,
            |gradient| B::input_gradient(gradient, weight),
            |gradient| B::weight_gradient(gradient, x),
        );
    }
}
