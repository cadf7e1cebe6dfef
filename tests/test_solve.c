/* Factorisations, conjugate gradients and L-BFGS. Tolerances are multiples of T_EPS times what
 * rounding analysis multiplies it by (dimension, norms, condition number). */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

enum { KMAX = 12, LANES = 20, STRIDE = 32 };

static double memory[1 << 16];

static ebim_arena arena(void)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, sizeof memory);
    return a;
}

static int between(ebim_rng *r, int lo, int hi)
{
    return lo + (int)ebim_rng_below(r, (uint32_t)(hi - lo + 1));
}

static void normals(ebim_rng *r, int n, double *x)
{
    while (n--) *x++ = (double)ebim_rng_normal(r);
}

static ebim_real real_nan(void) { return (ebim_real)t_nan(); }
static ebim_real real_inf(void) { return (ebim_real)t_inf(); }

/* A = M M' + ridge I in double, already rounded to ebim_real. */
static void random_spd(ebim_rng *r, int k, double ridge, double *A)
{
    double M[KMAX * KMAX];
    int i, j, q;
    normals(r, k * k, M);
    for (i = 0; i < k; i++)
        for (j = 0; j < k; j++) {
            double v = i == j ? ridge : 0;
            for (q = 0; q < k; q++) v += M[i * k + q] * M[j * k + q];
            A[i * k + j] = v;
        }
    for (i = 0; i < k; i++)
        for (j = 0; j < k; j++) A[i * k + j] = (double)(ebim_real)A[i * k + j];
}

static double norm(int n, const double *x)
{
    double v = 0;
    int i;
    for (i = 0; i < n; i++) v += x[i] * x[i];
    return sqrt(v);
}

/* ||b - A x|| */
static double residual(int k, const double *A, const double *x, const double *b)
{
    double v[KMAX];
    int i, j;
    for (i = 0; i < k; i++)
        for (j = 0, v[i] = b[i]; j < k; j++) v[i] -= A[i * k + j] * x[j];
    return norm(k, v);
}

/* ---- factorisations ---- */

/* Matrices and vectors with a stride: lane 0 of `size` lanes, the others hold a sentinel. */
static void spread(int count, const double *x, ebim_real *out, int s, int lane)
{
    int i, l;
    for (i = 0; i < count; i++)
        for (l = 0; l < s; l++) out[i * s + l] = l == lane ? (ebim_real)x[i] : 77;
}

static void gather(int count, const ebim_real *x, double *out, int s, int lane)
{
    int i, l;
    for (i = 0; i < count; i++)
        for (l = 0; l < s; l++)
            if (l == lane) out[i] = (double)x[i * s + l];
            else CHECK(x[i * s + l] == 77);
}

static void check_solution(int k, const double *A, const double *x, const double *b)
{
    double bound = norm(k * k, A) * norm(k, x) + norm(k, b);
    CHECK_NEAR(residual(k, A, x, b), 0, 8 * k * T_EPS * bound);
}

static void cholesky_solves(void)
{
    static ebim_real F[KMAX * KMAX * 7], v[KMAX * 7];
    ebim_rng r;
    int trial, i, j, q;
    ebim_rng_init(&r, T_SEED, 1);
    for (trial = 0; trial < 200; trial++) {
        double A[KMAX * KMAX], L[KMAX * KMAX], b[KMAX], x[KMAX];
        int k = between(&r, 1, KMAX), s = between(&r, 1, 7), lane = between(&r, 0, s - 1);
        random_spd(&r, k, trial % 2 ? 1 : 0.1, A);
        normals(&r, k, b);
        spread(k * k, A, F, s, lane);
        spread(k, b, v, s, lane);
        gather(k, v, b, s, lane); /* as rounded */
        for (i = 0; i < k; i++)
            for (j = i + 1; j < k; j++) F[(i * k + j) * s + lane] = 55; /* never looked at */
        if (!CHECK_INT(ebim__cholesky(k, F + lane, s), 0)) return;
        gather(k * k, F, L, s, lane);
        for (i = 0; i < k; i++)
            for (j = 0; j < k; j++) {
                double sum = 0;
                for (q = 0; q <= (i < j ? i : j); q++) sum += L[i * k + q] * L[j * k + q];
                if (j > i) CHECK(L[i * k + j] == 55);
                CHECK_NEAR(sum, A[i * k + j], (k + 4) * T_EPS * sqrt(A[i * k + i] * A[j * k + j]));
            }
        ebim__cholesky_solve(k, F + lane, v + lane, s);
        gather(k, v, x, s, lane);
        check_solution(k, A, x, b);
    }
}

/* How far from singular a factored matrix is, 0..1: the smallest pivot relative to its diagonal
 * element of A, whatever the units of the variables */
static ebim_real cholesky_pivot(int k, const ebim_real *L, int s)
{
    ebim_real least = 1;
    int i, j;
    for (i = 0; i < k; i++) {
        ebim_real pivot = L[i * (k + 1) * s] * L[i * (k + 1) * s], diagonal = pivot;
        for (j = 0; j < i; j++) diagonal += L[(i * k + j) * s] * L[(i * k + j) * s];
        if (pivot / diagonal < least) least = pivot / diagonal;
    }
    return least;
}

/* and relative to the sum of its column of |U|, whatever the units of the columns */
static ebim_real lu_pivot(int k, const ebim_real *LU, int s)
{
    ebim_real least = 1, column, q;
    int i, c;
    for (c = 0; c < k; c++) {
        for (column = 0, i = 0; i <= c; i++)
            column += (ebim_real)fabs((double)LU[(i * k + c) * s]);
        q = (ebim_real)fabs((double)LU[c * (k + 1) * s]) / column;
        if (q < least) least = q;
    }
    return least;
}

static void cholesky_by_hand(void)
{
    ebim_real A[9] = {4, 9, 9, 2, 5, 9, -6, 1, 35}, b[3] = {-8, 10, 60};
    ebim_real L[9] = {1, 0, 0, 3, 1, 0, 0, 0, 1};
    CHECK_INT(ebim__cholesky(3, A, 1), 0); /* L = 2; 1 2; -3 2 sqrt 22 */
    CHECK_REL(A[0], 2, 2 * T_EPS); /* exact, but for processors' estimates under -ffast-math */
    CHECK_REL(A[3], 1, 4 * T_EPS);
    CHECK_REL(A[4], 2, 8 * T_EPS);
    CHECK_REL(A[6], -3, 4 * T_EPS);
    CHECK_REL(A[7], 2, 16 * T_EPS);
    CHECK_REL(A[8], sqrt(22), 2 * T_EPS);
    CHECK_REL(cholesky_pivot(3, A, 1), 22.0 / 35, 8 * T_EPS);
    CHECK_REL(cholesky_pivot(3, L, 1), 0.1, 8 * T_EPS); /* the second */
    ebim__cholesky_solve(3, A, b, 1);      /* A (-0.5, 2.75, ...) by forward and back: below */
    CHECK_NEAR(4 * b[0] + 2 * b[1] - 6 * b[2], -8, 100 * T_EPS);
    CHECK_NEAR(2 * b[0] + 5 * b[1] + b[2], 10, 100 * T_EPS);
    CHECK_NEAR(-6 * b[0] + b[1] + 35 * b[2], 60, 400 * T_EPS);
}

