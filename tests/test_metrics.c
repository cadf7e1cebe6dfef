/* Exact optimal transport of examples/common/metrics.h: against all permutations, sorted points,
   and its own duals. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include "../examples/common/metrics.h"
#include "t.h"

/* The least cost over all permutations of the rows from i on */
static double least(int N, const double *cost, int *column, int i)
{
    double best = HUGE_VAL;
    int j;
    if (i == N) return 0;
    for (j = i; j < N; j++) {
        int c = column[j];
        double v;
        column[j] = column[i];
        column[i] = c;
        v = cost[i * N + c] + least(N, cost, column, i + 1);
        if (v < best) best = v;
        column[i] = column[j];
        column[j] = c;
    }
    return best;
}

static void assignments_are_the_least(void)
{
    int N, rep, i, column[7];
    double cost[49], gap = 1;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 0);
    for (N = 1; N <= 7; N++)
        for (rep = 0; rep < 30; rep++) {
            for (i = 0; i < N * N; i++) /* in the second half with many ties */
                cost[i] = rep < 15 ? (double)ebim_rng_normal(&r) : (double)ebim_rng_below(&r, 3);
            for (i = 0; i < N; i++) column[i] = i;
            CHECK_NEAR(metrics_assign(N, cost, &gap), least(N, cost, column, 0), 1e-12);
            CHECK_NEAR(gap, 0, 1e-12);
        }
}

static int ascending(const void *a, const void *b)
{
    ebim_real x = *(const ebim_real *)a, y = *(const ebim_real *)b;
    return (x > y) - (x < y);
}

static void on_a_line_it_is_the_sorted_pairs(void)
{
    enum { N = 300 };
    static ebim_real x[N], y[N];
    double want = 0, gap = 1;
    ebim_rng r;
    int i;
    ebim_rng_init(&r, T_SEED, 1);
    for (i = 0; i < N; i++) {
        x[i] = ebim_rng_normal(&r);
        y[i] = 2 * ebim_rng_uniform(&r);
    }
    CHECK_NEAR(metrics_w1(N, 1, x, x, &gap), 0, 1e-12);
    want = metrics_w1(N, 1, x, y, &gap);
    CHECK_NEAR(gap, 0, 1e-10);
    qsort(x, N, sizeof *x, ascending);
    qsort(y, N, sizeof *y, ascending);
    for (i = 0; i < N; i++) want -= fabs((double)x[i] - (double)y[i]) / N;
    CHECK_NEAR(want, 0, 1e-10);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(assignments_are_the_least);
    T_RUN(on_a_line_it_is_the_sorted_pairs);
    return T_END();
}
