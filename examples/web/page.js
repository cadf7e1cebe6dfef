/* page.js: draws what worker.js learns. Coordinates of data: the shorter side of the view is -1..1,
   y up. Data in space are turned by the mouse. */
'use strict';
const $ = (id) => document.getElementById(id);
const view = $('view'), pen = view.getContext('2d');
const SPACING = 4;      /* pixels between points of a line that is drawn */
const WAIT = 700;       /* ms after the last line until learning begins */
const LEAST = 30;       /* points */
const STAGES = ['Sketching', 'Learning the shape', 'Learning the density', 'Checking', 'Drawing'];

let worker = null, ready = null, module = null, timer = 0;
let set = 'draw', n = 2, data = [], shape = null, sketch = null, samples = [], stroke = null;
let turn = { a: 0.6, b: 0.45, from: null }, dirty = true;
let slowest = 0, last = 0;                      /* ms between two frames while learning */
const state = { phase: 'ready' };               /* what tests read */
window.ebim = { state, data: () => data, samples: () => samples, toPixels: (x) => pixels(x) };

/* ---- view ---- */

let W = 1, H = 1, unit = 1;
function fit() {
    const r = view.getBoundingClientRect(), d = window.devicePixelRatio || 1;
    W = r.width; H = r.height;
    view.width = W * d; view.height = H * d;
    pen.setTransform(d, 0, 0, d, 0, 0);
    unit = Math.min(W, H) / 2.1;
    dirty = true;
}
const pixels = (x) => [W / 2 + unit * x[0], H / 2 - unit * x[1]];

/* Turned: right, up, towards the eye */
function turned(x, y, z) {
    const ca = Math.cos(turn.a), sa = Math.sin(turn.a), cb = Math.cos(turn.b), sb = Math.sin(turn.b);
    const u = ca * x + sa * y, v = -sa * x + ca * y;
    return [u, cb * z + sb * v, sb * z - cb * v];
}

const STOPS = [[59, 47, 143], [47, 127, 158], [54, 178, 122], [201, 210, 60]];
function colour(t, light = 1) {
    const s = Math.min(2.999, Math.max(0, 3 * t)), i = Math.floor(s), f = s - i;
    const c = STOPS[i].map((v, k) => light * (v + f * (STOPS[i + 1][k] - v)) | 0);
    return `rgb(${Math.min(255, c[0])},${Math.min(255, c[1])},${Math.min(255, c[2])})`;
}

/* Density relative to the uniform one, e^-E, from a fifth to five, in logs, to 0..1 */
const share = (E) => 0.5 - E / (2 * Math.log(5));

function dot(x, y, r) { pen.beginPath(); pen.arc(x, y, r, 0, 7); pen.fill(); }

/* The last samples are seen, the newest best */
const SEEN = 160;
const first = (n) => Math.max(0, samples.length - SEEN * n);
function sampled(p, i, n) {
    pen.globalAlpha = 1 - (samples.length - i) / n / SEEN;
    pen.fillStyle = '#fff';
    dot(...p, 5);
    pen.fillStyle = '#ff4d2e';
    dot(...p, 3.6);
    pen.globalAlpha = 1;
}

function drawPlane() {
    const part = shape || sketch;
    if (part) {
        pen.lineCap = 'round';
        pen.lineWidth = shape ? 9 : 2.5;
        for (let i = 0; i < part.cell.length; i += 2) {
            const a = part.cell[i], b = part.cell[i + 1], v = part.vertex;
            pen.strokeStyle = shape ? colour(share((part.energy[a] + part.energy[b]) / 2)) : '#b9c4d4';
            pen.beginPath();
            pen.moveTo(...pixels([v[2 * a], v[2 * a + 1]]));
            pen.lineTo(...pixels([v[2 * b], v[2 * b + 1]]));
            pen.stroke();
        }
        if (!part.cell.length)
            for (let i = 0; i < part.energy.length; i++) {
                pen.fillStyle = colour(share(part.energy[i]));
                dot(...pixels([part.vertex[2 * i], part.vertex[2 * i + 1]]), 4.5);
            }
    }
    pen.fillStyle = shape ? '#ffffffcc' : '#1d2433';
    for (let i = 0; i < data.length; i += 2) dot(...pixels([data[i], data[i + 1]]), shape ? 1 : 2);
    for (let i = first(2); i < samples.length; i += 2)
        sampled(pixels([samples[i], samples[i + 1]]), i, 2);
}

