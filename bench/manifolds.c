/* manifolds.c: how well ebim_fit finds a manifold that is known, over many seeds. `make manifolds`

       build/manifolds [--set NAME] [--seeds K] [--part I/P] [--quick] [--max-seconds S] [--json]
                       [-v] [--picture FILE] [--check]

   Data sets whose truth is known (bench/sets.h), most of them with laws that are far from uniform,
   hidden by a random rotation, a scale and a shift; data are drawn anew for every seed, and fitted
   with default settings. Lengths are those of the set before it was hidden, and "size" is half its
   diameter. Of each fit:

     mean, max  distance of 2000 points uniform on the true set to the learned M, as ebim_score
                finds it; a point for which it finds no nearest one counts as far away (the diagonal
                of the model's box)
     95 %       the quantile of these distances that 95 % stay below, in % of the size
     missing    share of the true set farther than 2 % of the size from M
     spurious   share of M (of points that samples without energy give) farther than that from the
                true set; what runs on over an end by no more than 1.5 spacings is not counted
     off        the distance, in % of the size, that 95 % of those points stay below
     runs on    how far M goes beyond the ends of an open set, at most, in spacings of the data: the
                m-th root of its volume over the number of rows
     outside    share of the true set outside of the model's box
     volume     error of M's volume, and its standard error, in shares of the true one
     excess     mean -log density of 2000 fresh points of the law less that under the law itself, in
                nat: those for which there is one, and `lost` the share of the others
     W1         exact Wasserstein-1 distance of 1000 samples from 1000 fresh points, divided by that
                of 1000 rows of the data, means over blocks of 2000 (m <= 2); of several fits the
                ratio of the means: 1.25 at most is wanted
     shares     largest error of a piece's share of the samples, compared with that of the data
     held       median distance of rows held out, in % of the size (where the truth is not known)
     seconds    of one processor, for the fit alone

   and - where there is no such number. A fit is bad when its mean or its 95 % is above the target
   of its data set, or more than 1 % is spurious or missing. A fit that calls itself fine and is bad
   is the one thing nobody should meet: one such fit makes the exit status 1. "Met" are the fits
   that keep all bars of their set: those of bars[].

   --picture FILE writes 100 samples of the last fit to digits, and below them 100 rows, as a PNG.
   --check fits nothing, and tests the sets, their laws and distances. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../examples/common/csv.h"
#include "../examples/common/embed.h"
#include "../examples/common/data.h"
#include "../examples/common/json.h"
#include "../examples/common/metrics.h"
#include "../examples/common/png.h"
#include "sets.h"

enum { TRUTH = 2000, ON_M = 4000, FRESH = 2000, W1_ROWS = 1000, SHARED = 20000, SEEDS = 1000,
       USE_SECONDS = 30 };

/* ---- the rows of the table ---- */

typedef enum figure {
    MEAN, MOST, Q95, MISSING, SPURIOUS, OFF_95, RUNS_ON, OUTSIDE, VOLUME, VOLUME_SE, EXCESS, LOST,
    W1, FLOOR, SHARES, HELD, SECONDS, FIGURES
} figure;

typedef enum set_kind {
    CLOSED, CURVES, SURFACES, SPACES, LINKAGE, WAVY, OPEN, IMAGES, KINDS
} set_kind;

/* The most that a figure may be */
#define ANY 1e300
static const double bars[KINDS][FIGURES] = {
    /* mean, max, 95 %, missing, spurious, off, runs on, outside, volume and its error, excess,
     * lost, W1 and its floor, shares, held, seconds */
    {ANY, ANY, ANY, 0.01, 0.01, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY},
    {ANY, ANY, 0.15, 0.01, 0, ANY, ANY, ANY, ANY, ANY, 0.05, 0.01, ANY, ANY, 0.01, ANY, 15},
    {ANY, ANY, 0.3, 0.01, 0, ANY, ANY, ANY, ANY, ANY, 0.05, 0.01, ANY, ANY, 0.01, ANY, 30},
    {ANY, ANY, 1, 0.005, 0.01, ANY, ANY, ANY, ANY, ANY, 0.1, 0.01, ANY, ANY, 0.01, ANY, ANY},
    {ANY, ANY, 1, 0.005, 0.01, ANY, ANY, ANY, ANY, ANY, 0.05, 0.01, ANY, ANY, 0.01, ANY, ANY},
    {ANY, ANY, 0.5, 0.01, 0.01, ANY, ANY, ANY, ANY, ANY, 0.05, 0.01, ANY, ANY, ANY, ANY, 15},
    {ANY, ANY, 0.3, 0.01, 0.01, ANY, 1.5, ANY, ANY, ANY, 0.05, 0.01, ANY, ANY, ANY, ANY, ANY},
    {ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY}
};

typedef struct data_set {
    const char *name, *known;   /* of sets_known (NULL: `file` is all that is known, or, where
                                 * m is 1, a closed outline, in order) */
    set_kind kind;
    int N, m;
    double mean;                /* the target of the mean distance (0: none) */
    int hidden;
    const char *file, *embed;   /* rows from there, whose law is not known (NULL: not), or */
    void (*draw)(ebim_rng *r, int N, ebim_real *x); /* from here, in plain coordinates, by the law
                                                     * of `known` or, where this is not */
    int no_law;                                     /* so, by another */
    double origin;              /* first of the coordinates of the set's origin, if not hidden */
} data_set;

