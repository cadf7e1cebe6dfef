/* bench.c: what the parts cost on one core. `make bench`

   Every figure is the minimum and the median of several repeats of a loop that runs for some
   milliseconds, on the processor's clock of the process. The machine's own peak of fused
   multiply-adds and its copy bandwidth are measured in the same run: compare ratios, machines are
   noisy. The last line is one JSON object. --quick repeats less; --only TEXT measures what has TEXT
   in its name. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../examples/common/json.h"
#include "../examples/common/nets.h"
#include "../examples/common/synth.h"

enum { REPEATS = 15, KEYS = 64 };

static int quick, keys;
static const char *only = "";
static const char *key[KEYS];
static double value[KEYS];

static double now(void)
{
#ifdef CLOCK_PROCESS_CPUTIME_ID
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#else
    return (double)clock() / CLOCKS_PER_SEC;
#endif
}

typedef void (*body)(void *state);

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of one call: the minimum, and the median through *median. */
static double seconds(body f, void *state, double *median)
{
    double t[REPEATS], start, least = quick ? 1e-3 : 1e-2;
    long i, loops = 1;
    int r, repeats = quick ? 3 : REPEATS;
    for (;; loops *= 2) {
        start = now();
        for (i = 0; i < loops; i++) f(state);
        if (now() - start > least || loops > (1L << 28)) break;
    }
    for (r = 0; r < repeats; r++) {
        start = now();
        for (i = 0; i < loops; i++) f(state);
        t[r] = (now() - start) / (double)loops;
    }
    qsort(t, (size_t)repeats, sizeof *t, compare);
    *median = t[repeats / 2];
    return t[0];
}

/* A line of the table and a number of the JSON. per: what one call is divided into; rate: the
 * figure is work per time, not time per work. */
static void report(const char *name, const char *what, body f, void *state, double per, int rate)
{
    double median, least, best, usual;
    if (!strstr(name, only)) return;
    least = seconds(f, state, &median);
    best = rate ? per / least : least / per;
    usual = rate ? per / median : median / per;
    key[keys] = name;
    value[keys++] = best;
    printf("%-22s %10.4g %10.4g  %s\n", name, best, usual, what);
    fflush(stdout);
}

static void *memory(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    memset(p, 0, bytes);
    return p;
}

typedef struct room { /* an arena and its memory */
    ebim_arena a;
    void *mem;
} room;

static room room_new(void)
{
    room r;
    size_t bytes = (size_t)128 << 20;
    r.mem = memory(bytes);
    ebim_arena_init(&r.a, r.mem, bytes);
    return r;
}

static void check(ebim_result r)
{
    if (!r) return;
    fprintf(stderr, "bench: %s\n", ebim_result_str(r));
    exit(1);
}

/* ---- the machine ---- */

/* Twelve sums of vectors as wide as the kernels': their latency is hidden, nothing is loaded. */
enum { SUMS = 12, FMA_LOOPS = 1000 };
static double sink;

#if defined(__GNUC__) && !defined(EBIM_NO_SIMD)
#define WIDE(name, bytes, attribute)                                                         \
    typedef ebim_real name##_vec __attribute__((vector_size(bytes)));                        \
    attribute static void name(void *unused)                                                 \
    {                                                                                        \
        name##_vec s[SUMS], a = {0}, b = {0};                                                \
        int i, q;                                                                            \
        (void)unused;                                                                        \
        a += (ebim_real)0.999;                                                               \
        b += (ebim_real)1e-3;                                                                \
        for (q = 0; q < SUMS; q++) s[q] = b * (ebim_real)q;                                  \
        for (i = 0; i < FMA_LOOPS; i++)                                                      \
            PEAK_UNROLL for (q = 0; q < SUMS; q++) s[q] = s[q] * a + b;                      \
        for (q = 1; q < SUMS; q++) s[0] += s[q];                                             \
        sink += (double)s[0][0];                                                             \
    }
