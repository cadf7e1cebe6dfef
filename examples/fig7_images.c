/* fig7_images: digits or garments drawn by a displacement field (paper's Fig. 7, its column IM): a
   denoiser learns the way from noise to the data, and chains of it end on their manifold. 2000
   samples are compared with the data by the features of a classifier that is trained here, too.

       build/fig7_images [--data mnist|fmnist] [--steps N] [--seed N] [--out DIR] [--quick]

   9000 images train, 1000 are held out. 4000 steps take five minutes of one core. Training
   goes on where it was stopped: its state is in DIR/fig7_DATA.state every 200 steps. */
#include "common/paper.h"
#include "common/images.h"

enum { TRAIN = 9000, HELD = 1000 };

static char state_path[1024];

static void save_state(void *user, const void *state, size_t bytes)
{
    char err[FILE_ERROR];
    (void)user;
    if (file_store(state_path, state, bytes, err, sizeof err)) fprintf(stderr, "\n%s\n", err);
}

/* Trains D, or goes on with it */
static double train(paper_args *a, ebim_graph *D, const images *im, ebim_denoise_desc *d,
                    ebim_train_report *rep)
{
    char err[FILE_ERROR];
    double start = paper_seconds();
    size_t used = a->arena.used;
    unsigned char *state = NULL;
    ebim_result r;
    if (!a->quick && file__kind(state_path) == 1) {
        state = file_load(state_path, (size_t)1 << 30, &d->resume_bytes, err, sizeof err);
        if (!state) paper_stop(2, "%s", err);
        d->resume = state;
    }
    if (!a->quick) d->checkpoint = save_state;
    r = ebim_denoise_train(D, &a->arena, TRAIN, im->x, d, rep);
    if (r == EBIM_ERR_FORMAT)
        paper_stop(2, "%s: damaged, or of a run with another seed or number of steps: remove it to "
                      "begin anew", state_path);
    paper_check("training", r);
    free(state);
    a->arena.used = used;
    return paper_seconds() - start;
}

static int tell(void *user, const ebim_progress *p)
{
    (void)user;
    if (p->step % 100 == 0 || p->step == p->steps) {
        fprintf(stderr, "\rstep %d of %d, loss %.4f ", p->step, p->steps, p->loss);
        if (p->step == p->steps) fputc('\n', stderr);
    }
    return 0;
}

/* Mean of the data and noise of twice its size, then chains */
static ebim_real *draw(paper_args *a, const ebim_graph *D, const images *im, int B)
{
    ebim_real *x = paper_points(a, B, IMAGES_N);
    double mean[IMAGES_N] = {0};
    ebim_denoise_chain c;
    size_t used, i;
    ebim_rng r;
    memset(&c, 0, sizeof c);
    ebim_rng_init(&r, a->seed, 43);
    for (i = 0; i < (size_t)TRAIN * IMAGES_N; i++) mean[i % IMAGES_N] += (double)im->x[i] / TRAIN;
    for (i = 0; i < (size_t)B * IMAGES_N; i++)
        x[i] = (ebim_real)(mean[i % IMAGES_N] + 2 * (double)ebim_rng_normal(&r));
    used = a->arena.used;
    paper_check("chains", ebim_denoise_run(D, &a->arena, B, x, &c, a->seed));
    a->arena.used = used;
    return x;
}

/* |x - D(x)| of B images -> d */
static void ways(paper_args *a, const ebim_graph *D, int B, const ebim_real *x, double *d)
{
    size_t used = a->arena.used;
    ebim_real *y = paper_points(a, B, IMAGES_N);
    ebim_ws w;
    int b, i;
    paper_check("distances", ebim_ws_init(&w, &a->arena, D, 64, EBIM_WS_VALUES));
    ebim_eval(&w, B, x, y);
    for (b = 0; b < B; b++) {
        for (d[b] = 0, i = b * IMAGES_N; i < (b + 1) * IMAGES_N; i++)
            d[b] += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        d[b] = sqrt(d[b]);
    }
    a->arena.used = used;
}

/* How surely |x - D(x)| tells others from held-out data: the chance that it is larger */
static double told_apart(paper_args *a, const ebim_graph *D, const images *im,
                         const ebim_real *other)
{
    static double own[HELD], d[HELD];
    double sum = 0;
    int i, j;
    ways(a, D, HELD, im->x + TRAIN * IMAGES_N, own);
    ways(a, D, HELD, other, d);
    for (i = 0; i < HELD; i++)
        for (j = 0; j < HELD; j++) sum += d[i] > own[j] ? 1 : d[i] < own[j] ? 0 : 0.5;
    return sum / HELD / HELD;
}

