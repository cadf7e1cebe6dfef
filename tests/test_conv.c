/* Ops on images: each against loops of its own in double, written from the definition over planes
 * [C][H][W], with dual numbers for tangents and differences for gradients; identities between
 * sweeps; goldens from PyTorch; and what recording refuses. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "../examples/common/nets.h"

enum { MOST = 2048, LANES = 20, MAX_THETA = 4700 };

static double memory[1 << 22];

static ebim_real real(double x) { return (ebim_real)x; }

/* A number and its derivative */
typedef struct jet {
    double v, d;
} jet;

typedef enum which { CONV, TRANSPOSED, MAX_POOL, AVERAGE, REPEAT, BILINEAR, TO_DEPTH, FROM_DEPTH,
                     WINDOW, JOINED, WHICH } which;

static const char *const names[WHICH] = {
    "conv", "conv_transposed", "max_pool", "average_pool", "repeat", "bilinear", "space_to_depth",
    "depth_to_space", "window", "concat"};

/* stride: of WINDOW the first column, padding its first row; out: its height */
typedef struct spec {
    which op;
    int C, H, W, out, kernel, stride, padding;
    int fn; /* an ebim_fn */
} spec;

static const spec cases[] = {
    {CONV, 1, 5, 5, 2, 3, 1, 1, EBIM_FN_SILU},   {CONV, 3, 4, 7, 2, 3, 1, 0, EBIM_FN_IDENTITY},
    {CONV, 2, 7, 6, 5, 3, 2, 1, EBIM_FN_TANH},   {CONV, 2, 5, 5, 3, 1, 1, 0, EBIM_FN_SILU},
    {CONV, 1, 9, 9, 1, 4, 3, 2, EBIM_FN_SILU},   {CONV, 2, 3, 3, 2, 5, 1, 2, EBIM_FN_IDENTITY},
    {CONV, 2, 4, 4, 3, 4, 4, 0, EBIM_FN_SINE},   {CONV, 1, 2, 2, 2, 5, 3, 4, EBIM_FN_SILU},
    {CONV, 17, 3, 4, 18, 2, 1, 1, EBIM_FN_SILU},
    {CONV, 1, 9, 9, 2, 3, 1, 1, EBIM_FN_SILU},   /* more than EBIM__PAIRS places */
    {CONV, 16, 7, 6, 32, 3, 1, 1, EBIM_FN_SILU}, /* by patches, as are those of 16 channels below */
    {CONV, 16, 8, 9, 16, 3, 1, 0, EBIM_FN_IDENTITY}, {CONV, 16, 6, 7, 16, 3, 1, 2, EBIM_FN_TANH},
    {TRANSPOSED, 32, 6, 7, 16, 3, 1, 1, EBIM_FN_SILU},
    {TRANSPOSED, 16, 6, 6, 16, 3, 1, 0, EBIM_FN_IDENTITY},
    {TRANSPOSED, 16, 8, 9, 16, 3, 1, 2, EBIM_FN_SILU},
    {TRANSPOSED, 2, 3, 4, 3, 2, 2, 0, EBIM_FN_SILU},
    {TRANSPOSED, 1, 4, 4, 2, 3, 1, 1, EBIM_FN_TANH},
    {TRANSPOSED, 3, 3, 2, 2, 3, 2, 1, EBIM_FN_IDENTITY},
    {TRANSPOSED, 2, 2, 2, 1, 2, 4, 0, EBIM_FN_SILU}, /* pixels that no kernel reaches */
    {TRANSPOSED, 1, 1, 1, 4, 4, 1, 0, EBIM_FN_SILU},
    {MAX_POOL, 2, 4, 6, 0, 2, 2, 0, 0},          {MAX_POOL, 1, 5, 5, 0, 3, 1, 0, 0},
    {MAX_POOL, 3, 5, 4, 0, 2, 3, 0, 0},          {AVERAGE, 2, 4, 6, 0, 2, 2, 0, 0},
    {AVERAGE, 1, 5, 7, 0, 3, 2, 0, 0},           {REPEAT, 2, 2, 3, 0, 2, 0, 0, 0},
    {REPEAT, 1, 2, 2, 0, 3, 0, 0, 0},            {BILINEAR, 2, 3, 4, 0, 2, 0, 0, 0},
    {BILINEAR, 1, 1, 3, 0, 3, 0, 0, 0},          {TO_DEPTH, 3, 4, 6, 0, 2, 0, 0, 0},
    {TO_DEPTH, 1, 6, 3, 0, 3, 0, 0, 0},          {FROM_DEPTH, 8, 2, 3, 0, 2, 0, 0, 0},
    {WINDOW, 2, 5, 4, 3, 2, 1, 1, 0},            {WINDOW, 2, 3, 3, 7, 6, -2, -1, 0},
    {WINDOW, 1, 4, 4, 3, 9, 2, -2, 0},           {JOINED, 3, 3, 2, 2, 0, 0, 0, 0}};
enum { CASES = sizeof cases / sizeof *cases };

/* --------------------------------- the definition, in double --------------------------------- */

typedef struct image {
    int C, H, W;
    jet p[MOST];
} image;

static jet *pixel(image *m, int c, int y, int x) { return &m->p[(c * m->H + y) * m->W + x]; }

static jet at(image *m, int c, int y, int x) /* zeros all around */
{
    jet none = {0, 0};
    return y < 0 || x < 0 || y >= m->H || x >= m->W ? none : *pixel(m, c, y, x);
}

static void shape(image *z, int C, int H, int W)
{
    memset(z, 0, sizeof *z);
    z->C = C;
    z->H = H;
    z->W = W;
}

static jet activated(int fn, jet a)
{
    jet r = a;
    double s = 1 / (1 + exp(-a.v));
    if (fn == EBIM_FN_SILU) {
        r.v = a.v * s;
        r.d = a.d * (s + a.v * s * (1 - s));
    } else if (fn == EBIM_FN_TANH) {
        r.v = tanh(a.v);
        r.d = a.d * (1 - r.v * r.v);
    } else if (fn == EBIM_FN_SINE) {
        r.v = sin(a.v);
        r.d = a.d * cos(a.v);
    }
    return r;
}

