/* ebim_c.c: ebim.h as a shared library, for languages that load one: `make lib`.

   Structs of ebim.h grow from version to version, and who was not compiled with it cannot know
   them. So only numbers, texts, arrays and an opaque handle pass here, and what a fit is told, or
   tells of itself, goes by name. Nothing but the functions ebim_c_* is exported. As long as
   EBIM_VERSION_MAJOR, the soname's number, stays what it is, none of them changes or goes, nor does
   a name; new ones may come.

   Arrays hold reals: of ebim_c_real_bytes() bytes, 4, or 8 where it was built with -DEBIM_DOUBLE.
   Points are rows, [B][n], without gaps. Functions that return an int return 0, an ebim_result of
   ebim.h (negative), or EBIM_C_STOPPED. One thread at a time sets and fits a handle; any number of
   them use one that has a model. */
#define EBIM_STATIC
#define EBIM_IMPLEMENTATION
#include "../../ebim.h"

#define EBIM_C_STOPPED 1 /* the callback stopped it: what it wrote is not to be used */

#ifdef _WIN32
#define EBIM_C_API __declspec(dllexport)
#elif defined(__GNUC__)
#define EBIM_C_API __attribute__((visibility("default")))
#else
#define EBIM_C_API
#endif

typedef struct ebim_c {
    ebim_fit_desc how;
    ebim_model m;
    int fitted;                    /* m is a model */
    int density;                   /* log densities are known */
    int by_projection, bad;        /* see ebim_model_by_projection, EBIM_VERDICT_BAD */
} ebim_c;

/* Is told, every ten milliseconds of work or so, how much of it is done, 0..1; non-zero stops.
   stage: 0 the manifold is learned, 1 the density, 2 both are checked, 3 a model is used. */
typedef int (*ebim_c_progress)(void *user, int stage, double done, double loss);

/* ---- names ---- */

typedef enum field_kind { WHOLE, REAL, SEED } field_kind;

typedef struct field {
    const char *name;
    field_kind kind;
    int count;  /* an array of so many */
    size_t at;  /* in ebim_c */
} field;

enum { SETTINGS = 7 }; /* the first of them can be set */

static const field fields[] = {
#define HOW(kind, name) {#name, kind, 1, offsetof(ebim_c, how.name)}
#define MODEL(kind, name) {#name, kind, 1, offsetof(ebim_c, m.name)}
#define Z(name) {#name, REAL, 1, offsetof(ebim_c, m.z.name)}
#define INFO(kind, name) {#name, kind, 1, offsetof(ebim_c, m.info.name)}
#define JUDGED(kind, name) {#name, kind, 1, offsetof(ebim_c, m.judged.name)}
    HOW(WHOLE, dim), HOW(WHOLE, on), HOW(WHOLE, recipe), HOW(SEED, seed), HOW(REAL, effort),
    HOW(WHOLE, networks), HOW(WHOLE, no_energy),
    {"fitted", WHOLE, 1, offsetof(ebim_c, fitted)},
    {"has_density", WHOLE, 1, offsetof(ebim_c, density)},
    {"by_projection", WHOLE, 1, offsetof(ebim_c, by_projection)},
    {"bad", WHOLE, 1, offsetof(ebim_c, bad)},
    MODEL(WHOLE, n), MODEL(WHOLE, m), MODEL(WHOLE, k), MODEL(WHOLE, has_energy), MODEL(REAL, unit),
    Z(log_z), {"log_z_se", REAL, 1, offsetof(ebim_c, m.z.se)}, Z(effective),
    {"fit_seed", SEED, 1, offsetof(ebim_c, m.info.seed)},
    {"fit_recipe", WHOLE, 1, offsetof(ebim_c, m.info.recipe)},
    {"fit_on", WHOLE, 1, offsetof(ebim_c, m.info.on)},
    {"fit_networks", WHOLE, 1, offsetof(ebim_c, m.info.networks)},
    INFO(WHOLE, points), INFO(WHOLE, distinct), INFO(WHOLE, partial), INFO(REAL, mdf_loss),
    INFO(REAL, energy_loss), INFO(WHOLE, held), INFO(REAL, nll), INFO(REAL, nll_se),
    INFO(WHOLE, outliers),
    {"outlier_row", WHOLE, EBIM_OUTLIERS, offsetof(ebim_c, m.info.outlier_row)},
    {"outlier_distance", REAL, EBIM_OUTLIERS, offsetof(ebim_c, m.info.outlier_distance)},
    JUDGED(WHOLE, verdict), JUDGED(WHOLE, checked), JUDGED(WHOLE, missed),
    JUDGED(REAL, distance_mean), JUDGED(REAL, distance_median), JUDGED(REAL, distance_q99),
    JUDGED(REAL, distance_max), JUDGED(REAL, volume), JUDGED(REAL, volume_se),
    JUDGED(WHOLE, components), JUDGED(REAL, sigma), JUDGED(REAL, singular), JUDGED(REAL, empty),
    JUDGED(REAL, fewest), JUDGED(REAL, remote), JUDGED(REAL, reach), JUDGED(REAL, rim),
    JUDGED(REAL, disputed), JUDGED(REAL, noise), JUDGED(REAL, hole), JUDGED(REAL, hole_expected),
    JUDGED(REAL, hole_radius), JUDGED(REAL, gap), JUDGED(REAL, gap_extent),
    JUDGED(REAL, gap_abrupt), JUDGED(REAL, density_p), JUDGED(REAL, one_sided)
};

