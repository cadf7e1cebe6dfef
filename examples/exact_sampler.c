/* exact_sampler.c: is the law of the adjusted sampler the one it promises?

       build/exact_sampler [--quick] [--chains N] [--only SURFACE]

   Six surfaces {F = 0} with known energies, F never a distance function. Chains start from exact
   independent points of e^-E dsigma, make a few moves, and only where they end counts: so they are
   independent, and a chi-squared test against the cells' exact shares, by quadrature, has the p
   it says. Modes: full, the adjusted sampler, at steps that accept about 95, 70 and 40 %; long,
   the same with 1 to 6 leapfrog steps a move, as each chain draws, at 80 %;
   nocheck, without the way back; unadjusted, Algorithm 1 at temperature 1. The last line is one
   JSON object. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>
#include <stdlib.h>

enum { CELLS = 12, BINS = CELLS * CELLS, FINE = 60, MAX_N = 9, MOVES = 20, BLOCK = 2000 };

static const double PI = 3.14159265358979323846;

typedef struct surface {
    const char *name;
    int n, k;
    ebim_record_fn F, E;
    /* A point by its two coordinates in 0..1: x: [n], the density of sigma and e^-E in them, up to
     * a factor. O(3) is known by other means. */
    double (*at)(const double *u, double *x);
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

