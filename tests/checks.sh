#!/bin/sh
# checks.sh: what only a shell can see of ebim.h: symbols, ways of including it, what leaks out
# of it, whether what is printed in its manual and in the README is true, `make install` and
# `make data`. Run by tests/run.sh; the compiler is $CC, and flags are the checks' own.

. "$(dirname "$0")/t.sh"
CC=${CC:-cc}
MAKE=${MAKE:-make}
W='-Wall -Wextra -pedantic -Werror'
HEADER=$TOP/ebim.h
for CXX in "$CXX" c++ g++ clang++ ''; do
    if [ "$CXX" ] && command -v "${CXX%% *}" >/dev/null; then break; fi
done

need() {
    for tool; do command -v "$tool" >/dev/null || skip "no $tool here"; done
}

need_cxx() {
    if [ ! "$CXX" ]; then skip 'no C++ compiler here'; fi
}

# unit FILE WORD...: a source that defines the words and includes the header
unit() {
    u=$1
    shift
    for word; do echo "#define $word"; done >"$u"
    echo '#include "ebim.h"' >>"$u"
}

# compile ARGUMENTS, at -O0 for speed
compile() {
    $CC -I"$TOP" "$@"
}

# Objects for nm: not position-independent, so that tables of constant addresses stay constants
# instead of waiting for relocation among the variables.
object() {
    compile -fno-pic -c -o "$@"
    nm "$1" | grep -q 'ebim_result_str$' || fail 'nm shows no ebim_result_str'
}

# symbols OBJECT TYPES: names of these types (nm's letters), without an underscore of the system
symbols() {
    nm "$1" | awk -v types="$2" 'index(types, $(NF - 1)) { print $NF }' | sort -u
}

# ---- symbols ----

public_symbols_begin_with_ebim() {
    need nm
    for d in -DEBIM_FLOAT -DEBIM_DOUBLE; do
        unit a.c EBIM_IMPLEMENTATION
        object a.o $d a.c
        symbols a.o TDBRVWC >names
        test "$(wc -l <names)" -gt 20
        # 140, what images need, and settings to begin with
        test "$(wc -l <names)" -le 156 || fail 'more public names than a reader can hold'
        if grep -v '^_\{0,1\}ebim_[a-z0-9]' names; then fail 'not a public name of ebim.h'; fi
    done
}

static_leaves_no_symbols() {
    need nm
    unit a.c EBIM_STATIC EBIM_IMPLEMENTATION # clang drops what is not used
    echo 'const char *(*keep(void))(ebim_result) { return ebim_result_str; }' >>a.c
    object a.o a.c
    symbols a.o TDBRVWC | grep -v '^_\{0,1\}keep$' >names || true
    if grep . names; then fail 'global in spite of EBIM_STATIC'; fi
}

no_mutable_globals() {
    need nm
    for d in -DEBIM_FLOAT -DEBIM_DOUBLE; do
        unit a.c EBIM_IMPLEMENTATION
        object a.o $d a.c
        symbols a.o dDbBsSgGcC >names
        if grep . names; then fail 'mutable data'; fi
    done
}

needs_only_libc_and_libm() {
    need nm
    unit a.c EBIM_IMPLEMENTATION
    object a.o a.c
    libm='a?(sin|cos|tan)h?|atan2|sincos|exp|exp2|expm1|log|log2|log10|log1p|pow|sqrt|cbrt|hypot'
    libm="$libm|fabs|floor|ceil|round|rint|trunc|fmod|fmin|fmax|frexp|ldexp|nextafter"
    libm="$libm|erf|erfc|[lt]gamma"
    libc='malloc|calloc|realloc|free|memcpy|memmove|memset|memcmp|str[a-z]*|[v]?s?n?printf'
    libc="$libc|fopen|fclose|fread|fwrite|fflush|ferror|feof|fseek|ftell|fputs|fputc|putc|getc"
    libc="$libc|remove|rename|qsort|abs|labs|[v]?fprintf|fputc|stat|fileno|fsync"
    system='__assert_(fail|rtn)|__(stack|errno|error|isoc99|tls|cpu)_?[a-z_]*|_GLOBAL_.*'
    symbols a.o U >names
    if grep -Ev "^_?(($libm)[fl]?|$libc|_?($system))$" names; then
        fail 'neither libc nor libm, or new here: see whether it may be used'
    fi
}

