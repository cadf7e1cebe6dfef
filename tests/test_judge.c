/* What a manifold is worth, and the choice among networks. F is exact and never a distance; data
 * are where the tests put them. Shares and volumes are checked to 5 standard errors (false alarms
 * 6e-7 each); roots come in pairs on a line, so the variance of a share is up to twice that of
 * independent points. Everything else is exact but for rounding. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"
#include "t.h"
#include "surfaces.h"

#define PI 3.14159265358979323846

enum { ROOM = 1000, MOST_N = 9 };

typedef struct shape { /* a map in other units: unit * f(x / unit) */
    ebim_record_fn f;
    const double *user;
    double unit;
} shape;

static struct {
    ebim_graph F, rival;
    ebim_judge_desc d;
    ebim_judgement j;
    double lo[MOST_N], hi[MOST_N];
    ebim_real data[ROOM * MOST_N], held[ROOM * MOST_N];
    ebim_arena a;
} s;

/* Warped product over circles (cx, cy, r) at user; ends with r = 0. */
static ebim_ref circles(ebim_graph *g, ebim_ref x, void *user)
{
    const double *c = (const double *)user;
    ebim_ref y = minus(g, ebim_sumsq(g, ebim_affine(g, x, c, 1)), c[2] * c[2]);
    for (c += 3; c[2] > 0; c += 3)
        y = ebim_mul(g, y, minus(g, ebim_sumsq(g, ebim_affine(g, x, c, 1)), c[2] * c[2]));
    return warp(g, x, y);
}

/* The same zeros, other slopes. */
static ebim_ref steeper(ebim_graph *g, ebim_ref x, void *user)
{
    return ebim_scale(g, warp(g, x, circles(g, x, user)), -3);
}

/* (|x|^2 - 1) ((|x|^2 - 9)^2 + 1): |F| has a valley round |x| = 3 without a zero in it */
static ebim_ref valley(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref r2 = ebim_sumsq(g, x), v = minus(g, r2, 9);
    (void)user;
    return ebim_mul(g, minus(g, r2, 1), minus(g, ebim_mul(g, v, v), -1));
}

static ebim_ref cross(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_mul(g, ebim_slice(g, x, 0, 1), ebim_slice(g, x, 1, 1));
}

static ebim_ref slanted(ebim_graph *g, ebim_ref x, void *user) /* y - 0.2 x */
{
    (void)user;
    return ebim_sub(g, ebim_slice(g, x, 1, 1), ebim_scale(g, ebim_slice(g, x, 0, 1), 0.2));
}

static ebim_ref never_zero(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return minus(g, ebim_sumsq(g, x), -1);
}

/* A closed curve in space: u = x^2 + y^2 + 0.3 z - 1 = 0 and v = z - 0.4 x y = 0; the outputs are
 * u, warped, and v + 0.3 u. */
static ebim_ref curve(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref z = ebim_slice(g, x, 2, 1);
    ebim_ref xy = ebim_mul(g, ebim_slice(g, x, 0, 1), ebim_slice(g, x, 1, 1));
    ebim_ref u = minus(g, ebim_add(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)),
                                   ebim_scale(g, z, 0.3)), 1);
    ebim_ref v = ebim_sub(g, z, ebim_scale(g, xy, 0.4));
    (void)user;
    return ebim_concat(g, warp(g, x, u), ebim_add(g, v, ebim_scale(g, u, 0.3)));
}

/* The circle |x| = 1 of the first two coordinates of R^4, with slopes 2, 0.5 and 3. */
static ebim_ref ring(ebim_graph *g, ebim_ref x, void *user)
{
    ebim_ref y = minus(g, ebim_sumsq(g, ebim_slice(g, x, 0, 2)), 1);
    (void)user;
    y = ebim_concat(g, y, ebim_scale(g, ebim_slice(g, x, 2, 1), 0.5));
    return ebim_concat(g, y, ebim_scale(g, ebim_slice(g, x, 3, 1), 3));
}

static ebim_ref shaped(ebim_graph *g, ebim_ref x, void *user)
{
    const shape *h = (const shape *)user;
    ebim_ref z = ebim_scale(g, x, 1 / h->unit);
    return ebim_scale(g, h->f(g, z, (void *)(uintptr_t)h->user), h->unit);
}

static int map(ebim_graph *g, int n, ebim_record_fn f, const double *user, double unit)
{
    shape h;
    h.f = f;
    h.user = user;
    h.unit = unit;
    return CHECK_INT(ebim_record(g, &s.a, n, shaped, &h), EBIM_OK);
}

/* A scene with nothing but a map F and a box of half edge `half` (not quite a cube). */
static int scene(int n, ebim_record_fn f, const double *user, double half)
{
    int i;
    memset(&s, 0, sizeof s);
    ebim_arena_init(&s.a, memory, sizeof memory);
    for (i = 0; i < n; i++) {
        s.lo[i] = -half - 0.013 * i;
        s.hi[i] = half + 0.017 * (i + 1);
    }
    s.d.lo = s.lo;
    s.d.hi = s.hi;
    s.d.data = s.data;
    s.d.held = s.held;
    s.d.scale = 1;
    s.d.seed = T_SEED;
    s.d.points = T_QUICK ? 500 : 2000;
    return map(&s.F, n, f, user, 1);
}

/* count points of a circle from an angle on, `turn` all in all. */
static void arc(ebim_real *x, int count, const double *c, double from, double turn)
{
    int i;
    for (i = 0; i < count; i++) {
        x[2 * i] = (ebim_real)(c[0] + c[2] * cos(from + turn * i / count));
        x[2 * i + 1] = (ebim_real)(c[1] + c[2] * sin(from + turn * i / count));
    }
}

/* n_data points of the circle, and n_held half way between some of them */
static void ring_of_data(const double *c, int n_data, int n_held)
{
    s.d.n_data = n_data;
    s.d.n_held = n_held;
    arc(s.data, n_data, c, 0, 2 * PI);
    arc(s.held, n_held, c, PI / n_data, 2 * PI * n_held / n_data);
}

static ebim_result judged_in(const ebim_graph *F, const ebim_judge_desc *d, size_t less,
                             ebim_judgement *j)
{
    ebim_arena a;
    ebim_result r;
    void *mem;
    size_t bytes;
    ebim_arena_init(&a, NULL, 0);
    r = ebim_judge(F, &a, d, j);
    if (r) return r;
    bytes = ebim_arena_bytes(&a) - less;
    mem = malloc(bytes);
    ebim_arena_init(&a, mem, bytes);
    r = ebim_judge(F, &a, d, j);
    free(mem);
    return r;
}

static int judged(void) { return CHECK_INT(judged_in(&s.F, &s.d, 0, &s.j), EBIM_OK); }

static ebim_real seen[2000][2]; /* points of M that were looked at, where a test asks for them */

static void share_is(double share, double truth)
{
    CHECK_NEAR(share, truth, 5 * sqrt(2 * truth * (1 - truth) / s.j.points));
}

/* The one NaN that means: not known */
static int is_nan(double x)
{
    double nan = t_nan();
    return !memcmp(&x, &nan, sizeof x);
}

/* Nothing but these bits, and shares but those that go with them are zero. */
static void verdict_is(int bits)
{
    CHECK_INT(s.j.verdict, bits);
    if (!(bits & EBIM_VERDICT_MISSED)) CHECK_NEAR(s.j.missed, 0, 0);
    if (!(bits & EBIM_VERDICT_SINGULAR)) CHECK_NEAR(s.j.singular, 0, 0);
    if (!s.d.rival) CHECK(is_nan(s.j.disputed)); /* nobody was asked */
    else if (!(bits & EBIM_VERDICT_DISPUTED)) CHECK_NEAR(s.j.disputed, 0, 0);
    if (!s.j.components) CHECK(is_nan(s.j.empty));
    else if (!(bits & EBIM_VERDICT_EMPTY)) CHECK_NEAR(s.j.empty, 0, 0);
    if (!(bits & EBIM_VERDICT_RIM)) CHECK_NEAR(s.j.rim, 0, 0);
}

