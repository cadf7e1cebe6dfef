/* protocol.h: how the models of Table 1 are compared. Include it after paper.h.

     protocol_fit     a pushforward model, or ours by the paper's recipe or the default one
     protocol_draw    samples of its density
     protocol_nll     mean -log density of points: of the nearest ones on the model
     protocol_grid    the paper's protocol, as its appendix has it or as the authors' code does it:
                      average densities in cells of a box, and transport between these
     protocol_prepare the data of one run */
#ifndef PROTOCOL_H
#define PROTOCOL_H

enum { PROTOCOL_DENSE = 60000, PROTOCOL_LINES = 32768 };
enum { PROTOCOL_PUSH, PROTOCOL_PAPER, PROTOCOL_OURS, PROTOCOL_MODELS };

typedef struct protocol_model { /* any of the three */
    int method;
    pushforward *p;
    ebim_model m;
} protocol_model;

FILE_FN void protocol_fit(paper_args *a, const paper_set *s, protocol_model *t, int method, int N,
                          const ebim_real *x)
{
    static pushforward p;
    double start = paper_seconds();
    t->method = method;
    a->paper = method == PROTOCOL_PAPER;
    if (method == PROTOCOL_PUSH) {
        memset(&t->m, 0, sizeof t->m);
        t->p = &p;
        paper_latent(a, s, &p, N, x, a->seed, 0);
        t->m.info.seconds = paper_seconds() - start;
    } else paper_ebim(a, s, &t->m, N, x, a->seed);
}

FILE_FN void protocol_draw(paper_args *a, protocol_model *t, double temperature, int B,
                           ebim_real *y)
{
    if (t->method == PROTOCOL_PUSH) pushforward_sample(t->p, B, y, a->seed);
    else paper_sample(a, &t->m, temperature, B, y, a->seed);
}

FILE_FN double protocol_nll(paper_args *a, protocol_model *t, int N, const ebim_real *x)
{
    size_t used = a->arena.used;
    double d[4], sum = 0;
    ebim_real *e = paper_points(a, N, 1);
    unsigned char *ok = (unsigned char *)paper_push(a, (size_t)N, 1);
    ebim_log_z z;
    int i, count = 0;
    if (t->method == PROTOCOL_PUSH) sum = paper_latent_distances(a, t->p, N, x, d);
    else {
        paper_check("score", ebim_model_score(&t->m, &a->arena, N, x, NULL, NULL, e, ok));
        paper_check("log Z", ebim_model_log_z(&t->m, &a->arena, a->quick ? 4096 : PROTOCOL_LINES, 1,
                                              &z));
        for (i = 0; i < N; i++)
            if (ok[i]) sum += ((double)e[i] - sum) / ++count;
        sum += z.log_z;
    }
    a->arena.used = used;
    return sum;
}

/* The model's manifold, many points of it, and its density there, into two grids */
FILE_FN void protocol__model(paper_args *a, const paper_set *s, protocol_model *t,
                             metrics_grid g[2])
{
    size_t used = a->arena.used;
    int count = a->quick ? PROTOCOL_DENSE / 20 : PROTOCOL_DENSE, i, c;
    double y[3], density;
    if (t->method == PROTOCOL_PUSH) {
        int side = s->m == 1 ? count : (int)sqrt((double)count);
        for (i = 0; i < (s->m == 1 ? side : side * side); i++) {
            ebim_real z[2];
            for (c = 0; c < s->m; c++)
                z[c] = (ebim_real)(t->p->lo[c] + (t->p->hi[c] - t->p->lo[c]) *
                                                     ((c ? i / side : i % side) + 0.5) / side);
            pushforward_decode(t->p, z, y, NULL);
            if (s->file) { /* the authors take the density at g(f(z)) there */
                ebim_real at[3];
                for (c = 0; c < s->n; c++) at[c] = (ebim_real)y[c];
                pushforward_encode(t->p, 1, at, z);
            }
            density = exp(pushforward_log_density(t->p, z));
            for (c = 0; c < 2; c++) metrics_grid_add(&g[c], y, density);
        }
    } else {
        ebim_real *u = paper_points(a, count, s->n);
        double *E;
        count = paper_uniform(a, &t->m, count, u, 1);
        E = paper_energies(a, &t->m, count, u, t->method == PROTOCOL_PAPER ? s->temperature : 1);
        for (i = 0; i < count; i++) {
            for (c = 0; c < s->n; c++) y[c] = (double)u[i * s->n + c];
            for (c = 0; c < 2; c++) metrics_grid_add(&g[c], y, exp(-E[i]));
        }
    }
    a->arena.used = used;
}