#ifdef __clang__
#define PEAK_UNROLL _Pragma("clang loop unroll(full)")
#define TARGET(t) __attribute__((target(t), noinline))
#else
#define PEAK_UNROLL _Pragma("GCC unroll 16")
#define TARGET(t) __attribute__((target(t), noinline, optimize("fp-contract=fast")))
#endif
WIDE(fma_base, 16, __attribute__((noinline)))
#if defined(__x86_64__) || defined(__i386__)
WIDE(fma_avx2, 32, TARGET("avx2,fma"))
WIDE(fma_avx512, 64, TARGET("avx512f,fma"))
#endif

static void fma_peak(void)
{
    const char *isa = ebim_simd();
    body f = fma_base;
    double lanes = 16 / sizeof(ebim_real);
#if defined(__x86_64__) || defined(__i386__)
    if (!strcmp(isa, "AVX2")) f = fma_avx2, lanes *= 2;
    if (!strcmp(isa, "AVX-512")) f = fma_avx512, lanes *= 4;
#endif
    (void)isa;
    report("fma_peak_gflops", "multiply-adds from registers", f, NULL,
           2e-9 * SUMS * FMA_LOOPS * lanes, 1);
}
#else
static void fma_plain(void *unused)
{
    ebim_real s[16], a = (ebim_real)0.999, b = (ebim_real)1e-3;
    int i, q;
    (void)unused;
    for (q = 0; q < 16; q++) s[q] = b * (ebim_real)q;
    for (i = 0; i < FMA_LOOPS; i++)
        for (q = 0; q < 16; q++) s[q] = s[q] * a + b;
    for (q = 1; q < 16; q++) s[0] += s[q];
    sink += (double)s[0];
}

static void fma_peak(void)
{
    report("fma_peak_gflops", "multiply-adds from registers", fma_plain, NULL,
           2e-9 * 16 * FMA_LOOPS, 1);
}
#endif

enum { COPY = 64 << 20 };
static unsigned char *copy_from, *copy_to;

static void copy(void *unused)
{
    (void)unused;
    memcpy(copy_to, copy_from, COPY);
    sink += copy_to[(size_t)sink % 7];
}

/* ---- products and functions ---- */

typedef struct product {
    const ebim__kernels *k;
    ebim__matrix m;
    ebim_real *w, *X, *Y;
    int lanes;
} product;

static void product_run(void *state)
{
    const product *p = (const product *)state;
    p->k->dense(&p->m, NULL, p->X, p->lanes, p->Y, NULL, p->lanes, p->lanes, 0);
}

static void product_bench(const char *name, int size, int lanes)
{
    product p;
    char what[64];
    size_t n = (size_t)size, i;
    p.k = ebim__kernels_best();
    p.w = (ebim_real *)memory(n * n * sizeof *p.w);
    p.X = (ebim_real *)memory(n * (size_t)lanes * sizeof *p.X);
    p.Y = (ebim_real *)memory(n * (size_t)lanes * sizeof *p.Y);
    for (i = 0; i < n * n; i++) p.w[i] = (ebim_real)(i % 17) / 17;
    for (i = 0; i < n * (size_t)lanes; i++) p.X[i] = (ebim_real)(i % 13) / 13;
    p.m.w = p.w;
    p.m.no = p.m.ni = p.m.wo = size;
    p.m.wi = 1;
    p.lanes = lanes;
    snprintf(what, sizeof what, "%d x %d times %d samples", size, size, lanes);
    report(name, what, product_run, &p, 2e-9 * size * size * (double)lanes, 1);
    free(p.w);
    free(p.X);
    free(p.Y);
}

static ebim_real block[4][4096];
static uint32_t streams[4 * 128];

static void silu_run(void *order)
{
    ebim__kernels_best()->silu(32, block[0], block[1], block[2], block[3], 128, 128, *(int *)order);
}