static double weight(const spec *s, const double *theta, int small, int ky, int kx, int large)
{
    int L = s->op == CONV ? s->C : s->out;
    return theta[((small * s->kernel + ky) * s->kernel + kx) * L + large];
}

static int weights(const spec *s)
{
    return s->op > TRANSPOSED ? 0 : s->C * s->out * s->kernel * s->kernel;
}

static void convolve(const spec *s, const double *theta, image *a, image *z)
{
    int o, y, x, c, i, j, k = s->kernel;
    for (o = 0; o < z->C; o++)
        for (y = 0; y < z->H; y++)
            for (x = 0; x < z->W; x++) {
                jet sum = {0, 0};
                for (c = 0; c < a->C; c++)
                    for (i = 0; i < k; i++)
                        for (j = 0; j < k; j++) {
                            jet p = at(a, c, y * s->stride - s->padding + i,
                                       x * s->stride - s->padding + j);
                            double w = weight(s, theta, o, i, j, c);
                            sum.v += w * p.v;
                            sum.d += w * p.d;
                        }
                *pixel(z, o, y, x) = sum;
            }
}

/* Each pixel of a adds its kernel to z, as transposed convolutions are explained. */
static void spread(const spec *s, const double *theta, image *a, image *z)
{
    int o, y, x, c, i, j, k = s->kernel;
    for (c = 0; c < a->C; c++)
        for (y = 0; y < a->H; y++)
            for (x = 0; x < a->W; x++)
                for (o = 0; o < z->C; o++)
                    for (i = 0; i < k; i++)
                        for (j = 0; j < k; j++) {
                            int v = y * s->stride - s->padding + i;
                            int u = x * s->stride - s->padding + j;
                            double w = weight(s, theta, c, i, j, o);
                            if (v < 0 || u < 0 || v >= z->H || u >= z->W) continue;
                            pixel(z, o, v, u)->v += w * pixel(a, c, y, x)->v;
                            pixel(z, o, v, u)->d += w * pixel(a, c, y, x)->d;
                        }
}

static void pool(const spec *s, image *a, image *z)
{
    int c, y, x, i, j, k = s->kernel;
    for (c = 0; c < z->C; c++)
        for (y = 0; y < z->H; y++)
            for (x = 0; x < z->W; x++) {
                jet best = *pixel(a, c, y * s->stride, x * s->stride), sum = {0, 0};
                for (i = 0; i < k; i++)
                    for (j = 0; j < k; j++) {
                        jet p = *pixel(a, c, y * s->stride + i, x * s->stride + j);
                        if (p.v > best.v) best = p;
                        sum.v += p.v / (k * k);
                        sum.d += p.d / (k * k);
                    }
                *pixel(z, c, y, x) = s->op == MAX_POOL ? best : sum;
            }
}

static void enlarge(const spec *s, image *a, image *z)
{
    int c, y, x;
    for (c = 0; c < z->C; c++)
        for (y = 0; y < z->H; y++)
            for (x = 0; x < z->W; x++) {
                double v = z->H > 1 ? y * (a->H - 1.0) / (z->H - 1) : 0, fv = v - floor(v);
                double u = z->W > 1 ? x * (a->W - 1.0) / (z->W - 1) : 0, fu = u - floor(u);
                int i = (int)floor(v), j = (int)floor(u);
                jet p = at(a, c, i, j), q = at(a, c, i, j + 1), r = at(a, c, i + 1, j);
                jet t = at(a, c, i + 1, j + 1), m;
                m.v = (1 - fv) * ((1 - fu) * p.v + fu * q.v) + fv * ((1 - fu) * r.v + fu * t.v);
                m.d = (1 - fv) * ((1 - fu) * p.d + fu * q.d) + fv * ((1 - fu) * r.d + fu * t.d);
                *pixel(z, c, y, x) = s->op == BILINEAR ? m
                                   : *pixel(a, c, y / s->kernel, x / s->kernel);
            }
}

static void rearrange(const spec *s, image *a, image *z)
{
    int c, y, x, k = s->kernel;
    for (c = 0; c < z->C; c++)
        for (y = 0; y < z->H; y++)
            for (x = 0; x < z->W; x++)
                *pixel(z, c, y, x) =
                    s->op == TO_DEPTH ? *pixel(a, c % a->C, y * k + c / a->C / k,
                                               x * k + c / a->C % k)
                  : s->op == FROM_DEPTH ? *pixel(a, (y % k * k + x % k) * z->C + c, y / k, x / k)
                  : at(a, c, y + s->padding, x + s->stride);
}

static void define(const spec *s, const double *theta, image *a, image *z)
{
    int k = s->kernel, cut = k - 2 * s->padding, i, p, c;
    switch (s->op) {
    case CONV:
        shape(z, s->out, (s->H - cut) / s->stride + 1, (s->W - cut) / s->stride + 1);
        convolve(s, theta, a, z);
        break;
    case TRANSPOSED:
        shape(z, s->out, (s->H - 1) * s->stride + cut, (s->W - 1) * s->stride + cut);
        spread(s, theta, a, z);
        break;
    case MAX_POOL: case AVERAGE:
        shape(z, s->C, (s->H - k) / s->stride + 1, (s->W - k) / s->stride + 1);
        pool(s, a, z);
        break;
    case REPEAT: case BILINEAR:
        shape(z, s->C, s->H * k, s->W * k);
        enlarge(s, a, z);
        break;
    case TO_DEPTH: shape(z, s->C * k * k, s->H / k, s->W / k); rearrange(s, a, z); break;
    case FROM_DEPTH: shape(z, s->C / k / k, s->H * k, s->W * k); rearrange(s, a, z); break;
    case WINDOW: shape(z, s->C, s->out, s->kernel); rearrange(s, a, z); break;
    default: /* the operand beside its first `out` channels, twice */
        shape(z, s->C + s->out, s->H, s->W);
        for (i = 0; i < s->C * s->H * s->W; i++) z->p[i] = a->p[i];
        for (p = 0; p < s->out * s->H * s->W; p++, i++) {
            z->p[i].v = 2 * a->p[p].v;
            z->p[i].d = 2 * a->p[p].d;
        }
    }
    for (c = 0; c < z->C && weights(s); c++)
        for (i = 0; i < z->H * z->W; i++) {
            jet *q = &z->p[c * z->H * z->W + i];
            q->v += theta[weights(s) + c];
            *q = activated(s->fn, *q);
        }
}

