/* Uniform points and volumes by random lines, on surfaces known exactly. F is never a distance.
 * Statistical checks use 5 standard errors or a p-value of 1e-6: false alarms below 1e-6 each. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

#define PI 3.14159265358979323846

static const double low[5] = {-2, -2, -2, -2, -2}, high[5] = {2, 2, 2, 2, 2};

/* (|x|^2 - r^2) e^(x0 / 2) for r in the list at user, multiplied; ends with r = 0 */
static ebim_ref spheres(ebim_graph *g, ebim_ref x, void *user)
{
    const double *r = (const double *)user;
    ebim_ref y = ebim_apply(g, ebim_scale(g, ebim_slice(g, x, 0, 1), 0.5), EBIM_FN_EXP);
    for (; *r > 0; r++) {
        double r2 = *r * *r;
        y = ebim_mul(g, y, ebim_sub(g, ebim_sumsq(g, x), ebim_constant(g, 1, &r2)));
    }
    return y;
}

/* (|(x, y)| - 1)^2 + z^2 - 1/4, R = 1, r = 1/2 */
static ebim_ref torus(ebim_graph *g, ebim_ref x, void *user)
{
    double one = 1, r2 = 0.25;
    ebim_ref ring = ebim_apply(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), EBIM_FN_SQRT);
    ebim_ref d = ebim_sub(g, ring, ebim_constant(g, 1, &one));
    (void)user;
    return ebim_sub(g, ebim_add(g, ebim_sumsq(g, d), ebim_sumsq(g, ebim_slice(g, x, 2, 1))),
                    ebim_constant(g, 1, &r2));
}

/* (x / 1.5)^2 + (y / 0.5)^2 - 1 */
static ebim_ref ellipse(ebim_graph *g, ebim_ref x, void *user)
{
    const double axes[4] = {1 / 1.5, 0, 0, 2}, one = 1;
    (void)user;
    return ebim_sub(g, ebim_sumsq(g, ebim_matrix(g, x, 2, axes)), ebim_constant(g, 1, &one));
}

/* Circles of radius 0.9 and 0.3: shares by length are 3 to 1. */
static ebim_ref unequal_circles(ebim_graph *g, ebim_ref x, void *user)
{
    const double left[2] = {-1, 0}, right[2] = {1.2, 0}, a = 0.81, b = 0.09;
    ebim_ref u = ebim_sub(g, ebim_sumsq(g, ebim_affine(g, x, left, 1)), ebim_constant(g, 1, &a));
    ebim_ref v = ebim_sub(g, ebim_sumsq(g, ebim_affine(g, x, right, 1)), ebim_constant(g, 1, &b));
    (void)user;
    return ebim_mul(g, u, v);
}

static ebim_ref two_outputs(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_slice(g, x, 0, 2);
}

typedef struct surface {
    ebim_graph g;
    ebim_lines *s;
    ebim_lines_desc d;
} surface;

static int setup(surface *p, ebim_arena *a, int n, ebim_record_fn f, const double *radii)
{
    static double copy[4];
    int i;
    for (i = 0; radii && i < 4; i++) copy[i] = radii[i];
    memset(p, 0, sizeof *p);
    p->d.lo = low;
    p->d.hi = high;
    return CHECK_INT(ebim_record(&p->g, a, n, f, copy), EBIM_OK) &&
           CHECK_INT(ebim_lines_init(&p->s, a, &p->g, &p->d), EBIM_OK);
}

static void check_volume(int n, ebim_record_fn f, const double *radii, double truth)
{
    ebim_arena a = arena();
    surface p;
    ebim_lines_report r;
    int lines = T_QUICK ? 2000 : 20000;
    if (!setup(&p, &a, n, f, radii)) return;
    CHECK_INT(ebim_lines_run(p.s, lines, 0, NULL, T_SEED, 0), 0);
    r = ebim_lines_stats(p.s);
    CHECK_INT(r.lines, lines);
    CHECK_NEAR(r.volume, truth, 5 * r.volume_se);
    CHECK(r.volume_se < (T_QUICK ? 0.25 : 0.08) * truth);
}

static void volumes(void)
{
    static const double one[4] = {1, 0, 0, 0}, two[4] = {1, 0.5, 0, 0}, big[4] = {1.9, 0, 0, 0};
    check_volume(2, spheres, one, 2 * PI);
    check_volume(2, spheres, two, 3 * PI);
    check_volume(2, spheres, big, 3.8 * PI);
    check_volume(3, spheres, one, 4 * PI);
    check_volume(4, spheres, one, 2 * PI * PI);
    check_volume(3, torus, NULL, 2 * PI * PI);
    check_volume(2, ellipse, NULL, ellipse_length());
    check_volume(2, unequal_circles, NULL, 2.4 * PI);
}

