/* report.h: what a fit says of itself, in words and as JSON.

   A verdict is a set of bits (ebim_verdict); all of them are told, the worst first, each with what
   it means and one line of advice. What is not known is not printed, and null in JSON. */
#ifndef REPORT_H
#define REPORT_H

#include "json.h"

/* ---- words ---- */

/* What a caller may act on: "ok"; "warn", look at it; "bad", do not trust it; "partial", stopped
 * before it was done; "diverged". */
FILE_FN const char *report_word(const ebim_model *m, ebim_result r)
{
    int v = m->judged.verdict;
    if (r == EBIM_ERR_DIVERGED) return "diverged";
    if (m->info.partial > 0) return "partial";
    return v & EBIM_VERDICT_BAD ? "bad" : v ? "warn" : "ok";
}

FILE_FN const char *report_recipe(const ebim_model *m)
{
    return m->info.recipe > 0 ? "paper" : "default";
}

/* What the manifold is known to be; "learned" where it is not known */
FILE_FN const char *report_on(const ebim_model *m)
{
#define EBIM__ENUM(name, text) text,
    static const char *const on[] = {EBIM_ONS(EBIM__ENUM)};
#undef EBIM__ENUM
    return m->info.on >= 0 && m->info.on < EBIM__ON_COUNT ? on[m->info.on] : "unknown";
}

FILE_FN const char *report_volume(int m) { return m == 1 ? "length" : m == 2 ? "area" : "volume"; }

/* Numbers that are not known are NaN; their text tells, whatever the compiler's flags. */
FILE_FN int report_known(double x)
{
    char s[32];
    snprintf(s, sizeof s, "%.9g", x);
    return !s[strspn(s, "+-.0123456789eE")];
}

/* A number that was measured if `known`: json.h prints what is not finite as null. */
FILE_FN double report_if(int known, double x) { return known ? x : HUGE_VAL; }

/* Centres of the kernel estimate that E is; 0: E is a network */
FILE_FN int report_centres(const ebim_model *m)
{
    int i, count = 0;
    for (i = 2; m->has_energy && i < m->E.n_nodes; i++)
        if (m->E.node[i].op == EBIM__OP_RBF) count += m->E.node[i].i0;
    return count;
}

/* ---- JSON ---- */

FILE_FN void report__json_judged(json *j, const ebim_model *m)
{
    const ebim_judgement *q = &m->judged;
    int on = q->points > 0;
    json_number(j, "checked", q->checked);
    json_number(j, "missed", q->missed);
    json_number(j, "distance_mean", q->distance_mean);
    json_number(j, "distance_median", q->distance_median);
    json_number(j, "distance_q99", q->distance_q99);
    json_number(j, "distance_max", q->distance_max);
    json_number(j, "volume", q->volume);
    json_number(j, "volume_se", q->volume_se);
    json_number(j, "components", report_if(q->components > 0, q->components));
    json_number(j, "sigma", report_if(on, q->sigma));
    json_number(j, "singular", report_if(on, q->singular));
    json_number(j, "empty", q->empty);
    json_number(j, "fewest", q->fewest);
    json_number(j, "reach", report_if(on, q->reach));
    json_number(j, "far", report_if(on, q->remote));
    json_number(j, "rim", report_if(on, q->rim));
    json_number(j, "disputed", report_if(on && m->info.networks > 1, q->disputed));
    json_number(j, "noise", q->noise);
    json_number(j, "extrapolated", q->gap);
    json_number(j, "extrapolated_extent", q->gap_extent);
    json_number(j, "abrupt", q->gap_abrupt);
    json_number(j, "hole", q->hole);
    json_number(j, "hole_expected", q->hole_expected);
    json_number(j, "hole_radius", q->hole_radius);
    if (m->end) json_numbers(j, "extrapolated_at", m->n, m->end);
    if (m->hole) json_numbers(j, "hole_at", m->n, m->hole);
}

FILE_FN void report__json_density(json *j, const ebim_model *m)
{
    int held = m->has_energy && m->info.held > 0;
    json_number(j, "centres", report_centres(m));
    json_number(j, "nll", report_if(held, m->info.nll));
    json_number(j, "nll_se", report_if(held, m->info.nll_se));
    json_number(j, "density_p", m->judged.density_p);
    json_number(j, "one_sided", m->judged.one_sided);
    json_number(j, "log_z", report_if(m->z.points > 0, m->z.log_z));
    json_number(j, "log_z_se", report_if(m->z.points > 0, m->z.se));
}

