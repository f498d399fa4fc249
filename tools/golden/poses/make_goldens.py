"""Let DiffDRR, nanodrr, plastimatch and ProST's formulas say where known points are seen.

    python -m venv v
    v/bin/pip install diffdrr==0.6.1 nanodrr==0.1.7 torchgeometry==0.1.2 SimpleITK
    (plastimatch 1.9.4 on the PATH, as Debian packages it)
    v/bin/python make_goldens.py                  writes ../../../crates/isocenter/tests/fixtures/poses/*.json

Every case holds the pose in the program's own parameters and, in pixels of the program's own image (the centre of the
first pixel stored is (0, 0)), where points of the patient (LPS, mm) are seen:

    projected   the program projects the point
    rays        the program says where the ray of the pixel runs (its detector target or its ray samples)
    rendered    the program draws a phantom with one smooth marker; the pixel is the centroid of the image

ProST is not a package: `prost` below evaluates the formulas of its published code (commit 95c8057, src/util.py,
src/module.py, ProSTGrid), with the library that ProST uses for rotations, and numpy for what it does to the array.
"""
import json
import pathlib
import subprocess
import tempfile

import numpy as np

OUT = pathlib.Path(__file__).resolve().parents[3] / "crates/isocenter/tests/fixtures/poses"
LPS = np.diag([-1.0, -1.0, 1.0])  # LPS from RAS and back
SCRIPT = "tools/golden/poses/make_goldens.py"


def rounded(value, digits=6):
    if isinstance(value, dict):
        return {key: rounded(entry, digits) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [rounded(entry, digits) for entry in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), digits)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return int(value) if isinstance(value, np.integer) else value


def write(name, program, version, cases):
    """One case per line: short, and a change shows in the diff."""
    OUT.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join("  " + json.dumps(rounded(case)) for case in cases)
    head = json.dumps({"program": program, "version": version, "script": SCRIPT})[:-1]
    (OUT / name).write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


def seen(points, pixels):
    return [{"world_mm": p, "pixel": q} for p, q in zip(np.asarray(points).tolist(), np.asarray(pixels).tolist())]


def camera(sdd, spacing, size, principal):
    return {"source_to_detector_mm": sdd, "pixel_spacing_mm": spacing, "size_px": size, "principal_point_px": principal}


def rotation_matrix(axis, degrees):
    a = np.deg2rad(degrees)
    k = np.asarray(axis, float) / np.linalg.norm(axis)
    w = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.eye(3) + np.sin(a) * w + (1 - np.cos(a)) * w @ w


