/* Every table of kernels this processor has, against sums in double precision, at shapes that leave
 * every remainder of the tiles; and against each other. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

enum { MAX = 21, BIG = 300, LANES = 64, STRIDE = 80, TABLES = 3 };

static ebim_real x_all[3 * MAX * STRIDE], d_all[3 * MAX * STRIDE];
static ebim_real Y[MAX * STRIDE], W[MAX * MAX], G[MAX * MAX], bias[MAX];
#define X(i) (x_all + (i) * MAX * STRIDE) /* three of each */
#define D(i) (d_all + (i) * MAX * STRIDE)

static void fill(ebim_rng *r, ebim_real *x, int count)
{
    int i;
    for (i = 0; i < count; i++) x[i] = ebim_rng_normal(r);
}

static void set_up(ebim_rng *r)
{
    ebim_rng_init(r, T_SEED, 0);
    fill(r, X(0), 3 * MAX * STRIDE);
    fill(r, D(0), 3 * MAX * STRIDE);
    fill(r, W, MAX * MAX);
    fill(r, bias, MAX);
}

/* Y = b + W X, Y += W X, X += W'Y, times D or not, and nothing outside the rows and lanes asked
 * for. */
static void dense_case(const ebim__kernels *k, int no, int ni, int nl, int kind)
{
    int transposed = kind & 1, add = kind & 2, factor = kind & 4;
    ebim__matrix m;
    double worst = 0;
    int o, i, l, stray = 0;
    m.w = W;
    m.no = no;
    m.ni = ni;
    m.wo = transposed ? 1 : MAX;
    m.wi = transposed ? MAX : 1;
    for (i = 0; i < MAX * STRIDE; i++) Y[i] = (ebim_real)0.5;
    k->dense(&m, add ? NULL : bias, X(0), STRIDE, Y, factor ? D(0) : NULL, STRIDE, nl,
             add);
    for (o = 0; o < MAX; o++)
        for (l = 0; l < STRIDE; l++) {
            double want = add ? 0.5 : (double)bias[o], size = 1;
            if (o >= no || l >= nl) {
                stray += Y[o * STRIDE + l] < (ebim_real)0.5 || Y[o * STRIDE + l] > (ebim_real)0.5;
                continue;
            }
            for (i = 0; i < ni; i++) {
                double p = (double)W[o * m.wo + i * m.wi] * (double)X(0)[i * STRIDE + l];
                want += p;
                size += fabs(p);
            }
            if (factor) {
                want *= (double)D(0)[o * STRIDE + l];
                size *= fabs((double)D(0)[o * STRIDE + l]) + 1;
            }
            worst = fmax(worst, fabs(want - (double)Y[o * STRIDE + l]) / size);
        }
    CHECK_NEAR(worst, 0, 4 * T_EPS);
    CHECK_INT(stray, 0);
}

static void dense_products(void)
{
    ebim_rng r;
    int t, no, ni, nl;
    set_up(&r);
    for (t = 0; t < TABLES; t++)
        for (no = 1; no <= MAX && ebim__kernels_at(t); no++)
            for (ni = 1; ni <= 7; ni++)
                for (nl = 16; nl <= LANES; nl += 16)
                    dense_case(ebim__kernels_at(t), no, ni, nl, (no + ni + nl / 16) & 7);
}

