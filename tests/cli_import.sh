#!/bin/sh
# cli_import.sh: published data sets, made here in small as they are published, through `facegan data import`, with the counts of
# kept and dropped rows known beforehand; a video through a program called ffmpeg; imports killed in the middle and started again
# give the same bytes; the doctor and the readers know the same layouts; what cannot be is refused with a reason.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"
exactly=-F

# row CLASS NUMBERS...: the last import's table must have that row, columns in the table's order.
row()
{
    class=$1; shift
    have=$(sed -n "s/^  $class  *\([0-9][0-9 ]*\)\$/\1/p" "$work/table" | tr -s ' ')
    check "$class: $have, wanted $*" test "$have" = "$*"
}

import() { what=$1; shift; check "importing $what" "$F" data import "$what" "$@" && cp "$work/said" "$work/table"; }
contents() { (cd "$1" && find . -type f -exec cksum {} + | sort); }

cd "$work" || exit 2
check "drawing pictures" "$F" data draw --out drawn --count 40 --size 16 --seed 4 --emotions neutral --quiet
n=0
picture() { mkdir -p "$(dirname "$1")"; cp "drawn/neutral/$(printf %05d $((n % 40))).png" "$1"; n=$((n + 1)); }

# ---------------------------------------------------------------------------------------------- Aff-Wild2
header=Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other
mkdir -p aff/EXPR/Train_Set aff/EXPR/Validation_Set
# video1: 12 frames. 3 unlabelled, 2 Other, frame 5 missing, frame 9 cut short; a line that is no number
{ echo $header; printf '%s\n' 0 0 4 -1 4 1 -1 7 5 7 -1 x; } > aff/EXPR/Train_Set/video1.txt
for i in 1 2 3 4 6 7 8 9 10 11 12; do picture aff/frames/video1/$(printf %05d $i).png; done
head -c 100 aff/frames/video1/00009.png > cut && mv cut aff/frames/video1/00009.png
# video2: two people, frames of their own for the left one only; the right one's are shared
{ echo $header; printf '%s\n' 2 3; } > aff/EXPR/Train_Set/video2_left.txt
{ echo $header; printf '%s\n' 6 6 0; } > aff/EXPR/Train_Set/video2_right.txt
for i in 1 2; do picture aff/frames/video2_left/0000$i.png; done
for i in 1 2 3; do picture aff/frames/video2/0000$i.png; done
# video3: an annotation file that was cut off in the middle of a line, before frame 4; in the validation set; Windows' line ends
printf '%s\r\n0\r\n5\r\n-' $header > aff/EXPR/Validation_Set/video3.txt
for i in 1 2 3 4 5; do picture aff/batch2/video3/0000$i.png; done
# video4: nowhere to be found
{ echo $header; printf '%s\n' 0 1; } > aff/EXPR/Validation_Set/video4.txt

import affwild2 aff/EXPR aff/frames aff/batch2 -o aw
#                 rows kept train val test left-out no-file unreadable no-face
row neutral          5 3 2 1 0 0 1 0 1
row happy            2 1 1 0 0 0 1 0 0
row sad              2 1 0 1 0 0 0 1 0
row surprise         2 0 0 0 0 0 0 0 2
row fear             1 1 1 0 0 0 0 0 0
row disgust          1 1 1 0 0 0 0 0 0
row angry            2 1 1 0 0 0 1 0 0
row other            2 0 0 0 0 2 0 0 0
row "not annotated"  3 0 0 0 0 3 0 0 0
row "no label"       2 0 0 0 0 2 0 0 0
row all             22 8 6 2 0 7 3 1 3
check "a cut annotation is noted" grep -q 'video3.txt: 2 frames have no line' table
check "a lost video is noted" grep -q 'video4: neither' table
check "shared frames are noted" grep -q 'only a detector' table
check "labels.csv has the kept rows" test "$(wc -l < aw/labels.csv)" -eq 9
check "labels.csv names the frame" grep -q '^train/happy/.*png,happy,train,aff/frames/video1/00003.png$' aw/labels.csv
check "a sheet of them" "$F" data show aw --out sheet.png --size 16
check "a chart" test -s aw/distribution.png
check "the doctor reads the annotations themselves" sh -c "'$F' data doctor aff --json | grep -q 'Aff-Wild2 annotations'"
import affwild2 aff/EXPR aff/frames aff/batch2 -o aw-other --classes other,happy --size 8 --grey
row other            2 2 2 0 0 0 0
row all             22 3 3 0 0 18 1

