"""Fits the judge's probability to registrations of known outcome.

    isocenter evaluate --config tools/calibration/calibration.toml --data CTS --out calibration
    isocenter evaluate --config tools/calibration/slabs.toml --data CTS --out slabs
    python tools/calibration/fit.py calibration/cases.csv slabs/cases.csv

Prints the weights for crates/isocenter/src/register/judge/calibration.rs, and how they would have
done on CTs that were left out of the fit, one after the other. Needs numpy.

The model is a logistic function of the features below, the same as in `features` there; the weights
of the standardized features are held down a little (ridge), so that few registrations do not make
them wild. A registration of a slab counts less than one of a whole CT: patients are seldom scanned so narrowly,
and with a full count 2 % fewer of the right poses of whole CTs would be called good (with a tenth, a wrong pose of a
slab would).
"""
import csv
import sys

import numpy as np

RIDGE = 1.0
WITHIN_MM = 2.0
GOOD, FAILED = 0.9, 0.05  # the verdicts' limits, as in calibration.rs
SLAB, SLAB_WEIGHT = " slab", 0.3  # how the CTs of slabs.toml are called, and what one counts

# Coverage takes no part: where the CT is seen and where it ends, the fine measures know.
EVIDENCE = ["ncc", "gradient_ncc", "fine_gradient_ncc", "patch_ncc", "lead", "expected_tre_mm",
            "disagreement_mm", "prior_deviation"]


def features(row):
    e = {name: float(row[name]) for name in EVIDENCE}

    def fisher(rho):
        rho = min(max(rho, 0.0), 0.9995)
        return min(0.5 * np.log((1 + rho) / (1 - rho)), 3.5)

    noise, disagreement = np.clip([e["expected_tre_mm"], e["disagreement_mm"]], 0.05, 200)
    return [fisher(e["ncc"]), fisher(e["gradient_ncc"]), fisher(e["fine_gradient_ncc"]),
            fisher(e["patch_ncc"]), min(np.log(max(e["lead"], 1e-3)), -1.0),
            np.log(noise), np.log(np.clip(disagreement / noise, 0.1, 10)), min(e["prior_deviation"], 4.0)]


def fit(x, y, counts):
    """Weights and intercept of the features as they are; counts tell what each registration counts."""
    mean = np.average(x, axis=0, weights=counts)
    spread = np.average((x - mean) ** 2, axis=0, weights=counts) ** 0.5 + 1e-12
    z = np.c_[np.ones(len(x)), (x - mean) / spread]
    ridge = np.diag([0.0] + [RIDGE] * x.shape[1])
    w = np.zeros(z.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-z @ w))
        hessian = (z * (counts * p * (1 - p))[:, None]).T @ z + ridge + 1e-9 * np.eye(len(w))
        w -= np.linalg.solve(hessian, z.T @ (counts * (p - y)) + ridge @ w)
    weights = w[1:] / spread
    return weights, w[0] - weights @ mean


def probability(x, model):
    weights, intercept = model
    return 1 / (1 + np.exp(-(x @ weights + intercept)))


def main():
    if len(sys.argv) < 2:
        sys.exit("name the tables: fit.py calibration/cases.csv slabs/cases.csv")
    rows = []
    for name in sys.argv[1:]:
        with open(name, newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["ncc"]]
    x = np.array([features(row) for row in rows])
    # A hopeless registration has no truth: it is never right.
    error = np.array([float(row["mtre_mm"] or "inf") for row in rows])
    y = (error < WITHIN_MM).astype(float)
    slab = np.array([row["ct"].endswith(SLAB) for row in rows])
    counts = np.where(slab, SLAB_WEIGHT, 1.0)
    patient = np.array([row["ct"].removesuffix(SLAB) for row in rows])
    weights, intercept = fit(x, y, counts)
    print(f"{len(rows)} registrations, {int(y.sum())} within {WITHIN_MM} mm, "
          f"{int(np.isinf(error).sum())} hopeless")
    print(f"intercept: {intercept:.3f},")
    print("weights: [" + ", ".join(f"{w:.3f}" for w in weights) + "],")

    left_out = np.zeros(len(rows))
    for name in sorted(set(patient)):
        held = patient == name
        left_out[held] = probability(x[held], fit(x[~held], y[~held], counts[~held]))
    for name, some in (("whole CTs", ~slab), ("slabs", slab)):
        tell(name, left_out[some], error[some], y[some])


def tell(name, left_out, error, y):
    """How the fit does on patients that were left out of it."""
    print(f"\non {name} of patients left out of the fit:")
    right, wrong = error < 1, error > 10
    print(f"  below 1 mm: {100 * (left_out[right] >= GOOD).mean():.1f} % good, "
          f"{100 * (left_out[right] < FAILED).mean():.1f} % failed")
    print(f"  above 10 mm or without a truth: {int((left_out[wrong] >= GOOD).sum())} of "
          f"{int(wrong.sum())} good, highest probability {left_out[wrong].max():.3f}")
    total = 0.0
    for low in np.arange(10) / 10:
        inside = (left_out >= low) & (left_out < low + 0.1 + (low > 0.85))
        if inside.any():
            said, true = left_out[inside].mean(), y[inside].mean()
            total += inside.mean() * abs(said - true)
            print(f"  said {said:.2f}: {true:.2f} within {WITHIN_MM} mm ({inside.sum()})")
    print(f"  calibration error {100 * total:.1f} %")


if __name__ == "__main__":
    main()
