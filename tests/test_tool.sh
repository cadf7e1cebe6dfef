#!/bin/sh
# test_tool.sh: the ebim tool as its users meet it: what it accepts, what it refuses and with
# which words, what it leaves behind. Fits are a fiftieth of the usual effort.

. "$(dirname "$0")/t.sh"
CC=${CC:-cc}
case ${BUILD:-build} in
/*) EBIM=$BUILD/ebim ;;
*) EBIM=$TOP/${BUILD:-build}/ebim ;;
esac
quick='--effort 0.02'

# ---- data and models ----

# circle N: N points of the circle of radius 2 round (1, -3), the angle between two of them the
# golden one, so that they are spread evenly
circle() {
    awk -v n="$1" 'BEGIN {
        for (i = 0; i < n; i++) printf "%.6f,%.6f\n", 1 + 2 * cos(2.3999632 * i), \
            -3 + 2 * sin(2.3999632 * i)
    }'
}

# model: the path of a model of the circle, fitted once
model() {
    if [ ! -f "$T_TMP/circle.ebim" ]; then
        { echo x,y; circle 200; } >"$T_TMP/circle.csv"
        "$EBIM" fit "$T_TMP/circle.csv" -o "$T_TMP/circle.ebim" --dim 1 --effort 0.1 >&2
    fi
    echo "$T_TMP/circle.ebim"
}

# planet: the path of a model of points on the globe, given by latitude and longitude
planet() {
    if [ ! -f "$T_TMP/planet.ebim" ]; then
        awk 'BEGIN { print "lat,lon"; for (i = 0; i < 200; i++)
            printf "%.4f,%.4f\n", -80 + 0.8 * i, (137.508 * i) % 360 - 180 }' >"$T_TMP/planet.csv"
        "$EBIM" fit "$T_TMP/planet.csv" -o "$T_TMP/planet.ebim" --embed latlon $quick >&2
    fi
    echo "$T_TMP/planet.ebim"
}

# exact NAME: the path of a model made by hand, whose manifold and density are known: sphere
# (radius 1.3, E = x1), bare (the same without energy), circles (radii 0.5 and 1), cut (a circle of
# radius 1.2 in a box of half that size), ring (a circle in space), ball (a sphere in R^4), none,
# rough (the sphere with an E whose gradient is NaN)
exact() {
    if [ ! -f "$T_TMP/none.ebim" ]; then
        cat >"$T_TMP/exact.c" <<'END'
#define EBIM_IMPLEMENTATION
#include "ebim.h"
static ebim_ref minus(ebim_graph *g, ebim_ref y, double level)
{
    return ebim_affine(g, y, &level, 1);
}
static ebim_ref ball(ebim_graph *g, ebim_ref x, double c, double r) /* |x - c e0|^2 - r^2 */
{
    double center[4] = {c, 0, 0, 0};
    return minus(g, ebim_sumsq(g, ebim_affine(g, x, center, 1)), r * r);
}
static ebim_ref F(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = ebim_apply(g, ebim_scale(g, ebim_slice(g, x, 0, 1), 0.5), EBIM_FN_EXP);
    switch (*(const char *)user) {
    case 'r': return ebim_concat(g, ball(g, x, 0, 1), ebim_slice(g, x, 2, 1));
    case 'n': return ball(g, x, 9, 1);
    case 'c':
        y = ball(g, x, -0.7, 0.5);
        return ebim_mul(g, y, ball(g, x, 0.9, 1));
    case 'C': return ball(g, x, 0, 1.2);
    default: return ebim_mul(g, y, ball(g, x, 0, 1.3)); /* no distance function */
    }
}
static ebim_ref E(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = ebim_slice(g, x, 1, 1);
    if (*(const char *)user == 'k') return ebim_scale(g, y, 3000); /* few start where it is low */
    if (*(const char *)user != 'R') return y;
    x = ebim_apply(g, minus(g, ebim_scale(g, ebim_sumsq(g, x), -1), 1), EBIM_FN_RELU);
    return ebim_add(g, y, ebim_pow(g, x, 0.5)); /* 0, but its gradient is infinity times 0 */
}
static int save(const char *name, const char *kind, int n, int k, double size, int energy)
{
    static double memory[1 << 13];
    double lo[4], hi[4];
    ebim_arena a;
    ebim_model m;
    int i;
    for (i = 0; i < 4; i++) {
        lo[i] = -size - 0.013 * i;
        hi[i] = size + 0.027 * i;
    }
    memset(&m, 0, sizeof m);
    ebim_arena_init(&a, memory, sizeof memory);
    m.n = n;
    m.k = k;
    m.m = n - k;
    m.lo = lo;
    m.hi = hi;
    m.unit = 1;
    m.has_energy = energy;
    if (ebim_record(&m.F, &a, n, F, (void *)kind)) return 1;
    if (energy && ebim_record(&m.E, &a, n, E, (void *)kind)) return 1;
    return ebim_save_file(&m, name) != EBIM_OK;
}
int main(void)
{
    return save("sphere.ebim", "s", 3, 1, 2, 1) || save("bare.ebim", "s", 3, 1, 2, 0) ||
           save("circles.ebim", "c", 2, 1, 2.3, 1) || save("cut.ebim", "C", 2, 1, 1, 0) ||
           save("ring.ebim", "r", 3, 2, 2, 1) || save("ball.ebim", "s", 4, 1, 2, 1) ||
           save("none.ebim", "n", 3, 1, 2, 1) || save("rough.ebim", "R", 3, 1, 2, 1) ||
           save("keen.ebim", "k", 3, 1, 2, 1);
}
END
        (cd "$T_TMP" && $CC -I"$TOP" -o exact exact.c -lm && ./exact) >&2
    fi
    echo "$T_TMP/$1.ebim"
}

# ply FILE: its header into `header`, its elements as lines: v and the vertex's properties, f or e
# and the vertices of a face or edge. A reader of its own: it takes the types from the header.
ply() {
    if [ ! -f "$T_TMP/ply" ]; then
        cat >"$T_TMP/ply.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static double number(FILE *f, const char *type)
{
    unsigned long v = 0;
    int i, c, size = strcmp(type, "uchar") ? 4 : 1, e;
    for (i = 0; i < size; i++) {
        if ((c = getc(f)) == EOF) exit(3);
        v |= (unsigned long)c << 8 * i;
    }
    if (strcmp(type, "float")) return (double)v;
    e = (int)(v >> 23 & 255);
    if (e == 255) exit(4);
    {
        double x = (double)((v & 0x7fffff) | (e ? 0x800000 : 0));
        for (e = (e ? e : 1) - 150; e; e += e < 0 ? 1 : -1) x = e < 0 ? x / 2 : 2 * x;
        return v >> 31 & 1 ? -x : x;
    }
}
int main(int argc, char **argv)
{
    static char line[200], name[4][40], type[4][40][40];
    int elements = 0, properties[4] = {0}, i, j, k;
    long count[4], row;
    FILE *f = fopen(argv[argc - 1], "rb"), *h = fopen("header", "w");
    if (!f || !h) return 2;
    do {
        char a[40], b[40], c[40], d[40];
        if (!fgets(line, sizeof line, f)) return 2;
        fputs(line, h);
        if (sscanf(line, "element %39s %ld", name[elements], &count[elements]) == 2) elements++;
        else if (sscanf(line, "property %39s %39s %39s %39s", a, b, c, d) >= 2)
            strcpy(type[elements - 1][properties[elements - 1]++], strcmp(a, "list") ? a : c);
    } while (strcmp(line, "end_header\n"));
    for (i = 0; i < elements; i++)
        for (row = 0; row < count[i]; row++) {
            putchar(name[i][0]);
            for (j = 0; j < properties[i]; j++) {
                int many = name[i][0] == 'f' ? (int)number(f, "uchar") : 1;
                for (k = 0; k < many; k++) printf(" %.9g", number(f, type[i][j]));
            }
            putchar('\n');
        }
    return getc(f) != EOF || fclose(h);
}
END
        $CC -o "$T_TMP/ply" "$T_TMP/ply.c"
    fi
    "$T_TMP/ply" "$1"
}

# ---- what is checked ----

# refused TEXT ARGUMENTS: exit status 2, nothing printed but one line with `ebim: ` and TEXT in
# it, and no file created or changed. Not a single step of such a run may be a fit: the effort is
# so high that it would not end.
refused() {
    text=$1
    shift
    ls -lA >"$T_TMP/before"
    status=0
    "$EBIM" "$@" >"$T_TMP/out" 2>"$T_TMP/err" </dev/null || status=$?
    cat "$T_TMP/err"
    [ $status = 2 ] || fail "status $status of: $*"
    [ "$(wc -l <"$T_TMP/err")" -eq 1 ] || fail 'not one line on standard error'
    grep -q '^ebim: ' "$T_TMP/err" || fail 'does not begin with "ebim: "'
    grep -qF -- "$text" "$T_TMP/err" || fail "does not say: $text"
    [ ! -s "$T_TMP/out" ] || fail 'printed something'
    ls -lA | cmp - "$T_TMP/before" || fail 'left a file'
}

# data_is_refused TEXT: fit does not take the curve d.csv
data_is_refused() {
    refused "$1" fit d.csv -o out.ebim --dim 1 --effort 10000
}

# ---- bad data ----

empty_file() {
    : >d.csv
    data_is_refused 'd.csv: the file is empty'
    echo x,y >d.csv
    data_is_refused 'd.csv: no rows'
}

ragged_rows() {
    { circle 20; echo 1,2,3; circle 20; } >d.csv
    data_is_refused 'd.csv:21: 3 fields'
    { circle 20; echo 1; } >d.csv
    data_is_refused 'd.csv:21: 1 field '
}

text_in_data() {
    { circle 20; echo 1,two; } >d.csv
    data_is_refused 'd.csv:21: field 2 is not a number: two'
    { circle 20; echo 1,; } >d.csv
    data_is_refused 'd.csv:21: field 2 is empty'
    { echo 1,y; circle 20; } >d.csv
    data_is_refused 'd.csv:1: field 2'
    printf '1,2\n3,\0004\n' >d.csv
    data_is_refused 'd.csv:2: not a text file'
}

not_finite() {
    for v in nan NaN inf -Infinity; do
        { echo x,y; circle 20; echo 1,$v; circle 20; } >d.csv
        data_is_refused "d.csv:22: field 2 is not finite: $v"
    done
}