static void cholesky_refuses(void)
{
    int bad, i;
    for (bad = 0; bad < 4; bad++)
        for (i = 0; i < 5; i++) {
            ebim_real A[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
            A[5 * bad] = i == 0 ? -1 : i == 1 ? 0 : i == 2 ? real_nan() : i == 3 ? real_inf() : 1;
            if (i == 4 && !bad) continue;
            if (i == 4) A[4 * bad] = real_nan();
            CHECK_INT(ebim__cholesky(4, A, 1), 1 + bad);
        }
    {
        ebim_real ones[4] = {1, 1, 1, 1}, badly[4] = {1, 0, 0, 0};
        CHECK_INT(ebim__cholesky(2, ones, 1), 2);
        badly[3] = (ebim_real)1e-30;  /* badly scaled is not singular */
        CHECK_INT(ebim__cholesky(2, badly, 1), 0);
        CHECK(cholesky_pivot(2, badly, 1) == 1);
    }
}

static void lu_solves(void)
{
    static ebim_real F[KMAX * KMAX * 7], v[KMAX * 7];
    ebim_rng r;
    int trial;
    ebim_rng_init(&r, T_SEED, 2);
    for (trial = 0; trial < 300; trial++) {
        double A[KMAX * KMAX], LU[KMAX * KMAX], b[KMAX], x[KMAX];
        int k = between(&r, 1, KMAX), s = between(&r, 1, 7), lane = between(&r, 0, s - 1), i, j;
        int piv[KMAX];
        normals(&r, k * k, A);
        if (trial % 3 == 0)
            for (i = 0; i < k; i++) A[i * k + i] = 0; /* cannot do without pivoting */
        if (trial % 3 == 0 && k == 1) continue;
        normals(&r, k, b);
        spread(k * k, A, F, s, lane);
        spread(k, b, v, s, lane);
        gather(k * k, F, A, s, lane); /* as rounded */
        gather(k, v, b, s, lane);
        if (!CHECK_INT(ebim__lu(k, F + lane, piv, s), 0)) return;
        gather(k * k, F, LU, s, lane);
        for (i = 0; i < k; i++) {
            CHECK(piv[i] >= i && piv[i] < k);
            for (j = 0; j < i; j++) CHECK(fabs(LU[i * k + j]) <= 1 + 2 * T_EPS);
        }
        ebim__lu_solve(k, F + lane, piv, v + lane, s);
        gather(k, v, x, s, lane);
        check_solution(k, A, x, b);
    }
}

static void lu_by_hand(void)
{
    ebim_real A[9] = {1, 2, 4, 2, 4, 2, 4, 2, 2}, b[3] = {17, 16, 14};
    ebim_real LU[9] = {1, -3, 0, 0, 1, 0, 0, 0, 1};
    int piv[3];
    CHECK_INT(ebim__lu(3, A, piv, 1), 0);
    CHECK(piv[0] == 2 && piv[1] == 1 && piv[2] == 2);
    CHECK(A[0] == 4 && A[1] == 2 && A[2] == 2);              /* U */
    CHECK(A[3] == (ebim_real)0.5 && A[4] == 3 && A[5] == 1);
    CHECK(A[6] == (ebim_real)0.25 && A[7] == (ebim_real)0.5 && A[8] == 3);
    CHECK_REL(lu_pivot(3, A, 1), 0.5, 8 * T_EPS);       /* 3 of 2 + 1 + 3 */
    CHECK(lu_pivot(3, LU, 1) == (ebim_real)0.25);       /* the second */
    ebim__lu_solve(3, A, piv, b, 1);
    CHECK_NEAR(b[0], 1, 32 * T_EPS);
    CHECK_NEAR(b[1], 2, 32 * T_EPS);
    CHECK_NEAR(b[2], 3, 32 * T_EPS);
}

/* Products of integer matrices of rank k - 1, whose leading k - 1 rows are well conditioned, are
 * exact, so the last pivot is rounding alone: it is refused, or nearly. */
static void lu_and_cholesky_see_singular(void)
{
    ebim_rng r;
    int trial, i, j, q, refused = 0;
    ebim_rng_init(&r, T_SEED, 3);
    for (trial = 0; trial < 200; trial++) {
        ebim_real A[KMAX * KMAX], S[KMAX * KMAX];
        int k = between(&r, 2, 8), piv[KMAX], u[KMAX][KMAX], w[KMAX][KMAX], failed;
        for (i = 0; i < k; i++)
            for (j = 0; j < k; j++) {
                u[i][j] = between(&r, -1, 1) + (i == j ? 10 : 0);
                w[i][j] = between(&r, -1, 1) + (i == j ? 10 : 0);
            }
        for (i = 0; i < k; i++)
            for (j = 0; j < k; j++) {
                int general = 0, symmetric = 0;
                for (q = 0; q < k - 1; q++) {
                    general += u[i][q] * w[q][j];
                    symmetric += u[i][q] * u[j][q];
                }
                A[i * k + j] = (ebim_real)general;
                S[i * k + j] = (ebim_real)symmetric;
            }
        failed = ebim__lu(k, A, piv, 1);
        if (!failed) CHECK_NEAR(lu_pivot(k, A, 1), 0, 16 * k * T_EPS);
        refused += failed != 0;
        failed = ebim__cholesky(k, S, 1);
        if (!failed) CHECK_NEAR(cholesky_pivot(k, S, 1), 0, 16 * k * T_EPS);
        refused += failed != 0;
    }
    CHECK(refused > 300); /* of 400 */
}

/* Powers of two scale without rounding: nothing may change but the exponents. */
static void pivots_ignore_scale(void)
{
    ebim_rng r;
    int trial, i, j;
    ebim_rng_init(&r, T_SEED, 4);
    for (trial = 0; trial < 100; trial++) {
        double M[KMAX * KMAX];
        ebim_real A[KMAX * KMAX], B[KMAX * KMAX], S[KMAX * KMAX], T[KMAX * KMAX];
        int k = between(&r, 1, 8), piv[KMAX], e[KMAX];
        normals(&r, k * k, M);
        for (i = 0; i < k; i++) e[i] = between(&r, -12, 12);
        for (i = 0; i < k; i++)
            for (j = 0; j < k; j++) {
                A[i * k + j] = (ebim_real)M[i * k + j];
                B[i * k + j] = (ebim_real)ldexp((double)A[i * k + j], 3 * e[j]);
            }
        random_spd(&r, k, 0.1, M);
        for (i = 0; i < k; i++)
            for (j = 0; j < k; j++) {
                S[i * k + j] = (ebim_real)M[i * k + j];
                T[i * k + j] = (ebim_real)ldexp(M[i * k + j], 2 * (e[i] + e[j]));
            }
        CHECK_INT(ebim__lu(k, A, piv, 1), 0);
        CHECK_INT(ebim__lu(k, B, piv, 1), 0);
        CHECK_REL(lu_pivot(k, B, 1), (double)lu_pivot(k, A, 1), 16 * T_EPS);
        CHECK_INT(ebim__cholesky(k, S, 1), 0);
        CHECK_INT(ebim__cholesky(k, T, 1), 0);
        CHECK_REL(cholesky_pivot(k, T, 1), (double)cholesky_pivot(k, S, 1), 16 * T_EPS);
    }
}

/* One bad element anywhere is found, by the last pivot at the latest. */
static void lu_refuses(void)
{
    ebim_real zero[4] = {0, 0, 0, 0}, ones[4] = {1, 1, 1, 1}, columns[4] = {1, 0, 1, 0};
    int piv[5], i, kind;
    CHECK_INT(ebim__lu(2, zero, piv, 1), 1);
    CHECK_INT(ebim__lu(2, ones, piv, 1), 2);
    columns[1] = (ebim_real)2e-20; /* badly scaled is not singular */
    columns[3] = (ebim_real)3e-20;
    CHECK_INT(ebim__lu(2, columns, piv, 1), 0);
    CHECK_REL(lu_pivot(2, columns, 1), 1 / 3.0, 8 * T_EPS);
    for (kind = 0; kind < 2; kind++)
        for (i = 0; i < 25; i++) {
            ebim_real A[25];
            ebim_rng r;
            int q, failed;
            ebim_rng_init(&r, T_SEED, 5);
            for (q = 0; q < 25; q++) A[q] = ebim_rng_normal(&r);
            A[i] = kind ? real_inf() : real_nan();
            failed = ebim__lu(5, A, piv, 1);
            CHECK(failed >= 1 && failed <= 5);
        }
}

/* {1 1; 1 1 + d}: the last pivot is d, refused below k eps. */
static void pivots_at_the_threshold(void)
{
    int eps;
    for (eps = 1; eps <= 4; eps += 3) {
        ebim_real A[4] = {1, 1, 1, 1}, B[4] = {1, 1, 1, 1};
        int piv[2];
        A[3] = B[3] = (ebim_real)(1 + eps * T_EPS);
        CHECK_INT(ebim__cholesky(2, A, 1), eps == 1 ? 2 : 0);
        CHECK_INT(ebim__lu(2, B, piv, 1), eps == 1 ? 2 : 0);
        if (eps == 1) continue;
        CHECK_REL(cholesky_pivot(2, A, 1), eps * T_EPS, 1e-3);
        CHECK_REL(lu_pivot(2, B, 1), eps * T_EPS, 1e-3);
    }
}

/* ---- conjugate gradients ---- */

typedef struct systems {
    int k, lanes, calls;
    double A[LANES][KMAX * KMAX];
} systems;

static void apply(void *user, const ebim_real *v, ebim_real *Av)
{
    systems *s = (systems *)user;
    int i, j, l;
    s->calls++;
    for (i = 0; i < s->k; i++)
        for (l = s->lanes; l < STRIDE; l++) CHECK(v[i * STRIDE + l] == 0);
    memset(Av, 0, (size_t)s->k * STRIDE * sizeof *Av);
    for (l = 0; l < s->lanes; l++)
        for (i = 0; i < s->k; i++)
            for (j = 0; j < s->k; j++)
                Av[i * STRIDE + l] += (ebim_real)s->A[l][i * s->k + j] * v[j * STRIDE + l];
}

static struct {
    systems s;
    ebim_real b[KMAX * STRIDE], x[KMAX * STRIDE], work[(KMAX * 4 + 6) * STRIDE];
    unsigned char solved[LANES];
    ebim_cg_desc d;
    ebim_cg_report report;
} cg;

static void cg_setup(ebim_rng *r, int k, int lanes, double ridge)
{
    int l, i;
    memset(&cg, 0, sizeof cg);
    cg.s.k = k;
    cg.s.lanes = lanes;
    cg.d.solved = cg.solved;
    for (l = 0; l < lanes; l++) random_spd(r, k, ridge, cg.s.A[l]);
    for (i = 0; i < KMAX * STRIDE; i++) cg.b[i] = cg.x[i] = real_nan(); /* padding: never read */
    for (i = 0; i < k; i++)
        for (l = 0; l < lanes; l++) {
            cg.b[i * STRIDE + l] = ebim_rng_normal(r);
            cg.x[i * STRIDE + l] = 0;
        }
}

static void cg_run(void)
{
    memset(cg.work, 0xff, sizeof cg.work); /* NaNs */
    cg.s.calls = 0;
    CHECK(EBIM_CG_WORK(cg.s.k, STRIDE) <= sizeof cg.work / sizeof *cg.work);
    ebim_cg(&cg.d, cg.s.k, cg.s.lanes, STRIDE, apply, &cg.s, cg.b, cg.x, cg.work, &cg.report);
    CHECK_INT(cg.s.calls, 1 + cg.report.iterations);
}

static void lane_of(const ebim_real *rows, int k, int l, double *out)
{
    int i;
    for (i = 0; i < k; i++) out[i] = (double)rows[i * STRIDE + l];
}

static void cholesky_solution(int l, double *x)
{
    ebim_real A[KMAX * KMAX], b[KMAX];
    int i, k = cg.s.k;
    for (i = 0; i < k * k; i++) A[i] = (ebim_real)cg.s.A[l][i];
    for (i = 0; i < k; i++) b[i] = cg.b[i * STRIDE + l];
    CHECK_INT(ebim__cholesky(k, A, 1), 0);
    ebim__cholesky_solve(k, A, b, 1);
    for (i = 0; i < k; i++) x[i] = (double)b[i];
}

/* ridge k: the condition number of M M' + k I is about 5; 100 is a generous bound. */
static void cg_agrees_with_cholesky(void)
{
    static ebim_real start[KMAX * STRIDE];
    ebim_rng r;
    int trial, l, i;
    ebim_rng_init(&r, T_SEED, 6);
    for (trial = 0; trial < 60; trial++) {
        int k = between(&r, 1, KMAX), lanes = between(&r, 1, LANES);
        cg_setup(&r, k, lanes, k);
        if (trial % 2)
            for (i = 0; i < k; i++)
                for (l = 0; l < lanes; l++) cg.x[i * STRIDE + l] = ebim_rng_normal(&r);
        memcpy(start, cg.x, sizeof start);
        cg_run();
        CHECK_INT(cg.report.unsolved, 0);
        CHECK(cg.report.residual <= 16 * T_EPS);
        for (l = 0; l < lanes; l++) {
            double x[KMAX], want[KMAX], x0[KMAX], size;
            cholesky_solution(l, want);
            lane_of(cg.x, k, l, x);
            lane_of(start, k, l, x0);
            size = norm(k, want) + norm(k, x0); /* A x0 is rounded too */
            CHECK_INT(cg.solved[l], 1);
            for (i = 0; i < k; i++) CHECK_NEAR(x[i], want[i], 100 * 16 * T_EPS * size);
        }
    }
}

static void cg_lanes_are_independent(void)
{
    static ebim_real together[KMAX * STRIDE];
    static systems all;
    static ebim_real rhs[KMAX * STRIDE];
    ebim_rng r;
    int l, i, k = 7;
    ebim_rng_init(&r, T_SEED, 7);
    cg_setup(&r, k, LANES, 1);
    cg_run();
    memcpy(together, cg.x, sizeof together);
    all = cg.s;
    memcpy(rhs, cg.b, sizeof rhs);
    for (l = 0; l < LANES; l++) {
        double a[KMAX], b[KMAX];
        cg_setup(&r, k, 1, 1);
        memcpy(cg.s.A[0], all.A[l], sizeof all.A[l]);
        for (i = 0; i < k; i++) cg.b[i * STRIDE] = rhs[i * STRIDE + l];
        cg_run();
        lane_of(together, k, l, a);
        lane_of(cg.x, k, 0, b);
        /* a compiler may contract or order a vector loop's sums differently from a scalar's */
        for (i = 0; i < k; i++) CHECK_NEAR(b[i], a[i], 1e4 * T_EPS * norm(k, a));
    }
}

/* Lanes with NaN or Inf in b, in A or in the start, and lanes without work: the neighbours' bits
 * do not change. */
static void cg_bad_lanes_disturb_nobody(void)
{
    static ebim_real clean[KMAX * STRIDE];
    ebim_rng r;
    int i, l, k = 6;
    double x[KMAX];
    ebim_rng_init(&r, T_SEED, 8);
    cg_setup(&r, k, 10, k);
    cg_run();
    memcpy(clean, cg.x, sizeof clean);
    ebim_rng_init(&r, T_SEED, 8);
    cg_setup(&r, k, 10, k);
    for (i = 0; i < k; i++) cg.b[i * STRIDE + 1] = 0;
    for (i = 0; i < k; i++)
        for (l = 1; l < 7; l++)
            if (l != 2 && l != 5) cg.x[i * STRIDE + l] = 5;
    cg.b[2 * STRIDE + 3] = real_nan();
    cg.b[3 * STRIDE + 4] = real_inf();
    cg.s.A[6][8] = t_nan();
    cg.x[4 * STRIDE + 8] = real_nan();
    cg_run();
    for (l = 0; l < 10; l++) {
        int bad = l == 3 || l == 4 || l == 6;
        CHECK_INT(cg.solved[l], !bad);
        lane_of(cg.x, k, l, x);
        for (i = 0; i < k; i++) {
            if (l == 1 || l == 3 || l == 4 || l == 6) CHECK_NEAR(x[i], 0, 0);
            else CHECK_NEAR(x[i], (double)clean[i * STRIDE + l], 0);
        }
    }
    CHECK_INT(cg.report.unsolved, 3);
    CHECK_NEAR(cg.report.residual, DBL_MAX, 0);
    for (l = 0; l < 2; l++) { /* of each kind alone, too */
        cg_setup(&r, k, 2, k);
        if (l) cg.b[0] = real_nan();
        else cg.s.A[0][7] = t_nan();
        cg_run();
        CHECK_INT(cg.report.unsolved, 1);
        CHECK_NEAR(cg.report.residual, DBL_MAX, 0);
    }
}

static void cg_starts_where_told(void)
{
    ebim_rng r;
    int i, l, k = 8;
    ebim_rng_init(&r, T_SEED, 9);
    cg_setup(&r, k, 5, k);
    cg_run();
    CHECK(cg.report.iterations > 2);
    cg.d.tol = 1e3 * T_EPS;
    cg_run(); /* x is the solution */
    CHECK_INT(cg.report.iterations, 0);
    CHECK_INT(cg.report.unsolved, 0);
    for (i = 0; i < k; i++)
        for (l = 0; l < 5; l++) cg.b[i * STRIDE + l] = 0;
    cg_run();
    CHECK_INT(cg.report.iterations, 0);
    CHECK_INT(cg.report.unsolved, 0);
    CHECK_NEAR(cg.report.residual, 0, 0);
    for (i = 0; i < k; i++)
        for (l = 0; l < 5; l++) CHECK(cg.x[i * STRIDE + l] == 0);
}

/* As many iterations as there are distinct eigenvalues, and limits are kept. */
static void cg_iterations(void)
{
    ebim_rng r;
    int i, l, k = 10;
    ebim_rng_init(&r, T_SEED, 10);
    cg_setup(&r, k, 4, 1);
    for (l = 0; l < 4; l++) {
        memset(cg.s.A[l], 0, sizeof cg.s.A[l]);
        for (i = 0; i < k; i++) cg.s.A[l][i * k + i] = 1 + i % 3;
    }
    cg_run();
    CHECK_INT(cg.report.unsolved, 0);
    CHECK(cg.report.iterations >= 3 && cg.report.iterations <= 5);
    for (i = 0; i < k * STRIDE; i++) cg.x[i] = 0;
    cg.d.max_iter = 2;
    cg_run();
    CHECK_INT(cg.report.iterations, 2);
    CHECK_INT(cg.report.unsolved, 4);
    CHECK(cg.report.residual > 16 * T_EPS && cg.report.residual < 1);
    cg.d.solved = NULL; /* both outputs are optional */
    ebim_cg(&cg.d, k, 4, STRIDE, apply, &cg.s, cg.b, cg.x, cg.work, NULL);
}

/* x scales with b, even where the squares of b's elements would overflow or vanish. */
static void cg_any_scale(void)
{
    static ebim_real unit[KMAX * STRIDE];
    ebim_rng r;
    int i, l, e, k = 5, most = sizeof(ebim_real) == 8 ? 900 : 100;
    for (e = -most; e <= most; e += most) {
        ebim_rng_init(&r, T_SEED, 11);
        cg_setup(&r, k, 6, k);
        if (!e) continue;
        cg_run();
        memcpy(unit, cg.x, sizeof unit);
        for (i = 0; i < k; i++)
            for (l = 0; l < 6; l++) {
                cg.b[i * STRIDE + l] = (ebim_real)ldexp((double)cg.b[i * STRIDE + l], e);
                cg.x[i * STRIDE + l] = 0;
            }
        cg_run();
        CHECK_INT(cg.report.unsolved, 0);
        for (i = 0; i < k; i++)
            for (l = 0; l < 6; l++)
                CHECK_NEAR(ldexp((double)cg.x[i * STRIDE + l], -e), (double)unit[i * STRIDE + l],
                           T_EPS * fabs((double)unit[i * STRIDE + l]));
    }
}

/* Not positive definite: an answer no worse than the start, and a lane that says so. */
static void cg_breaks_down_gracefully(void)
{
    ebim_rng r;
    int trial, l, i, j, k;
    ebim_rng_init(&r, T_SEED, 12);
    for (trial = 0; trial < 40; trial++) {
        double before[LANES];
        k = between(&r, 2, 8);
        cg_setup(&r, k, LANES, 0.1);
        for (l = 0; l < LANES; l++) {
            double x[KMAX], b[KMAX];
            int negative = between(&r, 0, k - 1);
            for (i = 0; i < k; i++)
                for (j = 0; j < k; j++)
                    if (l % 2) cg.s.A[l][i * k + j] = i == j ? (i == negative ? -2 : 1 + i) : 0;
            for (i = 0; i < k; i++) cg.x[i * STRIDE + l] = ebim_rng_normal(&r);
            lane_of(cg.x, k, l, x);
            lane_of(cg.b, k, l, b);
            before[l] = residual(k, cg.s.A[l], x, b);
        }
        cg_run();
        for (l = 0; l < LANES; l++) {
            double x[KMAX], b[KMAX];
            lane_of(cg.x, k, l, x);
            lane_of(cg.b, k, l, b);
            for (i = 0; i < k; i++) CHECK(t_finite(x[i]));
            CHECK(residual(k, cg.s.A[l], x, b) <=
                  before[l] + 100 * T_EPS * (norm(k * k, cg.s.A[l]) * norm(k, x) + norm(k, b)));
        }
    }
    cg_setup(&r, 3, 2, 1); /* -I: nothing can be done; 0: neither */
    for (l = 0; l < 2; l++)
        for (i = 0; i < 9; i++) cg.s.A[l][i] = l == 0 && i % 4 == 0 ? -1 : 0;
    cg_run();
    CHECK_INT(cg.report.iterations, 1);
    CHECK_INT(cg.report.unsolved, 2);
    CHECK_NEAR(cg.report.residual, 1, 0);
    for (i = 0; i < 3; i++) CHECK(cg.x[i * STRIDE] == 0 && cg.x[i * STRIDE + 1] == 0);
    cg_setup(&r, 1, 1, 1); /* a solution too large to be written down */
    cg.s.A[0][0] = sizeof(ebim_real) == 8 ? 1e-307 : 1e-37;
    cg.b[0] = 1000;
    cg_run();
    CHECK(cg.x[0] == 0 && !cg.solved[0]);
}

/* A = diag(1..m, 0..0): solvable when b has no part in the null space, and then as usual. */
static void cg_singular(void)
{
    ebim_rng r;
    int i, j, l, k = 6;
    ebim_rng_init(&r, T_SEED, 13);
    cg_setup(&r, k, 2, 1);
    for (l = 0; l < 2; l++)
        for (i = 0; i < k; i++)
            for (j = 0; j < k; j++) cg.s.A[l][i * k + j] = i == j && i < 4 ? i + 1 : 0;
    for (i = 4; i < k; i++) cg.b[i * STRIDE] = 0; /* lane 0 is consistent */
    cg_run();
    CHECK(cg.solved[0] && !cg.solved[1]);
    CHECK_INT(cg.report.unsolved, 1);
    for (i = 0; i < k; i++) {
        if (i < 4) CHECK_NEAR(cg.x[i * STRIDE], (double)cg.b[i * STRIDE] / (i + 1), 100 * T_EPS);
        else CHECK(cg.x[i * STRIDE] == 0);
        CHECK(t_finite((double)cg.x[i * STRIDE + 1]));
    }
}

/* ---- L-BFGS: objectives ---- */

typedef double (*objective)(int n, const ebim_real *x, ebim_real *g);

/* sum 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2: minimum 0 at 1 */
static double rosenbrock(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) g[i] = 0;
    for (i = 0; i + 1 < n; i++) {
        double u = (double)x[i], a = (double)x[i + 1] - u * u, b = 1 - u;
        f += 100 * a * a + b * b;
        g[i] += (ebim_real)(-400 * a * u - 2 * b);
        g[i + 1] += (ebim_real)(200 * a);
    }
    return f;
}

