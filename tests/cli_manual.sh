#!/bin/sh
# cli_manual.sh: nothing that the manual, README.md, models/README.md or the help points to is missing: chapters, verbs, options; the page for man;
# what `make install` puts where, and that the program finds its models there. Needs ./facegan; ends with `N passed, N failed, N skipped`.
. "$(dirname "$0")/check.sh"

"$F" man all >"$work/manual"
"$F" help >"$work/verbs"
for verb in $(awk '/^  [a-z]/ { print $1 }' "$work/verbs" | sort -u); do "$F" help "$verb"; done >"$work/help" 2>&1
"$F" train stargan --help --all >"$work/options"
check "the manual is there" test "$(wc -l <"$work/manual")" -gt 200
check "every option is told" test "$(grep -c '^  --' "$work/options")" -gt 100
tr '\n' ' ' <"$work/manual" >"$work/in-one-line"

for chapter in $(cat "$work/in-one-line" "$work/help" README.md models/README.md | grep -oE '(`|\./)facegan man [a-z]+' | awk '{ print $3 }' | sort -u); do
    check "the chapter $chapter" "$F" man "$chapter"
done
for option in $(cat "$work/manual" README.md models/README.md | grep -oE -- '(^|[ `(])--[a-z][a-z0-9-]*' | sed 's/^[^-]*//' | sort -u); do
    case $option in --help | --all) continue ;; --no-*) option=--${option#--no-} ;; esac
    check "the option $option" grep -q -- "^  $option\>" "$work/options"
done
for verb in $(cat "$work/manual" README.md models/README.md | grep -oE '(^    |`)(\./)?facegan [a-z]+' | awk '{ print $NF }' | sort -u); do
    check "the verb $verb" grep -q "^  $verb\>" "$work/verbs"
done

check "a page for man" sh -c "'$F' man roff | grep -q '^.TH facegan 1'"
check "no line of it is taken for a command" sh -c "! '$F' man roff | grep -vE '^\.(TH|SH|B|nf|fi)( |$)' | grep -q '^[.'\\'']'"
if command -v groff >/dev/null; then check "groff reads it" sh -c "'$F' man roff | groff -man -Tascii -ww | grep -q 'half way from one to the other'"
else skipped=$((skipped + 1)); echo "skipped: no groff"; fi

if [ "$F" = "$PWD/facegan" ]; then
    check "make install" make -s install PREFIX=/usr/test DESTDIR="$work/root"
    for file in bin/facegan include/facegan.h share/man/man1/facegan.1 share/facegan/models/photo-stargan.safetensors; do
        check "installs $file" test -s "$work/root/usr/test/$file"
    done
    check "models are found there" sh -c "cd '$work' && root/usr/test/bin/facegan classify predict '$PWD/models/three-faces.png'"
    check "make uninstall" make -s uninstall PREFIX=/usr/test DESTDIR="$work/root"
    check "leaves no file" test -z "$(find "$work/root" -type f)"
fi

report
