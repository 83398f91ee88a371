#!/bin/sh
# cli_reproduce.sh: `facegan reproduce` on small drawn faces. Its plan keeps to the budget, what was killed goes on and ends with
# the bytes of what was not, what is done is not done again, the page has every published number, what cannot be is refused.
# With --long (tests/long_reproduce.sh) every document whole, and killed between its steps.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
refused() { ends 2 "$@"; }

cd "$work" || exit 2
check "faces to learn from" "$F" data draw --out faces/train --count 80 --size 16 --grey --emotions angry,happy,sad,surprise --quiet
check "faces to judge by" "$F" data draw --out faces/validation --count 20 --size 16 --grey --emotions angry,happy,sad,surprise --seed 2 --quiet
small="--balance oversample --batch 16 --size 16 --quiet"

# ---------------------------------------------------------------------------------------------- the plan
says "in full" "$F" reproduce classifier faces --dry-run --budget 30s $small
check "more faces" "$F" data draw --out more --count 140 --size 16 --grey --emotions angry,happy,sad --quiet
says "adagrad .* classifier" "$F" reproduce classifier more --dry-run --budget 30s --network resnet18 --balance oversample --batch 16 --size 32 --quiet
check "a dry run writes nothing" test ! -e runs
says "no-class-loss" "$F" reproduce stargan faces --dry-run --width 4 --quiet
"$F" reproduce classifier faces --dry-run --budget full $small >said 2>&1
check "full cuts nothing" awk '$3 == "classifier" && $4 != $5 { wrong = 1 } END { exit wrong }' said

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

cp -r whole hurt && rm hurt/network/facts-*.csv && : >hurt/network/best.safetensors
ends 1 "best.safetensors" "$F" reproduce 003 faces --budget 6s $small --out hurt
check "what cannot be measured is no fact" sh -c "! ls hurt/network/facts-*.csv"
printf 'alone\n' | cat - whole/network/facts-*.csv >facts && cp facts whole/network/facts-*.csv
says "about 78%" "$F" reproduce 003 faces --budget 6s $small --out whole

