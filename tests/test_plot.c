/* mesh.h, ply.h, plot.h and figure.h: zero sets of known shape, files of meshes, ticks and numbers,
   ink where it should be, and whole pictures. */
#include "t.h"
#include "../examples/common/figure.h"
#include "../examples/common/ply.h"

#define PI 3.14159265358979323846

static uint64_t state;

static double uniform(double lo, double hi)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return lo + (hi - lo) * (double)(state >> 11) / 9007199254740992.0;
}

static double from_bits(uint64_t b)
{
    volatile uint64_t v = b; /* -ffast-math must not see what it is */
    uint64_t w = v;
    double x;
    memcpy(&x, &w, sizeof x);
    return x;
}

static double nan_(void) { return from_bits(0x7ff8000000000000u); }
static double inf_(void) { return from_bits(0x7ff0000000000000u); }

/* ---- functions with known zero sets ---- */

typedef struct shape {
    double (*f)(const struct shape *s, const double *x);
    int n;
    double c[3], r; /* a centre and a radius, off every grid */
} shape;

static double sphere(const shape *s, const double *x)
{
    double d = 0;
    int k;
    for (k = 0; k < s->n; k++) d += (x[k] - s->c[k]) * (x[k] - s->c[k]);
    return d - s->r * s->r;
}

static double torus(const shape *s, const double *x)
{
    double u = hypot(x[0] - s->c[0], x[1] - s->c[1]) - 1, v = x[2] - s->c[2];
    return u * u + v * v - s->r * s->r;
}

static double two_circles(const shape *s, const double *x)
{
    double a = hypot(x[0] - 1.3, x[1]) - s->r, b = hypot(x[0] + 1.3, x[1]) - s->r;
    return a * b;
}

/* Circles about each other. */
static double rings(const shape *s, const double *x)
{
    return sin(5 * fmin(hypot(x[0] - s->c[0], x[1] - s->c[1]), 2.2));
}

/* Zero on whole grid planes: corners of simplices that are exactly zero. */
static double cube(const shape *s, const double *x)
{
    return fmax(fabs(x[0]), fmax(fabs(x[1]), fabs(x[2]))) - s->r;
}

static double holed(const shape *s, const double *x)
{
    return x[0] > 0.5 ? nan_() : x[0] < -0.5 ? inf_() : sphere(s, x);
}

static double nowhere(const shape *s, const double *x)
{
    return 1 + sphere(s, x) * sphere(s, x);
}

static void shape_eval(void *user, int B, const double *x, double *F)
{
    const shape *s = (const shape *)user;
    int b;
    for (b = 0; b < B; b++) F[b] = s->f(s, x + b * s->n);
}

static shape made(int n, double (*f)(const shape *, const double *), double r)
{
    shape s;
    s.f = f;
    s.n = n;
    s.r = r;
    s.c[0] = 0.0123;
    s.c[1] = -0.0217;
    s.c[2] = 0.0071;
    return s;
}

static const double low[3] = {-2, -2, -2}, high[3] = {2, 2, 2};

/* ---- what must hold of every mesh ---- */

typedef struct edge { int a, b, way; } edge; /* a < b; way: from a to b or back */

static int by_edge(const void *p, const void *q)
{
    const edge *x = (const edge *)p, *y = (const edge *)q;
    return x->a != y->a ? (x->a > y->a) - (x->a < y->a) : (x->b > y->b) - (x->b < y->b);
}

/* Edges of a closed surface: each in exactly two triangles, once either way. How many; -1: not. */
static int closed_edges(const mesh *m)
{
    int n = 3 * m->n_cell, i, k, bad = n % 2;
    edge *e = (edge *)malloc(((size_t)n + 1) * sizeof *e);
    if (!e) exit(1);
    for (i = 0; i < m->n_cell; i++)
        for (k = 0; k < 3; k++) {
            int a = m->cell[3 * i + k], b = m->cell[3 * i + (k + 1) % 3];
            edge *at = e + 3 * i + k;
            at->a = a < b ? a : b;
            at->b = a < b ? b : a;
            at->way = a < b ? 1 : -1;
        }
    qsort(e, (size_t)n, sizeof *e, by_edge);
    for (i = 0; i + 1 < n && !bad; i += 2)
        bad = by_edge(e + i, e + i + 1) || e[i].way + e[i + 1].way || e[i].a == e[i].b ||
              (i + 2 < n && !by_edge(e + i, e + i + 2));
    free(e);
    return bad ? -1 : n / 2;
}

/* How many pieces, by following cells from vertex to vertex. */
static int pieces(const mesh *m)
{
    int *root = (int *)malloc(((size_t)m->n_vert + 1) * sizeof *root), i, k, count = 0, moved = 1;
    if (!root) exit(1);
    for (i = 0; i < m->n_vert; i++) root[i] = i;
    while (moved)
        for (moved = 0, i = 0; i < m->n_cell; i++)
            for (k = 1; k < m->n; k++) {
                int *a = root + m->cell[i * m->n], *b = root + m->cell[i * m->n + k];
                int least = *a < *b ? *a : *b;
                while (root[least] < least) least = root[least];
                if (*a != least || *b != least) moved = 1;
                *a = *b = least;
            }
    for (i = 0; i < m->n_vert; i++) count += root[i] == i;
    free(root);
    return count;
}

static double measure(const mesh *m)
{
    double sum = 0;
    int i;
    for (i = 0; i < m->n_cell; i++) sum += mesh_measure(m, i, NULL);
    return sum;
}

/* Vertices are used, and on the zero set: those of edges that graze it a little less exactly. */
static void check_vertices(const mesh *m, const shape *s, double tol)
{
    double worst = 0, sum = 0;
    int i;
    for (i = 0; i < m->n_vert; i++) {
        double f = fabs(s->f(s, m->vert + i * m->n));
        worst = fmax(worst, f);
        sum += f;
    }
    CHECK(worst <= tol);
    CHECK(sum / m->n_vert <= 0.003 * tol);
    for (i = 0; i < m->n_cell * m->n; i++)
        if (m->cell[i] < 0 || m->cell[i] >= m->n_vert) CHECK(0);
}