/* The truth on a grid, or as points: x: [N][n] are data. Returns how many places have mass. */
FILE_FN int protocol__truth(const paper_set *s, metrics_grid *g, int N, const ebim_real *x,
                            double *y, double *w, int as_points)
{
    int count = PROTOCOL_DENSE, i, c, b;
    for (i = 0; as_points && i < N; i++) w[i] = 1.0 / N;
    for (i = 0; as_points && i < N * s->n; i++) y[i] = (double)x[i];
    if (as_points) return N;
    if (s->file) { /* shares of the data: */
        for (i = 0; i < N; i++) {
            double at[3];
            for (c = 0; c < s->n; c++) at[c] = (double)x[i * s->n + c];
            metrics_grid_add(g, at, 1);
        }
        for (i = 0; i < g->total; i++) g->sum[i] = g->count[i] * g->count[i]; /* not the mean */
        return metrics_grid_masses(g, y, w);
    }
    for (b = 0; b < count; b++) { /* uniform on the true manifold, its density */
        double at[3], t = 2 * SYNTH_PI * b / count, density = exp(2 * cos(t));
        at[0] = cos(t);
        at[1] = sin(t);
        at[2] = 0;
        if (s->n == 2 && s->box[0] > 2) at[0] = (b % 2 ? 1.8 : -1.8) + (b % 2 ? -1 : 1) * at[0];
        if (s->n == 3) { /* a spiral on the sphere */
            double h = 1 - (2 * b + 1.0) / count, turn = b * 2.399963229728653;
            at[0] = h;
            at[1] = sqrt(1 - h * h) * cos(turn);
            at[2] = sqrt(1 - h * h) * sin(turn);
            density = exp(-(1 - h * h) / 2) * (1 + h * h);
        }
        metrics_grid_add(g, at, density);
    }
    return metrics_grid_masses(g, y, w);
}

/* The largest squared distance of the middle of any cell from y: [N][n] */
FILE_FN double protocol__largest(const paper_set *s, int cells, int N, const double *y)
{
    double largest = 0;
    int i, c;
    for (i = 0; i < N; i++) {
        double d2 = 0;
        for (c = 0; c < s->n; c++)
            d2 += pow(s->box[c] * (cells - 1) / cells + fabs(y[i * s->n + c]), 2);
        largest = fmax(largest, d2);
    }
    return largest;
}

/* The paper's protocol, against all of x: [N][n]: out[0] is the exact W1 between cells, out[1] as
 * the authors' code has it, the least mean squared distance divided by the largest one. */
FILE_FN void protocol_grid(paper_args *a, const paper_set *s, protocol_model *t, int N,
                           const ebim_real *x, double out[2])
{
    int most = 30 * 30 * 30, code, c, K, L;
    size_t used = a->arena.used;
    double *at[2], *w[2], lo[3], gap = 1;
    metrics_grid g[2], truth;
    for (c = 0; c < s->n; c++) lo[c] = -s->box[c];
    for (c = 0; c < 2; c++) {
        at[c] = (double *)paper_push(a, (size_t)(most * s->n), sizeof(double));
        w[c] = (double *)paper_push(a, (size_t)most, sizeof(double));
        if (!metrics_grid_open(&g[c], s->n, (s->n == 2 ? 100 : 30) - c, lo, s->box))
            paper_stop(1, "out of memory");
    }
    protocol__model(a, s, t, g);
    for (code = 0; code < 2; code++) {
        K = metrics_grid_masses(&g[code], at[0], w[0]);
        if (!metrics_grid_open(&truth, s->n, g[code].cells, lo, s->box))
            paper_stop(1, "out of memory");
        L = protocol__truth(s, &truth, N, x, at[1], w[1], code && s->n == 3);
        metrics_grid_close(&truth);
        out[code] = metrics_transport(K, at[0], w[0], L, at[1], w[1], s->n, 1 + code, &gap);
        if (out[code] < 0 || !(fabs(gap) < 1e-10)) paper_stop(1, "no transport: gap %g", gap);
        if (code) out[code] /= protocol__largest(s, g[code].cells, L, at[1]);
        metrics_grid_close(&g[code]);
    }
    a->arena.used = used;
}

/* ---- data ---- */

/* The data of one run: a half to fit, and one held out; all; two sets to compare samples with */
typedef struct protocol_points {
    ebim_real *half, *held, *all, *truth, *other;
    int N, use, all_N, B; /* points in a half, used of it, in all, in truth and other */
} protocol_points;

/* Drawn: 1000 points, which are all there is to fit, as many held out, and 2000 fresh ones twice.
 * From a file: halves at random, and up to 2000 of all (no `other`). */
FILE_FN protocol_points protocol_prepare(paper_args *a, const paper_set *s)
{
    protocol_points p;
    ebim_rng r;
    int i, c;
    memset(&p, 0, sizeof p);
    p.all = paper_data(a, s, 0, &p.all_N);
    ebim_rng_init(&r, a->seed, 2);
    if (s->draw) {
        p.half = p.all;
        p.held = paper_data(a, s, 1, &p.N);
        p.B = a->B;
        p.truth = paper_points(a, p.B, s->n);
        p.other = paper_points(a, p.B, s->n);
        s->draw(&r, p.B, p.truth);
        s->draw(&r, p.B, p.other);
    } else {
        ebim_real *x = p.half = paper_points(a, p.all_N, s->n);
        int32_t *order = (int32_t *)paper_push(a, (size_t)p.all_N, sizeof *order);
        for (i = 0; i < p.all_N; i++) order[i] = i;
        ebim_rng_shuffle(&r, p.all_N, order);
        for (i = 0; i < p.all_N; i++)
            for (c = 0; c < s->n; c++) x[i * s->n + c] = p.all[order[i] * s->n + c];
        p.N = p.all_N / 2;
        p.held = x + p.N * s->n;
        p.B = p.all_N < a->B ? p.all_N : a->B;
        p.truth = x;
    }
    p.use = p.N < a->B ? p.N : a->B;
    return p;
}

#endif /* PROTOCOL_H */
