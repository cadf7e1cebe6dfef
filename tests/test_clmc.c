/* The frame (F linearised at a point of every lane, tangent projection, root of F) and constrained
 * Langevin chains, on manifolds written as formulas. The F's are no distance functions: they are
 * multiplied by exp(x0) or a constant, which must not change anything. Everything a chain does is
 * repeated in double by the plain code below, from the same noise. Statistical checks allow 5
 * standard errors (false alarms 6e-7 each, about 40 of them) and say what they add for the O(eps^2)
 * bias of the chain; where the biased law is known itself they add nothing. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

enum { NMAX = 4, KMAX = 2 };
static const double SIGMAS = 5, PI = 3.14159265358979323846;

static double normal(ebim_rng *r) { return (double)ebim_rng_normal(r); }

/* One row of n normals in the order of the sampler. */
static void noise(ebim_rng *r, int n, double *out)
{
    int i;
    for (i = 0; i < n; i += 2) {
        ebim_real a, b;
        ebim__normal2(r, &a, &b);
        out[i] = (double)a;
        if (i + 1 < n) out[i + 1] = (double)b;
    }
}

static double dot(int n, const double *a, const double *b)
{
    double s = 0;
    while (n--) s += a[n] * b[n];
    return s;
}

/* ---- manifolds, as graphs and in double; user: a factor of F, or NULL for 1 ---- */

/* |x_from..|^2 - level over `count` coordinates */
static ebim_ref round_part(ebim_graph *g, ebim_ref x, int from, int count, double level)
{
    return ebim_affine(g, ebim_sumsq(g, ebim_slice(g, x, from, count)), &level, 1);
}

static ebim_ref record_ball(ebim_graph *g, ebim_ref x, void *user) /* circle, sphere */
{
    return scaled(g, round_part(g, x, 0, g->node[x].size, 1), user);
}

static ebim_ref record_warped(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = round_part(g, x, 0, g->node[x].size, 1);
    return scaled(g, ebim_mul(g, y, ebim_apply(g, ebim_slice(g, x, 0, 1), EBIM_FN_EXP)), user);
}

static void ball(const double *x, double *y) { *y = exp(x[0]) * (dot(2, x, x) - 1); }
static void ball3(const double *x, double *y) { *y = exp(x[0]) * (dot(3, x, x) - 1); }

static ebim_ref record_ellipse(ebim_graph *g, ebim_ref x, void *user)
{
    static const double half[2] = {1.75, 7}, level = 7;
    ebim_ref y = ebim_dot(g, ebim_constant(g, 2, half), ebim_apply(g, x, EBIM_FN_SQUARE));
    return scaled(g, ebim_affine(g, y, &level, 1), user);
}

static void ellipse(const double *x, double *y) { *y = 7 * (x[0] * x[0] / 4 + x[1] * x[1] - 1); }

static void torus(const double *x, double *y)
{
    double a = sqrt(x[0] * x[0] + x[1] * x[1]) - 1;
    *y = a * a + x[2] * x[2] - 0.25;
}

/* A closed curve in R^3: the sphere and the saddle z = xy / 2 */
static ebim_ref record_curve(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref xy = ebim_mul(g, ebim_slice(g, x, 0, 1), ebim_slice(g, x, 1, 1));
    ebim_ref b = ebim_sub(g, ebim_slice(g, x, 2, 1), ebim_scale(g, xy, 0.5));
    ebim_ref a = ebim_scale(g, round_part(g, x, 0, 3, 1), 1.5);
    return scaled(g, ebim_concat(g, a, b), user);
}

static void curve(const double *x, double *y)
{
    y[0] = 1.5 * (dot(3, x, x) - 1);
    y[1] = x[2] - 0.5 * x[0] * x[1];
}

/* The Clifford torus in R^4: two circles of radius sqrt(1/2) */
static ebim_ref record_clifford(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = round_part(g, x, 0, 2, 0.5), b = round_part(g, x, 2, 2, 0.5);
    a = ebim_mul(g, a, ebim_apply(g, ebim_slice(g, x, 0, 1), EBIM_FN_EXP));
    return scaled(g, ebim_concat(g, a, ebim_scale(g, b, 0.8)), user);
}

static void clifford(const double *x, double *y)
{
    y[0] = exp(x[0]) * (dot(2, x, x) - 0.5);
    y[1] = 0.8 * (dot(2, x + 2, x + 2) - 0.5);
}

typedef struct manifold {
    const char *name;
    int n, k;
    ebim_record_fn record;
    void (*f)(const double *x, double *y);
} manifold;

static const manifold manifolds[] = {
    {"circle", 2, 1, record_warped, ball},    {"ellipse", 2, 1, record_ellipse, ellipse},
    {"sphere", 3, 1, record_warped, ball3},   {"torus", 3, 1, record_torus, torus},
    {"curve", 3, 2, record_curve, curve},     {"Clifford", 4, 2, record_clifford, clifford}};
enum { MANIFOLDS = 6 };

/* ---- the same things in double, one point at a time ---- */

/* Five-point differences: off by about 1e-12. */
static void jacobian(const manifold *m, const double *x, double *J)
{
    double p[NMAX], y[4][KMAX], h = 1e-3;
    int i, j, q;
    memcpy(p, x, (size_t)m->n * sizeof *x);
    for (j = 0; j < m->n; j++) {
        for (q = 0; q < 4; q++) {
            p[j] = x[j] + h * (q < 2 ? q - 2 : q - 1); /* -2, -1, 1, 2 */
            m->f(p, y[q]);
        }
        p[j] = x[j];
        for (i = 0; i < m->k; i++)
            J[i * m->n + j] = (8 * (y[2][i] - y[1][i]) - (y[3][i] - y[0][i])) / (12 * h);
    }
}

/* b <- A^-1 b for k = 1, 2; returns trace^2 / det, a bound of the condition of symmetric A */
static double solve(int k, const double *A, double *b)
{
    double det, t;
    if (k == 1) {
        b[0] /= A[0];
        return 1;
    }
    det = A[0] * A[3] - A[1] * A[2];
    t = (A[3] * b[0] - A[1] * b[1]) / det;
    b[1] = (A[0] * b[1] - A[2] * b[0]) / det;
    b[0] = t;
    return (A[0] + A[3]) * (A[0] + A[3]) / fabs(det);
}

/* x -= s J'mu, (A J') mu = b */
static double correct(const manifold *m, const double *A, const double *J, const double *b,
                      double *x)
{
    double G[KMAX * KMAX], mu[KMAX], cond;
    int i, j;
    for (i = 0; i < m->k; i++)
        for (j = 0; j < m->k; j++) G[i * m->k + j] = dot(m->n, A + i * m->n, J + j * m->n);
    memcpy(mu, b, (size_t)m->k * sizeof *b);
    cond = solve(m->k, G, mu);
    for (i = 0; i < m->k; i++)
        for (j = 0; j < m->n; j++) x[j] -= mu[i] * J[i * m->n + j];
    return cond;
}

/* r <- P r; returns the condition of J J'. */
static double tangent(const manifold *m, const double *J, double *r)
{
    double b[KMAX];
    int i;
    for (i = 0; i < m->k; i++) b[i] = dot(m->n, J + i * m->n, r);
    return correct(m, J, J, b, r);
}

/* The root y - J'mu of F by Newton, y in and out; 1 when it converged. J NULL: J(y), a point of M
 * near y. */
static int root(const manifold *m, const double *J, double *y)
{
    double A[KMAX * NMAX], f[KMAX], y0[NMAX];
    int it, i;
    for (it = 0; it < 50; it++) {
        double moved = 0;
        memcpy(y0, y, sizeof y0);
        m->f(y, f);
        jacobian(m, y, A);
        correct(m, A, J ? J : A, f, y);
        for (i = 0; i < m->n; i++) moved += fabs(y[i] - y0[i]);
        if (moved < 1e-13) return 1;
        if (!(moved < 10)) return 0;
    }
    return 0;
}

/* Some point of M as ebim_real (so off M by rounding); spread over all of M, with no exact law. */
static void some_point(const manifold *m, ebim_rng *r, ebim_real *x)
{
    double y[NMAX] = {0}, f[KMAX];
    int i, ok;
    do {
        for (i = 0; i < m->n; i++) y[i] = 0.8 * normal(r);
        ok = root(m, NULL, y);
        m->f(y, f);
    } while (!ok || fabs(f[0]) > 1e-9 || fabs(f[m->k - 1]) > 1e-9);
    for (i = 0; i < m->n; i++) x[i] = (ebim_real)y[i];
}

