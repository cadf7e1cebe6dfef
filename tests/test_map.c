/* Networks and compositions of maps: against their definitions, evaluated from the parts. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

enum { N = 3, B = 20 };

static ebim_real real(double x) { return (ebim_real)x; }

static ebim_rng stream(uint64_t number)
{
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, number);
    return r;
}

static double uniform(ebim_rng *r, double lo, double hi)
{
    return lo + (hi - lo) * (double)ebim_rng_uniform(r);
}

static ebim_mlp_desc net(int in, int out)
{
    ebim_mlp_desc d;
    memset(&d, 0, sizeof d);
    d.in = in;
    d.out = out;
    d.layers = 2;
    d.width = 8;
    return d;
}

/* y = f(x) for count points in double; work memory behind what `a` holds. */
static void evaluate(ebim_arena a, const ebim_graph *f, int count, const double *x, double *y)
{
    static ebim_real rx[B * 16], ry[B * 16];
    int i, n = ebim_inputs(f), k = ebim_outputs(f);
    ebim_ws w;
    if (!CHECK_INT(ebim_ws_init(&w, &a, f, 16, 0), EBIM_OK)) return;
    for (i = 0; i < count * n; i++) rx[i] = real(x[i]);
    ebim_eval(&w, count, rx, ry);
    for (i = 0; i < count * k; i++) y[i] = (double)ry[i];
}

/* A net of one layer by hand, to see what the fields of the descriptor mean: SiLU, or with
 * omega > 0 a sine layer. */
static double hand(const ebim_real *theta, int in, int width, double omega, const double *x)
{
    const ebim_real *v = theta + width * (in + 1);
    double y = (double)v[width];
    int i, o;
    for (o = 0; o < width; o++) {
        double a = 0, b = (double)theta[width * in + o];
        for (i = 0; i < in; i++) a += (double)theta[o * in + i] * x[i];
        y += (double)v[o] * (omega > 0 ? sin(omega * a + b) : (a + b) / (1 + exp(-a - b)));
    }
    return y;
}

/* sin(W x), cos(W x) by hand */
static void hand_features(const ebim_real *W, int count, const double *x, double *z)
{
    int i, q;
    for (q = 0; q < count; q++) {
        double a = 0;
        for (i = 0; i < N; i++) a += (double)W[q * N + i] * x[i];
        z[q] = sin(a);
        z[count + q] = cos(a);
    }
}

/* Points exact in float, so that both sides see the same. */
static void draw(ebim_rng *r, int count, double size, double *x)
{
    int i;
    for (i = 0; i < count; i++) x[i] = (double)real(uniform(r, -size, size));
}

/* Layers have outputs of order 1 and condition numbers of a few tens. */
static double slack(double size) { return 256 * T_EPS * (1 + fabs(size)); }

/* ---- networks ---- */

/* The first dense layer, frozen or not */
static const ebim_real *first_dense(const ebim_graph *g, int frozen)
{
    int i;
    for (i = 1; i < g->n_nodes; i++)
        if (g->node[i].op == EBIM__OP_DENSE && g->node[i].frozen == frozen)
            return g->theta + g->node[i].theta;
    return NULL;
}

/* All fields that are independent of each other, in all combinations. */
static void descriptor_means_what_it_says(void)
{
    enum { CENTER = 1, IN_SCALE = 2, SCALE = 4, LIFT = 8, FOURIER = 16, SINE = 32, Q = 4 };
    const double center[N] = {0.5, -1.25, 2};
    double x[B * N], y[B], z[N], u[2 * Q + 1], in, out, square;
    ebim_rng r = stream(1);
    int trial, b, i, size;
    for (trial = 0; trial < 64; trial++) {
        ebim_mlp_desc d = net(N, 1);
        ebim_arena a = arena();
        ebim_graph g;
        d.layers = 1;
        d.center = trial & CENTER ? center : NULL;
        in = d.in_scale = trial & IN_SCALE ? 0.75 : 0;
        out = d.scale = trial & SCALE ? -3 : 0;
        d.lift = trial & LIFT ? 0.375 : 0;
        d.fourier = trial & FOURIER ? Q : 0;
        if (trial & SINE) d.fn = EBIM_FN_SINE, d.omega = 2.5;
        if (in == 0) in = 1;
        if (out == 0) out = 1;
        if (!CHECK_INT(ebim_mlp(&g, &a, &d, 7), EBIM_OK)) return;
        CHECK_INT(ebim_inputs(&g), N);
        CHECK_INT(ebim_outputs(&g), 1);
        draw(&r, B * N, 2, x);
        evaluate(a, &g, B, x, y);
        for (b = 0; b < B; b++) {
            for (i = 0, square = 0; i < N; i++) {
                z[i] = x[b * N + i] - (trial & CENTER ? center[i] : 0);
                square += z[i] * z[i];
                u[i] = z[i] *= in;
            }
            size = trial & FOURIER ? 2 * Q : N;
            if (trial & FOURIER) hand_features(first_dense(&g, 1), Q, z, u);
            if (trial & LIFT) u[size++] = 0.375 * square;
            CHECK_NEAR(y[b], out * hand(first_dense(&g, 0), size, 8, trial & SINE ? 2.5 : 0, u),
                       8 * slack(3));
        }
    }
}

