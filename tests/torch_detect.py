#!/usr/bin/env python3
"""Holds facegan's face detectors against PyTorch. `python3 tests/torch_detect.py`; needs ./facegan, ./facegan64, torch and numpy.

The networks are written below from the papers, with the tensor names of the public PyTorch ports. They are given random weights,
saved by torch.save in both of its layouts, and run on pictures made here: odd sizes, 40 and 2000 pixels, grey, thin. `facegan detect
--trace` hands over what went into and came out of every network; PyTorch computes the same from the same inputs. The scaling of
pictures is held against adaptive_avg_pool2d, the boxes against a decoding of RetinaFace's and MTCNN's outputs written here.
With FACEGAN_TEST_DATA=DIR (detectors/mtcnn/pnet.pt ..., detectors/retinaface/*.pth, photos/*.jpg) the same is done with trained
weights; with `--time` only their speed is compared, which needs a machine that does nothing else.
Ends with the line `N passed, N failed, N skipped`. Where torch or numpy is missing, everything is skipped, loudly.
"""
import json
import os
import pathlib
import sys
import tempfile
import time

from torch_common import check, load_safetensors, report, run, save_png, skip
import numpy
import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(2)


def close(got, want, limit, what):
    if tuple(got.shape) != tuple(want.shape):
        check(False, f"{what}: shape {tuple(got.shape)}, wanted {tuple(want.shape)}")
        return
    error = (got - want).abs().max().item() / max(1.0, want.abs().max().item())
    check(error <= limit, f"{what}: error {error:.2e}, allowed {limit:g}")


def load_trace(path):
    """-> [network, {"input": ..., outputs}] of every call, in order."""
    calls = {}
    for name, tensor in load_safetensors(path)[0].items():
        number, network, what = name.split(".", 1)[0], name.split(".", 1)[1].rsplit(".", 1)[0], name.rsplit(".", 1)[1]
        calls.setdefault(int(number), [network, {}])[1][what] = tensor
    return [calls[i] for i in sorted(calls)]


# ---------------------------------------------------------------------------------------------- MTCNN

def stack(parts):
    """(name, module) pairs, applied in order; names are the state dict's."""
    net = nn.Module()
    net.order = [name for name, _ in parts]
    for name, module in parts:
        net.add_module(name, module)
    return net


def pool(size):
    return nn.MaxPool2d(size, 2, ceil_mode=True)


def make_pnet():
    return stack([("conv1", nn.Conv2d(3, 10, 3)), ("prelu1", nn.PReLU(10)), ("pool1", pool(2)), ("conv2", nn.Conv2d(10, 16, 3)),
                  ("prelu2", nn.PReLU(16)), ("conv3", nn.Conv2d(16, 32, 3)), ("prelu3", nn.PReLU(32)),
                  ("conv4_1", nn.Conv2d(32, 2, 1)), ("conv4_2", nn.Conv2d(32, 4, 1))])


def make_rnet():
    return stack([("conv1", nn.Conv2d(3, 28, 3)), ("prelu1", nn.PReLU(28)), ("pool1", pool(3)), ("conv2", nn.Conv2d(28, 48, 3)),
                  ("prelu2", nn.PReLU(48)), ("pool2", pool(3)), ("conv3", nn.Conv2d(48, 64, 2)), ("prelu3", nn.PReLU(64)),
                  ("dense4", nn.Linear(576, 128)), ("prelu4", nn.PReLU(128)), ("dense5_1", nn.Linear(128, 2)), ("dense5_2", nn.Linear(128, 4))])


def make_onet():
    return stack([("conv1", nn.Conv2d(3, 32, 3)), ("prelu1", nn.PReLU(32)), ("pool1", pool(3)), ("conv2", nn.Conv2d(32, 64, 3)),
                  ("prelu2", nn.PReLU(64)), ("pool2", pool(3)), ("conv3", nn.Conv2d(64, 64, 3)), ("prelu3", nn.PReLU(64)), ("pool3", pool(2)),
                  ("conv4", nn.Conv2d(64, 128, 2)), ("prelu4", nn.PReLU(128)), ("dense5", nn.Linear(1152, 256)), ("prelu5", nn.PReLU(256)),
                  ("dense6_1", nn.Linear(256, 2)), ("dense6_2", nn.Linear(256, 4)), ("dense6_3", nn.Linear(256, 10))])


