/* Langevin chains on R^n and the replay buffer. With a quadratic energy the unadjusted chain is
 * Gaussian with a variance known at every step, so its law is tested without any allowance. A
 * statistical check allows 5 standard deviations: false alarms 6e-7 each, about 50 of them. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

static const double SIGMAS = 5;

/* The noise of chain b: one row of n per step, in the order of the sampler. */
static void noise(ebim_rng *r, int n, double *out)
{
    int i;
    for (i = 0; i < n; i += 2) {
        ebim_real a, b;
        ebim__normal2(r, &a, &b);
        out[i] = (double)a;
        if (i + 1 < n) out[i + 1] = (double)b;
    }
}

/* ---- energies ---- */

/* sum_i k_i x_i^2 / 2 */
static ebim_ref record_quadratic(ebim_graph *g, ebim_ref x, void *user)
{
    const double *k = (const double *)user;
    double half[2];
    half[0] = k[0] / 2;
    half[1] = k[1] / 2;
    return ebim_dot(g, ebim_constant(g, 2, half), ebim_apply(g, x, EBIM_FN_SQUARE));
}

/* F(x) = c x in R^2: two outputs */
static ebim_ref record_linear(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_scale(g, x, *(const double *)user);
}

/* F = (x0^2 + x1 - 1, sin x1 + 2 x2): two outputs on R^3 */
static ebim_ref record_pair(ebim_graph *g, ebim_ref x, void *user)
{
    double one = 1;
    ebim_ref a = ebim_apply(g, ebim_slice(g, x, 0, 1), EBIM_FN_SQUARE), b = ebim_slice(g, x, 1, 1);
    ebim_ref c = ebim_affine(g, ebim_add(g, a, b), &one, 1);
    (void)user;
    return ebim_concat(g, c, ebim_add(g, ebim_apply(g, b, EBIM_FN_SINE),
                                      ebim_scale(g, ebim_slice(g, x, 2, 1), 2)));
}

/* 3 cos x0 + x0 x1 - 2 x2^2, unbounded and with gradients of either sign */
static ebim_ref record_wavy(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = ebim_slice(g, x, 0, 1), b = ebim_slice(g, x, 1, 1), c = ebim_slice(g, x, 2, 1);
    ebim_ref y = ebim_add(g, ebim_scale(g, ebim_apply(g, a, EBIM_FN_COSINE), 3), ebim_mul(g, a, b));
    (void)user;
    return ebim_sub(g, y, ebim_scale(g, ebim_apply(g, c, EBIM_FN_SQUARE), 2));
}

static ebim_ref record_flat(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_scale(g, ebim_sum(g, x), 0);
}

/* sum x_i^0.5: value and gradient are not finite for a negative coordinate */
static ebim_ref record_roots(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_sum(g, ebim_pow(g, x, 0.5));
}

static ebim_langevin_desc desc(double eps, double step)
{
    ebim_langevin_desc d;
    memset(&d, 0, sizeof d);
    d.eps = eps;
    d.step = step;
    return d;
}

/* Records, runs B chains in place and returns the moves refused; -1 if something failed. */
static int64_t run(int n, ebim_record_fn f, void *user, const ebim_langevin_desc *d, int B,
                   ebim_real *x, int steps, uint64_t stream)
{
    ebim_arena a = arena();
    ebim_graph g;
    ebim_langevin *s;
    if (!CHECK_INT(ebim_record(&g, &a, n, f, user), EBIM_OK)) return -1;
    if (!CHECK_INT(ebim_langevin_init(&s, &a, &g, d), EBIM_OK)) return -1;
    return (int64_t)B * steps - ebim_langevin_run(s, B, x, steps, T_SEED, stream);
}

/* ---- the law ---- */

enum { CHAINS = 20000 };
static ebim_real chains[CHAINS * 3];

/* Second and fourth moments of coordinate c over B independent chains, N(0, var) expected. */
static void check_gaussian(int B, int n, int c, double var)
{
    double m1 = 0, m2 = 0, m4 = 0;
    int b;
    for (b = 0; b < B; b++) {
        double v = (double)chains[b * n + c];
        m1 += v / B;
        m2 += v * v / B;
        m4 += v * v * v * v / B;
    }
    CHECK_NEAR(m1, 0, SIGMAS * sqrt(var / B));
    CHECK_NEAR(m2 / var, 1, SIGMAS * sqrt(2.0 / B) + 1e-4); /* |normal| <= 5.9 in float */
    CHECK_NEAR(m4 / (var * var), 3, SIGMAS * sqrt(96.0 / B) + 1e-3);
}

