#!/bin/sh
# same_bits.sh OLD NEW [WORKDIR]: does the program NEW compute the same bits as OLD? For a change that is not meant to
# change anything: it runs a list of short commands with both under every instruction set that this machine has, and
# compares all that comes out, file by file: weights (tensor by tensor; metadata is left out), logs, pages, tables and
# pictures. NEW trains once more on two threads and has to end with the same bits again. Versions, commits and seconds in
# texts are no differences; a picture names the version that made it, so across versions pictures differ.
# FACEGAN_TEST_DATA=DIR adds the detectors: DIR has detectors/ and photos/ (as for cli_photos.sh).
# WORKDIR is kept; without it everything is written below a temporary directory. Two to four minutes on one core.
# Needs coreutils; prints a line for each item, ends with `N passed, N failed, N skipped`.
usage() { echo "usage: sh tests/same_bits.sh OLD NEW [WORKDIR]" >&2; exit 2; }
[ $# -eq 2 ] || [ $# -eq 3 ] || usage
absolute() { (cd "$(dirname "$1")" && echo "$PWD/$(basename "$1")"); }
old=$(absolute "$1") new=$(absolute "$2")
[ -x "$old" ] && [ -x "$new" ] || usage
top=$(cd "$(dirname "$0")/.." && pwd) || exit 2
data=${FACEGAN_TEST_DATA:+$(cd "$FACEGAN_TEST_DATA" 2>/dev/null && pwd)}
unset FACEGAN_ISA FACEGAN_WINOGRAD FACEGAN_TEST_DATA
LC_ALL=C
export LC_ALL
if [ -n "$3" ]; then mkdir -p "$3" && work=$(cd "$3" && pwd) || exit 2
else work=$(mktemp -d) || exit 2; trap 'rm -rf "$work"' EXIT
fi
trap 'exit 1' HUP INT TERM
passed=0 failed=0 skipped=0

# ---------------------------------------------------------------------------------------------- what counts as the same
# A safetensors file's tensors, a line each in the order of their names: name, type, shape, sum of the bytes.
tensors()
{
    length=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    tail -c +9 "$1" | head -c "$length" | sed 's/"__metadata__":{[^}]*},\{0,1\}//' | tr '}' '\n' |
    sed -n 's/.*"\([^"]*\)":{"dtype":"\([^"]*\)","shape":\(\[[^]]*\]\),"data_offsets":\[\([0-9]*\),\([0-9]*\)\].*/\1 \2 \3 \4 \5/p' |
    sort | while read -r name type shape begin end; do
        echo "$name $type $shape $(tail -c +$((length + 9 + begin)) "$1" | head -c $((end - begin)) | cksum)"
    done
}

# What is left of a text when versions, commits and times are taken out.
plain() { sed 's/facegan [0-9][0-9.]*/facegan/g; s/commit [0-9a-f]\{7,40\}/commit/g; s/[0-9.]* *seconds\{0,1\}/seconds/g' "$1"; }

# Settings may stand in another order.
sorted() { plain "$1" | sort; }

# same_file A B: else the first of what differs is in $work/why.
same_file()
{
    cmp -s "$1" "$2" && return 0
    case $1 in
    *.safetensors) form=tensors ;;
    *.png | *.gif | *.npz | *.onnx) form=cksum ;;
    *config | *.html) form=sorted ;;
    *) form=plain ;;
    esac
    $form "$1" >"$work/a" && $form "$2" >"$work/b" && [ -s "$work/a" ] && cmp -s "$work/a" "$work/b" && return 0
    { echo "  | ${1#"$work"/}"; diff "$work/a" "$work/b" | cut -c1-150 | head -n 4 | sed 's/^/  | /'; } >>"$work/why"
    return 1
}

# same A B: the same files below, and each the same.
same()
{
    (cd "$1" && find . -type f | sort) >"$work/these"
    (cd "$2" && find . -type f | sort) >"$work/those"
    [ -s "$work/these" ] || { echo "  | nothing came out" >>"$work/why"; return 1; }
    cmp -s "$work/these" "$work/those" || { diff "$work/these" "$work/those" | head -n 4 >>"$work/why"; return 1; }
    alike=0
    while read -r file; do same_file "$1/$file" "$2/$file" || alike=1; done <"$work/these"
    return $alike
}

# ---------------------------------------------------------------------------------------------- the items
report()
{
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); echo "same       $isa: $2"; return; fi
    failed=$((failed + 1))
    echo "DIFFERENT  $isa: $2"
    head -n 12 "$work/why"
}

# run_in PROGRAM PLACE NAME ARGUMENTS...: what it prints is a file among what it writes. Both stand in a folder of the same
# name, so that no path differs.
run_in()
{
    program=$1 place=$2 name=$3; shift 3
    (cd "$place" && mkdir -p "$name" && FACEGAN_ISA=$isa "$program" "$@" >"$name.said" 2>"$name.errors" &&
     mv "$name.said" "$name/said.txt") && return 0
    { echo "  | it failed: $*"; tail -n 2 "$place/$name.errors" | sed 's/^/  | /'; } >>"$work/why"
    return 1
}

# item NAME ARGUMENTS...: writes below NAME, or prints.
item()
{
    name=$1; shift
    : >"$work/why"
    run_in "$old" "$work/old" "$name" "$@" && run_in "$new" "$work/new" "$name" "$@" && same "$work/old/$name" "$work/new/$name"
    report $? "$name"
}

