/* Baselines of examples/common/baselines.h: gradients, known laws, and the density of eq. 2. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include "../examples/common/baselines.h"
#include "../examples/common/nets.h"
#include "../examples/common/synth.h"
#include "t.h"

static ebim_arena room(void **mem)
{
    enum { BYTES = 1 << 26 };
    ebim_arena a;
    *mem = malloc(BYTES);
    ebim_arena_init(&a, *mem, BYTES);
    return a;
}

/* The gradients of the loss, plain and variational, against differences of it (double only: in
 * float differences of a mean have too few digits). */
static void autoencoder_gradients(void)
{
    enum { N = 20 };
    ebim_real x[2 * N], grad[2000], *noise;
    autoencoder t;
    autoencoder_desc d;
    ebim_ws g, f;
    ebim_rng r;
    void *mem;
    ebim_arena a = room(&mem);
    int rep, k, i;
    double h = 1e-5;
    if (sizeof(ebim_real) < 8) {
        free(mem);
        T_SKIP("needs double");
    }
    ebim_rng_init(&r, T_SEED, 0);
    for (i = 0; i < 2 * N; i++) x[i] = ebim_rng_normal(&r);
    for (rep = 0; rep < 2; rep++) {
        memset(&d, 0, sizeof d);
        d.layers = 2;
        d.width = 8;
        d.batch = N;
        d.steps = 1;
        d.beta = rep ? 0.3 : 0;
        d.seed = T_SEED;
        CHECK_INT(autoencoder_train(&t, 2, 1, N, x, &d, &a, NULL), EBIM_OK);
        ebim_ws_init(&g, &a, &t.g, N, 0);
        ebim_ws_init(&f, &a, &t.f, N, 0);
        noise = (ebim_real *)ebim_arena_push(&a, (size_t)g.stride, sizeof *noise);
        if (!CHECK(!a.failed && t.g.n_theta + t.f.n_theta < 2000)) return;
        memset(grad, 0, sizeof grad);
        ebim_rng_init(&r, T_SEED, 1);
        autoencoder__gradient(&g, &f, 1, N, x, d.beta, &r, noise, grad, grad + t.g.n_theta);
        for (k = 0; k < t.g.n_theta + t.f.n_theta; k += 7) {
            ebim_real *theta = k < t.g.n_theta ? t.g.theta + k : t.f.theta + k - t.g.n_theta;
            ebim_real was = *theta, unused[2000];
            double v[2];
            for (i = 0; i < 2; i++) {
                *theta = was + (ebim_real)(i ? h : -h);
                ebim_rng_init(&r, T_SEED, 1); /* the same noise */
                v[i] = autoencoder__gradient(&g, &f, 1, N, x, d.beta, &r, noise, unused, unused);
            }
            *theta = was;
            CHECK_NEAR(grad[k], (v[1] - v[0]) / (2 * h), 1e-8);
        }
    }
    free(mem);
}

/* The gradient of mean sign E + magnitude E^2 against differences of it, in double */
static void energy_gradients(void)
{
    enum { N = 20 };
    ebim_real x[N], E[N], grad[500];
    ebim_mlp_desc net;
    ebim_graph g;
    ebim_ws w;
    void *mem;
    ebim_arena a = room(&mem);
    int i, k, side;
    memset(&net, 0, sizeof net);
    net.in = net.out = net.layers = 1;
    net.width = 8;
    memset(grad, 0, sizeof grad);
    for (i = 0; i < N; i++) x[i] = (ebim_real)(0.1 * i - 1);
    ebim_mlp(&g, &a, &net, T_SEED);
    ebim_ws_init(&w, &a, &g, N, 0);
    if (CHECK(!a.failed && g.n_theta < 500)) ebm__gradient(&w, N, x, -1, 0.3, grad);
    for (k = 0; k < g.n_theta && sizeof *x == 8; k++) {
        ebim_real was = g.theta[k];
        double v[2] = {0, 0};
        for (side = 0; side < 2; side++) {
            g.theta[k] = was + (ebim_real)(side ? 1e-5 : -1e-5);
            ebim_eval(&w, N, x, E);
            for (i = 0; i < N; i++)
                v[side] += (0.3 * (double)E[i] * (double)E[i] - (double)E[i]) / N;
        }
        g.theta[k] = was;
        CHECK_NEAR(grad[k], (v[1] - v[0]) / 2e-5, 1e-8);
    }
    free(mem);
}