static void defaults_are_as_documented(void)
{
    ebim_mlp_desc d = net(N, 2);
    ebim_arena a = arena();
    ebim_graph g, h;
    int i;
    d.layers = d.width = 0;
    if (!CHECK_INT(ebim_mlp(&g, &a, &d, 1), EBIM_OK)) return;
    CHECK_INT(g.n_nodes, 2 + 4); /* input, three layers, output; node 0 is none */
    CHECK_INT(g.n_theta, 32 * (N + 1) + 2 * 32 * 33 + 2 * 33);
    for (i = 2; i < 5; i++) CHECK(g.node[i].fn == EBIM_FN_SILU && g.node[i].size == 32);
    CHECK(g.node[5].fn == EBIM_FN_IDENTITY && g.node[5].size == 2);
    d.layers = 3;
    d.width = 32;
    d.fn = EBIM_FN_SILU;
    if (!CHECK_INT(ebim_mlp(&h, &a, &d, 1), EBIM_OK)) return;
    CHECK(!memcmp(g.theta, h.theta, (size_t)g.n_theta * sizeof *g.theta));
    d.fn = EBIM_FN_TANH;
    CHECK_INT(ebim_mlp(&h, &a, &d, 1), EBIM_OK);
    CHECK(h.node[2].fn == EBIM_FN_TANH && h.node[5].fn == EBIM_FN_IDENTITY);
    d.fn = EBIM_FN_SINE;
    CHECK_INT(ebim_mlp(&g, &a, &d, 1), EBIM_OK);
    d.omega = 30;
    CHECK_INT(ebim_mlp(&h, &a, &d, 1), EBIM_OK);
    CHECK_INT(g.n_nodes, 2 + 7);
    CHECK(!memcmp(g.theta, h.theta, (size_t)g.n_theta * sizeof *g.theta));
    d.omega = 0;
    d.fourier = 5;
    CHECK_INT(ebim_mlp(&g, &a, &d, 1), EBIM_OK);
    d.fourier_scale = 1;
    CHECK_INT(ebim_mlp(&h, &a, &d, 1), EBIM_OK);
    CHECK(!memcmp(g.theta, h.theta, (size_t)g.n_theta * sizeof *g.theta));
}

/* U(-bound, bound): bound, mean and variance (5 standard deviations, false alarm 6e-7 each), and no
 * gap wide enough to hide a wrong factor: the largest of n uniforms exceeds 1 - 30/n but for
 * exp(-30). */
static void check_uniform(int count, const ebim_real *theta, double bound)
{
    double sum = 0, square = 0, top = 0, n = count;
    int q;
    for (q = 0; q < count; q++) {
        double t = (double)theta[q] / bound;
        CHECK(fabs(t) <= 1 + 4 * T_EPS);
        sum += t;
        square += t * t;
        top = fabs(t) > top ? fabs(t) : top;
    }
    CHECK_NEAR(sum / sqrt(n / 3), 0, 5);
    CHECK_NEAR((square - n / 3) / sqrt(n * 4 / 45), 0, 5);
    CHECK(top > 1 - 30 / n);
}

static void init_is_uniform(void)
{
    ebim_mlp_desc d = net(5, 3);
    ebim_arena a = arena();
    ebim_graph g;
    int i;
    d.width = 48;
    if (!CHECK_INT(ebim_mlp(&g, &a, &d, (uint64_t)T_SEED), EBIM_OK)) return;
    for (i = 2; i < g.n_nodes; i++)
        check_uniform(g.node[i].n_theta, g.theta + g.node[i].theta,
                      1 / sqrt(g.node[g.node[i].a].size));
}