/* X'X = I, above and on the diagonal */
static ebim_ref o3_F(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = 0;
    int i, j;
    (void)user;
    for (i = 0; i < 3; i++)
        for (j = i; j < 3; j++) {
            ebim_ref dot = ebim_dot(g, ebim_slice(g, x, 3 * i, 3), ebim_slice(g, x, 3 * j, 3));
            if (i == j) dot = minus(g, dot, 1);
            y = y ? ebim_concat(g, y, dot) : dot;
        }
    return uneven(g, y, x);
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

static const surface surfaces[] = {
    {"circle", 2, 1, circle_F, tilt, circle_at},
    {"ellipse", 2, 1, ellipse_F, tilt, ellipse_at},
    {"sphere", 3, 1, circle_F, tilt, sphere_at},
    {"torus", 3, 1, torus_F, tilt, torus_at},
    {"clifford", 4, 2, clifford_F, clifford_E, clifford_at},
    {"o3", 9, 6, o3_F, o3_E, o3_at},
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
    switch (s - surfaces) {
    case 0: u[0] = turn(x[1], x[0]); break;
    case 1: u[0] = turn(2 * x[1], x[0]); break;
    case 2:
        u[0] = (1 + x[2]) / 2;
        u[1] = turn(x[1], x[0]);
        break;
    case 3:
        u[0] = turn(x[1], x[0]);
        u[1] = turn(x[2], sqrt(x[0] * x[0] + x[1] * x[1]) - 1);
        break;
    case 4:
        u[0] = turn(x[1], x[0]);
        u[1] = turn(x[3], x[2]);
        break;
    default:
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
    double most;              /* bound of the density, for rejection */
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

static void exact_point(const law *l, ebim_rng *r, ebim_real *p)
{
    double u[2], x[MAX_N];
    int i;
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

/* Chi-squared of counts in cells; those of few expected points are put together. */
static double p_value(const law *l, const int *count, int N)
{
    double chi = 0, rest = 0, rest_want = 0;
    int i, bins = l->cells[0] * l->cells[1], used = 0;
    for (i = 0; i < bins; i++) {
        double want = N * l->share[i], off = count[i] - want;
        if (want < 10) {
            rest += count[i];
            rest_want += want;
            continue;
        }
        chi += off * off / want;
        used++;
    }
    if (rest_want > 0) {
        chi += (rest - rest_want) * (rest - rest_want) / rest_want;
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
    stop(ebim_clmc_init(&c, a, F, E, &d));
    return c;
}

static row measure(const law *l, ebim_arena *a, const ebim_graph *F, const ebim_graph *E,
                   const char *mode, double eps, int chains, uint64_t seed)
{
    static ebim_real x[MAX_N * BLOCK];
    ebim_adjust how = !strcmp(mode, "nocheck")      ? EBIM_ADJUST_UNCHECKED
                    : !strcmp(mode, "unadjusted") ? EBIM_ADJUST_NONE : EBIM_ADJUST_EXACT;
    size_t mark = a->used;
    ebim_clmc *c = sampler(a, F, E, how, eps);
    ebim_clmc_report rep;
    int count[BINS] = {0}, at, i, n = l->s->n;
    ebim_rng r;
    row out;
    ebim_rng_init(&r, seed, 1);
    for (at = 0; at < chains; at += BLOCK) {
        int some = chains - at < BLOCK ? chains - at : BLOCK;
        for (i = 0; i < some; i++) exact_point(l, &r, x + i * n);
        ebim_clmc_run(c, some, x, MOVES, seed, (uint64_t)(1000 + at));
        for (i = 0; i < some; i++) {
            double u[2];
            coordinates(l->s, x + i * n, u);
            count[bin(l, u)]++;
        }
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
enum { MODES = 6 };

/* An eps at which the adjusted sampler accepts `target` */
static double eps_of(const law *l, ebim_arena *a, const ebim_graph *F, const ebim_graph *E,
                     double target)
{
    static ebim_real x[MAX_N * 500];
    size_t mark = a->used;
    ebim_clmc *c = sampler(a, F, E, EBIM_ADJUST_EXACT, 0.3);
    ebim_rng r;
    double eps;
    int i;
    ebim_rng_init(&r, 77, 0);
    for (i = 0; i < 500; i++) exact_point(l, &r, x + i * l->s->n);
    eps = ebim_clmc_adapt(c, 500, x, 300, target, 78, 0);
    a->used = mark;
    return eps;
}

/* All modes of one surface; rows: [MODES] */
static void surface_rows(const surface *s, int chains, uint64_t seed, row *rows)
{
    static const char *const mode[MODES] = {"full", "full", "full", "nocheck", "unadjusted",
                                             "long"};
    static const double target[MODES] = {0.95, 0.7, 0.4, 0.7, 0.7, 0.8};
    static law l;
    size_t size = (size_t)1 << 24;
    void *memory = malloc(size);
    ebim_arena a;
    ebim_graph F, E;
    int i;
    if (!memory) stop(EBIM_ERR_MEMORY);
    ebim_arena_init(&a, memory, size);
    stop(ebim_record(&F, &a, s->n, s->F, NULL));
    stop(ebim_record(&E, &a, s->n, s->E, NULL));
    law_init(&l, s);
    for (i = 0; i < MODES; i++) {
        settings.leapfrog = strcmp(mode[i], "long") ? 0 : 6;
        rows[i] = measure(&l, &a, &F, &E, mode[i], eps_of(&l, &a, &F, &E, target[i]), chains,
                          seed + (uint64_t)i);
    }
    free(memory);
}

int main(int argc, char **argv)
{
    const char *only = "", *comma = "";
    int chains = 100000, i, q;
    row rows[SURFACES * MODES];
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--quick")) chains = 20000;
        else if (!strcmp(argv[i], "--chains") && i + 1 < argc && atoi(argv[i + 1]) > 999)
            chains = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--only") && i + 1 < argc) only = argv[++i];
        else {
            fprintf(stderr, "usage: exact_sampler [--quick] [--chains N] [--only SURFACE]; "
                            "N is 1000 at least\n");
            return 2;
        }
    }
    printf("%-10s %-11s %8s %8s %10s\n", "surface", "mode", "eps", "accepts", "p");
    for (i = 0; i < SURFACES; i++) {
        if (!strstr(surfaces[i].name, only)) continue;
        surface_rows(&surfaces[i], chains, 100 * (uint64_t)(i + 1), rows + i * MODES);
        for (q = i * MODES; q < (i + 1) * MODES; q++)
            printf("%-10s %-11s %8.4f %8.3f %10.3g\n", rows[q].surface, rows[q].mode, rows[q].eps,
                   rows[q].accept, rows[q].p);
        fflush(stdout);
    }
    printf("{\"rows\":[");
    for (i = 0; i < SURFACES * MODES; i++) {
        if (!strstr(surfaces[i / MODES].name, only)) continue;
        printf("%s{\"surface\":\"%s\",\"mode\":\"%s\",\"eps\":%.6g,\"chains\":%d,\"accept\":%.6g,"
               "\"p\":%.6g}", comma, rows[i].surface, rows[i].mode, rows[i].eps, rows[i].chains,
               rows[i].accept, rows[i].p);
        comma = ",";
    }
    printf("]}\n");
    return 0;
}
#endif
