"""Writes the small DICOM series that the tests of isocenter-io read, and the values that SimpleITK sees in them.

    python tools/golden/io/make_dicom_fixtures.py

Needs numpy, SimpleITK, pydicom, pylibjpeg, pylibjpeg-openjpeg; last run with the versions that
`fixtures/dicom/expected.json` records. Patient, numbers and dates are made up and the same in all files, so that a test
can look for them in what the program writes.

- `axes`: one folder with 48 series, every order and flip of row, column and stacking.
- `encodings/NAME`: one series, written with every transfer syntax, and with several types of pixels.
- `encodings/lossy2000_NAME`: JPEG 2000 with loss (the 9/7 wavelet), by OpenJPEG.
- others: tilted gantries, gaps, copies, phases, localizers and whatever a folder may hold beside a CT. Their pixels are
  linear in the world, so that resampling must give back the same function.
"""

import itertools
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage, DeflatedExplicitVRLittleEndian, EnhancedCTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian,
    ImplicitVRLittleEndian, JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, RLELossless,
)  # fmt: skip

OUT = Path(__file__).resolve().parents[3] / "crates/isocenter-io/tests/fixtures/dicom"
ROOT = "1.2.826.0.1.3680043.10.54321."
COUNTER = itertools.count(1)
EXPECTED = {}
SPACING = (0.703125, 1.25)  # columns, rows