/* From 0, x_t is normal with variance eps^2 (1 - a^2t) / (1 - a^2), a = 1 - step k / 2. */
static void check_law(const ebim_langevin_desc *d, ebim_record_fn f, void *user, const double *k,
                      int steps)
{
    double step = d->step > 0 ? d->step : d->eps * d->eps;
    int B = T_QUICK ? 1000 : CHAINS, c;
    memset(chains, 0, sizeof chains);
    CHECK_INT(run(2, f, user, d, B, chains, steps, 0), 0);
    for (c = 0; c < 2; c++) {
        double a = 1 - step * k[c] / 2;
        check_gaussian(B, 2, c, d->eps * d->eps * (1 - pow(a, 2.0 * steps)) / (1 - a * a));
    }
}

static void quadratic_law(void)
{
    static const struct { double eps, step, k[2]; int steps; } c[] = {
        {0.5, 0, {1, 3}, 60},          /* temperature 1: step = eps^2 */
        {0.5, 0, {1, 3}, 1},           /* the very first step */
        {0.3, 0.18, {2, 0.5}, 40},     /* temperature 1/2 */
        {0.1, 10, {0.1, 0.02}, 30},    /* notebooks 01 to 04: temperature 0.001 */
        {0.005, 10, {0.1, 0.3}, 30}};  /* a negative: overshoots and comes back */
    size_t i;
    for (i = 0; i < sizeof c / sizeof *c; i++) {
        ebim_langevin_desc d = desc(c[i].eps, c[i].step);
        double k[2];
        memcpy(k, c[i].k, sizeof k);
        check_law(&d, record_quadratic, k, k, c[i].steps);
    }
}

/* ||c x||^2 is a quadratic energy with k = 2 c^2. */
static void squared_norm_law(void)
{
    double c = 1.5, k[2];
    ebim_langevin_desc d = desc(0.3, 0);
    d.energy = EBIM_ENERGY_OF_NORM2;
    k[0] = k[1] = 2 * c * c;
    check_law(&d, record_linear, &c, k, 40);
}

/* A symmetric proposal that may not leave the box: uniform on it. */
static void uniform_in_a_box(void)
{
    static const double lo[2] = {-1, 0}, hi[2] = {1, 0.5};
    ebim_langevin_desc d = desc(0.3, 0);
    int B = T_QUICK ? 1000 : CHAINS, b, c;
    int64_t refused;
    d.lo = lo;
    d.hi = hi;
    for (b = 0; b < B; b++) {
        chains[2 * b] = (ebim_real)-0.99; /* a corner */
        chains[2 * b + 1] = (ebim_real)0.01;
    }
    refused = run(2, record_flat, NULL, &d, B, chains, 120, 7);
    CHECK(refused > 0 && refused < (int64_t)B * 120);
    for (c = 0; c < 2; c++) {
        double w = hi[c] - lo[c], mean = 0, square = 0;
        for (b = 0; b < B; b++) {
            double u = ((double)chains[2 * b + c] - lo[c]) / w;
            CHECK(u >= 0 && u <= 1);
            mean += u / B;
            square += u * u / B;
        }
        CHECK_NEAR(mean, 0.5, SIGMAS * sqrt(1 / 12.0 / B));
        CHECK_NEAR(square, 1 / 3.0, SIGMAS * sqrt(4 / 45.0 / B));
    }
}

/* ---- one step against a step by hand in double ---- */

enum { FEW = 50 };

static void wavy_gradient(const double *x, double *g)
{
    g[0] = -3 * sin(x[0]) + x[1];
    g[1] = x[0];
    g[2] = -4 * x[2];
}

/* Gradient of ||F||^2 (twice: of the norm itself) for record_pair */
static void pair_gradient(const double *x, double *g, int norm)
{
    double u = x[0] * x[0] + x[1] - 1, v = sin(x[1]) + 2 * x[2];
    double s = norm ? 1 / sqrt(u * u + v * v) : 2;
    g[0] = s * u * 2 * x[0];
    g[1] = s * (u + v * cos(x[1]));
    g[2] = s * v * 2;
}

