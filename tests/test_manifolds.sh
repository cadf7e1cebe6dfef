#!/bin/sh
# test_manifolds.sh: the sets of bench/sets.h, their laws and distances, and what bench/manifolds.c
# says of fits to them.

. "$(dirname "$0")/t.sh"
case ${BUILD:-build} in
/*) BIN=$BUILD ;;
*) BIN=$TOP/${BUILD:-build} ;;
esac

# number NAME FILE: this number of the object in the last line
number() { tail -n 1 "$2" | sed -n 's/^{.*"'"$1"'":\([-0-9.e+]*\)[,}].*/\1/p'; }

# below NUMBER MOST
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 <= b) }'; }

sets_are_true() {
    "$BIN/manifolds" --check >log || fail "$(grep WRONG log)"
    [ "$(grep -c ' ok$' log)" -ge 28 ] || fail 'where are the sets?'
    [ "$(tail -n 1 log)" = '0 of the sets are wrong' ]
    [ "$(wc -l <log)" = "$(($(grep -c ' ok$' log) + 1))" ]
}

# A tenth of the training finds a circle, but not to the last digit; ends and law are measured.
fits_are_measured() {
    "$BIN/manifolds" --set circle --quick --json >log 2>err || [ $? = 1 ]
    [ "$(number circle_fits log)" = 2 ] || fail "$(cat log)"
    [ "$(grep -c '^circle ' err)" = 2 ]
    below "$(number circle_q95_worst log)" 5 || fail "$(cat log)"
    below "$(number circle_spurious_worst log)" 0.01 || fail "$(cat log)"
    below "$(number circle_missing_worst log)" 0.05 || fail "$(cat log)"
    below "$(number circle_excess_worst log)" 0.2 || fail "$(cat log)"
    below "$(number circle_W1_median log)" 2 || fail "$(cat log)"
    grep -q '"circle_runs_on_worst":null' log # it has no ends
}

# What was stopped before it had learned anything is no fit, and the row says so.
stopped_fits_are_bad() {
    "$BIN/manifolds" --set trefoil --seeds 1 --max-seconds 0.05 --json >log 2>err || [ $? = 1 ]
    [ "$(number trefoil_fits log)" = 1 ] || fail "$(cat log err)"
    [ "$(number trefoil_bad log)" = 1 ] || fail "$(cat log err)"
    [ "$(number trefoil_said_fine log)" = 0 ] || fail "$(cat log err)"
}

parts_make_the_whole() {
    for i in 1 2; do
        "$BIN/manifolds" --set circle --quick --json --part $i/2 >part$i 2>err || [ $? = 1 ]
        [ "$(number circle_fits part$i)" = 1 ] || fail "$(cat part$i)"
    done
    [ "$(number circle_q95_median part1)" != "$(number circle_q95_median part2)" ] # other data
}

wrong_usage() {
    for o in '--seeds 0' '--seeds' '--part 3/2' '--part 1' '--set mars' '--fast' '--max-seconds x'
    do
        status=0
        "$BIN/manifolds" $o >log 2>err || status=$?
        [ $status = 2 ] || fail "$o: status $status"
        grep -q usage err
        [ ! -s log ]
    done
}

for check in sets_are_true fits_are_measured stopped_fits_are_bad parts_make_the_whole wrong_usage
do
    t_run $check
done
t_end
