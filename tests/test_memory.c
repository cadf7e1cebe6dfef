/* Memory: every allocation that can fail does fail once, every arena is too small by one byte
   once, and nothing is allocated while training and sampling run. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* malloc, realloc and free of ebim.h. Blocks have a mark and their size in front and a mark behind:
   the end of a block is noticed without a sanitizer, too. */
enum { FRONT = 64, BEHIND = 16 };
static struct {
    long calls, live, frees; /* calls: requests, granted or not */
    long fail_at, fail_last; /* the requests refused: from, to; counted from 1, 0: none */
    int broken;              /* marks overwritten, blocks freed twice */
} heap;

static int refused(void)
{
    heap.calls++;
    return heap.fail_at && heap.calls >= heap.fail_at && heap.calls <= heap.fail_last;
}

static unsigned char *check_block(void *p)
{
    unsigned char *front = (unsigned char *)p - FRONT;
    size_t size, i;
    memcpy(&size, front, sizeof size);
    for (i = sizeof size; i < FRONT; i++) heap.broken += front[i] != 0xa5;
    for (i = 0; i < BEHIND && !heap.broken; i++) heap.broken += front[FRONT + size + i] != 0x5a;
    return front;
}

static void *test_malloc(size_t size)
{
    unsigned char *p;
    if (refused()) return NULL;
    p = (unsigned char *)malloc(FRONT + size + BEHIND);
    if (!p) abort();
    memset(p, 0xa5, FRONT);
    memcpy(p, &size, sizeof size);
    memset(p + FRONT, 0xcd, size); /* nobody may count on zeros */
    memset(p + FRONT + size, 0x5a, BEHIND);
    heap.live++;
    return p + FRONT;
}

static void test_free(void *p)
{
    if (!p) return;
    heap.frees++;
    heap.live--;
    p = check_block(p);
    memset(p, 0xdd, FRONT);
    free(p);
}

static void *test_realloc(void *old, size_t size)
{
    size_t had = 0;
    unsigned char *p = (unsigned char *)test_malloc(size);
    if (!p || !old) return p;
    memcpy(&had, check_block(old), sizeof had);
    memcpy(p, old, had < size ? had : size);
    test_free(old);
    return p;
}

static void *test_calloc(size_t count, size_t size)
{
    void *p = size && count > SIZE_MAX / 2 / size ? NULL : test_malloc(count * size);
    if (p) memset(p, 0, count * size);
    return p;
}

static void *plain_malloc(size_t size) /* for the tests themselves */
{
    void *p = malloc(size ? size : 1);
    if (!p) abort();
    return p;
}
static void plain_free(void *p) { free(p); }

#define malloc test_malloc
#define calloc test_calloc
#define realloc test_realloc
#define free test_free
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#undef malloc
#undef calloc
#undef realloc
#undef free
#include "t.h"

static void heap_reset(long fail_at, long fail_last)
{
    memset(&heap, 0, sizeof heap);
    heap.fail_at = fail_at;
    heap.fail_last = fail_last;
    (void)test_calloc;
    (void)test_realloc;
}

/* ---- a model and data ---- */

enum { POINTS = 5, N = 24 };

static double model_memory[1 << 12];
static ebim_real data[3 * N];

static ebim_ref record_circle(ebim_graph *g, ebim_ref x, void *user)
{
    static const double one = 1;
    ebim_ref square = ebim_sumsq(g, x);
    (void)user;
    return ebim_scale(g, ebim_sub(g, square, ebim_constant(g, 1, &one)), 0.5);
}

static ebim_ref record_slope(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_scale(g, ebim_sum(g, x), 0.5);
}

/* The unit circle with energy (x + y) / 2. */
static ebim_model circle(void)
{
    static double lo[2] = {-1.5, -1.5}, hi[2] = {1.5, 1.5};
    ebim_arena a;
    ebim_model m;
    ebim_arena_init(&a, model_memory, sizeof model_memory);
    memset(&m, 0, sizeof m);
    m.n = 2;
    m.m = m.k = m.has_energy = 1;
    m.lo = lo;
    m.hi = hi;
    m.unit = 1;
    CHECK_INT(ebim_record(&m.F, &a, 2, record_circle, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&m.E, &a, 2, record_slope, NULL), EBIM_OK);
    return m;
}

