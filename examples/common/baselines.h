/* baselines.h: what the paper compares with, on the ops of ebim.h. Include it after that.

     ebm          an energy on R^n, p(x) ~ e^-E(x) in a box: contrastive divergence with Langevin
                  chains (eq. 6) and a replay buffer
     autoencoder  f(g(x)) near x, g: R^n -> R^m, f: R^m -> R^n; beta > 0: a variational one
     pushforward  an autoencoder and an ebm of the codes z = g(x) in their box: the density on the
                  image of f is e^-E(z) / Z / sqrt(det J'J), J the Jacobian of f at z (eq. 2)

   All memory comes from an arena of the caller. As the authors do: the gradient's norm clipped,
   Adam at a constant rate, chains that walk freely and whose ends are put back into the box,
   minibatches in the order of the data. Of a pushforward m is 1 or 2: its normaliser is a sum over
   a grid. */
#ifndef BASELINES_H
#define BASELINES_H

#include <math.h>
#include <string.h>
#include <time.h>

#include "file.h" /* FILE_FN */

enum { BASELINES_MOST = 4, BASELINES_GRID = 200 }; /* n at most; cells of a latent box per axis */

FILE_FN double baselines_clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Whether `seconds` of CPU have passed since `start`; seconds 0: never */
FILE_FN int baselines_late(clock_t start, double seconds)
{
    return seconds > 0 && (double)(clock() - start) / CLOCKS_PER_SEC >= seconds;
}

/* ---- spectral normalisation (Miyato et al. 2018): layers of norm 1 ---- */

enum { SPECTRAL_LAYERS = 32 };

typedef struct spectral_layer {
    ebim_real *w;                 /* W / norm, in the graph: [rows][columns] */
    ebim_real *raw;               /* W, which is trained */
    int rows, columns;
    double *u, *v;                /* its leading singular vectors, as far as they are known */
    double norm;
} spectral_layer;

typedef struct spectral {
    ebim_graph *g;
    ebim_real *raw;               /* [n_theta] */
    spectral_layer layer[SPECTRAL_LAYERS];
    int layers;
} spectral;

/* One step of the power method for each layer, then its weights anew */
FILE_FN void spectral_apply(spectral *s)
{
    int k, i, j;
    memcpy(s->g->theta, s->raw, (size_t)s->g->n_theta * sizeof *s->raw);
    for (k = 0; k < s->layers; k++) {
        spectral_layer *t = &s->layer[k];
        double uu = 0, vv = 0;
        for (j = 0; j < t->columns; j++) {
            for (t->v[j] = 0, i = 0; i < t->rows; i++)
                t->v[j] += t->u[i] * (double)t->raw[i * t->columns + j];
            vv += t->v[j] * t->v[j];
        }
        for (j = 0; j < t->columns; j++) t->v[j] /= sqrt(vv) + 1e-30;
        for (i = 0; i < t->rows; i++) {
            for (t->u[i] = 0, j = 0; j < t->columns; j++)
                t->u[i] += t->v[j] * (double)t->raw[i * t->columns + j];
            uu += t->u[i] * t->u[i];
        }
        t->norm = sqrt(uu) + 1e-30;
        for (i = 0; i < t->rows; i++) t->u[i] /= t->norm;
        for (i = 0; i < t->rows * t->columns; i++)
            t->w[i] = (ebim_real)((double)t->raw[i] / t->norm);
    }
}

