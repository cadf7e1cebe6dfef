/* Data as they come: weights and copies, one number for one thing, units and linear maps, and small
 * inputs that once went wrong. Fits are whole ones where nothing else is said. Bounds are the
 * standard errors of what is compared, and what a fair fit may be off. Files are read from
 * ../shared/cases where it exists. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "../examples/common/synth.h"

#define PI 3.14159265358979323846
#define R(x) ((ebim_real)(x))

enum { MOST = 13000, COLUMNS = 3, DRAWN = 2000, STEPS = 20000 };

static struct {
    int N, n;
    ebim_real x[MOST * COLUMNS], y[MOST * COLUMNS], weight[MOST];
    ebim_real distance[MOST], energy[MOST];
    unsigned char ok[MOST];
    ebim_fit_desc d;
    ebim_model m;
} s;

static void start(int n, double effort)
{
    memset(&s.d, 0, sizeof s.d);
    s.N = 0;
    s.n = n;
    s.d.dim = 1;
    s.d.effort = T_QUICK ? 0.1 * effort : effort;
    s.d.seed = T_SEED;
}

static void point(double a, double b, double c)
{
    ebim_real *x = s.x + s.N * s.n;
    x[0] = R(a);
    x[1] = R(b);
    if (s.n > 2) x[2] = R(c);
    s.weight[s.N++] = 1;
}

static int fitted(ebim_model *m) { return CHECK_INT(ebim_fit(m, s.N, s.n, s.x, &s.d), EBIM_OK); }

/* The mean of -log density of the first count rows of x, and its standard error */
static double mean_nll(const ebim_model *m, int count, const ebim_real *x, double *se)
{
    double z = m->z.points > 0 ? m->z.log_z : log(m->judged.volume), sum = 0, square = 0;
    int i, have = 0;
    CHECK_INT(ebim_score(m, count, x, NULL, s.distance, s.energy, s.ok), EBIM_OK);
    for (i = 0; i < count; i++) {
        double v = (double)s.energy[i] + z;
        if (!s.ok[i]) continue;
        sum += v;
        square += v * v;
        have++;
    }
    if (!CHECK(have > 0.99 * count)) return 0;
    *se = sqrt(fmax(square / have - sum / have * (sum / have), 0) / have);
    return sum / have;
}

/* ---- weights and copies ---- */

/* A circle whose right half is three times as likely as its left one */
static double half_angle(ebim_rng *r)
{
    double right = (double)ebim_rng_uniform(r) < 0.75, t = PI * (double)ebim_rng_uniform(r);
    return right > 0 ? t - PI / 2 : t + PI / 2;
}

static double mean_cosine(const ebim_model *m)
{
    static ebim_real y[DRAWN][2];
    double sum = 0;
    int i;
    CHECK_INT(ebim_sample(m, DRAWN, y[0], T_SEED), EBIM_OK);
    for (i = 0; i < DRAWN; i++)
        sum += (double)y[i][0] / hypot((double)y[i][0], (double)y[i][1]) / DRAWN;
    return sum;
}

/* Uniform points, those to the right with weight 3 or three times each: the same density. Its mean
 * cosine is 1 / pi; of samples, and of fits of 600 points, it has a deviation of 0.03 together. */
