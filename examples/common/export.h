/* export.h: a model as one C header for small devices, which needs nothing else: its parameters as
   constant arrays, used where they stand, and code for those ops alone that its functions consist
   of, in float, one point at a time: the nearest point of M, the distance to it, energy and log
   density. The code below is what it consists of; '@' stands for the name of the model.

   It is not ebim.h made smaller: a program that scores through that, without training, malloc,
   stdio and vectors, has 82 KB of code on a Cortex-M4, of which this is 4, and doubles throughout,
   which such a device computes by software. Steps and tolerances are those of >>project for one
   point, but for Newton's matrix in roots: that of the point reached, whose J is there. */
#ifndef EXPORT_H
#define EXPORT_H

#include "number.h"

#include <stdio.h>
#include <string.h>

/* ---- what is written ---- */

static const char export_base[] =
    "typedef union ebim_small_bits {\n"
    "    float f;\n"
    "    int32_t i;\n"
    "} ebim_small_bits;\n"
    "\n"
    "/* 0: an infinity, or no number. On the bits, whatever the compiler takes for granted */\n"
    "static inline int ebim_small_finite(float x)\n"
    "{\n"
    "    ebim_small_bits b;\n"
    "    b.f = x;\n"
    "    return (b.i & 0x7f800000) != 0x7f800000;\n"
    "}\n"
    "\n"
    "static inline float ebim_small_nan(void)\n"
    "{\n"
    "    ebim_small_bits b;\n"
    "    b.i = 0x7fc00000;\n"
    "    return b.f;\n"
    "}\n"
    "\n"
    "static inline void ebim_small_zero(int n, float *z)\n"
    "{\n"
    "    while (n--) *z++ = 0;\n"
    "}\n"
    "\n"
    "static inline void ebim_small_copy(int n, float *z, const float *x)\n"
    "{\n"
    "    while (n--) *z++ = *x++;\n"
    "}\n"
    "\n"
    "/* z_i += s x_i, rows of so many steps */\n"
    "static inline void ebim_small_axpy(int n, float *z, int zs, float s, const float *x, int xs)\n"
    "{\n"
    "    for (; n--; z += zs, x += xs) *z += s * *x;\n"
    "}\n"
    "\n"
    "/* z_i += x_i y_i */\n"
    "static inline void ebim_small_mac(int n, float *z, int zs, const float *x, int "
    "xs, const float *y,\n"
    "                                  int ys)\n"
    "{\n"
    "    for (; n--; z += zs, x += xs, y += ys) *z += *x * *y;\n"
    "}\n";

static const char export_exp[] =
    "/* e^-x to 2 ulp, |x| <= 87, and that of the end beyond */\n"
    "static inline float ebim_small_exp_minus(float x)\n"
    "{\n"
    "    ebim_small_bits b;\n"
    "    float n, p;\n"
    "    int32_t sign, i;\n"
    "    b.f = x;\n"
    "    sign = b.i & INT32_MIN;\n"
    "    b.i &= INT32_MAX;\n"
    "    if (b.i > 0x42ae0000) b.i = 0x42ae0000;\n"
    "    x = sign ? b.f : -b.f;\n"
    "    i = (int32_t)(x * 1.44269504f + 127.5f) - 127;\n"
    "    n = (float)i;\n"
    "    x = x - n * 0.693145751953125f;\n"
    "    p = x * 1.383684613e-03f + 8.374815798e-03f;\n"
    "    p = p * x + 4.166822557e-02f;\n"
    "    p = p * x + 1.666642017e-01f;\n"
    "    p = p * x + 4.999999208e-01f;\n"
    "    p = p * x + 1.0f;\n"
    "    p = p * x + 1.0f;\n"
    "    b.f = p - p * (n * 1.42860682e-6f);\n"
    "    b.i += i * (1 << 23);\n"
    "    return b.f;\n"
    "}\n";

static const char export_affine[] =
    "/* z = scale (x - center); t: scale [n], center [n] */\n"
    "static inline void ebim_small_affine(int n, const float *t, const float *x, float *z)\n"
    "{\n"
    "    int i;\n"
    "    for (i = 0; i < n; i++) z[i] = t[i] * (x[i] - t[n + i]);\n"
    "}\n";

static const char export_dense[] =
    "/* z = W x + b; t: W [n][m], b [n] */\n"
    "static inline void ebim_small_dense(int n, int m, const float *t, const float *x, float *z)\n"
    "{\n"
    "    const float *b = t + n * m, *end = x + m;\n"
    "    while (n--) {\n"
    "        const float *p = x;\n"
    "        float s = *b++;\n"
    "        do s += *t++ * *p++;\n"
    "        while (p != end);\n"
    "        *z++ = s;\n"
    "    }\n"
    "}\n"
    "\n"
    "/* gx += W'gz */\n"
    "static inline void ebim_small_dense_back(int n, int m, const float *t, const "
    "float *gz, float *gx)\n"
    "{\n"
    "    const float *end = gx + m;\n"
    "    while (n--) {\n"
    "        float *p = gx, g = *gz++;\n"
    "        do *p++ += *t++ * g;\n"
    "        while (p != end);\n"
    "    }\n"
    "}\n";

static const char export_scale[] =
    "/* g_i *= d_i */\n"
    "static inline void ebim_small_scale(int n, float *g, const float *d)\n"
    "{\n"
    "    while (n--) *g++ *= *d++;\n"
    "}\n";

