/* Random numbers, exp and SiLU: against goldens, against their laws, and against libm.
 *
 * Laws are tested with z = (observed - expected) / standard deviation, |z| < 5.5 (false alarm
 * 4e-8 per check for a normal z), chi-square through Wilson and Hilferty's cube root, which
 * makes a normal z of it, and Kolmogorov's D sqrt(n) < 3 (2 exp(-18) = 3e-8). About 1000 such
 * checks run, so a false alarm of the whole program has probability 5e-5; that is for random
 * seeds, T_SEED is fixed. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#define GOLDEN_RNG
#include "golden/tape.h"

enum { GOLDENS = sizeof golden_rng / sizeof golden_rng[0], CELLS = 256, CHUNK = 16 };

static const double Z = 5.5;

static ebim_real real(double x) { return (ebim_real)x; }

static ebim_rng stream(uint64_t number)
{
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, number);
    return r;
}

static int size(int full, int quick) { return T_QUICK ? quick : full; }

/* ---- laws ---- */

/* Counts of n equally likely cells: chi-square as a normal deviate. Wilson and Hilferty's tail
 * is right to some percent at 5 standard deviations once cells expect some ten counts. */
static double chi_square(const int *count, int cells)
{
    double n = 0, x = 0, df = cells - 1, c = 2 / (9 * df);
    int i;
    for (i = 0; i < cells; i++) n += count[i];
    for (i = 0; i < cells; i++) x += (count[i] - n / cells) * (count[i] - n / cells);
    x /= n / cells;
    return (pow(x / df, 1.0 / 3) - (1 - c)) / sqrt(c);
}

/* Too even is as suspect as too uneven. */
static void check_even(const int *count, int cells)
{
    CHECK_NEAR(chi_square(count, cells), 0, Z);
}

static void check_share(int hits, int n, double p)
{
    CHECK_NEAR((hits - n * p) / sqrt(n * p * (1 - p)), 0, Z);
}

/* Mean of n numbers of a law with this mean and variance. */
static void check_mean(double sum, int n, double mean, double variance)
{
    CHECK_NEAR((sum / n - mean) * sqrt(n / variance), 0, Z);
}

static int cell(double u, int cells)
{
    int i = (int)(u * cells);
    return i < 0 ? 0 : i >= cells ? cells - 1 : i;
}

