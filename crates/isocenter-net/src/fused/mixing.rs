//! Channels mixed at each place by itself, `y = W x + b`, as an operation of the framework on the CPU:
//! what convolutions of one pixel are, and those of patches. The framework's own product of matrices
//! uses one thread for products of this size.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor, TensorData};

use super::columns::for_each_group;
use super::is_on_cpu;
use crate::volume::{BLOCK, LANES, Tile, mix};

/// `W x + b` at each place; no bias is zero.
///
/// # Shapes
/// x [batch, channels in, places], W [channels out, channels in], b [channels out].
pub(crate) fn mix_channels(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let [outputs, _] = weight.dims();
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &x.device()));
    if !is_on_cpu(&x) {
        return weight.unsqueeze::<3>().matmul(x) + bias.reshape([1, outputs, 1]);
    }
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(Dispatch::mix(x, weight, bias.into_dispatch()))
}

#[backend_extension(Flex, Autodiff)]
trait MixingOperations: Backend {
    fn mix(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// What reverse mode asks for, given the derivative for the result.
trait MixingGradients: MixingOperations {
    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    fn weight_gradient(gradient: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn bias_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl MixingOperations for Flex {
    fn mix(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [outputs, inputs] = weight.shape().dims();
        let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
        let weight = weight.as_slice::<f32>().unwrap_or_default();
        let matrix =
            Matrix::new([outputs, inputs], |output, input| weight[output * inputs + input]);
        matrix.applied(&x, bias.as_slice().unwrap_or_default())
    }
}

impl MixingGradients for Flex {
    fn input_gradient(gradient: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let [outputs, inputs] = weight.shape().dims();
        let weight = weight.to_contiguous();
        let weight = weight.as_slice::<f32>().unwrap_or_default();
        let matrix =
            Matrix::new([inputs, outputs], |input, output| weight[output * inputs + input]);
        matrix.applied(&gradient, &vec![0.0; inputs])
    }

    fn weight_gradient(gradient: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [_, inputs, _] = x.shape().dims();
        let [_, outputs, _] = gradient.shape().dims();
        let of_samples = Self::float_matmul(gradient, Self::float_swap_dims(x, 1, 2));
        let sum = Self::float_sum_dim(of_samples, 0);
        Self::float_reshape(sum, Shape::new([outputs, inputs]))
    }

    fn bias_gradient(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let [_, outputs, _] = gradient.shape().dims();
        let of_samples = Self::float_sum_dim(gradient, 2);
        Self::float_reshape(Self::float_sum_dim(of_samples, 0), Shape::new([outputs]))
    }
}

/// Weights by blocks of outputs, those that do not fill a block with zeros.
struct Matrix {
    outputs: usize,
    inputs: usize,
    packed: Vec<[f32; BLOCK]>,
}

/// Places that one thread does at a time.
const GROUP: usize = 16 * LANES;

impl Matrix {
    fn new([outputs, inputs]: [usize; 2], weight: impl Fn(usize, usize) -> f32) -> Self {
        let mut packed = vec![[0.0; BLOCK]; outputs.div_ceil(BLOCK) * inputs];
        for (output, input) in (0..outputs).flat_map(|o| (0..inputs).map(move |i| (o, i))) {
            packed[output / BLOCK * inputs + input][output % BLOCK] = weight(output, input);
        }
        Self { outputs, inputs, packed }
    }

    fn applied(&self, x: &FloatTensor<Flex>, bias: &[f32]) -> FloatTensor<Flex> {
        let [batch, _, places] = x.shape().dims();
        let x = x.to_contiguous();
        // All tensors of this crate are of single precision.
        let x = x.as_slice::<f32>().unwrap_or_default();
        let mut y = vec![0.0; batch * self.outputs * places];
        let shape = [batch, self.outputs, places];
        for_each_group(&mut y, shape, GROUP, self.inputs, |sample, first, mut outputs| {
            let x = &x[sample * self.inputs * places + first..];
            let count = outputs.first().map_or(0, |row| row.len());
            let mut channels = vec![[0.0; LANES]; self.inputs];
            for begin in (0..count).step_by(LANES) {
                let width = LANES.min(count - begin);
                for (input, channel) in channels.iter_mut().enumerate() {
                    channel[..width].copy_from_slice(&x[input * places + begin..][..width]);
                }
                for (block, weights) in self.packed.chunks_exact(self.inputs).enumerate() {
                    let rows = outputs.iter_mut().zip(bias).skip(block * BLOCK);
                    let mut tile: Tile = [[0.0; LANES]; BLOCK];
                    mix(&mut tile, &channels, weights);
                    for ((row, bias), sums) in rows.zip(&tile) {
                        let row = &mut row[begin..begin + width];
                        row.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum + bias);
                    }
                }
            }
        });
        FloatTensor::<Flex>::from_data(TensorData::new(y, shape))
    }
}

impl<B: MixingGradients, C: CheckpointStrategy> MixingOperations for Autodiff<B, C> {
    fn mix(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let nodes = [x_node, weight_node, bias_node];
        match MixingStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                step.finish((x.clone(), weight.clone()), B::mix(x, weight, bias))
            }
            OpsKind::UnTracked(step) => step.finish(B::mix(x, weight, bias)),
        }
    }
}

#[derive(Debug)]
struct MixingStep;

impl<B: MixingGradients> Backward<B, 3> for MixingStep {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight) = ops.state;
        let [of_x, of_weight, of_bias] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        if let Some(node) = of_x {
            gradients.register::<B>(node.id, B::input_gradient(gradient.clone(), weight));
        }
        if let Some(node) = of_weight {
            gradients.register::<B>(node.id, B::weight_gradient(gradient.clone(), x));
        }
        if let Some(node) = of_bias {
            gradients.register::<B>(node.id, B::bias_gradient(gradient));
        }
    }
}
