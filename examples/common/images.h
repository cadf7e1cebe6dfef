/* images.h: sets of small grey images, and how good made ones are.

     images_read       MNIST or Fashion-MNIST, where `make data` or the user put them
     classifier_train  a small LeNet of ebim.h's ops, for its features and its word
     images_frechet    Frechet distance of the features of two sets (FD-LeNet: no "FID")
     images_grid       a picture of many

   Include it after paper.h. */
#ifndef IMAGES_H
#define IMAGES_H

#include "idx.h"
#include "png.h"

enum { IMAGES_FEATURES = 32, IMAGES_CLASSES = 10, IMAGES_SIDE = 28, IMAGES_N = 784 };

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

/* ---- pictures ---- */

/* The first rows x columns images; x: [][784] */
FILE_FN void images_grid(const char *path, int rows, int columns, const ebim_real *x)
{
    enum { CELL = 2 * IMAGES_SIDE + 2 };
    int w = columns * CELL + 2, h = rows * CELL + 2, r, c, i, j;
    unsigned char *rgb = (unsigned char *)malloc((size_t)w * (size_t)h * 3);
    if (!rgb) paper_stop(1, "%s: out of memory", path);
    memset(rgb, 70, (size_t)w * (size_t)h * 3);
    for (r = 0; r < rows; r++)
        for (c = 0; c < columns; c++)
            for (i = 0; i < CELL - 2; i++)
                for (j = 0; j < CELL - 2; j++) {
                    const ebim_real *image = x + (r * columns + c) * IMAGES_N;
                    double v = (double)image[i / 2 * IMAGES_SIDE + j / 2];
                    size_t at = (size_t)(r * CELL + 2 + i) * (size_t)w + (size_t)(c * CELL + 2 + j);
                    memset(rgb + 3 * at, (int)(255 * (v < 0 ? 0 : v > 1 ? 1 : v) + 0.5), 3);
                }
    if (png_write(path, w, h, rgb)) paper_stop(1, "%s: cannot be written", path);
    free(rgb);
}

#endif /* IMAGES_H */
