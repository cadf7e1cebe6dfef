/* The tape: every op and every activation against an evaluation of its own in double (values,
 * differences of values, differences of gradients), identities between sweeps, goldens from jax,
 * and what recording refuses.
 *
 * The lists of ops and functions are those of the header: one that is new there fails here until
 * record_op, oracle_op and function_at know it. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#define GOLDEN_GRAPHS
#include "golden/tape.h"

enum { CHUNK = 16, LANES = 64, WIDE = 16, MAX_THETA = 512, PLANES = 3 };

static double memory[1 << 19];

static ebim_real real(double x) { return (ebim_real)x; }

static ebim_arena arena(void)
{
    ebim_arena a;
    ebim_arena_init(&a, memory, sizeof memory);
    return a;
}

static ebim_rng stream(uint64_t number)
{
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, number);
    return r;
}

/* Uniform and exact in ebim_real. */
static double uniform(ebim_rng *r, double lo, double hi)
{
    return (double)real(lo + (hi - lo) * (double)ebim_rng_uniform(r));
}

static int below(ebim_rng *r, int n) { return (int)ebim_rng_below(r, (uint32_t)n); }

static ebim_real from_bits(uint32_t single, uint64_t twice)
{
    volatile uint32_t bits32 = single;
    volatile uint64_t bits64 = twice;
    uint32_t b32 = bits32;
    uint64_t b64 = bits64;
    ebim_real x;
    memcpy(&x, sizeof x == 8 ? (const void *)&b64 : (const void *)&b32, sizeof x);
    return x;
}

static ebim_real real_nan(void) { return from_bits(0x7fc00000u, UINT64_C(0x7ff8000000000000)); }
static ebim_real real_inf(void) { return from_bits(0x7f800000u, UINT64_C(0x7ff0000000000000)); }

static const char *const op_names[EBIM__OP_CONV] = {
    "none", "input", "const", "dense", "apply", "affine", "add", "mul", "dot", "sum", "min", "max",
    "select", "concat", "slice", "rbf"};
static const char *const fn_names[] = {
#define NAME(name) #name,
    EBIM_FNS(NAME)
#undef NAME
};

/* ---- the oracle: numbers with a tangent, in double, from libm ---- */

typedef struct jet {
    double v, d;
} jet;

/* What an evaluation found besides values. */
typedef struct oracle {
    const double *theta; /* the next parameter, in the order of recording */
    double kink;         /* distance to the nearest kink */
    int unknown;         /* an op or function without a test */
} oracle;

