/* Long work that is stopped: every stage of a fit, of any n and k, ends within a bounded number of
 * multiplications after the callback said so, progress never falls back, and what is left claims
 * to know nothing that was not measured. Work is counted where the library counts it, and where it
 * should and does not, processor time would tell. */
#include <limits.h>
#include <stddef.h>
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

#define SHORT (T_QUICK || sizeof(ebim_real) > 4) /* in double nothing stops otherwise, only later */

#define PI 3.14159265358979323846
#define BREATH 134217728.0 /* 2^27 multiplications between two questions */

enum { ROWS = 600, MOST_ROWS = 4000 };

static ebim_real data[MOST_ROWS * 20];

/* ---- data ---- */

typedef enum kind { ROUND, CLUMPS, STRETCHED } kind;

typedef struct setting {
    int n, k, N;
    kind of;
    double effort;
    int networks, most; /* most: calls, for fits that are not run to their end (0: all) */
} setting;

/* A sphere of dimension m in the first m + 1 coordinates; the others follow it. */
static void sphere(const setting *s, ebim_rng *r)
{
    int i, c, m = s->n - s->k;
    for (i = 0; i < s->N; i++) {
        ebim_real *x = data + i * s->n;
        ebim_rng_sphere(r, m + 1, x);
        for (c = m + 1; c < s->n; c++)
            x[c] = (ebim_real)(0.3 * sin(c + 3 * (double)x[c % (m + 1)]));
        if (s->of == STRETCHED) x[1] *= 30;
    }
}

/* Thirty clumps somewhere on a circle: kernels are likelier than a network. */
static void clumps(const setting *s, ebim_rng *r)
{
    double at[30];
    int i;
    for (i = 0; i < 30; i++) at[i] = 2 * PI * (double)ebim_rng_uniform(r);
    for (i = 0; i < s->N; i++) {
        double a = at[i % 30] + 0.01 * (double)ebim_rng_normal(r);
        data[2 * i] = (ebim_real)cos(a);
        data[2 * i + 1] = (ebim_real)sin(a);
    }
}

static void make(const setting *s)
{
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 3);
    if (s->of == CLUMPS) clumps(s, &r);
    else sphere(s, &r);
}

/* ---- watching a fit ---- */

typedef struct seen {
    int calls, stop_at, after; /* after: calls after the stop */
    int stages, stage;         /* bits of those that were told of; the one that was stopped */
    double done, done_at;      /* the last; at the stop */
    double work, work_at;      /* multiplications up to the last call; at the stop */
    double widest;             /* most of them between two calls */
} seen;

/* What a fit counts by stands round what it tells. */
static double work_of(const ebim_progress *p)
{
    const char *now = (const char *)p - offsetof(ebim_watch, now);
    return ((const ebim_watch *)(const void *)now)->work;
}

static int watching(void *user, const ebim_progress *p)
{
    seen *w = (seen *)user;
    double work = work_of(p);
    CHECK(p->done >= w->done && p->done <= 1);
    CHECK(p->steps ? p->step >= 1 && p->step <= p->steps : p->step == 0);
    w->widest = fmax(w->widest, work - w->work);
    w->done = p->done;
    w->work = work;
    w->stages |= 1 << p->stage;
    w->after += w->calls >= w->stop_at && w->stop_at;
    if (++w->calls != w->stop_at) return 0;
    w->work_at = work;
    w->done_at = p->done;
    w->stage = (int)p->stage;
    return 1;
}

static ebim_result fit(ebim_model *m, const setting *s, seen *w, int stop_at)
{
    ebim_fit_desc d;
    memset(&d, 0, sizeof d);
    memset(w, 0, sizeof *w);
    w->stop_at = stop_at;
    d.dim = s->n - s->k;
    d.effort = s->effort;
    d.networks = s->networks;
    d.seed = T_SEED;
    d.progress = watching;
    d.user = w;
    return ebim_fit(m, s->N, s->n, data, &d);
}

/* ---- what is left ---- */

static int known(double x) { return t_finite(x); }

/* Of an M that was never judged nothing is known. */
static void check_nothing(const ebim_judgement *j)
{
    CHECK(j->verdict & EBIM_VERDICT_UNCHECKED);
    CHECK(j->checked <= 0 && j->points <= 0);
    CHECK(!known(j->distance_mean) && !known(j->distance_median) && !known(j->distance_q99));
    CHECK(!known(j->distance_max) && !known(j->volume) && !known(j->volume_se));
    CHECK(!j->components && !known(j->sigma) && !known(j->singular) && !known(j->empty));
    CHECK(!known(j->remote) && !known(j->reach) && !known(j->rim) && !known(j->disputed));
}

