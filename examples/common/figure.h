/* figure.h: the pictures of a learned manifold {F = 0} and energy E, from a callback model.

     figure_2d     n = 2, k = 1: the data over the zero set; the energy with e^{-E} on the curve
     figure_3d     n = 3: the surface (k = 1) shaded and coloured by e^{-E}, seen from two sides,
                   the data over it; a curve, or no surface: samples as coloured points
     figure_pairs  any n: matrix of scatter plots, data below the diagonal and samples above
     figure_draw   whichever of these fits the model

   Densities are normalised on what is drawn: per unit of length or area they integrate to one.
   Colour ranges are quantiles weighted by length or area, so a sharp peak saturates (the bar's end
   is then pointed) instead of darkening all the rest. Cost: 97^3 evaluations of F for a surface
   and one of E per vertex, 0.3 million of E in the plane. All return 0, or -1 with errno set and
   no file written. */
#ifndef FIGURE_H
#define FIGURE_H

#include <float.h>

#include "mesh.h"
#include "plot.h"

typedef struct figure_model {
    int n;                       /* ambient dimension */
    int k;                       /* outputs of F */
    const double *lo, *hi;       /* [n] the box D */
    /* F[B][k] and E[B] at x[B][n]; either may be NULL (not wanted), E always is when has_energy
       is 0. B is at most 4096. */
    void (*eval)(void *user, int B, const double *x, double *F, double *E);
    void *user;
    int has_energy;
    const char *const *label;    /* [n] names of the axes, or NULL: x0, x1, ... */
} figure_model;

typedef struct figure__job {
    const figure_model *m;
    const double *data, *samples;
    int n_data, n_samples;
    const char *title;
    plot_canvas c;
} figure__job;

enum { FIGURE__W = 1400, FIGURE__H = 700, FIGURE__SUB = 3, FIGURE__BATCH = 4096 };

/* ---- what all pictures share ---- */

PLOT_FN plot_rgb figure__dark(void) { return plot_color(0.10, 0.11, 0.16); }
PLOT_FN plot_rgb figure__blue(void) { return plot_color(0.05, 0.42, 0.68); }
PLOT_FN plot_rgb figure__orange(void) { return plot_color(0.87, 0.40, 0.10); }

/* The name of an axis, cut to what a picture has room for, never within a UTF-8 character. */
PLOT_FN const char *figure__label(const figure_model *m, int axis, char s[32]) {
    size_t n;
    if (!m->label) {
        snprintf(s, 32, "x%d", axis);
        return s;
    }
    n = strlen(m->label[axis]);
    if (n > 24)
        for (n = 24; n && (m->label[axis][n] & 0xC0) == 0x80;) n--;
    memcpy(s, m->label[axis], n);
    s[n] = 0;
    return s;
}

PLOT_FN double *figure__alloc(size_t n) {
    double *p = (double *)malloc((n ? n : 1) * sizeof *p);
    if (!p) errno = ENOMEM;
    return p;
}

PLOT_FN void figure__F(void *user, int B, const double *x, double *F) {
    const figure_model *m = (const figure_model *)user;
    m->eval(m->user, B, x, F, NULL);
}

/* E at x[n], in batches; without an energy |F| stands in (the plane's backdrop), or 0. */
PLOT_FN void figure__energy(const figure_model *m, int n, const double *x, double *E) {
    int i, j, B;
    for (i = 0; i < n; i += B) {
        B = n - i < FIGURE__BATCH ? n - i : FIGURE__BATCH;
        if (m->has_energy) m->eval(m->user, B, x + (size_t)i * (size_t)m->n, NULL, E + i);
        else if (m->k == 1) m->eval(m->user, B, x + (size_t)i * (size_t)m->n, E + i, NULL);
        for (j = i; j < i + B && !m->has_energy; j++) E[j] = m->k == 1 ? fabs(E[j]) : 0;
    }
}

typedef struct figure__item { double key, weight; int set, id; } figure__item;

PLOT_FN int figure__by_key(const void *a, const void *b) {
    double x = ((const figure__item *)a)->key, y = ((const figure__item *)b)->key;
    return (x > y) - (x < y);
}

/* Quantiles q and 1 - q of v[n] under weight (NULL: equal), opened to the extremes when they are
   close; never empty. fence > 0: neither is farther from the median than that many times the
   other, lest a cliff somewhere takes all colours. */
PLOT_FN int figure__range(const double *v, const double *weight, int n, double q, double fence,
                          plot_range *r) {
    figure__item *s = (figure__item *)malloc(((size_t)n + 1) * sizeof *s);
    double total = 0, sum = 0, slack, lo, hi, mid;
    int i, m = 0;
    if (!s) { errno = ENOMEM; return -1; }
    for (i = 0; i < n; i++) {
        if (!mesh_finite(v[i])) continue;
        s[m].key = v[i];
        total += s[m++].weight = weight ? weight[i] : 1;
    }
    qsort(s, (size_t)m, sizeof *s, figure__by_key);
    r->lo = r->hi = mid = m ? s[0].key : 0;
    for (i = 0; i < m; i++) {
        if (sum <= q * total) r->lo = s[i].key;
        if (sum <= 0.5 * total) mid = s[i].key;
        if (sum <= (1 - q) * total) r->hi = s[i].key;
        sum += s[i].weight;
    }
    lo = r->lo;
    hi = r->hi;
    if (fence > 0 && hi - mid > fence * (mid - lo) && mid > lo) r->hi = mid + fence * (mid - lo);
    if (fence > 0 && mid - lo > fence * (hi - mid) && hi > mid) r->lo = mid - fence * (hi - mid);
    lo = m ? s[0].key : 0;
    hi = m ? s[m - 1].key : 0;
    slack = 0.15 * (r->hi - r->lo);
    if (r->lo - lo <= slack) r->lo = lo;
    if (hi - r->hi <= slack) r->hi = hi;
    slack = 1e-3 * (fabs(r->lo) + fabs(r->hi));
    if (!(slack > 0)) slack = 1e-3;              /* all zero */
    if (!(r->hi - r->lo > slack)) { r->lo -= 250 * slack; r->hi += 250 * slack; }
    r->below = lo < r->lo;
    r->above = hi > r->hi;
    free(s);
    return 0;
}

