/* Volumes by lines and by charts, their intervals, the law of points from charts, and connected
 * components, on manifolds known exactly. F is never a distance.
 *
 * Statistical checks: a mean or an estimate within 5 standard errors (false alarms 6e-7). Of
 * intervals of 1.96 standard errors 93 to 97 % have to cover the truth in 2000 repetitions: four
 * standard deviations of that share (6e-5); fewer repetitions, in proportion wider. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

#define PI 3.14159265358979323846

static double second[1 << 18];

/* Warped product of |x|^2 - r^2 for r in the list at user, which ends with 0. */
static ebim_ref spheres(ebim_graph *g, ebim_ref x, void *user)
{
    const double *r = (const double *)user;
    ebim_ref y = minus(g, ebim_sumsq(g, x), *r * *r);
    while (*++r > 0) y = ebim_mul(g, y, minus(g, ebim_sumsq(g, x), *r * *r));
    return warp(g, x, y);
}

/* Discs of radii r0 and r1 at -d and d on the axis: user has r0, r1, d. */
static ebim_ref discs(ebim_graph *g, ebim_ref x, void *user)
{
    const double *r = (const double *)user;
    double a[2] = {0, 0}, b[2] = {0, 0};
    a[0] = -r[2];
    b[0] = r[2];
    return ebim_mul(g, minus(g, ebim_sumsq(g, ebim_affine(g, x, a, 1)), r[0] * r[0]),
                    minus(g, ebim_sumsq(g, ebim_affine(g, x, b, 1)), r[1] * r[1]));
}

/* (|(x, y)| - 1)^2 + z^2 - 1/4, warped: R = 1, r = 1/2 */
static ebim_ref torus(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref ring = ebim_apply(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), EBIM_FN_SQRT);
    ebim_ref d = minus(g, ring, 1), z = ebim_slice(g, x, 2, 1);
    (void)user;
    return warp(g, x, minus(g, ebim_add(g, ebim_sumsq(g, d), ebim_sumsq(g, z)), 0.25));
}

static ebim_ref ellipse(ebim_graph *g, ebim_ref x, void *user)
{
    const double axes[4] = {1 / 1.5, 0, 0, 2};
    (void)user;
    return warp(g, x, minus(g, ebim_sumsq(g, ebim_matrix(g, x, 2, axes)), 1));
}

/* A closed curve in space: u = x^2 + y^2 + 0.3 z - 1 = 0 and v = z - 0.4 x y = 0; F is u, warped,
 * and v + 0.3 u. */
static ebim_ref curve(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref z = ebim_slice(g, x, 2, 1), xy = ebim_mul(g, ebim_slice(g, x, 0, 1),
                                                      ebim_slice(g, x, 1, 1));
    ebim_ref u = minus(g, ebim_add(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)),
                                   ebim_scale(g, z, 0.3)), 1);
    ebim_ref v = ebim_sub(g, z, ebim_scale(g, xy, 0.4));
    (void)user;
    return ebim_concat(g, warp(g, x, u), ebim_add(g, v, ebim_scale(g, u, 0.3)));
}

/* Of `curve`, from the angle 0 to N of N equal steps: (x, y) = r (cos, sin) with
 * r^2 (1 + 0.06 sin 2 angle) = 1. */
static double curve_length(int steps, int N)
{
    double sum = 0;
    int i;
    for (i = 0; i < steps; i++) {
        double t = 2 * PI * (i + 0.5) / N, q = 1 + 0.06 * sin(2 * t), r = 1 / sqrt(q);
        double dr = -0.06 * cos(2 * t) * r / q, x = r * cos(t), y = r * sin(t);
        double dx = dr * cos(t) - y, dy = dr * sin(t) + x, dz = 0.4 * (dx * y + x * dy);
        sum += sqrt(dx * dx + dy * dy + dz * dz);
    }
    return 2 * PI / N * sum;
}

/* Rotation by Euler angles, as 9 numbers. */
static void rotation(const double *t, double *R)
{
    double c[3], s[3];
    int i;
    for (i = 0; i < 3; i++) {
        c[i] = cos(t[i]);
        s[i] = sin(t[i]);
    }
    R[0] = c[0] * c[1] * c[2] - s[0] * s[2];
    R[1] = -c[0] * c[1] * s[2] - s[0] * c[2];
    R[2] = c[0] * s[1];
    R[3] = s[0] * c[1] * c[2] + c[0] * s[2];
    R[4] = -s[0] * c[1] * s[2] + c[0] * c[2];
    R[5] = s[0] * s[1];
    R[6] = -s[1] * c[2];
    R[7] = s[1] * s[2];
    R[8] = c[1];
}

/* Volume element of the rotations as a surface in R^9, by central differences. */
static double rotation_element(const double *t)
{
    double d[3][9], G[3][3], plus[9], less[9], h = 1e-4;
    int i, j, q;
    for (i = 0; i < 3; i++) {
        double u[3];
        memcpy(u, t, sizeof u);
        u[i] = t[i] + h;
        rotation(u, plus);
        u[i] = t[i] - h;
        rotation(u, less);
        for (q = 0; q < 9; q++) d[i][q] = (plus[q] - less[q]) / (2 * h);
    }
    for (i = 0; i < 3; i++)
        for (j = 0; j < 3; j++)
            for (q = 0, G[i][j] = 0; q < 9; q++) G[i][j] += d[i][q] * d[j][q];
    return sqrt(fabs(G[0][0] * (G[1][1] * G[2][2] - G[1][2] * G[2][1]) -
                     G[0][1] * (G[1][0] * G[2][2] - G[1][2] * G[2][0]) +
                     G[0][2] * (G[1][0] * G[2][1] - G[1][1] * G[2][0])));
}

