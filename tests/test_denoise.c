/* Displacement fields by noise: what training reaches on a circle, what a step of a chain does on
 * average, and that training can be stopped, repeated and measured. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

enum { N = 500, CHAINS = 400 };

static double memory[1 << 20];
static ebim_real circle[N * 2], x[CHAINS * 64];

static ebim_arena arena(void)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, sizeof memory);
    return a;
}

static void draw_circle(void)
{
    ebim_rng r;
    int i;
    ebim_rng_init(&r, T_SEED, 1);
    for (i = 0; i < N; i++) ebim_rng_sphere(&r, 2, circle + 2 * i);
}

static ebim_result new_net(ebim_graph *g, ebim_arena *a)
{
    ebim_mlp_desc d;
    memset(&d, 0, sizeof d);
    d.in = d.out = 2;
    return ebim_mlp(g, a, &d, 3);
}

static ebim_denoise_desc desc(int steps)
{
    ebim_denoise_desc d;
    memset(&d, 0, sizeof d);
    d.steps = steps;
    d.sigma_hi = 1;
    d.seed = T_SEED;
    return d;
}

/* Mean and largest distance from the circle of chains from noise; *quarters: bits of those that
 * some chain is in */
static double off_the_circle(const ebim_graph *D, ebim_arena *a, double *most, int *quarters)
{
    ebim_denoise_chain c;
    ebim_rng r;
    double sum = 0;
    int i;
    memset(&c, 0, sizeof c);
    ebim_rng_init(&r, T_SEED, 2);
    for (i = 0; i < 2 * CHAINS; i++) x[i] = 2 * ebim_rng_normal(&r);
    CHECK_INT(ebim_denoise_run(D, a, CHAINS, x, &c, T_SEED), EBIM_OK);
    for (*most = 0, *quarters = 0, i = 0; i < CHAINS; i++) {
        double u = (double)x[2 * i], v = (double)x[2 * i + 1], d = fabs(sqrt(u * u + v * v) - 1);
        sum += d / CHAINS;
        *most = fmax(*most, d);
        *quarters |= 1 << (2 * (u > 0) + (v > 0));
    }
    return sum;
}

static void chains_end_on_the_circle(void)
{
    ebim_denoise_desc d = desc(T_QUICK ? 400 : 1500);
    ebim_train_report rep;
    ebim_arena a = arena();
    ebim_graph D;
    double mean, most;
    int quarters;
    draw_circle();
    CHECK_INT(new_net(&D, &a), EBIM_OK);
    CHECK(off_the_circle(&D, &a, &most, &quarters) > 0.3); /* untrained */
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, &rep), EBIM_OK);
    CHECK_INT(rep.steps, d.steps);
    mean = off_the_circle(&D, &a, &most, &quarters);
    if (!T_QUICK) CHECK_NEAR(mean, 0, 0.05);
    if (!T_QUICK) CHECK_NEAR(most, 0, 0.3);
    CHECK_INT(quarters, 15);
}

/* Data in one half alone: with weights 0 for the other half, chains stay out of it. */
static void weights_are_respected(void)
{
    static ebim_real weight[N];
    ebim_denoise_desc d = desc(600);
    ebim_arena a = arena();
    ebim_graph D;
    double most;
    int quarters, i, wrong = 0;
    draw_circle();
    for (i = 0; i < N; i++) weight[i] = circle[2 * i] > 0;
    d.weights = weight;
    CHECK_INT(new_net(&D, &a), EBIM_OK);
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_OK);
    off_the_circle(&D, &a, &most, &quarters);
    for (i = 0; i < CHAINS; i++) wrong += (double)x[2 * i] < -0.3;
    CHECK_INT(wrong, 0);
}

/* D = 0: a step is x <- (1 - h) x + gain |x| / sqrt(n) xi, the end x <- .3 x; h .2 and beta .4
 * where none are given. Mean and variance of the 64 x 400 numbers about (1 - h) x are normal;
 * bounds of 4.5 sigma: false alarms 2e-5. */