out_of_range() {
    { circle 20; echo 1,1e999; } >d.csv
    data_is_refused 'd.csv:21: field 2 is out of range'
    { circle 20; echo 1,-1e300; } >d.csv
    data_is_refused 'd.csv:21: -1e+300 is too large'
    circle 50 | awk -F, '{ printf "%ge-200,%ge-200\n", $1, $2 }' >d.csv
    data_is_refused 'd.csv:'
}

too_few_points() {
    circle 2 >d.csv
    data_is_refused 'd.csv:2: 2 distinct points: at least 3 are needed in dimension 2'
    { circle 2; circle 2; circle 2; } >d.csv
    data_is_refused 'd.csv:6: 2 distinct points'
    echo 1,2 >d.csv
    data_is_refused 'd.csv:1: 1 distinct point:'
}

all_points_equal() {
    awk 'BEGIN { print "# the same"; for (i = 0; i < 50; i++) print "1,2" }' >d.csv
    data_is_refused 'd.csv:2: all 50 points are the same'
}

duplicate_points() { # more than half of the rows repeat others: they are weights
    { echo x,y; circle 20; circle 20; circle 1; } >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 $quick 2>err >out || [ $? = 1 ]
    grep -q 'd.csv: note: 21 rows repeat an earlier one (first: line 22 repeats line 2)' err
    grep -q '^repeats .*20 points differ' out
    grep -q 'so few points' out
}

some_duplicates_are_noted() {
    { circle 60; circle 3; } >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 $quick 2>err >out
    cat err
    test "$(cat err)" = \
        'ebim: d.csv: note: 3 rows repeat an earlier one (first: line 61 repeats line 1)'
}

points_far_from_the_origin() {
    circle 30 | awk -F, '{ printf "%.9g,%s\n", 1e12 + $1, $2 }' >d.csv
    data_is_refused 'd.csv: the points lie within'
}

output_that_is_an_input() {
    circle 30 >d.csv
    refused '-o d.csv would replace its input' fit d.csv -o d.csv --dim 1
    cp "$(model)" m.ebim
    refused '-o m.ebim would replace its input' sample m.ebim -n 3 -o m.ebim
    refused '-o ./d.csv would replace its input' score m.ebim d.csv -o ./d.csv
    ln d.csv e.csv
    ln -s d.csv f.csv
    refused '-o e.csv would replace its input' project m.ebim d.csv -o e.csv
    refused '-o f.csv would replace its input' project m.ebim d.csv -o f.csv
}

# A suffix is a promise of a format: of those that the verb does not write, all are refused.
output_of_another_format() {
    circle 30 >d.csv
    m=$(model)
    refused '-o c.obj: the name should end in .ply' mesh "$m" -o c.obj
    refused '-o c.png: the name should end in .ply' mesh "$m" -o c.png
    refused '-o ./a.b/c.jpg: the name should end in .png' plot "$m" -o ./a.b/c.jpg
    refused '-o m.csv: the name should end in .ebim' fit d.csv -o m.csv --dim 1 --effort 10000
    for f in s.ply s.xyz s.json s.tsv s.xlsx s.npz; do
        refused "-o $f: the name should end in .csv, .txt or .npy" sample "$m" -n 3 -o $f
        refused "-o $f: the name should end in .csv, .txt or .npy" score "$m" d.csv -o $f
        refused "-o $f: the name should end in .csv, .txt or .npy" project "$m" d.csv -o $f
    done
    for f in s.csv s.TXT s.npy s a.1; do "$EBIM" sample "$m" -n 3 -o $f; done
    cmp s.csv s.TXT
    "$EBIM" mesh "$m" -o c.PLY
}

# What is printed must not get into the model when the program starts without its streams.
closed_streams() {
    circle 60 >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 -v $quick >&- 2>&- || true
    "$EBIM" info m.ebim
}

dimension_that_does_not_fit() {
    circle 50 >d.csv
    for m in 0 -1 2 3 999; do
        refused "d.csv: --dim $m does not fit points of dimension 2" \
            fit d.csv -o out.ebim --effort 10000 --dim $m
    done
    refused "--dim '1.5' should be a whole number" fit d.csv -o out.ebim --dim 1.5
    refused "--dim 'auto' should be a whole number" fit d.csv -o out.ebim --dim auto
    refused "no column 'x': the file has no names, columns are numbers from 1 to 2" \
        fit d.csv -o out.ebim --dim 1 --columns x
    refused '--dim M is missing' fit d.csv -o out.ebim
    circle 50 | cut -d, -f1 >d.csv
    data_is_refused 'd.csv:1: one column'
}

embedding_that_does_not_fit() {
    circle 50 >d.csv
    refused "'mars' is not one of" fit d.csv -o out.ebim --embed mars
    refused 'two numbers R > r > 0' fit d.csv -o out.ebim --embed torus:1,2
    echo 91,0 >>d.csv
    refused 'd.csv:51: latitude 91' fit d.csv -o out.ebim --embed latlon
    echo 1,2,3 >d.csv
    refused 'd.csv:1: 3 columns' fit d.csv -o out.ebim --embed latlon
}

# ---- bad files ----

directory_instead_of_a_file() {
    mkdir dir
    circle 50 >d.csv
    refused 'dir: Is a directory' fit dir -o out.ebim --dim 1
    refused 'dir: Is a directory' fit d.csv -o dir --dim 1 --effort 10000
    refused 'dir: Is a directory' info dir
    refused 'dir: Is a directory' score "$(model)" dir
    refused 'dir: Is a directory' sample "$(model)" -n 5 -o dir
}

missing_file() {
    refused 'no.csv: No such file or directory' fit no.csv -o out.ebim --dim 1
    for verb in info 'sample -n 3' 'plot -o a.png' 'mesh -o a.ply'; do
        refused 'no.ebim: No such file or directory' $verb no.ebim
    done
    refused 'no.csv: No such file or directory' score "$(model)" no.csv
    refused 'no.csv: No such file or directory' plot "$(model)" no.csv -o a.png
}

unwritable_output() {
    circle 50 >d.csv
    m=$(model)
    refused 'no/out.ebim: cannot be written' fit d.csv -o no/out.ebim --dim 1 --effort 10000
    refused 'd.csv/out.ebim: cannot be written' fit d.csv -o d.csv/out.ebim --dim 1 --effort 10000
    refused 'no/s.csv: cannot be written' sample "$m" -n 5 -o no/s.csv
    refused 'no/s.csv: cannot be written' score "$m" d.csv -o no/s.csv
    refused 'no/s.csv: cannot be written' project "$m" d.csv -o no/s.csv
    refused 'no/a.png: cannot be written' plot "$m" -o no/a.png
    refused 'no/a.ply: cannot be written' mesh "$m" -o no/a.ply
    refused 'd.csv: Not a directory' demo --out d.csv --effort 10000
    long=$(awk 'BEGIN { for (i = 0; i < 300; i++) printf "a" }')
    refused '.csv: cannot be written: File name too long' sample "$m" -n 5 -o "$long.csv"
    chmod a-w d.csv
    if [ -w d.csv ]; then return; fi # root may
    refused 'd.csv: cannot be written' sample "$m" -n 5 -o d.csv
}

full_disk() {
    [ -c /dev/full ] || skip 'no /dev/full here'
    m=$(model)
    circle 50 >d.csv
    full='/dev/full: cannot be written: No space left on device'
    refused "$full" sample "$m" -n 5 -o /dev/full
    refused "$full" score "$m" d.csv -o /dev/full
    refused "$full" plot "$m" -o /dev/full
    refused "$full" mesh "$m" -o /dev/full
    refused "$full" fit d.csv -o /dev/full --dim 1 $quick
    for call in 'help' "info $m" "sample $m -n 5" "plot $m -o -" "mesh $m -o a.ply"; do
        status=0
        "$EBIM" $call >/dev/full 2>err || status=$?
        cat err
        [ $status = 2 ]
        test "$(grep -c '^ebim: standard output: cannot be written' err)" = 1
    done
    [ -c /dev/full ] || fail 'the device was replaced'
}

# ---- bad models ----

truncated_model() {
    m=$(model)
    size=$(wc -c <"$m")
    for n in 0 1 7 8 12 27 28 100 $((size / 2)) $((size - 1)); do
        dd if="$m" of=bad.ebim bs=1 count=$n 2>/dev/null
        refused 'bad.ebim: ' info bad.ebim
    done
    { cat "$m"; echo; } >bad.ebim
    refused 'bad.ebim: ' info bad.ebim
}

flipped_model() {
    m=$(model)
    size=$(wc -c <"$m")
    circle 5 >d.csv
    for at in 0 5 13 17 24 28 40 150 1000 $((size / 2)) $((size - 1)); do
        for byte in '\252' '\125'; do
            cp "$m" bad.ebim
            printf "$byte" | dd of=bad.ebim bs=1 seek="$at" conv=notrunc 2>/dev/null
            if cmp -s "$m" bad.ebim; then continue; fi
            refused 'bad.ebim: ' score bad.ebim d.csv
        done
    done
}

model_of_another_version() {
    cp "$(model)" bad.ebim
    printf '\377' | dd of=bad.ebim bs=1 seek=8 conv=notrunc 2>/dev/null
    refused 'bad.ebim: a model file of another format version' info bad.ebim
}

no_model_at_all() {
    circle 50 >d.csv
    refused 'd.csv: not an ebim model: ebim fit makes them' sample d.csv -n 3
    refused 'd.csv: not an ebim model: ebim fit makes them; the model stands before the data' \
        score d.csv "$(model)"
    : >empty
    refused 'empty: the file is empty: a model was wanted' info empty
    refused 'circle.ebim: a model of ebim, where data are wanted' fit "$(model)" -o out.ebim --dim 1
    head -c 99 "$(model)" >bad.ebim
    refused 'bad.ebim: the model is cut short or damaged' info bad.ebim
    head -c 100000 /dev/zero >zero
    refused 'zero: not an ebim model' plot zero -o a.png
    refused 'zero: not an ebim model' mesh zero -o a.ply
}

points_that_the_model_does_not_take() {
    m=$(model)
    echo 1,2,3 >d.csv
    refused 'd.csv:1: 3 columns where the model takes 2' score "$m" d.csv
    refused 'd.csv:1: 3 columns' plot "$m" d.csv -o a.png
    refused 'd.csv:1: 3 columns where the embedding takes lat,lon' project "$(planet)" d.csv
}

# ---- wrong usage ----

