"""Writes the small NRRD files and the NIfTI files of all axis orders that the tests of isocenter-io read, and the
values that SimpleITK sees in them.

    python tools/golden/io/make_nrrd_fixtures.py
    python tools/golden/io/make_nrrd_fixtures.py --check FOLDER

Needs numpy and SimpleITK; last run with the versions that `fixtures/nrrd/expected.json` records. Voxels follow the
rule of `make_metaimage_fixtures.py` (`ramp`); the script checks that SimpleITK sees them so. Affines in
`expected.json` are what SimpleITK reads back (LPS).

The second form checks that SimpleITK reads what isocenter writes: FOLDER holds what the test
`what_is_written_is_read_back` of `nrrd.rs` leaves there (`ISOCENTER_KEEP=FOLDER cargo test -p isocenter-io --test nrrd`).
"""

import gzip
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from make_metaimage_fixtures import affine_of, check, ramp, rotation

FIXTURES = Path(__file__).resolve().parents[3] / "crates/isocenter-io/tests/fixtures"
TYPES = {
    "int8": "i1", "unsigned char": "u1", "short": "i2", "uint16_t": "u2", "int": "i4", "unsigned int": "u4",
    "long long int": "i8", "uint64": "u8", "float": "f4", "double": "f8",
}  # fmt: skip


def note(expected, folder, name, kind):
    image = sitk.ReadImage(str(folder / name))
    seen = sitk.GetArrayFromImage(image)
    assert np.array_equal(seen, ramp(kind)), name
    expected[name] = {"first": float(seen.flat[0]), "world_from_index_lps": affine_of(image).tolist()}


def axis_orders(expected, folder, forms):
    """All 48 orders and flips of the axes, in turn in every form that SimpleITK writes."""
    forms = itertools.cycle(forms)
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            direction = np.zeros((3, 3))
            for axis in range(3):
                direction[order[axis], axis] = signs[axis]
            name = "".join("xyz"[o] + "np"[s > 0] for o, s in zip(order, signs))
            extension, compressed = next(forms)
            simpleitk(expected, folder, f"axes_{name}.{extension}", direction, compressed)


def simpleitk(expected, folder, name, direction, compressed, kind="i2"):
    image = sitk.GetImageFromArray(ramp(kind))
    image.SetDirection(np.asarray(direction, float).ravel().tolist())
    image.SetSpacing((0.703125, 1.25, 2.5))
    image.SetOrigin((-120.5, 33.125, 1000.0625))
    sitk.WriteImage(image, str(folder / name), compressed)
    note(expected, folder, name, kind)


def by_hand(expected, folder, name, kind, order="<", lines=None, data=None, **changes):
    """Files that SimpleITK reads but does not write."""
    header = {
        "type": "short", "dimension": "3", "space": "left-posterior-superior", "sizes": "5 4 3",
        "space directions": "(0.5,0,0) (0,0.75,0) (0,0,2)", "endian": {"<": "little", ">": "big"}[order],
        "encoding": "raw", "space origin": "(1.5,-2.5,100)",
    }  # fmt: skip
    header.update(lines or {})
    raw = ramp(kind).astype(np.dtype(kind).newbyteorder(order)).tobytes()
    data = raw if data is None else data(raw)
    end = changes.pop("end", "\n")
    extra = changes.pop("extra", "")
    text = f"NRRD0004{end}" + extra + "".join(f"{k}: {v}{end}" for k, v in header.items() if v is not None)
    data_file = header.get("data file") or header.get("datafile")
    assert not changes, changes
    if data_file:
        (folder / data_file).parent.mkdir(exist_ok=True)
        (folder / data_file).write_bytes(data)
        (folder / name).write_bytes(text.encode("latin-1"))
    else:
        (folder / name).write_bytes((text + end).encode("latin-1") + data)
    note(expected, folder, name, kind)


def nrrds(expected, folder):
    axis_orders(expected, folder, [("nrrd", False), ("nrrd", True), ("nhdr", False), ("nhdr", True)])
    simpleitk(expected, folder, "oblique.nrrd", rotation((1, 2, 3), 40), True)
    simpleitk(expected, folder, "oblique_left_handed.nrrd", rotation((3, -1, 2), 70) @ np.diag([1, -1, 1]), False)
    gz = lambda raw: gzip.compress(raw, mtime=0)  # noqa: E731
    squeeze = itertools.cycle([False, True, True])
    for name, kind in TYPES.items():
        for order, suffix in [("<", "le"), (">", "be")]:
            lines, data = {"type": name}, None
            if next(squeeze):
                lines["encoding"], data = "gzip", gz
            by_hand(expected, folder, f"type_{kind}_{suffix}.nrrd", kind, order, lines, data)
    turned = "(0,0.5,0) (0,0,0.75) (-2,0,0)"
    for space in ["RAS", "right-anterior-superior", "LAS", "left-anterior-superior", "LPS"]:
        by_hand(expected, folder, f"space_{space}.nrrd", "i2", lines={"space": space, "space directions": turned})
    text = lambda raw: "\n".join(map(str, ramp("i2").ravel())).encode()  # noqa: E731
    by_hand(expected, folder, "ascii.nrrd", "i2", lines={"encoding": "ascii", "endian": None}, data=text)
    by_hand(expected, folder, "text.nhdr", "i2", lines={"encoding": "txt", "data file": "text.txt"}, data=text)
    by_hand(expected, folder, "no_space.nrrd", "i2", lines={
        "space": None, "space directions": None, "space origin": None, "spacings": "0.5 0.75 2"})  # fmt: skip
    by_hand(expected, folder, "comments.nrrd", "i2", end="\r\n", extra="# DOE^JOHN\r\npatient:=DOE J\xe4ger\r\n")
    by_hand(expected, folder, "units.nrrd", "i2", lines={"space units": '"mm" "mm" "mm"', "kinds": "domain domain domain"})
    by_hand(expected, folder, "big_gz.nhdr", "i2", ">", {"encoding": "gz", "datafile": "sub/big.raw.gz"}, gz)
    by_hand(expected, folder, "byte_skip.nhdr", "i2", lines={"byte skip": "7", "data file": "byte_skip.raw"},
            data=lambda raw: b"7 bytes" + raw)  # fmt: skip
    by_hand(expected, folder, "byte_rest.nhdr", "i2", lines={"byte skip": "-1", "data file": "byte_rest.raw"},
            data=lambda raw: b"some bytes" + raw)  # fmt: skip
    by_hand(expected, folder, "line_skip.nhdr", "i2", lines={"line skip": "2", "data file": "line_skip.raw"},
            data=lambda raw: b"two\nlines\n" + raw)  # fmt: skip


def main():
    if sys.argv[1:2] == ["--check"]:
        return check(Path(sys.argv[2]))
    for name, make in [
        ("nrrd", nrrds),
        ("nifti_axes", lambda expected, folder: axis_orders(expected, folder, [("nii", False), ("nii.gz", True)])),
    ]:
        folder = FIXTURES / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.rglob("*"):
            if old.is_file():
                old.unlink()
        expected = {}
        make(expected, folder)
        versions = {"numpy": np.__version__, "SimpleITK": sitk.Version.VersionString()}
        text = json.dumps({"files": expected, "versions": versions}, separators=(",", ":"))
        (folder / "expected.json").write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
