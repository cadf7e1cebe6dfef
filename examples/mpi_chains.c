/* mpi_chains.c: chains over many processes, by MPI; ebim.h itself speaks to no network.

       mpirun -np 4 build/mpi_chains [MODEL.ebim] [--chains C] [--draws D] [--seed S]

   Chain c draws from stream c of the seed, whichever rank runs it. So every number that is printed
   is the same, to the last bit, for any number of ranks. What ranks tell each other is what each of
   its chains has come to: means, variances, the sum of the bytes where it ends.

   Chains are adjusted (>>exact), on a torus with a known energy, or on the manifold of a model that
   has an energy, from the points that are saved with it. R-hat is that of E along all chains,
   split; a run of one rank compares it with ebim_rhat. */
#define EBIM_STATIC
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <mpi.h>
#include <time.h>

#include "common/json.h"

enum {
    MOVES = 3, SETTLE = 30,    /* of a chain for a draw, and before the first */
    TUNE = 200, TUNERS = 128,  /* moves and chains that choose the step */
    MOST_N = 64,
    STATS = 4 + MOST_N + 1     /* of a chain: E's means and variances in halves, mean of x, bytes */
};

typedef struct run {
    int rank, ranks, chains, draws, first, end; /* chains first .. end - 1 are this rank's */
    uint64_t seed;
    ebim_model m;
    ebim_real *x, *e;        /* [end - first][n] where chains are, [end - first] their energies */
    double *trace;           /* [end - first][draws] E of every draw */
    double *stats;           /* [chains][STATS], of all ranks */
    double work;             /* seconds of this process but for what it waits */
} run;

static void stop_all(const run *s, const char *why)
{
    fprintf(stderr, "mpi_chains: rank %d: %s\n", s->rank, why);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void *get(const run *s, size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) stop_all(s, "out of memory");
    return p;
}

/* (|x|^2 + 3/4)^2 = 4 (x0^2 + x1^2): radii 1 and 1/2 */
static ebim_ref torus_F(ebim_graph *g, ebim_ref x, void *user)
{
    double level = -0.75;
    ebim_ref a = ebim_sumsq(g, ebim_affine(g, ebim_sumsq(g, x), &level, 1));
    (void)user;
    return ebim_sub(g, a, ebim_scale(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), 4));
}

static ebim_ref torus_E(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_sub(g, ebim_slice(g, x, 0, 1), ebim_scale(g, ebim_slice(g, x, 1, 1), 0.5));
}

/* The torus as a model, in memory that stays */
static ebim_result torus(ebim_model *m)
{
    static unsigned char memory[1 << 14];
    static double lo[3] = {-2, -2, -1}, hi[3] = {2, 2, 1};
    static ebim_real start[4][3] = {{1.5, 0, 0}, {0, -1.5, 0}, {-0.5, 0, 0}, {0, 1, 0.5}};
    ebim_arena a;
    ebim_result r;
    memset(m, 0, sizeof *m);
    ebim_arena_init(&a, memory, sizeof memory);
    m->n = 3;
    m->m = 2;
    m->k = m->has_energy = 1;
    m->lo = lo;
    m->hi = hi;
    m->unit = 1;
    m->starts = 4;
    m->start = start[0];
    r = ebim_record(&m->F, &a, 3, torus_F, NULL);
    return r ? r : ebim_record(&m->E, &a, 3, torus_E, NULL);
}

/* The step that most moves are accepted with: every rank finds it alone, by the same chains. */
static double tuned(run *s, ebim_clmc *chain, ebim_real *x)
{
    int c, n = s->m.n;
    for (c = 0; c < TUNERS; c++)
        memcpy(x + c * n, s->m.start + c % s->m.starts * n, (size_t)n * sizeof *x);
    return ebim_clmc_adapt(chain, TUNERS, x, TUNE, 0, s->seed + 1, 0);
}

/* All moves of this rank's chains */
static void walk(run *s)
{
    ebim_clmc_desc d;
    ebim_clmc *chain = NULL;
    ebim_ws w;
    ebim_arena a;
    ebim_result r = EBIM_OK;
    size_t bytes = 0;
    int b, i, t, mine = s->end - s->first, n = s->m.n;
    memset(&d, 0, sizeof d);
    d.adjust = EBIM_ADJUST_EXACT;
    d.eps = 0.2 * s->m.unit;
    d.leapfrog_most = 8;
    d.lo = s->m.lo;
    d.hi = s->m.hi;
    d.constraint.length = s->m.unit;
    for (i = 0; i < 2 && !r; i++) { /* measure, then make */
        ebim_arena_init(&a, i ? get(s, bytes, 1) : NULL, bytes);
        r = ebim_clmc_init(&chain, &a, &s->m.F, &s->m.E, &d);
        if (!r) r = ebim_ws_init(&w, &a, &s->m.E, 64, EBIM_WS_VALUES);
        bytes = ebim_arena_bytes(&a);
    }
    if (r) stop_all(s, ebim_result_str(r));
    s->x = (ebim_real *)get(s, (size_t)(mine + TUNERS) * (size_t)n, sizeof *s->x);
    s->e = (ebim_real *)get(s, (size_t)mine + 1, sizeof *s->e);
    s->trace = (double *)get(s, (size_t)mine * (size_t)s->draws + 1, sizeof *s->trace);
    tuned(s, chain, s->x + mine * n);
    for (b = 0; b < mine; b++)
        memcpy(s->x + b * n, s->m.start + (s->first + b) % s->m.starts * n,
               (size_t)n * sizeof *s->x);
    for (t = -1; t < s->draws; t++) {
        if (ebim_clmc_run(chain, mine, s->x, t < 0 ? SETTLE : MOVES, s->seed + 2 + (uint64_t)t + 1,
                          (uint64_t)s->first) < mine)
            stop_all(s, "a chain does not start on the manifold");
        if (t < 0) continue;
        ebim_eval(&w, mine, s->x, s->e);
        for (b = 0; b < mine; b++) {
            double *row = s->stats + (size_t)(s->first + b) * STATS;
            s->trace[(size_t)b * (size_t)s->draws + (size_t)t] = (double)s->e[b];
            for (i = 0; i < n; i++) row[4 + i] += (double)s->x[b * n + i] / s->draws;
        }
    }
}

