/* gzip.h: what gzip packed (RFC 1951, 1952), of one member or several: data sets come like that,
   and a program should not need another to read them. Nothing in a file can make it read or write
   outside, or take more than `max` bytes. */
#ifndef GZIP_H
#define GZIP_H

#include <stdint.h>

#include "file.h"

enum { GZIP__LONGEST = 15, GZIP__CODES = 288 };

typedef struct gzip__code { /* canonical Huffman: codes of each length; symbols in their order */
    int count[GZIP__LONGEST + 1], symbol[GZIP__CODES];
} gzip__code;

typedef struct gzip__in {
    const unsigned char *p;
    size_t n, at;
    uint32_t bits;       /* read and not used, `have` of them, the lowest first */
    int have;
    unsigned char *out;
    size_t size, room, max;
    const char *wrong;   /* what is wrong; NULL: nothing yet */
} gzip__in;

static const unsigned char gzip__magic[2] = {0x1f, 0x8b};

FILE_FN int gzip__wrong(gzip__in *z, const char *what)
{
    if (!z->wrong) z->wrong = what;
    return -1;
}

FILE_FN unsigned gzip__take(gzip__in *z, int count)
{
    unsigned v;
    while (z->have < count) {
        if (z->at == z->n) {
            gzip__wrong(z, "it ends too early: is it whole?");
            return 0;
        }
        z->bits |= (uint32_t)z->p[z->at++] << z->have;
        z->have += 8;
    }
    v = z->bits & ((1u << count) - 1);
    z->bits >>= count;
    z->have -= count;
    return v;
}

/* 0, or -1 where there are more codes than fit */
FILE_FN int gzip__code_make(gzip__code *c, const unsigned char *length, int n)
{
    int i, at[GZIP__LONGEST + 2], left = 1;
    memset(c, 0, sizeof *c);
    for (i = 0; i < n; i++) c->count[length[i]]++;
    c->count[0] = 0;
    for (at[1] = 0, i = 1; i <= GZIP__LONGEST; i++) {
        left = 2 * left - c->count[i];
        if (left < 0) return -1;
        at[i + 1] = at[i] + c->count[i];
    }
    for (i = 0; i < n; i++)
        if (length[i]) c->symbol[at[length[i]]++] = i;
    return 0;
}

FILE_FN int gzip__symbol(gzip__in *z, const gzip__code *c)
{
    int value = 0, first = 0, index = 0, len;
    for (len = 1; len <= GZIP__LONGEST && !z->wrong; len++) {
        value |= (int)gzip__take(z, 1);
        if (value - c->count[len] < first) return c->symbol[index + value - first];
        index += c->count[len];
        first = (first + c->count[len]) << 1;
        value <<= 1;
    }
    gzip__wrong(z, "damaged: a code that there is not");
    return 0;
}

FILE_FN int gzip__make_room(gzip__in *z, size_t count)
{
    size_t room = z->room ? z->room : 65536;
    unsigned char *more;
    if (count > z->max - z->size) return gzip__wrong(z, "it unpacks to more than is read");
    if (z->size + count <= z->room) return 0;
    while (room < z->size + count) room *= 2;
    more = (unsigned char *)FILE_REALLOC(z->out, room);
    if (!more) return gzip__wrong(z, "out of memory");
    z->out = more;
    z->room = room;
    return 0;
}

FILE_FN void gzip__stored(gzip__in *z)
{
    unsigned count, check;
    z->bits = 0;
    z->have = 0;
    count = gzip__take(z, 16);
    check = gzip__take(z, 16);
    if (count != (check ^ 0xffff)) gzip__wrong(z, "damaged: a stored block of two lengths");
    if (!z->wrong && count > z->n - z->at) gzip__wrong(z, "it ends too early: is it whole?");
    if (z->wrong || gzip__make_room(z, count)) return;
    if (count) memcpy(z->out + z->size, z->p + z->at, count);
    z->size += count;
    z->at += count;
}

/* The two codes of a block that brings its own */
FILE_FN void gzip__codes(gzip__in *z, gzip__code *literal, gzip__code *distance)
{
    static const unsigned char order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2,
                                            14, 1, 15};
    unsigned char length[GZIP__CODES + 32] = {0};
    gzip__code lengths;
    int literals = 257 + (int)gzip__take(z, 5), distances = 1 + (int)gzip__take(z, 5);
    int count = 4 + (int)gzip__take(z, 4), i;
    for (i = 0; i < count; i++) length[order[i]] = (unsigned char)gzip__take(z, 3);
    if (literals > 286 || gzip__code_make(&lengths, length, 19))
        gzip__wrong(z, "damaged: a code of codes");
    memset(length, 0, sizeof length);
    for (i = 0; i < literals + distances && !z->wrong;) {
        int s = gzip__symbol(z, &lengths), repeat = 1;
        unsigned char value = (unsigned char)s;
        if (s == 16 && !i) gzip__wrong(z, "damaged: a length of nothing is repeated");
        if (s == 16) value = i ? length[i - 1] : 0;
        if (s > 16) value = 0;
        if (s == 16) repeat = 3 + (int)gzip__take(z, 2);
        if (s == 17) repeat = 3 + (int)gzip__take(z, 3);
        if (s == 18) repeat = 11 + (int)gzip__take(z, 7);
        if (repeat > literals + distances - i) gzip__wrong(z, "damaged: too many lengths");
        for (; repeat && !z->wrong; repeat--) length[i++] = value;
    }
    if (z->wrong) return;
    if (gzip__code_make(literal, length, literals) ||
        gzip__code_make(distance, length + literals, distances))
        gzip__wrong(z, "damaged: a code of too many words");
}

