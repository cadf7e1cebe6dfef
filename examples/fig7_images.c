/* fig7_images: digits or garments drawn by a displacement field (paper's Fig. 7, its column IM): a
   denoiser learns the way from noise to the data, and chains of it end on their manifold. 2000
   samples are compared with the data by the features of a classifier that is trained here, too:
   Frechet distance, and density and coverage, beside those of data.

       build/fig7_images [--data mnist|fmnist] [--steps N] [--seed N] [--out DIR] [--quick]
                         [--energy kernel|codes|pixels]

   fig7_DATA.ebim is the field as a model: `ebim info`, sample, score and project take it.

   With an energy (common/energies.h), 4000 more are drawn, and 2000 of them by e^-E: the paper's
   column EBIM.

   9000 images train, 1000 are held out. 3000 steps take six minutes of a core. Training
   goes on where it was stopped: its state is in DIR/DATA.state every 200 steps. */
#include "common/paper.h"
#include "common/images.h"
#include "common/energies.h"

enum { TRAIN = IMAGES_TRAIN, HELD = IMAGES_HELD };

/* x: [3 a->B][784], ends of chains. By the first third as noise, the others are given an energy and
 * resampled by it: a->B of them -> made */
static void weigh(paper_args *a, classifier *judge, const images *im, const double *data,
                  const ebim_real *x, json *j)
{
    static double f[2000 * IMAGES_FEATURES];
    static int class_of[2000];
    int B = a->B, which = energies_named(a->energy);
    const ebim_real *others = x + (size_t)B * IMAGES_N;
    ebim_real *E = paper_points(a, 2 * B, 1), *made = paper_points(a, B, IMAGES_N);
    double coverage, worth;
    char file[64];
    energies_of(a, which, TRAIN, im->x, B, x, 2 * B, others, E);
    worth = energies_resample(a, 2 * B, others, E, B, made);
    snprintf(file, sizeof file, "fig7_%s_%s.png", a->data, a->energy);
    images_grid(paper_path(a, file), 8, 16, made);
    classifier_run(judge, B, made, class_of, f);
    json_text(j, "energy", a->energy);
    json_number(j, "fd_lenet_by_energy", images_frechet(TRAIN, data, B, f));
    json_number(j, "fd_lenet_by_energy_to_held_out",
                images_frechet(HELD, data + TRAIN * IMAGES_FEATURES, B, f));
    json_number(j, "density_by_energy", images_density(B, data, B, f, &coverage));
    json_number(j, "coverage_by_energy", coverage);
    json_number(j, "worth", worth);
    classifier_run(judge, B, others, class_of, f);
    json_number(j, "fd_lenet_of_others", images_frechet(TRAIN, data, B, f));
}

/* The field as a model's file, judged by some of the images held out; the paper's dimension. */
static void save(paper_args *a, const ebim_graph *D, const images *im)
{
    size_t used = a->arena.used, bytes;
    char file[64], err[FILE_ERROR];
    ebim_denoise_model_desc d;
    ebim_model m;
    void *data;
    memset(&d, 0, sizeof d);
    d.dim = 16;
    d.held = im->x + (size_t)TRAIN * IMAGES_N;
    d.n_held = a->quick ? 16 : 128;
    paper_check("model", ebim_denoise_model(&m, &a->arena, &a->arena, D, TRAIN, im->x, &d));
    m.info.seed = a->seed;
    bytes = ebim_save_bytes(&m);
    data = paper_push(a, bytes, 1);
    paper_check("model", ebim_save(&m, data, bytes));
    snprintf(file, sizeof file, "fig7_%s.ebim", a->data);
    if (file_store(paper_path(a, file), data, bytes, err, sizeof err)) paper_stop(2, "%s", err);
    a->arena.used = used;
}

int main(int argc, char **argv)
{
    static int class_of[TRAIN + HELD];
    static double data[(TRAIN + HELD) * IMAGES_FEATURES], made[2000 * IMAGES_FEATURES];
    static classifier judge;
    static ebim_graph D;
    static double apart[HELD];
    double shares[IMAGES_CLASSES] = {0}, seconds, coverage;
    ebim_denoise_chain c;
    ebim_train_report rep;
    paper_args a;
    images im;
    ebim_real *x;
    char file[64];
    int i, right = 0, near_count;
    json j;
    paper_begin(&a, "fig7_images", argc, argv);
    if (a.energy && energies_named(a.energy) < 0)
        paper_stop(2, "fig7_images: no energy '%s': kernel, codes or pixels", a.energy);
    im = images_read(&a, a.data);
    classifier_train(&a, &judge, &im, TRAIN, a.quick ? 150 : 1400);
    classifier_run(&judge, im.N, im.x, class_of, data);
    for (i = TRAIN; i < im.N; i++) right += class_of[i] == im.label[i];
    seconds = images_learn(&a, &D, a.data, TRAIN, im.x, IMAGES_STEPS, &rep);
    save(&a, &D, &im);
    c = images_chain(&a);
    x = images_draw(&a, &D, TRAIN, im.x, 1.5, &c, a.energy ? 3 * a.B : a.B);
    snprintf(file, sizeof file, "fig7_%s.png", a.data);
    images_grid(paper_path(&a, file), 8, 16, x);
    classifier_run(&judge, a.B, x, class_of, made);
    for (i = 0; i < a.B; i++) shares[class_of[i]] += 1.0 / a.B;
    near_count = a.quick ? 10 : 100;
    j = paper_json(&a);
    json_text(&j, "data", a.data);
    json_number(&j, "steps", rep.steps);
    json_number(&j, "train_seconds", seconds);
    json_number(&j, "loss", rep.loss);
    json_number(&j, "classifier_right", (double)right / HELD);
    json_number(&j, "samples", a.B);
    json_number(&j, "fd_lenet", images_frechet(TRAIN, data, a.B, made));
    json_number(&j, "fd_lenet_of_held_out", images_frechet(TRAIN, data, HELD,
                                                         data + TRAIN * IMAGES_FEATURES));
    json_number(&j, "density", images_density(a.B, data, a.B, made, &coverage));
    json_number(&j, "coverage", coverage);
    json_number(&j, "density_of_data", images_density(a.B, data, a.B,
                                                     data + a.B * IMAGES_FEATURES, &coverage));
    json_number(&j, "coverage_of_data", coverage);
    json_number(&j, "fd_lenet_to_held_out", images_frechet(HELD, data + TRAIN * IMAGES_FEATURES,
                                                          a.B, made));
    json_numbers(&j, "classes", IMAGES_CLASSES, shares);
    json_number(&j, "nearest_training_image", images_nearest(near_count, x, TRAIN, im.x, apart));
    json_number(&j, "nearest_of_held_out", images_nearest(near_count, im.x + TRAIN * IMAGES_N,
                                                         TRAIN, im.x, apart));
    if (a.energy) weigh(&a, &judge, &im, data, x, &j);
    json_end(&j);
    return 0;
}