/* Means of two held-out images each, and the other set's images where they are to be had */
static void report_others(paper_args *a, const ebim_graph *D, const images *im, json *j)
{
    const char *other = strcmp(a->data, "mnist") ? "mnist" : "fmnist";
    const ebim_real *held = im->x + TRAIN * IMAGES_N;
    ebim_real *x = paper_points(a, HELD, IMAGES_N);
    char path[1024];
    images more;
    int i;
    for (i = 0; i < HELD * IMAGES_N; i++)
        x[i] = (held[i] + held[(i + 500 * IMAGES_N) % (HELD * IMAGES_N)]) / 2;
    json_number(j, "auroc_mixtures", told_apart(a, D, im, x));
    if (!images__find(other, "t10k-images-idx3-ubyte.gz", path, sizeof path) ||
        !images__find(other, "t10k-labels-idx1-ubyte.gz", path, sizeof path))
        return;
    more = images_read(a, other);
    if (more.N < HELD) return;
    json_number(j, "auroc_other_set", told_apart(a, D, im, more.x));
}

/* Mean distance of the first `count` of x to the nearest training image */
static double nearest(int count, const ebim_real *x, const images *im)
{
    double sum = 0;
    int b, i, j;
    for (b = 0; b < count; b++) {
        double best = HUGE_VAL;
        for (i = 0; i < TRAIN; i++) {
            double d2 = 0;
            for (j = 0; j < IMAGES_N && d2 < best; j++) {
                double d = (double)x[b * IMAGES_N + j] - (double)im->x[i * IMAGES_N + j];
                d2 += d * d;
            }
            if (d2 < best) best = d2;
        }
        sum += sqrt(best) / count;
    }
    return sum;
}

int main(int argc, char **argv)
{
    static int class_of[TRAIN + HELD];
    static double data[(TRAIN + HELD) * IMAGES_FEATURES], made[2000 * IMAGES_FEATURES];
    static classifier judge;
    static ebim_graph D;
    double shares[IMAGES_CLASSES] = {0}, train_seconds;
    ebim_denoiser_desc net;
    ebim_denoise_desc d;
    ebim_train_report rep;
    paper_args a;
    images im;
    ebim_real *x;
    char file[64];
    int i, right = 0, near_count;
    json j;
    paper_begin(&a, "fig7_images", argc, argv);
    im = images_read(&a, a.data);
    if (im.N != TRAIN + HELD) paper_stop(2, "%d images; 10 000 are expected", im.N);
    classifier_train(&a, &judge, &im, TRAIN, a.quick ? 150 : 1400);
    classifier_run(&judge, im.N, im.x, class_of, data);
    for (i = TRAIN; i < im.N; i++) right += class_of[i] == im.label[i];
    memset(&net, 0, sizeof net);
    memset(&d, 0, sizeof d);
    net.C = 1;
    net.H = net.W = IMAGES_SIDE;
    net.center = !strcmp(a.data, "mnist") ? 0.13 : 0.29; /* the mean of all pixels */
    d.steps = a.steps ? a.steps : a.quick ? 40 : 4000;
    d.seed = a.seed;
    d.progress = tell;
    paper_check("denoiser", ebim_denoiser(&D, &a.arena, &net, a.seed));
    snprintf(state_path, sizeof state_path, "%s/fig7_%s.state", a.out, a.data);
    train_seconds = train(&a, &D, &im, &d, &rep);
    x = draw(&a, &D, &im, a.B);
    snprintf(file, sizeof file, "fig7_%s.png", a.data);
    images_grid(paper_path(&a, file), 8, 16, x);
    classifier_run(&judge, a.B, x, class_of, made);
    for (i = 0; i < a.B; i++) shares[class_of[i]] += 1.0 / a.B;
    near_count = a.quick ? 10 : 100;
    j = paper_json(&a);
    json_text(&j, "data", a.data);
    json_number(&j, "steps", rep.steps);
    json_number(&j, "train_seconds", train_seconds);
    json_number(&j, "loss", rep.loss);
    json_number(&j, "classifier_right", (double)right / HELD);
    json_number(&j, "samples", a.B);
    json_number(&j, "fd_lenet", images_frechet(TRAIN, data, a.B, made));
    json_number(&j, "fd_lenet_of_held_out", images_frechet(TRAIN, data, HELD,
                                                         data + TRAIN * IMAGES_FEATURES));
    json_numbers(&j, "classes", IMAGES_CLASSES, shares);
    json_number(&j, "nearest_training_image", nearest(near_count, x, &im));
    json_number(&j, "nearest_of_held_out", nearest(near_count, im.x + TRAIN * IMAGES_N, &im));
    report_others(&a, &D, &im, &j);
    json_end(&j);
    return 0;
}
