"""Writes the small X-ray DICOM files that the tests of isocenter-io read, and the cameras that belong to them.

    python tools/golden/xray/make_fixtures.py

Needs numpy and pydicom; last run with the versions that `fixtures/xray/expected.json` records.

The expected cameras do not come from the tags' formulas but from a model of the machine in three dimensions: a source,
a physical detector whose middle the beam meets at a right angle, and the stored image as numpy cuts, turns
(`numpy.rot90`) and flips (`numpy.fliplr`) it out of the detector's pixels. Each stored pixel carries the number of the
detector pixel it came from, so its place in the room is known; the camera is fitted to those places. Where an image was
turned, the detector is mounted the other way round, so that the stored image has the head up (PS3.17 FFF.2.1.3.1.2: an
XA image "is assumed to be patient-oriented (i.e. heads-up display)").
"""

import json
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

OUT = Path(__file__).resolve().parents[3] / "crates/isocenter-io/tests/fixtures/xray"
SOP = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "RF": "1.2.840.10008.5.1.4.1.1.12.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
}
EXPECTED = {"numpy": np.__version__, "pydicom": pydicom.__version__, "files": {}}


def axes(primary, secondary):
    """Camera axes of a view in LPS, for an image seen from the source: rows of a matrix."""
    p, q = np.radians([primary, secondary])
    z = np.array([np.sin(p) * np.cos(q), -np.cos(p) * np.cos(q), np.sin(q)])
    # The head is up: rows lead away from it.
    x = np.cross([0.0, 0.0, -1.0], z)
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    return np.array([x, y, z])


def machine(stored, sdd, sid, view, isocenter):
    """The pose and camera of a stored image whose pixels are [row, column, ...] places on the detector in mm,
    x to the right and y down as one looks from the detector to the source, from the detector's middle.
    """
    rows, columns = stored.shape[:2]
    x, y, z = axes(*view)
    source = isocenter - sid * z
    # Looking towards the source, right is -x.
    place = source + sdd * z + stored[..., 0:1] * -x + stored[..., 1:2] * y
    u = place[0, 1] - place[0, 0]
    v = place[1, 0] - place[0, 0]
    flip = "none"
    if np.dot(np.cross(u, v), z) < 0:
        place, flip = place[:, ::-1], "columns"
        u = place[0, 1] - place[0, 0]
        v = place[1, 0] - place[0, 0]
    spacing = [np.linalg.norm(u), np.linalg.norm(v)]
    axes_lps = np.array([u / spacing[0], v / spacing[1], z])
    corner = axes_lps @ (place[0, 0] - source)
    principal = [-corner[0] / spacing[0], -corner[1] / spacing[1]]
    pose = np.eye(4)
    pose[:3, :3] = axes_lps
    pose[:3, 3] = -axes_lps @ source
    return {
        "size_px": [columns, rows],
        "source_to_detector_mm": sdd,
        "pixel_spacing_mm": spacing,
        "principal_point_px": principal,
        "flip": flip,
        "camera_from_world": pose.tolist(),
    }


def detector(rows, columns, element):
    """Where the pixels of a physical detector lie (mm): [row, column, (right, down)]."""
    right = (np.arange(columns) - (columns - 1) / 2) * element[1]
    down = (np.arange(rows) - (rows - 1) / 2) * element[0]
    return np.stack(np.meshgrid(right, down), axis=-1)


def binned(places, factor):
    rows, columns = places.shape[0] // factor, places.shape[1] // factor
    cut = places[: rows * factor, : columns * factor]
    return cut.reshape(rows, factor, columns, factor, 2).mean(axis=(1, 3))


