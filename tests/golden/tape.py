#!/usr/bin/env python3
"""Golden values for test_rng.c, test_tape.c and test_map.c: python3 tape.py > tape.h

Integers: splitmix64 and xoshiro128++ written from their authors' descriptions and checked against
published vectors. exp and SiLU: mpmath, 50 digits, as sums of two doubles. Graphs: jax in float64,
derivatives by jax's transformations. Inputs and parameters are multiples of 1/64, exact in float;
points are kept away from kinks, so that float decides as double does.
"""
import jax
import mpmath as mp
import numpy as np

jax.config.update('jax_enable_x64', True)
import jax.numpy as jnp  # noqa: E402

mp.mp.dps = 50
M32, M64 = (1 << 32) - 1, (1 << 64) - 1


# ---- random numbers ----


class Splitmix:
    def __init__(self, state):
        self.state = state

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & M64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
        return z ^ (z >> 31)


def rotl(x, k):
    return ((x << k) | (x >> (32 - k))) & M32


class Xoshiro128pp:
    def __init__(self, state):
        self.s = list(state)

    def next(self):
        s = self.s
        out = (rotl((s[0] + s[3]) & M32, 7) + s[0]) & M32
        t = (s[1] << 9) & M32
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 11)
        return out


def stream(seed, number):
    """How ebim.h makes a state: a hashed seed xor a multiple of the stream seeds a second hash."""
    hashed = Splitmix(Splitmix(seed).next() ^ (number * 0xD1342543DE82EF95 & M64))
    a, b = hashed.next(), hashed.next()
    return Xoshiro128pp([a & M32, a >> 32, b & M32, b >> 32 | 1])


def below(r, n):
    """Lemire's method: of the 2^32 products, those in the 2^32 mod n lowest of a cell go."""
    while True:
        m = r.next() * n
        if m & M32 >= (1 << 32) % n:
            return m >> 32


def shuffle(r, n):
    a = list(range(n))
    for i in range(n - 1, 0, -1):
        j = below(r, i + 1)
        a[i], a[j] = a[j], a[i]
    return a


def published_vectors():
    r = Xoshiro128pp([1, 2, 3, 4])
    assert [r.next() for _ in range(10)] == [
        641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295,
        495546011, 621204420]
    r = Splitmix(1234567)
    assert [r.next() for _ in range(3)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423]


SEEDS = [(0, 0), (1, 0), (0, 1), (1, 1), (M64, M64), (0x0123456789ABCDEF, 1 << 40), (42, 7)]


def print_rng():
    print('static const struct {\n    uint64_t seed, stream;\n    uint32_t u32[8], below10[8];')
    print('    uint32_t below_large[8]; /* n = 3 * 2^30, where a quarter is rejected */')
    print('    int32_t shuffled[8];\n} golden_rng[] = {')
    for seed, number in SEEDS:
        r = stream(seed, number)
        rows = [[r.next() for _ in range(8)], [below(r, 10) for _ in range(8)],
                [below(r, 3 << 30) for _ in range(8)]]
        print('    {UINT64_C(%d), UINT64_C(%d),' % (seed, number))
        for row in rows:
            text = ['%du' % x for x in row]
            print('     {%s,\n      %s},' % (', '.join(text[:4]), ', '.join(text[4:])))
        print('     {%s}},' % ', '.join(str(x) for x in shuffle(r, 8)))
    print('};\n')


# ---- exp and SiLU ----


def two(x):
    hi = float(x)
    return repr(hi), repr(float(x - mp.mpf(hi)))


def print_kernels():
    xs = [0.0, 2.0**-20, 87, 87.0 - 1 / 64, 16.6875, 60, 700, 708 - 1 / 64, 708]
    rng = np.random.default_rng(1)
    for top in (1, 2, 20, 87, 708):
        xs += [float(np.round(x * 1024) / 1024) for x in rng.uniform(0, top, 12)]
    xs = sorted(set(xs) | set(-x for x in xs))
    print('/* x; exp, SiLU and its two derivatives, each as a sum of two */')
    print('static const double golden_kernels[][9] = {')
    for x in xs:
        z = mp.mpf(x)
        s, q = 1 / (1 + mp.exp(-z)), 1 / (1 + mp.exp(z))
        numbers = [mp.exp(z), z * s, s * (1 + z * q), s * q * (2 + z * (q - s))]
        pairs = [', '.join(two(y)) for y in numbers]
        print('    {%r, %s,\n     %s,\n     %s,\n     %s},' % (x, *pairs))
    print('};\n')


# ---- graphs ----


def mlp(theta, x):
    """3-8-8-2, SiLU."""
    sizes, at = [3, 8, 8, 2], 0
    for i, (n, k) in enumerate(zip(sizes, sizes[1:])):
        w, b = theta[at:at + n * k].reshape(k, n), theta[at + n * k:at + (n + 1) * k]
        at += (n + 1) * k
        x = w @ x + b
        if i < 2:
            x = x / (1 + jnp.exp(-x))
    return x


MATRIX = [[1.5, -0.25, 0.5, 1], [0.75, 1.25, -1, 0.5], [-0.5, 0.25, 1, -1.75]]
CENTER = [0.25, -0.5, 0.125, 1]
SHIFT = [0.5, 1.25, 2]
WIDTH, WEIGHT = [1.5, 2], [1.25, -0.75]


