# t.sh: the runner for shell tests, with the options and the last line of t.h. A test is a
# function, run by t_run in a subshell under `set -e` in its own empty directory; it fails with
# its first failing command, or says why with `fail`, or gives up with `skip`.

T_LIST= T_QUICK= T_DONE= T_FILTER= T_PASSED=0 T_FAILED=0 T_SKIPPED=0
while [ $# -gt 0 ]; do
    case $1 in
    --list) T_LIST=1 ;;
    --quick) T_QUICK=1 ;;
    --done) T_DONE=$2; shift ;;
    -f) T_FILTER=$2; shift ;;
    -s) shift ;;
    *) echo "usage: $0 [-f TEXT] [-s SEED] [--list] [--quick] [--done LOG]" >&2; exit 2 ;;
    esac
    shift
done
cd "$(dirname "$0")/.." || exit 1
TOP=$(pwd)
T_SOURCE=$TOP/tests/$(basename "$0")
T_TMP=${T_TMP:-${BUILD:-build}/tests/$(basename "$0" .sh).tmp}
mkdir -p "$T_TMP"
T_TMP=$(cd "$T_TMP" && pwd)

fail() {
    echo "$*"
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

slow() {
    if [ "$T_QUICK" ]; then skip 'slow'; fi
}

# form TEST: how a test that has a quick form is told to be ok in that form only
form() {
    if [ "$T_QUICK" ] && sed -n "/^$1() {/,/^}/p" "$T_SOURCE" | grep -q T_QUICK; then
        echo ', quick'
    fi
}

t_run() {
    case $1 in *"$T_FILTER"*) ;; *) return ;; esac
    if [ "$T_DONE" ] && grep -qsx "$1: ok" "$T_DONE"; then return; fi
    if [ "$T_LIST" ]; then
        echo "$1"
        return
    fi
    rm -rf "$T_TMP/$1"
    mkdir "$T_TMP/$1"
    # Not a condition: inside one, `set -e` would mean nothing.
    (
        set -e
        cd "$T_TMP/$1"
        "$1"
    ) >"$T_TMP/$1.log" 2>&1
    case $? in
    0) T_PASSED=$((T_PASSED + 1)); echo "$1: ok$(form "$1")" ;;
    77) T_SKIPPED=$((T_SKIPPED + 1)); echo "$1: skipped: $(tail -n 1 "$T_TMP/$1.log")" ;;
    *) T_FAILED=$((T_FAILED + 1)); echo "$1: FAILED"; sed 's/^/  /' "$T_TMP/$1.log" ;;
    esac
}

t_end() {
    [ "$T_LIST" ] || echo "$T_PASSED passed, $T_FAILED failed, $T_SKIPPED skipped"
    [ $T_FAILED = 0 ]
}
