/* manifolds.c: how well ebim_fit finds a manifold that is known, over many seeds. `make manifolds`

   Five data sets, each fitted with default settings to plain coordinates; where data are drawn,
   they are drawn anew for every seed. Of each fit:

     mean, max  distance of points of the true manifold to the learned M, in the data's units, as
                ebim_score finds it; a point for which it finds no nearest one counts as far away
                (the diagonal of the model's box)
     spurious   share of M's volume farther than 0.1 units of the model from the true manifold
     missing    share of the true manifold farther than 0.1 units from M
     outside    share of the true manifold outside the model's box, where nothing is sampled. The
                distances above do not care: F has zeros beyond the box, and ebim_score takes them
     volume     of M in the box, its standard error, and that of the true manifold in the box
     seconds    of one processor, for the fit alone

   A fit is bad when its mean distance is above the target of its data set, or more than 1 % is
   spurious or missing. A fit that calls itself fine and is bad is the one thing nobody should meet:
   one such fit makes the exit status 1. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../examples/common/csv.h"
#include "../examples/common/embed.h"
#include "../examples/common/data.h"
#include "../examples/common/json.h"
#include "../examples/common/synth.h"

enum { TRUTH = 2000, ON_M = 10000, LINES = 100000, DRAWN = 1000, SEEDS = 1000 };

/* ---- the data sets, and the manifolds they lie on ---- */

static const double center = 1.8, kappa = 2, big_R = 3, small_r = 1;

static void circle_data(ebim_rng *r, int N, ebim_real *x) { synth_circle(r, kappa, N, x); }
static void circle_truth(ebim_rng *r, int N, ebim_real *x) { synth_circle(r, 0, N, x); }

static double circle_distance(const ebim_real *x)
{
    return fabs(hypot((double)x[0], (double)x[1]) - 1);
}

static void two_circles_data(ebim_rng *r, int N, ebim_real *x)
{
    synth_two_circles(r, center, kappa, N, x);
}

static void two_circles_truth(ebim_rng *r, int N, ebim_real *x)
{
    synth_two_circles(r, center, 0, N, x);
}

static double two_circles_distance(const ebim_real *x)
{
    return fabs(hypot(fabs((double)x[0]) - center, (double)x[1]) - 1);
}

static void sphere_truth(ebim_rng *r, int N, ebim_real *x)
{
    int i;
    for (i = 0; i < N; i++) ebim_rng_sphere(r, 3, x + 3 * i);
}

static double sphere_distance(const ebim_real *x)
{
    return fabs(sqrt((double)x[0] * (double)x[0] + (double)x[1] * (double)x[1] +
                     (double)x[2] * (double)x[2]) - 1);
}

/* Uniform by area, which is proportional to R + r cos psi. */
static void torus_truth(ebim_rng *r, int N, ebim_real *x)
{
    embed e;
    double row[2], p[3];
    int i, c;
    e.kind = EMBED_TORUS;
    e.R = big_R;
    e.r = small_r;
    for (i = 0; i < N; i++, x += 3) {
        row[0] = 2 * SYNTH_PI * (double)ebim_rng_uniform(r);
        do row[1] = 2 * SYNTH_PI * (double)ebim_rng_uniform(r);
        while ((double)ebim_rng_uniform(r) * (big_R + small_r) > big_R + small_r * cos(row[1]));
        embed_point(&e, 3, row, p);
        for (c = 0; c < 3; c++) x[c] = (ebim_real)p[c];
    }
}

static double torus_distance(const ebim_real *x)
{
    double out = hypot((double)x[0], (double)x[1]) - big_R;
    return fabs(hypot(out, (double)x[2]) - small_r);
}

typedef struct data_set {
    const char *name;
    int n, m;
    double target, volume;                              /* of the mean distance; true */
    void (*data)(ebim_rng *r, int N, ebim_real *x);     /* NULL: from a file */
    const char *file, *embed;
    void (*truth)(ebim_rng *r, int N, ebim_real *x);    /* uniform on the true manifold */
    double (*distance)(const ebim_real *x);             /* to the true manifold, exactly */
} data_set;

