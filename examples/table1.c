/* table1: the paper's Table 1, and measures that say more. Per data set and model, over three runs:

     W1, W2, NLL   models fitted to one half of the data, 1000 points or half of the file, against
                   the other half: exact Wasserstein distances of as many samples (at most 2000),
                   and the mean -log density, in nats per unit of length or area, of the nearest
                   points of the model. Floor: of the fitted half itself from the other one.
     W1 all        models fitted to all data, as the paper's: 2000 samples against as many fresh
                   points of the truth or, where there is only data, of those (glycine: 1000).
     T             the same at the temperature that the authors' code gives its densities
     grid printed  the paper's protocol as its appendix has it: average densities of 100^2 or 30^3
                   cells, exact W1 between cells
     grid code     as the authors' code computes it: 99^2 or 29^3 cells, squared distances divided
                   by the largest; in space, against the data points themselves

       build/table1 [--seed N] [--out DIR] [--quick] [--only SET]

   Writes table1_SET.md; the last line is a JSON object of the means. In brackets the paper's. */
#include "common/paper.h"
#include "common/protocol.h"

enum { RUNS = 3, FLOOR = PROTOCOL_MODELS, METHODS };
enum { W1, W2, NLL, W1_ALL, W1_T, PRINTED, CODE, SECONDS, FIGURES };

static const char *const method_name[METHODS] = {"pushforward EBM", "EBIM, the paper's recipe",
                                                 "EBIM", "floor"};
static const char *const figure_name[FIGURES] = {"W1", "W2", "NLL", "W1 all", "W1 all, T",
                                                 "grid printed, T", "grid code, T", "seconds"};
static const double paper_value[PAPER_SETS][2] = {{0, 0}, {0.013, 0.002}, {0, 0}, {0.056, 0.014},
                                                  {0.042, 0.026}};

typedef struct table {
    const paper_set *s;
    double v[METHODS][FIGURES][RUNS]; /* NaN: not asked */
    int runs;
} table;

static void measure(paper_args *a, table *t, const protocol_points *p, int method, int run)
{
    const paper_set *s = t->s;
    double (*v)[RUNS] = t->v[method];
    ebim_real *y = paper_points(a, a->B, s->n);
    protocol_model m;
    double grid[2];
    int i;
    protocol_fit(a, s, &m, method, p->N, p->half);
    if (method != PROTOCOL_OURS) protocol_draw(a, &m, 1, p->use, y);
    else paper_check("sample", ebim_sample(&m.m, p->use, y, a->seed));
    for (i = 0; i < 2; i++) v[W1 + i][run] = paper_w(a, 1 + i, p->use, s->n, y, p->held);
    v[NLL][run] = protocol_nll(a, &m, p->N, p->held);
    if (s->file && !a->quick) {
        if (m.m.owned) ebim_free(&m.m);
        protocol_fit(a, s, &m, method, p->all_N, p->all);
    }
    v[SECONDS][run] = m.m.info.seconds;
    protocol_draw(a, &m, 1, p->B, y);
    v[W1_ALL][run] = v[W1_T][run] = paper_w(a, 1, p->B, s->n, y, p->truth);
    if (method == PROTOCOL_PAPER && s->temperature > 1) {
        protocol_draw(a, &m, s->temperature, p->B, y);
        v[W1_T][run] = paper_w(a, 1, p->B, s->n, y, p->truth);
    }
    protocol_grid(a, s, &m, p->all_N, p->all, grid);
    for (i = 0; i < 2; i++) v[PRINTED + i][run] = grid[i];
    if (m.m.owned) ebim_free(&m.m);
}

/* Mean and standard error over runs */
static double mean(const table *t, int method, int figure, double *se)
{
    const double *v = t->v[method][figure];
    double m = 0, s = 0;
    int i;
    for (i = 0; i < t->runs; i++) m += v[i] / t->runs;
    for (i = 0; i < t->runs; i++) s += (v[i] - m) * (v[i] - m);
    *se = t->runs > 1 ? sqrt(s / (t->runs - 1) / t->runs) : 0;
    return m;
}

static void write(paper_args *a, const table *t, json *j)
{
    char name[96];
    double m, se;
    FILE *f;
    int i, k;
    snprintf(name, sizeof name, "table1_%s.md", t->s->name);
    f = fopen(paper_path(a, name), "w");
    if (!f) paper_stop(2, "%s: cannot be written", paper_path(a, name));
    fprintf(f, "| %s |", t->s->name);
    for (i = 0; i < METHODS; i++) fprintf(f, " %s |", method_name[i]);
    fprintf(f, "\n|---|---|---|---|---|\n");
    for (k = 0; k < FIGURES; k++) {
        fprintf(f, "| %s |", figure_name[k]);
        for (i = 0; i < METHODS; i++) {
            if (i == FLOOR && k != W1 && k != W2 && !(k == W1_ALL && t->s->draw)) {
                fprintf(f, " |");
                continue;
            }
            m = mean(t, i, k, &se);
            fprintf(f, k == SECONDS ? " %.1f ± %.1f" : " %.4f ± %.4f", m, se);
            if (k == CODE && i < 2 && paper_value[t->s - paper_sets][i] > 0)
                fprintf(f, " (%.3f)", paper_value[t->s - paper_sets][i]);
            fprintf(f, " |");
            snprintf(name, sizeof name, "%s_%d_%s", t->s->name, i, figure_name[k]);
            json_number(j, name, m);
        }
        fputc('\n', f);
    }
    if (fclose(f)) paper_stop(1, "%s: cannot be written", name);
}

int main(int argc, char **argv)
{
    static table t[PAPER_SETS];
    paper_args a;
    uint64_t seed;
    json j;
    int k, run, i;
    paper_begin(&a, "table1", argc, argv);
    seed = a.seed;
    for (k = 0; k < PAPER_SETS; k++) {
        t[k].s = &paper_sets[k];
        t[k].runs = a.quick ? 1 : RUNS;
        for (run = 0; run < t[k].runs && (!a.only || !strcmp(a.only, t[k].s->name)); run++) {
            size_t used = a.arena.used;
            protocol_points p;
            a.seed = seed + (uint64_t)run;
            p = protocol_prepare(&a, t[k].s);
            for (i = 0; i < 2; i++)
                t[k].v[FLOOR][W1 + i][run] = paper_w(&a, 1 + i, p.use, t[k].s->n, p.half, p.held);
            if (p.other)
                t[k].v[FLOOR][W1_ALL][run] = paper_w(&a, 1, p.B, t[k].s->n, p.other, p.truth);
            for (i = 0; i < PROTOCOL_MODELS; i++) {
                size_t before = a.arena.used;
                measure(&a, &t[k], &p, i, run);
                a.arena.used = before;
            }
            fprintf(stderr, "table1: %s, run %d, %.1f s\n", t[k].s->name, run,
                    paper_seconds() - a.start);
            a.arena.used = used;
        }
    }
    a.seed = seed;
    a.paper = 0;
    j = paper_json(&a);
    for (k = 0; k < PAPER_SETS; k++)
        if (!a.only || !strcmp(a.only, t[k].s->name)) write(&a, &t[k], &j);
    json_end(&j);
    return 0;
}