/* Both components of O(3) in the Frobenius metric, by the midpoint rule over the angles. */
static double orthogonal_volume(void)
{
    double sum = 0, t[3];
    int a, b, c, A = 8, N = 200;
    for (a = 0; a < A; a++)
        for (b = 0; b < N; b++)
            for (c = 0; c < A; c++) {
                t[0] = 2 * PI * (a + 0.5) / A;
                t[1] = PI * (b + 0.5) / N;
                t[2] = 2 * PI * (c + 0.5) / A;
                sum += rotation_element(t);
            }
    return 2 * sum * (2 * PI / A) * (PI / N) * (2 * PI / A);
}

typedef struct problem {
    ebim_graph g;
    ebim_arena a;
    size_t used;            /* of the arena, by the graph */
    double lo[9], hi[9], user[4];
    ebim_lines *lines;
    ebim_charts *charts;
} problem;

/* p: F on the box -half .. half; its objects are made by whoever needs them. */
static int setup(problem *p, int n, ebim_record_fn f, double r0, double r1, double d, double half)
{
    int i;
    memset(p, 0, sizeof *p);
    p->a = arena();
    p->user[0] = r0;
    p->user[1] = r1;
    p->user[2] = d;
    for (i = 0; i < n; i++) {
        p->lo[i] = -half;
        p->hi[i] = half;
    }
    if (!CHECK_INT(ebim_record(&p->g, &p->a, n, f, p->user), EBIM_OK)) return 0;
    p->used = p->a.used;
    return 1;
}

/* Charts that grow from noise in the box */
static int make_charts(problem *p, int most)
{
    ebim_charts_desc d;
    memset(&d, 0, sizeof d);
    d.lo = p->lo;
    d.hi = p->hi;
    d.most = most;
    d.seed = T_SEED;
    p->a.used = p->used;
    if (!CHECK_INT(ebim_charts_init(&p->charts, &p->a, &p->g, &d), EBIM_OK)) return 0;
    return CHECK(ebim_charts_cover(p->charts, 0, NULL) > 0) &
           CHECK_INT(ebim_charts_stats(p->charts).covered, 1);
}

static int make_lines(problem *p, int grid)
{
    ebim_lines_desc d;
    memset(&d, 0, sizeof d);
    d.lo = p->lo;
    d.hi = p->hi;
    d.grid = grid;
    p->a.used = p->used;
    return CHECK_INT(ebim_lines_init(&p->lines, &p->a, &p->g, &d), EBIM_OK);
}

typedef struct tally { /* of repetitions */
    double truth, sum, squares;
    int runs, covered;
} tally;

static void count(tally *t, double volume, double se)
{
    t->runs++;
    t->sum += volume;
    t->squares += se * se;
    t->covered += fabs(volume - t->truth) <= 1.96 * se;
}

/* The mean of all runs is the truth, and 95 % of the intervals hold it. */
static void judge(const tally *t, const char *name)
{
    double mean = t->sum / t->runs, se = sqrt(t->squares) / t->runs;
    double share = (double)t->covered / t->runs, wide = 0.02 * sqrt(2000.0 / t->runs);
    if (!(CHECK_NEAR(mean, t->truth, 5 * se) & CHECK_NEAR(share, 0.95, wide)))
        printf("  %s: %.1f %% of %d intervals cover, mean / truth - 1 = %.4f +- %.4f\n", name,
               100 * share, t->runs, mean / t->truth - 1, se / t->truth);
}

static void repeat_lines(const char *name, problem *p, int lines, double truth)
{
    tally t = {0, 0, 0, 0, 0};
    int i, runs = T_QUICK ? 200 : 2000;
    t.truth = truth;
    for (i = 0; i < runs; i++) {
        ebim_lines_report r;
        if (!make_lines(p, 16)) return;
        ebim_lines_run(p->lines, lines, 0, NULL, T_SEED, (uint64_t)i * (uint64_t)lines);
        r = ebim_lines_stats(p->lines);
        count(&t, r.volume, r.volume_se);
    }
    judge(&t, name);
}

static void intervals_of_lines(void)
{
    static problem p;
    if (setup(&p, 2, spheres, 1, 0, 0, 2)) repeat_lines("circle", &p, 200, 2 * PI);
    if (setup(&p, 2, spheres, 1, 0.5, 0, 1.5)) repeat_lines("two circles", &p, 200, 3 * PI);
    if (setup(&p, 2, ellipse, 0, 0, 0, 2)) repeat_lines("ellipse", &p, 200, ellipse_length());
    if (setup(&p, 3, spheres, 1, 0, 0, 1.1)) repeat_lines("sphere", &p, 200, 4 * PI);
    if (setup(&p, 3, torus, 0, 0, 0, 1.6)) repeat_lines("torus", &p, 300, 2 * PI * PI);
}

static ebim_real drawn[4096 * 9], log_q[4096];

