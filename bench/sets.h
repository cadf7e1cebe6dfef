/* sets.h: sets of points that are known exactly, and laws on them. Include it after ebim.h.

   A set is given by charts: points from parameters in the unit interval, square or cube, for each
   piece. From these follow, by numbers where there is no formula, its volume, points uniform by
   volume, the point of it that is nearest to any other, and the density of a law per unit of
   volume, which is that of the parameters divided by the volume of what they span.

   sets_known are sets with laws that are not uniform. sets_frame hides a set by a random rotation,
   a scale and a shift. */
#ifndef SETS_H
#define SETS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/common/file.h"
#include "../examples/common/synth.h"

enum {
    SETS_N = 64, SETS_D = 6, SETS_PIECES = 10, /* the most coordinates, parameters, pieces */
    SETS_RANDOM = 256,                         /* random coefficients of a shape */
    SETS_VERTICES = 20000, SETS_CLOUD = 20000, SETS_GRID = 300, SETS_BLOCK = 64
};

/* ---- what a set is ---- */

/* A point of a set: which piece, and its parameters; where there are no charts, the point itself */
typedef struct sets_place {
    int piece;
    double q[SETS_D];
} sets_place;

typedef struct sets_truth sets_truth;
typedef struct sets_shape {
    int n, d, pieces;       /* ambient; of the charts, or 0: the unit sphere, without charts */
    void (*at)(const sets_truth *t, int piece, const double *q, double *x);
    double (*distance)(const sets_truth *t, const double *x); /* exact (NULL: by numbers, d <= 2) */
    double element;         /* volume that a unit of parameters spans, where this is the same
                             * everywhere (0: it is not). d > 2 needs both of these */
    unsigned ends;          /* bit 2 i: parameter i ends at 0, bit 2 i + 1: at 1 */
    void (*prepare)(sets_truth *t); /* its random coefficients (NULL: none) */
} sets_shape;

struct sets_truth {         /* all zero before sets_build */
    const sets_shape *shape;
    const double *arg;                 /* of the shape */
    double random[SETS_RANDOM];
    int rows;                          /* of shapes made of points, */
    const double *row;                 /* [rows][n] which are kept by reference */
    double volume, size;               /* size: half the diameter */
    double part[SETS_PIECES], most[SETS_PIECES]; /* volume, largest element (d 2) of each piece */
    int per;                           /* d 1: intervals of each piece, */
    double *vertex, *along;            /* their ends, and lengths up to there */
    sets_place *cloud;                 /* d 2, no exact distance: points to start from */
    double *cloud_x;
    int above;                         /* elements met that were above `most`: must be 0 */
};

FILE_FN double sets_dot(int n, const double *a, const double *b)
{
    double sum = 0;
    int c;
    for (c = 0; c < n; c++) sum += a[c] * b[c];
    return sum;
}

FILE_FN double sets__square(int n, const double *a, const double *b)
{
    double sum = 0;
    int c;
    for (c = 0; c < n; c++) sum += (a[c] - b[c]) * (a[c] - b[c]);
    return sum;
}

FILE_FN double sets_between(int n, const double *a, const double *b)
{
    return sqrt(sets__square(n, a, b));
}

FILE_FN double sets_clamp(double v, double lo, double hi) { return v < lo ? lo : v > hi ? hi : v; }
FILE_FN double sets_uniform(ebim_rng *r) { return (double)ebim_rng_uniform(r); }

/* In the plane: radius r at the angle of q. */
FILE_FN void sets_polar(double r, double q, double *x)
{
    x[0] = r * cos(2 * SYNTH_PI * q);
    x[1] = r * sin(2 * SYNTH_PI * q);
}

FILE_FN void *sets__room(void *p, size_t bytes)
{
    p = realloc(p, bytes);
    if (p) return p;
    fprintf(stderr, "out of memory\n");
    exit(1);
}

/* ---- curves ---- */

/* Half axes 1 and arg[0], turned by arg[1] degrees; level in space. */
FILE_FN void sets__ellipse(const sets_truth *t, int piece, const double *q, double *x)
{
    double turn = t->arg[1] * SYNTH_PI / 180, u[2];
    int c;
    (void)piece;
    sets_polar(1, *q, u);
    u[1] *= t->arg[0];
    x[0] = cos(turn) * u[0] - sin(turn) * u[1];
    x[1] = sin(turn) * u[0] + cos(turn) * u[1];
    for (c = 2; c < t->shape->n; c++) x[c] = 0;
}

/* Radius 1 + arg[1] cos(arg[0] angle). */
FILE_FN void sets__petals(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)piece;
    sets_polar(1 + t->arg[1] * cos(2 * SYNTH_PI * t->arg[0] * *q), *q, x);
}

/* Unit circles, arg[0] a row, their centres arg[1] apart. */
FILE_FN void sets__circles(const sets_truth *t, int piece, const double *q, double *x)
{
    int row = (int)t->arg[0];
    sets_polar(1, *q, x);
    x[0] += t->arg[1] * (piece % row);
    x[1] += t->arg[1] * (piece / row);
}

/* arg[0] turns, the radius from arg[1] to 1: arcs and spirals. */
FILE_FN void sets__spiral(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)piece;
    sets_polar(t->arg[1] + (1 - t->arg[1]) * *q, t->arg[0] * *q, x);
}

FILE_FN void sets__trefoil(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = 2 * SYNTH_PI * *q;
    (void)t;
    (void)piece;
    x[0] = sin(a) + 2 * sin(2 * a);
    x[1] = cos(a) - 2 * cos(2 * a);
    x[2] = -sin(3 * a);
}

/* Round a torus of radii 1 and 0.35, arg[0] times while once along it */
FILE_FN void sets__coil(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = 2 * SYNTH_PI * t->arg[0] * *q;
    (void)piece;
    sets_polar(1 + 0.35 * cos(a), *q, x);
    x[2] = 0.35 * sin(a);
}

/* Two circles, each through the other's centre */
FILE_FN void sets__links(const sets_truth *t, int piece, const double *q, double *x)
{
    double u[2];
    (void)t;
    sets_polar(1, *q, u);
    x[0] = piece + u[0];
    x[1] = piece ? 0 : u[1];
    x[2] = piece ? u[1] : 0;
}

