/* The model as bytes: round trips, the documented layout, damaged and hostile files, the other
   precision, and the two functions that touch the disk. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "t.h"

/* Memory of the library, which fails when allocations_left runs out (negative: never), and is
 * counted. */
static int allocations_left = -1, allocations_held;

static void *scarce(void *p, size_t size)
{
    void *now = allocations_left ? realloc(p, size) : NULL;
    if (allocations_left >= 0) allocations_left--; /* only that one */
    allocations_held += now && !p;
    return now;
}

static void *scarce_malloc(size_t size) { return scarce(NULL, size); }

static void counted_free(void *p)
{
    allocations_held -= p != NULL;
    free(p);
}

#define malloc scarce_malloc
#define realloc scarce
#define free counted_free
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#undef malloc
#undef realloc
#undef free

/* The first numbers of a fit stand at INFO + 32 n, F at GRAPHS + 32 n; a linear map has 16 n n. */
enum { HEAD = 24, INFO = 116, FIELDS = 81, GRAPHS = INFO + 8 * FIELDS + 4,
       NODE = 40, ROOM = 1 << 16 };

static double memory[1 << 15], scratch[1 << 19];

static ebim_arena arena(void)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, sizeof memory);
    return a;
}

/* ---- bytes ---- */

typedef struct {
    size_t size;
    unsigned char *p; /* exactly size bytes of the heap, so that sanitizers see the end */
} bytes;

static bytes bytes_of(const void *p, size_t size)
{
    bytes b;
    b.size = size;
    b.p = (unsigned char *)malloc(size ? size : 1);
    if (!b.p) abort();
    if (size) memcpy(b.p, p, size);
    return b;
}

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put(unsigned char *p, uint64_t v, int count)
{
    int i;
    for (i = 0; i < count; i++) p[i] = (unsigned char)(v >> 8 * i & 0xff);
}

static double stored(const unsigned char *p, size_t real)
{
    uint64_t v = get32(p);
    uint32_t low = (uint32_t)v;
    float x;
    double y;
    if (real == 8) {
        v |= (uint64_t)get32(p + 4) << 32;
        memcpy(&y, &v, sizeof y);
        return y;
    }
    memcpy(&x, &low, sizeof x);
    return (double)x;
}

static uint64_t bits64(double x)
{
    uint64_t v;
    memcpy(&v, &x, sizeof v);
    return v;
}

static uint32_t bits32(float x)
{
    uint32_t v;
    memcpy(&v, &x, sizeof v);
    return v;
}

