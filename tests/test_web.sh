#!/bin/sh
# test_web.sh: the page of examples/web, made anew and driven in headless Chromium by tests/web.py:
# a spiral and two circles drawn with the mouse, a torus turned, without a network.

. "$(dirname "$0")/t.sh"
MAKE=${MAKE:-make}
case ${BUILD:-build} in
/*) BIN=$BUILD ;;
*) BIN=$TOP/${BUILD:-build} ;;
esac
echo 'int main(void) { return 0; }' >"$T_TMP/empty.c"

# page NAME...: in the browser
page() {
    ${WASM_CC:-clang} --target=wasm32-wasi -o empty.wasm "$T_TMP/empty.c" 2>/dev/null ||
        skip 'no clang for wasm32-wasi here'
    command -v "${CHROMIUM:-chromium}" >/dev/null || skip 'no chromium here'
    command -v python3 >/dev/null || skip 'no python3 here'
    $MAKE -s -C "$TOP" BUILD="$BIN" web
    mkdir -p "$BIN/out/web"
    timeout 900 python3 "$TOP/tests/web.py" "$BIN/web/index.html" "$BIN/out/web" "$@"
}

a_spiral_and_circles() { page circles spiral; }

a_new_line_ends_a_fit() { page redraw; }

a_torus_turns() {
    slow
    page torus
}

for check in a_spiral_and_circles a_new_line_ends_a_fit a_torus_turns; do
    t_run $check
done
t_end
