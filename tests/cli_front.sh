#!/bin/sh
# cli_front.sh: what a newcomer does first, and what is said where it goes wrong unseen: runs that continue with `train --out RUN`, results where
# --out says, pictures as cameras give them, warnings. Needs ./facegan and models/; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
exactly=-F
top=$PWD
cd "$work" || exit 2

# ---------------------------------------------------------------------------------------------- a run that continues
SMALL="--size 16 --width 4 --g-repeat 1 --batch 2 --quiet"
"$F" data draw --out faces --count 12 --size 32 --emotions neutral,happy --quiet
check "a run" "$F" train stargan faces --out run $SMALL --iters 3
cp -r run other
check "goes on with --out alone" "$F" train --out run --iters 6
check "the same as the whole command" "$F" train stargan faces --out other $SMALL --iters 6
check "gives the same bytes" cmp run/checkpoint.safetensors other/checkpoint.safetensors
ends 0 "is finished: 6 iterations" "$F" train --out run
ends 1 "nosuch/config: No such file or directory" "$F" train --out nosuch
ends 2 "was trained with --width 4, now it is 5" "$F" train --out run --width 5
ends 2 "usage: facegan train MODEL DATA" "$F" train
ends 2 "usage: facegan train stargan DATA" "$F" train stargan --out run
check "an untrained G has not collapsed" "$F" train wgan-gp faces --out young --size 32 --batch 4 --width 4 --iters 20 --on-collapse stop --quiet
check "a classifier" "$F" classify train faces --out emotions --size 16 --batch 2 --iters 2 --quiet
check "goes on, too" "$F" classify train --out emotions --iters 4
check "to its end" sh -c "'$F' info emotions/checkpoint.safetensors | grep -q 'iteration *4'"
"$F" train stargan faces --out long $SMALL --iters 1000000 --save-every 5 2>/dev/null &
child=$!
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -e long/checkpoint.safetensors ] && break; sleep 0.5; done
check "a report while it trains" "$F" report long
check "is a page" grep -q "</html>" long/report.html
kill -INT $child
wait $child
ends 0 "would take an hour; a smaller --width or --size is faster" "$F" train ganmut faces --dry-run --size 64 --batch 4
check "a short one is not told to be shorter" sh -c "! '$F' train stargan faces --dry-run --out run $SMALL --iters 100 | grep 'an hour'"

# ---------------------------------------------------------------------------------------------- results where --out says
face=$top/models/three-faces.png
check "a file in a new folder" "$F" edit $face --emotion happy --out new/happy.jpg
check "is a JPEG" sh -c "head -c 3 new/happy.jpg | od -An -tx1 | grep -q 'ff d8 ff'"
check "that says what drew it" grep -aq "drawn by a generative model" new/happy.jpg
check "unless told not to" sh -c "'$F' edit $face --emotion happy --out plain.jpg --no-provenance && ! grep -aq generative plain.jpg"
ends 0 "edited/three-faces-happy-0.5.png" "$F" edit $face --emotion happy:0.5 --out edited
check "quiet means quiet" test -z "$("$F" edit $face --emotion happy --out edited --quiet 2>&1)"
ends 2 "--scale 2: enlarges the sheet of --emotion all only" "$F" edit $face --emotion happy --scale 2
ends 0 "sheets/00000-all.png" "$F" edit "$top/models/drawn-faces.safetensors" faces/neutral --emotion all --scale 2 --out sheets
ends 0 "pages/gamut.html" "$F" gamut "$top/models/drawn-gamut.safetensors" faces/neutral --out pages
cp -r faces/neutral one && cp -r faces/neutral two
ends 0 "apart/one_00000-gamut.png" "$F" gamut "$top/models/drawn-gamut.safetensors" one/00000.png two/00000.png --out apart
ends 0 "disc/three-faces-gamut.png" "$F" gamut $face --out disc
ends 0 "edited/three-faces-angry.png" "$F" edit $face --emotion anger --out edited
cp $face own.png
ends 2 "own.png is the photograph itself, which would be lost" "$F" edit own.png --emotion happy --out own.png
check "is as it was" cmp own.png $face
head -c 270015 /dev/zero | sed '1s/^/P6 300 300 255\n/' >flat.ppm
ends 1 "no face was found" "$F" gamut flat.ppm --out faceless
check "and nothing drawn" test -z "$(ls faceless)"
ends 0 "1 picture" "$F" detect $face --weights "$top/models/mtcnn.safetensors"              # mtcnn is whose they are
mkdir -p nest/deeper && cp faces/neutral/00000.png nest && cp faces/neutral/00000.png nest/deeper
ends 0 "nest: pictures in the 1 folder in it are left out" "$F" edit "$top/models/drawn-faces.safetensors" nest --emotion happy --out nested
"$F" edit "$top/models/drawn-faces.safetensors" nest --emotion happy --out nested >/dev/null 2>told
check "told once" test "$(grep -c 'left out' told)" -eq 1
mkdir void
ends 2 "no picture behind void, itself none; usage: facegan edit" "$F" edit void
ends 1 "nosuch: there is no such file" "$F" gamut nosuch
check "another word for happy" "$F" sample "$top/models/noise-faces.safetensors" --emotions joy --count 2 --out joy
ends 0 "noise.onnx" "$F" convert "$top/models/noise-faces.safetensors" noise.onnx
check "a sheet in a new folder" "$F" data show faces --out seen/faces.png

# ---------------------------------------------------------------------------------------------- what is not what it seems
printf 'RIFF\0\0\0\0WEBPVP8 ' >face.webp
ends 1 "is WebP, which is not read here: convert it to PNG" "$F" edit face.webp --emotion happy
ends 1 "nosuch.jpg: there is no such file" "$F" edit nosuch.jpg
ends 1 "is a classifier, not a generator that edits pictures" "$F" edit "$top/models/fer2013-7.safetensors" $face
ends 1 "is a cgan, not a generator that edits pictures" "$F" edit "$top/models/noise-faces.safetensors" $face
ends 1 "is a stargan, not a classifier" "$F" classify predict $face --classifier "$top/models/photo-stargan.safetensors"
ends 0 "resnet18 starts from chance, and the blocks before --unfreeze head will stay so" \
    "$F" classify train faces --network resnet18 --unfreeze head --size 32 --batch 2 --iters 2 --dry-run

report