/* Beyond the sizes at which X is copied in blocks; the factor D belongs to the whole sum. */
static void large_products(void)
{
    static ebim_real w[MAX * BIG], x[BIG * 2 * STRIDE], y[MAX * 2 * STRIDE];
    static ebim_real d[MAX * 2 * STRIDE];
    ebim__matrix m;
    ebim_rng r;
    int t, o, i, l, kind, nl = 2 * STRIDE - 16;
    ebim_rng_init(&r, T_SEED, 1);
    fill(&r, w, MAX * BIG);
    fill(&r, x, BIG * 2 * STRIDE);
    fill(&r, d, MAX * 2 * STRIDE);
    fill(&r, bias, MAX);
    m.w = w;
    m.no = MAX;
    m.ni = m.wo = BIG;
    m.wi = 1;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++)
        for (kind = 0; kind < 4; kind++) {
            int add = kind & 1;
            const ebim_real *D = kind & 2 ? d : NULL;
            double worst = 0;
            for (i = 0; i < MAX * 2 * STRIDE; i++) y[i] = (ebim_real)0.5;
            ebim__kernels_at(t)->dense(&m, add ? NULL : bias, x, 2 * STRIDE, y, D, 2 * STRIDE,
                                        nl, add);
            for (o = 0; o < MAX; o++)
                for (l = 0; l < nl; l++) {
                    double want = add ? 0.5 : (double)bias[o], size = 1;
                    for (i = 0; i < BIG; i++) {
                        double p = (double)w[o * BIG + i] * (double)x[i * 2 * STRIDE + l];
                        want += p;
                        size += fabs(p);
                    }
                    if (D) {
                        want *= (double)d[o * 2 * STRIDE + l];
                        size *= fabs((double)d[o * 2 * STRIDE + l]) + 1;
                    }
                    worst = fmax(worst, fabs(want - (double)y[o * 2 * STRIDE + l]) / size);
                }
            CHECK_NEAR(worst, 0, 8 * T_EPS);
            for (o = 0; o < MAX; o++) CHECK(!(y[o * 2 * STRIDE + nl] < y[o * 2 * STRIDE + nl + 1]));
        }
}

static void outer_case(const ebim__kernels *k, int no, int ni, int nl, int planes)
{
    double worst = 0;
    ebim__pair pair[8];
    int o, i, l, p, stray = 0;
    for (i = 0; i < MAX * MAX; i++) G[i] = (ebim_real)0.5;
    /* planes of D stand no rows apart, those of T ni rows */
    for (p = 0; p < planes; p++) {
        pair[p].d = D(0) + p * no * STRIDE;
        pair[p].x = p ? X(1) + (p - 1) * ni * STRIDE : X(0);
    }
    k->outer(no, ni, G, ni, pair, planes, STRIDE, nl);
    for (o = 0; o < no; o++)
        for (i = 0; i < ni; i++) {
            double want = 0.5, size = 1;
            for (p = 0; p < planes; p++)
                for (l = 0; l < nl; l++) {
                    const ebim_real *x = p ? X(1) + (p - 1) * ni * STRIDE : X(0);
                    double q = (double)D(0)[(p * no + o) * STRIDE + l];
                    q *= (double)x[i * STRIDE + l];
                    want += q;
                    size += fabs(q);
                }
            worst = fmax(worst, fabs(want - (double)G[o * ni + i]) / size);
        }
    for (i = no * ni; i < MAX * MAX; i++) stray += G[i] < (ebim_real)0.5 || G[i] > (ebim_real)0.5;
    CHECK_NEAR(worst, 0, 4 * T_EPS);
    CHECK_INT(stray, 0);
}

static void outer_products(void)
{
    ebim_rng r;
    int t, no, ni, nl, planes;
    set_up(&r);
    for (t = 0; t < TABLES; t++)
        for (no = 1; no <= 9 && ebim__kernels_at(t); no++)
            for (ni = 1; ni <= 5; ni++)
                for (nl = 16; nl <= LANES; nl += 48)
                    for (planes = 1; planes <= 3; planes++)
                        outer_case(ebim__kernels_at(t), no, ni, nl, planes);
}