static void random_points(const manifold *m, int B, ebim_real *x, uint64_t stream)
{
    ebim_rng r;
    int b;
    ebim_rng_init(&r, T_SEED, stream);
    for (b = 0; b < B; b++) some_point(m, &r, x + b * m->n);
}

/* ---- the frame ---- */

enum { LANES = 40, STRIDE = 48 };

static ebim_constraint_desc constraint(ebim_solver solver, ebim_linear linear)
{
    ebim_constraint_desc d;
    memset(&d, 0, sizeof d);
    d.solver = solver;
    d.linear = linear;
    d.lanes = STRIDE;
    return d;
}

static int new_frame(ebim__frame *f, ebim_arena *a, ebim_graph *g, const manifold *m, void *scale,
                     const ebim_constraint_desc *d)
{
    return CHECK_INT(ebim_record(g, a, m->n, m->record, scale), EBIM_OK) &&
           CHECK_INT(ebim__frame_init(f, a, g, d), EBIM_OK);
}

static void put_row(ebim_real *rows, int n, int l, const double *x)
{
    while (n--) rows[n * STRIDE + l] = (ebim_real)x[n];
}

static void get_row(const ebim_real *rows, int n, int l, double *x)
{
    while (n--) x[n] = (double)rows[n * STRIDE + l];
}

/* P r has no component along the rows of J, and is r without that component: eq. 11. */
static void momentum_is_tangent(void)
{
    static ebim_real x[LANES * NMAX], rows[NMAX * STRIDE], r[NMAX * STRIDE];
    int which, cg, l, i;
    for (which = 0; which < MANIFOLDS; which++)
        for (cg = 0; cg < 2; cg++) {
            const manifold *m = &manifolds[which];
            ebim_linear linear = cg ? EBIM_LINEAR_CG : EBIM_LINEAR_AUTO;
            ebim_constraint_desc d = constraint(EBIM_SOLVER_NEWTON, linear);
            ebim_arena a = arena();
            ebim_graph g;
            ebim__frame f;
            ebim_rng rng;
            double p[NMAX], v[LANES][NMAX], got[NMAX], J[KMAX * NMAX];
            if (!new_frame(&f, &a, &g, m, NULL, &d)) return;
            ebim_rng_init(&rng, T_SEED, 1);
            random_points(m, LANES, x, 2);
            for (l = 0; l < LANES; l++) {
                to_double(m->n, x + l * m->n, p);
                put_row(rows, m->n, l, p);
                for (i = 0; i < m->n; i++) v[l][i] = (double)(ebim_real)normal(&rng);
                put_row(r, m->n, l, v[l]);
            }
            ebim__frame_at(&f, LANES, rows);
            ebim__frame_tangent(&f, r);
            for (l = 0; l < LANES; l++) {
                double len = sqrt(dot(m->n, v[l], v[l])), cond, all = 0;
                to_double(m->n, x + l * m->n, p);
                jacobian(m, p, J);
                cond = tangent(m, J, v[l]);
                get_row(r, m->n, l, got);
                all = sqrt(dot(m->n * m->k, J, J));
                CHECK_INT(f.singular[l], 0);
                for (i = 0; i < m->k; i++)
                    CHECK_NEAR(dot(m->n, J + i * m->n, got), 0,
                               64 * T_EPS * all * len * cond + 1e-10);
                for (i = 0; i < m->n; i++)
                    CHECK_NEAR(got[i], v[l][i], 64 * T_EPS * len * cond + 1e-10);
            }
        }
}

typedef struct way {
    const char *name;
    ebim_solver solver;
    ebim_linear linear;
    int joint, max_iter;
} way;

/* SGD contracts by about a half per iteration for k = 1, and much more slowly for k = 2. */
static const way ways[] = {
    {"newton", EBIM_SOLVER_NEWTON, EBIM_LINEAR_AUTO, 0, 0},
    {"newton, direct", EBIM_SOLVER_NEWTON, EBIM_LINEAR_DIRECT, 0, 0},
    {"chord, cg", EBIM_SOLVER_NEWTON, EBIM_LINEAR_CG, 0, 200},
    {"lbfgs", EBIM_SOLVER_LBFGS, EBIM_LINEAR_AUTO, 0, 100},
    {"lbfgs, cg", EBIM_SOLVER_LBFGS, EBIM_LINEAR_CG, 0, 100},
    {"sgd", EBIM_SOLVER_SGD, EBIM_LINEAR_AUTO, 0, 150},
    {"sgd, cg", EBIM_SOLVER_SGD, EBIM_LINEAR_CG, 0, 150},
    {"lbfgs, joint", EBIM_SOLVER_LBFGS, EBIM_LINEAR_AUTO, 1, 400}};
enum { WAYS = 8 };

/* q on M, y0 = q + a step along M and a bit off it, and the root in double. */
typedef struct problem {
    double q[NMAX], y0[NMAX], y[NMAX], cond;
} problem;

static void new_problem(const manifold *m, ebim_rng *r, problem *p)
{
    double J[KMAX * NMAX], v[NMAX];
    ebim_real x[NMAX];
    int i;
    memset(p, 0, sizeof *p);
    do {
        some_point(m, r, x);
        to_double(m->n, x, p->q);
        jacobian(m, p->q, J);
        for (i = 0; i < m->n; i++) v[i] = normal(r);
        p->cond = tangent(m, J, v);
        for (i = 0; i < m->n; i++) {
            double step = 0.15 * fmin(1, fmax(-1, v[i])) + 0.01 * normal(r);
            p->y[i] = p->y0[i] = (double)(ebim_real)(p->q[i] + step);
        }
    } while (!root(m, J, p->y));
}

/* Every solver finds the root nearest to the start, whatever the factor of F. */
static void check_roots(const manifold *m, const way *w, double factor)
{
    static ebim_real q[NMAX * STRIDE];
    ebim_constraint_desc d = constraint(w->solver, w->linear);
    ebim_arena a = arena();
    ebim_graph g;
    ebim__frame f;
    ebim_rng r;
    problem p[LANES];
    int l, i, solved = 0, near_root = 0, slow = w->solver == EBIM_SOLVER_SGD && m->k > 1;
    d.joint = w->joint;
    d.max_iter = slow ? 1200 : w->max_iter;
    if (!new_frame(&f, &a, &g, m, &factor, &d)) return;
    ebim_rng_init(&r, T_SEED, 3);
    for (l = 0; l < LANES; l++) {
        new_problem(m, &r, &p[l]);
        put_row(q, m->n, l, p[l].q);
        put_row(f.y0, m->n, l, p[l].y0);
    }
    ebim__frame_at(&f, LANES, q);
    ebim__frame_root(&f, LANES);
    for (l = 0; l < LANES; l++) {
        double y[NMAX], off = 0, tol = 100 * T_EPS * p[l].cond + 1e-10;
        if (w->joint) tol = 1e-2; /* one stopping rule for all lanes */
        if (slow) tol = 1e-3;
        get_row(f.y, m->n, l, y);
        for (i = 0; i < m->n; i++) off = fmax(off, fabs(y[i] - p[l].y[i]));
        near_root += off <= tol;
        solved += f.state[l] == EBIM__SOLVED;
    }
    l = CHECK_INT(near_root, LANES);
    if (!CHECK(w->joint || slow || solved == LANES) || !l)
        printf("    %s, %s, factor %g: %d solved\n", m->name, w->name, factor, solved);
}

static void solvers_agree(void)
{
    int which, w;
    for (which = 0; which < MANIFOLDS; which++)
        for (w = 0; w < WAYS; w++) check_roots(&manifolds[which], &ways[w], 1);
}

/* Newton sweeps only lanes that are not done; the others move up, each with its point, its
 * tangents, its limit and its place. A lane comes to the same bits wherever it began, and whoever
 * left beside it: here a quarter of them starts on its root, a quarter near it. */
