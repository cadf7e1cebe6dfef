/* paper.h: what the programs of the paper's experiments share, ebim.h included.

     paper_sets     the five data sets and the settings of appendix B.1, as the authors' code has
                    them where it differs from the text
     paper_ebim     a model by either recipe: the paper's, or ebim_fit's
     paper_latent   a pushforward model (the paper's only)
     paper_sample   points by the density of a model, at a temperature
     paper_shape    the curve or surface of a model with its density, for panels.h

   Programs take --seed N, --out DIR, --quick, --recipe paper|default; paper_begin reads them. They
   leave NAME.png, and NAME.csv with what its panels show, and print a JSON object. They are short
   and end with the process: what goes wrong is said, and that is the end (paper_stop). */
#ifndef PAPER_H
#define PAPER_H

#define EBIM_MAX_NODES 200 /* the flow of fig2_degenerate has many small ops */
#ifndef PAPER_LINKED       /* see paper_ebim.c */
#define EBIM_IMPLEMENTATION
#endif
#include "../../ebim.h"

#ifndef PAPER_IMPLEMENTATION_ONLY

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "csv.h"
#include "embed.h"
#include "data.h"
#include "synth.h"
#include "json.h"
#include "baselines.h"
#include "metrics.h"
#include "panels.h"

typedef struct paper_set {
    const char *name, *file, *how;       /* a data file and its embedding, or: */
    void (*draw)(ebim_rng *r, int N, ebim_real *x);
    int n, m, N;                         /* N: drawn */
    double box[3];                       /* D = -box .. box */
    struct { int layers, epochs, batch; double eta, alpha, beta; } F;
    struct { int layers, epochs, batch, steps, buffer; double magnitude, eps, step, clamp; } E;
    double temperature;                  /* of the authors' densities and Table 1 */
    struct { int layers, epochs, batch; } ae;
    struct { int epochs, batch, steps, buffer; double eps; } latent;
} paper_set;

FILE_FN void paper_fig1(ebim_rng *r, int N, ebim_real *x) { synth_circle(r, 2, N, x); }
FILE_FN void paper_mixture(ebim_rng *r, int N, ebim_real *x) { synth_two_circles(r, 1.8, 2, N, x); }

enum { PAPER_FIG1, PAPER_MIXTURE, PAPER_SPHERE, PAPER_FLOODS, PAPER_GLYCINE, PAPER_SETS };

/* The sphere has no pushforward model in the paper: its settings are those of Fig. 1. */
static const paper_set paper_sets[PAPER_SETS] = {
    {"fig1", NULL, NULL, paper_fig1, 2, 1, 1000, {1.5, 1.5, 0}, {3, 300, 50, 1, 0.3, 10},
     {2, 20, 50, 10, 10000, 0.1, 0.3, 1, 0.1}, 1, {3, 300, 50}, {200, 50, 20, 10000, 0.5}},
    {"mixture", NULL, NULL, paper_mixture, 2, 1, 1000, {3.3, 3.3, 0}, {3, 500, 100, 1, 0.3, 1},
     {2, 10, 100, 10, 10000, 0.3, 0.5, 1, 0.1}, 1, {3, 1000, 100}, {300, 100, 20, 1000, 1}},
    {"sphere", NULL, NULL, synth_sphere_mixture, 3, 2, 1000, {1.3, 1.3, 1.3},
     {3, 300, 100, 0.1, 0.3, 10}, {2, 20, 100, 10, 1000, 1, 0.3, 0.09, 0.03}, 1, {3, 300, 50},
     {200, 50, 20, 1000, 0.5}},
    {"floods", "floods.csv", "latlon", NULL, 3, 2, 0, {1.1, 1.1, 1.03}, {3, 300, 50, 0.1, 0.3, 10},
     {4, 100, 50, 5, 1000, 0.1, 0.1, 0.01, 0.03}, 2, {4, 500, 100}, {50, 50, 60, 1000, 0.5}},
    {"glycine", "glycine.csv", "torus:3,1", NULL, 3, 2, 0, {4.1, 4.1, 2.7}, {2, 100, 50, 0.3, 0, 1},
     {3, 10, 50, 10, 1000, 0.3, 0.1, 0.01, 0.03}, 3, {3, 500, 50}, {50, 100, 60, 1000, 0.5}}
};

