#!/bin/sh
# cli_reproduce.sh: `facegan reproduce` on small drawn faces. Its plan keeps to the budget, what was killed goes on and ends with
# the bytes of what was not, what is done is not done again, the page has every published number, what cannot be is refused.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
cd "$(dirname "$0")/.." || exit 2
unset FACEGAN_ISA FACEGAN_WINOGRAD
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
F=${FACEGAN:-$PWD/facegan}
passed=0 failed=0 skipped=0

check()
{
    what=$1; shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); return 0; fi
    failed=$((failed + 1))
    echo "FAILED $what: $*"
    tail -n 5 "$work/said" | cut -c1-200 | sed 's/^/  | /'
}

# says TEXT COMMAND...: the command must work and print TEXT.
says()
{
    text=$1; shift
    if "$@" >"$work/said" 2>&1 && grep -q -- "$text" "$work/said"; then passed=$((passed + 1)); return 0; fi
    failed=$((failed + 1))
    echo "FAILED to say \"$text\": $*"
    tail -n 5 "$work/said" | cut -c1-200 | sed 's/^/  | /'
}

refused()
{
    text=$1; shift
    "$@" >"$work/said" 2>&1
    status=$?
    if [ $status -eq 2 ] && grep -q -- "$text" "$work/said"; then passed=$((passed + 1)); return 0; fi
    failed=$((failed + 1))
    echo "FAILED refusal ($status, wanted \"$text\"): $*"
    tail -n 3 "$work/said" | cut -c1-200 | sed 's/^/  | /'
}

cd "$work" || exit 2
check "faces to learn from" "$F" data draw --out faces/train --count 80 --size 16 --grey --emotions angry,happy,sad,surprise --quiet
check "faces to judge by" "$F" data draw --out faces/validation --count 20 --size 16 --grey --emotions angry,happy,sad,surprise --seed 2 --quiet
small="--balance oversample --batch 16 --size 16 --quiet"

# ---------------------------------------------------------------------------------------------- the plan
says "of the document's" "$F" reproduce classifier faces --dry-run --budget 30s $small
check "a dry run writes nothing" test ! -e runs
says "no-class-loss" "$F" reproduce stargan faces --dry-run --quiet
"$F" reproduce classifier faces --dry-run --budget full $small >said 2>&1
check "full is the document's own length" awk '$3 == "classifier" && $4 != $5 { wrong = 1 } END { exit wrong }' said

# ---------------------------------------------------------------------------------------------- all of it, and killed
says "about 78%" "$F" reproduce classifier faces --budget 6s $small --out whole
check "the page" grep -q "Published and here" whole/report.html
check "a section for each" sh -c "[ \$(grep -o 'Optimisers: ' whole/report.html | wc -l) -eq 4 ]"
check "the confusion of all test pictures" sh -c "awk -F, '/^confusion/ { n += \$2 } END { exit n != 15 }' whole/network/facts-*.csv"
mkdir parts && cp whole/plan.csv parts/
for wanted in network adagrad; do
    "$F" reproduce classifier faces --budget 6s $small --out parts >said 2>&1 &
    process=$!
    while [ ! -e parts/$wanted/log.csv ] && kill -0 $process 2>/dev/null; do sleep 0.05; done
    kill -9 $process 2>/dev/null
    wait $process 2>/dev/null
done
check "it goes on" "$F" reproduce classifier faces --budget 6s $small --out parts
for name in network sgd adagrad adam rmsprop; do
    check "$name: killed or not, the same weights" cmp whole/$name/best.safetensors parts/$name/best.safetensors
    check "$name: and the same facts" sh -c "cmp whole/$name/facts-*.csv parts/$name/facts-*.csv"
done
stat -c %y parts/*/checkpoint.safetensors parts/*/facts-*.csv >before
says "about 78%" "$F" reproduce 003 faces --budget 6s $small --out parts
stat -c %y parts/*/checkpoint.safetensors parts/*/facts-*.csv >after
check "what is done is not done again" cmp before after

# ---------------------------------------------------------------------------------------------- refusals
refused "must be a time such as 2h" "$F" reproduce stargan faces --budget 2x
refused "must be a time such as 2h" "$F" reproduce stargan faces --budget -1h
refused "has no --lr" "$F" reproduce stargan faces --lr 1
refused "must be classifier, stargan, ganmut or noise" "$F" reproduce seed faces
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
