/* table.h: a table of numbers in memory, and how one is made from the rows of any file: which of
   the file's columns are taken, which is a weight, which are only carried along as text, and what
   happens to rows that miss a value. The readers (csv.h, npy.h, cloud.h) find the columns and feed
   the rows; files and lines in messages are theirs.

   Columns are chosen by `csv_how.columns`: names, numbers from 1, ranges like 2-4; names go
   first, so a header of numbers is no riddle, and one with a comma stands in quotes. */
#ifndef TABLE_H
#define TABLE_H

#include <limits.h>

#include "number.h"

enum { CSV_SKIPPED = 5 }; /* lines of skipped rows that are remembered */

typedef struct csv_table {
    int rows, cols;
    double *v;       /* [rows][cols] */
    int *line;       /* [rows], where each row stood, for messages (.npy: its number) */
    char **name;     /* [cols], or NULL when the file has no header */
    double *weight;  /* [rows], or NULL */
    int carried;     /* columns carried along: */
    char *header;    /* their names as they go into a CSV file, */
    char *text;      /* and their fields, those of a row from text + at[row] to a 0 */
    size_t *at;
    int index;       /* 1: the file's first column has no name and was left out */
    int counting;    /* 1: the first row is 0, 1, 2, ..., as pandas numbers columns without names */
    int skipped;     /* rows that miss a value and were left out */
    int skipped_line[CSV_SKIPPED];
} csv_table;

/* How to read; all zero: columns, header and delimiter as they are found, all rows. */
typedef struct csv_how {
    const char *columns; /* which to take; NULL: all, but those of `names` */
    const char *names;   /* of a model, one per line: taken in this order from a file with names */
    const char *weights; /* name or number of the column of weights, or NULL */
    char delimiter;
    int header;          /* 1: there is one, -1: there is none */
    int skip_missing;    /* 1: leave out rows in which a column that is taken has no value */
    int carry;           /* 1: columns that are not taken, 2: all, as text */
} csv_how;

FILE_FN void csv_free(csv_table *t)
{
    int i;
    for (i = 0; t->name && i < t->cols; i++) free(t->name[i]);
    free(t->name);
    free(t->v);
    free(t->line);
    free(t->weight);
    free(t->header);
    free(t->text);
    free(t->at);
    memset(t, 0, sizeof *t);
}

/* ---- a table in the making ---- */

typedef struct csv__maker {
    csv_table *t;
    const csv_how *how;
    const char *file;    /* as messages show it */
    int line;            /* where the reader is; 0: nowhere */
    int width;           /* columns of the file */
    char **all;          /* [width] their names, or NULL */
    const unsigned char *numeric; /* [width] whether a column looks so, or NULL: all do */
    int *take, *keep;    /* [cols], [carried] columns of the file */
    int weight;          /* -1: none */
    double *v;           /* [cols] of the row being made: its place in the table */
    size_t rows_cap, text_cap, text_size;
    char *err;
    size_t err_size;
} csv__maker;

#define CSV__FAIL(m, ...) file_fail((m)->err, (m)->err_size, (m)->file, (m)->line, __VA_ARGS__)

FILE_FN void csv__maker_init(csv__maker *m, const file_in *in, const csv_how *how, csv_table *t,
                             char *err, size_t err_size)
{
    memset(m, 0, sizeof *m);
    memset(t, 0, sizeof *t);
    m->t = t;
    m->how = how;
    m->file = in->file;
    m->err = err;
    m->err_size = err_size;
}

FILE_FN void csv__maker_free(csv__maker *m)
{
    int i;
    for (i = 0; m->all && i < m->width; i++) free(m->all[i]);
    free(m->all);
    free(m->take);
    free(m->keep);
    m->all = NULL;
    m->take = m->keep = NULL;
}

/* p resized to count items; NULL with a message, and p untouched, when that cannot be. */
FILE_FN void *csv__resize(csv__maker *m, void *p, size_t count, size_t item)
{
    void *now = count <= SIZE_MAX / item ? FILE_REALLOC(p, count ? count * item : 1) : NULL;
    if (!now && m->t->rows)
        CSV__FAIL(m, "out of memory after %d rows of %d columns: take fewer", m->t->rows,
                  m->t->cols);
    else if (!now) CSV__FAIL(m, "out of memory");
    return now;
}