static const double one[6] = {0.1, -0.2, 1.5, 0, 0, 0};
static const double two[9] = {-1, 0, 0.9, 1.2, 0, 0.3, 0, 0, 0}; /* 3 : 1 by length */
static const double large[6] = {-1, 0, 0.9, 0, 0, 0};            /* the first of them */

/* ---- one bit after the other ---- */

/* Held-out points off the circle by 0.0002 r i, i = 0 .. 100, half way between data: all lengths
 * are known. |dF| = 2 r e^(x0 / 2): its 1 % quantile is at the left end but for 5 standard errors
 * of the share of points below it. */
static void good_circle(void)
{
    double r = one[2], off = 0.0002 * r, far = r + 99 * off, reach, least, share;
    int i, c;
    if (!scene(2, circles, one, 2.2)) return;
    ring_of_data(one, 500, 101);
    s.d.scale = r;
    s.d.rim = 0.3;
    for (i = 0; i < 101; i++)
        for (c = 0; c < 2; c++)
            s.held[2 * i + c] += (ebim_real)(((double)s.held[2 * i + c] - one[c]) * 0.0002 * i);
    if (!judged()) return;
    verdict_is(EBIM_VERDICT_LOOSE); /* the median is 0.01 */
    CHECK_NEAR(s.j.volume, 2 * PI * r, 5 * s.j.volume_se);
    CHECK(s.j.volume_se > 0 && s.j.volume_se < 0.08 * s.j.volume);
    CHECK_NEAR(s.j.components, 1, 0);
    CHECK_INT(s.j.points, s.d.points);
    CHECK_NEAR(s.j.checked, 101, 0);
    CHECK_NEAR(s.j.distance_mean, 50 * off, 32 * T_EPS);
    CHECK_NEAR(s.j.distance_median, 50 * off, 32 * T_EPS);
    CHECK_NEAR(s.j.distance_q99, 99 * off, 32 * T_EPS);
    CHECK_NEAR(s.j.distance_max, 100 * off, 32 * T_EPS);
    reach = 2 * sqrt(far * far + r * r - 2 * far * r * cos(PI / 500));
    CHECK_NEAR(s.j.reach, reach, 1e3 * T_EPS);
    CHECK_NEAR(s.j.remote, 0, 0);
    least = 2 * r * exp((one[0] - r) / 2);
    share = 0.01 + 5 * sqrt(2 * 0.01 * 0.99 / s.j.points);
    CHECK((double)s.j.sigma >= least * (1 - 64 * T_EPS));
    CHECK((double)s.j.sigma <= 2 * r * exp((one[0] - r * cos(PI * share)) / 2));
}

/* No data on 1 radian of the circle, nor held-out points: M is out of reach there but for both its
 * ends. Data are missing, but M is as it should be: nothing against it. */
static void far_is_the_gap(void)
{
    double turn = 2 * PI - 1, step = turn / 90, r = one[2], reach = 4 * r * sin(step / 4);
    int i, j, far = 0;
    if (!scene(2, circles, one, 2.2)) return;
    s.d.n_data = 90;
    s.d.n_held = 40;
    s.d.u = seen[0];
    arc(s.data, 90, one, 0, turn);
    arc(s.held, 40, one, step / 2, 40 * step);
    if (!judged()) return;
    verdict_is(0);
    CHECK_NEAR(s.j.reach, reach, 64 * T_EPS);
    share_is(s.j.remote, (1 + step - 4 * asin(reach / (2 * r))) / (2 * PI));
    for (i = 0; i < s.j.points; i++) {
        double least = 1e9;
        for (j = 0; j < 90; j++)
            least = fmin(least, ebim__square_distance(2, seen[i], s.data + 2 * j));
        far += sqrt(least) > reach;
    }
    CHECK_NEAR(s.j.remote, (double)far / s.j.points, 1.5 / s.j.points);
}

/* All held-out points off by `all` of the scale, one in 50 by `few`. */
static void check_off(double all, double few, int bits)
{
    double r = one[2];
    int i, c;
    if (!scene(2, circles, one, 2.2)) return;
    ring_of_data(one, 500, 200);
    s.d.scale = r;
    for (i = 0; i < 200; i++)
        for (c = 0; c < 2; c++) {
            double x = (double)s.held[2 * i + c] - one[c];
            s.held[2 * i + c] = (ebim_real)(one[c] + x * (1 + (i % 50 ? all : few)));
        }
    if (!judged()) return;
    verdict_is(bits);
    CHECK_NEAR(s.j.distance_mean, r * (0.98 * all + 0.02 * few), 64 * T_EPS);
}

static void data_off(void)
{
    check_off(0.05, 0.05, EBIM_VERDICT_OFF | EBIM_VERDICT_LOOSE);
    check_off(0.031, 0.031, EBIM_VERDICT_OFF | EBIM_VERDICT_LOOSE);
    check_off(0.029, 0.029, EBIM_VERDICT_LOOSE);
    check_off(0.0041, 0.0041, EBIM_VERDICT_LOOSE);
    check_off(0.0039, 0.0039, 0);
    check_off(0.001, 0.11, EBIM_VERDICT_OFF | EBIM_VERDICT_LOOSE); /* the mean is 0.003 */
    check_off(0.001, 0.09, EBIM_VERDICT_LOOSE);
    check_off(0.001, 0.0061, EBIM_VERDICT_LOOSE); /* by the 0.99 quantile */
    check_off(0.001, 0.0059, 0);
}

/* Held-out points in the valley find no way out; 1 % of them are allowed. */
static void check_missed(int many, int bits)
{
    static const double unit[3] = {0, 0, 1};
    int i;
    if (!scene(2, valley, NULL, 3.5)) return;
    ring_of_data(unit, 500, 200);
    for (i = 0; i < many; i++) {
        s.held[2 * i] = (ebim_real)(3 * cos(i));
        s.held[2 * i + 1] = (ebim_real)(3 * sin(i));
    }
    if (!judged()) return;
    CHECK_INT(s.j.verdict, bits);
    CHECK_NEAR(s.j.missed, many, 0);
    CHECK_NEAR(s.j.checked, 200, 0);
    if (many < 200) CHECK_NEAR(s.j.distance_max, 0, 64 * T_EPS); /* of those that got there */
    else CHECK(is_nan(s.j.distance_max) && is_nan(s.j.distance_mean));
}

static void data_missed(void)
{
    check_missed(10, EBIM_VERDICT_MISSED);
    check_missed(3, EBIM_VERDICT_MISSED);
    check_missed(2, 0);
    check_missed(200, EBIM_VERDICT_MISSED);
}

/* The share of the points seen that are closer to 0 than a bound. */
static double share_within(double bound)
{
    int i, within = 0, B = s.j.points;
    for (i = 0; i < B; i++) within += hypot((double)seen[i][0], (double)seen[i][1]) < bound;
    return (double)within / B;
}

static double median_distance(void)
{
    double lo = 0, hi = 2, mid;
    while ((mid = (lo + hi) / 2) > lo && mid < hi) {
        if (share_within(mid) > 0.5) hi = mid;
        else lo = mid;
    }
    return lo;
}

/* x y = 0: |dF| is |x| or |y|, uniform on (0, 1) over the points, its median 1/2 (within
 * 1/(2 sqrt(points/2))), 0.075 of them below 0.15 of it; the 1 % quantile is 0.01. */
static void crossing(void)
{
    double slack, N;
    int i;
    if (!scene(2, cross, NULL, 1)) return;
    for (i = 0; i < 2; i++) {
        s.lo[i] = -1;
        s.hi[i] = 1;
    }
    s.d.n_data = 1000;
    s.d.n_held = 200;
    for (i = 0; i < 1000; i++) s.data[2 * i + i % 2] = (ebim_real)((i + 0.5) / 500 - 1);
    for (i = 0; i < 200; i++) s.held[2 * i + i % 2] = (ebim_real)((i + 0.6) / 100 - 1);
    s.d.u = seen[0];
    if (!judged()) return;
    N = s.j.points;
    verdict_is(EBIM_VERDICT_SINGULAR);
    slack = 5 * sqrt(2 * (0.075 * 0.925 + 0.15 * 0.15 / 4) / N);
    CHECK_NEAR(s.j.singular, 0.075, slack);
    CHECK_NEAR(s.j.singular, share_within(0.15 * median_distance()), 1.5 / N);
    CHECK_NEAR(share_within(s.j.sigma * (1 + 8 * T_EPS)), 0.01, 1.5 / N);
    CHECK_NEAR(s.j.sigma, 0.01, 5 * sqrt(2 * 0.01 * 0.99 / N));
    CHECK_NEAR(s.j.volume, 4, 5 * s.j.volume_se);
}

