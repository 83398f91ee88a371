#!/bin/sh
# The same faults as in cli_faults.sh, under AddressSanitizer and UndefinedBehaviorSanitizer: memory that a failure frees is used
# no more.
cd "$(dirname "$0")/.." || exit 2
if ! make -s build/facegan-faulty 2>/dev/null; then
    echo "skipped: faults: no sanitizers for $(${CC:-cc} --version | head -n 1)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
FACEGAN=$PWD/build/facegan-faulty FAULTS=-DFAULTY_MEMORY ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:abort_on_error=1 \
    exec sh tests/cli_faults.sh
