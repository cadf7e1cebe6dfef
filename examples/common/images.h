/* images.h: sets of small grey images, and how good made ones are.

     images_read       MNIST or Fashion-MNIST, where `make data` or the user put them
     classifier_train  a small LeNet of ebim.h's ops, for its features and its word
     images_frechet    Frechet distance of the features of two sets (FD-LeNet: no "FID")
     images_density    density and coverage of the same
     images_learn      a displacement field x - D(x), or what was stopped goes on
     images_draw       chains of one, from noise
     images_ways       |x - D(x)|
     images_grid       a picture of many

   Include it after paper.h. */
#ifndef IMAGES_H
#define IMAGES_H

#include "idx.h"
#include "png.h"

enum { IMAGES_FEATURES = 32, IMAGES_CLASSES = 10, IMAGES_SIDE = 28, IMAGES_N = 784 };
enum { IMAGES_TRAIN = 9000, IMAGES_HELD = 1000, IMAGES_STEPS = 3000 };

/* ---- data ---- */

typedef struct images {
    int N;
    ebim_real *x;         /* [N][784], 0 to 1 */
    unsigned char *label; /* [N] */
} images;

/* Fashion-MNIST has the names of MNIST's files, in a folder of its own: among the data, or where
 * Debian's package dataset-fashion-mnist puts it. */
FILE_FN int images__find(const char *set, const char *name, char *path, size_t size)
{
    static const char *const folder[] = {"/usr/share/datasets", "/usr/local/share/datasets"};
    char sub[80];
    int i;
    if (strcmp(set, "fmnist")) return data_find(name, path, size) != NULL;
    snprintf(sub, sizeof sub, "fashion-mnist/%s", name);
    if (data_find(sub, path, size)) return 1;
    for (i = 0; i < 2; i++) {
        snprintf(path, size, "%s/%s", folder[i], sub);
        if (file__kind(path) == 1) return 1;
    }
    return 0;
}

FILE_FN void images__load(const char *set, const char *name, int axes, idx *t)
{
    char path[1024], err[FILE_ERROR];
    if (!images__find(set, name, path, sizeof path) && strcmp(set, "fmnist"))
        paper_stop(2, "no %s here: `make data` brings it, or EBIM_DATA=DIR names its folder", name);
    if (!images__find(set, name, path, sizeof path))
        paper_stop(2, "no fashion-mnist/%s here: Debian's package dataset-fashion-mnist has it, or "
                      "EBIM_DATA=DIR names the folder above", name);
    if (idx_read(path, t, err, sizeof err)) paper_stop(2, "%s", err);
    if (t->axes != axes ||
        (axes == 3 && (t->shape[1] != IMAGES_SIDE || t->shape[2] != IMAGES_SIDE)))
        paper_stop(2, "%s: %d axes of %d x %d x %d; %s are expected", path, t->axes, t->shape[0],
                   t->shape[1], t->shape[2], axes == 3 ? "images of 28 x 28" : "labels");
}

/* set: "mnist" or "fmnist" */
FILE_FN images images_read(paper_args *a, const char *set)
{
    images im;
    idx t, l;
    size_t i, count;
    images__load(set, "t10k-images-idx3-ubyte.gz", 3, &t);
    images__load(set, "t10k-labels-idx1-ubyte.gz", 1, &l);
    if (t.shape[0] != l.shape[0])
        paper_stop(2, "%s: %d labels for %d images", set, l.shape[0], t.shape[0]);
    im.N = t.shape[0];
    if (im.N != IMAGES_TRAIN + IMAGES_HELD)
        paper_stop(2, "%s: %d images; 10 000 are expected", set, im.N);
    count = (size_t)im.N * IMAGES_N;
    im.x = paper_points(a, im.N, IMAGES_N);
    im.label = (unsigned char *)paper_push(a, (size_t)im.N, 1);
    for (i = 0; i < count; i++) im.x[i] = (ebim_real)(t.data[i] / 255.0);
    memcpy(im.label, l.data, (size_t)im.N);
    idx_free(&t);
    idx_free(&l);
    return im;
}

/* ---- a classifier ---- */

typedef struct classifier {
    ebim_graph g;         /* features, then the logits */
    ebim_ws w;
} classifier;

