#!/bin/sh
# test_mcu.sh: models as headers for small devices, as `ebim export` writes them: that they say what
# the library says, to 1e-4, here and on Cortex-M4, Cortex-M0+ and RISC-V 32 under qemu; that they
# need nothing but what they tell; and what they take there.

. "$(dirname "$0")/t.sh"
CC=${CC:-cc}
MCU=$TOP/examples/mcu
. "$MCU/device.sh"
case ${BUILD:-build} in
/*) EBIM=$BUILD/ebim ;;
*) EBIM=$TOP/${BUILD:-build}/ebim ;;
esac
W='-Wall -Wextra -pedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wdouble-promotion
    -Wvla -Wcast-qual -Wfloat-equal -Werror'
for CXX in "$CXX" c++ g++ clang++ ''; do
    if [ "$CXX" ] && command -v "${CXX%% *}" >/dev/null; then break; fi
done

# ---- models ----

# circle: 500 points of a von Mises law on the circle
circle() {
    awk 'BEGIN { srand(1); pi = atan2(0, -1); print "a,b"
        while (n < 500) { a = 2 * pi * rand(); if (rand() < exp(2 * (cos(a) - 1))) {
            printf "%.6f,%.6f\n", cos(a), sin(a); n++ } } }'
}

# globe: 600 points of the sphere, in two heaps and everywhere
globe() {
    awk 'BEGIN { srand(2); print "a,b,c"
        while (n < 600) {
            for (r = i = 0; i < 3; i++) { x[i] = 2 * rand() - 1; r += x[i] * x[i] }
            r = sqrt(r)
            if (r > 1 || rand() > 0.1 + exp(20 * (x[0] / r - 1)) + exp(9 * (x[2] / r - 1))) continue
            printf "%.6f,%.6f,%.6f\n", x[0] / r, x[1] / r, x[2] / r; n++
        } }'
}

# torus: 300 points of two angles, as cosines and sines
torus() {
    awk 'BEGIN { srand(3); print "a,b,c,d"
        for (n = 0; n < 300; n++) {
            a = 2 * rand(); b = a + 3 * rand()
            printf "%.6f,%.6f,%.6f,%.6f\n", cos(a), sin(a), cos(b), sin(b)
        } }'
}

# rows N: 60 points of R^N, none of them farther from the unit circle or sphere than 0.4
rows() {
    awk -v n="$1" 'BEGIN { srand(4)
        for (i = 0; i < n; i++) printf "%s%c", i ? "," : "", 97 + i
        print ""
        while (k < 60) {
            for (r = i = 0; i < n; i++) { x[i] = 3 * rand() - 1.5; r += x[i] * x[i] }
            r = sqrt(r)
            if (r < 0.6 || r > 1.4) continue
            for (i = 0; i < n; i++) printf "%s%.6f", i ? "," : "", x[i]
            print ""; k++
        } }'
}

# fitted DATA OPTIONS: model.ebim and model.h in this directory, each fitted once. Few steps:
# verdicts do not matter.
fitted() {
    data=$1 kept=$T_TMP/$(echo "$*" | tr -c 'a-z0-9\n' _)
    shift
    $data >data.csv
    if [ ! -f "$kept" ]; then
        "$EBIM" fit data.csv -o model.ebim "$@" >fit.log 2>&1 || test $? = 1
        cp model.ebim "$kept"
    fi
    cp "$kept" model.ebim
    exported
}

exported() {
    "$EBIM" export --quiet model.ebim -o model.h
}

# asked N: points.csv and points.h, rows and, of the data, the first five
asked() {
    { rows "$1"; if [ -f data.csv ]; then sed -n 2,6p data.csv; fi; } >points.csv
    listed
}

listed() {
    awk -F, 'NR > 1 { for (i = 1; i <= NF; i++) printf "%s%.6ff", i == 1 ? "{" : ", ", $i
        print "}," }' points.csv >points.h
}

# told FILE: whether a program has told for points.csv what the tool tells
told() {
    "$EBIM" score --quiet model.ebim points.csv >score.csv
    "$EBIM" project --quiet model.ebim points.csv >project.csv
    sed '/^#/d' "$1" >answers.csv
    test "$(wc -l <answers.csv)" = "$(($(wc -l <points.csv) - 1))" || fail "$(cat "$1")"
    sed 1d score.csv >score
    sed 1d project.csv | paste -d, score - >expected.csv
    awk -F, -v columns="$(head -1 score.csv)" '
        function bad(what, is, be) { print "row " FNR ": " what " is " is ", not " be; failed = 1 }
        function check(what, is, be) {
            if (is == "nan" || be == "nan") { if (is != be) bad(what, is, be); return }
            is /= 1e5
            if (!(is - be < 1e-4 && be - is < 1e-4)) bad(what, is, be)
        }
        BEGIN { scores = split(columns, name, ",") }
        NR == FNR { for (i = 1; i <= NF; i++) want[FNR, i] = $i; next }
        {
            for (i = 1; i <= scores; i++) at[name[i]] = i
            check("distance", $1, want[FNR, 1])
            check("energy", $2, "energy" in at ? want[FNR, at["energy"]] : "nan")
            check("log density", $3, "log_density" in at ? want[FNR, at["log_density"]] : "nan")
            for (i = 4; i <= NF; i++) check("x" i - 4, $i, want[FNR, scores + i - 3])
            if ($1 != "nan") found++
        }
        END { if (found < FNR / 2) { print "found " found; failed = 1 }; exit failed }
    ' expected.csv answers.csv || fail 'not what the library says'
}

# the same here, as C and as C++, without a warning
same_here() {
    $CC -std=c99 -O1 $W -I. -o here "$MCU/check.c" -lm
    ./here >here.txt
    told here.txt
    if [ "$CXX" ]; then $CXX -std=c++11 -O0 $W -I. -x c++ -c -o here.o "$MCU/check.c"; fi
    $CC -O2 -ffast-math -I. -o fast "$MCU/check.c" -lm
    ./fast >fast.txt
    told fast.txt
}

networks() {
    fitted circle --dim 1 --width 8 --effort 0.1
    asked 2
    same_here
    grep -q 'enum { model_N = 2, model_K = 1,' model.h
    if grep -q 'rbf\|expf\|doub' model.h; then fail 'more than two networks'; fi
}

kernels() {
    fitted globe --dim 2 --effort 0.05
    asked 3
    grep -q ebim_small_rbf model.h || fail 'no kernels'
    same_here
}

known_manifolds() {
    fitted globe --on sphere --effort 0.1
    asked 3
    same_here
    fitted globe --on axes --effort 0.1
    same_here
    fitted circle --on circle --effort 0.1
    asked 2
    same_here
    fitted torus --on torus:2 --effort 0.1
    asked 4
    grep -q 'model_K = 2,' model.h
    same_here
}

without_energy() {
    fitted circle --dim 1 --width 8 --effort 0.1
    cat >bare.c <<'END'
#define EBIM_IMPLEMENTATION
#include "ebim.h"
int main(void)
{
    ebim_model m;
    if (ebim_load_file(&m, "model.ebim", 0)) return 1;
    m.has_energy = 0;
    return ebim_save_file(&m, "model.ebim") != EBIM_OK;
}
END
    $CC -I"$TOP" -o bare bare.c -lm
    ./bare
    exported
    asked 2
    same_here
    grep -q '_HAS_ENERGY 0' model.h
}

# ---- ops ----

# by_hand KIND: model.ebim, whose functions are written here; its points are those of R^3
by_hand() {
    cat >by_hand.c <<'END'
#define EBIM_IMPLEMENTATION
#include "ebim.h"
static ebim_ref part(ebim_graph *g, ebim_ref x, int i) { return ebim_slice(g, x, i, 1); }
/* Functions of what is positive near the points asked for, all at once */
static ebim_ref functions(ebim_graph *g, ebim_ref x, double size)
{
    ebim_ref a = ebim_affine(g, part(g, x, 0), NULL, 0.5), y = part(g, x, 1);
    double low = -1.5;
    int fn;
    a = ebim_affine(g, a, &low, 1);
    for (fn = EBIM_FN_IDENTITY; fn < EBIM_FN_POW; fn++)
        y = ebim_add(g, y, ebim_scale(g, ebim_apply(g, a, (ebim_fn)fn), size));
    a = ebim_affine(g, a, &low, -1); /* and of what is below and above 0 */
    y = ebim_add(g, y, ebim_scale(g, ebim_apply(g, a, EBIM_FN_RELU), size));
    y = ebim_add(g, y, ebim_scale(g, ebim_apply(g, a, EBIM_FN_SOFTPLUS), size));
    return ebim_add(g, y, ebim_scale(g, ebim_apply(g, a, EBIM_FN_ABS), size));
}
static ebim_ref ops(ebim_graph *g, ebim_ref x)
{
    static const double w[6] = {1, 0.2, -0.3, 0.4, 1, 0.1}, one[2] = {0.5, -0.25};
    ebim_ref u = ebim_matrix(g, x, 2, w), c = ebim_constant(g, 2, one), y, z;
    ebim_ref few = ebim_mul(g, part(g, x, 0), ebim_add(g, u, c)); /* one row for two */
    few = ebim_concat(g, few, ebim_sub(g, part(g, x, 1), c));
    y = ebim_add(g, ebim_sum(g, few), ebim_dot(g, u, ebim_slice(g, few, 1, 2)));
    z = ebim_max(g, u, c);
    z = ebim_add(g, z, ebim_select(g, part(g, x, 2), ebim_slice(g, x, 0, 2), u));
    z = ebim_min(g, z, ebim_scale(g, ebim_slice(g, x, 1, 2), 2));
    return ebim_add(g, y, ebim_sumsq(g, z));
}
static ebim_ref record(ebim_graph *g, ebim_ref x, void *user)
{
    double one = 1, two = 2;
    ebim_ref ball = ebim_affine(g, ebim_sumsq(g, x), &one, 1);
    switch (*(const char *)user) {
    case 'f': return ebim_add(g, ball, ebim_scale(g, functions(g, x, 0.3), 0.05));
    case 'F': return functions(g, x, 1);
    case 'o': return ebim_add(g, ball, ebim_scale(g, ops(g, x), 0.1));
    case 'O': return ebim_pow(g, ops(g, x), 3);
    case 'c': return ebim_concat(g, ball, ebim_add(g, part(g, x, 2),
                                                  ebim_scale(g, part(g, x, 0), 0.3)));
    case 'u': return ebim_mul(g, ball, ebim_affine(g, ball, &two, 1));
    case 'i': return ebim_add(g, ball, ebim_sum(g, ebim_max_pool(g, ebim_image(g, x, 1, 1, 3), 1,
                                                                 1)));
    default: return ops(g, x);
    }
}
int main(int argc, char **argv)
{
    static double memory[1 << 13], lo[3] = {-2, -2, -2}, hi[3] = {2, 2.5, 2};
    ebim_arena a;
    ebim_model m;
    if (argc < 4) return 1;
    memset(&m, 0, sizeof m);
    ebim_arena_init(&a, memory, sizeof memory);
    m.n = 3;
    m.k = atoi(argv[3]);
    m.m = 3 - m.k;
    m.lo = lo;
    m.hi = hi;
    m.unit = m.has_energy = 1;
    m.z.points = 10;
    m.z.log_z = 1.25;
    return ebim_record(&m.F, &a, 3, record, argv[1]) || ebim_record(&m.E, &a, 3, record, argv[2]) ||
           ebim_save_file(&m, "model.ebim");
}
END
    if [ ! -f by_hand ]; then $CC -I"$TOP" -o by_hand by_hand.c -lm; fi
    ./by_hand "$@"
}