wrong_usage() {
    circle 50 >d.csv
    refused "see 'ebim help'"
    refused "unknown verb 'fry'" fry
    refused 'it takes DATA.csv' fit -o out.ebim --dim 1
    refused '-o FILE is missing' fit d.csv --dim 1
    refused "unknown option '--fast'" fit d.csv -o out.ebim --dim 1 --fast
    for n in 0 257 all; do
        refused "--threads '$n' should be" fit d.csv -o out.ebim --dim 1 --threads $n
    done
    refused "unknown option '--dim=1'" fit d.csv -o out.ebim --dim=1
    refused '--dim needs a value' fit d.csv -o out.ebim --dim
    refused '--dim is given twice' fit d.csv -o out.ebim --dim 1 --dim 1
    refused "unexpected argument 'e.csv'" fit d.csv e.csv -o out.ebim --dim 1
    refused "--recipe 'x' is not one of" fit d.csv -o out.ebim --dim 1 --recipe x
    for seed in -1 0.5 x 0x10 1e99 99999999999999999999 ''; do
        refused "--seed '$seed' should be" fit d.csv -o out.ebim --dim 1 --seed "$seed"
    done
    for n in 0 -5 1e9 many; do refused "-n '$n' should be" sample m.ebim -n $n; done
    refused '-n N is missing' sample m.ebim
    refused 'it takes MODEL.ebim DATA.csv' score m.ebim
    refused 'only one file can come from standard input' score - -
    refused "no verb 'fry'" help fry
    refused '-o FILE is missing' mesh m.ebim
    refused 'it takes MODEL.ebim' mesh -o a.ply
    for n in 0 7 513 8.5 fine; do
        refused "--grid '$n' should be" mesh m.ebim -o a.ply --grid $n
    done
    refused 'ring.ebim: a manifold of dimension 1 in R^3: mesh takes' mesh "$(exact ring)" -o a.ply
    refused 'ball.ebim: a manifold of dimension 3 in R^4: mesh takes' mesh "$(exact ball)" -o a.ply
}

# ---- what works ----

help_is_complete() {
    "$EBIM" help >all
    "$EBIM" --help | cmp - all
    for verb in fit sample score project plot mesh info demo help; do
        grep -q "^  ebim $verb " all
        "$EBIM" help $verb >one
        grep -q "^usage: ebim $verb" one
        "$EBIM" $verb --help | cmp - one
    done
    "$EBIM" help fit >one
    for option in -o --dim --embed --recipe --seed --effort --max-seconds --json -v --columns \
        --weights --skip-missing --header --delimiter; do
        grep -q "^  $option " one || fail "$option"
    done
}

# ---- files as people have them ----

# scored FILE OPTION...: what the model says of its points, as numbers alone, into FILE.four
scored() {
    f=$1
    shift
    "$EBIM" score "$(model)" "$f" "$@" -o "$f.out.csv" 2>err || fail "$f: $(cat err)"
    cut -d, -f1-4 "$f.out.csv" >"$f.four"
}

# The same points in many guises have the same scores, without an option.
guises() {
    { echo x,y; circle 40; } >plain.csv
    scored plain.csv
    tr , ';' <plain.csv >semidot.csv
    tr , ';' <plain.csv | tr . , >semi.csv
    tr , '\t' <plain.csv >tab.tsv
    tr , ' ' <plain.csv | sed 's/^/  /; s/ /   /g' >spaces.txt
    sed 's/\([^,]*\),\(.*\)/"\1","\2"/' plain.csv >quoted.csv
    sed 's/$/,/' plain.csv >trailing.csv
    { echo ,x,y; sed 1d plain.csv | awk '{ print NR - 1 "," $0 }'; } >index.csv
    { echo '"x" "y"'; sed 1d plain.csv | awk '{ sub(",", " "); print "\"" NR "\" " $0 }'; } >r.txt
    { printf '\357\273\277'; sed 's/$/\r/' plain.csv; } >excel.csv
    sed 1d plain.csv >bare.csv
    awk -F, '{ print $2 "," $1 }' plain.csv >swapped.csv
    for f in semidot.csv semi.csv tab.tsv spaces.txt quoted.csv trailing.csv index.csv r.txt \
        excel.csv bare.csv swapped.csv; do
        scored $f
        cmp plain.csv.four $f.four || fail $f
        case $f in
        index.csv | r.txt)
            test "$(cat err)" = \
                "ebim: $f: note: column 1 has no name: taken for an index and left out" ;;
        *) [ ! -s err ] || fail "$f: $(cat err)" ;;
        esac
    done
    test "$(wc -l <plain.csv.four)" -eq 41
}

# Every refusal has the option in it that then works.
options_that_errors_name() {
    m=$(model)
    { echo id,x,y; circle 20 | awk '{ print "pt" NR "," $0 }'; } >text.csv
    refused 'text.csv:2: field 1 is not a number: pt1 (column id): try --columns x,y' \
        fit text.csv -o out.ebim --dim 1 --effort 10000
    "$EBIM" fit text.csv -o out.ebim --dim 1 --columns x,y --effort 0.01 >out 2>err || [ $? = 1 ]
    "$EBIM" info out.ebim | grep -q '^columns    x, y$'
    rm out.ebim
    { echo x,y; circle 20; echo 1,NA; echo ,2; circle 3; } >missing.csv
    refused 'missing.csv:22: field 2 is missing: NA (column y): --skip-missing' \
        score "$m" missing.csv
    "$EBIM" score "$m" missing.csv --skip-missing >out 2>err
    test "$(cat err)" = \
        'ebim: missing.csv: note: 2 of 25 rows left out, as a value is missing: lines 22, 23'
    test "$(wc -l <out)" -eq 24
    { echo NA,NA; circle 20; } >na.csv
    refused 'na.csv:1: field 1 is NA: no names and no numbers in this line: --skip-missing' \
        score "$m" na.csv
    "$EBIM" score "$m" na.csv --skip-missing 2>err | wc -l | grep -q 21
    refused 'na.csv:1: field 1 is missing: NA: --skip-missing' score "$m" na.csv --header no
    { echo a,b,c; circle 20 | sed 's/^/7,/'; } >abc.csv
    refused "abc.csv:1: there is no column 'x', which the model has: the file has a, b, c" \
        score "$m" abc.csv
    "$EBIM" score "$m" abc.csv --columns 2-3 >one
    "$EBIM" score "$m" abc.csv --columns b,c | cmp - one
    { echo 'x;y'; circle 20 | tr ',.' ';,'; } >semi.csv
    refused "semi.csv:2: 3 fields where the first line has 1: decimal commas? try --delimiter ';'" \
        score "$m" semi.csv --delimiter ,
    "$EBIM" score "$m" semi.csv --delimiter ';' >one
    refused "score: --delimiter '12' should be one character" score "$m" semi.csv --delimiter 12
    refused "score: --header 'maybe' should be yes or no" score "$m" semi.csv --header maybe
    refused "semi.csv:1: --columns: there is no column 'z': the file has x, y" \
        score "$m" semi.csv --columns x,z
    circle 20 | sed 's/$/,1/' >three.csv
    refused 'three.csv:1: 3 columns where the model takes 2: --columns chooses which' \
        score "$m" three.csv
}

# cured OPTION...: d.csv, read in this way, has the scores of plain.csv.
cured() {
    "$EBIM" score "$(model)" d.csv "$@" >cured 2>err || fail "$*: $(cat err)"
    cut -d, -f1-4 cured | cmp - plain.csv.four || fail "$*"
}

# Columns under names that are not the model's: no cure leads to others in their places.
names_that_differ_never_swap() {
    m=$(model)
    { echo x,y; circle 20; } >plain.csv
    scored plain.csv
    circle 20 | awk -F, '{ print $2 "," $1 }' >swapped
    { echo Y,X; cat swapped; } >d.csv
    refused ": --columns X,Y takes them in the model's order" score "$m" d.csv
    cured --columns X,Y
    cured --columns 2,1
    for list in Y,X 1,2 1-2; do
        refused "--columns: 'Y' would stand for 'x', and the model has a 'y': list what stands" \
            score "$m" d.csv --columns $list
    done
    { echo y,z; cat swapped; } >d.csv
    refused ': --columns LIST takes others, those that stand for x, y, in this order' \
        score "$m" d.csv
    cured --columns z,y
    refused "'y' would stand for 'x'" score "$m" d.csv --columns y,z
    { echo lat,lon; circle 20; } >d.csv
    refused 'those that stand for x, y, in this order' plot "$m" d.csv -o a.png
    cured --columns lat,lon
    { echo y; cut -d, -f1 swapped; } >d.csv
    refused 'the file has y: the model takes x, y' score "$m" d.csv
}

names_that_two_columns_have() {
    m=$(model)
    { echo x,y; circle 20; } >plain.csv
    scored plain.csv
    { echo y,x,y; circle 20 | awk -F, '{ print $2 "," $1 ",7" }'; } >d.csv
    refused "d.csv:1: columns 1 and 3 are both named 'y', which the model has: --columns 2,1" \
        score "$m" d.csv
    cured --columns 2,1
    for list in x,y y,x; do
        refused "--columns: columns 1 and 3 are both named 'y': give the number" \
            fit d.csv -o out.ebim --dim 1 --columns $list
    done
    refused "--weights: columns 1 and 3 are both named 'y': give the number" \
        fit d.csv -o out.ebim --dim 1 --weights y --effort 10000
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 0.01 >out 2>err || [ $? = 1 ]
    grep -q "note: columns 1 and 3 have the same name: the second is taken for 'y.1'" err
    "$EBIM" info m.ebim | grep -q '^columns    y, x, y.1$'
    "$EBIM" score m.ebim d.csv >out # its own data are no riddle
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 0.01 --columns 2,1 >out 2>err || [ $? = 1 ]
    grep 'same name' err && fail 'but neither is taken twice'
    "$EBIM" info m.ebim | grep -q '^columns    x, y$'
}

