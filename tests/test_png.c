/* png.h, read back by an inflate written here from RFC 1951, and the parts of file.h it uses. */
#include "t.h"
#include "../examples/common/png.h"

/* ---- a reader that shares nothing with the writer ---- */

typedef struct bits {
    const unsigned char *p;
    size_t n, at; /* bytes; bit position */
    int bad;      /* ran out of bits, or nonsense was read */
} bits;

typedef struct code { /* canonical Huffman: how many codes of each length, symbols in order */
    int count[16], symbol[288];
} code;

typedef struct picture {
    int w, h, blocks, filters[5]; /* deflate blocks; rows under each filter */
    size_t idat;                  /* bytes of compressed data */
    unsigned char *rgb;
} picture;

static unsigned take(bits *b, int count)
{
    unsigned v = 0;
    int i;
    for (i = 0; i < count; i++, b->at++) {
        if (b->at >= 8 * b->n) {
            b->bad = 1;
            return 0;
        }
        v |= (unsigned)(b->p[b->at / 8] >> b->at % 8 & 1) << i;
    }
    return v;
}

/* Refuses a code that is not complete: a strict reader would too. */
static int code_make(code *c, const unsigned char *length, int n)
{
    int i, at[16], left = 1;
    memset(c, 0, sizeof *c);
    for (i = 0; i < n; i++) c->count[length[i]]++;
    c->count[0] = 0;
    for (at[1] = 0, i = 1; i < 16; i++) {
        left = 2 * left - c->count[i];
        if (left < 0) return -1;
        if (i < 15) at[i + 1] = at[i] + c->count[i];
    }
    for (i = 0; i < n; i++)
        if (length[i]) c->symbol[at[length[i]]++] = i;
    return left ? -1 : 0;
}

static int decode(bits *b, const code *c)
{
    int value = 0, first = 0, index = 0, len;
    for (len = 1; len < 16 && !b->bad; len++) {
        value |= (int)take(b, 1);
        if (value - c->count[len] < first) return c->symbol[index + value - first];
        index += c->count[len];
        first = (first + c->count[len]) << 1;
        value <<= 1;
    }
    b->bad = 1;
    return 0;
}

static void read_codes(bits *b, code *lit, code *dist)
{
    static const unsigned char order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2,
                                            14, 1, 15};
    unsigned char length[320];
    int n_lit = 257 + (int)take(b, 5), n_dist = 1 + (int)take(b, 5), n = 4 + (int)take(b, 4), i;
    code cl;
    memset(length, 0, sizeof length);
    for (i = 0; i < n; i++) length[order[i]] = (unsigned char)take(b, 3);
    if (code_make(&cl, length, 19)) b->bad = 1;
    for (i = 0; i < n_lit + n_dist && !b->bad;) {
        int s = decode(b, &cl), times = 1, v = s;
        if (s == 16) times = 3 + (int)take(b, 2), v = i ? length[i - 1] : (b->bad = 1);
        else if (s == 17) times = 3 + (int)take(b, 3), v = 0;
        else if (s == 18) times = 11 + (int)take(b, 7), v = 0;
        if (i + times > n_lit + n_dist) b->bad = 1;
        for (; times > 0 && !b->bad; times--) length[i++] = (unsigned char)v;
    }
    if (n_lit > 286 || n_dist > 30 || b->bad || code_make(lit, length, n_lit) ||
        code_make(dist, length + n_lit, n_dist)) b->bad = 1;
}

/* One block of dynamic codes into out[n]; *at of them are there. */
static void read_block(bits *b, unsigned char *out, size_t n, size_t *at)
{
    static const int base[29] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43,
                                 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const int more[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4,
                                 4, 4, 5, 5, 5, 5, 0};
    static const int far[30] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257,
                                385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
                                16385, 24577};
    code lit, dist;
    read_codes(b, &lit, &dist);
    while (!b->bad) {
        int s = decode(b, &lit), len, d;
        if (s == 256 || b->bad) return;
        if (s < 256) {
            if (*at < n) out[(*at)++] = (unsigned char)s;
            else b->bad = 1;
            continue;
        }
        s -= 257;
        if (s > 28) break;
        len = base[s] + (int)take(b, more[s]);
        d = decode(b, &dist);
        if (d > 29) break;
        d = far[d] + (int)take(b, d < 2 ? 0 : d / 2 - 1);
        if ((size_t)d > *at || (size_t)len > n - *at) break;
        for (; len > 0; len--, (*at)++) out[*at] = out[*at - (size_t)d];
    }
    b->bad = 1;
}

