/* idx.h: files of images and labels as MNIST and its like come: numbers of one byte, in one to four
   axes, packed by gzip or not. */
#ifndef IDX_H
#define IDX_H

#include "gzip.h"

enum { IDX__MOST = 1 << 30 }; /* bytes of a file, unpacked */

typedef struct idx {
    int axes, shape[4];      /* 1 where there are fewer axes */
    unsigned char *data;     /* [shape[0]] .. [shape[3]]; to be freed by idx_free */
    size_t each;             /* bytes of an item of the first axis */
    unsigned char *owned;
} idx;

FILE_FN void idx_free(idx *t)
{
    free(t->owned);
    memset(t, 0, sizeof *t);
}

FILE_FN int idx__parse(idx *t, size_t size, const char *file, char *err, size_t err_size)
{
    const unsigned char *p = t->owned;
    size_t at = 4, count = 1;
    int i;
    if (size < 4 || p[0] || p[1])
        return file_fail(err, err_size, file, 0, "not an IDX file: it does not begin as one");
    if (p[2] != 8)
        return file_fail(err, err_size, file, 0, "an IDX file of numbers of kind 0x%02x; bytes "
                         "(0x08) are read", (unsigned)p[2]);
    t->axes = p[3];
    if (t->axes < 1 || t->axes > 4)
        return file_fail(err, err_size, file, 0, "an IDX file of %d axes; 1 to 4 are read",
                         t->axes);
    for (i = 0; i < 4; i++) t->shape[i] = 1;
    if (size < 4 + 4 * (size_t)t->axes)
        return file_fail(err, err_size, file, 0, "it ends too early: is it whole?");
    for (i = 0; i < t->axes; i++, at += 4) {
        uint32_t n = (uint32_t)p[at] << 24 | (uint32_t)p[at + 1] << 16 | (uint32_t)p[at + 2] << 8 |
                     p[at + 3];
        if (n < 1 || n > IDX__MOST / count)
            return file_fail(err, err_size, file, 0, "an axis of %lu numbers", (unsigned long)n);
        t->shape[i] = (int)n;
        count *= n;
    }
    if (size - at != count)
        return file_fail(err, err_size, file, 0, "%lu bytes of numbers, but its axes say %lu: is "
                         "it whole?", (unsigned long)(size - at), (unsigned long)count);
    t->data = t->owned + at;
    t->each = count / (size_t)t->shape[0];
    return 0;
}

/* 0, or -1 with a message and *t empty. */
FILE_FN int idx_read(const char *path, idx *t, char *err, size_t err_size)
{
    const char *file = file_shown(path, "standard input");
    size_t size = 0;
    memset(t, 0, sizeof *t);
    t->owned = file_load(path, IDX__MOST, &size, err, err_size);
    if (t->owned && gzip_is(t->owned, size)) {
        unsigned char *packed = t->owned;
        t->owned = gzip_unpack(packed, size, IDX__MOST, &size, file, err, err_size);
        free(packed);
    }
    if (t->owned && !idx__parse(t, size, file, err, err_size)) return 0;
    idx_free(t);
    return -1;
}

#endif /* IDX_H */
