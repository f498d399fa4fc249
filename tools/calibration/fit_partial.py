"""Fits the judge's probability where only complete rays are compared, and the bounds of the error.

    isocenter evaluate --config tools/calibration/partial.toml --data CTS --out partial
    python tools/calibration/fit_partial.py partial/cases.csv [cases.csv slabs.csv]

Prints the constants of `Calibration::of_complete_rays` and of `ErrorModel` in crates/isocenter/src/register/judge,
and how they would have done on patients left out of the fit, one after the other. The first table has cut CTs, the
others those of fit.py: the bounds hold for both kinds. Needs numpy.
"""
import csv
import sys

import numpy as np

from fit import FAILED, GOOD, fit, probability

PROBABLE = 0.7  # the power law of probable poses is another than that of the others
CLASSES = [0.05, 0.7, 0.95]
COVERED = 0.95


def column(row, name, default):
    return float(row.get(name) or default)


def fisher(rho, most=np.inf):
    return min(np.arctanh(min(max(rho, 0.0), 0.9995)), most)


def of_probability(row):
    """The features of `features` in calibration.rs."""
    noise, disagreement = np.clip([float(row["expected_tre_mm"]), float(row["disagreement_mm"])], 0.05, 200)
    return [fisher(float(row[name]), 3.5) for name in ("ncc", "gradient_ncc", "fine_gradient_ncc", "patch_ncc")] + [
        min(np.log(max(float(row["lead"]), 1e-3)), -1.0), np.log(noise),
        np.log(np.clip(disagreement / noise, 0.1, 10)), min(float(row["prior_deviation"]), 4.0),
        fisher(column(row, "all_gradient_ncc", 0), 3.5), np.log(np.clip(column(row, "complete_share", 1), 0.01, 1))]


def of_error(row, p):
    """The features of `features` in bound.rs."""
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return [np.log(np.clip(float(row["expected_tre_mm"]), 0.02, 200)),
            np.log(np.clip(float(row["disagreement_mm"]), 0.02, 200)),
            fisher(float(row["gradient_ncc"])), fisher(float(row["fine_gradient_ncc"])),
            fisher(float(row["patch_ncc"])), np.log(np.clip(column(row, "complete_share", 1), 0.01, 1)),
            np.log(p / (1 - p))]


def power_law(x, error, counts):
    """Intercept and weights of ln error, with a little ridge."""
    z = np.c_[np.ones(len(x)), x]
    ridge = np.diag([0.0] + [1.0] * x.shape[1])
    weighted = z * counts[:, None]
    return np.linalg.solve(weighted.T @ z + ridge, weighted.T @ np.log(np.clip(error, 0.01, 300)))


def classes(p):
    return np.digitize(p, CLASSES)


def bound(name, rows, p, error, patient, counts):
    x = np.array([of_error(row, q) for row, q in zip(rows, p)])
    expected = np.zeros(len(rows))
    laws = []
    for side in (p < PROBABLE, p >= PROBABLE):
        laws.append(power_law(x[side], error[side], counts[side]))
        for held_name in sorted(set(patient)):
            held, others = side & (patient == held_name), side & (patient != held_name)
            law = power_law(x[others], error[others], counts[others])
            expected[held] = np.clip(np.exp(np.c_[np.ones(held.sum()), x[held]] @ law), 0.01, 300)
    ratio = error / expected
    factors = []
    for n in range(len(CLASSES) + 1):
        inside = np.sort(ratio[classes(p) == n])
        rank = int(np.ceil(COVERED * (len(inside) + 1))) - 1
        factors.append(inside[min(rank, len(inside) - 1)])
    for kind, law, two in (("improbable", laws[0], factors[:2]), ("probable", laws[1], factors[2:])):
        print(f"ErrorModel::{name}.{kind}: intercept: {law[0]:.3f}, weights: [" +
              ", ".join(f"{w:.3f}" for w in law[1:]) + "], factors: [" +
              ", ".join(f"{f:.2f}" for f in two) + "]")
    limit = expected * np.array(factors)[classes(p)]
    ln_error = np.log(np.clip(error, 0.01, 300))
    print(f"  left out: R^2 {1 - (ln_error - np.log(expected)).var() / ln_error.var():.2f}")
    for label, group in [(n, patient == n) for n in sorted(set(patient))] + [
            (f"probability class {n}", classes(p) == n) for n in range(len(CLASSES) + 1)]:
        print(f"  {label}: {100 * (error <= limit)[group].mean():.0f} % covered, "
              f"median bound {np.median(limit[group]):.2f}, median error {np.median(error[group]):.2f} mm")


def main():
    tables = []
    for name in sys.argv[1:]:
        with open(name, newline="") as file:
            tables.append([row for row in csv.DictReader(file) if row["ncc"]])
    rows = tables[0]
    x = np.array([of_probability(row) for row in rows])
    error = np.array([float(row["mtre_mm"] or "inf") for row in rows])
    y = (error < 2).astype(float)
    counts = np.ones(len(rows))
    patient = np.array([row["ct"] for row in rows])
    weights, intercept = fit(x, y, counts)
    print(f"{len(rows)} registrations, {int(y.sum())} within 2 mm, {int(np.isinf(error).sum())} hopeless")
    print(f"Calibration::of_complete_rays: intercept: {intercept:.3f}, weights: [" +
          ", ".join(f"{w:.3f}" for w in weights) + "]")
    left_out = np.zeros(len(rows))
    for name in sorted(set(patient)):
        held = patient == name
        left_out[held] = probability(x[held], fit(x[~held], y[~held], counts[~held]))
    right, wrong = error < 1, error > 10
    print(f"left out: below 1 mm {100 * (left_out[right] >= GOOD).mean():.0f} % good, "
          f"{100 * (left_out[right] < FAILED).mean():.0f} % failed; wrong or hopeless "
          f"{int((left_out[wrong] >= GOOD).sum())} of {int(wrong.sum())} good, highest {left_out[wrong].max():.3f}; "
          f"good ones off by more than 2 mm: {int(((left_out >= GOOD) & (error > 2)).sum())} of {int((left_out >= GOOD).sum())}")
    every, p = list(rows), list(left_out)
    for table in tables[1:]:
        every += table
        p += [float(row["probability_within_2mm"]) for row in table]
    true = np.array([bool(row["mtre_mm"]) for row in every])
    every = [row for row, keep in zip(every, true) if keep]
    p = np.array(p)[true]
    who = np.array([row["ct"].removesuffix(" slab") for row in every])
    weight = np.array([0.3 if row["ct"].endswith("slab") else 1.0 for row in every])
    bound("TOTAL", every, p, np.array([float(row["mtre_mm"]) for row in every]), who, weight)
    bound("ACROSS_RAY", every, p, np.array([float(row["mtre_across_ray_mm"]) for row in every]), who, weight)


if __name__ == "__main__":
    main()