/* ----------------------------------- the ops of the header ----------------------------------- */

static ebim_ref record(ebim_graph *g, ebim_ref x, void *user)
{
    const spec *s = (const spec *)user;
    ebim_ref a = ebim_image(g, x, s->C, s->H, s->W), z = 0;
    switch (s->op) {
    case CONV: z = ebim_conv(g, a, s->out, s->kernel, s->stride, s->padding, (ebim_fn)s->fn); break;
    case TRANSPOSED:
        z = ebim_conv_transposed(g, a, s->out, s->kernel, s->stride, s->padding, (ebim_fn)s->fn);
        break;
    case MAX_POOL: z = ebim_max_pool(g, a, s->kernel, s->stride); break;
    case AVERAGE: z = ebim_average_pool(g, a, s->kernel, s->stride); break;
    case REPEAT: z = ebim_upsample(g, a, s->kernel, 0); break;
    case BILINEAR: z = ebim_upsample(g, a, s->kernel, 1); break;
    case TO_DEPTH: z = ebim_space_to_depth(g, a, s->kernel); break;
    case FROM_DEPTH: z = ebim_depth_to_space(g, a, s->kernel); break;
    case WINDOW: z = ebim_window(g, a, s->padding, s->stride, s->out, s->kernel); break;
    default:
        z = ebim_image(g, ebim_slice(g, x, 0, s->out * s->H * s->W), s->out, s->H, s->W);
        z = ebim_concat(g, a, ebim_scale(g, z, 2));
    }
    return ebim_planes(g, z);
}

typedef struct problem {
    spec s;
    ebim_graph g;
    ebim_ws w;
    int n, k, B;
    double theta[MAX_THETA];
    double x[LANES][MOST], t[LANES][MOST], u[LANES][MOST], v[LANES][MOST]; /* u, v: y-bar, v_1 */
    ebim_real grad[MAX_THETA];
} problem;

static problem p;

static int set_up(const spec *s, int B)
{
    ebim_arena a;
    ebim_rng r;
    int i, l;
    ebim_arena_init(&a, memory, sizeof memory);
    ebim_rng_init(&r, T_SEED, 1);
    p.s = *s;
    p.B = B;
    p.n = s->C * s->H * s->W;
    if (!CHECK_INT(ebim_record(&p.g, &a, p.n, record, &p.s), EBIM_OK)) return 0;
    p.k = ebim_outputs(&p.g);
    if (!CHECK_INT(ebim_ws_init(&p.w, &a, &p.g, LANES, 1), EBIM_OK)) return 0;
    if (!CHECK(p.g.n_theta <= MAX_THETA && p.k <= MOST)) return 0;
    ebim_init_theta(&p.g, T_SEED);
    for (i = 0; i < p.g.n_theta; i++) {
        if (weights(s)) p.g.theta[i] *= 2; /* others have constants */
        p.theta[i] = (double)p.g.theta[i];
        p.grad[i] = 0;
    }
    for (l = 0; l < B; l++) {
        int32_t order[MOST]; /* numbers that are apart: no maximum changes within a difference */
        for (i = 0; i < p.n; i++) order[i] = i;
        ebim_rng_shuffle(&r, p.n, order);
        for (i = 0; i < p.n; i++) p.x[l][i] = 3.0 * order[i] / p.n - 1.5;
        for (i = 0; i < p.n; i++) p.x[l][i] = (double)real(p.x[l][i]);
        for (i = 0; i < p.n; i++) p.t[l][i] = (double)ebim_rng_normal(&r);
        for (i = 0; i < p.k; i++) p.u[l][i] = (double)ebim_rng_normal(&r);
        for (i = 0; i < p.k; i++) p.v[l][i] = (double)ebim_rng_normal(&r);
    }
    return 1;
}

static void define_at(const double *theta, const double *x, const double *t, image *z)
{
    static image a;
    int i;
    shape(&a, p.s.C, p.s.H, p.s.W);
    for (i = 0; i < p.n; i++) {
        a.p[i].v = x[i];
        a.p[i].d = t[i];
    }
    define(&p.s, theta, &a, z);
}

static void put(ebim_real *rows, int n, double from[][MOST])
{
    int i, l;
    for (i = 0; i < n; i++)
        for (l = 0; l < p.w.stride; l++) /* what stands beside the lanes in use means nothing */
            rows[i * p.w.stride + l] = l < p.B ? real(from[l][i]) : 7;
}

/* <u, F(x)> + <v, J(x) t> of lane l */
static double loss(const double *theta, const double *x, int l)
{
    static image z;
    double sum = 0;
    int i;
    define_at(theta, x, p.t[l], &z);
    for (i = 0; i < p.k; i++) sum += p.u[l][i] * z.p[i].v + p.v[l][i] * z.p[i].d;
    return sum;
}

/* A derivative by differences of fourth order; *c is changed and put back */
static double difference(double *c, const double *theta, const double *x, int l)
{
    static const double OFFSET[4] = {1, -1, 2, -2}, WEIGHT[4] = {8, -8, -1, 1};
    const double h = 1e-3, at_first = *c;
    double sum = 0;
    int q;
    for (q = 0; q < 4; q++) {
        *c = at_first + h * OFFSET[q];
        sum += WEIGHT[q] * loss(theta, x, l);
    }
    *c = at_first;
    return sum / (12 * h);
}