FILE_FN void gzip__fixed(gzip__code *literal, gzip__code *distance)
{
    unsigned char length[GZIP__CODES];
    int i;
    for (i = 0; i < GZIP__CODES; i++)
        length[i] = (unsigned char)(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
    gzip__code_make(literal, length, GZIP__CODES);
    memset(length, 5, 30);
    gzip__code_make(distance, length, 30);
}

FILE_FN void gzip__copy(gzip__in *z, int s, const gzip__code *distance)
{
    int extra = s < 265 || s == 285 ? 0 : (s - 261) / 4, d;
    size_t count = s == 285 ? 258 : s < 265 ? (size_t)s - 254
                 : (size_t)(3 + ((4 + (s - 265) % 4) << extra));
    size_t back;
    count += gzip__take(z, extra);
    d = gzip__symbol(z, distance);
    if (d > 29) gzip__wrong(z, "damaged: a distance that there is not");
    extra = d < 4 ? 0 : (d - 2) / 2;
    back = d < 4 ? (size_t)d + 1 : (size_t)(1 + ((2 + d % 2) << extra));
    if (!z->wrong) back += gzip__take(z, extra);
    if (back > z->size) gzip__wrong(z, "damaged: it repeats what is not there");
    if (s > 285) gzip__wrong(z, "damaged: a length that there is not");
    if (z->wrong || gzip__make_room(z, count)) return;
    for (; count; count--, z->size++) z->out[z->size] = z->out[z->size - back];
}

FILE_FN void gzip__block(gzip__in *z, unsigned kind)
{
    gzip__code literal, distance;
    if (kind == 0) {
        gzip__stored(z);
        return;
    }
    if (kind == 3) gzip__wrong(z, "damaged: a block of no kind");
    if (kind == 1) gzip__fixed(&literal, &distance);
    if (kind == 2) gzip__codes(z, &literal, &distance);
    while (!z->wrong) {
        int s = gzip__symbol(z, &literal);
        if (s == 256) return;
        if (s > 256) gzip__copy(z, s, &distance);
        else if (!z->wrong && !gzip__make_room(z, 1)) z->out[z->size++] = (unsigned char)s;
    }
}

FILE_FN uint32_t gzip__crc(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    int k;
    for (; n--; p++)
        for (crc ^= *p, k = 0; k < 8; k++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
    return ~crc;
}

FILE_FN uint32_t gzip__word(gzip__in *z)
{
    uint32_t low = gzip__take(z, 16); /* first: operands of | have no order */
    return low | (uint32_t)gzip__take(z, 16) << 16;
}

/* One member: its head, blocks, and the sum and size of what they held */
FILE_FN void gzip__member(gzip__in *z)
{
    unsigned last = 0, flags, count;
    size_t start = z->size;
    uint32_t crc, size;
    z->at += 2;
    if (gzip__take(z, 8) != 8) gzip__wrong(z, "packed by another method");
    flags = gzip__take(z, 8);
    for (count = 0; count < 6; count++) gzip__take(z, 8);
    if (flags & 4)
        for (count = gzip__take(z, 16); count && !z->wrong; count--) gzip__take(z, 8);
    if (flags & 8) while (gzip__take(z, 8) && !z->wrong) {}
    if (flags & 16) while (gzip__take(z, 8) && !z->wrong) {}
    if (flags & 2) gzip__take(z, 16);
    while (!last && !z->wrong) {
        last = gzip__take(z, 1);
        gzip__block(z, gzip__take(z, 2));
    }
    z->bits = 0; /* up to the next byte */
    z->have = 0;
    crc = gzip__word(z);
    size = gzip__word(z);
    if (!z->wrong && (size != (uint32_t)(z->size - start) ||
                      crc != gzip__crc(z->out + start, z->size - start)))
        gzip__wrong(z, "damaged: its sum is another");
}

FILE_FN int gzip_is(const unsigned char *p, size_t n)
{
    return n >= 2 && !memcmp(p, gzip__magic, 2);
}

/* What p holds, to be freed; *size of it. NULL with a message about `file`. */
FILE_FN unsigned char *gzip_unpack(const unsigned char *p, size_t n, size_t max, size_t *size,
                                   const char *file, char *err, size_t err_size)
{
    gzip__in z;
    memset(&z, 0, sizeof z);
    z.p = p;
    z.n = n;
    z.max = max;
    if (!gzip_is(p, n)) gzip__wrong(&z, "not packed by gzip");
    gzip__make_room(&z, 1);
    while (!z.wrong && gzip_is(p + z.at, n - z.at)) gzip__member(&z);
    if (!z.wrong && z.at < n) gzip__wrong(&z, "damaged: something follows its end");
    if (z.wrong) {
        file_fail(err, err_size, file, 0, "%s", z.wrong);
        free(z.out);
        return NULL;
    }
    *size = z.size;
    return z.out;
}

#endif /* GZIP_H */