static uint32_t crc(const unsigned char *p, size_t size)
{
    static uint32_t table[256];
    uint32_t c = 0xffffffffu, i;
    int b;
    for (i = 0; i < 256 && !table[255]; i++)
        for (b = 0, table[i] = i; b < 8; b++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320u : table[i] >> 1;
    while (size--) c = table[(c ^ *p++) & 0xff] ^ c >> 8;
    return ~c;
}

static void seal(bytes b) /* a size and a checksum that fit: only the content can be wrong */
{
    put(b.p + 16, b.size, 8);
    put(b.p + b.size - 4, crc(b.p, b.size - 4), 4);
}

static bytes saved(const ebim_model *m)
{
    bytes b;
    b.size = ebim_save_bytes(m);
    b.p = (unsigned char *)malloc(b.size);
    if (!b.p) abort();
    CHECK_INT(ebim_save(m, b.p, b.size), EBIM_OK);
    return b;
}

static int same_bytes(bytes a, bytes b)
{
    return a.size == b.size && !memcmp(a.p, b.p, a.size);
}

/* F, or the end of a file that was damaged before it */
static size_t graph_at(bytes b)
{
    const unsigned char *p = b.p;
    size_t n = get32(p + 24);
    size_t head = GRAPHS + 32 * n + (get32(p + 36) == 1 ? 16 * n * n : 0);
    if (n > 16 || head > b.size) return b.size;
    return head + 8 * n * get32(p + head - 4); /* points to start from */
}

static size_t graph_size(const unsigned char *g, size_t real)
{
    size_t at = 12, i;
    for (i = 2; i < get32(g); i++) at += get32(g + at) < EBIM__OP_CONV ? NODE : NODE + 24;
    return at + real * (size_t)get32(g + 8);
}

/* ---- models ---- */

static int below(ebim_rng *r, int n) { return (int)ebim_rng_below(r, (uint32_t)n); }

static ebim_ref record_net(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_dense(g, ebim_dense(g, x, 3, EBIM_FN_TANH), 2, EBIM_FN_IDENTITY);
}

/* Every op and every function, R^3 -> R^(*user). */
static ebim_ref record_all(ebim_graph *g, ebim_ref x, void *user)
{
    static const double values[4] = {1.5, -0.25, -0.0, 3e-5}, center[4] = {0.5, -1, 2, 0};
    static const double w[8] = {1, 2, 3, 4, -5, 6, -7, 0.125};
    int out = *(const int *)user, fn;
    ebim_graph net;
    ebim_arena none;
    ebim_ref h = ebim_dense(g, x, 4, EBIM_FN_SILU), c = ebim_constant(g, 4, values), u, v;
    ebim_arena_init(&none, NULL, 0);
    CHECK_INT(ebim_record(&net, &none, 4, record_net, NULL), EBIM_OK);
    u = ebim_affine(g, h, center, 0.75);
    v = ebim_add(g, ebim_mul(g, u, u), ebim_constant(g, 1, values)); /* > 0 */
    for (fn = 0; fn < EBIM__FN_COUNT; fn++) {
        u = ebim_sub(g, u, ebim_apply(g, v, (ebim_fn)fn));
        if (fn != EBIM_FN_POW) u = ebim_add(g, u, ebim_dense(g, v, 4, (ebim_fn)fn));
    }
    u = ebim_mul(g, ebim_pow(g, v, -1.75), u);
    u = ebim_add(g, u, ebim_rbf(g, h, 2, w, values, w));
    u = ebim_min(g, ebim_max(g, u, c), ebim_sum(g, h));
    u = ebim_select(g, ebim_slice(g, h, 1, 1), u, c);
    u = ebim_concat(g, ebim_dot(g, u, h), ebim_matrix(g, u, 2, w));
    u = ebim_concat(g, u, ebim_inline(g, &net, h, 1));
    v = ebim_image(g, h, 1, 2, 2);
    v = ebim_conv(g, v, 2, 3, 1, 1, EBIM_FN_SILU);
    v = ebim_conv_transposed(g, v, 3, 2, 2, 0, EBIM_FN_TANH);
    v = ebim_upsample(g, ebim_average_pool(g, ebim_max_pool(g, v, 2, 1), 2, 1), 2, 1);
    v = ebim_window(g, ebim_depth_to_space(g, ebim_space_to_depth(g, v, 2), 2), -1, 1, 4, 3);
    u = ebim_concat(g, u, ebim_planes(g, v));
    return ebim_slice(g, u, g->node[u].size - out - 20, out);
}

/* A graph of random ops; the same one every time it is called with the same seed. */
typedef struct {
    uint64_t seed;
    int ops, out;
} recipe;

static ebim_ref record_random(ebim_graph *g, ebim_ref x, void *user)
{
    const recipe *d = (const recipe *)user;
    double c[8];
    ebim_rng r;
    int i, pick;
    ebim_rng_init(&r, d->seed, 99);
    for (i = 0; i < 8; i++) c[i] = (double)ebim_rng_normal(&r);
    for (i = 0; i < d->ops; i++) {
        ebim_ref a = 1 + below(&r, g->n_nodes - 1), b = 1 + below(&r, g->n_nodes - 1);
        int sa = g->node[a].size, sb = g->node[b].size, width = 1 + below(&r, 4);
        if (sa != sb && sa != 1 && sb != 1) b = a, sb = sa;
        pick = below(&r, 15);
        switch (pick) {
        case 0: ebim_constant(g, 1 + below(&r, 8), c); break;
        case 1: ebim_dense(g, a, width, (ebim_fn)below(&r, EBIM_FN_POW)); break;
        case 2: ebim_apply(g, a, (ebim_fn)below(&r, EBIM_FN_POW)); break;
        case 3: ebim_pow(g, a, c[width]); break;
        case 4: ebim_affine(g, a, sa <= 8 ? c : NULL, c[width]); break;
        case 5: ebim_add(g, a, b); break;
        case 6: ebim_mul(g, a, b); break;
        case 7: ebim_sum(g, a); break;
        case 8: ebim_min(g, a, b); break;
        case 9: ebim_max(g, a, b); break;
        case 10: ebim_select(g, ebim_slice(g, x, below(&r, 3), 1), a, b); break;
        case 11: if (sa + sb <= 16) ebim_concat(g, a, b); break;
        case 12: ebim_slice(g, a, below(&r, sa), 1); break;
        case 13: if (sa <= 4) ebim_rbf(g, a, 2, c, c, c); break;
        default: ebim_dot(g, a, a); break;
        }
    }
    return ebim_dense(g, g->n_nodes - 1, d->out, EBIM_FN_IDENTITY);
}

static double *random_doubles(ebim_arena *a, ebim_rng *r, size_t count)
{
    double *p = (double *)ebim_arena_push(a, count, sizeof *p);
    size_t i;
    for (i = 0; i < count; i++) p[i] = (double)ebim_rng_normal(r) / 3;
    return p;
}

/* Numbers of a fit: anything, and what is not known */
static double random_number(ebim_rng *r)
{
    return below(r, 8) ? (double)ebim_rng_normal(r) * 1e3 : t_nan();
}

static void random_info(ebim_rng *r, ebim_model *m)
{
    double *number = &m->judged.distance_mean;
    size_t i, count = (size_t)(&m->judged.distance_max + 1 - number);
    ebim_judgement *j = &m->judged;
    for (i = 0; i < count; i++) number[i] = random_number(r);
    number = &m->judged.sigma;
    count = (size_t)(&m->judged.one_sided + 1 - number);
    for (i = 0; i < count; i++) number[i] = random_number(r);
    number = (double *)&m->z;
    for (i = 0; i < sizeof m->z / sizeof *number; i++) number[i] = random_number(r);
    m->info.mdf_loss = random_number(r);
    m->info.energy_loss = random_number(r);
    m->info.seconds = t_nan(); /* no file has them */
    m->info.nll = random_number(r);
    m->info.nll_se = random_number(r);
    for (i = 0; i < EBIM_OUTLIERS; i++) {
        m->info.outlier_row[i] = below(r, INT_MAX);
        m->info.outlier_distance[i] = random_number(r);
    }
    m->info.seed = ebim_rng_u32(r);
    m->info.points = below(r, 1 << 20);
    m->info.distinct = below(r, 1 << 20);
    m->info.recipe = below(r, 2);
    m->info.networks = below(r, 8);
    m->info.partial = below(r, 2);
    m->info.held = below(r, 1 << 10);
    m->info.outliers = below(r, 100);
    j->checked = below(r, 1 << 10);
    j->missed = below(r, 1 << 10);
    j->points = below(r, 1 << 10);
    j->components = below(r, 3);
    j->volume = random_number(r);
    j->volume_se = random_number(r);
    j->verdict = below(r, 16384);
}

/* n = 3; F and E from `record`; everything else random, too. */
static ebim_model make(ebim_arena *a, ebim_rng *r, int k, int energy, ebim_record_fn record,
                       void *F, void *E)
{
    ebim_model m;
    int i;
    memset(&m, 0, sizeof m);
    m.n = 3;
    m.k = k;
    m.m = 3 - k;
    m.has_energy = energy;
    m.linear = below(r, 2) ? random_doubles(a, r, 9) : NULL;
    m.inverse = m.linear ? random_doubles(a, r, 9) : NULL;
    m.lo = random_doubles(a, r, 3);
    m.hi = random_doubles(a, r, 3);
    m.hole = random_doubles(a, r, 3);
    m.end = random_doubles(a, r, 3);
    for (i = 0; i < 3; i++) m.hi[i] = m.lo[i] + i; /* lo = hi is a box, too */
    m.end[1] = t_nan();
    m.starts = below(r, 4);
    m.start = m.starts ? (ebim_real *)ebim_arena_push(a, 3 * (size_t)m.starts, sizeof *m.start)
                       : NULL;
    for (i = 0; i < 3 * m.starts; i++) m.start[i] = ebim_rng_normal(r);
    m.unit = 0.1 + (double)ebim_rng_uniform(r);
    for (i = 0; i < EBIM_TAG_SIZE - 1; i++) m.tag[i] = (char)ebim_rng_u32(r);
    random_info(r, &m);
    CHECK_INT(ebim_record(&m.F, a, 3, record, F), EBIM_OK);
    if (energy) CHECK_INT(ebim_record(&m.E, a, 3, record, E), EBIM_OK);
    for (i = 0; i < m.F.n_theta; i++) m.F.theta[i] = ebim_rng_normal(r);
    for (i = 0; i < m.E.n_theta; i++) m.E.theta[i] = ebim_rng_normal(r);
    return m;
}

static ebim_model make_all(ebim_arena *a, ebim_rng *r, int k, int energy)
{
    int one = 1;
    return make(a, r, k, energy, record_all, &k, &one);
}

static ebim_model make_random(ebim_arena *a, ebim_rng *r, int ops)
{
    recipe F, E;
    F.seed = ebim_rng_u32(r);
    E.seed = F.seed + 1;
    F.ops = E.ops = ops;
    F.out = 1 + below(r, 2);
    E.out = 1;
    return make(a, r, F.out, below(r, 2), record_random, &F, &E);
}

/* ---- what a model that was loaded must be ---- */

static void check_graph(const ebim_graph *g, int n, int k)
{
    int i, c;
    CHECK_INT(g->failed, EBIM_OK);
    CHECK_INT(ebim_inputs(g), n);
    CHECK_INT(ebim_outputs(g), k);
    CHECK(g->n_nodes >= 2 && g->n_nodes <= EBIM_MAX_NODES && g->y < g->n_nodes);
    for (i = 2; i < g->n_nodes; i++) {
        const ebim__node *nd = &g->node[i];
        ebim_ref ref[3];
        ref[0] = nd->a;
        ref[1] = nd->b;
        ref[2] = nd->c;
        for (c = 0; c < 3; c++) CHECK(ref[c] >= 0 && ref[c] < i);
        CHECK(nd->op > EBIM__OP_INPUT && nd->op < EBIM__OP_COUNT);
        CHECK(nd->fn >= 0 && nd->fn < EBIM__FN_COUNT);
        CHECK(nd->size > 0 && nd->theta >= 0 && nd->n_theta >= 0);
        CHECK(nd->theta + nd->n_theta <= g->n_theta);
        CHECK(t_finite((double)nd->s));
    }
    for (i = 0; i < g->n_theta; i++) CHECK(t_finite((double)g->theta[i]));
}

/* Value, Jacobian and parameter gradient at 17 points, of graphs that fit into the scratch. */
enum { POINTS = 17 };

static size_t evaluate(const ebim_graph *g, ebim_real *out, size_t room)
{
    ebim_arena a;
    ebim_ws w;
    ebim_rng r;
    size_t B = POINTS, n = (size_t)ebim_inputs(g), k = (size_t)ebim_outputs(g), i;
    size_t need = B * k + B * k * n + (size_t)g->n_theta;
    ebim_real *x, *v;
    ebim_arena_init(&a, NULL, 0);
    if (ebim_ws_init(&w, &a, g, 16, 1)) return 0;
    ebim_arena_push(&a, B * n, sizeof *x);
    ebim_arena_push(&a, B * k, sizeof *v);
    if (ebim_arena_bytes(&a) > sizeof scratch || need > room) return 0;
    ebim_arena_init(&a, scratch, sizeof scratch);
    CHECK_INT(ebim_ws_init(&w, &a, g, 16, 1), EBIM_OK);
    x = (ebim_real *)ebim_arena_push(&a, B * n, sizeof *x);
    v = (ebim_real *)ebim_arena_push(&a, B * k, sizeof *v);
    ebim_rng_init(&r, 5, 0);
    for (i = 0; i < B * n; i++) x[i] = ebim_rng_normal(&r);
    for (i = 0; i < B * k; i++) v[i] = ebim_rng_normal(&r);
    memset(out, 0, need * sizeof *out);
    ebim_eval(&w, (int)B, x, out);
    ebim_eval_jacobian(&w, (int)B, x, out + B * k);
    memcpy(ebim_ws_x(&w), x, 16 * n * sizeof *x);
    ebim_forward(&w, 16, 1);
    for (i = 0; i < 16 * k; i++) ebim_ws_yg(&w, 0)[i] = v[i % (B * k)];
    ebim_backward(&w, 0, out + B * k + B * k * n);
    return need;
}

static ebim_real before[1 << 14], after[1 << 14];

/* Everything we ask of a loaded model; returns whether it was small enough to be evaluated. */
static int check_valid(const ebim_model *m)
{
    bytes one, two;
    ebim_arena a;
    ebim_model again;
    size_t need;
    int i;
    CHECK(m->n >= 2 && m->k >= 1 && m->m >= 1 && m->n == m->m + m->k);
    CHECK(m->has_energy == 0 || m->has_energy == 1);
    for (i = 0; i < m->n; i++) CHECK(t_finite(m->lo[i]) && m->lo[i] <= m->hi[i]);
    for (i = 0; i < m->n; i++) CHECK(t_finite(m->hi[i]));
    CHECK(t_finite(m->unit) && m->unit > 0);
    for (i = 0; i < m->n * m->n && m->linear; i++)
        CHECK(t_finite(m->linear[i]) && t_finite(m->inverse[i]));
    CHECK(m->tag[EBIM_TAG_SIZE - 1] == 0);
    CHECK(m->judged.verdict >= 0 && m->judged.verdict < 32768);
    check_graph(&m->F, m->n, m->k);
    if (m->has_energy) check_graph(&m->E, m->n, 1);
    one = saved(m);
    ebim_arena_init(&a, scratch, sizeof scratch);
    if (CHECK_INT(ebim_load(&again, &a, one.p, one.size), EBIM_OK)) {
        two = saved(&again);
        CHECK(same_bytes(one, two));
        free(two.p);
    }
    free(one.p);
    need = evaluate(&m->F, before, sizeof before / sizeof *before);
    if (m->has_energy) evaluate(&m->E, after, sizeof after / sizeof *after);
    return need > 0;
}

/* Loads from exactly these bytes. A refusal must leave the arena alone. */
static ebim_result load(ebim_model *m, ebim_arena *a, bytes b)
{
    size_t used = a->used;
    ebim_result r = ebim_load(m, a, b.p, b.size);
    if (r) CHECK(a->used == used && !a->failed);
    return r;
}

static ebim_result load_small(bytes b)
{
    ebim_arena a = arena();
    ebim_model m;
    ebim_result r = load(&m, &a, b);
    if (!r) check_valid(&m);
    return r;
}

/* ---- round trips ---- */

static void check_same_graph(const ebim_graph *g, const ebim_graph *h)
{
    int i;
    size_t need;
    if (!CHECK_INT(g->n_nodes, h->n_nodes) || !CHECK_INT(g->n_theta, h->n_theta)) return;
    CHECK_INT(g->y, h->y);
    CHECK_INT(h->failed, EBIM_OK);
    for (i = 1; i < g->n_nodes; i++) {
        const ebim__node *a = &g->node[i], *b = &h->node[i];
        CHECK_INT(a->op, b->op);
        CHECK_INT(a->fn, b->fn);
        CHECK(a->a == b->a && a->b == b->b && a->c == b->c);
        CHECK_INT(a->size, b->size);
        CHECK_INT(a->i0, b->i0);
        CHECK_INT(a->frozen, b->frozen);
        CHECK(a->theta == b->theta && a->n_theta == b->n_theta);
        CHECK(!memcmp(&a->s, &b->s, sizeof a->s));
    }
    CHECK(g->theta != h->theta);
    CHECK(!memcmp(g->theta, h->theta, (size_t)g->n_theta * sizeof *g->theta));
    need = evaluate(g, before, sizeof before / sizeof *before);
    if (!CHECK(need > 0)) return;
    CHECK(evaluate(h, after, sizeof after / sizeof *after) == need);
    CHECK(!memcmp(before, after, need * sizeof *before));
}

static void check_same_map(const ebim_model *m, const ebim_model *l)
{
    size_t size = (size_t)m->n * (size_t)m->n * sizeof *m->linear;
    if (!CHECK(!m->linear == !l->linear && !m->inverse == !l->inverse) || !m->linear) return;
    CHECK(m->linear != l->linear && !memcmp(m->linear, l->linear, size));
    CHECK(m->inverse != l->inverse && !memcmp(m->inverse, l->inverse, size));
}

static void check_same(const ebim_model *m, const ebim_model *l)
{
    CHECK(m->n == l->n && m->k == l->k && m->m == l->m && m->has_energy == l->has_energy);
    CHECK(!memcmp(m->lo, l->lo, (size_t)m->n * sizeof *m->lo));
    CHECK(!memcmp(m->hi, l->hi, (size_t)m->n * sizeof *m->hi));
    CHECK(!memcmp(m->hole, l->hole, (size_t)m->n * sizeof *m->hole));
    CHECK(!memcmp(m->end, l->end, (size_t)m->n * sizeof *m->end));
    if (CHECK_INT(m->starts, l->starts) && m->starts)
        CHECK(!memcmp(m->start, l->start, (size_t)(m->starts * m->n) * sizeof *m->start));
    check_same_map(m, l);
    CHECK(!memcmp(&m->unit, &l->unit, sizeof m->unit));
    CHECK(!memcmp(m->tag, l->tag, sizeof m->tag));
    CHECK(!memcmp(&m->info, &l->info, sizeof m->info));
    CHECK(!memcmp(&m->judged, &l->judged, sizeof m->judged));
    CHECK(!memcmp(&m->z, &l->z, sizeof m->z));
    CHECK(l->owned == NULL);
    check_same_graph(&m->F, &l->F);
    if (m->has_energy) check_same_graph(&m->E, &l->E);
}

static void check_round_trip(ebim_model *m, ebim_arena *a)
{
    bytes one = saved(m), two;
    ebim_model l;
    memset(&l, 0x5a, sizeof l);
    if (CHECK_INT(load(&l, a, one), EBIM_OK)) {
        two = saved(&l);
        CHECK(same_bytes(one, two));
        memset(one.p, 0, one.size); /* the model must not point into the bytes */
        check_same(m, &l);
        free(two.p);
    }
    free(one.p);
}

static void every_op_comes_back(void)
{
    ebim_rng r;
    int k, energy, i, op;
    ebim_rng_init(&r, T_SEED, 1);
    for (k = 1; k <= 2; k++)
        for (energy = 0; energy <= 1; energy++) {
            ebim_arena a = arena();
            ebim_model m = make_all(&a, &r, k, energy);
            for (op = EBIM__OP_CONST; op < EBIM__OP_COUNT; op++) {
                for (i = 2; i < m.F.n_nodes && m.F.node[i].op != op; i++) {}
                CHECK(i < m.F.n_nodes); /* an op that is new belongs into record_all */
            }
            check_round_trip(&m, &a);
        }
}

static void random_graphs_come_back(void)
{
    ebim_rng r;
    int i;
    ebim_rng_init(&r, T_SEED, 2);
    for (i = 0; i < (T_QUICK ? 20 : 500); i++) {
        ebim_arena a = arena();
        ebim_model m = make_random(&a, &r, below(&r, 30));
        check_round_trip(&m, &a);
    }
}

/* Values at the ends of the range, signed zeros; subnormals only where the flags keep them. */
static void extreme_numbers_come_back(void)
{
    static const double most[] = {DBL_MAX, -DBL_MAX, DBL_MIN, -0.0, 0.0, 1e-300, -1e300, 0.1};
    ebim_rng r;
    ebim_arena a = arena();
    ebim_model m;
    int i;
    ebim_rng_init(&r, T_SEED, 3);
    m = make_all(&a, &r, 2, 1);
#ifdef EBIM_DOUBLE
    for (i = 0; i < m.F.n_theta; i++) m.F.theta[i] = (ebim_real)most[i % 8];
#else
    for (i = 0; i < m.F.n_theta; i++)
        m.F.theta[i] = i % 4 ? i % 4 > 1 ? -FLT_MAX : FLT_MIN : -0.0f;
#endif
#ifndef __FAST_MATH__
    m.E.theta[0] = (ebim_real)(sizeof(ebim_real) == 4 ? 1e-45 : 5e-324);
    m.info.mdf_loss = 5e-324;
#endif
    m.info.points = INT_MAX;
    m.info.seed = UINT64_MAX << 11;
    m.info.nll = DBL_MAX;
    m.info.nll_se = -0.0;
    m.unit = DBL_MIN;
    for (i = 0; i < 3; i++) m.lo[i] = m.hi[i] = most[i];
    check_round_trip(&m, &a);
}

/* Bytes at an odd address, and an arena that holds other things and has an odd address, too. */
static void nothing_needs_alignment(void)
{
    static unsigned char place[1 << 16];
    ebim_rng r;
    ebim_arena a = arena(), b;
    ebim_model m, l;
    bytes one;
    ebim_rng_init(&r, T_SEED, 4);
    m = make_all(&a, &r, 2, 1);
    one = saved(&m);
    CHECK_INT(ebim_save(&m, place + 1, one.size), EBIM_OK);
    CHECK(!memcmp(place + 1, one.p, one.size));
    ebim_arena_init(&b, (unsigned char *)scratch + 3, sizeof scratch - 3);
    ebim_arena_push(&b, 1, 1);
    CHECK_INT(ebim_load(&l, &b, place + 1, one.size), EBIM_OK);
    CHECK((uintptr_t)l.lo % 64 == 0 && (uintptr_t)l.F.theta % 64 == 0);
    CHECK(!memcmp(l.F.theta, m.F.theta, (size_t)m.F.n_theta * sizeof *m.F.theta));
    free(one.p);
}

static void measures_what_it_takes(void)
{
    ebim_rng r;
    ebim_arena a = arena(), measured, b;
    ebim_model m, l;
    bytes one;
    ebim_rng_init(&r, T_SEED, 5);
    m = make_all(&a, &r, 1, 1);
    one = saved(&m);
    ebim_arena_init(&measured, NULL, 0);
    CHECK_INT(ebim_load(&l, &measured, one.p, one.size), EBIM_OK);
    ebim_arena_init(&b, scratch, ebim_arena_bytes(&measured));
    CHECK_INT(ebim_load(&l, &b, one.p, one.size), EBIM_OK);
    CHECK(b.used == measured.used);
    ebim_arena_init(&b, scratch, ebim_arena_bytes(&measured) - 1);
    CHECK_INT(ebim_load(&l, &b, one.p, one.size), EBIM_ERR_MEMORY);
    ebim_arena_init_abi(&b, scratch, sizeof scratch, 12 - sizeof(ebim_real));
    CHECK_INT(ebim_load(&l, &b, one.p, one.size), EBIM_ERR_ABI);
    free(one.p);
}

static void save_stays_in_its_room(void)
{
    static unsigned char place[1 << 16];
    ebim_rng r;
    ebim_arena a = arena();
    ebim_model m;
    size_t size, i;
    ebim_rng_init(&r, T_SEED, 6);
    m = make_all(&a, &r, 2, 1);
    size = ebim_save_bytes(&m);
    memset(place, 0xee, sizeof place);
    CHECK_INT(ebim_save(&m, place, size - 1), EBIM_ERR_MEMORY);
    CHECK_INT(ebim_save(&m, NULL, 0), EBIM_ERR_MEMORY);
    for (i = 0; i < size + 64; i++) CHECK(place[i] == 0xee);
    CHECK_INT(ebim_save(&m, place, sizeof place), EBIM_OK);
    for (i = size; i < size + 64; i++) CHECK(place[i] == 0xee);
}

static double not_finite(int inf)
{
    volatile uint64_t bits = inf ? UINT64_C(0x7ff0000000000000) : UINT64_C(0x7ff8000000000000);
    uint64_t b = bits;
    double x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static ebim_real real_nan(void)
{
    volatile uint32_t bits = 0x7fc00000u;
    uint32_t b = bits;
    float x;
    memcpy(&x, &b, sizeof x);
#ifdef EBIM_DOUBLE
    return not_finite(0);
#else
    return x;
#endif
}

/* What would not load is not written. */
static void refuses_to_save_what_it_would_not_load(void)
{
    static unsigned char place[1 << 16];
    ebim_rng r;
    ebim_arena a = arena();
    ebim_model good, m;
    double lo[3], hi[3], linear[9], hole[3];
    ebim_real keep;
    int i, inf;
    ebim_rng_init(&r, T_SEED, 7);
    do good = make_all(&a, &r, 2, 1); while (!good.linear);
    CHECK_INT(ebim_save(&good, place, sizeof place), EBIM_OK);
    for (inf = 0; inf <= 1; inf++)
        for (i = 0; i < (inf ? 8 : 6); i++) { /* from 6 on, NaN means: not known */
            m = good;
            memcpy(lo, good.lo, sizeof lo);
            memcpy(hi, good.hi, sizeof hi);
            memcpy(linear, good.linear, sizeof linear);
            memcpy(hole, good.hole, sizeof hole);
            m.lo = lo;
            m.hi = hi;
            m.linear = linear;
            m.hole = hole;
            if (i == 0) m.unit = not_finite(inf);
            if (i == 1) lo[2] = not_finite(inf);
            if (i == 2) hi[0] = not_finite(inf);
            if (i == 3) linear[4] = not_finite(inf);
            if (i == 4) m.judged.verdict = inf ? 32768 : -1;
            if (i == 5) m.info.partial = -1;
            if (i == 6) m.z.se = not_finite(inf);
            if (i == 7) hole[1] = not_finite(inf);
            CHECK_INT(ebim_save(&m, place, sizeof place), EBIM_ERR_ARG);
        }
    m = good;
    m.tag[EBIM_TAG_SIZE - 1] = 'x';
    CHECK_INT(ebim_save(&m, place, sizeof place), EBIM_ERR_ARG);
    m = good;
    m.k = 1;
    CHECK_INT(ebim_save(&m, place, sizeof place), EBIM_ERR_ARG);
    keep = good.E.theta[3];
    good.E.theta[3] = real_nan();
    CHECK_INT(ebim_save(&good, place, sizeof place), EBIM_ERR_ARG);
    good.E.theta[3] = keep;
    CHECK_INT(ebim_save(&good, place, sizeof place), EBIM_OK);
}

/* NaN of any sign and payload means "not known", and comes back as the one that is written. */
static void every_nan_is_the_same(void)
{
    ebim_rng r;
    ebim_arena a = arena();
    ebim_model m, l;
    bytes one, two;
    ebim_rng_init(&r, T_SEED, 10);
    m = make_all(&a, &r, 1, 0);
    m.judged.density_p = m.hole[0] = t_nan();
    one = saved(&m);
    m.judged.density_p = t_from_bits(UINT64_C(0xfff8000000000000));
    m.hole[0] = t_from_bits(UINT64_C(0x7ff8000000000123));
    two = saved(&m);
    CHECK(same_bytes(one, two));
    if (CHECK_INT(load(&l, &a, two), EBIM_OK)) CHECK(bits64(l.hole[0]) == bits64(t_nan()));
    m.hole = m.end = NULL; /* nowhere */
    free(two.p);
    two = saved(&m);
    CHECK_INT(two.size, one.size);
    if (CHECK_INT(load(&l, &a, two), EBIM_OK)) CHECK(bits64(l.end[2]) == bits64(t_nan()));
    free(one.p);
    free(two.p);
}

/* ---- the format, written by hand ---- */

/* Appends the bytes of hexadecimal text. */
static size_t hex(unsigned char *p, size_t at, const char *text)
{
    for (; *text; text++) {
        unsigned v;
        char two[3] = {0, 0, 0};
        if (*text == ' ') continue;
        two[0] = text[0];
        two[1] = *++text;
        v = (unsigned)strtoul(two, NULL, 16);
        p[at++] = (unsigned char)v;
    }
    return at;
}

/* 1 .. 80 as doubles */
static size_t hex_numbers(unsigned char *p, size_t at)
{
    at = hex(p, at, "000000000000f03f 0000000000000040 0000000000000840"); /* 1, 2, 3 */
    at = hex(p, at, "0000000000001040 0000000000001440 000000000000f87f"); /* 4, 5, no seconds */
    at = hex(p, at, "0000000000001c40 0000000000002040 0000000000002240"); /* 7, 8, 9 */
    at = hex(p, at, "0000000000002440 0000000000002640 0000000000002840"); /* 10, 11, 12 */
    at = hex(p, at, "0000000000002a40 0000000000002c40 0000000000002e40"); /* 13, 14, 15 */
    at = hex(p, at, "0000000000003040 0000000000003140 0000000000003240"); /* 16, 17, 18 */
    at = hex(p, at, "0000000000003340 0000000000003440 0000000000003540"); /* 19, 20, 21 */
    at = hex(p, at, "0000000000003640 0000000000003740 0000000000003840"); /* 22, 23, 24 */
    at = hex(p, at, "0000000000003940 0000000000003a40 0000000000003b40"); /* 25, 26, 27 */
    at = hex(p, at, "0000000000003c40 0000000000003d40 0000000000003e40"); /* 28, 29, 30 */
    at = hex(p, at, "0000000000003f40 0000000000004040 0000000000804040"); /* 31, 32, 33 */
    at = hex(p, at, "0000000000004140 0000000000804140 0000000000004240"); /* 34, 35, 36 */
    at = hex(p, at, "0000000000804240 0000000000004340 0000000000804340"); /* 37, 38, 39 */
    at = hex(p, at, "0000000000004440 0000000000804440 0000000000004540"); /* 40, 41, 42 */
    at = hex(p, at, "0000000000804540 0000000000004640 0000000000804640"); /* 43, 44, 45 */
    at = hex(p, at, "0000000000004740 0000000000804740 0000000000004840"); /* 46, 47, 48 */
    at = hex(p, at, "0000000000804840 0000000000004940 0000000000804940"); /* 49, 50, 51 */
    at = hex(p, at, "0000000000004a40 0000000000804a40 0000000000004b40"); /* 52, 53, 54 */
    at = hex(p, at, "0000000000804b40 0000000000004c40 0000000000804c40"); /* 55, 56, 57 */
    at = hex(p, at, "0000000000004d40 0000000000804d40 0000000000004e40"); /* 58, 59, 60 */
    at = hex(p, at, "0000000000804e40 0000000000004f40 0000000000804f40"); /* 61, 62, 63 */
    at = hex(p, at, "0000000000005040 0000000000405040 0000000000805040"); /* 64, 65, 66 */
    at = hex(p, at, "0000000000c05040 0000000000005140 0000000000405140"); /* 67, 68, 69 */
    at = hex(p, at, "0000000000805140 0000000000c05140 0000000000005240"); /* 70, 71, 72 */
    at = hex(p, at, "0000000000405240 0000000000805240 0000000000c05240"); /* 73, 74, 75 */
    at = hex(p, at, "0000000000005340 0000000000405340 0000000000805340"); /* 76, 77, 78 */
    at = hex(p, at, "0000000000c05340 0000000000005440 0000000000405440"); /* 79, 80, 81 */
    return at;
}

/* n = 2, the unit circle F = x.x - 1 and E = sum of 2 (x - (0.5, -0.25)), as a file of reals of 4
 * or 8 bytes. The checksums are zlib's. */
static bytes golden(int real)
{
    static unsigned char p[2048];
    int wide = real == 8;
    size_t at = hex(p, 0, "4542494d 0d0a1a0a 06000000");
    at = hex(p, at, wide ? "08000000 4c040000 00000000" : "04000000 38040000 00000000");
    at = hex(p, at, "02000000 01000000 01000000 00000000"); /* n, k, has_energy, linear */
    at = hex(p, at, "000000000000f8bf 00000000000000c0");   /* lo: -1.5, -2 */
    at = hex(p, at, "000000000000f83f 0000000000000040");   /* hi: 1.5, 2 */
    at = hex(p, at, "000000000000d03f 000000000000f0bf");   /* hole: 0.25, -1 */
    at = hex(p, at, "000000000000f87f 000000000000f87f");   /* end: nowhere */
    at = hex(p, at, "000000000000e03f");                    /* unit: 0.5 */
    at = hex(p, at, "68616e6400000000 0000000000000000 0000000000000000 0000000000000000");
    at = hex(p, at, "0000000000000000 0000000000000000 0000000000000000 0000000000000000");
    at = hex(p, at, "00000000"); /* no names of columns; then what is known of the fit: */
    at = hex_numbers(p, at);
    at = hex(p, at, "00000000");                            /* no points to start from */
    at = hex(p, at, "05000000 04000000 01000000");          /* F: 5 nodes, y = 4, 1 parameter */
    at = hex(p, at, "08000000 00000000 01000000 01000000 00000000 01000000"); /* 2: DOT 1 1 */
    at = hex(p, at, "00000000 00000000 0000000000000000");
    at = hex(p, at, "02000000 00000000 00000000 00000000 00000000 01000000"); /* 3: CONST */
    at = hex(p, at, "01000000 01000000 0000000000000000");
    at = hex(p, at, "06000000 00000000 02000000 03000000 00000000 01000000"); /* 4: 2 - 3 */
    at = hex(p, at, "00000000 00000000 000000000000f0bf");
    at = hex(p, at, wide ? "000000000000f03f" : "0000803f");
    at = hex(p, at, "04000000 03000000 04000000");          /* E: 4 nodes, y = 3, 4 parameters */
    at = hex(p, at, "05000000 00000000 01000000 00000000 00000000 02000000"); /* 2: AFFINE 1 */
    at = hex(p, at, "00000000 01000000 0000000000000000");
    at = hex(p, at, "09000000 00000000 02000000 00000000 00000000 01000000"); /* 3: SUM 2 */
    at = hex(p, at, "00000000 00000000 0000000000000000");
    at = hex(p, at, wide ? "0000000000000040 0000000000000040 000000000000e03f 000000000000d0bf"
                         : "00000040 00000040 0000003f 000080be");
    at = hex(p, at, wide ? "22285ddf" : "7b8e18f1");
    return bytes_of(p, at);
}

static ebim_ref record_circle(ebim_graph *g, ebim_ref x, void *user)
{
    static const double one = 1;
    ebim_ref square = ebim_sumsq(g, x); /* the order of arguments is the compiler's */
    (void)user;
    return ebim_sub(g, square, ebim_constant(g, 1, &one));
}

static ebim_ref record_slope(ebim_graph *g, ebim_ref x, void *user)
{
    static const double center[2] = {0.5, -0.25};
    (void)user;
    return ebim_sum(g, ebim_affine(g, x, center, 2));
}

/* What is known of a fit, as the file has it: 1, 2, 3, ... */
static void number_info(ebim_model *m)
{
    int i;
    m->info.points = 1;
    m->info.seed = 2;
    m->info.recipe = 3;
    m->info.mdf_loss = 4;
    m->info.energy_loss = 5;
    m->info.seconds = t_nan();
    m->info.networks = 7;
    m->info.partial = 8;
    m->info.held = 9;
    m->info.nll = 10;
    m->info.nll_se = 11;
    m->info.distinct = 12;
    m->info.outliers = 13;
    for (i = 0; i < EBIM_OUTLIERS; i++) m->info.outlier_row[i] = 49 + i;
    for (i = 0; i < EBIM_OUTLIERS; i++) m->info.outlier_distance[i] = 65 + i;
}

static void number_judged(ebim_model *m)
{
    m->judged.checked = 14;
    m->judged.missed = 15;
    m->judged.distance_mean = 16;
    m->judged.distance_median = 17;
    m->judged.distance_q99 = 18;
    m->judged.distance_max = 19;
    m->judged.points = 20;
    m->judged.volume = 21;
    m->judged.volume_se = 22;
    m->judged.components = 23;
    m->judged.sigma = 24;
    m->judged.singular = 25;
    m->judged.empty = 26;
    m->judged.fewest = 27;
    m->judged.remote = 28;
    m->judged.reach = 29;
    m->judged.rim = 30;
    m->judged.disputed = 31;
    m->judged.noise = 32;
    m->judged.hole = 33;
    m->judged.hole_expected = 34;
    m->judged.hole_radius = 35;
    m->judged.gap = 36;
    m->judged.gap_extent = 37;
    m->judged.gap_abrupt = 38;
    m->judged.density_p = 39;
    m->judged.verdict = 40;
    m->judged.one_sided = 81;
}

static void number_fields(ebim_model *m)
{
    number_info(m);
    number_judged(m);
    m->z.log_z = 41;
    m->z.se = 42;
    m->z.log_volume = 43;
    m->z.volume_se = 44;
    m->z.log_mean = 45;
    m->z.mean_se = 46;
    m->z.points = 47;
    m->z.effective = 48;
}

static ebim_model circle(ebim_arena *a)
{
    static double lo[2] = {-1.5, -2}, hi[2] = {1.5, 2}, hole[2] = {0.25, -1}, end[2];
    ebim_model m;
    end[0] = end[1] = t_nan();
    memset(&m, 0, sizeof m);
    m.n = 2;
    m.m = m.k = m.has_energy = 1;
    m.lo = lo;
    m.hi = hi;
    m.hole = hole;
    m.end = end;
    m.unit = 0.5;
    memcpy(m.tag, "hand", 4);
    number_fields(&m);
    CHECK_INT(ebim_record(&m.F, a, 2, record_circle, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&m.E, a, 2, record_slope, NULL), EBIM_OK);
    return m;
}

static void layout_is_the_documented_one(void)
{
    ebim_arena a = arena();
    ebim_model m = circle(&a);
    bytes hand = golden((int)sizeof(ebim_real)), ours = saved(&m);
    size_t i;
    CHECK_INT(ours.size, hand.size);
    for (i = 0; i < hand.size && i < ours.size; i++)
        if (!CHECK_INT(ours.p[i], hand.p[i])) printf("  at byte %d\n", (int)i);
    free(hand.p);
    free(ours.p);
}

/* A model that is saved is only read, its texts too. */
static void saving_changes_nothing(void)
{
    static const char names[] = "x\ny";
    static unsigned char room[1 << 14];
    ebim_arena a = arena();
    ebim_model m = circle(&a), was;
    bytes ours;
    m.columns = (char *)(uintptr_t)names;
    was = m;
    ours = saved(&m);
    CHECK(!memcmp(&m, &was, sizeof m));
    free(ours.p);
    m.info.outlier_row[1] = INT_MAX; /* it has no number from 1 on */
    CHECK_INT(ebim_save(&m, room, sizeof room), EBIM_ERR_ARG);
}

/* How long a fit took is no part of the file; where an older one has it, it is known. */
static void seconds_are_not_saved(void)
{
    ebim_arena a = arena();
    ebim_model m = circle(&a), l;
    bytes none = saved(&m), ours;
    m.info.seconds = 6;
    ours = saved(&m);
    CHECK(same_bytes(ours, none) && m.info.seconds >= 6);
    put(ours.p + INFO + 2 * 32 + 5 * 8, bits64(6), 8);
    seal(ours);
    if (CHECK_INT(load(&l, &a, ours), EBIM_OK)) check_same(&m, &l);
    free(ours.p);
    ours = saved(&l);
    CHECK(same_bytes(ours, none));
    free(ours.p);
    free(none.p);
}

/* A linear map: a flag, and two matrices before the box. */
static void a_linear_map_has_its_place(void)
{
    static double L[4] = {2, 1, 0, 4}, inverse[4] = {0.5, -0.125, 0, 0.25};
    ebim_arena a = arena();
    ebim_model m = circle(&a), l;
    bytes without = saved(&m), ours;
    size_t i;
    m.linear = L;
    m.inverse = inverse;
    ours = saved(&m);
    if (CHECK_INT(ours.size, without.size + 64)) {
        CHECK_INT(get32(ours.p + 36), 1);
        for (i = 0; i < 4; i++) CHECK(stored(ours.p + 40 + 8 * i, 8) == L[i]);
        for (i = 0; i < 4; i++) CHECK(stored(ours.p + 72 + 8 * i, 8) == inverse[i]);
        CHECK(!memcmp(ours.p + 104, without.p + 40, without.size - 40 - 4));
    }
    if (CHECK_INT(load(&l, &a, ours), EBIM_OK)) check_same(&m, &l);
    put(ours.p + 36, 0, 4); /* a map without the flag */
    seal(ours);
    CHECK_INT(load_small(ours), EBIM_ERR_FORMAT);
    put(without.p + 36, 1, 4); /* the flag without a map */
    seal(without);
    CHECK_INT(load_small(without), EBIM_ERR_FORMAT);
    free(ours.p);
    free(without.p);
}

static void both_precisions_load(void)
{
    int real;
    for (real = 4; real <= 8; real += 4) {
        ebim_arena a = arena();
        ebim_model m = circle(&a), l;
        bytes hand = golden(real);
        CHECK_INT(get32(hand.p + hand.size - 4), crc(hand.p, hand.size - 4));
        if (CHECK_INT(load(&l, &a, hand), EBIM_OK)) check_same(&m, &l);
        free(hand.p);
    }
}

/* ---- the other precision ---- */

/* Re-encodes all parameters. */
static bytes other_precision(bytes b)
{
    size_t real = get32(b.p + 12), other = 12 - real, at = graph_at(b), to = at, i, g;
    unsigned char *p = (unsigned char *)malloc(2 * b.size);
    bytes out;
    if (!p) abort();
    memcpy(p, b.p, at);
    put(p + 12, other, 4);
    for (g = 0; g <= get32(b.p + 32); g++) {
        size_t theta = get32(b.p + at + 8), head = graph_size(b.p + at, 0);
        memcpy(p + to, b.p + at, head);
        to += head;
        at += head;
        for (i = 0; i < theta; i++, at += real, to += other) {
            double v = stored(b.p + at, real);
            put(p + to, other == 8 ? bits64(v) : bits32((float)v), (int)other);
        }
    }
    CHECK_INT(at, b.size - 4);
    out = bytes_of(p, to + 4);
    seal(out);
    free(p);
    return out;
}

/* Names of columns: any bytes but zeros, NULL and "" the same; memory comes from the arena. */
static void names_of_columns_come_back(void)
{
    static char names[] = "x\npos, \"y\"\n\xc3\xa9", empty[] = "";
    ebim_arena a = arena();
    ebim_model m = circle(&a), l;
    bytes none = saved(&m), b;
    CHECK(!memcmp(none.p + INFO + 2 * 32 - 4, "\0\0\0\0", 4));
    CHECK(CHECK_INT(load(&l, &a, none), EBIM_OK) && l.columns == NULL);
    m.columns = empty;
    b = saved(&m);
    CHECK(same_bytes(b, none));
    free(b.p);
    m.columns = names;
    b = saved(&m);
    CHECK_INT(b.size, none.size + strlen(names));
    if (CHECK_INT(load(&l, &a, b), EBIM_OK)) {
        check_same(&m, &l);
        if (CHECK_STR(l.columns, names)) CHECK(l.columns != names);
    }
    b.p[INFO + 2 * 32 + 2] = 0;
    seal(b);
    CHECK_INT(load(&l, &a, b), EBIM_ERR_FORMAT); /* a zero in the text */
    free(b.p);
    free(none.p);
}

static void the_other_precision_is_converted(void)
{
    ebim_rng r;
    ebim_arena a = arena();
    ebim_model m, l;
    bytes mine, other;
    int i;
    ebim_rng_init(&r, T_SEED, 8);
    m = make_all(&a, &r, 2, 1);
    mine = saved(&m);
    other = other_precision(mine);
    CHECK(other.size != mine.size);
    if (CHECK_INT(load(&l, &a, other), EBIM_OK)) {
        for (i = 0; i < m.F.n_theta; i++)
            CHECK(l.F.theta[i] == (ebim_real)(float)m.F.theta[i]);
        for (i = 0; i < m.E.n_theta; i++)
            CHECK(l.E.theta[i] == (ebim_real)(float)m.E.theta[i]);
        check_valid(&l);
    }
    free(mine.p);
    free(other.p);
}

/* The first parameter of E in a golden file. */
static size_t golden_theta(int real)
{
    return GRAPHS + 32 * 2 + 12 + 3 * NODE + (size_t)real + 12 + 2 * NODE;
}

static ebim_result with_theta(int real, uint64_t bits, ebim_real *theta)
{
    bytes b = golden(real);
    ebim_arena a = arena();
    ebim_model m;
    ebim_result r;
    put(b.p + golden_theta(real), bits, real);
    seal(b);
    r = load(&m, &a, b);
    if (!r) *theta = m.E.theta[0];
    free(b.p);
    return r;
}

static void numbers_that_do_not_fit_are_refused(void)
{
    int fits = sizeof(ebim_real) == 8;
    ebim_real t = 0;
    CHECK_INT(with_theta(8, bits64(1e39), &t), fits ? EBIM_OK : EBIM_ERR_FORMAT);
    CHECK_INT(with_theta(8, bits64(-1e300), &t), fits ? EBIM_OK : EBIM_ERR_FORMAT);
    CHECK_INT(with_theta(8, bits64(3.4028236e38), &t), fits ? EBIM_OK : EBIM_ERR_FORMAT);
    CHECK_INT(with_theta(8, bits64((double)FLT_MAX), &t), EBIM_OK);
    CHECK(t == (ebim_real)FLT_MAX);
    CHECK_INT(with_theta(8, bits64(0.1), &t), EBIM_OK);
    CHECK(t == (ebim_real)0.1);
    CHECK_INT(with_theta(4, bits32(0.1f), &t), EBIM_OK);
    CHECK(t == (ebim_real)0.1f);
    CHECK_INT(with_theta(4, 0x7f800000u, &t), EBIM_ERR_FORMAT);
    CHECK_INT(with_theta(4, 0xffc00000u, &t), EBIM_ERR_FORMAT);
    CHECK_INT(with_theta(8, UINT64_C(0x7ff0000000000000), &t), EBIM_ERR_FORMAT);
    CHECK_INT(with_theta(8, UINT64_C(0xfff0000000000001), &t), EBIM_ERR_FORMAT);
}

static ebim_result with(int real, size_t at, uint64_t v, int count)
{
    bytes b = golden(real);
    ebim_result r;
    put(b.p + at, v, count);
    seal(b);
    r = load_small(b);
    free(b.p);
    return r;
}

/* Exponents and factors of nodes are doubles in a file, whatever its precision. */
static void factors_that_do_not_fit_are_refused(void)
{
    size_t s = GRAPHS + 64 + 12 + 2 * NODE + 32; /* of F's node 4 */
    CHECK_INT(with(8, s, bits64(1e30), 8), EBIM_OK);
    CHECK_INT(with(8, s, bits64(1e39), 8), sizeof(ebim_real) == 8 ? EBIM_OK : EBIM_ERR_FORMAT);
    CHECK_INT(with(4, s, bits64(-1e300), 8), sizeof(ebim_real) == 8 ? EBIM_OK : EBIM_ERR_FORMAT);
    CHECK_INT(with(8, s, bits64(not_finite(1)), 8), EBIM_ERR_FORMAT);
}

/* ---- damage ---- */

static ebim_result damage_result(size_t at)
{
    if (at < 8) return EBIM_ERR_FORMAT;
    if (at < 12) return EBIM_ERR_VERSION;
    return at >= 16 && at < HEAD ? EBIM_ERR_FORMAT : EBIM_ERR_CHECKSUM;
}

static void every_flipped_byte_is_refused(void)
{
    bytes b = golden((int)sizeof(ebim_real));
    size_t at;
    int flip;
    for (at = 0; at < b.size; at++)
        for (flip = 0; flip < 9; flip++) {
            unsigned char old = b.p[at];
            b.p[at] ^= (unsigned char)(flip == 8 ? 0xff : 1 << flip);
            CHECK_INT(load_small(b), damage_result(at));
            b.p[at] = old;
        }
    CHECK_INT(load_small(b), EBIM_OK);
    free(b.p);
}

static void every_length_but_the_right_one_is_refused(void)
{
    bytes whole = golden((int)sizeof(ebim_real)), b;
    size_t size, i;
    for (size = 0; size <= whole.size + 40; size++) {
        b = bytes_of(whole.p, size < whole.size ? size : whole.size);
        if (size > whole.size) {
            b.p = (unsigned char *)realloc(b.p, size);
            if (!b.p) abort();
            b.size = size;
            for (i = whole.size; i < size; i++) b.p[i] = 0;
        }
        CHECK_INT(load_small(b), size == whole.size ? EBIM_OK : EBIM_ERR_FORMAT);
        if (size >= 28) { /* the same with a size and a checksum that fit */
            seal(b);
            CHECK_INT(load_small(b), size == whole.size ? EBIM_OK : EBIM_ERR_FORMAT);
        }
        free(b.p);
    }
    free(whole.p);
}

static void versions_and_precisions(void)
{
    CHECK_INT(with(8, 8, 0, 4), EBIM_ERR_VERSION);
    CHECK_INT(with(8, 8, 1, 4), EBIM_ERR_VERSION);
    CHECK_INT(with(8, 8, 3, 4), EBIM_ERR_VERSION);
    CHECK_INT(with(8, 8, 4, 4), EBIM_ERR_VERSION);
    CHECK_INT(with(8, 8, 5, 4), EBIM_ERR_VERSION);
    CHECK_INT(with(8, 8, 7, 4), EBIM_ERR_VERSION);
    CHECK_INT(with(8, 8, 0x01000000, 4), EBIM_ERR_VERSION);
    CHECK_INT(with(8, 0, 'e', 1), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, 4, 10, 1), EBIM_ERR_FORMAT); /* CR LF turned into LF LF */
    CHECK_INT(with(8, 12, 0, 4), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, 12, 2, 4), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, 12, 4, 4), EBIM_ERR_FORMAT);
    CHECK_INT(with(4, 12, 8, 4), EBIM_ERR_FORMAT);
    CHECK_INT(with(4, 12, 0x80000004u, 4), EBIM_ERR_FORMAT);
    CHECK_INT(with(4, 12, 0xfffffff8u, 4), EBIM_ERR_FORMAT);
}