# the same film as a video: a program called ffmpeg that writes 8 PPM frames, of which frame k is all of brightness 10 k
flat() { printf 'P6\n8 8\n255\n'; head -c 192 /dev/zero | tr '\0' "\\$(printf %03o "$1")"; }
mkdir -p bin films ann/Test_Set
{
    echo '#!/bin/sh'
    echo 'while [ "$1" != -i ]; do shift; done'
    echo '[ "$2" = "file:films/video1.mp4" ] || exit 1'
    echo "cat '$work/film.ppm'; exit 3"
} > bin/ffmpeg
chmod +x bin/ffmpeg
for k in 1 2 3 4 5 6 7 8; do flat $((10 * k)); done > film.ppm
: > films/video1.mp4
cp aff/EXPR/Train_Set/video1.txt ann/Test_Set/
before=$PATH
PATH=$work/bin:$PATH
import affwild2 ann films -o film
check "ffmpeg's failure is told" grep -q 'ffmpeg failed at frame 9' table
PATH=$before
row neutral          2 2 0 0 2 0 0
row happy            2 2 0 0 2 0 0
row sad              1 0 0 0 0 0 1
row all             12 5 0 0 5 6 1
contents film > a
rm film/test/angry/0000005.png
PATH=$work/bin:$PATH
import affwild2 ann films -o film
PATH=$before
check "a frame that got lost comes back" grep -q '4 of 6 rows are done already' table
contents film > b
check "from the film, as it was" cmp a b
mkdir -p flat/happy flat/sad
flat 50 > flat/happy/five.ppm
flat 200 > flat/sad/right.ppm
import folder flat -o flat-out
check "frame 5 is frame 5" cmp film/test/happy/0000004.png flat-out/train/happy/0000000.png
ends 1 "no program ffmpeg" env PATH=/nowhere "$F" data import affwild2 ann films -o film2
ends 2 "taken out of the video" sh -c "'$F' data doctor ann 2>&1; mv films/video1.mp4 ann/; '$F' data doctor ann; exit 2"

