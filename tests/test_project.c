/* Points thrown onto M: nearest points against closed forms and a fine search, all three methods,
 * what happens where there is no nearest point, and noise thrown onto M. F is no distance function
 * anywhere. Tolerances: the tangential residual of EBIM_PROJECT_NEAREST (1e-4 or 1e-8, relative
 * to the distance) or multiples of the unit roundoff for what only has to lie on M. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

static const double PI = 3.14159265358979323846;
#ifdef EBIM_DOUBLE
static const double TANGENTIAL = 1e-8;
#else
static const double TANGENTIAL = 1e-4;
#endif

/* ---- manifolds; user: a factor of F, or NULL ---- */

/* (|x|^2 - 1) (2 + cos 2 x0): circle or sphere */
static ebim_ref record_ellipse(ebim_graph *g, ebim_ref x, void *user) /* axes 2, 1 */
{
    static const double w[2] = {0.25, 1};
    ebim_ref y = ebim_dot(g, ebim_constant(g, 2, w), ebim_apply(g, x, EBIM_FN_SQUARE));
    return scaled(g, minus(g, y, 1), user);
}

static const double plane_normal[3] = {1, -2, 0.5}, plane_level = 0.7;

static ebim_ref record_plane(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = minus(g, ebim_dot(g, ebim_constant(g, 3, plane_normal), x), plane_level);
    return scaled(g, ebim_add(g, y, ebim_pow(g, y, 3)), user);
}

/* k = 2: the unit circle of the plane x2 = 0.3, by two mixed equations */
static ebim_ref record_ring(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = minus(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), 1);
    ebim_ref b = minus(g, ebim_slice(g, x, 2, 1), 0.3);
    return scaled(g, ebim_concat(g, ebim_add(g, a, b), ebim_sub(g, ebim_scale(g, b, 2), a)), user);
}

/* Two unit circles about (-3, 0) and (3, 0) */
static ebim_ref record_two(ebim_graph *g, ebim_ref x, void *user)
{
    static const double left[2] = {-3, 0}, right[2] = {3, 0};
    ebim_ref a = minus(g, ebim_sumsq(g, ebim_affine(g, x, left, 1)), 1);
    ebim_ref b = minus(g, ebim_sumsq(g, ebim_affine(g, x, right, 1)), 1);
    return scaled(g, ebim_mul(g, a, b), user);
}

static void nearest_ball2(const double *x, double *y)
{
    double r = hypot(x[0], x[1]);
    y[0] = x[0] / r;
    y[1] = x[1] / r;
}

static void nearest_ball3(const double *x, double *y)
{
    double r = sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
    int i;
    for (i = 0; i < 3; i++) y[i] = x[i] / r;
}

static void nearest_torus(const double *x, double *y)
{
    double rho = hypot(x[0], x[1]), d = hypot(rho - 1, x[2]), s = (1 + 0.5 * (rho - 1) / d) / rho;
    y[0] = s * x[0];
    y[1] = s * x[1];
    y[2] = 0.5 * x[2] / d;
}

static void nearest_plane(const double *x, double *y)
{
    double t = -plane_level, nn = 0;
    int i;
    for (i = 0; i < 3; i++) {
        t += plane_normal[i] * x[i];
        nn += plane_normal[i] * plane_normal[i];
    }
    for (i = 0; i < 3; i++) y[i] = x[i] - t / nn * plane_normal[i];
}

static void nearest_ring(const double *x, double *y)
{
    nearest_ball2(x, y);
    y[2] = 0.3;
}

/* A scan of the angle, then bisection of the slope. */
static double ellipse_distance(const double *x, double t)
{
    return hypot(x[0] - 2 * cos(t), x[1] - sin(t));
}