/* Is the number that `number_fields` calls so a whole one (1), or one that may be unknown (2)? */
static int counts(int number)
{
    static const int whole[] = {1, 2, 3, 7, 8, 9, 12, 13, 14, 15, 20, 40};
    int i;
    if (number == 23) return 2;
    for (i = 0; i < (int)(sizeof whole / sizeof *whole); i++)
        if (number == whole[i]) return 1;
    return number >= 49 && number < 49 + EBIM_OUTLIERS;
}

/* Fields one at a time, in a file whose checksum fits. */
static void every_field_is_checked(void)
{
    enum { I = INFO + 64, F = GRAPHS + 64, E = F + 12 + 3 * NODE + 8 };
    static const struct {
        size_t at;
        uint32_t v;
    } bad[] = {
        {24, 0}, {24, 1}, {24, 3}, {24, 0x7fffffff}, {24, 0x80000002u}, {24, 0xffffffffu}, /* n */
        {28, 0}, {28, 2}, {28, 3}, {28, 0x80000001u}, {28, 0xffffffffu},                   /* k */
        {32, 2}, {32, 0}, {32, 0xffffffffu},                                      /* has_energy */
        {36, 1}, {36, 2}, {36, 0xffffffffu},                                          /* linear */
        {I - 8, 0x01000000},                                                       /* tag's end */
        {I - 4, 1}, {I - 4, 8}, {I - 4, 0x7fffffff}, {I - 4, 0x80000000u},           /* columns */
        {I - 4, 0xffffffffu},
        {F, 0}, {F, 1}, {F, 2}, {F, 4}, {F, 6}, {F, 0x80000005u},                      /* nodes */
        {F + 4, 0}, {F + 4, 1}, {F + 4, 5}, {F + 4, 0x7fffffff}, {F + 4, 0xffffffffu},     /* y */
        {F + 8, 0}, {F + 8, 2}, {F + 8, 0x7fffffff}, {F + 8, 0xffffffffu},           /* n_theta */
        {F + 12, 0}, {F + 12, 1}, {F + 12, 15}, {F + 12, 3}, {F + 12, 0xffffffffu},       /* op */
        {F + 16, 13}, {F + 16, 0x7fffffff}, {F + 16, 0xffffffffu},                        /* fn */
        {F + 20, 0}, {F + 20, 2}, {F + 20, 3}, {F + 20, 0xffffffffu},                      /* a */
        {F + 24, 0}, {F + 24, 2}, {F + 24, 0x80000001u},                                   /* b */
        {F + 28, 1}, {F + 28, 0xffffffffu},                                                /* c */
        {F + 32, 0}, {F + 32, 2}, {F + 32, 0xffffffffu},                                /* size */
        {F + 36, 0x80000000u},                                                            /* i0 */
        {F + 40, 2}, {F + 40, 0xffffffffu},                                           /* frozen */
        {F + NODE + 36, 0}, {F + NODE + 36, 2}, {F + NODE + 36, 0x7fffffff},    /* CONST's size */
        {F - 4, 1}, {F - 4, 201}, {F - 4, 0xffffffffu}, /* points to start from */
        {E, 3}, {E, 5}, {E + 4, 2}, {E + 4, 1}, {E + 8, 3}, {E + 8, 5},
    };
    enum { UNIT = 104, VERDICT = I + 8 * 39 };
    static const size_t f64[] = {40, 48, 56, 64, UNIT, VERDICT, F + 12 + 32, F + 12 + NODE + 32,
                                 E + 12 + 32};
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!CHECK_INT(with(8, bad[i].at, bad[i].v, 4), EBIM_ERR_FORMAT))
            printf("  at %d: %u\n", (int)bad[i].at, (unsigned)bad[i].v);
    for (i = 0; i < sizeof f64 / sizeof *f64; i++) {
        CHECK_INT(with(8, f64[i], bits64(not_finite(0)), 8), EBIM_ERR_FORMAT);
        CHECK_INT(with(8, f64[i], bits64(not_finite(1)), 8), EBIM_ERR_FORMAT);
    }
    for (i = 72; i < F - 4; /* places, then fit */
         i += i == UNIT - 8 ? 16 + EBIM_TAG_SIZE + 4 : 8) {
        int count = i >= I ? counts(1 + (int)(i - I) / 8) : 0; /* what is not known is one NaN */
        CHECK_INT(with(8, i, bits64(not_finite(0)), 8), count == 1 ? EBIM_ERR_FORMAT : EBIM_OK);
        if (count) CHECK_INT(with(8, i, bits64(-1), 8), EBIM_ERR_FORMAT);
        if (count && i != I + 8) { /* the seed is a larger number */
            CHECK_INT(with(8, i, bits64(0.5), 8), EBIM_ERR_FORMAT);
            CHECK_INT(with(8, i, bits64(2147483648.0), 8), EBIM_ERR_FORMAT);
        }
        CHECK_INT(with(8, i, UINT64_C(0xfff8000000000000), 8), EBIM_ERR_FORMAT);
        CHECK_INT(with(8, i, bits64(not_finite(1)), 8), EBIM_ERR_FORMAT);
    }
    CHECK_INT(with(8, VERDICT, bits64(32767), 8), EBIM_OK); /* all bits */
    CHECK_INT(with(8, VERDICT, bits64(32768), 8), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, VERDICT, bits64(-1), 8), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, 40, bits64(1.5), 8), EBIM_OK); /* lo = hi */
    CHECK_INT(with(8, 40, bits64(1.625), 8), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, 64, bits64(-2.5), 8), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, UNIT, bits64(0), 8), EBIM_ERR_FORMAT);
    CHECK_INT(with(8, UNIT, bits64(-1), 8), EBIM_ERR_FORMAT);
}

