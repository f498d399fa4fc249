//! Proves: the presets have as many parameters as the architecture says, part by part; what the
//! invertible network does can be undone, and is refused where it cannot; the Fourier transform is
//! one; images of another size are refused, and so are encodings of other levels.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use isocenter_net::dual::Dual;
use isocenter_net::error::NetError;
use isocenter_net::layer::{Context, Init};
use isocenter_net::network::fourier::RealFourier;
use isocenter_net::network::sopi::{AttentionBottleneck, CascadeBlock, CompositeEncoder};
use isocenter_net::network::{
    DualBranchConfig, Encoder, Evaluation, FourierBlock, InvertibleNetwork, Network, NetworkConfig,
    Normalization, ProstConfig, Residual, SopiConfig,
};

fn hashed(name: &str, shape: [usize; 4]) -> Tensor<4> {
    let values = support::hashed(name, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

#[test]
fn parameters_are_as_many_as_published() {
    let config = DualBranchConfig::paper();
    let mut init = Init::new(1, &Device::flex());
    let residual = Residual::new(&[1, 4, 8, 16, 8, 4, 3], &mut init).num_params();
    let encoder = Encoder::new(&config, &mut init).num_params();
    let running = 2 * 2 * (2 * 32 + 16 + 2 * 32);
    let fourier = FourierBlock::new(Normalization::Batch, [16, 16], &mut init).num_params();
    let invertible = InvertibleNetwork::new(&mut init).num_params();
    assert_eq!((residual, encoder), (9_115, 193_752));
    // Running means and variances are no parameters.
    assert_eq!((fourier - running, invertible), (62_016, 54_528));
    // 700 MB of weights: one of the two evaluations stands for both.
    let evaluation = Evaluation::new(&config, &mut init).num_params();
    assert_eq!(evaluation, 176_700_418);
    let total = residual + encoder + 2 * (62_016 + 54_528) + 2 * evaluation;
    assert_eq!(total, 353_836_791);

    let params =
        |config: NetworkConfig| Network::new(&config, 1, &Device::flex()).unwrap().num_params();
    assert_eq!(params(DualBranchConfig::compact().into()), 4_894_711);
    // The baseline with its running statistics: three norms of 16, 64 and 128 channels in two encoders.
    let running = 2 * 2 * 3 * (16 + 64 + 128);
    assert_eq!(params(ProstConfig::published().into()) - running, 781_723);
}

/// Layer by layer, from the publication's widths.
#[test]
fn parameters_of_composite_encoders_are_as_many_as_published() {
    let mut init = Init::new(1, &Device::flex());
    let kind = Normalization::Batch;
    let convolution =
        |inputs: usize, outputs: usize, kernel: usize| inputs * outputs * kernel * kernel + outputs;
    // Three mixings, counting both readings as one; three norms; the attention's two layers.
    let bottleneck = |c: usize, hidden: usize| {
        let mixings = 2 * c * c + 2 * (c / 2 * c + c);
        mixings + 3 * 2 * c + convolution(c, hidden, 1) + convolution(hidden, 2 * c, 1)
    };
    // Running means and variances are no parameters.
    let running = |c: usize| 3 * 2 * c;
    for (channels, hidden, expected) in [(64, 32, 19_104), (128, 64, 75_072)] {
        let found = AttentionBottleneck::new(kind, channels, &mut init).num_params();
        assert_eq!(found - running(channels), expected);
        assert_eq!(bottleneck(channels, hidden), expected);
    }
    let focal = 2 * (256 * 49 + 256 + 2 * 256) + 2 * 256 * 1024;
    let cascade = 19_104
        + convolution(64, 128, 3)
        + 75_072
        + convolution(128, 256, 3)
        + focal
        + 256 * 128
        + 128 * 64;
    let found = CascadeBlock::new(kind, &mut init).num_params();
    assert_eq!((found - running(64) - running(128), cascade), (1_055_072, 1_055_072));
    let stem = convolution(1, 4, 3) + 2 * 4 + convolution(4, 16, 3) + 2 * 16;
    let connection = 64 * 64 + 2 * 64;
    let encoder = stem
        + convolution(16, 64, 3)
        + 19_104
        + convolution(64, 64, 3)
        + 5 * cascade
        + 2 * connection;
    let found = CompositeEncoder::new(kind, &mut init).num_params();
    let running = 6 * running(64) + 5 * running(128) + 2 * 2 * 64;
    assert_eq!((found - running, encoder), (5_349_792, 5_349_792));
    let network = Network::new(&SopiConfig::published().into(), 1, &Device::flex()).unwrap();
    assert_eq!(network.num_params() - 2 * running, 10_699_584);
    assert_eq!(network.residual().num_params(), 0);
}

#[test]
fn levels_are_those_that_are_asked_for() {
    let published = SopiConfig { size_px: [64, 32], ..SopiConfig::published() };
    let (xray, moving) = (hashed("x", [1, 1, 32, 64]), hashed("m", [1, 1, 32, 64]));
    let of = |levels: usize| {
        let config = SopiConfig { levels, ..published };
        let network = Network::new(&config.into(), 1, &Device::flex()).unwrap();
        let context = &mut Context::inference();
        let xray = network.xray_features(xray.clone(), context).unwrap();
        let moving = network.moving_features(Dual::constant(moving.clone()), context).unwrap();
        (network, xray, moving)
    };
    let (network, xrays, movings) = of(3);
    let shapes: Vec<[usize; 4]> = xrays.maps().iter().map(|(_, map)| map.value().dims()).collect();
    assert_eq!(shapes, [[1, 64, 4, 8], [1, 64, 4, 8], [1, 128, 2, 4]]);
    let (_, coarsest, _) = of(1);
    let maps = coarsest.maps();
    assert_eq!((maps.len(), maps[0].1.value().dims()), (1, [1, 128, 2, 4]));
    assert!(network.evaluate(&xrays, &movings).is_ok());
    assert!(matches!(network.evaluate(&coarsest, &movings), Err(NetError::OtherFeatures)));
    let three = Dual::constant(hashed("m", [1, 3, 32, 64]));
    let refused = network.moving_features(three, &mut Context::inference()).unwrap_err();
    assert!(refused.to_string().contains("[1, 1, 32, 64]"), "{refused}");
    let two = SopiConfig { levels: 2, ..published };
    let refused = Network::new(&two.into(), 1, &Device::flex()).unwrap_err().to_string();
    assert!(refused.contains("network.levels is 2"), "{refused}");
}

#[test]
fn the_invertible_network_is_undone() {
    let network = InvertibleNetwork::new(&mut Init::new(3, &Device::flex()));
    let x = hashed("x", [2, 64, 4, 6]);
    let (y, _) = network.forward(Dual::constant(x.clone())).into_parts();
    let back = network.inverse(y).unwrap();
    let off = (back - x).abs().max().into_scalar::<f32>();
    // Three mixing matrices of condition 1e2 to 1e3 cost as many of single precision's seven digits; a
    // wrong inverse is off by about 1.
    assert!(off < 1e-2, "{off}");
}

#[test]
fn a_singular_mixing_is_refused() {
    let mut network = InvertibleNetwork::new(&mut Init::new(3, &Device::flex()));
    let mixing = &mut network.couplings[1].mixing;
    let mut weights = mixing.weight.val().try_to_vec_as::<f32>().unwrap();
    // The second row is the first.
    weights.copy_within(0..64, 64);
    let weights = TensorData::new(weights, [64, 64, 1, 1]);
    mixing.weight = Param::from_data(weights, &Device::flex());
    let refused = network.inverse(hashed("y", [1, 64, 2, 2])).unwrap_err();
    assert!(matches!(refused, NetError::SingularMixing { coupling: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("no inverse"));
}

#[test]
fn the_fourier_transform_is_one() {
    for [columns, rows] in [[8, 4], [6, 10], [2, 2], [1, 1]] {
        let fourier = RealFourier::new([columns, rows]);
        let x = hashed("map", [2, 3, rows, columns]);
        let spectrum = fourier.spectrum(x.clone());
        assert_eq!(spectrum.dims(), [2, 6, rows, columns / 2 + 1]);
        let off = (fourier.map(spectrum.clone()) - x.clone()).abs().max().into_scalar::<f32>();
        assert!(off < 1e-5, "{off}");
        // Orthonormal: the lowest frequency is the sum over the root of the number.
        let lowest = spectrum.narrow(1, 0, 1).narrow(2, 0, 1).narrow(3, 0, 1);
        let sum = x.narrow(1, 0, 1).sum_dims(&[2, 3]) / ((rows * columns) as f64).sqrt();
        assert!((lowest - sum).abs().max().into_scalar::<f32>() < 1e-5);
    }
}

#[test]
fn images_of_another_size_are_refused() {
    let config = DualBranchConfig {
        size_px: [64, 32],
        trunk: vec![8],
        head: vec![4],
        ..DualBranchConfig::compact()
    };
    let network = Network::new(&config.clone().into(), 1, &Device::flex()).unwrap();
    let mut context = Context::inference();
    let turned = network.xray_features(hashed("x", [1, 1, 64, 32]), &mut context).unwrap_err();
    assert!(turned.to_string().contains("[1, 1, 32, 64]"), "{turned}");
    let gray = network.moving_features(Dual::constant(hashed("m", [1, 1, 32, 64])), &mut context);
    assert!(matches!(gray, Err(NetError::Shape { .. })));
    let odd = DualBranchConfig { size_px: [48, 32], ..config };
    let refused = Network::new(&odd.into(), 1, &Device::flex()).unwrap_err().to_string();
    assert!(refused.contains("network.size_px is [48, 32]"), "{refused}");
}