/* One output's sum over some points, with weights as they are when the power method has ended */
static double of_norms(spectral *s, ebim_ws *w, const ebim_real *x, ebim_real *y)
{
    double sum = 0;
    int i;
    for (i = 0; i < 100; i++) spectral_apply(s);
    ebim_eval(w, 5, x, y);
    for (i = 0; i < 5; i++) sum += (double)y[i];
    return sum;
}

/* Layers whose largest singular value is known have norm 1 then; the gradient by what is trained
 * against differences, in double. */
static void layers_have_norm_one(void)
{
    enum { N = 5 };
    ebim_real x[2 * N], y[N], grad[500];
    ebim_mlp_desc net;
    ebim_tensor W, b;
    ebim_graph g;
    spectral s;
    ebim_ws w;
    void *mem;
    ebim_arena a = room(&mem);
    int i, l, k;
    memset(&net, 0, sizeof net);
    net.in = 2;
    net.out = net.layers = 1;
    net.width = 6;
    ebim_mlp(&g, &a, &net, T_SEED);
    for (k = 1; k < g.n_nodes && ebim_weights(&g, k, &W, &b); k++) continue;
    for (i = 0; i < 12; i++) W.data[i] = i % 2 ? 0 : 3; /* norm 3 sqrt 6, and a column of zeros */
    W.data[1] = 1;
    if (!CHECK_INT(spectral_init(&s, &g, &a), EBIM_OK) || !CHECK_INT(s.layers, 2)) return;
    for (i = 0; i < 100; i++) spectral_apply(&s);
    /* W'W = (54, 3; 3, 1) */
    CHECK_NEAR(s.layer[0].norm, sqrt(27.5 + sqrt(26.5 * 26.5 + 9)), 40 * T_EPS);
    CHECK_NEAR(W.data[0], 3 / s.layer[0].norm, 4 * T_EPS);
    ebim_ws_init(&w, &a, &g, N, 0);
    for (i = 0; i < 2 * N; i++) x[i] = (ebim_real)(0.3 * i - 1);
    if (!CHECK(!a.failed && g.n_theta < 500)) return;
    memset(grad, 0, sizeof grad);
    for (i = 0; i < 2; i++)
        for (l = 0; l < N; l++) ebim_ws_x(&w)[i * w.stride + l] = x[2 * l + i];
    ebim_forward(&w, N, 1);
    for (l = 0; l < w.lanes; l++) ebim_ws_yg(&w, 0)[l] = l < N;
    ebim_backward(&w, 0, grad);
    spectral_gradient(&s, grad);
    for (k = 0; k < g.n_theta && sizeof *x == 8; k++) {
        ebim_real was = s.raw[k];
        double v[2];
        for (i = 0; i < 2; i++) {
            s.raw[k] = was + (ebim_real)(i ? 1e-5 : -1e-5);
            v[i] = of_norms(&s, &w, x, y);
        }
        s.raw[k] = was;
        CHECK_NEAR(grad[k], (v[1] - v[0]) / 2e-5, 1e-8);
    }
    free(mem);
}

/* The nets of the paper's images: shapes, and sizes counted by hand */
static void conv28(void)
{
    int m = 16;
    ebim_graph g, f;
    void *mem;
    ebim_arena a = room(&mem);
    CHECK_INT(ebim_record(&g, &a, 784, nets_encoder, &m), EBIM_OK);
    CHECK_INT(ebim_record(&f, &a, m, nets_decoder, NULL), EBIM_OK);
    CHECK_INT(ebim_outputs(&g), 16);
    CHECK_INT(ebim_outputs(&f), 784);
    CHECK_INT(g.n_theta, 32 * 10 + 64 * 289 + 64 * 577 + 128 * 577 + 1024 * 2049 + 16 * 1025);
    CHECK_INT(f.n_theta, 16 * 16 * 128 + 128 + 128 * 9 * 64 + 64 + 64 * 9 * 64 + 64 + 64 * 9 * 32 +
                             32 + 32 * 9 + 1);
    free(mem);
}