/* SiLU in place, with the derivatives that were asked for and no others. */
static void silu_rows(void)
{
    static ebim_real v[3 * STRIDE], d1[3 * STRIDE], d2[3 * STRIDE];
    int t, i, l, order, stray;
    ebim_rng r;
    set_up(&r);
    for (t = 0; t < TABLES; t++)
        for (order = 0; order <= 2 && ebim__kernels_at(t); order++) {
            double worst = 0;
            memcpy(v, X(0), sizeof v);
            memset(d1, 0, sizeof d1);
            memset(d2, 0, sizeof d2);
            ebim__kernels_at(t)->silu(3, v, v, d1, d2, STRIDE, LANES, order);
            for (i = stray = 0; i < 3 * STRIDE; i++) {
                double a = (double)X(0)[i], s = 1 / (1 + exp(-a)), q = 1 - s;
                l = i % STRIDE;
                if (l >= LANES) {
                    stray += v[i] < X(0)[i] || v[i] > X(0)[i] || d1[i] < 0 || d1[i] > 0;
                    continue;
                }
                worst = fmax(worst, fabs((double)v[i] - a * s));
                worst = fmax(worst, fabs((double)d1[i] - (order > 0 ? s + a * s * q : 0)));
                worst = fmax(worst, fabs((double)d2[i] -
                                         (order > 1 ? s * q * (2 + a * (q - s)) : 0)));
            }
            CHECK_NEAR(worst, 0, 8 * T_EPS);
            CHECK_INT(stray, 0);
        }
}

static void products_of_rows(void)
{
    int t, i, stray;
    ebim_rng r;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++) {
        double worst = 0;
        set_up(&r);
        memcpy(Y, X(0), sizeof Y);
        ebim__kernels_at(t)->mac3(2, Y, X(1), X(2), D(0), STRIDE, LANES);
        ebim__kernels_at(t)->mul(2, Y + 2 * STRIDE, X(1), X(2), STRIDE, LANES);
        for (i = stray = 0; i < 4 * STRIDE; i++) {
            double xy = (double)X(1)[i % (2 * STRIDE)] * (double)X(2)[i % (2 * STRIDE)];
            double want = i < 2 * STRIDE ? (double)X(0)[i] + xy * (double)D(0)[i] : xy;
            if (i % STRIDE >= LANES) stray += Y[i] < X(0)[i] || Y[i] > X(0)[i];
            else worst = fmax(worst, fabs(want - (double)Y[i]) / (1 + fabs(want)));
        }
        CHECK_NEAR(worst, 0, 8 * T_EPS);
        CHECK_INT(stray, 0);
    }
}

static double distance(double want, ebim_real got)
{
    return fabs(want - (double)got) / (1 + fabs(want));
}

/* Rows and steps: a step of 0 is one row for all, so that fma is a dot product over rows. */
static void sums_of_rows(void)
{
    int t, i, l;
    ebim_rng r;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++) {
        const ebim__kernels *k = ebim__kernels_at(t);
        double worst = 0;
        ebim_real total[3] = {1, 2, 3}, *y = Y + 3 * STRIDE, *z = Y + 6 * STRIDE;
        set_up(&r);
        memcpy(Y, X(0), sizeof Y);
        k->mac(3, Y, STRIDE, X(1), STRIDE, D(0), 0, LANES);         /* rows times one row */
        k->mac(3, y, 0, X(1), STRIDE, D(0), STRIDE, LANES);         /* a dot product */
        k->axpy(3, z, STRIDE, (ebim_real)0.3, X(1), STRIDE, LANES);
        k->axpy(3, z + 3 * STRIDE, 0, 2, X(1), STRIDE, LANES);
        k->sum(3, total, X(1), STRIDE, LANES);
        for (i = 0; i < 3; i++) {
            double s = i + 1;
            for (l = 0; l < LANES; l++) s += (double)X(1)[i * STRIDE + l];
            worst = fmax(worst, distance(s, total[i]) / 8); /* of 64 numbers */
        }
        for (l = 0; l < LANES; l++) {
            double dot = (double)X(0)[3 * STRIDE + l], sum = (double)X(0)[9 * STRIDE + l];
            for (i = 0; i < 3; i++) {
                double x = (double)X(1)[i * STRIDE + l], was = (double)X(0)[i * STRIDE + l];
                dot += x * (double)D(0)[i * STRIDE + l];
                sum += 2 * x;
                worst = fmax(worst, distance(was + x * (double)D(0)[l], Y[i * STRIDE + l]));
                was = (double)X(0)[(6 + i) * STRIDE + l];
                worst = fmax(worst, distance(was + 0.3 * x, z[i * STRIDE + l]));
            }
            worst = fmax(worst, fmax(distance(dot, y[l]), distance(sum, z[3 * STRIDE + l])) / 4);
        }
        CHECK_NEAR(worst, 0, 4 * T_EPS);
        for (i = 0; i < 10; i++) /* and no lane further */
            CHECK(!memcmp(Y + i * STRIDE + LANES, X(0) + i * STRIDE + LANES,
                          (STRIDE - LANES) * sizeof *Y));
    }
}

