#!/bin/sh
# examples/data.sh DIR: brings the data sets of the examples into DIR (`make data`: data/).
#
# Downloads what data.list names, unless it is there already, and checks every SHA-256, also of
# files that were there; then makes floods.csv (lat,lon in degrees) and glycine.csv (phi,psi in
# radians) of the raw files. EBIM_MIRROR=URL replaces all of an address but the file's name, and
# may be a file:// URL. EBIM_DATA_LIST=FILE is another list of files and sums.

set -e
LC_ALL=C
export LC_ALL
dir=$1
list=${EBIM_DATA_LIST:-$(dirname "$0")/data.list}

die() {
    echo "ebim: $*" >&2
    exit 2
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum <"$1"
    elif command -v shasum >/dev/null; then shasum -a 256 <"$1"
    elif command -v openssl >/dev/null; then openssl dgst -sha256 -r <"$1"
    else die 'no program to check SHA-256 with: sha256sum, shasum or openssl'
    fi | sed 's/[^0-9a-f].*//'
}

# fetch URL FILE
fetch() {
    case $1 in
    file://*) cp "${1#file://}" "$2" ;;
    *)
        if command -v curl >/dev/null; then curl -fsSL --retry 2 -o "$2" "$1"
        elif command -v wget >/dev/null; then wget -q -O "$2" "$1"
        else die 'no program to download with: curl or wget'
        fi
        ;;
    esac
}

# get SUM URL FILE
get() {
    if [ ! -f "$3" ]; then
        mkdir -p "$(dirname "$3")"
        echo "$3 <- $2"
        if ! fetch "$2" "$3.part"; then
            rm -f "$3.part"
            die "$2: cannot be downloaded (EBIM_MIRROR=URL names another place)"
        fi
        have=$3.part
    else
        have=$3
    fi
    sum=$(sha256 "$have")
    if [ "$sum" != "$1" ]; then
        rm -f "$3.part"
        die "$have: SHA-256 is $sum, expected $1; not used"
    fi
    [ "$have" = "$3" ] || mv "$have" "$3"
}

# The source has a comment, a header of its own and CRLF.
floods() {
    echo lat,lon
    tr -d '\r' <"$1" | sed -e '/^#/d' -e '/^lat,/d' | awk 1
}

# 1000 pairs of little-endian float32, 64475 bytes into the pickle: decoded from bytes, so neither
# the byte order of the machine nor its od matters.
glycine() {
    dd if="$1" bs=1 skip=64475 count=8000 2>/dev/null | od -A n -v -t u1 | awk '
        function number(b0, b1, b2, b3,    e, m) {
            e = b3 % 128 * 2 + int(b2 / 128)
            m = b2 % 128 * 65536 + b1 * 256 + b0
            if (e == 255) exit 1
            m = e ? (m + 8388608) * 2 ^ (e - 150) : m * 2 ^ -149
            return b3 < 128 ? m : -m
        }
        BEGIN { print "phi,psi" }
        {
            for (i = 1; i <= NF; i++) {
                b[n++] = $i
                if (n < 8) continue
                printf "%.9g,%.9g\n", number(b[0], b[1], b[2], b[3]),
                       number(b[4], b[5], b[6], b[7])
                n = 0
                rows++
            }
        }
        END { exit rows != 1000 || n }'
}

# make_csv NAME RAW: the function NAME writes NAME.csv from the raw file, if the list had it
make_csv() {
    if [ ! -f "$dir/download/$2" ]; then return 0; fi
    if ! "$1" "$dir/download/$2" >"$dir/$1.csv.part"; then
        rm -f "$dir/$1.csv.part"
        die "$dir/download/$2: not the data that was expected"
    fi
    mv "$dir/$1.csv.part" "$dir/$1.csv"
}

[ "$dir" ] || die 'usage: data.sh DIR'
[ -f "$list" ] || die "$list: no such file"
mkdir -p "$dir"
while read -r sum url file; do
    case $sum in '#'* | '') continue ;; esac
    if [ "$EBIM_MIRROR" ]; then url=${EBIM_MIRROR%/}/${url##*/}; fi
    get "$sum" "$url" "$dir/$file"
done <"$list"
make_csv floods flood.csv
make_csv glycine 9mers_data.pkl
echo "data: $dir is complete"