static void near_kink(oracle *o, double distance)
{
    if (fabs(distance) < o->kink) o->kink = fabs(distance);
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

/* The slope of every function in the form of the textbook. */
static jet function_at(oracle *o, int fn, double p, jet x)
{
    double v = x.v, y = 0, slope = 0;
    jet z;
    switch (fn) {
    case EBIM_FN_IDENTITY: y = v; slope = 1; break;
    case EBIM_FN_SILU: y = v * logistic(v); slope = logistic(v) + y * logistic(-v); break;
    case EBIM_FN_TANH: y = tanh(v); slope = 1 / (cosh(v) * cosh(v)); break;
    case EBIM_FN_RELU: y = v > 0 ? v : 0; slope = v > 0 ? 1 : 0; near_kink(o, v); break;
    case EBIM_FN_SOFTPLUS: y = log(1 + exp(v)); slope = logistic(v); break;
    case EBIM_FN_SINE: y = sin(v); slope = cos(v); break;
    case EBIM_FN_COSINE: y = cos(v); slope = -sin(v); break;
    case EBIM_FN_EXP: y = slope = exp(v); break;
    case EBIM_FN_LOG: y = log(v); slope = 1 / v; break;
    case EBIM_FN_SQRT: y = sqrt(v); slope = 0.5 / y; break;
    case EBIM_FN_ABS: y = fabs(v); slope = v > 0 ? 1 : -1; near_kink(o, v); break;
    case EBIM_FN_SQUARE: y = v * v; slope = 2 * v; break;
    case EBIM_FN_POW: y = exp(p * log(v)); slope = p * y / v; break;
    default: o->unknown = 1;
    }
    z.v = y;
    z.d = slope * x.d;
    return z;
}

static int positive_domain(int fn)
{
    return fn == EBIM_FN_LOG || fn == EBIM_FN_SQRT || fn == EBIM_FN_POW;
}

static jet plus(jet a, double f, jet b)
{
    a.v += f * b.v;
    a.d += f * b.d;
    return a;
}

static jet times(jet a, jet b)
{
    jet z;
    z.v = a.v * b.v;
    z.d = a.v * b.d + a.d * b.v;
    return z;
}

static jet over(jet a, jet b)
{
    jet z;
    z.v = a.v / b.v;
    z.d = (a.d * b.v - a.v * b.d) / (b.v * b.v);
    return z;
}

static void oracle_dense(oracle *o, int fn, const jet *x, int n, int out, jet *z)
{
    int i, q;
    for (q = 0; q < out; q++) {
        z[q].v = o->theta[out * n + q];
        z[q].d = 0;
        for (i = 0; i < n; i++) z[q] = plus(z[q], o->theta[q * n + i], x[i]);
        z[q] = function_at(o, fn, 1, z[q]);
    }
    o->theta += out * (n + 1);
}

/* ---- graphs of one op ---- */

/* y = op(a, b, c), or dense(op(map(dense(x)))) when wrapped, so that adjoints and tangents also
 * arrive from and pass on to layers with parameters; map brings [-1, 1] to lo..hi. */
typedef struct spec {
    int op, fn, na, nb, nc; /* sizes of operands, 0: absent */
    int alias;              /* b is a */
    int other;              /* the other builder of the op: sub, div; of DENSE: outputs */
    int wrap;
    double p, lo, hi;       /* exponent, range of operands */
} spec;

static const double CONSTANT[WIDE] = {1.25, -0.5, 2, 0.75, -1.5, 0.25, 1, 3};
static const double AFFINE_SCALE = 1.75;
static const double RBF_WIDTH[3] = {0.9, 1.5, 2}, RBF_WEIGHT[3] = {1, -0.5, 2};

static int operand_size(const spec *s) { return s->na + (s->alias ? 0 : s->nb) + s->nc; }

/* 0 for an op without a test */
static ebim_ref record_op(ebim_graph *g, const spec *s, ebim_ref a, ebim_ref b, ebim_ref c)
{
    switch (s->op) {
    case EBIM__OP_INPUT: return a;
    case EBIM__OP_CONST: return ebim_mul(g, a, ebim_constant(g, s->na, CONSTANT));
    case EBIM__OP_DENSE: return ebim_dense(g, a, s->other, (ebim_fn)s->fn);
    case EBIM__OP_APPLY:
        return s->fn == EBIM_FN_POW ? ebim_pow(g, a, s->p) : ebim_apply(g, a, (ebim_fn)s->fn);
    case EBIM__OP_AFFINE: return ebim_affine(g, a, s->other ? NULL : CONSTANT, AFFINE_SCALE);
    case EBIM__OP_ADD: return s->other ? ebim_sub(g, a, b) : ebim_add(g, a, b);
    case EBIM__OP_MUL: return s->other ? ebim_div(g, a, b) : ebim_mul(g, a, b);
    case EBIM__OP_DOT: return s->alias ? ebim_sumsq(g, a) : ebim_dot(g, a, b);
    case EBIM__OP_SUM: return ebim_sum(g, a);
    case EBIM__OP_MIN: return ebim_min(g, a, b);
    case EBIM__OP_MAX: return ebim_max(g, a, b);
    case EBIM__OP_SELECT: return ebim_select(g, c, a, b);
    case EBIM__OP_CONCAT: return ebim_concat(g, a, b);
    case EBIM__OP_SLICE: return ebim_slice(g, a, s->other, s->na - 1);
    case EBIM__OP_RBF: return ebim_rbf(g, a, 3, CONSTANT, RBF_WIDTH, RBF_WEIGHT);
    default: return 0;
    }
}

static ebim_ref record_spec(ebim_graph *g, ebim_ref x, void *user)
{
    const spec *s = (const spec *)user;
    int n = operand_size(s), i;
    double half = 0.5 * (s->hi - s->lo), center[3 * WIDE];
    ebim_ref a, b = 0, c = 0;
    for (i = 0; i < n; i++) center[i] = -0.5 * (s->hi + s->lo) / half;
    if (s->wrap) x = ebim_affine(g, ebim_dense(g, x, n, EBIM_FN_SINE), center, half);
    a = s->na == n ? x : ebim_slice(g, x, 0, s->na);
    if (s->nb) b = s->alias ? a : ebim_slice(g, x, s->na, s->nb);
    if (s->nc) c = ebim_slice(g, x, n - s->nc, s->nc);
    x = record_op(g, s, a, b, c);
    return s->wrap ? ebim_dense(g, x, 2, EBIM_FN_TANH) : x;
}

/* The same op on jets; returns the number of outputs. */
static int oracle_op(oracle *o, const spec *s, const jet *a, const jet *b, const jet *c, jet *z)
{
    int i, n = s->na > s->nb ? s->na : s->nb;
    switch (s->op) {
    case EBIM__OP_INPUT:
        for (i = 0; i < n; i++) z[i] = a[i];
        return n;
    case EBIM__OP_CONST:
        for (i = 0; i < n; i++) z[i].v = CONSTANT[i] * a[i].v, z[i].d = CONSTANT[i] * a[i].d;
        o->theta += n;
        return n;
    case EBIM__OP_DENSE: oracle_dense(o, s->fn, a, n, s->other, z); return s->other;
    case EBIM__OP_APPLY:
        for (i = 0; i < n; i++) z[i] = function_at(o, s->fn, s->p, a[i]);
        return n;
    case EBIM__OP_AFFINE:
        for (i = 0; i < n; i++) {
            z[i].v = AFFINE_SCALE * (a[i].v - (s->other ? 0 : CONSTANT[i]));
            z[i].d = AFFINE_SCALE * a[i].d;
        }
        o->theta += 2 * n;
        return n;
    case EBIM__OP_RBF:
        z->v = z->d = 0;
        for (i = 0; i < 3; i++) {
            double d2 = 0, slope = 0, e;
            int q;
            for (q = 0; q < n; q++, o->theta++) {
                d2 += pow(a[q].v - *o->theta, 2);
                slope += 2 * (a[q].v - *o->theta) * a[q].d;
            }
            e = o->theta[1] * exp(-d2 * o->theta[0]);
            z->v += e;
            z->d -= e * o->theta[0] * slope;
            o->theta += 2;
        }
        return 1;
    case EBIM__OP_DOT: case EBIM__OP_SUM:
        z->v = z->d = 0;
        for (i = 0; i < n; i++)
            z[0] = plus(z[0], 1, s->op == EBIM__OP_DOT ? times(a[i], b[i]) : a[i]);
        return 1;
    case EBIM__OP_CONCAT:
        for (i = 0; i < s->na; i++) z[i] = a[i];
        for (i = 0; i < s->nb; i++) z[s->na + i] = b[i];
        return s->na + s->nb;
    case EBIM__OP_SLICE:
        for (i = 0; i < n - 1; i++) z[i] = a[s->other + i];
        return n - 1;
    default: break;
    }
    for (i = 0; i < n; i++) {
        jet u = a[s->na == 1 ? 0 : i], v = b[s->nb == 1 ? 0 : i], w = u;
        if (s->nc) w = c[s->nc == 1 ? 0 : i];
        switch (s->op) {
        case EBIM__OP_ADD: z[i] = plus(u, s->other ? -1 : 1, v); break;
        case EBIM__OP_MUL: z[i] = s->other ? over(u, v) : times(u, v); break;
        case EBIM__OP_MIN: z[i] = u.v < v.v ? u : v; break;
        case EBIM__OP_MAX: z[i] = u.v > v.v ? u : v; break;
        case EBIM__OP_SELECT: z[i] = w.v > 0 ? u : v; break;
        default: o->unknown = 1; z[i] = u;
        }
        if (s->op == EBIM__OP_SELECT) near_kink(o, w.v);
        if ((s->op == EBIM__OP_MIN || s->op == EBIM__OP_MAX) && !s->alias) near_kink(o, u.v - v.v);
    }
    return n;
}

static int oracle_spec(oracle *o, const spec *s, const jet *x, jet *y)
{
    jet u[3 * WIDE], z[3 * WIDE];
    int n = operand_size(s), i, k;
    if (s->wrap) {
        oracle_dense(o, EBIM_FN_SINE, x, n, n, u);
        for (i = 0; i < n; i++) {
            u[i].v = 0.5 * (s->hi - s->lo) * u[i].v + 0.5 * (s->hi + s->lo);
            u[i].d *= 0.5 * (s->hi - s->lo);
        }
        o->theta += 2 * n;
        x = u;
    }
    k = oracle_op(o, s, x, s->alias ? x : x + s->na, x + n - s->nc, s->wrap ? z : y);
    if (!s->wrap) return k;
    oracle_dense(o, EBIM_FN_TANH, z, k, 2, y);
    return 2;
}

/* ---- problems: a spec with parameters, points, seeds ---- */

typedef struct problem {
    spec s;
    ebim_graph g;
    ebim_ws w;
    int n, k, B, pairs, unknown;
    double theta[MAX_THETA];
    double x[LANES][WIDE], yb[LANES][WIDE];                   /* points, value seeds */
    double t[2][LANES][WIDE], v[2][LANES][WIDE];              /* tangents and seeds of pairs */
} problem;

/* Parameters as doubles and in the graph. Those of layers are tame, and positive where the op
 * under test needs positive sums; constants stay as they were recorded. */
static void draw_theta(problem *p, ebim_rng *r)
{
    int i, q;
    for (i = 0; i < p->g.n_theta; i++) p->theta[i] = (double)p->g.theta[i];
    for (i = 1; i < p->g.n_nodes; i++) {
        const ebim__node *nd = &p->g.node[i];
        if (nd->op != EBIM__OP_DENSE || nd->frozen) continue;
        for (q = nd->theta; q < nd->theta + nd->n_theta; q++) {
            p->theta[q] = positive_domain(nd->fn) ? uniform(r, 0.3, 0.7) : uniform(r, -0.8, 0.8);
            p->g.theta[q] = real(p->theta[q]);
        }
    }
}

static void evaluate(problem *p, const double *theta, const double *x, const double *t, jet *y,
                     double *kink)
{
    jet in[3 * WIDE];
    oracle o;
    int i;
    o.theta = theta;
    o.kink = HUGE_VAL;
    o.unknown = 0;
    for (i = 0; i < p->n; i++) {
        in[i].v = x[i];
        in[i].d = t ? t[i] : 0;
    }
    (void)oracle_spec(&o, &p->s, in, y);
    if (o.unknown) p->unknown = 1;
    if (kink) *kink = o.kink;
}

/* Points and seeds; a point nearer than 0.03 to a kink is drawn again, so that no difference below
 * crosses one (they move arguments by a few thousandths). Parameters that
 * leave no room for that are drawn again too. */
static int draw_points(problem *p, ebim_rng *r)
{
    int l, i, q;
    jet y[3 * WIDE];
    double kink = 0;
    for (l = 0; l < p->B; l++) {
        int tries = 0;
        do {
            for (i = 0; i < p->n; i++)
                p->x[l][i] = p->s.wrap ? uniform(r, -2, 2) : uniform(r, p->s.lo, p->s.hi);
            evaluate(p, p->theta, p->x[l], NULL, y, &kink);
        } while (kink < 0.03 && ++tries < 200);
        if (kink < 0.03) return 0;
        for (i = 0; i < p->k; i++) p->yb[l][i] = uniform(r, -1, 1);
        for (q = 0; q < 2; q++) {
            for (i = 0; i < p->n; i++) p->t[q][l][i] = uniform(r, -1, 1);
            for (i = 0; i < p->k; i++) p->v[q][l][i] = uniform(r, -1, 1);
        }
    }
    return 1;
}

static int make_problem(problem *p, const spec *s, ebim_rng *r)
{
    ebim_arena a = arena();
    memset(p, 0, sizeof *p);
    p->s = *s;
    p->n = operand_size(s);
    if (!CHECK_INT(ebim_record(&p->g, &a, p->n, record_spec, &p->s), EBIM_OK) ||
        !CHECK(p->g.n_theta <= MAX_THETA) ||
        !CHECK_INT(ebim_ws_init(&p->w, &a, &p->g, LANES, PLANES), EBIM_OK))
        return 0;
    p->k = ebim_outputs(&p->g);
    draw_theta(p, r);
    return 1;
}

static void put(ebim_real *rows, int stride, int n, int B, double points[][WIDE])
{
    int i, l;
    for (i = 0; i < n; i++)
        for (l = 0; l < B; l++) rows[i * stride + l] = real(points[l][i]);
}

static double value_of(const ebim_real *rows, int stride, int i, int l)
{
    return (double)rows[i * stride + l];
}

/* ---- forward, jvp, vjp ---- */

/* Rounding errors of the ops here are small multiples of eps times magnitudes up to about 30. */
static double slack(double size) { return 512 * T_EPS * (8 + size); }

/* (8 f(h) - 8 f(-h) - f(2h) + f(-2h)) / 12h: errors of h^4 f^(5) / 30 and eps f / h, here 1e-11. */
static const double H = 1e-3;
static const double OFFSET[4] = {1, -1, 2, -2}, WEIGHT[4] = {8, -8, -1, 1};

static void difference(problem *p, const double *x, const double *t, double *d)
{
    jet y[3 * WIDE];
    double at[WIDE];
    int q, i;
    for (i = 0; i < p->k; i++) d[i] = 0;
    for (q = 0; q < 4; q++) {
        for (i = 0; i < p->n; i++) at[i] = x[i] + OFFSET[q] * H * t[i];
        evaluate(p, p->theta, at, NULL, y, NULL);
        for (i = 0; i < p->k; i++) d[i] += WEIGHT[q] * y[i].v / (12 * H);
    }
}

/* |d|: values of derivatives in these ranges are below 30, fifth derivatives below 1e5. */
static double difference_slack(double size) { return slack(size) + 1e-7 * (1 + size); }

/* ---- the graph as it was recorded, node by node, in dual numbers ---- */

enum { DUAL_NODES = 24, DUAL_SIZE = 3 * WIDE };

static ebim_dual constant(ebim_real v) { return ebim_dual_make(v, 0); }

static ebim_dual dual_dense(const ebim__node *nd, const ebim_real *theta, int i, const ebim_dual *a,
                            int na)
{
    ebim_dual z = constant(theta[nd->size * na + i]);
    int q;
    for (q = 0; q < na; q++)
        z = ebim_dual_op(z, '+', ebim_dual_op(constant(theta[i * na + q]), '*', a[q]));
    return ebim_dual_apply((ebim_fn)nd->fn, z, nd->s);
}

static ebim_dual dual_rbf(const ebim__node *nd, const ebim_real *t, const ebim_dual *a, int na)
{
    ebim_dual sum = constant(0);
    int j, q;
    for (j = 0; j < nd->i0; j++, t += na + 2) {
        ebim_dual e = constant(0), d;
        for (q = 0; q < na; q++) {
            d = ebim_dual_op(a[q], '-', constant(t[q]));
            e = ebim_dual_op(e, '-', ebim_dual_op(constant(t[na]), '*', ebim_dual_op(d, '*', d)));
        }
        e = ebim_dual_apply(EBIM_FN_EXP, e, 0);
        sum = ebim_dual_op(sum, '+', ebim_dual_op(constant(t[na + 1]), '*', e));
    }
    return sum;
}

/* Feature i of a node from its operands a, b, c of na, nb, nc features */
static ebim_dual dual_feature(const ebim_graph *g, const ebim__node *nd, int i, const ebim_dual *a,
                              const ebim_dual *b, const ebim_dual *c)
{
    const ebim_real *theta = g->theta + nd->theta;
    int na = g->node[nd->a].size, nb = g->node[nd->b].size, nc = g->node[nd->c].size, q;
    ebim_dual u = a[i < na ? i : 0], v = b[i < nb ? i : 0], z = constant(0);
    switch (nd->op) {
    case EBIM__OP_CONST: return constant(theta[i]);
    case EBIM__OP_DENSE: return dual_dense(nd, theta, i, a, na);
    case EBIM__OP_APPLY: return ebim_dual_apply((ebim_fn)nd->fn, u, nd->s);
    case EBIM__OP_AFFINE:
        return ebim_dual_op(constant(theta[i]), '*',
                            ebim_dual_op(u, '-', constant(theta[nd->size + i])));
    case EBIM__OP_ADD: return ebim_dual_op(u, '+', ebim_dual_op(constant(nd->s), '*', v));
    case EBIM__OP_MUL: return ebim_dual_op(u, '*', v);
    case EBIM__OP_DOT:
        for (q = 0; q < na; q++) z = ebim_dual_op(z, '+', ebim_dual_op(a[q], '*', b[q]));
        return z;
    case EBIM__OP_SUM:
        for (q = 0; q < na; q++) z = ebim_dual_op(z, '+', a[q]);
        return z;
    case EBIM__OP_MIN: return v.v < u.v ? v : u;
    case EBIM__OP_MAX: return v.v > u.v ? v : u;
    case EBIM__OP_SELECT: return c[i < nc ? i : 0].v > 0 ? u : v;
    case EBIM__OP_CONCAT: return i < na ? a[i] : b[i - na];
    case EBIM__OP_SLICE: return a[nd->i0 + i];
    case EBIM__OP_RBF: return dual_rbf(nd, theta, a, na);
    default: CHECK(0); return z;
    }
}

/* y: [k] from x in direction t */
static void dual_eval(const ebim_graph *g, const double *x, const double *t, ebim_dual *y)
{
    static ebim_dual z[DUAL_NODES][DUAL_SIZE];
    int i, q;
    if (!CHECK(g->n_nodes <= DUAL_NODES)) return;
    for (i = 0; i < ebim_inputs(g); i++) z[1][i] = ebim_dual_make(real(x[i]), real(t[i]));
    for (q = 2; q < g->n_nodes; q++) {
        const ebim__node *nd = &g->node[q];
        if (!CHECK(nd->size <= DUAL_SIZE)) return;
        for (i = 0; i < nd->size; i++)
            z[q][i] = dual_feature(g, nd, i, z[nd->a], z[nd->b], z[nd->c]);
    }
    for (i = 0; i < ebim_outputs(g); i++) y[i] = z[g->y][i];
}

static void check_tangents(problem *p, int q)
{
    ebim_ws *w = &p->w;
    int l, i;
    for (l = 0; l < p->B; l++) {
        double d[WIDE], left = 0, right = 0, size = 0;
        jet y[3 * WIDE];
        ebim_dual z[DUAL_SIZE];
        dual_eval(&p->g, p->x[l], p->t[q][l], z);
        difference(p, p->x[l], p->t[q][l], d);
        evaluate(p, p->theta, p->x[l], p->t[q][l], y, NULL);
        for (i = 0; i < p->k; i++) {
            double jt = value_of(ebim_ws_yt(w, 1 + q), w->stride, i, l);
            CHECK_NEAR(jt, d[i], difference_slack(fabs(d[i])));
            CHECK_NEAR(jt, y[i].d, slack(fabs(d[i])));
            CHECK_NEAR(jt, z[i].d, slack(fabs(d[i])));
            CHECK_NEAR(z[i].v, y[i].v, slack(fabs(y[i].v)));
            left += p->v[q][l][i] * jt;
            size += fabs(p->v[q][l][i] * jt);
        }
        for (i = 0; i < p->n; i++) {
            double vj = value_of(ebim_ws_xg(w, 1 + q), w->stride, i, l);
            right += vj * p->t[q][l][i];
            size += fabs(vj * p->t[q][l][i]);
        }
        CHECK_NEAR(left, right, 64 * T_EPS * (1 + size) + 0.1 * slack(size));
    }
}

static void check_values(problem *p)
{
    int l, i;
    for (l = 0; l < p->B; l++) {
        jet y[3 * WIDE];
        evaluate(p, p->theta, p->x[l], NULL, y, NULL);
        for (i = 0; i < p->k; i++)
            CHECK_NEAR(value_of(ebim_ws_y(&p->w), p->w.stride, i, l), y[i].v, slack(fabs(y[i].v)));
    }
}

/* ---- backward ---- */

/* What ebim_backward differentiates, of one lane. */
static double lane_loss(problem *p, const double *theta, const double *x, int l)
{
    jet y[3 * WIDE];
    double sum = 0;
    int i, q;
    for (q = 0; q < p->pairs; q++) {
        evaluate(p, theta, x, p->t[q][l], y, NULL);
        for (i = 0; i < p->k; i++) sum += p->v[q][l][i] * y[i].d;
    }
    evaluate(p, theta, x, NULL, y, NULL);
    for (i = 0; i < p->k; i++) sum += p->yb[l][i] * y[i].v;
    return sum;
}

static void check_input_gradient(problem *p, int l)
{
    double at[WIDE], d, size = 0, g;
    int i, q, j;
    for (i = 0; i < p->n; i++) {
        g = value_of(ebim_ws_xg(&p->w, 0), p->w.stride, i, l);
        if (fabs(g) > size) size = fabs(g);
    }
    for (i = 0; i < p->n; i++) {
        for (d = 0, q = 0; q < 4; q++) {
            for (j = 0; j < p->n; j++) at[j] = p->x[l][j];
            at[i] += OFFSET[q] * H;
            d += WEIGHT[q] * lane_loss(p, p->theta, at, l) / (12 * H);
        }
        g = value_of(ebim_ws_xg(&p->w, 0), p->w.stride, i, l);
        CHECK_NEAR(g, d, 4 * difference_slack(size));
    }
}

/* In a direction of all trainable parameters: an error of any of them shows. */
static void check_theta_gradient(problem *p, const ebim_real *grad, ebim_rng *r)
{
    double direction[MAX_THETA], at[MAX_THETA], d = 0, got = 0, size = 0;
    int i, q, l;
    for (i = 0; i < p->g.n_theta; i++) direction[i] = 0;
    for (i = 1; i < p->g.n_nodes; i++) {
        const ebim__node *nd = &p->g.node[i];
        for (q = nd->theta; q < nd->theta + nd->n_theta; q++)
            if (nd->frozen) CHECK(grad[q] == 0);
            else direction[q] = uniform(r, -0.5, 0.5);
    }
    for (i = 0; i < p->g.n_theta; i++) {
        got += direction[i] * (double)grad[i];
        size += fabs(direction[i] * (double)grad[i]);
    }
    for (q = 0; q < 4; q++) {
        for (i = 0; i < p->g.n_theta; i++) at[i] = p->theta[i] + OFFSET[q] * H * direction[i];
        for (l = 0; l < p->B; l++) d += WEIGHT[q] * lane_loss(p, at, p->x[l], l) / (12 * H);
    }
    CHECK_NEAR(got, d, 4 * difference_slack(size + p->B));
}

static void fill(problem *p)
{
    ebim_ws *w = &p->w;
    int q;
    put(ebim_ws_x(w), w->stride, p->n, p->B, p->x);
    put(ebim_ws_yg(w, 0), w->stride, p->k, p->B, p->yb);
    for (q = 0; q < 2; q++) {
        put(ebim_ws_xt(w, 1 + q), w->stride, p->n, p->B, p->t[q]);
        put(ebim_ws_yg(w, 1 + q), w->stride, p->k, p->B, p->v[q]);
    }
}

/* The same bytes; under -ffast-math, where compilers merge what they see, to rounding. */
static int same_values(const ebim_real *a, const ebim_real *b, int count)
{
#ifdef __FAST_MATH__
    double most = 0, off = 0;
    for (; count--; a++, b++) {
        most = fmax(most, fabs((double)*a));
        off = fmax(off, fabs((double)*a - (double)*b));
    }
    return off <= 64 * T_EPS * (1 + most);
#else
    return !memcmp(a, b, (size_t)count * sizeof *a);
#endif
}

static void check_problem(problem *p, int B, int pairs, ebim_rng *r)
{
    ebim_real grad[MAX_THETA] = {0}, plain[WIDE * LANES];
    ebim_ws *w = &p->w;
    int q, l, tries = 0;
    p->B = B;
    p->pairs = pairs;
    while (!draw_points(p, r)) {
        if (!CHECK(++tries < 50)) return;
        draw_theta(p, r);
    }
    fill(p);
    ebim_forward(w, B, 0);
    check_values(p);
    memcpy(plain, ebim_ws_y(w), (size_t)(p->k * w->stride) * sizeof *plain);
    ebim_forward(w, B, pairs ? 2 : 1);
    check_values(p);
    for (q = 0; q < p->k; q++) /* derivatives asked for or not, values are the same */
        CHECK(same_values(plain + q * w->stride, ebim_ws_y(w) + q * w->stride, B));
    for (q = 0; q < 2; q++) {
        ebim_jvp(w, 1 + q, 1);
        ebim_vjp(w, 1 + q, 1);
        check_tangents(p, q);
    }
    ebim_backward(w, pairs, grad);
    for (l = 0; l < B; l += B > 4 ? B / 3 : 1) check_input_gradient(p, l);
    check_theta_gradient(p, grad, r);
}

static void check_spec(const spec *s, ebim_rng *r)
{
    static const int runs[][2] = {{1, 0}, {1, 1}, {17, 2}, {1, 2}, {15, 1}, {16, 2}, {50, 1}};
    static problem p;
    int q, bad = t__.bad;
    if (!make_problem(&p, s, r)) return;
    for (q = 0; q < (T_QUICK ? 3 : 7); q++) check_problem(&p, runs[q][0], runs[q][1], r);
    CHECK(!p.unknown);
    if (t__.bad > bad)
        printf("  in %s, %s, sizes %d %d %d, alias %d, other %d, wrap %d\n", op_names[s->op],
               fn_names[s->fn], s->na, s->nb, s->nc, s->alias, s->other, s->wrap);
}

/* Alone and wrapped. */
static void check_both(spec s, ebim_rng *r)
{
    for (s.wrap = 0; s.wrap < 2; s.wrap++) check_spec(&s, r);
}

static spec make_spec(int op, int fn, int na, int nb)
{
    spec s;
    memset(&s, 0, sizeof s);
    s.op = op;
    s.fn = fn;
    s.na = na;
    s.nb = nb;
    s.p = 1;
    s.lo = -2;
    s.hi = 2;
    return s;
}

static void every_op(void)
{
    static const int sizes[][2] = {{3, 3}, {1, 4}, {4, 1}, {1, 1}, {5, 5}};
    ebim_rng r = stream(1);
    int op, q, operands;
    for (op = 1; op < EBIM__OP_CONV; op++) { /* ops on images: test_conv.c */
        operands = ebim__ops[op].operands;
        for (q = 0; q < 5; q++) {
            spec s = make_spec(op, 0, sizes[q][0], operands > 1 ? sizes[q][1] : 0);
            if (op == EBIM__OP_DOT && s.na != s.nb) continue;
            if (op == EBIM__OP_SLICE) {
                if (s.na < 2) continue;
                s.other = q % 2; /* the first or last of n - 1 */
            }
            if (op == EBIM__OP_DENSE) s.other = sizes[q][1];
            if (op == EBIM__OP_SELECT) s.nc = q % 2 ? 1 : s.na > s.nb ? s.na : s.nb;
            check_both(s, &r);
            if (operands == 2 && s.na == s.nb) {
                s.alias = 1;
                check_both(s, &r);
                s.alias = 0;
            }
            if (op == EBIM__OP_ADD || op == EBIM__OP_MUL || op == EBIM__OP_AFFINE) {
                s.other = 1;
                s.lo = op == EBIM__OP_MUL ? 0.5 : s.lo; /* a quotient */
                check_both(s, &r);
            }
        }
    }
}

static void every_function(void)
{
    static const double exponents[] = {-1, -1.5, 0.5, 1, 2, 3, 0};
    ebim_rng r = stream(2);
    int fn, q;
    for (fn = 0; fn < EBIM__FN_COUNT; fn++)
        for (q = 0; q < 2; q++) {
            spec s = make_spec(EBIM__OP_APPLY, fn, q ? 1 : 3, 0);
            if (positive_domain(fn)) s.lo = 0.5;
            check_both(s, &r);
            s.op = EBIM__OP_DENSE;
            s.other = q ? 5 : 2;
            if (fn != EBIM_FN_POW) check_both(s, &r);
        }
    for (q = 0; q < 7; q++) {
        spec s = make_spec(EBIM__OP_APPLY, EBIM_FN_POW, 2, 0);
        s.p = exponents[q];
        s.lo = 0.5;
        check_both(s, &r);
    }
}

/* Layers of all small shapes: the kernel takes four outputs at a time. */
static void every_layer_shape(void)
{
    ebim_rng r = stream(3);
    int n, out;
    for (n = 1; n <= 9; n++)
        for (out = 1; out <= 9; out++) {
            static problem p;
            spec s = make_spec(EBIM__OP_DENSE, n % 2 ? EBIM_FN_SILU : EBIM_FN_IDENTITY, n, 0);
            s.other = out;
            if (!make_problem(&p, &s, &r)) return;
            check_problem(&p, 1 + below(&r, 5), 1 + n % 2, &r);
        }
}

/* ---- one graph with every op: goldens and identities ---- */

static const double USER_MATRIX[12] = {1.5, -0.25, 0.5, 1, 0.75, 1.25, -1, 0.5,
                                       -0.5, 0.25, 1, -1.75};
static const double USER_CENTER[4] = {0.25, -0.5, 0.125, 1}, USER_SHIFT[3] = {0.5, 1.25, 2};
static const double USER_WIDTH[2] = {1.5, 2}, USER_WEIGHT[2] = {1.25, -0.75};

/* The function `user` of golden/tape.py. */
static ebim_ref record_user(ebim_graph *g, ebim_ref x, void *user)
{
    const double one = 1;
    ebim_ref A = ebim_matrix(g, x, 3, USER_MATRIX), d = ebim_dense(g, x, 3, EBIM_FN_TANH);
    ebim_ref u = ebim_affine(g, x, USER_CENTER, 0.75), x0 = ebim_slice(g, x, 0, 1);
    ebim_ref unit = ebim_constant(g, 1, &one), q, low, high, s, length, r, w, p, e, f, y;
    q = ebim_apply(g, ebim_scale(g, ebim_slice(g, u, 1, 3), 0.5), EBIM_FN_EXP);
    q = ebim_div(g, ebim_sub(g, A, d), ebim_add(g, q, ebim_constant(g, 3, USER_SHIFT)));
    low = ebim_min(g, q, d);
    high = ebim_max(g, A, ebim_mul(g, d, x0));
    s = ebim_select(g, ebim_sub(g, ebim_slice(g, x, 3, 1), d), low, high);
    length = ebim_apply(g, ebim_add(g, ebim_sumsq(g, x), unit), EBIM_FN_LOG);
    r = ebim_apply(g, ebim_apply(g, ebim_dot(g, A, q), EBIM_FN_SOFTPLUS), EBIM_FN_SQRT);
    w = ebim_concat(g, ebim_mul(g, s, length), r);
    w = ebim_add(g, w, ebim_rbf(g, u, 2, USER_MATRIX, USER_WIDTH, USER_WEIGHT));
    p = ebim_pow(g, ebim_add(g, ebim_apply(g, u, EBIM_FN_SQUARE), unit), -1.5);
    e = ebim_mul(g, ebim_apply(g, ebim_scale(g, w, -1), EBIM_FN_SILU), p);
    f = ebim_add(g, ebim_apply(g, e, EBIM_FN_SINE),
                 ebim_apply(g, ebim_mul(g, w, u), EBIM_FN_COSINE));
    y = ebim_add(g, ebim_sum(g, ebim_apply(g, f, EBIM_FN_ABS)), ebim_dot(g, e, p));
    (void)user;
    return ebim_concat(g, y, ebim_add(g, ebim_slice(g, f, 1, 1),
                                      ebim_sub(g, ebim_sum(g, ebim_apply(g, f, EBIM_FN_RELU)), r)));
}

static ebim_ref record_layers(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    x = ebim_dense(g, ebim_dense(g, x, 8, EBIM_FN_SILU), 8, EBIM_FN_SILU);
    return ebim_dense(g, x, 2, EBIM_FN_IDENTITY);
}

typedef struct golden {
    ebim_record_fn record;
    int n, n_theta;
    const double *theta, *x, *v, *t, *y, *jt, *vj, *hvp, *grad;
    double eta, loss;
} golden;

static void get_goldens(golden g[2])
{
    g[0].record = record_layers;
    g[0].n = GOLDEN_MLP_N;
    g[0].n_theta = GOLDEN_MLP_THETA;
    g[0].theta = golden_mlp_theta;
    g[0].x = golden_mlp_x;
    g[0].v = golden_mlp_v;
    g[0].t = golden_mlp_t;
    g[0].y = golden_mlp_y;
    g[0].jt = golden_mlp_jt;
    g[0].vj = golden_mlp_vj;
    g[0].hvp = golden_mlp_hvp;
    g[0].grad = golden_mlp_grad;
    g[0].eta = golden_mlp_eta;
    g[0].loss = golden_mlp_loss;
    g[1].record = record_user;
    g[1].n = GOLDEN_USER_N;
    g[1].n_theta = GOLDEN_USER_THETA;
    g[1].theta = golden_user_theta;
    g[1].x = golden_user_x;
    g[1].v = golden_user_v;
    g[1].t = golden_user_t;
    g[1].y = golden_user_y;
    g[1].jt = golden_user_jt;
    g[1].vj = golden_user_vj;
    g[1].hvp = golden_user_hvp;
    g[1].grad = golden_user_grad;
    g[1].eta = golden_user_eta;
    g[1].loss = golden_user_loss;
}

/* Trainable parameters between the graph and an array in the order of recording. */
static int trainable(const ebim_graph *g, int32_t *index)
{
    int i, q, n = 0;
    for (i = 1; i < g->n_nodes; i++)
        for (q = 0; q < g->node[i].n_theta && !g->node[i].frozen; q++)
            index[n++] = g->node[i].theta + q;
    return n;
}

static int record_golden(const golden *d, ebim_graph *g, ebim_arena *a)
{
    int32_t index[MAX_THETA];
    int i;
    if (!CHECK_INT(ebim_record(g, a, d->n, d->record, NULL), EBIM_OK)) return 0;
    if (!CHECK_INT(trainable(g, index), d->n_theta)) return 0;
    for (i = 0; i < d->n_theta; i++) g->theta[index[i]] = real(d->theta[i]);
    return 1;
}

/* Rounding is judged against the largest number of an array. */
static void check_array(const ebim_real *got, const double *want, int n)
{
    double size = 1;
    int i;
    for (i = 0; i < n; i++)
        if (fabs(want[i]) > size) size = fabs(want[i]);
    for (i = 0; i < n; i++) CHECK_NEAR(got[i], want[i], 400 * T_EPS * size);
}

static void to_real(const double *x, int n, ebim_real *out)
{
    int i;
    for (i = 0; i < n; i++) out[i] = real(x[i]);
}

/* mean of ||F|| + (eta - ||v'J||)_+^2 and its gradient, as training of F does it. */
static double golden_loss(ebim_ws *w, const golden *d, ebim_real *grad)
{
    int n = d->n, st = w->stride, l, i;
    double loss = 0;
    ebim__to_lanes((const ebim_real *)memory, GOLDEN_B, n, ebim_ws_x(w), st, GOLDEN_B);
    ebim_forward(w, GOLDEN_B, 2);
    for (l = 0; l < GOLDEN_B; l++)
        for (i = 0; i < GOLDEN_K; i++)
            ebim_ws_yg(w, 1)[i * st + l] = real(d->v[l * GOLDEN_K + i]);
    ebim_vjp(w, 1, 1);
    for (l = 0; l < GOLDEN_B; l++) {
        double e = 0, s = 0, h;
        for (i = 0; i < GOLDEN_K; i++) e += pow(value_of(ebim_ws_y(w), st, i, l), 2);
        for (i = 0; i < n; i++) s += pow(value_of(ebim_ws_xg(w, 1), st, i, l), 2);
        e = sqrt(e);
        s = sqrt(s);
        h = d->eta > s ? d->eta - s : 0;
        loss += (e + h * h) / GOLDEN_B;
        for (i = 0; i < GOLDEN_K; i++)
            ebim_ws_yg(w, 0)[i * st + l] =
                real(value_of(ebim_ws_y(w), st, i, l) / (e * GOLDEN_B));
        for (i = 0; i < n; i++)
            ebim_ws_xt(w, 1)[i * st + l] =
                real(-2 * h * value_of(ebim_ws_xg(w, 1), st, i, l) / (s * GOLDEN_B));
    }
    ebim_jvp(w, 1, 1);
    ebim_backward(w, 1, grad);
    return loss;
}

static void agrees_with_jax(void)
{
    golden goldens[2];
    int which;
    get_goldens(goldens);
    for (which = 0; which < 2; which++) {
        const golden *d = &goldens[which];
        ebim_real x[64], v[64], t[64], out[64], all[MAX_THETA] = {0}, grad[MAX_THETA];
        int32_t index[MAX_THETA];
        ebim_arena a;
        ebim_graph g;
        ebim_ws w;
        int i, n = d->n * GOLDEN_B, k = GOLDEN_K * GOLDEN_B;
        ebim_arena_init(&a, memory + 64, sizeof memory - 64 * sizeof *memory);
        if (!record_golden(d, &g, &a)) return;
        if (!CHECK_INT(ebim_ws_init(&w, &a, &g, LANES, 1), EBIM_OK)) return;
        to_real(d->x, n, x);
        to_real(d->v, k, v);
        to_real(d->t, n, t);
        ebim_eval(&w, GOLDEN_B, x, out);
        check_array(out, d->y, k);
        ebim_eval_jvp(&w, GOLDEN_B, x, t, out);
        check_array(out, d->jt, k);
        ebim_eval_vjp(&w, GOLDEN_B, x, v, out);
        check_array(out, d->vj, n);
        ebim_eval_hvp(&w, GOLDEN_B, x, v, t, out);
        check_array(out, d->hvp, n);
        memcpy(memory, x, sizeof x);
        ebim_ws_init(&w, &a, &g, LANES, 1); /* seeds of the padding are zero again */
        CHECK_NEAR(golden_loss(&w, d, all), d->loss, 100 * T_EPS * d->loss);
        (void)trainable(&g, index);
        for (i = 0; i < d->n_theta; i++) grad[i] = all[index[i]];
        check_array(grad, d->grad, d->n_theta);
    }
}

/* exp is clamped and would hide it: what is no number in any of its inputs leaves none. */
static ebim_ref record_rbf(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_rbf(g, x, 2, USER_MATRIX, USER_WIDTH, USER_WEIGHT);
}

static void rbf_keeps_what_is_no_number(void)
{
    ebim_arena a = arena();
    ebim_graph g;
    ebim_ws w;
    ebim_real x[4], y;
    int i, c;
#ifdef __FAST_MATH__
    T_SKIP("there are no such numbers under -ffast-math");
#endif
    CHECK_INT(ebim_record(&g, &a, 4, record_rbf, NULL), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 16, 0), EBIM_OK);
    for (i = 0; i < 5; i++) {
        for (c = 0; c < 4; c++) x[c] = c == i ? real_nan() : real(0.5);
        ebim_eval(&w, 1, x, &y);
        CHECK_INT(t_finite((double)y), i == 4);
    }
}

