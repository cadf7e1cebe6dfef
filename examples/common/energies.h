/* energies.h: energies of images on the manifold of a displacement field. E = 0 is the law by which
   its chains end, which is near that of the data; e^-E are weights for more ends than are needed.

     kernel    log ratio of two kernel estimates, of ends and of data, over principal components
     codes     noise contrast of data and ends: a perceptron of principal components
     pixels    noise contrast, too: a small convolutional network

   Include it after images.h. */
#ifndef ENERGIES_H
#define ENERGIES_H

/* Frechet distances of 2000 digits, weighted by `codes` of 8, 16, 32, 64 components: 4.4, 4.6, 6.3,
 * 5.8, before weights had bounds (not weighted: 11.7 to 14.3) */
enum { ENERGIES_CODES = 8 };
enum { ENERGIES_KERNEL, ENERGIES_OF_CODES, ENERGIES_OF_PIXELS, ENERGIES };

static const char *const energies_name[ENERGIES] = {"kernel", "codes", "pixels"};

/* -1: there is none of that name */
FILE_FN int energies_named(const char *name)
{
    int i = ENERGIES;
    while (i-- && strcmp(energies_name[i], name)) {}
    return i;
}

/* Of noise contrast. Of the data every ninth is held out, and of the ends one in so many. */
static const struct {
    int steps, batch, ends_held;
    double rate, decay;
} energies_table = {1200, 128, 4, 1e-3, 1e-3};

typedef struct energies {
    double mean[IMAGES_N], axis[ENERGIES_CODES][IMAGES_N]; /* principal components */
} energies;

/* Principal components of x: [N][784], by iterations of the covariance on a block */
FILE_FN void energies_axes(paper_args *a, energies *e, int N, const ebim_real *x)
{
    enum { K = ENERGIES_CODES, n = IMAGES_N, ROUNDS = 30 };
    size_t used = a->arena.used;
    double *C = (double *)paper_push(a, (size_t)n * n, sizeof *C), *row;
    static double next[K][n];
    int b, i, j, k, round;
    ebim_rng r;
    ebim_rng_init(&r, a->seed, 53);
    row = (double *)paper_push(a, n, sizeof *row);
    memset(C, 0, (size_t)n * n * sizeof *C);
    memset(e->mean, 0, sizeof e->mean);
    for (b = 0; b < N; b++)
        for (i = 0; i < n; i++) e->mean[i] += (double)x[b * n + i] / N;
    for (b = 0; b < N; b += 3) {
        for (i = 0; i < n; i++) row[i] = (double)x[b * n + i] - e->mean[i];
        for (i = 0; i < n; i++)
            for (j = 0; j < n && (row[i] > 0 || row[i] < 0); j++) C[i * n + j] += row[i] * row[j];
    }
    for (k = 0; k < K; k++)
        for (i = 0; i < n; i++) e->axis[k][i] = (double)ebim_rng_normal(&r);
    for (round = 0; round < ROUNDS; round++)
        for (k = 0; k < K; k++) { /* those before are orthonormal */
            double size = 0;
            for (i = 0; i < n; i++)
                for (next[k][i] = 0, j = 0; j < n; j++) next[k][i] += C[i * n + j] * e->axis[k][j];
            for (b = 0; b < k; b++) {
                double dot = 0;
                for (i = 0; i < n; i++) dot += next[k][i] * e->axis[b][i];
                for (i = 0; i < n; i++) next[k][i] -= dot * e->axis[b][i];
            }
            for (i = 0; i < n; i++) size += next[k][i] * next[k][i];
            for (i = 0; i < n; i++) e->axis[k][i] = next[k][i] / sqrt(size);
        }
    a->arena.used = used;
}

/* Components of x: [N][784], which are a new [N][K] */
FILE_FN ebim_real *energies_codes(paper_args *a, const energies *e, int N, const ebim_real *x)
{
    enum { K = ENERGIES_CODES, n = IMAGES_N };
    ebim_real *z = paper_points(a, N, K);
    int b, i, k;
    for (b = 0; b < N; b++)
        for (k = 0; k < K; k++) {
            double sum = 0;
            for (i = 0; i < n; i++) sum += ((double)x[b * n + i] - e->mean[i]) * e->axis[k][i];
            z[b * K + k] = (ebim_real)sum;
        }
    return z;
}

/* log mean kernel of width h over z: [N][K], at y; but: a row that does not count (-1: none) */
FILE_FN double energies__kernel(double h, int N, const ebim_real *z, const ebim_real *y, int but)
{
    enum { K = ENERGIES_CODES };
    double sum = 0, least = HUGE_VAL;
    int i, k;
    for (i = 0; i < N; i++) {
        double d2 = 0;
        if (i == but) continue;
        for (k = 0; k < K; k++) {
            double d = (double)z[i * K + k] - (double)y[k];
            d2 += d * d;
        }
        d2 /= 2 * h * h;
        if (d2 < least) {
            sum = sum * exp(d2 - least) + 1;
            least = d2;
        } else {
            sum += exp(least - d2);
        }
    }
    return log(sum) - least - K * log(h) - log(but < 0 ? N : N - 1);
}

/* Twice the width under which some of z: [N][K] are likeliest by all others: a ratio of two
 * estimates varies as both do */
FILE_FN double energies_width(int N, const ebim_real *z)
{
    double h, best = 0, most = -HUGE_VAL;
    for (h = 0.1; h < 10; h *= 1.2) {
        double sum = 0;
        int i;
        for (i = 0; i < N; i += 45)
            sum += energies__kernel(h, N, z, z + i * ENERGIES_CODES, i);
        if (sum > most) {
            most = sum;
            best = h;
        }
    }
    return 2 * best;
}

