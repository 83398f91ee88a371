#!/usr/bin/env python3
"""torch_gpu.py SIZE BATCH CHANNELS: PyTorch's milliseconds on a GPU for what `facegan bench stargan` times: a D step (WGAN-GP), a
G step, 5 D + 1 G, and the generator alone, at the paper's widths, in several ways of running PyTorch.

    eager fp32, eager tf32                       what public code gets
    channels_last, bf16 autocast, torch.compile  its best; the steps as CUDA graphs where the GPU allows it

A way that this PyTorch cannot go is named and skipped. Medians of 20 runs, by the GPU's clock, after 5 to warm up."""
import statistics
import sys

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError:
    sys.exit("skipped: no PyTorch here")
if not torch.cuda.is_available():
    sys.exit("skipped: this PyTorch sees no GPU")

SIZE, BATCH, CHANNELS = (int(a) for a in sys.argv[1:4])
CLASSES, WIDTH, BLOCKS = 4, 64, 6
HALVINGS = {128: 6, 64: 5, 48: 4}[SIZE]
GPU = torch.device("cuda")


def normed(layer, channels):
    return [layer, nn.InstanceNorm2d(channels, affine=True)]


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.main = nn.Sequential(*normed(nn.Conv2d(c, c, 3, 1, 1, bias=False), c), nn.ReLU(True),
                                  *normed(nn.Conv2d(c, c, 3, 1, 1, bias=False), c))

    def forward(self, x):
        return x + self.main(x)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        layers = normed(nn.Conv2d(CHANNELS + CLASSES, WIDTH, 7, 1, 3, bias=False), WIDTH) + [nn.ReLU(True)]
        c = WIDTH
        for _ in range(2):
            layers += normed(nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False), 2 * c) + [nn.ReLU(True)]
            c *= 2
        layers += [Residual(c) for _ in range(BLOCKS)]
        for _ in range(2):
            layers += normed(nn.ConvTranspose2d(c, c // 2, 4, 2, 1, bias=False), c // 2) + [nn.ReLU(True)]
            c //= 2
        self.main = nn.Sequential(*layers, nn.Conv2d(c, CHANNELS, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, x, label):
        return self.main(torch.cat([x, label[:, :, None, None].expand(-1, -1, SIZE, SIZE)], 1))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        layers, before, c = [], CHANNELS, WIDTH
        for _ in range(HALVINGS):
            layers += [nn.Conv2d(before, c, 4, 2, 1), nn.LeakyReLU(0.01)]
            before, c = c, 2 * c
        self.main = nn.Sequential(*layers)
        self.source = nn.Conv2d(before, 1, 3, 1, 1, bias=False)
        self.classes = nn.Conv2d(before, CLASSES, SIZE >> HALVINGS, bias=False)

    def forward(self, x):
        h = self.main(x)
        return self.source(h), self.classes(h).flatten(1)


class Case:
    """Both networks, their optimisers, a batch, and the two steps, in one way of running them."""

    def __init__(self, autocast=False, last=False, compiled=False, graphs=False):
        torch.manual_seed(1)
        self.autocast = autocast
        self.g, self.d = Generator().to(GPU), Discriminator().to(GPU)
        self.x = torch.rand(BATCH, CHANNELS, SIZE, SIZE, device=GPU) * 2 - 1
        if last:
            self.g, self.d, self.x = (t.to(memory_format=torch.channels_last) for t in (self.g, self.d, self.x))
        self.label = torch.arange(BATCH, device=GPU) % CLASSES
        self.target = (self.label + 1) % CLASSES
        self.alpha = torch.rand(BATCH, 1, 1, 1, device=GPU)
        self.g_call = torch.compile(self.g) if compiled else self.g
        self.d_call = torch.compile(self.d) if compiled else self.d
        options = dict(lr=1e-4, betas=(0.5, 0.999), fused=True, capturable=graphs)
        self.g_adam = torch.optim.Adam(self.g.parameters(), **options)
        self.d_adam = torch.optim.Adam(self.d.parameters(), **options)
        self.steps = [self.captured(s) if graphs else s for s in (self.d_step, self.g_step, self.forward)]

    def one_hot(self, labels):
        return F.one_hot(labels, CLASSES).float()

    def d_step(self):
        with torch.autocast("cuda", torch.bfloat16, enabled=self.autocast):
            with torch.no_grad():
                fake = self.g_call(self.x, self.one_hot(self.target))
            source, classes = self.d_call(self.x)
            loss = -source.mean() + F.cross_entropy(classes.float(), self.label) + self.d_call(fake)[0].mean()
            mixed = (self.alpha * self.x + (1 - self.alpha) * fake).float().requires_grad_(True)
            source = self.d(mixed)[0]                    # a compiled network cannot be differentiated twice
        slope = torch.autograd.grad(source.sum(), mixed, create_graph=True)[0].flatten(1).float()
        loss = loss + 10 * ((slope.norm(dim=1) - 1) ** 2).mean()
        self.d_adam.zero_grad(set_to_none=True)
        loss.backward()
        self.d_adam.step()

    def g_step(self):
        with torch.autocast("cuda", torch.bfloat16, enabled=self.autocast):
            fake = self.g_call(self.x, self.one_hot(self.target))
            source, classes = self.d_call(fake)
            again = self.g_call(fake, self.one_hot(self.label))
            loss = -source.mean() + F.cross_entropy(classes.float(), self.target) + 10 * (self.x - again).abs().mean()
        self.g_adam.zero_grad(set_to_none=True)
        loss.backward()
        self.g_adam.step()

    def forward(self):
        with torch.no_grad(), torch.autocast("cuda", torch.bfloat16, enabled=self.autocast):
            self.g_call(self.x, self.one_hot(self.target))

    def captured(self, step):
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        return graph.replay


def milliseconds(step):
    times = []
    for i in range(25):
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        step()
        stop.record()
        torch.cuda.synchronize()
        if i >= 5:
            times.append(start.elapsed_time(stop))
    return statistics.median(times)


def main():
    ways = [("eager fp32", False, {}), ("eager tf32", True, {}), ("tf32 channels_last graphs", True, dict(last=True, graphs=True)),
            ("bf16", True, dict(autocast=True)), ("bf16 channels_last", True, dict(autocast=True, last=True)),
            ("bf16 channels_last graphs", True, dict(autocast=True, last=True, graphs=True)),
            ("bf16 channels_last compile", True, dict(autocast=True, last=True, compiled=True))]
    print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}, {SIZE} px, batch {BATCH}, {CHANNELS} channels")
    for name, tf32, options in ways:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
        try:
            d, g, forward = (milliseconds(step) for step in Case(**options).steps)
            print(f"{name:28s} D step {d:8.2f} ms   G step {g:8.2f} ms   forward {forward:8.2f} ms   5 D + 1 G {5 * d + g:9.2f} ms")
        except Exception as reason:                      # this way is closed here: say so, try the next
            print(f"{name:28s} skipped: {str(reason).splitlines()[0][:90]}")
        torch.cuda.empty_cache()


main()
