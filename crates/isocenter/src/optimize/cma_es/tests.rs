//! Proves:
//! - the strategy parameters are those of pycma (and c_sigma, d_sigma those of cmaes);
//! - fed with the same candidates in the same order, the distribution goes the way of pycma's and,
//!   with and without learning rate adaptation, of cmaes's;
//! - evaluations to a target agree with pycma's within the scatter of the seeds;
//! - restarts find the best of many optima, learning rate adaptation stands noise, bounds hold;
//! - only ranks count, a seed fixes the search, and it says why it stopped;
//! - what makes no sense is refused.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden<T> {
    cases: Vec<T>,
}

#[derive(Deserialize)]
struct GoldenParameters {
    weights: Vec<f64>,
    parents: usize,
    mu_eff: f64,
    c_sigma: f64,
    d_sigma: f64,
    c_c: f64,
    c_1: f64,
    c_mu: f64,
    normal_length: f64,
}

impl From<&GoldenParameters> for StrategyParameters {
    fn from(p: &GoldenParameters) -> Self {
        Self {
            weights: p.weights.clone(),
            parents: p.parents,
            mu_eff: p.mu_eff,
            c_sigma: p.c_sigma,
            d_sigma: p.d_sigma,
            c_c: p.c_c,
            c_1: p.c_1,
            c_mu: p.c_mu,
            normal_length: p.normal_length,
        }
    }
}

#[derive(Deserialize)]
struct Size {
    dimension: usize,
    population: usize,
    #[serde(flatten)]
    parameters: GoldenParameters,
}

#[derive(Deserialize)]
struct Trajectory {
    program: String,
    name: String,
    dimension: usize,
    parameters: GoldenParameters,
    mean: Vec<f64>,
    sigma: f64,
    covariance: Vec<f64>,
    learning_rate_adaptation: bool,
    generations: Vec<Generation>,
}

#[derive(Deserialize)]
struct Generation {
    candidates: Vec<Vec<f64>>,
    order: Vec<usize>,
    mean: Vec<f64>,
    sigma: f64,
    covariance: Vec<f64>,
    eta: [f64; 2],
}

#[derive(Deserialize)]
struct Evaluations {
    name: String,
    dimension: usize,
    start: f64,
    sigma: f64,
    seeds: u64,
    evaluations: Vec<f64>,
}

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/optimize/",
            $name,
            ".json"
        ))
    };
}

/// The largest difference, relative to the largest entry.
fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0, |m: f64, e| m.max(e.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0, |m: f64, (f, e)| m.max((f - e).abs())) / largest
}

#[test]
fn strategy_parameters_are_those_of_pycma() {
    let golden: Golden<Size> = serde_json::from_str(golden!("parameters")).unwrap();
    assert!(golden.cases.len() > 5);
    for size in &golden.cases {
        let found = StrategyParameters::new(size.dimension, size.population, true);
        let expected = StrategyParameters::from(&size.parameters);
        let what = format!("{} {}", size.dimension, size.population);
        assert_eq!(found.parents, expected.parents, "{what}");
        // The same formulas in the same precision.
        assert!(difference(&found.weights, &expected.weights) < 1e-12, "{what}");
        let rates = |p: &StrategyParameters| {
            [p.mu_eff, p.c_sigma, p.d_sigma, p.c_c, p.c_1, p.c_mu, p.normal_length]
        };
        for (f, e) in rates(&found).iter().zip(rates(&expected)) {
            assert!((f / e - 1.0).abs() < 1e-12, "{what}: {f} {e}");
        }
        let passive = StrategyParameters::new(size.dimension, size.population, false);
        assert!(passive.weights.iter().all(|w| *w >= 0.0));
        assert_eq!(passive.weights[..passive.parents], found.weights[..found.parents]);
    }
    assert_eq!([2, 6, 10, 20].map(default_population), [6, 9, 10, 12]);
}