static void a_step_is_as_documented(void)
{
    enum { n = 64 };
    static const double h[3] = {0.2, 0.6, 0.2}, beta[3] = {0.4, 0.1, 0.4};
    int q, i;
    for (q = 0; q < 3; q++) {
        ebim_denoise_chain c;
        ebim_arena a = arena();
        ebim_mlp_desc net;
        ebim_graph D;
        double keep = 1 - h[q], gain = sqrt(pow(1 - beta[q] * h[q], 2) - keep * keep);
        double sum = 0, square = 0, count = n * CHAINS, z;
        memset(&net, 0, sizeof net);
        memset(&c, 0, sizeof c);
        net.in = net.out = n;
        net.width = 4;
        CHECK_INT(ebim_mlp(&D, &a, &net, 1), EBIM_OK);
        memset(D.theta, 0, (size_t)D.n_theta * sizeof *D.theta);
        for (i = 0; i < n * CHAINS; i++) x[i] = (ebim_real)(i % n ? 0.5 : -3);
        c.steps = c.onto = 1;
        c.h = q < 2 ? h[q] : 0;
        c.beta = q < 2 ? beta[q] : 0;
        CHECK_INT(ebim_denoise_run(&D, &a, CHAINS, x, &c, T_SEED + 7), EBIM_OK);
        CHECK(memcmp(x, x + 64 * n, n * sizeof *x)); /* chains of other blocks have other noise */
        for (i = 0; i < n * CHAINS; i++) {
            double size = sqrt((9 + 63 * 0.25) / n), at = i % n ? 0.5 : -3;
            z = ((double)x[i] / 0.3 - keep * at) / (gain * size);
            sum += z / count;
            square += z * z / count;
        }
        CHECK_NEAR(sum, 0, 4.5 / sqrt(count));
        CHECK_NEAR(square, 1, 4.5 * sqrt(2 / count));
    }
}

static ebim_ref as_it_is(ebim_graph *g, ebim_ref in, void *user)
{
    (void)user;
    return ebim_scale(g, in, 1);
}

/* Walk-back starts from no more noise than was asked for; steps of D(x) = x leave it. */
static void walk_back_has_the_noise_asked_for(void)
{
    enum { B = 64 };
    ebim_denoise_desc d = desc(1);
    ebim__denoise s;
    ebim_arena a = arena();
    ebim_graph D;
    double most = 0;
    int i;
    d.sigma_lo = 0.01;
    d.sigma_hi = 0.05;
    draw_circle();
    CHECK_INT(ebim_record(&D, &a, 2, as_it_is, NULL), EBIM_OK);
    CHECK_INT(ebim__denoise_init(&s, &a, &D, N, &d), EBIM_OK);
    s.x = circle;
    ebim__next_batch(&s.t, s.x);
    ebim__denoise_inputs(&s.half[1], B / 2, B / 2, 1000);
    for (i = 0; i < B / 2; i++) most = fmax(most, sqrt(s.half[1].sigma2[i]));
    CHECK(most > 0.02 && most < 5 * d.sigma_hi);
}

static int stop_at_20(void *user, const ebim_progress *p)
{
    (void)user;
    return p->step >= 20;
}

static void training_stops_and_repeats(void)
{
    static ebim_real first[1 << 13];
    ebim_denoise_desc d = desc(200);
    ebim_train_report rep;
    ebim_arena a = arena(), measured;
    ebim_graph D, again;
    size_t before;
    draw_circle();
    CHECK_INT(new_net(&D, &a), EBIM_OK);
    before = a.used;
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, &rep), EBIM_OK);
    ebim_arena_init(&measured, NULL, 0);
    CHECK_INT(ebim_denoise_train(&D, &measured, N, NULL, &d, NULL), EBIM_OK);
    CHECK_INT(measured.used, a.used - before);
    memcpy(first, D.theta, (size_t)D.n_theta * sizeof *first);
    a = arena();
    CHECK_INT(new_net(&again, &a), EBIM_OK);
    CHECK_INT(ebim_denoise_train(&again, &a, N, circle, &d, NULL), EBIM_OK);
    CHECK(!memcmp(first, again.theta, (size_t)again.n_theta * sizeof *first));
    d.average = 1e-3; /* the last step, nearly, is another net than a mean over many */
    a = arena();
    CHECK_INT(new_net(&again, &a), EBIM_OK);
    CHECK_INT(ebim_denoise_train(&again, &a, N, circle, &d, NULL), EBIM_OK);
    CHECK(memcmp(first, again.theta, (size_t)again.n_theta * sizeof *first));
    d.average = 0;
    d.progress = stop_at_20;
    CHECK_INT(ebim_denoise_train(&again, &a, N, circle, &d, &rep), EBIM_OK);
    CHECK(rep.stopped && rep.steps == 20);
}

