#!/bin/sh
# test_python.sh: libebim.so and examples/python/ebim.py, as their users meet them: that results are
# those of the tool, byte by byte, and everything that can go wrong, with its words. Fits are a
# twentieth of the usual effort.

. "$(dirname "$0")/t.sh"
MAKE=${MAKE:-make}
case ${BUILD:-build} in
/*) BIN=$BUILD ;;
*) BIN=$TOP/${BUILD:-build} ;;
esac
for python in "$PYTHON" python3 /usr/bin/python3 ''; do
    if [ "$python" ] && "$python" -c 'import numpy' 2>/dev/null; then break; fi
done

# Python's standard input, with what all checks use; every warning that is not asked for is an error
py() {
    if [ ! "$python" ]; then skip 'no python3 with numpy here'; fi
    { cat "$T_TMP/common.py"; cat; } >check.py
    EBIM_LIB=${LIB:-$BIN/libebim.so} PYTHONPATH=$TOP/examples/python TOOL=$BIN/ebim TOP=$TOP \
        PYTHONDONTWRITEBYTECODE=1 "$python" -W error -W ignore::ResourceWarning check.py
}

cat >"$T_TMP/common.py" <<'END'
import copy, os, pickle, signal, subprocess, sys, threading, time, warnings
import numpy as np
import ebim
from ebim import EbimError, EbimValueError, EbimWarning, Manifold, NotFittedError

def ellipse(N=400, seed=0):
    t = np.random.default_rng(seed).vonmises(0, 1, N)
    return np.c_[3 * np.cos(t), 2 * np.sin(t)].astype("f4")

def fitted(X=None, **how):
    return Manifold(**{"dim": 1, "effort": 0.05, **how}).fit(ellipse() if X is None else X)

def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), (a, b)

def refused(kind, words, f, *args, **named):
    try:
        f(*args, **named)
    except kind as e:
        assert words in str(e), "%r has no %r" % (str(e), words)
        return e
    raise AssertionError("not refused: %s %r" % (words, args))

def warned(words, f, *args, **named):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = f(*args, **named)
    assert [w for w in told if w.category is EbimWarning and words in str(w.message)], told
    return result
END

# ---- the library ----

# Whoever links against it counts on these, as long as the number of the soname stays.
exports_are_these() {
    for tool in nm readelf; do command -v $tool >/dev/null || skip "no $tool here"; done
    nm -D --defined-only "$BIN/libebim.so" | awk '$2 == "T" { print $3 }' | sort >names
    tr ' ' '\n' >wanted <<'END'
ebim_c_abi ebim_c_fit ebim_c_free ebim_c_get ebim_c_grad_log_density ebim_c_load ebim_c_log_density
ebim_c_new ebim_c_real_bytes ebim_c_sample ebim_c_save ebim_c_score ebim_c_set ebim_c_text
ebim_c_worst
END
    diff wanted names || fail 'other functions than before are exported'
    major=$(awk '/^#define EBIM_VERSION_MAJOR/ { print $3 }' "$TOP/ebim.h")
    readelf -d "$BIN/libebim.so" | grep -q "SONAME.*\[libebim.so.$major\]"
    [ -f "$BIN/libebim.so.$major" ] || fail 'the loader would not find it'
    grep -q "^_ABI = $major " "$TOP/examples/python/ebim.py" || fail 'ebim.py is for another'
}

version_and_names() {
    py <<'END'
version = dict(line.split()[1:3] for line in open(os.environ["TOP"] + "/ebim.h")
               if line.startswith("#define EBIM_VERSION_"))
assert ebim.__version__ == ".".join(version["EBIM_VERSION_" + v]
                                    for v in ("MAJOR", "MINOR", "PATCH"))
model = fitted()
info = model.info
assert len(info) == len(set(ebim._NAMES)) > 40
assert info["n"] == 2 and info["m"] == 1 and info["points"] == 400 and info["fit_seed"] == 0
assert 0 < info["distance_mean"] < 0.05 and 15 < info["volume"] < 17
assert info["outlier_row"] == [] and type(info["components"]) is int
value = ebim.ctypes.byref(ebim.c_double())
for name, i in ((b"nothing", 0), (b"n", 1), (b"outlier_row", 16), (b"outlier_row", -1)):
    assert ebim._lib.ebim_c_get(model._handle, name, i, value) == -1
for name, number in ((b"verdict", 0), (b"nothing", 0), (b"dim", 1.5), (b"dim", 1e10),
                     (b"dim", np.nan), (b"seed", -1)):
    assert ebim._lib.ebim_c_set(model._handle, name, number) == -1
END
}

a_library_that_is_not_there() {
    LIB=$PWD/none.so py 2>log <<'END' && fail 'imported'
END
    grep -q 'ImportError.*none.so.*make lib' log
}

# ---- results ----

same_as_the_tool() {
    py <<'END'
def tool(*args):
    subprocess.run([os.environ["TOOL"], *args], check=True, stdout=subprocess.DEVNULL)

X = ellipse()
np.save("x.npy", X)
tool("fit", "x.npy", "--dim", "1", "--effort", "0.05", "--seed", "7", "-o", "tool.ebim")
tool("sample", "tool.ebim", "-n", "500", "--seed", "3", "-o", "sample.npy")
tool("score", "tool.ebim", "x.npy", "-o", "score.npy")
tool("project", "tool.ebim", "x.npy", "-o", "nearest.npy")
score = np.load("score.npy")
assert score.shape == (400, 4) and np.isfinite(score).all()
for model in (fitted(seed=7), Manifold.load("tool.ebim")):
    same(model.sample(500, seed=3), np.load("sample.npy"))
    same(model.transform(X), np.load("nearest.npy"))
    for i, column in enumerate((model.distance(X), model.energy(X), *model.score_samples(X, True))):
        same(column, np.ascontiguousarray(score[:, i]))
assert (fitted(seed=8).sample(500, seed=3) != np.load("sample.npy")).any()
assert (model.sample(500, seed=4) != np.load("sample.npy")).any()
fitted(seed=7).save("python.ebim")
tool("sample", "python.ebim", "-n", "500", "--seed", "3", "-o", "again.npy")
same(np.load("again.npy"), np.load("sample.npy"))
END
}

# Along the curve it is the difference of log densities; across it, nothing.
gradients_are_those_of_the_density() {
    py <<'END'
model = fitted()
t = np.linspace(0.3, 2.8, 20)
at = model.transform(np.c_[3 * np.cos(t), 2 * np.sin(t)])
step = np.roll(at, -1, axis=0)[:-1] - at[:-1]
along = np.diff(model.score_samples(at))
g = model.grad_log_density(at)
assert g.shape == at.shape and g.dtype == at.dtype
mean = ((g[:-1] + g[1:]) / 2 * step).sum(axis=1)
assert np.abs(mean - along).max() < 0.1 * np.abs(along).max(), (mean, along)
tangent = np.c_[-3 * np.sin(t), 2 * np.cos(t)] / np.hypot(3 * np.sin(t), 2 * np.cos(t))[:, None]
across = np.abs(g[:, 0] * tangent[:, 1] - g[:, 1] * tangent[:, 0])
assert across.max() < 0.05 * np.abs(g).max(), across
END
}

any_layout_is_the_same_data() {
    py <<'END'
X = ellipse()
wide = np.zeros((800, 6), "f8")
wide[::2, 1:5:3] = X
readonly = X.copy()
readonly.flags.writeable = False
model = fitted(X)
model.save("a")
for other in (X.tolist(), tuple(map(tuple, X.tolist())), X.astype("f8"), np.asfortranarray(X),
              wide[::2, 1:5:3], X[::-1, ::-1].copy()[::-1, ::-1], X.astype(">f8"), readonly,
              X.astype(object), np.ma.array(X)):
    fitted(other).save("b")
    assert open("a", "rb").read() == open("b", "rb").read(), type(other)
    same(model.distance(other), model.distance(X))
same(model.distance([[3, 0], [0, 1]]), model.distance(np.array([[3, 0], [0, 1]], "f4")))
assert model.distance([[True, False]]).shape == (1,)
assert fitted(X, seed=np.int64(3), effort=np.float32(0.05)).info["fit_seed"] == 3
END
}

weights_count() {
    py <<'END'
X = ellipse()
X[0] = (40, 40)
w = np.ones(400)
w[0] = 0
model = Manifold(dim=1, effort=0.05)
assert np.abs(model.fit(X, sample_weight=w).sample(100)).max() < 4
w = np.where(X[:, 1] > 0, 9.0, 1.0)
w[0] = 0
assert model.fit(X, sample_weight=w).sample(1000)[:, 1].mean() > 0.5
END
}

a_known_manifold() {
    py <<'END'
X = np.random.default_rng(0).normal(size=(500, 3))
X /= np.linalg.norm(X, axis=1)[:, None]
model = Manifold(on="sphere").fit(X)
assert model.info["m"] == 2 and model.has_density and model.verdict
assert np.abs(np.linalg.norm(model.sample(50), axis=1) - 1).max() < 1e-5
assert np.abs(model.score_samples(X) + np.log(4 * np.pi)).max() < 1
model.save("sphere")
assert Manifold.load("sphere").on == "sphere"
X[7] *= 1.3
e = refused(EbimValueError, "row 7 of X: a row lies off", Manifold(on="sphere").fit, X)
assert e.code == -25
END
}

# NaN, and not 0 or anything else that looks like a number
no_density_is_nan() {
    py <<'END'
X = ellipse()
model = fitted(density=False)
assert not model.has_density and model.info["has_energy"] == 0
assert all(np.isnan(model.info[key]) for key in ("nll", "nll_se", "log_z", "log_z_se"))
for values in (model.score_samples(X), model.energy(X), *model.score_samples(X, return_se=True)):
    assert values.shape == (400,) and np.isnan(values).all()
g = model.grad_log_density(X)
assert g.shape == (400, 2) and np.isnan(g).all()
assert np.isfinite(model.distance(X)).all() and np.isfinite(model.sample(5)).all()
for f in (model.score_samples, model.energy, model.grad_log_density):
    refused(ValueError, "X has 3 columns", f, [[1, 2, 3]])
lost = [[1e20, 0], [3, 0]]  # from the first of them there is no way
model = fitted()
for f in (model.score_samples, model.energy, model.grad_log_density, model.distance,
          model.transform):
    found = np.isfinite(f(lost).reshape(2, -1)).all(axis=1)
    assert not found[0] and found[1] and np.isnan(f(lost)[0]).all(), f
END
}

# ---- what is refused ----

wrong_data_are_named() {
    py <<'END'
model, X, none, much = fitted(), ellipse(), ellipse(), ellipse().astype("f8")
none[5, 1] = np.nan
much[9, 0] = 1e300
masked = np.ma.array(X, mask=np.zeros(X.shape, bool))
masked[4, 0] = np.ma.masked
ragged = [[1, 2]] * 3 + [[1, 2, 3]]
for f in (model.distance, model.transform, model.energy, model.score_samples,
          model.grad_log_density, Manifold(dim=1).fit, Manifold(dim=1).fit_transform):
    refused(ValueError, "row 5 of X holds nan", f, none)
    refused(ValueError, "row 9 of X holds 1e+300, which is too large for float32", f, much)
    refused(ValueError, "row 4 of X is masked", f, masked)
    refused(ValueError, "row 3 has 3 values, row 0 has 2", f, ragged)
    refused(ValueError, "shape (N, n), a row for each point, not (400,)", f, X[:, 0])
    refused(ValueError, "not (1, 400, 2)", f, X[None])
    refused(ValueError, "not ()", f, 3.0)
    refused(ValueError, "X has no rows", f, X[:0])
    refused(ValueError, "not complex", f, X + 1j)
    refused(ValueError, "real numbers, not <U1", f, [["a", "b"]])
    refused(ValueError, "no table of numbers", f, np.array([["a", None]], object))
    refused(ValueError, "row 0 of X holds nan", f, np.array([[1, None]], object))
for f in (model.distance, model.score_samples):
    refused(ValueError, "X has 3 columns, and the model is of R^2", f, np.ones((4, 3)))
w = np.ones(400)
fit = lambda w: Manifold(dim=1).fit(X, sample_weight=w)
refused(ValueError, "sample_weight has 3 rows, X has 400", fit, w[:3])
refused(ValueError, "shape (N,), not (400, 1)", fit, w[:, None])
refused(ValueError, "row 8 of sample_weight is -1.0", fit, np.where(np.arange(400) == 8, -1, w))
refused(ValueError, "row 2 of sample_weight holds 1e+99", fit,
        np.where(np.arange(400) == 2, 1e99, w))
assert refused(EbimValueError, "none below 0 and not all 0", fit, 0 * w).code == -19
END
}

wrong_settings_are_refused() {
    py <<'END'
X = ellipse()
for how, kind, words in (
        ({}, ValueError, "dim, the manifold's dimension, is missing"),
        ({"dim": 2}, ValueError, "it goes from 1 to n - 1"), ({"dim": -1}, ValueError, "dim"),
        ({"dim": 1.5}, TypeError, "dim should be a whole number, not 1.5"),
        ({"dim": True}, TypeError, "whole"), ({"dim": "1"}, TypeError, "whole"),
        ({"dim": 1, "effort": -1}, ValueError, "effort should be 0"),
        ({"dim": 1, "effort": np.nan}, ValueError, "effort"),
        ({"dim": 1, "effort": "much"}, ValueError, "much"),
        ({"dim": 1, "seed": -1}, ValueError, "seed is -1"),
        ({"dim": 1, "seed": 2**60}, ValueError, "seed is"),
        ({"dim": 1, "networks": -2}, ValueError, "recipe or networks"),
        ({"dim": 1, "recipe": "best"}, ValueError, "one of default, paper"),
        ({"on": "given"}, ValueError, "one of sphere, torus, axes, rotations, simplex"),
        ({"on": 1}, ValueError, "on is 1"), ({"on": "rotations"}, ValueError, "on or M"),
        ({"on": "sphere"}, ValueError, "row 0 of X")):
    refused(kind, words, Manifold(**how).fit, X)
refused(EbimValueError, "too few distinct points", Manifold(dim=1).fit, [[1, 2], [1, 2], [1, 2]])
refused(EbimValueError, "two coordinates or more", Manifold(dim=1).fit, [[1], [2], [3]])
refused(EbimValueError, "squares", Manifold(dim=1).fit, X * np.float32(1e30))
model = fitted()
refused(ValueError, "n_samples is 0", model.sample, 0)
refused(TypeError, "n_samples", model.sample, 1.0)
refused(ValueError, "seed is -1", model.sample, 1, seed=-1)
refused(TypeError, "seed", model.sample, 1, seed=np.random.default_rng(0))
refused(ValueError, "out of range", model.sample, 2**28)
END
}

what_is_not_fitted_says_so() {
    py <<'END'
new = Manifold(dim=1)
after = fitted()
refused(ValueError, "holds nan", after.fit, [[np.nan, 1]])  # and drops its model
never = Manifold()
refused(EbimValueError, "dim", never.fit, ellipse())
for model in (new, after, never):
    for f in (lambda: model.sample(1), lambda: model.distance([[1, 2]]), lambda: model.verdict,
              lambda: model.info, lambda: model.save("x"), lambda: model.score_samples([[1, 2]]),
              lambda: model.energy([[1, 2]]), lambda: model.grad_log_density([[1, 2]]),
              lambda: model.transform([[1, 2]])):
        refused(NotFittedError, "call fit, or load one", f)
assert issubclass(NotFittedError, ValueError) and not hasattr(new, "n_features_in_")
END
}

what_should_not_be_trusted_is_warned_of() {
    py <<'END'
noise = np.random.default_rng(1).uniform(size=(200, 2))
model = warned("do not trust it: ", fitted, noise, effort=0.02)
v = model.verdict
assert v.word == "bad" and not v and v.bits & 319
assert sum(bit for bit, _, _ in v.reasons) == v.bits and all(text for _, text, _ in v.reasons)
assert str(v).startswith("bad: " + v.reasons[0][1]) and v.reasons[0][0] & 319 and v.reasons[0][2]
model.save("bad")
warned("do not trust it", Manifold.load, "bad")
v = fitted().verdict
assert v.word in ("ok", "warn") and v and str(v).startswith(v.word), v
model = fitted()
known = model._get
model._get = lambda name: 1 if name == "by_projection" else known(name)
warned("not draws from a density", model.sample, 3)
END
}

# ---- stopping ----

# The signal is sent while the library works, in each stage.
ctrl_c_stops_a_fit() {
    py <<'END'
X = ellipse()
for stage in ("manifold", "energy"):
    calls = []
    def progress(now, done, loss):
        assert 0 <= done <= 1
        calls.append(now)
        if now == stage and calls.count("sent") == 0:
            calls[:] = ["sent"]
            os.kill(os.getpid(), signal.SIGINT)
    model = Manifold(dim=1, effort=5, progress=progress)
    refused(KeyboardInterrupt, "", model.fit, X)
    assert calls == ["sent"], "it went on"
    assert model.partial and model.verdict.word == "partial" and not model.verdict
    assert not model.has_density and np.isnan(model.score_samples(X)).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.save("partial")
    assert warned("stopped before it was done, and has no density", Manifold.load,
                  "partial").partial
assert np.isfinite(model.distance(X)).all()  # the manifold was finished
model.progress = None
assert not model.set_params(effort=0.05).fit(X).partial
END
}

# From outside, and nothing of ours is between: as at a terminal
ctrl_c_from_outside() {
    py <<'END'
if len(sys.argv) > 1:
    try:
        print("fitting", flush=True)
        Manifold(dim=1, effort=1000).fit(ellipse())
    except KeyboardInterrupt:
        print("stopped")
        sys.exit(5)
    sys.exit(0)
other = subprocess.Popen([sys.executable, "check.py", "fit"], stdout=subprocess.PIPE, text=True)
assert other.stdout.readline() == "fitting\n"
time.sleep(0.5)
other.send_signal(signal.SIGINT)
try:
    out, _ = other.communicate(timeout=60)
finally:
    other.kill()
assert (other.returncode, out) == (5, "stopped\n"), (other.returncode, out)
END
}

samples_and_scores_can_be_stopped() {
    py <<'END'
model = fitted()
many = np.tile(ellipse(), (50, 1))
tell, told = ebim._Call._tell, []
def telling(self, *progress):
    os.kill(os.getpid(), signal.SIGINT)
    told.append(tell(self, *progress))
    return told[-1]
ebim._Call._tell = telling
for f, x in ((model.sample, 20000), (model.score_samples, many), (model.transform, many),
             (model.grad_log_density, many)):
    refused(KeyboardInterrupt, "", f, x)
    assert told == [True], "it went on after it was told to stop: %s" % told[:9]
    told.clear()
ebim._Call._tell = tell
x = np.empty((20000, 2), "f4")
assert ebim._lib.ebim_c_sample(model._handle, 20000, x.ctypes.data, 0,
                               ebim._Progress(lambda *told: 1), None) == 1
same(model.sample(5), fitted().sample(5))
END
}

progress_stops_and_may_fail() {
    py <<'END'
X = ellipse()
model = Manifold(dim=1, effort=0.05, progress=lambda stage, done, loss: stage == "energy")
assert warned("stopped before it was done", model.fit, X) is model and model.partial
model.progress = lambda stage, done, loss: 1 / 0
refused(ZeroDivisionError, "", model.fit, X)
assert model.partial
seen = set()
model.progress = lambda stage, done, loss: seen.add(stage)
model.fit(X)
assert seen <= {"manifold", "energy", "check"} and "energy" in seen, seen
same(model.sample(5), fitted().sample(5))
END
}

# Python runs while the library works, and threads may share a model.
threads() {
    py <<'END'
model, X, got, counted = fitted(), ellipse(), {}, 0
def work(i):
    got[i] = (model.sample(300, seed=i % 2), model.score_samples(X), fitted(seed=i % 2).sample(5))
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for t in threads:
    t.start()
while any(t.is_alive() for t in threads):
    counted += 1
    time.sleep(0.001)
assert counted > 20 and len(got) == 4
for i in range(4):
    for a, b in zip(got[i], (model.sample(300, seed=i % 2), model.score_samples(X),
                             fitted(seed=i % 2).sample(5))):
        same(a, b)
END
}

# ---- files, and habits ----

save_and_load() {
    py <<'END'
X, model = ellipse(), fitted(seed=4)
def alike(other):
    same(other.sample(50), model.sample(50))
    same(other.score_samples(X), model.score_samples(X))
    assert other.verdict == model.verdict and other.dim == 1 and other.seed == 4
    assert str(other.info) == str(model.info)
model.save("a.ebim")
other = Manifold.load("a.ebim")
alike(other)
other.save(b"b.ebim")
assert open("a.ebim", "rb").read() == open("b.ebim", "rb").read()
for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
    alike(other)
    assert other.get_params() == model.get_params()
assert not hasattr(pickle.loads(pickle.dumps(Manifold(dim=3))), "verdict")
assert sorted(os.listdir(".")) == ["a.ebim", "b.ebim", "check.py"]

data = open("a.ebim", "rb").read()
open("flipped", "wb").write(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
open("short", "wb").write(data[:100])
open("empty", "wb")
e = refused(EbimValueError, "flipped: the model is damaged", Manifold.load, "flipped")
assert e.code == -10
for name in ("short", "empty", "check.py"):
    refused(EbimValueError, name + ": not an ebim model", Manifold.load, name)
refused(FileNotFoundError, "none.ebim", Manifold.load, "none.ebim")
refused(OSError, ".", Manifold.load, ".")
refused(FileNotFoundError, "no/such", model.save, "no/such/place")
refused(OSError, "/dev/null", model.save, "/dev/null")
refused(TypeError, "", model.save, 3)
refused(TypeError, "", Manifold.load, None)
END
}

parameters_are_scikit_learns() {
    py <<'END'
model = Manifold(dim=1, effort=0.05)
assert model.get_params() == {"dim": 1, "effort": 0.05, "seed": 0, "on": None, "density": True,
                              "recipe": "default", "networks": 0, "progress": None}
assert Manifold(**model.get_params()).get_params() == model.get_params()
assert repr(model) == "Manifold(dim=1, effort=0.05)"
assert model.set_params(seed=3) is model and model.seed == 3
refused(ValueError, "no parameter", model.set_params, seeds=3)
X = ellipse()
assert model.fit(X, None) is model and model.n_features_in_ == 2
same(model.fit_transform(X), fitted(X, seed=3).transform(X))
for f in (Manifold, Manifold.fit, Manifold.sample, Manifold.score_samples, Manifold.transform,
          Manifold.distance, Manifold.energy, Manifold.grad_log_density):
    assert "N, n" in f.__doc__ or "n_samples, n" in f.__doc__, f
END
}

in_scikit_learn() {
    if ! "$python" -c 'import sklearn' 2>/dev/null; then skip 'no scikit-learn here'; fi
    py <<'END'
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X = ellipse()
line = clone(make_pipeline(StandardScaler(), Manifold(dim=1, effort=0.05)))
scaled = line.fit(X)[0].transform(X)
same(line.score_samples(X), fitted(scaled).score_samples(scaled))
same(line.transform(X), fitted(scaled).transform(scaled))
END
}

# Models do not pile up: a hundred loads, and what they take stays what it is.
models_are_released() {
    py <<'END'
import resource
fitted().save("a")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = Manifold.load("a")
size = len(pickle.dumps(model))
for i in range(20):
    model._read("a"), Manifold.load("a"), model.__setstate__(model.__getstate__())
before = peak()
for i in range(300):
    model._read("a"), Manifold.load("a"), model.__setstate__(model.__getstate__())
assert peak() - before < 300 * size / 1024, (peak(), before, size)
END
}

# The same source in double: results have its dtype, and files of either are read by both.
in_double() {
    slow
    py <<'END'
fitted().save("float.ebim")
END
    $MAKE -s -C "$TOP" lib BUILD="$PWD/b" CPPFLAGS='-DEBIM_DOUBLE -DEBIM_SIMD_BITS=128'
    LIB=$PWD/b/libebim.so py <<'END'
X = ellipse().astype("f8")
model = fitted(X)
for values in (model.sample(3), model.score_samples(X), model.distance(X)):
    assert values.dtype == np.float64 and np.isfinite(values).all()
assert np.abs(np.float32(model.transform(X)) - model.transform(X)).max() > 1e-12
X[3, 0] = 1e300
refused(EbimValueError, "squares", Manifold(dim=1).fit, X)
assert np.abs(Manifold.load("float.ebim").distance(ellipse())).max() < 0.1
END
}

# ---- the README ----

# The ten lines run as they stand there, in any directory, and print what they are said to: the same
# words, and numbers that are another processor's at most.
readme_lines_run() {
    awk '/^```python$/ { on = 1; next } /^```$/ { if (on) exit } on' "$TOP/README.md" >lines.py
    [ "$(grep -c . lines.py)" = 10 ] || fail 'not ten lines'
    awk '/^```python$/ { on = 1 } on && /^```$/ { done = 1; next }
         done && /^    [^$]/ { print substr($0, 5); shown = 1 }
         shown && !/^    / { exit }' "$TOP/README.md" >shown
    py <<'END'
run = subprocess.run([sys.executable, "-W", "error", "lines.py"], text=True, check=True,
                     stdout=subprocess.PIPE)
print(run.stdout)
words = [text.replace("[", " ").replace("]", " ").split()
         for text in (open("shown").read(), run.stdout)]
assert len(words[0]) > 6, words
if run.stdout != open("shown").read():
    print("other digits than in the README")
for a, b in zip(*words):
    try:
        assert abs(float(a) - float(b)) < 0.25, (a, b)
    except ValueError:
        assert a == b, (a, b)
assert len(words[0]) == len(words[1]), words
END
}

for check in exports_are_these version_and_names a_library_that_is_not_there same_as_the_tool \
    gradients_are_those_of_the_density any_layout_is_the_same_data weights_count a_known_manifold \
    no_density_is_nan wrong_data_are_named wrong_settings_are_refused what_is_not_fitted_says_so \
    what_should_not_be_trusted_is_warned_of ctrl_c_stops_a_fit ctrl_c_from_outside \
    samples_and_scores_can_be_stopped progress_stops_and_may_fail threads save_and_load \
    parameters_are_scikit_learns in_scikit_learn models_are_released in_double readme_lines_run; do
    t_run $check
done
t_end