static void repeat_charts(const char *name, problem *p, int draws, double truth)
{
    tally t = {0, 0, 0, 0, 0};
    int i, b, runs = T_QUICK ? 200 : 2000;
    if (!make_charts(p, 2500)) return;
    t.truth = truth;
    for (i = 0; i < runs; i++) {
        double sum = 0, square = 0;
        int have = ebim_charts_run(p->charts, draws, drawn, log_q, T_SEED,
                                   (uint64_t)i * (uint64_t)draws);
        for (b = 0; b < have; b++) {
            sum += exp(-(double)log_q[b]) / draws;
            square += exp(-2 * (double)log_q[b]) / draws;
        }
        count(&t, sum, sqrt(fmax(square - sum * sum, 0) / (draws - 1)));
    }
    judge(&t, name);
    CHECK_REL(ebim_charts_stats(p->charts).volume, t.sum / runs, 1e-4);
    CHECK_INT(ebim_charts_stats(p->charts).draws, (int64_t)runs * draws);
    CHECK(ebim_charts_stats(p->charts).effective > 0.7 * runs * draws);
}

/* In codimension 1, 2 and 6; two sheets a tenth apart; what the box leaves of a sphere */
static void intervals_of_charts(void)
{
    static problem p;
    if (setup(&p, 2, spheres, 1, 0, 0, 1.5)) repeat_charts("circle", &p, 200, 2 * PI);
    if (setup(&p, 3, torus, 0, 0, 0, 1.6)) repeat_charts("torus", &p, 200, 2 * PI * PI);
    if (setup(&p, 3, curve, 0, 0, 0, 1.5))
        repeat_charts("curve", &p, 200, curve_length(4000, 4000));
    if (setup(&p, 3, spheres, 1, 1.1, 0, 1.5))
        repeat_charts("two spheres", &p, 200, 4 * PI * 2.21);
    if (!setup(&p, 3, spheres, 1, 0, 0, 1.5)) return;
    p.lo[2] = 0.3;
    repeat_charts("cap", &p, 200, 2 * PI * 0.7);
}

static void orthogonal_group(void)
{
    static problem p;
    ebim_charts_report r;
    double volume = 32 * sqrt(2.0) * PI * PI;
    CHECK_REL(orthogonal_volume(), volume, 1e-4);
    if (!setup(&p, 9, orthogonal, 0, 0, 0, 1.35) || !make_charts(&p, 2500)) return;
    ebim_charts_run(p.charts, 4096, drawn, log_q, T_SEED, 0);
    r = ebim_charts_stats(p.charts);
    CHECK_NEAR(r.volume, volume, 5 * r.volume_se);
    CHECK(r.volume_se < 0.005 * volume);
}

/* Pairs of numbers: each on its circle */
static ebim_ref circles(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = minus(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), 1);
    int i;
    (void)user;
    for (i = 2; i < 8; i += 2)
        y = ebim_concat(g, y, minus(g, ebim_sumsq(g, ebim_slice(g, x, i, 2)), 1));
    return y;
}

/* The unit sphere of the first five coordinates */
static ebim_ref sphere_in_five(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_concat(g, minus(g, ebim_sumsq(g, ebim_slice(g, x, 0, 5)), 1),
                       ebim_slice(g, x, 5, 1));
}

/* A sphere by few charts, and a flat torus of dimension 4 */
static void four_dimensions(void)
{
    static problem p;
    int i;
    for (i = 0; i < (T_QUICK || sizeof(ebim_real) > 4 ? 1 : 2); i++) {
        double volume = i ? 16 * PI * PI * PI * PI : 8 * PI * PI / 3;
        ebim_charts_report r;
        if (!setup(&p, i ? 8 : 6, i ? circles : sphere_in_five, 0, 0, 0, 1.2)) return;
        if (!make_charts(&p, i ? 0 : 300)) return;
        ebim_charts_run(p.charts, 4096, drawn, log_q, T_SEED, 0);
        r = ebim_charts_stats(p.charts);
        CHECK_NEAR(r.volume, volume, 5 * r.volume_se);
        CHECK(r.volume_se < 0.015 * volume);
        CHECK(r.effective > 0.7 * 4096);
    }
}

/* Integrals of functions over M by weights 1 / q: 32 pieces of a curve, equally long; the mean
 * cosine round a torus's tube, r / 2R by its area. */
static void points_have_their_density(void)
{
    static problem p;
    double sum[32] = {0}, square[32] = {0}, all = 0, mean = 0, spread = 0;
    double whole = curve_length(4000, 4000);
    int b, i, edge[33], have, draws = 4096;
    for (i = 0; i <= 32; i++) /* angles, in steps of 1/4000 turn, that cut it equally */
        for (edge[i] = i ? edge[i - 1] : 0; i && curve_length(edge[i], 4000) < whole * i / 32;)
            edge[i]++;
    if (!setup(&p, 3, curve, 0, 0, 0, 1.5) || !make_charts(&p, 1000)) return;
    have = ebim_charts_run(p.charts, draws, drawn, log_q, T_SEED, 0);
    for (b = 0; b < have; b++) {
        double t = atan2((double)drawn[3 * b + 1], (double)drawn[3 * b]) / (2 * PI);
        t = 4000 * (t < 0 ? t + 1 : t);
        for (i = 0; i < 31 && t >= edge[i + 1]; i++) {}
        sum[i] += exp(-(double)log_q[b]) / draws;
        square[i] += exp(-2 * (double)log_q[b]) / draws;
    }
    for (i = 0; i < 32; i++)
        CHECK_NEAR(sum[i], whole / 32, 5 * sqrt((square[i] - sum[i] * sum[i]) / draws) + 2e-3);
    if (!setup(&p, 3, torus, 0, 0, 0, 1.6) || !make_charts(&p, 1000)) return;
    have = ebim_charts_run(p.charts, draws, drawn, log_q, T_SEED, 0);
    for (b = 0; b < have; b++) {
        double c = (hypot((double)drawn[3 * b], (double)drawn[3 * b + 1]) - 1) / 0.5;
        double w = exp(-(double)log_q[b]);
        all += w;
        mean += w * c;
        spread += w * w * (c - 0.25) * (c - 0.25);
    }
    CHECK_NEAR(mean / all, 0.25, 5 * sqrt(spread) / all);
}

