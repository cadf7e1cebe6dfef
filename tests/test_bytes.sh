#!/bin/sh
# test_bytes.sh: what the manual says under DETERMINISM: which builds fit the same bytes, and how
# near others come. The programs are smoke.c; threads are test_judge.c's and checks.sh's.

. "$(dirname "$0")/t.sh"
CC=${CC:-cc}

# smoke NAME FLAG...
smoke() {
    name=$1
    shift
    $CC "$@" -o "$name" "$TOP/tests/smoke.c" -lm
}

# Without vectors, and with a rounding for every operation, levels of optimisation change nothing.
levels_change_nothing() {
    levels='-O1 -O3'
    [ "$T_QUICK" ] || levels='-O2 -O1 -O3 -Os -O0'
    for level in $levels; do
        smoke plain$level -DEBIM_NO_SIMD -ffp-contract=off $level
        ./plain$level fit $level.ebim FE
        [ -f first.ebim ] || cp ./$level.ebim first.ebim
        cmp first.ebim ./$level.ebim
    done
    ./plain-O1 fit again.ebim FE
    cmp first.ebim again.ebim
}

# What one model says is the same for all instruction sets, but for rounding.
sets_agree() {
    sets='NO_SIMD SIMD_BITS=128 SIMD_BITS=256 SIMD_BITS=512'
    for set in $sets; do
        smoke $set -O1 -DEBIM_$set
        ./$set fit $set.ebim FE
    done
    for set in $sets; do
        ./$set read ./*.ebim >$set.says
        if grep nan $set.says; then fail 'of a point nothing is known'; fi
        paste -d ' ' NO_SIMD.says $set.says | awk '{ bad += $1 != $6
            for (i = 2; i <= 5; i++) bad += $i != $(i + 5) && !(($i - $(i + 5)) ^ 2 <= 1e-8) }
            END { exit bad > 0 || !NR }' || fail "$set says something else"
    done
}

for check in levels_change_nothing sets_agree; do
    t_run $check
done
t_end