static double slack(void) { return T_EPS * 64 * (16 + p.n) + 1e-8; }

static void sweep(void)
{
    put(ebim_ws_x(&p.w), p.n, p.x);
    ebim_forward(&p.w, p.B, 2);
    put(ebim_ws_xt(&p.w, 1), p.n, p.t);
    ebim_jvp(&p.w, 1, 1);
    put(ebim_ws_yg(&p.w, 1), p.k, p.v);
    ebim_vjp(&p.w, 1, 1);
    put(ebim_ws_yg(&p.w, 0), p.k, p.u);
    ebim_backward(&p.w, 1, p.grad);
}

static void check_values_and_tangents(void)
{
    static image z;
    const int st = p.w.stride;
    double worst = 0, dual = 0, identity = 0;
    int i, l;
    for (l = 0; l < p.B; l++) {
        double left = 0, right = 0, size = 0;
        define_at(p.theta, p.x[l], p.t[l], &z);
        CHECK_INT(z.C * z.H * z.W, p.k);
        for (i = 0; i < p.k; i++) {
            double got = (double)ebim_ws_yt(&p.w, 1)[i * st + l];
            worst = fmax(worst, fabs((double)ebim_ws_y(&p.w)[i * st + l] - z.p[i].v));
            dual = fmax(dual, fabs(got - z.p[i].d));
            left += p.v[l][i] * got;
            size += fabs(p.v[l][i] * got);
        }
        for (i = 0; i < p.n; i++) right += (double)ebim_ws_xg(&p.w, 1)[i * st + l] * p.t[l][i];
        identity = fmax(identity, fabs(left - right) / (1 + size));
    }
    CHECK_NEAR(worst, 0, slack());
    CHECK_NEAR(dual, 0, slack());
    CHECK_NEAR(identity, 0, 64 * T_EPS);
}

static void check_gradients(void)
{
    int q, i, l, step = p.n > 400 ? 151 : p.n > 40 ? 7 : 1;
    for (l = 0; l < p.B; l += 3)
        for (i = 0; i < p.n; i += step)
            if (!CHECK_NEAR(ebim_ws_xg(&p.w, 0)[i * p.w.stride + l],
                            difference(&p.x[l][i], p.theta, p.x[l], l), 8 * slack()))
                return;
    step = p.g.n_theta > 2000 ? 397 : p.g.n_theta > 60 ? 11 : 1;
    for (q = 0; q < p.g.n_theta; q += step) {
        double want = 0;
        for (l = 0; l < p.B; l++) want += difference(&p.theta[q], p.theta, p.x[l], l);
        if (!CHECK_NEAR(p.grad[q], want, 8 * p.B * slack())) return;
    }
}

static void every_op_is_its_definition(void)
{
    static const int lanes[3] = {5, 1, LANES};
    int i, q;
    for (i = 0; i < CASES; i++)
        for (q = 0; q < (T_QUICK ? 1 : 3); q++) {
            int bad = t__.bad;
            if (!set_up(&cases[i], lanes[q])) return;
            sweep();
            check_values_and_tangents();
            check_gradients();
            if (t__.bad > bad) {
                printf("  %s, case %d, %d lanes\n", names[cases[i].op], i, lanes[q]);
                return;
            }
        }
}

#include "golden/conv.h"

/* Number of a weight in PyTorch's order where ours is q: the small image's channel, ky, kx, the
 * large one's */
static int torch_order(const spec *s, int q)
{
    int kk = s->kernel * s->kernel, L = s->op == CONV ? s->C : s->out;
    int small = q / (kk * L), offset = q / L % kk, large = q % L;
    return q < weights(s) ? (small * L + large) * kk + offset : q;
}

static void agrees_with_pytorch(void)
{
    const double *at = torch_numbers;
    size_t c;
    for (c = 0; c < sizeof torch_cases / sizeof *torch_cases; c++) {
        const int n = torch_cases[c].x, t = torch_cases[c].theta, k = torch_cases[c].y;
        const spec *s = &torch_cases[c].s;
        const double *u = at + n + t, *y = u + k, *gx = y + k, *gt = gx + n;
        double worst = 0;
        int i, bad = t__.bad;
        if (!set_up(s, 1) || !CHECK(p.n == n && p.k == k && (!t || p.g.n_theta == t))) return;
        for (i = 0; i < t; i++) p.g.theta[i] = real(at[n + torch_order(s, i)]);
        for (i = 0; i < n; i++) p.x[0][i] = at[i];
        for (i = 0; i < k; i++) p.u[0][i] = u[i];
        put(ebim_ws_x(&p.w), n, p.x);
        ebim_forward(&p.w, 1, 1);
        put(ebim_ws_yg(&p.w, 0), k, p.u);
        ebim_backward(&p.w, 0, p.grad);
        for (i = 0; i < k; i++)
            worst = fmax(worst, fabs((double)ebim_ws_y(&p.w)[i * p.w.stride] - y[i]));
        for (i = 0; i < n; i++)
            worst = fmax(worst, fabs((double)ebim_ws_xg(&p.w, 0)[i * p.w.stride] - gx[i]));
        for (i = 0; i < t; i++)
            worst = fmax(worst, fabs((double)p.grad[i] - gt[torch_order(s, i)]));
        CHECK_NEAR(worst, 0, 64 * T_EPS);
        if (t__.bad > bad) printf("  %s, golden case %d\n", names[s->op], (int)c);
        at = gt + t;
    }
    CHECK_INT(at - torch_numbers, sizeof torch_numbers / sizeof *torch_numbers - 1);
}

/* A net that goes down and up again, with a joined copy, as nets for images do; wide: layers by
 * patches of unlike sizes, one behind the other and beside another reader */