typedef struct saved {
    unsigned char p[1 << 17];
    size_t bytes;
    int count, stop;
} saved;

static void save(void *user, const void *state, size_t bytes)
{
    saved *s = (saved *)user;
    if (!CHECK(bytes <= sizeof s->p)) return;
    memcpy(s->p, state, bytes);
    s->bytes = bytes;
    s->count++;
}

static int stop_where_asked(void *user, const ebim_progress *p)
{
    return ((saved *)user)->stop && p->step >= ((saved *)user)->stop;
}

/* Stopped twice, once by the callback and once as by a power cut: the bytes of one run */
static void a_run_goes_on_as_if_nothing_had_been(void)
{
    static saved s;
    static ebim_real first[1 << 13];
    ebim_denoise_desc d = desc(90);
    ebim_train_report rep;
    ebim_arena a = arena();
    ebim_graph D;
    int i;
    draw_circle();
    CHECK_INT(new_net(&D, &a), EBIM_OK);
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_OK);
    memcpy(first, D.theta, (size_t)D.n_theta * sizeof *first);
    memset(&s, 0, sizeof s);
    d.checkpoint = save;
    d.progress = stop_where_asked;
    d.user = &s;
    d.every = 25;
    for (i = 0; i < 3; i++) {
        a = arena();
        CHECK_INT(new_net(&D, &a), EBIM_OK);
        s.stop = i == 0 ? 31 : i == 1 ? 60 : 0;
        CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, &rep), EBIM_OK);
        CHECK_INT(rep.steps, s.stop ? s.stop : 90);
        d.resume = s.p;
        d.resume_bytes = s.bytes;
    }
    CHECK_INT(s.count, 2 + 2 + 2); /* 25, 31; 50, 60; 75 and the end */
    CHECK(!memcmp(first, D.theta, (size_t)D.n_theta * sizeof *first));
    for (i = 0; i < 5; i++) { /* damaged; another seed, other steps, noise and data */
        a = arena();
        CHECK_INT(new_net(&D, &a), EBIM_OK);
        d.seed += i == 1;
        d.seed -= i == 2;
        d.steps += i == 2;
        d.steps -= i == 3;
        d.sigma_hi = i == 3 ? 0.9 : 1;
        if (i == 4) circle[1] += (ebim_real)0.01;
        if (i < 2) s.p[s.bytes / 2] ^= 1;
        CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_ERR_FORMAT);
    }
    d.resume_bytes--;
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_ERR_FORMAT);
}

/* D = 0 at x of length 1: the loss is half of what noise of .5 weighs. */
static void noise_weighs_as_documented(void)
{
    static const ebim_real line[6] = {1, 5, 1, 7, 1, 6}, point[4] = {1, 2, 1, 2};
    ebim_denoise_desc d = desc(1);
    ebim_train_report rep;
    ebim_arena a = arena();
    ebim_graph D;
    CHECK_NEAR(ebim__denoise_even(3, 2, line), 3, 1e-6);
    CHECK_NEAR(ebim__denoise_even(2, 2, point), 0, 0);
    draw_circle();
    d.sigma_lo = d.sigma_hi = 0.5;
    d.back = -1;
    CHECK_INT(new_net(&D, &a), EBIM_OK);
    memset(D.theta, 0, (size_t)D.n_theta * sizeof *D.theta);
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, &rep), EBIM_OK);
    CHECK_NEAR(rep.loss, (1 / 0.26 + ebim__denoise_even(N, 2, circle)) / 2, 1e-4);
    CHECK_NEAR(ebim__denoise_even(N, 2, circle), 2, 0.05);
}

enum { WIDE = 8, FLAT = 3 };

/* The nearest point of the first FLAT axes */
static ebim_ref flat(ebim_graph *g, ebim_ref y, void *user)
{
    double w[WIDE * WIDE] = {0};
    int i;
    (void)user;
    for (i = 0; i < FLAT; i++) w[i * WIDE + i] = 1;
    return ebim_matrix(g, y, WIDE, w);
}

/* A way whose end is known: distances are those from the axes' space, alone and among others, and
 * from a file as well; samples are in it; what needs a Jacobian says that it cannot. */
