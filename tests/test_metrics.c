/* Exact optimal transport of examples/common/metrics.h: against all permutations, sorted points,
   and its own duals. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include "../examples/common/metrics.h"
#include "golden/metrics.h"
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
    double want = 0, square, gap = 1;
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
    square = metrics_w(2, N, 1, x, y, &gap);
    qsort(x, N, sizeof *x, ascending);
    qsort(y, N, sizeof *y, ascending);
    for (i = 0; i < N; i++) want -= fabs((double)x[i] - (double)y[i]) / N;
    CHECK_NEAR(want, 0, 1e-10);
    for (want = 0, i = 0; i < N; i++) want += pow((double)x[i] - (double)y[i], 2) / N;
    CHECK_NEAR(square, sqrt(want), 1e-10);
}

/* Weights on a line: the integral of the difference of the two distribution functions, for W1. */
static double on_a_line(int N, const double *x, const double *a, int M, const double *y,
                        const double *b)
{
    double sum = 0, at = -HUGE_VAL, level = 0;
    for (;;) {
        double to = HUGE_VAL;
        int i;
        for (i = 0; i < N; i++)
            if (x[i] > at) to = fmin(to, x[i]);
        for (i = 0; i < M; i++)
            if (y[i] > at) to = fmin(to, y[i]);
        if (to > 1e300) return sum;
        if (at > -1e300) sum += fabs(level) * (to - at);
        for (i = 0; i < N; i++)
            if (x[i] >= to && x[i] <= to) level += a[i];
        for (i = 0; i < M; i++)
            if (y[i] >= to && y[i] <= to) level -= b[i];
        at = to;
    }
}

static void draw_weights(ebim_rng *r, int N, double *a)
{
    double sum = 0;
    int i;
    for (i = 0; i < N; i++) sum += a[i] = 0.05 + (double)ebim_rng_uniform(r);
    for (i = 0; i < N; i++) a[i] /= sum;
}

static void transport_of_weights_on_a_line(void)
{
    enum { MOST = 120 };
    double x[MOST], y[MOST], a[MOST], b[MOST], gap = 1;
    ebim_rng r;
    int rep, i;
    ebim_rng_init(&r, T_SEED, 2);
    for (rep = 0; rep < 60; rep++) {
        int N = 1 + (int)ebim_rng_below(&r, MOST), M = 1 + (int)ebim_rng_below(&r, MOST);
        int whole = rep % 2; /* with many ties */
        for (i = 0; i < N; i++) x[i] = whole ? ebim_rng_below(&r, 9) : (double)ebim_rng_normal(&r);
        for (i = 0; i < M; i++) y[i] = whole ? ebim_rng_below(&r, 9) : (double)ebim_rng_normal(&r);
        draw_weights(&r, N, a);
        draw_weights(&r, M, b);
        CHECK_NEAR(metrics_transport(N, x, a, M, y, b, 1, 1, &gap), on_a_line(N, x, a, M, y, b),
                   1e-11);
        CHECK_NEAR(gap, 0, 1e-10);
    }
}

/* Equal weights are an assignment, and repeated points may share theirs out. */
static void transport_of_equal_weights_is_an_assignment(void)
{
    enum { N = 60 };
    double x[3 * N], y[3 * N], one[N], half[2 * N], twice[6 * N], cost[N * N], gap = 1, want;
    ebim_rng r;
    int power, i, j, c;
    ebim_rng_init(&r, T_SEED, 3);
    for (power = 1; power <= 2; power++) {
        for (i = 0; i < 3 * N; i++) {
            x[i] = (double)ebim_rng_normal(&r);
            y[i] = 1 + (double)ebim_rng_normal(&r);
            twice[i] = twice[3 * N + i] = y[i];
        }
        for (i = 0; i < N; i++) one[i] = 1;
        for (i = 0; i < 2 * N; i++) half[i] = 0.5;
        for (i = 0; i < N; i++)
            for (j = 0; j < N; j++) {
                double d2 = 0;
                for (c = 0; c < 3; c++) d2 += pow(x[3 * i + c] - y[3 * j + c], 2);
                cost[i * N + j] = power == 1 ? sqrt(d2) : d2;
            }
        want = metrics_assign(N, cost, &gap);
        CHECK_NEAR(metrics_transport(N, x, one, N, y, one, 3, power, &gap), want, 1e-10);
        CHECK_NEAR(gap, 0, 1e-9);
        CHECK_NEAR(metrics_transport(N, x, one, 2 * N, twice, half, 3, power, &gap), want, 1e-10);
        CHECK_NEAR(gap, 0, 1e-9);
        CHECK_NEAR(metrics_transport(N, x, one, N, x, one, 3, power, &gap), 0, 1e-10);
    }
}