/* Weights and biases of sine layers, and the factor before each. */
static void sine_layers_start_as_documented(void)
{
    ebim_mlp_desc d = net(5, 40);
    ebim_arena a = arena();
    ebim_graph g;
    int i, layer = 0;
    d.fn = EBIM_FN_SINE;
    d.width = 48;
    d.layers = 3;
    d.omega = 12;
    if (!CHECK_INT(ebim_mlp(&g, &a, &d, (uint64_t)T_SEED), EBIM_OK)) return;
    for (i = 2; i < g.n_nodes; i++) {
        const ebim__node *nd = &g.node[i];
        const ebim_real *W = g.theta + nd->theta;
        int weights = nd->n_theta - nd->size;
        double bound = layer ? sqrt(6.0 / 48) / 12 : 1.0 / 5;
        if (nd->op != EBIM__OP_DENSE) {
            CHECK_NEAR(W[0], 12, 0);
            continue;
        }
        layer++;
        check_uniform(weights, W, bound);
        check_uniform(nd->size, W + weights, layer < 4 ? acos(-1.0) : bound);
    }
    CHECK_INT(layer, 4);
}

/* ---- random Fourier features ---- */

typedef struct features {
    int count;
    double scale;
    uint64_t seed;
} features;

static ebim_ref record_features(ebim_graph *g, ebim_ref x, void *user)
{
    const features *f = (const features *)user;
    return ebim_fourier(g, x, f->count, f->scale, f->seed);
}

/* Frequencies are normal, a function of the seed, and frozen; the features are their sines and
 * cosines. 5 standard deviations of a mean, of a variance and of a fourth moment. */
static void features_are_sines_of_normals(void)
{
    enum { Q = 2000 };
    static ebim_real first[Q * N];
    static double z[2 * Q];
    features f = {Q, 2.5, 0};
    double x[N] = {0.5, -0.25, 0.75}, y[2 * Q], sum = 0, square = 0, fourth = 0, n = Q * N;
    ebim_graph g;
    int i, trial;
    f.seed = (uint64_t)T_SEED;
    for (trial = 0; trial < 3; trial++) {
        ebim_arena a = arena();
        if (trial == 2) f.seed++;
        if (!CHECK_INT(ebim_record(&g, &a, N, record_features, &f), EBIM_OK)) return;
        CHECK_INT(!memcmp(first, g.theta, sizeof first), trial == 1);
        if (trial == 0) memcpy(first, g.theta, sizeof first);
    }
    for (i = 0; i < Q * N; i++) {
        double t = (double)g.theta[i] / 2.5;
        sum += t;
        square += t * t;
        fourth += t * t * t * t;
    }
    CHECK_NEAR(sum / sqrt(n), 0, 5);
    CHECK_NEAR((square - n) / sqrt(2 * n), 0, 5);
    CHECK_NEAR((fourth - 3 * n) / sqrt(96 * n), 0, 5);
    ebim_init_theta(&g, 1);
    for (i = 0; i < 8; i++) { /* a few at a time: evaluate has room for 16 outputs */
        ebim_arena a = arena();
        f.count = 8;
        f.seed = (uint64_t)(T_SEED + 10) + (uint64_t)i;
        if (!CHECK_INT(ebim_record(&g, &a, N, record_features, &f), EBIM_OK)) return;
        ebim_init_theta(&g, 1); /* has nothing to initialise */
        hand_features(g.theta, 8, x, z);
        evaluate(a, &g, 1, x, y);
        for (trial = 0; trial < 16; trial++) CHECK_NEAR(y[trial], z[trial], 64 * T_EPS);
    }
}

/* sum z(x) z(y) / count is a mean of cos(b'(x - y)), whose mean is K = exp(-scale^2 d^2 / 2) and
 * whose variance (1 - K^2)^2 / 2. 5 standard deviations at 20 distances: false alarm 1e-5. */
