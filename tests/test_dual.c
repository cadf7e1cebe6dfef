/* Dual numbers: against goldens of mpmath, central differences, and the chain rule. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "golden/floors.h"

typedef ebim_dual (*unary)(ebim_dual);

static const struct {
    const char *name;
    unary fn;
    double lo, hi; /* where it is smooth and tame */
} functions[] = {
    {"neg", ebim_dual_neg, -3, 3},           {"abs", ebim_dual_abs, 0.5, 3},
    {"sqrt", ebim_dual_sqrt, 0.5, 4},        {"exp", ebim_dual_exp, -2, 2},
    {"log", ebim_dual_log, 0.5, 4},          {"sin", ebim_dual_sin, -3, 3},
    {"cos", ebim_dual_cos, -3, 3},           {"tanh", ebim_dual_tanh, -2, 2},
    {"sigmoid", ebim_dual_sigmoid, -4, 4},   {"silu", ebim_dual_silu, -4, 4},
    {"softplus", ebim_dual_softplus, -4, 4}, {"relu", ebim_dual_relu, 0.5, 4},
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

static ebim_dual dual(double v, double d) { return ebim_dual_make((ebim_real)v, (ebim_real)d); }

static double uniform(ebim_rng *r, double lo, double hi)
{
    return lo + (hi - lo) * (double)ebim_rng_uniform(r);
}

static unary find(const char *name)
{
    int i;
    for (i = 0; i < FUNCTIONS; i++)
        if (!strcmp(functions[i].name, name)) return functions[i].fn;
    return NULL;
}

/* Slopes to rounding of themselves or of the value: tanh' = 1 - tanh^2 and silu' near its zero are
 * differences. The seed 3 instead of 1 shows that they are multiplied by the operand's. */
static void agrees_with_goldens(void)
{
    size_t i;
    for (i = 0; i < sizeof golden_duals / sizeof golden_duals[0]; i++) {
        const golden_dual *g = &golden_duals[i];
        unary fn = find(g->name);
        ebim_dual z;
        if (!CHECK(fn != NULL)) return;
        z = fn(dual(g->x, 3));
        CHECK_NEAR(z.v, g->value, 4 * T_EPS * fabs(g->value));
        CHECK_NEAR(z.d, 3 * g->slope, 32 * T_EPS * (fabs(g->slope) + fabs(g->value)));
    }
    for (i = 0; i < sizeof golden_powers / sizeof golden_powers[0]; i++) {
        const double *g = golden_powers[i];
        ebim_dual z = ebim_dual_pow(dual(g[0], 3), (ebim_real)g[1]);
        CHECK_REL(z.v, g[2], 4 * T_EPS);
        CHECK_REL(z.d, 3 * g[3], 8 * T_EPS);
    }
}

#ifdef EBIM_DOUBLE
/* u / (v^2 + 1)^mix + min(u, v) max(u, v) - 2 v, where u and v are functions of sin x and cos x
 * moved into their ranges: every binary op, in a chain. */
static ebim_dual composite(int i, int j, double mix, ebim_dual x)
{
    ebim_dual one = ebim_dual_make(1, 0), u, v, w;
    double mid_i = 0.5 * (functions[i].lo + functions[i].hi);
    double mid_j = 0.5 * (functions[j].lo + functions[j].hi);
    double half_i = 0.4 * (functions[i].hi - functions[i].lo);
    double half_j = 0.4 * (functions[j].hi - functions[j].lo);
    u = functions[i].fn(ebim_dual_add(ebim_dual_scale(ebim_dual_sin(x), (ebim_real)half_i),
                                      dual(mid_i, 0)));
    v = functions[j].fn(ebim_dual_add(ebim_dual_scale(ebim_dual_cos(x), (ebim_real)half_j),
                                      dual(mid_j, 0)));
    w = ebim_dual_add(ebim_dual_mul(v, v), one);
    w = ebim_dual_div(u, ebim_dual_pow(w, (ebim_real)mix));
    w = ebim_dual_add(w, ebim_dual_mul(ebim_dual_min(u, v), ebim_dual_max(u, v)));
    return ebim_dual_sub(w, ebim_dual_scale(v, 2));
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
        ebim_dual one = functions[i].fn(dual(x, 1)), none = functions[i].fn(dual(x, 0));
        CHECK_NEAR(functions[i].fn(dual(x, -8)).d, -8 * (double)one.d,
                   8 * T_EPS * fabs((double)one.d));
        CHECK_NEAR(none.d, 0, 0);
        CHECK_NEAR(none.v, one.v, 0);
    }
}