/* A step of Langevin: its gradient clamped, NaNs kept; who has left; who moves. */
static void steps_of_chains(void)
{
    static const double lo[2] = {-1, -0.5}, hi[2] = {1, 0.7};
    const ebim_real c[3] = {(ebim_real)0.3, 2, (ebim_real)0.5};
    double nan_ = t_from_bits(UINT64_C(0x7ff8000000000000)),
           inf = t_from_bits(UINT64_C(0x7ff0000000000000));
    int t, i, l, out;
    ebim_rng r;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++) {
        const ebim__kernels *k = ebim__kernels_at(t);
        ebim__int ok[LANES], any[LANES];
        double worst = 0;
        set_up(&r);
        X(2)[3] = (ebim_real)nan_;
        X(2)[4] = (ebim_real)inf;
        X(2)[5] = (ebim_real)-inf;
        k->drift(2, Y, X(0), X(1), X(2), c, STRIDE, LANES);
        CHECK(ebim__nan(Y[3]));
        Y[3] = Y[6] = 0;
        for (i = 0; i < 2 * STRIDE; i++) {
            double g = (double)X(2)[i], cut = g > 0.5 ? 0.5 : g < -0.5 ? -0.5 : g;
            double want = (double)X(0)[i] + 0.3 * (double)X(1)[i] - 2 * cut;
            if (i % STRIDE < LANES && i != 3 && i != 6)
                worst = fmax(worst, distance(want, Y[i]));
        }
        CHECK_NEAR(worst, 0, 4 * T_EPS);
        X(0)[0] = (ebim_real)nan_;
        X(0)[1] = (ebim_real)inf;
        X(0)[STRIDE + 2] = (ebim_real)-inf;
        out = k->inside(2, X(0), lo, hi, ok, STRIDE, LANES);
        CHECK_INT(k->inside(2, X(0), NULL, NULL, any, STRIDE, LANES), 3);
        memcpy(Y, X(1), sizeof Y);
        k->select(2, Y, X(0), ok, STRIDE, LANES);
        for (l = 0; l < LANES; l++) {
            double x = (double)X(0)[l], y = (double)X(0)[STRIDE + l];
            int finite = l > 2, in = finite && x >= -1 && x <= 1 && y >= -0.5 && y <= 0.7;
            CHECK_INT(ok[l], in ? -1 : 0);
            CHECK_INT(any[l], finite ? -1 : 0);
            out -= !in;
            for (i = 0; i < 2; i++)
                CHECK(!memcmp(Y + i * STRIDE + l, (in ? X(0) : X(1)) + i * STRIDE + l, sizeof *Y));
        }
        CHECK_INT(out, 0);
        CHECK(!memcmp(Y + LANES, X(1) + LANES, (STRIDE - LANES) * sizeof *Y));
        X(1)[5] = 0;
        k->sign(1, Y, X(1), STRIDE, LANES);
        for (l = 0; l < LANES; l++) {
            double y = (double)X(1)[l];
            CHECK_NEAR(Y[l], y > 0 ? 1 : y < 0 ? -1 : 0, 0);
        }
    }
}