/* A file of our circle whose F is nodes written by hand: op, fn, a, b, c, size, i0, frozen. */
static bytes with_nodes(int count, const int32_t node[][8], uint32_t n_theta)
{
    bytes hand = golden(4), b;
    unsigned char *p = (unsigned char *)calloc(1, ROOM);
    size_t at = GRAPHS + 64;
    int i, c;
    if (!p) abort();
    memcpy(p, hand.p, at);
    put(p + 32, 0, 4);
    put(p + at, (uint64_t)count + 2, 4);
    put(p + at + 4, (uint64_t)count + 1, 4);
    put(p + at + 8, n_theta, 4);
    at += 12;
    for (i = 0; i < count; i++, at += NODE)
        for (c = 0; c < 8; c++) put(p + at + 4 * (size_t)c, (uint32_t)node[i][c], 4);
    b = bytes_of(p, at + 4 * (n_theta < 4096 ? n_theta : 0) + 4);
    seal(b);
    free(p);
    free(hand.p);
    return b;
}

static void make_node(int32_t *node, int op, int a, int b, int size, int i0)
{
    memset(node, 0, 8 * sizeof *node);
    node[0] = op;
    node[2] = a;
    node[3] = b;
    node[5] = size;
    node[6] = i0;
}

static ebim_result load_nodes(int count, const int32_t node[][8], uint32_t n_theta)
{
    bytes b = with_nodes(count, node, n_theta);
    ebim_result r = load_small(b);
    free(b.p);
    return r;
}

