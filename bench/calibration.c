/* calibration.c: are the densities and samples of fits as good as they say? `make calibration`

       build/calibration [--quick] [--only PART] [--splits N]

   w1       the data in two random halves; a model is fitted to one, in plain coordinates, and
            sampled. Exact Wasserstein-1 distance of the samples from the held-out half, divided
            by that of the training half from it, means over 20 splits (floods: 5): 1 is as good
            as data
   truth    10 000 points of laws that are known: held-out negative log-likelihood minus that under
            the truth, of the same points; three surfaces of codimension 1, and of bench/sets.h, as
            hidden there, an open arc and a hemisphere, a trefoil, and sets of higher codimension
   weights  two circles that have 0.8 and 0.2 of the data, at several distances: share of the
            samples on the first, minus that of the data
   floods   splits 0.8 / 0.1 / 0.1, the first two given to the fit: test NLL of the rest, beside a
            von Mises-Fisher kernel density estimate on the known sphere from the first part, its
            bandwidth chosen on the second; plain, and with a share of the uniform density (also
            chosen there) so that outliers cost it less
   cover    known F and E: how many intervals of log Z hold the truth, 4000 on the sphere, by
            lines, 1000 on each of three sets of higher codimension, by charts

   The last line is one JSON object with everything. --quick: two splits or fits of each. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../examples/common/csv.h"
#include "../examples/common/embed.h"
#include "../examples/common/data.h"
#include "../examples/common/json.h"
#include "../examples/common/metrics.h"
#include "sets.h"

enum { MOST = 2000, DRAWN = 1000, TRUTH = 10000 };

typedef struct calibration {
    int quick, splits;
    const char *only;
    json j;
    FILE *log;
} calibration;

static void put(calibration *c, const char *part, const char *key, double v)
{
    char name[80];
    snprintf(name, sizeof name, "%s_%s", part, key);
    json_number(&c->j, name, v);
}

static ebim_real *points(int N, int n)
{
    ebim_real *x = (ebim_real *)malloc((size_t)N * (size_t)n * sizeof *x);
    if (x) return x;
    fprintf(stderr, "out of memory\n");
    exit(1);
}

static void shuffle_rows(ebim_rng *r, int N, int n, ebim_real *x)
{
    int i, k;
    for (i = N - 1; i > 0; i--) {
        int j = (int)ebim_rng_below(r, (uint32_t)(i + 1));
        for (k = 0; k < n; k++) {
            ebim_real t = x[i * n + k];
            x[i * n + k] = x[j * n + k];
            x[j * n + k] = t;
        }
    }
}

static double seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

/* A model of x, 0 with a message when there is none. */
static int fit(ebim_model *m, int N, int n, int dim, const ebim_real *x, uint64_t seed)
{
    ebim_fit_desc d;
    ebim_result r;
    memset(&d, 0, sizeof d);
    d.dim = dim;
    d.seed = seed;
    r = ebim_fit(m, N, n, x, &d);
    if (r) fprintf(stderr, "fit: %s\n", ebim_result_str(r));
    if (r && m->owned) ebim_free(m);
    return !r;
}

static double log_z(const ebim_model *m, double *se)
{
    ebim_arena a;
    ebim_log_z z;
    void *mem;
    ebim_arena_init(&a, NULL, 0);
    ebim_model_log_z(m, &a, 1 << 18, 1, &z);
    mem = malloc(ebim_arena_bytes(&a));
    ebim_arena_init(&a, mem, ebim_arena_bytes(&a));
    if (ebim_model_log_z(m, &a, 1 << 18, 1, &z)) z.log_z = HUGE_VAL;
    free(mem);
    if (se) *se = z.se;
    return z.log_z;
}

/* Mean -log density of x at the nearest points, the median distance to them, and how many points
 * have none, whom that mean leaves out */
static double nll(const ebim_model *m, int N, const ebim_real *x, double *median, int *lost)
{
    ebim_real *d = points(N, 1), *e = points(N, 1);
    unsigned char *ok = (unsigned char *)malloc((size_t)N);
    double sum = HUGE_VAL;
    int i, k, found = 0;
    if (ok && !ebim_score(m, N, x, NULL, d, e, ok)) {
        for (sum = 0, i = 0; i < N; i++) {
            if (ok[i]) sum += ((double)e[i] - sum) / ++found;
            else d[i] = (ebim_real)1e30; /* as far as can be */
        }
        sum += log_z(m, NULL);
    }
    for (i = 0; median && i <= N / 2; i++) /* selection: N is small */
        for (k = i + 1; k < N; k++)
            if (d[k] < d[i]) {
                ebim_real t = d[i];
                d[i] = d[k];
                d[k] = t;
            }
    if (median) *median = (double)d[N / 2];
    if (lost) *lost = N - found;
    free(d);
    free(e);
    free(ok);
    return sum;
}