function drawSpace() {
    const part = shape || sketch || { vertex: [], cell: [] };
    const at = (p) => pixels([0.86 * p[0], 0.86 * p[1]]), P = [], order = [];
    const turn3 = (x, i) => turned(x[i], x[i + 1], x[i + 2]);
    for (let i = 0; i < part.vertex.length; i += 3) P.push(turn3(part.vertex, i));
    for (let i = 0; i < part.cell.length; i += 3) {
        const z = P[part.cell[i]][2] + P[part.cell[i + 1]][2] + P[part.cell[i + 2]][2];
        order.push([z / 3, () => drawTriangle(part, P, at, i)]);
    }
    const near = 0.03; /* points lie on the surface, and before it */
    for (let i = 0; i < data.length; i += 3) {
        const p = turn3(data, i);
        order.push([p[2] + near, () => {
            pen.fillStyle = shape ? '#ffffffaa' : '#1d2433aa';
            dot(...at(p), 1.4);
        }]);
    }
    for (let i = first(3); i < samples.length; i += 3) {
        const p = turn3(samples, i);
        order.push([p[2] + near, () => sampled(at(p), i, 3)]);
    }
    order.sort((p, q) => p[0] - q[0]); /* what is nearer is drawn over what is behind it */
    for (const [, draw] of order) draw();
}

function drawTriangle(part, P, at, i) {
    const k = [part.cell[i], part.cell[i + 1], part.cell[i + 2]], [a, b, c] = k.map((j) => P[j]);
    const u = b.map((v, j) => v - a[j]), w = c.map((v, j) => v - a[j]);
    const N = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]];
    const lit = Math.abs(0.35 * N[0] + 0.5 * N[1] + 0.8 * N[2]) / (Math.hypot(...N) || 1);
    const light = 0.55 + 0.6 * lit;
    pen.fillStyle = pen.strokeStyle = shape
        ? colour(share((shape.energy[k[0]] + shape.energy[k[1]] + shape.energy[k[2]]) / 3), light)
        : `rgba(${[150, 165, 190].map((g) => g * light + 30 | 0)},.55)`;
    pen.lineWidth = 0.6;
    pen.beginPath();
    pen.moveTo(...at(a)); pen.lineTo(...at(b)); pen.lineTo(...at(c));
    pen.closePath(); pen.fill();
    if (shape) pen.stroke();
}

function frame(now) {
    if (state.phase === 'learning' && last) slowest = Math.max(slowest, now - last);
    last = now;
    if (n === 3 && !turn.from && state.phase !== 'learning' && data.length) {
        turn.a += 0.003;
        dirty = true;
    }
    if (dirty) {
        dirty = false;
        pen.clearRect(0, 0, W, H);
        if (n === 2) drawPlane(); else drawSpace();
    }
    requestAnimationFrame(frame);
}

/* ---- words ---- */

function show(what, done) {
    $('what').textContent = what;
    $('percent').textContent = done === null ? '' : Math.round(100 * done) + ' %';
    $('bar').firstElementChild.style.width = done === null ? '0' : 100 * done + '%';
}

function showModel(m) {
    const box = $('verdict'), list = box.querySelector('ul'), b = box.querySelector('b');
    b.textContent = m.bad ? 'Do not trust it' : m.list.length ? 'Good, with a remark' : 'Good';
    if (!m.list.length)
        list.innerHTML = '<li>The data lie on it, a second network agrees, and the density fits.</li>';
    else list.replaceChildren(...m.list.map((v) => {
        const li = document.createElement('li');
        li.textContent = v.says[0].toUpperCase() + v.says.slice(1) + '.';
        li.title = v.advice;
        return li;
    }));
    box.className = m.bad ? 'bad' : m.list.length ? 'warn' : '';
    const number = (v, d) => (isFinite(v) ? v.toFixed(d) : 'not known');
    $('pieces').textContent = m.pieces || 'not known';
    $('extent-name').textContent = n === 2 ? 'length' : 'area';
    $('extent').textContent = number(m.extent, 2);
    $('distance').textContent = number(m.distance, 4);
    $('points').textContent = data.length / n;
    $('seconds').textContent = m.seconds.toFixed(1) + ' s';
    box.hidden = $('figures').hidden = false;
}

/* ---- learning ---- */

function bytes(text) {
    const raw = atob(text), b = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) b[i] = raw.charCodeAt(i);
    return b;
}

/* A worker that is ready to learn. One that is busy is dropped: nothing waits for it. */
async function begin() {
    if (!module) module = await WebAssembly.compile(bytes($('wasm').textContent.trim()));
    if (worker) worker.terminate();
    worker = new Worker(URL.createObjectURL(new Blob([$('worker').textContent])));
    worker.onmessage = (e) => heard(e.data);
    worker.postMessage({ module });
    state.phase = 'ready';
}