#ifdef EBIM_DOUBLE
#define LEAST_NORMAL DBL_MIN
#else
#define LEAST_NORMAL ((double)FLT_MIN)
#endif

static ebim_ref record_light_rbf(ebim_graph *g, ebim_ref x, void *user)
{
    static const double weight[2] = {1e-3, 1e-5};
    (void)user;
    return ebim_rbf(g, x, 2, USER_MATRIX, USER_WIDTH, weight);
}

/* Far from every kernel a value is a normal number, among other points and alone. */
static void rbf_is_normal_far_away(void)
{
    int lanes;
    for (lanes = 1; lanes <= 16; lanes += 15) {
        ebim_arena a = arena();
        ebim_graph g;
        ebim_ws w;
        ebim_real x[4], y;
        int i;
        CHECK_INT(ebim_record(&g, &a, 4, record_light_rbf, NULL), EBIM_OK);
        CHECK_INT(ebim_ws_init(&w, &a, &g, lanes, 0), EBIM_OK);
        for (i = 0; i < 4; i++) x[i] = real(1e4);
        ebim_eval(&w, 1, x, &y);
        CHECK((double)y >= LEAST_NORMAL && (double)y < 1e-20);
    }
}

/* Under a ceiling c the slope of -log(e^-y + e^-c) is 1 / (1 + e^(y - c)). y = 8 x grows until that
 * is no normal number. What reaches x is right, or 0 where it is next to nothing, and no adjoint on
 * the way is a number that is not normal. */