#[test]
fn the_same_candidates_lead_to_the_same_distribution() {
    let golden: Golden<Trajectory> = serde_json::from_str(golden!("trajectories")).unwrap();
    let mut stalls = 0;
    for case in &golden.cases {
        let n = case.dimension;
        let parameters = StrategyParameters::from(&case.parameters);
        let mut d = Distribution::new(DVector::from_column_slice(&case.mean), case.sigma);
        assert!(d.set_covariance(nalgebra::DMatrix::from_column_slice(n, n, &case.covariance)));
        let mut rates = case.learning_rate_adaptation.then(|| LearningRates::new(n));
        for (g, generation) in case.generations.iter().enumerate() {
            let what = format!("{} {} generation {g}", case.program, case.name);
            let candidates: Vec<DVector<f64>> =
                generation.candidates.iter().map(|x| DVector::from_column_slice(x)).collect();
            let ranked: Vec<&DVector<f64>> =
                generation.order.iter().map(|&n| &candidates[n]).collect();
            let before = d.clone();
            assert!(d.update(&parameters, &ranked), "{what}");
            let decayed = &before.path_c * (1.0 - parameters.c_c);
            stalls += usize::from((&d.path_c - decayed).norm() == 0.0);
            let mut eta = [1.0; 2];
            if let Some(rates) = &mut rates {
                assert!(rates.hold_back(&before, &mut d), "{what}");
                eta = [rates.mean.eta, rates.covariance.eta];
            }
            // The programs guard a division by 1e-9 (pycma) and 1e-8 (cmaes); twelve digits are
            // kept.
            let tolerance = 1e-6;
            assert!(difference(d.mean.as_slice(), &generation.mean) < tolerance, "{what}");
            assert!((d.sigma / generation.sigma - 1.0).abs() < tolerance, "{what}");
            let off = difference(d.covariance.as_slice(), &generation.covariance);
            assert!(off < tolerance, "{what}: {off:e}");
            assert!(difference(&eta, &generation.eta) < tolerance, "{what}");
        }
    }
    // The slope makes the step size grow so fast that the covariance's path has to wait.
    assert!(stalls > 0);
    let adapted = golden.cases.iter().filter(|c| c.learning_rate_adaptation);
    assert!(adapted.flat_map(|c| &c.generations).any(|g| g.eta[0] < 1.0 && g.eta[1] < 1.0));
}

fn sphere(x: &DVector<f64>) -> f64 {
    -x.norm_squared()
}

fn ellipsoid(x: &DVector<f64>) -> f64 {
    let last = x.len() as f64 - 1.0;
    -x.iter().enumerate().map(|(i, v)| 1e6_f64.powf(i as f64 / last) * v * v).sum::<f64>()
}

fn rosenbrock(x: &DVector<f64>) -> f64 {
    let term = |p: &[f64]| 100.0 * (p[1] - p[0] * p[0]).powi(2) + (1.0 - p[0]).powi(2);
    -x.as_slice().windows(2).map(term).sum::<f64>()
}

fn rastrigin(x: &DVector<f64>) -> f64 {
    -x.iter().map(|v| 10.0 + v * v - 10.0 * (std::f64::consts::TAU * v).cos()).sum::<f64>()
}

/// No criterion but the target.
const EXACT: CmaEsConfig = CmaEsConfig {
    population: None,
    active: true,
    learning_rate_adaptation: false,
    restarts: 0,
    max_evaluations: 50_000,
    tolerance_value: 1e-13,
    tolerance_step: 1e-12,
    seed: 0,
};

/// Runs to the end or to a value above the target; returns the best value and the evaluations.
fn run(
    optimizer: &mut CmaEs,
    target: f64,
    mut f: impl FnMut(&DVector<f64>) -> f64,
) -> (f64, usize) {
    let (mut best, mut evaluations) = (f64::NEG_INFINITY, 0);
    while optimizer.termination().is_none() && best < target {
        let samples: Vec<Sample> =
            optimizer.ask().iter().map(|x| Sample::from_value(f(x))).collect();
        evaluations += samples.len();
        if let Some(n) = optimizer.tell(&samples).unwrap() {
            let start = evaluations == 1;
            assert!(start || samples[n].value > best, "accepted what is no gain");
            best = samples[n].value;
        }
    }
    (best, evaluations)
}