/* g: fresh; layers of another kind than `ebim_weights` knows stay as they are. */
FILE_FN ebim_result spectral_init(spectral *s, ebim_graph *g, ebim_arena *a)
{
    ebim_tensor W, b;
    int k, i;
    memset(s, 0, sizeof *s);
    s->g = g;
    s->raw = (ebim_real *)ebim_arena_push(a, (size_t)g->n_theta, sizeof *s->raw);
    for (k = 1; k < g->n_nodes && s->layers < SPECTRAL_LAYERS; k++) {
        spectral_layer *t = &s->layer[s->layers];
        if (ebim_weights(g, k, &W, &b)) continue;
        t->w = W.data;
        t->raw = s->raw ? s->raw + (W.data - g->theta) : NULL;
        for (t->rows = W.shape[0], t->columns = i = 1; i < W.rank; i++) t->columns *= W.shape[i];
        t->u = (double *)ebim_arena_push(a, (size_t)t->rows, sizeof *t->u);
        t->v = (double *)ebim_arena_push(a, (size_t)t->columns, sizeof *t->v);
        for (i = 0; i < t->rows && t->u; i++) t->u[i] = 1 / sqrt((double)t->rows + i);
        s->layers++;
    }
    if (a->failed || !a->base) return a->failed;
    memcpy(s->raw, g->theta, (size_t)g->n_theta * sizeof *s->raw);
    for (i = 0; i < 30; i++) spectral_apply(s);
    return EBIM_OK;
}

/* From the gradient by W / norm to that by W: (G - <G, W> u v' / norm) / norm */
FILE_FN void spectral_gradient(const spectral *s, ebim_real *grad)
{
    int k, i, j;
    for (k = 0; k < s->layers; k++) {
        const spectral_layer *t = &s->layer[k];
        ebim_real *G = grad + (t->w - s->g->theta);
        double along = 0;
        for (i = 0; i < t->rows * t->columns; i++) along += (double)G[i] * (double)t->w[i];
        for (i = 0; i < t->rows; i++)
            for (j = 0; j < t->columns; j++) {
                ebim_real *at = G + i * t->columns + j;
                *at = (ebim_real)(((double)*at - along * t->u[i] * t->v[j]) / t->norm);
            }
    }
}

/* ---- energies by contrastive divergence ---- */

typedef struct ebm_desc {
    int steps, batch;             /* of the optimiser; points in each */
    double rate, clip, magnitude; /* magnitude: factor of mean E(x)^2 + mean E(x')^2 */
    double eps, step, clamp;      /* of the chains: see ebim_langevin_desc */
    int chain_steps, buffer;
    const double *lo, *hi;        /* [n] the box */
    double seconds;               /* of CPU at most (0: what the steps take) */
    int spectral;                 /* 1: layers of norm 1 */
    int draws;                    /* samples wanted: chains of the buffer, made longer */
    ebim_real *drawn;             /* [draws][n] out */
    uint64_t seed;
} ebm_desc;

/* Adds the gradient of mean over B points of sign E + magnitude E^2. x: [B][n] */
FILE_FN void ebm__gradient(ebim_ws *w, int B, const ebim_real *x, double sign, double magnitude,
                           ebim_real *grad)
{
    ebim_real *in = ebim_ws_x(w), *seed = ebim_ws_yg(w, 0);
    const ebim_real *E = ebim_ws_y(w);
    int i, l;
    for (i = 0; i < w->n; i++)
        for (l = 0; l < B; l++) in[i * w->stride + l] = x[l * w->n + i];
    ebim_forward(w, B, 1);
    for (l = 0; l < w->lanes; l++)
        seed[l] = l < B ? (ebim_real)((sign + 2 * magnitude * (double)E[l]) / B) : 0;
    ebim_backward(w, 0, grad);
}

/* Minibatch `step` of x: [N][n], in the order of the data: the first row */
FILE_FN const ebim_real *baselines_batch(const ebim_real *x, int N, int n, int batch, int step)
{
    int per = N / batch > 0 ? N / batch : 1;
    return x + (size_t)(step % per) * (size_t)batch * (size_t)n;
}