/* Even draws of a curve: as right as independent ones, and their volumes differ by far less. */
static void even_draws(void)
{
    static problem p;
    double truth = curve_length(4000, 4000), mean[2] = {0, 0}, square[2] = {0, 0};
    int even, i, b, runs = 100, draws = 400;
    if (!setup(&p, 3, curve, 0, 0, 0, 1.5) || !make_charts(&p, 1000)) return;
    for (even = 0; even < 2; even++)
        for (i = 0; i < runs; i++) {
            double sum = 0;
            int have = ebim__charts_take(p.charts, draws, drawn, log_q, (uint64_t)i, 0, even);
            for (b = 0; b < have; b++) sum += exp(-(double)log_q[b]) / draws;
            mean[even] += sum / runs;
            square[even] += (sum - truth) * (sum - truth) / runs;
        }
    CHECK_NEAR(mean[1], truth, 5 * sqrt(square[1] / runs) + 1e-4 * truth);
    CHECK(square[1] < 0.25 * square[0]);
}

/* In two runs or in one, the same draws; the same seed, the same bytes; another seed, others. */
static void reproducible(void)
{
    static ebim_real x[3][1000 * 3], q[3][1000];
    static problem p;
    int i, have[3] = {0, 0, 0};
    if (!setup(&p, 3, curve, 0, 0, 0, 1.5)) return;
    for (i = 0; i < 3; i++) {
        if (!make_charts(&p, 1000)) return;
        if (i == 1) {
            have[i] = ebim_charts_run(p.charts, 333, x[i], q[i], T_SEED, 5);
            have[i] += ebim_charts_run(p.charts, 667, x[i] + 3 * have[i], q[i] + have[i], T_SEED,
                                       5 + 333);
        } else {
            have[i] = ebim_charts_run(p.charts, 1000, x[i], q[i], T_SEED + (i > 0), 5);
        }
    }
    CHECK_INT(have[0], have[1]);
    CHECK(!memcmp(x[0], x[1], sizeof x[0]) && !memcmp(q[0], q[1], sizeof q[0]));
    CHECK(memcmp(x[0], x[2], sizeof x[0]));
}

/* Charts that start on one of two circles do not know the other one. */
static void charts_stay_with_the_data(void)
{
    static problem p;
    static ebim_real x[100 * 2];
    ebim_charts_report r;
    int i;
    if (!setup(&p, 2, spheres, 1, 0.5, 0, 1.5) || !make_charts(&p, 500)) return;
    ebim_charts_run(p.charts, 2000, drawn, log_q, T_SEED, 0);
    r = ebim_charts_stats(p.charts);
    CHECK_NEAR(r.volume, 3 * PI, 5 * r.volume_se);
    for (i = 0; i < 100; i++) {
        x[2 * i] = (ebim_real)(0.51 * cos(i / 100.0));
        x[2 * i + 1] = (ebim_real)(0.49 * sin(i / 100.0));
    }
    CHECK(ebim_charts_cover(p.charts, 100, x) > 0);
    CHECK_INT(ebim_charts_stats(p.charts).draws, 0);
    CHECK_NEAR(ebim_charts_stats(p.charts).volume, 0, 0);
    ebim_charts_run(p.charts, 2000, drawn, log_q, T_SEED, 0);
    r = ebim_charts_stats(p.charts);
    CHECK_NEAR(r.volume, PI, 5 * r.volume_se);
}

/* Of 20 points three begin; the two on a circle of their own are on none of these charts. */
static void every_point_to_start_from_is_covered(void)
{
    static problem p;
    ebim_real x[20 * 2];
    ebim_charts_report r;
    int i;
    if (!setup(&p, 2, spheres, 1, 0.5, 0, 1.5) || !make_charts(&p, 500)) return;
    for (i = 0; i < 20; i++) {
        double radius = i < 18 ? 1 : 0.5, t = 2 * PI * i / 18;
        x[2 * i] = (ebim_real)(radius * cos(t));
        x[2 * i + 1] = (ebim_real)(radius * sin(t));
    }
    CHECK(ebim_charts_cover(p.charts, 20, x) > 0);
    ebim_charts_run(p.charts, 2000, drawn, log_q, T_SEED, 0);
    r = ebim_charts_stats(p.charts);
    CHECK_INT(r.covered, 1);
    CHECK_NEAR(r.volume, 3 * PI, 5 * r.volume_se);
}

/* sin(40 z) / 40: sheets 0.079 apart, a dozen of which cross each chart, on one of them */
static ebim_ref sheets(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref z = ebim_scale(g, ebim_slice(g, x, 2, 1), 40);
    (void)user;
    return ebim_scale(g, ebim_apply(g, z, EBIM_FN_SINE), 1 / 40.0);
}