/* Triangles turn counter-clockwise seen from F > 0, and so point the normals of vertices. */
static void check_orientation(const mesh *m, const shape *s, double step)
{
    double *normal = (double *)malloc((3 * (size_t)m->n_vert + 1) * sizeof *normal), w[3], x[3];
    int i, k, v, wrong = 0;
    if (!normal) exit(1);
    for (i = 0; i < m->n_cell; i++) {
        double area = mesh_measure(m, i, w);
        if (area < 1e-7) continue; /* slivers have no direction to speak of */
        for (k = 0; k < 3; k++) {
            for (x[k] = 0, v = 0; v < 3; v++) x[k] += m->vert[3 * m->cell[3 * i + v] + k] / 3;
            x[k] += step * w[k] / area;
        }
        wrong += !(s->f(s, x) > 0);
    }
    CHECK_INT(wrong, 0);
    mesh_normals(m, normal);
    for (i = 0; i < m->n_vert; i++) {
        const double *n = normal + 3 * i;
        wrong += !(fabs(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] - 1) < 1e-12);
        for (k = 0; k < 3; k++) x[k] = m->vert[3 * i + k] + step * n[k];
        wrong += !(s->f(s, x) > 0);
    }
    CHECK_INT(wrong, 0);
    free(normal);
}

static void check_surface(const shape *s, int euler, double area, double tol)
{
    mesh m;
    double *weight, sum = 0;
    int i, edges, cells = T_QUICK ? 24 : 48;
    shape copy = *s;
    if (!CHECK_INT(mesh_zero_set(&m, 3, low, high, cells, shape_eval, &copy), 0)) return;
    edges = closed_edges(&m);
    CHECK(edges > 1000);
    CHECK_INT(m.n_vert - edges + m.n_cell, euler);
    CHECK_INT(pieces(&m), 1);
    CHECK_REL(measure(&m), area, tol);
    check_vertices(&m, s, 2e-4);
    check_orientation(&m, s, 0.05);
    weight = (double *)malloc((size_t)m.n_vert * sizeof *weight);
    if (!weight) exit(1);
    mesh_weights(&m, weight);
    for (i = 0; i < m.n_vert; i++) sum += weight[i];
    CHECK_REL(sum, area, tol);
    free(weight);
    mesh_free(&m);
    CHECK(!m.vert && !m.cell && !m.n_cell);
}

/* ---- surfaces ---- */

static void a_sphere_is_a_sphere(void)
{
    shape s = made(3, sphere, 1.37);
    check_surface(&s, 2, 4 * PI * s.r * s.r, T_QUICK ? 0.02 : 0.01);
}

static void a_torus_is_a_torus(void)
{
    shape s = made(3, torus, 0.52);
    check_surface(&s, 0, 4 * PI * PI * s.r, T_QUICK ? 0.03 : 0.01);
}

/* F exactly zero at grid points counts as above everywhere: still closed, if with flat triangles;
 * the cube loses no more than its edges, cut off by half a cell. */
static void zeros_on_the_grid_leave_no_holes(void)
{
    shape s = made(3, cube, 1);
    mesh m;
    int edges;
    if (!CHECK_INT(mesh_zero_set(&m, 3, low, high, 16, shape_eval, &s), 0)) return;
    edges = closed_edges(&m);
    CHECK(edges > 0);
    CHECK_INT(m.n_vert - edges + m.n_cell, 2);
    CHECK(measure(&m) > 21 && measure(&m) < 24);
    mesh_free(&m);
}

/* Vertices lie on cell edges, so the error of the area falls with the square of the spacing. */
static void the_area_converges(void)
{
    shape s = made(3, sphere, 1.37);
    double off[2];
    mesh m;
    int i;
    for (i = 0; i < 2; i++) {
        if (!CHECK_INT(mesh_zero_set(&m, 3, low, high, 12 << i, shape_eval, &s), 0)) return;
        off[i] = 4 * PI * s.r * s.r - measure(&m);
        mesh_free(&m);
    }
    CHECK(off[0] > 0 && off[1] > 0);
    CHECK(off[0] / off[1] > 3 && off[0] / off[1] < 5.5);
}

/* A long box: cells stay about cubes, and the sphere whole. */
static void boxes_need_not_be_cubes(void)
{
    static const double lo[3] = {-3, -1, -1.2}, hi[3] = {3, 1, 1.1};
    shape s = made(3, sphere, 0.9);
    mesh m;
    int edges;
    if (!CHECK_INT(mesh_zero_set(&m, 3, lo, hi, 60, shape_eval, &s), 0)) return;
    edges = closed_edges(&m);
    CHECK_INT(m.n_vert - edges + m.n_cell, 2);
    CHECK_REL(measure(&m), 4 * PI * 0.81, 0.02);
    mesh_free(&m);
}

/* Values that are not finite cut the surface off; what remains is finite and on it. */
static void bad_values_are_left_out(void)
{
    shape s = made(3, holed, 1.37), whole = made(3, sphere, 1.37);
    mesh m;
    int i, wrong = 0;
    if (!CHECK_INT(mesh_zero_set(&m, 3, low, high, 24, shape_eval, &s), 0)) return;
    CHECK(m.n_cell > 200);
    for (i = 0; i < m.n_vert; i++)
        wrong += !(t_finite(m.vert[3 * i]) && fabs(m.vert[3 * i]) <= 0.5 + 1e-9);
    CHECK_INT(wrong, 0);
    check_vertices(&m, &whole, 2e-4);
    CHECK_REL(measure(&m), 2 * PI * 1.37 * 1.0, 0.25); /* a zone one high, less cut cells */
    mesh_free(&m);
}

static void an_empty_set_is_empty(void)
{
    shape s = made(3, nowhere, 1), t = made(2, nowhere, 1);
    mesh m;
    CHECK_INT(mesh_zero_set(&m, 3, low, high, 10, shape_eval, &s), 0);
    CHECK_INT(m.n_cell, 0);
    CHECK_INT(m.n_vert, 0);
    mesh_free(&m);
    CHECK_INT(mesh_zero_set(&m, 2, low, high, 10, shape_eval, &t), 0);
    CHECK_INT(m.n_cell, 0);
    mesh_free(&m);
}

/* ---- curves ---- */

static void check_curve(const shape *s, int cells, int parts, double length, double rel)
{
    mesh m;
    int i, *in, *out, wrong = 0;
    shape copy = *s;
    if (!CHECK_INT(mesh_zero_set(&m, 2, low, high, cells, shape_eval, &copy), 0)) return;
    in = (int *)calloc((size_t)m.n_vert + 1, sizeof *in);
    out = (int *)calloc((size_t)m.n_vert + 1, sizeof *out);
    if (!in || !out) exit(1);
    for (i = 0; i < m.n_cell; i++) {
        out[m.cell[2 * i]]++;
        in[m.cell[2 * i + 1]]++;
    }
    for (i = 0; i < m.n_vert; i++) wrong += in[i] != 1 || out[i] != 1; /* closed, one way round */
    CHECK_INT(wrong, 0);
    CHECK_INT(pieces(&m), parts);
    CHECK_REL(measure(&m), length, rel);
    check_vertices(&m, s, 1e-9);
    free(in);
    free(out);
    mesh_free(&m);
}