static void normals_run(void *unused)
{
    (void)unused;
    ebim__kernels_best()->normals(streams, 32, block[1], 128, 128);
}

/* ---- sweeps of a network ---- */

typedef struct net {
    room r;
    ebim_graph g;
    ebim_ws w;
    int lanes;
} net;

static void net_init(net *s, int in, int out, int layers, int width, int lanes, int planes)
{
    ebim_mlp_desc d;
    memset(&d, 0, sizeof d);
    d.in = in;
    d.out = out;
    d.layers = layers;
    d.width = width;
    s->r = room_new();
    s->lanes = lanes;
    check(ebim_mlp(&s->g, &s->r.a, &d, 1));
    check(ebim_ws_init(&s->w, &s->r.a, &s->g, lanes, planes));
    ebim_forward(&s->w, lanes, 2);
}

static void forward_run(void *state)
{
    net *s = (net *)state;
    ebim_forward(&s->w, s->lanes, 0);
}

static void jvp_run(void *state) { ebim_jvp(&((net *)state)->w, 1, 1); }
static void vjp_run(void *state) { ebim_vjp(&((net *)state)->w, 1, 1); }
static void hvp_run(void *state)
{
    net *s = (net *)state;
    ebim_vjp(&s->w, 1, 1);
    ebim_jvp(&s->w, 1, 1);
    ebim_backward(&s->w, 1, NULL);
}

static void sweeps(void)
{
    net s;
    net_init(&s, 3, 1, 3, 32, 128, 1);
    report("forward_ns", "3-32-32-32-1, per sample of 128", forward_run, &s, 128e-9, 0);
    ebim_forward(&s.w, 128, 2);
    report("jvp_ns", "", jvp_run, &s, 128e-9, 0);
    report("vjp_ns", "", vjp_run, &s, 128e-9, 0);
    report("hvp_ns", "vjp, jvp and forward over reverse", hvp_run, &s, 128e-9, 0);
    free(s.r.mem);
}

/* ---- one training step of Fig. 1 ---- */

typedef struct trainer {
    ebim_graph F;
    room r, work;
    ebim_mdf_desc d;
    ebim_real x[2000];
} trainer;

static void trainer_init(trainer *t)
{
    static const double lo[2] = {-2, -2}, hi[2] = {2, 2};
    ebim_mlp_desc net_d;
    ebim_rng r;
    memset(t, 0, sizeof *t);
    memset(&net_d, 0, sizeof net_d);
    net_d.in = 2;
    net_d.out = 1;
    net_d.width = 8;
    t->r = room_new();
    t->work = room_new();
    check(ebim_mlp(&t->F, &t->r.a, &net_d, 1));
    ebim_rng_init(&r, 1, 0);
    synth_circle(&r, 2, 1000, t->x);
    t->d.batch = 50;
    t->d.rate = 0.01;
    t->d.data.norm = 1;
    t->d.data.rank = 10;
    t->d.data.eta = 1;
    t->d.negatives.norm = -0.3;
    t->d.negatives.norm2 = 1;
    t->d.langevin.energy = EBIM_ENERGY_OF_NORM;
    t->d.langevin.eps = 0.1;
    t->d.langevin.step = 10;
    t->d.langevin.clamp = 0.03;
    t->d.langevin_steps = 20;
    t->d.buffer = 1000;
    t->d.clamp_ends = 1;
    t->d.lo = lo;
    t->d.hi = hi;
    t->d.steps = quick ? 200 : 1000;
}

static void mdf_run(void *state)
{
    trainer *t = (trainer *)state;
    t->work.a.used = 0;
    ebim_init_theta(&t->F, 1);
    check(ebim_mdf_train(&t->F, &t->work.a, 1000, t->x, &t->d, NULL));
}

/* ---- one constrained step ---- */

typedef struct chains {
    ebim_graph F, E;
    room r;
    ebim_clmc *newton, *single, *lbfgs, *use;
    ebim_real x[200], start[200];
    uint64_t stream;
    int count;
} chains;

