#!/usr/bin/env python3
"""Holds facegan's GANs that draw from noise against PyTorch in float64. `make test-torch`; needs ./facegan64, torch and numpy.

One iteration of gan, cgan, wgan, wgan-gp and wacgan, in every body, with every option that changes an equation: PyTorch's own
transposed convolutions, batch norm, embeddings, RMSprop, SGD, Adagrad and autograd on the same weights, batch and draws (noise,
dropout's masks, softened answers). Compared are losses, fakes, gradients, updated weights and running statistics.
    python3 tests/torch_gans.py                       compares
    python3 tests/torch_gans.py --record DIR          writes DIR/NAME.in.safetensors and .want.safetensors for the offline tests
Ends with the line `N passed, N failed, N skipped`. Where torch or numpy is missing, everything is skipped, loudly.
"""
import pathlib
import shutil
import sys
import tempfile

from torch_common import compare_step, report, save_safetensors
import torch_stargan as base
import torch
from torch import nn
from torch.nn import functional

REAL = {"dtype": torch.float64}


class Masks:
    """Dropout's masks in the order in which they are used."""

    def __init__(self):
        self.drawn = {}

    def __call__(self, x):
        mask = (torch.rand_like(x) > 0.3).to(x.dtype) / 0.7
        self.drawn[f"mask.D.{len(self.drawn)}"] = mask
        return x * mask


def halvings(size):
    d = 0
    while size % (2 << d) == 0 and size // (2 << d) >= 3:
        d += 1
    return d


class Label(nn.Sequential):
    """label.0 the table, label.1 the dense layer of a plane."""

    def __init__(self, classes, numbers, side=0):
        super().__init__(nn.Embedding(classes, numbers), *([nn.Linear(numbers, side * side)] if side else []))
        self.side = side

    def plane(self, label):
        return self(label).view(-1, 1, self.side, self.side)


