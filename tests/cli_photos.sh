#!/bin/sh
# cli_photos.sh: the detectors with their trained weights on real photographs, against published references: every face found, none
# invented, MTCNN's boxes within 10 px, RetinaFace's boxes and landmarks within 3 px; our own detector's boxes overlap theirs by 0.6; a
# photograph edited in place.
# Photographs and weights are not ours to ship: FACEGAN_TEST_DATA=DIR names a folder with detectors/mtcnn/{pnet,rnet,onet}.pt,
# detectors/retinaface/*.pth and photos/{faces,ivan,no-faces,multiface}.jpg. Without it everything here is skipped, and counted so.
. "$(dirname "$0")/check.sh"
D=$FACEGAN_TEST_DATA
if [ ! -d "$D/detectors" ] || [ ! -d "$D/photos" ]; then
    echo "skipped: NO TRAINED DETECTOR WAS TRIED: FACEGAN_TEST_DATA must name a folder with detectors/ and photos/"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

# detect DETECTOR WEIGHTS PHOTO: fields 3 to 17 of its CSV (score, 4 corners, 10 coordinates) into $work/faces
detect()
{
    "$F" detect "$D/photos/$3" --detector "$1" --weights "$2" --csv --quiet | sed 1d | sed 's/.*\.jpg,[0-9]*,//' > "$work/faces"
}

# count N: so many faces
count() { test "$(wc -l < "$work/faces")" -eq "$1"; }

# near TOLERANCE FIRST SQUARE NUMBERS...: some face has these numbers, from field FIRST on, none further off than the tolerance.
# SQUARE 1: its box is first made a square about its centre, as the reference's were.
near()
{
    tolerance=$1 first=$2 square=$3; shift 3
    awk -F, -v t="$tolerance" -v first="$first" -v square="$square" -v want="$*" '
        BEGIN { n = split(want, w, " ") }
        {
            if (square) {
                side = $4 - $2 > $5 - $3 ? $4 - $2 : $5 - $3; x = ($2 + $4) / 2; y = ($3 + $5) / 2
                $2 = x - side / 2; $3 = y - side / 2; $4 = x + side / 2; $5 = y + side / 2
            }
            worst = 0
            for (i = 1; i <= n; i++) { d = $(first + i - 1) - w[i]; d = d < 0 ? -d : d; worst = d > worst ? d : worst }
            if (best == "" || worst < best) best = worst
        }
        END { print "the nearest face is off by " best; exit !(best != "" && best + 0 <= t) }' "$work/faces"
}

mtcnn=$D/detectors/mtcnn
detect mtcnn "$mtcnn" faces.jpg
check "MTCNN, faces.jpg: six" count 6
for square in "70 21 112 112" "36 250 133 132" "221 43 112 111" "247 231 106 107" "566 67 104 104" "451 176 122 122"; do
    set -- $square
    check "MTCNN, faces.jpg: the face at $1,$2" near 10 2 1 "$1" "$2" $(($1 + $3)) $(($2 + $4))
done
detect mtcnn "$mtcnn" ivan.jpg
check "MTCNN, ivan.jpg: one" count 1
check "MTCNN, ivan.jpg: its box" near 10 2 0 277 90 325 153
detect mtcnn "$mtcnn" no-faces.jpg
check "MTCNN, no-faces.jpg: none" count 0
detect mtcnn "$mtcnn" multiface.jpg
check "MTCNN, multiface.jpg: six" count 6
cp "$work/faces" "$work/multiface"