every_op() {
    asked 3
    for kind in 'f F 1' 'o p 1' 'c F 2'; do
        by_hand $kind
        exported
        case $kind in
        f*) ops='SINF COSF TANHF LOGF EXPF' ;;
        o*) ops='pick_back copy mac axpy' ;;
        *) ops=affine ;;
        esac
        for op in $ops; do
            grep -q "$op" model.h || fail "no $op"
        done
        same_here
    done
}

# A wrong derivative shows in the nearest point, a wrong value in all.
breaks_are_noticed() {
    asked 3
    while IFS='|' read -r kind from to; do
        by_hand $kind
        exported
        sed "s/$from/$to/" model.h >broken.h
        if cmp -s model.h broken.h; then fail "no line has $from"; fi
        mv broken.h model.h
        $CC -I. -o broken "$MCU/check.c" -lm
        ./broken >broken.txt
        if (told broken.txt) >log; then fail "not noticed: $to"; fi
    done <<'END'
f F 1|g = -EBIM_SINF(x)|g = EBIM_SINF(x)
f F 1|g = x < 0 ? e . s : s|g = s
f F 1|g = s + y|g = s - y
f F 1|g = 1 - y . y|g = 1 - y
f F 1|g = 2 . x|g = x
o p 1|else .gb += .gz|else *gb -= *gz
o p 1|else \*gb|if (0) *gb
c F 2|u\[i\] -= L\[j|u[i] += L[j
c F 2|model_LOG_Z 1.25f|model_LOG_Z 1.5f
END
}

# ---- refusals ----

refused() {
    if "$EBIM" export model.ebim -o model.h 2>log; then fail 'exported'; fi
    grep -q "^ebim: model.ebim: export is not for this model: .*$1" log || fail "$(cat log)"
    test ! -f model.h || fail 'a header is there'
}

refusals() {
    by_hand f O 1
    refused powers
    by_hand i F 1
    refused images
    awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) { a = 6.2832 * rand(); print cos(a) "," \
        sin(a) "," cos(2 * a) / 2 } }' >data.csv
    "$EBIM" fit data.csv --dim 1 --effort 0.02 -o model.ebim >fit.log 2>&1 || test $? = 1
    refused 'more equations'
    awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) { a = 6.2832 * rand(); print cos(a) "," \
        sin(a) "," cos(5 * a) / 2 } }' >data.csv
    "$EBIM" fit data.csv --dim 1 --effort 0.02 -o model.ebim >fit.log 2>&1 || test $? = 1
    refused field
    awk 'BEGIN { srand(1); for (i = 0; i < 90; i++) { a = 6.2832 * rand(); c = cos(a); s = sin(a)
        print c "," (-s) ",0," s "," c ",0,0,0,1" } }' >data.csv
    "$EBIM" fit data.csv --on rotations --effort 0.02 -o model.ebim >fit.log 2>&1 || test $? = 1
    refused reflections
    awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) { a = 6.2832 * rand(); print cos(a) "," \
        1e4 * sin(a) } }' >data.csv
    "$EBIM" fit data.csv --dim 1 --effort 0.02 -o model.ebim >fit.log 2>&1 || test $? = 1
    refused 'linear map'
    awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) { a = rand(); b = (1 - a) * rand()
        print a "," b "," 1 - a - b } }' >data.csv
    "$EBIM" fit data.csv --on simplex --effort 0.02 -o model.ebim >fit.log 2>&1 || test $? = 1
    refused simplex
    echo no >model.ebim
    if "$EBIM" export model.ebim -o model.h 2>log; then fail 'exported'; fi
    if "$EBIM" export model.ebim -o model.csv 2>log; then fail 'exported'; fi
    grep -q 'should end in .h' log
}