static void a_denoiser_is_a_model(void)
{
    static ebim_real data[50 * WIDE], at[20 * WIDE], near_at[20 * WIDE], own[WIDE];
    static ebim_real off[20], one, J[20 * WIDE * WIDE];
    static unsigned char bytes[1 << 17], ok[20], found;
    ebim_denoise_model_desc d;
    ebim_model m, copy;
    ebim_clmc *chains;
    ebim_clmc_desc cd;
    ebim_scorer *scorer;
    ebim_graph D;
    ebim_arena a = arena();
    ebim_rng r;
    size_t size;
    int i, c;
    ebim_rng_init(&r, T_SEED, 5);
    memset(data, 0, sizeof data);
    for (i = 0; i < 50 * WIDE; i++) if (i % WIDE < FLAT) data[i] = ebim_rng_normal(&r);
    for (i = 0; i < 20 * WIDE; i++) at[i] = ebim_rng_normal(&r) / 4;
    CHECK_INT(ebim_record(&D, &a, WIDE, flat, NULL), EBIM_OK);
    memset(&d, 0, sizeof d);
    CHECK_INT(ebim_denoise_model(&m, &a, &a, &D, 50, data, &d), EBIM_ERR_POINTS);
    d.held = at;
    d.n_held = 20;
    CHECK_INT(ebim_denoise_model(&m, &a, &a, &D, 50, data, &d), EBIM_ERR_DIM);
    d.dim = FLAT;
    d.noise = 0.1;
    d.norm = 1e-5;
    for (i = 0; i < 20; i++) at[i * WIDE + FLAT] += 2; /* deviation 1.7, sqrt(3) */
    CHECK_INT(ebim_denoise_model(&m, &a, &a, &D, 50, data, &d), EBIM_OK);
    CHECK_INT(m.judged.verdict, EBIM_VERDICT_OFF);
    for (i = 0; i < 20; i++) at[i * WIDE + FLAT] -= 2;
    CHECK_INT(ebim_denoise_model(&m, &a, &a, &D, 50, data, &d), EBIM_OK);
    CHECK_INT(m.judged.verdict, 0);
    CHECK_INT(m.judged.missed, 0);
    CHECK_INT(m.starts, 50);
    size = ebim_save_bytes(&m);
    if (!CHECK(size <= sizeof bytes)) return;
    CHECK_INT(ebim_save(&m, bytes, size), EBIM_OK);
    CHECK_INT(ebim_load(&copy, &a, bytes, size), EBIM_OK);
    CHECK_INT(copy.F.field.gate, 2);
    CHECK(ebim_model_by_projection(&copy));
    CHECK_INT(ebim_model_score(&copy, &a, 20, at, near_at, off, NULL, ok), EBIM_OK);
    CHECK_INT(ebim_scorer_init(&scorer, &a, &copy, 1), EBIM_OK);
    for (i = 0; i < 20; i++) {
        double far_off = 0;
        for (c = FLAT; c < WIDE; c++) far_off += pow((double)at[i * WIDE + c], 2);
        CHECK_INT(ok[i], 1);
        CHECK_NEAR((double)off[i], sqrt(far_off), 2e-5);
        for (c = 0; c < WIDE; c++) {
            double want = c < FLAT ? (double)at[i * WIDE + c] : 0;
            CHECK_NEAR((double)near_at[i * WIDE + c], want, 1e-5);
        }
        ebim_scorer_run(scorer, 1, at + i * WIDE, own, &one, NULL, &found);
        CHECK_NEAR((double)one, (double)off[i], 1e-6);
    }
    CHECK_INT(ebim_model_sample(&copy, &a, 20, at, 0, T_SEED, NULL), EBIM_OK);
    for (i = 0; i < 20 * WIDE; i++)
        if (i % WIDE >= FLAT) CHECK_NEAR((double)at[i], 0, 1e-5);
    memset(&cd, 0, sizeof cd);
    cd.eps = 0.1;
    CHECK_INT(ebim_clmc_init(&chains, &a, &copy.F, NULL, &cd), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_model_gradients(&copy, &a, 20, at, NULL, J, NULL, NULL), EBIM_ERR_SHAPE);
    m.F.theta[WIDE * WIDE] = 1; /* D(x) = x + 1 there: a way without an end */
    CHECK_INT(ebim_model_score(&m, &a, 20, at, NULL, off, NULL, ok), EBIM_OK);
    CHECK_INT(ok[0], 0);
    CHECK(!ebim__finite(off[0]));
    m.F.field.gate = 3;
    CHECK_INT(ebim_save(&m, bytes, size), EBIM_ERR_ARG);
    m.F.field.gate = 1; /* one of the way's outputs would be the gate */
    CHECK_INT(ebim_save(&m, bytes, size), EBIM_ERR_ARG);
}

