/* fig1_von_mises: the paper's Fig. 1. Points on a circle, more of them on its right; F and E,
   learned from them, as surfaces over the plane; the density they give, beside the truth and a
   pushforward model, which cannot close the circle.

       build/fig1_von_mises [--seed N] [--out DIR] [--quick] [--recipe paper|default]

   W1: 2000 samples of each model against 2000 fresh points; floor: two such sets. */
#include "common/paper.h"

enum { TRUTH = 1000 };

static const double two_pi = 2 * SYNTH_PI, bessel = 2.2795853023360673; /* I0(2) */

/* The circle itself and its density */
static double *truth(paper_args *a, mesh *circle)
{
    double x[2 * (TRUTH + 1)], *p = (double *)paper_push(a, TRUTH + 1, sizeof *p);
    int i;
    for (i = 0; i <= TRUTH; i++) {
        x[2 * i] = cos(two_pi * i / TRUTH);
        x[2 * i + 1] = sin(two_pi * i / TRUTH);
        p[i] = exp(2 * x[2 * i]) / (two_pi * bessel);
    }
    if (panels_chain(circle, TRUTH + 1, x)) paper_stop(1, "out of memory");
    return p;
}

int main(int argc, char **argv)
{
    static pushforward p;
    const paper_set *s = &paper_sets[PAPER_FIG1];
    paper_args a;
    ebim_model m;
    ebim_rng r;
    ebim_real *x, *y, *z;
    mesh circle, image, curve;
    double *pc, *pi, *pm, d[4], w_ours, w_push, w_floor;
    plot_range range;
    panels f;
    json j;
    int N;
    paper_begin(&a, "fig1_von_mises", argc, argv);
    x = paper_data(&a, s, 0, &N);
    paper_ebim(&a, s, &m, N, x, a.seed);
    paper_latent(&a, s, &p, N, x, a.seed, 0);

    y = paper_points(&a, a.B, 2);
    z = paper_points(&a, a.B, 2);
    ebim_rng_init(&r, a.seed, 1);
    s->draw(&r, a.B, y);
    s->draw(&r, a.B, z);
    w_floor = paper_w(&a, 1, a.B, 2, z, y);
    paper_sample(&a, &m, 1, a.B, z, a.seed);
    w_ours = paper_w(&a, 1, a.B, 2, z, y);
    pushforward_sample(&p, a.B, z, a.seed);
    w_push = paper_w(&a, 1, a.B, 2, z, y);
    paper_distances(&a, &m, N, x, d);

    pc = truth(&a, &circle);
    pi = paper_image(&a, &p, &image);
    pm = paper_shape(&a, &m, 1, &curve);
    range = paper_range(0, exp(2) / (two_pi * bessel));
    if (panels_open(&f, 2, 3, "A manifold and a density, learned from points")) return 1;
    panels_dots(panels_plane(&f, 0, 0, "1000 points", m.lo, m.hi), N, paper_doubles(&a, 2 * N, x),
                NULL, range);
    paper_height(&a, &f, 0, 1, "F over the plane; dots: F = 0", &m.F, &m, 0, 0, &curve);
    paper_height(&a, &f, 0, 2, "energy E; dots: on F = 0", &m.E, &m, 0, 0, &curve);
    panels_curve(panels_plane(&f, 1, 0, "true density", m.lo, m.hi), &circle, pc, range);
    panels_curve(panels_plane(&f, 1, 1, "pushforward EBM", m.lo, m.hi), &image, pi, range);
    panels_curve(panels_plane(&f, 1, 2, "EBIM", m.lo, m.hi), &curve, pm, range);
    paper_csv(&a, 3, circle.n_vert, 2, circle.vert, pc);
    paper_csv(&a, 4, image.n_vert, 2, image.vert, pi);
    paper_csv(&a, 5, curve.n_vert, 2, curve.vert, pm);
    if (panels_save(&f, paper_path(&a, "fig1_von_mises.png"))) paper_stop(1, "no picture");

    j = paper_json(&a);
    json_number(&j, "fit_seconds", m.info.seconds);
    json_number(&j, "w1", w_ours);
    json_number(&j, "w1_pushforward", w_push);
    json_number(&j, "w1_floor", w_floor);
    json_numbers(&j, "distance_min_median_mean_max", 4, d);
    json_end(&j);
    return 0;
}