static void weights_are_repeated_rows(void)
{
    ebim_model m[2];
    ebim_rng r;
    double nll[2], cosine[2], truth = 0, se;
    int i, q, k;
    for (q = 0; q < 2; q++) {
        start(2, T_QUICK ? 3 : 1);
        ebim_rng_init(&r, T_SEED, 21);
        for (i = 0; i < 600; i++) {
            double t = 2 * PI * (double)ebim_rng_uniform(&r);
            for (k = 0; k < (q && cos(t) > 0 ? 3 : 1); k++) point(cos(t), sin(t), 0);
            if (!q) s.weight[i] = cos(t) > 0 ? 3 : 1;
        }
        s.d.weights = q ? NULL : s.weight;
        if (!fitted(&m[q])) return;
        CHECK_NEAR(m[q].info.distinct, 600, 0);
    }
    for (i = 0; i < DRAWN; i++) {
        double t = half_angle(&r);
        s.y[2 * i] = R(cos(t));
        s.y[2 * i + 1] = R(sin(t));
        truth -= log((cos(t) > 0 ? 0.75 : 0.25) / PI) / DRAWN;
    }
    for (q = 0; q < 2; q++) {
        nll[q] = mean_nll(&m[q], DRAWN, s.y, &se);
        cosine[q] = mean_cosine(&m[q]);
        CHECK_NEAR(nll[q], truth, 0.06);
        CHECK_NEAR(cosine[q], 1 / PI, 0.1);
        CHECK_NEAR(m[q].info.nll, truth, 0.05 + 4 * m[q].info.nll_se);
    }
    CHECK_NEAR(nll[0], nll[1], 0.05);
    CHECK_NEAR(cosine[0], cosine[1], 0.06);
    ebim_free(&m[0]);
    ebim_free(&m[1]);
}

/* Rows of weight 0 are as if they were not there, but for units. */
static void weight_zero_is_no_row(void)
{
    ebim_rng r;
    ebim_model m;
    int i;
    double cosine;
    if (T_QUICK || sizeof(ebim_real) > 4) T_SKIP("slow: in float only");
    start(2, 1);
    ebim_rng_init(&r, T_SEED, 22);
    for (i = 0; i < 800; i++) {
        double t = 2 * PI * (double)ebim_rng_uniform(&r);
        point(cos(t), sin(t), 0);
        s.weight[i] = cos(t) > 0;
    }
    s.d.weights = s.weight;
    if (!fitted(&m)) return;
    cosine = mean_cosine(&m); /* 2 / pi, less what the density's floor takes */
    CHECK_NEAR(cosine, 2 / PI, 0.06);
    ebim_free(&m);
}

/* The rows of a fit that s.d describes, in its order: those that are held out are the last. */
typedef struct split {
    ebim__rows f;
    void *work;
} split;

static int split_data(split *t)
{
    ebim_arena work;
    ebim_result r;
    t->work = NULL;
    ebim_arena_init(&work, NULL, 0);
    r = ebim__rows_init(&t->f, s.N, s.n, s.x, &s.d, &work);
    if (!r) r = ebim__heap(&work, &t->work);
    if (!r) r = ebim__rows_init(&t->f, s.N, s.n, s.x, &s.d, &work);
    return CHECK_INT(r, EBIM_OK);
}

static void join(split *t) { free(t->work); }

/* Each of 200 points five times, exactly or nearly, in any order: what is held out has no copy in
 * what is not, and about a fifth of the rows are. */
static void copies_are_held_out_together(void)
{
    static split t;
    static int held[200];
    ebim_rng r;
    int jitter, i, at[200];
    double angle[200];
    for (jitter = 0; jitter < 3; jitter++) {
        start(2, 1);
        ebim_rng_init(&r, T_SEED, 23);
        for (i = 0; i < 200; i++) angle[i] = 2 * PI * (double)ebim_rng_uniform(&r);
        for (i = 0; i < 200; i++) at[i] = held[i] = 0;
        for (i = 0; i < 1000; i++) {
            double v = angle[i * 7 % 200], far = jitter == 1 ? 1e-6 : jitter ? 3e-5 : 0;
            point(cos(v) + far * (double)ebim_rng_normal(&r),
                  sin(v) + far * (double)ebim_rng_normal(&r), 0);
        }
        if (!split_data(&t)) return;
        CHECK(t.f.held >= 150 && t.f.held <= 200);
        for (i = 0; i < t.f.N; i++) at[t.f.order[i] * 7 % 200]++;
        for (i = t.f.N - t.f.held; i < t.f.N; i++) held[t.f.order[i] * 7 % 200]++;
        for (i = 0; i < 200; i++) CHECK(at[i] == 5 && (held[i] == 0 || held[i] == 5));
        join(&t);
    }
}

/* ---- one number for one thing ---- */

