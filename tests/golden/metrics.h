/* Made by metrics.py: POT 0.9.7.post1, SciPy 1.17.1. The least costs of transport between
   points of a linear congruential generator. Do not edit. */
#ifndef GOLDEN_METRICS_H
#define GOLDEN_METRICS_H

typedef struct golden_metric {
    int N, M, n, power;
    double cost;
} golden_metric;

static double golden_uniform(uint32_t *state)
{
    *state = 1664525u * *state + 1013904223u;
    return (*state >> 8) / 16777216.0;
}

static const golden_metric golden_transport[] = {
    {7, 5, 1, 1, 0.20063998329605842},
    {20, 30, 2, 1, 0.60681858188178739},
    {30, 20, 2, 2, 0.16220160492344959},
    {60, 45, 3, 1, 0.78353533492740346},
    {300, 400, 3, 1, 0.52047095100559893},
    {400, 300, 3, 2, 0.25976198364605291}
};

#endif
