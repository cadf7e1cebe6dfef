/* csv.h: tables of numbers as text.

   Read: fields between commas, spaces around them ignored; `#` starts a comment line; blank lines,
   CRLF and a byte order mark are fine. The first line may hold names instead of numbers; a line
   that mixes both is an error, because it is more often a typing error than a header. Every
   error is one line, `ebim: FILE:LINE: what is wrong`, in the caller's buffer, and nothing is
   left allocated. The path `-` is standard input or output. Numbers use the decimal point of the
   locale, which is "C" in a program that never calls setlocale. */
#ifndef CSV_H
#define CSV_H

#include <limits.h>
#include <math.h>

#include "file.h"

#ifndef CSV_MAX_LINE
#define CSV_MAX_LINE (1 << 20) /* characters; a longer line is no table of numbers */
#endif

typedef struct csv_table {
    int rows, cols;
    double *v;   /* [rows][cols] */
    int *line;   /* [rows], where each row stood, for messages */
    char **name; /* [cols], or NULL when the file has no header */
} csv_table;

/* ---- reading ---- */

typedef struct csv__reader {
    FILE *f;
    const char *file;     /* as messages show it */
    int line;
    char *text;           /* the line, without its end */
    size_t text_cap;
    size_t rows_cap;      /* of the table being filled */
    char *err;
    size_t err_size;
} csv__reader;

#define CSV__FAIL(r, ...) file_fail((r)->err, (r)->err_size, (r)->file, (r)->line, __VA_ARGS__)

/* p resized to count items; NULL with a message, and p untouched, when that cannot be. */
FILE_FN void *csv__resize(csv__reader *r, void *p, size_t count, size_t item)
{
    void *now = count <= SIZE_MAX / item ? FILE_REALLOC(p, count * item) : NULL;
    if (!now) CSV__FAIL(r, "out of memory");
    return now;
}

/* Room for n characters of the line and its final 0. */
FILE_FN int csv__room(csv__reader *r, size_t n)
{
    size_t cap = r->text_cap ? 2 * r->text_cap : 256;
    char *p;
    if (n < r->text_cap) return 0;
    p = (char *)csv__resize(r, r->text, cap, 1);
    if (!p) return -1;
    r->text = p;
    r->text_cap = cap;
    return 0;
}

/* 1: a line is in r->text; 0: the end; -1: an error. */
FILE_FN int csv__next_line(csv__reader *r)
{
    size_t n = 0;
    int c;
    r->line++;
    errno = 0;
    while ((c = getc(r->f)) != EOF && c != '\n') {
        if (n >= CSV_MAX_LINE) return CSV__FAIL(r, "line longer than %d characters", CSV_MAX_LINE);
        if (c == 0) return CSV__FAIL(r, "not a text file: it holds a zero byte");
        if (csv__room(r, n)) return -1;
        r->text[n++] = (char)c;
    }
    if (ferror(r->f)) {
        r->line = 0;
        return CSV__FAIL(r, "%s", errno ? strerror(errno) : "cannot be read");
    }
    if (c == EOF && n == 0) return 0;
    if (csv__room(r, n)) return -1;
    if (n && r->text[n - 1] == '\r') n--;
    r->text[n] = 0;
    if (r->line == 1 && !strncmp(r->text, "\xef\xbb\xbf", 3)) memmove(r->text, r->text + 3, n - 2);
    return 1;
}

FILE_FN int csv__space(char c) { return c == ' ' || c == '\t'; }

/* Cuts the next field out of *p, without the spaces around it; NULL after the last one. */
FILE_FN char *csv__field(char **p)
{
    char *begin = *p, *end, *comma;
    if (!begin) return NULL;
    comma = strchr(begin, ',');
    end = comma ? comma : begin + strlen(begin);
    *p = comma ? comma + 1 : NULL;
    while (csv__space(*begin)) begin++;
    while (end > begin && csv__space(end[-1])) end--;
    *end = 0;
    return begin;
}

enum { CSV_NUMBER, CSV_TEXT, CSV_EMPTY, CSV_NOT_FINITE, CSV_RANGE };

