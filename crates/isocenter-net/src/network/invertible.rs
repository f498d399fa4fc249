//! The local branch: an invertible network, which loses nothing of its input.
//!
//! Three affine couplings. Each mixes the channels, halves them, and changes one half by what the
//! other says:
//!
//! ```text
//! z = A x + b;   z2 = z2 + phi(z1);   z1 = z1 exp(rho(z2)) + eta(z2)
//! ```
//!
//! so that it is undone step by step, if A has an inverse.
//!
//! # References
//! L. Dinh, J. Sohl-Dickstein, S. Bengio, arXiv:1605.08803 (affine couplings);
//! D. P. Kingma, P. Dhariwal, arXiv:1807.03039 (mixing by a matrix)

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use nalgebra::DMatrix;

use super::config::CHANNELS;
use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::{Border, Convolution2d, Init};

const COUPLINGS: usize = 3;

/// Channels of each half.
const HALF: usize = CHANNELS / 2;

/// Below this pivot, relative to the largest, a matrix of f32 weights has no inverse.
const SMALLEST_PIVOT: f64 = 1e-7;

/// See the [module](self).
#[derive(Module, Debug)]
pub struct InvertibleNetwork {
    /// One after the other.
    pub couplings: Vec<Coupling>,
}

/// An affine coupling.
#[derive(Module, Debug)]
pub struct Coupling {
    /// A and b.
    pub mixing: Convolution2d,
    /// phi.
    pub phi: Bottleneck,
    /// rho.
    pub rho: Bottleneck,
    /// eta.
    pub eta: Bottleneck,
}

/// What one half says to the other: pixel by pixel, with a look at the neighbors in between.
#[derive(Module, Debug)]
pub struct Bottleneck {
    /// To twice the channels.
    pub widen: Convolution2d,
    /// Each channel's neighborhood.
    pub depthwise: Convolution2d,
    /// And back.
    pub narrow: Convolution2d,
}

impl Bottleneck {
    fn new(init: &mut Init) -> Self {
        let hidden = 2 * HALF;
        Self {
            widen: Convolution2d::pointwise([HALF, hidden], init).without_bias(),
            depthwise: Convolution2d::depthwise(hidden, 3, Border::Reflected, init).without_bias(),
            narrow: Convolution2d::pointwise([hidden, HALF], init).without_bias(),
        }
    }

    fn forward(&self, x: Dual<4>) -> Dual<4> {
        let x = self.widen.forward(x).relu6();
        self.narrow.forward(self.depthwise.forward(x).relu6())
    }

    fn of(&self, x: &Tensor<4>) -> Tensor<4> {
        self.forward(Dual::constant(x.clone())).into_parts().0
    }
}

impl Coupling {
    fn new(init: &mut Init) -> Self {
        Self {
            mixing: Convolution2d::pointwise([CHANNELS, CHANNELS], init),
            phi: Bottleneck::new(init),
            rho: Bottleneck::new(init),
            eta: Bottleneck::new(init),
        }
    }

    fn forward(&self, x: Dual<4>) -> Dual<4> {
        let z = self.mixing.forward(x);
        let z1 = z.clone().linear(|z| z.narrow(1, 0, HALF));
        let z2 = z.linear(|z| z.narrow(1, HALF, HALF));
        let z2 = z2 + self.phi.forward(z1.clone());
        let z1 = z1 * self.rho.forward(z2.clone()).exp() + self.eta.forward(z2.clone());
        Dual::cat(vec![z1, z2], 1)
    }

    fn inverse(&self, y: Tensor<4>, coupling: usize) -> Result<Tensor<4>, NetError> {
        let z1 = y.clone().narrow(1, 0, HALF);
        let z2 = y.narrow(1, HALF, HALF);
        let z1 = (z1 - self.eta.of(&z2)) * (-self.rho.of(&z2)).exp();
        let z2 = z2 - self.phi.of(&z1);
        self.unmix(Tensor::cat(vec![z1, z2], 1), coupling)
    }

    fn unmix(&self, z: Tensor<4>, coupling: usize) -> Result<Tensor<4>, NetError> {
        let weights = self.mixing.weight.val().try_to_vec_as::<f32>()?;
        let weights = weights.into_iter().map(f64::from);
        let mixing = DMatrix::from_row_iterator(CHANNELS, CHANNELS, weights);
        let eliminated = mixing.full_piv_lu();
        let pivots = eliminated.u().diagonal().map(f64::abs);
        let (smallest, largest) = (pivots.min(), pivots.max());
        let inverse = match eliminated.try_inverse() {
            Some(inverse) if smallest > SMALLEST_PIVOT * largest => inverse,
            _ => return Err(NetError::SingularMixing { coupling, pivot: smallest }),
        };
        // nalgebra keeps columns together, tensors rows.
        let rows: Vec<f32> = inverse.transpose().iter().map(|&value| value as f32).collect();
        let matrix = TensorData::new(rows, [CHANNELS, CHANNELS]);
        let matrix = Tensor::<2>::from_data(matrix, &z.device());
        let [batch, channels, rows, columns] = z.dims();
        let z = match &self.mixing.bias {
            Some(bias) => z - bias.val().reshape([1, channels, 1, 1]),
            None => z,
        };
        let z = z.reshape([batch, channels, rows * columns]);
        Ok(matrix.unsqueeze::<3>().matmul(z).reshape([batch, channels, rows, columns]))
    }
}

impl InvertibleNetwork {
    /// With first weights.
    #[must_use]
    pub fn new(init: &mut Init) -> Self {
        Self { couplings: (0..COUPLINGS).map(|_| Coupling::new(init)).collect() }
    }

    /// [batch, 64, rows, columns] to the same.
    #[must_use]
    pub fn forward(&self, x: Dual<4>) -> Dual<4> {
        self.couplings.iter().fold(x, |x, coupling| coupling.forward(x))
    }

    /// What [`forward`](Self::forward) made `y` of.
    ///
    /// # Errors
    /// If a mixing matrix is singular.
    pub fn inverse(&self, y: Tensor<4>) -> Result<Tensor<4>, NetError> {
        let undo = |y, (number, coupling): (usize, &Coupling)| coupling.inverse(y, number);
        self.couplings.iter().enumerate().rev().try_fold(y, undo)
    }
}