static void lanes_that_are_done_leave(void)
{
    static const double reach[] = {1, 0, 1e-4, 0.2};
    static ebim_real q[NMAX * STRIDE], y[NMAX * STRIDE];
    ebim_constraint_desc d = constraint(EBIM_SOLVER_NEWTON, EBIM_LINEAR_DIRECT);
    ebim_graph g;
    ebim__frame f;
    ebim_rng r;
    problem p[LANES];
    double factor = 1;
    int m, l, i, turn, differ;
    for (m = 0; m < MANIFOLDS; m++) {
        const manifold *M = &manifolds[m];
        ebim_arena a = arena();
        if (!new_frame(&f, &a, &g, M, &factor, &d)) return;
        ebim_rng_init(&r, T_SEED, 9);
        for (l = 0; l < LANES; l++) {
            new_problem(M, &r, &p[l]);
            for (i = 0; i < M->n; i++)
                p[l].y0[i] = p[l].q[i] + reach[l % 4] * (p[l].y0[i] - p[l].q[i]);
        }
        for (turn = 0, differ = 0; turn < 2; turn++) {
            for (l = 0; l < LANES; l++) {
                int at = turn ? LANES - 1 - l : l;
                put_row(q, M->n, at, p[l].q);
                put_row(f.y0, M->n, at, p[l].y0);
            }
            ebim__frame_at(&f, LANES, q);
            ebim__frame_root(&f, LANES);
            for (l = 0; l < LANES; l++) {
                int at = turn ? LANES - 1 - l : l;
                CHECK_INT(f.state[at], EBIM__SOLVED);
                CHECK(f.residual[at] <= f.limit[at]);
                for (i = 0; i < M->n; i++) {
                    ebim_real *old = &y[i * STRIDE + l], *now = &f.y[i * STRIDE + at];
                    differ += turn && !same_bits(1, old, now);
                    *old = *now;
                }
            }
        }
        CHECK_INT(differ, 0);
    }
}

static void factor_of_F_does_not_matter(void)
{
    static const double factors[] = {-1, 1e6, 1e-6, 3e-3};
    int which, w, i;
    for (which = 0; which < MANIFOLDS; which += T_QUICK ? 5 : 2)
        for (w = 0; w < WAYS - 1; w++)
            for (i = 0; i < 4; i++) check_roots(&manifolds[which], &ways[w], factors[i]);
}

/* The residual of a solved lane is within tol ||J|| max|x|, and a looser tol stops earlier. */
static void tolerance_is_kept(void)
{
    static ebim_real q[NMAX * STRIDE];
    int loose, which, l, i;
    for (which = 0; which < MANIFOLDS; which++) {
        int64_t iterations[2];
        double largest[2] = {0, 0};
        for (loose = 0; loose < 2; loose++) {
            const manifold *m = &manifolds[which];
            ebim_constraint_desc d = constraint(EBIM_SOLVER_NEWTON, EBIM_LINEAR_AUTO);
            double tol = loose ? 3e-2 : 16 * T_EPS;
            ebim_arena a = arena();
            ebim_graph g;
            ebim__frame f;
            ebim_rng r;
            problem p[LANES];
            if (loose) d.tol = tol;
            if (!new_frame(&f, &a, &g, m, NULL, &d)) return;
            ebim_rng_init(&r, T_SEED, 3);
            for (l = 0; l < LANES; l++) {
                new_problem(m, &r, &p[l]);
                put_row(q, m->n, l, p[l].q);
                put_row(f.y0, m->n, l, p[l].y0);
            }
            ebim__frame_at(&f, LANES, q);
            ebim__frame_root(&f, LANES);
            iterations[loose] = f.iterations;
            for (l = 0; l < LANES; l++) {
                double y[NMAX], F[KMAX], J[KMAX * NMAX], big = 0, bound;
                get_row(f.y, m->n, l, y);
                jacobian(m, p[l].q, J);
                m->f(y, F);
                for (i = 0; i < m->n; i++) big = fmax(big, fabs(y[i]));
                bound = sqrt(dot(m->n * m->k, J, J)) * big;
                CHECK_INT(f.state[l], EBIM__SOLVED);
                CHECK(sqrt(dot(m->k, F, F)) <= (tol + 16 * T_EPS) * bound + 1e-14);
                largest[loose] = fmax(largest[loose], sqrt(dot(m->k, F, F)) / bound);
            }
        }
        CHECK(iterations[1] < iterations[0]);
        CHECK(iterations[0] <= (sizeof(ebim_real) == 4 ? 4 : 6)); /* Newton; a chord takes 11 */
        CHECK(largest[1] > 100 * 16 * T_EPS); /* it did stop early */
    }
}

/* ---- chains against chains by hand ---- */

static const double tilt[NMAX] = {1.2, -0.7, 0.4, 0.9};

/* tilt . x + 0.75 x0^2 */
static ebim_ref record_energy(ebim_graph *g, ebim_ref x, void *user)
{
    int n = g->node[x].size;
    ebim_ref q = ebim_apply(g, ebim_slice(g, x, 0, 1), EBIM_FN_SQUARE);
    (void)user;
    return ebim_add(g, ebim_dot(g, ebim_constant(g, n, tilt), x), ebim_scale(g, q, 0.75));
}

static ebim_clmc_desc desc(double eps, double step)
{
    ebim_clmc_desc d;
    memset(&d, 0, sizeof d);
    d.eps = eps;
    d.step = step;
    return d;
}

/* Records F and E (or no E), and makes the sampler. */
static ebim_clmc *sampler(ebim_arena *a, ebim_graph *F, ebim_graph *E, int n, ebim_record_fn f,
                          void *user, ebim_record_fn e, void *e_user, const ebim_clmc_desc *d)
{
    ebim_clmc *s = NULL;
    if (!CHECK_INT(ebim_record(F, a, n, f, user), EBIM_OK)) return NULL;
    if (e && !CHECK_INT(ebim_record(E, a, n, e, e_user), EBIM_OK)) return NULL;
    CHECK_INT(ebim_clmc_init(&s, a, F, e ? E : NULL, d), EBIM_OK);
    return s;
}

/* Algorithm 1 once, in double; 0 when there is no root (x stays). */
static int step_by_hand(const manifold *m, const ebim_clmc_desc *d, int energy, ebim_rng *r,
                        double *x)
{
    double J[KMAX * NMAX], xi[NMAX], y[NMAX] = {0}, step = d->step > 0 ? d->step : d->eps * d->eps;
    int i;
    noise(r, m->n, xi);
    jacobian(m, x, J);
    tangent(m, J, xi);
    for (i = 0; i < m->n; i++) {
        double g = tilt[i] + (i ? 0 : 1.5 * x[0]);
        if (d->clamp > 0) g = fmax(-d->clamp, fmin(d->clamp, g));
        y[i] = x[i] + d->eps * xi[i] - (energy ? step / 2 * g : 0);
    }
    if (!root(m, J, y)) return 0;
    memcpy(x, y, (size_t)m->n * sizeof *x);
    return 1;
}

static void check_chain(const manifold *m, ebim_clmc_desc d, int energy, int steps)
{
    static ebim_real x[LANES * NMAX], x0[LANES * NMAX];
    ebim_arena a = arena();
    ebim_graph F, E;
    ebim_clmc *s = sampler(&a, &F, &E, m->n, m->record, NULL, energy ? record_energy : NULL, NULL,
                           &d);
    ebim_clmc_report rep;
    int b, t, i, compared = 0;
    if (!s) return;
    random_points(m, LANES, x, 4);
    memcpy(x0, x, sizeof x);
    ebim_clmc_run(s, LANES, x, steps, T_SEED, 500);
    rep = ebim_clmc_stats(s);
    CHECK_INT(rep.steps, LANES * steps);
    for (b = 0; b < LANES; b++) {
        double y[NMAX];
        ebim_rng r;
        int ok = 1;
        to_double(m->n, x0 + b * m->n, y);
        ebim_rng_init(&r, T_SEED, 500 + (uint64_t)b);
        for (t = 0; t < steps && ok; t++) ok = step_by_hand(m, &d, energy, &r, y);
        if (!ok) continue;
        compared++;
        for (i = 0; i < m->n; i++)
            CHECK_NEAR(x[b * m->n + i], y[i], 2000 * T_EPS * steps + 1e-9);
    }
    CHECK(compared > LANES / 2);
    CHECK(rep.moved >= compared * steps);
}

static void chain_by_hand(void)
{
    int which;
    for (which = 0; which < MANIFOLDS; which++) {
        const manifold *m = &manifolds[which];
        ebim_clmc_desc d = desc(0.1, 0);
        check_chain(m, d, 0, 3);      /* Brownian motion */
        check_chain(m, d, 1, 1);
        check_chain(m, d, 1, 3);
        d.step = 0.1;                 /* mostly drift */
        check_chain(m, d, 1, 3);
        d.clamp = 0.5;
        check_chain(m, d, 1, 2);
        d.constraint = constraint(EBIM_SOLVER_NEWTON, EBIM_LINEAR_CG);
        d.constraint.max_iter = 200;
        check_chain(m, d, 1, 2);
        d = desc(0.05, 0); /* ||F||^2 has other minima, which longer steps meet now and then */
        d.constraint = constraint(EBIM_SOLVER_LBFGS, EBIM_LINEAR_AUTO);
        d.constraint.max_iter = 100;
        check_chain(m, d, 1, 2);
    }
}