/* Is s, without its sign, nan, inf or infinity, in any case? */
FILE_FN int csv__not_finite(const char *s)
{
    static const char *const word[] = {"nan", "inf", "infinity"};
    size_t i, j;
    if (*s == '+' || *s == '-') s++;
    for (i = 0; i < sizeof word / sizeof *word; i++) {
        for (j = 0; s[j] && (s[j] | 32) == word[i][j]; j++) continue;
        if (!s[j] && !word[i][j]) return 1;
    }
    return 0;
}

/* Decimal numbers only: strtod alone would take 0x10 and nan(1). A number too small to hold is 0;
 * one too large is known by errno, as -ffast-math may not see an infinity. */
FILE_FN int csv_number(const char *s, double *v)
{
    char *end;
    if (!*s) return CSV_EMPTY;
    if (csv__not_finite(s)) return CSV_NOT_FINITE;
    if (s[strspn(s, "+-.0123456789eE")]) return CSV_TEXT;
    errno = 0;
    *v = strtod(s, &end);
    if (*end || end == s) return CSV_TEXT;
    return errno == ERANGE && fabs(*v) > 1 ? CSV_RANGE : CSV_NUMBER;
}

FILE_FN int csv__count(const char *s)
{
    int n = 1;
    while ((s = strchr(s, ',')) != NULL) n++, s++;
    return n;
}

FILE_FN void csv_free(csv_table *t)
{
    int i;
    for (i = 0; t->name && i < t->cols; i++) free(t->name[i]);
    free(t->name);
    free(t->v);
    free(t->line);
    memset(t, 0, sizeof *t);
}

/* Names: one per column, none empty; quotes around one are dropped. */
FILE_FN int csv__header(csv__reader *r, csv_table *t)
{
    char *p = r->text, *s;
    int i;
    t->name = (char **)csv__resize(r, NULL, (size_t)t->cols, sizeof *t->name);
    if (!t->name) return -1;
    for (i = 0; i < t->cols; i++) t->name[i] = NULL;
    for (i = 0; (s = csv__field(&p)) != NULL; i++) {
        size_t n = strlen(s);
        if (n >= 2 && s[0] == '"' && s[n - 1] == '"') s++, n -= 2;
        if (!n) return CSV__FAIL(r, "column %d has no name", i + 1);
        t->name[i] = (char *)csv__resize(r, NULL, n + 1, 1);
        if (!t->name[i]) return -1;
        memcpy(t->name[i], s, n);
        t->name[i][n] = 0;
    }
    return 0;
}

/* The first line with something on it: 1 when it is a header, 0 when it is data. */
FILE_FN int csv__first(csv__reader *r, csv_table *t)
{
    char *copy, *p, *s;
    int numbers = 0, texts = 0, bad = 0, i;
    double v;
    t->cols = csv__count(r->text);
    copy = (char *)csv__resize(r, NULL, strlen(r->text) + 1, 1);
    if (!copy) return -1;
    p = strcpy(copy, r->text);
    for (i = 1; (s = csv__field(&p)) != NULL; i++) {
        if (csv_number(s, &v) != CSV_TEXT) numbers += *s != 0;
        else if (!texts++) bad = i;
    }
    free(copy);
    if (numbers && texts)
        return CSV__FAIL(r, "field %d is not a number, but other fields of the line are", bad);
    if (!texts) return 0;
    return csv__header(r, t) ? -1 : 1;
}

FILE_FN int csv__grow(csv__reader *r, csv_table *t)
{
    size_t cap = r->rows_cap ? 2 * r->rows_cap : 64, cols = (size_t)t->cols;
    void *p;
    if ((size_t)t->rows < r->rows_cap) return 0;
    if (cap > INT_MAX || cols > SIZE_MAX / cap) return CSV__FAIL(r, "too many rows");
    p = csv__resize(r, t->v, cap * cols, sizeof *t->v);
    if (!p) return -1;
    t->v = (double *)p;
    p = csv__resize(r, t->line, cap, sizeof *t->line);
    if (!p) return -1;
    t->line = (int *)p;
    r->rows_cap = cap;
    return 0;
}

