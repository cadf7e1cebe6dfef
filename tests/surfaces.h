/* surfaces.h: what tests of chains, projections, maps and measures set up alike. After t.h. */
#ifndef SURFACES_H
#define SURFACES_H

static double memory[1 << 20];

/* An arena over all of `memory` */
T_FN ebim_arena arena(void)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, sizeof memory);
    return a;
}

/* From bits, out of the compiler's sight: under -ffast-math it may do as it likes with NAN. */
T_FN ebim_real real_nan(void)
{
    volatile uint32_t bits32 = 0x7fc00000u;
    volatile uint64_t bits64 = UINT64_C(0x7ff8000000000000);
    uint32_t b32 = bits32;
    uint64_t b64 = bits64;
    ebim_real x;
    memcpy(&x, sizeof x == 8 ? (const void *)&b64 : (const void *)&b32, sizeof x);
    return x;
}

T_FN int same_bits(size_t n, const ebim_real *a, const ebim_real *b)
{
    return !memcmp(a, b, n * sizeof *a);
}

T_FN void to_double(int n, const ebim_real *x, double *y)
{
    while (n--) y[n] = (double)x[n];
}

/* ---- parts of graphs ---- */

T_FN ebim_ref minus(ebim_graph *g, ebim_ref y, double level)
{
    return ebim_affine(g, y, &level, 1);
}

/* user: a factor of F, or NULL for 1 */
T_FN ebim_ref scaled(ebim_graph *g, ebim_ref y, void *user)
{
    return user ? ebim_scale(g, y, *(const double *)user) : y;
}

/* y e^(x0 / 2): the same zeros, other slopes */
T_FN ebim_ref warp(ebim_graph *g, ebim_ref x, ebim_ref y)
{
    ebim_ref e = ebim_apply(g, ebim_scale(g, ebim_slice(g, x, 0, 1), 0.5), EBIM_FN_EXP);
    return ebim_mul(g, y, e);
}

/* ---- surfaces ---- */

/* The torus of radii 1 and 1/2 */
T_FN ebim_ref record_torus(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref rho = ebim_apply(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), EBIM_FN_SQRT);
    ebim_ref a = ebim_apply(g, minus(g, rho, 1), EBIM_FN_SQUARE);
    ebim_ref b = ebim_apply(g, ebim_slice(g, x, 2, 1), EBIM_FN_SQUARE);
    return scaled(g, minus(g, ebim_add(g, a, b), 0.25), user);
}

/* The sphere in any dimension, times cos(2 x0) + 2. (Times e^x0, F has roots to rounding far out at
 * x0 = -50, and long chains do get there.) */
T_FN ebim_ref record_waved(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref c = ebim_apply(g, ebim_scale(g, ebim_slice(g, x, 0, 1), 2), EBIM_FN_COSINE);
    ebim_ref y = ebim_mul(g, minus(g, ebim_sumsq(g, x), 1), minus(g, c, -2));
    return scaled(g, y, user);
}

/* O(3): the upper triangle of A'A - I, the columns of A one after the other */
T_FN ebim_ref orthogonal(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = 0;
    int i, j;
    (void)user;
    for (i = 0; i < 3; i++)
        for (j = i; j < 3; j++) {
            ebim_ref d = ebim_dot(g, ebim_slice(g, x, 3 * i, 3), ebim_slice(g, x, 3 * j, 3));
            if (i == j) d = minus(g, d, 1);
            y = y ? ebim_concat(g, y, d) : d;
        }
    return y;
}

/* Of the ellipse with axes 1.5 and 0.5 */
T_FN double ellipse_length(void)
{
    double sum = 0, step = 6.28318530717958647692 / 10000;
    int i;
    for (i = 0; i < 10000; i++) sum += hypot(1.5 * sin(step * i), 0.5 * cos(step * i));
    return step * sum;
}

#endif /* SURFACES_H */
