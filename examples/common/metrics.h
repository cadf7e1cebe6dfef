/* metrics.h: exact distances between samples.

   metrics_w: the Wasserstein-1 or -2 distance of two samples of equal size, by exact assignment:
   shortest augmenting paths after Jonker and Volgenant (1987), O(N^3) at worst. The duals prove it:
   the gap between the cost and their sum is 0 up to rounding, and the caller sees it.

   metrics_transport: the same for points with weights, by a network simplex that starts from the
   plan of a coarser problem. */
#ifndef METRICS_H
#define METRICS_H

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h" /* FILE_FN */

typedef struct metrics_assignment {
    int N;
    const double *cost;        /* [N][N] */
    double *u, *v, *least;     /* [N] duals of rows and columns; the shortest path to a column */
    int *row_of, *column_of;   /* [N] the assignment so far; -1: none */
    int *from, *left;          /* [N] a column's row on that path; columns not reached yet */
} metrics_assignment;

/* Gives row i a column, along the shortest path of changes. */
FILE_FN void metrics__augment(metrics_assignment *s, int i)
{
    int N = s->N, j, k, at, row = i, best = -1, left = N;
    double level = 0;
    for (j = 0; j < N; j++) {
        s->least[j] = DBL_MAX;
        s->left[j] = j;
    }
    for (;;) {
        const double *c = s->cost + (size_t)row * (size_t)N;
        double next = DBL_MAX, shift = level - s->u[row];
        for (at = -1, k = 0; k < left; k++) {
            double d;
            j = s->left[k];
            d = c[j] - s->v[j] + shift;
            if (d < s->least[j]) {
                s->least[j] = d;
                s->from[j] = row;
            }
            if (s->least[j] < next || (s->least[j] <= next && s->row_of[j] < 0)) {
                next = s->least[j];
                at = k;
            }
        }
        level = next;
        best = s->left[at];
        s->left[at] = s->left[--left]; /* those that were reached stand behind, the last first */
        s->left[left] = best;
        if (s->row_of[best] < 0) break;
        row = s->row_of[best];
    }
    s->u[i] += level;
    for (k = left + 1; k < N; k++) {
        j = s->left[k];
        s->u[s->row_of[j]] += level - s->least[j];
        s->v[j] -= level - s->least[j];
    }
    do { /* turn the path round */
        int old = s->column_of[row = s->from[best]];
        s->row_of[best] = row;
        s->column_of[row] = best;
        best = old;
    } while (row != i);
}

/* The least cost of assigning every row a column of cost: [N][N]; *gap: how far from the dual sum.
 * Negative: out of memory. */
FILE_FN double metrics_assign(int N, const double *cost, double *gap)
{
    metrics_assignment s;
    double total = 0, dual = 0;
    size_t n = (size_t)N;
    int i, j;
    s.N = N;
    s.cost = cost;
    s.u = (double *)calloc(3 * n, sizeof *s.u);
    s.row_of = (int *)malloc(4 * n * sizeof *s.row_of);
    if (s.u && s.row_of) {
        s.v = s.u + n;
        s.least = s.v + n;
        s.from = s.row_of + n;
        s.left = s.from + n;
        s.column_of = s.left + n;
        for (j = 0; j < N; j++) {
            s.row_of[j] = s.column_of[j] = -1;
            for (s.v[j] = cost[j], i = 1; i < N; i++)
                s.v[j] = fmin(s.v[j], cost[(size_t)i * n + (size_t)j]);
        }
        for (i = 0; i < N; i++) metrics__augment(&s, i);
        for (j = 0; j < N; j++) total += cost[(size_t)s.row_of[j] * n + (size_t)j];
        for (j = 0; j < N; j++) dual += s.u[j] + s.v[j];
        *gap = fabs(total - dual) / N;
    } else total = -1;
    free(s.u);
    free(s.row_of);
    return total;
}

/* Wasserstein-1 (power 1) or -2 (power 2) of x, y: [N][n]: the mean distance of the best pairs, or
 * the root of the mean of its square. *gap: of the mean. Negative: out of memory. */
