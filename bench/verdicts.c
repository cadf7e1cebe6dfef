/* verdicts.c: does a fit know what it is worth? `make verdicts`

       build/verdicts [--only NAME] [--seeds K] [--part I/P] [--quick] [--check] [--list]

   Made data sets whose truth is known, clean and spoiled in the ways that data are, each fitted
   with default settings for several seeds, data anew for each. A fit is

     fine      it returned EBIM_OK and holds nothing against itself: no bit, not partial
     warned    it has bits, none of EBIM_VERDICT_BAD, or is partial
     refused   it has some of those, or returned an error

   and what it is worth is measured against the truth, in shares of the size of the true set (half
   its diameter):

     missing   share of the true set that is more than 1 % of the size from M
     spurious  share of M that is more than 3 % of the size from the true set
     excess    of the -log density of 2000 fresh points, in nat, over that under the law of the
               data, from which they are; not where the data have no density on the true set, and
               not where the library gives no normaliser (k > 1)

   M is wrong if one of the first two is more than 1 %, or the last more than 0.1. Each fit is then

     SILENT       fine although M is wrong: the one thing nobody should meet, and exit status 1
     FALSE ALARM  refused although M is right, or refused without any M, on closed clean sets:
                  without ends, and every row on the set
     failed       M is wrong on a set that should be found (which none may refuse), and the fit says
                  so
     wrong bit    the verdict is not one that the table below calls right for this set
     right        none of these

   A line for each as it comes, and as the last line a JSON object with the counts. --part I/P makes
   every P-th fit only, so that P processes can share the work; --quick one seed of a few sets;
   --list says what is right, and why; --check fits nothing, and tests the truths themselves. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../examples/common/json.h"
#include "sets.h"

enum {
    AMBIENT = 6, ROWS = 2000, POINTS = 2000, /* the largest n and N; points for each measure */
    MODES = 8, SEEDS = 1000
};

/* ---- shapes: charts of known sets, in natural coordinates ---- */

typedef enum law_kind { VOLUME, CHART, MISES, CLUSTERS, LUMP } law_kind;
typedef enum spoil_kind { CLEAN, NOISE, SCATTER, FAR, FAR_TOGETHER, REPEAT, ROUND } spoil_kind;

typedef struct battery_set {
    const char *name;
    const sets_shape *shape;
    double arg[2];          /* of the shape */
    law_kind law;
    double law_arg[2];
    const double *weights;  /* of the pieces (NULL: as their volumes) */
    int N, dim;             /* rows; the dimension asked for */
    spoil_kind spoil;
    double amount, extra;   /* of it */
    const double *scale;    /* of the columns (NULL: 1). Lengths are measured before scaling: in
                             * units as unlike as these a straight line would be near to anything */
    double shift;           /* of every column */
    double volume;          /* of the true set, where it is simple: for --check (0: it is not) */
    int closed_clean;
    const char *words;      /* of F W R (fine, warned, refused) those that are right */
    const char *must;       /* with W or R: one of these bits; names ebim.h lacks are passed over */
    const char *bits;       /* others that are right ("*": any) */
    const char *why;
} battery_set;

typedef struct truth {
    const battery_set *s;
    sets_truth g;           /* its volume, size and the like, in natural coordinates */
} truth;

/* The outline of something like a cell: star-shaped, so that it cannot cross itself. */
static void cell_at(const sets_truth *t, int piece, const double *q, double *x)
{
    double r = 1;
    int i;
    (void)piece;
    for (i = 0; i < MODES; i++) {
        double a = 2 * SYNTH_PI * (i + 2) * *q;
        r += t->random[2 * i] * cos(a) + t->random[2 * i + 1] * sin(a);
    }
    sets_polar(r, *q, x);
}

static void eight_at(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = 2 * SYNTH_PI * *q;
    (void)t;
    (void)piece;
    x[0] = cos(a);
    x[1] = sin(a) * cos(a);
}

static void outline_at(const sets_truth *t, int piece, const double *q, double *x)
{
    double p = 4 * (*q - floor(*q)), s = 2 * (p - floor(p)) - 1;
    (void)t;
    (void)piece;
    x[0] = p < 1 ? s : p < 2 ? 1 : p < 3 ? -s : -1;
    x[1] = p < 1 ? -1 : p < 2 ? s : p < 3 ? 1 : -s;
}

static void ring_at(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)t;
    (void)piece;
    sets_polar(1, *q, x);
    x[2] = 0.6 * x[1];
    x[1] *= 0.8;
}

/* A disk in the plane, or level in space. */
static void disk_at(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)piece;
    sets_polar(q[0], q[1], x);
    if (t->shape->n == 3) x[2] = 0;
}

static double disk_distance(const sets_truth *t, const double *x)
{
    double out = hypot(x[0], x[1]) - 1;
    if (out < 0) out = 0;
    return t->shape->n == 3 ? hypot(out, x[2]) : out;
}

static void filled_at(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)t;
    (void)piece;
    x[0] = 2 * q[0] - 1;
    x[1] = 2 * q[1] - 1;
}

static double filled_distance(const sets_truth *t, const double *x)
{
    (void)t;
    return hypot(fmax(fabs(x[0]) - 1, 0), fmax(fabs(x[1]) - 1, 0));
}

static void cube_at(const sets_truth *t, int piece, const double *q, double *x)
{
    int c = piece / 2;
    (void)t;
    x[c] = piece % 2 ? 1 : -1;
    x[(c + 1) % 3] = 2 * q[0] - 1;
    x[(c + 2) % 3] = 2 * q[1] - 1;
}

static double cube_distance(const sets_truth *t, const double *x)
{
    double out = 0, most = -HUGE_VAL;
    int c;
    (void)t;
    for (c = 0; c < 3; c++) {
        double v = fabs(x[c]) - 1;
        out += v > 0 ? v * v : 0;
        most = fmax(most, v);
    }
    return most > 0 ? sqrt(out) : -most;
}

/* Bumps on a ball, and two horns 24 degrees from each other, as long as the ball is wide. */
static void horns_at(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = SYNTH_PI * q[0], b = 2 * SYNTH_PI * q[1], side = 12 * SYNTH_PI / 180, r;
    int c, i;
    (void)t;
    (void)piece;
    sets_polar(sin(a), q[1], x);
    x[2] = cos(a);
    r = 0.7 * (1 + 0.06 * sin(4 * b) * pow(x[0] * x[0] + x[1] * x[1], 2) + 0.06 * sin(5 * x[2]));
    for (i = -1; i <= 1; i += 2)
        r += exp(150 * (x[0] * cos(side) + i * x[1] * sin(side) - 1));
    for (c = 0; c < 3; c++) x[c] *= r;
}