static const char export_pick[] =
    "/* z = a or b: the smaller (how 0), the larger (1), a where c > 0 (2); d = "
    "1 where it is a */\n"
    "static inline void ebim_small_pick(int n, int how, const float *a, int as, "
    "const float *b, int bs,\n"
    "                                   const float *c, int cs, float *z, float *d)\n"
    "{\n"
    "    for (; n--; a += as, b += bs, c += cs) {\n"
    "        int first = how > 1 ? *c > 0 : how ? !(*b > *a) : !(*b < *a);\n"
    "        *z++ = first ? *a : *b;\n"
    "        if (d) *d++ = first ? 1.0f : 0.0f;\n"
    "    }\n"
    "}\n"
    "\n"
    "static inline void ebim_small_pick_back(int n, float *ga, int as, float *gb, int bs,\n"
    "                                        const float *gz, const float *d)\n"
    "{\n"
    "    for (; n--; ga += as, gb += bs, gz++)\n"
    "        if (*d++ > 0) *ga += *gz;\n"
    "        else *gb += *gz;\n"
    "}\n";

static const char export_rbf[] =
    "/* sum of w e^(-s |x - c|^2); t: [count] of c [n], s, w */\n"
    "static inline float ebim_small_rbf(int n, int count, const float *t, const float *x)\n"
    "{\n"
    "    float sum = 0;\n"
    "    int i;\n"
    "    for (; count--; t += n + 2) {\n"
    "        float e = 0;\n"
    "        for (i = 0; i < n; i++) e += (x[i] - t[i]) * (x[i] - t[i]);\n"
    "        sum += t[n + 1] * ebim_small_exp_minus(t[n] * e);\n"
    "    }\n"
    "    return sum;\n"
    "}\n"
    "\n"
    "/* What -log(flat + all), all the sum above at x, gains without the kernel whose "
    "center is at `is`:\n"
    " * there x is a point the model was made from. masses: sum of w s^(-m / 2) */\n"
    "static inline float ebim_small_without(int n, int m, int count, const float "
    "*t, const float *x,\n"
    "                                       const float *is, float flat, float all, float masses)\n"
    "{\n"
    "    int i;\n"
    "    for (; count--; t += n + 2) {\n"
    "        float d2 = 0, own, share, h;\n"
    "        for (i = 0; i < n && 2 * d2 * t[n] < 1e-6f; i++) d2 += (is[i] - "
    "t[i]) * (is[i] - t[i]);\n"
    "        if (!(2 * d2 * t[n] < 1e-6f)) continue;\n"
    "        for (i = 0, d2 = 0; i < n; i++) d2 += (x[i] - t[i]) * (x[i] - t[i]);\n"
    "        own = t[n + 1] * ebim_small_exp_minus(t[n] * d2);\n"
    "        h = EBIM_SQRTF(0.5f / t[n]);\n"
    "        for (i = 0, share = t[n + 1] / masses; i < m; i++) share *= h;\n"
    "        if (!(share < 1)) return 0;\n"
    "        own = all > own ? all - own : 0;\n"
    "        return EBIM_LOGF(flat + all) - EBIM_LOGF(flat + own / (1 - share));\n"
    "    }\n"
    "    return 0;\n"
    "}\n";

static const char export_fn_text[] =
    "/* z = %s(a), d its derivative unless that is NULL; z may be a */\n"
    "static inline void ebim_small_%s(int n, const float *a, float *z, float *d)\n"
    "{\n"
    "    for (; n--; a++, z++) {\n"
    "        float x = *a, y, g;\n"
    "        %s\n"
    "        *z = y;\n"
    "        if (d) *d++ = g;\n"
    "    }\n"
    "}\n";

