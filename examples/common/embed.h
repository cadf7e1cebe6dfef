/* embed.h: changes of coordinates between the columns of a table and points of R^n.

     none        the columns are the point
     latlon      latitude, longitude in degrees      <-> the unit sphere of R^3
     torus:R,r   angles phi, psi in radians, R > r   <-> ((R + r cos psi) cos phi,
                                                          (R + r cos psi) sin phi, r sin psi)
     angles      any number of angles                <-> (cos, sin) of each
     quaternion  four columns are the point, and -x the same rotation as x: where points are
                 written, the first column is not below 0
     rotation    nine columns are the point: a rotation matrix

   Angles are in radians, or in degrees if the embedding says so (`angles:3,degrees` is what three
   columns of them become in a model; lat and lon always are).

   Nothing learns from an embedding: it only makes angles into points, so that a seam of the map
   is no seam of the data. The inverse takes any point to the angles of the surface point below
   it, so it also serves samples that lie beside the surface. */
#ifndef EMBED_H
#define EMBED_H

#include "csv.h"

typedef enum embed_kind {
    EMBED_NONE, EMBED_LATLON, EMBED_TORUS, EMBED_ANGLES, EMBED_QUATERNION, EMBED_ROTATION
} embed_kind;

typedef struct embed {
    embed_kind kind;
    double R, r; /* torus */
    int angles;  /* columns of them (0: as many as come) */
    int degrees; /* 1: these are */
} embed;

#define EMBED__DEGREE 0.017453292519943295769 /* in radians */

/* Cuts the next number out of *p, at a comma; CSV_NUMBER, or what else it is. */
FILE_FN int embed__radius(char **p, double *v)
{
    char *s = *p, *comma = s ? strchr(s, ',') : NULL, *end;
    if (!s) return CSV_EMPTY;
    end = comma ? comma : s + strlen(s);
    *p = comma ? comma + 1 : NULL;
    while (*s == ' ') s++;
    while (end > s && end[-1] == ' ') end--;
    *end = 0;
    return csv_number(s, v);
}

/* angles, angles:N or angles:N,degrees: 1 if the text is one of them */
FILE_FN int embed__angles(embed *e, const char *text)
{
    int used = 0, count = 0;
    if (strncmp(text, "angles", 6)) return 0;
    text += 6;
    if (*text == ':') {
        if (sscanf(text, ":%4d%n", &count, &used) != 1 || count < 1) return 0;
        text += used;
        if (!strcmp(text, ",degrees")) {
            e->degrees = 1;
            text += strlen(text);
        }
    }
    if (*text) return 0;
    e->kind = EMBED_ANGLES;
    e->angles = count;
    return 1;
}

/* From an option's text. 0, or -1 with a message for `ebim: --embed: message`. */
FILE_FN int embed_parse(embed *e, const char *text, char *err, size_t err_size)
{
    char s[64], *p = s;
    e->kind = EMBED_NONE;
    e->R = e->r = 0;
    e->angles = e->degrees = 0;
    if (!strcmp(text, "none") || embed__angles(e, text)) return 0;
    if (!strcmp(text, "latlon")) e->kind = EMBED_LATLON;
    if (!strcmp(text, "quaternion")) e->kind = EMBED_QUATERNION;
    if (!strcmp(text, "rotation")) e->kind = EMBED_ROTATION;
    if (e->kind != EMBED_NONE) return 0;
    if (strncmp(text, "torus", 5) || (text[5] && text[5] != ':'))
        return file_fail(err, err_size, "--embed", 0,
                         "'%.40s' is not one of none, latlon, torus:R,r, angles, quaternion, "
                         "rotation", text);
    if (text[5] && strlen(text + 6) < sizeof s) {
        strcpy(s, text + 6);
        if (embed__radius(&p, &e->R) == CSV_NUMBER && embed__radius(&p, &e->r) == CSV_NUMBER &&
            !p && e->R > e->r && e->r > 0) {
            e->kind = EMBED_TORUS;
            return 0;
        }
    }
    e->R = e->r = 0;
    return file_fail(err, err_size, "--embed", 0,
                     "'%.40s' should be torus:R,r with two numbers R > r > 0", text);
}

