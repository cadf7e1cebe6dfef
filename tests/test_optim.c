/* Optimisers against traces computed with 50 digits (golden/floors.py), and by hand. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "golden/floors.h"

/* -ffast-math may turn (1 - beta) g^2 into g^2 - beta g^2: a thousand times the rounding. */
#ifdef __FAST_MATH__
#define ROUNDING (2000 * T_EPS)
#else
#define ROUNDING (16 * T_EPS)
#endif

enum { STEPS = sizeof golden_adam / sizeof golden_adam[0] };

static double memory[1 << 10];

static ebim_arena arena(void)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, sizeof memory);
    return a;
}

static ebim_real real_nan(void) { return (ebim_real)t_nan(); }
static ebim_real real_inf(void) { return (ebim_real)t_inf(); }

/* The problem of floors.py */
static const unsigned char mask[3] = {1, 0, 1};

static void start(ebim_real *x)
{
    x[0] = 1;
    x[1] = -2;
    x[2] = (ebim_real)0.5;
}

static void gradient(int t, const ebim_real *x, ebim_real *g)
{
    static const double c[3] = {1, 4, 0.125};
    int i;
    for (i = 0; i < 3; i++)
        g[i] = (ebim_real)c[i] * x[i] + (ebim_real)(t * (i + 2) % 5 - 2) / 4;
}

/* Rounding errors of the steps add up, and a sign of m may hang on them: 100 eps a step. */
static void check_trace(const ebim_real *x, const double golden[][3], int t)
{
    int i;
    for (i = 0; i < 3; i++) CHECK_NEAR(x[i], golden[t - 1][i], 100 * t * T_EPS);
}

static void adam_golden(void)
{
    int decoupled, t;
    for (decoupled = 0; decoupled < 2; decoupled++) {
        ebim_arena a = arena();
        ebim_optim o;
        ebim_real x[3], g[3];
        CHECK_INT(ebim_optim_init(&o, &a, 3, EBIM_OPTIM_ADAM), EBIM_OK);
        if (decoupled) {
            o.decay = 0.25;
            o.decays = mask;
        }
        start(x);
        for (t = 1; t <= STEPS; t++) {
            gradient(t, x, g);
            CHECK_INT(ebim_optim_step(&o, x, g, (ebim_real)0.0625), 1);
            CHECK_INT(o.steps, t);
            check_trace(x, decoupled ? golden_adamw : golden_adam, t);
        }
    }
}

static void sgd_golden(void)
{
    ebim_arena a = arena();
    ebim_optim o;
    ebim_real x[3], g[3];
    int t;
    CHECK_INT(ebim_optim_init(&o, &a, 3, EBIM_OPTIM_SGD), EBIM_OK);
    o.momentum = 0.875;
    start(x);
    for (t = 1; t <= STEPS; t++) {
        gradient(t, x, g);
        CHECK_INT(ebim_optim_step(&o, x, g, (ebim_real)0.0078125), 1);
        check_trace(x, golden_sgd, t);
    }
}

/* The first step is rate g / (|g| + eps): the length of g does not matter, in float either. */
static void adam_first_step(void)
{
    static const double size[6] = {1e-15, 1e-8, 1e-3, 1, 1e3, 1e15};
    int i;
    for (i = 0; i < 6; i++) {
        ebim_arena a = arena();
        ebim_optim o;
        ebim_real x[2] = {0, 0}, g[2];
        g[0] = (ebim_real)size[i];
        g[1] = -g[0];
        ebim_optim_init(&o, &a, 2, EBIM_OPTIM_ADAM);
        CHECK_INT(ebim_optim_step(&o, x, g, (ebim_real)0.5), 1);
        CHECK_REL(x[0], -0.5 * size[i] / (size[i] + 1e-8), ROUNDING);
        CHECK_REL(x[1], 0.5 * size[i] / (size[i] + 1e-8), ROUNDING);
        CHECK_REL(o.m[0], 0.1 * size[i], ROUNDING);
        CHECK_REL(o.v[0], 0.001 * size[i] * size[i], ROUNDING);
    }
}

static void adam_decay_alone(void)
{
    ebim_arena a = arena();
    ebim_optim o;
    ebim_real x[3] = {2, 2, 2}, zero[3] = {0, 0, 0};
    int t;
    ebim_optim_init(&o, &a, 3, EBIM_OPTIM_ADAM);
    for (t = 1; t <= 10; t++) ebim_optim_step(&o, x, zero, (ebim_real)0.5);
    CHECK(x[0] == 2 && x[1] == 2 && x[2] == 2);
    o.decay = 0.125;
    o.decays = mask;
    for (t = 1; t <= 10; t++) ebim_optim_step(&o, x, zero, (ebim_real)0.5);
    CHECK_REL(x[0], 2 * pow(0.9375, 10), 20 * T_EPS);
    CHECK(x[1] == 2 && x[2] == x[0]);
    o.decays = NULL;
    ebim_optim_step(&o, x, zero, (ebim_real)0.5);
    CHECK(x[1] == (ebim_real)1.875);
}