/* The j-th pair of coordinates goes j times round, with radius j^-5/2: no subspace holds it. */
FILE_FN void sets__harmonics(const sets_truth *t, int piece, const double *q, double *x)
{
    int j;
    (void)piece;
    for (j = 1; j <= t->shape->n / 2; j++) sets_polar(pow(j, -2.5), j * *q, x + 2 * (j - 1));
}

/* A crank of length 2 that turns, a rocker of length 3, their pivots 4 apart, and the bar of length
 * 3.5 between their ends, which are the four coordinates. The bar fits in two ways, and no motion
 * leads from one to the other, as the crank is the shortest and 2 + 4 < 3 + 3.5 (Grashof). */
FILE_FN void sets__four_bar(const sets_truth *t, int piece, const double *q, double *x)
{
    double dx, dy, l, along, across;
    (void)t;
    sets_polar(2, *q, x);
    dx = 4 - x[0];
    dy = -x[1];
    l = hypot(dx, dy);
    along = (3.5 * 3.5 - 3 * 3 + l * l) / (2 * l);
    across = (piece ? -1 : 1) * sqrt(3.5 * 3.5 - along * along);
    x[2] = x[0] + (along * dx - across * dy) / l;
    x[3] = x[1] + (along * dy + across * dx) / l;
}

FILE_FN void sets__helix(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)piece;
    sets_polar(1, t->arg[0] * *q, x);
    x[2] = t->arg[0] * *q;
}

/* Closed, through the rows, smooth (Catmull and Rom) */
FILE_FN void sets__outline(const sets_truth *t, int piece, const double *q, double *x)
{
    double at = (*q - floor(*q)) * t->rows, s = at - floor(at);
    int c, j, i = (int)floor(at);
    (void)piece;
    for (c = 0; c < t->shape->n; c++) {
        double p[4];
        for (j = 0; j < 4; j++) p[j] = t->row[(i + j - 1 + t->rows) % t->rows * t->shape->n + c];
        x[c] = p[1] + 0.5 * s * (p[2] - p[0] + s * (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3] +
               s * (3 * (p[1] - p[2]) + p[3] - p[0])));
    }
}

/* ---- surfaces and more ---- */

/* Spheres round one centre, of radii 1, 2/3, 1/3; arg[0] 0.5: the upper half. Further coordinates
 * are 0. */
FILE_FN double sets__radius(int piece) { return 1 - piece / 3.0; }

FILE_FN void sets__spheres(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = SYNTH_PI * (t->arg[0] > 0 ? t->arg[0] : 1) * q[0], r = sets__radius(piece);
    int c;
    sets_polar(r * sin(a), q[1], x);
    x[2] = r * cos(a);
    for (c = 3; c < t->shape->n; c++) x[c] = 0;
}

FILE_FN double sets__from_spheres(const sets_truth *t, const double *x)
{
    double r = sqrt(sets_dot(3, x, x)), least = HUGE_VAL;
    int i;
    if (t->arg[0] > 0 && x[2] < 0) return hypot(hypot(x[0], x[1]) - 1, x[2]);
    for (i = 0; i < t->shape->pieces; i++) least = fmin(least, fabs(r - sets__radius(i)));
    return hypot(least, sqrt(sets_dot(t->shape->n - 3, x + 3, x + 3)));
}

FILE_FN double sets_from_sphere(const sets_truth *t, const double *x)
{
    return fabs(sqrt(sets_dot(t->shape->n, x, x)) - 1);
}

/* Radii arg[0] and 1 */
FILE_FN void sets__torus(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)piece;
    sets_polar(t->arg[0] + cos(2 * SYNTH_PI * q[0]), q[1], x);
    x[2] = sin(2 * SYNTH_PI * q[0]);
}

FILE_FN double sets__from_torus(const sets_truth *t, const double *x)
{
    return fabs(hypot(hypot(x[0], x[1]) - t->arg[0], x[2]) - 1);
}

/* As wide as its middle circle's radius: q[1] goes across. */
FILE_FN void sets__moebius(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = SYNTH_PI * q[0], across = q[1] - 0.5;
    (void)t;
    (void)piece;
    sets_polar(1 + across * cos(a), q[0], x);
    x[2] = across * sin(a);
}

/* A tube of radius 1/2 round the unit circle, which turns half way over once round it */
FILE_FN void sets__klein(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = SYNTH_PI * q[0], u[2];
    (void)t;
    (void)piece;
    sets_polar(0.5, q[1], u);
    sets_polar(1 + u[0], q[0], x);
    x[2] = u[1] * cos(a);
    x[3] = u[1] * sin(a);
}

/* A product of d unit circles */
FILE_FN void sets__circles_product(const sets_truth *t, int piece, const double *q, double *x)
{
    int i;
    (void)piece;
    for (i = 0; i < t->shape->d; i++) sets_polar(1, q[i], x + 2 * i);
}

FILE_FN double sets__from_product(const sets_truth *t, const double *x)
{
    double sum = 0;
    int i;
    for (i = 0; i < t->shape->d; i++) sum += pow(hypot(x[2 * i], x[2 * i + 1]) - 1, 2);
    return sqrt(sum);
}

/* y, and in n dimensions quadratic forms of it with random coefficients of size 0.3 / sqrt(n) */
FILE_FN void sets__warp(const sets_truth *t, int d, const double *y, double *x)
{
    const double *coefficient = t->random;
    int c, i, j;
    for (c = 0; c < t->shape->n; c++)
        for (x[c] = c < d ? y[c] : 0, i = 0; i < d; i++)
            for (j = 0; j <= i; j++) x[c] += *coefficient++ * y[i] * y[j];
}

FILE_FN void sets__warp_prepare(sets_truth *t)
{
    ebim_rng r;
    int i;
    ebim_rng_init(&r, 6, 0);
    for (i = 0; i < SETS_RANDOM; i++)
        t->random[i] = 0.3 / sqrt(t->shape->n) * (double)ebim_rng_normal(&r);
}

FILE_FN void sets__warped_sphere(const sets_truth *t, int piece, const double *q, double *x)
{
    double y[3];
    (void)piece;
    sets_polar(sin(SYNTH_PI * q[0]), q[1], y);
    y[2] = cos(SYNTH_PI * q[0]);
    sets__warp(t, 3, y, x);
}

