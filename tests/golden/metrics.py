"""Golden values of optimal transport, from POT and SciPy: python3 metrics.py > metrics.h
Needs: pip install pot scipy numpy"""
import numpy as np
import ot
import scipy
from scipy.optimize import linprog
from scipy.spatial.distance import cdist


def uniform(state):
    state[0] = (1664525 * state[0] + 1013904223) % 2**32
    return (state[0] >> 8) / 2.0**24


def draw(state, count):
    return np.array([uniform(state) for _ in range(count)])


def weights(state, count):
    w = 0.01 + draw(state, count)
    return w / w.sum()


print("/* Made by metrics.py: POT %s, SciPy %s. The least costs of transport between"
      % (ot.__version__, scipy.__version__))
print("   points of a linear congruential generator. Do not edit. */")
print("""#ifndef GOLDEN_METRICS_H
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

static const golden_metric golden_transport[] = {""")
sizes = [(7, 5, 1, 1), (20, 30, 2, 1), (30, 20, 2, 2), (60, 45, 3, 1), (300, 400, 3, 1),
         (400, 300, 3, 2)]
for k, (N, M, n, power) in enumerate(sizes):
    state = [k + 1]
    x = draw(state, N * n).reshape(N, n)
    y = draw(state, M * n).reshape(M, n) * 1.5
    a, b = weights(state, N), weights(state, M)
    c = cdist(x, y) ** power
    cost = ot.emd2(a, b, c, numItermax=10**7)
    if N * M < 3000:
        A = np.zeros((N + M, N * M))
        for i in range(N):
            A[i, i * M:(i + 1) * M] = 1
        for j in range(M):
            A[N + j, j::M] = 1
        lp = linprog(c.ravel(), A_eq=A, b_eq=np.concatenate([a, b]), method="highs")
        assert abs(lp.fun - cost) < 1e-9, (lp.fun, cost)
    print("    {%d, %d, %d, %d, %.17g}%s" % (N, M, n, power, cost,
                                            "," if k + 1 < len(sizes) else ""))
print("};\n\n#endif")
