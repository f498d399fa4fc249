"""Cuts narrow slabs about the spine out of CTs: what is left where only the spine was scanned.

    python tools/calibration/make_slabs.py CTS

reads the CTs of README.md in the folder CTS and writes `NAME_slab.nii.gz` beside them. An X-ray of a
slab shows its borders and, beside it, nothing: wrong poses can look right then, which a judge has to
know. The width differs from CT to CT. Needs numpy and nibabel.
"""
import sys
from pathlib import Path

import nibabel
import numpy as np

# Width of the slab (mm), left to right.
WIDTH_MM = {
    "lung1_001_chest": 80, "lung1_002_chest": 100, "lung1_003_chest": 120, "lidc0314_chest": 110,
    "crlm1004_abdomen": 90, "crlm1006_abdomen": 105, "totalseg_example_abdomen_pelvis": 120,
}
FRONT_MM, BACK_MM, LONGEST_MM = 110, 80, 250  # from the middle of the spine, and along it
BONE_HU = 200


def middle_of_spine(voxels, spacing):
    """Where most bone lies one above the other, over 40 mm."""
    bone = (voxels > BONE_HU).sum(2).astype(float)
    for axis in (0, 1):
        width = max(int(40 / spacing[axis]), 1)
        kernel = np.ones(width) / width
        bone = np.apply_along_axis(np.convolve, axis, bone, kernel, "same")
    return np.unravel_index(bone.argmax(), bone.shape)


def cut(path, width_mm):
    image = nibabel.as_closest_canonical(nibabel.load(path))  # to the right, to the front, up
    voxels, spacing = np.asarray(image.dataobj), image.header.get_zooms()
    middle = middle_of_spine(voxels, spacing)
    reach = [(width_mm / 2, width_mm / 2), (BACK_MM, FRONT_MM)]
    window = []
    for axis, (below, above) in enumerate(reach):
        first = max(int(middle[axis] - below / spacing[axis]), 0)
        window.append(slice(first, int(middle[axis] + above / spacing[axis])))
    slices = min(int(LONGEST_MM / spacing[2]), voxels.shape[2])
    window.append(slice((voxels.shape[2] - slices) // 2, (voxels.shape[2] + slices) // 2))
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in window]
    part = np.rint(voxels[tuple(window)]).astype(np.int16)
    return nibabel.Nifti1Image(part, affine)


def main():
    folder = Path(sys.argv[1])
    for name, width_mm in WIDTH_MM.items():
        slab = cut(folder / f"{name}.nii.gz", width_mm)
        nibabel.save(slab, folder / f"{name}_slab.nii.gz")
        print(name, slab.shape)


if __name__ == "__main__":
    main()