/* B chains from the buffer, or from the box: its share is 1 - keep. slot: [B] */
FILE_FN void ebm__chains(ebim_langevin *chains, const ebim_replay *replay, const ebm_desc *d, int n,
                         double keep, int B, ebim_real *y, int32_t *slot, ebim_rng *r,
                         uint64_t stream)
{
    int b, c;
    ebim_replay_draw(replay, r, B, y, keep, slot);
    for (b = 0; b < B; b++)
        for (c = 0; c < n && slot[b] < 0; c++)
            y[b * n + c] = (ebim_real)(d->lo[c] + (d->hi[c] - d->lo[c]) *
                                                      (double)ebim_rng_uniform(r));
    ebim_langevin_run(chains, B, y, d->chain_steps, d->seed, stream);
    for (b = 0; b < B * n; b++)
        y[b] = (ebim_real)baselines_clamp((double)y[b], d->lo[b % n], d->hi[b % n]);
}

/* Trains E on x: [N][n], N >= d->batch. */
FILE_FN ebim_result ebm_train(ebim_graph *E, int N, const ebim_real *x, const ebm_desc *d,
                              ebim_arena *a)
{
    int n = ebim_inputs(E), B = d->batch, most = d->draws > B ? d->draws : B, step;
    clock_t start = clock();
    ebim_langevin_desc ld;
    ebim_langevin *chains;
    ebim_replay replay;
    ebim_optim adam;
    spectral norms;
    ebim_ws w;
    ebim_rng r;
    ebim_real *y, *grad, *theta = E->theta;
    int32_t *slot;
    memset(&ld, 0, sizeof ld);
    ld.eps = d->eps;
    ld.step = d->step;
    ld.clamp = d->clamp;
    ebim_langevin_init(&chains, a, E, &ld);
    ebim_replay_init(&replay, a, n, d->buffer);
    ebim_optim_init(&adam, a, E->n_theta, EBIM_OPTIM_ADAM);
    adam.clip = d->clip;
    ebim_ws_init(&w, a, E, B, 0);
    y = (ebim_real *)ebim_arena_push(a, (size_t)B * (size_t)n, sizeof *y);
    grad = (ebim_real *)ebim_arena_push(a, (size_t)E->n_theta, sizeof *grad);
    slot = (int32_t *)ebim_arena_push(a, (size_t)most, sizeof *slot);
    if (d->spectral) spectral_init(&norms, E, a);
    if (a->failed || !a->base) return a->failed;
    if (N < B) return EBIM_ERR_DATA;
    if (d->spectral) theta = norms.raw;
    ebim_rng_init(&r, d->seed, 1);
    for (step = 0; step < d->steps && !baselines_late(start, d->seconds); step++) {
        ebm__chains(chains, &replay, d, n, 0.95, B, y, slot, &r,
                    (uint64_t)(step + 1) * (uint64_t)B);
        ebim_replay_put(&replay, &r, B, y, slot);
        memset(grad, 0, (size_t)E->n_theta * sizeof *grad);
        ebm__gradient(&w, B, baselines_batch(x, N, n, B, step), 1, d->magnitude, grad);
        ebm__gradient(&w, B, y, -1, d->magnitude, grad);
        if (d->spectral) spectral_gradient(&norms, grad);
        ebim_optim_step(&adam, theta, grad, (ebim_real)d->rate);
        if (d->spectral) spectral_apply(&norms);
    }
    if (d->draws)
        ebm__chains(chains, &replay, d, n, 1, d->draws, d->drawn, slot, &r, (uint64_t)1 << 40);
    return EBIM_OK;
}

/* ---- autoencoders ---- */

typedef struct autoencoder_desc {
    int layers, width, steps, batch;
    double rate, clip;
    double beta; /* 0: plain. Else a code is mean + sigma noise, and the loss gets beta times the
                  * mean over its coordinates of z^2 - log sigma, as the authors' code has it */
    ebim_record_fn encoder, decoder; /* NULL: perceptrons; each gets its number of outputs */
    double seconds;                  /* of CPU at most (0: what the steps take) */
    uint64_t seed;
} autoencoder_desc;

