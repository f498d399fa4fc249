"""Hold isocenter's DRRs of the phantom against those of other programs.

    python compare_drr.py FOLDER --isocenter PATH --reference DIR [--run-rtk]

FOLDER holds phantom.nii.gz, written by phantom.py. DIR holds camera.json, pose_ap.json,
pose_obl.json and the images PROGRAM_ap_mu.npy and PROGRAM_obl_mu.npy: f32, one row of the detector
after the other, seen from the source. Needs numpy; --run-rtk needs itk-rtk too.

Exit status: 0 all within their bounds, 1 one is not, 2 something is missing or wrong.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

from peer_programs import rtk_joseph
from program import Failure, drr, load_image, relative_rms

POSES = ("ap", "obl")

# The largest relative RMS difference allowed. RTK's Joseph is the method closest to ours. Exact
# Siddon takes voxels for boxes instead of interpolating, which shows on this noisy phantom. The
# others are printed without a bound: those that sample along the ray differ among themselves, and
# ITK's image is some 0.2 % larger than all others.
BOUNDS = {
    ("rtk_joseph", "ap"): 0.0010,
    ("rtk_joseph", "obl"): 0.0015,
    ("rtk_now", "ap"): 0.0010,
    ("rtk_now", "obl"): 0.0015,
    ("plastimatch_exact", "ap"): 0.0070,
    ("diffdrr_siddon", "ap"): 0.0070,
    ("diffdrr_siddon", "obl"): 0.0070,
}


def load_references(folder):
    """{(program, pose): line integrals} of every image in the folder."""
    references = {}
    for path in sorted(folder.glob("*_mu.npy")):
        program, _, pose = path.name.removesuffix("_mu.npy").rpartition("_")
        if pose in POSES:
            # plastimatch writes a tenth of the line integral.
            scale = 10 if program.startswith("plastimatch") else 1
            references[program, pose] = scale * load_image(path)
    return references


def report(ours, references):
    """Prints the table; whether every difference is within its bound."""
    programs = sorted({program for program, _ in references})
    title = "relative RMS difference"
    width = max(map(len, [title, *programs]))
    print(f"{title:{width}}  pose         %    bound %")
    within = True
    for program in programs:
        for pose in POSES:
            if (program, pose) not in references:
                continue
            reference = references[program, pose]
            if ours[pose].shape != reference.shape:
                raise Failure(
                    f"{program}, {pose}: ours has shape {ours[pose].shape}, theirs {reference.shape}"
                )
            difference = relative_rms(ours[pose], reference)
            line = f"{program:{width}}  {pose:4}  {100 * difference:8.4f}"
            bound = BOUNDS.get((program, pose))
            if bound is not None:
                exceeded = not difference <= bound
                within = within and not exceeded
                line += f"  {100 * bound:9.4f}" + ("  EXCEEDED" if exceeded else "")
            print(line)
    return within


def compare(arguments):
    """Renders, compares, prints; the exit status."""
    phantom = arguments.folder / "phantom.nii.gz"
    reference = arguments.reference
    camera = reference / "camera.json"
    needed = [phantom, camera]
    for path in needed + [reference / f"pose_{pose}.json" for pose in POSES]:
        if not path.is_file():
            raise Failure(f"{path} is missing")
    references = load_references(reference)
    if arguments.run_rtk:
        intrinsics = json.loads(camera.read_text())
        for pose in POSES:
            matrix = json.loads((reference / f"pose_{pose}.json").read_text())["camera_from_world"]
            draw, image = rtk_joseph(phantom, intrinsics, np.array(matrix), os.cpu_count() or 1)
            draw()
            references["rtk_now", pose] = image()
    if not BOUNDS.keys() & references.keys():
        raise Failure(f"{reference}: no image that has a bound, such as rtk_joseph_ap_mu.npy")
    ours = {
        pose: drr(arguments.isocenter, phantom, camera, reference / f"pose_{pose}.json")
        for pose in POSES
    }
    return 0 if report(ours, references) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds phantom.nii.gz, see phantom.py")
    parser.add_argument("--isocenter", default="isocenter", help="the program (default: on PATH)")
    parser.add_argument("--reference", type=Path, required=True, help="camera, poses and images")
    parser.add_argument("--run-rtk", action="store_true", help="render with RTK, too")
    try:
        return compare(parser.parse_args())
    except Failure as failure:
        print(f"compare_drr: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