static void circles_are_closed_loops(void)
{
    shape one = made(2, sphere, 1.1), two = made(2, two_circles, 0.6), many = made(2, rings, 0);
    check_curve(&one, 60, 1, 2 * PI * 1.1, 0.003);
    check_curve(&two, 80, 2, 4 * PI * 0.6, 0.003);
    check_curve(&many, 160, 3, 2 * PI * (1 + 2 + 3) * PI / 5, 0.003);
}

/* A curve that meets the border ends there: two loose ends for each line. */
static void lines_end_at_the_border(void)
{
    static const double lo[2] = {-1, -1}, hi[2] = {1, 1};
    shape s = made(2, sphere, 1.2); /* leaves the square at its sides */
    mesh m;
    int i, *degree, ends = 0;
    if (!CHECK_INT(mesh_zero_set(&m, 2, lo, hi, 50, shape_eval, &s), 0)) return;
    degree = (int *)calloc((size_t)m.n_vert + 1, sizeof *degree);
    if (!degree) exit(1);
    for (i = 0; i < 2 * m.n_cell; i++) degree[m.cell[i]]++;
    for (i = 0; i < m.n_vert; i++) {
        double edge_off = 1 - fmax(fabs(m.vert[2 * i]), fabs(m.vert[2 * i + 1]));
        ends += degree[i] == 1;
        if (degree[i] == 1) CHECK_NEAR(edge_off, 0, 1e-12);
    }
    CHECK_INT(ends, 8);
    CHECK_INT(pieces(&m), 4);
    free(degree);
    mesh_free(&m);
}

/* ---- what a mesh says of itself ---- */

static void check_shape(const shape *s, int cells, int pieces_, int euler, int border)
{
    mesh_shape d;
    mesh m;
    int edges;
    shape copy = *s;
    if (!CHECK_INT(mesh_zero_set(&m, s->n, low, high, cells, shape_eval, &copy), 0)) return;
    CHECK_INT(mesh_describe(&m, &d), 0);
    CHECK_INT(d.pieces, pieces_);
    CHECK_INT(d.pieces, pieces(&m));
    CHECK_INT(d.euler, euler);
    if (border) CHECK(d.border >= border);
    else CHECK_INT(d.border, 0);
    CHECK_REL(d.size, measure(&m), 1e-12);
    edges = s->n == 2 ? m.n_cell : closed_edges(&m);
    CHECK_INT(edges >= 0, s->n == 2 || !border);
    if (edges >= 0) CHECK_INT(d.edges, edges);
    mesh_free(&m);
}

/* A sphere that sticks out of the box on all sides is a sphere with six holes. */
static void meshes_know_their_shape(void)
{
    shape ball = made(3, sphere, 1.37), ring = made(3, torus, 0.52), many = made(2, rings, 0);
    shape cut = made(3, sphere, 2.3), arcs = made(2, sphere, 2.3), none = made(3, nowhere, 1);
    mesh_shape d;
    mesh one;
    int cell[6] = {0, 1, 2, 2, 1, 3};
    double vert[12] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0};
    check_shape(&ball, 24, 1, 2, 0);
    check_shape(&ring, 24, 1, 0, 0);
    check_shape(&many, 160, 3, 0, 0);
    check_shape(&cut, 24, 1, -4, 100);
    check_shape(&arcs, 60, 4, 4, 8);
    check_shape(&none, 8, 0, 0, 0);
    memset(&one, 0, sizeof one);
    one.n = 3;
    one.n_vert = 4;
    one.n_cell = 2;
    one.vert = vert;
    one.cell = cell;
    CHECK_INT(mesh_describe(&one, &d), 0); /* a square of two triangles */
    CHECK(d.edges == 5 && d.border == 4 && d.pieces == 1 && d.euler == 1);
    CHECK_NEAR(d.size, 1, 1e-15);
}

/* ---- files ---- */

/* Is the file this text, with %XX for the bytes that are none? */
static int file_is(const char *path, const char *text)
{
    FILE *f = fopen(path, "rb");
    int same = f != NULL, at = 0;
    for (; *text && same; text++, at++) {
        unsigned byte = (unsigned char)*text;
        if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1) text += 2;
        same = getc(f) == (int)byte;
    }
    same = same && getc(f) == EOF;
    if (!same) printf("\n  %s differs at byte %d\n ", path, at);
    if (f) fclose(f);
    remove(path);
    return same;
}

#define PLY_VERTEX \
    "property float x\nproperty float y\nproperty float z\nproperty float nx\n" \
    "property float ny\nproperty float nz\nproperty uchar red\nproperty uchar green\n" \
    "property uchar blue\n"
#define ZERO "%00%00%00%00"
#define ONE "%00%00%80%3f"

static void ply_files_are_exact(void)
{
    double vert[9] = {0, 0, 1, -2, 0, 0, 0.5, 1, 0}, density[3] = {1, 0.25, 0};
    double normal[9] = {0, 0, 1, 1, 0, 0, 0, -1, 0};
    int cell[3] = {2, 0, 1};
    plot_rgb color[3] = {{0, 0.5, 1}, {-1, 2, 0.2}, {1, 1, 1}};
    char err[FILE_ERROR];
    mesh m;
    ply_look look;
    memset(&m, 0, sizeof m);
    m.n = m.n_vert = 3;
    m.n_cell = 1;
    m.vert = vert;
    m.cell = cell;
    look.normal = normal;
    look.color = color;
    look.density = density;
    CHECK_INT(ply_write(t_tmp("a.ply"), &m, &look, err, sizeof err), 0);
    CHECK(file_is(t_tmp("a.ply"),
        "ply\nformat binary_little_endian 1.0\nelement vertex 3\n" PLY_VERTEX
        "property float density\nelement face 1\nproperty list uchar int vertex_indices\n"
        "end_header\n" ZERO ZERO ONE ZERO ZERO ONE "%00%80%ff" ONE
        "%00%00%00%c0" ZERO ZERO ONE ZERO ZERO "%00%ff%33" "%00%00%80%3e"
        "%00%00%00%3f" ONE ZERO ZERO "%00%00%80%bf" ZERO "%ff%ff%ff" ZERO
        "%03%02%00%00%00" ZERO "%01%00%00%00"));
    m.n = 2;
    m.n_vert = 2;
    look.density = NULL;
    CHECK_INT(ply_write(t_tmp("b.ply"), &m, &look, err, sizeof err), 0);
    CHECK(file_is(t_tmp("b.ply"),
        "ply\nformat binary_little_endian 1.0\nelement vertex 2\n" PLY_VERTEX
        "element edge 1\nproperty int vertex1\nproperty int vertex2\nend_header\n"
        ZERO ZERO ZERO ZERO ZERO ONE "%00%80%ff" ONE "%00%00%00%c0" ZERO ONE ZERO ZERO
        "%00%ff%33" "%02%00%00%00" ZERO));
    CHECK_INT(ply_write(t_tmp("no/such/a.ply"), &m, &look, err, sizeof err), -1);
    CHECK(strstr(err, "no/such/a.ply: cannot be written") != NULL);
}