typedef struct autoencoder {
    int n, m;
    ebim_graph g, f; /* encoder, R^n -> R^m (variational: R^2m, means first), and decoder */
} autoencoder;

/* Codes of a block and what the loss has for the encoder: z and noise are [m][stride]. */
FILE_FN void autoencoder__codes(ebim_ws *g, int m, int B, int variational, ebim_rng *r,
                                ebim_real *z, ebim_real *noise)
{
    const ebim_real *y = ebim_ws_y(g);
    int j, l, S = g->stride;
    for (j = 0; j < m; j++)
        for (l = 0; l < B; l++) {
            z[j * S + l] = y[j * S + l];
            if (!variational) continue;
            noise[j * S + l] = ebim_rng_normal(r);
            z[j * S + l] += noise[j * S + l] * (ebim_real)exp((double)y[(m + j) * S + l]);
        }
}

/* One step's gradients of the mean of ||f(z) - x||^2 and beta's term. Returns the loss. */
FILE_FN double autoencoder__gradient(ebim_ws *g, ebim_ws *f, int m, int B, const ebim_real *x,
                                     double beta, ebim_rng *r, ebim_real *noise, ebim_real *grad_g,
                                     ebim_real *grad_f)
{
    int n = g->n, S = g->stride, i, l;
    ebim_real *in = ebim_ws_x(g), *z = ebim_ws_x(f), *seed = ebim_ws_yg(f, 0);
    double loss = 0;
    for (i = 0; i < n; i++)
        for (l = 0; l < B; l++) in[i * S + l] = x[l * n + i];
    ebim_forward(g, B, 1);
    autoencoder__codes(g, m, B, beta > 0, r, z, noise);
    ebim_forward(f, B, 1);
    for (i = 0; i < n; i++)
        for (l = 0; l < f->lanes; l++) {
            double e = l < B ? (double)ebim_ws_y(f)[i * S + l] - (double)in[i * S + l] : 0;
            seed[i * S + l] = (ebim_real)(2 * e / B);
            loss += e * e / B;
        }
    ebim_backward(f, 0, grad_f);
    seed = ebim_ws_yg(g, 0);
    for (i = 0; i < m; i++)
        for (l = 0; l < g->lanes; l++) {
            double dz = l < B ? (double)ebim_ws_xg(f, 0)[i * S + l] : 0, log_sigma;
            if (beta > 0 && l < B) {
                dz += 2 * beta * (double)z[i * S + l] / (B * m);
                log_sigma = (double)ebim_ws_y(g)[(m + i) * S + l];
                seed[(m + i) * S + l] =
                    (ebim_real)(dz * (double)noise[i * S + l] * exp(log_sigma) - beta / (B * m));
                loss += beta * ((double)z[i * S + l] * (double)z[i * S + l] - log_sigma) / (B * m);
            } else if (beta > 0) seed[(m + i) * S + l] = 0;
            seed[i * S + l] = (ebim_real)dz;
        }
    ebim_backward(g, 0, grad_g);
    return loss;
}

/* A network of it, fresh */
FILE_FN void autoencoder__net(ebim_graph *g, ebim_arena *a, const autoencoder_desc *d,
                              ebim_record_fn record, int in, int out, uint64_t seed)
{
    ebim_mlp_desc net;
    memset(&net, 0, sizeof net);
    net.layers = d->layers;
    net.width = d->width;
    net.in = in;
    net.out = out;
    if (!record) ebim_mlp(g, a, &net, seed);
    else if (!ebim_record(g, a, in, record, &out) && a->base) ebim_init_theta(g, seed);
}