enum { FIELDS = (int)(sizeof fields / sizeof *fields) };

static const field *field_of(const char *name)
{
    int i;
    for (i = 0; i < FIELDS; i++)
        if (!strcmp(name, fields[i].name)) return fields + i;
    return NULL;
}

EBIM_C_API int ebim_c_abi(void) { return EBIM_VERSION_MAJOR; }
EBIM_C_API int ebim_c_real_bytes(void) { return (int)sizeof(ebim_real); }

/* what: "version" and "simd" (i: 0); "result" i in words; "verdict": what the worst bit of i means,
   "advice" for it; "on": the i-th known manifold; "name": the i-th name that ebim_c_get knows, but
   for settings, and "kind": "whole" or "real" number. NULL: there is none. */
EBIM_C_API const char *ebim_c_text(const char *what, int i)
{
#define TEXT2(major, minor, patch) #major "." #minor "." #patch
#define TEXT(major, minor, patch) TEXT2(major, minor, patch)
#define EBIM__ENUM(name, text) text,
    static const char *const on[] = {EBIM_ONS(EBIM__ENUM)};
#undef EBIM__ENUM
    if (!strcmp(what, "version"))
        return TEXT(EBIM_VERSION_MAJOR, EBIM_VERSION_MINOR, EBIM_VERSION_PATCH);
    if (!strcmp(what, "simd")) return ebim_simd();
    if (!strcmp(what, "result")) return ebim_result_str((ebim_result)i);
    if (!strcmp(what, "verdict")) return ebim_verdict_str(i);
    if (!strcmp(what, "advice")) return ebim_verdict_advice(i);
    if (!strcmp(what, "on") && i >= 0 && i < EBIM__ON_COUNT) return on[i];
    if (i < 0 || i >= FIELDS - SETTINGS) return NULL;
    if (!strcmp(what, "name")) return fields[SETTINGS + i].name;
    if (!strcmp(what, "kind")) return fields[SETTINGS + i].kind == REAL ? "real" : "whole";
    return NULL;
}

/* The worst bit of a verdict; 0: none is left. */
EBIM_C_API int ebim_c_worst(int verdict) { return ebim_verdict_worst(verdict); }

/* ---- a handle ---- */

EBIM_C_API ebim_c *ebim_c_new(void) { return (ebim_c *)calloc(1, sizeof(ebim_c)); }

static void drop(ebim_c *c)
{
    if (c->fitted) ebim_free(&c->m);
    memset(&c->m, 0, sizeof c->m);
    c->fitted = c->density = c->by_projection = c->bad = 0;
}

/* c NULL: nothing */
EBIM_C_API void ebim_c_free(ebim_c *c)
{
    if (c) drop(c);
    free(c);
}

/* c->m is what r says: a model, or, after an error, nothing but info.outlier_row */
static int settle(ebim_c *c, ebim_result r)
{
    c->fitted = c->m.owned != NULL;
    c->density = c->m.has_energy && c->m.z.points > 0;
    c->by_projection = c->fitted && ebim_model_by_projection(&c->m);
    c->bad = c->m.judged.verdict & EBIM_VERDICT_BAD;
    return r;
}

/* A setting of the next fit, by the name it has in ebim_fit_desc: dim, on, recipe, seed, effort,
   networks, no_energy. */
EBIM_C_API int ebim_c_set(ebim_c *c, const char *name, double value)
{
    const field *f = field_of(name);
    unsigned char *at = (unsigned char *)c;
    int whole;
    uint64_t seed;
    if (!f || f - fields >= SETTINGS) return EBIM_ERR_ARG;
    at += f->at;
    switch (f->kind) {
    case REAL:
        memcpy(at, &value, sizeof value);
        return EBIM_OK;
    case SEED:
        if (!(value >= 0 && value <= 9007199254740992.0)) return EBIM_ERR_ARG; /* 2^53 */
        seed = (uint64_t)value;
        memcpy(at, &seed, sizeof seed);
        return EBIM_OK;
    case WHOLE:
    default:
        if (!(value >= -1e9 && value <= 1e9)) return EBIM_ERR_ARG;
        whole = (int)value;
        if (value < whole || value > whole) return EBIM_ERR_ARG;
        memcpy(at, &whole, sizeof whole);
        return EBIM_OK;
    }
}

/* Whether a number of the model is 0 because nobody knows it */
static int unknown(const ebim_c *c, const char *name)
{
    if (!strncmp(name, "nll", 3)) return !c->m.has_energy || c->m.info.held <= 0;
    return !strncmp(name, "log_z", 5) && c->m.z.points <= 0;
}