/* ---- ticks and their numbers ---- */

static void check_ticks(double lo, double hi, int most)
{
    double first, step, mantissa, slack;
    char s[64], last[64] = "";
    int n = plot_ticks(lo, hi, most, &first, &step), i;
    CHECK(n >= (most > 1 ? 2 : 1) && n <= (most < 4 ? 5 : most + 1));
    slack = 1e-5 * step;
    mantissa = step / pow(10, floor(log10(step) + 1e-9));
    CHECK(fabs(mantissa - 1) < 1e-6 || fabs(mantissa - 2) < 1e-6 || fabs(mantissa - 5) < 1e-6);
    CHECK(first >= lo - slack && first < lo + step + slack); /* the first there is */
    CHECK(first + (n - 1) * step <= hi + slack && first + n * step > hi - slack);
    CHECK((hi - lo) / step > most / 2.5 - 1e-6);
    for (i = 0; i < n; i++) {
        plot_number(s, sizeof s, first + i * step, step);
        CHECK(strcmp(s, last) != 0);
        CHECK(fabs(strtod(s, NULL) - (first + i * step)) <= 0.01 * step);
        CHECK(strlen(s) <= 12);
        CHECK(strcmp(s, "-0") != 0 && strncmp(s, "-0.0000", 7) != 0);
        strcpy(last, s);
    }
}

static void ticks_are_round_and_told_apart(void)
{
    static const double known[][2] = {{0, 1}, {-1, 1}, {-2.6, 2.6}, {0, 1e-6}, {4.9e6, 5.1e6},
                                      {1e6, 1e6 + 10}, {-1e-4, 3e-4}, {999.9, 1000.1},
                                      {-1e15, 1e15}, {5200100, 5200900}, {0, 9.99e-300}};
    size_t i;
    int k;
    for (i = 0; i < sizeof known / sizeof *known; i++)
        for (k = 1; k <= 9; k++) check_ticks(known[i][0], known[i][1], k);
    state = T_SEED;
    for (k = 0; k < 500; k++) {
        double size = pow(10, uniform(-6, 6)), lo = size * uniform(-50, 50);
        check_ticks(lo, lo + size * uniform(0.1, 2), 1 + k % 9);
    }
}

static void degenerate_ranges_have_no_ticks(void)
{
    double first, step;
    CHECK_INT(plot_ticks(1, 1, 5, &first, &step), 0);
    CHECK_INT(plot_ticks(1, 0, 5, &first, &step), 0);
    CHECK_INT(plot_ticks(-1.7e308, 1.7e308, 5, &first, &step), 0);
    CHECK(step > 0);
}

static void check_number(double v, double step, const char *text)
{
    char s[64];
    plot_number(s, sizeof s, v, step);
    CHECK_STR(s, text);
}

static void known_numbers(void)
{
    check_number(0, 1, "0");
    check_number(-1e-17, 0.1, "0.0");
    check_number(0.30000000000000004, 0.1, "0.3");
    check_number(-2.5, 0.5, "-2.5");
    check_number(200, 100, "200");
    check_number(999999, 1, "999999");
    check_number(5200100, 100, "5.2001e+06");
    check_number(0.00012, 2e-5, "0.00012");
    check_number(1.00002, 1e-5, "1.00002");
}

static void powers_of_ten_are_taken_out(void)
{
    double unit;
    char s[100];
    CHECK_INT(plot_power(-3, 99999, &unit), 0);
    CHECK_NEAR(unit, 1, 0);
    CHECK_INT(plot_power(-3, 100000, &unit), 5);
    CHECK_REL(unit, 1e5, 1e-12);
    CHECK_INT(plot_power(-0.002, 0.0001, &unit), -3);
    CHECK_INT(plot_power(-0.01, 0.0001, &unit), 0);
    CHECK_INT(plot_power(0, 0, &unit), 0);
    plot_label(s, sizeof s, "E", 0);
    CHECK_STR(s, "E");
    plot_label(s, sizeof s, "E", -4);
    CHECK_STR(s, "E, 10^{-4}");
}

/* ---- ink ---- */

enum { W = 160, H = 120 };

static double darkness(const plot_canvas *c, int x, int y)
{
    return 1 - (double)c->pix[3 * (y * c->w + x)];
}

static double ink(const plot_canvas *c)
{
    double sum = 0;
    int x, y;
    for (y = 0; y < c->h; y++)
        for (x = 0; x < c->w; x++) sum += darkness(c, x, y);
    return sum;
}

/* The box [x0, x1) x [y0, y1) round all ink; 0 when there is none. */
static int ink_box(const plot_canvas *c, int *x0, int *y0, int *x1, int *y1)
{
    int x, y;
    *x0 = c->w, *y0 = c->h, *x1 = *y1 = 0;
    for (y = 0; y < c->h; y++)
        for (x = 0; x < c->w; x++) {
            if (darkness(c, x, y) < 1e-3) continue;
            if (x < *x0) *x0 = x;
            if (y < *y0) *y0 = y;
            if (x >= *x1) *x1 = x + 1;
            if (y >= *y1) *y1 = y + 1;
        }
    return *x1 > 0;
}

static int black(plot_canvas *c)
{
    if (!CHECK_INT(plot_open(c, W, H), 0)) return -1;
    plot_pen(c, plot_color(0, 0, 0), 1);
    return 0;
}

