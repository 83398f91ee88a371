#!/bin/sh
# gpu.sh [OUT [PART...]]: all that is owed to a machine with a GPU, the most telling first, and a summary at the end. OUT
# (gpu-results) gets two files, summary.txt and log.txt: everything that was printed. GPU_SECONDS (540) is all the time it
# takes: every check has a limit of its own, and what there is no time left for is skipped and counted so.
#
#   build       build/facegan-gpu, unless one that was built from these sources, here or elsewhere, is there and starts
#   verify      every row, every precision; then with each tile of the convolutions
#   step        recorded iterations, fp32 and tf32; twice: same bits
#   train       CPU and GPU give the same losses; from one to the other; bf16 trains; a classifier; iterations a second
#   bench       128 px batch 16, 48 px batch 8, 128 px batch 1 and 64, in each precision; rooflines
#   torch       the same steps in PyTorch, if it is here, and how many times as long they take
#   sanitize    compute-sanitizer's four tools on verify --gpu
#
# A program built elsewhere travels as build/facegan-gpu and build/facegan-gpu.sum. FACEGAN=program tries this script without a
# GPU, with build/facegan-emulated or anything that stands in for it.
cd "$(dirname "$0")/.." || exit 2
out=${1:-gpu-results}
[ $# -gt 0 ] && shift
only=$*
for part in $only; do
    case $part in build | verify | step | train | bench | torch | sanitize) ;; *) echo "gpu.sh: there is no part $part" >&2; exit 2 ;; esac
done
mkdir -p "$out" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
PATH=$PATH:/usr/local/cuda/bin
passed=0 failed=0 skipped=0
summary=$out/summary.txt log=$out/log.txt
: >"$summary"; : >"$log"
end=$(($(date +%s) + ${GPU_SECONDS:-540}))

say() { echo "$@" | tee -a "$summary"; }
skip() { skipped=$((skipped + 1)); say "$(printf '%-22s skipped: %s' "$1" "$2")"; }
wants() { [ -z "$only" ] || case " $only " in *" $1 "*) ;; *) return 1 ;; esac; }

# check NAME SECONDS COMMAND...: the command, or function that calls limited COMMAND...; how it went, how long it took and the
# last line that it printed go to the summary, all of it to the log and to $work/NAME.
limited() { timeout -k 5 "$limit" "$@"; }
check()
{
    name=$1 limit=$2; shift 2
    start=$(date +%s)
    left=$((end - start))
    [ $left -ge 5 ] || { skip "$name" "no time left"; return 1; }
    [ "$limit" -le $left ] || limit=$left
    "$@" >"$work/$name" 2>&1
    status=$?
    took=$(($(date +%s) - start))
    case $status in
        0) passed=$((passed + 1)) verdict=passed ;;
        124 | 137) failed=$((failed + 1)) verdict=TIME ;;
        *) failed=$((failed + 1)) verdict=FAILED ;;
    esac
    printf '\n==== %s: %s (%s) after %d s: %s\n' "$name" $verdict $status $took "$*" >>"$log"
    cat "$work/$name" >>"$log"
    say "$(printf '%-22s %-7s %4d s  %s' "$name" $verdict $took "$(grep -a . "$work/$name" | tail -n 1 | cut -c1-110)")"
    return $status
}

say "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo 'no nvidia-smi')"