/* The error must be as large as it says: the mean square of (estimate - truth) / error over runs
 * is 1 but for sqrt(2 / runs), and for the error's own error; 5 standard deviations. */
static void standard_errors_are_true(void)
{
    static const double one[4] = {1, 0, 0, 0};
    double sum = 0;
    int run, runs = T_QUICK ? 20 : 200;
    for (run = 0; run < runs; run++) {
        ebim_arena a = arena();
        surface p;
        ebim_lines_report r;
        if (!setup(&p, &a, 2, spheres, one)) return;
        ebim_lines_run(p.s, 300, 0, NULL, T_SEED + 1, (uint64_t)(run * 300));
        r = ebim_lines_stats(p.s);
        sum += (r.volume - 2 * PI) * (r.volume - 2 * PI) / (r.volume_se * r.volume_se) / runs;
    }
    CHECK_NEAR(sum, 1, 5 * sqrt(2.0 / runs) + 0.05);
}

/* Angles of B points in bins of equal length of arc: chi-square against uniform. */
static void points_are_uniform(void)
{
    static const double one[4] = {1, 0, 0, 0};
    static ebim_real x[20000][3];
    ebim_arena a = arena();
    surface p;
    double chi = 0, mean = 0, height = 0;
    int B = T_QUICK ? 2000 : 20000, b, bin[32] = {0}, i;
    if (!setup(&p, &a, 2, spheres, one)) return;
    if (!CHECK_INT(ebim_lines_uniform(p.s, B, x[0], T_SEED), B)) return;
    for (b = 0; b < B; b++) {
        const ebim_real *y = &x[0][0] + 2 * b;
        CHECK_NEAR(hypot((double)y[0], (double)y[1]), 1, 64 * T_EPS);
        bin[(int)((atan2((double)y[1], (double)y[0]) / PI + 1) * 15.9999)]++;
    }
    for (i = 0; i < 32; i++) chi += (bin[i] - B / 32.0) * (bin[i] - B / 32.0) / (B / 32.0);
    CHECK(chi < 77); /* 31 degrees of freedom: p = 1e-5; pairs on a line make it no larger */
    a = arena();
    if (!setup(&p, &a, 3, torus, NULL)) return;
    if (!CHECK_INT(ebim_lines_uniform(p.s, B, x[0], T_SEED), B)) return;
    for (b = 0; b < B; b++) mean += (hypot((double)x[b][0], (double)x[b][1]) - 1) / 0.5 / B;
    for (b = 0; b < B; b++) height += (double)x[b][2] / B;
    CHECK_NEAR(mean, 0.25, 5 * 0.66 / sqrt(B)); /* E[cos psi] = r / (2 R), by the area */
    CHECK_NEAR(height, 0, 5 * 0.36 / sqrt(B));
}

/* Of a sphere of R^5 in a box of unlike sides that is not round its centre: the volume, and means
 * and products of coordinates, which are 0 (of lines that enter by one side of each axis, or by one
 * face alone, they are not). */
static void uneven_boxes_are_fair(void)
{
    static const double one[4] = {1, 0, 0, 0};
    static const double lo[5] = {-1.1, -2, -1.05, -3, -1.2}, hi[5] = {1.5, 1.1, 1.2, 1.1, 1.1};
    static ebim_real x[20000][5];
    ebim_arena a = arena();
    surface p;
    ebim_lines_report r;
    int B = T_QUICK ? 5000 : 20000, b, i, j;
    if (!setup(&p, &a, 5, spheres, one)) return;
    p.d.lo = lo;
    p.d.hi = hi;
    if (!CHECK_INT(ebim_lines_init(&p.s, &a, &p.g, &p.d), EBIM_OK)) return;
    if (!CHECK_INT(ebim_lines_uniform(p.s, B, x[0], T_SEED), B)) return;
    r = ebim_lines_stats(p.s);
    CHECK_NEAR(r.volume, 8 * PI * PI / 3, 5 * r.volume_se);
    for (i = 0; i < 5; i++)
        for (j = -1; j < i; j++) { /* variances 1 / 5, 1 / 35; twice: roots come in pairs */
            double mean = 0;
            for (b = 0; b < B; b++)
                mean += (double)x[b][i] * (j < 0 ? 1 : (double)x[b][j]) / B;
            CHECK_NEAR(mean, 0, 5 * sqrt(2 / (j < 0 ? 5.0 : 35.0) / B));
        }
}