typedef enum kind { PLAIN, FOURIER, KERNELS, ANY } kind;

static int has_sines(const ebim_graph *E)
{
    int i;
    for (i = 2; i < E->n_nodes; i++)
        if (E->node[i].op == EBIM__OP_DENSE && E->node[i].fn == EBIM_FN_SINE) return 1;
    return 0;
}

static kind kind_of(const ebim_model *m)
{
    return ebim__find_rbf(&m->E, NULL) ? KERNELS : has_sines(&m->E) ? FOURIER : PLAIN;
}

/* What a fit says of the rows it held out, and what scores of these rows say. Their errors are
 * those of the same points, so that mostly they agree better; but the fit's E did not see them. */
static void check_one_number(kind expected)
{
    static split t;
    double nll, se;
    int i, c;
    if (!split_data(&t)) return;
    for (i = 0; i < t.f.held; i++)
        for (c = 0; c < s.n; c++)
            s.y[i * s.n + c] = s.x[t.f.order[t.f.N - t.f.held + i] * s.n + c];
    if (!fitted(&s.m)) return;
    CHECK(expected == ANY || kind_of(&s.m) == expected);
    CHECK_NEAR(s.m.info.held, t.f.held, 0);
    CHECK(s.m.info.nll_se > 0);
    nll = mean_nll(&s.m, t.f.held, s.y, &se);
    CHECK_NEAR(nll, s.m.info.nll, 3 * hypot(se, s.m.info.nll_se));
    join(&t);
    ebim_free(&s.m);
}

static void one_number_plain(void)
{
    ebim_rng r;
    int i;
    start(2, 1);
    ebim_rng_init(&r, T_SEED, 24);
    for (i = 0; i < 800; i++) {
        double t = synth_von_mises(&r, 0, 1);
        point(3 * cos(t), 3 * sin(t), 0);
    }
    check_one_number(PLAIN);
}

static void clumps(double width, double stretch)
{
    ebim_rng r;
    double at[30];
    int i;
    ebim_rng_init(&r, T_SEED, 25);
    for (i = 0; i < 30; i++) at[i] = 2 * PI * (double)ebim_rng_uniform(&r);
    for (i = 0; i < 900; i++) {
        double t = at[i % 30] + width * (double)ebim_rng_normal(&r);
        point(stretch * cos(t), sin(t), 0);
    }
}

static void one_number_kernels(void)
{
    start(2, 1);
    clumps(0.01, 1);
    check_one_number(KERNELS);
}

/* A centre of the estimate is judged by the others, so that it is no likelier than a point next to
 * it, which its kernel counts for: on the mean over all rows by log(1 + 1 / (centres in reach)). */
static void centres_are_judged_by_the_others(void)
{
    double at_centres = 0, beside = 0, se, turn = 3e-3; /* a tenth of a clump's width */
    int i;
    start(2, 1);
    clumps(0.03, 1);
    s.N = 300;
    if (!fitted(&s.m)) return;
    CHECK_INT(kind_of(&s.m), KERNELS);
    for (i = 0; i < s.N; i++) {
        double x = (double)s.x[2 * i], y = (double)s.x[2 * i + 1];
        s.y[2 * i] = R(x - turn * y);
        s.y[2 * i + 1] = R(y + turn * x);
    }
    at_centres = mean_nll(&s.m, s.N, s.x, &se);
    beside = mean_nll(&s.m, s.N, s.y, &se);
    CHECK(at_centres > beside + 0.01 && at_centres < beside + 0.5);
    CHECK_NEAR(at_centres, s.m.info.nll, 3 * hypot(se, s.m.info.nll_se));
    ebim_free(&s.m);
}

/* More rows than kernels can have, and waves too short for a plain network */
static void one_number_fourier(void)
{
    ebim_rng r;
    if (T_QUICK || sizeof(ebim_real) > 4) T_SKIP("slow: in float only");
    start(2, 1);
    ebim_rng_init(&r, T_SEED, 26);
    while (s.N < 12000) {
        double t = 2 * PI * (double)ebim_rng_uniform(&r);
        if (2 * (double)ebim_rng_uniform(&r) < 1 + cos(16 * t)) point(cos(t), sin(t), 0);
    }
    check_one_number(FOURIER);
}

