"""Writes the small MetaImage files that the tests of isocenter-io read, and the values that SimpleITK sees in them.

    python tools/golden/io/make_metaimage_fixtures.py
    python tools/golden/io/make_metaimage_fixtures.py --check FOLDER

Needs numpy and SimpleITK; last run with the versions that `fixtures/metaimage/expected.json` records. Voxels
follow a rule (`ramp`), so that no list of them is kept: the script checks that SimpleITK sees them so. Affines
in `expected.json` are what SimpleITK reads back (LPS).

The second form checks that SimpleITK reads what isocenter writes: FOLDER holds what the test
`what_is_written_is_read_back` leaves there (`ISOCENTER_KEEP=FOLDER cargo test -p isocenter-io --test metaimage`).
Last run with SimpleITK 2.5.7.
"""

import gzip
import itertools
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

OUT = Path(__file__).resolve().parents[3] / "crates/isocenter-io/tests/fixtures/metaimage"
DIMS = (5, 4, 3)
TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
EXPECTED = {"files": {}}


def ramp(kind):
    """The rule: steps of 2 from 0, or from -60 where the type has a sign; i runs fastest."""
    start = 0 if kind[0] == "u" else -60
    return (start + 2 * np.arange(np.prod(DIMS))).astype(kind).reshape(DIMS[::-1])


def rotation(axis, degrees):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    a = np.radians(degrees)
    return np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k


def affine_of(image):
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine


def note(path, kind):
    """Records what SimpleITK sees."""
    image = sitk.ReadImage(str(path))
    seen = sitk.GetArrayFromImage(image)
    assert np.array_equal(seen, ramp(kind)), path
    EXPECTED["files"][path.name] = {"first": float(seen.flat[0]), "world_from_index_lps": affine_of(image).tolist()}


def simpleitk(name, direction, compressed, kind="i2"):
    """As SimpleITK writes. Spacing and origin differ along each axis, so that none can stand for another."""
    image = sitk.GetImageFromArray(ramp(kind))
    image.SetDirection(np.asarray(direction, float).ravel().tolist())
    image.SetSpacing((0.703125, 1.25, 2.5))
    image.SetOrigin((-120.5, 33.123456789, 1000.0625))
    sitk.WriteImage(image, str(OUT / name), compressed)
    note(OUT / name, kind)


def axis_orders():
    """All 48 orders and flips of the axes, in turn in every form that SimpleITK writes."""
    forms = itertools.cycle([("mha", False), ("mha", True), ("mhd", False), ("mhd", True)])
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            direction = np.zeros((3, 3))
            for axis in range(3):
                direction[order[axis], axis] = signs[axis]
            name = "".join("xyz"[o] + "-p"[s > 0] for o, s in zip(order, signs)).replace("-", "n")
            extension, compressed = next(forms)
            simpleitk(f"axes_{name}.{extension}", direction, compressed)
    simpleitk("oblique.mha", rotation((1, 2, 3), 40), True)
    simpleitk("oblique_left_handed.mha", rotation((3, -1, 2), 70) @ np.diag([1, -1, 1]), False)


def by_hand(name, lines, kind, order="<", data=None, **changes):
    """Files that SimpleITK reads but does not write."""
    header = {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True",
        "BinaryDataByteOrderMSB": str(order == ">"), "ElementSpacing": "0.5 0.75 2",
        "DimSize": "5 4 3", "ElementType": "MET_SHORT",
    }  # fmt: skip
    header.update(lines)
    raw = ramp(kind).astype(np.dtype(kind).newbyteorder(order)).tobytes()
    data = raw if data is None else data(raw)
    if changes.pop("compressed", False):
        header |= {"CompressedData": "True", "CompressedDataSize": str(len(data))}
    separator, end = changes.pop("separator", " = "), changes.pop("end", "\n")
    data_file = changes.pop("data_file", "LOCAL")
    text = "".join(f"{key}{separator}{value}{end}" for key, value in header.items() if value is not None)
    text += f"ElementDataFile{separator}{data_file}{end}"
    assert not changes, changes
    if data_file.upper() == "LOCAL":
        (OUT / name).write_bytes(text.encode("latin-1") + data)
    else:
        (OUT / data_file).parent.mkdir(exist_ok=True)
        (OUT / data_file).write_bytes(data)
        (OUT / name).write_bytes(text.encode("latin-1"))
    note(OUT / name, kind)


