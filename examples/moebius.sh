#!/bin/sh
# examples/moebius.sh BUILD: surfaces that are no zero set of as many functions as they have
# equations, because they have one side only: a Moebius strip in space, which has an edge too, and
# the Klein bottle in R^4. 2000 points of each, spread unevenly along, are learned, sampled and
# drawn: BUILD/out/moebius/moebius.png and klein.png, with the reports beside them.

build=${1:?BUILD}
out=$build/out/moebius
mkdir -p "$out" || exit 1

# points NAME PROGRAM: PROGRAM prints a row from an angle u along the surface, dense on one side, and
# a number v in 0..1 across it
points() {
    awk "BEGIN { srand(3); pi = atan2(0, -1)
        for (i = 0; i < 2000; i++) {
            u = 2 * pi * rand(); u = u + 0.5 * sin(u); v = rand()
            $2 } }" >"$out/$1.csv"
}

points moebius 'w = 0.6 * (v - 0.5); r = 0.7 + w * cos(u / 2)
    print r * cos(u) "," r * sin(u) "," w * sin(u / 2)'
points klein 'w = 2 * pi * v; r = 1 + 0.4 * cos(w)
    print r * cos(u) "," r * sin(u) "," 0.4 * sin(w) * cos(u / 2) "," 0.4 * sin(w) * sin(u / 2)'

for name in moebius klein; do
    "$build/ebim" fit "$out/$name.csv" --dim 2 -o "$out/$name.ebim" >"$out/$name.txt"
    status=$?
    cat "$out/$name.txt"
    test $status = 0 || exit $status
    "$build/ebim" plot "$out/$name.ebim" -o "$out/$name.png" || exit
    echo "picture: $out/$name.png"
done
