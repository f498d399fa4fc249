//! Proves: L_net, its pose gradients, the losses and the derivatives of the total loss for every
//! weight are those that PyTorch finds by double backward in f64, for both normalisations, both
//! numbers that are descended, both ways to compare gradients, both metrics and both forms of L_decomp, and for the
//! baselines (`tools/golden/network/golden.py` wrote the fixture from the network's description).
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use burn::module::Module;
use burn::tensor::Device;
use isocenter_net::loss::{Approximation, DecompositionForm};
use isocenter_net::metric::PoseMetric;
use isocenter_net::network::Network;
use isocenter_net::scene::Descent;
use isocenter_net::step::{Objective, Step};
use serde_json::Value;
use support::case::{contraction_terms, network, prost, sopi, step};

fn setting<T: serde::de::DeserializeOwned>(case: &Value, name: &str) -> T {
    serde_json::from_value(case[name].clone()).unwrap()
}

fn number(case: &Value, name: &str) -> f64 {
    case[name].as_f64().unwrap()
}

fn close(what: &str, found: f64, expected: f64, scale: f64, tolerance: f64) {
    let off = (found - expected).abs() / scale;
    assert!(
        off < tolerance,
        "{what}: {found:e}, expected {expected:e}, off by {off:e} of {scale:e}"
    );
}

#[test]
fn everything_is_what_pytorch_finds() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/network.json")).unwrap();
    let device = Device::flex().autodiff();
    for case in fixture["cases"].as_array().unwrap() {
        let normalization = setting(case, "normalization");
        let network = match case["architecture"].as_str() {
            Some("prost") => prost(normalization, &device),
            Some("sopi") => sopi(normalization, &device),
            _ => network(normalization, &device),
        };
        let objective = Objective {
            descent: setting::<Descent>(case, "descent"),
            approximation: setting::<Approximation>(case, "approximation"),
            decomposition: setting::<DecompositionForm>(case, "form"),
            metric: setting::<PoseMetric>(case, "metric"),
        };
        let step = step(&network, &objective, case["xrays"].as_str().unwrap(), &device);
        // Single precision through some forty layers keeps five digits or so of a value.
        close(
            "L_appro",
            step.approximation,
            number(case, "l_appro"),
            number(case, "l_appro"),
            1e-3,
        );
        assert_eq!(step.branches.is_some(), case["architecture"] == "dual-branch");
        assert_eq!(step.residual_gradients.is_some(), case["architecture"] != "sopi");
        if let Some(found) = step.branches {
            close("NCC global", found.ncc_global, number(case, "ncc_global"), 1.0, 1e-4);
            close("NCC local", found.ncc_local, number(case, "ncc_local"), 1.0, 1e-4);
            close("L_decomp", found.decomposition, number(case, "l_decomp"), 1.0, 1e-4);
        }
        close("total", step.loss, number(case, "total"), number(case, "total"), 1e-3);

        let values: Vec<f64> = setting(case, "values");
        for (found, expected) in step.values.iter().zip(&values) {
            close("L_net", *found, *expected, expected.abs(), 1e-4);
        }
        assert_eq!(step.values.len(), values.len());

        let wanted: Vec<Vec<f64>> = setting(case, "targets");
        let found: Vec<Vec<f64>> = setting(case, "pose_gradients");
        for (n, (wanted, found)) in wanted.iter().zip(&found).enumerate() {
            let largest = |v: &[f64]| v.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            for c in 0..6 {
                close("geodesic", step.wanted[n][c], wanted[c], largest(wanted), 1e-9);
                // Rotation and translation apart, as they are used.
                let part = if c < 3 { &found[..3] } else { &found[3..] };
                close("pose gradient", step.found[n][c], found[c], largest(part), 1e-3);
            }
        }
        // The tangent of the output is the contraction of the reverse gradient, of terms that may
        // cancel each other.
        let terms = contraction_terms(&step, objective.approximation);
        close("v . g", step.tangent, step.contraction, terms, 1e-5);
        compare_weights(case, &network, &step);
    }
}

fn compare_weights(case: &Value, network: &Network, step: &Step) {
    let mut found = support::summed_up(network, &step.gradients);
    if let Some(gradients) = &step.residual_gradients {
        found.extend(support::summed_up(network, gradients));
    }
    support::compare_gradients(&setting(case, "weight_gradients"), &found);
    assert!(network.num_params() > 300_000);
}
