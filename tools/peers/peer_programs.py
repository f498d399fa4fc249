"""The projectors of other packages, set up to draw the phantom as the reference images show it.

Each function here takes the path of the phantom, the camera, `camera_from_world` and a number of
threads, and gives two functions: `draw` projects once, `image` tells the line integrals of the last
drawing, rows from the top as seen from the source. Reading files and converting Hounsfield units
happens before, so that timing `draw` times the projector alone.

As a program it is what time_peers.py talks to, one process per package:

    python peer_programs.py NAME PHANTOM CAMERA POSE IMAGE THREADS

draws once, writes IMAGE (npy) and answers each line N of its input with a line of JSON, the seconds
of N drawings. A package that is missing ends it with a line that says which.
"""

import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from program import Failure

# What must be installed, by the names of the package index.
NEEDED = {
    "itk": ("itk-twoprojectionregistration", "itk-core"),
    "rtk": ("itk-rtk", "itk-core"),
    "nanodrr": ("nanodrr", "torch", "torchio"),
}


def attenuation(hu):
    """Linear attenuation per mm, f32."""
    return np.maximum(0, 0.02 * (1 + hu / 1000)).astype(np.float32)


def detector_axes(camera):
    """Size [px], spacing [mm] and principal point [px], each of columns and rows."""
    size = camera["size_px"]
    principal = camera.get("principal_point_px", [(n - 1) / 2 for n in size])
    return size, camera["pixel_spacing_mm"], principal


def source_to_isocenter_mm(camera, camera_from_world):
    """For programs that are set up for one view only: ap, with a centred detector."""
    size, _, principal = detector_axes(camera)
    front = [[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, camera_from_world[2, 3]], [0, 0, 0, 1]]
    if principal != [(n - 1) / 2 for n in size] or not np.allclose(camera_from_world, front):
        raise Failure("this program is set up for the ap pose and a centred principal point only")
    return float(camera_from_world[2, 3])


def itk_volume(phantom):
    """The attenuation as an itk image along L, P and S, its middle at the origin."""
    import itk

    hu = itk.imread(str(phantom), itk.F)
    voxels = itk.array_from_image(hu)  # [z, y, x] of the file, whose x and y run along R and A
    if not np.array_equal(itk.array_from_matrix(hu.GetDirection()), np.diag([-1, -1, 1])):
        raise Failure(f"{phantom}: its axes are not R, A, S: write it with phantom.py")
    spacing = list(hu.GetSpacing())
    volume = itk.image_from_array(np.ascontiguousarray(attenuation(voxels[:, ::-1, ::-1])))
    volume.SetSpacing(spacing)
    volume.SetOrigin([-s * (n - 1) / 2 for s, n in zip(spacing, voxels.shape[::-1])])
    return volume


def rtk_joseph(phantom, camera, camera_from_world, threads):
    """RTK, Joseph's method."""
    import itk
    from itk import RTK as rtk

    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(threads)
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
    size, spacing, principal = detector_axes(camera)
    image_type = itk.Image[itk.F, 3]
    blank = rtk.ConstantImageSource[image_type].New()
    blank.SetOrigin([-c * s for c, s in zip(principal, spacing)] + [0])
    blank.SetSpacing([*spacing, 1])
    blank.SetSize([*size, 1])
    blank.Update()
    project = rtk.JosephForwardProjectionImageFilter[image_type, image_type].New()
    project.SetGeometry(geometry)
    project.SetInput(0, blank.GetOutput())
    project.SetInput(1, itk_volume(phantom))
    project.InPlaceOff()  # the blank projection is added to, and is used again

    def draw():
        project.Modified()
        project.Update()

    return draw, lambda: itk.array_from_image(project.GetOutput())[0]


