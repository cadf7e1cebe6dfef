/* exact_sampler.c: is the law of the adjusted sampler the one it promises?

       build/exact_sampler [--quick] [--chains N] [--only SURFACE]

   Surfaces {F = 0} with known energies, F never a distance function. Chains start from exact
   independent points of e^-E dsigma, make a few moves, and only where they end counts: so they are
   independent, and a chi-squared test against the cells' exact shares, by quadrature, has the p
   it says. Modes: full, the adjusted sampler, at steps that accept about 95, 70 and 40 %; long,
   the same with 1 to 6 leapfrog steps a move, as each chain draws, at 80 %;
   nocheck, without the way back; unadjusted, Algorithm 1 at temperature 1.

   Two have more outputs than equations. o3_nine: R'R = I as nine equations of rank six. turned: a
   circle on which F is not 0, and tangents as Q'J tells them are off by up to 9 degrees (see
   >>tangents in ebim.h). nofactor, without what that does to volume, is wrong there, and so is
   frozen: Q as it was where a move begins, unchecked, whose ends leave M. (With the check 3 of 100
   such moves are left.) On learned fields frozen shows in what it accepts: their bounds refuse it.
   nofactor is not seen there: its log is 0.0002 to 0.003 a move on average.

   Those are learned from 1000 points each: a trefoil, a Klein bottle in R^4, a Moebius strip with
   its edge, a torus in R^20. Their law is that on what was learned: the exact points are draws of
   dense charts (>>charts), each kept with a probability in proportion to e^-E / q, q its density,
   and so all of one weight. Twice as many as there are chains are counted in cells, those nearest
   to each of 36 points, and the test is the chi-squared test of two samples. The modes of a surface
   share them. --quick leaves the last torus out unless it is asked for.

   Where a law is right, p is below 1e-3 in one row of a thousand. The last line is one JSON
   object. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CELLS = 12, BINS = CELLS * CELLS, FINE = 60, MAX_N = 20, BLOCK = 2000,
    MOVES = 20, FIELD_MOVES = 6, /* of a chain: with nine outputs one takes as long as 100 others */
    QUICK_FIELD = 1000           /* chains there */
};

static const double PI = 3.14159265358979323846;

typedef struct surface {
    const char *name;
    int n, k;
    ebim_record_fn F, E;      /* F NULL: to be learned */
    /* A point by its two coordinates in 0..1: x: [n], the density of sigma and e^-E in them, up to
     * a factor, of what is not learned. O(3) is known by other means. */
    double (*at)(const double *u, double *x);
    int codim;                /* k, where F has more outputs; else 0 */
    double norm;              /* bound of ||F|| on M; else 0 */
} surface;

/* ---- what they share ---- */

static ebim_ref coordinate(ebim_graph *g, ebim_ref x, int i) { return ebim_slice(g, x, i, 1); }

static ebim_ref square(ebim_graph *g, ebim_ref x, int i) /* x_i^2 */
{
    return ebim_sumsq(g, coordinate(g, x, i));
}

static ebim_ref minus(ebim_graph *g, ebim_ref y, double level)
{
    return ebim_affine(g, y, &level, 1);
}

static ebim_ref uneven(ebim_graph *g, ebim_ref y, ebim_ref x) /* times 2 + (x0 - 1)^2 */
{
    return ebim_mul(g, y, minus(g, ebim_sumsq(g, minus(g, coordinate(g, x, 0), 1)), -2));
}

static ebim_ref tilt(ebim_graph *g, ebim_ref x, void *user) /* E = x0 - x1 / 2 */
{
    (void)user;
    return ebim_sub(g, coordinate(g, x, 0), ebim_scale(g, coordinate(g, x, 1), 0.5));
}

static double tilted(const double *x, double area) { return area * exp(x[1] / 2 - x[0]); }

/* ---- the surfaces ---- */

static ebim_ref circle_F(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return uneven(g, minus(g, ebim_sumsq(g, x), 1), x);
}