FILE_FN void sets__warped_torus(const sets_truth *t, int piece, const double *q, double *x)
{
    double y[4];
    sets__circles_product(t, piece, q, y);
    sets__warp(t, 4, y, x);
}

/* The columns of a rotation: as many of its nine numbers as n. Euler's angles about z, y and z, the
 * second by its cosine: equal parameters span equal volumes. */
FILE_FN void sets__rotation(const sets_truth *t, int piece, const double *q, double *x)
{
    double a[2], g[2], R[9], c = 2 * q[1] - 1, s = sqrt(fmax(1 - c * c, 0));
    (void)piece;
    sets_polar(1, q[0], a);
    sets_polar(1, q[2], g);
    R[0] = a[0] * c * g[0] - a[1] * g[1];
    R[1] = a[1] * c * g[0] + a[0] * g[1];
    R[2] = -s * g[0];
    R[3] = -a[0] * c * g[1] - a[1] * g[0];
    R[4] = -a[1] * c * g[1] + a[0] * g[0];
    R[5] = s * g[1];
    R[6] = a[0] * s;
    R[7] = a[1] * s;
    R[8] = c;
    memcpy(x, R, (size_t)t->shape->n * sizeof *x);
}

FILE_FN double sets__det3(const double *A)
{
    return A[0] * (A[4] * A[8] - A[5] * A[7]) - A[1] * (A[3] * A[8] - A[5] * A[6]) +
           A[2] * (A[3] * A[7] - A[4] * A[6]);
}

/* Singular values less 1, the smallest with the sign of the determinant. They are the roots of the
 * eigenvalues of A'A, which a cosine of a third of an angle gives. */
FILE_FN double sets__from_rotations(const sets_truth *t, const double *A)
{
    double G[9], B[9], trace = 0, p = 0, angle, sum = 0;
    int i, j;
    (void)t;
    for (i = 0; i < 3; i++)
        for (j = 0; j < 3; j++) G[3 * i + j] = sets_dot(3, A + 3 * i, A + 3 * j);
    for (i = 0; i < 3; i++) trace += G[4 * i] / 3;
    for (i = 0; i < 9; i++) B[i] = G[i] - (i % 4 ? 0 : trace);
    p = sqrt(sets_dot(9, B, B) / 6);
    for (i = 0; i < 9; i++) B[i] /= fmax(p, 1e-300);
    angle = acos(sets_clamp(sets__det3(B) / 2, -1, 1)) / 3;
    for (i = 0; i < 3; i++) {
        double s = sqrt(fmax(trace + 2 * p * cos(angle + 2 * SYNTH_PI * i / 3), 0));
        if (i == 1 && sets__det3(A) < 0) s = -s; /* the angle + 2 pi / 3 has the least cosine */
        sum += (s - 1) * (s - 1);
    }
    return sqrt(sum);
}

/* Two columns; the sum of the singular values by the trace and the determinant of A'A */
FILE_FN double sets__from_pairs(const sets_truth *t, const double *A)
{
    double a = sets_dot(3, A, A), b = sets_dot(3, A + 3, A + 3), ab = sets_dot(3, A, A + 3);
    (void)t;
    return sqrt(fmax(a + b + 2 - 2 * sqrt(a + b + 2 * sqrt(fmax(a * b - ab * ab, 0))), 0));
}

FILE_FN void sets__half_cylinder(const sets_truth *t, int piece, const double *q, double *x)
{
    (void)t;
    (void)piece;
    sets_polar(1, q[0] / 2, x);
    x[2] = 2 * q[1];
}

/* One and a half turns, from the radius 1.5 pi to 4.5 pi, and 10 high */
FILE_FN void sets__swiss_roll(const sets_truth *t, int piece, const double *q, double *x)
{
    double a = 1.5 + 3 * q[0];
    (void)t;
    (void)piece;
    sets_polar(SYNTH_PI * a, a / 2, x);
    x[2] = 10 * q[1];
}

#define SETS__2PI (2 * SYNTH_PI)
#define SETS__SO3 (8 * SYNTH_PI * SYNTH_PI) /* of rotations by their angles */
static const sets_shape sets_ellipse = {2, 1, 1, sets__ellipse, NULL, 0, 0, NULL},
    sets_ellipse5 = {5, 1, 1, sets__ellipse, NULL, 0, 0, NULL},
    sets_petals = {2, 1, 1, sets__petals, NULL, 0, 0, NULL},
    sets_two_circles = {2, 1, 2, sets__circles, NULL, SETS__2PI, 0, NULL},
    sets_ten_circles = {2, 1, 10, sets__circles, NULL, SETS__2PI, 0, NULL},
    sets_spiral = {2, 1, 1, sets__spiral, NULL, 0, 3, NULL},
    sets_trefoil = {3, 1, 1, sets__trefoil, NULL, 0, 0, NULL},
    sets_coil = {3, 1, 1, sets__coil, NULL, 0, 0, NULL},
    sets_links = {3, 1, 2, sets__links, NULL, SETS__2PI, 0, NULL},
    sets_harmonics = {50, 1, 1, sets__harmonics, NULL, 0, 0, NULL},
    sets_four_bar = {4, 1, 2, sets__four_bar, NULL, 0, 0, NULL},
    sets_helix = {3, 1, 1, sets__helix, NULL, 0, 3, NULL},
    sets_outline = {2, 1, 1, sets__outline, NULL, 0, 0, NULL},
    sets_sphere = {3, 2, 1, sets__spheres, sets__from_spheres, 0, 0, NULL},
    sets_sphere5 = {5, 2, 1, sets__spheres, sets__from_spheres, 0, 0, NULL},
    sets_three_spheres = {3, 2, 3, sets__spheres, sets__from_spheres, 0, 0, NULL},
    sets_hemisphere = {3, 2, 1, sets__spheres, NULL, 0, 2, NULL},
    sets_torus = {3, 2, 1, sets__torus, sets__from_torus, 0, 0, NULL},
    sets_moebius = {3, 2, 1, sets__moebius, NULL, 0, 12, NULL},
    sets_half_cylinder = {3, 2, 1, sets__half_cylinder, NULL, SETS__2PI, 15, NULL},
    sets_swiss_roll = {3, 2, 1, sets__swiss_roll, NULL, 0, 15, NULL},
    sets_klein = {4, 2, 1, sets__klein, NULL, 0, 0, NULL},
    sets_warped_sphere = {10, 2, 1, sets__warped_sphere, NULL, 0, 0, sets__warp_prepare},
    sets_warped_torus = {20, 2, 1, sets__warped_torus, NULL, 0, 0, sets__warp_prepare},
    sets_product2 = {4, 2, 1, sets__circles_product, sets__from_product, SETS__2PI * SETS__2PI, 0,
                     NULL},
    sets_product3 = {6, 3, 1, sets__circles_product, sets__from_product,
                     SETS__2PI * SETS__2PI * SETS__2PI, 0, NULL},
    sets_product4 = {8, 4, 1, sets__circles_product, sets__from_product,
                     SETS__2PI * SETS__2PI * SETS__2PI * SETS__2PI, 0, NULL},
    /* A rotation by small angles w moves its three columns by 2 |w|^2 in square, and two of them by
     * w1^2 + w2^2 + 2 w3^2: volumes are 2^(3/2) and 2^(1/2) times those of the angles. */
    sets_rotations = {9, 3, 1, sets__rotation, sets__from_rotations,
                      2 * 1.41421356237309504880 * SETS__SO3, 0, NULL},
    sets_pairs = {6, 3, 1, sets__rotation, sets__from_pairs, 1.41421356237309504880 * SETS__SO3, 0,
                  NULL};