FILE_FN double metrics_w(int power, int N, int n, const ebim_real *x, const ebim_real *y,
                         double *gap)
{
    double *cost = (double *)malloc((size_t)N * (size_t)N * sizeof *cost), w = -1;
    int i, j, c;
    if (!cost) return w;
    for (i = 0; i < N; i++)
        for (j = 0; j < N; j++) {
            double d2 = 0;
            for (c = 0; c < n; c++) {
                double d = (double)x[i * n + c] - (double)y[j * n + c];
                d2 += d * d;
            }
            cost[(size_t)i * (size_t)N + (size_t)j] = power == 1 ? sqrt(d2) : d2;
        }
    w = metrics_assign(N, cost, gap);
    free(cost);
    return w < 0 ? w : power == 1 ? w / N : sqrt(fmax(0, w / N));
}

FILE_FN double metrics_w1(int N, int n, const ebim_real *x, const ebim_real *y, double *gap)
{
    return metrics_w(1, N, n, x, y, gap);
}

/* ---- transport between points with weights ---- */

enum { METRICS_BOX = 16, METRICS_BITS = 10, METRICS_AXES = 6 };

typedef struct metrics_side {   /* points with weights, in the order of a curve that fills space */
    int total, N;               /* points; at this level: cells of the curve, in the end points */
    double *all, *weight;       /* [total][n], [total] */
    uint64_t *key;              /* [total] places on the curve */
    int *of, *parent;           /* [total] a point's cell; [N] a cell's cell in the level before */
    double *x, *a;              /* [N][n] centres of mass, [N] weights of the cells */
} metrics_side;

typedef struct metrics_transport_tree { /* nodes: N sources, M sinks, a root joined to all */
    int N, M, n, power;
    metrics_side from, to;
    double *x, *y;              /* [N][n], [M][n] */
    double *box, *high;         /* per METRICS_BOX sinks: lowest, highest corner; largest pi */
    double dear;                /* what an arc to the root costs: more than any other */
    int *parent, *depth, *up;   /* up: the arc to the parent goes there, and not from there */
    int *child, *next, *before; /* the first child; siblings */
    double *flow, *pi;          /* of the arc to the parent; potentials */
    int *stack, at;             /* at: the next source to look at */
    int plans, *plan;           /* [plans][2] source and sink, */
    double *through;            /* [plans] and what flows */
    int *link;                  /* [2 * plans] the next arc of that end */
} metrics_transport_tree;

FILE_FN double metrics__cost(const metrics_transport_tree *s, int i, int j)
{
    const double *x = s->x + (size_t)i * (size_t)s->n, *y = s->y + (size_t)j * (size_t)s->n;
    double d2 = 0;
    int c;
    for (c = 0; c < s->n; c++) d2 += (x[c] - y[c]) * (x[c] - y[c]);
    return s->power == 1 ? sqrt(d2) : d2;
}

FILE_FN void metrics__join(metrics_transport_tree *s, int u, int parent, int up, double flow)
{
    s->parent[u] = parent;
    s->up[u] = up;
    s->flow[u] = flow;
    s->before[u] = -1;
    s->next[u] = s->child[parent];
    if (s->next[u] >= 0) s->before[s->next[u]] = u;
    s->child[parent] = u;
}

FILE_FN void metrics__part(metrics_transport_tree *s, int u)
{
    if (s->before[u] >= 0) s->next[s->before[u]] = s->next[u];
    else s->child[s->parent[u]] = s->next[u];
    if (s->next[u] >= 0) s->before[s->next[u]] = s->before[u];
}

/* Whether a sink of a box may be nearer to x than its potential is above `most`: not if even the
 * nearest corner is too far for the highest potential. */
FILE_FN int metrics__near(const metrics_transport_tree *s, const double *x, double most, int box)
{
    const double *lo = s->box + 2 * (size_t)box * (size_t)s->n, *hi = lo + s->n;
    double d2 = 0, t = s->high[box] - most;
    int c;
    if (!(t > 0)) return 0;
    for (c = 0; c < s->n; c++) {
        double d = x[c] < lo[c] ? lo[c] - x[c] : x[c] > hi[c] ? x[c] - hi[c] : 0;
        d2 += d * d;
    }
    return d2 < (s->power == 1 ? t * t : t);
}

