#!/bin/sh
# mpi.sh BUILD [OPTIONS of mpi_fit]: BUILD/mpi_chains and mpi_fit on 1, 2 and 4 ranks of this
# machine: whether they agree to the last bit, and what they take. `work` is the processor time of
# the rank that has most of it, waiting not counted: what a run takes where each has a core to itself.

build=${1:?BUILD}
shift
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
out=$build/out/mpi
mkdir -p "$out" || exit 1

# on RANKS PROGRAM OPTION...: its line of JSON
on() {
    ranks=$1
    shift
    mpirun --oversubscribe --mca mpi_yield_when_idle 1 -np "$ranks" "$@" || exit 1
}

value() { sed -n 's/^{.*"'"$1"'":"*\([-0-9a-f.e+]*\).*/\1/p' "$2"; }

echo 'program     ranks  work s  times  wall s  bytes'
for program in mpi_chains mpi_fit; do
    for ranks in 1 2 4; do
        log=$out/$program-$ranks.json
        case $program in
        mpi_fit) on $ranks "$build/mpi_fit" -o "$out/torus-$ranks.ebim" "$@" ;;
        *) on $ranks "$build/mpi_chains" --chains 4096 ;;
        esac >"$log" || exit 1
        [ $ranks = 1 ] && one=$(value work "$log")
        echo $program $ranks "$(value work "$log")" "$one" "$(value seconds "$log")" \
            "$(value bytes "$log")"
    done
done | awk '{ printf "%-10s  %5d  %6.2f  %5.2f  %6.1f  %s\n", $1, $2, $3, $4 / $3, $5, $6 }
    $6 != (first[$1] == "" ? first[$1] = $6 : first[$1]) { bad = 1 }
    END { if (bad || NR != 6) { print "not the same results"; exit 1 } }'
