#!/bin/sh
# The program as other machines build it: with musl, whose threads have stacks of 128 KiB; for 32-bit x86, whose own way of
# calculating has 80 bits; and where numbers have their other end first, a refusal.
cd "$(dirname "$0")/.." || exit 2
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0 skipped=0
check() { if eval "$2"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $1"; fi; }
skip() { skipped=$((skipped + 1)); echo "skipped: $1"; }
sum() { (cd "$1" && find . -type f | sort | xargs cksum | cksum); }
draw() { "$1" data draw --out "$2" --count 40 --size 32 --emotions happy,sad --threads 3 --quiet; }

draw ./facegan "$folder/own"
if command -v musl-gcc >/dev/null; then
    make -s build/facegan-musl || exit 1
    check "musl: faces drawn on several threads are the same ones" \
          'draw build/facegan-musl "$folder/musl" && [ "$(sum "$folder/musl")" = "$(sum "$folder/own")" ]'
else
    skip "musl-gcc is not on this machine"
fi
printf '#include <errno.h>\nint main(void) { return 0; }\n' >"$folder/one.c"          # errno.h: the kernel's headers are there, too
if [ "$(uname -m)" = x86_64 ] && cc -m32 -o "$folder/one" "$folder/one.c" -lm -lpthread 2>/dev/null && "$folder/one"; then
    make -s build/facegan-32 || exit 1
    check "32 bits: verify passes" 'build/facegan-32 verify >"$folder/verify"'
    check "32 bits: faces drawn are the same ones" \
          'draw build/facegan-32 "$folder/32" && [ "$(sum "$folder/32")" = "$(sum "$folder/own")" ]'
else
    skip "cc -m32 makes no program that runs on this machine"
fi
for header in vendor/*.h; do
    case $header in */all.h|*/manual.h|*/documents.h) continue ;; esac       # all the code, and facegan.c's texts: C only
    echo "#include \"$PWD/$header\"" >"$folder/one.cc"
    for cxx in g++ clang++; do
        command -v $cxx >/dev/null || { skip "$cxx is not on this machine"; continue; }
        check "$header is C++ as well ($cxx)" '$cxx -std=c++17 -Wall -Wextra -Werror -fsyntax-only "$folder/one.cc"'
    done
done
cc -std=c11 -D_GNU_SOURCE -DFACEGAN_COMMIT='""' -U__BYTE_ORDER__ -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__ -fsyntax-only facegan.c \
   2>"$folder/big"
check "big endian: refused" 'grep -q "error.*this machine is big-endian" "$folder/big"'
check "big endian: in a few lines" '[ "$(wc -l <"$folder/big")" -lt 16 ]'
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