static const char *const export_nearest[] = {
    "/* F, J, the factor of J J', ||F|| and ||J|| at x of place p; ||J|| is 0 where "
    "that has no rank */\n"
    "static inline void @_look(float *p, float *work)\n"
    "{\n"
    "    float *J = p + @_AT_J, *L = p + @_AT_L, norm = 0, trace = 0;\n"
    "    int i, j, c;\n"
    "    @_F(p, p + @_AT_F, J, work);\n"
    "    for (i = 0; i < @_K; i++) {\n"
    "        norm += p[@_AT_F + i] * p[@_AT_F + i];\n"
    "        for (j = 0; j <= i; j++) {\n"
    "            float s = 0;\n"
    "            for (c = 0; c < @_N; c++) s += J[i * @_N + c] * J[j * @_N + c];\n"
    "            L[i * @_K + j] = s;\n"
    "        }\n"
    "        trace += L[i * @_K + i];\n"
    "    }\n"
    "    p[@_AT_NORM] = ebim_small_finite(norm) ? EBIM_SQRTF(norm) : 1e30f;\n"
    "    p[@_AT_SIZE] = 0;\n"
    "    if (!ebim_small_finite(norm) || !ebim_small_finite(trace)) return;\n"
    "    for (i = 0; i < @_K; i++)\n"
    "        for (j = 0; j <= i; j++) {\n"
    "            float v = L[i * @_K + j], all = v;\n"
    "            for (c = 0; c < j; c++) v -= L[i * @_K + c] * L[j * @_K + c];\n"
    "            if (j == i && !(v > (float)@_K * 1.1920929e-7f * all)) return;\n"
    "            L[i * @_K + j] = j < i ? v / L[j * @_K + j] : EBIM_SQRTF(v);\n"
    "        }\n"
    "    p[@_AT_SIZE] = EBIM_SQRTF(trace);\n"
    "}\n"
    "\n"
    "/* x -= s J'(J J')^-1 u with J of place p; u is lost */\n"
    "static inline void @_off(const float *p, float *u, float s, float *x)\n"
    "{\n"
    "    const float *J = p + @_AT_J, *L = p + @_AT_L;\n"
    "    int i, j;\n"
    "    for (i = 0; i < @_K; i++) {\n"
    "        for (j = 0; j < i; j++) u[i] -= L[i * @_K + j] * u[j];\n"
    "        u[i] /= L[i * @_K + i];\n"
    "    }\n"
    "    for (i = @_K - 1; i >= 0; i--) {\n"
    "        for (j = i + 1; j < @_K; j++) u[i] -= L[j * @_K + i] * u[j];\n"
    "        u[i] /= L[i * @_K + i];\n"
    "    }\n"
    "    for (i = 0; i < @_K; i++)\n"
    "        ebim_small_axpy(@_N, x, 1, -s * u[i], J + i * @_N, 1);\n"
    "}\n"
    "\n"
    "/* What counts as 0 of ||F|| at x: a length, relative to x, times ||J|| of place p */\n"
    "static inline float @_limit(const float *p, const float *x)\n"
    "{\n"
    "    float most = @_LENGTH;\n"
    "    int i;\n"
    "    for (i = 0; i < @_N; i++) {\n"
    "        if (x[i] > most) most = x[i];\n"
    "        if (-x[i] > most) most = -x[i];\n"
    "    }\n"
    "    return 1.9073486e-6f * p[@_AT_SIZE] * most; /* 16 eps */\n"
    "}\n"
    "\n"
    "/* Newton's root next to x of place p -> x: 1; or 0 */\n"
    "static inline int @_root(float *p, float limit, float *u, float *work)\n"
    "{\n"
    "    int it;\n"
    "    for (it = 0; it <= 20; it++) {\n"
    "        @_look(p, work);\n"
    "        if (p[@_AT_NORM] <= limit) return 1;\n"
    "        if (!(p[@_AT_SIZE] > 0)) return 0;\n"
    "        ebim_small_copy(@_K, u, p + @_AT_F);\n"
    "        @_off(p, u, 1, p);\n"
    "    }\n"
    "    return 0;\n"
    "}\n"
    "\n"
    "/* Gauss-Newton onto M, with steps halved until ||F|| falls, from x of *at "
    "-> *at: 1; or 0 */\n"
    "static inline int @_onto(float **at, float **to, float *u, float *work)\n"
    "{\n"
    "    float s = 1;\n"
    "    int it;\n"
    "    @_look(*at, work);\n"
    "    for (it = 0; it < 100 && (*at)[@_AT_SIZE] > 0 && !(s < 1e-3f); it++) {\n"
    "        float *a = *at, *b = *to, limit;\n"
    "        ebim_small_copy(@_N, b, a);\n"
    "        ebim_small_copy(@_K, u, a + @_AT_F);\n"
    "        @_off(a, u, s, b);\n"
    "        limit = @_limit(a, b);\n"
    "        @_look(b, work);\n"
    "        if (b[@_AT_NORM] <= limit || b[@_AT_NORM] < a[@_AT_NORM]) {\n"
    "            *at = b;\n"
    "            *to = a;\n"
    "            s = s < 0.5f ? 2 * s : 1;\n"
    "        } else {\n"
    "            s *= 0.5f;\n"
    "        }\n"
    "        if (b[@_AT_NORM] <= limit) return b[@_AT_SIZE] > 0;\n"
    "    }\n"
    "    return 0;\n"
    "}\n",
    "static inline float @_apart2(const float *x, const float *y)\n"
    "{\n"
    "    float sum = 0;\n"
    "    int i;\n"
    "    for (i = 0; i < @_N; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);\n"
    "    return sum;\n"
    "}\n"
    "\n"
    "/* Along M from *at towards x, while that comes nearer. s: the step, from "
    "how the last one, of\n"
    " * direction `last`, has changed d, the part of the way that is tangent to M */\n"
    "static inline void @_along(const float *x, float **at, float **to, float *d, "
    "float *last, float *u,\n"
    "                           float *work)\n"
    "{\n"
    "    float s = 1, last2 = 0;\n"
    "    int it, i;\n"
    "    for (it = 0; it < 100; it++) {\n"
    "        float *a = *at, *b = *to, d2 = 0, dot = 0, size2 = 0, here, there, noise;\n"
    "        int rounded = 1;\n"
    "        for (i = 0; i < @_N; i++) d[i] = x[i] - a[i];\n"
    "        ebim_small_zero(@_K, u);\n"
    "        for (i = 0; i < @_K; i++)\n"
    "            ebim_small_mac(@_N, u + i, 0, a + @_AT_J + i * @_N, 1, d, 1);\n"
    "        @_off(a, u, 1, d);\n"
    "        ebim_small_mac(@_N, &d2, 0, d, 1, d, 1);\n"
    "        ebim_small_mac(@_N, &dot, 0, d, 1, last, 1);\n"
    "        ebim_small_mac(@_N, &size2, 0, a, 1, a, 1);\n"
    "        if (last2 > 0) {\n"
    "            float left = dot / last2, next = left < 0.75f ? s / (1 - left) : 4 * s;\n"
    "            s = next < 0.1f * s ? 0.1f * s : next < 2 ? next : 2;\n"
    "        }\n"
    "        ebim_small_copy(@_N, b, a);\n"
    "        ebim_small_axpy(@_N, b, 1, s, d, 1);\n"
    "        here = @_apart2(a, x);\n"
    "        noise = 3.8146973e-6f * (here + EBIM_SQRTF(here) * EBIM_SQRTF(size2)); /* 32 eps */\n"
    "        there = @_root(b, @_limit(a, b), u, work) && b[@_AT_SIZE] > 0 ? "
    "@_apart2(b, x) : 1e30f;\n"
    "        if (there < here - 1e-4f * s * d2 + noise) {\n"
    "            ebim_small_copy(@_N, last, d);\n"
    "            last2 = d2;\n"
    "            *at = b;\n"
    "            *to = a;\n"
    "        } else {\n"
    "            last2 = 0;\n"
    "            s *= 0.5f;\n"
    "        }\n"
    "        for (i = 0; i < @_N && rounded; i++) {\n"
    "            float size = (*at)[i] < 0 ? -(*at)[i] : (*at)[i];\n"
    "            size = 5.9604645e-8f * (size > @_LENGTH ? size : @_LENGTH);\n"
    "            rounded = d[i] <= size && -d[i] <= size;\n"
    "        }\n"
    "        if (d2 <= 1e-8f * here || s < 1e-5f || here <= 1e-30f || rounded) return;\n"
    "    }\n"
    "}\n"
    "\n"
    "/* The point of M that is nearest to x -> y, and the distance; either may "
    "be NULL. 0: none was\n"
    " * found in the model's box; then they are no numbers. */\n"
    "static inline int @_nearest(const float *x, float *y, float *distance, float *work)\n"
    "{\n"
    "    float *at = work, *to = at + @_PLACE, *d = to + @_PLACE, *last = d + "
    "@_N, *u = last + @_N;\n"
    "    int i, found = 1;\n"
    "    for (i = 0; i < @_N; i++) found &= ebim_small_finite(x[i]);\n"
    "    ebim_small_copy(@_N, at, x);\n"
    "    found = found && @_onto(&at, &to, u, u + @_K);\n"
    "    if (found) @_along(x, &at, &to, d, last, u, u + @_K);\n"
    "    for (i = 0; i < @_N && found; i++) found = at[i] >= @_box[0][i] && at[i] <= @_box[1][i];\n"
    "    if (distance) *distance = found ? EBIM_SQRTF(@_apart2(at, x)) : ebim_small_nan();\n"
    "    for (i = 0; i < @_N; i++) {\n"
    "        work[i] = found ? at[i] : ebim_small_nan();\n"
    "        if (y) y[i] = work[i];\n"
    "    }\n"
    "    return found;\n"
    "}\n"
};

