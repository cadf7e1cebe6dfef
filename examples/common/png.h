/* png.h: write an 8-bit RGB picture as a PNG file, with nothing but libc.

   PNG is a zlib stream of filtered rows in three chunks. The stream is a real deflate: LZ77 over
   a 32 KiB window (hash chains, one byte of lazy look-ahead) and one dynamic Huffman code per
   block of 2^15 tokens, so that drawings of flat colour come out at a few per cent of their raw
   size. Cost: about 0.1 s per megapixel. Pitfalls: Huffman codes are stored most significant bit
   first while everything else in deflate is least significant first, hence the reversal in
   png__codes; lengths are limited to 15 (7 for the code of the code), hence the flattening of the
   frequencies in png__lengths. */
#ifndef PNG_H
#define PNG_H

#include "file.h"

#ifndef PLOT_FN
#if defined(__GNUC__)
#define PLOT_FN static __attribute__((unused))
#else
#define PLOT_FN static
#endif
#endif

enum {
    PNG__WINDOW = 1 << 15, PNG__HASH = 1 << 15, PNG__BLOCK = 1 << 15, PNG__CHAIN = 96,
    PNG__MIN = 3, PNG__MAX = 258, PNG__LITLEN = 286, PNG__DIST = 30, PNG__CL = 19
};

typedef struct png__out {      /* a growing byte string with a bit cursor */
    unsigned char *p;
    size_t n, cap;
    uint32_t acc;              /* bits not yet written, lowest first */
    int fill, failed;
} png__out;

typedef struct png__lz {
    const unsigned char *src;
    size_t n;
    int32_t head[PNG__HASH], prev[PNG__WINDOW];   /* newest position of a hash; the one before */
    uint32_t tok[PNG__BLOCK];                     /* literal, or length << 16 | distance */
    int n_tok;
} png__lz;

/* ---- bytes, bits, checksums ---- */

PLOT_FN void png__byte(png__out *o, unsigned v) {
    if (o->n == o->cap) {
        size_t cap = o->cap ? 2 * o->cap : 65536;
        unsigned char *p = o->failed ? NULL : (unsigned char *)realloc(o->p, cap);
        if (!p) { o->failed = 1; return; }
        o->p = p;
        o->cap = cap;
    }
    o->p[o->n++] = (unsigned char)(v & 255u);
}

PLOT_FN void png__be32(png__out *o, uint32_t v) {
    int s;
    for (s = 24; s >= 0; s -= 8) png__byte(o, (unsigned)(v >> s));
}

PLOT_FN void png__bits(png__out *o, unsigned v, int count) {
    o->acc |= (uint32_t)v << o->fill;            /* fill <= 7 and count <= 16: never past bit 23 */
    for (o->fill += count; o->fill >= 8; o->fill -= 8) {
        png__byte(o, o->acc);
        o->acc >>= 8;
    }
}

PLOT_FN uint32_t png__crc(const unsigned char *p, size_t n) {
    uint32_t table[256], c;
    size_t i;
    int k;
    for (i = 0; i < 256; i++) {
        for (c = (uint32_t)i, k = 0; k < 8; k++) c = (c >> 1) ^ (0xEDB88320u & (0u - (c & 1u)));
        table[i] = c;
    }
    for (c = 0xFFFFFFFFu, i = 0; i < n; i++) c = table[(c ^ p[i]) & 255u] ^ (c >> 8);
    return ~c;
}

PLOT_FN uint32_t png__adler(const unsigned char *p, size_t n) {
    uint32_t a = 1, b = 0;
    size_t i;
    for (i = 0; i < n; i++) {
        a = (a + p[i]) % 65521u;
        b = (b + a) % 65521u;
    }
    return b << 16 | a;
}

/* ---- Huffman codes ---- */

/* Code lengths for freq[n]; when the tree is deeper than limit, halve the counts and try again.
   A code of fewer than two symbols is not complete, so the first unused symbols join it. */