/* A copy of n characters, control characters as spaces; NULL with a message. */
FILE_FN char *csv__copy(csv__maker *m, const char *s, size_t n)
{
    char *p = (char *)csv__resize(m, NULL, n + 1, 1);
    size_t i;
    if (!p) return NULL;
    for (i = 0; i < n; i++) p[i] = (unsigned char)s[i] < 32 ? ' ' : s[i];
    p[n] = 0;
    return p;
}

/* ---- choosing columns ---- */

FILE_FN int csv__named(const csv__maker *m, const char *name)
{
    int i;
    for (i = 0; m->all && i < m->width; i++)
        if (m->all[i] && *m->all[i] && !strcmp(m->all[i], name)) return i;
    return -1;
}

/* Column names of the file for a message, as many as there is room for. */
FILE_FN const char *csv__known(const csv__maker *m, char *s, size_t size)
{
    size_t n = 0;
    int i;
    *s = 0;
    for (i = m->t->index; i < m->width && n + 48 < size; i++)
        n += (size_t)snprintf(s + n, size - n, "%s%.40s", n ? ", " : "", m->all[i]);
    if (i < m->width) snprintf(s + n, size - n, ", ...");
    return s;
}

/* A name that --columns understands as it stands. */
FILE_FN int csv__plain_name(const char *s)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return *s && strspn(s, letters) > 0 && strlen(s) < 24 &&
           !s[strspn(s, letters) + strspn(s + strspn(s, letters), "0123456789._")];
}

FILE_FN int csv__is_numeric(const csv__maker *m, int column)
{
    return column != m->weight && (!m->numeric || m->numeric[column]);
}

/* The columns that look numeric, as --columns takes them, into s: how many they are. */
FILE_FN int csv__advice(const csv__maker *m, char *s, size_t size)
{
    int i, j, count = 0, plain = m->all != NULL;
    size_t n = 0;
    *s = 0;
    for (i = m->t->index; i < m->width; i++) {
        if (!csv__is_numeric(m, i)) continue;
        count++;
        if (plain && !csv__plain_name(m->all[i])) plain = 0;
    }
    for (i = m->t->index; i < m->width && n + 48 < size; i = j + 1) {
        j = i;
        if (!csv__is_numeric(m, i)) continue;
        if (plain && count <= 8) {
            n += (size_t)snprintf(s + n, size - n, "%s%s", n ? "," : "", m->all[i]);
            continue;
        }
        while (j + 1 < m->width && csv__is_numeric(m, j + 1)) j++;
        n += (size_t)snprintf(s + n, size - n, j > i ? "%s%d-%d" : "%s%d", n ? "," : "", i + 1,
                              j + 1);
    }
    return count;
}

/* Two whole numbers from 1, "a-b", or one, "a"; 0: it is neither. */
FILE_FN int csv__range(const char *s, int *a, int *b)
{
    double v[2] = {0, 0};
    char part[2][12];
    const char *dash = strchr(s, '-');
    size_t n = dash ? (size_t)(dash - s) : strlen(s);
    int i;
    if (n >= sizeof part[0] || strlen(s + n) > sizeof part[0]) return 0;
    memcpy(part[0], s, n);
    part[0][n] = 0;
    strcpy(part[1], dash ? dash + 1 : part[0]);
    for (i = 0; i < 2; i++) {
        if (part[i][strspn(part[i], "0123456789")]) return 0;
        if (csv_number(part[i], &v[i]) != CSV_NUMBER || v[i] > INT_MAX) return 0;
    }
    *a = (int)v[0];
    *b = (int)v[1];
    return 1;
}

/* The next of a list of columns, without quotes, to be freed: 1; 0: the end; -1: an error. */
FILE_FN int csv__item(csv__maker *m, const char **list, char **item)
{
    const char *s = *list;
    size_t n = 0;
    int quoted;
    if (!s) return 0;
    *item = (char *)csv__resize(m, NULL, strlen(s) + 1, 1);
    if (!*item) return -1;
    while (*s == ' ') s++;
    quoted = *s == '"';
    if (quoted)
        for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
            if (*s == '"') s++;
            (*item)[n++] = *s;
        }
    for (s += quoted && *s == '"'; *s && *s != ','; s++) (*item)[n++] = *s;
    while (n && !quoted && (*item)[n - 1] == ' ') n--;
    (*item)[n] = 0;
    *list = *s ? s + 1 : NULL;
    return 1;
}

