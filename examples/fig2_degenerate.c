/* fig2_degenerate: the paper's Fig. 2. What becomes of F when nothing but E|F(x)| over the data is
   made small: a plain network goes flat, so that all of the plane is nearly its zero set; the left
   inverse of an injective flow, whose Jacobian has full rank by construction, loses it in numbers.
   Beside them the same network with the paper's regularisers, and the default recipe's.

       build/fig2_degenerate [--seed N] [--out DIR] [--quick] [--recipe paper|default]

   The flow: 6 times an invertible linear layer (a unit triangular matrix times one with a positive
   diagonal) and an affine coupling; F is one of the two coordinates of its result. */
#include "common/paper.h"

enum { LAYERS = 6, WIDTH = 16 };

/* Trainable numbers: a dense layer of a constant */
static ebim_ref numbers(ebim_graph *g, int count)
{
    static const double one[1] = {1};
    return ebim_dense(g, ebim_constant(g, 1, one), count, EBIM_FN_IDENTITY);
}

/* (a, b) -> L U (a, b): U has e^s on its diagonal, L ones */
static ebim_ref linear(ebim_graph *g, ebim_ref x)
{
    ebim_ref t = numbers(g, 4), a = ebim_slice(g, x, 0, 1), b = ebim_slice(g, x, 1, 1);
    a = ebim_add(g, ebim_mul(g, a, ebim_apply(g, ebim_slice(g, t, 0, 1), EBIM_FN_EXP)),
                 ebim_mul(g, b, ebim_slice(g, t, 2, 1)));
    b = ebim_mul(g, b, ebim_apply(g, ebim_slice(g, t, 1, 1), EBIM_FN_EXP));
    return ebim_concat(g, a, ebim_add(g, b, ebim_mul(g, a, ebim_slice(g, t, 3, 1))));
}

/* (a, b) -> (a, b e^s(a) + t(a)) */
static ebim_ref coupling(ebim_graph *g, ebim_ref x)
{
    ebim_ref a = ebim_slice(g, x, 0, 1), b = ebim_slice(g, x, 1, 1);
    ebim_ref h = ebim_dense(g, ebim_dense(g, a, WIDTH, EBIM_FN_SILU), 2, EBIM_FN_IDENTITY);
    ebim_ref s = ebim_apply(g, ebim_slice(g, h, 0, 1), EBIM_FN_TANH);
    b = ebim_add(g, ebim_mul(g, b, ebim_apply(g, s, EBIM_FN_EXP)), ebim_slice(g, h, 1, 1));
    return ebim_concat(g, b, a); /* the other one's turn */
}

static ebim_ref flow(ebim_graph *g, ebim_ref x, void *user)
{
    int i;
    (void)user;
    for (i = 0; i < LAYERS; i++) x = coupling(g, linear(g, x));
    return ebim_slice(g, x, 0, 1); /* the projection */
}

/* Makes E|F(x)| small, and nothing else. */
static void minimise(paper_args *a, ebim_graph *F, int N, const ebim_real *x)
{
    ebim_train_report report;
    ebim_mdf_desc d;
    memset(&d, 0, sizeof d);
    d.batch = 50;
    d.steps = paper_steps(a, N, 300, d.batch);
    d.rate = 0.01;
    d.data.norm = 1;
    d.seed = a->seed;
    paper_check("F", ebim_mdf_train(F, &a->arena, N, x, &d, &report));
}

/* Largest |F| over the box; smallest and mean ||J|| over the data */
static void measure(paper_args *a, const ebim_graph *F, const ebim_model *m, int N,
                    const ebim_real *x, double out[3])
{
    size_t used = a->arena.used;
    ebim_real *y = paper_points(a, N, 2), *v = paper_points(a, N, 1), *J = paper_points(a, N, 2);
    ebim_ws w;
    ebim_rng r;
    int i;
    paper_check("measure", ebim_ws_init(&w, &a->arena, F, 128, 0));
    ebim_rng_init(&r, a->seed, 5);
    for (i = 0; i < 2 * N; i++)
        y[i] = (ebim_real)(m->lo[0] + (m->hi[0] - m->lo[0]) * (double)ebim_rng_uniform(&r));
    ebim_eval(&w, N, y, v);
    ebim_eval_jacobian(&w, N, x, J);
    out[0] = out[2] = 0;
    out[1] = HUGE_VAL;
    for (i = 0; i < N; i++) {
        double norm = hypot((double)J[2 * i], (double)J[2 * i + 1]);
        out[0] = fmax(out[0], fabs((double)v[i]));
        out[1] = fmin(out[1], norm);
        out[2] += norm / N;
    }
    a->arena.used = used;
}

int main(int argc, char **argv)
{
    static const char *const title[3] = {"no regularisers", "a left inverse of a flow", "eq. 8"};
    static const char *const key[3] = {"plain_F_Jmin_Jmean", "flow_F_Jmin_Jmean",
                                       "regular_F_Jmin_Jmean"};
    const paper_set *s = &paper_sets[PAPER_FIG1];
    ebim_mlp_desc net;
    ebim_graph F[3];
    ebim_model box;
    paper_args a;
    ebim_real *x;
    double v[3][3];
    panels f;
    json j;
    int N, i;
    paper_begin(&a, "fig2_degenerate", argc, argv);
    x = paper_data(&a, s, 0, &N);
    memset(&net, 0, sizeof net);
    net.in = 2;
    net.out = 1;
    net.width = 8;
    paper_check("F", ebim_mlp(&F[0], &a.arena, &net, a.seed));
    paper_check("flow", ebim_record(&F[1], &a.arena, 2, flow, NULL));
    ebim_init_theta(&F[1], a.seed);
    for (i = 0; i < 2; i++) minimise(&a, &F[i], N, x);
    if (a.paper) {
        paper_open(&a, s, &box);
        paper_manifold(&a, s, &box, N, x, a.seed);
    } else paper_ebim(&a, s, &box, N, x, a.seed);
    F[2] = box.F;
    if (panels_open(&f, 1, 3, "F on one scale, -1.5 to 1.5, from points of a circle")) return 1;
    for (i = 0; i < 3; i++) {
        measure(&a, &F[i], &box, N, x, v[i]);
        paper_height(&a, &f, 0, i, i < 2 || a.paper ? title[i] : "the default recipe", &F[i], &box,
                     -1.5, 1.5, NULL);
    }
    if (panels_save(&f, paper_path(&a, "fig2_degenerate.png"))) paper_stop(1, "no picture");
    j = paper_json(&a);
    for (i = 0; i < 3; i++) json_numbers(&j, key[i], 3, v[i]);
    json_end(&j);
    return 0;
}