static const sets_shape cell = {2, 1, 1, cell_at, NULL, 0, 0, NULL},
    eight = {2, 1, 1, eight_at, NULL, 0, 0, NULL},
    outline = {2, 1, 1, outline_at, NULL, 0, 0, NULL}, ring = {3, 1, 1, ring_at, NULL, 0, 0, NULL},
    disk = {2, 2, 1, disk_at, disk_distance, 0, 0, NULL},
    flat_disk = {3, 2, 1, disk_at, disk_distance, 0, 0, NULL},
    filled = {2, 2, 1, filled_at, filled_distance, 0, 0, NULL},
    cube = {3, 2, 6, cube_at, cube_distance, 0, 0, NULL},
    horns = {3, 2, 1, horns_at, NULL, 0, 0, NULL},
    sphere3 = {4, 0, 1, NULL, sets_from_sphere, 0, 0, NULL},
    sphere5 = {6, 0, 1, NULL, sets_from_sphere, 0, 0, NULL};

/* ---- the sets, and what is right ---- */

static const double as_97[] = {0.97, 0.03}, equal3[] = {1, 1, 1}, units[] = {1, 1e5, 1};

#define PI SYNTH_PI
#define CIRCLE(N) &sets_ellipse, {1, 0}, VOLUME, {0, 0}, NULL, N, 1
#define SPHERE(N) &sets_sphere, {0, 0}, VOLUME, {0, 0}, NULL, N, 2
#define PLAIN CLEAN, 0, 0, NULL, 0
#define FINE 1, "F", "", ""
#define LOST "OUTLIERS ROWS"           /* rows were left out, or should be looked at */
#define BAND "LOOSE NOISE"             /* not a surface but a band round one */
#define ENDS "RIM ENDS OPEN"           /* the set has ends or a border */
#define FEW "FEW POINTS"               /* too few points to settle it */

/* name, shape, its arguments, law, its arguments, weights, N, dim, spoil, amount, extra, scale,
 * shift, volume, closed and clean, words, must, bits, why */
