/* table2: the paper's Table 2. How other models draw the same images with as much CPU, by the
   Frechet distance of a classifier's features (FD-LeNet) of 2000 samples:

     AE+EBM, VAE+EBM   an energy of an autoencoder's codes
     NAE               Yoon et al. 2021: the reconstruction error as an energy, with chains of codes
                       first (10 steps) and of images then
     NAE, no codes     its chains from noise
     IM, paper         the paper's eq. 8 on its U-Net, and Langevin chains on |F|^2
     ours              fig7_images': its field learns for about as long, whatever --seconds says
     ours, by energy   and ends of its chains are drawn by an energy (--energy codes there)

       build/table2 [--data mnist|fmnist] [--seconds N] [--seed N] [--out DIR] [--quick]
                    [--model ae|vae|nae|nae_blind|im_paper|ours|ours_energy]

   Each of the others gets 360 s of one core for its training; samples come on top. The paper trains
   for a hundred epochs and more: its settings are kept, but for rates, which are larger because
   steps are fewer. Writes table2_DATA.md, and of each model a picture and its first samples, and
   puts those of all that are in DIR, but for NAE without codes, side by side
   (fig7_columns_DATA.png). */
#include <limits.h>

#include "common/paper.h"
#include "common/images.h"
#include "common/energies.h"
#include "common/nets.h"

enum { TRAIN = IMAGES_TRAIN, BATCH = 64 };
enum { COLUMN = 32, WIDE = 4 }; /* samples of a column of the picture, side by side */
enum { AE, VAE, NAE, BLIND, IM, OURS, BY_ENERGY, MODELS };

static const char *const model_name[MODELS] = {"AE+EBM", "VAE+EBM", "NAE", "NAE, no codes",
                                               "IM, paper", "ours", "ours, by energy"};
static const char *const file_name[MODELS] = {"ae", "vae", "nae", "nae_blind", "im_paper", "ours",
                                              "ours_energy"};

/* Of the paper's appendix B.2 where it has one; else as it says in the last column */
static const struct {
    int m_mnist, m_fmnist;   /* dimension of codes */
    double ae_rate, ae_clip; /* 1e-4 there */
    double ae_share;         /* of the time, for the autoencoder; it has half of the epochs there */
    double beta;
    double eps, step, clamp; /* of all chains but F's */
    int latent_steps, buffer;
    double latent_rate;      /* 1e-5 there */
    double magnitude;
} table = {16, 30, 1e-3, 10, 0.5, 1e-5, 0.005, 10, 0.03, 60, 10000, 1e-4, 0.1};

static const struct {
    double rate;             /* 1e-5 of Yoon et al., for epochs */
    int code_steps;          /* 10 there */
    int steps;               /* 50 there, of half a second on a GPU */
    double mnist, fmnist;    /* of the samples' energies squared (1 there). The better of 1 and 0:
                              * 52 and 286 on MNIST, 80 and 25 or 54 on the other */
} nae_table = {1e-4, 10, 10, 1, 0};

static const struct {
    double rate;             /* 1e-4 there */
    double rank, eta;        /* 1e3 in the authors' code for F alone; eta as printed */
    double norm4, eps, step, clamp;
    int chain_steps, batch;
    int draw_steps;          /* not said there */
} im_table = {1e-3, 1e3, 0.01, 0.1, 0.005, 10, 0.01, 20, 128, 60};

typedef struct run {
    paper_args *a;
    const images *im;
    double seconds;
    int coded;               /* images whose codes the energy is trained on */
    int parameters;
} run;

static double box_lo[IMAGES_N], box_hi[IMAGES_N];

/* Codes and their box, which is twice as wide as they are */
static ebim_real *codes(run *r, autoencoder *t, double *lo, double *hi)
{
    int N = r->coded, m = t->m, outs = ebim_outputs(&t->g), i, j;
    ebim_real *y = paper_points(r->a, N, outs), *z = paper_points(r->a, N, m);
    ebim_ws w;
    paper_check("codes", ebim_ws_init(&w, &r->a->arena, &t->g, BATCH, EBIM_WS_VALUES));
    ebim_eval(&w, N, r->im->x, y);
    for (j = 0; j < m; j++) {
        double least = HUGE_VAL, most = -HUGE_VAL;
        for (i = 0; i < N; i++) {
            double v = (double)(z[i * m + j] = y[i * outs + j]);
            least = fmin(least, v);
            most = fmax(most, v);
        }
        lo[j] = least - (most - least) / 2;
        hi[j] = most + (most - least) / 2;
    }
    return z;
}

