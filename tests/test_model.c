/* Gradients of a model: F, J, E, grad E and the squared distance to M against closed forms of
 * models made by hand, in float and double, and in double against differences of what the model
 * says. F is no distance function anywhere. Tolerances: multiples of the unit roundoff. Where the
 * nearest point takes part: how far it is off M, ONTO, and along M, the tangential residual of its
 * search relative to the distance, times r / rho for a point at radius rho: so M bends. (Twenty
 * times that: in float rounding hides how the distance still falls, and a search stops early.) */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

enum { B = 133, N = 3, K = 2 }; /* more than a block of 128 lanes */

#ifdef EBIM_DOUBLE
static const double TANGENTIAL = 1e-8;
#else
static const double TANGENTIAL = 1e-4;
#endif
static const double ONTO = 500 * T_EPS; /* 16 of the box, times what the rows of J differ in size */

/* ---- models ---- */

static const double radius = 1.3, height = 0.3, slope[N] = {0.5, -1.25, 2};

/* e^(x_i / 2) */
static ebim_ref growth(ebim_graph *g, ebim_ref x, int i)
{
    return ebim_apply(g, ebim_scale(g, ebim_slice(g, x, i, 1), 0.5), EBIM_FN_EXP);
}

/* (|x|^2 - r^2) e^(x0/2): a sphere */
static ebim_ref record_sphere(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = minus(g, ebim_sumsq(g, x), radius * radius);
    (void)user;
    return ebim_mul(g, y, growth(g, x, 0));
}

/* (x0^2 + x1^2 - r^2) e^(x0/2), (x2 - h) e^(x1/2): a circle in space */
static ebim_ref record_ring(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = minus(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), radius * radius);
    ebim_ref b = minus(g, ebim_slice(g, x, 2, 1), height);
    (void)user;
    a = ebim_mul(g, a, growth(g, x, 0));
    return ebim_concat(g, a, ebim_mul(g, b, growth(g, x, 1)));
}

static ebim_ref record_nowhere(ebim_graph *g, ebim_ref x, void *user) /* |x|^2 + 1 */
{
    (void)user;
    return minus(g, ebim_sumsq(g, x), -1);
}

static ebim_ref record_linear(ebim_graph *g, ebim_ref x, void *user) /* <slope, x> - 0.7 */
{
    (void)user;
    return minus(g, ebim_dot(g, ebim_constant(g, N, slope), x), 0.7);
}

static ebim_model made(ebim_arena *a, int k, ebim_record_fn F)
{
    static double lo[N] = {-3, -3, -3}, hi[N] = {3, 3, 3};
    ebim_model m;
    ebim_arena_init(a, memory, sizeof memory);
    memset(&m, 0, sizeof m);
    m.n = N;
    m.k = k;
    m.m = N - k;
    m.has_energy = 1;
    m.lo = lo;
    m.hi = hi;
    m.unit = 1;
    CHECK_INT(ebim_record(&m.F, a, N, F, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&m.E, a, N, record_linear, NULL), EBIM_OK);
    return m;
}

/* Points around M, none near the axis: there all points of M are nearest, and F's derivative is 0
 * at x0 = 0.385, from where Newton's steps leap far away. */
static void points(ebim_real *x)
{
    ebim_rng r;
    int b, i;
    ebim_rng_init(&r, T_SEED, 3);
    for (b = 0; b < B; b++, x += N)
        do
            for (i = 0; i < N; i++) x[i] = 4 * ebim_rng_uniform(&r) - 2;
        while (hypot((double)x[0], (double)x[1]) < 0.7);
}

/* ---- closed forms ---- */

static double norm(int n, const double *x)
{
    double s = 0;
    while (n--) s += x[n] * x[n];
    return sqrt(s);
}

/* F, J and the nearest point y; returns r / rho. */
typedef double (*exact_fn)(const double *x, double *F, double *J, double *y);

static double exact_sphere(const double *x, double *F, double *J, double *y)
{
    double f = x[0] * x[0] + x[1] * x[1] + x[2] * x[2] - radius * radius, e = exp(x[0] / 2);
    int i;
    F[0] = f * e;
    for (i = 0; i < N; i++) {
        J[i] = (2 * x[i] + (i ? 0 : f / 2)) * e;
        y[i] = x[i] * radius / norm(3, x);
    }
    return radius / norm(3, x);
}

static double exact_ring(const double *x, double *F, double *J, double *y)
{
    double f = x[0] * x[0] + x[1] * x[1] - radius * radius, e = exp(x[0] / 2), h = exp(x[1] / 2);
    F[0] = f * e;
    F[1] = (x[2] - height) * h;
    J[0] = (2 * x[0] + f / 2) * e;
    J[1] = 2 * x[1] * e;
    J[2] = J[3] = 0;
    J[4] = F[1] / 2;
    J[5] = h;
    y[0] = x[0] * radius / norm(2, x);
    y[1] = x[1] * radius / norm(2, x);
    y[2] = height;
    return radius / norm(2, x);
}