/* What chain b of this rank has come to, but for the mean of x */
static void summary(run *s, int b)
{
    const double *e = s->trace + (size_t)b * (size_t)s->draws;
    const unsigned char *p = (const unsigned char *)(s->x + b * s->m.n);
    double *row = s->stats + (size_t)(s->first + b) * STATS;
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    int h, i, half = s->draws / 2;
    for (h = 0; h < 2; h++, e += s->draws - half) {
        for (i = 0; i < half; i++) row[h] += e[i] / half;
        for (i = 0; i < half; i++) row[2 + h] += (e[i] - row[h]) * (e[i] - row[h]) / (half - 1);
    }
    for (i = 0; i < s->m.n * (int)sizeof *s->x; i++) sum = (sum ^ p[i]) * UINT64_C(0x100000001b3);
    row[STATS - 1] = (double)(sum >> 12); /* 52 bits: as a number, and so as a sum with zeros */
}

/* Split R-hat from the halves of all chains */
static double rhat(const run *s)
{
    double within = 0, mean = 0, between = 0, half = s->draws / 2;
    int c;
    for (c = 0; c < 2 * s->chains; c++) {
        within += s->stats[c / 2 * STATS + 2 + c % 2] / (2 * s->chains);
        mean += s->stats[c / 2 * STATS + c % 2] / (2 * s->chains);
    }
    for (c = 0; c < 2 * s->chains; c++) {
        double d = s->stats[c / 2 * STATS + c % 2] - mean;
        between += d * d / (2 * s->chains - 1);
    }
    return sqrt((half - 1) / half + between / within);
}

static void report(const run *s, double seconds, double work)
{
    json j = json_begin(stdout);
    double mean[MOST_N] = {0}, E = 0;
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    char text[20];
    int c, i;
    for (c = 0; c < s->chains; c++) {
        const double *row = s->stats + (size_t)c * STATS;
        for (i = 0; i < s->m.n; i++) mean[i] += row[4 + i] / s->chains;
        E += (row[0] + row[1]) / 2 / s->chains;
        sum = (sum ^ (uint64_t)row[STATS - 1]) * UINT64_C(0x100000001b3);
    }
    snprintf(text, sizeof text, "%08lx", (unsigned long)(sum >> 32));
    json_number(&j, "ranks", s->ranks);
    json_number(&j, "chains", s->chains);
    json_numbers(&j, "mean", s->m.n, mean);
    json_number(&j, "energy", E);
    json_number(&j, "rhat", rhat(s));
    json_text(&j, "bytes", text);
    json_number(&j, "seconds", seconds);
    json_number(&j, "work", work);
    json_end(&j);
}

static int usage(void)
{
    fprintf(stderr, "usage: mpi_chains [MODEL.ebim] [--chains C] [--draws D] [--seed S]\n");
    MPI_Finalize();
    return 2;
}

int main(int argc, char **argv)
{
    run s;
    double begin, seconds, work;
    const char *path = NULL;
    ebim_result r;
    int i;
    MPI_Init(&argc, &argv);
    memset(&s, 0, sizeof s);
    s.chains = 1024;
    s.draws = 200;
    s.seed = 1;
    for (i = 1; i < argc; i++) {
        if (argv[i][0] != '-' && !path) path = argv[i];
        else if (i + 1 == argc) return usage();
        else if (!strcmp(argv[i], "--chains")) s.chains = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--draws")) s.draws = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seed")) s.seed = (uint64_t)strtoul(argv[++i], NULL, 10);
        else return usage();
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &s.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &s.ranks);
    if (s.chains < 2 || s.draws < 4) return usage();
    r = path ? ebim_load_file(&s.m, path, 0) : torus(&s.m);
    if (r) stop_all(&s, ebim_result_str(r));
    if (!s.m.has_energy || s.m.starts < 1 || s.m.n > MOST_N)
        stop_all(&s, "the model has no energy, or no points to start from");
    s.first = (int)((int64_t)s.chains * s.rank / s.ranks);
    s.end = (int)((int64_t)s.chains * (s.rank + 1) / s.ranks);
    s.stats = (double *)get(&s, (size_t)s.chains, STATS * sizeof *s.stats);
    MPI_Barrier(MPI_COMM_WORLD);
    begin = MPI_Wtime();
    s.work = (double)clock() / CLOCKS_PER_SEC;
    walk(&s);
    for (i = 0; i < s.end - s.first; i++) summary(&s, i);
    s.work = (double)clock() / CLOCKS_PER_SEC - s.work;
    /* Every number has one rank that knows it; the others add zeros, which is exact. */
    MPI_Allreduce(MPI_IN_PLACE, s.stats, s.chains * STATS, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    seconds = MPI_Wtime() - begin;
    MPI_Allreduce(&s.work, &work, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (s.ranks == 1 && !(fabs(rhat(&s) - ebim_rhat(s.chains, s.draws, s.trace)) < 1e-9))
        stop_all(&s, "R-hat is not that of ebim_rhat");
    if (!s.rank) report(&s, seconds, work);
    MPI_Finalize();
    return 0;
}