/* Functions of one number: the condition for one is that it has a line here. */
static const struct {
    int fn;
    const char *name, *needs, *body; /* needs: functions of the C library, one letter each */
} export_fns[] = {
    {EBIM_FN_SILU, "silu", "e",
     "float q = ebim_small_exp_minus(x), s = 1 / (1 + q);\n        y = x * s;\n"
     "        g = s + y * (q * s);"},
    {EBIM_FN_TANH, "tanh", "t", "y = EBIM_TANHF(x);\n        g = 1 - y * y;"},
    {EBIM_FN_RELU, "relu", "", "y = x <= 0 ? 0.0f : x;\n        g = x <= 0 ? 0.0f : 1.0f;"},
    {EBIM_FN_SOFTPLUS, "softplus", "el",
     "float e = ebim_small_exp_minus(x < 0 ? -x : x), s = 1 / (1 + e);\n"
     "        y = (x <= 0 ? 0.0f : x) + EBIM_LOGF(1 + e);\n        g = x < 0 ? e * s : s;"},
    {EBIM_FN_SINE, "sine", "sc", "y = EBIM_SINF(x);\n        g = EBIM_COSF(x);"},
    {EBIM_FN_COSINE, "cosine", "sc", "y = EBIM_COSF(x);\n        g = -EBIM_SINF(x);"},
    {EBIM_FN_EXP, "exp", "x", "y = g = EBIM_EXPF(x);"},
    {EBIM_FN_LOG, "log", "l", "y = EBIM_LOGF(x);\n        g = 1 / x;"},
    {EBIM_FN_SQRT, "sqrt", "", "y = EBIM_SQRTF(x);\n        g = y > 0 ? 0.5f / y : 0.0f;"},
    {EBIM_FN_ABS, "abs", "",
     "y = x < 0 ? -x : x;\n        g = x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f;"},
    {EBIM_FN_SQUARE, "square", "", "y = x * x;\n        g = 2 * x;"},
};
enum { EXPORT_FNS = (int)(sizeof export_fns / sizeof *export_fns) };

static const struct { char letter; const char *macro, *function; } export_libm[] = {
    {'r', "SQRTF", "sqrtf"}, {'l', "LOGF", "logf"}, {'x', "EXPF", "expf"}, {'t', "TANHF", "tanhf"},
    {'s', "SINF", "sinf"}, {'c', "COSF", "cosf"},
};
enum { EXPORT_LIBM = (int)(sizeof export_libm / sizeof *export_libm) };

/* ---- one function of a model ---- */

/* Where what nodes have stands in the memory of a sweep */
typedef struct export_net {
    const ebim_graph *g;
    const char *name;         /* of the model */
    char letter;              /* F or E */
    int kept[EBIM_MAX_NODES]; /* 1: the output depends on it */
    int value[EBIM_MAX_NODES], slope[EBIM_MAX_NODES];
    int values, slopes;       /* floats of each kind; adjoints are as many as values */
    int rbf, flat;            /* nodes of an estimate: -log(flat + rbf); 0: none */
} export_net;

typedef struct export_place {
    char text[32];
} export_place;

static int export_fn(int fn)
{
    int i;
    for (i = 0; i < EXPORT_FNS && export_fns[i].fn != fn; i++) {}
    return i;
}

/* Values of a node. The input, constants and parts of others are used where they are. */
static export_place export_value(const export_net *s, int i)
{
    const ebim__node *nd = &s->g->node[i];
    export_place p;
    int from = 0;
    for (; nd->op == EBIM__OP_SLICE; nd = &s->g->node[nd->a]) from += nd->i0;
    i = (int)(nd - s->g->node);
    if (nd->op == EBIM__OP_INPUT) snprintf(p.text, sizeof p.text, "x + %d", from);
    else if (nd->op == EBIM__OP_CONST) snprintf(p.text, sizeof p.text, "t + %d", nd->theta + from);
    else snprintf(p.text, sizeof p.text, "v + %d", s->value[i] + from);
    return p;
}

/* Adjoints; those of constants are written, too, where nobody reads them. */
static export_place export_adjoint(const export_net *s, int i)
{
    const ebim__node *nd = &s->g->node[i];
    export_place p;
    int from = 0;
    for (; nd->op == EBIM__OP_SLICE; nd = &s->g->node[nd->a]) from += nd->i0;
    snprintf(p.text, sizeof p.text, "g + %d", s->value[nd - s->g->node] + from);
    return p;
}