static void check_step(ebim_record_fn f, ebim_langevin_desc d)
{
    ebim_real x[FEW * 3], x0[FEW * 3];
    double step = d.step > 0 ? d.step : d.eps * d.eps;
    int b, i;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 1);
    for (i = 0; i < FEW * 3; i++) x0[i] = x[i] = ebim_rng_normal(&r);
    CHECK_INT(run(3, f, NULL, &d, FEW, x, 1, 1000), 0);
    for (b = 0; b < FEW; b++) {
        double p[3], g[3], xi[3], most = 1;
        for (i = 0; i < 3; i++) p[i] = (double)x0[3 * b + i];
        if (f == record_wavy) wavy_gradient(p, g);
        else pair_gradient(p, g, d.energy == EBIM_ENERGY_OF_NORM);
        ebim_rng_init(&r, T_SEED, 1000 + (uint64_t)b);
        noise(&r, 3, xi);
        for (i = 0; i < 3; i++) { /* rounding of a coordinate: in units of all its terms */
            if (d.clamp > 0) g[i] = fmax(-d.clamp, fmin(d.clamp, g[i]));
            most = fmax(most, fabs(p[i]) + d.eps * fabs(xi[i]) + 10 * step * fabs(g[i]));
        }
        for (i = 0; i < 3; i++)
            CHECK_NEAR(x[3 * b + i], p[i] + d.eps * xi[i] - step / 2 * g[i], 16 * T_EPS * most);
    }
}

static void step_by_hand(void)
{
    ebim_langevin_desc d = desc(0.4, 0);
    check_step(record_wavy, d);
    d.step = 0.7;
    check_step(record_wavy, d);
    d.clamp = 0.5;
    check_step(record_wavy, d);
    d.energy = EBIM_ENERGY_OF_NORM;
    check_step(record_pair, d);
    d.clamp = 0;
    check_step(record_pair, d);
    d.energy = EBIM_ENERGY_OF_NORM2;
    check_step(record_pair, d);
    d = desc(0.1, 10); /* the authors' negatives */
    d.clamp = 0.03;
    d.energy = EBIM_ENERGY_OF_NORM;
    check_step(record_pair, d);
}

/* Where F = 0 the norm has no gradient; the subgradient taken is 0. */
static void norm_at_zero(void)
{
    double c = 3, xi[2];
    ebim_langevin_desc d = desc(0.1, 1);
    ebim_real x[2] = {0, 0};
    ebim_rng r;
    d.energy = EBIM_ENERGY_OF_NORM;
    CHECK_INT(run(2, record_linear, &c, &d, 1, x, 1, 5), 0);
    ebim_rng_init(&r, T_SEED, 5);
    noise(&r, 2, xi);
    CHECK_NEAR(x[0], 0.1 * xi[0], 8 * T_EPS);
    CHECK_NEAR(x[1], 0.1 * xi[1], 8 * T_EPS);
}

/* ---- refusals ---- */

/* Each coordinate is enough to refuse, on either side; the point stays and the count is exact. */
static void box_refuses(void)
{
    static const double lo[3] = {-0.3, -0.2, -0.25}, hi[3] = {0.2, 0.3, 0.15};
    enum { B = 400 };
    ebim_real x[B * 3];
    ebim_langevin_desc d = desc(0.2, 0);
    int64_t refused;
    int b, i, want = 0, unsure = 0, why[3][2];
    memset(x, 0, sizeof x);
    memset(why, 0, sizeof why);
    d.lo = lo;
    d.hi = hi;
    refused = run(3, record_flat, NULL, &d, B, x, 1, 0);
    for (b = 0; b < B; b++) {
        double xi[3];
        int out = 0, close = 0;
        ebim_rng r;
        ebim_rng_init(&r, T_SEED, (uint64_t)b);
        noise(&r, 3, xi);
        for (i = 0; i < 3; i++) {
            double y = d.eps * xi[i];
            if (y < lo[i] || y > hi[i]) why[i][y > hi[i]]++, out = 1;
            close |= fabs(y - lo[i]) < 1e-6 || fabs(y - hi[i]) < 1e-6;
        }
        want += out && !close;
        unsure += close;
        for (i = 0; i < 3 && !close; i++)
            CHECK_NEAR(x[3 * b + i], out ? 0 : d.eps * xi[i], out ? 0 : 8 * T_EPS);
    }
    CHECK(refused >= want && refused <= want + unsure);
    for (i = 0; i < 6; i++) CHECK(why[i / 2][i % 2] > 0); /* P(none) < 1e-11 each */
}