/* ---- w1 ---- */

typedef struct data_set {
    const char *name, *file, *how;
    int n, m, splits;
    void (*draw)(ebim_rng *r, int N, ebim_real *x);
    double bound;
} data_set;

static const data_set sets[] = {
    {"fig1", NULL, NULL, 2, 1, 20, sets_paper_circle, 1.25},
    {"two_circles", NULL, NULL, 2, 1, 20, sets_paper_circles, 1.25},
    {"sphere", NULL, NULL, 3, 2, 20, synth_sphere_mixture, 1.25},
    {"floods", "floods.csv", "latlon", 3, 2, 20, NULL, 1.25},
    {"glycine", "glycine.csv", "torus:3,1", 3, 2, 20, NULL, 1.4}
};

static int w1_of(calibration *c, const data_set *s)
{
    int N = DRAWN, n = s->n, split, half, use, fits = 0;
    int splits = c->quick ? 2 : c->splits ? c->splits : s->splits;
    double ours = 0, floor = 0, held = 0, gap, most = 0, start = seconds();
    ebim_real *x = s->file ? data_read(s->file, s->how, &N, &n) : points(N, n), *y;
    ebim_rng r;
    if (!x) return 0;
    half = N / 2;
    use = half < MOST ? half : MOST;
    y = points(use, n);
    for (split = 0; split < splits; split++) {
        ebim_model m;
        const ebim_real *test = x + (size_t)half * (size_t)n;
        double a, b;
        ebim_rng_init(&r, 7, (uint64_t)split);
        if (s->draw) s->draw(&r, N, x);
        else shuffle_rows(&r, N, n, x);
        if (!fit(&m, half, n, s->m, x, (uint64_t)split)) continue;
        if (!ebim_sample(&m, use, y, (uint64_t)split + 1)) {
            a = metrics_w1(use, n, y, test, &gap);
            if (gap > most) most = gap;
            b = metrics_w1(use, n, x, test, &gap);
            if (gap > most) most = gap;
            ours += a;
            floor += b;
            held += nll(&m, half, test, NULL, NULL);
            fits++;
            fprintf(c->log, "w1 %s split %d: %.4f / %.4f, held-out NLL %.3f\n", s->name, split, a,
                    b, nll(&m, half, test, NULL, NULL));
            fflush(c->log);
        }
        ebim_free(&m);
    }
    fprintf(c->log, "w1 %s: ratio %.3f (bound %.2f), NLL %.3f, %d of %d fits, gap %.1e, "
            "%.1f s each\n", s->name, ours / floor, s->bound, held / fits, fits, splits, most,
            (seconds() - start) / splits);
    put(c, s->name, "w1", ours / fits);
    put(c, s->name, "w1_floor", floor / fits);
    put(c, s->name, "w1_ratio", ours / floor);
    put(c, s->name, "nll", held / fits);
    free(x);
    free(y);
    return fits == splits && ours / floor <= s->bound;
}

/* ---- truth ---- */

static double circle_law(const ebim_real *x) /* von Mises, kappa 2 */
{
    return log(2 * SYNTH_PI * 2.2795853023360673) - 2 * (double)x[0];
}

/* (1, 0, 0) plus normals, divided by its length; t = x[0]. Its density is, with the normal's
 * density phi and distribution Phi, e^(-1/2) / (2 pi)^(3/2) times the integral over r > 0 of
 * r^2 e^(-r^2/2 + r t). */
static void projected_normal(ebim_rng *r, int N, ebim_real *x)
{
    int i, k;
    for (i = 0; i < N; i++, x += 3) {
        double v[3], l = 0;
        for (k = 0; k < 3; k++) {
            v[k] = (k ? 0 : 1) + (double)ebim_rng_normal(r);
            l += v[k] * v[k];
        }
        for (k = 0; k < 3; k++) x[k] = (ebim_real)(v[k] / sqrt(l));
    }
}

