/* cloud.h: point clouds as scanners and modellers write them.

   .ply  ASCII or binary of either byte order: the properties of its vertices are the columns, and
         x, y, z are taken unless others are asked for. Faces and other elements are skipped, but
         must be there.
   .xyz  x y z on each line; more columns, a count in front (and a line of comment after it), names
         of atoms before the numbers, and // comments are fine. */
#ifndef CLOUD_H
#define CLOUD_H

#include "csv.h"

/* ---- .ply ---- */

enum { CLOUD__ELEMENTS = 16, CLOUD__PROPERTIES = 256 };

typedef struct cloud__type { const char *name; int size; char kind; } cloud__type;

typedef struct cloud__property {
    char name[48];
    const cloud__type *type, *count; /* count: of a list's length; NULL: no list */
} cloud__property;

typedef struct cloud__element {
    char name[48];
    double count;
    int properties, columns; /* columns: without lists */
    cloud__property *property; /* [CLOUD__PROPERTIES] */
} cloud__element;

typedef struct cloud__reader {
    csv__reader r;      /* for lines, messages and the table */
    char format;        /* a: ASCII, l, b: little- or big-endian */
    int elements;
    cloud__element element[CLOUD__ELEMENTS];
    double *row;        /* [columns] of an item */
    int fields, field;  /* of the line, and the next of them */
} cloud__reader;

FILE_FN const cloud__type *cloud__find_type(const char *name)
{
    static const cloud__type type[] = {
        {"char", 1, 'i'},  {"uchar", 1, 'u'},  {"short", 2, 'i'},  {"ushort", 2, 'u'},
        {"int", 4, 'i'},   {"uint", 4, 'u'},   {"float", 4, 'f'},  {"double", 8, 'f'},
        {"int8", 1, 'i'},  {"uint8", 1, 'u'},  {"int16", 2, 'i'},  {"uint16", 2, 'u'},
        {"int32", 4, 'i'}, {"uint32", 4, 'u'}, {"float32", 4, 'f'}, {"float64", 8, 'f'}};
    size_t i;
    for (i = 0; i < sizeof type / sizeof *type; i++)
        if (!strcmp(type[i].name, name)) return &type[i];
    return NULL;
}

FILE_FN int cloud__bad_header(cloud__reader *p)
{
    return CSV__FAIL(&p->r.m, "a line of the header that is none of .ply: %.60s", p->r.text);
}

FILE_FN int cloud__add_element(cloud__reader *p, int n)
{
    cloud__element *e = &p->element[p->elements];
    char **word = p->r.field;
    double count;
    if (n != 3 || csv_number(word[2], &count) != CSV_NUMBER || count < 0)
        return CSV__FAIL(&p->r.m, "element needs a name and how many there are");
    if (p->elements == CLOUD__ELEMENTS) return CSV__FAIL(&p->r.m, "too many elements");
    e->count = count;
    snprintf(e->name, sizeof e->name, "%.47s", word[1]);
    e->property = (cloud__property *)csv__resize(&p->r.m, NULL, CLOUD__PROPERTIES,
                                                 sizeof *e->property);
    if (!e->property) return -1;
    p->elements++;
    return 0;
}

FILE_FN int cloud__add_property(cloud__reader *p, int n)
{
    cloud__element *e = p->element + p->elements;
    cloud__property *q;
    char **word = p->r.field;
    int list = n == 5 && !strcmp(word[1], "list");
    if (!p->elements) return CSV__FAIL(&p->r.m, "a property before any element");
    e--;
    if (e->properties == CLOUD__PROPERTIES) return CSV__FAIL(&p->r.m, "too many properties");
    q = &e->property[e->properties];
    q->type = list || n == 3 ? cloud__find_type(word[list ? 3 : 1]) : NULL;
    q->count = list ? cloud__find_type(word[2]) : NULL;
    if (!q->type || (list && !q->count))
        return CSV__FAIL(&p->r.m, "a property of unknown type: %.40s",
                         n > 1 ? word[list ? 2 : 1] : "");
    snprintf(q->name, sizeof q->name, "%.47s", word[n - 1]);
    e->properties++;
    e->columns += !list;
    return 0;
}