/* Padding lanes are not counted. */
static void all_refused(void)
{
    static const double lo[2] = {5, 5}, hi[2] = {6, 6};
    int B;
    for (B = 1; B <= 35; B += 17) {
        ebim_real x[2 * 35];
        ebim_langevin_desc d = desc(0.1, 0);
        int i;
        for (i = 0; i < 2 * B; i++) x[i] = (ebim_real)i / 100;
        d.lo = lo;
        d.hi = hi;
        d.lanes = 16;
        CHECK_INT(run(2, record_flat, NULL, &d, B, x, 9, 0), 9 * B);
        for (i = 0; i < 2 * B; i++) CHECK(x[i] >= (ebim_real)i / 100 && x[i] <= (ebim_real)i / 100);
    }
}

/* Lanes 3 and 20 cannot move; all the others do as if they were not there. */
static void bad_lanes_disturb_nobody(void)
{
    enum { B = 40, N = 2, STEPS = 20 };
    ebim_real x[B * N], y[B * N], nan = real_nan();
    int kind, clamped, b, i;
    for (kind = 0; kind < 2; kind++)
        for (clamped = 0; clamped < 2; clamped++) {
            ebim_langevin_desc d = desc(0.01, 0);
            int64_t refused, good;
            ebim_real stay[2 * N];
            if (clamped) d.clamp = 0.1;
            for (i = 0; i < B * N; i++) y[i] = x[i] = (ebim_real)(1 + 0.1 * i);
            x[3 * N] = x[20 * N + 1] = kind ? nan : -1;
            memcpy(stay, x + 3 * N, N * sizeof *x);
            memcpy(stay + N, x + 20 * N, N * sizeof *x);
            good = run(N, record_roots, NULL, &d, B, y, STEPS, 3);
            CHECK_INT(good, 0);
            refused = run(N, record_roots, NULL, &d, B, x, STEPS, 3);
            CHECK_INT(refused, 2 * STEPS);
            for (b = 0; b < B; b++)
                if (b != 3 && b != 20) CHECK(same_bits(N, x + b * N, y + b * N));
            CHECK(same_bits(N, x + 3 * N, stay) && same_bits(N, x + 20 * N, stay + N));
        }
}

/* ---- blocks and streams ---- */

static void blocks_do_not_matter(void)
{
    enum { B = 150, STEPS = 7 };
    static const int lanes[] = {1, 16, 48, 150, 1000};
    static const double lo[3] = {-2, -2, -2}, hi[3] = {2, 2, 2};
    static ebim_real x0[B * 3], want[B * 3], x[B * 3];
    ebim_langevin_desc d = desc(0.3, 0);
    int64_t refused = 0, part;
    int i;
    ebim_rng r;
    d.lo = lo;
    d.hi = hi;
    ebim_rng_init(&r, T_SEED, 2);
    for (i = 0; i < B * 3; i++) x0[i] = ebim_rng_uniform(&r);
    memcpy(want, x0, sizeof x);
    refused = run(3, record_wavy, NULL, &d, B, want, STEPS, 9);
    CHECK(!same_bits(B * 3, want, x0));
    for (i = 0; i < 5; i++) {
        d.lanes = lanes[i];
        memcpy(x, x0, sizeof x);
        CHECK_INT(run(3, record_wavy, NULL, &d, B, x, STEPS, 9), refused);
        CHECK(same_bits(B * 3, x, want));
    }
    d.lanes = 0;
    for (i = 1; i < B; i += 37) { /* two calls, the second with its streams moved on */
        memcpy(x, x0, sizeof x);
        part = run(3, record_wavy, NULL, &d, i, x, STEPS, 9);
        part += run(3, record_wavy, NULL, &d, B - i, x + 3 * i, STEPS, 9 + (uint64_t)i);
        CHECK_INT(part, refused);
        CHECK(same_bits(B * 3, x, want));
    }
}

