/* fig10_vae: the paper's Fig. 10. Pushforward models of two circles on a variational autoencoder:
   the more its codes are made to look normal (beta), the worse the curve. The recipes are alike.

       build/fig10_vae [--seed N] [--out DIR] [--quick] */
#include "common/paper.h"

int main(int argc, char **argv)
{
    static const double beta[6] = {0.01, 0.03, 0.05, 0.1, 0.2, 0.4};
    static pushforward p;
    const paper_set *s = &paper_sets[PAPER_MIXTURE];
    const double lo[2] = {-3.3, -3.3};
    double mean[6], *density, *d, spread[4];
    plot_range range = paper_range(0, exp(2) / (4 * SYNTH_PI * 2.2795853023360673)); /* I0(2) */
    paper_args a;
    ebim_real *x, z[2];
    char title[64];
    mesh image;
    panels f;
    json j;
    int N, i, b;
    paper_begin(&a, "fig10_vae", argc, argv);
    x = paper_data(&a, s, 0, &N);
    d = (double *)paper_push(&a, (size_t)N, sizeof *d);
    if (panels_open(&f, 2, 3, "Variational autoencoders with an energy of their codes")) return 1;
    for (i = 0; i < 6; i++) {
        size_t used = a.arena.used;
        paper_latent(&a, s, &p, N, x, a.seed, beta[i]);
        density = paper_image(&a, &p, &image);
        for (b = 0; b < N; b++) d[b] = pushforward_distance(&p, x + 2 * b, z);
        paper_spread(N, d, spread);
        mean[i] = spread[2];
        snprintf(title, sizeof title, "beta = %g", beta[i]);
        panels_curve(panels_plane(&f, i / 3, i % 3, title, lo, s->box), &image, density, range);
        paper_csv(&a, beta[i], image.n_vert, 2, image.vert, density);
        mesh_free(&image);
        a.arena.used = used;
    }
    if (panels_save(&f, paper_path(&a, "fig10_vae.png"))) paper_stop(1, "no picture");
    j = paper_json(&a);
    json_numbers(&j, "distance_mean_by_beta", 6, mean);
    json_end(&j);
    return 0;
}
