/* Tensors: layout, views and broadcasting against loops that index element by element; and what
 * hands them out, against a network worked out by hand. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"

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
    int size = 1, i;
    memset(&t, 0, sizeof t);
    for (i = 0; i < rank; i++) size *= shape[i];
    CHECK_INT(ebim_tensor_wrap(&t, (ebim_real *)ebim_arena_push(a, (size_t)size, sizeof *t.data),
                               rank, shape), EBIM_OK);
    return t;
}

static ebim_tensor make2(ebim_arena *a, int rows, int columns)
{
    int shape[2];
    shape[0] = rows;
    shape[1] = columns;
    return make(a, 2, shape);
}

static void fill(const ebim_tensor *t, ebim_real v)
{
    static const int shape[1] = {1};
    ebim_real zero = 0;
    ebim_tensor z, value;
    CHECK_INT(ebim_tensor_wrap(&z, &zero, 1, shape), EBIM_OK);
    CHECK_INT(ebim_tensor_wrap(&value, &v, 0, NULL), EBIM_OK);
    CHECK_INT(ebim_tensor_op(t, &z, '+', &value), EBIM_OK);
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

static void row_major(void)
{
    static const int shape[4] = {2, 3, 4, 5};
    ebim_arena a = arena();
    ebim_tensor t = make(&a, 4, shape);
    CHECK_INT(ebim_tensor_at(&t, 1, 2, 3, 4) - t.data, 119);
    CHECK_INT(ebim_tensor_at(&t, 1, 0, 2, 3) - t.data, 73);
    CHECK(!ebim_tensor_at(&t, 2, 0, 0, 0));
    CHECK(!ebim_tensor_at(&t, 0, 0, 0, 5));
    CHECK(!ebim_tensor_at(&t, 0, -1, 0, 0));
    t = make(&a, 1, shape);
    CHECK(ebim_tensor_at(&t, 1, 0, 0, 0) == t.data + 1);
    CHECK(!ebim_tensor_at(&t, 0, 1, 0, 0));
    t = make(&a, 0, NULL);
    CHECK(ebim_tensor_at(&t, 0, 0, 0, 0) == t.data);
}

static void refuses_bad_shapes(void)
{
    static const int zero[2] = {3, 0}, negative[1] = {-1}, five[5] = {1, 1, 1, 1, 1};
    static const int huge[2] = {1 << 16, 1 << 15}, most[2] = {INT_MAX, 1};
    ebim_real x[6] = {0};
    ebim_arena a = arena();
    ebim_tensor t = make2(&a, 2, 3), before = t, v;
    CHECK_INT(ebim_tensor_wrap(&t, x, 2, zero), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_wrap(&t, x, 1, negative), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_wrap(&t, x, 2, huge), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_wrap(&t, x, 5, five), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_wrap(&t, x, -1, five), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_slice(&t, &t, 2, 0, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_slice(&t, &t, -1, 0, 1), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, 1, 3), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, -1, 2), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, 0, 0), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, INT_MAX, 1), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, 2, INT_MAX), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_transpose(&t, &t, 0, 2), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_op(&t, &t, 0, &t), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_op(&t, &t, '%', &t), EBIM_ERR_ARG);
    CHECK(!memcmp(&t, &before, sizeof t));
    CHECK_INT(ebim_tensor_wrap(&v, x, 2, most), EBIM_OK); /* the largest there is */
}

static void without_data(void)
{
    static const int shape[2] = {3, 3};
    ebim_tensor t;
    CHECK_INT(ebim_tensor_wrap(&t, NULL, 2, shape), EBIM_OK);
    CHECK(!ebim_tensor_at(&t, 0, 0, 0, 0));
    CHECK_INT(ebim_tensor_slice(&t, &t, 0, 1, 2), EBIM_OK);
    CHECK(t.data == NULL);
    CHECK_INT(ebim_tensor_op(&t, &t, '*', &t), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_slice(&t, &t, 1, 1, 2), EBIM_OK);
    CHECK_INT(ebim_tensor_matmul(&t, &t, &t), EBIM_ERR_ARG);
}