static int dimension(const run *r)
{
    return strcmp(r->a->data, "fmnist") ? table.m_mnist : table.m_fmnist;
}

static void train_autoencoder(run *r, autoencoder *t, double beta, double share)
{
    autoencoder_desc d;
    memset(&d, 0, sizeof d);
    d.encoder = nets_encoder;
    d.decoder = nets_decoder;
    d.batch = BATCH;
    d.rate = table.ae_rate;
    d.clip = table.ae_clip;
    d.beta = beta;
    d.steps = r->a->quick ? 4 : INT_MAX;
    d.seconds = share * r->seconds;
    d.seed = r->a->seed;
    paper_check("autoencoder", autoencoder_train(t, IMAGES_N, dimension(r), TRAIN, r->im->x, &d,
                                                 &r->a->arena, NULL));
    r->parameters = t->g.n_theta + t->f.n_theta;
}

static void draw_latent(run *r, double beta, int B, ebim_real *x)
{
    static autoencoder t;
    static ebim_graph E;
    double lo[64], hi[64];
    ebim_mlp_desc net;
    ebm_desc d;
    ebim_real *z;
    ebim_ws w;
    train_autoencoder(r, &t, beta, table.ae_share);
    z = codes(r, &t, lo, hi);
    memset(&net, 0, sizeof net);
    memset(&d, 0, sizeof d);
    net.in = t.m;
    net.out = 1;
    net.layers = 4;
    net.width = 256;
    paper_check("energy", ebim_mlp(&E, &r->a->arena, &net, r->a->seed));
    d.steps = r->a->quick ? 4 : INT_MAX;
    d.seconds = (1 - table.ae_share) * r->seconds;
    d.batch = 2 * BATCH;
    d.rate = table.latent_rate;
    d.clip = table.ae_clip;
    d.magnitude = table.magnitude;
    d.eps = table.eps;
    d.step = table.step;
    d.clamp = table.clamp;
    d.chain_steps = table.latent_steps;
    d.buffer = table.buffer;
    d.lo = lo;
    d.hi = hi;
    d.spectral = 1;
    d.draws = B;
    d.drawn = paper_points(r->a, B, t.m);
    d.seed = r->a->seed;
    paper_check("energy", ebm_train(&E, r->coded, z, &d, &r->a->arena));
    paper_check("samples", ebim_ws_init(&w, &r->a->arena, &t.f, BATCH, EBIM_WS_VALUES));
    ebim_eval(&w, B, d.drawn, x);
    r->parameters += E.n_theta;
}

/* ---- normalised autoencoders ---- */

typedef struct nae {
    autoencoder t;
    ebim_graph E, H;              /* E(x) = |x - f(g(x))|^2 / 784; H(z) = E(f(z)) */
    ebim_langevin *codes, *images;
    double lo[64], hi[64];
} nae;

static ebim_ref nae_error(ebim_graph *g, ebim_ref x, void *user)
{
    const nae *s = (const nae *)user;
    ebim_ref y = ebim_inline(g, &s->t.f, ebim_inline(g, &s->t.g, x, 0), 0);
    return ebim_scale(g, ebim_sumsq(g, ebim_sub(g, x, y)), 1.0 / IMAGES_N);
}

static ebim_ref nae_codes(ebim_graph *g, ebim_ref z, void *user)
{
    const nae *s = (const nae *)user;
    return ebim_inline(g, &s->E, ebim_inline(g, &s->t.f, z, 0), 0);
}

/* H's parameters: f, then E's, which are g and f */
static void nae_renew(nae *s)
{
    int G = s->t.g.n_theta, F = s->t.f.n_theta;
    memcpy(s->t.f.theta, s->E.theta + G, (size_t)F * sizeof *s->E.theta);
    memcpy(s->H.theta, s->t.f.theta, (size_t)F * sizeof *s->E.theta);
    memcpy(s->H.theta + F, s->E.theta, (size_t)(G + F) * sizeof *s->E.theta);
}