/* The sink of the least reduced cost for source i, -1 if none is negative */
FILE_FN int metrics__best_sink(const metrics_transport_tree *s, int i)
{
    const double *x = s->x + (size_t)i * (size_t)s->n;
    int found = -1, box, j, c, boxes = (s->M + METRICS_BOX - 1) / METRICS_BOX;
    double most = s->pi[i] + 1e-13 * s->dear;
    for (box = 0; box < boxes; box++) {
        int end = (box + 1) * METRICS_BOX < s->M ? (box + 1) * METRICS_BOX : s->M;
        if (!metrics__near(s, x, most, box)) continue;
        for (j = box * METRICS_BOX; j < end; j++) {
            const double *y = s->y + (size_t)j * (size_t)s->n;
            double d2 = 0, t = s->pi[s->N + j] - most;
            for (c = 0; c < s->n; c++) d2 += (x[c] - y[c]) * (x[c] - y[c]);
            if (!(t > 0 && d2 < (s->power == 1 ? t * t : t))) continue;
            most = s->pi[s->N + j] - (s->power == 1 ? sqrt(d2) : d2);
            found = j;
        }
    }
    return found;
}

/* Exact upper bounds of the potentials in the boxes of sinks; pivots only raise them. */
FILE_FN void metrics__levels(metrics_transport_tree *s)
{
    int j;
    for (j = 0; j < s->M; j++) {
        double *high = &s->high[j / METRICS_BOX], pi = s->pi[s->N + j];
        if (j % METRICS_BOX == 0 || pi > *high) *high = pi;
    }
}

/* The arc of the least reduced cost of the next source that has a negative one */
FILE_FN int metrics__entering(metrics_transport_tree *s, int *source, int *sink)
{
    int seen;
    for (seen = 0; seen < s->N; seen++) {
        if (s->at % 256 == 0) metrics__levels(s);
        *source = s->at;
        s->at = s->at + 1 < s->N ? s->at + 1 : 0;
        *sink = metrics__best_sink(s, *source);
        if (*sink >= 0) return 1;
    }
    return 0;
}

/* Depths and potentials below u, which hangs on another parent now */
FILE_FN void metrics__refresh(metrics_transport_tree *s, int u, double shift)
{
    int top = 0, v;
    s->stack[top++] = u;
    while (top) {
        u = s->stack[--top];
        s->pi[u] += shift;
        if (u >= s->N && u < s->N + s->M && s->pi[u] > s->high[(u - s->N) / METRICS_BOX])
            s->high[(u - s->N) / METRICS_BOX] = s->pi[u];
        s->depth[u] = s->depth[s->parent[u]] + 1;
        for (v = s->child[u]; v >= 0; v = s->next[v]) s->stack[top++] = v;
    }
}

/* The part of the tree below `out` gets `in` for its root and hangs on `on`. */
FILE_FN void metrics__graft(metrics_transport_tree *s, int in, int out, int on, int up, double flow)
{
    int u = in, parent = on;
    for (;;) {
        int old = s->parent[u], old_up = s->up[u];
        double old_flow = s->flow[u];
        metrics__part(s, u);
        metrics__join(s, u, parent, up, flow);
        if (u == out) break;
        parent = u;
        up = !old_up;
        flow = old_flow;
        u = old;
    }
}

/* Brings arc (i, j) into the tree: as much as the cycle it closes can take flows round it; the arc
 * that is emptied leaves. The last of those in the order of the cycle: so it cannot go on for ever
 * (strongly feasible trees, Cunningham 1976). */
FILE_FN void metrics__pivot(metrics_transport_tree *s, int i, int j)
{
    int u = i, v = s->N + j, end = s->N + j, out = -1, first = 1, apex;
    double most = DBL_MAX, c = metrics__cost(s, i, j), reduced = c + s->pi[i] - s->pi[end];
    while (u != v) {
        if (s->depth[u] >= s->depth[v]) u = s->parent[u];
        else v = s->parent[v];
    }
    apex = u;
    for (u = i; u != apex; u = s->parent[u])
        if (s->up[u] && s->flow[u] < most) {
            most = s->flow[u];
            out = u;
        }
    for (u = end; u != apex; u = s->parent[u])
        if (!s->up[u] && s->flow[u] <= most) {
            most = s->flow[u];
            out = u;
            first = 0;
        }
    for (u = i; u != apex; u = s->parent[u]) s->flow[u] += s->up[u] ? -most : most;
    for (u = end; u != apex; u = s->parent[u]) s->flow[u] += s->up[u] ? most : -most;
    if (first) {
        metrics__graft(s, i, out, end, 1, most);
        metrics__refresh(s, i, -reduced);
    } else {
        metrics__graft(s, end, out, i, 0, most);
        metrics__refresh(s, end, reduced);
    }
}

