/* npy.h: NumPy's .npy files: rows of points as numpy.save writes them, versions 1 to 3: floats of 4
   or 8 bytes, whole numbers of 1 to 8, bool, of either byte order, in C or Fortran order, of shape
   (rows, columns) or (rows,). All else is refused with the line of Python that helps. Columns have
   no names. */
#ifndef NPY_H
#define NPY_H

#include "table.h"

static const char npy_magic[] = "\x93NUMPY";

typedef struct npy__head {
    char kind;           /* of a number: i, u or f */
    int wide, big;       /* its bytes; 1: the highest first */
    int axes, fortran;   /* fortran: column by column */
    double shape[2];     /* of the first two */
} npy__head;

/* The value of a key of the header's dictionary, NULL: it is not there. */
FILE_FN const char *npy__value(const char *header, const char *key)
{
    const char *s = strstr(header, key);
    if (!s) return NULL;
    s += strlen(key);
    while (*s == '\'' || *s == '"' || *s == ' ') s++;
    if (*s++ != ':') return NULL;
    while (*s == ' ') s++;
    return s;
}

FILE_FN int npy__dtype(csv__maker *m, npy__head *h, const char *s)
{
    static const char *const known[] = {"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1", "f4",
                                        "f8"};
    size_t n, i;
    if (!s || (*s != '\'' && *s != '"'))
        return CSV__FAIL(m, "an array of records: save its numbers as one float64 array");
    n = strcspn(s + 1, "'\"");
    for (i = 0; i < sizeof known / sizeof *known && n == 3; i++) {
        if (!strchr("<>|", s[1]) || strncmp(s + 2, known[i], 2)) continue;
        h->kind = s[2] == 'b' ? 'u' : s[2];
        h->wide = s[3] - '0';
        h->big = s[1] == '>';
        return 0;
    }
    return CSV__FAIL(m, "its numbers are %.*s; bool, int8 to uint64, float32 and float64 are read: "
                     "save a.astype('<f8')", n < 20 ? (int)n : 20, s + 1);
}

FILE_FN int npy__shape(csv__maker *m, npy__head *h, const char *s)
{
    const char *end = s ? strchr(s, ')') : NULL, *p;
    int known = end && *s == '(';
    h->axes = 0;
    h->shape[0] = h->shape[1] = 1;
    for (p = known ? s + 1 : NULL; p && p < end; p++) {
        double v = 0;
        while (*p == ' ') p++;
        if (p == end) break;
        known = known && *p >= '0' && *p <= '9';
        for (; *p >= '0' && *p <= '9'; p++) v = 10 * v + (*p - '0');
        if (h->axes < 2) h->shape[h->axes] = v;
        h->axes++;
        while (*p == ' ' || *p == 'L') p++;
        if (*p != ',') break;
    }
    if (!known) return CSV__FAIL(m, "a damaged header: its shape cannot be read");
    if (h->axes < 1 || h->axes > 2)
        return CSV__FAIL(m, "an array of shape %.*s: points are rows, (rows, columns): save "
                         "a.reshape(len(a), -1) or, if its last axis is a point, "
                         "a.reshape(-1, a.shape[-1])", end - s < 60 ? (int)(end - s) + 1 : 60, s);
    if (h->shape[0] > INT_MAX || h->shape[1] > INT_MAX || h->shape[1] < 1)
        return CSV__FAIL(m, "an array of shape %.*s is no table of points",
                         end - s < 60 ? (int)(end - s) + 1 : 60, s);
    if (h->shape[0] < 1) return CSV__FAIL(m, "no rows of numbers"); /* of any width */
    return 0;
}

FILE_FN int npy__order(csv__maker *m, npy__head *h, const char *s)
{
    h->fortran = s && !strncmp(s, "True", 4);
    if (h->fortran || (s && !strncmp(s, "False", 5))) return 0;
    return CSV__FAIL(m, "a damaged header: the order of its numbers cannot be read");
}

FILE_FN int npy__header(csv__maker *m, file_in *in, npy__head *h)
{
    size_t size, skip;
    int version;
    char *text;
    if (file_ahead(in, 12, m->err, m->err_size)) return -1;
    version = in->end - in->at >= 12 ? in->p[in->at + 6] : 0;
    if (version < 1 || version > 3)
        return CSV__FAIL(m, "a .npy file of unknown version %d: 1 to 3 are read", version);
    skip = version == 1 ? 10 : 12;
    size = (size_t)number_of_bytes(in->p + in->at + 8, 'u', version == 1 ? 2 : 4, 0);
    if (size > 1 << 20) return CSV__FAIL(m, "a damaged header: %.0f bytes long", (double)size);
    if (file_ahead(in, skip + size, m->err, m->err_size)) return -1;
    if (in->end - in->at < skip + size) return CSV__FAIL(m, "the file ends within its header");
    text = csv__copy(m, in->p + in->at + skip, size);
    if (!text) return -1;
    in->at += skip + size;
    version = npy__dtype(m, h, npy__value(text, "descr")) ||
              npy__shape(m, h, npy__value(text, "shape")) ||
              npy__order(m, h, npy__value(text, "fortran_order"));
    free(text);
    return version ? -1 : 0;
}

