# device.sh: how a program for a device is made and run here; sourced by table.sh and by the tests.
# $MCU is this directory. Picolibc starts the program and prints for it, the emulator is qemu.

DEVICES='m4 m0plus rv32 rv32f'

device_name() {
    case $1 in
    m4) echo 'Cortex-M4' ;;
    m0plus) echo 'Cortex-M0+' ;;
    rv32) echo 'RISC-V 32, imac' ;;
    rv32f) echo 'RISC-V 32, imafc' ;;
    esac
}

# The compiler and its flags, memory, the emulator, and the prefix of the other tools of a device
device() {
    case $1 in
    m4)
        D_TOOLS=arm-none-eabi- D_MEMORY='0 0x400000 0x20000000 0x400000'
        D_FLAGS='-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16'
        D_EMULATOR='qemu-system-arm -M mps2-an386'
        ;;
    m0plus) # the board has a Cortex-M0, which has the same instructions
        D_TOOLS=arm-none-eabi- D_MEMORY='0 0x40000 0x20000000 0x4000'
        D_FLAGS='-mcpu=cortex-m0plus -mthumb'
        D_EMULATOR='qemu-system-arm -M microbit'
        ;;
    rv32*)
        D_TOOLS=riscv64-unknown-elf- D_MEMORY='0x80000000 0x400000 0x80400000 0x200000'
        D_FLAGS='-march=rv32imac -mabi=ilp32'
        if [ "$1" = rv32f ]; then D_FLAGS='-march=rv32imafc -mabi=ilp32f'; fi
        D_EMULATOR='qemu-system-riscv32 -M virt -bios none'
        ;;
    esac
    D_COMPILE="${D_TOOLS}gcc $D_FLAGS --specs=picolibc.specs -Os -ffunction-sections
        -fdata-sections -Wl,--gc-sections -Tpicolibc.ld -Wl,--defsym=__stack_size=0x1400"
    for D_PART in __flash __flash_size __ram __ram_size; do
        D_COMPILE="$D_COMPILE -Wl,--defsym=$D_PART=${D_MEMORY%% *}" D_MEMORY=${D_MEMORY#* }
    done
}

# A program that prints: device_make OUT SOURCE FLAG...
device_make() {
    D_OUT=$1
    shift
    $D_COMPILE -DPICOLIBC_INTEGER_PRINTF_SCANF --oslib=semihost --crt0=hosted -o "$D_OUT" "$@" -lm
}

# One that only scores, to see how large that is: device_bare OUT SOURCE FLAG...
device_bare() {
    D_OUT=$1
    shift
    $D_COMPILE -nostartfiles -Wl,-emain -o "$D_OUT" "$@" -lm
}

# Every instruction takes a nanosecond of the device's clock.
device_run() {
    timeout 60 $D_EMULATOR -display none -monitor none -serial none -icount shift=0 \
        -chardev stdio,id=out -semihosting-config enable=on,chardev=out -kernel "$1" </dev/null
}

# Whether a device can be had here; DIR is for what that leaves
device_here() {
    device "$1"
    printf '#include <stdio.h>\n#include <math.h>\nint main(void) { puts("here"); return 0; }\n' \
        >"$2/here.c"
    device_make "$2/here" "$2/here.c" 2>/dev/null && device_run "$2/here" 2>/dev/null | grep -q here
}

# Bytes of the code of a bare program, without the parameters of the model
device_code() {
    D_TEXT=$("${D_TOOLS}size" -A "$1" |
        awk '/^\.(text|rodata|init|fini|data|ARM\.exidx)/ { s += $2 } END { print s + 0 }')
    "${D_TOOLS}nm" -S "$1" | awk -v s="$D_TEXT" 'function hex(x, i, v) {
        for (i = 1; i <= length(x); i++) v = 16 * v + index("0123456789abcdef", substr(x, i, 1)) - 1
        return v }
        / model_[FE]_theta$/ { s -= hex($2) } END { print s }'
}
