"""Time isocenter's projector against what users have today, on the machine that this runs on.

    python time_peers.py FOLDER --isocenter PATH --reference DIR [--nanodrr-python PATH]

FOLDER holds phantom.nii.gz, written by phantom.py; DIR holds camera.json and pose_ap.json. Each
program keeps its volume in a process of its own and first draws one image, which must agree with
isocenter's. They are then timed in turns, round after round; the first round warms up, and the
table holds medians of the others. Needs numpy; itk-rtk and itk-twoprojectionregistration; nanodrr,
which may live in another Python.

Exit status: 0 every wanted ratio is met, 1 one is missed, 2 none is missed, but something that a
wanted ratio needs is missing, or something is wrong.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import machine
from peer_programs import NEEDED
from phantom import SIDE
from program import Failure, bench, drr, load_image, relative_rms, version
from scaling import Scaling

THREADS = 2
VOLUME_BYTES = 4 * SIDE**3  # f32
# The copy for one axis holds each slice in a frame of two voxels.
FRAMED = ((SIDE + 4) / SIDE) ** 2

# How far a program's image may be from isocenter's and still be taken for the same work: exact
# Siddon takes voxels for boxes, and ITK's image is seen from half a voxel off.
SAME_IMAGE = 0.02

# nanodrr takes seconds for one image, the others tens of milliseconds.
RUNS = {"itk": 10, "rtk": 10, "nanodrr": 1}


@dataclass(frozen=True)
class Row:
    """One line of the table: `ours` over `theirs`, paths into what was measured.

    Without `theirs`, `ours` itself is held against what is wanted; with neither bound the row is
    printed only.
    """

    what: str
    theirs: str | None
    ours: str
    air: str  # who skips air
    at_most: float | None = None
    at_least: float | None = None


ROWS = (
    Row("forward f32 over ITK Siddon-Jacobs", "itk.cpu_s", "two.forward.cpu_s", "by ours", 0.35),
    Row("forward u16 over ITK Siddon-Jacobs", "itk.cpu_s", "two.forward_u16.cpu_s", "by ours", 0.2),
    Row("forward f32 over RTK Joseph", "rtk.cpu_s", "two.forward.cpu_s", "by ours"),
    Row("forward f32, no air, over ITK", "itk.cpu_s", "two.forward_unskipped.cpu_s", "by none"),
    Row("forward f32, no air, over RTK", "rtk.cpu_s", "two.forward_unskipped.cpu_s", "by none"),
    Row("jet over our forward", "two.forward.cpu_s", "two.jet.cpu_s", "by both", 1.3),
    Row("jet over nanodrr, 6 gradients", "nanodrr.cpu_s", "two.jet.cpu_s", "by ours", 1 / 200),
    Row(
        "adjoint over our forward, no air",
        "two.forward_unskipped.cpu_s",
        "two.adjoint.cpu_s",
        "by none",
        2.5,
    ),
    Row(
        "images of 32 x 32 per second, 64^3",
        None,
        "two.batch.images_per_s",
        "by ours",
        at_least=20000,
    ),
    Row(
        "one thread over two, wall time",
        "two.forward.wall_s",
        "two.forward_one_thread.wall_s",
        "by both",
        at_least=1.85,
    ),
    Row(
        "the same of matrix products: the machine",
        "machine.two.wall_s",
        "machine.one.wall_s",
        "-",
    ),
    Row("memory over the f32 volume's", "volume.bytes", "two.forward.bytes", "-", FRAMED),
)


class Peer:
    """Another program, in a process of its own."""

    def __init__(self, name, python, inputs, scratch):
        self.name = name
        self.reason = None  # why it cannot be timed, in two words
        self.details = None
        self.versions = {}
        self.image = None
        output = scratch / f"{name}.npy"
        self.errors = (scratch / f"{name}.txt").open("w+")
        script = Path(__file__).with_name("peer_programs.py")
        try:
            self.process = subprocess.Popen(
                [python, script, name, *inputs, output, str(THREADS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
            )
        except OSError as error:
            raise Failure(f"{python}: {error}") from error
        started = self._answer()
        if "missing" in started:
            self.reason, self.details = "not installed", started["missing"]
        elif self.reason is None:
            self.versions = started["versions"]
            self.image = load_image(output)

    def seconds(self, runs):
        """CPU and wall-clock seconds, medians of the runs; None where it cannot be timed."""
        if self.reason is not None:
            return None
        with contextlib.suppress(BrokenPipeError):  # it has ended: the answer says so
            self.process.stdin.write(f"{runs}\n")
            self.process.stdin.flush()
        measured = self._answer()
        return median(measured) if measured else None

    def close(self):
        """Ends it."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def _answer(self):
        """Its next line; nothing, with the reason noted, if it has ended."""
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        self.reason, self.details = "failed", lines[-1].strip() if lines else "no message"
        return {}


