/* mesh.h: the zero set of a function on a box, as a polyline in R^2 or triangles in R^3.

   Marching simplices, one algorithm for both: every square (cube) of a grid is cut into the 2
   triangles (6 tetrahedra) of Kuhn, one per order in which the axes are climbed; a simplex whose
   corners differ in sign holds a segment, a triangle or a quadrangle. No ambiguous cases, so the
   surface is closed inside the box. Every vertex lies on an edge from a grid point p to p + d,
   d in {0,1}^n \ 0, and is made once per edge, hence shared; a few bracketed secant steps along
   the edge then put it on the zero set to far below the grid's spacing.
   Cost: (cells + 1)^n evaluations plus a few per vertex; in R^3, 32 bytes per grid point for the
   edge table and 8 for the values. Pitfalls: a function that touches zero without a change of
   sign shows nothing; cells with values that are not finite are left out. */
#ifndef MESH_H
#define MESH_H

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLOT_FN
#if defined(__GNUC__)
#define PLOT_FN static __attribute__((unused))
#else
#define PLOT_FN static
#endif
#endif

/* F[b] at the B points x[b][n]. */
typedef void (*mesh_eval)(void *user, int B, const double *x, double *F);

typedef struct mesh {
    int n;                       /* 2 or 3: of space, and corners of a cell */
    int n_vert, n_cell;
    double *vert;                /* [n_vert][n] */
    int *cell;                   /* [n_cell][n]; triangles turn counter-clockwise seen from F > 0,
                                    which segments have on their left */
} mesh;

enum { MESH__BATCH = 4096, MESH__ROUNDS = 6 };

typedef struct mesh__edge {      /* a bracket of one vertex: f[0] and f[1] differ in sign */
    double x[2][3], f[2];
    int moved;                   /* the end replaced last, counted from 1 */
} mesh__edge;

typedef struct mesh__grid {
    int n, points[3];            /* points per axis */
    double lo[3], step[3];
    size_t total;
    double *F;                   /* [total], axis 0 fastest */
    int *at;                     /* [total][2^n]: vertex on the edge p, p + d; -1 if none yet */
    mesh__edge *edge;            /* [n_vert] */
    mesh *m;
    int cap_vert, cap_cell;
} mesh__grid;

/* By its bits: under -ffast-math isfinite() is always true. */
PLOT_FN int mesh_finite(double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return (bits >> 52 & 0x7FF) != 0x7FF;
}

PLOT_FN void mesh_free(mesh *m) {
    free(m->vert);
    free(m->cell);
    memset(m, 0, sizeof *m);
}

PLOT_FN void mesh__point(const mesh__grid *g, size_t id, double *x) {
    int k;
    for (k = 0; k < g->n; k++) {
        x[k] = g->lo[k] + g->step[k] * (double)(id % (size_t)g->points[k]);
        id /= (size_t)g->points[k];
    }
}

/* Grid of about `cells` cubes along the longest side, evaluated. */
PLOT_FN int mesh__sample(mesh__grid *g, const double *lo, const double *hi, int cells,
                         mesh_eval eval, void *user) {
    double longest = 0, x[3 * MESH__BATCH];
    size_t id, b, B;
    int k, n = g->n;
    for (k = 0; k < n; k++) longest = hi[k] - lo[k] > longest ? hi[k] - lo[k] : longest;
    for (g->total = 1, k = 0; k < n; k++) {
        int c = (int)ceil(cells * (hi[k] - lo[k]) / longest - 1e-9);
        if (c < 8) c = 8;
        g->points[k] = c + 1;
        g->lo[k] = lo[k];
        g->step[k] = (hi[k] - lo[k]) / c;
        g->total *= (size_t)(c + 1);
    }
    g->F = (double *)malloc(g->total * sizeof *g->F);
    g->at = (int *)malloc((g->total << n) * sizeof *g->at);
    if (!g->F || !g->at) return -1;
    memset(g->at, 0xFF, (g->total << n) * sizeof *g->at);
    for (id = 0; id < g->total; id += B) {
        B = g->total - id;
        if (B > MESH__BATCH) B = MESH__BATCH;
        for (b = 0; b < B; b++) mesh__point(g, id + b, x + b * (size_t)n);
        eval(user, (int)B, x, g->F + id);
    }
    return 0;
}

