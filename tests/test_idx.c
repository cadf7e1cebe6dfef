/* idx.h and gzip.h: every kind of block as zlib writes it, and files that are damaged, cut or none:
 * one line of error, nothing read outside (under the sanitizers), nothing lost. */
#include "t.h"
#include "../examples/common/idx.h"
#include "golden/gzip.h"

static char err[FILE_ERROR];

/* The file is written, and read as images */
static int reads(const unsigned char *p, size_t n, idx *t)
{
    const char *path = t_tmp("images.gz");
    FILE *f = fopen(path, "wb");
    *err = 0;
    if (!CHECK(f && fwrite(p, 1, n, f) == n)) abort();
    fclose(f);
    return idx_read(path, t, err, sizeof err) == 0;
}

static void images_are_read(void)
{
    static const unsigned char plain[] = {0, 0, 8, 1, 0, 0, 0, 3, 9, 8, 7};
    const unsigned char *file[3];
    size_t size[3];
    idx t;
    int q, i;
    file[0] = gzip_stored, size[0] = sizeof gzip_stored;
    file[1] = gzip_fixed, size[1] = sizeof gzip_fixed;
    file[2] = gzip_two, size[2] = sizeof gzip_two;
    for (q = 0; q < 3; q++) {
        if (!CHECK(reads(file[q], size[q], &t))) continue;
        CHECK(t.axes == 3 && t.shape[0] == 2 && t.shape[1] == 3 && t.shape[2] == 4 && t.each == 12);
        for (i = 0; i < 24; i++) CHECK_INT(t.data[i], i);
        idx_free(&t);
    }
    if (CHECK(reads(plain, sizeof plain, &t))) {
        CHECK(t.axes == 1 && t.shape[0] == 3 && t.each == 1 && t.data[0] == 9 && t.data[2] == 7);
        idx_free(&t);
    }
    if (CHECK(reads(gzip_dynamic, sizeof gzip_dynamic, &t))) {
        CHECK(t.axes == 2 && t.shape[0] == 40 && t.shape[1] == 16);
        for (i = 0; i < 40; i++) /* row i is word (i^2 + i / 3) mod 9 */
            CHECK_INT(!memcmp(t.data, t.data + 16 * i, 16), (i * i + i / 3) % 9 == 0);
        idx_free(&t);
    }
}

/* Every byte flipped, every length but the right one: the sum of a member sees it, or the file says
 * the same. */
static void damage_is_told(void)
{
    unsigned char b[sizeof gzip_dynamic];
    size_t i, n = sizeof gzip_dynamic;
    idx t, whole;
    int told = 0;
    if (!CHECK(reads(gzip_dynamic, n, &whole))) return;
    for (i = 0; i < n; i++) {
        memcpy(b, gzip_dynamic, n);
        b[i] ^= (unsigned char)(1 << i % 8);
        if (reads(b, n, &t)) { /* its time, its system, what fills its last byte */
            CHECK(t.axes == 2 && !memcmp(t.data, whole.data, 640));
            idx_free(&t);
        } else {
            told++;
            CHECK(strstr(err, "images.gz: ") != NULL && !strchr(err, '\n'));
        }
    }
    CHECK(told > (int)n - 8);
    for (i = 0; i < n; i++) CHECK(!reads(gzip_dynamic, i, &t) && *err);
    idx_free(&whole);
}

static void refused(const unsigned char *p, size_t n, const char *why)
{
    idx t;
    CHECK(!reads(p, n, &t));
    if (!CHECK(strstr(err, why) != NULL)) printf("  %s\n", err);
    CHECK(!t.data && !t.owned);
}

static void what_is_no_idx_file(void)
{
    static const unsigned char floats[] = {0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0};
    static const unsigned char axes[] = {0, 0, 8, 5}, none[] = {0, 0, 8, 1, 0, 0, 0, 0};
    static const unsigned char large[] = {0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255};
    static const unsigned char more[] = {0, 0, 8, 1, 0, 0, 0, 1, 5, 6};
    unsigned char b[sizeof gzip_stored + 1];
    refused((const unsigned char *)"1,2,3\n", 6, "not an IDX file");
    refused(floats, sizeof floats, "kind 0x0d");
    refused(axes, sizeof axes, "5 axes");
    refused(none, sizeof none, "an axis of 0");
    refused(large, sizeof large, "an axis of 4294967295");
    refused(more, sizeof more, "is it whole?");
    refused(more, 3, "not an IDX file");
    memcpy(b, gzip_stored, sizeof gzip_stored);
    b[sizeof gzip_stored] = 7;
    refused(b, sizeof b, "follows its end");
    b[2] = 9;
    refused(b, sizeof gzip_stored, "another method");
}

static void limits_are_kept(void)
{
    size_t size;
    unsigned char *p;
    p = gzip_unpack(gzip_dynamic, sizeof gzip_dynamic, 651, &size, "x.gz", err, sizeof err);
    CHECK(p == NULL && strstr(err, "more than is read"));
    p = gzip_unpack(gzip_dynamic, sizeof gzip_dynamic, 652, &size, "x.gz", err, sizeof err);
    CHECK(p != NULL && size == 652);
    free(p);
    CHECK(!gzip_unpack(gzip_dynamic, 1, 652, &size, "x.gz", err, sizeof err));
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(images_are_read);
    T_RUN(damage_is_told);
    T_RUN(what_is_no_idx_file);
    T_RUN(limits_are_kept);
    return T_END();
}