static const battery_set sets[] = {
    /* Closed, without noise, enough points: nothing is wrong with these. */
    {"circle", CIRCLE(1000), PLAIN, 2 * PI, FINE, "the simplest set there is"},
    {"circle_mises", &sets_ellipse, {1, 0}, MISES, {2, 0}, NULL, 1000, 1, PLAIN, 2 * PI, FINE,
     "its far side has a fiftieth of the mode's density: still 10 points a radian"},
    {"ellipse_2", &sets_ellipse, {1 / 2., 0}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE,
     "clean"},
    {"ellipse_5", &sets_ellipse, {1 / 5., 0}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE,
     "clean"},
    {"ellipse_10", &sets_ellipse, {1 / 10., 0}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE,
     "clean"},
    {"ellipse_20", &sets_ellipse, {1 / 20., 0}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE,
     "a circle in other units"},
    {"ellipse_50", &sets_ellipse, {1 / 50., 0}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE,
     "a circle in other units"},
    {"ellipse_20_turned", &sets_ellipse, {1 / 20., 30}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0,
     FINE, "units of the columns do not make it round, a linear map does"},
    {"ellipse_50_turned", &sets_ellipse, {1 / 50., 30}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0,
     FINE, "units of the columns do not make it round, a linear map does"},
    {"petals_3", &sets_petals, {3, 0.5}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE, "clean"},
    {"petals_5", &sets_petals, {5, 0.5}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE, "clean"},
    {"wavy", &sets_petals, {12, 0.1}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE,
     "83 points a wave draw it"},
    {"cell", &cell, {0, 0}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, FINE,
     "smooth: eight random Fourier modes"},
    {"square", &outline, {0, 0}, VOLUME, {0, 0}, NULL, 1000, 1, PLAIN, 8, 1, "FW", "",
     "LOOSE CORNERS", "closed; either its corners are rounded within 1 % of its size or told of"},
    {"two_circles", &sets_two_circles, {2, 3.6}, VOLUME, {0, 0}, NULL, 1000, 1, PLAIN, 4 * PI, FINE,
     "two pieces"},
    {"two_circles_97", &sets_two_circles, {2, 3.6}, VOLUME, {0, 0}, as_97, 1000, 1, PLAIN, 4 * PI,
     FINE, "the rare one has 30 points, enough to draw it"},
    {"ten_circles", &sets_ten_circles, {5, 3}, VOLUME, {0, 0}, NULL, 2000, 1, PLAIN, 20 * PI, FINE,
     "200 points each"},
    {"sphere", SPHERE(1500), PLAIN, 4 * PI, FINE, "clean"},
    {"sphere_lump", &sets_sphere, {0, 0}, LUMP, {2, 0}, NULL, 1500, 2, PLAIN, 4 * PI, FINE,
     "von Mises and Fisher's, a fiftieth at the far pole"},
    {"three_spheres", &sets_three_spheres, {0, 0}, VOLUME, {0, 0}, equal3, 2000, 2, PLAIN,
     4 * PI * 14 / 9, FINE, "nested, 666 points each"},
    {"torus", &sets_torus, {2, 0}, CHART, {0, 0}, NULL, 2000, 2, PLAIN, 8 * PI * PI, FINE, "clean"},
    {"cube", &cube, {0, 0}, VOLUME, {0, 0}, NULL, 2000, 2, PLAIN, 24, 1, "FW", "", "LOOSE CORNERS",
     "closed; either its edges are rounded within 1 % of its size or told of"},
    {"horns", &horns, {0, 0}, VOLUME, {0, 0}, NULL, 2000, 2, PLAIN, 0, 1, "FW", "",
     "HOLE DENSITY DISPUTED", "networks like to join the horns: no data are there"},
    {"sphere_in_4", &sphere3, {0, 0}, VOLUME, {0, 0}, NULL, 2000, 3, PLAIN, 2 * PI * PI, FINE,
     "clean"},
    {"sphere_in_6", &sphere5, {0, 0}, VOLUME, {0, 0}, NULL, 2000, 5, PLAIN, PI * PI * PI, FINE,
     "clean, though 2000 points are few in five dimensions"},
    {"clusters_4", &sets_ellipse, {1, 0}, CLUSTERS, {4, 10}, NULL, 1000, 1, PLAIN, 2 * PI, FINE,
     "between the modes a tenth of their density"},
    {"clusters_6", &sets_ellipse, {1, 0}, CLUSTERS, {6, 60}, NULL, 1000, 1, PLAIN, 2 * PI, 0, "FWR",
     "", "*", "gaps of 0.4 radians without a point: that they are crossed is a guess"},

    /* Units and origin. */
    {"units_circle", CIRCLE(1000), CLEAN, 0, 0, units, 0, 2 * PI, FINE,
     "degrees and metres: which units are used is nobody's fault"},
    {"units_ellipse", &sets_ellipse, {1 / 2., 30}, CHART, {0, 0}, NULL, 1000, 1, CLEAN, 0, 0, units,
     0, 0, FINE, "the same, turned before"},
    {"units_sphere", SPHERE(1500), CLEAN, 0, 0, units, 0, 4 * PI, FINE, "the same on a surface"},
    {"shifted", CIRCLE(1000), CLEAN, 0, 0, NULL, 100, 2 * PI, FINE,
     "a hundred radii from the origin five digits are left"},

    /* Rows that repeat: weights, not evidence. */
    {"exact_10", CIRCLE(1000), REPEAT, 0.1, 0, NULL, 0, 2 * PI, FINE, "every row is on the circle"},
    {"exact_40", CIRCLE(1000), REPEAT, 0.4, 0, NULL, 0, 2 * PI, FINE, "600 different rows"},
    {"exact_80", CIRCLE(1000), REPEAT, 0.8, 0, NULL, 0, 2 * PI, 1, "FW", "", "REPEATS",
     "200 different rows are enough for a circle; a word on it is welcome"},
    {"near_40_1e-6", CIRCLE(1000), REPEAT, 0.4, 1e-6, NULL, 0, 2 * PI, FINE,
     "copies that rounding made differ"},
    {"near_40_1e-4", CIRCLE(1000), REPEAT, 0.4, 1e-4, NULL, 0, 2 * PI, FINE,
     "copies measured again"},
    {"near_40_1e-3", CIRCLE(1000), REPEAT, 0.4, 1e-3, NULL, 0, 2 * PI, 0, "FW", "", "REPEATS " BAND,
     "the same, with noise of 0.1 %"},
    {"near_80_1e-6", CIRCLE(1000), REPEAT, 0.8, 1e-6, NULL, 0, 2 * PI, 1, "FW", "", "REPEATS",
     "200 different rows, each five times or so"},
    {"near_80_1e-4", CIRCLE(1000), REPEAT, 0.8, 1e-4, NULL, 0, 2 * PI, 1, "FW", "", "REPEATS",
     "200 different rows, each five times or so"},
    {"near_80_1e-3", CIRCLE(1000), REPEAT, 0.8, 1e-3, NULL, 0, 2 * PI, 0, "FW", "", "REPEATS " BAND,
     "the same, with noise of 0.1 %"},
    {"round_360", CIRCLE(1000), ROUND, 360, 0, NULL, 0, 2 * PI, 1, "FW", "", "REPEATS",
     "directions to a degree: points of the circle all the same"},
    {"round_16", CIRCLE(1000), ROUND, 16, 0, NULL, 0, 2 * PI, 0, "FW", "", "REPEATS " FEW,
     "16 compass points: the circle, if it is said that 16 are few"},

    /* Noise: M is the middle of the band, and has to be called a band when that shows. */
    {"noise_0.5", CIRCLE(1000), NOISE, 0.005, 0, NULL, 0, 2 * PI, 0, "FW", "", BAND,
     "half a percent is rarely worth a word"},
    {"noise_2", CIRCLE(1000), NOISE, 0.02, 0, NULL, 0, 2 * PI, 0, "W", BAND, "",
     "a band of 4 %: to be named, the curve is right"},
    {"noise_5", CIRCLE(1000), NOISE, 0.05, 0, NULL, 0, 2 * PI, 0, "WR", BAND, "*",
     "a band of 10 %; a refusal has to say noise"},
    {"noise_10", CIRCLE(1000), NOISE, 0.1, 0, NULL, 0, 2 * PI, 0, "WR", BAND, "*",
     "a band of 20 %; a refusal has to say noise"},
    {"sphere_noise_2", SPHERE(1500), NOISE, 0.02, 0, NULL, 0, 4 * PI, 0, "W", BAND, "",
     "a shell of 4 %: to be named, the surface is right"},

    /* Rows that are not on the set. */
    {"scatter_circle", CIRCLE(1000), SCATTER, 0.01, 2, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "ten rows anywhere in twice the circle's box must not bend it"},
    {"scatter_sphere", SPHERE(1500), SCATTER, 0.01, 2, NULL, 0, 4 * PI, 0, "FW", "", LOST,
     "the same with 15"},
    {"off_circle", CIRCLE(1000), SCATTER, 0.037, 1.5, NULL, 0, 2 * PI, 0, "WR", LOST " OFF MISSED",
     "*", "37 bad rows are many: they have to be told of"},
    {"off_sphere", SPHERE(1500), SCATTER, 0.037, 1.5, NULL, 0, 4 * PI, 0, "WR", LOST " OFF MISSED",
     "*", "55 bad rows are many: they have to be told of"},
    {"far_1_5", CIRCLE(1000), FAR, 1, 5, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "one row must not spoil 999"},
    {"far_1_10", CIRCLE(1000), FAR, 1, 10, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "one row must not spoil 999"},
    {"far_1_100", CIRCLE(1000), FAR, 1, 100, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "one row must not spoil 999, however far"},
    {"far_1_1000", CIRCLE(1000), FAR, 1, 1000, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "one row must not spoil 999, however far"},
    {"far_2", CIRCLE(1000), FAR, 2, 30, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "one at 5 radii, one at 30: the farther must not hide the nearer"},
    {"far_5", CIRCLE(1000), FAR, 5, 1000, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "from 5 radii to 1000: no single unit fits them all"},
    {"together_5", CIRCLE(1000), FAR_TOGETHER, 5, 100, NULL, 0, 2 * PI, 0, "FW", "", LOST,
     "five at one place, like a code for missing values"},
    {"far_sphere_1", SPHERE(1500), FAR, 1, 100, NULL, 0, 4 * PI, 0, "FW", "", LOST,
     "one row must not spoil 1499"},
    {"far_sphere_2", SPHERE(1500), FAR, 2, 30, NULL, 0, 4 * PI, 0, "FW", "", LOST,
     "one at 5 radii, one at 30"},
    {"far_sphere_5", SPHERE(1500), FAR, 5, 1000, NULL, 0, 4 * PI, 0, "FW", "", LOST,
     "from 5 radii to 1000"},
    {"together_sphere_5", SPHERE(1500), FAR_TOGETHER, 5, 100, NULL, 0, 4 * PI, 0, "FW", "", LOST,
     "five at one place"},

    /* Not closed, or not a manifold, or not of that dimension: to be told. */
    {"arc_270", &sets_spiral, {0.75, 1}, VOLUME, {0, 0}, NULL, 1000, 1, PLAIN, 1.5 * PI, 0, "WR",
     ENDS, "*", "open ends: a zero set of one function has none, so it runs on or closes the gap"},
    {"half_circle", &sets_spiral, {0.5, 1}, VOLUME, {0, 0}, NULL, 1000, 1, PLAIN, PI, 0, "WR", ENDS,
     "*", "open ends"},
    {"hemisphere", &sets_sphere, {0.5, 0}, VOLUME, {0, 0}, NULL, 1500, 2, PLAIN, 2 * PI, 0, "WR",
     ENDS, "*", "a border"},
    {"spiral", &sets_spiral, {2, 0.3}, VOLUME, {0, 0}, NULL, 1000, 1, PLAIN, 0, 0, "WR", ENDS, "*",
     "open ends, one of them inside"},
    {"flat_disk", &flat_disk, {0, 0}, VOLUME, {0, 0}, NULL, 1500, 2, PLAIN, PI, 0, "WR", ENDS, "*",
     "a border, and the plane goes on"},
    {"moebius", &sets_moebius, {0, 0}, VOLUME, {0, 0}, NULL, 2000, 2, PLAIN, 0, 0, "WR", "", "*",
     "one-sided: no function has it as its zeros without crossing another sheet"},
    {"eight", &eight, {0, 0}, CHART, {0, 0}, NULL, 1000, 1, PLAIN, 0, 0, "WR", "SINGULAR", "*",
     "it crosses itself: no manifold there"},
    {"disk_dim_1", &disk, {0, 0}, VOLUME, {0, 0}, NULL, 1000, 1, PLAIN, PI, 0, "R", "", "*",
     "no curve goes through a filled disk"},
    {"filled_dim_1", &filled, {0, 0}, VOLUME, {0, 0}, NULL, 1000, 1, PLAIN, 4, 0, "R", "", "*",
     "no curve goes through a filled square"},
    {"sphere_dim_1", &sets_sphere, {0, 0}, VOLUME, {0, 0}, NULL, 1500, 1, PLAIN, 4 * PI, 0, "R", "",
     "*", "no curve goes through a sphere's points"},
    {"ring_dim_2", &ring, {0, 0}, VOLUME, {0, 0}, NULL, 1000, 2, PLAIN, 2 * PI, 0, "WR", "", "*",
     "any surface through a curve: the data do not settle it"},

    /* Few points. */
    {"circle_20", CIRCLE(20), PLAIN, 2 * PI, 0, "FWR", "", "*",
     "gaps of a radian: a right curve, or any word that 20 do not settle it"},
    {"circle_50", CIRCLE(50), PLAIN, 2 * PI, 0, "FWR", "", "*",
     "gaps of half a radian: a right curve, or a word"},
    {"circle_200", CIRCLE(200), PLAIN, 2 * PI, 1, "FW", "", FEW, "enough for a circle"},
    {"sphere_50", SPHERE(50), PLAIN, 4 * PI, 0, "FWR", "", "*",
     "half a radius between neighbours: a right surface, or a word"},
    {"sphere_200", SPHERE(200), PLAIN, 4 * PI, 1, "FW", "", FEW,
     "a quarter of a radius between neighbours: enough for a sphere"}
};