static export_place export_slope(const export_net *s, int i)
{
    export_place p;
    if (s->letter == 'E') snprintf(p.text, sizeof p.text, "NULL");
    else snprintf(p.text, sizeof p.text, "d + %d", s->slope[i]);
    return p;
}

static int export_is_pick(const ebim__node *nd)
{
    return nd->op == EBIM__OP_MIN || nd->op == EBIM__OP_MAX || nd->op == EBIM__OP_SELECT;
}

/* Places for all nodes; returns NULL, or what of the graph is not known here. */
static const char *export_plan(export_net *s, const ebim_graph *g, const char *name, char letter)
{
    int i;
    memset(s, 0, sizeof *s);
    s->g = g;
    s->name = name;
    s->letter = letter;
    s->kept[g->y] = s->kept[1] = 1;
    for (i = g->n_nodes - 1; i > 0; i--)
        if (s->kept[i])
            s->kept[g->node[i].a] = s->kept[g->node[i].b] = s->kept[g->node[i].c] = 1;
    for (i = 1; i < g->n_nodes; i++) {
        const ebim__node *nd = &g->node[i];
        if (!s->kept[i]) continue;
        if (nd->op >= EBIM__OP_CONV) return "it has ops on images";
        if (nd->op == EBIM__OP_RBF && letter == 'F') return "its manifold is one of kernels";
        if (nd->fn == EBIM_FN_POW) return "it has powers";
        if (nd->op == EBIM__OP_SLICE) continue;
        s->value[i] = s->values;
        s->values += nd->size;
        if (nd->fn == EBIM_FN_IDENTITY && !export_is_pick(nd)) continue;
        s->slope[i] = s->slopes;
        s->slopes += letter == 'F' ? nd->size : 0;
    }
    for (i = 0; i < g->n_theta; i++)
        if (!number_finite((double)g->theta[i])) return "it has a parameter that is no number";
    return NULL;
}

/* A number as C has it */
static export_place export_number(double v)
{
    export_place p;
    snprintf(p.text, sizeof p.text - 3, "%.9g", v);
    if (!strpbrk(p.text, ".e")) strcat(p.text, ".0");
    strcat(p.text, "f");
    return p;
}

/* Ops that are sums of products: z_i += s x_i, or x_i y_i, over n rows of so many steps */
static void export_axpy(FILE *f, int n, export_place z, int zs, double s, export_place x, int xs)
{
    fprintf(f, "ebim_small_axpy(%d, %s, %d, %s, %s, %d);\n", n, z.text, zs, export_number(s).text,
            x.text, xs);
}

static void export_mac(FILE *f, int n, export_place z, int zs, export_place x, int xs,
                       export_place y, int ys)
{
    fprintf(f, "ebim_small_mac(%d, %s, %d, %s, %d, %s, %d);\n", n, z.text, zs, x.text, xs, y.text,
            ys);
}

static int export_step(int n) { return n > 1; }

static void export_forward(FILE *f, const export_net *s, int i)
{
    const ebim__node *nd = &s->g->node[i], *A = &s->g->node[nd->a], *B = &s->g->node[nd->b];
    export_place z = export_value(s, i), a = export_value(s, nd->a), b = export_value(s, nd->b);
    export_place c = export_value(s, nd->c), d = export_slope(s, i), z2 = z;
    int n = nd->size, as = export_step(A->size), bs = export_step(B->size);
    switch (nd->op) {
    case EBIM__OP_DENSE:
        fprintf(f, "    ebim_small_dense(%d, %d, t + %d, %s, %s);\n", n, A->size, nd->theta, a.text,
                z.text);
        if (nd->fn == EBIM_FN_IDENTITY) return;
        fprintf(f, "    ebim_small_%s(%d, %s, %s, %s);\n", export_fns[export_fn(nd->fn)].name, n,
                z.text, z.text, d.text);
        return;
    case EBIM__OP_APPLY:
        if (nd->fn == EBIM_FN_IDENTITY)
            fprintf(f, "    ebim_small_copy(%d, %s, %s);\n", n, z.text, a.text);
        else
            fprintf(f, "    ebim_small_%s(%d, %s, %s, %s);\n", export_fns[export_fn(nd->fn)].name,
                    n, a.text, z.text, d.text);
        return;
    case EBIM__OP_AFFINE:
        fprintf(f, "    ebim_small_affine(%d, t + %d, %s, %s);\n", n, nd->theta, a.text, z.text);
        return;
    case EBIM__OP_MIN: case EBIM__OP_MAX: case EBIM__OP_SELECT:
        fprintf(f, "    ebim_small_pick(%d, %d, %s, %d, %s, %d, %s, %d, %s, %s);\n", n,
                nd->op - EBIM__OP_MIN, a.text, as, b.text, bs, nd->c ? c.text : a.text,
                nd->c ? export_step(s->g->node[nd->c].size) : as, z.text, d.text);
        return;
    case EBIM__OP_RBF:
        fprintf(f, "    *(%s) = ebim_small_rbf(%d, %d, t + %d, %s);\n", z.text, A->size, nd->i0,
                nd->theta, a.text);
        return;
    case EBIM__OP_CONCAT:
        snprintf(z2.text, sizeof z2.text, "v + %d", s->value[i] + A->size);
        fprintf(f, "    ebim_small_copy(%d, %s, %s);\n", A->size, z.text, a.text);
        fprintf(f, "    ebim_small_copy(%d, %s, %s);\n", B->size, z2.text, b.text);
        return;
    case EBIM__OP_ADD: case EBIM__OP_MUL: case EBIM__OP_DOT: case EBIM__OP_SUM: break;
    default: return; /* what stands where it is */
    }
    fprintf(f, "    ebim_small_zero(%d, %s);\n    ", n, z.text);
    if (nd->op == EBIM__OP_SUM) export_axpy(f, A->size, z, 0, 1, a, 1);
    else if (nd->op == EBIM__OP_DOT) export_mac(f, A->size, z, 0, a, 1, b, 1);
    else if (nd->op == EBIM__OP_MUL) export_mac(f, n, z, 1, a, as, b, bs);
    else export_axpy(f, n, z, 1, 1, a, as);
    if (nd->op != EBIM__OP_ADD) return;
    fprintf(f, "    ");
    export_axpy(f, n, z, 1, (double)nd->s, b, bs);
}