/* One bad component anywhere: no bit of anything changes, and the next good step is taken. */
static void bad_gradients_are_refused(void)
{
    int kind, i, which;
    for (which = 0; which < 2; which++)
        for (kind = 0; kind < (which ? 2 : 3); kind++)
            for (i = 0; i < 5; i++) {
                ebim_arena a = arena();
                ebim_optim o, s;
                double before[sizeof memory / sizeof *memory];
                ebim_real x[5] = {1, 2, 3, 4, 5}, same[5], g[5] = {1, -1, 2, -2, 3};
                ebim_optim_init(&o, &a, 5, EBIM_OPTIM_ADAM);
                ebim_optim_init(&s, &a, 5, EBIM_OPTIM_SGD);
                s.momentum = 0.9;
                o.decay = 0.5;
                ebim_optim_step(&o, x, g, (ebim_real)0.1);
                ebim_optim_step(&s, x, g, (ebim_real)0.1);
                memcpy(same, x, sizeof x);
                memcpy(before, memory, sizeof memory);
                g[i] = kind == 0 ? real_nan() : kind == 1 ? real_inf()
                     : sizeof *g == 8 ? (ebim_real)-1e200 : (ebim_real)-1e25; /* its square */
                CHECK_INT(ebim_optim_step(which ? &s : &o, x, g, (ebim_real)0.1), 0);
                CHECK(!memcmp(x, same, sizeof x));
                CHECK(!memcmp(before, memory, sizeof memory));
                CHECK_INT(which ? s.steps : o.steps, 1);
                g[i] = 1;
                CHECK_INT(ebim_optim_step(which ? &s : &o, x, g, (ebim_real)0.1), 1);
                CHECK(memcmp(x, same, sizeof x) != 0);
            }
}

static double rate_at(double rate, ebim_rate_law law, double end, int step, int steps)
{
    ebim_rate_desc d;
    memset(&d, 0, sizeof d);
    d.rate = rate;
    d.law = law;
    d.end = end;
    d.steps = steps;
    return ebim_rate(&d, step);
}

static double cosine(double rate, double end, int step, int steps)
{
    return rate_at(rate, EBIM_RATE_COSINE, end, step, steps);
}

static double exponential(double rate, double end, int step, int steps)
{
    return rate_at(rate, EBIM_RATE_EXPONENTIAL, end, step, steps);
}

/* Both find the minimum of a quadratic when the rate falls. */
static void optimisers_minimise(void)
{
    ebim_arena a = arena();
    ebim_optim o, s;
    ebim_real x[4] = {5, -3, 2, 8}, y[4] = {5, -3, 2, 8}, g[4];
    int t, i, steps = 2000;
    ebim_optim_init(&o, &a, 4, EBIM_OPTIM_ADAM);
    ebim_optim_init(&s, &a, 4, EBIM_OPTIM_SGD);
    s.momentum = 0.9;
    for (t = 0; t < steps; t++) {
        for (i = 0; i < 4; i++) g[i] = (ebim_real)(i + 1) * (x[i] - 1);
        ebim_optim_step(&o, x, g, (ebim_real)cosine(0.1, 0, t, steps));
        for (i = 0; i < 4; i++) g[i] = (ebim_real)(i + 1) * (y[i] - 1);
        ebim_optim_step(&s, y, g, (ebim_real)exponential(0.05, 0.1, t, steps));
    }
    for (i = 0; i < 4; i++) {
        CHECK_NEAR(x[i], 1, 1e-4);
        CHECK_NEAR(y[i], 1, 16 * T_EPS);
    }
}

static void memory_is_measured(void)
{
    ebim_arena a;
    ebim_optim o, s;
    size_t bytes;
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(ebim_optim_init(&o, &a, 40, EBIM_OPTIM_ADAM), EBIM_OK);
    CHECK_INT(ebim_optim_init(&s, &a, 40, EBIM_OPTIM_SGD), EBIM_OK);
    bytes = ebim_arena_bytes(&a);
    ebim_arena_init(&a, memory, bytes);
    CHECK_INT(ebim_optim_init(&o, &a, 40, EBIM_OPTIM_ADAM), EBIM_OK);
    CHECK_INT(ebim_optim_init(&s, &a, 40, EBIM_OPTIM_SGD), EBIM_OK);
    ebim_arena_init(&a, memory, bytes - 1);
    CHECK_INT(ebim_optim_init(&o, &a, 40, EBIM_OPTIM_ADAM), EBIM_OK);
    CHECK_INT(ebim_optim_init(&s, &a, 40, EBIM_OPTIM_SGD), EBIM_ERR_MEMORY);
    CHECK_INT(ebim_optim_init(&o, &a, 0, EBIM_OPTIM_ADAM), EBIM_ERR_ARG);
    CHECK_INT(ebim_optim_init(&s, &a, -1, EBIM_OPTIM_SGD), EBIM_ERR_ARG);
}