# ---------------------------------------------------------------------------------------------- AffectNet
# Half dark, half bright: the list's box is the bright half. training.csv has a header, validation.csv has none.
mkdir -p an/photos/a
half() { printf 'P6\n16 8\n255\n'; for y in 1 2 3 4 5 6 7 8; do head -c 24 /dev/zero | tr '\0' '\012'; head -c 24 /dev/zero | tr '\0' '\310'; done; }
for i in 0 1 2 3 4 5 6 7 8 9 10; do half > an/photos/a/$i.ppm; done
{
    echo subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal
    for i in 0 1 2 3 4 5 6 7 8 9 10; do echo "a/$i.ppm,8,0,8,8,1.5;2.5,$i,-0.1,0.2"; done
    echo a/gone.ppm,8,0,8,8,1.5,1,0,0
    echo a/1.ppm,16,0,8,8,1.5,1,0,0
    echo a/2.ppm,NULL,NULL,NULL,NULL,NULL,11,-2,-2
} > an/training.csv
{ echo a/3.ppm,8,0,8,8,1.5,3,0,0; echo a/6.ppm,8,0,8,8,1.5,6,0,0; } > an/validation.csv
import affectnet an/training.csv an/validation.csv an/photos -o affectnet --margin 0 --size 8
row neutral          1 1 1 0 0 0 0 0
row happy            3 1 1 0 0 0 1 1
row surprise         2 2 1 1 0 0 0 0
row angry            2 2 1 1 0 0 0 0
row contempt         1 0 0 0 0 1 0 0
row none             1 0 0 0 0 1 0 0
row uncertain        1 0 0 0 0 1 0 0
row "no face"        1 0 0 0 0 1 0 0
row "no label"       1 0 0 0 0 1 0 0
row all             16 9 7 2 0 5 1 1
check "the doctor says that the list has boxes" sh -c "mv an/photos/a an/; '$F' data doctor an/training.csv --json | grep -q uncropped; mv an/a an/photos/"
check "the box is what is cut out" cmp affectnet/train/sad/0000002.png flat-out/train/sad/0000001.png
{ head -n 1 an/training.csv; echo a/0.ppm,9,0,8,8,1.5,1,0,0; echo a/1.ppm,-3,0,8,8,1.5,2,0,0; } > an/edge.csv
import affectnet an/edge.csv an/photos -o edge --margin 0 --size 8
check "a box that reaches past the right edge is cut at it" cmp edge/train/happy/0000000.png flat-out/train/sad/0000001.png
check "and one that begins left of the picture" test -f edge/train/sad/0000001.png
check "the readers know the new set" sh -c "'$F' data doctor affectnet --json | grep -q '\"neutral\": {\"train\": 1, \"validation\": 0'"
import affectnet an/training.csv an/photos -o affectnet2 --whole --size 8 --classes contempt,happy
row contempt         1 1 1 0 0 0 0
row all             14 3 3 0 0 10 1

# ---------------------------------------------------------------------------------------------- RAF-DB
mkdir -p raf/EmoLabel raf/Image/aligned
printf 'train_0000%s.jpg %s\n' 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 4 > raf/EmoLabel/list_patition_label.txt
printf 'test_0001.jpg 4\ntest_0002.jpg 8\n' >> raf/EmoLabel/list_patition_label.txt
for i in 1 2 3 4 5 6 7; do picture raf/Image/aligned/train_0000${i}_aligned.jpg; done
picture raf/Image/aligned/test_0001_aligned.jpg
import rafdb raf/EmoLabel/list_patition_label.txt -o rafdb
row neutral          1 1 1 0 0 0 0
row happy            3 2 1 0 1 0 1
row sad              1 1 1 0 0 0 0
row surprise         1 1 1 0 0 0 0
row fear             1 1 1 0 0 0 0
row disgust          1 1 1 0 0 0 0
row angry            1 1 1 0 0 0 0
row "no label"       1 0 0 0 0 1 0
row all             10 8 7 0 1 1 1
check "the list itself is a data set" sh -c "'$F' data doctor raf/EmoLabel --json | grep -q 'RAF-DB list'"
check "the folder above is guessed" sh -c "'$F' data doctor raf 2>&1 | grep -q 'did you mean raf/EmoLabel'"

