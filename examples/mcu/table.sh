#!/bin/sh
# examples/mcu/table.sh BUILD: what models take on small devices, as a table: points of a circle,
# and floods on the globe (data/floods.csv of `make data`, or points like them), learned by networks
# of three layers of 8 units and by the recipe's own, exported, and run under qemu. Code is all but
# the model's parameters, libm included. Devices that cannot be had here are left out.

build=${1:?BUILD}
MCU=$(dirname "$0")
. "$MCU/device.sh"
out=$build/out/mcu
mkdir -p "$out" || exit 1

awk 'BEGIN { srand(1); pi = atan2(0, -1)
    while (n < 1000) { a = 2 * pi * rand(); if (rand() < exp(2 * (cos(a) - 1))) {
        print cos(a) "," sin(a); n++ } } }' >"$out/circle.csv"
floods=data/floods.csv
if [ ! -f $floods ]; then
    floods=$out/places.csv
    awk 'BEGIN { srand(2); print "lat,lon"; deg = 180 / atan2(0, -1)
        while (n < 3000) {
            z = 2 * rand() - 1; b = 360 * rand() - 180; s = sqrt(1 - z * z)
            if (rand() > 0.1 + exp(8 * (z - 1)) + exp(20 * (s * cos(b / deg) - 1))) continue
            print deg * atan2(z, s) "," b; n++
        } }' >"$floods"
fi

# points DIM: 40 of them, within half of the circle or sphere of radius 1 from it
points() {
    awk -v n="$1" 'BEGIN { srand(3)
        while (k < 40) {
            for (s = i = 0; i < n; i++) { x[i] = 3 * rand() - 1.5; s += x[i] * x[i] }
            if (s < 0.25 || s > 2.25) continue
            for (i = 0; i < n; i++) printf "%s%.5ff", i ? ", " : "{", x[i]
            print "},"; k++
        } }'
}

# model NAME CSV DIM FIT-OPTIONS: a directory with all that the program includes
model() {
    mkdir -p "$out/$1"
    name=$1 csv=$2 dim=$3
    shift 3
    "$build/ebim" fit "$csv" "$@" -o "$out/$name/model.ebim" >"$out/$name/fit.txt" 2>&1
    "$build/ebim" export "$out/$name/model.ebim" -o "$out/$name/model.h" || exit 1
    points "$dim" >"$out/$name/points.h"
}

# value LINE-BEGINNING WORD FILE: the number behind a word
value() {
    awk -v line="# $1:" -v word="$2" 'index($0, line) == 1 {
        for (i = 1; i < NF; i++) if ($i == word) print $(i + 1) + 0 }' "$3"
}

# One row: of what the model can be asked. F and J at a point, the nearest point, all
row() {
    part=$1 what=$2 x=$dir/$d
    device_bare "$x-bare" -DBARE="$part" -I"$dir" "$MCU/check.c" || exit 1
    ram=$(awk '/^# work/ { print $3 }' "$x.txt") stack=$(value "$what" stack "$x.txt")
    echo "| $title | $(device_name "$d") | $what | $(device_code "$x-bare") | $parameters |" \
        "$ram + $stack | $(value "$what" instructions "$x.txt") |" \
        "$(value "$what" most "$x.txt") |"
}

have=
for d in $DEVICES; do
    if device_here "$d" "$out"; then have="$have $d"; fi
done
[ "$have" ] || { echo "${0##*/}: no compiler and emulator for any of: $DEVICES" >&2; exit 1; }

model circle8 "$out/circle.csv" 2 --dim 1 --effort 0.3 --width 8
model circle32 "$out/circle.csv" 2 --dim 1 --effort 0.3
model floods8 "$floods" 3 --embed latlon --on learn --dim 2 --effort 0.3 --width 8
model floods32 "$floods" 3 --embed latlon --on learn --dim 2 --effort 0.3

echo '| model | device | what | code | parameters | RAM: memory + stack | instructions | at most |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- |'
for m in 'circle8 von Mises, 8 x 8 x 8' 'floods8 floods, 8 x 8 x 8' \
    'circle32 von Mises, 32 x 32 x 32' 'floods32 floods, 32 x 32 x 32'; do
    dir=$out/${m%% *} title=${m#* }
    parameters=$(sed -n 's/.*Flash: \([0-9]*\) bytes.*/\1/p' "$dir/model.h")
    for d in $have; do
        device "$d"
        device_make "$dir/$d" -I"$dir" "$MCU/check.c" || exit 1
        device_run "$dir/$d" >"$dir/$d.txt" || exit 1
        row 3 score
        if [ "${m%%8*}" = circle ] && [ "$d" = m4 ]; then
            row 2 nearest
            row 1 'F and J'
        fi
    done
done
