//! What is linear in an input and in weights, as operations of the framework with their derivatives in
//! reverse mode.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, binary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::{convolution, linear};

/// An input times weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bilinear {
    /// [batch, channels in, rows, columns] by [channels out, channels in, 3, 3].
    Convolution,
    /// [batch, channels in, k, j, i] by [channels out, channels in, 3, 3, 3].
    VolumeConvolution,
    /// [batch, inputs] by [inputs, outputs].
    Linear,
}

impl Bilinear {
    /// The result, on the CPU.
    pub(super) fn of<const D: usize>(self, x: Tensor<D>, weight: Tensor<D>) -> Tensor<D> {
        let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
        Tensor::from_dispatch(Dispatch::bilinear(x, weight, self))
    }
}

#[backend_extension(Flex, Autodiff)]
trait BilinearOperations: Backend {
    fn bilinear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Bilinear,
    ) -> FloatTensor<Self>;
}

/// What reverse mode asks for, given the derivative for the result.
trait BilinearGradients: BilinearOperations {
    fn input_gradient(
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Bilinear,
    ) -> FloatTensor<Self>;

    fn weight_gradient(
        gradient: FloatTensor<Self>,
        x: FloatTensor<Self>,
        kind: Bilinear,
    ) -> FloatTensor<Self>;
}

impl BilinearOperations for Flex {
    fn bilinear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Bilinear,
    ) -> FloatTensor<Self> {
        match kind {
            Bilinear::Convolution => convolution::value(&x, &weight),
            Bilinear::VolumeConvolution => convolution::value_of_volumes(&x, &weight),
            Bilinear::Linear => linear::value(&x, &weight),
        }
    }
}

impl BilinearGradients for Flex {
    fn input_gradient(
        gradient: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Bilinear,
    ) -> FloatTensor<Self> {
        match kind {
            Bilinear::Convolution => convolution::input_gradient(&gradient, &weight),
            Bilinear::VolumeConvolution => {
                convolution::input_gradient_of_volumes(&gradient, &weight)
            }
            Bilinear::Linear => linear::input_gradient(&gradient, &weight),
        }
    }

    fn weight_gradient(
        gradient: FloatTensor<Self>,
        x: FloatTensor<Self>,
        kind: Bilinear,
    ) -> FloatTensor<Self> {
        match kind {
            Bilinear::Convolution => convolution::weight_gradient(&gradient, &x),
            Bilinear::VolumeConvolution => convolution::weight_gradient_of_volumes(&gradient, &x),
            Bilinear::Linear => linear::weight_gradient(&gradient, &x),
        }
    }
}

impl<B: BilinearGradients, C: CheckpointStrategy> BilinearOperations for Autodiff<B, C> {
    fn bilinear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        kind: Bilinear,
    ) -> FloatTensor<Self> {
        let ((x, node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        match BilinearStep.prepare::<C>([node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                step.finish((x.clone(), weight.clone(), kind), B::bilinear(x, weight, kind))
            }
            OpsKind::UnTracked(step) => step.finish(B::bilinear(x, weight, kind)),
        }
    }
}

#[derive(Debug)]
struct BilinearStep;

impl<B: BilinearGradients> Backward<B, 2> for BilinearStep {
    type State = (FloatTensor<B>, FloatTensor<B>, Bilinear);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight, kind) = ops.state;
        binary::<B, _, _>(
            ops.parents,
            ops.node,
            gradients,
            |gradient| B::input_gradient(gradient, weight, kind),
            |gradient| B::weight_gradient(gradient, x, kind),
        );
    }
}