/* ---- volumes, uniform points ---- */

FILE_FN void sets_point(const sets_truth *t, const sets_place *p, double *x)
{
    if (t->shape->d) t->shape->at(t, p->piece, p->q, x);
    else memcpy(x, p->q, (size_t)t->shape->n * sizeof *x);
}

/* The derivatives of the chart, [d][n], by differences */
FILE_FN void sets__slopes(const sets_truth *t, const sets_place *p, double (*J)[SETS_N])
{
    double lo[SETS_N], hi[SETS_N], h = 1e-5;
    int i, c;
    for (i = 0; i < t->shape->d; i++) {
        sets_place a = *p, b = *p;
        a.q[i] -= h;
        b.q[i] += h;
        sets_point(t, &a, lo);
        sets_point(t, &b, hi);
        for (c = 0; c < t->shape->n; c++) J[i][c] = (hi[c] - lo[c]) / (2 * h);
    }
}

/* Volume of what a unit of a chart becomes, by numbers, with the columns in other units; NULL: in
 * their own. It is the product of the lengths that are left of the slopes, each made orthogonal to
 * those before it. */
FILE_FN double sets_element_of(const sets_truth *t, const sets_place *p, const double *scale)
{
    double J[SETS_D][SETS_N], length[SETS_D], product = 1, part;
    int i, j, c, n = t->shape->n;
    sets__slopes(t, p, J);
    for (i = 0; i < t->shape->d; i++) {
        for (c = 0; scale && c < n; c++) J[i][c] *= scale[c];
        for (j = 0; j < i; j++) {
            part = sets_dot(n, J[i], J[j]) / fmax(length[j], 1e-300);
            for (c = 0; c < n; c++) J[i][c] -= part * J[j][c];
        }
        length[i] = sets_dot(n, J[i], J[i]);
        product *= sqrt(length[i]);
    }
    return product;
}

FILE_FN double sets_element(const sets_truth *t, const sets_place *p)
{
    return t->shape->element > 0 ? t->shape->element : sets_element_of(t, p, NULL);
}

FILE_FN void sets__build_curve(sets_truth *t)
{
    size_t count = (size_t)SETS_VERTICES + SETS_PIECES;
    int piece, i, n = t->shape->n;
    t->per = SETS_VERTICES / t->shape->pieces;
    t->vertex = (double *)sets__room(t->vertex, count * (size_t)n * sizeof *t->vertex);
    t->along = (double *)sets__room(t->along, count * sizeof *t->along);
    for (piece = 0; piece < t->shape->pieces; piece++) {
        double *v = t->vertex + piece * (t->per + 1) * n, *a = t->along + piece * (t->per + 1);
        for (a[0] = 0, i = 0; i <= t->per; i++) {
            double q = (double)i / t->per;
            t->shape->at(t, piece, &q, v + i * n);
            if (i) a[i] = a[i - 1] + sets_between(n, v + (i - 1) * n, v + i * n);
        }
        t->part[piece] = a[t->per];
    }
}

FILE_FN void sets__build_surface(sets_truth *t)
{
    int i, j;
    sets_place p;
    memset(&p, 0, sizeof p);
    for (p.piece = 0; p.piece < t->shape->pieces; p.piece++) {
        double sum = 0, most = 0;
        for (i = 0; i < SETS_GRID; i++)
            for (j = 0; j < SETS_GRID; j++) {
                double e;
                p.q[0] = (i + 0.5) / (int)SETS_GRID;
                p.q[1] = (j + 0.5) / (int)SETS_GRID;
                e = sets_element(t, &p);
                sum += e;
                most = fmax(most, e);
            }
        t->part[p.piece] = sum / (int)SETS_GRID / (int)SETS_GRID;
        t->most[p.piece] = 1.1 * most;
    }
}

/* A piece by weights that need not add to 1. */
FILE_FN int sets_pick(ebim_rng *r, int count, const double *w)
{
    double sum = 0, u;
    int i;
    for (i = 0; i < count; i++) sum += w[i];
    u = sum * sets_uniform(r);
    for (i = 0; i < count - 1 && u >= w[i]; i++) u -= w[i];
    return i;
}

FILE_FN double sets__along_curve(const sets_truth *t, int piece, double s)
{
    const double *a = t->along + piece * (t->per + 1);
    int lo = 0, hi = t->per;
    while (hi - lo > 1) {
        int mid = (lo + hi) / 2;
        if (a[mid] <= s) lo = mid;
        else hi = mid;
    }
    return (lo + (s - a[lo]) / fmax(a[lo + 1] - a[lo], 1e-300)) / t->per;
}