def image(pixels, position, row, column, series, number=1, syntax=ExplicitVRLittleEndian, **tags):
    """A slice. `pixels`: the stored numbers, rows first."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"{ROOT}9.{next(COUNTER)}"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "DOE^JOHN", "SECRET77", "19700102"
    ds.StudyDate, ds.StudyDescription = "20240131", "JOHNS STUDY"
    ds.Modality, ds.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SeriesInstanceUID, ds.SeriesNumber, ds.InstanceNumber = ROOT + str(series), series, number
    ds.StudyInstanceUID, ds.FrameOfReferenceUID = ROOT + "0.1", ROOT + "0.2"
    ds.SliceThickness = "7"  # never the distance of slices
    ds.ImagePositionPatient = [f"{v:.10g}" for v in position]
    ds.ImageOrientationPatient = [f"{v:.10g}" for v in (*row, *column)]
    ds.PixelSpacing = [SPACING[1], SPACING[0]]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape[-2:]
    bits = 8 * pixels.dtype.itemsize
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    ds.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(ds, name)
        else:
            setattr(ds, name, value)
    return ds


def save(ds, path, codestream=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    syntax = ds.file_meta.TransferSyntaxUID
    if codestream is not None:
        ds.PixelData = encapsulate([codestream])
    elif syntax == RLELossless:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(RLELossless, generate_instance_uid=False)
    if bits_of(ds) == 1 and syntax in (ImplicitVRLittleEndian,):
        ds["PixelData"].VR = "OW"
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    path.write_bytes(buffer.getvalue())


def bits_of(ds):
    return ds.BitsAllocated // 8


def ramp(dims, kind="i2", first=0, step=2):
    return (first + step * np.arange(np.prod(dims))).astype(kind).reshape(dims[::-1])


def see(name, folder, series=None):
    """What SimpleITK sees of a regular series: it sorts by position, too."""
    reader = sitk.ImageSeriesReader()
    names = reader.GetGDCMSeriesFileNames(str(folder), *([series] if series else []))
    reader.SetFileNames(names)
    seen = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(seen.GetDirection()).reshape(3, 3) * np.array(seen.GetSpacing())
    affine[:3, 3] = seen.GetOrigin()
    voxels = sitk.GetArrayFromImage(seen).astype(float)
    EXPECTED[name] = {"dims": list(seen.GetSize()), "world_from_index": affine.tolist(), "voxels": voxels.ravel().tolist()}


def axes():
    """Every order and flip: rows, columns, and which way the files are stacked and numbered."""
    number = 100
    dims = (5, 4, 3)
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            number += 1
            row, column, stack = (np.eye(3)[o] * s for o, s in zip(order, signs))
            pixels = ramp(dims)
            for k in range(dims[2]):
                position = np.array((-120.5, 33.125, 1000.0625)) + 2.5 * k * stack
                # Names tell nothing of the order.
                path = OUT / "axes" / f"{(7 * k + number * 5) % 97:02}{number}"
                save(image(pixels[k], position, row, column, number, k + 1), path)
            name = "".join("xyz"[o] + "np"[s > 0] for o, s in zip(order, signs))
            see(f"axes/{number}", OUT / "axes", ROOT + str(number))
            EXPECTED[f"axes/{number}"]["name"] = name


def by_simpleitk(pixels, compressor):
    """The codestream that GDCM, in SimpleITK, makes of a slice."""
    path = OUT / "scratch.dcm"
    picture = sitk.GetImageFromArray(pixels)
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.SetFileName(str(path))
    writer.Execute(picture)
    ds = pydicom.dcmread(path)
    path.unlink()
    frame = next(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1))
    return frame, ds.file_meta.TransferSyntaxUID


def baseline(pixels):
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


def encodings():
    dims = (16, 12, 2)  # GDCM crashes at smaller images
    row, column = np.array((1, 0, 0)), np.array((0, 1, 0))
    at = lambda k: (-7.5, 3.25, 40 + 1.5 * k)  # noqa: E731
    random = np.random.default_rng(1)
    types = {
        "i16": (random.integers(-1024, 3000, dims[::-1]).astype("i2"), {}),
        "u16": (random.integers(0, 65536, dims[::-1]).astype("u2"), {"RescaleSlope": "0.5", "RescaleIntercept": "-1000.25"}),
        "u12": (random.integers(0, 4096, dims[::-1]).astype("u2"), {"BitsStored": 12, "HighBit": 11}),
        "i12": (random.integers(-2048, 2048, dims[::-1]).astype("i2"), {"BitsStored": 12, "HighBit": 11}),
        "u8": (random.integers(0, 256, dims[::-1]).astype("u1"), {}),
        "i8": (random.integers(-128, 128, dims[::-1]).astype("i1"), {}),
    }  # fmt: skip
    plain = {
        "implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian, "big": ExplicitVRBigEndian,
        "deflated": DeflatedExplicitVRLittleEndian, "rle": RLELossless,
    }  # fmt: skip
    series = 200
    for syntax_name, syntax in plain.items():
        for kind, (pixels, tags) in types.items():
            if pixels.dtype.itemsize == 1 and syntax_name in ("big", "deflated"):
                continue
            series += 1
            name = f"encodings/{syntax_name}_{kind}"
            for k in range(dims[2]):
                save(image(pixels[k], at(k), row, column, series, k, syntax, **tags), OUT / name / f"{k}.dcm")
            see(name, OUT / name)
            seen = np.array(EXPECTED[name]["voxels"]).reshape(dims[::-1])
            slope, intercept = (float(tags.get(t, d)) for t, d in [("RescaleSlope", 1), ("RescaleIntercept", -1024)])
            assert np.array_equal(seen, pixels * slope + intercept), name
    for compressor, syntax in [("JPEG2000", JPEG2000Lossless), ("JPEG", JPEGLosslessSV1)]:
        for kind in ["i16", "u16", "u8"]:
            pixels, tags = types[kind]
            series += 1
            name = f"encodings/{compressor.lower()}_{kind}"
            for k in range(dims[2]):
                frame, found = by_simpleitk(pixels[k], compressor)
                assert found == syntax, (found, syntax)
                ds = image(pixels[k], at(k), row, column, series, k, syntax, **tags)
                save(ds, OUT / name / f"{k}.dcm", frame)
            see(name, OUT / name)
            seen = np.array(EXPECTED[name]["voxels"]).reshape(dims[::-1])
            slope, intercept = (float(tags.get(t, d)) for t, d in [("RescaleSlope", 1), ("RescaleIntercept", -1024)])
            assert np.array_equal(seen, pixels * slope + intercept), name
    # With loss: smooth pixels, which SimpleITK's decoder and ours see alike to a number or two.
    name, series = "encodings/baseline_u8", series + 1
    for k in range(dims[2]):
        pixels = (40 * k + 5 * np.add.outer(np.arange(12), np.arange(16))).astype("u1")
        ds = image(pixels, at(k), row, column, series, k, JPEGBaseline8Bit)
        save(ds, OUT / name / f"{k}.dcm", baseline(pixels))
    see(name, OUT / name)


def lossy_jpeg2000():
    """With loss: the codestreams of OpenJPEG, and what SimpleITK, in which another OpenJPEG decodes, sees."""
    from openjpeg import decode
    from openjpeg.utils import encode_array

    i, j = np.meshgrid(np.arange(40), np.arange(32))
    disc = np.hypot(i - 20, j - 16) < 11
    kinds = [
        ("i16", "i2", -1000, 40, {"RescaleIntercept": "0"}),
        ("u12", "u2", 24, 1064, {"BitsStored": 12, "HighBit": 11}),
        ("u8", "u1", 10, 180, {"RescaleIntercept": "0"}),
    ]
    for number, (kind, dtype, air, body, tags) in enumerate(kinds):
        name = f"encodings/lossy2000_{kind}"
        lost = False
        for k in range(2):
            pixels = np.where(disc, body + 2 * i - j + 5 * k, air + j).astype(dtype)
            bits = tags.get("BitsStored")
            frame = encode_array(pixels, bits_stored=bits, photometric_interpretation=2, compression_ratios=[6])
            ds = image(pixels, (-7.5, 3.25, 40 + 1.5 * k), (1, 0, 0), (0, 1, 0), 300 + number, k, JPEG2000, **tags)
            ds.LossyImageCompression = "01"
            save(ds, OUT / name / f"{k}.dcm", frame)
            lost |= not np.array_equal(decode(frame), pixels)
        assert lost, name
        see(name, OUT / name)


def linear(position, shape, row, column):
    """Pixels that are linear in the world: 3 x - 2 y + 4 z, rounded, above 1024."""
    i, j = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    points = np.asarray(position)[:, None, None] + SPACING[0] * row[:, None, None] * i + SPACING[1] * column[:, None, None] * j
    return np.rint(16 * (np.tensordot((3, -2, 4), points, 1))).astype("i2")


def stack(name, positions, series, row=(1, 0, 0), column=(0, 1, 0), shape=(12, 10), names=None, **tags):
    row, column = np.asarray(row, float), np.asarray(column, float)
    tags = {"RescaleSlope": "0.0625", "RescaleIntercept": "0"} | tags
    for n, position in enumerate(positions):
        ds = image(linear(position, shape, row, column), position, row, column, series, n + 1, **tags)
        save(ds, OUT / name / (names[n] if names else f"IM{n:03}"))


def irregular():
    z = np.arange(8) * 2.0
    tan = np.tan(np.radians(20))
    stack("tilt", [(0, -tan * v, v) for v in z], 1, GantryDetectorTilt="-20")
    stack("shifted", [(0, 3.0 * (n % 2), v) for n, v in enumerate(z)], 2)
    stack("gap", [(0, 0, v) for v in np.delete(z, [3, 4])], 3)
    stack("irregular", [(0, 0, v) for v in (0, 2, 4.2, 6, 8, 9.7, 12, 14)], 4)
    stack("wide_gap", [(0, 0, v) for v in (0, 2, 4, 6, 40, 42, 44)], 5)
    stack("beside", [(0, 0, 0), (0, 0, 2), (400, 0, 4)], 6)
    # A step that decimal numbers cannot hold, rounded as scanners write it.
    stack("rounded", [(0, 0, round(v / 3, 2)) for v in range(10)], 7)


def mixtures():
    z = [(0, 0, 2.0 * k) for k in range(4)]
    stack("copies", z, 11)
    for n in (1, 2):
        (OUT / f"copies/copy{n}").write_bytes((OUT / f"copies/IM00{n}").read_bytes())
    stack("phases", z, 12)
    stack("phases/later", z, 12, RescaleIntercept="40")
    stack("sizes", z, 13)
    stack("sizes", [(0, 0, 8.0)], 13, shape=(10, 8), names=["odd"])
    stack("directions", z, 14)
    stack("directions", [(0, 0, 9.0)], 14, column=(0, 0, -1), names=["odd"])
    stack("spacings", z, 15)
    stack("spacings", [(0, 0, 8.0)], 15, names=["odd"], PixelSpacing=[1.25, 0.8])
    stack("localizer", z, 16)
    stack("localizer", [(0, -40, 9.0)], 16, column=(0, 0, -1), names=["scout"], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    # A whole study: two CTs, an MR, a scout of its own, and what lies about.
    stack("study/a/b", z + [(0, 0, 8.0)], 21, SeriesDescription="Thorax 5.0 soft")
    stack("study/a/c", z, 22, SeriesDescription="Thorax 5.0 bone")
    stack("study/d", z + [(0, 0, 8.0), (0, 0, 10.0)], 23, Modality="MR", SeriesDescription="T1")
    stack("study", [(0, 0, 0)], 24, names=["scout"], SeriesDescription="Scout DOE")
    (OUT / "study/readme.txt").write_text("This is not DICOM.\n")
    (OUT / "study/empty").write_bytes(b"")
    report = image(np.zeros((2, 2), "i2"), (0, 0, 0), (1, 0, 0), (0, 1, 0), 25, Modality="SR")
    del report.PixelData
    save(report, OUT / "study/report.dcm")
    (OUT / "study/cut").write_bytes((OUT / "study/a/b/IM000").read_bytes()[:700])
    stack("mr", z, 31, Modality="MR", RescaleSlope=None, RescaleIntercept=None)
    stack("cut_pixels", z, 32)
    path = OUT / "cut_pixels/IM002"
    path.write_bytes(path.read_bytes()[:-100])
    stack("no_position", z, 33)
    stack("no_position", [(0, 0, 8.0)], 33, names=["odd"], ImagePositionPatient=None)
    stack("no_rescale", z, 34, RescaleSlope=None, RescaleIntercept=None)
    stack("electrons", z, 35, RescaleType="ED")


def scouts():
    """Folders without slices."""
    stack("only_scouts", [(0, -40, 9.0), (0, -30, 9.0)], 36, column=(0, 0, -1), SeriesDescription="Scout DOE",
          ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])  # fmt: skip
    stack("one_slice", [(0, 0, 9.0)], 37)


def padding():
    for name, kind, tags, elements in [
        ("signed", "i2", {"PixelPaddingValue": -2000}, "SS"),
        ("signed_as_unsigned", "i2", {"PixelPaddingValue": 63536}, "US"),
        ("unsigned", "u2", {"PixelPaddingValue": 63536}, "US"),
        ("range", "i2", {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1990}, "SS"),
    ]:
        for syntax, suffix in [(ExplicitVRLittleEndian, ""), (ImplicitVRLittleEndian, "_implicit")]:
            for k in range(2):
                pixels = ramp((4, 3, 1), "i2", 100)[0].copy()
                pixels[0, :2] = (-2000, -1995)
                pixels = pixels.view(kind)
                ds = image(pixels, (0, 0, k), (1, 0, 0), (0, 1, 0), 41, k, syntax)
                for tag, value in tags.items():
                    ds[tag] = pydicom.DataElement(pydicom.tag.Tag(tag), elements, value)
                save(ds, OUT / f"padding/{name}{suffix}" / str(k))


def enhanced():
    """One file of many images, their places in groups, in an order that is not that of their places."""
    order = [2, 0, 3, 1]
    row, column = np.array((1.0, 0, 0)), np.array((0, 1.0, 0))
    positions = [(1.0, 2.0, 3.0 * k) for k in order]
    pixels = np.stack([linear(p, (12, 10), row, column) for p in positions])
    for name, syntax in [("enhanced", ExplicitVRLittleEndian), ("enhanced_implicit", ImplicitVRLittleEndian), ("enhanced_rle", RLELossless)]:
        ds = image(pixels, (0, 0, 0), row, column, 51, syntax=syntax)
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = EnhancedCTImageStorage
        ds.NumberOfFrames = len(order)
        for tag in ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"]:
            delattr(ds, tag)

        def item(**values):
            made = Dataset()
            for tag, value in values.items():
                setattr(made, tag, value)
            return made

        shared = item(
            PixelMeasuresSequence=Sequence([item(PixelSpacing=[SPACING[1], SPACING[0]])]),
            PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
            PixelValueTransformationSequence=Sequence([item(RescaleSlope="0.0625", RescaleIntercept="0", RescaleType="HU")]),
        )
        ds.SharedFunctionalGroupsSequence = Sequence([shared])
        ds.PerFrameFunctionalGroupsSequence = Sequence(
            [item(PlanePositionSequence=Sequence([item(ImagePositionPatient=list(p))])) for p in positions]
        )
        save(ds, OUT / f"{name}.dcm")


def main():
    if OUT.exists():
        for old in sorted(OUT.rglob("*"), reverse=True):
            old.rmdir() if old.is_dir() else old.unlink()
    OUT.mkdir(parents=True, exist_ok=True)
    for make in (axes, encodings, irregular, mixtures, padding, enhanced, lossy_jpeg2000, scouts):
        make()
    EXPECTED["versions"] = {
        "numpy": np.__version__, "pydicom": pydicom.__version__, "SimpleITK": sitk.Version.VersionString(),
    }  # fmt: skip
    (OUT / "expected.json").write_text(json.dumps(EXPECTED, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
