#!/bin/sh
# cli_ganmut.sh: GANmut from the command line. Each space (linear and Gaussian, two and three dimensions), and the public code's
# variant, trained in two halves gives the bytes of one trained at once; edits by name, angle, point and between two emotions;
# the gamut's picture, film and page; channels swapped twice are the file again; what cannot be is refused with a reason.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
refused() { ends "1 2" "$@"; }

small="--width 4 --g-repeat 1 --batch 6 --decay none --seed 3 --sample-every 5 --log-every 1 --n-critic 2 --quiet"
check "drawing faces" "$F" data draw --out "$work/faces" --count 40 --size 16 --emotions happy,neutral,sad,surprise --quiet
face=$work/faces/neutral/00001.png

# An unsure viewer is right about strong emotions, seldom about weak ones, always about neutral; files lie where he puts them.
surer()
{
    awk -F, 'NR > 1 && index($1, $2 "/") != 1 { exit 1 }
        NR > 1 && $NF == "neutral" && $2 != "neutral" { exit 1 }
        NR > 1 && $NF != "neutral" && $3 > 0.8 { strong++; strong_right += $2 == $NF }
        NR > 1 && $NF != "neutral" && $3 < 0.2 { weak++; weak_right += $2 == $NF }
        END { exit !(strong > 20 && weak > 20 && strong_right > 0.75 * strong && weak_right < 0.5 * weak) }' "$1"
}
check "drawing for viewers" "$F" data draw --out "$work/viewed" --count 400 --size 16 --weakest 0 --viewers --quiet
check "viewers are surer of strong emotions" surer "$work/viewed/labels.csv"

both()
{
    name=$1; shift
    check "$name at once" "$F" train ganmut "$work/faces" --out "$work/$name" $small --iters 12 --threads 1 "$@"
    check "$name, first half" "$F" train ganmut "$work/faces" --out "$work/$name.halves" $small --iters 7 --threads 2 "$@"
    check "$name, second half" "$F" train ganmut "$work/faces" --out "$work/$name.halves" $small --iters 12 --threads 1 "$@"
    check "$name: the same checkpoint" cmp "$work/$name/checkpoint.safetensors" "$work/$name.halves/checkpoint.safetensors"
    check "$name: the same sheet" cmp "$work/$name/samples/00000012.png" "$work/$name.halves/samples/00000012.png"
    check "$name: neutral is first" grep -q '^classes = neutral,' "$work/$name/config"
    check "$name: the space is in the log" grep -q 'at.happy.x,at.happy.y' "$work/$name/log.csv"
}

both linear
both linear3 --space-dim 3
both gaussian --space gaussian
both gaussian3 --space gaussian --space-dim 3
both wider --d-width 7 --mix
both published --as-published
both published-gaussian --as-published --space gaussian
check "the published linear model takes the approximate cycle" grep -q '^cycle = approximate' "$work/published/config"
check "the published Gaussian model weighs classes twice" grep -q '^lambda-cls = 2' "$work/published-gaussian/config"

for run in linear gaussian; do
    out=$work/$run.edited
    check "$run: by name" "$F" edit "$work/$run" "$face" --emotion happy:0.6 --out "$out"
    check "$run: by angle" "$F" edit "$work/$run" "$face" --theta 40deg --rho 0.8 --out "$out"
    check "$run: by point" "$F" edit "$work/$run" "$face" --xy 0.3,-0.5 --out "$out"
    check "$run: between" "$F" edit "$work/$run" "$face" --between happy,surprise:0.5 --out "$out"
    check "$run: all" "$F" edit "$work/$run" "$face" --out "$out"
    check "$run: five pictures" [ "$(ls "$out" | wc -l)" -eq 5 ]
    check "$run: gamut" "$F" gamut "$work/$run" "$face" --gif --path neutral,happy,sad --out "$out"
    for file in 00001-gamut.png 00001-gamut.gif gamut.html; do check "$run: $file" [ -s "$out/$file" ]; done
    check "$run: nothing from the network" sh -c "! grep -Eq 'src=.?http|href=.?http|url\\(.?http|fetch\\(' $out/gamut.html"
done
check "three dimensions: the plane of two emotions" "$F" gamut "$work/linear3" "$face" --between happy,sad --out "$work/space"
check "three dimensions: by point" "$F" edit "$work/gaussian3" "$face" --xy 0.3,-0.5,0.1 --out "$work/space"

