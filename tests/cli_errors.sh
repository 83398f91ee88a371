#!/bin/sh
# cli_errors.sh: what facegan says and does when it is used wrongly, when its files are damaged and when the disk is full; and that
# the good path beside each bad one works. Exit status: 0 done, 1 failed, 2 misuse. Nothing that was there may be lost.
# Needs ./facegan and coreutils; writes below a temporary directory only; ends with `N passed, N failed, N skipped`.
# FACEGAN=/path/to/facegan-san sh tests/cli_errors.sh tries another build.
. "$(dirname "$0")/check.sh"
exactly=-F checked=/dev/null
top=$PWD

# ---------------------------------------------------------------------------------------------- the harness
expect() { ends "$@"; }                 # expect STATUS TEXT COMMAND...; what it says stays in $work/said
count_files() { find "$1" -type f | wc -l; }
contents() { find "$1" -type f -exec cksum {} + | sort; }

# A copy of FILE as NAME, its bytes from OFFSET on replaced by printf's reading of BYTES.
patched()
{
    cp "$1" "$2" && printf "$4" | dd of="$2" bs=1 seek="$3" conv=notrunc 2>/dev/null
}

# Where the first tensor's numbers begin in a safetensors file: 8 bytes of header length, the header, the numbers.
numbers_at()
{
    echo $((8 + $(od -An -tu8 -N8 "$1" | tr -d ' ')))
}

# ---------------------------------------------------------------------------------------------- what the checks work on
cd "$work" || exit 2
SMALL="--width 2 --g-repeat 1 --batch 4 --sample-every 100 --seed 3"
check "drawing faces" "$F" data draw --out faces --count 24 --size 16 --emotions neutral,happy,sad --seed 5 --quiet
check "a first run" "$F" train stargan faces --out run $SMALL --iters 4 --quiet
check "the checkpoint is there" test -s run/checkpoint.safetensors
picture=faces/neutral/00000.png

