//! Proves: a state dict under the published names becomes a checkpoint whose network says what PyTorch
//! says of the same weights, part by part, and which goes through its file; the baseline's likewise
//! (`tools/golden/network/published.py` wrote the fixture).
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::tensor::{Device, Tensor, TensorData};
use isocenter::volume::{Affine, Volume};
use isocenter_net::convert::{ConversionOptions, StateDict, checkpoint};
use isocenter_net::dual::Dual;
use isocenter_net::layer::Context;
use isocenter_net::network::{
    DualBranchConfig, Network, NetworkConfig, Normalization, Outputs, ProstConfig,
};
use isocenter_net::scene::Descent;
use isocenter_net::{Checkpoint, TrainedNetwork, weights};
use serde_json::Value;

fn converted_from(name: &str, options: &ConversionOptions) -> Checkpoint {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    checkpoint(StateDict::read(folder.join(name)).unwrap(), options).unwrap()
}

fn converted(options: &ConversionOptions) -> Checkpoint {
    converted_from("published.pt", options)
}

fn expected() -> Value {
    serde_json::from_str(include_str!("fixtures/published.json")).unwrap()
}

/// Numbers from 0 to 1, as in `published.py`.
fn inputs(name: &str, count: usize) -> Vec<f32> {
    let one = |u: f32| (0.5 + 0.5 * f64::from(u)) as f32;
    support::hashed(name, count).into_iter().map(one).collect()
}

fn images(name: &str, channels: usize) -> Tensor<4> {
    let shape = [2, channels, 32, 32];
    let values = inputs(name, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// To 1e-4 of the largest.
fn close(what: &str, found: &[f32], expected: &Value) {
    let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for (&found, expected) in found.iter().zip(expected) {
        let off = (f64::from(found) - expected).abs();
        assert!(off <= 1e-4 * largest, "{what}: {found}, expected {expected}, largest {largest}");
    }
}

fn values<const D: usize>(x: &Dual<D>) -> Vec<f32> {
    x.value().try_to_vec_as::<f32>().unwrap()
}

#[test]
fn it_says_what_pytorch_says() {
    let checkpoint = converted(&ConversionOptions::default());
    let (network, expected) = (checkpoint.network_on(&Device::flex()).unwrap(), expected());
    let context = &mut Context::inference();
    let xray = network.xray_features(images("xrays", 1), context).unwrap();
    let moving = network.moving_features(Dual::constant(images("moving", 3)), context).unwrap();
    for (image, found) in [("x", &xray), ("d", &moving)] {
        for (branch, found) in found.maps() {
            close(
                &format!("{branch} {image}"),
                &values(found),
                &expected["features"][branch][image],
            );
        }
    }
    let outputs = network.evaluate(&xray, &moving).unwrap();
    let Outputs::Branches(branches) = &outputs else { panic!("a dual-branch network") };
    for (n, found) in [&branches.global, &branches.local].into_iter().enumerate() {
        close("score", &values(&found.score), &expected["scores"][n]);
        close("gate", &values(&found.gate), &expected["gates"][n]);
    }
    for (descent, name) in [(Descent::SigmoidProduct, "sigmoid-product"), (Descent::Sum, "sum")] {
        close(name, &values(&descent.of(&outputs)), &expected[name]);
    }
}

/// The last axis of PyTorch's volumes is i.
#[test]
fn it_makes_of_a_volume_what_pytorch_makes() {
    let checkpoint = converted(&ConversionOptions::default());
    let network = checkpoint.network_on(&Device::flex()).unwrap();
    let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
    let volume = Volume::new([6, 5, 4], inputs("volume", 120), affine).unwrap();
    let channels = network.residual().forward(&volume).unwrap().channels().unwrap();
    let channels = channels.into_channels();
    let found: Vec<f32> = channels.iter().flat_map(|channel| channel.voxels().to_vec()).collect();
    close("volume", &found, &expected()["volume"]);
}

#[test]
fn what_the_tensors_tell_is_in_the_header() {
    let options = ConversionOptions {
        descent: Some(Descent::Sum),
        voxel_spacing_mm: 5.0,
        ..ConversionOptions::default()
    };
    let checkpoint = converted(&options);
    let header = &checkpoint.header;
    let expected = NetworkConfig::from(DualBranchConfig {
        size_px: [32, 32],
        trunk: vec![16, 8],
        head: vec![4, 3],
        normalization: Normalization::Batch,
        dropout: 0.1,
    });
    assert_eq!(header.network, expected.clone().into());
    assert_eq!((header.descent, header.voxel_spacing_mm, header.step), (Descent::Sum, 5.0, 0));
    let read = Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap();
    assert_eq!(read, checkpoint);
    TrainedNetwork::new(&read, &Device::flex()).unwrap();
    assert_eq!(converted(&ConversionOptions::default()).header.descent, Descent::SigmoidProduct);
    // Of a network that is made here, whatever its weights.
    let made = Network::new(&expected, 5, &Device::flex()).unwrap();
    let made = weights::of(&made).unwrap();
    assert!(made.keys().eq(read.network.keys()));
}

#[test]
fn the_baseline_says_what_pytorch_says() {
    let options = ConversionOptions { size_px: Some([32, 32]), ..ConversionOptions::default() };
    let checkpoint = converted_from("prost.pt", &options);
    let config = ProstConfig { size_px: [32, 32], ..ProstConfig::published() };
    assert_eq!(checkpoint.header.network, config.into());
    assert_eq!(checkpoint.header.descent, Descent::Sum);
    assert_eq!(Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap(), checkpoint);
    let expected: Value = serde_json::from_str(include_str!("fixtures/prost.json")).unwrap();
    let network = checkpoint.network_on(&Device::flex()).unwrap();
    let context = &mut Context::inference();
    let xray = network.xray_features(images("xrays", 1), context).unwrap();
    let moving = network.moving_features(Dual::constant(images("moving", 3)), context).unwrap();
    for (image, found) in [("y", &xray), ("x", &moving)] {
        for (name, found) in found.maps() {
            close(&format!("{name} {image}"), &values(found), &expected["encodings"][image]);
        }
    }
    let outputs = network.evaluate(&xray, &moving).unwrap();
    close("distance", &values(&Descent::Sum.of(&outputs)), &expected["distance"]);
    let of_branches = converted(&ConversionOptions::default()).network_on(&Device::flex()).unwrap();
    assert!(of_branches.evaluate(&xray, &moving).unwrap_err().to_string().contains("another"));
}
