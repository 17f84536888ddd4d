"""Work of one pass spread over threads: NumPy's copies, sums and products let other threads run meanwhile.

    FEEDBACKALIGN_THREADS=2 OPENBLAS_NUM_THREADS=1 python -m feedbackalign train …

`FEEDBACKALIGN_THREADS` (1 unless set) is how many threads share the rows of a large convolution and the channels of
a large normalisation. The matrix library's own threads then only get in the way: they are fixed when NumPy loads, so
`OPENBLAS_NUM_THREADS=1` has to stand in the environment. What is computed is cut into the same parts whatever the
number of threads, and sums over parts are taken in their order: results do not depend on timing, nor on the number.
"""

import collections
import concurrent.futures
import os

import numpy as np

VARIABLE = "FEEDBACKALIGN_THREADS"
PARTS = 8                   # into how many parts rows or channels are cut at most
SHORT = 256                 # entries: see `share_out`

_pool = None                # (number of helpers, executor), made when first needed


def count():
    """How many threads share the work: `FEEDBACKALIGN_THREADS`, 1 where it is not set.

    >>> count() >= 1
    True
    """
    text = os.environ.get(VARIABLE, "1").strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 256):
        raise ValueError(f"{VARIABLE}: expected a number of threads from 1 to 256, got {text!r}")
    return int(text)


def parts(length, least=1):
    """Cut range(length) into at most `PARTS` ranges of at least `least` each, the last one perhaps shorter.

    >>> parts(3), parts(3, least=2)
    ([range(0, 1), range(1, 2), range(2, 3)], [range(0, 2), range(2, 3)])
    >>> [len(part) for part in parts(20)]
    [3, 3, 3, 3, 3, 3, 2]
    """
    size = max(least, -(-length // PARTS))
    return [range(start, min(start + size, length)) for start in range(0, length, size)]


def share_out(work, some):
    """Call work(part) for every part, on all threads; return when all is done.

    Two parts must not write to the same place. NumPy's settings for floating-point errors hold in every thread.

    NumPy takes arrays whose inner axis is shorter than its buffer through that buffer, which makes sums of image rows
    two to four times slower; inside `work` the buffer is short.

    >>> squares = np.zeros(3)
    >>> share_out(lambda i: squares.__setitem__(i, i * i), range(3))
    >>> squares
    array([0., 1., 4.])
    """
    todo, settings = collections.deque(some), np.geterr()

    def take():
        before = np.setbufsize(SHORT)
        try:
            with np.errstate(**settings):
                while todo:
                    try:
                        part = todo.popleft()
                    except IndexError:                                          # another thread took the last one
                        return
                    work(part)
        finally:
            todo.clear()                                                        # after an error nobody goes on
            np.setbufsize(before)

    helpers = min(count(), len(todo)) - 1
    waiting = [_executor().submit(take) for _ in range(helpers)]
    try:
        take()
    finally:
        concurrent.futures.wait(waiting)
    for helper in waiting:
        helper.result()                                                         # raises what was raised there


def _executor():
    global _pool
    helpers = count() - 1
    if _pool is None or _pool[0] != helpers:
        _pool = helpers, concurrent.futures.ThreadPoolExecutor(helpers, thread_name_prefix="feedbackalign")
    return _pool[1]


def _forget_pool():
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)                            # a child process has no threads yet