static double circle_at(const double *u, double *x)
{
    x[0] = cos(2 * PI * u[0]);
    x[1] = sin(2 * PI * u[0]);
    return tilted(x, 1);
}

static ebim_ref ellipse_F(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = ebim_add(g, ebim_scale(g, square(g, x, 0), 0.25), square(g, x, 1));
    (void)user;
    return uneven(g, minus(g, y, 1), x);
}

static double ellipse_at(const double *u, double *x)
{
    ebim_dual a = ebim_dual_make((ebim_real)(2 * PI * u[0]), 1); /* the variable */
    ebim_dual c = ebim_dual_apply(EBIM_FN_COSINE, a, 0), s = ebim_dual_apply(EBIM_FN_SINE, a, 0);
    x[0] = 2 * (double)c.v;
    x[1] = (double)s.v;
    return tilted(x, hypot(2 * (double)c.d, (double)s.d)); /* length per angle */
}

static double sphere_at(const double *u, double *x)
{
    double z = 2 * u[0] - 1, r = sqrt(1 - z * z);
    x[0] = r * cos(2 * PI * u[1]);
    x[1] = r * sin(2 * PI * u[1]);
    x[2] = z;
    return tilted(x, 1);
}

/* (|x|^2 + 3/4)^2 - 4 (x0^2 + x1^2): radii 1 and 1/2 */
static ebim_ref torus_F(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = ebim_sumsq(g, minus(g, ebim_sumsq(g, x), -0.75));
    ebim_ref b = ebim_sumsq(g, ebim_slice(g, x, 0, 2));
    (void)user;
    return ebim_sub(g, a, ebim_scale(g, b, 4));
}

static double torus_at(const double *u, double *x)
{
    double r = 1 + cos(2 * PI * u[1]) / 2;
    x[0] = r * cos(2 * PI * u[0]);
    x[1] = r * sin(2 * PI * u[0]);
    x[2] = sin(2 * PI * u[1]) / 2;
    return tilted(x, r);
}

/* x0^2 + x1^2 = 1, x2^2 + x3^2 = (1 + 0.4 x0)^2 */
static ebim_ref clifford_F(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = minus(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), 1);
    ebim_ref r = ebim_scale(g, minus(g, coordinate(g, x, 0), -2.5), 0.4);
    ebim_ref b = ebim_sub(g, ebim_sumsq(g, ebim_slice(g, x, 2, 2)), ebim_sumsq(g, r));
    (void)user;
    return uneven(g, ebim_concat(g, a, b), x);
}

static ebim_ref clifford_E(ebim_graph *g, ebim_ref x, void *user) /* x1 - x2 / 2 */
{
    return tilt(g, ebim_slice(g, x, 1, 2), user);
}

static double clifford_at(const double *u, double *x)
{
    double a = 2 * PI * u[0], b = 2 * PI * u[1], r = 1 + 0.4 * cos(a), turn = 0.4 * sin(a);
    x[0] = cos(a);
    x[1] = sin(a);
    x[2] = r * cos(b);
    x[3] = r * sin(b);
    return tilted(x + 1, r * sqrt(1 + turn * turn));
}

/* (q, 1) turned by the angle 0.15 x0, q = (|x|^2 - 1) / 2. Where q = 0, J has rank one: its left
 * singular vector is (cos, sin), Q'F = q, whose gradient is x, and Q'J = (x - (0.15, 0))'. Other
 * zeros of Q'F, inwards and outwards, have larger ||F||. */
static ebim_ref turned_F(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = ebim_scale(g, coordinate(g, x, 0), 0.15), q = minus(g, ebim_sumsq(g, x), 1);
    ebim_ref c = ebim_apply(g, a, EBIM_FN_COSINE), s = ebim_apply(g, a, EBIM_FN_SINE);
    (void)user;
    q = ebim_scale(g, q, 0.5);
    return ebim_concat(g, ebim_sub(g, ebim_mul(g, q, c), s), ebim_add(g, ebim_mul(g, q, s), c));
}