/* ---- programs ---- */

typedef struct paper_args {
    const char *name;
    uint64_t seed;
    char out[512];
    int quick, paper; /* --quick: a glance at all parts; --recipe paper */
    int B;            /* points that samples are compared by */
    const char *only; /* the tables: this set */
    const char *data; /* images: "mnist" or "fmnist" */
    const char *energy; /* images: of energies.h (NULL: none) */
    const char *model; /* table2: this one alone (NULL: all) */
    int steps;        /* images: of training (0: the program's own) */
    int seconds;      /* images: of CPU for each model (0: the program's own) */
    double start;
    FILE *csv;        /* NAME.csv, once something is in it */
    ebim_arena arena; /* for all a program makes; `used` is set back between its models */
} paper_args;

FILE_FN void paper_stop(int status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(status);
}

FILE_FN void paper_check(const char *what, ebim_result r)
{
    if (r) paper_stop(1, "%s: %s", what, ebim_result_str(r));
}

FILE_FN double paper_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

FILE_FN int paper_known(const char *set)
{
    int k;
    for (k = 0; k < PAPER_SETS; k++)
        if (!strcmp(paper_sets[k].name, set)) return 1;
    return 0;
}

FILE_FN void paper_begin(paper_args *a, const char *name, int argc, char **argv)
{
    enum { ROOM = 1 << 28 }; /* what is not used costs nothing */
    char err[FILE_ERROR];
    int i;
    memset(a, 0, sizeof *a);
    a->name = name;
    a->seed = 1;
    snprintf(a->out, sizeof a->out, "build/out/%s", name);
    for (i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--quick")) {
            a->quick = 1;
            continue;
        }
        i++;
        if (value && !strcmp(argv[i - 1], "--seed") && strspn(value, "0123456789") == strlen(value))
            a->seed = strtoull(value, NULL, 10);
        else if (value && !strcmp(argv[i - 1], "--out"))
            snprintf(a->out, sizeof a->out, "%s", value);
        else if (value && !strcmp(argv[i - 1], "--recipe") &&
                 (!strcmp(value, "paper") || !strcmp(value, "default")))
            a->paper = *value == 'p';
        else if (value && !strcmp(argv[i - 1], "--only") && paper_known(value))
            a->only = value;
        else if (value && !strcmp(argv[i - 1], "--data") &&
                 (!strcmp(value, "mnist") || !strcmp(value, "fmnist")))
            a->data = value;
        else if (value && !strcmp(argv[i - 1], "--energy"))
            a->energy = value;
        else if (value && !strcmp(argv[i - 1], "--model"))
            a->model = value;
        else if (value && !strcmp(argv[i - 1], "--steps") && atoi(value) > 0)
            a->steps = atoi(value);
        else if (value && !strcmp(argv[i - 1], "--seconds") && atoi(value) > 0)
            a->seconds = atoi(value);
        else
            paper_stop(2, "%s: '%s'?\nusage: %s [--seed N] [--out DIR] [--quick] "
                          "[--recipe paper|default] [--only SET] [--data mnist|fmnist] "
                          "[--steps N] [--seconds N] [--energy kernel|codes|pixels] "
                          "[--model NAME]", name, argv[i - 1], name);
    }
    if (file_mkdirs(a->out, err, sizeof err)) paper_stop(2, "%s", err);
    ebim_arena_init(&a->arena, malloc(ROOM), ROOM);
    if (!a->arena.base) paper_stop(1, "%s: out of memory", name);
    if (!a->data) a->data = "mnist";
    a->B = a->quick ? 400 : 2000;
    a->start = paper_seconds();
}

/* A path in the folder of the pictures, for the next use only */
FILE_FN const char *paper_path(paper_args *a, const char *file)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", a->out, file);
    return path;
}

