//! Convolutions of volumes, 3 x 3 x 3 with zeros beyond the border, followed by ReLU.

use rayon::prelude::*;

use super::kernel::{BLOCK, RowSums, RowWeights, Tile, accumulate, correlate};
use super::padded::{LANES, PaddedVolume};
use crate::error::NetError;

/// Places of a kernel.
pub(crate) const TAPS: usize = 27;

/// A convolution, 3 x 3 x 3, with ReLU.
///
/// # Shapes
/// Weights [channels out, channels in, 3, 3, 3], the last index along i; one bias a channel out.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeConvolution {
    inputs: usize,
    outputs: usize,
    weights: Vec<f32>,
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
    /// If there are not as many as channels ask for.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        weights: Vec<f32>,
        biases: Vec<f32>,
    ) -> Result<Self, NetError> {
        let found = vec![weights.len(), biases.len()];
        let expected = vec![inputs * outputs * TAPS, outputs];
        if found == expected {
            Ok(Self { inputs, outputs, weights, biases })
        } else {
            Err(NetError::Shape { what: "weights and biases of a convolution", found, expected })
        }
    }

    /// `max(0, W * x + b)`
    ///
    /// # Errors
    /// If x has another number of channels.
    pub fn forward(&self, x: &PaddedVolume) -> Result<PaddedVolume, NetError> {
        self.check_channels(x, self.inputs)?;
        let packed = self.packed();
        let mut y = PaddedVolume::zeros(self.outputs, x.dims());
        let finish = |channel: usize, value: f32, _: f32| (value + self.biases[channel]).max(0.0);
        convolve(x, &packed, &mut y, None, finish);
        Ok(y)
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
        self.check_channels(gradient, self.outputs)?;
        self.check_channels(input, self.inputs)?;
        let packed = self.transposed().packed();
        let mut result = PaddedVolume::zeros(self.inputs, input.dims());
        let finish = |_, value: f32, input: f32| if input > 0.0 { value } else { 0.0 };
        convolve(gradient, &packed, &mut result, Some(input), finish);
        Ok(result)
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
        self.check_channels(gradient, self.outputs)?;
        self.check_channels(input, self.inputs)?;
        let [_, _, slices] = input.dims();
        let of_slices: Vec<Vec<f32>> = (0..slices)
            .into_par_iter()
            .map(|k| self.weight_gradient_of_slice(gradient, input, k))
            .collect();
        // Slice after slice: the same sum whatever the number of threads.
        let mut sums = vec![0.0_f64; self.weights.len() + self.outputs];
        for of_slice in &of_slices {
            sums.iter_mut().zip(of_slice).for_each(|(sum, part)| *sum += f64::from(*part));
        }
        let sums: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
        let (weights, biases) = sums.split_at(self.weights.len());
        Ok(ConvolutionGradient { weights: weights.to_vec(), biases: biases.to_vec() })
    }

    /// Weights, then biases.
    fn weight_gradient_of_slice(
        &self,
        gradient: &PaddedVolume,
        input: &PaddedVolume,
        k: usize,
    ) -> Vec<f32> {
        let [_, rows, _] = input.dims();
        let row_len = input.row_len();
        let zeros = vec![0.0; row_len];
        let gradient_row = |channel: usize, j: usize| match channel < self.outputs {
            true => {
                let at = gradient.row_start(channel, j, k);
                &gradient.data()[at..at + row_len - 2]
            }
            false => &zeros[..row_len - 2],
        };
        let mut result = vec![0.0; self.weights.len() + self.outputs];
        for first in (0..self.outputs).step_by(BLOCK) {
            let block = [0, 1, 2, 3].map(|n| first + n);
            for (channel, tap) in (0..self.inputs * 9).map(|n| (n / 9, n % 9)) {
                let (tap_k, tap_j) = (tap / 3, tap % 3);
                let mut sums: RowSums = Default::default();
                let pairs = (0..rows).map(|j| {
                    let at = input.padded_row_start(channel, j + tap_j, k + tap_k);
                    let row = &input.data()[at..at + row_len];
                    (row, block.map(|output| gradient_row(output, j)))
                });
                correlate(&mut sums, pairs);
                for (tap_i, of_offset) in sums.iter().enumerate() {
                    for (output, lanes) in block.into_iter().zip(of_offset) {
                        if output < self.outputs {
                            let at = (output * self.inputs + channel) * TAPS + tap * 3 + tap_i;
                            result[at] = lanes.iter().sum();
                        }
                    }
                }
            }
        }
        for (output, sum) in result[self.weights.len()..].iter_mut().enumerate() {
            *sum = (0..rows).map(|j| gradient_row(output, j).iter().sum::<f32>()).sum();
        }
        result
    }

    /// The convolution that takes gradients back: channels exchanged, kernels reversed.
    fn transposed(&self) -> Self {
        let mut weights = vec![0.0; self.weights.len()];
        for (at, &weight) in self.weights.iter().enumerate() {
            let (output, input, tap) =
                (at / TAPS / self.inputs, at / TAPS % self.inputs, at % TAPS);
            weights[(input * self.outputs + output) * TAPS + (TAPS - 1 - tap)] = weight;
        }
        Self { inputs: self.outputs, outputs: self.inputs, weights, biases: vec![0.0; self.inputs] }
    }

    /// By blocks of outputs, inputs, and rows of the kernel; outputs that do not fill a block have
    /// zeros.
    fn packed(&self) -> Packed {
        let blocks = self.outputs.div_ceil(BLOCK);
        let mut rows = vec![RowWeights::default(); blocks * self.inputs * 9];
        for (at, &weight) in self.weights.iter().enumerate() {
            let (output, input, tap) =
                (at / TAPS / self.inputs, at / TAPS % self.inputs, at % TAPS);
            let row = (output / BLOCK * self.inputs + input) * 9 + tap / 3;
            rows[row][tap % 3][output % BLOCK] = weight;
        }
        Packed { inputs: self.inputs, rows }
    }

    fn check_channels(&self, volume: &PaddedVolume, expected: usize) -> Result<(), NetError> {
        match volume.channels() == expected {
            true => Ok(()),
            false => Err(NetError::Shape {
                what: "the channels of a volume",
                found: vec![volume.channels()],
                expected: vec![expected],
            }),
        }
    }
}

