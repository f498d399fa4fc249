"""Writes the small files that the tests of isocenter-io read, and the values that other programs see in them.

    python tools/golden/io/make_fixtures.py

Needs numpy, SimpleITK, nibabel, Pillow and tifffile with imagecodecs; last run with the versions that
`fixtures/expected.json` records. Voxel values follow a rule (`RAMP`), so that no list of them is kept;
affines in `expected.json` are what SimpleITK reads back (LPS), and what nibabel reads where SimpleITK
and the standard may differ (converted from RAS).
"""

import gzip
import json
from pathlib import Path

import imagecodecs
import nibabel as nib
import numpy as np
import PIL
import SimpleITK as sitk
import tifffile
from PIL import Image

OUT = Path(__file__).resolve().parents[3] / "crates/isocenter-io/tests/fixtures"
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
DIMS = (5, 4, 3)
EXPECTED = {"affines": {}, "scaled": {}}


def ramp(shape, dtype, start=0, step=7):
    """The rule: value = start + step * position, positions counted in storage order."""
    return (start + step * np.arange(np.prod(shape))).astype(dtype).reshape(shape)


def rotation(axis, degrees):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    a = np.radians(degrees)
    return np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k


def volume(dtype, start=0, step=7):
    """Voxels [i, j, k] whose storage order is i fastest."""
    return np.asfortranarray(ramp(DIMS[::-1], dtype, start, step).T)


def itk_affine(path):
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine


def note_affine(path, program):
    affine = itk_affine(path) if program == "SimpleITK" else RAS @ nib.load(path).affine
    EXPECTED["affines"][path.name] = {"program": program, "world_from_index_lps": affine.tolist()}


def nifti_affines():
    oblique = np.eye(4)
    oblique[:3, :3] = rotation((1, 2, 3), 40) * np.array([0.7, 0.8, 2.5])
    oblique[:3, 3] = (-12.5, 30.25, -100.0)
    flipped = oblique.copy()
    flipped[:, 1] *= -1
    permuted = np.array([[0, 0, 3.0, 10], [-1.0, 0, 0, 20], [0, 2.0, 0, 30], [0, 0, 0, 1]])

    for name, affine in [("oblique", oblique), ("flipped", flipped), ("permuted", permuted)]:
        image = nib.Nifti1Image(volume(np.int16, -30), affine)
        image.set_sform(affine, 1)
        image.set_qform(affine, 1)
        path = OUT / f"{name}.nii.gz"
        nib.save(image, path)
        note_affine(path, "SimpleITK")

    for name, affine in [("qform_only", oblique), ("qform_only_left_handed", flipped)]:
        image = nib.Nifti1Image(volume(np.int16, -30), affine)
        image.set_sform(None, 0)
        image.set_qform(affine, 1)
        path = OUT / f"{name}.nii"
        nib.save(image, path)
        note_affine(path, "SimpleITK")

    sheared = oblique.copy()
    sheared[0, 1] += 0.2
    image = nib.Nifti1Image(volume(np.int16, -30), sheared)
    image.set_sform(sheared, 1)
    image.set_qform(None, 0)
    nib.save(image, OUT / "sheared.nii")
    note_affine(OUT / "sheared.nii", "nibabel")  # ITK refuses sheared files.

    # sform and qform disagree: the sform counts.
    image = nib.Nifti1Image(volume(np.int16, -30), oblique)
    image.set_sform(oblique, 1)
    image.set_qform(permuted, 1)
    nib.save(image, OUT / "sform_and_qform.nii")
    note_affine(OUT / "sform_and_qform.nii", "nibabel")

    image = nib.Nifti1Image(volume(np.int16, -30), np.diag([1.5, 2.0, 2.5, 1.0]))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nib.save(image, OUT / "no_form.nii")
    note_affine(OUT / "no_form.nii", "SimpleITK")

    # Lengths in metres.
    metres = oblique.copy()
    metres[:3] *= 0.001
    image = nib.Nifti1Image(volume(np.int16, -30), metres)
    image.set_sform(metres, 1)
    image.set_qform(None, 0)
    image.header.set_xyzt_units(xyz="meter")
    nib.save(image, OUT / "metres.nii")
    EXPECTED["affines"]["metres.nii"] = {
        "program": "nibabel, times 1000",
        "world_from_index_lps": (RAS @ np.diag([1000, 1000, 1000, 1]) @ nib.load(OUT / "metres.nii").affine).tolist(),
    }

    # As SimpleITK writes.
    image = sitk.GetImageFromArray(ramp(DIMS[::-1], np.int16, -30))
    image.SetDirection(rotation((3, -1, 2), 25).ravel().tolist())
    image.SetSpacing((0.5, 0.6, 3.0))
    image.SetOrigin((7.5, -8.25, 1000.125))
    sitk.WriteImage(image, str(OUT / "itk.nii.gz"))
    note_affine(OUT / "itk.nii.gz", "SimpleITK")