/* B chains: of codes from their box, then of images; blind: of images from noise */
static void nae_chains(run *r, nae *s, int blind, int B, ebim_real *x, ebim_rng *rng,
                       uint64_t stream)
{
    size_t used = r->a->arena.used;
    int m = s->t.m, b;
    if (blind)
        for (b = 0; b < B * IMAGES_N; b++) x[b] = ebim_rng_uniform(rng);
    else {
        ebim_real *z = paper_points(r->a, B, m);
        ebim_ws w;
        for (b = 0; b < B * m; b++)
            z[b] = (ebim_real)(s->lo[b % m] + (s->hi[b % m] - s->lo[b % m]) *
                                                  (double)ebim_rng_uniform(rng));
        ebim_langevin_run(s->codes, B, z, nae_table.code_steps, r->a->seed, stream);
        paper_check("images", ebim_ws_init(&w, &r->a->arena, &s->t.f, BATCH, EBIM_WS_VALUES));
        ebim_eval(&w, B, z, x);
    }
    ebim_langevin_run(s->images, B, x, nae_table.steps, r->a->seed, stream + (1ull << 40));
    for (b = 0; b < B * IMAGES_N; b++)
        x[b] = (ebim_real)baselines_clamp((double)x[b], 0, 1);
    r->a->arena.used = used;
}

static void nae_train(run *r, nae *s, int blind, ebim_rng *rng, clock_t start)
{
    ebim_real *x = paper_points(r->a, BATCH, IMAGES_N), *grad;
    double magnitude = strcmp(r->a->data, "fmnist") ? nae_table.mnist : nae_table.fmnist;
    ebim_optim adam;
    ebim_ws w;
    int step;
    paper_check("NAE", ebim_optim_init(&adam, &r->a->arena, s->E.n_theta, EBIM_OPTIM_ADAM));
    paper_check("NAE", ebim_ws_init(&w, &r->a->arena, &s->E, BATCH, 0));
    grad = paper_points(r->a, 1, s->E.n_theta);
    adam.clip = table.ae_clip;
    for (step = 0; !baselines_late(start, r->seconds) && !(r->a->quick && step); step++) {
        nae_chains(r, s, blind, BATCH, x, rng, (uint64_t)(step + 1) * BATCH);
        memset(grad, 0, (size_t)s->E.n_theta * sizeof *grad);
        ebm__gradient(&w, BATCH, baselines_batch(r->im->x, TRAIN, IMAGES_N, BATCH, step), 1, 0,
                      grad);
        ebm__gradient(&w, BATCH, x, -1, magnitude, grad);
        ebim_optim_step(&adam, s->E.theta, grad, (ebim_real)nae_table.rate);
        nae_renew(s);
    }
}

static void draw_nae(run *r, int blind, int B, ebim_real *x)
{
    static nae s;
    clock_t start = clock();
    ebim_langevin_desc d;
    ebim_rng rng;
    ebim_rng_init(&rng, r->a->seed, 47);
    train_autoencoder(r, &s.t, 0, table.ae_share);
    codes(r, &s.t, s.lo, s.hi);
    paper_check("NAE", ebim_record(&s.E, &r->a->arena, IMAGES_N, nae_error, &s));
    paper_check("NAE", ebim_record(&s.H, &r->a->arena, s.t.m, nae_codes, &s));
    nae_renew(&s);
    memset(&d, 0, sizeof d);
    d.eps = table.eps;
    d.step = table.step;
    d.clamp = table.clamp;
    d.lanes = 64;
    paper_check("NAE", ebim_langevin_init(&s.codes, &r->a->arena, &s.H, &d));
    paper_check("NAE", ebim_langevin_init(&s.images, &r->a->arena, &s.E, &d));
    nae_train(r, &s, blind, &rng, start);
    nae_chains(r, &s, blind, B, x, &rng, (uint64_t)1 << 50);
}

/* ---- the paper's implicit manifold ---- */