enum { CHAIN_STEPS = 20 };

static void chains_run(void *state)
{
    chains *c = (chains *)state;
    memcpy(c->x, c->start, sizeof c->x);
    ebim_clmc_run(c->use, c->count, c->x, CHAIN_STEPS, 1, c->stream++);
}

/* F with slope 1, as a fit makes it */
static void chains_train(ebim_graph *F, trainer *t)
{
    ebim_mdf_desc d;
    memset(&d, 0, sizeof d);
    d.steps = 3000;
    d.batch = 50;
    d.rate = 0.01;
    d.data.norm2 = 1;
    d.box.rank = 1;
    d.box.eta = 1;
    d.box.two_sided = 1;
    d.lo = t->d.lo;
    d.hi = t->d.hi;
    t->work.a.used = 0;
    check(ebim_mdf_train(F, &t->work.a, 1000, t->x, &d, NULL));
}

static void chains_bench(trainer *t)
{
    chains *c = (chains *)memory(sizeof *c);
    ebim_mlp_desc d;
    ebim_clmc_desc cd;
    ebim_project_desc pd;
    ebim_projector *p;
    c->r = room_new();
    memset(&d, 0, sizeof d);
    d.in = 2;
    d.out = 1;
    d.width = 8;
    check(ebim_mlp(&c->F, &c->r.a, &d, 1));
    chains_train(&c->F, t);
    d.layers = 2;
    d.width = 0;
    check(ebim_mlp(&c->E, &c->r.a, &d, 2));
    memset(&cd, 0, sizeof cd);
    cd.eps = 0.3;
    check(ebim_clmc_init(&c->newton, &c->r.a, &c->F, &c->E, &cd));
    cd.constraint.lanes = 1;
    check(ebim_clmc_init(&c->single, &c->r.a, &c->F, &c->E, &cd));
    cd.constraint.lanes = 0;
    cd.constraint.solver = EBIM_SOLVER_LBFGS;
    cd.constraint.joint = 1;
    check(ebim_clmc_init(&c->lbfgs, &c->r.a, &c->F, &c->E, &cd));
    memset(&pd, 0, sizeof pd);
    check(ebim_projector_init(&p, &c->r.a, &c->F, &pd));
    memcpy(c->start, t->x, sizeof c->start);
    ebim_projector_run(p, 100, c->start, c->start, NULL, NULL);
    c->use = c->newton;
    c->count = 100;
    report("clmc_newton_ns", "2-8-8-8-1, E 2-32-32-1, per chain of 100 and step", chains_run, c,
           100e-9 * CHAIN_STEPS, 0);
    c->use = c->single;
    c->count = 1;
    report("clmc_newton1_ns", "the same of one chain", chains_run, c, 1e-9 * CHAIN_STEPS, 0);
    c->use = c->lbfgs;
    c->count = 100;
    report("clmc_lbfgs_ns", "the paper's solver, jointly", chains_run, c, 100e-9 * CHAIN_STEPS, 0);
    free(c->r.mem);
    free(c);
}

/* ---- scores of a model ---- */

typedef struct scorer {
    ebim_model m;
    room work;
    ebim_scorer *one;
    ebim_real x[3000], distance[1000], energy[1000];
    int B;
} scorer;

static void score_run(void *state)
{
    scorer *s = (scorer *)state;
    s->work.a.used = 0;
    check(ebim_model_score(&s->m, &s->work.a, s->B, s->x, NULL, s->distance, s->energy, NULL));
}

static void scorer_run(void *state)
{
    scorer *s = (scorer *)state;
    check(ebim_scorer_run(s->one, 1, s->x, NULL, s->distance, s->energy, NULL));
}

