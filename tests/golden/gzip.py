"""Writes tests/golden/gzip.h: what zlib packs, in every kind of block, for tests of gzip.h and
idx.h: images 2 x 3 x 4 of the numbers 0 .. 23, and 40 rows of nine words."""
import random
import struct
import zlib


def member(data, level, strategy=0, name=b""):
    c = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    packed = c.compress(data) + c.flush()
    head = b"\x1f\x8b\x08" + (b"\x08" if name else b"\0") + b"\0\0\0\0\0\x03"
    head += name + b"\0" if name else b""
    return head + packed + struct.pack("<II", zlib.crc32(data), len(data))


def array(name, data):
    text, line = "static const unsigned char %s[] = {\n" % name, "    "
    for x in data:
        item = "%d, " % x
        if len(line) + len(item) > 100:
            text, line = text + line.rstrip() + "\n", "    "
        line += item
    return text + line.rstrip().rstrip(",") + "};\n"


small = b"\0\0\x08\x03" + struct.pack(">III", 2, 3, 4) + bytes(range(24))
rnd = random.Random(3)
words = [bytes(rnd.choice([0, 0, 0, 7, 255, 19, 33, 200]) for _ in range(16)) for _ in range(9)]
body = b"".join(words[(i * i + i // 3) % 9] for i in range(40))
large = b"\0\0\x08\x02" + struct.pack(">II", 40, 16) + body
with open("tests/golden/gzip.h", "w") as f:
    f.write("/* Made by zlib %s (tests/golden/gzip.py) */\n" % zlib.ZLIB_RUNTIME_VERSION)
    f.write(array("gzip_stored", member(small, 0)) + array("gzip_fixed", member(small, 9, 4, b"digits")))
    f.write(array("gzip_dynamic", member(large, 9)))
    f.write(array("gzip_two", member(small[:20], 9) + member(small[20:], 0)))