static void one_number_above_codimension_one(void)
{
    ebim_rng r;
    int i;
    start(3, 0.5);
    ebim_rng_init(&r, T_SEED, 27);
    for (i = 0; i < 800; i++) {
        double t = synth_von_mises(&r, 0, 1);
        point(cos(t), sin(t), 0.3 * sin(2 * t));
    }
    check_one_number(ANY);
}

static void one_number_behind_a_map(void)
{
    ebim_rng r;
    int i;
    start(2, 1);
    ebim_rng_init(&r, T_SEED, 28);
    for (i = 0; i < 800; i++) {
        double t = synth_von_mises(&r, 1, 1);
        point(50 * cos(t), sin(t), 0);
    }
    check_one_number(PLAIN);
    if (T_QUICK) return;
    start(2, 1);
    clumps(0.01, 50);
    check_one_number(KERNELS);
}

/* ---- units and linear maps ---- */

/* von Mises angles on an ellipse a : 1 */
static void ellipse(double a, int count)
{
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 29);
    while (s.N < count) {
        double t = synth_von_mises(&r, 1, 1);
        point(a * cos(t), sin(t), 0);
    }
}

/* Distance of a point from the ellipse a : 1, by brute force */
static double ellipse_distance(double a, double x, double y)
{
    double best = HUGE_VAL;
    int i;
    for (i = 0; i < STEPS; i++) {
        double t = 2 * PI * i / STEPS, dx = x - a * cos(t), dy = y - sin(t);
        best = fmin(best, dx * dx + dy * dy);
    }
    return sqrt(best);
}

/* On a ring of points beside the ellipse, as far off as it is narrow or less */
static void check_distances(const ebim_model *m, double a, double unit)
{
    double slack = T_QUICK ? 0.05 : 0.02;
    int i;
    for (i = 0; i < 60; i++) {
        double t = 2 * PI * (i + 0.5) / 60, off = 0.8 * (i % 5 - 2) / 2;
        double nx = cos(t), ny = a * sin(t), len = hypot(nx, ny);
        s.y[2 * i] = R(unit * (a * cos(t) + off * nx / len));
        s.y[2 * i + 1] = R(unit * (sin(t) + off * ny / len));
    }
    CHECK_INT(ebim_score(m, 60, s.y, NULL, s.distance, s.energy, s.ok), EBIM_OK);
    for (i = 0; i < 60; i++) {
        double x = (double)s.y[2 * i] / unit, y = (double)s.y[2 * i + 1] / unit;
        if (CHECK(s.ok[i]))
            CHECK_NEAR((double)s.distance[i] / unit, ellipse_distance(a, x, y), slack);
    }
}

/* Log densities at equal steps of t along the ellipse a : 1 -> p: [count], per unit of t */
static void densities(const ebim_model *m, double a, double unit, int count, double *p)
{
    int i;
    for (i = 0; i < count; i++) {
        double t = 2 * PI * (i + 0.5) / count;
        s.y[2 * i] = R(unit * a * cos(t));
        s.y[2 * i + 1] = R(unit * sin(t));
    }
    CHECK_INT(ebim_score(m, count, s.y, NULL, s.distance, s.energy, s.ok), EBIM_OK);
    for (i = 0; i < count; i++) {
        double t = 2 * PI * (i + 0.5) / count, speed = unit * hypot(a * sin(t), cos(t));
        p[i] = -(double)s.energy[i] - m->z.log_z + log(speed);
    }
}