/* Hidden, by the laws of sets_known */
#define HIDDEN(name, kind, m) {name, name, kind, 2000, m, 0, 1, NULL, NULL, NULL, 0, 0}
static const data_set sets[] = {
    {"circle", "circle", CLOSED, 1000, 1, 1e-3, 0, NULL, NULL, sets_paper_circle, 0, 0},
    {"two_circles", "two_circles", CLOSED, 1000, 1, 3.5e-3, 0, NULL, NULL, sets_paper_circles, 0,
     -1.8},
    {"sphere", "sphere", CLOSED, 1000, 2, 1e-3, 0, NULL, NULL, synth_sphere_mixture, 1, 0},
    {"floods", "sphere", CLOSED, 0, 2, 1e-3, 0, "floods.csv", "latlon", NULL, 1, 0},
    {"glycine", "torus", CLOSED, 0, 2, 1.3e-2, 0, "glycine.csv", "torus:3,1", NULL, 1, 0},
    HIDDEN("trefoil", CURVES, 1), HIDDEN("coil", CURVES, 1), HIDDEN("links", CURVES, 1),
    HIDDEN("circle_r5", CURVES, 1), HIDDEN("curve_r50", CURVES, 1),
    HIDDEN("clifford", SURFACES, 2), HIDDEN("sphere_r5", SURFACES, 2),
    HIDDEN("sphere_r10", SURFACES, 2), HIDDEN("torus_r20", SURFACES, 2),
    HIDDEN("klein", SURFACES, 2),
    HIDDEN("torus3_r6", SPACES, 3), HIDDEN("torus4_r8", SPACES, 4), HIDDEN("so3", SPACES, 3),
    HIDDEN("so3_uniform", SPACES, 3), HIDDEN("stiefel", SPACES, 3),
    HIDDEN("four_bar", LINKAGE, 1),
    HIDDEN("wavy", WAVY, 1),
    {"cell200", NULL, WAVY, 0, 1, 0, 0, "cell200_smooth.csv", "none", NULL, 1, 0},
    HIDDEN("helix", OPEN, 1), HIDDEN("hemisphere", OPEN, 2), HIDDEN("half_cylinder", OPEN, 2),
    HIDDEN("swiss_roll", OPEN, 2), HIDDEN("moebius", OPEN, 2),
    {"digits", NULL, IMAGES, 0, 8, 0, 0, "digits64.csv", "none", NULL, 1, 0}
};

enum { SETS = sizeof sets / sizeof *sets };

/* One data set, one seed: rows, and what is known of them */
typedef struct sample {
    const data_set *s;
    const sets_known_set *known; /* NULL: there is none */
    sets_truth truth;            /* shape NULL: not known */
    sets_frame frame;
    ebim_real *x;                /* [N][n]; behind them `held` rows held out */
    double *row;                 /* the same, for shapes that are made of them */
    int N, n, held, has_law;
    double size;
} sample;

/* ---- what one fit is worth ---- */

typedef struct outcome {
    double v[FIGURES]; /* NaN: not known */
    ebim_result result;
    int verdict, model, partial, done;
    int fine;          /* what the fit says of itself */
    int bad;           /* what it is */
    int met;           /* the bars of its set, or not: the first above it (FIGURES: none) */
    figure above;
    const char *note;  /* what could not be measured (NULL: all could) */
} outcome;

static double unknown(void) { return (double)NAN; }

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(int count, double *v, double share)
{
    qsort(v, (size_t)count, sizeof *v, compare);
    return count ? v[(int)(share * (count - 1) + 0.5)] : unknown();
}

static ebim_real *points(int N, int n)
{
    return (ebim_real *)sets__room(NULL, (size_t)N * (size_t)n * sizeof(ebim_real));
}

/* Stops what has had its time. */
typedef struct limit {
    clock_t start;
    double seconds; /* 0: none */
} limit;

static int too_long(void *user, const ebim_progress *p)
{
    const limit *l = (const limit *)user;
    clock_t gone = clock() - l->start;
    (void)p;
    return l->seconds > 0 && (double)gone > l->seconds * CLOCKS_PER_SEC;
}

/* Use of a model, by a call with an arena `work`. One that takes longer than USE_SECONDS of CPU is
 * stopped, and tells nothing: ERR_SOLVE. */
#define IN_TIME(call)                                             \
    do {                                                          \
        ebim_arena work;                                          \
        ebim_watch watch;                                         \
        ebim_result r;                                            \
        limit l;                                                  \
        void *mem;                                                \
        l.start = clock();                                        \
        l.seconds = USE_SECONDS;                                  \
        memset(&watch, 0, sizeof watch);                          \
        watch.progress = too_long;                                \
        watch.user = &l;                                          \
        ebim_arena_init(&work, NULL, 0);                          \
        r = call;                                                 \
        if (r) return r;                                          \
        mem = sets__room(NULL, ebim_arena_bytes(&work));          \
        ebim_arena_init(&work, mem, ebim_arena_bytes(&work));     \
        work.watch = &watch;                                      \
        r = call;                                                 \
        free(mem);                                                \
        return !r && watch.stopped ? EBIM_ERR_SOLVE : r;          \
    } while (0)

static ebim_result sample_in_time(const ebim_model *m, int B, ebim_real *x, uint64_t seed)
{
    IN_TIME(ebim_model_sample(m, &work, B, x, 0, seed, NULL));
}

static ebim_result score_in_time(const ebim_model *m, int B, const ebim_real *x,
                                 ebim_real *distance, unsigned char *ok)
{
    IN_TIME(ebim_model_score(m, &work, B, x, NULL, distance, NULL, ok));
}

static ebim_result density_in_time(const ebim_model *m, int B, const ebim_real *x, ebim_real *log_p)
{
    IN_TIME(ebim_model_log_density(m, &work, B, x, log_p, NULL));
}

static ebim_result log_z_in_time(const ebim_model *m, uint64_t seed, ebim_log_z *z)
{
    IN_TIME(ebim_model_log_z(m, &work, 0, seed, z));
}

static double diagonal(const ebim_model *m, double *lo, double *hi)
{
    ebim_model_box(m, lo, hi);
    return sets_between(m->n, lo, hi);
}

/* From the truth to M: mean, largest, 95 %, missing, outside. */
static ebim_result measure_truth(sample *d, const ebim_model *m, uint64_t seed, double *v)
{
    static ebim_real distance[TRUTH];
    static unsigned char ok[TRUTH];
    static double off[TRUTH];
    double lo[SETS_N], hi[SETS_N], y[SETS_N], lost = diagonal(m, lo, hi);
    ebim_real *x = points(TRUTH, d->n);
    ebim_rng rng;
    ebim_result r;
    sets_place p;
    int i, c;
    ebim_rng_init(&rng, seed, UINT64_MAX - 1); /* the data have UINT64_MAX */
    v[OUTSIDE] = 0;
    for (i = 0; i < TRUTH; i++) {
        int out = 0;
        sets_uniform_place(&d->truth, &rng, &p);
        sets_point(&d->truth, &p, y);
        sets_hide(&d->frame, y, x + i * d->n);
        for (c = 0; c < d->n; c++) {
            double w = (double)x[i * d->n + c];
            out |= w < lo[c] || w > hi[c];
        }
        v[OUTSIDE] += (double)out / (int)TRUTH;
    }
    r = score_in_time(m, TRUTH, x, distance, ok);
    if (!r) v[MEAN] = v[MOST] = v[MISSING] = 0;
    for (i = 0; i < TRUTH && !r; i++) {
        off[i] = (ok[i] ? (double)distance[i] : lost) / d->frame.scale;
        v[MEAN] += off[i] / (int)TRUTH;
        v[MISSING] += off[i] > 0.02 * d->size ? 1.0 / (int)TRUTH : 0;
        if (off[i] > v[MOST]) v[MOST] = off[i];
    }
    free(x);
    if (!r) v[Q95] = 100 * quantile(TRUTH, off, 0.95) / d->size;
    return r;
}