static void full_graphs_say_so(void)
{
    int32_t node[EBIM_MAX_NODES + 1][8];
    int i, most = EBIM_MAX_NODES - 2;
    memset(node, 0, sizeof node);
    node[0][0] = EBIM__OP_SUM;
    node[0][2] = node[0][5] = 1;
    for (i = 1; i <= EBIM_MAX_NODES; i++) {
        node[i][0] = EBIM__OP_APPLY;
        node[i][2] = i + 1;
        node[i][5] = 1;
    }
    CHECK_INT(load_nodes(most, (const int32_t(*)[8])node, 0), EBIM_OK);
    CHECK_INT(load_nodes(most + 1, (const int32_t(*)[8])node, 0), EBIM_ERR_NODES);
    CHECK_INT(load_nodes(most + 2, (const int32_t(*)[8])node, 0), EBIM_ERR_NODES);
}

/* Sizes whose products or sums overflow an int, or memory. */
static void sizes_that_overflow_are_refused(void)
{
    static const int32_t dense[][2] = {{INT_MAX, INT_MAX}, {1 << 30, 1 << 30}, {1 << 25, 1 << 25},
                                       {715827883, 715827883}, {178956971, 178956971}};
    int32_t node[40][8];
    int i;
    memset(node, 0, sizeof node);
    for (i = 0; i < (int)(sizeof dense / sizeof *dense); i++) {
        node[0][0] = EBIM__OP_DENSE;
        node[0][2] = 1;
        node[0][5] = dense[i][0];
        node[0][6] = dense[i][1];
        CHECK_INT(load_nodes(1, (const int32_t(*)[8])node, 3), EBIM_ERR_FORMAT);
        CHECK_INT(load_nodes(1, (const int32_t(*)[8])node, (uint32_t)dense[i][0] * 3u),
                  EBIM_ERR_FORMAT); /* the number of parameters, wrapped */
    }
    for (i = 0; i < 24; i++) /* 2^(i + 2) features; INT_MAX / 64 = 2^25 - 1 is allowed */
        make_node(node[i], EBIM__OP_CONCAT, i + 1, i + 1, (int32_t)(4u << i), 0);
    make_node(node[24], EBIM__OP_SUM, 25, 0, 1, 0);
    CHECK_INT(load_nodes(25, (const int32_t(*)[8])node, 0), EBIM_ERR_FORMAT);
    make_node(node[9], EBIM__OP_SLICE, 10, 0, 1023, 0); /* 2^22 (1023 + 1) parameters: 0, wrapped */
    make_node(node[10], EBIM__OP_DENSE, 11, 0, 1 << 22, 1 << 22);
    make_node(node[11], EBIM__OP_SUM, 12, 0, 1, 0);
    CHECK_INT(load_nodes(12, (const int32_t(*)[8])node, 0), EBIM_ERR_FORMAT);
    memset(node, 0, sizeof node);
    for (i = 0; i < 40; i++) { /* constants that fill memory, if somebody believed them */
        node[i][0] = EBIM__OP_CONST;
        node[i][5] = node[i][6] = 1 << 24;
    }
    for (i = 1; i < 40; i++)
        CHECK_INT(load_nodes(i, (const int32_t(*)[8])node, (uint32_t)i << 24), EBIM_ERR_FORMAT);
    for (i = 0; i < 8; i++) { /* the size in the header */
        bytes b = golden(4);
        put(b.p + 16, b.size + ((uint64_t)1 << (32 + 4 * i)), 8);
        put(b.p + b.size - 4, crc(b.p, b.size - 4), 4);
        CHECK_INT(load_small(b), EBIM_ERR_FORMAT);
        free(b.p);
    }
}

