"""The MDF training step and the constrained Langevin step of ebim.h, in JAX and in PyTorch, and
values and gradient of its denoiser for 64 images in PyTorch.

Reads what ours.c wrote (the same parameters, points and noise for all), checks that every
implementation computes the same loss, gradient and move, then times them in turns on one core and
prints a table; the last line is one JSON object. Usage: peers.py OURS.json BENCH [LIMIT_DIR]
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time

ONE_CORE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "XLA_FLAGS":
            "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
os.environ.update(ONE_CORE)

F_SIZES, E_SIZES = (2, 8, 8, 8, 1), (2, 32, 32, 1)
BATCH, BUFFER, LANGEVIN, CHAINS = 50, 1000, 20, 100
NOISE, DRIFT, CLAMP, BOX = 0.1, 10.0, 0.03, 2.0
RATE, BETA1, BETA2, ADAM_EPS = 0.01, 0.9, 0.999, 1e-8
EPS, NEWTON = 0.3, 20
TOLERANCE, ROUNDS = 1e-4, 7
WHAT = ("mdf", "clmc", "denoiser")


def layers(theta, sizes):
    """theta as [(W, b)]: per layer W [out][in], then b [out]."""
    out, at = [], 0
    for n, m in zip(sizes, sizes[1:]):
        W = [theta[at + i * n:at + (i + 1) * n] for i in range(m)]
        out.append((W, theta[at + m * n:at + m * n + m]))
        at += m * n + m
    return out


def pairs(x):
    return [x[i:i + 2] for i in range(0, len(x), 2)]


# ---- JAX ----

class Jax:
    name = "JAX, jit"

    def __init__(self, ours):
        import jax
        import jax.numpy as jnp
        self.jax, self.jnp = jax, jnp
        self.name += " " + jax.__version__
        self.F, self.E = ([(jnp.array(W), jnp.array(b)) for W, b in layers(ours[k], s)]
                          for k, s in (("F", F_SIZES), ("E", E_SIZES)))
        self.x, self.neg, self.q, self.r = (jnp.array(pairs(ours[k])) for k in
                                            ("data", "negatives", "chains", "noise"))
        self.jit_loss = jax.jit(jax.value_and_grad(self.loss))
        self.jit_move = jax.jit(self.move)
        self.jit_step = jax.jit(self.step)
        self.jit_steps = jax.jit(lambda s: jax.lax.scan(lambda c, _: (self.step(c), 0), s, None,
                                                        length=100)[0])
        self.jit_moves = jax.jit(self.moves)

    def net(self, theta, x):
        for W, b in theta[:-1]:
            x = self.jax.nn.silu(W @ x + b)
        W, b = theta[-1]
        return (W @ x + b)[0]

    def loss(self, theta, x, negatives):
        jnp, vmap = self.jnp, self.jax.vmap
        value, slope = vmap(self.jax.value_and_grad(self.net, 1), (None, 0))(theta, x)
        short = jnp.maximum(1 - jnp.linalg.norm(slope, axis=1), 0)
        e = jnp.abs(vmap(self.net, (None, 0))(theta, negatives))
        return jnp.mean(jnp.abs(value) + 10 * short ** 2) + jnp.mean(e ** 2 - 0.3 * e)

    def start(self):
        zeros = self.jax.tree_util.tree_map(self.jnp.zeros_like, self.F)
        key = self.jax.random.PRNGKey(0)
        buffer = self.jax.random.uniform(key, (BUFFER, 2), minval=-BOX, maxval=BOX)
        return self.F, zeros, zeros, 0.0, buffer, key

    def step(self, state):
        """One training step: negatives from the buffer, Langevin, eq. 8, Adam."""
        jax, jnp = self.jax, self.jnp
        theta, m, v, t, buffer, key = state
        key, *k = jax.random.split(key, 6)
        x = self.x[jax.random.permutation(k[0], BATCH)]
        slot = jax.random.randint(k[1], (BATCH,), 0, BUFFER)
        fresh = jax.random.uniform(k[2], (BATCH, 2), minval=-BOX, maxval=BOX)
        y = jnp.where(jax.random.uniform(k[3], (BATCH, 1)) < 0.05, fresh, buffer[slot])
        slope = jax.vmap(jax.grad(lambda p: jnp.abs(self.net(theta, p))))
        noise = NOISE * jax.random.normal(k[4], (LANGEVIN, BATCH, 2))
        y = jax.lax.fori_loop(0, LANGEVIN, lambda i, y: y + noise[i] -
                              DRIFT * jnp.clip(slope(y), -CLAMP, CLAMP), y)
        y = jnp.clip(y, -BOX, BOX)
        g = jax.grad(self.loss)(theta, x, y)
        t = t + 1
        tree = jax.tree_util.tree_map
        m = tree(lambda a, b: BETA1 * a + (1 - BETA1) * b, m, g)
        v = tree(lambda a, b: BETA2 * a + (1 - BETA2) * b * b, v, g)
        theta = tree(lambda p, a, b: p - RATE * a / (1 - BETA1 ** t) /
                     (jnp.sqrt(b / (1 - BETA2 ** t)) + ADAM_EPS), theta, m, v)
        return theta, m, v, t, buffer.at[slot].set(y), key

    def move1(self, q, r):
        """A constrained step of one chain: Newton along J(q), as in eq. 12-14."""
        jax, jnp = self.jax, self.jnp
        F, E = (lambda p: self.net(self.F, p)), (lambda p: self.net(self.E, p))
        J = jax.grad(F)(q)
        r = r - J * (J @ r) / (J @ J)
        y0 = q + EPS * r - 0.5 * EPS ** 2 * jax.grad(E)(q)
        tol = 16 * 2.0 ** -23 * jnp.max(jnp.abs(y0)) * jnp.linalg.norm(J)

        def far(s):
            return (jnp.abs(s[1]) > tol) & (s[2] < NEWTON)

        def newton(s):
            y, f, i = s
            y = y - f / (jax.grad(F)(y) @ J) * J
            return y, F(y), i + 1

        y, f, _ = jax.lax.while_loop(far, newton, (y0, F(y0), 0))
        return jnp.where(jnp.abs(f) <= tol, y, q)

    def move(self, q, r):
        return self.jax.vmap(self.move1)(q, r)

    def moves(self, q, key):
        """20 steps in one call, with noise of its own."""
        noise = self.jax.random.normal(key, (20, CHAINS, 2))
        return self.jax.lax.fori_loop(0, 20, lambda i, q: self.move(q, noise[i]), q)

    def results(self):
        value, g = self.jit_loss(self.F, self.x, self.neg)
        flat = [float(v) for W, b in g for a in (W, b) for v in a.ravel()]
        return float(value), flat, [float(v) for v in self.jit_move(self.q, self.r).ravel()]

    def tasks(self):
        ready, state, key = self.jax.block_until_ready, self.start(), self.jax.random.PRNGKey(1)
        return {(self.name, "mdf"): (lambda: ready(self.jit_step(state)), 20, 1e6),
                (self.name, "clmc"): (lambda: ready(self.jit_move(self.q, self.r)), 20,
                                      1e9 / CHAINS),
                (self.name + ", many steps in a call", "mdf"):
                    (lambda: ready(self.jit_steps(state)), 1, 1e6 / 100),
                (self.name + ", many steps in a call", "clmc"):
                    (lambda: ready(self.jit_moves(self.q, key)), 1, 1e9 / CHAINS / 20)}


# ---- PyTorch ----

class Torch:
    name = "PyTorch, eager"

    def __init__(self, ours):
        import torch
        self.torch = torch
        torch.set_num_threads(1)
        self.name += " " + torch.__version__
        self.F, self.E = ([torch.tensor(a) for pair in layers(ours[k], s) for a in pair]
                          for k, s in (("F", F_SIZES), ("E", E_SIZES)))
        for p in self.F:
            p.requires_grad_()
        self.x, self.neg, self.q, self.r = (torch.tensor(pairs(ours[k])) for k in
                                            ("data", "negatives", "chains", "noise"))
        self.adam = torch.optim.Adam(self.F, lr=RATE)
        self.buffer = 2 * BOX * torch.rand(BUFFER, 2) - BOX
        self.before = [p.detach().clone() for p in self.F]

    def net(self, theta, x):
        for i in range(0, len(theta) - 2, 2):
            x = self.torch.nn.functional.silu(x @ theta[i].T + theta[i + 1])
        return (x @ theta[-2].T + theta[-1])[:, 0]

    def slope(self, theta, x, graph=False, energy=lambda y: y):
        x = x.detach().requires_grad_()
        y = self.net(theta, x)
        return y, self.torch.autograd.grad(energy(y).sum(), x, create_graph=graph)[0]

    def loss(self, x, negatives):
        value, slope = self.slope(self.F, x, graph=True)
        short = (1 - slope.norm(dim=1)).clamp(min=0)
        e = self.net(self.F, negatives).abs()
        return (value.abs() + 10 * short ** 2).mean() + (e ** 2 - 0.3 * e).mean()

    def step(self):
        torch = self.torch
        x = self.x[torch.randperm(BATCH)]
        slot = torch.randint(0, BUFFER, (BATCH,))
        fresh = 2 * BOX * torch.rand(BATCH, 2) - BOX
        y = torch.where(torch.rand(BATCH, 1) < 0.05, fresh, self.buffer[slot])
        for _ in range(LANGEVIN):
            g = self.slope(self.F, y, energy=torch.abs)[1].clamp(-CLAMP, CLAMP)
            y = y + NOISE * torch.randn_like(y) - DRIFT * g
        y = y.clamp(-BOX, BOX)
        self.buffer[slot] = y
        self.adam.zero_grad()
        self.loss(x, y).backward()
        self.adam.step()

    def move(self, q, r):
        torch = self.torch
        J = self.slope(self.before, q)[1]
        r = r - J * (J * r).sum(1, keepdim=True) / (J * J).sum(1, keepdim=True)
        y = q + EPS * r - 0.5 * EPS ** 2 * self.slope(self.E, q)[1]
        tol = 16 * 2.0 ** -23 * y.abs().max(dim=1).values * J.norm(dim=1)
        f, g = self.slope(self.before, y)
        for _ in range(NEWTON):
            far = f.abs() > tol
            if not far.any():
                break
            mu = torch.where(far, f / (g * J).sum(1), torch.zeros_like(f))
            y = y - mu[:, None] * J
            f, g = self.slope(self.before, y)
        return torch.where((f.abs() <= tol)[:, None], y, q).detach()

    def results(self):
        value = self.loss(self.x, self.neg)
        g = self.torch.autograd.grad(value, self.F)
        return (value.item(), [v for a in g for v in a.flatten().tolist()],
                self.move(self.q, self.r).flatten().tolist())

    def denoiser(self):
        """ebim_denoiser of 28 x 28 pixels; its weights are not ours, what they cost is the same."""
        torch, nn, F = self.torch, self.torch.nn, self.torch.nn.functional

        def conv(a, b, k=3):
            return nn.Conv2d(a, b, k, padding=k // 2)
        c = nn.ModuleList([conv(4, 32), conv(32, 32), conv(128, 64, 1), conv(64, 64), conv(64, 64),
                           conv(64, 64), conv(64, 64), conv(64, 128, 1), conv(64, 32),
                           conv(32, 32), conv(32, 4)]).to(memory_format=torch.channels_last)
        x = torch.rand(64, 1, 28, 28).contiguous(memory_format=torch.channels_last)

        def step():
            h = F.silu(c[1](F.silu(c[0](F.pixel_unshuffle(x, 2)))))
            z = F.silu(c[2](F.pixel_unshuffle(h, 2)))
            z = F.silu(z + c[4](F.silu(c[3](z))))
            z = F.silu(z + c[6](F.silu(c[5](z))))
            z = torch.cat([h, F.pixel_shuffle(c[7](z), 2)], 1)
            y = F.pixel_shuffle(c[10](F.silu(c[9](F.silu(c[8](z))))), 2)
            c.zero_grad()
            ((y - x) ** 2).sum().backward()
        return step

    def tasks(self):
        return {(self.name, "mdf"): (self.step, 3, 1e6),
                (self.name, "clmc"): (lambda: self.move(self.q, self.torch.randn(CHAINS, 2)), 3,
                                      1e9 / CHAINS),
                (self.name, "denoiser"): (self.denoiser(), 2, 1e3)}


# ---- all ----

def differs(what, a, b):
    """Says where a and b differ by more than TOLERANCE of the largest number."""
    top = max(abs(v) for v in b)
    i = max(range(len(b)), key=lambda i: abs(a[i] - b[i]))
    off = abs(a[i] - b[i]) / top
    print(f"  {what}: largest difference {off:.1e}")
    if len(a) == len(b) and off <= TOLERANCE:
        return False
    print(f"  {what} [{i}] is {a[i]:.9g}, ours {b[i]:.9g}")
    return True


def check(peer, ours):
    print(peer.name)
    loss, gradient, moved = peer.results()
    return any([differs("loss", [loss], [ours["loss"]]),
                differs("gradient", gradient, ours["gradient"]),
                differs("constrained step", moved, ours["moved"])])


def seconds(f, loops):
    start = time.perf_counter()
    for _ in range(loops):
        f()
    return (time.perf_counter() - start) / loops


def bench(program, only):
    out = subprocess.run([program, "--only", only], capture_output=True, text=True, check=True)
    return json.loads(out.stdout.splitlines()[-1])


def ours_once(program):
    both = {**bench(program, "mdf_step"), **bench(program, "clmc_newton")}
    denoiser = bench(program, "denoiser_step_s")["denoiser_step_s"]
    return both["mdf_step_us"], both["clmc_newton_ns"], 1e3 * denoiser


def prototypes(folder):
    """The hand-made programs of a folder, if there is one: what the processor can do."""
    def figure(program, pattern):
        out = subprocess.run([os.path.join(folder, program)], capture_output=True, text=True)
        return float(re.search(pattern, out.stdout).group(1))
    return (figure("mdf_tuned", r"TRAIN : ([0-9.]+)"),
            figure("clmc", r"Newton.*?= ([0-9.]+) ns"))


def main():
    ours = json.load(open(sys.argv[1]))
    peers, failed = [], False
    for kind in (Jax, Torch):
        try:
            peers.append(kind(ours))
        except ImportError as e:
            print(f"{kind.name}: left out: {e}")
    for peer in peers:
        failed |= check(peer, ours)
    if failed:
        sys.exit(1)
    tasks = {k: t for peer in peers for k, t in peer.tasks().items()}
    times = {}
    for f, _, _ in tasks.values():
        f()
    for _ in range(ROUNDS):
        for k, (f, loops, unit) in tasks.items():
            times.setdefault(k, []).append(unit * seconds(f, loops))
        rows = [("ebim.h", ours_once(sys.argv[2]))]
        if len(sys.argv) > 3:
            rows.append(("hand-made for this step", prototypes(sys.argv[3])))
        for name, figures in rows:
            for what, figure in zip(WHAT, figures):
                times.setdefault((name, what), []).append(figure)
    report(times)


def report(times):
    base = {what: min(times["ebim.h", what]) for what in WHAT}
    print(f"\n{'one core, best (median) of ' + str(ROUNDS):44}"
          f"{'us a training step':>28}{'ns a chain and constrained step':>36}"
          f"{'ms a denoiser step':>28}")
    result = {}
    for name in sorted({n for n, _ in times}, key=lambda n: min(times[n, "mdf"])):
        line = f"{name:44}"
        for what in WHAT:
            if (name, what) not in times:
                continue
            best, usual = min(times[name, what]), statistics.median(times[name, what])
            line += f"{best:12.5g} ({usual:.5g}) {best / base[what]:8.3g} x"
            result[f"{name} {what}"] = best
        print(line)
    print(json.dumps(result))


main()
