/* Any bytes as a model, as a table, as a file of images, and as a graph's ops: nothing is read or
   written outside, nothing leaks, errors are told, and what is accepted is whole. As a test it runs
   seeds, many changes of each, and all that was found once. -DFUZZ=NAME of a target below makes it
   one for libFuzzer or AFL++, see fuzz.sh. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "../examples/common/idx.h"
#include "../examples/common/load.h"

enum {
    MOST = 1 << 16, MEMORY = 1 << 22, OPS = 60,
    FEATURES = 256, /* of a node, */
    IMAGE = 1024    /* and of an image: it takes 576 to be convolved by patches */
};

static unsigned char repaired[MOST], model_memory[MEMORY], work_memory[MEMORY];
static int accepted; /* inputs of the running test that were */
static char err[FILE_ERROR];

static ebim_arena arena(unsigned char *memory)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, MEMORY);
    return a;
}

/* ---- graphs ---- */

typedef struct program { /* bytes that say what to do; 0 after their end */
    const uint8_t *p;
    size_t n, at;
} program;

static int take(program *s, int below)
{
    int v = s->at < s->n ? s->p[s->at] : 0;
    s->at++;
    return v % below;
}

static ebim_ref operand(program *s, const ebim_graph *g) /* or one to be refused */
{
    return take(s, 40) ? 1 + take(s, g->n_nodes - 1) : take(s, 2) * 200;
}

static ebim_ref push_image(program *s, ebim_graph *g, ebim_ref a)
{
    int i = 1 + take(s, 4), j = 1 + take(s, 3), l = take(s, 3);
    int out = i == 4 && j == 3 ? 16 : i; /* channels */
    switch (take(s, 10)) {
    case 0: return ebim_image(g, a, i, j, 1 + l);
    case 1: return ebim_planes(g, a);
    case 2: return ebim_conv(g, a, out, j, 1 + l, take(s, 3), (ebim_fn)take(s, 9));
    case 3: return ebim_conv_transposed(g, a, out, j, 1 + l, take(s, 3), (ebim_fn)take(s, 9));
    case 4: return ebim_max_pool(g, a, i, j);
    case 5: return ebim_average_pool(g, a, i, j);
    case 6: return ebim_upsample(g, a, i, l);
    case 7: return ebim_space_to_depth(g, a, i);
    case 8: return ebim_depth_to_space(g, a, i);
    default: return ebim_window(g, a, l - 1, take(s, 3) - 1, i, j);
    }
}

static ebim_ref push_numbers(program *s, ebim_graph *g, ebim_ref a)
{
    double v[4 * FEATURES];
    int i, size = g->node[a > 0 && a < g->n_nodes ? a : 1].size;
    if (size > FEATURES) return 0;
    for (i = 0; i < 4 * FEATURES; i++) v[i] = 0.25 * ((i * 7 + take(s, 9)) % 9 - 4);
    switch (take(s, 5)) {
    case 0: return ebim_constant(g, 1 + take(s, 4), v);
    case 1: return ebim_matrix(g, a, 1 + take(s, 4) % ebim__max_int(4 * FEATURES / size, 1), v);
    case 2: return ebim_affine(g, a, v, 1.5);
    case 3: return ebim_affine(g, a, NULL, take(s, 3) - 1);
    default:
        for (i = 0; i < 4; i++) v[4 * FEATURES - 1 - i] = 0.5 + i;
        return size > FEATURES / 2 ? 0 : ebim_rbf(g, a, 2, v, v + 4 * FEATURES - 2,
                                                  v + 4 * FEATURES - 4);
    }
}

