#!/usr/bin/env python3
"""Holds facegan's GANmut against PyTorch in float64. `make test-torch`; needs ./facegan64, torch and numpy.

One iteration, written from the equations of d'Apolito et al. 2021 with StarGAN's networks: every random draw is an input of
the file, so both programs see the same numbers. Compared are losses, fakes, gradients and updated weights, in the linear and
the Gaussian model, two and three dimensions, with the paper's and the public code's way back, for several sizes and seeds.
Ends with the line `N passed, N failed, N skipped`. Where torch or numpy is missing, everything is skipped, loudly.
"""
import math
import pathlib
import shutil
import sys
import tempfile

from torch_common import compare_step, report
import torch_stargan as base
import torch
from torch import nn
from torch.nn import functional

NOISE, NEUTRAL = 0.075, 0.2


class LinearSpace(base.Generator):
    def __init__(self, s):
        super().__init__(s["conv_dim"], s["space_dim"], s["g_repeat"], s["channels"], False, s["keep"])
        self.fade = s.get("fade", 0)
        self.axes = nn.Linear(s["space_dim"], s["classes"] - 1)
        self.axes.weight.data *= 1e-4

    def direction_of(self, label):
        unit = functional.normalize(self.axes.weight, dim=1)
        return torch.cat([torch.zeros(1, unit.shape[1], dtype=unit.dtype), unit])[label]

    def forward(self, x, z):
        if not self.fade:
            return super().forward(x, z)
        r = (z.square().sum(1, keepdim=True) + 1e-8).sqrt()
        belief = self.fade + (1 - 2 * self.fade) * r.clamp(max=1)
        share = (0.5 + belief.logit() / (2 * math.log(1 / self.fade - 1)))[:, :, None, None]
        ends, parts = [], []
        for point in 0 * z, z / r:
            ends.append(super().forward(x, point))
            parts.append([self.shown, self.shown * self.colour, getattr(self, "pixels_moved", 0)] if self.keep != "none" else [])
        if self.keep == "none":
            return (1 - share) * ends[0] + share * ends[1]
        self.shown, paint, self.pixels_moved = ((1 - share) * a + share * b for a, b in zip(*parts))
        self.colour = paint / (self.shown + 1e-6)
        return self.painted(x)


class Weight(nn.Module):
    def __init__(self, values):
        super().__init__()
        self.weight = nn.Parameter(values)


class GaussianSpace(base.Generator):
    def __init__(self, s):
        n, d = s["classes"], s["space_dim"]
        super().__init__(s["conv_dim"], d, s["g_repeat"], s["channels"], False)
        self.mu = Weight(torch.rand(n, d) - 0.5)
        if d == 2:
            self.covariance_angles, self.covariance_axes = Weight(torch.randn(1, n)), Weight(torch.rand(n, 2) + 0.5)
        else:
            self.covariance_diagonal, self.covariance_lower = Weight(torch.rand(n, 3) + 0.5), Weight(torch.rand(n, 3) - 0.5)

    def covariance(self):
        if hasattr(self, "covariance_angles"):
            angle = self.covariance_angles.weight[0]
            turn = torch.stack([torch.stack([angle.cos(), -angle.sin()], 1), torch.stack([angle.sin(), angle.cos()], 1)], 1)
            return turn @ torch.diag_embed(self.covariance_axes.weight.abs()) @ turn.transpose(1, 2)
        a = torch.diag_embed(self.covariance_diagonal.weight)
        low = self.covariance_lower.weight
        a = a + functional.pad(low[:, :1, None], (0, 2, 1, 1)) + functional.pad(low[:, None, 1:], (0, 1, 2, 0))
        return a @ a.transpose(1, 2) + 1e-3 * torch.eye(3, dtype=a.dtype)

    def distances(self, z):
        v = z[:, None] - torch.tanh(self.mu.weight)[None]
        return torch.einsum("nki,kij,nkj->nk", v, torch.linalg.inv(self.covariance()), v)


class Judge(base.Discriminator):
    """-> map, class scores, coordinates. The Gaussian model has one head for classes and coordinates, the linear two."""

    def __init__(self, s):
        self.classes, self.linear = s["classes"], s["model"] == "ganmut"
        width = s.get("d_conv_dim", s["conv_dim"])
        super().__init__(s["size"], width, s["classes"] + (0 if self.linear else s["space_dim"]), s["d_repeat"], s["channels"])
        if self.linear:
            self.conv3 = nn.Conv2d(width << s["d_repeat"] - 1, s["space_dim"], s["size"] >> s["d_repeat"], bias=False)

    def forward(self, x, condition=None):
        h = self.main(x)
        scores = self.conv2(h).flatten(1)
        where = self.conv3(h).flatten(1) if self.linear else scores[:, self.classes:]
        return self.conv1(h), scores[:, :self.classes], where