function heard(m) {
    dirty = true;
    if (m.progress !== undefined) show(STAGES[m.stage], m.progress);
    if (m.sketch) sketch = m.sketch, state.sketches = (state.sketches || 0) + 1;
    if (m.failed) {
        state.phase = 'failed';
        show('Not learned: ' + m.failed, null);
    }
    if (m.model) {
        shape = m.model.shape;
        Object.assign(state, m.model, { phase: 'drawing', slowest });
        delete state.shape;
        show('Drawing samples', 1);
        showModel(m.model);
    }
    if (m.samples) {
        samples.push(...m.samples);
        $('samples').textContent = samples.length / n;
        if (m.left * n === m.samples.length) {
            state.phase = 'done';
            show('Learned', 1);
        }
    }
}

async function learn() {
    if (data.length / n < LEAST) return show('More points, please', null);
    await begin();
    forget();
    state.phase = 'learning';
    slowest = last = 0;
    show(STAGES[0], 0);
    worker.postMessage({ learn: Float32Array.from(data), n, dim: n - 1, effort: 0.25 });
}

/* What was learned, not the data */
function forget() {
    shape = sketch = null;
    samples = [];
    state.sketches = 0;
    $('verdict').hidden = $('figures').hidden = true;
    $('samples').textContent = '';
    dirty = true;
}

function clear() {
    clearTimeout(timer);
    if (worker) worker.terminate();
    worker = null;
    data = [];
    forget();
    state.phase = 'ready';
    show('Ready', null);
    $('hint').hidden = set !== 'draw';
}

/* ---- data ---- */

/* Points of a sphere or a torus, denser on one side */
function made(kind) {
    const out = [], R = Math.random, tau = 2 * Math.PI;
    while (out.length < 3 * 800) {
        const a = tau * R(), b = tau * R(), z = 2 * R() - 1, s = Math.sqrt(1 - z * z);
        if (kind === 'sphere') {
            const p = [s * Math.cos(a), s * Math.sin(a), z];
            if (R() < Math.exp(1.2 * (p[0] - 1))) out.push(0.95 * p[0], 0.95 * p[1], 0.95 * p[2]);
        } else if (R() < (0.64 + 0.32 * Math.cos(b)) * Math.exp(Math.cos(a) - 1)) {
            const r = 0.64 + 0.32 * Math.cos(b);
            out.push(r * Math.cos(a), r * Math.sin(a), 0.32 * Math.sin(b));
        }
    }
    return out;
}

function choose(kind) {
    set = kind;
    n = kind === 'draw' ? 2 : 3;
    for (const b of document.querySelectorAll('#sets button'))
        b.classList.toggle('on', b.dataset.set === kind);
    view.classList.toggle('turn', n === 3);
    clear();
    if (n === 3) {
        data = made(kind);
        learn();
    }
}

/* Points at equal steps of the line from where the pen was */
function moveTo(x, y) {
    const dx = x - stroke[0], dy = y - stroke[1], d = Math.hypot(dx, dy);
    for (let k = 1; k * SPACING <= d; k++) {
        const px = stroke[0] + dx * k * SPACING / d, py = stroke[1] + dy * k * SPACING / d;
        data.push((px - W / 2) / unit, (H / 2 - py) / unit);
    }
    const whole = Math.floor(d / SPACING) * SPACING;
    if (d > 0) stroke = [stroke[0] + dx * whole / d, stroke[1] + dy * whole / d];
    dirty = true;
}

view.addEventListener('pointerdown', (e) => {
    view.setPointerCapture(e.pointerId);
    if (n === 3) {
        turn.from = [e.clientX, e.clientY, turn.a, turn.b];
        return;
    }
    clearTimeout(timer);
    if (worker) worker.terminate(), worker = null;
    if (shape || sketch) forget();
    state.phase = 'ready';
    show('Ready', null);
    $('hint').hidden = true;
    stroke = [e.offsetX, e.offsetY];
});

view.addEventListener('pointermove', (e) => {
    if (turn.from) {
        turn.a = turn.from[2] - (e.clientX - turn.from[0]) / 150;
        turn.b = Math.max(-1.6, Math.min(1.6, turn.from[3] + (e.clientY - turn.from[1]) / 150));
        dirty = true;
    } else if (stroke) {
        for (const p of e.getCoalescedEvents ? e.getCoalescedEvents() : [e])
            moveTo(p.offsetX, p.offsetY);
    }
});

view.addEventListener('pointerup', (e) => {
    if (stroke) {
        moveTo(e.offsetX, e.offsetY);
        timer = setTimeout(learn, WAIT);
    }
    stroke = turn.from = null;
});

for (const b of document.querySelectorAll('#sets button'))
    b.addEventListener('click', () => choose(b.dataset.set));
$('clear').addEventListener('click', () => choose('draw'));
window.addEventListener('resize', fit);
fit();
requestAnimationFrame(frame);
