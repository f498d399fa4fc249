"""Write the phantom of the reference images: ellipsoids of tissue, air and bone, and noise.

    python phantom.py FOLDER        writes FOLDER/phantom.nii.gz

256^3 voxels of 1 mm, int16 Hounsfield units, centred on the origin of the world, axes along RAS.
Needs numpy and 1 GB of memory.
"""

import argparse
import gzip
import struct
import sys
from pathlib import Path

import numpy as np

SIDE = 256
CENTER_INDEX = (SIDE - 1) / 2  # the voxel at the origin of the world

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


def phantom_hu():
    """Hounsfield units, int16, indexed [x, y, z] along RAS."""
    # The precision and the order of the operations decide voxels at the rims: they are kept as
    # they were when the reference images were made.
    axis = np.arange(SIDE, dtype=np.float32) - CENTER_INDEX
    position = np.meshgrid(axis, axis, axis, indexing="ij")
    hu = np.full((SIDE,) * 3, -1000, np.float32)
    for center, half_axes, value, about_z, about_x in BODY:
        x, y, z = (along - c for along, c in zip(position, center))
        cos, sin = np.cos(np.deg2rad(about_z)), np.sin(np.deg2rad(about_z))
        x, y = cos * x + sin * y, -sin * x + cos * y
        cos, sin = np.cos(np.deg2rad(about_x)), np.sin(np.deg2rad(about_x))
        y, z = cos * y + sin * z, -sin * y + cos * z
        a, b, c = half_axes
        hu[(x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 <= 1] = value
    noise = np.random.default_rng(0).normal(0, 10, hu.shape).astype(np.float32)
    return np.round(hu + noise * (hu > -900)).astype(np.int16)


def nifti(hu):
    """The bytes of a NIfTI-1 file: int16 voxels of 1 mm, the middle of the volume at the origin."""
    header = bytearray(352)  # 348 bytes and four that say: no extensions
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *hu.shape, 1, 1, 1, 1)  # dim
    struct.pack_into("<hh", header, 70, 4, 16)  # datatype int16, bits per voxel
    struct.pack_into("<8f", header, 76, *[1.0] * 8)  # pixdim
    struct.pack_into("<fff", header, 108, 352.0, 1.0, 0.0)  # vox_offset, slope, intercept
    header[123] = 2  # millimetres
    struct.pack_into("<h", header, 254, 1)  # sform_code: scanner
    affine = np.eye(3, 4, dtype="<f4")
    affine[:, 3] = -CENTER_INDEX
    header[280:328] = affine.tobytes()
    header[344:348] = b"n+1\0"
    return bytes(header) + hu.astype("<i2").tobytes(order="F")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where phantom.nii.gz is written")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "phantom.nii.gz").write_bytes(gzip.compress(nifti(phantom_hu()), 6, mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