/* A circle in R^n, n = 2 or 3. */
static void make_data(int n)
{
    int i;
    memset(data, 0, sizeof data);
    for (i = 0; i < N; i++) {
        data[n * i] = (ebim_real)cos(6.28318530718 * i / N);
        data[n * i + 1] = (ebim_real)sin(6.28318530718 * i / N);
    }
}

/* As little training as there is; what it finds is not looked at here. Always the same fit: some
   untrained F hardly have a zero in the box, and looking for it takes minutes. */
static ebim_fit_desc tiny(int n, int no_energy)
{
    ebim_fit_desc d;
    memset(&d, 0, sizeof d);
    d.dim = 1;
    d.effort = n > 2 ? 0.1 : 1e-9; /* in space a field has to be there before charts find its M */
    d.networks = 2; /* both of the same size: what is measured is used to the last byte */
    d.seed = 1;
    d.no_energy = no_energy;
    return d;
}

/* ---- the functions under test, in one shape ---- */

typedef struct {
    ebim_model m;              /* input, or output */
    ebim_real x[2 * POINTS], distance[POINTS], energy[POINTS], nearest[2 * POINTS];
    unsigned char ok[POINTS];
    const void *bytes;         /* of a saved model */
    size_t size;
    const char *path;
    int n, no_energy;          /* of a fit */
} job;

static void job_init(job *j)
{
    int i;
    memset(j, 0, sizeof *j);
    j->m = circle();
    j->n = 3;
    for (i = 0; i < 2 * POINTS; i++) j->x[i] = (ebim_real)(0.3 + 0.1 * i);
}

/* With memory of their own. */
typedef ebim_result (*heap_fn)(job *j);

static ebim_result heap_sample(job *j) { return ebim_sample(&j->m, POINTS, j->x, T_SEED); }

static ebim_result heap_score(job *j)
{
    return ebim_score(&j->m, POINTS, j->x, j->nearest, j->distance, j->energy, j->ok);
}

static ebim_result heap_score_alone(job *j)
{
    return ebim_score(&j->m, POINTS, j->x, NULL, j->distance, NULL, NULL);
}

static ebim_result heap_gradients(job *j)
{
    return ebim_gradients(&j->m, POINTS, j->x, j->distance, j->nearest, j->energy, NULL);
}

static ebim_result heap_fit(job *j)
{
    ebim_fit_desc d = tiny(j->n, j->no_energy);
    return ebim_fit(&j->m, N, j->n, data, &d);
}

static ebim_result heap_save(job *j) { return ebim_save_file(&j->m, j->path); }
static ebim_result heap_load(job *j) { return ebim_load_file(&j->m, j->path, 0); }

static int empty(const ebim_model *m)
{
    return !m->owned && !m->lo && !m->hi && !m->F.theta && !m->E.theta && !m->n;
}

/* Calls f with its nth request refused, or all from the nth on, for every n, until one call needs
   no more than n - 1. owns: success leaves one block, which ebim_free releases. */
static void refuse_each(heap_fn f, job *j, int owns, int least)
{
    int lasting;
    for (lasting = 0; lasting <= 1; lasting++) {
        long n = 1, requests;
        for (;; n++) {
            job copy = *j;
            ebim_result r;
            if (owns) memset(&copy.m, 0x5a, sizeof copy.m);
            heap_reset(n, lasting ? LONG_MAX : n);
            r = f(&copy);
            requests = heap.calls;
            CHECK_INT(heap.broken, 0);
            if (requests < n) {
                CHECK_INT(r, EBIM_OK);
                CHECK_INT(heap.live, owns);
                if (owns) ebim_free(&copy.m);
                CHECK(heap.live == 0 && !heap.broken);
                break;
            }
            CHECK_INT(r, EBIM_ERR_MEMORY);
            CHECK_INT(heap.live, 0);
            if (owns) CHECK(empty(&copy.m));
            else CHECK(!memcmp(&copy.m, &j->m, sizeof copy.m));
            CHECK(!memcmp(copy.x, j->x, sizeof copy.x));
        }
        CHECK(n - 1 >= least); /* or nothing was refused */
    }
    heap_reset(0, 0);
}