/* Condition number 1000, minimum 0 at 1 */
static double quadratic(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        double h = pow(1000, n > 1 ? (double)i / (n - 1) : 0), u = (double)x[i] - 1;
        f += 0.5 * h * u * u;
        g[i] = (ebim_real)(h * u);
    }
    return f;
}

static double steep(int n, const ebim_real *x, ebim_real *g)
{
    double f = 1e10 * quadratic(n, x, g);
    int i;
    for (i = 0; i < n; i++) g[i] *= (ebim_real)1e10;
    return f;
}

/* Everything in ebim_real, on top of 100: a rounding floor of f far above that of x */
static double noisy(int n, const ebim_real *x, ebim_real *g)
{
    ebim_real f = 100;
    int i;
    for (i = 0; i < n; i++) {
        ebim_real u = x[i] - 1, h = (ebim_real)(1 + i);
        f += h * u * u;
        g[i] = 2 * h * u;
    }
    return (double)f;
}

/* x - log x where there is a log, NaN elsewhere: minimum n at 1 */
static double barrier(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i, outside = 0;
    for (i = 0; i < n; i++) {
        double u = (double)x[i];
        outside |= !(u > 0);
        f += u - log(u > 0 ? u : 1);
        g[i] = (ebim_real)(1 - 1 / (u > 0 ? u : 1));
    }
    return outside ? t_nan() : f;
}