FILE_FN ebim_ref classifier__record(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref h = ebim_image(g, x, 1, IMAGES_SIDE, IMAGES_SIDE);
    (void)user;
    h = ebim_max_pool(g, ebim_conv(g, h, 8, 5, 1, 2, EBIM_FN_RELU), 2, 2);
    h = ebim_max_pool(g, ebim_conv(g, h, 16, 5, 1, 0, EBIM_FN_RELU), 2, 2);
    h = ebim_dense(g, h, 64, EBIM_FN_RELU);
    h = ebim_dense(g, h, IMAGES_FEATURES, EBIM_FN_SILU);
    return ebim_concat(g, h, ebim_dense(g, h, IMAGES_CLASSES, EBIM_FN_IDENTITY));
}

/* Softmax of lane l's logits -> p; returns the likeliest class. */
FILE_FN int classifier__softmax(const ebim_real *y, int stride, int l, double *p)
{
    double most = -HUGE_VAL, sum = 0;
    int c, best = 0;
    for (c = 0; c < IMAGES_CLASSES; c++) {
        p[c] = (double)y[(IMAGES_FEATURES + c) * stride + l];
        if (p[c] > most) most = p[c], best = c;
    }
    for (c = 0; c < IMAGES_CLASSES; c++) sum += p[c] = exp(p[c] - most);
    for (c = 0; c < IMAGES_CLASSES; c++) p[c] /= sum;
    return best;
}

/* Row i of x, moved by (dy, dx) pixels, into lane l */
FILE_FN void classifier__put(classifier *c, const ebim_real *x, int dy, int dx, int l)
{
    ebim_real *to = ebim_ws_x(&c->w);
    int i, j, S = c->w.stride;
    for (i = 0; i < IMAGES_SIDE; i++)
        for (j = 0; j < IMAGES_SIDE; j++) {
            int y = i - dy, u = j - dx, in = y >= 0 && u >= 0 && y < IMAGES_SIDE && u < IMAGES_SIDE;
            ebim_real v = in ? x[y * IMAGES_SIDE + u] : 0;
            to[(i * IMAGES_SIDE + j) * S + l] = v < 0 ? 0 : v > 1 ? 1 : v;
        }
}

/* On the first `count` images, moved by up to two pixels: cross-entropy, Adam, cosine decay */
FILE_FN void classifier_train(paper_args *a, classifier *c, const images *im, int count, int steps)
{
    enum { B = 64 };
    ebim_rate_desc rate = {2e-3, EBIM_RATE_COSINE, 1e-3, 0, 0};
    ebim_optim o;
    ebim_rng r;
    ebim_real *grad;
    int step, l, k, S;
    rate.steps = steps;
    paper_check("classifier", ebim_record(&c->g, &a->arena, IMAGES_N, classifier__record, NULL));
    ebim_init_theta(&c->g, a->seed);
    paper_check("classifier", ebim_ws_init(&c->w, &a->arena, &c->g, B, 0));
    paper_check("classifier", ebim_optim_init(&o, &a->arena, c->g.n_theta, EBIM_OPTIM_ADAM));
    grad = (ebim_real *)paper_push(a, (size_t)c->g.n_theta, sizeof *grad);
    ebim_rng_init(&r, a->seed, 41);
    S = c->w.stride;
    for (step = 0; step < steps; step++) {
        int label[B], dy, dx;
        ebim_real *seed = ebim_ws_yg(&c->w, 0);
        for (l = 0; l < B; l++) {
            int i = (int)ebim_rng_below(&r, (uint32_t)count);
            dy = (int)ebim_rng_below(&r, 5) - 2;
            dx = (int)ebim_rng_below(&r, 5) - 2;
            label[l] = im->label[i];
            classifier__put(c, im->x + (size_t)i * IMAGES_N, dy, dx, l);
        }
        ebim_forward(&c->w, B, 1);
        memset(seed, 0, (size_t)(IMAGES_FEATURES + IMAGES_CLASSES) * (size_t)S * sizeof *seed);
        for (l = 0; l < B; l++) {
            double p[IMAGES_CLASSES];
            classifier__softmax(ebim_ws_y(&c->w), S, l, p);
            for (k = 0; k < IMAGES_CLASSES; k++)
                seed[(IMAGES_FEATURES + k) * S + l] = (ebim_real)((p[k] - (k == label[l])) / B);
        }
        memset(grad, 0, (size_t)c->g.n_theta * sizeof *grad);
        ebim_backward(&c->w, 0, grad);
        ebim_optim_step(&o, c->g.theta, grad, (ebim_real)ebim_rate(&rate, step));
    }
}

