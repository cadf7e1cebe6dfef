/* Tensors: layout, views and broadcasting against loops that index element by element. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

typedef ebim_result (*binary)(const ebim_tensor *, const ebim_tensor *, const ebim_tensor *);

static double memory[1 << 14];

static ebim_arena arena(void)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, sizeof memory);
    return a;
}

static ebim_tensor make(ebim_arena *a, int rank, const int *shape)
{
    ebim_tensor t;
    memset(&t, 0, sizeof t);
    CHECK_INT(ebim_tensor_new(&t, a, rank, shape), EBIM_OK);
    return t;
}

static ebim_tensor make2(ebim_arena *a, int rows, int columns)
{
    int shape[2];
    shape[0] = rows;
    shape[1] = columns;
    return make(a, 2, shape);
}

static int between(ebim_rng *r, int lo, int hi)
{
    return lo + (int)ebim_rng_below(r, (uint32_t)(hi - lo + 1));
}

/* Element of an operand at an index of the broadcast shape, whose axes are matched at the end. */
static ebim_real *broadcast_at(const ebim_tensor *t, const int *index)
{
    int at[EBIM_TENSOR_RANK] = {0, 0, 0, 0}, i;
    for (i = 0; i < t->rank; i++)
        at[i] = t->shape[i] == 1 ? 0 : index[i + EBIM_TENSOR_RANK - t->rank];
    return ebim_tensor_at(t, at[0], at[1], at[2], at[3]);
}

static void randomise(const ebim_tensor *t, ebim_rng *r)
{
    int i[4];
    for (i[0] = 0; i[0] < t->shape[0]; i[0]++)
        for (i[1] = 0; i[1] < t->shape[1]; i[1]++)
            for (i[2] = 0; i[2] < t->shape[2]; i[2]++)
                for (i[3] = 0; i[3] < t->shape[3]; i[3]++)
                    *ebim_tensor_at(t, i[0], i[1], i[2], i[3]) = ebim_rng_normal(r) + 4;
}

/* A tensor of this shape that is a view: made larger, cut, with two axes exchanged. */
static ebim_tensor random_view(ebim_arena *a, ebim_rng *r, int rank, const int *shape)
{
    int grown[EBIM_TENSOR_RANK] = {1, 1, 1, 1}, i, p = 0, q = 0, first[EBIM_TENSOR_RANK];
    ebim_tensor t;
    if (rank) {
        p = between(r, 0, rank - 1);
        q = between(r, 0, rank - 1);
    }
    for (i = 0; i < rank; i++) {
        int from = i == p ? q : i == q ? p : i;
        first[i] = between(r, 0, 2);
        grown[i] = shape[from] + first[i] + between(r, 0, 1);
    }
    t = make(a, rank, grown);
    for (i = 0; i < rank; i++) {
        int from = i == p ? q : i == q ? p : i;
        CHECK_INT(ebim_tensor_slice(&t, &t, i, first[i], shape[from]), EBIM_OK);
    }
    if (rank) CHECK_INT(ebim_tensor_transpose(&t, &t, p, q), EBIM_OK);
    for (i = 0; i < rank; i++) CHECK_INT(t.shape[i], shape[i]);
    randomise(&t, r);
    return t;
}

/* An operand that broadcasts to shape: leading axes dropped, others set to 1. */
static ebim_tensor random_operand(ebim_arena *a, ebim_rng *r, int rank, const int *shape)
{
    int mine[EBIM_TENSOR_RANK], drop = between(r, 0, rank), i;
    for (i = drop; i < rank; i++) mine[i - drop] = between(r, 0, 2) ? shape[i] : 1;
    return random_view(a, r, rank - drop, mine);
}