/* Nodes without parameters that double the features, in a small file: one of 16 or fewer for a byte
 * loads, and takes 32 MB or less to be scored (64 in double); one of more does not load. */
static void features_are_bounded_by_bytes(void)
{
    static double memory_of_graph[1 << 12];
    int32_t node[26][8];
    int i, taken = 0, refused = 0;
    memset(node, 0, sizeof node);
    for (i = 0; i < 23; i++) {
        bytes b;
        ebim_model m;
        ebim_arena a, work;
        ebim_result r;
        make_node(node[i], EBIM__OP_CONCAT, i + 1, i + 1, (int32_t)(4u << i), 0);
        make_node(node[i + 1], EBIM__OP_SUM, i + 2, 0, 1, 0);
        b = with_nodes(i + 2, (const int32_t(*)[8])node, 0);
        ebim_arena_init(&a, memory_of_graph, sizeof memory_of_graph);
        ebim_arena_init(&work, NULL, 0);
        r = ebim_load(&m, &a, b.p, b.size);
        CHECK_INT(r, (8u << i) - 1 > 16 * b.size ? EBIM_ERR_LIMIT : EBIM_OK);
        refused += r == EBIM_ERR_LIMIT;
        if (!r) {
            taken++;
            CHECK_INT(ebim_model_score(&m, &work, 128, NULL, NULL, NULL, NULL, NULL), EBIM_OK);
            CHECK(ebim_arena_bytes(&work) < sizeof(ebim_real) * ((size_t)8 << 20));
        }
        free(b.p);
    }
    CHECK(taken > 8 && refused > 8);
}

/* |x|^2 + the mean of a window of side / 2 pixels in an image of zeros, of which all are taken */
static ebim_ref record_means(ebim_graph *g, ebim_ref x, void *user)
{
    int side = *(const int *)user;
    ebim_ref a = ebim_window(g, ebim_image(g, x, 1, 1, 2), 0, 0, side, side);
    a = ebim_slice(g, ebim_average_pool(g, a, side / 2, 1), 0, 1);
    return ebim_add(g, ebim_sumsq(g, x), a);
}

/* x, so many times */
static ebim_ref record_many(ebim_graph *g, ebim_ref x, void *user)
{
    int count = *(const int *)user;
    ebim_ref y = x;
    for (; count > 1; count /= 2) y = ebim_concat(g, y, y);
    return y;
}

/* Small files do not ask for long work: means over windows, which have no parameters, and frames of
 * many outputs, whose cost is their cube. What could not be loaded is not saved. */
static void work_is_bounded_by_bytes(void)
{
    static const int side[2] = {40, 100}, many[2] = {32, 256};
    int i;
    for (i = 0; i < 2; i++) {
        int s = side[i], outputs = many[i];
        ebim_arena a = arena();
        ebim_model m = circle(&a);
        static unsigned char room[1 << 14];
        CHECK_INT(ebim_record(&m.F, &a, 2, record_means, &s), EBIM_OK);
        CHECK_INT(ebim_save(&m, room, sizeof room), i ? EBIM_ERR_ARG : EBIM_OK);
        CHECK_INT(ebim_record(&m.F, &a, 2, record_many, &outputs), EBIM_OK);
        m.F.field.codim = 1;
        CHECK_INT(ebim_save(&m, room, sizeof room), i ? EBIM_ERR_ARG : EBIM_OK);
    }
}