/* By length: 3 to 1, although a line through the box meets either circle in two points. */
static void components_get_their_share(void)
{
    static ebim_real x[8000][2];
    ebim_arena a = arena();
    surface p;
    int B = T_QUICK ? 1000 : 8000, b, left = 0;
    if (!setup(&p, &a, 2, unequal_circles, NULL)) return;
    if (!CHECK_INT(ebim_lines_uniform(p.s, B, x[0], T_SEED), B)) return;
    for (b = 0; b < B; b++) left += (double)x[b][0] < 0.4;
    CHECK_NEAR(left / (double)B, 0.75, 5 * sqrt(2 * 0.75 * 0.25 / B)); /* 2: roots come in pairs */
}

/* Sheets much closer than the grid: radii 1 and 1.004 with a grid of 0.12. */
static void close_pairs_are_found(void)
{
    static const double pair[4] = {1, 1.004, 0, 0};
    ebim_arena a = arena();
    surface p;
    ebim_lines_report r;
    if (!setup(&p, &a, 2, spheres, pair)) return;
    ebim_lines_run(p.s, 4000, 0, NULL, T_SEED, 0);
    r = ebim_lines_stats(p.s);
    CHECK_NEAR(r.volume, 2 * PI * 2.004, 5 * r.volume_se);
    CHECK(r.halved > 4000);
    CHECK_INT(r.roots % 2, 0);
}

/* Three roots in an interval whose ends have unlike signs: a grid 16 times as fine has no more. */
static void close_triples_are_found(void)
{
    static const double three[4] = {0.98, 1, 1.02, 0};
    ebim_arena a = arena();
    surface p, fine;
    int64_t roots;
    if (!setup(&p, &a, 2, spheres, three)) return;
    fine = p;
    fine.d.grid = 768;
    if (!CHECK_INT(ebim_lines_init(&fine.s, &a, &fine.g, &fine.d), EBIM_OK)) return;
    ebim_lines_run(p.s, 4000, 0, NULL, T_SEED, 0);
    ebim_lines_run(fine.s, 4000, 0, NULL, T_SEED, 0);
    roots = ebim_lines_stats(fine.s).roots;
    CHECK_NEAR((double)ebim_lines_stats(p.s).roots, (double)roots, 1e-3 * (double)roots);
}

static void box_cuts(void)
{
    static const double one[4] = {1, 0, 0, 0}, half_lo[2] = {0, -2}, half_hi[2] = {2, 2};
    static ebim_real x[500][2];
    ebim_arena a = arena();
    surface p;
    ebim_lines_report r;
    int b;
    if (!setup(&p, &a, 2, spheres, one)) return;
    p.d.lo = half_lo;
    p.d.hi = half_hi;
    if (!CHECK_INT(ebim_lines_init(&p.s, &a, &p.g, &p.d), EBIM_OK)) return;
    CHECK_INT(ebim_lines_uniform(p.s, 500, x[0], T_SEED), 500);
    for (b = 0; b < 500; b++) CHECK((double)x[b][0] > -64 * T_EPS);
    r = ebim_lines_stats(p.s);
    CHECK_NEAR(r.volume, PI, 5 * r.volume_se);
}

static void nothing_there(void)
{
    static const double far[4] = {5, 0, 0, 0};
    static ebim_real x[10][2];
    ebim_arena a = arena();
    surface p;
    ebim_lines_report r;
    if (!setup(&p, &a, 2, spheres, far)) return;
    CHECK_INT(ebim_lines_run(p.s, 500, 10, x[0], T_SEED, 0), 0);
    r = ebim_lines_stats(p.s);
    CHECK_INT(r.roots, 0);
    CHECK_NEAR(r.volume, 0, 0);
}

static ebim_ref root_of_x(ebim_graph *g, ebim_ref x, void *user)
{
    double half = 0.5; /* sqrt(x0) - 1/2: not a number on the left half of the box */
    (void)user;
    return ebim_sub(g, ebim_apply(g, ebim_slice(g, x, 0, 1), EBIM_FN_SQRT),
                    ebim_constant(g, 1, &half));
}

static void not_a_number_is_no_surface(void)
{
    static ebim_real x[100][2];
    ebim_arena a = arena();
    surface p;
    int b;
    if (!setup(&p, &a, 2, root_of_x, NULL)) return;
    CHECK_INT(ebim_lines_uniform(p.s, 100, x[0], T_SEED), 100);
    for (b = 0; b < 100; b++) CHECK_NEAR(x[b][0], 0.25, 64 * T_EPS);
}