static void sampling_survives_refusals(void)
{
    job j;
    job_init(&j);
    refuse_each(heap_sample, &j, 0, 1);
}

static void scoring_survives_refusals(void)
{
    job j;
    job_init(&j);
    refuse_each(heap_score, &j, 0, 1);
    refuse_each(heap_score_alone, &j, 0, 1);
    refuse_each(heap_gradients, &j, 0, 1);
}

static void fitting_survives_refusals(void)
{
    job j;
    job_init(&j);
    make_data(3);
    for (j.no_energy = T_QUICK; j.no_energy <= 1; j.no_energy++)
        refuse_each(heap_fit, &j, 1, 2);
}

static long file_size(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size = -1;
    if (f && !fseek(f, 0, SEEK_END)) size = ftell(f);
    if (f) fclose(f);
    return size;
}

static ebim_ref record_large(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_dense(g, ebim_dense(g, x, 30000, EBIM_FN_SILU), 1, EBIM_FN_IDENTITY);
}

/* A file of several times 64 KiB is read in pieces. */
static void files_survive_refusals(void)
{
    static double large[1 << 17];
    ebim_arena a;
    job j;
    char path[1024], tmp[1024];
    job_init(&j);
    strcpy(path, t_tmp("memory.ebim"));
    strcpy(tmp, t_tmp("memory.ebim.tmp00"));
    j.path = path;
    ebim_arena_init(&a, large, sizeof large);
    CHECK_INT(ebim_record(&j.m.F, &a, 2, record_large, NULL), EBIM_OK);
    remove(path);
    heap_reset(1, 1);
    CHECK_INT(ebim_save_file(&j.m, path), EBIM_ERR_MEMORY);
    CHECK(file_size(path) == -1 && file_size(tmp) == -1);
    heap_reset(2, 2);
    CHECK_INT(ebim_save_file(&j.m, path), EBIM_ERR_MEMORY);
    CHECK(file_size(path) == -1 && file_size(tmp) == -1);
    refuse_each(heap_save, &j, 0, 1);
    CHECK_INT(file_size(path), ebim_save_bytes(&j.m));
    CHECK(file_size(tmp) == -1);
    refuse_each(heap_load, &j, 1, 4);
    CHECK_INT(file_size(path), ebim_save_bytes(&j.m));
    remove(path);
}