# ---------------------------------------------------------------------------------------------- help, version, manual
verbs=$("$F" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
check "--help lists the verbs" test "$(echo "$verbs" | wc -l)" -ge 9
for verb in $verbs; do
    expect 0 "Examples" "$F" $verb --help
    check "the help of $verb shows a command" grep -q "^  facegan $verb" said
done
expect 0 "usage: facegan VERB" "$F" --help
expect 0 "facegan train stargan" "$F" train -h
expect 2 "usage: facegan VERB" "$F"
expect 0 "kernels" "$F" --version
check "the version says compiler and real" grep -qE '^facegan [0-9.]+, commit [^,]+, (gcc|clang) .*real = float' said
expect 0 "facegan changes the expression" "$F" man
chapters=$(sed -n 's/^    \([a-z]*\)  .*/\1/p' said | grep -v facegan)
check "the manual names its chapters" test "$(echo "$chapters" | wc -l)" -ge 15
for chapter in $chapters ops; do
    expect 0 "" "$F" man "$chapter"
    check "man $chapter says something" test -s said
    check "man $chapter is no wider than a screen" test -z "$(awk 'length > 120' said)"
done
for chapter in option op model format; do check "man $chapter is there" grep -qx $chapter <<EOF
$chapters
EOF
done
expect 0 "A data set is a folder" "$F" man all
expect 2 "no such chapter; facegan man lists the chapters; did you mean losses?" "$F" man loses
expect 2 "no such chapter" "$F" man nonsense

# ---------------------------------------------------------------------------------------------- help of a verb and its WHAT
# lists COMMAND...: the options that its help names, a line each.
lists() { "$F" "$@" --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p'; }
for words in "train stargan" "classify train" "data draw" "data doctor" "study truth" "bench stargan" edit; do
    expect 0 "Examples" "$F" $words --help
    cp said helped
    expect 0 "" "$F" help $words
    check "help $words is $words --help" cmp helped said
done
lists train stargan >options
for each in out iters g-repeat lambda-rec average; do check "stargan has --$each" grep -qx -- $each options; done
for each in patience latent space network emotion pose roofline model data; do refute "stargan has no --$each" grep -qx -- $each options; done
expect 0 "" "$F" train stargan --help
check "ten basics come first" test "$(sed -n '/^basics/,/^$/p' said | grep -c '^  --')" = 10
for each in basics data networks losses optimiser augmentation run machine; do check "a group: $each" grep -qx $each said; done
expect 0 "learning rate [0.0001]" "$F" train stargan --help
expect 0 "learning rate [0.0002]" "$F" train cgan --help
expect 0 "learning rate [5e-05]" "$F" train wgan --as-published --help
expect 0 "learning rate [0.001]" "$F" train wacgan --recipe seed --help
expect 0 "learning rate [0.08]" "$F" classify train --help
expect 0 "learning rate [1e-05]" "$F" classify train --network vgg19 -h
expect 0 "[128]" "$F" data draw --help
expect 0 "--patience" "$F" train stargan --help --all
expect 0 "MODEL is" "$F" train --help
for each in draw show balance import doctor; do expect 0 "data $each" "$F" help data; done
expect 2 "no verb frobnicate" "$F" help frobnicate
expect 2 "data drow: must be draw, show, balance, import or doctor; did you mean draw?" "$F" help data drow
expect 0 "real = float" "$F" version
expect 0 "real = float" "$F" -v
expect 0 "usage: facegan VERB" "$F" -h
expect 0 "usage: facegan VERB" "$F" help

# ---------------------------------------------------------------------------------------------- misuse of the command line
expect 2 "stargan has no --patience; classify train has" "$F" train stargan faces --out new $SMALL --patience 3
expect 2 "stargan has no --latent; gan, cgan, wgan, wgan-gp and wacgan have" "$F" train stargan faces --out new --latent 3
expect 2 "classify train has no --latent" "$F" classify train faces --out new --latent 3
expect 2 "edit has no --iters; train mtcnn, gan" "$F" edit run $picture --iters 3
expect 2 "data show has no --pose; data draw and study truth have" "$F" data show faces --pose 0
expect 2 "data draw has no option --sise; did you mean --size?" "$F" data draw --out new --sise 3
expect 2 "there is no verb dta; did you mean data?" "$F" dta draw
expect 2 "WHAT must be draw, show, balance, import or doctor" "$F" data
expect 2 "data drwa: must be draw, show, balance, import or doctor; did you mean draw?" "$F" data drwa
expect 2 "toy dcgan: must be gan, wgan or wgan-gp" "$F" toy dcgan
expect 2 "there is no model stargn; there are: gan, cgan, wgan, wgan-gp, wacgan, stargan, ganmut, classifier; did you mean stargan?" "$F" train stargn faces
expect 2 "--adv hing: must be wgan-gp, wgan, bce, bce-saturating, hinge or lsgan; did you mean hinge?" "$F" train stargan faces --out new $SMALL --adv hing
expect 2 "--diffaugment all,cutot: must be a list of" "$F" train stargan faces --out new $SMALL --diffaugment all,cutot
expect 2 "--unfreeze blocks: must be all, head or blockN" "$F" classify train faces --out new --unfreeze blocks
expect 2 "--isa avx3: must be avx512, avx2, portable or neon; did you mean avx2?" "$F" train stargan faces --out new $SMALL --isa avx3
expect 2 "--no-lr" "$F" train stargan faces --out new $SMALL --no-lr
expect 2 "--lr is no switch" "$F" train stargan faces --out new $SMALL --no-lr 0.1
expect 2 "--no-flip is a switch and takes no value" "$F" train stargan faces --out new $SMALL --no-flip 1
expect 2 "--flip is a switch and takes no value" "$F" train stargan faces --out new $SMALL --flip 0
expect 2 "--epochs beside --iters" "$F" train stargan faces --out new $SMALL --epochs 3 --iters 5
expect 2 "--grey --channels 3" "$F" train stargan faces --out new $SMALL --grey --channels 3
expect 2 "--grey --channels 3" "$F" data draw --out new --count 4 --channels 3 --grey
expect 2 "--crop 17 is larger than the pictures of faces: 16 px" "$F" train stargan faces --out new $SMALL --crop 17
expect 2 "--crop 17 is larger" "$F" train stargan faces --out new $SMALL --crop 17 --size 16
expect 2 "--crop 17 is larger" "$F" classify train faces --out new --crop 17 --size 16 --batch 4
expect 2 "did you mean happy?" "$F" edit run $picture --emotion hapy --out edited
expect 2 "did you mean sad?" "$F" data draw --out new --count 4 --size 16 --emotions sod
refute "what is refused leaves nothing behind" test -e new
expect 0 "report.html" "$F" train stargan faces --out grey $SMALL --grey --channels 1 --crop 16 --iters 1
check "and is grey" grep -qx "channels = 1" grey/config
expect 0 "report.html" "$F" train stargan faces --out passes $SMALL --epochs 1
check "24 pictures in batches of 4 are 6 iterations" grep -qx "iters = 6" passes/config
expect 0 "report.html" "$F" train wacgan faces --out words --width 2 --batch 4 --iters 1 --recipe seed
check "an old word is written as the new one" grep -qx "recipe = kolbenschlag" words/config
sed -i 's/^recipe = .*/recipe = seed/; s/^patience = .*/patience = 9/' words/config
expect 0 "report.html" "$F" report words                                    # an old config, with what the model does not know
expect 0 "words is finished" "$F" train wacgan faces --out words --width 2 --batch 4 --iters 1 --recipe kolbenschlag
expect 2 "did you mean --batch?" "$F" train stargan faces --out new $SMALL --batcch 8
expect 2 "did you mean --emotion?" "$F" edit run $picture --emotoin happy
expect 2 "no option --frobnicate" "$F" train stargan faces --out new --frobnicate 8
expect 2 "did you mean train?" "$F" trian stargan faces
expect 2 "no verb frobnicate" "$F" frobnicate
expect 2 "--iters needs a value" "$F" train stargan faces --out new --iters
expect 2 "--iters" "$F" train stargan faces --out new --iters=
expect 2 "from 1 to" "$F" train stargan faces --out new --iters 0
expect 2 "from 1 to" "$F" train stargan faces --out new --batch -3
expect 2 "from 1 to 3" "$F" train stargan faces --out new --channels 4
expect 2 "must be 1 (grey) or 3" "$F" train stargan faces --out new --channels 2
expect 2 "must be a whole number" "$F" train stargan faces --out new --batch four
expect 2 "must be a whole number" "$F" train stargan faces --out new --batch 4.5
expect 2 "must be a whole number" "$F" train stargan faces --out new --batch 99999999999999999999
expect 2 "must be a number" "$F" train stargan faces --out new --lr 0.1x
expect 2 "must be a number" "$F" train stargan faces --out new --lr nan
expect 2 "must be a number" "$F" train stargan faces --out new --lr inf
expect 2 "must be a number" "$F" train stargan faces --out new --lr ""
expect 2 "takes no value" "$F" train stargan faces --out new --quiet=1
expect 2 "two dashes" "$F" train stargan faces -x
expect 2 "usage: facegan train" "$F" train
expect 2 "usage: facegan train" "$F" train stargan
expect 2 "usage: facegan train" "$F" train stargan faces more
expect 2 "there is no model" "$F" train pokemongan faces --out new
expect 2 "must be wgan-gp" "$F" train stargan faces --out new --adv nonsense
expect 2 "must be gp, r1 or none" "$F" train stargan faces --out new --reg nonsense
expect 2 "must be linear, cosine, none, published or plateau" "$F" train stargan faces --out new --decay nonsense
expect 2 "must be permute or different" "$F" train stargan faces --out new --targets nonsense
expect 2 "multiple of 4" "$F" train stargan faces --out new $SMALL --size 18
expect 2 "D halves the side" "$F" train stargan faces --out new $SMALL --size 20 --d-repeat 3
expect 2 "D halves the side" "$F" train stargan faces --out new $SMALL --size 16 --d-repeat 4
expect 2 "24 pictures" "$F" train stargan faces --out new --width 2 --batch 25
expect 2 "did you mean happy?" "$F" train stargan faces --out new $SMALL --classes neutral,hapy
expect 2 "has no class" "$F" train stargan faces --out new $SMALL --classes neutral,xylophone
expect 2 "a name is empty" "$F" train stargan faces --out new $SMALL --classes neutral,,sad
expect 2 "is there twice" "$F" train stargan faces --out new $SMALL --classes neutral,neutral
expect 2 "has classes, not attributes" "$F" train stargan faces --out new $SMALL --attributes Smiling
expect 2 "zoom" "$F" train stargan faces --out new $SMALL --zoom-low 2 --zoom-high 1
expect 2 "needs --out" "$F" data draw --count 4
expect 2 "usage: facegan data draw --out DIR" "$F" data draw faces --out new
expect 2 "16 to 512" "$F" data draw --out new --count 4 --size 8
expect 2 "there is no joy" "$F" data draw --out new --count 4 --size 16 --emotions joyful,joy
expect 2 "must be draw, show, balance, import or doctor" "$F" data frobnicate faces
expect 2 "usage: facegan data show DATA" "$F" data show
expect 2 "there is no model" "$F" bench nonsense
expect 2 "D halves the side" "$F" bench stargan --size 16 --d-repeat 6 --width 2
case $(uname -m) in aarch64) foreign=avx2 ;; *) foreign=neon ;; esac
expect 2 "FACEGAN_ISA=nonsense" env FACEGAN_ISA=nonsense "$F" --version
expect 2 "facegan: --isa $foreign: expected one of the variants" "$F" train stargan faces --out new $SMALL --isa $foreign
expect 2 "nonsense" env FACEGAN_ISA=nonsense "$F" train stargan faces --out new $SMALL
expect 2 "nonsense" "$F" train stargan faces --out new $SMALL --isa nonsense
refute "misuse leaves nothing behind" test -e new
rm -rf new
expect 0 "" "$F" train stargan faces --out deep $SMALL --g-repeat 24 --iters 1 --quiet        # both ends of what is allowed
expect 0 "" "$F" train stargan faces --out flat $SMALL --g-repeat 0 --d-repeat 1 --iters 1 --quiet