# Each cure is what its refusal says, and works.
cures_work() {
    m=$(model)
    { echo x,y; circle 20; } >plain.csv
    scored plain.csv
    cp plain.csv d.csv
    refused 'd.csv:1: field 1 is not a number: x: leave out --header no' \
        score "$m" d.csv --header no
    cured
    { echo ,x,y; circle 20 | awk '{ print NR - 1 "," $0 }'; } >d.csv # an index
    refused 'd.csv:1: field 1 is empty: leave out --header no' \
        fit d.csv -o out.ebim --dim 1 --header no --effort 10000
    cured
    circle 20 >d.csv
    refused 'the file has 3.000000, -3.000000: leave out --header yes' \
        score "$m" d.csv --header yes
    cured
    for with in , ';' '\t' ' '; do
        tr , "$with" <plain.csv >d.csv
        refused '--delimiter cuts no line: leave it out' score "$m" d.csv --delimiter :
        cured
    done
    sed 's/,/, /' plain.csv >d.csv
    refused ': leave out --delimiter' score "$m" d.csv --delimiter space
    cured
    tr ,. '\t,' <plain.csv >d.csv
    refused 'd.csv:2: 3 fields where the first line has 1: leave out --delimiter' \
        score "$m" d.csv --delimiter ,
    cured
    { echo from afar; cat plain.csv; } >d.csv
    refused ': is the first line a title? begin it with #' score "$m" d.csv
    sed -i.was '1s/^/# /' d.csv
    cured
    { echo x,y; echo m,m; circle 20; } >d.csv
    refused ': two lines of names? begin the one that is none with #' score "$m" d.csv
    sed -i.was '2s/^/# /' d.csv
    cured
    sed 's/,/ m,/' plain.csv | sed '1s/ m//' >d.csv
    refused 'd.csv:2: field 1 is not a number: 3.000000 m (column x): write the number alone' \
        score "$m" d.csv
    sed -i.was 's/ m//' d.csv
    cured
    sed 's/$/,/; 1s/$/note/' plain.csv >d.csv # a column without values
    refused 'd.csv:2: field 3 is empty (column note): try --columns x,y' \
        fit d.csv -o out.ebim --dim 1 --effort 10000
    cured --columns x,y
}

# Thousands set apart by any sign are refused with the number to write, or noted.
thousands_are_told() {
    for sign in , ' ' "'" '\302\240'; do
        { echo x,y; circle 20 | awk -F, -v s="$sign" '{
            printf "\"%d" s "%06.2f\",%s\n", 1 + NR % 3, 150 + 10 * $1, $2 }'; } >d.csv
        data_is_refused 'write thousands without separators: 2180.00'
        sed "s/^\"\(.\)[^0-9]*/\1/; s/\"//" d.csv >e.csv
        "$EBIM" fit e.csv -o m.ebim --dim 1 --effort 0.001 >out 2>err || [ $? = 1 ]
        if grep -v 'do not trust' err; then fail 'more than that'; fi
    done
    rm -f m.ebim
    for sign in ' ' .; do
        { echo 'x;y'; circle 20 | awk -F, -v s="$sign" '{ gsub(/\./, ",", $2)
            printf "%d" s "%03d,5;%s\n", 1 + NR % 3, 150 + 10 * $1, $2 }'; } >d.csv
        data_is_refused 'write thousands without separators: 2180,5'
    done
    { echo x,y; circle 20 |
        awk -F, '{ printf "%d,%03d,%s\n", 1 + NR % 3, 150 + 50 * $1, $2 }'; } >d.csv
    data_is_refused "3 fields where the first line has 2: thousands? write numbers without ','"
    { echo 'x;y'; circle 20 | awk -F, '{ printf NR % 2 ? "%d,%03d;1\n" : "%d%.0s;2\n",
        1 + NR % 3, 150 + 50 * $1 }'; } >d.csv
    data_is_refused 'd.csv:2: column 1 has numbers like 530 and numbers like 2,530: write thousands'
    { echo 'x;y'; circle 20 | awk -F, '{ printf "%d,%03d;%d,%03d\n", 1 + NR % 3,
        150 + 50 * $1, NR % 4 + 1, 270 + 70 * $1 }'; } >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 0.001 >out 2>err || [ $? = 1 ]
    grep -q 'd.csv:2: note: a number like 2,530 was read as 2.53: write it without the comma' err
}

# A column that never changes is told, with what becomes of it; the fit is right with it.
columns_that_never_change() {
    circle 200 >c.csv
    { echo x,y,z; sed 's/$/,5/' c.csv; } >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 0.2 >out 2>err || fail "$(cat err)"
    test "$(cat err)" = "ebim: d.csv: note: column 3 (z) never changes: one more equation of F, \
with which scores have no log density; --columns x,y leaves it out"
    "$EBIM" sample m.ebim -n 50 | awk -F, 'NR > 1 { d = sqrt(($1 - 1) ^ 2 + ($2 + 3) ^ 2) - 2
        e = $3 - 5; if (!(d * d < 1e-3 && e * e < 1e-4)) { print; bad = 1 } } END { exit bad }'
    "$EBIM" fit d.csv -o m.ebim --dim 1 --columns x,y --effort 0.1 >out 2>err || fail "$(cat err)"
    "$EBIM" score m.ebim d.csv | head -n 1 | grep -q log_density
    sed 's/,5$/,20000/' d.csv >e.csv
    refused 'a column is always 2e+04, which leaves too few digits: --columns x,y leaves it out' \
        fit e.csv -o out.ebim --dim 1 --effort 10000
    "$EBIM" fit e.csv -o m.ebim --dim 1 --columns x,y --effort 0.001 >out 2>err || [ $? = 1 ]
    awk 'BEGIN { for (i = 0; i < 9; i++) print 45 + i * i * 1e-5 "," 13.7 + i * 1e-4 }' >e.csv
    refused 'too few digits: leave --embed out, and subtract an offset' \
        fit e.csv -o out.ebim --embed latlon --effort 10000
    awk -F, '{ print "q," $1 ",7," $1 }' c.csv >e.csv # no names, and nothing is left without it
    "$EBIM" fit e.csv -o m.ebim --columns 3,2 --dim 1 --effort 0.001 >out 2>err || [ $? = 1 ]
    grep -q 'e.csv: note: column 3 never changes, which F says by an equation$' err
}

# What is read as it stands, but may have been meant otherwise
surprises_are_noted() {
    m=$(model)
    { echo n,x,y; circle 20 | awk '{ print NR "," $0 }'; } >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 3 2>err && fail 'fitted dimension 3 in 3'
    grep -q '^ebim: d.csv: note: column 1 (n) only numbers the rows; --columns chooses' err
    { echo 0,1; circle 20; } >d.csv
    "$EBIM" score "$m" d.csv >out 2>err
    test "$(cat err)" = \
        'ebim: d.csv:1: note: 0, 1, ... was taken for a row; --header yes if it names the columns'
    refused 'd.csv:1: there is no column '"'x'" score "$m" d.csv --header yes
}

weights_are_checked() {
    { echo x,y,w; circle 20 | sed 's/$/,1/'; } >d.csv
    sed '5s/,1$/,-1/' d.csv >bad.csv
    refused 'bad.csv:5: field 3 is a weight, and negative: -1 (column w)' \
        fit bad.csv -o out.ebim --dim 1 --weights w --effort 10000
    sed '5s/,1$/,inf/' d.csv >bad.csv
    refused 'bad.csv:5: field 3 is not finite: inf' \
        fit bad.csv -o out.ebim --dim 1 --weights w --effort 10000
    sed 's/,1$/,0/' d.csv >bad.csv
    refused 'bad.csv: all weights are 0' fit bad.csv -o out.ebim --dim 1 --weights w --effort 10000
    refused "d.csv:1: --weights: there is no column 'v': the file has x, y, w" \
        fit d.csv -o out.ebim --dim 1 --weights v --effort 10000
    "$EBIM" fit d.csv -o m.ebim --dim 1 --weights w --effort 0.01 >out 2>err || [ $? = 1 ]
    "$EBIM" info m.ebim --json | grep -q '"ambient":2,.*"columns":\["x","y"\]'
    "$EBIM" info m.ebim --json | grep -q '"F_ops":\["input: 2",.*parameters.*\]'
    "$EBIM" info m.ebim | grep -q '^ *[0-9]*   .* of [0-9].*, the result$'
}

# Names go from the data to the model and to all that comes of it; other columns come along.
names_are_kept() {
    m=$(model)
    "$EBIM" info "$m" --json | grep -q '"columns":\["x","y"\]'
    "$EBIM" info "$m" | grep -q '^box        x from'
    { echo 'name,y,time,x'; circle 3 | awk -F, '{
        print (NR == 2 ? "\"a, b\"" : "p" NR) "," $2 ",12:0" NR "," $1 }'; } >d.csv
    "$EBIM" score "$m" d.csv >s.csv
    test "$(head -n 1 s.csv)" = distance,energy,log_density,log_density_se,name,time
    sed -n 3p s.csv | grep -q ',"a, b",12:02$'
    "$EBIM" project "$m" d.csv >p.csv
    test "$(head -n 1 p.csv)" = x,y,name,time
    sed -n 2p p.csv | grep -q ',p1,12:01$'
    near_circle p.csv 0.2
    "$EBIM" score "$m" d.csv --append >a.csv
    test "$(head -n 1 a.csv)" = name,y,time,x,distance,energy,log_density,log_density_se
    test "$(head -n 2 a.csv | cut -d, -f1-4)" = "$(head -n 2 d.csv)"
    grep -q '^"a, b",' a.csv
    "$EBIM" score "$m" a.csv | head -n 1 | grep -q '^distance,.*,name,time,distance'
    { echo '"pos, x","a ""y"""'; circle 60; } >odd.csv
    "$EBIM" fit odd.csv -o odd.ebim --dim 1 --effort 0.01 >out 2>err || [ $? = 1 ]
    test "$("$EBIM" sample odd.ebim -n 1 | head -n 1)" = "$(head -n 1 odd.csv)"
    "$EBIM" score odd.ebim odd.csv >out
    "$EBIM" plot odd.ebim odd.csv -o odd.png
    "$EBIM" plot "$m" d.csv -o names.png
    png names.png
    awk 'BEGIN { print "latitude,longitude"; for (i = 0; i < 60; i++)
        printf "%d,%d\n", i - 30, 137 * i % 360 - 180 }' >globe.csv
    "$EBIM" fit globe.csv -o globe.ebim --embed latlon --effort 0.01 >out 2>err || [ $? = 1 ]
    test "$("$EBIM" sample globe.ebim -n 1 | head -n 1)" = x0,x1,x2,latitude,longitude
}