/* From M to the truth: spurious, off, runs on. Samples of a model without energy are uniform. */
static ebim_result measure_model(sample *d, const ebim_model *m, uint64_t seed, double *v)
{
    static double off[ON_M];
    double y[SETS_N], beyond, spacing = pow(d->truth.volume / d->N, 1.0 / d->s->m);
    ebim_model flat = *m;
    ebim_real *x = points(ON_M, d->n);
    ebim_result r;
    sets_place where;
    int i;
    flat.has_energy = 0;
    r = sample_in_time(&flat, ON_M, x, seed);
    if (!r) v[SPURIOUS] = 0;
    if (!r && d->truth.shape->ends) v[RUNS_ON] = 0;
    for (i = 0; i < ON_M && !r; i++) {
        sets_show(&d->frame, x + i * d->n, y);
        off[i] = sets_nearest(&d->truth, y, &where);
        beyond = off[i];
        if (sets_at_end(&d->truth, &where)) {
            v[RUNS_ON] = fmax(v[RUNS_ON], off[i] / spacing);
            beyond = off[i] - 1.5 * spacing;
        }
        v[SPURIOUS] += beyond > 0.02 * d->size ? 1.0 / (int)ON_M : 0;
    }
    free(x);
    if (!r) v[OFF_95] = 100 * quantile(ON_M, off, 0.95) / d->size;
    return r;
}

/* Volume of M, where the library measures it */
static void measure_volume(const sample *d, const ebim_model *m, uint64_t seed, double *v)
{
    ebim_model flat = *m;
    ebim_log_z z;
    flat.has_energy = 0;
    if (log_z_in_time(&flat, seed, &z)) return;
    v[VOLUME] = exp(z.log_z - d->s->m * log(d->frame.scale)) / d->truth.volume - 1;
    v[VOLUME_SE] = z.se * (v[VOLUME] + 1);
}

/* Of fresh points of the law, which come back in x: [FRESH][n] */
static void measure_excess(sample *d, const ebim_model *m, ebim_rng *r, ebim_real *x, double *v)
{
    static ebim_real log_p[FRESH];
    static double nll[FRESH];
    int i, found = 0;
    sets_rows(&d->truth, d->known, &d->frame, r, FRESH, x, nll);
    if (density_in_time(m, FRESH, x, log_p)) return;
    for (v[EXCESS] = 0, i = 0; i < FRESH; i++) {
        double e = -(double)log_p[i] - nll[i];
        if (!isnan(e)) v[EXCESS] += (e - v[EXCESS]) / ++found;
    }
    if (!found) v[EXCESS] = unknown();
    v[LOST] = 1 - (double)found / (int)FRESH;
}

/* Mean distance of the blocks of x from those of y: [FRESH][n] */
static double mean_w1(int blocks, int n, const ebim_real *x, const ebim_real *y)
{
    double sum = 0, gap;
    int i, j, per = FRESH / W1_ROWS;
    for (i = 0; i < blocks; i++)
        for (j = 0; j < per; j++)
            sum += metrics_w1(W1_ROWS, n, x + i * W1_ROWS * n, y + j * W1_ROWS * n, &gap);
    return sum / (blocks * per);
}

static void measure_w1(const sample *d, const ebim_model *m, uint64_t seed, const ebim_real *fresh,
                       double *v)
{
    ebim_real *y = points(FRESH, d->n);
    int blocks = (d->N < FRESH ? d->N : FRESH) / W1_ROWS;
    if (d->s->m <= 2 && blocks && !sample_in_time(m, FRESH, y, seed + 1))
        v[FLOOR] = mean_w1(blocks, d->n, d->x, fresh);
    if (v[FLOOR] > 0) v[W1] = mean_w1(FRESH / W1_ROWS, d->n, y, fresh) / v[FLOOR];
    free(y);
}

/* Shares of the pieces that rows are nearest to -> share */
static void shares_of(const sample *d, int N, const ebim_real *x, double *share)
{
    double y[SETS_N];
    sets_place where;
    int i;
    memset(share, 0, SETS_PIECES * sizeof *share);
    for (i = 0; i < N; i++) {
        sets_show(&d->frame, x + i * d->n, y);
        sets_nearest(&d->truth, y, &where);
        share[where.piece] += 1.0 / N;
    }
}

static void measure_shares(const sample *d, const ebim_model *m, uint64_t seed, double *v)
{
    double ours[SETS_PIECES], data[SETS_PIECES];
    ebim_real *y = points(SHARED, d->n);
    int i;
    if (!sample_in_time(m, SHARED, y, seed + 2)) {
        shares_of(d, SHARED, y, ours);
        shares_of(d, d->N, d->x, data);
        for (v[SHARES] = 0, i = 0; i < d->truth.shape->pieces; i++)
            v[SHARES] = fmax(v[SHARES], fabs(ours[i] - data[i]));
    }
    free(y);
}

static void measure_held(const sample *d, const ebim_model *m, double *v)
{
    ebim_real *distance = points(d->held, 1);
    unsigned char *ok = (unsigned char *)sets__room(NULL, (size_t)d->held);
    double *off = (double *)sets__room(NULL, (size_t)d->held * sizeof *off);
    int i;
    if (!score_in_time(m, d->held, d->x + d->N * d->n, distance, ok)) {
        for (i = 0; i < d->held; i++) off[i] = ok[i] ? (double)distance[i] : HUGE_VAL;
        v[HELD] = 100 * quantile(d->held, off, 0.5) / d->size;
    }
    free(distance);
    free(ok);
    free(off);
}

/* Returns what could not be measured (NULL: all could). */
static const char *measure(sample *d, const ebim_model *m, uint64_t seed, double *v)
{
    ebim_rng rng;
    if (d->held) measure_held(d, m, v);
    if (!d->truth.shape) return isnan(v[HELD]) ? "no distances" : NULL;
    if (measure_truth(d, m, seed, v)) return "no distances";
    if (measure_model(d, m, seed, v)) return "no points of M";
    measure_volume(d, m, seed, v);
    if (d->truth.shape->pieces > 1) measure_shares(d, m, seed, v);
    if (d->has_law) {
        ebim_real *fresh = points(FRESH, d->n);
        ebim_rng_init(&rng, seed, UINT64_MAX - 2);
        measure_excess(d, m, &rng, fresh, v);
        measure_w1(d, m, seed, fresh, v);
        free(fresh);
    }
    return NULL;
}

