//! Images cut into patches, as an operation of the framework on the CPU: its own takes a permutation of
//! six dimensions, element by element.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Tensor, TensorData};

use super::is_on_cpu;

/// The pixels of each patch as channels: of a channel, row by row.
///
/// # Shapes
/// [batch, channels, rows, columns] to [batch, channels * side * side, rows / side * columns / side];
/// the side divides rows and columns.
pub(crate) fn patches(x: Tensor<4>, side: usize) -> Tensor<3> {
    let [batch, channels, rows, columns] = x.dims();
    let size = channels * side * side;
    if side > 1 && is_on_cpu(&x) {
        return Tensor::from_dispatch(Dispatch::patches(x.into_dispatch(), side));
    }
    let (rows, columns) = (rows / side, columns / side);
    let cut = x.reshape([batch, channels, rows, side, columns, side]);
    cut.permute([0, 1, 3, 5, 2, 4]).reshape([batch, size, rows * columns])
}

#[backend_extension(Flex, Autodiff)]
trait PatchOperations: Backend {
    fn patches(x: FloatTensor<Self>, side: usize) -> FloatTensor<Self>;
}

/// What reverse mode asks for: the transpose.
trait PatchGradients: PatchOperations {
    /// Patches put together again, to [batch, channels, rows, columns].
    fn assembled(patches: FloatTensor<Self>, shape: [usize; 4], side: usize) -> FloatTensor<Self>;
}

/// Calls a function with the place of each row of pixels of the patches, and where in the images it comes
/// from: every `side`th pixel from there on.
fn for_each_row(
    [batch, channels, rows, columns]: [usize; 4],
    side: usize,
    mut function: impl FnMut(usize, usize),
) {
    let mut at = 0;
    for image in 0..batch * channels {
        for (dy, dx) in (0..side).flat_map(|dy| (0..side).map(move |dx| (dy, dx))) {
            for row in 0..rows / side {
                function(at, (image * rows + row * side + dy) * columns + dx);
                at += columns / side;
            }
        }
    }
}

impl PatchOperations for Flex {
    fn patches(x: FloatTensor<Self>, side: usize) -> FloatTensor<Self> {
        let shape = x.shape().dims();
        let [batch, channels, rows, columns] = shape;
        let x = x.to_contiguous();
        // All tensors of this crate are of single precision.
        let x = x.as_slice::<f32>().unwrap_or_default();
        let mut values: Vec<f32> = Vec::with_capacity(x.len());
        for_each_row(shape, side, |_, from| {
            values.extend(x[from..].iter().step_by(side).take(columns / side));
        });
        let shape = [batch, channels * side * side, rows / side * (columns / side)];
        FloatTensor::<Flex>::from_data(TensorData::new(values, shape))
    }
}

impl PatchGradients for Flex {
    fn assembled(patches: FloatTensor<Self>, shape: [usize; 4], side: usize) -> FloatTensor<Self> {
        let patches = patches.to_contiguous();
        let patches = patches.as_slice::<f32>().unwrap_or_default();
        let width = shape[3] / side;
        let mut values = vec![0.0; shape.into_iter().product()];
        for_each_row(shape, side, |at, to| {
            let pixels = values[to..].iter_mut().step_by(side);
            pixels.zip(&patches[at..at + width]).for_each(|(pixel, &value)| *pixel = value);
        });
        FloatTensor::<Flex>::from_data(TensorData::new(values, shape))
    }
}

impl<B: PatchGradients, C: CheckpointStrategy> PatchOperations for Autodiff<B, C> {
    fn patches(x: FloatTensor<Self>, side: usize) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let shape = x.shape().dims();
        match PatchStep.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((shape, side), B::patches(x, side)),
            OpsKind::UnTracked(step) => step.finish(B::patches(x, side)),
        }
    }
}

#[derive(Debug)]
struct PatchStep;

impl<B: PatchGradients> Backward<B, 1> for PatchStep {
    type State = ([usize; 4], usize);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (shape, side) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::assembled(gradient, shape, side)
        });
    }
}