/* The rival lacks the small circle, a quarter of the length; or it is the same set by another F. */
static void disputes(void)
{
    int i;
    for (i = 0; i < 3; i++) { /* another F, a piece less, no rival */
        if (!scene(2, circles, two, 2.1)) return;
        s.d.n_data = s.d.n_held = 400;
        arc(s.data, 300, two, 0, 2 * PI);
        arc(s.data + 600, 100, two + 3, 0, 2 * PI);
        memcpy(s.held, s.data, sizeof s.held);
        if (!map(&s.rival, 2, i ? circles : steeper, i ? large : two, 1)) return;
        if (i < 2) s.d.rival = &s.rival;
        if (!judged()) return;
        verdict_is(i == 1 ? EBIM_VERDICT_DISPUTED : 0);
        if (i == 1) share_is(s.j.disputed, 0.25);
        CHECK_NEAR(s.j.components, 2, 0);
        CHECK_NEAR(s.j.fewest, 200, 0); /* of 400 rows, and as many held out: a quarter */
    }
}

/* Off the rival by a little less or more than 3 % of the scale. */
static void disputed_by_how_much(void)
{
    int i;
    for (i = 0; i < 2; i++) {
        double other[6] = {0.1, -0.2, 0, 0, 0, 0};
        if (!scene(2, circles, one, 2.2)) return;
        ring_of_data(one, 500, 200);
        s.d.scale = 2;
        other[2] = one[2] + (i ? 0.062 : 0.058);
        if (!map(&s.rival, 2, circles, other, 1)) return;
        s.d.rival = &s.rival;
        if (!judged()) return;
        verdict_is(i ? EBIM_VERDICT_DISPUTED : 0);
        CHECK_NEAR(s.j.disputed, i, 0);
    }
}

static void empty_piece(void)
{
    if (!scene(2, circles, two, 2.1)) return;
    ring_of_data(two, 500, 200);
    if (!judged()) return;
    verdict_is(EBIM_VERDICT_EMPTY);
    share_is(s.j.empty, 0.25);
    share_is(s.j.remote, 0.25);
    CHECK_NEAR(s.j.components, 2, 0);
    CHECK_NEAR(s.j.volume, 2.4 * PI, 5 * s.j.volume_se);
}

/* A box that M does not meet, the data being on M elsewhere; and an F without zeros. */
static void nowhere(void)
{
    int i;
    if (!scene(2, circles, one, 2)) return;
    ring_of_data(one, 500, 200);
    for (i = 0; i < 2; i++) {
        s.lo[i] = 3;
        s.hi[i] = 4;
    }
    if (!judged()) return;
    CHECK_INT(s.j.verdict, EBIM_VERDICT_NOWHERE | EBIM_VERDICT_MISSED); /* M ends at the walls */
    CHECK_NEAR(s.j.missed, 200, 0);
    CHECK_NEAR(s.j.points, 0, 0);
    CHECK_NEAR(s.j.volume, 0, 0);
    s.d.rival = &s.F; /* no part of M is undisputed */
    if (!judged()) return;
    CHECK_INT(s.j.verdict, EBIM_VERDICT_NOWHERE | EBIM_VERDICT_MISSED | EBIM_VERDICT_DISPUTED);
    if (!scene(2, never_zero, NULL, 2)) return;
    ring_of_data(one, 500, 200);
    if (!judged()) return;
    CHECK_INT(s.j.verdict, EBIM_VERDICT_NOWHERE | EBIM_VERDICT_MISSED);
    CHECK_NEAR(s.j.missed, 200, 0);
}

/* y = x / 5 on [-2, 2]: within 0.05 of the walls on 0.1 of 4. With rim 0 nobody looks. */
static void at_the_rim(void)
{
    int i, within = 0;
    if (!scene(2, slanted, NULL, 2)) return;
    s.lo[0] = -2;
    s.hi[0] = 2;
    s.d.n_data = s.d.n_held = 500;
    s.d.rim = 0.5;
    s.d.u = seen[0];
    for (i = 0; i < 500; i++) {
        s.data[2 * i] = (ebim_real)((i - 249.5) / 167);
        s.data[2 * i + 1] = s.data[2 * i] / 5;
    }
    memcpy(s.held, s.data, sizeof s.held);
    if (!judged()) return;
    verdict_is(EBIM_VERDICT_RIM);
    CHECK(!(s.j.verdict & EBIM_VERDICT_BAD));
    share_is(s.j.rim, 0.025);
    for (i = 0; i < s.j.points; i++) within += fabs((double)seen[i][0]) > 1.95;
    CHECK_NEAR(s.j.rim, (double)within / s.j.points, 1.5 / s.j.points);
    s.d.rim = 0;
    if (judged()) verdict_is(0);
}

/* Every bit has words and advice of its own, and the worst of several is told first: bits that
 * mean "do not trust it" come before those that do not. */
static void words(void)
{
    static const int worst_first[] = {32,  256,  1,    2,  4,    8,   16,
                                      512, 1024, 2048, 64, 16384, 4096, 128, 8192};
    int i, j, all = 0;
    CHECK_STR(ebim_verdict_str(0), "fine");
    CHECK_STR(ebim_verdict_advice(0), "");
    CHECK_INT(ebim_verdict_worst(0), 0);
    for (i = 14; i >= 0; i--) {
        int bit = worst_first[i];
        all |= bit;
        CHECK_INT(ebim_verdict_worst(all), bit);
        CHECK_STR(ebim_verdict_str(all), ebim_verdict_str(bit));
        CHECK_STR(ebim_verdict_advice(all), ebim_verdict_advice(bit));
        CHECK(strcmp(ebim_verdict_str(bit), "fine") && *ebim_verdict_advice(bit));
        CHECK_INT((bit & EBIM_VERDICT_BAD) != 0, i < 7);
        for (j = 0; j < i; j++)
            CHECK(strcmp(ebim_verdict_str(bit), ebim_verdict_str(worst_first[j])));
    }
    CHECK_INT(all, 32767);
    CHECK_INT(EBIM_VERDICT_BAD, 319);
    CHECK_STR(ebim_verdict_str(EBIM_VERDICT_MISSED | EBIM_VERDICT_RIM),
              "points of the data found no way to it");
}

/* ---- larger codimension ---- */

/* Of `curve`, at an angle: the point, its speed, and the smallest singular value of J there. */
static double curve_at(double t, double *x, double *speed)
{
    double q = 1 + 0.12 * cos(t) * sin(t), r = 1 / sqrt(q), dr = -0.06 * cos(2 * t) * r / q;
    double dx = dr * cos(t) - r * sin(t), dy = dr * sin(t) + r * cos(t), dz, A[3], B[3];
    double aa = 0, ab = 0, bb = 0, e;
    int c;
    x[0] = r * cos(t);
    x[1] = r * sin(t);
    x[2] = 0.4 * x[0] * x[1];
    dz = 0.4 * (dx * x[1] + x[0] * dy);
    *speed = sqrt(dx * dx + dy * dy + dz * dz);
    A[0] = 2 * x[0];
    A[1] = 2 * x[1];
    A[2] = 0.3;
    B[0] = -0.4 * x[1] + 0.3 * A[0];
    B[1] = -0.4 * x[0] + 0.3 * A[1];
    B[2] = 1 + 0.3 * A[2];
    e = exp(x[0] / 2);
    for (c = 0; c < 3; c++) {
        aa += e * e * A[c] * A[c];
        ab += e * A[c] * B[c];
        bb += B[c] * B[c];
    }
    return sqrt((aa + bb) / 2 - hypot((aa - bb) / 2, ab));
}