/* Trains on x: [N][n]; *loss: that of the last step (NULL: not wanted). */
FILE_FN ebim_result autoencoder_train(autoencoder *t, int n, int m, int N, const ebim_real *x,
                                      const autoencoder_desc *d, ebim_arena *a, double *loss)
{
    clock_t start = clock();
    ebim_optim adam;
    ebim_ws g, f;
    ebim_rng r;
    ebim_real *grad, *theta, *noise;
    double value = 0;
    int step, G, all;
    t->n = n;
    t->m = m;
    autoencoder__net(&t->g, a, d, d->encoder, n, d->beta > 0 ? 2 * m : m, d->seed * 2 + 1);
    autoencoder__net(&t->f, a, d, d->decoder, m, n, d->seed * 2 + 2);
    G = t->g.n_theta;
    all = G + t->f.n_theta;
    ebim_optim_init(&adam, a, all, EBIM_OPTIM_ADAM);
    adam.clip = d->clip;
    ebim_ws_init(&g, a, &t->g, d->batch, 0);
    ebim_ws_init(&f, a, &t->f, d->batch, 0);
    grad = (ebim_real *)ebim_arena_push(a, (size_t)all, sizeof *grad);
    theta = (ebim_real *)ebim_arena_push(a, (size_t)all, sizeof *theta);
    noise = (ebim_real *)ebim_arena_push(a, (size_t)(m * g.stride), sizeof *noise);
    if (a->failed || !a->base) return a->failed;
    if (N < d->batch) return EBIM_ERR_DATA;
    memcpy(theta, t->g.theta, (size_t)G * sizeof *theta); /* one optimiser for both networks */
    memcpy(theta + G, t->f.theta, (size_t)(all - G) * sizeof *theta);
    ebim_rng_init(&r, d->seed, 2);
    for (step = 0; step < d->steps && !baselines_late(start, d->seconds); step++) {
        memset(grad, 0, (size_t)all * sizeof *grad);
        value = autoencoder__gradient(&g, &f, m, d->batch, baselines_batch(x, N, n, d->batch, step),
                                      d->beta, &r, noise, grad, grad + G);
        ebim_optim_step(&adam, theta, grad, (ebim_real)d->rate);
        memcpy(t->g.theta, theta, (size_t)G * sizeof *theta);
        memcpy(t->f.theta, theta + G, (size_t)(all - G) * sizeof *theta);
    }
    if (loss) *loss = value;
    return EBIM_OK;
}

/* ---- pushforward models ---- */

typedef struct pushforward {
    autoencoder ae;
    ebim_graph E;
    double lo[2], hi[2]; /* the box of codes: their range and half of it more on each side */
    double log_z;        /* of e^-E in it */
    double *mass;        /* [BASELINES_GRID^m] probabilities of its cells */
    ebim_ws wg, wf, we;  /* wf has m tangents */
} pushforward;

/* Codes of x: [N][n] (variational: their means). z: [N][m] */
FILE_FN void pushforward_encode(pushforward *p, int N, const ebim_real *x, ebim_real *z)
{
    int m = p->ae.m, outs = ebim_outputs(&p->ae.g), i, j;
    ebim_real y[4];
    for (i = 0; i < N; i++) {
        ebim_eval(&p->wg, 1, x + (size_t)i * (size_t)p->ae.n, y);
        for (j = 0; j < m && j < outs; j++) z[(size_t)i * (size_t)m + (size_t)j] = y[j];
    }
}

FILE_FN ebim_result pushforward_box(pushforward *p, int N, const ebim_real *z)
{
    int m = p->ae.m, i, j;
    for (j = 0; j < m; j++) {
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (i = 0; i < N; i++) {
            lo = fmin(lo, (double)z[i * m + j]);
            hi = fmax(hi, (double)z[i * m + j]);
        }
        if (!(hi > lo)) return EBIM_ERR_DATA; /* all codes are the same */
        p->lo[j] = lo - (hi - lo) / 2;
        p->hi[j] = hi + (hi - lo) / 2;
    }
    return EBIM_OK;
}