/* Classes, and features unless NULL: [N][32] */
FILE_FN void classifier_run(classifier *c, int N, const ebim_real *x, int *class_of,
                            double *features)
{
    int at, l, i, count;
    for (at = 0; at < N; at += count) {
        count = N - at < 64 ? N - at : 64;
        for (l = 0; l < count; l++)
            classifier__put(c, x + (size_t)(at + l) * IMAGES_N, 0, 0, l);
        ebim_forward(&c->w, count, 0);
        for (l = 0; l < count; l++) {
            double p[IMAGES_CLASSES];
            const ebim_real *y = ebim_ws_y(&c->w);
            class_of[at + l] = classifier__softmax(y, c->w.stride, l, p);
            for (i = 0; i < IMAGES_FEATURES && features; i++)
                features[(at + l) * IMAGES_FEATURES + i] = (double)y[i * c->w.stride + l];
        }
    }
}

/* ---- Frechet distance ---- */

typedef double images_matrix[IMAGES_FEATURES][IMAGES_FEATURES];

/* Symmetric a -> V diag(e) V', by Jacobi rotations; a is destroyed. */
FILE_FN void images__eigen(images_matrix a, double *e, images_matrix V)
{
    enum { K = IMAGES_FEATURES };
    int sweep, p, q, i;
    for (p = 0; p < K; p++)
        for (q = 0; q < K; q++) V[p][q] = p == q;
    for (sweep = 0; sweep < 60; sweep++)
        for (p = 0; p < K; p++)
            for (q = p + 1; q < K; q++) {
                double t, c, s;
                if (!(fabs(a[p][q]) > 1e-15 * sqrt(fabs(a[p][p] * a[q][q])))) continue;
                t = (a[q][q] - a[p][p]) / (2 * a[p][q]);
                t = (t < 0 ? -1 : 1) / (fabs(t) + sqrt(t * t + 1));
                c = 1 / sqrt(t * t + 1);
                s = t * c;
                for (i = 0; i < K; i++) {
                    double u = a[i][p], v = a[i][q];
                    a[i][p] = c * u - s * v;
                    a[i][q] = s * u + c * v;
                    u = V[i][p], v = V[i][q];
                    V[i][p] = c * u - s * v;
                    V[i][q] = s * u + c * v;
                }
                for (i = 0; i < K; i++) {
                    double u = a[p][i], v = a[q][i];
                    a[p][i] = c * u - s * v;
                    a[q][i] = s * u + c * v;
                }
            }
    for (p = 0; p < K; p++) e[p] = a[p][p];
}

FILE_FN void images__moments(int N, const double *f, double *mean, images_matrix C)
{
    enum { K = IMAGES_FEATURES };
    int b, i, j;
    memset(mean, 0, K * sizeof *mean);
    memset(C, 0, K * sizeof *C);
    for (b = 0; b < N; b++)
        for (i = 0; i < K; i++) mean[i] += f[b * K + i] / N;
    for (b = 0; b < N; b++)
        for (i = 0; i < K; i++)
            for (j = 0; j < K; j++)
                C[i][j] += (f[b * K + i] - mean[i]) * (f[b * K + j] - mean[j]) / (N - 1);
}

/* S <- V sqrt(e) V', negative e taken for 0 */
FILE_FN void images__root(const double *e, images_matrix V, images_matrix S)
{
    enum { K = IMAGES_FEATURES };
    int i, j, k;
    for (i = 0; i < K; i++)
        for (j = 0; j < K; j++)
            for (S[i][j] = 0, k = 0; k < K; k++)
                S[i][j] += V[i][k] * (e[k] > 0 ? sqrt(e[k]) : 0) * V[j][k];
}