def anywhere(angle, s):
    if s["space_dim"] == 2:
        return torch.stack([angle.cos(), angle.sin()], 1)
    flat = (1 - angle[:, 1].square()).sqrt()
    return torch.stack([flat * angle[:, 0].cos(), flat * angle[:, 0].sin(), angle[:, 1]], 1)


def points(g, batch, label, rho, step, s):
    if s["model"] == "ganmut-gaussian":
        return torch.cat([torch.tanh(g.mu.weight)] + ([batch[f"uniform_{step}"]] if s["batch"] > s["classes"] else []))
    z = rho[:, None] * g.direction_of(label) + NOISE * batch[f"noise_{step}"]
    k = s["n_r"]
    return torch.cat([rho[:k, None] * anywhere(batch[f"angle_{step}"], s), z[k:]]) if k else z


def iteration(g, d, batch, s):
    out, x, label, target = {}, batch["x"], batch["label"], batch["label_target"]
    rho = batch.get("rho")
    z = points(g, batch, target, rho, "d", s).detach()
    fake = g(x, z).detach()
    real_map, scores, _ = d(x)
    fake_map, _, where = d(fake)
    terms = {"real": -real_map.mean(), "fake": fake_map.mean(), "cls": functional.cross_entropy(scores, label)}
    if s["reg"] == "gp":
        a = batch["alpha"][:, None, None, None]
        terms["gp"] = (base.slope(d, a * x + (1 - a) * fake).norm(dim=1) - 1).square().mean()
    if s["reg"] == "r1":
        terms["r1"] = base.slope(d, x).square().sum(1).mean() / 2
    terms["info"] = functional.mse_loss(where, z)
    base.record(out, "D", d, terms, {"cls": s["lambda_cls"], "gp": s["lambda_gp"], "r1": s["lambda_gp"], "info": s["lambda_info"]}, fake, s)

    z = points(g, batch, target, rho, "g", s)
    fake = g(x, z)
    shown = getattr(g, "shown", None)
    fake_map, scores, where = d(fake)
    with torch.no_grad():
        _, x_scores, x_where = d(x)
    terms = {"fake": -fake_map.mean()}
    if s["model"] == "ganmut":
        k = s["n_r"]
        terms["cls"] = functional.cross_entropy(scores[k:], target[k:])
        strong = rho > NEUTRAL
        certainty = scores.softmax(1).amax(1)
        if s.get("mix"):
            near = (8 * anywhere(batch["angle_g"], s) @ functional.normalize(g.axes.weight, dim=1).T).softmax(1)
            near = torch.cat([torch.zeros(k, 1).double(), near], 1)
            near[rho[:k] <= NEUTRAL] = functional.one_hot(torch.tensor(0), s["classes"]).double()
            mixed = torch.cat([near, functional.one_hot(target[k:], s["classes"]).double()]).detach()
            terms["cls"] = functional.cross_entropy(scores, mixed)
            certainty = (scores.softmax(1) * mixed).sum(1) / mixed.square().sum(1)
        terms["rho"] = (certainty - rho)[strong].square().mean() if strong.any() else 0 * scores.sum()
        terms["info"] = functional.mse_loss(where, z)
        back = x_where
        if s["cycle"] == "approximate":
            back = x_scores.softmax(1).amax(1, keepdim=True) * g.direction_of(label)
    else:
        q = (-g.distances(z)).log_softmax(1)
        p = scores.log_softmax(1)
        terms["cls"] = ((p.exp() - q.exp()) * (p - q)).sum(1).mean()
        terms["prediction"] = functional.cross_entropy(scores[:s["classes"]], torch.arange(s["classes"]))
        back = x_where
    if s["keep"] != "none":
        terms["tv"], terms["mask"] = base.variation(fake - g.under), shown.mean()
    if s["keep"] == "warp":
        terms["moves"] = base.variation(g.pixels_moved)
    terms["rec"] = (x - g(fake, back)).abs().mean()
    for weight in g.parameters():
        weight.grad = torch.zeros_like(weight)
    record_generator(out, g, terms, {k: s[f"lambda_{k}"] for k in terms if k != "fake"}, fake, s)
    return out


def record_generator(out, g, terms, weights, fake, s):
    """base.record, but a weight that nothing uses (axes.bias) has the gradient 0."""
    unused = [weight for name, weight in g.named_parameters() if name == "axes.bias"]
    terms = terms | {"rec": terms["rec"] + sum(0 * weight.sum() for weight in unused)}
    base.record(out, "G", g, terms, weights, fake, s)


USUAL = {"model": "ganmut", "adv": "wgan-gp", "reg": "gp", "labels": "classes", "size": 16, "channels": 3, "classes": 7, "conv_dim": 4, "g_repeat": 1,
         "d_repeat": 3, "batch": 9, "n_r": 4, "lr": 1e-4, "beta1": 0.5, "beta2": 0.999, "lambda_cls": 1.0, "lambda_rec": 10.0, "lambda_gp": 10.0,
         "keep": "none", "lambda_tv": 0.0, "lambda_mask": 0.0, "lambda_moves": 0.0, "lambda_info": 1.0, "lambda_rho": 1.0, "lambda_prediction": 0.5, "cycle": "original", "space_dim": 2, "seed": 1}


