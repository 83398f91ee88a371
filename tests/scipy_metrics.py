"""Holds chapter 13's numbers against SciPy and NumPy, in double, on the inputs that build/test_metrics writes.

    python3 tests/scipy_metrics.py        needs numpy and scipy; part of `make test-torch`
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.stats

passed = failed = 0


def check(name, got, want, limit):
    global passed, failed
    error = float(np.max(np.abs(np.asarray(got) - np.asarray(want))))
    good = error <= limit
    passed, failed = passed + good, failed + (not good)
    print(f"{'ok    ' if good else 'FAILED'} {name:32s} {np.ravel(got)[0]:.12g} and {np.ravel(want)[0]:.12g}, "
          f"differ by {error:.1e}, allowed {limit:.0e}")


def frechet(real, generated):
    """The textbook's form, with the root of a matrix that is not symmetric."""
    s, t = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    root = scipy.linalg.sqrtm(s @ t)
    if not np.isfinite(root).all():        # sqrtm of a singular matrix: eigenvalues of the product give the same trace
        trace = np.sqrt(np.maximum(np.linalg.eigvals(s @ t).real, 0)).sum()
    else:
        trace = np.trace(root).real
    return np.sum((real.mean(0) - generated.mean(0)) ** 2) + np.trace(s) + np.trace(t) - 2 * trace


def ssim(x, y):
    def blur(z):
        return scipy.ndimage.gaussian_filter(z, 1.5, truncate=5 / 1.5 + 1e-9)[5:-5, 5:-5]
    mx, my = blur(x), blur(y)
    vx, vy, c = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    return np.mean((2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx ** 2 + my ** 2 + 1e-4) * (vx + vy + 9e-4)))


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "metrics.npz")
    done = subprocess.run(["build/test_metrics", path], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    f = dict(np.load(path))

for i in range(3):
    value = frechet(f[f"fed.{i}.real"], f[f"fed.{i}.generated"])
    check(f"FED, {f[f'fed.{i}.real'].shape[1]} features", f[f"fed.{i}.value"], value, 1e-6)
check("SSIM", f["ssim.value"], ssim(f["ssim.x"], f["ssim.y"]), 1e-9)
check("Spearman", f["spearman.value"], scipy.stats.spearmanr(f["spearman.x"], f["spearman.y"])[0], 1e-12)
d = f["pairs.difference"]
student = scipy.stats.ttest_1samp(d, 0)
check("Student's paired test", f["pairs.result"][0], student.pvalue, 1e-12)
check("its interval", f["pairs.result"][2:], student.confidence_interval(0.95), 1e-9)
check("Wilcoxon's", f["pairs.result"][1], scipy.stats.wilcoxon(d, method="exact").pvalue, 1e-12)
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