/* ---- what can go wrong with a step ---- */

static void add_up(const ebim_clmc *s)
{
    ebim_clmc_report rep = ebim_clmc_stats(s), *r = &rep;
    CHECK_INT(r->moved + r->unsolved + r->outside + r->singular, r->steps);
}

static void on_circle(int B, ebim_real *x, uint64_t stream)
{
    ebim_rng r;
    int b;
    ebim_rng_init(&r, T_SEED, stream);
    for (b = 0; b < B; b++) {
        double t = 2 * PI * (double)ebim_rng_uniform(&r);
        x[2 * b] = (ebim_real)cos(t);
        x[2 * b + 1] = (ebim_real)sin(t);
    }
}

/* On the unit circle a tangent step longer than 1 has no root: those points stay, are counted, and
 * the authors' way (keep_unsolved) moves them all the same. */
static void unsolved_stays(void)
{
    enum { B = 600 };
    static ebim_real x0[B * 2], x[B * 2];
    int keep, b;
    for (keep = 0; keep < 2; keep++) {
        ebim_clmc_desc d = desc(0.6, 0);
        ebim_arena a = arena();
        ebim_graph F;
        ebim_clmc *s;
        ebim_clmc_report rep;
        int none = 0, unsure = 0;
        d.keep_unsolved = keep;
        s = sampler(&a, &F, NULL, 2, record_ball, NULL, NULL, NULL, &d);
        if (!s) return;
        on_circle(B, x0, 6);
        memcpy(x, x0, sizeof x);
        ebim_clmc_run(s, B, x, 1, T_SEED, 0);
        for (b = 0; b < B; b++) {
            double xi[2], t, len = hypot((double)x[2 * b], (double)x[2 * b + 1]);
            int stayed = same_bits(2, x + 2 * b, x0 + 2 * b);
            ebim_rng r;
            ebim_rng_init(&r, T_SEED, (uint64_t)b);
            noise(&r, 2, xi);
            t = fabs(d.eps * (xi[1] * (double)x0[2 * b] - xi[0] * (double)x0[2 * b + 1]));
            if (fabs(t - 1) < 1e-3) { /* too close to tell */
                unsure++;
                continue;
            }
            none += t > 1;
            CHECK_INT(stayed, t > 1 && !keep);
            if (t < 1) CHECK_NEAR(len, 1, 40 * T_EPS);
        }
        rep = ebim_clmc_stats(s);
        CHECK(none > 10); /* 57 expected */
        CHECK(rep.unsolved >= none && rep.unsolved <= none + unsure);
        CHECK_INT(rep.moved, keep ? B : B - rep.unsolved);
        CHECK_INT(rep.outside + rep.singular, 0);
        CHECK(keep || rep.residual <= 40 * T_EPS);
        CHECK(!keep || rep.residual > 1e-3); /* the largest of a move made */
    }
}

/* At the rate that geometry says: P(|N(0, 1)| > 2) = 4.55 % at eps = 0.5. */
static void unsolved_rate(void)
{
    enum { B = 640 };
    static ebim_real x[B * 2];
    int steps = T_QUICK ? 5 : 50;
    double p = erfc(sqrt(2.0)), N = (double)B * steps;
    ebim_clmc_desc d = desc(0.5, 0);
    ebim_arena a = arena();
    ebim_graph F;
    ebim_clmc *s = sampler(&a, &F, NULL, 2, record_ball, NULL, NULL, NULL, &d);
    if (!s) return;
    on_circle(B, x, 7);
    ebim_clmc_run(s, B, x, steps, T_SEED, 0);
    CHECK_NEAR((double)ebim_clmc_stats(s).unsolved / N, p, SIGMAS * sqrt(p * (1 - p) / N) + 1e-4);
    add_up(s);
}

/* (f, 2 f): the rows of J are parallel everywhere. */
static ebim_ref record_twice(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = record_ball(g, x, user);
    return ebim_concat(g, y, ebim_scale(g, y, 2));
}

static void singular_stays(void)
{
    enum { B = 20, STEPS = 4 };
    ebim_real x[B * 3], x0[B * 3];
    int cg, i;
    for (cg = 0; cg < 2; cg++) { /* the centre of the sphere: J = 0 */
        ebim_clmc_desc d = desc(0.1, 0);
        ebim_arena a = arena();
        ebim_graph F;
        ebim_clmc *s;
        d.constraint.linear = cg ? EBIM_LINEAR_CG : EBIM_LINEAR_AUTO;
        d.keep_unsolved = 1;
        s = sampler(&a, &F, NULL, 3, record_ball, NULL, NULL, NULL, &d);
        if (!s) return;
        random_points(&manifolds[2], B, x, 8);
        x[3 * 5] = x[3 * 5 + 1] = x[3 * 5 + 2] = 0;
        ebim_clmc_run(s, B, x, STEPS, T_SEED, 0);
        for (i = 0; i < 3; i++) CHECK(x[3 * 5 + i] <= 0 && x[3 * 5 + i] >= 0);
        CHECK_INT(ebim_clmc_stats(s).singular, STEPS);
        CHECK_INT(ebim_clmc_stats(s).moved, (B - 1) * STEPS);
        CHECK_INT(ebim_clmc_stats(s).unsolved, 0);
    }
    {
        ebim_clmc_desc d = desc(0.1, 0);
        ebim_arena a = arena();
        ebim_graph F;
        ebim_clmc *s = sampler(&a, &F, NULL, 3, record_twice, NULL, NULL, NULL, &d);
        if (!s) return;
        random_points(&manifolds[2], B, x, 8);
        memcpy(x0, x, sizeof x);
        ebim_clmc_run(s, B, x, STEPS, T_SEED, 0);
        CHECK_INT(ebim_clmc_stats(s).singular, B * STEPS);
        CHECK(same_bits(B * 3, x, x0));
        add_up(s);
    }
}

/* Each side of the box refuses, on its own; the point stays and is counted as outside. */
static void box_refuses(void)
{
    enum { B = 400 };
    static ebim_real x0[B * 2], x[B * 2];
    int side, b;
    for (side = 0; side < 4; side++) {
        double lo[2] = {-9, -9}, hi[2] = {9, 9};
        ebim_clmc_desc d = desc(0.3, 0);
        ebim_arena a = arena();
        ebim_graph F;
        ebim_clmc *s;
        int out = 0, unsure = 0, c = side / 2;
        (side % 2 ? hi : lo)[c] = 0;
        d.lo = lo;
        d.hi = hi;
        s = sampler(&a, &F, NULL, 2, record_ball, NULL, NULL, NULL, &d);
        if (!s) return;
        on_circle(B, x0, 9);
        for (b = 0; b < B; b++)
            if (((double)x0[2 * b + c] > 0) == side % 2) x0[2 * b + c] = -x0[2 * b + c];
        memcpy(x, x0, sizeof x);
        ebim_clmc_run(s, B, x, 1, T_SEED, 0);
        for (b = 0; b < B; b++) {
            double xi[2], t, p = (double)x0[2 * b], q = (double)x0[2 * b + 1], y;
            ebim_rng r;
            ebim_rng_init(&r, T_SEED, (uint64_t)b);
            noise(&r, 2, xi);
            t = d.eps * (xi[1] * p - xi[0] * q);
            if (fabs(t) > 0.999) { /* no root: not what this is about */
                unsure++;
                continue;
            }
            y = c ? q * sqrt(1 - t * t) + t * p : p * sqrt(1 - t * t) - t * q;
            if (fabs(y) < 1e-5) {
                unsure++;
                continue;
            }
            out += (y > 0) == side % 2;
            CHECK_INT(same_bits(2, x + 2 * b, x0 + 2 * b), (y > 0) == side % 2);
        }
        CHECK(out > 5); /* 30 expected */
        CHECK(ebim_clmc_stats(s).outside >= out && ebim_clmc_stats(s).outside <= out + unsure);
        add_up(s);
    }
}

/* x0 (|x|^2 - 1) with x0^1.5: not finite for x0 < 0, so the chain lives on x0 > 0. */
static ebim_ref record_half(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = round_part(g, x, 0, 2, 1);
    (void)user;
    return ebim_mul(g, y, ebim_pow(g, ebim_slice(g, x, 0, 1), 1.5));
}

