#!/usr/bin/env python3
"""Holds facegan's StarGAN against PyTorch. `make test-torch`; needs ./facegan, ./facegan64, torch and numpy.

The networks below are written from the paper's tables 4 and 5 with the layer names of the public PyTorch code, the losses from
the paper's equations; PyTorch's own convolutions, instance norm, autograd and Adam do the rest. Compared are
  1  weights saved by torch.save: `facegan info` reads them, `facegan edit` and `facegan step` draw what PyTorch draws,
  2  one training iteration in double precision: losses, fakes, gradients, updated weights,
  3  a checkpoint trained by facegan: it loads into the PyTorch modules and draws there what `facegan edit` draws.
Ends with the line `N passed, N failed, N skipped`. Where torch or numpy is missing, everything is skipped, loudly.
"""
import json
import math
import pathlib
import shutil
import sys
import tempfile

from torch_common import check, compare_step, load_png, load_safetensors, report, run, save_safetensors, in_double
import numpy
import torch
from torch import nn
from torch.nn import functional

def to_tensor(pixels):
    return torch.from_numpy(pixels.astype(numpy.float64) / 127.5 - 1).permute(2, 0, 1)[None]


def to_pixels(picture):
    return numpy.floor((picture[0].permute(1, 2, 0).detach().double().numpy() + 1) * 127.5 + 0.5).clip(0, 255)


# ---------------------------------------------------------------------------------------------- the networks

def norm(channels, statistics):
    return nn.InstanceNorm2d(channels, affine=True, track_running_stats=statistics)


class Doubled(nn.Conv2d):
    """Nearest pixels, then a convolution."""

    def __init__(self, k):
        super().__init__(k, k // 2, 3, 1, 1, bias=False)

    def forward(self, x):
        return super().forward(functional.interpolate(x, scale_factor=2, mode="nearest"))


class Modulated(nn.InstanceNorm2d):
    """Conditional instance norm (Dumoulin et al. 2017), told the condition before it is called."""

    def __init__(self, k, n):
        super().__init__(k, affine=True)
        self.gain, self.offset = nn.Conv2d(n, k, 1, bias=False), nn.Conv2d(n, k, 1, bias=False)

    def forward(self, x):
        c = self.condition[:, :, None, None]
        return super().forward(x) * (1 + self.gain(c)) + self.offset(c)


class Residual(nn.Module):
    def __init__(self, k, statistics, condition=0):
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(k, k, 3, 1, 1, bias=False), Modulated(k, condition) if condition else norm(k, statistics), nn.ReLU(),
                                  nn.Conv2d(k, k, 3, 1, 1, bias=False), norm(k, statistics))

    def forward(self, x):
        return x + self.main(x)


def even_grid(x):
    return functional.affine_grid(torch.eye(2, 3, dtype=x.dtype).expand(len(x), 2, 3), x.shape, align_corners=False)


