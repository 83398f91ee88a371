#!/bin/sh
# cli_toy.sh: the whole GAN in sixty lines, on a ring of eight heaps. A plain GAN leaves heaps out where WGAN-GP leaves out none; the
# same command gives the same bytes; what cannot be is refused with a reason.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
refused() { ends 2 "$@"; }

reaches() { sed -n 's/.*reaches \([0-9]*\) of 8 heaps.*/\1/p' "$work/$1.txt"; }

for kind in gan wgan-gp; do
    "$F" toy $kind --out "$work/$kind" >"$work/$kind.txt" 2>&1
    check "$kind: a picture and a film" test -s "$work/$kind/points.png" -a -s "$work/$kind/points.gif"
done
check "a plain GAN leaves heaps out" test "$(reaches gan)" -lt 7
check "and says so" grep -q "mode collapse" "$work/gan.txt"
check "WGAN-GP leaves out none" test "$(reaches wgan-gp)" -eq 8
for i in 1 2; do
    check "wgan on a spiral" "$F" toy wgan --shape spiral --iters 45 --out "$work/again$i" --quiet
done
check "a verdict and no paths" test "$("$F" toy wgan --iters 45 --out "$work/again1" --quiet | wc -l)" -eq 1
"$F" toy wgan --shape spiral --iters 45 --out "$work/again1" --quiet >"$work/said"
check "the same bytes again" cmp "$work/again1/points.gif" "$work/again2/points.gif"
"$F" toy gan --iters 1000000 --out "$work/long" --quiet >"$work/stopped" 2>&1 &
sleep 1
kill -INT $!
wait $!
check "stopped" test $? -eq 1
check "and says when" grep -q "stopped after [0-9][0-9]* of 1000000 iterations" "$work/stopped"
refused "must be gan, wgan or wgan-gp" "$F" toy dcgan --out "$work/no"
refused "must be ring, grid or spiral" "$F" toy gan --shape star --out "$work/no"
check "nothing was written" test ! -e "$work/no"
report