/* p with room for one more than `used` elements, or NULL (p stays). */
PLOT_FN void *mesh__room(void *p, int used, int *cap, size_t each) {
    int more = *cap ? 2 * *cap : 1024;
    if (used < *cap) return p;
    p = more > 0x20000000 ? NULL : realloc(p, (size_t)more * each);
    if (p) *cap = more;
    return p;
}

/* The vertex between grid points a and b = a + d (d as bits), made at first use; -1: no memory. */
PLOT_FN int mesh__vertex(mesh__grid *g, size_t a, size_t b, unsigned d) {
    int *slot = g->at + ((a << g->n) + d);
    mesh__edge *e;
    if (*slot >= 0) return *slot;
    e = (mesh__edge *)mesh__room(g->edge, g->m->n_vert, &g->cap_vert, sizeof *e);
    if (!e) return -1;
    g->edge = e;
    e += g->m->n_vert;
    mesh__point(g, a, e->x[0]);
    mesh__point(g, b, e->x[1]);
    e->f[0] = g->F[a];
    e->f[1] = g->F[b];
    e->moved = 0;
    return *slot = g->m->n_vert++;
}

PLOT_FN int mesh__cell(mesh__grid *g, int a, int b, int c) {
    int n = g->n, *p = (int *)mesh__room(g->m->cell, g->m->n_cell, &g->cap_cell,
                                         (size_t)n * sizeof *p);
    if (!p) return -1;
    g->m->cell = p;
    p += g->m->n_cell++ * n;
    p[0] = a;
    p[1] = b;
    if (n == 3) p[2] = c;
    return 0;
}

/* One simplex: corners on the grid, their masks ascending from the cube's first corner, and whether
   its axes' order is an odd permutation. Every corner below zero shares an edge with every corner
   above; listed back and forth these edges go round the cell. Listing the corners below first
   permutes the simplex; that parity and its own decide which way round the triangle turns. */
PLOT_FN int mesh__simplex(mesh__grid *g, const size_t *corner, const unsigned *mask, int odd) {
    int side[2][4], count[2] = { 0, 0 }, v[4] = { 0, 0, 0, 0 }, nv = 0, i, j;
    for (i = 0; i <= g->n; i++) {
        int above = g->F[corner[i]] >= 0;
        if (!mesh_finite(g->F[corner[i]])) return 0;
        if (!above) odd ^= count[1] & 1;
        side[above][count[above]++] = i;
    }
    for (i = 0; i < count[0]; i++)
        for (j = 0; j < count[1]; j++) {
            int p = side[0][i], q = side[1][i & 1 ? count[1] - 1 - j : j];
            int a = p < q ? p : q, b = p < q ? q : p;
            v[nv] = mesh__vertex(g, corner[a], corner[b], mask[a] ^ mask[b]);
            if (v[nv++] < 0) return -1;
        }
    if (nv < g->n) return 0;
    if (g->n == 2) odd ^= count[0] & 1;
    if (g->n == 2) return mesh__cell(g, v[odd], v[1 - odd], 0);
    if (mesh__cell(g, v[0], v[1 + odd], v[2 - odd])) return -1;
    return nv == 4 ? mesh__cell(g, v[0], v[2 + odd], v[3 - odd]) : 0;
}

PLOT_FN int mesh__cube(mesh__grid *g, size_t base) {
    static const unsigned char order[6][3] = {   /* even, then odd; in the plane rows 2 and 4 */
        { 1, 2, 0 }, { 2, 0, 1 }, { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 0, 2, 1 }
    };
    size_t stride[3], corner[4];
    unsigned mask[4];
    int s, k, n = g->n, from = n == 3 ? 0 : 2, by = n == 3 ? 1 : 2;
    for (stride[0] = 1, k = 1; k < n; k++) stride[k] = stride[k - 1] * (size_t)g->points[k - 1];
    for (s = from; s < 6 && (n == 3 || s < 5); s += by) {
        corner[0] = base;
        mask[0] = 0;
        for (k = 0; k < n; k++) {
            corner[k + 1] = corner[k] + stride[order[s][k]];
            mask[k + 1] = mask[k] | 1u << order[s][k];
        }
        if (mesh__simplex(g, corner, mask, s >= 3)) return -1;
    }
    return 0;
}