static void check_closed_form(int k, ebim_record_fn record, exact_fn exact)
{
    static ebim_real x[B * N], F[B * K], J[B * K * N], E[B], dE[B * N], d2[B], grad[B * N];
    static unsigned char ok[B];
    ebim_arena a;
    ebim_model m = made(&a, k, record);
    int b, i;
    points(x);
    for (i = 0; i < N; i++) x[i] = (ebim_real)(i < 2 ? radius * (0.6 + 0.2 * i) : height);
    if (k == 1) x[2] = 0; /* the first point is on M, by 3-4-5 */
    CHECK_INT(ebim_model_gradients(&m, &a, B, x, F, J, E, dE), EBIM_OK);
    CHECK_INT(ebim_model_distance2(&m, &a, B, x, d2, grad, ok), EBIM_OK);
    for (b = 0; b < B; b++) {
        double p[N], f[K], j[K * N], y[N], e = -0.7, d = 0, along;
        for (i = 0; i < N; i++) p[i] = (double)x[b * N + i];
        along = TANGENTIAL * exact(p, f, j, y);
        for (i = 0; i < k; i++) CHECK_NEAR(F[b * k + i], f[i], 80 * T_EPS);
        for (i = 0; i < k * N; i++) CHECK_NEAR(J[b * k * N + i], j[i], 80 * T_EPS);
        for (i = 0; i < N; i++) {
            e += slope[i] * p[i];
            d += (p[i] - y[i]) * (p[i] - y[i]);
            CHECK_NEAR(dE[b * N + i], slope[i], 0);
        }
        CHECK_NEAR(E[b], e, 30 * T_EPS);
        CHECK_INT(ok[b], 1);
        d = sqrt(d);
        along *= d;
        CHECK_NEAR(d2[b], d * d, 2 * ONTO * (d + ONTO) + 800 * along * along);
        for (i = 0; i < N; i++)
            CHECK_NEAR(grad[b * N + i], 2 * (p[i] - y[i]), 2 * ONTO + 40 * along);
    }
    CHECK_NEAR(d2[0], 0, 100 * T_EPS * T_EPS);
}

static void a_sphere_in_closed_form(void) { check_closed_form(1, record_sphere, exact_sphere); }
static void a_ring_in_closed_form(void) { check_closed_form(2, record_ring, exact_ring); }

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double *a, const double *b, double *c)
{
    c[0] = a[1] * b[2] - a[2] * b[1];
    c[1] = a[2] * b[0] - a[0] * b[2];
    c[2] = a[0] * b[1] - a[1] * b[0];
}

/* It is tangent to M, and grad E plus it is normal to M: to all of two tangents, or to the one. */
static void density_gradient_is_tangent(void)
{
    static ebim_real x[B * N], y[B * N], J[B * K * N], dE[B * N], grad[B * N];
    static unsigned char ok[B];
    int k, b, i;
    points(x);
    for (k = 1; k <= 2; k++) {
        ebim_arena a, work;
        ebim_model m = made(&a, k, k == 1 ? record_sphere : record_ring);
        work = a;
        CHECK_INT(ebim_model_grad_log_density(&m, &work, B, x, grad, ok), EBIM_OK);
        CHECK_INT(ebim_model_score(&m, &a, B, x, y, NULL, NULL, NULL), EBIM_OK);
        CHECK_INT(ebim_model_gradients(&m, &a, B, y, NULL, J, NULL, dE), EBIM_OK);
        for (b = 0; b < B; b++) {
            double j[2][N], g[N], rest[N], t[N], size;
            for (i = 0; i < N; i++) {
                g[i] = (double)grad[b * N + i];
                rest[i] = g[i] + (double)dE[b * N + i];
                j[0][i] = (double)J[b * k * N + i];
                j[1][i] = k == 2 ? (double)J[b * k * N + N + i] : g[i];
            }
            CHECK_INT(ok[b], 1);
            for (i = 0; i < k; i++) {
                size = sqrt(dot(j[i], j[i]));
                CHECK_NEAR(dot(j[i], g), 0, 100 * T_EPS * size);
            }
            cross(j[0], j[1], t);
            CHECK_NEAR(dot(t, rest), 0, 100 * T_EPS * sqrt(dot(t, t)));
            CHECK_NEAR(dot(g, rest), 0, 100 * T_EPS);
        }
        m.has_energy = 0;
        CHECK_INT(ebim_model_grad_log_density(&m, &a, B, x, grad, ok), EBIM_ERR_ARG);
    }
}

/* ---- differences ---- */

#ifdef EBIM_DOUBLE
static const double at[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};

/* Derivative of f: [size] with respect to x[i] by 4-point differences. */
static void difference(ebim_ws *w, double *x, int i, int size, double *fd)
{
    double f[K], h = 1e-3, here = x[i];
    int q, c;
    for (c = 0; c < size; c++) fd[c] = 0;
    for (q = 0; q < 4; q++) {
        x[i] = here + at[q] * h;
        ebim_eval(w, 1, x, f);
        for (c = 0; c < size; c++) fd[c] += weight[q] * f[c] / (12 * h);
    }
    x[i] = here;
}

static ebim_ref record_ellipsoid(ebim_graph *g, ebim_ref x, void *user) /* axes 2, 1, 1.4 */
{
    static const double w[N] = {0.25, 1, 0.51};
    ebim_ref y = ebim_dot(g, ebim_constant(g, N, w), ebim_apply(g, x, EBIM_FN_SQUARE));
    (void)user;
    return minus(g, y, 1);
}

/* Networks, whose derivatives nobody wrote down. */
static void gradients_are_differences(void)
{
    static double x[B * N], J[B * K * N], dE[B * N];
    ebim_arena a;
    ebim_model m = made(&a, K, record_ring);
    ebim_mlp_desc net;
    ebim_ws F, E;
    int b, i, c;
    memset(&net, 0, sizeof net);
    net.in = N;
    net.layers = 2;
    net.width = 8;
    net.out = K;
    CHECK_INT(ebim_mlp(&m.F, &a, &net, T_SEED), EBIM_OK);
    net.out = 1;
    CHECK_INT(ebim_mlp(&m.E, &a, &net, T_SEED + 1), EBIM_OK);
    CHECK_INT(ebim_ws_init(&F, &a, &m.F, 16, 0), EBIM_OK);
    CHECK_INT(ebim_ws_init(&E, &a, &m.E, 16, 0), EBIM_OK);
    points(x);
    CHECK_INT(ebim_model_gradients(&m, &a, B, x, NULL, J, NULL, dE), EBIM_OK);
    for (b = 0; b < B; b++)
        for (i = 0; i < N; i++) {
            double fd[K];
            difference(&F, x + b * N, i, K, fd);
            for (c = 0; c < K; c++) CHECK_NEAR(J[(b * K + c) * N + i], fd[c], 1e-11);
            difference(&E, x + b * N, i, 1, fd);
            CHECK_NEAR(dE[b * N + i], fd[0], 1e-11);
        }
}