def affine(linear, center_ras, shape):
    """The affine with this linear part whose volume has its centre there."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = center_ras - linear @ ((np.array(shape) - 1) / 2)
    return matrix


def volumes(shape):
    las = np.diag([-1.8, 1.5, 2.0])
    return [
        affine(np.diag([2.0, 2.0, 2.0]), np.array([0.0, 0.0, 0.0]), shape),
        affine(las, np.array([14.0, -160.0, 395.0]), shape),
        affine(rotation_matrix([0.4, -0.3, 1.0], 23.0) @ las, np.array([-31.0, 85.0, -640.0]), shape),
    ]


def marker(shape, index, peak=1.0, floor=0.0, sigma=1.6):
    """A smooth blob on a flat ground."""
    grid = np.indices(shape, dtype=np.float32)
    distance = sum((grid[a] - index[a]) ** 2 for a in range(3))
    return (floor + (peak - floor) * np.exp(-distance / (2 * sigma**2))).astype(np.float32)


def centroid(image):
    image = np.asarray(image, float)
    image = image - image.min()
    rows, columns = np.indices(image.shape)
    return [float((columns * image).sum() / image.sum()), float((rows * image).sum() / image.sum())]


def world_points(rng, center_ras, count=5, spread=90.0):
    """Points in LPS around the centre."""
    return np.round(LPS @ center_ras + rng.uniform(-spread, spread, (count, 3)), 3)


def some_pixels(size, rng):
    columns, rows = size
    inner = [[int(rng.integers(columns)), int(rng.integers(rows))] for _ in range(2)]
    return [[0, 0], [columns - 1, 0], [0, rows - 1], *inner]


def markers(shape, rng):
    return [rng.uniform(0.3, 0.7, 3) * (np.array(shape) - 1) for _ in range(2)]


def diffdrr(folder):
    import torch
    import diffdrr as package
    from diffdrr.data import read
    from diffdrr.drr import DRR
    from diffdrr.pose import convert
    from torchio import ScalarImage

    rng = np.random.default_rng(11)
    shape = (48, 44, 40)
    boxes = volumes(shape)
    # orientation, reverse_x_axis, volume, angles [rad], translation, x0, y0
    setups = [
        ("AP", True, 0, (0.0, 0.0, 0.0), (0.0, 700.0, 0.0), 0.0, 0.0),
        ("AP", True, 1, (0.31, -0.22, 0.17), (12.0, 690.0, -9.0), 0.0, 0.0),
        ("AP", True, 2, (-2.4, 0.9, -0.6), (-20.0, 640.0, 15.0), 8.0, -5.0),
        ("PA", True, 0, (0.0, 0.0, 0.0), (0.0, -700.0, 0.0), 0.0, 0.0),
        ("PA", True, 2, (0.25, 0.3, -0.12), (-18.0, -705.0, 11.0), 6.0, 4.0),
        ("AP", False, 1, (-0.4, 0.15, 1.1), (5.0, 720.0, 8.0), -7.0, 3.0),
        ("PA", False, 2, (0.2, -1.2, 0.4), (9.0, -680.0, -14.0), 0.0, 6.0),
    ]
    width, height, delx, dely, sdd = 120, 100, 2.0, 2.4, 1020.0
    cases = []
    for orientation, reverse, box, angles, translation, x0, y0 in setups:
        matrix = boxes[box]
        center = matrix[:3, :3] @ ((np.array(shape) - 1) / 2) + matrix[:3, 3]

        def setup(voxels):
            # DiffDRR clamps below -800 HU and normalises: the marker stands on air.
            image = ScalarImage(tensor=torch.from_numpy(voxels)[None], affine=matrix)
            subject = read(image, orientation=orientation)
            return DRR(subject, sdd, height, delx, width, dely, x0, y0, reverse_x_axis=reverse, renderer="trilinear")

        pose = convert(torch.tensor([angles]), torch.tensor([translation]), parameterization="euler_angles", convention="ZXY")
        to_lps = lambda points: (np.asarray(points, float) + center) @ LPS
        index = markers(shape, rng)
        drrs = [setup(marker(shape, i, 1500.0, -1000.0)) for i in index]
        points = world_points(rng, center)
        local = torch.tensor(points @ LPS - center, dtype=torch.float32)[None]
        # perspective_projection counts from the corner of the first pixel.
        projected = drrs[0].perspective_projection(pose, local)[0].detach().numpy() - 0.5
        pixels = some_pixels((width, height), rng)
        _, target = drrs[0].detector(pose, None)
        target = target[0].detach().numpy().reshape(height, width, 3)
        rays = seen([to_lps(target[v, u]) for u, v in pixels], pixels)
        world = [LPS @ (matrix[:3, :3] @ i + matrix[:3, 3]) for i in index]
        drawn = [centroid(drr(pose, n_points=800)[0, 0].detach().numpy()) for drr in drrs]
        sign = 1.0 if reverse else -1.0
        principal = [(width - 1) / 2 + sign * x0 / delx, (height - 1) / 2 + y0 / dely]
        cases.append({
            "pose": {
                "rotation": angles, "translation": translation, "parameterization": "euler_angles", "convention": "ZXY",
                "orientation": orientation, "reverse_x_axis": reverse, "volume_center_world_mm": LPS @ center,
            },
            "camera": camera(sdd, [delx, dely], [width, height], principal),
            "projected": seen(points, projected), "rays": rays, "rendered": seen(world, drawn),
        })
    write("diffdrr.json", "DiffDRR", package.__version__, cases)


def nanodrr(folder):
    from importlib.metadata import version

    import torch
    from nanodrr.camera import make_rt_inv
    from nanodrr.data import Subject
    from nanodrr.drr import DRR
    from nanodrr.geometry import transform_point
    from torchio import ScalarImage

    rng = np.random.default_rng(12)
    shape = (48, 44, 40)
    boxes = volumes(shape)
    setups = [
        ("AP", True, 0, (0.0, 0.0, 0.0), (0.0, 700.0, 0.0), 0.0, 0.0),
        ("AP", True, 1, (18.0, -12.0, 9.0), (12.0, 690.0, -9.0), 0.0, 0.0),
        ("AP", True, 2, (-137.0, 51.0, -35.0), (-20.0, 640.0, 15.0), 8.0, -5.0),
        ("PA", True, 1, (0.0, 0.0, 0.0), (0.0, -700.0, 0.0), 0.0, 0.0),
        ("PA", True, 2, (14.0, 17.0, -7.0), (-18.0, -705.0, 11.0), 6.0, 4.0),
        ("AP", False, 0, (10.0, 5.0, -8.0), (6.0, 730.0, -4.0), 3.0, 0.0),
    ]
    width, height, delx, dely, sdd = 120, 100, 2.0, 2.4, 1020.0
    cases = []
    for orientation, about_center, box, angles, translation, x0, y0 in setups:
        matrix = boxes[box]
        index = markers(shape, rng)
        subjects = [
            Subject.from_images(
                ScalarImage(tensor=torch.from_numpy(marker(shape, i))[None], affine=matrix), convert_to_mu=False)
            for i in index
        ]
        drr = DRR.from_carm_intrinsics(sdd, delx, dely, x0, y0, height, width, dtype=torch.float32)
        isocenter = subjects[0].isocenter if about_center else None
        rt_inv = make_rt_inv(torch.tensor([angles]), torch.tensor([translation]), orientation, isocenter)
        points = world_points(rng, matrix[:3, :3] @ ((np.array(shape) - 1) / 2) + matrix[:3, 3])
        local = torch.tensor(points @ LPS, dtype=torch.float64)[None]
        camera_points = transform_point(torch.linalg.inv(rt_inv.double()), local)
        homogeneous = camera_points @ torch.linalg.inv(drr.k_inv.double()).mT
        projected = (homogeneous[..., :2] / homogeneous[..., 2:])[0].numpy() - 0.5
        pixels = some_pixels((width, height), rng)
        target = transform_point(rt_inv, drr.tgt)[0].numpy().reshape(height, width, 3).astype(float)
        world = [LPS @ (matrix[:3, :3] @ i + matrix[:3, 3]) for i in index]
        with torch.no_grad():
            drawn = [centroid(drr(subject, rt_inv, n_samples=800)[0, 0].numpy()) for subject in subjects]
        cases.append({
            "pose": {
                "rotation": angles, "translation": translation, "orientation": orientation,
                "isocenter": None if isocenter is None else isocenter.double().numpy(),
            },
            "camera": camera(sdd, [delx, dely], [width, height], [(width - 1) / 2 + x0 / delx, (height - 1) / 2 + y0 / dely]),
            "projected": seen(points, projected),
            "rays": seen([target[v, u] @ LPS for u, v in pixels], pixels),
            "rendered": seen(world, drawn),
        })
    write("nanodrr.json", "nanodrr", version("nanodrr"), cases)


def plastimatch(folder):
    import SimpleITK as sitk

    rng = np.random.default_rng(13)
    shape, spacing = (56, 48, 40), np.array([1.8, 1.5, 2.0])
    setups = [
        ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0), 700.0),
        ((0.3, -0.9, 0.2), (0.1, 0.2, 2.0), (14.0, -160.0, 395.0), 720.0),
        ((-2.0, 0.5, 1.0), (0.3, -0.8, 0.4), (-31.0, 85.0, -640.0), 650.0),
        ((0.1, 0.2, -0.9), (0.0, 1.0, 0.0), (40.0, 20.0, 100.0), 810.0),
    ]
    columns, rows, size_mm, sid = 120, 100, (240.0, 240.0), 1020.0
    pixel = [size_mm[0] / columns, size_mm[1] / rows]
    cases = []
    for number, (nrm, vup, isocenter, sad) in enumerate(setups):
        principal = [59.5, 49.5] if number % 2 == 0 else [52.0, 55.0]
        origin = np.round(np.array(isocenter) - spacing * (np.array(shape) - 1) / 2 + rng.uniform(-5, 5, 3), 3)
        text = lambda values: " ".join(repr(float(v)) for v in values)
        index = markers(shape, rng)
        drawn, world = [], []
        for i in index:
            image = sitk.GetImageFromArray(np.ascontiguousarray(marker(shape, i).transpose(2, 1, 0)))
            image.SetOrigin(origin.tolist())
            image.SetSpacing(spacing.tolist())
            sitk.WriteImage(image, f"{folder}/marker.mha")
            # The help says "row col"; what it takes is "column row", as this case shows.
            subprocess.run(
                ["plastimatch", "drr", "--nrm", text(nrm), "--vup", text(vup), "--isocenter", text(isocenter),
                 "--sad", str(sad), "--sid", str(sid), "--dim", f"{columns} {rows}", "--detector-size", text(size_mm),
                 "--image-center", text(principal), "-t", "pfm", "-i", "uniform", "-P", "none", "-O", f"{folder}/drr",
                 f"{folder}/marker.mha"], check=True, stdout=subprocess.DEVNULL)
            raw = pathlib.Path(f"{folder}/drr0000.pfm").read_bytes()
            kind, size, _ = raw.split(b"\n", 3)[:3]
            assert kind == b"Pf" and size.split() == [str(columns).encode(), str(rows).encode()]
            drawn.append(centroid(np.frombuffer(raw[-4 * columns * rows:], "<f4").reshape(rows, columns)))
            world.append(origin + spacing * i)
        lines = pathlib.Path(f"{folder}/drr0000.txt").read_text().splitlines()
        center = np.array(lines[0].split(), float)
        matrix = np.array([line.split() for line in lines[1:4]], float)
        points = np.round(np.array(isocenter) + rng.uniform(-90, 90, (5, 3)), 3)
        homogeneous = np.c_[points, np.ones(5)] @ matrix.T
        # The matrix leaves the image centre out.
        projected = homogeneous[:, :2] / homogeneous[:, 2:] + center
        cases.append({
            "pose": {"nrm": nrm, "vup": vup, "isocenter": isocenter, "sad": sad},
            "camera": camera(sid, pixel, [columns, rows], principal),
            "projected": seen(points, projected), "rays": [], "rendered": seen(world, drawn),
        })
    version = subprocess.run(["plastimatch", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    write("plastimatch.json", "plastimatch", version, cases)


def prost(folder):
    import torch
    import torchgeometry

    rng = np.random.default_rng(14)
    oblique = rotation_matrix([0.4, -0.3, 1.0], 23.0) @ np.diag([-1.7, 1.7, 1.7])
    setups = [
        (np.diag([2.0, 2.0, 2.0]), (64, 64, 64), False, False),
        (np.diag([2.0, 2.0, 2.0]), (64, 60, 52), True, True),
        (np.diag([-1.9, 1.9, 1.9]), (64, 56, 48), True, False),
        (np.diag([-1.9, 1.9, 1.9]), (50, 56, 61), False, True),
        (oblique, (61, 56, 50), True, False),
    ]
    rows, columns, pix_spacing = 100, 120, 2.5
    cases = []
    for number, (linear, shape, z_rot_90, is_flip) in enumerate(setups):
        src_det, iso_center = 1020.0 - 5 * number, 400.0 - 20 * number
        matrix = affine(linear, rng.uniform(-200, 200, 3).round(2), shape)
        # The array as ProST turns it, here filled with the indices it had in the file.
        indices = np.indices(shape)
        if z_rot_90:
            indices = np.stack([np.rot90(component, 3) for component in indices])
        if is_flip:
            indices = np.stack([np.flip(component, axis=2) for component in indices])
        depth, height, width = indices.shape[1:]
        first = indices[:, 0, 0, 0]
        steps = np.stack([indices[:, 1, 0, 0], indices[:, 0, 1, 0], indices[:, 0, 0, 1]], 1) - first[:, None]
        # input_param
        norm_factor = depth * abs(matrix[0, 0]) / 2
        src, det, pixel = (src_det - iso_center) / norm_factor, -iso_center / norm_factor, pix_spacing / norm_factor
        rtvec = np.r_[rng.normal(0, 0.4, 3), rng.normal(0, 0.2, 3)].round(5) if number else np.zeros(6)
        transform = torchgeometry.rtvec_to_pose(torch.tensor(rtvec[None], dtype=torch.float32))[0, :3].numpy().astype(float)
        world, pixels = [], []
        for u, v in some_pixels((columns, rows), rng):
            # ProSTGrid: rows along x, columns along y
            x, y, z = -pixel * rows / 2 + v * pixel, -pixel * columns / 2 + u * pixel, abs(src - det)
            length = np.sqrt(x * x + y * y + z * z)
            for distance in (0.7 * src, 1.3 * src):
                sample = np.array([distance * x / length, distance * y / length, src - distance * z / length, 1.0])
                gx, gy, gz = transform @ sample
                # _bilinear_interpolate_no_torch_5D
                a2 = width * (gx * 0.5 / (width / depth) + 0.5)
                a1 = height * (gy * 0.5 / (height / depth) + 0.5)
                a0 = depth * (gz * 0.5 + 0.5)
                index = first + steps @ np.array([a0, a1, a2])
                world.append(LPS @ (matrix[:3, :3] @ index + matrix[:3, 3]))
                pixels.append([u, v])
        cases.append({
            "pose": {
                "rtvec": rtvec, "src_det": src_det, "iso_center": iso_center,
                "volume": {"affine": matrix.round(12), "shape": list(shape), "zRot90": z_rot_90, "ISFlip": is_flip},
            },
            "camera": camera(src_det, [pix_spacing, pix_spacing], [columns, rows], [columns / 2, rows / 2]),
            "projected": [], "rays": seen(world, pixels), "rendered": [],
        })
    write("prost.json", "ProST (its published formulas)", "commit 95c8057f42d3d57f3504ace137d5c736ecd4fe91", cases)


if __name__ == "__main__":
    for make in (diffdrr, nanodrr, plastimatch, prost):
        with tempfile.TemporaryDirectory() as scratch:
            make(scratch)
