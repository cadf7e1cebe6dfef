#!/bin/sh
# test_paper.sh: the programs of the paper's experiments, at a glance: that every one runs, leaves
# its picture and its figures, and says what is wrong when something is.

. "$(dirname "$0")/t.sh"
case ${BUILD:-build} in
/*) BIN=$BUILD ;;
*) BIN=$TOP/${BUILD:-build} ;;
esac
if [ -z "$EBIM_DATA" ] && [ -f "$TOP/../shared/data/floods.csv" ]; then
    EBIM_DATA=$TOP/../shared/data
    export EBIM_DATA
fi
have_data() { [ -f "${EBIM_DATA:-$TOP/data}/floods.csv" ]; }

png() { [ "$(head -c 8 "$1" | od -An -c | tr -d ' ')" = '211PNG\r\n032\n' ]; }

# object FILE: its last line is one JSON object without anything that is not finite
object() {
    tail -n 1 "$1" | grep -Eq '^\{"experiment":"[a-z0-9_]+",.*\}$' || fail "$1: no object"
    if tail -n 1 "$1" | grep -Eq 'null|nan|inf'; then fail "$1: $(tail -n 1 "$1")"; fi
}

every_figure_and_table() {
    have_data || skip 'data are missing: make data'
    (cd "$TOP" && QUICK=1 OUT="$T_TMP/all" JOBS=1 sh examples/paper.sh "$BIN" --quick) >log
    ! grep -v '^ok\|^written' log
    [ "$(grep -c '^ok' log)" = 19 ]
    for f in fig1_von_mises fig2_degenerate fig3_arithmetic fig4_mixture fig5_floods \
        fig6_glycine fig9_langevin_steps fig10_vae fig11_eta; do
        png "$T_TMP/all/paper/$f.png" || fail "$f: no picture"
        grep -q "($f.png)\|(paper/$f.png)" "$T_TMP/all/paper.md" || fail "$f is not shown"
        object "$T_TMP/all/paper/$f.json"
        awk -F, 'NR == 1 { n = NF; if (!/^panel,x0,x1,(x2,)?value$/) exit 1 }
            NF != n || /nan|inf/ { exit 1 } END { if (NR < 100) exit 1 }' \
            "$T_TMP/all/paper/$f.csv" || fail "$f.csv"
    done
    for s in fig1 mixture sphere floods glycine; do
        object "$T_TMP/all/paper/table1_$s.json"
        object "$T_TMP/all/paper/table3_$s.json"
        [ "$(grep -c "^| $s |" "$T_TMP/all/paper.md")" = 4 ] || fail "rows of $s"
    done
    # The transport of samples is never below that of data from data by more than chance.
    awk -F'|' '$2 == " W1 " { split($5, o, " "); split($6, f, " ") }
        o[1] < 0.5 * f[1] { exit 1 }' \
        "$T_TMP/all/paper.md"
}

the_same_seed_gives_the_same_picture() {
    for i in 1 2; do "$BIN/fig2_degenerate" --quick --seed 5 --out $i | sed 's/"seconds":[^,]*//' \
        >$i.json; done
    cmp 1/fig2_degenerate.png 2/fig2_degenerate.png
    cmp 1.json 2.json
    "$BIN/fig2_degenerate" --quick --seed 6 --out 3 >3.json
    ! cmp -s 1/fig2_degenerate.png 3/fig2_degenerate.png
}

the_papers_recipe() {
    "$BIN/fig1_von_mises" --quick --recipe paper --out . >log
    object log
    grep -q '"recipe":"paper"' log
    png fig1_von_mises.png
}

# 40 steps draw nothing yet: that it runs, and that the classifier learns.
images_are_drawn() {
    [ -f "${EBIM_DATA:-$TOP/data}/t10k-images-idx3-ubyte.gz" ] || skip 'data are missing: make data'
    "$BIN/fig7_images" --quick --energy codes --out . >log 2>err
    object log
    png fig7_mnist.png
    png fig7_mnist_codes.png
    "$BIN/ebim" info fig7_mnist.ebim >log.info
    grep -q '^verdict    bad' log.info
    grep -q 'convolution 3 x 3 SILU of [0-9]*: 14 x 14 x 32, 9248 parameters' log.info
    grep -q '"energy":"codes","fd_lenet_by_energy":[0-9]' log
    sed 's/.*"classifier_right":\([^,]*\),.*/\1/' log | awk '{ if ($1 < 0.7) exit 1 }' ||
        fail 'the classifier has not learned'
}

# A second of training for each of the other models: that all of them run
other_models_draw_too() {
    [ -f "${EBIM_DATA:-$TOP/data}/t10k-images-idx3-ubyte.gz" ] || skip 'data are missing: make data'
    "$BIN/table2" --quick --out . >log 2>err
    object log
    for model in ours ours_energy ae vae nae nae_blind im_paper; do
        png table2_mnist_$model.png
        test "$(wc -c <table2_mnist_$model.idx)" = $((16 + 32 * 784))
    done
    png fig7_columns_mnist.png
    test "$(grep -c '^| [^|]* | [0-9]* | [0-9]* | [0-9.]* |$' table2_mnist.md)" = 7
    status=0
    "$BIN/table2" --model none --out . >log 2>err || status=$?
    [ $status = 2 ]
}

digits_are_combined() {
    [ -f "${EBIM_DATA:-$TOP/data}/t10k-images-idx3-ubyte.gz" ] || skip 'data are missing: make data'
    "$BIN/fig8_arithmetic" --quick --out . >log 2>err
    object log
    png fig8_arithmetic.png
}

# Uniform noise is told from digits by anything.
others_are_told_apart() {
    status=0
    "$BIN/ood" --quick --out . >log 2>err || status=$?
    if [ $status = 2 ] && grep -q 'make data\|dataset-fashion-mnist' err; then skip "$(cat err)"; fi
    [ $status = 0 ]
    object log
    grep -q '"auroc_nearest_uniform":1[,}]' log
}

missing_data_are_named() {
    for p in fig5_floods fig6_glycine fig7_images fig8_arithmetic ood table2 \
        'table1 --only floods' 'table3 --only glycine'; do
        status=0
        EBIM_DATA=$PWD "$BIN"/$p --quick --out out >log 2>err || status=$?
        [ $status = 2 ] || fail "$p: status $status"
        grep -q 'make data' err
        [ ! -s log ]
        ! ls out/*.png 2>/dev/null
    done
}

wrong_usage() {
    for o in '--seed x' '--seed' '--recipe none' '--fast' '--only mars' 'x'; do
        status=0
        "$BIN/fig1_von_mises" $o >log 2>err || status=$?
        [ $status = 2 ] || fail "$o: status $status"
        grep -q usage err
    done
    status=0
    : >file
    "$BIN/fig1_von_mises" --out file/x 2>err || status=$?
    [ $status = 2 ]
}

for check in every_figure_and_table the_same_seed_gives_the_same_picture the_papers_recipe \
    images_are_drawn digits_are_combined others_are_told_apart other_models_draw_too \
    missing_data_are_named wrong_usage; do
    t_run $check
done
t_end
