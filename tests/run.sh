#!/bin/sh
# run.sh [--long] TEST...: runs every test program, the program's own verification and the command line's tests; ends with the
# sums as `N passed, N failed, N skipped`. A test that dies without its closing line counts as one failure.
long=0
[ "$1" = --long ] && { long=1; shift; }
cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
one()
{
    name=$1; shift
    start=$(date +%s)
    "$@" >"$log" 2>&1
    status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        line="0 passed, 1 failed, 0 skipped"
        tail -n 20 "$log"
        echo "$name ended with status $status and no closing line"
    else
        set -- $line
        [ "$3" -gt 0 ] || [ $status -eq 0 ] || line="$1 passed, 1 failed, $5 skipped"
        [ $status -eq 0 ] || grep -E '^FAILED|ERROR|runtime error' "$log" | head -n 20
        grep -E '^skipped:' "$log"
    fi
    set -- $line
    passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
    printf '%-24s %s  (%s s)\n' "$name" "$line" $(($(date +%s) - start))
}
for t in "$@"; do one "$(basename "$t")" "$t"; done
one verify ./facegan verify
one verify64 ./facegan64 verify
for t in tests/cli_*.sh; do [ -e "$t" ] && one "$(basename "$t")" sh "$t"; done
if [ $long -eq 1 ]; then
    for t in tests/long_*.sh; do [ -e "$t" ] && one "$(basename "$t")" sh "$t"; done
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