static double projected_normal_law(const ebim_real *x)
{
    double t = (double)x[0], cdf = 0.5 * erfc(-t / sqrt(2.0));
    double part = t + (1 + t * t) * cdf * sqrt(2 * SYNTH_PI) * exp(t * t / 2);
    return 0.5 + 1.5 * log(2 * SYNTH_PI) - log(part);
}

/* Bivariate von Mises (sine model, kappa 2 and 2, lambda 1) in the two angles of the torus R = 2,
 * r = 1: per unit of area it is divided by r (R + r cos b). */
static double two_angles(double a, double b) { return 2 * cos(a) + 2 * cos(b) + sin(a) * sin(b); }

static void torus_law_draw(ebim_rng *r, int N, ebim_real *x)
{
    int i;
    for (i = 0; i < N; i++, x += 3) {
        double a, b;
        do {
            a = 2 * SYNTH_PI * (double)ebim_rng_uniform(r);
            b = 2 * SYNTH_PI * (double)ebim_rng_uniform(r);
        } while ((double)ebim_rng_uniform(r) >= exp(two_angles(a, b) - 4));
        x[0] = (ebim_real)((2 + cos(b)) * cos(a));
        x[1] = (ebim_real)((2 + cos(b)) * sin(a));
        x[2] = (ebim_real)sin(b);
    }
}

static double torus_law(const ebim_real *x)
{
    static double z = 0;
    double a = atan2((double)x[1], (double)x[0]), out = hypot((double)x[0], (double)x[1]) - 2;
    double b = atan2((double)x[2], out);
    int i, j;
    if (!(z > 0)) /* trapezium rule: exact for periodic functions as smooth as these */
        for (i = 0; i < 100; i++)
            for (j = 0; j < 100; j++)
                z += exp(two_angles(i * SYNTH_PI / 50, j * SYNTH_PI / 50)) * 4 * SYNTH_PI *
                     SYNTH_PI / 1e4;
    return log(z) + log(2 + cos(b)) - two_angles(a, b);
}

/* x: TRUTH rows to fit, and as many of which true_nll is the mean -log density */
static int truth_fit(calibration *c, const char *name, int n, int dim, const ebim_real *x,
                     double true_nll, double bound)
{
    const ebim_real *test = x + TRUTH * n;
    ebim_model m;
    double ours, start = seconds();
    int lost;
    if (!fit(&m, TRUTH, n, dim, x, 0)) {
        fprintf(c->log, "truth %s: no fit\n", name);
        put(c, name, "nll_excess", (double)NAN);
        return 0;
    }
    start = seconds() - start;
    ours = nll(&m, TRUTH, test, NULL, &lost);
    fprintf(c->log, "truth %s: held-out NLL %.4f, under the truth %.4f: %+.4f (the fit said %.4f "
            "+- %.4f), %d not found, %.1f s\n", name, ours, true_nll, ours - true_nll, m.info.nll,
            m.info.nll_se, lost, start);
    fflush(c->log);
    put(c, name, "nll_excess", ours - true_nll);
    put(c, name, "not_found", lost);
    ebim_free(&m);
    return fabs(ours - true_nll) <= bound && lost <= TRUTH / 100;
}

static int truth_of(calibration *c, const char *name, int n,
                    void (*draw)(ebim_rng *r, int N, ebim_real *x),
                    double (*law)(const ebim_real *x))
{
    ebim_real *x = points(2 * TRUTH, n);
    ebim_rng r;
    double true_nll = 0;
    int i, ok;
    ebim_rng_init(&r, 11, 0);
    draw(&r, 2 * TRUTH, x);
    for (i = TRUTH; i < 2 * TRUTH; i++) true_nll += law(x + i * n) / (int)TRUTH;
    ok = truth_fit(c, name, n, n - 1, x, true_nll, 0.02);
    free(x);
    return ok;
}

/* Those of sets_known, hidden, and how far they may be off, in nat */
static const struct {
    const char *name;
    double bound;
} known[] = {
    {"arc", 0.05}, {"hemisphere", 0.05}, {"trefoil", 0.05}, {"clifford", 0.05},
    {"sphere_r5", 0.05}, {"so3", 0.1} /* three dimensions, in which 10 000 points are few */
};

enum { KNOWN = sizeof known / sizeof *known };

