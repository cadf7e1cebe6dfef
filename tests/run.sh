#!/bin/sh
# tests/run.sh BUILD [-f TEXT] [-s SEED] [--quick]: runs every test program and script, as many at
# a time as there are processors (JOBS=N: N), and adds up their last lines. Each has a scratch
# directory, T_TMP, and a log beside the binaries; the log of one that failed is shown. One that
# is missing, crashes, hangs (T_TIMEOUT seconds) or ends without its count is a failed test.
# T_WRAP=valgrind runs the programs under it; T_CHECKS=no leaves checks.sh out,
# T_CHECKS=none all scripts.

# One program: leaves NAME.log, the last line of which is its count.
run_one() {
    name=$(basename "$1" .sh)
    log=$BUILD/tests/$name.log
    T_TMP=$BUILD/tests/$name.tmp
    export T_TMP
    rm -rf "$T_TMP"
    mkdir -p "$T_TMP" || exit 1
    limit=
    if command -v timeout >/dev/null; then limit="timeout ${T_TIMEOUT:-900}"; fi
    case $1 in *.sh) limit="$limit sh" ;; *) limit="$limit $T_WRAP" ;; esac
    start=$(date +%s)
    $limit "$1" $T_OPTIONS >"$log" 2>&1
    status=$?
    last=$(tail -n 1 "$log")
    case $status:$last in
    0:*[0-9]' passed, 0 failed, '*[0-9]' skipped') ok=ok ;;
    1:*[0-9]' passed, '*[1-9]*' failed, '*[0-9]' skipped') ok=FAIL ;;
    *)
        ok=FAIL last='0 passed, 1 failed, 0 skipped'
        printf '\nended without a count, status %d\n%s\n' $status "$last" >>"$log"
        ;;
    esac
    if [ "$last" = '0 passed, 0 failed, 0 skipped' ]; then return; fi # all filtered out
    text=$(
        if [ $ok = FAIL ]; then sed -e '/: ok$/d' -e 's/^/    /' "$log"; fi
        sed -n 's/^\([^ ]*: skipped: \)/    \1/p' "$log"
        printf '%-4s %-24s %s, %d s' $ok "$name" "$last" $(($(date +%s) - start))
    )
    printf '%s\n' "$text" # at once: others print too
    rm -rf "$T_TMP"
}

if [ "$1" = --one ]; then
    run_one "$2"
    exit 0
fi

cd "$(dirname "$0")/.." || exit 1
BUILD=$1
shift
T_OPTIONS=$*
export BUILD T_OPTIONS
list= logs=
for c in tests/checks.sh tests/test_*.sh; do
    case $T_CHECKS:$c in no:tests/checks.sh | none:*) continue ;; esac
    if [ -f "$c" ]; then list="$list $c"; fi
done
for c in tests/test_*.c; do
    for p in ${PREC:-f32 f64}; do list="$list $BUILD/tests/$(basename "$c" .c)-$p"; done
done
for p in $list; do logs="$logs $BUILD/tests/$(basename "$p" .sh).log"; done
rm -f $logs

jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
printf '%s\n' $list | xargs -n 1 -P "$jobs" sh tests/run.sh --one
for log in $logs; do
    tail -n 1 "$log" || echo '0 passed, 1 failed, 0 skipped'
done | awk '{ p += $1; f += $3; s += $5 }
    END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }'