PLOT_FN int mesh__march(mesh__grid *g) {
    size_t id;
    int k;
    for (id = 0; id < g->total; id++) {
        size_t rest = id;
        for (k = 0; k < g->n; k++) {             /* the last point of an axis starts no cube */
            if (rest % (size_t)g->points[k] == (size_t)g->points[k] - 1) break;
            rest /= (size_t)g->points[k];
        }
        if (k == g->n && mesh__cube(g, id)) return -1;
    }
    return 0;
}

PLOT_FN void mesh__root(const mesh__grid *g, int v, double *x) {
    const mesh__edge *e = g->edge + v;
    double t = e->f[0] == e->f[1] ? 0.5 : e->f[0] / (e->f[0] - e->f[1]);
    int k;
    for (k = 0; k < g->n; k++) x[k] = e->x[0][k] + t * (e->x[1][k] - e->x[0][k]);
}

/* Regula falsi: the new point replaces the end of its sign. Where F bends, as on edges that graze
   the zero set, one end would stay for ever and steps gain little; its value is halved then (the
   Illinois rule), which sends the next point to its side. */
PLOT_FN void mesh__shrink(mesh__edge *e, int n, const double *x, double f) {
    int end = (f >= 0) == (e->f[0] >= 0) ? 0 : 1;
    if (!mesh_finite(f)) return;
    memcpy(e->x[end], x, (size_t)n * sizeof *x);
    e->f[end] = f;
    if (e->moved == end + 1) e->f[1 - end] /= 2;
    e->moved = end + 1;
}

PLOT_FN int mesh__refine(mesh__grid *g, mesh_eval eval, void *user) {
    double F[MESH__BATCH];
    size_t n = (size_t)g->n;
    int round, v, b, B, nv = g->m->n_vert;
    double *x = (double *)malloc(((size_t)nv * n + 1) * sizeof *x);
    if (!x) return -1;
    g->m->vert = x;
    for (round = 0; round <= MESH__ROUNDS; round++)
        for (v = 0; v < nv; v += B) {
            B = nv - v < MESH__BATCH ? nv - v : MESH__BATCH;
            for (b = v; b < v + B; b++) mesh__root(g, b, x + (size_t)b * n);
            if (round == MESH__ROUNDS) continue;
            eval(user, B, x + (size_t)v * n, F);
            for (b = 0; b < B; b++)
                mesh__shrink(g->edge + v + b, g->n, x + (size_t)(v + b) * n, F[b]);
        }
    return 0;
}

/* The zero set of eval in the box [lo, hi] of R^n, n = 2 or 3, on a grid of `cells` cubes along
   its longest side. An empty set is fine (n_cell = 0). 0, or -1 with errno = ENOMEM. */
PLOT_FN int mesh_zero_set(mesh *m, int n, const double *lo, const double *hi, int cells,
                          mesh_eval eval, void *user) {
    mesh__grid g;
    int bad;
    memset(&g, 0, sizeof g);
    memset(m, 0, sizeof *m);
    g.n = m->n = n;
    g.m = m;
    bad = mesh__sample(&g, lo, hi, cells, eval, user) || mesh__march(&g) ||
          mesh__refine(&g, eval, user);
    free(g.F);
    free(g.at);
    free(g.edge);
    if (bad) { mesh_free(m); errno = ENOMEM; }
    return bad ? -1 : 0;
}

/* Length or area of a cell; in R^3 also its normal, of that length, when normal is not NULL. */
PLOT_FN double mesh_measure(const mesh *m, int cell, double *normal) {
    const int *c = m->cell + cell * m->n;
    const double *a = m->vert + m->n * c[0], *b = m->vert + m->n * c[1], *d;
    double u[3], v[3], w[3];
    int k;
    if (m->n == 2) return hypot(b[0] - a[0], b[1] - a[1]);
    d = m->vert + 3 * c[2];
    for (k = 0; k < 3; k++) {
        u[k] = b[k] - a[k];
        v[k] = d[k] - a[k];
    }
    for (k = 0; k < 3; k++)
        w[k] = (u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3]) / 2;
    if (normal) memcpy(normal, w, sizeof w);
    return sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2]);
}