/* The ink of a shape is its area, wherever it lies between pixels. */
static void shapes_have_their_area(void)
{
    plot_canvas c;
    int i;
    state = T_SEED + 1;
    for (i = 0; i < 20; i++) {
        double x = uniform(40, 60), y = uniform(40, 60), r = uniform(3, 20), a = uniform(0, 6);
        double xy[6], len = uniform(10, 30);
        if (black(&c)) return;
        plot_dot(&c, x, y, r);
        CHECK_REL(ink(&c), PI * r * r, 0.02);
        plot_close(&c);
        black(&c);
        plot_line(&c, x, y, x + len * cos(a), y + len * sin(a), 4);
        CHECK_REL(ink(&c), 4 * len + PI * 4, 0.02); /* round caps */
        plot_close(&c);
        black(&c);
        plot_rect(&c, x, y, x + len, y + r);
        CHECK_REL(ink(&c), len * r, 0.05);
        plot_close(&c);
        black(&c);
        xy[0] = x, xy[1] = y, xy[2] = x + len, xy[3] = y + r, xy[4] = x - r, xy[5] = y + len;
        plot_convex(&c, 3, xy);
        CHECK_REL(ink(&c), (len * len + r * r) / 2, 0.08); /* corners are a little blunt */
        plot_close(&c);
    }
}

/* Joints of a translucent curve are neither darker nor lighter than the rest of it. */
static void strokes_do_not_add_up(void)
{
    plot_canvas c;
    double most = 0, least = 1;
    int i, x, y;
    if (black(&c)) return;
    c.alpha = 0.5;
    for (i = 0; i < 60; i++)
        plot_stroke(&c, 80 + 30 * cos(i / 10.0), 60 + 30 * sin(i / 10.0),
                    80 + 30 * cos((i + 1) / 10.0), 60 + 30 * sin((i + 1) / 10.0), 3);
    plot_flush(&c);
    for (y = 0; y < H; y++)
        for (x = 0; x < W; x++) most = fmax(most, darkness(&c, x, y));
    CHECK_NEAR(most, 0.5, 1e-6);
    for (i = 0; i < 590; i++)
        least = fmin(least, darkness(&c, (int)(80 + 30 * cos(i / 100.0)),
                                     (int)(60 + 30 * sin(i / 100.0))));
    CHECK_NEAR(least, 0.5, 1e-3);
    plot_flush(&c); /* what is flushed is gone */
    CHECK_NEAR(darkness(&c, 110, 60), 0.5, 1e-6);
    plot_close(&c);
}

static void nothing_leaves_the_clip(void)
{
    plot_canvas c;
    int x0, y0, x1, y1;
    if (black(&c)) return;
    plot_clip(&c, 30, 20, 100, 90);
    plot_dot(&c, 30, 20, 25);
    plot_line(&c, -1e9, 50, 1e9, 55, 5);
    plot_rect(&c, 90, 80, 1e6, 1e6);
    CHECK(ink_box(&c, &x0, &y0, &x1, &y1));
    CHECK(x0 == 30 && y0 == 20 && x1 == 100 && y1 == 90);
    plot_unclip(&c);
    plot_dot(&c, W, H, 5);
    ink_box(&c, &x0, &y0, &x1, &y1);
    CHECK(x1 == W && y1 == H);
    plot_close(&c);
}

/* Text is where its anchors say, as wide as it says, of the height asked for; each character is
 * another picture. */
static void text_is_in_its_place(void)
{
    plot_canvas c;
    static float all[95][3 * W * H];
    double w = plot_text_width(10, "HELLO");
    int x0, y0, x1, y1, i, j;
    if (black(&c)) return;
    plot_text(&c, 80, 60, 10, 0.5, 0.5, 0, "HELLO");
    CHECK(ink_box(&c, &x0, &y0, &x1, &y1));
    CHECK_NEAR((x0 + x1) / 2.0, 80, 1.5);
    CHECK_NEAR((y0 + y1) / 2.0, 60, 1.5);
    CHECK_NEAR(x1 - x0, w + 1.4, 2);
    CHECK_NEAR(y1 - y0, 11.4, 2);
    plot_close(&c);
    black(&c);
    plot_text(&c, 80, 60, 10, 0.5, 0.5, 1, "HELLO"); /* upwards */
    ink_box(&c, &x0, &y0, &x1, &y1);
    CHECK_NEAR(y1 - y0, w + 1.4, 2);
    CHECK_NEAR((x0 + x1) / 2.0, 80, 1.5);
    plot_close(&c);
    for (i = 0; i < 95; i++) {
        char s[2];
        s[0] = (char)(32 + i);
        s[1] = 0;
        black(&c);
        plot_text(&c, 40, 60, 30, 0, 0.5, 0, s);
        CHECK(i == 0 ? ink(&c) <= 0 : ink(&c) > 20);
        memcpy(all[i], c.pix, sizeof all[i]);
        for (j = 0; j < i; j++) CHECK(memcmp(all[i], all[j], sizeof all[i]) != 0);
        plot_close(&c);
    }
    CHECK_NEAR(plot_text_width(10, "\xc3\xa9"), plot_text_width(10, "?"), 0);
    CHECK(plot_text_width(10, "10^{-4}") < plot_text_width(10, "10-4"));
    CHECK_NEAR(plot_text_width(20, "abc"), 2 * plot_text_width(10, "abc"), 1e-9);
}

static double luminance(plot_rgb c) { return 0.2126 * c.r + 0.7152 * c.g + 0.0722 * c.b; }

static void colour_maps_keep_the_order(void)
{
    static const plot_map map[2] = {plot_map_density, plot_map_energy};
    int k, i;
    for (k = 0; k < 2; k++) {
        CHECK(luminance(map[k](-3)) >= luminance(map[k](0)) - 1e-12);
        CHECK_NEAR(luminance(map[k](7)), luminance(map[k](1)), 0);
        for (i = 0; i < 200; i++) {
            plot_rgb c = map[k]((i + 1) / 200.0);
            CHECK(luminance(c) > luminance(map[k](i / 200.0)));
            CHECK(c.r >= 0 && c.r <= 1 && c.g >= 0 && c.g <= 1 && c.b >= 0 && c.b <= 1);
        }
    }
}

/* Axes on any range leave ink inside the canvas, and their numbers apart: between the labels of
 * two ticks below there is white. */
