"""The memory of arrays that are freed: training needs it again at the next step."""

import numpy as np

LARGEST = 30 * 2**20        # bytes; glibc's bound follows freed arrays up to 32 MiB


def keep_freed_memory():
    """Let the C library keep the memory of freed arrays for the next ones.

    glibc gives memory above a bound back to the system, until once a larger array was freed. To get it anew can take as
    long as half of a step. Elsewhere this does nothing.

    >>> keep_freed_memory()
    """
    np.empty(LARGEST, dtype=np.uint8)                   # never touched, and freed at once