/* Uniform by volume within its piece. */
FILE_FN void sets_uniform_in(sets_truth *t, ebim_rng *r, sets_place *p)
{
    int c;
    double e, length;
    if (t->shape->d == 1) {
        p->q[0] = sets__along_curve(t, p->piece, sets_uniform(r) * t->part[p->piece]);
    } else if (t->shape->element > 0) {
        for (c = 0; c < t->shape->d; c++) p->q[c] = sets_uniform(r);
    } else if (t->shape->d == 2) {
        do {
            for (c = 0; c < 2; c++) p->q[c] = sets_uniform(r);
            e = sets_element(t, p);
            t->above += e > t->most[p->piece];
        } while (sets_uniform(r) * t->most[p->piece] >= e);
    } else {
        for (c = 0; c < t->shape->n; c++) p->q[c] = (double)ebim_rng_normal(r);
        length = sqrt(sets_dot(t->shape->n, p->q, p->q));
        for (c = 0; c < t->shape->n; c++) p->q[c] /= length;
    }
}

FILE_FN void sets_uniform_place(sets_truth *t, ebim_rng *r, sets_place *p)
{
    memset(p, 0, sizeof *p);
    p->piece = sets_pick(r, t->shape->pieces, t->part);
    sets_uniform_in(t, r, p);
}

FILE_FN double sets__size(sets_truth *t, ebim_rng *r)
{
    enum { SOME = 1000 };
    static double x[SOME][SETS_N];
    double most = 0;
    sets_place p;
    int i, j;
    for (i = 0; i < SOME; i++) {
        sets_uniform_place(t, r, &p);
        sets_point(t, &p, x[i]);
        for (j = 0; j < i; j++) most = fmax(most, sets_between(t->shape->n, x[i], x[j]));
    }
    return most / 2;
}

/* arg is kept by reference. */
FILE_FN void sets_build(sets_truth *t, const sets_shape *shape, const double *arg, ebim_rng *r)
{
    int i, n = shape->n;
    t->shape = shape;
    t->arg = arg;
    t->above = 0;
    if (shape->prepare) shape->prepare(t);
    if (shape->d == 1) sets__build_curve(t);
    else if (shape->d > 2) t->part[0] = shape->element;
    else if (shape->d == 2) sets__build_surface(t);
    else t->part[0] = 2 * pow(SYNTH_PI, n / 2.) / tgamma(n / 2.);
    for (t->volume = 0, i = 0; i < shape->pieces; i++) t->volume += t->part[i];
    if (shape->d == 2 && !shape->distance) {
        t->cloud = (sets_place *)sets__room(t->cloud, SETS_CLOUD * sizeof *t->cloud);
        t->cloud_x = (double *)sets__room(t->cloud_x, SETS_CLOUD * (size_t)n * sizeof(double));
        for (i = 0; i < SETS_CLOUD; i++) {
            sets_uniform_place(t, r, &t->cloud[i]);
            sets_point(t, &t->cloud[i], t->cloud_x + i * n);
        }
    }
    t->size = sets__size(t, r);
}

FILE_FN void sets_free(sets_truth *t)
{
    free(t->vertex);
    free(t->along);
    free(t->cloud);
    free(t->cloud_x);
    memset(t, 0, sizeof *t);
}

/* ---- nearest points ---- */

FILE_FN double sets__to_segment(int n, const double *a, const double *b, const double *x, double *s)
{
    double ab = 0, ax = 0, sum = 0;
    int c;
    for (c = 0; c < n; c++) {
        ab += (b[c] - a[c]) * (b[c] - a[c]);
        ax += (b[c] - a[c]) * (x[c] - a[c]);
    }
    *s = ab > 0 ? sets_clamp(ax / ab, 0, 1) : 0;
    for (c = 0; c < n; c++) sum += pow(a[c] + *s * (b[c] - a[c]) - x[c], 2);
    return sum;
}

/* Intervals [i, j) of a piece, if they can be nearer than `least`: the way from the one in the
 * middle to any other is no longer than along the curve. */
FILE_FN double sets__to_block(const sets_truth *t, const double *x, int piece, int i, double least,
                              sets_place *where)
{
    int n = t->shape->n, j = i + SETS_BLOCK < t->per ? i + SETS_BLOCK : t->per, mid = (i + j) / 2;
    const double *v = t->vertex + (piece * (t->per + 1) + i) * n;
    const double *a = t->along + piece * (t->per + 1);
    double s, d, reach = fmax(a[mid] - a[i], a[j] - a[mid]);
    if (sets_between(n, x, v + (mid - i) * n) - reach > least) return least;
    for (; i < j; i++, v += n) {
        d = sqrt(sets__to_segment(n, v, v + n, x, &s));
        if (!(d < least)) continue;
        least = d;
        where->piece = piece;
        where->q[0] = (i + s) / t->per;
    }
    return least;
}

FILE_FN double sets__to_curve(const sets_truth *t, const double *x, sets_place *where)
{
    int piece, i, best = 0, best_piece = 0, n = t->shape->n;
    double least = HUGE_VAL, d;
    for (piece = 0; piece < t->shape->pieces; piece++) /* where to begin */
        for (i = 0; i < t->per; i += SETS_BLOCK) {
            d = sets__square(n, x, t->vertex + (piece * (t->per + 1) + i) * n);
            if (d < least) least = d, best = i, best_piece = piece;
        }
    least = sets__to_block(t, x, best_piece, best, HUGE_VAL, where);
    for (piece = 0; piece < t->shape->pieces; piece++)
        for (i = 0; i < t->per; i += SETS_BLOCK)
            least = sets__to_block(t, x, piece, i, least, where);
    return least;
}

/* Is the parameter at an end, and does g lead beyond it? */
FILE_FN int sets__held(const sets_truth *t, const sets_place *p, int i, double g)
{
    return (t->shape->ends >> 2 * i & 1 && p->q[i] <= 0 && g < 0) ||
           (t->shape->ends >> (2 * i + 1) & 1 && p->q[i] >= 1 && g > 0);
}