/* Potentials from the root down, counted anew; the cost of what flows. */
FILE_FN double metrics__potentials(metrics_transport_tree *s)
{
    int root = s->N + s->M, top = 0, u, v;
    double total = 0;
    s->stack[top++] = root;
    s->pi[root] = 0;
    while (top) {
        u = s->stack[--top];
        for (v = s->child[u]; v >= 0; v = s->next[v]) {
            double c = u == root ? s->dear : v < s->N ? metrics__cost(s, v, u - s->N)
                                                      : metrics__cost(s, u, v - s->N);
            s->pi[v] = s->pi[u] + (s->up[v] ? -c : c);
            total += s->flow[v] * c;
            s->stack[top++] = v;
        }
    }
    return total;
}

/* What the potentials say it must cost at least */
FILE_FN double metrics__dual(const metrics_transport_tree *s)
{
    double worst = 0, mass = 0, dual = 0;
    int i, j;
    for (i = 0; i < s->N; i++) {
        dual -= s->from.a[i] * s->pi[i];
        mass += s->from.a[i];
    }
    for (j = 0; j < s->M; j++) dual += s->to.a[j] * s->pi[s->N + j];
    for (i = 0; i < s->N; i++)
        for (j = 0; j < s->M; j++)
            worst = fmin(worst, metrics__cost(s, i, j) + s->pi[i] - s->pi[s->N + j]);
    return dual + worst * mass;
}

/* ---- from level to level ---- */

typedef struct metrics__place {
    uint64_t key;
    int i;
} metrics__place;

FILE_FN int metrics__by_key(const void *p, const void *q)
{
    const metrics__place *a = (const metrics__place *)p, *b = (const metrics__place *)q;
    return a->key != b->key ? (a->key > b->key ? 1 : -1) : a->i - b->i;
}

/* A side's points in the order of Morton's curve through the cube from lo. 0: out of memory */
FILE_FN int metrics__sort(metrics_side *t, int n, const double *x, const double *a,
                          const double *lo, double size)
{
    metrics__place *p = (metrics__place *)malloc((size_t)t->total * sizeof *p);
    int i, c, bit, axes = n < METRICS_AXES ? n : METRICS_AXES;
    if (!p) return 0;
    for (i = 0; i < t->total; i++) {
        for (p[i].i = i, p[i].key = 0, c = 0; c < axes; c++) {
            double at = (x[(size_t)i * (size_t)n + (size_t)c] - lo[c]) / size;
            uint64_t whole = (uint64_t)(at * ((1 << METRICS_BITS) - 1));
            for (bit = 0; bit < METRICS_BITS; bit++)
                p[i].key |= (whole >> bit & 1) << (bit * axes + c);
        }
    }
    qsort(p, (size_t)t->total, sizeof *p, metrics__by_key);
    for (i = 0; i < t->total; i++) {
        memcpy(t->all + (size_t)i * (size_t)n, x + (size_t)p[i].i * (size_t)n,
               (size_t)n * sizeof *x);
        t->weight[i] = a[p[i].i];
        t->key[i] = p[i].key;
    }
    free(p);
    return 1;
}