/* Other errors must free what they hold, too. */
static void errors_leave_nothing_behind(void)
{
    ebim_fit_desc d = tiny(2, 0);
    ebim_real same[8] = {1, 2, 1, 2, 1, 2, 1, 2}, x[2] = {0, 0};
    ebim_model m;
    char path[1024];
    FILE *f;
    strcpy(path, t_tmp("errors.ebim"));
    f = fopen(path, "wb");
    if (!CHECK(f && fputs("no model", f) >= 0 && !fclose(f))) return;
    heap_reset(0, 0);
    CHECK_INT(ebim_fit(&m, 4, 2, same, &d), EBIM_ERR_DATA);
    CHECK(empty(&m) && heap.live == 0 && heap.calls > 0);
    CHECK_INT(ebim_load_file(&m, path, 0), EBIM_ERR_FORMAT);
    CHECK(empty(&m) && heap.live == 0);
    CHECK_INT(ebim_load_file(&m, path, 4), EBIM_ERR_LIMIT);
    CHECK(empty(&m) && heap.live == 0);
    d.dim = 3;
    CHECK_INT(ebim_fit(&m, N, 3, data, &d), EBIM_ERR_DIM);
    CHECK(empty(&m) && heap.live == 0);
    m = circle();
    CHECK_INT(ebim_sample(&m, 0, x, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_score(&m, 0, x, x, x, x, NULL), EBIM_ERR_ARG);
    CHECK_INT(ebim_gradients(&m, 0, x, x, x, x, x), EBIM_ERR_ARG);
    CHECK_INT(ebim_save_file(&m, "no/such/place"), EBIM_ERR_IO);
    CHECK(heap.live == 0 && !heap.broken);
    remove(path);
}

/* ---- arenas ---- */

/* With arenas: keep may be used or not. */
typedef ebim_result (*arena_fn)(job *j, ebim_arena *keep, ebim_arena *work);

static ebim_result arena_sample(job *j, ebim_arena *keep, ebim_arena *work)
{
    (void)keep;
    return ebim_model_sample(&j->m, work, POINTS, j->x, 2, T_SEED, NULL);
}

static ebim_result arena_score(job *j, ebim_arena *keep, ebim_arena *work)
{
    (void)keep;
    return ebim_model_score(&j->m, work, POINTS, j->x, j->nearest, j->distance, j->energy, j->ok);
}

static ebim_result arena_gradients(job *j, ebim_arena *keep, ebim_arena *work)
{
    (void)keep;
    return ebim_model_gradients(&j->m, work, POINTS, j->x, j->distance, NULL, NULL, j->nearest);
}

static ebim_result arena_distance2(job *j, ebim_arena *keep, ebim_arena *work)
{
    (void)keep;
    return ebim_model_distance2(&j->m, work, POINTS, j->x, j->distance, NULL, j->ok);
}

static ebim_result arena_grad_log_density(job *j, ebim_arena *keep, ebim_arena *work)
{
    (void)keep;
    return ebim_model_grad_log_density(&j->m, work, POINTS, j->x, j->nearest, j->ok);
}

static ebim_result arena_load(job *j, ebim_arena *keep, ebim_arena *work)
{
    (void)keep;
    return ebim_load(&j->m, work, j->bytes, j->size);
}

static ebim_result arena_fit(job *j, ebim_arena *keep, ebim_arena *work)
{
    ebim_fit_desc d = tiny(j->n, j->no_energy);
    return ebim_fit_run(&j->m, keep, work, N, j->n, keep->base ? data : NULL, &d);
}

enum { GUARD = 128 };

/* An arena over size bytes at an odd address, between guards, in a block that ends there. */
typedef struct {
    unsigned char *block;
    size_t size;
    int offset;
    ebim_arena a;
} fenced;

static void fence(fenced *f, size_t size, int offset, int fill)
{
    f->size = size;
    f->offset = offset;
    f->block = (unsigned char *)plain_malloc(size + 2 * GUARD + 64);
    memset(f->block, 0x77, size + 2 * GUARD + 64);
    memset(f->block + GUARD + offset, fill, size); /* an arena owes nothing to zeros */
    ebim_arena_init(&f->a, f->block + GUARD + offset, size);
}

static void unfence(fenced *f)
{
    size_t i, end = GUARD + (size_t)f->offset + f->size;
    int broken = 0;
    for (i = 0; i < GUARD + (size_t)f->offset; i++) broken += f->block[i] != 0x77;
    for (i = end; i < f->size + 2 * GUARD + 64; i++) broken += f->block[i] != 0x77;
    CHECK_INT(broken, 0);
    plain_free(f->block);
}

static void measure(arena_fn f, const job *j, size_t *keep, size_t *work)
{
    job copy = *j;
    ebim_arena k, w;
    ebim_arena_init(&k, NULL, 0);
    ebim_arena_init(&w, NULL, 0);
    CHECK_INT(f(&copy, &k, &w), EBIM_OK);
    CHECK(k.base == NULL && w.base == NULL && !k.failed && !w.failed);
    *keep = ebim_arena_bytes(&k);
    *work = ebim_arena_bytes(&w);
}

/* Runs f with these many bytes; *used: what the arena that is small had handed out. */
static ebim_result run(arena_fn f, const job *j, size_t keep, size_t work, int small_keep,
                       size_t *used)
{
    static int offset; /* another one each time */
    job copy = *j;
    fenced k, w;
    ebim_result r;
    fence(&k, keep, 0, 0x11);
    fence(&w, work, offset++ % 64, 0xff);
    r = f(&copy, &k.a, &w.a);
    *used = small_keep ? k.a.used : w.a.used;
    CHECK((small_keep ? k.a : w.a).failed == (r == EBIM_ERR_MEMORY ? r : EBIM_OK));
    unfence(&k);
    unfence(&w);
    return r;
}

/* The same with size bytes for the arena that is small. */
static ebim_result run_small(arena_fn f, const job *j, int small_keep, size_t size, size_t *used)
{
    size_t keep, work;
    measure(f, j, &keep, &work);
    return run(f, j, small_keep ? size : keep, small_keep ? work : size, small_keep, used);
}

/* An arena that fails has handed out what ends where the allocation that failed begins. An arena
   that ends there, or one byte later, must fail in the same place, and one that ends a byte earlier
   an allocation before. Begins with an arena of `at` bytes, fewer than are needed and without those
   for alignment; returns where the allocation that failed begins. */
static size_t check_end(arena_fn f, const job *j, int small_keep, size_t at)
{
    size_t end = 0, used = 0, i;
    if (!CHECK_INT(run_small(f, j, small_keep, at + 63, &end), EBIM_ERR_MEMORY)) return 0;
    if (!CHECK(end <= at)) return 0;
    for (i = 0; i < 2; i++) {
        CHECK_INT(run_small(f, j, small_keep, end + 63 + i, &used), EBIM_ERR_MEMORY);
        CHECK_INT(used, end);
    }
    if (!end) return 0;
    CHECK_INT(run_small(f, j, small_keep, end + 63 - 1, &used), EBIM_ERR_MEMORY);
    CHECK(used < end);
    return end;
}

/* All ends from the last one down, or some: they cost a run each. Returns how many there were. */
static int shrink(arena_fn f, const job *j, int small_keep, int some)
{
    size_t keep, work, bytes, at, used = 0;
    int count = 0;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 2);
    measure(f, j, &keep, &work);
    CHECK_INT(run(f, j, keep, work, small_keep, &used), EBIM_OK);
    bytes = (small_keep ? keep : work) - 63;
    if (f == arena_fit) CHECK(used <= bytes && (small_keep || used > bytes / 3));
    else CHECK_INT(used, bytes);
    bytes = used; /* a fit does not need all: what it will take depends on the data */
    for (at = bytes; at && (!some || count < some); count++) {
        at = check_end(f, j, small_keep, at - 1);
        if (some) at = 1 + (size_t)((double)ebim_rng_uniform(&r) * (double)(bytes - 1));
    }
    for (at = 0; at < 63; at += 31) /* not even the bytes that alignment may take */
        CHECK_INT(run_small(f, j, small_keep, at, &used), EBIM_ERR_MEMORY);
    return count;
}

