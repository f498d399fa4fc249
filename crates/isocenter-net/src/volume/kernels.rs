//! Kernels of 3 x 3 places in one slice or three, between channels: applied, transposed, and their own
//! gradient. Beyond the border are zeros.

use rayon::prelude::*;

use super::kernel::{BLOCK, KernelRow, RowPairs, RowSums, RowWeights, Tile, accumulate, correlate};
use super::padded::{Band, LANES, PaddedVolume};

/// Rows whose products are summed together.
const ROWS: usize = 8;

/// Kernels between channels.
///
/// # Shapes
/// Weights [channels out, channels in, slices, 3, 3].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kernels {
    inputs: usize,
    outputs: usize,
    /// One or three: with one, slices do not affect each other.
    slices: usize,
    weights: Vec<f32>,
}

impl Kernels {
    /// 3 x 3 x 3 places; as many weights as there have to be.
    pub(crate) fn of_volumes([inputs, outputs]: [usize; 2], weights: Vec<f32>) -> Self {
        Self { inputs, outputs, slices: 3, weights }
    }

    /// 3 x 3 places; as many weights as there have to be.
    pub(crate) fn of_images([inputs, outputs]: [usize; 2], weights: Vec<f32>) -> Self {
        Self { inputs, outputs, slices: 1, weights }
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    #[cfg(test)]
    pub(super) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Rows of a kernel.
    fn rows(&self) -> usize {
        3 * self.slices
    }

    /// Convolves; `finish` makes an output of its channel, the sum, and the value of `beside` at the
    /// same place.
    pub(crate) fn apply(
        &self,
        x: &PaddedVolume,
        beside: Option<&PaddedVolume>,
        finish: impl Fn(usize, f32, f32) -> f32 + Sync,
    ) -> PaddedVolume {
        let mut y = PaddedVolume::zeros(self.outputs, x.dims());
        self.apply_to(y.bands_mut(), x, beside, finish);
        y
    }

    /// Convolves images, given and returned one after the other: [batch, channels, rows, columns].
    pub(crate) fn apply_to_images(&self, x: &PaddedVolume) -> Vec<f32> {
        let mut y = vec![0.0; self.outputs * x.dims().into_iter().product::<usize>()];
        let bands = Band::of_images(&mut y, self.outputs, x.dims());
        self.apply_to(bands, x, None, |_, sum, _| sum);
        y
    }

    fn apply_to(
        &self,
        bands: Vec<Band<'_>>,
        x: &PaddedVolume,
        beside: Option<&PaddedVolume>,
        finish: impl Fn(usize, f32, f32) -> f32 + Sync,
    ) {
        let packed = self.packed(x);
        bands.into_par_iter().for_each(|mut band| {
            let [_, k] = band.place;
            for j in band.rows() {
                for (block, kernel) in packed.chunks_exact(self.inputs * self.rows()).enumerate() {
                    for first in (0..x.tiles()).map(|tile| tile * LANES) {
                        let mut tile: Tile = [[0.0; LANES]; BLOCK];
                        let input = &x.data()[x.padded_row_start(0, j, k) + first..];
                        accumulate(&mut tile, input, kernel);
                        let place = [first, j];
                        write_tile(&tile, &mut band, block * BLOCK, place, x, beside, &finish);
                    }
                }
            }
        });
    }

    /// Those that take gradients back: channels exchanged, places reversed.
    pub(crate) fn transposed(&self) -> Self {
        let taps = 3 * self.rows();
        let mut weights = vec![0.0; self.weights.len()];
        for (at, &weight) in self.weights.iter().enumerate() {
            let (output, input, tap) =
                (at / taps / self.inputs, at / taps % self.inputs, at % taps);
            weights[(input * self.outputs + output) * taps + (taps - 1 - tap)] = weight;
        }
        Self { inputs: self.outputs, outputs: self.inputs, slices: self.slices, weights }
    }

    /// The derivative of a scalar for the weights, given that for what is applied to `input`.
    pub(crate) fn gradient(&self, gradient: &PaddedVolume, input: &PaddedVolume) -> Vec<f32> {
        let [_, _, slices] = input.dims();
        let of_slices: Vec<Vec<f32>> = (0..slices)
            .into_par_iter()
            .map(|k| self.gradient_of_slice(gradient, input, k))
            .collect();
        // Slice after slice: the same sum whatever the number of threads.
        let mut sums = vec![0.0_f64; self.weights.len()];
        for of_slice in &of_slices {
            sums.iter_mut().zip(of_slice).for_each(|(sum, part)| *sum += f64::from(*part));
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }

    fn gradient_of_slice(
        &self,
        gradient: &PaddedVolume,
        input: &PaddedVolume,
        k: usize,
    ) -> Vec<f32> {
        let [_, rows, _] = input.dims();
        let row_len = input.row_len();
        let zeros = vec![0.0; row_len * ROWS];
        let mut result = vec![0.0; self.weights.len()];
        for first in (0..self.outputs).step_by(BLOCK) {
            let block = [0, 1, 2, 3].map(|n| first + n);
            let mut sums = vec![RowSums::default(); self.inputs * self.rows()];
            for begin in (0..rows).step_by(ROWS) {
                // What these rows read and write stays in the first cache.
                let rows = ROWS.min(rows - begin);
                let gradients = block.map(|output| match output < self.outputs {
                    true => &gradient.data()[gradient.row_start(output, begin, k)..],
                    false => &zeros[..],
                });
                for (number, sums) in sums.iter_mut().enumerate() {
                    let at = self.row_offset(number, input) + input.padded_row_start(0, begin, k);
                    let input = &input.data()[at..];
                    correlate(sums, &RowPairs { input, gradients, row_len, rows });
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                for (tap, of_tap) in sums.iter().enumerate() {
                    for (output, lanes) in block.into_iter().zip(of_tap) {
                        if output < self.outputs {
                            let of_output = output * self.inputs * self.rows() * 3;
                            result[of_output + row * 3 + tap] = lanes.iter().sum();
                        }
                    }
                }
            }
        }
        result
    }

    /// By blocks of outputs, inputs, and rows of the kernel; outputs that do not fill a block have
    /// zeros.
    fn packed(&self, x: &PaddedVolume) -> Vec<KernelRow> {
        let rows_of_block = self.inputs * self.rows();
        let row_at = |n: usize| KernelRow {
            offset: self.row_offset(n % rows_of_block, x),
            weights: RowWeights::default(),
        };
        let blocks = self.outputs.div_ceil(BLOCK);
        let mut packed: Vec<KernelRow> = (0..blocks * rows_of_block).map(row_at).collect();
        for (at, &weight) in self.weights.iter().enumerate() {
            let (row, tap) = (at / 3, at % 3);
            let (output, row) = (row / rows_of_block, row % rows_of_block);
            let at = output / BLOCK * rows_of_block + row;
            packed[at].weights[tap][output % BLOCK] = weight;
        }
        packed
    }

    /// From the first value of a volume's frame to where a kernel's row begins to read.
    fn row_offset(&self, row: usize, x: &PaddedVolume) -> usize {
        let (input, row) = (row / self.rows(), row % self.rows());
        // A kernel of one slice lies in the middle one.
        let skipped = (3 - self.slices) / 2;
        x.padded_row_start(input, row % 3, row / 3 + skipped)
    }
}

/// Writes the columns of a tile that are within the volume; `first` of its place is their first.
fn write_tile(
    tile: &Tile,
    band: &mut Band<'_>,
    block: usize,
    [first, j]: [usize; 2],
    x: &PaddedVolume,
    beside: Option<&PaddedVolume>,
    finish: &impl Fn(usize, f32, f32) -> f32,
) {
    let [columns, ..] = x.dims();
    let count = LANES.min(columns - first);
    let [_, k] = band.place;
    let outputs = band.channels_at(block, [first, j], count);
    for (channel, (output, sums)) in outputs.zip(tile).enumerate() {
        let channel = block + channel;
        match beside {
            None => {
                for (output, &sum) in output.iter_mut().zip(sums) {
                    *output = finish(channel, sum, 0.0);
                }
            }
            Some(beside) => {
                let at = beside.row_start(channel, j, k) + first;
                let beside = &beside.data()[at..at + count];
                for ((output, &sum), &beside) in output.iter_mut().zip(sums).zip(beside) {
                    *output = finish(channel, sum, beside);
                }
            }
        }
    }
}
