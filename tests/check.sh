# check.sh: what tests of the command line share. A test begins with `. "$(dirname "$0")/check.sh"` and ends with `report`. Between
# them it stands in the project's folder, $F is the program, and $work a folder of its own that is removed at the end.
cd "$(dirname "$0")/.." || exit 2
unset FACEGAN_ISA FACEGAN_WINOGRAD
LC_ALL=C
export LC_ALL
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
F=${FACEGAN:-$PWD/facegan}
passed=0 failed=0 skipped=0
exactly=                                # how grep reads the TEXT below: -F as it stands, else as a pattern
checked=$work/said                      # where check leaves what it hears; /dev/null: $work/said is what it was

fails()
{
    failed=$((failed + 1))
    echo "FAILED $1"
    tail -n 8 "$work/said" 2>/dev/null | cut -c1-300 | sed 's/^/  | /'
}

# check WHAT COMMAND...: the command must work.
check()
{
    what=$1; shift
    if "$@" >"$checked" 2>&1; then passed=$((passed + 1)); else fails "$what: $*"; fi
}

# refute WHAT COMMAND...: the command must fail.
refute()
{
    what=$1; shift
    if "$@" >"$checked" 2>&1; then fails "$what: this held: $*"; else passed=$((passed + 1)); fi
}

# ends STATUS TEXT COMMAND...: it must end with this status, "1 2" with either, and say TEXT, which may be empty.
ends()
{
    wanted=$1 text=$2; shift 2
    "$@" >"$work/said" 2>&1
    status=$?
    case " $wanted " in
    *" $status "*) if [ -z "$text" ] || grep -q $exactly -- "$text" "$work/said"; then passed=$((passed + 1)); return; fi ;;
    esac
    fails "(status $status, wanted $wanted and \"$text\"): $*"
}

says() { ends 0 "$@"; }                 # says TEXT COMMAND...
skip() { skipped=$((skipped + 1)); echo "skipped: $*"; }

report()
{
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed -eq 0 ]
}