/* Samples of von Mises angles round 1: mean cosine and sine of t - 1 are 0.446 and 0. */
static void check_samples(const ebim_model *m, double a, double unit)
{
    static ebim_real y[DRAWN][2];
    double cosine = 0, sine = 0, off = 0;
    int i;
    CHECK_INT(ebim_sample(m, DRAWN, y[0], T_SEED), EBIM_OK);
    for (i = 0; i < DRAWN; i++) {
        double u = (double)y[i][0] / unit / a, v = (double)y[i][1] / unit, t = atan2(v, u);
        cosine += cos(t - 1) / DRAWN;
        sine += sin(t - 1) / DRAWN;
        off = fmax(off, fabs(hypot(u, v) - 1));
    }
    CHECK_NEAR(cosine, 0.446, 0.08);
    CHECK_NEAR(sine, 0, 0.08);
    CHECK_NEAR(off, 0, 0.02);
}

/* An ellipse 50 : 1 is what the circle is, stretched: samples, distances, densities. */
static void a_thin_ellipse_is_a_stretched_circle(void)
{
    enum { COUNT = 2000 };
    static double round[COUNT], thin[COUNT];
    ebim_model m[2];
    double sum[2] = {0, 0}, off = 0;
    int i, q;
    for (q = 0; q < 2; q++) {
        start(2, 1);
        ellipse(q ? 50 : 1, 1200);
        if (!fitted(&m[q])) return;
        CHECK_INT(m[q].linear != NULL, q);
        CHECK_INT(m[q].judged.verdict & EBIM_VERDICT_BAD, 0);
        densities(&m[q], q ? 50 : 1, 1, COUNT, q ? thin : round);
    }
    for (i = 0; i < COUNT; i++) {
        sum[0] += exp(round[i]) * 2 * PI / COUNT;
        sum[1] += exp(thin[i]) * 2 * PI / COUNT;
        off += fabs(round[i] - thin[i]) / COUNT;
    }
    CHECK_NEAR(sum[0], 1, 0.02);
    CHECK_NEAR(sum[1], 1, 0.02);
    CHECK_NEAR(off, 0, 0.1);
    CHECK_REL(m[1].judged.volume, 200.2, 0.02); /* 4 a (1 + (log 4 a - 1/2) / (2 a^2)) */
    check_samples(&m[1], 50, 1);
    check_distances(&m[1], 50, 1);
    ebim_free(&m[0]);
    ebim_free(&m[1]);
}

/* Parameters of F's or E's network; before it stands a shift and scale of two coordinates, behind
 * it one of the value. */
static int same_network(const ebim_graph *f, const ebim_graph *g)
{
    return f->n_theta == g->n_theta &&
           !memcmp(f->theta + 4, g->theta + 4, (size_t)(f->n_theta - 6) * sizeof *f->theta);
}

/* Data times 8: the same to the bit, but for units. Times 10: distances times 10, log densities
 * less m log 10. The circle, and an ellipse behind a linear map. */
static void units_are_the_datas(void)
{
    enum { COUNT = 400 };
    static const double unit[3] = {1, 8, 10};
    static double p[3][COUNT];
    ebim_model m[3];
    int q, i, thin;
    if (T_QUICK || sizeof(ebim_real) > 4) T_SKIP("slow: in float only");
    for (thin = 0; thin < 2; thin++) {
        double a = thin ? 50 : 1, off = 0;
        for (q = 0; q < 3; q++) {
            start(2, 1);
            ellipse(a, 800);
            for (i = 0; i < 2 * s.N; i++) s.x[i] = R(unit[q] * (double)s.x[i]);
            if (!fitted(&m[q])) return;
            CHECK_INT(m[q].linear != NULL, thin);
            densities(&m[q], a, unit[q], COUNT, p[q]);
            check_distances(&m[q], a, unit[q]);
            CHECK_NEAR(m[q].info.nll - log(unit[q]), m[0].info.nll, 0.05);
            CHECK_REL(m[q].judged.volume, unit[q] * m[0].judged.volume, 0.01);
        }
        CHECK(same_network(&m[0].F, &m[1].F) && same_network(&m[0].E, &m[1].E));
        for (i = 0; i < COUNT; i++) {
            CHECK_NEAR(p[1][i], p[0][i], 1e-3);
            off += fabs(p[2][i] - p[0][i]) / COUNT;
        }
        CHECK_NEAR(off, 0, 0.06);
        for (q = 0; q < 3; q++) ebim_free(&m[q]);
    }
}

