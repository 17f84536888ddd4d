"""What NumPy may warn of while we compute is ours to handle, whatever the caller's `np.seterr` says."""

import contextlib

import numpy as np


@contextlib.contextmanager
def quiet():
    """Inside of the block no overflow, underflow, division or invalid number warns or raises; the caller's settings
    come back afterwards. What is no longer finite is found by looking at it.

    >>> with np.errstate(all="raise"), quiet():
    ...     float(np.exp(np.float64(-800.0)))
    0.0
    """
    with np.errstate(all="ignore"):
        yield