# ---------------------------------------------------------------------------------------------- one folder of four
check "faces" "$F" data draw --out few/train --count 80 --size 16 --grey --emotions neutral,happy,sad --quiet
check "faces to judge by" "$F" data draw --out few/validation --count 6 --size 16 --grey --emotions neutral,happy,sad --seed 3 --quiet
says "left out: its data was not given" "$F" reproduce ganmut few --budget 2s --width 4 --threads 1 --quiet --out one
check "faces found are told of joined sets alone" sh -c "grep -q , one/affwild-retinaface/facts-*.csv && ! grep -q ^faces one/affwild-retinaface/facts-*.csv"
refused "one folder too many; it takes 2" "$F" reproduce noise few faces few --dry-run
refused "one folder too many; it takes 2" "$F" reproduce stargan faces faces faces --dry-run
ls few/train/*/*.png | awk 'BEGIN { print "image_id,Smiling,Frowning" } { print $0 "," (/happy/ ? 1 : -1) "," (/sad/ ? 1 : -1) }' >attributes.csv
says "attributes-judge .* attributes.csv .* classifier" "$F" reproduce stargan faces attributes.csv --dry-run --width 4 --quiet
says "2 attributes (Smiling,Frowning)" "$F" train stargan attributes.csv --attributes all --size 16 --width 4 --iters 2 --out two
refused "it has Smiling, Frowning" "$F" train stargan attributes.csv --attributes Frown --size 16 --iters 2 --out two
mkdir photos && cp "$(ls few/train/happy/*.png | head -n 1)" photos/
says "about 78%" "$F" reproduce 003 faces photos --budget 6s $small --out parts
check "own pictures" grep -q "Own pictures" parts/report.html
check "the layers" grep -q "features.30.weight" parts/report.html
# ---------------------------------------------------------------------------------------------- refusals
refused "must be a time such as 2h" "$F" reproduce stargan faces --budget 2x
refused "must be a time such as 2h" "$F" reproduce stargan faces --budget -1h
refused "has no --lr" "$F" reproduce stargan faces --lr 1
refused "must be classifier, stargan, ganmut or noise" "$F" reproduce seed faces
[ "$1" = --long ] || { report; exit; }

# ---------------------------------------------------------------------------------------------- killed between steps
# again NAME EXPERIMENTS ARGUMENTS...: the document NAME as a whole, and killed once in each of the experiments' runs, as soon
# as it has begun to train (the one before it is done, then): the same page. Both stand in a folder of the same name.
again()
{
    name=$1 wanted=$2; shift 2
    mkdir -p at-once/$name stopped/$name
    check "$name at once" sh -c "cd at-once && $F reproduce $name $* --out $name"
    cp at-once/$name/plan.csv stopped/$name/
    for experiment in $wanted; do
        (cd stopped && exec "$F" reproduce $name "$@" --out $name >said 2>&1) &
        process=$!
        while [ ! -e stopped/$name/$experiment ] && kill -0 $process 2>/dev/null; do sleep 0.02; done
        kill -9 $process 2>/dev/null
        wait $process 2>/dev/null
        check "$name was killed in $experiment" test ! -e stopped/$name/report.html
    done
    check "$name goes on" sh -c "cd stopped && $F reproduce $name $* --out $name"
    check "$name: the same page" cmp at-once/$name/report.html stopped/$name/report.html
}
for part in "train 80" "validation 6"; do
    set -- $part
    check "few faces, $1" "$F" data draw --out four/$1 --count $2 --size 16 --grey --emotions angry,happy,sad,surprise --quiet
done
again stargan "log-loss different attributes" ../four ../attributes.csv --budget 5s --width 4 --threads 1 --quiet
facts=$(echo stopped/stargan/attributes/facts-*.csv)
check "the mean of both" awk -F, '/[.]turned/ { sum += $2 } /^turned/ { mean = $2 } END { exit !(mean != "" && sum / 2 - mean < 1e-4 && mean - sum / 2 < 1e-4) }' "$facts"
check "six shares" awk -F, '/[.](right|turned|kept)/ && $2 >= 0 && $2 <= 1 { n++ } END { exit n != 6 }' "$facts"
check "its table" grep -q "Each attribute turned round" stopped/stargan/report.html
again noise "cgan wacgan-code augment-noise" ../four ../four --budget 3s --width 4 --threads 1 --quiet

# ---------------------------------------------------------------------------------------------- several folders
for k in 1 2 3 4; do
    check "faces $k" "$F" data draw --out cut$k/train --count 90 --size 16 --grey --emotions neutral,happy,sad --seed $k --quiet
    check "faces $k to judge by" "$F" data draw --out cut$k/validation --count 6 --size 16 --grey --emotions neutral,happy,sad --seed 1$k --quiet
done
# As if data import had made them: of two frames the detector found a face in one.
for k in 1 2 3 4; do
    face=$(cd cut$k && ls train/happy/*.png | head -n 1)
    printf 'source,class,split,result,path\n%s,happy,train,kept,%s\n%s,sad,train,no face,\n' "$work/cut1/$face" "$face" "$work/other.png" >cut$k/import.csv
done
again ganmut "resnet combined-mtcnn" ../cut1 ../cut2 ../cut3 ../cut4 --budget 5s --width 4 --threads 1 --quiet
check "two sets as one" sh -c "[ \$(wc -l <stopped/ganmut/combined-mtcnn.csv) -eq 193 ]"
for words in "Table I  " "Table II  " "Table III  " "Table IV  " "Table V  " "Figure 4" "Figure 6" "Figure 7" "Figure 8" "Figure 9" "Figure 10" 106.9 0.054; do
    check "Surani: $words" grep -q "$words" stopped/ganmut/report.html
done
check "no number is missing" sh -c "! grep -q 'its data was not given' stopped/ganmut/report.html"
# The document's own numbers, from what it was measured by: both judges' F1 and smoothness, D's three.
facts=$(echo stopped/ganmut/combined-mtcnn/facts-*.csv)
for fact in vgg.f1.real vgg.f1.edited resnet.f1.edited vgg.smoothness vgg.smoothness.ends discriminator.f1.fake; do
    check "a number: $fact" grep -q "^$fact,[0-9n]" "$facts"
done
check "half of the frames have a face" grep -q "^faces,0.5$" "$facts"
report