/* Adjoints of a node to its operands */
static void export_back(FILE *f, const export_net *s, int i)
{
    const char *in = "        ";
    const ebim__node *nd = &s->g->node[i], *A = &s->g->node[nd->a], *B = &s->g->node[nd->b];
    export_place a = export_value(s, nd->a), b = export_value(s, nd->b), d = export_slope(s, i);
    export_place z = export_adjoint(s, i), ga = export_adjoint(s, nd->a);
    export_place gb = export_adjoint(s, nd->b), z2 = z;
    int n = nd->size, as = export_step(A->size), bs = export_step(B->size);
    if (nd->op == EBIM__OP_INPUT || nd->op == EBIM__OP_CONST || nd->op == EBIM__OP_SLICE) return;
    fprintf(f, "%s", in);
    switch (nd->op) {
    case EBIM__OP_DENSE:
        if (nd->fn != EBIM_FN_IDENTITY)
            fprintf(f, "ebim_small_scale(%d, %s, %s);\n%s", n, z.text, d.text, in);
        fprintf(f, "ebim_small_dense_back(%d, %d, t + %d, %s, %s);\n", n, A->size, nd->theta,
                z.text, ga.text);
        break;
    case EBIM__OP_APPLY:
        if (nd->fn == EBIM_FN_IDENTITY) export_axpy(f, n, ga, 1, 1, z, 1);
        else export_mac(f, n, ga, 1, z, 1, d, 1);
        break;
    case EBIM__OP_AFFINE:
        fprintf(f, "ebim_small_mac(%d, %s, 1, %s, 1, t + %d, 1);\n", n, ga.text, z.text,
                nd->theta);
        break;
    case EBIM__OP_SUM: export_axpy(f, A->size, ga, 1, 1, z, 0); break;
    case EBIM__OP_DOT:
        export_mac(f, A->size, ga, 1, z, 0, b, 1);
        fprintf(f, "%s", in);
        export_mac(f, A->size, gb, 1, z, 0, a, 1);
        break;
    case EBIM__OP_MUL:
        export_mac(f, n, ga, as, z, 1, b, bs);
        fprintf(f, "%s", in);
        export_mac(f, n, gb, bs, z, 1, a, as);
        break;
    case EBIM__OP_ADD:
        export_axpy(f, n, ga, as, 1, z, 1);
        fprintf(f, "%s", in);
        export_axpy(f, n, gb, bs, (double)nd->s, z, 1);
        break;
    case EBIM__OP_CONCAT:
        snprintf(z2.text, sizeof z2.text, "g + %d", s->value[i] + A->size);
        export_axpy(f, A->size, ga, 1, 1, z, 1);
        fprintf(f, "%s", in);
        export_axpy(f, B->size, gb, 1, 1, z2, 1);
        break;
    default:
        fprintf(f, "ebim_small_pick_back(%d, %s, %d, %s, %d, %s, %s);\n", n, ga.text, as, gb.text,
                bs, z.text, d.text);
    }
}

/* The forward sweep; after it nodes have their values. */
static void export_sweep(FILE *f, const export_net *s)
{
    int i;
    for (i = 2; i < s->g->n_nodes; i++)
        if (s->kept[i]) export_forward(f, s, i);
}

static void export_F(FILE *f, const export_net *s, int K)
{
    int i;
    fprintf(f, "/* F: [K] and its Jacobian J: [K][N] at x */\n"
            "static inline void %s_F(const float *x, float *F, float *J, float *work)\n{\n"
            "    const float *t = %s_F_theta;\n    float *v = work, *g = v + %d", s->name, s->name,
            s->values);
    if (s->slopes) fprintf(f, ", *d = g + %d", s->values);
    fprintf(f, ";\n    int i;\n    (void)t;\n");
    export_sweep(f, s);
    fprintf(f, "    for (i = 0; i < %d; i++) {\n        F[i] = (%s)[i];\n"
            "        ebim_small_zero(%d, g);\n        (%s)[i] = 1;\n", K,
            export_value(s, s->g->y).text, s->values, export_adjoint(s, s->g->y).text);
    for (i = s->g->n_nodes - 1; i > 1; i--)
        if (s->kept[i]) export_back(f, s, i);
    fprintf(f, "        ebim_small_copy(%d, J + i * %d, g);\n    }\n}\n\n", ebim_inputs(s->g),
            ebim_inputs(s->g));
}

/* Sum of weight width^m of an estimate's kernels */
static double export_masses(const export_net *s, int m)
{
    const ebim__node *nd = &s->g->node[s->rbf];
    const ebim_real *t = s->g->theta + nd->theta;
    int n = s->g->node[nd->a].size, i;
    double sum = 0;
    for (i = 0; i < nd->i0; i++, t += n + 2)
        sum += (double)t[n + 1] * pow(0.5 / (double)t[n], 0.5 * m);
    return sum;
}