static double phi(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: u should be uniform on [0, 1]; sorts it. */
static void check_uniform(double *u, int n)
{
    double D = 0;
    int i;
    qsort(u, (size_t)n, sizeof *u, ascending);
    for (i = 0; i < n; i++) {
        if (u[i] - (double)i / n > D) D = u[i] - (double)i / n;
        if ((double)(i + 1) / n - u[i] > D) D = (double)(i + 1) / n - u[i];
    }
    CHECK_NEAR(D * sqrt(n), 0, 3);
}

/* ---- integers ---- */

static void integers_are_golden(void)
{
    int q, i;
    for (q = 0; q < GOLDENS; q++) {
        int32_t index[8];
        ebim_rng r;
        ebim_rng_init(&r, golden_rng[q].seed, golden_rng[q].stream);
        for (i = 0; i < 8; i++) CHECK_INT(ebim_rng_u32(&r), golden_rng[q].u32[i]);
        for (i = 0; i < 8; i++) CHECK_INT(ebim_rng_below(&r, 10), golden_rng[q].below10[i]);
        for (i = 0; i < 8; i++)
            CHECK_INT(ebim_rng_below(&r, 3u << 30), golden_rng[q].below_large[i]);
        for (i = 0; i < 8; i++) index[i] = i;
        ebim_rng_shuffle(&r, 8, index);
        for (i = 0; i < 8; i++) CHECK_INT(index[i], golden_rng[q].shuffled[i]);
    }
}

static void bits_are_fair(void)
{
    ebim_rng r = stream(1);
    int n = size(1 << 18, 1 << 13), ones[32] = {0}, same[32] = {0}, i, b;
    uint32_t last = ebim_rng_u32(&r);
    for (i = 0; i < n; i++) {
        uint32_t x = ebim_rng_u32(&r);
        for (b = 0; b < 32; b++) {
            ones[b] += (int)(x >> b & 1u);
            same[b] += (int)(~(x ^ last) >> b & 1u);
        }
        last = x;
    }
    for (b = 0; b < 32; b++) {
        check_share(ones[b], n, 0.5);
        check_share(same[b], n, 0.5);
    }
}

static int differing(uint32_t x, uint32_t y)
{
    int n = 0;
    for (x ^= y; x; x &= x - 1) n++;
    return n;
}

/* 64 x 64 neighbours in seed and stream: no two begin alike (chance 2e-9), and half of the bits
 * differ between any two neighbours, right from the first number on. */
static void streams_differ(void)
{
    enum { SIDE = 64 };
    static uint32_t first[SIDE][SIDE];
    static double both[SIDE * SIDE];
    int i, j, near_seed = 0, near_stream = 0, n = SIDE * (SIDE - 1) * 32;
    for (i = 0; i < SIDE; i++)
        for (j = 0; j < SIDE; j++) {
            ebim_rng r;
            ebim_rng_init(&r, (uint64_t)T_SEED + (uint64_t)i, (uint64_t)j);
            first[i][j] = ebim_rng_u32(&r);
            both[i * SIDE + j] = (double)first[i][j] * 1048576 + (double)(ebim_rng_u32(&r) >> 12);
            if (i) near_seed += differing(first[i][j], first[i - 1][j]);
            if (j) near_stream += differing(first[i][j], first[i][j - 1]);
        }
    check_share(near_seed, n, 0.5);
    check_share(near_stream, n, 0.5);
    qsort(both, SIDE * SIDE, sizeof *both, ascending);
    for (i = 1; i < SIDE * SIDE; i++) CHECK(both[i] > both[i - 1]);
}

/* Products alone would hit every third of 3 * 2^30 values twice as often as the others. */
static void below_is_unbiased(void)
{
    static const uint32_t bounds[] = {1, 2, 3, 6, 7, 10, 64, 100, 255};
    ebim_rng r = stream(2);
    int q, i, n = size(200000, 5000), thirds[3] = {0}, low[3] = {0};
    for (q = 0; q < 9; q++) {
        int count[CELLS] = {0};
        for (i = 0; i < n; i++) {
            uint32_t x = ebim_rng_below(&r, bounds[q]);
            if (!CHECK(x < bounds[q])) return;
            count[x]++;
        }
        if (bounds[q] > 1) check_even(count, (int)bounds[q]);
    }
    for (i = 0; i < n; i++) {
        uint32_t x = ebim_rng_below(&r, 3u << 30), y = ebim_rng_below(&r, UINT32_MAX);
        if (!CHECK(x < 3u << 30) || !CHECK(y < UINT32_MAX)) return;
        thirds[x % 3]++;
        low[x >> 30]++;
    }
    check_even(thirds, 3);
    check_even(low, 3);
}

static void shuffle_is_uniform(void)
{
    enum { ORDERS = 24, MANY = 1000 };
    static int32_t many[MANY], seen[MANY];
    ebim_rng r = stream(3), before;
    int count[ORDERS] = {0}, i, n = size(120000, 4800);
    int32_t none[2] = {7, 8};
    for (i = 0; i < n; i++) {
        int32_t a[4] = {0, 1, 2, 3};
        int rank = 0, p, q, lower;
        ebim_rng_shuffle(&r, 4, a);
        for (p = 0; p < 4; p++) { /* the place among all orders, in the factorial system */
            for (lower = 0, q = p + 1; q < 4; q++) lower += a[q] < a[p];
            rank = rank * (4 - p) + lower;
        }
        if (!CHECK(rank >= 0 && rank < ORDERS)) return;
        count[rank]++;
    }
    check_even(count, ORDERS);
    for (i = 0; i < MANY; i++) many[i] = i;
    ebim_rng_shuffle(&r, MANY, many);
    for (i = 0; i < MANY; i++)
        if (CHECK(many[i] >= 0 && many[i] < MANY)) seen[many[i]]++;
    for (i = 0; i < MANY; i++) CHECK_INT(seen[i], 1);
    before = r;
    ebim_rng_shuffle(&r, 0, none);
    ebim_rng_shuffle(&r, 1, none);
    CHECK(none[0] == 7 && none[1] == 8 && !memcmp(&before, &r, sizeof r));
}

/* ---- reals ---- */

static void uniform_is_uniform(void)
{
    enum { N = 1 << 16 };
    static double u[N];
    ebim_rng r = stream(4), bits = r;
    int count[CELLS] = {0}, i, n = size(N, 1 << 12);
    double pairs = 0, scale = T_EPS / 2; /* 2^-24 or 2^-53: all bits are used */
    for (i = 0; i < n; i++) {
        uint64_t x = ebim_rng_u32(&bits);
#ifdef EBIM_DOUBLE
        x = x << 32 | ebim_rng_u32(&bits);
        x >>= 11;
#else
        x >>= 8;
#endif
        u[i] = (double)ebim_rng_uniform(&r);
        CHECK_NEAR(u[i], (double)x * scale, 0);
        if (!CHECK(u[i] >= 0 && u[i] < 1)) return;
        count[cell(u[i], CELLS)]++;
        if (i) pairs += (u[i] - 0.5) * (u[i - 1] - 0.5);
    }
    check_even(count, CELLS);
    check_mean(pairs, n - 1, 0, 1.0 / 144);
    check_uniform(u, n);
}

/* The smallest and largest number there is, from states made so that all bits agree. */
static void uniform_ends(void)
{
    ebim_rng r;
    memset(&r, 0, sizeof r);
    CHECK_NEAR(ebim_rng_uniform(&r), 0, 0); /* the state of zeros stays there */
#ifndef EBIM_DOUBLE
    r.s[3] = UINT32_MAX; /* rotl(-1, 7) + 0 */
    CHECK_NEAR(ebim_rng_uniform(&r), 1 - T_EPS / 2, 0);
#endif
}

/* Moments: E z^2p = (2p - 1)!!, and Var z^p = E z^2p - (E z^p)^2. */
static void check_moments(const double *z, int n)
{
    double s[5] = {0};
    int i;
    for (i = 0; i < n; i++) {
        double x = z[i];
        s[1] += x;
        s[2] += x * x;
        s[3] += x * x * x;
        s[4] += x * x * x * x;
    }
    check_mean(s[1], n, 0, 1);
    check_mean(s[2], n, 1, 2);
    check_mean(s[3], n, 0, 15);
    check_mean(s[4], n, 3, 96);
}

/* Tails beyond a: binomial, which is skewed when it expects few. With 60 or more expected, 5.5
 * standard deviations up are exceeded with probability below 2e-6. */
static void check_tails(const double *z, int n)
{
    static const double at[] = {2, 3, 3.5, 4, 4.5};
    int q, i;
    for (q = 0; q < 5; q++) {
        int low = 0, high = 0;
        double p = phi(-at[q]);
        for (i = 0; i < n; i++) {
            low += z[i] < -at[q];
            high += z[i] > at[q];
        }
        if (n * p >= 30) {
            check_share(low, n, p);
            check_share(high, n, p);
        }
        if (2 * n * p >= 60) check_share(low + high, n, 2 * p);
    }
}

static void normals_are_normal(void)
{
    enum { N = 1 << 20 };
    static double z[N];
    ebim_rng r = stream(5);
    int count[CELLS] = {0}, i, n = size(N, 1 << 12), sorted = size(N >> 3, 1 << 12);
    double pairs = 0;
    for (i = 0; i < n; i++) {
        z[i] = (double)ebim_rng_normal(&r);
        if (!CHECK(t_finite(z[i]))) return;
        count[cell(phi(z[i]), CELLS)]++;
        if (i) pairs += z[i] * z[i - 1];
    }
    check_even(count, CELLS);
    check_mean(pairs, n - 1, 0, 1);
    check_moments(z, n);
    check_tails(z, n);
    for (i = 0; i < sorted; i++) z[i] = phi(z[i]);
    check_uniform(z, sorted);
}

/* Both of a pair: normal, independent (angle uniform, exp(-r^2/2) uniform, all octants). */
static void pairs_are_independent(void)
{
    enum { SIDE = 16 };
    ebim_rng r = stream(6);
    int angle[64] = {0}, both[SIDE * SIDE] = {0}, i, n = size(200000, 5000);
    double product = 0, squares = 0, second = 0;
    for (i = 0; i < n; i++) {
        ebim_real a, b;
        double x, y, t, u;
        ebim__normal2(&r, &a, &b);
        x = (double)a;
        y = (double)b;
        t = atan2(y, x) / 6.28318530717958647692 + 0.5;
        u = exp(-0.5 * (x * x + y * y));
        angle[cell(t, 64)]++;
        both[cell(t, SIDE) * SIDE + cell(u, SIDE)]++;
        product += x * y;
        squares += (x * x - 1) * (y * y - 1);
        second += y;
    }
    check_even(angle, 64);
    check_even(both, SIDE * SIDE);
    check_mean(product, n, 0, 1);
    check_mean(squares, n, 0, 4);
    check_mean(second, n, 0, 1);
}

/* What Box and Muller's formula gives for these bits, in double. */
static void reference(uint32_t a, uint32_t b, double *n0, double *n1)
{
#ifdef EBIM_DOUBLE
    uint64_t a64 = (uint64_t)a << 32 | b, b64 = (uint64_t)b << 32 | a;
    double u = ((double)(a64 >> 11) + 0.5) / 9007199254740992.0;
    double t = (double)(b64 >> 11) / 9007199254740992.0 * 6.28318530717958647692;
#else
    double u = (double)((float)(a >> 8) / 16777216.0f + 1 / 33554432.0f);
    double t = (double)((int32_t)b >> 8) / 8388608.0 * 0.78539816339744830962;
#endif
    double r = sqrt(-2 * log(u)), c = cos(t), s = sin(t);
#ifndef EBIM_DOUBLE
    if (b & 2u) c = -c;
    if (b & 1u) {
        double swap = c;
        c = s;
        s = swap;
    }
#endif
    *n0 = r * c;
    *n1 = r * s;
}

/* Also at u next to 0 and 1 and at the ends of the angle. Close to u = 1 the radius is a root of
 * a small difference, so that its absolute error grows to sqrt(eps). */
static void pairs_follow_the_formula(void)
{
    static const uint32_t ends[] = {0, 1, 255, 256, 0x7fffffffu, 0x80000000u, 0xffffff00u,
                                    0xffffffffu, 0xfffffe00u, 3, 2};
    ebim_rng r = stream(7);
    int i, n = size(100000, 4000);
    for (i = 0; i < n; i++) {
        uint32_t a = i < 121 ? ends[i / 11] : ebim_rng_u32(&r);
        uint32_t b = i < 121 ? ends[i % 11] : ebim_rng_u32(&r);
        double x, y, length, slack;
        ebim_real n0, n1;
#ifdef EBIM_DOUBLE
        ebim__box_muller((uint64_t)a << 32 | b, (uint64_t)b << 32 | a, &n0, &n1);
#else
        ebim__box_muller(a, b, &n0, &n1);
#endif
        reference(a, b, &x, &y);
        length = sqrt(x * x + y * y);
        slack = 8 * T_EPS * (length + 1 / (length + sqrt(T_EPS)));
        CHECK_NEAR(n0, x, slack);
        CHECK_NEAR(n1, y, slack);
        CHECK(length < 8.7);
    }
}

/* A lane's numbers are those of its stream alone, whatever the kernels; an odd row has no partner
 * to write to. */
static void lanes_have_their_own_normals(void)
{
    enum { NL = 16, STRIDE = 32, ROWS = 5 };
    static ebim_real out[(ROWS + 1) * STRIDE];
    static uint32_t lane[4 * STRIDE];
    int table, n, i, l;
    for (table = 0; table < 3; table++)
        for (n = 1; n <= ROWS && ebim__kernels_at(table); n++) {
            ebim__seed_lanes(lane, STRIDE, NL, NL - 1, 5, 100);
            for (i = 0; i < (ROWS + 1) * STRIDE; i++) out[i] = 77;
            ebim__kernels_at(table)->normals(lane, n, out, STRIDE, NL);
            for (l = 0; l < NL; l++) {
                ebim_rng again;
                ebim_rng_init(&again, 5, 100 + (uint64_t)(l < NL - 1 ? l : 0)); /* padding */
                for (i = 0; i < n; i += 2) {
                    ebim_real a, b;
                    ebim__normal2(&again, &a, &b);
                    CHECK_NEAR(out[i * STRIDE + l], a, 4 * T_EPS * (1 + fabs((double)a)));
                    if (i + 1 < n)
                        CHECK_NEAR(out[(i + 1) * STRIDE + l], b, 4 * T_EPS * (1 + fabs((double)b)));
                }
                for (i = 0; i < 4; i++) CHECK(again.s[i] == lane[i * STRIDE + l]);
            }
            for (i = 0; i < (ROWS + 1) * STRIDE; i++)
                if (i >= n * STRIDE || i % STRIDE >= NL) CHECK(out[i] == 77);
        }
}

/* Archimedes: one coordinate of a point of S^2 is uniform on [-1, 1]. */
static void sphere_is_uniform(void)
{
    enum { N = 20000, DIM = 8 };
    static double u[N];
    ebim_rng r = stream(8);
    int n = size(N, 2000), i, q, dim, circle[64] = {0}, positive = 0;
    for (i = 0; i < n; i++) {
        ebim_real v[3];
        ebim_rng_sphere(&r, 1, v);
        CHECK_NEAR(fabs((double)v[0]), 1, 2 * T_EPS);
        positive += v[0] > 0;
        ebim_rng_sphere(&r, 2, v);
        circle[cell(atan2((double)v[1], (double)v[0]) / 6.28318530717958647692 + 0.5, 64)]++;
        ebim_rng_sphere(&r, 3, v);
        u[i] = 0.5 + 0.5 * (double)v[i % 3];
    }
    check_share(positive, n, 0.5);
    check_even(circle, 64);
    check_uniform(u, n);
    for (dim = 2; dim <= DIM; dim++) { /* E x^2 = 1/d, Var x^2 = 3 / (d (d + 2)) - 1 / d^2 */
        double first[DIM] = {0}, square[DIM] = {0}, cross = 0, d = dim;
        for (i = 0; i < n / 4; i++) {
            ebim_real v[DIM];
            double s = 0;
            ebim_rng_sphere(&r, dim, v);
            for (q = 0; q < dim; q++) {
                first[q] += (double)v[q];
                square[q] += (double)v[q] * (double)v[q];
                s += (double)v[q] * (double)v[q];
            }
            cross += (double)v[0] * (double)v[dim - 1];
            CHECK_NEAR(s, 1, 4 * dim * T_EPS);
        }
        for (q = 0; q < dim; q++) {
            check_mean(first[q], n / 4, 0, 1 / d);
            check_mean(square[q], n / 4, 1 / d, 3 / (d * (d + 2)) - 1 / (d * d));
        }
        check_mean(cross, n / 4, 0, 1 / (d * (d + 2)));
    }
}

static uint32_t rotr(uint32_t x, int k) { return x >> k | x << (32 - k); }

/* The state before the last number. */
static ebim_rng earlier(ebim_rng r)
{
    uint32_t *s = r.s, c, x;
    int i;
    c = rotr(s[3], 11);
    s[0] ^= c;
    x = s[1] ^ s[2]; /* s1 ^ (s1 << 9): from the low bits up */
    for (i = 0, s[3] = x; i < 4; i++) s[3] = x ^ s[3] << 9;
    x = s[3];
    s[2] = s[1] ^ x ^ s[0];
    s[1] = x;
    s[3] = c ^ x;
    return r;
}

/* A state whose next normal is so small that its square is no length to divide by. */
static void sphere_draws_again(void)
{
    ebim_rng r = stream(9), s, t;
    ebim_real v, tiny;
    int i, trial;
    t = s = r;
    for (i = 0; i < 10; i++) {
        (void)ebim_rng_u32(&s);
        t = earlier(s);
        (void)ebim_rng_u32(&t);
        if (!CHECK(!memcmp(&s, &t, sizeof s))) return;
    }
    for (trial = 0; trial < 10000; trial++) { /* one in 32 will do in double, any in float */
#ifdef EBIM_DOUBLE
        uint32_t want = 0x40000000u; /* a quarter turn, then few bits more: cos is about 0 */
#else
        uint32_t want = 1; /* angle 0 and swapped: the first is the sine */
#endif
        for (i = 0; i < 4; i++) s.s[i] = ebim_rng_u32(&r);
        s.s[3] = rotr(want - s.s[0], 7) - s.s[0];
        s = earlier(s);
        if (sizeof(ebim_real) == 8) s = earlier(s);
        t = s;
        tiny = ebim_rng_normal(&t);
        if (fabs((double)tiny) < 1e-11) break;
    }
    if (!CHECK(trial < 10000)) return;
    ebim_rng_sphere(&s, 1, &v);
    CHECK_NEAR(fabs((double)v), 1, 2 * T_EPS);
    CHECK(memcmp(&s, &t, sizeof s) != 0);
}

/* ---- kernels ---- */

/* |got - (hi + lo)| in ulps of ebim_real at hi; volatile, so that nobody adds hi and lo first.
 * Where an ulp is itself no normal double, and -ffast-math may take it for 0: relative, in eps. */
static double ulps(ebim_real got, double hi, double lo)
{
    volatile double first = (double)got - hi;
    int e;
    if (fabs(hi) < 1e-285) return fabs((double)got / hi - 1) / T_EPS;
    (void)frexp(hi, &e);
    return fabs(first - lo) / ldexp(T_EPS, e - 1);
}

static ebim_real exp_of(ebim_real x)
{
    x = -x;
    ebim__kernels_best()->exp_minus(1, &x);
    return x;
}

/* Under -ffast-math gcc takes 1 / x from an estimate and one Newton step. Where SiLU is below
 * 1e-30 an error of that estimate is none of ours. */
#ifdef __FAST_MATH__
static const double EXP_ULPS = 2.5;
#elif defined(EBIM_DOUBLE)
static const double EXP_ULPS = 1;
#else
static const double EXP_ULPS = 2;
#endif
static const double SILU_ULPS = 5, SLOPE_EPS = 4;

static void check_silu(const ebim_real g[3], const double ref[6])
{
    double error = ulps(g[0], ref[0], ref[1]);
    if (fabs(ref[0]) > 1e-30) CHECK_NEAR(error, 0, SILU_ULPS);
    CHECK_NEAR(g[0], ref[0], 1e-3 * fabs(ref[0]) + 1e-300);
    CHECK_NEAR(g[1], ref[2], SLOPE_EPS * T_EPS);
    CHECK_NEAR(g[2], ref[4], SLOPE_EPS * T_EPS);
}

static void exp_and_silu_are_golden(void)
{
    size_t q;
    for (q = 0; q < sizeof golden_kernels / sizeof golden_kernels[0]; q++) {
        const double *g = golden_kernels[q];
        ebim_real a[CHUNK] = {0}, out[3][CHUNK], first[3];
        int i, at = (int)(q % CHUNK);
        if (sizeof(ebim_real) == 4 && fabs(g[0]) > 87) continue;
        CHECK_NEAR(ulps(exp_of(real(g[0])), g[1], g[2]), 0, EXP_ULPS);
        a[at] = real(g[0]);
        ebim__kernels_best()->silu(1, a, out[0], out[1], out[2], CHUNK, CHUNK, 2);
        for (i = 0; i < 3; i++) first[i] = out[i][at];
        check_silu(first, g + 3);
    }
}

/* A dense sweep, against double in float, and in double against long double where that is longer
 * than double (valgrind's is not). */
static void exp_everywhere(void)
{
#ifdef EBIM_DOUBLE
    volatile long double tiny = LDBL_EPSILON, one = 1;
    double top = 708;
    int longer = LDBL_MANT_DIG >= 64 && one + tiny != one;
#else
    double top = 87;
    int longer = 1;
#endif
    ebim_rng r = stream(10);
    int i, n = size(300000, 3000);
    if (!longer) T_SKIP("no number longer than double here");
    for (i = 0; i < n; i++) {
        double range = i % 4 == 0 ? 1 : i % 4 == 1 ? 20 : top, hi, lo;
        ebim_real x = real(range * (2 * (double)ebim_rng_uniform(&r) - 1));
#ifdef EBIM_DOUBLE
        long double e = expl((long double)x);
        hi = (double)e;
        lo = (double)(e - (long double)hi);
#else
        hi = exp((double)x);
        lo = 0;
#endif
        CHECK_NEAR(ulps(exp_of(x), hi, lo), 0, EXP_ULPS);
    }
}

/* No gaps and no steps back from one number to the next, over powers of two of the scaling. */
static void exp_is_monotone_at_joints(void)
{
    int n;
    for (n = -120; n <= 120; n++) {
        ebim_real x = real((n + 0.5) * 0.69314718055994530942);
        ebim_real h = real(64 * T_EPS * (fabs((double)x) + 1));
        CHECK(exp_of(x - h) < exp_of(x + h));
    }
    CHECK(exp_of(0) == 1);
}

/* Beyond its range exp stays at its end: finite, not 0. SiLU of numbers this large is x or about 0
 * (off by |a| times the smallest exp), its slopes are 1 and 0. */
static void exp_and_silu_at_the_ends(void)
{
    static const double far[] = {1, 1.5, 10, 1e3, 1e9, 1e30};
    double top = sizeof(ebim_real) == 4 ? 87 : 708, floor_ = exp(-top);
    int i;
    for (i = 0; i < 6; i++) {
        double x = top * far[i], rest = 2 * x * floor_ + SLOPE_EPS * T_EPS;
        ebim_real a[CHUNK] = {0}, v[CHUNK], d1[CHUNK], d2[CHUNK];
        CHECK_REL(exp_of(real(x)), exp(top), 4 * T_EPS);
        CHECK_REL(exp_of(real(-x)), exp(-top), 4 * T_EPS);
        a[0] = real(x);
        a[1] = real(-x);
        ebim__kernels_best()->silu(1, a, v, d1, d2, CHUNK, CHUNK, 2);
        CHECK_REL(v[0], (double)a[0], 2 * T_EPS);
        CHECK_NEAR(d1[0], 1, rest);
        CHECK_NEAR(d2[0], 0, rest);
        CHECK_NEAR(v[1], 0, 2 * x * floor_);
        CHECK_NEAR(d1[1], 0, 2 * x * floor_);
        CHECK_NEAR(d2[1], 0, 2 * x * floor_);
    }
}

/* A NaN must come out as one: lanes are judged by their output. */
static void silu_keeps_nan(void)
{
    volatile uint64_t bits = UINT64_C(0x7ff8000000000000);
    volatile uint32_t bits32 = 0x7fc00000u;
    ebim_real a[CHUNK] = {0}, v[CHUNK], d1[CHUNK], d2[CHUNK];
    uint64_t b = bits;
    uint32_t b32 = bits32;
    int l;
    memcpy(&a[3], sizeof a[3] == 8 ? (const void *)&b : (const void *)&b32, sizeof a[3]);
    ebim__kernels_best()->silu(1, a, v, d1, d2, CHUNK, CHUNK, 2);
    for (l = 0; l < CHUNK; l++) {
        CHECK_INT(ebim__finite(v[l]), l != 3);
        CHECK_INT(ebim__finite(d1[l]), l != 3);
        CHECK_INT(ebim__finite(d2[l]), l != 3);
    }
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(integers_are_golden);
    T_RUN(bits_are_fair);
    T_RUN(streams_differ);
    T_RUN(below_is_unbiased);
    T_RUN(shuffle_is_uniform);
    T_RUN(uniform_is_uniform);
    T_RUN(uniform_ends);
    T_RUN(normals_are_normal);
    T_RUN(pairs_are_independent);
    T_RUN(pairs_follow_the_formula);
    T_RUN(lanes_have_their_own_normals);
    T_RUN(sphere_is_uniform);
    T_RUN(sphere_draws_again);
    T_RUN(exp_and_silu_are_golden);
    T_RUN(exp_everywhere);
    T_RUN(exp_is_monotone_at_joints);
    T_RUN(exp_and_silu_at_the_ends);
    T_RUN(silu_keeps_nan);
    return T_END();
}