/* Length of `curve` and the share of it where the smallest singular value is below sigma. */
static double curve_length(double sigma, double *below)
{
    double x[3], speed, sum = 0;
    int i, N = 20000;
    *below = 0;
    for (i = 0; i < N; i++) {
        double v = curve_at(2 * PI * (i + 0.5) / N, x, &speed);
        sum += speed * 2 * PI / N;
        if (v < sigma) *below += speed * 2 * PI / N;
    }
    *below /= sum;
    return sum;
}

static void curve_in_space(void)
{
    double x[3], speed, below, length;
    int i, c;
    if (!scene(3, curve, NULL, 1.4)) return;
    s.d.n_data = s.d.n_held = 600;
    for (i = 0; i < 1200; i++) {
        curve_at(2 * PI * i / 1200, x, &speed);
        for (c = 0; c < 3; c++) (i % 2 ? s.held : s.data)[3 * (i / 2) + c] = (ebim_real)x[c];
    }
    if (!judged()) return;
    verdict_is(0);
    length = curve_length(s.j.sigma, &below);
    CHECK_NEAR(s.j.volume, length, 5 * s.j.volume_se);
    CHECK(s.j.volume_se > 0 && s.j.volume_se < 0.05 * length);
    CHECK_NEAR(below, 0.01, 5 * sqrt(0.01 * 0.99 / s.j.points));
    CHECK_NEAR(s.j.components, 1, 0);
    CHECK_NEAR(s.j.distance_max, 0, 64 * T_EPS);
    CHECK_NEAR(s.j.remote, 0, 0);
}

/* Where the data lie elsewhere, M is not measured, though they lead to it: no volume, no pieces,
 * and points from noise. Nearer to it, M is. */
static void data_elsewhere(void)
{
    static const double off[2] = {1.3, 1.05};
    double x[3], speed;
    int i, c, near_by;
    for (near_by = 0; near_by < 2; near_by++) {
        if (!scene(3, curve, NULL, 1.4)) return;
        s.d.n_data = s.d.n_held = 200;
        for (i = 0; i < 400; i++) {
            curve_at(2 * PI * i / 400, x, &speed);
            for (c = 0; c < 3; c++)
                (i % 2 ? s.held : s.data)[3 * (i / 2) + c] = (ebim_real)(off[near_by] * x[c]);
        }
        if (!judged()) return;
        CHECK(s.j.verdict & EBIM_VERDICT_OFF);
        CHECK(s.j.points > 0);
        CHECK_INT(t_finite(s.j.volume), near_by);
        CHECK_INT(s.j.components > 0, near_by);
    }
}

/* Three orthogonal rows of length 2, 1/2 and 3. */
static void ring_in_four_dimensions(void)
{
    int i;
    if (T_QUICK) T_SKIP("slow");
    if (!scene(4, ring, NULL, 1.3)) return;
    s.d.n_data = s.d.n_held = 500;
    for (i = 0; i < 500; i++) {
        s.data[4 * i] = (ebim_real)cos(2 * PI * i / 500);
        s.data[4 * i + 1] = (ebim_real)sin(2 * PI * i / 500);
    }
    memcpy(s.held, s.data, sizeof s.held);
    if (!judged()) return;
    verdict_is(0);
    CHECK_NEAR(s.j.volume, 2 * PI, 5 * s.j.volume_se);
    CHECK_NEAR(s.j.sigma, 0.5, 64 * T_EPS);
    CHECK_NEAR(s.j.components, 1, 0);
}

/* Columns of a: [k][k] made orthonormal, from normals. */
static void random_frame(ebim_rng *r, int k, double *a)
{
    int i, j, c;
    for (i = 0; i < k; i++) {
        double norm = 0;
        for (c = 0; c < k; c++) a[k * i + c] = (double)ebim_rng_normal(r);
        for (j = 0; j < 2 * i; j++) { /* twice: to rounding */
            double dot = 0;
            for (c = 0; c < k; c++) dot += a[k * i + c] * a[k * (j % i) + c];
            for (c = 0; c < k; c++) a[k * i + c] -= dot * a[k * (j % i) + c];
        }
        for (c = 0; c < k; c++) norm += a[k * i + c] * a[k * i + c];
        for (c = 0; c < k; c++) a[k * i + c] /= sqrt(norm);
    }
}

/* J of A'A - I at an orthogonal A has orthogonal rows, of length 2 for the diagonal and sqrt 2 for
 * the rest. Charts that grow from them measure both halves. */
static void orthogonal_group(void)
{
    double a[9], volume = 32 * sqrt(2.0) * 9.86960440108935861883;
    ebim_rng r;
    int i, c;
    if (!scene(9, orthogonal, NULL, 1.1)) return;
    s.d.points = 2000; /* of 500 one is alone in 3 % of the seeds, and counts as a piece */
    s.d.n_data = s.d.n_held = 300;
    ebim_rng_init(&r, T_SEED, 5);
    for (i = 0; i < 600; i++) {
        random_frame(&r, 3, a);
        for (c = 0; c < 9; c++) (i % 2 ? s.held : s.data)[9 * (i / 2) + c] = (ebim_real)a[c];
    }
    if (!judged()) return;
    verdict_is(0);
    CHECK_NEAR(s.j.volume, volume, 5 * s.j.volume_se);
    CHECK(s.j.volume_se < 0.01 * volume);
    CHECK_INT(s.j.components, 2);
    CHECK_INT(s.j.points, s.d.points);
    CHECK_NEAR(s.j.sigma, sqrt(2.0), 1e-3);
    CHECK_NEAR(s.j.distance_max, 0, 64 * T_EPS);
}

/* (|(x, y)|^2 - 1)(|(x, y)|^2 - 1/4) and z */
static ebim_ref two_rings(ebim_graph *g, ebim_ref x, void *user)
{
    const double outer = 1, inner = 0.25;
    ebim_ref r2 = ebim_sumsq(g, ebim_slice(g, x, 0, 2));
    ebim_ref a = ebim_affine(g, r2, &outer, 1), b = ebim_affine(g, r2, &inner, 1);
    (void)user;
    return ebim_concat(g, ebim_mul(g, a, b), ebim_slice(g, x, 2, 1));
}

/* Data on one of two rings in space: charts measure that one, noise finds the other. */
static void zeros_beyond_charts_are_told(void)
{
    int i;
    if (!scene(3, two_rings, NULL, 1.5)) return;
    s.d.n_data = s.d.n_held = 200;
    for (i = 0; i < 400; i++) {
        ebim_real *x = (i % 2 ? s.held : s.data) + 3 * (i / 2);
        x[0] = (ebim_real)cos(0.0157 * i);
        x[1] = (ebim_real)sin(0.0157 * i);
        x[2] = 0;
    }
    if (!judged()) return;
    CHECK_NEAR(s.j.volume, 6.28318530717958647692, 5 * s.j.volume_se);
    CHECK(s.j.empty > 0.1 && s.j.empty < 0.9);
    CHECK(s.j.verdict & EBIM_VERDICT_EMPTY);
}

/* Least eigenvalue of Q' diag(spectrum) Q, times `unit`. */
static void check_spectrum(int k, const double *spectrum, double unit)
{
    double Q[64], G[64], work[16], least = spectrum[0], most = 0;
    ebim_rng r;
    int draw, i, j, c;
    for (i = 0; i < k; i++) {
        least = fmin(least, spectrum[i]);
        most = fmax(most, fabs(spectrum[i]));
    }
    ebim_rng_init(&r, T_SEED, 6);
    for (draw = 0; draw < 20; draw++) {
        random_frame(&r, k, Q);
        for (i = 0; i < k; i++)
            for (j = 0; j < k; j++) {
                double sum = 0;
                for (c = 0; c < k; c++) sum += Q[k * c + i] * Q[k * c + j] * spectrum[c];
                G[k * i + j] = sum * unit;
            }
        CHECK_NEAR(ebim__least_eigenvalue(k, G, work) / unit, least, 64 * DBL_EPSILON * most);
    }
}

