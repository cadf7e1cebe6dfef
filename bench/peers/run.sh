#!/bin/sh
# run.sh BUILD [LIMIT_DIR]: compiles ours.c and makes an environment for peers.py, with what can be
# had of JAX and PyTorch, on one core. PyTorch is taken from the system (Debian: python3-torch).
set -e
here=$(dirname "$0")
build=$1
venv=$build/peers-venv
limit=${2:+$(cd "$2" && pwd)}

if [ ! -x "$venv/bin/python" ]; then
    for python in /usr/bin/python3 python3; do
        if "$python" -c 'import torch' 2>/dev/null; then break; fi
    done
    "$python" -m venv --system-site-packages "$venv"
    "$venv/bin/python" -m pip -q install jax 2>"$build/peers-pip.log" ||
        echo "JAX could not be installed: $build/peers-pip.log"
fi
"$venv/bin/python" -c 'import torch' 2>/dev/null ||
    echo "no PyTorch here: python3-torch of Debian, or: $venv/bin/python -m pip install torch"
${CC:-cc} -O2 -o "$build/peers-ours" "$here/ours.c" -lm
"$build/peers-ours" >"$build/peers-ours.json"
pin=
if command -v taskset >/dev/null; then pin='taskset -c 1'; fi
if [ "$(nproc 2>/dev/null || echo 1)" = 1 ]; then pin=; fi
$pin "$venv/bin/python" "$here/peers.py" "$build/peers-ours.json" "$build/bench" \
    ${limit:+"$limit"} 2>"$build/peers.log" || {
    cat "$build/peers.log" # what a peer says while all is well is of no interest
    exit 1
}