/* sum (i + 1) |x_i|: no gradient at the minimum, no Wolfe point near it */
static double corners(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        f += (i + 1) * fabs((double)x[i]);
        g[i] = (ebim_real)(x[i] > 0 ? i + 1 : -(i + 1));
    }
    return f;
}

/* sum log(1 + x^2): concave beyond 1 */
static double flat_far_out(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        double u = (double)x[i];
        f += log1p(u * u);
        g[i] = (ebim_real)(2 * u / (1 + u * u));
    }
    return f;
}

static double quartic(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        double u = (double)x[i] - 1;
        f += u * u * u * u;
        g[i] = (ebim_real)(4 * u * u * u);
    }
    return f;
}

/* Says that f falls to the left, but it rises everywhere */
static double liar(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        f += fabs((double)x[i] - 3);
        g[i] = 1;
    }
    return f;
}

static double downhill_forever(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        f -= (double)x[i];
        g[i] = -1;
    }
    return f;
}

/* Waves on a bowl: searches see many minima */
static double wavy(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        double u = (double)x[i];
        f += 0.05 * u * u + sin(3 * u);
        g[i] = (ebim_real)(0.1 * u + 3 * cos(3 * u));
    }
    return f;
}

/* Falls slowly, then rises steeply from 1 on: the cubic is far off on both sides */
static double lopsided(int n, const ebim_real *x, ebim_real *g)
{
    double f = 0;
    int i;
    for (i = 0; i < n; i++) {
        int up = (double)x[i] > 1;
        f += up ? 1e6 * ((double)x[i] - 1) : 1 - (double)x[i];
        g[i] = up ? (ebim_real)1e6 : -1;
    }
    return f;
}