/* Long chains at temperature 1 and a weak magnitude term: the moments of a normal law come back. */
static void an_energy_learns_a_normal_law(void)
{
    enum { N = 1000 };
    static const double lo[1] = {-4}, hi[1] = {4};
    static ebim_real x[N];
    ebim_mlp_desc net;
    ebim_graph E;
    ebim_ws w;
    ebm_desc d;
    void *mem;
    ebim_arena a = room(&mem);
    double Z = 0, mean = 0, var = 0, want = 0, spread = 0;
    ebim_rng r;
    int i;
    ebim_rng_init(&r, T_SEED, 0);
    for (i = 0; i < N; i++) {
        x[i] = (ebim_real)(0.5 + 0.7 * (double)ebim_rng_normal(&r));
        want += (double)x[i] / N;
    }
    for (i = 0; i < N; i++) spread += pow((double)x[i] - want, 2) / N;
    memset(&net, 0, sizeof net);
    net.in = net.out = 1;
    net.layers = 2;
    net.width = 16;
    memset(&d, 0, sizeof d);
    d.steps = T_QUICK ? 300 : 1500;
    d.batch = 100;
    d.rate = 0.005;
    d.clip = 1;
    d.magnitude = 0.001;
    d.eps = 0.3;
    d.step = 0.09;
    d.chain_steps = 20;
    d.buffer = 1000;
    d.lo = lo;
    d.hi = hi;
    d.seed = T_SEED;
    CHECK_INT(ebim_mlp(&E, &a, &net, T_SEED), EBIM_OK);
    CHECK_INT(ebm_train(&E, N, x, &d, &a), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &E, 16, 0), EBIM_OK);
    for (i = 0; i < 800; i++) {
        double at = -4 + 8 * (i + 0.5) / 800, p;
        ebim_real z = (ebim_real)at, e;
        ebim_eval(&w, 1, &z, &e);
        Z += p = exp(-(double)e);
        mean += p * at;
        var += p * at * at;
    }
    mean /= Z;
    var = var / Z - mean * mean;
    CHECK_NEAR(mean, want, 0.15);
    CHECK_NEAR(sqrt(var), sqrt(spread), T_QUICK ? 0.3 : 0.15);
    free(mem);
}

/* Density of eq. 2: along a curve its integral over the image is that of the codes, 1; samples
 * follow it; and the distance is what a fine search along the curve finds. */
