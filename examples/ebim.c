/* ebim.c: the command line tool. Points from a file to a model, and from the model samples,
   scores, nearest points, pictures and meshes. `ebim help` says how; the tables of options and
   verbs below are what it prints.

   A verb returns the exit status: 0 fine; 1 the computation failed, or the fit did not pass its
   own check; 2 wrong usage or bad input; 3 stopped by --max-seconds; 128 + the signal after Ctrl-C.
   Every error is one line on standard error. Output files appear whole or not at all. */
#if !defined(_POSIX_C_SOURCE) && !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#endif
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <unistd.h>
#endif

#include "common/csv.h"
#include "common/embed.h"
#include "common/export.h"
#include "common/figure.h"
#include "common/json.h"
#include "common/load.h"
#include "common/ply.h"
#include "common/report.h"
#include "common/synth.h"

enum { FINE = 0, FAILED = 1, BAD = 2, PARTIAL = 3 };

/* ---- verbs and options ---- */

typedef enum option_id {
    O_OUT, O_N, O_DIM, O_EMBED, O_RECIPE, O_SEED, O_STEPS, O_EFFORT, O_MAX_SECONDS, O_THREADS,
    O_GRID, O_DIR, O_JSON, O_VERBOSE, O_COLUMNS, O_WEIGHTS, O_SKIP_MISSING, O_HEADER, O_DELIMITER,
    O_BESIDE, O_QUIET, O_ON, O_DEGREES, O_WIDTH, O_COUNT
} option_id;

typedef enum option_kind { FLAG, TEXT, WHOLE, REAL } option_kind;

typedef struct option {
    const char *name, *value; /* as help shows its value; "" for a flag */
    option_kind kind;
    double lo, hi;            /* WHOLE, REAL */
    const char *help;
} option;

static const option options[O_COUNT] = {
    {"-o", "FILE", TEXT, 0, 0, "where the result goes; - is standard output"},
    {"-n", "N", WHOLE, 1, 1e7, "how many samples"},
    {"--dim", "M", WHOLE, -1e9, 1e9,
     "dimension of the manifold: 1 for curves, 2 for surfaces\n(an embedding, or --on, tells it)"},
    {"--embed", "HOW", TEXT, 0, 0,
     "none: the columns are the point (default)\n"
     "latlon: latitude, longitude in degrees, on the unit sphere\n"
     "torus:R,r: two angles in radians, on the torus of these radii\n"
     "angles: any number of them, each as its cosine and sine\n"
     "    (they come back in -180 .. 180, or -pi .. pi)\n"
     "quaternion: four columns, x and -x being the same\n"
     "rotation: nine columns, a rotation matrix\n"
     "(the last three are learned on what they are: see --on)"},
    {"--recipe", "NAME", TEXT, 0, 0, "default, or paper: the settings of the paper's appendix"},
    {"--seed", "N", WHOLE, 0, 9007199254740992.0, "of all random numbers (default 0)"},
    {"--steps", "K", WHOLE, 1, 1e6, "moves of each sample's chain (default 1 to 30)"},
    {"--effort", "F", REAL, 1e-4, 1e4, "multiplies the training steps (default 1)"},
    {"--max-seconds", "S", REAL, 0.001, 1e9, "stop training then and keep the state reached"},
    {"--threads", "N", WHOLE, 1, 256,
     "at most so many at a time, with the same result\n(a build without OpenMP has one)"},
    {"--grid", "N", WHOLE, 8, 512,
     "cells along the longest side of the model's box\n(default 128 for surfaces, 512 for curves)"},
    {"--out", "DIR", TEXT, 0, 0, "where the files go (default build/out/demo)"},
    {"--json", "", FLAG, 0, 0, "report as one JSON object"},
    {"-v", "", FLAG, 0, 0, "show the progress even if standard error is no terminal"},
    {"--columns", "LIST", TEXT, 0, 0,
     "which columns of the data are the point: names, numbers,\n"
     "ranges (x,y or 1,3-5); default all, or those of the model"},
    {"--weights", "NAME", TEXT, 0, 0, "the column with the weight of each row, 0 or more"},
    {"--skip-missing", "", FLAG, 0, 0,
     "leave out rows that miss a value (empty, NA, NaN, null, ?)"},
    {"--header", "yes|no", TEXT, 0, 0,
     "whether the first line has the names of the columns\n(default: as it looks)"},
    {"--delimiter", "C", TEXT, 0, 0,
     "what stands between fields: a character, tab or space\n(default: comma, semicolon, tab or "
     "space, as it looks)"},
    {"--append", "", FLAG, 0, 0, "write the scores behind all columns of the data"},
    {"--quiet", "", FLAG, 0, 0, "no warning that the model is not to be trusted"},
    {"--on", "WHAT", TEXT, 0, 0,
     "the manifold is known, and only the density is learned:\n"
     "circle, sphere: rows of length 1\n"
     "torus:K: K pairs of columns, each of length 1\n"
     "axes, quaternions: rows of length 1, x and -x being the same\n"
     "rotations: nine columns, R with RR' = I and det R = 1\n"
     "simplex: rows that sum to 1, none below 0\n"
     "learn: it is not, whatever the embedding says"},
    {"--degrees", "", FLAG, 0, 0, "the angles of --embed angles are in degrees"},
    {"--width", "W", WHOLE, 1, 256,
     "networks of three layers of W units, for small devices\n(default 32, and kernels where they "
     "are likelier)"},
};

typedef struct args {
    const struct verb *verb;
    const char *path[2];
    int paths;
    const char *text[O_COUNT]; /* NULL: not given */
    double number[O_COUNT];    /* 0: not given */
} args;

typedef struct verb {
    const char *name, *paths, *suffixes; /* suffixes: of what it writes, "" for nothing */
    int least, most;           /* paths */
    unsigned required, others; /* options, 1u << option_id */
    int (*run)(const args *);
    const char *summary, *help;
} verb;

static int verb_fit(const args *a);
static int verb_sample(const args *a);
static int verb_score(const args *a);
static int verb_project(const args *a);
static int verb_plot(const args *a);
static int verb_mesh(const args *a);
static int verb_export(const args *a);
static int verb_info(const args *a);
static int verb_demo(const args *a);
static int verb_help(const args *a);

#define TABLES ".csv, .txt or .npy"
#define OPT(name) (1u << O_##name)
#define OPT_DATA (OPT(COLUMNS) | OPT(SKIP_MISSING) | OPT(HEADER) | OPT(DELIMITER))

static const verb verbs[] = {
    {"fit", "DATA.csv", ".ebim", 1, 1, OPT(OUT),
     OPT(DIM) | OPT(EMBED) | OPT(RECIPE) | OPT(SEED) | OPT(EFFORT) | OPT(MAX_SECONDS) |
         OPT(THREADS) | OPT(JSON) | OPT(VERBOSE) | OPT_DATA | OPT(WEIGHTS) | OPT(ON) |
         OPT(DEGREES) | OPT(WIDTH),
     verb_fit, "learn a model from points",
     "Learns a function F whose zero set is the manifold the points lie on, and an energy E whose\n"
     "e^-E is proportional to their density there. One row is one point. Read are text (.csv,\n"
     ".tsv, ...: a header, decimal commas, quotes, an index column, and lines that begin with #\n"
     "are fine), NumPy's .npy (floats, ints, bool), and the points of .ply and .xyz. The model\n"
     "keeps the names of the columns. Ctrl-C stops and keeps the best state."},
    {"sample", "MODEL.ebim", TABLES, 1, 1, OPT(N),
     OPT(OUT) | OPT(SEED) | OPT(STEPS) | OPT(THREADS) | OPT(JSON) | OPT(QUIET),
     verb_sample, "draw new points from a model",
     "Columns: as fit took them, x0, x1, ... if they had no names; with an embedding x0, x1, x2,\n"
     "then those of fit. -o FILE.npy writes NumPy's format (so it does for score and project)."},
    {"score", "MODEL.ebim DATA.csv", TABLES, 2, 2, 0,
     OPT(OUT) | OPT(THREADS) | OPT_DATA | OPT(BESIDE) | OPT(QUIET), verb_score,
     "distance to the manifold, energy and log density, of points",
     "Takes the columns that fit took, by their names if both have names, else in their order.\n"
     "One row per point, in the same order: its distance to the manifold, the energy at its\n"
     "nearest point there (less is likelier), and those columns of the data that are no part of\n"
     "the point. A row of nan: no point of the manifold was found for it."},
    {"project", "MODEL.ebim DATA.csv", TABLES, 2, 2, 0,
     OPT(OUT) | OPT(THREADS) | OPT_DATA | OPT(QUIET),
     verb_project, "the nearest points on the manifold",
     "Takes columns as score does. Columns: those of sample, then those of the data that are no\n"
     "part of the point. A row of nan: no point of the manifold was found for it."},
    {"plot", "MODEL.ebim [DATA.csv]", ".png", 1, 2, OPT(OUT),
     OPT(SEED) | OPT(STEPS) | OPT_DATA | OPT(QUIET),
     verb_plot,
     "draw a model, and data over it, as a PNG",
     "In 2 and 3 dimensions the manifold, coloured by density, with the data over it; curves in\n"
     "space by samples of the model; above 3 dimensions the data and samples in pairs of\n"
     "coordinates."},
    {"mesh", "MODEL.ebim", ".ply", 1, 1, OPT(OUT), OPT(GRID) | OPT(JSON) | OPT(QUIET), verb_mesh,
     "the manifold as triangles, or a curve in the plane, in a PLY file",
     "Surfaces in 3 dimensions and curves in 2. Vertices have normals, along the gradient of F,\n"
     "and colours by density, and the density itself, per unit of area, where the model has an\n"
     "energy. Says how large it is, in how many pieces, its Euler characteristic, and whether it\n"
     "is closed."},
    {"export", "MODEL.ebim", ".h", 1, 1, 0, OPT(OUT) | OPT(QUIET), verb_export,
     "the model as one C header, for devices without files or malloc",
     "Parameters as constant arrays, used where they are, and code for what the model consists\n"
     "of and no more: nearest points, distances, energies and log densities, in float. It needs\n"
     "no other file; its first lines say which functions of <math.h> it calls, and how much\n"
     "memory it takes. Its names begin with that of the file: NAME.h has NAME_score. Not for\n"
     "displacement fields, nor for data that had to be stretched."},
    {"info", "MODEL.ebim", "", 1, 1, 0, OPT(JSON), verb_info, "what is in a model file", ""},
    {"demo", "", "", 0, 0, 0, OPT(DIR) | OPT(SEED) | OPT(STEPS) | OPT(EFFORT) | OPT(VERBOSE),
     verb_demo,
     "two circles: fitted, sampled, scored, drawn",
     "1000 points of two von Mises distributions on two circles, the example of the paper's\n"
     "Fig. 4. Data, model, samples, scores and the picture are written to DIR; the last line is\n"
     "one JSON object with the figures measured."},
    {"help", "[VERB]", "", 0, 1, 0, 0, verb_help, "this text, or all about one verb", ""},
};

enum { VERBS = (int)(sizeof verbs / sizeof *verbs) };

/* ---- messages ---- */

/* A line on standard error, its control characters as '?'; returns the status to return. */
static int complain_line(int status, const char *line)
{
    for (; *line; line++) putc((unsigned char)*line < 32 ? '?' : *line, stderr);
    putc('\n', stderr);
    return status;
}

FILE_PRINTF(2, 3)
static int complain(int status, const char *format, ...)
{
    char line[2048];
    va_list list;
    int n = snprintf(line, sizeof line, "ebim: ");
    va_start(list, format);
    vsnprintf(line + n, sizeof line - (size_t)n, format, list);
    va_end(list);
    return complain_line(status, line);
}

static int complain_result(const char *file, ebim_result r)
{
    return complain(FAILED, "%s: %s", file, ebim_result_str(r));
}

static int complain_memory(void)
{
    return complain(FAILED, "out of memory");
}

/* ---- the command line ---- */

static const verb *find_verb(const char *name)
{
    int i;
    for (i = 0; i < VERBS; i++)
        if (!strcmp(verbs[i].name, name)) return &verbs[i];
    return NULL;
}

static int parse_value(args *a, int id, const char *text)
{
    const option *o = &options[id];
    double v = 0;
    if (a->text[id]) return complain(BAD, "%s: %s is given twice", a->verb->name, o->name);
    a->text[id] = text;
    if (o->kind == FLAG || o->kind == TEXT) return 0;
    if (csv_number(text, &v) == CSV_NUMBER && v >= o->lo && v <= o->hi &&
        (o->kind == REAL || v <= floor(v))) {
        a->number[id] = v;
        return 0;
    }
    if (o->lo < 0) /* what fits is only known from the data */
        return complain(BAD, "%s: %s '%.40s' should be a whole number", a->verb->name, o->name,
                        text);
    return complain(BAD, "%s: %s '%.40s' should be a %snumber from %.16g to %.16g", a->verb->name,
                    o->name, text, o->kind == WHOLE ? "whole " : "", o->lo, o->hi);
}