/* Whether a list names a column by other than its number: then the file must have a header. */
FILE_FN int csv__needs_names(csv__maker *m, const char *list)
{
    char *item;
    int got, a, b, needs = 0;
    while (!needs && (got = csv__item(m, &list, &item)) != 0) {
        if (got < 0) return -1;
        needs = *item && !csv__range(item, &a, &b);
        free(item);
    }
    return needs;
}

/* The columns first to last that an item means. */
FILE_FN int csv__resolve(csv__maker *m, const char *option, const char *item, int *first, int *last)
{
    char known[200];
    *first = *last = csv__named(m, item);
    if (*first >= 0) return 0;
    if (!csv__range(item, first, last)) {
        if (m->all)
            return CSV__FAIL(m, "%s: there is no column '%.40s': the file has %s", option, item,
                             csv__known(m, known, sizeof known));
        return CSV__FAIL(m, "%s: there is no column '%.40s': the file has no names, columns are "
                         "numbers from 1 to %d", option, item, m->width);
    }
    --*first, --*last;
    if (*first >= 0 && *last < m->width && *first <= *last) return 0;
    return CSV__FAIL(m, "%s: '%.40s' should be within 1 to %d, the columns of the file", option,
                     item, m->width);
}

FILE_FN int csv__take(csv__maker *m, int column)
{
    csv_table *t = m->t;
    int i, *p;
    for (i = m->how->columns ? 0 : t->cols; i < t->cols; i++)
        if (m->take[i] == column)
            return CSV__FAIL(m, "--columns: column %d is taken twice", column + 1);
    if (column == m->weight)
        return CSV__FAIL(m, "--columns: column %d is that of the weights", column + 1);
    if (m->all && !*m->all[column] && !m->how->columns)
        return CSV__FAIL(m, "column %d has no name: give it one, or choose by --columns",
                         column + 1);
    if (!column) t->index = 0;
    if (!(t->cols & (t->cols - 1))) { /* none, or a power of two: room for as many again */
        p = (int *)csv__resize(m, m->take, 2 * (size_t)t->cols + 1, sizeof *p);
        if (!p) return -1;
        m->take = p;
    }
    m->take[t->cols++] = column;
    return 0;
}

FILE_FN int csv__take_list(csv__maker *m, const char *list)
{
    char *item;
    int got, first, last, failed = 0;
    while (!failed && (got = csv__item(m, &list, &item)) != 0) {
        if (got < 0) return -1;
        failed = csv__resolve(m, "--columns", item, &first, &last);
        for (; !failed && first <= last; first++) failed = csv__take(m, first);
        free(item);
    }
    return failed;
}

/* The model's columns by name, among those already chosen when there are any: 1 when all were
 * found, 0 when not (*lost: the first one that was not), -1 with a message. */
FILE_FN int csv__take_names(csv__maker *m, const char *names, char lost[48])
{
    int *was = m->take, chosen = m->t->cols, found = 1;
    m->take = NULL;
    m->t->cols = 0;
    for (; names && found == 1; names = *names ? names + 1 : NULL) {
        size_t n = strcspn(names, "\n");
        char *name = csv__copy(m, names, n);
        int column = name ? csv__named(m, name) : -1, i;
        for (i = 0; was && i < chosen && was[i] != column; i++) continue;
        if (!name) found = -1;
        else if (column < 0 || (was && i == chosen)) found = 0, snprintf(lost, 48, "%.40s", name);
        else if (csv__take(m, column)) found = -1;
        free(name);
        names += n;
    }
    if (found == 1 || !was) {
        free(was);
        return found;
    }
    free(m->take);
    m->take = was;
    m->t->cols = chosen;
    return found;
}

/* The file has names, but not those of the model. */
FILE_FN int csv__lacks(csv__maker *m, const char *name)
{
    const char *s;
    char known[200], advice[120];
    int want = 1;
    for (s = m->how->names; *s; s++) want += *s == '\n';
    if (csv__advice(m, advice, sizeof advice) != want)
        snprintf(advice, sizeof advice, "LIST");
    return CSV__FAIL(m, "there is no column '%s', which the model has: the file has %s: --columns "
                     "%s takes others in its stead", name, csv__known(m, known, sizeof known),
                     advice);
}