/* X'X = I, above and on the diagonal; or all of it */
static ebim_ref o3_part(ebim_graph *g, ebim_ref x, int all)
{
    ebim_ref y = 0;
    int i, j;
    for (i = 0; i < 3; i++)
        for (j = all ? 0 : i; j < 3; j++) {
            ebim_ref dot = ebim_dot(g, ebim_slice(g, x, 3 * i, 3), ebim_slice(g, x, 3 * j, 3));
            if (i == j) dot = minus(g, dot, 1);
            y = y ? ebim_concat(g, y, dot) : dot;
        }
    return uneven(g, y, x);
}

static ebim_ref o3_F(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return o3_part(g, x, 0);
}

static ebim_ref o3_nine_F(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return o3_part(g, x, 1);
}

static ebim_ref o3_E(ebim_graph *g, ebim_ref x, void *user) /* half the trace */
{
    static const double half[9] = {0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5};
    (void)user;
    return ebim_matrix(g, x, 1, half);
}

/* u[0]: rotations in its first half, reflections -R in the second; the angle of R has density
 * 1 - cos a, its axis is uniform and u[1] is not used. */
static double o3_at(const double *u, double *x)
{
    double sign = u[0] < 0.5 ? 1 : -1, a = PI * (u[0] < 0.5 ? 2 * u[0] : 2 * u[0] - 1);
    (void)x;
    return (1 - cos(a)) * exp(-0.5 * sign * (1 + 2 * cos(a)));
}

static double trefoil_at(const double *u, double *x)
{
    double a = 2 * PI * u[0];
    x[0] = (sin(a) + 2 * sin(2 * a)) / 3;
    x[1] = (cos(a) - 2 * cos(2 * a)) / 3;
    x[2] = -sin(3 * a) / 3;
    return 1;
}

/* A tube of radius 1/2 round a circle, which turns half way over once round it */
static double klein_at(const double *u, double *x)
{
    double a = 2 * PI * u[0], b = 2 * PI * u[1], r = 1 + cos(b) / 2;
    x[0] = r * cos(a);
    x[1] = r * sin(a);
    x[2] = sin(b) * cos(a / 2) / 2;
    x[3] = sin(b) * sin(a / 2) / 2;
    return 1;
}

static double moebius_at(const double *u, double *x)
{
    double a = 2 * PI * u[0], across = 0.8 * (u[1] - 0.5), r = 1 + across * cos(a / 2);
    x[0] = r * cos(a);
    x[1] = r * sin(a);
    x[2] = across * sin(a / 2);
    return 1;
}

/* A product of two circles, bent into all of R^20 by waves */
static double t2_r20_at(const double *u, double *x)
{
    double a = 2 * PI * u[0], b = 2 * PI * u[1];
    int i;
    x[0] = cos(a);
    x[1] = sin(a);
    x[2] = cos(b);
    x[3] = sin(b);
    for (i = 4; i < 20; i++) x[i] = 0.15 * cos((i % 3) * a + (1 + i % 2) * b + i);
    return 1;
}

static const surface surfaces[] = {
    {"circle", 2, 1, circle_F, tilt, circle_at, 0, 0},
    {"ellipse", 2, 1, ellipse_F, tilt, ellipse_at, 0, 0},
    {"sphere", 3, 1, circle_F, tilt, sphere_at, 0, 0},
    {"torus", 3, 1, torus_F, tilt, torus_at, 0, 0},
    {"clifford", 4, 2, clifford_F, clifford_E, clifford_at, 0, 0},
    {"o3", 9, 6, o3_F, o3_E, o3_at, 0, 0},
    {"o3_nine", 9, 6, o3_nine_F, o3_E, o3_at, 6, 0},
    {"turned", 2, 1, turned_F, tilt, circle_at, 1, 1.02},
    {"trefoil", 3, 2, NULL, tilt, trefoil_at, 2, 0},
    {"klein", 4, 2, NULL, tilt, klein_at, 2, 0},
    {"moebius", 3, 1, NULL, tilt, moebius_at, 1, 0},
    {"t2_r20", 20, 18, NULL, tilt, t2_r20_at, 18, 0}
};
enum { SURFACES = sizeof surfaces / sizeof *surfaces };

