#!/bin/sh
# test_mpi.sh: examples/mpi_chains.c and mpi_fit.c on 1, 2 and 4 ranks of this machine: that the
# number of ranks changes no bit, that the laws are right, and what is left when a rank dies.

. "$(dirname "$0")/t.sh"
MAKE=${MAKE:-make}
case ${BUILD:-build} in
/*) BIN=$BUILD ;;
*) BIN=$TOP/${BUILD:-build} ;;
esac
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM

# need PROGRAM: built
need() {
    command -v "${MPICC:-mpicc}" >/dev/null || skip 'no mpicc here'
    mpirun --version 2>/dev/null | grep -q 'Open MPI\|PRRTE' || skip 'no mpirun of Open MPI here'
    $MAKE -s -C "$TOP" BUILD="$BIN" "$BIN/$1" || fail "$1 does not compile"
}

# on RANKS PROGRAM OPTION...
on() {
    ranks=$1 program=$2
    shift 2
    mpirun --oversubscribe --mca mpi_yield_when_idle 1 -np "$ranks" "$BIN/$program" "$@"
}

value() { sed -n 's/^{.*"'"$1"'":\[*"*\([-0-9a-f.e+]*\).*/\1/p' "$2"; }

# about NAME FILE WANTED TOLERANCE
about() {
    value "$1" "$2" | awk -v want="$3" -v tol="$4" '
        { d = $1 - want; ok = d <= tol && -d <= tol } END { exit !ok }' || fail "$1: $(cat "$2")"
}

# The mean of E = x0 - x1 / 2 under e^-E on the torus of radii 1 and 1/2, by quadrature
chains_are_the_same_on_any_ranks() {
    need mpi_chains
    for ranks in 1 2 3 4; do # one rank checks R-hat, too
        on $ranks mpi_chains --chains 1024 --draws 100 >log$ranks
        sed 's/"ranks":[0-9]*,//; s/,"seconds".*//' log$ranks >same$ranks
        cmp same1 same$ranks
    done
    grep -q '"bytes":"[0-9a-f]*"' same1
    on 2 mpi_chains --chains 1024 --draws 100 --seed 2 >other
    [ "$(value bytes other)" != "$(value bytes log1)" ]
    exact=$(awk 'BEGIN { pi = atan2(0, -1); n = 400
        for (i = 0; i < n; i++) for (j = 0; j < n; j++) {
            r = 1 + cos(2 * pi * j / n) / 2; a = 2 * pi * i / n
            e = r * (cos(a) - sin(a) / 2); z += r * exp(-e); s += e * r * exp(-e) }
        print s / z }')
    about energy log1 "$exact" 0.01
    about rhat log1 1 0.02
}

fits_are_the_same_on_any_ranks() {
    need mpi_fit
    steps=800
    if [ "$T_QUICK" ]; then steps=200; fi
    for ranks in 1 2 4; do
        on $ranks mpi_fit -o m$ranks.ebim --steps $steps >log$ranks
        [ "$(value bytes log$ranks)" = "$(value bytes log1)" ] || fail "$(cat log*)"
        cmp m1.ebim m$ranks.ebim
    done
    about distance log1 0 0.005
    about area log1 1 0.02
    about excess log1 0 0.1
    need mpi_chains
    on 2 mpi_chains m1.ebim --chains 64 --draws 20 >chains
    about rhat chains 1 0.3
    if on 3 mpi_fit --steps 10 2>err; then fail 'three ranks have four shards'; fi
    grep -q 'usage' err
}

# The second rank is killed in the middle of the training of F.
a_rank_that_dies_ends_the_job() {
    need mpi_fit
    on 2 mpi_fit -o m.ebim --steps 100000 >log 2>err &
    job=$!
    for i in $(seq 200); do
        if [ -f m.ebim ]; then break; fi
        sleep 0.1
    done
    [ -f m.ebim ] || fail 'no checkpoint'
    launcher=$(ps -e -o pid=,ppid=,comm= |
        awk -v p=$job '($1 == p || $2 == p) && /run$/ { print $1 }')
    rank=$(ps -o pid=,comm= --ppid "$launcher" | awk '/mpi_fit/ { pid = $1 } END { print pid }')
    kill -9 $rank
    status=0
    wait $job || status=$?
    [ $status != 0 ] || fail 'the job ended well'
    grep -qi 'rank 1.*exited on signal 9\|killed' err || fail "$(cat err)"
    if ps -p "$rank" >/dev/null; then fail 'a rank is left over'; fi
    "$BIN/ebim" info m.ebim >info || [ $? = 1 ]
    grep -qi 'dimension\|dim' info || fail "$(cat info)"
    awk 'BEGIN { for (i = 0; i < 20; i++) print cos(i) / 1.5 "," sin(i) / 1.5 ",0.3333" }' >x.csv
    "$BIN/ebim" score m.ebim x.csv >scores
    [ "$(wc -l <scores)" = 21 ]
}

for check in chains_are_the_same_on_any_ranks fits_are_the_same_on_any_ranks \
    a_rank_that_dies_ends_the_job; do
    t_run $check
done
t_end