static void backwards(void *user, int count, ebim_task_fn task, void *arg)
{
    ++*(int *)user;
    while (count--) task(arg, count);
}

/* The same bytes whether the halves of a batch, an odd one too, are worked on one after the other,
 * in the other order or, in a build with it, by OpenMP; and neither half is left out. */
static void workers_change_nothing(void)
{
    static ebim_real first[1 << 13];
    ebim_denoise_desc d = desc(160); /* walk-back begins at 150 */
    ebim_graph D;
    int i, calls = 0;
    draw_circle();
    for (i = 0; i < 4; i++) {
        ebim_arena a = arena();
        CHECK_INT(new_net(&D, &a), EBIM_OK);
        d.batch = i < 2 ? 33 : 1;
        d.parallel.workers = 1 + i % 2;
        d.parallel.run = backwards;
        d.parallel.user = &calls;
        CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_OK);
        CHECK_INT(calls, i < 1 ? 0 : i < 3 ? 160 : 320);
        if (i % 2) CHECK(!memcmp(first, D.theta, (size_t)D.n_theta * sizeof *first));
        else memcpy(first, D.theta, (size_t)D.n_theta * sizeof *first);
    }
}

/* The two halves have the rows of the batch between them, and other noise; the gradient is that of
 * all: of a bias of D = 0, -2 w / n times the mean of the batch. */
static void halves_are_the_batch(void)
{
    ebim_denoise_desc d = desc(10);
    ebim__denoise s;
    int i, b, batch;
    draw_circle();
    d.sigma_lo = d.sigma_hi = 0.5;
    for (batch = 1; batch < 140; batch += 23) {
        ebim_arena a = arena();
        ebim_graph D;
        int rows = 0;
        d.batch = batch;
        CHECK_INT(new_net(&D, &a), EBIM_OK);
        memset(D.theta, 0, (size_t)D.n_theta * sizeof *D.theta);
        CHECK_INT(ebim__denoise_init(&s, &a, &D, N, &d), EBIM_OK);
        for (i = 0; i < s.halves; i++) {
            CHECK_INT(s.half[i].at, rows);
            CHECK(s.half[i].end > rows);
            rows = s.half[i].end;
            CHECK(!i || memcmp(s.half[i].streams, s.half[0].streams, 16));
            CHECK(!i || memcmp(&s.half[i].rng, &s.half[0].rng, sizeof s.half[0].rng));
        }
        CHECK_INT(rows, batch);
        s.x = circle;
        ebim__denoise_loss(&s, 0);
        for (i = 0; i < 2; i++) {
            double mean = 0;
            for (b = 0; b < batch; b++) mean += (double)s.t.data[2 * b + i] / batch;
            CHECK_NEAR(s.t.grad[D.n_theta - 2 + i], -mean / 0.26, 64 * T_EPS);
        }
    }
}

static void what_is_refused(void)
{
    ebim_denoise_desc d = desc(10);
    ebim_denoise_chain c;
    ebim_denoiser_desc net;
    ebim_mlp_desc flat;
    ebim_arena a = arena();
    ebim_graph D;
    memset(&flat, 0, sizeof flat);
    memset(&net, 0, sizeof net);
    memset(&c, 0, sizeof c);
    flat.in = 2;
    flat.out = 1;
    CHECK_INT(ebim_mlp(&D, &a, &flat, 1), EBIM_OK);
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_denoise_run(&D, &a, 1, x, &c, 1), EBIM_ERR_SHAPE);
    CHECK_INT(new_net(&D, &a), EBIM_OK);
    d.sigma_lo = 2;
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_ERR_ARG);
    d.sigma_lo = 0;
    d.floor = -1;
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_ERR_ARG);
    d.floor = 0;
    d.average = 1.5;
    CHECK_INT(ebim_denoise_train(&D, &a, N, circle, &d, NULL), EBIM_ERR_ARG);
    d.average = 0;
    c.h = -0.2;
    CHECK_INT(ebim_denoise_run(&D, &a, 1, x, &c, 1), EBIM_ERR_ARG);
    c.h = 0;
    c.beta = t_nan();
    CHECK_INT(ebim_denoise_run(&D, &a, 1, x, &c, 1), EBIM_ERR_ARG);
    c.beta = 0;
    x[0] = (ebim_real)t_nan();
    CHECK_INT(ebim_denoise_run(&D, &a, 1, x, &c, 1), EBIM_ERR_DIVERGED);
    CHECK_INT(ebim_denoise_train(&D, &a, 0, circle, &d, NULL), EBIM_ERR_POINTS);
    net.C = 1;
    net.H = 28;
    net.W = 30;
    CHECK_INT(ebim_denoiser(&D, &a, &net, 1), EBIM_ERR_SHAPE);
}