# .npy in and out, through names of files and through a pipe; .ply and .xyz in
other_formats() {
    m=$(model)
    { echo x,y; circle 30; } >d.csv
    "$EBIM" project "$m" d.csv -o p.npy
    "$EBIM" project "$m" d.csv -o p.csv
    "$EBIM" score "$m" p.csv >a
    "$EBIM" score "$m" p.npy >b
    "$EBIM" score "$m" - <p.npy >c
    cmp a b
    cmp b c
    head -c 6 p.npy | tail -c 5 | grep -q NUMPY
    "$EBIM" score "$m" d.csv --append -o s.npy 2>err # 6 columns of 30 rows behind 128 bytes
    test "$(wc -c <s.npy)" -eq $((128 + 6 * 30 * ($(wc -c <p.npy) - 128) / 60))
    "$EBIM" sample "$m" -n 9 -o s.npy >out
    "$EBIM" score "$m" s.npy | wc -l | grep -q 10
    echo 1,2 >bad.npy
    refused 'bad.npy: not a .npy file' score "$m" bad.npy
    head -c 200 p.npy >bad.npy
    refused 'bad.npy: the file ends after' score "$m" bad.npy
    "$EBIM" mesh "$(exact sphere)" -o a.ply --grid 16 >out
    "$EBIM" score "$(exact sphere)" a.ply >s.csv 2>err
    test "$(head -n 1 s.csv | cut -d, -f1,5-)" = distance,nx,ny,nz,red,green,blue,density
    awk -F, 'NR > 1 && !($1 < 1e-5) { print; bad = 1 } END { exit bad || NR < 50 }' s.csv
    ply a.ply | awk '/^v/ { print $2, $3, $4 }' >a.xyz
    "$EBIM" score "$(exact sphere)" a.xyz | cut -d, -f1 >x
    "$EBIM" score "$(exact sphere)" a.ply | cut -d, -f1 >y
    test "$(wc -l <x)" = "$(wc -l <y)"
}

# The files of the trials: read as plain.csv is, or refused with the option that helps.
trial_files() {
    cases=$TOP/../shared/cases
    [ -f "$cases/plain.csv" ] || skip 'no ../shared/cases here'
    "$EBIM" fit "$cases/plain.csv" -o m.ebim --dim 1 --effort 0.01 >out 2>err || [ $? = 1 ]
    "$EBIM" score m.ebim "$cases/plain.csv" | cut -d, -f1-4 >plain
    for f in semi.csv semidot.csv tab.tsv quotednum.csv index.csv; do
        "$EBIM" score m.ebim "$cases/$f" 2>err | cut -d, -f1-4 | cmp plain -
    done
    "$EBIM" score m.ebim "$cases/quoted.csv" --columns 1,2 | cut -d, -f1-4 | cmp plain -
    refused ': try --columns x,y' fit "$cases/text.csv" -o a.ebim --dim 1 --effort 10000
    "$EBIM" score m.ebim "$cases/text.csv" --columns x,y | cut -d, -f1-4 | cmp plain -
    refused 'missing.csv:12: field 2 is empty (column y): --skip-missing' \
        score m.ebim "$cases/missing.csv"
    "$EBIM" score m.ebim "$cases/missing.csv" --skip-missing 2>err | wc -l | grep -q 600
    refused 'first_NA.csv:1: field 1 is NA' score m.ebim "$cases/first_NA.csv"
    "$EBIM" score m.ebim "$cases/first_NA.csv" --skip-missing 2>err | wc -l | grep -q 121
}

# column NAME FILE: one column of a CSV file, without its name
column() {
    awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
        { print $c }' "$2"
}

# near_circle FILE SLACK: x0, x1 are on the circle but for so much
near_circle() {
    awk -F, -v slack="$2" 'NR > 1 {
        off = sqrt(($1 - 1) ^ 2 + ($2 + 3) ^ 2) - 2
        if (off < 0) off = -off
        if (!(off <= slack)) { print "line " NR ": " $0 " is off by " off; bad = 1 }
    } END { exit bad || NR < 2 }' "$1"
}

fit_tells_what_it_found() {
    circle 200 >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 $quick >out 2>err
    [ ! -s err ]
    grep -q '^manifold .*dimension 1 in R^2' out
    grep -q '^test .*: p = [0-9.e-]* (warns below 0.003)$' out
    grep -q '^verdict ' out
    "$EBIM" info m.ebim >info
    grep -q '^fit .* 200 points, seed 0, recipe default, [0-9.]* s$' out
    grep -q '^fit .* 200 points, seed 0, recipe default$' info # the file has no seconds
    grep -q '^embedding  none' info
    ls -A >files
    test "$(tr '\n' ' ' <files)" = 'd.csv err files info m.ebim out '
}

# said_bad NAME: `fit` ended with status 1 and said why; the model is there and `info` repeats it
said_bad() {
    [ "$status" = 1 ] || fail "status $status"
    cat out err
    grep -qx 'verdict    bad' out
    why=$(sed -n 's/^  bad      \([^:]*\): .*/\1/p' out | head -n 1)
    [ -n "$why" ] || fail 'no reason'
    grep -q "^ebim: $1: do not trust it: $why" err
    "$EBIM" info "$1" >info
    grep -qx 'verdict    bad' info
    grep -q "^  bad      $why" info
    "$EBIM" sample "$1" -n 3 2>err >/dev/null
    grep -q "^ebim: $1: warning: the fit did not pass its check, do not trust it: $why" err
    "$EBIM" sample "$1" -n 3 --quiet 2>err >/dev/null
    test "$(grep -c warning err)" = 0
}

# Data that no F without singular zeros has for its zero set
figure_eight_is_bad() {
    awk 'BEGIN { for (i = 0; i < 300; i++) { a = 2.3999632 * i
        printf "%.6f,%.6f\n", sin(a), sin(a) * cos(a) } }' >d.csv
    status=0
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 0.05 >out 2>err || status=$?
    said_bad m.ebim
    grep 'crosses itself' info
    "$EBIM" sample m.ebim -n 10 >s.csv
    if [ "$T_QUICK" ]; then return; fi
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 0.05 --json >out 2>err || [ $? = 1 ]
    for key in '"verdict":"bad"' '"reason":"it crosses' '"volume":[0-9]' '"volume_se":[0-9]' \
        '"components":[1-9]' '"disputed":[0-9]' '"singular":0.[0-9]' '"empty":' '"sigma":'; do
        grep -q "$key" out || fail "no $key in $(cat out)"
    done
}

# strip HALF_TURNS: 1000 points of a strip in space, turned by so many half turns on its way round
strip() {
    awk -v turns="$1" 'BEGIN { for (i = 0; i < 1000; i++) {
        a = 2.3999632 * i; w = 0.4 * (2 * ((i * 0.7548776662) % 1) - 1); h = turns * a / 2
        printf "%.6f,%.6f,%.6f\n", (1 + w * sin(h)) * cos(a), (1 + w * sin(h)) * sin(a), w * cos(h)
    } }'
}

# A surface with one side is no zero set; its sister is, and runs on beyond the data, no more
moebius_strip_is_learned() {
    slow
    for twist in 1 0; do
        strip $twist >d.csv
        "$EBIM" fit d.csv -o m.ebim --dim 2 >out
        grep '^manifold .*by a displacement field' out
        grep '^pieces     1;' out
        if grep '^  bad ' out; then fail 'a strip is called bad'; fi
    done
}

same_seed_same_bytes() {
    circle 60 >d.csv
    for seed in 5 5 6; do
        "$EBIM" fit d.csv -o $seed.ebim --dim 1 --seed $seed $quick >out
        "$EBIM" sample $seed.ebim -n 50 --seed 9 >$seed.csv
        [ -f first.csv ] || { cp $seed.csv first.csv; cp $seed.ebim first.ebim; }
        if [ $seed = 5 ]; then cmp first.csv $seed.csv; cmp first.ebim $seed.ebim; fi
    done
    if cmp -s 5.csv 6.csv; then fail 'the seed of the fit does nothing'; fi
    "$EBIM" sample 5.ebim -n 50 --seed 10 >other.csv
    if cmp -s 5.csv other.csv; then fail 'the seed of the samples does nothing'; fi
}

paper_recipe_fits() {
    circle 60 >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 --recipe paper $quick >out || [ $? = 1 ]
    "$EBIM" info m.ebim | grep 'recipe paper'
}

samples_lie_on_the_circle() {
    "$EBIM" sample "$(model)" -n 300 -o s.csv >out
    grep -q '^300 samples' out
    test "$(head -n 1 s.csv)" = x,y
    test "$(wc -l <s.csv)" -eq 301
    near_circle s.csv 0.2
    "$EBIM" sample "$(model)" -n 300 >t.csv
    cmp s.csv t.csv
    "$EBIM" sample "$(model)" -n 300 --steps 1 >t.csv
    if cmp -s s.csv t.csv; then fail '--steps does nothing'; fi
}

scores_keep_the_order() {
    m=$(model)
    circle 40 | awk -F, 'NR % 4 == 0 { $1 += 0.5 } { print $1 "," $2 }' >d.csv
    awk '{ row[NR] = $0 } END { for (i = NR; i > 0; i--) print row[i] }' d.csv >r.csv
    "$EBIM" score "$m" d.csv -o a.csv
    "$EBIM" score "$m" r.csv >b.csv
    test "$(head -n 1 a.csv)" = distance,energy,log_density,log_density_se
    # energy + log_density is -log Z in every row, and its error small and the same
    awk -F, 'NR > 1 { z = $2 + $3; if (NR == 2) { z0 = z; se = $4 }
        if (z - z0 > 1e-4 || z0 - z > 1e-4 || $4 != se || !(se > 0 && se < 0.1)) {
            print NR, z, z0, $4; bad = 1 } } END { exit bad }' a.csv
    sed 1d b.csv | awk '{ row[NR] = $0 } END { for (i = NR; i > 0; i--) print row[i] }' >c.csv
    # The lanes of a block are computed together, but each on its own
    sed 1d a.csv | cmp - c.csv
    column distance a.csv | awk 'NR % 4 && !($1 < 0.2) { print NR, $1; bad = 1 } END { exit bad }'
}

projections_are_the_nearest_points() {
    m=$(model)
    awk 'BEGIN { for (i = 0; i < 12; i++)
        printf "%.6f,%.6f\n", 1 + 2.5 * cos(i), -3 + 2.5 * sin(i) }' >d.csv
    "$EBIM" project "$m" d.csv -o p.csv
    "$EBIM" score "$m" d.csv -o s.csv
    near_circle p.csv 0.2
    sed 1d p.csv | paste -d, d.csv - >both.csv
    sed 1d s.csv | paste -d, both.csv - | awk -F, '{
        d = sqrt(($1 - $3) ^ 2 + ($2 - $4) ^ 2) - $5
        if (!(d < 1e-4 && d > -1e-4 && $5 > 0.3 && $5 < 0.7)) { print; exit 1 }
    }'
}