static void bad_lanes_disturb_nobody(void)
{
    enum { B = 40, STEPS = 6 };
    ebim_real x[B * 2], y[B * 2], nan = real_nan();
    int w, b, kind;
    for (w = 0; w < WAYS - 1; w++)
        for (kind = 0; kind < 3; kind++) {
            ebim_clmc_desc d = desc(0.05, 0);
            int64_t moved;
            ebim_real bad[2];
            d.constraint = constraint(ways[w].solver, ways[w].linear);
            d.constraint.max_iter = 100;
            for (b = 0; b < B; b++) {
                double t = -1 + 2.0 * b / B;
                y[2 * b] = x[2 * b] = (ebim_real)cos(t);
                y[2 * b + 1] = x[2 * b + 1] = (ebim_real)sin(t);
            }
            bad[0] = kind == 0 ? nan : kind == 1 ? -1 : 0; /* 0: J = 0 */
            bad[1] = 0;
            memcpy(x + 2 * 17, bad, sizeof bad);
            {
                ebim_arena a = arena();
                ebim_graph F, E;
                ebim_clmc *s = sampler(&a, &F, &E, 2, record_half, NULL, record_energy, NULL, &d);
                if (!s) return;
                ebim_clmc_run(s, B, y, STEPS, T_SEED, 1);
                moved = ebim_clmc_stats(s).moved;
                CHECK(moved > B * STEPS / 2);
            }
            {
                ebim_arena a = arena();
                ebim_graph F, E;
                ebim_clmc *s = sampler(&a, &F, &E, 2, record_half, NULL, record_energy, NULL, &d);
                if (!s) return;
                ebim_clmc_run(s, B, x, STEPS, T_SEED, 1);
                CHECK_INT(ebim_clmc_stats(s).singular, STEPS);
                CHECK(ebim_clmc_stats(s).moved >= moved - STEPS);
                add_up(s);
            }
            CHECK(same_bits(2, x + 2 * 17, bad));
            for (b = 0; b < B; b++)
                if (b != 17) CHECK(same_bits(2, x + 2 * b, y + 2 * b));
        }
}

/* A circle through the origin: rounding of F does not shrink with |x| there. */
static ebim_ref record_shifted(ebim_graph *g, ebim_ref x, void *user)
{
    static const double centre[2] = {1, 0};
    return record_ball(g, ebim_affine(g, x, centre, 1), user);
}

static void roots_near_the_origin(void)
{
    enum { B = 320 };
    static ebim_real x[B * 2];
    int w, b;
    for (w = 0; w < 4; w++) {
        ebim_clmc_desc d = desc(0.01, 0);
        ebim_arena a = arena();
        ebim_graph F;
        ebim_clmc *s;
        d.constraint = constraint(ways[w].solver, ways[w].linear);
        d.constraint.max_iter = ways[w].max_iter;
        d.constraint.length = 1;
        s = sampler(&a, &F, NULL, 2, record_shifted, NULL, NULL, NULL, &d);
        if (!s) return;
        for (b = 0; b < B; b++) {
            double t = PI + 0.02 * (b - B / 2) / B;
            x[2 * b] = (ebim_real)(1 + cos(t));
            x[2 * b + 1] = (ebim_real)sin(t);
        }
        ebim_clmc_run(s, B, x, 10, T_SEED, 1);
        CHECK_INT(ebim_clmc_stats(s).unsolved, 0);
        CHECK_INT(ebim_clmc_stats(s).moved, B * 10);
        for (b = 0; b < B; b++)
            CHECK_NEAR(hypot((double)x[2 * b] - 1, (double)x[2 * b + 1]), 1, 40 * T_EPS);
    }
}

/* ---- starts beside M ---- */

enum { STARTS = 100 };

/* 100 points 1 + off from the centre of the unit circle */
static void around(double off, ebim_real *x)
{
    int b;
    for (b = 0; b < STARTS; b++) {
        x[2 * b] = (ebim_real)((1 + off) * cos(0.3 + 0.05 * b));
        x[2 * b + 1] = (ebim_real)((1 + off) * sin(0.3 + 0.05 * b));
    }
}

/* Printed points are off by the last digit. However far they are, chains move as those do that
 * start on M, and make the same moves where the starts are the same after all. */
static void starts_beside_M_are_put_onto_it(void)
{
    static const double off[] = {0, 1e-12, 1e-8, 4e-7, 1e-6, -1e-5, 1e-4, -1e-3, 1e-2, 0.3};
    static ebim_real x[STARTS * 2], x0[STARTS * 2];
    int w, i, b, adjust;
    for (w = 0; w < 4; w++)
        for (adjust = 0; adjust < 3; adjust++)
            for (i = 0; i < 10; i++) {
                ebim_clmc_desc d = desc(0.3, 0);
                ebim_arena a = arena();
                ebim_graph F;
                ebim_clmc *s;
                d.adjust = (ebim_adjust)adjust;
                d.constraint = constraint(ways[w].solver, ways[w].linear);
                d.constraint.max_iter = ways[w].max_iter;
                s = sampler(&a, &F, NULL, 2, record_ball, NULL, NULL, NULL, &d);
                if (!s) return;
                around(off[i], x0);
                memcpy(x, x0, sizeof x);
                CHECK_INT(ebim_clmc_run(s, STARTS, x, 0, T_SEED, 0), STARTS);
                for (b = 0; b < STARTS; b++) { /* along the normal */
                    CHECK_NEAR(x[2 * b], cos(0.3 + 0.05 * b), 100 * T_EPS);
                    CHECK_NEAR(x[2 * b + 1], sin(0.3 + 0.05 * b), 100 * T_EPS);
                    if (fabs(off[i]) < T_EPS) CHECK(same_bits(2, x + 2 * b, x0 + 2 * b));
                }
                CHECK_INT(ebim_clmc_run(s, STARTS, x0, 20, T_SEED, 0), STARTS);
                ebim_clmc_run(s, STARTS, x, 20, T_SEED, 0);
                CHECK(same_bits(STARTS * 2, x, x0));
                CHECK(ebim_clmc_stats(s).moved > 39 * STARTS);
                CHECK_INT(ebim_clmc_stats(s).off, 0);
                for (b = 0; b < STARTS; b++)
                    CHECK_NEAR(hypot((double)x0[2 * b], (double)x0[2 * b + 1]), 1, 100 * T_EPS);
            }
}

/* What is on M stays as it is, bit by bit: points that were rounded, and ends of moves. */
static void starts_on_M_are_not_touched(void)
{
    static ebim_real x0[LANES * NMAX], x[LANES * NMAX];
    int which, i;
    for (which = 0; which < MANIFOLDS; which++) {
        const manifold *m = &manifolds[which];
        ebim_clmc_desc d = desc(0.1, 0);
        ebim_arena a = arena();
        ebim_graph F;
        ebim_clmc *s;
        d.constraint.length = 1;
        d.adjust = which % 2 ? EBIM_ADJUST_EXACT : EBIM_ADJUST_NONE;
        s = sampler(&a, &F, NULL, m->n, m->record, NULL, NULL, NULL, &d);
        if (!s) return;
        random_points(m, LANES, x, 4);
        for (i = 0; i < 4; i++) {
            memcpy(x0, x, sizeof x);
            CHECK_INT(ebim_clmc_run(s, LANES, x, 0, T_SEED, 0), LANES);
            CHECK(same_bits(LANES * (size_t)m->n, x, x0));
            CHECK_INT(ebim_clmc_run(s, LANES, x, 3, T_SEED, (uint64_t)i * LANES), LANES);
            CHECK(!same_bits(LANES * (size_t)m->n, x, x0));
        }
    }
}

/* The centre has no normal, one point is nowhere, one would be put outside the box: they stay, are
 * counted, and what is beside them is put onto M. The authors' way puts nothing anywhere. */
