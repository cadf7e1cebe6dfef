/* synth.h: data whose law is known. Include it after ebim.h, whose random numbers it uses.

   Von Mises on the circle, density exp(kappa cos(angle - mode)) / (2 pi I0(kappa)), by rejection
   from the uniform angle: exact, and good for the moderate kappa used here (one in
   e^kappa / I0(kappa) tries is taken, 3.2 at kappa 2). */
#ifndef SYNTH_H
#define SYNTH_H

#include <math.h>

#include "file.h" /* FILE_FN */

#define SYNTH_PI 3.14159265358979323846

FILE_FN double synth_von_mises(ebim_rng *r, double mode, double kappa)
{
    double a;
    do a = 2 * SYNTH_PI * (double)ebim_rng_uniform(r);
    while ((double)ebim_rng_uniform(r) >= exp(kappa * (cos(a - mode) - 1)));
    return a;
}

/* The mixture of the paper's Fig. 4: unit circles round (-c, 0) and (c, 0), equally likely, each
 * with its mode where it faces the other one. x: [N][2] */
FILE_FN void synth_two_circles(ebim_rng *r, double c, double kappa, int N, ebim_real *x)
{
    int i;
    for (i = 0; i < N; i++) {
        int right = (int)ebim_rng_below(r, 2);
        double a = synth_von_mises(r, right ? SYNTH_PI : 0, kappa);
        x[2 * i] = (ebim_real)((right ? c : -c) + cos(a));
        x[2 * i + 1] = (ebim_real)sin(a);
    }
}

/* The circle of the paper's Fig. 1: the unit circle with its mode at (1, 0). x: [N][2] */
FILE_FN void synth_circle(ebim_rng *r, double kappa, int N, ebim_real *x)
{
    int i;
    for (i = 0; i < N; i++) {
        double a = synth_von_mises(r, 0, kappa);
        x[2 * i] = (ebim_real)cos(a);
        x[2 * i + 1] = (ebim_real)sin(a);
    }
}

/* The mixture of the paper's Fig. 3: normals of unit variance round (-1, 0, 0) and (1, 0, 0),
 * equally likely, each point divided by its length. With t its first coordinate the density, per
 * unit of area, is exp(-(1 - t^2) / 2) (1 + t^2) / (4 pi). x: [N][3] */
FILE_FN void synth_sphere_mixture(ebim_rng *r, int N, ebim_real *x)
{
    int i, c;
    for (i = 0; i < N; i++, x += 3) {
        double v[3], length;
        v[0] = ebim_rng_below(r, 2) ? 1 : -1;
        v[1] = v[2] = 0;
        for (c = 0; c < 3; c++) v[c] += (double)ebim_rng_normal(r);
        length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); /* never 0 in practice: 1e-20 */
        for (c = 0; c < 3; c++) x[c] = (ebim_real)(v[c] / length);
    }
}

#endif /* SYNTH_H */
