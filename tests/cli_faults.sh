#!/bin/sh
# cli_faults.sh [--long] [COMMAND [KIND [N]]]: one call of the system fails (tests/faults.c), in each of eleven commands: the N-th
# allocation, or the N-th write, fsync, rename, open, close, opendir, readdir, read, mkdir, mapping or thread. Whichever it is,
#   - the command ends with 0, and what it wrote is what it always writes, or with 1, and one line says why: never by a signal;
#   - every file is the old one or the new one, whole (a journal may be shorter); no temporary file is left;
#   - what goes on where it stopped (train, classify, import) does so, and ends with the same bytes as ever.
# A few N of each by default, the first 400 with --long. COMMAND, KIND and N: only these; one N alone says what it said.
# Needs ./facegan, a C compiler and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
long=0
[ "$1" = --long ] && { long=1; shift; }
only_command=$1 only_kind=$2 only_n=$3

shim=$work/faults.so
if ! ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -shared -fPIC $FAULTS -o "$shim" tests/faults.c 2>"$work/said" ||
   ! FAULT=write:0 LD_PRELOAD=$shim "$F" --version >/dev/null 2>"$work/said"; then
    echo "skipped: faults: $(head -n 1 "$work/said" | cut -c1-150)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
cd "$work" || exit 2

# ---------------------------------------------------------------------------------------------- the commands
# Each writes below out/ only, which before it runs is a copy of old/COMMAND.
commands="draw balance import stargan gan classify edit sample gamut convert report"
common="--seed 3 --threads 1 --quiet"
tiny="--width 2 --g-repeat 0 --batch 2 --sample-every 2 --log-every 1 --save-every 100 $common"

faulty=
facegan() { timeout -k 5 60 env $faulty "$F" "$@"; }

verb()
{
    case $1 in
    draw) facegan data draw --out out --count 6 --size 16 --emotions happy,sad $common ;;
    balance) facegan data balance few --out out --balance augment:4 $common ;;
    import) facegan data import folder few --out out --size 16 --whole --threads 1 --quiet ;;
    stargan) facegan train stargan faces --out out --iters 4 $tiny ;;
    gan) facegan train wgan-gp faces --out out --iters 2 --size 16 --width 2 --batch 4 --sample-every 2 --save-every 100 $common ;;
    classify) facegan classify train faces --out out --iters 4 --size 16 --batch 4 --sample-every 2 --log-every 1 $common ;;
    edit) facegan edit run faces/sad/00002.png --emotion happy --out out --threads 1 --quiet ;;
    sample) facegan sample noise --out out --files --count 3 $common ;;
    gamut) facegan gamut space faces/sad/00002.png --gif --path neutral,happy --out out --threads 1 --quiet ;;
    convert) facegan convert run/checkpoint.safetensors out/weights.npz --quiet ;;
    report) facegan report out --quiet ;;
    esac
}

goes_on() { case $1 in stargan|gan|classify|import) return 0 ;; *) return 1 ;; esac; }

must() { "$@" >said 2>&1 || { echo "FAILED to prepare: $*"; tail -n 3 said; echo "0 passed, 1 failed, 0 skipped"; exit 1; }; }

prepare()
{
    must "$F" data draw --out faces --count 24 --size 16 --emotions neutral,happy,sad $common
    must mkdir -p few/happy few/sad old/draw old/balance old/import old/gan old/edit old/sample old/gamut old/convert
    must cp faces/happy/00001.png faces/happy/00004.png few/happy
    must cp faces/sad/00002.png few/sad
    must "$F" train stargan faces --out old/stargan --iters 2 $tiny
    must "$F" classify train faces --out old/classify --iters 2 --size 16 --batch 4 --sample-every 2 --log-every 1 $common
    must "$F" train ganmut faces --out space --iters 2 $tiny
    must "$F" train wgan-gp faces --out noise --iters 2 --size 16 --width 2 --batch 4 --sample-every 2 --save-every 100 $common
    must cp -r old/stargan run
    must cp -r old/stargan old/report
    must "$F" edit run faces/sad/00002.png --emotion happy --out old/edit
    must "$F" gamut space faces/sad/00002.png --gif --path happy,sad --out old/gamut
    must "$F" convert space/checkpoint.safetensors old/convert/weights.npz
}

# ---------------------------------------------------------------------------------------------- what is right afterwards
contents() { find out -type f -exec cksum {} + | sort; }
fresh() { rm -rf out; cp -r "old/$1" out; }

