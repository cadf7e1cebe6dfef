#!/bin/sh
# tests/run.sh BUILD [-f TEXT] [-s SEED] [--quick]: runs every test program and script, as many at
# a time as there are processors (JOBS=N: N), and adds up their last lines. Each has a scratch
# directory, T_TMP, and a log beside the binaries; the log of one that failed is shown. One that
# is missing, crashes, hangs or ends without its count is a failed test: a process may take T_CPU
# seconds of CPU, however busy the machine is. T_WRAP=valgrind runs the programs under it.
# TESTS='kernels checks': only these. T_SCRIPTS='checks tool': of the scripts only these.
# FLOAT='fit model': these in float alone; SHORT='fit model': these in double in their quick form;
# neither where PREC is f64. REST=1: without what the run before this one showed whole, by its logs.

wanted() { case " ${2:-$1} " in *" $1 "*) ;; *) return 1 ;; esac; } # NAME LIST; none: all
in_double() { # TEST-PRECISION: whether that is one of two precisions
    case "${1##*-} ${PREC:-f32 f64} " in "f64 "*f32*) ;; *) return 1 ;; esac
}

# One program: leaves NAME.log, the last line of which is its count.
run_one() {
    name=$(basename "$1" .sh)
    log=$BUILD/tests/$name.log
    T_TMP=$BUILD/tests/$name.tmp
    export T_TMP
    rm -rf "$T_TMP"
    mkdir -p "$T_TMP" || exit 1
    case $1 in *.sh) with=sh ;; *) with=$T_WRAP ;; esac
    test=${name#test_}
    if [ "$REST" ]; then T_OPTIONS="$T_OPTIONS --done $log.before"; fi
    if in_double "$test" && wanted "${test%-f64}" "${SHORT:-none}"; then
        T_OPTIONS="$T_OPTIONS --quick"
    fi
    if command -v timeout >/dev/null; then with="timeout 7200 $with"; fi # one that only waits
    start=$(date +%s)
    (ulimit -t "${T_CPU:-900}" && exec $with "$1" $T_OPTIONS) >"$log" 2>&1
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
        if [ $ok = FAIL ]; then sed -e '/: ok\(, quick\)\{0,1\}$/d' -e 's/^/    /' "$log"; fi
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
list= long= logs=
for c in tests/checks.sh tests/test_*.sh; do
    name=$(basename "$c" .sh)
    name=${name#test_}
    if wanted "$name" "$T_SCRIPTS" && wanted "$name" "$TESTS"; then list="$list $c"; fi
done
for c in tests/test_*.c; do
    name=$(basename "$c" .c)
    wanted "${name#test_}" "$TESTS" || continue
    for p in ${PREC:-f32 f64}; do
        if in_double "$name-$p" && wanted "${name#test_}" "${FLOAT:-none}"; then continue; fi
        if wanted "${name#test_}" "${FLOAT:-none} $SHORT"; then
            long="$long $BUILD/tests/$name-$p"
        else
            list="$list $BUILD/tests/$name-$p"
        fi
    done
done
list="$long $list" # what takes longest does not end alone
for p in $list; do logs="$logs $BUILD/tests/$(basename "$p" .sh).log"; done
for log in $logs; do
    rm -f "$log.before"
    if [ "$REST" ] && [ -f "$log" ]; then mv "$log" "$log.before"; fi
    rm -f "$log"
done

jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
printf '%s\n' $list | xargs -n 1 -P "$jobs" sh tests/run.sh --one
for log in $logs; do
    tail -n 1 "$log" || echo '0 passed, 1 failed, 0 skipped'
done | awk '{ p += $1; f += $3; s += $5 }
    END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }'
