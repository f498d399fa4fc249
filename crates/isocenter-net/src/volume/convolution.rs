//! Convolutions of volumes, 3 x 3 x 3 with zeros beyond the border, followed by ReLU.

use super::kernels::Kernels;
use super::padded::PaddedVolume;
use crate::error::NetError;

/// Places of a kernel.
pub(crate) const TAPS: usize = 27;

/// A convolution, 3 x 3 x 3, with ReLU.
///
/// # Shapes
/// Weights [channels out, channels in, 3, 3, 3], the last index along i; one bias a channel out.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeConvolution {
    kernels: Kernels,
    biases: Vec<f32>,
}

/// The derivative of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvolutionGradient {
    /// For the weights, in their order.
    pub weights: Vec<f32>,
    /// For the biases.
    pub biases: Vec<f32>,
}

impl VolumeConvolution {
    /// From its weights.
    ///
    /// # Errors
    /// If there are no channels, or not as many weights as channels ask for.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        weights: Vec<f32>,
        biases: Vec<f32>,
    ) -> Result<Self, NetError> {
        let found = vec![weights.len(), biases.len()];
        let expected = vec![inputs * outputs * TAPS, outputs];
        if inputs * outputs > 0 && found == expected {
            Ok(Self { kernels: Kernels::of_volumes([inputs, outputs], weights), biases })
        } else {
            Err(NetError::Shape { what: "weights and biases of a convolution", found, expected })
        }
    }

    /// `max(0, W * x + b)`
    ///
    /// # Errors
    /// If x has another number of channels.
    pub fn forward(&self, x: &PaddedVolume) -> Result<PaddedVolume, NetError> {
        check_channels(x, self.kernels.inputs())?;
        let finish = |channel: usize, value: f32, _: f32| (value + self.biases[channel]).max(0.0);
        Ok(self.kernels.apply(x, None, finish))
    }

    /// The derivative of a scalar for the input, given that for the output before ReLU.
    ///
    /// `input` is what the derivative is taken at: where it came through a ReLU as zero, the
    /// derivative in front of that is zero too, and that is what is returned.
    ///
    /// # Errors
    /// If the volumes have other numbers of channels.
    pub fn input_gradient(
        &self,
        gradient: &PaddedVolume,
        input: &PaddedVolume,
    ) -> Result<PaddedVolume, NetError> {
        check_channels(gradient, self.kernels.outputs())?;
        check_channels(input, self.kernels.inputs())?;
        let finish = |_, value: f32, input: f32| if input > 0.0 { value } else { 0.0 };
        Ok(self.kernels.transposed().apply(gradient, Some(input), finish))
    }

    /// The derivative of a scalar for the weights, given that for the output before ReLU.
    ///
    /// # Errors
    /// If the volumes have other numbers of channels.
    pub fn weight_gradient(
        &self,
        gradient: &PaddedVolume,
        input: &PaddedVolume,
    ) -> Result<ConvolutionGradient, NetError> {
        check_channels(gradient, self.kernels.outputs())?;
        check_channels(input, self.kernels.inputs())?;
        Ok(ConvolutionGradient {
            weights: self.kernels.gradient(gradient, input),
            biases: gradient.sums(),
        })
    }
}

