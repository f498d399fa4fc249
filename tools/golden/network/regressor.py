"""A small fixed case of the regressor of poses for either normalisation, by PyTorch in f64.

    python tools/golden/network/regressor.py crates/isocenter-net/tests/fixtures/regressor.json

Writes what crates/isocenter-net/tests/regressor.rs compares with: the outputs, and the derivatives of their
product with hashed numbers for weights. Written from the description of the layers, not from the Rust
code; weights and inputs are a function of their names, as in golden.py.
"""
import json
import sys

import torch
import torch.nn.functional as F

from golden import Composite, hashed

SIDE, VOXELS, BATCH = 64, 32, 2
VOLUME, IMAGE, STAGES = [64, 32, 32], [64, 32], [32, 16, 8]


class Regressor(Composite):
    def norm_of_volume(self, x, name):
        return self.norm(x.flatten(3), name).unflatten(3, x.shape[3:])

    def volume_block(self, x, name, outputs):
        for n in range(2):
            at = f"{name}.convolutions.{n}"
            weight = self.w(at + ".weight", outputs, x.shape[1], 3, 3, 3)
            x = F.conv3d(x, weight, self.w(at + ".bias", outputs), padding=1)
            x = self.norm_of_volume(x, name + ".norm").relu()
        return F.avg_pool3d(x, 2)

    def image_block(self, x, name, outputs):
        for n in range(2):
            x = self.convolve(x, f"{name}.convolutions.{n}", outputs, 3, bias=False)
            x = self.norm(x, name + ".norm").relu()
        return F.avg_pool2d(x, 2)

    def outputs(self, cubes, xrays):
        for n, width in enumerate(VOLUME):
            cubes = self.volume_block(cubes, f"volume.{n}", width)
        for n, width in enumerate(IMAGE):
            xrays = self.image_block(xrays, f"image.{n}", width)
        x = torch.cat([cubes.reshape(len(xrays), -1, SIDE // 4, SIDE // 4), xrays], 1)
        for n, width in enumerate(STAGES):
            x = self.convolve(x, f"stages.{n}.convolution", width, 3).relu()
            x = F.max_pool2d(self.bottleneck(x, f"stages.{n}.bottleneck"), 2)
        x = self.linear(x.flatten(1), "hidden", 256).relu()
        return F.relu6(3 + self.linear(x, "last", 6)) / 6


def case(kind):
    regressor = Regressor(kind)
    volume = torch.tensor(hashed("cubes", BATCH * VOXELS**3)).reshape(BATCH, 1, VOXELS, VOXELS, VOXELS)
    # Of other X-rays one of a million numbers that go through a ReLU is so near to 0 that single precision takes it
    # for less.
    xrays = torch.tensor(hashed("xrays, again", BATCH * SIDE**2)).reshape(BATCH, 1, SIDE, SIDE)
    outputs = regressor.outputs(0.5 + 0.5 * volume, 0.5 + 0.5 * xrays)
    (outputs * torch.tensor(hashed("slopes", BATCH * 6)).reshape(BATCH, 6)).sum().backward()
    return {
        "normalization": kind, "outputs": outputs.tolist(),
        # Each weight's derivative by its size and by its product with hashed numbers.
        "weight_gradients": {
            name: [w.grad.norm().item(),
                   (w.grad.flatten() * torch.tensor(hashed(name + "?", w.numel()))).sum().item()]
            for name, w in sorted(regressor.w.by_name.items())
        },
    }


if __name__ == "__main__":
    cases = [case("group"), case("batch")]
    with open(sys.argv[1], "w") as file:
        json.dump({"torch": torch.__version__, "cases": cases}, file, indent=1)
        file.write("\n")
    for c in cases:
        print(c["normalization"], c["outputs"])