/* The norm of g, which a step clips to `most` */
static double clip(int n, ebim_real *g, double most, int good)
{
    ebim_arena a = arena();
    ebim_real x[4] = {0, 0, 0, 0};
    ebim_optim o;
    ebim_optim_init(&o, &a, n, EBIM_OPTIM_SGD);
    o.clip = most;
    CHECK_INT(ebim_optim_step(&o, x, g, 1), good);
    CHECK(!good || x[0] == -g[0]);
    return o.norm;
}

static void clipping(void)
{
    ebim_real g[4] = {2, -4, 5, 6}, same[4]; /* norm 9 */
    int i, k;
    memcpy(same, g, sizeof g);
    CHECK_NEAR(clip(4, g, 0, 1), 0, 0); /* off */
    CHECK_REL(clip(4, g, 9, 1), 9, 2 * T_EPS);
    CHECK(!memcmp(g, same, sizeof g));
    CHECK_REL(clip(4, g, 1.5, 1), 9, 2 * T_EPS);
    for (i = 0; i < 4; i++) CHECK_REL(g[i], (double)same[i] / 6, 4 * T_EPS);
    CHECK_REL(clip(4, g, 100, 1), 1.5, 4 * T_EPS);
    memset(g, 0, 3 * sizeof *g);
    CHECK(clip(3, g, 1, 1) <= 0 && g[3] != 0);
    for (k = 0; k < 2; k++) {
        memcpy(g, same, sizeof g);
        same[2] = g[2] = k ? real_inf() : real_nan();
        CHECK(!t_finite(clip(4, g, 1, 0)));
        CHECK(!memcmp(g, same, sizeof g));
    }
    for (i = 0; i < 4; i++) g[i] = (ebim_real)1e30; /* squares that float could not hold */
    CHECK_REL(clip(4, g, 1, 1), 2e30, 4 * T_EPS);
    for (i = 0; i < 4; i++) CHECK_REL(g[i], 0.5, 4 * T_EPS);
}

static double warmup(double rate, int step, int steps)
{
    ebim_rate_desc d;
    memset(&d, 0, sizeof d);
    d.rate = rate;
    d.warmup = steps;
    return ebim_rate(&d, step);
}

static void schedules(void)
{
    ebim_rate_desc both;
    int t;
    memset(&both, 0, sizeof both);
    both.rate = 0.5;
    both.law = EBIM_RATE_STEP;
    both.end = 0.1;
    both.steps = 4;
    both.warmup = 10;
    CHECK_REL(ebim_rate(&both, 4), 0.025, 1e-14);
    CHECK_REL(ebim_rate(&both, 9), 0.005, 1e-14);
    CHECK_REL(cosine(0.5, 0.1, 0, 100), 0.5, 1e-15);
    CHECK_REL(cosine(0.5, 0.1, 50, 100), 0.275, 1e-14);
    CHECK_REL(cosine(0.5, 0.1, 25, 100), 0.5 * (0.1 + 0.45 * (1 + sqrt(0.5))), 1e-14);
    CHECK_REL(cosine(0.5, 0.1, 100, 100), 0.05, 1e-14);
    CHECK_REL(cosine(0.5, 0.1, 1000, 100), 0.05, 1e-14);
    CHECK_REL(cosine(0.5, 0.1, 0, 0), 0.05, 1e-14);
    CHECK_NEAR(cosine(0.5, 0, 100, 100), 0, 1e-15);
    CHECK_REL(exponential(0.5, 0.01, 0, 100), 0.5, 1e-15);
    CHECK_REL(exponential(0.5, 0.01, 50, 100), 0.05, 1e-14);
    CHECK_REL(exponential(0.5, 0.01, 100, 100), 0.005, 1e-14);
    CHECK_REL(exponential(0.5, 0.01, 101, 100), 0.005, 1e-14);
    CHECK_REL(rate_at(0.5, EBIM_RATE_STEP, 0.1, 29, 30), 0.5, 1e-15);
    CHECK_REL(rate_at(0.5, EBIM_RATE_STEP, 0.1, 30, 30), 0.05, 1e-14);
    CHECK_REL(rate_at(0.5, EBIM_RATE_STEP, 0.1, 95, 30), 0.0005, 1e-14);
    CHECK_REL(rate_at(0.5, EBIM_RATE_STEP, 0.1, 95, 0), 0.5, 1e-15);
    CHECK_REL(warmup(0.5, 0, 10), 0.05, 1e-14);
    CHECK_REL(warmup(0.5, 9, 10), 0.5, 1e-14);
    CHECK_REL(warmup(0.5, 10, 10), 0.5, 1e-15);
    CHECK_REL(warmup(0.5, 0, 0), 0.5, 1e-15);
    for (t = 1; t <= 100; t++) {
        CHECK(cosine(1, 0.1, t, 100) < cosine(1, 0.1, t - 1, 100));
        CHECK(exponential(1, 0.1, t, 100) < exponential(1, 0.1, t - 1, 100));
    }
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(adam_golden);
    T_RUN(sgd_golden);
    T_RUN(adam_first_step);
    T_RUN(adam_decay_alone);
    T_RUN(bad_gradients_are_refused);
    T_RUN(optimisers_minimise);
    T_RUN(memory_is_measured);
    T_RUN(clipping);
    T_RUN(schedules);
    return T_END();
}