/* What a panel shows, into NAME.csv: panel,x0,x1[,x2],value for x: [N][n] and v: [N] */
FILE_FN void paper_csv(paper_args *a, double panel, int N, int n, const double *x, const double *v)
{
    char file[64];
    int i, c;
    if (!a->csv) {
        snprintf(file, sizeof file, "%s.csv", a->name);
        a->csv = fopen(paper_path(a, file), "w");
        if (!a->csv) paper_stop(2, "%s: cannot be written", paper_path(a, file));
        fprintf(a->csv, "panel,x0,x1%s,value\n", n > 2 ? ",x2" : "");
    }
    for (i = 0; i < N; i++) {
        fprintf(a->csv, "%g", panel);
        for (c = 0; c < n; c++) fprintf(a->csv, ",%.6g", x[i * n + c]);
        fprintf(a->csv, ",%.6g\n", v ? v[i] : 1.0);
    }
}

/* The last line of a program: a JSON object, opened here */
FILE_FN json paper_json(paper_args *a)
{
    json j;
    if (a->csv && fclose(a->csv)) paper_stop(1, "%s.csv: cannot be written", a->name);
    a->csv = NULL;
    j = json_begin(stdout);
    json_text(&j, "experiment", a->name);
    json_text(&j, "recipe", a->paper ? "paper" : "default");
    json_number(&j, "seed", (double)a->seed);
    json_number(&j, "quick", a->quick);
    json_number(&j, "seconds", paper_seconds() - a->start);
    return j;
}

FILE_FN void *paper_push(paper_args *a, size_t count, size_t size)
{
    void *p = ebim_arena_push(&a->arena, count, size);
    if (!p) paper_stop(1, "%s: out of memory", a->name);
    return p;
}

FILE_FN ebim_real *paper_points(paper_args *a, int N, int n)
{
    return (ebim_real *)paper_push(a, (size_t)N * (size_t)n, sizeof(ebim_real));
}

/* The data: drawn from stream `stream` of the seed (0: those to fit), or all of the file. */
FILE_FN ebim_real *paper_data(paper_args *a, const paper_set *s, int stream, int *N)
{
    int n;
    ebim_rng r;
    ebim_real *x, *y;
    if (s->draw) {
        *N = s->N;
        x = paper_points(a, *N, s->n);
        ebim_rng_init(&r, a->seed, (uint64_t)stream);
        s->draw(&r, *N, x);
        return x;
    }
    y = data_read(s->file, s->how, N, &n);
    if (!y) exit(2); /* data_read has said what is missing */
    if (a->quick && *N > 1000) *N = 1000;
    x = paper_points(a, *N, n);
    memcpy(x, y, (size_t)*N * (size_t)n * sizeof *x);
    free(y);
    return x;
}

/* ---- models ---- */

FILE_FN int paper_steps(const paper_args *a, int N, int epochs, int batch)
{
    int steps = epochs * (N / batch > 0 ? N / batch : 1);
    return a->quick ? steps / 20 + 1 : steps;
}

/* F by eq. 8. m->lo, hi are the box. */
FILE_FN void paper_manifold(paper_args *a, const paper_set *s, ebim_model *m, int N,
                            const ebim_real *x, uint64_t seed)
{
    ebim_mlp_desc net;
    ebim_mdf_desc d;
    ebim_train_report report;
    memset(&net, 0, sizeof net);
    memset(&d, 0, sizeof d);
    net.in = s->n;
    net.out = s->n - s->m;
    net.layers = s->F.layers;
    net.width = 8;
    paper_check("F", ebim_mlp(&m->F, &a->arena, &net, seed));
    d.lo = m->lo;
    d.hi = m->hi;
    d.seed = seed;
    d.batch = s->F.batch;
    d.steps = paper_steps(a, N, s->F.epochs, s->F.batch);
    d.rate = 0.01;
    d.data.norm = 1;
    d.data.rank = s->F.beta;
    d.data.eta = s->F.eta;
    d.in_order = 1;
    if (s->F.alpha > 0) {
        d.negatives.norm = -s->F.alpha;
        d.negatives.norm2 = 1;
        d.langevin.energy = EBIM_ENERGY_OF_NORM;
        d.langevin.eps = 0.1;
        d.langevin.step = 10;
        d.langevin.clamp = 0.03;
        d.langevin_steps = 20;
        d.buffer = 10000;
        d.clamp_ends = 1;
    }
    paper_check("F", ebim_mdf_train(&m->F, &a->arena, N, x, &d, &report));
}

