/* fig8_arithmetic: the paper's Fig. 8. One displacement field learns the digits 1 and 4, another 4
   and 7. Where do both hold? By the mean of both, whose chains go where the two agree, and of these
   the half for which they agree best on what is behind noise of .8; and by Langevin dynamics on
   |(F1, F2)|^2, F = x - D(x), the paper's way. And where does one of them hold? Half of the chains
   by either (the mixture); and Langevin dynamics on |F1 F2|^2, component by component, which the
   paper found to be unstable. A classifier trained on all digits counts.

       build/fig8_arithmetic [--steps N] [--seed N] [--out DIR] [--quick]

   Samples are uncurated: 500 of each, those agreed on being half of 1000, 64 by Langevin dynamics.
   The picture shows the first, two rows of each: {1, 4}, {4, 7}, the mean, those agreed on,
   (F1, F2), the mixture, F1 F2. */
#include "common/paper.h"
#include "common/images.h"

enum { TRAIN = IMAGES_TRAIN, STEPS = 1000, B = 500, LANGEVIN = 64, KINDS = 7, SHOWN = 32 };

enum { FIRST, SECOND, MEAN, AGREED, CONCATENATION, MIXTURE, PRODUCT };

typedef struct pair { const ebim_graph *D[2]; int kind; } pair;

static ebim_ref combined(ebim_graph *g, ebim_ref x, void *user)
{
    const pair *p = (const pair *)user;
    ebim_ref d[2];
    int i;
    for (i = 0; i < 2; i++) {
        d[i] = ebim_inline(g, p->D[i], x, 0);
        if (p->kind != MEAN) d[i] = ebim_sub(g, x, d[i]);
    }
    if (p->kind == MEAN) return ebim_scale(g, ebim_add(g, d[0], d[1]), 0.5);
    return p->kind == PRODUCT ? ebim_mul(g, d[0], d[1]) : ebim_concat(g, d[0], d[1]);
}

/* Images of two classes -> x; returns how many */
static int of_classes(const images *im, int c, int d, ebim_real *x)
{
    int i, count = 0;
    for (i = 0; i < TRAIN; i++)
        if (im->label[i] == c || im->label[i] == d)
            memcpy(x + (size_t)count++ * IMAGES_N, im->x + (size_t)i * IMAGES_N,
                   IMAGES_N * sizeof *x);
    return count;
}

/* Langevin dynamics on |F|^2 from x, with less and less noise; returns the share of moves that
 * were made: those that leave [-8, 9]^784 are not. */
static double langevin(paper_args *a, const ebim_graph *F, int count, ebim_real *x, double step)
{
    enum { STAGES = 10, MOVES = 10 };
    double lo[IMAGES_N], hi[IMAGES_N], made = 0;
    size_t used = a->arena.used;
    int i, stages = a->quick ? 2 : STAGES;
    for (i = 0; i < IMAGES_N; i++) lo[i] = -8, hi[i] = 9;
    for (i = 0; i < stages; i++) {
        ebim_langevin_desc d;
        ebim_langevin *c;
        memset(&d, 0, sizeof d);
        d.energy = EBIM_ENERGY_OF_NORM2;
        d.eps = i < stages - 1 ? pow(0.65, i) : 1e-4;
        d.step = step;
        d.lo = lo;
        d.hi = hi;
        paper_check("Langevin", ebim_langevin_init(&c, &a->arena, F, &d));
        made += (double)ebim_langevin_run(c, count, x, MOVES, a->seed, (uint64_t)(i * B)) /
                (count * MOVES * stages);
        a->arena.used = used;
    }
    return made;
}

/* Moves the half of x for which the D agree best to the front: |D1(x') - D2(x')| is least, x' with
 * noise that hides details. On x itself both are near to the identity, right or wrong. */
static void agree(paper_args *a, const ebim_graph *D, int count, ebim_real *x)
{
    size_t used = a->arena.used, size = (size_t)count * IMAGES_N;
    double *off = (double *)paper_push(a, 2 * (size_t)count, sizeof *off);
    ebim_real *y[2];
    ebim_rng r;
    int b, i, kept;
    for (i = 0; i < 2; i++) {
        y[i] = paper_points(a, count, IMAGES_N);
        memcpy(y[i], x, size * sizeof *x);
        ebim_rng_init(&r, a->seed, 46);
        for (b = 0; b < count * IMAGES_N; b++) y[i][b] += (ebim_real)0.8 * ebim_rng_normal(&r);
        images_ways(a, &D[i], count, y[i], 1, off); /* y <- D(y) */
    }
    for (b = 0; b < count; b++)
        for (off[b] = 0, i = b * IMAGES_N; i < (b + 1) * IMAGES_N; i++) {
            double d = (double)y[0][i] - (double)y[1][i];
            off[b] += d * d;
        }
    for (kept = b = 0; b < count; b++) {
        int less = 0;
        for (i = 0; i < count; i++) less += off[i] < off[b] || (off[i] <= off[b] && i < b);
        if (less < count / 2)
            memmove(x + kept++ * IMAGES_N, x + b * IMAGES_N, IMAGES_N * sizeof *x);
    }
    a->arena.used = used;
}