static int never(void *user, const ebim_progress *now)
{
    (void)user;
    return now->done < 0;
}

/* A point asks the charts of its own sheet first, and not all those of the others: in the order of
 * their distances along the charts cover takes 2.8e8 multiplications here, of the first eight in
 * that order it never comes to an end, and covers nothing. */
static void charts_ask_their_own_sheet(void)
{
    enum { N = 600 };
    static problem p;
    static ebim_real x[N * 3];
    ebim_charts_desc d;
    ebim_watch watch;
    int i;
    memset(&watch, 0, sizeof watch);
    memset(&d, 0, sizeof d);
    watch.progress = never;
    if (!setup(&p, 3, sheets, 0, 0, 0, 1)) return;
    p.a.watch = &watch;
    d.lo = p.lo;
    d.hi = p.hi;
    d.seed = T_SEED;
    for (i = 0; i < N; i++) {
        x[3 * i] = (ebim_real)(2 * fmod(i * 0.7548776662, 1) - 1);
        x[3 * i + 1] = (ebim_real)(2 * fmod(i * 0.5698402910, 1) - 1);
        x[3 * i + 2] = (ebim_real)(PI / 40 * (i % 25 - 12));
    }
    if (!CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_OK)) return;
    CHECK(ebim_charts_cover(p.charts, N, x) < 600);
    CHECK_INT(ebim_charts_stats(p.charts).covered, 1);
    if (!CHECK(watch.work < 1.2e8)) printf("    %.3g multiplications\n", watch.work);
    ebim_charts_run(p.charts, 4000, drawn, log_q, T_SEED, 0);
    CHECK_NEAR(ebim_charts_stats(p.charts).volume, 100,
               5 * ebim_charts_stats(p.charts).volume_se);
}

static ebim_ref root_of_x(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user; /* sqrt(x0) - 1/2: not a number on the left half of the box */
    return minus(g, ebim_apply(g, ebim_slice(g, x, 0, 1), EBIM_FN_SQRT), 0.5);
}

static ebim_ref nowhere(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user; /* log(-1 - |x|^2) */
    return ebim_apply(g, minus(g, ebim_scale(g, ebim_sumsq(g, x), -1), 1), EBIM_FN_LOG);
}

static ebim_ref slope_of_x(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user; /* E = -x0 */
    return ebim_scale(g, ebim_slice(g, x, 0, 1), -1);
}

/* The integral of e^x over `curve`, and of x e^x: [2] */
static void curve_moments(double *out)
{
    int i, N = 20000;
    out[0] = out[1] = 0;
    for (i = 0; i < N; i++) {
        double t = 2 * PI * (i + 0.5) / N, q = 1 + 0.06 * sin(2 * t), r = 1 / sqrt(q);
        double dr = -0.06 * cos(2 * t) * r / q, x = r * cos(t), y = r * sin(t);
        double dx = dr * cos(t) - y, dy = dr * sin(t) + x, dz = 0.4 * (dx * y + x * dy);
        double w = 2 * PI / N * sqrt(dx * dx + dy * dy + dz * dz) * exp(x);
        out[0] += w;
        out[1] += w * x;
    }
}

/* Chains that all start at one point, and move by independent points of charts only, most of which
 * are where e^-E is large: after 30 moves their law is e^-E. */
static void leaps_of_charts_keep_the_law(void)
{
    static problem p;
    static ebim_real e[1000];
    ebim_graph E;
    ebim_ws w;
    double truth[2], mean = 0, square = 0;
    int b, i, B = 4096, moved = 0, charts;
    curve_moments(truth);
    if (!setup(&p, 3, curve, 0, 0, 0, 1.5) || !make_charts(&p, 1000)) return;
    CHECK_INT(ebim_record(&E, &p.a, 3, slope_of_x, NULL), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &p.a, &E, 64, EBIM_WS_VALUES), EBIM_OK);
    charts = ebim_charts_stats(p.charts).charts;
    ebim_eval(&w, charts, p.charts->center, e);
    for (i = 0; i < charts; i++) e[i] *= 3; /* more than fits E */
    ebim__charts_weigh(p.charts, e);
    CHECK_INT(ebim_charts_run(p.charts, 1, drawn, log_q, T_SEED, 0), 1);
    for (b = 1; b < B; b++) memcpy(drawn + 3 * b, drawn, 3 * sizeof *drawn);
    for (i = 0; i < 30; i++)
        moved += ebim__charts_leap(p.charts, &w, B, drawn, T_SEED + 1, (uint64_t)(i * B));
    CHECK(moved > 30 * B / 3 && moved < 30 * B);
    for (b = 0; b < B; b++) {
        mean += (double)drawn[3 * b] / B;
        square += (double)drawn[3 * b] * (double)drawn[3 * b] / B;
    }
    CHECK_NEAR(mean, truth[1] / truth[0], 5 * sqrt((square - mean * mean) / B));
}

/* A chart of a circle or sphere is as wide as its bend allows: cut by sqrt 2 until M above its rim
 * is no farther from its plane than half of its width, and not more often. */
