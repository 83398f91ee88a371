#!/bin/sh
# cli_classify.sh: emotion classifiers from the command line. A training in two halves, on any number of threads, gives the bytes
# of one at once; its best weights are measured and asked, whole and in half precision; balanced sets, held-out shares, frozen
# blocks, weights from another run, class weights, every optimiser; what cannot be is refused with a reason.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
refused() { ends "1 2" "$@"; }

D=$work/faces
check "drawing faces" "$F" data draw --out "$D" --count 90 --size 16 --grey --pose 0 --emotions happy,sad,surprise --quiet
T="$F classify train $D --size 16 --batch 6 --sample-every 3 --log-every 1 --seed 3 --quiet"

check "at once" $T --iters 12 --threads 1 --out "$work/once"
check "first half" $T --iters 12 --threads 2 --out "$work/halves" --save-every 5
check "twelve in six and six" $T --decay none --iters 6 --out "$work/six"
check "goes on" $T --decay none --iters 12 --out "$work/six"
check "without a stop" $T --decay none --iters 12 --out "$work/twelve"
check "threads change no bit" cmp "$work/once/checkpoint.safetensors" "$work/halves/checkpoint.safetensors"
check "a stop changes no bit" cmp "$work/six/checkpoint.safetensors" "$work/twelve/checkpoint.safetensors"
check "nor the best weights" cmp "$work/six/best.safetensors" "$work/twelve/best.safetensors"
check "the page" test -s "$work/once/report.html"
check "no folder for samples" test ! -e "$work/once/samples"
P="$F classify train $D --size 16 --batch 30 --sample-every 1 --log-every 1 --decay plateau --lr 0.3 --seed 3 --quiet"
check "a plateau at once" $P --iters 24 --out "$work/level"
check "a plateau's first part" $P --iters 17 --out "$work/level-parts"
check "a plateau's rest" $P --iters 24 --out "$work/level-parts"
check "a stop changes no cut" cmp "$work/level/checkpoint.safetensors" "$work/level-parts/checkpoint.safetensors"
check "the rate was halved" grep -q "^[0-9]*,0.15," "$work/level/log.csv"
refused "is for classifiers" "$F" train stargan "$D" --decay plateau --out "$work/no"
refused "was trained with --smoothing" $T --iters 12 --smoothing 0.3 --out "$work/once"

# enough to learn something: bars that lie and bars that stand
mkdir -p "$work/bars/lying" "$work/bars/standing"
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do
    for kind in lying standing; do
        awk -v i=$i -v kind=$kind 'BEGIN { srand(i); print "P2 16 16 255"; for (y = 0; y < 16; y++) for (x = 0; x < 16; x++)
            print int(((kind == "lying" ? y : x) + i) % 6 < 3 ? 60 * rand() : 255 - 60 * rand()) }' >"$work/bars/$kind/$i.pgm"
    done
done
check "learning" "$F" classify train "$work/bars" --size 16 --grey --batch 8 --epochs 12 --rotate 0 --seed 3 --quiet --out "$work/bars-run"
says "accuracy 1.0000" "$F" classify eval "$work/bars" --classifier "$work/bars-run" --split all
check "a run to ask" $T --iters 12 --out "$work/run"
"$F" classify eval "$D" --classifier "$work/run" --split all --json --quiet >"$work/json" 2>"$work/said"
check "every picture counted" grep -q '"pictures": 90,' "$work/json"
check "eval with pictures" "$F" classify eval "$D" --classifier "$work/run" --views crops --out "$work/seen" --quiet
check "the matrix" test -s "$work/seen/confusion.png"
check "CSV has a line each" sh -c "[ \$('$F' classify eval '$D' --classifier '$work/run' --csv --quiet | wc -l) -eq 91 ]"
says "pictures of" "$F" classify eval "$D" --classifier "$work/run" --classes happy,sad --views flip
check "half precision" "$F" convert "$work/run/best.safetensors" "$work/half.safetensors" --half
says "happy" "$F" classify predict "$D/happy/00000.png" "$D/sad" --classifier "$work/half.safetensors"
says '"emotion": "' "$F" classify predict "$D/happy/00000.png" --classifier "$work/run" --json
says "^path,face,emotion,happy,sad,surprise" "$F" classify predict "$D/happy/00000.png" --classifier "$work/run" --csv

S="$F classify train $D --size 16 --batch 6 --iters 2 --quiet"
check "a head anew on a frozen body" $S --classes happy,sad --init "$work/run" --unfreeze head --out "$work/head"
for o in adam sgd sgd_nesterov rmsprop adagrad; do check "$o" $S --d-optimiser $o --lr 0.001 --out "$work/$o"; done
check "a hidden layer, flat, weighed classes" $S --head 8,4 --pool flat --class-weights --balance oversample --l2 0.01 --out "$work/hidden"
check "a share held out" $S --validation 0.4 --out "$work/share"
check "resnet18" "$F" classify train "$D" --network resnet18 --size 32 --batch 2 --iters 1 --quiet --out "$work/resnet"
says "time " "$F" classify train "$D" --network vgg16 --size 32 --batch 2 --head 8 --dry-run
check "patience" $T --patience 1 --lr 0 --iters 400 --out "$work/patient"
says "has not fallen" "$F" classify train "$D" --size 16 --batch 6 --sample-every 3 --log-every 1 --seed 3 --patience 1 --lr 0 --iters 400 --out "$work/patient"

says "5 of them warped copies" "$F" data balance "$D" --balance augment:35 --out "$work/balanced" --quiet
check "as many of each" sh -c "[ \$(ls '$work/balanced/sad' | wc -l) -eq 35 ]"
check "copies say so" test -s "$work/balanced/sad/00034-copy.png"
check "originals are as they were" sh -c "[ \$(ls '$work/balanced/sad' | grep -c copy) -eq 5 ]"

refused "must be small, large, vgg16" "$F" classify train "$D" --network vgg11
refused "must be a multiple of" "$F" classify train "$D" --size 20 --quiet
refused "takes colour" "$F" classify train "$D" --network vgg16 --grey --quiet
refused "must be all, head" $S --unfreeze block7 --out "$work/no"
refused "must be oversample" $S --balance twice --out "$work/no"
refused "must be one or two widths" $S --head 1,2,3 --out "$work/no"
refused "must be adam" $S --d-optimiser lion --out "$work/no"
refused "must be one, flip or crops" "$F" classify eval "$D" --classifier "$work/run" --views many --quiet
refused "not a classifier" "$F" classify predict "$D/happy/00000.png" --classifier models/drawn-faces.safetensors
refused "usage" "$F" classify train
refused "has no tensor" $S --init models/drawn-faces.safetensors --out "$work/no"
refused "must be classifier" "$F" reproduce 004 "$D"
head -c 20000 "$work/run/best.safetensors" >"$work/cut.safetensors"
refused "facegan:" "$F" classify predict "$D/happy/00000.png" --classifier "$work/cut.safetensors"

report
