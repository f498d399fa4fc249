"""A small network under the names of its authors, and what it says, by PyTorch.

    python tools/golden/network/published.py crates/isocenter-net/tests/fixtures

Writes what crates/isocenter-net/tests/conversion.rs converts and compares with:

- published.pt: a state dict with the names and layouts of the published network (listed in
  crates/isocenter-net/src/convert/cdreg.rs), for images of 32 x 32 and narrow evaluations
- published.json: what a network with these weights says in use, in f64
- prost.pt, prost.json: the same of the baseline (crates/isocenter-net/src/convert/prost.rs)
- tensors.pt: numbers of other types and layouts, in a training's checkpoint
- complex.pt: numbers that no weight is
- expanded.pt: a million numbers that are one

The forward pass is written from the network's description, on the tensors of the state dict and with
PyTorch's own layers. Inputs are hashed from their names, as in golden.py. Weights of one fan-in are
views of one storage, at different offsets: the file stays small, and is read right only by who minds
offsets. Needs torch (tested with 2.15) and numpy.
"""
import collections
import datetime
import json
import os
import sys

import torch
import torch.nn.functional as F

from golden import hashed

SIDE, TRUNK, HEAD = 32, [16, 8], [4, 3]
STAGES = [8, 16, 32, 64, 64]
PRECISE = torch.float64


def convolution(name, outputs, inputs, *kernel, bias=True):
    yield name + ".weight", (outputs, inputs, *kernel)
    if bias:
        yield name + ".bias", (outputs,)


def gains(name, channels):
    yield name + ".weight", (channels,)
    yield name + ".bias", (channels,)


def batch_norm(name, channels):
    yield from gains(name, channels)
    yield name + ".running_mean", (channels,)
    yield name + ".running_var", (channels,)
    yield name + ".num_batches_tracked", ()


