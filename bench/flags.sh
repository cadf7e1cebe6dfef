#!/bin/sh
# flags.sh BUILD: a training step of Fig. 1 and a constrained step (see bench.c) under other flags,
# instruction sets and compilers.
build=$1
mkdir -p "$build"
figure() { "$build/bench-flags" --only "$1" | sed -n "s/^$1[a-z_]* *\\([0-9.]*\\).*/\\1/p"; }

printf '%-44s %18s %18s\n' '' 'us a training step' 'ns a chain step'
for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    for flags in -O0 -O2 -O3 '-O2 -std=c99' '-O2 -ffast-math' '-O2 -DEBIM_DOUBLE' \
        '-O2 -DEBIM_SIMD_BITS=256' '-O2 -DEBIM_SIMD_BITS=128' '-O2 -DEBIM_NO_SIMD'; do
        $cc $flags -o "$build/bench-flags" bench/bench.c -lm || continue
        printf '%-44s %18s %18s\n' "$cc $flags" "$(figure mdf_step)" "$(figure clmc_newton)"
    done
done