static int truth_known(calibration *c, const char *name, double bound)
{
    static double each[2 * TRUTH];
    static sets_truth t;
    const sets_known_set *s = sets_find(name);
    sets_frame frame;
    ebim_real *x = points(2 * TRUTH, s->shape->n);
    ebim_rng r;
    double true_nll = 0;
    int i, ok;
    ebim_rng_init(&r, 11, 0);
    sets_build(&t, s->shape, s->arg, &r);
    sets_frame_init(&frame, s->shape->n, &r);
    sets_rows(&t, s, &frame, &r, 2 * TRUTH, x, each);
    for (i = TRUTH; i < 2 * TRUTH; i++) true_nll += each[i] / (int)TRUTH;
    ok = truth_fit(c, name, s->shape->n, s->shape->d, x, true_nll, bound);
    sets_free(&t);
    free(x);
    return ok;
}

/* ---- weights ---- */

static int weights(calibration *c)
{
    static const double apart[] = {1.1, 1.8, 4};
    int i, a, ok = 1, N = 5000, B = 20000;
    ebim_real *x = points(N, 2), *y = points(B, 2);
    for (a = 0; a < (c->quick ? 2 : 3); a++) {
        ebim_model m;
        ebim_rng r;
        int data = 0, sampled = 0;
        char name[40];
        ebim_rng_init(&r, 13, (uint64_t)a);
        for (i = 0; i < N; i++) {
            int left = (double)ebim_rng_uniform(&r) < 0.8;
            double t = synth_von_mises(&r, 0, 1);
            data += left;
            x[2 * i] = (ebim_real)((left ? -apart[a] : apart[a]) + cos(t));
            x[2 * i + 1] = (ebim_real)sin(t);
        }
        if (!fit(&m, N, 2, 1, x, 0)) return 0;
        if (ebim_sample(&m, B, y, 1)) return 0;
        for (i = 0; i < B; i++) sampled += y[2 * i] < 0;
        snprintf(name, sizeof name, "weights_%.1f", apart[a]);
        fprintf(c->log, "weights, centres %.1f apart: data %.4f, samples %.4f\n", 2 * apart[a],
                (double)data / N, (double)sampled / B);
        put(c, name, "error", (double)sampled / B - (double)data / N);
        ok &= fabs((double)sampled / B - (double)data / N) <= 0.01;
        ebim_free(&m);
    }
    free(x);
    free(y);
    return ok;
}

/* ---- floods ---- */

/* NLL of x: [B][3] under the kernel estimate from y: [N][3] */
static double kernels(int B, const ebim_real *x, int N, const ebim_real *y, double kappa,
                      double uniform)
{
    double sum = 0;
    int i, j;
    for (i = 0; i < B; i++) {
        double p = 0;
        for (j = 0; j < N; j++) {
            double t = (double)x[3 * i] * (double)y[3 * j] +
                       (double)x[3 * i + 1] * (double)y[3 * j + 1] +
                       (double)x[3 * i + 2] * (double)y[3 * j + 2];
            if (kappa * (1 - t) < 40) p += exp(kappa * (t - 1));
        }
        p *= kappa / (2 * SYNTH_PI) / N;
        sum -= log((1 - uniform) * p + uniform / (4 * SYNTH_PI) + 1e-300) / B;
    }
    return sum;
}

static double best_kernels(int N, int V, int T, const ebim_real *x, int mixed)
{
    static const double share[] = {0, 0.003, 0.01, 0.03, 0.1};
    double kappa, least = HUGE_VAL, best_kappa = 0, best_share = 0;
    int s;
    for (kappa = 400; kappa < 20000; kappa *= 1.2)
        for (s = mixed ? 1 : 0; s < (mixed ? 5 : 1); s++) {
            double v = kernels(V, x + 3 * N, N, x, kappa, share[s]);
            if (!(v < least)) continue;
            least = v;
            best_kappa = kappa;
            best_share = share[s];
        }
    return kernels(T, x + 3 * (N + V), N, x, best_kappa, best_share);
}

