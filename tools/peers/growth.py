"""Does the projector's time grow with the samples it takes, and no faster?

    python growth.py FOLDER --isocenter PATH --reference DIR [-o growth.png]

Writes the phantom into FOLDER at 64, 128, 256 and 512 voxels a side (the same body), with cameras
of as many pixels a side (the same detector), times `isocenter bench` at the ap and obl poses of
DIR, prints the CPU time per sample and draws it against the side. A projector whose memory traffic
outgrows its caches takes longer per sample on a larger volume. A sample counts whether it is
skipped or not. Needs numpy and matplotlib, 0.3 GB of disk, and the memory that isocenter needs for
512^3.

Exit status: 0 the time per sample of forward rises by less than BOUND from the smallest side to any
larger one, with air skipped and without; 1 it rises more; 2 something is missing or wrong.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import machine
from phantom import nifti, phantom_hu
from program import Failure, bench, version

SIDES = (64, 128, 256, 512)
POSES = ("ap", "obl")
THREADS = 2
BOUND = 1.6  # the longest time per sample over that of the smallest volume

# What is drawn: its name in the output of bench, its label, line style, color, whether BOUND holds.
SERIES = (
    ("forward_unskipped", "forward, nothing to skip", "-", "#0072b2", True),
    ("forward", "forward, air skipped", "--", "#0072b2", True),
    ("jet", "jet, air skipped", "--", "#d55e00", False),
)


def write_inputs(folder, reference):
    """Phantoms and cameras of all sides; phantoms that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for side in SIDES:
        ct = folder / f"phantom_{side}.nii"
        if not ct.is_file():
            print(f"writing {ct}", file=sys.stderr)
            partial = ct.with_suffix(".partial")
            partial.write_bytes(nifti(phantom_hu(side)))
            partial.replace(ct)
        camera = scaled_camera(json.loads((reference / "camera.json").read_text()), side)
        (folder / f"camera_{side}.json").write_text(json.dumps(camera))


def scaled_camera(camera, side):
    """The same detector in this number of pixels a side."""
    factors = [side / n for n in camera["size_px"]]
    scaled = dict(camera, size_px=[side, side])
    scaled["pixel_spacing_mm"] = [s / f for s, f in zip(camera["pixel_spacing_mm"], factors)]
    if "principal_point_px" in camera:  # pixel centers are whole numbers
        principal = zip(camera["principal_point_px"], factors)
        scaled["principal_point_px"] = [(c + 0.5) * f - 0.5 for c, f in principal]
    return scaled


def nanoseconds_per_sample(measured, program):
    """{series: CPU nanoseconds per sample} of one answer of bench; series it lacks are left out."""
    if not measured.get("samples"):
        raise Failure(f"{program}: bench --json reports no `samples`: a later isocenter is needed")
    names = [name for name, *_ in SERIES if name in measured]

    def samples(timing):  # with nothing to skip, the whole volume is sampled, not its content
        return timing["samples_per_s"] * timing["wall_s"]

    return {name: 1e9 * measured[name]["cpu_s"] / samples(measured[name]) for name in names}


def measure(arguments):
    """{(pose, series): [median time per sample of each side]}, sides and poses timed in turns."""
    program = version(arguments.isocenter)
    rounds = {}
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        for side in SIDES:
            for pose in POSES:
                measured = bench(
                    arguments.isocenter,
                    arguments.folder / f"phantom_{side}.nii",
                    arguments.folder / f"camera_{side}.json",
                    arguments.reference / f"pose_{pose}.json",
                    arguments.runs,
                    THREADS,
                )
                for name, time in nanoseconds_per_sample(measured, program).items():
                    rounds.setdefault((pose, name, side), []).append(time)
    lines = {}
    for pose in POSES:
        for name, *_ in SERIES:
            times = [rounds.get((pose, name, side)) for side in SIDES]
            if all(times):
                lines[pose, name] = [statistics.median(of) for of in times]
    return lines


def report(lines):
    """Prints the table; whether all series that have a bound keep it."""
    width = max(len(label) for _, label, *_ in SERIES)
    sides = "".join(f"{side:8}" for side in SIDES)
    print(f"{'CPU ns per sample':{width}}  pose{sides}  longest/first")
    kept = True
    for name, label, _, _, bounded in SERIES:
        for pose in POSES:
            times = lines.get((pose, name))
            if times is None:
                print(f"{label:{width}}  {pose:4}  not reported")
                continue
            ratio = max(times) / times[0]
            line = f"{label:{width}}  {pose:4}"
            line += "".join(f"{time:8.3f}" for time in times) + f"  {ratio:16.2f}"
            if bounded:
                exceeded = not ratio < BOUND
                kept = kept and not exceeded
                line += f"  below {BOUND}" + ("  EXCEEDED" if exceeded else "")
            print(line)
    return kept


def draw(lines, output, pyplot):
    """The picture: a panel for each pose."""
    figure, panels = pyplot.subplots(
        1, len(POSES), sharey=True, figsize=(9, 4), layout="constrained"
    )
    for panel, pose in zip(panels, POSES):
        for name, label, style, color, _ in SERIES:
            times = lines.get((pose, name))
            if times:
                panel.plot(SIDES, times, style, color=color, marker="o", label=label)
        panel.set_xscale("log", base=2)
        panel.set_xticks(SIDES, [str(side) for side in SIDES])
        panel.set_title(f"pose {pose}")
        panel.set_xlabel("side of volume and image [voxels, pixels]")
        panel.grid(alpha=0.3)
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("CPU time per sample [ns]")
    panels[-1].legend()
    figure.savefig(output, dpi=150)


def grow(arguments):
    """Writes, times, prints, draws; the exit status."""
    try:
        import matplotlib
    except ImportError as error:
        raise Failure("matplotlib is missing: pip install matplotlib") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    reference = arguments.reference
    for path in [reference / "camera.json", *(reference / f"pose_{pose}.json" for pose in POSES)]:
        if not path.is_file():
            raise Failure(f"{path} is missing")
    write_inputs(arguments.folder, reference)
    described = machine.describe()
    machine.warn_if_busy(described)
    lines = measure(arguments)
    for name, _, _, _, bounded in SERIES:
        if bounded and any((pose, name) not in lines for pose in POSES):
            raise Failure(f"bench --json reports no `{name}`: a later isocenter is needed")
    kept = report(lines)
    print()
    name, _, number = version(arguments.isocenter).partition(" ")
    print(machine.sentence(described, {name: number}))
    draw(lines, arguments.output, pyplot)
    return 0 if kept else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where phantoms and cameras are written")
    parser.add_argument("--isocenter", default="isocenter", help="the program (default: on PATH)")
    parser.add_argument("--reference", type=Path, required=True, help="camera and poses")
    parser.add_argument("-o", "--output", type=Path, default="growth.png", help="the picture")
    parser.add_argument("--rounds", type=int, default=3, help="over all sides (default: 3)")
    parser.add_argument("--runs", type=int, default=20, help="of each in a round (default: 20)")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.runs < 1:
        parser.error("--rounds and --runs: expected 1 or more")
    try:
        return grow(arguments)
    except Failure as failure:
        print(f"growth: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