/* The same for a density, which starts at zero unless it varies little. */
PLOT_FN int figure__density_range(const double *p, const double *weight, int n, plot_range *r) {
    if (figure__range(p, weight, n, 0.02, 0, r)) return -1;
    if (r->lo < 0.5 * r->hi) { r->lo = 0; r->below = 0; }
    return 0;
}

PLOT_FN double figure__unit(plot_range r, double v) { return (v - r.lo) / (r.hi - r.lo); }

/* p[n] = e^{-E} at x, scaled to sum(weight * p) = 1, or to max p = 1 when weight is NULL. */
PLOT_FN void figure__density(const figure_model *m, int n, const double *x, const double *weight,
                             double *p) {
    double least = DBL_MAX, total = 0;
    int i;
    if (m->has_energy) figure__energy(m, n, x, p);
    for (i = 0; i < n; i++) {
        if (!m->has_energy) p[i] = 0;
        if (mesh_finite(p[i]) && p[i] < least) least = p[i];
    }
    for (i = 0; i < n; i++) {
        p[i] = mesh_finite(p[i]) ? exp(least - p[i]) : 0;
        total += weight ? weight[i] * p[i] : 0;
    }
    for (i = 0; i < n && total > 0; i++) p[i] /= total;
}

/* Size and opacity of dots: many must not become a crust. */
PLOT_FN double figure__dot(int n, double *alpha) {
    double decades = log10((n > 100 ? n : 100) / 100.0);
    *alpha = plot_clamp(0.85 - 0.17 * decades, 0.2, 0.85);
    return plot_clamp(2.7 - 0.5 * decades, 1.1, 2.7);
}

PLOT_FN void figure__title(figure__job *j) {
    double size = 13, room = j->c.w - 60, w = plot_text_width(size, j->title);
    plot_pen(&j->c, figure__dark(), 1);
    plot_text(&j->c, j->c.w / 2.0, 26, w > room ? size * room / w : size, 0.5, 0, 0, j->title);
}

enum { FIGURE__DOT, FIGURE__LINE, FIGURE__RAMP };

/* One entry of a legend row at *x, which moves on; count < 0 is not shown. */
PLOT_FN void figure__legend(plot_canvas *c, double *x, double y, plot_rgb color, int kind,
                            const char *name, int count) {
    double gap = kind == FIGURE__DOT ? 18 : 32;
    char s[96];
    int i;
    plot_pen(c, color, 1);
    if (kind == FIGURE__DOT) plot_dot(c, *x + 6, y, 4);
    for (i = 0; i < 22 && kind != FIGURE__DOT; i++) {
        if (kind == FIGURE__RAMP) c->pen = plot_map_density(i / 21.0);
        plot_stroke(c, *x + i, y, *x + i + 1, y, kind == FIGURE__RAMP ? 6 : 3.5);
    }
    plot_flush(c);
    if (count < 0) snprintf(s, sizeof s, "%s", name);
    else snprintf(s, sizeof s, "%s (%d)", name, count);
    plot_pen(c, figure__dark(), 1);
    plot_text(c, *x + gap, y, 10, 0, 0.5, 0, s);
    *x += gap + plot_text_width(10, s) + 28;
}

PLOT_FN void figure__scatter(plot_canvas *c, const plot_axes *a, const double *x, int n, int dim,
                             int i, int j, double scale) {
    double radius = figure__dot(n, &c->alpha) * scale;
    int b;
    plot_clip(c, a->px, a->py, a->px + a->pw, a->py + a->ph);
    for (b = 0; b < n; b++, x += dim) plot_dot(c, plot_x(a, x[i]), plot_y(a, x[j]), radius);
    plot_unclip(c);
}

PLOT_FN int figure__finish(figure__job *j, int bad, const char *path) {
    int why;
    if (!bad) bad = plot_save(&j->c, path);
    why = errno;
    plot_close(&j->c);
    errno = why;
    return bad;
}

PLOT_FN int figure__start(figure__job *j, int w, int h, const figure_model *m, const double *data,
                          int n_data, const double *samples, int n_samples, const char *title) {
    j->m = m;
    j->data = data;
    j->n_data = data ? n_data : 0;
    j->samples = samples;
    j->n_samples = samples ? n_samples : 0;
    j->title = title ? title : "";
    return plot_open(&j->c, w, h);
}

/* ---- the plane ---- */

/* The curve, each segment in the colour of its density (p NULL: the pen's). */
PLOT_FN void figure__curve(plot_canvas *c, const plot_axes *a, const mesh *m, const double *p,
                           plot_range r, double width) {
    int i;
    plot_clip(c, a->px, a->py, a->px + a->pw, a->py + a->ph);
    for (i = 0; i < m->n_cell; i++) {
        const int *v = m->cell + 2 * i;
        const double *s = m->vert + 2 * v[0], *t = m->vert + 2 * v[1];
        if (p) c->pen = plot_map_density(figure__unit(r, (p[v[0]] + p[v[1]]) / 2));
        plot_stroke(c, plot_x(a, s[0]), plot_y(a, s[1]), plot_x(a, t[0]), plot_y(a, t[1]), width);
    }
    plot_flush(c);
    plot_unclip(c);
}

