/* Loads a model and scores one point: `size MODEL.ebim X0 X1 ...` prints its distance to the
 * manifold and its energy. `make size` shows how much machine code that takes; training is left
 * out, and EBIM_STATIC lets the compiler drop what is not called. */
#define EBIM_NO_TRAIN
#define EBIM_STATIC
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

int main(int argc, char **argv)
{
    ebim_model model;
    ebim_result r;
    ebim_real x[16], distance = 0, energy = 0;
    int i;
    if (argc < 3) return 2;
    r = ebim_load_file(&model, argv[1], 0);
    if (!r && (model.n != argc - 2 || model.n > 16)) r = EBIM_ERR_SHAPE;
    for (i = 0; !r && i < model.n; i++) x[i] = (ebim_real)atof(argv[2 + i]);
    if (!r) r = ebim_score(&model, 1, x, NULL, &distance, model.has_energy ? &energy : NULL, NULL);
    if (r) fprintf(stderr, "%s: %s\n", argv[1], ebim_result_str(r));
    else printf("%g %g\n", (double)distance, (double)energy);
    return r ? 1 : 0;
}