/* A quadratic, and beyond 3 a tempting value without a gradient */
static double trap(int n, const ebim_real *x, ebim_real *g)
{
    double f = quadratic(n, x, g);
    int i;
    for (i = 0; i < n; i++)
        if ((double)x[i] > 3) {
            g[i] = real_nan();
            f = -1e6;
        }
    return f;
}

/* ---- L-BFGS: the promises, checked at every evaluation ---- */

enum { NMAX = 24 };

static ebim_lbfgs machine(ebim_arena *a, int n, const ebim_lbfgs_desc *d)
{
    ebim_lbfgs s;
    CHECK_INT(ebim_lbfgs_init(&s, a, n, d), EBIM_OK);
    return s;
}

static double dot(int n, const ebim_real *a, const ebim_real *b)
{
    double v = 0;
    int i;
    for (i = 0; i < n; i++) v += (double)a[i] * (double)b[i];
    return v;
}

/* x, f, g belong together to the bit, and f is the least that was told. */
static void check_best(const ebim_lbfgs *s, objective fn, double least)
{
    ebim_real g[NMAX];
    double f = fn(s->n, s->x, g);
    CHECK(!memcmp(&f, &s->f, sizeof f));
    CHECK(!memcmp(g, s->g, (size_t)s->n * sizeof *g));
    CHECK_NEAR(s->f, least, 0);
}

/* The reason to stop is true of the point that is returned. */
static void check_stop(const ebim_lbfgs *s)
{
    double g = sqrt(dot(s->n, s->g, s->g)), x = sqrt(dot(s->n, s->x, s->x));
    if (s->stop == EBIM_STOP_CONVERGED) CHECK(g <= s->d.tol_grad * (x > 1 ? x : 1) * (1 + 1e-12));
}

/* Every pair in the memory is what its rho says, and has positive curvature. */
static void check_pairs(const ebim_lbfgs *s)
{
    int q, m = s->d.history + 1; /* a ring of them */
    CHECK(s->pairs < m);
    for (q = 0; q < s->pairs; q++) {
        int at = (s->newest - q + m) % m;
        double sy = dot(s->n, s->s + at * s->room, s->y + at * s->room);
        CHECK(s->rho[at] > 0);
        CHECK_NEAR(s->rho[at] * sy, 1, 1e-12);
    }
}

/* Between lo and hi there is always a Wolfe point: lo has the sufficient decrease, and falls
 * towards hi. */
static void check_bracket(const ebim_lbfgs *s)
{
    if (s->stop != EBIM_STOP_RUNNING || s->phase != EBIM__LS_ZOOM) return;
    CHECK(s->lo.d * (s->hi.t - s->lo.t) < 0);
    CHECK(s->lo.f <= s->f0 + s->d.c1 * s->lo.t * s->slope0);
    CHECK((s->t - s->lo.t) * (s->t - s->hi.t) < 0);
}

typedef struct start_of_step {
    double f, lowest; /* where the search started; the lowest point it had found */
    ebim_real x[NMAX], g[NMAX];
} start_of_step;

/* Strong Wolfe along s = x' - x, from what the caller saw alone. The machine tests slopes with
 * its direction; s differs from t * direction by one rounding of x, hence the slack. */
static void check_wolfe(const ebim_lbfgs *m, const start_of_step *from, const ebim_real *x,
                        double f, const ebim_real *g)
{
    double slope = 0, slope1 = 0, slack = 0, slack1 = 0;
    int i;
    for (i = 0; i < m->n; i++) {
        double step = (double)x[i] - (double)from->x[i];
        double rounding = T_EPS * (fabs((double)x[i]) + fabs((double)from->x[i]) + fabs(step));
        slope += step * (double)from->g[i];
        slope1 += step * (double)g[i];
        slack += rounding * fabs((double)from->g[i]);
        slack1 += rounding * fabs((double)g[i]);
    }
    CHECK(f <= from->lowest);
    CHECK(slope < slack);
    CHECK(f <= from->f + m->d.c1 * (slope + slack) + 1e-15 * fabs(f));
    if (m->d.max_step > 0) {
        double length = 0;
        for (i = 0; i < m->n; i++) {
            double step = (double)x[i] - (double)from->x[i];
            length += step * step;
        }
        if (sqrt(length) > 0.999 * m->d.max_step) return; /* cut: no promise about curvature */
    }
    CHECK(fabs(slope1) - slack1 <= m->d.c2 * (-slope + slack));
}

typedef struct run {
    objective fn;
    int n, wolfe; /* wolfe: accepted steps are checked */
    double x0[NMAX];
    ebim_lbfgs_desc d;
} run;

static run new_run(objective fn, int n, double x0)
{
    run r;
    int i;
    memset(&r, 0, sizeof r);
    r.fn = fn;
    r.n = n;
    r.wolfe = 1;
    for (i = 0; i < n; i++) r.x0[i] = i % 2 ? x0 : 0.75 * x0;
    return r;
}

/* Drives a machine to its stop with all checks on. */
static ebim_lbfgs drive(const run *r)
{
    ebim_arena a = arena();
    ebim_lbfgs s = machine(&a, r->n, &r->d);
    ebim_real x0[NMAX], g[NMAX];
    start_of_step from;
    const ebim_real *x;
    double least = DBL_MAX;
    int i, steps = 0, told = 0;
    for (i = 0; i < r->n; i++) x0[i] = (ebim_real)r->x0[i];
    ebim_lbfgs_start(&s, x0);
    while ((x = ebim_lbfgs_ask(&s)) != NULL) {
        ebim_real trial[NMAX];
        double f = r->fn(r->n, x, g);
        memcpy(trial, x, (size_t)r->n * sizeof *x);
        if (t_finite(f) && t_finite(dot(r->n, g, g)) && f < least) least = f;
        if (told++) { /* where this line search started */
            from.f = s.f0;
            from.lowest = s.lo.f;
            memcpy(from.x, s.base, (size_t)r->n * sizeof *x);
            memcpy(from.g, s.base_g, (size_t)r->n * sizeof *x);
        }
        ebim_lbfgs_tell(&s, f, g);
        CHECK_INT(s.evaluations, told);
        check_best(&s, r->fn, least);
        check_pairs(&s);
        check_bracket(&s);
        if (s.iterations > steps && r->wolfe) check_wolfe(&s, &from, trial, f, g);
        CHECK(s.iterations - steps <= 1);
        steps = s.iterations;
        if (!CHECK(told < 30000)) break;
    }
    CHECK(s.stop != EBIM_STOP_RUNNING);
    check_stop(&s);
    CHECK_INT(ebim_lbfgs_tell(&s, -1e9, g), s.stop); /* too late: ignored */
    check_best(&s, r->fn, least);
    return s;
}

/* In float the gradient's rounding floor may lie above tol_grad: then it is NO_PROGRESS. */
static void check_minimum(const ebim_lbfgs *s, double x, double tol)
{
    int i;
    CHECK(s->stop == EBIM_STOP_CONVERGED || s->stop == EBIM_STOP_NO_PROGRESS);
    for (i = 0; i < s->n; i++) CHECK_NEAR(s->x[i], x, tol);
}

static void lbfgs_minimises(void)
{
    int n;
    for (n = 1; n <= 20; n += n < 4 ? 1 : 8) {
        run r = new_run(quadratic, n, -3);
        ebim_lbfgs s = drive(&r);
        check_minimum(&s, 1, 1e3 * T_EPS);
        CHECK(s.evaluations < 60 + 48 * n); /* twice L-BFGS-B's 24, 351, 519 for n = 4, 12, 20 */
        r = new_run(barrier, n, 5);
        s = drive(&r);
        /* f is n there, and known to DBL_EPSILON */
        check_minimum(&s, 1, 1e3 * T_EPS + 4 * sqrt(n * DBL_EPSILON));
        r = new_run(quartic, n, 4); /* |g| = 4 u^3: u is tol_grad^(1/3) at best */
        s = drive(&r);
        check_minimum(&s, 1, 4 * cbrt(T_EPS));
        if (n == 1) continue;
        r = new_run(rosenbrock, n, -1.2);
        r.x0[n - 1] = 1;
        s = drive(&r);
        if (n < 4) check_minimum(&s, 1, 1e5 * T_EPS); /* longer ones have other minima */
        CHECK(s.stop == EBIM_STOP_CONVERGED || s.stop == EBIM_STOP_NO_PROGRESS);
        CHECK(s.evaluations < 200 + 20 * n);
    }
}