static void export_E(FILE *f, const export_net *s, const ebim_model *m)
{
    const ebim__node *nd = &s->g->node[s->rbf], *in = &s->g->node[nd->a];
    fprintf(f, "/* E at x, a point of M; from: what that is the nearest point of */\n"
            "static inline float %s_E(const float *x, const float *from, float *work)\n{\n"
            "    const float *t = %s_E_theta;\n    float *v = work, e;\n    (void)t;\n"
            "    (void)from;\n", s->name, s->name);
    export_sweep(f, s);
    fprintf(f, "    e = *(%s);\n", export_value(s, s->g->y).text);
    if (s->rbf) {
        int moved = nd->a > 1 && !m->info.on; /* centres have the coordinates of node a */
        const char *is = m->info.on ? export_value(s, nd->a).text : moved ? "is" : "from";
        fprintf(f, "    {\n");
        if (moved)
            fprintf(f, "        float *is = v + %d;\n        ebim_small_affine(%d, t + %d, from, "
                    "is);\n", s->values, in->size, in->theta);
        fprintf(f, "        e += ebim_small_without(%d, %d, %d, t + %d, %s, %s, t[%d], *(%s), %s);"
                "\n    }\n", in->size, m->m, nd->i0, nd->theta, export_value(s, nd->a).text, is,
                s->g->node[s->flat].theta, export_value(s, s->rbf).text,
                export_number(export_masses(s, m->m)).text);
    }
    fprintf(f, "    return e;\n}\n\n");
}

/* ---- a header ---- */

typedef struct export_job {
    const ebim_model *m;
    const char *name, *points; /* of the model; what its points are, in words */
    export_net F, E;
    int work;                 /* floats */
} export_job;

/* Whether a model can be exported: NULL, or why it cannot */
static const char *export_check(export_job *j, const ebim_model *m, const char *name)
{
    int place = m->n + m->k * (m->n + m->k + 1) + 2, E = 0;
    const char *why = NULL;
    memset(j, 0, sizeof *j);
    j->m = m;
    j->name = name;
    if (m->F.field.codim)
        return m->F.field.gate ? "its manifold is a displacement field"
                               : "its manifold has more equations than its codimension";
    if (m->linear) return "it stands behind a linear map, as its data are much wider in one "
                          "direction than in another";
    if (m->info.on == EBIM_ON_SIMPLEX) return "its manifold, a simplex, has an edge";
    if (m->info.on == EBIM_ON_ROTATIONS)
        return "its equations have reflections among their roots, which are no rotations";
    why = export_plan(&j->F, &m->F, name, 'F');
    if (!why && m->has_energy) {
        why = export_plan(&j->E, &m->E, name, 'E');
        j->E.rbf = ebim__estimate_of(&m->E, &j->E.flat);
        E = j->E.values + (j->E.rbf ? m->E.node[m->E.node[j->E.rbf].a].size : 0);
    }
    j->work = 2 * place + 2 * m->n + m->k + 2 * j->F.values + j->F.slopes;
    if (j->work < m->n + E) j->work = m->n + E;
    return why;
}

static void export_uses(const export_net *s, char *letters, int *op, int *fn)
{
    int i;
    for (i = 1; s->g && i < s->g->n_nodes; i++) {
        const ebim__node *nd = &s->g->node[i];
        if (!s->kept[i]) continue;
        op[nd->op] = 1;
        if (nd->fn == EBIM_FN_IDENTITY) continue;
        fn[nd->fn] = 1;
        if (nd->op == EBIM__OP_DENSE && s->letter == 'F') op[EBIM__OP_NONE] = 1;
        strcat(letters, strlen(letters) < 40 ? export_fns[export_fn(nd->fn)].needs : "");
    }
    if (s->rbf) strcat(letters, "l");
    if (s->g && op[EBIM__OP_RBF]) strcat(letters, "e");
}

/* A piece of code that two headers in one program share */
static void export_piece(FILE *f, const char *name, const char *text, const char *fn,
                         const char *body)
{
    const char *c;
    fprintf(f, "#ifndef EBIM_SMALL_");
    for (c = name; *c; c++) putc(toupper((unsigned char)*c), f);
    fprintf(f, "\n#define EBIM_SMALL_");
    for (c = name; *c; c++) putc(toupper((unsigned char)*c), f);
    putc('\n', f);
    if (fn) fprintf(f, text, fn, fn, body);
    else fputs(text, f);
    fprintf(f, "#endif\n\n");
}

static void export_named(FILE *f, const char *text, const char *name)
{
    for (; *text; text++)
        if (*text == '@') fputs(name, f);
        else putc(*text, f);
}

static void export_theta(FILE *f, const export_net *s)
{
    int i;
    if (!s->g) return;
    fprintf(f, "static const float %s_%c_theta[%d] EBIM_SMALL_ALIGNED = {", s->name, s->letter,
            s->g->n_theta ? s->g->n_theta : 1);
    for (i = 0; i < s->g->n_theta; i++)
        fprintf(f, "%s%s,", i % 6 ? " " : "\n    ", export_number((double)s->g->theta[i]).text);
    if (!i) fprintf(f, "0");
    fprintf(f, "\n};\n\n");
}

static void export_comment(FILE *f, const export_job *j, const char *letters)
{
    const ebim_model *m = j->m;
    int i;
    fprintf(f, "/* A model for small devices, by ebim %d.%d.%d. M has dimension %d in R^%d.\n *\n",
            EBIM_VERSION_MAJOR, EBIM_VERSION_MINOR, EBIM_VERSION_PATCH, m->m, m->n);
    export_named(f, " *     static float work[@_WORK];\n"
                 " *     found = @_nearest(x, y, &distance, work);\n"
                 " *     found = @_score(x, y, &distance, &energy, &log_density, work);\n *\n"
                 " * take one point x and return 1, or 0 where M was not found. Results may "
                 "be NULL.\n", j->name);
    fprintf(f, " * x: %s.\n * Memory: %d bytes. Flash: %d bytes of parameters, beside the code.\n"
            " * Needs ", j->points, 4 * j->work,
            4 * (m->F.n_theta + (m->has_energy ? m->E.n_theta : 0) + 2 * m->n));
    for (i = 0; i < EXPORT_LIBM; i++)
        if (strchr(letters, export_libm[i].letter))
            fprintf(f, "%s%s", i ? ", " : "", export_libm[i].function);
    fprintf(f, " of <math.h>; those that are called otherwise are named by EBIM_SQRTF, ...\n"
            " * Compilers may call memcpy and memset. */\n");
}