static ebim_ref push(program *s, ebim_graph *g)
{
    ebim_ref a = operand(s, g), b = operand(s, g);
    switch (take(s, 18)) {
    case 0: case 1: return ebim_dense(g, a, 1 + take(s, 7), (ebim_fn)take(s, 9));
    case 2: return ebim_apply(g, a, (ebim_fn)take(s, 20));
    case 3: return ebim_pow(g, a, 0.5 * take(s, 9) - 1);
    case 4: return ebim_scale(g, a, take(s, 9) - 4);
    case 5: return ebim_add(g, a, b);
    case 6: return ebim_sub(g, a, b);
    case 7: return ebim_mul(g, a, b);
    case 8: return ebim_div(g, a, b);
    case 9: return take(s, 2) ? ebim_min(g, a, b) : ebim_max(g, a, b);
    case 10: return ebim_select(g, operand(s, g), a, b);
    case 11: return take(s, 2) ? ebim_sum(g, a) : ebim_sumsq(g, a);
    case 12: return ebim_dot(g, a, b);
    case 13: return ebim_concat(g, a, b);
    case 14: return ebim_slice(g, a, take(s, 5) - 1, take(s, 6));
    case 15: return push_numbers(s, g, a);
    default: return push_image(s, g, a);
    }
}

/* The ops of a program; those that are refused leave the graph as it was. */
static ebim_ref record(ebim_graph *g, ebim_ref x, void *user)
{
    program *s = (program *)user;
    ebim_ref last = x, r;
    int i, ops;
    s->at = 1;
    ops = 1 + take(s, OPS);
    for (i = 0; i < ops && s->at < s->n && g->n_nodes < EBIM_MAX_NODES - 2; i++) {
        ebim_graph was = *g;
        r = push(s, g);
        if (g->failed || r < 1 || g->node[r].size > (g->node[r].H > 1 ? IMAGE : FEATURES)) *g = was;
        else last = r;
    }
    return last;
}

/* One equation of it, whatever its outputs */
static ebim_ref record_one(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_sum(g, record(g, x, user));
}

static void fill_theta(const ebim_graph *g, uint64_t seed)
{
    ebim_rng r;
    int i;
    ebim_rng_init(&r, seed, 0);
    for (i = 0; i < g->n_theta; i++)
        if (!(g->theta[i] > 0 || g->theta[i] < 0)) /* constants stay */
            g->theta[i] = (ebim_real)(0.5 * (double)ebim_rng_normal(&r));
}

static int tame(size_t count, const ebim_real *x)
{
    size_t i;
    for (i = 0; i < count && x; i++)
        if (!ebim__finite(x[i]) || fabs((double)x[i]) > 100) return 0;
    return 1;
}

/* Whether nothing inside is so large that roundoff shows */
static int tame_inside(const ebim_ws *w)
{
    int i;
    for (i = 1; i < w->g->n_nodes; i++) {
        const ebim__slot *s = &w->slot[i];
        size_t n = (size_t)w->g->node[i].size * (size_t)w->stride;
        if (!tame(n, s->v) || !tame(n, s->d1) || !tame(n, s->t) || !tame(n, s->g)) return 0;
    }
    return 1;
}

/* Value, derivatives and parameter gradient at points; <v, J t> is <J'v, t>. Graphs that need more
 * memory are left. */
static void evaluate(const ebim_graph *g, int lanes)
{
    ebim_arena a = arena(work_memory);
    ebim_ws w;
    ebim_real *grad;
    double forth = 0, back = 0;
    int i, l, n = ebim_inputs(g), k = ebim_outputs(g);
    if (ebim_ws_init(&w, &a, g, lanes, 1)) return;
    grad = (ebim_real *)ebim_arena_push(&a, (size_t)g->n_theta + 1, sizeof *grad);
    if (!grad) return;
    for (l = 0; l < lanes; l++)
        for (i = 0; i < n; i++) ebim_ws_x(&w)[i * w.stride + l] = (ebim_real)(0.5 - 0.4 * i + l);
    ebim_forward(&w, lanes, 2);
    for (i = 0; i < n * w.stride; i++) ebim_ws_xt(&w, 1)[i] = 1;
    for (i = 0; i < k * w.stride; i++) ebim_ws_yg(&w, 0)[i] = ebim_ws_yg(&w, 1)[i] = 1;
    ebim_jvp(&w, 1, 1);
    ebim_vjp(&w, 0, 2);
    for (i = 0; i < k; i++) forth += (double)ebim_ws_yt(&w, 1)[i * w.stride];
    for (i = 0; i < n; i++) back += (double)ebim_ws_xg(&w, 1)[i * w.stride];
    if (tame_inside(&w))
        CHECK(fabs(forth - back) <= 1e3 * T_EPS * FEATURES * (1 + fabs(forth)));
    ebim_backward(&w, 1, grad);
}