# ---------------------------------------------------------------------------------------------- data that is not there, or not data
mkdir empty one one/only
cp faces/happy/*.png one/only/
expect 1 "No such file" "$F" train stargan nowhere --out new $SMALL
expect 1 "holds no pictures" "$F" train stargan empty --out new $SMALL
expect 1 "only one class" "$F" train stargan one --out new $SMALL
expect 1 "did you mean the folder above" "$F" train stargan faces/happy --out new $SMALL
mkdir high && cp -r faces high/deeper && rm high/deeper/labels.csv
expect 1 "did you mean high/deeper?" "$F" train stargan high --out new $SMALL
expect 2 "is one picture" "$F" train stargan $picture --out new $SMALL
expect 1 "is no list that is read here" "$F" train stargan run/config --out new $SMALL
refute "unusable data leaves no run" test -e new
rm -rf new

mkdir -p 'commas/a,b' 'commas/c"d' && cp faces/happy/*.png 'commas/a,b' && cp faces/sad/*.png 'commas/c"d'
"$F" train stargan commas --out commas-run $SMALL --iters 1 --quiet >said 2>&1
commas=$?
[ $commas -ne 0 ] || "$F" edit commas-run $picture --emotion 'a,b' --out commas-out >said 2>&1
check "a class with a comma in its name is refused (1 or 2), or can be asked for" test $commas -eq 1 -o $commas -eq 2 -o -s 'commas-out/00000-a,b.png'

list() { printf '%b' "$1" >faces/list.csv; }
list 'path,label\nneutral/00000.png,neutral\nhappy/00001.png,"happy\n'
expect 1 "list.csv, line 3: a quote" "$F" train stargan faces/list.csv --out new $SMALL
list 'path,label\nneutral/00000.png,neutral\nhappy/00001.png\n'
expect 1 "list.csv, line 3: 1 fields" "$F" train stargan faces/list.csv --out new $SMALL
list 'path,label\nneutral/00000.png,neutral\n,happy\n'
expect 1 "line 3: the path is empty" "$F" train stargan faces/list.csv --out new $SMALL
list 'path,label\nneutral/00000.png,\nhappy/00001.png,happy\n'
expect 1 "line 2: the label is empty" "$F" train stargan faces/list.csv --out new $SMALL
for label in nan 0.5 1e999; do
    list "path,label\nneutral/00000.png,neutral\nhappy/00001.png,$label\n"
    expect 1 "line 3: the label '$label' is a number" "$F" train stargan faces/list.csv --out new $SMALL
done
list 'path,label\nno/1.png,neutral\nno/2.png,happy\n'
expect 1 "none of its 2 files exists" "$F" train stargan faces/list.csv --out new $SMALL
list 'path,label\nneutral/00000.png,neutral\nhappy/0\0000.png,happy\n'
expect 1 "line 3" "$F" train stargan faces/list.csv --out new $SMALL
list 'emotion,pixels,Usage\n0,1 2 3,Training\n3,1 2 3 4,Training\n'
expect 1 "line 2" "$F" train stargan faces/list.csv --out new $SMALL
list 'emotion,pixels,Usage\n0,1 2 3 256,Training\n'
expect 1 "line 2: pixel 4 is no number from 0 to 255" "$F" train stargan faces/list.csv --out new $SMALL
list ''
expect 1 "list.csv" "$F" train stargan faces/list.csv --out new $SMALL
list 'path,label\n'
expect 1 "lists no picture" "$F" train stargan faces/list.csv --out new $SMALL
rm faces/list.csv
printf '2\nSmiling Male\nhappy/00001.png 1 -1\nneutral/00000.png -1 1\nsad/00002.png -1 -1\nhappy/00004.png 1 1\n' >faces/list_attr.txt
expect 2 "choose some, for example --attributes" "$F" train stargan faces/list_attr.txt --out new $SMALL
expect 2 "has no attribute 'Smilling'" "$F" train stargan faces/list_attr.txt --out new $SMALL --attributes Smilling
expect 2 "choose with --attributes" "$F" train stargan faces/list_attr.txt --out new $SMALL --classes Smiling,Male
expect 0 "report.html" "$F" train stargan faces/list_attr.txt --out attributes $SMALL --iters 5 --attributes Male,Smiling
expect 0 "attributes-out" "$F" edit attributes $picture --emotion Smiling --out attributes-out
printf '2\nSmiling Male\nhappy/00001.png 1 -1\nneutral/00000.png -1\n' >faces/list_attr.txt
expect 1 "line 4" "$F" train stargan faces/list_attr.txt --out new $SMALL --attributes Smiling
printf '2\nSmiling Male\nhappy/00001.png 1 7\nneutral/00000.png -1 1\n' >faces/list_attr.txt
expect 1 "not 1, -1 or 0" "$F" train stargan faces/list_attr.txt --out new $SMALL --attributes Male
rm faces/list_attr.txt
refute "bad lists leave no run" test -e new

# ---------------------------------------------------------------------------------------------- damaged pictures
# Of 24 pictures, 5 are damaged, each in its way: they are reported by name and passed over, and the training goes on.
cp -r faces damaged && rm damaged/labels.csv
dd if=faces/happy/00001.png of=damaged/happy/00001.png bs=1 count=120 2>/dev/null
patched faces/happy/00004.png damaged/happy/00004.png 80 '\001\002\003\004\005\006\007\010'
: >damaged/sad/00002.png
echo "this is no picture" >damaged/sad/00005.png
# A correct header (its checksum too) that promises 2^30 x 2^30 pixels.
printf '\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\100\000\000\000\100\000\000\000\010\002\000\000\000\327\366\171\351\000\000\000\013\111\104\101\124\170\234\143\140\100\005\000\000\020\000\001\071\275\217\145\000\000\000\000\111\105\116\104\256\102\140\202' >damaged/neutral/00003.png
expect 0 "report.html" "$F" train stargan damaged --out damaged-unsized $SMALL --iters 1
expect 0 "report.html" "$F" train stargan damaged --out damaged-run $SMALL --size 16 --iters 12
for name in happy/00001 happy/00004 sad/00002 sad/00005 neutral/00003; do check "$name.png is reported" grep -q "damaged/$name.png" said; done
expect 1 "5" "$F" data doctor damaged
for name in happy/00001 happy/00004 sad/00002 sad/00005 neutral/00003; do check "the doctor names $name.png" grep -q "$name.png" said; done
expect 0 "0 problems" "$F" data doctor faces
expect 1 "" "$F" data doctor damaged --json
cp said doctor.json
expect 1 "PROBLEM" "$F" data doctor empty
cp -r faces ruined && rm ruined/labels.csv
for each in ruined/*/*.png; do echo "no picture" >"$each"; done
expect 1 "ruined" "$F" train stargan ruined --out ruined-run $SMALL --iters 2
refute "no checkpoint from ruined data" test -e ruined-run/checkpoint.safetensors
expect 1 "ruined" "$F" train stargan ruined --out ruined-run $SMALL --size 16 --iters 2
refute "no checkpoint from ruined data, size given" test -e ruined-run/checkpoint.safetensors