/* An ellipsoid: the nearest point moves along with x, and no closed form says where. Outside it
 * that point is one; d2 is exact to second order in the residual 1e-8. */
static void distance_gradients_are_differences(void)
{
    enum { P = 20 };
    static double x[B * N], y[4 * P * N], d2[4 * P], grad[P * N];
    ebim_arena a;
    ebim_model m = made(&a, 1, record_ellipsoid);
    int b, i, q;
    double h = 1e-3;
    points(x);
    for (i = 0; i < P * N; i++) x[i] += x[i] > 0 ? 1 : -1;
    CHECK_INT(ebim_model_distance2(&m, &a, P, x, NULL, grad, NULL), EBIM_OK);
    for (i = 0; i < N; i++) {
        ebim_arena work = a;
        for (b = 0; b < 4 * P; b++) {
            memcpy(y + b * N, x + b / 4 * N, N * sizeof *y);
            y[b * N + i] += at[b % 4] * h;
        }
        CHECK_INT(ebim_model_distance2(&m, &work, 4 * P, y, d2, NULL, NULL), EBIM_OK);
        for (b = 0; b < P; b++) {
            double fd = 0;
            for (q = 0; q < 4; q++) fd += weight[q] * d2[4 * b + q] / (12 * h);
            CHECK_NEAR(grad[b * N + i], fd, 1e-7);
        }
    }
}
#else
static void gradients_are_differences(void) { T_SKIP("finite differences are for double"); }
static void distance_gradients_are_differences(void) { gradients_are_differences(); }
#endif

/* ---- blocks, memory, errors ---- */

typedef struct outputs {
    ebim_real F[B * K], J[B * K * N], E[B], dE[B * N], d2[B], grad[B * N];
    unsigned char ok[B];
} outputs;

/* Everything that mask asks for, in an arena of just the size that was measured. */
static ebim_result run(const ebim_model *m, int count, const ebim_real *x, int mask, outputs *o)
{
    ebim_real *F = mask & 1 ? o->F : NULL, *J = mask & 2 ? o->J : NULL;
    ebim_real *E = mask & 4 ? o->E : NULL, *dE = mask & 8 ? o->dE : NULL;
    ebim_real *d2 = mask & 16 ? o->d2 : NULL, *grad = mask & 32 ? o->grad : NULL;
    unsigned char *ok = mask & 64 ? o->ok : NULL;
    ebim_result r = EBIM_OK;
    int q, half;
    for (half = 0; half < 2 && !r; half++) {
        ebim_arena a;
        void *p = NULL;
        size_t used = 0;
        ebim_arena_init(&a, NULL, 0);
        for (q = 0; q < 2 && !r; q++) { /* measure, then run */
            r = half ? ebim_model_distance2(m, &a, count, x, d2, grad, ok)
                     : ebim_model_gradients(m, &a, count, x, F, J, E, dE);
            if (q) CHECK(r || a.used == used);
            used = a.used;
            if (q || r) continue;
            p = malloc(ebim_arena_bytes(&a));
            ebim_arena_init(&a, p, ebim_arena_bytes(&a));
        }
        free(p);
    }
    return r;
}

static void outputs_may_be_left_out(void)
{
    static ebim_real x[B * N];
    static outputs all, some, untouched;
    ebim_arena a;
    ebim_model m = made(&a, K, record_ring);
    int mask;
    points(x);
    memset(&untouched, 0x33, sizeof untouched);
    CHECK_INT(run(&m, B, x, 127, &all), EBIM_OK);
    for (mask = 0; mask < 128; mask++) {
        const outputs *want = &untouched;
        memset(&some, 0x33, sizeof some);
        CHECK_INT(run(&m, B, x, mask, &some), EBIM_OK);
#define SAME(bit, field) \
    want = mask & (bit) ? &all : &untouched; \
    CHECK(!memcmp(some.field, want->field, sizeof some.field))
        SAME(1, F);
        SAME(2, J);
        SAME(4, E);
        SAME(8, dE);
        SAME(16, d2);
        SAME(32, grad);
        SAME(64, ok);
    }
}

/* A point gets the same bytes whoever is beside it, and what lies behind the last stays. */
static void lanes_are_on_their_own(void)
{
    static const int counts[] = {1, 2, 15, 16, 17, 63, 64, 65, 128, 129};
    static ebim_real x[B * N];
    static outputs all, some;
    static unsigned char rest[sizeof(outputs)];
    ebim_arena a;
    ebim_model m = made(&a, K, record_ring);
    size_t i, c, real = sizeof(ebim_real);
    points(x);
    memset(rest, 0x33, sizeof rest);
    CHECK_INT(run(&m, B, x, 127, &all), EBIM_OK);
    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        c = (size_t)counts[i];
        memset(&some, 0x33, sizeof some);
        CHECK_INT(run(&m, counts[i], x, 127, &some), EBIM_OK);
#define PART(field, each) \
    CHECK(!memcmp(some.field, all.field, c * (each))); \
    CHECK(!memcmp((const char *)some.field + c * (each), rest, sizeof some.field - c * (each)))
        PART(F, K * real);
        PART(J, K * N * real);
        PART(E, real);
        PART(dE, N * real);
        PART(d2, real);
        PART(grad, N * real);
        PART(ok, 1);
    }
}

/* Behind a map the gradient of one point is as it is among three; its own arrays must do for the
 * pairs that stretches are compared in. */
static void one_point_behind_a_map(void)
{
    static double linear[N * N] = {1.5, 0.5, 0, 0, 2, 0, 0, 0, 1};
    static double inverse[N * N] = {2.0 / 3, -1.0 / 6, 0, 0, 0.5, 0, 0, 0, 1};
    static ebim_real x[B * N], e[3], one, grad[3 * N], alone[N];
    ebim_arena a;
    ebim_model m = made(&a, K, record_ring);
    int i;
    m.linear = linear;
    m.inverse = inverse;
    points(x);
    CHECK_INT(ebim_gradients(&m, 3, x, NULL, NULL, e, grad), EBIM_OK);
    CHECK_INT(ebim_gradients(&m, 1, x, NULL, NULL, &one, alone), EBIM_OK);
    CHECK_NEAR(one, e[0], 0);
    for (i = 0; i < N; i++) CHECK_NEAR(alone[i], grad[i], 0);
}

