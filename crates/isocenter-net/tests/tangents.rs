//! Proves, layer by layer: the tangent is the derivative (central differences), equals the
//! contraction of the gradient that reverse mode finds (to rounding), and where the layer is smooth its
//! own derivative by reverse mode is that of the contraction (differences of gradients); without a
//! tangent the value is the same.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use isocenter_net::dual::Dual;
use isocenter_net::layer::dropout::dropout;
use isocenter_net::layer::normalization::instance_norm;
use isocenter_net::layer::pooling::max_pool_2x2;
use isocenter_net::layer::upsampling::upsample_2x;
use isocenter_net::layer::{
    BatchNorm, Border, ChannelNorm, Context, Convolution2d, GroupNorm, Init, Linear, Statistics,
};
use isocenter_net::network::prost::ProstEncoder;
use isocenter_net::network::sopi::cascade::FocalBlock;
use isocenter_net::network::sopi::{AttentionBottleneck, CompositeEncoder};
use isocenter_net::network::{
    DualBranchConfig, Encoder, Evaluation, FourierBlock, InvertibleNetwork, Normalization,
    ProstConfig, distance,
};

fn device() -> Device {
    Device::flex().autodiff()
}

fn hashed(name: &str, shape: [usize; 4], scale: f32) -> Tensor<4> {
    let values = support::hashed(name, shape.iter().product());
    let values: Vec<f32> = values.into_iter().map(|value| scale * value).collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

fn inner(a: &Tensor<4>, b: &Tensor<4>) -> f64 {
    let values = |t: &Tensor<4>| t.clone().without_autodiff().try_to_vec_as::<f32>().unwrap();
    values(a).iter().zip(values(b)).map(|(&a, b)| f64::from(a) * f64::from(b)).sum()
}

/// Checks a smooth layer, second derivatives included.
fn check(name: &str, shape: [usize; 4], layer: impl Fn(Dual<4>) -> Dual<4>) {
    check_first(name, shape, &layer);
    check_second(name, shape, &layer);
}

/// The input of a check, the direction, and what each output counts.
fn case(name: &str, shape: [usize; 4], layer: &impl Fn(Dual<4>) -> Dual<4>) -> [Tensor<4>; 3] {
    let x = hashed(&format!("{name} x"), shape, 1.0);
    let outputs = layer(Dual::constant(x.clone())).value().dims();
    let direction = hashed(&format!("{name} direction"), shape, 1.0);
    [x, direction, hashed(&format!("{name} weights"), outputs, 1.0)]
}

/// The gradient of the weighted sum of a layer's outputs.
fn gradient_at(
    x: &Tensor<4>,
    weights: &Tensor<4>,
    layer: &impl Fn(Dual<4>) -> Dual<4>,
) -> Tensor<4> {
    let x = x.clone().require_grad();
    let (value, _) = layer(Dual::constant(x.clone())).into_parts();
    let mut gradients = (value * weights.clone()).sum().backward();
    x.grad_remove(&mut gradients).unwrap()
}

/// Half the length of a difference, along a direction of hashed numbers. Where ReLU bends, a few
/// elements are off.
const STEP: f64 = 1.0 / 2048.0;

/// Where it bends at many pixels.
const SHORT_STEP: f64 = STEP / 8.0;

/// Where it bends at many pixels of many layers.
const SHORTER_STEP: f64 = STEP / 16.0;

/// Checks a layer's value and tangent.
fn check_first(name: &str, shape: [usize; 4], layer: &impl Fn(Dual<4>) -> Dual<4>) {
    check_within(name, shape, STEP, layer);
}

fn check_within(
    name: &str,
    shape: [usize; 4],
    half_step: f64,
    layer: &impl Fn(Dual<4>) -> Dual<4>,
) {
    let tangent = check_contracted(name, shape, layer);
    let [x, direction, _] = case(name, shape, layer);
    let at = |step: f64| layer(Dual::constant(x.clone() + direction.clone() * step)).into_parts().0;
    let off = (at(half_step) - at(-half_step)) / (2.0 * half_step) - tangent.clone();
    let relative = (inner(&off, &off) / inner(&tangent, &tangent)).sqrt();
    assert!(relative < 0.03, "{name}: {relative} from central differences");
}

/// Checks a layer's value, and its tangent against reverse mode; returns the tangent.
fn check_contracted(
    name: &str,
    shape: [usize; 4],
    layer: &impl Fn(Dual<4>) -> Dual<4>,
) -> Tensor<4> {
    let [x, direction, weights] = case(name, shape, layer);
    let plain = layer(Dual::constant(x.clone())).into_parts();
    assert!(plain.1.is_none(), "{name}: no tangent from none");
    let (value, tangent) = layer(Dual::new(x.clone(), direction.clone())).into_parts();
    let tangent = tangent.unwrap();
    let largest = f64::from(value.clone().abs().max().into_scalar::<f32>());
    let difference = (value - plain.0).abs().max().into_scalar::<f32>();
    assert!(f64::from(difference) < 1e-6 * largest.max(1.0), "{name}: the same value");

    // Single precision, sums of some thousand products.
    let along = inner(&tangent, &weights);
    let contracted = inner(&gradient_at(&x, &weights, layer), &direction);
    let scale = (inner(&tangent, &tangent) * inner(&weights, &weights)).sqrt();
    assert!((along - contracted).abs() < 1e-5 * scale, "{name}: {along} against {contracted}");
    tangent
}

/// Checks that the derivative of `weights . f' x'` is the change of the gradient along x'.
fn check_second(name: &str, shape: [usize; 4], layer: &impl Fn(Dual<4>) -> Dual<4>) {
    let [x, direction, weights] = case(name, shape, layer);
    let leaf = x.clone().require_grad();
    let (_, tangent) = layer(Dual::new(leaf.clone(), direction.clone())).into_parts();
    let along = (tangent.unwrap() * weights.clone()).sum();
    let found = match along.is_tracked() {
        true => leaf.grad_remove(&mut along.backward()),
        // A linear layer.
        false => None,
    };
    let found = found.unwrap_or_else(|| x.zeros_like().without_autodiff());
    let at = |step: f64| gradient_at(&(x.clone() + direction.clone() * step), &weights, layer);
    let off = (at(STEP) - at(-STEP)) / (2.0 * STEP) - found.clone();
    let first = gradient_at(&x, &weights, layer);
    let scale = inner(&found, &found).max(inner(&first, &first)).sqrt();
    let relative = inner(&off, &off).sqrt() / scale;
    assert!(relative < 0.01, "{name}: second derivative {relative} off");
}

#[test]
fn activations() {
    let shape = [2, 3, 5, 7];
    check_first("relu", shape, &Dual::relu);
    check_first("leaky relu", shape, &Dual::leaky_relu);
    check_first("relu6", shape, &|x: Dual<4>| x.scale(7.0).relu6());
    check("gelu", shape, Dual::gelu);
    check("sigmoid", shape, Dual::sigmoid);
    check("exp", shape, Dual::exp);
    check("square", shape, Dual::square);
    check("product", shape, |x| x.clone().exp() * x.sigmoid());
}

#[test]
fn convolutions_and_linear_layers() {
    let mut init = Init::new(1, &device());
    let init = &mut init;
    let shape = [2, 4, 6, 8];
    let zeros = Convolution2d::new([4, 5], 3, Border::Zeros, init);
    check("zeros", shape, |x| zeros.forward(x));
    let reflected = Convolution2d::new([4, 3], 3, Border::Reflected, init).without_bias();
    check("reflected", shape, |x| reflected.forward(x));
    let patches = Convolution2d::patches([4, 6], 2, init);
    check("patches", shape, |x| patches.forward(x));
    let depthwise = Convolution2d::depthwise(4, 3, Border::Reflected, init);
    check("depthwise", shape, |x| depthwise.forward(x));
    let halving = Convolution2d::halving([4, 5], init);
    check("halving", shape, |x| halving.forward(x));
    let dilated = Convolution2d::depthwise(4, 7, Border::Zeros, init).with_dilation(2);
    check("dilated", shape, |x| dilated.forward(x));
    let linear = Linear::new(192, 10, init);
    check("linear", shape, |x| {
        linear.forward(x.linear(|x| x.flatten::<2>(1, 3))).linear(|y| y.reshape([2, 10, 1, 1]))
    });
}

#[test]
fn normalizations() {
    let init = Init::new(1, &device());
    let shape = [3, 8, 4, 6];
    check("instance norm", shape, |x| instance_norm(x, 1e-5));
    let channel = support::with_hashed_weights(ChannelNorm::new(8, 1e-6, &init));
    check("channel norm", shape, |x| channel.forward(x));
    let group = support::with_hashed_weights(GroupNorm::new(8, 2, &init));
    check("group norm", shape, |x| group.forward(x));
    let batch = support::with_hashed_weights(BatchNorm::new(8, &init));
    let context = Context::training(Statistics::Batch, 0);
    check("batch norm", shape, |x| batch.forward(x, &context));
    let context = Context::inference();
    check("batch norm in use", shape, |x| batch.forward(x, &context));
}

#[test]
fn pooling() {
    check_first("pooling", [2, 3, 4, 6], &max_pool_2x2);
    let x: Vec<f32> = (0..8_u8).map(f32::from).collect();
    let x = Tensor::from_data(TensorData::new(x, [1, 1, 2, 4]), &device());
    let (largest, _) = max_pool_2x2(Dual::constant(x)).into_parts();
    assert_eq!(largest.dims(), [1, 1, 1, 2]);
    assert_eq!(largest.try_to_vec_as::<f32>().unwrap(), [5.0, 7.0]);
    let odd = hashed("odd", [1, 1, 3, 5], 1.0);
    let even = odd.clone().narrow(2, 0, 2).narrow(3, 0, 4);
    let [odd, even] = [odd, even].map(|x| max_pool_2x2(Dual::constant(x)).value().clone());
    assert_eq!(odd.into_data(), even.into_data());
}

#[test]
fn upsampling() {
    check("upsampling", [2, 3, 4, 6], upsample_2x);
    let x = Tensor::from_data(TensorData::new(vec![0.0_f32, 3.0], [1, 1, 1, 2]), &device());
    let (larger, _) = upsample_2x(Dual::constant(x)).into_parts();
    assert_eq!(larger.dims(), [1, 1, 2, 4]);
    let found = larger.try_to_vec_as::<f32>().unwrap();
    for (found, expected) in found.into_iter().zip([0.0, 1.0, 2.0, 3.0].repeat(2)) {
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
    }
}

/// Several maps as one.
fn joined(maps: Vec<Dual<4>>) -> Dual<4> {
    let flat = maps.into_iter().map(|map| map.linear(|x| x.flatten::<2>(1, 3))).collect();
    Dual::cat(flat, 1).linear(|x| {
        let [batch, values] = x.dims();
        x.reshape([batch, values, 1, 1])
    })
}

#[test]
fn parts_of_the_composite_baseline() {
    let mut init = Init::new(1, &device());
    let focal = FocalBlock::new(8, &mut init);
    check("focal block", [2, 8, 5, 7], |x| focal.forward(x));
    for normalization in [Normalization::Batch, Normalization::Group] {
        let context = Context::training(Statistics::Batch, 0);
        let bottleneck = AttentionBottleneck::new(normalization, 16, &mut init);
        let attend = |x| bottleneck.forward(x, &context);
        check_within("bottleneck", [2, 16, 6, 4], SHORT_STEP, &attend);
        let encoder = CompositeEncoder::new(normalization, &mut init);
        let encode = |x| joined(encoder.forward(x, &context).into());
        let shape = [2, 1, 32, 64];
        match normalization {
            // Few values to normalise by make it so steep that rounding is seen before bends are not.
            Normalization::Batch => drop(check_contracted("composite encoder", shape, &encode)),
            Normalization::Group => {
                check_within("composite encoder", shape, SHORTER_STEP, &encode);
            }
        }
    }
}

#[test]
fn parts_of_the_baseline() {
    let mut init = Init::new(1, &device());
    let xray = hashed("encoding", [2, 64, 2, 4], 1.0);
    for normalization in [Normalization::Batch, Normalization::Group] {
        let config = ProstConfig { size_px: [32, 32], normalization };
        let encoder = ProstEncoder::new(&config, 3, &mut init);
        let context = Context::training(Statistics::Batch, 0);
        let encode = |x| encoder.forward(x, &context);
        check_within("encoder", [2, 3, 16, 32], SHORT_STEP, &encode);
    }
    check("distance", [2, 64, 2, 4], |x| {
        let xray = Dual::constant(xray.clone());
        let apart = distance(&[xray.clone(), xray], &[x.clone(), x.scale(0.5)]).unwrap();
        apart.linear(|y| y.reshape([2, 1, 1, 1]))
    });
}

#[test]
fn parts_of_the_network() {
    let config = DualBranchConfig {
        size_px: [64, 32],
        trunk: vec![24, 16],
        head: vec![12, 8],
        normalization: Normalization::Group,
        dropout: 0.1,
    };
    let mut init = Init::new(1, &device());
    let encoder = Encoder::new(&config, &mut init);
    let encoded = [2, 64, 2, 4];
    check_first("encoder", [2, 3, 32, 64], &|x| encoder.forward(x, &mut Context::inference()));
    for normalization in [Normalization::Batch, Normalization::Group] {
        let block = FourierBlock::new(normalization, config.map_px(), &mut init);
        let context = Context::training(Statistics::Batch, 0);
        check_first("Fourier block", encoded, &|x| block.forward(x, &context));
    }
    let invertible = InvertibleNetwork::new(&mut init);
    check_first("invertible network", encoded, &|x| invertible.forward(x));
    let evaluation = Evaluation::new(&config, &mut init);
    let xray = hashed("xray", encoded, 1.0);
    check_first("evaluation", encoded, &|x| {
        let output = evaluation.forward(Dual::constant(xray.clone()), x);
        output.gated().linear(|y| y.reshape([2, 1, 1, 1]))
    });
}

#[test]
fn dropout_is_the_same_in_two_passes() {
    let x = hashed("dropout", [2, 8, 16, 16], 1.0);
    let through = |seed| {
        let mut context = Context::training(Statistics::Batch, seed);
        dropout(Dual::constant(x.clone()), 0.1, &mut context).into_parts().0
    };
    let (a, b, other) = (through(1), through(1), through(2));
    assert!(a.clone().equal(b).all().into_scalar::<bool>());
    assert!(!a.clone().equal(other).all().into_scalar::<bool>());
    let kept = a.not_equal_elem(0.0).float().mean().into_scalar::<f32>();
    // 4096 draws of 0.9 deviate by 0.005.
    assert!((kept - 0.9).abs() < 0.02, "{kept}");
    let unchanged = dropout(Dual::constant(x.clone()), 0.1, &mut Context::inference());
    assert!(unchanged.value().clone().equal(x).all().into_scalar::<bool>());
}

#[test]
fn running_statistics_follow_the_batches() {
    let norm = BatchNorm::new(3, &Init::new(1, &device()));
    let x = hashed("statistics", [4, 3, 8, 8], 1.0) * 2.0 + 5.0;
    for _ in 0..100 {
        let context = Context::training(Statistics::BatchUpdating, 0);
        let _ = norm.forward(Dual::constant(x.clone()), &context);
    }
    let trained = norm.forward(Dual::constant(x.clone()), &Context::training(Statistics::Batch, 0));
    let used = norm.forward(Dual::constant(x), &Context::inference());
    let off = (trained.value().clone() - used.value().clone()).abs().max().into_scalar::<f32>();
    // 0.9^100, and n over n - 1 of 256.
    assert!(off < 0.01, "{off}");
    assert_eq!(norm.num_params(), 12);
}