# ---------------------------------------------------------------------------------------------- damaged or foreign checkpoints
contents run >before
at=$(numbers_at run/checkpoint.safetensors)
mkdir bad
bad=bad/checkpoint.safetensors
tries() { expect 1 "$1" "$F" edit bad $picture --out edited-bad; expect 1 "$1" "$F" train stargan faces --out bad $SMALL --iters 8; }
patched run/checkpoint.safetensors $bad "$at" '\000\000\300\177'
tries "is nan"
patched run/checkpoint.safetensors $bad "$at" '\000\000\200\377'
tries "is -inf"
patched run/checkpoint.safetensors $bad 0 '\377\377\377\377\377\377\377\177'
tries "checkpoint.safetensors"
patched run/checkpoint.safetensors $bad 8 'XXXXXXXX'
tries "checkpoint.safetensors"
dd if=run/checkpoint.safetensors of=$bad bs=1000 count=20 2>/dev/null
tries "checkpoint.safetensors"
dd if=run/checkpoint.safetensors of=$bad bs=1 count=5 2>/dev/null
tries "checkpoint.safetensors"
: >$bad
tries "checkpoint.safetensors"
cp $picture $bad
tries "checkpoint.safetensors"
rm $bad && mkdir $bad
expect 1 "checkpoint.safetensors" "$F" edit bad $picture --out edited-bad
expect 1 "checkpoint.safetensors" "$F" info bad
rm -r bad
refute "a bad checkpoint draws nothing" test -e edited-bad
expect 1 "nowhere" "$F" edit nowhere $picture
expect 1 "nowhere" "$F" info nowhere
expect 1 "config" "$F" report faces
expect 1 "config" "$F" report nowhere
expect 1 "nowhere" "$F" step nowhere out.safetensors
expect 1 "lacks" "$F" step run/checkpoint.safetensors out.safetensors
LC_ALL=C sed 's/"batch": "3"/"batch": "2"/' "$top/tests/parity/gan-soft.in.safetensors" >short.safetensors
expect 1 '"x" has not 864 numbers' "$F" step short.safetensors out.safetensors
expect 1 "iteration.in" "$F" step iteration.in.safetensors out.safetensors

# Going on with other settings is another run: the setting is named, with what it was and is.
expect 2 "--width 2, now it is 3" "$F" train stargan faces --out run $SMALL --width 3 --iters 8
expect 2 "--batch 4, now it is 5" "$F" train stargan faces --out run $SMALL --batch 5 --iters 8
expect 2 "--size 16, now it is 32" "$F" train stargan faces --out run $SMALL --size 32 --iters 8
expect 2 "--seed 3, now it is 4" "$F" train stargan faces --out run $SMALL --seed 4 --iters 8
expect 2 "--lr 0.0001, now it is 0.0002" "$F" train stargan faces --out run $SMALL --lr 0.0002 --iters 8
expect 2 "--adv wgan-gp, now it is bce" "$F" train stargan faces --out run $SMALL --adv bce --iters 8
expect 2 "--classes neutral,happy,sad, now it is neutral,sad" "$F" train stargan faces --out run $SMALL --classes neutral,sad --iters 8
expect 2 "--channels 3, now it is 1" "$F" train stargan faces --out run $SMALL --grey --iters 8
expect 2 "--flip 1, now it is 0" "$F" train stargan faces --out run $SMALL --no-flip --iters 8
expect 2 "already done 4 iterations" "$F" train stargan faces --out run $SMALL --iters 3
contents run >after
check "refusals leave the run as it was" cmp before after

# ---------------------------------------------------------------------------------------------- going on
expect 0 "is finished" "$F" train stargan faces --out run $SMALL --iters 4
cp run/checkpoint.safetensors four.safetensors
expect 0 "at iteration 4" "$F" train stargan faces --out run $SMALL --iters 6 --threads 1 --sample-every 50 --save-every 1
expect 0 "iteration      6" "$F" info run
check "the log goes on" grep -q '^6,' run/log.csv
cp -r faces moved
expect 0 "at iteration 6" "$F" train stargan moved --out run $SMALL --iters 7