/* Fills m->take. Without --columns all, or the model's; with it those, in the model's order if
 * they have its names. */
FILE_FN int csv__choose(csv__maker *m)
{
    const csv_how *how = m->how;
    char lost[48];
    int i, found = 0;
    if (how->columns && csv__take_list(m, how->columns)) return -1;
    if (how->names && m->all) found = csv__take_names(m, how->names, lost);
    if (found < 0) return -1;
    if (!found && how->names && m->all && !how->columns)
        return csv__lacks(m, lost);
    for (i = m->t->index; !found && !how->columns && i < m->width; i++)
        if (i != m->weight && csv__take(m, i)) return -1;
    if (!m->t->cols) return CSV__FAIL(m, "no column is left to be taken");
    return 0;
}

/* A field as it goes into a CSV file; returns what it takes, and writes it unless p is NULL. */
FILE_FN size_t csv__quote(char *p, const char *s)
{
    size_t n = strlen(s), at = 0;
    int quotes = strpbrk(s, ",\"\n\r;\t") != NULL || *s == ' ' || *s == '#' ||
                 (n && s[n - 1] == ' ');
    if (p && quotes) p[at] = '"';
    at += (size_t)quotes;
    for (; *s; s++) {
        if (p && *s == '"') p[at] = '"';
        at += *s == '"';
        if (p) p[at] = *s;
        at++;
    }
    if (p && quotes) p[at] = '"';
    return at + (size_t)quotes;
}

/* The fields of columns m->keep as one text of a CSV file, to be freed. */
FILE_FN char *csv__join(csv__maker *m, char *const *field, const int *column, int count)
{
    size_t n = 0;
    char *s;
    int i;
    for (i = 0; i < count; i++) n += csv__quote(NULL, field[column[i]]) + 1;
    s = (char *)csv__resize(m, NULL, n + 1, 1);
    for (i = 0, n = 0; s && i < count; i++) {
        if (i) s[n++] = ',';
        n += csv__quote(s + n, field[column[i]]);
    }
    if (s) s[n] = 0;
    return s;
}

/* The name of a column for a header that must have one: the file's; that of the model, or x0, x1,
 * ..., if the column is taken; else its number. */
FILE_FN void csv__any_name(const csv__maker *m, int column, char *s, size_t size)
{
    const char *line = m->how->names;
    int i, j;
    snprintf(s, size, "column%d", column + 1);
    for (i = 0; i < m->t->cols && m->take[i] != column; i++) continue;
    if (m->all && *m->all[column]) snprintf(s, size, "%s", m->all[column]);
    else if (i < m->t->cols && !line) snprintf(s, size, "x%d", i);
    else if (i < m->t->cols) {
        for (j = 0; j < i && line; j++) line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
        if (line) snprintf(s, size, "%.*s", (int)strcspn(line, "\n"), line);
    }
}

FILE_FN int csv__carry_names(csv__maker *m)
{
    char **name = (char **)csv__resize(m, NULL, (size_t)m->width, sizeof *name);
    int i, failed = !name;
    for (i = 0; name && i < m->width; i++) name[i] = NULL;
    for (i = 0; !failed && i < m->t->carried; i++) {
        int column = m->keep[i];
        size_t n = (m->all ? strlen(m->all[column]) : 0) + 64 +
                   (m->how->names ? strlen(m->how->names) : 0);
        name[column] = (char *)csv__resize(m, NULL, n, 1);
        failed = !name[column];
        if (!failed) csv__any_name(m, column, name[column], n);
    }
    if (!failed) m->t->header = csv__join(m, name, m->keep, m->t->carried);
    for (i = 0; name && i < m->width; i++) free(name[i]);
    free(name);
    return m->t->header ? 0 : -1;
}