PLOT_FN void figure__plane_data(figure__job *j, const plot_axes *a, const mesh *m) {
    plot_range none = { 0, 1, 0, 0 };
    double x = a->px, y = a->py - 20;
    char left[32], below[32];
    plot_canvas *c = &j->c;
    plot_pen(c, figure__blue(), 0.75);           /* broad to narrow: where the fit is good they */
    figure__curve(c, a, m, NULL, none, 9);       /* lie on top of each other, all to be seen */
    plot_pen(c, figure__orange(), 1);
    figure__scatter(c, a, j->samples, j->n_samples, 2, 0, 1, 1.2);
    plot_pen(c, figure__dark(), 1);
    figure__scatter(c, a, j->data, j->n_data, 2, 0, 1, j->n_samples ? 0.6 : 0.9);
    plot_axes_draw(c, a, 10, figure__label(j->m, 0, below), figure__label(j->m, 1, left));
    figure__legend(c, &x, y, figure__blue(), FIGURE__LINE, "learned set F = 0", -1);
    if (j->n_data) figure__legend(c, &x, y, figure__dark(), FIGURE__DOT, "data", j->n_data);
    if (j->n_samples)
        figure__legend(c, &x, y, figure__orange(), FIGURE__DOT, "samples", j->n_samples);
}

/* The energy at every pixel, with hair lines where it passes the ticks of its bar. */
PLOT_FN void figure__backdrop(plot_canvas *c, const plot_axes *a, const double *E, plot_range r,
                              double first, double step) {
    int w = (int)a->pw, h = (int)a->ph, x, y;
    for (y = 0; y < h; y++)
        for (x = 0; x < w; x++) {
            const double *e = E + y * w + x;
            double gx = x + 1 < w ? e[1] - e[0] : e[0] - e[-1];
            double gy = y + 1 < h ? e[w] - e[0] : e[0] - e[-w], g = hypot(gx, gy);
            double off = fabs(*e - first - step * floor((*e - first) / step + 0.5));
            double line = g > 0 && *e > r.lo - g && *e < r.hi + g ? 1 - off / g : 0;
            int px = (int)a->px + x, py = (int)a->py + y;
            plot_blend(c, px, py, plot_map_energy(mesh_finite(*e) ? figure__unit(r, *e) : 1), 1);
            plot_blend(c, px, py, plot_color(1, 1, 1), 0.5 * plot_clamp(line, 0, 1));
        }
}

PLOT_FN int figure__field(figure__job *j, const plot_axes *a, plot_range *r) {
    size_t w = (size_t)a->pw, n = w * (size_t)a->ph, i;
    double *x = figure__alloc(2 * n), *E = figure__alloc(n), first, step;
    int bad = !x || !E;
    for (i = 0; i < n && !bad; i++) {
        x[2 * i] = a->x0 + ((double)(i % w) + 0.5) / a->pw * (a->x1 - a->x0);
        x[2 * i + 1] = a->y1 - ((double)(i / w) + 0.5) / a->ph * (a->y1 - a->y0);
    }
    if (!bad) {
        figure__energy(j->m, (int)n, x, E);
        bad = figure__range(E, NULL, (int)n, 0.03, 6, r);
    }
    if (!bad) {
        plot_ticks(r->lo, r->hi, 8, &first, &step);
        figure__backdrop(&j->c, a, E, *r, first, step);
    }
    free(x);
    free(E);
    return bad ? -1 : 0;
}

PLOT_FN int figure__plane_energy(figure__job *j, const plot_axes *a, const mesh *m) {
    double *weight = figure__alloc((size_t)m->n_vert), *p = figure__alloc((size_t)m->n_vert);
    double bar = a->px + a->pw + 26, end, x = a->px, top = a->py + 20, h = a->ph - 40;
    plot_range re, rp;
    char below[32], left[32];
    plot_canvas *c = &j->c;
    int energy = j->m->has_energy, bad = !weight || !p || figure__field(j, a, &re);
    if (!bad) {
        mesh_weights(m, weight);
        figure__density(j->m, m->n_vert, m->vert, weight, p);
        bad = figure__density_range(p, weight, m->n_vert, &rp);
    }
    if (!bad) {
        plot_pen(c, plot_color(1, 1, 1), 0.9);
        figure__curve(c, a, m, NULL, rp, 9);
        plot_pen(c, figure__dark(), 1);
        figure__curve(c, a, m, energy ? p : NULL, rp, energy ? 6 : 3);
        plot_axes_draw(c, a, 10, figure__label(j->m, 0, below), figure__label(j->m, 1, left));
        figure__legend(c, &x, a->py - 20, figure__dark(), energy ? FIGURE__RAMP : FIGURE__LINE,
                       energy ? "density on F = 0, over the energy" : "F = 0, over |F|", -1);
        end = plot_colorbar(c, bar, top, 16, h, re, plot_map_energy, energy ? "E" : "|F|");
        end = fmin(fmax(end + 24, bar + 86), c->w - 72);
        if (energy) plot_colorbar(c, end, top, 16, h, rp, plot_map_density, "e^{-E}/Z");
    }
    free(weight);
    free(p);
    return bad ? -1 : 0;
}

PLOT_FN int figure_2d(const figure_model *m, const double *data, int n_data, const double *samples,
                      int n_samples, const char *title, const char *path) {
    figure__job j;
    figure_model model = *m;                     /* mesh_eval wants a pointer to non-const */
    mesh curve;
    plot_axes left = plot_axes_equal(80, 100, 525, 525, m->lo, m->hi);
    plot_axes right = plot_axes_equal(690, 100, 525, 525, m->lo, m->hi);
    int bad, h = (int)plot_clamp(left.ph, 200, 525) + 175;      /* a wide box: a lower picture */
    left.py = right.py = 100;
    if (figure__start(&j, FIGURE__W, h, m, data, n_data, samples, n_samples, title))
        return -1;
    bad = mesh_zero_set(&curve, 2, m->lo, m->hi, 400, figure__F, &model);
    if (!bad) {
        figure__title(&j);
        figure__plane_data(&j, &left, &curve);
        bad = figure__plane_energy(&j, &right, &curve);
        mesh_free(&curve);
    }
    return figure__finish(&j, bad, path);
}