enum { SETS = sizeof sets / sizeof *sets };

/* What --quick fits: seconds each, and one of most kinds. */
static const char *const quick_sets[] = {
    "circle", "ellipse_5", "two_circles", "exact_10", "noise_5", "arc_270", "disk_dim_1",
    "circle_200"
};

/* ---- the truth ---- */

/* Modes 2 .. 9 of a random outline: the radius stays above 0.4. */
static void build_modes(double *mode, ebim_rng *r)
{
    double sum = 0;
    int i;
    for (i = 0; i < 2 * MODES; i++) {
        mode[i] = (double)ebim_rng_normal(r) / (i / 2 + 2);
        sum += fabs(mode[i]);
    }
    for (i = 0; i < 2 * MODES; i++) mode[i] *= 0.6 / sum;
}

static void build_truth(truth *t, const battery_set *s, uint64_t seed)
{
    ebim_rng r;
    ebim_rng_init(&r, seed, UINT64_MAX - 1);
    t->s = s;
    build_modes(t->g.random, &r);
    sets_build(&t->g, s->shape, s->arg, &r);
}

/* ---- laws on the truth ---- */

static void draw_place(truth *t, ebim_rng *r, sets_place *p)
{
    const battery_set *s = t->s;
    double kappa = s->law_arg[0], centers = s->law_arg[0];
    int i;
    memset(p, 0, sizeof *p);
    p->piece = sets_pick(r, t->g.shape->pieces, s->weights ? s->weights : t->g.part);
    switch (s->law) {
    case VOLUME: sets_uniform_in(&t->g, r, p); break;
    case CHART:
        for (i = 0; i < t->g.shape->d; i++) p->q[i] = sets_uniform(r);
        break;
    case MISES: p->q[0] = synth_von_mises(r, 0, kappa) / (2 * PI); break;
    case CLUSTERS:
        p->q[0] = synth_von_mises(r, 0, s->law_arg[1]) / (2 * PI) +
                  (double)ebim_rng_below(r, (uint32_t)centers) / centers;
        break;
    case LUMP:
        p->q[0] = acos(sets_lump_cosine(r, kappa, -1)) / PI;
        p->q[1] = sets_uniform(r);
    }
}

/* -log density, per natural volume, within its piece */
static double nll_in(const truth *t, const sets_place *p)
{
    const battery_set *s = t->s;
    double kappa = s->law_arg[0], sum = 0;
    int i, centers = (int)s->law_arg[0];
    switch (s->law) {
    case CHART: return log(sets_element(&t->g, p));
    case MISES: return log(sets_element(&t->g, p)) - sets_log_mises(kappa, 0, p->q[0]);
    case CLUSTERS:
        for (i = 0; i < centers; i++)
            sum += exp(sets_log_mises(s->law_arg[1], (double)i / centers, p->q[0])) / centers;
        return log(sets_element(&t->g, p)) - log(sum);
    case LUMP: return log(4 * PI * sinh(kappa) / kappa) - kappa * cos(PI * p->q[0]);
    case VOLUME: break;
    }
    return log(t->g.part[p->piece]);
}