static void starts_that_find_no_M_stay(void)
{
    static const double lo[2] = {-2, 0}, hi[2] = {2, 2};
    static ebim_real x[STARTS * 2], x0[STARTS * 2];
    int adjust, keep, b;
    for (adjust = 0; adjust < 2; adjust++)
        for (keep = 0; keep < 2; keep++) {
            ebim_clmc_desc d = desc(0.2, 0);
            ebim_arena a = arena();
            ebim_graph F;
            ebim_clmc *s;
            d.adjust = adjust ? EBIM_ADJUST_EXACT : EBIM_ADJUST_NONE;
            d.keep_unsolved = keep;
            d.lo = lo;
            d.hi = hi;
            s = sampler(&a, &F, NULL, 2, record_ball, NULL, NULL, NULL, &d);
            if (!s) return;
            around(1e-3, x);
            for (b = 0; b < STARTS; b++) x[2 * b + 1] = (ebim_real)fabs((double)x[2 * b + 1]);
            x[2 * 17] = x[2 * 17 + 1] = 0;
            x[2 * 40] = real_nan();
            x[2 * 99] = 1;
            x[2 * 99 + 1] = (ebim_real)-0.1;
            memcpy(x0, x, sizeof x);
            CHECK_INT(ebim_clmc_run(s, STARTS, x, 0, T_SEED, 0), keep ? 0 : STARTS - 3);
            CHECK_INT(ebim_clmc_stats(s).off, 0);
            for (b = 0; b < STARTS; b++) {
                int stays = keep || b == 17 || b == 40 || b == 99;
                CHECK_INT(same_bits(2, x + 2 * b, x0 + 2 * b), stays);
                if (!stays)
                    CHECK_NEAR(hypot((double)x[2 * b], (double)x[2 * b + 1]), 1, 100 * T_EPS);
            }
            if (keep) continue;
            CHECK_INT(ebim_clmc_run(s, STARTS, x, 5, T_SEED, 0), STARTS - 3);
            CHECK_INT(ebim_clmc_stats(s).off, 3 * 5);
            for (b = 0; b < STARTS; b++)
                if (b == 17 || b == 40 || (b == 99 && adjust))
                    CHECK(same_bits(2, x + 2 * b, x0 + 2 * b));
            CHECK(ebim_clmc_stats(s).moved > 4 * (STARTS - 20));
        }
}

/* ---- advice ---- */

static ebim_ref record_steep(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_scale(g, ebim_slice(g, x, 0, 1), 1e5);
}

static ebim_ref record_flat(ebim_graph *g, ebim_ref x, void *user) /* M is everywhere */
{
    return ebim_scale(g, record_ball(g, x, user), 0);
}

static ebim_ref record_above(ebim_graph *g, ebim_ref x, void *user) /* no M at all */
{
    const double most = -2;
    return ebim_affine(g, record_ball(g, x, user), &most, 1);
}

/* What chains are told that nearly never move: a word for each cause */
static void advice_names_the_cause(void)
{
    static const struct {
        const char *word;
        ebim_record_fn F, E;
        double eps, y; /* of the box, upwards */
    } cause[] = {{"chains move", record_ball, NULL, 0.2, -9},
                 {"Metropolis", record_ball, record_steep, 0.5, -9},
                 {"root of F", record_ball, NULL, 100, -9},
                 {"box", record_ball, NULL, 0.2, 2},
                 {"singular", record_flat, NULL, 0.2, -9},
                 {"start on M", record_above, NULL, 0.2, -9}};
    static ebim_real x[STARTS * 2];
    ebim_clmc_report none, rep;
    int i;
    for (i = 0; i < 6; i++) {
        const double hi[2] = {9, 9};
        double lo[2] = {-9, -9};
        ebim_clmc_desc d = desc(cause[i].eps, 0);
        ebim_arena a = arena();
        ebim_graph F, E;
        ebim_clmc *s;
        lo[1] = cause[i].y;
        d.adjust = EBIM_ADJUST_EXACT;
        d.clamp = 1;
        d.lo = lo;
        d.hi = hi;
        s = sampler(&a, &F, &E, 2, cause[i].F, NULL, cause[i].E, NULL, &d);
        if (!s) return;
        around(0, x);
        ebim_clmc_run(s, STARTS, x, 200, T_SEED, 0);
        rep = ebim_clmc_stats(s);
        if (!CHECK(strstr(ebim_clmc_advice(&rep), cause[i].word)))
            printf("  %s\n", ebim_clmc_advice(&rep));
        CHECK(!strchr(ebim_clmc_advice(&rep), '\n'));
    }
    memset(&none, 0, sizeof none);
    CHECK_STR(ebim_clmc_advice(&none), "chains move");
    none.steps = 1000;
    none.moved = 99;
    none.astray = 500;
    none.rejected = 400;
    CHECK(strstr(ebim_clmc_advice(&none), "way back"));
    none.moved = 100;
    CHECK_STR(ebim_clmc_advice(&none), "chains move");
}

/* ---- blocks ---- */

static void blocks_do_not_matter(void)
{
    enum { B = 110, STEPS = 4 };
#ifdef __FAST_MATH__ /* may sum one lane in another order */
    static const int lanes[] = {2, 16, 64, 1000};
#else
    static const int lanes[] = {1, 16, 64, 1000};
#endif
    static ebim_real x0[B * NMAX], want[B * NMAX], x[B * NMAX];
    int which, w, i;
    for (which = 2; which < MANIFOLDS; which += 2)
        for (w = 0; w < WAYS - 1; w++) {
            const manifold *m = &manifolds[which];
            size_t count = (size_t)(B * m->n);
            random_points(m, B, x0, 10);
            for (i = 0; i < 5; i++) {
                ebim_clmc_desc d = desc(0.2, 0);
                ebim_arena a = arena();
                ebim_graph F, E;
                ebim_clmc *s;
                d.constraint = constraint(ways[w].solver, ways[w].linear);
                d.constraint.lanes = i < 4 ? lanes[i] : 0;
                d.constraint.max_iter = 100;
                s = sampler(&a, &F, &E, m->n, m->record, NULL, record_energy, NULL, &d);
                if (!s) return;
                memcpy(x, x0, sizeof x);
                if (i < 4) {
                    ebim_clmc_run(s, B, x, STEPS, T_SEED, 77);
                } else { /* in two calls, the second with its streams moved on */
                    ebim_clmc_run(s, 37, x, STEPS, T_SEED, 77);
                    ebim_clmc_run(s, B - 37, x + 37 * m->n, STEPS, T_SEED, 77 + 37);
                    ebim_clmc_run(s, 0, x, STEPS, T_SEED, 77);
                }
                if (!i) memcpy(want, x, sizeof x);
                CHECK(same_bits(count, x, want));
                CHECK_INT(ebim_clmc_stats(s).steps, B * STEPS);
            }
            CHECK(m->k > 1 && ways[w].solver == EBIM_SOLVER_SGD ? 1 : !same_bits(count, want, x0));
        }
}

/* One chain has sweeps of its own through dense layers; they take parameters as they are now. */
static void one_chain_is_as_among_others(void)
{
    enum { B = 20, STEPS = 5 };
    static ebim_real x0[B * 2], x[B * 2], alone[B * 2];
    ebim_mlp_desc net;
    ebim_clmc_desc d = desc(0.2, 0);
    int kind, seed, b;
    memset(&net, 0, sizeof net);
    net.in = 2;
    net.out = 1;
    net.width = 21;
#ifdef __FAST_MATH__
    T_SKIP("-ffast-math may sum one lane in another order");
#endif
    for (kind = 0; kind < 2; kind++) {
        ebim_arena a = arena();
        ebim_graph F, E;
        ebim_clmc *s, *one;
        ebim_rng r;
        d.adjust = kind ? EBIM_ADJUST_EXACT : d.adjust;
        ebim_rng_init(&r, T_SEED, 3);
        for (b = 0; b < 2 * B; b++) x0[b] = ebim_rng_normal(&r);
        CHECK_INT(ebim_mlp(&F, &a, &net, 1), EBIM_OK);
        CHECK_INT(ebim_mlp(&E, &a, &net, 2), EBIM_OK);
        CHECK_INT(ebim_clmc_init(&s, &a, &F, &E, &d), EBIM_OK);
        d.constraint.lanes = 1;
        CHECK_INT(ebim_clmc_init(&one, &a, &F, &E, &d), EBIM_OK);
        d.constraint.lanes = 0;
        for (seed = 1; seed < 4; seed++) {
            ebim_init_theta(&F, (uint64_t)seed);
            ebim_init_theta(&E, (uint64_t)(10 + seed));
            memcpy(x, x0, sizeof x);
            memcpy(alone, x0, sizeof x);
            ebim_clmc_run(s, B, x, STEPS, T_SEED, 0);
            for (b = 0; b < B; b++)
                ebim_clmc_run(b % 2 ? s : one, 1, alone + 2 * b, STEPS, T_SEED, (uint64_t)b);
            CHECK(same_bits(2 * B, x, alone));
        }
        CHECK(ebim_clmc_stats(one).moved > 0);
    }
}