def nifti_types():
    kinds = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, np.float32, np.float64]
    for kind in kinds:
        # Steps of 2 keep 60 voxels within 8 bits; signed types start below zero.
        start = 0 if np.dtype(kind).kind == "u" else -60
        for order, name in [("<", "le"), (">", "be")]:
            header = nib.Nifti1Header(endianness=order)
            header.set_data_dtype(np.dtype(kind).newbyteorder(order))
            image = nib.Nifti1Image(volume(kind, start, 2), np.diag([2.0, 2.0, 2.0, 1.0]), header)
            nib.save(image, OUT / f"type_{np.dtype(kind).name}_{name}.nii.gz")

    # Stored numbers 0, 7, 14, ... with a slope and an intercept that floats hold exactly.
    image = nib.Nifti1Image(volume(np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, -1024)
    image.header["descrip"] = b"DOE^JOHN 1970-01-01"
    image.header["db_name"] = b"DOE^JOHN"
    image.header["intent_name"] = b"DOE^JOHN"
    image.header["aux_file"] = b"DOE^JOHN"
    path = OUT / "scaled.nii.gz"
    path.write_bytes(gzip.compress(scaled_bytes(image), mtime=0))
    seen = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).ravel()
    EXPECTED["scaled"] = {"first": float(seen[0]), "second": float(seen[1]), "last": float(seen[-1])}

    four = nib.Nifti1Image(ramp((1, 3, 4, 5), np.int16).T, np.eye(4))
    nib.save(four, OUT / "four_dimensions_one_volume.nii")
    nib.save(nib.Nifti1Image(ramp((2, 3, 4, 5), np.int16).T, np.eye(4)), OUT / "two_volumes.nii")
    nib.save(nib.Nifti2Image(volume(np.int16), np.eye(4)), OUT / "version_2.nii")
    nib.save(nib.Nifti1Pair(volume(np.int16), np.eye(4)), OUT / "pair.hdr")
    (OUT / "pair.img").unlink()
    rgb = np.zeros(DIMS, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(rgb, np.eye(4)), OUT / "rgb.nii")


def scaled_bytes(image):
    """nibabel rescales when it saves; here the stored integers and the slope must stay as given."""
    header = image.header.copy()
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return header.binaryblock + bytes(4) + np.asarray(image.dataobj).tobytes(order="F")