typedef struct args {
    const char *only, *picture;
    int seeds, json, verbose, check, part, parts;
    double effort, max_seconds;
} args;

/* 8 x 8 images of 0 .. 16, twenty in a row: samples, and below them rows of the data */
static void draw_picture(const sample *d, const ebim_model *m, uint64_t seed, const char *path)
{
    enum { SIDE = 8, ZOOM = 4, ACROSS = 20, SHOWN = 100, TILE = (SIDE + 1) * ZOOM,
           WIDTH = ACROSS * TILE, HEIGHT = 2 * SHOWN / ACROSS * TILE };
    static unsigned char rgb[3 * WIDTH * HEIGHT];
    ebim_real *x = points(2 * SHOWN, d->n);
    int i, c, px, py;
    ebim_result r = sample_in_time(m, SHOWN, x, seed);
    if (r) fprintf(stderr, "no picture: %s\n", ebim_result_str(r));
    memcpy(x + SHOWN * d->n, d->x, (size_t)(SHOWN * d->n) * sizeof *x);
    memset(rgb, 128, sizeof rgb);
    for (i = 0; i < 2 * SHOWN && !r; i++)
        for (py = 0; py < SIDE * ZOOM; py++)
            for (px = 0; px < SIDE * ZOOM; px++) {
                double v = (double)x[i * d->n + py / ZOOM * SIDE + px / ZOOM];
                int at = (i / ACROSS * TILE + py) * WIDTH + i % ACROSS * TILE + px;
                for (c = 0; c < 3; c++)
                    rgb[3 * at + c] = (unsigned char)(255 - sets_clamp(v * 16, 0, 255));
            }
    if (!r && png_write(path, WIDTH, HEIGHT, rgb)) fprintf(stderr, "cannot write %s\n", path);
    free(x);
}

static int is_bad(const data_set *s, const outcome *o)
{
    const double *v = o->v;
    if (!o->model) return 1;
    if (s->kind == IMAGES) return !(v[HELD] < HUGE_VAL);
    return (s->mean > 0 && !(v[MEAN] <= s->mean)) ||
           (bars[s->kind][Q95] < ANY && !(v[Q95] <= bars[s->kind][Q95])) ||
           !(v[SPURIOUS] <= 0.01) || !(v[MISSING] <= 0.01);
}

/* The first figure above its bar, or FIGURES. A figure that has one but is not known is above it,
 * but where it makes no sense: shares of one piece, W1 of rows without a law. */
static figure first_above(const sample *d, const double *v)
{
    int i, pieces = d->truth.shape ? d->truth.shape->pieces : 1;
    for (i = 0; i < FIGURES; i++) {
        double bar = bars[d->s->kind][i];
        if (!(bar < ANY) || (i == EXCESS ? fabs(v[i]) : v[i]) <= bar) continue;
        if (i == SHARES && pieces == 1) continue;
        if ((i == EXCESS || i == LOST) && !d->has_law) continue;
        break;
    }
    return (figure)i;
}

/* One fit and its measures. A fit that leaves no model has found nothing. */
static void fit_once(const args *a, sample *d, uint64_t seed, outcome *o)
{
    ebim_fit_desc f;
    ebim_model m;
    limit l;
    clock_t gone;
    int i;
    memset(&f, 0, sizeof f);
    memset(o, 0, sizeof *o);
    for (i = 0; i < FIGURES; i++) o->v[i] = unknown();
    l.seconds = a->max_seconds > 0 || d->s->kind != IMAGES ? a->max_seconds : 60;
    f.dim = d->s->m;
    f.seed = seed;
    f.effort = a->effort;
    f.progress = too_long;
    f.user = &l;
    l.start = clock();
    o->result = ebim_fit(&m, d->N, d->n, d->x, &f);
    gone = clock() - l.start;
    o->v[SECONDS] = (double)gone / CLOCKS_PER_SEC;
    o->model = m.owned != NULL;
    o->done = 1;
    if (o->model) {
        o->verdict = m.judged.verdict;
        o->partial = m.info.partial > 0;
        o->note = measure(d, &m, seed, o->v);
        if (a->picture && d->s->kind == IMAGES) draw_picture(d, &m, seed, a->picture);
    }
    o->fine = !o->result && !o->partial &&
              o->verdict == (d->s->kind == OPEN ? EBIM_VERDICT_ENDS : 0); /* to be told */
    o->bad = is_bad(d->s, o);
    o->above = first_above(d, o->v);
    o->met = !o->bad && o->above == FIGURES;
    ebim_free(&m);
}

/* ---- the data ---- */

static double size_of_rows(const sample *d)
{
    double most = 0, sum;
    int i, j, c, step = d->N / 1000 + 1;
    for (i = 0; i < d->N; i += step)
        for (j = 0; j < i; j += step) {
            for (sum = 0, c = 0; c < d->n; c++)
                sum += pow((double)d->x[i * d->n + c] - (double)d->x[j * d->n + c], 2);
            most = fmax(most, sum);
        }
    return sqrt(most) / 2;
}

/* Every tenth row, behind the others: held out */
static void hold_out(sample *d)
{
    int i, to, j = 0, all = d->N;
    ebim_real *x = points(all, d->n);
    d->N = all - (all + 9) / 10;
    for (i = 0; i < all; i++) {
        to = i % 10 ? j++ : d->N + d->held++;
        memcpy(x + to * d->n, d->x + i * d->n, (size_t)d->n * sizeof *x);
    }
    free(d->x);
    d->x = x;
}

static void close_sample(sample *d)
{
    sets_free(&d->truth);
    free(d->x);
    free(d->row);
    memset(d, 0, sizeof *d);
}

static const double no_arg[2] = {0, 0};

/* The rows of a file; its truth where it has one. -1: there is no such file. */
static int open_file(sample *d)
{
    const data_set *s = d->s;
    int i;
    ebim_rng r;
    d->x = data_read(s->file, s->embed, &d->N, &d->n);
    if (!d->x) return -1;
    sets_frame_init(&d->frame, d->n, NULL);
    ebim_rng_init(&r, 0, UINT64_MAX - 3);
    if (d->known) {
        sets_build(&d->truth, d->known->shape, d->known->arg, &r);
    } else if (s->m == 1) {
        d->row = (double *)sets__room(NULL, (size_t)(d->N * d->n) * sizeof *d->row);
        for (i = 0; i < d->N * d->n; i++) d->row[i] = (double)d->x[i];
        d->truth.rows = d->N;
        d->truth.row = d->row;
        sets_build(&d->truth, &sets_outline, no_arg, &r);
    } else {
        hold_out(d);
    }
    d->size = d->truth.shape ? d->truth.size : size_of_rows(d);
    return 0;
}

