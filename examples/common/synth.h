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

#endif /* SYNTH_H */
