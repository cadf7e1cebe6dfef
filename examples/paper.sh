#!/bin/sh
# examples/paper.sh BUILD [--quick]: runs the programs of the paper's figures and tables, as many at
# a time as there are processors (JOBS=N: N), and puts what they wrote together: BUILD/out/paper.md,
# with the pictures and logs in BUILD/out/paper. A program whose data are not here is left out, and
# said to be. SEED=N: another seed; OUT=DIR: DIR/paper.md and DIR/paper instead.

if [ "$1" = --one ]; then
    name=$(echo "$2" | sed 's/ --only /_/')
    start=$(date +%s)
    $BUILD/$2 --out "$OUT/paper" --seed "${SEED:-1}" $QUICK \
        >"$OUT/paper/$name.json" 2>"$OUT/paper/$name.log"
    status=$?
    echo "$(($(date +%s) - start)) $status" >"$OUT/paper/$name.time"
    case $status in
    0) printf 'ok   %-20s %4d s\n' "$name" $(($(date +%s) - start)) ;;
    2) printf 'left %-20s %s\n' "$name" "$(tail -n 1 "$OUT/paper/$name.log")" ;;
    *) printf 'FAIL %-20s %s\n' "$name" "$(tail -n 1 "$OUT/paper/$name.log")" ;;
    esac
    exit 0
fi

BUILD=$1
QUICK=$2
OUT=${OUT:-$BUILD/out}
export BUILD QUICK SEED OUT
out=$OUT/paper
sets='floods glycine sphere mixture fig1'
figures='fig1_von_mises fig2_degenerate fig3_arithmetic fig4_mixture fig5_floods fig6_glycine
    fig9_langevin_steps fig10_vae fig11_eta'
rm -rf "$out"
mkdir -p "$out" || exit 1
start=$(date +%s)
{
    for s in $sets; do echo "table1 --only $s"; done
    for s in $sets; do echo "table3 --only $s"; done
    for f in $figures; do echo "$f"; done
} | tr '\n' '\0' | xargs -0 -n 1 -P "${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}" \
    sh examples/paper.sh --one

# What a program has left behind: its last line, how long it took, or why there is nothing
report() {
    read -r seconds status <"$out/$1.time"
    if [ "$status" = 0 ]; then
        printf '%s s. `%s`\n\n' "$seconds" "$(tail -n 1 "$out/$1.json")"
    else
        printf 'Left out: %s\n\n' "$(tail -n 1 "$out/$1.log")"
    fi
}

{
    printf '# The low-dimensional experiments of the paper\n\n'
    printf 'Seed %s%s, on %s with %s processors; %s s in all.\n\n' "${SEED:-1}" \
        "${QUICK:+, quick (a twentieth of the training: to see that all runs)}" \
        "$(uname -m)" "$(getconf _NPROCESSORS_ONLN 2>/dev/null)" $(($(date +%s) - start))
    printf '## Table 1\n\nRows and columns: see the head of examples/table1.c. '
    printf 'Means ± standard errors of three runs; in brackets what the paper has.\n\n'
    for s in $sets; do
        if [ -f "$out/table1_$s.md" ]; then cat "$out/table1_$s.md"; fi
        echo
        report "table1_$s" | sed 's/ `.*//'
    done
    printf '## Table 3\n\nDistances of the data to what was learned of them; in brackets what the '
    printf 'paper has.\n\n| data | model | min | median | mean | max |\n|---|---|---|---|---|---|\n'
    for s in $sets; do
        if [ -f "$out/table3_$s.md" ]; then sed '1,2d' "$out/table3_$s.md"; fi
    done
    echo
    for f in $figures; do
        printf '## %s\n\n' "$f"
        if [ -f "$out/$f.png" ]; then printf '![%s](paper/%s.png)\n\n' "$f" "$f"; fi
        report "$f"
    done
} >"$OUT/paper.md"
echo "written: $OUT/paper.md, $(($(date +%s) - start)) s"
! awk '$2 != 0 && $2 != 2 { bad = 1 } END { exit !bad }' "$out"/*.time
