"""How many threads the matrix library (BLAS) uses: one, where small products are many.

Every product wakes the library's threads, which spin for a while when they are done. On a busy machine training then
takes several times as long as with one thread. NumPy has no switch for it; the library that it has loaded has one,
looked up here by name. Where there is none (Accelerate, BLIS, reference BLAS) nothing happens.
"""

import contextlib
import ctypes
import functools
import os
import pathlib
import sys
import threading

import numpy as np

from feedbackalign.ops.quiet import quiet
from feedbackalign.validation import require_integer

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
SWITCHES = [("scipy_openblas_set_num_threads64_", "scipy_openblas_get_num_threads64_"),
            ("openblas_set_num_threads64_", "openblas_get_num_threads64_"),
            ("scipy_openblas_set_num_threads", "scipy_openblas_get_num_threads"),
            ("openblas_set_num_threads", "openblas_get_num_threads"),
            ("MKL_Set_Num_Threads", "MKL_Get_Max_Threads")]
_lock = threading.Lock()
_held = []                          # the calls that hold; the last of them counts
_before = []                        # the number before the first of them


class blas_threads:
    """Let the matrix library of this process use n threads: for a `with` block, or as a plain call from here on.

    The number belongs to the process. Where blocks overlap, in one thread or several, the one opened last counts; when
    all are left, the number is what it was before the first.

    >>> with blas_threads(1):
    ...     number_of_threads() in (1, None)
    True
    """

    def __init__(self, n):
        self.n = require_integer(n, "n", low=1)
        self.__enter__()

    def __enter__(self):
        with _lock:
            if not _held:
                _before[:] = [number_of_threads()]
            _held[:] = [*(other for other in _held if other is not self), self]
            _set(self.n)
        return self

    def __exit__(self, *error):
        with _lock:
            _held.remove(self)
            _set(_held[-1].n if _held else _before[0])


@contextlib.contextmanager
def one_thread_unless_told():
    """For a `with` block, or over a function: one thread, or what the environment or a `blas_threads` around says."""
    with _lock:
        n = _held[-1].n if _held else 1
    told = any(variable in os.environ for variable in THREAD_VARIABLES)
    with contextlib.nullcontext() if told else blas_threads(n):         # held, for another thread may let go of n
        yield


@contextlib.contextmanager
def on_our_terms():
    """For a `with` block, or over a function: `one_thread_unless_told`, and what NumPy warns of is `quiet`."""
    with one_thread_unless_told(), quiet():
        yield


def number_of_threads():
    """How many threads the matrix library may use; None where it cannot be asked."""
    return int(_switch()[1]()) if _switch() else None


def _set(n):
    if _switch():
        _switch()[0](n)


@functools.lru_cache(maxsize=None)
def _switch():
    """(set, get) of the matrix library that NumPy has loaded, or None."""
    modules = [sys.modules.get(f"numpy.{core}._multiarray_umath") for core in ("_core", "core")]
    files = [module.__file__ for module in modules if module]           # each is asked with its dependencies
    for file in [*files, *pathlib.Path(np.__file__).parent.parent.glob("numpy.libs/*openblas*.dll")]:
        for names in SWITCHES:
            with contextlib.suppress(OSError, AttributeError):
                return tuple(getattr(ctypes.CDLL(str(file)), name) for name in names)
    return None