/* 203 588 parameters; the output is `center` before training, at any input. */
static void the_denoiser_begins_as_a_constant(void)
{
    ebim_denoiser_desc net;
    ebim_arena a = arena();
    ebim_graph D;
    ebim_ws w;
    static ebim_real in[2 * 784], out[2 * 784];
    double worst = 0;
    int i;
    memset(&net, 0, sizeof net);
    net.C = 1;
    net.H = net.W = 28;
    net.center = 0.13;
    CHECK_INT(ebim_denoiser(&D, &a, &net, 1), EBIM_OK);
    CHECK_INT(D.n_theta, 203588 + 1); /* and the constant */
    CHECK_INT(ebim_outputs(&D), 784);
    CHECK_INT(ebim_ws_init(&w, &a, &D, 2, EBIM_WS_VALUES), EBIM_OK);
    CHECK(w.cost > 15705088 && w.cost < 1.02 * 15705088); /* by hand, and biases */
    for (i = 0; i < 2 * 784; i++) in[i] = (ebim_real)(i % 3);
    ebim_eval(&w, 2, in, out);
    for (i = 0; i < 2 * 784; i++) worst = fmax(worst, fabs((double)out[i] - 0.13));
    CHECK_NEAR(worst, 0, T_EPS);
}

/* The center is taken off the input: inputs and centers moved alike give the same. */
static void the_center_is_taken_off(void)
{
    static ebim_real in[64], out[2][64];
    double worst = 0, size = 0;
    int q, i;
    for (q = 0; q < 2; q++) {
        ebim_denoiser_desc net;
        ebim_arena a = arena();
        ebim_graph D;
        ebim_rng r;
        ebim_ws w;
        memset(&net, 0, sizeof net);
        net.C = 1;
        net.H = net.W = 8;
        net.width = 4;
        net.center = 0.5 * q;
        CHECK_INT(ebim_denoiser(&D, &a, &net, 1), EBIM_OK);
        ebim_rng_init(&r, T_SEED, 3);
        for (i = 0; i < 64; i++) in[i] = ebim_rng_normal(&r) + (ebim_real)(0.5 * q);
        for (i = D.n_theta - 4 * 4 * 9 - 4; i < D.n_theta; i++) D.theta[i] = ebim_rng_normal(&r);
        CHECK_INT(ebim_ws_init(&w, &a, &D, 1, EBIM_WS_VALUES), EBIM_OK);
        ebim_eval(&w, 1, in, out[q]);
    }
    for (i = 0; i < 64; i++) {
        worst = fmax(worst, fabs((double)out[0][i] - (double)out[1][i]));
        size = fmax(size, fabs((double)out[0][i]));
    }
    CHECK(size > 0.1);
    CHECK_NEAR(worst, 0, 256 * T_EPS);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(chains_end_on_the_circle);
    T_RUN(weights_are_respected);
    T_RUN(a_step_is_as_documented);
    T_RUN(walk_back_has_the_noise_asked_for);
    T_RUN(training_stops_and_repeats);
    T_RUN(a_run_goes_on_as_if_nothing_had_been);
    T_RUN(noise_weighs_as_documented);
    T_RUN(workers_change_nothing);
    T_RUN(halves_are_the_batch);
    T_RUN(what_is_refused);
    T_RUN(the_denoiser_begins_as_a_constant);
    T_RUN(the_center_is_taken_off);
    T_RUN(a_denoiser_is_a_model);
    return T_END();
}