static void scores(void)
{
    scorer *s = (scorer *)memory(sizeof *s);
    ebim_fit_desc d;
    ebim_rng r;
    int i;
    ebim_rng_init(&r, 1, 0);
    for (i = 0; i < 1000; i++) ebim_rng_sphere(&r, 3, s->x + 3 * i);
    memset(&d, 0, sizeof d);
    d.dim = 2;
    d.effort = 0.1;
    check(ebim_fit(&s->m, 1000, 3, s->x, &d));
    for (i = 0; i < 3000; i++) s->x[i] += (ebim_real)0.1 * ebim_rng_normal(&r);
    s->work = room_new();
    s->B = 1;
    report("score_ns_batch1", "nearest point, distance and energy, 3 x 32 nets", score_run, s,
           1e-9, 0);
    s->B = 1000;
    report("score_ns_batch1000", "", score_run, s, 1e-6, 0);
    s->work.a.used = 0;
    check(ebim_scorer_init(&s->one, &s->work.a, &s->m, 1));
    report("scorer_ns", "one point, ebim_scorer_init not counted", scorer_run, s, 1e-9, 0);
    ebim_free(&s->m);
    free(s->work.mem);
    free(s);
}

/* ---- codimension 6 ---- */

typedef struct frames {
    net s;
    ebim_clmc *c;
    ebim_real x[1000];
    ebim_real start[1000];
} frames;

static void frame_run(void *state)
{
    frames *f = (frames *)state;
    memcpy(f->x, f->start, sizeof f->x);
    ebim_clmc_run(f->c, 100, f->x, 1, 1, 0);
}

/* A constrained step on {F(x) = F(x0)}: a random map to R^6, without energy. */
static void codim6(const char *name, const char *what, ebim_linear linear)
{
    frames *f = (frames *)memory(sizeof *f);
    ebim_clmc_desc d;
    ebim_tensor W, b;
    ebim_rng r;
    ebim_real y[6];
    int i;
    net_init(&f->s, 10, 6, 3, 32, 64, 6);
    ebim_rng_init(&r, 3, 0);
    for (i = 0; i < 10; i++) f->start[i] = ebim_rng_normal(&r);
    for (i = 1; i < 100; i++) memcpy(f->start + 10 * i, f->start, 10 * sizeof *f->start);
    ebim_eval(&f->s.w, 1, f->start, y);
    check(ebim_weights(&f->s.g, f->s.g.y, &W, &b));
    for (i = 0; i < 6; i++) *ebim_tensor_at(&b, i, 0, 0, 0) -= y[i];
    memset(&d, 0, sizeof d);
    d.eps = 0.1;
    d.constraint.linear = linear;
    check(ebim_clmc_init(&f->c, &f->s.r.a, &f->s.g, NULL, &d));
    report(name, what, frame_run, f, 100e-9, 0);
    free(f->s.r.mem);
    free(f);
}

/* ---- tables ---- */

static void scaling(void)
{
    static const int batch[] = {1, 16, 64, 256, 1024, 4096}, width[] = {8, 16, 32, 64, 128, 512};
    static const int depth[] = {1, 2, 4, 8}, dims[] = {2, 8, 64, 256}, codim[] = {1, 2, 6, 16, 64};
    char name[64];
    size_t i;
    printf("\nforward and J'v, microseconds a sample: batch, width, depth, n, codim\n");
    for (i = 0; i < sizeof batch / sizeof *batch + sizeof width / sizeof *width +
                        sizeof depth / sizeof *depth + sizeof dims / sizeof *dims +
                        sizeof codim / sizeof *codim; i++) {
        int B = 128, W = 32, L = 3, n = 3, k = 1;
        double m, f, v;
        size_t at = i;
        net s;
        if (at < sizeof batch / sizeof *batch) B = batch[at];
        else if ((at -= sizeof batch / sizeof *batch) < sizeof width / sizeof *width) W = width[at];
        else if ((at -= sizeof width / sizeof *width) < sizeof depth / sizeof *depth) L = depth[at];
        else if ((at -= sizeof depth / sizeof *depth) < sizeof dims / sizeof *dims) n = dims[at];
        else k = codim[at - sizeof dims / sizeof *dims];
        net_init(&s, n, k, L, W, B, 1);
        f = seconds(forward_run, &s, &m);
        ebim_forward(&s.w, B, 1);
        v = seconds(vjp_run, &s, &m);
        snprintf(name, sizeof name, "%d-%dx%d-%d", n, L, W, k);
        printf("  %-12s batch %-5d %9.4f %9.4f\n", name, B, 1e6 * f / B, 1e6 * v / B);
        free(s.r.mem);
    }
}

