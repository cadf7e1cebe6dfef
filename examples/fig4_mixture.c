/* fig4_mixture: the paper's Fig. 4. Points on two circles that do not touch: the truth, an energy
   on the plane, which must blur the curves; a pushforward model, whose curve is connected; ours.

       build/fig4_mixture [--seed N] [--out DIR] [--quick] [--recipe paper|default]

   W1: 2000 samples of each model against 2000 fresh points; floor: two such sets. */
#include "common/paper.h"

enum { TRUTH = 500, GRID = 300 };

static const double center = 1.8;

/* One of the circles and its density, half of the whole */
static double *truth(paper_args *a, int right, mesh *circle)
{
    double x[2 * (TRUTH + 1)], *p = (double *)paper_push(a, TRUTH + 1, sizeof *p);
    int i;
    for (i = 0; i <= TRUTH; i++) {
        double c = cos(2 * SYNTH_PI * i / TRUTH);
        x[2 * i] = (right ? center : -center) + c;
        x[2 * i + 1] = sin(2 * SYNTH_PI * i / TRUTH);
        p[i] = exp(right ? -2 * c : 2 * c) / (4 * SYNTH_PI * 2.2795853023360673); /* I0(2) */
    }
    if (panels_chain(circle, TRUTH + 1, x)) paper_stop(1, "out of memory");
    return p;
}

/* An energy on the plane by appendix B.1, its density on a grid: [GRID][GRID], from the top */
static double *ambient(paper_args *a, const double *half, int N, const ebim_real *x)
{
    double lo[2], *p = (double *)paper_push(a, GRID * GRID, sizeof *p), sum = 0;
    ebim_mlp_desc net;
    ebim_graph E;
    ebm_desc d;
    ebim_ws w;
    int i;
    lo[0] = -half[0];
    lo[1] = -half[1];
    memset(&net, 0, sizeof net);
    memset(&d, 0, sizeof d);
    net.in = 2;
    net.out = 1;
    d.batch = 100;
    d.steps = paper_steps(a, N, 200, d.batch);
    d.rate = 0.01;
    d.clip = 1;
    d.magnitude = 0.5;
    d.eps = 0.1;
    d.step = 10;
    d.clamp = 0.03;
    d.chain_steps = 20;
    d.buffer = 1000;
    d.lo = lo;
    d.hi = half;
    d.seed = a->seed;
    paper_check("ambient", ebim_mlp(&E, &a->arena, &net, a->seed));
    paper_check("ambient", ebm_train(&E, N, x, &d, &a->arena));
    paper_check("ambient", ebim_ws_init(&w, &a->arena, &E, 16, 0));
    for (i = 0; i < GRID * GRID; i++) {
        ebim_real z[2], e;
        z[0] = (ebim_real)(lo[0] + 2 * half[0] * (i % GRID + 0.5) / GRID);
        z[1] = (ebim_real)(half[1] - 2 * half[1] * (i / GRID + 0.5) / GRID);
        ebim_eval(&w, 1, z, &e);
        sum += p[i] = exp(-(double)e);
    }
    for (i = 0; i < GRID * GRID; i++) p[i] /= sum;
    return p;
}

/* Points by the masses of cells */
static void draw_cells(const paper_args *a, const double *half, const double *p, ebim_real *x)
{
    ebim_rng r;
    int b, c;
    ebim_rng_init(&r, a->seed, 6);
    for (b = 0; b < a->B; b++) {
        double at = (double)ebim_rng_uniform(&r), u, v;
        for (c = 0; c < GRID * GRID - 1 && at >= p[c]; c++) at -= p[c];
        u = c % GRID + (double)ebim_rng_uniform(&r);
        v = c / GRID + (double)ebim_rng_uniform(&r);
        x[2 * b] = (ebim_real)(half[0] * (2 * u / GRID - 1));
        x[2 * b + 1] = (ebim_real)(half[1] * (1 - 2 * v / GRID));
    }
}

int main(int argc, char **argv)
{
    static pushforward p;
    const paper_set *s = &paper_sets[PAPER_MIXTURE];
    const double lo[2] = {-3.3, -3.3};
    paper_args a;
    ebim_model m;
    ebim_rng r;
    ebim_real *x, *y, *z;
    mesh image, curve, circle;
    double *pa, *pi, *pm, d[4], w[4], most = 0;
    plot_range range = paper_range(0, exp(2) / (4 * SYNTH_PI * 2.2795853023360673));
    panels f;
    json j;
    int N, i;
    paper_begin(&a, "fig4_mixture", argc, argv);
    x = paper_data(&a, s, 0, &N);
    paper_ebim(&a, s, &m, N, x, a.seed);
    paper_latent(&a, s, &p, N, x, a.seed, 0);
    pa = ambient(&a, s->box, N, x);
    paper_distances(&a, &m, N, x, d);
    y = paper_points(&a, a.B, 2);
    z = paper_points(&a, a.B, 2);
    ebim_rng_init(&r, a.seed, 1);
    s->draw(&r, a.B, y);
    for (i = 0; i < 4; i++) {
        if (i == 0) s->draw(&r, a.B, z);
        if (i == 1) draw_cells(&a, s->box, pa, z);
        if (i == 2) pushforward_sample(&p, a.B, z, a.seed);
        if (i == 3) paper_sample(&a, &m, 1, a.B, z, a.seed);
        w[i] = paper_w(&a, 1, a.B, 2, z, y);
    }
    if (panels_open(&f, 1, 4, "Two circles: densities learned from 1000 points")) return 1;
    panels_plane(&f, 0, 0, "true density", lo, s->box);
    for (i = 0; i < 2; i++) {
        double *pt = truth(&a, i, &circle);
        panels_curve(&f, &circle, pt, range);
        mesh_free(&circle);
    }
    pi = paper_image(&a, &p, &image);
    pm = paper_shape(&a, &m, 1, &curve);
    for (i = 0; i < GRID * GRID; i++) most = fmax(most, pa[i]);
    panels_field(panels_plane(&f, 0, 1, "EBM on the plane", lo, s->box), GRID, GRID, pa,
                 paper_range(0, most));
    panels_curve(panels_plane(&f, 0, 2, "pushforward EBM", lo, s->box), &image, pi, range);
    panels_curve(panels_plane(&f, 0, 3, "EBIM", lo, s->box), &curve, pm, range);
    paper_csv(&a, 2, image.n_vert, 2, image.vert, pi);
    paper_csv(&a, 3, curve.n_vert, 2, curve.vert, pm);
    if (panels_save(&f, paper_path(&a, "fig4_mixture.png"))) paper_stop(1, "no picture");
    j = paper_json(&a);
    json_number(&j, "fit_seconds", m.info.seconds);
    json_number(&j, "w1", w[3]);
    json_number(&j, "w1_pushforward", w[2]);
    json_number(&j, "w1_ambient", w[1]);
    json_number(&j, "w1_floor", w[0]);
    json_numbers(&j, "distance_min_median_mean_max", 4, d);
    json_end(&j);
    return 0;
}