no_malloc_means_none() {
    need nm
    unit a.c EBIM_NO_MALLOC EBIM_IMPLEMENTATION
    object a.o a.c
    symbols a.o U >names
    if grep -E '^_?(malloc|calloc|realloc|free|aligned_alloc|strdup|alloca)$' names; then
        fail 'allocates outside the malloc layer'
    fi
}

no_stdio_means_none() {
    need nm
    unit a.c EBIM_NO_STDIO NDEBUG EBIM_IMPLEMENTATION
    object a.o a.c
    symbols a.o U >names
    stdio='f(open|close|read|write|flush|error|puts|printf)|v?s?n?printf|puts|std(in|out|err)'
    if grep -E "^_?($stdio)" names; then fail 'uses stdio in spite of EBIM_NO_STDIO'; fi
}

# ---- ways of including ----

use='const char *used(void); const char *used(void) { return ebim_result_str(EBIM_OK); }'
main='const char *used(void); int main(void) { return ebim_result_str(EBIM_OK) == 0 || !used(); }'

two_units_link() {
    unit a.c EBIM_IMPLEMENTATION
    echo "$use" >>a.c
    unit b.c
    echo "$main" >>b.c
    compile $W -o two a.c b.c -lm
    ./two
}

two_static_units_link() {
    unit a.c EBIM_STATIC EBIM_IMPLEMENTATION
    cp a.c b.c
    echo "$use" >>a.c
    echo "$main" >>b.c
    compile $W -o two a.c b.c -lm
    ./two
}

included_in_any_order() {
    unit a.c
    unit part EBIM_IMPLEMENTATION
    cat a.c part a.c part >b.c # declarations, implementation, and both again
    sed 's/^#define.*/#ifndef EBIM_IMPLEMENTATION\n&\n#endif/' b.c >a.c
    echo "$use $main" >>a.c
    compile $W -o any a.c -lm
    ./any
    cat part part >b.c
    sed '3,$s/^#define.*//' b.c >c.c
    echo "$use $main" >>c.c
    compile $W -o any c.c -lm
    ./any
}

mixed_precision_is_caught() {
    unit a.c EBIM_IMPLEMENTATION
    compile $W -c -o a.o a.c
    for other in EBIM_DOUBLE 'EBIM_MAX_NODES 97'; do
        unit b.c "$other"
        cat >>b.c <<'END'
int main(void)
{
    double mem[64];
    ebim_arena a;
    ebim_arena_init(&a, mem, sizeof mem);
    return !(ebim_arena_push(&a, 1, 8) == 0 && a.failed == EBIM_ERR_ABI);
}
END
        compile $W -o mixed a.o b.c -lm
        ./mixed || return 1
        # what has no arena does not link, but where both are alike
        unit b.c "$other"
        echo 'int main(void) { ebim_model m;
            return ebim_load_file(&m, "", 0) != EBIM_ERR_IO; }' >>b.c
        if compile $W -o mixed a.o b.c -lm 2>/dev/null; then return 1; fi
        unit c.c "$other" EBIM_IMPLEMENTATION
        compile $W -o mixed c.c b.c -lm
        ./mixed || return 1
    done
}

every_switch_compiles() {
    for d in EBIM_NO_MALLOC EBIM_NO_STDIO EBIM_NO_TRAIN \
        'EBIM_NO_MALLOC EBIM_NO_STDIO EBIM_NO_TRAIN' 'EBIM_DOUBLE EBIM_NO_TRAIN'; do
        unit a.c $d EBIM_IMPLEMENTATION
        echo "$use $main" >>a.c
        compile $W -std=c99 -o a a.c -lm
        ./a
    done
}

declarations_alone_compile() {
    unit a.c
    echo 'int main(void) { return 0; }' >>a.c
    compile $W -std=c99 -o a a.c
    need_cxx
    $CXX -I"$TOP" $W -std=c++11 -x c++ -o a a.c
}