/* Compilers tell some of their flags. */
#ifdef __VERSION__
#define COMPILER __VERSION__
#else
#define COMPILER "unknown"
#endif
#ifdef __OPTIMIZE__
#define OPTIMISED "optimised"
#else
#define OPTIMISED "not optimised"
#endif
#ifdef __FAST_MATH__
#define FAST_MATH ", fast-math"
#else
#define FAST_MATH ""
#endif
#ifdef __STRICT_ANSI__
#define DIALECT ", ISO C"
#else
#define DIALECT ""
#endif
static const char flags[] = OPTIMISED FAST_MATH DIALECT;

static void finish(void)
{
    json j = json_begin(stdout);
    int i;
    json_text(&j, "simd", ebim_simd());
    json_text(&j, "compiler", COMPILER);
    json_text(&j, "flags", flags);
    json_text(&j, "real", sizeof(ebim_real) == 4 ? "float" : "double");
    for (i = 0; i < keys; i++) json_number(&j, key[i], value[i]);
    json_end(&j);
}

/* ---- images ---- */

typedef struct layers {
    ebim_graph g;
    ebim_ws w;
    ebim_real *grad;
    int B;
} layers;

static ebim_ref record_conv(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_conv(g, ebim_image(g, x, 32, 14, 14), 32, 3, 1, 1, EBIM_FN_IDENTITY);
}

static void layers_values(void *state)
{
    layers *s = (layers *)state;
    ebim_forward(&s->w, s->B, 0);
}

static void layers_gradient(void *state)
{
    layers *s = (layers *)state;
    ebim_forward(&s->w, s->B, 1);
    ebim_backward(&s->w, 0, s->grad);
}

static void layers_ready(layers *s, ebim_arena *a, int lanes)
{
    ebim_rng r;
    int i;
    s->B = lanes;
    ebim_rng_init(&r, 1, 0);
    ebim_init_theta(&s->g, 1);
    check(ebim_ws_init(&s->w, a, &s->g, lanes, 0));
    s->grad = (ebim_real *)memory((size_t)s->g.n_theta * sizeof *s->grad);
    for (i = 0; i < s->w.n * s->w.stride; i++) ebim_ws_x(&s->w)[i] = ebim_rng_normal(&r);
    for (i = 0; i < s->w.k * s->w.stride; i++) ebim_ws_yg(&s->w, 0)[i] = ebim_rng_normal(&r);
}

static void images(void)
{
    const double multiply_adds = 196.0 * 32 * 32 * 9 - 4.0 * 14 * 3 * 32 * 32 + 4.0 * 32 * 32;
    layers *s = (layers *)memory(sizeof *s);
    ebim_denoiser_desc d;
    room r = room_new();
    check(ebim_record(&s->g, &r.a, 32 * 196, record_conv, NULL));
    layers_ready(s, &r.a, 64);
    report("conv_gflops", "3 x 3, 32 to 32 channels, 14 x 14 pixels, batch 64", layers_values, s,
           2e-9 * multiply_adds * 64, 1);
    free(s->grad);
    r.a.used = 0;
    memset(&d, 0, sizeof d);
    d.C = 1;
    d.H = d.W = 28;
    check(ebim_denoiser(&s->g, &r.a, &d, 1));
    layers_ready(s, &r.a, 64);
    report("denoiser_step_s", "values and gradient of 64 images of 28 x 28", layers_gradient, s, 1,
           0);
    report("denoiser_of_64_us", "values of one image among 64", layers_values, s, 64e-6, 0);
    free(s->grad);
    check(ebim_ws_init(&s->w, &r.a, &s->g, 1, EBIM_WS_VALUES));
    s->B = 1;
    report("denoiser_alone_us", "and of one alone", layers_values, s, 1e-6, 0);
    free(s);
    free(r.mem);
}