# Where the circle has left the box it is no part of the manifold: such a row is nan in all columns,
# is counted, and the others are as they were.
no_root_is_nan() {
    printf '0.8,0.8\n-0.5,0.6\n0.5,-0.5\n' >d.csv
    printf '0.8,0.8\n1.3,0\n-0.5,0.6\n0.01,-1\n0.5,-0.5\n' >far.csv
    for verb in score project; do
        "$EBIM" $verb "$(exact cut)" d.csv -o a.csv
        "$EBIM" $verb "$(exact cut)" far.csv -o b.csv 2>err
        grep -q 'far.csv: note: 2 of 5 rows are nan (first: line 2): F led from there to no' err
        sed -n '3p;5p' b.csv | tr , '\n' | sort -u >nan.txt
        test "$(cat nan.txt)" = nan
        sed '3d;5d' b.csv | cmp - a.csv
        "$EBIM" help $verb | grep -q nan
    done
    echo 1.3,0 >far.csv
    status=0
    "$EBIM" score "$(exact cut)" far.csv -o c.csv 2>err || status=$?
    [ $status = 1 ] && [ ! -f c.csv ]
    grep -q 'far.csv: from none of 1 row F led to a point of the manifold: are the columns' err
}

# Inside a ring F may have a hollow of its own, at a row that was left out: that it has is told.
a_row_inside_a_ring() {
    { echo x,y; circle 300; echo 1,-3; } >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 0.3 >out 2>err || [ $? = 1 ]
    grep -q '^left out   1 row far off: line 302' out
    awk 'BEGIN { for (i = -20; i <= 20; i++) print 1 + i / 10 ",-3" }' >line.csv
    "$EBIM" score m.ebim line.csv >s.csv 2>err
    nans=$(grep -c nan s.csv) || true
    if [ "$nans" = 0 ]; then
        [ ! -s err ]
    else
        grep -q "line.csv: note: $nans of 41 rows \(is\|are\) nan (first: line [0-9]*): F led" err
    fi
}

chains_that_stand_still_are_noted() {
    smooth=$(exact sphere)
    rough=$(exact rough)
    keen=$(exact keen)
    "$EBIM" sample "$keen" -n 100 -o s.csv >out 2>err
    grep -q 'note: chains started from points worth [1-9] independent ones' err
    "$EBIM" sample "$smooth" -n 100 -o s.csv >out 2>err
    test ! -s err
    "$EBIM" sample "$rough" -n 100 -o s.csv >out 2>err
    grep -q 'note: only .* % of the moves of chains were accepted.*--effort' err
    "$EBIM" sample "$rough" -n 100 -o s.csv --json >out 2>err
    grep -q 'note: only .* % of the moves of chains were accepted.*--effort' err
}

embedding_is_remembered() {
    m=$(planet)
    "$EBIM" info "$m" | grep 'embedding  latlon'
    "$EBIM" sample "$m" -n 20 -o s.csv >out
    test "$(head -n 1 s.csv)" = x0,x1,x2,lat,lon
    sed 1d s.csv | awk -F, '{
        d = atan2(0, -1) / 180
        x = cos($4 * d) * cos($5 * d) - $1; y = cos($4 * d) * sin($5 * d) - $2
        z = sin($4 * d) - $3
        if (!(x * x + y * y + z * z < 0.1)) { print; exit 1 }
    }'
    "$EBIM" score "$m" "$T_TMP/planet.csv" >a.csv
    test "$(wc -l <a.csv)" -eq 201
    "$EBIM" project "$m" "$T_TMP/planet.csv" >p.csv
    test "$(head -n 1 p.csv)" = x0,x1,x2,lat,lon
    cut -d, -f4,5 s.csv >latlon.csv
    "$EBIM" score "$m" latlon.csv | column distance /dev/stdin >/dev/null
    circle 60 | tr -d - >d.csv
    "$EBIM" fit d.csv -o t.ebim --embed torus:3,1 $quick >out || [ $? = 1 ]
    "$EBIM" info t.ebim | grep 'embedding  torus:3,1'
    "$EBIM" sample t.ebim -n 3 | grep x0,x1,x2,phi,psi
}

# Rows that follow one another are told, but not sorted ones, and not the same rows in another order
paths_are_told() {
    awk 'BEGIN { srand(3); for (i = 0; i < 400; i++) { t += 0.3 * (rand() - 0.5)
        printf "%.5f,%.5f\n", cos(t), sin(t) } }' >path.csv
    awk 'BEGIN { srand(4) } { printf "%.9f %s\n", rand(), $0 }' path.csv | sort |
        sed 's/.* //' >mixed.csv
    sort -n -t, path.csv >sorted.csv
    for f in path mixed sorted; do "$EBIM" fit $f.csv -o p.ebim --on circle 2>$f.err; done
    grep -q 'path.csv: note: 100 % of the rows are close to the next one' path.err
    sed 's/$/,0,1/' path.csv >flat.csv # constant columns are not sorted ones
    "$EBIM" fit flat.csv -o p.ebim --on torus:2 $quick 2>flat.err || test $? = 1
    grep -q 'flat.csv: note: 100 % of the rows are close to the next one' flat.err
    if grep -q 'close to the next' mixed.err sorted.err; then fail 'told of rows in no order'; fi
}

# Manifolds that are known: told of when data look like one, learned on, remembered, and refused
# with the row that is off
known_manifolds() {
    awk 'BEGIN { print "a,b,c"; for (i = 0; i < 90; i++) { a = i % 3 ? (7 * i) % 11 : 0
        b = 1 + (5 * i) % 7; c = 1 + i % 13; s = a + b + c
        printf "%.4f,%.4f,%.4f\n", a / s, b / s, c / s } }' >shares.csv
    "$EBIM" fit shares.csv -o s.ebim --dim 2 $quick --json >s.json 2>err || true
    grep -q 'note: all rows lie on a known manifold: --on simplex' err
    grep -q '"looks_like":"simplex"' s.json
    "$EBIM" fit shares.csv -o s.ebim --on simplex --json >s.json 2>err
    if grep -q 'known manifold' err; then fail 'told though it was said'; fi
    grep -q 'shares.csv: note: column 1 (a) is 0 in 40 % of the rows: samples will not' err
    grep -q '"on":"simplex"' s.json
    "$EBIM" info s.ebim | grep -q 'simplex, known, of dimension 2 in R^3'
    "$EBIM" sample s.ebim -n 300 -o new.csv >log
    test "$(head -n 1 new.csv)" = a,b,c
    awk -F, 'NR > 1 { s = $1 + $2 + $3
        if ($1 < 0 || $2 < 0 || $3 < 0 || s < 0.9999 || s > 1.0001) bad++ }
        END { exit bad > 0 || NR != 301 }' new.csv
    echo 0.5,0.6,0.1 >>shares.csv
    data_is_off 'shares.csv:92: the row is 0.13 away: --on simplex takes rows that sum to 1' \
        shares.csv --on simplex
    data_is_off 'fit: --on .ball. is not one of circle, sphere,' shares.csv --on ball
    data_is_off '3 columns: --on rotations takes nine columns' shares.csv --on rotations
}

# data_is_off PATTERN DATA OPTION...: fit refuses the data with these words
data_is_off() {
    words=$1
    shift
    code=0
    "$EBIM" fit "$@" -o off.ebim 2>err || code=$?
    test $code = 2 || fail "status $code"
    grep -q "$words" err || { cat err; fail "not told: $words"; }
}

# Angles in degrees become a torus, and samples angles again; quaternions keep one sign.
angles_and_quaternions() {
    awk 'BEGIN { print "turn,tilt"; for (i = 0; i < 120; i++)
        printf "%.2f,%.2f\n", (i * i) % 300, (7 * i) % 90 }' >angles.csv
    "$EBIM" fit angles.csv -o a.ebim --embed angles --degrees >log 2>err
    "$EBIM" info a.ebim | grep -q 'torus, known, of dimension 2 in R^4'
    "$EBIM" info a.ebim | grep -q 'angles:2,degrees'
    "$EBIM" sample a.ebim -n 200 -o new.csv >log
    test "$(head -n 1 new.csv)" = x0,x1,x2,x3,turn,tilt
    awk -F, 'NR > 1 && ($6 > -20 && $6 < 110) { n++ } NR > 1 && $5 * $5 > 32401 { bad++ }
        END { exit bad > 0 || n < 160 }' new.csv
    "$EBIM" score a.ebim angles.csv | head -n 1 | grep -q log_density
    "$EBIM" fit angles.csv -o b.ebim --embed angles >log 2>err || true
    grep -q 'Then --degrees' err
    awk 'BEGIN { for (i = 0; i < 90; i++) { a = 2 + i % 3; b = i % 5; c = i % 7; d = i % 11
        s = sqrt(a * a + b * b + c * c + d * d) * (i % 2 ? 1 : -1)
        printf "%.5f,%.5f,%.5f,%.5f\n", a / s, b / s, c / s, d / s } }' >q.csv
    "$EBIM" fit q.csv -o q.ebim --embed quaternion >log
    "$EBIM" sample q.ebim -n 200 | awk -F, 'NR > 1 && $1 < 0 { bad++ } END { exit bad > 0 }'
}

pipes() {
    "$EBIM" sample - -n 50 <"$(model)" | "$EBIM" score "$(model)" - >a.csv
    test "$(wc -l <a.csv)" -eq 51
    circle 60 | "$EBIM" fit - -o - --dim 1 $quick 2>report | "$EBIM" info - >info
    grep -q '^verdict ' report
    grep -q ' 60 points' info
    "$EBIM" plot - -o - <"$(model)" | head -c 8 | od -A n -t u1 | grep '137 *80 *78 *71'
}

json_parses() {
    command -v python3 >/dev/null || skip 'no python3 here'
    circle 60 >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 --seed 3 --json $quick >fit.json
    "$EBIM" info m.ebim --json >info.json
    "$EBIM" sample m.ebim -n 9 -o s.csv --json >sample.json
    "$EBIM" sample m.ebim -n 9 --json 2>both.json >t.csv
    cmp s.csv t.csv
    python3 - <<'END'
import json
fit, info, sample = (json.load(open(f + ".json")) for f in ("fit", "info", "sample"))
json.load(open("both.json"))
for key in ("dim", "codim", "verdict", "distance_mean", "distance_median",
            "distance_max", "missed", "points", "seed", "recipe"):
    assert fit[key] == info[key], key
assert fit["seconds"] > 0 and info["seconds"] is None # the file does not have them
assert fit["dim"] == 1 and fit["codim"] == 1 and fit["points"] == 60 and fit["seed"] == 3
assert len(info["box_low"]) == len(info["box_high"]) == info["ambient"] == 2
assert sample["samples"] == 9 and 0 <= sample["moved"] <= 1
assert 0 < sample["starts"] <= 9 and 0 < sample["ess"] <= sample["draws"] and sample["rhat"] > 0.9
assert fit["centres"] >= 0
END
}

