/* smoke.c: what tests/matrix.sh builds by every compiler and runs on every machine.
 *
 *   smoke fit FILE WHAT  a model of a circle is fitted, saved (twice: over itself), loaded, scored,
 *                        sampled; WHAT: F the circle alone, E a density on it as it is known, FE
 *                        both, which takes emulators minutes
 *   smoke read FILE...   distances, energies and nearest points of five points, by every model
 *
 * The exit status is 1 where anything is not as it should be. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

enum { N = 48, S = 40 };

static int wrong(const char *what, int value)
{
    fprintf(stderr, "%s: %d\n", what, value);
    return 1;
}

/* Networks of one small layer, and few steps */
static ebim_result learn(ebim_model *m, const char *what)
{
    static ebim_real x[2 * N];
    static double room[2048];
    static ebim_mlp_desc form;
    static ebim_fit_desc d;
    static ebim_graph net;
    ebim_arena a;
    ebim_result r;
    int i;
    for (i = 0; i < N; i++) {
        double angle = 6.283185307179586 * i / N;
        if (!strchr(what, 'F')) angle += 0.5 * sin(angle); /* M is known: what is denser? */
        x[2 * i] = (ebim_real)cos(angle);
        x[2 * i + 1] = (ebim_real)sin(angle);
    }
    form.in = 2;
    form.out = form.layers = 1;
    form.width = 16;
    ebim_arena_init(&a, room, sizeof room);
    r = ebim_mlp(&net, &a, &form, 1);
    if (r) return r;
    d.dim = d.networks = 1;
    d.effort = strchr(what, 'F') ? 0.05 : 0.01;
    d.E = &net;
    d.no_energy = !strchr(what, 'E');
    if (strchr(what, 'F')) d.F = &net;
    else d.on = EBIM_ON_SPHERE;
    return ebim_fit(m, N, 2, x, &d);
}

static int fit(const char *path, const char *what)
{
    static ebim_real y[2 * S], distance[S], energy[S];
    ebim_model m, back;
    ebim_result r = learn(&m, what);
    int i;
    if (r) return wrong("fit", r);
    for (i = 0; i < 2 && !r; i++) r = ebim_save_file(&m, path);
    if (r) return wrong("save", r);
    ebim_free(&m);
    r = ebim_load_file(&back, path, 0);
    if (r) return wrong("load", r);
    if (!(back.judged.distance_mean < 0.02)) return wrong("data are far from M", 0);
    r = ebim_sample(&back, S, y, 1);
    if (r) return wrong("sample", r);
    r = ebim_score(&back, S, y, NULL, distance, back.has_energy ? energy : NULL, NULL);
    if (r) return wrong("score", r);
    for (i = 0; i < S; i++)
        if (!((double)distance[i] < 1e-4)) return wrong("a sample off M", i);
    ebim_free(&back);
    return 0;
}

static int read_all(int count, char **path)
{
    static const ebim_real x[] = {2, 0, 0, (ebim_real)0.5, -1, 1, 3, -3, (ebim_real)0.1, 1};
    enum { B = 5 };
    ebim_real y[2 * B], distance[B], energy[B];
    int i, b;
    for (i = 0; i < count; i++) {
        ebim_model m;
        ebim_result r = ebim_load_file(&m, path[i], 0);
        if (r) return wrong(path[i], r);
        for (b = 0; b < B; b++) energy[b] = 0;
        r = ebim_score(&m, B, x, y, distance, m.has_energy ? energy : NULL, NULL);
        if (r) return wrong(path[i], r);
        for (b = 0; b < B; b++)
            printf("%s %.5f %.5f %.5f %.5f\n", path[i], (double)distance[b], (double)energy[b],
                   (double)y[2 * b], (double)y[2 * b + 1]);
        ebim_free(&m);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "fit")) return fit(argv[2], argv[3]);
    if (argc > 2 && !strcmp(argv[1], "read")) return read_all(argc - 2, argv + 2);
    return wrong("usage: smoke fit FILE WHAT | smoke read FILE...", argc);
}