# ---------------------------------------------------------------------------------------------- FER2013 and FERPlus
{
    echo emotion,pixels,Usage
    for usage in Training Training Training Training Training Training PublicTest PrivateTest; do echo "0,1 2 3 4,$usage"; done
} > fer2013.csv
{
    echo Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF
    echo Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0            # 4 of 9 are no majority
    echo Training,fer0000001.png,6,0,1,1,0,0,0,0,2,0            # single votes do not count: 6 of 8
    echo Training,fer0000002.png,0,5,5,0,0,0,0,0,0,0            # half is not more than half
    echo Training,fer0000003.png,0,0,0,0,0,0,0,6,4,0            # contempt
    echo Training,,0,0,0,0,0,0,0,0,0,10                         # not a face
    echo Training,fer0000005.png,1,1,1,1,1,1,1,1,1,1            # nothing but single votes
    echo PublicTest,fer0000006.png,0,10,0,0,0,0,0,0,0,0
    echo PrivateTest,fer0000007.png,0,0,0,0,0,0,2,1,1,1         # 2 of 2
} > fer2013new.csv
import ferplus fer2013new.csv fer2013.csv -o ferplus
row neutral          1 1 1 0 0 0
row happy            1 1 0 1 0 0
row fear             1 1 0 0 1 0
row contempt         1 0 0 0 0 1
row "no face"        1 0 0 0 0 1
row "no majority"    3 0 0 0 0 3
row all              8 3 1 1 1 5
import fer2013 fer2013.csv -o fer2013
row angry            8 8 6 1 1
check "the votes are a data set" sh -c "'$F' data doctor fer2013new.csv --json | grep -q 'FERPlus votes'"
ends 2 "did you mean another" "$F" data import rafdb fer2013.csv -o wrong
sed 3d fer2013new.csv > short.csv
ends 1 "not the picture" "$F" data import ferplus short.csv fer2013.csv -o wrong
head -n 5 fer2013.csv > cut.csv
ends 1 "ends before line" "$F" data import ferplus fer2013new.csv cut.csv -o wrong
ends 1 "FERPlus has votes only" "$F" data import ferplus fer2013new.csv nowhere.csv -o wrong

# ---------------------------------------------------------------------------------------------- interruption
mkdir -p many/train many/val
check "drawing many" "$F" data draw --out many/train --count 240 --size 32 --seed 2 --emotions happy,sad,angry --quiet
check "drawing some" "$F" data draw --out many/val --count 30 --size 32 --seed 3 --emotions happy,sad,angry --quiet
: > many/train/sad/00001.png
import folder many -o whole --size 96 --threads 2
row all            270 269 239 30 0 1
killed=0
for lines in 40 100 101 170; do
    "$F" data import folder many -o halves --size 96 --threads 1 --quiet >/dev/null 2>&1 &
    process=$!
    while [ "$(cat halves/import.csv 2>/dev/null | wc -l)" -lt $lines ] && kill -0 $process 2>/dev/null; do :; done
    kill -9 $process 2>/dev/null && killed=$((killed + 1))
    wait $process 2>/dev/null
    [ $lines -ne 101 ] || printf 'many/train/angry/cut short' >> halves/import.csv
done
done_by_then=$(grep -c '^many.*kept,.*png$' halves/import.csv)
(cd halves && sed -n 's/.*,kept,//p' import.csv | xargs stat -c '%i %n' 2>/dev/null | sort) > inodes
check "killed in the middle, again and again" test $killed -ge 1
check "the same command goes on" "$F" data import folder many -o halves --size 96 --threads 2
cp said table
check "and says so" grep -q 'rows are done already' table
contents halves > a
contents whole > b
check "killed or not: the same files" cmp a b
(cd halves && sed -n 's/.*,kept,//p' import.csv | xargs stat -c '%i %n' | sort) > later
again=$(sort inodes later | uniq -d | wc -l)
check "no picture was written twice ($again of $done_by_then)" test "$again" -eq "$(wc -l < inodes)"
rm "halves/$(sed -n 's/.*,kept,\(train\/sad.*\)/\1/p' halves/import.csv | head -n 1)"
check "a picture that got lost comes back" "$F" data import folder many -o halves --size 96
contents halves > a
check "as it was" cmp a b
ends 2 "other inputs or options" "$F" data import folder many -o halves --size 64
ends 2 "holds other files" "$F" data import folder many -o drawn
ends 2 "needs --out" "$F" data import folder many
ends 2 "data import needs" "$F" data import imagenet many -o x
ends 2 "has no class" "$F" data import folder many -o x --classes happpy,sad
printf '1\nSmiling Male\na/1.ppm 1 -1\n' > an/attributes.txt
ends 2 "is read alone" "$F" data import folder an/training.csv an/attributes.txt -o x
ends 2 "is read alone" "$F" data import folder an/attributes.txt an/training.csv -o x
ends 2 "lists attributes" "$F" data import folder an/attributes.txt -o x
ends 2 "--weights is missing" "$F" data import folder many -o y --detector retinaface