static ebim_ref record_net(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref a = ebim_image(g, x, 1, 6, 6), b, c;
    if (*(const int *)user) {
        a = ebim_conv(g, a, 16, 3, 1, 1, EBIM_FN_SILU);
        b = ebim_conv(g, ebim_conv(g, a, 32, 3, 1, 1, EBIM_FN_SILU), 16, 3, 1, 1, EBIM_FN_SILU);
        b = ebim_conv(g, b, 16, 3, 1, 1, EBIM_FN_SILU);
        b = ebim_conv(g, ebim_add(g, ebim_conv(g, a, 16, 3, 1, 0, EBIM_FN_IDENTITY),
                                  ebim_window(g, b, 1, 1, 4, 4)), 16, 3, 1, 2, EBIM_FN_SILU);
        b = ebim_conv(g, ebim_concat(g, a, b), 16, 3, 1, 1, EBIM_FN_IDENTITY);
        return ebim_sub(g, x, ebim_planes(g, ebim_conv(g, b, 1, 1, 1, 0, EBIM_FN_IDENTITY)));
    }
    a = ebim_conv(g, ebim_space_to_depth(g, a, 2), 5, 3, 1, 1, EBIM_FN_SILU);
    b = ebim_conv(g, a, 5, 3, 1, 1, EBIM_FN_SILU);
    b = ebim_add(g, a, ebim_conv(g, b, 5, 3, 1, 1, EBIM_FN_IDENTITY));
    c = ebim_conv_transposed(g, ebim_max_pool(g, b, 2, 1), 3, 2, 1, 0, EBIM_FN_SILU);
    c = ebim_conv_transposed(g, c, 3, 3, 1, 1, EBIM_FN_SILU);
    c = ebim_conv(g, ebim_concat(g, c, b), 4, 1, 1, 0, EBIM_FN_IDENTITY);
    return ebim_sub(g, x, ebim_planes(g, ebim_depth_to_space(g, c, 2)));
}

enum { NET = 36, ROWS = 7 }; /* of that net */

/* Where the gradient of parameters is asked for, adjoints pass from layer to layer at once, and a
 * workspace for tangents alone keeps no values before a layer's function: the same numbers. */
static void check_other_ways(ebim_ws *w, ebim_arena *a, const ebim_real *x, const ebim_real *t,
                             const ebim_real *v, const ebim_real *jt, const ebim_real *vj)
{
    static ebim_real grad[30000], got[ROWS * NET];
    double back = 0, tangent = 0;
    ebim_ws forward;
    int i, l;
    for (l = 0; l < ROWS; l++)
        for (i = 0; i < NET; i++) {
            ebim_ws_x(w)[i * w->stride + l] = x[l * NET + i];
            ebim_ws_yg(w, 0)[i * w->stride + l] = v[l * NET + i];
        }
    ebim_forward(w, ROWS, 1);
    ebim_backward(w, 0, grad);
    for (l = 0; l < ROWS; l++)
        for (i = 0; i < NET; i++)
            back = fmax(back, fabs((double)ebim_ws_xg(w, 0)[i * w->stride + l] -
                                   (double)vj[l * NET + i]));
    CHECK_NEAR(back, 0, 64 * T_EPS);
    CHECK_INT(ebim__ws_for(&forward, a, w->g, 16, 1, EBIM__FOR_JVP), EBIM_OK);
    ebim_eval_jvp(&forward, ROWS, x, t, got);
    for (i = 0; i < ROWS * NET; i++) tangent = fmax(tangent, fabs((double)got[i] - (double)jt[i]));
    CHECK_NEAR(tangent, 0, 64 * T_EPS);
}

static void check_net(int wide)
{
    static ebim_real x[ROWS * NET], t[ROWS * NET], v[ROWS * NET], y[2][ROWS * NET];
    static ebim_real jt[ROWS * NET], vj[ROWS * NET];
    const double h = sizeof(ebim_real) == 8 ? 1e-5 : 1e-2;
    ebim_arena a;
    ebim_graph g;
    ebim_ws w;
    ebim_rng r;
    double left = 0, right = 0, worst = 0, size = 0;
    int i, q;
    ebim_arena_init(&a, memory, sizeof memory);
    ebim_rng_init(&r, T_SEED, 2);
    CHECK_INT(ebim_record(&g, &a, NET, record_net, &wide), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 16, 1), EBIM_OK);
    ebim_init_theta(&g, T_SEED);
    for (i = 0; i < ROWS * NET; i++) {
        x[i] = ebim_rng_normal(&r);
        t[i] = ebim_rng_normal(&r);
        v[i] = ebim_rng_normal(&r);
    }
    ebim_eval_jvp(&w, ROWS, x, t, jt);
    ebim_eval_vjp(&w, ROWS, x, v, vj);
    for (i = 0; i < ROWS * NET; i++) {
        left += (double)v[i] * (double)jt[i];
        right += (double)vj[i] * (double)t[i];
        size += fabs((double)v[i] * (double)jt[i]);
    }
    CHECK_NEAR(left, right, 64 * T_EPS * size);
    check_other_ways(&w, &a, x, t, v, jt, vj);
    for (q = 0; q < 2; q++) {
        static ebim_real moved[ROWS * NET];
        for (i = 0; i < ROWS * NET; i++) moved[i] = x[i] + real((q ? h : -h)) * t[i];
        ebim_eval(&w, ROWS, moved, y[q]);
    }
    for (i = 0; i < ROWS * NET; i++)
        worst = fmax(worst, fabs(((double)y[1][i] - (double)y[0][i]) / (2 * h) - (double)jt[i]));
    CHECK_NEAR(worst, 0, sizeof(ebim_real) == 8 ? 1e-6 : 2e-2); /* the maximum may change sides */
}

static void nets_of_layers(void)
{
    check_net(0);
    check_net(1);
}