static void streams_differ(void)
{
    enum { B = 20 };
    ebim_real x[B], y[B];
    ebim_langevin_desc d = desc(1, 0);
    int i, j, equal = 0;
    memset(x, 0, sizeof x);
    memset(y, 0, sizeof y);
    CHECK_INT(run(1, record_flat, NULL, &d, B, x, 1, 0), 0);
    CHECK_INT(run(1, record_flat, NULL, &d, B, y, 1, B), 0);
    for (i = 0; i < B; i++)
        for (j = 0; j < B; j++)
            equal += same_bits(1, x + i, y + j) + (i != j && same_bits(1, x + i, x + j));
    CHECK_INT(equal, 0); /* 780 pairs: two meet by chance (24 bits) with 5e-5 */
    memset(y, 0, sizeof y);
    CHECK_INT(run(1, record_flat, NULL, &d, B, y, 1, 0), 0);
    CHECK(same_bits(B, x, y));
    CHECK_INT(run(1, record_flat, NULL, &d, 0, y, 5, 0), 0); /* no chains, no steps */
    CHECK_INT(run(1, record_flat, NULL, &d, B, y, 0, 0), 0);
    CHECK(same_bits(B, x, y));
}

/* ---- descriptors ---- */

static void refused_descriptors(void)
{
    static const double bad[] = {0, -0.1};
    double c = 1;
    ebim_arena a = arena();
    ebim_graph g, pair;
    static const double side[2] = {-1, -1};
    ebim_langevin *s;
    ebim_langevin_desc d;
    size_t bytes;
    int i;
    CHECK_INT(ebim_record(&g, &a, 2, record_flat, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&pair, &a, 2, record_linear, &c), EBIM_OK);
    for (i = 0; i < 2; i++) {
        d = desc(bad[i], 0.1);
        s = (ebim_langevin *)memory;
        CHECK_INT(ebim_langevin_init(&s, &a, &g, &d), EBIM_ERR_EPS);
        CHECK(!s);
    }
    d = desc(0.1, 0);
    CHECK_INT(ebim_langevin_init(&s, &a, &pair, &d), EBIM_ERR_ARG); /* two outputs, no norm */
    d.energy = EBIM_ENERGY_OF_NORM;
    CHECK_INT(ebim_langevin_init(&s, &a, &pair, &d), EBIM_OK);
    d.lanes = -1;
    CHECK_INT(ebim_langevin_init(&s, &a, &pair, &d), EBIM_ERR_ARG);
    d.lanes = 32;
    d.lo = side; /* half a box */
    CHECK_INT(ebim_langevin_init(&s, &a, &g, &d), EBIM_ERR_BOX);
    d.lo = NULL;
    ebim_arena_init(&a, NULL, 0); /* measuring is exact */
    CHECK_INT(ebim_langevin_init(&s, &a, &g, &d), EBIM_OK);
    CHECK(!s);
    bytes = ebim_arena_bytes(&a);
    ebim_arena_init(&a, memory + 4096, bytes);
    CHECK_INT(ebim_langevin_init(&s, &a, &g, &d), EBIM_OK);
    CHECK(s != NULL);
    CHECK_INT(a.used, bytes - 63);
    ebim_arena_init(&a, memory + 4096, bytes - 64);
    CHECK_INT(ebim_langevin_init(&s, &a, &g, &d), EBIM_ERR_MEMORY);
    CHECK(!s);
}

/* ---- replay buffer ---- */

static void replay_fills_then_overwrites(void)
{
    enum { N = 3, SIZE = 10, B = 4 };
    ebim_arena a = arena();
    ebim_replay r;
    ebim_rng rng;
    ebim_real x[B * N];
    int32_t slot[B];
    int put, b, i, found[SIZE], changed = 0;
    CHECK_INT(ebim_replay_init(&r, &a, N, 0), EBIM_ERR_ARG);
    CHECK_INT(ebim_replay_init(&r, &a, 0, 5), EBIM_ERR_ARG);
    if (!CHECK_INT(ebim_replay_init(&r, &a, N, SIZE), EBIM_OK)) return;
    ebim_rng_init(&rng, T_SEED, 4);
    for (b = 0; b < B * N; b++) x[b] = 77;
    ebim_replay_draw(&r, &rng, B, x, 1, slot); /* empty: all fresh, x untouched */
    for (b = 0; b < B; b++) CHECK_INT(slot[b], -1);
    for (b = 0; b < B * N; b++) CHECK_INT(x[b], 77);
    for (put = 0; put < SIZE; put += B) { /* in order until it is full; the rest lands anywhere */
        for (i = 0; i < B * N; i++) x[i] = (ebim_real)(put * N + i);
        ebim_replay_put(&r, &rng, B, x, slot);
        CHECK_INT(r.used, put + B < SIZE ? put + B : SIZE);
    }
    memset(found, 0, sizeof found);
    for (i = 0; i < SIZE; i++) {
        for (b = 1; b < N; b++) /* rows stay whole */
            CHECK_INT(r.x[i * N + b], (int)r.x[i * N] + b);
        changed += (int)r.x[i * N] != i * N;
    }
    CHECK(changed >= 1 && changed <= 2);
    slot[0] = 7; /* back to where they came from */
    slot[1] = 2;
    slot[2] = 7;
    slot[3] = 0;
    for (i = 0; i < B * N; i++) x[i] = (ebim_real)(100 + i);
    ebim_replay_put(&r, &rng, B, x, slot);
    for (i = 0; i < N; i++) {
        CHECK_INT(r.x[0 * N + i], 109 + i);
        CHECK_INT(r.x[2 * N + i], 103 + i);
        CHECK_INT(r.x[7 * N + i], 106 + i); /* the later of two */
    }
    CHECK_INT(r.used, SIZE);
}