# train NAME KIND ARGUMENTS...: a training (KIND: train or "classify train"), with NEW on one thread and on two.
train()
{
    name=$1 kind=$2; shift 2
    : >"$work/why"
    set -- $kind "$@" --out "$name" --seed 3 --quiet
    run_in "$old" "$work/old" "$name" "$@" --threads 1 && run_in "$new" "$work/new" "$name" "$@" --threads 1 &&
        same "$work/old/$name" "$work/new/$name"
    report $? "$name"
    : >"$work/why"
    run_in "$new" "$work/two" "$name" "$@" --threads 2 && same "$work/old/$name" "$work/two/$name"
    report $? "$name, two threads"
}

pictures()
{
    item draw data draw --out draw --count 6 --size 64 --seed 5 --blends 0.4 --weakest 0 --quiet
    item draw-grey data draw --out draw-grey --count 6 --size 48 --seed 6 --grey --viewers --pose 0.3 --quiet
    item faces data draw --out faces --count 60 --size 32 --emotions neutral,happy,sad --quiet
    cp -R "$work/new/faces" "$work/two/faces"
    item show data show faces --out show/sheet.png
    item doctor data doctor faces --size 32
}

trainings()
{
    small="--width 8 --g-repeat 1 --batch 4 --n-critic 2 --sample-every 10 --log-every 5"
    train star train stargan faces --iters 20 --size 32 $small
    train star-bce train stargan faces --iters 20 --size 16 --grey --adv bce $small
    train star-hinge train stargan faces --iters 20 --size 16 --adv hinge --reg r1 --rotate 9 --shift 0.1 --erase 0.5 $small
    train star-attributes train stargan faces/labels.csv --attributes AU12,AU4 --iters 20 --size 16 $small
    train mut train ganmut faces --iters 20 --size 32 --batch 6 $small
    train mut-gaussian train ganmut faces --iters 20 --size 16 --space gaussian $small
    train mut-3d train ganmut faces --iters 20 --size 16 --space-dim 3 $small
    train mut-mix train ganmut faces --iters 20 --size 16 --mix $small
    small="--width 4 --batch 6 --sample-every 10 --log-every 5"
    train gan train gan faces --iters 20 --size 32 --grey $small
    train cgan train cgan faces --iters 20 --size 32 --grey --average 0.9 $small
    train wgan train wgan faces --iters 20 --size 32 --conditional --d-optimiser rmsprop --g-optimiser sgd_nesterov $small
    train wgan-gp train wgan-gp faces --iters 20 --size 48 --average 0.9 $small
    train wacgan train wacgan faces --iters 20 --size 32 --grey --body wacgan $small
    train gan-seed train gan faces --iters 5 --size 64 --grey --body seed --d-optimiser adagrad --g-optimiser sgd $small
    small="--batch 8 --log-every 5 --sample-every 10 --validation 0.2"
    train judge "classify train" faces --iters 40 --size 32 $small
    train judge-grey "classify train" faces --iters 20 --size 16 --grey --dropout 0.3 --smoothing 0.1 $small
    train judge-resnet "classify train" faces --iters 3 --size 32 --network resnet18 $small
}

commands()
{
    face="faces/happy/00001.png faces/sad/00002.png"
    item edit edit star $face --emotion all --scale 2 --out edit
    item edit-mut edit mut $face --theta 40deg --rho 0.8 --out edit-mut
    item edit-model edit "$top/models/drawn-faces.safetensors" $face --emotion happy:0.7 --out edit-model
    item gamut gamut mut faces/neutral/00000.png --gif --path neutral,happy,sad --out gamut
    item sample sample cgan --count 12 --out sample
    item sample-files sample wgan-gp --files --count 5 --seed 2 --out sample-files
    item predict classify predict judge $face --json
    item judge-eval classify eval faces --classifier judge --split all --json
    item eval eval mut faces --classifier judge --json
    item eval-page eval star faces --classifier judge --html --out eval-page/page.html
    item star report star                        # the whole run again, with its page made anew
    item onnx convert star onnx/star.onnx
    item onnx-judge convert judge onnx-judge/judge.onnx
    item npz convert mut npz/mut.npz --only G.
    item half convert star half/star.safetensors --half
}

detectors()
{
    if [ ! -d "$data/detectors" ] || [ ! -d "$data/photos" ]; then
        skipped=$((skipped + 1))
        echo "skipped    $isa: NO DETECTOR WAS COMPARED: FACEGAN_TEST_DATA must name a folder with detectors/ and photos/"
        return
    fi
    item mtcnn detect "$data/photos" --detector mtcnn --weights "$data/detectors/mtcnn" --max-side 640 --csv --quiet
    for weights in "$data"/detectors/retinaface/*obile*.pth; do
        [ -e "$weights" ] || continue
        name=$(basename "$weights" .pth)
        item "retinaface-$name" detect "$data/photos" --detector retinaface --weights "$weights" --max-side 640 --csv --quiet
        item "crop-$name" crop "$data/photos" --detector retinaface --weights "$weights" --max-side 640 --align --all --out "crop-$name"
    done
}

for isa in avx512 avx2 neon portable; do
    if ! FACEGAN_ISA=$isa "$old" --version 2>/dev/null | grep -q "kernels $isa"; then
        skipped=$((skipped + 1))
        echo "skipped    $isa: this machine has no such instructions"
        continue
    fi
    rm -rf "$work/old" "$work/new" "$work/two"
    mkdir "$work/old" "$work/new" "$work/two"
    pictures
    trainings
    commands
    detectors
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
