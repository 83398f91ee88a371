#!/bin/sh
# cli_noise.sh: the models that draw from noise, from the command line. Each model and body, told classes or not, grey or colour,
# trained in two halves on other thread counts gives the bytes of one trained at once; the log watches for collapse; sheets, ways
# and files come out of runs and weights files; what cannot be is refused with a reason.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
refused() { ends "1 2" "$@"; }

small="--width 2 --batch 6 --seed 3 --decay none --sample-every 3 --log-every 1 --quiet"
check "drawing faces" "$F" data draw --out "$work/faces" --count 40 --size 32 --emotions happy,neutral,sad --quiet
mkdir "$work/plain" && cp "$work/faces"/*/*.png "$work/plain"

both()
{
    name=$1 model=$2 data=$3; shift 3
    check "$name at once" "$F" train "$model" "$data" --out "$work/$name" $small --iters 8 --threads 1 "$@"
    check "$name, first half" "$F" train "$model" "$data" --out "$work/$name.halves" $small --iters 5 --threads 3 "$@"
    check "$name, second half" "$F" train "$model" "$data" --out "$work/$name.halves" $small --iters 8 --threads 1 "$@"
    check "$name: the same checkpoint" cmp "$work/$name/checkpoint.safetensors" "$work/$name.halves/checkpoint.safetensors"
    check "$name: the same log" cmp "$work/$name/log.csv" "$work/$name.halves/log.csv"
    check "$name: the same sheet" cmp "$work/$name/samples/00000008.png" "$work/$name.halves/samples/00000008.png"
    check "$name: collapse is watched" grep -q 'watch.pixels,watch.edges,watch.within,watch.nearest,watch.clusters,watch.label,watch.agreement' "$work/$name/log.csv"
    check "$name: a sheet" "$F" sample "$work/$name" --out "$work/$name.sheet" --count 12
    check "$name: it is there" test -s "$work/$name.sheet/samples.png"
}

both gan gan "$work/plain" --grey
both gan-32 gan "$work/faces" --size 32
both cgan cgan "$work/faces" --grey
both cgan-told-nothing-wrong cgan "$work/faces" --grey --no-wrong-labels
both cgan-joint cgan "$work/faces" --grey --joint
both cgan-wrong cgan "$work/faces" --grey --wrong-labels --targets different
both wgan wgan "$work/faces" --grey
both wgan-told wgan "$work/faces" --grey --conditional
both wgan-gp wgan-gp "$work/faces" --grey
both wgan-gp-told wgan-gp "$work/faces" --size 48 --conditional
both wacgan wacgan "$work/faces" --grey
both wacgan-seed wacgan "$work/faces" --grey --recipe seed
both seed-body gan "$work/faces" --grey --body seed --size 64
both dropout wacgan "$work/faces" --body wacgan --size 32
both published-cgan cgan "$work/faces" --grey --as-published --batch 12
both both-cls wacgan "$work/faces" --grey --lambda-cls-fake 1
both published wgan-gp "$work/plain" --grey --as-published
both sgd gan "$work/plain" --grey --d-optimiser sgd_nesterov --g-optimiser adagrad --label-smooth 0.1 --average 0
for size in 32 48 64 96 128; do
    check "$size px" "$F" train wacgan "$work/faces" --out "$work/side$size" $small --size $size --iters 1
done

check "a classifier apart" "$F" classify train "$work/faces" --out "$work/judge" --size 32 --grey --batch 8 --iters 6 --quiet
both waits cgan "$work/faces" --grey --d-first 2 --teacher "$work/judge"
check "G waits" "$F" train cgan "$work/faces" --out "$work/waiting" $small --grey --iters 8 --d-first 8 --init "$work/cgan"
check "and draws what it drew" cmp "$work/waiting/samples/00000003.png" "$work/waiting/samples/00000006.png"
for run in cgan waiting; do
    check "D of $run" "$F" convert "$work/$run" "$work/$run.D.safetensors" --only D.
    tail -c 2000 "$work/$run.D.safetensors" > "$work/$run.D"        # weights alone
done
check "while D learns" sh -c "! cmp '$work/cgan.D' '$work/waiting.D'"
check "G no longer waits" "$F" train cgan "$work/faces" --out "$work/moving" $small --grey --iters 8 --d-first 5 --init "$work/cgan"
check "and draws something else" sh -c "! cmp '$work/moving/samples/00000003.png' '$work/moving/samples/00000008.png'"
check "watches" "$F" train cgan "$work/faces" --out "$work/judged" $small --grey --iters 6 --classifier "$work/judge"
check "what it says" grep -Eq '^6,.*,[0-9.]+,[0-9.]+$' "$work/judged/log.csv"
check "nothing else changes" cmp "$work/judged/samples/00000006.png" "$work/cgan/samples/00000006.png"
check "columns in the report" grep -q 'judged' "$work/judged/report.html"
check "of another size, and in colour" "$F" train cgan "$work/faces" --out "$work/judged48" $small --size 48 --iters 1 --classifier "$work/judge"
check "too few pictures for a distance" test ! -e "$work/judged/best.safetensors"
check "drawing more" "$F" data draw --out "$work/more" --count 300 --size 32 --emotions happy,neutral,sad --quiet
check "FED" "$F" train cgan "$work/more" --out "$work/fed" $small --grey --iters 9 --classifier "$work/judge"
check "at every milestone, and nowhere else" test "$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "fed") at = i; next } $at != "" { printf "%d ", $1 }' "$work/fed/log.csv")" = "2 3 4 6 9 "
lowest=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "fed") at = i; next } $at != "" && (!n || $at < least) { least = $at; n = $1 } END { print n }' "$work/fed/log.csv")
check "the lowest's weights are kept" sh -c "'$F' info '$work/fed/best.safetensors' | grep -q 'iteration *$lowest$'"
check "and draw" "$F" sample "$work/fed/best.safetensors" --out "$work/fed-best"
check "the report shows it" grep -q 'Frechet Emotion Distance' "$work/fed/report.html"
check "with half of it" "$F" train cgan "$work/more" --out "$work/fed2" $small --grey --iters 6 --threads 1 --classifier "$work/judge"
check "and the rest" "$F" train cgan "$work/more" --out "$work/fed2" $small --grey --iters 9 --threads 3 --classifier "$work/judge"
check "the same is kept" cmp "$work/fed/checkpoint.safetensors" "$work/fed2/checkpoint.safetensors"
"$F" classify train "$work/faces" --out "$work/judge2" --classes happy,neutral --size 32 --grey --batch 8 --iters 2 --quiet
refused "does not know sad" "$F" train cgan "$work/faces" --out "$work/no" $small --grey --iters 6 --classifier "$work/judge2"
check "without classes nobody asks" "$F" train gan "$work/faces" --out "$work/judged2" $small --grey --iters 3 --classifier "$work/judge2"

check "separate pictures" "$F" sample "$work/wacgan" --out "$work/files" --files --count 33 --emotions sad,happy
check "as many as asked for" test "$(find "$work/files" -name '*.png' | wc -l)" -eq 33
check "each in the list" test "$(wc -l <"$work/files/labels.csv")" -eq 34
check "no others" test ! -e "$work/files/neutral"
check "a data set" "$F" data doctor "$work/files/labels.csv"
check "the same seed" "$F" sample "$work/wacgan" --out "$work/again" --files --count 33 --emotions sad,happy
check "the same pictures" cmp "$work/files/sad/000032.png" "$work/again/sad/000032.png"
check "a way" "$F" sample "$work/wacgan" --out "$work/way" --interpolate
check "its strip" test -s "$work/way/way.png"
check "its film" test -s "$work/way/way.gif"
check "another way" "$F" sample "$work/gan" --out "$work/way2" --interpolate --seed 4
check "weights alone" "$F" convert "$work/wacgan" "$work/small.safetensors" --only average.G. --half
check "are a generator" "$F" sample "$work/small.safetensors" --out "$work/small"
check "the last weights" "$F" sample "$work/wacgan" --out "$work/raw" --raw
refused "cmp: EOF\|differ" cmp "$work/raw/samples.png" "$work/wacgan.sheet/samples.png"
check "the report" "$F" report "$work/wacgan"
check "watches too" grep -q 'Watching for collapse' "$work/wacgan/report.html"

refused "more than the 40 pictures" "$F" train gan "$work/plain" --out "$work/no" --grey --batch 41
refused "only one" "$F" train cgan "$work/faces" --classes happy --out "$work/no" --grey --batch 4
refused "class" "$F" train wacgan "$work/plain" --out "$work/no" --grey --batch 4
refused "such as 32, 48, 64, 96 or 128" "$F" train gan "$work/plain" --out "$work/no" --size 44 --batch 4
refused "must be dcgan, kolbenschlag, wacgan or style" "$F" train gan "$work/plain" --out "$work/no" --body resnet --batch 4
refused "belong to --adv bce" "$F" train wgan-gp "$work/plain" --out "$work/no" --label-noise 0.1 --batch 4
refused "gan has no --joint; cgan has" "$F" train gan "$work/plain" --out "$work/no" --joint --batch 4
refused "wacgan has no --wrong-labels; gan, cgan, wgan, wgan-gp and stargan have" "$F" train wacgan "$work/faces" --out "$work/no" --wrong-labels --batch 4
refused "told no labels" "$F" train wgan "$work/faces" --out "$work/no" --wrong-labels --batch 4
refused "must be adam" "$F" train gan "$work/plain" --out "$work/no" --d-optimiser lion --batch 4
refused "must be warn, stop or rollback" "$F" train gan "$work/plain" --out "$work/no" --on-collapse panic --batch 4
refused "at least two pictures" "$F" train gan "$work/plain" --out "$work/no" --batch 1
refused "attributes" "$F" train wacgan "$work/faces" --out "$work/no" --attributes a,b --batch 4
refused "needs --out" "$F" sample "$work/wacgan"
refused "this generator draws" "$F" sample "$work/wacgan" --out "$work/no" --emotions angry
refused "was told no classes" "$F" sample "$work/gan" --out "$work/no" --emotions happy
refused "facegan edit" "$F" sample models/drawn-faces.safetensors --out "$work/no"
check "the shipped generators" "$F" sample models/noise-faces.safetensors --out "$work/shipped" --count 14
check "of photographs" "$F" sample models/noise-photos.safetensors --out "$work/photos" --count 14
check "draw" test -s "$work/shipped/samples.png" -a -s "$work/photos/samples.png"
check "no run was begun" test ! -e "$work/no/log.csv"

# A class's name out of the weights becomes a folder below --out, whatever it says.
LC_ALL=C sed 's/happy/..\/up/g' "$work/cgan/checkpoint.safetensors" >"$work/evil.safetensors"
check "samples of a generator with a hostile name" "$F" sample "$work/evil.safetensors" --files --count 12 --out "$work/cage/files"
check "stay below --out" test "$(find "$work" -name '*.png' -newer "$work/evil.safetensors" | grep -vc '/cage/files/[^/]*/[0-9]*.png')" = 0
check "its folder has a safe name" test -d "$work/cage/files/___up"
check "its label is the name" grep -q '^___up/[0-9]*.png,../up$' "$work/cage/files/labels.csv"
refused "is not empty" "$F" sample "$work/evil.safetensors" --files --count 12 --out "$work/cage/files"
check "quiet" test -z "$("$F" sample "$work/evil.safetensors" --files --count 2 --out "$work/cage/quiet" --quiet 2>&1)"
check "--force" "$F" sample "$work/evil.safetensors" --files --count 12 --out "$work/cage/files" --force

report