# ---------------------------------------------------------------------------------------------- places that cannot be written
: >file
expect 1 "is no folder" "$F" train stargan faces --out file/run $SMALL --iters 2
expect 1 "file" "$F" train stargan faces --out file $SMALL --iters 2
expect 1 "no folder" "$F" data draw --out file/faces --count 2 --size 16
expect 1 "no folder" "$F" edit run $picture --out file/edited
expect 1 "file: is there, and is no folder" "$F" data show faces --out file/sheet.png
expect 1 "Not a directory" "$F" train stargan faces --out traced $SMALL --iters 2 --trace file/trace.safetensors
expect 1 "No such file" "$F" train stargan faces --out traced $SMALL --iters 2 --trace nowhere/trace.safetensors
refute "--trace leaves no run" test -e traced
check "the file in the way is as it was" test ! -s file
mkdir in-the-way in-the-way/log.csv
expect 1 "log.csv" "$F" train stargan faces --out in-the-way $SMALL --iters 2

# A disk that fills up while a checkpoint is written: the last one survives, and the message says so.
cp -r run full
size=$(wc -c <full/checkpoint.safetensors)
expect 1 "the last one is still good" sh -c "ulimit -f $((size / 1024)); exec \"$F\" train stargan faces --out full $SMALL --iters 9 --sample-every 1000 --save-every 1"
check "the old checkpoint is untouched" cmp run/checkpoint.safetensors full/checkpoint.safetensors
check "no temporary file is left" test -z "$(find full -name '*tmp*')"
expect 0 "-all.png" "$F" edit full $picture --out full-edited
expect 0 "at iteration 7" "$F" train stargan faces --out full $SMALL --iters 8
if [ -w /dev/full ]; then
    expect 1 "cannot write to stdout" sh -c "\"$F\" man >/dev/full"
    expect 1 "cannot write to stdout" sh -c "\"$F\" info run >/dev/full"
    expect 1 "cannot write to stdout" sh -c "\"$F\" edit run $picture --out full-out >/dev/full"
    expect 1 "cannot write to stdout" sh -c "\"$F\" info run --json >/dev/full"
else
    skip "there is no /dev/full"
fi
expect 1 "cannot write to stdout" sh -c "\"$F\" --version >&-"
expect 1 "cannot write to stdout" sh -c "\"$F\" man >&-"
expect 1 "" sh -c "\"$F\" train stargan faces --out closed $SMALL --iters 2 >&-"
"$F" train stargan faces --out open $SMALL --iters 2 --quiet >/dev/null 2>&1
for each in 1 2 3 4; do "$F" train stargan faces --out closed-$each $SMALL --iters 2 2>&- >/dev/null; done
for each in closed closed-1 closed-2 closed-3 closed-4; do
    for part in log.csv checkpoint.safetensors; do check "closed output does not leak into $part" cmp open/$part $each/$part; done
done

# ---------------------------------------------------------------------------------------------- editing
expect 2 "this model knows: neutral happy sad" "$F" edit run $picture --emotion hapy --out edited
expect 2 "strength" "$F" edit run $picture --emotion happy:much --out edited
expect 2 "strength" "$F" edit run $picture --emotion happy:nan --out edited
expect 2 "strength" "$F" edit run $picture --emotion happy:3 --out edited
expect 2 "usage: facegan edit" "$F" edit run
refute "a wrong emotion draws nothing" test -e edited
expect 2 "strength" "$F" edit run $picture --emotion happy: --out no-strength
expect 1 "1 of 3 pictures could not be read" "$F" edit run $picture nowhere.png faces/sad/00002.png --emotion happy --out edited
check "the missing one is named" grep -q "nowhere.png" said
check "the first good one is drawn" test -s edited/00000-happy.png
check "the one behind it is drawn" test -s edited/00002-happy.png
expect 1 "2 of 3 pictures" "$F" edit run damaged/sad/00005.png damaged/neutral/00003.png $picture --out edited
check "a sheet of all classes" test -s edited/00000-all.png
expect 0 "" "$F" edit run $picture --emotion HAPPY:0.5 --out half --quiet
check "a strength changes the picture" test -s half/00000-happy-0.5.png
refute "a strength changes the picture" cmp half/00000-happy-0.5.png edited/00000-happy.png
expect 0 "" "$F" edit run/checkpoint.safetensors $picture --emotion happy --out by-file
check "a run and its checkpoint draw the same" cmp by-file/00000-happy.png edited/00000-happy.png
expect 0 "" "$F" edit run faces/happy/00001.png $picture --emotion sad --out same-name
mkdir other && cp faces/happy/00001.png other/00000.png
"$F" edit run $picture other/00000.png --emotion sad --out collide >said 2>&1
check "two pictures of one name are two results, or refused" test \( $? -ne 0 \) -o "$(count_files collide)" = 2

expect 1 "nowhere.png: there is no such file" "$F" edit nowhere.png
expect 0 "" "$F" edit run faces/happy --emotion sad --out from-folder
check "a folder's pictures are edited" test "$(count_files from-folder)" = "$(count_files faces/happy)"
expect 0 "" "$F" edit run $picture --emotion sad --out one.jpg
check "--out names a JPEG file" test "$(head -c 2 one.jpg | od -An -tx1 | tr -d ' ')" = ffd8
expect 0 "" "$F" edit run $picture --emotion happy --out one.png
check "--out names a PNG file" cmp one.png edited/00000-happy.png
expect 2 "names a file" "$F" edit run $picture faces/sad/00002.png --emotion sad --out two.jpg
expect 2 "names a file" "$F" edit run faces/happy --emotion sad --out two.jpg
refute "nothing is written then" test -e two.jpg
mkdir folder.jpg
expect 0 "" "$F" edit run $picture --emotion sad --out folder.jpg
check "a folder is one whatever its name" test -s folder.jpg/00000-sad.png

