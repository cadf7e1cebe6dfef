/* ood: what a displacement field trained on one set of images says of others (the paper's remark in
   section 5). Two numbers stand for "not of this manifold": |x - D(x)|, and how far x is from where
   the way onto it ends; the distance to the nearest image trained on stands beside them. Each is
   judged by the chance that it is larger for another image than for a held-out one (AUROC).

       build/ood [--data mnist|fmnist] [--steps N] [--seed N] [--out DIR] [--quick]

   Others: the other set, uniform noise, and means of two held-out images, pixel by pixel. The field
   is that of fig7_images, and goes on from its state if that is in DIR. */
#include "common/paper.h"
#include "common/images.h"

enum { TRAIN = IMAGES_TRAIN, HELD = IMAGES_HELD, SETS = 4, SCORES = 3, ONTO = 10 };

/* [SCORES][B] of B images x, which move */
static void scores(paper_args *a, const ebim_graph *D, const images *im, int B, ebim_real *x,
                   double *s)
{
    size_t used = a->arena.used;
    ebim_real *from = paper_points(a, B, IMAGES_N);
    double *way = (double *)paper_push(a, (size_t)B, sizeof *way);
    int b, i;
    memcpy(from, x, (size_t)B * IMAGES_N * sizeof *x);
    images_nearest(B, x, TRAIN, im->x, s + 2 * B);
    images_ways(a, D, B, x, 0.7, s);
    for (i = 1; i < ONTO; i++) images_ways(a, D, B, x, 0.7, way);
    for (b = 0; b < B; b++) {
        double *d = s + B + b;
        for (*d = 0, i = b * IMAGES_N; i < (b + 1) * IMAGES_N; i++)
            *d += ((double)x[i] - (double)from[i]) * ((double)x[i] - (double)from[i]);
        *d = sqrt(*d);
    }
    a->arena.used = used;
}

int main(int argc, char **argv)
{
    static const char *const score[SCORES] = {"way", "projection", "nearest"};
    static const char *const name[SETS] = {"held_out", "other_set", "uniform", "mixtures"};
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
        x[3][i] = (held[i] + held[(i + IMAGES_N) % (B * IMAGES_N)]) / 2;
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