/* The same for many equations, H diag(spectrum) H with a reflection H: by inverse iteration */
static void least_of_many(void)
{
    enum { K = 30 };
    static const double least[5] = {0, 1e-9, 0.01, 0.5, 1};
    double G[K * K], v[K], work[2 * K];
    ebim_rng r;
    int i, j, q, t;
    ebim_rng_init(&r, T_SEED, 7);
    for (t = 0; t < 5; t++) {
        double square = 0;
        for (i = 0; i < K; i++) v[i] = (double)ebim_rng_normal(&r);
        for (i = 0; i < K; i++) square += v[i] * v[i];
        for (i = 0; i < K; i++)
            for (j = 0; j < K; j++) {
                double sum = 0;
                for (q = 0; q < K; q++)
                    sum += ((q == i) - 2 * v[i] * v[q] / square) * (q == 3 ? least[t] : 1 + q) *
                           ((q == j) - 2 * v[q] * v[j] / square);
                G[i * K + j] = sum;
            }
        CHECK_NEAR(ebim__least_eigenvalue(K, G, work), least[t], 1e-4 * least[t] + 1e-12);
    }
}

static void least_eigenvalues(void)
{
    static const double seven[1] = {7}, zero[6] = {0, 0, 0, 0, 0, 0}, below[2] = {-1, 2};
    static const double equal[4] = {2, 2, 2, 5}, rank[6] = {0, 0, 1, 2, 2, 3};
    static const double close[4] = {1, 1 + 1e-8, 1 + 2e-8, 3}, graded[4] = {1e-12, 1e-6, 1, 1e3};
    double G[16] = {0, 0, 0, 0, 0, 2, 1, 0, 0, 1, 2, 1, 0, 0, 1, 2}; /* 0 and 2, 2 +- sqrt 2 */
    double H[9] = {1e-18, 0, 0, 0, 2, 1, 0, 1, 2}, work[8];
    check_spectrum(1, seven, 1);
    check_spectrum(1, zero, 1);
    check_spectrum(2, below, 1);
    check_spectrum(4, equal, 1);
    check_spectrum(6, zero, 1);
    check_spectrum(6, rank, 1);
    check_spectrum(4, close, 1);
    check_spectrum(4, graded, 1);
    check_spectrum(6, rank, 1e-190); /* squares underflow */
    check_spectrum(6, rank, 1e190);  /* or overflow */
    check_spectrum(4, close, 1e-190);
    CHECK_NEAR(ebim__least_eigenvalue(4, G, work), 0, 1e-15);
    CHECK_NEAR(ebim__least_eigenvalue(3, H, work), 1e-18, 1e-30);
}

/* ---- units, memory, refusals ---- */

/* Two circles, data on the first, a rival that knows the first only, walls within reach. */
static int everything(double unit)
{
    int i;
    if (!scene(2, circles, two, 2.1)) return 0;
    ring_of_data(two, 500, 200);
    s.d.scale = unit;
    s.d.rim = unit;
    s.d.points = 500;
    s.d.rival = &s.rival;
    s.lo[0] = -1.93; /* cuts a bit off the first circle's left end: 0.03 are within 0.1 */
    for (i = 0; i < 2; i++) {
        s.lo[i] *= unit;
        s.hi[i] *= unit;
    }
    for (i = 0; i < 1000; i++) s.data[i] = (ebim_real)(unit * (double)s.data[i]);
    for (i = 0; i < 400; i++) s.held[i] = (ebim_real)(unit * 1.01 * (double)s.held[i]);
    return map(&s.F, 2, circles, two, unit) && map(&s.rival, 2, circles, large, unit);
}

/* Powers of two change no digit. With others a root may get lost at a wall, and the points that are
 * kept are others from there on. */
static void units(void)
{
    static const double unit[4] = {1000, 1e-3, 1024, 1 / 1024.0};
    ebim_judgement a;
    int i;
    if (!everything(1) || !judged()) return;
    a = s.j;
    CHECK_INT(a.verdict, EBIM_VERDICT_EMPTY | EBIM_VERDICT_DISPUTED | EBIM_VERDICT_RIM |
                             EBIM_VERDICT_LOOSE);
    for (i = 0; i < 4; i++) {
        double u = unit[i], few = i > 1 ? 0 : 5 * sqrt(4 * 0.25 * 0.75 / a.points);
        if (!everything(u) || !judged()) return;
        CHECK_INT(s.j.verdict, a.verdict);
        CHECK_NEAR(s.j.points, a.points, 0);
        CHECK_NEAR(s.j.missed, a.missed, 0);
        CHECK_NEAR(s.j.components, a.components, 0);
        CHECK_NEAR(s.j.empty, a.empty, few);
        CHECK_NEAR(s.j.disputed, a.disputed, few);
        CHECK_NEAR(s.j.rim, a.rim, few);
        CHECK_NEAR(s.j.remote, a.remote, few);
        CHECK_NEAR(s.j.singular, a.singular, few);
        CHECK_REL(s.j.sigma, a.sigma, i > 1 ? 1e-6 : 0.1);
        CHECK_REL(s.j.volume, u * a.volume, i > 1 ? 1e-6 : 1e-2);
        CHECK_REL(s.j.volume_se, u * a.volume_se, i > 1 ? 1e-6 : 1e-2);
        CHECK_REL(s.j.reach, u * a.reach, 1e-4);
        CHECK_REL(s.j.distance_mean, u * a.distance_mean, 1e-3);
    }
}

static void units_of_a_curve(void)
{
    static const double unit[3] = {1, 1000, 1e-3};
    ebim_judgement a;
    double x[3], speed;
    int q, i, c;
    if (T_QUICK) T_SKIP("slow");
    memset(&a, 0, sizeof a);
    for (q = 0; q < 3; q++) {
        double u = unit[q];
        if (!scene(3, curve, NULL, 1.4) || !map(&s.F, 3, curve, NULL, u)) return;
        s.d.scale = u;
        s.d.points = 300;
        s.d.n_data = s.d.n_held = 300;
        for (i = 0; i < 300; i++) {
            curve_at(2 * PI * i / 300, x, &speed);
            for (c = 0; c < 3; c++) s.held[3 * i + c] = s.data[3 * i + c] = (ebim_real)(u * x[c]);
        }
        for (c = 0; c < 3; c++) {
            s.lo[c] *= u;
            s.hi[c] *= u;
        }
        if (!judged()) return;
        verdict_is(0);
        if (!q) a = s.j;
        CHECK_REL(s.j.volume, u * a.volume, 0.05);
        CHECK_REL(s.j.sigma, a.sigma, 0.05);
        CHECK_NEAR(s.j.components, 1, 0);
    }
}

/* The same seed, the same bytes; another seed, other points of M, which are all on it. */
static void reproducible(void)
{
    static ebim_real u[3][500][2];
    ebim_judgement a;
    int q, b;
    for (q = 0; q < 3; q++) {
        if (!everything(1)) return;
        s.d.u = u[q][0];
        s.d.seed = T_SEED + (q == 2);
        if (!judged()) return;
        if (!q) a = s.j;
        if (q == 1) CHECK(!memcmp(&a, &s.j, sizeof a));
    }
    CHECK(!memcmp(u[0], u[1], sizeof u[0]));
    CHECK(memcmp(u[0], u[2], sizeof u[0]));
    for (b = 0; b < 500; b++) {
        double x = (double)u[0][b][0], y = (double)u[0][b][1];
        CHECK_NEAR(x < 0.4 ? hypot(x + 1, y) - 0.9 : hypot(x - 1.2, y) - 0.3, 0, 64 * T_EPS);
    }
    s.d.u = NULL; /* they are the judge's own business then */
    s.d.seed = T_SEED;
    if (judged()) CHECK(!memcmp(&a, &s.j, sizeof a));
}

static void check_memory(int rival)
{
    ebim_judgement j;
    s.d.rival = rival ? &s.F : NULL;
    s.d.points = 200;
    CHECK_INT(judged_in(&s.F, &s.d, 0, &j), EBIM_OK);
    CHECK_INT(judged_in(&s.F, &s.d, 1, &j), EBIM_ERR_MEMORY);
}

static void memory_is_measured(void)
{
    int rival;
    for (rival = 0; rival < 2; rival++) {
        if (!scene(2, circles, one, 2.2)) return;
        ring_of_data(one, 500, 200);
        check_memory(rival);
        if (!scene(3, curve, NULL, 1.4)) return;
        s.d.n_data = s.d.n_held = 1;
        s.data[0] = s.held[0] = 1;
        if (!T_QUICK) check_memory(rival);
        if (!scene(9, orthogonal, NULL, 1.1)) return;
        s.d.n_data = s.d.n_held = 1;
        s.data[0] = s.data[4] = s.data[8] = 1; /* a rotation, or charts would not be made */
        s.held[0] = s.held[4] = s.held[8] = 1;
        check_memory(rival);
    }
}

