#!/bin/sh
# Pipes and devices in the place of files, wherever the command line takes one: refused, never waited for.
cd "$(dirname "$0")/.." || exit 2
F=${FACEGAN:-$PWD/facegan}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
check() { if eval "$2"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $1"; fi; }
cd "$work" || exit 2
run() { timeout 20 "$F" "$@" --threads 1 --quiet <&- >said 2>&1; }

# Ends by itself, and with an error that says something.
refused()
{
    run "$@"
    status=$?
    [ $status -ne 0 ] && [ $status -lt 100 ] && [ -s said ] && passed=$((passed + 1)) && return
    failed=$((failed + 1))
    echo "FAILED status $status: $*"
}

run data draw --out faces --count 6 --size 16 --emotions neutral,happy,sad
check "drawn" '[ -s faces/labels.csv ]'
run train ganmut faces --out run --size 16 --width 2 --g-repeat 1 --d-repeat 1 --batch 2 --iters 1
check "trained" '[ -s run/checkpoint.safetensors ]'
mkfifo pipe pipe.csv pipe.png
mkdir no-config no-log votes
mkfifo no-config/config no-log/log.csv votes/fer2013.csv
cp run/config no-log
printf 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n' >votes/fer2013new.csv
printf 'Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\n' >>votes/fer2013new.csv
face=faces/sad/00002.png

for no_file in pipe pipe.csv pipe.png /dev/zero; do
    for verb in doctor show; do refused data $verb $no_file --out out; done
    refused data balance $no_file --balance oversample --out out
    for kind in affwild2 affectnet rafdb fer2013 ferplus folder; do refused data import $kind $no_file --out out; done
    refused data import ferplus votes/fer2013new.csv $no_file --out out
    refused train stargan $no_file --out out --iters 1
    refused train stargan faces --out out --iters 1 --init $no_file
    refused edit run $no_file --out out --theta 1
    refused edit $no_file $face --out out
    refused gamut run $no_file --out out
    refused sample $no_file --out out
    for verb in info report bench; do refused $verb $no_file; done
    refused convert $no_file out.npz
    refused step $no_file out
    refused classify predict $no_file --classifier run
    refused classify predict $face --classifier $no_file
    refused detect $face --detector mtcnn --weights $no_file
    refused eval $no_file faces --classifier $no_file
    refused study ganmut $no_file --out out
    refused study augment $no_file $no_file --out out
done
refused report no-config
refused edit no-config $face --out out
refused data import ferplus votes/fer2013new.csv votes/fer2013.csv --out out
run report no-log
check "a log that is a pipe is not waited for" '[ $? -lt 100 ]'
mkfifo faces/sad/pipe.png
run data doctor faces
check "a pipe among the pictures is one that cannot be read" 'grep -q "pipe.png" said'
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
