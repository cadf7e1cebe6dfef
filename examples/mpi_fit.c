/* mpi_fit.c: one model trained by many processes, by MPI; ebim.h itself speaks to no network.

       mpirun -np 4 build/mpi_fit [-o MODEL.ebim] [--rows N] [--steps K] [--seed S]

   The data are cut into SHARDS shards, each with rows, nodes, lines and random numbers of its own;
   no rank ever sees the rows of another. A rank has one shard, two or all of them. All train the
   same F, then E by likelihood on points of {F = 0} that their lines find; ebim_reduce takes the
   mean of gradients and of what log Z is made of over all shards: in a rank by adding, between
   ranks by MPI, along one fixed tree. So F, E and the file are the same bytes for 1, 2 or 4 ranks.

   Each shard of a rank is a thread that holds the rank's only lock while it works, and leaves it
   while it waits for a mean: one of them runs at a time, so a rank keeps one core busy.

   Rank 0 saves the model as it is so far at every two hundredth of a training: the file is replaced
   as a whole, so the last one stays whatever happens. A rank that dies ends the job: Open MPI says
   so and stops the others, and -o has the last checkpoint.

   The rows are of a torus with a known density, so that the last line can tell how far the model is
   from it: `excess`, nats by which new points are less likely than under the truth. */
#define EBIM_STATIC
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <mpi.h>
#include <pthread.h>
#include <time.h>

#include "common/json.h"
#include "common/synth.h"

enum {
    SHARDS = 4,              /* whatever the number of ranks */
    MOST = 1 << 15,          /* parameters, at most */
    LINES = 20000, NODES = 16000, /* of a shard */
    TEST = 2000, STARTS = 64
};

static const double radius[2] = {2.0 / 3, 1.0 / 3}, kappa = 1;

/* What the shards of a rank share */
typedef struct team {
    int rank, ranks, mine;   /* this rank has shards rank * mine .. */
    pthread_mutex_t lock;
    pthread_cond_t turned;
    int arrived, turn, count;
    ebim_real slot[SHARDS][MOST], other[MOST], mean[MOST];
    double waited;           /* processor time that MPI took */
} team;

typedef struct shard {
    team *all;
    int number, local;
    int rows, steps;
    uint64_t seed;
    const char *path;
    ebim_real *x;            /* [rows][3] */
    ebim_model m;
    double lo[3], hi[3];
    ebim_result result;
} shard;

static void stop_all(const char *why)
{
    fprintf(stderr, "mpi_fit: %s\n", why);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void *get(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) stop_all("out of memory");
    return p;
}

/* Slots of this rank, then those of the others, two by two: the tree of the sums is the same for
 * any number of ranks, and a + b is b + a. */
