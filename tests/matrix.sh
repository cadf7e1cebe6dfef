#!/bin/sh
# matrix.sh BUILD [TEXT]: smoke.c by every compiler, standard, level and processor there is here
# (rows whose name holds TEXT). Each fits, saves, loads, scores and samples (a manifold, and a
# density on one that is known); then every program reads the files of all, and has to find in
# them what all others do, to 1e-4. Nothing is installed: a row that cannot be built or run is
# skipped, and says why. Debian: gcc g++ clang tcc musl-tools gcc-multilib gcc-aarch64-linux-gnu
# gcc-arm-linux-gnueabihf gcc-riscv64-linux-gnu gcc-powerpc-linux-gnu gcc-mips-linux-gnu
# gcc-s390x-linux-gnu qemu-user gcc-mingw-w64-x86-64 wine nodejs lld wasi-libc
# libclang-rt-14-dev-wasm32

cd "$(dirname "$0")/.." || exit 1
dir=${1:-build}/matrix
only=$2
mkdir -p "$dir" || exit 1
rm -f "$dir"/*.ebim "$dir"/*.said "$dir"/*.read

# name | compiler and flags | what runs its programs (-: nothing needed; none: they are only built)
rows() {
    cat <<'END'
gcc-O2|gcc -std=c99 -O2|-
gcc-O0-c11|gcc -std=c11 -O0|-
gcc-Os-c17|gcc -std=c17 -Os|-
gcc-O3-lto-c2x|gcc -std=c2x -O3 -flto|-
gcc-fast-math|gcc -std=c99 -O2 -ffast-math|-
gcc-native|gcc -std=c99 -O2 -march=native|-
gcc-double|gcc -std=c99 -O2 -DEBIM_DOUBLE|-
gcc-openmp|gcc -std=c99 -O2 -fopenmp -DEBIM_USE_OPENMP|-
gcc-plain|gcc -std=c99 -O2 -DEBIM_NO_SIMD|-
clang-O2-c11|clang -std=c11 -O2|-
clang-O0|clang -std=c99 -O0|-
clang-Oz|clang -std=c99 -Oz|-
clang-O3-lto|clang -std=c17 -O3 -flto|-
clang-fast-math|clang -std=c99 -O2 -ffast-math|-
tcc|tcc -std=c99|-
g++-c++11|g++ -x c++ -std=c++11 -O1|-
g++-c++23|g++ -x c++ -std=c++23 -O1|-
clang++-c++20|clang++ -x c++ -std=c++20 -O1|-
musl|musl-gcc -std=c99 -O2 -static|-
m32-x87|gcc -std=c99 -O1 -m32|-
m32-sse|gcc -std=c99 -O1 -m32 -msse2 -mfpmath=sse|-
aarch64|aarch64-linux-gnu-gcc -std=c99 -O2 -static|qemu-aarch64
armhf|arm-linux-gnueabihf-gcc -std=c99 -O2 -static|qemu-arm
riscv64|riscv64-linux-gnu-gcc -std=c99 -O2 -static|qemu-riscv64
mips|mips-linux-gnu-gcc -std=c99 -O2 -static|qemu-mips
powerpc|powerpc-linux-gnu-gcc -std=c99 -O2 -static|qemu-ppc
s390x|s390x-linux-gnu-gcc -std=c99 -O2 -static|qemu-s390x
mingw|x86_64-w64-mingw32-gcc -std=c99 -O1|wine
wasm|clang --target=wasm32-wasi -std=c99 -O2 -Wl,-z,stack-size=1048576|node
END
}

skip() {
    printf 'skip %-16s %s\n' "$name" "$*" >"$dir/$name.said"
}

# Node's own WASI: the program's file system is DIR.
node_runner() {
    cat >"$dir/wasi.mjs" <<'END'
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const [, , program, dir, ...args] = process.argv;
const wasi = new WASI({ version: 'preview1', args: ['smoke', ...args], preopens: { '.': dir } });
const made = await WebAssembly.compile(await readFile(program));
process.exitCode = wasi.start(await WebAssembly.instantiate(made, wasi.getImportObject()));
END
}

# run ARGUMENT...: this row's program, in $dir, so that names of files are the same for all
run() {
    case $with in
    -) (cd "$dir" && timeout 600 "./$name.exe" "$@") ;;
    node) (cd "$dir" && timeout 600 node --no-warnings wasi.mjs "$name.exe" . "$@") ;;
    *) (cd "$dir" && timeout 600 $with "./$name.exe" "$@") ;;
    esac
}

build() {
    # gcc's headers of 32 bits may stand among those of 64 only
    case $name in m32*) set -- -idirafter "/usr/include/$(gcc -print-multiarch)" ;; *) set -- ;;
    esac
    case $name in *native) ;; *) set -- "$@" -DEBIM_SIMD_BITS=128 ;; esac # compiles sooner
    case $with:$command in
    *' -x c++ '*) $command "$@" -o "$dir/$name.exe" tests/smoke.c -x none -lm ;;
    *) $command "$@" -o "$dir/$name.exe" tests/smoke.c -lm ;;
    esac
}

# Can this compiler make any program here?
makes_any() {
    echo '#include <math.h>
        #include <stdio.h>
        int main(int argc, char **argv) { return !(cos(argc + (argv[0] != NULL)) < 0); }' \
        >"$dir/any.c"
    ${command} -o "$dir/any.exe" "$dir/any.c" -lm >/dev/null 2>&1
}

# An emulator may not know what the machine's own libm executes: qemu-ppc 7.2 has no mffscrni.
runs_any() (name=any && run >/dev/null 2>&1)

row() {
    tool=${command%% *}
    log=$dir/$name.log
    start=$(date +%s)
    command -v "$tool" >/dev/null || { skip "no $tool here"; return; }
    makes_any || { skip "$command makes no program here"; return; }
    if ! build >"$log" 2>&1; then
        printf 'FAIL %-16s does not compile: %s\n' "$name" "$(grep -m 1 error "$log")" \
            >"$dir/$name.said"
        return
    fi
    case $with in -) ;; *) command -v "$with" >/dev/null || {
        skip "compiled and linked; no $with to run it"; return; } ;; esac
    runs_any || { skip "compiled and linked; $with runs no program that has a cosine"; return; }
    run fit "$name.ebim" F >>"$log" 2>&1 && run fit "$name-E.ebim" E >>"$log" 2>&1
    status=$?
    if [ $status = 0 ]; then
        printf 'ok   %-16s %3d s\n' "$name" $(($(date +%s) - start)) >"$dir/$name.said"
    else
        printf 'FAIL %-16s status %d: %s\n' "$name" $status "$(tail -n 1 "$log")" \
            >"$dir/$name.said"
    fi
}

each() { # FUNCTION: for every row
    rows | while IFS='|' read -r name command with; do
        case $name in *"$only"*) ;; *) continue ;; esac
        "$1" </dev/null
    done
}

made() {
    row
    cat "$dir/$name.said"
}

# The first row's numbers are those of all.
readers() {
    grep -q '^ok' "$dir/$name.said" || return 0
    # shellcheck disable=SC2046
    run read $(cd "$dir" && ls ./*.ebim) >"$dir/$name.read" 2>"$dir/$name.log" &&
        awk 'NR == FNR { want[FNR] = $0; next }
            { split(want[FNR], w); bad += w[1] != $1
              for (i = 2; i <= 5; i++) bad += !(w[i] == $i || (w[i] - $i) ^ 2 < 1e-8) }
            END { exit bad > 0 || NR != 2 * FNR }' "$dir/$first.read" "$dir/$name.read" &&
        return 0
    printf 'FAIL %-16s reads other numbers than %s: %s\n' "$name" "$first" \
        "$(tail -n 1 "$dir/$name.log")" | tee "$dir/$name.said"
}

node_runner
each made
first=$(rows | while IFS='|' read -r name rest; do
    grep -qs '^ok' "$dir/$name.said" && echo "$name" && break
done)
each readers
cat "$dir"/*.said | awk '{ n[$1]++ }
    END { printf "%d passed, %d failed, %d skipped\n", n["ok"], n["FAIL"], n["skip"]
          exit n["FAIL"] > 0 || !n["ok"] }'