static void charts_narrow_where_M_bends(void)
{
    static problem p;
    int i, c, n;
    for (i = 0; i < 2 * 16; i++) {
        ebim_real x[3] = {0, 0, 0};
        ebim_charts_desc d;
        double r = 0.3 * pow(2, i / 2 / 16.0), want, at;
        n = 2 + i % 2;
        memset(&d, 0, sizeof d);
        if (!setup(&p, n, spheres, r, 0, 0, 1.5)) return;
        x[0] = (ebim_real)r;
        d.lo = p.lo;
        d.hi = p.hi;
        if (!CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_OK)) return;
        CHECK(ebim_charts_cover(p.charts, 1, x) > 3);
        for (want = 1.5 * sqrt(2.0), at = 3; at > 0.5 * want;) { /* 1.5: half of the box */
            want *= sqrt(0.5);
            at = 0.99 * want < r ? r - sqrt(r * r - 0.9801 * want * want) : 3;
        }
        for (c = 0; c < ebim_charts_stats(p.charts).charts; c++)
            if (!CHECK_REL(p.charts->reach[c], want, 1e-6)) break;
    }
}

/* M ends where F is no number, and at the walls; too few charts say so. What is lost there is of
 * few charts: as much that all lose is no end. */
static void charts_end(void)
{
    static problem p;
    ebim_charts_desc d;
    ebim_charts_report r;
    int c;
    if (!setup(&p, 2, root_of_x, 0, 0, 0, 2) || !make_charts(&p, 500)) return;
    ebim_charts_run(p.charts, 4000, drawn, log_q, T_SEED, 0);
    r = ebim_charts_stats(p.charts);
    CHECK_NEAR(r.volume, 4, 5 * r.volume_se);
    CHECK(r.found < r.draws);
    CHECK(ebim__charts_ended(p.charts) > 0.0005); /* as a judge of curves asks */
    for (c = 0; c < r.charts; c++) p.charts->lost[c] = p.charts->tried[c] / 8;
    CHECK(ebim__charts_ended(p.charts) > 0.05); /* on a curve */
    for (c = 0; c < r.charts; c++) p.charts->lost[c] = p.charts->tried[c] / 11;
    CHECK_NEAR(ebim__charts_ended(p.charts), 0, 0);
    memset(&d, 0, sizeof d);
    d.lo = p.lo;
    d.hi = p.hi;
    if (!setup(&p, 2, nowhere, 0, 0, 0, 2)) return;
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_OK);
    CHECK_INT(ebim_charts_cover(p.charts, 0, NULL), 0);
    CHECK_INT(ebim_charts_run(p.charts, 1000, drawn, log_q, T_SEED, 0), 0);
    CHECK_NEAR(ebim_charts_stats(p.charts).volume, 0, 0);
    if (!setup(&p, 3, torus, 0, 0, 0, 1.6)) return;
    d.most = 20;
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_OK);
    CHECK_INT(ebim_charts_cover(p.charts, 0, NULL), 20);
    CHECK_INT(ebim_charts_stats(p.charts).covered, 0);
}

/* max(x0, 0), whose zeros are a half of space */
static ebim_ref record_flat(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_apply(g, ebim_slice(g, x, 0, 1), EBIM_FN_RELU);
}

/* Where no chart can stand nothing is covered. */
static void no_chart_covers_nothing(void)
{
    static problem p;
    ebim_charts_desc d;
    ebim_graph half;
    if (!setup(&p, 3, curve, 0, 0, 0, 1.5)) return;
    memset(&d, 0, sizeof d);
    d.lo = p.lo;
    d.hi = p.hi;
    d.most = 50;
    CHECK_INT(ebim_record(&half, &p.a, 3, record_flat, NULL), EBIM_OK);
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &half, &d), EBIM_OK);
    CHECK_INT(ebim_charts_cover(p.charts, 0, NULL), 0);
    CHECK_INT(ebim_charts_stats(p.charts).covered, 0);
}

static void charts_refuse(void)
{
    static problem p;
    ebim_charts_desc d;
    ebim_graph high;
    ebim_arena small;
    double flat[3] = {-1.5, -1.5, -1.5}, one[2] = {1, 0};
    size_t bytes;
    memset(&d, 0, sizeof d);
    if (!setup(&p, 3, curve, 0, 0, 0, 1.5)) return;
    d.lo = p.lo;
    d.hi = p.hi;
    d.most = 50;
    CHECK_INT(ebim_record(&high, &p.a, 10, spheres, one), EBIM_OK);
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &high, &d), EBIM_ERR_SHAPE);
    CHECK(p.charts == NULL);
    d.most = -1;
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_ERR_ARG);
    d.most = 50;
    d.hi = flat;
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_ERR_ARG);
    flat[0] = flat[1] = 1.5;
    flat[2] = t_nan();
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_ERR_ARG);
    d.hi = NULL;
    CHECK_INT(ebim_charts_init(&p.charts, &p.a, &p.g, &d), EBIM_ERR_BOX);
    d.hi = p.hi;
    ebim_arena_init(&small, NULL, 0);
    CHECK_INT(ebim_charts_init(&p.charts, &small, &p.g, &d), EBIM_OK);
    CHECK(p.charts == NULL);
    bytes = ebim_arena_bytes(&small);
    if (!CHECK(bytes < sizeof second)) return;
    ebim_arena_init(&small, second, bytes - 1);
    CHECK_INT(ebim_charts_init(&p.charts, &small, &p.g, &d), EBIM_ERR_MEMORY);
    ebim_arena_init(&small, second, bytes);
    CHECK_INT(ebim_charts_init(&p.charts, &small, &p.g, &d), EBIM_OK);
    CHECK(p.charts != NULL);
}

