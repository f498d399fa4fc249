//! Dropout: in training, elements or whole channels are left out at random and the others raised to make
//! up for them.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::context::Context;
use crate::dual::Dual;

/// Leaves out elements with a probability; in use it does nothing.
#[must_use]
pub fn dropout<const D: usize>(x: Dual<D>, probability: f64, context: &mut Context) -> Dual<D> {
    let Some(rng) = context.dropout() else { return x };
    let factors = factors(x.value().dims(), probability, rng, &x.value().device());
    x.mul_constant(factors)
}

/// Leaves out whole channels of a sample with a probability; in use it does nothing.
#[must_use]
pub fn channel_dropout(x: Dual<4>, probability: f64, context: &mut Context) -> Dual<4> {
    let Some(rng) = context.dropout() else { return x };
    let [batch, channels, ..] = x.value().dims();
    let factors = factors([batch, channels, 1, 1], probability, rng, &x.value().device());
    x.mul_constant(factors)
}

/// What each element, or each channel, is multiplied with.
fn factors<const D: usize>(
    shape: [usize; D],
    probability: f64,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    let raised = (1.0 / (1.0 - probability)) as f32;
    // Of all numbers of 32 bits, those below this one.
    let left_out = (probability * 2.0_f64.powi(32)) as u32;
    let factor = |_| if rng.next_u32() < left_out { 0.0 } else { raised };
    let factors: Vec<f32> = (0..shape.iter().product()).map(factor).collect();
    Tensor::from_data(TensorData::new(factors, shape), device)
}

#[cfg(test)]
mod tests {
    //! Proves: whole channels are left out or raised, the same with the same seed, and none in use.
    use super::*;
    use crate::layer::Statistics;

    #[test]
    fn whole_channels_are_left_out() {
        let device = Device::flex();
        let x = || Dual::constant(Tensor::<4>::ones([2, 40, 3, 2], &device));
        let of = |seed| {
            let mut context = Context::training(Statistics::Batch, seed);
            let (y, _) = channel_dropout(x(), 0.25, &mut context).into_parts();
            y.try_into_vec_as::<f32>().unwrap()
        };
        let found = of(5);
        for channel in found.chunks(6) {
            assert!(channel.iter().all(|&value| value == channel[0]));
            assert!(channel[0] == 0.0 || (channel[0] - 4.0 / 3.0).abs() < 1e-6);
        }
        let left_out = found.iter().filter(|&&value| value == 0.0).count() / 6;
        // 20 of 80 are expected, within three deviations of 4.
        assert!((8..=32).contains(&left_out), "{left_out}");
        assert_eq!(found, of(5));
        assert_ne!(found, of(6));
        let mut context = Context::inference();
        let (y, _) = channel_dropout(x(), 0.25, &mut context).into_parts();
        assert!(y.try_into_vec_as::<f32>().unwrap().iter().all(|&value| value == 1.0));
    }
}