static double nll_natural(const truth *t, const sets_place *p)
{
    const double *w = t->s->weights ? t->s->weights : t->g.part;
    double sum = 0;
    int i;
    for (i = 0; i < t->g.shape->pieces; i++) sum += w[i];
    return nll_in(t, p) - log(w[p->piece] / sum);
}

/* The same per volume in the user's units. */
static double nll_of(const truth *t, const sets_place *p)
{
    double v = nll_natural(t, p);
    if (t->s->scale) v += log(sets_element_of(&t->g, p, t->s->scale) / sets_element(&t->g, p));
    return v;
}

/* ---- data: the law, spoiled, in the user's units ---- */

static void to_user(const battery_set *s, const double *y, ebim_real *x)
{
    int c;
    for (c = 0; c < s->shape->n; c++)
        x[c] = (ebim_real)(s->shift + (s->scale ? s->scale[c] : 1) * y[c]);
}

static void to_natural(const battery_set *s, const ebim_real *x, double *y)
{
    int c;
    for (c = 0; c < s->shape->n; c++)
        y[c] = ((double)x[c] - s->shift) / (s->scale ? s->scale[c] : 1);
}

static void add_noise(ebim_rng *r, int n, double sigma, double *y)
{
    int c;
    for (c = 0; c < n; c++) y[c] += sigma * (double)ebim_rng_normal(r);
}

static void put_far(ebim_rng *r, int n, double radius, double *y)
{
    ebim_real u[AMBIENT];
    int c;
    ebim_rng_sphere(r, n, u);
    for (c = 0; c < n; c++) y[c] = radius * (double)u[c];
}

/* `amount` rows from 5 radii to `extra`, alone at extra; or all at one place there. */
static void spoil_far(const battery_set *s, ebim_rng *r, double *y)
{
    int i, c, n = s->shape->n, count = (int)s->amount, gap = s->N / count;
    for (i = 0; i < count; i++) {
        double *row = y + i * gap * n, far = count - 1 - i;
        if (s->spoil == FAR_TOGETHER && i)
            for (c = 0; c < n; c++) row[c] = y[c];
        else if (s->spoil == FAR_TOGETHER || count == 1) put_far(r, n, s->extra, row);
        else put_far(r, n, 5 * pow(s->extra / 5, 1 - far / (count - 1)), row);
    }
}

static void spoil_scatter(const battery_set *s, ebim_rng *r, double *y)
{
    int i, c, n = s->shape->n, count = (int)(s->amount * s->N);
    for (i = 0; i < count; i++)
        for (c = 0; c < n; c++) y[i * n + c] = s->extra * (2 * sets_uniform(r) - 1);
}

/* A share of the rows are others again, with jitter. */
static void spoil_repeat(const battery_set *s, ebim_rng *r, double *y)
{
    int i, n = s->shape->n, different = (int)(s->N * (1 - s->amount) + 0.5);
    for (i = different; i < s->N; i++) {
        memcpy(y + i * n, y + (int)ebim_rng_below(r, (uint32_t)different) * n,
               (size_t)n * sizeof *y);
        if (s->extra > 0) add_noise(r, n, s->extra, y + i * n);
    }
}

static void spoil_rows(const battery_set *s, ebim_rng *r, double *y)
{
    int i, n = s->shape->n;
    switch (s->spoil) {
    case CLEAN: break;
    case NOISE:
        for (i = 0; i < s->N; i++) add_noise(r, n, s->amount, y + i * n);
        break;
    case SCATTER: spoil_scatter(s, r, y); break;
    case FAR:
    case FAR_TOGETHER: spoil_far(s, r, y); break;
    case REPEAT: spoil_repeat(s, r, y); break;
    case ROUND: /* the angle, to one of `amount` */
        for (i = 0; i < s->N; i++)
            sets_polar(1, floor(atan2(y[2 * i + 1], y[2 * i]) / (2 * PI) * s->amount + 0.5) /
                       s->amount, y + 2 * i);
    }
}

static void make_data(truth *t, uint64_t seed, ebim_real *x)
{
    static double y[ROWS * AMBIENT];
    const battery_set *s = t->s;
    int i, n = s->shape->n;
    ebim_rng r;
    sets_place p;
    ebim_rng_init(&r, seed, UINT64_MAX); /* far from the streams of chains */
    for (i = 0; i < s->N; i++) {
        draw_place(t, &r, &p);
        sets_point(&t->g, &p, y + i * n);
    }
    spoil_rows(s, &r, y);
    for (i = 0; i < s->N; i++) to_user(s, y + i * n, x + i * n);
}

/* ---- the model: all that knows how one is asked, in the user's coordinates ---- */

/* Memory for what the arena has measured, in place of the earlier memory. */
static ebim_result provide(ebim_arena *a, void **mem)
{
    size_t bytes = ebim_arena_bytes(a);
    free(*mem);
    *mem = malloc(bytes);
    ebim_arena_init(a, *mem, *mem ? bytes : 0);
    return *mem ? EBIM_OK : EBIM_ERR_MEMORY;
}

/* Distances of x: [B][n] to M, and whether a point of M in the box was found; energies there. */
static ebim_result model_score(const ebim_model *m, int B, const ebim_real *x, ebim_real *distance,
                               ebim_real *energy, unsigned char *ok)
{
    ebim_arena work;
    ebim_result r;
    void *mem = NULL;
    ebim_arena_init(&work, NULL, 0);
    r = ebim_model_score(m, &work, B, x, NULL, distance, energy, ok);
    if (!r) r = provide(&work, &mem);
    if (!r) r = ebim_model_score(m, &work, B, x, NULL, distance, energy, ok);
    free(mem);
    return r;
}

/* Log densities of x: [B][n] at their nearest points, per the user's volume. ERR_SHAPE where there
 * is no normaliser. */
static ebim_result model_log_density(const ebim_model *m, int B, const ebim_real *x, double *log_p,
                                     unsigned char *ok)
{
    static ebim_real energy[POINTS], distance[POINTS];
    ebim_arena work;
    ebim_log_z z;
    ebim_result r;
    void *mem = NULL;
    int i;
    if (!m->has_energy) return EBIM_ERR_SHAPE;
    ebim_arena_init(&work, NULL, 0);
    r = ebim_model_log_z(m, &work, 0, 1, &z);
    if (!r) r = provide(&work, &mem);
    if (!r) r = ebim_model_log_z(m, &work, 0, 1, &z);
    free(mem);
    if (!r) r = model_score(m, B, x, distance, energy, ok);
    for (i = 0; i < B && !r; i++) log_p[i] = -(double)energy[i] - z.log_z;
    return r;
}

