/* ours.c: what peers.py compares with: one JSON object with the parameters, the points and the
   noise that all implementations get, and what ebim.h makes of them. */
#define EBIM_IMPLEMENTATION
#include "../../ebim.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 50, CHAINS = 100, STRIDE = 128, ROOM = 1 << 22 };

static ebim_arena arena;

static void check(ebim_result r)
{
    if (!r) return;
    fprintf(stderr, "ours: %s\n", ebim_result_str(r));
    exit(1);
}

static void print(const char *name, size_t count, const ebim_real *x)
{
    size_t i;
    printf("\"%s\":[", name);
    for (i = 0; i < count; i++) printf("%s%.9g", i ? "," : "", (double)x[i]);
    printf("],\n");
}

static void net(ebim_graph *g, int layers, int width, uint64_t seed)
{
    ebim_mlp_desc d;
    memset(&d, 0, sizeof d);
    d.in = 2;
    d.out = 1;
    d.layers = layers;
    d.width = width;
    check(ebim_mlp(g, &arena, &d, seed));
}

/* A short training on the circle, so that there is a manifold to walk on */
static void train(ebim_graph *F, const ebim_real *x)
{
    static const double lo[2] = {-2, -2}, hi[2] = {2, 2};
    size_t mark = arena.used;
    ebim_mdf_desc d;
    memset(&d, 0, sizeof d);
    d.steps = 3000;
    d.batch = BATCH;
    d.rate = 0.01;
    d.data.norm2 = 1;
    d.box.rank = 1;
    d.box.eta = 1;
    d.box.two_sided = 1;
    d.lo = lo;
    d.hi = hi;
    check(ebim_mdf_train(F, &arena, BATCH, x, &d, NULL));
    arena.used = mark;
}

/* Eq. 8 as the authors' code has it, on given negatives */
static void loss(ebim_graph *F, const ebim_real *x, const ebim_real *negatives)
{
    ebim_mdf_terms data, other;
    ebim__mdf s;
    double value;
    memset(&data, 0, sizeof data);
    memset(&other, 0, sizeof other);
    data.norm = 1;
    data.rank = 10;
    data.eta = 1;
    other.norm = -0.3;
    other.norm2 = 1;
    memset(&s, 0, sizeof s);
    s.t.batch = BATCH;
    s.t.seed = 1;
    check(ebim__trainer_init(&s.t, &arena, F, BATCH, 1));
    value = ebim__mdf_set(&s, &data, BATCH, x, NULL);
    value += ebim__mdf_set(&s, &other, BATCH, negatives, NULL);
    printf("\"loss\":%.9g,\n", value);
    print("gradient", (size_t)F->n_theta, s.t.grad);
}

/* One constrained step of chains on M, and the noise it has drawn */
static void step(const ebim_graph *F, const ebim_graph *E)
{
    static ebim_real q[2 * CHAINS], rows[2 * STRIDE], noise[2 * CHAINS];
    static uint32_t streams[4 * STRIDE];
    ebim_project_desc pd;
    ebim_clmc_desc cd;
    ebim_projector *p;
    ebim_clmc *c;
    ebim_rng r;
    int i;
    memset(&pd, 0, sizeof pd);
    memset(&cd, 0, sizeof cd);
    cd.eps = 0.3;
    check(ebim_projector_init(&p, &arena, F, &pd));
    check(ebim_clmc_init(&c, &arena, F, E, &cd));
    ebim_rng_init(&r, 2, 0);
    for (i = 0; i < CHAINS; i++) ebim_rng_sphere(&r, 2, q + 2 * i);
    ebim_projector_run(p, CHAINS, q, q, NULL, NULL);
    ebim__seed_lanes(streams, STRIDE, STRIDE, CHAINS, 7, 0);
    ebim__kernels_best()->normals(streams, 2, rows, STRIDE, STRIDE);
    ebim__from_lanes(rows, STRIDE, CHAINS, 2, noise);
    print("chains", 2 * CHAINS, q);
    print("noise", 2 * CHAINS, noise);
    ebim_clmc_run(c, CHAINS, q, 1, 7, 0);
    print("moved", 2 * CHAINS, q);
    printf("\"simd\":\"%s\"}\n", ebim_simd());
}

int main(void)
{
    static ebim_real x[2 * BATCH], negatives[2 * BATCH];
    void *memory = malloc(ROOM);
    ebim_graph F, E;
    ebim_rng r;
    int i;
    if (!memory) check(EBIM_ERR_MEMORY);
    ebim_arena_init(&arena, memory, ROOM);
    net(&F, 3, 8, 1);
    net(&E, 2, 32, 2);
    ebim_rng_init(&r, 1, 0);
    for (i = 0; i < BATCH; i++) ebim_rng_sphere(&r, 2, x + 2 * i);
    for (i = 0; i < 2 * BATCH; i++) negatives[i] = 4 * ebim_rng_uniform(&r) - 2;
    train(&F, x);
    printf("{");
    print("F", (size_t)F.n_theta, F.theta);
    print("E", (size_t)E.n_theta, E.theta);
    print("data", 2 * BATCH, x);
    print("negatives", 2 * BATCH, negatives);
    loss(&F, x, negatives);
    step(&F, &E);
    free(memory);
    return 0;
}
