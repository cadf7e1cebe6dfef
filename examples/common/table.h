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
    int *column;     /* [cols], which of the file's it is, from 1 */
    char **name;     /* [cols], or NULL when the file has no header */
    double *weight;  /* [rows], or NULL */
    int carried;     /* columns carried along: */
    char *header;    /* their names as they go into a CSV file, */
    char *text;      /* and their fields, those of a row from text + at[row] to a 0 */
    size_t *at;
    int index;       /* 1: the file's first column has no name and was left out */
    int same[2];     /* two of the file's columns, from 1, that have one name; the second of them is
                      * taken, and called otherwise (0: none) */
    int digits;      /* 1: the names are numbers, a header because csv_how says so or needs one */
    int grouped;     /* the line of a number like 2,530 that was read as 2.53 where no other number
                      * says that commas are decimal (0: none) */
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
    int least, most;     /* columns that serve, for advice (0: one, any number) */
} csv_how;

FILE_FN void csv_free(csv_table *t)
{
    int i;
    for (i = 0; t->name && i < t->cols; i++) free(t->name[i]);
    free(t->name);
    free(t->column);
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
    char **all;          /* [width] their names, all different, or NULL */
    int *twin;           /* [width] which earlier column has the same name in the file; -1: none */
    char **want;         /* [wants] the names of the model */
    int wants;
    int names_line;      /* that looks like names where csv_how says there are none; 0: no line */
    int second_line;     /* of names, after a header; 0: there is none */
    int doubt;           /* 1: another delimiter than that of csv_how makes more numbers */
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
    for (i = 0; i < m->wants; i++) free(m->want[i]);
    free(m->all);
    free(m->want);
    free(m->twin);
    free(m->take);
    free(m->keep);
    m->all = m->want = NULL;
    m->wants = 0;
    m->twin = m->take = m->keep = NULL;
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

/* Are they the same, in any case? */
FILE_FN int csv__alike(const char *a, const char *b)
{
    for (; *a && tolower((unsigned char)*a) == tolower((unsigned char)*b); a++) b++;
    return !*a && !*b;
}

/* Equal names get numbers, as pandas gives them. */
FILE_FN int csv__make_distinct(csv__maker *m)
{
    int i, j, again;
    m->twin = (int *)csv__resize(m, NULL, (size_t)m->width, sizeof *m->twin);
    if (!m->twin) return -1;
    for (i = 0; i < m->width; i++) m->twin[i] = -1;
    for (i = 0; i < m->width; i++) {
        char *s = m->all[i], *more;
        int first = csv__named(m, s);
        if (!*s || first == i) continue;
        more = (char *)csv__resize(m, NULL, strlen(s) + 16, 1);
        if (!more) return -1;
        for (j = 1, again = 1; again; j++) {
            sprintf(more, "%s.%d", s, j);
            again = csv__named(m, more) >= 0;
        }
        free(s);
        m->all[i] = more;
        m->twin[i] = first;
    }
    return 0;
}

/* A column that has the same name in the file as this one; -1: none */
FILE_FN int csv__twin(const csv__maker *m, int column)
{
    int i;
    for (i = 0; i < m->width; i++)
        if (m->twin && m->twin[i] == column) return i;
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

/* Columns as --columns takes them, into s: up to eight by their names, if these are plain, else by
 * numbers. A number that is the name of a column is written as a range, which is none. */
FILE_FN void csv__list(const csv__maker *m, const int *column, int count, char *s, size_t size)
{
    int i, j, plain = m->all != NULL && count <= 8;
    char number[12];
    size_t n = 0;
    for (i = 0; i < count; i++)
        plain = plain && csv__plain_name(m->all[column[i]]) && csv__twin(m, column[i]) < 0;
    *s = 0;
    for (i = 0; i < count && n + 48 < size; i = j + 1) {
        const char *comma = n ? "," : "";
        j = i;
        if (plain) {
            n += (size_t)snprintf(s + n, size - n, "%s%s", comma, m->all[column[i]]);
            continue;
        }
        while (j + 1 < count && column[j + 1] == column[j] + 1) j++;
        snprintf(number, sizeof number, "%d", column[i] + 1);
        if (j == i && csv__named(m, number) < 0)
            n += (size_t)snprintf(s + n, size - n, "%s%s", comma, number);
        else n += (size_t)snprintf(s + n, size - n, "%s%s-%d", comma, number, column[j] + 1);
    }
}

/* The columns that look numeric, as csv__list writes them: how many they are; 0: too many to write,
 * or fewer or more than serve. */
FILE_FN int csv__advice(const csv__maker *m, char *s, size_t size)
{
    int column[32], i, count = 0;
    *s = 0;
    for (i = m->t->index; i < m->width; i++) {
        if (!csv__is_numeric(m, i)) continue;
        if (count == (int)(sizeof column / sizeof *column)) return 0;
        column[count++] = i;
    }
    if (count < m->how->least || (m->how->most && count > m->how->most)) return 0;
    csv__list(m, column, count, s, size);
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
    if (*first >= 0 && csv__twin(m, *first) >= 0)
        return CSV__FAIL(m, "%s: columns %d and %d are both named '%.40s': give the number of the "
                         "one that is meant", option, *first + 1, csv__twin(m, *first) + 1, item);
    if (*first >= 0) return 0;
    if (!csv__range(item, first, last)) {
        if (m->all && !m->t->digits)
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

/* The model's names, one by one */
FILE_FN int csv__read_wants(csv__maker *m)
{
    const char *s = m->how->names;
    size_t n = 1;
    for (; *s; s++) n += *s == '\n';
    m->want = (char **)csv__resize(m, NULL, n, sizeof *m->want);
    for (s = m->how->names; m->want && s; s = *s ? s + 1 : NULL) {
        n = strcspn(s, "\n");
        m->want[m->wants] = csv__copy(m, s, n);
        if (!m->want[m->wants]) return -1;
        m->wants++;
        s += n;
    }
    return m->want ? 0 : -1;
}

/* For a message, as many as there is room for */
FILE_FN const char *csv__wanted(const csv__maker *m, char *s, size_t size)
{
    size_t n = 0;
    int i;
    for (i = 0; i < m->wants && n + 48 < size; i++)
        n += (size_t)snprintf(s + n, size - n, "%s%.40s", n ? ", " : "", m->want[i]);
    if (i < m->wants) snprintf(s + n, size - n, ", ...");
    return s;
}

/* The model's columns by name -> column: [width], among those already chosen when there are any,
 * in any case of letters if `loose`: 1, or 0 and *lost, the first that is not found. */
FILE_FN int csv__find_names(const csv__maker *m, int loose, int *column, int *lost)
{
    int i, j, of;
    for (i = 0; i < m->wants; i++) {
        *lost = i;
        of = csv__named(m, m->want[i]);
        for (j = 0; of < 0 && loose && j < m->width; j++)
            if (csv__alike(m->all[j], m->want[i])) of = j;
        for (j = 0; j < i && column[j] != of; j++) continue;
        if (of < 0 || j < i) return 0;
        for (j = 0; j < m->t->cols && m->take[j] != of; j++) continue;
        if (m->t->cols && j == m->t->cols) return 0;
        column[i] = of;
    }
    return 1;
}

/* A model's name that two of the file's columns have is no name to find one by. */
FILE_FN int csv__ambiguous(csv__maker *m, const int *column)
{
    char list[200];
    int i, j, other;
    for (i = 0; i < m->wants; i++) {
        other = csv__twin(m, column[i]);
        for (j = 0; j < m->wants && column[j] != other; j++) continue;
        if (other < 0 || j < m->wants) continue;
        csv__list(m, column, m->wants, list, sizeof list);
        return CSV__FAIL(m, "columns %d and %d are both named '%.40s', which the model has: "
                         "--columns %s takes the first", column[i] + 1, other + 1, m->want[i],
                         list);
    }
    return 0;
}

/* The file has names, but not those of the model. No columns are proposed whose order is a guess:
 * what is scored under wrong names is scored without a word. */
FILE_FN int csv__lacks(csv__maker *m, int *column, int lost)
{
    char known[200], want[200], list[200], cure[500];
    int i, numbers = 0, ignored;
    for (i = m->t->index; i < m->width; i++) numbers += csv__is_numeric(m, i);
    csv__wanted(m, want, sizeof want);
    if (m->doubt) snprintf(cure, sizeof cure, "leave out --delimiter");
    else if (m->t->digits && m->how->header > 0)
        snprintf(cure, sizeof cure, "leave out --header yes if this line is a row");
    else if (csv__find_names(m, 1, column, &ignored)) {
        csv__list(m, column, m->wants, list, sizeof list);
        snprintf(cure, sizeof cure, "--columns %s takes them in the model's order", list);
    } else if (numbers >= m->wants)
        snprintf(cure, sizeof cure, "--columns LIST takes others, those that stand for %s, in this "
                 "order", want);
    else snprintf(cure, sizeof cure, "the model takes %s", want);
    return CSV__FAIL(m, "there is no column '%.40s', which the model has: the file has %s: %s",
                     m->want[lost], csv__known(m, known, sizeof known), cure);
}

/* Columns that --columns takes in the order given must not stand in each other's place. */
FILE_FN int csv__misplaced(csv__maker *m)
{
    char want[200];
    int i, j;
    for (i = 0; m->t->cols == m->wants && i < m->wants; i++) {
        const char *name = m->all[m->take[i]];
        for (j = 0; j < m->wants && !csv__alike(name, m->want[j]); j++) continue;
        if (j < m->wants && !csv__alike(name, m->want[i]))
            return CSV__FAIL(m, "--columns: '%.40s' would stand for '%.40s', and the model has a "
                             "'%.40s': list what stands for %s, in this order", name, m->want[i],
                             m->want[j], csv__wanted(m, want, sizeof want));
    }
    return 0;
}

/* The model's columns in a file with names: by these, or those of --columns as they are. */
FILE_FN int csv__take_names(csv__maker *m)
{
    int lost = 0, failed = -1, chosen = m->t->cols;
    int *column = (int *)csv__resize(m, NULL, (size_t)m->width, sizeof *column);
    if (!column || csv__read_wants(m)) {
    } else if (!csv__find_names(m, 0, column, &lost)) {
        failed = chosen ? csv__misplaced(m) : csv__lacks(m, column, lost);
    } else if (chosen || !csv__ambiguous(m, column)) {
        int *was = m->take;
        m->take = column;
        column = was;
        m->t->cols = m->wants;
        for (lost = 0; lost < m->wants; lost++)
            if (!m->take[lost]) m->t->index = 0;
        failed = 0;
    }
    free(column);
    return failed;
}

/* Fills m->take. Without --columns all, or the model's; with it those, in the model's order if
 * they have its names. */
FILE_FN int csv__choose(csv__maker *m)
{
    const csv_how *how = m->how;
    int i, by_name = how->names && m->all;
    if (how->columns && csv__take_list(m, how->columns)) return -1;
    if (by_name && csv__take_names(m)) return -1;
    for (i = m->t->index; !by_name && !how->columns && i < m->width; i++)
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

/* Numbers and names of the columns taken */
FILE_FN int csv__column_names(csv__maker *m)
{
    csv_table *t = m->t;
    int i;
    t->column = (int *)csv__resize(m, NULL, (size_t)t->cols, sizeof *t->column);
    t->name = m->all ? (char **)csv__resize(m, NULL, (size_t)t->cols, sizeof *t->name) : NULL;
    for (i = 0; i < t->cols && t->name; i++) t->name[i] = NULL;
    if (!t->column || (m->all && !t->name)) return -1;
    for (i = 0; i < t->cols; i++) {
        int column = m->take[i];
        const char *s = m->all ? m->all[column] : "";
        char number[24];
        t->column[i] = column + 1;
        if (!m->all) continue;
        snprintf(number, sizeof number, "column%d", column + 1);
        if (!*s) s = number;
        t->name[i] = csv__copy(m, s, strlen(s));
        if (!t->name[i]) return -1;
        if (!m->twin || m->twin[column] < 0 || t->same[0]) continue;
        t->same[0] = m->twin[column] + 1;
        t->same[1] = column + 1;
    }
    return 0;
}

/* Once width, names and kinds of the file's columns are known: what goes where. */
FILE_FN int csv__columns(csv__maker *m)
{
    int last;
    m->weight = -1;
    if (m->how->weights) {
        if (csv__resolve(m, "--weights", m->how->weights, &m->weight, &last)) return -1;
        if (last > m->weight)
            return CSV__FAIL(m, "--weights: '%.40s' should be one column", m->how->weights);
    }
    if (csv__choose(m) || csv__column_names(m)) return -1;
    return m->how->carry ? csv__carry_columns(m) : 0;
}

/* The columns of a table but those left out, as --columns takes them: up to eight by plain names,
 * else by numbers. */
FILE_FN const char *csv_list(const csv_table *t, const unsigned char *left_out, char *s,
                             size_t size)
{
    int i, j, count = 0, plain = t->name && !t->same[0];
    size_t n = 0;
    *s = 0;
    for (i = 0; i < t->cols; i++) count += !left_out[i];
    for (i = 0; i < t->cols && plain; i++) plain = count <= 8 && csv__plain_name(t->name[i]);
    for (i = 0; i < t->cols && n + 48 < size; i = j + 1) {
        j = i;
        if (left_out[i]) continue;
        n += (size_t)snprintf(s + n, size - n, "%s", n ? "," : "");
        while (!plain && j + 1 < t->cols && !left_out[j + 1] &&
               t->column[j + 1] == t->column[j] + 1) j++;
        if (plain) n += (size_t)snprintf(s + n, size - n, "%s", t->name[i]);
        else n += (size_t)snprintf(s + n, size - n, j > i ? "%d-%d" : "%d", t->column[i],
                                   t->column[j]);
    }
    return i < t->cols ? "LIST" : s;
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

/* What helps where a column that is taken has this text. */
FILE_FN void csv__cure(const csv__maker *m, int column, const char *text, int kind, char *s,
                       size_t size)
{
    char part[120];
    int other = m->numeric && !m->numeric[column];
    int unit = kind == CSV_TEXT && number_with_unit(text);
    if (m->names_line && m->names_line == m->line)
        snprintf(s, size, "leave out --header no if the line has the names of the columns");
    else if (kind == CSV_TEXT && m->doubt) snprintf(s, size, "leave out --delimiter");
    else if (m->second_line && m->second_line == m->line)
        snprintf(s, size, "two lines of names? begin the one that is none with #");
    else if (number_grouped(text, part, sizeof part))
        snprintf(s, size, "write thousands without separators: %.40s", part);
    else if (other && !m->wants && csv__advice(m, part, sizeof part))
        snprintf(s, size, "%stry --columns %s", unit ? "write the number alone, or " : "", part);
    else if (number_missing(text)) snprintf(s, size, "--skip-missing leaves such rows out");
    else if (kind == CSV_RANGE) snprintf(s, size, "give it in another unit");
    else if (unit) snprintf(s, size, "write the number alone");
    else snprintf(s, size, "correct it or the row");
}

/* What is wrong with a field, where, and what helps. */
FILE_FN int csv__bad_field(csv__maker *m, int column, const char *text, int kind)
{
    static const char *const what[] = {"", " is not a number: ", " is empty",
                                       " is not finite: ", " is out of range: "};
    const char *name = m->all ? m->all[column] : "", *is = what[kind];
    char cure[200];
    csv__cure(m, column, text, kind, cure, sizeof cure);
    if (number_missing(text) && kind == CSV_TEXT) is = " is missing: ";
    return CSV__FAIL(m, "field %d%s%.40s%s%.40s%s: %s", column + 1, is, text,
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
