/* images.h: distances of sets of features against closed forms, counts on a line, and that training
 * goes on from its file. */
#include "../examples/common/paper.h"

#include "../examples/common/images.h"
#include "../examples/common/energies.h"
#include "../examples/common/report.h"
#include "t.h"

enum { F = IMAGES_FEATURES, N = 2 * F };

/* N points with mean m in all features and standard deviation s[i] of feature i, but of the first
 * two along their diagonals */
static void features(double *f, double m, const double *s, int turned)
{
    int i, k;
    for (k = 0; k < N * F; k++) f[k] = m;
    for (i = 0; i < F; i++)
        for (k = 0; k < 2; k++) {
            double *row = f + (2 * i + k) * F, v = s[i] * sqrt((N - 1) / 2.0) * (k ? -1 : 1);
            if (i > 1 || !turned) row[i] += v;
            else row[0] += v * sqrt(0.5), row[1] += v * sqrt(0.5) * (i ? -1 : 1);
        }
}

/* Of two normal laws; in two dimensions the trace of the root is sqrt(tr AB + 2 sqrt(det AB)) */
static void frechet_distances_of_normal_laws(void)
{
    static double f[N * F], g[N * F];
    double s[F], t[F], d = 0, cross;
    int i;
    for (i = 0; i < F; i++) {
        s[i] = 1 + 0.1 * i;
        t[i] = 2 - 0.05 * i;
        d += 0.25 + (s[i] - t[i]) * (s[i] - t[i]);
    }
    t[1] = 0.3;
    d += (s[1] - t[1]) * (s[1] - t[1]) - (s[1] - 1.95) * (s[1] - 1.95);
    features(f, 1, s, 0);
    features(g, 1.5, t, 0);
    CHECK_NEAR(images_frechet(N, f, N, f), 0, 1e-9);
    CHECK_NEAR(images_frechet(N, f, N, g), d, 1e-9);
    features(g, 1.5, t, 1);
    cross = (s[0] * s[0] + s[1] * s[1]) * (t[0] * t[0] + t[1] * t[1]) / 2;
    cross = sqrt(cross + 2 * s[0] * s[1] * t[0] * t[1]);
    CHECK_NEAR(images_frechet(N, f, N, g), d + 2 * (s[0] * t[0] + s[1] * t[1]) - 2 * cross, 1e-9);
}

/* Points 0, 1 .. 19 on a line: balls of radius 5, 4, 3, 3 .. 3, 4, 5 */
static void density_and_coverage_are_counted(void)
{
    static double f[20 * F], g[10 * F];
    double coverage;
    int i;
    for (i = 0; i < 20; i++) f[i * F] = i;
    CHECK_NEAR(images_density(20, f, 20, f, &coverage), (6 * 6 + 14 * 7) / 100.0, 1e-12);
    CHECK_NEAR(coverage, 1, 1e-12);
    for (i = 0; i < 10; i++) g[i * F] = 10.5;
    CHECK_NEAR(images_density(20, f, 10, g, &coverage), 6 / 5.0, 1e-12);
    CHECK_NEAR(coverage, 6 / 20.0, 1e-12);
    for (i = 0; i < 10; i++) g[i * F] = 0, g[i * F + 1] = 6;
    CHECK_NEAR(images_density(20, f, 10, g, &coverage), 0, 0);
    CHECK_NEAR(coverage, 0, 0);
}

static void ranks_and_neighbours(void)
{
    static const double own[3] = {1, 2, 3}, other[2] = {2, 4};
    static ebim_real x[2 * IMAGES_N], of[3 * IMAGES_N];
    double d[2];
    CHECK_NEAR(images_auroc(3, own, 2, other), 4.5 / 6, 1e-12);
    x[0] = 5;
    x[IMAGES_N + 783] = 1;
    of[0] = 1;
    of[2 * IMAGES_N + 783] = 4;
    CHECK_NEAR(images_nearest(2, x, 3, of, d), 2.5, 1e-6);
    CHECK_NEAR(d[0], 4, 1e-6);
    CHECK_NEAR(d[1], 1, 1e-6);
}

static ebim_ref half(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_scale(g, x, 0.5);
}

static paper_args args; /* its memory ends with the process */

static paper_args *begin(void)
{
    static char name[] = "test_images", out[] = "--out", folder[512];
    char *argv[3];
    if (args.name) return &args;
    strncpy(folder, t_tmp("images"), sizeof folder - 1);
    argv[0] = name;
    argv[1] = out;
    argv[2] = folder;
    paper_begin(&args, name, 3, argv);
    return &args;
}

static void ways_are_gone(void)
{
    enum { B = 70 };
    paper_args *a = begin();
    ebim_graph D;
    ebim_real *x;
    double d[B];
    x = paper_points(a, B, IMAGES_N);
    memset(x, 0, B * IMAGES_N * sizeof *x);
    x[0] = 4;
    x[69 * IMAGES_N] = -8;
    CHECK_INT(ebim_record(&D, &a->arena, IMAGES_N, half, NULL), EBIM_OK);
    images_ways(a, &D, B, x, 0.5, d);
    CHECK_NEAR(d[0], 2, 1e-6);
    CHECK_NEAR(d[1], 0, 0);
    CHECK_NEAR(d[69], 4, 1e-6);
    CHECK_NEAR(x[0], 3, 1e-6);
    CHECK_NEAR(x[69 * IMAGES_N], -6, 1e-6);
}