FILE_FN int csv__row(csv__reader *r, csv_table *t)
{
    char *p = r->text, *s;
    double *v;
    int i, n = csv__count(r->text);
    if (n != t->cols)
        return CSV__FAIL(r, "%d field%s where the first line has %d", n, n == 1 ? "" : "s",
                         t->cols);
    if (csv__grow(r, t)) return -1;
    v = t->v + (size_t)t->rows * (size_t)t->cols;
    for (i = 0; (s = csv__field(&p)) != NULL; i++) {
        switch (csv_number(s, &v[i])) {
        case CSV_TEXT: return CSV__FAIL(r, "field %d is not a number: %.40s", i + 1, s);
        case CSV_EMPTY: return CSV__FAIL(r, "field %d is empty", i + 1);
        case CSV_NOT_FINITE: return CSV__FAIL(r, "field %d is not finite: %.40s", i + 1, s);
        case CSV_RANGE: return CSV__FAIL(r, "field %d is out of range: %.40s", i + 1, s);
        default: break;
        }
    }
    t->line[t->rows++] = r->line;
    return 0;
}

FILE_FN int csv__lines(csv__reader *r, csv_table *t)
{
    int got, header = 0;
    while ((got = csv__next_line(r)) > 0) {
        const char *s = r->text;
        while (csv__space(*s)) s++;
        if (!*s || *s == '#') continue;
        if (!t->cols) {
            header = csv__first(r, t);
            if (header < 0) return -1;
            if (header) continue;
        }
        if (csv__row(r, t)) return -1;
    }
    if (got < 0) return -1;
    if (!t->rows) {
        int empty = r->line == 1;
        r->line = 0;
        return CSV__FAIL(r, empty ? "the file is empty" : "no rows of numbers");
    }
    return 0;
}

/* Reads all of f, which messages call `file`. 0, or -1 with a message and *t empty. */
FILE_FN int csv_read_stream(FILE *f, const char *file, csv_table *t, char *err, size_t err_size)
{
    csv__reader r;
    int failed;
    memset(&r, 0, sizeof r);
    memset(t, 0, sizeof *t);
    r.f = f;
    r.file = file;
    r.err = err;
    r.err_size = err_size;
    failed = csv__lines(&r, t);
    free(r.text);
    if (failed) csv_free(t);
    return failed;
}

FILE_FN int csv_read(const char *path, csv_table *t, char *err, size_t err_size)
{
    FILE *f;
    int failed;
    memset(t, 0, sizeof *t);
    if (!strcmp(path, "-")) return csv_read_stream(stdin, "standard input", t, err, err_size);
    f = fopen(path, "rb");
    if (!f) return file_fail(err, err_size, path, 0, "%s", strerror(errno));
    failed = csv_read_stream(f, path, t, err, err_size);
    fclose(f);
    return failed;
}

/* ---- writing ---- */

/* A header, unless name is NULL, and rows of numbers with so many digits: 9 give every float
 * back exactly, 17 every double. */
FILE_FN void csv_print(FILE *f, int rows, int cols, const char *const *name, const double *v,
                       int digits)
{
    int i, j;
    for (j = 0; name && j < cols; j++) fprintf(f, "%s%c", name[j], j + 1 < cols ? ',' : '\n');
    for (i = 0; i < rows; i++)
        for (j = 0; j < cols; j++)
            fprintf(f, "%.*g%c", digits, *v++, j + 1 < cols ? ',' : '\n');
}

/* All of the above in one: 0, or -1 with a message and the target as it was. */
FILE_FN int csv_write(const char *path, int rows, int cols, const char *const *name,
                      const double *v, int digits, char *err, size_t err_size)
{
    file_out o;
    if (file_create(&o, path, err, err_size)) return -1;
    csv_print(o.f, rows, cols, name, v, digits);
    return file_commit(&o, err, err_size);
}

#endif /* CSV_H */