/* Centre of cell c of the latent box, or, with u: [m] in 0..1, a point of it. z: [m] */
FILE_FN void pushforward__cell(const pushforward *p, int c, const double *u, ebim_real *z)
{
    int j;
    for (j = 0; j < p->ae.m; j++, c /= BASELINES_GRID)
        z[j] = (ebim_real)(p->lo[j] + (p->hi[j] - p->lo[j]) *
                                          (c % BASELINES_GRID + (u ? u[j] : 0.5)) / BASELINES_GRID);
}

FILE_FN int pushforward_cells(const pushforward *p)
{
    return p->ae.m == 1 ? BASELINES_GRID : BASELINES_GRID * BASELINES_GRID;
}

/* Masses of the cells and the normaliser, by the middles of cells */
FILE_FN void pushforward__normalise(pushforward *p)
{
    int cells = pushforward_cells(p), c, j;
    double least = HUGE_VAL, sum = 0, volume = 1;
    for (c = 0; c < cells; c++) {
        ebim_real z[2], E;
        pushforward__cell(p, c, NULL, z);
        ebim_eval(&p->we, 1, z, &E);
        p->mass[c] = (double)E;
        least = fmin(least, p->mass[c]);
    }
    for (c = 0; c < cells; c++) sum += p->mass[c] = exp(least - p->mass[c]);
    for (c = 0; c < cells; c++) p->mass[c] /= sum;
    for (j = 0; j < p->ae.m; j++) volume *= (p->hi[j] - p->lo[j]) / BASELINES_GRID;
    p->log_z = log(sum * volume) - least;
}

/* Autoencoder, then an energy for the codes (e->lo, e->hi are not looked at). */
FILE_FN ebim_result pushforward_train(pushforward *p, int n, int m, int N, const ebim_real *x,
                                      const autoencoder_desc *d, const ebm_desc *e, int layers,
                                      ebim_arena *a)
{
    ebim_mlp_desc net;
    ebm_desc latent = *e;
    ebim_real *z;
    ebim_result r = autoencoder_train(&p->ae, n, m, N, x, d, a, NULL);
    if (r) return r;
    memset(&net, 0, sizeof net);
    net.in = m;
    net.out = 1;
    net.layers = layers;
    ebim_mlp(&p->E, a, &net, e->seed);
    ebim_ws_init(&p->wg, a, &p->ae.g, 16, 0);
    ebim_ws_init(&p->wf, a, &p->ae.f, 16, m);
    ebim_ws_init(&p->we, a, &p->E, 16, 0);
    z = (ebim_real *)ebim_arena_push(a, (size_t)N * (size_t)m, sizeof *z);
    p->mass = (double *)ebim_arena_push(a, (size_t)pushforward_cells(p), sizeof *p->mass);
    if (a->failed) return a->failed;
    pushforward_encode(p, N, x, z);
    r = pushforward_box(p, N, z);
    latent.lo = p->lo;
    latent.hi = p->hi;
    if (!r) r = ebm_train(&p->E, N, z, &latent, a);
    if (!r) pushforward__normalise(p);
    return r;
}

/* f(z), and unless J is NULL its Jacobian, J: [m][n], one tangent a row */
FILE_FN void pushforward_decode(pushforward *p, const ebim_real *z, double *x, double *J)
{
    int n = p->ae.n, m = p->ae.m, i, j, S = p->wf.stride;
    for (j = 0; j < m; j++) {
        ebim_ws_x(&p->wf)[j * S] = z[j];
        for (i = 0; i < m && J; i++) ebim_ws_xt(&p->wf, i + 1)[j * S] = i == j;
    }
    ebim_forward(&p->wf, 1, 1);
    if (J) ebim_jvp(&p->wf, 1, m);
    for (i = 0; i < n; i++) {
        x[i] = (double)ebim_ws_y(&p->wf)[i * S];
        for (j = 0; j < m && J; j++) J[j * n + i] = (double)ebim_ws_yt(&p->wf, j + 1)[i * S];
    }
}