static void nearest_ellipse(const double *x, double *y)
{
    double best = 0, lo, hi;
    int i;
    for (i = 1; i < 400; i++)
        if (ellipse_distance(x, 2 * PI * i / 400) < ellipse_distance(x, best))
            best = 2 * PI * i / 400;
    lo = best - 0.02;
    hi = best + 0.02;
    for (i = 0; i < 50; i++) {
        double t = 0.5 * (lo + hi), slope;
        slope = 2 * sin(t) * (x[0] - 2 * cos(t)) - cos(t) * (x[1] - sin(t));
        if (slope < 0) lo = t;
        else hi = t;
    }
    y[0] = 2 * cos(lo);
    y[1] = sin(lo);
}

/* In double, from the formulas: how far y is from M, to first order. */
static double off(ebim_record_fn f, const double *y)
{
    double a, b;
    if (f == record_ellipse) {
        a = hypot(y[0] / 2, y[1]);
        return fabs(a * a - 1) / (2 * hypot(y[0] / 4, y[1]));
    }
    if (f == record_torus) return fabs(hypot(hypot(y[0], y[1]) - 1, y[2]) - 0.5);
    if (f == record_two)
        return fmin(fabs(hypot(y[0] + 3, y[1]) - 1), fabs(hypot(y[0] - 3, y[1]) - 1));
    a = fabs(hypot(y[0], y[1]) - 1);
    b = fabs(y[2] - 0.3);
    return a + b; /* record_ring */
}

typedef struct manifold {
    const char *name;
    int n;
    ebim_record_fn record;
    void (*nearest)(const double *x, double *y);
    double inside, outside; /* how far from M points have one nearest point and descent finds it */
} manifold;

static const manifold manifolds[] = {
    {"circle", 2, record_waved, nearest_ball2, 0.8, 3},
    {"sphere", 3, record_waved, nearest_ball3, 0.8, 3},
    {"torus", 3, record_torus, nearest_torus, 0.4, 0.4},
    {"plane", 3, record_plane, nearest_plane, 2, 2},
    {"ring", 3, record_ring, nearest_ring, 0.8, 0.8},
    {"ellipse", 2, record_ellipse, nearest_ellipse, 0.4, 6}};
enum { MANIFOLDS = 6, B = 100 };

static ebim_projector *projector(ebim_arena *a, ebim_graph *g, int n, ebim_record_fn f, void *user,
                                 const ebim_project_desc *d)
{
    ebim_projector *p = NULL;
    if (!CHECK_INT(ebim_record(g, a, n, f, user), EBIM_OK)) return NULL;
    CHECK_INT(ebim_projector_init(&p, a, g, d), EBIM_OK);
    return p;
}

static ebim_project_desc desc(ebim_project method, int joint)
{
    ebim_project_desc d;
    memset(&d, 0, sizeof d);
    d.method = method;
    d.constraint.joint = joint;
    return d;
}

static double gap(int n, const double *a, const double *b)
{
    double s = 0;
    while (n--) s += (a[n] - b[n]) * (a[n] - b[n]);
    return sqrt(s);
}

/* Points of a box round M whose nearest point is beyond doubt. */
static void draw_points(const manifold *m, ebim_real *x, uint64_t stream)
{
    ebim_rng r;
    int b = 0, i;
    ebim_rng_init(&r, T_SEED, stream);
    while (b < B) {
        double p[3] = {0, 0, 0}, y[3] = {0, 0, 0}, d, in;
        for (i = 0; i < m->n; i++) {
            x[b * m->n + i] = (ebim_real)((2 * (double)ebim_rng_uniform(&r) - 1) * 3);
            p[i] = (double)x[b * m->n + i];
        }
        m->nearest(p, y);
        d = gap(m->n, p, y);
        in = hypot(hypot(p[0], p[1]), p[2]) - 1;
        if (m->record == record_ellipse) in = hypot(p[0] / 2, p[1]) - 1;
        b += d < (in < 0 ? m->inside : m->outside);
    }
}

/* ---- nearest points ---- */