/* One option and its value; returns how many arguments it takes, or 0 after a complaint. */
static int parse_option(args *a, char **argv)
{
    int i;
    for (i = 0; i < O_COUNT; i++)
        if (((a->verb->required | a->verb->others) >> i & 1u) && !strcmp(*argv, options[i].name))
            break;
    if (i == O_COUNT) {
        complain(BAD, "%s: unknown option '%.40s': see 'ebim help %s'", a->verb->name, *argv,
                 a->verb->name);
        return 0;
    }
    if (options[i].kind == FLAG) return parse_value(a, i, *argv) ? 0 : 1;
    if (!argv[1]) {
        complain(BAD, "%s: %s needs a value: %s", a->verb->name, *argv, options[i].value);
        return 0;
    }
    return parse_value(a, i, argv[1]) ? 0 : 2;
}

static int parse_path(args *a, const char *path)
{
    if (a->paths == a->verb->most)
        return complain(BAD, "%s: unexpected argument '%.40s'", a->verb->name, path);
    a->path[a->paths++] = path;
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* A name that promises another format than the verb writes: its suffix is none of the verb's. One
 * without letters is no suffix. */
static int parse_suffix(const args *a, const char *path)
{
    const char *name = base_name(path), *dot = strrchr(name, '.'), *s = a->verb->suffixes;
    char suffix[8];
    int i, letters = 0;
    for (i = 0; dot && dot != name && dot[i]; i++) letters |= isalpha((unsigned char)dot[i]);
    if (!letters) return 0;
    for (; s; s = strchr(s + 1, '.')) {
        snprintf(suffix, sizeof suffix, "%.*s", (int)strcspn(s, ", "), s);
        if (load_is(path, suffix + 1)) return 0;
    }
    return complain(BAD, "%s: -o %.200s: the name should end in %s, what the verb writes",
                    a->verb->name, path, a->verb->suffixes);
}

static int parse_complete(const args *a)
{
    int i;
    if (a->paths < a->verb->least)
        return complain(BAD, "%s: missing argument, it takes %s", a->verb->name, a->verb->paths);
    for (i = 0; i < O_COUNT; i++)
        if ((a->verb->required >> i & 1u) && !a->text[i])
            return complain(BAD, "%s: %s %s is missing: %s", a->verb->name, options[i].name,
                            options[i].value, options[i].help);
    for (i = 0; i < a->paths && a->text[O_OUT]; i++)
        if (strcmp(a->path[i], "-") && file__kind(a->path[i]) < 2 &&
            file_same(a->path[i], a->text[O_OUT]))
            return complain(BAD, "%s: -o %s would replace its input", a->verb->name,
                            a->text[O_OUT]);
    if (a->text[O_OUT] && parse_suffix(a, a->text[O_OUT])) return BAD;
    if (a->paths == 2 && !strcmp(a->path[0], "-") && !strcmp(a->path[1], "-"))
        return complain(BAD, "%s: only one file can come from standard input", a->verb->name);
    return 0;
}

static int is_help(const char *s) { return !strcmp(s, "--help") || !strcmp(s, "-h"); }

/* 0, or the exit status. */
static int parse(args *a, char **argv)
{
    int took, plain = 0; /* plain: after --, everything is a path */
    memset(a, 0, sizeof *a);
    if (!argv[0]) return complain(BAD, "what to do is missing: see 'ebim help'");
    a->verb = is_help(argv[0]) ? find_verb("help") : find_verb(argv[0]);
    if (!a->verb) return complain(BAD, "unknown verb '%.40s': see 'ebim help'", argv[0]);
    for (argv++; *argv; argv += took) {
        took = 1;
        if (!plain && !strcmp(*argv, "--")) {
            plain = 1;
            continue;
        }
        if (!plain && is_help(*argv)) { /* the verb becomes the argument of help */
            a->path[0] = a->verb->name;
            a->paths = 1;
            a->verb = find_verb("help");
            return 0;
        }
        if (plain || (*argv)[0] != '-' || !(*argv)[1]) {
            if (parse_path(a, *argv)) return BAD;
        } else {
            took = parse_option(a, argv);
            if (!took) return BAD;
        }
    }
    return parse_complete(a);
}

static const char *output(const args *a) { return a->text[O_OUT] ? a->text[O_OUT] : "-"; }

/* Reports give way when standard output carries the result. */
static FILE *report_stream(const args *a) { return strcmp(output(a), "-") ? stdout : stderr; }

/* ---- help ---- */

static void help_options(const verb *v)
{
    int i;
    const char *s;
    for (i = 0; i < O_COUNT; i++) {
        const option *o = &options[i];
        if (!((v->required | v->others) >> i & 1u)) continue;
        printf("\n  %-14s %-6s ", o->name, o->value);
        for (s = o->help; *s; s++) {
            putchar(*s);
            if (*s == '\n') printf("%24s", "");
        }
    }
    printf("\n");
}

static int help_verb(const verb *v)
{
    int i;
    printf("usage: ebim %s%s%s", v->name, *v->paths ? " " : "", v->paths);
    for (i = 0; i < O_COUNT; i++)
        if (v->required >> i & 1u) printf(" %s %s", options[i].name, options[i].value);
    printf("%s\n\n%c%s.%s%s\n", v->others ? " [options]" : "", v->summary[0] - 'a' + 'A',
           v->summary + 1, *v->help ? "\n" : "", v->help);
    if (v->required | v->others) help_options(v);
    return FINE;
}

static int verb_help(const args *a)
{
    int i;
    const verb *v = a->paths ? find_verb(a->path[0]) : NULL;
    if (v) return help_verb(v);
    if (a->paths) return complain(BAD, "help: there is no verb '%.40s'", a->path[0]);
    printf("ebim %d.%d.%d: learns the manifold that points lie on, and their density on it\n\n",
           EBIM_VERSION_MAJOR, EBIM_VERSION_MINOR, EBIM_VERSION_PATCH);
    for (i = 0; i < VERBS; i++)
        printf("  ebim %-8s%-22s %s\n", verbs[i].name, verbs[i].paths, verbs[i].summary);
    printf("\n'ebim help VERB' shows the options. The file name - is standard input or output.\n"
           "Exit status: 0 fine; 1 the computation failed, or the fit did not pass its own check;\n"
           "2 wrong usage or bad input; 3 stopped by --max-seconds: the model is a part of what\n"
           "was asked for; 130 after Ctrl-C.\n");
    return FINE;
}

/* ---- points ---- */

typedef struct points {
    csv_table table;
    const char *file; /* as messages show it */
    int N, n;
    ebim_real *x;     /* [N][n], embedded */
    ebim_real *weight; /* [N], or NULL */
    unsigned char *constant; /* [n] 1: the column never changes; NULL: not looked for */
    int varying;             /* how many do */
} points;

static void points_free(points *p)
{
    csv_free(&p->table);
    free(p->x);
    free(p->weight);
    free(p->constant);
    p->x = p->weight = NULL;
    p->constant = NULL;
}

/* What ebim_real can hold is not enough: squares of coordinates must not overflow, and squares of
 * distances a thousand times smaller than the data must not underflow. */
static double real_limit(void)
{
    return 1e-3 * sqrt(sizeof(ebim_real) == sizeof(float) ? (double)FLT_MAX : DBL_MAX);
}

/* The widest extent of a coordinate, and the largest coordinate, of points; varying: without those
 * that never change. */
static double widest_extent(const points *p, int varying, double *largest)
{
    double widest = 0;
    size_t n = (size_t)p->n, i;
    *largest = 0;
    for (i = 0; i < (size_t)p->N * n; i++) {
        widest = fmax(widest, fabs((double)p->x[i] - (double)p->x[i % n]));
        if (varying && p->constant[i % n]) continue;
        *largest = fmax(*largest, fabs((double)p->x[i]));
    }
    return widest;
}

/* Which columns never change, as ebim_real has them */
static int points_constant(points *p)
{
    size_t n = (size_t)p->n, i;
    p->constant = (unsigned char *)malloc(n);
    if (!p->constant) return complain_memory();
    memset(p->constant, 1, n);
    for (i = 0; i < (size_t)p->N * n; i++)
        if (p->x[i] < p->x[i % n] || p->x[i] > p->x[i % n]) p->constant[i % n] = 0;
    for (i = 0, p->varying = 0; i < n; i++) p->varying += !p->constant[i];
    return 0;
}

/* Does it help to leave out columns that never change? They must be those of the file. */
static int droppable(const points *p, const embed *e, int dim)
{
    return e->kind == EMBED_NONE && p->varying < p->n && p->varying > dim && p->varying > 1;
}

/* What becomes of columns that never change */
static void constant_note(const points *p, const embed *e, int dim)
{
    const csv_table *t = &p->table;
    int i, many = p->n - p->varying > 1;
    char which[200], list[200];
    size_t n = 0;
    if (e->kind != EMBED_NONE || p->varying == p->n) return;
    for (i = 0; i < p->n && n + 60 < sizeof which; i++)
        if (p->constant[i])
            n += (size_t)snprintf(which + n, sizeof which - n, "%s%d%s%.40s%s", n ? ", " : "",
                                  t->column[i], t->name ? " (" : "", t->name ? t->name[i] : "",
                                  t->name ? ")" : "");
    if (droppable(p, e, dim))
        complain(0, "%s: note: column%s %s never change%s: one more equation of F%s%s; --columns "
                 "%s leaves %s out", p->file, many ? "s" : "", which, many ? "" : "s",
                 many ? " each" : "",
                 p->varying == dim + 1 ? ", with which scores have no log density" : "",
                 csv_list(t, p->constant, list, sizeof list), many ? "them" : "it");
    else complain(0, "%s: note: column%s %s never change%s, which F says by an equation%s", p->file,
                  many ? "s" : "", which, many ? "" : "s", many ? " each" : "");
}

static int points_convert(points *p, const double *x)
{
    size_t n = (size_t)p->n, i;
    if (p->N > INT_MAX / p->n) return complain(BAD, "%s: too many numbers", p->file);
    p->x = (ebim_real *)malloc((size_t)p->N * n * sizeof *p->x);
    if (!p->x) return complain_memory();
    for (i = 0; i < (size_t)p->N * n; i++) {
        if (fabs(x[i]) > real_limit())
            return complain(BAD, "%s:%d: %g is too large: the limit is %.1g", p->file,
                            p->table.line[i / n], x[i], real_limit());
        p->x[i] = (ebim_real)x[i];
    }
    return 0;
}

static int points_weigh(points *p)
{
    const double *w = p->table.weight;
    int i;
    if (!w) return 0;
    p->weight = (ebim_real *)malloc((size_t)p->N * sizeof *p->weight);
    if (!p->weight) return complain_memory();
    for (i = 0; i < p->N; i++) {
        if (w[i] > real_limit())
            return complain(BAD, "%s:%d: weight %g is too large: the limit is %.1g", p->file,
                            p->table.line[i], w[i], real_limit());
        p->weight[i] = (ebim_real)w[i];
    }
    return 0;
}

/* How the data are to be read. m: the model they are for, or NULL. 0, or the exit status. */
static int read_options(const args *a, const ebim_model *m, const embed *e, csv_how *how)
{
    static const struct { const char *name; char c; } named[] = {
        {"tab", '\t'}, {"\\t", '\t'}, {"space", ' '}, {"comma", ','}, {"semicolon", ';'}};
    const char *header = a->text[O_HEADER], *d = a->text[O_DELIMITER];
    size_t i;
    memset(how, 0, sizeof *how);
    how->columns = a->text[O_COLUMNS];
    how->weights = a->text[O_WEIGHTS];
    how->names = m ? m->columns : NULL;
    how->skip_missing = a->text[O_SKIP_MISSING] != NULL;
    how->most = embed_columns(e) || !m ? embed_columns(e) : m->n;
    how->least = how->most ? how->most : a->number[O_DIM] > 1 ? (int)a->number[O_DIM] + 1
               : e->kind == EMBED_ANGLES ? 1 : 2;
    if (header && strcmp(header, "yes") && strcmp(header, "no"))
        return complain(BAD, "%s: --header '%.40s' should be yes or no", a->verb->name, header);
    if (header) how->header = *header == 'y' ? 1 : -1;
    for (i = 0; d && i < sizeof named / sizeof *named; i++)
        if (!strcmp(d, named[i].name)) how->delimiter = named[i].c;
    if (d && strlen(d) == 1 && !strchr("\"#+-.\n\r", *d) && !isalnum((unsigned char)*d))
        how->delimiter = *d;
    if (d && !how->delimiter)
        return complain(BAD, "%s: --delimiter '%.40s' should be one character that is in no number "
                        "or name, or tab or space", a->verb->name, d);
    return 0;
}

/* Does a column only number the rows? */
static int counts_rows(const csv_table *t, int column)
{
    size_t cols = (size_t)t->cols, i;
    const double *v = t->v + column;
    for (i = 1; i < (size_t)t->rows; i++)
        if (fabs(v[i * cols] - v[0] - (double)i) > 0) return 0;
    return t->rows > 9;
}

static void skipped_note(const points *p)
{
    const csv_table *t = &p->table;
    char lines[120];
    size_t n = 0;
    int i, shown = t->skipped < CSV_SKIPPED ? t->skipped : CSV_SKIPPED;
    for (i = 0; i < shown; i++)
        n += (size_t)snprintf(lines + n, sizeof lines - n, "%s%d", i ? ", " : "",
                              t->skipped_line[i]);
    complain(0, "%s: note: %d of %d rows left out, as a value is missing: line%s %s%s", p->file,
             t->skipped, t->skipped + t->rows, t->skipped > 1 ? "s" : "", lines,
             shown < t->skipped ? ", ..." : "");
}

/* The name that the second of two columns of one name goes by */
static const char *renamed(const csv_table *t)
{
    int i = 0;
    while (i + 1 < t->cols && t->column[i] != t->same[1]) i++;
    return t->name[i];
}

/* What was done to the table, or taken as it stands, that may surprise. */
static void points_notes(const points *p, const csv_how *how)
{
    const csv_table *t = &p->table;
    int i;
    if (t->digits && how->header > 0 && !how->names)
        complain(0, "%s: note: the names of the columns are numbers: leave out --header yes if "
                 "they are a row", p->file);
    if (t->same[0] && !how->names)
        complain(0, "%s: note: columns %d and %d have the same name: the second is taken for "
                 "'%.40s'", p->file, t->same[0], t->same[1], renamed(t));
    if (t->grouped)
        complain(0, "%s:%d: note: a number like 2,530 was read as 2.53: write it without the comma "
                 "if it means thousands", p->file, t->grouped);
    if (t->index && !how->columns)
        complain(0, "%s: note: column 1 has no name: taken for an index and left out", p->file);
    if (t->counting)
        complain(0, "%s:%d: note: 0, 1, ... was taken for a row; --header yes if it names the "
                 "columns", p->file, t->line[0]);
    for (i = 0; i < t->cols && !how->columns && !how->names; i++)
        if (counts_rows(t, i))
            complain(0, "%s: note: column %d%s%.40s%s only numbers the rows; --columns chooses "
                     "others", p->file, t->column[i], t->name ? " (" : "",
                     t->name ? t->name[i] : "", t->name ? ")" : "");
    if (t->skipped) skipped_note(p);
}

/* Reads and embeds a file; want: the dimension that a model expects of the points, or 0. */
static int points_read(points *p, const char *path, const csv_how *how, const embed *e, int want)
{
    char err[FILE_ERROR];
    double *x;
    int status = 0;
    memset(p, 0, sizeof *p);
    p->file = file_shown(path, "standard input");
    if (load_table(path, how, &p->table, err, sizeof err)) return complain_line(BAD, err);
    x = embed_table(e, path, &p->table, &p->n, err, sizeof err);
    p->N = p->table.rows;
    if (!x) status = complain_line(BAD, err);
    else if (want && p->n != want)
        status = complain(BAD, "%s:%d: %d column%s where the model takes %d%s", p->file,
                          p->table.line[0], p->n, p->n == 1 ? "" : "s", want,
                          p->n > want ? ": --columns chooses which" : "");
    else status = points_convert(p, x);
    free(x);
    if (!status) status = points_weigh(p);
    if (status) points_free(p);
    else points_notes(p, how);
    return status;
}

/* Points whose extents leave too few digits */
static int points_digits(const points *p, const embed *e, int dim)
{
    const double digits = 1e4 * (double)EBIM_EPS;
    char list[200];
    double largest, moving, widest = widest_extent(p, 0, &largest);
    if (widest < 1e3 / real_limit())
        return complain(BAD, "%s: the points lie within %.3g of each other, too close: give them "
                        "in another unit", p->file, widest);
    if (!(widest < digits * largest)) return 0;
    widest_extent(p, 1, &moving);
    if (droppable(p, e, dim) && !(widest < digits * moving))
        return complain(BAD, "%s: the points lie within %.3g of each other, and a column is always "
                        "%.3g, which leaves too few digits: --columns %s leaves it out", p->file,
                        widest, largest, csv_list(&p->table, p->constant, list, sizeof list));
    if (e->kind != EMBED_NONE)
        return complain(BAD, "%s: as --embed has the points, they lie within %.3g of each other "
                        "and up to %.3g from the origin, which leaves too few digits: leave "
                        "--embed out, and subtract an offset", p->file, widest, largest);
    return complain(BAD, "%s: the points lie within %.3g of each other and up to %.3g from the "
                    "origin, which leaves too few digits: subtract an offset", p->file, widest,
                    largest);
}

/* Can a manifold of this dimension be learned from these points? */
static int points_check(points *p, const embed *e, int dim)
{
    int32_t *index = (int32_t *)malloc((size_t)p->N * sizeof *index);
    const int *line = p->table.line;
    int row = 0, of = 0, repeats = 0;
    ebim_result r;
    if (!index) return complain_memory();
    r = ebim_check_data(p->N, p->n, p->x, index, &row, &of, &repeats);
    free(index);
    if (p->n < 2)
        return complain(BAD, "%s:%d: one column: points need at least two", p->file, line[0]);
    if (dim < 1 || dim >= p->n)
        return complain(BAD, "%s: --dim %d does not fit points of dimension %d: it must be from 1 "
                        "to %d", p->file, dim, p->n, p->n - 1);
    if (p->N > 1 && repeats == p->N - 1)
        return complain(BAD, "%s:%d: all %d points are the same", p->file, line[of], p->N);
    if (p->N - repeats <= p->n)
        return complain(BAD, "%s:%d: %d distinct point%s: at least %d are needed in dimension %d",
                        p->file, line[p->N - 1], p->N - repeats, p->N - repeats == 1 ? "" : "s",
                        p->n + 1, p->n);
    if (r) return complain(BAD, "%s: %s", p->file, ebim_result_str(r));
    if (points_constant(p)) return FAILED;
    if (points_digits(p, e, dim)) return BAD;
    constant_note(p, e, dim);
    if (repeats)
        complain(0, "%s: note: %d row%s an earlier one (first: line %d repeats line %d)", p->file,
                 repeats, repeats == 1 ? " repeats" : "s repeat", line[row], line[of]);
    return 0;
}

/* As a text has it: the compiler does not see it, and so does not take it for something else. */
static double not_a_number(void) { return strtod("nan", NULL); }

/* ---- names of columns, and tables written ---- */

typedef struct names {
    int count;
    const char **name; /* [count] */
    char *text;
} names;

static void names_free(names *s)
{
    free(s->name);
    free(s->text);
    memset(s, 0, sizeof *s);
}

/* Memory for names, which nothing goes on without: the wrong ones could stand in a file then. */
static void *name_room(size_t bytes)
{
    void *p = malloc(bytes);
    if (p) return p;
    file_remove_unfinished();
    exit(complain(FAILED, "out of memory"));
}

/* The lines of a text; count 0: there is none. */
static names names_of(const char *text)
{
    names s;
    char *p;
    size_t lines = 1;
    memset(&s, 0, sizeof s);
    if (!text) return s;
    s.text = (char *)name_room(strlen(text) + 1);
    for (p = strcpy(s.text, text); *p; p++) lines += *p == '\n';
    s.name = (const char **)name_room(lines * sizeof *s.name);
    for (p = s.text; p;) {
        char *end = strchr(p, '\n');
        s.name[s.count++] = p;
        if (end) *end++ = 0;
        p = end;
    }
    return s;
}

/* The names of a table's columns, one per line, to be freed; NULL: it has none. */
static char *names_joined(const csv_table *t)
{
    size_t n = 1;
    char *text;
    int i;
    for (i = 0; t->name && i < t->cols; i++) n += strlen(t->name[i]) + 1;
    text = t->name ? (char *)name_room(n) : NULL;
    for (i = 0, n = 0; text && i < t->cols; i++)
        n += (size_t)sprintf(text + n, "%s%s", i ? "\n" : "", t->name[i]);
    return text;
}

/* A table into a file, as NumPy's when that is its name. beside: the table whose carried columns
 * go with it, or NULL; before: in front of the numbers. */
static int table_write(const char *path, int rows, int cols, const char *const *name,
                       const double *v, const csv_table *beside, int before)
{
    int small = sizeof(ebim_real) == sizeof(float), bad;
    char err[FILE_ERROR];
    if (load_is(path, "npy")) {
        if (beside && beside->carried > (before ? beside->cols : 0))
            complain(0, "%s: note: without the other columns of the data, which .npy cannot hold",
                     path);
        bad = npy_write(path, rows, cols, v, small ? 4 : 8, err, sizeof err);
    } else {
        bad = csv_write_beside(path, rows, cols, name, v, small ? 9 : 17, beside, before, err,
                               sizeof err);
    }
    return bad ? complain_line(BAD, err) : FINE;
}

/* Points in the columns of fit (x0, x1, ... when they have no names); with an embedding x0, x1, ...
 * and then those. columns: the model's names, or NULL. */
static int points_write(const char *path, const char *columns, const embed *e, int N, int n,
                        const ebim_real *x, const unsigned char *ok, const csv_table *beside)
{
    int extra = embed_moves(e) ? embed_columns(e) : 0, cols = n + extra, i, c, status = FAILED;
    size_t width = (size_t)cols;
    names known = names_of(columns);
    char (*text)[16] = (char (*)[16])malloc(width * sizeof *text);
    const char **name = (const char **)malloc(width * sizeof *name);
    double *v = (double *)malloc((size_t)N * width * sizeof *v);
    if (text && name && v) {
        int own = known.count == (extra ? extra : n);
        for (c = 0; c < cols; c++) {
            snprintf(text[c], sizeof text[c], c < n ? "x%d" : "angle%d", c < n ? c : c - n);
            name[c] = c >= n && embed_name(e, c - n) ? embed_name(e, c - n) : text[c];
            if (own && (c >= n || !extra)) name[c] = known.name[extra ? c - n : c];
        }
        for (i = 0; i < N; i++) {
            double *row = v + (size_t)i * width;
            if (ok && !ok[i]) {
                for (c = 0; c < cols; c++) row[c] = not_a_number();
                continue;
            }
            for (c = 0; c < n; c++) row[c] = (double)x[(size_t)i * (size_t)n + (size_t)c];
            embed_settle(e, n, row);
            if (extra) embed_inverse(e, n, row, row + n);
        }
        status = table_write(path, N, cols, name, v, beside, 0);
    } else {
        complain_memory();
    }
    free(v);
    free(name);
    free(text);
    names_free(&known);
    return status;
}

/* ---- models ---- */

/* Gives a measured arena its memory; NULL when there is none. */
static void *arena_memory(ebim_arena *a)
{
    size_t bytes = ebim_arena_bytes(a);
    void *p = a->failed ? NULL : malloc(bytes + 1);
    ebim_arena_init(a, p, p ? bytes : 0);
    return p;
}

static ebim_result model_load(ebim_model *m, const void *data, size_t size)
{
    ebim_arena a;
    ebim_result r;
    void *memory;
    ebim_arena_init(&a, NULL, 0);
    r = ebim_load(m, &a, data, size);
    if (r) return r;
    memory = arena_memory(&a);
    if (!memory) return EBIM_ERR_MEMORY;
    r = ebim_load(m, &a, data, size);
    m->owned = memory; /* for ebim_free */
    if (r) ebim_free(m);
    return r;
}

/* What is no model, in words */
static int no_model(const args *a, const char *file, const unsigned char *data, size_t size)
{
    if (!size) return complain(BAD, "%s: the file is empty: a model was wanted", file);
    if (size > 4 && !memcmp(data, "EBIM", 4))
        return complain(BAD, "%s: the model is cut short or damaged: copy it or fit it anew", file);
    return complain(BAD, "%s: not an ebim model: ebim fit makes them%s", file, a->paths < 2 ? ""
                    : "; the model stands before the data");
}

/* A model file, the first of the arguments, and the embedding named in it. */
static int model_read(ebim_model *m, embed *e, const args *a)
{
    const char *path = a->path[0], *file = file_shown(path, "standard input");
    char err[FILE_ERROR], *c;
    size_t size;
    unsigned char *data = file_load(path, (size_t)64 << 20, &size, err, sizeof err);
    ebim_result r;
    memset(m, 0, sizeof *m);
    memset(e, 0, sizeof *e);
    if (!data) return complain_line(BAD, err);
    r = model_load(m, data, size);
    if (r == EBIM_ERR_FORMAT) no_model(a, file, data, size);
    free(data);
    if (r == EBIM_ERR_FORMAT) return BAD;
    if (r) return complain(r == EBIM_ERR_MEMORY ? FAILED : BAD, "%s: %s", file, ebim_result_str(r));
    for (c = m->columns; c && *c; c++) /* names from anywhere, for a terminal */
        if ((unsigned char)*c < 32 && *c != '\n') *c = ' ';
    if (!(*m->tag && embed_parse(e, m->tag, NULL, 0)) &&
        (e->kind == EMBED_NONE || m->n == embed_ambient(e)))
        return 0;
    complain(BAD, "%s: embedding '%s' is unknown here in dimension %d", file, m->tag, m->n);
    ebim_free(m);
    return BAD;
}

/* A model that does not trust itself says so when it is used. */
static void model_warn(const args *a, const ebim_model *m)
{
    const char *file = file_shown(a->path[0], "standard input");
    int v = m->judged.verdict;
    if (a->text[O_QUIET]) return;
    if (v & EBIM_VERDICT_BAD)
        complain(0, "%s: warning: the fit did not pass its check, do not trust it: %s", file,
                 ebim_verdict_str(v));
    else if (m->info.partial > 0)
        complain(0, "%s: warning: the fit was stopped before it was done", file);
}

static int model_write(const ebim_model *m, file_out *out)
{
    size_t size = ebim_save_bytes(m);
    unsigned char *data = (unsigned char *)malloc(size);
    char err[FILE_ERROR];
    ebim_result r = data ? ebim_save(m, data, size) : EBIM_ERR_MEMORY;
    if (!r) fwrite(data, 1, size, out->f); /* a failure shows at the commit */
    free(data);
    if (r) return complain_result(file_shown(out->path, "standard output"), r);
    return file_commit(out, err, sizeof err) ? complain_line(BAD, err) : FINE;
}

/* The library's default where none are asked for */
static void use_threads(ebim_parallel *p, const args *a)
{
    p->workers = (int)a->number[O_THREADS];
#ifndef EBIM_USE_OPENMP
    if (p->workers > 1)
        fprintf(stderr, "ebim: this build has one thread; more need -fopenmp and "
                        "-DEBIM_USE_OPENMP\n");
#endif
}

static ebim_result model_sample(const ebim_model *m, int B, ebim_real *x, int steps, uint64_t seed,
                                ebim_clmc_report *report)
{
    ebim_arena work;
    ebim_result r;
    void *memory;
    ebim_arena_init(&work, NULL, 0);
    r = ebim_model_sample(m, &work, B, x, steps, seed, report);
    if (r) return r;
    memory = arena_memory(&work);
    r = memory ? ebim_model_sample(m, &work, B, x, steps, seed, report) : EBIM_ERR_MEMORY;
    free(memory);
    return r;
}

typedef struct scores {
    ebim_real *nearest, *distance, *energy; /* [N][n], [N], [N] or NULL */
    unsigned char *ok;                      /* [N] 1: nearest is on the manifold */
    ebim_log_z z;                           /* where there is a density: points > 0 */
    int failed, first;                      /* how many are not, and the first of them */
} scores;

static void scores_free(scores *s)
{
    free(s->nearest);
    free(s->distance);
    free(s->energy);
    free(s->ok);
    memset(s, 0, sizeof *s);
}

static ebim_result scores_run(scores *s, const ebim_model *m, int N, const ebim_real *x)
{
    ebim_arena work;
    ebim_result r;
    void *memory;
    ebim_arena_init(&work, NULL, 0);
    r = ebim_model_score(m, &work, N, x, s->nearest, s->distance, s->energy, s->ok);
    if (r) return r;
    memory = arena_memory(&work);
    r = memory ? ebim_model_score(m, &work, N, x, s->nearest, s->distance, s->energy, s->ok)
               : EBIM_ERR_MEMORY;
    free(memory);
    return r;
}

/* The normaliser, where it can be had */
static ebim_result scores_normalise(scores *s, const ebim_model *m)
{
    ebim_arena work;
    ebim_result r;
    void *memory;
    ebim_arena_init(&work, NULL, 0);
    s->z = m->z;
    if (!m->has_energy) s->z.points = 0; /* whatever a file says */
    if (s->z.points > 0) return EBIM_OK;
    r = m->has_energy ? ebim_model_log_z(m, &work, 0, 0, &s->z) : EBIM_ERR_SHAPE;
    if (r == EBIM_ERR_SHAPE || r == EBIM_ERR_SOLVE) return EBIM_OK;
    if (r) return r;
    memory = arena_memory(&work);
    r = memory ? ebim_model_log_z(m, &work, 0, 0, &s->z) : EBIM_ERR_MEMORY;
    free(memory);
    return r == EBIM_ERR_SOLVE ? EBIM_OK : r; /* an empty manifold has none */
}

static int scores_make(scores *s, const ebim_model *m, const char *file, int N, const ebim_real *x)
{
    size_t rows = (size_t)N, n = (size_t)m->n;
    ebim_result r = EBIM_ERR_MEMORY;
    int i;
    memset(s, 0, sizeof *s);
    s->nearest = (ebim_real *)malloc(rows * n * sizeof *s->nearest);
    s->distance = (ebim_real *)malloc(rows * sizeof *s->distance);
    s->ok = (unsigned char *)malloc(rows);
    if (m->has_energy) s->energy = (ebim_real *)malloc(rows * sizeof *s->energy);
    if (s->nearest && s->distance && s->ok && (s->energy || !m->has_energy))
        r = scores_run(s, m, N, x);
    for (i = N - 1; i >= 0 && !r; i--) {
        if (s->ok[i]) continue;
        s->failed++;
        s->first = i;
    }
    if (!r && s->failed < N) return 0;
    scores_free(s);
    if (r) return complain_result(file, r);
    return complain(FAILED, "%s: from none of %d row%s F led to a point of the manifold: are the "
                    "columns and their units those of the fit?", file, N, N == 1 ? "" : "s");
}

/* Model and points of `score` and `project`, and their scores. 0, or the exit status. */
static int scores_read(const args *a, ebim_model *m, embed *e, points *p, scores *s)
{
    csv_how how;
    int status = model_read(m, e, a);
    if (status) return status;
    use_threads(&m->parallel, a);
    status = read_options(a, m, e, &how);
    how.carry = a->text[O_BESIDE] ? 2 : 1;
    if (!status) status = points_read(p, a->path[1], &how, e, m->n);
    if (!status) {
        model_warn(a, m);
        status = scores_make(s, m, p->file, p->N, p->x);
        if (status) points_free(p);
        else if (s->failed)
            complain(0, "%s: note: %d of %d rows %s nan (first: line %d): F led from there to no "
                     "point of the manifold, as may be beyond an end of it or far from the data",
                     p->file, s->failed, p->N,
                     s->failed == 1 ? "is" : "are", p->table.line[s->first]);
    }
    if (status) ebim_free(m);
    return status;
}

/* ---- a fit that is watched ---- */

static volatile sig_atomic_t caught; /* the signal that asked us to stop */
static volatile sig_atomic_t watched; /* 1: a fit is, which then ends by itself */

/* A fit ends at the first Ctrl-C. The second one, and that of all other work, ends the program as
 * usual, but no file that was begun stays behind. */
static void on_signal(int number)
{
    if (watched && !caught) {
        caught = number;
        signal(number, on_signal); /* where it serves once */
        return;
    }
    file_remove_unfinished();
    signal(number, SIG_DFL);
    raise(number);
}

/* A signal that whoever started us wants ignored (nohup, a job in the background) stays so. */
static void catch_signal(int number)
{
    if (signal(number, on_signal) == SIG_IGN) signal(number, SIG_IGN);
}

static void catch_signals(void)
{
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
#ifdef SIGHUP
    catch_signal(SIGHUP);
#endif
#ifdef SIGPIPE
    catch_signal(SIGPIPE);
#endif
}

static double now(void)
{
#ifdef CLOCK_MONOTONIC
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#else
    return (double)time(NULL);
#endif
}

static int is_terminal(void)
{
#if defined(__unix__) || defined(__APPLE__)
    return isatty(2);
#else
    return 0;
#endif
}

typedef struct watch {
    double start, limit;  /* limit: seconds, 0 none */
    double shown;         /* when the last line was */
    int terminal, lines;  /* rewrite one line, or print lines */
} watch;

static void watch_start(watch *w, const args *a)
{
    memset(w, 0, sizeof *w);
    w->start = now();
    w->limit = a->number[O_MAX_SECONDS];
    w->terminal = is_terminal();
    w->lines = !w->terminal && a->text[O_VERBOSE];
    watched = 1;
}

static void watch_end(const watch *w)
{
    if (w->terminal) fprintf(stderr, "\r%60s\r", "");
    watched = 0;
}

static int watch_progress(void *user, const ebim_progress *p)
{
    static const char *const stage[] = {"manifold", "energy", "check", ""};
    watch *w = (watch *)user;
    double t = now(), left = p->done > 0 ? (t - w->start) * (1 - p->done) / p->done : 0;
    if ((w->terminal || w->lines) && t - w->shown > (w->terminal ? 0.1 : 1)) {
        w->shown = t;
        fprintf(stderr, "%s%-8s %3.0f %%  loss %-10.4g left %d:%02d%s", w->terminal ? "\r" : "",
                stage[p->stage], 100 * p->done, p->loss, (int)(left / 60), (int)fmod(left, 60),
                w->terminal ? "   " : "\n");
        fflush(stderr);
    }
    return caught || (w->limit > 0 && t - w->start > w->limit);
}

static ebim_result fit_run(ebim_model *m, int N, int n, const ebim_real *x, const ebim_fit_desc *d)
{
    ebim_arena keep, work;
    ebim_result r;
    void *model, *scratch = NULL;
    ebim_arena_init(&keep, NULL, 0);
    ebim_arena_init(&work, NULL, 0);
    r = ebim_fit_run(m, &keep, &work, N, n, NULL, d);
    if (r) return r;
    model = arena_memory(&keep);
    if (model) scratch = arena_memory(&work);
    r = scratch ? ebim_fit_run(m, &keep, &work, N, n, x, d) : EBIM_ERR_MEMORY;
    free(scratch);
    m->owned = model;
    return r;
}

/* Anything but EBIM_OK, ERR_DIVERGED and ERR_SOLVE (no data point finds the manifold) leaves no
 * model. */
static ebim_result fit_watched(ebim_model *m, const args *a, int N, int n, const ebim_real *x,
                               ebim_fit_desc *d)
{
    watch w;
    ebim_result r;
    memset(m, 0, sizeof *m);
    d->seed = (uint64_t)a->number[O_SEED];
    d->effort = a->number[O_EFFORT];
    use_threads(&d->parallel, a);
    d->progress = watch_progress;
    d->user = &w;
    watch_start(&w, a);
    r = fit_run(m, N, n, x, d);
    watch_end(&w);
    m->info.seconds = now() - w.start;
    if (r && r != EBIM_ERR_DIVERGED && r != EBIM_ERR_SOLVE) ebim_free(m);
    return r;
}

static int fit_status(const ebim_model *m, ebim_result r)
{
    int bad = r || (m->judged.verdict & EBIM_VERDICT_BAD);
    return caught ? 128 + (int)caught : m->info.partial > 0 && !r ? PARTIAL : bad ? FAILED : FINE;
}

static int surface_measure(const ebim_model *m, int grid, mesh_shape *shape);

/* Whether M is where one function changes its sign: a displacement field has no sign. */
static int is_traced(const ebim_model *m) { return m->k == 1 && !m->F.field.codim; }

/* Where there is a mesh, its size and pieces are better known than those from random lines. */
static void fit_measure(ebim_model *m)
{
    mesh_shape shape;
    if (!is_traced(m) || m->n > 3 || !(m->judged.points > 0) || caught) return;
    if (surface_measure(m, m->n == 3 ? 64 : 256, &shape)) return;
    m->judged.volume = shape.size;
    m->judged.volume_se = 1e-3 * shape.size; /* what cells leave of the curvature is less */
    m->judged.components = shape.pieces;
}

static void columns_json(json *j, const ebim_model *m)
{
    names known = names_of(m->columns);
    json_texts(j, "columns", known.count, known.name);
    names_free(&known);
}

/* ---- fit ---- */

/* What --on takes, and what of it the library knows; columns 0: any number */
static const struct {
    const char *name;
    ebim_on on;
    int columns;
    const char *what; /* it takes */
} known_manifold[] = {
    {"circle", EBIM_ON_SPHERE, 2, "two columns, and rows of length 1: divide each by its length"},
    {"sphere", EBIM_ON_SPHERE, 0, "rows of length 1: divide each by its length"},
    {"torus", EBIM_ON_TORUS, 0, "pairs of columns, each of length 1, as cosine and sine: "
     "--embed angles makes them from angles"},
    {"quaternions", EBIM_ON_AXES, 4, "four columns, and rows of length 1: divide each by its "
     "length"},
    {"axes", EBIM_ON_AXES, 0, "rows of length 1, and up to 32 columns: divide each by its length"},
    {"rotations", EBIM_ON_ROTATIONS, 9, "nine columns, a matrix R with RR' = I and det R = 1, no "
     "reflection"},
    {"simplex", EBIM_ON_SIMPLEX, 0, "rows that sum to 1, none below 0: divide each by its sum"}
};

enum { KNOWN_MANIFOLDS = (int)(sizeof known_manifold / sizeof *known_manifold) };

/* --on, or what the embedding stands for -> *which, an index above; -1: none. 0, or the status. */
static int on_option(const args *a, const embed *e, int *which)
{
    static const char *const of[] = {NULL, NULL, NULL, "torus", "quaternions", "rotations"};
    const char *text = a->text[O_ON] ? a->text[O_ON] : of[e->kind];
    size_t length = text ? strcspn(text, ":") : 0;
    int i, pairs = 0;
    *which = -1;
    if (!text || !strcmp(text, "learn")) return 0;
    for (i = 0; i < KNOWN_MANIFOLDS; i++)
        if (strlen(known_manifold[i].name) == length &&
            !strncmp(text, known_manifold[i].name, length)) *which = i;
    if (*which >= 0 && text[length] &&
        (known_manifold[*which].on != EBIM_ON_TORUS || sscanf(text + length, ":%4d", &pairs) != 1 ||
         strspn(text + length + 1, "0123456789") != strlen(text + length + 1) || pairs < 1))
        *which = -1;
    if (*which < 0)
        return complain(BAD, "fit: --on '%.40s' is not one of circle, sphere, torus:K, axes, "
                        "quaternions, rotations, simplex, learn", text);
    if (a->text[O_RECIPE] && !strcmp(a->text[O_RECIPE], "paper"))
        return complain(BAD, "fit: --recipe paper learns the manifold, and --on %s has no use for "
                        "that%s", text, a->text[O_ON] ? "" : ": --on learn learns it");
    return 0;
}

/* The dimension of a known manifold in R^n */
static int on_dim(ebim_on on, int n)
{
    return on == EBIM_ON_TORUS ? n / 2 : on == EBIM_ON_ROTATIONS ? 3 : n - 1;
}

/* Are the points those of the manifold that they are said to be on? */
static int on_check(const args *a, const points *p, int which, ebim_fit_desc *d)
{
    const char *text = a->text[O_ON] ? a->text[O_ON] : known_manifold[which].name;
    const char *what = known_manifold[which].what, *pairs = strchr(text, ':');
    int row = 0, columns = pairs ? 2 * atoi(pairs + 1) : known_manifold[which].columns;
    double away = 0;
    ebim_result r;
    d->on = known_manifold[which].on;
    r = ebim_check_on(d->on, p->N, p->n, p->x, &row, &away);
    if (r == EBIM_ERR_ON || (columns && columns != p->n))
        return complain(BAD, "%s:%d: %d columns: --on %s takes %s", p->file, p->table.line[0], p->n,
                        text, what);
    if (r == EBIM_ERR_OFF)
        return complain(BAD, "%s:%d: the row is %.2g away: --on %s takes %s", p->file,
                        p->table.line[row], away, text, what);
    if (d->dim && d->dim != on_dim(d->on, p->n))
        return complain(BAD, "fit: --dim %d, but --on %s has dimension %d here", d->dim, text,
                        on_dim(d->on, p->n));
    d->dim = on_dim(d->on, p->n);
    return 0;
}

/* A known manifold that all points lie on: an index above, or -1 */
static int looks_like(const points *p)
{
    static const ebim_on tried[] = {EBIM_ON_ROTATIONS, EBIM_ON_SPHERE, EBIM_ON_TORUS,
                                    EBIM_ON_SIMPLEX};
    size_t t;
    int i;
    for (t = 0; t < sizeof tried / sizeof *tried; t++) {
        if (ebim_check_on(tried[t], p->N, p->n, p->x, NULL, NULL)) continue;
        for (i = 0; i < KNOWN_MANIFOLDS; i++)
            if (known_manifold[i].on == tried[t] &&
                (!known_manifold[i].columns || known_manifold[i].columns == p->n)) return i;
    }
    return -1;
}

static int fit_options(const args *a, embed *e, ebim_fit_desc *d, int *which)
{
    const char *recipe = a->text[O_RECIPE] ? a->text[O_RECIPE] : "default";
    char err[FILE_ERROR];
    memset(d, 0, sizeof *d);
    if (embed_parse(e, a->text[O_EMBED] ? a->text[O_EMBED] : "none", err, sizeof err))
        return complain_line(BAD, err);
    if (!strcmp(recipe, "paper")) d->recipe = EBIM_RECIPE_PAPER;
    else if (strcmp(recipe, "default"))
        return complain(BAD, "fit: --recipe '%.40s' is not one of default, paper", recipe);
    e->degrees = a->text[O_DEGREES] != NULL;
    if (e->degrees && e->kind != EMBED_ANGLES)
        return complain(BAD, "fit: --degrees is for --embed angles%s", e->kind == EMBED_LATLON
                        ? ": latlon takes degrees anyway" : "");
    if (on_option(a, e, which)) return BAD;
    d->dim = a->text[O_DIM] ? (int)a->number[O_DIM] : *which >= 0 ? 0 : embed_dim(e);
    if (!a->text[O_DIM] && !d->dim && *which < 0 && e->kind != EMBED_ANGLES)
        return complain(BAD, "fit: --dim M is missing: 1 if the points lie on curves, 2 on "
                        "surfaces, ...");
    return 0;
}

static void note_degrees(const embed *e, const points *p)
{
    int radians = e->kind == EMBED_TORUS || (e->kind == EMBED_ANGLES && !e->degrees), i;
    for (i = 0; radians && i < p->table.cols * p->N; i++) {
        if (fabs(p->table.v[i]) <= 6.2832) continue;
        complain(0, "%s:%d: note: %s takes radians; is %g in degrees?%s", p->file,
                 p->table.line[i / p->table.cols], e->kind == EMBED_TORUS ? "torus" : "angles",
                 p->table.v[i], e->kind == EMBED_TORUS ? "" : " Then --degrees");
        return;
    }
}

/* Shares that are 0 in many rows: what lies on the simplex's faces has no density by volume. */
static void note_faces(const ebim_fit_desc *d, const points *p)
{
    const csv_table *t = &p->table;
    int i, c, zeros, most = 0, at = 0, more = -1;
    char others[60] = "";
    for (c = 0; c < t->cols && d->on == EBIM_ON_SIMPLEX; c++) {
        for (zeros = i = 0; i < p->N; i++) zeros += fabs(t->v[i * t->cols + c]) <= 0;
        more += zeros >= 0.1 * p->N;
        if (zeros > most) most = zeros, at = c;
    }
    if (more < 0) return;
    if (more) snprintf(others, sizeof others, ", and %d more in a tenth of them", more);
    complain(0, "%s: note: column %d%s%.40s%s is 0 in %.0f %% of the rows%s: samples will not be 0 "
             "but near it, for a density by volume knows no faces", p->file, t->column[at],
             t->name ? " (" : "", t->name ? t->name[at] : "", t->name ? ")" : "",
             100.0 * most / p->N, others);
}

/* Whether a column rises and never falls, or the other way round; a constant one does neither */
static int is_sorted(const csv_table *t)
{
    int c, i, up, down;
    for (c = 0; c < t->cols; c++) {
        for (up = down = 0, i = 1; i < t->rows; i++) {
            double step = t->v[i * t->cols + c] - t->v[(i - 1) * t->cols + c];
            up += step > 0;
            down += step < 0;
        }
        if (!up != !down) return 1;
    }
    return 0;
}

/* How many of `count` rows are within `reach` of the next one, or of another; *sum: of distances */
static int rows_close(const points *p, int count, int next, double reach, double *sum)
{
    int close = 0, k;
    for (*sum = k = 0; k < count; k++) {
        int i = (int)((double)k * (p->N - 1) / count), j = next ? i + 1 : (i + p->N / 2 + k) % p->N;
        double d = sqrt(ebim__square_distance(p->n, p->x + (size_t)i * (size_t)p->n,
                                              p->x + (size_t)j * (size_t)p->n));
        *sum += d;
        close += d < reach;
    }
    return close;
}

/* Rows along a path through time are no independent draws. A sorted file is known by its column. */
static void note_path(const points *p)
{
    enum { FEWEST = 100, MOST = 4000 };
    int count = p->N - 1 < MOST ? p->N - 1 : MOST, close;
    double sum, reach;
    if (p->N < FEWEST || is_sorted(&p->table)) return;
    rows_close(p, count, 0, 0, &sum);
    reach = 0.25 * sum / count;
    close = rows_close(p, count, 1, reach, &sum);
    if (close < 0.9 * count || rows_close(p, count, 0, reach, &sum) > 0.5 * count) return;
    complain(0, "%s: note: %.0f %% of the rows are close to the next one. If they are a path "
             "through time, they are no independent draws: the density will be too narrow, and its "
             "held-out likelihood too good; rows so far apart that they forget each other are "
             "better. Rows of a grid, or in any order of their own, do no harm", p->file,
             100.0 * close / count);
}

/* What the points look like, if nobody said it, for the report: a name of --on, or NULL */
static const char *note_looks(const ebim_fit_desc *d, const points *p)
{
    int which = d->on == EBIM_ON_LEARNED ? looks_like(p) : -1;
    const char *name = which < 0 ? NULL : known_manifold[which].name;
    if (!name) return NULL;
    if (d->recipe == EBIM_RECIPE_DEFAULT &&
        (!d->dim || d->dim == on_dim(known_manifold[which].on, p->n)))
        complain(0, "%s: note: all rows lie on a known manifold: --on %s takes it as it is, all of "
                 "it, and learns the density alone%s", p->file, name,
                 known_manifold[which].on == EBIM_ON_SPHERE
                     ? " (--on axes if x and -x are the same)" : "");
    return name;
}

static void fit_report(const args *a, const ebim_model *m, const int *line, const char *looks,
                       const char *word)
{
    json j;
    if (!a->text[O_JSON]) {
        report_text(report_stream(a), m, word, line);
        return;
    }
    j = json_begin(report_stream(a));
    columns_json(&j, m);
    if (looks) json_text(&j, "looks_like", looks);
    report_json(&j, m, word);
    json_end(&j);
}

/* t: the table that was fitted, whose names the model keeps */
static int fit_save(const args *a, ebim_model *m, const embed *e, const csv_table *t,
                    const char *looks, ebim_result r, file_out *out)
{
    const char *file = file_shown(out->path, "standard output");
    int status, v = m->judged.verdict;
    embed_text(e, m->tag, sizeof m->tag);
    m->columns = names_joined(t);
    status = model_write(m, out);
    if (!status) fit_report(a, m, t->line, looks, report_word(m, r));
    free(m->columns);
    m->columns = NULL;
    if (status) return status;
    if (caught) complain(0, "%s: interrupted: the best state so far was saved", file);
    else if (r) complain(0, "%s: %s", file, ebim_result_str(r));
    else if (m->info.partial > 0)
        complain(0, "%s: stopped before it was done: %s", file,
                 m->has_energy ? "the best state so far was saved" : "it has no energy");
    else if (v & EBIM_VERDICT_BAD)
        complain(0, "%s: do not trust it: %s", file, ebim_verdict_str(v));
    return fit_status(m, r);
}

/* Networks of --width, in the form of the recipe's own */
typedef struct slim {
    ebim_graph F, E;
    void *memory;
} slim;

static ebim_result slim_make(slim *s, ebim_arena *a, const args *given, int n, ebim_fit_desc *d)
{
    ebim_mlp_desc net;
    ebim_result r = EBIM_OK;
    memset(&net, 0, sizeof net);
    net.in = n;
    net.width = (int)given->number[O_WIDTH];
    net.in_scale = net.lift = 4;
    net.out = n - d->dim;
    if (d->on == EBIM_ON_LEARNED) r = ebim_mlp(&s->F, a, &net, 0);
    if (d->on == EBIM_ON_LEARNED) d->F = &s->F;
    net.in_scale = 3;
    net.lift = 0;
    net.out = 1;
    net.ceiling = 4;
    if (!r) r = ebim_mlp(&s->E, a, &net, 0);
    d->E = &s->E;
    return r;
}

static int slim_networks(slim *s, const args *a, const points *p, ebim_fit_desc *d)
{
    ebim_arena arena;
    ebim_result r;
    memset(s, 0, sizeof *s);
    if (!a->text[O_WIDTH]) return 0;
    ebim_arena_init(&arena, NULL, 0);
    r = slim_make(s, &arena, a, p->n, d);
    if (r) return complain_result(p->file, r);
    s->memory = arena_memory(&arena);
    if (!s->memory) return complain_memory();
    r = slim_make(s, &arena, a, p->n, d);
    return r ? complain_result(p->file, r) : 0;
}

static int verb_fit(const args *a)
{
    static slim nets;
    ebim_fit_desc d;
    ebim_model m;
    ebim_result r;
    embed e;
    points p;
    file_out out;
    csv_how how;
    char err[FILE_ERROR];
    const char *looks = NULL;
    int which = -1, status = fit_options(a, &e, &d, &which);
    if (!status) status = read_options(a, NULL, &e, &how);
    if (status) return status;
    status = points_read(&p, a->path[0], &how, &e, 0);
    if (status) return status;
    d.weights = p.weight;
    if (e.kind == EMBED_ANGLES) e.angles = p.table.cols;
    if (which >= 0) status = on_check(a, &p, which, &d);
    else if (!d.dim) d.dim = embed_dim(&e);
    if (!status) status = points_check(&p, &e, d.dim);
    if (!status) status = slim_networks(&nets, a, &p, &d);
    if (!status) note_degrees(&e, &p);
    if (!status) note_faces(&d, &p);
    if (!status) note_path(&p);
    if (!status) looks = note_looks(&d, &p);
    if (!status && file_create(&out, output(a), err, sizeof err)) status = complain_line(BAD, err);
    if (!status) {
        r = fit_watched(&m, a, p.N, p.n, p.x, &d);
        if (m.owned) fit_measure(&m);
        if (m.owned) status = fit_save(a, &m, &e, &p.table, looks, r, &out);
        else status = complain_result(p.file, r);
        file_discard(&out);
        ebim_free(&m);
    }
    free(nets.memory);
    points_free(&p);
    return status;
}

/* ---- sample, score, project ---- */

static void sample_report(const args *a, const ebim_model *m, int B, double seconds,
                          const ebim_clmc_report *rep)
{
    double steps = rep->steps > 0 ? (double)rep->steps : 1;
    double moved = (double)rep->moved / steps, unsolved = (double)rep->unsolved / steps;
    double outside = (double)rep->outside / steps, singular = (double)rep->singular / steps;
    double rejected = (double)rep->rejected / steps, astray = (double)rep->astray / steps;
    FILE *f = report_stream(a);
    if (a->text[O_JSON]) {
        json j = json_begin(f);
        json_number(&j, "samples", B);
        json_number(&j, "seed", a->number[O_SEED]);
        json_number(&j, "energy", m->has_energy);
        json_number(&j, "by_projection", ebim_model_by_projection(m));
        json_number(&j, "moved", moved);
        json_number(&j, "rejected", rejected);
        json_number(&j, "astray", astray);
        json_number(&j, "unsolved", unsolved);
        json_number(&j, "outside", outside);
        json_number(&j, "singular", singular);
        json_number(&j, "starts", rep->starts);
        json_number(&j, "draws", rep->draws);
        json_number(&j, "ess", rep->ess);
        json_number(&j, "rhat", rep->rhat);
        json_number(&j, "seconds", seconds);
        json_end(&j);
    } else if (ebim_model_by_projection(m)) {
        fprintf(f, "%d samples, %.1f s, by projection chains: points of the manifold near the law "
                "of the data, not draws of exp(-E), as nothing measures the manifold\n",
                B, seconds);
    } else if (f == stdout || moved < 0.5) {
        fprintf(f, "%d samples, %.1f s; of their moves %.2f %% were accepted, %.2f %% rejected; "
                "%.2f %% had no way back, %.2f %% found no root, %.2f %% left the box, %.2f %% "
                "were singular\n", B, seconds, 100 * moved, 100 * rejected, 100 * astray,
                100 * unsolved, 100 * outside, 100 * singular);
    }
    if (rep->steps > 0 && moved < 0.1)
        complain(0, "note: only %.2f %% of the moves of chains were accepted, so samples are where "
                 "chains started, some twice, and only near their law: the manifold is rough "
                 "there; more points, more --effort of the fit, or another --dim", 100 * moved);
    if (rep->steps > 0 && B > 20 && rep->starts < 0.1 * (B < 1000 ? B : 1000))
        complain(0, "note: chains started from points worth %.0f independent ones: samples may "
                 "crowd in a few places; more --steps spread them", ceil(rep->starts));
}

static int verb_sample(const args *a)
{
    int B = (int)a->number[O_N], steps = (int)a->number[O_STEPS], status;
    double start = now();
    ebim_clmc_report report;
    ebim_real *x;
    ebim_result r = EBIM_ERR_MEMORY;
    ebim_model m;
    embed e;
    status = model_read(&m, &e, a);
    if (status) return status;
    model_warn(a, &m);
    use_threads(&m.parallel, a);
    x = (ebim_real *)malloc((size_t)B * (size_t)m.n * sizeof *x);
    if (x) r = model_sample(&m, B, x, steps, (uint64_t)a->number[O_SEED], &report);
    if (r) status = complain_result(file_shown(a->path[0], "standard input"), r);
    else status = points_write(output(a), m.columns, &e, B, m.n, x, NULL, NULL);
    if (!status) sample_report(a, &m, B, now() - start, &report);
    free(x);
    ebim_free(&m);
    return status;
}

/* distance, energy where the model has one, and the log density where that can be normalised:
 * `cols` of them. front: a table whose numbers come first in each row, or NULL. */
static double *scores_table(const scores *s, int N, int cols, const csv_table *front)
{
    size_t before = front ? (size_t)front->cols : 0;
    double *v = (double *)malloc((size_t)N * ((size_t)cols + before) * sizeof *v), *at = v;
    int i, c;
    for (i = 0; v && i < N; i++) {
        if (front) memcpy(at, front->v + (size_t)i * before, before * sizeof *at);
        at += before;
        if (!s->ok[i]) {
            for (c = 0; c < cols; c++) *at++ = not_a_number();
            continue;
        }
        *at++ = (double)s->distance[i];
        if (s->energy) *at++ = (double)s->energy[i];
        if (cols < 4) continue;
        *at++ = -(double)s->energy[i] - s->z.log_z;
        *at++ = s->z.se;
    }
    return v;
}

/* data: what was scored, whose other columns go with the scores, or NULL; append: all its columns
 * stand before them. */
static int scores_write(const char *path, int N, const scores *s, const csv_table *data, int append)
{
    static const char *const name[] = {"distance", "energy", "log_density", "log_density_se"};
    const csv_table *front = append && load_is(path, "npy") ? data : NULL; /* as numbers */
    int cols = s->z.points > 0 ? 4 : s->energy ? 2 : 1, status;
    double *v = scores_table(s, N, cols, front);
    if (front) cols += front->cols;
    status = v ? table_write(path, N, cols, name, v, data, append) : complain_memory();
    free(v);
    return status;
}

static int verb_score(const args *a)
{
    ebim_model m;
    embed e;
    points p;
    scores s;
    int status = scores_read(a, &m, &e, &p, &s);
    ebim_result r;
    if (status) return status;
    r = scores_normalise(&s, &m);
    status = r ? complain_result(file_shown(a->path[0], "standard input"), r)
               : scores_write(output(a), p.N, &s, &p.table, a->text[O_BESIDE] != NULL);
    scores_free(&s);
    points_free(&p);
    ebim_free(&m);
    return status;
}

static int verb_project(const args *a)
{
    ebim_model m;
    embed e;
    points p;
    scores s;
    int status = scores_read(a, &m, &e, &p, &s);
    if (status) return status;
    status = points_write(output(a), m.columns, &e, p.N, p.n, s.nearest, s.ok, &p.table);
    scores_free(&s);
    points_free(&p);
    ebim_free(&m);
    return status;
}

/* ---- plot ---- */

enum { PLOT_LANES = 64, PLOT_BATCH = FIGURE__BATCH };

/* A model as figure.h asks for it: evaluated on doubles. */
typedef struct plotted {
    const ebim_model *m;
    ebim_ws F, E;
    ebim_real *x, *y; /* one batch */
    double *lo, *hi;  /* [n] the box in the coordinates of the data */
    int behind;       /* 1: points are behind the model's linear map */
} plotted;

/* x = inverse w */
static void model_to_data(const ebim_model *m, const double *w, double *x)
{
    int i, j;
    for (i = 0; i < m->n; i++)
        for (x[i] = 0, j = 0; j < m->n; j++) x[i] += m->inverse[i * m->n + j] * w[j];
}

/* Whether a point of the data's coordinates is in the model's box, which lies behind the map */
static int model_has(const ebim_model *m, const double *x)
{
    int i, j;
    for (i = 0; i < m->n; i++) {
        double w = 0;
        for (j = 0; j < m->n; j++) w += m->linear[i * m->n + j] * x[j];
        if (w < m->lo[i] || w > m->hi[i]) return 0;
    }
    return 1;
}

/* F and E in front of the map; no F outside the box, whose walls are slanted there */
static void plotted_in_front(plotted *p, int B, const double *x, double *F, double *E)
{
    const ebim_model *m = p->m;
    size_t n = (size_t)m->n, k = (size_t)m->k, i, c;
    int bad = ebim_gradients(m, B, p->x, F ? p->y : NULL, NULL, NULL, NULL) != EBIM_OK;
    for (i = 0; i < (size_t)B && F; i++)
        for (c = 0; c < k; c++)
            F[i * k + c] = bad || !model_has(m, x + i * n) ? not_a_number()
                                                           : (double)p->y[i * k + c];
    if (E) bad = ebim_gradients(m, B, p->x, NULL, NULL, p->y, NULL) != EBIM_OK;
    for (i = 0; i < (size_t)B && E; i++) E[i] = bad ? not_a_number() : (double)p->y[i];
}

static void plotted_eval(void *user, int B, const double *x, double *F, double *E)
{
    plotted *p = (plotted *)user;
    size_t n = (size_t)B * (size_t)p->m->n, i;
    for (i = 0; i < n; i++) p->x[i] = (ebim_real)x[i];
    if (p->m->linear && !p->behind) {
        plotted_in_front(p, B, x, F, E);
        return;
    }
    if (F && is_traced(p->m)) {
        ebim_eval(&p->F, B, p->x, p->y);
        for (i = 0; i < (size_t)B * (size_t)p->m->k; i++) F[i] = (double)p->y[i];
    }
    if (E) {
        ebim_eval(&p->E, B, p->x, p->y);
        for (i = 0; i < (size_t)B; i++) E[i] = (double)p->y[i];
    }
}

static ebim_result plotted_init(plotted *p, ebim_arena *a, const ebim_model *m)
{
    size_t batch = PLOT_BATCH;
    ebim_result r = ebim_ws_init(&p->F, a, &m->F, PLOT_LANES, 0);
    if (!r && m->has_energy) r = ebim_ws_init(&p->E, a, &m->E, PLOT_LANES, 0);
    p->m = m;
    p->x = (ebim_real *)ebim_arena_push(a, batch * (size_t)m->n, sizeof *p->x);
    p->y = (ebim_real *)ebim_arena_push(a, batch * (size_t)m->k, sizeof *p->y);
    p->lo = (double *)ebim_arena_push(a, (size_t)m->n, sizeof *p->lo);
    p->hi = (double *)ebim_arena_push(a, (size_t)m->n, sizeof *p->hi);
    p->behind = 0;
    if (p->lo && p->hi) ebim_model_box(m, p->lo, p->hi);
    return r ? r : a->failed;
}

static double *to_doubles(int count, const ebim_real *x)
{
    double *v = (double *)malloc(((size_t)count + 1) * sizeof *v);
    int i;
    for (i = 0; v && i < count; i++) v[i] = (double)x[i];
    return v;
}

/* A model for figure.h. *memory is to be freed afterwards; -1: there is none. */
static int plotted_open(figure_model *f, plotted *p, const ebim_model *m, void **memory)
{
    ebim_arena a;
    *memory = NULL;
    ebim_arena_init(&a, NULL, 0);
    if (!plotted_init(p, &a, m)) *memory = arena_memory(&a);
    if (!*memory || plotted_init(p, &a, m)) return -1;
    memset(f, 0, sizeof *f);
    f->n = m->n;
    f->k = is_traced(m) || m->k > 1 ? m->k : 0;
    f->lo = p->lo;
    f->hi = p->hi;
    f->eval = plotted_eval;
    f->user = p;
    f->has_energy = m->has_energy;
    return 0;
}

/* data and samples: [][n], NULL for none. 0, or the exit status after a complaint. */
static int plot_model(const ebim_model *m, int N, const ebim_real *data, int S,
                      const ebim_real *samples, const char *title, const char *path)
{
    plotted p;
    figure_model f;
    names known = names_of(m->columns);
    double *v = to_doubles(N * m->n, data), *s = to_doubles(S * m->n, samples);
    void *memory;
    int bad = plotted_open(&f, &p, m, &memory) || !v || !s;
    errno = ENOMEM;
    if (!bad && known.count == m->n) f.label = known.name;
    if (!bad)
        bad = figure_draw(&f, data ? v : NULL, N, samples ? s : NULL, S, title, path);
    if (bad && errno == ENOMEM) bad = complain_memory();
    else if (bad)
        bad = complain(BAD, "%s: cannot be written: %s", file_shown(path, "standard output"),
                       strerror(errno));
    free(memory);
    free(v);
    free(s);
    names_free(&known);
    return bad;
}

/* What no surface can show, samples do. */
static int plot_with_samples(const args *a, const ebim_model *m, const points *p,
                             const char *title)
{
    int S = m->n > 3 || !is_traced(m) ? 2000 : 0, status;
    ebim_real *x = (ebim_real *)malloc(((size_t)S * (size_t)m->n + 1) * sizeof *x);
    ebim_result r = x ? EBIM_OK : EBIM_ERR_MEMORY;
    if (x && S)
        r = model_sample(m, S, x, (int)a->number[O_STEPS], (uint64_t)a->number[O_SEED], NULL);
    status = r ? complain_result(file_shown(a->path[0], "standard input"), r)
               : plot_model(m, p->N, p->x, S, S ? x : NULL, title, output(a));
    free(x);
    return status;
}

static int verb_plot(const args *a)
{
    ebim_model m;
    embed e;
    points p;
    csv_how how;
    char title[256];
    int status = model_read(&m, &e, a);
    if (status) return status;
    memset(&p, 0, sizeof p);
    status = read_options(a, &m, &e, &how);
    if (!status && a->paths > 1) status = points_read(&p, a->path[1], &how, &e, m.n);
    snprintf(title, sizeof title, "%.60s: manifold of dimension %d in R^{%d}%s%.60s",
             base_name(file_shown(a->path[0], "model")), m.m, m.n, p.N ? ", and " : "",
             p.N ? base_name(p.file) : "");
    if (!status) model_warn(a, &m);
    if (!status) status = plot_with_samples(a, &m, &p, title);
    points_free(&p);
    ebim_free(&m);
    return status;
}

/* ---- mesh ---- */

typedef struct meshed {
    mesh surface;       /* or curve */
    mesh_shape shape;
    ebim_real *x, *y;   /* [n_vert][n] vertices, and the points of M they go to or gradients of F */
    ebim_real *moved;   /* [n_vert] how far */
    unsigned char *ok;  /* [n_vert] */
    double *normal, *weight, *density;
    plot_rgb *color;
    int left;           /* vertices that found no way onto M nearby: they stay where they are */
} meshed;

static void meshed_free(meshed *s)
{
    mesh_free(&s->surface);
    free(s->x);
    free(s->y);
    free(s->moved);
    free(s->ok);
    free(s->normal);
    free(s->weight);
    free(s->density);
    free(s->color);
}

static ebim_result meshed_room(meshed *s)
{
    size_t count = (size_t)s->surface.n_vert, n = (size_t)s->surface.n;
    s->x = (ebim_real *)malloc(count * n * sizeof *s->x);
    s->y = (ebim_real *)malloc(count * n * sizeof *s->y);
    s->moved = (ebim_real *)malloc(count * sizeof *s->moved);
    s->ok = (unsigned char *)malloc(count);
    s->normal = (double *)calloc(count * 3, sizeof *s->normal);
    s->weight = (double *)malloc(count * sizeof *s->weight);
    s->density = (double *)malloc(count * sizeof *s->density);
    s->color = (plot_rgb *)malloc(count * sizeof *s->color);
    return s->x && s->y && s->moved && s->ok && s->normal && s->weight && s->density && s->color
               ? EBIM_OK : EBIM_ERR_MEMORY;
}

/* Longest side of the box, and its largest coordinate. */
static double box_size(const ebim_model *m, double *largest)
{
    double longest = 0;
    int i;
    *largest = 0;
    for (i = 0; i < m->n; i++) {
        longest = fmax(longest, m->hi[i] - m->lo[i]);
        *largest = fmax(*largest, fmax(fabs(m->lo[i]), fabs(m->hi[i])));
    }
    return longest;
}

/* x to the points y of M nearby, and how far that is. */
static ebim_result meshed_project(meshed *s, const ebim_model *m, double largest)
{
    ebim_project_desc d;
    ebim_projector *p;
    ebim_arena work;
    ebim_result r;
    void *memory = NULL;
    memset(&d, 0, sizeof d);
    d.method = EBIM_PROJECT_ONTO;
    d.constraint.length = largest;
    ebim_arena_init(&work, NULL, 0);
    r = ebim_projector_init(&p, &work, &m->F, &d);
    if (!r) memory = arena_memory(&work);
    if (!r) r = memory ? ebim_projector_init(&p, &work, &m->F, &d) : EBIM_ERR_MEMORY;
    if (!r) ebim_projector_run(p, s->surface.n_vert, s->x, s->y, s->moved, s->ok);
    free(memory);
    return r;
}

/* Vertices are on the zero set to a part of the grid's spacing: puts them there to rounding. None
 * goes further than half a cell, lest triangles fold. */
static ebim_result meshed_settle(meshed *s, const ebim_model *m, int grid)
{
    size_t n = (size_t)m->n, count = (size_t)s->surface.n_vert, v, i;
    double largest, reach = box_size(m, &largest) / grid / 2;
    ebim_result r;
    for (i = 0; i < count * n; i++) s->x[i] = (ebim_real)s->surface.vert[i];
    r = meshed_project(s, m, largest);
    for (v = 0; v < count && !r; v++) {
        if (s->ok[v] && (double)s->moved[v] <= reach)
            memcpy(s->x + v * n, s->y + v * n, n * sizeof *s->x);
        else s->left++;
    }
    for (i = 0; i < count * n && !r; i++) s->surface.vert[i] = (double)s->x[i];
    return r;
}

/* Unit vectors along the gradient of F; that of the triangles where F has none. */
static ebim_result meshed_normals(meshed *s, const ebim_model *m)
{
    int n = m->n, v, k;
    ebim_result r = ebim_gradients(m, s->surface.n_vert, s->x, NULL, s->y, NULL, NULL);
    if (n == 3) mesh_normals(&s->surface, s->normal);
    for (v = 0; v < s->surface.n_vert && !r; v++) {
        double length = 0;
        for (k = 0; k < n; k++) length = hypot(length, (double)s->y[v * n + k]);
        for (k = 0; k < n && length > 0 && mesh_finite(length); k++)
            s->normal[3 * v + k] = (double)s->y[v * n + k] / length;
    }
    return r;
}

/* Densities integrate to 1 over the mesh; colours are those of `plot`. */
static int meshed_paint(meshed *s, const figure_model *f)
{
    int n = s->surface.n_vert, v;
    plot_range range;
    mesh_weights(&s->surface, s->weight);
    figure__density(f, n, s->surface.vert, s->weight, s->density);
    if (figure__density_range(s->density, s->weight, n, &range)) return -1;
    for (v = 0; v < n; v++)
        s->color[v] = f->has_energy ? plot_map_density(figure__unit(range, s->density[v]))
                                    : plot_color(0.45, 0.62, 0.78);
    return 0;
}

/* The zero set of F in the coordinates behind the map */
static ebim_result meshed_zero_set(mesh *surface, const ebim_model *m, int grid)
{
    double largest, longest = box_size(m, &largest);
    plotted p;
    figure_model f;
    void *memory;
    ebim_result r = plotted_open(&f, &p, m, &memory) ? EBIM_ERR_MEMORY : EBIM_OK;
    p.behind = 1;
    if (!r && longest > 0 && mesh_finite(longest) &&
        mesh_zero_set(surface, m->n, m->lo, m->hi, grid, figure__F, &f))
        r = EBIM_ERR_MEMORY;
    if (!r && !surface->n_cell) r = EBIM_ERR_SOLVE;
    free(memory);
    return r;
}

/* From there to the coordinates of the data; x may be NULL. */
static void meshed_to_data(mesh *surface, ebim_real *x, const ebim_model *m)
{
    size_t n = (size_t)m->n, v, i;
    double w[3];
    for (v = 0; v < (size_t)surface->n_vert && m->linear; v++) {
        memcpy(w, surface->vert + v * n, n * sizeof *w);
        model_to_data(m, w, surface->vert + v * n);
        for (i = 0; i < n && x; i++) x[v * n + i] = (ebim_real)surface->vert[v * n + i];
    }
}

/* Size, pieces and more of the zero set; -1: it is empty, or there is no memory. */
static int surface_measure(const ebim_model *m, int grid, mesh_shape *shape)
{
    mesh surface;
    int bad;
    memset(&surface, 0, sizeof surface);
    bad = meshed_zero_set(&surface, m, grid) != EBIM_OK;
    if (!bad) {
        meshed_to_data(&surface, NULL, m);
        bad = mesh_describe(&surface, shape);
    }
    mesh_free(&surface);
    return bad ? -1 : 0;
}

static ebim_result meshed_make(meshed *s, const ebim_model *m, int grid)
{
    plotted p;
    figure_model f;
    void *memory = NULL;
    ebim_result r;
    memset(s, 0, sizeof *s);
    r = meshed_zero_set(&s->surface, m, grid);
    if (!r) r = meshed_room(s);
    if (!r) r = meshed_settle(s, m, grid);
    if (!r) meshed_to_data(&s->surface, s->x, m);
    if (!r) r = meshed_normals(s, m);
    if (!r && plotted_open(&f, &p, m, &memory)) r = EBIM_ERR_MEMORY;
    if (!r && (meshed_paint(s, &f) || mesh_describe(&s->surface, &s->shape))) r = EBIM_ERR_MEMORY;
    free(memory);
    return r;
}

static void mesh_json(FILE *f, const meshed *s, const ebim_model *m, int grid, double seconds)
{
    json j = json_begin(f);
    json_number(&j, "grid", grid);
    json_number(&j, "vertices", s->surface.n_vert);
    json_number(&j, "edges", s->shape.edges);
    if (m->n == 3) json_number(&j, "faces", s->surface.n_cell);
    json_number(&j, m->n == 3 ? "area" : "length", s->shape.size);
    json_number(&j, "components", s->shape.pieces);
    json_number(&j, "euler", s->shape.euler);
    json_number(&j, m->n == 3 ? "border_edges" : "loose_ends", s->shape.border);
    json_number(&j, "energy", m->has_energy);
    json_number(&j, "unsolved", s->left);
    json_number(&j, "seconds", seconds);
    json_end(&j);
}

static void mesh_lines(FILE *f, const meshed *s, const ebim_model *m, double seconds)
{
    fprintf(f, "%s %d vertices, %d %s, %s %.6g, %.1f s\n", m->n == 3 ? "surface   " : "curve     ",
            s->surface.n_vert, s->surface.n_cell, m->n == 3 ? "triangles" : "segments",
            m->n == 3 ? "area" : "length", s->shape.size, seconds);
    fprintf(f, "shape      %d component%s, Euler characteristic %d, ", s->shape.pieces,
            s->shape.pieces == 1 ? "" : "s", s->shape.euler);
    if (!s->shape.border) fprintf(f, "closed\n");
    else fprintf(f, "%d %s\n", s->shape.border, m->n == 3 ? "edges at a border" : "loose ends");
    if (s->left)
        fprintf(f, "vertices   %d found no way onto the manifold nearby and are on it to a part of "
                "a cell only\n", s->left);
}

static int mesh_save(const args *a, const meshed *s, const ebim_model *m)
{
    char err[FILE_ERROR];
    ply_look look;
    look.normal = s->normal;
    look.color = s->color;
    look.density = m->has_energy ? s->density : NULL;
    return ply_write(output(a), &s->surface, &look, err, sizeof err) ? complain_line(BAD, err)
                                                                     : FINE;
}

static int verb_mesh(const args *a)
{
    double start = now();
    const char *file = file_shown(a->path[0], "standard input");
    int grid = (int)a->number[O_GRID], status;
    meshed s;
    ebim_model m;
    ebim_result r;
    embed e;
    status = model_read(&m, &e, a);
    if (status) return status;
    if (m.k != 1 || m.n < 2 || m.n > 3) {
        status = complain(BAD, "%s: a manifold of dimension %d in R^%d: mesh takes surfaces in "
                          "R^3 and curves in R^2", file, m.m, m.n);
        ebim_free(&m);
        return status;
    }
    if (!is_traced(&m)) {
        status = complain(BAD, "%s: a displacement field, which may end, has no sign that mesh "
                          "could trace: take `ebim sample`", file);
        ebim_free(&m);
        return status;
    }
    model_warn(a, &m);
    if (!grid) grid = m.n == 3 ? 128 : 512;
    r = meshed_make(&s, &m, grid);
    if (r == EBIM_ERR_SOLVE)
        status = complain(FAILED, "%s: the manifold is empty: F has no zero in the model's box",
                          file);
    else if (r) status = complain_result(file, r);
    else status = mesh_save(a, &s, &m);
    if (!status && a->text[O_JSON]) mesh_json(report_stream(a), &s, &m, grid, now() - start);
    else if (!status) mesh_lines(report_stream(a), &s, &m, now() - start);
    meshed_free(&s);
    ebim_free(&m);
    return status;
}

/* ---- export ---- */

/* The name of a header's functions: that of its file, as far as C allows */
static void export_name(const args *a, char *name, size_t size)
{
    const char *file = strcmp(output(a), "-") ? base_name(output(a)) : "model";
    size_t i;
    snprintf(name, size, "%s%.*s", isalpha((unsigned char)*file) ? "" : "m", (int)(size - 2), file);
    for (i = 0; name[i] && name[i] != '.'; i++)
        if (!isalnum((unsigned char)name[i])) name[i] = '_';
    name[i] = 0;
}

static int verb_export(const args *a)
{
    static export_job job;
    const char *file = file_shown(a->path[0], "standard input"), *why;
    char name[64], tag[EBIM_TAG_SIZE + 64], err[FILE_ERROR];
    ebim_model m;
    embed e;
    file_out out;
    int status = model_read(&m, &e, a), n;
    if (status) return status;
    model_warn(a, &m);
    export_name(a, name, sizeof name);
    n = snprintf(tag, sizeof tag, "a row of the data%s", embed_moves(&e) ? ", embedded by " : "");
    if (embed_moves(&e)) embed_text(&e, tag + n, sizeof tag - (size_t)n);
    why = export_check(&job, &m, name);
    job.points = tag;
    if (why) {
        status = complain(BAD, "%s: export is not for this model: %s", file, why);
    } else if (file_create(&out, output(a), err, sizeof err)) {
        status = complain_line(BAD, err);
    } else {
        export_write(out.f, &job);
        if (file_commit(&out, err, sizeof err)) status = complain_line(BAD, err);
    }
    ebim_free(&m);
    return status;
}

/* ---- info ---- */

static void info_json(const ebim_model *m, const embed *e)
{
    json j = json_begin(stdout);
    char tag[EBIM_TAG_SIZE];
    embed_text(e, tag, sizeof tag);
    json_number(&j, "ambient", m->n);
    json_text(&j, "embed", tag);
    columns_json(&j, m);
    json_numbers(&j, "box_low", m->n, m->lo);
    json_numbers(&j, "box_high", m->n, m->hi);
    json_numbers(&j, "linear", m->linear ? m->n * m->n : 0, m->linear);
    json_number(&j, "unit", m->unit);
    json_number(&j, "F_nodes", m->F.n_nodes - 1);
    json_number(&j, "F_parameters", m->F.n_theta);
    json_number(&j, "E_nodes", m->has_energy ? m->E.n_nodes - 1 : 0);
    json_number(&j, "E_parameters", m->has_energy ? m->E.n_theta : 0);
    report_json_graph(&j, "F_ops", &m->F);
    if (m->has_energy) report_json_graph(&j, "E_ops", &m->E);
    report_json(&j, m, report_word(m, EBIM_OK));
    json_end(&j);
}

static void info_lines(const ebim_model *m, const embed *e)
{
    names known = names_of(m->columns);
    char tag[EBIM_TAG_SIZE], x[16];
    int i;
    embed_text(e, tag, sizeof tag);
    report_text(stdout, m, report_word(m, EBIM_OK), NULL);
    printf("embedding  %s\n", tag);
    for (i = 0; i < known.count && i < 8; i++)
        printf("%s%.60s", i ? ", " : "columns    ", known.name[i]);
    if (i < known.count) printf(", and %d more", known.count - i);
    if (i) printf("\n");
    for (i = 0; i < m->n && i < 8; i++) {
        snprintf(x, sizeof x, "x%d", i);
        printf("%-10s %.60s from %.4g to %.4g\n", i ? "" : "box",
               !embed_moves(e) && known.count == m->n ? known.name[i] : x, m->lo[i],
               m->hi[i]);
    }
    if (i < m->n) printf("           ... and %d more\n", m->n - i);
    names_free(&known);
    printf("unit       %.4g\n", m->unit);
    report_graph(stdout, "F", &m->F);
    if (m->has_energy) report_graph(stdout, "E", &m->E);
}

static int verb_info(const args *a)
{
    ebim_model m;
    embed e;
    int status = model_read(&m, &e, a);
    if (status) return status;
    if (a->text[O_JSON]) info_json(&m, &e);
    else info_lines(&m, &e);
    ebim_free(&m);
    return FINE;
}

/* ---- demo ---- */

enum { DEMO_POINTS = 1000, DEMO_SAMPLES = 2000 };

static const double demo_center = 1.8, demo_kappa = 2;

typedef struct demo {
    char *path; /* DIR/, and room for a name */
    size_t dir;
    ebim_real x[2 * DEMO_POINTS], s[2 * DEMO_SAMPLES], u[2 * DEMO_POINTS];
    ebim_model m;
    int fit_status;
    scores of_data, of_uniform;
} demo;

static const char *demo_file(demo *d, const char *name)
{
    strcpy(d->path + d->dir, name);
    return d->path;
}

/* What is known of the samples: distances to the true circles, how they share them, and the mean
 * cosine of the angle from the mode, I1(2) / I0(2) = 0.6978 in truth. */
static void demo_samples_json(const demo *d, json *j)
{
    double sum = 0, most = 0, left = 0, cosine = 0;
    int i;
    for (i = 0; i < DEMO_SAMPLES; i++) {
        double x = (double)d->s[2 * i], y = (double)d->s[2 * i + 1], off, r;
        left += x < 0;
        x = x < 0 ? x + demo_center : demo_center - x; /* the mode is at angle 0 of either */
        r = hypot(x, y);
        off = fabs(r - 1);
        sum += off;
        if (off > most) most = off;
        cosine += x / r;
    }
    json_number(j, "sample_distance_mean", sum / DEMO_SAMPLES);
    json_number(j, "sample_distance_max", most);
    json_number(j, "left_share", left / DEMO_SAMPLES);
    json_number(j, "mean_cosine", cosine / DEMO_SAMPLES);
}

/* Pairs of a data point and a uniform one in which the data point has the lower energy. */
static double demo_pairs(const demo *d)
{
    double below = 0;
    int i, k;
    for (i = 0; i < DEMO_POINTS; i++)
        for (k = 0; k < DEMO_POINTS; k++)
            below += d->of_data.energy[i] < d->of_uniform.energy[k];
    return below / DEMO_POINTS / DEMO_POINTS;
}

static void demo_json(const demo *d, const args *a, double seconds)
{
    json j = json_begin(stdout);
    json_number(&j, "points", DEMO_POINTS);
    json_number(&j, "samples", DEMO_SAMPLES);
    json_number(&j, "seed", a->number[O_SEED]);
    json_number(&j, "distance_mean", d->m.judged.distance_mean);
    json_number(&j, "distance_max", d->m.judged.distance_max);
    json_number(&j, "missed", d->m.judged.missed);
    demo_samples_json(d, &j);
    if (d->m.has_energy) json_number(&j, "pairs_below_uniform", demo_pairs(d));
    json_number(&j, "fit_seconds", d->m.info.seconds);
    json_number(&j, "seconds", seconds);
    json_text(&j, "verdict", report_word(&d->m, EBIM_OK));
    json_end(&j);
}

static int demo_save_model(demo *d)
{
    char err[FILE_ERROR];
    file_out out;
    int status;
    if (file_create(&out, demo_file(d, "demo.ebim"), err, sizeof err))
        return complain_line(BAD, err);
    status = model_write(&d->m, &out);
    file_discard(&out);
    return status;
}

/* From the data in d->x to a model in d->m and its file. */
static int demo_fit(demo *d, const args *a)
{
    ebim_fit_desc desc;
    ebim_result r;
    memset(&desc, 0, sizeof desc);
    desc.dim = 1;
    printf("learning from %d points ...\n", DEMO_POINTS);
    fflush(stdout);
    r = fit_watched(&d->m, a, DEMO_POINTS, 2, d->x, &desc);
    if (!d->m.owned) return complain_result("demo", r);
    if (demo_save_model(d)) return BAD;
    report_text(stdout, &d->m, report_word(&d->m, r), NULL);
    if (caught) return complain(fit_status(&d->m, r), "demo: interrupted");
    if (r) complain_result("demo", r);
    d->fit_status = fit_status(&d->m, r); /* a bad fit is still worth a picture */
    return 0;
}

static int demo_sample_and_score(demo *d, const args *a)
{
    embed none;
    int steps = (int)a->number[O_STEPS], status;
    uint64_t seed = (uint64_t)a->number[O_SEED];
    ebim_result r = model_sample(&d->m, DEMO_SAMPLES, d->s, steps, seed, NULL);
    memset(&none, 0, sizeof none);
    if (r) return complain_result("demo", r);
    status = points_write(demo_file(d, "samples.csv"), NULL, &none, DEMO_SAMPLES, 2, d->s, NULL,
                          NULL);
    if (!status) status = scores_make(&d->of_data, &d->m, "demo", DEMO_POINTS, d->x);
    if (!status)
        status = scores_write(demo_file(d, "scores.csv"), DEMO_POINTS, &d->of_data, NULL, 0);
    if (!status) status = scores_make(&d->of_uniform, &d->m, "demo", DEMO_POINTS, d->u);
    return status;
}

static int demo_run(demo *d, const args *a)
{
    double start = now();
    ebim_rng r;
    embed none;
    int status;
    memset(&none, 0, sizeof none);
    ebim_rng_init(&r, (uint64_t)a->number[O_SEED], UINT64_MAX); /* far from the streams of chains */
    synth_two_circles(&r, demo_center, demo_kappa, DEMO_POINTS, d->x);
    synth_two_circles(&r, demo_center, 0, DEMO_POINTS, d->u);
    status = points_write(demo_file(d, "data.csv"), NULL, &none, DEMO_POINTS, 2, d->x, NULL, NULL);
    if (!status) status = demo_fit(d, a);
    if (!status) status = demo_sample_and_score(d, a);
    if (!status)
        status = plot_model(&d->m, DEMO_POINTS, d->x, DEMO_SAMPLES, d->s,
                            "Two circles: von Mises densities learned from 1000 points",
                            demo_file(d, "demo.png"));
    if (!status) {
        printf("picture    %s\n", d->path);
        demo_json(d, a, now() - start);
    }
    return status ? status : d->fit_status;
}

static int verb_demo(const args *a)
{
    const char *dir = a->text[O_DIR] ? a->text[O_DIR] : "build/out/demo";
    demo *d = (demo *)calloc(1, sizeof *d);
    char err[FILE_ERROR];
    int status;
    if (d) d->path = (char *)malloc(strlen(dir) + 32);
    if (!d || !d->path) {
        free(d);
        return complain_memory();
    }
    d->dir = (size_t)sprintf(d->path, "%s/", dir);
    status = file_mkdirs(dir, err, sizeof err) ? complain_line(BAD, err) : demo_run(d, a);
    scores_free(&d->of_data);
    scores_free(&d->of_uniform);
    ebim_free(&d->m);
    free(d->path);
    free(d);
    return status;
}

/* A program started with standard streams closed would write its messages into its own files. */
static void open_standard_streams(void)
{
#if defined(__unix__) || defined(__APPLE__)
    int fd;
    do fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd < 3);
    if (fd >= 3) close(fd);
#endif
}

int main(int argc, char **argv)
{
    args a;
    int status;
    open_standard_streams();
    catch_signals();
    status = argc < 1 ? BAD : parse(&a, argv + 1);
    if (!status) status = a.verb->run(&a);
    if (fflush(stdout) || ferror(stdout)) {
        if (!status) status = complain(BAD, "standard output: cannot be written");
    }
    return status;
}