static void a_pushforward_density_integrates_to_one(void)
{
    enum { N = 400, FINE = 20000 };
    static ebim_real x[2 * N], s[2 * N];
    static double at[2 * FINE];
    autoencoder_desc d;
    pushforward p;
    ebm_desc e;
    void *mem;
    ebim_arena a = room(&mem);
    double sum = 0, along = 0, drawn = 0, widest = 0;
    ebim_rng r;
    int i, k, same = 0;
    ebim_rng_init(&r, T_SEED, 0);
    synth_circle(&r, 2, N, x);
    memset(&d, 0, sizeof d);
    memset(&e, 0, sizeof e);
    d.layers = 2;
    d.width = 16;
    d.steps = T_QUICK ? 200 : 1000;
    d.batch = e.batch = 50;
    d.rate = 0.003;
    d.clip = e.clip = 1;
    e.steps = T_QUICK ? 50 : 200;
    e.rate = 0.01;
    e.magnitude = 0.1;
    e.eps = 0.5;
    e.step = 10;
    e.clamp = 0.03;
    e.chain_steps = 10;
    e.buffer = 500;
    d.seed = e.seed = T_SEED;
    if (!CHECK(!pushforward_train(&p, 2, 1, N, x, &d, &e, 2, &a))) return;
    for (i = 0; i < FINE; i++) {
        ebim_real z = (ebim_real)(p.lo[0] + (p.hi[0] - p.lo[0]) * (i + 0.5) / FINE);
        double f;
        pushforward_decode(&p, &z, at + 2 * i, NULL);
        if (!i) continue;
        f = exp(pushforward_log_density(&p, &z)) *
            hypot(at[2 * i] - at[2 * i - 2], at[2 * i + 1] - at[2 * i - 1]);
        widest = fmax(widest, hypot(at[2 * i] - at[2 * i - 2], at[2 * i + 1] - at[2 * i - 1]));
        sum += f;
        along += f * at[2 * i];
    }
    CHECK_NEAR(sum, 1, 0.01);
    pushforward_sample(&p, N, s, T_SEED);
    for (i = 0; i < N; i++) drawn += (double)s[2 * i] / N;
    CHECK_NEAR(drawn, along / sum, 5 / sqrt(N)); /* |x| is about 1: 5 standard errors */
    for (i = 0; i < 20; i++) {
        double least = HUGE_VAL, found;
        ebim_real z[2];
        for (k = 0; k < FINE; k++)
            least = fmin(least, hypot(at[2 * k] - (double)x[2 * i],
                                      at[2 * k + 1] - (double)x[2 * i + 1]));
        found = pushforward_distance(&p, x + 2 * i, z);
        /* it may be a minimum nearby only, or outside the box */
        CHECK(found >= least - widest || (double)z[0] < p.lo[0] || (double)z[0] > p.hi[0]);
        same += found < least + 1e-5 + 0.01 * least;
    }
    CHECK(same >= 16);
    free(mem);
}

/* On a sphere's patch, m = 2: the masses of cells divided by their areas on the image */
static void areas_of_a_surface_enter_its_density(void)
{
    enum { N = 300 };
    static ebim_real x[3 * N];
    autoencoder_desc d;
    pushforward p;
    ebm_desc e;
    void *mem;
    ebim_arena a = room(&mem);
    ebim_rng r;
    int i, k;
    ebim_rng_init(&r, T_SEED, 0);
    synth_sphere_mixture(&r, N, x);
    memset(&d, 0, sizeof d);
    memset(&e, 0, sizeof e);
    d.layers = 2;
    d.width = 16;
    d.steps = 200;
    d.batch = e.batch = 50;
    d.rate = 0.003;
    e.steps = 20;
    e.rate = 0.01;
    e.eps = 0.5;
    e.step = 1;
    e.chain_steps = 5;
    e.buffer = 100;
    d.seed = e.seed = T_SEED;
    if (!CHECK(!pushforward_train(&p, 3, 2, N, x, &d, &e, 2, &a))) return;
    for (i = 0; i < 10; i++) {
        int cell = (int)ebim_rng_below(&r, (uint32_t)pushforward_cells(&p));
        double q[3][3], u[2] = {0.5, 0.5}, A[3], B[3], area;
        ebim_real z[2], E;
        for (k = 0; k < 3; k++) {
            u[0] = k == 1 ? 1 : 0;
            u[1] = k == 2 ? 1 : 0;
            pushforward__cell(&p, cell, u, z);
            pushforward_decode(&p, z, q[k], NULL);
        }
        for (k = 0; k < 3; k++) {
            A[k] = q[1][k] - q[0][k];
            B[k] = q[2][k] - q[0][k];
        }
        area = sqrt(pow(A[1] * B[2] - A[2] * B[1], 2) + pow(A[2] * B[0] - A[0] * B[2], 2) +
                    pow(A[0] * B[1] - A[1] * B[0], 2));
        pushforward__cell(&p, cell, NULL, z);
        ebim_eval(&p.we, 1, z, &E);
        CHECK_REL(exp(pushforward_log_density(&p, z)) * area, p.mass[cell], 0.1);
    }
    free(mem);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(autoencoder_gradients);
    T_RUN(energy_gradients);
    T_RUN(layers_have_norm_one);
    T_RUN(conv28);
    T_RUN(an_energy_learns_a_normal_law);
    T_RUN(a_pushforward_density_integrates_to_one);
    T_RUN(areas_of_a_surface_enter_its_density);
    return T_END();
}