FILE_FN int cloud__set_format(cloud__reader *p, int n)
{
    const char *s = n > 1 ? p->r.field[1] : "";
    if (!strcmp(s, "ascii")) p->format = 'a';
    else if (!strcmp(s, "binary_little_endian")) p->format = 'l';
    else if (!strcmp(s, "binary_big_endian")) p->format = 'b';
    else return CSV__FAIL(&p->r.m, "unknown format %.40s", s);
    return 0;
}

FILE_FN int cloud__header(cloud__reader *p)
{
    int got, n, line = 0;
    while ((got = csv__next_line(&p->r)) > 0) {
        const char *word;
        n = csv__cut(&p->r, p->r.text, ' ');
        if (n < 0) return -1;
        word = p->r.field[0];
        if (!line++ || !*word || !strcmp(word, "comment") || !strcmp(word, "obj_info")) continue;
        if (!strcmp(word, "end_header")) break;
        if (!strcmp(word, "format")) got = cloud__set_format(p, n);
        else if (!strcmp(word, "element")) got = cloud__add_element(p, n);
        else if (!strcmp(word, "property")) got = cloud__add_property(p, n);
        else got = cloud__bad_header(p);
        if (got < 0) return -1;
    }
    if (got < 0) return -1;
    if (!got) return CSV__FAIL(&p->r.m, "the file ends within its header");
    if (!p->format) return CSV__FAIL(&p->r.m, "the header does not say which format");
    return 0;
}

/* The columns are the vertices' properties. */
FILE_FN int cloud__columns(cloud__reader *p, const cloud__element *e)
{
    csv__maker *m = &p->r.m;
    int i, n = 0;
    m->line = 0;
    m->width = e->columns;
    if (!m->width) return CSV__FAIL(m, "the vertices of the file have no numbers");
    m->all = (char **)csv__resize(m, NULL, (size_t)m->width, sizeof *m->all);
    if (!m->all) return -1;
    for (i = 0; i < m->width; i++) m->all[i] = NULL;
    for (i = 0; i < e->properties; i++) {
        if (e->property[i].count) continue;
        m->all[n] = csv__copy(m, e->property[i].name, strlen(e->property[i].name));
        if (!m->all[n++]) return -1;
    }
    return csv__make_distinct(m) || csv__columns(m) ? -1 : 0;
}

/* What is missing of an element: -1 with a message. */
FILE_FN int cloud__short(cloud__reader *p, const cloud__element *e, double i)
{
    if (p->format != 'a') p->r.m.line = 0;
    return CSV__FAIL(&p->r.m, "the file ends after %.0f of the %.0f elements '%s' of its header: "
                     "it was cut short", i, e->count, e->name);
}

/* The next number of an item: 1, 0 when the file or the line is at its end, -1. */
FILE_FN int cloud__next(cloud__reader *p, const cloud__type *t, double *x)
{
    file_in *in = p->r.in;
    char *s;
    int kind;
    if (p->format != 'a') {
        if (file_ahead(in, (size_t)t->size, CSV__ERR(&p->r))) return -1;
        if (in->end - in->at < (size_t)t->size) return 0;
        *x = number_of_bytes(in->p + in->at, t->kind, t->size, p->format == 'b');
        in->at += (size_t)t->size;
        return 1;
    }
    if (p->field == p->fields) return 0;
    s = p->r.field[p->field++];
    kind = csv_number(s, x);
    if (kind == CSV_NOT_FINITE) *x = strtod(s, NULL);
    else if (kind != CSV_NUMBER)
        return CSV__FAIL(&p->r.m, "field %d is not a number: %.40s", p->field, s);
    return 1;
}