for weights in "$D"/detectors/retinaface/*.pth; do
    name=$(basename "$weights")
    for photo in faces.jpg multiface.jpg; do
        detect retinaface "$weights" $photo
        check "$name, $photo: six" count 6
    done
    while IFS=, read -r score left top right bottom marks; do
        check "$name, multiface.jpg: MTCNN's face at $left,$top" near 15 2 0 "$left" "$top" "$right" "$bottom"
    done < "$work/multiface"
    detect retinaface "$weights" ivan.jpg
    check "$name, ivan.jpg: one" count 1
    check "$name, ivan.jpg: its box" near 3 2 0 276 89 326 156
    check "$name, ivan.jpg: its landmarks" near 3 6 0 292 116 315 115 305 130 295 141 313 140
    detect retinaface "$weights" no-faces.jpg
    check "$name, no-faces.jpg: none" count 0
done

# overlaps LEFT TOP RIGHT BOTTOM: some face has 0.6 of the area of both in common with this box, its own or, as the references of
# faces.jpg are, made a square
overlaps()
{
    awk -F, -v want="$*" '
        function share(l, t, r, b,    w, h, c) {
            w = (r < x[3] ? r : x[3]) - (l > x[1] ? l : x[1]); h = (b < x[4] ? b : x[4]) - (t > x[2] ? t : x[2])
            c = w > 0 && h > 0 ? w * h : 0
            return c / ((r - l) * (b - t) + (x[3] - x[1]) * (x[4] - x[2]) - c)
        }
        BEGIN { split(want, x, " ") }
        {
            side = $4 - $2 > $5 - $3 ? $4 - $2 : $5 - $3; cx = ($2 + $4) / 2; cy = ($3 + $5) / 2
            a = share($2, $3, $4, $5); s = share(cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2)
            a = s > a ? s : a; best = a > best ? a : best
        }
        END { print "the best overlap is " best; exit !(best >= 0.6) }' "$work/faces"
}

# our own detector: everything above again
shipped() { "$F" detect "$D/photos/$1" --csv --quiet | sed 1d | sed 's/.*\.jpg,[0-9]*,//' > "$work/faces"; }
shipped faces.jpg
check "ours, faces.jpg: six" count 6
for square in "70 21 112 112" "36 250 133 132" "221 43 112 111" "247 231 106 107" "566 67 104 104" "451 176 122 122"; do
    set -- $square
    check "ours, faces.jpg: the face at $1,$2" overlaps "$1" "$2" $(($1 + $3)) $(($2 + $4))
done
shipped ivan.jpg
check "ours, ivan.jpg: one" count 1
check "ours, ivan.jpg: its box" overlaps 276 89 326 156
check "ours, ivan.jpg: its landmarks" near 5 6 0 292 116 315 115 305 130 295 141 313 140
shipped no-faces.jpg
check "ours, no-faces.jpg: none" count 0
shipped multiface.jpg
check "ours, multiface.jpg: six" count 6
while IFS=, read -r score left top right bottom marks; do
    check "ours, multiface.jpg: MTCNN's face at $left,$top" overlaps "$left" "$top" "$right" "$bottom"
done < "$work/multiface"
check "edit finds them by itself" "$F" edit "$D/photos/multiface.jpg" --emotion happy --out "$work/alone"
named=$(grep -c "faces are found with .*models/mtcnn.safetensors" "$work/said")
check "and says with what" test "$named" -eq 1

check "a model to edit with" test -s models/drawn-faces.safetensors
check "an edited photograph" "$F" edit models/drawn-faces.safetensors "$D/photos/faces.jpg" --emotion happy --detector mtcnn --weights "$mtcnn" --out "$work/edited"
check "is a file" test -s "$work/edited/faces-happy.png"
M="--detector mtcnn --weights $mtcnn"
check "every expression" "$F" edit models/drawn-faces.safetensors "$D/photos/ivan.jpg" --emotion all $M --out "$work/each"
check "and the face's sheet of them" test -s "$work/each/ivan-all.png"
for verb in crop "edit models/drawn-faces.safetensors"; do
    "$F" $verb "$D/photos/no-faces.jpg" $M --out "$work/none" >"$work/heard" 2>&1
    check "$verb: no face in any picture is a failure" test $? = 1
    check "$verb: and says so" grep -q "no face was found" "$work/heard"
done
mkdir "$work/many"
for i in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4 5 6 7 8 9; do ln -s "$D/photos/multiface.jpg" "$work/many/$i$k.jpg"; done; done
"$F" detect "$work/many" --json $M >"$work/partial" 2>"$work/heard" &
child=$!
for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; [ -s "$work/partial" ] && break; done
sleep 0.5
kill -INT $child
wait $child
check "interrupted: no success" test $? = 1
check "interrupted: said to be partial" grep -q "the results are partial" "$work/heard"
check "interrupted: the JSON says so" grep -q '"partial": true}' "$work/partial"

report