static void features_approximate_the_gaussian_kernel(void)
{
    enum { Q = 600 };
    static ebim_real x[2 * N], z[4 * Q];
    features f = {Q, 1.7, 0};
    ebim_rng r = stream(21);
    ebim_arena a = arena();
    ebim_graph g;
    ebim_ws w;
    int trial, i;
    f.seed = (uint64_t)T_SEED + 5;
    if (!CHECK_INT(ebim_record(&g, &a, N, record_features, &f), EBIM_OK)) return;
    if (!CHECK_INT(ebim_ws_init(&w, &a, &g, 16, 0), EBIM_OK)) return;
    for (trial = 0; trial < 20; trial++) {
        double d2 = 0, sum = 0, K;
        for (i = 0; i < N; i++) {
            x[i] = real(uniform(&r, -1, 1));
            x[N + i] = real((double)x[i] + uniform(&r, -0.1, 0.1) * (trial + 1) / 2);
            d2 += pow((double)x[i] - (double)x[N + i], 2);
        }
        ebim_eval(&w, 2, x, z);
        for (i = 0; i < 2 * Q; i++) sum += (double)z[i] * (double)z[2 * Q + i];
        K = exp(-1.7 * 1.7 * d2 / 2);
        CHECK_NEAR(sum / Q, K, 5 * (1 - K * K) / sqrt(2.0 * Q) + 64 * T_EPS);
    }
}

/* A model with both comes back from its file as it was. */
static void features_and_sines_are_saved(void)
{
    static unsigned char file[1 << 15];
    static double box[4] = {-1, -1, 1, 1};
    ebim_mlp_desc d = net(2, 1);
    ebim_arena a = arena();
    ebim_model m, back;
    size_t size;
    memset(&m, 0, sizeof m);
    d.fourier = 6;
    d.fn = EBIM_FN_SINE;
    CHECK_INT(ebim_mlp(&m.F, &a, &d, 1), EBIM_OK);
    CHECK_INT(ebim_mlp(&m.E, &a, &d, 2), EBIM_OK);
    m.n = 2;
    m.m = m.k = m.has_energy = 1;
    m.unit = 1;
    m.lo = box;
    m.hi = box + 2;
    size = ebim_save_bytes(&m);
    if (!CHECK(size > 0 && size <= sizeof file)) return;
    CHECK_INT(ebim_save(&m, file, size), EBIM_OK);
    if (!CHECK_INT(ebim_load(&back, &a, file, size), EBIM_OK)) return;
    CHECK_INT(back.F.n_nodes, m.F.n_nodes);
    CHECK(!memcmp(back.F.node, m.F.node, (size_t)m.F.n_nodes * sizeof *m.F.node));
    CHECK(!memcmp(back.F.theta, m.F.theta, (size_t)m.F.n_theta * sizeof *m.F.theta));
    CHECK(!memcmp(back.E.theta, m.E.theta, (size_t)m.E.n_theta * sizeof *m.E.theta));
    CHECK(memcmp(first_dense(&m.F, 1), first_dense(&m.E, 1), 12 * sizeof(ebim_real)) != 0);
}

static void init_is_deterministic(void)
{
    ebim_mlp_desc d = net(N, 2);
    ebim_arena a = arena();
    ebim_graph g, h;
    size_t bytes;
    CHECK_INT(ebim_mlp(&g, &a, &d, (uint64_t)T_SEED), EBIM_OK);
    CHECK_INT(ebim_mlp(&h, &a, &d, (uint64_t)T_SEED), EBIM_OK);
    bytes = (size_t)g.n_theta * sizeof *g.theta;
    CHECK(g.theta != h.theta && !memcmp(g.theta, h.theta, bytes));
    ebim_init_theta(&h, (uint64_t)T_SEED + 1);
    CHECK(memcmp(g.theta, h.theta, bytes) != 0);
    CHECK(g.theta[0] < h.theta[0] || g.theta[0] > h.theta[0]);
    ebim_init_theta(&h, (uint64_t)T_SEED);
    CHECK(!memcmp(g.theta, h.theta, bytes));
}

static ebim_ref record_frozen(ebim_graph *g, ebim_ref x, void *user)
{
    static const double w[6] = {1, 2, 3, 4, 5, 6};
    const ebim_graph *f = (const ebim_graph *)user;
    x = ebim_affine(g, ebim_inline(g, f, ebim_matrix(g, x, 2, w), 1), w, 2);
    return ebim_add(g, ebim_dense(g, x, 1, EBIM_FN_TANH), ebim_constant(g, 1, w));
}