/* One item of an element into p->row, without its lists: 1, 0 at the end, -1. */
FILE_FN int cloud__item(cloud__reader *p, const cloud__element *e)
{
    int i, got = 1, column = 0;
    double x = 0, many;
    if (p->format == 'a') {
        do got = csv__next_line(&p->r);
        while (got > 0 && !p->r.text[strspn(p->r.text, " \t")]);
        if (got <= 0) return got;
        p->field = 0;
        p->fields = csv__cut(&p->r, p->r.text, ' ');
        if (p->fields < 0) return -1;
    }
    for (i = 0; got > 0 && i < e->properties; i++) {
        const cloud__property *q = &e->property[i];
        got = cloud__next(p, q->count ? q->count : q->type, &x);
        if (!q->count) p->row[column++] = x;
        many = q->count ? x : 0;
        for (; got > 0 && many >= 1; many--) got = cloud__next(p, q->type, &x);
    }
    if (p->format == 'a' && !got)
        return CSV__FAIL(&p->r.m, "%d numbers are fewer than the header says of '%s'", p->fields,
                         e->name);
    if (got > 0 && p->format == 'a' && p->field < p->fields)
        return CSV__FAIL(&p->r.m, "%d numbers are more than the header says of '%s'", p->fields,
                         e->name);
    return got;
}

FILE_FN int cloud__read_element(cloud__reader *p, const cloud__element *e, int vertices)
{
    double i;
    int got;
    p->row = (double *)csv__resize(&p->r.m, p->row, (size_t)e->columns + 1, sizeof *p->row);
    if (!p->row) return -1;
    if (!e->properties && p->format != 'a') return 0; /* takes no bytes, however many there are */
    for (i = 0; i < e->count; i++) {
        got = cloud__item(p, e);
        if (got < 0) return -1;
        if (!got) return cloud__short(p, e, i);
        if (p->format != 'a') p->r.m.line = i < INT_MAX ? (int)i + 1 : 0;
        if (vertices && csv__row_of_numbers(&p->r.m, p->row)) return -1;
    }
    return 0;
}

/* Blanks may follow the last element, nothing else. */
FILE_FN int cloud__at_end(cloud__reader *p)
{
    file_in *in = p->r.in;
    for (;;) {
        if (file_ahead(in, 1, CSV__ERR(&p->r))) return -1;
        if (in->at == in->end) return 0;
        if (!strchr(" \t\r\n", in->p[in->at])) break;
        in->at++;
    }
    p->r.m.line = 0;
    return CSV__FAIL(&p->r.m, "the file goes on after all that its header says: one of the two is "
                     "damaged");
}

FILE_FN int cloud__read(cloud__reader *p)
{
    int i, vertex = -1;
    if (cloud__header(p)) return -1;
    for (i = 0; i < p->elements; i++)
        if (!strcmp(p->element[i].name, "vertex")) vertex = i;
    p->r.m.line = 0;
    if (vertex < 0) return CSV__FAIL(&p->r.m, "there is no element 'vertex' in the file");
    if (cloud__columns(p, &p->element[vertex])) return -1;
    p->r.m.line = p->r.lines;
    for (i = 0; i < p->elements; i++)
        if (cloud__read_element(p, &p->element[i], i == vertex)) return -1;
    return cloud__at_end(p) ? -1 : csv__complete(&p->r.m);
}

FILE_FN int cloud_read_ply(file_in *in, const csv_how *how, csv_table *t, char *err,
                           size_t err_size)
{
    cloud__reader *p = (cloud__reader *)FILE_REALLOC(NULL, sizeof *p);
    csv_how points = *how;
    int i, failed;
    memset(t, 0, sizeof *t);
    if (!p) return file_fail(err, err_size, in->file, 0, "out of memory");
    memset(p, 0, sizeof *p);
    if (!how->columns && !how->names) points.columns = "x,y,z";
    csv__reader_init(&p->r, in, &points, t, err, err_size);
    p->r.plain = 1;
    failed = cloud__read(p);
    for (i = 0; i < p->elements; i++) free(p->element[i].property);
    free(p->row);
    csv__reader_free(&p->r);
    free(p);
    if (failed) csv_free(t);
    return failed ? -1 : 0;
}

/* ---- .xyz ---- */

