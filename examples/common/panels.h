/* panels.h: pictures of several small panels, rows and columns, as papers have them: densities on
   curves and surfaces, points, functions over the plane. Include it after ebim.h.

     panels p;
     panels_open(&p, 1, 2, "what it shows");
     panels_curve(panels_plane(&p, 0, 0, "a title", lo, hi), &curve, density, range);
     panels_save(&p, path);

   A panel is drawn where it is asked for; densities in one picture should share their range. What
   cannot be drawn (no memory) stays empty and panels_save returns -1. */
#ifndef PANELS_H
#define PANELS_H

#include "figure.h"

enum { PANELS_SIDE = 340, PANELS_GAP = 16, PANELS_HEAD = 34, PANELS_TOP = 46 };

typedef struct panels {
    plot_canvas c;
    int rows, cols, bad;
    plot_axes axes;                              /* of the plane opened last */
} panels;

PLOT_FN int panels_open(panels *p, int rows, int cols, const char *title) {
    int w = cols * (PANELS_SIDE + PANELS_GAP) + PANELS_GAP;
    double size = 13;
    p->rows = rows;
    p->cols = cols;
    p->bad = 0;
    if (plot_open(&p->c, w, PANELS_TOP + rows * (PANELS_SIDE + PANELS_HEAD + PANELS_GAP)))
        return -1;
    if (plot_text_width(size, title) > w - 20) size *= (w - 20) / plot_text_width(size, title);
    plot_pen(&p->c, figure__dark(), 1);
    plot_text(&p->c, w / 2.0, 24, size, 0.5, 0.5, 0, title);
    return 0;
}

/* Writes the picture and lets go of it. 0, or -1 with errno set */
PLOT_FN int panels_save(panels *p, const char *path) {
    int bad = plot_save(&p->c, path), why = errno;
    plot_close(&p->c);
    errno = why;
    return bad || p->bad ? -1 : 0;
}

PLOT_FN void panels__title(panels *p, int row, int col, const char *title, int *x, int *y) {
    double size = 11, w = plot_text_width(size, title);
    *x = PANELS_GAP + col * (PANELS_SIDE + PANELS_GAP);
    *y = PANELS_TOP + row * (PANELS_SIDE + PANELS_HEAD + PANELS_GAP) + PANELS_HEAD;
    if (w > PANELS_SIDE) size *= PANELS_SIDE / w;
    plot_pen(&p->c, figure__dark(), 1);
    plot_text(&p->c, *x + PANELS_SIDE / 2.0, *y - 14, size, 0.5, 0.5, 0, title);
}

/* ---- the plane ---- */

PLOT_FN panels *panels_plane(panels *p, int row, int col, const char *title, const double *lo,
                             const double *hi) {
    int x, y;
    panels__title(p, row, col, title, &x, &y);
    p->axes = plot_axes_equal(x + 22, y, PANELS_SIDE - 24, PANELS_SIDE - 22, lo, hi);
    plot_pen(&p->c, figure__dark(), 1);
    plot_axes_draw(&p->c, &p->axes, 7, NULL, NULL);
    return p;
}

/* Dots at x: [n][2], coloured by density (NULL: dark) */
PLOT_FN void panels_dots(panels *p, int n, const double *x, const double *density,
                         plot_range range) {
    const plot_axes *a = &p->axes;
    int i;
    plot_clip(&p->c, a->px, a->py, a->px + a->pw, a->py + a->ph);
    plot_pen(&p->c, figure__dark(), 1);
    if (!density) p->c.alpha = 0.6;
    for (i = 0; i < n; i++) {
        if (density) p->c.pen = plot_map_density(figure__unit(range, density[i]));
        plot_dot(&p->c, plot_x(a, x[2 * i]), plot_y(a, x[2 * i + 1]), density ? 2.6 : 1.7);
    }
    plot_unclip(&p->c);
}

/* A curve, its density: [n_vert] */
PLOT_FN void panels_curve(panels *p, const mesh *m, const double *density, plot_range range) {
    figure__curve(&p->c, &p->axes, m, density, range, 6);
}

/* A function over the whole plane, v: [h][w] from the upper left, coloured; under what follows */
PLOT_FN void panels_field(panels *p, int w, int h, const double *v, plot_range range) {
    const plot_axes *a = &p->axes;
    int x, y;
    for (y = 0; y < (int)a->ph; y++)
        for (x = 0; x < (int)a->pw; x++)
            plot_blend(&p->c, (int)a->px + x, (int)a->py + y,
                       plot_map_density(figure__unit(
                           range, v[y * h / (int)a->ph * w + x * w / (int)a->pw])), 1);
}

/* ---- space ---- */

typedef struct panels_solid {
    const mesh *m;               /* a surface (NULL: none) */
    const double *density;       /* [n_vert] (NULL: one colour) */
    const double *points;        /* [n_points][3], dark dots, or by their own density */
    const double *points_density;
    int n_points;
    plot_range range;
    double azimuth, elevation;
} panels_solid;