/* ---- space: camera and box ---- */

typedef struct figure__view {
    double turn[3][3];           /* rows: right, up, towards the eye */
    double center[3], lo[3], hi[3];
    double eye;                  /* distance of the eye */
    double scale, ox, oy;        /* pixels */
    int px, py, w, h;            /* panel */
    float *z, *rgb;              /* [h * SUB][w * SUB] nearness, and colour */
} figure__view;

PLOT_FN void figure__project(const figure__view *v, const double *p, double *out) {
    double q[3] = { 0, 0, 0 }, s;
    int i, k;
    for (i = 0; i < 3; i++)
        for (k = 0; k < 3; k++) q[i] += v->turn[i][k] * (p[k] - v->center[k]);
    s = v->scale * v->eye / (v->eye - q[2]);
    out[0] = v->ox + s * q[0];
    out[1] = v->oy - s * q[1];
    out[2] = q[2];
}

PLOT_FN void figure__corner(const figure__view *v, int bits, double *p) {
    int k;
    for (k = 0; k < 3; k++) p[k] = bits >> k & 1 ? v->hi[k] : v->lo[k];
}

/* Aim at the box from the given angles (degrees) and fill the panel less its margins. */
PLOT_FN void figure__aim(figure__view *v, double azimuth, double elevation) {
    double a = azimuth * 3.14159265358979 / 180, e = elevation * 3.14159265358979 / 180;
    double p[3], q[3], box[4] = { 1e300, 1e300, -1e300, -1e300 }, r2 = 0, s;
    int i, k;
    v->turn[0][0] = -sin(a);
    v->turn[0][1] = cos(a);
    v->turn[0][2] = 0;
    v->turn[1][0] = -sin(e) * cos(a);
    v->turn[1][1] = -sin(e) * sin(a);
    v->turn[1][2] = cos(e);
    v->turn[2][0] = cos(e) * cos(a);
    v->turn[2][1] = cos(e) * sin(a);
    v->turn[2][2] = sin(e);
    for (k = 0; k < 3; k++) {
        v->center[k] = (v->lo[k] + v->hi[k]) / 2;
        r2 += (v->hi[k] - v->lo[k]) * (v->hi[k] - v->lo[k]) / 4;
    }
    v->eye = 5 * sqrt(r2);
    v->scale = 1;
    v->ox = v->oy = 0;
    for (i = 0; i < 8; i++) {
        figure__corner(v, i, p);
        figure__project(v, p, q);
        for (k = 0; k < 2; k++) {
            if (q[k] < box[k]) box[k] = q[k];
            if (q[k] > box[2 + k]) box[2 + k] = q[k];
        }
    }
    v->scale = (v->w - 110) / (box[2] - box[0]);
    s = (v->h - 90) / (box[3] - box[1]);
    if (s < v->scale) v->scale = s;
    v->ox = v->px + v->w / 2.0 - v->scale * (box[0] + box[2]) / 2;
    v->oy = v->py + v->h / 2.0 - 12 - v->scale * (box[1] + box[3]) / 2;
}

/* Bits of the corner of the box that is farthest from the eye. */
PLOT_FN int figure__far_corner(const figure__view *v) {
    int k, bits = 0;
    for (k = 0; k < 3; k++) bits |= (v->turn[2][k] < 0) << k;
    return bits;
}

PLOT_FN void figure__segment(plot_canvas *c, const figure__view *v, const double *a,
                             const double *b, double width) {
    double p[3], q[3];
    figure__project(v, a, p);
    figure__project(v, b, q);
    plot_stroke(c, p[0], p[1], q[0], q[1], width);
}

/* The outline's edge along an axis that carries its ticks: below for x0 and x1, left for x2. */
PLOT_FN int figure__tick_edge(const figure__view *v, int axis) {
    int far = figure__far_corner(v), one = far ^ 1, two = far ^ 2;
    double p[3], q[3], r[3];
    if (axis < 2) return (far ^ 1 << (1 - axis)) & 3;
    figure__corner(v, one, p);
    figure__project(v, p, q);
    figure__corner(v, two, p);
    figure__project(v, p, r);
    return (q[0] < r[0] ? one : two) & 3;
}

/* Ticks of an axis, as many as its edge on the picture has room for. */
PLOT_FN int figure__ticks(const figure__view *v, int axis, double *first, double *step) {
    int edge = figure__tick_edge(v, axis) & ~(1 << axis);
    double a[3], p[3], q[3], length;
    figure__corner(v, edge, a);
    figure__project(v, a, p);
    figure__corner(v, edge | 1 << axis, a);
    figure__project(v, a, q);
    length = hypot(q[0] - p[0], q[1] - p[1]);
    return plot_ticks(v->lo[axis], v->hi[axis], (int)plot_clamp(length / 24, 1, 5), first, step);
}

/* The three far faces with their grid; everything else is drawn over them. */
PLOT_FN void figure__walls(plot_canvas *c, const figure__view *v) {
    int far = figure__far_corner(v), axis, i, k, n;
    double p[3], q[3], xy[8], first, step;
    for (axis = 0; axis < 3; axis++) {
        int u = (axis + 1) % 3, w = (axis + 2) % 3;
        for (i = 0; i < 4; i++) {
            int bits = far ^ ((i == 1 || i == 2) << u) ^ ((i >= 2) << w);
            figure__corner(v, bits, p);
            figure__project(v, p, q);
            memcpy(xy + 2 * i, q, 2 * sizeof *q);
        }
        plot_pen(c, axis == 2 ? plot_color(0.93, 0.935, 0.945) : plot_color(0.955, 0.96, 0.968), 1);
        plot_convex(c, 4, xy);
    }
    plot_pen(c, plot_color(0.80, 0.81, 0.84), 1);
    for (axis = 0; axis < 3; axis++) {
        n = figure__ticks(v, axis, &first, &step);
        for (i = 0; i < n; i++)
            for (k = 1; k < 3; k++) {            /* on both far faces that hold this axis */
                figure__corner(v, far, p);
                p[axis] = first + i * step;
                memcpy(q, p, sizeof q);
                q[(axis + k) % 3] = far >> (axis + k) % 3 & 1 ? v->lo[(axis + k) % 3]
                                                             : v->hi[(axis + k) % 3];
                figure__segment(c, v, p, q, 0.9);
            }
    }
    plot_flush(c);
}