static void lbfgs_hard_searches(void)
{
    int n, i;
    for (i = 0; i < 60; i++) {
        run r = new_run(wavy, 1 + i % 3, 0.37 * i - 11);
        ebim_lbfgs s;
        r.d.c1 = i % 2 ? 0.4 : 1e-4; /* 0.4: low points without enough decrease are passed by */
        r.d.c2 = i % 2 ? 0.9 : 0.1;
        r.d.first_step = i % 4 < 2 ? 0 : 5;
        s = drive(&r);
        CHECK(s.stop == EBIM_STOP_CONVERGED || s.stop == EBIM_STOP_NO_PROGRESS);
        /* f is about n, and known to DBL_EPSILON: its gradient to the root of that, curvature 9 */
        CHECK_NEAR(sqrt(dot(s.n, s.g, s.g)), 0, 1e3 * T_EPS + 16 * sqrt(DBL_EPSILON));
        CHECK(s.evaluations < 300);
    }
    for (n = 1; n <= 3; n++) {
        run r = new_run(trap, n, -3);
        ebim_lbfgs s;
        r.d.first_step = 50;
        s = drive(&r);
        check_minimum(&s, 1, 1e3 * T_EPS);
    }
}

static void lbfgs_other_settings(void)
{
    static const double c2[3] = {0.9, 0.5, 0.1};
    int history, i;
    for (history = 1; history <= 20; history += history < 3 ? 1 : 8)
        for (i = 0; i < 3; i++) {
            run r = new_run(rosenbrock, 6, -1.2);
            ebim_lbfgs s;
            r.d.history = history;
            r.d.c1 = i == 2 ? 1e-2 : 1e-4;
            r.d.c2 = c2[i];
            s = drive(&r);
            CHECK(s.stop == EBIM_STOP_CONVERGED || s.stop == EBIM_STOP_NO_PROGRESS);
            CHECK_NEAR(sqrt(dot(6, s.g, s.g)), 0, 1e4 * T_EPS);
        }
}

/* The whole problem times 1e10: the same path, curvature pairs in use. */
static void lbfgs_any_steepness(void)
{
    run a = new_run(quadratic, 6, -3), b = new_run(steep, 6, -3);
    ebim_lbfgs s = drive(&a), t = drive(&b);
    check_minimum(&s, 1, 1e3 * T_EPS);
    check_minimum(&t, 1, 1e3 * T_EPS);
    CHECK(t.evaluations < 3 * s.evaluations);
}

/* Rounding floor of f at 100 eps: as good as f can tell, soon over, and no error. */
static void lbfgs_stops_at_the_floor(void)
{
    int n;
    for (n = 1; n <= 5; n++) {
        run r = new_run(noisy, n, 7);
        ebim_lbfgs s = drive(&r);
        check_minimum(&s, 1, 4 * sqrt(100 * n * T_EPS));
        CHECK(s.evaluations < 200);
    }
}

/* Gradients of the wrong sign: nothing decreases. x stays, and it is over within two searches. */
static void lbfgs_no_progress(void)
{
    int n, i;
    for (n = 1; n <= 4; n++) {
        run r = new_run(liar, n, 3);
        ebim_lbfgs s;
        for (i = 0; i < n; i++) r.x0[i] = 3;
        s = drive(&r);
        CHECK_INT(s.stop, EBIM_STOP_NO_PROGRESS);
        CHECK_INT(s.iterations, 0);
        CHECK(s.evaluations <= 2 * s.d.max_line + 1);
        for (i = 0; i < n; i++) CHECK(s.x[i] == 3);
        r.d.max_line = 4;
        s = drive(&r);
        CHECK_INT(s.stop, EBIM_STOP_MAX_LINE);
        CHECK_INT(s.evaluations, 1 + 4);
    }
}

/* From here f can fall, and does when a search may try often enough: what stops the others is
 * that they may not. */
static void lbfgs_max_line(void)
{
    int most;
    for (most = 1; most <= 6; most++) {
        run r = new_run(rosenbrock, 2, -1.2);
        ebim_lbfgs s;
        r.x0[0] = -1.2;
        r.x0[1] = 1;
        r.d.max_line = most;
        s = drive(&r);
        if (most == 1) CHECK_INT(s.evaluations, 2);
        if (most < 3) CHECK_INT(s.stop, EBIM_STOP_MAX_LINE);
        else CHECK(s.stop != EBIM_STOP_MAX_LINE);
        CHECK((s.f > 0.01) == (most < 3));
    }
}

/* Wolfe's conditions can both be met for 0 < c1 < c2 < 1. */
static void lbfgs_wolfe_constants(void)
{
    static const struct {
        double c1, c2;
        int ok;
    } c[] = {{0, 0, 1},      {0.5, 0, 1},       {0, 1e-3, 1},   {0.89, 0.9, 1}, {0.5, 0.4, 0},
             {0.95, 0, 0},   {0, 1e-5, 0},      {0.3, 0.3, 0},  {-0.1, 0.5, 0}, {0.1, -0.5, 0},
             {0.1, 1, 0},    {0.1, 2, 0},       {-2, -1, 0}};
    double bad[2];
    size_t i;
    ebim_lbfgs_desc d;
    ebim_lbfgs s;
    ebim_arena a = arena();
    for (i = 0; i < sizeof c / sizeof *c; i++) {
        memset(&d, 0, sizeof d);
        d.c1 = c[i].c1;
        d.c2 = c[i].c2;
        a = arena();
        CHECK_INT(ebim_lbfgs_init(&s, &a, 3, &d), c[i].ok ? EBIM_OK : EBIM_ERR_ARG);
        CHECK(c[i].ok || a.used == 0);
    }
    bad[0] = t_nan();
    bad[1] = t_inf();
    for (i = 0; i < 4; i++) {
        memset(&d, 0, sizeof d);
        *(i % 2 ? &d.c1 : &d.c2) = bad[i / 2];
        CHECK_INT(ebim_lbfgs_init(&s, &a, 3, &d), EBIM_ERR_ARG);
    }
}

static void lbfgs_nonsmooth(void)
{
    int n;
    for (n = 1; n <= 4; n++) {
        run r = new_run(corners, n, 2.3);
        ebim_lbfgs s;
        double f0 = 0;
        int i;
        for (i = 0; i < n; i++) f0 += (i + 1) * fabs(r.x0[i]);
        s = drive(&r);
        CHECK(s.stop != EBIM_STOP_BAD_START && s.stop != EBIM_STOP_RUNNING);
        CHECK(s.f <= (n == 1 ? 1e-6 : 0.5) * f0);
        CHECK(s.evaluations < 2000); /* max_iter vain ones would take 12000 */
        r = new_run(lopsided, 1, -n * 10);
        r.d.max_line = 1000; /* left to the bracket alone */
        s = drive(&r);
        CHECK(s.evaluations < 500);
        CHECK_INT(s.stop, EBIM_STOP_NO_PROGRESS);
        CHECK_NEAR(s.x[0], 1, 100 * T_EPS);
    }
}

static void lbfgs_unbounded(void)
{
    run r = new_run(downhill_forever, 2, 0);
    ebim_lbfgs s;
    r.d.max_iter = 50;
    s = drive(&r); /* CONVERGED: the gradient is small relative to x in the end */
    CHECK(s.stop != EBIM_STOP_BAD_START && s.evaluations <= 25 * 50);
    CHECK(t_finite(s.f) && s.f < -1e6);
}

/* Stopped after every possible number of evaluations, mostly inside a line search. */
static void lbfgs_max_eval(void)
{
    int most;
    for (most = 1; most < 60; most++) {
        run r = new_run(most % 2 ? rosenbrock : barrier, 2, most % 2 ? -1.2 : 30);
        ebim_lbfgs s;
        r.d.max_eval = most;
        s = drive(&r);
        CHECK(s.evaluations <= most);
        CHECK(s.evaluations == most || s.stop == EBIM_STOP_CONVERGED ||
              s.stop == EBIM_STOP_NO_PROGRESS);
        if (most < 10) CHECK_INT(s.stop, EBIM_STOP_MAX_EVAL);
    }
}

