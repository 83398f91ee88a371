#!/bin/sh
# gpu_emulated.sh [--short]: gpu.cu's kernels, run on the CPU by tests/cuda_on_cpu.h (which says what that finds and what not).
#
#   verify --gpu       every row against its definition, shapes drawn by chance against the CPU's kernels: threads in ascending,
#                      descending and shuffled order, copies in the background early and late, whose tables must not differ in a
#                      digit; each tile of the convolutions forced on every shape; a card without tensor cores (sm_75)
#   the same under AddressSanitizer and UndefinedBehaviorSanitizer
#   step, train        recorded iterations (tests/parity) in fp32; a training on the GPU, on the CPU, and from one to the other
#   errors             no GPU, an old driver, too little memory, with and without a way out (--device auto)
#
# Needs build/facegan-emulated and build/facegan-emulated-san (make test-gpu-emulated); writes below a temporary directory only;
# ends with `N passed, N failed, N skipped`. --short: one order of threads, no sanitizers.
cd "$(dirname "$0")/.." || exit 2
unset FACEGAN_ISA FACEGAN_EMULATE FACEGAN_TILE
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
F=$PWD/build/facegan-emulated
passed=0 failed=0 skipped=0

check()
{
    what=$1; shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); return 0; fi
    failed=$((failed + 1))
    echo "FAILED $what: $*"
    grep -E 'FAILED|ERROR|runtime error' "$work/said" | head -n 5
    tail -n 3 "$work/said" | sed 's/^/  | /'
}

# The table that verify --gpu prints, on a card that is emulated as $1 says, with all convolutions by tile $2.
table() { FACEGAN_EMULATE=$1 FACEGAN_TILE=$2 "$F" verify --gpu >"$work/table.$1.$2"; }
same() { cmp "$work/table.$1.$2" "$work/table.."; }

check "every row" table "" ""
if [ "$1" != --short ]; then
    for how in descending shuffled late descending,late shuffled,late; do
        check "threads $how" table $how ""
        check "threads $how: the same digits" same $how ""
    done
    for tile in big tall small narrow; do check "tile $tile" table shuffled,late $tile; done
    check "a card without tensor cores" table sm=75 ""
    F=$PWD/build/facegan-emulated-san
    check "under the sanitizers" table "" ""
    check "under the sanitizers, copies late" table descending,late big
    F=$PWD/build/facegan-emulated
fi

check "recorded iterations" build/test_step "$F step --device gpu --precision fp32"

# Four iterations; then four more on the other device.
train()
{
    to=$1; shift
    "$F" train stargan "$work/faces" --out "$work/$to" --size 16 --width 4 --g-repeat 1 --batch 4 --n-critic 2 --log-every 1 --decay none \
        --sample-every 100 --quiet "$@"
}
alike()                                 # the last rows of two logs, number by number
{
    tail -n 1 "$work/$1/log.csv" >"$work/one"; tail -n 1 "$work/$2/log.csv" >"$work/other"
    paste -d' ' "$work/one" "$work/other" | awk '{ n = split($1, a, ","); m = split($2, b, ","); if (n != m || n < 4) exit 1
        for (i = 1; i <= n; i++) { d = a[i] - b[i]; if (!(d * d <= 1e-8 * (1 + a[i] * a[i]))) exit 1 } }'
}
check "faces" "$F" data draw --out "$work/faces" --count 40 --size 16 --quiet
check "training on the CPU" train cpu --iters 6
check "training on the GPU" train gpu --iters 6 --device gpu --precision fp32
check "the same losses" alike cpu gpu
check "half on the CPU" train moved --iters 4
check "half on the GPU" train moved --iters 6 --device gpu --precision fp32
check "the same losses" alike cpu moved
# Two iterations: from the third on a kink that flips moves the losses of such a batch, between two kinds of CPU just as here.
classify()
{
    to=$1; shift
    "$F" classify train "$work/faces" --out "$work/$to" --size 16 --batch 4 --iters 2 --lr 0.001 --log-every 1 --sample-every 2 \
        --decay none --quiet "$@"
}
check "a classifier on the CPU" classify judge.cpu
check "a classifier on the GPU" classify judge.gpu --device gpu --precision fp32
check "the same losses" alike judge.cpu judge.gpu
check "training in bf16" train bf16 --iters 2 --device gpu --precision bf16
check "tracing on the GPU" train trace --iters 2 --device gpu --precision fp32 --trace "$work/trace.safetensors"
check "dry run on the GPU" train dry --iters 2 --device gpu --dry-run
face=$(ls "$work"/faces/happy/*.png | head -n 1)
check "editing on the GPU" "$F" edit "$work/gpu" "$face" --emotion all --out "$work/edited" --device gpu --quiet

# A command that must fail with status $1 and say $2.
fails()
{
    want=$1 says=$2; shift 2
    "$@" >"$work/out" 2>&1
    status=$?
    cat "$work/out"
    [ $status -eq "$want" ] && grep -q "$says" "$work/out"
}
says() { text=$1; shift; "$@" >"$work/out" 2>&1 && { cat "$work/out"; grep -q "$text" "$work/out"; }; }
bench="bench stargan --size 16 --batch 2 --width 4 --g-repeat 1 --repeat 1"
check "no GPU" fails 1 "no NVIDIA GPU" env FACEGAN_EMULATE=none "$F" $bench --device gpu
check "no GPU, auto" says "takes the CPU" env FACEGAN_EMULATE=none "$F" $bench --device auto
check "an old driver" fails 1 "update the driver" env FACEGAN_EMULATE=old-driver "$F" $bench --device gpu
check "an old card" fails 1 "7.5 or newer" env FACEGAN_EMULATE=sm=61 "$F" $bench --device gpu
check "no tensor cores, bf16" fails 1 "sm_80 or newer" env FACEGAN_EMULATE=sm=75 "$F" $bench --device gpu --precision bf16
check "no tensor cores" says "fp32" env FACEGAN_EMULATE=sm=75 "$F" $bench --device gpu
check "too little memory" fails 1 "the GPU has not the memory" env FACEGAN_EMULATE=memory=0 "$F" $bench --device gpu
check "too little memory, auto" says "takes the CPU" env FACEGAN_EMULATE=memory=0 "$F" $bench --device auto
check "an unknown device" fails 2 "must be cpu, gpu or auto" "$F" $bench --device tpu
check "an unknown precision" fails 2 "must be tf32, bf16 or fp32" "$F" $bench --device gpu --precision fp8
check "tf32 on the CPU" fails 2 "the CPU computes in fp32" "$F" $bench --precision tf32

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