static ebim_ref as_many(ebim_graph *g, ebim_ref x, void *user)
{
    (void)user;
    return ebim_scale(g, x, 2);
}

static void check_refused(const ebim_graph *F, ebim_result want, int run_only)
{
    ebim_judgement j;
    ebim_arena a;
    static double mem[1 << 19];
    ebim_arena_init(&a, mem, sizeof mem);
    CHECK_INT(ebim_judge(F, &a, &s.d, &j), want);
    ebim_arena_init(&a, NULL, 0);
    CHECK_INT(ebim_judge(F, &a, &s.d, &j), run_only ? EBIM_OK : want);
}

static void refuses(void)
{
    ebim_graph square, space;
    int i;
    for (i = 0; i < 9; i++) {
        if (!scene(2, circles, one, 2.2)) return;
        ring_of_data(one, 100, 50);
        s.d.points = 100;
        CHECK_INT(ebim_record(&square, &s.a, 2, as_many, NULL), EBIM_OK);
        CHECK_INT(ebim_record(&space, &s.a, 3, never_zero, NULL), EBIM_OK);
        switch (i) {
        case 0: s.d.lo = NULL; break;
        case 1: s.d.hi = NULL; break;
        case 2: s.d.data = NULL; break;
        case 3: s.d.n_data = 0; break;
        case 4: s.d.held = NULL; break;
        case 5: s.d.hi = s.d.lo; break;
        case 6: s.d.points = -1; break;
        case 7: s.d.rival = &space; break;
        default: break;
        }
        check_refused(i == 8 ? &square : &s.F,
                      i < 2 ? EBIM_ERR_BOX : i < 4 ? EBIM_ERR_POINTS : EBIM_ERR_ARG, i < 6);
    }
}

/* Too few points to tell components by. */
static void few_points(void)
{
    int q;
    for (q = 0; q < 2; q++) {
        if (!scene(2, circles, two, 2.1)) return;
        ring_of_data(two, 500, 200);
        s.d.points = q ? 100 : 99;
        if (!judged()) return;
        CHECK_NEAR(s.j.points, s.d.points, 0);
        CHECK_INT(s.j.components > 0, q);
        CHECK_INT(s.j.verdict, q ? EBIM_VERDICT_EMPTY : 0);
        share_is(s.j.remote, 0.25);
    }
}

/* More than components can be told by: the first of them stand for all. */
static void many_points(void)
{
    if (T_QUICK) T_SKIP("slow");
    if (!scene(2, circles, two, 2.1)) return;
    ring_of_data(two + 3, 100, 50); /* all on the smaller one */
    s.d.points = 5000;
    if (!judged()) return;
    verdict_is(EBIM_VERDICT_EMPTY);
    CHECK_NEAR(s.j.points, 5000, 0);
    CHECK_NEAR(s.j.components, 2, 0);
    share_is(s.j.empty, 0.75);
}

/* Without held-out points the data take their place: a datum's neighbour is another one then. */
static void nothing_held_out(void)
{
    if (!scene(2, circles, one, 2.2)) return;
    ring_of_data(one, 300, 0);
    s.d.held = NULL;
    if (!judged()) return;
    verdict_is(0);
    CHECK_NEAR(s.j.checked, 300, 0);
    CHECK_NEAR(s.j.distance_max, 0, 64 * T_EPS);
    CHECK_NEAR(s.j.reach, 4 * one[2] * sin(PI / 300), 64 * T_EPS);
    CHECK_NEAR(s.j.remote, 0, 0);
}

/* ---- the choice among networks ---- */

enum { N = 256, SMALL = 40, WIDE = 8 };

/* 20 steps a network, 30 from the third on. In R^8 points of M come from noise, which takes a tenth
 * of the time that lines do. */
static ebim_fit_desc describe(int networks)
{
    ebim_fit_desc d;
    memset(&d, 0, sizeof d);
    d.dim = WIDE - 1;
    d.effort = 0.005;
    d.seed = T_SEED;
    d.networks = networks;
    d.no_energy = 1;
    return d;
}

static int fitted(ebim_model *m, int count, const ebim_real *x, const ebim_fit_desc *d)
{
    ebim_result r = ebim_fit(m, count, d->dim + 1, x, d);
    return CHECK(r == EBIM_OK || r == EBIM_ERR_SOLVE) && CHECK(m->owned != NULL);
}

static int same_theta(const ebim_graph *a, const ebim_graph *b)
{
    return a->n_theta == b->n_theta &&
           !memcmp(a->theta, b->theta, (size_t)a->n_theta * sizeof *a->theta);
}

static const ebim_real *sphere(int count)
{
    static ebim_real x[N * WIDE];
    ebim_rng r;
    int i;
    ebim_rng_init(&r, T_SEED, 8);
    for (i = 0; i < count; i++) ebim_rng_sphere(&r, WIDE, x + WIDE * i);
    return x;
}

/* A candidate whose training is over: an exact F, judged by itself. */
static int candidate(ebim__contest *f, int i, ebim_record_fn fn, const double *user, ebim_real *u)
{
    ebim__candidate *c = &f->c[i];
    ebim_judge_desc jd;
    memset(c, 0, sizeof *c);
    c->rival = -1;
    c->u = u;
    if (!map(&c->F, 2, fn, user, 1)) return 0;
    ebim__judge_of(f->rows, EBIM__FIT_POINTS, u, &jd);
    return CHECK_INT(judged_in(&c->F, &jd, 0, &c->j), EBIM_OK);
}

enum { CONTEST = 1 << 23 }; /* bytes that one may take */

/* 600 rows on the first of two circles, for networks to be compared on */
static int contest(ebim__contest *f, ebim__rows *rows, const ebim_fit_desc *d, void *mem)
{
    if (!scene(2, circles, two, 2.1)) return 0;
    ring_of_data(two, 600, 0);
    memset(f, 0, sizeof *f);
    memset(rows, 0, sizeof *rows);
    rows->d = d;
    rows->N = 600;
    rows->n = 2;
    rows->k = 1;
    rows->held = 120;
    rows->z = s.data;
    rows->lo = s.lo;
    rows->hi = s.hi;
    f->rows = rows;
    ebim_arena_init(&f->scratch[0], mem, CONTEST);
    return 1;
}

/* Of the circle and a spurious one, the circle, and the circle to the side: the second. What the
 * first has too much no other one has; the third agrees with none. */
static void choice(void)
{
    static const double aside[6] = {-0.95, 0, 0.9, 0, 0, 0};
    static ebim_real u[3][EBIM__FIT_POINTS * 2];
    static ebim__contest f;
    static ebim__rows rows;
    ebim_fit_desc d = describe(0);
    void *mem = malloc(CONTEST);
    if (!contest(&f, &rows, &d, mem)) return;
    if (!candidate(&f, 0, circles, two, u[0]) || !candidate(&f, 1, steeper, large, u[1]) ||
        !candidate(&f, 2, circles, aside, u[2]))
        return;
    f.count = 3;
    CHECK_INT(ebim__contest_choose(&f), 1);
    CHECK_INT(f.best, 1);
    CHECK_INT(f.c[1].rival, 0);
    CHECK_NEAR(f.c[1].j.disputed, 0, 0);
    s.j.points = EBIM__FIT_POINTS;
    share_is(f.c[0].j.disputed, 0.25);
    CHECK(f.c[2].j.disputed > 0.3);
    CHECK(f.c[0].score > f.c[1].score + 0.3 && f.c[2].score > f.c[1].score + 0.3);
    f.c[1].r = EBIM_ERR_DIVERGED; /* then the other is better, and not good */
    CHECK_INT(ebim__contest_choose(&f), 0);
    CHECK_INT(f.best, 0);
    f.c[1].r = EBIM_OK;
    f.c[1].j.points = 0; /* without points it is nobody's rival, and worst */
    CHECK_INT(ebim__contest_choose(&f), 0);
    CHECK_INT(f.best, 2); /* which lacks less of the first than the first has too much */
    CHECK_INT(f.c[0].rival, -1); /* the third lies off the data and cannot vouch for it */
    CHECK_NEAR(f.c[0].j.disputed, 1, 0);
    CHECK(f.c[1].score > 100);
    free(mem);
}

