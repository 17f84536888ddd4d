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
BLOCK = 2**18               # bytes of one array that are worked on at a time
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


def parts(length, number=None):
    """Cut range(length) into that many ranges, as even as they can be: one for one thread, else two for each.

    >>> parts(7, 3)
    [range(0, 2), range(2, 4), range(4, 7)]
    """
    if number is None:
        number = 1 if count() == 1 else 2 * count()                             # two, so that the faster may take more
    number = min(number, length)
    return [range(k * length // number, (k + 1) * length // number) for k in range(number)]


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


def elementwise(function, *arrays):
    """A new array, function(*arrays, out=…), of arrays of one shape: a block at a time while it is in the cache.

    Large arrays that lie in memory in the same order are cut into blocks and shared out over the threads; all others
    are done in one go. The result lies like the first array.

    >>> elementwise(np.add, np.array([1.0, 2.0]), np.array([3.0, 5.0]))
    array([4., 7.])
    """
    arrays = [np.asarray(array) for array in arrays]
    first = arrays[0]
    result = np.empty_like(first)
    order = sorted(range(first.ndim), key=lambda axis: -result.strides[axis])           # outermost axis first
    flat = [array.transpose(order) for array in (*arrays, result)]
    if first.nbytes < 4 * BLOCK or not all(array.flags.c_contiguous for array in flat):
        return function(*arrays, out=result)
    flat = [array.reshape(-1) for array in flat]
    step = BLOCK // first.itemsize

    def do(start):
        *given, out = (array[start:start + step] for array in flat)
        function(*given, out=out)

    share_out(do, range(0, first.size, step))
    return result


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