/* So many rows lie ahead, row i and others: 0, or -1 with a message. By blocks: a header that lies
 * takes no memory. */
FILE_FN int npy__rows_ahead(csv__maker *m, file_in *in, const npy__head *h, double rows, double i)
{
    double bytes = rows * h->shape[1] * h->wide, n = 0;
    m->line = 0;
    while (n < bytes && (double)(in->end - in->at) >= n) {
        n = bytes - n > FILE_BLOCK ? n + FILE_BLOCK : bytes;
        if (n > (double)(SIZE_MAX / 2)) break;
        if (file_ahead(in, (size_t)n, m->err, m->err_size)) return -1;
    }
    if ((double)(in->end - in->at) >= bytes) return 0;
    if (rows > 1) i = floor((double)(in->end - in->at) / (h->shape[1] * h->wide));
    return CSV__FAIL(m, "the file ends after %.0f rows, and its header says %.0f: it was cut short",
                     i, h->shape[0]);
}

/* The rows, which in Fortran order are there only with the last of them */
FILE_FN int npy__rows(csv__maker *m, file_in *in, const npy__head *h, double *row)
{
    size_t wide = (size_t)h->wide, width = (size_t)m->width, j;
    size_t from = h->fortran ? (size_t)h->shape[0] * wide : wide; /* one column to the next */
    double i;
    if (h->fortran && npy__rows_ahead(m, in, h, h->shape[0], 0)) return -1;
    for (i = 0; i < h->shape[0]; i++) {
        if (!h->fortran && npy__rows_ahead(m, in, h, 1, i)) return -1;
        for (j = 0; j < width; j++)
            row[j] = number_of_bytes(in->p + in->at + j * from, h->kind, h->wide, h->big);
        in->at += h->fortran ? wide : width * wide;
        m->line = (int)i + 1;
        if (csv__row_of_numbers(m, row)) return -1;
    }
    if (h->fortran) in->at += (width - 1) * from;
    m->line = 0;
    if (file_ahead(in, 1, m->err, m->err_size)) return -1;
    if (in->end > in->at)
        return CSV__FAIL(m, "the file goes on after the %.0f rows that its header says: it is "
                         "damaged, or holds several arrays", h->shape[0]);
    return csv__complete(m);
}

FILE_FN int npy_read_in(file_in *in, const csv_how *how, csv_table *t, char *err, size_t err_size)
{
    csv__maker m;
    npy__head h;
    double *row = NULL;
    int failed;
    csv__maker_init(&m, in, how, t, err, err_size);
    failed = npy__header(&m, in, &h);
    if (!failed) {
        m.width = (int)h.shape[1];
        failed = npy__rows_ahead(&m, in, &h, 1, 0) || csv__columns(&m);
    }
    if (!failed) {
        row = (double *)csv__resize(&m, NULL, (size_t)m.width, sizeof *row);
        failed = !row || npy__rows(&m, in, &h, row);
    }
    free(row);
    csv__maker_free(&m);
    if (failed) csv_free(t);
    return failed ? -1 : 0;
}

/* ---- writing ---- */

FILE_FN void npy__put(FILE *f, uint64_t v, int bytes)
{
    for (; bytes > 0; bytes--, v >>= 8) putc((int)(v & 0xff), f);
}

FILE_FN void npy__print(FILE *f, int rows, int cols, const double *v, int wide)
{
    char text[128];
    size_t i, count = (size_t)rows * (size_t)cols;
    int n = snprintf(text, sizeof text,
                     "{'descr': '<f%d', 'fortran_order': False, 'shape': (%d, %d), }", wide, rows,
                     cols);
    int size = (10 + n + 1 + 63) / 64 * 64 - 10; /* numbers begin at a multiple of 64 */
    fwrite(npy_magic, 1, 6, f);
    npy__put(f, 1, 2); /* version 1.0 */
    npy__put(f, (uint64_t)size, 2);
    fprintf(f, "%-*s\n", size - 1, text);
    for (i = 0; i < count; i++) {
        float half = (float)v[i];
        uint32_t narrow;
        uint64_t bits;
        memcpy(&narrow, &half, sizeof narrow);
        memcpy(&bits, &v[i], sizeof bits);
        npy__put(f, wide == 8 ? bits : narrow, wide);
    }
}

/* wide: 4 or 8 bytes a number. 0, or -1 with a message and the target as it was. */
FILE_FN int npy_write(const char *path, int rows, int cols, const double *v, int wide, char *err,
                      size_t err_size)
{
    file_out o;
    if (file_create(&o, path, err, err_size)) return -1;
    npy__print(o.f, rows, cols, v, wide); /* an error stays in o.f until the commit */
    return file_commit(&o, err, err_size);
}

#endif /* NPY_H */