static void check_nearest(const manifold *m, ebim_linear linear, double factor)
{
    static ebim_real x[B * 3], y[B * 3], z[B * 3], dist[B];
    static unsigned char ok[B];
    ebim_project_desc d = desc(EBIM_PROJECT_NEAREST, 0);
    ebim_arena a = arena();
    ebim_graph g;
    ebim_projector *p;
    int b, bad = 0;
    d.constraint.linear = linear;
    d.constraint.max_iter = linear == EBIM_LINEAR_CG ? 200 : 0;
    d.constraint.length = 1; /* the plane and the inner torus come near the axes */
    p = projector(&a, &g, m->n, m->record, &factor, &d);
    if (!p) return;
    draw_points(m, x, 1);
    bad += !CHECK_INT(ebim_projector_run(p, B, x, y, dist, ok), B);
    for (b = 0; b < B; b++) {
        double px[3], py[3], want[3] = {0, 0, 0}, tol;
        to_double(m->n, x + b * m->n, px);
        to_double(m->n, y + b * m->n, py);
        m->nearest(px, want);
        tol = gap(m->n, px, want);
        /* residual t |x - y| along M moves the point by t |x - y| / (1 - curvature |x - y|) */
        tol = 5 * TANGENTIAL * tol + 100 * T_EPS;
        bad += !CHECK_INT(ok[b], 1);
        bad += !CHECK_NEAR(gap(m->n, py, want), 0, tol);
        bad += !CHECK_NEAR(dist[b], gap(m->n, px, py),
                           20 * T_EPS * (1 + fabs(px[0]) + fabs(px[1])));
        bad += !CHECK_NEAR(dist[b], gap(m->n, px, want), tol);
    }
    memcpy(z, x, sizeof z); /* in place, and again from there */
    ebim_projector_run(p, B, z, z, NULL, NULL);
    bad += !CHECK(same_bits((size_t)(B * m->n), z, y));
    bad += !CHECK_INT(ebim_projector_run(p, B, z, z, dist, ok), B);
    for (b = 0; b < B; b++) {
        double py[3], pz[3];
        to_double(m->n, y + b * m->n, py);
        to_double(m->n, z + b * m->n, pz);
        bad += !CHECK_NEAR(gap(m->n, py, pz), 0, 100 * T_EPS);
        bad += !CHECK_NEAR(dist[b], 0, 100 * T_EPS);
    }
    if (bad) printf("    %s, linear %d, factor %g: %d\n", m->name, (int)linear, factor, bad);
}

static void nearest_points(void)
{
    int i;
    for (i = 0; i < MANIFOLDS; i++) {
        check_nearest(&manifolds[i], EBIM_LINEAR_AUTO, 1);
        check_nearest(&manifolds[i], EBIM_LINEAR_CG, 1);
    }
}

static void factor_of_F_does_not_matter(void)
{
    static const double factors[] = {-1, 1e6, 1e-6};
    int i, j;
    for (i = 0; i < MANIFOLDS; i += T_QUICK ? 5 : 1)
        for (j = 0; j < 3; j++) check_nearest(&manifolds[i], EBIM_LINEAR_AUTO, factors[j]);
}

/* Deep inside the ellipse there are several local minima of the distance: some critical point is
 * found, no farther than where ONTO lands. */