static void add_up(team *t)
{
    double began;
    int d, i, c;
    for (d = 1; d < t->mine; d *= 2)
        for (i = 0; i + d < t->mine; i += 2 * d)
            for (c = 0; c < t->count; c++) t->slot[i][c] += t->slot[i + d][c];
    for (d = 1; d < t->ranks; d *= 2) {
        int bytes = t->count * (int)sizeof(ebim_real), peer = t->rank ^ d;
        began = (double)clock();
        MPI_Sendrecv(t->slot[0], bytes, MPI_BYTE, peer, 0, t->other, bytes, MPI_BYTE, peer, 0,
                     MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        t->waited += ((double)clock() - began) / CLOCKS_PER_SEC;
        for (c = 0; c < t->count; c++) t->slot[0][c] += t->other[c];
    }
    for (c = 0; c < t->count; c++) t->mean[c] = t->slot[0][c] / SHARDS;
}

/* The mean over all shards. The last shard of the rank to come adds up; the others wait for it. */
static int mean_of_all(void *user, int count, ebim_real *x)
{
    shard *s = (shard *)user;
    team *t = s->all;
    int turn = t->turn;
    if (count > MOST) return 1;
    memcpy(t->slot[s->local], x, (size_t)count * sizeof *x);
    t->count = count;
    if (++t->arrived == t->mine) {
        add_up(t);
        t->arrived = 0;
        t->turn++;
        pthread_cond_broadcast(&t->turned);
    }
    while (turn == t->turn) pthread_cond_wait(&t->turned, &t->lock);
    memcpy(x, t->mean, (size_t)count * sizeof *x); /* stays until all have come again */
    return 0;
}

/* Points of the torus: the angle round the axis is von Mises, that round the tube by area */
static void draw(ebim_rng *r, int N, ebim_real *x)
{
    for (; N--; x += 3) {
        double a = synth_von_mises(r, 0, kappa), b, w;
        do {
            b = 2 * SYNTH_PI * (double)ebim_rng_uniform(r);
            w = radius[0] + radius[1] * cos(b);
        } while ((double)ebim_rng_uniform(r) * (radius[0] + radius[1]) >= w);
        x[0] = (ebim_real)(w * cos(a));
        x[1] = (ebim_real)(w * sin(a));
        x[2] = (ebim_real)(radius[1] * sin(b));
    }
}

/* -log density of a point of the torus, per area */
static double truth(const ebim_real *x)
{
    double I0 = 0, term = 1;
    int i;
    for (i = 1; term > 1e-17; i++) {
        I0 += term;
        term *= kappa * kappa / (4.0 * i * i);
    }
    return log(4 * SYNTH_PI * SYNTH_PI * radius[0] * radius[1] * I0) -
           kappa * (double)x[0] / hypot((double)x[0], (double)x[1]);
}

/* Of shard 0 alone: the model as it is so far, in place of the file before */
static int checkpoint(void *user, const ebim_progress *p)
{
    shard *s = (shard *)user;
    ebim_result r;
    if (s->number || !s->path || p->step == p->steps) return 0;
    s->m.has_energy = p->stage == EBIM_STAGE_ENERGY;
    s->m.info.partial = 1;
    r = ebim_save_file(&s->m, s->path);
    if (r) stop_all(ebim_result_str(r));
    return 0;
}

/* Terms and rates are those of the first networks of ebim_fit. */
static ebim_result train_F(shard *s)
{
    ebim_mlp_desc net;
    ebim_mdf_desc d;
    ebim_arena a;
    ebim_result r = EBIM_OK;
    size_t bytes = 0;
    int i;
    ebim_mdf_recipe(3, 1, &net, &d);
    d.steps = s->steps;
    d.batch /= SHARDS;
    d.lo = s->lo;
    d.hi = s->hi;
    d.seed = s->seed + (uint64_t)s->number;
    d.reduce.mean = mean_of_all;
    d.reduce.user = d.user = s;
    d.progress = checkpoint;
    for (i = 0; i < 2 && !r; i++) { /* measure, then run */
        ebim_arena_init(&a, i ? get(bytes, 1) : NULL, bytes);
        r = ebim_mlp(&s->m.F, &a, &net, s->seed); /* of one seed: equal parameters */
        if (!r) r = ebim_mdf_train(&s->m.F, &a, s->rows, s->x, &d, NULL);
        bytes = ebim_arena_bytes(&a);
    }
    return r;
}

/* Uniform points of M from lines of this shard -> y: [NODES][3], and the volume over all shards */
static ebim_result nodes(shard *s, ebim_real *y)
{
    ebim_lines_desc d;
    ebim_lines_report rep;
    ebim_lines *lines = NULL;
    ebim_arena a;
    ebim_result r = EBIM_OK;
    ebim_real v[2];
    size_t bytes = 0;
    int i, found;
    memset(&d, 0, sizeof d);
    d.lo = s->lo;
    d.hi = s->hi;
    for (i = 0; i < 2 && !r; i++) {
        ebim_arena_init(&a, i ? get(bytes, 1) : NULL, bytes);
        r = ebim_lines_init(&lines, &a, &s->m.F, &d);
        bytes = ebim_arena_bytes(&a);
    }
    if (r) return r;
    found = ebim_lines_run(lines, LINES, NODES, y, s->seed, (uint64_t)s->number * LINES);
    for (i = found; i < NODES && found; i++) /* too few: some twice */
        memcpy(y + 3 * i, y + 3 * (i % found), 3 * sizeof *y);
    rep = ebim_lines_stats(lines);
    v[0] = (ebim_real)rep.volume;
    v[1] = (ebim_real)(rep.volume_se * rep.volume_se);
    if (mean_of_all(s, 2, v) || !(v[0] > 0)) return EBIM_ERR_SOLVE;
    s->m.z.log_volume = log((double)v[0]);
    s->m.z.volume_se = sqrt((double)v[1] / SHARDS) / (double)v[0];
    return EBIM_OK;
}

/* Settings of E's training, or of its polish */
static ebim_energy_desc settings_E(shard *s, const ebim_real *y, int polish, ebim_mlp_desc *net)
{
    ebim_energy_desc d;
    ebim_energy_recipe(3, polish ? s->rows * SHARDS : 0, net, &d);
    d.batch /= SHARDS;
    d.nodes_per_step /= SHARDS;
    if (!polish) d.steps = (s->steps + 1) / 2;
    else if (d.steps > s->steps) d.steps = s->steps;
    d.nodes = y;
    d.n_nodes = NODES;
    d.seed = s->seed + (uint64_t)s->number;
    d.reduce.mean = mean_of_all;
    d.reduce.user = d.user = s;
    d.progress = checkpoint;
    return d;
}

/* Noise contrast, then a polish, as a fit does */
static ebim_result train_E(shard *s, const ebim_real *y)
{
    ebim_mlp_desc net;
    ebim_energy_desc d = settings_E(s, y, 0, &net), polish = settings_E(s, y, 1, &net);
    ebim_train_report rep;
    ebim_arena a;
    ebim_result r = EBIM_OK;
    size_t bytes = 0;
    int i;
    memset(&rep, 0, sizeof rep);
    for (i = 0; i < 2 && !r; i++) {
        ebim_arena_init(&a, i ? get(bytes, 1) : NULL, bytes);
        r = ebim_mlp(&s->m.E, &a, &net, s->seed + 1);
        if (!r) r = ebim_energy_train(&s->m.E, &a, &s->m.F, s->rows, s->x, &d, NULL);
        if (!r) r = ebim_energy_train(&s->m.E, &a, &s->m.F, s->rows, s->x, &polish, &rep);
        bytes = ebim_arena_bytes(&a);
    }
    s->m.z.log_mean = rep.log_mean;
    s->m.z.log_z = s->m.z.log_volume + rep.log_mean;
    s->m.z.mean_se = 1 / sqrt((double)SHARDS * NODES);
    s->m.z.se = hypot(s->m.z.volume_se, s->m.z.mean_se);
    s->m.z.points = s->m.z.effective = (double)SHARDS * NODES;
    return r;
}

/* All that a shard does, a thread */
static void *fit(void *arg)
{
    shard *s = (shard *)arg;
    ebim_real *y = (ebim_real *)get(NODES * 3, sizeof *y);
    ebim_rng r;
    int i;
    pthread_mutex_lock(&s->all->lock);
    s->x = (ebim_real *)get((size_t)s->rows * 3, sizeof *s->x);
    ebim_rng_init(&r, s->seed, (uint64_t)s->number); /* or a file of this shard's */
    draw(&r, s->rows, s->x);
    for (i = 0; i < 3; i++) {
        s->lo[i] = i < 2 ? -1.25 : -0.6;
        s->hi[i] = -s->lo[i];
    }
    s->m.n = 3;
    s->m.m = 2;
    s->m.k = 1;
    s->m.unit = 1;
    s->m.lo = s->lo;
    s->m.hi = s->hi;
    s->m.info.points = s->m.info.distinct = SHARDS * s->rows;
    s->m.info.seed = s->seed;
    s->result = train_F(s);
    if (!s->result) s->result = nodes(s, y);
    s->m.starts = s->result ? 0 : STARTS;
    s->m.start = y;
    if (!s->result) s->result = train_E(s, y);
    s->m.has_energy = !s->result;
    s->m.info.partial = 0;
    pthread_mutex_unlock(&s->all->lock);
    return NULL;
}

/* What new points say: distances, nats above the truth, and the sum of the parameters' bytes */
static ebim_result report(shard *s, double seconds, double work)
{
    static ebim_real x[3 * TEST], distance[TEST], log_p[TEST];
    const ebim_graph *g[2];
    json j = json_begin(stdout);
    double off = 0, excess = 0, area = 4 * SYNTH_PI * SYNTH_PI * radius[0] * radius[1];
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    char text[20];
    ebim_rng rng;
    ebim_result r;
    size_t i, k;
    ebim_rng_init(&rng, s->seed, SHARDS);
    draw(&rng, TEST, x);
    r = ebim_score(&s->m, TEST, x, NULL, distance, NULL, NULL);
    if (!r) r = ebim_log_density(&s->m, TEST, x, log_p, NULL);
    for (i = 0; i < TEST; i++) {
        off += (double)distance[i] / TEST;
        excess += (-(double)log_p[i] - truth(x + 3 * i)) / TEST;
    }
    g[0] = &s->m.F;
    g[1] = &s->m.E;
    for (k = 0; k < 2; k++)
        for (i = 0; i < (size_t)g[k]->n_theta * sizeof(ebim_real); i++)
            sum = (sum ^ ((const unsigned char *)g[k]->theta)[i]) * UINT64_C(0x100000001b3);
    snprintf(text, sizeof text, "%08lx", (unsigned long)(sum >> 32));
    json_number(&j, "ranks", s->all->ranks);
    json_number(&j, "rows", SHARDS * s->rows);
    json_number(&j, "distance", off);
    json_number(&j, "excess", excess);
    json_number(&j, "area", exp(s->m.z.log_volume) / area);
    json_text(&j, "bytes", text);
    json_number(&j, "seconds", seconds);
    json_number(&j, "work", work);
    json_end(&j);
    return r;
}

static int usage(void)
{
    fprintf(stderr, "usage: mpi_fit [-o MODEL.ebim] [--rows N] [--steps K] [--seed S]\n"
                    "       on 1, 2 or 4 ranks\n");
    MPI_Finalize();
    return 2;
}

int main(int argc, char **argv)
{
    static team t;
    static shard s[SHARDS];
    pthread_t thread[SHARDS];
    int i, level, rows = 8000, steps = 3000;
    unsigned long seed = 1;
    const char *path = NULL;
    double began, seconds, work, most;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &t.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &t.ranks);
    for (i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "-o")) path = argv[i + 1];
        else if (!strcmp(argv[i], "--rows")) rows = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--steps")) steps = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed")) seed = strtoul(argv[i + 1], NULL, 10);
        else return usage();
    }
    if (i < argc || rows < 100 * SHARDS || steps < 1 || SHARDS % t.ranks) return usage();
    if (level < MPI_THREAD_SERIALIZED) stop_all("this MPI knows no threads");
    t.mine = SHARDS / t.ranks;
    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.turned, NULL);
    MPI_Barrier(MPI_COMM_WORLD);
    began = MPI_Wtime();
    work = (double)clock() / CLOCKS_PER_SEC;
    for (i = 0; i < t.mine; i++) {
        s[i].all = &t;
        s[i].local = i;
        s[i].number = t.rank * t.mine + i;
        s[i].rows = rows / SHARDS;
        s[i].steps = steps;
        s[i].seed = seed;
        s[i].path = path;
        if (pthread_create(&thread[i], NULL, fit, &s[i])) stop_all("no thread to be had");
    }
    for (i = 0; i < t.mine; i++) {
        pthread_join(thread[i], NULL);
        if (s[i].result) stop_all(ebim_result_str(s[i].result));
    }
    work = (double)clock() / CLOCKS_PER_SEC - work - t.waited;
    seconds = MPI_Wtime() - began;
    MPI_Allreduce(&work, &most, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    i = 0;
    if (!t.rank && path) i = ebim_save_file(&s[0].m, path);
    if (!t.rank && !i) i = report(&s[0], seconds, most);
    if (i) stop_all(ebim_result_str((ebim_result)i));
    MPI_Finalize();
    return 0;
}