def median(measured):
    """The median of every number in dictionaries of the same form."""
    first = measured[0]
    if isinstance(first, Mapping):
        return {key: median([one[key] for one in measured]) for key in first}
    if isinstance(first, (int, float)):
        return statistics.median(measured)
    return first


def look_up(measured, path):
    """The number at `two.forward.cpu_s`, or the reason why there is none."""
    at = measured
    for step in path.split("."):
        if not isinstance(at, Mapping):
            return at if isinstance(at, str) else "not reported"
        if step not in at:
            return "not reported"
        at = at[step]
    return at


def with_unit(path, value):
    """A measured value as text."""
    if isinstance(value, str):
        return value
    quantity = path.rpartition(".")[2]
    if quantity.endswith("per_s"):
        return f"{value:,.0f}/s".replace(",", " ")
    if quantity == "bytes":
        return f"{value / 1e6:.1f} MB"
    return f"{1e3 * value:.4g} ms"


def ratio_text(value):
    """Small ratios read better as fractions."""
    return f"1/{1 / value:.0f}" if 0 < value < 0.01 else f"{value:.4g}"


@dataclass(frozen=True)
class Judged:
    """A row with what was measured."""

    what: str
    theirs: str
    ours: str
    ratio: str
    wanted: str
    met: str  # yes, NO, ? where it could not be measured, - where nothing is wanted
    air: str
    value: float | None  # the ratio, or what stands for it


def judge(row, measured):
    """The row's cells."""
    theirs = look_up(measured, row.theirs) if row.theirs else "-"
    ours = look_up(measured, row.ours)
    known = not isinstance(ours, str) and (row.theirs is None or not isinstance(theirs, str))
    value = (ours / theirs if row.theirs else ours) if known else None
    if row.at_most is not None:
        wanted, kept = f"at most {ratio_text(row.at_most)}", known and value <= row.at_most
    elif row.at_least is not None:
        wanted, kept = f"at least {row.at_least:g}", known and value >= row.at_least
    else:
        wanted, kept = "printed", None
    met = "-" if kept is None else "?" if not known else "yes" if kept else "NO"
    return Judged(
        what=row.what,
        theirs=with_unit(row.theirs or "", theirs),
        ours=with_unit(row.ours, ours),
        ratio=ratio_text(value) if known and row.theirs else "-",
        wanted=wanted,
        met=met,
        air=row.air,
        value=value,
    )


HEAD = ("what", "theirs", "ours", "ratio", "wanted", "met", "air skipped")