FILE_FN void cloud__xyz_drop(csv__reader *r)
{
    int i;
    free(r->sample[0]);
    r->samples--;
    for (i = 0; i < r->samples; i++) {
        r->sample[i] = r->sample[i + 1];
        r->sample_line[i] = r->sample_line[i + 1];
    }
}

/* Fields of a sampled line, or -1. */
FILE_FN int cloud__xyz_fields(csv__reader *r, int i, int *texts)
{
    char *s = csv__copy(&r->m, r->sample[i], strlen(r->sample[i]));
    int n = s ? csv__cut(r, s, ' ') : -1, j;
    *texts = 0;
    for (j = 0; j < n; j++) *texts += !csv__like_number(r->field[j]);
    free(s);
    return n;
}

/* A count of points stands alone in the first line, and a comment may follow it: a second line
 * that is not like the third. */
FILE_FN int cloud__xyz_count(csv__reader *r)
{
    int n, more, texts, more_texts;
    if (r->samples < 2) return 0;
    n = cloud__xyz_fields(r, 0, &texts);
    if (n != 1 || texts || csv_number(r->sample[0], &r->promised) != CSV_NUMBER) {
        r->promised = -1;
        return n < 0 ? -1 : 0;
    }
    cloud__xyz_drop(r);
    if (r->samples < 2) return 0;
    n = cloud__xyz_fields(r, 0, &texts);
    more = n < 0 ? -1 : cloud__xyz_fields(r, 1, &more_texts);
    if (more < 0) return -1;
    if (n != more || texts != more_texts) cloud__xyz_drop(r);
    return 0;
}

/* Without a header the columns are x, y, z; before them, the atom's name. */
FILE_FN int cloud__xyz_names(csv__reader *r)
{
    static const char *const name[] = {"atom", "x", "y", "z"};
    csv__maker *m = &r->m;
    int atoms = r->numeric[0] ? 0 : 1, i;
    char other[24];
    if (r->header) return 0;
    if (m->width < 3 + atoms) {
        m->line = r->sample_line[0];
        return CSV__FAIL(m, "%d number%s in a line of .xyz: x y z were expected", m->width - atoms,
                         m->width - atoms == 1 ? "" : "s");
    }
    m->all = (char **)csv__resize(m, NULL, (size_t)m->width, sizeof *m->all);
    if (!m->all) return -1;
    for (i = 0; i < m->width; i++) m->all[i] = NULL;
    for (i = 0; i < m->width; i++) {
        snprintf(other, sizeof other, "column%d", i + 1);
        m->all[i] = i < 3 + atoms ? csv__copy(m, name[i + 1 - atoms], strlen(name[i + 1 - atoms]))
                                  : csv__copy(m, other, strlen(other));
        if (!m->all[i]) return -1;
    }
    return 0;
}

FILE_FN int cloud__xyz_read(csv__reader *r, csv_how *how)
{
    if (csv__take_sample(r) || csv__nothing(r) || cloud__xyz_count(r) || csv__nothing(r)) return -1;
    if (csv__find_layout(r) || cloud__xyz_names(r)) return -1;
    if (!r->header && !how->columns && !how->names) how->columns = "x,y,z";
    if (csv__columns(&r->m) || csv__rows(r) || csv__judge_commas(r)) return -1;
    if (csv__complete(&r->m)) return -1;
    if (r->promised < 0 || !(r->promised < r->m.t->rows + r->m.t->skipped ||
                             r->promised > r->m.t->rows + r->m.t->skipped)) return 0;
    return CSV__FAIL(&r->m, "its first line says %.0f points, and there are %d: one of the two is "
                     "wrong", r->promised, r->m.t->rows + r->m.t->skipped);
}

FILE_FN int cloud_read_xyz(file_in *in, const csv_how *how, csv_table *t, char *err,
                           size_t err_size)
{
    csv_how points = *how;
    csv__reader r;
    int failed;
    csv__reader_init(&r, in, &points, t, err, err_size);
    r.xyz = 1;
    failed = cloud__xyz_read(&r, &points);
    csv__reader_free(&r);
    if (failed) csv_free(t);
    return failed ? -1 : 0;
}

#endif /* CLOUD_H */
