/* metrics.h: exact distances between samples.

   metrics_w1: the Wasserstein-1 distance of two samples of equal size, by an exact assignment:
   shortest augmenting paths after Jonker and Volgenant (1987), O(N^3) at worst. The duals prove it:
   the gap between the cost and their sum is 0 up to rounding, and the caller sees it.

   metrics_transport: the same for points with weights, by a network simplex. */
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

/* Euclidean Wasserstein-1 of x, y: [N][n], as the mean over pairs. */
FILE_FN double metrics_w1(int N, int n, const ebim_real *x, const ebim_real *y, double *gap)
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
            cost[(size_t)i * (size_t)N + (size_t)j] = sqrt(d2);
        }
    w = metrics_assign(N, cost, gap);
    free(cost);
    return w < 0 ? w : w / N;
}

/* ---- transport between points with weights ---- */

typedef struct metrics_transport_tree { /* nodes: N sources, M sinks, a root joined to all */
    int N, M, n, power;
    const double *x, *y;        /* [N][n], [M][n] */
    double dear;                /* what an arc to the root costs: more than any other */
    int *parent, *depth, *up;   /* up: the arc to the parent goes there, and not from there */
    int *child, *next, *before; /* the first child; siblings */
    double *flow, *pi;          /* of the arc to the parent; potentials */
    int *stack;
    size_t at;                  /* the next arc to look at */
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

/* The arc of the least reduced cost among the next few thousand, if it is negative. */
FILE_FN int metrics__entering(metrics_transport_tree *s, int *source, int *sink)
{
    size_t all = (size_t)s->N * (size_t)s->M, block = (size_t)sqrt((double)all) + 1000, seen;
    double least = -1e-13 * s->dear;
    int found = 0;
    for (seen = 0; seen < all;) {
        int i = (int)(s->at / (size_t)s->M), j = (int)(s->at % (size_t)s->M);
        size_t run = (size_t)(s->M - j) < all - seen ? (size_t)(s->M - j) : all - seen, q;
        if (run > block) run = block;
        for (q = 0; q < run; q++, j++) {
            double r = metrics__cost(s, i, j) + s->pi[i] - s->pi[s->N + j];
            if (!(r < least)) continue;
            least = r;
            *source = i;
            *sink = j;
            found = 1;
        }
        seen += run;
        s->at = (s->at + run) % all;
        if (found && seen >= block) break;
    }
    return found;
}

/* Depths and potentials below u, which hangs on another parent now */
FILE_FN void metrics__refresh(metrics_transport_tree *s, int u, double shift)
{
    int top = 0, v;
    s->stack[top++] = u;
    while (top) {
        u = s->stack[--top];
        s->pi[u] += shift;
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

/* The cost of what flows; *dual: what the potentials, counted anew, say it must cost at least. */
FILE_FN double metrics__flow_cost(metrics_transport_tree *s, const double *a, const double *b,
                                  double *dual)
{
    int root = s->N + s->M, top = 0, u, v, i, j;
    double total = 0, worst = 0, mass = 0;
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
    for (i = 0, *dual = 0; i < s->N; i++) {
        *dual -= a[i] * s->pi[i];
        mass += a[i];
    }
    for (j = 0; j < s->M; j++) *dual += b[j] * s->pi[s->N + j];
    for (i = 0; i < s->N; i++)
        for (j = 0; j < s->M; j++)
            worst = fmin(worst, metrics__cost(s, i, j) + s->pi[i] - s->pi[s->N + j]);
    *dual += worst * mass;
    return total;
}

/* The first tree: everything by way of the root. 0: out of memory */
FILE_FN int metrics__start(metrics_transport_tree *s, const double *a, const double *b)
{
    size_t nodes = (size_t)s->N + (size_t)s->M + 1, n = (size_t)s->n;
    int u, c, root = s->N + s->M;
    double far = 0;
    s->parent = (int *)malloc(7 * nodes * sizeof *s->parent);
    s->flow = (double *)malloc(2 * nodes * sizeof *s->flow);
    if (!s->parent || !s->flow) return 0;
    s->depth = s->parent + nodes;
    s->up = s->depth + nodes;
    s->child = s->up + nodes;
    s->next = s->child + nodes;
    s->before = s->next + nodes;
    s->stack = s->before + nodes;
    s->pi = s->flow + nodes;
    for (c = 0; c < s->n; c++) {
        double lo = s->x[c], hi = s->x[c];
        for (u = 0; u < root; u++) {
            double v = u < s->N ? s->x[(size_t)u * n + (size_t)c]
                                : s->y[(size_t)(u - s->N) * n + (size_t)c];
            lo = fmin(lo, v);
            hi = fmax(hi, v);
        }
        far += (hi - lo) * (hi - lo);
    }
    s->dear = (s->power == 1 ? sqrt(far) : far) * 1.01 + DBL_MIN;
    for (u = 0; u <= root; u++) s->child[u] = -1;
    s->parent[root] = -1;
    s->depth[root] = 0;
    for (u = 0; u < root; u++) {
        metrics__join(s, u, root, u < s->N, u < s->N ? a[u] : b[u - s->N]);
        s->depth[u] = 1;
        s->pi[u] = u < s->N ? -s->dear : s->dear;
    }
    return 1;
}

/* The least cost of bringing weights a: [N] > 0 at x: [N][n] to weights b: [M] > 0 at y: [M][n],
 * of equal sums; a unit costs its distance (power 1) or its square (2). Network simplex over all
 * pairs, whose costs are computed when they are looked at: memory is linear. *gap: how far the cost
 * may be above the least, by the duals. Negative: out of memory. */
FILE_FN double metrics_transport(int N, const double *x, const double *a, int M, const double *y,
                                 const double *b, int n, int power, double *gap)
{
    metrics_transport_tree s;
    double total = -1, dual;
    int i = 0, j = 0;
    memset(&s, 0, sizeof s);
    s.N = N;
    s.M = M;
    s.n = n;
    s.power = power;
    s.x = x;
    s.y = y;
    if (metrics__start(&s, a, b)) {
        while (metrics__entering(&s, &i, &j)) metrics__pivot(&s, i, j);
        total = metrics__flow_cost(&s, a, b, &dual);
        *gap = total - dual;
    }
    free(s.parent);
    free(s.flow);
    return total;
}

#endif /* METRICS_H */