/* -log(0.1 + e^-2|c - x|^2), c = e0 */
static ebim_ref record_kernel(ebim_graph *g, ebim_ref x, void *user)
{
    static const double center[N] = {1, 0, 0}, width = 0.5, weight = 1, flat = 0.1;
    ebim_ref r = ebim_rbf(g, x, 1, center, &width, &weight);
    (void)user;
    r = ebim_add(g, r, ebim_constant(g, 1, &flat));
    return ebim_scale(g, ebim_apply(g, r, EBIM_FN_LOG), -1);
}

/* Memory is measured for what is then taken, whether E is a kernel estimate, none, or both. */
static void mixtures_with_kernels_are_sampled(void)
{
    enum { S = 20 };
    static double room[1 << 15];
    static ebim_real x[S * N];
    ebim_arena a, c;
    ebim_model m = made(&a, K, record_ring), p = m, out;
    int i;
    ebim_arena_init(&c, room, sizeof room);
    CHECK_INT(ebim_record(&p.E, &c, N, record_kernel, NULL), EBIM_OK);
    CHECK_INT(ebim_sample(&m, S, x, T_SEED), EBIM_OK);
    CHECK_INT(ebim_sample(&p, S, x, T_SEED), EBIM_OK);
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_MIXTURE, &m, &p, 0), EBIM_OK);
    CHECK_INT(ebim_sample(&out, S, x, T_SEED), EBIM_OK);
    for (i = 0; i < S; i++) CHECK_NEAR(hypot((double)x[N * i], (double)x[N * i + 1]), radius, 1e-3);
    ebim_free(&out);
}

/* -log(0.1 + e^-2|p|^2), p: the products x_i x_j, though the model is of no axes */
static ebim_ref record_products(ebim_graph *g, ebim_ref x, void *user)
{
    static const double center[2 * N] = {0}, width = 0.5, weight = 1, flat = 0.1;
    static const double left[2 * N * N] = {1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1};
    static const double right[2 * N * N] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1};
    ebim_ref p = ebim_mul(g, ebim_matrix(g, x, 2 * N, left), ebim_matrix(g, x, 2 * N, right));
    ebim_ref r = ebim_rbf(g, p, 1, center, &width, &weight);
    (void)user;
    r = ebim_add(g, r, ebim_constant(g, 1, &flat));
    return ebim_scale(g, ebim_apply(g, r, EBIM_FN_LOG), -1);
}

static void estimates_on_products(void)
{
    static ebim_real x[B * N], y[B * N], e[B];
    static unsigned char ok[B];
    ebim_arena a;
    ebim_model m = made(&a, K, record_ring);
    int b, i, j;
    points(x);
    CHECK_INT(ebim_record(&m.E, &a, N, record_products, NULL), EBIM_OK);
    CHECK_INT(ebim_score(&m, B, x, y, NULL, e, ok), EBIM_OK);
    for (b = 0; b < B; b++) {
        double square = 0;
        for (i = 0; i < N; i++)
            for (j = i; j < N; j++) square += pow((double)y[b * N + i] * (double)y[b * N + j], 2);
        if (CHECK_INT(ok[b], 1)) CHECK_NEAR(e[b], -log(0.1 + exp(-2 * square)), 1e-4);
    }
}

/* sqrt(x0 - 1) + x1, which is no number, nor has a normal, at the kernel of record_kernel */
static ebim_ref record_root(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_add(g, ebim_pow(g, minus(g, ebim_slice(g, x, 0, 1), 1.5), 0.5),
                    ebim_slice(g, x, 1, 1));
}

/* Lines past kernels end, also where F has no normal and the kernel reaches beyond all measure. */
static void kernels_off_the_domain(void)
{
    enum { S = 10 };
    static ebim_real x[S * N];
    ebim_arena a;
    ebim_model m = made(&a, 1, record_root);
    int i;
    CHECK_INT(ebim_record(&m.E, &a, N, record_kernel, NULL), EBIM_OK);
    for (i = 2; m.E.node[i].op != EBIM__OP_RBF;) i++;
    m.E.theta[m.E.node[i].theta + N] = (ebim_real)1e-30; /* 1 / 2 w^2 */
    CHECK_INT(ebim_sample(&m, S, x, T_SEED), EBIM_OK);
    for (i = 0; i < S; i++)
        CHECK_NEAR(x[N * i + 1], -sqrt(fmax((double)x[N * i] - 1.5, 0)), 2e-3);
}

static void what_cannot_be_had_is_refused(void)
{
    static ebim_real x[B * N];
    static outputs o;
    ebim_arena a, small;
    ebim_model m = made(&a, 1, record_sphere);
    char few[64];
    points(x);
    CHECK_INT(run(&m, 0, x, 127, &o), EBIM_ERR_ARG);
    CHECK_INT(run(&m, -1, x, 127, &o), EBIM_ERR_ARG);
    CHECK_INT(run(&m, 0, x, 0, &o), EBIM_ERR_ARG);
    CHECK_INT(ebim_model_distance2(&m, &a, 0, x, o.d2, o.grad, o.ok), EBIM_ERR_ARG);
    ebim_arena_init(&small, few, sizeof few);
    CHECK_INT(ebim_model_gradients(&m, &small, B, x, o.F, NULL, NULL, NULL), EBIM_ERR_MEMORY);
    ebim_arena_init(&small, few, sizeof few);
    CHECK_INT(ebim_model_distance2(&m, &small, B, x, o.d2, o.grad, NULL), EBIM_ERR_MEMORY);
    m.has_energy = 0;
    CHECK_INT(run(&m, B, x, 1 + 2 + 16 + 32, &o), EBIM_OK);
    CHECK_INT(run(&m, B, x, 4, &o), EBIM_ERR_ARG);
    CHECK_INT(run(&m, B, x, 8, &o), EBIM_ERR_ARG);
    x[B * N - 1] = (ebim_real)t_nan();
    CHECK_INT(ebim_gradients(&m, B, x, o.F, NULL, NULL, NULL), EBIM_ERR_FINITE);
    CHECK_INT(ebim_model_distance2(&m, &a, B, x, o.d2, o.grad, o.ok), EBIM_ERR_FINITE);
    x[B * N - 1] = (ebim_real)t_inf();
    CHECK_INT(ebim_gradients(&m, B, x, NULL, NULL, NULL, o.dE), EBIM_ERR_ARG);
    CHECK_INT(ebim_gradients(&m, B, x, NULL, o.J, NULL, NULL), EBIM_ERR_FINITE);
    CHECK_INT(run(&m, B - 1, x, 127 - 12, &o), EBIM_OK);
}