cxx() {
    need_cxx
    $CXX -I"$TOP" $W -std="$1" -O1 -o cxx "$TOP/tests/test_build_cxx.cc"
    ./cxx
    $CXX -I"$TOP" $W -std="$1" -DEBIM_DOUBLE -O1 -o cxx "$TOP/tests/test_build_cxx.cc"
    ./cxx
}

compiles_as_cxx11() { cxx c++11; }

# A model, samples and scores from 1, 2 and 3 threads, and from a build without any, are the same
# bytes.
openmp_changes_nothing() {
    slow
    narrow="-O2 -DEBIM_SIMD_BITS=128" # compiles in a third of the time
    $CC $narrow -fopenmp -DEBIM_USE_OPENMP -o many "$TOP/examples/ebim.c" -lm 2>log ||
        skip 'no OpenMP here'
    $CC $narrow -o one "$TOP/examples/ebim.c" -lm
    awk -v OFS=, 'BEGIN { for (i = 0; i < 700; i++) print cos(i), 2 * sin(i) }' >ring.csv
    for t in 1 2 3; do
        ./many fit ring.csv --dim 1 --effort 0.2 --threads $t -o $t.ebim 2>log
        ./many sample 1.ebim -n 1000 --threads $t -o $t.csv 2>log
        ./many score 1.ebim ring.csv --threads $t -o score$t.csv 2>log
        cmp 1.ebim $t.ebim || fail "another model with $t threads"
        cmp 1.csv $t.csv
        cmp score1.csv score$t.csv
    done
    ./one sample 1.ebim -n 1000 --threads 2 -o 0.csv 2>log
    grep -q 'this build has one thread' log || fail 'nothing was said of threads there are not'
    ./one score 1.ebim ring.csv -o score0.csv 2>log
    cmp 0.csv 1.csv
    cmp score0.csv score1.csv
}

# The tests of the kernels and of the sweeps with large products by the BLAS.
cblas_does_the_same() {
    slow
    echo '#include <cblas.h>' >blas.c
    echo 'int main(void) { return (int)cblas_sasum(0, 0, 1); }' >>blas.c
    $CC -o blas blas.c -lopenblas 2>log || skip 'no cblas.h and -lopenblas here'
    for d in '' -DEBIM_DOUBLE; do
        for t in kernels tape; do
            $CC -O2 $d -DEBIM_STATIC -DEBIM_USE_CBLAS -o $t "$TOP/tests/test_$t.c" -lopenblas -lm
            ./$t --quick >log || fail "$(cat log)"
        done
    done
    nm kernels | grep -q 'U cblas_dgemm' || fail 'the BLAS is not called'
}

