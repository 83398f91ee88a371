#!/bin/sh
# cli_mtcnn.sh: a detector that is trained here. Scenes are the same for any number of threads and their list is about them; a training
# that was stopped and went on ends with the same bytes as one that was not, on one thread or two; other settings are refused; what was
# trained is read by detect. The detector that comes with the program finds the faces of drawn scenes, and is taken where none is named.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
refused() { ends 2 "$@"; }

# hears WHAT TEXT: the last command said so
hears()
{
    if grep -q -- "$2" "$work/said"; then passed=$((passed + 1)); return 0; fi
    failed=$((failed + 1))
    echo "FAILED $1: not heard: $2"
}

# ---- scenes
for threads in 1 2; do
    check "scenes on $threads threads" "$F" data draw --scenes --count 20 --size 96 --grey --seed 4 --threads $threads --out "$work/scenes$threads"
done
ends 1 "is not empty" "$F" data draw --scenes --count 2 --size 96 --out "$work/scenes1"
check "twenty scenes" test "$(ls "$work/scenes1" | grep -c png)" -eq 20
check "but with --force" "$F" data draw --scenes --count 20 --size 96 --grey --seed 4 --threads 1 --out "$work/scenes1" --force
check "the same scenes" diff -r "$work/scenes1" "$work/scenes2"
check "twenty scenes" test "$(ls "$work/scenes1" | grep -c png)" -eq 20
check "boxes with landmarks, inside out nowhere" awk -F, '
    NR > 1 { n++; if (NF != 15 || $4 <= $2 || $5 <= $3 || $6 >= $8 || $7 >= $13 || $12 >= $14) bad++ }
    END { print n, bad + 0; exit !(n >= 20 && !bad) }' "$work/scenes1/faces.csv"

# ---- training
"$F" data draw --out "$work/faces" --count 24 --size 48 --grey --seed 2 --quiet
mkdir "$work/grounds" && cp "$work/scenes1"/0000[0-3].png "$work/grounds"
train() { out=$1; shift; "$F" train mtcnn "$work/faces" --backgrounds "$work/grounds" --iters 6 --out "$work/$out" "$@"; }
check "training" train once --threads 1
check "on two threads" train twice --threads 2
check "the same bytes on two threads" cmp "$work/once/mtcnn.safetensors" "$work/twice/mtcnn.safetensors"
for stage in 1 2 3; do                                  # stopped somewhere, three times
    train stopped --threads 1 --save-every 1 >"$work/said" 2>&1 &
    sleep 1
    kill -INT $! 2>/dev/null
    wait $!
    status=$?
    grep -q "the same command goes on" "$work/said" || continue         # it was faster
    check "a stopped training is not a finished one" test $status -eq 1
done
check "a stopped training goes on" train stopped --threads 1
check "and ends with the same bytes" cmp "$work/once/mtcnn.safetensors" "$work/stopped/mtcnn.safetensors"
check "its checkpoint too" cmp "$work/once/checkpoint.safetensors" "$work/stopped/checkpoint.safetensors"
check "from another run's weights, at no rate" train more --threads 1 --lr 0 --seed 9 --init "$work/once"
check "which stay" cmp "$work/once/mtcnn.safetensors" "$work/more/mtcnn.safetensors"
check "a finished one says so" train once --threads 1
refused "choose another --out" train once --lr 0.01
refused "about other pictures" "$F" train mtcnn "$work/grounds" --iters 6 --out "$work/once"
refused "has no --width" train once --width 8
check "three networks in one file" test "$("$F" info "$work/once/mtcnn.safetensors" | grep -c 'conv1.weight.*,3,3,3)')" -eq 3
check "detect reads them" "$F" detect "$work/scenes1/00001.png" --detector mtcnn --weights "$work/once/mtcnn.safetensors"

LC_ALL=C sed 's/0.8 0.7 0.98/0.6 0.7 high/' "$work/once/mtcnn.safetensors" >"$work/damaged.safetensors"
ends 1 "its thresholds are not three numbers: 0.6 0.7 high" "$F" detect "$work/scenes1/00001.png" --detector mtcnn --weights "$work/damaged.safetensors"
check "quiet" test -z "$(train once --threads 1 --quiet 2>&1)"

# ---- the detector that comes with the program
"$F" data draw --scenes --count 40 --size 256 --seed 12 --out "$work/drawn" --quiet
"$F" detect "$work/drawn" --csv >"$work/found" 2>"$work/said"
hears "it is named" 'faces are found with .*models/mtcnn.safetensors'
# of the drawn faces of 40 pixels or more that lie in the picture: overlapping by half; then what overlaps no face
awk -F, '
    function share(a, b,    w, h, c) {
        w = (R[a] < r[b] ? R[a] : r[b]) - (L[a] > l[b] ? L[a] : l[b]); h = (B[a] < d[b] ? B[a] : d[b]) - (T[a] > t[b] ? T[a] : t[b])
        c = w > 0 && h > 0 ? w * h : 0
        return c / ((R[a] - L[a]) * (B[a] - T[a]) + (r[b] - l[b]) * (d[b] - t[b]) - c)
    }
    FNR == 1 { next }
    NR == FNR { n++; p[n] = $1; L[n] = $2; T[n] = $3; R[n] = $4; B[n] = $5; next }
    { m++; name = $1; sub(".*/", "", name); q[m] = name; l[m] = $4; t[m] = $5; r[m] = $6; d[m] = $7 }
    END {
        for (i = 1; i <= n; i++) {
            hit = 0
            for (k = 1; k <= m; k++) if (p[i] == q[k]) { s = share(i, k); if (s >= 0.5) hit = 1; if (s > 0.2) real[k] = 1 }
            if (B[i] - T[i] >= 40 && L[i] >= 0 && T[i] >= 0 && R[i] <= 256 && B[i] <= 256) { wanted++; found += hit }
        }
        for (k = 1; k <= m; k++) invented += !real[k]
        printf "%d of %d found, %d of %d invented\n", found, wanted, invented, m
        exit !(wanted >= 20 && found >= 0.8 * wanted && invented <= 0.1 * m)
    }' "$work/drawn/faces.csv" "$work/found" >"$work/counted"
check "it finds drawn faces, and invents few: $(cat "$work/counted")" test $? -eq 0
check "crop takes it" "$F" crop "$work/drawn" --all --size 48 --out "$work/cut"
check "pictures of faces" test "$(ls "$work/cut" | wc -l)" -ge 20
check "classify predict looks for faces in large pictures" "$F" classify predict "$work/drawn/00001.png" --csv
hears "and says with what" 'faces are found with'
check "a small picture is a face" "$F" classify predict "$work/faces/happy/"*.png --csv
check "without looking" test "$(grep -c 'faces are found with' "$work/said")" -eq 0
check "edit looks for faces, too" "$F" edit "$work/drawn" --emotion happy --out "$work/edited"
check "edited pictures" test "$(ls "$work/edited" | grep -c 'happy.png')" -ge 20

report