/* Two that agree on a circle without data, which the few points of their own did not show: the last
 * judgement does, of one and then of the other, and the third is the best. */
static void empty_after_all(void)
{
    static ebim_real u[3][EBIM__FIT_POINTS * 2], all[4 * EBIM__FIT_POINTS * 2];
    static ebim__contest f;
    static ebim__rows rows;
    static ebim_watch watch[2];
    ebim_judgement judged;
    ebim_fit_desc d = describe(0);
    void *mem = malloc(CONTEST);
    int i;
    if (!contest(&f, &rows, &d, mem)) return;
    f.judged = &judged;
    f.u = all;
    f.watch = watch;
    if (!candidate(&f, 0, circles, two, u[0]) || !candidate(&f, 1, circles, two, u[1]) ||
        !candidate(&f, 2, steeper, large, u[2]))
        return;
    f.count = 3;
    for (i = 0; i < 2; i++) f.c[i].j.empty = 0;
    f.c[2].j.distance_mean += 0.001;
    ebim__contest_choose(&f);
    CHECK(f.best != 2);
    CHECK_INT(ebim__contest_settle(&f, &f.scratch[0]), 1);
    CHECK_INT(f.best, 2);
    for (i = 0; i < 2; i++) CHECK(f.c[i].j.empty > 0.2);
    CHECK_NEAR(judged.empty, 0, 0);
    free(mem);
}

/* Who may vouch for another: not itself, not one that misses the data or has no points, and none
 * with more than twice the volume, where both were measured: it would confirm anything. */
static void who_may_vouch(void)
{
    static ebim__candidate c, other;
    memset(&c, 0, sizeof c);
    c.j.points = c.j.checked = 100;
    c.j.volume = 1;
    other = c;
    CHECK(!ebim__candidate_vouches(&c, &c));
    other.j.volume = 1.9;
    other.j.singular = other.j.disputed = 0.5; /* what it has wrong beside is no matter */
    CHECK(ebim__candidate_vouches(&c, &other));
    other.j.volume = 2.1;
    CHECK(!ebim__candidate_vouches(&c, &other));
    c.j.volume = 0;
    CHECK(ebim__candidate_vouches(&c, &other));
    other.j.missed = 2;
    CHECK(!ebim__candidate_vouches(&c, &other));
    other.j.missed = 0;
    other.j.distance_mean = 0.04;
    CHECK(!ebim__candidate_vouches(&c, &other));
    other.j.distance_mean = 0;
    other.j.points = 0;
    CHECK(!ebim__candidate_vouches(&c, &other));
}

/* The better of two is one of the two, as it was when alone. Without a rival nothing is disputed.
 * Of 40 points none is held out, so that the second network is the first of the next seed. */
static void networks(void)
{
    const ebim_real *x = sphere(SMALL);
    ebim_fit_desc d = describe(1), next = d, both = d;
    ebim_model first, second, m;
    int i;
    if (T_QUICK) T_SKIP("slow");
    next.seed++;
    both.networks = 2;
    if (!fitted(&first, SMALL, x, &d) || !fitted(&second, SMALL, x, &next)) return;
    if (!fitted(&m, SMALL, x, &both)) return;
    CHECK(!same_theta(&first.F, &second.F));
    i = same_theta(&m.F, &first.F);
    CHECK(i != same_theta(&m.F, &second.F));
    CHECK_NEAR(m.info.mdf_loss, i ? first.info.mdf_loss : second.info.mdf_loss, 0);
    CHECK_NEAR(first.info.networks, 1, 0);
    CHECK(is_nan(first.judged.disputed));
    CHECK_NEAR(m.info.networks, 2, 0);
    CHECK(m.judged.disputed > 0); /* they are far from done */
    CHECK_NEAR(m.judged.checked, SMALL, 0);
    CHECK(m.judged.reach > 0);
    ebim_free(&m);
    both.networks = -3;
    CHECK_INT(ebim_fit(&m, SMALL, WIDE, x, &both), EBIM_ERR_RECIPE);
    ebim_free(&first);
    ebim_free(&second);
}

typedef struct watch {
    int calls, stop_at;
    int steps; /* calls after a step of training: the others are after so much work */
    double done;
    int hooks, tasks; /* calls of the hook, tasks it was given */
} watch;

static int watching(void *user, const ebim_progress *p)
{
    watch *w = (watch *)user;
    CHECK(p->done >= w->done && p->done <= 1);
    CHECK(p->steps ? p->step >= 1 && p->step <= p->steps : p->step == 0);
    w->done = p->done;
    w->steps += p->steps > 0;
    return ++w->calls == w->stop_at;
}

static void backwards(void *user, int count, ebim_task_fn task, void *arg)
{
    watch *w = (watch *)user;
    w->hooks++;
    w->tasks += count;
    while (count--) task(arg, count);
}

static void watched(ebim_fit_desc *d, watch *w, int stop_at)
{
    memset(w, 0, sizeof *w);
    w->stop_at = stop_at;
    d->progress = watching;
    d->user = d->parallel.user = w;
}

/* What is saved of a model, for free() */
static unsigned char *file_of(const ebim_model *m, size_t *size)
{
    unsigned char *p = (unsigned char *)malloc(*size = ebim_save_bytes(m));
    if (!p) abort();
    CHECK_INT(ebim_save(m, p, *size), EBIM_OK);
    return p;
}

static int same_file(const ebim_model *a, const ebim_model *b)
{
    size_t size[2];
    unsigned char *p = file_of(a, &size[0]), *q = file_of(b, &size[1]);
    int same = size[0] == size[1] && !memcmp(p, q, size[0]);
    free(p);
    free(q);
    return same;
}

/* A hook changes nothing but how often progress is told: of a pair it tells of the first. */
static void check_parallel(const ebim_real *x, ebim_fit_desc d, int steps, int fewer, int hooks)
{
    ebim_model a, b;
    watch w;
    watched(&d, &w, 0);
    if (!fitted(&a, N, x, &d)) return;
    CHECK_NEAR(w.done, 1, 0);
    if (d.no_energy) CHECK_INT(w.steps, steps);
    CHECK(w.steps >= steps && w.calls > w.steps);
    steps = w.steps;
    watched(&d, &w, 0);
    d.parallel.run = backwards;
    if (!fitted(&b, N, x, &d)) return;
    CHECK_NEAR(w.done, 1, 0);
    CHECK_INT(w.steps, steps - fewer);
    CHECK_INT(w.hooks, hooks);
    CHECK_INT(w.tasks, d.networks);
    CHECK_NEAR(a.info.networks, d.networks, 0);
    CHECK_NEAR(a.judged.checked, N / 5, 0);
    CHECK(a.has_energy == !d.no_energy && b.has_energy == !d.no_energy);
    CHECK(same_theta(&a.F, &b.F));
    CHECK(d.no_energy || same_theta(&a.E, &b.E));
    CHECK(!memcmp(&a.judged, &b.judged, sizeof a.judged));
    CHECK(!memcmp(&a.info, &b.info, sizeof a.info));
    CHECK(same_file(&a, &b));
    ebim_free(&a);
    ebim_free(&b);
}

/* The bytes of a model are those of the next run, and of any number of workers. */
static void files_are_the_same(void)
{
    const ebim_real *x = sphere(SMALL);
    ebim_fit_desc d = describe(2);
    ebim_model a, b;
    watch w;
    int workers;
    d.no_energy = T_QUICK != 0;
    if (!fitted(&a, SMALL, x, &d)) return;
    for (workers = 0; workers <= 3; workers++) {
        watched(&d, &w, 0);
        if (workers) d.parallel.run = backwards;
        d.parallel.workers = workers;
        if (!fitted(&b, SMALL, x, &d)) break;
        CHECK_INT(w.hooks, workers > 1);
        CHECK(same_file(&a, &b));
        ebim_free(&b);
    }
    d.seed++;
    watched(&d, &w, 0);
    if (fitted(&b, SMALL, x, &d)) CHECK(!same_file(&a, &b));
    ebim_free(&b);
    ebim_free(&a);
}