/* ---- components ---- */

static int32_t label[4096];
static ebim_real point[4096 * 9]; /* [B][n] */

static int components(problem *p, int B, double volume)
{
    int count = 0;
    ebim_result r;
    p->a.used = p->used;
    r = ebim_components(&p->g, &p->a, B, point, volume, label, &count);
    return r ? (int)r : count;
}

/* Points of F = 0 by lines, and how many components they make. */
static int found(problem *p, int B, double volume)
{
    if (!make_lines(p, 0)) return 0;
    if (!CHECK_INT(ebim_lines_uniform(p->lines, B, point, T_SEED), B)) return 0;
    return components(p, B, volume);
}

static double norm(int b, int n)
{
    const ebim_real *x = point + (size_t)b * (size_t)n;
    double sum = 0;
    while (n--) sum += (double)x[n] * (double)x[n];
    return sqrt(sum);
}

static void surfaces_in_one_piece(void)
{
    static problem p;
    int b, least = 0;
    if (setup(&p, 2, spheres, 1, 0, 0, 1.5)) CHECK_INT(found(&p, 200, 2 * PI), 1);
    if (setup(&p, 3, spheres, 1, 0, 0, 1.5)) CHECK_INT(found(&p, 400, 4 * PI), 1);
    if (setup(&p, 3, torus, 0, 0, 0, 1.6)) CHECK_INT(found(&p, 2000, 2 * PI * PI), 1);
    for (b = 0; b < 2000; b++) least |= label[b];
    CHECK_INT(least, 0);
    if (!setup(&p, 3, curve, 0, 0, 0, 1.5) || !make_charts(&p, 1000)) return;
    CHECK_INT(ebim_charts_run(p.charts, 300, point, log_q, T_SEED, 0), 300);
    CHECK_INT(components(&p, 300, curve_length(4000, 4000)), 1);
}

/* Two circles; two spheres a tenth apart, where points are joined over four tenths. */
static void surfaces_in_two_pieces(void)
{
    static problem p;
    int b, wrong = 0, B = 2000;
    if (setup(&p, 2, spheres, 1, 0.5, 0, 1.5)) CHECK_INT(found(&p, 300, 3 * PI), 2);
    for (b = 0; b < 300; b++) wrong += label[b] != (norm(b, 2) < 0.75);
    CHECK_INT(wrong, 0);
    if (setup(&p, 3, spheres, 1, 1.1, 0, 1.5)) CHECK_INT(found(&p, B, 4 * PI * 2.21), 2);
    for (b = 0; b < B; b++) wrong += label[b] != (norm(b, 3) < 1.05);
    CHECK_INT(wrong, 0);
}

static ebim_ref parallel(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = ebim_slice(g, x, 1, 1); /* y (y^2 - 0.01) = 0 */
    (void)user;
    return ebim_mul(g, y, minus(g, ebim_sumsq(g, y), 0.01));
}

/* Three lines: the first and the third face the same way, halfway between them F = 0, but there
 * it faces the other way. */
static void three_sheets(void)
{
    static problem p;
    int b, wrong = 0, B = 900;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 0);
    if (!setup(&p, 2, parallel, 0, 0, 0, 5)) return;
    for (b = 0; b < B; b++) {
        point[2 * b] = (ebim_real)(10 * (double)ebim_rng_uniform(&r) - 5);
        point[2 * b + 1] = (ebim_real)(0.1 * (b % 3 - 1));
    }
    CHECK_INT(components(&p, B, 30), 3);
    for (b = 0; b < B; b++) wrong += label[b] != b % 3; /* of equal size: the earlier one first */
    CHECK_INT(wrong, 0);
}

static void put_on_disc(int b, double centre, double radius, double angle)
{
    point[2 * b] = (ebim_real)(centre + radius * cos(angle));
    point[2 * b + 1] = (ebim_real)(radius * sin(angle));
}

/* Equal discs nearly touch, and points are joined over more than their radius. */
static void neighbours_are_not_joined(void)
{
    static problem p;
    int i, b, wrong = 0, B = 150;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 1);
    if (!setup(&p, 2, discs, 0.3, 0.3, 0.31, 1)) return;
    for (i = 0; i < 30; i++) {
        for (b = 0; b < B; b++)
            put_on_disc(b, b % 2 ? 0.31 : -0.31, 0.3, 2 * PI * (double)ebim_rng_uniform(&r));
        wrong += components(&p, B, 1.2 * PI) != 2;
    }
    CHECK_INT(wrong, 0);
}

/* Uniform on O(3): Gram-Schmidt of normals, its determinant of either sign. */
static int random_orthogonal(ebim_rng *r, ebim_real *x)
{
    double a[3][3], det;
    int i, j, c;
    for (i = 0; i < 3; i++) {
        double s = 0;
        for (c = 0; c < 3; c++) a[i][c] = (double)ebim_rng_normal(r);
        for (j = 0; j < i; j++) {
            double d = 0;
            for (c = 0; c < 3; c++) d += a[i][c] * a[j][c];
            for (c = 0; c < 3; c++) a[i][c] -= d * a[j][c];
        }
        for (c = 0; c < 3; c++) s += a[i][c] * a[i][c];
        for (c = 0; c < 3; c++) x[3 * i + c] = (ebim_real)(a[i][c] /= sqrt(s));
    }
    det = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
          a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
          a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
    return det > 0;
}