static ebim_result make(ebim_graph *g, ebim_arena *a, program *s, ebim_record_fn f)
{
    int n = 1 + take(s, 9);
    ebim_result r = ebim_record(g, a, n, f, s);
    if (!r) fill_theta(g, s->n);
    return r;
}

static void fuzz_graph(const uint8_t *data, size_t size)
{
    program s = {NULL, 0, 0};
    ebim_arena a = arena(model_memory);
    ebim_graph g;
    s.p = data;
    s.n = size;
    if (make(&g, &a, &s, record)) return;
    accepted += g.n_nodes > 2;
    evaluate(&g, 1);
    evaluate(&g, 3);
}

/* ---- models ---- */

static void save_again(const ebim_model *m)
{
    size_t size = ebim_save_bytes(m);
    unsigned char *bytes = (unsigned char *)malloc(size);
    ebim_arena a;
    ebim_model again;
    if (!bytes) return;
    CHECK_INT(ebim_save(m, bytes, size), EBIM_OK);
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(ebim_load(&again, &a, bytes, size), EBIM_OK);
    free(bytes);
}

/* Points near, off and far away: each is scored and says ok, or is NaN and says that it is not. */
static void score(const ebim_model *m)
{
    enum { B = 3, N = 64 };
    ebim_real x[B * N], y[B * N], d[B], e[B];
    unsigned char ok[B];
    ebim_arena a = arena(work_memory);
    int b, i;
    if (m->n > N) return;
    for (b = 0; b < B * m->n; b++) x[b] = (ebim_real)(b < m->n ? 0.3 : b < 2 * m->n ? 2 - b : 1e20);
    if (ebim_model_score(m, &a, B, x, y, d, m->has_energy ? e : NULL, ok)) return;
    for (b = 0; b < B; b++) {
        double away = 0;
        for (i = 0; i < m->n; i++)
            away = hypot(away, (double)x[b * m->n + i] - (double)y[b * m->n + i]);
        CHECK(ok[b] <= 1 && ok[b] == ebim__finite(d[b]));
        if (ok[b]) CHECK(fabs(away - (double)d[b]) <= 1e-4 * (1 + away)); /* of 1e20, too */
        if (ok[b]) CHECK(ebim__all_finite((size_t)m->n, y + b * m->n) && d[b] >= 0);
    }
}

static ebim_result load(const void *data, size_t size)
{
    ebim_arena a = arena(model_memory);
    ebim_model m;
    ebim_result r = ebim_load(&m, &a, data, size);
    CHECK(!r || r == EBIM_ERR_MEMORY || (!a.used && !a.failed)); /* no memory for a bad file */
    if (r) return r;
    accepted++;
    CHECK(m.n > m.k && m.k > 0 && m.n == m.m + m.k);
    evaluate(&m.F, 1);
    if (m.has_energy) evaluate(&m.E, 1);
    score(&m);
    save_again(&m);
    return r;
}

/* As they are, and with a head, a size and a checksum that fit, since nobody guesses those */
static void fuzz_model(const uint8_t *data, size_t size)
{
    ebim__file w;
    int i;
    if (size > MOST) return;
    load(data, size);
    if (size < 28) return;
    memcpy(repaired, data, size);
    memset(&w, 0, sizeof w);
    w.out = repaired;
    for (i = 0; i < 8; i++) ebim__io(&w, ebim__magic[i], 1);
    ebim__io(&w, EBIM__FORMAT, 4);
    ebim__io(&w, data[12] & 8 ? 8 : 4, 4);
    ebim__io(&w, size, 8);
    w.at = size - 4;
    ebim__io(&w, ebim__crc32(repaired, size - 4), 4);
    CHECK(load(repaired, size) != EBIM_ERR_CHECKSUM);
}

