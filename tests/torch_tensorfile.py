#!/usr/bin/env python3
"""Holds vendor/tensorfile.h bit for bit against PyTorch, NumPy and safetensors.

    python3 tests/torch_tensorfile.py [FILE...]        FILE: further files to read (.pt .pth .safetensors .npy .npz)

Optional: needs torch, numpy and a C compiler (exit 77 with the reason if one is missing), safetensors if it is there.
"""
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy
    import torch
except ImportError as problem:
    print("skipped:", problem)
    sys.exit(77)
try:
    import safetensors.torch as safetensors_torch
except ImportError:
    safetensors_torch = None
    print("skipped in part: safetensors is missing")

import torch_common as common
from torch_common import check

COMPILER = os.environ.get("CC", "cc")
if not shutil.which(COMPILER):
    print("skipped: there is no C compiler", COMPILER)
    sys.exit(77)

HELPER = r"""
#define TENSORFILE_IMPLEMENTATION
#include "tensorfile.h"
int main(int argc, char **argv)                 /* IN: prints every tensor;  IN OUT: converts */
{
    char error[TENSORFILE_ERROR_SIZE];
    TensorFile file;
    if (!tensorfile_load(argv[1], &file, error)) { fprintf(stderr, "%s\n", error); return 1; }
    if (argc > 2 && !tensorfile_save(argv[2], &file, error)) { fprintf(stderr, "%s\n", error); return 1; }
    for (size_t i = 0; argc == 2 && i < file.count; i++) {
        TensorEntry *t = &file.tensors[i];
        printf("%zu %s %d", strlen(t->name), tensorfile_type_name(t->type), t->rank);
        for (int d = 0; d < t->rank; d++) printf(" %lld", (long long)t->shape[d]);
        printf("\n%s", t->name);
        fwrite(t->data, 1, t->bytes, stdout);
    }
    for (size_t i = 0; i < file.n_skipped; i++) fprintf(stderr, "%s: %s\n", file.skipped[i].name, file.skipped[i].reason);
    tensorfile_free(&file);
    return 0;
}
"""
TYPES = {
    "F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}
warnings.filterwarnings("ignore", category=UserWarning)        # torch's about what is new or old


def raw(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def flatten(value, name=""):
    """What the reader promises: nested dicts, lists and tuples joined by dots."""
    if isinstance(value, torch.Tensor):
        return {name or "data": value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    found = {}
    for key, item in items:
        found.update(flatten(item, f"{name}.{key}" if name else str(key)))
    return found


class Helper:
    def __init__(self, folder):
        source = folder / "helper.c"
        source.write_text(HELPER)
        vendor = pathlib.Path(__file__).resolve().parent.parent / "vendor"
        self.program = folder / "helper"
        flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-I", vendor]
        subprocess.run([COMPILER, *flags, source, "-o", self.program], check=True)

    def read(self, path):
        """{name: (type, shape, bytes)}, or the error text."""
        result = subprocess.run([self.program, path], capture_output=True)
        if result.returncode != 0:
            return result.stderr.decode()
        found, data, at = collections.OrderedDict(), result.stdout, 0
        while at < len(data):
            newline = data.index(b"\n", at)
            length, kind, _, *shape = data[at:newline].decode().split()
            at = newline + 1
            name = data[at:at + int(length)].decode()
            at += int(length)
            shape = tuple(int(side) for side in shape)
            size = TYPES[kind].itemsize * int(numpy.prod(shape, dtype=object) if shape else 1)
            found[name] = (TYPES[kind], shape, data[at:at + size])
            at += size
        return found

    def left_out(self, path):
        """{name: reason} of a file that is read."""
        result = subprocess.run([self.program, path], capture_output=True, text=True, errors="replace")
        return dict(line.split(": ", 1) for line in result.stderr.splitlines()) if result.returncode == 0 else result.stderr

    def convert(self, path, out):
        subprocess.run([self.program, path, out], check=True)

    def expect(self, path, wanted, what):
        found = self.read(path)
        if isinstance(found, str):
            return check(False, f"{what}: {found}")
        check(list(found) == list(wanted), f"{what}: names {list(found)[:5]} ... wanted {list(wanted)[:5]} ...")
        for name, tensor in wanted.items():
            got = found.get(name)
            check(got == (tensor.dtype, tuple(tensor.shape), raw(tensor)), f"{what}: {name}")

    def refuse(self, path, words):
        found = self.read(path)
        check(isinstance(found, str) and words in found, f"{path.name}: '{words}' expected, not {found}")


def every_type():
    torch.manual_seed(1)
    tensors = collections.OrderedDict()
    for name, dtype in TYPES.items():
        for shape in ((), (1,), (0,), (3, 0, 2), (5,), (2, 3), (3, 1, 4), (2, 1, 3, 2), (2, 2, 2, 1, 2, 1, 2, 3)):
            values = torch.randn(shape, dtype=torch.float64) * 50
            tensors[f"{name}{list(shape)}"] = values.to(dtype) if dtype != torch.bool else values > 0
    tensors["special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45])
    return tensors


def strided():
    base = torch.arange(240.0).reshape(4, 3, 4, 5)
    shared = torch.arange(12, dtype=torch.int16)
    return collections.OrderedDict(
        transposed=base.permute(3, 2, 1, 0), last=base.transpose(2, 3), slice=base[1:, ::2, 1:3, ::3],
        channels_last=base.to(memory_format=torch.channels_last), expanded=torch.ones(3, 1).expand(3, 7),
        row=base[2, 1], element=base[1, 2, 3, 4], shared_a=shared[2:8], shared_b=shared[::3],
        shared_c=shared.reshape(3, 4).t(), empty=base[:0].permute(1, 0, 2, 3))


def nested():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(5, 2))
    optimiser = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    return {"state_dict": model.state_dict(), "optimizer": optimiser.state_dict(), "epoch": 12, "loss": 0.25,
            "best": None, "name": "räksmörgås", "size": torch.Size([1, 2]), "device": torch.device("cpu"),
            "dtype": torch.float32, "names": {"a", "b"}, "big": 10**30, "negative": -5,
            "module.x": torch.nn.Parameter(torch.ones(2)), "schedule": collections.Counter([3, 3, 4]),
            "list": [torch.zeros(1), (torch.ones(1), 2, {"deep": torch.ones(2)})]}


def test_torch(helper, folder):
    samples = {"types": every_type(), "strided": strided(), "nested": nested(), "lone": torch.arange(6.0).reshape(2, 3),
               "list": [torch.ones(1), {"x": torch.ones(2)}], "none": {},
               "many": {f"layer{i}.weight": torch.full((3,), i) for i in range(2000)}}
    for name, sample in samples.items():
        for layout in (True, False):
            for protocol in (1, 2, 3, 4, 5):
                path = folder / f"{name}-{'zip' if layout else 'legacy'}-{protocol}.pt"
                torch.save(sample, path, pickle_protocol=protocol, _use_new_zipfile_serialization=layout)
                helper.expect(path, flatten(sample), path.name)
    refused = {"a single NumPy number": {"x": numpy.float64(1)}, "NumPy type 'U1'": {"x": numpy.array(["a"])},
               "ComplexFloatStorage": {"x": torch.zeros(2, dtype=torch.complex64)},
               "a sparse tensor": {"x": torch.ones(2, 2).to_sparse()}, "state_dict()": torch.nn.Linear(2, 2)}
    for words, sample in refused.items():
        torch.save(sample, folder / "refused.pt")
        helper.refuse(folder / "refused.pt", words)
        torch.save(sample, folder / "refused.pt", _use_new_zipfile_serialization=False)
        helper.refuse(folder / "refused.pt", words)
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), folder / "script.pt")
    helper.refuse(folder / "script.pt", "TorchScript")
    torch.serialization.set_crc32_options(False)
    torch.save(samples["strided"], folder / "no-crc.pt")
    torch.serialization.set_crc32_options(True)
    helper.expect(folder / "no-crc.pt", samples["strided"], "without CRC")


class ModelCheckpoint:
    pass


def test_odd_items(helper, folder):
    """One odd item beside a tensor in front and one behind: both are read, the item is converted or named."""
    floats = torch.tensor([0, 1, -2, 448, 2.0 ** -9, float("nan"), 1.5])
    numbers = torch.tensor([[0, 1, 65535], [2, 3, 4]])
    read = {
        "uint16": (numbers.to(torch.uint16).t(), numbers.to(torch.int32).t()),
        "uint32": (torch.tensor([7, 2 ** 32 - 1]).to(torch.uint32), torch.tensor([7, 2 ** 32 - 1])),
        "uint64": (torch.tensor([7, 2 ** 63 - 1]).to(torch.uint64), torch.tensor([7, 2 ** 63 - 1])),
        "e4m3fn": (floats.to(torch.float8_e4m3fn), floats.to(torch.float8_e4m3fn).to(torch.float16)),
        "e5m2": (floats.to(torch.float8_e5m2), floats.to(torch.float8_e5m2).to(torch.float16)),
        "part": (torch.arange(9).to(torch.uint16)[3:7], torch.arange(3, 7, dtype=torch.int32)),
        "array": (numpy.arange(6.0).reshape(2, 3) - 200, torch.arange(6.0, dtype=torch.float64).reshape(2, 3) - 200),
        "big-endian": (numpy.arange(-3, 3).astype(">f4"), torch.arange(-3.0, 3)),
        "array of uint32": (numpy.array([1, 2 ** 32 - 1], numpy.uint32), torch.tensor([1, 2 ** 32 - 1])),
        "key": ({ModelCheckpoint: torch.ones(2)}, {"__main__.ModelCheckpoint": torch.ones(2)}),
        "subclass": (torch.nn.Buffer(torch.ones(2)), torch.ones(2)),
        "random state": (numpy.random.get_state()[1][:5], torch.from_numpy(numpy.random.get_state()[1][:5].astype("i8"))),
    }
    left_out = {
        "number": numpy.float64(73.1), "flag": numpy.bool_(True), "strings": numpy.array(["happy", "sad"]),
        "structure": numpy.zeros(2, [("a", "f4")]), "date": numpy.array(["2020-01-01"], "datetime64[D]"),
        "complex array": numpy.zeros(2, complex), "complex": torch.zeros(2, dtype=torch.complex128),
        "sparse": torch.eye(3).to_sparse(), "rows": torch.eye(3).to_sparse_csr(),
        "quantised": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        "fnuz": torch.zeros(2).to(torch.float8_e4m3fnuz), "past 2^63": torch.tensor([2 ** 64 - 1], dtype=torch.uint64),
        "module": torch.nn.Linear(2, 2), "generator": numpy.random.default_rng(0), "set": {1}, "path": pathlib.Path("x"),
        "nine": torch.zeros([1] * 9), "meta": torch.zeros(2, device="meta"), "storage": torch.ones(2).untyped_storage(),
    }
    front, behind, path = torch.arange(6.0).reshape(2, 3), torch.tensor([7.0]), folder / "odd.pt"
    for layout in (True, False):
        for protocol in (2, 4, 5):
            for name, item in {**read, **left_out}.items():
                sample = {"G": {"w": front}, "it": item[0] if name in read else item, "after": behind}
                torch.save(sample, path, pickle_protocol=protocol, _use_new_zipfile_serialization=layout)
                what = f"{name}, {'zip' if layout else 'legacy'}, protocol {protocol}"
                wanted = {"G.w": front, "it": item[1], "after": behind} if name in read else {"G.w": front, "after": behind}
                helper.expect(path, flatten(wanted), what)
                gone = helper.left_out(path)
                check(list(gone) == ([] if name in read else ["it"]), f"{what}: left out {gone}")
    torch.save({"w": front, "callbacks": {(1, 2): {"x": front}, None: front, 3: behind}}, path)
    helper.expect(path, {"w": front, "callbacks.3": behind}, "strange keys")


def test_torch_written(helper, folder):
    """What is written as .pt, torch.load takes with weights_only=True, its safe reader."""
    for source in ("types-zip-2.pt", "types-legacy-2.pt", "strided-zip-2.pt", "many-zip-2.pt", "none-zip-2.pt"):
        helper.convert(folder / source, folder / "written.pt")
        written, wanted = torch.load(folder / "written.pt", weights_only=True), helper.read(folder / source)
        check(list(written) == list(wanted), f"{source} as .pt: names")
        for name, tensor in written.items():
            check((tensor.dtype, tuple(tensor.shape), raw(tensor)) == wanted[name], f"{source} as .pt: {name}")
            check(tensor.is_contiguous() and not tensor.requires_grad, f"{source} as .pt: {name} is plain")
        helper.expect(folder / "written.pt", written, f"{source} read back")


def test_numpy(helper, folder):
    arrays = {}
    for kind in "f2 f4 f8 i1 i2 i4 i8 u1 b1".split():
        for shape in ((), (3,), (0, 2), (4, 5), (2, 3, 4)):
            values = numpy.asarray(numpy.random.default_rng(1).standard_normal(shape) * 50).astype(kind)
            for order in "<>":
                for layout in "CF":
                    array = numpy.asarray(values, dtype=numpy.dtype(kind).newbyteorder(order), order=layout)
                    name = f"{kind}{order}{layout}{list(shape)}"
                    arrays[name] = array
                    numpy.save(folder / "x.npy", array)
                    helper.expect(folder / "x.npy", {"data": torch.tensor(values)}, name)
    wanted = {name: torch.tensor(array.astype(array.dtype.newbyteorder("="))) for name, array in arrays.items()}
    arrays["zeros"] = numpy.zeros(3000000, numpy.float32)           # deflated a thousandfold
    arrays["text"] = numpy.frombuffer(b"the quick brown fox " * 5000, numpy.uint8)
    arrays["noise"] = numpy.random.default_rng(2).integers(0, 256, 300000).astype(numpy.uint8)
    arrays["normal"] = numpy.random.default_rng(3).standard_normal(100000).astype(numpy.float32)
    arrays["folder/name"] = numpy.arange(3)
    for name in ("zeros", "text", "noise", "normal", "folder/name"):
        wanted[name] = torch.from_numpy(arrays[name].copy())
    numpy.savez(folder / "stored.npz", **arrays)
    numpy.savez_compressed(folder / "deflated.npz", **arrays)
    numpy.savez(folder / "none.npz")
    for name in ("stored", "deflated"):
        helper.expect(folder / f"{name}.npz", wanted, name)
        helper.convert(folder / f"{name}.npz", folder / "again.npz")
        with numpy.load(folder / "again.npz") as again:
            check(again.files == list(wanted), "order of the .npz's members")
            for key, tensor in wanted.items():
                array = again[key]
                check(array.dtype == tensor.numpy().dtype and array.shape == tuple(tensor.shape) and
                      array.tobytes() == tensor.numpy().tobytes(), f"{name}.npz written: {key}")
    helper.expect(folder / "none.npz", {}, "empty .npz")
    for version in (1, 2, 3):
        with open(folder / "x.npy", "wb") as file:
            numpy.lib.format.write_array(file, numpy.arange(7), version=(version, 0))
        helper.expect(folder / "x.npy", {"data": torch.arange(7)}, f".npy version {version}")
    helper.convert(folder / "x.npy", folder / "y.npy")
    check((numpy.load(folder / "y.npy") == numpy.arange(7)).all(), ".npy written")
    for array, words in ((numpy.zeros(2, "c8"), "'<c8'"), (numpy.zeros(2, "g"), "'<f16'"),
                         (numpy.zeros(2, "S3"), "'|S3'"), (numpy.array([{}, 1], dtype=object), "without an array of"),
                         (numpy.zeros(2, [("a", "f4")]), "structured")):
        numpy.save(folder / "x.npy", array, allow_pickle=True)
        helper.refuse(folder / "x.npy", words)


def test_safetensors(helper, folder):
    sample = {name: tensor.contiguous() for name, tensor in every_type().items()}
    sample['quote " slash \\ tab \t räksmörgås 😀'] = torch.ones(3)
    path, metadata = folder / "types.safetensors", {"format": "pt", "text": 'line\n"quoted" 😀'}
    safetensors_torch.save_file(sample, path, metadata)
    found = helper.read(path)
    helper.expect(path, {name: sample[name] for name in found}, "safetensors")
    check(set(found) == set(sample), "safetensors names")
    for source in (path, folder / "strided-zip-2.pt", folder / "types-legacy-2.pt", folder / "stored.npz"):
        helper.convert(source, folder / "written.safetensors")
        written, wanted = safetensors_torch.load_file(folder / "written.safetensors"), helper.read(source)
        check(set(written) == set(wanted), f"{source.name} as safetensors")
        for name, tensor in written.items():
            check((tensor.dtype, tuple(tensor.shape), raw(tensor)) == wanted[name], f"{source.name} converted: {name}")
    helper.convert(path, folder / "written.safetensors")
    with safetensors_torch.safe_open(folder / "written.safetensors", "pt") as file:
        check(file.metadata() == metadata, "metadata")


def test_file(helper, folder, path):
    if path.suffix == ".safetensors":
        loaded = safetensors_torch.load_file(path)
    elif path.suffix in (".npy", ".npz"):
        loaded = numpy.load(path)
        loaded = {"data": loaded} if path.suffix == ".npy" else dict(loaded)
        loaded = {name: torch.from_numpy(array.copy()) for name, array in loaded.items()}
    else:
        loaded = flatten(torch.load(path, map_location="cpu", weights_only=True))
    found = helper.read(path)
    check(not isinstance(found, str), f"{path}: {found}")
    if not isinstance(found, str):
        check(set(found) == set(loaded), f"{path}: names")
        helper.expect(path, {name: loaded[name] for name in found if name in loaded}, str(path))
    print(f"{path}: {len(loaded)} tensors compared")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        helper = Helper(folder)
        test_torch(helper, folder)
        test_odd_items(helper, folder)
        test_torch_written(helper, folder)
        test_numpy(helper, folder)
        if safetensors_torch:
            test_safetensors(helper, folder)
        for path in sys.argv[1:]:
            test_file(helper, folder, pathlib.Path(path))
    check(common.passed > 0, "something was compared")
    return common.report()


sys.exit(main())