/* ---- files ---- */

/* Rows of a file of numbers; 0: there is no such file. */
static int load(const char *path)
{
    static char line[4096];
    FILE *f = fopen(path, "r");
    start(2, 1);
    if (T_QUICK) s.d.effort = 0.3;
    if (!f) return 0;
    s.n = 0;
    while (s.N < MOST && fgets(line, sizeof line, f)) {
        char *p = line, *end;
        int c = 0;
        for (; c < COLUMNS; c++, p = end + (*end == ',')) {
            double y = strtod(p, &end);
            if (end == p) break;
            s.x[s.N * (s.n ? s.n : COLUMNS) + c] = R(y);
        }
        if (!c) continue; /* names of columns */
        s.n = c;
        s.N++;
    }
    fclose(f);
    return s.N;
}

/* The cases that --quick leaves out are as quick as the others: there are many. */
#define SLOW_CASE(name)                                                                      \
    do {                                                                                     \
        if (T_QUICK || sizeof(ebim_real) > 4) T_SKIP("slow: in float only");                 \
        CASE(name);                                                                          \
    } while (0)
#define CASE(name) do { if (!load("../shared/cases/" name)) T_SKIP("no " name); } while (0)

/* Mean and most distance of M from the unit circle */
static void off_circle(const ebim_model *m, double *most)
{
    static ebim_real y[DRAWN][2];
    int i;
    CHECK_INT(ebim_sample(m, DRAWN, y[0], T_SEED), EBIM_OK);
    for (i = 0, *most = 0; i < DRAWN; i++)
        *most = fmax(*most, fabs(hypot((double)y[i][0], (double)y[i][1]) - 1));
}

static void check_far_row(double distance)
{
    double most;
    if (!fitted(&s.m)) return;
    off_circle(&s.m, &most);
    CHECK_NEAR(most, 0, 0.001);
    CHECK_INT(s.m.judged.verdict, EBIM_VERDICT_FINE);
    CHECK_NEAR(s.m.info.outliers, 1, 0);
    CHECK_NEAR(s.m.info.outlier_row[0], 1000, 0);
    CHECK_NEAR(s.m.info.outlier_distance[0], distance, 0.01);
    CHECK_REL(s.m.judged.volume, 2 * PI, 0.01);
    ebim_free(&s.m);
}

static void circle_10(void)
{
    CASE("circle_10.csv");
    check_far_row(9);
}

static void circle_100(void)
{
    SLOW_CASE("circle_100.csv");
    check_far_row(99);
}

/* The ellipse that these rows are on: its axes are those of the columns. */
static void check_ellipse(double least)
{
    double middle[2] = {0, 0}, half[2], worst = 0;
    int i, c;
    for (c = 0; c < 2; c++) {
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (i = 0; i < s.N; i++) {
            lo = fmin(lo, (double)s.x[2 * i + c]);
            hi = fmax(hi, (double)s.x[2 * i + c]);
        }
        middle[c] = (lo + hi) / 2;
        half[c] = (hi - lo) / 2;
    }
    CHECK(fmax(half[0], half[1]) > least * fmin(half[0], half[1]));
    if (!fitted(&s.m)) return;
    CHECK_INT(s.m.judged.verdict, EBIM_VERDICT_FINE);
    CHECK(s.m.linear != NULL);
    CHECK_INT(ebim_sample(&s.m, DRAWN, s.y, T_SEED), EBIM_OK);
    for (i = 0; i < DRAWN; i++) {
        double u = ((double)s.y[2 * i] - middle[0]) / half[0];
        worst = fmax(worst, fabs(hypot(u, ((double)s.y[2 * i + 1] - middle[1]) / half[1]) - 1));
    }
    CHECK_NEAR(worst, 0, 0.02);
    CHECK_REL(s.m.judged.volume, 4 * fmax(half[0], half[1]), 0.03);
    ebim_free(&s.m);
}