F=$PWD/build/facegan-gpu
sources() { cat facegan.c facegan.h gpu.cu vendor/*.h | cksum; }
built_from_these() { [ -x "$F" ] && [ "$(cat "$F.sum" 2>/dev/null)" = "$(sources)" ] && "$F" --version >/dev/null 2>&1; }
# For the card that is here alone: all the others take minutes more.
build()
{
    sm=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d ' .')
    limited make -j 4 build/facegan-gpu CARDS="-gencode arch=compute_$sm,code=sm_$sm"
}
if [ -n "$FACEGAN" ]; then F=$FACEGAN
elif built_from_these; then say "build/facegan-gpu was built from these sources: taken as it is"
elif wants build; then check build 420 build; fi
[ -x "$F" ] || { say "there is no $F: no build, no checks"; exit 1; }

if wants verify; then
    check verify 120 limited "$F" verify --gpu
    for tile in big tall small narrow; do check verify-$tile 60 limited env FACEGAN_TILE=$tile "$F" verify --gpu; done
fi

step() { limited "$F" step tests/parity/stargan-wgan-gp.in.safetensors "$work/step.$1.safetensors" --device gpu --quiet; }
if wants step; then
    check test-step 60 limited make build/test_step
    check step-fp32 90 limited build/test_step "$F step --device gpu --precision fp32"
    check step-tf32 90 limited build/test_step "$F step --device gpu --precision tf32" tf32
    check step-once 20 step 1 && check step-again 20 step 2 && check step-same-bits 5 cmp "$work/step.1.safetensors" "$work/step.2.safetensors"
fi

# Some iterations at width 32: large enough for the tensor cores.
train()
{
    to=$1; shift
    limited "$F" train stargan "$work/faces" --out "$work/$to" --size 64 --width 32 --g-repeat 2 --batch 8 --log-every 1 \
        --decay none --sample-every 1000 --quiet "$@"
}
# Two iterations: from the third on a kink that flips moves the losses of such a batch, between two kinds of CPU just as here.
classify()
{
    to=$1; shift
    limited "$F" classify train "$work/faces" --out "$work/$to" --size 48 --batch 8 --iters 2 --lr 0.001 --log-every 1 \
        --sample-every 2 --decay none --quiet "$@"
}
# The last rows of two logs, number by number, to a share of $3.
alike()
{
    tail -n 1 "$work/$1/log.csv" >"$work/one"; tail -n 1 "$work/$2/log.csv" >"$work/other"
    paste -d' ' "$work/one" "$work/other" | awk -v most="$3" '{ n = split($1, a, ","); m = split($2, b, ","); if (n != m || n < 4) exit 1
        for (i = 1; i <= n; i++) { d = a[i] - b[i]; if (d < 0) d = -d; if (d > worst) worst = d; if (!(d <= most * (1 + (a[i] < 0 ? -a[i] : a[i])))) bad = 1 }
        print "largest difference", worst + 0; exit bad }'
}
# The shapes of Ceovic et al., readers and all: milliseconds an iteration from the difference of two runs, hours for its 960,000.
rate()
{
    for n in 300 2300; do
        start_rate=$(date +%s.%N)
        limited "$F" train stargan "$work/faces" --out "$work/rate.$n" --size 48 --channels 1 --batch 8 --iters $n --log-every 100 \
            --sample-every 100000 --save-every 100000 --quiet --device gpu "$@" || return
        echo "$n $start_rate $(date +%s.%N)" >>"$work/rate.times"
    done
    awk 'NR == 1 { first = $3 - $2 } NR == 2 { ms = ($3 - $2 - first) / 2; printf "%.3f ms an iteration: 960000 in %.2f hours\n", ms, ms * 960 / 3600 }' "$work/rate.times"
}
if wants train; then
    check draw 60 limited "$F" data draw --out "$work/faces" --count 200 --size 64 --quiet
    check train-cpu 60 train cpu --iters 10
    check train-fp32 60 train gpu --iters 10 --device gpu --precision fp32
    check train-same-losses 5 alike cpu gpu 1e-3
    check train-again 60 train gpu2 --iters 10 --device gpu --precision fp32
    check train-same-bits 5 cmp "$work/gpu/checkpoint.safetensors" "$work/gpu2/checkpoint.safetensors"
    check train-half-cpu 60 train moved --iters 6
    check train-half-gpu 60 train moved --iters 10 --device gpu --precision fp32
    check train-moved 5 alike cpu moved 1e-3
    check train-bf16 60 train bf16 --iters 40 --device gpu --precision bf16
    check train-tf32 60 train tf32 --iters 40 --device gpu --precision tf32
    check edit 30 limited "$F" edit "$work/tf32" "$(ls "$work"/faces/happy/*.png | head -n 1)" --emotion all --out "$work/edited" --device gpu --quiet
    check classify-cpu 60 classify ccpu
    check classify-gpu 60 classify cgpu --device gpu --precision fp32
    check classify-same-losses 5 alike ccpu cgpu 1e-3
    check rate 60 rate
fi

# What a bench or PyTorch says of 5 D + 1 G and of the generator alone.
bench()
{
    name=bench-$1; shift
    check "$name" 40 limited "$F" bench stargan --device gpu "$@" && say "    $(grep -a -e '5 D + 1 G' -e measured "$work/$name")"
}
if wants bench; then
    for precision in tf32 bf16 fp32; do
        bench 128-16-$precision --size 128 --batch 16 --precision $precision --repeat 30
        bench 48-8-$precision --size 48 --batch 8 --channels 1 --precision $precision --repeat 30
    done
    for precision in tf32 bf16; do
        bench 128-1-$precision --size 128 --batch 1 --precision $precision --repeat 30
        bench 128-64-$precision --size 128 --batch 64 --precision $precision --repeat 10
        bench roofline-$precision --size 128 --batch 16 --precision $precision --repeat 5 --roofline
    done
fi

# How many times our time PyTorch's is: $1 a shape, $2 our precision, $3 which of PyTorch's ways (the best of them).
ratio()
{
    ours=$(sed -n 's/.*5 D + 1 G *\([0-9.]*\) ms.*/\1/p' "$work/bench-$1-$2" 2>/dev/null)
    theirs=$(grep -a -e "^$3" "$work/torch-$1" | sed -n 's/.*5 D + 1 G *\([0-9.]*\) ms.*/\1/p' | sort -n | head -n 1)
    [ -n "$ours" ] && [ -n "$theirs" ] &&
        say "$(echo "$theirs $ours" | awk -v what="$1 5 D + 1 G: PyTorch $3 / facegan $2" '$2 > 0 { printf "    %s: %.2f ms / %.2f ms = %.2f", what, $1, $2, $1 / $2 }')"
}
if wants torch; then
    if [ -n "$FACEGAN" ] || python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
        for shape in "128 16 3" "48 8 1" "128 1 3" "128 64 3"; do
            set -- $shape
            check torch-$1-$2 110 limited python3 -u tests/torch_gpu.py $shape
            grep -a -e ' ms' -e 'skipped' "$work/torch-$1-$2" | sed 's/^/    /' | tee -a "$summary"
            ratio $1-$2 tf32 "eager tf32"; ratio $1-$2 bf16 bf16
        done
    else skip torch "no PyTorch with a GPU here"; fi
fi

if wants sanitize; then
    if command -v compute-sanitizer >/dev/null; then
        for tool in memcheck racecheck synccheck initcheck; do
            check sanitize-$tool 200 limited compute-sanitizer --tool $tool --error-exitcode 9 "$F" verify --gpu
        done
        check sanitize-big 200 limited env FACEGAN_TILE=big compute-sanitizer --tool racecheck --error-exitcode 9 "$F" verify --gpu
    else skip sanitize "no compute-sanitizer on the PATH"; fi
fi

say "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
