/* fig11_eta: the paper's Fig. 11. Glycine's torus by eq. 8 without negatives, for several eta: the
   least slope that F must have on the data. Too much of it and the surface is wrong. The default
   recipe has no such choice to make; its surface stands beside them.

       build/fig11_eta [--seed N] [--out DIR] [--quick] [--recipe paper|default]

   Distances: of 2000 points that are uniform on the true torus to what was learned. */
#include "common/paper.h"

/* Uniform on the torus: angles, the second by rejection with its share of the area */
static void torus(ebim_rng *r, int N, ebim_real *x)
{
    const double R = 3, small = 1;
    int i;
    for (i = 0; i < N; i++) {
        double a = 2 * SYNTH_PI * (double)ebim_rng_uniform(r), b, d;
        do {
            b = 2 * SYNTH_PI * (double)ebim_rng_uniform(r);
            d = R + small * cos(b);
        } while ((double)ebim_rng_uniform(r) * (R + small) > d);
        x[3 * i] = (ebim_real)(d * cos(a));
        x[3 * i + 1] = (ebim_real)(d * sin(a));
        x[3 * i + 2] = (ebim_real)(small * sin(b));
    }
}

int main(int argc, char **argv)
{
    static const double eta[5] = {0.3, 1, 2, 3, 5};
    paper_set s = paper_sets[PAPER_GLYCINE];
    double to_truth[6], spread[4], *p;
    paper_args a;
    ebim_rng r;
    ebim_real *x, *y;
    char title[64];
    panels_solid solid;
    ebim_model m;
    mesh shape;
    panels f;
    json j;
    int N, i, count, only_paper;
    paper_begin(&a, "fig11_eta", argc, argv);
    only_paper = a.paper;
    count = only_paper ? 5 : 6;
    x = paper_data(&a, &s, 0, &N);
    y = paper_points(&a, a.B, 3);
    ebim_rng_init(&r, a.seed, 1);
    torus(&r, a.B, y);
    if (panels_open(&f, only_paper ? 1 : 2, only_paper ? 5 : 3, "Glycine's torus by eta")) return 1;
    for (i = 0; i < count; i++) {
        size_t used = a.arena.used;
        double lo[3];
        int c;
        a.paper = i < 5;
        if (i < 5) s.F.eta = eta[i];
        paper_ebim(&a, &s, &m, N, x, a.seed);
        paper_distances(&a, &m, a.B, y, spread);
        to_truth[i] = spread[2];
        p = paper_shape(&a, &m, i < 5 ? s.temperature : 1, &shape);
        memset(&solid, 0, sizeof solid);
        solid.m = &shape;
        solid.density = p;
        solid.range = paper_colours(&a, &shape, p);
        solid.azimuth = -52;
        solid.elevation = 35;
        for (c = 0; c < 3; c++) lo[c] = -s.box[c];
        if (i < 5) snprintf(title, sizeof title, "eta = %g", eta[i]);
        else snprintf(title, sizeof title, "the default recipe");
        panels_space(&f, only_paper ? 0 : i / 3, only_paper ? i : i % 3, title, lo, s.box, &solid);
        paper_csv(&a, i < 5 ? eta[i] : 0, shape.n_vert, 3, shape.vert, p);
        mesh_free(&shape);
        if (m.owned) ebim_free(&m);
        a.arena.used = used;
    }
    if (panels_save(&f, paper_path(&a, "fig11_eta.png"))) paper_stop(1, "no picture");
    a.paper = only_paper;
    j = paper_json(&a);
    json_numbers(&j, "truth_to_manifold_mean_by_eta", count, to_truth);
    json_end(&j);
    return 0;
}