FILE_FN void report__json_rows(json *j, const ebim_model *m)
{
    int count = m->info.outliers < EBIM_OUTLIERS ? m->info.outliers : EBIM_OUTLIERS, i;
    double row[EBIM_OUTLIERS];
    json_number(j, "points", m->info.points);
    json_number(j, "distinct", m->info.distinct);
    json_number(j, "outliers", m->info.outliers);
    for (i = 0; i < count; i++) row[i] = m->info.outlier_row[i];
    json_numbers(j, "outlier_rows", count, row);
    json_numbers(j, "outlier_distances", count, m->info.outlier_distance);
}

/* All bits in words, and advice on each */
FILE_FN void report__json_verdict(json *j, const ebim_model *m, const char *word)
{
    const char *reason[32], *advice[32];
    int v = m->judged.verdict, bit, count = 0;
    json_number(j, "bits", v);
    json_text(j, "reason", ebim_verdict_str(v));
    for (bit = ebim_verdict_worst(v); bit; v &= ~bit, bit = ebim_verdict_worst(v), count++) {
        reason[count] = ebim_verdict_str(bit);
        advice[count] = ebim_verdict_advice(bit);
    }
    json_texts(j, "reasons", count, reason);
    json_texts(j, "advice", count, advice);
    json_text(j, "verdict", word);
}

/* Everything that is known of the fit */
FILE_FN void report_json(json *j, const ebim_model *m, const char *word)
{
    json_number(j, "dim", m->m);
    json_number(j, "codim", m->k);
    json_number(j, "displacement_field", m->F.field.gate != 0);
    json_text(j, "on", report_on(m));
    report__json_rows(j, m);
    json_number(j, "seed", (double)m->info.seed);
    json_text(j, "recipe", report_recipe(m));
    json_number(j, "networks", m->info.networks);
    json_number(j, "mdf_loss", m->info.mdf_loss);
    json_number(j, "energy_loss", report_if(m->has_energy, m->info.energy_loss));
    report__json_judged(j, m);
    report__json_density(j, m);
    json_number(j, "seconds", m->info.seconds);
    report__json_verdict(j, m, word);
}

/* ---- networks ---- */

enum { REPORT_NODE = 96 }; /* bytes of a line */

/* What an op is called; "" for one that is not known here */
FILE_FN const char *report_op(int op)
{
    static const struct { int op; const char *name; } ops[] = {
        {EBIM__OP_INPUT, "input"}, {EBIM__OP_CONST, "constant"}, {EBIM__OP_DENSE, "dense"},
        {EBIM__OP_APPLY, "function"}, {EBIM__OP_AFFINE, "affine"}, {EBIM__OP_ADD, "sum"},
        {EBIM__OP_MUL, "product"}, {EBIM__OP_DOT, "inner product"}, {EBIM__OP_SUM, "total"},
        {EBIM__OP_MIN, "least"}, {EBIM__OP_MAX, "largest"}, {EBIM__OP_SELECT, "choice"},
        {EBIM__OP_CONCAT, "joined"}, {EBIM__OP_SLICE, "slice"}, {EBIM__OP_RBF, "kernels"},
        {EBIM__OP_CONV, "convolution"}, {EBIM__OP_DECONV, "transposed convolution"},
        {EBIM__OP_SAMPLE, "pixels"}, {EBIM__OP_POOL, "pool"}
    };
    size_t i;
    for (i = 0; i < sizeof ops / sizeof *ops; i++)
        if (ops[i].op == op) return ops[i].name;
    return "";
}

/* Node i in a line: op, kernel, activation, operands, H x W x C or features, parameters */
FILE_FN void report_node(char *line, const ebim_graph *g, int i)
{
#define REPORT__NAME(name) #name,
    static const char *const fn[] = {EBIM_FNS(REPORT__NAME)};
#undef REPORT__NAME
    const ebim__node *nd = &g->node[i];
    const int of[] = {nd->a, nd->b, nd->c};
    size_t at;
    int q;
#define REPORT__ADD(...) at += (size_t)snprintf(line + at, REPORT_NODE - at, __VA_ARGS__)
    at = (size_t)snprintf(line, REPORT_NODE, "%s", report_op(nd->op));
    if (nd->kernel > 0) REPORT__ADD(" %d x %d", nd->kernel, nd->kernel);
    if (nd->fn != EBIM_FN_IDENTITY) REPORT__ADD(" %.12s", fn[nd->fn]);
    for (q = 0; q < 3 && of[q]; q++) REPORT__ADD("%s%d", q ? ", " : " of ", of[q]);
    if (nd->H * nd->W > 1) REPORT__ADD(": %d x %d x %d", nd->H, nd->W, nd->C);
    else REPORT__ADD(": %d", nd->size);
    if (nd->n_theta) REPORT__ADD(", %d parameters", nd->n_theta);
#undef REPORT__ADD
}