/* From behind a model's linear map to the coordinates of the data */
static void to_data(const ebim_model *m, ebim_real *x)
{
    double w[AMBIENT];
    int c, i;
    for (c = 0; c < m->n; c++) w[c] = (double)x[c];
    for (c = 0; c < m->n; c++) {
        double v = 0;
        for (i = 0; i < m->n; i++) v += m->inverse[c * m->n + i] * w[i];
        x[c] = (ebim_real)v;
    }
}

/* Up to B points of M: uniform where random lines find them, by volume in the coordinates of the
 * model's box, else from noise. Returns how many. */
static int model_points(const ebim_model *m, int B, ebim_real *x, uint64_t seed)
{
    ebim_project_desc pd;
    ebim_lines_desc ld;
    ebim_lines *lines = NULL;
    ebim_projector *onto = NULL;
    ebim_arena work;
    void *mem = NULL;
    int pass, have = 0, signed_F = m->k == 1 && !m->F.field.codim;
    memset(&ld, 0, sizeof ld);
    memset(&pd, 0, sizeof pd);
    ld.lo = m->lo;
    ld.hi = m->hi;
    pd.method = EBIM_PROJECT_ONTO;
    ebim_arena_init(&work, NULL, 0);
    for (pass = 0; pass < 2; pass++) {
        ebim_result r = signed_F ? ebim_lines_init(&lines, &work, &m->F, &ld)
                                 : ebim_projector_init(&onto, &work, &m->F, &pd);
        if (r || (!pass && provide(&work, &mem))) break;
        if (!pass) continue;
        if (signed_F) have = ebim_lines_uniform(lines, B, x, seed);
        else have = ebim_projector_noise(onto, B, x, m->lo, m->hi, seed, 0);
    }
    free(mem);
    for (pass = 0; pass < have && m->linear; pass++) to_data(m, x + pass * m->n);
    return have;
}

/* Whether x is in the model's box, which lies behind its linear map if it has one */
static int model_holds(const ebim_model *m, const ebim_real *x)
{
    int c, i;
    for (c = 0; c < m->n; c++) {
        double w = m->linear ? 0 : (double)x[c];
        for (i = 0; i < m->n && m->linear; i++) w += m->linear[c * m->n + i] * (double)x[i];
        if (w < m->lo[c] || w > m->hi[c]) return 0;
    }
    return 1;
}

/* ---- what one fit is worth ---- */

typedef enum said { FINE_WORD, WARNED, REFUSED } said;
typedef enum judged { RIGHT, SILENT, FALSE_ALARM, FAILED, WRONG_BIT, MARKS } judged;

static const char *const word_name[] = {"fine", "warned", "refused"};
static const char *const mark_name[] = {"right", "SILENT", "FALSE ALARM", "failed", "wrong bit"};

typedef struct outcome {
    ebim_result result;
    int model, verdict, partial;
    int has_excess;
    double missing, spurious, excess, seconds;
    said word;
    judged mark;
} outcome;

/* Distances to M in natural coordinates where those are unlike the user's: from each point Newton
 * along F's gradient there. Some point of M, not quite the nearest one; the difference is of second
 * order in the distance. Codimension 1. */
static ebim_result natural_distances(const ebim_model *m, const battery_set *s, int B,
                                     const ebim_real *x, ebim_real *distance, unsigned char *ok)
{
    static ebim_real now[POINTS * 3], F[POINTS], J[POINTS * 3];
    double y[3], from[3], g[3], step = 0;
    int i, c, n = m->n, iter;
    ebim_result r = EBIM_OK;
    memcpy(now, x, (size_t)B * (size_t)n * sizeof *x);
    for (iter = 0; iter < 20 && !r; iter++) {
        r = ebim_gradients(m, B, now, F, J, NULL, NULL);
        for (i = 0; i < B && !r; i++) {
            for (c = 0; c < n; c++) g[c] = (double)J[i * n + c] * s->scale[c];
            step = (double)F[i] / fmax(sets_dot(n, g, g), 1e-30);
            to_natural(s, now + i * n, y);
            for (c = 0; c < n; c++) y[c] -= sets_clamp(step * g[c], -0.3, 0.3);
            to_user(s, y, now + i * n);
            to_natural(s, x + i * n, from);
            distance[i] = (ebim_real)sets_between(n, y, from);
            ok[i] = (unsigned char)(fabs(step) * sqrt(sets_dot(n, g, g)) < 1e-3 &&
                                    model_holds(m, now + i * n));
        }
    }
    return r;
}

static ebim_result measure_missing(truth *t, const ebim_model *m, uint64_t seed, double *share)
{
    static ebim_real x[POINTS * AMBIENT], d[POINTS];
    static unsigned char ok[POINTS];
    ebim_result r;
    ebim_rng rng;
    sets_place p;
    double y[AMBIENT];
    int i, far = 0;
    ebim_rng_init(&rng, seed, UINT64_MAX - 2);
    for (i = 0; i < POINTS; i++) {
        sets_uniform_place(&t->g, &rng, &p);
        sets_point(&t->g, &p, y);
        to_user(t->s, y, x + i * m->n);
    }
    r = t->s->scale ? natural_distances(m, t->s, POINTS, x, d, ok)
                    : model_score(m, POINTS, x, d, NULL, ok);
    for (i = 0; i < POINTS; i++) far += r || !ok[i] || !((double)d[i] <= 0.01 * t->g.size);
    *share = (double)far / (int)POINTS;
    return r;
}

static void measure_spurious(const truth *t, const ebim_model *m, uint64_t seed, double *share)
{
    static ebim_real x[POINTS * AMBIENT];
    double y[AMBIENT];
    int i, far = 0, have = model_points(m, POINTS, x, seed);
    for (i = 0; i < have; i++) {
        to_natural(t->s, x + i * m->n, y);
        far += sets_distance(&t->g, y) > 0.03 * t->g.size;
    }
    *share = have ? (double)far / have : 0;
}

/* Has the law of the rows a density on the true set, and is M such a set? */
static int has_density(const truth *t)
{
    const battery_set *s = t->s;
    int d = t->g.shape->d ? t->g.shape->d : t->g.shape->n - 1;
    return s->spoil != NOISE && !(s->spoil == ROUND && s->amount < 100) && d == s->dim;
}

