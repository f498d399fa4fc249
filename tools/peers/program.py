"""Run isocenter: its DRRs and its timings."""

import json
import math
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np


class Failure(Exception):
    """Something is missing or wrong; the text says what and where."""


def run(isocenter, *arguments, threads=None):
    """What `isocenter ARGUMENTS` prints, on this number of threads."""
    command = [str(isocenter), *map(str, arguments)]
    environment = os.environ | ({"RAYON_NUM_THREADS": str(threads)} if threads else {})
    try:
        ended = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
        )
    except OSError as error:
        raise Failure(f"{isocenter}: {error}") from error
    if ended.returncode != 0:
        name = f"{isocenter} {arguments[0]}"
        raise Failure(f"{name} ended with {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout


def load_image(path):
    """A two-dimensional image of finite numbers."""
    try:
        image = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: {error}") from error
    if image.ndim != 2 or not np.isfinite(image).all():
        raise Failure(f"{path}: shape {image.shape}, expected two sides and finite numbers")
    return image


def drr(isocenter, ct, camera, pose):
    """Our line integrals."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "drr.npy"
        inputs = ["--ct", ct, "--camera", camera, "--pose", pose]
        run(isocenter, "drr", *inputs, "-o", output)
        return load_image(output)


def bench(isocenter, ct, camera, pose, runs, threads):
    """What `isocenter bench --json` measured: numbers, named in one or two steps."""
    inputs = ["--ct", ct, "--camera", camera, "--pose", pose, "--runs", runs]
    printed = run(isocenter, "bench", *inputs, "--json", threads=threads)
    try:
        measured = json.loads(printed)
    except ValueError as error:
        raise Failure(f"{isocenter} bench --json: {error}") from error
    try:
        seconds = measured["forward"]["cpu_s"]
    except (KeyError, TypeError) as error:
        raise Failure(f"{isocenter} bench --json: no forward.cpu_s in {printed.strip()}") from error
    if not 0 < seconds < math.inf:
        raise Failure(f"{isocenter} bench --json: forward.cpu_s is {seconds}")
    return measured


def version(isocenter):
    """Its name and version."""
    return run(isocenter, "--version").strip()


def relative_rms(image, reference):
    """The RMS of the difference over the RMS of the reference."""
    image, reference = image.astype(np.float64), reference.astype(np.float64)
    return float(np.sqrt(np.mean((image - reference) ** 2)) / np.sqrt(np.mean(reference**2)))