/* E by eq. 10. s->E.buffer 0: no buffer, every chain starts afresh. */
FILE_FN void paper_energy(paper_args *a, const paper_set *s, ebim_model *m, int N,
                          const ebim_real *x, uint64_t seed)
{
    ebim_mlp_desc net;
    ebim_energy_desc d;
    ebim_train_report report;
    memset(&net, 0, sizeof net);
    memset(&d, 0, sizeof d);
    net.in = s->n;
    net.out = 1;
    net.layers = s->E.layers;
    paper_check("E", ebim_mlp(&m->E, &a->arena, &net, seed + 1000));
    d.lo = m->lo;
    d.hi = m->hi;
    d.seed = seed;
    d.batch = s->E.batch;
    d.steps = paper_steps(a, N, s->E.epochs, s->E.batch);
    d.rate = 0.01;
    d.clip = 1;
    d.magnitude = s->E.magnitude;
    d.buffer = s->E.buffer;
    d.keep = s->E.buffer ? 0 : 1e-9;
    d.fresh = EBIM_PROJECT_DESCEND;
    d.in_order = 1;
    d.clmc_steps = s->E.steps;
    d.clmc.eps = s->E.eps;
    if (!a->paper) { /* exact chains instead, and hardly a pull towards E = 0 */
        d.clmc.adjust = EBIM_ADJUST_EXACT;
        d.magnitude = 0.01;
        d.fresh = EBIM_PROJECT_ONTO;
        paper_check("E", ebim_energy_train(&m->E, &a->arena, &m->F, N, x, &d, &report));
        m->has_energy = 1;
        return;
    }
    d.clmc.step = s->E.step;
    d.clmc.clamp = s->E.clamp;
    d.clmc.keep_unsolved = 1;
    d.clmc.constraint.solver = EBIM_SOLVER_LBFGS;
    d.clmc.constraint.joint = 1;
    paper_check("E", ebim_energy_train(&m->E, &a->arena, &m->F, N, x, &d, &report));
    m->has_energy = 1;
}

FILE_FN void paper_open(paper_args *a, const paper_set *s, ebim_model *m)
{
    int c;
    memset(m, 0, sizeof *m);
    m->n = s->n;
    m->m = s->m;
    m->k = s->n - s->m;
    m->unit = 1;
    m->lo = (double *)paper_push(a, 2 * (size_t)s->n, sizeof(double));
    m->hi = m->lo + s->n;
    for (c = 0; c < s->n; c++) m->lo[c] = -(m->hi[c] = s->box[c]);
}

/* The model of one set by the recipe of a->paper, with its seconds in info.seconds. Its parameters
 * stay in the arena, or (default) in m->owned. */
FILE_FN void paper_ebim(paper_args *a, const paper_set *s, ebim_model *m, int N,
                        const ebim_real *x, uint64_t seed)
{
    double start = paper_seconds();
    ebim_fit_desc d;
    if (a->paper) {
        paper_open(a, s, m);
        paper_manifold(a, s, m, N, x, seed);
        paper_energy(a, s, m, N, x, seed);
    } else {
        memset(&d, 0, sizeof d);
        d.dim = s->m;
        d.seed = seed;
        d.effort = a->quick ? 0.009 : 1; /* below 0.01 it is judged in brief, too */
        paper_check(s->name, ebim_fit(m, N, s->n, x, &d));
    }
    m->info.seconds = paper_seconds() - start;
}