FILE_FN int csv__carry_columns(csv__maker *m)
{
    csv_table *t = m->t;
    int i, j;
    m->keep = (int *)csv__resize(m, NULL, (size_t)m->width, sizeof *m->keep);
    if (!m->keep) return -1;
    for (i = 0; i < m->width; i++) m->keep[i] = 0; /* 1: taken */
    for (j = 0; j < t->cols; j++) m->keep[m->take[j]] = 1;
    for (i = t->index; i < m->width; i++)
        if (!m->keep[i] || m->how->carry > 1) m->keep[t->carried++] = i;
    return t->carried ? csv__carry_names(m) : 0;
}

/* Once width, names and kinds of the file's columns are known: what goes where. */
FILE_FN int csv__columns(csv__maker *m)
{
    csv_table *t = m->t;
    int i, last;
    m->weight = -1;
    if (m->how->weights) {
        if (csv__resolve(m, "--weights", m->how->weights, &m->weight, &last)) return -1;
        if (last > m->weight)
            return CSV__FAIL(m, "--weights: '%.40s' should be one column", m->how->weights);
    }
    if (csv__choose(m)) return -1;
    if (m->all) {
        t->name = (char **)csv__resize(m, NULL, (size_t)t->cols, sizeof *t->name);
        if (!t->name) return -1;
        for (i = 0; i < t->cols; i++) t->name[i] = NULL;
        for (i = 0; i < t->cols; i++) {
            const char *s = m->all[m->take[i]];
            char number[24];
            snprintf(number, sizeof number, "column%d", m->take[i] + 1);
            if (!*s) s = number;
            t->name[i] = csv__copy(m, s, strlen(s));
            if (!t->name[i]) return -1;
        }
    }
    return m->how->carry ? csv__carry_columns(m) : 0;
}

/* ---- rows ---- */

FILE_FN int csv__grow(csv__maker *m)
{
    csv_table *t = m->t;
    size_t cap = m->rows_cap ? 2 * m->rows_cap : 64, cols = (size_t)t->cols;
    void *p;
    if (cap > INT_MAX) cap = INT_MAX;
    if ((size_t)t->rows >= cap || cols > SIZE_MAX / cap)
        return CSV__FAIL(m, "too many rows: more than %d", t->rows);
    p = csv__resize(m, t->v, cap * cols, sizeof *t->v);
    if (!p) return -1;
    t->v = (double *)p;
    p = csv__resize(m, t->line, cap, sizeof *t->line);
    if (!p) return -1;
    t->line = (int *)p;
    if (m->weight >= 0) {
        p = csv__resize(m, t->weight, cap, sizeof *t->weight);
        if (!p) return -1;
        t->weight = (double *)p;
    }
    if (t->carried) {
        p = csv__resize(m, t->at, cap, sizeof *t->at);
        if (!p) return -1;
        t->at = (size_t *)p;
    }
    m->rows_cap = cap;
    return 0;
}

/* Where the numbers of the next row go, m->v: 0, or -1 with a message. */
FILE_FN int csv__row_begin(csv__maker *m)
{
    if ((size_t)m->t->rows == m->rows_cap && csv__grow(m)) return -1;
    m->v = m->t->v + (size_t)m->t->rows * (size_t)m->t->cols;
    return 0;
}

/* What is wrong with a field, where, and what helps. */
FILE_FN int csv__bad_field(csv__maker *m, int column, const char *text, int kind)
{
    static const char *const what[] = {"", " is not a number: ", " is empty",
                                       " is not finite: ", " is out of range: "};
    const char *name = m->all ? m->all[column] : "", *is = what[kind];
    char advice[120], cure[200] = "";
    int missing = number_missing(text);
    csv__advice(m, advice, sizeof advice);
    if (*advice && m->numeric && !m->numeric[column])
        snprintf(cure, sizeof cure, ": try --columns %s", advice);
    else snprintf(cure, sizeof cure, "%s", missing ? ": --skip-missing leaves such rows out"
                                           : kind == CSV_RANGE ? ": give it in another unit"
                                                               : ": correct it or the row");
    if (missing && kind == CSV_TEXT) is = " is missing: ";
    return CSV__FAIL(m, "field %d%s%.40s%s%.40s%s%s", column + 1, is, text,
                     *name ? " (column " : "", name, *name ? ")" : "", cure);
}