fn check_channels(volume: &PaddedVolume, expected: usize) -> Result<(), NetError> {
    match volume.channels() == expected {
        true => Ok(()),
        false => Err(NetError::Shape {
            what: "the channels of a volume",
            found: vec![volume.channels()],
            expected: vec![expected],
        }),
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the convolution is the one that its definition says, at every border and for sizes
    //! that do not fill a vector; the gradients are its derivatives (transposes, by inner products:
    //! exact but for rounding).
    use super::*;
    use rand::{RngExt, SeedableRng};

    // Two bands of rows, the second not full.
    const DIMS: [usize; 3] = [19, 18, 3];

    fn draw(rng: &mut rand_chacha::ChaCha8Rng, count: usize) -> Vec<f32> {
        (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn volume(rng: &mut rand_chacha::ChaCha8Rng, channels: usize) -> PaddedVolume {
        let len = DIMS.iter().product();
        let values: Vec<Vec<f32>> = (0..channels).map(|_| draw(rng, len)).collect();
        let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        PaddedVolume::from_channels(&values, DIMS).unwrap()
    }

    fn convolution(rng: &mut rand_chacha::ChaCha8Rng, channels: [usize; 2]) -> VolumeConvolution {
        let weights = draw(rng, channels[0] * channels[1] * TAPS);
        VolumeConvolution::new(channels, weights, draw(rng, channels[1])).unwrap()
    }

    /// By the definition, in f64.
    fn expected(convolution: &VolumeConvolution, x: &PaddedVolume, output: usize) -> Vec<f64> {
        let [columns, rows, slices] = DIMS;
        let channels: Vec<Vec<f32>> = (0..x.channels()).map(|c| x.channel(c)).collect();
        let mut result = Vec::new();
        for (k, j, i) in (0..slices)
            .flat_map(|k| (0..rows).flat_map(move |j| (0..columns).map(move |i| (k, j, i))))
        {
            let mut sum = f64::from(convolution.biases[output]);
            for (input, values) in channels.iter().enumerate() {
                for tap in 0..TAPS {
                    let at = [i + tap % 3, j + tap / 3 % 3, k + tap / 9];
                    let inside = at.iter().zip(DIMS).all(|(&at, n)| (1..=n).contains(&at));
                    if inside {
                        let [i, j, k] = at.map(|at| at - 1);
                        let weight = convolution.kernels.weights()
                            [(output * x.channels() + input) * TAPS + tap];
                        let value = values[(k * rows + j) * columns + i];
                        sum += f64::from(weight) * f64::from(value);
                    }
                }
            }
            result.push(sum.max(0.0));
        }
        result
    }

    #[test]
    fn convolves_as_defined() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for channels in [[1, 4], [5, 3], [3, 9]] {
            let convolution = convolution(&mut rng, channels);
            let x = volume(&mut rng, channels[0]);
            let y = convolution.forward(&x).unwrap();
            for output in 0..channels[1] {
                let expected = expected(&convolution, &x, output);
                for (found, expected) in y.channel(output).iter().zip(expected) {
                    // f32 sums of up to 135 products below one.
                    assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
                }
            }
        }
    }

    fn inner(a: &PaddedVolume, b: &PaddedVolume) -> f64 {
        a.data().iter().zip(b.data()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    #[test]
    fn gradients_are_transposes() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let channels = [3, 6];
        let convolution =
            VolumeConvolution { biases: vec![100.0; 6], ..convolution(&mut rng, channels) };
        let ones = vec![1.0; DIMS.iter().product()];
        let positive = PaddedVolume::from_channels(&[&ones, &ones, &ones], DIMS).unwrap();
        let (x, gradient) = (volume(&mut rng, 3), volume(&mut rng, 6));
        // With biases this large ReLU changes nothing.
        let unbiased = convolution.forward(&x).unwrap();
        let of_biases = convolution.forward(&PaddedVolume::zeros(3, DIMS)).unwrap();
        let linear = inner(&unbiased, &gradient) - inner(&of_biases, &gradient);
        let back = convolution.input_gradient(&gradient, &positive).unwrap();
        // The sums of a hundred from f32 lose five digits of seven.
        assert!((inner(&x, &back) - linear).abs() < 2e-3 * linear.abs().max(1.0));

        let found = convolution.weight_gradient(&gradient, &x).unwrap();
        let by_weights: f64 = found
            .weights
            .iter()
            .zip(convolution.kernels.weights())
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum();
        assert!((by_weights - inner(&x, &back)).abs() < 1e-4 * by_weights.abs().max(1.0));
        let biases: f64 = found.biases.iter().map(|&b| 100.0 * f64::from(b)).sum();
        assert!((biases - inner(&of_biases, &gradient)).abs() < 1e-3 * biases.abs().max(1.0));
    }

    #[test]
    fn what_relu_held_back_has_no_gradient() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let convolution = convolution(&mut rng, [2, 3]);
        let (input, gradient) = (volume(&mut rng, 2), volume(&mut rng, 3));
        let back = convolution.input_gradient(&gradient, &input).unwrap();
        for channel in 0..2 {
            let pairs = back.channel(channel).into_iter().zip(input.channel(channel));
            for (gradient, input) in pairs {
                assert_eq!(gradient != 0.0, input > 0.0);
            }
        }
    }
}