# What tests would notice: each is broken in a copy of the header, and the test named fails.
breaks_are_noticed() {
    slow
    mkdir tests examples
    cp "$TOP/examples/exact_sampler.c" examples
    cp "$TOP"/tests/*.[ch] tests
    while IFS='|' read -r test name from to; do
        sed "s|$from|$to|" "$HEADER" >ebim.h
        test "$(diff "$HEADER" ebim.h | grep -c '^>')" = 1 || fail "not one line has $from"
        $CC -O1 -DEBIM_STATIC -DEBIM_SIMD_BITS=128 -o broken tests/test_${test% *}.c -lm
        case $test in *' quick') form=--quick ;; *) form= ;; esac
        if T_TMP=. ./broken $form -f "$name" >log; then fail "not noticed: $to"; fi
        cat log
    done <<'END'
exact|many_on_the_torus|s->ok\[l\] = -(rise < .*|s->ok[l] = -1;
exact|many_on_the_torus|return sum / 2; /\* the kinetic|return 0 * sum; /* no
exact|many_on_the_torus|return off <= tol;|return 1;
exact|many_on_the_torus|ebim__frame_tangent(f, e->p); /\* now|/* not
exact|many_on_the_torus|ebim__exact_kick(s, g); /\* the other|/*
exact quick|turned_tangents|+= ebim__tangents_log(\(.*\) -$|+= 0 * ebim__tangents_log(\1 - 0 *
exact quick|turned_tangents|f->kept && f->frozen && w|f->kept \&\& w
field quick|the_last_directions|round < ROUNDS && busy|round < 1
field quick|mixed_polynomials|round < EBIM__EQUATIONS_ROUNDS|round < 0
exact|far_moves_are_blind|    s->blind = 1;|    s->blind = 0;
exact|lengths_are_uniform|drawn\[l\] = 1 + |drawn[l] = s->d.leapfrog + 0 * 
exact|paths_do_not_resonate|drawn\[l\] = 1 + |drawn[l] = s->d.leapfrog + 0 * 
exact|blocks_do_not_matter_to|ebim__reorder(s->q, e->rows|ebim__reorder(s->q, n
exact quick|leaps_keep_the_law|-E - log(fmax(fabs(cosine), 1e-12))|-E
exact quick|narrow_peaks_are_found|= share \* ebim__near_density|= 0.8 * share * ebim__near_density
exact|diagnostics|last = fmin(last, pair);|last = pair;
exact|diagnostics|return tau \* log10(all) > 1 ? all / tau : .*|return all / tau;
exact quick|far_moves|^    if (s->blind) return;|
exact|reports_add_up|rep->rejected += !s->ok\[l\];|
model|workers|sum->rejected += r->rejected;|
kernels|large|D && k + K >= m->ni ? D + l : NULL|D ? D + l : NULL
clmc|lanes_that|f->need\[left\] = f->need\[p\];|
clmc|lanes_that|f->at\[left\] = f->at\[p\];|
clmc|lanes_that|t\[i + left\] = t\[i + p\];|;
END
}

# The program of `make size`, on a model made here.
size_program_scores() {
    slow
    cat >fit.c <<'END'
#define EBIM_IMPLEMENTATION
#include "ebim.h"
int main(void)
{
    ebim_real x[400];
    ebim_fit_desc d;
    ebim_model m;
    int i;
    for (i = 0; i < 200; i++) {
        x[2 * i] = (ebim_real)cos(0.031415926535897931 * i);
        x[2 * i + 1] = (ebim_real)sin(0.031415926535897931 * i);
    }
    memset(&d, 0, sizeof d);
    d.dim = 1;
    d.effort = 0.03;
    i = ebim_fit(&m, 200, 2, x, &d) || ebim_save_file(&m, "circle.ebim");
    ebim_free(&m);
    return i;
}
END
    compile -O2 -o fit fit.c -lm
    ./fit
    compile -O2 -o size "$TOP/tests/size.c" -lm
    ./size circle.ebim 1.5 0 | awk '{ print; exit !($1 > 0.4 && $1 < 0.6) }'
    if ./size circle.ebim 1 2 3; then fail 'scored a point of the wrong dimension'; fi
    if ./size nothing.ebim 1 2; then fail 'loaded nothing'; fi
}

# ---- what leaks, and what must stay in order ----

# Names that ebim.h defines and has not undefined at its end, from the markers of cc -dD.
macros() {
    compile -E -dD "$1" | awk '
        /^# [0-9]+ "/ { inside = $3 ~ /ebim\.h"$/; next }
        !inside { next }
        $1 == "#define" { name = $2; sub(/\(.*/, "", name); defined[name] = 1 }
        $1 == "#undef" { delete defined[$2] }
        END { for (name in defined) print name }' | sort
}

no_private_macro_leaks() {
    unit a.c EBIM_IMPLEMENTATION
    macros a.c >names
    grep -q '^EBIM_VERSION_MAJOR$' names || fail 'this compiler shows no macros'
    if grep -v '^\(EBIM\|ebim\)_[A-Za-z]' names | grep -v '^EBIM__IMPLEMENTED$\|^EBIM_H$'; then
        fail 'defined after #include "ebim.h"'
    fi
}