/* A model of the graph of a program -> bytes; returns how many, 0: it makes none */
static size_t model_of(const uint8_t *data, size_t n, unsigned char *bytes)
{
    program s = {NULL, 0, 0};
    ebim_arena a = arena(model_memory);
    ebim_model m;
    int i;
    memset(&m, 0, sizeof m);
    s.p = data;
    s.n = n;
    if (make(&m.F, &a, &s, record_one) || ebim_inputs(&m.F) < 2) return 0;
    s.at = 0;
    m.has_energy = (int)(n & 1);
    if (m.has_energy && make(&m.E, &a, &s, record_one)) return 0;
    m.n = ebim_inputs(&m.F);
    m.k = 1;
    m.m = m.n - 1;
    m.unit = 1;
    ebim__model_arrays(&m, &a, 0);
    if (a.failed) return 0;
    for (i = 0; i < m.n; i++) {
        m.lo[i] = -3;
        m.hi[i] = 3;
    }
    if (ebim_save_bytes(&m) > MOST || ebim_save(&m, bytes, MOST)) return 0;
    return ebim_save_bytes(&m);
}

/* ---- tables and images ---- */

static void told(void) /* what is wrong is one line */
{
    CHECK(!strncmp(err, "ebim: ", 6) && !strchr(err, '\n'));
}

/* The last bytes say how to read. */
static void fuzz_table(const uint8_t *data, size_t size)
{
    static const char *const columns[] = {NULL, NULL, NULL, "1", "2-", "x,y", "\"a,b\"", "3-1"};
    static const char *const names[] = {NULL, NULL, NULL, "x\ny", "a"};
    static const int header[] = {0, 0, 0, 0, 1, -1};
    file_in in;
    csv_how how;
    csv_table t;
    int i, j;
    if (size < 3 || size > MOST) return;
    i = data[size - 1];
    j = data[size - 2];
    memset(&in, 0, sizeof in);
    memset(&how, 0, sizeof how);
    how.columns = columns[i % 8];
    how.skip_missing = i / 8 % 2;
    how.carry = i / 16 % 3;
    how.header = header[i / 48 % 6];
    how.names = names[j % 5];
    how.weights = j / 5 % 4 == 3 ? "2" : NULL;
    how.delimiter = j / 20 % 4 == 3 ? ';' : 0;
    in.file = "fuzz";
    in.eof = 1;
    in.end = size - 2;
    in.room = size - 1;
    in.p = (char *)malloc(in.room);
    if (!in.p) return;
    memcpy(in.p, data, in.end);
    memset(&t, 0, sizeof t);
    if (load__read(&in, j & 1 ? "a.xyz" : "a.csv", &how, &t, err, sizeof err)) {
        told();
        CHECK(!t.v && !t.line && !t.name);
    } else {
        accepted++;
        CHECK(t.rows > 0 && t.cols > 0 && t.v && (!t.carried || t.at));
        for (i = 0; i < t.rows * t.cols; i++) CHECK(t_finite(t.v[i]));
        csv_free(&t);
    }
    file_close(&in);
}

static void fuzz_image(const uint8_t *data, size_t size)
{
    idx t;
    size_t n = size;
    memset(&t, 0, sizeof t);
    if (gzip_is(data, size)) {
        t.owned = gzip_unpack(data, size, MOST, &n, "fuzz", err, sizeof err);
        CHECK(t.owned ? n <= MOST : 1);
        if (!t.owned) told();
    } else {
        t.owned = (unsigned char *)malloc(n + !n);
        if (t.owned && n) memcpy(t.owned, data, n);
    }
    if (t.owned && !idx__parse(&t, n, "fuzz", err, sizeof err)) {
        accepted++;
        CHECK(t.data >= t.owned && t.data + (size_t)t.shape[0] * t.each == t.owned + n);
    } else {
        told();
    }
    idx_free(&t);
}

#ifdef FUZZ

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FUZZ(data, size);
    if (t__.bad) abort();
    (void)model_of;
    return 0;
}

#else

typedef void (*target)(const uint8_t *data, size_t size);

/* A change of what stands at p: a bit, a byte, a number, a piece cut out, doubled or written over
 * another, an end. Returns the new size. */