/* weight[n_vert]: each vertex's share of its cells' length or area. The sum is the whole's. */
PLOT_FN void mesh_weights(const mesh *m, double *weight) {
    int i, k;
    for (i = 0; i < m->n_vert; i++) weight[i] = 0;
    for (i = 0; i < m->n_cell; i++) {
        double share = mesh_measure(m, i, NULL) / m->n;
        for (k = 0; k < m->n; k++) weight[m->cell[i * m->n + k]] += share;
    }
}

/* normal[n_vert][3] of unit length towards F > 0: the area-weighted mean over its triangles. */
PLOT_FN void mesh_normals(const mesh *m, double *normal) {
    double w[3] = { 0, 0, 0 }, len;
    int i, k, j;
    memset(normal, 0, 3 * (size_t)m->n_vert * sizeof *normal);
    for (i = 0; i < m->n_cell; i++) {
        mesh_measure(m, i, w);
        for (k = 0; k < 3; k++)
            for (j = 0; j < 3; j++) normal[3 * m->cell[3 * i + k] + j] += w[j];
    }
    for (i = 0; i < m->n_vert; i++, normal += 3) {
        len = sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
        for (k = 0; k < 3 && len > 0; k++) normal[k] /= len;
    }
}

typedef struct mesh_shape {
    int edges;                   /* segments of a curve, different sides of triangles */
    int border;                  /* edges of one triangle only, loose ends of a curve; 0: closed */
    int pieces, euler;           /* connected ones; vertices - edges + triangles */
    double size;                 /* length or area */
} mesh_shape;

PLOT_FN int mesh__by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Of n keys, which are sorted: how many differ, and how many of those are there only once. */
PLOT_FN int mesh__distinct(uint64_t *key, size_t n, int *once) {
    size_t i, from = 0;
    int count = 0;
    *once = 0;
    qsort(key, n, sizeof *key, mesh__by_value);
    for (i = 1; i <= n; i++) {
        if (i < n && key[i] == key[from]) continue;
        *once += i - from == 1;
        from = i;
        count++;
    }
    return count;
}

/* Sides of triangles; for a curve, ends of segments. */
PLOT_FN void mesh__keys(const mesh *m, uint64_t *key) {
    int i, k;
    for (i = 0; i < m->n_cell; i++)
        for (k = 0; k < m->n; k++) {
            uint64_t a = (uint64_t)m->cell[i * m->n + k];
            uint64_t b = m->n == 3 ? (uint64_t)m->cell[3 * i + (k + 1) % 3] : 0;
            *key++ = a < b ? a << 32 | b : b << 32 | a;
        }
}

PLOT_FN int mesh__root_of(int *up, int v) {
    while (up[v] != v) v = up[v] = up[up[v]];
    return v;
}

/* Joins what cells share; up: [n_vert] scratch. */
PLOT_FN int mesh__pieces(const mesh *m, int *up) {
    int i, k, count = m->n_vert;
    for (i = 0; i < m->n_vert; i++) up[i] = i;
    for (i = 0; i < m->n_cell; i++)
        for (k = 1; k < m->n; k++) {
            int a = mesh__root_of(up, m->cell[i * m->n]);
            int b = mesh__root_of(up, m->cell[i * m->n + k]);
            count -= a != b;
            up[b] = a;
        }
    return count;
}

/* 0, or -1 with errno = ENOMEM. */
PLOT_FN int mesh_describe(const mesh *m, mesh_shape *s) {
    size_t n = (size_t)m->n * (size_t)m->n_cell;
    uint64_t *key = (uint64_t *)malloc((n + 1) * sizeof *key);
    int *up = (int *)malloc(((size_t)m->n_vert + 1) * sizeof *up), i, bad = !key || !up;
    memset(s, 0, sizeof *s);
    if (!bad) {
        mesh__keys(m, key);
        s->edges = mesh__distinct(key, n, &s->border);
        if (m->n == 2) s->edges = m->n_cell;
        s->euler = m->n_vert - s->edges + (m->n == 3 ? m->n_cell : 0);
        s->pieces = mesh__pieces(m, up);
        for (i = 0; i < m->n_cell; i++) s->size += mesh_measure(m, i, NULL);
    } else {
        errno = ENOMEM;
    }
    free(key);
    free(up);
    return bad ? -1 : 0;
}

#endif