class Generator(nn.Module):
    """statistics: carry running statistics in the state_dict, as the public code does; they are not used in training mode."""

    def __init__(self, w, classes, repeat, channels, statistics, keep="none", upsample="deconv", modulate=0, style=0):
        super().__init__()
        if style:
            self.style = nn.Sequential(nn.Linear(classes, style), nn.LeakyReLU(0.2))
        self.keep = keep
        layers = [nn.Conv2d(channels + classes, w, 7, 1, 3, bias=False), norm(w, statistics), nn.ReLU()]
        for i in range(2):
            layers += [nn.Conv2d(w << i, w << i + 1, 4, 2, 1, bias=False), norm(w << i + 1, statistics), nn.ReLU()]
        layers += [Residual(4 * w, statistics, (style or classes) if modulate else 0) for _ in range(repeat)]
        for i in (2, 1):
            layers += [nn.ConvTranspose2d(w << i, w << i - 1, 4, 2, 1, bias=False) if upsample == "deconv" else Doubled(w << i),
                       norm(w << i - 1, statistics), nn.ReLU()]
        self.main = nn.Sequential(*layers, nn.Conv2d(w, channels, 7, 1, 3, bias=False), nn.Tanh())
        if keep in ("mask", "warp"):
            self.mask = nn.Conv2d(w, 1, 7, 1, 3, bias=False)
        if keep == "warp":
            self.moves = nn.Conv2d(w, 2, 7, 4, 3, bias=False)

    def forward(self, x, label):
        planes = label[:, :, None, None].expand(-1, -1, x.shape[2], x.shape[3])
        for part in self.modules():
            if isinstance(part, Modulated):
                part.condition = self.style(label) if hasattr(self, "style") else label
        h = self.main[:-2](torch.cat([x, planes], 1))
        if self.keep == "none":
            return self.main[-2:](h)
        if self.keep == "skip":
            return torch.tanh(self.main[-2](h) + torch.atanh(0.97 * x))
        self.shown, self.colour = torch.sigmoid(self.mask(h)), self.main[-2:](h)
        if self.keep == "warp":                                                 # by an eighth of the side at most
            coarse = functional.grid_sample(torch.tanh(self.moves(h)), even_grid(x), align_corners=False)
            self.pixels_moved = coarse * x.shape[2] / 8
        return self.painted(x)

    def painted(self, x):
        self.under = x
        if self.keep == "warp":
            places = even_grid(x) + 2 / x.shape[2] * self.pixels_moved.permute(0, 2, 3, 1)
            self.under = functional.grid_sample(x + 1, places, align_corners=False) - 1
        return self.shown * self.colour + (1 - self.shown) * self.under


class Discriminator(nn.Module):
    def __init__(self, size, w, classes, repeat, channels, maps=1):
        super().__init__()
        layers = []
        for i in range(repeat):
            layers += [nn.Conv2d(channels if i == 0 else w << i - 1, w << i, 4, 2, 1), nn.LeakyReLU(0.01)]
        self.main = nn.Sequential(*layers)
        self.conv1 = nn.Conv2d(w << repeat - 1, maps, 3, 1, 1, bias=False)
        self.conv2 = nn.Conv2d(w << repeat - 1, classes, size >> repeat, bias=False)

    def forward(self, x, condition=None):
        h = self.main(x)
        s = self.conv1(h)
        if s.shape[1] > 1:
            s = (s * condition[:, :, None, None]).sum(1, keepdim=True)
        return s, self.conv2(h).flatten(1)


def liven(net):
    """Scales and shifts that are not 1 and 0, so that a mix-up shows."""
    for name, weight in net.named_parameters():
        if weight.dim() == 1:
            weight.data = torch.rand_like(weight) + 0.5 if name.endswith("weight") else 0.4 * torch.rand_like(weight) - 0.2


# ---------------------------------------------------------------------------------------------- one iteration

def one_hot(labels, classes):
    return functional.one_hot(labels, classes).double() if labels.dim() == 1 else labels.double()


def adversarial(kind, s, which):
    """which: what D minimises on real pictures, on fakes, or what G minimises."""
    if kind == "wgan-gp":
        return s.mean() if which == "fake" else -s.mean()
    if kind == "hinge":
        return functional.relu(1 - s).mean() if which == "real" else functional.relu(1 + s).mean() if which == "fake" else -s.mean()
    if kind == "lsgan":
        return functional.mse_loss(s, torch.zeros_like(s) if which == "fake" else torch.ones_like(s))
    if kind == "bce-saturating" and which == "generator":
        return (1 - torch.sigmoid(s)).log().mean()
    return functional.binary_cross_entropy_with_logits(s, torch.zeros_like(s) if which == "fake" else torch.ones_like(s))


def classification(scores, labels):
    if labels.dim() == 1:
        return functional.cross_entropy(scores, labels)
    return functional.binary_cross_entropy_with_logits(scores, labels.double(), reduction="sum") / len(labels)