# ---- what it needs ----

# On its own: no library, no header of one, the caller's functions
freestanding() {
    command -v nm >/dev/null || skip 'no nm here'
    fitted circle --dim 1 --width 8 --effort 0.1
    cat >own.c <<'END'
float own_root(float x);
float own_log(float x);
#define EBIM_SQRTF own_root
#define EBIM_LOGF own_log
#include "model.h"
#ifdef _MATH_H
#error a header of the C library
#endif
static float work[model_WORK];
int own(const float *x, float *y)
{
    return model_score(x, y, y + 2, y + 3, y + 4, work);
}
int own_nearest(const float *x, float *y) { return model_nearest(x, y, y + 2, work); }
END
    for o in -Os -O2; do
        $CC -std=c99 $o $W -Wframe-larger-than=1024 -ffreestanding -fno-stack-protector -nostdlib \
            -fno-pic -I. -c -o own.o own.c
        nm own.o | awk '$(NF - 1) == "U" { sub(/^_/, "", $NF); print $NF }' >needs
        if grep -v '^mem[a-z]*$\|^own_[a-z]*$' needs; then fail 'needs that, too'; fi
        grep -q own_root needs
    done
}

# Two models in one program share what they can, and have names of their own.
two_in_one() {
    fitted circle --dim 1 --width 8 --effort 0.1
    "$EBIM" export --quiet model.ebim -o '1st model.h'
    fitted globe --dim 2 --effort 0.05
    cat >two.c <<'END'
#include "1st model.h"
#include "model.h"
static float a[m1st_model_WORK], b[model_WORK];
int main(void)
{
    static const float x[3] = {0.6f, 0.9f, 0.5f};
    return m1st_model_nearest(x, NULL, NULL, a) && model_nearest(x, NULL, NULL, b) ? 0 : 1;
}
END
    $CC -std=c99 $W -I. -o two two.c -lm
    ./two
    "$EBIM" export --quiet model.ebim >standard.h
    cmp standard.h model.h
}