/* The rotation by angle a about a uniform axis, or minus it */
static void o3_point(ebim_rng *r, const double *u, double *x)
{
    double sign = u[0] < 0.5 ? 1 : -1, a = PI * (u[0] < 0.5 ? 2 * u[0] : 2 * u[0] - 1);
    double c = cos(a), s = sin(a), v[3], cross[9] = {0};
    ebim_real w[3];
    int i, j;
    ebim_rng_sphere(r, 3, w);
    for (i = 0; i < 3; i++) v[i] = (double)w[i];
    cross[1] = -v[2], cross[2] = v[1], cross[5] = -v[0];
    cross[3] = v[2], cross[6] = -v[1], cross[7] = v[0];
    for (i = 0; i < 3; i++)
        for (j = 0; j < 3; j++)
            x[3 * i + j] = sign * ((i == j ? c : 0) + (1 - c) * v[i] * v[j] + s * cross[3 * i + j]);
}

static double turn(double y, double x) /* the angle as 0..1 */
{
    double a = atan2(y, x) / (2 * PI);
    return a < 0 ? a + 1 : a;
}

/* The coordinates of a point */
static void coordinates(const surface *s, const ebim_real *p, double *u)
{
    double x[MAX_N] = {0}, trace, det;
    int i;
    for (i = 0; i < s->n; i++) x[i] = (double)p[i];
    u[1] = 0;
    if (s->at == circle_at) {
        u[0] = turn(x[1], x[0]);
    } else if (s->at == ellipse_at) {
        u[0] = turn(2 * x[1], x[0]);
    } else if (s->at == sphere_at) {
        u[0] = (1 + x[2]) / 2;
        u[1] = turn(x[1], x[0]);
    } else if (s->at == torus_at) {
        u[0] = turn(x[1], x[0]);
        u[1] = turn(x[2], sqrt(x[0] * x[0] + x[1] * x[1]) - 1);
    } else if (s->at == clifford_at) {
        u[0] = turn(x[1], x[0]);
        u[1] = turn(x[3], x[2]);
    } else {
        det = x[0] * (x[4] * x[8] - x[5] * x[7]) - x[1] * (x[3] * x[8] - x[5] * x[6]) +
              x[2] * (x[3] * x[7] - x[4] * x[6]);
        trace = (x[0] + x[4] + x[8]) * (det > 0 ? 1 : -1);
        u[0] = acos(fmax(-1, fmin(1, (trace - 1) / 2))) / PI / 2 + (det > 0 ? 0 : 0.5);
    }
}

/* ---- exact shares and exact points ---- */

typedef struct law {
    const surface *s;
    int cells[2];
    double share[BINS];
    double most;              /* bound of the density, for rejection; learned: of e^-E / q */
    /* what is learned has besides: */
    ebim_model model;
    int starts, next;         /* exact points, and the one whose turn it is; */
    int counted;              /* others that the shares are of (0: shares are exact) */
    ebim_real *start;         /* [starts][n] */
    ebim_real *center;        /* [cells][n] */
} law;

static int cell(double u, int cells) /* rounding may put u at an end or just beyond */
{
    int i = (int)(u * cells);
    return i < 0 ? 0 : i < cells ? i : cells - 1;
}

static int bin(const law *l, const double *u)
{
    return cell(u[0], l->cells[0]) * l->cells[1] + cell(u[1], l->cells[1]);
}