static void deep_inside(void)
{
    static ebim_real x[B * 2], y[B * 2], z[B * 2], dist[B], onto[B];
    ebim_project_desc d = desc(EBIM_PROJECT_NEAREST, 0), o = desc(EBIM_PROJECT_ONTO, 0);
    ebim_arena a = arena();
    ebim_graph g, h;
    ebim_projector *p, *q;
    ebim_rng r;
    int b, closer = 0;
    d.max_iter = 2000; /* next to the centres of curvature the distance is flat */
    p = projector(&a, &g, 2, record_ellipse, NULL, &d);
    q = projector(&a, &h, 2, record_ellipse, NULL, &o);
    if (!p || !q) return;
    ebim_rng_init(&r, T_SEED, 2);
    for (b = 0; b < B; b++) {
        double t = 2 * PI * (double)ebim_rng_uniform(&r);
        double s = 0.2 + 0.6 * (double)ebim_rng_uniform(&r);
        x[2 * b] = (ebim_real)(2 * s * cos(t));
        x[2 * b + 1] = (ebim_real)(s * sin(t));
    }
    CHECK_INT(ebim_projector_run(p, B, x, y, dist, NULL), B);
    CHECK_INT(ebim_projector_run(q, B, x, z, onto, NULL), B);
    for (b = 0; b < B; b++) {
        double px[2], py[2], along, slope;
        to_double(2, x + 2 * b, px);
        to_double(2, y + 2 * b, py);
        CHECK(off(record_ellipse, py) < 50 * T_EPS);
        CHECK((double)dist[b] <= (double)onto[b] + 10 * T_EPS);
        closer += (double)dist[b] < 0.99 * (double)onto[b];
        along = -py[1] * (px[0] - py[0]) + py[0] / 4 * (px[1] - py[1]); /* tangent (-y, x/4) */
        slope = hypot(py[1], py[0] / 4) * gap(2, px, py);
        CHECK_NEAR(along, 0, 3 * TANGENTIAL * slope + 50 * T_EPS);
    }
    CHECK(closer > B / 10); /* ONTO alone is not nearest */
}

/* ---- the other methods ---- */

static void onto_and_descend(void)
{
    static ebim_real x[B * 3], y[B * 3], dist[B], first[B * 3];
    static unsigned char ok[B];
    static const ebim_record_fn shapes[] = {record_ellipse, record_torus, record_ring, record_two};
    static const int dims[] = {2, 3, 3, 2};
    int i, way, b, c;
    for (i = 0; i < 4; i++)
        for (way = 0; way < 3; way++) { /* ONTO, DESCEND, DESCEND jointly */
            int n = dims[i], failed = 0, moved = 0;
            ebim_project_desc d = desc(way ? EBIM_PROJECT_DESCEND : EBIM_PROJECT_ONTO, way == 2);
            ebim_arena a = arena();
            ebim_graph g;
            ebim_projector *p;
            ebim_rng r;
            if (way == 2) d.max_iter = 300;
            p = projector(&a, &g, n, shapes[i], NULL, &d);
            if (!p) return;
            ebim_rng_init(&r, T_SEED, 3);
            for (b = 0; b < B * n; b++) x[b] = (ebim_real)(4 * (double)ebim_rng_uniform(&r) - 2);
            for (b = 0; b < B; b++) ok[b] = 9;
            failed = B - ebim_projector_run(p, B, x, y, dist, ok);
            for (b = 0, c = 0; b < B; b++) {
                double px[3] = {0, 0, 0}, py[3] = {0, 0, 0};
                to_double(n, x + b * n, px);
                to_double(n, y + b * n, py);
                CHECK(ok[b] <= 1);
                c += !ok[b];
                CHECK_NEAR(dist[b], gap(n, px, py), 20 * T_EPS * 6);
                if (ok[b]) CHECK_NEAR(off(shapes[i], py), 0, 150 * T_EPS);
                CHECK(gap(n, px, py) < 12);
            }
            CHECK_INT(failed, c);
            CHECK(failed <= B / 20);
            if (!way) memcpy(first, y, sizeof y);
            else moved = !same_bits((size_t)(B * n), first, y);
            CHECK_INT(moved, way > 0); /* it is another method */
        }
}

/* ---- where there is nothing to find ---- */

/* |x|^2 + 1 has no zeros. */
static ebim_ref record_empty(ebim_graph *g, ebim_ref x, void *user)
{
    return scaled(g, minus(g, ebim_sumsq(g, x), -1), user);
}