/* Makes or reads the data for one seed. -1: they are missing. */
static int open_sample(sample *d, const data_set *s, uint64_t seed)
{
    ebim_rng hide, r;
    close_sample(d);
    d->s = s;
    d->known = s->known ? sets_find(s->known) : NULL;
    if (s->file) return open_file(d);
    d->n = d->known->shape->n;
    d->N = s->N;
    d->has_law = !s->no_law;
    d->x = points(d->N, d->n);
    ebim_rng_init(&hide, seed, UINT64_MAX - 4);
    ebim_rng_init(&r, seed, UINT64_MAX); /* far from the streams of chains */
    sets_build(&d->truth, d->known->shape, d->known->arg, &hide);
    sets_frame_init(&d->frame, d->n, s->hidden ? &hide : NULL);
    if (!s->hidden) d->frame.shift[0] = s->origin;
    d->size = d->truth.size;
    if (s->draw) s->draw(&r, d->N, d->x);
    else sets_rows(&d->truth, d->known, &d->frame, &r, d->N, d->x, NULL);
    return 0;
}

/* ---- the report ---- */

static const struct {
    const char *name;
    double times;  /* percent: 100 */
    int digits;
} figures[FIGURES] = {
    {"mean", 1, 5}, {"max", 1, 4}, {"95 %", 1, 3}, {"missing", 100, 2}, {"spurious", 100, 2},
    {"off", 1, 3}, {"runs on", 1, 2}, {"outside", 100, 2}, {"volume", 100, 2},
    {"volume se", 100, 2}, {"excess", 1, 3}, {"lost", 100, 2}, {"W1", 1, 2}, {"W1 floor", 1, 3},
    {"shares", 1, 3}, {"held", 1, 3}, {"seconds", 1, 1}
};

/* A number, right in its column; - where it is not known */
static void print_figure(FILE *f, int width, figure k, double v)
{
    if (isnan(v)) fprintf(f, " %*s", width, "-");
    else fprintf(f, " %*.*f", width, figures[k].digits, figures[k].times * v);
}

static void print_outcome(FILE *f, const data_set *s, int seed, const outcome *o)
{
    char bits[256];
    int k;
    fprintf(f, "%-13s seed %2d:", s->name, seed);
    for (k = 0; k < FIGURES; k++) {
        if (isnan(o->v[k])) continue;
        fprintf(f, " %s", figures[k].name);
        print_figure(f, 0, (figure)k, o->v[k]);
    }
    fprintf(f, " | %s, says %s", o->bad ? "BAD" : "good", o->fine ? "fine" : "bad");
    if (o->model && sets_bit_names(o->verdict, bits, sizeof bits)) fprintf(f, " (%s)", bits);
    if (o->partial) fprintf(f, ", partial");
    if (o->note) fprintf(f, ", %s", o->note);
    if (o->result) fprintf(f, ": %s", ebim_result_str(o->result));
    else if (!o->met && o->above < FIGURES) fprintf(f, ", above its bar: %s",
                                                    figures[o->above].name);
    fprintf(f, "\n");
    fflush(f);
}

typedef struct summary {
    double median[FIGURES], worst[FIGURES]; /* of those that are known; the worst by its size; W1:
                                             * not the median but the ratio of the means */
    int fits, none, bad, met, fine, fine_but_bad, bad_but_good, rows;
} summary;

static void summarise_figure(int fits, const outcome *o, int k, summary *u)
{
    static double v[SEEDS];
    int i, have = 0;
    u->worst[k] = unknown();
    for (i = 0; i < fits; i++) {
        if (!o[i].done || isnan(o[i].v[k])) continue;
        v[have++] = o[i].v[k];
        if (!(fabs(o[i].v[k]) <= fabs(u->worst[k]))) u->worst[k] = o[i].v[k];
    }
    qsort(v, (size_t)have, sizeof *v, compare);
    u->median[k] = have ? (v[(have - 1) / 2] + v[have / 2]) / 2 : unknown();
}

static void summarise(int fits, const outcome *o, summary *u)
{
    int i;
    double w1 = 0, floors = 0;
    for (i = 0; i < FIGURES; i++) summarise_figure(fits, o, i, u);
    for (i = 0; i < fits; i++) {
        if (!o[i].done || isnan(o[i].v[W1])) continue;
        w1 += o[i].v[W1] * o[i].v[FLOOR];
        floors += o[i].v[FLOOR];
    }
    if (floors > 0) u->median[W1] = w1 / floors;
    for (i = 0; i < fits; i++) {
        u->fits += o[i].done;
        u->none += o[i].done && !o[i].model;
        u->bad += o[i].done && o[i].bad;
        u->met += o[i].done && o[i].met;
        u->fine += o[i].done && o[i].fine;
        u->fine_but_bad += o[i].done && o[i].fine && o[i].bad;
        u->bad_but_good += o[i].done && !o[i].fine && !o[i].bad;
    }
}