PLOT_FN int panels__render(panels *p, figure__view *v, const panels_solid *s) {
    figure__surface f;
    figure__cloud cloud;
    double *zero = NULL;
    int bad = 0;
    memset(&f, 0, sizeof f);
    memset(&cloud, 0, sizeof cloud);
    figure__walls(&p->c, v);
    if (s->m && s->m->n_cell) {
        f.m = *s->m;
        f.range = s->range;
        f.plain = !s->density;
        f.normal = figure__alloc(3 * (size_t)s->m->n_vert);
        zero = figure__alloc((size_t)s->m->n_vert);
        if (!f.normal || !zero) bad = -1;
        else {
            memset(zero, 0, (size_t)s->m->n_vert * sizeof *zero);
            f.p = zero;
            if (s->density)
                memcpy(f.p, s->density, (size_t)s->m->n_vert * sizeof *f.p);
            mesh_normals(s->m, f.normal);
            bad = figure__render(&p->c, v, &f);
        }
        free(f.normal);
        free(zero);
    }
    cloud.x = s->points;
    cloud.n = s->n_points;
    cloud.p = s->points_density;
    cloud.radius = figure__dot(s->n_points, &cloud.alpha) * (s->points_density ? 1.4 : 1);
    cloud.halo = s->m && s->density;
    return bad || (s->n_points && figure__points(&p->c, v, &cloud, 1, s->range)) ? -1 : 0;
}

/* A surface and points in the box lo .. hi, seen from the given angles in degrees */
PLOT_FN void panels_space(panels *p, int row, int col, const char *title, const double *lo,
                          const double *hi, const panels_solid *s) {
    figure__view v;
    size_t i, n = (size_t)PANELS_SIDE * PANELS_SIDE * FIGURE__SUB * FIGURE__SUB;
    int x, y;
    memset(&v, 0, sizeof v);
    panels__title(p, row, col, title, &x, &y);
    memcpy(v.lo, lo, sizeof v.lo);
    memcpy(v.hi, hi, sizeof v.hi);
    v.px = x;
    v.py = y;
    v.w = v.h = PANELS_SIDE;
    figure__aim(&v, s->azimuth, s->elevation);
    v.scale *= PANELS_SIDE / (PANELS_SIDE - 90.0); /* no labels: they need no margin */
    v.ox = x + PANELS_SIDE / 2.0;
    v.oy = y + PANELS_SIDE / 2.0;
    v.z = (float *)malloc(n * sizeof *v.z);
    v.rgb = (float *)malloc(3 * n * sizeof *v.rgb);
    for (i = 0; i < n && v.z; i++) v.z[i] = -FLT_MAX;
    if (!v.z || !v.rgb || panels__render(p, &v, s)) p->bad = 1;
    free(v.z);
    free(v.rgb);
}

/* ---- what to draw ---- */

/* (cells + 1)^2 vertices of a grid on lo .. hi, n = 2, or with room for heights, n = 3. The caller
 * fills the rest of vert. 0, or -1: out of memory */
PLOT_FN int panels_grid(mesh *m, int n, int cells, const double *lo, const double *hi) {
    int side = cells + 1, i, j, k;
    memset(m, 0, sizeof *m);
    m->n = n;
    m->n_vert = side * side;
    m->vert = figure__alloc((size_t)(n * m->n_vert));
    m->cell = (int *)malloc((size_t)(6 * cells * cells) * sizeof *m->cell);
    if (!m->vert || !m->cell) {
        mesh_free(m);
        return -1;
    }
    for (k = 0; k < m->n_vert; k++) {
        m->vert[n * k] = lo[0] + (hi[0] - lo[0]) * (k % side) / cells;
        m->vert[n * k + 1] = lo[1] + (hi[1] - lo[1]) * (k / side) / cells;
    }
    for (i = 0; i < cells && n == 3; i++)
        for (j = 0; j < cells; j++) {
            int *c = m->cell + 3 * m->n_cell, at = i * side + j;
            c[0] = at;
            c[1] = c[3] = at + 1;
            c[2] = c[5] = at + side;
            c[4] = at + side + 1;
            m->n_cell += 2;
        }
    return 0;
}

/* A chain of n points in the plane, x: [n][2], as a curve. 0, or -1: out of memory */
PLOT_FN int panels_chain(mesh *m, int n, const double *x) {
    int i;
    memset(m, 0, sizeof *m);
    m->n = 2;
    m->n_vert = n;
    m->n_cell = n - 1;
    m->vert = figure__alloc(2 * (size_t)n);
    m->cell = (int *)malloc(2 * (size_t)n * sizeof *m->cell);
    if (!m->vert || !m->cell) {
        mesh_free(m);
        return -1;
    }
    memcpy(m->vert, x, 2 * (size_t)n * sizeof *x);
    for (i = 0; i < n - 1; i++) {
        m->cell[2 * i] = i;
        m->cell[2 * i + 1] = i + 1;
    }
    return 0;
}

/* A graph as pictures evaluate it, in doubles */
typedef struct panels_graph {
    ebim_ws w;
    ebim_real *x, *y;            /* [4096][n], [4096][k] */
} panels_graph;

PLOT_FN ebim_result panels_graph_init(panels_graph *p, ebim_arena *a, const ebim_graph *g) {
    ebim_ws_init(&p->w, a, g, 128, 0);
    p->x = (ebim_real *)ebim_arena_push(a, 4096 * (size_t)ebim_inputs(g), sizeof *p->x);
    p->y = (ebim_real *)ebim_arena_push(a, 4096 * (size_t)ebim_outputs(g), sizeof *p->y);
    return a->failed;
}

/* y: [B][k] at x: [B][n], any B; a mesh_eval where k = 1 */
PLOT_FN void panels_graph_eval(void *user, int B, const double *x, double *y) {
    panels_graph *p = (panels_graph *)user;
    int i, b, n = p->w.n, k = p->w.k, part;
    for (b = 0; b < B; b += part, x += part * n, y += part * k) {
        part = B - b < 4096 ? B - b : 4096;
        for (i = 0; i < part * n; i++) p->x[i] = (ebim_real)x[i];
        ebim_eval(&p->w, part, p->x, p->y);
        for (i = 0; i < part * k; i++) y[i] = (double)p->y[i];
    }
}

#endif