# With a rate of 0 the networks stay what --init made them.
onward="$F train ganmut $work/faces --out $work/onward $small --iters 2 --lr 0 --seed 9"
check "onward from another run" $onward --init "$work/linear"
check "its generator alone" "$F" convert "$work/linear" "$work/before.npz" --only G.
check "that of the new run" "$F" convert "$work/onward" "$work/after.npz" --only G.
check "are the same" cmp "$work/before.npz" "$work/after.npz"
rm -r "$work/onward"
check "onward from nothing" $onward
check "its generator" "$F" convert "$work/onward" "$work/after.npz" --only G.
check "is another" sh -c "! cmp -s $work/before.npz $work/after.npz"
refused "another size, width or number of classes" "$F" train ganmut "$work/faces" --out "$work/no" $small --iters 2 --width 5 --init "$work/linear"
refused "no-such" "$F" train ganmut "$work/faces" --out "$work/no" $small --iters 2 --init "$work/no-such"

check "swapped" "$F" convert "$work/linear" "$work/bgr.safetensors" --bgr
check "swapped back" "$F" convert "$work/bgr.safetensors" "$work/rgb.safetensors" --bgr
check "as it was" "$F" convert "$work/linear" "$work/same.safetensors"
check "twice swapped is the file" cmp "$work/rgb.safetensors" "$work/same.safetensors"
for which in linear bgr.safetensors; do check "a block" "$F" convert "$work/$which" "$work/block-$which.npz" --only G.main.9.; done
check "sees no colours: it is not swapped" cmp "$work/block-linear.npz" "$work/block-bgr.safetensors.npz"
check "once swapped is not" sh -c "! cmp -s $work/bgr.safetensors $work/same.safetensors"

refused "needs a class \"neutral\"" "$F" train ganmut "$work/faces" --out "$work/no" --classes happy,sad $small --iters 2
refused "must be linear or gaussian" "$F" train ganmut "$work/faces" --out "$work/no" --space round $small --iters 2
refused "centre that is neutral" "$F" train ganmut "$work/faces" --out "$work/no" --space gaussian --fade 0.01 $small --iters 2
refused "needs directions" "$F" train ganmut "$work/faces" --out "$work/no" --space gaussian --cycle approximate $small --iters 2
refused "mix needs directions" "$F" train ganmut "$work/faces" --out "$work/no" --space gaussian --mix $small --iters 2
refused "leaves none" "$F" train ganmut "$work/faces" --out "$work/no" --mix --random-directions 0 $small --iters 2
refused "each of the 4 means" "$F" train ganmut "$work/faces" --out "$work/no" --space gaussian $small --batch 3 --iters 2
refused "two dimensions" "$F" edit "$work/linear3" "$face" --theta 10
refused "must be an angle" "$F" edit "$work/linear" "$face" --theta north
refused "give one of" "$F" edit "$work/linear" "$face" --theta 10 --xy 0,0
refused "numbers from -1 to 1" "$F" edit "$work/linear" "$face" --xy 0.3
refused "two of the model's emotions" "$F" edit "$work/linear" "$face" --between happy,bored
refused "is not one of" "$F" gamut "$work/linear" "$face" --gif --path happy,bored --out "$work/never"

refute "nothing was drawn before" test -e "$work/never"
refused "has two" "$F" gamut "$work/linear" "$face" --between happy,sad --out "$work/no"
for each in "--theta 40.1deg" "--theta 40.4deg" "--theta 40.1deg --rho 0.801" "--theta 40.1deg --rho 0.804" "--between happy,sad:0.501" \
    "--between happy,sad:0.504"; do check "$each" "$F" edit "$work/linear" "$face" $each --out "$work/apart"; done
check "each has a name of its own" test "$(ls "$work/apart" | wc -l)" -eq 6

# Two pictures of one name keep their own pictures.
mkdir "$work/left" "$work/right"
cp "$face" "$work/left/one.png" && cp "$face" "$work/right/one.png"
check "two pictures of one name" "$F" gamut "$work/linear" "$work/left/one.png" "$work/right/one.png" --out "$work/twins"
check "have two gamuts" test "$(find "$work/twins" -name '*-gamut.png' | wc -l)" = 2

report