PLOT_FN void figure__axis(plot_canvas *c, const figure__view *v, int axis, const char *name) {
    int edge = figure__tick_edge(v, axis) & ~(1 << axis), i, n, power;
    double a[3], b[3], p[3], q[3], nx, ny, len, first, step, far = 0, unit;
    char s[128];
    figure__corner(v, edge, a);
    figure__corner(v, edge | 1 << axis, b);
    figure__project(v, a, p);
    figure__project(v, b, q);
    plot_line(c, p[0], p[1], q[0], q[1], 1.2);
    len = hypot(q[0] - p[0], q[1] - p[1]);
    nx = (q[1] - p[1]) / len;
    ny = (p[0] - q[0]) / len;
    if (nx * ((p[0] + q[0]) / 2 - v->ox) + ny * ((p[1] + q[1]) / 2 - v->oy) < 0) {
        nx = -nx;
        ny = -ny;
    }
    power = plot_power(v->lo[axis], v->hi[axis], &unit);
    n = figure__ticks(v, axis, &first, &step);
    for (i = 0; i < n; i++) {
        a[axis] = first + i * step;
        figure__project(v, a, b);
        plot_number(s, sizeof s, a[axis] / unit, step / unit);
        plot_line(c, b[0], b[1], b[0] + 5 * nx, b[1] + 5 * ny, 1.2);
        plot_text(c, b[0] + 11 * nx, b[1] + 11 * ny, 9, 0.5 - 0.5 * nx, 0.5 - 0.5 * ny, 0, s);
        if (plot_text_width(9, s) > far) far = plot_text_width(9, s);
    }
    plot_label(s, sizeof s, name, power);
    if (axis == 2 && power) {                    /* beside the ticks is no room for so much */
        plot_text(c, v->px + 8, (p[1] < q[1] ? p[1] : q[1]) - 22, 10, 0, 0.5, 0, s);
        return;
    }
    far = 30 + (far + 0.5 * plot_text_width(10, s) - 7) * fabs(nx);
    plot_text(c, (p[0] + q[0]) / 2 + far * nx, (p[1] + q[1]) / 2 + far * ny, 10, 0.5, 0.5, 0, s);
}

/* ---- space: surface and points ---- */

typedef struct figure__surface {
    mesh m;
    double *normal, *p;          /* per vertex: normal, density */
    plot_range range;
    int plain;                   /* no energy: one colour */
} figure__surface;

/* Two-sided light from the upper left, some from the eye; colour from the density. */
PLOT_FN void figure__shade(const figure__view *v, const figure__surface *s, const double *normal,
                           double p, float *rgb) {
    static const double light[3] = { -0.42, 0.57, 0.706 }, half[3] = { -0.227, 0.309, 0.924 };
    plot_rgb col = s->plain ? plot_color(0.45, 0.62, 0.78)
                            : plot_map_density(figure__unit(s->range, p));
    double n[3] = { 0, 0, 0 }, len, lit = 0, gloss = 0, shade;
    int i, k;
    for (i = 0; i < 3; i++)
        for (k = 0; k < 3; k++) n[i] += v->turn[i][k] * normal[k];
    len = sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) * (n[2] < 0 ? -1 : 1);
    for (i = 0; i < 3; i++) {
        n[i] = fabs(len) > 0 ? n[i] / len : i == 2;
        lit += n[i] * light[i];
        gloss += n[i] * half[i];
    }
    shade = 0.56 + 0.22 * n[2] + 0.34 * plot_clamp(lit, 0, 1);
    gloss = plot_clamp(gloss, 0, 1);
    for (i = 0; i < 5; i++) gloss *= gloss;      /* to the 32nd power */
    rgb[0] = (float)(plot_clamp(col.r * shade, 0, 1) + 0.16 * gloss);
    rgb[1] = (float)(plot_clamp(col.g * shade, 0, 1) + 0.16 * gloss);
    rgb[2] = (float)(plot_clamp(col.b * shade, 0, 1) + 0.16 * gloss);
}

/* One triangle: q[3] its corners as sub-pixels of the panel and nearness, c their vertices. */
PLOT_FN void figure__triangle(figure__view *v, const figure__surface *s, const int *c,
                              double q[3][3]) {
    int W = v->w * FIGURE__SUB, H = v->h * FIGURE__SUB, x, y, k, i;
    double area = (q[1][0] - q[0][0]) * (q[2][1] - q[0][1]) -
                  (q[2][0] - q[0][0]) * (q[1][1] - q[0][1]);
    double lo[2], hi[2], w[3], n[3], p, z;
    if (!(fabs(area) > 1e-12)) return;
    for (k = 0; k < 2; k++) {
        lo[k] = fmin(q[0][k], fmin(q[1][k], q[2][k]));
        hi[k] = fmax(q[0][k], fmax(q[1][k], q[2][k]));
    }
    for (y = (int)fmax(0, ceil(lo[1] - 0.5)); y < H && y + 0.5 <= hi[1]; y++)
        for (x = (int)fmax(0, ceil(lo[0] - 0.5)); x < W && x + 0.5 <= hi[0]; x++) {
            float *zb = v->z + (size_t)y * (size_t)W + (size_t)x;
            for (k = 0; k < 3; k++) {            /* barycentric: the side opposite corner k */
                const double *a = q[(k + 1) % 3], *b = q[(k + 2) % 3];
                w[k] = ((b[0] - a[0]) * (y + 0.5 - a[1]) - (b[1] - a[1]) * (x + 0.5 - a[0])) / area;
            }
            if (w[0] < 0 || w[1] < 0 || w[2] < 0) continue;
            z = w[0] * q[0][2] + w[1] * q[1][2] + w[2] * q[2][2];
            if ((float)z <= *zb) continue;
            *zb = (float)z;
            for (p = 0, k = 0; k < 3; k++) {
                p += w[k] * s->p[c[k]];
                for (n[k] = 0, i = 0; i < 3; i++) n[k] += w[i] * s->normal[3 * c[i] + k];
            }
            figure__shade(v, s, n, p, v->rgb + 3 * (zb - v->z));
        }
}