/* e^-x for any number of numbers, and not one more. */
static void exponentials(void)
{
    int t, n, i;
    ebim_rng r;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++)
        for (n = 0; n <= 50; n++) {
            double worst = 0;
            set_up(&r);
            memcpy(Y, X(0), sizeof Y);
            ebim__kernels_at(t)->exp_minus(n, Y);
            for (i = 0; i < n; i++)
                worst = fmax(worst, fabs((double)Y[i] / exp(-(double)X(0)[i]) - 1));
            CHECK_NEAR(worst, 0, 3 * T_EPS);
            CHECK(!memcmp(Y + n, X(0) + n, sizeof Y - (size_t)n * sizeof *Y));
        }
}

/* SiLU of a product, as the product and then SiLU. */
/* sin with both derivatives, small and large arguments; a lane that is not finite is alone. */
static void sine_rows(void)
{
    static const double size[] = {1e-3, 1, 100, 7000, 1e9};
    static ebim_real a[3 * STRIDE], v[3 * STRIDE], d1[3 * STRIDE], d2[3 * STRIDE];
    int t, i, q, bad;
    ebim_rng r;
    set_up(&r);
    for (t = 0; t < TABLES; t++)
        for (q = 0; q < 10 && ebim__kernels_at(t); q++) {
            double worst = 0;
            for (i = 0; i < 3 * STRIDE; i++)
                a[i] = (ebim_real)(size[q % 5] * (2 * (double)ebim_rng_uniform(&r) - 1));
            bad = q < 5 ? -1 : STRIDE + 5;
            if (bad >= 0) a[bad] = (ebim_real)HUGE_VAL;
            memcpy(v, a, sizeof v);
            ebim__kernels_at(t)->sine(3, v, v, d1, d2, STRIDE, LANES, 2);
            for (i = 0; i < 3 * STRIDE; i++) {
                if (i == bad || i % STRIDE >= LANES) continue;
                worst = fmax(worst, fabs((double)v[i] - sin((double)a[i])));
                worst = fmax(worst, fabs((double)d1[i] - cos((double)a[i])));
                worst = fmax(worst, fabs((double)d2[i] + sin((double)a[i])));
            }
            CHECK_NEAR(worst, 0, 2 * T_EPS);
#ifndef __FAST_MATH__
            CHECK(bad < 0 || !ebim__finite(v[bad]));
#endif
        }
}

static void dense_then_silu(void)
{
    static ebim_real v[3][MAX * STRIDE], w[3][MAX * STRIDE];
    int t, no;
    ebim_rng r;
    ebim__matrix m;
    set_up(&r);
    m.w = W;
    m.ni = m.wo = MAX;
    m.wi = 1;
    for (t = 0; t < TABLES; t++)
        for (no = 1; no <= MAX && ebim__kernels_at(t); no++) {
            const ebim__kernels *k = ebim__kernels_at(t);
            m.no = no;
            memset(v, 0, sizeof v);
            memset(w, 0, sizeof w);
            k->dense_silu(&m, bias, X(0), v[0], v[1], v[2], STRIDE, LANES, no % 3);
            k->dense(&m, bias, X(0), STRIDE, w[0], NULL, STRIDE, LANES, 0);
            k->silu(no, w[0], w[0], w[1], w[2], STRIDE, LANES, no % 3);
            CHECK(!memcmp(v, w, sizeof v));
        }
}

/* To the bit, but under -ffast-math, where sums may be in another order */
static int differ(ebim_real a, ebim_real b)
{
#ifdef __FAST_MATH__
    return !(fabs((double)a - (double)b) <= 64 * T_EPS * (1 + fabs((double)b)));
#else
    return memcmp(&a, &b, sizeof a) != 0;
#endif
}

/* What a kernel of many lanes makes of lane 0 stands in MANY, what the one of one lane makes of the
 * same numbers in ONE, whose stride is 1. */
static ebim_real many[4][MAX * STRIDE], one[4][MAX + 1];

/* Array q of both <- rows of lane 0 of x; behind the rows of the second stands what must stay. */
static void both_begin(int q, int rows, const ebim_real *x)
{
    int i;
    memcpy(many[q], x, sizeof many[q]);
    for (i = 0; i <= MAX; i++) one[q][i] = i < rows ? x[i * STRIDE] : (ebim_real)0.5;
}