FILE_FN void report_graph(FILE *f, const char *letter, const ebim_graph *g)
{
    char line[REPORT_NODE];
    int i;
    fprintf(f, "%-10s %d nodes, %d parameters\n", letter, g->n_nodes - 1, g->n_theta);
    for (i = 1; i < g->n_nodes; i++) {
        report_node(line, g, i);
        fprintf(f, "  %6d   %s%s\n", i, line, i == g->y ? ", the result" : "");
    }
}

FILE_FN void report_json_graph(json *j, const char *key, const ebim_graph *g)
{
    char line[EBIM_MAX_NODES][REPORT_NODE];
    const char *text[EBIM_MAX_NODES];
    int i;
    for (i = 1; i < g->n_nodes; i++) {
        report_node(line[i], g, i);
        text[i - 1] = line[i];
    }
    json_texts(j, key, g->n_nodes - 1, text);
}

/* ---- text ---- */

FILE_FN void report__place(FILE *f, int n, const double *x)
{
    int i;
    fprintf(f, "(");
    for (i = 0; i < n && i < 8; i++) fprintf(f, "%s%.4g", i ? ", " : "", x[i]);
    fprintf(f, "%s)", i < n ? ", ..." : "");
}

/* line: where each row stood in its file; NULL: rows are told by their numbers, from 1 */
FILE_FN void report__rows(FILE *f, const ebim_model *m, const int *line)
{
    int count = m->info.outliers < EBIM_OUTLIERS ? m->info.outliers : EBIM_OUTLIERS, i;
    if (m->info.outliers > 0) {
        fprintf(f, "left out   %d row%s far off:", m->info.outliers,
                m->info.outliers > 1 ? "s" : "");
        for (i = 0; i < count; i++) {
            int row = m->info.outlier_row[i];
            fprintf(f, "%s %s %d", i ? "," : "", line ? "line" : "row", line ? line[row] : row + 1);
            if (report_known(m->info.outlier_distance[i]))
                fprintf(f, " (%.3g away)", m->info.outlier_distance[i]);
            else fprintf(f, " (F leads to no point from there)");
        }
        fprintf(f, "%s\n", m->info.outliers > count ? ", ..." : "");
    }
    if (m->info.distinct > 0 && m->info.distinct < m->info.points - m->info.outliers)
        fprintf(f, "repeats    %d points differ; the others are copies, or nearly, and count as "
                "weight\n", m->info.distinct);
}

FILE_FN void report__extrapolated(FILE *f, const ebim_model *m)
{
    const ebim_judgement *q = &m->judged;
    if (!report_known(q->gap)) return;
    fprintf(f, "beyond     %.3g %% of it is extrapolated: no data nearby", 100 * q->gap);
    if (report_known(q->gap_extent) && q->gap > 0) {
        fprintf(f, "; the largest part is %.3g %s, at ", q->gap_extent,
                m->m == 1 ? "long" : "wide");
        report__place(f, m->n, m->end);
        if (q->gap_abrupt > 0) fprintf(f, ", and the data end abruptly there");
    } else if (q->gap_abrupt > 0) {
        fprintf(f, "; it has ends or gaps, where the data end or are few");
    }
    if (q->rim > 0) fprintf(f, "; %.2g %% is at the box's walls", 100 * q->rim);
    fprintf(f, "\n");
}