static void views_share_data(void)
{
    static const int deep[3] = {2, 3, 4};
    ebim_real x[24];
    ebim_tensor t, v;
    int i, j, k;
    memset(&v, 0, sizeof v);
    for (i = 0; i < 24; i++) x[i] = (ebim_real)i;
    CHECK_INT(ebim_tensor_wrap(&t, x, 3, deep), EBIM_OK);
    CHECK_INT(ebim_tensor_transpose(&v, &t, 0, 2), EBIM_OK);
    for (i = 0; i < 2; i++)
        for (j = 0; j < 3; j++)
            for (k = 0; k < 4; k++) CHECK(*ebim_tensor_at(&v, k, j, i, 0) == x[12 * i + 4 * j + k]);
    CHECK_INT(ebim_tensor_slice(&v, &v, 0, 1, 2), EBIM_OK); /* k = 1, 2 */
    CHECK_INT(ebim_tensor_slice(&v, &v, 1, 2, 1), EBIM_OK); /* j = 2 */
    fill(&v, -1);
    for (i = 0; i < 24; i++) {
        int inside = i / 4 % 3 == 2 && (i % 4 == 1 || i % 4 == 2);
        CHECK(x[i] == (inside ? -1 : (ebim_real)i));
    }
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
        CHECK_INT(ebim_tensor_op(&out, &x, "+-*/"[which], &y), EBIM_OK);
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
    fill(&out, 7);
    CHECK_INT(ebim_tensor_op(&out, &x, '+', &y), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_op(&out, &x, '+', &line), EBIM_ERR_SHAPE); /* 4 and 3 */
    CHECK_INT(ebim_tensor_op(&column, &x, '+', &x), EBIM_ERR_SHAPE); /* out does not repeat */
    CHECK_INT(ebim_tensor_op(&line, &column, '+', &line), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_matmul(&out, &x, &y), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_tensor_matmul(&out, &y, &out), EBIM_ERR_ARG);
    CHECK_INT(ebim_tensor_matmul(&out, &y, &line), EBIM_ERR_SHAPE);
    for (i = 0; i < 12; i++) CHECK(out.data[i] == 7);
    CHECK_INT(ebim_tensor_op(&out, &column, '+', &row), EBIM_OK); /* outer */
    for (i = 0; i < 12; i++) CHECK(out.data[i] == 0);
}

static void in_place(void)
{
    ebim_arena a = arena();
    ebim_tensor t = make2(&a, 2, 3), row = make2(&a, 1, 3);
    int i;
    for (i = 0; i < 6; i++) t.data[i] = (ebim_real)(i + 1);
    for (i = 0; i < 3; i++) row.data[i] = (ebim_real)(10 * i);
    CHECK_INT(ebim_tensor_op(&t, &t, '*', &t), EBIM_OK);
    CHECK_INT(ebim_tensor_op(&t, &t, '-', &row), EBIM_OK);
    for (i = 0; i < 6; i++) CHECK(t.data[i] == (ebim_real)((i + 1) * (i + 1) - 10 * (i % 3)));
}