#[test]
fn needs_as_many_evaluations_as_pycma() {
    let golden: Golden<Evaluations> = serde_json::from_str(golden!("evaluations")).unwrap();
    assert!(golden.cases.len() > 3);
    for case in &golden.cases {
        let f = match case.name.as_str() {
            "sphere" => sphere,
            "ellipsoid" => ellipsoid,
            "rosenbrock" => rosenbrock,
            other => panic!("{other}"),
        };
        let scales = vec![case.sigma; case.dimension];
        let counts: Vec<f64> = (0..case.seeds)
            .filter_map(|seed| {
                let config = CmaEsConfig { seed, ..EXACT };
                let mut optimizer = CmaEs::new(&scales, None, config).unwrap();
                let (best, count) = run(&mut optimizer, -1e-9, |x| f(&x.map(|v| v + case.start)));
                (best > -1e-9).then_some(count as f64)
            })
            .collect();
        let mean = |c: &[f64]| c.iter().sum::<f64>() / c.len() as f64;
        let variance_of_mean = |c: &[f64]| {
            c.iter().map(|v| (v - mean(c)).powi(2)).sum::<f64>() / (c.len() * (c.len() - 1)) as f64
        };
        let expected = &case.evaluations;
        let error = (variance_of_mean(&counts) + variance_of_mean(expected)).sqrt();
        let off = mean(&counts) - mean(expected);
        let what =
            format!("{} {}: {} {}", case.name, case.dimension, mean(&counts), mean(expected));
        println!("{what}, {:.1} standard errors, {} runs", off / error, counts.len());
        // Four standard errors: by chance one time in 16000.
        assert!(off.abs() < 4.0 * error, "{what}: {off} {error}");
        // Rosenbrock's second optimum catches a few runs of a hundred.
        assert!(counts.len() * 10 > case.seeds as usize * 8, "{what}: {}", counts.len());
    }
}

#[test]
fn restarts_find_the_best_of_many_optima() {
    let solved = |restarts| {
        (0..8)
            .filter(|&seed| {
                let config = CmaEsConfig { restarts, seed, max_evaluations: 200_000, ..EXACT };
                let bounds = Bounds::new(&[-8.0; 6], &[2.0; 6]).unwrap();
                let mut optimizer = CmaEs::new(&[2.0; 6], Some(&bounds), config).unwrap();
                let (best, _) = run(&mut optimizer, -1e-9, |x| rastrigin(&x.map(|v| v + 3.0)));
                assert!(optimizer.restarts() <= restarts);
                best > -1e-9
            })
            .count()
    };
    let (with, without) = (solved(6), solved(0));
    println!("{with} and {without} of 8");
    assert_eq!(with, 8);
    assert!(without < 4, "{without}");
}

#[test]
fn learning_rate_adaptation_stands_noise() {
    let distance = |learning_rate_adaptation| {
        let mut noise = ChaCha8Rng::seed_from_u64(11);
        let config = CmaEsConfig { learning_rate_adaptation, ..EXACT };
        let mut optimizer = CmaEs::new(&[1.0; 6], None, config).unwrap();
        let noisy = |x: &DVector<f64>| {
            let error: f64 = noise.sample(StandardNormal);
            sphere(&x.map(|v| v - 3.0)) + error
        };
        let (_, evaluations) = run(&mut optimizer, f64::INFINITY, noisy);
        println!("{:?} after {evaluations}", optimizer.termination());
        optimizer.mean().map(|v| v - 3.0).norm()
    };
    let (with, without) = (distance(true), distance(false));
    println!("{with} {without}");
    assert!(with < 0.2 && with < 0.3 * without, "{with} {without}");
}

