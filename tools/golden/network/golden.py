"""Small fixed cases of the network, by PyTorch's double backward.

    python tools/golden/network/golden.py crates/isocenter-net/tests/fixtures/network.json

Writes what crates/isocenter-net/tests/golden.rs compares with: L_net, its pose gradients, L_appro,
L_decomp, and derivatives of the total loss for weights, found with `create_graph=True` in f64.

Everything is written from the network's description (the metric of pose gradients: from the formula in
crates/isocenter-net/src/metric.rs), not from the Rust code, and from primitives:
norms by means and squares, sampling by gathers (PyTorch cannot differentiate its own 3D sampling
twice). Weights and inputs are a function of their names, computed on both sides, so that the fixture
holds results only. Needs torch (tested with 2.15) and numpy.
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

COLUMNS, ROWS = 64, 32
TRUNK, HEAD = [24, 16], [12, 8]
CHANNELS = 64


def hashed(name, count):
    """`count` numbers in [-1, 1) that only depend on the name."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    h = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed)) % 2**32
    h ^= h >> np.uint64(15)
    h = h * np.uint64(2246822519) % 2**32
    h ^= h >> np.uint64(13)
    h = h * np.uint64(3266489917) % 2**32
    h ^= h >> np.uint64(16)
    return (h.astype(np.float64) / 2**31 - 1).astype(np.float32).astype(np.float64)


class Weights:
    """Weights by name, made when first asked for."""

    def __init__(self):
        self.by_name = {}

    def __call__(self, name, *shape):
        if name not in self.by_name:
            u = torch.tensor(hashed(name, int(np.prod(shape)))).reshape(shape)
            if name.endswith("gain.gain"):
                value = 1 + 0.2 * u
            elif len(shape) == 1:
                value = 0.3 * u
            elif len(shape) == 2:
                value = 2 * u / shape[0] ** 0.5
            else:
                value = u / float(np.prod(shape[1:])) ** 0.5
            # As single precision holds it, as in Rust.
            value = value.to(torch.float32).to(torch.float64)
            self.by_name[name] = value.requires_grad_()
        return self.by_name[name]


def normalize(x, dims, eps):
    c = x - x.mean(dims, keepdim=True)
    return c / ((c * c).mean(dims, keepdim=True) + eps).sqrt()


def per_channel(v):
    return v.reshape(1, -1, 1, 1)


