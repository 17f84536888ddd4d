"""Work of one pass spread over threads: NumPy's copies, sums and products let other threads run meanwhile.

    FEEDBACKALIGN_THREADS=2 OPENBLAS_NUM_THREADS=1 python -m feedbackalign train …

`FEEDBACKALIGN_THREADS` (1 unless set) is how many threads share the rows of a large convolution. The matrix library has
threads of its own, which then slow the work down. It reads their number when NumPy is imported, so
`OPENBLAS_NUM_THREADS=1` has to be set before Python starts. What passes over an array once, as units and batch
normalisation do, waits for memory and for the interpreter: two threads take as long as one.

Results do not depend on timing, nor on the number of threads: sums over parts have the same parts in the same order
for any number, and where the number of parts follows that of the threads, each entry is computed within one part.
"""

import collections
import concurrent.futures
import os

import numpy as np

VARIABLE = "FEEDBACKALIGN_THREADS"
SHORT = 256                 # entries of NumPy's buffer inside `share_out`

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


def parts(length, number=None):
    """Cut range(length) into `number` ranges of nearly equal length; by default 1 for one thread, else 2 per thread.

    >>> parts(7, 3)
    [range(0, 2), range(2, 4), range(4, 7)]
    """
    if number is None:
        number = 1 if count() == 1 else 2 * count()                             # two: a fast thread can do more of them
    number = min(number, length)
    return [range(k * length // number, (k + 1) * length // number) for k in range(number)]


def share_out(work, parts):
    """Call work(part) for every part, on all threads; return when all is done.

    Two parts must not write to the same place. NumPy's settings for floating-point errors hold in every thread. After
    an error no further part is begun, and the error is raised here.

    Inside `work` NumPy's buffer is short: an array whose inner axis is shorter than the buffer is copied through it,
    which makes sums of image rows two to four times slower.

    >>> squares = np.zeros(3)
    >>> share_out(lambda i: squares.__setitem__(i, i * i), range(3))
    >>> squares
    array([0., 1., 4.])
    """
    todo, settings = collections.deque(parts), np.geterr()

    def take_parts():
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
            todo.clear()                                                        # after an error all threads stop
            np.setbufsize(before)

    helpers = min(count(), len(todo)) - 1
    waiting = [_executor().submit(take_parts) for _ in range(helpers)]
    try:
        take_parts()
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
