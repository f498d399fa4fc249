"""Writes the small camera files of other programs that the tests of isocenter-io read, and where they see points.

    python tools/golden/cameras/make_fixtures.py

Needs numpy, opencv-python-headless and h5py; last run with the versions that `expected.json` records. The OpenCV files are
written by `cv2.FileStorage`, the points are projected by `cv2.projectPoints`; the xReg file has the data sets and types
that xReg writes (xregH5CamModelIO.cpp), the MayaCam file the layout of XMALab's exports.
"""

import json
from pathlib import Path

import cv2
import h5py
import numpy as np

OUT = Path(__file__).resolve().parents[3] / "crates/isocenter-io/tests/fixtures/cameras"
SIZE = (640, 480)
K = np.array([[2550.0, 0.0, 300.25], [0.0, 2550.0, 251.5], [0.0, 0.0, 1.0]])
RVEC = np.array([0.3, -1.2, 0.4])
T = np.array([12.0, -7.5, 705.0])
POINTS = np.array([[0.0, 0.0, 0.0], [30.0, -40.0, 50.0], [-60.0, 20.0, 10.0], [15.0, 55.0, -35.0]])


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    r = cv2.Rodrigues(RVEC)[0]
    seen = cv2.projectPoints(POINTS, RVEC, T, K, None)[0][:, 0]
    matrix = K @ np.c_[r, T]
    flipped = np.array([[-1.0, 0.0, SIZE[0] - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ matrix

    np.save(OUT / "matrix.npy", matrix)
    np.save(OUT / "matrix_fortran.npy", np.asfortranarray(matrix))
    np.save(OUT / "matrices_f4.npy", np.stack([matrix * 2, -matrix]).astype(np.float32))
    np.savetxt(OUT / "matrix.txt", matrix * -1e-3, header="a projection matrix of any scale and sign")
    (OUT / "matrix.json").write_text(json.dumps({"projection_matrix": matrix.tolist()}))
    (OUT / "matrix_mirrored.json").write_text(json.dumps(flipped.tolist()))

    for name, pose in {
        "opencv.yml": {"rvec": RVEC.reshape(3, 1), "tvec": T.reshape(3, 1)},
        "opencv_matrix.yaml": {"R": r, "T": T.reshape(3, 1)},
        "opencv_no_pose.yml": {},
        "opencv_distorted.yml": {},
    }.items():
        storage = cv2.FileStorage(str(OUT / name), cv2.FILE_STORAGE_WRITE)
        storage.write("image_width", SIZE[0])
        storage.write("image_height", SIZE[1])
        storage.write("camera_matrix", K)
        distortion = np.array([[0.1, -0.02, 0.0, 0.0, 0.0]]) if "distorted" in name else np.zeros((1, 5))
        storage.write("distortion_coefficients", distortion)
        for key, value in pose.items():
            storage.write(key, value)
        storage.release()
    (OUT / "opencv.json").write_text(json.dumps(
        {"image_size": list(SIZE), "K": K.tolist(), "D": [0.0] * 5, "rvec": RVEC.tolist(), "tvec": T.tolist()}))

    def xreg(name, cameras, frame):
        with h5py.File(OUT / name, "w") as h5:
            h5["num-projs"] = np.uint64(len(cameras))
            for n, (k, extrinsic) in enumerate(cameras):
                cam = h5.create_group(f"proj-{n:03}/cam")
                cam.attrs["xreg-type"] = "cam-model"
                cam["num-rows"], cam["num-cols"] = np.uint64(SIZE[1]), np.uint64(SIZE[0])
                cam["row-spacing"], cam["col-spacing"] = 0.4, 0.4
                cam["cam-coord-frame-type"] = np.bytes_(frame)
                cam["intrinsic"], cam["extrinsic"] = k.astype(np.float32), extrinsic
                h5[f"proj-{n:03}/img/pixels"] = np.zeros((4, 4), np.float32)

    extrinsic = np.r_[np.c_[r, T], [[0.0, 0.0, 0.0, 1.0]]]
    moved = extrinsic.copy()
    moved[:3, 3] += [0.0, 0.0, 10.0]
    xreg("xreg_pos_z.h5", [(K, extrinsic)], "origin-at-focal-pt-det-pos-z")
    # The detector on the negative side: turned by half about x, the focal length negative (xReg's own).
    half = np.diag([1.0, -1.0, -1.0, 1.0])
    negative = K * [[-1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0]]
    xreg("xreg_neg_z.h5", [(negative, half @ extrinsic), (negative, half @ moved)], "origin-at-focal-pt-det-neg-z")
    xreg("xreg_on_detector.h5", [(K, extrinsic)], "origin-on-det")
    seen_negative = (negative @ (half @ extrinsic)[:3] @ np.c_[POINTS, np.ones(len(POINTS))].T).T

    rows = lambda m: "\n".join(",".join(repr(float(v)) for v in row) for row in m)  # noqa: E731
    (OUT / "mayacam.txt").write_text(
        f"image size\n{SIZE[0]},{SIZE[1]}\n\ncamera matrix\n{rows(K)}\n\nrotation\n{rows(r)}\n\n"
        f"translation\n{rows(T.reshape(3, 1))}\n")

    (OUT / "expected.json").write_text(json.dumps({
        "numpy": np.__version__, "opencv": cv2.__version__, "h5py": h5py.__version__,
        "size_px": SIZE, "points_world_mm": POINTS.tolist(), "seen_px": seen.tolist(),
        "seen_px_neg_z": (seen_negative[:, :2] / seen_negative[:, 2:]).tolist(),
        "source_world_mm": (-r.T @ T).tolist(),
    }, indent=1) + "\n")


if __name__ == "__main__":
    main()
