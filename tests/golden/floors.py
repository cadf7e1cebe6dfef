#!/usr/bin/env python3
"""Golden values for test_dual.c and test_optim.c: python3 floors.py > floors.h

Functions and derivatives: mpmath with 50 digits, derivatives by mpmath's own differentiation, not
by formulas. Optimisers: the published update rules with 50 digits; Adam and momentum are compared
with jax.example_libraries.optimizers here, before anything is printed. Inputs are multiples of
1/64, exact in float.
"""
import mpmath as mp

mp.mp.dps = 50


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


FUNCTIONS = [
    ('sqrt', mp.sqrt, [0.015625, 1, 2.5, 900]),
    ('exp', mp.exp, [-20, -1.5, 0, 0.5, 10]),
    ('log', mp.log, [0.015625, 0.75, 1, 3, 500]),
    ('sin', mp.sin, [-3, -0.5, 0, 1, 6.25]),
    ('cos', mp.cos, [-3, -0.5, 0, 1, 6.25]),
    ('tanh', mp.tanh, [-4, -0.5, 0, 0.25, 3]),
    ('abs', abs, [-2.5, 0.125]),
    ('sigmoid', sigmoid, [-30, -2, 0, 0.5, 9]),
    ('silu', lambda x: x * sigmoid(x), [-12, -1.25, 0, 0.5, 8]),
    ('softplus', lambda x: mp.log(1 + mp.exp(x)), [-25, -2, 0, 0.5, 30]),
    ('relu', lambda x: x if x > 0 else mp.mpf(0), [-2, 0.75]),
]
POWERS = [(0.5, 3), (2, -1.5), (-1.5, 3), (-2, -2), (3, 0), (1.25, 0.5), (7, 1)]

RATE, DECAY, MOMENTUM, STEPS = mp.mpf(1) / 16, mp.mpf(1) / 4, mp.mpf(7) / 8, 25
START = [1, -2, mp.mpf(1) / 2]
MASK = [1, 0, 1]


def gradient(t, x):
    """A quadratic pulled back and forth, so that the moments see both signs."""
    c = [1, 4, mp.mpf(1) / 8]
    return [c[i] * x[i] + mp.mpf((t * (i + 2)) % 5 - 2) / 4 for i in range(3)]


def adam(decay):
    b1, b2, eps = mp.mpf('0.9'), mp.mpf('0.999'), mp.mpf('1e-8')
    x, m, v, out = list(START), [mp.mpf(0)] * 3, [mp.mpf(0)] * 3, []
    for t in range(1, STEPS + 1):
        g = gradient(t, x)
        for i in range(3):
            m[i] = b1 * m[i] + (1 - b1) * g[i]
            v[i] = b2 * v[i] + (1 - b2) * g[i] ** 2
            x[i] -= RATE * decay * MASK[i] * x[i]
            x[i] -= RATE * (m[i] / (1 - b1**t)) / (mp.sqrt(v[i] / (1 - b2**t)) + eps)
        out.append(list(x))
    return out


def sgd():
    x, v, out = list(START), [mp.mpf(0)] * 3, []
    for t in range(1, STEPS + 1):
        g = gradient(t, x)
        v = [MOMENTUM * v[i] + g[i] for i in range(3)]
        x = [x[i] - RATE / 8 * v[i] for i in range(3)]
        out.append(list(x))
    return out


def compare_with_jax():
    import jax
    jax.config.update('jax_enable_x64', True)
    import jax.numpy as jnp
    from jax.example_libraries import optimizers as lib
    for (init, update, params), trace in (
            (lib.adam(float(RATE), 0.9, 0.999, 1e-8), adam(0)),
            (lib.momentum(float(RATE / 8), float(MOMENTUM)), sgd())):
        state = init(jnp.array([float(v) for v in START], dtype=jnp.float64))
        for t in range(1, STEPS + 1):
            x = [mp.mpf(float(v)) for v in params(state)]
            g = jnp.array([float(v) for v in gradient(t, x)], dtype=jnp.float64)
            state = update(t - 1, g, state)
            for mine, theirs in zip(trace[t - 1], params(state)):
                assert abs(float(mine) - float(theirs)) < 1e-13, (t, mine, theirs)


def number(x):
    return repr(float(x))


def table(name, rows, width):
    print(f'static const double {name}[][{width}] = {{')
    for row in rows:
        print('    {' + ', '.join(number(v) for v in row) + '},')
    print('};\n')


compare_with_jax()
print('/* Written by floors.py; see there. */')
print('#ifndef GOLDEN_FLOORS_H\n#define GOLDEN_FLOORS_H\n')
print("typedef struct golden_dual {\n    const char *name;\n    double x, value, slope;\n}"
      ' golden_dual;\n')
print('static const golden_dual golden_duals[] = {')
for name, f, xs in FUNCTIONS:
    for x in xs:
        x = mp.mpf(x)
        slope = mp.diff(f, x, h=mp.mpf('1e-20'))
        print(f'    {{"{name}", {number(x)}, {number(f(x))}, {number(slope)}}},')
print('};\n')
print('/* x, exponent, value, derivative */')
table('golden_powers', [(x, p, mp.mpf(x)**p, mp.diff(lambda y: y**p, mp.mpf(x),
                                                      h=mp.mpf('1e-20'))) for x, p in POWERS], 4)
print('/* theta after steps 1.. of test_optim.c */')
table('golden_adam', adam(0), 3)
table('golden_adamw', adam(DECAY), 3)
table('golden_sgd', sgd(), 3)
print('#endif')