/* A plan that is not the least shows: where nothing is improved, everything goes from its place
 * in one order to its place in another, and the duals allow for the gap that there is. */
static void the_gap_tells_of_a_bad_plan(void)
{
    enum { N = 40 };
    double x[3 * N], y[3 * N], one[N], gap = 1, least, total, dual;
    metrics_transport_tree s;
    ebim_rng r;
    int i;
    ebim_rng_init(&r, T_SEED, 4);
    for (i = 0; i < 3 * N; i++) {
        x[i] = (double)ebim_rng_normal(&r);
        y[i] = (double)ebim_rng_normal(&r);
    }
    for (i = 0; i < N; i++) one[i] = 1.0 / N;
    least = metrics_transport(N, x, one, N, y, one, 3, 1, &gap);
    memset(&s, 0, sizeof s);
    s.from.total = s.to.total = N;
    s.n = 3;
    s.power = 1;
    if (!CHECK(metrics__room(&s) && metrics__order(&s, x, one, y, one))) return;
    metrics__first_plan(&s);
    metrics__cells(&s.from, 3, -1);
    metrics__cells(&s.to, 3, -1);
    metrics__begin(&s);
    total = metrics__potentials(&s);
    dual = metrics__dual(&s);
    CHECK(total > least * 1.05);
    CHECK(dual <= least + 1e-12);
    CHECK_NEAR(gap, 0, 1e-12);
    metrics__release(&s);
}

/* POT's exact solver, and SciPy's linear program, on points of a small generator: metrics.py */
static void transport_agrees_with_pot(void)
{
    enum { MOST = 400 };
    static double x[3 * MOST], y[3 * MOST], a[MOST], b[MOST];
    size_t k;
    for (k = 0; k < sizeof golden_transport / sizeof *golden_transport; k++) {
        const golden_metric *g = &golden_transport[k];
        uint32_t state = (uint32_t)k + 1;
        double gap = 1, sum;
        int i;
        for (i = 0; i < g->N * g->n; i++) x[i] = golden_uniform(&state);
        for (i = 0; i < g->M * g->n; i++) y[i] = golden_uniform(&state) * 1.5;
        for (sum = 0, i = 0; i < g->N; i++) sum += a[i] = 0.01 + golden_uniform(&state);
        for (i = 0; i < g->N; i++) a[i] /= sum;
        for (sum = 0, i = 0; i < g->M; i++) sum += b[i] = 0.01 + golden_uniform(&state);
        for (i = 0; i < g->M; i++) b[i] /= sum;
        CHECK_NEAR(metrics_transport(g->N, x, a, g->M, y, b, g->n, g->power, &gap), g->cost, 1e-11);
        CHECK_NEAR(gap, 0, 1e-10);
    }
}

/* Means of cells, however many points they hold; centres; what is outside does not count. */
static void a_grid_holds_means(void)
{
    static const double lo[2] = {-1, 0}, hi[2] = {1, 4};
    static const double at[6][2] = {{-0.9, 0.1}, {-0.6, 0.9}, {0.9, 3.9},
                                    {1.0, 1},    {0, -0.1},   {0.1, 2}};
    static const double density[6] = {1, 3, 5, 100, 100, 1};
    double x[32], w[16];
    metrics_grid g;
    int i;
    if (!CHECK(metrics_grid_open(&g, 2, 4, lo, hi))) return;
    for (i = 0; i < 6; i++) metrics_grid_add(&g, at[i], density[i]);
    if (!CHECK_INT(metrics_grid_masses(&g, x, w), 3)) return;
    CHECK_NEAR(w[0], 2.0 / 8, 1e-15); /* the mean of 1 and 3 */
    CHECK_NEAR(x[0], -0.75, 1e-15);
    CHECK_NEAR(x[1], 0.5, 1e-15);
    CHECK_NEAR(w[1], 1.0 / 8, 1e-15);
    CHECK_NEAR(x[2], 0.25, 1e-15);
    CHECK_NEAR(x[3], 2.5, 1e-15);
    CHECK_NEAR(w[2], 5.0 / 8, 1e-15);
    CHECK_NEAR(x[5], 3.5, 1e-15);
    metrics_grid_close(&g);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(assignments_are_the_least);
    T_RUN(on_a_line_it_is_the_sorted_pairs);
    T_RUN(transport_of_weights_on_a_line);
    T_RUN(transport_of_equal_weights_is_an_assignment);
    T_RUN(the_gap_tells_of_a_bad_plan);
    T_RUN(transport_agrees_with_pot);
    T_RUN(a_grid_holds_means);
    return T_END();
}
