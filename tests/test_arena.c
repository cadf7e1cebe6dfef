/* Platform facts and the arena: what is measured is what is used, to the byte, for everything that
 * is built from an arena. */
#undef EBIM_GUARD /* bytes between what is asked for are looked at here */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

enum { ALIGN = 64, ROOM = 1 << 20, GUARD = 0x5a };

static unsigned char *block; /* ROOM bytes, aligned to 64 */

static size_t bytes_of(size_t reals) { return (reals * sizeof(ebim_real) + 63) / 64 * 64; }

static int guarded(const unsigned char *from, const unsigned char *to)
{
    for (; from < to; from++)
        if (*from != GUARD) return 0;
    return 1;
}

/* ---- platform ---- */

static void results_have_texts(void)
{
    static const struct {
        ebim_result r;
        int value;
    } all[] = {
#define ROW(name, value, text) {EBIM_##name, value},
        EBIM_RESULTS(ROW)
#undef ROW
    };
    size_t i, j, n = sizeof all / sizeof all[0];
    const char *unknown = ebim_result_str(EBIM__RESULT_MIN);
    CHECK(unknown && *unknown);
    for (i = 0; i < n; i++) {
        const char *text = ebim_result_str(all[i].r);
        CHECK_INT(all[i].r, all[i].value);
        CHECK(i == 0 ? all[i].value == 0 : all[i].value < 0);
        if (!CHECK(text && *text)) continue;
        CHECK(strcmp(text, unknown) != 0);
        for (j = 0; j < i; j++) {
            CHECK(strcmp(text, ebim_result_str(all[j].r)) != 0);
            CHECK(all[i].value != all[j].value);
        }
    }
    CHECK_STR(ebim_result_str((ebim_result)-999), unknown);
    CHECK_STR(ebim_result_str((ebim_result)1), unknown);
}