# ---------------------------------------------------------------------------------------------- copies that go round
for k in 0 1 2 3 4 5 6 7; do picture numbers/$k/a.png; picture "raf7/train/$k/train_0000${k}_aligned.png"; done
rm -r raf7/train/0
{ echo image,label; for k in 1 2 3 4 5 6 7; do echo "train_0000${k}_aligned.png,$k"; done; } > raf7/train_labels.csv
mkdir -p raf7/DATASET/test/6
mv raf7/train/3 raf7/DATASET/
mkdir raf7/DATASET/train
mv raf7/DATASET/3 raf7/DATASET/train/
picture raf7/DATASET/test/6/test_0001_aligned.png
printf 'image,label\ntest_0001_aligned.png,6.0\n' > raf7/test_labels.csv
import affectnet numbers -o numbers-out
row happy            1 1 1 0 0 0
row contempt         1 0 0 0 0 1
row all              8 7 7 0 0 1
import rafdb raf7/train_labels.csv raf7/test_labels.csv -o raf7-out
check "1 is surprise" test -d raf7-out/train/surprise
row angry            2 2 1 0 1
row all              8 8 7 0 1
says "RAF-DB's order" "$F" data doctor raf7/train_labels.csv
import rafdb raf -o raf-whole
row all             10 8 7 0 1 1 1
ends 2 "nor are all of them FER2013's numbers" "$F" data import fer2013 numbers -o wrong
ends 2 "is no rafdb: its folders are called a" "$F" data import rafdb an/photos -o wrong
says "whose numbers these are is not known" "$F" data import folder numbers -o numbers-kept
ends 2 "import one after the other" "$F" data import folder raf7 drawn -o wrong

# ---------------------------------------------------------------------------------------------- what is passed over
for k in 1 2 3 4; do picture part/train/happy/$k.png; picture part/train/sad/$k.png; picture part/more/$k.png; done
says "part/more: its 4 pictures are passed over" "$F" data import folder part -o part-out
says "part/more: its 4 pictures are passed over" "$F" data doctor part
check "a training says so, too" sh -c "'$F' train stargan part --out r --size 16 --width 4 --batch 2 --dry-run 2>&1 | grep -q 'part/more: its 4'"

# ---------------------------------------------------------------------------------------------- the doctor's new list
cp part/train/happy/1.png whole.png
printf 'path,label\npart/train/happy/1.png,happy\npart/train/sad/2.png,sad\n' > own.csv
cp own.csv was.csv
ends 2 "would be lost" "$F" data doctor own.csv --fix own.csv
ends 2 "no picture's name" "$F" data doctor part --fix part/train/happy/1.png
ends 2 "is a folder" "$F" data doctor part --fix part
check "the list is what it was" cmp own.csv was.csv
check "the picture is what it was" cmp part/train/happy/1.png whole.png
says "lists 2 of the 2" "$F" data doctor own.csv --fix part/new.csv
says "lists 2 of the 2" "$F" data doctor own.csv --fix part/new.csv

# ---------------------------------------------------------------------------------------------- a mistake, put right
"$F" data draw --out "$work/mistake" --count 4 --size 16 --emotions happy,sad --quiet
printf 'path,label\nx/00000.png,happy\n' >"$work/wrong.csv"
printf 'path,label\n%s,happy\n' "$work"/mistake/*/00001.png >"$work/right.csv"
ends 1 "import.csv says why); the first row's is" "$F" data import folder "$work/wrong.csv" --out "$work/again" --size 16
check "gives way to the right one" "$F" data import folder "$work/right.csv" --out "$work/again" --size 16
ends 2 "holds an import with other inputs" "$F" data import folder "$work/wrong.csv" --out "$work/again" --size 16

report
