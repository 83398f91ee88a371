#!/bin/sh
# cli_eval.sh: the numbers of a generator, and the studies, end to end on networks too small to be good. Each output form has what
# it promises, a stopped study goes on, ONNX and .pt files are written, and what cannot be is refused with a reason. Needs
# ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
refused() { ends "1 2" "$@"; }
same_on_threads()
{
    "$F" eval "$1" faces --classifier judge --csv >one.csv 2>/dev/null
    "$F" eval "$1" faces --classifier judge --csv --threads 3 >three.csv 2>/dev/null
    check "$1: there are numbers" grep -q '^diversity.pairs,[0-9]' one.csv
    check "$1: the same on three threads" cmp one.csv three.csv
}

top=$PWD
cd "$work" || exit 2
gan="--size 16 --width 4 --g-repeat 1 --batch 4 --n-critic 2 --iters 4 --log-every 1 --quiet"
check "faces" "$F" data draw --out faces --count 60 --size 16 --emotions neutral,happy,sad --quiet
check "a stargan" "$F" train stargan faces --out star $gan
check "a ganmut" "$F" train ganmut faces --out mut $gan
check "a classifier" "$F" classify train faces --out judge --size 16 --batch 16 --iters 6 --validation 0.2 --quiet
check "shares as labels" "$F" classify train faces/labels.csv --attributes intensity,AU12 --out shares --size 16 --batch 16 --iters 7 --quiet
says "iteration *7" "$F" info shares/best.safetensors        # nobody judges shares: the latest weights are kept

says "smoothness.rising" "$F" eval mut faces --classifier judge
says "refused: 60 pictures for" "$F" eval mut faces --classifier judge
says "discriminator.f1.fake" "$F" eval star faces --classifier judge
says "^metric,value,low,high,pictures,features,classifier" "$F" eval star faces --classifier judge --csv
says "^confusion.happy.sad," "$F" eval star faces --classifier judge --csv
says '"confusion_edited"' "$F" eval mut faces --classifier judge --json
check "a page" "$F" eval mut faces --classifier judge --html --out page.html
check "it is a page" grep -q "What was asked for" page.html
same_on_threads mut
check "a page in the data's own folder" "$F" eval mut faces --classifier judge --html --out faces/page.html
refused "--html needs --out" "$F" eval mut faces --classifier judge --html
refused "does not know" "$F" eval mut faces --classifier shares
refused "not a classifier" "$F" eval mut faces --classifier mut
refused "not a generator that edits pictures" "$F" eval judge faces --classifier judge

check "a generator from noise" "$F" train cgan faces --out noise --size 16 --width 2 --batch 6 --iters 4 --quiet
says "accuracy.drawn" "$F" eval noise faces --classifier judge
says "diversity.within" "$F" eval noise faces --classifier judge
says "^f1.drawn.sad," "$F" eval noise faces --classifier judge --csv
check "its page" "$F" eval noise faces --classifier judge --html --out noise.html
check "with samples" grep -q "The first pictures" noise.html
same_on_threads noise
check "one that is told no classes" "$F" train gan faces --out plain --size 16 --width 2 --batch 6 --iters 2 --quiet
refused "draws no classes" "$F" eval plain faces --classifier judge

# A strip of strengths has a row for each class but neutral: of three classes with it as many as of two without.
strip_height()
{
    tr -d '\n' <"$1" | sed 's/<figure/\n&/g' | grep 'A face with every emotion' | head -n 1 |
        sed 's/.*base64,\([^"]*\)".*/\1/' | base64 -d | od -An -tu1 -j20 -N4
}
mkdir moods && cp -r faces/happy faces/sad moods/
check "a stargan of faces without neutral" "$F" train stargan moods --out moody $gan
check "its page" "$F" eval moody moods --classifier judge --html --out moody.html
check "a page of the other" "$F" eval star faces --classifier judge --html --out star.html
check "no class is left out of its strips" test "$(strip_height moody.html)" = "$(strip_height star.html)"
check "as a page has them" test -n "$(strip_height star.html)"