static int both_differ(int q, int rows)
{
    int i, stray = 0;
    for (i = 0; i < rows; i++) stray += differ(one[q][i], many[q][i * STRIDE]);
    for (i = rows; i <= MAX; i++) stray += differ(one[q][i], (ebim_real)0.5);
    return stray;
}

/* A product of one lane gives what it gives among others; wo = 1 takes another way than wi = 1. */
static void one_lane_products(void)
{
    int t, no, kind, q;
    ebim_rng r;
    ebim__matrix m;
    set_up(&r);
    m.w = W;
    m.ni = 7;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++)
        for (no = 1; no <= MAX; no++)
            for (kind = 0; kind < 8; kind++) {
                const ebim__kernels *k = ebim__kernels_at(t);
                const ebim_real *b = kind & 2 ? NULL : bias;
                int add = (kind & 3) == 2, order = no % 3;
                m.no = no;
                m.wo = kind & 1 ? 1 : MAX;
                m.wi = kind & 1 ? MAX : 1;
                both_begin(0, 7, X(0));
                both_begin(1, no, X(1));
                both_begin(2, no, D(0));
                k->dense(&m, b, many[0], STRIDE, many[1], kind & 4 ? many[2] : NULL, STRIDE, LANES,
                         add);
                k[1].dense(&m, b, one[0], 1, one[1], kind & 4 ? one[2] : NULL, 1, 1, add);
                CHECK_INT(both_differ(1, no), 0);
                for (q = 1; q < 4; q++) both_begin(q, no, X(2));
                k->dense_silu(&m, bias, many[0], many[1], many[2], many[3], STRIDE, LANES, order);
                k[1].dense_silu(&m, bias, one[0], one[1], one[2], one[3], 1, 1, order);
                for (q = 1; q < 4; q++) CHECK_INT(both_differ(q, no), 0);
            }
}

/* Rows: functions of each, and sums over them */
static void one_lane_rows(const ebim__kernels *k, int rows)
{
    int q, order = rows % 3, zs;
    both_begin(0, rows, X(0));
    for (q = 1; q < 4; q++) both_begin(q, rows, D(1));
    k->silu(rows, many[0], many[1], many[2], many[3], STRIDE, LANES, order);
    k[1].silu(rows, one[0], one[1], one[2], one[3], 1, 1, order);
    for (q = 1; q < 4; q++) CHECK_INT(both_differ(q, rows), 0);
    k->sine(rows, many[0], many[1], many[2], many[3], STRIDE, LANES, order);
    k[1].sine(rows, one[0], one[1], one[2], one[3], 1, 1, order);
    for (q = 1; q < 4; q++) CHECK_INT(both_differ(q, rows), 0);
    k->mul(rows, many[1], many[0], many[2], STRIDE, LANES);
    k[1].mul(rows, one[1], one[0], one[2], 1, 1);
    CHECK_INT(both_differ(1, rows), 0);
    k->mac3(rows, many[1], many[0], many[2], many[3], STRIDE, LANES);
    k[1].mac3(rows, one[1], one[0], one[2], one[3], 1, 1);
    CHECK_INT(both_differ(1, rows), 0);
    for (zs = 0; zs < 2; zs++)
        for (q = 0; q < 4; q++) {
            int xs = q & 1, ys = q / 2, S = STRIDE;
            both_begin(1, zs ? rows : 1, D(2));
            k->mac(rows, many[1], zs * S, many[0], xs * S, many[2], ys * S, LANES);
            k[1].mac(rows, one[1], zs, one[0], xs, one[2], ys, 1);
            CHECK_INT(both_differ(1, zs ? rows : 1), 0);
            k->axpy(rows, many[1], zs * S, bias[0], many[0], xs * S, LANES);
            k[1].axpy(rows, one[1], zs, bias[0], one[0], xs, 1);
            CHECK_INT(both_differ(1, zs ? rows : 1), 0);
        }
    k->sign(rows, many[1], many[0], STRIDE, LANES);
    k[1].sign(rows, one[1], one[0], 1, 1);
    CHECK_INT(both_differ(1, rows), 0);
}