static void law_init(law *l, const surface *s)
{
    int one = s->n == 2 || s->n == 9, i, j, fine[2];
    double u[2], x[MAX_N], sum = 0;
    memset(l, 0, sizeof *l);
    l->s = s;
    l->cells[0] = one ? 3 * CELLS : CELLS;
    l->cells[1] = one ? 1 : CELLS;
    fine[0] = FINE * l->cells[0];
    fine[1] = one ? 1 : FINE * l->cells[1];
    for (i = 0; i < fine[0]; i++)
        for (j = 0; j < fine[1]; j++) {
            double p;
            u[0] = (i + 0.5) / fine[0];
            u[1] = (j + 0.5) / fine[1];
            p = s->at(u, x);
            l->most = fmax(l->most, 1.01 * p);
            l->share[bin(l, u)] += p;
            sum += p;
        }
    for (i = 0; i < BINS; i++) l->share[i] /= sum;
}

/* The cell of a point */
static int bin_of(const law *l, const ebim_real *p)
{
    double u[2], least = HUGE_VAL;
    int c, i, n = l->s->n, best = 0;
    if (!l->center) {
        coordinates(l->s, p, u);
        return bin(l, u);
    }
    for (c = 0; c < l->cells[0]; c++) {
        double d2 = 0;
        for (i = 0; i < n; i++) d2 += pow((double)p[i] - (double)l->center[c * n + i], 2);
        if (d2 < least) least = d2, best = c;
    }
    return best;
}

static void exact_point(law *l, ebim_rng *r, ebim_real *p)
{
    double u[2], x[MAX_N];
    int i;
    if (l->start) {
        memcpy(p, l->start + (size_t)l->next * (size_t)l->s->n, (size_t)l->s->n * sizeof *p);
        l->next = (l->next + 1) % l->starts;
        return;
    }
    do {
        u[0] = (ebim_rng_u32(r) + 0.5) / 4294967296.0;
        u[1] = (ebim_rng_u32(r) + 0.5) / 4294967296.0;
    } while ((ebim_rng_u32(r) + 0.5) / 4294967296.0 * l->most > l->s->at(u, x));
    if (l->s->n == 9) o3_point(r, u, x);
    for (i = 0; i < l->s->n; i++) p[i] = (ebim_real)x[i];
}

/* ---- the test ---- */

/* Q(a, x), the upper incomplete gamma function, regularised: a series, or a continued fraction
 * (Lentz). */
static double gamma_upper(double a, double x)
{
    double f = exp(a * log(x) - x - lgamma(a)), sum = 1 / a, term = sum, b, c, d, h;
    int i;
    if (x < a + 1) {
        for (i = 1; i < 1000; i++) sum += term *= x / (a + i);
        return 1 - f * sum;
    }
    b = x + 1 - a;
    c = 1e300;
    h = d = 1 / b;
    for (i = 1; i < 1000; i++) {
        double q = -i * (i - a);
        b += 2;
        d = 1 / (q * d + b);
        c = b + q / c;
        h *= c * d;
    }
    return f * h;
}

/* The square of how far a count is off, over its variance: `want` itself or, where that was counted
 * too, the sum of both counts, each in shares of its number */
static double term(const law *l, double count, double want, int N)
{
    double M = l->counted, variance = M > 0 ? (count + want * M / N) * N / M : want;
    return (count - want) * (count - want) / variance;
}

/* Chi-squared of counts in cells; those of few expected points are put together. */
static double p_value(const law *l, const int *count, int N)
{
    double chi = 0, rest = 0, rest_want = 0;
    int i, bins = l->cells[0] * l->cells[1], used = 0;
    for (i = 0; i < bins; i++) {
        double want = N * l->share[i];
        if (want < 10) {
            rest += count[i];
            rest_want += want;
            continue;
        }
        chi += term(l, count[i], want, N);
        used++;
    }
    if (rest_want > 0) {
        chi += term(l, rest, rest_want, N);
        used++;
    }
    return gamma_upper((used - 1) / 2.0, chi / 2);
}

typedef struct row {
    const char *surface, *mode;
    double eps, accept, p;
    int chains;
} row;

static void stop(ebim_result r)
{
    if (!r) return;
    fprintf(stderr, "exact_sampler: %s\n", ebim_result_str(r));
    exit(1);
}

