#!/bin/sh
# long_readme.sh: does what README.md says: pastes its commands, in their order, into one empty directory that holds only the program
# and models/. Long trainings are planned as they stand (--dry-run), then run with a thousandth of their iterations. Also: README is short, and what it links to exists.
# Needs ./facegan; ends with `N passed, N failed, N skipped`.
cd "$(dirname "$0")/.." || exit 2
LC_ALL=C
export LC_ALL
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0 skipped=0

check()
{
    what=$1; shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); return 0; fi
    failed=$((failed + 1))
    echo "FAILED $what"
    tail -n 5 "$work/said" | cut -c1-300 | sed 's/^/  | /'
}

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

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