static int all_nan(int count, const ebim_real *x)
{
    int i;
    for (i = 0; i < count; i++)
        if (!ebim__nan(x[i])) return 0;
    return 1;
}

/* No M at all: ok says so, and there are no numbers. */
static void without_m_nothing_is_found(void)
{
    static ebim_real x[B * N];
    static outputs o;
    ebim_arena a;
    ebim_model m = made(&a, 1, record_nowhere);
    int b;
    points(x);
    CHECK_INT(run(&m, B, x, 127, &o), EBIM_OK);
    for (b = 0; b < B; b++) CHECK_INT(o.ok[b], 0);
    CHECK(all_nan(B, o.d2));
    CHECK(all_nan(B * N, o.grad));
}

static ebim_ref record_floor(ebim_graph *g, ebim_ref x, void *user) /* x2 = h */
{
    (void)user;
    return minus(g, ebim_slice(g, x, 2, 1), height);
}

/* The nearest point is known however far x is, but the distance has no square. */
static void squares_that_overflow_are_no_distance(void)
{
    const double far = sizeof(ebim_real) == 8 ? 1e160 : 1e20;
    ebim_real x[2 * N], y[2 * N], d[2];
    unsigned char ok[2];
    ebim_arena a;
    ebim_model m = made(&a, 1, record_floor);
    ebim_project_desc pd;
    ebim_projector *p;
    memset(x, 0, sizeof x);
    memset(&pd, 0, sizeof pd);
    x[2] = (ebim_real)far;
    x[N + 2] = 1000;
    CHECK_INT(ebim_projector_init(&p, &a, &m.F, &pd), EBIM_OK);
    CHECK_INT(ebim_projector_run(p, 2, x, y, d, ok), 1);
    CHECK(!ok[0] && ok[1]);
    CHECK_INT(ebim_model_score(&m, &a, 2, x, y, d, NULL, ok), EBIM_OK);
    CHECK(!ok[0] && ok[1]);
    CHECK(all_nan(1, d) && all_nan(N, y));
    CHECK_NEAR(d[1], 1000 - height, 2000 * T_EPS);
}

typedef struct scored {
    ebim_real nearest[B * N], distance[B], energy[B], d2[B], grad[B * N], slope[B * N];
    unsigned char ok[B], ok2[B], ok3[B];
} scored;

/* Every call on its own memory; with ok or without */
static void score_all(const ebim_model *m, const ebim_arena *free_memory, const ebim_real *x,
                      scored *s, int ok)
{
    ebim_arena a = *free_memory;
    CHECK_INT(ebim_model_score(m, &a, B, x, s->nearest, s->distance, s->energy, ok ? s->ok : NULL),
              EBIM_OK);
    a = *free_memory;
    CHECK_INT(ebim_model_distance2(m, &a, B, x, s->d2, s->grad, ok ? s->ok2 : NULL), EBIM_OK);
    a = *free_memory;
    CHECK_INT(ebim_model_grad_log_density(m, &a, B, x, s->slope, ok ? s->ok3 : NULL), EBIM_OK);
}

/* Points too far to square their distance, and one whose nearest is beyond the box, have no number;
 * all others have the ones they would have without them. */
static void no_root_no_number(void)
{
    static const double far[] = {1e20, -1e20, 1e30, 3e38};
    const double scale = sizeof(ebim_real) == 8 ? 1e140 : 1;
    static ebim_real x[B * N], y[B * N], distance[B];
    static unsigned char ok[B];
    static scored s, t, u;
    static double lo[N] = {-3, -3, -3}, hi[N] = {3, 3, 3};
    ebim_arena a;
    ebim_model m = made(&a, 1, record_sphere);
    int b, i, missed = 0;
    m.lo = lo;
    m.hi = hi;
    lo[2] = -0.5; /* of the sphere not all is M */
    points(x);
    for (b = 0; b < B; b++)
        if (x[b * N + 2] < 0) x[b * N + 2] = -x[b * N + 2];
    score_all(&m, &a, x, &t, 1);
    for (b = 0; b < B; b++) CHECK_INT(t.ok[b], 1);
    memcpy(y, x, sizeof y);
    for (i = 0; i < 4; i++) y[(i * 9 + 3) * N + i % N] = (ebim_real)(far[i] * scale);
    y[50 * N] = y[50 * N + 1] = (ebim_real)0.1;
    y[50 * N + 2] = -2;
    memset(&s, 0, sizeof s);
    memset(&u, 0, sizeof u);
    score_all(&m, &a, y, &s, 1);
    score_all(&m, &a, y, &u, 0);
    memcpy(u.ok, s.ok, sizeof u.ok);
    memcpy(u.ok2, s.ok, sizeof u.ok);
    memcpy(u.ok3, s.ok, sizeof u.ok);
    CHECK(!memcmp(&u, &s, sizeof u));
    for (b = 0; b < B; b++) {
        int good = b != 50 && !(b < 31 && b % 9 == 3);
        CHECK_INT(s.ok[b], good);
        missed += !s.ok[b];
        if (!good) {
            CHECK(all_nan(1, s.distance + b) && all_nan(1, s.energy + b) && all_nan(1, s.d2 + b));
            CHECK(all_nan(N, s.nearest + b * N) && all_nan(N, s.grad + b * N));
            CHECK(all_nan(N, s.slope + b * N));
            continue;
        }
        CHECK(!memcmp(s.distance + b, t.distance + b, sizeof *t.distance));
        CHECK(!memcmp(s.energy + b, t.energy + b, sizeof *t.energy));
        CHECK(!memcmp(s.nearest + b * N, t.nearest + b * N, N * sizeof *t.nearest));
        CHECK(!memcmp(s.grad + b * N, t.grad + b * N, N * sizeof *t.grad));
        CHECK(!memcmp(s.slope + b * N, t.slope + b * N, N * sizeof *t.slope));
    }
    CHECK_INT(missed, 5);
    CHECK_INT(ebim_score(&m, B, y, NULL, distance, NULL, ok), EBIM_OK);
    CHECK(!memcmp(distance, s.distance, sizeof distance) && !memcmp(ok, s.ok, sizeof ok));
    CHECK_INT(ebim_score(&m, B, y, NULL, distance, NULL, NULL), EBIM_OK);
    CHECK(!memcmp(distance, s.distance, sizeof distance));
}