static void far_beyond_a_ceiling_nothing_is_subnormal(void)
{
    enum { B = 64 };
    ebim_arena a = arena();
    ebim_mlp_desc d;
    ebim_graph g;
    ebim_ws w;
    ebim_real *grad;
    int i, l, j, nothing = 0;
    memset(&d, 0, sizeof d);
    d.in = d.out = 1;
    d.layers = 1;
    d.width = 8;
    d.fn = EBIM_FN_RELU;
    d.ceiling = 4;
    CHECK_INT(ebim_mlp(&g, &a, &d, 1), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, B, 1), EBIM_OK);
    grad = (ebim_real *)ebim_arena_push(&a, (size_t)g.n_theta, sizeof *grad);
    if (!CHECK(grad != NULL)) return;
    memset(grad, 0, (size_t)g.n_theta * sizeof *grad);
    for (i = 0; i < g.n_theta - 1; i++) g.theta[i] = i < 8 || (i > 15 && i < 24); /* no biases */
    CHECK_NEAR(g.theta[g.n_theta - 1], 4, 0);                                     /* the ceiling */
    for (l = 0; l < B; l++) {
        ebim_ws_x(&w)[l] = real(l * (LEAST_NORMAL < 1e-100 ? 1.5 : 0.2));
        ebim_ws_yg(&w, 0)[l] = real(1e-6);
    }
    ebim_forward(&w, B, 1);
    ebim_backward(&w, 0, grad);
    for (l = 0; l < B; l++) {
        double x = (double)ebim_ws_x(&w)[l], want = x > 0 ? 8e-6 / (1 + exp(8 * x - 4)) : 0;
        double got = (double)ebim_ws_xg(&w, 0)[l];
        if (got > 0 || want > 1e-15) CHECK_REL(got, want, 1000 * T_EPS);
        nothing += x > 0 && !(got > 0);
        for (i = 2; i < g.n_nodes; i++)
            for (j = 0; j < g.node[i].size; j++) {
                const ebim_real *u = w.slot[i].ga ? w.slot[i].ga : w.slot[i].g;
                double v = u ? fabs((double)u[j * w.stride + l]) : 0;
                CHECK(!(v > 0) || v >= LEAST_NORMAL);
            }
    }
    CHECK(nothing > B / 8 && nothing < B / 2 + B / 4);
}