def itk_siddon_jacobs(phantom, camera, camera_from_world, threads):
    """ITK's TwoProjectionRegistration, Siddon's method as Jacobs has it."""
    import itk

    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(threads)
    image_type = itk.Image[itk.F, 3]
    volume = itk_volume(phantom)
    size, spacing, principal = detector_axes(camera)
    to_detector = camera["source_to_detector_mm"]
    # It places the first corner of the volume at zero, whatever the image's origin says.
    edges = zip(volume.GetSpacing(), itk.size(volume))
    about_middle = itk.Euler3DTransform[itk.D].New()
    about_middle.SetIdentity()
    about_middle.SetCenter([float(s * n / 2) for s, n in edges])
    rays = itk.SiddonJacobsRayCastInterpolateImageFunction[image_type, itk.D].New()
    rays.SetProjectionAngle(0.0)
    rays.SetFocalPointToIsocenterDistance(source_to_isocenter_mm(camera, camera_from_world))
    rays.SetThreshold(0.0)
    rays.SetTransform(about_middle)
    rays.Initialize()
    project = itk.ResampleImageFilter[image_type, image_type].New()
    project.SetInput(volume)
    project.SetInterpolator(rays)
    project.SetTransform(itk.IdentityTransform[itk.D, 3].New())
    project.SetSize([*size, 1])
    project.SetOutputSpacing([*spacing, 1.0])
    project.SetOutputOrigin([-c * s for c, s in zip(principal, spacing)] + [-to_detector])

    def draw():
        project.Modified()
        project.Update()

    def image():
        # Rows run upwards, and a pixel holds the mean along its ray from source to detector.
        across, down = ((np.arange(n) - c) * s for n, c, s in zip(size, principal, spacing))
        ray_mm = np.sqrt(across**2 + down[:, None] ** 2 + to_detector**2)
        return (itk.array_from_image(project.GetOutput())[0, ::-1] * ray_mm).astype(np.float32)

    return draw, image


def nanodrr(phantom, camera, camera_from_world, threads):
    """nanodrr, 500 samples a ray as by default: the image and six derivatives of a weighted sum."""
    import torch
    import torchio
    from nanodrr.camera import make_rt_inv
    from nanodrr.data import Subject
    from nanodrr.drr import DRR

    torch.set_num_threads(threads)
    hu = torchio.ScalarImage(phantom)
    volume = torchio.ScalarImage(
        tensor=torch.from_numpy(attenuation(hu.data.numpy())), affine=hu.affine
    )
    subject = Subject.from_images(volume, convert_to_mu=False)
    (columns, rows), spacing, _ = detector_axes(camera)
    to_detector = camera["source_to_detector_mm"]
    renderer = DRR.from_carm_intrinsics(
        to_detector, *spacing, 0.0, 0.0, rows, columns, dtype=torch.float32
    )
    to_isocenter = source_to_isocenter_mm(camera, camera_from_world)
    rotation = torch.zeros(1, 3, requires_grad=True)
    translation = torch.tensor([[0.0, to_isocenter, 0.0]], requires_grad=True)
    weight = torch.linspace(0, 1, rows * columns).view(rows, columns)
    last = None

    def draw():
        nonlocal last
        rotation.grad = translation.grad = None
        pose = make_rt_inv(rotation, translation, "AP", subject.isocenter)
        drawn = renderer(subject, pose)
        (drawn * weight).sum().backward()
        last = drawn.detach()

    return draw, lambda: last.reshape(rows, columns).numpy()


PROGRAMS = {"itk": itk_siddon_jacobs, "rtk": rtk_joseph, "nanodrr": nanodrr}


def seconds(draw, runs):
    """CPU seconds of all threads and wall-clock seconds of each of the runs."""
    measured = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        draw()
        measured.append({"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall})
    return measured


def main():
    name, phantom, camera, pose, output, threads = sys.argv[1:]
    # Answers go to what was standard output; what a package prints there goes to the errors.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    try:
        versions = {package: importlib.metadata.version(package) for package in NEEDED[name]}
    except importlib.metadata.PackageNotFoundError as error:
        answer({"missing": error.name})
        return 0
    camera = json.loads(Path(camera).read_text())
    camera_from_world = np.array(json.loads(Path(pose).read_text())["camera_from_world"])
    draw, image = PROGRAMS[name](phantom, camera, camera_from_world, int(threads))
    draw()
    np.save(output, image())
    answer({"versions": versions})
    for line in sys.stdin:
        answer(seconds(draw, int(line)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