/* Distances that are known are those to this M, of a part of the data, in their units. */
static void check_distances(const ebim_model *m, const setting *s)
{
    static ebim_real distance[MOST_ROWS];
    static unsigned char ok[MOST_ROWS];
    double mean = 0, most = 0;
    int i, have = 0;
    if (!known(m->judged.distance_mean)) return;
    CHECK_INT(ebim_score(m, s->N, data, NULL, distance, NULL, ok), EBIM_OK);
    for (i = 0; i < s->N; i++) {
        if (!ok[i]) continue;
        mean += (double)distance[i];
        most = fmax(most, (double)distance[i]);
        have++;
    }
    if (!CHECK(have > 0)) return;
    mean /= have;
    CHECK(m->judged.distance_max <= 1.01 * most + 1e-3);
    CHECK(m->judged.distance_mean < 2 * mean + 1e-4 && m->judged.distance_mean > mean / 3 - 1e-4);
}

static void check_energy(const ebim_model *m, const seen *w)
{
    int finished = w->stage == EBIM_STAGE_CHECK && w->done_at >= 0.95;
    if (!finished) CHECK(!m->has_energy);
    if (!finished) CHECK(!known(m->judged.hole) && !known(m->judged.gap));
    if (m->info.held <= 0) CHECK(!known(m->info.nll) && !known(m->info.nll_se));
    if (m->has_energy) return;
    CHECK(m->z.points <= 0 && m->info.held <= 0 && !known(m->info.energy_loss));
    CHECK(!known(m->judged.density_p));
}

static void check_rest(const ebim_model *m, const setting *s)
{
    unsigned char *bytes = (unsigned char *)malloc(ebim_save_bytes(m));
    CHECK_INT(ebim_save(m, bytes, ebim_save_bytes(m)), EBIM_OK);
    free(bytes);
    check_distances(m, s);
}

/* One fit, stopped at this call. */
static void stopped(const setting *s, int at)
{
    ebim_model m;
    seen w;
    ebim_result r;
    r = fit(&m, s, &w, at); /* M was judged before it was stopped: as a whole fit */
    if (!CHECK(r == EBIM_OK || (r == EBIM_ERR_SOLVE && w.stage != EBIM_STAGE_MANIFOLD))) return;
    if (!CHECK(w.calls >= at)) return;
    CHECK_INT(w.after, 1); /* once more, when all is done */
    CHECK_NEAR(w.done, 1, 0);
    if (!CHECK(w.work - w.work_at <= 2 * BREATH))
        printf("  n %d, k %d, call %d, stage %d at %g: %g multiplications\n", s->n, s->k, at,
               w.stage, w.done_at, w.work - w.work_at);
    CHECK_NEAR(m.info.partial, 1, 0);
    if (m.F.field.gate) CHECK(m.F.field.norm > 0); /* not all of R^n, if nothing was learned */
    if (w.stage == EBIM_STAGE_MANIFOLD) CHECK(m.judged.verdict & EBIM_VERDICT_UNCHECKED);
    if (m.judged.checked <= 0) check_nothing(&m.judged);
    check_energy(&m, &w);
    check_rest(&m, s);
    ebim_free(&m);
}

/* A whole fit, or what comes before the call `most`, stopped at calls spread over it. */
static void all_stops(setting s, int stops, int slow_stops)
{
    ebim_model m;
    seen w;
    int i, calls = s.most, last = 1;
    make(&s);
    if (!SHORT) stops = slow_stops;
    if (!calls) {
        ebim_result r = fit(&m, &s, &w, 0);
        if (!CHECK(r == EBIM_OK || r == EBIM_ERR_SOLVE)) return;
        CHECK_INT(w.stages | 1 << EBIM_STAGE_ENERGY, 7); /* kernels may take no time */
        CHECK_NEAR(w.done, 1, 0);
        CHECK(w.widest < 2 * BREATH);
        CHECK_NEAR(m.info.partial, 0, 0);
        CHECK_INT(m.linear != NULL, s.of == STRETCHED);
        if (s.k == 1) /* in space either is the better E of so rough an M */
            CHECK_INT(ebim__find_rbf(&m.E, NULL) != NULL, m.has_energy && s.of == CLUMPS);
        calls = w.calls - 1; /* at the last one there is nothing left to stop */
        ebim_free(&m);
    }
    stopped(&s, 1);
    for (i = 1; i <= stops; i++) {
        int at = 1 + (int)((calls - 1.0) * i / stops);
        if (at > last) stopped(&s, at);
        last = at;
    }
}