/* Frozen parameters and constants are never initialised over. */
static void init_spares_what_is_frozen(void)
{
    ebim_mlp_desc d = net(2, 2);
    ebim_real before[512];
    ebim_arena a = arena();
    ebim_graph f, g;
    int i, q;
    CHECK_INT(ebim_mlp(&f, &a, &d, 1), EBIM_OK);
    if (!CHECK_INT(ebim_record(&g, &a, N, record_frozen, &f), EBIM_OK)) return;
    memcpy(before, g.theta, (size_t)g.n_theta * sizeof *before);
    ebim_init_theta(&g, 3);
    for (i = 2; i < g.n_nodes; i++)
        for (q = g.node[i].theta; q < g.node[i].theta + g.node[i].n_theta; q++)
            CHECK((g.theta[q] < before[q] || g.theta[q] > before[q]) == !g.node[i].frozen);
}

static void bad_nets_are_refused(void)
{
    static const struct {
        int in, out, layers, width, fn;
        ebim_result why;
    } bad[] = {
        {0, 1, 2, 8, 0, EBIM_ERR_SHAPE},  {-1, 1, 2, 8, 0, EBIM_ERR_SHAPE},
        {3, 0, 2, 8, 0, EBIM_ERR_SHAPE},  {3, -2, 2, 8, 0, EBIM_ERR_SHAPE},
        {3, 1, 2, -8, 0, EBIM_ERR_SHAPE}, {3, 1, 2, INT_MAX, 0, EBIM_ERR_SHAPE},
        {3, 1, 200, 8, 0, EBIM_ERR_NODES}, {3, 1, 2, 8, EBIM_FN_POW, EBIM_ERR_ARG},
        {3, 1, 2, 8, EBIM__FN_COUNT, EBIM_ERR_ARG}, {3, 1, 2, 8, -1, EBIM_ERR_ARG},
    };
    size_t q;
    for (q = 0; q < sizeof bad / sizeof bad[0]; q++) {
        ebim_mlp_desc d = net(bad[q].in, bad[q].out);
        ebim_arena a = arena();
        ebim_graph g;
        d.layers = bad[q].layers;
        d.width = bad[q].width;
        d.fn = (ebim_fn)bad[q].fn;
        CHECK_INT(ebim_mlp(&g, &a, &d, 1), bad[q].why);
        CHECK(a.used == 0);
    }
    for (q = 0; q < 3; q++) {
        ebim_mlp_desc d = net(3, 1);
        ebim_arena a = arena();
        ebim_graph g;
        if (q == 0) d.fourier = -1;
        if (q == 1) d.fourier = INT_MAX;
        if (q == 2) d.omega = -1;
        CHECK_INT(ebim_mlp(&g, &a, &d, 1), q < 2 ? EBIM_ERR_SHAPE : EBIM_ERR_ARG);
        CHECK(a.used == 0);
    }
}

/* ---- compositions ---- */

typedef struct pair {
    ebim_arena a;
    ebim_graph f1, f2;
    double x[B * N], y1[B * 4], y2[B * 4];
} pair;

static int make_pair(pair *p, int k1, int k2, uint64_t number)
{
    ebim_mlp_desc d1 = net(N, k1), d2 = net(N, k2);
    ebim_rng r = stream(number);
    p->a = arena();
    d2.fn = EBIM_FN_TANH;
    d2.in_scale = 0.5;
    draw(&r, B * N, 2, p->x);
    if (!CHECK_INT(ebim_mlp(&p->f1, &p->a, &d1, number), EBIM_OK) ||
        !CHECK_INT(ebim_mlp(&p->f2, &p->a, &d2, number + 1), EBIM_OK))
        return 0;
    evaluate(p->a, &p->f1, B, p->x, p->y1);
    evaluate(p->a, &p->f2, B, p->x, p->y2);
    return 1;
}

/* Composed maps own copies: training them leaves their parts alone. */
static void check_copied(pair *p, const ebim_graph *g)
{
    double again[B * 4];
    int i;
    for (i = 0; i < g->n_theta; i++) g->theta[i] = real(0.25);
    evaluate(p->a, &p->f1, B, p->x, again);
    for (i = 0; i < B * ebim_outputs(&p->f1); i++) CHECK_NEAR(again[i], p->y1[i], 0);
}