#[test]
fn bounds_hold_and_the_optimum_on_them_is_found() {
    // Coordinates of quite different units; the optimum is beyond two bounds, inside the others.
    let scales = [0.1, 0.1, 0.1, 10.0, 10.0, 20.0];
    let optimum = [0.5, -0.05, 0.1, 7.0, -40.0, 60.0];
    let inf = f64::INFINITY;
    let lower = [-0.2, -0.2, -0.2, -20.0, -20.0, -inf];
    let upper = [0.2, 0.2, 0.2, 20.0, 20.0, inf];
    let bounds = Bounds::new(&lower, &upper).unwrap();
    for seed in 0..5 {
        let config = CmaEsConfig { seed, tolerance_step: 1e-8, ..EXACT };
        let mut optimizer = CmaEs::new(&scales, Some(&bounds), config).unwrap();
        run(&mut optimizer, inf, |x| {
            for c in 0..6 {
                assert!(x[c] >= lower[c] - 1e-12 && x[c] <= upper[c] + 1e-12, "{c}: {}", x[c]);
            }
            -(0..6).map(|c| ((x[c] - optimum[c]) / scales[c]).powi(2)).sum::<f64>()
        });
        let found = optimizer.best().unwrap();
        for c in 0..6 {
            let expected = optimum[c].clamp(lower[c], upper[c]);
            assert!((found[c] - expected).abs() < 1e-5 * scales[c], "{seed} {c}: {}", found[c]);
        }
    }
}

#[test]
fn only_ranks_count_and_the_seed_decides() {
    let config = CmaEsConfig { max_evaluations: 500, ..EXACT };
    let path = |seed, f: fn(f64) -> f64| {
        let mut optimizer = CmaEs::new(&[1.0; 4], None, CmaEsConfig { seed, ..config }).unwrap();
        run(&mut optimizer, f64::INFINITY, |x| f(ellipsoid(&x.map(|v| v - 1.0))));
        assert_eq!(optimizer.termination(), Some(Termination::EvaluationLimit));
        optimizer.mean()
    };
    let reference = path(3, |v| v);
    assert_eq!(path(3, |v| v), reference);
    assert_eq!(path(3, |v| -(-v).sqrt()), reference);
    assert_ne!(path(4, |v| v), reference);
}

#[test]
fn says_why_it_stopped() {
    let end = |config: CmaEsConfig, f: fn(&DVector<f64>) -> f64| {
        let mut optimizer = CmaEs::new(&[1.0; 3], None, config).unwrap();
        run(&mut optimizer, f64::INFINITY, f);
        assert!(optimizer.ask().is_empty());
        optimizer.termination().unwrap()
    };
    assert_eq!(end(EXACT, |_| 1.0), Termination::Flat);
    assert_eq!(end(EXACT, |_| f64::NEG_INFINITY), Termination::Flat);
    assert_eq!(end(EXACT, |x| x[0]), Termination::Diverged);
    assert_eq!(
        end(CmaEsConfig { tolerance_value: 1e-3, ..EXACT }, sphere),
        Termination::ValueBelowTolerance
    );
    assert_eq!(
        end(CmaEsConfig { tolerance_step: 1e-3, ..EXACT }, sphere),
        Termination::StepBelowTolerance
    );
    assert_eq!(
        end(CmaEsConfig { max_evaluations: 20, ..EXACT }, sphere),
        Termination::EvaluationLimit
    );
    // One coordinate weighs a billion times more than the others.
    let valley = |x: &DVector<f64>| -(1e20 * x[0] * x[0] + x[1] * x[1] + (x[2] - 9.0).abs());
    let exact = CmaEsConfig { tolerance_value: 0.0, tolerance_step: 0.0, ..EXACT };
    assert_eq!(end(exact, valley), Termination::IllConditioned);
    // Values that jump about everywhere and forever.
    let rough = |x: &DVector<f64>| (x[0] * 1e9).sin() + (x[1] * 1e9).sin() - 1e-3 * x.norm();
    assert_eq!(end(exact, rough), Termination::Stagnation);
}