static ebim_real real_of(uint64_t exponent, uint64_t fraction, int negative)
{
    volatile uint64_t e = exponent, f = fraction;
    ebim_real x;
#ifdef EBIM_DOUBLE
    uint64_t bits = e << 52 | f | (uint64_t)negative << 63;
#else
    uint32_t bits = (uint32_t)(e << 23 | f) | (uint32_t)negative << 31;
#endif
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void finiteness_is_read_from_bits(void)
{
#ifdef EBIM_DOUBLE
    const uint64_t top = 0x7ff, last = UINT64_C(0xfffffffffffff);
#else
    const uint64_t top = 0xff, last = 0x7fffff;
#endif
    int sign;
    for (sign = 0; sign < 2; sign++) {
        CHECK(ebim__finite(real_of(0, 0, sign)));
        CHECK(ebim__finite(real_of(0, 1, sign)));
        CHECK(ebim__finite(real_of(1, 0, sign)));
        CHECK(ebim__finite(real_of(top - 1, last, sign)));
        CHECK(!ebim__finite(real_of(top, 0, sign)));
        CHECK(!ebim__finite(real_of(top, 1, sign)));
        CHECK(!ebim__finite(real_of(top, last, sign)));
        CHECK(!ebim__nan(real_of(top - 1, last, sign)));
        CHECK(!ebim__nan(real_of(top, 0, sign)));
        CHECK(ebim__nan(real_of(top, 1, sign)));
        CHECK(ebim__nan(real_of(top, last, sign)));
    }
    CHECK(ebim__finite64(DBL_MAX));
    CHECK(ebim__from_bits(ebim__bits(real_of(3, 5, 1))) == real_of(3, 5, 1));
}

static void products_are_checked(void)
{
    static const size_t half = SIZE_MAX / 2 + 1;
    CHECK(ebim__times(0, SIZE_MAX) == 0 && ebim__times(SIZE_MAX, 0) == 0);
    CHECK(ebim__times(1, SIZE_MAX) == SIZE_MAX && ebim__times(12, 34) == 408);
    CHECK(ebim__times(half, 2) == SIZE_MAX && ebim__times(2, half) == SIZE_MAX);
    CHECK(ebim__times(half, half) == SIZE_MAX && ebim__times(half - 1, 2) == SIZE_MAX - 1);
    CHECK(ebim__times(SIZE_MAX, SIZE_MAX) == SIZE_MAX);
    CHECK_INT(ebim__or_int(0, 3), 3);
    CHECK_INT(ebim__or_int(-1, 3), -1);
    CHECK_NEAR(ebim__or(0, 3), 3, 0);
    CHECK_NEAR(ebim__or(-1, 3), -1, 0);
}

/* ---- pushes ---- */

/* Any requests: bytes measured equal bytes used; pieces are zero, aligned, apart; one byte less
 * and the last of them fails. */
static void measuring_equals_use(void)
{
    ebim_rng r;
    int trial, i;
    ebim_rng_init(&r, T_SEED, 1);
    for (trial = 0; trial < (T_QUICK ? 128 : 640); trial++) {
        size_t count[8], size[8], need, offset = (size_t)trial % ALIGN;
        int n = 1 + (int)ebim_rng_below(&r, 8), less;
        ebim_arena a;
        ebim_arena_init(&a, NULL, 0);
        CHECK(ebim_arena_bytes(&a) == ALIGN - 1);
        for (i = 0; i < n; i++) {
            count[i] = ebim_rng_below(&r, 40);
            size[i] = ebim_rng_below(&r, 20);
            CHECK(ebim_arena_push(&a, count[i], size[i]) == NULL);
        }
        if (count[n - 1] * size[n - 1] == 0) continue;
        need = ebim_arena_bytes(&a);
        for (less = 0; less < 2; less++) {
            unsigned char *end = block + offset, *p = NULL, *next;
            size_t room = need - (size_t)less;
            memset(block, GUARD, need + 3 * ALIGN);
            ebim_arena_init(&a, block + offset, room);
            for (i = 0; i < n; i++) {
                size_t bytes = count[i] * size[i], q;
                next = (unsigned char *)ebim_arena_push(&a, count[i], size[i]);
                if (less && i == n - 1) {
                    CHECK(!next && a.failed == EBIM_ERR_MEMORY);
                    break;
                }
                if (!CHECK(next != NULL)) return;
                CHECK(((uintptr_t)next & (ALIGN - 1)) == 0 && next >= end);
                if (p && bytes) CHECK(next > p || (i && count[i - 1] * size[i - 1] == 0));
                for (q = 0; q < bytes; q++)
                    if (!CHECK(next[q] == 0)) break;
                memset(next, 1, bytes);
                end = next + bytes;
                p = next;
            }
            CHECK(end <= block + offset + room);
            CHECK(a.used <= a.size);
            CHECK(guarded(block, block + offset));
            CHECK(guarded(block + offset + room, block + need + 3 * ALIGN));
            if (!less) CHECK(ebim_arena_bytes(&a) == need && a.failed == EBIM_OK);
        }
    }
}

static void failures_are_sticky(void)
{
    ebim_arena a;
    size_t used;
    ebim_arena_init(&a, block, 63 + 128);
    CHECK(ebim_arena_push(&a, 1, 64) != NULL);
    used = a.used;
    CHECK(ebim_arena_push(&a, 1, 65) == NULL);
    CHECK_INT(a.failed, EBIM_ERR_MEMORY);
    CHECK(a.used == used);
    CHECK(ebim_arena_push(&a, 1, 64) == NULL); /* would fit */
    CHECK(ebim_arena_push(&a, 0, 0) == NULL);
    CHECK(a.used == used && ebim_arena_bytes(&a) == 63 + 64);
    a.failed = EBIM_OK; /* what the caller may do: start again from an earlier state */
    a.used = 0;
    memset(block, GUARD, 128);
    CHECK(ebim_arena_push(&a, 2, 64) == block);
    CHECK(block[0] == 0 && block[127] == 0);
}

static void small_memory_is_no_memory(void)
{
    size_t size, offset;
    for (offset = 0; offset < ALIGN; offset++)
        for (size = 0; size <= 127; size++) {
            ebim_arena a;
            memset(block, GUARD, 4 * ALIGN);
            ebim_arena_init(&a, block + offset, size);
            CHECK((ebim_arena_push(&a, 1, 1) != NULL) == (size >= 127));
            CHECK(guarded(block + offset + size, block + 4 * ALIGN));
        }
}

/* No product and no sum of sizes wraps, measuring or not. */
static void sizes_do_not_overflow(void)
{
    static const size_t big = SIZE_MAX, half = SIZE_MAX / 2;
    static const size_t pairs[][2] = {
        {SIZE_MAX, 1}, {1, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}, {SIZE_MAX / 2 + 1, 1},
        {SIZE_MAX / 2 + 1, 2}, {SIZE_MAX / 4 + 1, 4}, {SIZE_MAX / 64 + 1, 64},
        {SIZE_MAX - 62, 1}, {SIZE_MAX / 2, 1}, {SIZE_MAX / 2 - 1, 1}};
    size_t q, memory;
    for (memory = 0; memory < 2; memory++)
        for (q = 0; q < sizeof pairs / sizeof pairs[0]; q++) {
            ebim_arena a;
            ebim_arena_init(&a, memory ? block : NULL, memory ? ROOM : 0);
            CHECK(ebim_arena_push(&a, pairs[q][0], pairs[q][1]) == NULL);
            CHECK_INT(a.failed, EBIM_ERR_MEMORY);
            CHECK(a.used == 0);
            ebim_arena_init(&a, memory ? block : NULL, memory ? ROOM : 0);
            ebim_arena_push(&a, 1, 1);
            CHECK(ebim_arena_push(&a, pairs[q][0], pairs[q][1]) == NULL);
            CHECK_INT(a.failed, EBIM_ERR_MEMORY);
        }
    {
        ebim_arena a; /* half of everything can be measured, but not twice */
        int i;
        ebim_arena_init(&a, NULL, 0);
        ebim_arena_push(&a, half / 64 * 64 - 64, 1);
        CHECK_INT(a.failed, EBIM_OK);
        for (i = 0; i < 4 && !a.failed; i++) {
            size_t used = a.used;
            ebim_arena_push(&a, i % 2 ? half : 64, 1);
            CHECK(a.used >= used && ebim_arena_bytes(&a) > used);
        }
        CHECK_INT(a.failed, EBIM_ERR_MEMORY);
        ebim_arena_init(&a, NULL, 0);
        ebim_arena_push(&a, big, 0);
        ebim_arena_push(&a, 0, big);
        CHECK(a.failed == EBIM_OK && a.used == 0);
    }
}

/* ---- what is built from an arena ---- */

enum { GRAPH, MLP, WORKSPACE, PLAIN_WORKSPACE, MDF, MDF_PLAIN, ENERGY, KINDS };

static const char *const kind_names[KINDS] = {
    "graph", "mlp", "workspace", "workspace without planes", "mdf", "mdf without negatives",
    "energy"};

static struct {
    ebim_graph F, E;
    ebim_real theta_F[256], theta_E[256], x[40];
    ebim_mdf_desc mdf, plain;
    ebim_energy_desc energy;
} made;

static const double LO[2] = {-2, -2}, HI[2] = {2, 2};

static ebim_ref record_ring(ebim_graph *g, ebim_ref x, void *user)
{
    const double one = 1;
    (void)user;
    x = ebim_add(g, ebim_dense(g, x, 3, EBIM_FN_TANH), ebim_sub(g, ebim_sumsq(g, x),
                                                            ebim_constant(g, 1, &one)));
    return ebim_dense(g, ebim_min(g, x, ebim_slice(g, x, 1, 1)), 1, EBIM_FN_IDENTITY);
}

static ebim_mlp_desc small_net(void)
{
    ebim_mlp_desc d;
    memset(&d, 0, sizeof d);
    d.in = 2;
    d.out = 1;
    d.layers = 1;
    d.width = 6;
    return d;
}

static ebim_result build(int kind, ebim_arena *a)
{
    ebim_mlp_desc d = small_net();
    ebim_graph g;
    ebim_ws w;
    switch (kind) {
    case GRAPH: return ebim_record(&g, a, 2, record_ring, NULL);
    case MLP: return ebim_mlp(&g, a, &d, 1);
    case WORKSPACE: return ebim_ws_init(&w, a, &made.F, 17, 2);
    case PLAIN_WORKSPACE: return ebim_ws_init(&w, a, &made.F, 1, 0);
    case MDF: return ebim_mdf_train(&made.F, a, 20, made.x, &made.mdf, NULL);
    case MDF_PLAIN: return ebim_mdf_train(&made.F, a, 20, made.x, &made.plain, NULL);
    default: return ebim_energy_train(&made.E, a, &made.F, 20, made.x, &made.energy, NULL);
    }
}

/* Bytes as measured */
static size_t bytes_for(int kind)
{
    ebim_arena a;
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(build(kind, &a), EBIM_OK);
    return ebim_arena_bytes(&a);
}

static void make_all(void)
{
    ebim_mlp_desc d = small_net();
    ebim_arena a;
    int i;
    memset(&made, 0, sizeof made);
    for (i = 0; i < 20; i++) {
        made.x[2 * i] = (ebim_real)cos(0.3 * i);
        made.x[2 * i + 1] = (ebim_real)sin(0.3 * i);
    }
    ebim_arena_init(&a, made.theta_F, sizeof made.theta_F);
    CHECK_INT(ebim_mlp(&made.F, &a, &d, 1), EBIM_OK);
    ebim_arena_init(&a, made.theta_E, sizeof made.theta_E);
    CHECK_INT(ebim_mlp(&made.E, &a, &d, 2), EBIM_OK);
    made.mdf.data.norm = 1;
    made.mdf.data.rank = 1;
    made.mdf.data.eta = 1;
    made.plain.data = made.mdf.data;
    made.mdf.negatives.norm = -1;
    made.mdf.box.norm2 = 0.5;
    made.mdf.steps = made.plain.steps = 1;
    made.mdf.batch = made.plain.batch = 8;
    made.mdf.rate = made.plain.rate = 1e-3;
    made.mdf.lo = LO;
    made.mdf.hi = HI;
    made.mdf.langevin.eps = 0.1;
    made.mdf.langevin_steps = 2;
    made.mdf.buffer = 16;
    made.energy.steps = 1;
    made.energy.batch = 8;
    made.energy.rate = 1e-3;
    made.energy.clmc.eps = 0.05;
    made.energy.clmc_steps = 1;
    made.energy.buffer = 16;
    made.energy.lo = LO;
    made.energy.hi = HI;
}

/* Builds in exactly `size` bytes of the heap, where sanitizers and valgrind see every byte beyond,
 * or inside the block between guards. */
static ebim_result build_on_heap(int kind, size_t size)
{
    unsigned char *p = (unsigned char *)malloc(size);
    ebim_result r = EBIM_ERR_IO;
    ebim_arena a;
    if (CHECK(p != NULL)) {
        ebim_arena_init(&a, p, size);
        r = build(kind, &a);
    }
    free(p);
    return r;
}

static ebim_result build_between_guards(int kind, size_t offset, size_t size)
{
    ebim_result r;
    ebim_arena a;
    memset(block, GUARD, offset + size + 256);
    ebim_arena_init(&a, block + offset, size);
    r = build(kind, &a);
    CHECK(guarded(block, block + offset));
    CHECK(guarded(block + offset + size, block + offset + size + 256));
    return r;
}

/* Every size around every multiple of 64, which is where allocations end. */
static void every_boundary_fails_cleanly(void)
{
    int kind;
    for (kind = 0; kind < KINDS; kind++) {
        ebim_real before[sizeof made.theta_F / sizeof(ebim_real)];
        size_t need, size, step;
        make_all();
        need = bytes_for(kind);
        memcpy(before, made.theta_F, sizeof before);
        if (!CHECK(need > ALIGN && need + 512 < ROOM)) continue;
        step = kind < MDF ? ALIGN : (need / (T_QUICK ? 8 : 64) + ALIGN) / ALIGN * ALIGN;
        for (size = ALIGN - 1; size < need; size += step) {
            CHECK_INT(build_on_heap(kind, size - 1), EBIM_ERR_MEMORY);
            CHECK_INT(build_on_heap(kind, size), EBIM_ERR_MEMORY);
            if (size + 1 < need)
                CHECK_INT(build_between_guards(kind, 0, size + 1), EBIM_ERR_MEMORY);
        }
        CHECK_INT(build_on_heap(kind, need - 1), EBIM_ERR_MEMORY);
        CHECK(!memcmp(before, made.theta_F, sizeof before)); /* nothing was trained yet */
        CHECK_INT(build_on_heap(kind, need), EBIM_OK);
        CHECK_INT(build_on_heap(kind, need + 1), EBIM_OK);
        if (t__.bad) printf("  in %s\n", kind_names[kind]);
    }
}

static void every_alignment_works(void)
{
    size_t offset, step = T_QUICK ? 9 : 1;
    int kind;
    for (kind = 0; kind < KINDS; kind++) {
        size_t need;
        make_all();
        need = bytes_for(kind);
        for (offset = 0; offset < ALIGN; offset += step) {
            CHECK_INT(build_between_guards(kind, offset, need), EBIM_OK);
            CHECK_INT(build_between_guards(kind, offset, need - 1), EBIM_ERR_MEMORY);
        }
    }
}

/* The table of ebim_ws_init: values; both derivatives where there is a function; tangents and
 * adjoints on both sides of a layer with one. */
static void workspace_size_is_as_computed(void)
{
    ebim_mlp_desc d = small_net();
    ebim_arena a;
    ebim_graph g;
    ebim_ws w;
    int planes;
    ebim_arena_init(&a, block, ROOM);
    CHECK_INT(ebim_mlp(&g, &a, &d, 1), EBIM_OK);
    CHECK_INT(g.n_theta, 6 * 3 + 7);
    CHECK(a.used == bytes_of(25));
    for (planes = 0; planes < 3; planes++) {
        size_t p = (size_t)planes, row = 32, want;
        want = ((size_t)g.n_nodes * sizeof *w.slot + 63) / 64 * 64;
        want += ((size_t)g.n_nodes * sizeof *w.sweep + 63) / 64 * 64;
        want += bytes_of(2 * row) + bytes_of(2 * row * p) + bytes_of(2 * row * (1 + p));
        want += 3 * bytes_of(6 * row) + 2 * bytes_of(6 * row * p) + 2 * bytes_of(6 * row * (1 + p));
        want += bytes_of(row) + bytes_of(row * p) + 2 * bytes_of(row * (1 + p)); /* and seeds */
        ebim_arena_init(&a, NULL, 0);
        CHECK_INT(ebim_ws_init(&w, &a, &g, 17, planes), EBIM_OK);
        CHECK_INT(a.used, want);
    }
}

static void other_reals_are_refused(void)
{
    int kind, memory;
    make_all();
    for (memory = 0; memory < 2; memory++)
        for (kind = 0; kind < KINDS; kind++) {
            ebim_arena a;
            ebim_arena_init_abi(&a, memory ? block : NULL, memory ? ROOM : 0,
                                sizeof(ebim_real) == 4 ? 8 : 4);
            CHECK_INT(a.failed, EBIM_ERR_ABI);
            CHECK(ebim_arena_push(&a, 1, 1) == NULL);
            CHECK_INT(build(kind, &a), EBIM_ERR_ABI);
            CHECK(a.used == 0);
        }
}

static void heap_layer(void)
{
    ebim_arena a;
    void *owned = NULL;
    ebim_arena_init(&a, NULL, 0);
    ebim_arena_push(&a, 100, 3);
    if (!CHECK_INT(ebim__heap(&a, &owned), EBIM_OK)) return;
    CHECK(ebim_arena_push(&a, 100, 3) != NULL && a.failed == EBIM_OK);
    CHECK(ebim_arena_push(&a, 1, 1) == NULL);
    free(owned);
    owned = NULL;
    CHECK_INT(ebim__heap(&a, &owned), EBIM_ERR_MEMORY); /* a failed arena */
    CHECK(owned == NULL);
}

int main(int argc, char **argv)
{
    void *memory = malloc(ROOM + ALIGN);
    int failed;
    T_BEGIN(argc, argv);
    if (!memory) return 2;
    block = (unsigned char *)memory + (-(uintptr_t)memory & (ALIGN - 1));
    T_RUN(results_have_texts);
    T_RUN(finiteness_is_read_from_bits);
    T_RUN(products_are_checked);
    T_RUN(measuring_equals_use);
    T_RUN(failures_are_sticky);
    T_RUN(small_memory_is_no_memory);
    T_RUN(sizes_do_not_overflow);
    T_RUN(every_boundary_fails_cleanly);
    T_RUN(every_alignment_works);
    T_RUN(workspace_size_is_as_computed);
    T_RUN(other_reals_are_refused);
    T_RUN(heap_layer);
    failed = T_END();
    free(memory);
    return failed;
}