/* The user's graph has every op on vectors, so what follows is about all of them. */
static void user_graph_has_every_op(void)
{
    golden goldens[2];
    ebim_graph g;
    ebim_arena a = arena();
    int op, i, has;
    get_goldens(goldens);
    if (!record_golden(&goldens[1], &g, &a)) return;
    for (op = 1; op < EBIM__OP_CONV; op++) {
        for (has = 0, i = 1; i < g.n_nodes; i++) has |= g.node[i].op == op;
        if (!CHECK(has)) printf("  %s is missing\n", op_names[op]);
    }
}

/* A recorded user graph, 50 random points with seeds and tangents. */
typedef struct setting {
    ebim_arena a;
    ebim_graph g;
    ebim_real x[50 * 4], t[50 * 4], v[50 * 2];
} setting;

static int set_up(setting *s, uint64_t number)
{
    golden goldens[2];
    ebim_rng r = stream(number);
    int i;
    s->a = arena();
    get_goldens(goldens);
    for (i = 0; i < 200; i++) s->x[i] = real(uniform(&r, -1, 1));
    for (i = 0; i < 200; i++) s->t[i] = real(uniform(&r, -1, 1));
    for (i = 0; i < 100; i++) s->v[i] = real(uniform(&r, -1, 1));
    return record_golden(&goldens[1], &s->g, &s->a);
}

/* All five row-major sweeps of B points, one after the other: B * (2 + 2 + 4 + 4 + 8). */
static void sweep_all(ebim_ws *w, const setting *s, int B, ebim_real *out)
{
    ebim_eval(w, B, s->x, out);
    ebim_eval_jvp(w, B, s->x, s->t, out + 2 * B);
    ebim_eval_vjp(w, B, s->x, s->v, out + 4 * B);
    ebim_eval_hvp(w, B, s->x, s->v, s->t, out + 8 * B);
    ebim_eval_jacobian(w, B, s->x, out + 12 * B);
}

/* To the bit. Under -ffast-math one lane may have its sums in another order. */
static int as_before(int count, const ebim_real *first, const ebim_real *again, int one)
{
#ifdef __FAST_MATH__
    int i, good = 1;
    for (i = 0; i < count && one; i++)
        good &= fabs((double)first[i] - (double)again[i]) <=
                256 * T_EPS * (1 + fabs((double)first[i]));
    if (one) return good;
#else
    (void)one;
#endif
    return !memcmp(first, again, (size_t)count * sizeof *first);
}

/* The block size changes no bit, nor does the number of planes; and sweeps repeat. */
static void blocks_do_not_matter(void)
{
    static const int lanes[] = {1, 16, 17, 33, 50, 64}, batches[] = {1, 15, 16, 17, 50};
    static setting s;
    static ebim_real first[50 * 20], again[50 * 20];
    int q, b;
    if (!set_up(&s, 4)) return;
    for (b = 0; b < 5; b++) {
        int count = 20 * batches[b];
        for (q = 0; q < 6; q++) {
            ebim_arena a = s.a;
            ebim_ws w;
            if (!CHECK_INT(ebim_ws_init(&w, &a, &s.g, lanes[q], 1 + q % 3), EBIM_OK)) return;
            sweep_all(&w, &s, batches[b], q ? again : first);
            if (q) CHECK(as_before(count, first, again, 1));
            sweep_all(&w, &s, batches[b], again);
            CHECK(as_before(count, first, again, q > 0));
        }
        /* and the first of many is what it is alone */
        if (b) CHECK(as_before(2, first, (const ebim_real *)(memory + sizeof memory /
                                                             sizeof *memory - 64), 1));
        else memcpy(memory + (sizeof memory / sizeof *memory) - 64, first, 2 * sizeof *first);
    }
}

/* A workspace for fewer sweeps is smaller, and gives the same bytes, whatever it held before. */
static void what_a_workspace_is_for(void)
{
    static const int uses[] = {EBIM__FOR_ALL, EBIM__FOR_JVP | EBIM__FOR_VJP, EBIM__FOR_VJP,
                               EBIM__FOR_JVP, 0};
    static setting s;
    static ebim_real out[5][50 * 8];
    size_t bytes[5];
    int q, turn;
    if (!set_up(&s, 44)) return;
    for (q = 0; q < 5; q++) {
        ebim_arena a = s.a, m = s.a;
        ebim_ws w, measured;
        ebim_arena_init(&m, NULL, 0);
        ebim__ws_for(&measured, &m, &s.g, 64, 2, uses[q]);
        if (!CHECK_INT(ebim__ws_for(&w, &a, &s.g, 64, 2, uses[q]), EBIM_OK)) return;
        bytes[q] = a.used - s.a.used;
        CHECK(bytes[q] == m.used);
        if (q) CHECK(bytes[q] < bytes[q - 1]);
        for (turn = 0; turn < 2; turn++) {
            memset(out[q], 0, sizeof out[q]);
            ebim_eval(&w, turn ? 50 : 3, s.x, out[q]);
            if (uses[q] & EBIM__FOR_JVP) ebim_eval_jvp(&w, 50, s.x, s.t, out[q] + 100);
            if (uses[q] & EBIM__FOR_VJP) ebim_eval_vjp(&w, 50, s.x, s.v, out[q] + 200);
        }
        CHECK(!memcmp(out[q], out[0], 100 * sizeof **out));
        if (uses[q] & EBIM__FOR_JVP)
            CHECK(!memcmp(out[q] + 100, out[0] + 100, 100 * sizeof **out));
        if (uses[q] & EBIM__FOR_VJP)
            CHECK(!memcmp(out[q] + 200, out[0] + 200, 200 * sizeof **out));
    }
}

/* J from k adjoint sweeps at once, one by one, and from n tangent sweeps. */
static void jacobian_is_the_matrix_of_jvp(void)
{
    static setting s;
    static ebim_real j[50 * 8], t[50 * 4], jt[50 * 2];
    ebim_ws w;
    int planes, b, i, c;
    if (!set_up(&s, 5)) return;
    for (planes = 1; planes <= 2; planes++) {
        ebim_arena a = s.a;
        CHECK_INT(ebim_ws_init(&w, &a, &s.g, 16, planes), EBIM_OK);
        ebim_eval_jacobian(&w, 50, s.x, j);
        for (c = 0; c < 4; c++) {
            for (i = 0; i < 200; i++) t[i] = i % 4 == c ? 1 : 0;
            ebim_eval_jvp(&w, 50, s.x, t, jt);
            for (b = 0; b < 50; b++)
                for (i = 0; i < 2; i++)
                    CHECK_NEAR(j[(b * 2 + i) * 4 + c], jt[b * 2 + i],
                               slack(fabs((double)jt[b * 2 + i])));
        }
    }
}

static void hvp_is_symmetric(void)
{
    static setting s;
    static ebim_real t[50 * 4], h1[50 * 4], h2[50 * 4];
    ebim_rng r = stream(6);
    ebim_ws w;
    int i, b;
    if (!set_up(&s, 7)) return;
    for (i = 0; i < 200; i++) t[i] = real(uniform(&r, -1, 1));
    if (!CHECK_INT(ebim_ws_init(&w, &s.a, &s.g, 64, 1), EBIM_OK)) return;
    ebim_eval_hvp(&w, 50, s.x, s.v, s.t, h1);
    ebim_eval_hvp(&w, 50, s.x, s.v, t, h2);
    for (b = 0; b < 50; b++) {
        double left = 0, right = 0, size = 0;
        for (i = 4 * b; i < 4 * b + 4; i++) {
            left += (double)h1[i] * (double)t[i];
            right += (double)h2[i] * (double)s.t[i];
            size += fabs((double)h1[i]) + fabs((double)h2[i]);
        }
        CHECK_NEAR(left, right, slack(size));
    }
}

