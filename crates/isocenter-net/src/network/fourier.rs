//! The global branch: fast Fourier convolutions, which see the whole map at once.
//!
//! Half the channels are local, half global. Three convolutions of 3 x 3 connect local to local,
//! local to global and global to local; global to global goes through the spectrum of the map: a
//! linear layer of the frequencies' real and imaginary parts, shared by all frequencies, is a
//! convolution as wide as the map. A second such unit works on a quarter of the channels, cut into
//! 2 x 2 tiles. Batch (or group) normalisation and ReLU follow each; two in a row are one residual
//! block.
//!
//! Maps are small, so that the discrete Fourier transform of real values, orthonormal, is one
//! product with a matrix: exact, differentiable, and linear for tangents too.
//!
//! # References
//! L. Chi, B. Jiang, Y. Mu, *Fast Fourier Convolution*, NeurIPS 2020

use std::f64::consts::TAU;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use super::config::{CHANNELS, Normalization};
use super::norm::Norm;
use crate::dual::Dual;
use crate::layer::{Border, Context, Convolution2d, Init};

/// Channels of each half.
const HALF: usize = CHANNELS / 2;

/// Channels within the spectral transform.
const SPECTRAL: usize = HALF / 2;

/// Two fast Fourier convolutions and what they add to their input.
#[derive(Module, Debug)]
pub struct FourierBlock {
    /// One after the other.
    pub convolutions: Vec<FourierConvolution>,
}

impl FourierBlock {
    /// For maps of [columns, rows].
    #[must_use]
    pub fn new(kind: Normalization, map_px: [usize; 2], init: &mut Init) -> Self {
        Self { convolutions: (0..2).map(|_| FourierConvolution::new(kind, map_px, init)).collect() }
    }

    /// [batch, 64, rows, columns] to the same.
    #[must_use]
    pub fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let through = |x, convolution: &FourierConvolution| convolution.forward(x, context);
        x.clone() + self.convolutions.iter().fold(x, through)
    }
}

/// A fast Fourier convolution, normalised, with ReLU.
#[derive(Module, Debug)]
pub struct FourierConvolution {
    /// Local channels to local ones.
    pub local_from_local: Convolution2d,
    /// Global channels to local ones.
    pub local_from_global: Convolution2d,
    /// Local channels to global ones.
    pub global_from_local: Convolution2d,
    /// Global channels to global ones.
    pub global_from_global: SpectralTransform,
    /// Of the local channels.
    pub local_norm: Norm,
    /// Of the global channels.
    pub global_norm: Norm,
}

impl FourierConvolution {
    fn new(kind: Normalization, map_px: [usize; 2], init: &mut Init) -> Self {
        let convolution = |init: &mut Init| {
            Convolution2d::new([HALF, HALF], 3, Border::Reflected, init).without_bias()
        };
        Self {
            local_from_local: convolution(init),
            local_from_global: convolution(init),
            global_from_local: convolution(init),
            global_from_global: SpectralTransform::new(kind, map_px, init),
            local_norm: Norm::new(kind, HALF, init),
            global_norm: Norm::new(kind, HALF, init),
        }
    }

    fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let local = channels(&x, 0..HALF);
        let global = channels(&x, HALF..CHANNELS);
        let to_local = self.local_from_local.forward(local.clone())
            + self.local_from_global.forward(global.clone());
        let to_global = self.global_from_local.forward(local)
            + self.global_from_global.forward(global, context);
        let local = self.local_norm.forward(to_local, context).relu();
        let global = self.global_norm.forward(to_global, context).relu();
        Dual::cat(vec![local, global], 1)
    }
}

fn channels(x: &Dual<4>, range: std::ops::Range<usize>) -> Dual<4> {
    x.clone().linear(|x| x.narrow(1, range.start, range.len()))
}

/// Global channels to global ones, by way of the spectrum.
#[derive(Module, Debug)]
pub struct SpectralTransform {
    /// To half the channels.
    pub narrow: Convolution2d,
    /// Of these.
    pub norm: Norm,
    /// Of the whole map.
    pub unit: FourierUnit,
    /// Of its tiles.
    pub tile_unit: FourierUnit,
    /// Back to all channels.
    pub widen: Convolution2d,
}

impl SpectralTransform {
    fn new(kind: Normalization, [columns, rows]: [usize; 2], init: &mut Init) -> Self {
        Self {
            narrow: Convolution2d::pointwise([HALF, SPECTRAL], init).without_bias(),
            norm: Norm::new(kind, SPECTRAL, init),
            unit: FourierUnit::new(kind, [columns, rows], init),
            tile_unit: FourierUnit::new(kind, [columns / 2, rows / 2], init),
            widen: Convolution2d::pointwise([SPECTRAL, HALF], init).without_bias(),
        }
    }

    fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let x = self.norm.forward(self.narrow.forward(x), context).relu();
        let tiles = channels(&x, 0..SPECTRAL / 4).linear(tiles);
        let of_tiles = self.tile_unit.forward(tiles, context).linear(|x| x.repeat(&[1, 1, 2, 2]));
        let of_map = self.unit.forward(x.clone(), context);
        self.widen.forward(x + of_map + of_tiles)
    }
}

/// The four quarters of a map as channels: those of the upper half, then of the lower, both left; the
/// same right.
fn tiles(x: Tensor<4>) -> Tensor<4> {
    let [_, _, rows, columns] = x.dims();
    let by_rows = Tensor::cat(x.split(rows / 2, 2), 1);
    Tensor::cat(by_rows.split(columns / 2, 3), 1)
}

/// A linear layer of the spectrum.
#[derive(Module, Debug)]
pub struct FourierUnit {
    /// Of real and imaginary parts, interleaved by channel.
    pub convolution: Convolution2d,
    /// Of these.
    pub norm: Norm,
    #[module(skip)]
    transform: RealFourier,
}

impl FourierUnit {
    fn new(kind: Normalization, map_px: [usize; 2], init: &mut Init) -> Self {
        let parts = 2 * SPECTRAL;
        Self {
            convolution: Convolution2d::pointwise([parts, parts], init).without_bias(),
            norm: Norm::new(kind, parts, init),
            transform: RealFourier::new(map_px),
        }
    }

    fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let spectrum = x.linear(|x| self.transform.spectrum(x));
        let spectrum = self.norm.forward(self.convolution.forward(spectrum), context).relu();
        spectrum.linear(|x| self.transform.map(x))
    }
}

/// The orthonormal discrete Fourier transform of real maps, half of the spectrum kept, as two
/// matrices.
#[derive(Debug, Clone)]
pub struct RealFourier {
    map_px: [usize; 2],
    /// [rows x columns, 2 x rows x kept columns]
    spectrum_from_map: Arc<[f32]>,
    /// [2 x rows x kept columns, rows x columns]
    map_from_spectrum: Arc<[f32]>,
}

impl RealFourier {
    /// For maps of [columns, rows].
    #[must_use]
    pub fn new(map_px: [usize; 2]) -> Self {
        let [columns, rows] = map_px;
        let kept = columns / 2 + 1;
        let (pixels, parts) = (rows * columns, 2 * rows * kept);
        let mut forward = vec![0.0; pixels * parts];
        let mut inverse = vec![0.0; pixels * parts];
        let scale = 1.0 / (pixels as f64).sqrt();
        for pixel in 0..pixels {
            let (row, column) = (pixel / columns, pixel % columns);
            for frequency in 0..rows * kept {
                let (v, u) = (frequency / kept, frequency % kept);
                // Whole turns first, so that angles stay small and exact.
                let turns = (v * row % rows) as f64 / rows as f64
                    + (u * column % columns) as f64 / columns as f64;
                let (sin, cos) = (TAU * turns).sin_cos();
                // Columns that are not kept are the conjugates of those that are.
                let twice = if u == 0 || 2 * u == columns { 1.0 } else { 2.0 };
                let parts_of = [cos, -sin].map(|part| (part * scale) as f32);
                for (part, value) in parts_of.into_iter().enumerate() {
                    let at = part * rows * kept + frequency;
                    forward[pixel * parts + at] = value;
                    inverse[at * pixels + pixel] = value * twice;
                }
            }
        }
        Self { map_px, spectrum_from_map: forward.into(), map_from_spectrum: inverse.into() }
    }

    fn kept(&self) -> usize {
        self.map_px[0] / 2 + 1
    }

    /// [batch, channels, rows, columns] to [batch, 2 channels, rows, columns / 2 + 1]: the real part
    /// of a channel's spectrum, then the imaginary one.
    #[must_use]
    pub fn spectrum(&self, maps: Tensor<4>) -> Tensor<4> {
        let [batch, channels, rows, columns] = maps.dims();
        let parts = 2 * rows * self.kept();
        let shape = [rows * columns, parts];
        let matrix = TensorData::new(self.spectrum_from_map.to_vec(), shape);
        let matrix = Tensor::<2>::from_data(matrix, &maps.device());
        maps.reshape([batch * channels, rows * columns]).matmul(matrix).reshape([
            batch,
            2 * channels,
            rows,
            self.kept(),
        ])
    }

    /// Back.
    #[must_use]
    pub fn map(&self, spectrum: Tensor<4>) -> Tensor<4> {
        let [batch, parts, rows, kept] = spectrum.dims();
        let (channels, columns) = (parts / 2, self.map_px[0]);
        let shape = [2 * rows * kept, rows * columns];
        let matrix = TensorData::new(self.map_from_spectrum.to_vec(), shape);
        let matrix = Tensor::<2>::from_data(matrix, &spectrum.device());
        spectrum
            .reshape([batch * channels, 2 * rows * kept])
            .matmul(matrix)
            .reshape([batch, channels, rows, columns])
    }
}