#[test]
fn refuses_what_makes_no_sense() {
    let refused = |scales: &[f64], config| CmaEs::new(scales, None, config).unwrap_err().name;
    assert_eq!(refused(&[], EXACT), "scales");
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(&[1.0, wrong], EXACT), "scales[1]");
        if wrong != 0.0 {
            assert_eq!(
                refused(&[1.0], CmaEsConfig { tolerance_step: wrong, ..EXACT }),
                "tolerance_step"
            );
            assert_eq!(
                refused(&[1.0], CmaEsConfig { tolerance_value: wrong, ..EXACT }),
                "tolerance_value"
            );
        }
    }
    for population in [0, 1, 3] {
        let config = CmaEsConfig { population: Some(population), ..EXACT };
        assert_eq!(refused(&[1.0], config), "population");
    }
    assert_eq!(refused(&[1.0], CmaEsConfig { max_evaluations: 0, ..EXACT }), "max_evaluations");
    assert_eq!(refused(&[1.0], CmaEsConfig { restarts: 99, ..EXACT }), "restarts");

    let nan = f64::NAN;
    for (lower, upper, name) in [
        (vec![nan], vec![1.0], "lower[0]"),
        (vec![0.0], vec![nan], "upper[0]"),
        (vec![0.0, f64::INFINITY], vec![1.0, f64::INFINITY], "lower[1]"),
        (vec![0.0], vec![f64::NEG_INFINITY], "upper[0]"),
        (vec![0.0], vec![0.0], "upper[0]"),
        (vec![0.0, 0.0], vec![1.0], "bounds"),
        (vec![], vec![], "bounds"),
    ] {
        assert_eq!(Bounds::new(&lower, &upper).unwrap_err().name, name);
    }
    let without_start = Bounds::new(&[1.0], &[2.0]).unwrap();
    assert_eq!(CmaEs::new(&[1.0], Some(&without_start), EXACT).unwrap_err().name, "bounds");
    let short = Bounds::new(&[-1.0], &[2.0]).unwrap();
    assert_eq!(CmaEs::new(&[1.0, 1.0], Some(&short), EXACT).unwrap_err().name, "bounds");
}

#[test]
fn refuses_answers_that_make_no_sense_and_stays_as_it_was() {
    let mut optimizer = CmaEs::new(&[1.0; 6], None, EXACT).unwrap();
    assert_eq!(optimizer.ask(), [DVector::zeros(6)]);
    assert_eq!(optimizer.tell(&[Sample::from_value(-1.0)]), Ok(Some(0)));
    let asked = optimizer.ask();
    let none = optimizer.tell(&[]);
    assert_eq!(none, Err(ObjectiveError::Count { found: 0, expected: 9 }));
    for wrong in [f64::NAN, f64::INFINITY] {
        let mut samples = vec![Sample::from_value(-2.0); 9];
        samples[4].value = wrong;
        let error = optimizer.tell(&samples).unwrap_err();
        assert!(matches!(error, ObjectiveError::NotANumber { candidate: 4, .. }), "{error}");
    }
    assert_eq!(optimizer.ask(), asked);
    // Places without a value are the worst there are, and no more than that.
    let mut samples = vec![Sample::impossible(); 9];
    samples[7].value = -0.5;
    assert_eq!(optimizer.tell(&samples), Ok(Some(7)));
    assert_eq!(optimizer.best(), Some(asked[7].clone()));
    assert!(optimizer.mean().iter().all(|m| m.is_finite()));
}

#[test]
fn one_dimension_and_huge_scales_are_no_exception() {
    for scale in [1e-150, 1.0, 1e150] {
        let mut optimizer = CmaEs::new(&[scale], None, EXACT).unwrap();
        run(&mut optimizer, f64::INFINITY, |x| -(x[0] / scale - 5.0).abs());
        assert!((optimizer.best().unwrap()[0] / scale - 5.0).abs() < 1e-9);
    }
}