/* Cells of 2^bits steps of the curve along each axis; bits < 0: every point is one. */
FILE_FN void metrics__cells(metrics_side *t, int n, int bits)
{
    int shift = bits * (n < METRICS_AXES ? n : METRICS_AXES), i, c;
    double *x = t->x;
    for (t->N = i = 0; i < t->total; i++) {
        double w = t->weight[i], all;
        if (!i || bits < 0 || t->key[i] >> shift != t->key[i - 1] >> shift) {
            x = t->x + (size_t)t->N * (size_t)n;
            t->a[t->N] = 0;
            t->parent[t->N++] = t->of[i];
            memset(x, 0, (size_t)n * sizeof *x);
        }
        t->of[i] = t->N - 1;
        all = t->a[t->N - 1] += w;
        for (c = 0; c < n; c++)
            x[c] += (t->all[(size_t)i * (size_t)n + (size_t)c] - x[c]) * w / all;
    }
}

FILE_FN void metrics__boxes(metrics_transport_tree *s)
{
    int j, c;
    for (j = 0; j < s->M; j++) {
        double *lo = s->box + 2 * (size_t)(j / METRICS_BOX) * (size_t)s->n, *hi = lo + s->n;
        const double *y = s->y + (size_t)j * (size_t)s->n;
        for (c = 0; c < s->n; c++) {
            if (j % METRICS_BOX == 0 || y[c] < lo[c]) lo[c] = y[c];
            if (j % METRICS_BOX == 0 || y[c] > hi[c]) hi[c] = y[c];
        }
    }
}

/* What flows between cells is shared out among the cells in them, as they come (the north-west
 * corner): of a plan without cycles comes one without. */
FILE_FN void metrics__refine(metrics_transport_tree *s)
{
    int old = s->plans, room = s->from.total + s->to.total, k, i, j;
    int *at = s->stack, *to = s->stack + s->N;
    double *left = s->flow, *want = s->flow + s->N;
    int *plan = s->plan + 2 * room;
    double *through = s->through + room;
    memcpy(plan, s->plan, 2 * (size_t)old * sizeof *plan);
    memcpy(through, s->through, (size_t)old * sizeof *through);
    for (i = s->N - 1; i >= 0; i--) at[s->from.parent[i]] = i;
    for (j = s->M - 1; j >= 0; j--) to[s->to.parent[j]] = j;
    memcpy(left, s->from.a, (size_t)s->N * sizeof *left);
    memcpy(want, s->to.a, (size_t)s->M * sizeof *want);
    for (s->plans = k = 0; k < old; k++) {
        int I = plan[2 * k], J = plan[2 * k + 1];
        double f = through[k];
        while (f > 0) {
            double q = f;
            i = at[I];
            j = to[J];
            if (i == s->N || j == s->M || s->from.parent[i] != I || s->to.parent[j] != J) break;
            if (left[i] < q) q = left[i];
            if (want[j] < q) q = want[j];
            if (q > 0 && s->plans < room) {
                s->plan[2 * s->plans] = i;
                s->plan[2 * s->plans + 1] = j;
                s->through[s->plans++] = q;
            }
            f -= q;
            left[i] -= q;
            want[j] -= q;
            if (left[i] <= 0) at[I]++;
            else if (want[j] <= 0) to[J]++;
        }
    }
}

/* The tree of a plan: every part of it hangs by a source on the root, upwards and without flow. So
 * no arc without flow points down, which pivots rely on. */
FILE_FN void metrics__plant(metrics_transport_tree *s)
{
    int root = s->N + s->M, k, u, v, top = 0, *head = s->depth;
    for (u = 0; u <= root; u++) {
        s->child[u] = head[u] = -1;
        s->parent[u] = -2;
    }
    s->parent[root] = -1;
    for (k = 0; k < 2 * s->plans; k++) {
        u = s->plan[k] + (k % 2 ? s->N : 0);
        s->link[k] = head[u];
        head[u] = k;
    }
    for (k = 0; k < root; k++) {
        if (s->parent[k] != -2) continue;
        metrics__join(s, k, root, k < s->N, k < s->N ? 0 : DBL_MIN);
        for (s->stack[top++] = k; top;) {
            int arc;
            u = s->stack[--top];
            for (arc = head[u]; arc >= 0; arc = s->link[arc]) {
                v = u < s->N ? s->N + s->plan[arc + 1] : s->plan[arc - 1];
                if (s->parent[v] != -2) continue;
                metrics__join(s, v, u, u >= s->N, s->through[arc / 2]);
                s->stack[top++] = v;
            }
        }
    }
}

