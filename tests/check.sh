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

fails()
{
    failed=$((failed + 1))
    echo "FAILED $1"
    tail -n 8 "$work/said" | cut -c1-300 | sed 's/^/  | /'
}

# check WHAT COMMAND...: the command must work.
check()
{
    what=$1; shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); else fails "$what: $*"; fi
}

# ends STATUS TEXT COMMAND...: it must end with this status, "1 2" with either, and say TEXT.
ends()
{
    wanted=$1 text=$2; shift 2
    "$@" >"$work/said" 2>&1
    status=$?
    case " $wanted " in
    *" $status "*) if grep -q $exactly -- "$text" "$work/said"; then passed=$((passed + 1)); return; fi ;;
    esac
    fails "(status $status, wanted $wanted and \"$text\"): $*"
}

says() { ends 0 "$@"; }                 # says TEXT COMMAND...

report()
{
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed -eq 0 ]
}
