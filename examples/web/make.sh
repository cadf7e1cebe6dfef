#!/bin/sh
# make.sh BUILD: the page as one file, BUILD/web/index.html, which needs neither a server nor a
# network. It takes clang for WebAssembly (Debian: clang lld wasi-libc libclang-rt-14-dev-wasm32).

build=${1:?BUILD}
here=$(dirname "$0")
mkdir -p "$build/web" || exit 1
${WASM_CC:-clang} --target=wasm32-wasi -mexec-model=reactor -msimd128 -O2 -DNDEBUG -Wall -Wextra \
    -Wl,-z,stack-size=4194304 -Wl,--strip-all -o "$build/web/ebim.wasm" "$here/web.c" -lm || exit 1
base64 "$build/web/ebim.wasm" | tr -d '\n' >"$build/web/ebim.base64" || exit 1
awk -v here="$here/" -v wasm="$build/web/ebim.base64" '
    function put(file, line) { while ((getline line < file) > 0) print line; close(file) }
    /style\.css/ { print "<style>"; put(here "style.css"); print "</style>"; next }
    /page\.js/ {
        print "<script type=\"text/plain\" id=\"wasm\">"; put(wasm); print "</script>"
        print "<script type=\"text/plain\" id=\"worker\">"; put(here "worker.js"); print "</script>"
        print "<script>"; put(here "page.js"); print "</script>"
        next
    }
    { print }' "$here/index.html" >"$build/web/index.html.new" &&
    mv "$build/web/index.html.new" "$build/web/index.html"
