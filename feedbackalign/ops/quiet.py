"""What NumPy may warn of while we compute is ours to handle, whatever the caller's `np.seterr` says."""

import numpy as np


def quiet():
    """Inside of the block no overflow, underflow, division or invalid number warns or raises; the caller's settings
    come back afterwards. What is no longer finite is found by looking at it.

    >>> with np.errstate(all="raise"), quiet():
    ...     float(np.exp(np.float64(-800.0)))
    0.0
    """
    return np.errstate(all="ignore")


def quietly(items):
    """The items of an iterator, each made inside of `quiet`; whoever takes them has settings of their own.

    >>> list(quietly(np.exp(-x) for x in (0.0, 800.0)))[0].item()
    1.0
    """
    items = iter(items)
    while True:
        with quiet():
            try:
                item = next(items)
            except StopIteration:
                return
        yield item
