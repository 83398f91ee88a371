"""Runs every ONNX file that build/test_onnx leaves in a directory through onnx.checker and onnxruntime, and holds the results
against facegan's own, to 1e-4.

    build/test_onnx DIR && python3 tests/onnx_check.py DIR        needs onnx, onnxruntime, numpy
"""
import glob
import os
import sys

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as missing:
    print(f"skipped: {missing}")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

passed = failed = 0
worst = 0.0
onnxruntime.set_default_logger_severity(3)
paths = sorted(glob.glob(os.path.join(sys.argv[1], "*.onnx")))
for path in paths:
    name = os.path.basename(path)[:-5]
    if not os.path.exists(path[:-4] + "npz"):
        continue
    try:
        onnx.checker.check_model(path, full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        numbers = dict(np.load(path[:-4] + "npz"))
        got = session.run(None, {i.name: numbers[i.name] for i in session.get_inputs()})[0]
        error = np.max(np.abs(got - numbers["y"])) if got.shape == numbers["y"].shape else np.inf
    except Exception as problem:                # whatever a library thinks of: the file is not accepted
        print(f"FAILED {name}: {problem}")
        error = np.nan
    good = bool(error <= 1e-4)
    passed, failed = passed + good, failed + (not good)
    if good:
        worst = max(worst, float(error))
    else:
        print(f"FAILED {name}: differs by {error}")
print(f"largest difference {worst:.1e} over {passed} files")
print(f"{passed} passed, {failed + (not paths)} failed, 0 skipped")
sys.exit(failed > 0 or not paths)