static void sampling_fits_its_arena(void)
{
    job j;
    job_init(&j);
    CHECK(shrink(arena_sample, &j, 0, T_QUICK ? 1 : 10) > 0);
    j.m.has_energy = 0;
    CHECK(shrink(arena_sample, &j, 0, T_QUICK ? 1 : 5) > 0);
}

static void scoring_fits_its_arena(void)
{
    job j;
    job_init(&j);
    CHECK(shrink(arena_score, &j, 0, 0) > 20);
    CHECK(shrink(arena_gradients, &j, 0, 0) > 5);
    CHECK(shrink(arena_distance2, &j, 0, 0) > 20);
    CHECK(shrink(arena_grad_log_density, &j, 0, 0) > 20);
}

static void loading_fits_its_arena(void)
{
    static unsigned char bytes[4096];
    static double matrix[4] = {1, 0, 0, 1};
    job j;
    job_init(&j);
    j.bytes = bytes;
    j.size = ebim_save_bytes(&j.m);
    CHECK_INT(ebim_save(&j.m, bytes, sizeof bytes), EBIM_OK);
    CHECK_INT(shrink(arena_load, &j, 0, 0), 6); /* lo, hi, hole, end, parameters of F and of E */
    j.m.has_energy = 0;
    j.size = ebim_save_bytes(&j.m);
    CHECK_INT(ebim_save(&j.m, bytes, sizeof bytes), EBIM_OK);
    CHECK_INT(shrink(arena_load, &j, 0, 0), 5);
    j.m.linear = j.m.inverse = matrix;
    j.size = ebim_save_bytes(&j.m);
    CHECK_INT(ebim_save(&j.m, bytes, sizeof bytes), EBIM_OK);
    CHECK_INT(shrink(arena_load, &j, 0, 0), 7);
}

