/* ulps.c: how exact exp, SiLU and its derivatives are, on every set of kernels. `make ulps`

   In float every number there is, against libm in double; in double (CPPFLAGS=-DEBIM_DOUBLE) 2^25
   of them, against long double. An ulp is the distance to the next number at the exact value. A
   derivative has zeros, where nothing computed from rounded parts has small relative errors: it is
   measured in ulps of its largest value, which is about 1 (h') and 1/2 (h''). The last line is
   one JSON object. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>

#include "../examples/common/json.h"

#ifdef EBIM_DOUBLE
typedef long double wide;
#define WIDE_EXP expl
enum { DIGITS = 53, LOG_BLOCKS = 15 };
#else
typedef double wide;
#define WIDE_EXP exp
enum { DIGITS = 24, LOG_BLOCKS = 22 };
#endif
enum { BLOCK = 1024, VALUES = 4 };

static const char *const value_name[VALUES] = {"exp", "silu", "silu1", "silu2"};

typedef struct worst {
    double ulps, at;
} worst;

static double size(wide x) /* of one ulp at x */
{
    int e, least = 3 - DIGITS - (1 << (sizeof(ebim_real) == 4 ? 7 : 10));
    (void)frexp((double)x, &e);
    return ldexp(1, e - DIGITS > least ? e - DIGITS : least);
}

static void compare(worst *w, double x, ebim_real got, wide want, double ulp)
{
    double error = fabs((double)(((wide)got - want) / (wide)ulp));
    if (error <= w->ulps) return; /* and a NaN is the worst there is */
    w->ulps = error;
    w->at = x;
}

/* Where exp is clamped, and SiLU is off by |x| times the least exp: nothing to compare with. */
static void block(const ebim__kernels *k, ebim_real *x, worst *w)
{
    static ebim_real e[BLOCK], h[BLOCK], d1[BLOCK], d2[BLOCK];
    double most = DIGITS == 24 ? 87 : 708;
    int i;
    for (i = 0; i < BLOCK; i++)
        if (!(fabs((double)x[i]) <= most)) x[i] = 0;
    for (i = 0; i < BLOCK; i++) e[i] = -x[i];
    k->exp_minus(BLOCK, e);
    k->silu(1, x, h, d1, d2, BLOCK, BLOCK, 2);
    for (i = 0; i < BLOCK; i++) {
        wide a = (wide)x[i], q, s, t;
        double at = (double)x[i];
        if (fabs(at) < ldexp(1, -DIGITS - 8)) { /* the sum of the series */
            compare(w, at, e[i], 1 + a, size(1));
            if (at > 0 || at < 0) compare(w + 1, at, h[i], a / 2, size(a / 2));
            compare(w + 2, at, d1[i], (1 + a) / 2, size(1));
            compare(w + 3, at, d2[i], (wide)0.5, size((wide)0.5));
            continue;
        }
        q = WIDE_EXP(a);
        s = a < 0 ? q / (1 + q) : 1 / (1 + 1 / q);
        t = a < 0 ? 1 / (1 + q) : (1 / q) / (1 + 1 / q); /* 1 - s */
        compare(w, at, e[i], q, size(q));
        compare(w + 1, at, h[i], a * s, size(a * s));
        compare(w + 2, at, d1[i], s + a * s * t, size(1));
        compare(w + 3, at, d2[i], s * t * (2 + a * (t - s)), size((wide)0.5));
    }
}

/* Numbers of block b: in float all of the same leading bits, in double a random sample whose
 * sizes are spread evenly over binades from 2^-60 on. */
static void fill(uint32_t b, ebim_real *x, ebim_rng *r)
{
    int i;
    for (i = 0; i < BLOCK; i++) {
#ifdef EBIM_DOUBLE
        double u = 1 + ebim_rng_uniform(r);
        int e = (int)ebim_rng_below(r, 70) - 60;
        x[i] = ldexp(ebim_rng_u32(r) & 1 ? u : -u, e);
        (void)b;
#else
        uint32_t bits = b * (uint32_t)BLOCK + (uint32_t)i;
        memcpy(x + i, &bits, sizeof bits);
        (void)r;
#endif
    }
}

int main(void)
{
    static ebim_real x[BLOCK];
    json j = json_begin(stdout);
    int t, i;
    uint32_t b;
    fprintf(stderr, "%-10s", "ulps (at)");
    for (i = 0; i < VALUES; i++) fprintf(stderr, " %22s", value_name[i]);
    fprintf(stderr, "\n");
    for (t = 0; t < 3; t++) {
        const ebim__kernels *k = ebim__kernels_at(t);
        worst w[VALUES];
        ebim_rng r;
        if (!k) continue;
        memset(w, 0, sizeof w);
        ebim_rng_init(&r, 1, 0);
        for (b = 0; b >> LOG_BLOCKS == 0; b++) {
            fill(b, x, &r);
            block(k, x, w);
        }
        fprintf(stderr, "%-10s", k->name);
        for (i = 0; i < VALUES; i++) {
            char name[32];
            fprintf(stderr, " %8.3f (%11.6g)", w[i].ulps, w[i].at);
            snprintf(name, sizeof name, "%s %s", k->name, value_name[i]);
            json_number(&j, name, w[i].ulps);
        }
        fprintf(stderr, "\n");
    }
    json_end(&j);
    return 0;
}