/* A slice is the only node whose size the file chooses. */
static void slices_stay_inside(void)
{
    static const int32_t size[] = {0, -1, 1, 2, 3, INT_MAX, INT_MIN};
    int32_t node[2][8];
    int i, j;
    memset(node, 0, sizeof node);
    node[0][0] = EBIM__OP_SLICE;
    node[0][2] = 1;
    node[1][0] = EBIM__OP_SUM;
    node[1][2] = 2;
    node[1][5] = 1;
    for (i = 0; i < 7; i++)
        for (j = 0; j < 7; j++) {
            int fits = size[j] >= 1 && size[i] >= 0 && (int64_t)size[i] + size[j] <= 2;
            node[0][5] = size[j];
            node[0][6] = size[i];
            CHECK_INT(load_nodes(2, (const int32_t(*)[8])node, 0),
                      fits ? EBIM_OK : EBIM_ERR_FORMAT);
        }
}

/* ---- hostile files: the checksum always fits ---- */

typedef struct {
    int loaded, refused, evaluated;
} tally;

static void try_hostile(bytes b, tally *t)
{
    ebim_arena a = arena();
    ebim_model m;
    ebim_result r;
    seal(b);
    r = load(&m, &a, b);
    if (r) {
        CHECK(r == EBIM_ERR_FORMAT || r == EBIM_ERR_VERSION || r == EBIM_ERR_NODES ||
              r == EBIM_ERR_LIMIT);
        t->refused++;
        return;
    }
    t->loaded++;
    t->evaluated += check_valid(&m);
}

static void every_flipped_byte_with_a_new_checksum(void)
{
    bytes b = golden((int)sizeof(ebim_real));
    tally t = {0, 0, 0};
    size_t at;
    int flip;
    for (at = 0; at + 4 < b.size; at++)
        for (flip = 0; flip < 9; flip += T_QUICK ? 4 : 1) {
            unsigned char old = b.p[at];
            b.p[at] ^= (unsigned char)(flip == 8 ? 0xff : 1 << flip);
            try_hostile(b, &t);
            b.p[at] = old;
        }
    CHECK(t.loaded > 100 && t.refused > 100);
    free(b.p);
}

static uint32_t odd_int(ebim_rng *r)
{
    static const uint32_t odd[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 16, 95, 96, 97, 255, 256,
                                   0x1ffffff, 0x2000000, 0x7ffffffe, 0x7fffffff, 0x80000000u,
                                   0x80000001u, 0xfffffffeu, 0xffffffffu};
    return below(r, 8) ? odd[below(r, (int)(sizeof odd / sizeof *odd))] : ebim_rng_u32(r);
}

static uint64_t odd_double(ebim_rng *r)
{
    static const double odd[] = {0, -0.0, 1, -1, 2, 0.5, 1e-300, 1e300, -1e300, 1e38, 1e39, 1e-45};
    if (!below(r, 8)) return (uint64_t)ebim_rng_u32(r) << 32 | ebim_rng_u32(r);
    return bits64(odd[below(r, 12)]);
}

/* One random edit of one field, or of the list of nodes. Returns the new bytes. */
static bytes edit(bytes b, ebim_rng *r)
{
    size_t start = graph_at(b), count, at, body = b.size - 4;
    if (start + 12 > body) start = 24;
    count = start > 24 && get32(b.p + start) < 200 ? get32(b.p + start) : 2;
    at = start + 12 + (count > 2 ? NODE * (size_t)below(r, (int)count - 2) : 0);
    if (at + NODE > body) at = start;
    switch (below(r, 8)) {
    case 0: put(b.p + 24 + 4 * (size_t)below(r, 4), odd_int(r), 4); break;
    case 1: put(b.p + 40 + 8 * (size_t)below(r, 40), odd_double(r), 8); break;
    case 2: put(b.p + start + 4 * (size_t)below(r, 3), odd_int(r), 4); break;
    case 3: /* a field of a node */
    case 4: if (at + NODE <= body) put(b.p + at + 4 * (size_t)below(r, 8), odd_int(r), 4); break;
    case 5: if (at + NODE <= body) put(b.p + at + 32, odd_double(r), 8); break;
    case 6: /* a node twice, or once less */
        if (at + NODE <= body && count > 2) {
            bytes old = b;
            int more = below(r, 2);
            size_t from = more ? at : at + NODE, to = more ? at + NODE : at;
            b = bytes_of(old.p, old.size);
            if (more) {
                b.size += NODE;
                b.p = (unsigned char *)realloc(b.p, b.size);
                if (!b.p) abort();
            }
            memcpy(b.p + to, old.p + from, old.size - from);
            if (!more) b.size -= NODE;
            put(b.p + start, count + (more ? 1 : (uint64_t)-1), 4);
            put(b.p + start + 4, count - (more ? 0 : 2), 4);
            free(old.p);
        }
        break;
    default: b.p[8 + (size_t)below(r, (int)body - 8)] ^= (unsigned char)ebim_rng_u32(r);
    }
    return b;
}

static void random_edits_with_a_new_checksum(void)
{
    tally t = {0, 0, 0};
    ebim_rng r;
    int i, j, edits, rounds = T_QUICK ? 40 : 1500;
    ebim_rng_init(&r, T_SEED, 9);
    for (i = 0; i < rounds; i++) {
        ebim_arena a;
        ebim_model m;
        bytes base;
        ebim_arena_init(&a, memory, sizeof memory);
        m = i % 50 ? make_random(&a, &r, below(&r, 12)) : make_all(&a, &r, 2, 1);
        base = saved(&m);
        for (j = 0; j < 10; j++) {
            bytes b = bytes_of(base.p, base.size);
            for (edits = 1 + below(&r, 2); edits; edits--) b = edit(b, &r);
            try_hostile(b, &t);
            free(b.p);
        }
        free(base.p);
    }
    /* neither all refused nor all accepted, and most of what loaded is small */
    CHECK(t.loaded > rounds && t.refused > rounds && t.evaluated > rounds / 2);
}

/* ---- files ---- */

static void write_file(const char *path, const void *p, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!CHECK(f != NULL)) return;
    CHECK(fwrite(p, 1, size, f) == size);
    CHECK(fclose(f) == 0);
}

/* -1: there is no such file. */
static long file_size(const char *path)
{
    struct stat s;
    return stat(path, &s) ? -1 : (long)s.st_size;
}

static int holds(const char *path, bytes b)
{
    FILE *f = fopen(path, "rb");
    static unsigned char p[1 << 16];
    size_t got;
    if (!f) return 0;
    got = fread(p, 1, sizeof p, f);
    fclose(f);
    return got == b.size && !memcmp(p, b.p, got);
}

static void files_come_back(void)
{
    const char *path = t_tmp("model.ebim"), *tmp = t_tmp("model.ebim.tmp00");
    ebim_arena a = arena();
    ebim_model m = circle(&a), l;
    bytes b = saved(&m);
    void *owned;
    remove(path);
    CHECK_INT(ebim_save_file(&m, path), EBIM_OK);
    CHECK(holds(path, b));
    CHECK(file_size(tmp) == -1);
    CHECK_INT(ebim_load_file(&l, path, 0), EBIM_OK);
    owned = l.owned;
    CHECK(owned != NULL);
    l.owned = NULL; /* check_same is for models in arenas */
    check_same(&m, &l);
    l.owned = owned;
    ebim_free(&l);
    CHECK(l.owned == NULL && l.lo == NULL && l.F.theta == NULL && l.n == 0);
    ebim_free(&l); /* of nothing */
    free(b.p);
}

static void an_old_file_is_replaced(void)
{
    const char *path = t_tmp("old.ebim"), *crashed = t_tmp("old.ebim.tmp00");
    const char *tmp = t_tmp("old.ebim.tmp01");
    ebim_arena a = arena();
    ebim_model m = circle(&a);
    bytes one, two;
    static char longer[100000];
    write_file(path, longer, sizeof longer);
    write_file(crashed, longer, sizeof longer); /* or somebody's who is writing now */
    CHECK_INT(ebim_save_file(&m, path), EBIM_OK);
    CHECK_INT(file_size(crashed), sizeof longer);
    one = saved(&m);
    CHECK(holds(path, one));
    CHECK(file_size(tmp) == -1);
    m.info.seed = 77;
    two = saved(&m);
    CHECK(!same_bytes(one, two));
    CHECK_INT(ebim_save_file(&m, path), EBIM_OK);
    CHECK(holds(path, two));
    m.unit = not_finite(0); /* a model that is refused leaves the file alone */
    CHECK_INT(ebim_save_file(&m, path), EBIM_ERR_ARG);
    CHECK(holds(path, two));
    CHECK(file_size(tmp) == -1);
    free(one.p);
    free(two.p);
}

static void check_no_load(const char *path, size_t limit, ebim_result expected)
{
    ebim_model m;
    memset(&m, 0x5a, sizeof m);
    CHECK_INT(ebim_load_file(&m, path, limit), expected);
    CHECK(m.owned == NULL && m.lo == NULL && m.F.theta == NULL && m.n == 0);
}

static void files_that_are_none(void)
{
    const char *path = t_tmp("bad.ebim");
    bytes b = golden(8);
    errno = 0;
    check_no_load(t_tmp("missing.ebim"), 0, EBIM_ERR_IO);
    CHECK_INT(errno, ENOENT);
    errno = 0;
    check_no_load(t_tmp("."), 0, EBIM_ERR_IO);
    CHECK_INT(errno, EISDIR);
    check_no_load("", 0, EBIM_ERR_IO);
    write_file(path, b.p, 0);
    check_no_load(path, 0, EBIM_ERR_FORMAT);
    write_file(path, b.p, b.size - 1);
    check_no_load(path, 0, EBIM_ERR_FORMAT);
    b.p[100] ^= 1;
    write_file(path, b.p, b.size);
    check_no_load(path, 0, EBIM_ERR_CHECKSUM);
    put(b.p + 32, 2, 4); /* has_energy */
    seal(b);
    write_file(path, b.p, b.size);
    check_no_load(path, 0, EBIM_ERR_FORMAT);
    write_file(path, "not a model\n", 12);
    check_no_load(path, 0, EBIM_ERR_FORMAT);
    free(b.p);
}

static void limits_are_kept(void)
{
    const char *path = t_tmp("limit.ebim");
    bytes b = golden(4);
    ebim_model m;
    FILE *f;
    write_file(path, b.p, b.size);
    CHECK_INT(ebim_load_file(&m, path, b.size), EBIM_OK);
    ebim_free(&m);
    check_no_load(path, b.size - 1, EBIM_ERR_LIMIT);
    check_no_load(path, 1, EBIM_ERR_LIMIT);
    CHECK_INT(ebim_load_file(&m, path, SIZE_MAX), EBIM_OK);
    ebim_free(&m);
    if (file_size("/dev/zero") >= 0) { /* has no end */
        check_no_load("/dev/zero", 1, EBIM_ERR_LIMIT);
        check_no_load("/dev/zero", 300000, EBIM_ERR_LIMIT);
    }
    if (!T_QUICK) { /* the default, 64 MiB, with files that are holes */
        check_no_load("/dev/zero", 0, EBIM_ERR_LIMIT);
        f = fopen(path, "wb");
        if (!CHECK(f && !fseek(f, (64 << 20) - 1, SEEK_SET) && putc(0, f) == 0 && !fclose(f)))
            return;
        check_no_load(path, 0, EBIM_ERR_FORMAT);
        check_no_load(path, (64 << 20) - 1, EBIM_ERR_LIMIT);
        f = fopen(path, "ab");
        if (!CHECK(f && putc(0, f) == 0 && !fclose(f))) return;
        check_no_load(path, 0, EBIM_ERR_LIMIT);
        check_no_load(path, (64 << 20) + 1, EBIM_ERR_FORMAT);
    }
    remove(path);
    free(b.p);
}