/* |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2) of features f: [N][32], g: [M][32] */
FILE_FN double images_frechet(int N, const double *f, int M, const double *g)
{
    enum { K = IMAGES_FEATURES };
    static images_matrix A, B, V, S, T;
    double m[K], w[K], e[K], sum = 0;
    int i, j, k;
    images__moments(N, f, m, A);
    images__moments(M, g, w, B);
    for (i = 0; i < K; i++) sum += (m[i] - w[i]) * (m[i] - w[i]) + A[i][i] + B[i][i];
    images__eigen(A, e, V);
    images__root(e, V, S);
    for (i = 0; i < K; i++)
        for (j = 0; j < K; j++)
            for (T[i][j] = 0, k = 0; k < K; k++) T[i][j] += S[i][k] * B[k][j];
    for (i = 0; i < K; i++)
        for (j = 0; j < K; j++)
            for (A[i][j] = 0, k = 0; k < K; k++) A[i][j] += T[i][k] * S[k][j];
    images__eigen(A, e, V);
    for (i = 0; i < K; i++) sum -= 2 * (e[i] > 0 ? sqrt(e[i]) : 0);
    return sum;
}

FILE_FN double images__square(const double *f, const double *g)
{
    double d = 0;
    int i;
    for (i = 0; i < IMAGES_FEATURES; i++) d += (f[i] - g[i]) * (f[i] - g[i]);
    return d;
}

/* Balls about features f: [N][32] that reach their K-th neighbour: how many of them an average g:
 * [M][32] is in, over K (1: as for other data; crowds, less), and the share of those with a g in
 * them -> *coverage (Naeem et al. 2020) */
FILE_FN double images_density(int N, const double *f, int M, const double *g, double *coverage)
{
    enum { K = 5, F = IMAGES_FEATURES };
    double in = 0;
    int i, j, k;
    for (*coverage = 0, i = 0; i < N; i++) {
        double least[K], d;
        int before = (int)in;
        for (k = 0; k < K; k++) least[k] = HUGE_VAL;
        for (j = 0; j < N; j++) {
            if (j == i) continue;
            d = images__square(f + i * F, f + j * F);
            for (k = K - 1; k >= 0 && d < least[k]; k--) {
                if (k < K - 1) least[k + 1] = least[k];
                least[k] = d;
            }
        }
        for (j = 0; j < M; j++) in += images__square(f + i * F, g + j * F) <= least[K - 1];
        *coverage += ((int)in > before) / (double)N;
    }
    return in / K / M;
}

/* ---- displacement fields ---- */

static char images__state[1024];

FILE_FN void images__save(void *user, const void *state, size_t bytes)
{
    char err[FILE_ERROR];
    (void)user;
    if (file_store(images__state, state, bytes, err, sizeof err)) fprintf(stderr, "\n%s\n", err);
}

FILE_FN int images__tell(void *user, const ebim_progress *p)
{
    (void)user;
    if (p->step % 100 == 0 || p->step == p->steps) {
        fprintf(stderr, "\rstep %d of %d, loss %.4f ", p->step, p->steps, p->loss);
        if (p->step == p->steps) fputc('\n', stderr);
    }
    return 0;
}

/* D for x: [N][784]. Its state is in OUT/NAME.state every 200 steps, and training goes on from
 * there. Returns the seconds it took now. */
FILE_FN double images_learn(paper_args *a, ebim_graph *D, const char *name, int N,
                            const ebim_real *x, int steps, ebim_train_report *rep)
{
    char err[FILE_ERROR];
    double start = paper_seconds();
    unsigned char *state = NULL;
    ebim_denoiser_desc net;
    ebim_denoise_desc d;
    ebim_result r;
    size_t used, i, count = (size_t)N * IMAGES_N;
    memset(&net, 0, sizeof net);
    memset(&d, 0, sizeof d);
    net.C = 1;
    net.H = net.W = IMAGES_SIDE;
    for (i = 0; i < count; i++) net.center += (double)x[i] / (double)count;
    paper_check("denoiser", ebim_denoiser(D, &a->arena, &net, a->seed));
    used = a->arena.used;
    d.steps = a->steps ? a->steps : a->quick ? 40 : steps;
    d.seed = a->seed;
    d.progress = images__tell;
    snprintf(images__state, sizeof images__state, "%s/%s.state", a->out, name);
    if (!a->quick && file__kind(images__state) == 1) {
        state = file_load(images__state, (size_t)1 << 30, &d.resume_bytes, err, sizeof err);
        if (!state) paper_stop(2, "%s", err);
        d.resume = state;
    }
    if (!a->quick) d.checkpoint = images__save;
    r = ebim_denoise_train(D, &a->arena, N, x, &d, rep);
    if (r == EBIM_ERR_FORMAT)
        paper_stop(2, "%s: damaged, or of a run with another seed or number of steps: remove it to "
                      "begin anew", images__state);
    paper_check("training", r);
    free(state);
    a->arena.used = used;
    return paper_seconds() - start;
}