static ebim_clmc_desc settings; /* of all samplers, but for eps and the mode */

static ebim_clmc *sampler(ebim_arena *a, const ebim_graph *F, const ebim_graph *E,
                          ebim_adjust how, double eps)
{
    ebim_clmc_desc d = settings;
    ebim_clmc *c;
    d.eps = eps;
    d.adjust = how;
    d.constraint.length = 1;
    if (F->field.codim && !F->field.gate) d.constraint.max_iter = 60; /* as Q turns, Newton's steps
                                                                       * shrink by a factor */
    stop(ebim_clmc_init(&c, a, F, E, &d));
    return c;
}

static row measure(law *l, ebim_arena *a, const ebim_graph *F, const ebim_graph *E,
                   const char *mode, double eps, int chains, uint64_t seed)
{
    static ebim_real x[MAX_N * BLOCK];
    int frozen = !strcmp(mode, "frozen");
    ebim_adjust how = frozen || !strcmp(mode, "nocheck") ? EBIM_ADJUST_UNCHECKED
                    : !strcmp(mode, "unadjusted") ? EBIM_ADJUST_NONE : EBIM_ADJUST_EXACT;
    size_t mark = a->used;
    ebim_clmc *c = sampler(a, F, E, how, eps);
    ebim_clmc_report rep;
    int count[BINS] = {0}, at, i, n = l->s->n, moves = MOVES;
    ebim_rng r;
    row out;
    if (l->s->codim && n > 2) moves = FIELD_MOVES;
    if (!strcmp(mode, "nofactor")) c->exact.tangents.m = 0; /* private, as these are wrong */
    c->f.frozen = c->g.frozen = frozen;
    ebim_rng_init(&r, seed, 1);
    l->next = 0;
    for (at = 0; at < chains; at += BLOCK) {
        int some = chains - at < BLOCK ? chains - at : BLOCK;
        for (i = 0; i < some; i++) exact_point(l, &r, x + i * n);
        ebim_clmc_run(c, some, x, moves, seed, (uint64_t)(1000 + at));
        for (i = 0; i < some; i++) count[bin_of(l, x + i * n)]++;
    }
    rep = ebim_clmc_stats(c);
    out.surface = l->s->name;
    out.mode = mode;
    out.eps = eps;
    out.accept = (double)rep.moved / (double)rep.steps;
    out.p = p_value(l, count, chains);
    out.chains = chains;
    a->used = mark;
    return out;
}

#ifndef EXACT_SAMPLER_NO_MAIN
/* ---- what is learned ---- */

/* `want` independent points of e^-E dsigma on the charts' M -> x; draws from `stream` on */
static void learned_points(const law *l, ebim_charts *charts, int want, ebim_real *x,
                           uint64_t stream)
{
    static ebim_real y[MAX_N * BLOCK], log_q[BLOCK];
    int have = 0, found, i, n = l->s->n;
    ebim_rng r;
    ebim_rng_init(&r, 5, stream);
    for (; have < want; stream += BLOCK) {
        found = ebim_charts_run(charts, BLOCK, y, log_q, 6, stream);
        for (i = 0; i < found && have < want; i++) {
            const ebim_real *p = y + i * n;
            double weight = exp((double)p[1] / 2 - (double)p[0] - (double)log_q[i]);
            if ((double)ebim_rng_uniform(&r) * l->most > weight) continue;
            memcpy(x + (size_t)have++ * (size_t)n, p, (size_t)n * sizeof *x);
        }
    }
}

/* The largest weight of 4000 draws and a fifth more: charts overlap, so that no point weighs much
 * more. */
static double learned_most(const law *l, ebim_charts *charts)
{
    static ebim_real y[MAX_N * 4000], log_q[4000];
    int i, n = l->s->n, found = ebim_charts_run(charts, 4000, y, log_q, 7, 0);
    double most = 0;
    for (i = 0; i < found; i++)
        most = fmax(most, exp((double)y[i * n + 1] / 2 - (double)y[i * n] - (double)log_q[i]));
    return 1.2 * most;
}

