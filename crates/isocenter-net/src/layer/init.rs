//! First weights, from a seed: the same on every machine and device.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Draws first weights.
#[derive(Debug)]
pub struct Init {
    rng: ChaCha8Rng,
    device: Device,
}

impl Init {
    /// From a seed, on a device.
    #[must_use]
    pub fn new(seed: u64, device: &Device) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), device: device.clone() }
    }

    /// Uniform within `1 / sqrt(inputs)` of zero, PyTorch's default for convolutions and linear
    /// layers.
    pub fn uniform<const D: usize>(
        &mut self,
        shape: [usize; D],
        inputs: usize,
    ) -> Param<Tensor<D>> {
        let bound = 1.0 / (inputs.max(1) as f32).sqrt();
        let draw = |_| self.rng.random_range(-bound..bound);
        let values: Vec<f32> = (0..shape.iter().product()).map(draw).collect();
        Param::from_data(TensorData::new(values, shape), &self.device)
    }

    /// All the same.
    pub fn constant<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::full(shape, value, &self.device))
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }
}