FILE_FN int csv__bad_weight(csv__maker *m, double w)
{
    const char *name = m->all ? m->all[m->weight] : "";
    return CSV__FAIL(m, "field %d is a weight, and negative: %g%s%.40s%s: weights are 0 or more",
                     m->weight + 1, w, *name ? " (column " : "", name, *name ? ")" : "");
}

FILE_FN void csv__row_skip(csv__maker *m)
{
    if (m->t->skipped < CSV_SKIPPED) m->t->skipped_line[m->t->skipped] = m->line;
    m->t->skipped++;
}

FILE_FN int csv__carry(csv__maker *m, char *const *field)
{
    csv_table *t = m->t;
    size_t n = 0, cap = m->text_cap;
    int i;
    for (i = 0; i < t->carried; i++) n += csv__quote(NULL, field[m->keep[i]]) + 1;
    while (cap - m->text_size < n + 1) cap = 2 * cap + 4096;
    if (cap > m->text_cap) {
        char *p = (char *)csv__resize(m, t->text, cap, 1);
        if (!p) return -1;
        t->text = p;
        m->text_cap = cap;
    }
    t->at[t->rows] = m->text_size;
    for (i = 0; i < t->carried; i++) {
        if (i) t->text[m->text_size++] = ',';
        m->text_size += csv__quote(t->text + m->text_size, field[m->keep[i]]);
    }
    t->text[m->text_size++] = 0;
    return 0;
}

/* A number as text that gives it back, with few digits. */
FILE_FN void csv__shortest(char *s, size_t size, double x)
{
    static const int digits[] = {6, 9, 15, 16, 17}; /* 9 for floats */
    double back;
    int i;
    for (i = 0; i < 5; i++) {
        snprintf(s, size, "%.*g", digits[i], x);
        if (csv_number(s, &back) != CSV_NUMBER || !(back < x || back > x)) return;
    }
}

/* The row's carried fields from its numbers; file: [width]. */
FILE_FN int csv__carry_numbers(csv__maker *m, const double *file)
{
    csv_table *t = m->t;
    char (*text)[32] = (char (*)[32])csv__resize(m, NULL, (size_t)m->width, sizeof *text);
    char **field = (char **)csv__resize(m, NULL, (size_t)m->width, sizeof *field);
    int i, failed = !text || !field;
    for (i = 0; !failed && i < m->width; i++) field[i] = text[i];
    for (i = 0; !failed && i < t->carried; i++)
        csv__shortest(text[m->keep[i]], sizeof *text, file[m->keep[i]]);
    if (!failed) failed = csv__carry(m, field);
    free(text);
    free(field);
    return failed ? -1 : 0;
}

/* A row from a file of numbers, file: [width]; m->line is its number. */
FILE_FN int csv__row_of_numbers(csv__maker *m, const double *file)
{
    csv_table *t = m->t;
    int i, column;
    char text[32];
    if (csv__row_begin(m)) return -1;
    for (i = 0; i < t->cols + (m->weight >= 0); i++) {
        column = i < t->cols ? m->take[i] : m->weight;
        if (!number_finite(file[column])) {
            snprintf(text, sizeof text, "%g", file[column]);
            if (!m->how->skip_missing || !number_missing(text))
                return csv__bad_field(m, column, text, CSV_NOT_FINITE);
            csv__row_skip(m);
            return 0;
        }
        if (i < t->cols) m->v[i] = file[column];
        else t->weight[t->rows] = file[column];
    }
    if (m->weight >= 0 && t->weight[t->rows] < 0) return csv__bad_weight(m, t->weight[t->rows]);
    if (t->carried && csv__carry_numbers(m, file)) return -1;
    t->line[t->rows++] = m->line;
    return 0;
}

/* After the last row. */
FILE_FN int csv__complete(csv__maker *m)
{
    const csv_table *t = m->t;
    int i;
    m->line = 0;
    if (!t->rows && t->skipped)
        return CSV__FAIL(m, "no rows are left: all %d miss a value in the columns taken",
                         t->skipped);
    if (!t->rows) return CSV__FAIL(m, "no rows of numbers");
    for (i = 0; t->weight && i < t->rows && !(t->weight[i] > 0); i++) continue;
    if (t->weight && i == t->rows)
        return CSV__FAIL(m, "all weights are 0 (column %d): at least one must be more",
                         m->weight + 1);
    return 0;
}

#endif /* TABLE_H */