static void lbfgs_max_iter_and_tolerances(void)
{
    run r = new_run(rosenbrock, 2, -1.2);
    ebim_lbfgs s;
    int i;
    for (i = 1; i < 8; i++) {
        r.d.max_iter = i;
        s = drive(&r);
        CHECK_INT(s.stop, EBIM_STOP_MAX_ITER);
        CHECK_INT(s.iterations, i);
    }
    for (i = 0; i < 4; i++) { /* |g| = |x - 1| against tol_grad max(1, |x|) at the start */
        r = new_run(quadratic, 1, 0);
        r.d.tol_grad = i < 2 ? 0.5 : 0.99;
        r.x0[0] = i == 0 ? 1.9 : i == 1 ? 2.1 : i == 2 ? 90 : 110;
        s = drive(&r);
        CHECK((s.evaluations == 1) == (i % 2 == 0));
    }
    r = new_run(quadratic, 8, -3);
    r.d.tol_grad = 0.01;
    s = drive(&r);
    CHECK_INT(s.stop, EBIM_STOP_CONVERGED);
    CHECK(sqrt(dot(8, s.g, s.g)) <= 0.01 * sqrt(dot(8, s.x, s.x)));
    CHECK(sqrt(dot(8, s.g, s.g)) > 1e-6);
    i = s.evaluations;
    r.d.tol_grad = 0;
    r.d.tol_f = 0.5; /* a step that gains less than half of f */
    s = drive(&r);
    CHECK_INT(s.stop, EBIM_STOP_NO_PROGRESS);
    CHECK(s.evaluations < i);
}

static double bad_value(int n, const ebim_real *x, ebim_real *g)
{
    quadratic(n, x, g);
    return t_nan();
}

static double bad_gradient(int n, const ebim_real *x, ebim_real *g)
{
    double f = quadratic(n, x, g);
    g[n - 1] = real_inf();
    return f;
}

static void lbfgs_bad_start(void)
{
    int i;
    for (i = 0; i < 2; i++) {
        objective fn = i ? bad_gradient : bad_value;
        ebim_lbfgs_desc d;
        ebim_arena a = arena();
        ebim_lbfgs s;
        ebim_real x[3] = {4, 5, 6}, g[3];
        double f;
        memset(&d, 0, sizeof d);
        s = machine(&a, 3, &d);
        ebim_lbfgs_start(&s, x);
        f = fn(3, ebim_lbfgs_ask(&s), g);
        CHECK_INT(ebim_lbfgs_tell(&s, f, g), EBIM_STOP_BAD_START);
        CHECK(!ebim_lbfgs_ask(&s));
        CHECK_INT(s.evaluations, 1);
        CHECK(!memcmp(s.x, x, sizeof x) && !memcmp(s.g, g, sizeof g));
        CHECK(!memcmp(&s.f, &f, sizeof f));
    }
}

/* A gradient that is zero at the start: nothing to do. */
static void lbfgs_at_the_minimum(void)
{
    run r = new_run(quadratic, 3, 1);
    ebim_lbfgs s;
    int i;
    for (i = 0; i < 3; i++) r.x0[i] = 1;
    s = drive(&r);
    CHECK_INT(s.stop, EBIM_STOP_CONVERGED);
    CHECK_INT(s.evaluations, 1);
    CHECK_INT(s.iterations, 0);
}

static double farthest; /* of any trial from the base of its search */
static const ebim_lbfgs *watched;

static double watch_steps(int n, const ebim_real *x, ebim_real *g)
{
    double length = 0;
    int i;
    for (i = 0; i < n && watched && watched->phase != EBIM__LS_START; i++) {
        double step = (double)x[i] - (double)watched->base[i];
        length += step * step;
    }
    if (sqrt(length) > farthest) farthest = sqrt(length);
    return flat_far_out(n, x, g);
}

/* On the concave part steps are cut and their pairs refused; the memory must stay sound, which
 * drive checks. The trials themselves keep the limit. */
static void lbfgs_max_step(void)
{
    int history, longer = 0;
    for (history = 1; history <= 3; history++) {
        run r = new_run(flat_far_out, 3, 12);
        ebim_lbfgs s;
        r.x0[0] = 0.7; /* one coordinate convex: pairs come first, refusals later */
        r.x0[1] = -0.4;
        r.d.history = history;
        r.d.max_step = 0.25;
        s = drive(&r);
        check_minimum(&s, 0, 100 * T_EPS);
        CHECK(s.iterations >= (9 - 1) / 0.25);
        r.d.max_step = 0;
        s = drive(&r);
        check_minimum(&s, 0, 100 * T_EPS);
        longer += s.iterations;
    }
    CHECK(longer < 3 * 40);
    {
        ebim_arena a = arena();
        ebim_lbfgs_desc d;
        ebim_lbfgs s;
        ebim_real x[3] = {12, -9, 4}, g[3];
        const ebim_real *at;
        memset(&d, 0, sizeof d);
        d.max_step = 0.25;
        s = machine(&a, 3, &d);
        ebim_lbfgs_start(&s, x);
        watched = &s;
        farthest = 0;
        while ((at = ebim_lbfgs_ask(&s)) != NULL) {
            double f = watch_steps(3, at, g);
            ebim_lbfgs_tell(&s, f, g);
        }
        CHECK_REL(farthest, 0.25, 100 * T_EPS);
        d.max_step = 0;
        d.first_step = 0.125;
        s = machine(&a, 3, &d);
        ebim_lbfgs_start(&s, x);
        ebim_lbfgs_tell(&s, flat_far_out(3, ebim_lbfgs_ask(&s), g), g);
        farthest = 0;
        watch_steps(3, ebim_lbfgs_ask(&s), g);
        CHECK_REL(farthest, 0.125, 100 * T_EPS);
        watched = NULL;
    }
}

/* The two-loop recursion against the BFGS matrix written out: H <- V'HV + rho s s',
 * V = I - rho y s', from H = (s'y / y'y) I of the newest pair, oldest pair first. */
static void lbfgs_direction_is_bfgs(void)
{
    enum { N = 5 };
    int history, i, j, q, a, b;
    for (history = 1; history <= 4; history++) {
        ebim_arena ar = arena();
        ebim_lbfgs_desc d;
        ebim_lbfgs s;
        ebim_real x[N] = {-1, 1, -1, 1, 2}, g[N];
        int compared = 0;
        memset(&d, 0, sizeof d);
        d.history = history;
        d.max_iter = 12;
        s = machine(&ar, N, &d);
        ebim_lbfgs_start(&s, x);
        while (ebim_lbfgs_ask(&s)) {
            double H[N][N], f, length = 0, error = 0;
            int steps = s.iterations;
            f = rosenbrock(N, ebim_lbfgs_ask(&s), g);
            if (ebim_lbfgs_tell(&s, f, g) != EBIM_STOP_RUNNING || s.iterations == steps || !s.pairs)
                continue;
            memset(H, 0, sizeof H);
            for (i = 0; i < N; i++) {
                const ebim_real *y = s.y + s.newest * s.room;
                H[i][i] = 1 / (s.rho[s.newest] * dot(N, y, y));
            }
            for (q = s.pairs - 1; q >= 0; q--) {
                int at = (s.newest - q + history + 1) % (history + 1);
                const ebim_real *p = s.s + at * s.room, *y = s.y + at * s.room;
                double rho = 1 / dot(N, p, y), V[N][N], T[N][N];
                for (i = 0; i < N; i++)
                    for (j = 0; j < N; j++)
                        V[i][j] = (i == j) - rho * (double)y[i] * (double)p[j];
                memset(T, 0, sizeof T);
                for (i = 0; i < N; i++)
                    for (j = 0; j < N; j++)
                        for (a = 0; a < N; a++)
                            for (b = 0; b < N; b++) T[i][j] += V[a][i] * H[a][b] * V[b][j];
                for (i = 0; i < N; i++)
                    for (j = 0; j < N; j++)
                        H[i][j] = T[i][j] + rho * (double)p[i] * (double)p[j];
            }
            for (i = 0; i < N; i++) {
                double want = 0;
                for (j = 0; j < N; j++) want -= H[i][j] * (double)s.base_g[j];
                length += want * want;
                error += (want - (double)s.dir[i]) * (want - (double)s.dir[i]);
            }
            CHECK_NEAR(sqrt(error), 0, 3e3 * T_EPS * sqrt(length));
            compared++;
        }
        CHECK(compared >= 8);
    }
}

/* A machine used before, for another n, walks the same path to the bit. */
static void lbfgs_restarts(void)
{
    ebim_arena a = arena();
    ebim_lbfgs_desc d;
    ebim_lbfgs s, t;
    ebim_real x0[7] = {-1, 1, -1, 1, -1, 1, 2}, g[7];
    const ebim_real *x;
    memset(&d, 0, sizeof d);
    s = machine(&a, 7, &d);
    t = machine(&a, 4, &d);
    ebim_lbfgs_start(&s, x0);
    while ((x = ebim_lbfgs_ask(&s)) != NULL) {
        double f = rosenbrock(7, x, g);
        ebim_lbfgs_tell(&s, f, g);
    }
    s.n = 4;
    ebim_lbfgs_start(&s, x0);
    ebim_lbfgs_start(&t, x0);
    while ((x = ebim_lbfgs_ask(&s)) != NULL) {
        const ebim_real *other = ebim_lbfgs_ask(&t);
        double f = rosenbrock(4, x, g);
        if (!CHECK(other && !memcmp(x, other, 4 * sizeof *x))) return;
        CHECK_INT(ebim_lbfgs_tell(&s, f, g), ebim_lbfgs_tell(&t, f, g));
    }
    CHECK(!ebim_lbfgs_ask(&t) && s.evaluations > 10);
    ebim_lbfgs_start(&s, s.x); /* from its own result */
    CHECK(!memcmp(ebim_lbfgs_ask(&s), t.x, 4 * sizeof *x));
}