/* Lanes do not see one another, nor how many there are. */
static void check_lanes(int wide)
{
    enum { N = 36, B = 20 };
    static ebim_real x[B * N], y[B * N], one[N];
    ebim_arena a;
    ebim_graph g;
    ebim_ws w, single;
    ebim_rng r;
    double worst = 0;
    int i, l;
    ebim_arena_init(&a, memory, sizeof memory);
    ebim_rng_init(&r, T_SEED, 3);
    CHECK_INT(ebim_record(&g, &a, N, record_net, &wide), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 32, EBIM_WS_VALUES), EBIM_OK);
    CHECK_INT(ebim_ws_init(&single, &a, &g, 1, EBIM_WS_VALUES), EBIM_OK);
    ebim_init_theta(&g, T_SEED);
    for (i = 0; i < B * N; i++) x[i] = ebim_rng_normal(&r);
    ebim_eval(&w, B, x, y);
    for (l = 0; l < B; l++) {
        ebim_eval(&single, 1, x + l * N, one);
        for (i = 0; i < N; i++)
            worst = fmax(worst, fabs((double)one[i] - (double)y[l * N + i]));
    }
    CHECK_NEAR(worst, 0, 64 * T_EPS);
}

static void lanes_are_apart(void)
{
    check_lanes(0);
    check_lanes(1);
}

/* Squares beside the numbers themselves, of a vector */
static ebim_ref record_twice(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_concat(g, ebim_apply(g, x, EBIM_FN_SQUARE), x);
}

typedef enum kind { INLINED, DENSE, BROADCAST, UNLIKE } kind;

static ebim_ref record_kind(ebim_graph *g, ebim_ref x, void *user)
{
    double one = 1;
    kind k = *(const kind *)user;
    ebim_ref a = ebim_image(g, x, 1, 2, 2);
    static double twice_memory[64];
    ebim_arena arena;
    ebim_graph twice;
    ebim_arena_init(&arena, twice_memory, sizeof twice_memory);
    if (k == DENSE) return ebim_concat(g, a, ebim_dense(g, a, 4, EBIM_FN_IDENTITY));
    if (k == UNLIKE) return ebim_add(g, a, ebim_image(g, x, 2, 1, 2));
    if (k == BROADCAST)
        return ebim_max_pool(g, ebim_sub(g, ebim_constant(g, 1, &one), a), 2, 1);
    CHECK_INT(ebim_record(&twice, &arena, 4, record_twice, NULL), EBIM_OK);
    return ebim_inline(g, &twice, a, 0);
}

/* To the bit, but under -ffast-math and, where a sum over planes is one of several products, beyond
 * rounding */
static int apart(ebim_real a, ebim_real b, int rounded)
{
#ifdef __FAST_MATH__
    rounded = 1;
#endif
    if (!rounded) return memcmp(&a, &b, sizeof a) != 0;
    return !(fabs((double)a - (double)b) <= 256 * T_EPS * (1 + fabs((double)b)));
}

/* Values, tangents, adjoints and the gradient of a layer of one image: [0] alone, [1] the first of
 * 16 */
static int image_strays(const ebim_graph *g, ebim_arena *a)
{
    ebim_real *grad[2];
    ebim_ws w[2];
    ebim_rng r;
    int q, i, n = ebim_inputs(g), k = ebim_outputs(g), strays = 0, S;
    for (q = 0; q < 2; q++) {
        grad[q] = (ebim_real *)ebim_arena_push(a, (size_t)g->n_theta, sizeof **grad);
        if (!CHECK_INT(ebim_ws_init(&w[q], a, g, q ? 16 : 1, 1), EBIM_OK)) return 1;
        CHECK_INT(w[q].stride, q ? 16 : 1);
        S = w[q].stride;
        ebim_rng_init(&r, T_SEED, 12);
        for (i = 0; i < n; i++) ebim_ws_x(&w[q])[i * S] = ebim_rng_normal(&r);
        for (i = 0; i < n; i++) ebim_ws_xt(&w[q], 1)[i * S] = ebim_rng_normal(&r);
        for (i = 0; i < k; i++) ebim_ws_yg(&w[q], 0)[i * S] = ebim_rng_normal(&r);
        for (i = 0; i < k; i++) ebim_ws_yg(&w[q], 1)[i * S] = ebim_rng_normal(&r);
        ebim_forward(&w[q], 1, 2);
        ebim_jvp(&w[q], 1, 1);
        ebim_vjp(&w[q], 1, 1);
        ebim_backward(&w[q], 1, grad[q]);
    }
    for (i = 0; i < k; i++) {
        strays += apart(ebim_ws_y(&w[0])[i], ebim_ws_y(&w[1])[i * 16], 0);
        strays += apart(ebim_ws_yt(&w[0], 1)[i], ebim_ws_yt(&w[1], 1)[i * 16], 0);
    }
    for (i = 0; i < n; i++)
        for (q = 0; q < 2; q++)
            strays += apart(ebim_ws_xg(&w[0], q)[i], ebim_ws_xg(&w[1], q)[i * 16], 0);
    for (i = 0; i < g->n_theta; i++) strays += apart(grad[0][i], grad[1][i], 1);
    return strays;
}

/* One image alone takes other ways than one among others, by blocks of weights: it gives the same,
 * whatever strides, paddings and numbers of channels. */