def draw_iteration(s):
    torch.manual_seed(s["seed"])
    linear = s["model"] == "ganmut"
    g, d = (LinearSpace(s) if linear else GaussianSpace(s)).double(), Judge(s).double()
    for name, weight in g.named_parameters():
        if name.startswith("main") and weight.dim() == 1:
            weight.data = torch.rand_like(weight) + 0.5 if name.endswith("weight") else 0.4 * torch.rand_like(weight) - 0.2
    n, dim = s["batch"], s["space_dim"]
    real = {"dtype": torch.float64}
    batch = {"x": 2 * torch.rand(n, s["channels"], s["size"], s["size"], **real) - 1, "alpha": torch.rand(n, **real)}
    batch["label"], batch["label_target"] = torch.randint(s["classes"], (n,)), torch.randint(s["classes"], (n,))
    if s.get("all_neutral"):
        batch["label_target"][:] = 0
    if linear:
        u = torch.rand(n, **real)
        batch["rho"] = torch.where(batch["label_target"] == 0, NEUTRAL * u, NEUTRAL + (1 - NEUTRAL) * u)
        for step in "dg":
            batch[f"noise_{step}"] = torch.randn(n, dim, **real)
            turn = 2 * math.pi * torch.rand(s["n_r"], **real)
            if s["n_r"]:
                batch[f"angle_{step}"] = turn if dim == 2 else torch.stack([turn, 2 * torch.rand(s["n_r"], **real) - 1], 1)
    else:
        for step in "dg":
            if n > s["classes"]:
                batch[f"uniform_{step}"] = 2 * torch.rand(n - s["classes"], dim, **real) - 1
    return g, d, batch


def compare(folder, title, **changes):
    s = USUAL | changes
    g, d, batch = draw_iteration(s)
    before = base.named_weights(g, d)
    base.save_iteration(folder / "in.safetensors", s, g, d, batch)
    want = iteration(g, d, batch, s)
    compare_step(title, folder / "in.safetensors", before, want)


def main():
    torch.set_num_threads(1)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="facegan-torch-"))
    gaussian = {"model": "ganmut-gaussian", "n_r": 0}
    try:
        compare(folder, "linear")
        compare(folder, "linear, approximate, r1", cycle="approximate", reg="r1", seed=2)
        compare(folder, "linear, 24 px grey, 3 classes, n_r 0", size=24, channels=1, classes=3, n_r=0, conv_dim=3, d_repeat=2, seed=3)
        compare(folder, "linear, 32 px, width 12, 2 classes, batch 4, n_r 3", size=32, d_repeat=4, conv_dim=12, classes=2, batch=4, n_r=3, seed=4)
        compare(folder, "linear, other weights", lambda_cls=0.3, lambda_rho=2.0, lambda_info=3.0, lambda_rec=1.0, seed=5)
        compare(folder, "linear, mixed between the directions, a wider D", mix=1, d_conv_dim=6, seed=13)
        compare(folder, "linear, faded", fade=0.01, seed=16)
        compare(folder, "linear, faded, keep mask, its mean and total variation", fade=0.2, keep="mask", lambda_tv=1.3, lambda_mask=0.7, mix=1, seed=17)
        compare(folder, "linear, faded, keep warp, its movement", fade=0.2, keep="warp", lambda_tv=1.3, lambda_mask=0.7, lambda_moves=0.8, mix=1, seed=18)
        compare(folder, "linear, every target neutral: no strength loss", all_neutral=1, seed=6)
        compare(folder, "linear, mixed, every target neutral", mix=1, all_neutral=1, seed=14)
        compare(folder, "linear, mixed, three dimensions", mix=1, space_dim=3, seed=15)
        compare(folder, "linear, three dimensions", space_dim=3, seed=7)
        compare(folder, "linear, three dimensions, approximate", space_dim=3, cycle="approximate", n_r=2, seed=8)
        compare(folder, "Gaussian", batch=11, seed=9, **gaussian)
        compare(folder, "Gaussian, 5 classes, 20 px, width 5, r1", classes=5, size=20, d_repeat=2, conv_dim=5, reg="r1", seed=10, **gaussian)
        compare(folder, "Gaussian, batch of the means alone", classes=4, batch=4, lambda_prediction=2.0, seed=11, **gaussian)
        compare(folder, "Gaussian, three dimensions", space_dim=3, batch=10, seed=12, **gaussian)
    finally:
        shutil.rmtree(folder)
    return report()


if __name__ == "__main__":
    sys.exit(main())