def slope(d, x, condition=None):
    """d (sum of D's patch map) / d x, differentiable."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(d(x, condition)[0].sum(), x, create_graph=True)[0].flatten(1)


def augmented(x, u, s):
    """What D sees (Zhao et al. 2020): u (N,6) uniform in (-1,1)."""
    wanted = s["diffaugment"].split(",")
    if u is None:
        return x
    part = [u[:, i, None, None, None] for i in range(6)]
    if "brightness" in wanted:
        x = x + part[0] / 2
    if "contrast" in wanted:
        middle = x.mean((1, 2, 3), keepdim=True)
        x = (x - middle) * (1 + part[1] / 2) + middle
    if "translation" in wanted:
        theta = torch.zeros(len(x), 2, 3, dtype=x.dtype)
        theta[:, 0, 0] = theta[:, 1, 1] = 1
        theta[:, 0, 2], theta[:, 1, 2] = u[:, 2] / 4, u[:, 3] / 4                               # coordinates are -1 to 1 there
        x = functional.grid_sample(x, functional.affine_grid(theta, x.shape, align_corners=False), align_corners=False)
    if "cutout" in wanted:
        side = x.shape[2]
        places = (torch.arange(side, dtype=x.dtype) + 0.5) / side - 0.5
        down = (places[None, None, :, None] - part[4] / 2).abs() < 0.25
        across = (places[None, None, None, :] - part[5] / 2).abs() < 0.25
        x = x * ~(down & across)
    return x


class Small(nn.Module):
    """Our own classifier (facegan.c, 5.6): a convolution, then three times: pool, a convolution, and the sum of that and what two more find in it."""

    def __init__(self, channels, classes, widths=(32, 64, 128, 192), relu=nn.ReLU, pool=lambda: nn.MaxPool2d(2)):
        super().__init__()
        layers, inside = [], channels
        for width, first in [(widths[0], False)] + [(width, i == 0) for width in widths[1:] for i in range(3)]:
            layers += [pool()] if first else []
            layers += [nn.Conv2d(inside, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), relu()]
            inside = width
        self.features, self.classifier = nn.Sequential(*layers), nn.Sequential(nn.Identity(), nn.Linear(inside, classes))

    def forward(self, x):
        x = self.features[:3](x)
        for first in range(3, len(self.features), 10):
            x = self.features[first:first + 4](x)
            x = x + self.features[first + 4:first + 10](x)
        return self.classifier(x.mean((2, 3)))


class Teacher(Small):
    """One of grey pictures, in use, that knows a class more, and the classes in another order."""

    def __init__(self, classes, size):
        super().__init__(1, classes + 1)
        self.size, self.last = size, classes
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1), module.running_var.uniform_(0.5, 1.5)

    def look(self, x, u, noise):
        """What it is shown of x (7.1): u (N,8) uniform in (-1,1), noise (N,HWC) normal."""
        part = [u[:, i, None, None, None] for i in range(8)]
        x = x + part[7].abs() * 0.12 * noise.view(len(x), *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)
        angle, zoom, mirror = 0.16 * u[:, 1], 1 + 0.08 * u[:, 2], u[:, 0].sign()
        theta = torch.stack([mirror * zoom * angle.cos(), -zoom * angle.sin(), 0.12 * u[:, 3],
                             mirror * zoom * angle.sin(), zoom * angle.cos(), 0.12 * u[:, 4]], 1).view(-1, 2, 3)
        if x.shape[1] == 3:
            x = (x * torch.tensor([0.299, 0.587, 0.114], dtype=x.dtype)[:, None, None]).sum(1, keepdim=True)
        x = functional.grid_sample(x + 1, functional.affine_grid(theta, (len(x), 1, self.size, self.size), align_corners=False), align_corners=False) - 1
        middle = x.mean((1, 2, 3), keepdim=True)
        return (x - middle) * (1 + part[5] / 4) + middle + 0.2 * part[6]


def record(out, letter, net, terms, weights, fake, s):
    """Backward through the weighted sum, one Adam step; everything is noted in `out`."""
    total = sum(weights.get(name, 1) * term for name, term in terms.items())
    optimiser = torch.optim.Adam(net.parameters(), lr=s["lr"], betas=(s["beta1"], s["beta2"]), eps=1e-8)
    optimiser.zero_grad()
    total.backward()
    out |= {f"{letter}.{name}": term.detach().reshape(1) for name, term in terms.items()}
    out |= {f"{letter}.total": total.detach().reshape(1), f"fake_{letter.lower()}": fake.detach()}
    out |= {f"grad.{letter}.{name}": weight.grad.clone() for name, weight in net.named_parameters()}
    optimiser.step()
    out |= {f"after.{letter}.{name}": weight.detach().clone() for name, weight in net.named_parameters()}


def variation(y):
    return (y[:, :, 1:] - y[:, :, :-1]).abs().mean() + (y[:, :, :, 1:] - y[:, :, :, :-1]).abs().mean()


def iteration(g, d, x, label, target, alpha, s, views, teacher=None):
    out, to, back = {}, one_hot(target, s["classes"]), one_hot(label, s["classes"])
    fake = g(x, to).detach()
    seen, seen_fake = augmented(x, views.get("view_R"), s), augmented(fake, views.get("view_F"), s)
    real_map, scores = d(seen, back)
    terms = {"real": adversarial(s["adv"], real_map, "real"), "fake": adversarial(s["adv"], d(seen_fake, to)[0], "fake"), "cls": classification(scores, label)}
    weights = {"cls": s["lambda_cls"], "gp": s["lambda_gp"], "r1": s["lambda_gp"]}
    if s["wrong_labels"]:
        terms["wrong"] = adversarial(s["adv"], d(seen, to)[0], "fake")
        weights |= {"fake": 0.5, "wrong": 0.5}
    part = max(1, int(s["penalty_share"] * len(x) + 0.5))
    if s["reg"] == "gp":
        a = alpha[:part, None, None, None]
        terms["gp"] = (slope(d, a * seen[:part] + (1 - a) * seen_fake[:part], back[:part]).norm(dim=1) - 1).square().mean()
    if s["reg"] == "r1":
        terms["r1"] = slope(d, seen[:part], back[:part]).square().sum(1).mean() / 2
    record(out, "D", d, terms, weights, fake, s)
    fake = g(x, to)
    shown = getattr(g, "shown", None)
    fake_map, scores = d(augmented(fake, views.get("view_G"), s), to)
    terms = {"fake": adversarial(s["adv"], fake_map, "generator"), "cls": classification(scores, target)}
    if s["lambda_tv"]:
        terms["tv"] = variation(fake - getattr(g, "under", x))
    if shown is not None:
        terms["mask"] = shown.mean()
    if s["keep"] == "warp":
        terms["moves"] = variation(g.pixels_moved)
    if teacher:
        scores = teacher(teacher.look(fake, views["view_T"], views["noise_T"]))
        terms["teacher"] = functional.cross_entropy(scores, teacher.last - target, label_smoothing=s["smoothing"])
    themselves = int(s["identity"] * len(x) + 0.5)
    again = torch.cat([fake[:len(x) - themselves], x[len(x) - themselves:]])
    terms["rec"] = (x - g(again, back)).abs().mean()
    weights = {"fake": s["lambda_adv"], "cls": s["lambda_cls"], "rec": s["lambda_rec"], "tv": s["lambda_tv"], "mask": s["lambda_mask"],
               "moves": s["lambda_moves"], "teacher": s["lambda_teacher"]}
    record(out, "G", g, terms, weights, fake, s)
    return out


def draw_iteration(s):
    """Networks, a batch and the draws of one iteration."""
    torch.manual_seed(s["seed"])
    g = Generator(s["conv_dim"], s["classes"], s["g_repeat"], s["channels"], False, s["keep"], s["upsample"], s["modulate"], s["style"]).double()
    d = Discriminator(s["size"], s["conv_dim"], s["classes"], s["d_repeat"], s["channels"], s["classes"] if s["source"] == "class" else 1).double()
    liven(g)
    n = s["batch"]
    x = 2 * torch.rand(n, s["channels"], s["size"], s["size"], dtype=torch.float64) - 1
    shape, top = ((n,), s["classes"]) if s["labels"] == "classes" else ((n, s["classes"]), 2)
    label, target = (torch.randint(top, shape) for _ in range(2))
    batch = {"x": x, "label": label, "label_target": target, "alpha": torch.rand(n, dtype=torch.float64)}
    if s["diffaugment"] != "none":
        batch |= {f"view_{which}": 2 * torch.rand(n, 6, dtype=torch.float64) - 1 for which in "RFG"}
    if s["teacher"]:
        batch |= {"view_T": 2 * torch.rand(n, 8, dtype=torch.float64) - 1, "noise_T": torch.randn(n, x[0].numel(), dtype=torch.float64)}
    return g, d, batch


def named_weights(g, d):
    return {f"{letter}.{name}": weight.detach().clone() for letter, net in (("G", g), ("D", d)) for name, weight in net.named_parameters()}


USUAL = {"model": "stargan", "adv": "wgan-gp", "reg": "gp", "labels": "classes", "size": 16, "channels": 3, "classes": 3, "conv_dim": 4, "g_repeat": 1,
         "d_repeat": 3, "batch": 3, "lr": 1e-4, "beta1": 0.5, "beta2": 0.999, "lambda_cls": 1.0, "lambda_rec": 10.0, "lambda_gp": 10.0, "seed": 1,
         "keep": "none", "modulate": 0, "style": 0, "upsample": "deconv", "source": "one", "lambda_adv": 1.0, "lambda_tv": 0.0, "lambda_mask": 0.0, "lambda_moves": 0.0, "identity": 0.0,
         "diffaugment": "none", "wrong_labels": 0, "teacher": "", "lambda_teacher": 1.0, "smoothing": 0.0, "penalty_share": 1.0}


def save_iteration(path, s, g, d, batch):
    save_safetensors(path, named_weights(g, d) | batch, s)


def write_teacher(path, s):
    torch.manual_seed(s["seed"])
    teacher = Teacher(s["classes"], 24).double().eval()
    names = ["another"] + [f"class{i}" for i in reversed(range(s["classes"]))]
    save_safetensors(path, in_double(teacher.state_dict(), "D."),
                     {"model": "classifier", "network": "small", "size": "24", "channels": "1", "classes": ",".join(names), "preprocess": "tanh"})
    return teacher


def compare_iteration(folder, title, **changes):
    s = USUAL | changes
    g, d, batch = draw_iteration(s)
    teacher = write_teacher(folder / "teacher.safetensors", s) if s["teacher"] else None
    if teacher:
        s |= {"teacher": folder / "teacher.safetensors", "class_names": ",".join(f"class{i}" for i in range(s["classes"]))}
    save_iteration(folder / "in.safetensors", s, g, d, batch)
    before = named_weights(g, d)
    want = iteration(g, d, batch["x"], batch["label"], batch["label_target"], batch["alpha"], s, batch, teacher)
    compare_step(title, folder / "in.safetensors", before, want)


def test_iterations(folder):
    for adv, reg in (("wgan-gp", "gp"), ("bce", "none"), ("bce-saturating", "r1"), ("hinge", "none"), ("lsgan", "r1"), ("bce", "gp"), ("hinge", "gp"), ("wgan-gp", "none")):
        compare_iteration(folder, f"{adv}, {reg}", adv=adv, reg=reg, seed=len(adv) + ord(reg[0]))
    compare_iteration(folder, "24 px grey, batch 5, width 3, 2 halvings", size=24, channels=1, batch=5, conv_dim=3, d_repeat=2, seed=20)
    compare_iteration(folder, "20 px, 1 halving, no residual block", size=20, d_repeat=1, g_repeat=0, classes=7, seed=21)
    compare_iteration(folder, "48 px, 4 halvings, 3 blocks, width 5", size=48, d_repeat=4, g_repeat=3, conv_dim=5, batch=2, seed=22)
    compare_iteration(folder, "32 px, width 12 (Winograd), batch 4", size=32, d_repeat=4, g_repeat=2, conv_dim=12, batch=4, seed=23)
    compare_iteration(folder, "32 px, width 16 (Winograd), batch 2, r1", size=32, d_repeat=3, g_repeat=1, conv_dim=16, batch=2, adv="bce", reg="r1", seed=24)
    compare_iteration(folder, "attributes, batch 1", labels="attributes", classes=4, batch=1, seed=25)
    compare_iteration(folder, "attributes, hinge, grey", labels="attributes", classes=6, adv="hinge", reg="gp", channels=1, seed=26)
    compare_iteration(folder, "two classes, other weights and rates", classes=2, lr=0.003, beta1=0.9, beta2=0.99, lambda_cls=0.3, lambda_rec=2.5, lambda_gp=0.7, seed=27)
    compare_iteration(folder, "beta1 0, lambda_gp 0", beta1=0.0, lambda_gp=0.0, seed=28)
    compare_iteration(folder, "norms that hear the label", modulate=1, g_repeat=2, seed=28)
    compare_iteration(folder, "norms that hear what a layer makes of the label", modulate=1, style=6, g_repeat=2, seed=40)
    compare_iteration(folder, "keep mask, its mean and total variation", keep="mask", lambda_mask=0.7, lambda_tv=1.3, seed=29)
    compare_iteration(folder, "keep mask, resize, grey, 24 px", keep="mask", upsample="resize", channels=1, size=24, d_repeat=2, seed=30)
    compare_iteration(folder, "keep warp, its mask's mean, total variations of its change and its movement", keep="warp", lambda_mask=0.7, lambda_tv=1.3, lambda_moves=0.9, seed=41)
    compare_iteration(folder, "keep warp, resize, grey, 24 px", keep="warp", upsample="resize", channels=1, size=24, d_repeat=2, identity=0.5, seed=42)
    compare_iteration(folder, "keep skip, resize, lambda_adv", keep="skip", upsample="resize", lambda_adv=0.3, lambda_tv=0.2, seed=31)
    compare_iteration(folder, "a third of the batch drawn as itself", identity=1 / 3, keep="mask", seed=32)
    compare_iteration(folder, "all of the batch drawn as itself", identity=1.0, adv="bce", reg="r1", seed=33)
    for adv, reg in (("wgan-gp", "gp"), ("bce", "r1"), ("hinge", "none")):
        compare_iteration(folder, f"a map for each class, {adv}, {reg}", source="class", adv=adv, reg=reg, seed=34)
    for reg in ("gp", "r1"):
        compare_iteration(folder, f"{reg} on two of five pictures", batch=5, source="class", adv="bce", reg=reg, penalty_share=0.4, seed=39)
    compare_iteration(folder, "a map for each class, wrong labels", source="class", wrong_labels=1, adv="bce", reg="r1", seed=35)
    for views in ("brightness", "contrast", "translation", "cutout"):
        compare_iteration(folder, f"D sees {views} changed", diffaugment=views, adv="bce", reg="r1", seed=36)
    compare_iteration(folder, "a teacher of grey pictures of another size", teacher="yes", lambda_teacher=0.6, smoothing=0.1, classes=4, seed=38)
    compare_iteration(folder, "a teacher, grey, keep mask", teacher="yes", channels=1, size=24, d_repeat=2, keep="mask", lambda_tv=0.2, seed=39)
    compare_iteration(folder, "all of it", diffaugment="brightness,contrast,translation,cutout", keep="mask", modulate=1, upsample="resize", source="class",
                      wrong_labels=1, identity=0.5, lambda_tv=0.4, lambda_mask=0.1, batch=4, seed=37)


def test_refusals(folder):
    """What no iteration can be made of is refused with a message; nothing crashes and nothing is made up."""
    def refused(what, spoil, **changes):
        g, d, batch = draw_iteration(USUAL)
        spoil(batch)
        save_iteration(folder / "in.safetensors", USUAL | changes, g, d, batch)
        (folder / "got.safetensors").unlink(missing_ok=True)
        run("facegan", "step", folder / "in.safetensors", folder / "got.safetensors", expect=1)
        check(not (folder / "got.safetensors").exists(), f"{what}: nothing is written")

    def put(name, value):
        return lambda batch: batch[name].view(-1)[:1].fill_(value)
    refused("a label that is no class", put("label", 3))
    refused("a negative target", put("label_target", -1))
    refused("a picture that is not a number", put("x", math.nan))
    refused("an infinite alpha", put("alpha", math.inf))
    refused("another number of channels", put("x", 0), channels=1)
    refused("a network too deep for its weights", put("x", 0), g_repeat=20)
    refused("unknown labels", put("x", 0), labels="nonsense")
    refused("another batch", put("x", 0), batch=2)


# ---------------------------------------------------------------------------------------------- drawing

def compare_drawing(folder, size, channels, w):
    """G in single precision: fake_d is drawn from the weights given, before any update."""
    s = USUAL | {"size": size, "channels": channels, "conv_dim": w, "g_repeat": 2, "batch": 2, "d_repeat": 3, "seed": size + channels}
    g, d, batch = draw_iteration(s)
    save_iteration(folder / "in.safetensors", s, g, d, batch)
    want = g(batch["x"], one_hot(batch["label_target"], s["classes"]))
    for winograd, limit in (("0", 1e-5), ("1", 1e-4)):
        run("facegan", "step", folder / "in.safetensors", folder / "got.safetensors", FACEGAN_WINOGRAD=winograd)
        got, _ = load_safetensors(folder / "got.safetensors")
        error = float((got["fake_d"].double() - want.detach()).abs().max())
        check(error <= limit, f"G at {size} px, {channels} channels, Winograd {winograd}: off by {error:.2e}, allowed {limit}")
        print(f"G at {size:>3} px, {channels} channels, width {w}, Winograd {winograd}: {error:.1e}")


def levels(path, g, picture, condition):
    """By how many levels of 255 a drawn PNG differs at most from PyTorch's drawing of the same picture."""
    want = to_pixels(g(to_tensor(picture).to(next(g.parameters()).dtype), torch.tensor([condition], dtype=next(g.parameters()).dtype)))
    return int(numpy.abs(load_png(path).astype(int) - want).max())