class Generator(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s, w, size, x = s, s["width"], s["size"], s["channels"]
        d, z, seed = halvings(size), s["latent"], s["body"] == "seed"
        self.times = s["model"] == "wacgan"
        self.beside = s["conditional"] and not self.times
        if s["conditional"]:
            self.label = Label(s["n"], z) if self.times else Label(s["n"], 50, size // 4 if s["body"] == "wacgan" else size >> d)
        if s["body"] == "wacgan":
            p = size // 4
            self.main = nn.ModuleDict({"0": nn.Linear(z, 32 * w), "2": nn.Linear(32 * w, p * p * w), "4": nn.Conv2d(w + self.beside, 8 * w, 5, 1, 2),
                                       "6": nn.Conv2d(8 * w, 4 * w, 5, 1, 2), "8": nn.Conv2d(4 * w, x, 2)})
            return
        act = (lambda: nn.LeakyReLU(0.2)) if seed else nn.ReLU
        norm = lambda k: nn.BatchNorm2d(k, momentum=0.5 if seed else 0.1)
        layers = [nn.ConvTranspose2d(z, w << d - 1, size >> d, bias=False), norm(w << d - 1), act()]
        for i in range(d - 2, -1, -1):
            layers += [nn.ConvTranspose2d((w << i + 1) + (self.beside and i == d - 2), w << i, 4, 2, 1, bias=False), norm(w << i), act()]
        if seed:
            layers += [nn.ConvTranspose2d(w, w, 3, 1, 1, bias=False), norm(w), act()]
        last = nn.ConvTranspose2d(w, x, 3, 2, 1, output_padding=1, bias=False) if seed else nn.ConvTranspose2d(w, x, 4, 2, 1, bias=False)
        self.main = nn.Sequential(*layers, last, nn.Tanh())

    def forward(self, z, label):
        if self.s["conditional"]:
            z = z * self.label(label) if self.times else z
        if self.s["body"] != "wacgan":
            h = self.main[:3](z[:, :, None, None])
            return self.main[3:](torch.cat([h, self.label.plane(label)], 1) if self.beside else h)
        p, leaky = self.s["size"] // 4, lambda h: functional.leaky_relu(h, 0.3)
        h = leaky(self.main["2"](leaky(self.main["0"](z)))).view(len(z), p, p, -1).permute(0, 3, 1, 2)
        h = torch.cat([h, self.label.plane(label)], 1) if self.beside else h
        for name in "46":
            h = leaky(self.main[name](functional.interpolate(h, scale_factor=2)))
        return torch.tanh(self.main["8"](functional.pad(h, (0, 1, 0, 1))))


class Discriminator(nn.Module):
    def __init__(self, s, masks):
        super().__init__()
        self.s, w, size, x, layers = s, s["width"], s["size"], s["channels"], []
        self.told = s["conditional"] and s["model"] != "wacgan" and not s["joint"]
        self.second = s["adv"].startswith("wgan") or not s["as-published"]
        if s["body"] == "wacgan":
            if self.told:
                self.label = Label(s["n"], 50, size)
            for i in range(4):
                stride = 1 if i % 2 or s["unstrided"] else 2
                layers += [nn.Conv2d(x + self.told if i == 0 else w << i - 1, w << i, 3, stride, 1), nn.LeakyReLU(0.3), Drop(masks)]
            k, side = w << 3, size if s["unstrided"] else size // 4
        else:
            d, norm = halvings(size), s["reg"] == "none" and s["adv"] != "wgan-gp"
            if self.told:
                self.at = min(2, d - 1) if self.second else 0
                self.label = Label(s["n"], 50, size >> self.at)
            for i in range(d):
                c = x if i == 0 else w << i - 1
                c += self.told and i == self.at
                bare = i == 0 or not norm
                layers += [nn.Conv2d(c, w << i, 4, 2, 1, bias=bare)] + ([] if bare else [nn.BatchNorm2d(w << i, momentum=0.5 if s["body"] == "seed" else 0.1)])
                layers += [nn.LeakyReLU(0.2)]
            k, side = w << d - 1, size >> d
        self.main = nn.Sequential(*layers)
        self.score = nn.Conv2d(k, 1 + s["n"] if s["joint"] else 1, side, bias=False)
        if s["model"] == "wacgan":
            self.classes = nn.Conv2d(k, s["n"], side, bias=False)

    def features(self, x, label):
        plane = self.label.plane(label) if self.told else None
        for layer in self.main:
            if plane is not None and isinstance(layer, nn.Conv2d) and x.shape[2] == plane.shape[2]:
                x = torch.cat([x, plane], 1)
            x = layer(x)
        return x

    def forward(self, x, label):
        h = self.features(x, label)
        return self.score(h).flatten(1), self.classes(h).flatten(1) if self.s["model"] == "wacgan" else None


def leaky(h):
    return functional.leaky_relu(h, 0.2)


class StyleNorm(nn.BatchNorm2d):
    def __init__(self, k, n):
        super().__init__(k)
        self.gain, self.offset = nn.Conv2d(n, k, 1, bias=False), nn.Conv2d(n, k, 1, bias=False)

    def forward(self, x, style):
        c = style[:, :, None, None]
        return torch.relu(super().forward(x) * (1 + self.gain(c)) + self.offset(c))


class StyleGenerator(nn.Module):
    """Body `style`: z and the label's row become a style, which every norm is told."""

    def __init__(self, s):
        super().__init__()
        self.s, w, self.d = s, s["width"], halvings(s["size"])
        self.side, z, n = s["size"] >> self.d, s["latent"], 8 * w
        style = {"0": nn.Embedding(s["n"], 50)} if s["conditional"] else {}
        first = len(style)
        style |= {f"{first}": nn.Linear(z + 50 * first, n), f"{first + 2}": nn.Linear(n, n)}
        self.style, self.first = nn.ModuleDict(style), first
        main, before = {"0": nn.Linear(n, self.side**2 * n), "1": StyleNorm(n, n)}, n
        for i in range(self.d):
            k = min(8, 1 << self.d - 1 - i) * w
            main |= {f"{3 * i + 3}": nn.Conv2d(before, k, 3, 1, 1, bias=False), f"{3 * i + 4}": StyleNorm(k, n)}
            before = k
        self.main = nn.ModuleDict(main | {f"{3 * self.d + 3}": nn.Conv2d(before, s["channels"], 3, 1, 1, bias=False)})

    def forward(self, z, label):
        z = torch.cat([z, self.style["0"](label)], 1) if self.first else z
        style = leaky(self.style[f"{self.first + 2}"](leaky(self.style[f"{self.first}"](z))))
        h = self.main["0"](style).view(len(z), self.side, self.side, -1).permute(0, 3, 1, 2)
        h = self.main["1"](h, style)
        for i in range(self.d):
            h = self.main[f"{3 * i + 4}"](self.main[f"{3 * i + 3}"](functional.interpolate(h, scale_factor=2)), style)
        return torch.tanh(self.main[f"{3 * self.d + 3}"](h))


class StyleDiscriminator(nn.Module):
    """Body `style`: no norms, the batch's deviation, and the class by projection or as WACGAN's answer."""

    def __init__(self, s):
        super().__init__()
        self.s, w, d = s, s["d-width"] or s["width"], halvings(s["size"])
        self.tells = s["model"] == "wacgan"
        self.main = nn.ModuleDict({f"{2 * i}": nn.Conv2d(w << i - 1 if i else s["channels"], w << i, 4, 2, 1) for i in range(d)})
        k, side = w << d - 1, s["size"] >> d
        whole = {"0": nn.Linear((k + 1) * side * side, 4 * w), "2": nn.Linear(4 * w, 1)}
        if s["conditional"] and not self.tells:
            whole["3"] = nn.Embedding(s["n"], 4 * w)
        self.whole = nn.ModuleDict(whole)
        if self.tells:
            self.classes = nn.Conv2d(k, s["n"], side, bias=False)

    def forward(self, x, label):
        for layer in self.main.values():
            x = leaky(layer(x))
        deviation = (x.var(0, correction=0) + 1e-8).sqrt().mean().expand(len(x), 1, *x.shape[2:])
        h = leaky(self.whole["0"](torch.cat([x, deviation], 1).flatten(1)))
        score = self.whole["2"](h)
        if "3" in self.whole:
            score = score + (h * self.whole["3"](label)).sum(1, keepdim=True) / h.shape[1] ** 0.5
        return score, self.classes(x).flatten(1) if self.tells else None


class Drop(nn.Module):
    def __init__(self, masks):
        super().__init__()
        self.masks = masks

    def forward(self, x):
        return self.masks(x)


def optimiser(kind, net, lr, s):
    make = {"adam": lambda p: torch.optim.Adam(p, lr, (s["beta1"], s["beta2"]), 1e-8), "sgd": lambda p: torch.optim.SGD(p, lr, s["beta1"]),
            "sgd_nesterov": lambda p: torch.optim.SGD(p, lr, s["beta1"], nesterov=True), "rmsprop": lambda p: torch.optim.RMSprop(p, lr, s["beta2"], 1e-8),
            "adagrad": lambda p: torch.optim.Adagrad(p, lr)}
    return make[kind](net.parameters())


def record(out, letter, net, terms, weights, fake, s):
    total = sum(weights.get(name, 1) * term for name, term in terms.items())
    net.zero_grad()
    total.backward()
    out |= {f"{letter}.{name}": term.detach().reshape(1) for name, term in terms.items()}
    out |= {f"{letter}.total": total.detach().reshape(1), f"fake_{letter.lower()}": fake.detach()}
    out |= {f"grad.{letter}.{name}": weight.grad.clone() for name, weight in net.named_parameters()}
    if letter == "D" and s["clip-gradient"]:
        torch.nn.utils.clip_grad_value_(net.parameters(), s["clip-gradient"])
    optimiser(s[f"{letter.lower()}-optimiser"], net, s["d-lr"] if letter == "D" and s["d-lr"] else s["lr"], s).step()
    if letter == "D" and s["adv"] == "wgan" and s["clip"]:
        for weight in net.parameters():
            weight.data.clamp_(-s["clip"], s["clip"])
    out |= {f"after.{name}": value for name, value in state(letter, net).items()}


def state(letter, net):
    return {f"{letter}.{name}": value.detach().double().reshape(value.shape or (1,)).clone() for name, value in net.state_dict().items()}


def answers(scores, label, real, batch, s):
    """What D minimises on real or on fake pictures."""
    if s["joint"]:
        wanted = torch.zeros_like(scores)
        wanted[torch.arange(len(label)), label + 1 if real else 0] = 1
        return functional.binary_cross_entropy_with_logits(scores, wanted, reduction="sum") / len(label)
    if s["label-noise"] or s["label-smooth"]:
        u = (batch["uniform_r" if real else "uniform_f"] + 1) / 2
        wanted = 1 - s["label-smooth"] - s["label-noise"] * u if real else s["label-noise"] * u
        return functional.binary_cross_entropy_with_logits(scores[:, 0], wanted)
    kind = "wgan-gp" if s["adv"] == "wgan" else s["adv"]
    return base.adversarial(kind, scores, "real" if real else "fake")


def iteration(g, d, batch, s):
    out, x, label, target = {}, batch["x"], batch["label"], batch["label_target"]
    tells, n = s["model"] == "wacgan", len(batch["x"])
    drawn = g(batch["noise_d"], target).detach()
    x, fake = base.augmented(x, batch.get("view_R"), s), base.augmented(drawn, batch.get("view_F"), s)
    real_scores, real_classes = d(x, label)
    fake_scores, fake_classes = d(fake, target)
    terms = {"real": answers(real_scores, label, True, batch, s), "fake": answers(fake_scores, target, False, batch, s)}
    weights = {"cls": s["lambda-cls"], "cls_fake": s["lambda-cls-fake"], "gp": s["lambda-gp"], "r1": s["lambda-gp"], "wrong": 0.5}
    if s["wrong-labels"]:
        terms["wrong"] = answers(d(x, target)[0], target, False, batch, s)
        weights["fake"] = 0.5
    if tells:
        terms["cls"] = functional.cross_entropy(real_classes, label)
        if s["lambda-cls-fake"]:
            terms["cls_fake"] = functional.cross_entropy(fake_classes, label if s["unrelated"] else target)
    part = max(1, int(s["penalty-share"] * n + 0.5))
    seen = lambda y, _: d(y, label[:part])
    if s["reg"] == "gp":
        a = batch["alpha"][:part, None, None, None]
        terms["gp"] = (base.slope(seen, a * x[:part] + (1 - a) * fake[:part]).norm(dim=1) - 1).square().mean()
    if s["reg"] == "r1":
        terms["r1"] = base.slope(seen, x[:part]).square().sum(1).mean() / 2
    record(out, "D", d, terms, weights, drawn, s)

    fake = g(batch["noise_g"], target)
    scores, classes = d(base.augmented(fake, batch.get("view_G"), s), target)
    kind = "wgan-gp" if s["adv"] == "wgan" else s["adv"]
    terms = {"fake": answers(scores, target, True, batch, s) if s["joint"] else base.adversarial(kind, scores, "generator")}
    if tells:
        terms["cls"] = functional.cross_entropy(classes, label if s["unrelated"] else target)
    record(out, "G", g, terms, {"cls": s["lambda-cls"]}, fake, s)
    return out


USUAL = {"model": "gan", "adv": "bce", "reg": "none", "body": "dcgan", "size": 32, "channels": 3, "n": 3, "width": 4, "batch": 5, "latent": 10, "lr": 2e-4,
         "d-lr": 0.0, "beta1": 0.5, "beta2": 0.999, "lambda-cls": 1.0, "lambda-cls-fake": 0.0, "lambda-gp": 10.0, "conditional": 0, "joint": 0,
         "wrong-labels": 0, "as-published": 0, "unrelated": 0, "unstrided": 0, "label-noise": 0.0, "label-smooth": 0.0, "clip": 0.0, "clip-gradient": 0.0,
         "d-optimiser": "adam", "g-optimiser": "adam", "seed": 1, "diffaugment": "none", "penalty-share": 1.0, "d-width": 0}
TOLD = {"conditional": 1}
ALL = "brightness,contrast,translation,cutout"
RMS = {"adv": "wgan", "clip": 0.01, "d-optimiser": "rmsprop", "g-optimiser": "rmsprop", "beta2": 0.99}
GP = {"adv": "wgan-gp", "reg": "gp"}
SEED = {"model": "wacgan", "body": "wacgan", "adv": "wgan", "conditional": 1, "unrelated": 1, "unstrided": 1, "d-optimiser": "sgd", "beta1": 0.0,
        "g-optimiser": "rmsprop", "clip-gradient": 0.01, "lr": 1e-3, "d-lr": 0.01, "size": 16, "width": 2, "lambda-cls-fake": 1.0}
CASES = {
    "gan": {},
    "gan-soft": {"label-noise": 0.2, "label-smooth": 0.1, "d-lr": 3e-4, "seed": 2},
    "gan-seed-body": {"body": "seed", "size": 64, "width": 2, "batch": 3, "channels": 1, "seed": 3},
    "gan-r1": {"reg": "r1", "size": 48, "width": 3, "channels": 1, "seed": 4},
    "gan-96": {"size": 96, "width": 2, "batch": 2, "seed": 5, "channels": 1},
    "gan-descent": {"d-optimiser": "sgd_nesterov", "g-optimiser": "adagrad", "seed": 6},
    "cgan": {"model": "cgan", "seed": 7, **TOLD},
    "cgan-published": {"model": "cgan", "as-published": 1, "seed": 19, **TOLD},
    "cgan-joint": {"model": "cgan", "joint": 1, "seed": 8, **TOLD},
    "cgan-wrong-r1": {"model": "cgan", "wrong-labels": 1, "reg": "r1", "seed": 9, **TOLD},
    "cgan-wacgan-body": {"model": "cgan", "body": "wacgan", "width": 2, "size": 16, "seed": 18, **TOLD},
    "wgan": {"model": "wgan", "seed": 10, **RMS},
    "wgan-told": {"model": "wgan", "size": 48, "width": 3, "seed": 11, **RMS, **TOLD},
    "wgan-gp": {"model": "wgan-gp", "beta1": 0.0, "beta2": 0.9, "seed": 12, **GP},
    "wgan-gp-told": {"model": "wgan-gp", "size": 64, "width": 2, "n": 7, "channels": 1, "seed": 13, **GP, **TOLD},
    "wacgan": {"model": "wacgan", "lambda-cls": 5.0, "seed": 14, **GP, **TOLD},
    "wacgan-both": {"model": "wacgan", "lambda-cls-fake": 1.0, "g-optimiser": "rmsprop", "seed": 15, **GP, **TOLD},
    "wacgan-body": {"model": "wacgan", "body": "wacgan", "width": 2, "batch": 3, "seed": 16, **GP, **TOLD},
    "wacgan-seed": {"seed": 17, **SEED},
    "style": {"body": "style", "size": 48, "width": 2, "channels": 1, "reg": "r1", "beta1": 0.0, "seed": 20},
    "style-told": {"model": "cgan", "body": "style", "width": 2, "d-width": 3, "n": 7, "reg": "r1", "penalty-share": 0.4, "diffaugment": ALL, "seed": 21, **TOLD},
    "style-wrong": {"model": "cgan", "body": "style", "width": 2, "adv": "hinge", "wrong-labels": 1, "seed": 22, **TOLD},
    "style-tells": {"model": "wacgan", "body": "style", "width": 2, "penalty-share": 0.6, "seed": 23, **GP, **TOLD},
    "diffaugment": {"model": "cgan", "diffaugment": ALL, "reg": "r1", "penalty-share": 0.5, "seed": 24, **TOLD},
}


def draw_iteration(s):
    torch.manual_seed(s["seed"])
    masks = Masks()
    style = s["body"] == "style"
    g, d = (StyleGenerator(s) if style else Generator(s)).double(), (StyleDiscriminator(s) if style else Discriminator(s, masks)).double()
    for net in (g, d):
        base.liven(net)
        for name, value in net.named_buffers():
            if "running" in name:
                value.copy_(torch.rand_like(value) + 0.5)
    n = s["batch"]
    batch = {"x": 2 * torch.rand(n, s["channels"], s["size"], s["size"], **REAL) - 1, "alpha": torch.rand(n, **REAL)}
    batch["label"] = torch.randint(s["n"], (n,)) if s["conditional"] else torch.zeros(n, dtype=torch.int64)
    batch["label_target"] = torch.randint(s["n"], (n,)) if s["conditional"] else torch.zeros(n, dtype=torch.int64)
    if s["diffaugment"] != "none":
        batch |= {f"view_{which}": 2 * torch.rand(n, 6, **REAL) - 1 for which in "RFG"}
    for step in "dg":
        batch[f"noise_{step}"] = torch.randn(n, s["latent"], **REAL)
    if s["label-noise"] or s["label-smooth"]:
        batch |= {name: 2 * torch.rand(n, **REAL) - 1 for name in ("uniform_r", "uniform_f")}
    return g, d, batch, masks


def one(folder, title, changes):
    """Writes in.safetensors; returns the weights before and what is wanted."""
    s = USUAL | changes
    if not s["conditional"]:
        s = s | {"n": 1}
    g, d, batch, masks = draw_iteration(s)
    before = state("G", g) | state("D", d)
    want = iteration(g, d, batch, s)
    told = {key: value for key, value in s.items() if key != "n"} | {"classes": ",".join(f"class{i}" for i in range(s["n"])), "average": "0"}
    save_safetensors(folder / f"{title}.in.safetensors", before | batch | masks.drawn, told)
    return before, want


def compare(folder, title, changes):
    before, want = one(folder, title, changes)
    compare_step(title, folder / f"{title}.in.safetensors", before, want)


def main():
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--record"]:
        for title in ("gan-soft", "cgan-wrong-r1", "wgan-told", "wgan-gp-told", "wacgan", "wacgan-seed"):
            changes = CASES[title] | {"batch": 3} | ({"size": 8} if title == "wacgan-seed" else {"size": 12, "width": 3})
            _, want = one(pathlib.Path(sys.argv[2]), title, changes)
            save_safetensors(pathlib.Path(sys.argv[2]) / f"{title}.want.safetensors", want, {})
        return 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="facegan-torch-"))
    try:
        for title, changes in CASES.items():
            compare(folder, title, changes)
    finally:
        shutil.rmtree(folder)
    return report()


if __name__ == "__main__":
    sys.exit(main())