/* The text that embed_parse turns into e; at most 63 characters. */
FILE_FN void embed_text(const embed *e, char *text, size_t size)
{
    static const char *const name[] = {"none", "latlon", "torus", "angles", "quaternion",
                                       "rotation"};
    if (e->kind == EMBED_TORUS) snprintf(text, size, "torus:%.17g,%.17g", e->R, e->r);
    else if (e->kind == EMBED_ANGLES && e->angles)
        snprintf(text, size, "angles:%d%s", e->angles, e->degrees ? ",degrees" : "");
    else snprintf(text, size, "%s", name[e->kind]);
}

/* Columns that the embedding takes; 0: as they come */
FILE_FN int embed_columns(const embed *e)
{
    static const int columns[] = {0, 2, 2, 0, 4, 9};
    return e->kind == EMBED_ANGLES ? e->angles : columns[e->kind];
}

/* n of its points from so many columns, and m of its surface; 0: what is not known of columns as
 * they come */
FILE_FN int embed_ambient(const embed *e)
{
    return embed_columns(e) * (e->kind == EMBED_ANGLES ? 2 : 1) +
           (e->kind == EMBED_LATLON || e->kind == EMBED_TORUS);
}
FILE_FN int embed_dim(const embed *e)
{
    return e->kind == EMBED_ANGLES ? e->angles
         : e->kind == EMBED_QUATERNION || e->kind == EMBED_ROTATION ? 3
         : e->kind == EMBED_NONE ? 0 : 2;
}

/* Whether points are other numbers than the columns they come from */
FILE_FN int embed_moves(const embed *e)
{
    return e->kind == EMBED_LATLON || e->kind == EMBED_TORUS || e->kind == EMBED_ANGLES;
}

/* The name of column i < embed_columns; NULL: it has none. */
FILE_FN const char *embed_name(const embed *e, int i)
{
    if (e->kind == EMBED_LATLON) return i ? "lon" : "lat";
    if (e->kind == EMBED_TORUS) return i ? "psi" : "phi";
    return NULL;
}

/* The point that stands for x where it is written: a quaternion's first column is not below 0. */
FILE_FN void embed_settle(const embed *e, int n, double *x)
{
    int i;
    for (i = 0; i < n && e->kind == EMBED_QUATERNION && !(fabs(x[i]) > 0); i++) {}
    if (e->kind != EMBED_QUATERNION || i == n || x[i] > 0) return;
    for (i = 0; i < n; i++) x[i] = -x[i];
}

/* One row to a point of n coordinates. */
FILE_FN void embed_point(const embed *e, int n, const double *row, double *x)
{
    if (e->kind == EMBED_LATLON) {
        double lat = row[0] * EMBED__DEGREE, lon = row[1] * EMBED__DEGREE;
        x[0] = cos(lat) * cos(lon);
        x[1] = cos(lat) * sin(lon);
        x[2] = sin(lat);
    } else if (e->kind == EMBED_TORUS) {
        double d = e->R + e->r * cos(row[1]);
        x[0] = d * cos(row[0]);
        x[1] = d * sin(row[0]);
        x[2] = e->r * sin(row[1]);
    } else if (e->kind == EMBED_ANGLES) {
        int i;
        for (i = 0; i < n / 2; i++) {
            double a = row[i] * (e->degrees ? EMBED__DEGREE : 1);
            x[2 * i] = cos(a);
            x[2 * i + 1] = sin(a);
        }
    } else {
        memcpy(x, row, (size_t)n * sizeof *x);
    }
}

FILE_FN void embed_inverse(const embed *e, int n, const double *x, double *row)
{
    if (e->kind == EMBED_LATLON) {
        row[0] = atan2(x[2], hypot(x[0], x[1])) / EMBED__DEGREE;
        row[1] = atan2(x[1], x[0]) / EMBED__DEGREE;
    } else if (e->kind == EMBED_TORUS) {
        row[0] = atan2(x[1], x[0]);
        row[1] = atan2(x[2], hypot(x[0], x[1]) - e->R);
    } else if (e->kind == EMBED_ANGLES) {
        int i;
        for (i = 0; i < n / 2; i++)
            row[i] = atan2(x[2 * i + 1], x[2 * i]) / (e->degrees ? EMBED__DEGREE : 1);
    } else {
        memcpy(row, x, (size_t)n * sizeof *x);
    }
}