def types():
    """Every type in both byte orders, compressed in turn."""
    compressed = itertools.cycle([False, True, True])
    for element, kind in TYPES.items():
        for order, suffix in [("<", "le"), (">", "be")]:
            squeeze = next(compressed)
            by_hand(
                f"{element.lower()}_{suffix}.mha", {"ElementType": element}, kind, order,
                zlib.compress if squeeze else None, compressed=squeeze,
            )  # fmt: skip


def spellings():
    by_hand("element_byte_order.mha", {"BinaryDataByteOrderMSB": None, "ElementByteOrderMSB": "True"}, "i2", ">")
    by_hand("no_byte_order.mha", {"BinaryDataByteOrderMSB": None, "BinaryData": None, "ObjectType": None}, "i2")
    by_hand("orientation.mha", {"Orientation": "0 1 0 0 0 1 -1 0 0", "Position": "1.5 -2.5 1e2"}, "i2")
    by_hand("rotation.mha", {"Rotation": "0 1 0 0 0 1 -1 0 0", "Origin": "1.5 -2.5 1e2"}, "i2")
    by_hand("center_of_rotation.mha", {"TransformMatrix": "0 1 0 0 0 1 -1 0 0", "CenterOfRotation": "5 6 7"}, "i2")
    by_hand("element_size.mha", {"ElementSpacing": None, "ElementSize": "0.5 0.75 2"}, "i2")
    by_hand("size_and_spacing.mha", {"ElementSize": "1 1 3"}, "i2")
    by_hand("negative_spacing.mha", {"ElementSpacing": "0.5 -0.75 2"}, "i2")
    by_hand("colons.mha", {}, "i2", separator=": ", end="\r\n")
    by_hand("unknown_keys.mha", {"Comment": "DOE^JOHN J\xe4ger = 1970", "AnatomicalOrientation": "RAI", "Modality": "MET_MOD_CT"}, "i2")
    by_hand("gzip.mha", {}, "i2", data=lambda raw: gzip.compress(raw, mtime=0), compressed=True)
    by_hand("no_compressed_size.mhd", {"CompressedData": "True"}, "i2", data=zlib.compress, data_file="no_compressed_size.zraw")
    by_hand("header_size.mhd", {"HeaderSize": "7"}, "i2", data=lambda raw: b"7 bytes" + raw, data_file="with header.raw")
    by_hand("header_rest.mhd", {"HeaderSize": "-1"}, "i2", data=lambda raw: b"some bytes" + raw, data_file="sub/rest.raw")
    by_hand("header_rest.mha", {"HeaderSize": "-1"}, "i2", data=lambda raw: b"some bytes" + raw)
    by_hand("local.mhd", {}, "i2", data_file="Local")
    by_hand("not_local.mha", {}, "i2", data_file="not_local.raw")


def check(folder):
    files = json.loads((folder / "expected.json").read_text())
    for name, expected in files.items():
        path = folder / name
        image = sitk.ReadImage(str(path))
        assert list(image.GetSize()) == expected["dims"], path
        assert image.GetPixelIDTypeAsString() == expected["type"], path
        assert np.abs(affine_of(image) - expected["world_from_index"]).max() < 1e-9, path
        seen = sitk.GetArrayFromImage(image).ravel()
        assert np.array_equal(seen.astype(np.float64), expected["voxels"]), path
    print(f"SimpleITK {sitk.Version.VersionString().split(' ')[0]} reads {len(files)} files as they were meant")


def main():
    if sys.argv[1:2] == ["--check"]:
        return check(Path(sys.argv[2]))
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.rglob("*"):
        if old.is_file():
            old.unlink()
    axis_orders()
    types()
    spellings()
    EXPECTED["versions"] = {"numpy": np.__version__, "SimpleITK": sitk.Version.VersionString()}
    (OUT / "expected.json").write_text(json.dumps(EXPECTED, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
