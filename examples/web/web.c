/* web.c: ebim.h for the page beside it, as WebAssembly: `make web`. One model at a time.

   A run is a sketch first, a network for F that is shown while it is trained, and then the fit
   itself (ebim_fit), which knows curves with ends, too, and judges what it has learned. */
#define EBIM_STATIC
#define EBIM_NO_STDIO
#define EBIM_ASSERT(c) ((c) ? (void)0 : __builtin_trap())
#define EBIM_IMPLEMENTATION
#include "../../ebim.h"

#include "../common/mesh.h"

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("page"), import_name(#name)))

/* The page is told how far a run is (0 to 1, stage 0: sketch, 1 + ebim_stage: fit), and that there
 * is a sketch to fetch. Non-zero stops. */
IMPORT(progress) int page_progress(int stage, double done);
IMPORT(sketched) int page_sketched(void);

enum { SKETCH_STEPS = 600, SKETCHES = 30, FIRST = 20, SKETCH_GRID = 72, ROUGH_GRID = 22 };

static ebim_model model;
static mesh surface;         /* of the model, or of the sketch */
static double box[2][3];     /* of the sketch */
static ebim_ws *sketch_ws;
static int calls;

EXPORT(room) void *room(int bytes) { return malloc((size_t)bytes); }
EXPORT(leave) void leave(void *p) { free(p); }

/* F at points, for mesh_zero_set, in blocks that fit a stack */
static void sketch_F(void *user, int B, const double *x, double *F)
{
    enum { BLOCK = 256 };
    ebim_real in[3 * BLOCK], out[BLOCK];
    int b, i, n = ((const ebim_ws *)user)->n;
    for (; B > 0; B -= BLOCK, x += n * BLOCK, F += BLOCK) {
        int count = B < BLOCK ? B : BLOCK;
        for (i = 0; i < n * count; i++) in[i] = (ebim_real)x[i];
        ebim_eval((ebim_ws *)user, count, in, out);
        for (b = 0; b < count; b++) F[b] = (double)out[b];
    }
}

static void model_F(void *user, int B, const double *x, double *F)
{
    ebim_real *in = (ebim_real *)malloc((size_t)B * 4 * sizeof *in), *out = in + B * model.n;
    int i;
    (void)user;
    for (i = 0; in && i < model.n * B; i++) in[i] = (ebim_real)x[i];
    if (in) ebim_gradients(&model, B, in, out, NULL, NULL, NULL);
    for (i = 0; i < B; i++) F[i] = in ? (double)out[i] : 1;
    free(in);
}

/* Not often at first, when much changes, and not where it would cost more than the training */
static int sketch_told(void *user, const ebim_progress *p)
{
    const ebim_graph *F = (const ebim_graph *)user;
    int n = ebim_inputs(F);
    if (p->step >= FIRST && calls++ % (200 / SKETCHES) == 0) {
        mesh_free(&surface);
        if (!mesh_zero_set(&surface, n, box[0], box[1], n == 2 ? SKETCH_GRID : ROUGH_GRID, sketch_F,
                           sketch_ws) && page_sketched())
            return 1;
    }
    return page_progress(0, p->done);
}

/* A first F, before the fit begins */
EXPORT(sketch) int sketch(int N, int n, const ebim_real *x)
{
    ebim_mlp_desc net;
    ebim_mdf_desc d;
    ebim_arena a;
    ebim_graph F;
    ebim_ws w;
    ebim_result r = EBIM_OK;
    void *memory = NULL;
    size_t bytes = 0;
    int i, c;
    for (c = 0; c < n; c++) box[0][c] = -1.35, box[1][c] = 1.35;
    ebim_mdf_recipe(n, 1, &net, &d);
    d.steps = SKETCH_STEPS;
    d.start = d.ramp = 0; /* soon a line, though it may be a wrong one */
    d.lo = box[0];
    d.hi = box[1];
    d.progress = sketch_told;
    d.user = &F;
    calls = 0;
    sketch_ws = &w;
    for (i = 0; i < 2 && !r; i++) { /* measure, then run */
        if (i) memory = malloc(bytes);
        if (i && !memory) return EBIM_ERR_MEMORY;
        ebim_arena_init(&a, memory, bytes);
        r = ebim_mlp(&F, &a, &net, 1);
        if (!r) r = ebim_ws_init(&w, &a, &F, 64, EBIM_WS_VALUES);
        if (!r) r = ebim_mdf_train(&F, &a, N, x, &d, NULL);
        bytes = ebim_arena_bytes(&a);
    }
    free(memory);
    return r;
}

static int fit_told(void *user, const ebim_progress *p)
{
    (void)user;
    return page_progress(1 + (int)p->stage, p->done);
}

EXPORT(fit) int fit(int N, int n, const ebim_real *x, int dim, double effort)
{
    ebim_fit_desc d;
    memset(&d, 0, sizeof d);
    d.dim = dim;
    d.effort = effort;
    d.networks = 2; /* where they do not agree the verdict says so, and no more are tried */
    d.progress = fit_told;
    ebim_free(&model);
    memset(&model, 0, sizeof model);
    return ebim_fit(&model, N, n, x, &d);
}

/* Whether the model is where one function changes its sign: a displacement field has no sign. */
EXPORT(has_sign) int has_sign(void) { return model.k == 1 && !model.F.field.codim; }

/* Its zero set as segments or triangles -> surface */
EXPORT(trace) int trace(int cells)
{
    double lo[3], hi[3];
    mesh_free(&surface);
    ebim_model_box(&model, lo, hi);
    return mesh_zero_set(&surface, model.n, lo, hi, cells, model_F, NULL);
}

EXPORT(vertices) int vertices(void) { return surface.n_vert; }
EXPORT(vertex) double *vertex(void) { return surface.vert; }
EXPORT(cells) int cells(void) { return surface.n_cell; }
EXPORT(cell) int *cell(void) { return surface.cell; }

EXPORT(sample) int sample(int B, ebim_real *x, int seed)
{
    return ebim_sample(&model, B, x, (uint64_t)seed);
}

EXPORT(score) int score(int B, const ebim_real *x, ebim_real *nearest, ebim_real *distance,
                        ebim_real *energy)
{
    return ebim_score(&model, B, x, nearest, distance, model.has_energy ? energy : NULL, NULL);
}

EXPORT(has_energy) int has_energy(void) { return model.has_energy; }
EXPORT(verdict) int verdict(void) { return model.judged.verdict; }
EXPORT(pieces) int pieces(void) { return model.judged.components; }
EXPORT(distance) double distance(void) { return model.judged.distance_median; }
/* Length or area: of what is drawn, which is exact to the grid, or as the fit has measured it */
EXPORT(extent) double extent(void)
{
    double sum = 0;
    int i;
    for (i = 0; i < surface.n_cell; i++) sum += mesh_measure(&surface, i, NULL);
    if (has_sign() && sum > 0) return sum;
    return model.z.points > 0 ? exp(model.z.log_volume) : model.judged.volume;
}
EXPORT(nll) double nll(void) { return model.info.nll; }
EXPORT(bad) int bad(int bits) { return bits & EBIM_VERDICT_BAD; }
EXPORT(worst) int worst(int bits) { return ebim_verdict_worst(bits); }
EXPORT(says) const char *says(int bits) { return ebim_verdict_str(bits); }
EXPORT(advice) const char *advice(int bits) { return ebim_verdict_advice(bits); }
EXPORT(error) const char *error(int r) { return ebim_result_str((ebim_result)r); }