/* Machines told together, one evaluation each per round, do what they do alone. */
static void lbfgs_lanes(void)
{
    enum { COUNT = 9 };
    ebim_arena a = arena();
    ebim_lbfgs_desc d;
    ebim_lbfgs s[COUNT], alone;
    int m, asking, rounds = 0, most = 0;
    memset(&d, 0, sizeof d);
    for (m = 0; m < COUNT; m++) {
        ebim_real x0 = (ebim_real)(m + 0.1);
        s[m] = machine(&a, 1, &d);
        ebim_lbfgs_start(&s[m], &x0);
    }
    do {
        for (m = asking = 0; m < COUNT; m++) {
            const ebim_real *x = ebim_lbfgs_ask(&s[m]);
            ebim_real g;
            double f;
            if (!x) continue;
            f = flat_far_out(1, x, &g);
            asking += ebim_lbfgs_tell(&s[m], f, &g) == EBIM_STOP_RUNNING;
        }
        rounds++;
    } while (asking);
    alone = machine(&a, 1, &d);
    for (m = 0; m < COUNT; m++) {
        ebim_real x0 = (ebim_real)(m + 0.1), g;
        ebim_lbfgs_start(&alone, &x0);
        while (ebim_lbfgs_ask(&alone)) {
            double f = flat_far_out(1, ebim_lbfgs_ask(&alone), &g);
            ebim_lbfgs_tell(&alone, f, &g);
        }
        CHECK(alone.f == s[m].f && alone.x[0] == s[m].x[0] && alone.stop == s[m].stop);
        CHECK_INT(alone.evaluations, s[m].evaluations);
        CHECK_NEAR(s[m].x[0], 0, 100 * T_EPS);
        if (alone.evaluations > most) most = alone.evaluations;
    }
    CHECK_INT(rounds, most);
}

typedef struct counted {
    objective fn;
    int n, evaluations, calls, stop_at;
    double f[64];
} counted;

static double count_evaluations(void *user, const ebim_real *x, ebim_real *g)
{
    counted *c = (counted *)user;
    c->evaluations++;
    return c->fn(c->n, x, g);
}

static int count_steps(void *user, const ebim_lbfgs *s)
{
    counted *c = (counted *)user;
    if (c->calls < 64) c->f[c->calls] = s->f;
    CHECK_INT(s->iterations, ++c->calls);
    CHECK_INT(s->evaluations, c->evaluations);
    return c->calls == c->stop_at;
}

static void lbfgs_minimize_and_its_callback(void)
{
    run r = new_run(rosenbrock, 2, -1.2);
    ebim_lbfgs by_hand = drive(&r), report;
    int stop_at, i;
    memset(&report, 0, sizeof report);
    for (stop_at = 0; stop_at <= by_hand.iterations; stop_at++) {
        ebim_real x[2];
        counted c;
        ebim_arena a;
        size_t bytes;
        memset(&c, 0, sizeof c);
        c.fn = rosenbrock;
        c.n = 2;
        c.stop_at = stop_at;
        for (i = 0; i < 2; i++) x[i] = (ebim_real)r.x0[i];
        ebim_arena_init(&a, NULL, 0);
        CHECK_INT(ebim_lbfgs_minimize(count_evaluations, &c, &a, 2, x, &r.d, count_steps, NULL),
                  EBIM_OK);
        CHECK_INT(c.evaluations, 0); /* measuring */
        bytes = ebim_arena_bytes(&a);
        ebim_arena_init(&a, memory, bytes - 1);
        CHECK_INT(ebim_lbfgs_minimize(count_evaluations, &c, &a, 2, x, &r.d, NULL, NULL),
                  EBIM_ERR_MEMORY);
        ebim_arena_init(&a, memory, bytes);
        CHECK_INT(ebim_lbfgs_minimize(count_evaluations, &c, &a, 2, x, &r.d, count_steps, &report),
                  EBIM_OK);
        CHECK_INT(report.iterations, c.calls);
        for (i = 1; i < c.calls && i < 64; i++) CHECK(c.f[i] <= c.f[i - 1]);
        CHECK(!memcmp(x, report.x, sizeof x));
        if (stop_at && stop_at < by_hand.iterations) {
            CHECK_INT(report.stop, EBIM_STOP_CALLBACK);
            CHECK_INT(c.calls, stop_at);
        } else { /* a stop of its own is not the callback's */
            CHECK_INT(report.stop, by_hand.stop);
            CHECK_INT(report.evaluations, by_hand.evaluations);
            CHECK(report.f == by_hand.f);
        }
    }
}

static void lbfgs_memory(void)
{
    ebim_lbfgs_desc d;
    ebim_lbfgs s;
    ebim_arena a;
    size_t bytes, cut;
    memset(&d, 0, sizeof d);
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(ebim_lbfgs_init(&s, &a, 5, &d), EBIM_OK);
    bytes = ebim_arena_bytes(&a);
    for (cut = 0; cut < bytes; cut += cut < 70 ? 1 : 64) {
        ebim_arena_init(&a, memory, bytes - cut);
        CHECK_INT(ebim_lbfgs_init(&s, &a, 5, &d), cut ? EBIM_ERR_MEMORY : EBIM_OK);
    }
    a = arena();
    CHECK_INT(ebim_lbfgs_init(&s, &a, 0, &d), EBIM_ERR_ARG);
    d.history = -1;
    CHECK_INT(ebim_lbfgs_init(&s, &a, 3, &d), EBIM_ERR_ARG);
    CHECK_INT(ebim_lbfgs_minimize(NULL, NULL, &a, -1, NULL, &d, NULL, NULL), EBIM_ERR_ARG);
    CHECK_INT(a.failed, EBIM_OK); /* refused before anything was taken */
    CHECK_INT(a.used, 0);
}

static void stops_have_names(void)
{
    int i, j;
    for (i = 0; i < EBIM__STOP_COUNT; i++)
        for (j = 0; j <= i; j++)
            CHECK(!strcmp(ebim_stop_str((ebim_stop)i), ebim_stop_str((ebim_stop)j)) == (i == j));
    CHECK_STR(ebim_stop_str((ebim_stop)99), "unknown");
    CHECK_STR(ebim_stop_str((ebim_stop)-1), "unknown");
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(cholesky_solves);
    T_RUN(cholesky_by_hand);
    T_RUN(cholesky_refuses);
    T_RUN(lu_solves);
    T_RUN(lu_by_hand);
    T_RUN(lu_refuses);
    T_RUN(lu_and_cholesky_see_singular);
    T_RUN(pivots_at_the_threshold);
    T_RUN(pivots_ignore_scale);
    T_RUN(cg_agrees_with_cholesky);
    T_RUN(cg_lanes_are_independent);
    T_RUN(cg_bad_lanes_disturb_nobody);
    T_RUN(cg_starts_where_told);
    T_RUN(cg_iterations);
    T_RUN(cg_any_scale);
    T_RUN(cg_breaks_down_gracefully);
    T_RUN(cg_singular);
    T_RUN(lbfgs_minimises);
    T_RUN(lbfgs_hard_searches);
    T_RUN(lbfgs_other_settings);
    T_RUN(lbfgs_any_steepness);
    T_RUN(lbfgs_stops_at_the_floor);
    T_RUN(lbfgs_no_progress);
    T_RUN(lbfgs_max_line);
    T_RUN(lbfgs_wolfe_constants);
    T_RUN(lbfgs_nonsmooth);
    T_RUN(lbfgs_unbounded);
    T_RUN(lbfgs_max_eval);
    T_RUN(lbfgs_max_iter_and_tolerances);
    T_RUN(lbfgs_bad_start);
    T_RUN(lbfgs_at_the_minimum);
    T_RUN(lbfgs_max_step);
    T_RUN(lbfgs_direction_is_bfgs);
    T_RUN(lbfgs_restarts);
    T_RUN(lbfgs_lanes);
    T_RUN(lbfgs_minimize_and_its_callback);
    T_RUN(lbfgs_memory);
    T_RUN(stops_have_names);
    return T_END();
}