static const data_set sets[] = {
    {"circle", 2, 1, 1e-3, 2 * SYNTH_PI, circle_data, "", "", circle_truth, circle_distance},
    {"two_circles", 2, 1, 3.5e-3, 4 * SYNTH_PI, two_circles_data, "", "", two_circles_truth,
     two_circles_distance},
    {"sphere", 3, 2, 1e-3, 4 * SYNTH_PI, synth_sphere_mixture, "", "", sphere_truth,
     sphere_distance},
    {"floods", 3, 2, 1e-3, 4 * SYNTH_PI, NULL, "floods.csv", "latlon", sphere_truth,
     sphere_distance},
    {"glycine", 3, 2, 1.3e-2, 12 * SYNTH_PI * SYNTH_PI, NULL, "glycine.csv", "torus:3,1",
     torus_truth, torus_distance}
};

enum { SETS = sizeof sets / sizeof *sets };

/* ---- what one fit is worth ---- */

typedef enum figure {
    MEAN, MOST, SPURIOUS, MISSING, OUTSIDE, VOLUME, VOLUME_SE, VOLUME_TRUE, SECONDS, FIGURES
} figure;

typedef struct outcome {
    double v[FIGURES];
    ebim_result result;
    int fine; /* what the fit says of itself; -1: nothing */
    int bad;  /* what it is */
} outcome;

/* Memory for what the arena has measured, in place of the earlier memory. */
static ebim_result provide(ebim_arena *a, void **mem)
{
    size_t bytes = ebim_arena_bytes(a);
    free(*mem);
    *mem = malloc(bytes);
    ebim_arena_init(a, *mem, *mem ? bytes : 0);
    return *mem ? EBIM_OK : EBIM_ERR_MEMORY;
}

static double diagonal(const ebim_model *m)
{
    double sum = 0;
    int c;
    for (c = 0; c < m->n; c++) sum += (m->hi[c] - m->lo[c]) * (m->hi[c] - m->lo[c]);
    return sqrt(sum);
}

static int in_box(const ebim_model *m, const ebim_real *x)
{
    int c;
    for (c = 0; c < m->n; c++)
        if ((double)x[c] < m->lo[c] || (double)x[c] > m->hi[c]) return 0;
    return 1;
}

/* From the truth to M: mean, largest, missing. */
static ebim_result measure_truth(const data_set *s, const ebim_model *m, uint64_t seed, double *v)
{
    static ebim_real x[3 * TRUTH], distance[TRUTH];
    static unsigned char ok[TRUTH];
    double far = diagonal(m);
    ebim_arena work;
    ebim_rng rng;
    ebim_result r;
    void *mem = NULL;
    int i;
    ebim_rng_init(&rng, seed, UINT64_MAX - 1); /* the data have UINT64_MAX */
    s->truth(&rng, TRUTH, x);
    ebim_arena_init(&work, NULL, 0);
    r = ebim_model_score(m, &work, TRUTH, x, NULL, distance, NULL, ok);
    if (!r) r = provide(&work, &mem);
    if (!r) r = ebim_model_score(m, &work, TRUTH, x, NULL, distance, NULL, ok);
    free(mem);
    if (r) return r;
    for (v[MEAN] = v[MOST] = v[MISSING] = 0, i = 0; i < TRUTH; i++) {
        double d = ok[i] ? (double)distance[i] : far;
        v[MEAN] += d / (int)TRUTH;
        v[MISSING] += d > 0.1 * m->unit ? 1.0 / (int)TRUTH : 0;
        if (d > v[MOST]) v[MOST] = d;
    }
    return EBIM_OK;
}

/* How much of the truth the model's box cuts off; its volume inside to 1e-3 or so. */
static void measure_box(const data_set *s, const ebim_model *m, uint64_t seed, double *v)
{
    static ebim_real x[3 * TRUTH];
    ebim_rng rng;
    int i, batch, batches = 50, out = 0;
    ebim_rng_init(&rng, seed, UINT64_MAX - 2);
    for (batch = 0; batch < batches; batch++) {
        s->truth(&rng, TRUTH, x);
        for (i = 0; i < TRUTH; i++) out += !in_box(m, x + i * m->n);
    }
    v[OUTSIDE] = (double)out / batches / (int)TRUTH;
    v[VOLUME_TRUE] = s->volume * (1 - v[OUTSIDE]);
}

