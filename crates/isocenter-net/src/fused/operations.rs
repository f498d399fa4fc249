//! Maps as operations of the framework, with their derivatives in reverse mode.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, binary, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};
use burn::tensor::TensorData;

use super::{SymmetricMap, normalization, pointwise};

/// What a forward pass asks for.
#[backend_extension(Flex, Autodiff)]
pub(super) trait MapOperations: Backend {
    /// f(x)
    fn map_value(x: FloatTensor<Self>, map: SymmetricMap) -> FloatTensor<Self>;

    /// J(x) u
    fn map_along(
        x: FloatTensor<Self>,
        direction: FloatTensor<Self>,
        map: SymmetricMap,
    ) -> FloatTensor<Self>;
}

/// What only the derivative of a tangent asks for.
pub(super) trait MapCurvature: MapOperations {
    /// grad_x (g . J(x) u)
    fn map_curved(
        x: FloatTensor<Self>,
        direction: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        map: SymmetricMap,
    ) -> FloatTensor<Self>;
}

impl MapOperations for Flex {
    fn map_value(x: FloatTensor<Self>, map: SymmetricMap) -> FloatTensor<Self> {
        on_slices([x], |[x], shape| match map {
            SymmetricMap::Normalization { epsilon } => normalization::value(x, shape, epsilon),
            SymmetricMap::Relu => pointwise::value::<pointwise::Relu>(x),
            SymmetricMap::Relu6 => pointwise::value::<pointwise::Relu6>(x),
            SymmetricMap::Gelu => pointwise::value::<pointwise::Gelu>(x),
        })
    }

    fn map_along(
        x: FloatTensor<Self>,
        direction: FloatTensor<Self>,
        map: SymmetricMap,
    ) -> FloatTensor<Self> {
        on_slices([x, direction], |slices, shape| match map {
            SymmetricMap::Normalization { epsilon } => normalization::along(slices, shape, epsilon),
            SymmetricMap::Relu => pointwise::along::<pointwise::Relu>(slices),
            SymmetricMap::Relu6 => pointwise::along::<pointwise::Relu6>(slices),
            SymmetricMap::Gelu => pointwise::along::<pointwise::Gelu>(slices),
        })
    }
}

impl MapCurvature for Flex {
    fn map_curved(
        x: FloatTensor<Self>,
        direction: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        map: SymmetricMap,
    ) -> FloatTensor<Self> {
        on_slices([x, direction, gradient], |slices, shape| match map {
            SymmetricMap::Normalization { epsilon } => {
                normalization::curved(slices, shape, epsilon)
            }
            SymmetricMap::Relu => pointwise::curved::<pointwise::Relu>(slices),
            SymmetricMap::Relu6 => pointwise::curved::<pointwise::Relu6>(slices),
            SymmetricMap::Gelu => pointwise::curved::<pointwise::Gelu>(slices),
        })
    }
}

/// A function of tensors of one shape as arrays of single precision, which all of this crate are; the
/// shape is given as three numbers, of which only a normalisation makes use.
fn on_slices<const N: usize>(
    tensors: [FloatTensor<Flex>; N],
    function: impl FnOnce([&[f32]; N], [usize; 3]) -> Vec<f32>,
) -> FloatTensor<Flex> {
    let tensors = tensors.map(|tensor| tensor.to_contiguous());
    let shape = tensors[0].layout().shape().clone();
    let dim = |number: usize| shape.as_slice().get(number).copied().unwrap_or(1);
    let slices = tensors.each_ref().map(|tensor| tensor.as_slice::<f32>().unwrap_or_default());
    let values = function(slices, [dim(0), dim(1), dim(2)]);
    FloatTensor::<Flex>::from_data(TensorData::new(values, shape))
}

impl<B: MapCurvature, C: CheckpointStrategy> MapOperations for Autodiff<B, C> {
    fn map_value(x: FloatTensor<Self>, map: SymmetricMap) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match ValueStep.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x.clone(), map), B::map_value(x, map)),
            OpsKind::UnTracked(step) => step.finish(B::map_value(x, map)),
        }
    }

    fn map_along(
        x: FloatTensor<Self>,
        direction: FloatTensor<Self>,
        map: SymmetricMap,
    ) -> FloatTensor<Self> {
        let ((x, node), (u, direction_node)) = (x.into_parts(), direction.into_parts());
        match AlongStep.prepare::<C>([node, direction_node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                step.finish((x.clone(), u.clone(), map), B::map_along(x, u, map))
            }
            OpsKind::UnTracked(step) => step.finish(B::map_along(x, u, map)),
        }
    }
}

#[derive(Debug)]
struct ValueStep;

impl<B: MapCurvature> Backward<B, 1> for ValueStep {
    type State = (FloatTensor<B>, SymmetricMap);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (x, map) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| B::map_along(x, gradient, map));
    }
}

#[derive(Debug)]
struct AlongStep;

impl<B: MapCurvature> Backward<B, 2> for AlongStep {
    type State = (FloatTensor<B>, FloatTensor<B>, SymmetricMap);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (x, u, map) = ops.state;
        binary::<B, _, _>(
            ops.parents,
            ops.node,
            gradients,
            |gradient| B::map_curved(x.clone(), u, gradient, map),
            |gradient| B::map_along(x.clone(), gradient, map),
        );
    }
}