/* Everything to everything: a plan for the parents of the first cells */
FILE_FN void metrics__first_plan(metrics_transport_tree *s)
{
    int i;
    s->plans = 1;
    for (s->through[0] = 0, i = 0; i < s->from.total; i++) s->through[0] += s->from.weight[i];
}

/* A tree for the cells there are now, from the plan for their parents */
FILE_FN void metrics__begin(metrics_transport_tree *s)
{
    int u, root;
    s->N = s->from.N;
    s->M = s->to.N;
    s->at = 0;
    root = s->N + s->M;
    metrics__boxes(s);
    metrics__refine(s);
    metrics__plant(s);
    s->depth[root] = 0;
    metrics__potentials(s);
    metrics__levels(s);
    for (u = s->child[root]; u >= 0; u = s->next[u]) metrics__refresh(s, u, 0);
}

/* The best plan of one level, from that of the level before; returns its cost */
FILE_FN double metrics__level(metrics_transport_tree *s, int bits)
{
    int i = 0, j = 0, u, root;
    metrics__cells(&s->from, s->n, bits);
    metrics__cells(&s->to, s->n, bits);
    metrics__begin(s);
    while (metrics__entering(s, &i, &j)) metrics__pivot(s, i, j);
    root = s->N + s->M;
    for (s->plans = u = 0; u < root; u++) {
        int p = s->parent[u];
        if (p == root || !(s->flow[u] > 0)) continue;
        s->plan[2 * s->plans] = u < s->N ? u : p;
        s->plan[2 * s->plans + 1] = (u < s->N ? p : u) - s->N;
        s->through[s->plans++] = s->flow[u];
    }
    return metrics__potentials(s);
}

FILE_FN void metrics__release(metrics_transport_tree *s)
{
    free(s->parent);
    free(s->flow);
    free(s->from.key);
}

/* Room for everything, at the level of the points. 0: out of memory */
FILE_FN int metrics__room(metrics_transport_tree *s)
{
    size_t n = (size_t)s->n, N = (size_t)s->from.total, M = (size_t)s->to.total, all = N + M;
    size_t nodes = all + 1, boxes = (M + METRICS_BOX - 1) / METRICS_BOX;
    s->parent = (int *)calloc(7 * nodes + 8 * all, sizeof *s->parent);
    s->flow = (double *)malloc((2 * nodes + 2 * (n + 1) * all + (2 * n + 1) * boxes + 2 * all) *
                               sizeof *s->flow);
    s->from.key = (uint64_t *)malloc(all * sizeof *s->from.key);
    if (!s->parent || !s->flow || !s->from.key) return 0;
    s->depth = s->parent + nodes;
    s->up = s->depth + nodes;
    s->child = s->up + nodes;
    s->next = s->child + nodes;
    s->before = s->next + nodes;
    s->stack = s->before + nodes;
    s->plan = s->stack + nodes;
    s->link = s->plan + 4 * all;
    s->from.of = s->link + 2 * all;
    s->to.of = s->from.of + N;
    s->from.parent = s->to.of + M;
    s->to.parent = s->from.parent + N;
    s->to.key = s->from.key + N;
    s->pi = s->flow + nodes;
    s->x = s->from.x = s->pi + nodes;
    s->y = s->to.x = s->x + N * n;
    s->from.all = s->y + M * n;
    s->to.all = s->from.all + N * n;
    s->from.a = s->to.all + M * n;
    s->to.a = s->from.a + N;
    s->from.weight = s->to.a + M;
    s->to.weight = s->from.weight + N;
    s->box = s->to.weight + M;
    s->high = s->box + 2 * n * boxes;
    s->through = s->high + boxes;
    return 1;
}

/* The points in order, in room of this size. 0: out of memory */
FILE_FN int metrics__order(metrics_transport_tree *s, const double *x, const double *a,
                           const double *y, const double *b)
{
    size_t n = (size_t)s->n, N = (size_t)s->from.total, u, c;
    double *lo = s->pi, far = 0, size = 0; /* pi: not in use yet */
    for (c = 0; c < n; c++) {
        double hi = lo[c] = x[c];
        for (u = 0; u < N + (size_t)s->to.total; u++) {
            double v = u < N ? x[u * n + c] : y[(u - N) * n + c];
            lo[c] = fmin(lo[c], v);
            hi = fmax(hi, v);
        }
        far += (hi - lo[c]) * (hi - lo[c]);
        size = fmax(size, hi - lo[c]);
    }
    s->dear = (s->power == 1 ? sqrt(far) : far) * 1.01 + DBL_MIN;
    size += DBL_MIN;
    return metrics__sort(&s->from, s->n, x, a, lo, size) &&
           metrics__sort(&s->to, s->n, y, b, lo, size);
}