static void parallel_is_the_same(void)
{
    ebim_fit_desc d = describe(3); /* the third has no partner */
    if (T_QUICK) T_SKIP("slow");
    check_parallel(sphere(N), d, 20 + 20 + 30, 20, 2);
    d.no_energy = 0;
    d.networks = 2;
    check_parallel(sphere(N), d, 20 + 20, 20, 1); /* and those of E, which ends when it will */
}

/* Stopped inside the first network: it is all there is. Inside a later one: it does not count. */
static void stopped_early(void)
{
    static const int at[3] = {9, 20 + 9, 70 + 9}, kept[3] = {1, 1, 3};
    static ebim_real distance[N];
    static unsigned char ok[N];
    const ebim_real *x = sphere(N);
    ebim_fit_desc d;
    ebim_model whole, m;
    watch w;
    int i, c;
    for (i = 0; i < (T_QUICK ? 2 : 3); i++) {
        for (c = 0; c < N; c++) distance[c] = -1;
        d = describe(kept[i]);
        if (!fitted(&whole, N, x, &d)) return;
        d = describe(i ? 6 : 2);
        d.no_energy = 0;
        watched(&d, &w, at[i]);
        if (!fitted(&m, N, x, &d)) return;
        CHECK_INT(w.calls, at[i] + 1); /* and once after the check */
        CHECK_NEAR(w.done, 1, 0);
        CHECK_NEAR(m.info.partial, 1, 0);
        CHECK_NEAR(m.info.networks, kept[i], 0);
        CHECK(!m.has_energy);
        if (i < 2) CHECK_INT(same_theta(&m.F, &whole.F), i); /* of three, which is not compared */
        if (CHECK_INT(ebim_score(&m, N, x, NULL, distance, NULL, ok), EBIM_OK))
            for (c = 0; c < N; c++) CHECK(ok[c] ? distance[c] >= 0 : is_nan((double)distance[c]));
        CHECK_NEAR(m.judged.checked, i ? N / 5 : 0, 0); /* it was stopped before it was judged */
        CHECK_INT(m.judged.verdict & EBIM_VERDICT_UNCHECKED, EBIM_VERDICT_UNCHECKED);
        CHECK(is_nan(m.judged.disputed) && (i || is_nan(m.judged.distance_mean)));
        ebim_free(&m);
        ebim_free(&whole);
    }
}

/* At the same time as the first, which is stopped, the second was trained to its end. */
static void stopped_in_parallel(void)
{
    const ebim_real *x = sphere(SMALL);
    ebim_fit_desc d = describe(1);
    ebim_model second, m;
    watch w;
    d.seed++;
    if (!fitted(&second, SMALL, x, &d)) return;
    d = describe(2);
    d.parallel.run = backwards;
    watched(&d, &w, 9);
    if (!fitted(&m, SMALL, x, &d)) return;
    CHECK_INT(w.calls, 10);
    CHECK_NEAR(m.info.partial, 1, 0);
    CHECK_NEAR(m.info.networks, 1, 0);
    CHECK(same_theta(&m.F, &second.F));
    ebim_free(&m);
    ebim_free(&second);
}

/* The rows that a fit of N points holds out with this descriptor. */
static void held_rows(const ebim_fit_desc *d, int held, int *row)
{
    static int32_t order[N];
    static ebim__rows f;
    int i;
    memset(&f, 0, sizeof f);
    for (i = 0; i < N; i++) order[i] = (int32_t)i;
    f.d = d;
    f.N = f.survey.groups = N; /* no copies */
    f.n = WIDE;
    f.held = held;
    f.order = order;
    ebim__rows_hold_out(&f);
    for (i = 0; i < held; i++) row[i] = order[N - held + i];
}

/* Moves two rows against each other by multiples of the data's grid: their sum stays. */
static void move_apart(ebim_real *x, int a, int b, double by)
{
    int c;
    for (c = 0; c < WIDE; c++) {
        x[a * WIDE + c] += (ebim_real)by;
        x[b * WIDE + c] -= (ebim_real)by;
    }
}

/* The shift, the scale and the box come from all rows, and stay: coordinates are on a grid, so that
 * sums are exact, and the widest rows are among those that are not moved. */
static void training_sees_no_held_out_rows(void)
{
    static ebim_real x[N * WIDE];
    static int row[N], is_held[N], other[N];
    const ebim_real *ball = sphere(N);
    ebim_fit_desc d = describe(1);
    ebim_model m[3];
    int i, c, others = 0, held = N / 5;
    held_rows(&d, held, row);
    for (i = 0; i < held; i++) CHECK_INT(is_held[row[i]]++, 0);
    for (i = 0; i < N; i++)
        if (!is_held[i]) other[others++] = i;
    for (i = 0; i < N * WIDE; i++) x[i] = (ebim_real)(floor(800 * (double)ball[i]) / 1024);
    for (i = 0; i < 2 * WIDE; i++)
        for (c = 0; c < WIDE; c++)
            x[other[i] * WIDE + c] = (ebim_real)(i / 2 == c ? 1 - 2 * (i % 2) : 0);
    if (!fitted(&m[0], N, x, &d)) return;
    for (i = 0; i + 1 < held; i += 2) move_apart(x, row[i], row[i + 1], 1 / 32.0);
    if (!fitted(&m[1], N, x, &d)) return;
    move_apart(x, other[2 * WIDE], other[2 * WIDE + 1], 1 / 1024.0);
    if (!fitted(&m[2], N, x, &d)) return;
    CHECK_NEAR(m[0].unit, m[2].unit, 0);
    CHECK(same_theta(&m[0].F, &m[1].F));
    CHECK(fabs(m[0].judged.distance_mean - m[1].judged.distance_mean) > 1e-6); /* it does */
    CHECK(!same_theta(&m[1].F, &m[2].F));
    CHECK_NEAR(m[0].judged.checked, held, 0);
    for (i = 0; i < 3; i++) ebim_free(&m[i]);
}

/* Held out are a fifth of 50 or more; of the paper's recipe none. */
static void how_many_are_held_out(void)
{
    ebim_fit_desc d = describe(0);
    ebim_model m;
    int i;
    if (T_QUICK) T_SKIP("slow");
    for (i = 0; i < 3; i++) {
        int count = i ? 50 : 49;
        if (i == 2) d.recipe = EBIM_RECIPE_PAPER;
        d.networks = i != 2; /* its default is one */
        if (!fitted(&m, count, sphere(50), &d)) return;
        CHECK_NEAR(m.judged.checked, i == 1 ? 10 : count, 0);
        CHECK(m.judged.points <= 0 || m.judged.reach > 0);
        CHECK_NEAR(m.info.networks, 1, 0);
        ebim_free(&m);
    }
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(good_circle);
    T_RUN(far_is_the_gap);
    T_RUN(data_off);
    T_RUN(data_missed);
    T_RUN(crossing);
    T_RUN(disputes);
    T_RUN(disputed_by_how_much);
    T_RUN(empty_piece);
    T_RUN(nowhere);
    T_RUN(at_the_rim);
    T_RUN(words);
    T_RUN(curve_in_space);
    T_RUN(data_elsewhere);
    T_RUN(ring_in_four_dimensions);
    T_RUN(orthogonal_group);
    T_RUN(zeros_beyond_charts_are_told);
    T_RUN(least_eigenvalues);
    T_RUN(least_of_many);
    T_RUN(units);
    T_RUN(units_of_a_curve);
    T_RUN(reproducible);
    T_RUN(memory_is_measured);
    T_RUN(refuses);
    T_RUN(few_points);
    T_RUN(many_points);
    T_RUN(nothing_held_out);
    T_RUN(choice);
    T_RUN(empty_after_all);
    T_RUN(who_may_vouch);
    T_RUN(networks);
    T_RUN(files_are_the_same);
    T_RUN(parallel_is_the_same);
    T_RUN(stopped_early);
    T_RUN(stopped_in_parallel);
    T_RUN(training_sees_no_held_out_rows);
    T_RUN(how_many_are_held_out);
    return T_END();
}