/* The pushforward model of appendix B.1; beta: of the variational autoencoder (0: a plain one). */
FILE_FN void paper_latent(paper_args *a, const paper_set *s, pushforward *p, int N,
                          const ebim_real *x, uint64_t seed, double beta)
{
    autoencoder_desc d;
    ebm_desc e;
    memset(&d, 0, sizeof d);
    memset(&e, 0, sizeof e);
    d.layers = s->ae.layers;
    d.width = 32;
    d.batch = s->ae.batch;
    d.steps = paper_steps(a, N, s->ae.epochs, d.batch) * (a->quick ? 4 : 1);
    d.rate = 0.001;
    d.clip = 1;
    d.beta = beta;
    e.batch = s->latent.batch;
    e.steps = paper_steps(a, N, s->latent.epochs, e.batch);
    e.rate = 0.01;
    e.clip = 1;
    e.magnitude = 0.1;
    e.eps = s->latent.eps;
    e.step = 10;
    e.clamp = 0.03;
    e.chain_steps = s->latent.steps;
    e.buffer = s->latent.buffer;
    d.seed = e.seed = seed;
    paper_check(s->name, pushforward_train(p, s->n, s->m, N, x, &d, &e, s->ae.layers, &a->arena));
}

/* ---- points of models ---- */

/* Up to B points uniform on M, x: [B][n]; returns how many. k = 1 */
FILE_FN int paper_uniform(paper_args *a, const ebim_model *m, int B, ebim_real *x, uint64_t seed)
{
    ebim_lines *lines;
    ebim_lines_desc d;
    size_t used = a->arena.used;
    memset(&d, 0, sizeof d);
    d.lo = m->lo;
    d.hi = m->hi;
    paper_check("lines", ebim_lines_init(&lines, &a->arena, &m->F, &d));
    B = ebim_lines_uniform(lines, B, x, seed);
    a->arena.used = used;
    return B;
}

/* E at x: [N][n], divided by a temperature */
FILE_FN double *paper_energies(paper_args *a, const ebim_model *m, int N, const ebim_real *x,
                               double temperature)
{
    double *E = (double *)paper_push(a, (size_t)N, sizeof *E);
    size_t used = a->arena.used;
    ebim_real *e = paper_points(a, N, 1);
    int i;
    paper_check("E", ebim_model_gradients(m, &a->arena, N, x, NULL, NULL, e, NULL));
    for (i = 0; i < N; i++) E[i] = (double)e[i] / temperature;
    a->arena.used = used;
    return E;
}

/* B points of the model's density e^(-E / temperature): uniform ones, resampled. The chains of the
 * header do this better for one temperature; like this it is the same for all models. */
FILE_FN void paper_sample(paper_args *a, const ebim_model *m, double temperature, int B,
                          ebim_real *x, uint64_t seed)
{
    size_t used = a->arena.used;
    int N = 20 * B, i, b = 0;
    ebim_real *u = paper_points(a, N, m->n);
    double *E, least = HUGE_VAL, sum = 0, at = 0, shift;
    ebim_rng r;
    N = paper_uniform(a, m, N, u, seed);
    if (N < 1) paper_stop(1, "%s: no point of M was found", a->name);
    E = paper_energies(a, m, N, u, temperature);
    for (i = 0; i < N; i++) least = fmin(least, E[i]);
    for (i = 0; i < N; i++) sum += E[i] = exp(least - E[i]);
    ebim_rng_init(&r, seed, 9);
    shift = (double)ebim_rng_uniform(&r);
    for (i = 0; i < N; i++) /* systematic resampling: as many copies as its share, rounded */
        for (at += E[i] / sum * B; b < B && b + shift < at; b++)
            memcpy(x + (size_t)b * (size_t)m->n, u + (size_t)i * (size_t)m->n,
                   (size_t)m->n * sizeof *x);
    for (; b < B; b++)
        memcpy(x + (size_t)b * (size_t)m->n, u + (size_t)(N - 1) * (size_t)m->n,
               (size_t)m->n * sizeof *x);
    a->arena.used = used;
}