/* Sums over lanes, of which there is one */
static void one_lane_sums(const ebim__kernels *k, int rows)
{
    ebim_real got[2] = {1, 1}, outer[MAX * MAX + 1];
    ebim__pair pair;
    int i, j, stray = 0;
    both_begin(0, rows, X(0));
    both_begin(1, MAX, D(0));
    k[1].sum(1, got, one[0], 1, 1);
    CHECK(!differ(got[0], 1 + one[0][0]) && got[1] <= 1 && got[1] >= 1);
    pair.d = one[1];
    pair.x = one[0];
    for (i = 0; i <= MAX * MAX; i++) outer[i] = (ebim_real)0.5;
    k[1].outer(3, rows, outer, MAX, &pair, 1, 1, 1);
    for (i = 0; i < MAX; i++)
        for (j = 0; j < MAX; j++) {
            double want = 0.5 + (i < 3 && j < rows ? (double)one[1][i] * (double)one[0][j] : 0);
            stray += !(distance(want, outer[i * MAX + j]) <= 4 * T_EPS);
        }
    CHECK_INT(stray, 0);
}

/* Steps of chains: what moves, what has left, what is pending */
static void one_lane_steps(const ebim__kernels *k, int rows)
{
    static const double lo[MAX] = {-1, -1, -1}, hi[MAX] = {1, 1, 1};
    const ebim_real c[3] = {(ebim_real)0.3, 2, (ebim_real)0.5};
    const ebim_real infinite = (ebim_real)t_from_bits(UINT64_C(0x7ff0000000000000));
    ebim__int ok[LANES], own = 0, busy[LANES];
    uint32_t streams[4 * STRIDE], mine[4];
    int q, i;
    for (q = 0; q < 4; q++) both_begin(q, rows, q ? D(q - 1) : X(0));
    k->drift(rows, many[0], many[1], many[2], many[3], c, STRIDE, LANES);
    k[1].drift(rows, one[0], one[1], one[2], one[3], c, 1, 1);
    CHECK_INT(both_differ(0, rows), 0);
    for (q = 0; q < 3; q++) { /* in the box or not; finite or not */
        if (q == 2) one[0][rows - 1] = many[0][(rows - 1) * STRIDE] = infinite;
        k->inside(rows, many[0], q ? NULL : lo, hi, ok, STRIDE, LANES);
        i = k[1].inside(rows, one[0], q ? NULL : lo, hi, &own, 1, 1);
        CHECK(own == ok[0] && i == !ok[0] && (q < 2 || !own));
        k->select(rows, many[1], many[2], ok, STRIDE, LANES);
        k[1].select(rows, one[1], one[2], &own, 1, 1);
        CHECK_INT(both_differ(1, rows), 0);
    }
    k->size(many[1], many[3], LANES);
    k[1].size(one[1], one[3], 1);
    CHECK_INT(both_differ(1, rows), 0);
    for (q = 0; q < 2; q++) {
        for (i = 0; i < LANES; i++) busy[i] = -1;
        own = -1;
        k->pending(q ? many[1] : many[3], many[2], busy, LANES);
        i = k[1].pending(q ? one[1] : one[3], one[2], &own, 1);
        CHECK(own == busy[0] && i == (own != 0));
        k->quotient(many[3], many[1], many[2], busy, LANES);
        k[1].quotient(one[3], one[1], one[2], &own, 1);
        CHECK_INT(both_differ(3, rows), 0);
    }
    ebim__seed_lanes(streams, STRIDE, LANES, LANES, 5, 100);
    for (q = 0; q < 4; q++) mine[q] = streams[q * STRIDE];
    k->normals(streams, rows, many[0], STRIDE, LANES);
    one[0][rows - 1] = 0;
    k[1].normals(mine, rows, one[0], 1, 1);
    CHECK_INT(both_differ(0, rows), 0);
    for (q = 0; q < 4; q++) CHECK(mine[q] == streams[q * STRIDE]);
}