/* The same lines in two runs or in one; the same seed, the same bytes; another seed, others. */
static void reproducible(void)
{
    static const double one[4] = {1, 0, 0, 0};
    static ebim_real x[3][64][2];
    ebim_arena a = arena();
    surface p;
    int64_t roots;
    if (!setup(&p, &a, 2, spheres, one)) return;
    ebim_lines_run(p.s, 100, 0, NULL, T_SEED, 0);
    ebim_lines_run(p.s, 77, 0, NULL, T_SEED, 100);
    roots = ebim_lines_stats(p.s).roots;
    ebim_lines_run(p.s, 177, 0, NULL, T_SEED, 0);
    CHECK_INT(ebim_lines_stats(p.s).roots, 2 * roots);
    CHECK_INT(ebim_lines_uniform(p.s, 64, x[0][0], T_SEED), 64);
    CHECK_INT(ebim_lines_uniform(p.s, 64, x[1][0], T_SEED), 64);
    CHECK_INT(ebim_lines_uniform(p.s, 64, x[2][0], T_SEED + 1), 64);
    CHECK(!memcmp(x[0], x[1], sizeof x[0]));
    CHECK(memcmp(x[0], x[2], sizeof x[0]));
}

/* What is kept is chosen among all roots: of the first 64 about 64 * 64 / 7000 should be left. */
static void kept_roots_are_a_fair_choice(void)
{
    static const double one[4] = {1, 0, 0, 0};
    static ebim_real x[2][64][2];
    ebim_arena a = arena();
    surface p;
    int i, j, same = 0;
    if (!setup(&p, &a, 2, spheres, one)) return;
    CHECK_INT(ebim_lines_run(p.s, 300, 64, x[0][0], T_SEED, 0), 64);
    CHECK_INT(ebim_lines_run(p.s, 10000, 64, x[1][0], T_SEED, 0), 64);
    for (i = 0; i < 64; i++)
        for (j = 0; j < 64; j++) same += !memcmp(x[0][i], x[1][j], sizeof x[0][0]);
    CHECK(same < 12);
}

static void refuses(void)
{
    static const double one[4] = {1, 0, 0, 0};
    ebim_arena a = arena(), small;
    double flat[sizeof high / sizeof *high];
    surface p;
    ebim_graph k2;
    size_t bytes;
    if (!setup(&p, &a, 2, spheres, one)) return;
    CHECK_INT(ebim_record(&k2, &a, 3, two_outputs, NULL), EBIM_OK);
    CHECK_INT(ebim_lines_init(&p.s, &a, &k2, &p.d), EBIM_ERR_SHAPE);
    CHECK(p.s == NULL);
    p.d.grid = -1;
    CHECK_INT(ebim_lines_init(&p.s, &a, &p.g, &p.d), EBIM_ERR_ARG);
    p.d.grid = 0;
    p.d.hi = low;
    CHECK_INT(ebim_lines_init(&p.s, &a, &p.g, &p.d), EBIM_ERR_ARG);
    memcpy(flat, high, sizeof flat);
    flat[1] = low[1];
    p.d.hi = flat;
    CHECK_INT(ebim_lines_init(&p.s, &a, &p.g, &p.d), EBIM_ERR_ARG);
    p.d.hi = NULL;
    CHECK_INT(ebim_lines_init(&p.s, &a, &p.g, &p.d), EBIM_ERR_BOX);
    p.d.hi = high;
    ebim_arena_init(&small, NULL, 0);
    CHECK_INT(ebim_lines_init(&p.s, &small, &p.g, &p.d), EBIM_OK);
    CHECK(p.s == NULL);
    bytes = ebim_arena_bytes(&small);
    ebim_arena_init(&small, memory + (1 << 17), bytes - 1);
    CHECK_INT(ebim_lines_init(&p.s, &small, &p.g, &p.d), EBIM_ERR_MEMORY);
    ebim_arena_init(&small, memory + (1 << 17), bytes);
    CHECK_INT(ebim_lines_init(&p.s, &small, &p.g, &p.d), EBIM_OK);
    CHECK(p.s != NULL);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(volumes);
    T_RUN(standard_errors_are_true);
    T_RUN(points_are_uniform);
    T_RUN(uneven_boxes_are_fair);
    T_RUN(components_get_their_share);
    T_RUN(close_pairs_are_found);
    T_RUN(close_triples_are_found);
    T_RUN(box_cuts);
    T_RUN(nothing_there);
    T_RUN(not_a_number_is_no_surface);
    T_RUN(reproducible);
    T_RUN(kept_roots_are_a_fair_choice);
    T_RUN(refuses);
    return T_END();
}