static void no_manifold(void)
{
    static ebim_real x[B * 2], y[B * 2];
    static unsigned char ok[B];
    double lo[2] = {-1, -1}, hi[2] = {1, 1};
    int method, b;
    for (method = 0; method < 3; method++) {
        ebim_project_desc d = desc((ebim_project)method, 0);
        ebim_arena a = arena();
        ebim_graph g;
        ebim_projector *p = projector(&a, &g, 2, record_empty, NULL, &d);
        ebim_rng r;
        if (!p) return;
        ebim_rng_init(&r, T_SEED, 4);
        for (b = 0; b < B * 2; b++) x[b] = ebim_rng_normal(&r);
        CHECK_INT(ebim_projector_run(p, B, x, y, NULL, ok), 0);
        for (b = 0; b < B; b++) { /* the best point seen: nearer to the minimum of F */
            double px[2], py[2], zero[2] = {0, 0};
            to_double(2, x + 2 * b, px);
            to_double(2, y + 2 * b, py);
            CHECK_INT(ok[b], 0);
            CHECK(gap(2, py, zero) <= gap(2, px, zero) * (1 + 4 * T_EPS));
        }
        CHECK_INT(ebim_projector_noise(p, 10, y, lo, hi, T_SEED, 0), 0);
    }
}

/* The centre of the circle, J = 0, and a NaN: flagged, left alone, and nobody else notices. */
static void singular_points(void)
{
    static ebim_real x[B * 2], y[B * 2], clean[B * 2], dist[B];
    static unsigned char ok[B];
    int method, linear, b;
    for (method = 0; method < 3; method++)
        for (linear = 0; linear < 3; linear++) {
            ebim_project_desc d = desc((ebim_project)method, 0);
            ebim_arena a = arena();
            ebim_graph g;
            ebim_projector *p;
            d.constraint.linear = (ebim_linear)linear;
            d.constraint.max_iter = 100;
            p = projector(&a, &g, 2, record_waved, NULL, &d);
            if (!p) return;
            draw_points(&manifolds[0], x, 5);
            CHECK_INT(ebim_projector_run(p, B, x, clean, dist, ok), B);
            x[2 * 7] = x[2 * 7 + 1] = 0;
            x[2 * 70] = real_nan();
            CHECK_INT(ebim_projector_run(p, B, x, y, dist, ok), B - 2);
            for (b = 0; b < B; b++) {
                int bad = b == 7 || b == 70;
                CHECK_INT(ok[b], !bad);
                if (bad) CHECK(same_bits(2, y + 2 * b, x + 2 * b));
                else CHECK(same_bits(2, y + 2 * b, clean + 2 * b));
            }
            CHECK(dist[7] <= 0 && dist[7] >= 0);
        }
}

/* Points of M next to the origin, given the size of M, are points of M. */
static ebim_ref record_through_origin(ebim_graph *g, ebim_ref x, void *user)
{
    static const double centre[2] = {1, 0};
    return scaled(g, minus(g, ebim_sumsq(g, ebim_affine(g, x, centre, 1)), 1), user);
}

static void near_the_origin(void)
{
    static ebim_real x[B * 2], y[B * 2], dist[B];
    ebim_project_desc d = desc(EBIM_PROJECT_NEAREST, 0);
    ebim_arena a = arena();
    ebim_graph g;
    ebim_projector *p;
    int b;
    d.constraint.length = 1;
    p = projector(&a, &g, 2, record_through_origin, NULL, &d);
    if (!p) return;
    for (b = 0; b < B; b++) {
        double t = PI + 0.02 * (b - B / 2) / B, s = b % 2 ? 1 : 1.01;
        x[2 * b] = (ebim_real)(1 + s * cos(t));
        x[2 * b + 1] = (ebim_real)(s * sin(t));
    }
    CHECK_INT(ebim_projector_run(p, B, x, y, dist, NULL), B);
    for (b = 0; b < B; b++) CHECK_NEAR(dist[b], b % 2 ? 0 : 0.01, 40 * T_EPS);
}