printf 'data faces\nclassifier small judge\ndo train stargan faces --out late %s\nrow "the late one" late # made above\nrow seeds star star\n' "$gan" >plan.txt
says "the late one" "$F" study ganmut plan.txt --out tables
check "its page" grep -q "Frechet Emotion Distance" tables/study.html
printf 'data faces\nclassifier small judge\ndo convert star copy.safetensors\ndo version\nrow seeds star\n' >any.txt
says "seeds" "$F" study ganmut any.txt --out tables
check "a step of any verb" test -s copy.safetensors
printf 'data faces\nclasifier small judge\n' >bad.txt
refused "bad.txt:2: expected" "$F" study ganmut bad.txt --out tables
printf 'data faces\n' >short.txt
refused "needs a data line, a classifier and a row" "$F" study ganmut short.txt --out tables
says "p (Student)" "$F" study augment faces faces --count 4 --repeat 2 --size 16 --width 4 --iters 4 --epochs 1 --out augmented
says "p (Student)" "$F" study augment faces faces --count 4 --repeat 3 --size 16 --width 4 --iters 4 --epochs 1 --out augmented
check "its page" grep -q "Do drawn pictures help" augmented/study.html
cp augmented/study.html before.html
for run in augmented/seed-*/on-*; do : >$run/best.safetensors; done
says "p (Student)" "$F" study augment faces faces --count 4 --repeat 3 --size 16 --width 4 --iters 4 --epochs 1 --out augmented
check "a classifier's last weights answer, not those of the lowest loss" cmp before.html augmented/study.html
says "p (Student)" "$F" study augment faces --count 4 --repeat 2 --size 16 --width 4 --iters 4 --epochs 1 --drawn-by cgan --out sampled
classes=$(ls sampled/seed-1/drawn | grep -vc csv)
check "from noise: as many as edits would be" sh -c "[ $classes -gt 2 ] && [ \$(ls sampled/seed-1/drawn/* | grep -c png) -eq $((4 * classes * (classes - 1))) ]"
check "and they learn from these and the real ones" sh -c "[ \$(grep -c train sampled/seed-1/mixed-4.csv) -eq $((4 * classes * classes)) ]"
"$F" study augment faces --count 4 --repeat 2 --size 16 --width 4 --iters 4 --drawn-by cgan --out learnt >/dev/null 2>&1 &
for i in $(seq 600); do test -s learnt/seed-1/on-real/config && break; sleep 0.1; done
kill $! && wait $!
check "a classifier learns for a while, however few its pictures" grep -qx "iters = 500" learnt/seed-1/on-real/config
refused "has 20" "$F" study augment faces faces --count 17 --repeat 2 --size 16 --width 4 --iters 4 --epochs 1 --out more
rm moody/checkpoint.safetensors && mv mut/checkpoint.safetensors kept
says "the page cannot show its space: mut/checkpoint.safetensors" "$F" report mut
mv kept mut/checkpoint.safetensors
check "a report of a model without a space needs no weights" test -z "$("$F" report moody --quiet 2>&1)"
check "its page is there" test -s moody/report.html
says "smallest angle" "$F" study truth mut --out truth --size 16 --count 128 --epochs 1
says "the drawing itself" "$F" study truth mut --out truth --size 16 --count 128 --epochs 1
refused "its judges were made with --count 128" "$F" study truth mut --out truth --size 16 --count 129 --epochs 1
refused "must be truth" "$F" study nothing mut --out truth
refused "needs --out" "$F" study truth mut
refused "nowhere" "$F" study truth mut nowhere --out untold --size 16 --count 128 --epochs 1
check "no judge is trained before every run is there" test ! -e untold

check "a stargan that moves pixels" "$F" train stargan faces --out moves $gan --keep warp --lambda-tv 0.1
says "ssim.edit" "$F" eval moves faces --classifier judge
check "it edits a photograph" "$F" edit moves "$top/models/three-faces.png" --emotion happy --out moved.png --quiet
refute "which moves" cmp moved.png "$top/models/three-faces.png"
check "and is written as ONNX" "$F" convert moves moves.onnx

check "a generator as ONNX" "$F" convert mut mut.onnx
check "a classifier as ONNX" "$F" convert judge judge.onnx
check "both are there" test -s mut.onnx -a -s judge.onnx
check "as .pt" "$F" convert star star.pt --only G.
says "pytorch zip" "$F" info star.pt
refused "convert first" "$F" convert star star.onnx --half
report