static void fitting_fits_its_arenas(void)
{
    job j;
    job_init(&j);
    make_data(3);
    j.no_energy = 1;
    CHECK(shrink(arena_fit, &j, 1, T_QUICK ? 1 : 0) >= (T_QUICK ? 1 : 3)); /* as loading */
    CHECK(shrink(arena_fit, &j, 0, T_QUICK ? 1 : 10) > 0);
    if (T_QUICK) return;
    j.no_energy = 0;
    CHECK(shrink(arena_fit, &j, 1, 2) > 0);
    CHECK(shrink(arena_fit, &j, 0, 3) > 0);
}

/* The same bytes come out wherever the arena lies and whatever it held. */
static void results_do_not_depend_on_the_arena(void)
{
    arena_fn f[2];
    job j, first, again;
    int i, offset;
    size_t keep, work;
    f[0] = arena_sample;
    f[1] = arena_score;
    job_init(&j);
    for (i = 0; i < 2; i++) {
        measure(f[i], &j, &keep, &work);
        for (offset = 0; offset < 64; offset += T_QUICK ? 21 : 7) {
            fenced w;
            again = j;
            fence(&w, work + (offset ? 0 : 4096), offset, offset * 5 % 256);
            CHECK_INT(f[i](&again, &w.a, &w.a), EBIM_OK);
            CHECK(w.a.used == work - 63);
            unfence(&w);
            if (!offset) first = again;
            CHECK(!memcmp(first.x, again.x, sizeof first.x));
            CHECK(!memcmp(first.nearest, again.nearest, sizeof first.nearest));
            CHECK(!memcmp(first.distance, again.distance, sizeof first.distance));
            CHECK(!memcmp(first.energy, again.energy, sizeof first.energy));
            CHECK(!memcmp(first.ok, again.ok, sizeof first.ok));
        }
        CHECK(memcmp(i ? first.nearest : first.x, i ? j.nearest : j.x, sizeof first.x) != 0);
    }
}

/* Every output may be left out; measuring and running agree each time, and so do the results. */
static void outputs_may_be_left_out(void)
{
    job j, all;
    int mask;
    ebim_arena a;
    job_init(&j);
    job_init(&all);
    for (mask = 15; mask >= 0; mask--) {
        job out;
        fenced w;
        ebim_real *nearest = mask & 1 ? out.nearest : NULL;
        ebim_real *distance = mask & 2 ? out.distance : NULL;
        ebim_real *energy = mask & 4 ? out.energy : NULL;
        unsigned char *ok = mask & 8 ? out.ok : NULL;
        memset(&out, 0x33, sizeof out);
        ebim_arena_init(&a, NULL, 0);
        CHECK_INT(ebim_model_score(&j.m, &a, POINTS, j.x, nearest, distance, energy, ok), EBIM_OK);
        fence(&w, ebim_arena_bytes(&a), 1, 0xff);
        CHECK_INT(ebim_model_score(&j.m, &w.a, POINTS, j.x, nearest, distance, energy, ok),
                  EBIM_OK);
        CHECK(w.a.used == a.used);
        unfence(&w);
        if (mask == 15) all = out;
        if (nearest) CHECK(!memcmp(nearest, all.nearest, sizeof all.nearest));
        if (distance) CHECK(!memcmp(distance, all.distance, sizeof all.distance));
        if (energy) CHECK(!memcmp(energy, all.energy, sizeof all.energy));
        if (ok) CHECK(!memcmp(ok, all.ok, sizeof all.ok));
    }
}

/* ---- nothing is allocated on the way ---- */

typedef struct {
    int calls;
    long first, last; /* requests and releases seen so far */
} watch;

static int watching(void *user, const ebim_progress *p)
{
    watch *w = (watch *)user;
    (void)p;
    w->last = heap.calls + heap.frees;
    if (!w->calls++) w->first = w->last;
    return 0;
}

static void training_never_allocates(void)
{
    ebim_fit_desc d = tiny(3, 0);
    ebim_model m;
    watch w;
    int no_energy;
    make_data(3);
    d.progress = watching;
    d.user = &w;
    for (no_energy = T_QUICK; no_energy <= 1; no_energy++) {
        memset(&w, 0, sizeof w);
        d.no_energy = no_energy;
        heap_reset(0, 0);
        CHECK_INT(ebim_fit(&m, N, 3, data, &d), EBIM_OK);
        CHECK(w.calls > 2);
        CHECK(w.first == w.last && w.first > 0);
        CHECK_INT(heap.calls + heap.frees, w.last + 2); /* the work memory went back */
        CHECK(heap.live == 1 && m.owned);
        ebim_free(&m);
        CHECK(heap.live == 0 && !heap.broken);
    }
}