/* The paper's MDF: eq. 8 as the authors' code has it, 128 images, 20 Langevin steps */
typedef struct unet {
    ebim_graph g;
    ebim_mdf_desc d;
    room r;
    ebim_real *x;
} unet;

static void unet_run(void *state)
{
    unet *s = (unet *)state;
    size_t used = s->r.a.used;
    check(ebim_mdf_train(&s->g, &s->r.a, 128, s->x, &s->d, NULL));
    s->r.a.used = used;
}

static void unet_bench(void)
{
    static double lo[784], hi[784];
    unet *s = (unet *)memory(sizeof *s);
    size_t bytes = (size_t)1 << 30;
    ebim_rng r;
    int i;
    s->r.mem = malloc(bytes); /* what is not used costs nothing */
    if (!s->r.mem) check(EBIM_ERR_MEMORY);
    ebim_arena_init(&s->r.a, s->r.mem, bytes);
    check(ebim_record(&s->g, &s->r.a, 784, nets_unet, NULL));
    ebim_init_theta(&s->g, 1);
    s->x = (ebim_real *)memory(128 * 784 * sizeof *s->x);
    ebim_rng_init(&r, 1, 0);
    for (i = 0; i < 128 * 784; i++) s->x[i] = ebim_rng_uniform(&r);
    for (i = 0; i < 784; i++) hi[i] = 1;
    s->d.data.norm = 1;
    s->d.data.rank = 1e3;
    s->d.data.eta = 1;
    s->d.data.two_sided = 1;
    s->d.negatives.norm = -1;
    s->d.negatives.norm4 = 0.1;
    s->d.steps = 1;
    s->d.batch = 128;
    s->d.rate = 1e-4;
    s->d.lo = lo;
    s->d.hi = hi;
    s->d.langevin_steps = 20;
    s->d.langevin.eps = 0.005;
    s->d.langevin.step = 20;
    s->d.langevin.clamp = 0.01;
    s->d.lanes = 64;
    report("unet_mdf_step_s", "the paper's U-Net and eq. 8, 128 images, 20 Langevin steps",
           unet_run, s, 1, 0);
    free(s->x);
    free(s->r.mem);
    free(s);
}

/* The paper's CEBM (eq. 10) on such an F: a constrained step of 64 chains from the buffer, 60 steps
 * of gradients on eq. 14 each, and the gradient of E, Conv28 with one output, at random weights.
 * Fresh chains, 5 in 100, come on top. */
typedef struct cebm {
    ebim_graph F;
    ebim_clmc *chains;
    ebim_real *x;
    layers E;                 /* lanes of data */
} cebm;

static void cebm_run(void *state)
{
    cebm *s = (cebm *)state;
    ebim_clmc_run(s->chains, 64, s->x, 1, 1, 0);
    layers_gradient(&s->E); /* of the data, */
    layers_gradient(&s->E); /* and of as many ends of chains */
}