static size_t change(ebim_rng *r, unsigned char *p, size_t n)
{
    static const unsigned char odd[] = {0, 1, 127, 128, 255, '-', '"', ',', '\n', '.', 'e', '9'};
    size_t at = ebim_rng_below(r, (uint32_t)n), to = ebim_rng_below(r, (uint32_t)n), count;
    count = 1 + ebim_rng_below(r, 12);
    if (count > n - (at > to ? at : to)) count = n - (at > to ? at : to);
    switch (ebim_rng_below(r, 7)) {
    case 0: p[at] = (unsigned char)(p[at] ^ 1u << ebim_rng_below(r, 8)); return n;
    case 1: p[at] = odd[ebim_rng_below(r, sizeof odd)]; return n;
    case 2: memset(p + at, odd[ebim_rng_below(r, 5)], count); return n;
    case 3: memmove(p + at, p + to, count); return n;
    case 4: /* cut out */
        if (count >= n) return n;
        memmove(p + at, p + at + count, n - at - count);
        return n - count;
    case 5: /* doubled */
        if (n + count > MOST) return n;
        memmove(p + at + count, p + at, n - at);
        return n + count;
    default: return at > n / 2 ? at : n;
    }
}

/* What is at seed, and `count` times what one to six changes make of it, in heap of just its size,
 * so that sanitizers see the end */
static void changes(target f, const void *seed, size_t size, int count)
{
    static unsigned char now[MOST];
    ebim_rng r;
    int i, j;
    ebim_rng_init(&r, T_SEED, size);
    for (i = 0; i <= count; i++) {
        unsigned char *exact;
        size_t n = size;
        memcpy(now, seed, n);
        for (j = i ? 1 + (int)ebim_rng_below(&r, 6) : 0; j && n; j--) n = change(&r, now, n);
        exact = (unsigned char *)malloc(n + !n);
        if (!exact) abort();
        memcpy(exact, now, n);
        f(exact, n);
        free(exact);
    }
}

/* With FUZZ_SEEDS, a directory, seeds are files there, and nothing else is done. */
static void seed(const char *name, target f, const void *p, size_t size, int count)
{
    const char *dir = getenv("FUZZ_SEEDS");
    static int number;
    char path[1000];
    FILE *out;
    if (!dir) {
        changes(f, p, size, T_QUICK ? count / 8 + 1 : count);
        return;
    }
    snprintf(path, sizeof path, "%s/%s/%d", dir, name, number++);
    out = fopen(path, "wb");
    if (CHECK(out != NULL)) {
        CHECK(fwrite(p, 1, size, out) == size);
        CHECK(fclose(out) == 0);
    }
}

enum { PROGRAMS = 400, LONGEST = 160 };

static size_t a_program(int i, uint8_t *p)
{
    ebim_rng r;
    size_t n, j;
    ebim_rng_init(&r, T_SEED, (uint64_t)i);
    n = 8 + ebim_rng_below(&r, LONGEST - 8);
    for (j = 0; j < n; j++) p[j] = (uint8_t)ebim_rng_below(&r, 256);
    return n;
}

static void any_bytes_as_a_graph(void)
{
    /* four numbers as an image, three times as large, and 16 channels of it, convolved twice */
    static const uint8_t patches[] = {
        3, 4, 1, 0, 1, 0, 16, 0, 1, 1, 0, 1, 1, 1, 0, 16, 2, 0, 0, 6, 1, 2, 1, 0, 16, 3, 2, 0, 2, 1,
        1, 1, 3, 1, 0, 16, 3, 2, 0, 2, 1, 1, 1, 4, 1, 0, 16, 3, 2, 0, 3, 1, 1};
    uint8_t p[LONGEST];
    program s = {patches, sizeof patches, 0};
    ebim_arena a = arena(model_memory);
    ebim_graph g;
    int i;
    CHECK_INT(make(&g, &a, &s, record), EBIM_OK);
    CHECK_INT(g.node[g.y].size, 576);
    CHECK(ebim__patched(&g.node[g.y], &g.node[g.node[g.y].a]));
    accepted = 0;
    seed("graph", fuzz_graph, patches, sizeof patches, 12);
    for (i = 0; i < PROGRAMS; i++) seed("graph", fuzz_graph, p, a_program(i, p), 12);
    CHECK(getenv("FUZZ_SEEDS") || accepted > PROGRAMS / 2);
}