/* From next to M the way there is as short as from elsewhere: rounding is no reason to go on. */
static void next_to_M(void)
{
    static ebim_real x[B * 3], y[B * 3], dist[B];
    static const double sizes[3] = {1.5, 1.5, 0.5};
    ebim_project_desc d = desc(EBIM_PROJECT_NEAREST, 0);
    int way, i;
    for (way = 0; way < 3; way++) {
        double off = 1e3 * T_EPS;
        ebim_watch watch;
        ebim_arena a = arena();
        ebim_graph g;
        ebim_projector *p;
        memset(&watch, 0, sizeof watch);
        a.watch = &watch;
        d.constraint.length = way == 1 ? 1.5 : 0; /* none, one for all, each its own */
        d.constraint.lengths = way == 2 ? sizes : NULL;
        p = projector(&a, &g, 3, record_torus, NULL, &d);
        if (!p) return;
        draw_points(&manifolds[2], x, 1);
        ebim_projector_run(p, B, x, y, NULL, NULL);
        for (i = 0; i < B * 3; i++) x[i] = y[i] + (ebim_real)off * (i % 2 ? 1 : -1);
        watch.work = 0;
        CHECK_INT(ebim_projector_run(p, B, x, y, dist, NULL), B);
        for (i = 0; i < B; i++) CHECK((double)dist[i] <= 2 * (double)off);
        CHECK(watch.work < 300.0 * B); /* some 100 each, 1900 to 3200 with all of max_iter */
    }
}

/* ---- blocks ---- */

static void blocks_do_not_matter(void)
{
    static ebim_real x[B * 3], y[B * 3], want[B * 3];
    static const int lanes[] = {1, 16, 64, 500};
    int method, i;
    for (method = 0; method < 3; method++)
        for (i = 0; i < 5; i++) {
            ebim_project_desc d = desc((ebim_project)method, 0);
            ebim_arena a = arena();
            ebim_graph g;
            ebim_projector *p;
            if (i < 4) d.constraint.lanes = lanes[i];
            p = projector(&a, &g, 3, record_torus, NULL, &d);
            if (!p) return;
            draw_points(&manifolds[2], x, 6);
            if (i < 4) {
                CHECK_INT(ebim_projector_run(p, B, x, y, NULL, NULL), B);
            } else {
                CHECK_INT(ebim_projector_run(p, 33, x, y, NULL, NULL), 33);
                CHECK_INT(ebim_projector_run(p, B - 33, x + 99, y + 99, NULL, NULL), B - 33);
                CHECK_INT(ebim_projector_run(p, 0, x, y, NULL, NULL), 0);
            }
            if (!i) memcpy(want, y, sizeof y);
            CHECK(same_bits(B * 3, y, want));
        }
}

/* ---- noise ---- */

/* Every part of M gets points: both circles, and each eighth of them. */
static void noise_reaches_everything(void)
{
    enum { MANY = 800 };
    static ebim_real x[MANY * 2], again[MANY * 2];
    double lo[2] = {-4.5, -1.5}, hi[2] = {4.5, 1.5};
    int method, b, i;
    for (method = 1; method < 3; method++) {
        ebim_project_desc d = desc((ebim_project)method, 0);
        ebim_arena a = arena();
        ebim_graph g;
        ebim_projector *p = projector(&a, &g, 2, record_two, NULL, &d);
        int count[16];
        if (!p) return;
        memset(count, 0, sizeof count);
        if (!CHECK_INT(ebim_projector_noise(p, MANY, x, lo, hi, T_SEED, 3), MANY)) return;
        for (b = 0; b < MANY; b++) {
            double y[3] = {0, 0, 0}, t;
            to_double(2, x + 2 * b, y);
            CHECK(y[0] >= lo[0] && y[0] <= hi[0] && y[1] >= lo[1] && y[1] <= hi[1]);
            CHECK_NEAR(off(record_two, y), 0, 100 * T_EPS);
            t = atan2(y[1], y[0] - (y[0] > 0 ? 3 : -3)) + PI;
            count[(y[0] > 0 ? 8 : 0) + (int)(t / (2 * PI) * 7.999)]++;
        }
        /* 50 if it were uniform; the least of 30 seeds was 20 */
        for (i = 0; i < 16; i++) CHECK(count[i] > 5);
        CHECK_INT(ebim_projector_noise(p, MANY, again, lo, hi, T_SEED, 3), MANY);
        CHECK(same_bits(MANY * 2, x, again));
        CHECK_INT(ebim_projector_noise(p, MANY, again, lo, hi, T_SEED, 4), MANY);
        CHECK(!same_bits(MANY * 2, x, again));
        CHECK_INT(ebim_projector_noise(p, 0, again, lo, hi, T_SEED, 4), 0);
    }
}