static void load(ebim_ws *w, const setting *s, int B)
{
    int p, i, l;
    for (l = 0; l < B; l++) {
        for (i = 0; i < 4; i++) ebim_ws_x(w)[i * w->stride + l] = s->x[4 * l + i];
        for (p = 0; p <= w->planes; p++) {
            for (i = 0; i < 2; i++)
                ebim_ws_yg(w, p)[i * w->stride + l] = s->v[(2 * l + i + 7 * p) % 100];
            for (i = 0; i < 4 && p; i++)
                ebim_ws_xt(w, p)[i * w->stride + l] = s->t[(4 * l + i + 13 * p) % 200];
        }
    }
}

static int same_rows(const ebim_real *a, const ebim_real *b, int n, int stride, int B)
{
    int i;
    for (i = 0; i < n; i++)
        if (memcmp(a + i * stride, b + i * stride, (size_t)B * sizeof *a)) return 0;
    return 1;
}

/* Several planes at once are the planes one at a time, in any order, bit for bit; and two
 * workspaces on one graph, swept in turns, know nothing of each other. */
static void planes_and_workspaces_are_independent(void)
{
    static setting s;
    static ebim_real grad[2][MAX_THETA];
    ebim_ws w[2];
    int p, i;
    if (!set_up(&s, 8)) return;
    for (i = 0; i < 2; i++)
        if (!CHECK_INT(ebim_ws_init(&w[i], &s.a, &s.g, 48, PLANES), EBIM_OK)) return;
    load(&w[0], &s, 40);
    load(&w[1], &s, 40);
    ebim_forward(&w[0], 40, 2);
    ebim_forward(&w[1], 40, 2);
    ebim_jvp(&w[0], 1, 3);
    ebim_jvp(&w[1], 3, 1);
    ebim_vjp(&w[0], 0, 4);
    ebim_vjp(&w[1], 2, 1);
    ebim_jvp(&w[1], 1, 2);
    ebim_vjp(&w[1], 3, 1);
    ebim_vjp(&w[1], 0, 2);
    for (p = 0; p <= PLANES; p++) {
        CHECK(same_rows(ebim_ws_xg(&w[0], p), ebim_ws_xg(&w[1], p), 4, 48, 40));
        if (p) CHECK(same_rows(ebim_ws_yt(&w[0], p), ebim_ws_yt(&w[1], p), 2, 48, 40));
    }
    CHECK(!same_rows(ebim_ws_xg(&w[0], 1), ebim_ws_xg(&w[0], 2), 4, 48, 40));
    memset(grad, 0, sizeof grad);
    ebim_backward(&w[0], 3, grad[0]);
    ebim_backward(&w[1], 3, grad[1]);
    CHECK(same_rows(ebim_ws_xg(&w[0], 0), ebim_ws_xg(&w[1], 0), 4, 48, 40));
    CHECK(!memcmp(grad[0], grad[1], sizeof grad[0]));
    for (p = 1; p <= PLANES; p++) /* adjoints of the tangents are still there */
        CHECK(same_rows(ebim_ws_xg(&w[0], p), ebim_ws_xg(&w[1], p), 4, 48, 40));
    ebim_backward(&w[0], 3, NULL); /* without parameters: the same input gradient */
    CHECK(same_rows(ebim_ws_xg(&w[0], 0), ebim_ws_xg(&w[1], 0), 4, 48, 40));
    ebim_backward(&w[0], 3, grad[0]); /* grad is added to */
    for (i = 0; i < s.g.n_theta; i++)
        CHECK_NEAR(grad[0][i], 2 * (double)grad[1][i], slack(fabs((double)grad[0][i])));
}

/* A workspace for J alone keeps no planes but the input's, and its rows are those of one that keeps
 * all of them, bit for bit. */
static void rows_of_J_take_turns_with_one_plane(void)
{
    static setting s;
    ebim_arena measure[2];
    ebim_tensor J;
    ebim_ws all, own;
    int uses, i;
    if (!set_up(&s, 18)) return;
    for (i = 0; i < 2; i++) {
        uses = i ? EBIM__FOR_VJP : EBIM__FOR_ALL;
        ebim_arena_init(&measure[i], NULL, 0);
        CHECK_INT(ebim__ws_for(&own, &measure[i], &s.g, 48, PLANES, uses), EBIM_OK);
    }
    CHECK(2 * measure[1].used < measure[0].used);
    if (!CHECK_INT(ebim_ws_init(&all, &s.a, &s.g, 48, 2), EBIM_OK)) return;
    if (!CHECK_INT(ebim__ws_for(&own, &s.a, &s.g, 48, 1, EBIM__FOR_VJP), EBIM_OK)) return;
    load(&all, &s, 40);
    memcpy(ebim_ws_x(&own), ebim_ws_x(&all), 4 * 48 * sizeof(ebim_real));
    ebim_forward(&all, 40, 1);
    ebim_forward(&own, 40, 1);
    CHECK_INT(ebim_ws_jacobian(&all, &J), EBIM_OK);
    for (i = 0; i < 2; i++) { /* lanes that no sweep used hold what they held */
        memset(ebim_ws_xg(&own, 0), 0xff, 2 * 4 * 48 * sizeof(ebim_real));
        ebim__adjoints(&own, i, 2 - i, i);
        CHECK(same_rows(ebim_ws_xg(&own, 1), ebim_ws_xg(&all, 2), 4, 48, 40));
        CHECK(i || same_rows(ebim_ws_xg(&own, 0), ebim_ws_xg(&all, 1), 4, 48, 40));
    }
    CHECK(!same_rows(ebim_ws_xg(&own, 1), ebim_ws_xg(&all, 1), 4, 48, 40));
}

/* Lanes beyond B: whatever was left there, the sweeps of the first B and the gradient of the
 * parameters are those of a workspace that never held anything else. */
static void padding_has_no_influence(void)
{
    static setting s;
    static ebim_real grad[2][MAX_THETA];
    int B;
    if (!set_up(&s, 9)) return;
    for (B = 1; B <= 33; B += 4) {
        ebim_arena a = s.a;
        ebim_ws w[2];
        int i, p;
        for (i = 0; i < 2; i++) CHECK_INT(ebim_ws_init(&w[i], &a, &s.g, 48, 2), EBIM_OK);
        load(&w[1], &s, 48);
        ebim_forward(&w[1], 48, 2);
        ebim_jvp(&w[1], 1, 2);
        ebim_vjp(&w[1], 0, 3);
        memset(grad, 0, sizeof grad);
        for (i = 0; i < 2; i++) {
            load(&w[i], &s, B);
            ebim_forward(&w[i], B, 2);
            for (p = B; p < (B + 15) / 16 * 16; p++) /* filled with the first lane's input */
                CHECK(ebim_ws_x(&w[i])[48 + p] == ebim_ws_x(&w[i])[48]);
            ebim_jvp(&w[i], 1, 2);
            ebim_vjp(&w[i], 1, 2);
            ebim_backward(&w[i], 2, grad[i]);
        }
        CHECK(same_rows(ebim_ws_y(&w[0]), ebim_ws_y(&w[1]), 2, 48, B));
        for (p = 0; p <= 2; p++)
            CHECK(same_rows(ebim_ws_xg(&w[0], p), ebim_ws_xg(&w[1], p), 4, 48, B));
        CHECK(!memcmp(grad[0], grad[1], sizeof grad[0]));
    }
}

/* A NaN stays in its lane. */
static void bad_lanes_stay_alone(void)
{
    static setting s;
    static ebim_real good[50 * 20], bad[50 * 20];
    static const int rows[] = {2, 2, 4, 4, 8};
    ebim_ws w;
    int q, i, l, at;
    if (!set_up(&s, 10) || !CHECK_INT(ebim_ws_init(&w, &s.a, &s.g, 64, 1), EBIM_OK)) return;
    sweep_all(&w, &s, 50, good);
    s.x[4 * 3 + 1] = real_nan();
    s.x[4 * 20 + 2] = real_inf();
    sweep_all(&w, &s, 50, bad);
    for (at = q = 0; q < 5; at += 50 * rows[q++])
        for (l = 0; l < 50; l++)
            for (i = at + l * rows[q]; i < at + (l + 1) * rows[q]; i++)
                if (l != 3 && l != 20) CHECK(!memcmp(&good[i], &bad[i], sizeof *bad));
    CHECK(!ebim__finite(bad[2 * 3]) && !ebim__finite(bad[2 * 20]));
}

/* ---- kinks ---- */

static ebim_ref record_kinks(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = ebim_slice(g, x, 0, 1), b = ebim_slice(g, x, 1, 1), c = ebim_slice(g, x, 2, 1), y;
    (void)user;
    y = ebim_concat(g, ebim_min(g, a, b), ebim_max(g, a, b));
    y = ebim_concat(g, y, ebim_select(g, c, a, b));
    y = ebim_concat(g, y, ebim_apply(g, c, EBIM_FN_RELU));
    y = ebim_concat(g, y, ebim_apply(g, c, EBIM_FN_ABS));
    return ebim_concat(g, y, ebim_apply(g, c, EBIM_FN_SQRT));
}

/* At a tie MIN and MAX take the first operand; SELECT 0 takes the second; slopes of RELU, ABS and
 * SQRT at 0 are 0, and their second derivatives too. */
static void kinks_are_as_documented(void)
{
    static const double want[6][3] = {{1, 0, 0}, {1, 0, 0}, {0, 1, 0}};
    ebim_real x[3] = {2, 2, 0}, j[18], v[6] = {1, 1, 1, 1, 1, 1}, t[3] = {1, 1, 1}, h[3];
    ebim_arena a = arena();
    ebim_graph g;
    ebim_ws w;
    int i;
    CHECK_INT(ebim_record(&g, &a, 3, record_kinks, NULL), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1, 1), EBIM_OK);
    ebim_eval_jacobian(&w, 1, x, j);
    for (i = 0; i < 18; i++) CHECK_NEAR(j[i], want[i / 3][i % 3], 0);
    ebim_eval_hvp(&w, 1, x, v, t, h);
    for (i = 0; i < 3; i++) CHECK_NEAR(h[i], 0, 0);
}

/* Values of MIN and MAX where an operand is infinite or no number. */
static void picks_of_odd_numbers(void)
{
    ebim_real x[6][3], y[6][6];
    ebim_arena a = arena();
    ebim_graph g;
    ebim_ws w;
    int i;
    memset(x, 0, sizeof x);
    for (i = 0; i < 6; i++) x[i][2] = 1;
    x[0][0] = real_inf(), x[0][1] = 3;
    x[1][0] = 3, x[1][1] = real_inf();
    x[2][0] = -real_inf(), x[2][1] = 3;
    x[3][0] = real_nan(), x[3][1] = 3;
    x[4][0] = 3, x[4][1] = -real_inf();
    x[5][0] = real_inf(), x[5][1] = -real_inf();
    CHECK_INT(ebim_record(&g, &a, 3, record_kinks, NULL), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 6, 1), EBIM_OK);
    ebim_eval(&w, 6, &x[0][0], &y[0][0]);
    CHECK(!memcmp(&y[0][0], &x[0][1], sizeof **y) && !memcmp(&y[0][1], &x[0][0], sizeof **y));
    CHECK(!memcmp(&y[1][0], &x[1][0], sizeof **y) && !memcmp(&y[1][1], &x[1][1], sizeof **y));
    CHECK(!memcmp(&y[2][0], &x[2][0], sizeof **y) && !memcmp(&y[2][1], &x[2][1], sizeof **y));
    CHECK(!ebim__finite(y[3][0]) && !ebim__finite(y[3][1])); /* the NaN is the first operand */
    CHECK(!memcmp(&y[4][0], &x[4][1], sizeof **y) && !memcmp(&y[4][1], &x[4][0], sizeof **y));
    CHECK(!memcmp(&y[5][0], &x[5][1], sizeof **y) && !memcmp(&y[5][1], &x[5][0], sizeof **y));
}

