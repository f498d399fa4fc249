"""Times reading a large DICOM series, by isocenter and by SimpleITK in the same run.

    cargo build --release -p isocenter-io --example load_ct
    python tools/timing/time_dicom.py --program target/release/examples/load_ct [--slices 600] [--runs 5]

Makes a series of 512 x 512 slices of noise in a temporary folder, with pydicom; then both programs read it in turn, each
in a process of its own, after one run that is not counted. Prints medians of the wall-clock time of the load and the peak
memory of the process. SimpleITK finds and sorts the files with GetGDCMSeriesFileNames, as its users do, which is part of
its time; of its peak memory the interpreter and the libraries are a part, as the program is of ours.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SITK = """
import json, resource, sys, time
import SimpleITK as sitk
start = time.perf_counter()
reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames(sys.argv[1]))
image = reader.Execute()
if sys.argv[2] == "float":
    image = sitk.Cast(image, sitk.sitkFloat32)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
total = float(sitk.GetArrayViewFromImage(image).sum(dtype="f8"))
print(json.dumps({"seconds": seconds, "dims": image.GetSize(), "sum": total, "peak_bytes": peak}))
"""


def make_series(folder, slices, syntax):
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RLELossless

    random = np.random.default_rng(1)
    body = random.integers(-200, 1500, (512, 512)).astype("i2")
    for k in range(slices):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"1.2.826.0.1.3680043.10.54321.5.{k}"
        ds.Modality, ds.SeriesInstanceUID, ds.StudyInstanceUID = "CT", "1.2.826.0.1.3680043.10.54321.5", "1.2.826.0.1.3680043.10.54321.6"
        ds.SeriesNumber, ds.InstanceNumber, ds.ImageType = 1, k + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [-180, -180, k * 0.75], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [0.703125, 0.703125], "1.5"
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 512, 512, 16, 16, 15, 1
        ds.RescaleIntercept, ds.RescaleSlope = "-24", "1"
        ds.PixelData = np.roll(body, 7 * k, 0).tobytes()
        if syntax == "rle":
            ds.compress(RLELossless, generate_instance_uid=False)
        # Names in an order that is not that of the places.
        ds.save_as(folder / f"{(k * 7919) % 10007:05}.dcm", enforce_file_format=True)


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--program", required=True)
    arguments.add_argument("--slices", type=int, default=600)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--syntax", choices=["explicit", "rle"], default="explicit")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_series(folder, options.slices, options.syntax)
        programs = {
            "isocenter": [options.program, str(folder)],
            "SimpleITK": [sys.executable, "-c", SITK, str(folder), "as it is"],
            "SimpleITK, as floats": [sys.executable, "-c", SITK, str(folder), "float"],
        }
        results = {name: [] for name in programs}
        for n in range(options.runs + 1):
            for name, command in programs.items():
                result = run(command)
                if n > 0:
                    results[name].append(result)
    voxels = options.slices * 512 * 512
    limit = 1.5 * voxels * (2 + 4)
    sums = {tuple(r["dims"]) + (r["sum"],) for all_runs in results.values() for r in all_runs}
    assert len(sums) == 1, sums
    for name, all_runs in results.items():
        seconds = statistics.median(r["seconds"] for r in all_runs)
        peak = max(r["peak_bytes"] for r in all_runs)
        spread = f"{min(r['seconds'] for r in all_runs):.2f} to {max(r['seconds'] for r in all_runs):.2f}"
        print(f"{name}: {seconds:.2f} s ({spread}), peak {peak / 2**20:.0f} MiB")
    print(f"1.5 times the volume as i16 and as f32: {limit / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