/* Average the sub-pixels the surface covers; their share is the pixel's coverage. */
PLOT_FN void figure__resolve(plot_canvas *c, const figure__view *v) {
    int x, y, i, S = FIGURE__SUB, W = v->w * S;
    for (y = 0; y < v->h; y++)
        for (x = 0; x < v->w; x++) {
            double sum[3] = { 0, 0, 0 };
            int hits = 0;
            for (i = 0; i < S * S; i++) {
                size_t at = (size_t)(y * S + i / S) * (size_t)W + (size_t)(x * S + i % S);
                if (v->z[at] <= -FLT_MAX) continue;
                sum[0] += (double)v->rgb[3 * at];
                sum[1] += (double)v->rgb[3 * at + 1];
                sum[2] += (double)v->rgb[3 * at + 2];
                hits++;
            }
            if (hits)
                plot_blend(c, v->px + x, v->py + y,
                           plot_color(sum[0] / hits, sum[1] / hits, sum[2] / hits),
                           (double)hits / (S * S));
        }
}

PLOT_FN int figure__render(plot_canvas *c, figure__view *v, const figure__surface *s) {
    double *q = figure__alloc(3 * (size_t)s->m.n_vert), t[3][3];
    int i, k;
    if (!q) return -1;
    for (i = 0; i < s->m.n_vert; i++) {
        figure__project(v, s->m.vert + 3 * i, q + 3 * i);
        q[3 * i] = (q[3 * i] - v->px) * FIGURE__SUB;
        q[3 * i + 1] = (q[3 * i + 1] - v->py) * FIGURE__SUB;
    }
    for (i = 0; i < s->m.n_cell; i++) {
        for (k = 0; k < 3; k++) memcpy(t[k], q + 3 * s->m.cell[3 * i + k], sizeof t[k]);
        figure__triangle(v, s, s->m.cell + 3 * i, t);
    }
    figure__resolve(c, v);
    free(q);
    return 0;
}

/* Is a projected point in the panel and, lifted a little, in front of the surface? */
PLOT_FN int figure__visible(const figure__view *v, const double *q) {
    double x = (q[0] - v->px) * FIGURE__SUB, y = (q[1] - v->py) * FIGURE__SUB;
    int W = v->w * FIGURE__SUB;
    if (!(x >= 0 && y >= 0 && x < W && y < v->h * FIGURE__SUB)) return 0;
    return q[2] + 0.006 * v->eye > (double)v->z[(size_t)y * (size_t)W + (size_t)x];
}

/* Points to draw; coloured by p where given, otherwise dark. */
typedef struct figure__cloud {
    const double *x, *p;
    int n, halo;                 /* halo: a light rim, for dark dots on dark colours */
    double radius, alpha;
    double lift;                 /* this much nearer to the eye than they are */
} figure__cloud;

/* All clouds in one order, the nearest point last; the rims first, so that no dot loses to one. */
PLOT_FN int figure__points(plot_canvas *c, const figure__view *v, const figure__cloud *cloud,
                           int clouds, plot_range r) {
    figure__item *s;
    double q[3];
    int i, k, m = 0, total = 0, pass;
    for (k = 0; k < clouds; k++) total += cloud[k].n;
    s = (figure__item *)malloc(((size_t)total + 1) * sizeof *s);
    if (!s) { errno = ENOMEM; return -1; }
    for (k = 0; k < clouds; k++)
        for (i = 0; i < cloud[k].n; i++) {
            figure__project(v, cloud[k].x + 3 * (size_t)i, q);
            if (!figure__visible(v, q)) continue;
            s[m].key = q[2] + cloud[k].lift;
            s[m].set = k;
            s[m++].id = i;
        }
    qsort(s, (size_t)m, sizeof *s, figure__by_key);
    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < m; i++) {
            const figure__cloud *from = &cloud[s[i].set];
            if (!pass && !from->halo) continue;
            figure__project(v, from->x + 3 * (size_t)s[i].id, q);
            if (!pass) plot_pen(c, plot_color(1, 1, 1), 0.4);
            else if (!from->p) plot_pen(c, figure__dark(), from->alpha);
            else plot_pen(c, plot_map_density(figure__unit(r, from->p[s[i].id])), from->alpha);
            plot_dot(c, q[0], q[1], from->radius + (pass ? 0 : 0.8));
        }
    free(s);
    return 0;
}

/* The data over the surface; or samples and data, p being the density of whichever of them comes
   first. Samples of a curve are made a broad band, which the data's smaller dots cannot hide. */