/* A large model: files are read and written in several pieces. */
static ebim_ref record_large(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_dense(g, ebim_dense(g, x, 20000, EBIM_FN_SILU), 1, EBIM_FN_IDENTITY);
}

static ebim_model large(void)
{
    ebim_arena a;
    ebim_model m;
    int i;
    ebim_arena_init(&a, scratch, sizeof scratch);
    m = circle(&a);
    m.has_energy = 0;
    CHECK_INT(ebim_record(&m.F, &a, 2, record_large, NULL), EBIM_OK);
    for (i = 0; i < m.F.n_theta; i++) m.F.theta[i] = (ebim_real)i;
    return m;
}

static void large_files_come_back(void)
{
    const char *path = t_tmp("large.ebim");
    ebim_model m = large(), l;
    CHECK_INT(ebim_save_file(&m, path), EBIM_OK);
    CHECK_INT(file_size(path), ebim_save_bytes(&m));
    CHECK_INT(ebim_load_file(&l, path, 0), EBIM_OK);
    CHECK_INT(l.F.n_theta, m.F.n_theta);
    CHECK(!memcmp(l.F.theta, m.F.theta, (size_t)m.F.n_theta * sizeof *m.F.theta));
    ebim_free(&l);
    remove(path);
}

static void no_save(const ebim_model *m, const char *name, int error)
{
    errno = 0;
    CHECK_INT(ebim_save_file(m, t_tmp(name)), EBIM_ERR_IO);
    CHECK_INT(errno, error);
}

static void places_that_cannot_be_written(void)
{
    ebim_arena a = arena();
    ebim_model m = circle(&a);
    rmdir(t_tmp("dir"));
    no_save(&m, "no/such/model.ebim", ENOENT);
    write_file(t_tmp("file"), "kept", 4);
    no_save(&m, "file/model.ebim", ENOTDIR);
    CHECK_INT(file_size(t_tmp("file")), 4);
    CHECK(!mkdir(t_tmp("dir"), 0755)); /* the name of a directory */
    no_save(&m, "dir", EISDIR);
    CHECK(file_size(t_tmp("dir")) >= 0 && file_size(t_tmp("dir.tmp00")) == -1);
    if (geteuid()) { /* nothing is forbidden to root */
        CHECK(!chmod(t_tmp("dir"), 0500));
        no_save(&m, "dir/model.ebim", EACCES);
        CHECK(!chmod(t_tmp("dir"), 0700));
    }
    CHECK(!rmdir(t_tmp("dir")));
    remove(t_tmp("file"));
}

/* What is in the way of names beside the path is passed by, and stays; there are a hundred. */
static void what_is_in_the_way_stays(void)
{
    ebim_arena a = arena();
    ebim_model m = circle(&a);
    char name[32], path[1024]; /* t_tmp's own are soon taken again */
    int i;
    strcpy(path, t_tmp("way.ebim"));
    remove(path);
    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "way.ebim.tmp%02d", i);
        if (i == 99) CHECK_INT(ebim_save_file(&m, path), EBIM_OK);
        if (i % 2) write_file(t_tmp(name), "mine", 4);
        else CHECK(!mkdir(t_tmp(name), 0755));
    }
    write_file(path, "old", 3);
    errno = 0;
    CHECK_INT(ebim_save_file(&m, path), EBIM_ERR_IO);
    CHECK_INT(errno, EEXIST);
    CHECK_INT(file_size(path), 3);
    for (i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "way.ebim.tmp%02d", i);
        CHECK(i % 2 ? file_size(t_tmp(name)) == 4 : file_size(t_tmp(name)) >= 0);
        CHECK(!remove(t_tmp(name)));
    }
    remove(path);
}

/* Renaming over a device or a pipe would replace it. */
static void devices_are_not_replaced(void)
{
    const char *path = t_tmp("pipe"), *tmp = t_tmp("pipe.tmp00");
    ebim_arena a = arena();
    ebim_model m = circle(&a);
    struct stat s;
    remove(path);
    if (mkfifo(path, 0600)) T_SKIP("no pipes here");
    errno = 0;
    CHECK_INT(ebim_save_file(&m, path), EBIM_ERR_IO);
    CHECK_INT(errno, EINVAL);
    CHECK(!stat(path, &s) && S_ISFIFO(s.st_mode) && file_size(tmp) == -1);
    remove(path);
}

/* A full disk, for a model that fits into stdio's buffer and one that does not: here a limit to the
 * size of files */
static void a_full_disk_is_noticed(void)
{
    const char *path = t_tmp("full.ebim"), *tmp = t_tmp("full.ebim.tmp00");
    ebim_arena a = arena();
    struct rlimit usual, few;
    ebim_model m;
    int i;
    if (getrlimit(RLIMIT_FSIZE, &usual)) T_SKIP("no limits here");
    for (i = 0; i < 2; i++) {
        m = i ? large() : circle(&a);
        write_file(path, "old", 3);
        few = usual;
        few.rlim_cur = 300;
        signal(SIGXFSZ, SIG_IGN);
        if (!CHECK(!setrlimit(RLIMIT_FSIZE, &few))) return;
        errno = 0;
        CHECK_INT(ebim_save_file(&m, path), EBIM_ERR_IO);
        CHECK_INT(errno, EFBIG);
        CHECK(!setrlimit(RLIMIT_FSIZE, &usual));
        signal(SIGXFSZ, SIG_DFL);
        CHECK_INT(file_size(tmp), -1);
        CHECK_INT(file_size(path), 3);
    }
    remove(path);
}

/* Every function that allocates, without its first allocation, its second, ...: ERR_MEMORY each
 * time, nothing is kept, the file stays. */
static void every_allocation_fails_in_turn(void)
{
    enum { N = 24 };
    ebim_real x[2 * N], y[2 * N], J[2 * N];
    const char *path = t_tmp("scarce.ebim");
    ebim_fit_desc d;
    ebim_model m, other;
    int i, at, which, told[9];
    memset(&d, 0, sizeof d);
    d.dim = 1;
    d.on = EBIM_ON_SPHERE;
    for (i = 0; i < N; i++) {
        x[2 * i] = (ebim_real)cos(0.2617994 * i);
        x[2 * i + 1] = (ebim_real)sin(0.2617994 * i);
    }
    CHECK_INT(ebim_fit(&m, N, 2, x, &d), EBIM_OK);
    CHECK_INT(ebim_save_file(&m, path), EBIM_OK);
    for (which = 0; which < 9; which++) {
        told[which] = 0;
        for (at = 0; at < 50; at++) {
            ebim_result r = EBIM_OK;
            int held = allocations_held;
            memset(&other, 0, sizeof other);
            allocations_left = at;
            switch (which) {
            case 0: r = ebim_fit(&other, N, 2, x, &d); break;
            case 1: r = ebim_sample(&m, N, y, 1); break;
            case 2: r = ebim_score(&m, N, x, y, NULL, NULL, NULL); break;
            case 3: r = ebim_nearest(&m, N, x, y); break;
            case 4: r = ebim_log_density(&m, N, x, y, NULL); break;
            case 5: r = ebim_gradients(&m, N, x, y, J, NULL, NULL); break;
            case 6: r = ebim_combine(&other, EBIM_COMBINE_UNION, &m, &m, 0); break;
            case 7: r = ebim_save_file(&m, path); break;
            default: r = ebim_load_file(&other, path, 0); break;
            }
            allocations_left = -1;
            if (r == EBIM_ERR_MEMORY) {
                CHECK(!other.owned && allocations_held == held);
                told[which]++;
            }
            ebim_free(&other);
            CHECK_INT(allocations_held, held);
            if (!r) break;
            CHECK_INT(r, EBIM_ERR_MEMORY);
        }
        CHECK(at < 50 && told[which] > 0);
        CHECK_INT(ebim_load_file(&other, path, 0), EBIM_OK);
        ebim_free(&other);
    }
    ebim_free(&m);
    CHECK_INT(allocations_held, 0);
}

static void wait_a_moment(long nanoseconds)
{
    struct timespec t;
    t.tv_sec = 0;
    t.tv_nsec = nanoseconds;
    nanosleep(&t, NULL);
}

/* Two programs that save to one path for ever, killed at any moment: the file is whole. */
static void killed_writers_leave_a_whole_file(void)
{
    const char *path = t_tmp("killed.ebim");
    ebim_arena a = arena();
    ebim_model m = circle(&a), back;
    int round, i, killed = 0;
    char name[1100];
    CHECK_INT(ebim_save_file(&m, path), EBIM_OK);
    for (round = 0; round < (T_QUICK ? 10 : 40); round++) {
        pid_t writer[2];
        for (i = 0; i < 2; i++) {
            writer[i] = fork();
            while (!writer[i]) ebim_save_file(&m, path);
        }
        wait_a_moment(1000000 + 977000 * round);
        for (i = 0; i < 2; i++) {
            int status = 0;
            if (!CHECK(writer[i] > 0)) return;
            kill(writer[i], SIGKILL);
            CHECK(waitpid(writer[i], &status, 0) == writer[i]);
            killed += WIFSIGNALED(status) != 0;
        }
        if (CHECK_INT(ebim_load_file(&back, path, 0), EBIM_OK)) {
            void *owned = back.owned;
            back.owned = NULL;
            check_same(&m, &back);
            back.owned = owned;
        }
        ebim_free(&back);
        for (i = 0; i < 100; i++) { /* what they had begun */
            snprintf(name, sizeof name, "%s.tmp%02d", path, i);
            remove(name);
        }
    }
    CHECK_INT(killed, 2 * round);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(every_op_comes_back);
    T_RUN(random_graphs_come_back);
    T_RUN(extreme_numbers_come_back);
    T_RUN(nothing_needs_alignment);
    T_RUN(measures_what_it_takes);
    T_RUN(save_stays_in_its_room);
    T_RUN(refuses_to_save_what_it_would_not_load);
    T_RUN(every_nan_is_the_same);
    T_RUN(layout_is_the_documented_one);
    T_RUN(saving_changes_nothing);
    T_RUN(seconds_are_not_saved);
    T_RUN(a_linear_map_has_its_place);
    T_RUN(both_precisions_load);
    T_RUN(names_of_columns_come_back);
    T_RUN(the_other_precision_is_converted);
    T_RUN(numbers_that_do_not_fit_are_refused);
    T_RUN(factors_that_do_not_fit_are_refused);
    T_RUN(every_flipped_byte_is_refused);
    T_RUN(every_length_but_the_right_one_is_refused);
    T_RUN(versions_and_precisions);
    T_RUN(every_field_is_checked);
    T_RUN(full_graphs_say_so);
    T_RUN(sizes_that_overflow_are_refused);
    T_RUN(features_are_bounded_by_bytes);
    T_RUN(work_is_bounded_by_bytes);
    T_RUN(slices_stay_inside);
    T_RUN(every_flipped_byte_with_a_new_checksum);
    T_RUN(random_edits_with_a_new_checksum);
    T_RUN(files_come_back);
    T_RUN(an_old_file_is_replaced);
    T_RUN(files_that_are_none);
    T_RUN(limits_are_kept);
    T_RUN(large_files_come_back);
    T_RUN(places_that_cannot_be_written);
    T_RUN(what_is_in_the_way_stays);
    T_RUN(devices_are_not_replaced);
    T_RUN(a_full_disk_is_noticed);
    T_RUN(every_allocation_fails_in_turn);
    T_RUN(killed_writers_leave_a_whole_file);
    return T_END();
}