static void one_image_alone(void)
{
    static const spec more[] = {
        {CONV, 5, 6, 7, 33, 3, 1, 1, EBIM_FN_SILU}, {CONV, 70, 4, 5, 16, 3, 1, 1, EBIM_FN_SILU},
        {CONV, 16, 9, 9, 64, 3, 2, 1, EBIM_FN_SILU}, {CONV, 3, 2, 40, 66, 3, 1, 1, EBIM_FN_TANH},
        {TRANSPOSED, 66, 4, 4, 20, 3, 2, 1, EBIM_FN_SILU},
        {TRANSPOSED, 16, 5, 4, 80, 2, 2, 0, EBIM_FN_SILU},
        {TRANSPOSED, 2, 3, 36, 1, 4, 3, 0, EBIM_FN_SILU}};
    enum { MORE = sizeof more / sizeof *more };
    int q, i;
    for (q = 0; q < CASES + MORE; q++) {
        const spec *s = q < CASES ? &cases[q] : &more[q - CASES];
        ebim_graph g;
        ebim_arena a;
        ebim_rng r;
        spec copy = *s;
        if (!weights(s)) continue;
        ebim_arena_init(&a, memory, sizeof memory);
        if (!CHECK_INT(ebim_record(&g, &a, s->C * s->H * s->W, record, &copy), EBIM_OK)) return;
        ebim_rng_init(&r, T_SEED, 13);
        for (i = 0; i < g.n_theta; i++) g.theta[i] = ebim_rng_normal(&r);
        if (!CHECK_INT(image_strays(&g, &a), 0)) printf("    case %d\n", q);
    }
}

/* An image stays one beside a single number; what a dense layer makes is a vector, whatever its
 * size; a graph means the same at an image as at a vector. */
static void what_is_an_image(void)
{
    static const double want[3][8] = {
        {1, 4, 9, 16, 1, 2, 3, 4}, {1, 2, 3, 4, 0, 0, 0, 0}, {0}};
    static const int sizes[3] = {8, 8, 1};
    ebim_real x[4] = {1, 2, 3, 4}, y[8];
    int i, q;
    for (q = INLINED; q <= UNLIKE; q++) {
        ebim_arena a;
        ebim_graph g;
        ebim_ws w;
        kind k = (kind)q;
        ebim_arena_init(&a, memory, sizeof memory);
        if (!CHECK_INT(ebim_record(&g, &a, 4, record_kind, &k),
                       q == UNLIKE ? EBIM_ERR_SHAPE : EBIM_OK) || q == UNLIKE) continue;
        if (!CHECK_INT(ebim_outputs(&g), sizes[q])) continue;
        for (i = 0; i < g.n_theta && q == DENSE; i++) g.theta[i] = 0;
        CHECK_INT(ebim_ws_init(&w, &a, &g, 1, EBIM_WS_VALUES), EBIM_OK);
        ebim_eval(&w, 1, x, y);
        for (i = 0; i < sizes[q]; i++) CHECK_NEAR(y[i], want[q][i], 0);
    }
}

static void refused(const spec *s, ebim_result why)
{
    ebim_graph g;
    ebim_arena a;
    spec copy = *s;
    ebim_arena_init(&a, memory, sizeof memory);
    CHECK_INT(ebim_record(&g, &a, s->C * s->H * s->W, record, &copy), why);
}

static void wrong_shapes_are_refused(void)
{
    static const spec bad[] = {
        {CONV, 1, 3, 3, 1, 4, 1, 0, 0},      {CONV, 1, 3, 3, 0, 3, 1, 0, 0},
        {CONV, 1, 3, 3, 1, 0, 1, 0, 0},      {CONV, 1, 3, 3, 1, 3, 0, 0, 0},
        {CONV, 2, 3, 3, 1, INT_MIN, 1, 0, 0}, /* whose square times 2 is too large to be formed */
        {CONV, 1, 3, 3, 1, 3, 1, 3, 0},      {CONV, 1, 3, 3, 1, 3, 1, -1, 0},
        {CONV, 1, 3, 3, 1 << 29, 3, 1, 1, 0}, {TRANSPOSED, 1, 1, 1, 1, 3, 1, 2, 0},
        {TRANSPOSED, 1, 3, 3, 0, 3, 1, 0, 0}, {MAX_POOL, 1, 3, 3, 0, 4, 1, 0, 0},
        {MAX_POOL, 1, 3, 3, 0, 2, 0, 0, 0},  {AVERAGE, 1, 3, 3, 0, 0, 1, 0, 0},
        {AVERAGE, 1, 3, 3, 0, 2, 0, 0, 0},   {REPEAT, 1, 3, 3, 0, 0, 0, 0, 0},
        {BILINEAR, 1, 3, 3, 0, -1, 0, 0, 0}, {TO_DEPTH, 1, 3, 4, 0, 2, 0, 0, 0},
        {FROM_DEPTH, 3, 3, 3, 0, 2, 0, 0, 0}, {WINDOW, 1, 3, 3, 0, 3, 0, 0, 0},
        {WINDOW, 1, 3, 3, 2, 2, 3, 0, 0},    {WINDOW, 1, 3, 3, 2, 2, 0, -2, 0}};
    static const spec power = {CONV, 1, 3, 3, 1, 3, 1, 1, EBIM_FN_POW};
    ebim_graph g;
    ebim_ref x;
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++) refused(&bad[i], EBIM_ERR_SHAPE);
    refused(&power, EBIM_ERR_ARG);
    x = ebim__start(&g, NULL, 12);
    CHECK_INT(ebim_image(&g, x, 2, 3, 3), 0);
    CHECK_INT(g.failed, EBIM_ERR_SHAPE);
    CHECK_INT(ebim_window(&g, x, 0, 0, 1, 1), 0); /* of a graph that has failed */
}

static void weights_are_seen(void)
{
    static const spec down = {CONV, 3, 4, 4, 2, 3, 1, 1, 0};
    static const spec up = {TRANSPOSED, 3, 4, 4, 2, 2, 2, 0, 0};
    ebim_tensor W, b;
    if (!set_up(&down, 1)) return;
    CHECK_INT(ebim_weights(&p.g, 3, &W, &b), EBIM_OK);
    CHECK(ebim_tensor_at(&W, 1, 2, 0, 1) == p.g.theta + ((1 * 3 + 2) * 3 + 0) * 3 + 1);
    CHECK(ebim_tensor_at(&b, 1, 0, 0, 0) == p.g.theta + 54 + 1);
    if (!set_up(&up, 1)) return;
    CHECK_INT(ebim_weights(&p.g, 3, &W, &b), EBIM_OK);
    CHECK(ebim_tensor_at(&W, 2, 1, 0, 1) == p.g.theta + ((2 * 2 + 1) * 2 + 0) * 2 + 1);
    CHECK(ebim_tensor_at(&b, 1, 0, 0, 0) == p.g.theta + 24 + 1);
    CHECK_INT(ebim_weights(&p.g, 2, &W, &b), EBIM_ERR_ARG);
}