def shapes():
    """Every tensor's name and shape."""
    channels = [1, 4, 8, 16, 8, 4, 3]
    for n in range(6):
        yield from convolution(f"_3D_conv.{2 * n}", channels[n + 1], channels[n], 3, 3, 3)
    encoder = "shallowFeatureEncoder"
    for n, inputs in [(1, 3), (2, 8)]:
        yield from convolution(f"{encoder}.conv_0.conv_{n}.conv_1.0", 8, inputs, 3, 3)
    for n in range(1, 5):
        c, stage = STAGES[n], f"{encoder}.down_{n}"
        yield from convolution(stage + ".embeddings.patch_embeddings", c, STAGES[n - 1], 2, 2)
        yield from gains(stage + ".embeddings.norm", c)
        for b in range(2):
            block = f"{stage}.block_list.{b}"
            yield from gains(block + ".attention_norm", c)
            yield from gains(block + ".ffn_norm", c)
            yield from convolution(block + ".ffn.fc1", 2 * c, c, 1, 1)
            yield from convolution(block + ".ffn.fc2", c, 2 * c, 1, 1)
            pixels = (SIDE >> n) ** 2
            yield block + ".attn.global_layer.weight", (pixels, 1)
            yield block + ".attn.global_layer.bias", (pixels,)
    for image in "xd":
        for n in (1, 2):
            block = f"encoder_l_{image}.conv{n}"
            for part in ("convl2l", "convl2g", "convg2l"):
                yield from convolution(f"{block}.ffc.{part}", 32, 32, 3, 3, bias=False)
            spectral = block + ".ffc.convg2g"
            yield from convolution(spectral + ".conv1.0", 16, 32, 1, 1, bias=False)
            yield from batch_norm(spectral + ".conv1.1", 16)
            for unit in ("fu", "lfu"):
                yield from convolution(f"{spectral}.{unit}.conv_layer", 32, 32, 1, 1, bias=False)
                yield from batch_norm(f"{spectral}.{unit}.bn", 32)
            yield from convolution(spectral + ".conv2", 32, 16, 1, 1, bias=False)
            yield from batch_norm(block + ".bn_l", 32)
            yield from batch_norm(block + ".bn_g", 32)
        for n in range(3):
            coupling = f"encoder_h_{image}.net.{n}"
            yield from convolution(coupling + ".shffleconv", 64, 64, 1, 1)
            for part in ("phi", "rho", "eta"):
                b = f"{coupling}.theta_{part}.bottleneckBlock"
                yield from convolution(b + ".0", 64, 32, 1, 1, bias=False)
                yield from convolution(b + ".3", 64, 1, 3, 3, bias=False)
                yield from convolution(b + ".5", 32, 64, 1, 1, bias=False)
    features = 64 * (SIDE // 16) ** 2
    layers = [*zip([features, *TRUNK[:1]], TRUNK),
              *2 * [*zip([TRUNK[-1], *HEAD], [*HEAD, 1])]]
    for evaluation in ("baseEstimation", "detailEstimation"):
        for n, (inputs, outputs) in enumerate(layers, 1):
            yield from convolution(f"{evaluation}.fc{n}", outputs, inputs)


def baseline_shapes():
    """Every tensor's name and shape of the baseline."""
    channels = [1, 4, 8, 16, 8, 3]
    for n in range(5):
        yield from convolution(f"_3D_conv.{2 * n}", channels[n + 1], channels[n], 3, 3, 3)
    for image, inputs in [("x", 3), ("y", 1)]:
        encoder = f"_2Dconv_encode_{image}"
        for n, outputs in enumerate([16, 64, 128]):
            yield from convolution(f"{encoder}.{4 * n}", outputs, inputs, 3, 3)
            for k, kernel in [(1, 1), (2, 3), (3, 1)]:
                block = f"{encoder}.{4 * n + 2}"
                yield from convolution(f"{block}.conv{k}", outputs, outputs, kernel, kernel, bias=False)
                yield from batch_norm(f"{block}.bn{k}", outputs)
            inputs = outputs
        yield from convolution(f"{encoder}.12", 64, inputs, 3, 3)


def state_dict(shapes):
    named, weights = dict(shapes), collections.OrderedDict()
    by_fan_in = collections.defaultdict(list)
    for name, shape in named.items():
        if len(shape) > 1:
            by_fan_in[torch.Size(shape[1:]).numel()].append(name)
    for fan_in, names in by_fan_in.items():
        sizes = [torch.Size(named[name]).numel() for name in names]
        shift = 37
        storage = hashed(f"fan-in {fan_in}", max(sizes) + shift * len(names)) / fan_in**0.5
        storage = torch.tensor(storage, dtype=torch.float32)
        for n, (name, size) in enumerate(zip(names, sizes)):
            weights[name] = storage[n * shift:n * shift + size].view(named[name])
    for name, shape in named.items():
        if shape == ():
            weights[name] = torch.tensor(7)
        elif len(shape) == 1:
            u = torch.tensor(hashed(name, shape[0]), dtype=torch.float32)
            is_gain = name.endswith("weight") or name.endswith("var")
            weights[name] = 1 + 0.3 * u if is_gain else 0.3 * u
    # The order of the modules, as `state_dict()` has it.
    return collections.OrderedDict((name, weights[name]) for name in named)


class Layers:
    """Layers in use, on the tensors of a state dict."""

    def __init__(self, state):
        self.state = {name: tensor.to(PRECISE) for name, tensor in state.items()}

    def part(self, name, part="weight"):
        return self.state.get(f"{name}.{part}")

    def convolve(self, x, name, padding=0, reflect=False, **options):
        if reflect:
            x, padding = F.pad(x, (1, 1, 1, 1), mode="reflect"), 0
        return F.conv2d(x, self.part(name), self.part(name, "bias"), padding=padding, **options)

    def normalize(self, x, name):
        running = self.part(name, "running_mean"), self.part(name, "running_var")
        return F.batch_norm(x, *running, self.part(name), self.part(name, "bias"))


class Baseline(Layers):
    def encode(self, x, name):
        for n in (0, 4, 8):
            x = F.relu(self.convolve(x, f"{name}.{n}", padding=1))
            block = f"{name}.{n + 2}"
            y = self.normalize(self.convolve(x, block + ".conv1"), block + ".bn1")
            y = F.relu(self.normalize(self.convolve(y, block + ".conv2", padding=1), block + ".bn2"))
            y = self.normalize(self.convolve(y, block + ".conv3"), block + ".bn3")
            x = F.max_pool2d(F.relu(x + y), 2)
        return F.relu(self.convolve(x, name + ".12", padding=1))


class Network(Layers):
    def channel_norm(self, x, name, eps):
        last = x.movedim(1, -1)
        y = F.layer_norm(last, last.shape[-1:], self.part(name), self.part(name, "bias"), eps)
        return y.movedim(-1, 1)

    def batch_norm(self, x, name):
        return F.relu(self.normalize(x, name))

    def residual(self, volume):
        x = volume
        for n in range(0, 12, 2):
            name = f"_3D_conv.{n}"
            x = F.relu(F.conv3d(x, self.part(name), self.part(name, "bias"), padding=1))
        return volume.expand(-1, 3, -1, -1, -1) + x

    def encode(self, x):
        for n in (1, 2):
            x = self.convolve(x, f"shallowFeatureEncoder.conv_0.conv_{n}.conv_1.0", padding=1)
            x = F.relu(F.instance_norm(x))
        for n in range(1, 5):
            stage = f"shallowFeatureEncoder.down_{n}"
            x = self.convolve(x, stage + ".embeddings.patch_embeddings", stride=2)
            x = self.channel_norm(x, stage + ".embeddings.norm", 1e-5)
            for b in range(2):
                block = f"{stage}.block_list.{b}"
                y = self.channel_norm(x, block + ".attention_norm", 1e-6)
                pooled = y.mean((2, 3))[..., None]
                spread = F.linear(pooled, self.part(block + ".attn.global_layer"),
                                  self.part(block + ".attn.global_layer", "bias"))
                x = x + y + spread.view_as(y)
                z = self.convolve(self.channel_norm(x, block + ".ffn_norm", 1e-6), block + ".ffn.fc1")
                x = x + self.convolve(F.gelu(z), block + ".ffn.fc2")
        return x

    def fourier_unit(self, x, name):
        parts = torch.view_as_real(torch.fft.rfft2(x, norm="ortho")).permute(0, 1, 4, 2, 3)
        s = self.convolve(parts.flatten(1, 2), name + ".conv_layer")
        s = self.batch_norm(s, name + ".bn").unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2)
        return torch.fft.irfft2(torch.view_as_complex(s.contiguous()), s=x.shape[2:], norm="ortho")

    def spectral(self, x, name):
        x = self.batch_norm(self.convolve(x, name + ".conv1.0"), name + ".conv1.1")
        quarters = x[:, :x.shape[1] // 4]
        for axis in (2, 3):
            quarters = torch.cat(quarters.chunk(2, axis), 1)
        tiled = self.fourier_unit(quarters, name + ".lfu").tile(1, 1, 2, 2)
        return self.convolve(x + self.fourier_unit(x, name + ".fu") + tiled, name + ".conv2")

    def low(self, x, name):
        local, globl = x.chunk(2, 1)
        for n in (1, 2):
            conv, c = f"{name}.conv{n}", lambda v, part: self.convolve(v, part, reflect=True)
            ffc = conv + ".ffc.conv"
            to_local = c(local, ffc + "l2l") + c(globl, ffc + "g2l")
            to_global = c(local, ffc + "l2g") + self.spectral(globl, ffc + "g2g")
            local = self.batch_norm(to_local, conv + ".bn_l")
            globl = self.batch_norm(to_global, conv + ".bn_g")
        return x + torch.cat([local, globl], 1)

    def bottleneck(self, x, name):
        name += ".bottleneckBlock"
        x = F.relu6(self.convolve(x, name + ".0"))
        x = F.relu6(self.convolve(x, name + ".3", reflect=True, groups=64))
        return self.convolve(x, name + ".5")

    def high(self, x, name):
        for n in range(3):
            node = f"{name}.net.{n}"
            z1, z2 = self.convolve(x, node + ".shffleconv").chunk(2, 1)
            z2 = z2 + self.bottleneck(z1, node + ".theta_phi")
            z1 = z1 * self.bottleneck(z2, node + ".theta_rho").exp() + self.bottleneck(z2, node + ".theta_eta")
            x = torch.cat([z1, z2], 1)
        return x

    def evaluate(self, difference, name):
        def layers(x, numbers):
            for n in numbers:
                x = F.linear(F.relu(x), self.part(f"{name}.fc{n}"), self.part(f"{name}.fc{n}", "bias"))
            return x
        # The input is a square: ReLU leaves it as it is.
        summary = layers(difference.square().flatten(1), (1, 2))
        return layers(summary, (3, 4, 5)), layers(summary, (6, 7, 8)).sigmoid()


def inputs(name, *shape):
    numbers = hashed(name, torch.Size(shape).numel())
    return torch.tensor(0.5 + 0.5 * numbers, dtype=torch.float32).to(PRECISE).view(shape)


def expected(state):
    network = Network(state)
    encoded = {"x": network.encode(inputs("xrays", 2, 1, SIDE, SIDE).expand(-1, 3, -1, -1)),
               "d": network.encode(inputs("moving", 2, 3, SIDE, SIDE))}
    low = {image: network.low(e, f"encoder_l_{image}") for image, e in encoded.items()}
    high = {image: network.high(e, f"encoder_h_{image}") for image, e in encoded.items()}
    scores = [network.evaluate(of["d"] - of["x"], name)
              for of, name in [(low, "baseEstimation"), (high, "detailEstimation")]]
    gated = [score * gate for score, gate in scores]
    volume = network.residual(inputs("volume", 1, 1, 4, 5, 6))
    as_list = lambda tensor: tensor.flatten().tolist()
    return {
        "torch": torch.__version__,
        "features": {branch: {image: as_list(of[image]) for image in "xd"}
                     for branch, of in [("global", low), ("local", high)]},
        "scores": [as_list(score) for score, _ in scores],
        "gates": [as_list(gate) for _, gate in scores],
        "sigmoid-product": as_list(gated[0].sigmoid() * gated[1].sigmoid()),
        "sum": as_list(gated[0] + gated[1]),
        "volume": as_list(volume),
    }


def baseline_expected(state):
    network = Baseline(state)
    x = network.encode(inputs("moving", 2, 3, SIDE, SIDE), "_2Dconv_encode_x")
    y = network.encode(inputs("xrays", 2, 1, SIDE, SIDE), "_2Dconv_encode_y")
    return {
        "torch": torch.__version__,
        "encodings": {"x": x.flatten().tolist(), "y": y.flatten().tolist()},
        "distance": ((x - y) ** 2).mean((1, 2, 3)).tolist(),
    }


def odd_tensors():
    """1 to 6 in other types and layouts, as `DataParallel` names them, beside what is no weight."""
    numbers = torch.arange(1.0, 7.0, dtype=torch.float32).view(2, 3)
    state = {f"module.{dtype}".replace("torch.", ""): numbers.to(dtype)
             for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int32)}
    state["module.transposed"] = numbers.T.contiguous().T
    state["module.part"] = F.pad(numbers, (0, 1, 1, 0), value=-1.0)[1:, :3]
    state["module.strided"] = torch.stack([numbers.flatten(), torch.zeros(6, dtype=torch.float32)], 1)[:, 0].view(2, 3)
    state["module.huge"] = torch.tensor(1e300, dtype=torch.float64)
    return {"state_dict": state, "epoch": 3, "written": datetime.date(2024, 2, 2),
            "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "lr": 1e-4}}


if __name__ == "__main__":
    to = lambda name: os.path.join(sys.argv[1], name)
    for name, shapes_of, expected_of in [("published", shapes, expected),
                                         ("prost", baseline_shapes, baseline_expected)]:
        state = state_dict(shapes_of())
        torch.save(state, to(name + ".pt"))
        with open(to(name + ".json"), "w") as file:
            json.dump(expected_of(state), file)
            file.write("\n")
        print(name, len(state), "tensors,", sum(tensor.numel() for tensor in state.values()), "numbers")
    torch.save(odd_tensors(), to("tensors.pt"))
    torch.save({"weight": torch.zeros(2, dtype=torch.complex64)}, to("complex.pt"))
    torch.save({"weight": torch.zeros(1, dtype=torch.float32).expand(1000, 1000)}, to("expanded.pt"))