/* The least cost of bringing weights a: [N] > 0 at x: [N][n] to weights b: [M] > 0 at y: [M][n],
 * of equal sums; a unit costs its distance (power 1) or its square (2). Network simplex over all
 * pairs, whose costs are computed when they are looked at: memory is linear. *gap: how far the cost
 * may be above the least, by the duals. Negative: out of memory. */
FILE_FN double metrics_transport(int N, const double *x, const double *a, int M, const double *y,
                                 const double *b, int n, int power, double *gap)
{
    metrics_transport_tree s;
    double total = -1;
    int bits, whole = 0;
    memset(&s, 0, sizeof s);
    s.from.total = N;
    s.to.total = M;
    s.n = n;
    s.power = power;
    if (metrics__room(&s) && metrics__order(&s, x, a, y, b)) {
        metrics__first_plan(&s);
        for (bits = METRICS_BITS - 2; bits >= -1 && !whole; bits--) {
            whole = bits < 0 || (s.from.N == N && s.to.N == M);
            total = metrics__level(&s, whole ? -1 : bits);
        }
        *gap = total - metrics__dual(&s);
    }
    metrics__release(&s);
    return total;
}

/* ---- densities on a grid of cells, the paper's way ---- */

/* A model's density in cells^n cells of a box: what it is on average at those of many points of
 * the model's manifold that lie in a cell, whatever their number; empty cells have none. All are
 * then made to sum to 1. (So a cell counts alike whether much of the manifold is in it or little,
 * and mass does not keep to the manifold's volume: a protocol to compare with, not a measure.) */
typedef struct metrics_grid {
    int n, cells, total;
    const double *lo, *hi; /* [n] */
    double *sum, *count;   /* [total] */
} metrics_grid;

/* 0: out of memory */
FILE_FN int metrics_grid_open(metrics_grid *g, int n, int cells, const double *lo, const double *hi)
{
    int c;
    g->n = n;
    g->cells = cells;
    for (g->total = 1, c = 0; c < n; c++) g->total *= cells;
    g->lo = lo;
    g->hi = hi;
    g->sum = (double *)calloc(2 * (size_t)g->total, sizeof *g->sum);
    g->count = g->sum ? g->sum + g->total : NULL;
    return g->sum != NULL;
}

/* A point x: [n] with its density; what lies outside of the box is not seen. */
FILE_FN void metrics_grid_add(metrics_grid *g, const double *x, double density)
{
    int at = 0, c;
    for (c = g->n - 1; c >= 0; c--) {
        double u = (x[c] - g->lo[c]) / (g->hi[c] - g->lo[c]) * g->cells;
        if (!(u >= 0 && u < g->cells)) return;
        at = at * g->cells + (int)u;
    }
    g->sum[at] += density;
    g->count[at] += 1;
}

/* Centres and masses of the cells that have some, x: [total][n], w: [total] out; how many. */
FILE_FN int metrics_grid_masses(const metrics_grid *g, double *x, double *w)
{
    double sum = 0;
    int count = 0, i, c, at;
    for (i = 0; i < g->total; i++) {
        if (!(g->count[i] > 0 && g->sum[i] > 0)) continue;
        for (at = i, c = 0; c < g->n; c++, at /= g->cells)
            x[count * g->n + c] =
                g->lo[c] + (g->hi[c] - g->lo[c]) * (at % g->cells + 0.5) / g->cells;
        sum += w[count++] = g->sum[i] / g->count[i];
    }
    for (i = 0; i < count; i++) w[i] /= sum;
    return count;
}

FILE_FN void metrics_grid_close(metrics_grid *g) { free(g->sum); }

#endif /* METRICS_H */
