#!/bin/sh
# fuzz.sh BUILD [SECONDS]: every target of test_fuzz.c under libFuzzer, AddressSanitizer and
# UBSan, so many seconds each (300), from the test's own seeds and what was found before in
# BUILD/fuzz/TARGET. An input that breaks something is left in BUILD/fuzz; it belongs among the
# seeds of test_fuzz.c. CC: a clang. For AFL++: CC=afl-clang-fast.

cd "$(dirname "$0")/.." || exit 1
dir=${1:-build}/fuzz
seconds=${2:-300}
CC=${CC:-clang}
case $CC in cc | gcc*) CC=clang ;; esac
common='-std=c99 -g1 -O1 -DEBIM_STATIC -DEBIM_SIMD_BITS=128'
mkdir -p "$dir" || exit 1
$CC $common -o "$dir/seeds" tests/test_fuzz.c -lm || exit 1
found=0 ran=0
for target in graph model table image; do
    mkdir -p "$dir/$target"
    FUZZ_SEEDS=$dir "$dir/seeds" -f "$target" >"$dir/$target.log"
    $CC $common -DEBIM_GUARD -DFUZZ=fuzz_$target -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=undefined -o "$dir/fuzz_$target" tests/test_fuzz.c -lm || exit 1
    ran=$((ran + 1))
    if ASAN_OPTIONS=allocator_may_return_null=1 "$dir/fuzz_$target" -max_total_time="$seconds" \
        -max_len=2048 -timeout=20 -rss_limit_mb=1500 -artifact_prefix="$dir/$target-" \
        "$dir/$target" >"$dir/$target.log" 2>&1; then
        echo "$target: $(grep '^Done' "$dir/$target.log"), nothing found"
    else
        found=$((found + 1))
        echo "$target: $(tail -n 4 "$dir/$target.log")"
    fi
done
echo "$((ran - found)) passed, $found failed, 0 skipped"
[ $found = 0 ]