static void any_bytes_as_a_model(void)
{
    static unsigned char bytes[MOST];
    uint8_t p[LONGEST];
    int i, made = 0;
    accepted = 0;
    for (i = 0; i < PROGRAMS / 8; i++) {
        size_t n = a_program(i, p), size = model_of(p, n, bytes);
        if (!size) continue;
        made++;
        seed("model", fuzz_model, bytes, size, 60);
    }
    CHECK(made > PROGRAMS / 32);
    /* changes, too, not only what was saved */
    CHECK(getenv("FUZZ_SEEDS") || accepted > (T_QUICK ? made : 4 * made));
}

static void any_bytes_as_a_table(void)
{
#define TEXT(s) {s "\0", sizeof s + 1}
    static const struct {
        const char *p;
        size_t n;
    } text[] = {
        TEXT("x,y\n1,2\n3,4\n"), TEXT("1;2,5\r\n3;4,5\r\n# end\n"), TEXT("a b c\n1 2 3\n4 NA 6\n"),
        TEXT("\"a,b\",\"c \"\"d\"\"\"\n1e-3,-.5\n+2.,1E3\n"),
        TEXT("\xef\xbb\xbf,x,y\n0,1,2\n1,3,4\n"),
        TEXT("1\t2\t\n3\t4\t\n"), TEXT("1|nan\n2|inf\n"), TEXT("x,y\n1,530,2\n2,530,3\n"),
        TEXT("3\ncomment\nC 0 0 0\nC 1 0 0.5\nO 0 1 2\n"), TEXT("0,1,2\n5,6,7\n8,9,1\n"),
        TEXT("ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\n"
             "end_header\n1 2\n3 4\n"),
        TEXT("ply\nformat binary_big_endian 1.0\nelement vertex 1\nproperty list uchar int q\n"
             "property double x\nend_header\n\1\0\0\0\0\0\0\0\0\0\0\0\0"),
        TEXT("\x93NUMPY\1\0\x45\0{'descr': '<f4', 'fortran_order': False, "
             "'shape': (2, 2), }         \n\0\0\x80?\0\0\0@\0\0@@\0\0\x80@"),
    };
#undef TEXT
    size_t i;
    accepted = 0;
    for (i = 0; i < sizeof text / sizeof *text; i++)
        seed("table", fuzz_table, text[i].p, text[i].n, 4000);
    CHECK(getenv("FUZZ_SEEDS") || accepted > (T_QUICK ? 100 : 1000));
}

static void any_bytes_as_an_image(void)
{
    static const unsigned char plain[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2,
                                          1, 2, 3, 4, 5, 6, 7, 8};
    /* the same, packed: stored, and by codes that are fixed */
    static const unsigned char stored[] = {
        31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 1, 9, 0, 246, 255, 0, 0, 8, 1, 0, 0, 0, 1, 42,
        0xfb, 0x71, 0x1a, 0xdc, 9, 0, 0, 0};
    static const unsigned char fixed[] = {
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 102, 96, 96, 96, 130, 97, 70, 38, 102,
        22, 86, 54, 118, 14, 0, 101, 52, 226, 161, 24, 0, 0, 0};
    accepted = 0;
    seed("image", fuzz_image, plain, sizeof plain, 20000);
    seed("image", fuzz_image, stored, sizeof stored, 20000);
    seed("image", fuzz_image, fixed, sizeof fixed, 20000);
    CHECK(getenv("FUZZ_SEEDS") || accepted > (T_QUICK ? 100 : 1000));
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(any_bytes_as_a_graph);
    T_RUN(any_bytes_as_a_model);
    T_RUN(any_bytes_as_a_table);
    T_RUN(any_bytes_as_an_image);
    return T_END();
}

#endif
