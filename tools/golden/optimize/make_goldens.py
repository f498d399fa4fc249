"""Let pycma and cmaes say what CMA-ES does.

    python -m venv v
    v/bin/pip install cma==4.5.0 cmaes==0.13.1
    v/bin/python make_goldens.py          writes ../../../crates/isocenter/tests/fixtures/optimize/*.json (a minute)

    parameters.json    weights and learning rates for a dimension and a population
    trajectories.json  generations: candidates, their order from best to worst, and the distribution that each program has learnt from them
    evaluations.json   how many evaluations pycma needs to reach 1e-9, over seeds

Values are costs: lower is better. pycma 4 has left the tutorial's c_sigma and d_sigma; `parameters.json` takes these two from cmaes,
`trajectories.json` states those in use, and `evaluations.json` sets pycma's to the tutorial's, so that both sides run the same algorithm.
"""
import json
import math
import pathlib
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import cma  # noqa: E402
import cmaes  # noqa: E402
from cma.utilities.math import Mh  # noqa: E402

OUT = pathlib.Path(__file__).resolve().parents[3] / "crates/isocenter/tests/fixtures/optimize"
SEEDS = range(1, 61)


def write(name, cases):
    OUT.mkdir(parents=True, exist_ok=True)
    head = {"programs": {"pycma": cma.__version__, "cmaes": cmaes.__version__}, "script": "tools/golden/optimize/make_goldens.py"}
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    (OUT / name).write_text(f'{json.dumps(head)[:-1]}, "cases": [\n{lines}\n]}}\n')


def ellipsoid(condition):
    return lambda x: float(sum(condition ** (i / (len(x) - 1)) * v * v for i, v in enumerate(x)))


def rosenbrock(x):
    return float(sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1)))


def sphere(x):
    return float(np.dot(x, x))


def slope(x):
    return float(x[0] + 0.1 * x[-1])


def strategy(n, population, **options):
    return cma.CMAEvolutionStrategy(
        [0.0] * n, options.pop("sigma", 1.0), {"popsize": population, "verbose": -9, "updatecovwait": 0, **options}
    )


def chi(n):
    """What pycma's step-size adaptation takes for the expected length of a normal vector (the exact one)."""
    return float(Mh.chiN(n))


def pycma_parameters(es):
    sp, weights = es.sp, es.sp.weights
    es.adapt_sigma.initialize(es)
    return {
        "weights": list(weights), "parents": weights.mu, "mu_eff": weights.mueff, "c_sigma": es.adapt_sigma.cs,
        "d_sigma": es.adapt_sigma.damps, "c_c": sp.cc, "c_1": sp.c1, "c_mu": sp.cmu, "normal_length": chi(es.N),
    }


def cmaes_parameters(es):
    return {
        "weights": es._weights.tolist(), "parents": es._mu, "mu_eff": float(es._mu_eff), "c_sigma": float(es._c_sigma),
        "d_sigma": float(es._d_sigma), "c_c": float(es._cc), "c_1": float(es._c1), "c_mu": float(es._cmu), "normal_length": es._chi_n,
    }


def parameters(n, population):
    theirs = pycma_parameters(strategy(n, population))
    tutorial = cmaes_parameters(cmaes.CMA(mean=np.zeros(n), sigma=1.0, population_size=population))
    theirs["c_sigma"], theirs["d_sigma"] = tutorial["c_sigma"], tutorial["d_sigma"]
    return {"dimension": n, "population": population, **theirs}


def digits(value):
    """Twelve significant digits, far more than the comparison asks for."""
    return [float(f"{v:.12g}") for v in np.ravel(value)]


def generation(candidates, values, mean, sigma, covariance, eta):
    return {
        "candidates": np.asarray(candidates).tolist(), "order": np.argsort(values).tolist(), "mean": digits(mean),
        "sigma": digits(sigma)[0], "covariance": digits(covariance), "eta": digits(eta),
    }


def path_length(es):
    step = es.adapt_sigma
    return math.sqrt(sum(step.ps**2) / (1 - (1 - step.cs) ** (2 * es.countiter)))


def pycma_stalls(es):
    return path_length(es) ** 2 / es.N - 1 >= 1 + 4 / (es.N + 1)