FILE_FN ebim_ref energies__pixels(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref h = ebim_image(g, x, 1, IMAGES_SIDE, IMAGES_SIDE);
    (void)user;
    h = ebim_average_pool(g, ebim_conv(g, h, 8, 5, 1, 2, EBIM_FN_SILU), 2, 2);
    h = ebim_average_pool(g, ebim_conv(g, h, 16, 5, 1, 0, EBIM_FN_SILU), 2, 2);
    h = ebim_dense(g, h, 32, EBIM_FN_SILU);
    return ebim_dense(g, h, 1, EBIM_FN_IDENTITY);
}

FILE_FN ebim_ref energies__codes(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    x = ebim_dense(g, ebim_dense(g, x, 64, EBIM_FN_SILU), 64, EBIM_FN_SILU);
    return ebim_dense(g, x, 1, EBIM_FN_IDENTITY);
}

/* Noise contrast of N data and M ends, whose rows have n numbers: E of B others -> e */
FILE_FN void energies__contrast(paper_args *a, int n, int N, const ebim_real *x, int M,
                                const ebim_real *ends, int B, const ebim_real *others,
                                ebim_real *e)
{
    enum { SHARE = 9 };
    int held = N / SHARE, train = N - held, check = M / energies_table.ends_held;
    int i, in = 0, out = train;
    ebim_real *rows = paper_points(a, N, n);
    static ebim_graph E;
    ebim_energy_desc d;
    ebim_ws w;
    memset(&d, 0, sizeof d);
    for (i = 0; i < N; i++) {
        int to = i % SHARE == SHARE - 1 && out < N ? out++ : in++;
        memcpy(rows + (size_t)to * (size_t)n, x + (size_t)i * (size_t)n, (size_t)n * sizeof *x);
    }
    paper_check("energy", ebim_record(&E, &a->arena, n,
                                      n == IMAGES_N ? energies__pixels : energies__codes, NULL));
    ebim_init_theta(&E, a->seed);
    d.noise = 1;
    d.steps = a->quick ? 4 : energies_table.steps;
    d.batch = energies_table.batch;
    d.rate = energies_table.rate;
    d.decay = energies_table.decay;
    d.check = ends;
    d.n_check = check;
    d.nodes = ends + (size_t)check * (size_t)n;
    d.n_nodes = M - check;
    d.nodes_per_step = energies_table.batch;
    d.held = rows + (size_t)train * (size_t)n;
    d.n_held = held;
    d.seed = a->seed;
    paper_check("energy", ebim_energy_train(&E, &a->arena, &E, train, rows, &d, NULL));
    paper_check("energy", ebim_ws_init(&w, &a->arena, &E, 64, EBIM_WS_VALUES));
    ebim_eval(&w, B, others, e);
}

FILE_FN void energies__by_codes(paper_args *a, int which, int N, const ebim_real *x, int M,
                                const ebim_real *ends, int B, const ebim_real *others,
                                ebim_real *E)
{
    static energies axes, *s = &axes;
    ebim_real *z, *y, *u;
    double h;
    int b;
    energies_axes(a, s, N, x);
    z = energies_codes(a, s, N, x);
    y = energies_codes(a, s, M, ends);
    u = energies_codes(a, s, B, others);
    if (which == ENERGIES_OF_CODES) {
        energies__contrast(a, ENERGIES_CODES, N, z, M, y, B, u, E);
    } else {
        h = energies_width(N, z);
        for (b = 0; b < B; b++)
            E[b] = (ebim_real)(energies__kernel(h, M, y, u + b * ENERGIES_CODES, -1) -
                               energies__kernel(h, N, z, u + b * ENERGIES_CODES, -1));
    }
}

/* Where there are hardly any data or ends, E is what an estimate makes of nothing: weights are
 * e^most at most, and e^-most at least. */
static const double energies_most = 3;

/* The energy `which` of N data x, by M ends of chains: at B others -> E */
FILE_FN void energies_of(paper_args *a, int which, int N, const ebim_real *x, int M,
                         const ebim_real *ends, int B, const ebim_real *others, ebim_real *E)
{
    size_t used = a->arena.used;
    int b;
    if (which == ENERGIES_OF_PIXELS) {
        energies__contrast(a, IMAGES_N, N, x, M, ends, B, others, E);
    } else {
        energies__by_codes(a, which, N, x, M, ends, B, others, E);
    }
    for (b = 0; b < B; b++)
        E[b] = (ebim_real)fmax(-energies_most, fmin(energies_most, (double)E[b]));
    a->arena.used = used;
}

/* `count` of B rows x: [B][784] by e^-E -> y, with as many copies as their shares, rounded. Returns
 * how many equally weighted rows these are worth. */
FILE_FN double energies_resample(paper_args *a, int B, const ebim_real *x, const ebim_real *E,
                                 int count, ebim_real *y)
{
    double least = HUGE_VAL, sum = 0, square = 0, at = 0, shift;
    ebim_rng r;
    int i, b = 0;
    ebim_rng_init(&r, a->seed, 59);
    shift = (double)ebim_rng_uniform(&r);
    for (i = 0; i < B; i++) least = fmin(least, (double)E[i]);
    for (i = 0; i < B; i++) {
        double w = exp(least - (double)E[i]);
        sum += w;
        square += w * w;
    }
    for (i = 0; i < B; i++)
        for (at += exp(least - (double)E[i]) / sum * count; b < count && b + shift < at; b++)
            memcpy(y + (size_t)b * IMAGES_N, x + (size_t)i * IMAGES_N, IMAGES_N * sizeof *x);
    for (; b < count; b++)
        memcpy(y + (size_t)b * IMAGES_N, x + (size_t)(B - 1) * IMAGES_N, IMAGES_N * sizeof *x);
    return sum * sum / square;
}

#endif /* ENERGIES_H */
