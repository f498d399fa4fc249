//! How weights follow their gradients: stochastic gradient descent with momentum, or AdamW.
//!
//! Weights and moments are plain arrays by path, changed in one pass over memory; with a GPU they
//! travel there and back once a step.
//!
//! ```text
//! SGD     m = momentum m + g;                          w = w - rate m
//! AdamW   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//!         w = w - rate (m / (1 - b1^n)) / (sqrt(v / (1 - b2^n)) + 1e-8) - rate decay w
//! ```
//!
//! Only what is multiplied with inputs decays: biases, gains of normalisations and the log variances of the
//! losses, all of one dimension, have no reason to be small.
//!
//! # References
//! I. Loshchilov, F. Hutter, arXiv:1711.05101 (AdamW)

use burn::module::Module;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::weights::{self, Array, Arrays};

/// Which rule weights follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Gradient descent with momentum.
    Sgd {
        /// What is kept of the last change.
        momentum: f64,
    },
    /// Adam with decoupled decay of weights.
    #[serde(rename = "adam-w")]
    AdamW {
        /// What is kept of the mean gradient and of the mean square.
        #[serde(default = "usual_betas")]
        betas: [f64; 2],
        /// The part of the learning rate by which matrices and kernels shrink.
        #[serde(default)]
        weight_decay: f64,
    },
}

fn usual_betas() -> [f64; 2] {
    [0.9, 0.999]
}

/// Keeps AdamW's denominator above zero.
const EPSILON: f64 = 1e-8;

/// Values that one task works on.
const CHUNK: usize = 1 << 14;

impl OptimizerConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first that makes no sense.
    pub fn check(&self) -> Result<(), NetError> {
        let part = |x: f64| (0.0..1.0).contains(&x);
        let (name, found, fits, expected) = match *self {
            Self::Sgd { momentum } => (
                "optimizer.momentum",
                momentum.to_string(),
                part(momentum),
                "at least 0 and below 1",
            ),
            Self::AdamW { betas, .. } if !betas.into_iter().all(part) => {
                ("optimizer.betas", format!("{betas:?}"), false, "two numbers from 0, below 1")
            }
            Self::AdamW { weight_decay, .. } => {
                let fits = (0.0..=10.0).contains(&weight_decay);
                ("optimizer.weight_decay", weight_decay.to_string(), fits, "0 to 10")
            }
        };
        match fits {
            true => Ok(()),
            false => Err(NetError::Setting { name, found, expected }),
        }
    }

    fn moments(&self) -> usize {
        match self {
            Self::Sgd { .. } => 1,
            Self::AdamW { .. } => 2,
        }
    }
}

/// The optimiser, with what it remembers of past gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// Steps made.
    steps: u64,
    /// By path: the mean gradient and, for AdamW, the mean square.
    moments: [Arrays; 2],
}