static void curves_in_the_plane(void)
{
    setting s = {2, 1, 300, ROUND, 0.008, 2, 0};
    all_stops(s, 4, 10);
    s.of = STRETCHED; /* behind a linear map */
    all_stops(s, 2, 6);
}

static void crowded_curves(void)
{
    setting s = {2, 1, 600, CLUMPS, 0.02, 2, 0};
    all_stops(s, 2, 8);
}

static void curves_in_space(void)
{
    setting s = {3, 2, 300, ROUND, 0.05, 2, 0}; /* less is no field: nothing is near it */
    all_stops(s, 3, 10);
    s.of = STRETCHED;
    all_stops(s, 3, 10);
}

static void many_equations(void)
{
    setting s = {10, 8, 100, ROUND, 0.002, 1, 0}; /* a field that learns nothing */
    all_stops(s, 4, 8);
}

/* Where a whole fit takes long. */
static void many_dimensions(void)
{
    const setting in20 = {20, 18, 100, ROUND, 0.002, 1, 0};
    setting in64 = {64, 54, 100, ROUND, 0.005, 2, 0};
    in64.most = SHORT ? 150 : 250;
    all_stops(in20, 2, 3);
    all_stops(in64, 2, 4);
}

/* Many rows in many dimensions: what comes before training takes its time, too. */
static void surveys(void)
{
    setting s = {20, 1, MOST_ROWS, ROUND, 0.0001, 1, 6};
    all_stops(s, 6, 6);
}

/* ---- the parts, with a watch in their arena ---- */

typedef struct parts { /* what they work on */
    ebim_model m;
    ebim_graph F, E;
    ebim_real x[ROWS * 2], y[ROWS * 2], e[ROWS];
    double memory[4096];
} parts;

static parts p;

typedef ebim_result (*part_fn)(ebim_arena *a);

static int stop_at(void *user, const ebim_progress *now)
{
    int *left = (int *)user;
    (void)now;
    return --*left == 0;
}

/* Multiplications of a part, stopped at a call; *told: how often it asked; *after: of them, since
 * it asked the last time */
static double run(part_fn part, int at, double *after, int *told)
{
    ebim_watch w;
    ebim_arena a;
    void *memory;
    size_t bytes;
    int left = at;
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(part(&a), EBIM_OK);
    bytes = ebim_arena_bytes(&a);
    memory = malloc(bytes);
    ebim_arena_init(&a, memory, bytes);
    memset(&w, 0, sizeof w);
    w.progress = stop_at;
    w.user = &left;
    a.watch = &w;
    part(&a);
    CHECK_INT(w.stopped, left == 0);
    free(memory);
    *told = at - left;
    *after = w.work - (w.due - BREATH);
    return w.work;
}

static ebim_result sampling(ebim_arena *a)
{
    return ebim_model_sample(&p.m, a, ROWS, p.y, SHORT ? 30 : 300, 1, NULL);
}

static ebim_result scoring(ebim_arena *a)
{
    return ebim_model_score(&p.m, a, ROWS, p.x, p.y, NULL, p.e, NULL);
}

static ebim_result normalising(ebim_arena *a)
{
    ebim_log_z z;
    return ebim_model_log_z(&p.m, a, SHORT ? 16384 : 0, 1, &z);
}

static ebim_result judging(ebim_arena *a)
{
    ebim_judge_desc d;
    ebim_judgement j;
    memset(&d, 0, sizeof d);
    d.lo = p.m.lo;
    d.hi = p.m.hi;
    d.data = p.x;
    d.n_data = ROWS;
    d.rival = &p.m.F;
    return ebim_judge(&p.m.F, a, &d, &j);
}