# What the cause must be called.
cause()
{
    case $1 in
    malloc|mmap) echo "[Mm]emory" ;;
    write|mkdir) echo "No space left" ;;
    open|opendir) echo "Too many open files" ;;
    thread) echo "thread|Resource temporarily" ;;
    *) echo "Input/output error" ;;
    esac
}

# Files that are neither the old ones nor the new ones. A journal may be the beginning of the new one.
strangers()
{
    contents >now
    comm -23 now may | while read -r sum size path; do
        case $path in
        */log.csv|*/import.csv) cmp -s -n "$size" "$path" "whole/$path" && continue ;;
        esac
        echo "$path"
    done
}

# A line for each thing that is wrong.
judge()
{
    c=$1 kind=$2 status=$3
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then echo "hangs"; return; fi
    if [ "$status" -ge 126 ]; then echo "dies by signal $((status - 128))"; return; fi
    if [ "$status" -gt 1 ]; then echo "ends with $status"; fi
    if [ "$status" -ge 1 ]; then
        lines=$(grep -c '^facegan: ' said)
        if [ "$lines" -eq 0 ]; then echo "says nothing"; fi
        if [ "$lines" -gt 0 ] && ! grep '^facegan: ' said | grep -qE "$(cause "$kind")"; then echo "does not say the cause"; fi
        if [ "$lines" -gt 1 ]; then echo "says $lines things"; fi
    else
        contents >now
        cmp -s now new || echo "status 0 with other results"
    fi
    strangers | sed 's|[0-9][0-9]*|N|g; s|^|damaged: |' | sort -u
    find out -name '*tmp*' -o -name '*.part' -o -name '.*' | grep -q . && echo "leaves a temporary"
    if [ "$status" -eq 1 ] && goes_on "$c"; then
        verb "$c" >again 2>&1 || echo "does not go on"
        contents >now
        cmp -s now new || echo "goes on to other results"
    fi
}

# ---------------------------------------------------------------------------------------------- the faults
one()
{
    c=$1 kind=$2 n=$3
    fresh "$c"
    faulty="FAULT=$kind:$n LD_PRELOAD=$shim"
    verb "$c" >said 2>&1
    status=$?
    faulty=
    judge "$c" "$kind" "$status" >wrong
    if [ -s wrong ]; then
        failed=$((failed + 1))
        while read -r what; do echo "$c $kind|$what|$n|$(tail -n 1 said | cut -c1-160)"; done <wrong >>faults
    else
        passed=$((passed + 1))
    fi
    [ -z "$only_n" ] || { echo "status $status"; cat said wrong; ls -A out; }
}

# All N up to 400, or a few from the first to the last.
some()
{
    c=$1 kind=$2
    fresh "$c"
    rm -f seen
    faulty="FAULT=$kind:0 FAULT_SEEN=$work/seen LD_PRELOAD=$shim"
    must verb "$c"
    faulty=
    calls=$(cat seen)
    few=2
    [ "$kind" = malloc ] && few=4
    if [ -n "$only_n" ]; then one "$c" "$kind" "$only_n"
    elif [ $long -eq 1 ] || [ "$calls" -le $few ]; then
        n=1
        while [ $n -le "$calls" ] && [ $n -le 400 ]; do one "$c" "$kind" $n; n=$((n + 1)); done
    else
        i=0
        while [ $i -lt $few ]; do one "$c" "$kind" $((1 + (calls - 1) * i / (few - 1))); i=$((i + 1)); done
    fi
}

prepare
: >faults
for c in ${only_command:-$commands}; do
    fresh "$c"
    contents >before
    must verb "$c"
    contents >new
    fresh "$c"
    must verb "$c"
    contents >now
    must cmp new now                            # the same bytes each time: else nothing below means anything
    sort -u before new >may
    rm -rf whole
    mkdir whole
    cp -r out whole/out
    for kind in ${only_kind:-malloc write fsync rename open close opendir readdir read mkdir mmap thread}; do some "$c" "$kind"; done
done

# The same fault at many places is one line: what, how often, the first of them.
sort -t '|' -k1,2 -s faults | awk -F '|' '
    { key = $1 ": " $2 } key != last { if (last) print "FAILED " last "  (" n " times; first at " first ")"; n = 0; last = key; first = $3 "; " $4 }
    { n++ } END { if (last) print "FAILED " last "  (" n " times; first at " first ")" }'
report