PLOT_FN int figure__clouds(plot_canvas *c, const figure__view *v, const figure__job *j, int solid,
                           const double *p, plot_range r) {
    figure__cloud cloud[2];
    int n = 0, curve = j->m->k == 2;
    memset(cloud, 0, sizeof cloud);
    if (!solid && j->n_samples) {
        cloud[n].x = j->samples;
        cloud[n].n = j->n_samples;
        cloud[n].p = p;
        cloud[n].radius = 1.25 * figure__dot(j->n_samples, &cloud[n].alpha);
        if (curve) { cloud[n].radius = 4; cloud[n].alpha = 1; }
        n++;
    }
    if (j->n_data) {
        cloud[n].x = j->data;
        cloud[n].n = j->n_data;
        cloud[n].p = n ? NULL : p;
        cloud[n].radius = (n && curve ? 0.6 : 0.85) * figure__dot(j->n_data, &cloud[n].alpha);
        cloud[n].halo = solid && j->m->has_energy;
        if (cloud[n].halo) cloud[n].alpha = 0.85;
        cloud[n].lift = n ? 0.006 * v->eye : 0;
        n++;
    }
    return figure__points(c, v, cloud, n, r);
}

PLOT_FN int figure__panel(figure__job *j, figure__view *v, const figure__surface *s,
                          const double *p) {
    size_t i, n = (size_t)v->w * (size_t)v->h * FIGURE__SUB * FIGURE__SUB;
    int axis, bad;
    char name[32];
    v->z = (float *)malloc(n * sizeof *v->z);
    v->rgb = (float *)malloc(3 * n * sizeof *v->rgb);
    bad = !v->z || !v->rgb;
    if (bad) errno = ENOMEM;
    for (i = 0; i < n && !bad; i++) v->z[i] = -FLT_MAX;
    if (!bad) {
        figure__walls(&j->c, v);
        plot_pen(&j->c, figure__dark(), 1);
        for (axis = 0; axis < 3; axis++)
            figure__axis(&j->c, v, axis, figure__label(j->m, axis, name));
        if (s->m.n_cell) bad = figure__render(&j->c, v, s);
    }
    if (!bad) bad = figure__clouds(&j->c, v, j, s->m.n_cell > 0, p, s->range);
    free(v->z);
    free(v->rgb);
    return bad ? -1 : 0;
}

/* The smallest box round everything drawn, with a margin, instead of all of D; but no side shorter
   than a tenth of the longest, or a flat set would leave no room for its axis. */
PLOT_FN void figure__crop(const figure__job *j, const mesh *m, figure__view *v) {
    const double *sets[3];
    double longest = 0, more;
    int count[3], s, i, k;
    sets[0] = m->vert;
    count[0] = m->n_cell ? m->n_vert : 0;
    sets[1] = j->data;
    count[1] = j->n_data;
    sets[2] = j->samples;
    count[2] = m->n_cell ? 0 : j->n_samples;
    for (k = 0; k < 3; k++) {
        double lo = DBL_MAX, hi = -DBL_MAX, pad;
        for (s = 0; s < 3; s++)
            for (i = 0; i < count[s]; i++) {
                lo = fmin(lo, sets[s][3 * i + k]);
                hi = fmax(hi, sets[s][3 * i + k]);
            }
        pad = 0.06 * (hi - lo);
        v->lo[k] = pad > 0 ? lo - pad : j->m->lo[k];
        v->hi[k] = pad > 0 ? hi + pad : j->m->hi[k];
        longest = fmax(longest, v->hi[k] - v->lo[k]);
    }
    for (k = 0; k < 3; k++) {
        more = fmax(0, 0.1 * longest - (v->hi[k] - v->lo[k])) / 2;
        v->lo[k] -= more;
        v->hi[k] += more;
    }
}

PLOT_FN int figure__surface_make(const figure_model *m, figure__surface *s) {
    figure_model model = *m;                     /* mesh_eval wants a pointer to non-const */
    double *weight;
    size_t nv;
    int bad;
    memset(s, 0, sizeof *s);
    s->plain = !m->has_energy;
    s->range.hi = 1;
    if (m->k != 1) return 0;
    if (mesh_zero_set(&s->m, 3, m->lo, m->hi, 96, figure__F, &model)) return -1;
    nv = (size_t)s->m.n_vert;
    s->normal = figure__alloc(3 * nv);
    s->p = figure__alloc(nv);
    weight = figure__alloc(nv);
    bad = !s->normal || !s->p || !weight;
    if (!bad) {
        mesh_normals(&s->m, s->normal);
        mesh_weights(&s->m, weight);
        figure__density(m, s->m.n_vert, s->m.vert, weight, s->p);
        bad = figure__density_range(s->p, weight, s->m.n_vert, &s->range);
    }
    free(weight);
    return bad ? -1 : 0;
}

PLOT_FN int figure__space(figure__job *j, figure__surface *s) {
    static const double azimuth[2] = { -52, 128 };
    const double *x = j->n_samples ? j->samples : j->data;
    int n = j->n_samples ? j->n_samples : j->n_data, i, bad = 0, solid = s->m.n_cell > 0;
    double *p = NULL, at = 60;
    figure__view v;
    memset(&v, 0, sizeof v);
    figure__crop(j, &s->m, &v);
    if (!solid && j->m->has_energy && n) {
        p = figure__alloc((size_t)n);
        if (!p) return -1;
        figure__density(j->m, n, x, NULL, p);
        bad = figure__density_range(p, NULL, n, &s->range);
    }
    figure__title(j);
    for (i = 0; i < 2 && !bad; i++) {
        v.px = 10 + 640 * i;
        v.py = 80;
        v.w = 640;
        v.h = 610;
        figure__aim(&v, azimuth[i], 26);
        bad = figure__panel(j, &v, s, p);
    }
    if (solid)
        figure__legend(&j->c, &at, 66, figure__blue(), s->plain ? FIGURE__LINE : FIGURE__RAMP,
                       "learned set F = 0", -1);
    if (!solid && j->n_samples)
        figure__legend(&j->c, &at, 66, figure__blue(), p ? FIGURE__RAMP : FIGURE__DOT, "samples",
                       j->n_samples);
    if (j->n_data)
        figure__legend(&j->c, &at, 66, figure__dark(),
                       p && !j->n_samples ? FIGURE__RAMP : FIGURE__DOT, "data", j->n_data);
    if (j->m->has_energy && (solid || p))
        plot_colorbar(&j->c, 1308, 190, 16, 380, s->range, plot_map_density,
                      solid ? "e^{-E}/Z" : "e^{-E}/max");
    free(p);
    return bad ? -1 : 0;
}