static void report(paper_args *a, json *j, classifier *judge, const char *kind, int count,
                   const ebim_real *x)
{
    int *class_of = (int *)paper_push(a, (size_t)count, sizeof *class_of), i;
    double shares[IMAGES_CLASSES] = {0};
    classifier_run(judge, count, x, class_of, NULL);
    for (i = 0; i < count; i++) shares[class_of[i]] += 1.0 / count;
    json_numbers(j, kind, IMAGES_CLASSES, shares);
}

/* Mean over x of the smaller |x - D(x)| of two: how far from both */
static double off_both(paper_args *a, const ebim_graph *D, int count, ebim_real *x)
{
    double *d = (double *)paper_push(a, 2 * (size_t)count, sizeof *d), sum = 0;
    int i;
    for (i = 0; i < 2; i++) images_ways(a, &D[i], count, x, 0, d + i * count);
    for (i = 0; i < count; i++) sum += (d[i] < d[count + i] ? d[i] : d[count + i]) / count;
    return sum;
}

static ebim_graph combine(paper_args *a, const ebim_graph *D, int kind)
{
    ebim_graph g;
    pair p;
    p.D[0] = &D[0];
    p.D[1] = &D[1];
    p.kind = kind;
    paper_check("combination", ebim_record(&g, &a->arena, IMAGES_N, combined, &p));
    return g;
}

int main(int argc, char **argv)
{
    static const char *const name[KINDS] = {
        "classes_1_4", "classes_4_7", "classes_mean", "classes_agreed", "classes_concatenation",
        "classes_mixture", "classes_product"};
    static ebim_graph D[2], F;
    static classifier judge;
    ebim_denoise_chain plain, slow;
    ebim_real *x[KINDS], *data, *shown;
    ebim_train_report rep;
    int N, first, i, k, many, few;
    double made[3], seconds;
    paper_args a;
    images im;
    ebim_rng r;
    json j;
    paper_begin(&a, "fig8_arithmetic", argc, argv);
    im = images_read(&a, "mnist");
    classifier_train(&a, &judge, &im, TRAIN, a.quick ? 150 : 1400);
    data = paper_points(&a, 2 * TRAIN, IMAGES_N);
    first = of_classes(&im, 1, 4, data);
    N = first + of_classes(&im, 4, 7, data + (size_t)first * IMAGES_N);
    seconds = images_learn(&a, &D[0], "mnist_1_4", first, data, STEPS, &rep);
    seconds += images_learn(&a, &D[1], "mnist_4_7", N - first, data + (size_t)first * IMAGES_N,
                            STEPS, &rep);
    many = a.quick ? SHOWN : B;
    few = a.quick ? SHOWN : LANGEVIN;
    plain = slow = images_chain(&a);
    slow.h = 0.3;
    slow.beta = 0.06; /* classes are decided where there is much noise: it is left slowly. Fours of
                       * 192: h .1, beta .25 56 %, h .5, beta .03 62 % but blanks, too; so: 60 % */
    if (!a.quick) slow.steps = 180;
    x[FIRST] = images_draw(&a, &D[0], first, data, 1.5, &plain, many);
    x[SECOND] = images_draw(&a, &D[1], N - first, data + (size_t)first * IMAGES_N, 1.5, &plain,
                            many);
    F = combine(&a, D, MEAN);
    x[MEAN] = images_draw(&a, &F, N, data, 1.5, &slow, 2 * many);
    x[AGREED] = paper_points(&a, 2 * many, IMAGES_N);
    memcpy(x[AGREED], x[MEAN], 2 * (size_t)many * IMAGES_N * sizeof *data);
    agree(&a, D, 2 * many, x[AGREED]);
    x[MIXTURE] = paper_points(&a, many, IMAGES_N);
    ebim_rng_init(&r, a.seed, 45);
    for (i = 0; i < many; i++)
        memcpy(x[MIXTURE] + i * IMAGES_N, x[ebim_rng_below(&r, 2)] + i * IMAGES_N,
               IMAGES_N * sizeof *data);
    for (k = 0; k < 3; k++) { /* (F1, F2); F1 F2 with the same step, and one that moves */
        int kind = k ? PRODUCT : CONCATENATION;
        F = combine(&a, D, kind);
        x[kind] = images_noise(&a, N, data, 1.5, few);
        made[k] = langevin(&a, &F, few, x[kind], k < 2 ? 0.3 : 0.02);
    }
    shown = paper_points(&a, KINDS * SHOWN, IMAGES_N);
    for (k = 0; k < KINDS; k++)
        memcpy(shown + k * SHOWN * IMAGES_N, x[k], SHOWN * IMAGES_N * sizeof *shown);
    images_grid(paper_path(&a, "fig8_arithmetic.png"), 2 * KINDS, SHOWN / 2, shown);
    j = paper_json(&a);
    json_number(&j, "train_seconds", seconds);
    json_number(&j, "steps", rep.steps);
    for (k = 0; k < KINDS; k++)
        report(&a, &j, &judge, name[k], k == CONCATENATION || k == PRODUCT ? few : many, x[k]);
    json_number(&j, "off_mixture", off_both(&a, D, few, x[MIXTURE]));
    json_number(&j, "off_product", off_both(&a, D, few, x[PRODUCT]));
    json_number(&j, "moves_made_concatenation", made[0]);
    json_number(&j, "moves_made_product", made[1]);
    json_number(&j, "moves_made_product_small_step", made[2]);
    json_end(&j);
    return 0;
}