static void axes_are_legible(void)
{
    static const double range[][2] = {{0, 1}, {-1e-5, 1e-5}, {4.9e6, 5.1e6}, {99999, 99999.5},
                                      {1e-30, 1e-29}, {-123456, 654321}, {3, 3}};
    plot_canvas c;
    plot_axes a;
    size_t i;
    int x, y, gaps, run;
    for (i = 0; i < sizeof range / sizeof *range; i++) {
        if (!CHECK_INT(plot_open(&c, 400, 400), 0)) return;
        a.px = 90, a.py = 20, a.pw = a.ph = 290;
        a.x0 = a.y0 = range[i][0];
        a.x1 = a.y1 = range[i][1];
        plot_axes_draw(&c, &a, 10, "x0", "x1");
        for (gaps = run = 0, x = 0; x < 400; x++) { /* the row of numbers */
            int any = 0;
            for (y = 320; y < 331; y++) any |= darkness(&c, x, y) > 0.2;
            gaps += any && run >= 8;
            run = any ? 0 : run + 1;
        }
        CHECK(range[i][0] < range[i][1] ? gaps >= 2 : gaps == 0);
        for (y = 0; y < 400; y++) CHECK(darkness(&c, 0, y) < 0.01 && darkness(&c, 399, y) < 0.01);
        plot_close(&c);
    }
}

static void colour_bars_stay_inside(void)
{
    static const double range[][2] = {{0, 1}, {0, 4.2e-7}, {-3e8, 5e8}, {-1234.5, 0}, {0, 47000}};
    plot_canvas c;
    plot_range r;
    size_t i;
    int y, x0, y0, x1, y1;
    for (i = 0; i < sizeof range / sizeof *range; i++) {
        if (!CHECK_INT(plot_open(&c, 170, 400), 0)) return;
        r.lo = range[i][0];
        r.hi = range[i][1];
        r.below = r.above = 1;
        CHECK(plot_colorbar(&c, 80, 60, 16, 280, r, plot_map_density,
                            "the density e^{-E}/Z") < 165);
        CHECK(ink_box(&c, &x0, &y0, &x1, &y1) && x1 < 166 && y0 > 0);
        for (y = 62; y < 338; y += 20) { /* the colour beside a number is the number's */
            plot_rgb want = plot_map_density(1 - (y + 0.5 - 60) / 280);
            CHECK_NEAR(c.pix[3 * (y * 170 + 88) + 1], want.g, 0.01);
        }
        plot_close(&c);
    }
}

/* ---- figures ---- */

static void ranges_ignore_outliers(void)
{
    double v[1000], w[1000];
    plot_range r;
    int i;
    for (i = 0; i < 1000; i++) v[i] = i / 1000.0, w[i] = 1;
    CHECK_INT(figure__range(v, NULL, 1000, 0.02, 0, &r), 0);
    CHECK(r.lo <= 0 && r.hi >= 0.999 && !r.below && !r.above); /* close: opened to the ends */
    v[0] = -1e6;
    v[999] = 1e9;
    v[500] = nan_();
    v[501] = inf_();
    CHECK_INT(figure__range(v, w, 1000, 0.02, 0, &r), 0);
    CHECK_NEAR(r.lo, 0.02, 0.003);
    CHECK_NEAR(r.hi, 0.98, 0.003);
    CHECK(r.below && r.above);
    for (i = 0; i < 1000; i++) v[i] = i / 1000.0, w[i] = i < 500 ? 0 : 1; /* by weight */
    CHECK_INT(figure__range(v, w, 1000, 0.1, 0, &r), 0);
    CHECK_NEAR(r.lo, 0.55, 0.01);
    for (i = 850; i < 1000; i++) v[i] = 1e6; /* a cliff, too broad for quantiles */
    CHECK_INT(figure__range(v, NULL, 1000, 0.03, 6, &r), 0);
    CHECK(r.hi < 4 && r.hi > 0.85 && r.above);
    for (i = 0; i < 1000; i++) v[i] = 7;
    CHECK_INT(figure__range(v, NULL, 1000, 0.03, 6, &r), 0);
    CHECK(r.lo < 7 && r.hi > 7 && !r.below && !r.above);
    for (i = 0; i < 1000; i++) v[i] = 0;
    CHECK_INT(figure__range(v, NULL, 1000, 0.03, 6, &r), 0);
    CHECK(r.lo < -0.01 && r.hi > 0.01);
    for (i = 0; i < 1000; i++) v[i] = nan_();
    CHECK_INT(figure__range(v, NULL, 1000, 0.03, 6, &r), 0);
    CHECK(r.hi > r.lo);
    CHECK_INT(figure__range(v, NULL, 0, 0.03, 6, &r), 0);
    CHECK(r.hi > r.lo);
}

/* Models on [-1.5, 1.5]^n: a circle, a sphere, a bent circle in space, a sphere in R^5; E = 2 x0,
 * with places where it is not finite. */
static void model_eval(void *user, int B, const double *x, double *F, double *E)
{
    const figure_model *m = (const figure_model *)user;
    int b, k;
    for (b = 0; b < B; b++, x += m->n) {
        double r2 = 0;
        for (k = 0; k < m->n; k++) r2 += x[k] * x[k];
        if (F && m->k == 1) F[b] = sqrt(r2) - 1;
        if (F && m->k == 2) {
            F[2 * b] = hypot(x[0], x[1]) - 1;
            F[2 * b + 1] = x[2] - x[0] * x[1];
        }
        if (E) E[b] = x[0] > 1.4 ? nan_() : 2 * x[0];
    }
}

static const double box_low[5] = {-1.5, -1.5, -1.5, -1.5, -1.5}, box_high[5] = {1.5, 1.5, 1.5, 1.5,
                                                                               1.5};

static void model_make(figure_model *m, int n, int k, int energy)
{
    memset(m, 0, sizeof *m);
    memset(m, 0, sizeof *m);
    m->n = n;
    m->k = k;
    m->lo = box_low;
    m->hi = box_high;
    m->eval = model_eval;
    m->user = m;
    m->has_energy = energy;
}

static void points_make(const figure_model *m, int n, double *x)
{
    int i, k;
    state = T_SEED + 2;
    for (i = 0; i < n; i++, x += m->n) {
        double r2 = 0;
        for (k = 0; k < m->n; k++) x[k] = uniform(-1, 1), r2 += x[k] * x[k];
        if (m->k == 2) r2 = x[0] * x[0] + x[1] * x[1];
        for (k = 0; k < m->n; k++) x[k] /= sqrt(r2);
        if (m->k == 2) x[2] = x[0] * x[1];
    }
}