def table(judged, markdown):
    """The table as text."""
    lines = [HEAD] + [(j.what, j.theirs, j.ours, j.ratio, j.wanted, j.met, j.air) for j in judged]
    if markdown:
        lines.insert(1, ("---",) * len(HEAD))
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
    widths = [max(map(len, column)) for column in zip(*lines)]
    padded = (map(str.ljust, line, widths) for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def check_image(peer, ours):
    """Its difference from our image; a program that draws something else is not compared."""
    if peer.image is None:
        return None
    if peer.image.shape != ours.shape:
        raise Failure(f"{peer.name}: its image has shape {peer.image.shape}, ours {ours.shape}")
    difference = relative_rms(peer.image, ours)
    if not difference <= SAME_IMAGE:
        raise Failure(f"{peer.name}: its image is {100 * difference:.2f} % off: not the same work")
    return difference


def time_rounds(arguments, peers, inputs, scaling):
    """{name: [one measurement a round]}, the first round left out."""
    rounds = {name: [] for name in [*peers, "two", "machine"]}
    turns = {name: lambda p=peer: p.seconds(RUNS[p.name]) for name, peer in peers.items()}
    turns["two"] = lambda: bench(arguments.isocenter, *inputs, arguments.runs, THREADS)
    turns["machine"] = scaling.seconds
    names = list(turns)
    for number in range(arguments.rounds + 1):
        print(f"round {number} of {arguments.rounds}", file=sys.stderr)
        first = number % len(names)  # none always follows the same other
        for name in names[first:] + names[:first]:
            seconds = turns[name]()
            if number > 0 and seconds is not None:
                rounds[name].append(seconds)
    return rounds


def measure(arguments, scratch):
    """Everything that was measured."""
    phantom = arguments.folder / "phantom.nii.gz"
    camera, pose = arguments.reference / "camera.json", arguments.reference / "pose_ap.json"
    for path in (phantom, camera, pose):
        if not path.is_file():
            raise Failure(f"{path} is missing")
    inputs = (phantom, camera, pose)
    described = machine.describe()
    machine.warn_if_busy(described)
    ours = drr(arguments.isocenter, *inputs)
    pythons = {name: sys.executable for name in NEEDED}
    pythons["nanodrr"] = arguments.nanodrr_python or sys.executable
    peers = {}
    scaling = Scaling()
    try:
        for name, python in pythons.items():
            peers[name] = Peer(name, python, inputs, scratch)
        differences = {name: check_image(peer, ours) for name, peer in peers.items()}
        rounds = time_rounds(arguments, peers, inputs, scaling)
    finally:
        for peer in peers.values():
            peer.close()
        scaling.close()
    medians = {name: median(of) for name, of in rounds.items() if of}
    medians |= {name: peer.reason for name, peer in peers.items() if peer.reason is not None}
    medians["volume"] = {"bytes": VOLUME_BYTES}
    our_name, _, our_version = version(arguments.isocenter).partition(" ")
    versions = {our_name: our_version, "numpy": np.__version__}
    for peer in peers.values():
        versions |= peer.versions
    return {
        "machine": described,
        "versions": versions,
        "threads": THREADS,
        "image_relative_rms": differences,
        "not_timed": {
            name: f"{peer.reason}: {peer.details}"
            for name, peer in peers.items()
            if peer.reason is not None
        },
        "rounds": rounds,
        "medians": medians,
    }


def report(arguments):
    """Measures, prints, writes; the exit status."""
    with tempfile.TemporaryDirectory() as scratch:
        measured = measure(arguments, Path(scratch))
    judged = [judge(row, measured["medians"]) for row in ROWS]
    print(table(judged, arguments.markdown))
    print()
    for name, reason in measured["not_timed"].items():
        print(f"{name} {reason}")
    print(machine.sentence(measured["machine"], measured["versions"]))
    if arguments.json:
        measured["rows"] = [asdict(row) for row in judged]
        arguments.json.write_text(json.dumps(measured, indent=1) + "\n")
    met = {row.met for row in judged}
    return 1 if "NO" in met else 2 if "?" in met else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds phantom.nii.gz, see phantom.py")
    parser.add_argument("--isocenter", default="isocenter", help="the program (default: on PATH)")
    parser.add_argument("--reference", type=Path, required=True, help="camera and pose")
    parser.add_argument("--nanodrr-python", help="a Python that has nanodrr (default: this one)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the first (default: 5)")
    parser.add_argument("--runs", type=int, default=10, help="ours in a round (default: 10)")
    parser.add_argument("--json", type=Path, help="write all that was measured")
    parser.add_argument("--markdown", action="store_true", help="print the table as markdown")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.runs < 1:
        parser.error("--rounds and --runs: expected 1 or more")
    try:
        return report(arguments)
    except Failure as failure:
        print(f"time_peers: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