static void binary_by_hand(void)
{
    ebim_dual a = dual(3, 2), b = dual(-4, 5), z;
    z = ebim_dual_add(a, b);
    CHECK(z.v == -1 && z.d == 7);
    z = ebim_dual_sub(a, b);
    CHECK(z.v == 7 && z.d == -3);
    z = ebim_dual_mul(a, b);
    CHECK(z.v == -12 && z.d == 7);
    z = ebim_dual_div(a, b);           /* (2 * -4 - 3 * 5) / 16 */
    CHECK(z.v == (ebim_real)-0.75);
    CHECK_REL(z.d, -1.4375, 4 * T_EPS);
    z = ebim_dual_scale(a, -2);
    CHECK(z.v == -6 && z.d == -4);
    z = ebim_dual_min(a, b);
    CHECK(z.v == -4 && z.d == 5);
    z = ebim_dual_max(a, b);
    CHECK(z.v == 3 && z.d == 2);
}

static void kinks(void)
{
    ebim_dual a = dual(1, 2), b = dual(1, 5), z;
    CHECK(ebim_dual_min(a, b).d == 2 && ebim_dual_max(a, b).d == 2);
    CHECK(ebim_dual_min(b, a).d == 5 && ebim_dual_max(b, a).d == 5);
    CHECK(ebim_dual_abs(dual(0, 3)).d == 0);
    CHECK(ebim_dual_abs(dual(-2, 3)).d == -3);
    CHECK(ebim_dual_relu(dual(0, 3)).d == 0);
    CHECK(ebim_dual_relu(dual(-1, 3)).d == 0);
    z = ebim_dual_sqrt(dual(0, 3));
    CHECK(z.v == 0 && z.d == 0);
    z = ebim_dual_pow(dual(0, 3), 0);
    CHECK(z.v == 1 && z.d == 0);
    z = ebim_dual_pow(dual(0, 3), 2);
    CHECK(z.v == 0 && z.d == 0);
    z = ebim_dual_pow(dual(0, 3), 1);
    CHECK(z.v == 0 && z.d == 3);
}

/* Where exp(x) would overflow or 1 + exp(-x) round to 1. */
static void tails(void)
{
    double far = 4000;
    CHECK(ebim_dual_softplus(dual(far, 1)).v == (ebim_real)far);
    CHECK(ebim_dual_softplus(dual(far, 1)).d == 1);
    CHECK(ebim_dual_softplus(dual(-far, 1)).v == 0);
    CHECK(ebim_dual_sigmoid(dual(far, 1)).v == 1);
    CHECK(ebim_dual_sigmoid(dual(far, 1)).d == 0);
    CHECK(ebim_dual_sigmoid(dual(-far, 1)).v == 0);
    CHECK(ebim_dual_silu(dual(far, 1)).v == (ebim_real)far);
    CHECK(ebim_dual_silu(dual(-far, 1)).d == 0);
    CHECK(ebim_dual_tanh(dual(far, 1)).d == 0);
}

/* The op of the tape that is the same function gives the same value and slope. */
static ebim_ref record_fn(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_apply(g, x, *(const ebim_fn *)user);
}

static void agrees_with_the_tape(void)
{
    static const struct { ebim_fn fn; const char *name; } same[] = {
        {EBIM_SILU, "silu"}, {EBIM_TANH, "tanh"}, {EBIM_RELU, "relu"}, {EBIM_SOFTPLUS, "softplus"},
        {EBIM_SINE, "sin"}, {EBIM_COSINE, "cos"}, {EBIM_EXP, "exp"}, {EBIM_LOG, "log"},
        {EBIM_SQRT, "sqrt"}, {EBIM_ABS, "abs"},
    };
    static double memory[1 << 15];
    size_t q;
    int l;
    for (q = 0; q < sizeof same / sizeof same[0]; q++) {
        ebim_arena a;
        ebim_graph g;
        ebim_ws w;
        ebim_fn fn = same[q].fn;
        unary dual_fn = find(same[q].name);
        ebim_arena_init(&a, memory, sizeof memory);
        if (!CHECK_INT(ebim_record(&g, &a, 1, record_fn, &fn), EBIM_OK)) return;
        if (!CHECK_INT(ebim_ws_init(&w, &a, &g, 16, 1), EBIM_OK)) return;
        for (l = 0; l < 16; l++) {
            ebim_ws_x(&w)[l] = (ebim_real)(fn == EBIM_LOG || fn == EBIM_SQRT ? 0.25 + 0.5 * l
                                                                             : 0.5 * l - 3.75);
            ebim_ws_xt(&w, 1)[l] = 1;
        }
        ebim_forward(&w, 16, 1);
        ebim_jvp(&w, 1, 1);
        for (l = 0; l < 16; l++) {
            ebim_dual z = dual_fn(ebim_dual_make(ebim_ws_x(&w)[l], 1));
            CHECK_NEAR(ebim_ws_y(&w)[l], z.v, 8 * T_EPS * (1 + fabs((double)z.v)));
            CHECK_NEAR(ebim_ws_yt(&w, 1)[l], z.d, 16 * T_EPS * (1 + fabs((double)z.d)));
        }
    }
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
    T_RUN(agrees_with_the_tape);
    return T_END();
}