/* G(x) = F(x - shift): the zero set moves by +shift. */
static void shift_moves_forward(void)
{
    const double shift[N] = {0.5, -2, 1.25};
    static pair p;
    double moved[B * N], y[B * 2];
    ebim_graph g;
    int i;
    if (!make_pair(&p, 2, 1, 20)) return;
    if (!CHECK_INT(ebim_map_affine(&g, &p.a, &p.f1, shift, 1, 1), EBIM_OK)) return;
    for (i = 0; i < B * N; i++) moved[i] = (double)real(p.x[i] + shift[i % N]);
    evaluate(p.a, &g, B, moved, y);
    for (i = 0; i < B * 2; i++) CHECK_NEAR(y[i], p.y1[i], slack(p.y1[i]));
    check_copied(&p, &g);
    CHECK_INT(ebim_map_affine(&g, &p.a, &p.f1, NULL, 1, 1), EBIM_OK); /* by nothing */
    evaluate(p.a, &g, B, p.x, y);
    for (i = 0; i < B * 2; i++) CHECK_NEAR(y[i], p.y1[i], 0);
}

static void scale_is_inside_and_outside(void)
{
    static pair p;
    double inner[B * N], y[B * 2];
    ebim_graph g;
    int i;
    if (!make_pair(&p, 2, 1, 22)) return;
    if (!CHECK_INT(ebim_map_affine(&g, &p.a, &p.f1, NULL, 0.5, -3), EBIM_OK)) return;
    for (i = 0; i < B * N; i++) inner[i] = 2 * p.x[i];
    evaluate(p.a, &g, B, inner, y);
    for (i = 0; i < B * 2; i++) CHECK_NEAR(y[i], -3 * p.y1[i], 3 * slack(p.y1[i]));
    check_copied(&p, &g);
}

static void product_is_the_union(void)
{
    static pair p;
    double y[B];
    ebim_graph g;
    int i;
    if (!make_pair(&p, 1, 1, 24)) return;
    if (!CHECK_INT(ebim_map_product(&g, &p.a, &p.f1, &p.f2), EBIM_OK)) return;
    CHECK_INT(ebim_outputs(&g), 1);
    evaluate(p.a, &g, B, p.x, y);
    for (i = 0; i < B; i++) CHECK_NEAR(y[i], p.y1[i] * p.y2[i], slack(p.y1[i] * p.y2[i]));
    check_copied(&p, &g);
}

static void concat_is_the_intersection(void)
{
    static pair p;
    double y[B * 3];
    ebim_graph g;
    int b;
    if (!make_pair(&p, 2, 1, 26)) return;
    if (!CHECK_INT(ebim_map_concat(&g, &p.a, &p.f1, &p.f2), EBIM_OK)) return;
    CHECK_INT(ebim_outputs(&g), 3);
    evaluate(p.a, &g, B, p.x, y);
    for (b = 0; b < B; b++) {
        CHECK_NEAR(y[3 * b], p.y1[2 * b], 0);
        CHECK_NEAR(y[3 * b + 1], p.y1[2 * b + 1], 0);
        CHECK_NEAR(y[3 * b + 2], p.y2[b], 0);
    }
    check_copied(&p, &g);
}

static void energies_add(void)
{
    static pair p;
    double y[B];
    ebim_graph g;
    int b;
    if (!make_pair(&p, 1, 1, 28)) return;
    if (!CHECK_INT(ebim_energy_sum(&g, &p.a, &p.f1, &p.f2), EBIM_OK)) return;
    evaluate(p.a, &g, B, p.x, y);
    for (b = 0; b < B; b++) CHECK_NEAR(y[b], p.y1[b] + p.y2[b], slack(p.y1[b] + p.y2[b]));
    check_copied(&p, &g);
}