static void measure_excess(truth *t, const ebim_model *m, uint64_t seed, outcome *o)
{
    static ebim_real x[POINTS * AMBIENT];
    static double log_p[POINTS], truly[POINTS];
    static unsigned char ok[POINTS];
    ebim_rng rng;
    sets_place p;
    double y[AMBIENT], sum = 0;
    int i, found = 0;
    if (!has_density(t)) return;
    ebim_rng_init(&rng, seed, UINT64_MAX - 3);
    for (i = 0; i < POINTS; i++) {
        draw_place(t, &rng, &p);
        sets_point(&t->g, &p, y);
        to_user(t->s, y, x + i * m->n);
        truly[i] = nll_of(t, &p);
    }
    if (model_log_density(m, POINTS, x, log_p, ok)) return;
    for (i = 0; i < POINTS; i++) {
        if (!ok[i]) continue; /* those are missing */
        sum -= log_p[i] + truly[i];
        found++;
    }
    o->has_excess = found > 0;
    o->excess = found ? sum / found : 0;
}

/* Bits of the names in a list. */
static int bits_of(const char *names)
{
    static const struct { const char *name; int bit; } known[] = {
#define ROW(name, value, bad, text, advice) {#name, value},
        EBIM_VERDICTS(ROW)
#undef ROW
    };
    int bits = 0;
    size_t i, k;
    if (!strcmp(names, "*")) return -1;
    for (; *names; names += k + (names[k] == ' ')) {
        k = strcspn(names, " ");
        for (i = 0; i < sizeof known / sizeof *known; i++)
            if (strlen(known[i].name) == k && !strncmp(known[i].name, names, k))
                bits |= known[i].bit;
    }
    return bits;
}

static said word_of(const outcome *o)
{
    if (o->result || o->verdict & EBIM_VERDICT_BAD) return REFUSED;
    return o->verdict || o->partial ? WARNED : FINE_WORD;
}

static int wrong(const outcome *o)
{
    return o->missing > 0.01 || o->spurious > 0.01 || (o->has_excess && !(o->excess <= 0.1));
}

static int told_right(const battery_set *s, const outcome *o)
{
    int must = bits_of(s->must), others = bits_of(s->bits);
    if (!strchr(s->words, "FWR"[o->word])) return 0;
    if (must && !(o->verdict & must) && o->word != FINE_WORD && o->model) return 0;
    return o->word == FINE_WORD || others == -1 || !(o->verdict & ~(must | others));
}

static judged mark_of(const battery_set *s, const outcome *o)
{
    if (o->word == FINE_WORD && wrong(o)) return SILENT;
    if (o->word == REFUSED && s->closed_clean && (!o->model || !wrong(o))) return FALSE_ALARM;
    if (wrong(o) && strchr(s->words, 'F') && !strchr(s->words, 'R')) return FAILED;
    return told_right(s, o) ? RIGHT : WRONG_BIT;
}

static void fit_once(truth *t, uint64_t seed, outcome *o)
{
    static ebim_real x[ROWS * AMBIENT];
    ebim_fit_desc d;
    ebim_model m;
    clock_t start;
    memset(&d, 0, sizeof d);
    memset(o, 0, sizeof *o);
    d.dim = t->s->dim;
    d.seed = seed;
    make_data(t, seed, x);
    start = clock();
    o->result = ebim_fit(&m, t->s->N, t->g.shape->n, x, &d);
    o->seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    o->model = m.owned != NULL;
    o->missing = 1;
    if (o->model) {
        o->verdict = m.judged.verdict;
        o->partial = m.info.partial > 0;
        if (!measure_missing(t, &m, seed, &o->missing)) {
            measure_spurious(t, &m, seed, &o->spurious);
            measure_excess(t, &m, seed, o);
        }
    }
    ebim_free(&m);
    o->word = word_of(o);
    o->mark = mark_of(t->s, o);
}

/* ---- the truths tested ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of a mean over the law: its value, and how many standard errors it is from the same mean over
 * uniform points weighted with e^-nll; first 1 (the integral of the density), then coordinates. */
static double law_error(truth *t, ebim_rng *r, int coordinate, double *integral)
{
    double sum[2] = {0, 0}, squares[2] = {0, 0}, x[AMBIENT], var;
    int i, which;
    sets_place p;
    for (i = 0; i < POINTS; i++)
        for (which = 0; which < 2; which++) {
            double v;
            if (which) draw_place(t, r, &p);
            else sets_uniform_place(&t->g, r, &p);
            sets_point(&t->g, &p, x);
            v = (coordinate < 0 ? 1 : x[coordinate]) *
                (which ? 1 : t->g.volume * exp(-nll_natural(t, &p)));
            sum[which] += v / (int)POINTS;
            squares[which] += v * v / (int)POINTS;
        }
    *integral = sum[0];
    var = fmax(squares[0] - sum[0] * sum[0], 0) + fmax(squares[1] - sum[1] * sum[1], 0);
    return (sum[0] - sum[1]) / sqrt(var / (int)POINTS + 1e-12);
}

/* Are as many rows off the truth as the spoil says? */
static int check_data(truth *t, uint64_t seed, int *off)
{
    static ebim_real x[ROWS * AMBIENT];
    const battery_set *s = t->s;
    double y[AMBIENT], want = 0;
    int i;
    make_data(t, seed, x);
    for (*off = 0, i = 0; i < s->N; i++) {
        to_natural(s, x + i * s->shape->n, y);
        *off += sets_distance(&t->g, y) > 1e-3 * t->g.size;
    }
    if (s->spoil == FAR || s->spoil == FAR_TOGETHER) return *off == (int)s->amount;
    if (s->spoil == SCATTER) want = s->amount * s->N;
    if (s->spoil == NOISE || (s->spoil == REPEAT && s->extra > 5e-4)) return *off > 0.1 * s->N;
    return fabs(*off - want) <= 0.1 * want;
}