def run_mtcnn(net, x):
    """All heads, which come last, as (N,K,h,w) or (N,K,1,1). Dense layers see W,H,C."""
    heads = [name for name in net.order if "_" in name]
    for name in net.order:
        if name in heads:
            continue
        if name.startswith("dense"):
            x = x.permute(0, 3, 2, 1).reshape(len(x), -1) if x.dim() == 4 else x
        x = getattr(net, name)(x)
    out = [getattr(net, name)(x) for name in heads]
    return [o if o.dim() == 4 else o[:, :, None, None] for o in out]


# ---------------------------------------------------------------------------------------------- RetinaFace

def conv_bn(i, o, size=3, stride=1, groups=1, slope=None):
    parts = [nn.Conv2d(i, o, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
    return parts + ([] if slope is None else [nn.LeakyReLU(slope)])


def separable(i, o, stride):
    return nn.Sequential(*conv_bn(i, i, 3, stride, i, 0.1), *conv_bn(i, o, 1, 1, 1, 0.1))


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(nn.Sequential(*conv_bn(3, 8, 3, 2, 1, 0.1)), separable(8, 16, 1), separable(16, 32, 2), separable(32, 32, 1),
                                    separable(32, 64, 2), separable(64, 64, 1))
        self.stage2 = nn.Sequential(separable(64, 128, 2), *[separable(128, 128, 1) for _ in range(5)])
        self.stage3 = nn.Sequential(separable(128, 256, 2), separable(256, 256, 1))

    def forward(self, x):
        a = self.stage1(x)
        b = self.stage2(a)
        return [a, b, self.stage3(b)]


class Bottleneck(nn.Module):
    def __init__(self, i, k, stride, first):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, k, 1, bias=False), nn.BatchNorm2d(k)
        self.conv2, self.bn2 = nn.Conv2d(k, k, 3, stride, 1, bias=False), nn.BatchNorm2d(k)
        self.conv3, self.bn3 = nn.Conv2d(k, 4 * k, 1, bias=False), nn.BatchNorm2d(4 * k)
        self.downsample = nn.Sequential(nn.Conv2d(i, 4 * k, 1, stride, bias=False), nn.BatchNorm2d(4 * k)) if first else None

    def forward(self, x):
        h = functional.relu(self.bn1(self.conv1(x)))
        h = self.bn3(self.conv3(functional.relu(self.bn2(self.conv2(h)))))
        return functional.relu(h + (self.downsample(x) if self.downsample else x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        width = 64
        for stage, (blocks, k) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)]):
            layers = []
            for i in range(blocks):
                layers.append(Bottleneck(width, k, 2 if i == 0 and stage else 1, i == 0))
                width = 4 * k
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer1(x)
        a = self.layer2(x)
        b = self.layer3(a)
        return [a, b, self.layer4(b)]


class Pyramid(nn.Module):
    def __init__(self, widths, k, slope):
        super().__init__()
        for i, width in enumerate(widths):
            self.add_module(f"output{i + 1}", nn.Sequential(*conv_bn(width, k, 1, slope=slope)))
        self.merge1, self.merge2 = nn.Sequential(*conv_bn(k, k, slope=slope)), nn.Sequential(*conv_bn(k, k, slope=slope))

    def forward(self, maps):
        a, b, c = self.output1(maps[0]), self.output2(maps[1]), self.output3(maps[2])
        b = self.merge2(b + functional.interpolate(c, size=b.shape[2:], mode="nearest"))
        a = self.merge1(a + functional.interpolate(b, size=a.shape[2:], mode="nearest"))
        return [a, b, c]