def test_public_files(folder):
    """State dicts as the public code saves them: bare names, running statistics, .pt in both of torch's layouts, .ckpt."""
    for channels, layout, name in ((3, True, "200000-G.ckpt"), (3, False, "legacy.pth"), (1, True, "grey.pt")):
        torch.manual_seed(channels + layout)
        g = Generator(6, 4, 2, channels, True)
        liven(g)
        g(torch.randn(2, channels, 32, 32), torch.rand(2, 4))                               # running statistics that are not 0 and 1
        torch.save(g.state_dict(), folder / name, _use_new_zipfile_serialization=layout)
        told = json.loads(run("facegan", "info", folder / name, "--json").stdout)
        shapes = {t["name"]: t["shape"] for t in told["tensors"]}
        check(shapes == {k: list(v.shape) for k, v in g.state_dict().items()}, f"info of {name}")
        grey = [] if channels == 3 else ["--grey"]
        run("facegan", "data", "draw", "--out", folder / f"faces{channels}", "--count", 2, "--size", 128, "--emotions", "happy", "--force", "--quiet", *grey)
        face = folder / f"faces{channels}/happy/00001.png"
        for emotion, condition in (("class2", [0, 0, 1, 0]), ("class0:0.5", [0.5, 0, 0, 0])):
            run("facegan", "edit", folder / name, face, "--emotion", emotion, "--out", folder / "edited")
            off = levels(folder / f"edited/00001-{emotion.replace(':', '-')}.png", g, load_png(face), condition)
            check(off <= 1, f"{name}, {emotion}: {off} levels off")
        damaged = {k: v.clone() for k, v in g.state_dict().items()}
        damaged["main.9.main.0.weight"][0, 0, 0, 0] = math.nan
        torch.save(damaged, folder / "damaged.pt")
        run("facegan", "edit", folder / "damaged.pt", face, "--emotion", "class0", "--out", folder / "edited", expect=1)
        deep = Generator(2, 4, 14, channels, False)
        torch.save(deep.state_dict(), folder / "deep.pt")
        run("facegan", "edit", folder / "deep.pt", face, "--emotion", "class1", "--out", folder / "edited")
        torch.save({"epoch": 3, "model": g.state_dict()}, folder / "nested.pt")
        run("facegan", "info", folder / "nested.pt")