/* From M to the truth: spurious, volume (by more lines, which cost little, than points need). */
static ebim_result measure_model(const data_set *s, const ebim_model *m, uint64_t seed, double *v)
{
    static ebim_real x[3 * ON_M];
    ebim_lines_desc d;
    ebim_lines *lines;
    ebim_arena work;
    ebim_result r;
    void *mem = NULL;
    int i, have, off = 0;
    memset(&d, 0, sizeof d);
    d.lo = m->lo;
    d.hi = m->hi;
    ebim_arena_init(&work, NULL, 0);
    r = ebim_lines_init(&lines, &work, &m->F, &d);
    if (!r) r = provide(&work, &mem);
    if (!r) r = ebim_lines_init(&lines, &work, &m->F, &d);
    if (!r) {
        have = ebim_lines_uniform(lines, ON_M, x, seed);
        for (i = 0; i < have; i++) off += s->distance(x + i * m->n) > 0.1 * m->unit;
        v[SPURIOUS] = have ? (double)off / have : 0;
        ebim_lines_run(lines, LINES, 0, NULL, seed, UINT64_MAX / 2);
        v[VOLUME] = ebim_lines_stats(lines).volume;
        v[VOLUME_SE] = ebim_lines_stats(lines).volume_se;
    }
    free(mem);
    return r;
}

static int says_fine(const ebim_model *m, ebim_result r)
{
    if (r || m->info.partial > 0) return 0;
#ifdef EBIM_VERDICTS
    return m->judged.verdict < 0.5; /* a set of bits: 0 is fine */
#else
    return -1;
#endif
}

/* One fit and its measures. A fit that leaves no model has found nothing. */
static void fit_once(const data_set *s, int N, const ebim_real *x, uint64_t seed, double effort,
                     outcome *o)
{
    ebim_fit_desc d;
    ebim_model m;
    clock_t start = clock();
    ebim_result r = EBIM_ERR_SOLVE;
    memset(&d, 0, sizeof d);
    d.dim = s->m;
    d.seed = seed;
    d.effort = effort;
    memset(o, 0, sizeof *o);
    o->result = ebim_fit(&m, N, s->n, x, &d);
    o->v[SECONDS] = (double)(clock() - start) / CLOCKS_PER_SEC;
    o->fine = says_fine(&m, o->result);
    if (m.owned) r = measure_truth(s, &m, seed, o->v);
    if (!r) r = measure_model(s, &m, seed, o->v);
    if (r) {
        o->v[MEAN] = o->v[MOST] = HUGE_VAL;
        o->v[MISSING] = 1;
        if (!o->result) o->result = r;
    } else {
        measure_box(s, &m, seed, o->v);
    }
    o->bad = !(o->v[MEAN] <= s->target) || o->v[SPURIOUS] > 0.01 || o->v[MISSING] > 0.01;
    ebim_free(&m);
}

/* ---- the report ---- */

