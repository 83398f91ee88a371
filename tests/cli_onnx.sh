#!/bin/sh
# ONNX files in another program's hands: every op, small networks, and the model that comes with the source.
cd "$(dirname "$0")/.." || exit 2
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
if ! python3 -c 'import numpy, onnx, onnxruntime' 2>/dev/null; then
    echo "skipped: python3 with numpy, onnx and onnxruntime is not on this machine"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
[ -x build/test_onnx ] || make -s build/test_onnx || exit 1
build/test_onnx "$folder" >/dev/null || { echo "FAILED build/test_onnx"; exit 1; }
python3 tests/onnx_check.py "$folder"