/* A fit to points that are uniform in their coordinates, a third as long as others: rougher */
static void learned_fit(law *l)
{
    enum { ROWS = 1000 };
    static ebim_real x[ROWS * MAX_N];
    const surface *s = l->s;
    ebim_fit_desc d;
    ebim_rng r;
    int i, j;
    ebim_rng_init(&r, 8, 0);
    for (i = 0; i < ROWS; i++) {
        double u[2], y[MAX_N];
        u[0] = (double)ebim_rng_uniform(&r);
        u[1] = (double)ebim_rng_uniform(&r);
        s->at(u, y);
        for (j = 0; j < s->n; j++) x[i * s->n + j] = (ebim_real)y[j];
    }
    memset(&d, 0, sizeof d);
    d.dim = s->n - s->k;
    d.no_energy = 1;
    d.effort = 0.3;
    d.networks = 1;
    stop(ebim_fit(&l->model, ROWS, s->n, x, &d));
    if (l->model.F.field.codim != s->codim || l->model.linear) stop(EBIM_ERR_SHAPE);
}

static void learned_init(law *l, ebim_arena *a, const surface *s, int chains)
{
    enum { CENTERS = 36, MORE = 2 };
    size_t size = (size_t)s->n * sizeof(ebim_real), mark = a->used;
    ebim_charts_desc d;
    ebim_charts *charts;
    ebim_real *x;
    int i;
    memset(l, 0, sizeof *l);
    memset(&d, 0, sizeof d);
    l->s = s;
    learned_fit(l);
    d.lo = l->model.lo;
    d.hi = l->model.hi;
    stop(ebim_charts_init(&charts, a, &l->model.F, &d));
    ebim_charts_cover(charts, l->model.starts, l->model.start);
    if (!ebim_charts_stats(charts).covered) stop(EBIM_ERR_SOLVE);
    l->most = learned_most(l, charts);
    l->starts = chains;
    l->counted = MORE * chains;
    x = (ebim_real *)malloc((size_t)(CENTERS + (1 + MORE) * chains) * size);
    if (!x) stop(EBIM_ERR_MEMORY);
    learned_points(l, charts, CENTERS + (1 + MORE) * chains, x, 0);
    l->center = x;
    l->start = x + CENTERS * s->n;
    l->cells[0] = CENTERS;
    l->cells[1] = 1;
    for (i = 0; i < l->counted; i++)
        l->share[bin_of(l, l->start + (size_t)(chains + i) * (size_t)s->n)] += 1.0 / l->counted;
    a->used = mark;
}

/* ---- rows ---- */

enum { MODES = 8, PLAIN = 1, RANKS = 2, LEARNED = 4 };

static const struct {
    const char *name;
    double accept;
    int of;                   /* PLAIN: K = k; RANKS: K > k; LEARNED */
    int like;                 /* the mode whose eps is taken (0: its own) */
} modes[MODES] = {
    {"full", 0.95, PLAIN | RANKS, 0}, {"full", 0.7, PLAIN | RANKS | LEARNED, 0},
    {"full", 0.4, PLAIN | RANKS | LEARNED, 0}, {"nocheck", 0.7, PLAIN | RANKS | LEARNED, 1},
    {"unadjusted", 0.7, PLAIN | RANKS | LEARNED, 1}, {"long", 0.8, PLAIN | RANKS, 0},
    {"nofactor", 0.7, RANKS | LEARNED, 1}, {"frozen", 0.7, RANKS | LEARNED, 1}
};

