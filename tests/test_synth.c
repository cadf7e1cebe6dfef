/* synth.h: the laws it claims, against numbers integrated here. */
#define EBIM_IMPLEMENTATION
#include "../ebim.h"

#include "t.h"
#include "../examples/common/synth.h"

enum { BINS = 24, DRAWS = 20000 };

/* P(chi square of d degrees > x), from the normal approximation of its cube root (Wilson and
 * Hilferty), good to a few per cent of itself down to 1e-7 for d >= 10. */
static double tail(double x, int d)
{
    double s = sqrt(2 / (9.0 * d));
    return 0.5 * erfc((pow(x / d, 1.0 / 3) - 1 + s * s) / s / sqrt(2.0));
}

/* The share of each bin of the circle under exp(kappa cos(angle - mode)), by Simpson's rule. */
static void von_mises_shares(double mode, double kappa, double *share)
{
    double h = 2 * SYNTH_PI / BINS, total = 0;
    int b, i;
    for (b = 0; b < BINS; b++) {
        for (share[b] = 0, i = 0; i <= 20; i++)
            share[b] += (i == 0 || i == 20 ? 1 : i % 2 ? 4 : 2) *
                        exp(kappa * (cos((b + i / 20.0) * h - mode) - 1));
        total += share[b];
    }
    for (b = 0; b < BINS; b++) share[b] /= total;
}

static double chi_square(const int *count, const double *share, int n)
{
    double sum = 0;
    int b;
    for (b = 0; b < BINS; b++) {
        double want = n * share[b];
        if (!CHECK(want >= 5)) return 1e9; /* or the law of the sum would be another */
        sum += (count[b] - want) * (count[b] - want) / want;
    }
    return sum;
}

/* Each of 6 laws fails a right sampler less than once in 1e6 runs (1e-7 by the limit law, which
 * bins of few points exceed a little). */
static void von_mises_has_its_law(void)
{
    static const double kappa[3] = {0, 0.7, 2};
    double share[BINS];
    int k, i, n = DRAWS;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 1);
    for (k = 0; k < 6; k++) {
        double mode = k < 3 ? 0 : 2.5;
        int count[BINS] = {0};
        for (i = 0; i < n; i++) {
            double a = synth_von_mises(&r, mode, kappa[k % 3]);
            if (!CHECK(a >= 0 && a < 2 * SYNTH_PI)) return;
            count[(int)(a / (2 * SYNTH_PI) * BINS)]++;
        }
        von_mises_shares(mode, kappa[k % 3], share);
        CHECK(tail(chi_square(count, share, n), BINS - 1) > 1e-7);
    }
}

/* The mean cosine, I1(2) / I0(2), which a wrong kappa moves most; its deviation is known from the
 * law, and 5.3 of them come once in 1e7. */
static void von_mises_has_its_mean(void)
{
    double sum = 0, mean = 0.697774658, variance = 1 - mean / 2 - mean * mean;
    int i;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 5);
    for (i = 0; i < DRAWS; i++) sum += cos(synth_von_mises(&r, 1, 2) - 1);
    CHECK_NEAR(sum / DRAWS, mean, 5.3 * sqrt(variance / DRAWS));
}

/* Successive draws do not depend on each other: the correlation of their deviations is normal with
 * variance 1/n; 5.3 deviations come once in 1e7. */
static void von_mises_draws_are_independent(void)
{
    double last = 0, sum = 0, square = 0;
    int i, n = T_QUICK ? 2000 : DRAWS;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 2);
    for (i = 0; i < n; i++) {
        double s = sin(synth_von_mises(&r, 0, 2));
        sum += s * last;
        square += s * s;
        last = s;
    }
    CHECK(fabs(sum / square) < 5.3 / sqrt((double)n));
}

/* Both circles, their shares, and on each the law with its mode towards the other. A share is
 * binomial: 5.3 deviations come once in 1e7; the two chi squares less than once in 1e6. */
static void two_circles_have_their_law(void)
{
    static ebim_real x[2 * DRAWS];
    double share[BINS], c = 1.8;
    int count[2][BINS] = {{0}}, of[2] = {0}, i, s, n = T_QUICK ? 5000 : DRAWS;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 3);
    synth_two_circles(&r, c, 2, n, x);
    for (i = 0; i < n; i++) {
        double px = (double)x[2 * i], py = (double)x[2 * i + 1], a;
        int right = px > 0;
        CHECK_NEAR(hypot(px - (right ? c : -c), py), 1, 4 * T_EPS);
        a = right ? atan2(py, c - px) : atan2(py, px + c); /* the mode is at 0 */
        if (a < 0) a += 2 * SYNTH_PI;
        s = (int)(a / (2 * SYNTH_PI) * BINS);
        count[right][s < BINS ? s : BINS - 1]++;
        of[right]++;
    }
    CHECK(fabs(of[0] - n / 2.0) < 5.3 * sqrt(n / 4.0));
    von_mises_shares(0, 2, share);
    for (s = 0; s < 2; s++)
        CHECK(tail(chi_square(count[s], share, of[s]), BINS - 1) > 1e-7);
}