/* One damped step of Gauss and Newton towards the point of the chart nearest to x. */
FILE_FN void sets__step(const sets_truth *t, const double *x, double damp, sets_place *p)
{
    double J[SETS_D][SETS_N], here[SETS_N], off[SETS_N], A[3], g[2], det;
    int i, c, n = t->shape->n;
    sets__slopes(t, p, J);
    sets_point(t, p, here);
    for (c = 0; c < n; c++) off[c] = x[c] - here[c];
    for (i = 0; i < 2; i++) g[i] = sets_dot(n, J[i], off);
    A[0] = sets_dot(n, J[0], J[0]) * (1 + damp) + 1e-12;
    A[1] = sets_dot(n, J[0], J[1]);
    A[2] = sets_dot(n, J[1], J[1]) * (1 + damp) + 1e-12;
    for (i = 0; i < 2; i++)
        if (sets__held(t, p, i, g[i])) A[1] = g[i] = 0;
    det = A[0] * A[2] - A[1] * A[1];
    p->q[0] += (A[2] * g[0] - A[1] * g[1]) / det;
    p->q[1] += (A[0] * g[1] - A[1] * g[0]) / det;
    for (i = 0; i < 2; i++) {
        if (t->shape->ends >> 2 * i & 1) p->q[i] = fmax(p->q[i], 0);
        if (t->shape->ends >> (2 * i + 1) & 1) p->q[i] = fmin(p->q[i], 1);
    }
}

/* The nearest of many points, and from there down. */
FILE_FN double sets__to_surface(const sets_truth *t, const double *x, sets_place *best)
{
    double least = HUGE_VAL, damp = 1e-3, v, y[SETS_N];
    sets_place next;
    int i, at = 0, n = t->shape->n;
    for (i = 0; i < SETS_CLOUD; i++) {
        v = sets__square(n, t->cloud_x + i * n, x);
        if (v < least) least = v, at = i;
    }
    *best = t->cloud[at];
    for (least = sqrt(least), i = 0; i < 60; i++) {
        next = *best;
        sets__step(t, x, damp, &next);
        sets_point(t, &next, y);
        v = sets_between(n, x, y);
        damp *= v < least ? 0.2 : 5;
        if (v < least) least = v, *best = next;
    }
    return least;
}

/* The distance to x, and of sets that have pieces or ends the place nearest to it. */
FILE_FN double sets_nearest(const sets_truth *t, const double *x, sets_place *where)
{
    memset(where, 0, sizeof *where);
    if (t->shape->distance) return t->shape->distance(t, x);
    return t->shape->d == 1 ? sets__to_curve(t, x, where) : sets__to_surface(t, x, where);
}

FILE_FN double sets_distance(const sets_truth *t, const double *x)
{
    sets_place where;
    return sets_nearest(t, x, &where);
}

/* Is it a place where the set ends? */
FILE_FN int sets_at_end(const sets_truth *t, const sets_place *p)
{
    int i, ends = 0;
    for (i = 0; i < t->shape->d; i++)
        ends |= sets__held(t, p, i, -1) | sets__held(t, p, i, 1);
    return ends;
}

/* ---- laws ---- */

/* Of the parameters: uniform; von Mises; e^(kappa q); the polar angle pi turn q of von Mises and
 * Fisher's law, as far as that angle goes; matrix Fisher, of three parameters at once */
typedef enum sets_kind { SETS_EVEN, SETS_MISES, SETS_TILT, SETS_LUMP, SETS_FISHER } sets_kind;

typedef struct sets_law {
    sets_kind kind;
    double kappa, turn; /* of von Mises: the mode, half a turn on for every further piece */
} sets_law;

typedef struct sets_known_set {
    const char *name;
    const sets_shape *shape;
    double arg[2];          /* of the shape */
    sets_law law[4];        /* of its parameters */
    double weight[2];       /* of two pieces */
    double volume;          /* where a formula gives it (0: no) */
} sets_known_set;

#define SETS__WHOLE {1, 0}
#define SETS__BENT {SETS_LUMP, 1.5, 1}
static const sets_known_set sets_known[] = {
    {"circle", &sets_ellipse, {1, 0}, {{SETS_MISES, 2, 0}}, SETS__WHOLE, SETS__2PI},
    {"two_circles", &sets_two_circles, {2, 3.6}, {{SETS_MISES, 2, 0}}, {0.5, 0.5}, 2 * SETS__2PI},
    {"sphere", &sets_sphere, {0, 0}, {SETS__BENT}, SETS__WHOLE, 2 * SETS__2PI},
    {"torus", &sets_torus, {3, 0}, {{SETS_MISES, 1, 0}}, SETS__WHOLE, 3 * SETS__2PI * SETS__2PI},
    {"trefoil", &sets_trefoil, {0, 0}, {{SETS_MISES, 1, 0}}, SETS__WHOLE, 0},
    {"coil", &sets_coil, {8, 0}, {{SETS_MISES, 1, 0}}, SETS__WHOLE, 0},
    {"links", &sets_links, {0, 0}, {{SETS_MISES, 1, 0}}, {0.6, 0.4}, 2 * SETS__2PI},
    {"circle_r5", &sets_ellipse5, {1, 0}, {{SETS_MISES, 1, 0}}, SETS__WHOLE, SETS__2PI},
    {"curve_r50", &sets_harmonics, {0, 0}, {{SETS_MISES, 1, 0}}, SETS__WHOLE, 0},
    {"clifford", &sets_product2, {0, 0}, {{SETS_MISES, 1, 0}, {SETS_MISES, 0.5, 0.2}},
     SETS__WHOLE, SETS__2PI * SETS__2PI},
    {"sphere_r5", &sets_sphere5, {0, 0}, {SETS__BENT}, SETS__WHOLE, 2 * SETS__2PI},
    {"sphere_r10", &sets_warped_sphere, {0, 0}, {SETS__BENT}, SETS__WHOLE, 0},
    {"torus_r20", &sets_warped_torus, {0, 0}, {{SETS_MISES, 1, 0}, {SETS_MISES, 0.5, 0.2}},
     SETS__WHOLE, 0},
    {"klein", &sets_klein, {0, 0}, {{SETS_MISES, 0.7, 0}, {SETS_MISES, 0.7, 0.2}}, SETS__WHOLE, 0},
    {"torus3_r6", &sets_product3, {0, 0},
     {{SETS_MISES, 1, 0}, {SETS_MISES, 0.5, 0.2}, {SETS_MISES, 0.7, 0.4}}, SETS__WHOLE,
     SETS__2PI * SETS__2PI * SETS__2PI},
    {"torus4_r8", &sets_product4, {0, 0},
     {{SETS_MISES, 1, 0}, {SETS_MISES, 0.5, 0.2}, {SETS_MISES, 0.7, 0.4}, {SETS_MISES, 0.5, 0}},
     SETS__WHOLE, SETS__2PI * SETS__2PI * SETS__2PI * SETS__2PI},
    {"so3", &sets_rotations, {0, 0}, {{SETS_FISHER, 0, 0}}, SETS__WHOLE, 223.32365},
    {"so3_uniform", &sets_rotations, {0, 0}, {{SETS_EVEN, 0, 0}}, SETS__WHOLE, 223.32365},
    {"stiefel", &sets_pairs, {0, 0}, {{SETS_FISHER, 0, 0}}, SETS__WHOLE, 111.66183},
    {"four_bar", &sets_four_bar, {0, 0}, {{SETS_MISES, 1, 0}}, {0.65, 0.35}, 0},
    {"wavy", &sets_petals, {12, 0.1}, {{SETS_MISES, 1, 0}}, SETS__WHOLE, 0},
    {"arc", &sets_spiral, {0.75, 1}, {{SETS_TILT, 1, 0}}, SETS__WHOLE, 0.75 * SETS__2PI},
    {"helix", &sets_helix, {1.5, 0}, {{SETS_TILT, 1, 0}}, SETS__WHOLE, 9.54342},
    {"hemisphere", &sets_hemisphere, {0.5, 0}, {{SETS_LUMP, 1, 0.5}}, SETS__WHOLE, SETS__2PI},
    {"half_cylinder", &sets_half_cylinder, {0, 0}, {{SETS_TILT, 1, 0}, {SETS_TILT, -0.5, 0}},
     SETS__WHOLE, SETS__2PI},
    {"swiss_roll", &sets_swiss_roll, {0, 0}, {{SETS_TILT, 1, 0}, {SETS_TILT, -0.5, 0}},
     SETS__WHOLE, 0},
    {"moebius", &sets_moebius, {0, 0}, {{SETS_MISES, 0.7, 0}, {SETS_TILT, 0.5, 0}}, SETS__WHOLE, 0}
};
#undef SETS__WHOLE
#undef SETS__BENT