/* A composition is a graph like others: (F1 F2)(x / 2 - c) and (F1, F2) once more. */
static void compositions_nest(void)
{
    const double shift[N] = {1, 0.5, -0.25};
    static pair p;
    double inner[B * N], y[B * 2];
    ebim_graph product, moved, small, both;
    int i;
    if (!make_pair(&p, 1, 1, 30)) return;
    CHECK_INT(ebim_map_product(&product, &p.a, &p.f1, &p.f2), EBIM_OK);
    CHECK_INT(ebim_map_affine(&moved, &p.a, &product, shift, 1, 1), EBIM_OK);
    CHECK_INT(ebim_map_affine(&small, &p.a, &moved, NULL, 0.5, 1), EBIM_OK);
    CHECK_INT(ebim_map_concat(&both, &p.a, &small, &small), EBIM_OK);
    for (i = 0; i < B * N; i++) inner[i] = (double)real(2 * (p.x[i] + shift[i % N]));
    evaluate(p.a, &both, B, inner, y);
    for (i = 0; i < B * 2; i++) {
        double want = p.y1[i / 2] * p.y2[i / 2];
        CHECK_NEAR(y[i], want, 4 * slack(want));
    }
}

/* ---- mixtures ---- */

static ebim_ref record_coordinate(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_slice(g, x, *(const int *)user, 1);
}

/* E1(x) = x0, E2(x) = x1: any two energies can be asked for. */
static int make_mixture(ebim_arena *a, ebim_graph *g, double w)
{
    ebim_graph e[2];
    int i;
    for (i = 0; i < 2; i++)
        if (!CHECK_INT(ebim_record(&e[i], a, 2, record_coordinate, &i), EBIM_OK)) return 0;
    return CHECK_INT(ebim_energy_mixture(g, a, &e[0], &e[1], w), EBIM_OK);
}

/* -log(w e^-u + (1 - w) e^-v) and the share of the first, through the smaller exponent. */
static double mixture(double w, double u, double v, double *share)
{
    double a = u - log(w), b = v - log1p(-w), low = a < b ? a : b;
    double pa = exp(low - a), pb = exp(low - b);
    *share = pa / (pa + pb);
    return low - log(pa + pb);
}

static void mixture_is_log_sum_exp(void)
{
    static const double weights[] = {0.5, 0.1, 0.999, 1e-6, 1e-30, 1 - 1e-12};
    static const double energies[] = {0, 1, -2.5, 30, -300, 1e4, -1e30, 1e30, 1e-20};
    const int ne = sizeof energies / sizeof *energies, nw = sizeof weights / sizeof *weights;
    int q, i, j;
    for (q = 0; q < nw; q++) {
        ebim_arena a = arena();
        ebim_graph g;
        ebim_ws w;
        if (!make_mixture(&a, &g, weights[q])) return;
        if (!CHECK_INT(ebim_ws_init(&w, &a, &g, 1, 0), EBIM_OK)) return;
        for (i = 0; i < ne; i++)
            for (j = 0; j < ne; j++) {
                ebim_real x[2], y, one = 1, slope[2];
                double share, want, size, la = fabs(log(weights[q]));
                x[0] = real(energies[i]);
                x[1] = real(energies[j]);
                want = mixture(weights[q], (double)x[0], (double)x[1], &share);
                size = 1 + la + fabs((double)x[0]) + fabs((double)x[1]);
                ebim_eval(&w, 1, x, &y);
                CHECK_NEAR(y, want, 4 * T_EPS * (1 + la + fabs(want)));
                ebim_eval_vjp(&w, 1, x, &one, slope);
                if (size < 1e3) { /* the argument of the logistic loses size * eps */
                    CHECK_NEAR(slope[0], share, 4 * T_EPS * size);
                    CHECK_NEAR(slope[1], 1 - share, 4 * T_EPS * size);
                } else if (fabs((double)x[0] - (double)x[1]) > 1e3) {
                    CHECK_NEAR(slope[0], x[0] < x[1], 4 * T_EPS);
                    CHECK_NEAR(slope[1], x[0] > x[1], 4 * T_EPS);
                }
            }
    }
}

#ifndef __FAST_MATH__
static ebim_real infinity_(void)
{
    volatile uint64_t bits = UINT64_C(0x7ff0000000000000);
    volatile uint32_t bits32 = 0x7f800000u;
    uint64_t b = bits;
    uint32_t b32 = bits32;
    ebim_real x;
    memcpy(&x, sizeof x == 8 ? (const void *)&b : (const void *)&b32, sizeof x);
    return x;
}
#endif