/* A share `keep` of the chains is drawn, uniformly, each with the point of its slot. */
static void replay_draws(void)
{
    enum { SIZE = 20, B = 20000 };
    static ebim_real x[B * 2];
    static int32_t slot[B];
    static const double keeps[] = {0, 0.25, 0.95, 1};
    ebim_arena a = arena();
    ebim_replay r;
    ebim_rng rng;
    int i, b;
    if (!CHECK_INT(ebim_replay_init(&r, &a, 2, SIZE), EBIM_OK)) return;
    ebim_rng_init(&rng, T_SEED, 5);
    for (b = 0; b < SIZE; b++) {
        x[2 * b] = (ebim_real)b;
        x[2 * b + 1] = (ebim_real)-b;
        slot[b] = -1;
    }
    ebim_replay_put(&r, &rng, SIZE - 1, x, slot); /* one place stays empty */
    for (i = 0; i < 4; i++) {
        double keep = keeps[i], p = keep / (SIZE - 1);
        int count[SIZE], kept = 0;
        memset(count, 0, sizeof count);
        for (b = 0; b < 2 * B; b++) x[b] = 55;
        ebim_replay_draw(&r, &rng, B, x, keep, slot);
        for (b = 0; b < B; b++) {
            int s = slot[b];
            if (!CHECK(s >= -1 && s < SIZE - 1)) return;
            CHECK_INT(x[2 * b], s < 0 ? 55 : s);
            CHECK_INT(x[2 * b + 1], s < 0 ? 55 : -s);
            kept += s >= 0;
            if (s >= 0) count[s]++;
        }
        CHECK_NEAR(kept, keep * B, SIGMAS * sqrt(B * keep * (1 - keep)));
        for (b = 0; b < SIZE - 1; b++)
            CHECK_NEAR(count[b], p * B, SIGMAS * sqrt(B * p * (1 - p)));
    }
}

/* A full buffer: fresh chains overwrite at random, all places in turn. */
static void replay_overwrites_everywhere(void)
{
    enum { SIZE = 8, TIMES = 8000 };
    ebim_arena a = arena();
    ebim_replay r;
    ebim_rng rng;
    int count[SIZE], t, i;
    if (!CHECK_INT(ebim_replay_init(&r, &a, 1, SIZE), EBIM_OK)) return;
    ebim_rng_init(&rng, T_SEED, 6);
    memset(count, 0, sizeof count);
    for (t = 0; t < TIMES + SIZE; t++) {
        ebim_real x = (ebim_real)t;
        int32_t slot = -1;
        ebim_replay_put(&r, &rng, 1, &x, &slot);
        for (i = 0; i < SIZE && t >= SIZE; i++) count[i] += (int)r.x[i] == t;
    }
    for (i = 0; i < SIZE; i++)
        CHECK_NEAR(count[i], TIMES / SIZE, SIGMAS * sqrt(TIMES * 7.0 / 64));
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(quadratic_law);
    T_RUN(squared_norm_law);
    T_RUN(uniform_in_a_box);
    T_RUN(step_by_hand);
    T_RUN(norm_at_zero);
    T_RUN(box_refuses);
    T_RUN(all_refused);
    T_RUN(bad_lanes_disturb_nobody);
    T_RUN(blocks_do_not_matter);
    T_RUN(streams_differ);
    T_RUN(refused_descriptors);
    T_RUN(replay_fills_then_overwrites);
    T_RUN(replay_draws);
    T_RUN(replay_overwrites_everywhere);
    return T_END();
}