PLOT_FN int figure_3d(const figure_model *m, const double *data, int n_data, const double *samples,
                      int n_samples, const char *title, const char *path) {
    figure__job j;
    figure__surface s;
    int bad;
    if (figure__start(&j, FIGURE__W, FIGURE__H, m, data, n_data, samples, n_samples, title))
        return -1;
    bad = figure__surface_make(m, &s);
    if (!bad) bad = figure__space(&j, &s);
    mesh_free(&s.m);
    free(s.normal);
    free(s.p);
    return figure__finish(&j, bad, path);
}

/* ---- any dimension ---- */

PLOT_FN void figure__count(const double *x, int n, int dim, int i, const plot_axes *a,
                           double *bin, int bins) {
    int b;
    for (b = 0; b < bins; b++) bin[b] = 0;
    for (b = 0; b < n; b++) {
        double u = (x[(size_t)b * (size_t)dim + (size_t)i] - a->x0) / (a->x1 - a->x0) * bins;
        if (u >= 0 && u < bins) bin[(int)u] += 1.0 / n;
    }
}

/* Diagonal: the data's histogram filled, the samples' as an outline. */
PLOT_FN void figure__histogram(figure__job *j, const plot_axes *a, int i) {
    enum { BINS = 32 };
    double d[BINS], s[BINS], most = 0, bottom = a->py + a->ph, last = bottom;
    plot_canvas *c = &j->c;
    int b;
    figure__count(j->data, j->n_data, j->m->n, i, a, d, BINS);
    figure__count(j->samples, j->n_samples, j->m->n, i, a, s, BINS);
    for (b = 0; b < BINS; b++) most = fmax(most, fmax(d[b], s[b]));
    if (!(most > 0)) return;
    plot_pen(c, plot_color(0.66, 0.70, 0.77), 1);
    for (b = 0; b < BINS; b++)
        plot_rect(c, floor(a->px + b * a->pw / BINS), bottom - 0.85 * a->ph * d[b] / most,
                  floor(a->px + (b + 1) * a->pw / BINS), bottom);
    plot_pen(c, figure__orange(), 1);
    for (b = 0; b < BINS && j->n_samples; b++) {
        double x = floor(a->px + b * a->pw / BINS), y = bottom - 0.85 * a->ph * s[b] / most;
        plot_stroke(c, x, last, x, y, 1.6);
        plot_stroke(c, x, y, floor(a->px + (b + 1) * a->pw / BINS), y, 1.6);
        last = y;
    }
    plot_flush(c);
}

PLOT_FN void figure__cell(figure__job *j, int d, int row, int col, double side) {
    const figure_model *m = j->m;
    int other = row < col && j->n_samples;
    char x[32], y[32];
    plot_axes a;
    a.px = floor(84 + col * (side + 14));
    a.py = floor(96 + row * (side + 14));
    a.pw = a.ph = side;
    a.x0 = m->lo[col];
    a.x1 = m->hi[col];
    a.y0 = m->lo[row];
    a.y1 = m->hi[row];
    figure__label(m, col, x);
    figure__label(m, row, y);
    if (row == col) {
        figure__histogram(j, &a, row);
    } else {
        plot_pen(&j->c, other ? figure__orange() : figure__dark(), 1);
        figure__scatter(&j->c, &a, other ? j->samples : j->data,
                        other ? j->n_samples : j->n_data, m->n, col, row, 0.7);
    }
    plot_axes_draw(&j->c, &a, 9, row == d - 1 ? x : NULL, col == 0 && row ? y : NULL);
    if (row == col) plot_text(&j->c, a.px + 10, a.py + 10, 11, 0, 0, 0, x);
}

PLOT_FN int figure_pairs(const figure_model *m, const double *data, int n_data,
                         const double *samples, int n_samples, const char *title,
                         const char *path) {
    int d = m->n < 5 ? m->n : 5, row, col;
    double side = floor((1150 - 84 - 30) / (double)d) - 14, x = 84;
    figure__job j;
    char s[64];
    if (figure__start(&j, 1150, 1190, m, data, n_data, samples, n_samples, title)) return -1;
    figure__title(&j);
    for (row = 0; row < d; row++)
        for (col = 0; col < d; col++) figure__cell(&j, d, row, col, side);
    if (j.n_data)
        figure__legend(&j.c, &x, 72, figure__dark(), FIGURE__DOT,
                       j.n_samples ? "data, below the diagonal" : "data", j.n_data);
    if (j.n_samples)
        figure__legend(&j.c, &x, 72, figure__orange(), FIGURE__DOT, "samples, above", j.n_samples);
    snprintf(s, sizeof s, "first %d of %d coordinates", d, m->n);
    if (m->n > d) plot_text(&j.c, 1120, 72, 10, 1, 0.5, 0, s);
    return figure__finish(&j, 0, path);
}

PLOT_FN int figure_draw(const figure_model *m, const double *data, int n_data,
                        const double *samples, int n_samples, const char *title,
                        const char *path) {
    if (m->n == 2 && m->k == 1)
        return figure_2d(m, data, n_data, samples, n_samples, title, path);
    if (m->n == 3) return figure_3d(m, data, n_data, samples, n_samples, title, path);
    return figure_pairs(m, data, n_data, samples, n_samples, title, path);
}

#endif