/* Do names begin as those of the embedding in the wrong order? */
FILE_FN int embed__swapped(const embed *e, const csv_table *t)
{
    char first[4], second[4];
    snprintf(first, sizeof first, "%.3s", t->name[0]);
    snprintf(second, sizeof second, "%.3s", t->name[1]);
    return csv__alike(first, embed_name(e, 1)) || csv__alike(second, embed_name(e, 0)) ||
           (e->kind == EMBED_LATLON && csv__alike(first, "lng"));
}

/* Are the first numbers no latitudes, and the second ones could be? */
FILE_FN int embed__lon_first(const csv_table *t)
{
    size_t i;
    for (i = 0; i < (size_t)t->rows; i++)
        if (!(fabs(t->v[2 * i + 1]) <= 90)) return 0;
    return 1;
}

/* The points of a whole table, [t->rows][*n], to be freed by the caller. NULL with a message
 * naming file and line when the columns are not what the embedding takes. */
FILE_FN double *embed_table(const embed *e, const char *path, const csv_table *t, int *n,
                            char *err, size_t err_size)
{
    const char *file = file_shown(path, "standard input");
    size_t rows = (size_t)t->rows, cols = (size_t)t->cols, i;
    int pair = e->kind == EMBED_LATLON || e->kind == EMBED_TORUS;
    double *x;
    *n = e->kind == EMBED_ANGLES ? 2 * t->cols : embed_moves(e) ? embed_ambient(e) : t->cols;
    if (embed_columns(e) && t->cols != embed_columns(e)) {
        char takes[40];
        if (pair) snprintf(takes, sizeof takes, "%s,%s", embed_name(e, 0), embed_name(e, 1));
        else snprintf(takes, sizeof takes, "%d", embed_columns(e));
        file_fail(err, err_size, file, t->line[0], "%d column%s where the embedding takes %s%s%s",
                  t->cols, t->cols == 1 ? "" : "s", takes,
                  t->cols > embed_columns(e) ? ": --columns chooses " : "",
                  t->cols <= embed_columns(e) ? "" : pair ? "two" : "them");
        return NULL;
    }
    if (pair && t->name && embed__swapped(e, t)) {
        int plain = csv__plain_name(t->name[0]) && csv__plain_name(t->name[1]);
        char list[64];
        if (plain) snprintf(list, sizeof list, "%s,%s", t->name[1], t->name[0]);
        else snprintf(list, sizeof list, "%d,%d", t->column[1], t->column[0]);
        file_fail(err, err_size, file, 0, "the columns are '%.40s', '%.40s', and the embedding "
                  "takes %s,%s: try --columns %s", t->name[0], t->name[1], embed_name(e, 0),
                  embed_name(e, 1), list);
        return NULL;
    }
    for (i = 0; e->kind == EMBED_LATLON && i < rows; i++) {
        if (fabs(t->v[2 * i]) <= 90) continue;
        if (fabs(t->v[2 * i]) < 91 || !embed__lon_first(t))
            file_fail(err, err_size, file, t->line[i], "latitude %.10g is outside [-90, 90]",
                      t->v[2 * i]);
        else
            file_fail(err, err_size, file, t->line[i], "latitude %.10g is outside [-90, 90]: is it "
                      "the longitude? then --columns %d,%d", t->v[2 * i], t->column[1],
                      t->column[0]);
        return NULL;
    }
    x = rows > SIZE_MAX / sizeof *x / (size_t)*n
            ? NULL : (double *)FILE_REALLOC(NULL, rows * (size_t)*n * sizeof *x);
    if (!x) {
        file_fail(err, err_size, file, 0, "out of memory");
        return NULL;
    }
    for (i = 0; i < rows; i++)
        embed_point(e, *n, t->v + i * cols, x + i * (size_t)*n);
    return x;
}

#endif /* EMBED_H */