/* Functions at numbers where formulas in a hurry overflow or lose everything. */
static void functions_at_the_ends(void)
{
    static const struct {
        int fn;
        double p, x, v, d1, d2;
    } cases[] = {
        {EBIM_FN_SOFTPLUS, 1, 300, 300, 1, 0}, {EBIM_FN_SOFTPLUS, 1, -300, 0, 0, 0},
        {EBIM_FN_SILU, 1, 300, 300, 1, 0},     {EBIM_FN_SILU, 1, -300, 0, 0, 0},
        {EBIM_FN_TANH, 1, 300, 1, 0, 0},       {EBIM_FN_TANH, 1, -300, -1, 0, 0},
        {EBIM_FN_EXP, 1, -300, 0, 0, 0},       {EBIM_FN_SQRT, 1, 0, 0, 0, 0},
        {EBIM_FN_POW, 0, 0, 1, 0, 0},          {EBIM_FN_POW, 1, 0, 0, 1, 0},
        {EBIM_FN_POW, 2, 0, 0, 0, 2},          {EBIM_FN_POW, 2, -3, 9, -6, 2},
        {EBIM_FN_POW, 3, -2, -8, 12, -12},     {EBIM_FN_POW, -1, -2, -0.5, -0.25, -0.25},
        {EBIM_FN_SQUARE, 1, -3, 9, -6, 2},     {EBIM_FN_ABS, 1, -3, 3, -1, 0},
        {EBIM_FN_RELU, 1, -3, 0, 0, 0},
    };
    size_t q;
    for (q = 0; q < sizeof cases / sizeof cases[0]; q++) {
        ebim_real a[CHUNK] = {0}, v[CHUNK], d1[CHUNK], d2[CHUNK];
        a[0] = real(cases[q].x);
        if (cases[q].fn == EBIM_FN_SILU)
            ebim__kernels_best()->silu(1, a, v, d1, d2, CHUNK, CHUNK, 2);
        else
            ebim__k_apply(cases[q].fn, real(cases[q].p), a, v, d1, d2, CHUNK, CHUNK, 2);
        CHECK_NEAR(v[0], cases[q].v, 8 * T_EPS * fabs(cases[q].v) + 1e-30);
        CHECK_NEAR(d1[0], cases[q].d1, 8 * T_EPS * fabs(cases[q].d1) + 1e-30);
        CHECK_NEAR(d2[0], cases[q].d2, 8 * T_EPS * fabs(cases[q].d2) + 1e-30);
    }
}

/* ---- recording ---- */

typedef ebim_ref (*unary)(ebim_graph *g, ebim_ref a);
typedef ebim_ref (*binary)(ebim_graph *g, ebim_ref a, ebim_ref b);

static ebim_graph inlined; /* of the builder below */

static ebim_ref with_dense(ebim_graph *g, ebim_ref a) { return ebim_dense(g, a, 2, EBIM_FN_SILU); }
static ebim_ref with_matrix(ebim_graph *g, ebim_ref a) { return ebim_matrix(g, a, 3, USER_MATRIX); }
static ebim_ref with_apply(ebim_graph *g, ebim_ref a) { return ebim_apply(g, a, EBIM_FN_SINE); }
static ebim_ref with_pow(ebim_graph *g, ebim_ref a) { return ebim_pow(g, a, 2); }
static ebim_ref with_affine(ebim_graph *g, ebim_ref a) { return ebim_affine(g, a, NULL, 2); }
static ebim_ref with_scale(ebim_graph *g, ebim_ref a) { return ebim_scale(g, a, 3); }
static ebim_ref with_slice(ebim_graph *g, ebim_ref a) { return ebim_slice(g, a, 0, 1); }
static ebim_ref with_inline(ebim_graph *g, ebim_ref a) { return ebim_inline(g, &inlined, a, 0); }

static const unary unaries[] = {with_dense, with_matrix, with_apply, with_pow, with_affine,
                                with_scale, with_slice, with_inline, ebim_sum, ebim_sumsq};
static const binary binaries[] = {ebim_add, ebim_sub, ebim_mul, ebim_div, ebim_min, ebim_max,
                                  ebim_dot, ebim_concat};

enum { UNARIES = sizeof unaries / sizeof *unaries, BINARIES = sizeof binaries / sizeof *binaries };

/* A graph being recorded (parameters are only counted) with an input in R^4. */
static ebim_ref begin(ebim_graph *g) { return ebim__start(g, NULL, 4); }

static void check_refused(ebim_graph *g, ebim_ref got, ebim_result why)
{
    ebim_ref one = 1;
    double value = 1;
    CHECK_INT(got, 0);
    CHECK_INT(g->failed, why);
    CHECK_INT(ebim_scale(g, one, -1), 0); /* sticky, for good operands too */
    CHECK_INT(ebim_dense(g, one, 0, EBIM_FN_SILU), 0);
    CHECK_INT(ebim_dense(g, one, 1, EBIM_FN_POW), 0);
    CHECK_INT(ebim_constant(g, 1, &value), 0);
    CHECK_INT(ebim_inline(g, &inlined, one, 0), 0);
    CHECK_INT(g->failed, why);
}

static void bad_references_are_refused(void)
{
    static const ebim_ref bad[] = {0, -1, 2, 95, 1000, INT_MAX, INT_MIN};
    ebim_graph g, f;
    ebim_ref x;
    size_t q, i;
    x = begin(&f);
    f.y = ebim_scale(&f, x, -1);
    inlined = f;
    for (q = 0; q < sizeof bad / sizeof bad[0]; q++) {
        for (i = 0; i < UNARIES; i++) {
            begin(&g);
            check_refused(&g, unaries[i](&g, bad[q]), EBIM_ERR_ARG);
        }
        for (i = 0; i < BINARIES; i++) {
            x = begin(&g);
            check_refused(&g, binaries[i](&g, x, bad[q]), EBIM_ERR_ARG);
            x = begin(&g);
            check_refused(&g, binaries[i](&g, bad[q], x), EBIM_ERR_ARG);
        }
        for (i = 0; i < 3; i++) {
            ebim_ref r[3];
            r[0] = r[1] = r[2] = begin(&g);
            r[i] = bad[q];
            check_refused(&g, ebim_select(&g, r[0], r[1], r[2]), EBIM_ERR_ARG);
        }
    }
}

static void wrong_shapes_are_refused(void)
{
    static const int counts[][2] = {{-1, 2}, {0, 0}, {0, 5}, {4, 1}, {3, 2}, {0, -1},
                                    {INT_MAX, 1}, {1, INT_MAX}, {INT_MIN, 1}};
    static const int sizes[] = {0, -1, INT_MAX, INT_MIN, INT_MAX / 64 + 1};
    ebim_graph g;
    ebim_ref x, y;
    size_t q;
    for (q = 0; q < BINARIES; q++) { /* 4 and 2; 4 and 1 only for DOT */
        int dot = binaries[q] == ebim_dot;
        if (binaries[q] == ebim_concat) continue;
        x = begin(&g);
        y = ebim_slice(&g, x, 0, 2);
        check_refused(&g, binaries[q](&g, x, y), EBIM_ERR_SHAPE);
        x = begin(&g);
        y = ebim_sum(&g, x);
        if (dot) check_refused(&g, ebim_dot(&g, x, y), EBIM_ERR_SHAPE);
        else CHECK(binaries[q](&g, x, y) > 0 && binaries[q](&g, y, x) > 0);
    }
    x = begin(&g);
    y = ebim_slice(&g, x, 0, 2);
    check_refused(&g, ebim_select(&g, y, x, x), EBIM_ERR_SHAPE);
    x = begin(&g);
    y = ebim_sum(&g, x);
    check_refused(&g, ebim_select(&g, x, y, y), EBIM_ERR_SHAPE);
    for (q = 0; q < sizeof counts / sizeof counts[0]; q++) {
        x = begin(&g);
        check_refused(&g, ebim_slice(&g, x, counts[q][0], counts[q][1]), EBIM_ERR_SHAPE);
    }
    for (q = 0; q < 5; q++) {
        x = begin(&g);
        check_refused(&g, ebim_dense(&g, x, sizes[q], EBIM_FN_SILU), EBIM_ERR_SHAPE);
        x = begin(&g);
        check_refused(&g, ebim_constant(&g, sizes[q], NULL), EBIM_ERR_SHAPE);
        CHECK_INT(ebim__start(&g, NULL, sizes[q]), 0);
        CHECK_INT(g.failed, EBIM_ERR_SHAPE);
    }
    x = begin(&g);
    x = ebim_dense(&g, x, INT_MAX / 64, EBIM_FN_SILU); /* many parameters, but countable */
    CHECK(x > 0);
    check_refused(&g, ebim_dense(&g, x, 100, EBIM_FN_SILU), EBIM_ERR_SHAPE);
    x = begin(&g);
    check_refused(&g, ebim_dense(&g, x, 1, EBIM_FN_POW), EBIM_ERR_ARG);
    x = begin(&g);
    check_refused(&g, ebim_apply(&g, x, EBIM__FN_COUNT), EBIM_ERR_ARG);
}

/* Parameters of a graph are counted in an int. */
static void too_many_parameters_are_refused(void)
{
    ebim_graph g;
    ebim_ref x = begin(&g), y;
    int i;
    y = x;
    for (i = 0; i < 8 && y; i++) y = ebim_dense(&g, x, INT_MAX / 64, EBIM_FN_SILU);
    CHECK(i >= 2 && i < 8);
    CHECK_INT(g.failed, EBIM_ERR_SHAPE);
    x = ebim__start(&g, NULL, INT_MAX / 64);
    for (i = 0, y = x; i < 40 && y; i++) y = ebim_affine(&g, x, NULL, 2);
    CHECK(i >= 2 && i < 40);
    CHECK_INT(g.failed, EBIM_ERR_SHAPE);
    x = ebim__start(&g, NULL, INT_MAX / 64);
    CHECK(x > 0);
    check_refused(&g, ebim_concat(&g, x, x), EBIM_ERR_SHAPE);
}