# ---- devices ----

# on_device NAME: the von Mises and the globe model there; what they take is in taken
on_device() {
    if ! device_here "$1" .; then skip "no compiler or emulator for $1 here"; fi
    fitted globe --dim 2 --effort 0.05
    asked 3
    device_make globe -I. -Wall -Wextra -Werror "$MCU/check.c"
    device_run globe >globe.txt
    told globe.txt
    fitted circle --dim 1 --width 8 --effort 0.1
    asked 2
    device_make circle -I. -Wall -Wextra -Werror -Wframe-larger-than=1024 "$MCU/check.c"
    device_run circle >circle.txt
    told circle.txt
    device_bare bare -DBARE=3 -I. "$MCU/check.c"
    { echo "code $(device_code bare)"; sed -n 's/^# //p' circle.txt; } >taken
    cat taken
}

# at_most KEY COLUMN MOST
at_most() {
    awk -v key="$1" -v at="$2" -v most="$3" '$1 == key { n++; bad = !($at > 0 && $at + 0 <= most) }
        END { exit n != 1 || bad }' taken || fail "more than $3 of $1, or none"
}

# 16 KiB of code, libm in it, 8 KiB of RAM with the stack, 100 thousand instructions
cortex_m4() {
    on_device m4
    at_most code 2 6000
    at_most work 2 1024
    at_most score: 3 512
    at_most score: 7 100000
}

cortex_m0plus() {
    on_device m0plus
    at_most code 2 16384
    at_most work 2 1024
    at_most score: 3 512
}

riscv32() { on_device rv32; }
riscv32_with_floats() { on_device rv32f; }

for t in networks kernels known_manifolds without_energy every_op breaks_are_noticed refusals \
    freestanding two_in_one cortex_m4 cortex_m0plus riscv32 riscv32_with_floats; do
    t_run $t
done
t_end