static void print_outcome(FILE *f, const data_set *s, int seed, const outcome *o)
{
    const double *v = o->v;
    fprintf(f, "%-11s seed %2d: mean %.5f max %.4f spurious %.2f %% missing %.2f %% "
            "outside %.2f %% volume %.3f +- %.3f (%.3f) %.1f s %s%s%s%s\n", s->name, seed, v[MEAN],
            v[MOST], 100 * v[SPURIOUS], 100 * v[MISSING], 100 * v[OUTSIDE], v[VOLUME],
            v[VOLUME_SE], v[VOLUME_TRUE], v[SECONDS], o->bad ? "BAD" : "good",
            o->fine < 0 ? "" : o->fine ? ", says fine" : ", says bad",
            o->result ? ": " : "", o->result ? ebim_result_str(o->result) : "");
    fflush(f);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct summary {
    double median[FIGURES], worst[FIGURES]; /* VOLUME: relative error, worst by its size */
    double error_se;                        /* standard error of that worst one */
    int fits, bad, fine, fine_but_bad, bad_but_good;
} summary;

static void summarise_figure(int fits, const outcome *o, int k, summary *u)
{
    static double v[SEEDS];
    int i;
    for (u->worst[k] = 0, i = 0; i < fits; i++) {
        double truth = o[i].v[VOLUME_TRUE]; /* 0: no model */
        v[i] = o[i].v[k];
        if (k == VOLUME) v[i] = truth > 0 ? v[i] / truth - 1 : -1;
        if (!(fabs(v[i]) > fabs(u->worst[k]))) continue;
        u->worst[k] = v[i];
        if (k == VOLUME) u->error_se = truth > 0 ? o[i].v[VOLUME_SE] / truth : 0;
    }
    qsort(v, (size_t)fits, sizeof *v, compare);
    u->median[k] = (v[(fits - 1) / 2] + v[fits / 2]) / 2;
}

static summary summarise(int fits, const outcome *o)
{
    summary u;
    int i;
    memset(&u, 0, sizeof u);
    u.fits = fits;
    for (i = 0; i < FIGURES; i++) summarise_figure(fits, o, i, &u);
    for (i = 0; i < fits; i++) {
        u.bad += o[i].bad;
        u.fine += o[i].fine == 1;
        u.fine_but_bad += o[i].fine == 1 && o[i].bad;
        u.bad_but_good += o[i].fine == 0 && !o[i].bad;
    }
    return u;
}

static void print_head(void)
{
    printf("%-11s %4s %6s %16s %8s %7s %7s  %-13s %11s  %s\n", "", "", "", "mean distance   ",
           "spurious", "missing", "outside", "volume error", "seconds  ", "fits: bad,");
    printf("%-11s %4s %6s %8s %7s %8s %7s %7s  %-13s %6s %5s  %s\n", "data set", "N", "target",
           "median", "worst", "worst", "worst", "worst", "worst", "median", "worst", "said fine");
}

static void print_row(const data_set *s, int N, const summary *u)
{
    char said[32] = "-";
#ifdef EBIM_VERDICTS
    snprintf(said, sizeof said, "%d", u->fine);
#endif
    printf("%-11s %4d %6.4f %8.5f %7.5f %6.2f %% %5.2f %% %5.2f %% ", s->name, N, s->target,
           u->median[MEAN], u->worst[MEAN], 100 * u->worst[SPURIOUS], 100 * u->worst[MISSING],
           100 * u->worst[OUTSIDE]);
    printf("%+5.1f +- %3.1f %% %6.1f %5.1f  %d: %d, %s\n", 100 * u->worst[VOLUME],
           100 * u->error_se, u->median[SECONDS], u->worst[SECONDS], u->fits, u->bad, said);
}

static void print_foot(int count, const summary *u)
{
    int i, fits = 0, bad = 0, fine_but_bad = 0, bad_but_good = 0;
    for (i = 0; i < count; i++) {
        fits += u[i].fits;
        bad += u[i].bad;
        fine_but_bad += u[i].fine_but_bad;
        bad_but_good += u[i].bad_but_good;
    }
    printf("%d fits, %d bad (mean above target, or more than 1 %% spurious or missing)\n", fits,
           bad);
#ifndef EBIM_VERDICTS
    printf("no verdicts in this ebim.h, but for errors: ");
#endif
    printf("%d say fine although bad (must be 0), %d say bad although fine\n", fine_but_bad,
           bad_but_good);
}

static void put(json *j, const char *set, const char *key, double v)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", set, key);
    json_number(j, name, v);
}

static void put_summary(json *j, const char *set, const summary *u)
{
    put(j, set, "distance_median", u->median[MEAN]);
    put(j, set, "distance_worst", u->worst[MEAN]);
    put(j, set, "spurious_median", u->median[SPURIOUS]);
    put(j, set, "spurious_worst", u->worst[SPURIOUS]);
    put(j, set, "missing_median", u->median[MISSING]);
    put(j, set, "missing_worst", u->worst[MISSING]);
    put(j, set, "outside_worst", u->worst[OUTSIDE]);
    put(j, set, "volume_error_worst", u->worst[VOLUME]);
    put(j, set, "seconds_median", u->median[SECONDS]);
    put(j, set, "seconds_worst", u->worst[SECONDS]);
    put(j, set, "fits", u->fits);
    put(j, set, "bad", u->bad);
    put(j, set, "fine_although_bad", u->fine_but_bad);
    put(j, set, "bad_although_fine", u->bad_but_good);
#ifdef EBIM_VERDICTS
    put(j, set, "said_fine", u->fine);
#endif
}