/* A density of 0 on one side leaves the other. */
static void mixture_with_an_infinite_energy(void)
{
#ifdef __FAST_MATH__
    T_SKIP("arithmetic with infinities is undefined under -ffast-math");
#else
    ebim_real x[2][2], y[2];
    ebim_arena a = arena();
    ebim_graph g;
    ebim_ws w;
    x[0][0] = x[1][1] = infinity_();
    x[0][1] = x[1][0] = 3;
    if (!make_mixture(&a, &g, 0.25)) return;
    CHECK_INT(ebim_ws_init(&w, &a, &g, 2, 0), EBIM_OK);
    ebim_eval(&w, 2, &x[0][0], y);
    CHECK_NEAR(y[0], 3 - log(0.75), 8 * T_EPS);
    CHECK_NEAR(y[1], 3 - log(0.25), 8 * T_EPS);
#endif
}

/* ---- refusals ---- */

static void wrong_operands_are_refused(void)
{
    const double shift[N] = {0}, weights[] = {0, 1, -0.5, 1.5, -HUGE_VAL};
    ebim_mlp_desc d = net(2, 1);
    static pair p;
    ebim_graph g, other, failed;
    ebim_arena a;
    size_t q;
    if (!make_pair(&p, 1, 2, 40)) return;
    CHECK_INT(ebim_mlp(&other, &p.a, &d, 1), EBIM_OK);
    a = p.a;
    CHECK_INT(ebim_map_product(&g, &a, &p.f1, &p.f2), EBIM_ERR_SHAPE); /* outputs */
    CHECK_INT(ebim_map_product(&g, &a, &p.f2, &p.f1), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_map_product(&g, &a, &p.f2, &p.f2), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_energy_sum(&g, &a, &p.f1, &p.f2), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_energy_sum(&g, &a, &p.f2, &p.f2), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_energy_mixture(&g, &a, &p.f1, &p.f2, 0.5), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_energy_mixture(&g, &a, &p.f2, &p.f2, 0.5), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_map_product(&g, &a, &p.f1, &other), EBIM_ERR_SHAPE); /* inputs */
    CHECK_INT(ebim_map_concat(&g, &a, &p.f1, &other), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_energy_sum(&g, &a, &other, &p.f1), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_energy_mixture(&g, &a, &p.f1, &other, 0.5), EBIM_ERR_SHAPE);
    for (q = 0; q < sizeof weights / sizeof weights[0]; q++)
        CHECK_INT(ebim_energy_mixture(&g, &a, &p.f1, &p.f1, weights[q]), EBIM_ERR_ARG);
    failed = p.f1;
    failed.failed = EBIM_ERR_NODES;
    CHECK_INT(ebim_map_affine(&g, &a, &failed, shift, 1, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_map_product(&g, &a, &p.f1, &failed), EBIM_ERR_ARG);
    CHECK_INT(ebim_map_concat(&g, &a, &failed, &p.f1), EBIM_ERR_ARG);
    CHECK(a.used == p.a.used);
    CHECK_INT(ebim_map_concat(&g, &a, &p.f1, &p.f2), EBIM_OK);
}

/* Doubling a map until its nodes are too many. */
static void too_large_a_composition_is_refused(void)
{
    static pair p;
    ebim_graph g[2];
    ebim_result r = EBIM_OK;
    int i;
    if (!make_pair(&p, 1, 1, 42)) return;
    g[0] = p.f1;
    for (i = 0; i < 10 && !r; i++) {
        r = ebim_map_product(&g[1], &p.a, &g[0], &g[0]);
        if (!r) g[0] = g[1];
    }
    CHECK_INT(r, EBIM_ERR_NODES);
    CHECK(i > 2);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(descriptor_means_what_it_says);
    T_RUN(defaults_are_as_documented);
    T_RUN(init_is_uniform);
    T_RUN(sine_layers_start_as_documented);
    T_RUN(features_are_sines_of_normals);
    T_RUN(features_approximate_the_gaussian_kernel);
    T_RUN(features_and_sines_are_saved);
    T_RUN(init_is_deterministic);
    T_RUN(init_spares_what_is_frozen);
    T_RUN(bad_nets_are_refused);
    T_RUN(shift_moves_forward);
    T_RUN(scale_is_inside_and_outside);
    T_RUN(product_is_the_union);
    T_RUN(concat_is_the_intersection);
    T_RUN(energies_add);
    T_RUN(compositions_nest);
    T_RUN(mixture_is_log_sum_exp);
    T_RUN(mixture_with_an_infinite_energy);
    T_RUN(wrong_operands_are_refused);
    T_RUN(too_large_a_composition_is_refused);
    return T_END();
}