PLOT_FN void png__lengths(const uint32_t *freq, int n, int limit, unsigned char *len) {
    uint32_t w[2 * PNG__LITLEN];
    int up[2 * PNG__LITLEN], i, k, used = 0, total, deepest;
    for (i = 0; i < n; i++) used += (w[i] = freq[i]) != 0;
    for (i = 0; used < 2; i++)
        if (!w[i]) { w[i] = 1; used++; }
    do {
        for (i = 0; i < n; i++) up[i] = -1;
        for (total = n, k = 1; k < used; k++) {      /* join the two lightest roots */
            int a = -1, b = -1;
            for (i = 0; i < total; i++) {
                if (!w[i] || up[i] >= 0) continue;
                if (a < 0 || w[i] < w[a]) { b = a; a = i; }
                else if (b < 0 || w[i] < w[b]) b = i;
            }
            w[total] = w[a] + w[b];
            up[total] = -1;
            up[a] = up[b] = total++;
        }
        for (deepest = 0, i = 0; i < n; i++) {
            int depth = 0, at = i;
            if (w[i]) while ((at = up[at]) >= 0) depth++;
            len[i] = (unsigned char)depth;
            if (depth > deepest) deepest = depth;
        }
        for (i = 0; i < n; i++) w[i] = (w[i] + 1) / 2;
    } while (deepest > limit);
}

PLOT_FN void png__codes(const unsigned char *len, int n, uint16_t *code) {
    unsigned next = 0;
    int l, i, b;
    for (l = 1; l <= 15; l++, next <<= 1)
        for (i = 0; i < n; i++) {
            if (len[i] != l) continue;
            for (code[i] = 0, b = 0; b < l; b++)
                code[i] = (uint16_t)(code[i] | ((next >> b) & 1u) << (l - 1 - b));
            next++;
        }
}

/* Symbol, extra bits and their number for a value counted from zero: exponent and the leading
   mantissa bits (2 of them for lengths, 1 for distances) make the symbol, the rest follow it. */
PLOT_FN int png__split(unsigned v, int mantissa, int *extra) {
    int e = 0;
    while (v >> e >= 2u << mantissa) e++;
    *extra = e;
    return (e << mantissa) + (int)(v >> e);
}

PLOT_FN int png__len_symbol(unsigned len, int *extra) {
    if (len == PNG__MAX) { *extra = 0; return 285; }
    return 257 + png__split(len - PNG__MIN, 2, extra);
}

/* ---- deflate ---- */