/* An eps at which the adjusted sampler accepts `target` */
static double eps_of(law *l, ebim_arena *a, const ebim_graph *F, const ebim_graph *E,
                     double target)
{
    static ebim_real x[MAX_N * 500];
    int i, chains = l->s->codim ? 64 : 500, moves = l->s->codim ? 80 : 300;
    size_t mark = a->used;
    ebim_clmc *c = sampler(a, F, E, EBIM_ADJUST_EXACT, 0.3);
    ebim_rng r;
    double eps;
    ebim_rng_init(&r, 77, 0);
    for (i = 0; i < chains; i++) exact_point(l, &r, x + i * l->s->n);
    eps = ebim_clmc_adapt(c, chains, x, moves, target, 78, 0);
    a->used = mark;
    return eps;
}

/* All modes of one surface; rows: [MODES], without a name where there is none */
static void surface_rows(const surface *s, int chains, uint64_t seed, row *rows)
{
    static law l;
    size_t size = (size_t)1 << 26;
    void *memory = malloc(size);
    ebim_arena a;
    ebim_graph F, E;
    double eps;
    int i;
    if (!memory) stop(EBIM_ERR_MEMORY);
    ebim_arena_init(&a, memory, size);
    stop(ebim_record(&E, &a, s->n, s->E, NULL));
    if (s->F) {
        stop(ebim_record(&F, &a, s->n, s->F, NULL));
        F.field.codim = s->codim;
        F.field.norm = s->norm;
        law_init(&l, s);
    } else {
        learned_init(&l, &a, s, chains);
        F = l.model.F;
    }
    for (i = 0; i < MODES; i++) {
        rows[i].mode = NULL;
        if (!(modes[i].of & (!s->F ? LEARNED : s->codim ? RANKS : PLAIN))) continue;
        settings.lo = l.model.lo; /* NULL, where nothing is learned */
        settings.hi = l.model.hi;
        settings.leapfrog = strcmp(modes[i].name, "long") ? 0 : 6;
        eps = modes[i].like ? rows[modes[i].like].eps : eps_of(&l, &a, &F, &E, modes[i].accept);
        rows[i] = measure(&l, &a, &F, &E, modes[i].name, eps, chains, seed + (uint64_t)i);
    }
    free(l.center);
    ebim_free(&l.model);
    free(memory);
}

int main(int argc, char **argv)
{
    const char *only = "", *comma = "";
    int chains = 100000, quick = 0, i, q;
    static row rows[SURFACES * MODES];
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--quick")) chains = 10000, quick = 1;
        else if (!strcmp(argv[i], "--chains") && i + 1 < argc && atoi(argv[i + 1]) > 999)
            chains = atoi(argv[++i]), quick = 0;
        else if (!strcmp(argv[i], "--only") && i + 1 < argc) only = argv[++i];
        else {
            fprintf(stderr, "usage: exact_sampler [--quick] [--chains N] [--only SURFACE]; "
                            "N is 1000 at least\n");
            return 2;
        }
    }
    printf("%-10s %-11s %8s %8s %10s\n", "surface", "mode", "eps", "accepts", "p");
    for (i = 0; i < SURFACES; i++) {
        const surface *s = &surfaces[i];
        if (!strstr(s->name, only) || (quick && !*only && s->n == MAX_N)) continue;
        surface_rows(s, quick && s->codim ? QUICK_FIELD : chains, 100 * (uint64_t)(i + 1),
                     rows + i * MODES);
        for (q = i * MODES; q < (i + 1) * MODES; q++)
            if (rows[q].mode)
                printf("%-10s %-11s %8.4f %8.3f %10.3g\n", rows[q].surface, rows[q].mode,
                       rows[q].eps, rows[q].accept, rows[q].p);
        fflush(stdout);
    }
    printf("{\"rows\":[");
    for (i = 0; i < SURFACES * MODES; i++) {
        if (!rows[i].mode) continue;
        printf("%s{\"surface\":\"%s\",\"mode\":\"%s\",\"eps\":%.6g,\"chains\":%d,\"accept\":%.6g,"
               "\"p\":%.6g}", comma, rows[i].surface, rows[i].mode, rows[i].eps, rows[i].chains,
               rows[i].accept, rows[i].p);
        comma = ",";
    }
    printf("]}\n");
    return 0;
}
#endif