static void row_major_zeros(void)
{
    static const int shape[4] = {2, 3, 4, 5};
    ebim_arena a = arena();
    ebim_tensor t = make(&a, 4, shape);
    int i;
    CHECK_INT(ebim_tensor_size(&t), 120);
    CHECK_INT(ebim_tensor_at(&t, 1, 2, 3, 4) - t.data, 119);
    CHECK_INT(ebim_tensor_at(&t, 1, 0, 2, 3) - t.data, 73);
    for (i = 0; i < 120; i++) CHECK(t.data[i] == 0);
    CHECK(!ebim_tensor_at(&t, 2, 0, 0, 0));
    CHECK(!ebim_tensor_at(&t, 0, 0, 0, 5));
    CHECK(!ebim_tensor_at(&t, 0, -1, 0, 0));
    t = make(&a, 1, shape);
    CHECK(ebim_tensor_at(&t, 1, 0, 0, 0) == t.data + 1);
    CHECK(!ebim_tensor_at(&t, 0, 1, 0, 0));
    t = make(&a, 0, NULL);
    CHECK_INT(ebim_tensor_size(&t), 1);
    CHECK(ebim_tensor_at(&t, 0, 0, 0, 0) == t.data);
}

static void refuses_bad_shapes(void)
{
    static const int zero[2] = {3, 0}, negative[1] = {-1}, five[5] = {1, 1, 1, 1, 1};
    static const int huge[2] = {1 << 16, 1 << 15}, most[2] = {INT_MAX, 1}, other[2] = {2, 5};
    ebim_real x[6] = {0};
    ebim_arena a = arena();
    ebim_tensor t = make2(&a, 2, 3), before = t, v;
    CHECK_INT(ebim_tensor_new(&t, &a, 2, zero), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_new(&t, &a, 1, negative), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_new(&t, &a, 2, huge), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_new(&t, &a, 5, five), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_wrap(&t, x, -1, five), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_slice(&t, &t, 2, 0, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_slice(&t, &t, -1, 0, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, 1, 3), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, -1, 2), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, 0, 0), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, INT_MAX, 1), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, 2, INT_MAX), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_transpose(&t, &t, 0, 2), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_reshape(&t, &t, 2, other), EBIM_ERR_SHAPE);
    CHECK(!memcmp(&t, &before, sizeof t));
    CHECK_INT(ebim_tensor_wrap(&v, x, 2, most), EBIM_OK); /* the largest there is */
    CHECK_INT(ebim_tensor_size(&v), INT_MAX);
}