static int check_set(truth *t, uint64_t seed)
{
    enum { SOME = 300 };
    double off[SOME], on = 0, drawn = 0, worst = 0, integral = 0, first, v, x[AMBIENT];
    int i, ok, rows, full = t->g.shape->d == t->g.shape->n;
    ebim_rng r;
    sets_place p;
    ebim_rng_init(&r, seed, UINT64_MAX - 4);
    for (i = 0; i < SOME; i++) {
        sets_uniform_place(&t->g, &r, &p);
        sets_point(&t->g, &p, x);
        on = fmax(on, sets_distance(&t->g, x));
        off[i] = full ? 1 : sets_moved_off(&t->g, &p, &r, 0.01 * t->g.size);
        draw_place(t, &r, &p);
        sets_point(&t->g, &p, x);
        drawn = fmax(drawn, sets_distance(&t->g, x));
    }
    qsort(off, SOME, sizeof *off, compare);
    first = law_error(t, &r, -1, &integral);
    for (i = 0; i < t->g.shape->n; i++) worst = fmax(worst, fabs(law_error(t, &r, i, &v)));
    ok = on < 1e-4 * t->g.size && drawn < 1e-4 * t->g.size && fabs(off[SOME / 2] - 1) < 0.01 &&
         off[SOME - 1] < 1.01 && fabs(first) < 4.5 && worst < 4.5 && !t->g.above;
    ok &= check_data(t, seed, &rows);
    if (t->s->volume > 0) ok &= fabs(t->g.volume / t->s->volume - 1) < 1e-4;
    printf("%-18s volume %8.4f (%8.4f) size %.3f on %.0e law on %.0e off by 1: %.4f, most %.4f "
           "integral %.4f (%+.1f se), law's means %.1f se, rows off %d %s\n", t->s->name,
           t->g.volume, t->s->volume, t->g.size, on, drawn, off[SOME / 2], off[SOME - 1], integral,
           first, worst, rows, ok ? "ok" : "WRONG");
    fflush(stdout);
    return ok;
}

/* ---- the report ---- */

typedef struct counts {
    int fits, closed_clean, marks[MARKS];
    double seconds;
} counts;

static void print_outcome(const battery_set *s, int seed, const outcome *o)
{
    char bits[256];
    printf("%-18s %2d %-7s %-24s", s->name, seed, word_name[o->word],
           sets_bit_names(o->verdict, bits, sizeof bits) ? bits : "-");
    if (o->model)
        printf(" missing %5.1f %% spurious %5.1f %%", 100 * o->missing, 100 * o->spurious);
    else printf(" %-33s", "no model");
    if (o->has_excess) printf(" excess %+7.3f", o->excess);
    else printf(" %14s", "");
    printf(" %5.1f s  %s%s", o->seconds, mark_name[o->mark], o->partial ? ", partial" : "");
    printf("%s%s\n", o->result ? ": " : "", o->result ? ebim_result_str(o->result) : "");
    fflush(stdout);
}

static void count_outcome(counts *c, const battery_set *s, const outcome *o)
{
    c->fits++;
    c->closed_clean += s->closed_clean;
    c->marks[o->mark]++;
    c->seconds += o->seconds;
}

static void print_counts(const counts *c)
{
    json j = json_begin(stdout);
    json_number(&j, "fits", c->fits);
    json_number(&j, "silent", c->marks[SILENT]);
    json_number(&j, "false_alarms", c->marks[FALSE_ALARM]);
    json_number(&j, "closed_clean", c->closed_clean);
    json_number(&j, "failed", c->marks[FAILED]);
    json_number(&j, "wrong_bit", c->marks[WRONG_BIT]);
    json_number(&j, "seconds", c->seconds);
    json_end(&j);
}

/* ---- the run ---- */

typedef struct args {
    const char *only;
    int seeds, quick, check, list, part, parts;
} args;

static int usage(const char *problem, const char *word)
{
    fprintf(stderr, "verdicts: %s%s\nusage: verdicts [--only NAME] [--seeds K] [--part I/P] "
            "[--quick] [--check] [--list]\n"
            "  --only NAME  sets whose names begin so; --list has them\n"
            "  --seeds K    fits of each set (4, at most %d)\n"
            "  --part I/P   of all fits every P-th, from the I-th\n"
            "  --quick      one seed of a few sets\n"
            "  --check      no fits: are the truths true?\n"
            "  --list       what is right for each set, and why\n", problem, word, SEEDS);
    return 2;
}

static int parse(args *a, int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++) {
        const char *s = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        char *end;
        if (!strcmp(s, "--quick")) a->quick = 1, a->seeds = 1;
        else if (!strcmp(s, "--check")) a->check = 1, a->seeds = 1;
        else if (!strcmp(s, "--list")) a->list = 1;
        else if (!strcmp(s, "--only")) a->only = value, i++;
        else if (!strcmp(s, "--part")) {
            if (!sets_part(value, &a->part, &a->parts))
                return usage("--part: not I/P: ", value);
            i++;
        } else if (!strcmp(s, "--seeds")) {
            long n = strtol(value, &end, 10);
            if (end == value || *end || n < 1 || n > SEEDS) return usage("--seeds: not ", value);
            a->seeds = (int)n;
            i++;
        } else return usage("unknown option ", s);
    }
    return 0;
}

static int wanted(const args *a, const battery_set *s)
{
    size_t i;
    if (a->only) return !strncmp(s->name, a->only, strlen(a->only));
    if (!a->quick) return 1;
    for (i = 0; i < sizeof quick_sets / sizeof *quick_sets; i++)
        if (!strcmp(s->name, quick_sets[i])) return 1;
    return 0;
}

static void list_set(const battery_set *s)
{
    printf("%-18s %d rows, n %d, dim %d, %s%s; must have %s, may have %s: %s\n", s->name, s->N,
           s->shape->n, s->dim, s->words, s->closed_clean ? ", closed and clean" : "",
           *s->must ? s->must : "-", *s->bits ? s->bits : "-", s->why);
}

/* Returns 1 when the truth is wrong (--check). */
static int run_set(const args *a, const battery_set *s, int seed, counts *c)
{
    static truth t;
    outcome o;
    if (a->list) {
        list_set(s);
        return 0;
    }
    build_truth(&t, s, (uint64_t)seed);
    if (a->check) return !check_set(&t, (uint64_t)seed);
    fit_once(&t, (uint64_t)seed, &o);
    print_outcome(s, seed, &o);
    count_outcome(c, s, &o);
    return 0;
}

int main(int argc, char **argv)
{
    args a = {NULL, 4, 0, 0, 0, 1, 1};
    counts c;
    int i, seed, turn = 0, wrongs = 0;
    memset(&c, 0, sizeof c);
    if (parse(&a, argc, argv)) return 2;
    for (seed = 0; seed < (a.list ? 1 : a.seeds); seed++) /* all sets early: most is seen soon */
        for (i = 0; i < SETS; i++)
            if (wanted(&a, &sets[i]) && turn++ % a.parts == a.part - 1)
                wrongs += run_set(&a, &sets[i], seed, &c);
    if (!turn) return usage("no such set: ", a.only);
    if (a.list) return 0;
    if (a.check) printf("%d of the truths are wrong\n", wrongs);
    else print_counts(&c);
    return wrongs || c.marks[SILENT] ? 1 : 0;
}
