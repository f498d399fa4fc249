"""Write the phantom of the reference images: ellipsoids of tissue, air and bone, and noise.

    python phantom.py FOLDER                writes FOLDER/phantom.nii.gz, 256^3 voxels of 1 mm
    python phantom.py FOLDER --side SIDE    writes FOLDER/phantom_SIDE.nii.gz, SIDE^3 voxels

int16 Hounsfield units, centred on the origin of the world, axes along RAS; the body is the same
whatever the voxels. Needs numpy and 0.2 GB of memory for 256^3, 1 GB for 512^3.
"""

import argparse
import gzip
import struct
import sys
from pathlib import Path

import numpy as np

SIDE = 256  # of the reference images, voxels of 1 mm
FIELD_MM = 256  # the edge of the volume, whatever its voxels
SLAB = 16  # planes worked on at once

# center x, y, z [mm RAS]; half axes [mm]; HU; turned about z, then about x [degrees]
BODY = [
    ((0, 0, 0), (95, 70, 105), 40, 0, 0),  # soft tissue
    ((40, 5, 55), (28, 30, 35), -850, 0, 0),  # air
    ((0, -40, 0), (14, 14, 95), 700, 0, 4),  # spine
    ((0, -40, 0), (7, 7, 90), 150, 0, 4),  # its canal
    *[((0, -38, z), (20, 15, 7), 900, 5, 3) for z in range(-80, 90, 22)],  # vertebrae
    ((-45, -5, -50), (32, 10, 28), 1000, 25, 20),  # iliac wings
    ((45, -8, -52), (30, 11, 30), 950, -22, -15),
    ((-58, 5, -82), (13, 13, 14), 1200, 0, 0),  # femoral heads
    ((56, 2, -80), (13, 12, 14), 1150, 0, 0),
    ((-30, 45, 70), (6, 5, 6), 1500, 0, 0),  # markers
    ((20, 50, 10), (5, 4, 9), 1300, 30, 0),
    ((62, 20, 30), (4, 4, 30), 800, 0, 35),  # rod
]


def voxel_mm(side):
    """The edge of a voxel of a phantom with this number of voxels a side."""
    return FIELD_MM / side


def first_voxel_mm(side):
    """The center of the first voxel on each axis: the middle of the volume is the origin."""
    return -voxel_mm(side) * (side - 1) / 2


def phantom_hu(side=SIDE):
    """Hounsfield units, int16, indexed [x, y, z] along RAS."""
    noise = np.random.default_rng(0)  # drawn in the order of the voxels, so slabs do not change it
    axis = np.arange(side, dtype=np.float32) * voxel_mm(side) + first_voxel_mm(side)
    hu = np.empty((side,) * 3, np.int16)
    for first in range(0, side, SLAB):
        slab = body_hu(axis[first : first + SLAB], axis)
        grain = noise.normal(0, 10, slab.shape).astype(np.float32)
        hu[first : first + SLAB] = np.round(slab + grain * (slab > -900)).astype(np.int16)
    return hu


def body_hu(axis_x, axis):
    """Hounsfield units without noise, f32, of the planes at x of `axis_x` [mm]."""
    # The precision and the order of the operations decide voxels at the rims: they are kept as
    # they were when the reference images were made.
    position = np.meshgrid(axis_x, axis, axis, indexing="ij", sparse=True)
    hu = np.full((len(axis_x), len(axis), len(axis)), -1000, np.float32)
    for center, half_axes, value, about_z, about_x in BODY:
        if np.abs(axis_x - center[0]).min() > max(half_axes) + 1:
            continue  # out of reach, turned or not
        x, y, z = (along - c for along, c in zip(position, center))
        cos, sin = np.cos(np.deg2rad(about_z)), np.sin(np.deg2rad(about_z))
        x, y = cos * x + sin * y, -sin * x + cos * y
        cos, sin = np.cos(np.deg2rad(about_x)), np.sin(np.deg2rad(about_x))
        y, z = cos * y + sin * z, -sin * y + cos * z
        a, b, c = half_axes
        hu[(x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 <= 1] = value
    return hu


def nifti(hu):
    """The bytes of a NIfTI-1 file: int16, the middle of the volume at the origin."""
    voxel, first = voxel_mm(len(hu)), first_voxel_mm(len(hu))
    header = bytearray(352)  # 348 bytes and four that say: no extensions
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *hu.shape, 1, 1, 1, 1)  # dim
    struct.pack_into("<hh", header, 70, 4, 16)  # datatype int16, bits per voxel
    struct.pack_into("<8f", header, 76, 1.0, *[voxel] * 3, *[1.0] * 4)  # pixdim
    struct.pack_into("<fff", header, 108, 352.0, 1.0, 0.0)  # vox_offset, slope, intercept
    header[123] = 2  # millimetres
    struct.pack_into("<h", header, 254, 1)  # sform_code: scanner
    affine = voxel * np.eye(3, 4, dtype="<f4")
    affine[:, 3] = first
    header[280:328] = affine.astype("<f4").tobytes()
    header[344:348] = b"n+1\0"
    return bytes(header) + hu.astype("<i2", copy=False).tobytes(order="F")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the phantom is written")
    parser.add_argument("--side", type=int, help=f"voxels a side, 16 to 512 (default: {SIDE})")
    arguments = parser.parse_args()
    side = arguments.side or SIDE
    if not 16 <= side <= 512:
        parser.error(f"--side {side}: expected 16 to 512")
    name = "phantom.nii.gz" if arguments.side is None else f"phantom_{side}.nii.gz"
    arguments.folder.mkdir(parents=True, exist_ok=True)
    file = gzip.compress(nifti(phantom_hu(side)), 6, mtime=0)
    (arguments.folder / name).write_bytes(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
