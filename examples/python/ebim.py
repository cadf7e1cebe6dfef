"""ebim: learns the surface that points lie on, and their density on it, from the points alone.

    from ebim import Manifold
    model = Manifold(dim=1).fit(X)      # X: (N, n), points near a curve in R^n
    model.verdict                       # whether the fit can be trusted
    model.sample(100)                   # (100, n) new points
    model.score_samples(X)              # (N,) log densities
    model.transform(X)                  # (N, n) the nearest points of the curve

Needs numpy, and libebim.so: `make lib`. The library is looked for at $EBIM_LIB, beside this file,
in build/ of the sources, and where the system keeps libraries.

Points come as anything numpy makes a table of numbers of: arrays of any layout, lists, data frames.
The library counts in float32 (float64 if it was built with -DEBIM_DOUBLE); results have that dtype.
While it works, other threads of Python run; any number of them may use a model that is fitted."""

import ctypes
import inspect
import os
import signal
import tempfile
import threading
import warnings
import weakref
from collections import namedtuple
from ctypes import POINTER, c_char_p, c_double, c_int, c_uint64, c_void_p

import numpy as np

__all__ = ["Manifold", "Verdict", "EbimError", "EbimValueError", "EbimWarning", "NotFittedError"]

_ABI = 0  # EBIM_VERSION_MAJOR of the libraries that are understood here


class EbimError(RuntimeError):
    """The library's own words; `code` is its ebim_result, as in ebim.h."""

    def __init__(self, text, code=0):
        super().__init__(text)
        self.code = code


class EbimValueError(EbimError, ValueError):
    """Data, settings or a file that the library refuses."""


class NotFittedError(ValueError, AttributeError):
    """fit, or load, comes first."""


class EbimWarning(UserWarning):
    """The result is there, but should not be trusted as it is."""


class Verdict(namedtuple("Verdict", "word bits reasons")):
    """What a fit says of itself.

    word: "ok"; "warn", look at it; "bad", do not trust it; "partial", stopped before it was done.
    bits: int, those of ebim_verdict in ebim.h.
    reasons: list of (bit, text, advice), the worst first.

    Its str() is the word and the reasons; it is true where the fit may be trusted."""

    __slots__ = ()

    def __str__(self):
        reasons = "; ".join(text for _, text, _ in self.reasons)
        return "%s: %s" % (self.word, reasons) if reasons else self.word

    def __bool__(self):
        return self.word in ("ok", "warn")


_Progress = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, c_double, c_double)
_STAGES = ("manifold", "energy", "check", "use")


def _open_library():
    here = os.path.dirname(os.path.abspath(__file__))
    paths = [os.path.join(here, "libebim.so"),
             os.path.join(here, "..", "..", "build", "libebim.so")]
    paths = [p for p in paths if os.path.exists(p)] + ["libebim.so.%d" % _ABI]
    path = os.environ.get("EBIM_LIB") or paths[0]
    try:
        lib = ctypes.CDLL(path, use_errno=True)
    except OSError as e:
        raise ImportError("%s: `make lib` builds libebim.so; EBIM_LIB may name it" % e) from e
    handle, call = c_void_p, (_Progress, c_void_p)
    for name, result, *args in (
            ("abi", c_int), ("real_bytes", c_int), ("text", c_char_p, c_char_p, c_int),
            ("worst", c_int, c_int), ("new", handle), ("free", None, handle),
            ("set", c_int, handle, c_char_p, c_double),
            ("get", c_int, handle, c_char_p, c_int, POINTER(c_double)),
            ("fit", c_int, handle, c_int, c_int, c_void_p, c_void_p) + call,
            ("sample", c_int, handle, c_int, c_void_p, c_uint64) + call,
            ("score", c_int, handle, c_int, c_void_p, c_void_p, c_void_p, c_void_p) + call,
            ("log_density", c_int, handle, c_int, c_void_p, c_void_p, c_void_p) + call,
            ("grad_log_density", c_int, handle, c_int, c_void_p, c_void_p) + call,
            ("save", c_int, handle, c_char_p), ("load", c_int, handle, c_char_p)):
        try:
            f = getattr(lib, "ebim_c_" + name)
        except AttributeError:
            raise ImportError("%s has no ebim_c_%s: `make lib` anew" % (path, name)) from None
        f.restype, f.argtypes = result, args
        if name == "abi" and f() != _ABI:
            raise ImportError("%s is version %d of the library, and this file wants %d: `make lib`"
                              % (path, f(), _ABI))
    return lib


