#!/bin/sh
# long_readme.sh: does what README.md says: pastes its commands, in their order, into one empty directory that holds only the program
# and models/. Long trainings are planned as they stand (--dry-run), then run with a thousandth of their iterations. Also: README is short, and what it links to exists.
# Needs ./facegan; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"

check "README has at most 150 lines" test "$(wc -l <README.md)" -le 150
for link in $(grep -o '](\([^)#]*\))' README.md models/README.md | sed 's/.*](//; s/)//'); do
    check "a link's target: $link" test -e "$link" -o -e "models/$link"
done

# Indented lines, and what stands between backquotes; but not what has a word in capitals for the reader to fill in.
awk '/^    / { print substr($0, 5); next }
     { n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print part[i] }' README.md |
    grep -E '^(\./facegan|make)( |$)' | grep -vE ' (VERB|FOLDER)( |$)' >"$work/commands"
check "there are commands" test "$(wc -l <"$work/commands")" -ge 30

mkdir "$work/here"
ln -s "$PWD/facegan" "$PWD/models" "$work/here"
while read -r words <&3; do
    case $words in
    make*) check "$words" make -n $(echo "$words" | sed 's/^make//'); continue ;;
    "./facegan crop"*) [ -e models/mtcnn.safetensors ] || { echo "skipped: no models/mtcnn.safetensors: $words"; skipped=$((skipped + 1)); continue; } ;;
    esac
    case $words in *" train "*) check "$words --dry-run" sh -c "cd '$work/here' && $words --dry-run" ;; esac
    short=$(echo "$words" | sed -E 's/--iters ([0-9]+)000\>/--iters \1/; s/--iters ([0-9])[0-9]{3}\>/--iters 1\1/; s/--epochs [0-9]+/--iters 6/; s/--count 4000/--count 280/; s/--limit 500/--limit 35/')
    check "$words" sh -c "cd '$work/here' && $short"
    out=$(echo "$words" | sed -n 's/.*--out \([^ ]*\).*/\1/p')
    case $words in *--dry-run*) out= ;; esac
    [ -z "$out" ] || check "$words: writes $out" test -e "$work/here/$out"
done 3<"$work/commands"
check "nothing was written beside try/" test "$(ls "$work/here" | tr '\n' ' ')" = "facegan models try "

report
