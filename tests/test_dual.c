/* Dual numbers: against goldens of mpmath, central differences, and the chain rule. The tape is
 * judged by them in test_tape.c. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "golden/floors.h"

static const struct {
    const char *name; /* in golden/floors.h */
    ebim_fn fn;
    double lo, hi;    /* where it is smooth and tame */
} functions[] = {
    {"abs", EBIM_FN_ABS, 0.5, 3},       {"sqrt", EBIM_FN_SQRT, 0.5, 4},
    {"exp", EBIM_FN_EXP, -2, 2},
    {"log", EBIM_FN_LOG, 0.5, 4},       {"sin", EBIM_FN_SINE, -3, 3},
    {"cos", EBIM_FN_COSINE, -3, 3},
    {"tanh", EBIM_FN_TANH, -2, 2},      {"silu", EBIM_FN_SILU, -4, 4},
    {"relu", EBIM_FN_RELU, 0.5, 4},
    {"softplus", EBIM_FN_SOFTPLUS, -4, 4}, {"", EBIM_FN_SQUARE, -2, 2},
    {"", EBIM_FN_IDENTITY, -2, 2},
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

static ebim_dual dual(double v, double d) { return ebim_dual_make((ebim_real)v, (ebim_real)d); }

static double uniform(ebim_rng *r, double lo, double hi)
{
    return lo + (hi - lo) * (double)ebim_rng_uniform(r);
}

static ebim_dual apply(int i, ebim_dual x) { return ebim_dual_apply(functions[i].fn, x, 0); }

static ebim_dual power(ebim_dual x, double p)
{
    return ebim_dual_apply(EBIM_FN_POW, x, (ebim_real)p);
}

/* Slopes to rounding of themselves or of the value: tanh' = 1 - tanh^2 and silu' near its zero are
 * differences. The seed 3 instead of 1 shows that they are multiplied by the operand's. */
static void agrees_with_goldens(void)
{
    size_t i;
    int seen = 0;
    for (i = 0; i < sizeof golden_duals / sizeof golden_duals[0]; i++) {
        const golden_dual *g = &golden_duals[i];
        ebim_dual z;
        int q = 0;
        while (q < FUNCTIONS && strcmp(functions[q].name, g->name)) q++;
        if (q == FUNCTIONS) continue; /* neg and sigmoid are none of the functions */
        seen++;
        z = apply(q, dual(g->x, 3));
        CHECK_NEAR(z.v, g->value, 4 * T_EPS * fabs(g->value));
        CHECK_NEAR(z.d, 3 * g->slope, 32 * T_EPS * (fabs(g->slope) + fabs(g->value)));
    }
    CHECK(seen > 40);
    for (i = 0; i < sizeof golden_powers / sizeof golden_powers[0]; i++) {
        const double *g = golden_powers[i];
        ebim_dual z = power(dual(g[0], 3), g[1]);
        CHECK_REL(z.v, g[2], 4 * T_EPS);
        CHECK_REL(z.d, 3 * g[3], 8 * T_EPS);
    }
}

#ifdef EBIM_DOUBLE
/* u / (v^2 + 1)^mix - (u v - v), where u and v are functions of sin x and cos x
 * moved into their ranges: every binary op, in a chain. */
static ebim_dual composite(int i, int j, double mix, ebim_dual x)
{
    ebim_dual one = ebim_dual_make(1, 0), u, v, w;
    double mid_i = 0.5 * (functions[i].lo + functions[i].hi);
    double mid_j = 0.5 * (functions[j].lo + functions[j].hi);
    double half_i = 0.4 * (functions[i].hi - functions[i].lo);
    double half_j = 0.4 * (functions[j].hi - functions[j].lo);
    u = ebim_dual_op(dual(half_i, 0), '*', ebim_dual_apply(EBIM_FN_SINE, x, 0));
    v = ebim_dual_op(dual(half_j, 0), '*', ebim_dual_apply(EBIM_FN_COSINE, x, 0));
    u = apply(i, ebim_dual_op(u, '+', dual(mid_i, 0)));
    v = apply(j, ebim_dual_op(v, '+', dual(mid_j, 0)));
    w = ebim_dual_op(ebim_dual_op(v, '*', v), '+', one);
    w = ebim_dual_op(u, '/', power(w, mix));
    return ebim_dual_op(w, '-', ebim_dual_op(ebim_dual_op(u, '*', v), '-', v));
}
#endif

/* Four-point central differences: truncation 1e-3^4 * f^(5), rounding 1e-16 / 1e-3. */
static void agrees_with_differences(void)
{
#ifdef EBIM_DOUBLE
    ebim_rng r;
    int i, j, q;
    ebim_rng_init(&r, T_SEED, 1);
    for (i = 0; i < FUNCTIONS; i++)
        for (j = 0; j < FUNCTIONS; j++)
            for (q = 0; q < 4; q++) {
                double x = uniform(&r, -1, 1), mix = uniform(&r, 0.5, 1.5), h = 1e-3, d;
                ebim_dual z = composite(i, j, mix, dual(x, 1));
                d = 8 * (composite(i, j, mix, dual(x + h, 0)).v -
                         composite(i, j, mix, dual(x - h, 0)).v) -
                    (composite(i, j, mix, dual(x + 2 * h, 0)).v -
                     composite(i, j, mix, dual(x - 2 * h, 0)).v);
                CHECK_NEAR(z.d, d / (12 * h), 1e-7 * (1 + fabs(z.d)));
            }
#else
    T_SKIP("finite differences are for double");
#endif
}

/* d is linear in the seed and a constant has none. */
static void derivative_is_linear(void)
{
    ebim_rng r;
    int i;
    ebim_rng_init(&r, T_SEED, 2);
    for (i = 0; i < FUNCTIONS; i++) {
        double x = uniform(&r, functions[i].lo, functions[i].hi);
        ebim_dual one = apply(i, dual(x, 1)), none = apply(i, dual(x, 0));
        CHECK_NEAR(apply(i, dual(x, -8)).d, -8 * (double)one.d,
                   8 * T_EPS * fabs((double)one.d));
        CHECK_NEAR(none.d, 0, 0);
        CHECK_NEAR(none.v, one.v, 0);
    }
}

static void binary_by_hand(void)
{
    ebim_dual a = dual(3, 2), b = dual(-4, 5), z;
    z = ebim_dual_op(a, '+', b);
    CHECK(z.v == -1 && z.d == 7);
    z = ebim_dual_op(a, '-', b);
    CHECK(z.v == 7 && z.d == -3);
    z = ebim_dual_op(a, '*', b);
    CHECK(z.v == -12 && z.d == 7);
    z = ebim_dual_op(a, '/', b);       /* (2 * -4 - 3 * 5) / 16 */
    CHECK(z.v == (ebim_real)-0.75);
    CHECK_REL(z.d, -1.4375, 4 * T_EPS);
}

static ebim_dual at(ebim_fn fn, double v, double d) { return ebim_dual_apply(fn, dual(v, d), 0); }

static void kinks(void)
{
    ebim_dual z;
    CHECK(at(EBIM_FN_ABS, 0, 3).d == 0);
    CHECK(at(EBIM_FN_ABS, -2, 3).d == -3);
    CHECK(at(EBIM_FN_RELU, 0, 3).d == 0);
    CHECK(at(EBIM_FN_RELU, -1, 3).d == 0);
    z = at(EBIM_FN_SQRT, 0, 3);
    CHECK(z.v == 0 && z.d == 0);
    z = power(dual(0, 3), 0);
    CHECK(z.v == 1 && z.d == 0);
    z = power(dual(0, 3), 2);
    CHECK(z.v == 0 && z.d == 0);
    z = power(dual(0, 3), 1);
    CHECK(z.v == 0 && z.d == 3);
}

/* Where exp(x) would overflow or 1 + exp(-x) round to 1. */
static void tails(void)
{
    double far = 4000;
    CHECK(at(EBIM_FN_SOFTPLUS, far, 1).v == (ebim_real)far);
    CHECK(at(EBIM_FN_SOFTPLUS, far, 1).d == 1);
    CHECK(at(EBIM_FN_SOFTPLUS, -far, 1).v == 0);
    CHECK(at(EBIM_FN_SOFTPLUS, -far, 1).d == 0);
    CHECK(at(EBIM_FN_SILU, far, 1).v == (ebim_real)far);
    CHECK(at(EBIM_FN_SILU, far, 1).d == 1);
    CHECK(at(EBIM_FN_SILU, -far, 1).d == 0);
    CHECK(at(EBIM_FN_TANH, far, 1).d == 0);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(agrees_with_goldens);
    T_RUN(agrees_with_differences);
    T_RUN(derivative_is_linear);
    T_RUN(binary_by_hand);
    T_RUN(kinks);
    T_RUN(tails);
    return T_END();
}