def images():
    rows, columns = 6, 5
    for kind in ["|u1", "|i1", "<u2", ">u2", "<i2", ">i2", "<u4", "<i4", ">i4", "<i8", "<f4", ">f4", "<f8", ">f8"]:
        start = 0 if kind[1] == "u" else -60
        name = kind.replace("<", "le_").replace(">", "be_").replace("|", "")
        np.save(OUT / f"{name}.npy", ramp((rows, columns), np.dtype(kind), start, 2))
    np.save(OUT / "fortran.npy", np.asfortranarray(ramp((rows, columns), "<f4", -60, 2)))
    np.save(OUT / "single_slice.npy", ramp((1, rows, columns), "<f4", -60, 2))
    with open(OUT / "version_2.npy", "wb") as file:
        np.lib.format.write_array(file, ramp((rows, columns), "<f4", -60, 2), version=(2, 0))

    sitk.WriteImage(sitk.GetImageFromArray(ramp((rows, columns), np.uint8)), str(OUT / "itk_u8.png"))
    sitk.WriteImage(sitk.GetImageFromArray(ramp((rows, columns), np.uint16, 0, 2000)), str(OUT / "itk_u16.png"))
    gray = ramp((rows, columns), np.uint8)
    Image.fromarray(np.stack([gray, 255 - gray], -1), "LA").save(OUT / "gray_alpha.png")
    Image.fromarray(np.stack([gray] * 3, -1), "RGB").save(OUT / "gray_as_rgb.png")
    Image.fromarray(np.stack([gray] * 4, -1), "RGBA").save(OUT / "gray_as_rgba.png")
    Image.fromarray(np.stack([gray, gray * 0, gray * 0], -1), "RGB").save(OUT / "red.png")
    Image.fromarray(gray, "L").convert("P").save(OUT / "palette.png")
    Image.fromarray((gray % 2 * 255).astype(np.uint8), "L").convert("1").save(OUT / "one_bit.png")

    def tiff(name, array, **options):
        tifffile.imwrite(OUT / name, array, photometric=options.pop("photometric", "minisblack"), metadata=None, **options)

    for kind in ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]:
        tiff(f"{kind}.tif", ramp((rows, columns), kind, 0 if kind[0] == "u" else -60, 2))
    tiff("big_endian.tif", ramp((rows, columns), "u2", 0, 2000), byteorder=">")
    tiff("deflate.tif", ramp((rows, columns), "f4", -60, 2), compression="zlib")
    tiff("lzw.tif", ramp((rows, columns), "u2", 0, 2000), compression="lzw", predictor=True)
    tiff("strips.tif", ramp((rows, columns), "u2", 0, 2000), rowsperstrip=2)
    tiff("tiles.tif", ramp((40, 50), "u2", 0, 2), tile=(16, 16), compression="zlib")
    tiff("white_is_zero.tif", ramp((rows, columns), "u1", 0, 2), photometric="miniswhite")
    tiff("big.tif", ramp((rows, columns), "u2", 0, 2000), bigtiff=True)
    tiff("rgb.tif", np.stack([gray] * 3, -1), photometric="rgb")
    tiff("two_pages.tif", np.stack([gray] * 2))
    sitk.WriteImage(sitk.GetImageFromArray(ramp((rows, columns), np.float32, -60, 2)), str(OUT / "itk_f32.tif"))

    image = sitk.GetImageFromArray(ramp((1, rows, columns), np.uint16, 0, 2000))
    sitk.WriteImage(image, str(OUT / "slice_u16.nii.gz"))
    image = sitk.GetImageFromArray(ramp((rows, columns), np.float32, -60, 2))
    sitk.WriteImage(image, str(OUT / "flat_f32.nii"))


def transform():
    """`pose.tfm` is written by the library (`ISOCENTER_BLESS=1 cargo test -p isocenter-io --test geometry`) and read here."""
    seen = sitk.ReadTransform(str(OUT / "pose.tfm"))
    points = [(0.0, 0.0, 0.0), (10.0, -20.0, 30.0), (-1.5, 250.25, 700.0)]
    EXPECTED["tfm"] = {
        "camera_points_mm": points,
        "world_points_mm": [seen.TransformPoint(p) for p in points],
        "camera_points_back_mm": [seen.GetInverse().TransformPoint(seen.TransformPoint(p)) for p in points],
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.iterdir():
        if old.is_file() and old.name != "pose.tfm":
            old.unlink()
    nifti_affines()
    nifti_types()
    images()
    transform()
    EXPECTED["versions"] = {
        "numpy": np.__version__,
        "SimpleITK": sitk.Version.VersionString(),
        "nibabel": nib.__version__,
        "Pillow": PIL.__version__,
        "tifffile": tifffile.__version__,
        "imagecodecs": imagecodecs.__version__,
    }
    (OUT / "expected.json").write_text(json.dumps(EXPECTED, indent=1) + "\n")


if __name__ == "__main__":
    main()