/* ---- the run ---- */

typedef struct args {
    const char *only;
    int seeds, json, verbose;
    double effort;
} args;

static int usage(const char *problem, const char *word)
{
    int i;
    fprintf(stderr, "manifolds: %s%s\nusage: manifolds [--seeds N] [--only NAME] [--quick] "
            "[--json] [-v]\n  --seeds N    fits of each data set (10, at most %d)\n"
            "  --quick      2 seeds, a tenth of the training\n  --only NAME  one of", problem,
            word, SEEDS);
    for (i = 0; i < SETS; i++) fprintf(stderr, " %s", sets[i].name);
    fprintf(stderr, "\n  --json       a last line with one JSON object\n"
            "  -v           every fit on standard output, too\n");
    return 2;
}

static int known(const char *name)
{
    int i;
    for (i = 0; i < SETS; i++)
        if (!strcmp(name, sets[i].name)) return 1;
    return 0;
}

static int parse(args *a, int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++) {
        const char *s = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        char *end;
        if (!strcmp(s, "--quick")) a->seeds = 2, a->effort = 0.1;
        else if (!strcmp(s, "--json")) a->json = 1;
        else if (!strcmp(s, "-v")) a->verbose = 1;
        else if (!strcmp(s, "--only")) a->only = value, i++;
        else if (!strcmp(s, "--seeds")) {
            long n = strtol(value, &end, 10);
            if (end == value || *end || n < 1 || n > SEEDS) return usage("--seeds: not ", value);
            a->seeds = (int)n;
            i++;
        } else return usage("unknown option ", s);
    }
    return a->only && !known(a->only) ? usage("no such data set: ", a->only) : 0;
}

/* All fits of one data set; 0, or -1 when its data are missing. */
static int run_set(const args *a, const data_set *s, int *N, outcome *o)
{
    ebim_real *x = NULL;
    int n, i;
    *N = DRAWN;
    if (s->data) x = (ebim_real *)malloc(sizeof *x * (size_t)(DRAWN * s->n));
    else x = data_read(s->file, s->embed, N, &n);
    if (!x) return -1;
    for (i = 0; i < a->seeds; i++) {
        ebim_rng r;
        ebim_rng_init(&r, (uint64_t)i, UINT64_MAX); /* far from the streams of chains */
        if (s->data) s->data(&r, DRAWN, x);
        fit_once(s, *N, x, (uint64_t)i, a->effort, &o[i]);
        print_outcome(stderr, s, i, &o[i]);
        if (a->verbose) print_outcome(stdout, s, i, &o[i]);
    }
    free(x);
    return 0;
}

int main(int argc, char **argv)
{
    static outcome o[SEEDS];
    summary u[SETS];
    const data_set *done[SETS];
    args a = {NULL, 10, 0, 0, 0};
    int N[SETS], i, count = 0, missing = 0, wrong = 0;
    json j;
    if (parse(&a, argc, argv)) return 2;
    for (i = 0; i < SETS; i++) {
        if (a.only && strcmp(a.only, sets[i].name)) continue;
        if (run_set(&a, &sets[i], &N[count], o)) {
            missing++;
            continue;
        }
        done[count] = &sets[i];
        u[count] = summarise(a.seeds, o);
        wrong += u[count++].fine_but_bad;
    }
    if (count) print_head();
    for (i = 0; i < count; i++) print_row(done[i], N[i], &u[i]);
    if (count) print_foot(count, u);
    if (a.json) {
        j = json_begin(stdout);
        json_number(&j, "seeds", a.seeds);
        for (i = 0; i < count; i++) put_summary(&j, done[i]->name, &u[i]);
        json_end(&j);
    }
    return missing ? 2 : wrong ? 1 : 0;
}