static void full_graph_is_refused(void)
{
    ebim_graph g, f;
    ebim_ref x = begin(&g), last = x;
    int i;
    for (i = 2; i < EBIM_MAX_NODES; i++) {
        x = ebim_scale(&g, last, -1);
        if (!CHECK(x > 0)) return;
        last = x;
    }
    CHECK_INT(g.n_nodes, EBIM_MAX_NODES);
    g.y = last;
    begin(&f);
    CHECK_INT(ebim_inline(&f, &g, 1, 0), last); /* just fits */
    check_refused(&g, ebim_scale(&g, last, -1), EBIM_ERR_NODES);
    begin(&f);
    ebim_scale(&f, 1, -1);
    g.failed = EBIM_OK;
    inlined = f;
    check_refused(&f, ebim_inline(&f, &g, 2, 0), EBIM_ERR_NODES);
}

/* A callback that does what its user says. */
typedef struct fickle {
    int calls;
    int sizes[2];   /* of a constant recorded in the first and the second call */
    int extra[2];   /* nodes nobody uses */
    ebim_ref y[2];  /* returned instead of the right one, unless 0 */
    int nothing[2]; /* return 0 */
} fickle;

static ebim_ref record_fickle(ebim_graph *g, ebim_ref x, void *user)
{
    static const double value[4096] = {1};
    fickle *f = (fickle *)user;
    int call = f->calls++, i;
    ebim_ref c = ebim_constant(g, f->sizes[call], value);
    ebim_ref y = ebim_sum(g, ebim_mul(g, x, ebim_sum(g, c)));
    for (i = 0; i < f->extra[call]; i++) (void)ebim_mul(g, y, y);
    if (f->nothing[call]) return 0;
    return f->y[call] ? f->y[call] : y;
}

static ebim_result record_it(fickle f, ebim_graph *g)
{
    static unsigned char bytes[16384];
    ebim_arena a;
    ebim_result r;
    size_t used, i;
    ebim_arena_init(&a, bytes, sizeof bytes); /* opens them, with EBIM_GUARD */
    memset(bytes, 0xa5, sizeof bytes);
    ebim_arena_init(&a, NULL, 0);
    r = ebim_record(g, &a, 3, record_fickle, &f);
    if (r) return r;
    f.calls = 0;
    used = ebim_arena_bytes(&a);
    ebim_arena_init(&a, bytes, used);
    r = ebim_record(g, &a, 3, record_fickle, &f);
    for (i = used; i < sizeof bytes; i++)
        if (!CHECK(bytes[i] == 0xa5)) break; /* nothing written behind the arena */
    return r;
}

static void callback_must_record_the_same(void)
{
    static const ebim_ref bad[] = {-1, 5, 1000, INT_MIN, INT_MAX};
    fickle f;
    ebim_graph g;
    size_t q;
    memset(&f, 0, sizeof f);
    f.sizes[0] = f.sizes[1] = 40;
    CHECK_INT(record_it(f, &g), EBIM_OK);
    CHECK(g.y > 0 && g.n_theta == 40);
    f.sizes[1] = 4000;
    CHECK_INT(record_it(f, &g), EBIM_ERR_SHAPE);
    f.sizes[1] = 39;
    CHECK_INT(record_it(f, &g), EBIM_ERR_SHAPE);
    f.sizes[1] = 40;
    f.extra[1] = 1;
    CHECK_INT(record_it(f, &g), EBIM_ERR_SHAPE);
    f.extra[1] = 0;
    f.nothing[1] = 1;
    CHECK(record_it(f, &g) < 0);
    f.nothing[0] = 1;
    CHECK_INT(record_it(f, &g), EBIM_ERR_ARG);
    f.nothing[0] = f.nothing[1] = 0;
    f.y[1] = 2;
    CHECK_INT(record_it(f, &g), EBIM_ERR_SHAPE);
    for (q = 0; q < sizeof bad / sizeof bad[0]; q++) {
        f.y[0] = f.y[1] = 0;
        f.y[1] = bad[q] == 5 ? 6 : bad[q]; /* nodes are 1..5 */
        CHECK(record_it(f, &g) < 0);
        f.y[0] = f.y[1];
        CHECK_INT(record_it(f, &g), EBIM_ERR_ARG);
    }
    memset(&f, 0, sizeof f);
    CHECK_INT(record_it(f, &g), EBIM_ERR_SHAPE); /* a constant of size 0 */
    f.sizes[0] = 1;
    CHECK_INT(record_it(f, &g), EBIM_ERR_SHAPE); /* in the second call only */
}

/* ---- inlining and freezing ---- */

typedef struct nest {
    const ebim_graph *f;
    int frozen;
} nest;

static ebim_ref record_nest(ebim_graph *g, ebim_ref x, void *user)
{
    const nest *s = (const nest *)user;
    x = ebim_dense(g, x, 4, EBIM_FN_TANH);
    return ebim_scale(g, ebim_inline(g, s->f, x, s->frozen), 2);
}

/* y = 2 f(tanh(W x + b)) through one graph and through two. */
static void inlined_graph_is_the_graph(void)
{
    static setting s;
    static ebim_real first[64 * 4], inner[50 * 4], y[50 * 2], want[50 * 2];
    int frozen, i;
    if (!set_up(&s, 11)) return;
    for (frozen = 0; frozen < 2; frozen++) {
        ebim_arena a = s.a;
        ebim_graph g;
        ebim_ws w, wf;
        nest n;
        ebim_real grad[MAX_THETA] = {0};
        int32_t index[MAX_THETA], free_ones;
        double size = 0;
        n.f = &s.g;
        n.frozen = frozen;
        if (!CHECK_INT(ebim_record(&g, &a, 4, record_nest, &n), EBIM_OK)) return;
        for (i = 0; i < 20; i++) g.theta[i] = s.v[i];
        CHECK_INT(ebim_ws_init(&w, &a, &g, 64, 0), EBIM_OK);
        CHECK_INT(ebim_ws_init(&wf, &a, &s.g, 64, 0), EBIM_OK);
        ebim_eval(&w, 50, s.x, y);
        ebim__from_lanes(w.slot[2].v, w.stride, 50, 4, inner); /* what the layer made */
        ebim_eval(&wf, 50, inner, want);
        for (i = 0; i < 100; i++) CHECK_NEAR(y[i], 2 * (double)want[i], 0);
        load(&w, &s, 50);
        ebim_forward(&w, 50, 1);
        ebim_backward(&w, 0, grad);
        free_ones = trainable(&g, index);
        CHECK_INT(free_ones, frozen ? 20 : 35);
        for (i = 20; i < g.n_theta; i++) size += fabs((double)grad[i]);
        if (frozen) CHECK_NEAR(size, 0, 0);
        else CHECK(size > 0);
        for (size = 0, i = 0; i < 20; i++) size += fabs((double)grad[i]);
        CHECK(size > 0); /* the adjoint passes through what is frozen */
        if (frozen) CHECK(same_rows(first, ebim_ws_xg(&w, 0), 4, 64, 50));
        memcpy(first, ebim_ws_xg(&w, 0), sizeof first);
    }
}

static void inline_refuses(void)
{
    ebim_graph g, f;
    ebim_ref x = begin(&f), y;
    inlined = f;
    begin(&g);
    check_refused(&g, ebim_inline(&g, &f, 1, 0), EBIM_ERR_ARG); /* f has no output yet */
    f.y = ebim_sum(&f, x);
    begin(&g);
    y = ebim_slice(&g, 1, 0, 2);
    check_refused(&g, ebim_inline(&g, &f, y, 0), EBIM_ERR_SHAPE);
    begin(&g);
    CHECK_INT(ebim_inline(&g, &f, 1, 0), 2);
    f.y = 1; /* the identity: nothing to copy but the sum nobody uses */
    CHECK_INT(ebim_inline(&g, &f, 1, 0), 1);
    f.failed = EBIM_ERR_NODES;
    check_refused(&g, ebim_inline(&g, &f, 1, 0), EBIM_ERR_ARG);
}

/* ---- workspaces ---- */

static void workspace_refuses(void)
{
    static const int bad[][2] = {{0, 0}, {-1, 0}, {INT_MAX, 0}, {INT_MIN, 0}, {INT_MAX / 64 + 1, 0},
                                 {1, -2}, {1, INT_MAX}, {1, INT_MAX / 64 + 1}};
    static setting s;
    ebim_arena a;
    ebim_graph g;
    ebim_ws w;
    size_t q;
    if (!set_up(&s, 12)) return;
    for (q = 0; q < sizeof bad / sizeof bad[0]; q++) {
        a = s.a;
        CHECK_INT(ebim_ws_init(&w, &a, &s.g, bad[q][0], bad[q][1]), EBIM_ERR_ARG);
        CHECK(a.used == s.a.used);
    }
    begin(&g);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1, 0), EBIM_ERR_ARG); /* no output */
    g.failed = EBIM_ERR_NODES;
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1, 0), EBIM_ERR_NODES);
    g = s.g; /* sizes whose product is no size_t are no memory, not little memory */
    ebim__start(&g, NULL, 1 << 24);
    g.y = 1;
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1 << 24, 1 << 24), EBIM_ERR_MEMORY);
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1 << 24, 1 << 16), EBIM_ERR_MEMORY);
}

static void identity_graph_works(void)
{
    ebim_real x[2] = {3, -4}, y[2], j[4];
    spec s = make_spec(EBIM__OP_INPUT, 0, 2, 0);
    ebim_arena a = arena();
    ebim_graph g;
    ebim_ws w;
    CHECK_INT(ebim_record(&g, &a, 2, record_spec, &s), EBIM_OK);
    CHECK(g.y == 1 && ebim_inputs(&g) == 2 && ebim_outputs(&g) == 2);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1, 0), EBIM_OK);
    ebim_eval(&w, 1, x, y);
    CHECK(y[0] == 3 && y[1] == -4);
    ebim_eval_jacobian(&w, 1, x, j);
    CHECK(j[0] == 1 && j[1] == 0 && j[2] == 0 && j[3] == 1);
    memset(&g, 0, sizeof g);
    CHECK(ebim_inputs(&g) == 0 && ebim_outputs(&g) == 0);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(every_op);
    T_RUN(every_function);
    T_RUN(every_layer_shape);
    T_RUN(agrees_with_jax);
    T_RUN(rbf_keeps_what_is_no_number);
    T_RUN(rbf_is_normal_far_away);
    T_RUN(far_beyond_a_ceiling_nothing_is_subnormal);
    T_RUN(user_graph_has_every_op);
    T_RUN(blocks_do_not_matter);
    T_RUN(what_a_workspace_is_for);
    T_RUN(jacobian_is_the_matrix_of_jvp);
    T_RUN(hvp_is_symmetric);
    T_RUN(planes_and_workspaces_are_independent);
    T_RUN(rows_of_J_take_turns_with_one_plane);
    T_RUN(padding_has_no_influence);
    T_RUN(bad_lanes_stay_alone);
    T_RUN(kinks_are_as_documented);
    T_RUN(picks_of_odd_numbers);
    T_RUN(functions_at_the_ends);
    T_RUN(bad_references_are_refused);
    T_RUN(wrong_shapes_are_refused);
    T_RUN(too_many_parameters_are_refused);
    T_RUN(full_graph_is_refused);
    T_RUN(callback_must_record_the_same);
    T_RUN(inlined_graph_is_the_graph);
    T_RUN(inline_refuses);
    T_RUN(workspace_refuses);
    T_RUN(identity_graph_works);
    return T_END();
}