/* The whole zlib stream, which must make exactly n bytes; their Adler-32 is checked. */
static int inflate(const unsigned char *p, size_t size, unsigned char *out, size_t n, int *blocks)
{
    bits b;
    size_t at = 0, i;
    unsigned last = 0, one = 1, two = 0, sum;
    memset(&b, 0, sizeof b);
    b.p = p + 2;
    b.n = size - 6;
    for (*blocks = 0; !last && !b.bad; ++*blocks) {
        last = take(&b, 1);
        if (take(&b, 2) != 2) b.bad = 1; /* this writer makes dynamic blocks only */
        if (!b.bad) read_block(&b, out, n, &at);
    }
    for (i = 0; i < n; i++) {
        one = (one + out[i]) % 65521;
        two = (two + one) % 65521;
    }
    sum = (unsigned)p[size - 4] << 24 | (unsigned)p[size - 3] << 16 | (unsigned)p[size - 2] << 8 |
          p[size - 1];
    return CHECK(!b.bad) && CHECK(at == n) && CHECK((b.at + 7) / 8 == b.n) &&
           CHECK(p[0] == 0x78 && (p[0] * 256 + p[1]) % 31 == 0 && !(p[1] & 0x20)) &&
           CHECK(sum == (two << 16 | one));
}

/* Bit by bit, from the polynomial. */
static unsigned crc(const unsigned char *p, size_t n)
{
    unsigned c = 0xFFFFFFFFu;
    int k;
    for (; n > 0; n--, p++)
        for (c ^= *p, k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
    return c ^ 0xFFFFFFFFu;
}

static unsigned big(const unsigned char *p)
{
    return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

/* The chunk at *at: its type is tag and its CRC right. Its bytes, and *n of them. */
static const unsigned char *chunk(const unsigned char *p, size_t size, size_t *at, const char *tag,
                                  size_t *n)
{
    const unsigned char *c = p + *at;
    *n = 0;
    if (!CHECK(*at + 12 <= size)) return NULL;
    *n = big(c);
    if (!CHECK(*n <= size - *at - 12) || !CHECK(!memcmp(c + 4, tag, 4))) return NULL;
    CHECK(big(c + 8 + *n) == crc(c + 4, *n + 4));
    *at += *n + 12;
    return c + 8;
}

static int paeth(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

static void unfilter(picture *im, const unsigned char *f)
{
    int x, y, row = 3 * im->w;
    for (y = 0; y < im->h; y++) {
        unsigned char *o = im->rgb + (size_t)y * (size_t)row;
        int kind = *f++;
        if (!CHECK(kind < 5)) return;
        im->filters[kind]++;
        for (x = 0; x < row; x++) {
            int a = x < 3 ? 0 : o[x - 3], b = y ? o[x - row] : 0;
            int c = x < 3 || !y ? 0 : o[x - row - 3];
            int add = kind == 1 ? a : kind == 2 ? b : kind == 3 ? (a + b) / 2
                    : kind == 4 ? paeth(a, b, c) : 0;
            o[x] = (unsigned char)(*f++ + add);
        }
    }
}

static int png_read(const char *path, picture *im)
{
    static const unsigned char magic[8] = {137, 'P', 'N', 'G', 13, 10, 26, 10};
    size_t size, at = 8, n = 0, raw;
    unsigned char *p = file_load(path, (size_t)1 << 28, &size, NULL, 0), *f;
    const unsigned char *head, *data;
    memset(im, 0, sizeof *im);
    if (!CHECK(p != NULL)) return -1;
    CHECK(size > 8 && !memcmp(p, magic, 8));
    head = chunk(p, size, &at, "IHDR", &n);
    if (head && CHECK_INT(n, 13)) {
        im->w = (int)big(head);
        im->h = (int)big(head + 4);
        CHECK(head[8] == 8 && head[9] == 2 && !head[10] && !head[11] && !head[12]);
    }
    data = head ? chunk(p, size, &at, "IDAT", &im->idat) : NULL;
    raw = (3 * (size_t)im->w + 1) * (size_t)im->h;
    f = (unsigned char *)malloc(raw + 1);
    im->rgb = (unsigned char *)malloc(raw + 1);
    if (data && CHECK(im->idat > 6) && inflate(data, im->idat, f, raw, &im->blocks))
        unfilter(im, f);
    CHECK(data && chunk(p, size, &at, "IEND", &n) && n == 0);
    CHECK_INT(at, size);
    free(f);
    free(p);
    return 0;
}

/* Writes a picture, reads it back, compares; *im without its bytes. */
static void round_trip(int w, int h, const unsigned char *rgb, picture *im)
{
    const char *path = t_tmp("trip.png");
    memset(im, 0, sizeof *im);
    if (!CHECK_INT(png_write(path, w, h, rgb), 0) || png_read(path, im)) return;
    CHECK_INT(im->w, w);
    CHECK_INT(im->h, h);
    CHECK(im->w == w && im->h == h && !memcmp(im->rgb, rgb, 3 * (size_t)w * (size_t)h));
    free(im->rgb);
    im->rgb = NULL;
}

/* ---- pictures ---- */

static uint64_t state;

static unsigned dice(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static unsigned char *blank(int w, int h)
{
    unsigned char *p = (unsigned char *)calloc(3 * (size_t)w * (size_t)h, 1);
    if (!p) exit(1);
    return p;
}

/* Noise of so many values, in runs, and with pieces from farther back. */
static unsigned char *noise(int w, int h, unsigned values, unsigned run, unsigned back)
{
    size_t n = 3 * (size_t)w * (size_t)h, i = 0, from = 0;
    unsigned char *p = blank(w, h), v = 0;
    unsigned left = 0, copy = 0;
    for (; i < n; i++) {
        if (!left) {
            left = 1 + dice(run);
            v = (unsigned char)dice(values);
            copy = back && i > 0 && dice(2);
            from = copy ? i - 1 - dice(i < back ? (unsigned)i : back) : 0;
        }
        p[i] = copy ? p[from++] : v;
        left--;
    }
    return p;
}

static void random_pictures_come_back(void)
{
    static const int size[][2] = {{1, 1}, {1, 2}, {2, 1}, {1, 300}, {300, 1}, {3, 3}, {17, 5},
                                  {64, 64}, {2000, 3}, {3, 700}, {257, 33}};
    size_t i;
    int k, kinds = T_QUICK ? 2 : 5;
    picture im;
    state = T_SEED;
    for (i = 0; i < sizeof size / sizeof *size; i++)
        for (k = 0; k < kinds; k++) {
            unsigned char *p = noise(size[i][0], size[i][1], k & 1 ? 256 : 3, k < 2 ? 1 : 400,
                                     k > 2 ? 40000 : 0);
            round_trip(size[i][0], size[i][1], p, &im);
            free(p);
        }
}

static void noise_takes_several_blocks(void)
{
    unsigned char *p;
    picture im;
    state = T_SEED + 1;
    p = noise(200, 150, 256, 1, 0);
    round_trip(200, 150, p, &im);
    CHECK(im.blocks >= 3);
    CHECK(im.idat < 200 * 150 * 3 + 150 + 1000); /* and hardly grows */
    free(p);
}

/* Repeats at every distance round the edge of the window of 32768 bytes. */
static void far_repeats_come_back(void)
{
    int w = T_QUICK ? 400 : 1500, h = 30, y;
    unsigned char *p;
    picture im;
    state = T_SEED + 2;
    p = noise(w, h, 256, 1, 0);
    for (y = 8; y < h; y++)
        memcpy(p + 3 * w * y + y % 3, p + 3 * w * (y - 8 + y % 2), (size_t)(3 * w - 3));
    round_trip(w, h, p, &im);
    free(p);
}

static void the_widest_and_the_highest(void)
{
    unsigned char *p;
    picture im;
    state = T_SEED + 3;
    p = noise(32767, 1, 8, 9, 0);
    round_trip(32767, 1, p, &im);
    round_trip(1, 32767, p, &im);
    free(p);
}

/* A drawing: white, some lines. Deflate at its least would still be 1000 times larger than zero,
 * a stored one 100 %. */
static void drawings_are_small(void)
{
    int w = 640, h = T_QUICK ? 60 : 480, i;
    size_t raw = 3 * (size_t)w * (size_t)h;
    unsigned char *p = blank(w, h);
    picture im;
    memset(p, 255, raw);
    round_trip(w, h, p, &im);
    CHECK(im.idat < raw / 300);
    for (i = 0; i < h; i++) {
        p[3 * (w * i + i % w)] = 0;
        p[3 * (w * i + 20) + 1] = 100;
    }
    memset(p + 3 * w * (h / 2), 0, 3 * (size_t)w);
    round_trip(w, h, p, &im);
    CHECK(im.idat < raw / 60);
    free(p);
}

/* Rows made so that each of the five filters is the one whose residues are smallest. */
static void every_filter_is_used(void)
{
    int w = 120, h = 40, x, y, i;
    unsigned char *p = blank(w, h);
    picture im;
    state = T_SEED + 4;
    for (y = 0; y < h; y++)
        for (x = 0; x < 3 * w; x++) {
            unsigned char *o = p + 3 * w * y + x;
            int a = x < 3 ? 0 : o[-3], b = y ? o[-3 * w] : 0, c = x < 3 || !y ? 0 : o[-3 * w - 3];
            int add = y % 5 == 1 ? a : y % 5 == 2 ? b : y % 5 == 3 ? (a + b) / 2
                    : y % 5 == 4 ? paeth(a, b, c) : 0;
            *o = (unsigned char)(add + (int)dice(13) - 6);
        }
    round_trip(w, h, p, &im);
    for (i = 0; i < 5; i++) CHECK(im.filters[i] >= 4);
    free(p);
}

/* ---- codes and sums ---- */

/* Counts like Fibonacci numbers make the deepest tree there is; flattened, the code must still be
 * complete, and rarer symbols never shorter. */
static void code_lengths_are_limited(void)
{
    uint32_t freq[40], a = 1, b = 1;
    unsigned char len[40];
    int n, limit, i;
    for (n = 2; n <= 40; n++)
        for (limit = 7; limit <= 15; limit += 8) {
            double kraft = 0;
            if (limit == 7 && n > 19) continue;
            for (a = b = 1, i = 0; i < n; i++) {
                freq[i] = a;
                b += a;
                a = b - a;
            }
            png__lengths(freq, n, limit, len);
            for (i = 0; i < n; i++) {
                CHECK(len[i] >= 1 && len[i] <= limit);
                kraft += ldexp(1, -len[i]);
                CHECK(i == 0 || len[i] <= len[i - 1]);
            }
            CHECK_NEAR(kraft, 1, 0);
        }
}

/* A skewed code is near its entropy: at most one bit above it (Huffman's bound). */
static void code_lengths_are_short(void)
{
    uint32_t freq[64];
    unsigned char len[64];
    double total = 0, bits_used = 0, entropy = 0;
    int i;
    state = T_SEED + 5;
    for (i = 0; i < 64; i++) total += freq[i] = 1 + dice(1u << i % 12);
    png__lengths(freq, 64, 15, len);
    for (i = 0; i < 64; i++) {
        bits_used += freq[i] / total * len[i];
        entropy -= freq[i] / total * log(freq[i] / total) / log(2.0);
    }
    CHECK(bits_used >= entropy - 1e-9 && bits_used < entropy + 1);
}

static void lone_symbols_still_get_a_code(void)
{
    uint32_t freq[30] = {0};
    unsigned char len[30];
    int i, used;
    for (freq[7] = 5, i = 0; i < 2; i++, freq[7] = 0) {
        png__lengths(freq, 30, 15, len);
        for (used = 0; used < 30 && !len[used]; used++) continue;
        CHECK(used == 0 && len[0] == 1 && len[i ? 1 : 7] == 1);
    }
}

/* The check values of the two standards. */
static void known_checksums(void)
{
    const unsigned char *nine = (const unsigned char *)"123456789";
    CHECK_INT(png__crc(nine, 9), 0xCBF43926);
    CHECK_INT(png__crc(nine, 0), 0);
    CHECK_INT(png__adler(nine, 9), 0x091E01DE);
    CHECK_INT(png__adler(nine, 0), 1);
}

/* Another reader's opinion. */
static void python_reads_it_too(void)
{
    static const char script[] =
        "import sys, zlib, struct\n"
        "d = open(sys.argv[1], 'rb').read()\n"
        "at, z, size = 8, b'', None\n"
        "while at < len(d):\n"
        "    n, tag = struct.unpack('>I4s', d[at:at + 8])\n"
        "    body = d[at + 8:at + 8 + n]\n"
        "    assert zlib.crc32(tag + body) == struct.unpack('>I', d[at + 8 + n:at + 12 + n])[0]\n"
        "    if tag == b'IHDR': size = struct.unpack('>II', body[:8])\n"
        "    if tag == b'IDAT': z += body\n"
        "    at += 12 + n\n"
        "assert size == (61, 47) and len(zlib.decompress(z)) == (61 * 3 + 1) * 47\n";
    char command[3000];
    unsigned char *p;
    if (T_QUICK) T_SKIP("--quick");
    if (system("python3 -c 'import zlib' >/dev/null 2>&1")) T_SKIP("no python3 here");
    state = T_SEED + 6;
    p = noise(61, 47, 20, 5, 300);
    CHECK_INT(png_write(t_tmp("python.png"), 61, 47, p), 0);
    CHECK_INT(file_store(t_tmp("read.py"), script, sizeof script - 1, NULL, 0), 0);
    snprintf(command, sizeof command, "python3 '%s' '%s'", t_tmp("read.py"), t_tmp("python.png"));
    CHECK_INT(system(command), 0);
    free(p);
}

/* ---- what cannot be written ---- */

static int exists(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}

static void check_refused(const char *path, int w, int h, int why)
{
    unsigned char p[12] = {0};
    errno = 0;
    CHECK_INT(png_write(path, w, h, p), -1);
    CHECK_INT(errno, why);
}

static void bad_sizes_are_refused(void)
{
    static const int size[][2] = {{0, 1}, {1, 0}, {-1, 1}, {1, -1}, {32768, 1}, {1, 32768},
                                  {32767, 32767}, {INT32_MAX, INT32_MAX}};
    size_t i;
    const char *path = t_tmp("refused.png");
    for (i = 0; i < sizeof size / sizeof *size; i++)
        check_refused(path, size[i][0], size[i][1], EINVAL);
    CHECK(!exists(path));
}

static void unwritable_paths_are_errors(void)
{
    check_refused(t_tmp("no/such/a.png"), 2, 2, ENOENT);
    check_refused("", 2, 2, ENOENT);
    check_refused("tests", 2, 2, EISDIR);
    if (!exists("/dev/full")) T_SKIP("no /dev/full here");
    check_refused("/dev/full", 2, 2, ENOSPC);
}

/* ---- file.h: loading, directories ---- */

static void files_are_loaded_whole(void)
{
    static const size_t size[] = {0, 1, 65535, 65536, 65537, 200000};
    size_t i, k, got;
    unsigned char *p = (unsigned char *)malloc(200000), *q;
    const char *path = t_tmp("load");
    char err[FILE_ERROR];
    if (!p) return;
    state = T_SEED + 7;
    for (i = 0; i < 200000; i++) p[i] = (unsigned char)dice(256);
    for (k = 0; k < sizeof size / sizeof *size; k++) {
        CHECK_INT(file_store(path, p, size[k], err, sizeof err), 0);
        q = file_load(path, 200000, &got, err, sizeof err);
        CHECK(q && got == size[k] && !memcmp(p, q, got));
        free(q);
    }
    q = file_load(path, 199999, &got, err, sizeof err); /* one more than asked for */
    CHECK(!q && strstr(err, "File too large") != NULL);
    free(q);
    free(p);
    CHECK(!file_load(t_tmp("nothing"), 10, &got, err, sizeof err));
    CHECK(strstr(err, "nothing: No such file or directory") != NULL);
    CHECK(!file_load("tests", 10, &got, err, sizeof err));
    CHECK_STR(err, "ebim: tests: Is a directory");
}

static void directories_are_made(void)
{
    char err[FILE_ERROR], path[1100];
    snprintf(path, sizeof path, "%s/deeper//down/", t_tmp("new"));
    CHECK_INT(file_mkdirs(path, err, sizeof err), 0);
    CHECK_INT(file__kind(path), 2);
    CHECK_INT(file_mkdirs(path, err, sizeof err), 0); /* again is fine */
    CHECK_INT(file_mkdirs(".", err, sizeof err), 0);
    CHECK_INT(file_store(t_tmp("plain"), "x", 1, err, sizeof err), 0);
    CHECK_INT(file_mkdirs(t_tmp("plain"), err, sizeof err), -1);
    CHECK(strstr(err, "plain: Not a directory") != NULL);
    snprintf(path, sizeof path, "%s/below", t_tmp("plain"));
    CHECK_INT(file_mkdirs(path, err, sizeof err), -1);
    CHECK(strstr(err, "below: Not a directory") != NULL);
    CHECK_INT(file_mkdirs("", err, sizeof err), -1);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(random_pictures_come_back);
    T_RUN(noise_takes_several_blocks);
    T_RUN(far_repeats_come_back);
    T_RUN(the_widest_and_the_highest);
    T_RUN(drawings_are_small);
    T_RUN(every_filter_is_used);
    T_RUN(code_lengths_are_limited);
    T_RUN(code_lengths_are_short);
    T_RUN(lone_symbols_still_get_a_code);
    T_RUN(known_checksums);
    T_RUN(python_reads_it_too);
    T_RUN(bad_sizes_are_refused);
    T_RUN(unwritable_paths_are_errors);
    T_RUN(files_are_loaded_whole);
    T_RUN(directories_are_made);
    return T_END();
}
