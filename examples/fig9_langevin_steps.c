/* fig9_langevin_steps: the paper's Fig. 9. The energy of Fig. 1 trained by contrastive divergence
   without a replay buffer, with chains of 1 to 40 steps, all on one learned circle. Chains that are
   too short have not spread: the model makes its mode too peaked to make up for it.

       build/fig9_langevin_steps [--seed N] [--out DIR] [--quick] [--recipe paper|default]

   The default recipe's chains are exact (adjusted, temperature 1, no clamp), on its own circle. */
#include "common/paper.h"

int main(int argc, char **argv)
{
    static const int steps[6] = {1, 3, 5, 10, 20, 40};
    paper_set s = paper_sets[PAPER_FIG1];
    paper_args a;
    ebim_model m;
    ebim_rng r;
    ebim_real *x, *y, *z;
    double w[6], cosine[6], *p;
    plot_range range = paper_range(0, exp(2) / (2 * SYNTH_PI * 2.2795853023360673)); /* I0(2) */
    char title[64];
    mesh curve;
    panels f;
    json j;
    int N, i, b;
    paper_begin(&a, "fig9_langevin_steps", argc, argv);
    x = paper_data(&a, &s, 0, &N);
    if (a.paper) {
        paper_open(&a, &s, &m);
        paper_manifold(&a, &s, &m, N, x, a.seed);
    } else paper_ebim(&a, &s, &m, N, x, a.seed); /* its energy will be replaced */
    y = paper_points(&a, a.B, 2);
    z = paper_points(&a, a.B, 2);
    ebim_rng_init(&r, a.seed, 1);
    s.draw(&r, a.B, y);
    s.E.buffer = 0;
    if (panels_open(&f, 2, 3, "Steps of each chain in training, no replay buffer")) return 1;
    for (i = 0; i < 6; i++) {
        s.E.steps = steps[i];
        paper_energy(&a, &s, &m, N, x, a.seed);
        paper_sample(&a, &m, 1, a.B, z, a.seed);
        w[i] = paper_w(&a, 1, a.B, 2, z, y);
        for (cosine[i] = 0, b = 0; b < a.B; b++) cosine[i] += (double)z[2 * b] / a.B;
        p = paper_shape(&a, &m, 1, &curve);
        snprintf(title, sizeof title, "%d step%s", steps[i], i ? "s" : "");
        panels_curve(panels_plane(&f, i / 3, i % 3, title, m.lo, m.hi), &curve, p, range);
        paper_csv(&a, steps[i], curve.n_vert, 2, curve.vert, p);
        mesh_free(&curve);
    }
    if (panels_save(&f, paper_path(&a, "fig9_langevin_steps.png"))) paper_stop(1, "no picture");
    j = paper_json(&a);
    json_numbers(&j, "w1_1_3_5_10_20_40", 6, w);
    json_numbers(&j, "mean_cosine", 6, cosine); /* in truth I1(2) / I0(2) */
    json_number(&j, "mean_cosine_true", 0.69777465796);
    json_end(&j);
    return 0;
}