/* A box with a small piece of M: all points lie in it; a box without any: none. */
static void noise_stays_in_the_box(void)
{
    ebim_real x[60];
    double lo[2] = {0.6, 0.6}, hi[2] = {1, 1}, far_lo[2] = {3, 3}, far_hi[2] = {4, 4};
    ebim_project_desc d = desc(EBIM_PROJECT_ONTO, 0);
    ebim_arena a = arena();
    ebim_graph g;
    ebim_projector *p = projector(&a, &g, 2, record_waved, NULL, &d);
    int b;
    if (!p) return;
    CHECK_INT(ebim_projector_noise(p, 30, x, lo, hi, T_SEED, 0), 30);
    for (b = 0; b < 60; b++) CHECK((double)x[b] >= lo[b % 2] && (double)x[b] <= hi[b % 2]);
    CHECK_INT(ebim_projector_noise(p, 30, x, far_lo, far_hi, T_SEED, 0), 0);
}

static void descriptors(void)
{
    ebim_arena a = arena();
    ebim_graph g, square;
    ebim_project_desc d = desc(EBIM_PROJECT_NEAREST, 0);
    ebim_projector *p = NULL;
    size_t bytes;
    int i;
    CHECK_INT(ebim_record(&g, &a, 3, record_torus, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&square, &a, 1, record_empty, NULL), EBIM_OK); /* k = n */
    CHECK_INT(ebim_projector_init(&p, &a, &square, &d), EBIM_ERR_SHAPE);
    CHECK(!p);
    d.constraint.lanes = -1;
    CHECK_INT(ebim_projector_init(&p, &a, &g, &d), EBIM_ERR_ARG);
    for (i = 0; i < 4; i++) { /* measuring is exact */
        d = desc((ebim_project)(i < 3 ? i : 2), i == 3);
        ebim_arena_init(&a, NULL, 0);
        CHECK_INT(ebim_projector_init(&p, &a, &g, &d), EBIM_OK);
        CHECK(!p);
        bytes = ebim_arena_bytes(&a);
        ebim_arena_init(&a, memory + 4096, bytes);
        CHECK_INT(ebim_projector_init(&p, &a, &g, &d), EBIM_OK);
        CHECK_INT(a.used, bytes - 63);
        ebim_arena_init(&a, memory + 4096, bytes - 64);
        CHECK_INT(ebim_projector_init(&p, &a, &g, &d), EBIM_ERR_MEMORY);
        CHECK(!p);
    }
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(nearest_points);
    T_RUN(factor_of_F_does_not_matter);
    T_RUN(deep_inside);
    T_RUN(onto_and_descend);
    T_RUN(no_manifold);
    T_RUN(singular_points);
    T_RUN(near_the_origin);
    T_RUN(next_to_M);
    T_RUN(blocks_do_not_matter);
    T_RUN(noise_reaches_everything);
    T_RUN(noise_stays_in_the_box);
    T_RUN(descriptors);
    return T_END();
}