def tutorial_stalls(es):
    return path_length(es) >= (1.4 + 2 / (es.N + 1)) * chi(es.N)


def pycma_trajectory(name, f, n, population, start, sigma, seed, generations):
    es = cma.CMAEvolutionStrategy(
        start, sigma, {"popsize": population, "verbose": -9, "updatecovwait": 0, "seed": seed}
    )
    case = {
        "program": "pycma", "name": name, "dimension": n, "parameters": pycma_parameters(es), "mean": list(start),
        "sigma": sigma, "covariance": digits(es.sm.C), "learning_rate_adaptation": False, "generations": [],
    }
    for _ in range(generations):
        x = [np.round(v, 9) for v in es.ask()]
        values = [f(v) for v in x]
        es.tell(x, values, check_points=False)
        assert pycma_stalls(es) == tutorial_stalls(es), f"{name}: another seed, pycma's own rule for h_sigma differs here"
        case["generations"].append(generation(x, values, es.mean, es.sigma, es.sm.C, [1.0, 1.0]))
    return case


def cmaes_trajectory(name, f, n, population, start, sigma, seed, generations, adapt):
    es = cmaes.CMA(mean=np.array(start), sigma=sigma, population_size=population, seed=seed, lr_adapt=adapt)
    case = {
        "program": "cmaes", "name": name, "dimension": n, "parameters": cmaes_parameters(es), "mean": list(start), "sigma": sigma,
        "covariance": np.eye(n).ravel().tolist(), "learning_rate_adaptation": adapt, "generations": [],
    }
    for _ in range(generations):
        x = [np.round(es.ask(), 9) for _ in range(population)]
        values = [f(v) for v in x]
        es.tell(list(zip(x, values)))
        eta = [es._eta_mean, es._eta_Sigma]
        case["generations"].append(generation(x, values, es.mean, es._sigma, es._C, eta))
    return case


def evaluations(name, f, n, start, sigma):
    """Evaluations until a candidate is below 1e-9, for the seeds that get there."""
    counts = []
    tutorial = parameters(n, 4 + int(3 * math.log(n)))
    for seed in SEEDS:
        es = cma.CMAEvolutionStrategy([start] * n, sigma, {"verbose": -9, "updatecovwait": 0, "seed": seed, "maxfevals": 50_000})
        es.adapt_sigma.initialize(es)
        es.adapt_sigma.cs, es.adapt_sigma.damps = tutorial["c_sigma"], tutorial["d_sigma"]
        while not es.stop():
            x = es.ask()
            values = [f(v) for v in x]
            es.tell(x, values)
            if min(values) < 1e-9:
                counts.append(es.countevals)
                break
    return {"name": name, "dimension": n, "start": start, "sigma": sigma, "seeds": len(SEEDS), "evaluations": sorted(counts)}


def main():
    sizes = [(2, 6), (3, 7), (6, 4), (6, 9), (6, 18), (6, 100), (10, 10), (12, 200), (20, 12)]
    write("parameters.json", [parameters(*size) for size in sizes])
    noise = np.random.RandomState(3)
    noisy = lambda x: ellipsoid(100.0)(x) + 0.5 * noise.randn()  # noqa: E731
    write("trajectories.json", [
        pycma_trajectory("ellipsoid", ellipsoid(1e6), 6, 9, [1.0] * 6, 0.5, 1, 8),
        pycma_trajectory("rosenbrock", rosenbrock, 3, 12, [0.0] * 3, 0.3, 2, 8),
        pycma_trajectory("slope", slope, 4, 8, [0.0] * 4, 1e-3, 9, 12),
        cmaes_trajectory("ellipsoid", ellipsoid(1e6), 5, 8, [1.0] * 5, 0.5, 4, 5, False),
        cmaes_trajectory("noisy ellipsoid", noisy, 4, 8, [1.0] * 4, 0.5, 6, 16, True),
    ])
    write("evaluations.json", [
        evaluations("sphere", sphere, 6, 3.0, 1.0),
        evaluations("sphere", sphere, 10, 3.0, 1.0),
        evaluations("ellipsoid", ellipsoid(1e6), 6, 3.0, 1.0),
        evaluations("rosenbrock", rosenbrock, 6, 0.0, 0.5),
    ])


if __name__ == "__main__":
    main()