static void orthogonal_group_has_two(void)
{
    static problem p;
    static int proper[1000];
    int b, B = 1000, wrong = 0;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 2);
    if (!setup(&p, 9, orthogonal, 0, 0, 0, 1.5)) return;
    for (b = 0; b < B; b++) proper[b] = random_orthogonal(&r, point + 9 * b);
    CHECK_INT(components(&p, B, 32 * sqrt(2.0) * PI * PI), 2);
    for (b = 0; b < B; b++) wrong += (label[b] == label[0]) != (proper[b] == proper[0]);
    CHECK_INT(wrong, 0);
}

/* Points of a line that ends at the walls of D, the worst case: a gap is all it takes. It falls
 * apart once in 20000 times or less: in 10000, 5 times are allowed (false alarms below 2e-5). A
 * sphere, whose gaps are rarer, not once in 500 times. */
static void pieces_rarely_fall_apart(void)
{
    static problem p;
    int i, b, apart = 0, B = 100, runs = T_QUICK ? 1000 : 10000;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 3);
    if (!setup(&p, 2, root_of_x, 0, 0, 0, 2)) return;
    for (i = 0; i < runs; i++) {
        for (b = 0; b < B; b++) {
            point[2 * b] = (ebim_real)0.25;
            point[2 * b + 1] = (ebim_real)(4 * (double)ebim_rng_uniform(&r) - 2);
        }
        apart += components(&p, B, 4) != 1;
    }
    CHECK(apart <= 5);
    if (!setup(&p, 3, spheres, 1, 0, 0, 1.5)) return;
    for (i = 0, apart = 0; i < runs / 20; i++) {
        for (b = 0; b < 100; b++) ebim_rng_sphere(&r, 3, point + 3 * b);
        apart += components(&p, 100, 4 * PI) != 1;
    }
    CHECK_INT(apart, 0);
}

/* Points in clumps are as many components, the largest first, equal ones by their first point. */
static void labels_go_by_size(void)
{
    static const int clump[12] = {2, 0, 1, 3, 1, 1, 0, 2, 3, 1, 2, 3}, want[4] = {3, 0, 1, 2};
    static problem p;
    int b;
    if (!setup(&p, 2, spheres, 1, 0, 0, 1.5)) return;
    for (b = 0; b < 12; b++) put_on_disc(b, 0, 1, PI / 2 * clump[b] + 0.01 * b);
    CHECK_INT(components(&p, 12, 0.2), 4);
    for (b = 0; b < 12; b++) CHECK_INT(label[b], want[clump[b]]);
    CHECK_INT(components(&p, 1, 2 * PI), 1);
    CHECK_INT(label[0], 0);
}

static void components_refuse(void)
{
    static problem p;
    ebim_arena small;
    ebim_graph square;
    size_t bytes;
    int b;
    if (!setup(&p, 2, spheres, 1, 0, 0, 1.5)) return;
    for (b = 0; b < 40; b++) put_on_disc(b, 0, 1, PI / 20 * b);
    CHECK_INT(components(&p, 0, 2 * PI), EBIM_ERR_ARG);
    CHECK_INT(components(&p, 40, 0), EBIM_ERR_ARG);
    CHECK_INT(components(&p, 40, t_nan()), EBIM_ERR_ARG);
    point[2] = (ebim_real)t_nan(); /* near nothing */
    CHECK_INT(components(&p, 40, 2 * PI), 2);
    CHECK_INT(label[1], 1);
    p.user[0] = 1;
    CHECK_INT(ebim_record(&square, &p.a, 1, spheres, p.user), EBIM_OK);
    CHECK_INT(ebim_components(&square, &p.a, 40, point, 1, label, &b), EBIM_ERR_SHAPE);
    ebim_arena_init(&small, NULL, 0);
    CHECK_INT(ebim_components(&p.g, &small, 40, NULL, 2 * PI, NULL, NULL), EBIM_OK);
    bytes = ebim_arena_bytes(&small);
    ebim_arena_init(&small, second, bytes - 1);
    CHECK_INT(ebim_components(&p.g, &small, 40, point, 2 * PI, label, &b), EBIM_ERR_MEMORY);
    ebim_arena_init(&small, second, bytes);
    CHECK_INT(ebim_components(&p.g, &small, 40, point, 2 * PI, label, &b), EBIM_OK);
    CHECK_INT(b, 2);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(intervals_of_lines);
    T_RUN(intervals_of_charts);
    T_RUN(orthogonal_group);
    T_RUN(four_dimensions);
    T_RUN(points_have_their_density);
    T_RUN(even_draws);
    T_RUN(reproducible);
    T_RUN(charts_stay_with_the_data);
    T_RUN(every_point_to_start_from_is_covered);
    T_RUN(leaps_of_charts_keep_the_law);
    T_RUN(charts_narrow_where_M_bends);
    T_RUN(charts_end);
    T_RUN(charts_ask_their_own_sheet);
    T_RUN(no_chart_covers_nothing);
    T_RUN(charts_refuse);
    T_RUN(surfaces_in_one_piece);
    T_RUN(surfaces_in_two_pieces);
    T_RUN(three_sheets);
    T_RUN(neighbours_are_not_joined);
    T_RUN(orthogonal_group_has_two);
    T_RUN(pieces_rarely_fall_apart);
    T_RUN(labels_go_by_size);
    T_RUN(components_refuse);
    return T_END();
}