impl Optimizer {
    /// That remembers nothing.
    #[must_use]
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, steps: 0, moments: Default::default() }
    }

    /// That goes on after some steps.
    #[must_use]
    pub fn resumed(config: OptimizerConfig, steps: u64, moments: [Arrays; 2]) -> Self {
        Self { config, steps, moments }
    }

    /// What it remembers: mean gradients and mean squares by path.
    #[must_use]
    pub fn moments(&self) -> &[Arrays; 2] {
        &self.moments
    }

    /// Starts a step: what follows belongs to it.
    pub fn begin_step(&mut self) {
        self.steps += 1;
    }

    /// A module after the step; weights without a gradient stay as they are. `prefix` keeps the
    /// paths of several modules apart.
    ///
    /// # Errors
    /// If a gradient has another size than its weight, or values cannot be read from the device.
    pub fn update<M: Module>(
        &mut self,
        prefix: &str,
        module: M,
        gradients: &Arrays,
        learning_rate: f64,
    ) -> Result<M, NetError> {
        weights::changed(module, |path, values, shape| {
            let Some(gradient) = gradients.get(path) else { return Ok(()) };
            if gradient.values.len() != values.len() {
                let (path, found) = (path.to_owned(), gradient.shape.clone());
                return Err(NetError::WeightShape { path, found, expected: shape.into() });
            }
            self.change(&format!("{prefix}{path}"), values, gradient, learning_rate);
            Ok(())
        })
    }

    fn change(&mut self, path: &str, values: &mut [f32], gradient: &Array, learning_rate: f64) {
        let wanted = self.config.moments();
        for moments in self.moments.iter_mut().take(wanted) {
            let zeros = || Array { values: vec![0.0; values.len()], ..gradient.clone() };
            let known = moments.get(path).is_some_and(|m| m.values.len() == values.len());
            if !known {
                moments.insert(path.to_owned(), zeros());
            }
        }
        let [first, second] = &mut self.moments;
        let mut none = Vec::new();
        let mut of = |moments: &mut Arrays| match moments.get_mut(path) {
            Some(array) => std::mem::take(&mut array.values),
            None => std::mem::take(&mut none),
        };
        let (mut m, mut v) = (of(first), of(second));
        match self.config {
            OptimizerConfig::Sgd { momentum } => {
                descend(values, &gradient.values, &mut m, learning_rate, momentum);
            }
            OptimizerConfig::AdamW { betas, weight_decay } => {
                let weight_decay = if gradient.shape.len() > 1 { weight_decay } else { 0.0 };
                let rule = AdamW { betas, weight_decay, learning_rate, steps: self.steps };
                rule.descend(values, &gradient.values, &mut m, &mut v);
            }
        }
        for (moments, values) in [(first, m), (second, v)] {
            if let Some(array) = moments.get_mut(path) {
                array.values = values;
            }
        }
    }
}

fn descend(values: &mut [f32], gradient: &[f32], m: &mut [f32], rate: f64, momentum: f64) {
    let (rate, momentum) = (rate as f32, momentum as f32);
    let all = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    all.zip(m.par_chunks_mut(CHUNK)).for_each(|((values, gradient), m)| {
        for ((value, &gradient), m) in values.iter_mut().zip(gradient).zip(m) {
            *m = momentum * *m + gradient;
            *value -= rate * *m;
        }
    });
}

struct AdamW {
    betas: [f64; 2],
    weight_decay: f64,
    learning_rate: f64,
    steps: u64,
}

impl AdamW {
    fn descend(&self, values: &mut [f32], gradient: &[f32], m: &mut [f32], v: &mut [f32]) {
        let [b1, b2] = self.betas;
        let correction = |beta: f64| 1.0 - beta.powi(i32::try_from(self.steps).unwrap_or(i32::MAX));
        let rate = (self.learning_rate / correction(b1)) as f32;
        let inverse_root = correction(b2).sqrt().recip() as f32;
        let keep = (1.0 - self.learning_rate * self.weight_decay) as f32;
        let [b1, b2, epsilon] = [b1 as f32, b2 as f32, EPSILON as f32];
        let all = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
        let moments = m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK));
        all.zip(moments).for_each(|((values, gradient), (m, v))| {
            for (((value, &g), m), v) in values.iter_mut().zip(gradient).zip(m).zip(v) {
                *m += (1.0 - b1) * (g - *m);
                *v += (1.0 - b2) * (g * g - *v);
                *value = keep * *value - rate * *m / (v.sqrt() * inverse_root + epsilon);
            }
        });
    }
}

/// The length of all gradients together; scales them down to a largest length.
///
/// # Examples
/// ```
/// use isocenter_net::train::optimizer::clip;
/// use isocenter_net::weights::{Array, Arrays};
/// let array = Array { shape: vec![2], values: vec![3.0, 4.0] };
/// let mut gradients = Arrays::from([("a".to_owned(), array)]);
/// assert_eq!(clip([&mut gradients], 1.0), 5.0);
/// assert!((gradients["a"].values[1] - 0.8).abs() < 1e-6);
/// ```
pub fn clip<const N: usize>(mut gradients: [&mut Arrays; N], largest: f64) -> f64 {
    // A sum over chunks in order: the same for any number of threads.
    let square = |values: &[f32]| values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let of = |array: &Array| -> f64 {
        array.values.par_chunks(CHUNK).map(square).collect::<Vec<f64>>().iter().sum()
    };
    let arrays = gradients.iter().flat_map(|arrays| arrays.values());
    let length = arrays.map(of).sum::<f64>().sqrt();
    if length > largest {
        let factor = (largest / length) as f32;
        for array in gradients.iter_mut().flat_map(|arrays| arrays.values_mut()) {
            array.values.par_iter_mut().for_each(|x| *x *= factor);
        }
    }
    length
}