static void units_csv(void)
{
    SLOW_CASE("units.csv");
    check_ellipse(1e3);
}

static void ellipse10(void)
{
    SLOW_CASE("ellipse10.csv");
    check_ellipse(9);
}

/* Copies of uniform angles: 1.838, by the fit and by scores. */
static void check_uniform(double fit, double score)
{
    double nll, se, most;
    if (!fitted(&s.m)) return;
    nll = mean_nll(&s.m, s.N, s.x, &se);
    CHECK_NEAR(s.m.info.nll, log(2 * PI), fit);
    CHECK_NEAR(nll, log(2 * PI), score);
    CHECK_INT(s.m.judged.verdict, EBIM_VERDICT_FINE);
    off_circle(&s.m, &most);
    CHECK_NEAR(most, 0, 0.003);
    ebim_free(&s.m);
}

static void near80(void)
{
    SLOW_CASE("near80_1e-6.csv");
    check_uniform(0.1, 0.1);
}

static void exact10(void)
{
    SLOW_CASE("exact10.csv");
    check_uniform(0.03, 0.03);
}

/* Directions, rounded: most rows repeat. */
static void check_wind(double distinct)
{
    double most;
    if (!fitted(&s.m)) return;
    CHECK_INT(s.m.judged.verdict & ~EBIM_VERDICT_FEW, EBIM_VERDICT_FINE);
    CHECK_NEAR(s.m.info.distinct, distinct, 0.05 * distinct);
    off_circle(&s.m, &most);
    CHECK_NEAR(most, 0, 0.02);
    CHECK_REL(s.m.judged.volume, 2 * PI, 0.01);
    CHECK(s.m.has_energy);
    ebim_free(&s.m);
}

static void wind16(void)
{
    CASE("wind16.csv");
    check_wind(16);
}

static void wind_degree(void)
{
    SLOW_CASE("wind_degree.csv");
    check_wind(176);
}

static void noisy5(void)
{
    double most;
    SLOW_CASE("noisy5.csv");
    if (!fitted(&s.m)) return;
    CHECK_REL(s.m.judged.noise, 0.05, 0.1);
    CHECK_INT(s.m.judged.verdict, EBIM_VERDICT_LOOSE);
    off_circle(&s.m, &most);
    CHECK_NEAR(most, 0, 0.03);
    ebim_free(&s.m);
}

/* Three quarters of a circle */
static void arc(void)
{
    SLOW_CASE("arc.csv");
    if (!fitted(&s.m)) return;
    CHECK(!(s.m.judged.verdict & EBIM_VERDICT_BAD));
    CHECK_INT(s.m.F.field.codim, 1);
    CHECK_NEAR(s.m.judged.volume, 4.712, 0.1); /* three quarters, and an end of 0.05 each */
    CHECK(s.m.judged.distance_mean < 0.003);
    ebim_free(&s.m);
}

/* A detailed closed surface, whatever the seed: no sheet joins its horns, all but 0.5 % of the
 * truth is within 1 % of its diagonal, 0.1 % in the mean, and samples are no farther from the truth
 * than its points are from each other. */