/* ---- laws ---- */

/* Independent chains: statistic f averaged over time per chain; mean and its standard error over
 * chains. x holds the starts. Noise is never used twice: `part` tells calls that go on. */
typedef struct law {
    double mean, error;
} law;

static law average(ebim_clmc *s, int n, int B, ebim_real *x, int warm, int rounds, int stride,
                   int part, double (*f)(const double *x))
{
    uint64_t stream = (uint64_t)part << 32;
    static double sum[512];
    law w = {0, 0};
    int t, b;
    memset(sum, 0, sizeof sum);
    ebim_clmc_run(s, B, x, warm, T_SEED, stream);
    for (t = 0; t < rounds; t++) {
        stream += (uint64_t)B;
        ebim_clmc_run(s, B, x, stride, T_SEED, stream);
        for (b = 0; b < B; b++) {
            double p[NMAX];
            to_double(n, x + b * n, p);
            sum[b] += f(p) / rounds;
        }
    }
    for (b = 0; b < B; b++) w.mean += sum[b] / B;
    for (b = 0; b < B; b++) w.error += (sum[b] - w.mean) * (sum[b] - w.mean) / (B - 1.0) / B;
    w.error = sqrt(w.error);
    return w;
}

enum { MODES = 24, ANGLES = 96 };

/* The exact stationary mean cosine of the unadjusted chain on the unit circle with E = -kappa x:
 * there theta' = theta + asin(eps xi - (step/2) kappa sin theta), or theta when that is no angle.
 * Column m of K holds the cosine coefficients of E[cos m theta' | theta]; iterated on the vector
 * of E cos m theta. */
static double chain_mean_cosine(double eps, double step, double kappa)
{
    static double K[MODES][MODES];
    double e[MODES] = {1}, next[MODES], h = 0.05;
    int i, j, m, it;
    memset(K, 0, sizeof K);
    for (i = 0; i < ANGLES; i++) {
        double theta = 2 * PI * (i + 0.5) / ANGLES, Kf[MODES] = {0}, mass = 0;
        for (j = -120; j <= 120; j++) {
            double w = exp(-0.5 * h * h * j * j), t = eps * h * j - step / 2 * kappa * sin(theta);
            double to = theta + (fabs(t) < 1 ? asin(t) : 0), c = cos(to), c0 = 1, c1 = c;
            mass += w;
            for (m = 0; m < MODES; m++) { /* cos m to */
                double c2 = 2 * c * c1 - c0;
                Kf[m] += w * c0;
                c0 = c1;
                c1 = c2;
            }
        }
        for (m = 0; m < MODES; m++)
            for (j = 0; j < MODES; j++)
                K[m][j] += (j ? 2.0 : 1.0) / ANGLES * cos(j * theta) * Kf[m] / mass;
    }
    for (it = 0; it < 3000; it++) {
        for (m = 0; m < MODES; m++)
            for (next[m] = 0, j = 0; j < MODES; j++) next[m] += K[m][j] * e[j];
        memcpy(e, next, sizeof e);
    }
    return e[1];
}

/* I1(kappa) / I0(kappa): the mean cosine of the von Mises law */
static double bessel_ratio(double kappa)
{
    double up = 0, down = 0;
    int i;
    for (i = 0; i < 200; i++) {
        double t = 2 * PI * i / 200;
        up += cos(t) * exp(kappa * cos(t));
        down += exp(kappa * cos(t));
    }
    return up / down;
}

static double first(const double *x) { return x[0]; }
static double second(const double *x) { return x[1]; }
static double first_squared(const double *x) { return x[0] * x[0]; }
static double product(const double *x) { return x[0] * x[2]; }
static double tube_cosine(const double *x) { return (hypot(x[0], x[1]) - 1) / 0.5; }

static ebim_ref record_mises(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_scale(g, ebim_slice(g, x, 0, 1), -*(const double *)user);
}

static void von_mises_start(int B, ebim_real *x, double kappa)
{
    ebim_rng r;
    int b;
    ebim_rng_init(&r, T_SEED, 12);
    for (b = 0; b < B; b++) {
        double t;
        do t = 2 * PI * (double)ebim_rng_uniform(&r);
        while ((double)ebim_rng_uniform(&r) > exp(kappa * (cos(t) - 1)));
        x[2 * b] = (ebim_real)cos(t);
        x[2 * b + 1] = (ebim_real)sin(t);
    }
}

/* The law of the chain as it is (allowance 0), and how far that is from von Mises. */
static void von_mises(void)
{
    enum { MOST = 512 };
    static ebim_real x[MOST * 2];
    static const struct { double eps, step, clamp, kappa, bias, paper; } c[] = {
        {0.1, 0, 0, 2, 0.01, 0.698},       /* temperature 1 */
        {0.3, 0, 0, 2, 0.04, 0},
        {0.2, 0.08, 0, 2, 0.03, 0},        /* temperature 1/2: kappa 4 */
        {0.3, 1, 0.1, 2, 0.05, 0.45}};     /* notebook 01: kappa 0.1 / 0.09 after the clamp */
    int i, B = T_QUICK ? 64 : MOST;
    CHECK_NEAR(bessel_ratio(2), 0.697775, 1e-6);
    for (i = 0; i < 4; i++) {
        double kappa = c[i].kappa, step = c[i].step > 0 ? c[i].step : c[i].eps * c[i].eps, want;
        double felt = c[i].clamp > 0 ? c[i].clamp : kappa;
        double cool = felt * step / (c[i].eps * c[i].eps);
        ebim_clmc_desc d = desc(c[i].eps, c[i].step);
        ebim_arena a = arena();
        ebim_graph F, E;
        ebim_clmc *s;
        law w;
        d.clamp = c[i].clamp;
        s = sampler(&a, &F, &E, 2, record_waved, NULL, record_mises, &kappa, &d);
        if (!s) return;
        von_mises_start(B, x, cool);
        w = average(s, 2, B, x, 100, T_QUICK ? 5 : 60, 10, 1, first);
        want = chain_mean_cosine(c[i].eps, step, felt);
        CHECK_NEAR(w.mean, want, SIGMAS * w.error + 1e-3);
        CHECK(T_QUICK || w.error < 0.02);
        CHECK_NEAR(want, bessel_ratio(cool), c[i].bias);
        if (c[i].paper > 0) CHECK_NEAR(want, c[i].paper, 0.03);
        CHECK(ebim_clmc_stats(s).unsolved * 100 < ebim_clmc_stats(s).steps);
    }
}

/* The Clifford torus by two mixed equations */
static ebim_ref record_flat_torus(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = round_part(g, x, 0, 2, 0.5), b = round_part(g, x, 2, 2, 0.5);
    return scaled(g, ebim_concat(g, ebim_add(g, a, b), ebim_sub(g, a, ebim_scale(g, b, 3))), user);
}

/* Without energy the step is symmetric on a homogeneous space: the law is exactly uniform. */
static void uniform_laws(void)
{
    enum { MOST = 512 };
    static ebim_real x[MOST * NMAX];
    double half[2] = {0, -9}, nine[2] = {9, 9};
    int i, b, B = T_QUICK ? 64 : MOST;
    for (i = 0; i < 3; i++) {
        ebim_clmc_desc d = desc(0.3, 0);
        int n = i == 0 ? 3 : i == 1 ? 4 : 2, warm = 200, rounds = T_QUICK ? 3 : 15;
        ebim_arena a = arena();
        ebim_graph F;
        ebim_clmc *s;
        law w;
        if (i == 2) d.lo = half, d.hi = nine; /* the half circle x0 > 0 */
        s = sampler(&a, &F, NULL, n, i == 1 ? record_flat_torus : record_waved, NULL, NULL, NULL,
                    &d);
        if (!s) return;
        for (b = 0; b < B; b++) { /* all start at one point: the chain has to get around */
            memset(x + b * n, 0, (size_t)n * sizeof *x);
            x[b * n] = i == 1 ? (ebim_real)sqrt(0.5) : 1;
            if (i == 1) x[b * n + 2] = x[b * n];
        }
        w = average(s, n, B, x, warm, rounds, 10, 1, first);
        CHECK_NEAR(w.mean, i < 2 ? 0 : 2 / PI, SIGMAS * w.error + 1e-4);
        w = average(s, n, B, x, 1, rounds, 10, 2, second);
        CHECK_NEAR(w.mean, 0, SIGMAS * w.error + 1e-4);
        w = average(s, n, B, x, 1, rounds, 10, 3, first_squared);
        CHECK_NEAR(w.mean, i == 0 ? 1 / 3.0 : i == 1 ? 0.25 : 0.5, SIGMAS * w.error + 1e-4);
        if (i == 1) {
            w = average(s, n, B, x, 1, rounds, 10, 4, product);
            CHECK_NEAR(w.mean, 0, SIGMAS * w.error + 1e-4);
        }
        CHECK(i < 2 || ebim_clmc_stats(s).outside > 0);
    }
}