#[cfg(test)]
mod tests {
    //! Proves: both rules are their formulas (by numbers worked out in f64), what has one dimension does
    //! not decay, moments are kept apart by prefix, weights without gradients stay, and gradients of
    //! another size are refused.
    use burn::module::Param;
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[derive(Module, Debug)]
    struct Weights {
        matrix: Param<Tensor<2>>,
        bias: Param<Tensor<1>>,
        kept: Param<Tensor<1>>,
    }

    fn first() -> Weights {
        let tensor = |values: [f32; 2]| Tensor::<1>::from_data(values, &Device::flex());
        Weights {
            matrix: Param::from_tensor(tensor([1.0, -2.0]).reshape([1, 2])),
            bias: Param::from_tensor(tensor([1.0, -2.0])),
            kept: Param::from_tensor(tensor([5.0, 6.0])),
        }
    }

    fn gradients(values: [f32; 2]) -> Arrays {
        let array = |shape: &[usize]| Array { shape: shape.into(), values: values.to_vec() };
        Arrays::from([("matrix".to_owned(), array(&[1, 2])), ("bias".to_owned(), array(&[2]))])
    }

    fn run(config: OptimizerConfig) -> Arrays {
        let mut optimizer = Optimizer::new(config);
        let mut module = first();
        for values in [[0.5, 1.0], [0.25, -3.0]] {
            optimizer.begin_step();
            module = optimizer.update("net.", module, &gradients(values), 0.1).unwrap();
        }
        assert!(optimizer.moments()[0].contains_key("net.matrix"));
        let arrays = weights::of(&module).unwrap();
        assert_eq!(arrays["kept"].values, [5.0, 6.0]);
        arrays
    }

    fn check(array: &Array, expected: [f64; 2]) {
        for (found, expected) in array.values.iter().zip(expected) {
            // A few operations in f32.
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn sgd_has_momentum() {
        let wanted = |w: f64, [a, b]: [f64; 2]| w - 0.1 * a - 0.1 * (0.9 * a + b);
        let expected = [wanted(1.0, [0.5, 0.25]), wanted(-2.0, [1.0, -3.0])];
        let found = run(OptimizerConfig::Sgd { momentum: 0.9 });
        ["matrix", "bias"].iter().for_each(|path| check(&found[*path], expected));
    }

    #[test]
    fn adam_w_is_its_formula() {
        let wanted = |mut w: f64, gradients: [f64; 2], decay: f64| {
            let (mut m, mut v) = (0.0, 0.0);
            for (n, g) in gradients.into_iter().enumerate() {
                m = 0.9 * m + 0.1 * g;
                v = 0.99 * v + 0.01 * g * g;
                let n = n as i32 + 1;
                let (m, v): (f64, f64) =
                    (m / (1.0 - 0.9_f64.powi(n)), v / (1.0 - 0.99_f64.powi(n)));
                w -= 0.1 * m / (v.sqrt() + 1e-8) + 0.1 * decay * w;
            }
            w
        };
        let found = run(OptimizerConfig::AdamW { betas: [0.9, 0.99], weight_decay: 0.2 });
        for (path, decay) in [("matrix", 0.2), ("bias", 0.0)] {
            let expected = [wanted(1.0, [0.5, 0.25], decay), wanted(-2.0, [1.0, -3.0], decay)];
            check(&found[path], expected);
        }
    }

    #[test]
    fn another_size_is_refused() {
        let mut optimizer = Optimizer::new(OptimizerConfig::Sgd { momentum: 0.0 });
        let array = Array { shape: vec![3], values: vec![0.0; 3] };
        let gradients = Arrays::from([("bias".to_owned(), array)]);
        let error = optimizer.update("", first(), &gradients, 0.1).unwrap_err();
        assert!(matches!(error, NetError::WeightShape { .. }), "{error}");
    }
}
