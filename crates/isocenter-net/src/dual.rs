//! Dual numbers: a value and its derivative along one direction, carried through the network
//! together.
//!
//! With `x(t) = x + t x'`, a layer f turns the pair (x, x') into `(f(x), df/dx x')`. Every layer of
//! this crate does both at once, the tangent beside the value, and does it with differentiable
//! operations, so that reverse mode through a tangent gives derivatives of derivatives. Where
//! nothing depends on the pose (the features of the X-ray) there is no tangent, and none is
//! computed.
//!
//! # References
//! B. A. Pearlmutter, Neural Computation 6(1), 147 (1994), doi:10.1162/neco.1994.6.1.147 (reverse
//! over forward)

use burn::tensor::Tensor;

/// A tensor, and its derivative along one direction.
///
/// # Examples
/// ```
/// use burn::tensor::{Device, Tensor};
/// use isocenter_net::dual::Dual;
/// let device = Device::flex();
/// let x = Dual::new(Tensor::<1>::from_data([3.0], &device), Tensor::from_data([1.0], &device));
/// let squared = x.square();
/// let read = |tensor: Tensor<1>| tensor.into_scalar::<f32>();
/// assert_eq!(read(squared.value().clone()), 9.0);
/// assert_eq!(squared.tangent().cloned().map(read), Some(6.0));
/// ```
#[derive(Debug, Clone)]
pub struct Dual<const D: usize> {
    value: Tensor<D>,
    tangent: Option<Tensor<D>>,
}

impl<const D: usize> Dual<D> {
    /// A value and its derivative, of the same shape.
    #[must_use]
    pub fn new(value: Tensor<D>, tangent: Tensor<D>) -> Self {
        Self { value, tangent: Some(tangent) }
    }

    /// A value that does not change.
    #[must_use]
    pub fn constant(value: Tensor<D>) -> Self {
        Self { value, tangent: None }
    }

    /// A value and, if it changes, its derivative.
    #[must_use]
    pub(crate) fn from_parts(value: Tensor<D>, tangent: Option<Tensor<D>>) -> Self {
        Self { value, tangent }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Tensor<D> {
        &self.value
    }

    /// The derivative; none is zero.
    #[must_use]
    pub fn tangent(&self) -> Option<&Tensor<D>> {
        self.tangent.as_ref()
    }

    /// Both.
    #[must_use]
    pub fn into_parts(self) -> (Tensor<D>, Option<Tensor<D>>) {
        (self.value, self.tangent)
    }

    /// A linear function: the derivative goes through it like the value.
    #[must_use]
    pub fn linear<const E: usize>(self, f: impl Fn(Tensor<D>) -> Tensor<E>) -> Dual<E> {
        let tangent = self.tangent.map(&f);
        Dual { value: f(self.value), tangent }
    }

    /// A function of each element by itself, given its value and its slope there.
    #[must_use]
    pub(crate) fn pointwise(self, value: Tensor<D>, slope: impl FnOnce() -> Tensor<D>) -> Self {
        Self { value, tangent: self.tangent.map(|tangent| tangent * slope()) }
    }

    /// The square of each element.
    #[must_use]
    pub fn square(self) -> Self {
        let x = self.value.clone();
        self.pointwise(x.clone().square(), || x * 2.0)
    }

    /// The exponential of each element.
    #[must_use]
    pub fn exp(self) -> Self {
        let value = self.value.clone().exp();
        self.pointwise(value.clone(), || value)
    }

    /// A multiple.
    #[must_use]
    pub fn scale(self, factor: f64) -> Self {
        self.linear(|x| x * factor)
    }

    /// The sum with something that does not change; shapes are broadcast.
    #[must_use]
    pub fn add_constant(self, constant: Tensor<D>) -> Self {
        Self { value: self.value + constant, tangent: self.tangent }
    }

    /// The product with something that does not change; shapes are broadcast.
    #[must_use]
    pub fn mul_constant(self, constant: Tensor<D>) -> Self {
        self.linear(|x| x * constant.clone())
    }

    /// Several side by side along a dimension.
    #[must_use]
    pub fn cat(parts: Vec<Self>, dim: usize) -> Self {
        let tangent = parts.iter().any(|part| part.tangent.is_some()).then(|| {
            let of = |part: &Self| part.tangent.clone().unwrap_or_else(|| part.value.zeros_like());
            Tensor::cat(parts.iter().map(of).collect(), dim)
        });
        Self {
            value: Tensor::cat(parts.into_iter().map(|part| part.value).collect(), dim),
            tangent,
        }
    }
}

impl<const D: usize> std::ops::Add for Dual<D> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let tangent = sum(self.tangent, other.tangent);
        Self { value: self.value + other.value, tangent }
    }
}

impl<const D: usize> std::ops::Sub for Dual<D> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let tangent = sum(self.tangent, other.tangent.map(|tangent| -tangent));
        Self { value: self.value - other.value, tangent }
    }
}

impl<const D: usize> std::ops::Mul for Dual<D> {
    type Output = Self;

    /// Shapes are broadcast.
    fn mul(self, other: Self) -> Self {
        let left = self.tangent.map(|tangent| tangent * other.value.clone());
        let right = other.tangent.map(|tangent| self.value.clone() * tangent);
        Self { value: self.value * other.value, tangent: sum(left, right) }
    }
}

fn sum<const D: usize>(left: Option<Tensor<D>>, right: Option<Tensor<D>>) -> Option<Tensor<D>> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (left, right) => left.or(right),
    }
}
