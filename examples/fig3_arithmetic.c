/* fig3_arithmetic: the paper's Fig. 3. A density on a sphere is learned; two copies of the model,
   moved half a unit either way, are combined without training: their union, F1 F2, with the mixture
   of the two densities, weighted by 1 / Z; and their intersection, (F1, F2), a circle in space.

       build/fig3_arithmetic [--seed N] [--out DIR] [--quick] [--recipe paper|default]

   Samples of the intersection are ends of exact chains in codimension 2. In truth it is a circle of
   radius sqrt(3) / 2, and the union has the area 8 pi. */
#include "common/paper.h"

enum { B = 1000 };

static ebim_log_z normaliser(paper_args *a, const ebim_model *m)
{
    size_t used = a->arena.used;
    ebim_log_z z;
    paper_check("log Z", ebim_model_log_z(m, &a->arena, a->quick ? 8192 : 0, a->seed, &z));
    a->arena.used = used;
    return z;
}

/* A copy of m moved by t along axis 1, in the box of both copies */
static void moved(paper_args *a, const ebim_model *m, double t, ebim_model *out)
{
    double shift[3] = {0, 0, 0};
    int c;
    *out = *m;
    shift[1] = t;
    out->lo = (double *)paper_push(a, 6, sizeof(double));
    out->hi = out->lo + 3;
    for (c = 0; c < 3; c++) {
        out->lo[c] = m->lo[c] - fabs(shift[c]);
        out->hi[c] = m->hi[c] + fabs(shift[c]);
    }
    paper_check("F moved", ebim_map_affine(&out->F, &a->arena, &m->F, shift, 1, 1));
    paper_check("E moved", ebim_map_affine(&out->E, &a->arena, &m->E, shift, 1, 1));
}

/* Points of the intersection, from noise, after many exact moves; the model is in codimension 2 */
static int meet(paper_args *a, const ebim_model *m, ebim_real *x, ebim_clmc_report *report)
{
    size_t used = a->arena.used;
    ebim_projector *onto;
    ebim_project_desc pd;
    ebim_clmc_desc cd;
    ebim_clmc *chains;
    int count;
    memset(&pd, 0, sizeof pd);
    memset(&cd, 0, sizeof cd);
    pd.method = EBIM_PROJECT_ONTO;
    paper_check("intersection", ebim_projector_init(&onto, &a->arena, &m->F, &pd));
    count = ebim_projector_noise(onto, B, x, m->lo, m->hi, a->seed, 0);
    cd.eps = 0.3;
    cd.adjust = EBIM_ADJUST_EXACT;
    cd.leapfrog = 5; /* 3 on average */
    cd.lo = m->lo;
    cd.hi = m->hi;
    cd.constraint.length = 1;
    paper_check("chains", ebim_clmc_init(&chains, &a->arena, &m->F, &m->E, &cd));
    ebim_clmc_adapt(chains, count, x, a->quick ? 10 : 100, 0, a->seed, 1 << 20);
    ebim_clmc_run(chains, count, x, a->quick ? 20 : 300, a->seed, 1 << 21);
    *report = ebim_clmc_stats(chains);
    a->arena.used = used;
    return count;
}

int main(int argc, char **argv)
{
    static const double lo[3] = {-1.1, -1.65, -1.1}, hi[3] = {1.1, 1.65, 1.1};
    const paper_set *s = &paper_sets[PAPER_SPHERE];
    ebim_model m, part[2], both, cut;
    ebim_clmc_report report;
    ebim_log_z z[3];
    panels_solid solid;
    paper_args a;
    ebim_real *x, *y;
    mesh shape;
    double *p, off = 0, d[4], w;
    panels f;
    json j;
    int N, i, count;
    paper_begin(&a, "fig3_arithmetic", argc, argv);
    x = paper_data(&a, s, 0, &N);
    paper_ebim(&a, s, &m, N, x, a.seed);
    paper_distances(&a, &m, N, x, d);
    for (i = 0; i < 2; i++) {
        moved(&a, &m, i ? 0.5 : -0.5, &part[i]);
        z[i] = normaliser(&a, &part[i]);
    }
    both = cut = part[0]; /* the boxes are the same */
    w = 1 / (1 + exp(z[0].log_z - z[1].log_z)); /* (1/2) / Z_i, up to a common factor */
    paper_check("union", ebim_map_product(&both.F, &a.arena, &part[0].F, &part[1].F));
    paper_check("union", ebim_energy_mixture(&both.E, &a.arena, &part[0].E, &part[1].E, w));
    paper_check("intersection", ebim_map_concat(&cut.F, &a.arena, &part[0].F, &part[1].F));
    paper_check("intersection", ebim_energy_sum(&cut.E, &a.arena, &part[0].E, &part[1].E));
    cut.k = 2;
    cut.m = 1;
    z[2] = normaliser(&a, &both);
    y = paper_points(&a, B, 3);
    count = meet(&a, &cut, y, &report);
    for (i = 0; i < count; i++)
        off += hypot(hypot((double)y[3 * i], (double)y[3 * i + 2]) - sqrt(0.75),
                     (double)y[3 * i + 1]) / count;

    if (panels_open(&f, 1, 3, "Arithmetic of learned manifolds")) return 1;
    for (i = 0; i < 3; i++) {
        memset(&solid, 0, sizeof solid);
        solid.azimuth = 35;
        solid.elevation = 24;
        shape.n_vert = 0;
        if (i < 2) {
            p = paper_shape(&a, i ? &both : &m, 1, &shape);
            solid.m = &shape;
            solid.density = p;
            solid.range = paper_colours(&a, &shape, p);
        } else {
            solid.points = paper_doubles(&a, 3 * count, y);
            solid.n_points = count;
            solid.points_density = p = paper_energies(&a, &cut, count, y, 1);
            for (N = 0; N < count; N++) p[N] = exp(-p[N]);
            figure__density_range(p, NULL, count, &solid.range);
        }
        panels_space(&f, 0, i, i == 0 ? "a learned density" : i == 1 ? "union of two copies"
                                                                     : "their intersection",
                     lo, hi, &solid);
        if (i < 2) paper_csv(&a, i, shape.n_vert, 3, shape.vert, p);
        else paper_csv(&a, i, count, 3, solid.points, p);
        if (i < 2) mesh_free(&shape);
    }
    if (panels_save(&f, paper_path(&a, "fig3_arithmetic.png"))) paper_stop(1, "no picture");
    j = paper_json(&a);
    json_number(&j, "fit_seconds", m.info.seconds);
    json_numbers(&j, "distance_min_median_mean_max", 4, d);
    json_number(&j, "log_z_first", z[0].log_z);
    json_number(&j, "log_z_second", z[1].log_z);
    json_number(&j, "union_area_over_8_pi", exp(z[2].log_volume) / (8 * SYNTH_PI));
    json_number(&j, "union_area_se", z[2].volume_se);
    json_number(&j, "intersection_points", count);
    json_number(&j, "intersection_accept", report.accept / (double)report.steps);
    json_number(&j, "intersection_distance_mean", off);
    json_end(&j);
    return 0;
}