FILE_FN void report__manifold(FILE *f, const ebim_model *m)
{
    const ebim_judgement *q = &m->judged;
    if (report_known(q->volume) && (q->points > 0 || m->info.on))
        fprintf(f, "%-10s %.4g +- %.2g\n", report_volume(m->m), q->volume, q->volume_se);
    if (!(q->points > 0)) return;
    if (q->components)
        fprintf(f, "pieces     %d; without data: %.3g %% of it%s\n", q->components, 100 * q->empty,
                q->one_sided > 0 ? "; one-sided: no normal or orientation holds all over it" : "");
    fprintf(f, "slope of F smallest singular value %.2g; near 0 on %.2g %%\n", q->sigma,
            100 * q->singular);
    report__extrapolated(f, m);
    if (q->hole > 0) {
        fprintf(f, "hole       %.2g %% of it has no data where there should be some: %.0f within "
                "%.3g of ", 100 * q->hole, q->hole_expected, q->hole_radius);
        report__place(f, m->n, m->hole);
        fprintf(f, "\n");
    }
    if (m->info.networks > 1 && report_known(q->disputed))
        fprintf(f, "agreement  %.4g %% of it is in another of the %d networks too\n",
                100 * (1 - q->disputed), m->info.networks);
}

FILE_FN void report__density(FILE *f, const ebim_model *m)
{
    int centres = report_centres(m);
    if (!m->has_energy) fprintf(f, "density    none: it was not learned\n");
    else if (m->info.held > 0)
        fprintf(f, "density    held-out -log density %.3f +- %.3f nat, of %d points%s\n",
                m->info.nll, m->info.nll_se, m->info.held,
                m->info.held == m->info.distinct ? ", each held out once" : "");
    else if (!(m->z.points > 0))
        fprintf(f, "density    for samples alone: its normaliser needs the volume of it\n");
    else if (m->info.points > 0)
        fprintf(f, "density    learned; too few points to hold some out\n");
    else fprintf(f, "density    that of its parts\n");
    if (report_known(m->judged.density_p))
        fprintf(f, "test       held-out points against the density: p = %.2g (warns below %g)\n",
                m->judged.density_p, ebim__check_bound.p);
    if (m->has_energy && m->info.held > 0 && fabs(m->info.energy_loss) <= 0) /* exactly 0 */
        fprintf(f, "energy     uniform: no other was likelier by more than chance\n");
    else if (centres)
        fprintf(f, "energy     a kernel estimate, as %s: %d centres\n",
                m->info.held == m->info.distinct ? "for so few points none is likelier"
                                                 : "no network was likelier", centres);
}

FILE_FN void report__verdict(FILE *f, const ebim_model *m, const char *word)
{
    int v = m->judged.verdict, bit = ebim_verdict_worst(v);
    fprintf(f, "verdict    %s\n", word);
    for (; bit; v &= ~bit, bit = ebim_verdict_worst(v))
        fprintf(f, "%s %s: %s\n", bit & EBIM_VERDICT_BAD ? "  bad     " : "  warn    ",
                ebim_verdict_str(bit), ebim_verdict_advice(bit));
}

FILE_FN void report_text(FILE *f, const ebim_model *m, const char *word, const int *line)
{
    const ebim_judgement *q = &m->judged;
    fprintf(f, "manifold   ");
    if (m->info.on) fprintf(f, "%s, known, of ", report_on(m));
    fprintf(f, "dimension %d in R^%d, codimension %d%s\n", m->m, m->n, m->k,
            !m->F.field.codim || m->info.on ? ""
            : m->F.field.gate > 1 ? ", by a field that is followed: its dimension was told"
            : m->F.field.gate ? ", by a displacement field" : ", by equations of degree two");
    report__rows(f, m, line);
    if (report_known(q->distance_mean))
        fprintf(f, "distance   of %d points to it: mean %.3g, median %.3g, largest %.3g\n",
                q->checked, q->distance_mean, q->distance_median, q->distance_max);
    if (report_known(q->noise))
        fprintf(f, "noise      %.3g: standard deviation of the data about it\n", q->noise);
    if (q->missed > 0)
        fprintf(f, "missed     %d of %d points found no way to it\n", q->missed, q->checked);
    if (m->F.field.gate > 1)
        fprintf(f, "measured   nothing: distances are to ends of ways, samples follow no known "
                   "law\n");
    report__manifold(f, m);
    report__density(f, m);
    if (m->info.points > 0)
        fprintf(f, "fit        %d points, seed %.0f, recipe %s", m->info.points,
                (double)m->info.seed, report_recipe(m));
    else fprintf(f, "fit        none: a model made of others, whose verdicts it has");
    if (report_known(m->info.seconds)) fprintf(f, ", %.1f s", m->info.seconds);
    fprintf(f, "\n");
    report__verdict(f, m, word);
}

#endif /* REPORT_H */