def test_trained(folder):
    run("facegan", "data", "draw", "--out", folder / "faces", "--count", 40, "--size", 32, "--emotions", "neutral,happy,sad", "--quiet")
    run("facegan", "train", "stargan", folder / "faces", "--out", folder / "run", "--width", 8, "--g-repeat", 2, "--batch", 4, "--iters", 25, "--lr", 0.002, "--quiet")
    tensors, metadata = load_safetensors(folder / "run/checkpoint.safetensors")
    check(metadata["iteration"] == "25" and metadata["classes"] == "neutral,happy,sad", "the checkpoint's metadata")
    stripped = {letter: {name[2:]: value for name, value in tensors.items() if name.startswith(letter + ".")} for letter in "GD"}
    g, d = Generator(8, 3, 2, 3, False), Discriminator(32, 8, 3, 4, 3)
    for letter, net in (("G", g), ("D", d)):
        try:
            net.load_state_dict(stripped[letter], strict=True)
            check(True, "")
        except RuntimeError as problem:
            check(False, f"the checkpoint's {letter} does not load: {problem}")
            return
    public = Generator(8, 3, 2, 3, True)
    lacking = public.load_state_dict(stripped["G"], strict=False)
    check(not lacking.unexpected_keys and all("running" in k or "num_batches" in k for k in lacking.missing_keys), "only running statistics are lacking")
    for face, emotion, condition in (("neutral/00000", "happy", [0, 1, 0]), ("sad/00002", "neutral", [1, 0, 0]), ("happy/00004", "sad:0.25", [0, 0, 0.25])):
        picture = folder / f"faces/{face}.png"
        run("facegan", "edit", folder / "run", picture, "--emotion", emotion, "--out", folder / "edited")
        off = levels(folder / f"edited/{face[-5:]}-{emotion.replace(':', '-')}.png", g, load_png(picture), condition)
        check(off <= 1, f"a trained G, {face} as {emotion}: {off} levels off")


def main():
    torch.set_num_threads(2)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="facegan-torch-"))
    try:
        for size, channels, w in ((48, 3, 6), (64, 1, 16), (128, 3, 12), (128, 1, 4)):
            compare_drawing(folder, size, channels, w)
        test_public_files(folder)
        test_iterations(folder)
        test_refusals(folder)
        test_trained(folder)
    finally:
        shutil.rmtree(folder)
    return report()


if __name__ == "__main__":
    sys.exit(main())