# Names out of weights and lists lead to no other place: one component below --out.
name_class() { LC_ALL=C sed "s|$2|$3|g" run/checkpoint.safetensors >$1; }
mkdir cage
name_class cage/evil.safetensors happy ../up
expect 0 "" "$F" edit cage/evil.safetensors $picture --emotion ../up --out cage/out/edited
check "an edit stays below --out" test -s cage/out/edited/00000-___up.png
printf 'path,label\n' >cage/list.csv
for i in 00000 00003; do printf '%s,../../up\n' "$PWD/faces/neutral/$i.png" >>cage/list.csv; done
for i in 00001 00004; do printf '%s,/tmp/x\n' "$PWD/faces/happy/$i.png" >>cage/list.csv; done
"$F" data balance cage/list.csv --balance oversample --out cage/in/balanced >said 2>&1
check "a balanced set stays below --out" test "$(find cage -name '*.png' | grep -vc -e '^cage/out/edited/' -e '^cage/in/balanced/[^/]*/[0-9]*\(-copy\)*.png')" = 0
check "or is refused" test "$(find cage/in -name '*.png' 2>/dev/null | wc -l)" != 3

# A set gets a folder of its own.
expect 0 "" "$F" data draw --out set --count 4 --size 16 --quiet
contents set >before
expect 1 "set is not empty" "$F" data draw --out set --count 2 --size 16 --seed 3 --quiet
expect 1 "set is not empty" "$F" data balance faces --balance oversample --out set --quiet
contents set >after
check "a used folder is left as it is" cmp before after
expect 0 "" "$F" data draw --out set --count 2 --size 16 --seed 3 --quiet --force
refute "--force draws into it" sh -c "find set -type f -exec cksum {} + | sort | cmp - before"
expect 2 "the pictures to balance lie there" "$F" data balance faces --balance oversample --out faces --force
mkdir busy
"$F" data draw --out busy --count 1000000 --size 64 >/dev/null 2>&1 &
child=$!
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e busy/.lock ] && break; sleep 0.2; done
expect 1 "works here since" "$F" data draw --out busy --count 2 --size 16 --force
kill -INT $child
wait $child

