#!/bin/sh
# cli_resume.sh [KILLS]: a training that is killed (kill -9) KILLS times (3) at random moments and stopped by Ctrl-C once, and taken
# up again each time, must end with the very bytes of one that was left alone: checkpoint, log and samples. After every kill the
# checkpoint must be whole, and in the end no temporary file may be left.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
checked=/dev/null
kills=${1:-3}
child=
trap '[ -n "$child" ] && kill -9 $child 2>/dev/null; rm -rf "$work"' EXIT

# A random whole number below $1.
random() { echo $(($(od -An -N4 -tu4 /dev/urandom | tr -d ' ') % $1)); }

# Sleeps for a random time below $1 milliseconds.
nap() { ms=$(random "$1"); sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"; }

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
iteration() { "$F" info "$1" | sed -n 's/^  iteration *//p'; }

# Going on may change how often is saved and with how many threads: neither may show in the result.
train()
{
    exec "$F" train stargan "$work/faces" --out "$work/$1" --width 4 --g-repeat 1 --batch 4 --iters "$iters" --sample-every 25 --log-every 1 \
        --rotate 8 --shift 0.05 --seed 11 --save-every "$2" --threads "$3"
}

check "drawing faces" "$F" data draw --out "$work/faces" --count 40 --size 32 --emotions neutral,happy,sad --quiet

# How long an iteration takes here and now decides how many there are: about half a second before each kill.
iters=20
start=$(milliseconds)
(train pace 20 1) >"$work/said" 2>&1
each=$((($(milliseconds) - start) / iters + 1))
iters=$((500 * (kills + 3) / each + 60))
[ $iters -le 4000 ] || iters=4000

start=$(milliseconds)
(train whole 1000000 1) >"$work/said" 2>&1
check "the uninterrupted run" test $? -eq 0
check "its checkpoint" test "$(iteration "$work/whole")" = "$iters"
longest=$(((($(milliseconds) - start) * 3) / (2 * (kills + 3)) + 30))        # of a life, in milliseconds

killed=0 lives=0
while [ $killed -lt "$kills" ] && [ $lives -lt $((kills * 4)) ]; do         # a life that ends by itself ends the killing
    lives=$((lives + 1))
    train broken $((1 + $(random 6))) $((1 + $(random 3))) >"$work/said" 2>&1 &
    child=$!
    nap "$longest"
    if ! kill -9 $child 2>/dev/null; then wait $child; child=; break; fi
    wait $child 2>/dev/null
    [ $? -eq 137 ] || { child=; break; }                                   # it was done before the blow
    child=
    killed=$((killed + 1))
    [ -e "$work/broken/checkpoint.safetensors" ] || continue            # killed before the first checkpoint
    check "after kill $killed: the checkpoint is whole" "$F" edit "$work/broken" "$work/faces/sad/00002.png" --out "$work/edited"
done
check "kills that fell before the run was done" test $((2 * killed)) -ge "$kills"

# Ctrl-C: the iteration at hand is finished, a checkpoint is written, and the message says which it is.
train broken 1000000 2 >"$work/said" 2>&1 &
child=$!
sleep 0.4
if kill -INT $child 2>/dev/null; then
    wait $child
    child=
    stopped=$(sed -n 's/.*stopped at iteration \([0-9]*\);.*/\1/p' "$work/said")
    if [ -n "$stopped" ]; then
        check "Ctrl-C leaves a checkpoint of the iteration it names" test "$(iteration "$work/broken")" = "$stopped"
    else
        check "Ctrl-C is noticed, or the run was done" test "$(iteration "$work/broken")" = "$iters"
    fi
fi
(train broken 7 1) >"$work/said" 2>&1
check "going on to the end" test $? -eq 0
check "it went on and did not begin again" grep -qE "going on with|is finished" "$work/said"
check "the checkpoint has the bytes of the uninterrupted run" cmp "$work/whole/checkpoint.safetensors" "$work/broken/checkpoint.safetensors"
check "so have the samples" diff -r "$work/whole/samples" "$work/broken/samples"
check "so has the log" cmp "$work/whole/log.csv" "$work/broken/log.csv"
check "no temporary file is left" test -z "$(find "$work/broken" -name '*tmp*')"

# A large model that saves after every iteration is mostly killed while it writes: what it leaves half-written must go, too.
heavy()
{
    exec "$F" train stargan "$work/faces" --out "$work/heavy" --width 24 --g-repeat 1 --batch 1 --iters "$1" --sample-every 100000 --save-every 1
}
for life in 1 2 3 4 5 6; do
    heavy 100000 >"$work/said" 2>&1 &
    child=$!
    tries=0
    until [ -e "$work/heavy/checkpoint.safetensors" ] || [ $tries -ge 200 ]; do sleep 0.1; tries=$((tries + 1)); done
    nap 500
    kill -9 $child
    wait $child 2>/dev/null
    child=
done
done=$(iteration "$work/heavy")
check "a checkpoint is there after 6 kills" test "$done" -gt 0
(heavy $((done + 1))) >"$work/said" 2>&1
check "one more iteration" test "$(iteration "$work/heavy")" = $((done + 1))
check "no temporary file is left" test -z "$(find "$work/heavy" -name '*tmp*')"

# One process works in a folder at a time. Ctrl-C is answered at once, and a terminal that closes is as good a reason to save.
at_work()
{
    tries=0
    until [ -e "$work/heavy/.lock" ] || [ $tries -ge 200 ]; do sleep 0.05; tries=$((tries + 1)); done
    sleep 0.3
}
for signal in INT HUP TERM; do
    heavy 100000 >"$work/said" 2>&1 &
    child=$!
    at_work
    (heavy 100000) >"$work/second" 2>&1
    check "a second training in the same folder is refused" test $? -eq 1
    check "it is told who is there" grep -q "process $child works here since" "$work/second"
    kill -$signal $child
    wait $child
    check "SIG$signal is no success" test $? -eq 1
    child=
    stopped=$(sed -n 's/.*stopped at iteration \([0-9]*\);.*/\1/p' "$work/said")
    check "SIG$signal leaves a checkpoint of the iteration it names" test "$(iteration "$work/heavy")" = "$stopped"
    [ $signal != INT ] || check "Ctrl-C is answered" grep -q "once more ends at once" "$work/said"
    check "the lock is gone" test ! -e "$work/heavy/.lock"
done
(trap "" HUP; heavy 100000) >"$work/said" 2>&1 &
child=$!
at_work
kill -HUP $child
sleep 0.5
check "nohup's training goes on" kill -TERM $child
wait $child
child=
echo "$iters iterations, $killed kills and 6 more"
report