/* What is trained stays so: a second run takes the state of the first, and chains of both draw the
 * same. */
static void training_goes_on_from_its_file(void)
{
    enum { IMAGES = 20, B = 3 };
    ebim_denoise_chain c;
    ebim_train_report rep;
    ebim_graph D[2];
    ebim_real *y[2], *x;
    paper_args *a = begin();
    ebim_rng r;
    int i;
    remove(paper_path(a, "some.state"));
    memset(&c, 0, sizeof c);
    c.steps = 2;
    x = paper_points(a, IMAGES, IMAGES_N);
    ebim_rng_init(&r, T_SEED, 1);
    for (i = 0; i < IMAGES * IMAGES_N; i++) x[i] = ebim_rng_uniform(&r);
    for (i = 0; i < 2; i++) {
        double seconds = images_learn(a, &D[i], "some", IMAGES, x, 3, &rep);
        CHECK(seconds >= 0);
        CHECK_INT(rep.steps, 3);
        CHECK_INT(file__kind(paper_path(a, "some.state")), 1);
        y[i] = images_draw(a, &D[i], IMAGES, x, 2, &c, B);
    }
    CHECK(!memcmp(D[0].theta, D[1].theta, (size_t)D[0].n_theta * sizeof *x));
    CHECK(!memcmp(y[0], y[1], B * IMAGES_N * sizeof *x));
}

/* All ops have a name where networks are printed, and lines have shapes and parameters. */
static void networks_are_printed(void)
{
    ebim_arena arena;
    void *mem = malloc(1 << 20);
    char line[REPORT_NODE];
    ebim_graph g;
    int op, conv;
    ebim_arena_init(&arena, mem, 1 << 20);
    for (op = EBIM__OP_INPUT; op < EBIM__OP_COUNT; op++) CHECK(*report_op(op));
    CHECK_INT(ebim_record(&g, &arena, IMAGES_N, classifier__record, NULL), EBIM_OK);
    report_node(line, &g, 1);
    CHECK(!strcmp(line, "input: 784"));
    for (conv = 1; g.node[conv].op != EBIM__OP_CONV;) conv++;
    report_node(line, &g, conv);
    CHECK(strstr(line, "convolution 5 x 5 RELU of ") && strstr(line, ": 28 x 28 x 8, 208 param"));
    free(mem);
}

/* Images of one form whose size is normal about 1, ends of chains about .4 with half the deviation:
 * an energy moves the others' mean to the data's, whichever it is. Half of what they are off is
 * made up for at least; with the other sign of E they would go away from it. */
static void energies_weigh(void)
{
    enum { DATA = 900, ENDS = 400, B = 800, n = IMAGES_N, ROOM = 1 << 28 };
    static paper_args a;
    void *mem = malloc(ROOM);
    double mean;
    ebim_real *x, *ends, *others, *E, *made;
    ebim_rng r;
    int which, b, i;
    size_t used;
    memset(&a, 0, sizeof a);
    a.name = "test";
    a.seed = 3;
    ebim_arena_init(&a.arena, mem, ROOM);
    x = paper_points(&a, DATA, n);
    ends = paper_points(&a, ENDS, n);
    others = paper_points(&a, B, n);
    made = paper_points(&a, B, n);
    E = paper_points(&a, B, 1);
    ebim_rng_init(&r, 5, 0);
    for (b = 0; b < DATA + ENDS + B; b++) {
        double size = (b < DATA ? 1 : 0.4) + 0.5 * (double)ebim_rng_normal(&r);
        ebim_real *row = b < DATA ? x + b * n : b < DATA + ENDS ? ends + (b - DATA) * n
                                                       : others + (b - DATA - ENDS) * n;
        for (i = 0; i < n; i++)
            row[i] = (ebim_real)(size * sin(0.02 * i) + 0.02 * (double)ebim_rng_normal(&r));
    }
    used = a.arena.used;
    for (which = 0; which < ENERGIES; which++) {
        double worth;
        if (which == ENERGIES_OF_PIXELS && (T_QUICK || sizeof(ebim_real) > 4)) continue; /* 10 s */
        energies_of(&a, which, DATA, x, ENDS, ends, B, others, E);
        CHECK(a.arena.used == used);
        worth = energies_resample(&a, B, others, E, B, made);
        CHECK(worth > B / 20 && worth < 0.9 * B);
        for (mean = 0, b = 0; b < B; b++) mean += (double)made[b * n + 78] / sin(0.02 * 78) / B;
        if (!CHECK(mean > 0.7 && mean < 1.3))
            fprintf(stderr, "%s: mean %.3f, worth %.0f\n", energies_name[which], mean, worth);
    }
    free(mem);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(frechet_distances_of_normal_laws);
    T_RUN(density_and_coverage_are_counted);
    T_RUN(ranks_and_neighbours);
    T_RUN(ways_are_gone);
    T_RUN(training_goes_on_from_its_file);
    T_RUN(networks_are_printed);
    T_RUN(energies_weigh);
    return T_END();
}