static void cebm_bench(void)
{
    int one = 1, i;
    cebm *s = (cebm *)memory(sizeof *s);
    ebim_clmc_desc d;
    room r;
    ebim_rng rng;
    size_t bytes = (size_t)1 << 30;
    r.mem = malloc(bytes); /* what is not used costs nothing */
    if (!r.mem) check(EBIM_ERR_MEMORY);
    ebim_arena_init(&r.a, r.mem, bytes);
    check(ebim_record(&s->F, &r.a, 784, nets_unet, NULL));
    check(ebim_record(&s->E.g, &r.a, 784, nets_encoder, &one));
    ebim_init_theta(&s->F, 1);
    layers_ready(&s->E, &r.a, 64);
    memset(&d, 0, sizeof d);
    d.eps = 0.005;
    d.step = 10;
    d.clamp = 0.005;
    d.keep_unsolved = 1;
    d.constraint.solver = EBIM_SOLVER_SGD;
    d.constraint.max_iter = 60;
    d.constraint.cg_tol = 0.1; /* 1 there, and 11 iterations at least */
    d.constraint.lanes = 64;
    check(ebim_clmc_init(&s->chains, &r.a, &s->F, &s->E.g, &d));
    s->x = (ebim_real *)memory(64 * 784 * sizeof *s->x);
    ebim_rng_init(&rng, 1, 0);
    for (i = 0; i < 64 * 784; i++) s->x[i] = ebim_rng_uniform(&rng);
    report("unet_cebm_step_s", "its E of Conv28: 64 chains of 60 steps of gradients on eq. 14",
           cebm_run, s, 1, 0);
    free(s->x);
    free(s->E.grad);
    free(r.mem);
    free(s);
}

int main(int argc, char **argv)
{
    static const char *const silu[] = {"sigmoid_ns", "silu1_ns", "silu2_ns"};
    static const char *const what[] = {"times its argument: SiLU", "SiLU and its derivative",
                                       "and its second"};
    trainer *t = (trainer *)memory(sizeof *t);
    int i;
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--quick")) quick = 1;
        else if (!strcmp(argv[i], "--only") && i + 1 < argc) only = argv[++i];
        else return fprintf(stderr, "usage: bench [--quick] [--only TEXT]\n"), 2;
    }
    printf("ebim.h %d.%d.%d, kernels: %s; compiler %s, %s\n%-22s %10s %10s\n", EBIM_VERSION_MAJOR,
           EBIM_VERSION_MINOR, EBIM_VERSION_PATCH, ebim_simd(), COMPILER, flags, "", "best",
           "median");
    fma_peak();
    copy_from = (unsigned char *)memory(COPY);
    copy_to = (unsigned char *)memory(COPY);
    report("copy_gbytes", "memcpy of 64 MB, read and written", copy, NULL, 2e-9 * COPY, 1);
    product_bench("gemm8_gflops", 8, 64);
    product_bench("gemm32_gflops", 32, 128);
    product_bench("gemm1024_gflops", 1024, 1024);
    for (i = 0; i < 4096; i++) block[0][i] = (ebim_real)(i % 400) / 20 - 10;
    ebim__seed_lanes(streams, 128, 128, 128, 1, 0);
    for (i = 0; i < 3; i++) report(silu[i], what[i], silu_run, &i, 4096e-9, 0);
    report("normal_ns", "", normals_run, NULL, 4096e-9, 0);
    sweeps();
    trainer_init(t);
    report("mdf_step_us", "2-8-8-8-1, batch 50, 20 Langevin steps, eq. 8, Adam", mdf_run, t,
           1e-6 * t->d.steps, 0);
    chains_bench(t);
    if (strstr("score_ns_batch1000 scorer_ns", only)) scores();
    codim6("codim6_direct_ns", "10-32-32-32-6, a constrained step by Cholesky", EBIM_LINEAR_DIRECT);
    codim6("codim6_cg_ns", "the same by conjugate gradients", EBIM_LINEAR_CG);
    if (strstr("conv_gflops denoiser_step_s denoiser_of_64_us denoiser_alone_us", only)) images();
    if (*only && strstr("unet_mdf_step_s", only)) unet_bench(); /* a minute */
    if (*only && strstr("unet_cebm_step_s", only)) cebm_bench(); /* minutes */
    if (!*only) scaling();
    finish();
    return 0;
}