/* A number by its name, i-th of an array, else i = 0; NaN where it is not known */
EBIM_C_API int ebim_c_get(const ebim_c *c, const char *name, int i, double *value)
{
    const field *f = field_of(name);
    const unsigned char *at = (const unsigned char *)c;
    int whole;
    uint64_t seed;
    if (!f || i < 0 || i >= f->count) return EBIM_ERR_ARG;
    at += f->at;
    switch (f->kind) {
    case REAL:
        memcpy(value, at + (size_t)i * sizeof *value, sizeof *value);
        if (unknown(c, name)) *value = ebim__nan64();
        return EBIM_OK;
    case SEED:
        memcpy(&seed, at, sizeof seed);
        *value = (double)seed;
        return EBIM_OK;
    case WHOLE:
    default:
        memcpy(&whole, at + (size_t)i * sizeof whole, sizeof whole);
        *value = whole;
        return EBIM_OK;
    }
}

/* ---- work ---- */

typedef struct caller {
    ebim_c_progress progress;
    void *user;
} caller;

static int tell(void *user, const ebim_progress *p)
{
    const caller *to = (const caller *)user;
    return to->progress(to->user, (int)p->stage, p->done, p->loss);
}

/* Fits c, as it is set, to x: [N][n]. weights: [N] or NULL. progress may be NULL; a fit that it
   stopped is 0 and has "partial". After ERR_DIVERGED and ERR_SOLVE c has a model to look at. */
EBIM_C_API int ebim_c_fit(ebim_c *c, int N, int n, const ebim_real *x, const ebim_real *weights,
                          ebim_c_progress progress, void *user)
{
    ebim_fit_desc d = c->how;
    caller to;
    to.progress = progress;
    to.user = user;
    d.weights = weights;
    d.progress = progress ? tell : NULL;
    d.user = &to;
    drop(c);
    return settle(c, ebim_fit(&c->m, N, n, x, &d));
}

/* Returns what `call` does with an arena `work` that is measured, had and watched. */
#define WORK(call)                                                          \
    do {                                                                    \
        ebim_arena work;                                                    \
        ebim_watch watch;                                                   \
        caller to;                                                          \
        void *memory;                                                       \
        size_t bytes;                                                       \
        ebim_result r;                                                      \
        if (!c->fitted) return EBIM_ERR_ARG;                                \
        to.progress = progress;                                             \
        to.user = user;                                                     \
        memset(&watch, 0, sizeof watch);                                    \
        watch.progress = tell;                                              \
        watch.user = &to;                                                   \
        watch.now.stage = EBIM_STAGE_USE;                                   \
        ebim_arena_init(&work, NULL, 0);                                    \
        r = call;                                                           \
        if (r) return r;                                                    \
        bytes = ebim_arena_bytes(&work);                                    \
        memory = work.failed ? NULL : malloc(bytes);                        \
        if (!memory) return EBIM_ERR_MEMORY;                                \
        ebim_arena_init(&work, memory, bytes);                              \
        if (progress) work.watch = &watch;                                  \
        r = call;                                                           \
        free(memory);                                                       \
        return watch.stopped ? EBIM_C_STOPPED : r;                          \
    } while (0)

/* B new points -> x: [B][n] */
EBIM_C_API int ebim_c_sample(const ebim_c *c, int B, ebim_real *x, uint64_t seed,
                             ebim_c_progress progress, void *user)
{
    WORK(ebim_model_sample(&c->m, &work, B, x, 0, seed, NULL));
}

/* x: [B][n] -> nearest: [B][n], distance, energy: [B]; each may be NULL. NaN where no point of the
   manifold was found; ERR_ARG: energies of a model without. */
EBIM_C_API int ebim_c_score(const ebim_c *c, int B, const ebim_real *x, ebim_real *nearest,
                            ebim_real *distance, ebim_real *energy, ebim_c_progress progress,
                            void *user)
{
    WORK(ebim_model_score(&c->m, &work, B, x, nearest, distance, energy, NULL));
}

/* log_density, se: [B], se may be NULL. ERR_ARG: "has_density" is 0. */
EBIM_C_API int ebim_c_log_density(const ebim_c *c, int B, const ebim_real *x,
                                  ebim_real *log_density, ebim_real *se, ebim_c_progress progress,
                                  void *user)
{
    WORK(ebim_model_log_density(&c->m, &work, B, x, log_density, se));
}

/* grad: [B][n], along the manifold, at the nearest points. ERR_ARG: "has_energy" is 0. */
EBIM_C_API int ebim_c_grad_log_density(const ebim_c *c, int B, const ebim_real *x, ebim_real *grad,
                                       ebim_c_progress progress, void *user)
{
    WORK(ebim_model_grad_log_density(&c->m, &work, B, x, grad, NULL));
}

/* ---- files; ERR_IO: see errno ---- */

EBIM_C_API int ebim_c_save(const ebim_c *c, const char *path)
{
    return c->fitted ? ebim_save_file(&c->m, path) : EBIM_ERR_ARG;
}

EBIM_C_API int ebim_c_load(ebim_c *c, const char *path)
{
    drop(c);
    return settle(c, ebim_load_file(&c->m, path, 0));
}
