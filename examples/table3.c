/* table3: the paper's Table 3. How far the data are from what was learned of them: minimum, median,
   mean and maximum over the points that were fitted, to convergence for each point.

       build/table3 [--seed N] [--out DIR] [--quick] [--only SET]

   Writes table3.md (or table3_SET.md); the last line is a JSON object with all figures. In brackets
   the paper's. A point that found no way to a manifold counts with the one that came closest. */
#include "common/paper.h"

static const double paper_row[PAPER_SETS][2][4] = { /* EBIM, pushforward EBM */
    {{0.059e-5, 0.0030, 0.0034, 0.012}, {0.376e-5, 0.0027, 0.0033, 0.153}},
    {{0.006e-5, 0.0073, 0.0098, 0.045}, {0.810e-5, 0.0047, 0.0051, 0.095}},
    {{2.387e-5, 0.0077, 0.0079, 0.018}, {0, 0, 0, 0}},
    {{0.132e-5, 0.0024, 0.0024, 0.009}, {20e-5, 0.0016, 0.0017, 0.016}},
    {{9.176e-5, 0.0280, 0.0286, 0.16}, {6.96e-5, 0.0092, 0.0172, 0.271}}
};

static void row(FILE *f, const char *set, const char *method, const double *d, const double *paper)
{
    int i;
    fprintf(f, "| %s | %s |", set, method);
    for (i = 0; i < 4; i++) {
        fprintf(f, " %.2g", d[i]);
        if (paper && paper[3] > 0) fprintf(f, " (%.2g)", paper[i]);
        fprintf(f, " |");
    }
    fputc('\n', f);
}

int main(int argc, char **argv)
{
    static const char *const method[3] = {"EBIM, the paper's recipe", "EBIM", "pushforward EBM"};
    static const char *const key[3] = {"paper", "ebim", "pushforward"};
    static pushforward p;
    static double d[PAPER_SETS][3][4];
    paper_args a;
    char name[96];
    FILE *f;
    json j;
    int k, i;
    paper_begin(&a, "table3", argc, argv);
    snprintf(name, sizeof name, "table3%s%s.md", a.only ? "_" : "", a.only ? a.only : "");
    f = fopen(paper_path(&a, name), "w");
    if (!f) paper_stop(2, "%s: cannot be written", paper_path(&a, name));
    fprintf(f, "| data | model | min | median | mean | max |\n|---|---|---|---|---|---|\n");
    for (k = 0; k < PAPER_SETS; k++) {
        const paper_set *s = &paper_sets[k];
        size_t used = a.arena.used;
        int N;
        ebim_real *x;
        if (a.only && strcmp(a.only, s->name)) continue;
        x = paper_data(&a, s, 0, &N);
        for (i = 0; i < 2; i++) {
            ebim_model m;
            a.paper = !i;
            paper_ebim(&a, s, &m, N, x, a.seed);
            paper_distances(&a, &m, N, x, d[k][i]);
            if (m.owned) ebim_free(&m);
            row(f, s->name, method[i], d[k][i], i ? NULL : paper_row[k][0]);
        }
        paper_latent(&a, s, &p, N, x, a.seed, 0);
        paper_latent_distances(&a, &p, N, x, d[k][2]);
        row(f, s->name, method[2], d[k][2], paper_row[k][1]);
        fprintf(stderr, "table3: %s, %.1f s\n", s->name, paper_seconds() - a.start);
        a.arena.used = used;
    }
    if (fclose(f)) paper_stop(1, "%s: cannot be written", name);
    a.paper = 0;
    j = paper_json(&a);
    for (k = 0; k < PAPER_SETS; k++)
        for (i = 0; i < 3; i++) {
            if (a.only && strcmp(a.only, paper_sets[k].name)) continue;
            snprintf(name, sizeof name, "%s_%s", paper_sets[k].name, key[i]);
            json_numbers(&j, name, 4, d[k][i]);
        }
    json_end(&j);
    return 0;
}
