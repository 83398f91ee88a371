#!/usr/bin/env python3
"""Holds facegan's classifiers against PyTorch. `make test-torch`; needs ./facegan, ./facegan64, torch and numpy.

The networks are written below with torchvision's names (Simonyan & Zisserman 2015, He et al. 2016; ours: small) and given random
weights. `facegan step` makes one step of training from a file: scores, loss, gradients and the weights and running statistics after
it are compared, at 224 px, with batch norm by the batch's own statistics and by the running ones (a frozen body), for every
preprocessing. The double build is held against PyTorch in float64 to 1e-6, which leaves room for no wrong equation. The float build
must give scores within 1e-4. Its gradients cannot be held against float64's as they are: where rounding turns a single ReLU over, or
picks another of two pixels in a pool, they move by a step (VGG-19 at 224 px: 1e-2 of a filter's gradient; ResNet-50: 4e-2, where
PyTorch's own float32 is 3e-2 off). So `facegan classify train --trace` tells which way every ReLU and pool went in the float build,
PyTorch's float64 goes the same ways, and then they must agree to 1e-3 (found: 1.5e-5 and 1.9e-4). VGG
weights in Keras' names and order, and torch.save's, must load and give the same answers.
Ends with the line `N passed, N failed, N skipped`. Where torch or numpy is missing, everything is skipped, loudly.
"""
import copy
import pathlib
import sys
import tempfile

from torch_common import check, in_double, load_safetensors, report, run, save_safetensors
import numpy
import torch
from torch import nn
from torch.nn import functional
import torch_stargan as base

torch.set_num_threads(2)
VGG = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
EMOTIONS = ("angry", "happy", "sad")
MEAN, STD = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
BGR_MEAN = torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64).view(3, 1, 1)
PREPROCESS = {
    "tanh": lambda x: x,
    "unit": lambda x: (x + 1) / 2,
    "torchvision": lambda x: ((x + 1) / 2 - MEAN) / STD,
    "caffe": lambda x: ((x + 1) * 127.5).flip(1) - BGR_MEAN,
    "caffe-unit": lambda x: (((x + 1) * 127.5).flip(1) - BGR_MEAN) / 255,
}


def off(got, want):
    """The length of the difference, as a share of the wanted tensor's."""
    got, want = got.detach().double(), want.double()
    return ((got - want).norm() / want.norm().clamp(min=1e-12)).item() if got.shape == want.shape else float("nan")


def close(got, want, limit, what, kind):
    error = off(got, want)
    worst[kind] = max(worst.get(kind, 0), error)
    check(error <= limit, f"{what}: off by {error:.2e}, allowed {limit:.2g}")


worst = {}


class Ways:
    """Which way every ReLU and pool goes: as its own input says, or as facegan's float values of the same step did."""
    values, at, last = None, 0, None

    def follow(self, values=None):
        self.values, self.at = values, 0

    def relu(self, z):
        if self.values is None:
            return functional.relu(z)
        own = functional.relu(z.detach())
        while self.at < len(self.values):           # the next of facegan's values that is this layer's
            self.last, self.at = self.values[self.at], self.at + 1
            if self.last.numel() == z.numel() and off(self.last.reshape(z.shape), own) < 1e-3:
                self.last = self.last.reshape(z.shape)
                return z * (self.last > 0)
        raise RuntimeError("facegan has no such layer")

    def max_pool(self, z, *geometry):
        if self.values is None:
            return functional.max_pool2d(z, *geometry)
        _, chosen = functional.max_pool2d(self.last, *geometry, return_indices=True)
        return z.flatten(2).gather(2, chosen.flatten(2)).reshape(chosen.shape)


ways = Ways()


class Relu(nn.Module):
    def forward(self, z):
        return ways.relu(z)


class Pool(nn.Module):
    def forward(self, z):
        return ways.max_pool(z, 2)


