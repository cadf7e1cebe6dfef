/* smoke.c: what tests/matrix.sh builds by every compiler and runs on every machine.
 *
 *   smoke fit FILE [SEED]  a circle is fitted, saved (twice: over itself), loaded, scored, sampled
 *   smoke read FILE...     distances, energies and nearest points of five points, by every model
 *
 * The exit status is 1 where anything is not as it should be. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

enum { N = 60, S = 40 };

static int wrong(const char *what, int value)
{
    fprintf(stderr, "%s: %d\n", what, value);
    return 1;
}

static int fit(const char *path, int seed)
{
    static ebim_real x[2 * N], y[2 * S], distance[S], energy[S];
    static ebim_fit_desc d;
    ebim_model m, back;
    ebim_result r;
    int i;
    for (i = 0; i < N; i++) {
        x[2 * i] = (ebim_real)cos(6.283185307179586 * i / N);
        x[2 * i + 1] = (ebim_real)sin(6.283185307179586 * i / N);
    }
    d.dim = 1;
    d.effort = 0.004; /* for emulators; so short a fit need not pass its own check */
    d.networks = 1;
    d.seed = (uint64_t)seed;
    r = ebim_fit(&m, N, 2, x, &d);
    if (r) return wrong("fit", r);
    for (i = 0; i < 2 && !r; i++) r = ebim_save_file(&m, path);
    if (r) return wrong("save", r);
    ebim_free(&m);
    r = ebim_load_file(&back, path, 0);
    if (r) return wrong("load", r);
    if (!(back.judged.distance_mean < 0.3)) return wrong("data are far from M", 0);
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
    if (argc >= 3 && argc <= 4 && !strcmp(argv[1], "fit"))
        return fit(argv[2], argc > 3 ? atoi(argv[3]) : 0);
    if (argc > 2 && !strcmp(argv[1], "read")) return read_all(argc - 2, argv + 2);
    return wrong("usage: smoke fit FILE [SEED] | smoke read FILE...", argc);
}
