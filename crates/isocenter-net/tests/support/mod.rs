//! Weights and inputs that depend on their names alone, as in `tools/golden/network/golden.py`.
#![allow(dead_code, reason = "each test file uses what it needs")]
#![allow(unreachable_pub, reason = "each test file includes this module")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

pub mod case;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};

/// `count` numbers in [-1, 1) that only depend on the name.
pub fn hashed(name: &str, count: usize) -> Vec<f32> {
    let seed = name
        .bytes()
        .fold(2_166_136_261_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(16_777_619));
    let number = |n: usize| {
        let mut h = (n as u32).wrapping_mul(2_654_435_761).wrapping_add(seed);
        h = (h ^ (h >> 15)).wrapping_mul(2_246_822_519);
        h = (h ^ (h >> 13)).wrapping_mul(3_266_489_917);
        h ^= h >> 16;
        (f64::from(h) / 2.0_f64.powi(31) - 1.0) as f32
    };
    (0..count).map(number).collect()
}

/// The path of a parameter, kinds of network and normalisation left out.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn leave(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        const KINDS: [&str; 5] = ["DualBranch", "Prost", "Sopi", "Batch", "Group"];
        let kept = self.0.iter().filter(|part| !KINDS.contains(&part.as_str()));
        kept.cloned().collect::<Vec<_>>().join(".")
    }
}

/// The module with hashed weights.
pub fn with_hashed_weights<M: Module>(module: M) -> M {
    struct Mapper(Path);
    impl ModuleMapper for Mapper {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.0.enter(name);
        }

        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.leave();
        }

        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.0.name();
            if name.contains("running") {
                return param;
            }
            param.map(|tensor| {
                let shape = tensor.dims();
                let u = hashed(&name, shape.iter().product()).into_iter().map(f64::from);
                let fan_in = shape[1..].iter().product::<usize>() as f64;
                let value = |u: f64| match D {
                    _ if name.ends_with("gain.gain") => 1.0 + 0.2 * u,
                    1 => 0.3 * u,
                    2 => 2.0 * u / (shape[0] as f64).sqrt(),
                    _ => u / fan_in.sqrt(),
                };
                let values: Vec<f32> = u.map(|u| value(u) as f32).collect();
                let device = tensor.device();
                Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
            })
        }
    }
    module.map(&mut Mapper(Path::default()))
}

/// A parameter's gradient, by name: its length, and its product with hashed numbers.
pub fn summed_up<M: Module>(module: &M, gradients: &Gradients) -> Vec<(String, [f64; 2])> {
    struct Visitor<'a>(Path, &'a Gradients, Vec<(String, [f64; 2])>);
    impl ModuleVisitor for Visitor<'_> {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.0.enter(name);
        }

        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.leave();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let Some(gradient) = param.val().grad(self.1) else { return };
            let name = self.0.name();
            let values = gradient.try_to_vec_as::<f32>().unwrap();
            let length = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            let hashed = hashed(&format!("{name}?"), values.len());
            let product =
                values.iter().zip(hashed).map(|(&v, h)| f64::from(v) * f64::from(h)).sum();
            self.2.push((name, [length, product]));
        }
    }
    let mut visitor = Visitor(Path::default(), gradients, Vec::new());
    module.visit(&mut visitor);
    visitor.2
}

/// Compares what [`summed_up`] gives, weight for weight, relative to the largest gradient of the part of
/// the model it is in: a bias in front of a normalisation has none. Every weight has to be there.
pub fn compare_gradients(expected: &BTreeMap<String, [f64; 2]>, found: &[(String, [f64; 2])]) {
    let part = |name: &str| name.split('.').take(2).collect::<Vec<_>>().join(".");
    for (name, found) in found {
        let largest = expected
            .iter()
            .filter(|(other, _)| part(other) == part(name))
            .fold(0.0_f64, |largest, (_, [length, _])| largest.max(*length));
        for (found, expected) in found.iter().zip(expected[name.as_str()]) {
            let off = (found - expected).abs() / largest;
            assert!(off < 1e-3, "{name}: {found:e}, expected {expected:e}, off by {off:e}");
        }
    }
    assert_eq!(found.len(), expected.len(), "every weight has a gradient");
}