/* B images by the normal law that has the mean and covariance of x: [N][784], each a random sum of
 * many, and noise of `sigma`. From the mean and noise alone chains end too often where it is near:
 * their Frechet distance is 38 instead of 28 after 2000 steps. */
FILE_FN ebim_real *images_noise(paper_args *a, int N, const ebim_real *x, double sigma, int B)
{
    enum { MANY = 1000 };
    ebim_real *y = paper_points(a, B, IMAGES_N);
    double mean[IMAGES_N] = {0};
    int b, i, k;
    ebim_rng r;
    ebim_rng_init(&r, a->seed, 43);
    for (i = 0; i < N * IMAGES_N; i++) mean[i % IMAGES_N] += (double)x[i] / N;
    for (b = 0; b < B; b++) {
        ebim_real *row = y + (size_t)b * IMAGES_N, sum = 0;
        for (i = 0; i < IMAGES_N; i++) row[i] = (ebim_real)sigma * ebim_rng_normal(&r);
        for (k = 0; k < MANY; k++) {
            const ebim_real *one = x + (size_t)ebim_rng_below(&r, (uint32_t)N) * IMAGES_N;
            ebim_real c = ebim_rng_normal(&r) / (ebim_real)sqrt((double)MANY);
            for (i = 0; i < IMAGES_N; i++) row[i] += c * one[i];
            sum += c;
        }
        for (i = 0; i < IMAGES_N; i++) row[i] += (1 - sum) * (ebim_real)mean[i];
    }
    return y;
}

/* Frechet distances of digits after 2000 steps: h .2 and 40 steps 20.4, .1 and 80 steps 17.3; h .3
 * or noise of 2.2 at first is no better. */
FILE_FN ebim_denoise_chain images_chain(const paper_args *a)
{
    ebim_denoise_chain c;
    memset(&c, 0, sizeof c);
    c.h = 0.1;
    c.steps = a->quick ? 8 : 80;
    return c;
}

/* Ends of chains from there */
FILE_FN ebim_real *images_draw(paper_args *a, const ebim_graph *D, int N, const ebim_real *x,
                               double sigma, const ebim_denoise_chain *c, int B)
{
    ebim_real *y = images_noise(a, N, x, sigma, B);
    size_t used = a->arena.used;
    paper_check("chains", ebim_denoise_run(D, &a->arena, B, y, c, a->seed));
    a->arena.used = used;
    return y;
}

/* |x - D(x)| of B images -> d; x <- x - share (x - D(x)) */
FILE_FN void images_ways(paper_args *a, const ebim_graph *D, int B, ebim_real *x, double share,
                         double *d)
{
    size_t used = a->arena.used;
    ebim_real *y = paper_points(a, B, IMAGES_N);
    ebim_ws w;
    int b, i;
    paper_check("distances", ebim_ws_init(&w, &a->arena, D, 64, EBIM_WS_VALUES));
    ebim_eval(&w, B, x, y);
    for (b = 0; b < B; b++) {
        for (d[b] = 0, i = b * IMAGES_N; i < (b + 1) * IMAGES_N; i++) {
            double off = (double)x[i] - (double)y[i];
            d[b] += off * off;
            x[i] = (ebim_real)((double)x[i] - share * off);
        }
        d[b] = sqrt(d[b]);
    }
    a->arena.used = used;
}

/* Distances of B images to the nearest of N -> d; returns their mean */
FILE_FN double images_nearest(int B, const ebim_real *x, int N, const ebim_real *of, double *d)
{
    double sum = 0;
    int b, i, j;
    for (b = 0; b < B; b++) {
        double best = HUGE_VAL;
        for (i = 0; i < N; i++) {
            double d2 = 0;
            for (j = 0; j < IMAGES_N && d2 < best; j++) {
                double off = (double)x[b * IMAGES_N + j] - (double)of[i * IMAGES_N + j];
                d2 += off * off;
            }
            if (d2 < best) best = d2;
        }
        sum += d[b] = sqrt(best);
    }
    return sum / B;
}