static const char export_score[] =
    "/* The same, the energy there, and the log density of x. What is not known is no number. */\n"
    "static inline int @_score(const float *x, float *nearest, float *distance, float *energy,\n"
    "    float *log_density, float *work)\n"
    "{\n"
    "    int found = @_nearest(x, nearest, distance, work);\n"
    "    float e = found && @_HAS_ENERGY ? @_E(work, x, work + @_N) : ebim_small_nan();\n"
    "    if (energy) *energy = e;\n"
    "    if (log_density)\n"
    "        *log_density = @_HAS_DENSITY && found ? -e - @_LOG_Z : ebim_small_nan();\n"
    "    return found;\n"
    "}\n";

static void export_constants(FILE *f, const export_job *j)
{
    const ebim_model *m = j->m;
    const char *n = j->name;
    int row = m->n + m->k, at = row + m->k * m->n, i, side;
    int known = m->has_energy && m->z.points > 0 && fabs(m->z.log_z) <= DBL_MAX;
    double most = 0;
    fprintf(f, "enum { %s_N = %d, %s_K = %d, %s_WORK = %d };\n"
            "#define %s_HAS_ENERGY %d\n#define %s_HAS_DENSITY %d\n#define %s_LOG_Z %s\n\n",
            n, m->n, n, m->k, n, j->work, n, m->has_energy != 0, n, known, n,
            export_number(known ? m->z.log_z : 0).text);
    fprintf(f, "/* The box that M is known in; what a point has of memory: x, F, J, the factor of\n"
            " * J J', ||F|| and ||J|| */\nstatic const float %s_box[2][%d] = {\n", n, m->n);
    for (side = 0; side < 2; side++) {
        fprintf(f, "    {");
        for (i = 0; i < m->n; i++) {
            double v = side ? m->hi[i] : m->lo[i];
            fprintf(f, "%s%s", i ? ", " : "", export_number(v).text);
            most = fmax(most, fabs(v));
        }
        fprintf(f, "},\n");
    }
    fprintf(f, "};\n#define %s_LENGTH %s\n"
            "enum {\n    %s_AT_F = %d, %s_AT_J = %d, %s_AT_L = %d, %s_AT_NORM = %d, %s_AT_SIZE, "
            "%s_PLACE\n};\n\n", n, export_number(most).text, n, m->n, n, row, n, at, n,
            at + m->k * m->k, n, n);
}

/* Code of the ops and functions that F and E have */
static void export_pieces(FILE *f, const int *op, const int *fn, const char *letters)
{
    int i;
    for (i = 0; i < EXPORT_LIBM; i++)
        if (strchr(letters, export_libm[i].letter))
            fprintf(f, "#ifndef EBIM_%s\n#include <math.h>\n#define EBIM_%s %s\n#endif\n",
                    export_libm[i].macro, export_libm[i].macro, export_libm[i].function);
    fprintf(f, "#ifndef EBIM_SMALL_ALIGNED\n#ifdef __GNUC__\n"
            "#define EBIM_SMALL_ALIGNED __attribute__((aligned(16)))\n#else\n"
            "#define EBIM_SMALL_ALIGNED\n#endif\n#endif\n\n");
    export_piece(f, "base", export_base, NULL, NULL);
    if (strchr(letters, 'e')) export_piece(f, "exp_minus", export_exp, NULL, NULL);
    if (op[EBIM__OP_AFFINE]) export_piece(f, "affine", export_affine, NULL, NULL);
    if (op[EBIM__OP_DENSE]) export_piece(f, "dense", export_dense, NULL, NULL);
    if (op[EBIM__OP_NONE]) export_piece(f, "scale", export_scale, NULL, NULL);
    if (op[EBIM__OP_MIN] || op[EBIM__OP_MAX] || op[EBIM__OP_SELECT])
        export_piece(f, "pick", export_pick, NULL, NULL);
    if (op[EBIM__OP_RBF]) export_piece(f, "rbf", export_rbf, NULL, NULL);
    for (i = 0; i < EXPORT_FNS; i++)
        if (fn[export_fns[i].fn])
            export_piece(f, export_fns[i].name, export_fn_text, export_fns[i].name,
                         export_fns[i].body);
}

static void export_write(FILE *f, const export_job *j)
{
    char letters[64] = "r";
    int op[EBIM__OP_COUNT] = {0}, fn[EBIM__FN_COUNT] = {0};
    size_t i;
    export_uses(&j->F, letters, op, fn);
    export_uses(&j->E, letters, op, fn);
    export_comment(f, j, letters);
    export_named(f, "#ifndef @_H\n#define @_H\n\n#include <stddef.h>\n#include <stdint.h>\n",
                 j->name);
    export_pieces(f, op, fn, letters);
    export_constants(f, j);
    export_theta(f, &j->F);
    export_theta(f, &j->E);
    export_F(f, &j->F, j->m->k);
    if (j->E.g) export_E(f, &j->E, j->m);
    else export_named(f, "#define @_E(x, from, work) 0.0f\n\n", j->name);
    for (i = 0; i < sizeof export_nearest / sizeof *export_nearest; i++)
        export_named(f, export_nearest[i], j->name);
    export_named(f, export_score, j->name);
    export_named(f, "\n#endif /* @_H */\n", j->name);
}

#endif /* EXPORT_H */