/* The two tables of code lengths, run-length coded with a third Huffman code (RFC 1951, 3.2.7). */
PLOT_FN void png__tables(png__out *o, const unsigned char *len, int n_lit, int n_dist) {
    static const unsigned char order[PNG__CL] =
        { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
    unsigned char sym[PNG__LITLEN + PNG__DIST], arg[PNG__LITLEN + PNG__DIST], cl[PNG__CL];
    uint32_t freq[PNG__CL] = { 0 };
    uint16_t code[PNG__CL];
    int i, m = 0, run, n = n_lit + n_dist, n_cl = PNG__CL;
    for (i = 0; i < n; i += run, m++) {
        int zero = len[i] == 0, most = zero ? 138 : 6, rep;
        for (run = 1; i + run < n && len[i + run] == len[i]; run++) { }
        rep = zero ? run : i > 0 && len[i - 1] == len[i] ? run : 0;
        run = rep < 3 ? 1 : rep > most ? most : rep;
        sym[m] = (unsigned char)(run == 1 ? len[i] : !zero ? 16 : run <= 10 ? 17 : 18);
        arg[m] = (unsigned char)(run == 1 ? 0 : run - (sym[m] == 18 ? 11 : 3));
        freq[sym[m]]++;
    }
    png__lengths(freq, PNG__CL, 7, cl);
    png__codes(cl, PNG__CL, code);
    while (n_cl > 4 && !cl[order[n_cl - 1]]) n_cl--;
    png__bits(o, (unsigned)(n_lit - 257), 5);
    png__bits(o, (unsigned)(n_dist - 1), 5);
    png__bits(o, (unsigned)(n_cl - 4), 4);
    for (i = 0; i < n_cl; i++) png__bits(o, cl[order[i]], 3);
    for (i = 0; i < m; i++) {
        png__bits(o, code[sym[i]], cl[sym[i]]);
        if (sym[i] >= 16) png__bits(o, arg[i], sym[i] == 16 ? 2 : sym[i] == 17 ? 3 : 7);
    }
}

PLOT_FN void png__count(const png__lz *z, uint32_t *lit, uint32_t *dist) {
    int i, extra;
    memset(lit, 0, PNG__LITLEN * sizeof *lit);
    memset(dist, 0, PNG__DIST * sizeof *dist);
    lit[256] = 1;
    for (i = 0; i < z->n_tok; i++) {
        unsigned len = z->tok[i] >> 16, v = z->tok[i] & 0xFFFFu;
        if (!len) { lit[v]++; continue; }
        lit[png__len_symbol(len, &extra)]++;
        dist[png__split(v - 1, 1, &extra)]++;
    }
}

PLOT_FN void png__block(png__out *o, png__lz *z, int last) {
    uint32_t lit[PNG__LITLEN], dist[PNG__DIST];
    unsigned char len[PNG__LITLEN + PNG__DIST];      /* distances follow the literals */
    uint16_t code[PNG__LITLEN], dcode[PNG__DIST];
    int i, extra, s;
    png__count(z, lit, dist);
    png__lengths(lit, PNG__LITLEN, 15, len);
    png__lengths(dist, PNG__DIST, 15, len + PNG__LITLEN);
    png__codes(len, PNG__LITLEN, code);
    png__codes(len + PNG__LITLEN, PNG__DIST, dcode);
    png__bits(o, last ? 5u : 4u, 3);                 /* dynamic block */
    png__tables(o, len, PNG__LITLEN, PNG__DIST);
    for (i = 0; i < z->n_tok; i++) {
        unsigned l = z->tok[i] >> 16, v = z->tok[i] & 0xFFFFu;
        if (!l) { png__bits(o, code[v], len[v]); continue; }
        s = png__len_symbol(l, &extra);
        png__bits(o, code[s], len[s]);
        png__bits(o, (l - PNG__MIN) & ((1u << extra) - 1u), extra);
        s = png__split(v - 1, 1, &extra);
        png__bits(o, dcode[s], len[PNG__LITLEN + s]);
        png__bits(o, (v - 1) & ((1u << extra) - 1u), extra);
    }
    png__bits(o, code[256], len[256]);
    z->n_tok = 0;
}

PLOT_FN unsigned png__hash(const unsigned char *p) {
    return ((unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2]) * 2654435761u >> 17;
}

PLOT_FN void png__insert(png__lz *z, size_t at) {
    unsigned h;
    if (at + PNG__MIN > z->n) return;
    h = png__hash(z->src + at);
    z->prev[at % PNG__WINDOW] = z->head[h];
    z->head[h] = (int32_t)at;
}

/* The longest earlier match of what starts at `at` (which is not inserted yet), 0 if none. */
PLOT_FN int png__match(const png__lz *z, size_t at, int *dist) {
    const unsigned char *s = z->src + at;
    int best = PNG__MIN - 1, most, tries = PNG__CHAIN;
    int32_t j;
    if (at + PNG__MIN > z->n) return 0;
    most = z->n - at < PNG__MAX ? (int)(z->n - at) : PNG__MAX;
    for (j = z->head[png__hash(s)]; j >= 0 && tries-- > 0; j = z->prev[j % PNG__WINDOW]) {
        const unsigned char *t = z->src + j;
        int l = 0;
        if (at - (size_t)j >= PNG__WINDOW) break;    /* older links are overwritten */
        if (t[best] != s[best]) continue;
        while (l < most && t[l] == s[l]) l++;
        if (l > best) { best = l; *dist = (int)(at - (size_t)j); }
        if (best >= most) break;
    }
    return best < PNG__MIN ? 0 : best;
}

PLOT_FN void png__deflate(png__out *o, png__lz *z) {
    size_t i = 0, j;
    int dist = 0, ahead = 0, len, next;
    for (j = 0; j < PNG__HASH; j++) z->head[j] = -1;
    len = png__match(z, 0, &dist);
    while (i < z->n) {
        png__insert(z, i);
        next = len < 64 ? png__match(z, i + 1, &ahead) : 0;
        if (len && len >= next) {
            z->tok[z->n_tok++] = (uint32_t)len << 16 | (uint32_t)dist;
            for (j = 1; j < (size_t)len; j++) png__insert(z, i + j);
            i += (size_t)len;
            len = png__match(z, i, &dist);
        } else {
            z->tok[z->n_tok++] = z->src[i++];
            len = next;
            dist = ahead;
        }
        if (z->n_tok == PNG__BLOCK) png__block(o, z, 0);
    }
    png__block(o, z, 1);
    if (o->fill) png__bits(o, 0, 8 - o->fill);
}

/* ---- the file ---- */

PLOT_FN int png__predict(int filter, int a, int b, int c) {   /* left, up, upper left */
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    switch (filter) {
    case 1: return a;
    case 2: return b;
    case 3: return (a + b) / 2;
    case 4: return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    default: return 0;
    }
}

/* One row under the filter whose residues have the smallest sum of magnitudes. */
PLOT_FN void png__filter(const unsigned char *row, const unsigned char *up, int n,
                         unsigned char *out) {
    long least = -1;
    int f, pass, best = 0, i;
    for (pass = 0; pass < 6; pass++) {               /* the sixth pass writes the winner */
        long sum = 0;
        f = pass < 5 ? pass : best;
        for (i = 0; i < n; i++) {
            int a = i < 3 ? 0 : row[i - 3], b = up ? up[i] : 0, c = up && i >= 3 ? up[i - 3] : 0;
            int r = (row[i] - png__predict(f, a, b, c)) & 255;
            sum += r < 128 ? r : 256 - r;
            out[1 + i] = (unsigned char)r;
        }
        if (least < 0 || sum < least) { least = sum; best = f; }
    }
    out[0] = (unsigned char)best;
}

PLOT_FN void png__chunk_end(png__out *o, size_t start) {      /* start: the length field */
    size_t n = o->n - start - 8, i;
    if (o->failed) return;
    for (i = 0; i < 4; i++) o->p[start + i] = (unsigned char)((n >> (24 - 8 * i)) & 255u);
    png__be32(o, png__crc(o->p + start + 4, n + 4));
}

PLOT_FN size_t png__chunk(png__out *o, const char *tag) {
    size_t start = o->n;
    png__be32(o, 0);
    for (; *tag; tag++) png__byte(o, (unsigned char)*tag);
    return start;
}

PLOT_FN void png__encode(png__out *o, int w, int h, const unsigned char *filtered, size_t n,
                         png__lz *z) {
    static const unsigned char magic[8] = { 137, 'P', 'N', 'G', 13, 10, 26, 10 };
    static const unsigned char kind[5] = { 8, 2, 0, 0, 0 };   /* 8 bits, RGB, not interlaced */
    size_t at, i;
    for (i = 0; i < 8; i++) png__byte(o, magic[i]);
    at = png__chunk(o, "IHDR");
    png__be32(o, (uint32_t)w);
    png__be32(o, (uint32_t)h);
    for (i = 0; i < 5; i++) png__byte(o, kind[i]);
    png__chunk_end(o, at);
    at = png__chunk(o, "IDAT");
    png__byte(o, 0x78);
    png__byte(o, 0xDA);
    z->src = filtered;
    z->n = n;
    png__deflate(o, z);
    png__be32(o, png__adler(filtered, n));
    png__chunk_end(o, at);
    png__chunk_end(o, png__chunk(o, "IEND"));
}

/* Write rgb[h][w][3] to path. 0, or -1 with errno set and no file left behind. */
PLOT_FN int png_write(const char *path, int w, int h, const unsigned char *rgb) {
    size_t row, n, y;
    unsigned char *filtered;
    png__lz *z;
    png__out o;
    int bad = -1, why;
    memset(&o, 0, sizeof o);
    if (w < 1 || h < 1 || w > 32767 || h > 32767 || w > 0x40000000 / 3 / h) {
        errno = EINVAL;
        return -1;
    }
    row = (size_t)w * 3;
    n = (row + 1) * (size_t)h;
    filtered = (unsigned char *)malloc(n);
    z = (png__lz *)calloc(1, sizeof *z);
    if (filtered && z) {
        for (y = 0; y < (size_t)h; y++)
            png__filter(rgb + y * row, y ? rgb + (y - 1) * row : NULL, (int)row,
                        filtered + y * (row + 1));
        png__encode(&o, w, h, filtered, n, z);
        if (!o.failed) bad = file_store(path, o.p, o.n, NULL, 0);
    }
    if (!filtered || !z || o.failed) errno = ENOMEM;
    why = errno;                                     /* free may disturb it */
    free(filtered);
    free(z);
    free(o.p);
    errno = why;
    return bad;
}

#endif