class Network:
    def __init__(self, kind):
        self.w, self.kind = Weights(), kind

    def convolve(self, x, name, outputs, kernel=1, stride=1, reflect=False, bias=True, groups=1, dilation=1):
        weight = self.w(name + ".weight", outputs, x.shape[1] // groups, kernel, kernel)
        half = dilation * (kernel // 2) if kernel % 2 else 0
        if half:
            x = F.pad(x, (half,) * 4, mode="reflect" if reflect else "constant")
        y = F.conv2d(x, weight, stride=stride, groups=groups, dilation=dilation)
        return y + per_channel(self.w(name + ".bias", outputs)) if bias else y

    def gain(self, x, name):
        n = x.shape[1]
        return x * per_channel(self.w(name + ".gain.gain", n)) + per_channel(self.w(name + ".gain.offset", n))

    def channel_norm(self, x, name, eps):
        return self.gain(normalize(x, [1], eps), name)

    def norm(self, x, name):
        b, c, h, w = x.shape
        if self.kind == "batch":
            return self.gain(normalize(x, [0, 2, 3], 1e-5), name)
        groups = -(-c // 8)
        grouped = normalize(x.reshape(b, groups, -1), [2], 1e-5)
        return self.gain(grouped.reshape(b, c, h, w), name)

    def residual(self, v):
        x = v[None, None]
        for n, (inputs, outputs) in enumerate(zip([1, 4, 8, 16, 8, 4], [4, 8, 16, 8, 4, 3])):
            name = f"residual.convolutions.{n}"
            x = F.conv3d(x, self.w(name + ".weight", outputs, inputs, 3, 3, 3),
                         self.w(name + ".bias", outputs), padding=1).relu()
        return v[None].repeat(3, 1, 1, 1) + x[0]

    def encode(self, x):
        for n in range(2):
            x = normalize(self.convolve(x, f"encoder.convolutions.{n}", 8, 3), [2, 3], 1e-5).relu()
        for n, width in enumerate([16, 32, 64, 64]):
            stage = f"encoder.stages.{n}"
            x = self.convolve(x, stage + ".patches", width, 2, stride=2)
            x = self.channel_norm(x, stage + ".norm", 1e-5)
            for b in range(2):
                x = self.block(x, f"{stage}.blocks.{b}")
        return x

    def block(self, h, name):
        c, rows, columns = h.shape[1:]
        y = self.channel_norm(h, name + ".pooling_norm", 1e-6)
        spread = [self.w(name + part, rows * columns).reshape(1, 1, rows, columns)
                  for part in (".pattern", ".pattern_bias")]
        h = h + y + y.mean([2, 3], keepdim=True) * spread[0] + spread[1]
        z = self.channel_norm(h, name + ".mlp_norm", 1e-6)
        z = self.convolve(z, name + ".widen", 2 * c)
        z = 0.5 * z * (1 + torch.erf(z / 2**0.5))
        return h + self.convolve(z, name + ".narrow", c)

    def fourier_unit(self, x, name):
        b, c, h, w = x.shape
        s = torch.fft.rfft2(x, norm="ortho")
        s = torch.stack([s.real, s.imag], 2).reshape(b, 2 * c, h, -1)
        s = self.norm(self.convolve(s, name + ".convolution", 2 * c, bias=False), name + ".norm").relu()
        s = s.reshape(b, c, 2, h, -1)
        return torch.fft.irfft2(torch.complex(s[:, :, 0], s[:, :, 1]), s=(h, w), norm="ortho")

    def spectral(self, x, name):
        h, w = x.shape[2:]
        x = self.norm(self.convolve(x, name + ".narrow", 16, bias=False), name + ".norm").relu()
        t = x[:, :4]
        t = torch.cat([t[:, :, :h // 2], t[:, :, h // 2:]], 1)
        t = torch.cat([t[..., :w // 2], t[..., w // 2:]], 1)
        t = self.fourier_unit(t, name + ".tile_unit").repeat(1, 1, 2, 2)
        x = x + self.fourier_unit(x, name + ".unit") + t
        return self.convolve(x, name + ".widen", 32, bias=False)

    def fourier(self, x, name):
        y = x
        for n in range(2):
            f = f"{name}.convolutions.{n}"
            local, globl = y[:, :32], y[:, 32:]
            def c(v, part):
                return self.convolve(v, f"{f}.{part}", 32, 3, reflect=True, bias=False)
            to_local = c(local, "local_from_local") + c(globl, "local_from_global")
            to_global = c(local, "global_from_local") + self.spectral(globl, f + ".global_from_global")
            y = torch.cat([self.norm(to_local, f + ".local_norm").relu(),
                           self.norm(to_global, f + ".global_norm").relu()], 1)
        return x + y

    def bottleneck(self, x, name):
        x = F.relu6(self.convolve(x, name + ".widen", 64, bias=False))
        x = F.relu6(self.convolve(x, name + ".depthwise", 64, 3, reflect=True, bias=False, groups=64))
        return self.convolve(x, name + ".narrow", 32, bias=False)

    def invertible(self, x, name):
        for n in range(3):
            c = f"{name}.couplings.{n}"
            z = self.convolve(x, c + ".mixing", 64)
            z1, z2 = z[:, :32], z[:, 32:]
            z2 = z2 + self.bottleneck(z1, c + ".phi")
            z1 = z1 * self.bottleneck(z2, c + ".rho").exp() + self.bottleneck(z2, c + ".eta")
            x = torch.cat([z1, z2], 1)
        return x

    def branches(self, image, name):
        e = self.encode(image)
        return self.fourier(e, name + ".global"), self.invertible(e, name + ".local")

    def linear(self, x, name, outputs):
        return x @ self.w(name + ".weight", x.shape[1], outputs) + self.w(name + ".bias", outputs)

    def evaluate(self, x, m, name):
        z = ((x - m) ** 2).flatten(1)
        for n, width in enumerate(TRUNK):
            z = self.linear(z, f"{name}.trunk.{n}", width).relu()
        def head(part):
            y = z
            for n, width in enumerate(HEAD):
                y = self.linear(y, f"{name}.{part}.{n}", width).relu()
            return self.linear(y, f"{name}.{part}.2", 1)
        return head("score") * head("gate").sigmoid()


class Baseline(Network):
    def residual(self, v):
        x = v[None, None]
        for n, (inputs, outputs) in enumerate(zip([1, 4, 8, 16, 8], [4, 8, 16, 8, 3])):
            name = f"residual.convolutions.{n}"
            x = F.conv3d(x, self.w(name + ".weight", outputs, inputs, 3, 3, 3),
                         self.w(name + ".bias", outputs), padding=1).relu()
        return v[None].repeat(3, 1, 1, 1) + x[0]

    def encode(self, x, name):
        for n, width in enumerate([16, 64, 128]):
            stage = f"{name}.stages.{n}"
            x = self.convolve(x, stage + ".convolution", width, 3).relu()
            y = x
            for k, kernel in enumerate([1, 3, 1]):
                block = stage + ".bottleneck"
                y = self.convolve(y, f"{block}.convolutions.{k}", width, kernel, bias=False)
                y = self.norm(y, f"{block}.norms.{k}")
                if k == 1:
                    y = y.relu()
            x = F.max_pool2d((x + y).relu(), 2)
        return [self.convolve(x, name + ".last", CHANNELS, 3).relu()]


class Composite(Network):
    """Two backbones of cascade blocks with split attention; nothing is added to the CT."""

    def residual(self, v):
        return v[None]

    def attention(self, x, name):
        c = x.shape[1]
        weight = torch.cat([self.w(f"{name}.readings.{n}.weight", c, c // 2, 1, 1) for n in range(2)])
        bias = torch.cat([self.w(f"{name}.readings.{n}.bias", c) for n in range(2)])
        readings = F.conv2d(x, weight, bias, groups=2).relu().unflatten(1, (2, c))
        mean = readings.sum(1).mean((2, 3), keepdim=True)
        hidden = self.convolve(mean, name + ".narrow", max(c // 2, 32)).relu()
        shares = self.convolve(hidden, name + ".widen", 2 * c).unflatten(1, (2, c)).softmax(1)
        return (shares * readings).sum(1)

    def bottleneck(self, x, name):
        c = x.shape[1]
        y = self.convolve(x, name + ".mixings.0", c, bias=False)
        y = self.attention(self.norm(y, name + ".norms.0").relu(), name + ".attention")
        y = self.convolve(self.norm(y, name + ".norms.1").relu(), name + ".mixings.1", c, bias=False)
        return (x + self.norm(y, name + ".norms.2")).relu()

    def focal(self, x, name):
        y = x
        for n, dilation in enumerate([1, 2]):
            layer = f"{name}.depthwise.{n}"
            z = self.convolve(y, layer + ".convolution", y.shape[1], 7, groups=y.shape[1], dilation=dilation)
            y = y + F.gelu(self.channel_norm(z, layer + ".norm", 1e-5))
        y = F.gelu(self.convolve(y, name + ".widen", 4 * x.shape[1], bias=False))
        return x + self.convolve(y, name + ".narrow", x.shape[1], bias=False)

    def cascade(self, x, name):
        def up(x, number, outputs):
            x = self.convolve(x, f"{name}.mixings.{number}", outputs, bias=False)
            return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        c3 = self.bottleneck(x, name + ".bottlenecks.0")
        c4 = self.convolve(c3, name + ".halvings.0", 128, 3, stride=2)
        c4 = self.bottleneck(c4, name + ".bottlenecks.1")
        c5 = self.convolve(c4, name + ".halvings.1", 256, 3, stride=2)
        p5 = up(self.focal(c5, name + ".focal"), 0, 128)
        p4 = up(p5 + c4, 1, 64)
        return p4 + c3, p4, p5

    def encode(self, x, name):
        for n, width in enumerate([4, 16]):
            layer = f"{name}.stem.{n}"
            x = self.convolve(x, layer + ".halve", width, 3, stride=2)
            x = F.gelu(self.channel_norm(x, layer + ".norm", 1e-5))
        x = F.leaky_relu(self.convolve(x, name + ".widen", 64, 3))
        x = self.bottleneck(x, name + ".bottleneck")
        x = self.convolve(x, name + ".halve", 64, 3, stride=2)
        of_assisting = []
        for n in range(3):
            x = self.cascade(x, f"{name}.assisting.{n}")[0]
            of_assisting.append(x)
        x = of_assisting[0]
        for n in range(2):
            c = f"{name}.connections.{n}"
            joined = self.norm(self.convolve(of_assisting[n + 1], c + ".mixing", 64, bias=False), c + ".norm")
            levels = self.cascade(x + joined, f"{name}.lead.{n}")
            x = levels[0]
        return levels


# The scene: a volume of 14 x 12 x 10 voxels of 8 x 9 x 10 mm, seen along its k axis.
DIMS, SPACING = (14, 12, 10), (8.0, 9.0, 10.0)
ORIGIN = (-52.0, -49.5, -45.0)
PIXEL_MM, SOURCE_TO_DETECTOR_MM, DEPTH_MM = 4.0, 1000.0, 700.0
H_MM = 60.0
PIVOT = torch.tensor([4.0, -3.0, 2.0])


def hat(v):
    zero = torch.zeros(())
    return torch.stack([torch.stack([zero, -v[2], v[1]]), torch.stack([v[2], zero, -v[0]]),
                        torch.stack([-v[1], v[0], zero])])


def exp(v):
    return torch.linalg.matrix_exp(hat(v))


def log(r):
    """Below half a turn."""
    axis = torch.stack([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]]) / 2
    sin = axis.norm()
    return axis / sin * torch.atan2(sin, (r.trace() - 1) / 2)


def project(v3, rotation, pivot_camera):
    """Line integrals (mm) of [channels, k, j, i], marching along k."""
    u = (torch.arange(COLUMNS) - (COLUMNS - 1) / 2) * PIXEL_MM / SOURCE_TO_DETECTOR_MM
    v = (torch.arange(ROWS) - (ROWS - 1) / 2) * PIXEL_MM / SOURCE_TO_DETECTOR_MM
    rays = torch.stack([u[None].expand(ROWS, -1), v[:, None].expand(-1, COLUMNS),
                        torch.ones(ROWS, COLUMNS)], -1)
    spacing = torch.tensor(SPACING)
    source = PIVOT - rotation.T @ pivot_camera
    source = (source - torch.tensor(ORIGIN)) / spacing
    direction = (rays @ rotation) / spacing
    per_slice = direction / direction[..., 2:]
    length = (per_slice * spacing).norm(dim=-1)
    total = 0
    flat = F.pad(v3, (2, 2, 2, 2)).flatten(2)
    width, height = DIMS[0] + 4, DIMS[1] + 4
    for k in range(DIMS[2]):
        at = source + (k - source[2]) * per_slice
        x = at[..., 0].clamp(-1.5, DIMS[0] + 0.5) + 2
        y = at[..., 1].clamp(-1.5, DIMS[1] + 0.5) + 2
        i, j = x.detach().floor(), y.detach().floor()
        fx, fy = x - i, y - j
        def corner(di, dj):
            index = ((j + dj).clamp(0, height - 1) * width + (i + di).clamp(0, width - 1)).long()
            return flat[:, k][:, index]
        total = total + ((1 - fy) * ((1 - fx) * corner(0, 0) + fx * corner(1, 0))
                         + fy * ((1 - fx) * corner(0, 1) + fx * corner(1, 1)))
    return total * length


def volume():
    """A lump with hashed detail: attenuation over that of water."""
    i, j, k = np.meshgrid(*[np.linspace(-1, 1, n) for n in DIMS], indexing="ij")
    lump = np.clip(1.3 - (i * i + 1.2 * j * j + 1.1 * k * k + 0.3 * i * j), 0, None)
    detail = 0.3 * hashed("volume", int(np.prod(DIMS))).reshape(DIMS[::-1]).transpose(2, 1, 0)
    value = (lump * (1 + detail)).astype(np.float32).astype(np.float64)
    return torch.tensor(value.transpose(2, 1, 0).copy())


# (omega, tau in mm) from the frontal pose.
TRUTHS = [[0.10, -0.05, 0.15, 5.0, -4.0, 10.0], [-0.12, 0.08, -0.05, -6.0, 3.0, -8.0]]
STARTS = [[0.02, 0.10, 0.05, -3.0, 2.0, -15.0], [0.05, -0.06, 0.12, 4.0, 6.0, 12.0]]


def posed(motion):
    """The volume is marched along its own k, so world z is looked along."""
    motion = torch.tensor(motion)
    return exp(motion[:3]), torch.tensor([0.0, 0, DEPTH_MM]) + motion[3:]


def correlation(x, m):
    x, m = (v - v.mean([2, 3], keepdim=True) for v in (x, m))
    s = ((x * x).mean([2, 3]) + 1e-6).sqrt() * ((m * m).mean([2, 3]) + 1e-6).sqrt()
    return ((x * m).mean([2, 3]) / s).mean()


def preconditioner(of_ct, theta):
    """P of the radiograph's metric: damped inverse of the covariance over the pixels of the radiograph's derivatives, mean eigenvalue 1."""
    rows = torch.autograd.functional.jacobian(of_ct, theta.detach(), vectorize=True).reshape(-1, 6)
    centered = rows - rows.mean(0)
    covariance = centered.T @ centered
    inverse = torch.linalg.inv(covariance / (covariance.trace() / 6) + 0.3 * torch.eye(6))
    return inverse * 6 / inverse.trace()


def case(kind, descent, approximation, form, architecture="dual-branch", name="xrays", metric="pose"):
    network = {"dual-branch": Network, "prost": Baseline, "sopi": Composite}[architecture](kind)
    is_baseline = architecture != "dual-branch"
    v3 = network.residual(volume())
    xrays = torch.tensor(hashed(name, len(TRUTHS) * ROWS * COLUMNS)).reshape(-1, 1, ROWS, COLUMNS)
    theta = torch.zeros(len(STARTS), 6, requires_grad=True)
    images, targets = [], []
    for n, (start, truth) in enumerate(zip(STARTS, TRUTHS)):
        (r, p), (r_true, p_true) = posed(start), posed(truth)
        images.append(project(v3, exp(theta[n, :3]) @ r, p + H_MM * theta[n, 3:]) / 100)
        targets.append(torch.cat([-2 * log(r_true @ r.T), -2 * (p_true - p) / H_MM]))
    moving = torch.stack(images)
    xrays = 0.5 + 0.5 * xrays
    if is_baseline:
        maps = zip(network.encode(moving, "moving"), network.encode(xrays, "xray"))
        each = sum(((m - x) ** 2).mean((1, 2, 3)) for m, x in maps)[:, None]
    else:
        gx, lx = network.branches(xrays.repeat(1, 3, 1, 1), "xray")
        gm, lm = network.branches(moving, "moving")
        g, l = network.evaluate(gx, gm, "global"), network.evaluate(lx, lm, "local")
        each = g.sigmoid() * l.sigmoid() if descent == "sigmoid-product" else g + l
    found, = torch.autograd.grad(each.sum(), theta, create_graph=True)
    if metric == "radiograph":
        def of_ct(start):
            r, p = posed(start)
            return lambda t: project(volume()[None], exp(t[:3]) @ r, p + H_MM * t[3:])
        inverses = [preconditioner(of_ct(start), theta[n]) for n, start in enumerate(STARTS)]
        found = torch.stack([inverse @ f for inverse, f in zip(inverses, found)])
    losses = []
    for f, t in zip(found, targets):
        if approximation == "geodesic":
            t = 0.25 * t
            losses.append((log(exp(t[:3]) @ exp(f[:3]).T) ** 2).sum() + ((t[3:] - f[3:]) ** 2).sum())
        else:
            unit = lambda v: v / ((v * v).sum() + 1e-10).sqrt()
            losses.append(sum(((unit(f[s]) - unit(t[s])) ** 2).sum() for s in (slice(3), slice(3, 6))))
    approx = torch.stack(losses).mean()
    total, of_branches = approx / 2, {}
    if not is_baseline:
        ncc = [correlation(gx, gm), correlation(lx, lm)]
        decomp = (ncc[0] ** 2 if form == "bounded" else ncc[0]) / (ncc[1] + 1.01)
        total = total + decomp / 2
        of_branches = {"l_decomp": decomp.item(), "ncc_global": ncc[0].item(), "ncc_local": ncc[1].item()}
    total.backward()
    return {
        "architecture": architecture, "xrays": name, "normalization": kind, "descent": descent, "approximation": approximation, "form": form, "metric": metric,
        "values": each[:, 0].tolist(), "pose_gradients": found.tolist(), "targets": torch.stack(targets).tolist(),
        "image_mean": moving.mean().item(), "image_inside": moving[1, -1, 15, 30].item(),
        "l_appro": approx.item(), **of_branches, "total": total.item(),
        # Each weight's derivative by its size and by its product with hashed numbers.
        "weight_gradients": {
            name: [w.grad.norm().item(),
                   (w.grad.flatten() * torch.tensor(hashed(name + "?", w.numel()))).sum().item()]
            for name, w in sorted(network.w.by_name.items())
        },
    }


if __name__ == "__main__":
    cases = [case("group", "sigmoid-product", "geodesic", "bounded"),
             case("batch", "sum", "direction", "published"),
             case("group", "sum", "direction", "bounded", metric="radiograph"),
             case("batch", "sum", "direction", "bounded", "prost"),
             # Of other X-rays: with those above, one of 250,000 numbers that go through a ReLU is 7e-8, which single
             # precision takes for less than 0.
             case("group", "sum", "direction", "bounded", "sopi", "xrays, again")]
    with open(sys.argv[1], "w") as file:
        json.dump({"torch": torch.__version__, "cases": cases}, file, indent=1)
        file.write("\n")
    for c in cases:
        print({k: v for k, v in c.items() if k != "weight_gradients"})