/* ---- figures of models ---- */

FILE_FN int paper__ascending(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

/* Minimum, median, mean and maximum of v: [N], which is sorted; not finite counts as infinite */
FILE_FN void paper_spread(int N, double *v, double out[4])
{
    int i;
    for (out[2] = 0, i = 0; i < N; i++) out[2] += v[i] / N;
    qsort(v, (size_t)N, sizeof *v, paper__ascending);
    out[0] = v[0];
    out[1] = (v[(N - 1) / 2] + v[N / 2]) / 2;
    out[3] = v[N - 1];
}

/* The same of the distances of x: [N][n] to M, of those that find a way there, and how many do
 * not */
FILE_FN int paper_distances(paper_args *a, const ebim_model *m, int N, const ebim_real *x,
                            double out[4])
{
    size_t used = a->arena.used;
    ebim_real *d = paper_points(a, N, 1);
    double *v = (double *)paper_push(a, (size_t)N, sizeof *v);
    unsigned char *ok = (unsigned char *)paper_push(a, (size_t)N, 1);
    int i, found = 0;
    paper_check("distances",
                ebim_model_score(m, &a->arena, N, x, NULL, d, NULL, ok));
    for (i = 0; i < N; i++)
        if (ok[i]) v[found++] = (double)d[i];
    memset(out, 0, 4 * sizeof *out);
    if (found) paper_spread(found, v, out);
    a->arena.used = used;
    return N - found;
}

/* Exact Wasserstein-1 of x, y: [N][n], and the square root of the least mean squared distance */
FILE_FN double paper_w(paper_args *a, int power, int N, int n, const ebim_real *x,
                       const ebim_real *y)
{
    double gap = 1, w = metrics_w(power, N, n, x, y, &gap);
    if (w < 0 || !(gap < 1e-10)) paper_stop(1, "%s: no transport (gap %g)", a->name, gap);
    return w;
}

/* The distances of x: [N][n] to the image of a pushforward model, and mean -log density (eq. 2) at
 * the nearest points */
FILE_FN double paper_latent_distances(paper_args *a, pushforward *p, int N, const ebim_real *x,
                                      double out[4])
{
    size_t used = a->arena.used;
    double *v = (double *)paper_push(a, (size_t)N, sizeof *v), nll = 0;
    int i;
    for (i = 0; i < N; i++) {
        ebim_real z[2];
        v[i] = pushforward_distance(p, x + (size_t)i * (size_t)p->ae.n, z);
        nll -= pushforward_log_density(p, z) / N;
    }
    paper_spread(N, v, out);
    a->arena.used = used;
    return nll;
}

/* ---- shapes for pictures ---- */

FILE_FN double *paper_doubles(paper_args *a, int count, const ebim_real *x)
{
    double *v = (double *)paper_push(a, (size_t)count, sizeof *v);
    int i;
    for (i = 0; i < count; i++) v[i] = (double)x[i];
    return v;
}

/* e^-E / Z, E: [n_vert] at the vertices and out; Z by the lengths or areas round them */
FILE_FN void paper__normalise(paper_args *a, const mesh *m, double *E)
{
    size_t used = a->arena.used;
    double *weight = (double *)paper_push(a, (size_t)m->n_vert + 1, sizeof *weight);
    double least = HUGE_VAL, sum = 0;
    int i;
    mesh_weights(m, weight);
    for (i = 0; i < m->n_vert; i++) least = fmin(least, E[i]);
    for (i = 0; i < m->n_vert; i++) sum += weight[i] * (E[i] = exp(least - E[i]));
    for (i = 0; i < m->n_vert; i++) E[i] /= sum;
    a->arena.used = used;
}

/* The zero set of F in the model's box, n = 2 or 3, and its density e^(-E / temperature) / Z at
 * the vertices (NULL for a model without energy). */
FILE_FN double *paper_shape(paper_args *a, const ebim_model *m, double temperature, mesh *shape)
{
    panels_graph g;
    ebim_real *x;
    double *E;
    int i, cells = m->n == 2 ? 300 : a->quick ? 40 : 80;
    paper_check("shape", panels_graph_init(&g, &a->arena, &m->F));
    if (mesh_zero_set(shape, m->n, m->lo, m->hi, cells, panels_graph_eval, &g))
        paper_stop(1, "%s: out of memory", a->name);
    if (!m->has_energy || !shape->n_vert) return NULL;
    x = paper_points(a, shape->n_vert, m->n);
    for (i = 0; i < shape->n_vert * m->n; i++) x[i] = (ebim_real)shape->vert[i];
    E = paper_energies(a, m, shape->n_vert, x, temperature);
    paper__normalise(a, shape, E);
    return E;
}

/* The image of the box of codes of a pushforward model, and eq. 2 at its vertices */
FILE_FN double *paper_image(paper_args *a, pushforward *p, mesh *shape)
{
    int n = p->ae.n, m = p->ae.m, cells = m == 1 ? 2000 : 120, count, i, j;
    double *density, *x;
    ebim_real z[2];
    count = m == 1 ? cells + 1 : (cells + 1) * (cells + 1);
    density = (double *)paper_push(a, (size_t)count, sizeof *density);
    x = (double *)paper_push(a, (size_t)(count * n), sizeof *x);
    for (i = 0; i < count; i++) {
        int at[2];
        at[0] = i % (cells + 1);
        at[1] = i / (cells + 1);
        for (j = 0; j < m; j++)
            z[j] = (ebim_real)(p->lo[j] + (p->hi[j] - p->lo[j]) * at[j] / cells);
        pushforward_decode(p, z, x + i * n, NULL);
        density[i] = exp(pushforward_log_density(p, z));
    }
    if (m == 1 ? panels_chain(shape, count, x) : panels_grid(shape, 3, cells, p->lo, p->hi))
        paper_stop(1, "%s: out of memory", a->name);
    if (m == 2) memcpy(shape->vert, x, (size_t)(count * n) * sizeof *x);
    return density;
}

FILE_FN plot_range paper_range(double lo, double hi)
{
    plot_range r;
    r.lo = lo;
    r.hi = hi;
    r.below = r.above = 0;
    return r;
}

/* Colours from 0 to a high quantile of a density, by area */
FILE_FN plot_range paper_colours(paper_args *a, const mesh *m, const double *density)
{
    size_t used = a->arena.used;
    double *weight = (double *)paper_push(a, (size_t)m->n_vert + 1, sizeof *weight);
    plot_range r = paper_range(0, 1);
    mesh_weights(m, weight);
    if (density) figure__density_range(density, weight, m->n_vert, &r);
    a->arena.used = used;
    return r;
}

/* g: R^2 -> R as a surface over the plane, heights lo_z .. hi_z (equal: as they come), with a curve
 * on it (NULL: none). */
FILE_FN void paper_height(paper_args *a, panels *p, int row, int col, const char *title,
                          const ebim_graph *g, const ebim_model *m, double lo_z, double hi_z,
                          const mesh *curve)
{
    enum { CELLS = 100 };
    size_t used = a->arena.used;
    double lo[3], hi[3], *plane, *v, *on = NULL, *at = NULL;
    plot_range r = paper_range(lo_z, hi_z);
    panels_graph e;
    panels_solid s;
    mesh sheet;
    int i, c;
    paper_check(title, panels_graph_init(&e, &a->arena, g));
    if (panels_grid(&sheet, 3, CELLS, m->lo, m->hi)) paper_stop(1, "%s: out of memory", a->name);
    plane = (double *)paper_push(a, 2 * (size_t)sheet.n_vert, sizeof *plane);
    v = (double *)paper_push(a, (size_t)sheet.n_vert, sizeof *v);
    for (i = 0; i < 2 * sheet.n_vert; i++) plane[i] = sheet.vert[i / 2 * 3 + i % 2];
    panels_graph_eval(&e, sheet.n_vert, plane, v);
    paper_csv(a, row * p->cols + col, sheet.n_vert, 2, plane, v);
    if (!(hi_z > lo_z)) figure__range(v, NULL, sheet.n_vert, 0.01, 6, &r);
    for (c = 0; c < 2; c++) {
        lo[c] = m->lo[c];
        hi[c] = m->hi[c];
    }
    lo[2] = 0;
    hi[2] = 0.7 * (hi[0] - lo[0]);
    for (i = 0; i < sheet.n_vert; i++)
        sheet.vert[3 * i + 2] = hi[2] * plot_clamp(figure__unit(r, v[i]), 0, 1);
    memset(&s, 0, sizeof s);
    if (curve && curve->n_vert) {
        at = (double *)paper_push(a, (size_t)curve->n_vert, sizeof *at);
        on = (double *)paper_push(a, 3 * (size_t)curve->n_vert, sizeof *on);
        panels_graph_eval(&e, curve->n_vert, curve->vert, at);
        for (i = 0; i < curve->n_vert; i++) {
            on[3 * i] = curve->vert[2 * i];
            on[3 * i + 1] = curve->vert[2 * i + 1];
            on[3 * i + 2] = hi[2] * plot_clamp(figure__unit(r, at[i]), 0, 1) + 0.01 * hi[2];
        }
        s.points = on;
        s.n_points = curve->n_vert;
    }
    s.m = &sheet;
    s.density = v;
    s.range = r;
    s.azimuth = -52;
    s.elevation = 32;
    panels_space(p, row, col, title, lo, hi, &s);
    mesh_free(&sheet);
    a->arena.used = used;
}

/* Figs 5 and 6: the data, a pushforward model and ours, from two sides */
FILE_FN void paper_two_views(paper_args *a, const paper_set *s, const char *title)
{
    static pushforward p;
    const char *name[3] = {"data", "pushforward EBM", "EBIM"};
    double d[4], lo[3], *density[3] = {NULL, NULL, NULL};
    char file[64];
    ebim_model m;
    ebim_real *x;
    mesh shape[3];
    panels_solid solid;
    plot_range range;
    panels f;
    json j;
    int N, i, c;
    x = paper_data(a, s, 0, &N);
    paper_ebim(a, s, &m, N, x, a->seed);
    paper_latent(a, s, &p, N, x, a->seed, 0);
    i = paper_distances(a, &m, N, x, d);
    density[1] = paper_image(a, &p, &shape[1]);
    density[2] = paper_shape(a, &m, a->paper ? s->temperature : 1, &shape[2]);
    range = paper_colours(a, &shape[2], density[2]);
    if (panels_open(&f, 2, 3, title)) paper_stop(1, "out of memory");
    for (c = 0; c < 3; c++) lo[c] = -s->box[c];
    for (c = 0; c < 6; c++) {
        memset(&solid, 0, sizeof solid);
        solid.range = range;
        solid.azimuth = c < 3 ? -52 : 128;
        solid.elevation = 30;
        solid.m = c % 3 ? &shape[c % 3] : NULL;
        solid.density = density[c % 3];
        solid.points = c % 3 ? NULL : paper_doubles(a, 3 * N, x);
        solid.n_points = c % 3 ? 0 : N;
        panels_space(&f, c / 3, c % 3, c < 3 ? name[c] : "", lo, s->box, &solid);
        if (c == 1 || c == 2) paper_csv(a, c, shape[c].n_vert, 3, shape[c].vert, density[c]);
    }
    snprintf(file, sizeof file, "%s.png", a->name);
    if (panels_save(&f, paper_path(a, file))) paper_stop(1, "no picture");
    j = paper_json(a);
    json_number(&j, "fit_seconds", m.info.seconds);
    json_numbers(&j, "distance_min_median_mean_max", 4, d);
    json_number(&j, "missed", i);
    json_end(&j);
}

#endif /* PAPER_IMPLEMENTATION_ONLY */
#endif /* PAPER_H */