class Vgg(nn.Module):
    def __init__(self, kind, classes, hidden, size):
        super().__init__()
        layers, channels = [], 3
        for block, convolutions in enumerate(VGG[kind]):
            for _ in range(convolutions):
                width = min(512, 64 << block)
                layers += [nn.Conv2d(channels, width, 3, padding=1), Relu()]
                channels = width
            layers.append(Pool())
        self.features = nn.Sequential(*layers)
        flat = 512 * (size // 32) ** 2
        self.classifier = nn.Sequential(nn.Linear(flat, hidden), Relu(), nn.Identity(), nn.Linear(hidden, hidden), Relu(),
                                        nn.Identity(), nn.Linear(hidden, classes))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Block(nn.Module):
    def __init__(self, inside, width, stride, narrow):
        super().__init__()
        out = width * (4 if narrow else 1)
        shapes = [(inside, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)] if narrow else [(inside, width, 3, stride), (width, out, 3, 1)]
        for i, (a, b, kernel, step) in enumerate(shapes, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.layers = len(shapes)
        if stride > 1 or inside != out:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        h = x
        for i in range(1, self.layers + 1):
            h = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(h))
            h = ways.relu(h) if i < self.layers else h
        return ways.relu(h + (self.downsample(x) if hasattr(self, "downsample") else x))


class Resnet(nn.Module):
    def __init__(self, blocks, narrow, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        inside = 64
        for layer, count in enumerate(blocks):
            row = []
            for i in range(count):
                row.append(Block(inside, 64 << layer, 2 if layer and i == 0 else 1, narrow))
                inside = (64 << layer) * (4 if narrow else 1)
            setattr(self, f"layer{layer + 1}", nn.Sequential(*row))
        self.fc = nn.Linear(inside, classes)

    def forward(self, x):
        x = ways.max_pool(ways.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for layer in range(1, 5):
            x = getattr(self, f"layer{layer}")(x)
        return self.fc(x.mean((2, 3)))


CHANNELS = {"small": (32, 64, 128, 192), "large": (48, 96, 192, 320)}


def small(channels, classes, widths):
    return base.Small(channels, classes, widths, Relu, Pool)


def network(kind, size, hidden, channels):
    if kind in CHANNELS:
        return small(channels, len(EMOTIONS), CHANNELS[kind])
    if kind in VGG:
        return Vgg(kind, len(EMOTIONS), hidden, size)
    return Resnet((2, 2, 2, 2), False, len(EMOTIONS)) if kind == "resnet18" else Resnet((3, 4, 6, 3), True, len(EMOTIONS))


def randomise(net, seed):
    """He's initial values, and norms that have seen something: random scales, shifts and running statistics."""
    torch.manual_seed(seed)
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(m.weight)
            if m.bias is not None:
                nn.init.normal_(m.bias, std=0.1)
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 1)
            nn.init.normal_(m.bias, std=0.1)
            m.running_mean.normal_(0, 0.1)
            m.running_var.uniform_(0.5, 1.5)


def head_of(kind, net):
    return net.fc if kind.startswith("resnet") else net.classifier


def learnt(kind, net, unfreeze):
    """The parameters that learn: the modules whose norms go by the batch, too."""
    if unfreeze == "all":
        return list(net.modules()), list(net.parameters())
    last = net.layer4 if kind.startswith("resnet") else net.features[-9:] if kind == "vgg19" else net.features[-7:]
    parts = [head_of(kind, net)] + ([last] if unfreeze == "block5" else [])
    return [m for part in parts for m in part.modules()], [p for part in parts for p in part.parameters()]


def torch_step(net, kind, unfreeze, preprocess, x, label, smoothing, mixup=None, teachers=()):
    """-> scores, loss, what the teachers add, gradients by name; running statistics move in place. mixup: each picture's share of the next."""
    modules, parameters = learnt(kind, net, unfreeze)
    net.eval()
    for m in modules:
        m.training = True
    for p in net.parameters():
        p.requires_grad = any(p is q for q in parameters)
    target = functional.one_hot(label, len(EMOTIONS)).to(x.dtype)
    if mixup is not None:
        x = x + mixup[:, None, None, None] * (x.roll(-1, 0) - x)
        target = target + mixup[:, None] * (target.roll(-1, 0) - target)
    scores = net(PREPROCESS[preprocess](x))
    loss = functional.cross_entropy(scores, target, label_smoothing=smoothing)
    taught = torch.zeros((), dtype=x.dtype)
    if teachers:
        with torch.no_grad():
            answers = sum(t(x)[:, order].softmax(1) for t, order in teachers) / len(teachers)
        taught = functional.cross_entropy(scores, answers)
    (loss + 0.7 * taught).backward()
    return scores.detach(), loss.detach(), taught.detach(), {k: p.grad for k, p in net.named_parameters() if p.requires_grad}


def teacher(path, size, channels, seed):
    """Writes a small classifier that has the classes in another order, and one more; -> it and where it has ours."""
    net = small(channels, len(EMOTIONS) + 1, CHANNELS["small"]).double()
    randomise(net, seed + 100)
    names = ["contempt", *EMOTIONS[::-1]]
    save_safetensors(path, in_double(net.state_dict(), "D."),
         {"model": "classifier", "network": "small", "size": size, "channels": channels, "classes": ",".join(names), "preprocess": "tanh"})
    return net.eval(), [names.index(e) for e in EMOTIONS]


def one_step(kind, size, batch, unfreeze, preprocess, seed, folder, hidden=64, channels=3, smoothing=0.0, mixup=0.0, teachers=0):
    what = f"{kind} {size} px, {unfreeze} learns, {preprocess}"
    net = network(kind, size, hidden, channels).double()
    randomise(net, seed)
    x, label = torch.rand(batch, channels, size, size).double() * 2 - 1, torch.arange(batch) % len(EMOTIONS)
    tensors = {"x": x, "label": label.double(), "label_target": label.double(), "alpha": torch.zeros(batch)}
    tensors |= in_double(net.state_dict(), "D.")
    before = {k: p.detach().clone() for k, p in net.named_parameters()}
    metadata = {"model": "classifier", "network": kind, "size": size, "channels": channels, "batch": batch, "classes": ",".join(EMOTIONS),
                "preprocess": preprocess, "unfreeze": unfreeze, "head": f"{hidden},{hidden}" if kind in VGG else "", "dropout": 0,
                "smoothing": smoothing, "lr": 0.01, "d-optimiser": "sgd", "beta1": 0}
    share = None
    if mixup:
        tensors["uniform_m"] = torch.rand(batch).double() * 2 - 1
        share = tensors["uniform_m"].abs() * mixup
    taught_by = [teacher(folder / f"teacher{i}.safetensors", size, channels, seed + i) for i in range(teachers)]
    metadata |= {"mixup": mixup, "teacher": ",".join(str(folder / f"teacher{i}.safetensors") for i in range(teachers)), "lambda-teacher": 0.7}
    save_safetensors(folder / "in.safetensors", tensors, metadata)
    scores, loss, taught, gradients = torch_step(net, kind, unfreeze, preprocess, x, label, smoothing, share, taught_by)
    for program, near in (("facegan64", 1e-6), ("facegan", 1e-4)):
        run(program, "step", folder / "in.safetensors", folder / "out.safetensors", "--quiet")
        got = load_safetensors(folder / "out.safetensors")[0]
        told = f"{program} {what}"
        close(got["fake_d"].reshape(batch, -1), scores, near, f"{told}: scores", f"{program}: scores")
        close(got["D.cls"].reshape(()), loss, near, f"{told}: loss", f"{program}: loss")
        check(("D.teacher" in got) == bool(teachers), f"{told}: is there a teachers' loss?")
        if teachers:
            close(got["D.teacher"].reshape(()), taught, near, f"{told}: what teachers add", f"{program}: loss")
        for name, gradient in gradients.items():
            if program == "facegan64" and gradient.norm() > 1e-9:   # a shift that a norm takes away has a gradient of rounding alone
                close(got["grad.D." + name], gradient, 1e-6, f"{told}: gradient of {name}", f"{program}: gradients")
        check(all(("grad.D." + k in got) == (k in gradients) for k in before), f"{told}: who is frozen has no gradient")
        for name, p in before.items():
            after = p - 0.01 * got["grad.D." + name].double() if name in gradients else p
            close(got["after.D." + name], after, 1e-6, f"{told}: {name} after the step", f"{program}: weights")
        for name, value in net.named_buffers():
            if "running" in name:
                close(got["after.D." + name], value, near, f"{told}: {name} after the step", f"{program}: running statistics")


def same_ways(kind, size, batch, unfreeze, preprocess, seed, folder, hidden=64):
    """The float build's gradients, held against float64's whose ReLUs and pools go the float build's ways."""
    what = f"{kind} {size} px, {unfreeze} learns, {preprocess}, the same ways"
    net = network(kind, size, hidden, 3)
    randomise(net, seed)
    torch.save(net.state_dict(), folder / "weights.pth")
    if not (folder / "pictures").exists():
        draw_pictures(folder / "pictures", 9, size)
    head = ["--head", f"{hidden},{hidden}"] if kind in VGG else []
    run("facegan", "classify", "train", folder / "pictures", "--network", kind, "--size", size, "--batch", batch, "--unfreeze", unfreeze,
            "--preprocess", preprocess, "--dropout", 0, "--smoothing", 0, "--l2", 0, "--init", folder / "weights.pth", *head,
            "--trace", folder / "trace.safetensors", "--out", folder / "none", "--quiet")
    trace = load_safetensors(folder / "trace.safetensors")[0]
    values = [trace[k].permute(2, 0, 3, 1) for k in sorted(trace) if trace[k].ndim == 4]    # (N,C,H,W)
    x = next(trace[k].permute(2, 0, 3, 1) for k in trace if k.endswith("leaf.x")).double()
    label = next(trace[k].reshape(len(EMOTIONS), batch).argmax(0) for k in trace if k.endswith("leaf.label"))
    tensors = {"x": x, "label": label.double(), "label_target": label.double(), "alpha": torch.zeros(batch)}
    tensors |= in_double(net.state_dict(), "D.")
    save_safetensors(folder / "in.safetensors", tensors, {"model": "classifier", "network": kind, "size": size, "channels": 3, "batch": batch,
         "classes": ",".join(EMOTIONS), "preprocess": preprocess, "unfreeze": unfreeze, "head": ",".join(head[1:]), "dropout": 0,
         "smoothing": 0, "lr": 0.01, "d-optimiser": "sgd", "beta1": 0})
    run("facegan", "step", folder / "in.safetensors", folder / "out.safetensors", "--quiet")
    got = load_safetensors(folder / "out.safetensors")[0]
    net.double()
    for kept in (None, values):
        ways.follow(kept)
        _, _, _, gradients = torch_step(copy.deepcopy(net), kind, unfreeze, preprocess, x, label, 0.0)
        for name, gradient in gradients.items():
            error = off(got["grad.D." + name], gradient)
            if gradient.norm() > 1e-9 and kept is None:
                worst["facegan: gradients, their own ways"] = max(worst.get("facegan: gradients, their own ways", 0), error)
            elif gradient.norm() > 1e-9:
                close(got["grad.D." + name], gradient, 1e-3, f"facegan {what}: gradient of {name}", "facegan: gradients, the same ways")
    ways.follow()


def draw_pictures(folder, count, size):
    run("facegan", "data", "draw", "--out", folder, "--count", count, "--size", size, "--emotions", ",".join(EMOTIONS), "--quiet")


def keras_names(net, kind):
    out, index = {}, 0
    for block, convolutions in enumerate(VGG[kind], 1):
        for i in range(1, convolutions + 1):
            layer = net.features[index]
            out[f"block{block}_conv{i}/kernel"] = layer.weight.detach().permute(2, 3, 1, 0).numpy()
            out[f"block{block}_conv{i}/bias"] = layer.bias.detach().numpy()
            index += 2
        index += 1
    return out


def pretrained(folder):
    """Three files of one VGG-16: facegan trains a head on each for no time at all (lr 0) and must say the same of a picture."""
    net = network("vgg16", 32, 16, 3)
    randomise(net, 5)
    draw_pictures(folder / "faces", 12, 32)
    torch.save(net.state_dict(), folder / "vgg16.pth")
    body = {k: v for k, v in net.state_dict().items() if k.startswith("features")}
    save_safetensors(folder / "body.safetensors", body, {})
    numpy.savez(folder / "keras.npz", **keras_names(net, "vgg16"))
    old = {f"{k.split('/')[0]}/{k.split('/')[0]}_{'W' if k.endswith('kernel') else 'b'}_1:0": v for k, v in keras_names(net, "vgg16").items()}
    numpy.savez(folder / "keras-old.npz", **old)
    weights = {}
    for name in ("vgg16.pth", "body.safetensors", "keras.npz", "keras-old.npz"):
        out = folder / ("run-" + name)
        run("facegan", "classify", "train", folder / "faces", "--network", "vgg16", "--size", "32", "--batch", "4", "--iters", "1", "--lr", "0",
                "--head", "16,16", "--init", folder / name, "--out", out, "--quiet")
        weights[name] = load_safetensors(out / "checkpoint.safetensors")[0]
        for k, v in body.items():
            check((weights[name]["D." + k] == v).all(), f"{name}: {k}")
    check((weights["vgg16.pth"]["D.classifier.0.weight"] == net.classifier[0].weight).all(), "the head loads where it fits")
    broken = dict(keras_names(net, "vgg16"))
    del broken["block3_conv2/kernel"]
    numpy.savez(folder / "broken.npz", **broken)
    said = run("facegan", "classify", "train", folder / "faces", "--network", "vgg16", "--size", 32, "--batch", 4, "--iters", 1,
               "--init", folder / "broken.npz", "--out", folder / "none", "--quiet", expect=1).stderr
    check("block3_conv2" in said, f"a missing layer is named: {said}")


with tempfile.TemporaryDirectory() as work:
    work = pathlib.Path(work)
    one_step("small", 48, 6, "all", "tanh", 1, work, channels=1, smoothing=0.1)
    one_step("small", 48, 6, "all", "unit", 2, work, channels=3)
    one_step("large", 24, 3, "all", "tanh", 11, work, channels=1)
    one_step("small", 24, 5, "all", "tanh", 12, work, channels=1, mixup=0.8, smoothing=0.1)
    one_step("small", 24, 4, "all", "tanh", 13, work, channels=1, teachers=2)
    one_step("small", 16, 4, "all", "tanh", 14, work, channels=3, teachers=1, mixup=0.5)
    one_step("vgg16", 64, 3, "all", "unit", 3, work)
    one_step("vgg16", 32, 3, "head", "caffe-unit", 4, work)
    one_step("resnet18", 64, 4, "all", "tanh", 5, work)
    one_step("resnet18", 64, 4, "block5", "torchvision", 6, work)
    one_step("vgg19", 224, 2, "block5", "caffe", 7, work)
    one_step("vgg19", 224, 2, "all", "torchvision", 8, work)
    one_step("resnet50", 224, 2, "all", "torchvision", 9, work)
    one_step("resnet50", 224, 2, "block5", "torchvision", 10, work)
    same_ways("vgg19", 224, 2, "block5", "caffe", 7, work)
    same_ways("vgg19", 224, 2, "all", "torchvision", 8, work)
    same_ways("resnet50", 224, 2, "block5", "torchvision", 10, work)
    same_ways("resnet50", 224, 2, "all", "torchvision", 9, work)
    pretrained(work)
for kind, error in sorted(worst.items()):
    print(f"{kind}: off by at most {error:.2e}")
sys.exit(report())
