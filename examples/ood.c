/* ood: what a displacement field trained on one set of images says of others (the paper's remark in
   section 5). Three numbers stand for "not of this manifold": |x - D(x)|; that over |grad x|, which
   counts by how many pixels the edges of x would have to move; and how far x is from where the way
   onto the manifold ends. Beside them stands what knows of no field: the distance to the nearest
   image trained on, and 1 / |grad x|. Each is judged by the chance that it is larger for another
   image than for a held-out one (AUROC).

       build/ood [--data mnist|fmnist] [--steps N] [--seed N] [--out DIR] [--quick]

   Others: the other set, uniform noise, and means of two held-out images, pixel by pixel: of two
   that are half of the set apart, and of neighbours in the file, which look alike. The field is
   that of fig7_images, and goes on from its state if that is in DIR. */
#include "common/paper.h"
#include "common/images.h"

enum { TRAIN = IMAGES_TRAIN, HELD = IMAGES_HELD, SETS = 5, ONTO = 10 };
enum { WAY, PIXELS, PROJECTION, NEAREST, EDGES, SCORES };

/* |grad x|, by differences of neighbouring pixels */
static double edges(const ebim_real *x)
{
    enum { SIDE = IMAGES_SIDE };
    double sum = 0, d;
    int i;
    for (i = 0; i < IMAGES_N; i++) {
        d = i % SIDE < SIDE - 1 ? (double)x[i + 1] - (double)x[i] : 0;
        sum += d * d;
        d = i / SIDE < SIDE - 1 ? (double)x[i + SIDE] - (double)x[i] : 0;
        sum += d * d;
    }
    return sqrt(sum);
}

/* [SCORES][B] of B images x, which move */
static void scores(paper_args *a, const ebim_graph *D, const images *im, int B, ebim_real *x,
                   double *s)
{
    size_t used = a->arena.used;
    ebim_real *from = paper_points(a, B, IMAGES_N);
    double *way = (double *)paper_push(a, (size_t)B, sizeof *way);
    int b, i;
    memcpy(from, x, (size_t)B * IMAGES_N * sizeof *x);
    images_nearest(B, x, TRAIN, im->x, s + NEAREST * B);
    images_ways(a, D, B, x, 0.7, s + WAY * B);
    for (i = 1; i < ONTO; i++) images_ways(a, D, B, x, 0.7, way);
    for (b = 0; b < B; b++) {
        double *d = s + PROJECTION * B + b;
        s[EDGES * B + b] = 1 / edges(from + b * IMAGES_N);
        s[PIXELS * B + b] = s[WAY * B + b] * s[EDGES * B + b];
        for (*d = 0, i = b * IMAGES_N; i < (b + 1) * IMAGES_N; i++)
            *d += ((double)x[i] - (double)from[i]) * ((double)x[i] - (double)from[i]);
        *d = sqrt(*d);
    }
    a->arena.used = used;
}

int main(int argc, char **argv)
{
    static const char *const score[SCORES] = {"way", "pixels", "projection", "nearest", "edges"};
    static const char *const name[SETS] = {"held_out", "other_set", "uniform", "mixtures",
                                           "neighbours"};
    static double s[SETS][SCORES * HELD];
    ebim_train_report rep;
    ebim_graph D;
    paper_args a;
    ebim_real *x[SETS];
    images im, other;
    ebim_rng r;
    int i, k, B;
    char key[64];
    json j;
    paper_begin(&a, "ood", argc, argv);
    im = images_read(&a, a.data);
    other = images_read(&a, strcmp(a.data, "mnist") ? "mnist" : "fmnist");
    images_learn(&a, &D, a.data, TRAIN, im.x, IMAGES_STEPS, &rep);
    B = a.quick ? 50 : HELD;
    ebim_rng_init(&r, a.seed, 44);
    for (k = 0; k < SETS; k++) x[k] = paper_points(&a, B, IMAGES_N);
    for (i = 0; i < B * IMAGES_N; i++) {
        const ebim_real *held = im.x + TRAIN * IMAGES_N;
        x[0][i] = held[i];
        x[1][i] = other.x[i];
        x[2][i] = ebim_rng_uniform(&r);
        for (k = 3; k < SETS; k++)
            x[k][i] = (held[i] + held[(i + (k == 3 ? B / 2 : 1) * IMAGES_N) % (B * IMAGES_N)]) / 2;
    }
    for (k = 0; k < SETS; k++) scores(&a, &D, &im, B, x[k], s[k]);
    j = paper_json(&a);
    json_text(&j, "data", a.data);
    json_number(&j, "steps", rep.steps);
    for (i = 0; i < SCORES; i++)
        for (k = 1; k < SETS; k++) {
            snprintf(key, sizeof key, "auroc_%s_%s", score[i], name[k]);
            json_number(&j, key, images_auroc(B, s[0] + i * B, B, s[k] + i * B));
        }
    json_end(&j);
    return 0;
}