static int floods(calibration *c)
{
    int N, n, split, train, valid, test, splits = c->quick ? 2 : c->splits ? c->splits : 5;
    double mean = 0, plain = 0, mixed = 0, worst = 0, off = 0, longest = 0;
    ebim_real *x = data_read("floods.csv", "latlon", &N, &n);
    if (!x) return 0;
    train = N * 8 / 10;
    valid = N / 10;
    test = N - train - valid;
    for (split = 0; split < splits; split++) {
        ebim_model m, flat;
        ebim_rng r;
        double ours, median, a, b, start, area;
        ebim_rng_init(&r, 17, (uint64_t)split);
        shuffle_rows(&r, N, 3, x);
        start = seconds();
        if (!fit(&m, train + valid, 3, 2, x, (uint64_t)split)) return 0;
        start = seconds() - start;
        ours = nll(&m, test, x + 3 * (train + valid), &median, NULL);
        flat = m;
        flat.has_energy = 0;
        area = exp(log_z(&flat, NULL)) / (4 * SYNTH_PI) - 1;
        a = best_kernels(train, valid, test, x, 0);
        b = best_kernels(train, valid, test, x, 1);
        fprintf(c->log, "floods split %d: test NLL %.3f (the fit said %.3f +- %.3f), kernels %.3f, "
                "with a uniform share %.3f; median distance %.5f, area %+.2f %%, %.1f s\n", split,
                ours, m.info.nll, m.info.nll_se, a, b, median, 100 * area, start);
        fflush(c->log);
        mean += ours / splits;
        plain += a / splits;
        mixed += b / splits;
        if (median > worst) worst = median;
        if (fabs(area) > off) off = fabs(area);
        if (start > longest) longest = start;
        ebim_free(&m);
    }
    fprintf(c->log, "floods: test NLL %.3f, kernels %.3f, with a uniform share %.3f\n", mean, plain,
            mixed);
    put(c, "floods", "test_nll", mean);
    put(c, "floods", "kernels_nll", plain);
    put(c, "floods", "kernels_and_uniform_nll", mixed);
    put(c, "floods", "median_distance", worst);
    put(c, "floods", "area_error", off);
    put(c, "floods", "fit_seconds", longest);
    free(x);
    return mean <= 0.6 && mean <= mixed && worst <= 0.005 && off <= 0.01;
}

/* ---- cover ---- */

/* Products of unit circles (blocks of two coordinates) and spheres (of three), with further
 * coordinates that are 0 (blocks of one): F has a row for each block, E is the sum of slope times
 * the first coordinate of each. Z is a product, too. */
typedef struct cover_case {
    const char *name;
    int n, blocks, block[3];
    double slope[3];
    int reps;
} cover_case;

static const cover_case cover_cases[] = {
    {"log_z", 3, 1, {3, 0, 0}, {2, 0, 0}, 4000},              /* by lines, */
    {"log_z_circle_r3", 3, 2, {2, 1, 0}, {2, 0, 0}, 1000},    /* these by charts */
    {"log_z_clifford", 4, 2, {2, 2, 0}, {2, 1, 0}, 1000},
    {"log_z_sphere_r5", 5, 3, {3, 1, 1}, {2, 0, 0}, 1000}
};

/* To each row but the first is added x0 / 2 times the first, so that none is a distance. */
static ebim_ref cover_F(ebim_graph *g, ebim_ref x, void *user)
{
    static const double one = 1;
    const cover_case *s = (const cover_case *)user;
    ebim_ref first = 0, y = 0, row, half = ebim_scale(g, ebim_slice(g, x, 0, 1), 0.5);
    int b, at = 0;
    for (b = 0; b < s->blocks; at += s->block[b++]) {
        row = ebim_slice(g, x, at, s->block[b]);
        if (s->block[b] > 1) row = ebim_sub(g, ebim_sumsq(g, row), ebim_constant(g, 1, &one));
        if (b) y = ebim_concat(g, y, ebim_add(g, row, ebim_mul(g, half, first)));
        else first = y = row;
    }
    return y;
}

static ebim_ref cover_E(ebim_graph *g, ebim_ref x, void *user)
{
    const cover_case *s = (const cover_case *)user;
    ebim_ref y = ebim_scale(g, ebim_slice(g, x, 0, 1), s->slope[0]);
    int b, at = s->block[0];
    for (b = 1; b < s->blocks; at += s->block[b++])
        y = ebim_add(g, y, ebim_scale(g, ebim_slice(g, x, at, 1), s->slope[b]));
    return y;
}

/* The integral of e^(slope x0): 2 pi I0(slope) over the circle (trapezium rule, exact for what is
 * periodic and smooth), 4 pi sinh(slope) / slope over the sphere. */