def mounted(places, turn):
    """The places of a detector that is itself turned clockwise by so many degrees, as one looks towards the source."""
    for _ in range(turn // 90):
        places = np.stack([-places[..., 1], places[..., 0]], axis=-1)
    return places


def picture(rows, columns):
    """A ramp that no flip or turn leaves as it is."""
    return 200 + 3 * np.arange(columns)[None, :] + 40 * np.arange(rows)[:, None]


def write(name, modality, pixels, tags, syntax=ExplicitVRLittleEndian, bits=12, signed=False):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SOP[modality]
    meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = "1.2.826.0.1.3680043.8.498.2"
    d = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID = SOP[modality]
    d.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    d.Modality = modality
    d.PatientName = "Secret^Name"
    d.PatientID = "SECRET-ID"
    d.PatientBirthDate = "19010203"
    d.StudyDate = "20010203"
    frames = pixels.shape[0] if pixels.ndim == 3 else None
    d.SamplesPerPixel = 1
    d.PhotometricInterpretation = "MONOCHROME2"
    if frames:
        d.NumberOfFrames = frames
    d.Rows, d.Columns = pixels.shape[-2:]
    d.BitsAllocated = 8 if bits <= 8 else 16
    d.BitsStored = bits
    d.HighBit = bits - 1
    d.PixelRepresentation = int(signed)
    for key, value in tags.items():
        setattr(d, key, value)
    kind = {(8, False): "<u1", (16, False): "<u2", (16, True): "<i2"}[(d.BitsAllocated, signed)]
    d.PixelData = pixels.astype(kind).tobytes()
    OUT.mkdir(parents=True, exist_ok=True)
    d.save_as(OUT / name, enforce_file_format=True)


def xa(**more):
    return {
        "PixelIntensityRelationship": "LIN",
        "PixelIntensityRelationshipSign": 1,
        "DistanceSourceToDetector": "1000",
        "DistanceSourceToPatient": "700",
        "ImagerPixelSpacing": [0.5, 0.25],
        "PositionerPrimaryAngle": "30",
        "PositionerSecondaryAngle": "-10",
        **more,
    }


def main():
    iso = np.array([10.0, -20.0, 30.0])
    view = (30.0, -10.0)
    rows, columns = 12, 20

    def expect(name, places, view=view, **more):
        EXPECTED["files"][name] = {**machine(places, 1000.0, 700.0, view, iso), **more}

    whole = detector(rows, columns, (0.5, 0.25))
    # Plain: as seen from the detector, which is only usual.
    write("xa_plain.dcm", "XA", picture(rows, columns), xa())
    expect("xa_plain.dcm", whole, assumed_side=True)
    # Without explicit types.
    write("xa_implicit.dcm", "XA", picture(rows, columns), xa(), syntax=ImplicitVRLittleEndian)
    expect("xa_implicit.dcm", whole, assumed_side=True)

    # A part of the detector, turned and flipped, binned by two.
    active_rows, active_columns, element = 60, 80, (0.2, 0.2)
    full = detector(active_rows, active_columns, element)
    origin = (6, 10)
    part = binned(full[origin[0] : origin[0] + 32, origin[1] : origin[1] + 48], 2)
    for turn in [0, 90, 180, 270]:
        for flip in [False, True]:
            places = np.rot90(part, -(turn // 90))
            places = np.fliplr(places) if flip else places
            name = f"xa_turn{turn}{'_flip' if flip else ''}.dcm"
            tags = xa(
                ImagerPixelSpacing=[0.4, 0.4],
                DetectorElementSpacing=[0.2, 0.2],
                DetectorActiveDimensions=[active_rows * 0.2, active_columns * 0.2],
                FieldOfViewOrigin=[origin[0], origin[1]],
                FieldOfViewRotation=turn,
                FieldOfViewHorizontalFlip="YES" if flip else "NO",
            )
            write(name, "XA", picture(*places.shape[:2]), tags)
            expect(name, mounted(places, turn))

    # A detector of 64 x 90 elements of which 60 x 80 are active: the beam meets the middle of those.
    tags = xa(
        ImagerPixelSpacing=[0.4, 0.4],
        DetectorElementSpacing=[0.2, 0.2],
        DetectorActiveDimensions=[active_rows * 0.2, active_columns * 0.2],
        DetectorActiveOrigin=[4, 7],
        FieldOfViewOrigin=[4 + origin[0], 7 + origin[1]],
        FieldOfViewRotation=0,
        FieldOfViewHorizontalFlip="NO",
    )
    write("xa_active.dcm", "XA", picture(*part.shape[:2]), tags)
    expect("xa_active.dcm", part)

    # PatientOrientation: the patient's left on the right, front view from behind.
    write("dx_orientation.dcm", "DX", picture(rows, columns), {
        "PixelIntensityRelationship": "LOG", "PixelIntensityRelationshipSign": -1,
        "PresentationIntentType": "FOR PROCESSING", "PresentationLUTShape": "IDENTITY",
        "DistanceSourceToDetector": "1000", "ImagerPixelSpacing": [0.5, 0.25],
        "ViewPosition": "PA", "PatientOrientation": ["L", "F"],
    })
    expect("dx_orientation.dcm", whole, view=(0.0, 0.0), no_isocenter=True)
    write("dx_from_source.dcm", "DX", picture(rows, columns), {
        "PixelIntensityRelationship": "LIN", "DistanceSourceToDetector": "1000", "ImagerPixelSpacing": [0.5, 0.25],
        "ViewPosition": "AP", "PatientOrientation": ["L", "F"], "PresentationIntentType": "FOR PRESENTATION",
    })
    expect("dx_from_source.dcm", np.fliplr(whole), view=(180.0, 0.0), no_isocenter=True)

    # The angles of a bucky are not those of a C-arm: its view has a name.
    write("dx_angles.dcm", "DX", picture(rows, columns), {
        "PixelIntensityRelationship": "LIN", "DistanceSourceToDetector": "1000", "ImagerPixelSpacing": [0.5, 0.25],
        "ViewPosition": "AP", "PatientOrientation": ["L", "F"], "PositionerPrimaryAngle": "0",
        "PositionerSecondaryAngle": "0",
    })
    expect("dx_angles.dcm", np.fliplr(whole), view=(180.0, 0.0), no_isocenter=True)

    # A run whose angles change: by the same for each frame, and by one offset for each.
    run = np.stack([picture(rows, columns) + 10 * n for n in range(3)])
    write("xa_run_step.dcm", "XA", run, xa(PositionerPrimaryAngleIncrement="5", PositionerSecondaryAngleIncrement="-1"))
    write("xa_run_offsets.dcm", "XA", run, xa(PositionerPrimaryAngleIncrement=["0", "4", "12"]))
    for frame in [1, 2, 3]:
        step = (30.0 + 5 * (frame - 1), -10.0 - (frame - 1))
        expect(f"xa_run_step.dcm:{frame}", whole, view=step, assumed_side=True)
        offset = (30.0 + [0, 4, 12][frame - 1], -10.0)
        expect(f"xa_run_offsets.dcm:{frame}", whole, view=offset, assumed_side=True)

    # The size of a pixel in the patient, 1000 / 700 times smaller than at the detector.
    calibrated = xa(PixelSpacing=[0.35, 0.175], PixelSpacingCalibrationType="GEOMETRY")
    del calibrated["ImagerPixelSpacing"]
    write("xa_calibrated.dcm", "XA", picture(rows, columns), calibrated)
    expect("xa_calibrated.dcm", whole, assumed_side=True)
    write("xa_fiducial.dcm", "XA", picture(rows, columns), calibrated | {"PixelSpacingCalibrationType": "FIDUCIAL"})
    expect("xa_fiducial.dcm", whole, assumed_side=True)
    cr = {"DistanceSourceToDetector": "1000", "PixelSpacing": [0.5, 0.25], "ViewPosition": "AP"}
    write("cr_spacing.dcm", "CR", picture(rows, columns), cr)
    expect("cr_spacing.dcm", np.fliplr(whole), view=(180.0, 0.0), assumed_side=True, no_isocenter=True)

    # Enhanced: geometry in functional groups.
    enhanced = {"PixelIntensityRelationship": "LIN"}
    shared, geometry, properties = Dataset(), Dataset(), Dataset()
    geometry.DistanceSourceToDetector = "1000"
    geometry.DistanceSourceToIsocenter = 700.0
    properties.ImagerPixelSpacing = [0.5, 0.25]
    shared.XRayGeometrySequence = Sequence([geometry])
    shared.FramePixelDataPropertiesSequence = Sequence([properties])
    own = []
    for frame in range(3):
        position, group = Dataset(), Dataset()
        position.PositionerPrimaryAngle = str(-20 + 15 * frame)
        position.PositionerSecondaryAngle = "5"
        group.PositionerPositionSequence = Sequence([position])
        own.append(group)
        expect(f"xa_enhanced.dcm:{frame + 1}", whole, view=(-20.0 + 15 * frame, 5.0), assumed_side=True)
    enhanced["SharedFunctionalGroupsSequence"] = Sequence([shared])
    enhanced["PerFrameFunctionalGroupsSequence"] = Sequence(own)
    write("xa_enhanced.dcm", "XA", run, enhanced)

    # Grey values: what each stored number means.
    ramp = np.arange(rows * columns).reshape(rows, columns) * 16
    grey = {
        "grey_lin.dcm": ("XA", {"PixelIntensityRelationship": "LIN"}),
        "grey_lin_minus.dcm": ("DX", {"PixelIntensityRelationship": "LIN", "PixelIntensityRelationshipSign": -1}),
        "grey_log.dcm": ("XA", {"PixelIntensityRelationship": "LOG"}),
        "grey_log_minus.dcm": ("DX", {"PixelIntensityRelationship": "LOG", "PixelIntensityRelationshipSign": -1}),
        "grey_disp_rf.dcm": ("RF", {"PixelIntensityRelationship": "DISP"}),
        "grey_disp_rf_mono1.dcm": ("RF", {"PixelIntensityRelationship": "DISP", "PhotometricInterpretation": "MONOCHROME1"}),
        "grey_cr.dcm": ("CR", {}),
        "grey_cr_mono1.dcm": ("CR", {"PhotometricInterpretation": "MONOCHROME1"}),
    }
    for name, (modality, tags) in grey.items():
        write(name, modality, ramp, tags)
    padded = ramp.copy()
    padded[:, :3] = 4095
    padded[:, 3] = 4000
    write("grey_padding.dcm", "DX", padded, {
        "PixelIntensityRelationship": "LIN", "PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4000,
    })
    signed = ramp.astype(int) - 2048
    signed[0, 0] = -2048
    write("grey_signed.dcm", "XA", signed, {"PixelIntensityRelationship": "LIN"}, signed=True)
    saturated = ramp.copy()
    saturated[2:5, 4:9] = 0
    saturated[8:10, 10:15] = 4095
    write("grey_saturated.dcm", "XA", saturated, {"PixelIntensityRelationship": "LIN"})
    write("grey_contradiction.dcm", "DX", ramp, {"PixelIntensityRelationship": "LIN", "PresentationLUTShape": "INVERSE"})

    write("grey_identity_mono1.dcm", "DX", ramp, {
        "PixelIntensityRelationship": "LIN", "PresentationLUTShape": "IDENTITY", "PhotometricInterpretation": "MONOCHROME1",
    })
    write("grey_annotated.dcm", "XA", ramp, {"PixelIntensityRelationship": "LIN", "BurnedInAnnotation": "YES"})
    write("bad_only_padding.dcm", "DX", np.full((rows, columns), 4095), {
        "PixelIntensityRelationship": "LIN", "PixelPaddingValue": 4095,
    })

    # What must be refused, or asked for.
    def refused(name, **changes):
        tags = xa()
        for key, value in changes.items():
            if value is None:
                tags.pop(key, None)
            else:
                tags[key] = value
        write(name, "XA", picture(rows, columns), tags)

    refused("bad_no_sdd.dcm", DistanceSourceToDetector=None)
    refused("bad_zero_sdd.dcm", DistanceSourceToDetector="0")
    refused("bad_zero_lengths.dcm", DistanceSourceToDetector="0", DistanceSourceToPatient="0",
            ImagerPixelSpacing=["0", "0"])
    refused("bad_zero_isocenter.dcm", DistanceSourceToPatient="0")
    refused("bad_fiducial.dcm", ImagerPixelSpacing=None, DistanceSourceToPatient=None, PixelSpacing=[0.35, 0.175],
            PixelSpacingCalibrationType="FIDUCIAL")
    refused("bad_negative_sdd.dcm", DistanceSourceToDetector="-1000")
    refused("bad_no_spacing.dcm", ImagerPixelSpacing=None, IntensifierSize="229")
    refused("bad_spacing.dcm", ImagerPixelSpacing=["0", "0.25"])
    refused("bad_tilt.dcm", DetectorPrimaryAngle="0.4", DetectorSecondaryAngle="-0.5")
    refused("bad_turn.dcm", FieldOfViewRotation="45", FieldOfViewOrigin=[0, 0], FieldOfViewHorizontalFlip="NO",
            DetectorElementSpacing=[0.5, 0.25], DetectorActiveDimensions=[6, 5])
    refused("good_tilt.dcm", DetectorPrimaryAngle="0.3", DetectorSecondaryAngle="-0.3")
    refused("far_isocenter.dcm", DistanceSourceToPatient="1200")
    refused("bad_angle.dcm", PositionerPrimaryAngle="4711")
    write("bad_modality.dcm", "MR", picture(rows, columns), xa())

    (OUT / "expected.json").write_text(json.dumps(EXPECTED, indent=1) + "\n")


if __name__ == "__main__":
    main()