static void matmul_by_hand(void)
{
    static const int two_three[2] = {2, 3}, three_two[2] = {3, 2}, two_two[2] = {2, 2};
    ebim_real x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {7, 8, 9, 10, 11, 12}, z[4] = {9, 9, 9, 9};
    ebim_tensor a, b, c;
    ebim_tensor_wrap(&a, x, 2, two_three);
    ebim_tensor_wrap(&b, y, 2, three_two);
    ebim_tensor_wrap(&c, z, 2, two_two);
    CHECK_INT(ebim_tensor_matmul(&c, &a, &b), EBIM_OK);
    CHECK(z[0] == 58 && z[1] == 64 && z[2] == 139 && z[3] == 154);
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

/* ---- a network by hand ---- */

enum { IN = 3, WIDTH = 5, OUT = 2, POINTS = 17 };

static ebim_ref record_network(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_fn fn = *(const ebim_fn *)user;
    return ebim_dense(g, ebim_dense(g, ebim_dense(g, x, WIDTH, fn), WIDTH, fn), OUT, EBIM_IDENTITY);
}

/* y <- fn(W x + b) of a node for columns x, slope <- fn' there; slopes are those of duals. */
static void layer_by_hand(const ebim_graph *g, ebim_ref node, const ebim_tensor *x,
                          const ebim_tensor *y, const ebim_tensor *slope)
{
    ebim_tensor W, b;
    int i, l;
    if (!CHECK_INT(ebim_weights(g, node, &W, &b), EBIM_OK)) return;
    CHECK_INT(ebim_tensor_matmul(y, &W, x), EBIM_OK);
    CHECK_INT(ebim_tensor_op(y, y, '+', &b), EBIM_OK);
    for (i = 0; i < y->shape[0]; i++)
        for (l = 0; l < y->shape[1]; l++) {
            ebim_real *at = ebim_tensor_at(y, i, l, 0, 0);
            ebim_dual z = ebim_dual_apply((ebim_fn)g->node[node].fn, ebim_dual_make(*at, 1), 0);
            *at = z.v;
            *ebim_tensor_at(slope, i, l, 0, 0) = z.d;
        }
}

static void check_same(const ebim_tensor *a, const ebim_tensor *b)
{
    int i, l;
    CHECK(a->shape[0] == b->shape[0] && a->shape[1] == b->shape[1]);
    for (i = 0; i < a->shape[0]; i++)
        for (l = 0; l < a->shape[1]; l++) {
            double want = (double)*ebim_tensor_at(b, i, l, 0, 0);
            CHECK_NEAR(*ebim_tensor_at(a, i, l, 0, 0), want, 64 * T_EPS * (1 + fabs(want)));
        }
}

/* J of point l: W3 diag(fn') W2 diag(fn') W1 */
static void jacobian_by_hand(const ebim_graph *g, ebim_arena a, const ebim_tensor *slope, int l,
                             const ebim_tensor *J)
{
    ebim_tensor W[3], b, D[2], left = make2(&a, OUT, WIDTH), right = make2(&a, WIDTH, IN);
    ebim_tensor middle = make2(&a, OUT, WIDTH);
    int i;
    for (i = 0; i < 3; i++) CHECK_INT(ebim_weights(g, 2 + i, &W[i], &b), EBIM_OK);
    for (i = 0; i < 2; i++) CHECK_INT(ebim_tensor_slice(&D[i], &slope[i], 1, l, 1), EBIM_OK);
    CHECK_INT(ebim_tensor_op(&right, &W[0], '*', &D[0]), EBIM_OK); /* rows by a column */
    CHECK_INT(ebim_tensor_transpose(&D[1], &D[1], 0, 1), EBIM_OK);
    CHECK_INT(ebim_tensor_op(&left, &W[2], '*', &D[1]), EBIM_OK);
    CHECK_INT(ebim_tensor_matmul(&middle, &left, &W[1]), EBIM_OK);
    CHECK_INT(ebim_tensor_matmul(J, &middle, &right), EBIM_OK);
}

static void network_by_hand(const ebim_graph *g, ebim_ws *w, ebim_arena a)
{
    ebim_tensor x, y, h[3], slope[3], J, Jl, want = make2(&a, OUT, IN);
    int i, l;
    for (i = 0; i < 3; i++) {
        h[i] = make2(&a, i < 2 ? WIDTH : OUT, POINTS);
        slope[i] = make2(&a, i < 2 ? WIDTH : OUT, POINTS);
    }
    if (!CHECK_INT(ebim_ws_values(w, 1, &x), EBIM_OK)) return;
    CHECK(x.shape[0] == IN && x.shape[1] == POINTS);
    for (i = 0; i < 3; i++) {
        layer_by_hand(g, 2 + i, i ? &h[i - 1] : &x, &h[i], &slope[i]);
        CHECK_INT(ebim_ws_values(w, 2 + i, &y), EBIM_OK);
        check_same(&y, &h[i]);
    }
    if (!CHECK_INT(ebim_ws_jacobian(w, &J), EBIM_OK)) return;
    CHECK(J.rank == 3 && J.shape[0] == OUT && J.shape[1] == IN && J.shape[2] == POINTS);
    for (l = 0; l < POINTS; l++) {
        CHECK_INT(ebim_tensor_slice(&Jl, &J, 2, l, 1), EBIM_OK);
        jacobian_by_hand(g, a, slope, l, &want);
        check_same(&Jl, &want);
    }
}

static void views_of_a_network(void)
{
    static const ebim_fn fns[] = {EBIM_SILU, EBIM_TANH, EBIM_SINE, EBIM_SOFTPLUS};
    ebim_tensor t;
    int q, l;
    for (q = 0; q < 4; q++) {
        ebim_arena a = arena();
        ebim_graph g;
        ebim_ws w;
        ebim_rng r;
        ebim_fn fn = fns[q];
        if (!CHECK_INT(ebim_record(&g, &a, IN, record_network, &fn), EBIM_OK)) return;
        ebim_init_theta(&g, T_SEED);
        if (!CHECK_INT(ebim_ws_init(&w, &a, &g, POINTS, OUT), EBIM_OK)) return;
        ebim_rng_init(&r, T_SEED, 4);
        for (l = 0; l < IN * w.stride; l++) ebim_ws_x(&w)[l] = ebim_rng_normal(&r);
        ebim_forward(&w, POINTS, 1);
        network_by_hand(&g, &w, a);
        CHECK_INT(ebim_weights(&g, 1, &t, &t), EBIM_ERR_ARG); /* no layer; none */
        CHECK_INT(ebim_weights(&g, 0, &t, &t), EBIM_ERR_ARG);
        CHECK_INT(ebim_weights(&g, 5, &t, &t), EBIM_ERR_ARG);
        CHECK_INT(ebim_ws_values(&w, 5, &t), EBIM_ERR_ARG);
        ebim_forward(&w, POINTS, 0);
        CHECK_INT(ebim_ws_jacobian(&w, &t), EBIM_ERR_ARG);
        if (!CHECK_INT(ebim_ws_init(&w, &a, &g, POINTS, EBIM_WS_VALUES), EBIM_OK)) return;
        CHECK_INT(ebim_ws_values(&w, 2, &t), EBIM_ERR_ARG); /* not kept */
        CHECK_INT(ebim_ws_init(&w, &a, &g, 1, 1), EBIM_OK);
        ebim_forward(&w, 1, 1);
        CHECK_INT(ebim_ws_jacobian(&w, &t), EBIM_ERR_ARG);  /* too few planes */
    }
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(row_major);
    T_RUN(refuses_bad_shapes);
    T_RUN(without_data);
    T_RUN(views_share_data);
    T_RUN(broadcasts_like_loops);
    T_RUN(shapes_that_do_not_fit);
    T_RUN(in_place);
    T_RUN(matmul_by_hand);
    T_RUN(matmul_of_views);
    T_RUN(views_of_a_network);
    return T_END();
}
