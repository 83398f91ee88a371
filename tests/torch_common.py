"""What the comparisons with PyTorch share: the count of checks, runs of the program, tensor files, pictures, and one step of training
held against another. Importing it ends the script, loudly, where torch or numpy is missing."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import zlib

try:
    import numpy
    import torch
except ImportError as problem:
    print("skipped: NOTHING WAS COMPARED WITH PYTORCH:", problem)
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

HERE = pathlib.Path(__file__).resolve().parent.parent
passed = failed = skipped = 0


# ---------------------------------------------------------------------------------------------- checks and runs

def check(condition, what):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print("FAILED", what)


def skip(why):
    global skipped
    skipped += 1
    print("skipped:", why)


def report():
    """The last line; -> the script's exit status."""
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


def run(program, *arguments, expect=0, **environment):
    """Runs facegan or facegan64, which must end with `expect`; -> what it said (.stdout, .stderr)."""
    done = subprocess.run([str(HERE / program), *map(str, arguments)], capture_output=True, text=True, env=os.environ | environment)
    check(done.returncode == expect, f"{program} {' '.join(map(str, arguments))}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done


# ---------------------------------------------------------------------------------------------- files

TYPES = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}


def save_safetensors(path, tensors, metadata):
    header, blocks, at = {"__metadata__": {key: str(value) for key, value in metadata.items()}}, [], 0
    for name, tensor in tensors.items():
        array = numpy.ascontiguousarray(tensor.detach().numpy())
        kind = next(k for k, v in TYPES.items() if v == array.dtype)
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        blocks.append(array.tobytes())
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def load_safetensors(path):
    """-> the tensors by name, in the file's order, and the metadata."""
    blob = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8:8 + size])
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(blob[8 + size + begin:8 + size + end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors, metadata


def in_double(state, prefix=""):
    """A state dict as `facegan step` takes it: doubles, a lone number as a vector of one."""
    return {prefix + name: value.double().reshape(value.shape or (1,)) for name, value in state.items()}


def save_png(path, pixels):
    """(height, width) grey or (height, width, 3), 8 bits (ISO 15948)."""
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    rows = b"".join(b"\0" + pixels[y].tobytes() for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    pathlib.Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def load_png(path):
    """An 8-bit grey or RGB PNG without interlacing as (height, width, channels): what facegan writes (ISO 15948)."""
    blob, at, data = pathlib.Path(path).read_bytes(), 8, b""
    while at < len(blob):
        length, kind = struct.unpack(">I4s", blob[at:at + 8])
        body = blob[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        if kind == b"IDAT":
            data += body
        at += 12 + length
    channels = {0: 1, 2: 3}[colour]
    assert depth == 8 and interlaced == 0
    raw, stride = zlib.decompress(data), width * channels
    rows = numpy.zeros((height + 1, stride + channels), numpy.int64)          # with a row and a pixel of zeros before
    for y in range(height):
        line, method = raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)], raw[y * (stride + 1)]
        for i, value in enumerate(line):
            left, up, corner = rows[y + 1, i], rows[y, i + channels], rows[y, i]
            p = left + up - corner
            by_paeth = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
            rows[y + 1, i + channels] = (value + (0, left, up, (left + up) // 2, by_paeth)[method]) % 256
    return rows[1:, channels:].reshape(height, width, channels).astype(numpy.uint8)


# ---------------------------------------------------------------------------------------------- one step of training

LIMITS = {"loss": 1e-6, "fake": 2e-6, "grad": 1e-5, "step": 1e-2}


def tensor_error(name, before, want, got):
    """The kind of a tensor and the relative error of the whole of it; of an updated weight, of its step."""
    head = name.split(".")[0]
    kind = {"grad": "grad", "after": "step"}.get(head, "fake" if head.startswith("fake") else "loss")
    if kind == "step":
        want, got = want - before[name[6:]], got - before[name[6:]]
    error, size = float((got - want).norm()), float(want.norm())
    if kind == "loss" and error <= 2e-6 or kind == "grad" and size <= 1e-6 and error <= 1e-6:
        return kind, 0.0
    return kind, error / size if size > 1e-7 else error


def compare_step(title, path, before, want):
    """facegan64 makes one step from the file `path`: what comes out against `want`, weights `before` it given by name."""
    out, worst = path.with_name("got.safetensors"), {}
    run("facegan64", "step", path, out, "--quiet", "--threads", "1")
    got, _ = load_safetensors(out)
    for name, value in want.items():
        if name not in got or got[name].shape != value.shape:
            check(False, f"{title}: {name} is missing or has another shape")
            continue
        kind, error = tensor_error(name, before, value, got[name].double())
        check(error <= LIMITS[kind], f"{title}: {name} is off by {error:.2e}, allowed {LIMITS[kind]}")
        worst[kind] = error if not error <= worst.get(kind, -1) else worst[kind]
    check(set(got) == set(want), f"{title}: not asked for: {sorted(set(got) - set(want))[:5]}")
    print(f"{title:<52}", "  ".join(f"{kind} {error:.1e}" for kind, error in worst.items()))