/* 768 outputs by 17.8 million multiply-adds an image, as the paper's U-Net has; its values do not
 * depend on the block they are in. */
static void the_unet_of_the_paper(void)
{
    static ebim_real x[2 * 784], y[2 * 768], one[768];
    double multiply_adds = 0, worst = 0;
    ebim_arena a;
    ebim_graph g;
    ebim_rng r;
    ebim_ws w;
    int i;
    ebim_arena_init(&a, memory, sizeof memory);
    if (!CHECK_INT(ebim_record(&g, &a, 784, nets_unet, NULL), EBIM_OK)) return;
    CHECK_INT(ebim_outputs(&g), 768);
    for (i = 1; i < g.n_nodes; i++) {
        const ebim__node *nd = &g.node[i], *in = &g.node[nd->a];
        const ebim__node *at = nd->op == EBIM__OP_CONV ? nd : in;
        if (nd->op != EBIM__OP_CONV && nd->op != EBIM__OP_DECONV) continue;
        multiply_adds += (double)at->H * at->W * nd->kernel * nd->kernel * nd->C * in->C;
    }
    CHECK_NEAR(multiply_adds / 1e6, 17.8, 0.05);
    if (T_QUICK) return;
    ebim_rng_init(&r, T_SEED, 4);
    ebim_init_theta(&g, T_SEED);
    for (i = 0; i < 2 * 784; i++) x[i] = ebim_rng_uniform(&r);
    for (i = 0; i < 2; i++) {
        size_t used = a.used;
        CHECK_INT(ebim_ws_init(&w, &a, &g, 1 + i, EBIM_WS_VALUES), EBIM_OK);
        if (i) ebim_eval(&w, 2, x, y);
        else ebim_eval(&w, 1, x + 784, one);
        a.used = used;
    }
    for (i = 0; i < 768; i++) worst = fmax(worst, fabs((double)y[768 + i] - (double)one[i]));
    CHECK_NEAR(worst, 0, 256 * T_EPS);
}

static ebim_ref record_line(ebim_graph *g, ebim_ref in, void *user)
{
    (void)user;
    return ebim_dense(g, in, 1, EBIM_FN_IDENTITY);
}

/* More tangents than EBIM__PAIRS: each of them adds 1 to both slopes of a line. */
static void many_tangents_of_a_layer(void)
{
    enum { PLANES = EBIM__PAIRS + 6 };
    ebim_real grad[3] = {0, 0, 0};
    ebim_arena a;
    ebim_graph g;
    ebim_ws w;
    int q, i;
    ebim_arena_init(&a, memory, sizeof memory);
    CHECK_INT(ebim_record(&g, &a, 2, record_line, NULL), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1, PLANES), EBIM_OK);
    for (i = 0; i < 2; i++) ebim_ws_x(&w)[i * w.stride] = real(3 + i);
    ebim_forward(&w, 1, 2);
    for (q = 1; q <= PLANES; q++)
        for (i = 0; i < 2; i++) ebim_ws_xt(&w, q)[i * w.stride] = 1;
    ebim_jvp(&w, 1, PLANES);
    for (q = 0; q <= PLANES; q++) ebim_ws_yg(&w, q)[0] = 1;
    ebim_vjp(&w, 1, PLANES);
    ebim_backward(&w, PLANES, grad);
    for (i = 0; i < 2; i++) CHECK_NEAR(grad[i], 3 + i + PLANES, 0);
}

/* Of equal numbers the first is taken: the whole gradient is its own. */
static void ties_are_the_first(void)
{
    spec s = {MAX_POOL, 1, 2, 2, 0, 2, 2, 0, EBIM_FN_IDENTITY};
    ebim_real x[4] = {1, 2, 2, 2}, v = 3, g[4];
    ebim_arena a;
    ebim_graph graph;
    ebim_ws w;
    int i;
    ebim_arena_init(&a, memory, sizeof memory);
    CHECK_INT(ebim_record(&graph, &a, 4, record, &s), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &graph, 1, 1), EBIM_OK);
    ebim_eval_vjp(&w, 1, x, &v, g);
    for (i = 0; i < 4; i++) CHECK_NEAR(g[i], i == 1 ? 3 : 0, 0);
}

static void numbers_that_are_none_stay(void)
{
    ebim_real x[4] = {1, real(t_nan()), 2, 3}, y;
    spec s = {MAX_POOL, 1, 2, 2, 0, 2, 2, 0, 0};
    ebim_arena a;
    ebim_graph g;
    ebim_ws w;
    ebim_arena_init(&a, memory, sizeof memory);
    CHECK_INT(ebim_record(&g, &a, 4, record, &s), EBIM_OK);
    CHECK_INT(ebim_ws_init(&w, &a, &g, 1, EBIM_WS_VALUES), EBIM_OK);
    ebim_eval(&w, 1, x, &y);
    CHECK(!t_finite((double)y));
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(every_op_is_its_definition);
    T_RUN(agrees_with_pytorch);
    T_RUN(nets_of_layers);
    T_RUN(lanes_are_apart);
    T_RUN(one_image_alone);
    T_RUN(what_is_an_image);
    T_RUN(wrong_shapes_are_refused);
    T_RUN(weights_are_seen);
    T_RUN(the_unet_of_the_paper);
    T_RUN(many_tangents_of_a_layer);
    T_RUN(ties_are_the_first);
    T_RUN(numbers_that_are_none_stay);
    return T_END();
}