enum { SETS_KNOWN = sizeof sets_known / sizeof *sets_known };

FILE_FN const sets_known_set *sets_find(const char *name)
{
    int i;
    for (i = 0; i < SETS_KNOWN; i++)
        if (!strcmp(sets_known[i].name, name)) return &sets_known[i];
    fprintf(stderr, "no such set: %s\n", name);
    exit(2);
}

/* log I0, by its series */
FILE_FN double sets_log_i0(double kappa)
{
    double sum = 1, term = 1;
    int j;
    for (j = 1; term > 1e-17 * sum; j++) {
        term *= kappa * kappa / 4 / j / j;
        sum += term;
    }
    return log(sum);
}

/* log density of von Mises over the unit interval */
FILE_FN double sets_log_mises(double kappa, double mode, double q)
{
    return kappa * cos(2 * SYNTH_PI * (q - mode)) - sets_log_i0(kappa);
}

/* The cosine to the axis under von Mises and Fisher's law, if it is above `low`: by inversion */
FILE_FN double sets_lump_cosine(ebim_rng *r, double kappa, double low)
{
    double u = sets_uniform(r);
    return sets_clamp(1 + log(u + (1 - u) * exp(kappa * (low - 1))) / kappa, low, 1);
}

/* Matrix Fisher: e^tr(F'R) relative to the uniform law over its mean, F diagonal. In Euler's angles
 * a, b, c, with u = cos b, tr F'R = (f0 + f1) / 2 (1 + u) cos(a + c) + (f1 - f0) / 2 (1 - u)
 * cos(a - c) + f2 u: the mean over a and c is a product of two I0. */
static const double sets__fisher[3] = {2, 1, 0.5};

FILE_FN double sets__fisher_trace(const double *q)
{
    const double *f = sets__fisher;
    double u = 2 * q[1] - 1, sum = 2 * SYNTH_PI * (q[0] + q[2]), gap = 2 * SYNTH_PI * (q[0] - q[2]);
    return (f[0] + f[1]) / 2 * (1 + u) * cos(sum) + (f[1] - f[0]) / 2 * (1 - u) * cos(gap) +
           f[2] * u;
}

/* The log of that mean, by Simpson's rule */
FILE_FN double sets__fisher_log_mean(void)
{
    static double known = -1;
    const double *f = sets__fisher;
    double sum = 0;
    int i, steps = 200;
    if (known > 0) return known;
    for (i = 0; i <= steps; i++) {
        double u = 2.0 * i / steps - 1, w = i == 0 || i == steps ? 1 : i % 2 ? 4 : 2;
        sum += w / (3 * steps) * exp(sets_log_i0((f[0] + f[1]) / 2 * (1 + u)) +
                                     sets_log_i0((f[1] - f[0]) / 2 * (1 - u)) + f[2] * u);
    }
    return known = log(sum);
}

/* log density per unit of parameters, within its piece */
FILE_FN double sets_log_chart(const sets_known_set *s, const sets_place *p)
{
    double sum = 0;
    int i;
    for (i = 0; i < s->shape->d; i++) {
        const sets_law *l = &s->law[i];
        double k = l->kappa, turn = SYNTH_PI * l->turn;
        switch (l->kind) {
        case SETS_EVEN: break;
        case SETS_MISES: sum += sets_log_mises(k, l->turn + 0.5 * p->piece, p->q[i]); break;
        case SETS_TILT: sum += k * p->q[i] + log(k / (exp(k) - 1)); break;
        case SETS_LUMP: /* of the cosine k e^(k c) / (e^k - e^(k lowest)) */
            sum += k * cos(turn * p->q[i]) + log(k / (exp(k) - exp(k * cos(turn)))) +
                   log(turn * sin(turn * p->q[i]));
            break;
        case SETS_FISHER: sum += sets__fisher_trace(p->q) - sets__fisher_log_mean();
        }
    }
    return sum;
}

/* log density per unit of volume */
FILE_FN double sets_log_density(const sets_truth *t, const sets_known_set *s, const sets_place *p)
{
    return sets_log_chart(s, p) + log(s->weight[p->piece]) - log(sets_element(t, p));
}

