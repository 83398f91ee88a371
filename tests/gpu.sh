#!/bin/sh
# gpu.sh [OUT]: all that is owed to a machine with a GPU, in order, and one summary at the end. Everything printed goes to OUT
# (gpu-results) as files too. Takes about twenty minutes; each part can also be had alone: gpu.sh OUT PART.
#
#   build       make gpu                                              verify    every row, every precision, every tile
#   sanitize    compute-sanitizer's four tools on verify --gpu        step      recorded iterations, fp32 and tf32; twice: same bits
#   train       CPU and GPU give the same losses; from one to the other; bf16 trains
#   bench       128 px batch 16, 48 px batch 8, forward batch 1 and 64, in each precision; rooflines
#   torch       the same steps in PyTorch, if it is here
cd "$(dirname "$0")/.." || exit 2
out=${1:-gpu-results} only=$2
mkdir -p "$out" || exit 2
passed=0 failed=0 skipped=0
summary=$out/summary.txt
: >"$summary"

say() { echo "$@" | tee -a "$summary"; }

# Runs a command; what it prints goes to OUT/NAME.txt, and whether it went well into the summary.
check()
{
    name=$1; shift
    start=$(date +%s)
    if "$@" >"$out/$name.txt" 2>&1; then passed=$((passed + 1)); verdict=passed; else failed=$((failed + 1)); verdict=FAILED; fi
    say "$(printf '%-34s %-7s %4d s  %s' "$name" $verdict $(($(date +%s) - start)) "$(tail -n 1 "$out/$name.txt" | cut -c1-150)")"
}

skip() { skipped=$((skipped + 1)); say "$(printf '%-34s skipped: %s' "$1" "$2")"; }
wants() { [ -z "$only" ] || [ "$only" = "$1" ]; }

say "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo 'no nvidia-smi')"
if wants build; then check build make gpu build/test_step; fi
[ -x ./facegan ] || { say "there is no ./facegan: the build failed"; exit 1; }

if wants verify; then
    check verify ./facegan verify --gpu
    for tile in big tall small narrow; do check verify-$tile env FACEGAN_TILE=$tile ./facegan verify --gpu; done
fi

if wants sanitize; then
    if command -v compute-sanitizer >/dev/null; then
        for tool in memcheck racecheck initcheck synccheck; do
            check sanitize-$tool compute-sanitizer --tool $tool --error-exitcode 9 ./facegan verify --gpu
        done
        check sanitize-big env FACEGAN_TILE=big compute-sanitizer --tool racecheck --error-exitcode 9 ./facegan verify --gpu
    else skip sanitize "no compute-sanitizer on the PATH"; fi
fi

if wants step; then
    check step-fp32 build/test_step "./facegan step --device gpu --precision fp32"
    check step-tf32 build/test_step "./facegan step --device gpu --precision tf32" tf32
    for i in 1 2; do ./facegan step tests/parity/stargan-wgan-gp.in.safetensors "$out/step.$i" --device gpu --quiet; done
    check step-same-bits cmp "$out/step.1" "$out/step.2"
fi

# Forty iterations at width 32: large enough for the tensor cores.
train() { to=$1; shift; ./facegan train stargan "$out/faces" --out "$out/$to" --size 64 --width 32 --g-repeat 2 --batch 8 --log-every 1 \
              --decay none --sample-every 1000 --quiet "$@"; }
# The last rows of two logs, number by number, to a share of $3.
alike()
{
    tail -n 1 "$out/$1/log.csv" >"$out/one"; tail -n 1 "$out/$2/log.csv" >"$out/other"
    paste -d' ' "$out/one" "$out/other" | awk -v most="$3" '{ n = split($1, a, ","); m = split($2, b, ","); if (n != m || n < 10) exit 1
        for (i = 1; i <= n; i++) { d = a[i] - b[i]; if (d < 0) d = -d; if (d > worst) worst = d; if (!(d <= most * (1 + (a[i] < 0 ? -a[i] : a[i])))) bad = 1 }
        print "largest difference", worst; exit bad }'
}
if wants train; then
    rm -rf "$out/faces" "$out/cpu" "$out/gpu" "$out/gpu2" "$out/moved" "$out/bf16"
    check draw ./facegan data draw --out "$out/faces" --count 200 --size 64 --quiet
    check train-cpu train cpu --iters 10
    check train-gpu-fp32 train gpu --iters 10 --device gpu --precision fp32
    check train-same-losses alike cpu gpu 1e-3
    check train-again train gpu2 --iters 10 --device gpu --precision fp32
    check train-same-bits cmp "$out/gpu/checkpoint.safetensors" "$out/gpu2/checkpoint.safetensors"
    check train-half-on-cpu train moved --iters 6
    check train-half-on-gpu train moved --iters 10 --device gpu --precision fp32
    check train-moved alike cpu moved 1e-3
    check train-bf16 train bf16 --iters 40 --device gpu --precision bf16
    check train-tf32 train tf32 --iters 40 --device gpu --precision tf32
    check edit ./facegan edit "$out/tf32" "$out"/faces/happy/00000.png --emotion all --out "$out/edited" --device gpu --quiet
fi

if wants bench; then
    for precision in fp32 tf32 bf16; do
        check bench-128-16-$precision ./facegan bench stargan --size 128 --batch 16 --device gpu --precision $precision --repeat 30
        check bench-48-8-$precision ./facegan bench stargan --size 48 --batch 8 --channels 1 --device gpu --precision $precision --repeat 30
        check bench-128-1-$precision ./facegan bench stargan --size 128 --batch 1 --device gpu --precision $precision --repeat 30
        check bench-128-64-$precision ./facegan bench stargan --size 128 --batch 64 --device gpu --precision $precision --repeat 30
        check roofline-$precision ./facegan bench stargan --size 128 --batch 16 --device gpu --precision $precision --repeat 5 --roofline
        say "  $(grep measured "$out/roofline-$precision.txt")"
    done
fi

if wants torch; then
    if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
        for shape in "128 16 3" "48 8 1" "128 1 3" "128 64 3"; do
            name=torch-$(echo $shape | tr ' ' -)
            check $name python3 tests/torch_gpu.py $shape
            sed 's/^/  /' "$out/$name.txt" | tee -a "$summary"
        done
    else skip torch "no PyTorch with a GPU here"; fi
fi

say "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