static int out_of_time(void *user, const ebim_progress *p)
{
    const double *end = (const double *)user;
    (void)p;
    return paper_seconds() >= *end;
}

static void draw_im(run *r, int B, ebim_real *x)
{
    static ebim_graph F;
    double end = paper_seconds() + r->seconds;
    ebim_watch watch; /* a step takes long */
    ebim_langevin *chains;
    ebim_langevin_desc l;
    ebim_mdf_desc d;
    ebim_rng rng;
    size_t used;
    int b;
    paper_check("F", ebim_record(&F, &r->a->arena, IMAGES_N, nets_unet, NULL));
    ebim_init_theta(&F, r->a->seed);
    memset(&d, 0, sizeof d);
    memset(&l, 0, sizeof l);
    d.data.norm = 1;
    d.data.rank = im_table.rank;
    d.data.eta = im_table.eta;
    d.data.two_sided = 1;
    d.negatives.norm2 = -1;
    d.negatives.norm4 = im_table.norm4;
    d.steps = r->a->quick ? 1 : 1000000;
    d.batch = r->a->quick ? 16 : im_table.batch;
    d.rate = im_table.rate;
    d.lo = box_lo;
    d.hi = box_hi;
    d.clamp_ends = 1;
    d.langevin_steps = im_table.chain_steps;
    l.energy = EBIM_ENERGY_OF_NORM2;
    l.eps = im_table.eps;
    l.step = im_table.step;
    l.clamp = im_table.clamp;
    l.lanes = d.lanes = 64;
    d.langevin = l;
    d.buffer = table.buffer;
    d.seed = r->a->seed;
    memset(&watch, 0, sizeof watch);
    watch.progress = out_of_time;
    watch.user = &end;
    used = r->a->arena.used;
    r->a->arena.watch = r->a->quick ? NULL : &watch;
    paper_check("F", ebim_mdf_train(&F, &r->a->arena, TRAIN, r->im->x, &d, NULL));
    r->a->arena.watch = NULL;
    r->a->arena.used = used;
    paper_check("chains", ebim_langevin_init(&chains, &r->a->arena, &F, &l));
    ebim_rng_init(&rng, r->a->seed, 49);
    for (b = 0; b < B * IMAGES_N; b++) x[b] = ebim_rng_uniform(&rng);
    ebim_langevin_run(chains, B, x, r->a->quick ? 2 : im_table.draw_steps, r->a->seed, 0);
    r->parameters = F.n_theta;
}

/* ---- ours ---- */

/* B ends of chains; by_energy: of another 2 B those that an energy likes, which B teach it */
static void draw_ours(run *r, int by_energy, int B, ebim_real *x)
{
    static ebim_graph D;
    ebim_denoise_chain c = images_chain(r->a);
    ebim_train_report rep;
    ebim_real *ends, *others, *E;
    images_learn(r->a, &D, r->a->data, TRAIN, r->im->x, IMAGES_STEPS, &rep);
    ends = images_draw(r->a, &D, TRAIN, r->im->x, 1.5, &c, by_energy ? 3 * B : B);
    r->parameters = D.n_theta;
    if (!by_energy) {
        memcpy(x, ends, (size_t)B * IMAGES_N * sizeof *x);
        return;
    }
    others = ends + (size_t)B * IMAGES_N;
    E = paper_points(r->a, 2 * B, 1);
    energies_of(r->a, ENERGIES_OF_CODES, TRAIN, r->im->x, B, ends, 2 * B, others, E);
    energies_resample(r->a, 2 * B, others, E, B, x);
}

/* ---- the table ---- */

static void draw(run *r, int model, int B, ebim_real *x)
{
    size_t used = r->a->arena.used;
    switch (model) {
    case AE: draw_latent(r, 0, B, x); break;
    case VAE: draw_latent(r, table.beta, B, x); break;
    case NAE: draw_nae(r, 0, B, x); break;
    case BLIND: draw_nae(r, 1, B, x); break;
    case IM: draw_im(r, B, x); break;
    default: draw_ours(r, model == BY_ENERGY, B, x);
    }
    r->a->arena.used = used;
}