# png FILE: begins and ends as a PNG file, and is more than an empty picture
png() {
    head -c 8 "$1" | od -A n -t u1 | grep -q '137 *80 *78 *71 *13 *10 *26 *10'
    tail -c 8 "$1" | od -A n -t u1 | grep -q '73 *69 *78 *68 *174 *66 *96 *130'
    [ "$(wc -c <"$1")" -gt 5000 ]
}

pictures() {
    "$EBIM" plot "$(model)" "$T_TMP/circle.csv" -o plane.png
    "$EBIM" plot "$(planet)" "$T_TMP/planet.csv" -o space.png
    awk 'BEGIN { for (i = 0; i < 60; i++) { a = 2.3999632 * i
        printf "%.6f,%.6f,%.6f\n", cos(a), sin(a), cos(2 * a) / 2 } }' >d.csv
    "$EBIM" fit d.csv -o m.ebim --dim 1 $quick >out || [ $? = 1 ]
    "$EBIM" plot m.ebim d.csv -o curve.png --steps 5
    for p in plane space curve; do png $p.png; done
}

# about VALUE TRUTH PART: equal but for such a part of the truth
about() {
    awk -v v="$1" -v t="$2" -v part="$3" 'BEGIN { d = v - t; if (d < 0) d = -d
        if (!(d <= part * t)) { print v " is not " t; exit 1 } }'
}

# said KEY FILE: a number of a JSON object
said() {
    sed -n 's/.*"'"$1"'":\([^,}]*\).*/\1/p' "$2"
}

# ply_header V ELEMENT [DENSITY]: what stands before the numbers
ply_header() {
    printf 'ply\nformat binary_little_endian 1.0\nelement vertex %s\n' "$1"
    for p in x y z nx ny nz; do echo "property float $p"; done
    for p in red green blue; do echo "property uchar $p"; done
    if [ "$3" ]; then echo 'property float density'; fi
    echo "element $2"
    case $2 in
    face*) echo 'property list uchar int vertex_indices' ;;
    *) printf 'property int vertex1\nproperty int vertex2\n' ;;
    esac
    echo end_header
}

# From the file alone: on the sphere, closed (every side of a triangle is there once either way),
# Euler characteristic, area, the volume that triangles turning outward enclose, normals, and the
# density e^-x1 / Z, Z = 4 pi r sinh r, with colours that follow it. F falls with e^(x0 / 2).
mesh_of_a_sphere() {
    "$EBIM" mesh "$(exact sphere)" -o a.ply --grid 48 --json >a.json
    ply a.ply >text
    v=$(said vertices a.json) f=$(said faces a.json)
    ply_header "$v" "face $f" density | cmp - header
    test "$(grep -c '^v' text) $(grep -c '^f' text)" = "$v $f"
    awk 'function off(a) { return a < 0 ? -a : a }
    function bad(what) { if (wrong++ < 5) print NR ": " what ": " $0 }
    BEGIN { n = 0; r = 1.3; pi = atan2(0, -1); Z = 2 * pi * r * (exp(r) - exp(-r)) }
    /^v/ {
        x[n] = $2; y[n] = $3; z[n] = $4
        if (!(off(sqrt($2 ^ 2 + $3 ^ 2 + $4 ^ 2) - r) < 4e-6)) bad("off the sphere")
        if (!(off($5 - $2 / r) + off($6 - $3 / r) + off($7 - $4 / r) < 1e-5)) bad("normal")
        if (!(off($11 * Z * exp($3) - 1) < 0.01)) bad("density")
        if ($3 < -1.25 && $9 < 225 || $3 > 1.25 && $9 > 65) bad("colour")
        n++
    }
    /^f/ {
        for (i = 2; i < 5; i++) { a = $i; b = $(i == 4 ? 2 : i + 1)
            if (side[a, b]++) bad("side twice")
            if (!((b, a) in side)) edges++; else met++ }
        ux = x[$3] - x[$2]; uy = y[$3] - y[$2]; uz = z[$3] - z[$2]
        vx = x[$4] - x[$2]; vy = y[$4] - y[$2]; vz = z[$4] - z[$2]
        wx = uy * vz - uz * vy; wy = uz * vx - ux * vz; wz = ux * vy - uy * vx
        area += sqrt(wx ^ 2 + wy ^ 2 + wz ^ 2) / 2
        volume += (wx * x[$2] + wy * y[$2] + wz * z[$2]) / 6
        faces++
    }
    END {
        print n, edges, faces, area, volume
        if (met != edges) bad("not closed")
        if (n - edges + faces != 2) bad("Euler")
        if (!(off(area / (4 * pi * r ^ 2) - 1) < 0.005)) bad("area")
        if (!(off(volume / (4 / 3 * pi * r ^ 3) - 1) < 0.005)) bad("volume")
        print area >"area"
        print edges >"edges"
        exit wrong > 0
    }' text
    about "$(said area a.json)" "$(cat area)" 1e-5
    test "$(said edges a.json)" = "$(cat edges)"
    for say in components:1 euler:2 border_edges:0 unsolved:0 grid:48 energy:1; do
        test "$(said ${say%:*} a.json)" = "${say#*:}" || fail "$say"
    done
}

mesh_without_energy() {
    "$EBIM" mesh "$(exact bare)" -o a.ply --grid 16 >out
    grep -q '^surface .* triangles, area 2[01]\.' out
    grep -q '^shape .* 1 component, Euler characteristic 2, closed$' out
    ply a.ply >text
    ply_header "$(grep -c ^v text)" "face $(grep -c ^f text)" | cmp - header
    test "$(awk '/^v/ { print $8, $9, $10 }' text | sort -u)" = '115 158 199'
}

mesh_of_two_circles() {
    "$EBIM" mesh "$(exact circles)" -o a.ply --json >a.json
    ply a.ply >text
    v=$(said vertices a.json) e=$(said edges a.json)
    ply_header "$v" "edge $e" density | cmp - header
    awk 'function off(a) { return a < 0 ? -a : a }
    BEGIN { n = 0; pi = atan2(0, -1) }
    /^v/ {
        x[n] = $2; y[n++] = $3
        c = $2 < -0.15 ? -0.7 : 0.9; r = c < 0 ? 0.5 : 1 # they come as near as 0.1
        if (!(off(sqrt(($2 - c) ^ 2 + $3 ^ 2) - r) < 4e-6) || $4 != 0 || $7 != 0) { print; exit 1 }
        if (!(off($5 * r - ($2 - c)) + off($6 * r - $3) < 1e-5)) { print; exit 1 }
    }
    /^e/ {
        out[$2]++; into[$3]++; count[x[$2] < -0.15]++
        length_[x[$2] < -0.15] += sqrt((x[$3] - x[$2]) ^ 2 + (y[$3] - y[$2]) ^ 2)
    }
    END {
        for (i = 0; i < n; i++) if (out[i] != 1 || into[i] != 1) { print i " is loose"; exit 1 }
        print length_[0], length_[1]
        if (!(off(length_[0] - 2 * pi) < 1e-3 && off(length_[1] - pi) < 1e-3)) exit 1
    }' text
    about "$(said length a.json)" 9.42478 1e-4
    for say in components:2 euler:0 loose_ends:0 unsolved:0 grid:512; do
        test "$(said ${say%:*} a.json)" = "${say#*:}" || fail "$say"
    done
}

# Four arcs where the circle leaves the box, and no manifold at all
mesh_that_is_not_closed() {
    "$EBIM" mesh "$(exact cut)" -o a.ply --json >a.json
    for say in components:4 euler:4 loose_ends:8; do
        test "$(said ${say%:*} a.json)" = "${say#*:}" || fail "$say"
    done
    about "$(said length a.json)" 2.06593 1e-4
    ls >before
    status=0
    "$EBIM" mesh "$(exact none)" -o b.ply --grid 8 2>err >out || status=$?
    cat err
    [ $status = 1 ]
    grep -q '^ebim: .*none.ebim: the manifold is empty' err
    [ ! -s out ] && [ ! -f b.ply ]
}

# What fits make, too: the area of a mesh and the length of a curve against the truth
mesh_of_a_fit() {
    "$EBIM" mesh "$(model)" -o a.ply --json >a.json
    about "$(said length a.json)" 12.56637 0.01
    test "$(said components a.json)" = 1
    "$EBIM" mesh "$(planet)" -o b.ply --json --grid 32 >b.json
    about "$(said area b.json)" 12.56637 0.05
    test "$(said euler b.json) $(said border_edges b.json)" = '2 0'
    "$EBIM" mesh - -o - --grid 32 <"$(planet)" 2>report >c.ply
    cmp b.ply c.ply
    grep -q '^shape .*closed$' report
    "$EBIM" mesh "$(planet)" -o c.ply --grid 24 >out
    [ "$(wc -c <c.ply)" -lt "$(wc -c <b.ply)" ] || fail '--grid does nothing'
}

# The signal is at its default, whatever this script inherited: so it is for a user's Ctrl-C.
interruptible() {
    cat >interruptible.c <<'END'
#include <signal.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    signal(SIGINT, SIG_DFL);
    return argc < 2 || execv(argv[1], argv + 1);
}
END
    $CC -o interruptible interruptible.c
}

# wait_for FILE PATTERN
wait_for() {
    tries=0
    until grep -q "$2" "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || fail "no $2 in a minute"
        sleep 1
    done
}

interrupted_fit_keeps_its_state() {
    interruptible
    circle 200 >d.csv
    ./interruptible "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 10 -v >out 2>err &
    pid=$!
    wait_for err manifold
    kill -INT $pid
    status=0
    wait $pid || status=$?
    tail -n 3 err
    [ $status = 130 ] || fail "status $status"
    grep -q '^ebim: m.ebim: interrupted' err
    grep -q '^verdict    partial' out
    "$EBIM" info m.ebim | grep '^verdict    partial'
    "$EBIM" plot m.ebim d.csv -o a.png
    png a.png
    rm interruptible interruptible.c
    test "$(echo *)" = 'a.png d.csv err m.ebim out'
}

# The second Ctrl-C ends the program as any other does: the old file stays, no part of a new one.
# Where both come as one, or the second too late, the fit is saved, and it is tried again.
second_interrupt_leaves_nothing() {
    interruptible
    circle 200 >d.csv
    for try in 1 2 3 4 5 6 7 8 9 10; do
        echo old >m.ebim
        : >err
        ./interruptible "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 10 -v >out 2>err &
        pid=$!
        wait_for err manifold
        test "$(ls m.ebim.tmp* | wc -l)" = 1
        kill -INT $pid
        sleep 0 # so that the first is noticed
        kill -INT $pid || true
        status=0
        wait $pid || status=$?
        [ $status = 130 ] || fail "status $status"
        test "$(echo *)" = 'd.csv err interruptible interruptible.c m.ebim out'
        if [ "$(cat m.ebim)" = old ]; then return 0; fi
    done
    skip 'two signals never came apart here'
}