_lib = _open_library()
_real = np.dtype("f%d" % _lib.ebim_c_real_bytes())


def _text(what, i=0):
    text = _lib.ebim_c_text(what.encode(), i)
    return None if text is None else text.decode()


def _texts(what):
    found = []
    while _text(what, len(found)) is not None:
        found.append(_text(what, len(found)))
    return found


__version__ = _text("version")
_NAMES = dict(zip(_texts("name"), _texts("kind")))
_ON = _texts("on")
_RECIPES = ("default", "paper")
_LISTS = ("outlier_row", "outlier_distance")
# Results that have an exception of Python's own, or are about what was asked for.
_MEMORY, _IO, _DIVERGED, _SOLVE, _OFF = -2, -12, -7, -14, -25


def _check(code, path=None, row=None):
    """Raises what stands for a result that is not 0."""
    if code == 0:
        return
    text = _text("result", code)
    if code == _MEMORY:
        raise MemoryError(text)
    if code == _IO:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number) if number else text, path)
    if path is not None:
        text = "%s: %s" % (path, text)
    if row is not None:
        text = "row %d of X: %s" % (row, text)
    raise (EbimError if code in (_DIVERGED, _SOLVE) else EbimValueError)(text, code)


def _whole(value, name, least=0, most=2**53):
    """An int, or what numpy has for one."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError("%s should be a whole number, not %r" % (name, value))
    value = value.__index__()
    if not least <= value <= most:
        raise ValueError("%s is %d: it goes from %d to %d" % (name, value, least, most))
    return value


def _ragged(X):
    """Names the first row that is of another length."""
    lengths = [np.size(row) for row in X] if isinstance(X, (list, tuple)) else []
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            return ": row %d has %d values, row 0 has %d" % (i, length, lengths[0])
    return ""


def _table(X, name, ndim, columns=None):
    """X as the library has it, (N, n) or (N,); what is wrong with it is told with its row."""
    try:
        given = np.asarray(X)
    except ValueError:
        raise ValueError("%s is no table of numbers%s" % (name, _ragged(X))) from None
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        rows = np.ma.getmaskarray(X).reshape(len(X), -1).any(axis=1)
        raise ValueError("row %d of %s is masked" % (rows.argmax(), name))
    if given.dtype.kind == "O":  # data frames, numbers of other libraries
        try:
            given = given.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError("%s is no table of numbers%s" % (name, _ragged(X))) from None
    if given.dtype.kind not in "fiub":
        raise ValueError("%s should hold real numbers, not %s" % (name, given.dtype))
    if given.ndim != ndim:
        wanted = "(N, n), a row for each point" if ndim == 2 else "(N,)"
        raise ValueError("%s should have the shape %s, not %s" % (name, wanted, given.shape))
    if ndim == 2 and columns is not None and given.shape[1] != columns:
        raise ValueError("%s has %d columns, and the model is of R^%d"
                         % (name, given.shape[1], columns))
    if not len(given):
        raise ValueError("%s has no rows" % name)
    if len(given) > 2**31 - 1 or given.shape[-1] > 2**31 - 1:
        raise ValueError("%s is too large: %s" % (name, given.shape))
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(given, dtype=_real)
    fine = np.isfinite(values)
    if not fine.all():
        at = tuple(np.argwhere(~fine)[0])
        raise ValueError("row %d of %s holds %s%s" % (
            at[0], name, given[at],
            "" if not np.isfinite(given[at]) else ", which is too large for " + _real.name))
    return values


class _Call:
    """A call of the library that Ctrl-C stops: `with _Call() as c: c(function, ...)`.

    The library asks Python every ten milliseconds or so whether to go on. In the main thread Ctrl-C
    is kept until it has come to its end and left everything in order, and is then raised."""

    def __init__(self, progress=None):
        self.progress, self.error, self.interrupted = progress, None, False

    def _tell(self, user, stage, done, loss):
        if self.progress is not None and self.error is None and not self.interrupted:
            try:
                return bool(self.progress(_STAGES[stage], done, loss))
            except BaseException as e:  # told when the library is back
                self.error = e
        return self.interrupted or self.error is not None

    def _interrupt(self, number, frame):
        self.interrupted = True

    def __enter__(self):
        self.old = None
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                self.old = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __call__(self, function, *args):
        return function(*args, _Progress(self._tell), None)

    def __exit__(self, kind, value, trace):
        if self.old is not None:
            signal.signal(signal.SIGINT, self.old)
        if self.error is not None:
            raise self.error
        if self.interrupted:
            raise KeyboardInterrupt


class Manifold:
    """A manifold and the density on it, learned from points.

    Parameters
    ----------
    dim : int
        Dimension of the manifold: 1 for curves, 2 for surfaces. Not needed where `on` tells it.
    effort : float, default 1
        Multiplies the number of training steps.
    seed : int, default 0
        Of all random numbers of a fit. The same seed, data and library give the same model.
    on : str, optional
        The manifold is known, and only the density is learned: "sphere" (rows of length 1, of
        R^2 on), "torus" (pairs of columns, each of length 1), "axes" (a sphere where x and -x are
        the same), "rotations" (nine columns), "simplex" (rows that sum to 1). See ebim.h.
    density : bool, default True
        False: learn the manifold only.
    recipe : "default" or "paper"
    networks : int, default 0
        The most that are trained for the manifold; 0: six, as few as will do.
    progress : callable, optional
        progress(stage, done, loss), stage being "manifold", "energy" or "check" and done a share
        of the whole fit, is called every ten milliseconds or so; the fit stops where it returns
        something true.

    Attributes
    ----------
    verdict : Verdict, whether the fit can be trusted.
    info : dict, everything the model tells of itself, by the names of ebim.h.
    has_density : bool, whether log densities are known.
    partial : bool, whether the fit was stopped before it was done.
    n_features_in_ : int, n.

    Methods take X of shape (N, n) and raise ValueError for anything else, with the row that is
    wrong, and NotFittedError before fit. Numbers that are not known are NaN.
    """

    def __init__(self, dim=None, effort=1.0, seed=0, on=None, density=True, recipe="default",
                 networks=0, progress=None):
        self.dim = dim
        self.effort = effort
        self.seed = seed
        self.on = on
        self.density = density
        self.recipe = recipe
        self.networks = networks
        self.progress = progress

    # ---- scikit-learn's ways with parameters ----

    def get_params(self, deep=True):
        """dict: the parameters."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params):
        """Sets parameters of the next fit, and returns self."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError("%r is no parameter: there are %s" % (name, ", ".join(known)))
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self):  # scikit-learn asks, and so is there
        from sklearn.base import BaseEstimator
        return BaseEstimator().__sklearn_tags__()

    def __sklearn_is_fitted__(self):
        return "_handle" in self.__dict__

    def __repr__(self):
        usual = inspect.signature(type(self)).parameters
        return "Manifold(%s)" % ", ".join(
            "%s=%r" % (k, v) for k, v in self.get_params().items() if v is not usual[k].default)

    # ---- the handle of the library ----

    def _take(self, handle):
        self._drop()
        self._handle = handle
        self._finalizer = weakref.finalize(self, _lib.ebim_c_free, handle)

    def _drop(self):
        if self.__dict__.pop("_handle", None):
            self.__dict__.pop("_finalizer")()

    def _fitted(self):
        handle = self.__dict__.get("_handle")
        if not handle:
            raise NotFittedError("this Manifold has no model yet: call fit, or load one")
        return handle

    def _get(self, name, i=0):
        value = c_double()
        _check(_lib.ebim_c_get(self._fitted(), name.encode(), i, ctypes.byref(value)))
        return value.value

    def _set(self, handle):
        if self.on is not None and self.on not in _ON[1:-1]:
            raise ValueError("on is %r: it is None or one of %s" % (self.on, ", ".join(_ON[1:-1])))
        if self.recipe not in _RECIPES:
            raise ValueError("recipe is %r: it is one of %s" % (self.recipe, ", ".join(_RECIPES)))
        for name, value in (
                ("dim", 0 if self.dim is None else _whole(self.dim, "dim", -10**9, 10**9)),
                ("on", 0 if self.on is None else _ON.index(self.on)),
                ("recipe", _RECIPES.index(self.recipe)), ("seed", _whole(self.seed, "seed")),
                ("effort", float(self.effort)),
                ("networks", _whole(self.networks, "networks", -10**9, 10**9)),
                ("no_energy", not self.density)):
            _check(_lib.ebim_c_set(handle, name.encode(), value))

    # ---- fit ----

    def fit(self, X, y=None, sample_weight=None):
        """Learns the manifold and the density from X: (N, n), and returns self.

        y is there for pipelines. sample_weight: (N,), >= 0, or None.

        Warns (EbimWarning) where the fit should not be trusted. What was fitted before is gone,
        whatever happens. Ctrl-C stops within some ten milliseconds and raises KeyboardInterrupt;
        so do exceptions of `progress`. What had been learned by then is kept as a partial model,
        which has no density unless that was finished. EbimError: training diverged, or no point of
        the manifold was found; the model is there to be looked at.
        """
        self._drop()
        X = _table(X, "X", 2)
        weights = None
        if sample_weight is not None:
            weights = _table(sample_weight, "sample_weight", 1)
            if len(weights) != len(X):
                raise ValueError("sample_weight has %d rows, X has %d" % (len(weights), len(X)))
            if (weights < 0).any():
                i = (weights < 0).argmax()
                raise ValueError("row %d of sample_weight is %s: below 0" % (i, weights[i]))
        handle = _lib.ebim_c_new()
        if not handle:
            raise MemoryError(_text("result", _MEMORY))
        row = c_double()
        try:
            self._set(handle)
            with _Call(self.progress) as call:
                code = call(_lib.ebim_c_fit, handle, X.shape[0], X.shape[1], X.ctypes.data,
                            None if weights is None else weights.ctypes.data)
                _lib.ebim_c_get(handle, b"fitted", 0, ctypes.byref(row))
                if row.value:
                    self._take(handle)
                    handle = None
            if code == _OFF:
                _lib.ebim_c_get(handle, b"outlier_row", 0, ctypes.byref(row))
            _check(code, row=int(row.value) if code == _OFF else None)
        finally:
            _lib.ebim_c_free(handle)
        self._warn()
        return self

    def fit_transform(self, X, y=None, sample_weight=None):
        """fit(X), and the nearest points of X: (N, n)."""
        return self.fit(X, y, sample_weight).transform(X)

    def _warn(self):
        verdict = self.verdict
        if verdict.word == "bad":
            warnings.warn("do not trust it: %s" % verdict.reasons[0][1], EbimWarning, stacklevel=3)
        elif verdict.word == "partial":
            warnings.warn("the fit was stopped before it was done%s" % (
                "" if self.has_density else ", and has no density"), EbimWarning, stacklevel=3)

    # ---- what is known of it ----

    @property
    def verdict(self):
        """Verdict(word, bits, reasons) of the fit."""
        bits = left = int(self._get("verdict"))
        reasons = []
        while left:
            bit = _lib.ebim_c_worst(left)
            reasons.append((bit, _text("verdict", bit), _text("advice", bit)))
            left &= ~bit
        word = ("partial" if self.partial else "bad" if self._get("bad") else
                "warn" if bits else "ok")
        return Verdict(word, bits, reasons)

    @property
    def info(self):
        """dict: numbers of the model by their names in ebim.h: n, m, k, volume, components, nll,
        distance_mean, ...; `outlier_row` and `outlier_distance` are lists of the rows left out."""
        named = min(int(self._get("outliers")), 16)
        found = {}
        for name, kind in _NAMES.items():
            values = [self._get(name, i) for i in range(named if name in _LISTS else 1)]
            values = [int(v) for v in values] if kind == "whole" else values
            found[name] = values if name in _LISTS else values[0]
        return found

    @property
    def has_density(self):
        """bool: score_samples has numbers."""
        return bool(self._get("has_density"))

    @property
    def partial(self):
        """bool: the fit was stopped before it was done."""
        return bool(self._get("partial"))

    @property
    def n_features_in_(self):
        """int: n, how many columns X has."""
        return int(self._get("n"))

    # ---- use ----

    def sample(self, n_samples=1, seed=0):
        """(n_samples, n) new points of the manifold, drawn from the density. The same seed gives
        the same points.

        Warns (EbimWarning) of a model that nothing can measure: its samples are points of the
        manifold near the law of the data, not draws from a density.
        EbimError: the model is so bad that too few points of the manifold were found.
        """
        handle = self._fitted()
        B = _whole(n_samples, "n_samples", 1, 2**31 - 1)
        seed = _whole(seed, "seed")
        x = np.empty((B, self.n_features_in_), dtype=_real)
        with _Call() as call:
            code = call(_lib.ebim_c_sample, handle, B, x.ctypes.data, seed)
        _check(code)
        if self._get("by_projection"):
            warnings.warn("samples are points of the manifold near the law of the data, not draws "
                          "from a density: nothing measures this manifold", EbimWarning,
                          stacklevel=2)
        return x

    def _scores(self, X, nearest=False, distance=False, energy=False):
        handle = self._fitted()
        X = _table(X, "X", 2, self.n_features_in_)
        out = [np.empty(X.shape if i == 0 else len(X), dtype=_real) if wanted else None
               for i, wanted in enumerate((nearest, distance, energy))]
        with _Call() as call:
            code = call(_lib.ebim_c_score, handle, len(X), X.ctypes.data,
                        *[None if o is None else o.ctypes.data for o in out])
        _check(code)
        return next(o for o in out if o is not None)

    def transform(self, X):
        """(N, n): the points of the manifold that are nearest to X: (N, n). A row of NaN: none was
        found, as may be far from the data."""
        return self._scores(X, nearest=True)

    def distance(self, X):
        """(N,): Euclidean distances of X: (N, n) from the manifold. NaN: no point of it found."""
        return self._scores(X, distance=True)

    def energy(self, X):
        """(N,): energies at the nearest points of X: (N, n); less is likelier. NaN: no point of the
        manifold was found, or the model has no energy."""
        if self._get("has_energy"):
            return self._scores(X, energy=True)
        return np.full(len(_table(X, "X", 2, self.n_features_in_)), np.nan, dtype=_real)

    def score_samples(self, X, return_se=False):
        """(N,): log densities at the nearest points of X: (N, n), per unit of the manifold's
        length, area or volume in the units of the data. NaN: no point of the manifold was found, or
        the model has no density that is known (`has_density`).

        A point is unusual, too, where its distance is large: this does not tell.

        return_se: (log densities, their standard errors), which are those of the normaliser.
        """
        handle = self._fitted()
        X = _table(X, "X", 2, self.n_features_in_)
        log_density, se = (np.full(len(X), np.nan, dtype=_real) for _ in range(2))
        if self.has_density:
            with _Call() as call:
                code = call(_lib.ebim_c_log_density, handle, len(X), X.ctypes.data,
                            log_density.ctypes.data, se.ctypes.data)
            _check(code)
        return (log_density, se) if return_se else log_density

    def grad_log_density(self, X):
        """(N, n): the gradient of the log density along the manifold, at the nearest points of X:
        (N, n); it is tangent to the manifold. NaN: as for `energy`."""
        handle = self._fitted()
        X = _table(X, "X", 2, self.n_features_in_)
        grad = np.full(X.shape, np.nan, dtype=_real)
        if self._get("has_energy"):
            with _Call() as call:
                code = call(_lib.ebim_c_grad_log_density, handle, len(X), X.ctypes.data,
                            grad.ctypes.data)
            _check(code)
        return grad

    # ---- files ----

    def save(self, path):
        """Writes the model, as the ebim tool reads it. Parameters of the fit that the model does
        not know (effort, networks, progress) are not in the file."""
        _check(_lib.ebim_c_save(self._fitted(), os.fsencode(path)), os.fspath(path))

    @classmethod
    def load(cls, path):
        """A Manifold from a file of save or of the ebim tool. Warns as fit does."""
        handle = _lib.ebim_c_new()
        if not handle:
            raise MemoryError(_text("result", _MEMORY))
        self = cls()
        self._take(handle)
        self._read(path)
        self._warn()
        return self

    def _read(self, path):
        _check(_lib.ebim_c_load(self._handle, os.fsencode(path)), os.fspath(path))
        self.dim, self.seed = int(self._get("m")), int(self._get("fit_seed"))
        on = int(self._get("fit_on"))
        self.on = _ON[on] if on else None
        self.recipe = _RECIPES[int(self._get("fit_recipe")) > 0]
        self.density = bool(self._get("has_energy"))

    def __getstate__(self):
        state = {k: v for k, v in self.__dict__.items() if not k.startswith("_")}
        if "_handle" in self.__dict__:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model")
                self.save(path)
                with open(path, "rb") as f:
                    state["_model"] = f.read()
        return state

    def __setstate__(self, state):
        model = state.pop("_model", None)
        if model is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model")
                with open(path, "wb") as f:
                    f.write(model)
                self._take(_lib.ebim_c_new())
                self._read(path)
        self.__dict__.update(state)