/* What the table shows: the median of a figure, or the worst */
static const struct {
    const char *above, *title;
    figure k;
    int worst, width;
} columns[] = {
    {"mean", "median", MEAN, 0, 8}, {"", "worst", MEAN, 1, 7}, {"95 %", "median", Q95, 0, 7},
    {"", "worst", Q95, 1, 7}, {"spur.", "%", SPURIOUS, 1, 6}, {"miss.", "%", MISSING, 1, 6},
    {"out", "%", OUTSIDE, 1, 5}, {"runs", "on", RUNS_ON, 1, 5}, {"vol.", "%", VOLUME, 1, 6},
    {"excess", "median", EXCESS, 0, 6}, {"", "worst", EXCESS, 1, 6}, {"lost", "%", LOST, 1, 5},
    {"W1", "mean", W1, 0, 6}, {"shares", "worst", SHARES, 1, 6}, {"held", "median", HELD, 0, 6},
    {"seconds", "median", SECONDS, 0, 7}, {"", "worst", SECONDS, 1, 6}
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static void print_head(void)
{
    int i;
    printf("%-13s %4s", "", "");
    for (i = 0; i < COLUMNS; i++) printf(" %*s", columns[i].width, columns[i].above);
    printf("  fits: none, bad,\n%-13s %4s", "data set", "N");
    for (i = 0; i < COLUMNS; i++) printf(" %*s", columns[i].width, columns[i].title);
    printf("  said fine, met\n");
}

static void print_row(const data_set *s, const summary *u)
{
    int i;
    printf("%-13s %4d", s->name, u->rows);
    for (i = 0; i < COLUMNS; i++)
        print_figure(stdout, columns[i].width, columns[i].k,
                     (columns[i].worst ? u->worst : u->median)[columns[i].k]);
    printf("  %d: %d, %d, %d, %d\n", u->fits, u->none, u->bad, u->fine, u->met);
}

static void print_foot(const summary *u)
{
    int i, fits = 0, bad = 0, fine_but_bad = 0, bad_but_good = 0;
    for (i = 0; i < SETS; i++) {
        fits += u[i].fits;
        bad += u[i].bad;
        fine_but_bad += u[i].fine_but_bad;
        bad_but_good += u[i].bad_but_good;
    }
    printf("%d fits, %d bad (above target, or more than 1 %% spurious or missing)\n"
           "%d say fine although bad (must be 0), %d say bad although fine\n", fits, bad,
           fine_but_bad, bad_but_good);
    printf("W1 above 1.25 of its floor:");
    for (i = 0; i < SETS; i++)
        if (u[i].median[W1] > 1.25) printf(" %s", sets[i].name);
    printf("\n");
}

static void put(json *j, const char *set, const char *key, const char *what, double v)
{
    char name[64], *space;
    snprintf(name, sizeof name, "%s_%s%s", set, key, what);
    while ((space = strchr(name, ' ')) != NULL) *space = '_';
    json_number(j, name, v);
}

static void put_summary(json *j, const char *set, const summary *u)
{
    int k;
    for (k = 0; k < FIGURES; k++) {
        put(j, set, k == Q95 ? "q95" : figures[k].name, "_median", u->median[k]);
        put(j, set, k == Q95 ? "q95" : figures[k].name, "_worst", u->worst[k]);
    }
    put(j, set, "fits", "", u->fits);
    put(j, set, "none", "", u->none);
    put(j, set, "bad", "", u->bad);
    put(j, set, "met", "", u->met);
    put(j, set, "said_fine", "", u->fine);
    put(j, set, "fine_although_bad", "", u->fine_but_bad);
    put(j, set, "bad_although_fine", "", u->bad_but_good);
}

/* ---- the sets tested ---- */

enum { CELLS = 125, DRAWS = 50000, NODES = 5 };

static const double gauss[2][NODES] = { /* nodes on the unit interval, weights */
    {0.04691007703066802, 0.23076534494715845, 0.5, 0.76923465505284155, 0.95308992296933198},
    {0.11846344252809454, 0.23931433524968324, 0.28444444444444444, 0.23931433524968324,
     0.11846344252809454}
};

/* Probability of a cell, `per` of them along each parameter: Gauss and Legendre's rule on halves */
static double cell_mass(const sets_known_set *s, int piece, int per, int cell)
{
    int i, at, d = s->shape->d, count = 1;
    double sum = 0;
    sets_place p;
    for (i = 0; i < d; i++) count *= 2 * NODES;
    for (at = 0; at < count; at++) {
        int rest = at, c = cell;
        double weight = s->weight[piece];
        memset(&p, 0, sizeof p);
        p.piece = piece;
        for (i = 0; i < d; i++, c /= per, rest /= 2 * NODES) {
            int half = rest / NODES % 2, node = rest % NODES;
            p.q[i] = (c % per + (half + gauss[0][node]) / 2) / per;
            weight *= gauss[1][node] / 2 / per;
        }
        sum += weight * exp(sets_log_chart(s, &p));
    }
    return sum;
}

/* Draws against the law, in cells of the parameters: chi-squared as a normal deviate (Wilson and
 * Hilferty's root). *total: the integral of the law, NaN where draws leave their interval */
static double draws_deviate(const sets_known_set *s, ebim_rng *r, double *total)
{
    static const int along[5] = {0, 80, 9, 5, 3}; /* CELLS at most */
    static double mass[2 * CELLS], seen[2 * CELLS];
    int i, axis, cell, piece, d = s->shape->d, per = along[d], cells = 1;
    double chi2 = 0, df;
    sets_place p;
    for (i = 0; i < d; i++) cells *= per;
    memset(seen, 0, sizeof seen);
    for (*total = 0, piece = 0; piece < s->shape->pieces; piece++)
        for (cell = 0; cell < cells; cell++)
            *total += mass[piece * cells + cell] = cell_mass(s, piece, per, cell);
    for (i = 0; i < DRAWS; i++) {
        sets_draw(s, r, &p);
        for (cell = 0, axis = d - 1; axis >= 0; axis--) {
            if (!(p.q[axis] >= 0 && p.q[axis] <= 1)) *total = unknown();
            cell = cell * per + (int)fmin(p.q[axis] * per, per - 1);
        }
        seen[p.piece * cells + cell]++;
    }
    df = cells * s->shape->pieces - 1;
    for (cell = 0; cell <= df; cell++)
        chi2 += pow(seen[cell] - DRAWS * mass[cell], 2) / (DRAWS * mass[cell]);
    return (cbrt(chi2 / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
}

/* Means over the law, of 1 (the last) and of the coordinates, beside the same over uniform points
 * that weigh as the density per volume says: how many standard errors they are apart at most, and
 * the last of those weighted means, which is the integral of the density */
static double means_error(sets_truth *t, const sets_known_set *s, ebim_rng *r, double *integral)
{
    double sum[2][SETS_N + 1], squares[2][SETS_N + 1], x[SETS_N + 1], weight, worst = 0;
    int i, c, which, n = t->shape->n;
    sets_place p;
    memset(sum, 0, sizeof sum);
    memset(squares, 0, sizeof squares);
    for (i = 0; i < 2 * DRAWS; i++) {
        which = i % 2;
        if (which) sets_draw(s, r, &p);
        else sets_uniform_place(t, r, &p);
        sets_point(t, &p, x);
        x[n] = 1;
        weight = which ? 1 : t->volume * exp(sets_log_density(t, s, &p));
        for (c = 0; c <= n; c++) {
            sum[which][c] += weight * x[c] / (int)DRAWS;
            squares[which][c] += weight * x[c] * weight * x[c] / (int)DRAWS;
        }
    }
    for (c = 0; c <= n; c++) {
        double var = squares[0][c] - sum[0][c] * sum[0][c] + squares[1][c] - sum[1][c] * sum[1][c];
        worst = fmax(worst, fabs(sum[0][c] - sum[1][c]) / sqrt(fmax(var, 0) / (int)DRAWS + 1e-12));
    }
    *integral = sum[0][n];
    return worst;
}

/* The largest error of distances, in shares of them, of points that were moved beyond an end, along
 * the set; HUGE_VAL where one is not told to be at an end. */
static double ends_error(const sets_truth *t, ebim_rng *r, double step)
{
    double x[SETS_N], inside[SETS_N], worst = 0, d;
    int end, i, c, n = t->shape->n;
    sets_place p, q, where;
    for (end = 0; end < 2 * t->shape->d; end++)
        for (i = 0; i < 100 && t->shape->ends >> end & 1; i++) {
            memset(&p, 0, sizeof p);
            for (c = 0; c < t->shape->d; c++) p.q[c] = sets_uniform(r);
            q = p;
            p.q[end / 2] = end % 2;
            q.q[end / 2] = end % 2 ? 1 - 1e-6 : 1e-6;
            sets_point(t, &p, x);
            sets_point(t, &q, inside);
            d = sets_between(n, x, inside);
            for (c = 0; c < n; c++) x[c] += step / d * (x[c] - inside[c]);
            d = sets_nearest(t, x, &where);
            worst = fmax(worst, sets_at_end(t, &where) ? fabs(d / step - 1) : HUGE_VAL);
        }
    return worst;
}

/* Of points anywhere around the set, or, of even number, of mirror images of its points: is the
 * distance no more than that to any of many points uniform on it (but by 1e-3 of the size, where
 * two parts are as far as each other and the search takes the wrong one), and less by no more than
 * their gaps allow? */
static int far_distances_hold(sets_truth *t, ebim_rng *r)
{
    enum { CLOUD = 20000, SOME = 100 };
    int i, j, c, n = t->shape->n, ok = 1;
    double *cloud = (double *)sets__room(NULL, sizeof *cloud * CLOUD * SETS_N), x[SETS_N], d, least;
    double gap = 4 * pow(t->volume / (int)CLOUD, 1.0 / t->shape->d);
    sets_place p;
    for (i = 0; i < CLOUD; i++) {
        sets_uniform_place(t, r, &p);
        sets_point(t, &p, cloud + i * n);
    }
    for (i = 0; i < SOME; i++) {
        for (c = 0; c < n; c++)
            x[c] = i % 2 ? t->size * (2 * sets_uniform(r) - 1) : -cloud[i * n + c];
        d = sets_distance(t, x);
        for (least = HUGE_VAL, j = 0; j < CLOUD; j++)
            least = fmin(least, sets_between(n, x, cloud + j * n));
        ok = ok && d <= least + 1e-3 * t->size && least <= d + gap;
    }
    free(cloud);
    return ok;
}

/* Hidden and shown again: the largest error, and of lengths */
static double frame_error(sets_truth *t, uint64_t seed)
{
    static sets_frame f;
    ebim_real x[2][SETS_N];
    double y[2][SETS_N], back[SETS_N], worst = 0, length = 0;
    int i, c, n = t->shape->n;
    ebim_rng r;
    sets_place p;
    ebim_rng_init(&r, seed, 0);
    sets_frame_init(&f, n, &r);
    for (i = 0; i < 2; i++) {
        sets_uniform_place(t, &r, &p);
        sets_point(t, &p, y[i]);
        sets_hide(&f, y[i], x[i]);
        sets_show(&f, x[i], back);
        worst = fmax(worst, sets_between(n, back, y[i]));
    }
    for (c = 0; c < n; c++) length += pow((double)x[0][c] - (double)x[1][c], 2);
    return fmax(worst, fabs(sqrt(length) / f.scale - sets_between(n, y[0], y[1]))) / t->size;
}

/* By numbers, the constant volume elements: the largest error. Not at the poles of Euler's angles,
 * where differences are no slopes. */
static double element_error(sets_truth *t, ebim_rng *r)
{
    double worst = 0;
    int i, c;
    sets_place p;
    for (i = 0; i < 300 && t->shape->element > 0; i++) {
        sets_uniform_place(t, r, &p);
        for (c = 0; c < t->shape->d; c++) p.q[c] = 0.01 + 0.98 * p.q[c];
        worst = fmax(worst, fabs(sets_element_of(t, &p, NULL) / t->shape->element - 1));
    }
    return worst;
}

/* Distances: 0 on the set, and right off it and beyond its ends. */
static int check_distances(sets_truth *t, ebim_rng *r)
{
    enum { SOME = 300 };
    double off[SOME], x[SETS_N], on = 0, ends, step = 0.01 * t->size;
    int i, far = far_distances_hold(t, r);
    sets_place p;
    for (i = 0; i < SOME; i++) {
        sets_uniform_place(t, r, &p);
        sets_point(t, &p, x);
        on = fmax(on, sets_distance(t, x));
        off[i] = sets_moved_off(t, &p, r, step);
    }
    qsort(off, SOME, sizeof *off, compare);
    ends = ends_error(t, r, step);
    printf(" size %.3f on %.0e off by 1: %.4f, most %.4f ends %.4f far %s", t->size, on / t->size,
           off[SOME / 2], off[SOME - 1], ends, far ? "holds" : "FAILS");
    return on < 1e-4 * t->size && fabs(off[SOME / 2] - 1) < 0.01 && off[SOME - 1] < 1.01 &&
           ends < 0.01 && far && !t->above;
}

/* Chance rejects one right law in 15 000 at 4 standard deviations (chi-squared, one-sided 3e-5),
 * and one right mean in 150 000 at 4.5. */
static int check_set(const sets_known_set *s)
{
    static sets_truth t;
    double total, deviate, integral, worst, frame, element;
    int ok;
    ebim_rng r;
    ebim_rng_init(&r, 1, 0);
    sets_build(&t, s->shape, s->arg, &r);
    printf("%-13s volume %9.4f (%9.4f)", s->name, t.volume, s->volume);
    ok = check_distances(&t, &r);
    deviate = draws_deviate(s, &r, &total);
    worst = means_error(&t, s, &r, &integral);
    frame = frame_error(&t, 1);
    element = element_error(&t, &r);
    ok = ok && fabs(total - 1) < 1e-6 && fabs(deviate) < 4 && worst < 4.5 &&
         frame < 20 * (double)EBIM_EPS && element < 1e-4;
    if (s->volume > 0) ok = ok && fabs(t.volume / s->volume - 1) < 1e-4;
    printf(" law %+.0e chi-squared %+.1f sd; per volume %.4f, means %.1f se; hidden %.0e "
           "element %.0e %s\n", total - 1, deviate, integral, worst, frame, element,
           ok ? "ok" : "WRONG");
    fflush(stdout);
    sets_free(&t);
    return ok;
}

/* A curve through 64 points of the unit circle has its length and its distances. */
static int check_outline(void)
{
    static double row[2 * 64];
    static sets_truth t;
    ebim_rng r;
    int i, ok;
    ebim_rng_init(&r, 2, 0);
    for (i = 0; i < 64; i++) sets_polar(1, i / 64.0, row + 2 * i);
    t.rows = 64;
    t.row = row;
    sets_build(&t, &sets_outline, no_arg, &r);
    printf("%-13s volume %9.4f (%9.4f)", "outline", t.volume, 2 * SYNTH_PI);
    ok = check_distances(&t, &r) && fabs(t.volume / (2 * SYNTH_PI) - 1) < 1e-4;
    printf(" %s\n", ok ? "ok" : "WRONG");
    sets_free(&t);
    return ok;
}

static int check_all(const char *only)
{
    int i, wrong = 0;
    for (i = 0; i < SETS_KNOWN; i++)
        if (!only || !strncmp(sets_known[i].name, only, strlen(only)))
            wrong += !check_set(&sets_known[i]);
    if (!only) wrong += !check_outline();
    printf("%d of the sets are wrong\n", wrong);
    return wrong > 0;
}

/* ---- the run ---- */

/* Has it the name asked for, or, where none has, a name that begins so? */
static int wanted(const args *a, const char *name)
{
    int i;
    if (!a->only) return 1;
    for (i = 0; i < SETS; i++)
        if (!strcmp(sets[i].name, a->only)) return !strcmp(name, a->only);
    return !strncmp(name, a->only, strlen(a->only));
}

static int usage(const char *problem, const char *word)
{
    int i;
    fprintf(stderr, "manifolds: %s%s\nusage: manifolds [--set NAME] [--seeds K] [--part I/P] "
            "[--quick] [--max-seconds S] [--json] [-v] [--picture FILE] [--check]\n"
            "  --set NAME       this one, or those whose names begin so, of", problem, word);
    for (i = 0; i < SETS; i++)
        fprintf(stderr, "%s %s", i % 10 == 7 ? "\n                  " : "", sets[i].name);
    fprintf(stderr, "\n  --seeds K        fits of each (5, at most %d)\n"
            "  --part I/P       of all fits every P-th, from the I-th\n"
            "  --quick          2 seeds, a tenth of the training\n"
            "  --max-seconds S  a fit is stopped after S seconds of CPU (digits: 60, else never)\n"
            "  --json           a last line with one JSON object\n"
            "  -v               every fit on standard output, too\n"
            "  --picture FILE   100 samples of digits and 100 rows, as a PNG\n"
            "  --check          no fits: are the sets and their laws what they should be?\n",
            SEEDS);
    return 2;
}

/* The number behind an option: 0, or 2 when there is none above 0. */
static int parse_number(const char *option, const char *value, double most, double *v)
{
    char *end;
    *v = strtod(value, &end);
    if (end != value && !*end && *v > 0 && *v <= most) return 0;
    return usage(option, value);
}

static int parse(args *a, int argc, char **argv)
{
    int i;
    double v;
    for (i = 1; i < argc; i++) {
        const char *s = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(s, "--quick")) a->seeds = 2, a->effort = 0.1;
        else if (!strcmp(s, "--json")) a->json = 1;
        else if (!strcmp(s, "-v")) a->verbose = 1;
        else if (!strcmp(s, "--check")) a->check = 1;
        else if (!strcmp(s, "--set")) a->only = value, i++;
        else if (!strcmp(s, "--picture") && *value) a->picture = value, i++;
        else if (!strcmp(s, "--part")) {
            if (!sets_part(value, &a->part, &a->parts))
                return usage("--part: not I/P: ", value);
            i++;
        } else if (!strcmp(s, "--seeds")) {
            if (parse_number("--seeds: not ", value, SEEDS, &v) || v < 1) return 2;
            a->seeds = (int)v;
            i++;
        } else if (!strcmp(s, "--max-seconds")) {
            if (parse_number("--max-seconds: not ", value, 1e6, &a->max_seconds)) return 2;
            i++;
        } else return usage("unknown option ", s);
    }
    for (i = 0; i < SETS && !wanted(a, sets[i].name); i++) continue;
    return i < SETS || a->check ? 0 : usage("no such data set: ", a->only);
}

/* All fits, every set early; returns how many sets have no data here. */
static int run(const args *a, outcome *o, summary *u)
{
    static sample d;
    int i, seed, turn = 0, missing = 0;
    for (seed = 0; seed < a->seeds; seed++)
        for (i = 0; i < SETS; i++) {
            outcome *one = &o[i * a->seeds + seed];
            if (!wanted(a, sets[i].name)) continue;
            if (turn++ % a->parts != a->part - 1) continue;
            if (open_sample(&d, &sets[i], (uint64_t)seed)) {
                missing++;
                continue;
            }
            u[i].rows = d.N;
            fit_once(a, &d, (uint64_t)seed, one);
            print_outcome(stderr, &sets[i], seed, one);
            if (a->verbose) print_outcome(stdout, &sets[i], seed, one);
        }
    close_sample(&d);
    return missing;
}

int main(int argc, char **argv)
{
    static summary u[SETS];
    args a = {NULL, NULL, 5, 0, 0, 0, 1, 1, 0, 0};
    outcome *o;
    int i, missing, wrong = 0;
    json j;
    if (parse(&a, argc, argv)) return 2;
    if (a.check) return check_all(a.only);
    o = (outcome *)calloc((size_t)SETS * (size_t)a.seeds, sizeof *o);
    if (!o) return 2;
    missing = run(&a, o, u);
    for (i = 0; i < SETS; i++) {
        summarise(a.seeds, o + i * a.seeds, &u[i]);
        wrong += u[i].fine_but_bad;
    }
    print_head();
    for (i = 0; i < SETS; i++)
        if (u[i].fits) print_row(&sets[i], &u[i]);
    print_foot(u);
    if (a.json) {
        j = json_begin(stdout);
        json_number(&j, "seeds", a.seeds);
        for (i = 0; i < SETS; i++)
            if (u[i].fits) put_summary(&j, sets[i].name, &u[i]);
        json_end(&j);
    }
    free(o);
    return missing ? 2 : wrong ? 1 : 0;
}
