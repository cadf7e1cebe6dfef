#!/bin/sh
# analyse.sh BUILD [TEXT]: what tools say of ebim.h that read it or watch it run (rows whose name
# holds TEXT). One that is not here is skipped. What is said wrongly is left out by its name, below,
# with why; anything else fails.

cd "$(dirname "$0")/.." || exit 1
dir=${1:-build}/analyse
only=$2
mkdir -p "$dir" || exit 1
one='-std=c99 -g1 -O1 -DEBIM_SIMD_BITS=128'
plain='-std=c99 -I. -DEBIM_IMPLEMENTATION -DEBIM_NO_SIMD'
printf '#include "ebim.h"\n' >"$dir/a.c"

# uninitvar, ctuuninitvar: objects are filled by who gets their address; arrayIndexOutOfBounds,
# negativeIndex, zerodivcond, nullPointerRedundantCheck: conditions before them, which it does not
# put together; shiftTooManyBitsSigned: shifts of ints keep their sign in every compiler there is
cpp_check() {
    set --
    for id in uninitvar ctuuninitvar arrayIndexOutOfBounds negativeIndex zerodivcond \
        nullPointerRedundantCheck shiftTooManyBitsSigned; do
        set -- "$@" "--suppress=$id"
    done
    cppcheck -q --std=c99 --enable=warning,portability,performance --error-exitcode=1 "$@" \
        -DEBIM_IMPLEMENTATION -DEBIM_NO_SIMD -UEBIM_DOUBLE --max-configs=1 -I. "$dir/a.c"
}

# Products of ints that index rows are bounded where objects are made; macros take types, names and
# statements; half of the draws is a count; memcmp() is true where bytes differ.
clang_tidy() {
    off=
    for id in easily-swappable-parameters implicit-widening-of-multiplication-result \
        macro-parentheses integer-division misplaced-widening-cast narrowing-conversions \
        not-null-terminated-result suspicious-string-compare; do
        off="$off,-bugprone-$id"
    done
    clang-tidy --quiet '--header-filter=.*' "--checks=-*,bugprone-*$off" \
        '--warnings-as-errors=*' "$dir/a.c" -- $plain
}

scan() { scan-build --status-bugs -o "$dir/scan" clang $plain -c -o "$dir/a.o" "$dir/a.c"; }

msan() {
    for t in kernels tape io; do
        clang $one -DEBIM_STATIC -fsanitize=memory -o "$dir/msan-$t" tests/test_$t.c -lm &&
            T_TMP=$dir "$dir/msan-$t" --quick || return 1
    done
}

tsan() {
    clang $one -fsanitize=thread -o "$dir/tsan" tests/threads.c -lm -lpthread && "$dir/tsan"
}

while read -r name tool; do
    case $name in *"$only"*) ;; *) continue ;; esac
    if ! command -v "$tool" >/dev/null; then
        echo "skip $name: no $tool here"
    elif $name >"$dir/$name.log" 2>&1 </dev/null; then
        echo "ok   $name"
    else
        echo "FAIL $name: $(grep -m 1 -i 'error\|warning' "$dir/$name.log") ($dir/$name.log)"
    fi
done >"$dir/said" <<ROWS
cpp_check cppcheck
clang_tidy clang-tidy
scan scan-build
msan clang
tsan clang
ROWS
awk '{ print; n[$1]++ }
    END { printf "%d passed, %d failed, %d skipped\n", n["ok"], n["FAIL"], n["skip"]
          exit n["FAIL"] > 0 || !n["ok"] }' "$dir/said"