# ---------------------------------------------------------------------------------------------- outputs that would destroy inputs
# kept STATUS TEXT COMMAND...: refused so, and no file is another one than before.
kept() { contents inputs >before; expect "$@"; contents inputs >after; check "everything is as it was" cmp before after; }
mkdir inputs && cp -r faces inputs/set && cp faces/sad/*.png inputs/ && cp run/checkpoint.safetensors inputs/w.safetensors
cp -r run inputs/run
one=$(ls inputs | sed -n 1p) && cp "inputs/$one" "inputs/${one%.png}-happy.png"
kept 2 "is another of the photographs, which would be lost" "$F" edit run "inputs/$one" "inputs/${one%.png}-happy.png" --emotion happy --out inputs
kept 2 "is another of the photographs, which would be lost" "$F" edit run "inputs/$one" "inputs/${one%.png}-happy.png" --emotion happy --out inputs/../inputs
kept 2 "is read, and would be lost" "$F" convert inputs/w.safetensors inputs/w.safetensors --only G.
kept 2 "is read, and would be lost" "$F" convert inputs/w.safetensors inputs/set/../w.safetensors --half
kept 2 "is read, and would be lost" "$F" convert inputs/run inputs/run/checkpoint.safetensors --only G.
kept 2 "is read, and would be lost" "$F" step inputs/w.safetensors inputs/w.safetensors
kept 2 "is read, and would be lost" "$F" train stargan inputs/set --init inputs/w.safetensors --trace inputs/w.safetensors $SMALL
kept 2 "is read, and would be lost" "$F" data show inputs/set/labels.csv --out inputs/set/labels.csv
kept 2 "is a picture of inputs/set/labels.csv, which would be lost" "$F" data show inputs/set/labels.csv --out inputs/set/neutral/00000.png
kept 2 "lies in inputs/set, of which it would be a part" "$F" data show inputs/set --out inputs/set/happy/sheet.png
kept 2 "lies in inputs/set, of which it would be a part" "$F" train stargan inputs/set --out inputs/set $SMALL
kept 2 "lies in inputs/set, of which it would be a part" "$F" classify train inputs/set --out inputs/set/happy/deep/er
kept 2 "lies in inputs/set, of which it would be a part" "$F" data balance inputs/set --balance oversample --out inputs/set/out
kept 2 "lies in inputs/set, of which it would be a part" "$F" data import folder inputs/set --out inputs/set/happy
cp -r faces folder
expect 0 "" "$F" data import folder faces --out folder/in --quiet                 # KIND is a word, even if a folder is called so
expect 0 "run.npz" "$F" convert inputs/run inputs/run/run.npz                      # beside what is read
expect 0 "run.npz" "$F" convert inputs/run inputs/run/run.npz                      # a result may be replaced

# ---------------------------------------------------------------------------------------------- options that would do nothing
noise=$top/models/noise-faces.safetensors
expect 2 "--files --interpolate: give one" "$F" sample "$noise" --files --interpolate --out idle
expect 2 "--count: the way" "$F" sample "$noise" --interpolate --count 3 --out idle
expect 2 "--force is for --files" "$F" sample "$noise" --force --out idle
expect 2 "--scale: --files" "$F" sample "$noise" --files --scale 2 --out idle
expect 2 "--emotions: happy is there twice" "$F" sample "$noise" --emotions happy,joy --files --out idle
expect 2 "--rho is the strength for --theta and --between" "$F" edit run $picture --emotion happy --rho 0.3 --out idle
expect 2 "--emotion is empty" "$F" edit run $picture --emotion '' --out idle
expect 2 "--theta is empty" "$F" edit run $picture --theta '' --out idle
expect 2 "--path is what the GIF passes: add --gif" "$F" gamut $picture --path happy,sad --out idle
expect 2 "--backgrounds are for --scenes" "$F" data draw --count 3 --backgrounds faces --out idle
expect 2 "--min-face is mtcnn's" "$F" detect $picture --detector retinaface --min-face 30
expect 2 "--csv --json: give one" "$F" detect $picture --csv --json
expect 2 "--csv --json: give one" "$F" eval run faces --csv --json
expect 2 "from 8 to 1024" "$F" crop $picture --out idle --size 7
expect 2 "from 16 to 512" "$F" data draw --out idle --size 0
refute "what is refused leaves nothing behind" test -e idle
expect 0 "" "$F" data show faces --size 96 --out usual.png
cp usual.png said.png
expect 0 "" "$F" data show faces --size 0 --out usual.png                         # what is usual may be said
check "is the same" cmp usual.png said.png

# ---------------------------------------------------------------------------------------------- names of what is written
for each in webp gif bmp; do expect 2 "must end in .png" "$F" edit run $picture --emotion happy --out idle.$each; done
expect 2 "must end in .png" "$F" data show faces --out idle.txt
expect 2 "or .onnx" "$F" convert run idle.foo
for each in "data draw" "classify train faces" "train stargan faces" "data balance faces --balance oversample" "sample $noise --files" \
    "sample $noise --interpolate"; do
    expect 2 "--out idle.png names a picture" "$F" $each --out idle.png
done
refute "no folder has a picture's name" test -e idle.png
expect 0 "one.png" "$F" sample "$noise" --count 7 --out new-place/one.png
check "one sheet is one file" test -f new-place/one.png
expect 2 "run is a run of stargan, no classifier" "$F" classify train --out run
expect 2 "the run or weights come first, then the pictures: facegan edit run $picture" "$F" edit $picture run
expect 1 "is a classifier, not a generator" "$F" study truth run "$top/models/fer2013-7.safetensors" --out judged
refute "before anything is drawn" test -e judged
printf '\002\000\000\000\000\000\000\000{}' >none.safetensors
expect 1 "none.safetensors holds no tensor" "$F" convert none.safetensors some.pt

# ---------------------------------------------------------------------------------------------- provenance
says_so() { grep -aq 'tEXtSoftware.*synthetic' "$1"; }
expect 0 "" "$F" edit run $picture --emotion happy --out plain --no-provenance
check "an edited picture says what it is" says_so edited/00000-happy.png
check "a sheet says what it is" says_so edited/00000-all.png
check "a sample sheet says what it is" says_so run/samples/00000004.png
refute "--no-provenance leaves it out" says_so plain/00000-happy.png
expect 0 "" "$F" edit run $picture --emotion all --out plain --no-provenance
refute "--no-provenance leaves it out of sheets" says_so plain/00000-all.png
expect 0 "" "$F" train stargan faces --out unsaid $SMALL --iters 1 --no-provenance
refute "--no-provenance leaves it out of samples" says_so unsaid/samples/00000001.png
refute "a drawn face is no model's work" says_so $picture

# ---------------------------------------------------------------------------------------------- info, doctor, show, report, bench
expect 0 "safetensors" "$F" info run
check "info names a tensor with its shape" grep -q 'G.main.0.weight .*F32 *(2,6,7,7)' said
expect 0 "" "$F" info run --json
cp said info.json
mkdir 'quoted"dir' && cp run/checkpoint.safetensors 'quoted"dir/'
"$F" info 'quoted"dir' --json >quoted.json 2>/dev/null
expect 0 "d_step_ms" "$F" bench stargan --size 16 --width 2 --g-repeat 1 --batch 2 --repeat 1 --json
cp said bench.json
"$F" data doctor faces --json >doctor-good.json 2>/dev/null
"$F" data doctor damaged --json >doctor-bad.json 2>/dev/null
if command -v python3 >/dev/null; then
    for each in info quoted bench doctor-good doctor-bad; do check "$each.json is JSON" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' $each.json; done
else
    skip "python3 is not here: the JSON is not parsed"
    for each in info quoted bench doctor-good doctor-bad; do
        check "$each.json begins as JSON does" grep -q '^{"' $each.json
        check "the brackets of $each.json match" test "$(tr -dc '{[' <$each.json | wc -c)" = "$(tr -dc '}]' <$each.json | wc -c)"
    done
fi
expect 0 "show.png" "$F" data show faces --out show.png
check "the sheet is a PNG" grep -aq '^.PNG' show.png
expect 1 "nowhere" "$F" data show nowhere --out nothing.png
expect 1 "holds no pictures" "$F" data show empty --out nothing.png
refute "no sheet of nothing" test -e nothing.png
expect 0 "show-damaged.png" "$F" data show damaged --out show-damaged.png
expect 0 "report.html" "$F" report run
check "the report is whole" grep -q '</html>' run/report.html
cp -r run half-run && printf 'iteration,nonsense\n1,2,3,4\nx\n\n,,,,,,,\n' >half-run/log.csv && echo "not a picture" >half-run/samples/00000004.png
expect 0 "report.html" "$F" report half-run
echo "gibberish" >half-run/config
expect 1 "config:1" "$F" report half-run
rm half-run/config
expect 1 "is half-run the directory of a run?" "$F" report half-run

# ---------------------------------------------------------------------------------------------- convert
expect 0 "" "$F" convert run same.safetensors
expect 0 "" "$F" convert run same.npz
expect 0 "" "$F" convert run half.safetensors --only G. --half
expect 0 "npz" "$F" info same.npz
expect 0 "F16" "$F" info half.safetensors
refute "--only G. leaves D out" grep -q ' D\.' said
for each in same.safetensors same.npz half.safetensors; do
    expect 0 "" "$F" edit $each $picture --emotion all --out from-$each
    check "a picture is drawn from $each" test -s from-$each/00000-all.png
done
expect 0 "" "$F" edit run $picture --emotion all --out from-run
check "a converted file draws the same" cmp from-same.safetensors/00000-all.png from-run/00000-all.png
expect 2 "usage: facegan convert" "$F" convert run
expect 1 "nowhere" "$F" convert nowhere out.npz
expect 1 "happy" "$F" convert faces/happy/00001.png out.npz
expect 1 "file/out.npz" "$F" convert run file/out.npz
expect 1 "out.npy" "$F" convert run out.npy
refute "a failed conversion leaves nothing" ls out.npz out.npy
# One network alone: the same pictures, no moments, no prefix; and what was wrapped is found again.
expect 0 "tensors G.*, of " "$F" convert run alone.safetensors --strip
expect 0 "  main.0.weight " "$F" info alone.safetensors
refute "--strip leaves D and moments out" grep -q ' [DG]\.\|adam_' said
expect 0 "" "$F" edit alone.safetensors $picture --emotion all --out from-alone
check "it draws the same" cmp from-alone/00000-all.png from-run/00000-all.png
expect 0 "tensors D.*, of " "$F" convert run d.pt --strip --only D.
expect 0 "  conv1.weight " "$F" info d.pt
expect 0 "" "$F" convert run norm.pt --strip --only G.main.1.
expect 1 "no network in it" "$F" convert norm.pt nothing.pt --strip
expect 2 "convert first" "$F" convert run out.onnx --strip
expect 0 "" "$F" train stargan faces --out from-alone-on $SMALL --iters 1 --init alone.safetensors --quiet

# ---------------------------------------------------------------------------------------------- memory
expect 2 "whole number" "$F" info run --max-memory lots
if grep -q __asan_init "$F"; then skip "--max-memory: a sanitizer's own memory is more than any limit"
else
    expect 1 "out of memory" "$F" train stargan faces --out hungry --iters 1 --width 256 --max-memory 100
    expect 0 "" "$F" info run --max-memory 100
fi

# ---------------------------------------------------------------------------------------------- any damaged byte
# A byte changed here and there, in a checkpoint's header and in pictures: an error or a result, never a crash.
crashed=
offset=0
while [ $offset -lt 4000 ]; do
    patched run/checkpoint.safetensors flipped.safetensors $offset '\377'
    "$F" info flipped.safetensors >/dev/null 2>&1
    [ $? -le 1 ] || crashed="$crashed checkpoint:$offset"
    patched edited/00000-happy.png flipped.png $((offset / 7)) '\177'
    "$F" edit run flipped.png --emotion sad --out flipped >/dev/null 2>&1
    [ $? -le 1 ] || crashed="$crashed picture:$((offset / 7))"
    offset=$((offset + 61))
done
check "no damaged byte crashes anything:$crashed" test -z "$crashed"

# ---------------------------------------------------------------------------------------------- dry run and trace
expect 0 "memory" "$F" train stargan faces --out dry $SMALL --iters 1000 --dry-run
refute "--dry-run leaves nothing" test -e dry
expect 0 "trace.safetensors" "$F" train stargan faces --out dry $SMALL --iters 10 --trace trace.safetensors
refute "--trace leaves no run" test -e dry
expect 0 "conv2d" "$F" info trace.safetensors
contents run >before
expect 0 "memory" "$F" train stargan faces --out run $SMALL --iters 20 --dry-run
contents run >after
check "--dry-run of a run changes nothing in it" cmp before after

# ---------------------------------------------------------------------------------------------- the same bits
for threads in 1 2 3 8; do
    expect 0 "report.html" "$F" train stargan faces --out threads-$threads $SMALL --iters 6 --width 5 --rotate 10 --shift 0.1 --threads $threads
    check "$threads threads give the bytes of 1" cmp threads-1/checkpoint.safetensors threads-$threads/checkpoint.safetensors
done
for isa in portable avx2 avx512; do
    if ! env FACEGAN_ISA=$isa "$F" --version >/dev/null 2>&1; then skip "$isa is not on this machine"; continue; fi
    expect 0 "$isa" env FACEGAN_ISA=$isa "$F" train stargan faces --out isa-$isa $SMALL --iters 6 --width 5
    check "$isa trains" grep -q '^6,' isa-$isa/log.csv
done
for threads in 1 2; do expect 0 "" "$F" data draw --out drawn-$threads --count 70 --size 20 --seed 9 --threads $threads --quiet; done
expect 0 "" "$F" data draw --out drawn-again --count 70 --size 20 --seed 9 --quiet
check "70 faces and a list are drawn" test "$(count_files drawn-1)" = 71
for each in 2 again; do check "faces drawn twice are the same bytes" diff -r drawn-1 drawn-$each; done
expect 0 "" "$F" data draw --out drawn-other --count 7 --size 20 --seed 10 --quiet
refute "another seed draws other faces" cmp drawn-1/neutral/00000.png drawn-other/neutral/00000.png

# ---------------------------------------------------------------------------------------------- Ctrl-C
"$F" data draw --out unfinished --count 1000000 --size 64 >said 2>&1 &
child=$!
sleep 0.3
kill -INT $child
wait $child
check "an unfinished set of faces is no success" test $? -ne 0
check "and it is said" test -s said
for each in "verify" "bench stargan --size 64 --repeat 1000"; do
    "$F" $each >said 2>&1 &
    child=$!
    sleep 0.5
    kill -INT $child
    wait $child
    check "$each, interrupted, fails" test $? -eq 1
    check "$each, interrupted, says at once that it was heard" grep -q "stopping" said
    check "$each, interrupted, says that the result is partial" grep -q "partial" said
done

# ---------------------------------------------------------------------------------------------- names that no run can keep
newline=$(printf 'a\nb')
for each in "$newline" 'a"b' 'a ' "$(printf 's\377ad')"; do
    mkdir -p "odd/$each" odd/neutral
    cp faces/neutral/00000.png "odd/$each/0.png"
    for i in 0 1 2 3; do cp faces/neutral/00000.png odd/neutral/$i.png; done
    expect 1 "rename it" "$F" train stargan odd --out odd-run $SMALL --iters 1
    refute "nothing is begun with a class \"$each\"" test -e odd-run
    rm -r odd
done
mkdir "odd$newline"
cp -r faces/neutral faces/happy "odd$newline"
expect 2 "line break" "$F" train stargan "odd$newline" --out odd-run $SMALL --iters 1
refute "nothing is begun with a path of two lines" test -e odd-run

# ---------------------------------------------------------------------------------------------- divergence
# R1 is computed but weighs nothing, the learning rate is 1: D's scores grow until their squares are infinite. The run stops and
# says so; the checkpoint it leaves is one from before, whether each iteration was logged or only some.
WILD="--width 8 --g-repeat 0 --batch 2 --size 64 --sample-every 1000 --adv wgan-gp --reg r1 --lambda-gp 0 --lr 1 --decay none --n-critic 1000 --iters 300"
for each in 1 1000; do
    expect 1 "no longer a number" "$F" train stargan faces --out diverged-$each $WILD --log-every $each --save-every 2
    expect 1 "no longer a number" "$F" train stargan faces --out diverged-$each $WILD --log-every $each --save-every 2
    check "it went on from a good checkpoint" grep -q "going on with" said
done

check "nothing is written beside what was asked for" test -z "$(find . -maxdepth 1 -name '*tmp*')"
cd "$top" || exit 2
report