/// Weights in the order in which they are used.
struct Packed {
    inputs: usize,
    rows: Vec<RowWeights>,
}

/// Convolves, slice by slice; `finish` makes an output of its channel, the sum, and the value of
/// `beside` at the same place.
fn convolve(
    x: &PaddedVolume,
    packed: &Packed,
    y: &mut PaddedVolume,
    beside: Option<&PaddedVolume>,
    finish: impl Fn(usize, f32, f32) -> f32 + Sync,
) {
    let [columns, rows, _] = x.dims();
    let (tiles, row_len, channels) = (x.tiles(), x.row_len(), y.channels());
    y.slices_mut().into_par_iter().enumerate().for_each(|(k, mut outputs)| {
        for j in 0..rows {
            for (block, weights) in packed.rows.chunks_exact(packed.inputs * 9).enumerate() {
                for first in (0..tiles).map(|tile| tile * LANES) {
                    let mut tile: Tile = [[0.0; LANES]; BLOCK];
                    let kernel_rows = weights.iter().enumerate().map(|(row, weights)| {
                        let (input, tap_k, tap_j) = (row / 9, row / 3 % 3, row % 3);
                        let at = x.padded_row_start(input, j + tap_j, k + tap_k) + first;
                        (&x.data()[at..], weights)
                    });
                    accumulate(&mut tile, kernel_rows);
                    let count = LANES.min(columns - first);
                    for (n, sums) in tile.iter().enumerate() {
                        let channel = block * BLOCK + n;
                        if channel == channels {
                            break;
                        }
                        let at = (j + 1) * row_len + 1 + first;
                        let output = &mut outputs[channel][at..at + count];
                        match beside {
                            None => {
                                for (output, &sum) in output.iter_mut().zip(sums) {
                                    *output = finish(channel, sum, 0.0);
                                }
                            }
                            Some(beside) => {
                                let at = beside.row_start(channel, j, k) + first;
                                let beside = &beside.data()[at..at + count];
                                for ((output, &sum), &b) in output.iter_mut().zip(sums).zip(beside)
                                {
                                    *output = finish(channel, sum, b);
                                }
                            }
                        }
                    }
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    //! Proves: the convolution is the one that its definition says, at every border and for sizes
    //! that do not fill a vector; the gradients are its derivatives (transposes, by inner products:
    //! exact but for rounding).
    use super::*;
    use rand::{RngExt, SeedableRng};

    const DIMS: [usize; 3] = [19, 5, 4];

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
                        let weight =
                            convolution.weights[(output * x.channels() + input) * TAPS + tap];
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
            .zip(&convolution.weights)
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