# Contents and tags, names in comments, which room uses which, where public functions are defined,
# comments of what is public; and that each of these is noticed.
rooms_are_in_order() {
    awk -f "$TOP/tests/rooms.awk" "$HEADER" "$HEADER" || fail 'rooms are not in order'
    while IFS='|' read -r what from to; do
        sed "s|$from|$to|" "$HEADER" >broken.h
        if cmp -s broken.h "$HEADER"; then fail "no line has $from"; fi
        if awk -f "$TOP/tests/rooms.awk" broken.h broken.h >log; then fail "not noticed: $to"; fi
        grep -q "$what" log || fail "$to is told as: $(cat log)"
    done <<'END'
contents: >>arenas, sections: >>arena|^    >>arena |    >>arenas |
there is no >>nowhere|^ \* >>frame  .*|& see >>nowhere
there is no ebim_nothing|^ \* >>frame  .*|& ebim_nothing
>>platform uses ebim_rhat of >>diagnose|^    return "unknown result";|& (void)ebim_rhat;
ebim_eval is declared under `linear|^ \* ops, record and tape: .*| * linear: no
ebim_rng { has no comment|^/\* The state of one stream.*|
END
}

lines_fit() {
    cd "$TOP"
    awk 'length($0) > 100 || /\t/ { print FILENAME ":" FNR; bad = 1 } END { exit bad }' ebim.h \
        tests/*.[ch] tests/*.cc tests/*.sh tests/*.awk \
        $(find examples bench -name '*.[ch]' 2>/dev/null) ||
        fail 'longer than 100 columns, or a tab'
}

# ---- what is printed ----

# program SOURCE: compiled and run as a reader would: in a directory with ebim.h and nothing else;
# what it printed, as C, is in ./printed
program() {
    mkdir alone
    cp "$HEADER" alone
    cp "$1" alone/prog.c
    cd alone
    $CC -O2 prog.c -lm
    ./a.out </dev/null >../printed
    cat ../printed
    if [ "$CXX" ]; then
        rm a.out
        $CXX -O2 -x c++ prog.c -x none -lm
        ./a.out </dev/null
    fi
    cd ..
    rm -r alone
}

manual_program_runs() {
    slow
    sed -n '/^    ---- begin example ----$/,/^    ---- end example ----$/p' "$HEADER" |
        sed -e '1d' -e '$d' -e 's/^    //' >manual.c
    grep -q 'int main' manual.c || fail 'no example in the manual'
    program manual.c
    # points of the ellipse, as many as the manual shows; the same ones on the author's processor
    sed -n 's/^ \* \(  *-\{0,1\}[0-9.]* *-\{0,1\}[0-9.]*  energy -\{0,1\}[0-9.]*\)$/\1/p' \
        "$HEADER" >shown
    test "$(wc -l <shown)" -eq 5
    cmp -s shown printed || echo 'other points than in the manual'
    for f in shown printed; do
        awk 'NF != 4 || $3 != "energy" || ($1 / 3) ^ 2 + ($2 / 2) ^ 2 < 0.97 ||
             ($1 / 3) ^ 2 + ($2 / 2) ^ 2 > 1.03 { bad = 1 } END { exit bad || NR != 5 }' $f ||
            fail "$f: not five points of the ellipse"
    done
}

readme_programs_run() {
    slow
    awk '/^```c$/ { n++; inside = 1; next } /^```/ { inside = 0 }
         inside { print > ("readme" n ".c") }' "$TOP/README.md"
    found=
    for c in readme*.c; do
        if ! grep -q 'int main' "$c"; then continue; fi
        found=1
        program "$c"
    done
    [ "$found" ] || fail 'no program in README.md'
}

readme_targets_exist() {
    grep -o 'make [a-z][a-z]*' "$TOP/README.md" | sort -u >calls
    test -s calls
    while read -r make target; do
        grep -q "^$target:" "$TOP/Makefile" || fail "README.md: $make $target"
    done <calls
}

# ---- make ----

# A program that is there but old is built anew when make is asked for it by name.
programs_are_made_by_name() {
    for c in "$TOP"/examples/*.c "$TOP"/bench/*.c; do
        grep -q "[$](BUILD)/$(basename "$c" .c)\( \|:\)" "$TOP/Makefile" ||
            fail "make knows no build/$(basename "$c" .c)"
    done
    echo 'while [ "$1" != -o ]; do shift; done; echo new >"$2"' >cc.sh
    mkdir -p b
    echo old >b/ulps
    touch -t 200001010000 b/ulps
    $MAKE -s -C "$TOP" BUILD="$PWD/b" CC="sh $PWD/cc.sh" "$PWD/b/ulps"
    grep -qx new b/ulps
    test -z "$(ls b | grep 'rules.mk.')" || fail 'a file of rules is left over'
}

install_into() {
    $MAKE -s -C "$TOP" install DESTDIR="$PWD/stage" PREFIX=/opt/x
    cmp "$HEADER" stage/opt/x/include/ebim.h
    v=$(printf '#include "ebim.h"\nEBIM_VERSION_MAJOR.EBIM_VERSION_MINOR.EBIM_VERSION_PATCH\n' |
        compile -E -x c - | tail -n 1 | tr -d ' ')
    grep -qx "Version: $v" stage/opt/x/lib/pkgconfig/ebim.pc
    grep -qx 'prefix=/opt/x' stage/opt/x/lib/pkgconfig/ebim.pc
    need pkg-config
    flags=$(PKG_CONFIG_PATH=stage/opt/x/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/stage \
        pkg-config --cflags --libs ebim)
    printf '#define EBIM_IMPLEMENTATION\n#include <ebim.h>\nint main(void) { return 0; }\n' >a.c
    $CC a.c $flags
    ./a.out
}

# A small mirror: a flood file as its source writes it, a pickle-sized file with 1000 pairs in
# the right place, and their sums in a list of the same form.
mirror() {
    mkdir mirror
    printf '# from somewhere\r\nlat,long\r\n1.5,2.5\r\n-3,4e1' >mirror/flood.csv
    awk 'BEGIN { for (i = 0; i < 64475; i++) printf "x" }' >mirror/9mers_data.pkl
    awk 'BEGIN { for (i = 0; i < 1000; i++) printf "pqrstuvw" }' |
        LC_ALL=C sed 's/pqrstuvw/\x00\x00\xc0\x3f\xcd\xcc\xcc\xbd/g' >>mirror/9mers_data.pkl
    printf tail >>mirror/9mers_data.pkl
    for f in flood.csv 9mers_data.pkl; do
        echo "$(sha256sum <mirror/$f | cut -c 1-64) https://example.org/some/where/$f download/$f"
    done >list
    EBIM_MIRROR=file://$PWD/mirror
    EBIM_DATA_LIST=$PWD/list
    export EBIM_MIRROR EBIM_DATA_LIST
}

data_is_downloaded_and_converted() {
    need sha256sum
    mirror
    sh "$TOP/examples/data.sh" out
    printf 'lat,lon\n1.5,2.5\n-3,4e1\n' | cmp - out/floods.csv
    test "$(sort out/glycine.csv | uniq -c | tr -s ' ' | tr '\n' ';')" = \
        ' 1000 1.5,-0.100000001; 1 phi,psi;'
    rm -r mirror
    sh "$TOP/examples/data.sh" out # nothing to download the second time
}

data_that_was_altered_is_refused() {
    need sha256sum
    mirror
    echo >>mirror/flood.csv
    if sh "$TOP/examples/data.sh" out; then fail 'accepted an altered download'; fi
    test -z "$(find out -type f)"
    mirror_again=$(sed 's/ .*//;q' list)
    sed "s/$mirror_again/$(sha256sum <mirror/flood.csv | cut -c 1-64)/" list >list2
    EBIM_DATA_LIST=$PWD/list2 sh "$TOP/examples/data.sh" out
    if sh "$TOP/examples/data.sh" out; then fail 'accepted an altered file'; fi
}

data_that_is_missing_is_an_error() {
    need sha256sum
    mirror
    rm mirror/9mers_data.pkl
    if sh "$TOP/examples/data.sh" out >log 2>&1; then fail 'missed a missing file'; fi
    grep '9mers_data.pkl: cannot be downloaded' log
    test ! -f out/floods.csv
}

for check in public_symbols_begin_with_ebim static_leaves_no_symbols no_mutable_globals \
    needs_only_libc_and_libm no_malloc_means_none no_stdio_means_none two_units_link \
    two_static_units_link included_in_any_order mixed_precision_is_caught every_switch_compiles \
    declarations_alone_compile compiles_as_cxx11 openmp_changes_nothing cblas_does_the_same \
    breaks_are_noticed size_program_scores \
    no_private_macro_leaks \
    rooms_are_in_order lines_fit manual_program_runs readme_programs_run \
    readme_targets_exist programs_are_made_by_name install_into data_is_downloaded_and_converted \
    data_that_was_altered_is_refused data_that_is_missing_is_an_error; do
    t_run $check
done
t_end
