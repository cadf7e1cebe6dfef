/* worker.js: runs web.c in a thread of its own. In: {module} once, then {learn: Float32Array, n,
   dim, effort}. Out: {sketch}, {progress}, {model}, {samples}, {failed}; see page.js. */
'use strict';
let w = null, seed = 0;
const SAMPLES = 1600, BATCH = 32; /* all drawn at once, told a few at a time */

const imports = { page: {
    progress(stage, done) { postMessage({ progress: done, stage }); return 0; },
    sketched() { const s = surface(); postMessage({ sketch: s }, [s.vertex.buffer]); return 0; },
} };

function words(p) {
    const m = new Uint8Array(w.memory.buffer, p);
    return new TextDecoder().decode(m.slice(0, m.indexOf(0)));
}

function surface() {
    const n = run.n;
    return {
        vertex: new Float64Array(w.memory.buffer, w.vertex(), n * w.vertices()).slice(),
        cell: new Int32Array(w.memory.buffer, w.cell(), n * w.cells()).slice(), n,
    };
}

/* Energies, nearest points and distances of rows */
function score(x, n) {
    const B = x.length / n, p = w.room(4 * B * (2 * n + 2)), F = 4 * B * n;
    new Float32Array(w.memory.buffer, p, B * n).set(x);
    const r = B ? w.score(B, p, p + F, p + 2 * F, p + 2 * F + 4 * B) : 0;
    const get = (at, count) => new Float32Array(w.memory.buffer, at, count).slice();
    const out = { nearest: get(p + F, B * n), distance: get(p + 2 * F, B),
                  energy: w.has_energy() ? get(p + 2 * F + 4 * B, B) : new Float32Array(B), r };
    w.leave(p);
    return out;
}

function sample(B, n) {
    const p = w.room(4 * B * n);
    const r = w.sample(B, p, ++seed);
    const x = new Float32Array(w.memory.buffer, p, B * n).slice();
    w.leave(p);
    return r ? new Float32Array(0) : x;
}

/* What a model with a sign is drawn by is its zero set; one without, points of it close together:
   those nearest to data, to samples and to points beside these. */
function drawn(x, n) {
    if (w.has_sign() && w.trace(n === 2 ? 220 : 44) === 0) {
        const s = surface();
        s.energy = score(Float32Array.from(s.vertex), n).energy;
        return s;
    }
    const near = [];
    let from = x;
    for (let round = 0; round < 6; round++) {
        const s = score(from.map((v) => v + (round ? 0.03 * (Math.random() - 0.5) : 0)), n);
        for (let b = 0; b < s.distance.length; b++)
            if (s.distance[b] < 0.06) near.push(...s.nearest.slice(n * b, n * b + n));
    }
    const vertex = Float64Array.from(near);
    return { vertex, cell: new Int32Array(0), n,
             energy: score(Float32Array.from(vertex), n).energy };
}

function told() {
    const all = w.verdict(), list = [];
    for (let bits = all; bits; bits &= ~w.worst(bits))
        list.push({ says: words(w.says(bits)), advice: words(w.advice(bits)),
                    bad: !!w.bad(w.worst(bits)) });
    return { verdict: all, bad: !!w.bad(all), list, pieces: w.pieces(), distance: w.distance(),
             extent: w.extent(), energy: !!w.has_energy() };
}

const run = { n: 2, token: 0 };

function stream(token, x) {
    if (token !== run.token || !x.length) return;
    postMessage({ samples: x.slice(0, BATCH * run.n), left: x.length / run.n });
    setTimeout(stream, 40, token, x.slice(BATCH * run.n));
}

function learn(m) {
    const N = m.learn.length / m.n, p = w.room(4 * m.learn.length), began = performance.now();
    run.n = m.n;
    run.token++;
    new Float32Array(w.memory.buffer, p, m.learn.length).set(m.learn);
    if (m.n - m.dim === 1) w.sketch(N, m.n, p);
    const r = w.fit(N, m.n, p, m.dim, m.effort);
    w.leave(p);
    if (r) return postMessage({ failed: words(w.error(r)) });
    const shape = drawn(m.learn, m.n), t = told();
    t.shape = shape;
    t.seconds = (performance.now() - began) / 1000;
    postMessage({ model: t });
    stream(run.token, sample(SAMPLES, m.n));
}

onmessage = async (e) => {
    if (e.data.module) {
        w = (await WebAssembly.instantiate(e.data.module, imports)).exports;
        w._initialize();
        postMessage({ ready: true });
    } else {
        learn(e.data);
    }
};
