#!/bin/sh
# tests/coverage.sh BUILD [-f TEXT] [--quick]: the lines of ebim.h that no test program reaches,
# and the share of those reached. Every program has its own copy of the implementation, so a
# line counts as reached when one program of all reached it. For gcc: gcov must be of the same
# version (GCOV=gcov-12). Compiled with -O1 for speed.

cd "$(dirname "$0")/.." || exit 1
top=$(pwd)
dir=$1/coverage
shift
CC=${CC:-cc}
rm -rf "$dir"
mkdir -p "$dir"

# cover SOURCE PRECISION OPTIONS...: counts of one program, in $name/ebim.h.gcov
cover() {
    c=$1 p=$2
    shift 2
    name=$(basename "$c" .c)-$p
    grep -q '"\.\./\(ebim\.h\|examples/.*\.c\)"' "$c" || return 0
    mkdir -p "$dir/$name"
    case $p in f64) d=-DEBIM_DOUBLE ;; *) d= ;; esac
    $CC $d -O1 --coverage -c -o "$dir/$name/test.o" "$top/$c" || return 1
    $CC --coverage -o "$dir/$name/test" "$dir/$name/test.o" -lm || return 1
    T_TMP=$dir/$name "$dir/$name/test" "$@" >"$dir/$name/log" ||
        echo "$name: $(tail -n 1 "$dir/$name/log")"
    (cd "$dir/$name" && ${GCOV:-gcov} -o . test.gcda >gcov.log 2>&1)
}

for c in tests/test_*.c; do
    for p in ${PREC:-f32 f64}; do (cover "$c" "$p" "$@" || echo "$c: not covered") & done
    wait
done

cat "$dir"/*/ebim.h.gcov | awk -F: '
    { count = $1; line = $2 + 0; gsub(/[ *]/, "", count) }
    line == 0 || count == "-" { next }
    { seen[line] = 1; text[line] = substr($0, index($0, $2) + length($2) + 1) }
    count !~ /^[#=]/ { hit[line] = 1 }
    line > last { last = line }
    END {
        for (i = 1; i <= last; i++) {
            if (!(i in seen)) continue
            lines++
            if (i in hit) hits++
            else printf "ebim.h:%d:%s\n", i, text[i]
        }
        if (!lines) { print "coverage: no test program was measured"; exit 1 }
        printf "coverage: %d of %d lines, %.1f %%\n", hits, lines, 100 * hits / lines
    }'