/* Densities are -E - log Z; points one by one get from a scorer what a batch gets. */
static void one_by_one_is_as_together(void)
{
    static ebim_real x[B * N], y[B * N], z[B * N], d[B], e[B], p[B], q[B], se[B];
    static unsigned char ok[B];
    ebim_arena a;
    ebim_model m = made(&a, 1, record_sphere);
    ebim_scorer *s;
    size_t used;
    int b;
    points(x);
    memset(x + 7 * N, 0, N * sizeof *x);
    x[7 * N + 2] = (ebim_real)(sizeof(ebim_real) == 8 ? 1e155 : 1e25); /* finds no way to M */
    CHECK_INT(ebim_log_density(&m, B, x, p, se), EBIM_ERR_ARG); /* no normaliser */
    m.z.points = 1;
    m.z.log_z = 1.25;
    m.z.se = 0.5;
    CHECK_INT(ebim_log_density(&m, B, x, p, se), EBIM_OK);
    CHECK_INT(ebim_log_density(&m, B, x, q, NULL), EBIM_OK);
    CHECK(!memcmp(p, q, sizeof p));
    CHECK_INT(ebim_score(&m, B, x, y, d, e, ok), EBIM_OK);
    CHECK_INT(ebim_nearest(&m, B, x, z), EBIM_OK);
    CHECK(!memcmp(y, z, sizeof y));
    CHECK_INT(ebim_scorer_init(&s, &a, &m, -1), EBIM_ERR_ARG);
    CHECK(s == NULL);
    CHECK_INT(ebim_scorer_init(&s, &a, &m, 0), EBIM_OK);
    used = a.used;
    for (b = 0; b < B; b++) {
        ebim_real here[N], far, low;
        unsigned char found;
        CHECK_INT(ebim_scorer_run(s, 1, x + b * N, here, &far, &low, &found), EBIM_OK);
        CHECK(!memcmp(here, y + b * N, sizeof here) && !memcmp(&far, d + b, sizeof far));
        CHECK(!memcmp(&low, e + b, sizeof low));
        CHECK_INT(found, ok[b]);
        CHECK_INT(found, b != 7);
        if (!found) CHECK(all_nan(1, p + b) && all_nan(1, se + b));
        else CHECK_NEAR(p[b], -(double)e[b] - 1.25, 4 * T_EPS);
        if (found) CHECK_NEAR(se[b], 0.5, 0);
    }
    CHECK_INT(a.used, used);
    CHECK_INT(ebim_scorer_run(s, B, x, z, NULL, NULL, NULL), EBIM_OK);
    CHECK(!memcmp(y, z, sizeof y));
    CHECK_INT(ebim_scorer_run(s, 0, x, z, NULL, NULL, NULL), EBIM_ERR_ARG);
    x[N] = y[7 * N]; /* a NaN */
    CHECK_INT(ebim_scorer_run(s, 2, x, z, NULL, NULL, NULL), EBIM_ERR_FINITE);
    m.has_energy = 0;
    CHECK_INT(ebim_log_density(&m, B, x, p, se), EBIM_ERR_ARG);
    CHECK_INT(ebim_scorer_run(s, 1, x, NULL, NULL, e, NULL), EBIM_ERR_ARG);
}

static int stop_now(void *user, const ebim_progress *p)
{
    (void)user;
    (void)p;
    return 1;
}

/* What a scorer was stopped in, or before, are no scores: NaN and not found, in every place. */
static void check_no_scores(ebim_scorer *s, const ebim_real *x)
{
    static ebim_real y[B * N], d[B], e[B];
    static unsigned char ok[B];
    int b;
    for (b = 0; b < B * N; b++) y[b] = d[b / N] = e[b / N] = 7;
    memset(ok, 1, sizeof ok);
    CHECK_INT(ebim_scorer_run(s, B, x, y, d, e, ok), EBIM_OK);
    CHECK(all_nan(B * N, y) && all_nan(B, d) && all_nan(B, e));
    for (b = 0; b < B; b++) CHECK_INT(ok[b], 0);
}

static void a_stopped_scorer_has_no_scores(void)
{
    static ebim_real x[B * N], d[B];
    static unsigned char ok[B];
    int lanes, mapped;
    points(x);
    for (lanes = 1; lanes <= B; lanes += B - 1)
        for (mapped = 0; mapped < 2; mapped++) {
            static double linear[N * N], inverse[N * N];
            ebim_arena a;
            ebim_model m = made(&a, 1, record_sphere);
            ebim_scorer *s;
            ebim_watch w;
            int i;
            memset(&w, 0, sizeof w);
            for (i = 0; i < N; i++) linear[i * N + i] = 2, inverse[i * N + i] = 0.5;
            if (mapped) m.linear = linear, m.inverse = inverse;
            a.watch = &w;
            if (!CHECK_INT(ebim_scorer_init(&s, &a, &m, lanes), EBIM_OK)) return;
            CHECK_INT(ebim_scorer_run(s, B, x, NULL, d, NULL, ok), EBIM_OK);
            CHECK(ok[0] && !all_nan(1, d));
            w.progress = stop_now;
            w.due = 0; /* it is asked by the next sweep */
            check_no_scores(s, x);
            CHECK(w.stopped);
            check_no_scores(s, x);
        }
}