def user(theta, x, margin=None):
    """The graph record_user of test_tape.c."""
    W, b = theta[:12].reshape(3, 4), theta[12:]

    def kink(z):
        if margin is not None:
            margin.append(float(jnp.min(jnp.abs(z))))

    def softplus(z):
        return jnp.log(1 + jnp.exp(z))

    A = jnp.array(MATRIX) @ x
    d = jnp.tanh(W @ x + b)
    u = 0.75 * (x - jnp.array(CENTER))
    q = (A - d) / (jnp.exp(0.5 * u[1:]) + jnp.array(SHIFT))
    kink(q - d)
    low = jnp.where(q < d, q, d)
    kink(A - d * x[0])
    high = jnp.where(A > d * x[0], A, d * x[0])
    kink(x[3] - d)
    s = jnp.where(x[3] - d > 0, low, high)
    length = jnp.log(jnp.sum(x * x) + 1)
    r = jnp.sqrt(softplus(jnp.sum(A * q)))
    w = jnp.concatenate([s * length, r[None]])
    d2 = jnp.sum((u - jnp.array(MATRIX[:2])) ** 2, axis=1)
    w = w + jnp.sum(jnp.array(WEIGHT) * jnp.exp(-d2 / (2 * jnp.array(WIDTH) ** 2)))
    p = (u * u + 1) ** -1.5
    e = -w / (1 + jnp.exp(w)) * p
    f = jnp.sin(e) + jnp.cos(w * u)
    kink(f)
    rest = jnp.sum(jnp.where(f > 0, f, 0)) - r
    return jnp.stack([jnp.sum(jnp.abs(f)) + jnp.sum(e * p), f[1] + rest])


def loss(f, theta, x, v, eta):
    """mean of ||F|| + (eta - ||v'J||)_+^2"""
    def one(x, v):
        g = jax.vjp(lambda x: f(theta, x), x)[1](v)[0]
        h = eta - jnp.sqrt(jnp.sum(g * g))
        return jnp.sqrt(jnp.sum(f(theta, x) ** 2)) + jnp.where(h > 0, h * h, 0)
    return jnp.mean(jax.vmap(one)(x, v))


def array(name, shape, values):
    values = [repr(float(x)) for x in np.asarray(values).ravel()]
    print('static const double %s%s = {' % (name, shape))
    for i in range(0, len(values), 4):
        print('    %s,' % ', '.join(values[i:i + 4]))
    print('};')


def print_graph(name, f, n, n_theta, eta, rng):
    B, k = 6, 2
    while True:
        theta, x, v, t = (rng.integers(-64, 65, s) / 64 for s in
                          (n_theta, (B, n), (B, k), (B, n)))
        margin = []
        if f is user:
            for row in x:
                f(theta, row, margin)
        g = jax.vmap(lambda x, v: jax.vjp(lambda x: f(theta, x), x)[1](v)[0])(x, v)
        length = np.linalg.norm(np.asarray(g), axis=1)
        active = np.sum(length < eta)
        if min(margin + list(np.abs(length - eta))) > 0.03 and 0 < active < B:
            break
    hvp = jax.vmap(lambda x, v, t: jax.jvp(jax.grad(lambda x: v @ f(theta, x)), (x,), (t,))[1])
    print('enum { %s_N = %d, %s_THETA = %d };' % (name.upper(), n, name.upper(), n_theta))
    array(name + '_theta', '[%d]' % n_theta, theta)
    array(name + '_x', '[%d]' % (B * n), x)
    array(name + '_v', '[%d]' % (B * k), v)
    array(name + '_t', '[%d]' % (B * n), t)
    array(name + '_y', '[%d]' % (B * k), jax.vmap(lambda x: f(theta, x))(x))
    array(name + '_jt', '[%d]' % (B * k),
          jax.vmap(lambda x, t: jax.jvp(lambda x: f(theta, x), (x,), (t,))[1])(x, t))
    array(name + '_vj', '[%d]' % (B * n), g)
    array(name + '_hvp', '[%d]' % (B * n), hvp(x, v, t))
    print('static const double %s_eta = %r;' % (name, eta))
    print('static const double %s_loss = %r;' % (name, float(loss(f, theta, x, v, eta))))
    array(name + '_grad', '[%d]' % n_theta,
          jax.grad(lambda theta: loss(f, theta, x, v, eta))(jnp.array(theta)))
    print()


if __name__ == '__main__':
    published_vectors()
    print('/* Written by tape.py; see there. */\n#ifndef GOLDEN_TAPE_H\n#define GOLDEN_TAPE_H\n')
    print('#ifdef GOLDEN_RNG\n')
    print_rng()
    print_kernels()
    print('#endif\n#ifdef GOLDEN_GRAPHS\n\nenum { GOLDEN_B = 6, GOLDEN_K = 2 };\n')
    numbers = np.random.default_rng(2)
    print_graph('golden_mlp', mlp, 3, 122, 0.5, numbers)
    print_graph('golden_user', user, 4, 15, 2.0, numbers)
    print('#endif\n#endif /* GOLDEN_TAPE_H */')
