"""Hold isocenter's DRRs of the phantom against those of other programs.

    python compare_drr.py FOLDER --isocenter PATH --reference DIR [--run-rtk]

FOLDER holds phantom.nii.gz, written by phantom.py. DIR holds camera.json, pose_ap.json,
pose_obl.json and the images PROGRAM_ap_mu.npy and PROGRAM_obl_mu.npy: f32, one row of the detector
after the other, seen from the source. Needs numpy; --run-rtk needs itk-rtk too.

Exit status: 0 all within their bounds, 1 one is not, 2 something is missing or wrong.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

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


class Failure(Exception):
    """Something is missing or wrong; the text says what and where."""


def relative_rms(image, reference):
    """The RMS of the difference over the RMS of the reference."""
    image, reference = image.astype(np.float64), reference.astype(np.float64)
    return float(np.sqrt(np.mean((image - reference) ** 2)) / np.sqrt(np.mean(reference**2)))


def load_image(path):
    """A two-dimensional image of finite numbers."""
    try:
        image = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: {error}") from error
    if image.ndim != 2 or not np.isfinite(image).all():
        raise Failure(f"{path}: shape {image.shape}, expected two sides and finite numbers")
    return image


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


def render(isocenter, phantom, reference, pose, folder):
    """Our line integrals."""
    output = folder / f"{pose}.npy"
    command = [isocenter, "drr", "--ct", phantom, "--camera", reference / "camera.json"]
    command += ["--pose", reference / f"pose_{pose}.json", "-o", output]
    try:
        run = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except OSError as error:
        raise Failure(f"{isocenter}: {error}") from error
    if run.returncode != 0:
        raise Failure(f"{isocenter} drr ended with {run.returncode}: {run.stderr.strip()}")
    return load_image(output)


def run_rtk(phantom, camera, camera_from_world):
    """RTK's line integrals, Joseph's method, rendered now."""
    import itk
    from itk import RTK as rtk

    hu = itk.imread(str(phantom), itk.F)
    voxels = itk.array_from_image(hu)  # [z, y, x] of the file, whose x and y run along R and A
    if not np.array_equal(itk.array_from_matrix(hu.GetDirection()), np.diag([-1, -1, 1])):
        raise Failure(f"{phantom}: its axes are not R, A, S: write it with phantom.py")
    attenuation = np.maximum(0, 0.02 * (1 + voxels[:, ::-1, ::-1] / 1000)).astype(np.float32)
    volume = itk.image_from_array(np.ascontiguousarray(attenuation))  # along L, P, S
    last = np.array(hu.GetLargestPossibleRegion().GetSize()) - 1
    volume.SetOrigin([-float(n) / 2 for n in last])  # phantom.py centres the volume on the origin

    rotation, translation = camera_from_world[:3, :3], camera_from_world[:3, 3]
    point, vector = itk.Point[itk.D, 3], itk.Vector[itk.D, 3]
    source = -rotation.T @ translation
    detector = source + camera["source_to_detector_mm"] * rotation[2]
    geometry = rtk.ThreeDCircularProjectionGeometry.New()
    geometry.AddProjection(
        point(source.tolist()),
        point(detector.tolist()),
        vector(rotation[0].tolist()),
        vector(rotation[1].tolist()),
    )
    size, spacing = camera["size_px"], camera["pixel_spacing_mm"]
    principal = camera.get("principal_point_px", [(n - 1) / 2 for n in size])
    image_type = itk.Image[itk.F, 3]
    blank = rtk.ConstantImageSource[image_type].New()
    blank.SetOrigin([-c * s for c, s in zip(principal, spacing)] + [0])
    blank.SetSpacing([*spacing, 1])
    blank.SetSize([*size, 1])
    project = rtk.JosephForwardProjectionImageFilter[image_type, image_type].New()
    project.SetGeometry(geometry)
    project.SetInput(0, blank.GetOutput())
    project.SetInput(1, volume)
    project.Update()
    return itk.array_from_image(project.GetOutput())[0]


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
    needed = [phantom, reference / "camera.json"]
    for path in needed + [reference / f"pose_{pose}.json" for pose in POSES]:
        if not path.is_file():
            raise Failure(f"{path} is missing")
    references = load_references(reference)
    if arguments.run_rtk:
        camera = json.loads((reference / "camera.json").read_text())
        for pose in POSES:
            matrix = json.loads((reference / f"pose_{pose}.json").read_text())["camera_from_world"]
            references["rtk_now", pose] = run_rtk(phantom, camera, np.array(matrix))
    if not BOUNDS.keys() & references.keys():
        raise Failure(f"{reference}: no image that has a bound, such as rtk_joseph_ap_mu.npy")
    with tempfile.TemporaryDirectory() as scratch:
        ours = {
            pose: render(arguments.isocenter, phantom, reference, pose, Path(scratch))
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
