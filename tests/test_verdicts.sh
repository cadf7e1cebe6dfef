#!/bin/sh
# test_verdicts.sh: the battery of bench/verdicts.c: that its truths are true, and that no fit of
# its quick form is silently wrong or refused without reason.

. "$(dirname "$0")/t.sh"
case ${BUILD:-build} in
/*) BIN=$BUILD ;;
*) BIN=$TOP/${BUILD:-build} ;;
esac

# count NAME FILE: this number of the object in the last line
count() { tail -n 1 "$2" | sed -n 's/^{.*"'"$1"'":\([-0-9.e+]*\)[,}].*/\1/p'; }

truths_are_true() {
    "$BIN/verdicts" --check >log || fail "$(grep WRONG log)"
    [ "$(grep -c ' ok$' log)" -ge 60 ] || fail 'where are the sets?'
    "$BIN/verdicts" --list >list
    [ "$(wc -l <list)" = "$(grep -c ' ok$' log)" ]
}

nothing_silent() {
    "$BIN/verdicts" --quick >log || true
    [ "$(count fits log)" = "$(($(wc -l <log) - 1))" ] || fail "$(cat log)"
    [ "$(count fits log)" -ge 8 ]
    [ "$(count closed_clean log)" -ge 5 ]
    for k in silent false_alarms; do
        [ "$(count $k log)" = 0 ] || fail "$(cat log)"
    done
}

parts_make_the_whole() {
    slow
    "$BIN/verdicts" --only circle_20 --seeds 1 >whole || [ $? = 1 ]
    [ "$(count fits whole)" = 2 ] # circle_20 and circle_200
    for i in 1 2; do
        "$BIN/verdicts" --only circle_20 --seeds 1 --part $i/2 >part$i || [ $? = 1 ]
    done
    for f in whole part1 part2; do sed -e '/^{/d' -e 's/ [0-9.]* s  / /' $f | sort >$f.rows; done
    [ "$(wc -l <part1.rows)" = 1 ]
    sort part1.rows part2.rows | cmp - whole.rows
}

wrong_usage() {
    for o in '--seeds 0' '--seeds' '--part 3/2' '--part 1' '--only mars' '--fast' 'x'; do
        status=0
        "$BIN/verdicts" $o >log 2>err || status=$?
        [ $status = 2 ] || fail "$o: status $status"
        grep -q usage err
        [ ! -s log ]
    done
}

for check in truths_are_true nothing_silent parts_make_the_whole wrong_usage; do
    t_run $check
done
t_end