class Context(nn.Module):
    def __init__(self, k, slope):
        super().__init__()
        self.conv3X3 = nn.Sequential(*conv_bn(k, k // 2))
        self.conv5X5_1 = nn.Sequential(*conv_bn(k, k // 4, slope=slope))
        self.conv5X5_2 = nn.Sequential(*conv_bn(k // 4, k // 4))
        self.conv7X7_2 = nn.Sequential(*conv_bn(k // 4, k // 4, slope=slope))
        self.conv7x7_3 = nn.Sequential(*conv_bn(k // 4, k // 4))

    def forward(self, x):
        shared = self.conv5X5_1(x)
        return functional.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(shared), self.conv7x7_3(self.conv7X7_2(shared))], 1))


class Head(nn.Module):
    def __init__(self, k, numbers):
        super().__init__()
        self.conv1x1 = nn.Conv2d(k, 2 * numbers, 1)

    def forward(self, x):
        return self.conv1x1(x)


class RetinaFace(nn.Module):
    def __init__(self, resnet):
        super().__init__()
        k, widths = (256, [512, 1024, 2048]) if resnet else (64, [64, 128, 256])
        slope = 0.1 if k <= 64 else 0
        self.body, self.fpn = (ResNet() if resnet else MobileNet()), Pyramid(widths, k, slope)
        self.ssh1, self.ssh2, self.ssh3 = Context(k, slope), Context(k, slope), Context(k, slope)
        self.ClassHead, self.BboxHead, self.LandmarkHead = [nn.ModuleList([Head(k, n) for _ in range(3)]) for n in (2, 4, 10)]

    def forward(self, x):
        out = []
        for i, (ssh, x) in enumerate(zip([self.ssh1, self.ssh2, self.ssh3], self.fpn(self.body(x)))):
            features = ssh(x)
            out += [head[i](features) for head in (self.ClassHead, self.BboxHead, self.LandmarkHead)]
        return out


def decode(out, threshold):
    """Faces above the threshold, before suppression, as rows of score, 4 box corners, 10 landmark coordinates."""
    rows = []
    for level, (stride, sides) in enumerate([(8, (16, 32)), (16, (64, 128)), (32, (256, 512))]):
        scores, boxes, marks = (o[0].permute(1, 2, 0).double() for o in out[3 * level:3 * level + 3])
        height, width = scores.shape[:2]
        for a, side in enumerate(sides):
            p = scores[:, :, 2 * a:2 * a + 2].softmax(2)[:, :, 1]
            y, x = torch.nonzero(p > threshold, as_tuple=True)
            cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
            b, m = boxes[y, x, 4 * a:4 * a + 4], marks[y, x, 10 * a:10 * a + 10]
            middle_x, middle_y = cx + 0.1 * side * b[:, 0], cy + 0.1 * side * b[:, 1]
            w, h = side * torch.exp(0.2 * b[:, 2]), side * torch.exp(0.2 * b[:, 3])
            points = torch.stack([cx, cy], 1).repeat(1, 5) + 0.1 * side * m
            rows.append(torch.cat([torch.stack([p[y, x], middle_x - w / 2, middle_y - h / 2, middle_x + w / 2, middle_y + h / 2], 1), points], 1))
    return torch.cat(rows)


def suppress(rows, limit):
    kept = []
    for row in sorted(rows.tolist(), reverse=True):
        area = (row[3] - row[1] + 1) * (row[4] - row[2] + 1)
        for other in kept:
            w = min(row[3], other[3]) - max(row[1], other[1]) + 1
            h = min(row[4], other[4]) - max(row[2], other[2]) + 1
            common = max(w, 0) * max(h, 0)
            if common / (area + (other[3] - other[1] + 1) * (other[4] - other[2] + 1) - common) > limit:
                break
        else:
            kept.append(row)
    return kept


# ---------------------------------------------------------------------------------------------- the comparison

def randomise(net):
    """Weights that keep activations near 1, and batch norm statistics that are not the identity."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, 0, 0.3)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.2)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.8, 1.5)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.3, 0.5)
    return net.eval()


def picture(height, width, grey=False):
    small = torch.rand(1, 1 if grey else 3, max(height // 16, 2), max(width // 16, 2))
    big = functional.interpolate(small, size=(height, width), mode="bilinear") + 0.1 * torch.rand(1, 1 if grey else 3, height, width)
    array = (big[0] * 230).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return array[:, :, 0].copy() if grey else array


def compare_mtcnn(nets, weights, photo, pixels, work, what, **options):
    arguments = [part for key, value in options.items() for part in ("--" + key.replace("_", "-"), value)]
    run("facegan", "detect", photo, "--detector", "mtcnn", "--weights", weights, "--trace", work / "trace.safetensors", *arguments)
    calls, scales = load_trace(work / "trace.safetensors"), 0
    for network, data in calls:
        with torch.no_grad():
            want = run_mtcnn(nets[network], data["input"])
        for i, out in enumerate(want):
            close(data[f"out{i}"], out, 1e-4, f"{what}: {network} {tuple(data['input'].shape)} output {i}")
        if network == "pnet" and pixels is not None:
            size = tuple(data["input"].shape[2:])
            rgb = torch.from_numpy(pixels if pixels.ndim == 3 else numpy.repeat(pixels[:, :, None], 3, 2)).permute(2, 0, 1)[None].double()
            close(data["input"].double(), (functional.adaptive_avg_pool2d(rgb, size) - 127.5) / 128, 1e-5, f"{what}: scaled to {size}")
            scales += 1
    return [network for network, _ in calls]


def some_threshold(net, bgr):
    """A threshold that about a hundred anchors pass, whatever the weights; halfway between two scores, so that rounding decides nothing."""
    with torch.no_grad():
        scores = decode(net(bgr), 0)[:, 0].sort(descending=True).values
    return f"{(scores[100] + scores[101]).item() / 2:.9f}" if len(scores) > 101 else "0.6"


def compare_retinaface(net, weights, photo, pixels, work, what):
    threshold, bgr = "0.6", None
    if pixels is not None:
        bgr = torch.from_numpy((pixels if pixels.ndim == 3 else numpy.repeat(pixels[:, :, None], 3, 2))[:, :, ::-1].copy()).permute(2, 0, 1)[None].float()
        bgr -= torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
        threshold = some_threshold(net, bgr)
    said = run("facegan", "detect", photo, "--detector", "retinaface", "--weights", weights, "--trace", work / "trace.safetensors", "--json", "--threshold", threshold)
    (network, data), = load_trace(work / "trace.safetensors")
    if pixels is not None:
        close(data["input"], bgr, 0, f"{what}: input")
    with torch.no_grad():
        want = net(data["input"])
    for i, out in enumerate(want):
        close(data[f"out{i}"], out, 1e-4, f"{what}: {network} {tuple(data['input'].shape)} output {i}")
    faces = json.loads(said.stdout)["pictures"][0]["faces"]
    wanted = suppress(decode([data[f"out{i}"] for i in range(9)], float(threshold)), 0.4)
    check(len(faces) == len(wanted), f"{what}: {len(faces)} faces, wanted {len(wanted)}")
    for face, row in zip(faces, wanted):
        got = [face["score"], *face["box"], *(c for mark in face["landmarks"] for c in mark)]
        check(max(abs(a - b) for a, b in zip(got, row)) < 0.01, f"{what}: a face at {got[:5]}, wanted {row[:5]}")
    return faces, data["input"]


def save_facenet(nets, folder):
    """The same weights as facenet's det1.npy ... has them: a pickled dict of dicts, filters as (S,R,C,K), its own names."""
    for i, (name, net) in enumerate(nets.items()):
        layers = {}
        for key, tensor in net.state_dict().items():
            base, what = key.rsplit(".", 1)
            base = base.replace("dense", "conv").replace("_", "-")
            base = base.replace("prelu", "PReLU") if name == "pnet" else base
            what = "alpha" if "relu" in base.lower() else {"weight": "weights", "bias": "biases"}[what]
            layers.setdefault(base, {})[what] = tensor.detach().numpy().T.copy()
        numpy.save(folder / f"det{i + 1}.npy", numpy.array(layers, dtype=object), allow_pickle=True)


def compare_layouts(nets, photo, work, what):
    """Weights from .pt and from .npy files must find the very same faces."""
    folders = [work / "as-pt", work / "as-npy"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    for name, net in nets.items():
        torch.save(net.state_dict(), folders[0] / (name + ".pt"))
    save_facenet(nets, folders[1])
    said = [run("facegan", "detect", photo, "--detector", "mtcnn", "--weights", folder, "--json").stdout for folder in folders]
    check(said[0] == said[1] and '"score"' in said[0], f"{what}: .npy and .pt weights differ, or find nothing")


def random_weights(work):
    nets = {"pnet": make_pnet(), "rnet": make_rnet(), "onet": make_onet()}
    folder = work / "mtcnn"
    folder.mkdir()
    for name, net in nets.items():
        randomise(net)
        heads = [getattr(net, head) for head in net.order if "_" in head]
        with torch.no_grad():
            for head in heads:
                head.weight *= 0.01                         # boxes stay near where they were,
                head.bias *= 0.1
            heads[0].bias += torch.tensor([-3.0, 3.0])        # and everything is a face: every network is run
        torch.save(net.state_dict(), folder / (name + ".pt"), _use_new_zipfile_serialization=name == "rnet")
    for height, width, grey in [(61, 87, False), (40, 40, False), (53, 31, True)]:
        pixels = picture(height, width, grey)
        save_png(work / "picture.png", pixels)
        seen = compare_mtcnn(nets, folder, work / "picture.png", pixels, work, f"random MTCNN {width}x{height}")
        check({"pnet", "rnet", "onet"} == set(seen), f"random MTCNN {width}x{height} ran {set(seen)}")
    compare_layouts(nets, work / "picture.png", work, "random MTCNN")
    pixels = picture(1500, 2000)
    save_png(work / "picture.png", pixels)
    with torch.no_grad():
        nets["pnet"].conv4_1.bias -= torch.tensor([-9.0, 9.0])      # nothing is a face: P alone, at full size
    torch.save(nets["pnet"].state_dict(), folder / "pnet.pt")
    compare_mtcnn(nets, folder, work / "picture.png", pixels, work, "random MTCNN 2000x1500", min_face=100)
    for resnet, sizes in ((False, [(95, 131, False), (40, 40, False), (77, 33, True), (1500, 2000, False)]), (True, [(97, 67, False)])):
        net = randomise(RetinaFace(resnet))
        state = {("module." if resnet else "") + k: v for k, v in net.state_dict().items()}
        torch.save(state, work / "retina.pth", _use_new_zipfile_serialization=resnet)
        for height, width, grey in sizes:
            pixels = picture(height, width, grey)
            save_png(work / "picture.png", pixels)
            compare_retinaface(net, work / "retina.pth", work / "picture.png", pixels, work, f"random RetinaFace {'ResNet' if resnet else 'MobileNet'} {width}x{height}")


def trained_mtcnn(weights):
    nets = {"pnet": make_pnet(), "rnet": make_rnet(), "onet": make_onet()}
    for name, net in nets.items():
        net.load_state_dict(torch.load(weights / "mtcnn" / (name + ".pt")))
        net.eval()
    return nets


def trained_retinaface(path):
    net = RetinaFace(False)
    net.load_state_dict({k.removeprefix("module."): v for k, v in torch.load(path, map_location="cpu").items()})
    return net.eval()


def trained_weights(weights, photos, work):
    nets = trained_mtcnn(weights)
    for photo in sorted(photos.glob("*.jpg")):
        compare_mtcnn(nets, weights / "mtcnn", photo, None, work, photo.name)
    compare_layouts(nets, photos / "faces.jpg", work, "trained MTCNN")
    for path in sorted((weights / "retinaface").glob("*.pth")):
        net = trained_retinaface(path)
        for photo in sorted(photos.glob("*.jpg")):
            faces, seen = compare_retinaface(net, path, photo, None, work, f"{path.name} {photo.name}")
            if faces:                                               # the same picture, cut through its best face
                box = faces[0]["box"]
                pixels = (seen[0] + torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)).flip(0).permute(1, 2, 0).round().to(torch.uint8).numpy()
                left = max(int(box[0] + 0.2 * (box[2] - box[0])), 0)
                save_png(work / "border.png", pixels[:, left:].copy())
                faces, _ = compare_retinaface(net, path, work / "border.png", None, work, f"{path.name} {photo.name} cut at a face")
                check(any(f["box"][0] < 10 for f in faces), f"{photo.name}: the face at the border is lost")
                save_png(work / "grey.png", pixels.mean(2).astype(numpy.uint8))
                faces, _ = compare_retinaface(net, path, work / "grey.png", None, work, f"{path.name} {photo.name} grey")
                check(faces, f"{photo.name} in grey: no face")


# ---------------------------------------------------------------------------------------------- training

def detector_loss(out, t):
    """Zhang et al. 2016, eq. 1 to 4, with the 70% of the faces and non-faces that are told worst. t: the batch, (N,1,1,K) each."""
    label, moves, points = t["label"].flatten(1), t["moves"].flatten(), t["points"].flatten()
    counts = label.sum(1)
    scores = out[0].flatten(1)
    each = counts * functional.cross_entropy(scores, label.argmax(1), reduction="none")
    order = torch.argsort(each, descending=True)
    kept = [i for i in order.tolist() if counts[i]]
    hard = kept[:int(numpy.ceil(0.7 * len(kept) - 1e-6))]
    face = each[hard].mean()
    box = (((out[1].flatten(1) - t["move"].flatten(1)) ** 2).sum(1) * moves).sum() / moves.sum()
    point = torch.zeros(())
    if len(out) > 2:
        point = (((out[2].flatten(1) - t["point"].flatten(1)) ** 2).sum(1) * points).sum() / points.sum()
    right = (counts * (scores.argmax(1) == label.argmax(1))).sum() / counts.sum()
    return face + 0.5 * box + point, [face, box] + [point] * (len(out) > 2) + [right]


def compare_step(trace, name, make, exact, what):
    """A network's losses, gradients and weights after its step, and PyTorch's in double precision."""
    t = {key[5:]: value for key, value in trace.items() if key.startswith(name)}
    net = make()
    net.conv1 = nn.Conv2d(1, net.conv1.out_channels, 3)
    net.double().load_state_dict({key[7:]: value for key, value in t.items() if key.startswith("before.")})
    total, terms = detector_loss(run_mtcnn(net, t["x"]), t)
    total.backward()
    limit = 1e-11 if exact else 1e-5
    close(t["losses"], torch.stack([loss.detach() for loss in terms + [total]]), limit, f"{what}: losses")
    check(t["label"].sum() > 30 and t["moves"].sum() > 5, f"{what}: the batch has faces and others")
    for key, parameter in net.named_parameters():
        error, gradient = 10 * t[f"moment.{key}"] - parameter.grad, parameter.grad
        far = error.abs().max() / gradient.abs().max() if exact else error.norm() / gradient.norm()
        check(far <= (1e-11 if exact else 2e-2), f"{what}: the gradient of {key}: error {far:.2e}")
    torch.optim.Adam(net.parameters(), lr=1e-3).step()
    for key, parameter in net.named_parameters():
        moved = (parameter.detach() - t[f"before.{key}"]).abs() > 0
        big = t[f"moment.{key}"].abs() > 1e-6                       # Adam's first step is lr times the gradient's sign
        if exact:
            close(t[f"after.{key}"] * big, parameter.detach() * big, limit, f"{what}: {key} after the step")
        check(moved.any(), f"{what}: {key} moves")


def compare_training(work):
    """The first step of each network on drawn faces. Every number is compared in double precision. In single, of two neighbours in a
    pool that differ by one rounding either may be the largest (seed 1: 3e-7 of 1.1, in one of R's 98304 windows), and the gradient of a
    filter then comes from another place: there only its length of error is held, with the losses."""
    run("facegan", "data", "draw", "--out", work / "taught", "--count", 24, "--size", 48, "--grey", "--quiet")
    for program in ("facegan64", "facegan"):
        for seed in range(1, 40):                               # until O's scene has faces whose landmarks are known
            run(program, "train", "mtcnn", work / "taught", "--out", work / program, "--seed", seed, "--trace", work / "steps.safetensors", "--quiet")
            trace = {name: tensor.double() for name, tensor in load_safetensors(work / "steps.safetensors")[0].items()}
            if trace["onet.points"].sum() > 3:
                break
        check(trace["onet.points"].sum() > 3, "O learns landmarks")
        for name, make in (("pnet", make_pnet), ("rnet", make_rnet), ("onet", make_onet)):
            compare_step(trace, name, make, program == "facegan64", f"{program}: {name}")


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def forward_time(function):
    times = []
    for _ in range(7):
        start = time.perf_counter()
        with torch.inference_mode():
            function()
        times.append(1e3 * (time.perf_counter() - start))
    return median(times)


def time_networks(weights, photo, work):
    """facegan's whole detection, the median of many copies in one process, against PyTorch's forward passes alone on the same inputs
    (R's and O's as one batch each); five rounds in turn, medians. Both use two threads."""
    nets, retinaface = trained_mtcnn(weights), sorted((weights / "retinaface").glob("*.pth"))[-1]
    net = trained_retinaface(retinaface)
    compare_mtcnn(nets, weights / "mtcnn", photo, None, work, "timed")
    calls = [(network, data["input"]) for network, data in load_trace(work / "trace.safetensors")]
    inputs = [(n, x) for n, x in calls if n == "pnet"]
    inputs += [(name, torch.cat([x for n, x in calls if n == name])) for name in ("rnet", "onet")]
    compare_retinaface(net, retinaface, photo, None, work, "timed")
    (_, data), = load_trace(work / "trace.safetensors")
    copies = [work / f"copy{i}{photo.suffix}" for i in range(30)]
    for copy in copies:
        copy.write_bytes(photo.read_bytes())
    for name, where, forward in (("mtcnn", weights / "mtcnn", lambda: [run_mtcnn(nets[n], x) for n, x in inputs]),
                                 ("retinaface", retinaface, lambda: net(data["input"]))):
        ours, theirs = [], []
        for _ in range(5):
            said = run("facegan", "detect", *copies, "--detector", name, "--weights", where, "--threads", torch.get_num_threads()).stderr
            ours.append(float(said.split("detection ")[1].split(" ms")[0]))
            theirs.append(forward_time(forward))
        ratio = median(theirs) / median(ours)
        print(f"{photo.name}, {name}: facegan {median(ours):.1f} ms a picture, PyTorch's networks alone {median(theirs):.1f} ms: {ratio:.1f} times")
        check(ratio >= 3, f"{name}: only {ratio:.2f} times as fast as PyTorch")


def main():
    torch.manual_seed(3)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        given, timing = os.environ.get("FACEGAN_TEST_DATA"), "--time" in sys.argv
        weights, photos = pathlib.Path(given or ".") / "detectors", pathlib.Path(given or ".") / "photos"
        if not timing:
            random_weights(work)
            compare_training(work)
        if given and timing:
            time_networks(weights, photos / "multiface.jpg", work)
        elif given:
            trained_weights(weights, photos, work)
        else:
            skip("trained weights (FACEGAN_TEST_DATA=DIR is not set)")
    return report()


if __name__ == "__main__":
    sys.exit(main())