static double cover_truth(const cover_case *s)
{
    double log_z = 0, mean;
    int b, i;
    for (b = 0; b < s->blocks; b++) {
        double k = s->slope[b];
        if (s->block[b] == 3) log_z += log(4 * SYNTH_PI * sinh(k) / k);
        if (s->block[b] != 2) continue;
        for (mean = 0, i = 0; i < 200; i++) mean += exp(k * cos(SYNTH_PI * i / 100)) / 200;
        log_z += log(2 * SYNTH_PI * mean);
    }
    return log_z;
}

/* Intervals are t's with 31 degrees of freedom. */
static int cover(calibration *c, const cover_case *s)
{
    static double lo[5] = {-1.2, -1.2, -1.2, -1.2, -1.2}, hi[5] = {1.2, 1.2, 1.2, 1.2, 1.2};
    double truth = cover_truth(s), share, bias = 0;
    int rep, reps = c->quick ? s->reps / 20 : s->reps, held = 0;
    cover_case copy = *s;
    ebim_arena a, keep;
    ebim_model m;
    ebim_log_z z;
    size_t room = 1 << 16;
    void *mem, *kept = malloc(room);
    memset(&m, 0, sizeof m);
    ebim_arena_init(&keep, kept, room);
    if (ebim_record(&m.F, &keep, s->n, cover_F, &copy) ||
        ebim_record(&m.E, &keep, s->n, cover_E, &copy))
        return 0;
    m.n = s->n;
    m.k = s->blocks;
    m.m = m.n - m.k;
    m.has_energy = 1;
    m.unit = 1;
    m.lo = lo;
    m.hi = hi;
    ebim_arena_init(&a, NULL, 0);
    ebim_model_log_z(&m, &a, 2048, 1, &z);
    room = ebim_arena_bytes(&a);
    mem = malloc(room);
    for (rep = 0; rep < reps; rep++) {
        ebim_arena_init(&a, mem, room);
        if (ebim_model_log_z(&m, &a, 2048, (uint64_t)rep, &z)) return 0;
        held += fabs(z.log_z - truth) <= 2.0395 * z.se;
        bias += (z.log_z - truth) / z.se / reps;
    }
    free(mem);
    free(kept);
    share = (double)held / reps;
    fprintf(c->log, "cover %s: %.2f %% of %d intervals of log Z hold the truth, mean of their "
            "errors %+.3f standard errors\n", s->name, 100 * share, reps, bias);
    put(c, s->name, "cover", share);
    return share >= 0.93 && share <= 0.97;
}

static int wanted(const calibration *c, const char *part)
{
    return !c->only || !strcmp(c->only, part);
}

int main(int argc, char **argv)
{
    calibration c;
    int i, ok = 1;
    memset(&c, 0, sizeof c);
    c.log = stderr;
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--quick")) c.quick = 1;
        else if (!strcmp(argv[i], "--only") && i + 1 < argc) c.only = argv[++i];
        else if (!strcmp(argv[i], "--splits") && i + 1 < argc) c.splits = atoi(argv[++i]);
        else {
            fprintf(stderr, "usage: calibration [--quick] [--splits N] "
                    "[--only cover|truth|arc|hemisphere|trefoil|clifford|sphere_r5|so3|weights|"
                    "floods|fig1|two_circles|sphere|glycine|w1]\n");
            return 2;
        }
    }
    c.j = json_begin(stdout);
    for (i = 0; i < (int)(sizeof cover_cases / sizeof *cover_cases); i++)
        if (wanted(&c, "cover")) ok &= cover(&c, &cover_cases[i]);
    if (wanted(&c, "truth")) {
        ok &= truth_of(&c, "circle", 2, sets_paper_circle, circle_law);
        ok &= truth_of(&c, "projected_normal", 3, projected_normal, projected_normal_law);
        ok &= truth_of(&c, "torus", 3, torus_law_draw, torus_law);
    }
    for (i = 0; i < KNOWN; i++)
        if (wanted(&c, "truth") || (c.only && !strcmp(c.only, known[i].name)))
            ok &= truth_known(&c, known[i].name, known[i].bound);
    if (wanted(&c, "weights")) ok &= weights(&c);
    if (wanted(&c, "floods")) ok &= floods(&c);
    for (i = 0; i < (int)(sizeof sets / sizeof *sets); i++)
        if (wanted(&c, "w1") || (c.only && !strcmp(c.only, sets[i].name)))
            ok &= w1_of(&c, &sets[i]);
    json_number(&c.j, "within_bounds", ok);
    json_end(&c.j);
    return 0;
}