/* On the unit circle e^-E / Z is a density: its integral is 1, its ratios are those of e^-2x. */
static void densities_integrate_to_one(void)
{
    figure_model m;
    mesh c;
    double *w, *p, sum = 0, most = 0;
    int i, wrong = 0;
    model_make(&m, 2, 1, 1);
    if (!CHECK_INT(mesh_zero_set(&c, 2, box_low, box_high, 100, figure__F, &m), 0)) return;
    w = figure__alloc((size_t)c.n_vert);
    p = figure__alloc((size_t)c.n_vert);
    mesh_weights(&c, w);
    figure__density(&m, c.n_vert, c.vert, w, p);
    for (i = 0; i < c.n_vert; i++) {
        sum += w[i] * p[i];
        /* I0(2) = 2.2795853 */
        wrong += !(fabs(p[i] * 2 * PI * 2.2795853 / exp(-2 * c.vert[2 * i]) - 1) < 0.003);
    }
    CHECK_NEAR(sum, 1, 1e-12);
    CHECK_INT(wrong, 0);
    figure__density(&m, c.n_vert, c.vert, NULL, p);
    for (i = 0; i < c.n_vert; i++) most = fmax(most, p[i]);
    CHECK_NEAR(most, 1, 1e-12);
    free(w);
    free(p);
    mesh_free(&c);
}

/* A small view of the sphere: points before it are visible, points behind or inside are not, and
 * the silhouette is where perspective puts it. */
static void far_points_are_hidden(void)
{
    figure_model m;
    figure__surface s;
    figure__view v;
    plot_canvas c;
    size_t i, n;
    int b, wrong = 0, near_ones = 0;
    double x[3], q[3], eye[3];
    model_make(&m, 3, 1, 1);
    memset(&v, 0, sizeof v);
    memset(&s, 0, sizeof s);
    v.w = 150;
    v.h = 140;
    for (b = 0; b < 3; b++) v.lo[b] = -1.1, v.hi[b] = 1.1;
    n = (size_t)v.w * (size_t)v.h * FIGURE__SUB * FIGURE__SUB;
    v.z = (float *)malloc(n * sizeof *v.z);
    v.rgb = (float *)malloc(3 * n * sizeof *v.rgb);
    if (!v.z || !v.rgb || !CHECK_INT(plot_open(&c, 150, 140), 0)) exit(1);
    for (i = 0; i < n; i++) v.z[i] = -FLT_MAX;
    figure__aim(&v, -52, 26);
    CHECK_INT(mesh_zero_set(&s.m, 3, box_low, box_high, T_QUICK ? 20 : 40, figure__F, &m), 0);
    s.normal = figure__alloc(3 * (size_t)s.m.n_vert);
    s.p = figure__alloc((size_t)s.m.n_vert);
    s.range.hi = 1;
    mesh_normals(&s.m, s.normal);
    for (b = 0; b < s.m.n_vert; b++) s.p[b] = 0.5;
    CHECK_INT(figure__render(&c, &v, &s), 0);
    for (b = 0; b < 3; b++) eye[b] = v.turn[2][b] * v.eye;
    state = T_SEED + 3;
    for (b = 0; b < 400; b++) {
        double r2 = 0, facing = 0;
        int k, seen;
        for (k = 0; k < 3; k++) x[k] = uniform(-1, 1), r2 += x[k] * x[k];
        for (k = 0; k < 3; k++) x[k] /= sqrt(r2), facing += x[k] * eye[k];
        if (fabs(facing - 1) < 0.25 * v.eye) continue; /* near the horizon: either */
        figure__project(&v, x, q);
        seen = figure__visible(&v, q);
        wrong += seen != (facing > 1);
        near_ones += seen;
        for (k = 0; k < 3; k++) x[k] *= 0.5; /* inside */
        figure__project(&v, x, q);
        wrong += figure__visible(&v, q);
    }
    CHECK_INT(wrong, 0);
    CHECK(near_ones > 50);
    /* the disc of the silhouette: a sphere of radius 1 from distance e seen as e / sqrt(e^2 - 1) */
    for (near_ones = 0, i = 0; i < n; i++) near_ones += v.z[i] > -FLT_MAX;
    x[0] = v.scale * v.eye / sqrt(v.eye * v.eye - 1) * FIGURE__SUB;
    CHECK_REL(near_ones, PI * x[0] * x[0], 0.02);
    CHECK(darkness(&c, 75, 60) > 0.7); /* the middle of the colours has little red */
    free(v.z);
    free(v.rgb);
    free(s.normal);
    free(s.p);
    mesh_free(&s.m);
    plot_close(&c);
}

/* Of two clouds the nearer point is drawn last; over a surface, dark dots have a light rim. */
static void near_points_cover_far_ones(void)
{
    static const double front[3] = {0.5, 0, 0}, back[3] = {-0.5, 0, 0};
    static float z[60 * 60 * 9];
    plot_range r = {0, 1, 0, 0};
    double bright = 1, q[3];
    figure__cloud cloud[2];
    figure__view v;
    plot_canvas c;
    int k, i, pass;
    memset(&v, 0, sizeof v);
    memset(cloud, 0, sizeof cloud);
    for (k = 0; k < 3; k++) v.lo[k] = -1, v.hi[k] = 1;
    v.w = v.h = 60;
    v.z = z;
    for (i = 0; i < 60 * 60 * 9; i++) z[i] = -FLT_MAX;
    figure__aim(&v, 0, 0); /* the eye on the x0 axis: both at the same place */
    v.scale = 10;
    v.ox = v.oy = 30;
    for (pass = 0; pass < 2; pass++) {
        if (!CHECK_INT(plot_open(&c, 60, 60), 0)) return;
        cloud[pass].x = front, cloud[1 - pass].x = back;
        cloud[pass].p = &bright, cloud[1 - pass].p = NULL;
        for (k = 0; k < 2; k++) cloud[k].n = 1, cloud[k].radius = 4, cloud[k].alpha = 1;
        CHECK_INT(figure__points(&c, &v, cloud, 2, r), 0);
        figure__project(&v, front, q);
        i = 3 * ((int)q[1] * 60 + (int)q[0]);
        CHECK(c.pix[i + 1] > 0.9f && c.pix[i + 2] < 0.6f); /* yellow, not dark */
        plot_close(&c);
    }
    if (!CHECK_INT(plot_open(&c, 60, 60), 0)) return;
    for (i = 0; i < 3 * 60 * 60; i++) c.pix[i] = 0.2f;
    cloud[0].x = front, cloud[0].p = NULL, cloud[0].halo = 1;
    CHECK_INT(figure__points(&c, &v, cloud, 1, r), 0);
    i = 3 * (30 * 60 + 30);
    CHECK(c.pix[i] < 0.15f && c.pix[i + 12] > 0.22f);
    plot_close(&c);
}