static void memory_is_measured(void)
{
    static const int shape[3] = {3, 5, 2};
    ebim_arena a;
    ebim_tensor t;
    size_t bytes;
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(ebim_tensor_new(&t, &a, 3, shape), EBIM_OK);
    CHECK(t.data == NULL && t.rank == 3);
    CHECK(!ebim_tensor_at(&t, 0, 0, 0, 0));
    CHECK_INT(ebim_tensor_slice(&t, &t, 0, 1, 2), EBIM_OK);
    CHECK_INT(ebim_tensor_fill(&t, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_matmul(&t, &t, &t), EBIM_ERR_SHAPE);
    CHECK(ebim_tensor_max_abs(&t) == 0);
    bytes = ebim_arena_bytes(&a);
    ebim_arena_init(&a, memory, bytes);
    CHECK_INT(ebim_tensor_new(&t, &a, 3, shape), EBIM_OK);
    ebim_arena_init(&a, memory, bytes - 1);
    memset(&t, 0, sizeof t);
    CHECK_INT(ebim_tensor_new(&t, &a, 3, shape), EBIM_ERR_MEMORY);
    CHECK(t.data == NULL && t.rank == 0);
}

static void views_share_data(void)
{
    static const int flat[1] = {24}, deep[3] = {2, 3, 4}, wide[2] = {4, 6};
    ebim_real x[24];
    ebim_tensor t, v;
    int i, j, k;
    memset(&v, 0, sizeof v);
    for (i = 0; i < 24; i++) x[i] = (ebim_real)i;
    CHECK_INT(ebim_tensor_wrap(&t, x, 1, flat), EBIM_OK);
    CHECK_INT(ebim_tensor_reshape(&t, &t, 3, deep), EBIM_OK);
    CHECK_INT(ebim_tensor_transpose(&v, &t, 0, 2), EBIM_OK);
    for (i = 0; i < 2; i++)
        for (j = 0; j < 3; j++)
            for (k = 0; k < 4; k++) CHECK(*ebim_tensor_at(&v, k, j, i, 0) == x[12 * i + 4 * j + k]);
    CHECK_INT(ebim_tensor_slice(&v, &v, 0, 1, 2), EBIM_OK); /* k = 1, 2 */
    CHECK_INT(ebim_tensor_slice(&v, &v, 1, 2, 1), EBIM_OK); /* j = 2 */
    CHECK_INT(ebim_tensor_fill(&v, -1), EBIM_OK);
    for (i = 0; i < 24; i++) {
        int inside = i / 4 % 3 == 2 && (i % 4 == 1 || i % 4 == 2);
        CHECK(x[i] == (inside ? -1 : (ebim_real)i));
    }
    CHECK_INT(ebim_tensor_reshape(&v, &v, 1, flat), EBIM_ERR_SHAPE);  /* too few */
    CHECK_INT(ebim_tensor_transpose(&v, &t, 1, 2), EBIM_OK);
    CHECK_INT(ebim_tensor_reshape(&v, &v, 2, wide), EBIM_ERR_SHAPE);  /* not contiguous */
    CHECK_INT(ebim_tensor_slice(&v, &t, 0, 1, 1), EBIM_OK);           /* still contiguous */
    CHECK_INT(ebim_tensor_reshape(&v, &v, 2, deep + 1), EBIM_OK);
    CHECK(ebim_tensor_at(&v, 2, 3, 0, 0) == x + 23);
}

/* Reference: o = op(a, b) for every index of the shape. Division may be done by a reciprocal. */
static void check_binary(int op, const ebim_tensor *out, const ebim_tensor *a,
                         const ebim_tensor *b)
{
    int shape[4] = {1, 1, 1, 1}, i[4], q;
    for (q = 0; q < out->rank; q++) shape[q + 4 - out->rank] = out->shape[q];
    for (i[0] = 0; i[0] < shape[0]; i[0]++)
        for (i[1] = 0; i[1] < shape[1]; i[1]++)
            for (i[2] = 0; i[2] < shape[2]; i[2]++)
                for (i[3] = 0; i[3] < shape[3]; i[3]++) {
                    double x = (double)*broadcast_at(a, i), y = (double)*broadcast_at(b, i);
                    double want = op == 0 ? x + y : op == 1 ? x - y : op == 2 ? x * y : x / y;
                    CHECK_REL(*broadcast_at(out, i), want, 2 * T_EPS);
                }
}

static void broadcasts_like_loops(void)
{
    static const binary op[4] = {ebim_tensor_add, ebim_tensor_sub, ebim_tensor_mul,
                                 ebim_tensor_div};
    ebim_rng r;
    int trial, i;
    ebim_rng_init(&r, T_SEED, 1);
    for (trial = 0; trial < (T_QUICK ? 40 : 400); trial++) {
        ebim_arena a = arena();
        int rank = between(&r, 0, 4), shape[4], which = trial % 4;
        ebim_tensor out, x, y;
        for (i = 0; i < rank; i++) shape[i] = between(&r, 1, 4);
        out = random_view(&a, &r, rank, shape);
        x = random_operand(&a, &r, rank, shape);
        y = random_operand(&a, &r, rank, shape);
        if (!CHECK_INT(a.failed, EBIM_OK)) return;
        CHECK_INT(op[which](&out, &x, &y), EBIM_OK);
        check_binary(which, &out, &x, &y);
    }
}

static void shapes_that_do_not_fit(void)
{
    ebim_arena a = arena();
    ebim_tensor x = make2(&a, 3, 4), y = make2(&a, 3, 3), column = make2(&a, 3, 1);
    ebim_tensor row = make2(&a, 1, 4), out = make2(&a, 3, 4), line;
    static const int three[1] = {3};
    int i;
    line = make(&a, 1, three);
    ebim_tensor_fill(&out, 7);
    CHECK_INT(ebim_tensor_add(&out, &x, &y), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_add(&out, &x, &line), EBIM_ERR_SHAPE); /* matched at the end: 4 and 3 */
    CHECK_INT(ebim_tensor_add(&column, &x, &x), EBIM_ERR_SHAPE); /* out does not repeat */
    CHECK_INT(ebim_tensor_add(&line, &column, &line), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_sum(&row, &x, 1), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_sum(&line, &x, 0), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_sum(&row, &x, 2), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_matmul(&out, &x, &y), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_matmul(&out, &y, &out), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_matmul(&out, &y, &line), EBIM_ERR_SHAPE);
    for (i = 0; i < 12; i++) CHECK(out.data[i] == 7);
    CHECK_INT(ebim_tensor_add(&out, &column, &row), EBIM_OK); /* outer */
    for (i = 0; i < 12; i++) CHECK(out.data[i] == 0);
}

static void in_place(void)
{
    ebim_arena a = arena();
    ebim_tensor t = make2(&a, 2, 3), row = make2(&a, 1, 3);
    int i;
    for (i = 0; i < 6; i++) t.data[i] = (ebim_real)(i + 1);
    for (i = 0; i < 3; i++) row.data[i] = (ebim_real)(10 * i);
    CHECK_INT(ebim_tensor_mul(&t, &t, &t), EBIM_OK);
    CHECK_INT(ebim_tensor_sub(&t, &t, &row), EBIM_OK);
    CHECK_INT(ebim_tensor_scale(&t, 2), EBIM_OK);
    CHECK_INT(ebim_tensor_axpy(&t, -3, &row), EBIM_OK);
    for (i = 0; i < 6; i++) CHECK(t.data[i] == (ebim_real)(2 * (i + 1) * (i + 1) - 50 * (i % 3)));
    CHECK_INT(ebim_tensor_copy(&t, &row), EBIM_OK);
    for (i = 0; i < 6; i++) CHECK(t.data[i] == (ebim_real)(10 * (i % 3)));
}

static void sums_along_axes(void)
{
    ebim_rng r;
    int trial, axis, i, q;
    ebim_rng_init(&r, T_SEED, 2);
    for (trial = 0; trial < 60; trial++) {
        ebim_arena a = arena();
        int rank = between(&r, 1, 4), shape[4], less[4];
        ebim_tensor t, out;
        for (i = 0; i < rank; i++) less[i] = shape[i] = between(&r, 1, 4);
        axis = between(&r, 0, rank - 1);
        less[axis] = 1;
        t = random_view(&a, &r, rank, shape);
        out = random_view(&a, &r, rank, less);
        CHECK_INT(ebim_tensor_sum(&out, &t, axis), EBIM_OK);
        for (i = 0; i < ebim_tensor_size(&out); i++) {
            int at[4] = {0, 0, 0, 0}, rest = i;
            double want = 0;
            for (q = rank - 1; q >= 0; q--) {
                at[q] = rest % less[q];
                rest /= less[q];
            }
            for (q = 0; q < shape[axis]; q++) {
                at[axis] = q;
                want += (double)*ebim_tensor_at(&t, at[0], at[1], at[2], at[3]);
            }
            at[axis] = 0;
            CHECK_NEAR(*ebim_tensor_at(&out, at[0], at[1], at[2], at[3]), want, 64 * T_EPS);
        }
    }
}

static void matmul_by_hand(void)
{
    static const int two_three[2] = {2, 3}, three_two[2] = {3, 2}, two_two[2] = {2, 2};
    ebim_real x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {7, 8, 9, 10, 11, 12}, z[4] = {9, 9, 9, 9};
    ebim_tensor a, b, c;
    double dot = 0;
    ebim_tensor_wrap(&a, x, 2, two_three);
    ebim_tensor_wrap(&b, y, 2, three_two);
    ebim_tensor_wrap(&c, z, 2, two_two);
    CHECK_INT(ebim_tensor_matmul(&c, &a, &b), EBIM_OK);
    CHECK(z[0] == 58 && z[1] == 64 && z[2] == 139 && z[3] == 154);
    CHECK_INT(ebim_tensor_dot(&c, &c, &dot), EBIM_OK);
    CHECK_NEAR(dot, 58 * 58 + 64 * 64 + 139 * 139 + 154 * 154, 0);
    CHECK(ebim_tensor_max_abs(&c) == 154);
    CHECK_INT(ebim_tensor_dot(&a, &b, &dot), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_transpose(&b, &b, 0, 1), EBIM_OK);
    CHECK_INT(ebim_tensor_dot(&a, &b, &dot), EBIM_OK);
    CHECK_NEAR(dot, 7 + 2 * 9 + 3 * 11 + 4 * 8 + 5 * 10 + 6 * 12, 0);
}

static void matmul_of_views(void)
{
    ebim_rng r;
    int trial, i, j, q;
    ebim_rng_init(&r, T_SEED, 3);
    for (trial = 0; trial < 60; trial++) {
        ebim_arena a = arena();
        int m = between(&r, 1, 6), n = between(&r, 1, 6), k = between(&r, 1, 6);
        int mk[2], kn[2], mn[2];
        ebim_tensor x, y, z;
        mk[0] = mn[0] = m;
        mk[1] = kn[0] = k;
        kn[1] = mn[1] = n;
        x = random_view(&a, &r, 2, mk);
        y = random_view(&a, &r, 2, kn);
        z = random_view(&a, &r, 2, mn);
        CHECK_INT(ebim_tensor_matmul(&z, &x, &y), EBIM_OK);
        for (i = 0; i < m; i++)
            for (j = 0; j < n; j++) {
                double want = 0;
                for (q = 0; q < k; q++)
                    want += (double)*ebim_tensor_at(&x, i, q, 0, 0) *
                            (double)*ebim_tensor_at(&y, q, j, 0, 0);
                CHECK_NEAR(*ebim_tensor_at(&z, i, j, 0, 0), want, 16 * T_EPS * (1 + fabs(want)));
            }
    }
}

static void max_abs_sees_everything(void)
{
    ebim_arena a = arena();
    ebim_tensor t = make2(&a, 3, 5), inner;
    const uint64_t nan64 = UINT64_C(0x7ff8000000000000);
    const uint32_t nan32 = 0x7fc00000u;
    int i;
    CHECK(ebim_tensor_max_abs(&t) == 0);
    for (i = 0; i < 15; i++) {
        ebim_tensor_fill(&t, (ebim_real)0.5);
        t.data[i] = -2;
        CHECK(ebim_tensor_max_abs(&t) == 2);
        memcpy(&t.data[i], sizeof(ebim_real) == 8 ? (const void *)&nan64 : (const void *)&nan32,
               sizeof(ebim_real));
        CHECK(!t_finite((double)ebim_tensor_max_abs(&t)));
    }
    CHECK_INT(ebim_tensor_slice(&inner, &t, 1, 0, 4), EBIM_OK); /* the NaN is in the last column */
    CHECK(ebim_tensor_max_abs(&inner) == (ebim_real)0.5);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(row_major_zeros);
    T_RUN(refuses_bad_shapes);
    T_RUN(memory_is_measured);
    T_RUN(views_share_data);
    T_RUN(broadcasts_like_loops);
    T_RUN(shapes_that_do_not_fit);
    T_RUN(in_place);
    T_RUN(sums_along_axes);
    T_RUN(matmul_by_hand);
    T_RUN(matmul_of_views);
    T_RUN(max_abs_sees_everything);
    return T_END();
}
