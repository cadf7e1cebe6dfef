/* metrics.h: exact distances between samples.

   metrics_w1: the Wasserstein-1 distance of two samples of equal size, by an exact assignment:
   shortest augmenting paths after Jonker and Volgenant (1987), O(N^3) at worst. The duals prove it:
   the gap between the cost and their sum is 0 up to rounding, and the caller sees it. */
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

#endif /* METRICS_H */
