#!/bin/sh
# tests/same_fits.sh DIR TOOL: whether a build of the ebim tool learns the models that are in DIR.
#
# Five made data sets, two seeds each: a curve in the plane; two of them with copies and far rows;
# a surface whose columns have unlike units; a curve in space (codimension 2); places on a globe.
# Where DIR lacks a model, TOOL makes it, so the first run is of the build to compare with:
#
#   sh tests/same_fits.sh build/same build/ebim     before a change that only moves or tidies code
#   sh tests/same_fits.sh build/same build/ebim     and after it: `same`, or what differs
#
# Compared to the byte: the model, the scores of the data, and samples.

test $# = 2 || { sed -n '2,12s/^# *//p' "$0" >&2; exit 2; }
dir=$1 tool=$2
mkdir -p "$dir" || exit 1

# make_data NAME ROWS PROGRAM: PROGRAM prints a row from an angle u and a number v in -1..1
make_data() {
    awk -v rows="$2" "BEGIN { srand(1); pi = atan2(0, -1)
        for (i = 0; i < rows; i++) { u = 2 * pi * rand(); v = 2 * rand() - 1; $3 } }" \
        >"$dir/$1.csv"
}

make_data curve 400 'r = 1 + 0.3 * cos(3 * u); print r * cos(u) "," r * sin(u)'
make_data pair 500 's = i % 3 ? 1 : 4; x = i % 97 ? s + cos(u) : 60 + i
    print x "," sin(u); if (i % 5 == 0) print x "," sin(u)'
make_data sphere 600 'r = sqrt(1 - v * v); print r * cos(u) "," r * sin(u) "," 900 * v'
make_data knot 400 'print (2 + cos(3 * u)) * cos(u) "," (2 + cos(3 * u)) * sin(u) "," sin(3 * u)'
make_data globe 400 'print 60 * v + 5 * sin(u) "," 180 / pi * (u - pi)'

# learn MODEL SET DIM SEED EMBED
learn() {
    # shellcheck disable=SC2086
    "$tool" fit "$dir/$2.csv" --dim "$3" --seed "$4" $5 --effort 0.05 -o "$1.ebim" >"$1.log" 2>&1
    "$tool" score "$1.ebim" "$dir/$2.csv" >"$1.score" 2>/dev/null
    "$tool" sample "$1.ebim" -n 50 >"$1.sample" 2>/dev/null
}

same=0 differ=0 made=0
while read -r set dim embed; do
    for seed in 0 1; do
        old=$dir/$set-$seed new=$dir/new what=same
        if test ! -s "$old.sample"; then
            learn "$old" "$set" "$dim" $seed "$embed"
            made=$((made + 1))
            continue
        fi
        learn "$new" "$set" "$dim" $seed "$embed"
        cmp -s "$old.ebim" "$new.ebim" || what='the model differs'
        cmp -s "$old.score" "$new.score" || what="$what, scores differ"
        cmp -s "$old.sample" "$new.sample" || what="$what, samples differ"
        test "$what" = same && same=$((same + 1)) || differ=$((differ + 1))
        echo "$set, seed $seed: $what"
        rm -f "$new".*
    done
done <<'END'
curve 1
pair 1
sphere 2
knot 1
globe 2 --embed latlon
END
echo "$made made, $same same, $differ differ"
test $differ = 0