static ebim_result of_F(ebim_arena *a)
{
    ebim_mdf_desc d;
    memset(&d, 0, sizeof d);
    d.steps = 200;
    d.batch = 128;
    d.rate = 0.001;
    d.lo = p.m.lo;
    d.hi = p.m.hi;
    d.data.norm2 = 1;
    d.negatives.norm = -0.1;
    d.langevin.eps = d.langevin.step = 0.1;
    d.langevin_steps = 20;
    return ebim_mdf_train(&p.F, a, ROWS, p.x, &d, NULL);
}

static ebim_result of_E(ebim_arena *a)
{
    ebim_energy_desc d;
    memset(&d, 0, sizeof d);
    d.steps = 100;
    d.batch = 64;
    d.rate = 0.001;
    d.magnitude = 0.1;
    d.lo = p.m.lo;
    d.hi = p.m.hi;
    d.clmc_steps = 10;
    d.clmc.eps = 0.1;
    return ebim_energy_train(&p.E, a, &p.m.F, ROWS, p.x, &d, NULL);
}

static void check_part(const char *name, part_fn part)
{
    double after;
    int told, most, at, q, stops = SHORT ? 3 : 9;
    CHECK(run(part, INT_MAX, &after, &most) > 0);
    for (q = 0; q < stops; q++) {
        at = 1 + (most - 1) * q / (stops - 1);
        run(part, at, &after, &told);
        CHECK_INT(told, at); /* it is not asked any more */
        if (!CHECK(after <= 2 * BREATH))
            printf("  %s, call %d of %d: %g multiplications\n", name, at, most, after);
    }
}

static void parts_of_the_library(void)
{
    setting s = {2, 1, ROWS, ROUND, 0.02, 2, 0};
    ebim_mlp_desc net;
    ebim_arena a;
    seen w;
    make(&s);
    if (!CHECK_INT(fit(&p.m, &s, &w, 0), EBIM_OK)) return;
    memcpy(p.x, data, sizeof p.x);
    memset(&net, 0, sizeof net);
    net.in = 2;
    net.out = 1;
    ebim_arena_init(&a, p.memory, sizeof p.memory);
    net.layers = 2;
    net.width = 16;
    CHECK_INT(ebim_mlp(&p.F, &a, &net, 1), EBIM_OK);
    CHECK_INT(ebim_mlp(&p.E, &a, &net, 2), EBIM_OK);
    check_part("samples", sampling);
    check_part("scores", scoring);
    check_part("log Z", normalising);
    check_part("judge", judging);
    check_part("F", of_F);
    check_part("E", of_E);
    ebim_free(&p.m);
}

/* ebim_fit_run asks the watch of its arena, too, and leaves it there. */
static void a_watch_in_the_arena_stops_a_fit(void)
{
    setting s = {2, 1, 300, ROUND, 0.008, 2, 0};
    ebim_fit_desc d;
    ebim_arena keep, work;
    ebim_watch w;
    ebim_model m;
    void *memory[2];
    size_t bytes[2];
    int left = 20;
    make(&s);
    memset(&d, 0, sizeof d);
    d.dim = 1;
    d.effort = s.effort;
    ebim_arena_init(&keep, NULL, 0);
    ebim_arena_init(&work, NULL, 0);
    CHECK_INT(ebim_fit_run(&m, &keep, &work, s.N, 2, NULL, &d), EBIM_OK);
    bytes[0] = ebim_arena_bytes(&keep);
    bytes[1] = ebim_arena_bytes(&work);
    memory[0] = malloc(bytes[0]);
    memory[1] = malloc(bytes[1]);
    ebim_arena_init(&keep, memory[0], bytes[0]);
    ebim_arena_init(&work, memory[1], bytes[1]);
    memset(&w, 0, sizeof w);
    w.progress = stop_at;
    w.user = &left;
    work.watch = &w;
    CHECK_INT(ebim_fit_run(&m, &keep, &work, s.N, 2, data, &d), EBIM_OK);
    CHECK(work.watch == &w && w.stopped);
    CHECK_INT(left, 0);
    CHECK(!m.has_energy && m.info.partial > 0);
    CHECK(m.judged.verdict & EBIM_VERDICT_UNCHECKED);
    free(memory[0]);
    free(memory[1]);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(curves_in_the_plane);
    T_RUN(crowded_curves);
    T_RUN(curves_in_space);
    T_RUN(many_equations);
    T_RUN(many_dimensions);
    T_RUN(surveys);
    T_RUN(parts_of_the_library);
    T_RUN(a_watch_in_the_arena_stops_a_fit);
    return T_END();
}