/* Uniform by area: more of the torus is outside, E cos psi = r / (2 R) = 1/4. A law uniform in psi
 * would give 0. Allowance for the bias: eps^2 / 4. */
static void torus_law(void)
{
    enum { MOST = 512 };
    static ebim_real x[MOST * 3];
    ebim_clmc_desc d = desc(0.15, 0);
    ebim_arena a = arena();
    ebim_graph F;
    ebim_clmc *s = sampler(&a, &F, NULL, 3, record_torus, NULL, NULL, NULL, &d);
    ebim_rng r;
    law w;
    int b, B = T_QUICK ? 64 : MOST;
    if (!s) return;
    ebim_rng_init(&r, T_SEED, 13);
    for (b = 0; b < B; b++) {
        double phi = 2 * PI * (double)ebim_rng_uniform(&r), psi;
        do psi = 2 * PI * (double)ebim_rng_uniform(&r);
        while (1.5 * (double)ebim_rng_uniform(&r) > 1 + 0.5 * cos(psi));
        x[3 * b] = (ebim_real)((1 + 0.5 * cos(psi)) * cos(phi));
        x[3 * b + 1] = (ebim_real)((1 + 0.5 * cos(psi)) * sin(phi));
        x[3 * b + 2] = (ebim_real)(0.5 * sin(psi));
    }
    w = average(s, 3, B, x, 60, T_QUICK ? 4 : 50, 8, 1, tube_cosine);
    CHECK_NEAR(w.mean, 0.25, SIGMAS * w.error + 0.25 * 0.15 * 0.15);
    CHECK(T_QUICK || w.error < 0.012);
}

/* The curve |x| = 1, z = xy / 2 by its length and a tilt e^{-x0}: mean of x0 by quadrature along
 * the curve, traced as points of angle phi. Allowance for the bias: eps^2 / 2. */
static double curve_mean(void)
{
    enum { M = 2000 };
    double up = 0, down = 0, last[3] = {0, 0, 0};
    int i, c;
    for (i = 0; i <= M; i++) {
        double phi = 2 * PI * i / M, s = sin(2 * phi) / 4, u, p[3], len = 0, w;
        /* rho^2 + (rho^2 s)^2 = 1 */
        u = s * s < 1e-12 ? 1 : (sqrt(1 + 4 * s * s) - 1) / (2 * s * s);
        p[0] = sqrt(u) * cos(phi);
        p[1] = sqrt(u) * sin(phi);
        p[2] = u * s;
        for (c = 0; c < 3; c++) len += (p[c] - last[c]) * (p[c] - last[c]);
        w = sqrt(len) * exp(-(p[0] + last[0]) / 2);
        if (i) up += w * (p[0] + last[0]) / 2;
        if (i) down += w;
        memcpy(last, p, sizeof p);
    }
    return up / down;
}

static ebim_ref record_first(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_slice(g, x, 0, 1);
}

static void curve_law(void)
{
    enum { MOST = 512 };
    static ebim_real x[MOST * 3];
    ebim_clmc_desc d = desc(0.15, 0);
    ebim_arena a = arena();
    ebim_graph F, E;
    ebim_clmc *s = sampler(&a, &F, &E, 3, record_curve, NULL, record_first, NULL, &d);
    law w;
    int B = T_QUICK ? 64 : MOST;
    if (!s) return;
    random_points(&manifolds[4], B, x, 14);
    w = average(s, 3, B, x, 400, T_QUICK ? 4 : 40, 10, 1, first);
    CHECK_NEAR(w.mean, curve_mean(), SIGMAS * w.error + 0.5 * 0.15 * 0.15);
    CHECK(T_QUICK || w.error < 0.02);
}

/* ---- descriptors ---- */

static void refused_descriptors(void)
{
    ebim_arena a = arena();
    ebim_graph F, F2, E2, line;
    ebim_clmc_desc d;
    ebim_clmc *s = NULL;
    static const double side[3] = {1, 1, 1};
    size_t bytes;
    int i;
    CHECK_INT(ebim_record(&F, &a, 3, record_torus, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&F2, &a, 2, record_twice, NULL), EBIM_OK); /* k = n */
    CHECK_INT(ebim_record(&E2, &a, 2, record_first, NULL), EBIM_OK);
    CHECK_INT(ebim_record(&line, &a, 3, record_curve, NULL), EBIM_OK);
    for (i = 0; i < 2; i++) {
        d = desc(i ? -1 : 0, 0);
        s = (ebim_clmc *)memory;
        CHECK_INT(ebim_clmc_init(&s, &a, &F, NULL, &d), EBIM_ERR_EPS);
        CHECK(!s);
    }
    d = desc(0.1, 0);
    d.leapfrog = -1;
    CHECK_INT(ebim_clmc_init(&s, &a, &F, NULL, &d), EBIM_ERR_ARG);
    d.leapfrog = 0;
    d.leapfrog_most = -1;
    CHECK_INT(ebim_clmc_init(&s, &a, &F, NULL, &d), EBIM_ERR_ARG);
    d.leapfrog_most = INT_MAX; /* twice as many are no int */
    CHECK_INT(ebim_clmc_init(&s, &a, &F, NULL, &d), EBIM_ERR_ARG);
    d.leapfrog_most = 0;
    CHECK_INT(ebim_clmc_init(&s, &a, &F2, NULL, &d), EBIM_ERR_SHAPE);
    CHECK_INT(ebim_clmc_init(&s, &a, &F, &E2, &d), EBIM_ERR_SHAPE);   /* other n */
    CHECK_INT(ebim_clmc_init(&s, &a, &F, &line, &d), EBIM_ERR_SHAPE); /* two outputs */
    d.hi = side; /* half a box */
    CHECK_INT(ebim_clmc_init(&s, &a, &F, NULL, &d), EBIM_ERR_BOX);
    d.hi = NULL;
    d.constraint.lanes = -5;
    CHECK_INT(ebim_clmc_init(&s, &a, &F, NULL, &d), EBIM_ERR_ARG);
    CHECK(!s);
    for (i = 0; i < WAYS; i++) { /* measuring is exact */
        d.constraint = constraint(ways[i].solver, ways[i].linear);
        d.constraint.joint = ways[i].joint;
        ebim_arena_init(&a, NULL, 0);
        CHECK_INT(ebim_clmc_init(&s, &a, &line, &F, &d), EBIM_OK);
        CHECK(!s);
        bytes = ebim_arena_bytes(&a);
        ebim_arena_init(&a, memory + 65536, bytes);
        CHECK_INT(ebim_clmc_init(&s, &a, &line, &F, &d), EBIM_OK);
        CHECK_INT(a.used, bytes - 63);
        ebim_arena_init(&a, memory + 65536, bytes - 64);
        CHECK_INT(ebim_clmc_init(&s, &a, &line, &F, &d), EBIM_ERR_MEMORY);
        CHECK(!s);
    }
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(momentum_is_tangent);
    T_RUN(solvers_agree);
    T_RUN(lanes_that_are_done_leave);
    T_RUN(factor_of_F_does_not_matter);
    T_RUN(tolerance_is_kept);
    T_RUN(chain_by_hand);
    T_RUN(unsolved_stays);
    T_RUN(unsolved_rate);
    T_RUN(singular_stays);
    T_RUN(box_refuses);
    T_RUN(bad_lanes_disturb_nobody);
    T_RUN(roots_near_the_origin);
    T_RUN(starts_beside_M_are_put_onto_it);
    T_RUN(starts_on_M_are_not_touched);
    T_RUN(starts_that_find_no_M_stay);
    T_RUN(advice_names_the_cause);
    T_RUN(blocks_do_not_matter);
    T_RUN(one_chain_is_as_among_others);
    T_RUN(von_mises);
    T_RUN(uniform_laws);
    T_RUN(torus_law);
    T_RUN(curve_law);
    T_RUN(refused_descriptors);
    return T_END();
}