# malloc, calloc and realloc of which call number $FAIL_AT fails; how many there were is in $COUNT.
scarce_memory() {
    cat >scarce.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
static long at = -1, count;
static int fails(void)
{
    const char *s = at < 0 ? getenv("FAIL_AT") : 0;
    if (at < 0) at = s ? atol(s) : 0;
    if (++count == at) errno = ENOMEM;
    return count == at;
}
void *malloc(size_t n) { return fails() ? 0 : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return fails() ? 0 : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return fails() ? 0 : __libc_realloc(p, n); }
__attribute__((destructor)) static void tell(void)
{
    FILE *f = getenv("COUNT") ? fopen(getenv("COUNT"), "w") : 0;
    if (f) fprintf(f, "%ld\n", count);
    if (f) fclose(f);
}
END
    $CC -shared -fPIC -o scarce.so scarce.c 2>/dev/null || skip 'no library to put before this libc'
}

# in_turn FILE ARGUMENT...: the tool without its first allocation, without its second, ...: each
# time it says so and leaves the old FILE, or does what it should; never less, never anything else
in_turn() {
    file=$1
    shift
    rm -f "$file" count
    env COUNT=count LD_PRELOAD=./scarce.so "$EBIM" "$@" >out 2>err || [ $? = 1 ]
    if ! grep -qx '[1-9][0-9]*' count; then skip 'this libc takes no other malloc'; fi
    n=$(cat count)
    mv "$file" whole
    at=1
    while [ $at -le "$n" ]; do
        echo old >"$file"
        status=0
        env FAIL_AT=$at LD_PRELOAD=./scarce.so "$EBIM" "$@" >out 2>err || status=$?
        [ $status -le 2 ] || fail "$1: status $status without allocation $at"
        if [ "$(cat "$file")" = old ]; then
            [ $status -gt 0 ] || fail "$1: nothing was done without allocation $at"
            grep -q '^ebim: ' err || fail "$1: not told of allocation $at"
        elif [ "$(wc -c <"$file")" -ne "$(wc -c <whole)" ]; then
            fail "$1: other bytes without allocation $at"
        fi
        if ls ./*.tmp* 2>/dev/null; then fail "$1: left without allocation $at"; fi
        at=$((at + ${every:-1}))
    done
    mv whole "$file"
    echo "$1: $n"
}

every_allocation_fails_in_turn() {
    scarce_memory
    if [ "$T_QUICK" ]; then every=7; fi
    awk 'BEGIN { print "x,y,w"; for (i = 0; i < 60; i++) print cos(i) "," sin(i) ",2" }' >d.csv
    in_turn f.ebim fit d.csv --columns x,y --weights w --on sphere -o f.ebim $quick
    in_turn s.csv sample f.ebim -n 20 -o s.csv
    in_turn p.csv project f.ebim d.csv -o p.csv
    in_turn q.npy score f.ebim d.csv -o q.npy
    if [ "$T_QUICK" ]; then return; fi
    in_turn p.png plot f.ebim d.csv -o p.png
    in_turn p.ply mesh f.ebim -o p.ply --grid 12
}

time_limit_is_kept() {
    circle 200 >d.csv
    status=0
    "$EBIM" fit d.csv -o m.ebim --dim 1 --effort 10 --max-seconds 0.5 >out 2>err || status=$?
    [ "$status" = 3 ] || fail "status $status"
    grep '^verdict    partial' out
    grep '^density    none: it was not learned' out
    grep 'it was stopped before it could be checked' out
    "$EBIM" score m.ebim d.csv 2>err >a.csv || [ $? = 1 ]
    grep -q 'warning' err
    test "$(head -n 1 a.csv)" != 'distance,energy,log_density,log_density_se'
}

demo_leaves_its_files() {
    "$EBIM" demo --out a/b --seed 4 --steps 5 $quick >out || [ $? = 1 ]
    for f in data.csv samples.csv scores.csv demo.ebim demo.png; do [ -s a/b/$f ]; done
    test "$(ls a/b | wc -l)" -eq 5
    png a/b/demo.png
    grep -q '^picture    a/b/demo.png$' out
    tail -n 1 out | grep '^{"points":1000,.*"seed":4,.*}$'
    test "$(wc -l <a/b/data.csv)" -eq 1001
    test "$(wc -l <a/b/scores.csv)" -eq 1001
    test "$(wc -l <a/b/samples.csv)" -eq 2001
}

# data FILE: its path, or a skipped test
data() {
    for dir in "$EBIM_DATA" "$TOP/data" "$TOP/../shared/data"; do
        if [ "$dir" ] && [ -f "$dir/$1" ]; then
            echo "$dir/$1"
            return
        fi
    done
    return 1
}

# moved: unit-sphere points x,y,z, turned, scaled by 40 and shifted; `moved back` undoes it
moved() {
    awk -F, -v back="$1" 'BEGIN {
        OFS = ","; scale = 40; s[1] = 300; s[2] = -20; s[3] = 5
        q[1, 1] = 2 / 3; q[1, 2] = -2 / 3; q[1, 3] = 1 / 3 # a rotation
        q[2, 1] = 1 / 3; q[2, 2] = 2 / 3; q[2, 3] = 2 / 3
        q[3, 1] = -2 / 3; q[3, 2] = -1 / 3; q[3, 3] = 2 / 3
    } {
        for (i = 1; i <= 3; i++) {
            y[i] = back ? 0 : s[i]
            for (j = 1; j <= 3; j++)
                y[i] += back ? q[j, i] * ($j - s[j]) / scale : scale * q[i, j] * $j
        }
        printf "%.9g,%.9g,%.9g\n", y[1], y[2], y[3]
    }'
}

# Half of the floods for the fit, the others and uniform points of the sphere to be scored.
floods_split() {
    file=$(data floods.csv) || skip 'no floods.csv: make data'
    sed 1d "$file" | awk -F, '{
        d = atan2(0, -1) / 180
        printf "%.9g,%.9g,%.9g\n", cos($1 * d) * cos($2 * d), cos($1 * d) * sin($2 * d), sin($1 * d)
    }' >all.csv
    awk 'NR % 2' all.csv >train.csv
    awk 'NR % 2 == 0' all.csv >held.csv
    awk 'BEGIN { for (i = 0; i < 1000; i++) { # a Fibonacci sphere
        z = (2 * i + 1) / 1000 - 1; r = sqrt(1 - z * z); a = 2.39996323 * i
        printf "%.9g,%.9g,%.9g\n", r * cos(a), r * sin(a), z } }' >uniform.csv
}

# floods_judge: samples of 2000 in samples.csv, back on the sphere, and the scores
floods_judge() {
    awk -F, '{ r = sqrt($1 ^ 2 + $2 ^ 2 + $3 ^ 2) - 1; print r < 0 ? -r : r }' samples.csv |
        sort -g >off
    echo "distance from the sphere: median $(sed -n 1000p off), largest $(tail -n 1 off)"
    awk 'NR == 1000 && $1 > 0.005 { bad = 1 } $1 > 0.05 { bad = 1 }
        END { exit bad || NR != 2000 }' off || fail 'too far from the sphere'
    column energy held.s.csv | sort -g >held.e
    column energy uniform.s.csv | sort -g >uniform.e
    awk 'BEGIN { k = 0 } NR == FNR { e[n++] = $1; next }
        { while (k < n && e[k] < $1) k++; below += k; m++ }
        END { share = below / n / m; print "held-out below uniform: " share; exit share < 0.8 }' \
        held.e uniform.e || fail 'the energy tells floods from uniform points too rarely'
}

# Quality must not depend on knowing the sphere: plain x,y,z, turned and scaled.
floods_as_plain_points() {
    slow
    floods_split
    for f in train held uniform; do moved <$f.csv >$f.moved; done
    "$EBIM" fit train.moved -o m.ebim --dim 2 2>err
    "$EBIM" sample m.ebim -n 2000 | sed 1d | moved back >samples.csv
    for f in held uniform; do "$EBIM" score m.ebim $f.moved -o $f.s.csv; done
    floods_judge
}

floods_on_the_globe() {
    slow
    floods_split
    sed 1d "$file" | awk 'NR % 2' >train.latlon
    "$EBIM" fit train.latlon -o m.ebim --embed latlon 2>err
    "$EBIM" sample m.ebim -n 2000 | sed 1d | cut -d, -f1-3 >samples.csv
    for f in held uniform; do
        awk -F, '{ d = 180 / atan2(0, -1); printf "%.9g,%.9g\n",
            atan2($3, sqrt($1 ^ 2 + $2 ^ 2)) * d, atan2($2, $1) * d }' $f.csv >$f.latlon
        "$EBIM" score m.ebim $f.latlon -o $f.s.csv
    done
    floods_judge
    "$EBIM" plot m.ebim train.latlon -o earth.png
    png earth.png
}

for check in guises options_that_errors_name names_that_differ_never_swap \
    names_that_two_columns_have cures_work thousands_are_told columns_that_never_change \
    a_row_inside_a_ring output_of_another_format surprises_are_noted \
    weights_are_checked names_are_kept other_formats \
    trial_files empty_file ragged_rows text_in_data not_finite out_of_range too_few_points \
    all_points_equal duplicate_points some_duplicates_are_noted points_far_from_the_origin \
    output_that_is_an_input closed_streams dimension_that_does_not_fit \
    embedding_that_does_not_fit directory_instead_of_a_file missing_file unwritable_output \
    full_disk truncated_model flipped_model model_of_another_version no_model_at_all \
    points_that_the_model_does_not_take wrong_usage help_is_complete fit_tells_what_it_found \
    figure_eight_is_bad moebius_strip_is_learned same_seed_same_bytes paper_recipe_fits \
    samples_lie_on_the_circle scores_keep_the_order no_root_is_nan \
    chains_that_stand_still_are_noted projections_are_the_nearest_points \
    embedding_is_remembered paths_are_told known_manifolds angles_and_quaternions \
    pipes json_parses pictures mesh_of_a_sphere mesh_without_energy \
    mesh_of_two_circles mesh_that_is_not_closed mesh_of_a_fit interrupted_fit_keeps_its_state \
    second_interrupt_leaves_nothing every_allocation_fails_in_turn \
    time_limit_is_kept demo_leaves_its_files floods_as_plain_points floods_on_the_globe; do
    t_run $check
done
t_end