static void arenas_need_no_heap(void)
{
    static const arena_fn all[6] = {arena_fit, arena_sample, arena_score, arena_gradients,
                                    arena_distance2, arena_grad_log_density};
    job j;
    int i;
    size_t keep, work, used;
    job_init(&j);
    make_data(3);
    j.no_energy = T_QUICK;
    heap_reset(0, 0);
    for (i = 0; i < 6; i++) {
        measure(all[i], &j, &keep, &work);
        CHECK_INT(run(all[i], &j, keep, work, 0, &used), EBIM_OK);
    }
    CHECK_INT(heap.calls + heap.frees, 0);
}

static void one_block_each(void)
{
    job j;
    job_init(&j);
    heap_reset(0, 0);
    CHECK_INT(heap_sample(&j), EBIM_OK);
    CHECK(heap.calls == 1 && heap.frees == 1);
    heap_reset(0, 0);
    CHECK_INT(heap_score(&j), EBIM_OK);
    CHECK(heap.calls == 1 && heap.frees == 1);
    heap_reset(0, 0);
    CHECK_INT(heap_gradients(&j), EBIM_OK);
    CHECK(heap.calls == 1 && heap.frees == 1 && !heap.broken);
}

/* ---- the stack ---- */

#if defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__wasm__)
#define APART __attribute__((noinline))
enum { STACK = 64 * 1024, ROOM = 4 * STACK }; /* what the manual promises; what is painted */

/* Paints the room, or tells how much of its upper end was used since; the lowest bytes may lie
   below what was painted. */
static APART size_t sweep(volatile unsigned char *p, int paint)
{
    size_t i;
    if (paint)
        for (i = 0; i < ROOM; i++) p[i] = 0xa5;
    else
        for (i = 1024; i < ROOM && p[i] == 0xa5; i++) {}
    return ROOM - i;
}

static APART size_t stack_used(int paint)
{
    volatile unsigned char room[ROOM];
    return sweep(room, paint);
}

/* f runs where stack_used() has its room; T_STACK=1 prints what it takes. */
static APART ebim_result on_paint(heap_fn f, job *j, const char *name)
{
    ebim_result r;
    size_t used;
    stack_used(1);
    r = f(j);
    used = stack_used(0);
    if (getenv("T_STACK")) printf("%s: %d bytes\n", name, (int)used);
    CHECK(used > 1000 && used <= STACK);
    return r;
}

static void little_stack_is_used(void)
{
    job j;
    int n;
    job_init(&j);
    CHECK_INT(on_paint(heap_sample, &j, "sample"), EBIM_OK);
    CHECK_INT(on_paint(heap_score, &j, "score"), EBIM_OK);
    CHECK_INT(on_paint(heap_gradients, &j, "gradients"), EBIM_OK);
    for (n = 2; n <= 3 - T_QUICK; n++) {
        make_data(n);
        j.n = n;
        CHECK_INT(on_paint(heap_fit, &j, n == 2 ? "fit of sides" : "fit of a field"), EBIM_OK);
        ebim_free(&j.m);
    }
}
#else
static void little_stack_is_used(void) { T_SKIP("the stack is not as usual"); }
#endif

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(sampling_survives_refusals);
    T_RUN(scoring_survives_refusals);
    T_RUN(fitting_survives_refusals);
    T_RUN(files_survive_refusals);
    T_RUN(errors_leave_nothing_behind);
    T_RUN(sampling_fits_its_arena);
    T_RUN(scoring_fits_its_arena);
    T_RUN(loading_fits_its_arena);
    T_RUN(fitting_fits_its_arenas);
    T_RUN(results_do_not_depend_on_the_arena);
    T_RUN(outputs_may_be_left_out);
    T_RUN(training_never_allocates);
    T_RUN(arenas_need_no_heap);
    T_RUN(one_block_each);
    T_RUN(little_stack_is_used);
    return T_END();
}