/* E of the second model: x1 / 2 */
static ebim_ref record_half(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_scale(g, ebim_slice(g, x, 1, 1), 0.5);
}

static const double part[2] = {0.25, 0.75}, log_z[2] = {1.5, -0.5};

/* The energies of the two models at y, and what a share of the first makes of them */
static double mixed(const ebim_real *y, int which)
{
    double E[2], e = -0.7;
    int i;
    for (i = 0; i < N; i++) e += slope[i] * (double)y[i];
    E[0] = e + log_z[0] - log(part[0]);
    E[1] = (double)y[1] / 2 + log_z[1] - log(part[1]);
    return which < 2 ? E[which] : -log(exp(-E[0]) + exp(-E[1]));
}

/* A sphere and a plane, each with a density of its own: their union, their intersection, and both
 * densities on the sphere */
static void models_are_combined(void)
{
    static double room[1 << 15], lo[N] = {-2, -2, -4}, hi[N] = {4, 2, 2};
    static ebim_real x[B * N], y[B * N], e[B], F[K];
    static unsigned char ok[B], file[1 << 15];
    static char names[] = "x\ny\nz";
    ebim_arena a, c, measure;
    ebim_model m = made(&a, 1, record_sphere), p, out, back;
    int how, b, i, near[2] = {0, 0};
    points(x);
    ebim_arena_init(&c, room, sizeof room);
    p = m;
    p.lo = lo;
    p.hi = hi;
    CHECK_INT(ebim_record(&p.F, &c, N, record_linear, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&p.E, &c, N, record_half, NULL), EBIM_OK);
    m.z.points = p.z.points = 10;
    m.z.log_z = log_z[0];
    p.z.log_z = log_z[1];
    m.z.log_volume = log(3);
    m.judged.verdict = EBIM_VERDICT_RIM;
    p.judged.verdict = EBIM_VERDICT_OFF;
    p.info.partial = 1;
    m.columns = p.columns = names;
    for (how = 0; how < 3; how++) {
        CHECK_INT(ebim_combine(&out, (ebim_combination)how, &m, &p, part[0]), EBIM_OK);
        CHECK_INT(out.judged.verdict, EBIM_VERDICT_RIM | EBIM_VERDICT_OFF);
        CHECK_INT(out.info.partial, 1);
        CHECK(!t_finite(out.info.nll) && !t_finite(out.info.energy_loss));
        CHECK(out.columns && out.columns != names && !strcmp(out.columns, names));
        CHECK_INT(out.k, how == EBIM_COMBINE_INTERSECTION ? 2 : 1);
        CHECK_INT(out.m, N - out.k);
        CHECK((out.z.points > 0) == (how != EBIM_COMBINE_INTERSECTION));
        CHECK_NEAR(out.z.log_z, 0, 0);
        if (how == EBIM_COMBINE_UNION) CHECK_NEAR(out.z.log_volume, log(4), 1e-14);
        if (how == EBIM_COMBINE_MIXTURE) CHECK_NEAR(out.z.log_volume, log(3), 1e-14);
        CHECK_NEAR(out.lo[0], how == EBIM_COMBINE_INTERSECTION ? -2 : -3, 0);
        CHECK_NEAR(out.hi[0], how == EBIM_COMBINE_UNION ? 4 : 3, 0);
        CHECK_NEAR(out.lo[2], how == EBIM_COMBINE_UNION ? -4 : -3, 0);
        CHECK_INT(ebim_score(&out, B, x, y, NULL, e, ok), EBIM_OK);
        for (b = 0; b < B * N; b++) CHECK(!ok[b / N] || ebim__finite(y[b]));
        for (b = 0; b < B; b++) {
            double f = hypot(hypot((double)y[b * N], (double)y[b * N + 1]), (double)y[b * N + 2]);
            double g = mixed(y + b * N, 0) - log_z[0] + log(part[0]), want;
            int on = fabs(f - radius) < 1e-3, flat = fabs(g) < 1e-3;
            if (!ok[b]) continue;
            CHECK_INT(ebim_gradients(&out, 1, y + b * N, F, NULL, NULL, NULL), EBIM_OK);
            want = how == EBIM_COMBINE_INTERSECTION ? (double)y[b * N + 1] / 2
                 : mixed(y + b * N, how == EBIM_COMBINE_MIXTURE ? 2 : !on);
            for (i = 0; i < out.k; i++) CHECK_NEAR(F[i], 0, 1e-3);
            CHECK(how == EBIM_COMBINE_UNION ? on || flat
                                            : on && (flat || how == EBIM_COMBINE_MIXTURE));
            if (how != EBIM_COMBINE_UNION || on != flat)
                CHECK_NEAR(e[b], want, how == 1 ? 1e-4 : 1e-5);
            near[on]++;
        }
        CHECK(ebim_save_bytes(&out) <= sizeof file);
        CHECK_INT(ebim_save(&out, file, ebim_save_bytes(&out)), EBIM_OK);
        ebim_arena_init(&measure, NULL, 0);
        CHECK_INT(ebim_load(&back, &measure, file, ebim_save_bytes(&out)), EBIM_OK);
        ebim_free(&out);
    }
    CHECK(near[0] > 10 && near[1] > 2 * B);
}