/* The first samples of the models that have been drawn, now or before */
static void columns(paper_args *a)
{
    static ebim_real x[MODELS * COLUMN * IMAGES_N];
    char file[96];
    int i, count = 0;
    for (i = 0; i < MODELS; i++) {
        if (i == BLIND) continue; /* no column of the paper's */
        snprintf(file, sizeof file, "table2_%s_%s.idx", a->data, file_name[i]);
        count += images_stored(paper_path(a, file), COLUMN, x + count * COLUMN * IMAGES_N) > 0;
    }
    snprintf(file, sizeof file, "fig7_columns_%s.png", a->data);
    if (count) images_blocks(paper_path(a, file), count, COLUMN / WIDE, WIDE, x);
}

int main(int argc, char **argv)
{
    const size_t room = (size_t)1 << 31; /* what is not used costs nothing */
    static int class_of[TRAIN + IMAGES_HELD];
    static double data[(TRAIN + IMAGES_HELD) * IMAGES_FEATURES], made[2000 * IMAGES_FEATURES];
    static classifier judge;
    double fd[MODELS];
    paper_args a;
    char file[96];
    ebim_real *x;
    images im;
    run r;
    FILE *f;
    json j;
    int i, q;
    paper_begin(&a, "table2", argc, argv);
    for (i = 0; i < MODELS && a.model && strcmp(a.model, file_name[i]);) i++;
    if (i == MODELS) paper_stop(2, "table2: no model '%s'", a.model);
    ebim_arena_init(&a.arena, malloc(room), room);
    if (!a.arena.base) paper_stop(1, "table2: out of memory");
    im = images_read(&a, a.data);
    for (i = 0; i < IMAGES_N; i++) box_hi[i] = 1;
    classifier_train(&a, &judge, &im, TRAIN, a.quick ? 50 : 1400);
    classifier_run(&judge, im.N, im.x, class_of, data);
    r.a = &a;
    r.im = &im;
    r.coded = a.quick ? 640 : TRAIN;
    r.seconds = a.quick ? 1 : a.seconds ? a.seconds : 360;
    if (a.quick) a.B = 64;
    x = paper_points(&a, a.B, IMAGES_N);
    snprintf(file, sizeof file, "table2_%s.md", a.data);
    f = fopen(paper_path(&a, file), "w");
    if (!f) paper_stop(2, "%s: cannot be written", paper_path(&a, file));
    fprintf(f, "| %s, %.0f s each | parameters | seconds of this run | FD-LeNet |\n", a.data,
            r.seconds);
    fputs("|---|---|---|---|\n", f);
    for (i = 0; i < MODELS; i++) fd[i] = (double)NAN;
    for (q = 0; q < MODELS; q++) {
        double start = paper_seconds();
        i = (q + OURS) % MODELS; /* ours first: a state that is another run's stops the program */
        if (a.model && strcmp(a.model, file_name[i])) continue;
        draw(&r, i, a.B, x);
        start = paper_seconds() - start;
        snprintf(file, sizeof file, "table2_%s_%s.png", a.data, file_name[i]);
        images_grid(paper_path(&a, file), 8, a.quick ? 8 : 16, x);
        snprintf(file, sizeof file, "table2_%s_%s.idx", a.data, file_name[i]);
        images_store(paper_path(&a, file), COLUMN, x);
        classifier_run(&judge, a.B, x, class_of, made);
        fd[i] = images_frechet(TRAIN, data, a.B, made);
        fprintf(f, "| %s | %d | %.0f | %.1f |\n", model_name[i], r.parameters, start, fd[i]);
        fprintf(stderr, "table2: %s, %s: %.1f after %.0f s\n", a.data, model_name[i], fd[i], start);
    }
    if (fclose(f)) paper_stop(1, "table2: the table cannot be written");
    columns(&a);
    j = paper_json(&a);
    json_text(&j, "data", a.data);
    json_number(&j, "samples", a.B);
    for (i = 0; i < MODELS; i++) {
        snprintf(file, sizeof file, "fd_lenet_%s", file_name[i]);
        json_number(&j, file, fd[i]);
    }
    json_end(&j);
    return 0;
}