/* Points of the unit circle, the law with its mode at (1, 0); fails once in 1e6 runs. */
static void circle_has_its_law(void)
{
    static ebim_real x[2 * DRAWS];
    double share[BINS];
    int count[BINS] = {0}, i, s, n = T_QUICK ? 5000 : DRAWS;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 6);
    synth_circle(&r, 2, n, x);
    for (i = 0; i < n; i++) {
        double px = (double)x[2 * i], py = (double)x[2 * i + 1], a = atan2(py, px);
        CHECK_NEAR(hypot(px, py), 1, 4 * T_EPS);
        if (a < 0) a += 2 * SYNTH_PI;
        s = (int)(a / (2 * SYNTH_PI) * BINS);
        count[s < BINS ? s : BINS - 1]++;
    }
    von_mises_shares(0, 2, share);
    CHECK(tail(chi_square(count, share, n), BINS - 1) > 1e-7);
}

/* The share of each of `bins` equal bins of t in [-1, 1], t the cosine of the angle with the pole,
 * under the law of a normal of unit variance round the pole at distance mu, by Simpson's rule in
 * its length s and its t. This is the sampler's own definition, not the formula of synth.h. */
static void projected_normal_shares(double mu, int bins, double *share)
{
    double total = 0;
    int b, i, j;
    for (b = 0; b < bins; b++)
        for (share[b] = 0, i = 0; i <= 20; i++)
            for (j = 0; j <= 200; j++) {
                double t = -1 + 2 * (b + i / 20.0) / bins, s = j * 0.05;
                double w = (i % 20 ? i % 2 ? 4 : 2 : 1) * (j % 200 ? j % 2 ? 4 : 2 : 1);
                share[b] += w * s * s * exp(-(s * s - 2 * mu * s * t + mu * mu) / 2);
            }
    for (b = 0; b < bins; b++) total += share[b];
    for (b = 0; b < bins; b++) share[b] /= total;
}

/* On the sphere, along its axis the mean of the laws of the two poles, round it uniform. Either
 * chi square fails less than once in 1e6 runs. */
static void sphere_mixture_has_its_law(void)
{
    static ebim_real x[3 * DRAWS];
    double share[BINS], even[BINS], pole[BINS];
    int along[BINS] = {0}, round[BINS] = {0}, i, s, n = T_QUICK ? 5000 : DRAWS;
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 7);
    synth_sphere_mixture(&r, n, x);
    for (i = 0; i < n; i++) {
        double t = (double)x[3 * i], y = (double)x[3 * i + 1], z = (double)x[3 * i + 2];
        CHECK_NEAR(sqrt(t * t + y * y + z * z), 1, 4 * T_EPS);
        s = (int)((t + 1) / 2 * BINS);
        along[s < BINS ? s : BINS - 1]++;
        s = (int)((atan2(y, z) / (2 * SYNTH_PI) + 0.5) * BINS);
        round[s < BINS ? s : BINS - 1]++;
    }
    projected_normal_shares(1, BINS, pole);
    for (s = 0; s < BINS; s++) {
        share[s] = (pole[s] + pole[BINS - 1 - s]) / 2;
        even[s] = 1.0 / BINS;
    }
    CHECK(tail(chi_square(along, share, n), BINS - 1) > 1e-7);
    CHECK(tail(chi_square(round, even, n), BINS - 1) > 1e-7);
}

/* The density that synth.h states, at the middle of fine bins. */
static void sphere_mixture_density_is_right(void)
{
    double share[200];
    int b;
    projected_normal_shares(1, 200, share);
    for (b = 0; b < 100; b++) {
        double t = -1 + (b + 0.5) / 100, both = share[b] + share[199 - b];
        CHECK_REL(both / 2 / (4 * SYNTH_PI / 200),
                  exp(-(1 - t * t) / 2) * (1 + t * t) / (4 * SYNTH_PI), 1e-4);
    }
}

static void same_seed_same_points(void)
{
    ebim_real x[200], y[200];
    ebim_rng r;
    ebim_rng_init(&r, T_SEED, 4);
    synth_two_circles(&r, 1.8, 2, 100, x);
    ebim_rng_init(&r, T_SEED, 4);
    synth_two_circles(&r, 1.8, 2, 100, y);
    CHECK(!memcmp(x, y, sizeof x));
    synth_two_circles(&r, 1.8, 2, 100, y);
    CHECK(memcmp(x, y, sizeof x) != 0);
    ebim_rng_init(&r, T_SEED, 4);
    synth_sphere_mixture(&r, 60, x);
    ebim_rng_init(&r, T_SEED, 4);
    synth_sphere_mixture(&r, 60, y);
    CHECK(!memcmp(x, y, 180 * sizeof *x));
}

/* The tail above at values of tables (chi square of 23 degrees). */
static void the_tail_is_right(void)
{
    CHECK_REL(tail(35.172, 23), 0.05, 0.02);
    CHECK_REL(tail(49.728, 23), 0.001, 0.05);
    CHECK(tail(90, 23) < 1e-8 && tail(23, 23) > 0.4);
}

int main(int argc, char **argv)
{
    T_BEGIN(argc, argv);
    T_RUN(the_tail_is_right);
    T_RUN(von_mises_has_its_law);
    T_RUN(von_mises_has_its_mean);
    T_RUN(von_mises_draws_are_independent);
    T_RUN(two_circles_have_their_law);
    T_RUN(circle_has_its_law);
    T_RUN(sphere_mixture_has_its_law);
    T_RUN(sphere_mixture_density_is_right);
    T_RUN(same_seed_same_points);
    return T_END();
}