FILE_FN void sets_draw(const sets_known_set *s, ebim_rng *r, sets_place *p)
{
    double most = sets__fisher[0] + sets__fisher[1] + sets__fisher[2];
    int i, c;
    memset(p, 0, sizeof *p);
    p->piece = sets_pick(r, s->shape->pieces, s->weight);
    for (i = 0; i < s->shape->d; i++) {
        const sets_law *l = &s->law[i];
        double k = l->kappa, turn = SYNTH_PI * l->turn, v;
        p->q[i] = sets_uniform(r);
        switch (l->kind) {
        case SETS_EVEN: break;
        case SETS_MISES:
            v = synth_von_mises(r, 2 * SYNTH_PI * (l->turn + 0.5 * p->piece), k) / (2 * SYNTH_PI);
            p->q[i] = v - floor(v);
            break;
        case SETS_TILT: p->q[i] = log(1 + p->q[i] * (exp(k) - 1)) / k; break;
        case SETS_LUMP: p->q[i] = acos(sets_lump_cosine(r, k, cos(turn))) / turn; break;
        case SETS_FISHER:
            do for (c = 0; c < 3; c++) p->q[c] = sets_uniform(r);
            while (sets_uniform(r) >= exp(sets__fisher_trace(p->q) - most));
            return;
        }
    }
}

/* ---- hidden: x = shift + scale Q y, Q a rotation ---- */

typedef struct sets_frame {
    int n;
    double scale, shift[SETS_N], Q[SETS_N * SETS_N];
} sets_frame;

/* r NULL: as it is */
FILE_FN void sets_frame_init(sets_frame *f, int n, ebim_rng *r)
{
    int i, j, c;
    memset(f, 0, sizeof *f);
    f->n = n;
    f->scale = r ? 2.5 : 1;
    for (i = 0; i < n; i++) {
        double *row = f->Q + i * n, length;
        for (c = 0; c < n; c++) row[c] = r ? (double)ebim_rng_normal(r) : c == i;
        f->shift[i] = r ? 3 * (double)ebim_rng_normal(r) : 0;
        for (j = 0; r && j < 2 * i; j++) { /* twice: to rounding */
            double part = sets_dot(n, row, f->Q + j % i * n);
            for (c = 0; c < n; c++) row[c] -= part * f->Q[j % i * n + c];
        }
        length = sqrt(sets_dot(n, row, row));
        for (c = 0; c < n; c++) row[c] /= length;
    }
}

FILE_FN void sets_hide(const sets_frame *f, const double *y, ebim_real *x)
{
    int i;
    for (i = 0; i < f->n; i++)
        x[i] = (ebim_real)(f->shift[i] + f->scale * sets_dot(f->n, f->Q + i * f->n, y));
}

FILE_FN void sets_show(const sets_frame *f, const ebim_real *x, double *y)
{
    int i, c;
    memset(y, 0, (size_t)f->n * sizeof *y);
    for (i = 0; i < f->n; i++)
        for (c = 0; c < f->n; c++)
            y[c] += f->Q[i * f->n + c] * ((double)x[i] - f->shift[i]) / f->scale;
}

/* N rows of the law, hidden, and their -log densities per unit of volume there (NULL: not) */
FILE_FN void sets_rows(const sets_truth *t, const sets_known_set *s, const sets_frame *f,
                       ebim_rng *r, int N, ebim_real *x, double *nll)
{
    double y[SETS_N];
    sets_place p;
    int i;
    for (i = 0; i < N; i++) {
        sets_draw(s, r, &p);
        sets_point(t, &p, y);
        sets_hide(f, y, x + i * f->n);
        if (nll) nll[i] = t->shape->d * log(f->scale) - sets_log_density(t, s, &p);
    }
}

/* The paper's circle and two circles, as they are (the latter's first centre is at -1.8): the laws
 * of "circle" and "two_circles" */
FILE_FN void sets_paper_circle(ebim_rng *r, int N, ebim_real *x) { synth_circle(r, 2, N, x); }
FILE_FN void sets_paper_circles(ebim_rng *r, int N, ebim_real *x)
{
    synth_two_circles(r, 1.8, 2, N, x);
}

/* ---- what a fit says ---- */

/* The names of the bits of a verdict; returns their length. */
FILE_FN size_t sets_bit_names(int verdict, char *text, size_t size)
{
    size_t at = 0;
    *text = 0;
#define ROW(name, value, bad, what, advice)                                                 \
    if (verdict & value && at < size)                                                        \
        at += (size_t)snprintf(text + at, size - at, "%s%s", at ? " " : "", #name);
    EBIM_VERDICTS(ROW)
#undef ROW
    return at;
}

/* ---- tests of what stands above ---- */

/* The distance from the truth, as a share of `step`, of a point moved off it by that along a random
 * normal: 1 where the truth is smooth. */
FILE_FN double sets_moved_off(const sets_truth *t, const sets_place *p, ebim_rng *r, double step)
{
    double x[SETS_N], y[SETS_N], J[SETS_D][SETS_N], length;
    int c, i, round, n = t->shape->n, d = t->shape->d;
    sets_point(t, p, x);
    sets__slopes(t, p, J);
    for (c = 0; c < n; c++) y[c] = (double)ebim_rng_normal(r);
    for (round = 0; round < 200; round++) /* off every tangent, which are not orthogonal */
        for (i = 0; i < d; i++) {
            double part = sets_dot(n, y, J[i]) / fmax(sets_dot(n, J[i], J[i]), 1e-30);
            for (c = 0; c < n; c++) y[c] -= part * J[i][c];
        }
    if (!d) memcpy(y, x, sizeof x); /* the normal of a sphere */
    length = sqrt(sets_dot(n, y, y));
    for (c = 0; c < n; c++) x[c] += step * y[c] / length;
    return sets_distance(t, x) / step;
}

/* "I/P", the I-th of P parts of all fits; returns whether the text is that */
FILE_FN int sets_part(const char *text, int *part, int *parts)
{
    char rest;
    return sscanf(text, "%d/%d%c", part, parts, &rest) == 2 && *part >= 1 && *part <= *parts;
}

#endif /* SETS_H */