static void spot(void)
{
    ebim_model m[2];
    double lo[3], hi[3], diagonal = 0;
    int seed, i, c;
    SLOW_CASE("spot.csv");
    s.d.dim = 2;
    for (seed = 0; seed < 2; seed++) {
        s.d.seed = (uint64_t)seed;
        if (!fitted(&m[seed])) return;
        CHECK(!(m[seed].judged.verdict & EBIM_VERDICT_BAD));
    }
    CASE("spot_truth.csv");
    for (c = 0; c < 3; c++) {
        lo[c] = hi[c] = (double)s.x[c];
        for (i = 0; i < s.N; i++) {
            lo[c] = fmin(lo[c], (double)s.x[3 * i + c]);
            hi[c] = fmax(hi[c], (double)s.x[3 * i + c]);
        }
        diagonal += (hi[c] - lo[c]) * (hi[c] - lo[c]);
    }
    diagonal = sqrt(diagonal);
    for (seed = 0; seed < 2; seed++) {
        double mean = 0;
        int away = 0, q;
        CHECK_INT(ebim_score(&m[seed], s.N, s.x, NULL, s.distance, NULL, NULL), EBIM_OK);
        for (i = 0; i < s.N; i++) {
            mean += (double)s.distance[i] / s.N;
            away += !((double)s.distance[i] < 0.01 * diagonal);
        }
        CHECK(mean < 0.001 * diagonal);
        CHECK(away < 0.005 * s.N);
        CHECK_INT(ebim_sample(&m[seed], 500, s.y, 1), EBIM_OK);
        for (away = 0, i = 0; i < 500; i++) {
            double least = HUGE_VAL;
            for (q = 0; q < s.N; q++)
                least = fmin(least, ebim__square_distance(3, s.y + 3 * i, s.x + 3 * q));
            away += !(sqrt(least) < 0.02 * diagonal); /* the mean of these is 0.5 % */
        }
        CHECK(away < 5);
        ebim_free(&m[seed]);
    }
}

/* 20 points: a closed curve of length 197, or told that they do not settle it */
static void gait_mean_cycle(void)
{
    int seed;
    SLOW_CASE("gait_mean_cycle.csv");
    for (seed = 0; seed < 3; seed++) {
        s.d.seed = (uint64_t)seed;
        if (!fitted(&s.m)) return;
        CHECK(s.m.judged.verdict || fabs(s.m.judged.volume / 197 - 1) < 0.03);
        ebim_free(&s.m);
    }
}

static void montreal_season(void)
{
    SLOW_CASE("montreal_season.csv");
    if (!fitted(&s.m)) return;
    CHECK_INT(s.m.judged.verdict & EBIM_VERDICT_BAD, 0);
    CHECK(s.m.judged.verdict & EBIM_VERDICT_LOOSE);
    CHECK_REL(s.m.judged.volume, 98.5, 0.02);
    CHECK_REL(s.m.judged.noise, 0.78, 0.15);
    CHECK_NEAR(s.m.judged.components, 1, 0);
    ebim_free(&s.m);
}

static int stop_later(void *user, const ebim_progress *p)
{
    (void)p;
    return --*(int *)user == 0;
}

/* Stopped while E is learned: there is none. */
static void plain(void)
{
    int calls = 400;
    SLOW_CASE("plain.csv");
    s.d.progress = stop_later;
    s.d.user = &calls;
    if (!fitted(&s.m)) return;
    CHECK(calls <= 0);
    CHECK(!s.m.has_energy && s.m.info.partial > 0 && !(s.m.z.points > 0));
    ebim_free(&s.m);
    s.d.progress = NULL;
    if (!fitted(&s.m)) return;
    CHECK_INT(s.m.judged.verdict, EBIM_VERDICT_FINE);
    CHECK(s.m.has_energy && s.m.z.points > 0);
    ebim_free(&s.m);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(weights_are_repeated_rows);
    T_RUN(weight_zero_is_no_row);
    T_RUN(copies_are_held_out_together);
    T_RUN(one_number_plain);
    T_RUN(one_number_kernels);
    T_RUN(centres_are_judged_by_the_others);
    T_RUN(one_number_fourier);
    T_RUN(one_number_above_codimension_one);
    T_RUN(one_number_behind_a_map);
    T_RUN(a_thin_ellipse_is_a_stretched_circle);
    T_RUN(units_are_the_datas);
    T_RUN(circle_10);
    T_RUN(circle_100);
    T_RUN(units_csv);
    T_RUN(ellipse10);
    T_RUN(near80);
    T_RUN(exact10);
    T_RUN(wind16);
    T_RUN(wind_degree);
    T_RUN(noisy5);
    T_RUN(arc);
    T_RUN(spot);
    T_RUN(gait_mean_cycle);
    T_RUN(montreal_season);
    T_RUN(plain);
    return T_END();
}