/* The chance that one of `other` is larger than one of `own`: how surely it tells them apart */
FILE_FN double images_auroc(int N, const double *own, int M, const double *other)
{
    double sum = 0;
    int i, j;
    for (i = 0; i < M; i++)
        for (j = 0; j < N; j++) sum += other[i] > own[j] ? 1 : other[i] < own[j] ? 0 : 0.5;
    return sum / N / M;
}

/* ---- pictures ---- */

enum { IMAGES__CELL = 2 * IMAGES_SIDE + 2, IMAGES__GREY = 70 };

FILE_FN unsigned char images__byte(double v)
{
    return (unsigned char)(255 * (v < 0 ? 0 : v > 1 ? 1 : v) + 0.5);
}

/* Image x: [784] into a picture of width w, its corner at (top, left) */
FILE_FN void images__paint(unsigned char *rgb, int w, int top, int left, const ebim_real *x)
{
    int i, j;
    for (i = 0; i < 2 * IMAGES_SIDE; i++)
        for (j = 0; j < 2 * IMAGES_SIDE; j++) {
            size_t at = (size_t)(top + i) * (size_t)w + (size_t)(left + j);
            memset(rgb + 3 * at, images__byte((double)x[i / 2 * IMAGES_SIDE + j / 2]), 3);
        }
}

/* Blocks of rows x columns images side by side; x: [blocks][rows columns][784] */
FILE_FN void images_blocks(const char *path, int blocks, int rows, int columns, const ebim_real *x)
{
    enum { GAP = 16 };
    int step = columns * IMAGES__CELL + GAP, w = blocks * step - GAP + 2, q, r, c;
    int h = rows * IMAGES__CELL + 2;
    unsigned char *rgb = (unsigned char *)malloc((size_t)w * (size_t)h * 3);
    if (!rgb) paper_stop(1, "%s: out of memory", path);
    memset(rgb, IMAGES__GREY, (size_t)w * (size_t)h * 3);
    for (q = 0; q < blocks; q++)
        for (r = 0; r < rows; r++)
            for (c = 0; c < columns; c++, x += IMAGES_N)
                images__paint(rgb, w, r * IMAGES__CELL + 2, q * step + c * IMAGES__CELL + 2, x);
    if (png_write(path, w, h, rgb)) paper_stop(1, "%s: cannot be written", path);
    free(rgb);
}

/* The first rows x columns images; x: [][784] */
FILE_FN void images_grid(const char *path, int rows, int columns, const ebim_real *x)
{
    images_blocks(path, 1, rows, columns, x);
}

/* x: [count][784] as a file of bytes, as data sets are */
FILE_FN void images_store(const char *path, int count, const ebim_real *x)
{
    const unsigned char head[16] = {0,           0, 8, 3, 0, 0, (unsigned char)(count >> 8),
                                    (unsigned char)count, 0, 0, 0, IMAGES_SIDE, 0, 0, 0,
                                    IMAGES_SIDE};
    size_t bytes = (size_t)count * IMAGES_N, i;
    unsigned char *data = (unsigned char *)malloc(16 + bytes);
    char err[FILE_ERROR];
    if (!data) paper_stop(1, "%s: out of memory", path);
    memcpy(data, head, 16);
    for (i = 0; i < bytes; i++) data[16 + i] = images__byte((double)x[i]);
    if (file_store(path, data, 16 + bytes, err, sizeof err)) paper_stop(2, "%s", err);
    free(data);
}

/* The first `count` images of such a file -> x; 0: there is none, or it has fewer */
FILE_FN int images_stored(const char *path, int count, ebim_real *x)
{
    char err[FILE_ERROR];
    size_t i;
    idx t;
    if (file__kind(path) != 1 || idx_read(path, &t, err, sizeof err)) return 0;
    count = t.axes == 3 && t.each == IMAGES_N && t.shape[0] >= count ? count : 0;
    for (i = 0; i < (size_t)count * IMAGES_N; i++) x[i] = (ebim_real)(t.data[i] / 255.0);
    idx_free(&t);
    return count;
}

#endif /* IMAGES_H */
