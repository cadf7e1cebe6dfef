/* Tensors: layout and views; and what hands them out, against a network worked out by hand. */
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
}

static void views_share_data(void)
{
    static const int deep[3] = {2, 3, 4};
    ebim_real x[24];
    ebim_tensor t, v, empty;
    int i, j, k;
    for (i = 0; i < 24; i++) x[i] = (ebim_real)i;
    CHECK_INT(ebim_tensor_wrap(&t, x, 3, deep), EBIM_OK);
    for (i = 0; i < 2; i++)
        for (j = 0; j < 3; j++)
            for (k = 0; k < 4; k++) CHECK(*ebim_tensor_at(&t, i, j, k, 0) == x[12 * i + 4 * j + k]);
    CHECK_INT(ebim_tensor_slice(&v, &t, 2, 1, 2), EBIM_OK); /* k = 1, 2 */
    CHECK_INT(ebim_tensor_slice(&v, &v, 1, 2, 1), EBIM_OK); /* j = 2 */
    CHECK(v.rank == 3 && v.shape[0] == 2 && v.shape[1] == 1 && v.shape[2] == 2);
    CHECK(!ebim_tensor_at(&v, 0, 1, 0, 0) && !ebim_tensor_at(&v, 0, 0, 2, 0));
    for (i = 0; i < 2; i++)
        for (k = 0; k < 2; k++) *ebim_tensor_at(&v, i, 0, k, 0) = -1;
    for (i = 0; i < 24; i++) {
        int inside = i / 4 % 3 == 2 && (i % 4 == 1 || i % 4 == 2);
        CHECK(x[i] == (inside ? -1 : (ebim_real)i));
    }
    CHECK_INT(ebim_tensor_wrap(&empty, NULL, 3, deep), EBIM_OK); /* as while measuring */
    CHECK(!ebim_tensor_at(&empty, 0, 0, 0, 0));
}

/* ---- a network by hand ---- */

enum { IN = 3, WIDTH = 5, OUT = 2, POINTS = 17 };

static ebim_ref record_network(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_fn fn = *(const ebim_fn *)user;
    x = ebim_dense(g, ebim_dense(g, x, WIDTH, fn), WIDTH, fn);
    return ebim_dense(g, x, OUT, EBIM_FN_IDENTITY);
}

static double at2(const ebim_tensor *t, int i, int j)
{
    const ebim_real *x = ebim_tensor_at(t, i, j, 0, 0);
    return CHECK(x) ? (double)*x : 0;
}

static void check_near(double value, double want)
{
    CHECK_NEAR(value, want, 64 * T_EPS * (1 + fabs(want)));
}

/* At point l: what every layer holds, from what the one before it holds; J <- W diag(fn') J by the
 * slopes of duals. */
static void layer_by_hand(const ebim_graph *g, ebim_ws *w, ebim_ref node, int l,
                          double (*J)[IN])
{
    ebim_tensor W, b, x, y;
    double next[WIDTH][IN];
    int i, j, q;
    CHECK_INT(ebim_weights(g, node, &W, &b), EBIM_OK);
    CHECK_INT(ebim_ws_values(w, node - 1, &x), EBIM_OK);
    CHECK_INT(ebim_ws_values(w, node, &y), EBIM_OK);
    CHECK(y.shape[0] == W.shape[0] && y.shape[1] == POINTS && W.shape[1] == x.shape[0]);
    for (i = 0; i < W.shape[0]; i++) {
        double sum = at2(&b, i, 0);
        ebim_dual z;
        for (q = 0; q < W.shape[1]; q++) sum += at2(&W, i, q) * at2(&x, q, l);
        z = ebim_dual_apply((ebim_fn)g->node[node].fn, ebim_dual_make((ebim_real)sum, 1), 0);
        check_near(at2(&y, i, l), (double)z.v);
        for (j = 0; j < IN; j++)
            for (next[i][j] = 0, q = 0; q < W.shape[1]; q++)
                next[i][j] += (double)z.d * at2(&W, i, q) * J[q][j];
    }
    memcpy(J, next, (size_t)W.shape[0] * sizeof *J);
}

static void network_by_hand(const ebim_graph *g, ebim_ws *w)
{
    ebim_tensor J;
    int i, j, l;
    if (!CHECK_INT(ebim_ws_jacobian(w, &J), EBIM_OK)) return;
    CHECK(J.rank == 3 && J.shape[0] == OUT && J.shape[1] == IN && J.shape[2] == POINTS);
    for (l = 0; l < POINTS; l++) {
        double here[WIDTH][IN] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
        for (i = 2; i < 5; i++) layer_by_hand(g, w, i, l, here);
        for (i = 0; i < OUT; i++)
            for (j = 0; j < IN; j++)
                check_near((double)*ebim_tensor_at(&J, i, j, l, 0), here[i][j]);
    }
}

static void views_of_a_network(void)
{
    static const ebim_fn fns[] = {EBIM_FN_SILU, EBIM_FN_TANH, EBIM_FN_SINE, EBIM_FN_SOFTPLUS};
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
        network_by_hand(&g, &w);
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
    T_RUN(views_of_a_network);
    return T_END();
}