/* J'J of rows J: [m][n] */
FILE_FN void pushforward__gram(int n, int m, const double *J, double G[2][2])
{
    int i, j, c;
    for (i = 0; i < m; i++)
        for (j = 0; j < m; j++)
            for (G[i][j] = 0, c = 0; c < n; c++) G[i][j] += J[i * n + c] * J[j * n + c];
}

/* Eq. 2 at code z, per unit of m-dimensional volume */
FILE_FN double pushforward_log_density(pushforward *p, const ebim_real *z)
{
    double x[BASELINES_MOST], J[2 * BASELINES_MOST], G[2][2];
    ebim_real E;
    pushforward_decode(p, z, x, J);
    pushforward__gram(p->ae.n, p->ae.m, J, G);
    ebim_eval(&p->we, 1, z, &E);
    return -(double)E - p->log_z -
           0.5 * log(p->ae.m == 1 ? G[0][0] : G[0][0] * G[1][1] - G[0][1] * G[1][0]);
}

/* The distance of x to the image of f: Levenberg and Marquardt's method from g(x), to convergence;
 * z: [2] out, where; the first m count. A local minimum, as everybody's. */
FILE_FN double pushforward_distance(pushforward *p, const ebim_real *x, ebim_real *z)
{
    int n = p->ae.n, m = p->ae.m, iter, i, j;
    double y[BASELINES_MOST], J[2 * BASELINES_MOST], G[2][2], g[2], best = HUGE_VAL, mu = 1e-3;
    ebim_real trial[2];
    pushforward_encode(p, 1, x, z);
    for (j = 0; j < m; j++) trial[j] = z[j];
    for (iter = 0; iter < 500; iter++) {
        double d2 = 0, det, step[2] = {0, 0};
        pushforward_decode(p, trial, y, J);
        for (i = 0; i < n; i++) d2 += (y[i] - (double)x[i]) * (y[i] - (double)x[i]);
        if (d2 < best) {
            int close = iter && best - d2 <= 1e-12 * best;
            best = d2;
            mu /= 4;
            for (j = 0; j < m; j++) z[j] = trial[j];
            pushforward__gram(n, m, J, G);
            for (j = 0; j < m; j++)
                for (g[j] = 0, i = 0; i < n; i++) g[j] += J[j * n + i] * (y[i] - (double)x[i]);
            if (close) break;
        } else if ((mu *= 4) > 1e12) break;
        if (m == 1) step[0] = g[0] / (G[0][0] * (1 + mu));
        else {
            double A = G[0][0] * (1 + mu), B = G[1][1] * (1 + mu);
            det = A * B - G[0][1] * G[1][0];
            step[0] = (B * g[0] - G[0][1] * g[1]) / det;
            step[1] = (A * g[1] - G[1][0] * g[0]) / det;
        }
        for (j = 0; j < m; j++) trial[j] = z[j] - (ebim_real)step[j];
    }
    return sqrt(best);
}

/* B points of the image, by the density of the codes: a cell by its mass, a point of it, f of that.
 * x: [B][n] */
FILE_FN void pushforward_sample(pushforward *p, int B, ebim_real *x, uint64_t seed)
{
    int n = p->ae.n, cells = pushforward_cells(p), b, c, i;
    ebim_rng r;
    ebim_rng_init(&r, seed, 3);
    for (b = 0; b < B; b++) {
        double at = (double)ebim_rng_uniform(&r), u[2], y[BASELINES_MOST];
        ebim_real z[2];
        for (c = 0; c < cells - 1 && at >= p->mass[c]; c++) at -= p->mass[c];
        u[0] = (double)ebim_rng_uniform(&r);
        u[1] = (double)ebim_rng_uniform(&r);
        pushforward__cell(p, c, u, z);
        pushforward_decode(p, z, y, NULL);
        for (i = 0; i < n; i++) x[b * n + i] = (ebim_real)y[i];
    }
}

#endif /* BASELINES_H */