static void combinations_are_refused(void)
{
    static double far[N] = {4, 4, 4}, farther[N] = {5, 5, 5};
    static double unit[N * N] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    static double other[N * N] = {2, 0, 0, 0, 1, 0, 0, 0, 1};
    static char names[] = "x\ny\nz", turned[] = "y\nx\nz";
    ebim_arena a;
    ebim_model m = made(&a, 1, record_sphere), p = m, out;
    m.columns = names;
    p.columns = turned;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_MIXTURE, &m, &p, 0), EBIM_ERR_SHAPE);
    m.columns = NULL;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_MIXTURE, &m, &p, 0), EBIM_OK);
    CHECK(out.columns == NULL);
    ebim_free(&out);
    p = m;
    p.k = 2;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_UNION, &m, &p, 0), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_INTERSECTION, &m, &p, 0), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_MIXTURE, &m, &p, 0), EBIM_ERR_SHAPE);
    p = m;
    CHECK_INT(ebim_combine(&out, (ebim_combination)3, &m, &p, 0), EBIM_ERR_ARG);
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_UNION, &m, &p, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_UNION, &m, &p, -0.5), EBIM_ERR_ARG);
    p.has_energy = 0;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_MIXTURE, &m, &p, 0), EBIM_ERR_ARG);
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_UNION, &m, &p, 0), EBIM_OK);
    CHECK_INT(out.has_energy, 0);
    ebim_free(&out);
    p.lo = far;
    p.hi = farther;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_INTERSECTION, &m, &p, 0), EBIM_ERR_SOLVE);
    CHECK(out.owned == NULL);
    p = m;
    p.linear = p.inverse = unit;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_UNION, &m, &p, 0), EBIM_ERR_SHAPE);
    m.linear = m.inverse = other;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_UNION, &m, &p, 0), EBIM_ERR_SHAPE);
    m.linear = m.inverse = unit;
    CHECK_INT(ebim_combine(&out, EBIM_COMBINE_UNION, &m, &p, 0), EBIM_OK);
    CHECK(out.linear != unit && !memcmp(out.linear, unit, sizeof unit));
    ebim_free(&out);
}

static void the_malloc_layer_does_the_same(void)
{
    static ebim_real x[B * N];
    static outputs all, some;
    ebim_arena a;
    ebim_model m = made(&a, 1, record_sphere);
    points(x);
    CHECK_INT(run(&m, B, x, 15, &all), EBIM_OK);
    CHECK_INT(ebim_gradients(&m, B, x, some.F, some.J, some.E, some.dE), EBIM_OK);
    CHECK(!memcmp(&some, &all, sizeof some));
    CHECK_INT(ebim_gradients(&m, 0, x, some.F, NULL, NULL, NULL), EBIM_ERR_ARG);
}

/* Tasks from the last to the first */
static void backwards(void *user, int count, ebim_task_fn task, void *arg)
{
    ++*(int *)user;
    while (count--) task(arg, count);
}

enum { MANY = 700 }; /* six blocks of 128 lanes, the last with a rest */

typedef struct work_done {
    ebim_real sample[MANY * N], nearest[MANY * N], distance[MANY], energy[MANY];
    unsigned char ok[MANY];
    ebim_clmc_report report;
} work_done;

static void do_work(const ebim_model *m, work_done *w)
{
    static double room[1 << 20];
    ebim_arena a, measure;
    memset(w, 0, sizeof *w);
    ebim_arena_init(&measure, NULL, 0);
    ebim_arena_init(&a, room, sizeof room);
    CHECK_INT(ebim_model_sample(m, &measure, MANY, w->sample, 3, 5, NULL), EBIM_OK);
    CHECK_INT(ebim_model_sample(m, &a, MANY, w->sample, 3, 5, &w->report), EBIM_OK);
    CHECK_INT(a.used, measure.used);
    ebim_arena_init(&a, room, sizeof room);
    CHECK_INT(ebim_model_score(m, &a, MANY, w->sample, w->nearest, w->distance, w->energy, w->ok),
              EBIM_OK);
}

/* Samples and scores are the same bytes for any number of workers, whatever their order. */
static void workers_change_nothing(void)
{
    static const int workers[] = {1, 2, 3, 6, 40};
    static work_done alone, shared;
    ebim_arena a;
    int i, k, calls = 0;
    for (k = 1; k <= 2; k++) {
        ebim_model m = made(&a, k, k == 1 ? record_sphere : record_ring);
        m.parallel.workers = 1;
        do_work(&m, &alone);
        CHECK_INT(alone.report.steps, 3 * MANY);
        CHECK(alone.report.moved > 2 * MANY);
        CHECK(alone.report.rejected > 0);
        CHECK_INT(alone.report.steps,
                  alone.report.moved + alone.report.rejected + alone.report.unsolved +
                      alone.report.astray + alone.report.outside + alone.report.singular);
        m.parallel.run = backwards;
        m.parallel.user = &calls;
        for (i = 0; i < 5; i++) {
            calls = 0;
            m.parallel.workers = workers[i];
            do_work(&m, &shared);
            CHECK_INT(calls, workers[i] > 1 ? 2 : 0); /* the hook was asked */
            CHECK(!memcmp(&shared, &alone, sizeof alone));
        }
    }
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(a_sphere_in_closed_form);
    T_RUN(a_ring_in_closed_form);
    T_RUN(density_gradient_is_tangent);
    T_RUN(gradients_are_differences);
    T_RUN(distance_gradients_are_differences);
    T_RUN(outputs_may_be_left_out);
    T_RUN(lanes_are_on_their_own);
    T_RUN(one_point_behind_a_map);
    T_RUN(mixtures_with_kernels_are_sampled);
    T_RUN(estimates_on_products);
    T_RUN(kernels_off_the_domain);
    T_RUN(what_cannot_be_had_is_refused);
    T_RUN(without_m_nothing_is_found);
    T_RUN(squares_that_overflow_are_no_distance);
    T_RUN(no_root_no_number);
    T_RUN(one_by_one_is_as_together);
    T_RUN(a_stopped_scorer_has_no_scores);
    T_RUN(models_are_combined);
    T_RUN(combinations_are_refused);
    T_RUN(the_malloc_layer_does_the_same);
    T_RUN(workers_change_nothing);
    return T_END();
}