static int png_size(const char *path, int *w, int *h)
{
    unsigned char p[24];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(p, 1, sizeof p, f) : 0;
    if (f) fclose(f);
    *w = *h = 0;
    if (n < sizeof p || memcmp(p + 1, "PNG", 3)) return -1;
    *w = p[18] << 8 | p[19];
    *h = p[22] << 8 | p[23];
    return 0;
}

static void check_figure(int n, int k, int energy, int n_data, int n_samples, int w, int h)
{
    static double data[300 * 5], samples[300 * 5];
    const char *path = t_tmp("figure.png");
    figure_model m;
    int is_w, is_h;
    remove(path);
    model_make(&m, n, k, energy);
    points_make(&m, 300, data);
    memcpy(samples, data, sizeof data);
    CHECK_INT(figure_draw(&m, n_data ? data : NULL, n_data, n_samples ? samples : NULL, n_samples,
                          "A title with \xc3\xa9, ^{2} and much, much, much, much, much, much, "
                          "much, much, much, much, much, much, much, much text", path), 0);
    CHECK_INT(png_size(path, &is_w, &is_h), 0);
    CHECK_INT(is_w, w);
    CHECK_INT(is_h, h);
}

static void flat_pictures_are_drawn(void)
{
    if (T_QUICK) T_SKIP("--quick");
    check_figure(2, 1, 1, 300, 300, 1400, 700);
    check_figure(2, 1, 0, 1, 0, 1400, 700);
    check_figure(2, 1, 1, 0, 0, 1400, 700);
}

static void pictures_of_space_are_drawn(void)
{
    if (T_QUICK) T_SKIP("--quick");
    check_figure(3, 1, 1, 300, 0, 1400, 700);
    check_figure(3, 1, 0, 0, 0, 1400, 700);
    check_figure(3, 2, 1, 300, 300, 1400, 700);
    check_figure(3, 2, 0, 1, 0, 1400, 700);
    check_figure(3, 2, 1, 0, 0, 1400, 700);
}

static void pairs_are_drawn(void)
{
    if (T_QUICK) T_SKIP("--quick");
    check_figure(5, 1, 1, 300, 300, 1150, 1190);
    check_figure(5, 1, 0, 0, 0, 1150, 1190);
    check_figure(4, 1, 1, 1, 0, 1150, 1190);
    check_figure(2, 2, 0, 300, 0, 1150, 1190); /* k = n: points only */
}

static void flat_sets_have_a_box(void)
{
    static const double x[] = {-1, 0, 7, 3, 0, 7, 0, 1, 7.001};
    figure_model m;
    figure__job j;
    figure__view v;
    mesh none;
    int k;
    model_make(&m, 3, 2, 0);
    memset(&j, 0, sizeof j);
    memset(&none, 0, sizeof none);
    j.m = &m;
    j.data = x;
    j.n_data = 3;
    figure__crop(&j, &none, &v);
    CHECK_NEAR(v.lo[0], -1.24, 1e-12);
    CHECK_NEAR(v.hi[0], 3.24, 1e-12);
    CHECK_NEAR(v.hi[1], 1.06, 1e-12);
    CHECK_NEAR(v.hi[2] - v.lo[2], 0.448, 1e-12);
    CHECK_NEAR(v.hi[2] + v.lo[2], 14.001, 1e-12);
    j.n_data = 0; /* nothing to draw: all of D */
    figure__crop(&j, &none, &v);
    for (k = 0; k < 3; k++) CHECK(v.lo[k] <= -1.5 && v.hi[k] >= 1.5 && v.hi[k] < 1.6);
}

/* Axes have the user's names where there are any, cut between characters. */
static void axes_have_names(void)
{
    static const char *const name[] = {"lat", "",
                                       "12345678901234567890123\xc3\xa9 and so on and on"};
    figure_model m;
    char s[32];
    model_make(&m, 3, 1, 0);
    CHECK_STR(figure__label(&m, 2, s), "x2");
    m.label = name;
    CHECK_STR(figure__label(&m, 0, s), "lat");
    CHECK_STR(figure__label(&m, 1, s), "");
    CHECK_STR(figure__label(&m, 2, s), "12345678901234567890123");
}

static void unwritable_figures_are_errors(void)
{
    figure_model m;
    double one[5] = {0, 0, 0, 0, 0};
    model_make(&m, 5, 1, 0);
    errno = 0;
    CHECK_INT(figure_draw(&m, one, 1, NULL, 0, "t", t_tmp("no/such/a.png")), -1);
    CHECK_INT(errno, ENOENT);
    CHECK_INT(figure_draw(&m, one, 1, NULL, 0, NULL, "tests"), -1);
    CHECK_INT(errno, EISDIR);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(a_sphere_is_a_sphere);
    T_RUN(a_torus_is_a_torus);
    T_RUN(zeros_on_the_grid_leave_no_holes);
    T_RUN(the_area_converges);
    T_RUN(boxes_need_not_be_cubes);
    T_RUN(bad_values_are_left_out);
    T_RUN(an_empty_set_is_empty);
    T_RUN(circles_are_closed_loops);
    T_RUN(lines_end_at_the_border);
    T_RUN(meshes_know_their_shape);
    T_RUN(ply_files_are_exact);
    T_RUN(ticks_are_round_and_told_apart);
    T_RUN(degenerate_ranges_have_no_ticks);
    T_RUN(known_numbers);
    T_RUN(powers_of_ten_are_taken_out);
    T_RUN(shapes_have_their_area);
    T_RUN(strokes_do_not_add_up);
    T_RUN(nothing_leaves_the_clip);
    T_RUN(text_is_in_its_place);
    T_RUN(colour_maps_keep_the_order);
    T_RUN(axes_are_legible);
    T_RUN(colour_bars_stay_inside);
    T_RUN(ranges_ignore_outliers);
    T_RUN(densities_integrate_to_one);
    T_RUN(far_points_are_hidden);
    T_RUN(near_points_cover_far_ones);
    T_RUN(flat_pictures_are_drawn);
    T_RUN(pictures_of_space_are_drawn);
    T_RUN(pairs_are_drawn);
    T_RUN(flat_sets_have_a_box);
    T_RUN(axes_have_names);
    T_RUN(unwritable_figures_are_errors);
    return T_END();
}