/* Kernels in any number, more than fill a vector */
static void one_lane_centres(const ebim__kernels *k, int rows)
{
    static ebim_real theta[40 * (MAX + 2)];
    ebim_rng r;
    int i, count = 1 + 2 * rows % 40;
    ebim_rng_init(&r, T_SEED, 9);
    fill(&r, theta, count * (rows + 2));
    for (i = 0; i < count; i++) theta[i * (rows + 2) + rows] *= theta[i * (rows + 2) + rows];
    both_begin(0, rows, X(0));
    both_begin(1, 1, D(0));
    both_begin(2, rows, D(1));
    k->rbf(rows, count, theta, many[0], many[1], rows % 2 ? many[2] : NULL, STRIDE, LANES);
    k[1].rbf(rows, count, theta, one[0], one[1], rows % 2 ? one[2] : NULL, 1, 1);
    CHECK_INT(both_differ(1, 1), 0);
    CHECK_INT(both_differ(2, rows), 0);
}

static void one_lane(void)
{
    int t, rows;
    ebim_rng r;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++)
        for (rows = 1; rows <= MAX; rows++) {
            set_up(&r);
            one_lane_rows(ebim__kernels_at(t), rows);
            one_lane_sums(ebim__kernels_at(t), rows);
            one_lane_steps(ebim__kernels_at(t), rows);
            one_lane_centres(ebim__kernels_at(t), rows);
        }
}

/* One step of Adam written out, for sizes that are and are not multiples of the chunk. */
static void adam_steps(void)
{
    const ebim_real c[7] = {(ebim_real)0.9, (ebim_real)0.1, (ebim_real)0.99, (ebim_real)0.01,
                            (ebim_real)0.5, 4, (ebim_real)1e-3};
    int t, n, i;
    ebim_rng r;
    for (t = 0; t < TABLES && ebim__kernels_at(t); t++)
        for (n = 1; n <= 35; n += 17) {
            double worst = 0;
            set_up(&r);
            for (i = 0; i <= n; i++) D(1)[i] = EBIM_EPS + (ebim_real)fabs((double)D(1)[i]);
            memcpy(Y, X(0), sizeof Y);
            memcpy(X(1), D(0), sizeof Y);
            memcpy(X(2), D(1), sizeof Y);
            ebim__kernels_at(t)->adam(n, Y, W, X(1), X(2), c);
            for (i = 0; i < n; i++) {
                double g = (double)W[i], m = 0.9 * (double)D(0)[i] + 0.1 * g;
                double v = 0.99 * (double)D(1)[i] + 0.01 * g * g;
                double want = (double)X(0)[i] - 0.5 * m / (sqrt(4 * v) + 1e-3);
                worst = fmax(worst, fabs(want - (double)Y[i]) / (1 + fabs(want)));
            }
            CHECK_NEAR(worst, 0, 64 * T_EPS);
            CHECK(!memcmp(Y + n, X(0) + n, sizeof *Y)); /* and no further */
        }
}

/* ebim_simd names the last table, and the choice is the same every time. */
static void the_best_is_chosen(void)
{
    int t, last = 0;
    for (t = 0; t < TABLES; t++)
        if (ebim__kernels_at(t)) last = t;
    CHECK(ebim__kernels_best() == ebim__kernels_at(last));
    CHECK_STR(ebim_simd(), ebim__kernels_at(last)->name);
    printf("    kernels: %s\n", ebim_simd());
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(dense_products);
    T_RUN(large_products);
    T_RUN(outer_products);
    T_RUN(silu_rows);
    T_RUN(products_of_rows);
    T_RUN(sums_of_rows);
    T_RUN(steps_of_chains);
    T_RUN(exponentials);
    T_RUN(dense_then_silu);
    T_RUN(one_lane_products);
    T_RUN(one_lane);
    T_RUN(sine_rows);
    T_RUN(adam_steps);
    T_RUN(the_best_is_chosen);
    return T_END();
}
